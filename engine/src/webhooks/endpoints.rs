//! The addresses that an organization wants its events delivered to: adds, changes, lists and removes them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lineshaft_entities::{
    connection, connection_event, organization, webhook_delivery,
    webhook_endpoint::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select, Set,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Error, MOST_ENDPOINTS, Secret, Settings, TEST, address, outbox, secrets};
use crate::{
    audit::Act,
    database,
    events::{EventKind, Journal, journal::Change},
    origin::Origin,
    secrets::KeyRing,
};

const LONGEST_DESCRIPTION: usize = 200;

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The identifier.
    pub id: Uuid,
    /// The only connection whose events are delivered; none for all of the organization.
    pub connection_id: Option<Uuid>,
    /// The address.
    pub url: String,
    /// What it is for, for people.
    pub description: String,
    /// The kinds of events that are delivered; none for all.
    pub kinds: Option<Vec<String>>,
    /// Whether the events of one connection are delivered one after the other.
    pub ordered: bool,
    /// Whether events are delivered.
    pub enabled: bool,
    /// Why it is not enabled, when the server switched it off.
    pub disabled_reason: Option<String>,
    /// When it was switched off.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when no delivery succeeded although some were tried.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// An endpoint to add.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// The address.
    pub url: String,
    /// What it is for, for people: at most 200 characters.
    pub description: String,
    /// The kinds of events that are delivered; none for all.
    pub kinds: Option<Vec<String>>,
    /// The only connection whose events are delivered; none for all of the organization.
    pub connection_id: Option<Uuid>,
    /// Whether the events of one connection are delivered one after the other.
    pub ordered: bool,
    /// Whether events are delivered from the start.
    pub enabled: bool,
}

/// What to change of an endpoint; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// The address.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The kinds of events; `Some(None)` for all.
    pub kinds: Option<Option<Vec<String>>>,
    /// Whether the events of one connection are delivered one after the other.
    pub ordered: Option<bool>,
    /// Whether events are delivered.
    pub enabled: Option<bool>,
}

/// An endpoint just added, with its secret, which cannot be had again.
#[derive(Clone, Debug)]
pub struct Created {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What signs the deliveries: `whsec_…`.
    pub secret: SecretString,
}

/// An endpoint just changed.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What it missed, when it was just switched on again.
    pub missed: Option<Missed>,
}

/// What an endpoint was not sent while it was switched off. A replay brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How many events.
    pub count: u64,
    /// When the first of them happened: where a replay is to begin.
    pub since: DateTime<Utc>,
}

/// The endpoints of all organizations, with their secrets and what is delivered to them.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub(super) journal: Journal,
    pub(super) keys: Arc<KeyRing>,
    pub(super) settings: Arc<Settings>,
}

impl Endpoints {
    /// Makes the store over a journal and a key ring.
    #[must_use]
    pub const fn new(journal: Journal, keys: Arc<KeyRing>, settings: Arc<Settings>) -> Self {
        Self {
            journal,
            keys,
            settings,
        }
    }

    /// Adds an endpoint.
    ///
    /// # Errors
    /// Tells what cannot be used; then nothing is stored.
    pub async fn create(&self, organization_id: Uuid, new: NewEndpoint, origin: &Origin) -> Result<Created, Error> {
        check_description(&new.description)?;
        let kinds = new.kinds.map(check_kinds).transpose()?;
        address::check(&new.url, &self.settings).await?;
        let change = self.journal.begin().await?;
        let transaction = change.transaction();
        lock(transaction, organization_id).await?;
        let present = Entity::for_organization(organization_id).count(transaction).await?;
        if present >= MOST_ENDPOINTS {
            return Err(Error::TooManyEndpoints);
        }
        if let Some(id) = new.connection_id {
            require_connection(transaction, organization_id, id).await?;
        }
        let now = database::now();
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            organization_id: Set(organization_id),
            connection_id: Set(new.connection_id),
            url: Set(new.url),
            description: Set(new.description),
            kinds: Set(kinds),
            ordered: Set(new.ordered),
            enabled: Set(new.enabled),
            disabled_reason: Set(None),
            disabled_at: Set((!new.enabled).then_some(now)),
            failing_since: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let row = row.insert(transaction).await?;
        let secret = Secret::generate()?;
        secrets::insert(transaction, &self.keys, organization_id, row.id, &secret).await?;
        note(&change, &row, origin, "webhook.create").await?;
        change.commit().await?;
        Ok(Created {
            endpoint: row.into(),
            secret: secret.text().clone(),
        })
    }

    /// Changes an endpoint. One that is switched off loses what is on its way to it.
    ///
    /// # Errors
    /// Tells what cannot be used; then nothing is changed.
    pub async fn update(
        &self,
        organization_id: Uuid,
        id: Uuid,
        patch: Patch,
        origin: &Origin,
    ) -> Result<Updated, Error> {
        if let Some(description) = &patch.description {
            check_description(description)?;
        }
        let kinds = patch
            .kinds
            .map(|kinds| kinds.map(check_kinds).transpose())
            .transpose()?;
        if let Some(url) = &patch.url {
            address::check(url, &self.settings).await?;
        }
        let change = self.journal.begin().await?;
        let transaction = change.transaction();
        lock(transaction, organization_id).await?;
        let before = row(transaction, organization_id, id).await?;
        let now = database::now();
        let mut next = before.clone().into_active_model();
        next.updated_at = Set(now);
        if let Some(url) = patch.url {
            next.url = Set(url);
            next.failing_since = Set(None);
        }
        if let Some(description) = patch.description {
            next.description = Set(description);
        }
        if let Some(kinds) = kinds {
            next.kinds = Set(kinds);
        }
        if let Some(ordered) = patch.ordered {
            next.ordered = Set(ordered);
        }
        let switched = patch.enabled.filter(|enabled| *enabled != before.enabled);
        if let Some(enabled) = switched {
            next.enabled = Set(enabled);
            next.disabled_reason = Set(None);
            next.disabled_at = Set((!enabled).then_some(now));
            next.failing_since = Set(None);
        }
        let row = next.update(transaction).await?;
        let missed = match switched {
            Some(true) => missed(transaction, &before).await?,
            Some(false) => {
                cancel_pending(transaction, organization_id, id, now).await?;
                None
            }
            None => None,
        };
        note(&change, &row, origin, "webhook.update").await?;
        change.commit().await?;
        Ok(Updated {
            endpoint: row.into(),
            missed,
        })
    }

    /// Removes an endpoint with its secrets and its deliveries.
    ///
    /// # Errors
    /// When there is no such endpoint.
    pub async fn delete(&self, organization_id: Uuid, id: Uuid, origin: &Origin) -> Result<(), Error> {
        let change = self.journal.begin().await?;
        let transaction = change.transaction();
        lock(transaction, organization_id).await?;
        let row = row(transaction, organization_id, id).await?;
        Entity::delete_for_organization(organization_id)
            .filter(Column::Id.eq(id))
            .exec(transaction)
            .await?;
        note(&change, &row, origin, "webhook.delete").await?;
        change.commit().await?;
        Ok(())
    }

    /// Lists the endpoints of an organization in the order in which they were added.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, organization_id: Uuid) -> Result<Vec<Endpoint>, Error> {
        let query = Entity::for_organization(organization_id).order_by_asc(Column::Id);
        let rows = query.all(self.journal.database()).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Returns an endpoint.
    ///
    /// # Errors
    /// When there is no such endpoint.
    pub async fn get(&self, organization_id: Uuid, id: Uuid) -> Result<Endpoint, Error> {
        let row = row(self.journal.database(), organization_id, id).await?;
        Ok(row.into())
    }
}

/// Makes other changes of the organization wait, and events as well: an event either sees an endpoint as it was or as
/// it is.
pub(super) async fn lock(transaction: &impl ConnectionTrait, organization_id: Uuid) -> Result<(), Error> {
    let row = organization::Entity::for_organization(organization_id)
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(drop).ok_or(Error::UnknownOrganization(organization_id))
}

/// Returns the row of an endpoint.
pub(super) async fn row(database: &impl ConnectionTrait, organization_id: Uuid, id: Uuid) -> Result<Model, Error> {
    let row = Entity::for_organization(organization_id)
        .filter(Column::Id.eq(id))
        .one(database)
        .await?;
    row.ok_or(Error::NotFound(id))
}

/// Cancels what is on its way to an endpoint.
pub(super) async fn cancel_pending(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    endpoint_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    webhook_delivery::Entity::update_for_organization(organization_id)
        .set(webhook_delivery::ActiveModel {
            state: Set(webhook_delivery::State::Cancelled),
            next_attempt_at: Set(None),
            claimed_until: Set(None),
            finished_at: Set(Some(now)),
            ..Default::default()
        })
        .filter(webhook_delivery::Column::EndpointId.eq(endpoint_id))
        .filter(webhook_delivery::Column::State.eq(webhook_delivery::State::Pending))
        .exec(transaction)
        .await
        .map(drop)
}

/// Returns a query of the events that an endpoint asks for.
pub(super) fn events_for(endpoint: &Model) -> Select<connection_event::Entity> {
    let mut query = connection_event::Entity::for_organization(endpoint.organization_id);
    if let Some(id) = endpoint.connection_id {
        query = query.filter(connection_event::Column::ConnectionId.eq(id));
    }
    if let Some(Value::Array(kinds)) = &endpoint.kinds {
        let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
        query = query.filter(connection_event::Column::Kind.is_in(kinds));
    }
    query
}

/// Counts what an endpoint was not sent because it was switched off: what was on its way, and what came after.
async fn missed(transaction: &impl ConnectionTrait, endpoint: &Model) -> Result<Option<Missed>, DbErr> {
    use webhook_delivery::Column as Delivery;
    let Some(disabled_at) = endpoint.disabled_at else {
        return Ok(None);
    };
    let cancelled = webhook_delivery::Entity::for_organization(endpoint.organization_id)
        .filter(Delivery::EndpointId.eq(endpoint.id))
        .filter(Delivery::State.eq(webhook_delivery::State::Cancelled))
        .filter(Delivery::FinishedAt.gte(disabled_at))
        .filter(Delivery::Kind.ne(TEST));
    let after = events_for(endpoint).filter(connection_event::Column::CreatedAt.gt(disabled_at));
    let count = cancelled.clone().count(transaction).await? + after.clone().count(transaction).await?;
    let first_cancelled = cancelled.order_by_asc(Delivery::CreatedAt).one(transaction).await?;
    let first_after = after
        .order_by_asc(connection_event::Column::Position)
        .one(transaction)
        .await?;
    let since = match (first_cancelled, first_after) {
        (Some(delivery), _) => outbox::moment_of_event(transaction, &delivery).await?,
        (None, Some(event)) => event.created_at,
        (None, None) => return Ok(None),
    };
    Ok(Some(Missed { count, since }))
}

async fn note(change: &Change, row: &Model, origin: &Origin, action: &'static str) -> Result<(), DbErr> {
    // The address is told without its query, which may hold a secret of the receiver.
    let address = row.url.split(['?', '#']).next().unwrap_or_default();
    let act = Act {
        action,
        target_id: Some(row.id),
        detail: json!({"url": address, "kinds": row.kinds, "ordered": row.ordered, "enabled": row.enabled}),
    };
    change.note(row.organization_id, origin, act).await
}

async fn require_connection(transaction: &impl ConnectionTrait, organization_id: Uuid, id: Uuid) -> Result<(), Error> {
    let row = connection::Entity::for_organization(organization_id)
        .filter(connection::Column::Id.eq(id))
        .filter(connection::Column::Status.ne(connection::Status::Disconnected))
        .one(transaction)
        .await?;
    row.map(drop).ok_or(Error::UnknownConnection(id))
}

fn check_description(description: &str) -> Result<(), Error> {
    if description.chars().count() > LONGEST_DESCRIPTION {
        return Err(Error::InvalidDescription);
    }
    Ok(())
}

fn check_kinds(kinds: Vec<String>) -> Result<Value, Error> {
    if kinds.is_empty() {
        return Err(Error::NoKinds);
    }
    let mut known: Vec<&str> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let kind = kind.parse::<EventKind>()?.as_str();
        if !known.contains(&kind) {
            known.push(kind);
        }
    }
    Ok(json!(known))
}

impl From<Model> for Endpoint {
    fn from(row: Model) -> Self {
        let kinds = |kinds: Value| {
            let kinds = kinds.as_array().into_iter().flatten();
            kinds.filter_map(|kind| kind.as_str().map(str::to_owned)).collect()
        };
        Self {
            id: row.id,
            connection_id: row.connection_id,
            url: row.url,
            description: row.description,
            kinds: row.kinds.map(kinds),
            ordered: row.ordered,
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            disabled_at: row.disabled_at,
            failing_since: row.failing_since,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
