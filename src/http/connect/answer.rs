//! Writes answers to pages: failures as JSON with their HTTP status, the headers that protect a page, and a plain page
//! for visits that lead nowhere.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use lineshaft_engine::{
    Engine,
    connections::{CreateError, ReauthorizeError},
    links::{self, Failure, LinkError},
};
use serde_json::json;

use super::private;
use crate::http::around::Framed;

/// Returns the HTTP status of a failure.
pub(super) const fn status_of(error: &LinkError) -> StatusCode {
    match error {
        LinkError::NotFound => StatusCode::NOT_FOUND,
        LinkError::Expired | LinkError::Used | LinkError::Revoked | LinkError::TriesExhausted => StatusCode::GONE,
        LinkError::OpenedElsewhere => StatusCode::FORBIDDEN,
        LinkError::Busy => StatusCode::CONFLICT,
        LinkError::TooMany => StatusCode::TOO_MANY_REQUESTS,
        LinkError::StateInvalid | LinkError::CodeInvalid => StatusCode::BAD_REQUEST,
        LinkError::Internal(_)
        | LinkError::Create(CreateError::Internal(_))
        | LinkError::Reauthorize(ReauthorizeError::Internal(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Answers a page that asks for its state: where the link stands and why, and who sent it.
pub(super) async fn refused(engine: &Engine, token: &str, error: &LinkError) -> Response {
    log(error);
    let failure = error.failure();
    // Without it the page still tells what is the matter.
    let sender = links::sender(engine, token).await.ok().flatten();
    let mut body = json!(sender);
    if body.is_null() {
        body = json!({});
    }
    body["status"] = json!(error.status());
    body["code"] = json!(failure.code);
    body["message"] = json!(failure.message);
    body["advice"] = json!(failure.advice);
    private((status_of(error), Json(body)).into_response())
}

/// Answers a page that wanted something done.
pub(super) fn failed(error: &LinkError) -> Response {
    log(error);
    let failure = error.failure();
    let body = json!({
        "failed": failure,
        "status": error.status(),
        "code": failure.code,
        "message": failure.message,
    });
    private((status_of(error), Json(body)).into_response())
}

/// Answers a request that is no page's.
pub(super) fn wrong(status: StatusCode, code: &str, message: &str) -> Response {
    let failure = Failure {
        code: code.to_owned(),
        message: message.to_owned(),
        advice: "Load the page again.".to_owned(),
        problems: Vec::new(),
        remote_message: None,
        tries_left: None,
    };
    let body = json!({"failed": failure, "code": code, "message": message});
    private((status, Json(body)).into_response())
}

/// Answers a visit that leads nowhere with a page that says why. It holds nothing of what the visit brought.
pub(super) fn told_page(error: &LinkError) -> Response {
    log(error);
    let failure = error.failure();
    let mut message = failure.message;
    if let Some(first) = message.get(..1).map(str::to_uppercase) {
        message.replace_range(..1, &first);
    }
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>This did not work</title>\
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"/console/assets/connect/connect.css\"></head>\n<body>\n\
         <div id=\"page\"><main><h1>This did not work</h1>\n<p class=\"lead\">{}.</p>\n<p>{}</p>\n\
         <p class=\"help\">{}</p></main></div>\n</body>\n</html>\n",
        escaped(&message),
        escaped(&failure.advice),
        escaped(&failure.code),
    );
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    let mut response = (status_of(error), html, page).into_response();
    protect(&mut response, &[]);
    response
}

/// Sets what a page may do and who may show it in a frame. The origins were checked when the link was made.
pub(super) fn protect(response: &mut Response, frame_origins: &[String]) {
    let ancestors = match frame_origins {
        [] => "'none'".to_owned(),
        origins => origins.join(" "),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !frame_origins.is_empty() {
        keep_opener(response);
        response.extensions_mut().insert(Framed);
    }
}

/// Lets the window in which a customer signs in elsewhere and the frame that opened it know of each other.
pub(super) fn keep_opener(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("unsafe-none"));
}

fn log(error: &LinkError) {
    let source = match error {
        LinkError::Internal(source)
        | LinkError::Create(CreateError::Internal(source))
        | LinkError::Reauthorize(ReauthorizeError::Internal(source)) => source,
        _ => return,
    };
    tracing::error!(error = %source, "a request of a page failed");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
