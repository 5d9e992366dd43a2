//! Logon with Basic credentials or an OAuth token, the lock after three failed attempts, and the
//! token that writes need.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::json;

use super::{options, page, respond};
use crate::{
    account::{Account, Generation},
    state::{CallNote, SystemState},
};

/// The communication user of the demo.
pub(super) const USER: &str = "LINESHAFT_COMM";
/// Its password, which is also the secret of its OAuth client.
pub(super) const PASSWORD: &str = "Bottle+Works-2026";
const SECOND_USER: &str = "REPORTING_COMM";
const SECOND_PASSWORD: &str = "Second+Works-2026";
/// The only client (tenant) of the system.
pub(super) const CLIENT: &str = "100";

/// How many wrong passwords lock the user.
const ATTEMPTS: u32 = 3;

/// What the system remembers of attempts and sessions.
#[derive(Debug, Default)]
pub(super) struct Logon {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Wrong passwords in a row, for each account and each of its passwords in turn: a new one unlocks the user.
    failures: HashMap<(Account, Generation), u32>,
    /// The write token of each session, with the epoch in which it was given.
    write_tokens: HashMap<String, (String, u64)>,
    count: u64,
}

impl Logon {
    /// Finds out who sends a request; the refusal is the same page for every reason.
    pub(super) fn check(&self, state: &SystemState, uri: &Uri, headers: &HeaderMap) -> Result<Account, Box<Response>> {
        let client = options(uri)
            .into_iter()
            .find(|(name, _)| name == "sap-client")
            .map(|(_, value)| value);
        let client = client.or_else(|| text(headers, "sap-client"));
        let authorization = text(headers, header::AUTHORIZATION.as_str()).unwrap_or_default();
        let account = match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                state.token_user(token).and_then(|user| account_of(&user))
            }
            Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
                let account = self.password_fits(state, pair);
                if account.is_none() {
                    state.counters.refused_secret();
                }
                account
            }
            _ => None,
        };
        let is_client = client.is_none_or(|client| client == CLIENT);
        account.filter(|_| is_client).ok_or_else(|| Box::new(refusal()))
    }

    /// Issues a bearer token for client credentials.
    pub(super) fn token(&self, state: &SystemState, method: &Method, headers: &HeaderMap, body: &[u8]) -> Response {
        if method != Method::POST {
            return page(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
        }
        let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let pair = text(headers, header::AUTHORIZATION.as_str())
            .and_then(|value| value.split_once(' ').map(|(_, pair)| pair.to_owned()))
            .unwrap_or_else(|| {
                let field = |name| form.get(name).map_or("", String::as_str);
                STANDARD.encode(format!("{}:{}", field("client_id"), field("client_secret")))
            });
        let grant = form.get("grant_type").map(String::as_str);
        let refused = (
            StatusCode::UNAUTHORIZED,
            json!({"error": "invalid_client", "error_description": "Client authentication failed"}),
        );
        let answer = if grant == Some("client_credentials") {
            let account = self.password_fits(state, &pair);
            if account.is_none() {
                state.counters.refused_secret();
            }
            let bearer = account.and_then(|account| state.issue_bearer(user(account)));
            bearer.map_or(refused, |(token, seconds)| {
                let lifetime = seconds.to_string();
                let document =
                    json!({"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": ""});
                (StatusCode::OK, document)
            })
        } else {
            (StatusCode::BAD_REQUEST, json!({"error": "unsupported_grant_type"}))
        };
        let is_granted = answer.0 == StatusCode::OK;
        state.counters.exchange(grant.unwrap_or_default(), is_granted);
        let mut response = respond(answer.0, "application/json", answer.1.to_string());
        response.extensions_mut().insert(CallNote::login());
        response
    }

    /// Gives the client a token for writes, bound to a new session.
    pub(super) fn add_write_token(&self, state: &SystemState, response: &mut Response) {
        let mut memory = self.memory();
        memory.count += 1;
        let session = format!(
            "{:032x}",
            u128::from(memory.count).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
        );
        let token = STANDARD.encode(format!("write-token-{session}"));
        let epoch = state.guards.token_epoch();
        memory.write_tokens.insert(session.clone(), (token.clone(), epoch));
        let cookies = [
            format!("SAP_SESSIONID_S4H_{CLIENT}={session}; path=/; HttpOnly"),
            format!("sap-usercontext=sap-client={CLIENT}; path=/"),
        ];
        for cookie in cookies {
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        if let Ok(token) = HeaderValue::from_str(&token) {
            response.headers_mut().insert("x-csrf-token", token);
        }
    }

    /// Returns whether the request carries a write token together with the session it was made for.
    pub(super) fn knows_write_token(&self, state: &SystemState, headers: &HeaderMap) -> bool {
        let cookies = text(headers, header::COOKIE.as_str()).unwrap_or_default();
        let prefix = format!("SAP_SESSIONID_S4H_{CLIENT}=");
        let session = cookies
            .split(';')
            .find_map(|cookie| cookie.trim().strip_prefix(&prefix));
        let token = text(headers, "x-csrf-token");
        let memory = self.memory();
        session
            .and_then(|session| memory.write_tokens.get(session))
            .is_some_and(|(known, epoch)| Some(known) == token.as_ref() && *epoch == state.guards.token_epoch())
    }

    /// Returns the account that a pair of user and password fits, and counts failures. While the credentials are revoked
    /// nothing is counted, so that restoring them finds the user unlocked.
    fn password_fits(&self, state: &SystemState, pair: &str) -> Option<Account> {
        if state.credentials_revoked() {
            return None;
        }
        let decoded = STANDARD
            .decode(pair)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        let (name, given) = decoded.split_once(':').unwrap_or_default();
        let account = Account::ALL
            .into_iter()
            .find(|account| name.eq_ignore_ascii_case(user(*account)))?;
        let generation = state.generation(account);
        let mut memory = self.memory();
        let failures = memory.failures.entry((account, generation)).or_default();
        if *failures >= ATTEMPTS {
            return None;
        }
        let fits = given == password(account, generation);
        *failures = if fits { 0 } else { *failures + 1 };
        fits.then_some(account)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the user name of an account.
pub(super) fn user(account: Account) -> &'static str {
    account.pick(USER, SECOND_USER)
}

/// Returns the password of an account.
pub(super) fn password(account: Account, generation: Generation) -> String {
    generation.password(account.pick(PASSWORD, SECOND_PASSWORD))
}

/// Returns the account that a token was issued for; tokens know the name of the user.
pub(crate) fn account_of(token_user: &str) -> Option<Account> {
    Account::ALL.into_iter().find(|account| user(*account) == token_user)
}

/// Returns the answer to a write without a valid token.
pub(super) fn token_required() -> Response {
    let mut response = respond(
        StatusCode::FORBIDDEN,
        "text/plain; charset=utf-8",
        "CSRF token validation failed".to_owned(),
    );
    response
        .headers_mut()
        .insert("x-csrf-token", HeaderValue::from_static("Required"));
    response
}

fn refusal() -> Response {
    let mut response = page(StatusCode::UNAUTHORIZED, "Logon failed");
    let challenge = "Basic realm=\"SAP NetWeaver Application Server [S4H/100]\"";
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}
