//! Who asks: API keys, MAXAUTH and Basic logins, and the session cookies of Maximo with their trap.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE};

use super::problem::Problem;
use crate::state::SystemState;

/// The key of the demo connection.
pub(super) const DEMO_KEY: &str = "mx-demo-4f1c9a7e2b";
/// A key whose user may not read vendors, purchases and people.
pub(super) const LIMITED_KEY: &str = "limited";
/// The user of the demo connection, for logins.
pub(super) const DEMO_USER: &str = "WILSON";
const DEMO_PASSWORD: &str = "maximo-demo";
const LIMITED_USER: &str = "LIMITED";
const COOKIE_NAME: &str = "JSESSIONID";
/// Marks cookies of sessions nobody has signed in to.
const ANONYMOUS: &str = "0000";

/// The user a request speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) user: String,
}

impl Caller {
    /// Says whether the caller may read an object structure.
    pub(super) fn may_read(&self, structure: &str) -> bool {
        let withheld = ["mxapivendor", "mxapipo", "mxapireceipt", "mxapiperson"];
        self.user != LIMITED_USER || !withheld.contains(&structure)
    }
}

/// Finds out who calls: a session cookie wins over an API key even when nobody is signed in to the session.
pub(super) fn caller(state: &SystemState, headers: &HeaderMap, key_parameter: Option<&str>) -> Result<Caller, Problem> {
    if let Some(token) = cookie(headers) {
        let user = state.token_user(&token).ok_or_else(Problem::not_signed_in)?;
        return Ok(Caller { user });
    }
    if state.credentials_revoked() {
        return Err(Problem::not_signed_in());
    }
    let key = headers
        .get("apikey")
        .and_then(|value| value.to_str().ok())
        .or(key_parameter);
    match key {
        Some(DEMO_KEY) => Ok(Caller {
            user: DEMO_USER.to_owned(),
        }),
        Some(LIMITED_KEY) => Ok(Caller {
            user: LIMITED_USER.to_owned(),
        }),
        Some(_) => Err(Problem::not_signed_in()),
        None => password_user(headers).ok_or_else(Problem::not_signed_in),
    }
}

/// Signs in with `maxauth` or Basic and returns the session's cookie.
pub(super) fn sign_in(state: &SystemState, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let caller = password_user(headers).ok_or_else(Problem::wrong_password)?;
    let token = state.issue_token(&caller.user).ok_or_else(Problem::wrong_password)?;
    set_cookie(&token).ok_or_else(Problem::wrong_password)
}

/// Ends the session of the request.
pub(super) fn sign_out(state: &SystemState, headers: &HeaderMap) {
    if let Some(token) = cookie(headers) {
        state.drop_token(&token);
    }
}

/// Returns the cookie of a fresh session, which Maximo sets on every answer to a request without one.
pub(super) fn anonymous_cookie(headers: &HeaderMap) -> Option<HeaderValue> {
    if cookie(headers).is_some() {
        return None;
    }
    set_cookie(&format!("{ANONYMOUS}{:016x}", fastrand::u64(..)))
}

fn set_cookie(token: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{COOKIE_NAME}={token}; Path=/; HttpOnly")).ok()
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, token)| token.to_owned())
}

fn password_user(headers: &HeaderMap) -> Option<Caller> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let encoded = text("maxauth").or_else(|| text(AUTHORIZATION.as_str())?.strip_prefix("Basic "))?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    let matches = user.eq_ignore_ascii_case(DEMO_USER) && password == DEMO_PASSWORD;
    matches.then(|| Caller {
        user: DEMO_USER.to_owned(),
    })
}
