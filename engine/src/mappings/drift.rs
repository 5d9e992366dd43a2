//! Looks again and again at what systems tell of the fields that mappings read, and tells what is gone or has another
//! type. Only what a system says of itself counts: that a field does not stand in some rows proves nothing.

mod compare;
mod work;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lineshaft_connect::{connector::Connector, context::CallContext, describe::Described, error::ErrorKind};
use lineshaft_entities::discovery_snapshot::{ActiveModel, Column, Entity};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, QueryFilter as _, Set, SqlErr};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    MappingError,
    scope::{self, Need},
};
use crate::{
    Engine, Session,
    connections::Connection,
    database,
    events::{EventKind, NewEvent},
    model::Model,
};

pub(crate) use work::work;

/// Most objects of a connection that are looked at.
const MOST_OBJECTS: usize = 200;

/// Most changes that one event tells.
const MOST_TOLD: usize = 100;

/// How systems are looked at again.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long after a look the next one follows; zero for never.
    pub repeat: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            repeat: Duration::from_secs(24 * 3600),
        }
    }
}

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaCheck {
    /// How many objects the system told of.
    pub objects: usize,
    /// What has changed since the look before.
    pub changes: Vec<SchemaChange>,
}

/// A field of a system that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// The object.
    pub object: String,
    /// The field.
    pub field: String,
    /// How it has changed.
    pub change: SchemaChangeKind,
    /// Its type before, in the words of the system.
    pub before: Option<String>,
    /// Its type now.
    pub after: Option<String>,
    /// What reads it.
    pub affects: Vec<Affected>,
}

/// How a field of a system has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaChangeKind {
    /// It is gone.
    Vanished,
    /// It has another type.
    Retyped,
}

impl SchemaChangeKind {
    /// Returns its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vanished => "VANISHED",
            Self::Retyped => "RETYPED",
        }
    }
}

/// A field of the model that reads a field of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The entity.
    pub entity: String,
    /// The field.
    pub field: String,
    /// The kind of the layer that says so, such as `CONNECTION`; none when it is the connector.
    pub layer: Option<String>,
}

/// Fields with their types in the words of a system.
type Fields = BTreeMap<String, String>;

impl Engine {
    /// Looks at what a system tells of the fields that mappings read, and tells what has changed, each change once.
    ///
    /// # Errors
    /// When there is no such connection for the caller, or it cannot be used now.
    pub async fn check_schema(&self, session: &Session, connection: Uuid) -> Result<SchemaCheck, MappingError> {
        scope::may(session, Need::See)?;
        let connection = self.seen(session, connection).await?;
        let reached = self.reach(session, &connection)?;
        let check = self
            .look(&connection, &session.model, &reached.connector, &reached.context)
            .await?;
        Ok(check)
    }

    /// Looks at a connection and writes down what was seen.
    async fn look(
        &self,
        connection: &Connection,
        model: &Model,
        connector: &Arc<Connector>,
        context: &CallContext,
    ) -> Result<SchemaCheck, DbErr> {
        connector.forget_descriptions();
        let mut check = SchemaCheck::default();
        for (object, readers) in compare::objects(connector.blueprint()).into_iter().take(MOST_OBJECTS) {
            let Some(kind) = readers.first() else { continue };
            let described = match connector.describe(context, *kind).await {
                Ok(Some(described)) if !described.is_empty() => described,
                // The object itself is gone, and all of its fields with it.
                Err(error) if error.kind() == ErrorKind::NotFound => Described::default(),
                // What is not told, or cannot be told now, proves nothing.
                Ok(_) => continue,
                Err(error) => {
                    tracing::debug!(%error, connection.id = %connection.id, object, "an object was not described");
                    continue;
                }
            };
            check.objects += usize::from(!described.is_empty());
            let reads = compare::reads(connector.blueprint(), model, connection, &readers);
            let changes = self.compare(connection, &object, &reads, &described).await?;
            check.changes.extend(changes);
        }
        Ok(check)
    }

    /// Compares an object with what was seen of it before, and notes and tells what has changed.
    async fn compare(
        &self,
        connection: &Connection,
        object: &str,
        reads: &[compare::Read<'_>],
        described: &Described,
    ) -> Result<Vec<SchemaChange>, DbErr> {
        let row = Entity::for_organization(connection.organization_id)
            .filter(Column::ConnectionId.eq(connection.id))
            .filter(Column::Object.eq(object))
            .one(&self.database)
            .await?;
        let before: Fields = row
            .as_ref()
            .and_then(|row| serde_json::from_value(row.fields.clone()).ok())
            .unwrap_or_default();
        let after = compare::present(reads, described);
        let changes = compare::changes(object, &before, &after, reads);
        let (old, new) = (row.map(|row| row.digest), digest(&after));
        let mut change = self.journal.begin().await?;
        let noted = note(change.transaction(), connection, object, old.as_deref(), &new, &after).await?;
        // Whoever looked at the same time has told of it.
        if !noted || changes.is_empty() {
            change.commit().await?;
            return Ok(changes);
        }
        let event = NewEvent {
            organization_id: connection.organization_id,
            connection_id: Some(connection.id),
            kind: EventKind::SchemaChanged,
            data: data(object, &changes),
        };
        change.tell(event).await?;
        change.commit().await?;
        Ok(changes)
    }
}

/// Writes down what was seen, unless somebody else did since it was read.
async fn note(
    transaction: &impl ConnectionTrait,
    connection: &Connection,
    object: &str,
    old: Option<&str>,
    new: &str,
    fields: &Fields,
) -> Result<bool, DbErr> {
    let now = database::now();
    if let Some(old) = old {
        let noted = Entity::update_for_organization(connection.organization_id)
            .set(ActiveModel {
                digest: Set(new.to_owned()),
                fields: Set(json!(fields)),
                checked_at: Set(now),
                ..Default::default()
            })
            .filter(Column::ConnectionId.eq(connection.id))
            .filter(Column::Object.eq(object))
            .filter(Column::Digest.eq(old))
            .exec(transaction)
            .await?;
        return Ok(noted.rows_affected > 0);
    }
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(connection.organization_id),
        connection_id: Set(connection.id),
        object: Set(object.to_owned()),
        digest: Set(new.to_owned()),
        fields: Set(json!(fields)),
        checked_at: Set(now),
        next_at: Set(None),
    };
    match row.insert(transaction).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

fn digest(fields: &Fields) -> String {
    blake3::hash(json!(fields).to_string().as_bytes()).to_hex().to_string()
}

fn data(object: &str, changes: &[SchemaChange]) -> Json {
    let told = changes.iter().take(MOST_TOLD).map(|change| {
        let affects = change
            .affects
            .iter()
            .map(|affected| json!({"entity": affected.entity, "field": affected.field, "layer": affected.layer}));
        json!({
            "object": change.object,
            "field": change.field,
            "change": change.change.as_str(),
            "before": change.before,
            "after": change.after,
            "affects": affects.collect::<Vec<_>>(),
        })
    });
    json!({"object": object, "changes": told.collect::<Vec<_>>()})
}
