//! What people do to a connection: pause and resume it, switch it off and on, remove it, and erase what is left. Each act
//! is one transaction with its events and its entry in the audit log.

use std::time::Duration;

use lineshaft_connect::context::CallContext;
use lineshaft_entities::{
    connection::Status, connection_event, discovery_snapshot, exchange_code, webhook_endpoint, webhook_secret,
};
use sea_orm::{ColumnTrait as _, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, Set};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Reason, draft::Draft, machine::Signal, notes::Facts};
use crate::{
    Engine,
    audit::Act,
    command,
    connections::{self, Connection, Visible},
    credentials, credits, database,
    events::{EventKind, journal::Change},
    model,
    origin::Origin,
};

/// Time that the trial of a connection has that was resumed.
const TRIAL: Duration = Duration::from_secs(10);

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such connection for whoever asks.
    #[error("there is no connection `{0}`")]
    NotFound(Uuid),
    /// The state of the connection does not allow it.
    #[error("a connection that is {status} cannot be {done}")]
    WrongStatus {
        /// The state.
        status: &'static str,
        /// What was to be done.
        done: &'static str,
    },
    /// The credits do not suffice.
    #[error(transparent)]
    Credits(#[from] credits::Error),
    /// The credentials could not be wiped.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    /// The connection could not be read.
    #[error(transparent)]
    Connection(connections::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

impl From<connections::Error> for Error {
    fn from(error: connections::Error) -> Self {
        match error {
            connections::Error::NotFound(id) => Self::NotFound(id),
            connections::Error::Database(error) => Self::Database(error),
            other => Self::Connection(other),
        }
    }
}

/// What people can do to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Pause,
    Resume,
    Disable,
    Enable,
    Disconnect,
    Delete,
}

impl Deed {
    const fn action(self) -> &'static str {
        match self {
            Self::Pause => "connection.pause",
            Self::Resume => "connection.resume",
            Self::Disable => "connection.disable",
            Self::Enable => "connection.enable",
            Self::Disconnect => "connection.disconnect",
            Self::Delete => "connection.delete",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Disable => "disabled",
            Self::Enable => "enabled",
            Self::Disconnect => "disconnected",
            Self::Delete => "deleted",
        }
    }

    /// Returns whether there is nothing to do.
    const fn is_done(self, status: Status) -> bool {
        match self {
            Self::Pause => matches!(status, Status::Paused),
            Self::Disable => matches!(status, Status::Disabled),
            Self::Resume | Self::Enable => matches!(
                status,
                Status::Pending | Status::Active | Status::Degraded | Status::Unreachable | Status::ReauthRequired
            ),
            Self::Disconnect => matches!(status, Status::Disconnected),
            Self::Delete => false,
        }
    }
}

impl Engine {
    /// Pauses a connection: nothing more is sent until it is resumed. Its credits stay reserved.
    ///
    /// # Errors
    /// When there is no such connection, or it is switched off or removed.
    pub async fn pause(&self, visible: impl Into<Visible>, id: Uuid, origin: &Origin) -> Result<Connection, Error> {
        self.act(visible.into(), id, Deed::Pause, origin).await
    }

    /// Resumes a paused connection and tries it at once, unless it still waits for somebody to sign in.
    ///
    /// # Errors
    /// When there is no such connection, or it is switched off or removed.
    pub async fn resume(&self, visible: impl Into<Visible>, id: Uuid, origin: &Origin) -> Result<Connection, Error> {
        let resumed = self.act(visible.into(), id, Deed::Resume, origin).await?;
        self.try_again(resumed).await
    }

    /// Switches a connection off for the operator.
    ///
    /// # Errors
    /// When there is no such connection, or it is removed.
    pub async fn disable(&self, visible: impl Into<Visible>, id: Uuid, origin: &Origin) -> Result<Connection, Error> {
        self.act(visible.into(), id, Deed::Disable, origin).await
    }

    /// Switches a connection on again, to the state that it was switched off in, and tries it at once.
    ///
    /// # Errors
    /// When there is no such connection, or it is paused or removed.
    pub async fn enable(&self, visible: impl Into<Visible>, id: Uuid, origin: &Origin) -> Result<Connection, Error> {
        let enabled = self.act(visible.into(), id, Deed::Enable, origin).await?;
        self.try_again(enabled).await
    }

    /// Disconnects a connection for good: its credentials are wiped, its tokens revoked and its credits given back. Its
    /// row and its events remain.
    ///
    /// # Errors
    /// When there is no such connection.
    pub async fn disconnect(
        &self,
        visible: impl Into<Visible>,
        id: Uuid,
        origin: &Origin,
    ) -> Result<Connection, Error> {
        self.act(visible.into(), id, Deed::Disconnect, origin).await
    }

    /// Deletes a connection, which is disconnected first if it is not: everything sealed is deleted, and its name,
    /// settings, account and messages are erased. Its events and ledger keep its id. Returns it as it was last.
    ///
    /// # Errors
    /// When there is no such connection.
    pub async fn delete(&self, visible: impl Into<Visible>, id: Uuid, origin: &Origin) -> Result<Connection, Error> {
        self.act(visible.into(), id, Deed::Delete, origin).await
    }

    /// Takes a connection as working without trying it: its credentials were tried elsewhere.
    ///
    /// # Errors
    /// When there is no such connection, or the credits do not suffice.
    pub async fn activate_untried(&self, visible: impl Into<Visible>, id: Uuid) -> Result<Connection, Error> {
        let known = self.connections.get(visible, id).await?;
        let facts = Facts::default();
        let row = self
            .settle(known.organization_id, id, &[Signal::Vouched(None)], &facts)
            .await?
            .ok_or(Error::NotFound(id))?;
        Ok(Connection::new(row, known.customer))
    }

    async fn act(&self, visible: Visible, id: Uuid, deed: Deed, origin: &Origin) -> Result<Connection, Error> {
        let known = self.connections.get(visible, id).await?;
        let removes = matches!(deed, Deed::Disconnect | Deed::Delete);
        // The session is read before it is wiped, and given up once nothing can stop the removal any more.
        let farewell = if removes {
            self.pool.farewell(&known).await
        } else {
            None
        };
        let mut change = self.journal.begin().await?;
        let draft = Draft::begin(self, &change, known.organization_id, id).await?;
        let mut draft = draft.ok_or(Error::NotFound(id))?;
        if deed.is_done(draft.row.status) {
            return Ok(Connection::new(draft.row, known.customer));
        }
        let status = draft.row.status;
        let signal = match deed {
            Deed::Pause => Signal::Pause,
            Deed::Disable => Signal::Disable,
            Deed::Disconnect | Deed::Delete => Signal::Disconnect,
            Deed::Resume => Signal::Resume(status_before(&change, &known, EventKind::Paused).await?),
            Deed::Enable => Signal::Enable(status_before(&change, &known, EventKind::Disabled).await?),
        };
        let followed = draft.follow(&signal, &Facts::default());
        let only_erases = deed == Deed::Delete && status == Status::Disconnected;
        if !followed && !only_erases {
            return Err(Error::WrongStatus {
                status: crate::status_of(status).as_str(),
                done: deed.done(),
            });
        }
        let shown = draft.row.clone();
        let released = if removes {
            std::mem::take(&mut draft.row.credits)
        } else {
            0
        };
        if deed == Deed::Delete {
            draft.erase();
        }
        draft.save(self, &mut change).await?;
        if removes {
            self.strip(&mut change, &known, released).await?;
        }
        if deed == Deed::Delete {
            shred(&change, &known).await?;
        }
        let act = Act {
            action: deed.action(),
            target_id: Some(id),
            detail: json!({"previousStatus": crate::status_of(status).as_str()}),
        };
        change.note(known.organization_id, origin, act).await?;
        change.commit().await?;
        if removes {
            self.tokens.forget_verified();
            self.lifecycle.desk.forget(id);
        }
        self.pool.forget(id);
        if let Some(farewell) = farewell {
            farewell.send().await;
        }
        Ok(Connection::new(shown, known.customer))
    }

    /// Takes away what a connection that is removed had.
    async fn strip(&self, change: &mut Change, connection: &Connection, credits: i64) -> Result<(), Error> {
        let (organization_id, id) = (connection.organization_id, connection.id);
        self.vault.wipe(change.transaction(), organization_id, id).await?;
        self.tokens
            .revoke_connection(change.transaction(), organization_id, id)
            .await?;
        discovery_snapshot::Entity::delete_for_organization(organization_id)
            .filter(discovery_snapshot::Column::ConnectionId.eq(id))
            .exec(change.transaction())
            .await?;
        credits::release(change, organization_id, id, credits).await?;
        Ok(())
    }

    async fn try_again(&self, connection: Connection) -> Result<Connection, Error> {
        if !crate::status_of(connection.status).is_usable() {
            return Ok(connection);
        }
        let context = CallContext::within(TRIAL, "resume");
        self.check(&connection, &context).await;
        let id = connection.id;
        Ok(self.connections.get(connection.organization_id, id).await?)
    }
}

impl Draft {
    /// Erases what tells whose connection it was.
    fn erase(&mut self) {
        self.row.name = String::new();
        self.row.settings = Value::Object(Map::new());
        self.row.account = None;
        self.row.status_reason = Some(Reason::Deleted.as_str().to_owned());
        self.row.status_message = None;
        self.row.last_error_code = None;
        self.row.last_error_message = None;
        self.row.entity_health = None;
        self.row.credentials_expire_at = None;
        self.touch();
    }
}

/// Deletes everything sealed that belongs to a connection besides its credentials, and stops its webhooks.
async fn shred(change: &Change, connection: &Connection) -> Result<(), DbErr> {
    let (transaction, organization_id) = (change.transaction(), connection.organization_id);
    command::wipe_inputs(transaction, organization_id, connection.id).await?;
    model::erase(transaction, organization_id, connection.id).await?;
    exchange_code::Entity::delete_for_organization(organization_id)
        .filter(exchange_code::Column::ConnectionId.eq(connection.id))
        .exec(transaction)
        .await?;
    let of_connection = webhook_endpoint::Column::ConnectionId.eq(connection.id);
    let endpoints = webhook_endpoint::Entity::for_organization(organization_id)
        .filter(of_connection.clone())
        .select_only()
        .column(webhook_endpoint::Column::Id)
        .into_query();
    webhook_secret::Entity::delete_for_organization(organization_id)
        .filter(webhook_secret::Column::EndpointId.in_subquery(endpoints))
        .exec(transaction)
        .await?;
    webhook_endpoint::Entity::update_for_organization(organization_id)
        .set(webhook_endpoint::ActiveModel {
            enabled: Set(false),
            disabled_reason: Set(Some("the connection was deleted".to_owned())),
            updated_at: Set(database::now()),
            ..Default::default()
        })
        .filter(of_connection)
        .exec(transaction)
        .await
        .map(drop)
}

/// Returns the state that a connection had before it was paused or switched off, as its events tell.
async fn status_before(change: &Change, connection: &Connection, kind: EventKind) -> Result<Status, DbErr> {
    let latest = async |kind: EventKind| {
        connection_event::Entity::for_organization(connection.organization_id)
            .filter(connection_event::Column::ConnectionId.eq(connection.id))
            .filter(connection_event::Column::Kind.eq(kind.as_str()))
            .order_by_desc(connection_event::Column::Sequence)
            .limit(1)
            .one(change.transaction())
            .await
    };
    let Some(stopped) = latest(kind).await? else {
        // The event is older than events are kept. Credits are only reserved for what once worked.
        return Ok(match connection.credits {
            0 => Status::Pending,
            _ => Status::Active,
        });
    };
    let before = stopped.data.get("previousStatus").and_then(Value::as_str);
    let renewed = latest(EventKind::Reauthorized)
        .await?
        .is_some_and(|renewed| renewed.sequence > stopped.sequence);
    Ok(match before {
        Some("PAUSED") => Status::Paused,
        Some("REAUTH_REQUIRED") if !renewed => Status::ReauthRequired,
        Some("PENDING") if !renewed => Status::Pending,
        _ => Status::Active,
    })
}
