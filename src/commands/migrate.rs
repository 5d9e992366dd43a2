//! `lineshaft migrate`: brings the server's own database up to date, takes steps back, tells where it stands.

use std::process::ExitCode;

use anyhow::Context as _;
use lineshaft_engine::Engine;
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use serde_json::json;

use crate::{
    cli::Migrate,
    output::Output,
    settings::Settings,
    start::{self, Migrations},
};

/// Runs the command.
pub(super) async fn run(settings: &Settings, action: Option<Migrate>, out: &mut Output) -> anyhow::Result<ExitCode> {
    let engine = start::engine(settings, Migrations::Leave).await?;
    match action.unwrap_or(Migrate::Up) {
        Migrate::Up => up(&engine, out).await?,
        Migrate::Down { steps } => {
            Migrator::down(&engine.database, Some(steps))
                .await
                .context("the steps cannot be taken back")?;
            out.line(&format!("Took back {steps} of the steps."))?;
        }
        Migrate::Status { json } => return status(&engine, json, out).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn up(engine: &Engine, out: &mut Output) -> anyhow::Result<()> {
    let pending = start::pending_migrations(engine).await?;
    if pending.is_empty() {
        out.line("The database is up to date.")?;
        return Ok(());
    }
    Migrator::up(&engine.database, None)
        .await
        .context("the database cannot be brought up to date")?;
    for name in &pending {
        out.line(&format!("applied  {name}"))?;
    }
    Ok(())
}

/// Tells which steps are applied; the exit code says whether all are.
async fn status(engine: &Engine, json: bool, out: &mut Output) -> anyhow::Result<ExitCode> {
    let pending = start::pending_migrations(engine).await?;
    let all: Vec<String> = Migrator::get_migration_files()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    let steps = all.iter().map(|name| (name, !pending.contains(name)));
    if json {
        let steps: Vec<_> = steps
            .map(|(name, applied)| json!({"name": name, "applied": applied}))
            .collect();
        out.json(&steps)?;
    } else {
        let rows: Vec<_> = steps
            .map(|(name, applied)| [name.clone(), if applied { "applied" } else { "missing" }.to_owned()])
            .collect();
        out.table(["STEP", "STATE"], &rows)?;
    }
    Ok(if pending.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
