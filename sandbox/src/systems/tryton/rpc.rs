//! The JSON-RPC envelope, sessions and pages. Exactly `id`, `method` and `params` give an envelope
//! back; any further member gives the bare result, and errors as pages.

use std::sync::{Arc, PoisonError};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::error::TrytonError;
use super::{DATABASE, Tryton, account_of, call, password};
use crate::account::Generation;
use crate::fault::gzip_stored;
use crate::state::CallNote;

const INTERNAL: &str = "The server encountered an internal error and was unable to complete your request. Either the server is overloaded or there is an error in the application.";
const UNKNOWN_URL: &str = "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.";
const WRONG_PASSWORD: &str = "The server could not verify that you are authorized to access the URL requested. You either supplied the wrong credentials (e.g. a bad password), or your browser doesn't understand how to supply the credentials required.";

/// From this many characters on, the answer says it is packed.
const PACKED_FROM: usize = 1400;

struct Request {
    id: Value,
    method: String,
    parameters: Vec<Value>,
    enveloped: bool,
}

/// Serves `/rpc/`: calls that need no database.
pub(super) async fn server_call(State(_): State<Arc<Tryton>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = match parse(&headers, &body) {
        Ok(request) => request,
        Err(error) => return error.page(),
    };
    let result = match request.method.as_str() {
        "common.server.version" => Ok(json!("8.0")),
        "common.db.list" => Ok(json!([DATABASE])),
        _ => Err(TrytonError::Page(StatusCode::FORBIDDEN, "Forbidden")),
    };
    answer(&request, result, &headers, CallNote::operation(request.method.clone()))
}

/// Serves `/<database>/rpc/`.
pub(super) async fn database_call(
    State(tryton): State<Arc<Tryton>>,
    Path(database): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if database != DATABASE {
        return TrytonError::Page(StatusCode::NOT_FOUND, UNKNOWN_URL).page();
    }
    let request = match parse(&headers, &body) {
        Ok(request) => request,
        Err(error) => return error.page(),
    };
    let login = request.method == "common.db.login";
    let note = if login {
        CallNote::login()
    } else {
        CallNote::operation(request.method.clone())
    };
    let result = if login {
        tryton.log_in(&request.parameters)
    } else {
        tryton.serve(&request, &headers)
    };
    answer(&request, result, &headers, note)
}

impl Tryton {
    fn serve(&self, request: &Request, headers: &HeaderMap) -> Result<Value, TrytonError> {
        match request.method.as_str() {
            "common.server.version" => return Ok(json!("8.0")),
            "common.db.list" => return Ok(json!([DATABASE])),
            _ => {}
        }
        let (user, session) = self.caller(headers).ok_or(TrytonError::NoSession)?;
        if request.method == "common.db.logout" {
            if let Some(session) = session {
                self.database.state.drop_token(&session);
            }
            return Ok(Value::Null);
        }
        call::run(&self.database, &user, &request.method, &request.parameters)
    }

    /// Returns the login name of the caller, and the session when there is one.
    fn caller(&self, headers: &HeaderMap) -> Option<(String, Option<String>)> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, encoded) = value.split_once(' ')?;
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        if scheme.eq_ignore_ascii_case("basic") {
            let (login, password) = decoded.split_once(':')?;
            if self.verify(login, password).is_none() {
                self.database.state.counters.refused_secret();
                return None;
            }
            return Some((login.to_owned(), None));
        }
        if !scheme.eq_ignore_ascii_case("session") {
            return None;
        }
        let mut parts = decoded.splitn(3, ':');
        let (login, uid, session) = (parts.next()?, parts.next()?, parts.next()?);
        let user = self.database.state.token_user(session)?;
        (user == format!("{login}:{uid}")).then(|| (login.to_owned(), Some(session.to_owned())))
    }

    /// Returns the user id when the password is right.
    fn verify(&self, login: &str, given: &str) -> Option<u32> {
        let state = &self.database.state;
        if state.credentials_revoked() {
            return None;
        }
        let world = state.world();
        let user = world.users.iter().find(|user| user.login == login && user.active)?;
        let right = match account_of(login) {
            Some(account) => password(account, state.generation(account)),
            None => format!("{login}-Passw0rd"),
        };
        (given == right).then_some(user.id)
    }

    fn log_in(&self, parameters: &[Value]) -> Result<Value, TrytonError> {
        let login = parameters.first().and_then(Value::as_str).unwrap_or("");
        let Some(password) = parameters
            .get(1)
            .and_then(|given| given.get("password"))
            .and_then(Value::as_str)
        else {
            return Err(TrytonError::Login(format!("Password for {login}")));
        };
        let state = &self.database.state;
        let generation = account_of(login).map_or_else(Generation::default, |account| state.generation(account));
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failures.entry((login.to_owned(), generation)).or_default();
        if *failed >= 6 {
            state.counters.login(false);
            return Err(TrytonError::Page(
                StatusCode::TOO_MANY_REQUESTS,
                "This user has exceeded an allotted request count. Try again later.",
            ));
        }
        let verified = self.verify(login, password);
        state.counters.login(verified.is_some());
        let Some(uid) = verified else {
            *failed += 1;
            return Err(TrytonError::Page(StatusCode::UNAUTHORIZED, WRONG_PASSWORD));
        };
        *failed = 0;
        let session = state
            .issue_token(&format!("{login}:{uid}"))
            .ok_or(TrytonError::NoSession)?;
        Ok(json!([uid, session, null]))
    }
}

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Request, TrytonError> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    if !content_type.starts_with("application/json") {
        return Err(TrytonError::Page(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL));
    }
    let unreadable = || TrytonError::Page(StatusCode::BAD_REQUEST, "Unable to get RPC method");
    let parsed: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let members = parsed.as_object().ok_or_else(unreadable)?;
    let method = members.get("method").and_then(Value::as_str).ok_or_else(unreadable)?;
    let parameters = members
        .get("params")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let enveloped = members.len() == 3 && members.contains_key("id") && members.contains_key("params");
    Ok(Request {
        id: members.get("id").cloned().unwrap_or(Value::Null),
        method: method.to_owned(),
        parameters,
        enveloped,
    })
}

fn answer(request: &Request, result: Result<Value, TrytonError>, headers: &HeaderMap, note: CallNote) -> Response {
    let is_description = request.method.ends_with(".fields_get") && result.is_ok();
    let body = match result {
        Ok(value) if request.enveloped => json!({"id": request.id, "result": value}),
        Ok(value) => value,
        Err(error) => match error.member().filter(|_| request.enveloped) {
            Some(member) => json!({"id": request.id, "error": member}),
            None => return (Extension(note), error.page()).into_response(),
        },
    };
    let mut response = packed(body.to_string(), headers);
    if is_description {
        response
            .headers_mut()
            .insert("x-tryton-cache", HeaderValue::from_static("86400"));
    }
    (Extension(note), response).into_response()
}

/// Long answers carry `Content-Encoding: gzip` even when the client did not ask for it and the
/// body is plain: 8.0.12 sets the header in any case.
fn packed(text: String, headers: &HeaderMap) -> Response {
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if text.chars().count() <= PACKED_FROM {
        return ([content_type], text).into_response();
    }
    let asked = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("gzip")));
    let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let body = if asked {
        Body::from(gzip_stored(text.as_bytes()))
    } else {
        Body::from(text)
    };
    ([content_type, encoding], body).into_response()
}
