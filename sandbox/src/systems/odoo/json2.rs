//! The JSON-2 face: `POST /json/2/<model>/<method>` with a bearer key, named arguments and real
//! status codes.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value};

use super::call::{self, ModelCall};
use super::error::OdooError;
use super::{Caller, DATABASE, write};
use crate::state::CallNote;
use crate::systems::orm::Database;

/// Serves a call.
pub(super) async fn call(
    State(database): State<Arc<Database>>,
    Path((model, method)): Path<(String, String)>,
    verb: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let note = CallNote::operation(format!("{model}.{method}"));
    let result = answer(&database, (&model, &method), &verb, &headers, &body);
    let response = match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let mut response = (error.status(), Json(error.body())).into_response();
            if error.status() == StatusCode::UNAUTHORIZED {
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
    };
    (Extension(note), response).into_response()
}

fn answer(
    database: &Database,
    (model, method): (&str, &str),
    verb: &Method,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, OdooError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(name) = text("x-odoo-database").filter(|name| *name != DATABASE) {
        return Err(OdooError::http(
            StatusCode::NOT_FOUND,
            format!("database '{name}' not found"),
        ));
    }
    let key = text("authorization").and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let key = key.ok_or_else(|| {
        OdooError::http(
            StatusCode::UNAUTHORIZED,
            "User not authenticated, use an API Key with a Bearer Authorization header.",
        )
    })?;
    let Some(caller) = Caller::of_key(&database.state, key) else {
        database.state.counters.refused_secret();
        return Err(OdooError::http(StatusCode::UNAUTHORIZED, "Invalid apikey"));
    };
    if verb != Method::POST {
        return Err(OdooError::http(
            StatusCode::NOT_FOUND,
            "Did you mean POST /json/2/<model>/<method>?",
        ));
    }
    let mut arguments = arguments(body)?;
    let context = arguments
        .remove("context")
        .and_then(|context| context.as_object().cloned())
        .unwrap_or_default();
    if database.table(model).is_none() {
        return Err(OdooError::http(
            StatusCode::NOT_FOUND,
            format!("the model '{model}' does not exist"),
        ));
    }
    if let Some(names) = call::parameters(method).filter(|_| write::is_known(model, method)) {
        let on_records = names.first() == Some(&"ids");
        if !on_records && arguments.contains_key("ids") {
            let message = format!("cannot call {model}.{method} with ids");
            return Err(OdooError::http(StatusCode::UNPROCESSABLE_ENTITY, message));
        }
        arguments = call::named(method, &[], arguments)?;
    } else if !method.starts_with('_') {
        let message = format!("The method '{model}.{method}' does not exist");
        return Err(OdooError::http(StatusCode::NOT_FOUND, message));
    }
    ModelCall {
        caller,
        model,
        method,
        arguments,
        context,
        lists: true,
    }
    .run(database)
}

fn arguments(body: &[u8]) -> Result<Map<String, Value>, OdooError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("could not parse the body as json: {error}");
        OdooError::http(StatusCode::BAD_REQUEST, message)
    })
}
