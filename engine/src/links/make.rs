//! Makes, lists and withdraws links.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::connect_link::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set, SqlErr,
};
use serde_json::json;
use uuid::Uuid;

use super::{LINK, LinkError, PageOptions, Purpose, Row, hash_of, options::Stored, settings, withdraw};
use crate::{
    Engine,
    audit::Act,
    connections::{self, Connection, ReauthorizeError, Status, Visible},
    customers::{self, NewCustomer},
    database,
    organizations::is_name,
    origin::Origin,
    tokens,
};

/// Connectors that a link may name.
const MOST_CONNECTORS: usize = 100;

/// A link on which a customer connects a system.
#[derive(Clone, Debug)]
pub struct NewConnectLink {
    /// The customer, created when the system is connected unless it exists.
    pub customer: NewCustomer,
    /// The only connector.
    pub connector: Option<String>,
    /// The connectors to choose from; all unless it is said.
    pub allowed_connectors: Option<Vec<String>>,
    /// How the page looks and behaves.
    pub page: PageOptions,
}

/// A link on which a customer brings a connection back.
#[derive(Clone, Debug)]
pub struct NewReconnectLink {
    /// The connection.
    pub connection_id: Uuid,
    /// Whether the new credentials may open another account.
    pub allow_account_change: bool,
    /// How the page looks and behaves.
    pub page: PageOptions,
}

/// A link just made. Its address holds its token, which cannot be had again.
#[derive(Clone)]
pub struct LinkCreated {
    /// The identifier, which is no secret.
    pub id: Uuid,
    /// The address for the customer.
    pub url: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

/// A link as the organization may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The identifier.
    pub id: Uuid,
    /// What it is for.
    pub purpose: Purpose,
    /// The connection: of a reconnect or settings link from the start, of a connect link once it was used.
    pub connection_id: Option<Uuid>,
    /// The organization's own identifier of the customer.
    pub customer_external_id: Option<String>,
    /// How often credentials were tried.
    pub tries: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
    /// When it was first opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// When it led to a connection.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was withdrawn.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for LinkCreated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LinkCreated")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Makes a link on which a customer connects a system.
///
/// # Errors
/// Names the option that cannot be used, or the connector that is not known.
pub async fn create_connect_link(
    engine: &Engine,
    organization_id: Uuid,
    new: NewConnectLink,
    origin: &Origin,
) -> Result<LinkCreated, LinkError> {
    if !is_name(&new.customer.external_id) {
        return Err(LinkError::Create(customers::Error::InvalidExternalId.into()));
    }
    if !is_name(&new.customer.name) {
        return Err(LinkError::Create(customers::Error::InvalidName.into()));
    }
    let allowed = new.allowed_connectors.as_deref().unwrap_or_default();
    if allowed.len() > MOST_CONNECTORS || new.allowed_connectors.as_ref().is_some_and(Vec::is_empty) {
        return Err(LinkError::InvalidOption {
            option: "allowedConnectors",
            problem: format!("there must be between 1 and {MOST_CONNECTORS}"),
        });
    }
    for connector in new.connector.iter().chain(allowed) {
        if engine.registry.get(connector).is_none() {
            let shown = connector.chars().take(100).collect();
            return Err(LinkError::Create(connections::CreateError::ConnectorUnknown(shown)));
        }
    }
    let (page, ttl) = new.page.check(&engine.settings.links)?;
    let options = Stored {
        connector: new.connector,
        allowed_connectors: new.allowed_connectors,
        ..page
    };
    if let Some(connector) = options
        .connector
        .as_ref()
        .filter(|connector| !options.offers(connector))
    {
        return Err(LinkError::ConnectorNotAllowed(connector.clone()));
    }
    let row = ActiveModel {
        purpose: Set(Purpose::Connect),
        customer_external_id: Set(Some(new.customer.external_id)),
        customer_name: Set(Some(new.customer.name)),
        options: Set(options.write()),
        ..Default::default()
    };
    insert(engine, organization_id, row, ttl, origin).await
}

/// Makes a link on which a customer brings a connection back.
///
/// # Errors
/// When there is no such connection, when it was disconnected or disabled, or when an option cannot be used.
pub async fn create_reconnect_link(
    engine: &Engine,
    visible: impl Into<Visible>,
    new: NewReconnectLink,
    origin: &Origin,
) -> Result<LinkCreated, LinkError> {
    let connection = match engine.connections.get(visible, new.connection_id).await {
        Ok(connection) => connection,
        Err(connections::Error::NotFound(id)) => return Err(LinkError::no_connection(id)),
        Err(error) => return Err(LinkError::internal(error)),
    };
    reconnect(engine, &connection, new.allow_account_change, new.page, origin).await
}

pub(super) async fn reconnect(
    engine: &Engine,
    connection: &Connection,
    allow_account_change: bool,
    page: PageOptions,
    origin: &Origin,
) -> Result<LinkCreated, LinkError> {
    match connection.status {
        Status::Disconnected => return Err(ReauthorizeError::Disconnected.into()),
        Status::Disabled => return Err(ReauthorizeError::Disabled.into()),
        _ => {}
    }
    let (page, ttl) = page.check(&engine.settings.links)?;
    let options = Stored {
        connector: Some(connection.connector.clone()),
        allow_account_change,
        ..page
    };
    let customer = connection.customer.as_ref();
    let row = ActiveModel {
        purpose: Set(Purpose::Reconnect),
        connection_id: Set(Some(connection.id)),
        customer_external_id: Set(customer.map(|customer| customer.external_id.clone())),
        customer_name: Set(customer.map(|customer| customer.name.clone())),
        options: Set(options.write()),
        ..Default::default()
    };
    insert(engine, connection.organization_id, row, ttl, origin).await
}

pub(super) async fn insert(
    engine: &Engine,
    organization_id: Uuid,
    row: ActiveModel,
    ttl: std::time::Duration,
    origin: &Origin,
) -> Result<LinkCreated, LinkError> {
    let token = tokens::random_text(LINK)?;
    let now = database::now();
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(organization_id),
        hash: Set(hash_of(&engine.keys, &token)),
        tries: Set(0),
        created_at: Set(now),
        expires_at: Set(now + TimeDelta::from_std(ttl).unwrap_or_default()),
        ..row
    };
    let change = engine.journal.begin().await?;
    let row = row
        .insert(change.transaction())
        .await
        .map_err(|error| match error.sql_err() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                LinkError::Create(connections::CreateError::UnknownOrganization(organization_id))
            }
            _ => error.into(),
        })?;
    let act = Act {
        action: "link.create",
        target_id: Some(row.id),
        detail: json!({
            "purpose": row.purpose,
            "customer": row.customer_external_id,
            "connectionId": row.connection_id,
            "expiresAt": row.expires_at,
        }),
    };
    change.note(organization_id, origin, act).await?;
    change.commit().await?;
    Ok(LinkCreated {
        id: row.id,
        url: format!("{}/connect/{}", engine.public_url(), token.as_str()),
        expires_at: row.expires_at,
    })
}

/// Withdraws a link. One that was used or withdrawn already is left as it is.
///
/// # Errors
/// When the organization has no such link.
pub async fn revoke_link(engine: &Engine, organization_id: Uuid, id: Uuid, origin: &Origin) -> Result<(), LinkError> {
    let found = Entity::for_organization(organization_id)
        .filter(Column::Id.eq(id))
        .one(&engine.database)
        .await?;
    let model = found.ok_or(LinkError::NotFound)?;
    let change = engine.journal.begin().await?;
    if withdraw(change.transaction(), organization_id, model.id).await? > 0 {
        let act = Act {
            action: "link.revoke",
            target_id: Some(id),
            detail: json!({"purpose": model.purpose, "customer": model.customer_external_id}),
        };
        change.note(organization_id, origin, act).await?;
        let options = Stored::read(&model.options);
        settings::end_tokens(engine, change.transaction(), &Row { model, options }).await?;
    }
    change.commit().await?;
    engine.tokens.forget_verified();
    Ok(())
}

/// Lists the links of an organization, the newest first, that came before one.
///
/// # Errors
/// When the database fails.
pub async fn list(
    engine: &Engine,
    organization_id: Uuid,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Link>, DbErr> {
    let mut query = Entity::for_organization(organization_id)
        .order_by_desc(Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(query.all(&engine.database).await?.into_iter().map(Into::into).collect())
}

impl From<Model> for Link {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            purpose: row.purpose,
            connection_id: row.connection_id,
            customer_external_id: row.customer_external_id,
            tries: row.tries,
            created_at: row.created_at,
            expires_at: row.expires_at,
            opened_at: row.opened_at,
            used_at: row.used_at,
            revoked_at: row.revoked_at,
        }
    }
}
