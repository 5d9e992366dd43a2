//! `lineshaft serve`: runs the server until it is told to stop.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};

use crate::{
    cli, http,
    http::{
        App,
        serve::{Bounds, serve, told_to_stop},
    },
    logging,
    settings::{LogFormat, Settings},
    start::{Migrations, engine},
    telemetry,
};

/// How often metrics that are no longer read are thrown away.
const UPKEEP: Duration = Duration::from_secs(5);

/// Runs the server. Whoever reads JSON gets the reason of a failure as JSON as well.
pub(super) async fn run(mut settings: Settings, options: cli::Serve) -> anyhow::Result<ExitCode> {
    if let Some(bind) = options.bind {
        settings.server.bind = bind;
    }
    logging::start(&settings.log)?;
    let format = settings.log.format;
    match run_until_told(settings).await {
        Err(error) if format == LogFormat::Json => {
            tracing::error!(error = format!("{error:#}"), "the server cannot run");
            Ok(ExitCode::FAILURE)
        }
        outcome => outcome,
    }
}

async fn run_until_told(settings: Settings) -> anyhow::Result<ExitCode> {
    let metrics = telemetry::recorder()?;
    let engine = engine(&settings, Migrations::AsSettingsSay).await?;
    let listener = listen(&settings.server.bind, "server.bind").await?;
    let address = listener.local_addr()?;
    for connector in engine.registry.rejected() {
        for problem in &connector.problems {
            tracing::error!(
                connector.folder = connector.folder,
                problem,
                "a connector has an error and is left out"
            );
        }
    }
    tracing::info!(
        %address,
        url = settings.public_url(address),
        connectors = engine.registry.all().count(),
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
    let app = Arc::new(App::new(engine, settings, metrics));
    Box::pin(serve_app(&app, listener, told_to_stop())).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Opens a port.
pub(super) async fn listen(address: &str, setting: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("`{address}` (setting `{setting}`) cannot be listened on"))
}

/// Serves the API, and metrics on their own address, and works in the background, until `stop` is done. The work in the
/// background ends last: what the last requests told is still written.
pub(super) async fn serve_app(
    app: &Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    app.engine.serve_under(app.settings.public_url(listener.local_addr()?));
    let server = &app.settings.server;
    let bounds = Bounds {
        header_timeout: Duration::from_millis(server.header_timeout_ms),
        connections: server.max_connections,
        grace: Duration::from_millis(server.shutdown_grace_ms),
    };
    let (stopping, stopped) = watch::channel(());
    let own_metrics = match app.settings.metrics.bind.as_str() {
        "" => None,
        bind => Some(listen(bind, "metrics.bind").await?),
    };
    let metrics = async {
        if let Some(listener) = own_metrics {
            let mut stopped = stopped.clone();
            let address = listener
                .local_addr()
                .unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
            tracing::info!(%address, "serving metrics");
            // An error says that the sender is gone, which means the same.
            let stop = async move { drop(stopped.changed().await) };
            serve(listener, http::metrics_router(app), bounds, stop, async {}).await;
        }
    };
    let api = async {
        let stop = async {
            stop.await;
            app.stop();
            drop(stopping);
        };
        serve(listener, http::router(app), bounds, stop, app.drained()).await;
    };
    let (serving, served) = oneshot::channel::<()>();
    let service = async {
        tokio::join!(api, metrics);
        drop(serving);
    };
    let background = app.engine.run(async { drop(served.await) });
    let upkeep = async {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            app.metrics.run_upkeep();
        }
    };
    tokio::select! {
        _ = async { tokio::join!(service, background) } => Ok(()),
        () = upkeep => Ok(()),
    }
}
