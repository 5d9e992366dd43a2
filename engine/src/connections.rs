//! Adds, finds, lists and removes connections, and writes their state. An identifier of another organization, or one
//! outside the caller's scope, is answered like one that never existed.

mod list;
mod scope;

#[cfg(test)]
mod tests;

pub use list::{Filter, Page};

use chrono::{DateTime, Utc};
use lineshaft_entities::{connection, customer};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseConnection, DbErr, QueryFilter as _, Select, Set, SqlErr,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    credentials::{self, SecretFields, Vault},
    customers::{self, Customer, NewCustomer},
    database,
    organizations::is_name,
    tokens::{Caller, Scope, Tokens},
};

pub use lineshaft_entities::connection::{Deployment, Status};

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The identifier.
    pub id: Uuid,
    /// The organization that it belongs to.
    pub organization_id: Uuid,
    /// The customer whose system it reaches.
    pub customer: Option<Customer>,
    /// The name of the connector, the kind of system.
    pub connector: String,
    /// The name that people read.
    pub name: String,
    /// Where the system runs.
    pub deployment: Deployment,
    /// The settings that are no secret.
    pub settings: Map<String, Value>,
    /// Its state.
    pub status: Status,
    /// Why it is in this state.
    pub status_reason: Option<String>,
    /// Since when it is in this state.
    pub status_since: DateTime<Utc>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was disconnected for good.
    pub disconnected_at: Option<DateTime<Utc>>,
}

/// A connection to add.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The organization that it belongs to.
    pub organization_id: Uuid,
    /// The customer whose system it reaches: found by its external identifier, or created.
    pub customer: Option<NewCustomer>,
    /// The name of the connector, which the caller has checked to exist.
    pub connector: String,
    /// The name that people read: 1 to 200 characters.
    pub name: String,
    /// Where the system runs.
    pub deployment: Deployment,
    /// The settings that are no secret.
    pub settings: Map<String, Value>,
    /// The credentials, as the connector asks for them.
    pub credentials: SecretFields,
}

/// A change of the state of a connection.
#[derive(Clone, Debug)]
pub struct StatusChange<'a> {
    /// The states that it may be left from; in any other one nothing happens.
    pub from: &'a [Status],
    /// The new state.
    pub to: Status,
    /// Why, for people.
    pub reason: Option<&'a str>,
}

/// The connections that somebody may see: all of an organization, or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Visible {
    organization_id: Uuid,
    connection_id: Option<Uuid>,
}

/// Why a connection could not be added, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is empty or too long.
    #[error("the name of a connection must have 1 to 200 characters")]
    InvalidName,
    /// The organization does not exist.
    #[error("there is no organization `{0}`")]
    UnknownOrganization(Uuid),
    /// There is no such connection for whoever asks.
    #[error("there is no connection `{0}`")]
    NotFound(Uuid),
    /// Disconnecting is more than a change of state: it wipes.
    #[error("a connection is disconnected by removing it")]
    DisconnectByRemoving,
    /// The customer could not be found or created.
    #[error(transparent)]
    Customer(#[from] customers::Error),
    /// The credentials could not be stored or wiped.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

/// The store of connections.
#[derive(Clone, Debug)]
pub struct Connections {
    database: DatabaseConnection,
    vault: Vault,
    tokens: Tokens,
    scopes: scope::Scopes,
}

impl Connections {
    /// Makes a store over a database and the stores of what belongs to a connection.
    pub fn new(database: DatabaseConnection, vault: Vault, tokens: Tokens) -> Self {
        Self {
            database,
            vault,
            tokens,
            scopes: scope::Scopes::new(),
        }
    }

    /// Adds a connection with its credentials, and its customer when it is new, or nothing at all.
    pub async fn add(&self, new: NewConnection) -> Result<Connection, Error> {
        if !is_name(&new.name) {
            return Err(Error::InvalidName);
        }
        let organization_id = new.organization_id;
        let transaction = database::begin_writing(&self.database).await?;
        let customer = match new.customer {
            Some(customer) => Some(customers::ensure(&transaction, organization_id, customer).await?),
            None => None,
        };
        let now = database::now();
        let row = connection::ActiveModel {
            id: Set(Uuid::now_v7()),
            organization_id: Set(organization_id),
            customer_id: Set(customer.as_ref().map(|customer| customer.id)),
            connector: Set(new.connector),
            name: Set(new.name),
            deployment: Set(new.deployment),
            settings: Set(Value::Object(new.settings)),
            status: Set(Status::Pending),
            status_reason: Set(None),
            status_since: Set(now),
            created_at: Set(now),
            updated_at: Set(now),
            disconnected_at: Set(None),
        };
        let row = row.insert(&transaction).await.map_err(|error| match error.sql_err() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Error::UnknownOrganization(organization_id),
            None | Some(_) => error.into(),
        })?;
        self.vault
            .insert(&transaction, organization_id, row.id, &new.credentials)
            .await?;
        transaction.commit().await?;
        self.changed();
        Ok(Connection::new(row, customer))
    }

    /// Finds a connection.
    pub async fn get(&self, visible: impl Into<Visible>, id: Uuid) -> Result<Connection, Error> {
        let query = visible.into().rows().filter(connection::Column::Id.eq(id));
        let found = query.find_also_related(customer::Entity).one(&self.database).await?;
        let (row, customer) = found.ok_or(Error::NotFound(id))?;
        Ok(Connection::new(row, customer.map(Into::into)))
    }

    /// Changes the state of a connection if it is in one of the named states. Returns whether this call did it: of
    /// many that say the same at once, one is told `true`.
    pub async fn set_status(
        &self,
        visible: impl Into<Visible>,
        id: Uuid,
        change: StatusChange<'_>,
    ) -> Result<bool, Error> {
        if change.to == Status::Disconnected {
            return Err(Error::DisconnectByRemoving);
        }
        let visible = visible.into();
        let from = change
            .from
            .iter()
            .copied()
            .filter(|from| *from != change.to && *from != Status::Disconnected);
        let now = database::now();
        let updated = connection::Entity::update_for_organization(visible.organization_id)
            .set(connection::ActiveModel {
                status: Set(change.to),
                status_reason: Set(change.reason.map(str::to_owned)),
                status_since: Set(now),
                updated_at: Set(now),
                ..Default::default()
            })
            .filter(visible.including(id))
            .filter(connection::Column::Status.is_in(from))
            .exec(&self.database)
            .await?;
        if updated.rows_affected > 0 {
            self.changed();
            return Ok(true);
        }
        self.get(visible, id).await.map(|_| false)
    }

    /// Disconnects a connection for good: its credentials are wiped and its tokens revoked, its row remains. Returns
    /// whether this call did it.
    pub async fn remove(&self, visible: impl Into<Visible>, id: Uuid) -> Result<bool, Error> {
        let visible = visible.into();
        let now = database::now();
        let transaction = database::begin_writing(&self.database).await?;
        let updated = connection::Entity::update_for_organization(visible.organization_id)
            .set(connection::ActiveModel {
                status: Set(Status::Disconnected),
                status_reason: Set(None),
                status_since: Set(now),
                updated_at: Set(now),
                disconnected_at: Set(Some(now)),
                ..Default::default()
            })
            .filter(visible.including(id))
            .filter(connection::Column::Status.ne(Status::Disconnected))
            .exec(&transaction)
            .await?;
        if updated.rows_affected == 0 {
            transaction.rollback().await?;
            return self.get(visible, id).await.map(|_| false);
        }
        self.vault.wipe(&transaction, visible.organization_id, id).await?;
        self.tokens
            .revoke_connection(&transaction, visible.organization_id, id)
            .await?;
        transaction.commit().await?;
        self.changed();
        self.tokens.forget_verified();
        Ok(true)
    }
}

/// Returns the connections that a caller may see.
pub fn visible_to(caller: &Caller) -> Visible {
    caller.into()
}

impl Visible {
    fn rows(self) -> Select<connection::Entity> {
        let rows = connection::Entity::for_organization(self.organization_id);
        match self.connection_id {
            Some(only) => rows.filter(connection::Column::Id.eq(only)),
            None => rows,
        }
    }

    /// Returns a condition that holds for the row with this identifier, if it may be seen.
    fn including(self, id: Uuid) -> sea_orm::Condition {
        let row = sea_orm::Condition::all().add(connection::Column::Id.eq(id));
        row.add_option(self.connection_id.map(|only| connection::Column::Id.eq(only)))
    }
}

impl From<&Caller> for Visible {
    fn from(caller: &Caller) -> Self {
        let connection_id = match caller.scope {
            Scope::Organization => None,
            Scope::Connection(id) => Some(id),
        };
        Self {
            organization_id: caller.organization_id,
            connection_id,
        }
    }
}

/// The server's own work sees all connections of an organization.
impl From<Uuid> for Visible {
    fn from(organization_id: Uuid) -> Self {
        Self {
            organization_id,
            connection_id: None,
        }
    }
}

impl Connection {
    fn new(row: connection::Model, customer: Option<Customer>) -> Self {
        let settings = match row.settings {
            Value::Object(settings) => settings,
            _ => Map::new(),
        };
        Self {
            id: row.id,
            organization_id: row.organization_id,
            customer,
            connector: row.connector,
            name: row.name,
            deployment: row.deployment,
            settings,
            status: row.status,
            status_reason: row.status_reason,
            status_since: row.status_since,
            created_at: row.created_at,
            updated_at: row.updated_at,
            disconnected_at: row.disconnected_at,
        }
    }
}
