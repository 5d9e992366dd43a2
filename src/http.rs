//! The HTTP server: its routes, from the outermost layer to the handlers, and the loop that accepts connections.

pub mod serve;

mod around;
mod caller;
mod connect;
mod console;
mod health;
mod schema;
mod status;

#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    http::{StatusCode, header},
    middleware,
    response::IntoResponse,
    routing::get,
};
use lineshaft_api::{
    Schemas, Suggestions,
    transport::{Endpoint, Stop},
};
use lineshaft_engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate as _,
        predicate::{DefaultPredicate, NotForContentType, SizeAbove},
    },
};

use crate::settings::Settings;

/// What the handlers share.
pub struct App {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The settings.
    pub settings: Settings,
    /// The metrics of this process.
    pub metrics: PrometheusHandle,
    stopping: AtomicBool,
    streams: Stop,
}

impl App {
    /// Makes what the handlers share.
    #[must_use]
    pub fn new(engine: Arc<Engine>, settings: Settings, metrics: PrometheusHandle) -> Self {
        Self {
            engine,
            settings,
            metrics,
            stopping: AtomicBool::new(false),
            streams: Stop::new(),
        }
    }

    /// Says from now on that the server is not ready, and ends the subscriptions.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.streams.stop();
    }

    /// Waits until no subscription is open.
    pub async fn drained(&self) {
        self.streams.drained().await;
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Returns all routes of the server.
pub fn router(app: &Arc<App>) -> Router {
    let settings = &app.settings;
    let callers = caller::Callers::new(
        app.engine.clone(),
        std::time::Duration::from_millis(settings.query.timeout_ms),
    );
    let suggestions = if settings.graphql.suggestions {
        Suggestions::On
    } else {
        Suggestions::Off
    };
    let schemas = Schemas::new(app.engine.clone(), suggestions, settings.graphql.organization_schemas);
    let endpoint = Endpoint::new(schemas.clone(), callers, settings.graphql.clone()).stopping(app.streams.clone());
    let mut router = endpoint
        .router("/graphql")
        .merge(schema::router(
            app.engine.clone(),
            schemas,
            settings.graphql.introspection,
        ))
        .merge(status::router(app.engine.clone()))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(app.clone()))
        .route("/favicon.svg", get(console::favicon))
        .route("/favicon.ico", get(console::favicon))
        .route("/console", get(console::operator))
        .route("/console/assets/connect/{*path}", get(console::connect_asset))
        .route("/console/assets/operator/{*path}", get(console::operator_asset))
        .merge(connect::routes(app));
    router = match settings.server.playground {
        true => router
            .route("/", get(console::index))
            .route("/playground", get(console::page))
            .route("/playground/examples.json", get(console::examples))
            .route("/playground/{file}", get(console::asset)),
        false => router.route("/", get(console::text_index)),
    };
    if let Some(token) = settings.metrics.token() {
        router = router.merge(health::metrics_router(app.metrics.clone(), Some(token)));
    }
    around(router.fallback(not_found))
}

/// Returns the routes of the address that metrics have of their own.
pub fn metrics_router(app: &Arc<App>) -> Router {
    let router = health::metrics_router(app.metrics.clone(), app.settings.metrics.token());
    around(router.fallback(not_found))
}

fn around(router: Router) -> Router {
    let worth_it = DefaultPredicate::new()
        .and(SizeAbove::new(1024))
        .and(NotForContentType::const_new(connect::attempt::LINES));
    router
        .layer(CompressionLayer::new().gzip(true).compress_when(worth_it))
        .layer(CatchPanicLayer::custom(around::panicked))
        .layer(middleware::from_fn(around::secure))
        .layer(middleware::from_fn(around::observe))
}

async fn not_found() -> impl IntoResponse {
    let text = "There is nothing at this address. The API is at /graphql.\n";
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        text,
    )
}
