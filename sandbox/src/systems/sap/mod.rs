//! Simulates SAP S/4HANA: OData services of version 2 below `/sap/opu/odata/sap/` and the purchase
//! order service of version 4, behind Basic or OAuth logon. A write needs the token of its
//! session.

mod calibrations;
mod codes;
mod logon;
mod movements;
mod objects;
mod orders;
mod partners;
mod products;
mod purchasing;
mod service;
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
    odata::{Answer, Problem, Request, Snapshot, answer},
    state::SystemState,
};
pub(crate) use logon::account_of;
use logon::{CLIENT, Logon};
use service::Services;

/// The longest address the server reads.
const LONGEST_ADDRESS: usize = 6_000;

struct Sap {
    state: Arc<SystemState>,
    logon: Logon,
    services: Snapshot<Services>,
    /// Held while a write is done.
    writing: Mutex<()>,
}

impl Sap {
    /// Returns the services over what there is now.
    fn services(&self) -> Arc<Services> {
        let world = self.state.world();
        let version = self.state.world_version();
        self.services
            .get(version, || Services::new(world.clone(), self.state.written().clone()))
    }
}

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    let sap = Sap {
        state,
        logon: Logon::default(),
        services: Snapshot::new(),
        writing: Mutex::new(()),
    };
    Router::new().fallback(handle).with_state(Arc::new(sap))
}

/// Returns the settings and the credentials of an account.
pub(crate) fn connection(base_url: &str, account: Account, generation: Generation) -> (Value, Value) {
    (
        json!({"base_url": base_url, "sap_client": CLIENT}),
        json!({"username": logon::user(account), "password": logon::password(account, generation)}),
    )
}

async fn handle(State(sap): State<Arc<Sap>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if uri.to_string().len() > LONGEST_ADDRESS {
        return page(StatusCode::URI_TOO_LONG, "Request-URI too long");
    }
    if uri.path() == "/sap/bc/sec/oauth2/token" {
        return sap.logon.token(&sap.state, &method, &headers, &body);
    }
    let account = match sap.logon.check(&sap.state, &uri, &headers) {
        Ok(account) => account,
        Err(refusal) => return *refusal,
    };
    if uri.path() == "/sap/bc/ui2/start_up" {
        let document = json!({"id": logon::user(account), "client": CLIENT, "language": "EN", "system": "S4H"});
        return respond(StatusCode::OK, "application/json", document.to_string());
    }
    serve(&sap, &method, &uri, &headers, &body)
}

fn serve(sap: &Sap, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let services = sap.services();
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    let Some((root, rest)) = service::split(&path) else {
        return page(StatusCode::NOT_FOUND, "The requested URL was not found on this server");
    };
    let Some(service) = services.find(root) else {
        return service::unknown(root);
    };
    if rest.is_none() {
        return redirect(uri);
    }
    let set = rest.and_then(|rest| rest.split(['/', '(']).next()).unwrap_or_default();
    let request = Request {
        root: format!("{}{root}/", sap.state.base_url),
        path: rest.unwrap_or_default().to_owned(),
        options: options(uri),
        page: None,
        json: wants_json(uri, headers),
        decimals_as_text: accept(headers).contains("ieee754compatible=true"),
        company: None,
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        return write::answer(sap, root, service, method, headers, &request, body);
    }
    if sap.state.denies(set) {
        return problem(&Problem::denied(service.flavour, set), service);
    }
    let mut response = match answer(service, &request) {
        Ok(answer) => written(answer, service.flavour.is_v2()),
        Err(found) => problem(&found, service),
    };
    if headers
        .get("x-csrf-token")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"fetch"))
    {
        sap.logon.add_write_token(&sap.state, &mut response);
    }
    response
}

fn options(uri: &Uri) -> Vec<(String, String)> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

fn accept(headers: &HeaderMap) -> String {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.unwrap_or_default().to_lowercase()
}

/// Version 2 answers in Atom unless the client asks for JSON by header or option.
fn wants_json(uri: &Uri, headers: &HeaderMap) -> bool {
    match options(uri).into_iter().find(|(name, _)| name == "$format") {
        Some((_, format)) => format.contains("json"),
        None => accept(headers).contains("json"),
    }
}

fn written(answer: Answer, is_v2: bool) -> Response {
    let (kind, body) = match answer {
        Answer::Json(json) if is_v2 => ("application/json", json.to_string()),
        Answer::Json(json) => (
            "application/json; odata.metadata=minimal; charset=utf-8",
            json.to_string(),
        ),
        Answer::Text(text) => ("text/plain; charset=utf-8", text),
        Answer::Xml(text) => ("application/xml; charset=utf-8", text),
    };
    let mut response = respond(StatusCode::OK, kind, body);
    mark_version(&mut response, is_v2);
    response
}

fn problem(problem: &Problem, service: &crate::odata::Service) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = problem.body(service.flavour, &service.namespace).to_string();
    let mut response = respond(status, "application/json", body);
    mark_version(&mut response, service.flavour.is_v2());
    response
}

fn mark_version(response: &mut Response, is_v2: bool) {
    let (name, version) = if is_v2 {
        ("dataserviceversion", "2.0")
    } else {
        ("odata-version", "4.0")
    };
    response.headers_mut().insert(name, HeaderValue::from_static(version));
}

fn redirect(uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = respond(StatusCode::TEMPORARY_REDIRECT, "text/html", String::new());
    if let Ok(location) = HeaderValue::from_str(&format!("{}/{query}", uri.path())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Returns a page of the web server for a person.
fn page(status: StatusCode, text: &str) -> Response {
    let body = format!("<html><head><title>{text}</title></head><body><h1>{status}</h1><p>{text}</p></body></html>");
    respond(status, "text/html; charset=utf-8", body)
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
