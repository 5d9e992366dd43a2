//! Opens the database of the server's own state: SQLite as the embedded default, Postgres for more than one server.

#[cfg(test)]
pub(crate) mod testing;

use std::{path::Path, str::FromStr as _, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
    sqlx::{
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

/// How the database is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most connections that are open at once; a database in memory has one, whatever this says.
    pub max_connections: u32,
    /// How long a statement waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a statement waits for a lock: of the SQLite file, or of a Postgres row.
    pub lock_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
        }
    }
}

/// Why the database could not be opened. No message repeats the address, which may carry a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address names no database that is known here.
    #[error("the database address must start with `sqlite:` or `postgres:`")]
    UnknownKind,
    /// The address is of a known kind and malformed.
    #[error("the database address is malformed")]
    MalformedAddress,
    /// The file of a SQLite database could not be made.
    #[error("the database file cannot be created")]
    File(#[source] std::io::Error),
    /// The database did not let us in, or did not answer.
    #[error("the database cannot be opened")]
    Open(#[source] sea_orm::sqlx::Error),
}

/// Opens the database at an address such as `sqlite://state.db`, `sqlite::memory:` or `postgres://user@host/name`.
///
/// A SQLite file and its folders are created when missing, readable by their owner only.
pub async fn connect(address: &str, settings: &Settings) -> Result<DatabaseConnection, Error> {
    if address.starts_with("sqlite:") {
        return connect_sqlite(address, settings).await;
    }
    if address.starts_with("postgres:") || address.starts_with("postgresql:") {
        return connect_postgres(address, settings).await;
    }
    Err(Error::UnknownKind)
}

/// Begins a transaction that is going to write. SQLite takes its write lock at once: a transaction that first
/// reads and then writes could otherwise be refused in its middle.
pub(crate) async fn begin_writing(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    database.begin_with_options(options).await
}

/// Returns the present moment in the microseconds that both databases can keep.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

async fn connect_sqlite(address: &str, settings: &Settings) -> Result<DatabaseConnection, Error> {
    let in_memory = address.contains(":memory:") || address.contains("mode=memory");
    let options = SqliteConnectOptions::from_str(address)
        .map_err(|_| Error::MalformedAddress)?
        .foreign_keys(true)
        .busy_timeout(settings.lock_timeout);
    let pool = SqlitePoolOptions::new().acquire_timeout(settings.acquire_timeout);
    if in_memory {
        // The database lives as long as its only connection, which is therefore never closed.
        let pool = pool
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None);
        return Ok(pool.connect_with(options).await.map_err(Error::Open)?.into());
    }
    create_file(options.get_filename()).map_err(Error::File)?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        // What is noted of a write before its request leaves must survive a power cut.
        .synchronous(SqliteSynchronous::Full);
    let pool = pool.max_connections(settings.max_connections.max(1));
    Ok(pool.connect_with(options).await.map_err(Error::Open)?.into())
}

/// Creates the database file with tight permissions; SQLite gives the same ones to its companion files.
fn create_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn connect_postgres(address: &str, settings: &Settings) -> Result<DatabaseConnection, Error> {
    let lock_timeout = settings.lock_timeout.as_millis().to_string();
    let options = PgConnectOptions::from_str(address)
        .map_err(|_| Error::MalformedAddress)?
        .application_name("lineshaft")
        .options([("lock_timeout", lock_timeout.as_str())]);
    let pool = PgPoolOptions::new()
        .acquire_timeout(settings.acquire_timeout)
        .max_connections(settings.max_connections.max(1));
    Ok(pool.connect_with(options).await.map_err(Error::Open)?.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use sea_orm::ConnectionTrait as _;

    use super::*;

    async fn pragma(database: &DatabaseConnection, name: &str) -> String {
        let row = database
            .query_one_raw(sea_orm::Statement::from_string(
                sea_orm::DbBackend::Sqlite,
                format!("PRAGMA {name}"),
            ))
            .await
            .unwrap()
            .unwrap();
        row.try_get_by_index::<String>(0)
            .or_else(|_| row.try_get_by_index::<i64>(0).map(|number| number.to_string()))
            .unwrap()
    }

    #[tokio::test]
    async fn a_missing_sqlite_file_is_created_with_wal_and_foreign_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state.db");
        let database = connect(&format!("sqlite://{}", path.display()), &Settings::default())
            .await
            .unwrap();
        assert_eq!(pragma(&database, "journal_mode").await, "wal");
        assert_eq!(pragma(&database, "synchronous").await, "2");
        assert_eq!(pragma(&database, "foreign_keys").await, "1");
        assert_eq!(pragma(&database, "busy_timeout").await, "5000");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_database_in_memory_is_one_database() {
        let database = connect("sqlite::memory:", &Settings::default()).await.unwrap();
        database.execute_unprepared("CREATE TABLE t (n integer)").await.unwrap();
        let both = tokio::join!(
            database.execute_unprepared("INSERT INTO t VALUES (1)"),
            database.execute_unprepared("INSERT INTO t VALUES (2)")
        );
        both.0.unwrap();
        both.1.unwrap();
    }

    #[tokio::test]
    async fn an_address_of_another_kind_is_refused_without_being_repeated() {
        let error = connect("mysql://root:hunter2@host/db", &Settings::default())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::UnknownKind));
        assert!(!format!("{error:?} {error}").contains("hunter2"));
        let error = connect("postgres://u:hunter2@host:port/db", &Settings::default())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::MalformedAddress));
    }
}
