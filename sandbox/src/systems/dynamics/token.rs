//! The token endpoint of Entra ID with its error codes, and the check of bearer tokens.

use std::collections::HashMap;

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;

use super::respond;
use crate::state::{CallNote, SystemState};

/// The tenant of the demo.
pub(super) const TENANT: &str = "6f1c2b7e-0d4a-4f53-9a35-2c8b5e7d9a10";
/// The registered application.
pub(super) const CLIENT_ID: &str = "b3a8f2d4-51c7-4e0e-8f6d-7c2e9a4b1d05";
/// The secret of the application.
pub(super) const CLIENT_SECRET: &str = "lakeside~demo~secret";

/// A refusal of the token endpoint: status, OAuth error, number and text.
type Refusal = (StatusCode, &'static str, u32, String);

/// Answers a request for a token.
pub(super) fn answer(state: &SystemState, method: &Method, path: &str, body: &[u8]) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let result = match *method {
        Method::POST => verify(state, path, &form),
        _ => Err((
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            900_561,
            "The endpoint only accepts POST requests.".to_owned(),
        )),
    };
    let mut response = match result {
        Ok(token) => {
            let document = json!({
                "token_type": "Bearer",
                "expires_in": 3599,
                "ext_expires_in": 3599,
                "access_token": token,
            });
            respond(StatusCode::OK, "application/json; charset=utf-8", document.to_string())
        }
        Err(refusal) => error(state, refusal),
    };
    response.extensions_mut().insert(CallNote::login());
    response
}

fn verify(state: &SystemState, path: &str, form: &HashMap<String, String>) -> Result<String, Refusal> {
    let field = |name| form.get(name).map_or("", String::as_str);
    let tenant = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if tenant != TENANT {
        let text = format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return Err((StatusCode::BAD_REQUEST, "invalid_request", 90_002, text));
    }
    if field("grant_type") != "client_credentials" {
        let text = "The app requested an unsupported grant type.".to_owned();
        return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type", 70_003, text));
    }
    if field("client_id") != CLIENT_ID {
        let text = format!(
            "Application with identifier '{}' was not found in the directory.",
            field("client_id")
        );
        return Err((StatusCode::BAD_REQUEST, "unauthorized_client", 700_016, text));
    }
    let is_version_2 = path.ends_with("/v2.0/token");
    let is_scope_good = field("scope")
        .strip_suffix("/.default")
        .is_some_and(|resource| resource.contains("://"));
    if is_version_2 && !is_scope_good {
        let text = format!(
            "The provided value for the input parameter 'scope' is not valid: '{}'.",
            field("scope")
        );
        return Err((StatusCode::BAD_REQUEST, "invalid_scope", 70_011, text));
    }
    if !is_version_2 && field("resource").is_empty() {
        let text = "The request body must contain the following parameter: 'resource or scope'.".to_owned();
        return Err((StatusCode::BAD_REQUEST, "invalid_request", 900_144, text));
    }
    if field("client_secret") != CLIENT_SECRET || state.credentials_revoked() {
        let text = format!("Invalid client secret provided for app '{CLIENT_ID}'.");
        return Err((StatusCode::UNAUTHORIZED, "invalid_client", 7_000_215, text));
    }
    state.issue_token(CLIENT_ID).ok_or_else(|| {
        (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            7_000_222,
            "The provided client secret keys are expired.".to_owned(),
        )
    })
}

fn error(state: &SystemState, (status, error, number, text): Refusal) -> Response {
    let document = json!({
        "error": error,
        "error_description": format!("AADSTS{number}: {text}"),
        "error_codes": [number],
        "timestamp": state.now().format("%Y-%m-%d %H:%M:%SZ").to_string(),
        "trace_id": "1c5d0d0e-5d65-4a3c-9b02-1f1f2a7b0c00",
        "correlation_id": "8a1f6a1e-7a0f-45c5-8f3b-3a5f0f9e4d11",
        "error_uri": format!("{}/error?code={number}", state.base_url),
    });
    respond(status, "application/json; charset=utf-8", document.to_string())
}

/// Returns whether the request carries a living token.
pub(super) fn is_valid(state: &SystemState, headers: &HeaderMap) -> bool {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match authorization.split_once(' ') {
        Some((scheme, token)) => scheme.eq_ignore_ascii_case("bearer") && state.token_user(token.trim()).is_some(),
        None => false,
    }
}

/// Returns the refusal of the data service: a challenge without a body.
pub(super) fn refusal() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let challenge = format!("Bearer authorization_uri=\"https://login.windows.net/{TENANT}/oauth2/authorize\"");
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
