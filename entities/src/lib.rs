//! The rows of Lineshaft's own tables, one module a table. Every statement starts at a function here that names
//! whose rows it touches (`for_organization`, `update_for_organization`, `delete_for_organization`).

pub mod organization;

pub mod customer;

pub mod connection;

pub mod credential;

pub mod credential_session;

pub mod api_token;

pub mod connection_event;

pub mod credit_entry;

pub mod webhook_endpoint;

pub mod webhook_secret;

pub mod webhook_delivery;

pub mod webhook_attempt;
pub mod write_operation;

pub mod mapping_version;

pub mod discovery_snapshot;

pub mod connect_link;

pub mod authorization_flow;

pub mod exchange_code;

pub mod audit_entry;

pub mod lease;

/// Writes the scoped starting points of an entity whose rows belong to an organization.
macro_rules! owned_by_organization {
    () => {
        #[expect(
            clippy::disallowed_methods,
            reason = "the scoped starting points are made here"
        )]
        impl Entity {
            /// Returns a query of the rows of one organization.
            pub fn for_organization(id: uuid::Uuid) -> sea_orm::Select<Self> {
                use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
                Self::find().filter(Column::OrganizationId.eq(id))
            }

            /// Returns an update of the rows of one organization.
            pub fn update_for_organization(id: uuid::Uuid) -> sea_orm::UpdateMany<Self> {
                use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
                Self::update_many().filter(Column::OrganizationId.eq(id))
            }

            /// Returns a deletion of the rows of one organization.
            pub fn delete_for_organization(id: uuid::Uuid) -> sea_orm::DeleteMany<Self> {
                use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
                Self::delete_many().filter(Column::OrganizationId.eq(id))
            }
        }
    };
}
use owned_by_organization;
