//! Simulates IBM Maximo Manage: object structures over the OSLC and API routes, with API keys and login sessions.

mod change;
mod clock;
mod collection;
mod dataset;
mod evaluate;
mod problem;
mod query;
mod rows;
mod session;
mod structures;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::header::SET_COOKIE;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use self::change::Transactions;
use self::collection::{Cursors, Target};
use self::dataset::{Cache, Dataset};
use self::problem::Problem;
use self::session::Caller;
use self::structures::json_schema;
use crate::account::{Account, Generation};
use crate::state::{CallNote, SystemState};

/// The longest path and query the server in front takes.
const LONGEST_ADDRESS: usize = 8192;
/// The largest body that is taken.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

pub(crate) use self::session::account_of;

/// What the handlers of one simulated Maximo share.
struct Server {
    state: Arc<SystemState>,
    cache: Cache,
    cursors: Cursors,
    transactions: Transactions,
}

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    let server = Server {
        state,
        cache: Cache::default(),
        cursors: Cursors::default(),
        transactions: Transactions::default(),
    };
    Router::new().fallback(answer).with_state(Arc::new(server))
}

/// Returns the settings and the credentials of an account.
pub(crate) fn connection(base_url: &str, account: Account, generation: Generation) -> (Value, Value) {
    (
        json!({"base_url": format!("{base_url}/maximo")}),
        json!({"api_key": session::key(account, generation)}),
    )
}

/// The decoded parameters of a query.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Returns the value of a parameter.
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Says whether a parameter is switched on.
    fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true"))
    }

    /// Returns a parameter that has to be a number.
    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.get(name)
            .map(|value| value.parse().map_err(|_| Problem::bad_number(name, value)))
            .transpose()
    }
}

async fn answer(State(server): State<Arc<Server>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let parameters = Parameters::of(head.uri.query().unwrap_or_default());
    let lean = parameters.is_on("lean");
    let path = head.uri.path().trim_end_matches('/');
    let Some((route, rest)) = split_route(path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let base = format!("{}/maximo/{route}", server.state.base_url);
    if head
        .uri
        .path_and_query()
        .is_some_and(|address| address.as_str().len() > LONGEST_ADDRESS)
    {
        return (
            StatusCode::URI_TOO_LONG,
            "<html><body>Request-URI Too Long</body></html>",
        )
            .into_response();
    }
    let reads = matches!(head.method, Method::GET | Method::HEAD);
    let content = match axum::body::to_bytes(body, LARGEST_BODY).await {
        Ok(content) => content,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    let answered = match rest {
        "login" => sign_in(&server, &head),
        "logout" => {
            session::sign_out(&server.state, &head.headers);
            Ok(StatusCode::OK.into_response())
        }
        _ if reads => read(&server, &head, &parameters, &base, rest),
        _ => change::answer(&server, &head, &content, &parameters, &base, rest),
    };
    let mut response = answered.unwrap_or_else(|problem| problem.answer(&base, lean));
    if rest == "login" {
        response.extensions_mut().insert(CallNote::login());
    } else if let Some(cookie) = session::anonymous_cookie(&head.headers) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn split_route(path: &str) -> Option<(&str, &str)> {
    let below = path.strip_prefix("/maximo/")?;
    let (route, rest) = below.split_once('/').unwrap_or((below, ""));
    matches!(route, "oslc" | "api").then_some((route, rest))
}

fn sign_in(server: &Server, head: &http::request::Parts) -> Result<Response, Problem> {
    let cookie = session::sign_in(&server.state, &head.headers)?;
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

fn read(
    server: &Server,
    head: &http::request::Parts,
    parameters: &Parameters,
    base: &str,
    rest: &str,
) -> Result<Response, Problem> {
    let caller = session::caller(&server.state, &head.headers, parameters.get("apikey"))?;
    let dataset = server.cache.current(&server.state);
    let segments: Vec<&str> = rest.split('/').collect();
    match segments.as_slice() {
        ["whoami"] => Ok(Json(whoami(&caller, &dataset)).into_response()),
        ["systeminfo"] => Ok(Json(system_info()).into_response()),
        ["apimeta"] => Ok(Json(api_meta(&dataset, base)).into_response()),
        ["apimeta", name] => {
            let structure = dataset.catalogue.find(name).ok_or_else(|| Problem::not_found(name))?;
            let meta = json!({
                "osName": name.to_ascii_uppercase(),
                "title": structure.title,
                "schema": format!("{base}/jsonschemas/{name}"),
                "queryCapability": [{"name": "All", "href": format!("{base}/os/{name}")}],
            });
            Ok(Json(meta).into_response())
        }
        ["jsonschemas", name] => {
            let structure = dataset.catalogue.find(name).ok_or_else(|| Problem::not_found(name))?;
            Ok(Json(json_schema(structure)).into_response())
        }
        ["os", name, below @ ..] => {
            let structure = dataset.catalogue.find(name).ok_or_else(|| Problem::not_found(name))?;
            if !caller.may_read(&structure.name) || server.state.denies(&structure.name) {
                return Err(Problem::not_allowed("READ", &structure.object));
            }
            let target = Target {
                dataset: &dataset,
                structure,
                only_operating: name.eq_ignore_ascii_case("mxapioperloc"),
                address: format!("{}/os/{name}", public_base(head, base)),
                sent: head.uri.query().unwrap_or_default(),
                parameters,
            };
            match below {
                [] => collection::list(&target, &server.cursors).map(|body| Json(body).into_response()),
                [id] => collection::one(&target, id).map(|body| Json(body).into_response()),
                [id, child] => collection::children(&target, id, child).map(|body| Json(body).into_response()),
                _ => Err(Problem::not_found(rest)),
            }
        }
        _ => Err(Problem::not_found(rest)),
    }
}

/// Returns what hrefs start with: the address the client names in `x-public-uri`, or the server's own.
fn public_base(head: &http::request::Parts, base: &str) -> String {
    let named = head.headers.get("x-public-uri").and_then(|value| value.to_str().ok());
    named.unwrap_or(base).trim_end_matches('/').to_owned()
}

fn whoami(caller: &Caller, dataset: &Dataset) -> Value {
    json!({
        "loginID": caller.user,
        "loginUserName": caller.user,
        "personId": caller.user,
        "displayName": caller.user,
        "email": format!("{}@lakeside.example", caller.user.to_lowercase()),
        "insertSite": "BEDFORD",
        "insertOrg": "EAGLENA",
        "defaultSite": "BEDFORD",
        "langcode": "EN",
        "baseCurrency": dataset.world.currency,
        "company": dataset.world.company,
    })
}

fn system_info() -> Value {
    json!({
        "appserver": "Simulated application server",
        "dbproductname": "Simulated database",
        "mxversion": ["Maximo Manage 8.6.0 (simulated)"],
        "timezone": "America/New_York",
    })
}

fn api_meta(dataset: &Dataset, base: &str) -> Value {
    let members: Vec<Value> = dataset
        .catalogue
        .structures
        .iter()
        .map(|structure| {
            json!({
                "osName": structure.name.to_ascii_uppercase(),
                "osname": structure.name.to_ascii_uppercase(),
                "description": structure.title,
                "schema": format!("{base}/jsonschemas/{}", structure.name),
                "href": format!("{base}/os/{}", structure.name),
            })
        })
        .collect();
    json!({"responseInfo": {"totalCount": members.len(), "href": format!("{base}/apimeta")}, "member": members})
}
