//! Answers a mutation: the record as read back, what came of the write, and its entry in the log.

use std::sync::Arc;

use async_graphql::{Context, Name, Positioned, ServerResult, Value, parser::types::Field as AstField};
use indexmap::IndexMap;
use lineshaft_connect::write::{Act, UserError};
use lineshaft_engine::{
    command::{Outcome, WriteResult, limited},
    query::loaders::Loaders,
};

use super::{asked::Asked, record::Written};
use crate::{
    names,
    platform::{
        self,
        writes::{self as told, WriteOperation},
    },
    root::Root,
    walk::{Step, fields_of},
};

/// Returns the result of a write that did not pass the first look.
pub(super) fn refused(problems: Vec<UserError>, dry_run: bool) -> WriteResult {
    WriteResult {
        operation: None,
        outcome: if dry_run { Outcome::DryRun } else { Outcome::Failed },
        key: None,
        record: None,
        user_errors: limited(problems),
        warnings: Vec::new(),
        requests: Vec::new(),
        replayed: false,
    }
}

/// Returns the record that a write left; none when it is gone, or when it is not known what there is.
pub(super) fn written(asked: &Asked<'_>, result: &WriteResult, loaders: &Arc<Loaders>) -> Option<Written> {
    let is_gone = matches!(asked.command.act, Act::Delete);
    if result.outcome != Outcome::Succeeded || is_gone {
        return None;
    }
    let simulated = result.operation.as_ref().is_some_and(|write| write.simulated);
    if simulated && result.record.is_none() {
        return None;
    }
    Some(Written {
        connection_id: asked.command.connection_id,
        kind: asked.command.kind,
        key: result.key.clone()?,
        owner: asked.owner.clone(),
        simulated: result.record.clone(),
        loaders: Arc::clone(loaders),
    })
}

impl Root<'_> {
    pub(super) async fn payload(&self, asked: &Asked<'_>, result: WriteResult) -> ServerResult<Value> {
        let def = asked.offer.def;
        let (kind, record) = (names::payload(def), names::single(def));
        let loaders = Arc::<Loaders>::default();
        let written = written(asked, &result, &loaders);
        let operation = result.operation.map(|write| WriteOperation::new(write, &loaders));
        let errors: Vec<_> = result.user_errors.into_iter().map(told::UserError::from).collect();
        // Of a dry run and of nothing else: what was sent is told by the log.
        let is_dry = result.outcome == Outcome::DryRun;
        let requests = result.requests.into_iter().filter(|_| is_dry);
        let requests: Vec<_> = requests.map(told::WriteRequest::from).collect();
        let outer = self.ctx.with_selection_set(&self.ctx.item.node.selection_set);
        let mut members = IndexMap::new();
        for (key, nodes) in fields_of(self.ctx.query_env, &self.sets, &|name| name == kind)? {
            let Some(first) = nodes.first() else { continue };
            let place = outer.with_field(first);
            let value = match first.node.name.node.as_str() {
                "__typename" => Value::String(kind.clone()),
                "outcome" => part(&place, &nodes, &told::WriteOutcome::from(result.outcome)).await,
                "userErrors" => part(&place, &nodes, &errors).await,
                "warnings" => part(&place, &nodes, &result.warnings).await,
                "operation" => part(&place, &nodes, &operation).await,
                "requests" => part(&place, &nodes, &requests).await,
                "replayed" => Value::Boolean(result.replayed),
                name if name == record => match &written {
                    Some(written) => {
                        let sets: Vec<_> = nodes.iter().map(|node| &node.node.selection_set).collect();
                        let path = vec![Step::Field(self.key), Step::Field(key)];
                        // Whatever goes wrong now, what came of the write is told.
                        written.show(&place, &sets, path).await.unwrap_or_else(|error| {
                            place.add_error(place.set_error_path(error));
                            Value::Null
                        })
                    }
                    None => Value::Null,
                },
                _ => continue,
            };
            members.insert(Name::new(key), value);
        }
        Ok(Value::Object(members))
    }
}

async fn part<T: async_graphql::OutputType>(place: &Context<'_>, nodes: &[&Positioned<AstField>], object: &T) -> Value {
    let sets: Vec<_> = nodes.iter().map(|node| &node.node.selection_set).collect();
    platform::resolve(place, &sets, object).await
}
