//! Links to the page on which a customer sees and changes the mappings of one connection. Whoever opens one is given a
//! token of that connection that may work with mappings and writes no records; it ends with the link.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::connect_link::{ActiveModel, Column, Entity};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, QueryFilter as _, QuerySelect as _, Set};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{LinkError, PageOptions, Purpose, Row, Visitor, enter, make::LinkCreated, options::Stored};
use crate::{
    Engine,
    audit::Act,
    connections::{self, Connection, ReauthorizeError, Status, Visible},
    database,
    origin::Origin,
    tokens::NewToken,
};

/// What the token of the page may do besides reading.
pub const SCOPE: &str = "mappings";
/// How long the token of a page works.
const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(60);
/// Tokens that one link has at a time: a page that is loaded again is given a fresh one.
const MOST_TOKENS: usize = 5;
/// Tokens that one link gives in its life. Each is a row, and entering is no failed try.
const MOST_ENTERED: u32 = 20;
const LONGEST_NAME: usize = 200;

/// A link on which a customer sees and changes the mappings of a connection.
#[derive(Clone, Debug)]
pub struct NewSettingsLink {
    /// The connection.
    pub connection_id: Uuid,
    /// How the page looks and behaves.
    pub page: PageOptions,
}

/// What the page of a settings link works with.
#[derive(Clone)]
pub struct SettingsSession {
    /// The connection.
    pub connection: Connection,
    /// A token of the connection with the scope `mappings`.
    pub token: SecretString,
    /// When the token ends, unless the link is withdrawn before.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for SettingsSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SettingsSession")
            .field("connection", &self.connection.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Makes a link on which a customer sees and changes the mappings of a connection.
///
/// # Errors
/// When there is no such connection, when it was disconnected or disabled, or when an option cannot be used.
pub async fn create_settings_link(
    engine: &Engine,
    visible: impl Into<Visible>,
    new: NewSettingsLink,
    origin: &Origin,
) -> Result<LinkCreated, LinkError> {
    let connection = match engine.connections.get(visible, new.connection_id).await {
        Ok(connection) => connection,
        Err(connections::Error::NotFound(id)) => return Err(LinkError::no_connection(id)),
        Err(error) => return Err(LinkError::internal(error)),
    };
    check(&connection)?;
    let (page, ttl) = new.page.check(&engine.settings.links)?;
    let options = Stored {
        connector: Some(connection.connector.clone()),
        ..page
    };
    let customer = connection.customer.as_ref();
    let row = ActiveModel {
        purpose: Set(Purpose::Settings),
        connection_id: Set(Some(connection.id)),
        customer_external_id: Set(customer.map(|customer| customer.external_id.clone())),
        customer_name: Set(customer.map(|customer| customer.name.clone())),
        options: Set(options.write()),
        ..Default::default()
    };
    super::make::insert(engine, connection.organization_id, row, ttl, origin).await
}

/// Gives the page of a settings link its token. A page that is loaded again gets another one.
///
/// # Errors
/// When the link does not work in this browser or is for something else, was entered too often, or the connection is gone.
pub async fn enter_settings(engine: &Engine, token: &str, visitor: &Visitor) -> Result<SettingsSession, LinkError> {
    let row = enter(engine, token, visitor).await?;
    let id = match (row.model.purpose, row.model.connection_id) {
        (Purpose::Settings, Some(id)) => id,
        _ => return Err(LinkError::NotFound),
    };
    let organization_id = row.model.organization_id;
    let connection = match engine.connections.get(organization_id, id).await {
        Ok(connection) => connection,
        Err(connections::Error::NotFound(id)) => return Err(LinkError::no_connection(id)),
        Err(error) => return Err(LinkError::internal(error)),
    };
    check(&connection)?;
    let change = engine.journal.begin().await?;
    // Another browser may take the link over just now; then this one is given nothing.
    let mut row = locked(change.transaction(), &row).await?;
    row.standing(engine.settings.links.tries, database::now()).check()?;
    if !row.is_opened_by(&engine.keys, visitor.cookie.as_deref()) {
        return Err(LinkError::OpenedElsewhere);
    }
    if row.options.entered >= MOST_ENTERED {
        return Err(LinkError::TooMany);
    }
    row.options.entered += 1;
    let expires_at = database::now() + TOKEN_LIFE;
    let new = NewToken {
        organization_id,
        connection_id: Some(id),
        name: token_name(row.model.customer_name.as_deref()),
        scopes: vec![SCOPE.to_owned()],
        expires_at: Some(expires_at),
    };
    let made = engine.tokens.create_within(change.transaction(), new).await;
    let issued = made.map_err(LinkError::internal)?;
    let tokens = &mut row.options.page_tokens;
    tokens.push(issued.token.id);
    let surplus = tokens.len().saturating_sub(MOST_TOKENS);
    let past: Vec<Uuid> = tokens.drain(..surplus).collect();
    let ended = !past.is_empty();
    engine
        .tokens
        .revoke_within(change.transaction(), organization_id, past)
        .await?;
    keep(change.transaction(), &row).await?;
    let act = Act {
        action: "link.enter",
        target_id: Some(row.model.id),
        detail: json!({"purpose": Purpose::Settings, "connectionId": id, "tokenId": issued.token.id}),
    };
    change.note(organization_id, &visitor.origin(row.model.id), act).await?;
    change.commit().await?;
    if ended {
        engine.tokens.forget_verified();
    }
    Ok(SettingsSession {
        connection,
        token: issued.text,
        expires_at,
    })
}

/// Ends the tokens that the page of a link was given, within the transaction that takes the link away from it. The
/// caller forgets the verified ones after the commit.
pub(super) async fn end_tokens(
    engine: &Engine,
    transaction: &impl ConnectionTrait,
    row: &Row,
) -> Result<(), LinkError> {
    if row.model.purpose != Purpose::Settings {
        return Ok(());
    }
    let mut row = locked(transaction, row).await?;
    let tokens = std::mem::take(&mut row.options.page_tokens);
    let ended = engine
        .tokens
        .revoke_within(transaction, row.model.organization_id, tokens);
    ended.await?;
    keep(transaction, &row).await
}

fn check(connection: &Connection) -> Result<(), LinkError> {
    match connection.status {
        Status::Disconnected => Err(ReauthorizeError::Disconnected.into()),
        Status::Disabled => Err(ReauthorizeError::Disabled.into()),
        _ => Ok(()),
    }
}

async fn locked(transaction: &impl ConnectionTrait, row: &Row) -> Result<Row, LinkError> {
    let found = Entity::for_organization(row.model.organization_id)
        .filter(Column::Id.eq(row.model.id))
        .lock_exclusive()
        .one(transaction)
        .await?;
    let model = found.ok_or(LinkError::NotFound)?;
    let options = Stored::read(&model.options);
    Ok(Row { model, options })
}

async fn keep(transaction: &impl ConnectionTrait, row: &Row) -> Result<(), LinkError> {
    let changed = ActiveModel {
        id: Set(row.model.id),
        options: Set(row.options.write()),
        ..Default::default()
    };
    changed.update(transaction).await?;
    Ok(())
}

fn token_name(customer: Option<&str>) -> String {
    let name = match customer {
        Some(customer) => format!("settings page of {customer}"),
        None => "settings page".to_owned(),
    };
    name.chars().take(LONGEST_NAME).collect()
}
