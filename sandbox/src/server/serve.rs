//! Accepts connections and serves HTTP on each, so that all of them end when the task is aborted.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::Service;

/// Answers requests; an error closes the connection without an answer.
pub(crate) trait Answer: Clone + Send + 'static {
    /// Answers a request.
    fn answer(self, request: Request<Body>) -> impl Future<Output = io::Result<Response>> + Send;
}

/// Serves until the task is aborted; the connections end with it because their set does.
pub(crate) async fn until_aborted<A: Answer>(listener: TcpListener, answer: A) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _nodelay = stream.set_nodelay(true);
                let service = TowerToHyperService::new(Served(answer.clone()));
                connections.spawn(async move {
                    let _closed = auto::Builder::new(TokioExecutor::new())
                        .http1_only()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The service each connection gets.
#[derive(Clone)]
struct Served<A>(A);

impl<A, B> Service<Request<B>> for Served<A>
where
    A: Answer,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.0.clone().answer(request.map(Body::new)))
    }
}
