//! Simulates Dynamics 365 Finance and Operations: the data entities below `/data`, the metadata
//! service, and the token endpoint of Entra ID on the same host. Reads only.

mod assets;
mod codes;
mod discovery;
mod entities;
mod products;
mod purchasing;
mod token;
mod vendors;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::{
    odata::{Answer, Problem, Request, Service, Snapshot, answer},
    state::SystemState,
};
use codes::COMPANY;
use token::{CLIENT_ID, CLIENT_SECRET, TENANT};

struct Dynamics {
    state: Arc<SystemState>,
    service: Snapshot<Service>,
}

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(Dynamics {
        state,
        service: Snapshot::new(),
    }))
}

/// Returns the settings and the credentials of a demo connection.
pub(crate) fn demo_connection(base_url: &str) -> (Value, Value) {
    let settings = json!({
        "base_url": base_url,
        "tenant_id": TENANT,
        "token_url": format!("{base_url}/{TENANT}/oauth2/v2.0/token"),
        "company": COMPANY,
    });
    (
        settings,
        json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}),
    )
}

async fn handle(
    State(dynamics): State<Arc<Dynamics>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    if path.ends_with("/oauth2/v2.0/token") || path.ends_with("/oauth2/token") {
        return token::answer(&dynamics.state, &method, &path, &body);
    }
    if !token::is_valid(&dynamics.state, &headers) {
        return token::refusal();
    }
    let service = {
        let world = dynamics.state.world();
        dynamics
            .service
            .get(dynamics.state.world_version(), || entities::service(&world))
    };
    if let Some(below) = path.strip_prefix("/metadata") {
        return match discovery::answer(&service, below) {
            Some(document) => respond(StatusCode::OK, JSON, document.to_string()),
            None => not_found(&uri),
        };
    }
    match path.strip_prefix("/data") {
        Some(below) if below.is_empty() || below.starts_with('/') => {
            data(&dynamics, &service, &method, &uri, &headers, below.trim_matches('/'))
        }
        _ => not_found(&uri),
    }
}

const JSON: &str = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8";

fn data(
    dynamics: &Dynamics,
    service: &Service,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    path: &str,
) -> Response {
    let options: Vec<(String, String)> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let sees_all = options
        .iter()
        .any(|(name, value)| name == "cross-company" && value.eq_ignore_ascii_case("true"));
    let page = preferred_page(headers);
    let request = Request {
        root: format!("{}/data/", dynamics.state.base_url),
        path: path.to_owned(),
        options,
        page,
        json: true,
        decimals_as_text: false,
        company: (!sees_all).then(|| COMPANY.to_owned()),
    };
    let result = match *method {
        Method::GET | Method::HEAD => answer(service, &request),
        _ => Err(Problem::method()),
    };
    let mut response = match result {
        Ok(Answer::Json(json)) => respond(StatusCode::OK, JSON, json.to_string()),
        Ok(Answer::Text(text)) => respond(StatusCode::OK, "text/plain", text),
        Ok(Answer::Xml(text)) => respond(StatusCode::OK, "application/xml", text),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            respond(
                status,
                JSON,
                problem.body(service.flavour, service.namespace).to_string(),
            )
        }
    };
    response
        .headers_mut()
        .insert("odata-version", HeaderValue::from_static("4.0"));
    let applied = page.and_then(|page| HeaderValue::from_str(&format!("odata.maxpagesize={page}")).ok());
    if let Some(applied) = applied {
        response.headers_mut().insert("preference-applied", applied);
    }
    response
}

/// Reads the page size out of `Prefer: odata.maxpagesize=100`.
fn preferred_page(headers: &HeaderMap) -> Option<usize> {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| {
            let (name, size) = preference.trim().split_once('=')?;
            let is_size = name.eq_ignore_ascii_case("odata.maxpagesize") || name.eq_ignore_ascii_case("maxpagesize");
            size.trim().parse().ok().filter(|size| is_size && *size > 0)
        })
}

fn not_found(uri: &Uri) -> Response {
    let message = format!("No HTTP resource was found that matches the request URI '{uri}'.");
    respond(StatusCode::NOT_FOUND, JSON, json!({"Message": message}).to_string())
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
