//! The credits of an organization: a ledger that is only ever appended to, whose sum is what is available.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use lineshaft_entities::{credit_entry, organization};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    audit::Act,
    connections::Deployment,
    database,
    events::{EventKind, Journal, NewEvent, journal::Change},
    origin::Origin,
};

pub use lineshaft_entities::credit_entry::Kind;

/// What connections cost.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Credits of a connection whose connector is of tier 1, 2 and 3.
    pub tiers: [i64; 3],
    /// What these are multiplied by when the customer runs the system.
    pub on_premises_factor: i64,
    /// Credits of a new organization.
    pub initial: i64,
    /// Share of all credits, from 0 to 1; when no more than that is left, a warning is told.
    pub low_share: f64,
}

/// How many credits an organization has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What was granted.
    pub total: i64,
    /// What is reserved for connections.
    pub used: i64,
    /// What is left.
    pub available: i64,
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The identifier, which orders the entries by time.
    pub id: Uuid,
    /// The connection.
    pub connection_id: Option<Uuid>,
    /// What the entry is.
    pub kind: Kind,
    /// What it adds to what is available.
    pub amount: i64,
    /// Why, for people.
    pub note: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Why credits could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are not enough credits.
    #[error("the connection needs {needed} credits and {available} are available")]
    Exhausted {
        /// What the connection needs.
        needed: i64,
        /// What is left.
        available: i64,
    },
    /// A grant of nothing, or one that takes back more than is available.
    #[error("the amount is zero, or takes back more than the {available} credits that are available")]
    InvalidAmount {
        /// What is left.
        available: i64,
    },
    /// The organization does not exist.
    #[error("there is no organization `{0}`")]
    UnknownOrganization(Uuid),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tiers: [1, 2, 4],
            on_premises_factor: 2,
            initial: 100,
            low_share: 0.2,
        }
    }
}

impl Settings {
    /// Returns the credits of a connection to a connector of this tier (1 to 3).
    #[must_use]
    pub fn price(&self, tier: u8, deployment: Deployment) -> i64 {
        let index = usize::from(tier.clamp(1, 3)) - 1;
        let price = self.tiers.get(index).copied().unwrap_or_default();
        match deployment {
            Deployment::Cloud => price,
            Deployment::OnPremises => price * self.on_premises_factor,
        }
    }

    fn cheapest(&self) -> i64 {
        self.tiers.into_iter().min().unwrap_or_default()
    }
}

/// Returns the balance of an organization.
///
/// # Errors
/// When the database fails.
pub async fn balance(database: &impl ConnectionTrait, organization_id: Uuid) -> Result<Balance, DbErr> {
    #[derive(FromQueryResult)]
    struct Sum {
        kind: Kind,
        amount: i64,
    }
    // Postgres sums bigints to a numeric, which no i64 is read from.
    let sum = Expr::col(credit_entry::Column::Amount).sum().cast_as("bigint");
    let sums = credit_entry::Entity::for_organization(organization_id)
        .select_only()
        .column(credit_entry::Column::Kind)
        .column_as(sum, "amount")
        .group_by(credit_entry::Column::Kind)
        .into_model::<Sum>()
        .all(database)
        .await?;
    let (mut total, mut used) = (0, 0);
    for sum in sums {
        match sum.kind {
            Kind::Granted => total += sum.amount,
            Kind::Reserved | Kind::Released => used -= sum.amount,
        }
    }
    Ok(Balance {
        total,
        used,
        available: total - used,
    })
}

/// Lists entries of the ledger, the newest first, that came before one.
///
/// # Errors
/// When the database fails.
pub async fn entries(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Entry>, DbErr> {
    let mut query = credit_entry::Entity::for_organization(organization_id)
        .order_by_desc(credit_entry::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(credit_entry::Column::Id.lt(before));
    }
    Ok(query.all(database).await?.into_iter().map(Into::into).collect())
}

/// Gives credits to an organization, or takes some back when the amount is negative.
///
/// # Errors
/// When the amount is zero or takes back more than is available.
pub async fn grant(
    journal: &Journal,
    origin: &Origin,
    organization_id: Uuid,
    amount: i64,
    note: Option<String>,
) -> Result<Balance, Error> {
    let change = journal.begin().await?;
    lock(change.transaction(), organization_id).await?;
    let before = balance(change.transaction(), organization_id).await?;
    if amount == 0 || before.available + amount < 0 {
        return Err(Error::InvalidAmount {
            available: before.available,
        });
    }
    insert(change.transaction(), organization_id, None, Kind::Granted, amount, note).await?;
    let act = Act {
        action: "credits.grant",
        target_id: Some(organization_id),
        detail: json!({"amount": amount}),
    };
    change.note(organization_id, origin, act).await?;
    let after = balance(change.transaction(), organization_id).await?;
    change.commit().await?;
    Ok(after)
}

/// Gives a new organization its first credits, within the transaction that makes it.
pub(crate) async fn start(transaction: &impl ConnectionTrait, organization_id: Uuid, amount: i64) -> Result<(), DbErr> {
    if amount == 0 {
        return Ok(());
    }
    insert(transaction, organization_id, None, Kind::Granted, amount, None).await
}

/// Reserves credits for a connection, or fails and leaves the change to be dropped.
pub(crate) async fn reserve(
    change: &mut Change,
    settings: &Settings,
    organization_id: Uuid,
    connection_id: Uuid,
    amount: i64,
) -> Result<(), Error> {
    lock(change.transaction(), organization_id).await?;
    let before = balance(change.transaction(), organization_id).await?;
    if amount > before.available {
        return Err(Error::Exhausted {
            needed: amount,
            available: before.available,
        });
    }
    insert(
        change.transaction(),
        organization_id,
        Some(connection_id),
        Kind::Reserved,
        -amount,
        None,
    )
    .await?;
    let available = before.available - amount;
    let tell = |connection_id, kind| NewEvent {
        organization_id,
        connection_id,
        kind,
        data: json!({"amount": amount, "available": available, "total": before.total}),
    };
    change
        .tell(tell(Some(connection_id), EventKind::CreditsReserved))
        .await?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "credits are small numbers"
    )]
    let low = (before.total as f64 * settings.low_share) as i64;
    let falls_below = |level: i64| before.available >= level && available < level;
    if falls_below(settings.cheapest()) {
        change.tell(tell(None, EventKind::CreditsExhausted)).await?;
    } else if falls_below(low + 1) {
        change.tell(tell(None, EventKind::CreditsLow)).await?;
    }
    Ok(())
}

/// Gives the credits of a connection back.
pub(crate) async fn release(
    change: &mut Change,
    organization_id: Uuid,
    connection_id: Uuid,
    amount: i64,
) -> Result<(), DbErr> {
    if amount == 0 {
        return Ok(());
    }
    insert(
        change.transaction(),
        organization_id,
        Some(connection_id),
        Kind::Released,
        amount,
        None,
    )
    .await?;
    let after = balance(change.transaction(), organization_id).await?;
    let event = NewEvent {
        organization_id,
        connection_id: Some(connection_id),
        kind: EventKind::CreditsReleased,
        data: json!({"amount": amount, "available": after.available, "total": after.total}),
    };
    change.tell(event).await.map(drop)
}

/// Returns whether so many credits are available, for refusing early; what counts is the reservation.
pub(crate) async fn require(database: &impl ConnectionTrait, organization_id: Uuid, needed: i64) -> Result<(), Error> {
    let available = balance(database, organization_id).await?.available;
    if needed > available {
        return Err(Error::Exhausted { needed, available });
    }
    Ok(())
}

/// Makes other changes of the organization's ledger wait. A SQLite transaction that writes has that lock already.
pub(crate) async fn lock(transaction: &impl ConnectionTrait, organization_id: Uuid) -> Result<(), Error> {
    let row = organization::Entity::for_organization(organization_id)
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(drop).ok_or(Error::UnknownOrganization(organization_id))
}

async fn insert(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    connection_id: Option<Uuid>,
    kind: Kind,
    amount: i64,
    note: Option<String>,
) -> Result<(), DbErr> {
    let row = credit_entry::ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(organization_id),
        connection_id: Set(connection_id),
        kind: Set(kind),
        amount: Set(amount),
        note: Set(note),
        created_at: Set(database::now()),
    };
    credit_entry::Entity::insert(row)
        .exec_without_returning(transaction)
        .await
        .map(drop)
}

impl From<credit_entry::Model> for Entry {
    fn from(row: credit_entry::Model) -> Self {
        Self {
            id: row.id,
            connection_id: row.connection_id,
            kind: row.kind,
            amount: row.amount,
            note: row.note,
            created_at: row.created_at,
        }
    }
}
