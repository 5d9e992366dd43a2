//! Counts the rows of a SQLite database from outside, so that it is seen what was stored.

use std::{collections::BTreeMap, path::Path};

use sqlx::{
    AssertSqlSafe, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

async fn open(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Returns how many rows each table has.
pub async fn counts(file: &Path) -> BTreeMap<String, i64> {
    let mut database = open(file).await;
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut database)
        .await
        .unwrap();
    let mut counts = BTreeMap::new();
    for name in names {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM \"{name}\""));
        let count = sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap();
        counts.insert(name, count);
    }
    counts
}

/// Returns the rows of a statement.
pub async fn select(file: &Path, sql: &str) -> Vec<SqliteRow> {
    let mut database = open(file).await;
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::query(sql).fetch_all(&mut database).await.unwrap()
}
