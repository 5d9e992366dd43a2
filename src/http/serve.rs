//! Accepts connections, keeps slow and idle clients within bounds, and drains before the server stops.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt as _;

use super::around::Peer;

/// Bounds of the server.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Time within which the headers of a request must arrive.
    pub header_timeout: Duration,
    /// Connections that may be open at once.
    pub connections: usize,
    /// Time that requests under way have to end.
    pub grace: Duration,
}

/// Bytes that headers may take before the connection is cut; the API's own limit, which explains itself, is lower.
const HEADER_BUFFER: usize = 128 * 1024;
const STREAMS_PER_CONNECTION: u32 = 128;

/// Serves until `stop` is done, then lets what is under way, and the streams that outlive their connections, end within
/// the grace period.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
    streams: impl Future<Output = ()>,
) {
    let builder = connections(bounds);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(bounds.connections));
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most often too many open files; some of them will be closed.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = router.clone().map_request(move |mut request: http::Request<_>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service))
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%error, client.address = %peer, "a connection broke off");
            }
        });
    }
    drop(listener);
    if graceful.count() > 0 {
        tracing::info!(
            connections = graceful.count(),
            "stopping: requests under way are finished, new ones are refused"
        );
    }
    let ended = async { tokio::join!(graceful.shutdown(), streams) };
    if tokio::time::timeout(bounds.grace, ended).await.is_err() {
        tracing::warn!(
            grace_ms = bounds.grace.as_millis(),
            "some requests did not end in time and are cut off"
        );
    }
}

fn connections(bounds: Bounds) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_buf_size(HEADER_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(bounds.header_timeout)
        .max_header_list_size(64 * 1024)
        .max_concurrent_streams(STREAMS_PER_CONNECTION);
    builder
}

/// Waits for a free place before it takes the next connection.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

/// Returns when the process is asked to stop: by Ctrl+C or by SIGTERM.
pub async fn told_to_stop() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl+C cannot be noticed");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be noticed");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
