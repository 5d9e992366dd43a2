//! Puts the server together from its settings: database, keys, connectors, client, engine.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use lineshaft_connect::transport::{HttpClient, Wire};
use lineshaft_databases::Databases;
use lineshaft_engine::{
    Engine, Parts, credentials, database,
    registry::Registry,
    secrets::{self, KeyRing},
};
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use lineshaft_schema::Catalogue;
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use crate::{embedded, settings::Settings};

/// Credentials that are moved to the current key in one go.
const RESEALED_AT_ONCE: u64 = 200;

/// What the database must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// Brought up to date if the settings allow it, else refused when it is not.
    AsSettingsSay,
    /// Left as it is.
    Leave,
}

/// Opens the database and puts the engine together.
///
/// # Errors
/// Tells what is missing and what to do about it.
pub async fn engine(settings: &Settings, migrations: Migrations) -> anyhow::Result<Arc<Engine>> {
    let registry = registry(settings)?;
    let keys = Arc::new(keys(settings)?);
    let wire = wire(settings)?;
    let url = settings.database.url.expose_secret();
    let waiting = Instant::now() + Duration::from_millis(settings.database.wait_ms);
    let mut pause = Duration::from_millis(250);
    let database = loop {
        match database::connect(url, &settings.database.options()).await {
            Ok(database) => break database,
            Err(error) if is_worth_waiting(&error, url) && Instant::now() + pause < waiting => {
                tracing::warn!(error = %anyhow::Error::new(error), retry_ms = pause.as_millis(), "the database does not answer yet, trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(error) => {
                return Err(
                    anyhow::Error::new(error).context("the database at the setting `database.url` cannot be used")
                );
            }
        }
    };
    let engine = Engine::new(Parts {
        database,
        keys,
        registry,
        wire,
        settings: settings.engine(),
    });
    if migrations == Migrations::AsSettingsSay {
        bring_up_to_date(&engine, settings.database.migrate).await?;
        check_keys(&engine, settings).await?;
    }
    Ok(Arc::new(engine))
}

/// Returns the way to systems: HTTP, and databases for the connectors that speak SQL.
///
/// # Errors
/// Tells which of the settings cannot be used.
pub fn wire(settings: &Settings) -> anyhow::Result<Arc<dyn Wire>> {
    let settings = settings.upstream.client()?;
    let client = HttpClient::new(&settings).context("the client for calls to systems cannot be made")?;
    Ok(Arc::new(Databases::new(Arc::new(client), &settings)))
}

/// Returns the connectors: the built-in ones, then those of the directories.
///
/// # Errors
/// When a directory cannot be read.
pub fn registry(settings: &Settings) -> anyhow::Result<Registry> {
    let mut registry = built_in()?;
    for directory in &settings.connectors.directories {
        registry.add_directory(directory).with_context(|| {
            format!(
                "the folder `{}` of `connectors.directories` cannot be read",
                directory.display()
            )
        })?;
    }
    Ok(registry)
}

/// Returns the built-in connectors.
///
/// # Errors
/// When the unified model cannot be read.
pub fn built_in() -> anyhow::Result<Registry> {
    let catalogue =
        Catalogue::unified().map_err(|problem| anyhow::anyhow!("the unified model cannot be read: {problem}"))?;
    let mut registry = Registry::new(catalogue);
    let files = embedded::connectors();
    registry.add_files(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    Ok(registry)
}

/// Returns the names of migrations that are not applied yet.
///
/// # Errors
/// When the database does not answer.
pub async fn pending_migrations(engine: &Engine) -> anyhow::Result<Vec<String>> {
    let pending = Migrator::get_pending_migrations_read_only(&engine.database).await;
    let pending = pending.context("the database cannot tell its migrations")?;
    Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
}

async fn bring_up_to_date(engine: &Engine, migrate: bool) -> anyhow::Result<()> {
    let pending = pending_migrations(engine).await?;
    if pending.is_empty() {
        return Ok(());
    }
    if !migrate {
        bail!(
            "the database is not up to date: {} migrations are missing; run `lineshaft migrate`",
            pending.len()
        );
    }
    Migrator::up(&engine.database, None)
        .await
        .context("the database cannot be brought up to date")?;
    tracing::info!(migrations = pending.len(), "brought the database up to date");
    Ok(())
}

fn keys(settings: &Settings) -> anyhow::Result<KeyRing> {
    let secrets = &settings.secrets;
    if secrets.keys.is_empty() {
        return KeyRing::load_or_create(&secrets.key_file).with_context(|| {
            format!(
                "the keys cannot be read from `{}` (setting `secrets.key_file`)",
                secrets.key_file.display()
            )
        });
    }
    KeyRing::parse(&secrets.keys).context("the keys of the setting `secrets.keys` cannot be used")
}

/// Moves what older keys sealed to the current key, and returns how much that was.
///
/// # Errors
/// When something cannot be opened, or the database fails.
pub async fn reseal(engine: &Engine) -> Result<usize, credentials::Error> {
    let mut moved = 0;
    loop {
        match engine.vault.reseal(RESEALED_AT_ONCE).await? {
            0 => return Ok(moved),
            count => moved += count,
        }
    }
}

/// Moves what older keys sealed to the current key, which also shows whether all keys are there.
async fn check_keys(engine: &Engine, settings: &Settings) -> anyhow::Result<()> {
    match reseal(engine).await {
        Ok(0) => {}
        Ok(moved) => tracing::info!(credentials = moved, "sealed credentials anew with the current key"),
        Err(credentials::Error::Secrets(secrets::Error::UnknownKey(key))) => {
            let place = match settings.secrets.keys.is_empty() {
                true => format!("the key file `{}`", settings.secrets.key_file.display()),
                false => "the setting `secrets.keys`".to_owned(),
            };
            bail!(
                "stored credentials were sealed with the key `{key}`, which {place} does not have; \
                 put that key back, or point `secrets.key_file` to the file that belongs to this database"
            );
        }
        Err(error) => return Err(anyhow::Error::new(error).context("the stored credentials cannot be checked")),
    }
    Ok(())
}

/// A database server may still be starting; a wrong address or file never comes right by waiting.
fn is_worth_waiting(error: &database::Error, url: &str) -> bool {
    matches!(error, database::Error::Open(_)) && !url.starts_with("sqlite:")
}
