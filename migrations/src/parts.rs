//! Keys that many tables share.

use sea_orm_migration::prelude::*;

/// The key from a row to its organization.
pub(crate) fn of_organization(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_organization"))
        .from(table, "organization_id")
        .to("organization", "id")
        .to_owned()
}

/// The key from a row to its connection, which is one of the same organization.
pub(crate) fn of_connection(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_connection"))
        .from(table, ("organization_id", "connection_id"))
        .to("connection", ("organization_id", "id"))
        .to_owned()
}
