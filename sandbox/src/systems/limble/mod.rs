//! Simulates Limble CMMS, API v2: Basic keys, bare JSON arrays, pages told by headers, limits per method.

mod catalogue;
mod change;
mod limits;
mod lists;
mod problem;
mod rows;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};

use self::limits::Limits;
use self::lists::{Answer, Row};
use self::problem::Problem;
use self::rows::Dataset;
use crate::account::{Account, Generation};
use crate::state::SystemState;

const CLIENT_ID: &str = "LSDEMOCLIENT";
const CLIENT_SECRET: &str = "limble-demo-secret";
const SECOND_ID: &str = "LSSECONDCLIENT";
/// A key pair that may not see vendors and purchases.
const LIMITED_ID: &str = "LIMITED";
const LIMITED_SECRET: &str = "limited";
/// The largest body that is taken.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// The longest path and query that is taken.
const LONGEST_ADDRESS: usize = 8192;

/// What the handlers of one simulated Limble share.
struct Server {
    state: Arc<SystemState>,
    limits: Limits,
    latest: Mutex<Option<(u64, Arc<Dataset>)>>,
}

impl Server {
    /// Returns the rows of the world as it is now.
    fn dataset(&self) -> Arc<Dataset> {
        let world = self.state.world();
        let version = self.state.world_version();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, dataset)) = latest.as_ref().filter(|(cached, _)| *cached == version) {
            return Arc::clone(dataset);
        }
        let dataset = Arc::new(Dataset::of(&world, &self.state.written()));
        *latest = Some((version, Arc::clone(&dataset)));
        dataset
    }
}

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    let server = Server {
        state,
        limits: Limits::default(),
        latest: Mutex::default(),
    };
    Router::new().fallback(answer).with_state(Arc::new(server))
}

/// Returns the settings and the credentials of an account.
pub(crate) fn connection(base_url: &str, account: Account, generation: Generation) -> (Value, Value) {
    (
        json!({"base_url": base_url}),
        json!({"client_id": client_id(account), "client_secret": client_secret(account, generation)}),
    )
}

fn client_id(account: Account) -> &'static str {
    account.pick(CLIENT_ID, SECOND_ID)
}

fn client_secret(account: Account, generation: Generation) -> String {
    generation.password(account.pick(CLIENT_SECRET, "limble-second-secret"))
}

async fn answer(State(server): State<Arc<Server>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let client = match client_of(&server.state, &head.headers) {
        Ok(client) => client,
        Err(problem) => return problem.into_response(),
    };
    let method = asked_method(&head);
    let Ok(content) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let allowance = server.limits.take(client, &method);
    let mut response = if allowance.is_exhausted() {
        Problem::TooMany.into_response()
    } else {
        serve(&server, client, &head, &method, &content).unwrap_or_else(Problem::into_response)
    };
    allowance.write(response.headers_mut());
    response
}

/// Finds out whose key pair a request carries. A wrong or revoked pair is answered like a missing permission.
fn client_of(state: &SystemState, headers: &HeaderMap) -> Result<&'static str, Problem> {
    let header = headers.get(AUTHORIZATION).ok_or(Problem::NoCredentials)?;
    let pair = header
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(Problem::NoCredentials)?;
    let known = pair
        .split_once(':')
        .filter(|_| !state.credentials_revoked())
        .and_then(|(id, secret)| owner(state, id, secret));
    known.ok_or_else(|| {
        state.counters.refused_secret();
        Problem::BadCredentials
    })
}

/// Returns the id of a key pair when it is a good one.
fn owner(state: &SystemState, id: &str, secret: &str) -> Option<&'static str> {
    if (id, secret) == (LIMITED_ID, LIMITED_SECRET) {
        return Some(LIMITED_ID);
    }
    let account = Account::ALL.into_iter().find(|account| client_id(*account) == id)?;
    (secret == client_secret(account, state.generation(account))).then(|| client_id(account))
}

/// Returns the method that is meant: a POST may name another one in a header.
fn asked_method(head: &http::request::Parts) -> Method {
    let named = head
        .headers
        .get("x-http-method-override")
        .and_then(|value| value.to_str().ok());
    match named.map(str::to_ascii_uppercase).as_deref() {
        Some("PATCH") if head.method == Method::POST => Method::PATCH,
        Some("PUT") if head.method == Method::POST => Method::PUT,
        _ => head.method.clone(),
    }
}

fn serve(
    server: &Server,
    client: &str,
    head: &http::request::Parts,
    method: &Method,
    content: &[u8],
) -> Result<Response, Problem> {
    if head
        .uri
        .path_and_query()
        .is_some_and(|address| address.as_str().len() > LONGEST_ADDRESS)
    {
        return Ok(StatusCode::URI_TOO_LONG.into_response());
    }
    let path = head.uri.path().trim_end_matches('/');
    let below = path
        .strip_prefix("/v2/")
        .ok_or_else(|| Problem::NotFound(path.to_owned()))?;
    if *method != Method::GET {
        let segments: Vec<&str> = below.split('/').collect();
        let is_limited = client == LIMITED_ID && is_withheld(below);
        if is_limited || server.state.denies(change::table_of(&segments)) {
            return Err(Problem::NotPermitted);
        }
        return change::answer(server, method, below, content);
    }
    if below == "me" {
        let company = server.state.world().company.clone();
        // A key pair belongs to a customer of Limble; the second one is another customer with a copy of the plant.
        let name = match client {
            SECOND_ID => format!("{company} (training)"),
            _ => company,
        };
        return Ok(Json(json!({"customerName": name, "customerPlan": "enterprise"})).into_response());
    }
    if client == LIMITED_ID && is_withheld(below) {
        return Err(Problem::NotPermitted);
    }
    if server.state.denies(table_of(below)) {
        return Err(Problem::NotPermitted);
    }
    let dataset = server.dataset();
    let query = head.uri.query().unwrap_or_default();
    let segments: Vec<&str> = below.split('/').collect();
    if let ["tasks", id, "instructions"] = segments.as_slice() {
        let rows = dataset.rows("tasks/instructions");
        let wanted: Vec<Value> = rows
            .iter()
            .filter(|row| has_id(row, "taskID", id))
            .cloned()
            .map(Value::Object)
            .collect();
        return Ok(Json(wanted).into_response());
    }
    if let ["po", id, "state", rest @ ..] = segments.as_slice() {
        return order_state(&dataset, id, rest, path);
    }
    let list = lists::find(below).ok_or_else(|| Problem::NotFound(path.to_owned()))?;
    let Answer { rows, links } = list.answer(dataset.rows(below), query)?;
    let mut response = Json(rows).into_response();
    for (name, query) in links {
        let address = format!("{}{path}?{query}", server.state.base_url);
        if let Ok(value) = address.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn has_id(row: &Row, name: &str, id: &str) -> bool {
    id.parse::<u64>()
        .is_ok_and(|id| row.get(name).and_then(Value::as_u64) == Some(id))
}

/// Returns the list that a path reads from: `po` for `po/7/state`.
fn table_of(below: &str) -> &str {
    let segments: Vec<&str> = below.split('/').collect();
    match segments.as_slice() {
        ["tasks", _, "instructions"] => "tasks/instructions",
        ["po", _, "state", ..] => "po",
        _ => below,
    }
}

fn is_withheld(path: &str) -> bool {
    ["vendors", "po", "bills"]
        .iter()
        .any(|first| path.split('/').next() == Some(first))
        || path == "parts/vendors/associations"
}

fn order_state(dataset: &Dataset, id: &str, rest: &[&str], path: &str) -> Result<Response, Problem> {
    let missing = || Problem::NotFound(path.to_owned());
    let order = dataset
        .rows("po")
        .iter()
        .find(|row| has_id(row, "poID", id))
        .ok_or_else(missing)?;
    let details = order.get("stateDetails").ok_or_else(missing)?;
    match rest {
        [] => Ok(Json(details["current"].clone()).into_response()),
        ["transitions"] => Ok(Json(details["transitions"].clone()).into_response()),
        _ => Err(missing()),
    }
}
