//! Simulates Dynamics 365 Finance and Operations: the data entities below `/data`, the metadata
//! service, and on the same host the sign-in page and the token endpoint of Entra ID.

mod assets;
mod calibrations;
mod codes;
mod directory;
mod discovery;
mod entities;
mod problem;
mod products;
mod purchasing;
mod sign_in;
mod token;
mod vendors;
mod write;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

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
    account::{Account, Generation},
    odata::{Answer, Problem, Request, Service, Snapshot, answer},
    state::SystemState,
};
use directory::{TENANT, client_id, client_secret, company};
pub(crate) use directory::{account_of, authorization_server};

struct Dynamics {
    state: Arc<SystemState>,
    service: Snapshot<Service>,
    /// Held while a write is done.
    writing: Mutex<()>,
}

impl Dynamics {
    /// Returns the service over what there is now.
    fn service(&self) -> Arc<Service> {
        let world = self.state.world();
        let version = self.state.world_version();
        self.service
            .get(version, || entities::service(&world, &self.state.written()))
    }
}

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(Dynamics {
        state,
        service: Snapshot::new(),
        writing: Mutex::new(()),
    }))
}

/// Returns the settings and the credentials of an account.
pub(crate) fn connection(base_url: &str, account: Account, generation: Generation) -> (Value, Value) {
    let settings = json!({
        "base_url": base_url,
        "tenant_id": TENANT,
        "token_url": format!("{base_url}/{TENANT}/oauth2/v2.0/token"),
        "company": company(account),
    });
    let credentials = json!({
        "client_id": client_id(account),
        "client_secret": client_secret(account, generation),
    });
    (settings, credentials)
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
        return token::answer(&dynamics.state, &method, &path, &headers, &body);
    }
    if path.ends_with("/oauth2/v2.0/authorize") {
        return sign_in::answer(&dynamics.state, &method, &path, &uri, &body);
    }
    let user = token::caller(&dynamics.state, &headers);
    let Some((user, account)) = user.and_then(|user| account_of(&user).map(|account| (user, account))) else {
        return token::refusal();
    };
    if path == SESSION_INFO {
        return match method {
            Method::POST => respond(
                StatusCode::OK,
                JSON,
                directory::session_info(&user, account).to_string(),
            ),
            _ => not_found(&uri),
        };
    }
    let service = dynamics.service();
    if let Some(below) = path.strip_prefix("/metadata") {
        return match discovery::answer(&service, below) {
            Some(document) => respond(StatusCode::OK, JSON, document.to_string()),
            None => not_found(&uri),
        };
    }
    match path.strip_prefix("/data") {
        Some(below) if below.is_empty() || below.starts_with('/') => {
            let below = below.trim_matches('/');
            data(&dynamics, account, &method, &uri, &headers, below, &body)
        }
        _ => not_found(&uri),
    }
}

/// The service that tells who is signed in.
const SESSION_INFO: &str = "/api/services/UserSessionService/AifUserSessionService/GetUserSessionInfo";

const JSON: &str = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8";

fn data(
    dynamics: &Dynamics,
    account: Account,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    path: &str,
    body: &[u8],
) -> Response {
    let service = &dynamics.service();
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
        company: (!sees_all || account == Account::Second).then(|| company(account).to_owned()),
    };
    let set = path.split(['/', '(']).next().unwrap_or_default();
    let result = match *method {
        _ if dynamics.state.denies(set) => Err(Problem::denied(service.flavour, set)),
        Method::GET | Method::HEAD => answer(service, &request).map(Told::Read),
        _ => write::answer(dynamics, method, headers, &request, body).map(Told::Written),
    };
    let mut response = match result {
        Ok(Told::Written(response)) => response,
        Ok(Told::Read(Answer::Json(json))) => respond(StatusCode::OK, JSON, json.to_string()),
        Ok(Told::Read(Answer::Text(text))) => respond(StatusCode::OK, "text/plain", text),
        Ok(Told::Read(Answer::Xml(text))) => respond(StatusCode::OK, "application/xml", text),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            respond(
                status,
                JSON,
                problem.body(service.flavour, &service.namespace).to_string(),
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

/// What is told: what was read, or the answer to a write.
enum Told {
    Read(Answer),
    Written(Response),
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
