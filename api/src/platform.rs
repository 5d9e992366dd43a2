//! The platform's own types: connections, connectors, the organization, events, page information, sources.

use std::sync::Arc;

use async_graphql::{
    Context, Enum, InputType, MergedObject, OutputType, Positioned, SimpleObject, Value, parser::types::SelectionSet,
    registry::Registry,
};
use lineshaft_engine::{connections, query::Page};

use crate::transport::write_value;

pub(crate) mod access;
mod audit;
mod connection;
mod connector;
mod event;
mod lifecycle;
mod mappings;
mod organization;
mod settings_link;
mod source;
mod token;
mod webhook;
mod write_schema;
pub(crate) mod writes;

pub(crate) use connection::Connection;
use connection::Deployment;
pub(crate) use connector::Connector;
pub(crate) use event::EventSubscription as Subscription;
pub(crate) use event::Told;
pub(crate) use source::{Source, sources};

/// The root fields of the platform.
#[derive(Default, MergedObject)]
pub(crate) struct PlatformQuery(
    connection::ConnectionQuery,
    connector::ConnectorQuery,
    organization::OrganizationQuery,
    audit::AuditQuery,
    event::EventQuery,
    webhook::WebhookQuery,
    writes::WriteQuery,
    write_schema::WriteSchemaQuery,
    mappings::MappingQuery,
);

/// What can be changed of the platform.
#[derive(Default, MergedObject)]
pub(crate) struct PlatformMutation(
    lifecycle::ConnectionMutation,
    settings_link::SettingsLinkMutation,
    webhook::WebhookMutation,
    writes::WriteMutation,
    mappings::MappingMutation,
);

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum OrderDirection {
    /// Smallest, or earliest, first.
    Asc,
    /// Largest, or latest, first.
    Desc,
}

/// Whether and where a list goes on.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether records follow behind this page.
    has_next_page: bool,
    /// Whether the page began behind a cursor. Lists go forward only.
    has_previous_page: bool,
    /// The cursor of the first record, when edges with cursors were asked for.
    start_cursor: Option<String>,
    /// The cursor behind the last record: the `after` of the next page.
    end_cursor: Option<String>,
}

impl PageInfo {
    /// Returns the information of a page.
    pub(crate) fn of(page: &Page, continued: bool) -> Self {
        Self {
            has_next_page: page.has_next,
            has_previous_page: continued,
            start_cursor: page.rows.first().and_then(|row| row.cursor.clone()),
            end_cursor: page.end_cursor.clone(),
        }
    }

    /// Returns the information of a page of things with identifiers, of which one more than the page holds was read,
    /// and how many of them are on the page.
    pub(crate) fn of_ids(ids: &[String], size: u64, continued: bool) -> (Self, usize) {
        let kept = ids.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        let on_page = ids.iter().take(kept).cloned();
        (Self::between(on_page, ids.len() > kept, continued), kept)
    }

    /// Returns the information of a page whose things have these cursors.
    pub(crate) fn between(cursors: impl Iterator<Item = String>, has_more: bool, continued: bool) -> Self {
        let (mut start, mut end) = (None, None);
        for cursor in cursors {
            start.get_or_insert_with(|| cursor.clone());
            end = Some(cursor);
        }
        Self {
            has_next_page: has_more,
            has_previous_page: continued,
            start_cursor: start,
            end_cursor: end,
        }
    }
}

/// Registers the types that only the record walk writes.
pub(crate) fn register(registry: &mut Registry) {
    <PageInfo as OutputType>::create_type_info(registry);
    <Source as OutputType>::create_type_info(registry);
    <OrderDirection as InputType>::create_type_info(registry);
}

/// Resolves an object of the platform, or a list of them.
pub(crate) async fn resolve<T: OutputType>(ctx: &Context<'_>, sets: &[&Positioned<SelectionSet>], object: &T) -> Value {
    let mut whole = Value::Null;
    for set in sets {
        match object.resolve(&ctx.with_selection_set(set), ctx.item).await {
            Ok(value) => merge(&mut whole, value),
            Err(error) => ctx.add_error(error),
        }
    }
    whole
}

/// Writes an object of the platform, or a list of them, as JSON text.
pub(crate) async fn write<T: OutputType>(
    ctx: &Context<'_>,
    sets: &[&Positioned<SelectionSet>],
    object: &T,
    out: &mut Vec<u8>,
) {
    write_value(out, &resolve(ctx, sets, object).await);
}

/// Writes a connection as JSON text.
pub(crate) async fn write_connection(
    ctx: &Context<'_>,
    sets: &[&Positioned<SelectionSet>],
    connection: &Arc<connections::Connection>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write(ctx, sets, &Connection(connection.clone()), &mut out).await;
    out
}

fn merge(whole: &mut Value, more: Value) {
    match (whole, more) {
        (Value::Object(whole), Value::Object(more)) => {
            for (name, value) in more {
                match whole.get_mut(&name) {
                    Some(known) => merge(known, value),
                    None => {
                        whole.insert(name, value);
                    }
                }
            }
        }
        (Value::List(whole), Value::List(more)) => {
            whole.iter_mut().zip(more).for_each(|(whole, more)| merge(whole, more))
        }
        (whole @ Value::Null, more) => *whole = more,
        _ => {}
    }
}
