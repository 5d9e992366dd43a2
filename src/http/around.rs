//! What happens around every request: an id, a span, a line in the log, metrics, safe headers, and an answer when the
//! handler panics.

use std::any::Any;

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use lineshaft_api::transport::RequestId;
use tokio::time::Instant;
use tracing::Instrument as _;

/// Where a request came from, put in place by the accept loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) std::net::SocketAddr);

/// Marks an answer that other pages may show in a frame; its own policy says which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framed;

/// Gives the request an id, which the answer repeats, and tells how it went. Queries of addresses are not logged: they
/// may hold data.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::from_headers(request.headers());
    let header = HeaderValue::from_str(id.as_str()).ok();
    if let Some(header) = header.clone() {
        request.headers_mut().insert(RequestId::HEADER, header);
    }
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "other".to_owned());
    let peer = request
        .extensions()
        .get::<Peer>()
        .map(|peer| tracing::field::display(peer.0));
    let span = tracing::info_span!("request", request.id = id.as_str(), http.method = %method, http.route = route, client.address = peer);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(header) = header {
        response.headers_mut().insert(RequestId::HEADER, header);
    }
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let duration_ms = (elapsed.as_secs_f64() * 100_000.0).round() / 100.0;
    let _entered = span.enter();
    match route.as_str() {
        "/healthz" | "/readyz" | "/metrics" => tracing::debug!(http.status = status, duration_ms, "answered"),
        _ => tracing::info!(http.status = status, duration_ms, "answered"),
    }
    let labels = [
        ("route", route),
        ("method", method_label(&method).to_owned()),
        ("status", status.to_string()),
    ];
    metrics::counter!("lineshaft_http_requests_total", &labels).increment(1);
    metrics::histogram!("lineshaft_http_seconds", &labels[..1]).record(elapsed.as_secs_f64());
    response
}

/// Anybody can invent methods; each label is kept for good.
fn method_label(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::POST => "POST",
        http::Method::HEAD => "HEAD",
        http::Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

const STRICT: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds the headers that keep browsers from doing more with an answer than it is meant for.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_framed = response.extensions().get::<Framed>().is_some();
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::CONTENT_SECURITY_POLICY, STRICT);
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if !is_framed {
        default(header::X_FRAME_OPTIONS, "DENY");
    }
    default(header::REFERRER_POLICY, "no-referrer");
    default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    response
}

/// Answers for a handler that panicked. The panic itself was reported by the panic hook.
pub(super) fn panicked(_thrown: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let body = r#"{"errors":[{"message":"a panic stopped the request","extensions":{"code":"INTERNAL"}}]}"#;
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        [(header::CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response()
}
