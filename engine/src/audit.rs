//! Writes down and lists what people and programs did to an organization's connections, tokens and webhooks.

use chrono::{DateTime, Utc};
use lineshaft_entities::{api_token, audit_entry};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    database,
    origin::{Actor, Origin},
};

pub use lineshaft_entities::audit_entry::ActorKind;

/// One act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The identifier, which orders the acts by time.
    pub id: Uuid,
    /// What kind of party did it.
    pub actor_kind: ActorKind,
    /// The token or link that it was done with.
    pub actor_id: Option<Uuid>,
    /// The name of the token.
    pub actor_name: Option<String>,
    /// The network address that the request came from.
    pub address: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub target_id: Option<Uuid>,
    /// What more is to be told.
    pub detail: Value,
    /// When it was done.
    pub created_at: DateTime<Utc>,
}

/// An act to write down.
#[derive(Clone, Debug)]
pub struct Act {
    /// What was done, such as `connection.disconnect`.
    pub action: &'static str,
    /// What it was done to.
    pub target_id: Option<Uuid>,
    /// What more is to be told: a JSON object without secrets.
    pub detail: Value,
}

/// Which acts to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only what was done to this.
    pub target_id: Option<Uuid>,
    /// Only what was done with this token or link.
    pub actor_id: Option<Uuid>,
    /// Only acts with one of these names.
    pub actions: Option<Vec<String>>,
}

/// Writes an act down, within the transaction that does it.
///
/// # Errors
/// When the database fails.
pub async fn record(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    origin: &Origin,
    act: Act,
) -> Result<(), DbErr> {
    let (kind, id) = match origin.actor {
        Actor::Token(id) => (ActorKind::Token, Some(id)),
        Actor::Page(id) => (ActorKind::Page, Some(id)),
        Actor::Operator => (ActorKind::Operator, None),
        Actor::Server => (ActorKind::Server, None),
    };
    let name = match origin.actor {
        Actor::Token(id) => {
            let query = api_token::Entity::for_organization(organization_id).filter(api_token::Column::Id.eq(id));
            query.one(transaction).await?.map(|token| token.name)
        }
        Actor::Page(_) | Actor::Operator | Actor::Server => None,
    };
    let row = audit_entry::ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(organization_id),
        actor_kind: Set(kind),
        actor_id: Set(id),
        actor_name: Set(name),
        address: Set(origin.address.clone()),
        request_id: Set(origin.request_id.as_deref().map(str::to_owned)),
        action: Set(act.action.to_owned()),
        target_id: Set(act.target_id),
        detail: Set(act.detail),
        created_at: Set(database::now()),
    };
    row.insert(transaction).await.map(drop)
}

/// Lists acts, the newest first, that came before one.
///
/// # Errors
/// When the database fails.
pub async fn list(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    filter: &Filter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Entry>, DbErr> {
    let mut query = audit_entry::Entity::for_organization(organization_id)
        .order_by_desc(audit_entry::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(audit_entry::Column::Id.lt(before));
    }
    if let Some(target) = filter.target_id {
        query = query.filter(audit_entry::Column::TargetId.eq(target));
    }
    if let Some(actor) = filter.actor_id {
        query = query.filter(audit_entry::Column::ActorId.eq(actor));
    }
    if let Some(actions) = &filter.actions {
        query = query.filter(audit_entry::Column::Action.is_in(actions));
    }
    Ok(query.all(database).await?.into_iter().map(Into::into).collect())
}

impl From<audit_entry::Model> for Entry {
    fn from(row: audit_entry::Model) -> Self {
        Self {
            id: row.id,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            address: row.address,
            request_id: row.request_id,
            action: row.action,
            target_id: row.target_id,
            detail: row.detail,
            created_at: row.created_at,
        }
    }
}
