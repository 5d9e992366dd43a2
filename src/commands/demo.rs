//! `lineshaft demo`: a server with simulated systems and connections to all of them, without a question.

mod life;
mod plant;
mod screen;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use futures_util::future::join_all;
use lineshaft_engine::{Engine, ProbeReport, connections::Connection, origin::Origin, tokens::NewToken};
use lineshaft_sandbox::{Receiver, Sandbox};
use lineshaft_schema::ConnectionId;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{net::TcpListener, time::Instant};

use super::{operator, serve};
use crate::{
    cli,
    http::{App, serve::told_to_stop},
    logging,
    output::Output,
    settings::{Settings, Source},
    start::{self, Migrations},
    telemetry,
};

const USUAL_PORT: u16 = 8080;

/// One simulated system with its connection.
struct Station {
    sandbox: Sandbox,
    /// The connection and how its trial went, or why there is none.
    outcome: Result<(Connection, ProbeReport), String>,
}

/// Everything that the screen tells.
struct Shown<'a> {
    address: std::net::SocketAddr,
    token: &'a SecretString,
    stations: &'a [Station],
    receiver: &'a Receiver,
    folder: &'a Folder,
    started: Instant,
}

/// The folder of the demo's data.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the data of the demo cannot be removed");
        }
    }
}

/// Runs the demo.
pub(super) async fn run(options: cli::Demo, mut out: Output) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let folder = folder(options.keep.as_deref())?;
    let settings = settings(&folder.path)?;
    logging::start(&settings.log)?;
    let metrics = telemetry::recorder()?;
    let listener = listen(options.port).await?;
    let engine = start::engine(&settings, Migrations::AsSettingsSay).await?;
    let organization = plant::organization(&engine).await?;
    let sandboxes = plant::start(&engine, organization, options.size.into()).await?;
    let session = operator(&engine, organization).await?;
    let stations = sandboxes.into_iter().map(async |(sandbox, added)| {
        let outcome = match added {
            Ok(connection) => try_connection(&engine, &session, connection)
                .await
                .map_err(|error| format!("{error:#}")),
            Err(problem) => Err(problem),
        };
        Station { sandbox, outcome }
    });
    let stations = join_all(stations).await;
    let receiver = life::receiver(&engine, organization).await?;
    let token = token(&engine, organization).await?;
    let shown = Shown {
        address: listener.local_addr()?,
        token: &token,
        stations: &stations,
        receiver: &receiver,
        folder: &folder,
        started,
    };
    screen::show(&shown, &mut out)?;
    let app = Arc::new(App::new(engine.clone(), settings, metrics));
    let told = async {
        if let Err(error) = life::tell(engine, organization, &mut out).await {
            tracing::error!(%error, "events are no longer shown");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = Box::pin(serve::serve_app(&app, listener, told_to_stop())) => served?,
        () = told => {}
    }
    out.line("\nStopped.")?;
    Ok(ExitCode::SUCCESS)
}

async fn try_connection(
    engine: &Engine,
    session: &lineshaft_engine::Session,
    connection: Connection,
) -> anyhow::Result<(Connection, ProbeReport)> {
    let report = engine.probe(session, ConnectionId(connection.id)).await?;
    let connection = engine
        .connections
        .get(connection.organization_id, connection.id)
        .await?;
    Ok((connection, report))
}

/// A demo never touches what the settings of this machine point to: it starts from the defaults alone.
fn settings(folder: &Path) -> anyhow::Result<Settings> {
    let mut settings = Settings::load(&Source::default())?;
    settings.database.url = SecretString::from(format!("sqlite://{}", folder.join("lineshaft.db").display()));
    settings.secrets.key_file = folder.join("lineshaft.key");
    settings.upstream.allow_networks = vec!["127.0.0.0/8".to_owned()];
    settings.webhooks.allow_http = true;
    // What happens to a system is to be seen at once.
    settings.health.check_every_s = 1;
    settings.health.idle_check_every_s = 1;
    settings.health.unreachable_check_every_s = 1;
    settings.health.jitter = 0.0;
    settings.log.filter = super::QUIET.to_owned();
    settings.server.shutdown_grace_ms = 2_000;
    Ok(settings)
}

fn folder(keep: Option<&Path>) -> anyhow::Result<Folder> {
    let path = match keep {
        Some(path) => path.to_owned(),
        None => std::env::temp_dir().join(format!("lineshaft-demo-{}", uuid::Uuid::new_v4().simple())),
    };
    std::fs::create_dir_all(&path).with_context(|| format!("the folder `{}` cannot be made", path.display()))?;
    Ok(Folder {
        path,
        is_kept: keep.is_some(),
    })
}

/// Opens the named port, or else the usual one, or else a free one.
async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    if let Some(port) = port {
        return TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("port {port} cannot be listened on"));
    }
    match TcpListener::bind(("127.0.0.1", USUAL_PORT)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no port can be listened on"),
    }
}

async fn token(engine: &Engine, organization_id: uuid::Uuid) -> anyhow::Result<SecretString> {
    let new = NewToken {
        organization_id,
        connection_id: None,
        name: "demo".to_owned(),
        scopes: Vec::new(),
        expires_at: None,
    };
    let issued = engine.create_token(new, &Origin::operator()).await?;
    Ok(SecretString::from(issued.text.expose_secret()))
}
