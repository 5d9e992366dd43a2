//! Takes every step up, down and up again, on SQLite always and on Postgres when `LINESHAFT_TEST_POSTGRES_URL` is set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use sea_orm_migration::{MigratorTrait as _, SchemaManager};

use super::Migrator;

const TABLES: [&str; 19] = [
    "organization",
    "customer",
    "connection",
    "credential",
    "credential_session",
    "api_token",
    "connection_event",
    "credit_entry",
    "webhook_endpoint",
    "webhook_secret",
    "webhook_delivery",
    "webhook_attempt",
    "connect_link",
    "authorization_flow",
    "exchange_code",
    "audit_entry",
    "lease",
    "mapping_version",
    "discovery_snapshot",
];

const ORGANIZATION: &str = "00000000-0000-7000-8000-000000000001";
const OTHER: &str = "00000000-0000-7000-8000-000000000002";
const CUSTOMER: &str = "00000000-0000-7000-8000-000000000003";

#[tokio::test]
async fn every_step_runs_up_down_and_up_on_sqlite() {
    up_down_up(&sqlite().await).await;
}

#[tokio::test]
async fn each_step_can_be_taken_back_alone_on_sqlite() {
    one_by_one(&sqlite().await).await;
}

#[tokio::test]
async fn a_row_cannot_point_into_another_organization_on_sqlite() {
    let database = sqlite().await;
    Migrator::up(&database, None).await.unwrap();
    foreign_customer_is_refused(&database).await;
}

#[tokio::test]
async fn the_same_holds_on_postgres_when_one_is_named() {
    let Ok(url) = std::env::var("LINESHAFT_TEST_POSTGRES_URL") else {
        return;
    };
    let schema = format!("migrations_{}", std::process::id());
    let administrator = Database::connect(&url).await.unwrap();
    administrator
        .execute_unprepared(&format!("CREATE SCHEMA {schema}"))
        .await
        .unwrap();
    let mut options = ConnectOptions::new(url);
    options.set_schema_search_path(schema.as_str()).max_connections(1);
    let database = Database::connect(options).await.unwrap();

    up_down_up(&database).await;
    Migrator::reset(&database).await.unwrap();
    one_by_one(&database).await;
    Migrator::up(&database, None).await.unwrap();
    foreign_customer_is_refused(&database).await;

    database.close().await.unwrap();
    administrator
        .execute_unprepared(&format!("DROP SCHEMA {schema} CASCADE"))
        .await
        .unwrap();
}

async fn sqlite() -> DatabaseConnection {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1);
    Database::connect(options).await.unwrap()
}

async fn up_down_up(database: &DatabaseConnection) {
    Migrator::up(database, None).await.unwrap();
    assert_eq!(standing(database).await, TABLES);
    Migrator::down(database, None).await.unwrap();
    assert!(standing(database).await.is_empty());
    Migrator::up(database, None).await.unwrap();
    assert_eq!(standing(database).await, TABLES);
}

async fn one_by_one(database: &DatabaseConnection) {
    let steps = Migrator::migrations().len();
    for _ in 0..steps {
        Migrator::up(database, Some(1)).await.unwrap();
        Migrator::down(database, Some(1)).await.unwrap();
        Migrator::up(database, Some(1)).await.unwrap();
    }
    assert_eq!(standing(database).await, TABLES);
    for _ in 0..steps {
        Migrator::down(database, Some(1)).await.unwrap();
    }
    assert!(standing(database).await.is_empty());
}

async fn standing(database: &DatabaseConnection) -> Vec<&'static str> {
    let manager = SchemaManager::new(database);
    let mut standing = Vec::new();
    for table in TABLES {
        if manager.has_table(table).await.unwrap() {
            standing.push(table);
        }
    }
    standing
}

async fn foreign_customer_is_refused(database: &DatabaseConnection) {
    for (id, slug) in [(ORGANIZATION, "one"), (OTHER, "two")] {
        database
            .execute_unprepared(&format!(
                "INSERT INTO organization (id, slug, name, created_at) VALUES ('{id}', '{slug}', '{slug}', '2026-01-01')"
            ))
            .await
            .unwrap();
    }
    database
        .execute_unprepared(&format!(
            "INSERT INTO customer VALUES ('{CUSTOMER}', '{ORGANIZATION}', 'c-1', 'Customer', '2026-01-01')"
        ))
        .await
        .unwrap();
    let insert = |id: u8, organization: &str| {
        format!(
            "INSERT INTO connection (id, organization_id, customer_id, connector, name, deployment, settings, status, \
             status_since, created_at, updated_at) VALUES ('00000000-0000-7000-8000-0000000000{id:02}', \
             '{organization}', '{CUSTOMER}', 'x', 'x', 'cloud', '{{}}', 'PENDING', '2026-01-01', '2026-01-01', \
             '2026-01-01')"
        )
    };
    database.execute_unprepared(&insert(10, ORGANIZATION)).await.unwrap();
    database
        .execute_unprepared(&insert(11, OTHER))
        .await
        .expect_err("the customer is another organization's");
}
