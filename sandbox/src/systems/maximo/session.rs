//! Who asks: API keys, MAXAUTH and Basic logins, and the session cookies of Maximo with their trap.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE};

use super::problem::Problem;
use crate::account::{Account, Generation};
use crate::state::SystemState;

/// The key of the demo connection.
pub(super) const DEMO_KEY: &str = "mx-demo-4f1c9a7e2b";
/// A key whose user may not read vendors, purchases and people.
pub(super) const LIMITED_KEY: &str = "limited";
/// The user of the demo connection, for logins.
pub(super) const DEMO_USER: &str = "WILSON";
const DEMO_PASSWORD: &str = "maximo-demo";
const SECOND_KEY: &str = "mx-demo-8d3b05f6c1";
const SECOND_USER: &str = "BROWN";
const SECOND_PASSWORD: &str = "maximo-second";
const LIMITED_USER: &str = "LIMITED";
const COOKIE_NAME: &str = "JSESSIONID";
/// Marks cookies of sessions nobody has signed in to.
const ANONYMOUS: &str = "0000";

/// Returns the API key of an account.
pub(super) fn key(account: Account, generation: Generation) -> String {
    generation.key(account.pick(DEMO_KEY, SECOND_KEY))
}

/// Returns the account that a session was made for; sessions know the name of the user.
pub(crate) fn account_of(user: &str) -> Option<Account> {
    Account::ALL.into_iter().find(|account| self::user(*account) == user)
}

fn user(account: Account) -> &'static str {
    account.pick(DEMO_USER, SECOND_USER)
}

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
    let given = headers
        .get("apikey")
        .and_then(|value| value.to_str().ok())
        .or(key_parameter);
    let caller = match given {
        Some(given) => key_user(state, given),
        None => password_user(state, headers),
    };
    let is_secret = given.is_some() || password(headers).is_some();
    caller.ok_or_else(|| {
        if is_secret {
            state.counters.refused_secret();
        }
        Problem::not_signed_in()
    })
}

fn key_user(state: &SystemState, given: &str) -> Option<Caller> {
    if state.credentials_revoked() {
        return None;
    }
    let user = match given {
        LIMITED_KEY => LIMITED_USER,
        _ => user(
            Account::ALL
                .into_iter()
                .find(|account| key(*account, state.generation(*account)) == given)?,
        ),
    };
    Some(Caller { user: user.to_owned() })
}

/// Signs in with `maxauth` or Basic and returns the session's cookie.
pub(super) fn sign_in(state: &SystemState, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let caller = password_user(state, headers);
    state.counters.login(caller.is_some());
    let caller = caller.ok_or_else(Problem::wrong_password)?;
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

fn password_user(state: &SystemState, headers: &HeaderMap) -> Option<Caller> {
    let (name, given) = password(headers)?;
    let account = Account::ALL
        .into_iter()
        .find(|account| name.eq_ignore_ascii_case(user(*account)))?;
    let right = state
        .generation(account)
        .password(account.pick(DEMO_PASSWORD, SECOND_PASSWORD));
    (given == right && !state.credentials_revoked()).then(|| Caller {
        user: user(account).to_owned(),
    })
}

/// Returns the name and the password in the headers of a request.
fn password(headers: &HeaderMap) -> Option<(String, String)> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let encoded = text("maxauth").or_else(|| text(AUTHORIZATION.as_str())?.strip_prefix("Basic "))?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
