//! Tells the observer and the metrics how operations and requests went.

use std::time::Duration;

use metrics::{Counter, Histogram, Label};

use crate::{
    error::{Error, ErrorKind},
    store::{Observation, Observer},
};

/// The metrics of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    labels: Vec<Label>,
    succeeded: Counter,
    seconds: Histogram,
}

impl Meter {
    pub(crate) fn new(connection: String, connector: String) -> Self {
        let labels = vec![Label::new("connection", connection), Label::new("connector", connector)];
        Self {
            succeeded: counter(&labels, "OK"),
            seconds: metrics::histogram!("lineshaft_upstream_seconds", labels.clone()),
            labels,
        }
    }

    /// Counts a request that was sent.
    pub(crate) fn request(&self, failed: Option<ErrorKind>, latency: Duration) {
        self.seconds.record(latency.as_secs_f64());
        match failed {
            None => self.succeeded.increment(1),
            Some(kind) => counter(&self.labels, kind.code()).increment(1),
        }
    }

    /// Sets whether the breaker is open.
    pub(crate) fn breaker(&self, open: bool) {
        metrics::gauge!("lineshaft_upstream_breaker_open", self.labels.clone()).set(if open { 1.0 } else { 0.0 });
    }
}

fn counter(labels: &[Label], outcome: &'static str) -> Counter {
    let mut labels = labels.to_vec();
    labels.push(Label::new("outcome", outcome));
    metrics::counter!("lineshaft_upstream_requests_total", labels)
}

/// Tells the observer and the log how an operation went. What lies at the caller is no news about the system.
pub(crate) fn tell(observer: &dyn Observer, observation: &Observation<'_>) {
    observer.observe(observation);
    let duration_ms = observation.latency.as_millis();
    match observation.error {
        None => tracing::debug!(calls = observation.calls, duration_ms, "the operation succeeded"),
        // The span is for debugging only, so the warning names the connection itself.
        Some(error) if is_worth_a_warning(error) => tracing::warn!(
            connection.id = %observation.connection,
            operation = observation.operation.name(),
            entity = observation.kind,
            error.kind = error.kind().code(),
            error = error.message(),
            calls = observation.calls,
            duration_ms,
            "the operation failed"
        ),
        Some(error) => tracing::debug!(
            error.kind = error.kind().code(),
            error = error.message(),
            calls = observation.calls,
            duration_ms,
            "the operation was refused"
        ),
    }
}

fn is_worth_a_warning(error: &Error) -> bool {
    error.kind().is_fault_of_system() || matches!(error.kind(), ErrorKind::InvalidCredentials | ErrorKind::Internal)
}
