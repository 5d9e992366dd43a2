//! Writes one line about each attempt: never a query, a header value or a body, and no secret in the path.

use std::borrow::Cow;

use tokio::time::Instant;
use tracing::Level;

use super::{Access, Response};
use crate::{context::CallContext, error::Error, request::RequestPlan};

/// Logs an attempt.
pub(crate) fn attempt(
    context: &CallContext,
    plan: &RequestPlan,
    access: Option<&Access>,
    result: &Result<Response, Error>,
    started: Instant,
) {
    if !tracing::enabled!(Level::DEBUG) {
        return;
    }
    let address = address(&plan.url, access);
    let duration_ms = started.elapsed().as_millis();
    let (request_id, method) = (context.request_id(), plan.method.as_str());
    match result {
        Ok(response) => tracing::debug!(
            request.id = request_id,
            http.method = method,
            http.address = %address,
            http.status = response.status.as_u16(),
            http.body_bytes = response.body.len(),
            duration_ms,
            "the system answered"
        ),
        Err(error) => tracing::debug!(
            request.id = request_id,
            http.method = method,
            http.address = %address,
            error.kind = error.kind().code(),
            error = error.message(),
            duration_ms,
            "the system gave no answer"
        ),
    }
}

/// Returns an address without its query, with stars for secrets that a template may have put into the path.
fn address<'a>(url: &'a str, access: Option<&Access>) -> Cow<'a, str> {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let mut shown = Cow::Borrowed(plain);
    for (_, secret) in access.into_iter().flat_map(Access::secrets) {
        if secret.len() > 3 && shown.contains(secret) {
            shown = Cow::Owned(shown.replace(secret, "***"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_secrets_in_the_path_are_not_shown() {
        let access = Access::for_tests([("token", "hunter2hunter2")]);
        let shown = address(
            "https://erp.example.com/api/hunter2hunter2/items?key=hunter2hunter2",
            Some(&access),
        );
        assert_eq!(shown, "https://erp.example.com/api/***/items");
        assert_eq!(
            address("https://erp.example.com/a?b#c", None),
            "https://erp.example.com/a"
        );
    }
}
