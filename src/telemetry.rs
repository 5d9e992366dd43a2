//! Collects metrics in this process and writes them for Prometheus.

use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Returns the recorder of this process, which is started by the first call.
///
/// # Errors
/// When something else records already.
pub fn recorder() -> anyhow::Result<PrometheusHandle> {
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = recorder.as_ref() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics cannot be recorded")?;
    describe();
    *recorder = Some(handle.clone());
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!(
        "lineshaft_upstream_requests_total",
        "Requests to systems by connection, connector and outcome."
    );
    metrics::describe_histogram!(
        "lineshaft_upstream_seconds",
        metrics::Unit::Seconds,
        "Time of requests to systems."
    );
    metrics::describe_gauge!(
        "lineshaft_upstream_breaker_open",
        "1 while calls to a connection are held back."
    );
    metrics::describe_counter!(
        "lineshaft_http_requests_total",
        "Requests to this server by route, method and status."
    );
    metrics::describe_histogram!(
        "lineshaft_http_seconds",
        metrics::Unit::Seconds,
        "Time of requests to this server."
    );
    metrics::describe_counter!("lineshaft_writes_total", "Writes to systems by outcome.");
    metrics::describe_histogram!(
        "lineshaft_write_seconds",
        metrics::Unit::Seconds,
        "Time of writes to systems, from the request until the outcome is known."
    );
    metrics::describe_gauge!("lineshaft_sockets_open", "WebSockets that are open.");
    metrics::describe_gauge!(
        "lineshaft_subscriptions_open",
        "Subscriptions that run, over WebSocket and as server-sent events."
    );
    metrics::describe_gauge!("lineshaft_info", "Always 1; its labels tell the version.");
    metrics::gauge!("lineshaft_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
