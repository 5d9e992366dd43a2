//! One attempt: signs a delivery, sends it and keeps what came back, without signatures and secrets.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method, header};
use lineshaft_connect::{
    request::{RequestBody, RequestPlan},
    transport::{Outgoing, Response, Wire},
};
use lineshaft_entities::webhook_delivery;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout};

use super::{Secret, schedule, signatures};
use crate::database;

/// Bytes that are kept of an answer.
const KEPT_OF_BODY: usize = 4096;
/// Headers that are kept of an answer, and characters of each.
const KEPT_HEADERS: usize = 40;
const KEPT_OF_HEADER: usize = 300;
const USER_AGENT: &str = concat!("Lineshaft-Webhooks/", env!("CARGO_PKG_VERSION"));
/// Headers of answers that may carry secrets of the receiver.
const NOT_KEPT: [&str; 4] = ["set-cookie", "authorization", "www-authenticate", "proxy-authenticate"];

/// A claimed delivery with all that is needed to send it.
pub(super) struct Job {
    pub(super) delivery: webhook_delivery::Model,
    pub(super) url: String,
    /// The valid secrets, or why there are none.
    pub(super) secrets: Result<Arc<[Secret]>, String>,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) delivery: webhook_delivery::Model,
    pub(super) started_at: DateTime<Utc>,
    pub(super) duration: Duration,
    pub(super) request_headers: Value,
    pub(super) answer: Result<Answer, String>,
}

/// An answer, as far as it is kept.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Value,
    pub(super) body: String,
    /// How long the receiver asks to wait.
    pub(super) asked: Option<Duration>,
}

impl Outcome {
    /// Returns whether the receiver took the delivery.
    pub(super) fn is_success(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    /// Returns the status of the answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|answer| answer.status)
    }
}

/// Sends a delivery once.
pub(super) async fn send(wire: Arc<dyn Wire>, job: Job, time: Duration) -> Outcome {
    let Job { delivery, url, secrets } = job;
    let started_at = database::now();
    let started = Instant::now();
    let id = delivery.event_id.unwrap_or(delivery.id).to_string();
    let timestamp = started_at.timestamp();
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
        (header::USER_AGENT.as_str(), USER_AGENT.to_owned()),
        ("webhook-id", id.clone()),
        ("webhook-timestamp", timestamp.to_string()),
    ];
    let request_headers = json!(headers.iter().cloned().collect::<std::collections::BTreeMap<_, _>>());
    let answer = match secrets {
        Err(problem) => Err(problem),
        Ok(secrets) => {
            let signature = signatures(&secrets, &id, timestamp, &delivery.body);
            let plan = RequestPlan {
                method: Method::POST,
                url,
                headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
                body: RequestBody::Json(delivery.body.clone()),
                repeatable: false,
            };
            let answer = exchange(wire.as_ref(), &plan, &signature, time).await;
            answer.map(|response| keep(&response, &signature, &secrets))
        }
    };
    Outcome {
        delivery,
        started_at,
        duration: started.elapsed(),
        request_headers,
        answer,
    }
}

async fn exchange(wire: &dyn Wire, plan: &RequestPlan, signature: &str, time: Duration) -> Result<Response, String> {
    let mut value = HeaderValue::from_str(signature).map_err(|_| "the signature cannot be sent".to_owned())?;
    value.set_sensitive(true);
    let sign_in = HeaderMap::from_iter([(header::HeaderName::from_static("webhook-signature"), value)]);
    let sent = wire.notify(Outgoing {
        plan,
        sign_in: &sign_in,
        most_bytes: KEPT_OF_BODY,
        time,
    });
    match timeout(time, sent).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(error.message().to_owned()),
        Err(_) => Err(format!("the endpoint did not answer within {} ms", time.as_millis())),
    }
}

fn keep(response: &Response, signature: &str, secrets: &[Secret]) -> Answer {
    // A receiver may echo what it was sent.
    let hidden: Vec<&str> = signature
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .chain(secrets.iter().map(|secret| secret.text().expose_secret()))
        .collect();
    let clean = |text: &str| {
        let mut text = text.replace('\0', "\u{fffd}");
        for secret in &hidden {
            text = text.replace(secret, "***");
        }
        text
    };
    let mut headers = Map::new();
    for (name, value) in response.headers.iter().take(KEPT_HEADERS) {
        if NOT_KEPT.contains(&name.as_str()) {
            continue;
        }
        let value = clean(&String::from_utf8_lossy(value.as_bytes()));
        let value: String = value.chars().take(KEPT_OF_HEADER).collect();
        headers.insert(name.as_str().to_owned(), value.into());
    }
    let asked = response.headers.get(header::RETRY_AFTER);
    let body = response.body.get(..KEPT_OF_BODY).unwrap_or(&response.body);
    Answer {
        status: response.status.as_u16(),
        headers: headers.into(),
        body: clean(&String::from_utf8_lossy(body)),
        asked: asked
            .and_then(|value| value.to_str().ok())
            .and_then(|text| schedule::asked(text, database::now())),
    }
}
