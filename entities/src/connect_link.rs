//! A link to the hosted page on which a customer connects a system, reconnects one, or changes its mappings.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connect_link")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The keyed hash of the link's token.
    pub hash: Vec<u8>,
    /// The connection: of a reconnect or settings link from the start, of a connect link once it was used.
    pub connection_id: Option<Uuid>,
    /// What the link is for.
    pub purpose: Purpose,
    /// The organization's own identifier of the customer.
    pub customer_external_id: Option<String>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// What the page may offer and how it looks: a JSON object.
    #[sea_orm(column_type = "JsonBinary")]
    pub options: Json,
    /// The keyed hash of the cookie of the browser that opened it.
    pub page_hash: Option<Vec<u8>>,
    /// How often credentials were tried.
    pub tries: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it stops working.
    pub expires_at: DateTimeUtc,
    /// When it was first opened.
    pub opened_at: Option<DateTimeUtc>,
    /// When it led to a connection; it works once.
    pub used_at: Option<DateTimeUtc>,
    /// When it was withdrawn.
    pub revoked_at: Option<DateTimeUtc>,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To connect a system.
    #[sea_orm(string_value = "connect")]
    Connect,
    /// To bring a connection back.
    #[sea_orm(string_value = "reconnect")]
    Reconnect,
    /// To see and change the mappings of a connection.
    #[sea_orm(string_value = "settings")]
    Settings,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the links of all organizations, for counting those that need a key.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a query of the links with one of these hashes, whosever they are: the page is not known before it.
    pub fn by_hash(hashes: impl IntoIterator<Item = Vec<u8>>) -> Select<Self> {
        Self::find().filter(Column::Hash.is_in(hashes))
    }
}
