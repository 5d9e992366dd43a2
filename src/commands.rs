//! Runs the commands of the command line, one module each.

mod connection;
mod connector;
mod demo;
mod errors;
mod events;
mod grammar;
mod keys;
mod migrate;
mod organization;
mod pages;
mod sandbox;
mod schema;
mod serve;
mod token;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use lineshaft_engine::{
    Engine, Session, organizations,
    tokens::{Caller, Scope},
};
use uuid::Uuid;

use crate::{
    cli::{Cli, Command, Owner},
    logging,
    output::Output,
    settings::{Log, LogFormat, Settings, Source},
};

/// Most rows that a listing prints.
const MOST_ROWS: u64 = 10_000;

/// Runs a command and returns the exit code of the process.
///
/// # Errors
/// Tells why the command failed.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let mut out = Output::stdout();
    let settings = || Settings::load(&Source::of_process(cli.config.clone())).context("the settings cannot be used");
    let quiet = || {
        let settings = settings()?;
        start_quiet_log()?;
        anyhow::Ok(settings)
    };
    match cli.command {
        Command::Serve(options) => serve::run(settings()?, options).await,
        Command::Demo(options) => demo::run(options, out).await,
        Command::Migrate { action } => migrate::run(&quiet()?, action, &mut out).await,
        Command::Schema { organization, check } => {
            let sdl = match organization {
                Some(slug) => schema::of_organization(&quiet()?, slug).await?,
                None => lineshaft_api::sdl(),
            };
            schema::run(sdl, check.as_deref(), &mut out)
        }
        Command::Token(action) => token::run(&quiet()?, action, &mut out).await,
        Command::Organization(action) => organization::run(&quiet()?, action, &mut out).await,
        Command::Connection(action) => connection::run(&quiet()?, *action, &mut out).await,
        Command::Connector(action) => connector::run(settings, action, &mut out).await,
        Command::Keys(action) => keys::run(&quiet()?, action, &mut out).await,
        Command::Errors(options) => errors::run(&options, &mut out),
        Command::Events { check } => events::run(check.as_deref(), &mut out),
        Command::Grammar { check } => grammar::run(check.as_deref(), &mut out),
        Command::Sandbox(action) => sandbox::run(action, &mut out).await,
    }
}

/// What the log of a command tells: only what the command itself does not. `connector list` shows connectors with errors.
const QUIET: &str = "error,lineshaft_engine::registry=off";

fn start_quiet_log() -> anyhow::Result<()> {
    logging::start(&Log {
        format: LogFormat::Human,
        filter: QUIET.to_owned(),
    })
}

/// Finds the organization that a command is about.
async fn organization(engine: &Engine, owner: &Owner) -> anyhow::Result<organizations::Organization> {
    if let Some(slug) = &owner.organization {
        let found = organizations::find_by_slug(&engine.database, slug).await?;
        return found
            .with_context(|| format!("there is no organization `{slug}`; `lineshaft organization list` shows them"));
    }
    let mut all = organizations::list(&engine.database, None, 2).await?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => bail!("there is no organization yet; make one with `lineshaft organization create SLUG`"),
        (Some(_), false) => bail!("there are several organizations; name one with `--organization SLUG`"),
    }
}

/// Starts a request of the operator, who may see everything of an organization.
async fn operator(engine: &Engine, organization_id: Uuid) -> anyhow::Result<Session> {
    let caller = Caller {
        organization_id,
        token_id: Uuid::nil(),
        scope: Scope::Organization,
        scopes: [].into(),
    };
    let model = engine
        .models
        .current(organization_id)
        .await
        .context("the mappings of the organization cannot be read")?;
    let id = Uuid::now_v7().to_string().into();
    Ok(Session::start(caller, model, id, engine.settings.query.timeout))
}

/// Returns a moment as people read it.
fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}
