//! Sends requests of clients' own through the layers of the connection.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, header};
use tokio::time::Instant;

use super::Connector;
use crate::{
    blueprint::raw::RawRequest,
    context::CallContext,
    error::{Error, ErrorKind, Reach},
    store::Operation,
    transport::Access,
};

/// Most bytes of an answer that are handed on.
pub(super) const MOST_BYTES: usize = 5 * 1024 * 1024;

/// Headers that are handed on, besides those about limits.
const SHOWN_HEADERS: [header::HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::RETRY_AFTER,
];

/// The answer to a request of a client's own.
#[derive(Clone, Debug)]
pub struct RawResponse {
    /// HTTP status.
    pub status: u16,
    /// The headers that say something about what was asked for, by names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Bytes,
    /// How long it took, waiting for the limits of the system included.
    pub latency: Duration,
}

impl Connector {
    /// Sends a request of a client's own and returns the answer, whatever its status.
    ///
    /// What changes something is sent once and never repeated but after the system said that it refused the sign-in or
    /// the anti-forgery mark.
    ///
    /// # Errors
    /// Returns `NotSupported` when the connector does not allow it (see `Blueprint::check_raw`), and why the system could
    /// not be asked: it is not reached, takes the sign-in no longer, or wants to be left alone.
    pub async fn raw_request(&self, context: &CallContext, request: &RawRequest) -> Result<RawResponse, Error> {
        let started = Instant::now();
        let refused = |refusal: crate::blueprint::raw::RawRefusal| Error::new(ErrorKind::NotSupported, refusal.0);
        let send = async |context: &CallContext| {
            self.blueprint.check_raw(request).map_err(refused)?;
            let access = self.access(context).await?;
            let plan = |access: &Access| self.blueprint.plan_raw(request, &access.variables());
            let pass = self.breaker.admit()?;
            let result = self.transport.send_raw(context, Arc::clone(&access), plan).await;
            self.tell(pass, &result);
            // Nobody knows what a request of a client's own changes.
            if plan(&access).map_or(true, |plan| !plan.repeatable) {
                self.forget_kept(None);
            }
            let response = result?;
            if response.body.len() > MOST_BYTES {
                let message = format!("the answer has more than {MOST_BYTES} bytes");
                return Err(Error::new(ErrorKind::ResponseTooLarge, message).with_reach(Reach::Answered));
            }
            Ok(RawResponse {
                status: response.status.as_u16(),
                headers: shown(&response.headers),
                body: response.body.clone(),
                latency: started.elapsed(),
            })
        };
        self.operate(context, Operation::Raw, None, send).await
    }
}

fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_shown = |name: &str| {
        SHOWN_HEADERS.iter().any(|shown| shown.as_str() == name)
            || name.starts_with("x-ratelimit-")
            || name.starts_with("ratelimit")
            || name.starts_with("x-rate-limit-")
    };
    let shown = headers.iter().filter(|(name, _)| is_shown(name.as_str()));
    shown
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
