//! What people and programs did to the organization's connections, tokens and webhooks; rows are never changed.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// What kind of party did it.
    pub actor_kind: ActorKind,
    /// The token or link that it was done with.
    pub actor_id: Option<Uuid>,
    /// The name of the token, or the customer's.
    pub actor_name: Option<String>,
    /// The network address that the request came from.
    pub address: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// What was done, such as `connection.disconnect`.
    pub action: String,
    /// What it was done to.
    pub target_id: Option<Uuid>,
    /// What more is to be told: a JSON object without secrets.
    #[sea_orm(column_type = "JsonBinary")]
    pub detail: Json,
    /// When it was done.
    pub created_at: DateTimeUtc,
}

/// What kind of party acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Somebody with an API token.
    #[sea_orm(string_value = "token")]
    Token,
    /// The customer on a hosted page.
    #[sea_orm(string_value = "page")]
    Page,
    /// The operator of the server, by the command line.
    #[sea_orm(string_value = "operator")]
    Operator,
    /// The server itself.
    #[sea_orm(string_value = "server")]
    Server,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();
