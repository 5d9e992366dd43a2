//! The JSON-RPC faces: `/jsonrpc` with a password or key in each call, and the web client's calls
//! with a session cookie. The HTTP status is always 200.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};

use super::call::{self, ModelCall};
use super::error::OdooError;
use super::{Caller, DATABASE};
use crate::state::CallNote;
use crate::systems::orm::Database;

type Served = State<Arc<Database>>;

pub(super) async fn version() -> Json<Value> {
    Json(json!({"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"}))
}

pub(super) async fn databases() -> Json<Value> {
    Json(json!({"jsonrpc": "2.0", "id": null, "result": [DATABASE]}))
}

/// Serves `/jsonrpc`.
pub(super) async fn json_rpc(State(database): Served, body: Bytes) -> Response {
    let Some((id, params)) = request(&body) else {
        return unreadable();
    };
    let service = params.get("service").and_then(Value::as_str).unwrap_or("");
    let method = params.get("method").and_then(Value::as_str).unwrap_or("");
    let arguments = params
        .get("args")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    match (service, method) {
        ("common", "version") => answer(&id, Ok(server_version()), CallNote::operation("common.version")),
        ("common", "authenticate" | "login") => answer(&id, log_in(&database, &arguments), CallNote::login()),
        ("object", "execute_kw" | "execute") => {
            let model = arguments.get(3).and_then(Value::as_str).unwrap_or("");
            let called = arguments.get(4).and_then(Value::as_str).unwrap_or("");
            let note = CallNote::operation(format!("{model}.{called}"));
            answer(&id, execute(&database, &arguments, method == "execute_kw"), note)
        }
        _ => {
            let error = OdooError::attribute(format!("Method not found: {service}.{method}"));
            answer(&id, Err(error), CallNote::default())
        }
    }
}

fn server_version() -> Value {
    json!({
        "server_version": "19.0",
        "server_version_info": [19, 0, 0, "final", 0, ""],
        "server_serie": "19.0",
        "protocol_version": 1,
    })
}

fn log_in(database: &Database, arguments: &[Value]) -> Result<Value, OdooError> {
    let text = |place: usize| arguments.get(place).and_then(Value::as_str).unwrap_or("");
    if text(0) != DATABASE {
        return Err(OdooError::no_database(text(0)));
    }
    let caller = Caller::of_login(&database.state, text(1), text(2));
    database.state.counters.login(caller.is_some());
    Ok(caller.map_or(Value::Bool(false), |caller| caller.uid.into()))
}

fn execute(database: &Database, arguments: &[Value], keywords: bool) -> Result<Value, OdooError> {
    let text = |place: usize| arguments.get(place).and_then(Value::as_str).unwrap_or("");
    if text(0) != DATABASE {
        return Err(OdooError::no_database(text(0)));
    }
    let uid = arguments.get(1).and_then(Value::as_u64).unwrap_or(0);
    let Some(caller) = Caller::of_uid(&database.state, uid, text(2)) else {
        database.state.counters.refused_secret();
        return Err(OdooError::access_denied());
    };
    let none = Map::new();
    let (positional, named) = if keywords {
        let positional = arguments
            .get(5)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        (positional, arguments.get(6).and_then(Value::as_object).unwrap_or(&none))
    } else {
        (arguments.get(5..).unwrap_or(&[]), &none)
    };
    call_model(database, caller, (text(3), text(4)), positional, named)
}

fn call_model(
    database: &Database,
    caller: Caller,
    (model, method): (&str, &str),
    positional: &[Value],
    named: &Map<String, Value>,
) -> Result<Value, OdooError> {
    let mut given = named.clone();
    let context = given
        .remove("context")
        .and_then(|context| context.as_object().cloned())
        .unwrap_or_default();
    let arguments = if call::parameters(method).is_some() {
        call::named(method, positional, given)?
    } else {
        Map::new()
    };
    ModelCall {
        caller,
        model,
        method,
        arguments,
        context,
        lists: false,
    }
    .run(database)
}

/// Serves `/web/session/authenticate`.
pub(super) async fn web_login(State(database): Served, body: Bytes) -> Response {
    let Some((id, params)) = request(&body) else {
        return unreadable();
    };
    let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or("");
    let caller = Caller::of_login(&database.state, text("login"), text("password")).filter(|_| text("db") == DATABASE);
    database.state.counters.login(caller.is_some());
    let token = caller.and_then(|caller| database.state.issue_token(&caller.uid.to_string()));
    let (Some(caller), Some(token)) = (caller, token) else {
        return answer(&id, Err(OdooError::access_denied()), CallNote::login());
    };
    let session = json!({
        "uid": caller.uid,
        "is_system": caller == Caller::ADMIN,
        "is_admin": caller == Caller::ADMIN,
        "user_context": {"lang": "en_US", "tz": "Europe/Berlin", "uid": caller.uid},
        "db": DATABASE,
        "username": text("login"),
        "server_version": "19.0",
    });
    let mut response = answer(&id, Ok(session), CallNote::login());
    if let Ok(cookie) = HeaderValue::from_str(&format!("session_id={token}; Max-Age=604800; HttpOnly; Path=/")) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Serves `/web/dataset/call_kw`.
pub(super) async fn web_call(State(database): Served, headers: HeaderMap, body: Bytes) -> Response {
    let Some((id, params)) = request(&body) else {
        return unreadable();
    };
    let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or("");
    let note = CallNote::operation(format!("{}.{}", text("model"), text("method")));
    let caller = cookie(&headers).and_then(|token| Caller::of_session(&database.state, token));
    let Some(caller) = caller else {
        return answer(&id, Err(OdooError::session_expired()), note);
    };
    let positional = params
        .get("args")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let named = params
        .get("kwargs")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let result = call_model(&database, caller, (text("model"), text("method")), &positional, &named);
    answer(&id, result, note)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies
        .split(';')
        .find_map(|part| part.trim().strip_prefix("session_id="))
}

fn request(body: &[u8]) -> Option<(Value, Value)> {
    let request: Value = serde_json::from_slice(body).ok()?;
    let params = request.get("params").cloned().unwrap_or(Value::Null);
    Some((request.get("id").cloned().unwrap_or(Value::Null), params))
}

fn answer(id: &Value, result: Result<Value, OdooError>, note: CallNote) -> Response {
    let body = match result {
        // A method that returns nothing gives an answer without a result.
        Ok(Value::Null) => json!({"jsonrpc": "2.0", "id": id}),
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error.rpc()}),
    };
    (Extension(note), Json(body)).into_response()
}

fn unreadable() -> Response {
    let page = "<!doctype html>\n<html lang=en>\n<title>400 Bad Request</title>\n<h1>Bad Request</h1>\n<p>Invalid JSON data</p>\n";
    (
        http::StatusCode::BAD_REQUEST,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        page,
    )
        .into_response()
}
