//! A migrated database in a folder of its own, and what the tests of this crate put into it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use lineshaft_entities::connection;
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ColumnTrait as _, DatabaseConnection, QueryFilter as _, Set};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    connections::{Connections, Deployment, NewConnection, Status},
    credentials::{SecretFields, Vault},
    events::Journal,
    organizations::{self, NewOrganization},
    secrets::KeyRing,
    tokens::Tokens,
};

/// The stores over one database, with two organizations.
pub(crate) struct Stores {
    pub(crate) folder: Option<TempDir>,
    pub(crate) database: DatabaseConnection,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) vault: Vault,
    pub(crate) tokens: Tokens,
    pub(crate) connections: Connections,
    pub(crate) acme: Uuid,
    pub(crate) rival: Uuid,
}

/// Opens new stores on SQLite.
pub(crate) async fn stores() -> Stores {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite://{}", folder.path().join("state.db").display());
    let database = super::connect(&address, &super::Settings::default()).await.unwrap();
    fill(Some(folder), database).await
}

/// Opens new stores on every kind of database: SQLite, and Postgres when `LINESHAFT_TEST_POSTGRES_URL` names one.
pub(crate) async fn stores_everywhere() -> Vec<Stores> {
    let mut everywhere = vec![stores().await];
    everywhere.extend(postgres_stores().await);
    everywhere
}

/// Opens new stores in a schema of their own, which stays for the curious.
async fn postgres_stores() -> Option<Stores> {
    use sea_orm::ConnectionTrait as _;
    let address = std::env::var("LINESHAFT_TEST_POSTGRES_URL").ok()?;
    let schema = format!("engine_{}", Uuid::now_v7().simple());
    let administrator = super::connect(&address, &super::Settings::default()).await.unwrap();
    administrator
        .execute_unprepared(&format!("CREATE SCHEMA {schema}"))
        .await
        .unwrap();
    administrator.close().await.unwrap();
    let separator = if address.contains('?') { '&' } else { '?' };
    let address = format!("{address}{separator}options[search_path]={schema}");
    let database = super::connect(&address, &super::Settings::default()).await.unwrap();
    Some(fill(None, database).await)
}

async fn fill(folder: Option<TempDir>, database: DatabaseConnection) -> Stores {
    Migrator::up(&database, None).await.unwrap();
    let keys = Arc::new(KeyRing::generate().unwrap());
    let vault = Vault::new(database.clone(), keys.clone());
    let tokens = Tokens::new(database.clone(), keys.clone());
    let connections = Connections::new(&Journal::new(database.clone()), vault.clone());
    let mut ids = Vec::new();
    for slug in ["acme", "rival"] {
        let new = NewOrganization {
            slug: slug.to_owned(),
            name: slug.to_uppercase(),
            credits: 100,
        };
        ids.push(organizations::create(&database, new).await.unwrap().id);
    }
    Stores {
        folder,
        database,
        keys,
        vault,
        tokens,
        connections,
        acme: ids[0],
        rival: ids[1],
    }
}

/// Returns secret fields with one password.
pub(crate) fn password(password: &str) -> SecretFields {
    let mut fields = serde_json::Map::new();
    fields.insert("user".to_owned(), "clerk".into());
    fields.insert("password".to_owned(), password.into());
    SecretFields::new(fields)
}

/// Returns a connection to add.
pub(crate) fn new_connection(organization_id: Uuid, name: &str) -> NewConnection {
    NewConnection {
        organization_id,
        customer: None,
        connector: "tryton".to_owned(),
        name: name.to_owned(),
        deployment: Deployment::Cloud,
        settings: serde_json::Map::new(),
        credentials: password("open sesame"),
    }
}

/// Sets the state of one of the first organization's connections, whatever led to it.
pub(crate) async fn set_status(stores: &Stores, id: Uuid, status: Status) {
    connection::Entity::update_for_organization(stores.acme)
        .set(connection::ActiveModel {
            status: Set(status),
            ..Default::default()
        })
        .filter(connection::Column::Id.eq(id))
        .exec(&stores.database)
        .await
        .unwrap();
}
