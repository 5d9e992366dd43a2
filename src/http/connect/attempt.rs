//! Tries a form and tells its page each step as it happens, one JSON object a line.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use futures_util::{StreamExt as _, stream};
use lineshaft_engine::{
    Engine,
    links::{self, Failure},
    trial::TrialStep,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{answer::failed, input::FromPage, private};

/// The type of the answer. It is not compressed, so that each line arrives at once.
pub(in crate::http) const LINES: &str = "application/x-ndjson";

/// Tries a form.
pub(super) async fn run(
    State(engine): State<Arc<Engine>>,
    Path(token): Path<String>,
    input: FromPage,
    body: Body,
) -> Response {
    let submission = match input.submission(body).await {
        Ok(submission) => submission,
        Err(response) => return response,
    };
    let attempt = match links::begin(&engine, &token, &input.visitor, submission).await {
        Ok(attempt) => attempt,
        // What is wrong with the form is an outcome; what is wrong with the link is none.
        Err(error) if super::answer::status_of(&error) == StatusCode::UNPROCESSABLE_ENTITY => {
            return lines(stream::iter([failure(&error.failure())]));
        }
        Err(error) => return failed(&error),
    };
    let (sender, receiver) = mpsc::unbounded_channel();
    // The try goes on when the browser leaves: it may come back and see the outcome.
    tokio::spawn(async move {
        // Nobody listens once the browser has left.
        let tell = |line: Value| drop(sender.send(line));
        let outcome = attempt.run(&engine, |told| tell(step(&told))).await;
        tell(match outcome {
            Ok(completed) => json!({ "done": completed.done }),
            Err(told) => failure(&told),
        });
    });
    lines(stream::unfold(receiver, async |mut receiver| {
        let line = receiver.recv().await?;
        Some((line, receiver))
    }))
}

fn lines(lines: impl futures_util::Stream<Item = Value> + Send + 'static) -> Response {
    let lines = lines.map(|line| Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))));
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    private(response)
}

fn failure(failure: &Failure) -> Value {
    json!({ "failed": failure })
}

fn step(step: &TrialStep) -> Value {
    json!({ "step": {
        "name": step.name.as_str(),
        "label": step.label,
        "state": step.state.as_str(),
        "entity": step.entity,
        "detail": step.detail,
        "latencyMs": step.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
    }})
}
