//! The schema of Lineshaft's own state, as steps that are only ever appended. A step never imports `entities`,
//! can be taken back, and runs on SQLite and Postgres alike.

#![expect(elided_lifetimes_in_paths, reason = "the trait of sea-orm-migration is declared so")]

mod m20261122_000001_create_organization;

mod m20261122_000002_create_customer;

mod m20261122_000003_create_connection;

mod m20261122_000004_create_credential;

mod m20261122_000005_create_api_token;

mod m20261122_000006_extend_connection;

mod m20261122_000007_create_connection_event;

mod m20261122_000008_create_webhook;

mod m20261122_000009_create_connect_link;

mod m20261122_000010_create_audit_entry;

mod m20261122_000011_add_token_key;
mod m20261122_000012_create_write_operation;
mod m20261122_000013_create_mapping_version;
mod m20261122_000014_create_discovery_snapshot;

mod parts;

#[cfg(test)]
mod tests;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{MigrationTrait, async_trait};

/// All steps in their order: `Migrator::up(&database, None)` brings a database to the newest schema.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_create_organization::Migration),
            Box::new(m20261122_000002_create_customer::Migration),
            Box::new(m20261122_000003_create_connection::Migration),
            Box::new(m20261122_000004_create_credential::Migration),
            Box::new(m20261122_000005_create_api_token::Migration),
            Box::new(m20261122_000006_extend_connection::Migration),
            Box::new(m20261122_000007_create_connection_event::Migration),
            Box::new(m20261122_000008_create_webhook::Migration),
            Box::new(m20261122_000009_create_connect_link::Migration),
            Box::new(m20261122_000010_create_audit_entry::Migration),
            Box::new(m20261122_000011_add_token_key::Migration),
            Box::new(m20261122_000012_create_write_operation::Migration),
            Box::new(m20261122_000013_create_mapping_version::Migration),
            Box::new(m20261122_000014_create_discovery_snapshot::Migration),
        ]
    }
}
