//! Adds, finds and lists connections. An identifier of another organization, or one outside the caller's scope, is
//! answered like one that never existed. Their state is written by `lifecycle` alone.

pub(crate) mod create;
mod list;
pub(crate) mod reauthorize;
mod scope;

#[cfg(test)]
mod tests;

pub use create::{CreateError, Created, NewConnectionRequest};
pub use list::{Filter, Page};
pub use reauthorize::{Reauthorize, ReauthorizeError, Reauthorized};

use chrono::{DateTime, Utc};
use lineshaft_entities::{connection, customer};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, DatabaseConnection, DbErr, QueryFilter as _, Select, Set,
    SqlErr,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    credentials::{self, SecretFields, Vault},
    customers::{self, Customer, NewCustomer},
    database,
    events::Journal,
    lifecycle::Reason,
    organizations::is_name,
    tokens::{Caller, Scope},
};

pub use lineshaft_entities::connection::{Deployment, Status, WriteMode};

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
    /// What is to be told about the state, for people.
    pub status_message: Option<String>,
    /// When an operation last succeeded, to about ten seconds.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When an operation last failed, to about ten seconds.
    pub last_error_at: Option<DateTime<Utc>>,
    /// The code of that failure and what it said.
    pub last_error: Option<(String, String)>,
    /// When a caller last asked something of it.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it is tried next without being asked.
    pub next_check_at: Option<DateTime<Utc>>,
    /// When its credentials end, if that is known.
    pub credentials_expire_at: Option<DateTime<Utc>>,
    /// Until when calls are held back because too many failed; present until they go through again.
    pub circuit_open_until: Option<DateTime<Utc>>,
    /// Until when the system asked for fewer calls.
    pub rate_limited_until: Option<DateTime<Utc>>,
    /// How its entities fare, as it is stored.
    pub entity_health: Option<Value>,
    /// The account that its credentials open.
    pub account: Option<String>,
    /// The credits that are reserved for it.
    pub credits: i64,
    /// Counts the changes of its state.
    pub revision: i64,
    /// Whether writes reach the system.
    pub write_mode: WriteMode,
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
    scopes: scope::Scopes,
}

impl Connections {
    /// Makes a store over the database of a journal and the store of credentials.
    pub fn new(journal: &Journal, vault: Vault) -> Self {
        Self {
            database: journal.database().clone(),
            vault,
            scopes: scope::Scopes::new(journal.changes()),
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
            write_mode: Set(WriteMode::Enabled),
            ..Default::default()
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
}

/// Returns the connections that a caller may see.
pub fn visible_to(caller: &Caller) -> Visible {
    caller.into()
}

impl Visible {
    /// Returns the organization.
    #[must_use]
    pub const fn organization_id(self) -> Uuid {
        self.organization_id
    }

    /// Returns the only connection that may be seen, if it is only one.
    #[must_use]
    pub const fn connection_id(self) -> Option<Uuid> {
        self.connection_id
    }

    fn rows(self) -> Select<connection::Entity> {
        let not_deleted = Condition::any()
            .add(connection::Column::StatusReason.is_null())
            .add(connection::Column::StatusReason.ne(Reason::Deleted.as_str()));
        let rows = connection::Entity::for_organization(self.organization_id).filter(not_deleted);
        match self.connection_id {
            Some(only) => rows.filter(connection::Column::Id.eq(only)),
            None => rows,
        }
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
    /// Reads a row.
    pub(crate) fn new(row: connection::Model, customer: Option<Customer>) -> Self {
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
            status_message: row.status_message,
            last_success_at: row.last_success_at,
            last_error_at: row.last_error_at,
            last_error: row
                .last_error_code
                .map(|code| (code, row.last_error_message.unwrap_or_default())),
            last_used_at: row.last_used_at,
            next_check_at: row.next_check_at,
            credentials_expire_at: row.credentials_expire_at,
            circuit_open_until: row.circuit_open_until,
            rate_limited_until: row.rate_limited_until,
            entity_health: row.entity_health,
            account: row.account,
            credits: row.credits,
            revision: row.revision,
            write_mode: row.write_mode,
        }
    }
}
