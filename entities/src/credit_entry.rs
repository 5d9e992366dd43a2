//! The ledger of credits: what was granted, reserved and released. Rows are never changed; their sum is the truth.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "credit_entry")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The connection that it was reserved for or released by.
    pub connection_id: Option<Uuid>,
    /// What the entry is.
    pub kind: Kind,
    /// Credits added to what is available; negative when some were reserved.
    pub amount: i64,
    /// Why, for people.
    pub note: Option<String>,
    /// When it was written.
    pub created_at: DateTimeUtc,
}

/// What an entry of the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The operator gave credits to the organization, or took some back.
    #[sea_orm(string_value = "granted")]
    Granted,
    /// A connection became active.
    #[sea_orm(string_value = "reserved")]
    Reserved,
    /// A connection was disconnected.
    #[sea_orm(string_value = "released")]
    Released,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();
