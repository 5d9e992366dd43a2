//! The routes of the hosted pages, on which customers connect a system, bring a connection back or change its mappings,
//! and of the exchange of one-time codes. What may be done is decided in the engine; here are cookies, headers and the form of answers.

mod answer;
pub(super) mod attempt;
mod exchange;
mod input;
mod settings;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use lineshaft_engine::{
    Engine,
    links::{self, LinkError, PageSession, Purpose, Visitor},
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::App;
use crate::embedded;
use answer::{failed, refused, told_page};
use input::FromPage;

/// The cookie that binds a link to a browser.
const COOKIE: &str = "lineshaft_page";
/// It outlasts the link, so that the outcome can be looked at.
const COOKIE_SECONDS: u32 = 3600;

/// Returns the routes.
pub(super) fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/connect/callback", get(callback))
        .route("/connect/{token}", get(shell))
        .route("/connect/{token}/state", get(state))
        .route("/connect/{token}/connectors/{id}", get(form))
        .route("/connect/{token}/try", post(attempt::run))
        .route("/connect/{token}/authorize", post(authorize))
        .route("/connect/{token}/cancel", post(cancel))
        .route("/connect/{token}/settings", post(settings::run))
        .route("/reconnect/{address}", get(reconnect))
        .route("/v1/connect/exchange", post(exchange::run))
        .with_state(app.engine.clone())
}

/// Opens a link: sends the page and the cookie.
async fn shell(State(engine): State<Arc<Engine>>, Path(token): Path<String>, input: FromPage) -> Response {
    let opened = links::open(&engine, &token, &input.visitor).await;
    let page = match &opened {
        Ok(session) if session.purpose == Purpose::Settings => embedded::operator_page("settings.html"),
        _ => embedded::connect_page("index.html"),
    };
    let Some(file) = page else {
        return (StatusCode::NOT_FOUND, "The page is not part of this build.\n").into_response();
    };
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    // The page tells by itself what is the matter with a link that does not work.
    let (status, origins) = match &opened {
        Ok(session) => (StatusCode::OK, session.frame_origins.as_slice()),
        Err(error) => (answer::status_of(error), [].as_slice()),
    };
    let mut response = (status, html, file.data).into_response();
    answer::protect(&mut response, origins);
    if let Ok(session) = &opened
        && let Some(cookie) = cookie_of(session, engine.public_url())
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// In a frame of another site, a cookie must say that it is for this frame only.
fn cookie_of(session: &PageSession, public_url: &str) -> Option<HeaderValue> {
    let secure = public_url.starts_with("https://");
    let terms = match (secure, session.frame_origins.is_empty()) {
        (true, false) => "SameSite=None; Secure; Partitioned",
        (true, true) => "SameSite=Lax; Secure",
        (false, _) => "SameSite=Lax",
    };
    let value = session.cookie.expose_secret();
    let cookie = format!("{COOKIE}={value}; Path=/connect; Max-Age={COOKIE_SECONDS}; HttpOnly; {terms}");
    HeaderValue::from_str(&cookie).ok()
}

async fn state(State(engine): State<Arc<Engine>>, Path(token): Path<String>, input: FromPage) -> Response {
    match links::state(&engine, &token, &input.visitor).await {
        Ok(state) => private(Json(state).into_response()),
        Err(error) => refused(&engine, &token, &error).await,
    }
}

async fn form(State(engine): State<Arc<Engine>>, Path((token, connector)): Path<(String, String)>) -> Response {
    match links::form(&engine, &token, &connector).await {
        Ok(form) => private(Json(form).into_response()),
        Err(error) => refused(&engine, &token, &error).await,
    }
}

async fn authorize(
    State(engine): State<Arc<Engine>>,
    Path(token): Path<String>,
    input: FromPage,
    body: axum::body::Body,
) -> Response {
    let submission = match input.submission(body).await {
        Ok(submission) => submission,
        Err(response) => return response,
    };
    match links::authorize(&engine, &token, &input.visitor, submission).await {
        Ok(address) => private(Json(json!({ "address": address })).into_response()),
        Err(error) => failed(&error),
    }
}

/// Takes what the system's own page sends back with the person.
async fn callback(State(engine): State<Arc<Engine>>, RawQuery(query): RawQuery, input: FromPage) -> Response {
    // The browser may leave while the credentials are tried; what was begun is finished.
    let visitor: Visitor = input.visitor;
    let task = tokio::spawn(async move { links::callback(&engine, &query.unwrap_or_default(), &visitor).await });
    match task.await {
        Ok(Ok(returned)) if returned.in_window => close(),
        Ok(Ok(returned)) => see_other(&returned.path),
        Ok(Err(error)) => told_page(&error),
        Err(error) => {
            tracing::error!(%error, "a sign-in was broken off");
            told_page(&LinkError::StateInvalid)
        }
    }
}

/// Sends the page that closes the window in which somebody signed in. To open the link there would take it away from the
/// frame.
fn close() -> Response {
    let Some(file) = embedded::connect_page("close.html") else {
        return (StatusCode::NOT_FOUND, "The page is not part of this build.\n").into_response();
    };
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    let mut response = (html, file.data).into_response();
    answer::protect(&mut response, &[]);
    answer::keep_opener(&mut response);
    response
}

async fn cancel(State(engine): State<Arc<Engine>>, Path(token): Path<String>, input: FromPage) -> Response {
    if let Some(refusal) = input.refusal() {
        return refusal;
    }
    match links::cancel(&engine, &token, &input.visitor).await {
        Ok(redirect) => private(Json(json!({ "redirect": redirect })).into_response()),
        Err(error) => failed(&error),
    }
}

/// Opens the address that was told with a connection that waits for its customer.
async fn reconnect(State(engine): State<Arc<Engine>>, Path(address): Path<String>) -> Response {
    match links::open_reconnect(&engine, &address).await {
        Ok(link) => see_other(&link.url),
        Err(error) => told_page(&error),
    }
}

fn see_other(place: &str) -> Response {
    let Ok(place) = HeaderValue::from_str(place) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    private((StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response())
}

/// Keeps an answer out of caches.
fn private(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn cookies_are_for_one_frame_only_where_a_frame_may_be() {
        let session = |origins: &[&str]| PageSession {
            cookie: "lsp_x".into(),
            frame_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            expires_at: chrono::Utc::now(),
            purpose: Purpose::Connect,
        };
        let text = |origins: &[&str], url| cookie_of(&session(origins), url).unwrap().to_str().unwrap().to_owned();
        let start = "lineshaft_page=lsp_x; Path=/connect; Max-Age=3600; HttpOnly; ";
        assert_eq!(text(&[], "https://a.example"), format!("{start}SameSite=Lax; Secure"));
        assert_eq!(
            text(&["https://b.example"], "https://a.example"),
            format!("{start}SameSite=None; Secure; Partitioned")
        );
        assert_eq!(
            text(&["https://b.example"], "http://127.0.0.1:1"),
            format!("{start}SameSite=Lax")
        );
    }
}
