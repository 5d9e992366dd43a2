//! A running described system: finds the endpoint of each request, checks who calls, carries its steps out and writes
//! the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, Method, Request as HttpRequest, StatusCode, header};
use minijinja::Value;
use serde_json::{Value as Json, json};

use super::answer::{add_headers, plain, status_only, write};
use super::auth::{Check, Looked, caller};
use super::description::Description;
use super::endpoint::{Action, Body as AnswerBody, Endpoint, Step};
use super::form::{Failure, Scope, to_value};
use super::limits::Windows;
use super::list::Stop;
use super::list::page::Cursors;
use super::problem::{Kind, Problem};
use super::proof::oauth1::Nonces;
use super::request::Request;
use super::rows::{Overlay, Plain, Rows};
use super::steps::{Ready, Run};
use super::token::{Sessions, Token};
use crate::account::{Account, Generation};
use crate::fault::Intent;
use crate::state::{CallNote, SystemState};

/// A running described system.
pub(crate) struct Server {
    pub(crate) description: &'static Description,
    pub(crate) state: Arc<SystemState>,
    pub(crate) sessions: Sessions,
    pub(crate) cursors: Cursors,
    windows: Windows,
    pub(crate) latest: Mutex<Option<(u64, Arc<Rows>)>>,
    pub(crate) writing: Mutex<()>,
    pub(crate) nonces: Nonces,
    epoch: Mutex<u64>,
}

/// Returns the routes of a described system.
pub(crate) fn router(description: &'static Description, state: Arc<SystemState>) -> axum::Router {
    let mut rules = state.grants.rules();
    let server = Server {
        description,
        state,
        sessions: Sessions::default(),
        cursors: Cursors::default(),
        windows: Windows::default(),
        latest: Mutex::default(),
        writing: Mutex::default(),
        nonces: Nonces::default(),
        epoch: Mutex::default(),
    };
    if let Some(lifetime) = server.token().and_then(|token| token.lifetime_s) {
        rules.access_lifetime_s = lifetime;
        server.state.grants.set_rules(rules);
    }
    axum::Router::new().fallback(serve).with_state(Arc::new(server))
}

async fn serve(State(server): State<Arc<Server>>, request: HttpRequest<Body>) -> Response {
    let (head, body) = request.into_parts();
    let Ok(content) = axum::body::to_bytes(body, 64 * 1024 * 1024).await else {
        return status_only(StatusCode::PAYLOAD_TOO_LARGE);
    };
    server.answer(&head, &content)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of a request before its endpoint is carried out.
pub(crate) struct Known {
    pub(crate) request: Request,
    pub(crate) rows: Arc<Rows>,
    /// A scope for each account.
    scopes: Vec<(Account, Scope)>,
    limit: Json,
}

impl Server {
    /// Answers one request.
    pub(crate) fn answer(&self, head: &http::request::Parts, content: &Bytes) -> Response {
        let request = Request::read(head, content, &self.state.base_url);
        match self.carry_out(request, None) {
            Ok(response) => response,
            Err(failure) => {
                let text = format!("{}:{failure}\n", self.description.file);
                tracing::error!(system = self.description.id, "{text}");
                let mut response = Response::new(Body::from(text));
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }

    /// Carries a request out; one that came in an envelope is that of the envelope's caller.
    pub(crate) fn carry_out(&self, mut request: Request, envelope: Option<Account>) -> Result<Response, Failure> {
        let rows = self.rows();
        let found = find(self.description, &request, &rows.scope())?;
        let mut bare = None;
        if let (Found::Endpoint(endpoint, _), Some(wrapped)) = (&found, &self.description.wrapped)
            && endpoint.wraps
        {
            match wrapped.unwrapped(request.body.take()) {
                Ok(body) => request.body = body,
                Err(name) => bare = Some(name),
            }
        }
        let params = match &found {
            Found::Endpoint(_, params) => params.as_slice(),
            Found::WrongMethod | Found::Nothing => &[],
        };
        let shared = rows.scope().with("request", request.value(params));
        let scopes: Vec<(Account, Scope)> = Account::EACH
            .into_iter()
            .map(|account| {
                let own = account_value(self.description, account, self.state.generation(account), &shared)?;
                Ok((account, shared.with("account", own)))
            })
            .collect::<Result<_, Failure>>()?;
        let mut known = Known {
            request,
            rows,
            scopes,
            limit: Json::Null,
        };
        self.forget_ended();
        let (endpoint, is_open) = match &found {
            Found::Endpoint(endpoint, _) => (Some(*endpoint), endpoint.open),
            Found::WrongMethod | Found::Nothing => (None, false),
        };
        let looked = Looked {
            state: &self.state,
            sessions: &self.sessions,
            nonces: &self.nonces,
            request: &known.request,
            scopes: &known.scopes,
        };
        let account = match is_open || self.description.auth.is_empty() {
            _ if envelope.is_some() => envelope,
            true => Some(Account::First),
            false => caller(&self.description.auth, &looked)?,
        };
        let Some(account) = account else {
            let problem = Problem::new(Kind::Condition, "the credentials are missing or wrong");
            return self.refuse(&known, Account::First, "unauthorized", &problem);
        };
        // The envelope counts as one.
        if !self.description.limits.is_empty() && envelope.is_none() {
            let (limit, is_over) = self.windows.take(&self.description.limits, account);
            known.limit = limit;
            if is_over && !self.state.is_without_limits() {
                let problem = Problem::new(Kind::Condition, "too many requests");
                return self.refuse(&known, account, "too_many", &problem);
            }
        }
        if let Some(csrf) = &self.description.csrf
            && envelope.is_none()
            && !endpoint.is_some_and(Endpoint::signs_in)
            && csrf.refuses(self, &known.request, account)
        {
            let problem = Problem::new(Kind::Condition, "the token of the session is missing or wrong");
            let mut response = self.refuse(&known, account, "csrf", &problem)?;
            csrf.mark(&mut response);
            return Ok(response);
        }
        let Some(endpoint) = endpoint else {
            if let Some(mut response) = self.odata(&mut known, account, envelope.is_some())? {
                if let Some(csrf) = &self.description.csrf {
                    csrf.give(self, &known.request, account, &mut response);
                }
                return Ok(response);
            }
            let name = match found {
                Found::WrongMethod => "method",
                _ => "no_endpoint",
            };
            let text = format!("there is no {} {}", known.request.method, known.request.path);
            let problem = Problem::new(Kind::Missing, text);
            return self.refuse(&known, account, name, &problem);
        };
        if known.request.is_malformed {
            let problem = Problem::malformed("the body is not JSON");
            return self.refuse(&known, account, "invalid", &problem);
        }
        if let Some(name) = bare {
            let problem = Problem::malformed(format!("the value of {name} is not wrapped"));
            return self.refuse(&known, account, "invalid", &problem);
        }
        let mut response = self.run(&mut known, account, endpoint, envelope.is_some())?;
        if let Some(csrf) = &self.description.csrf {
            csrf.give(self, &known.request, account, &mut response);
        }
        Ok(response)
    }

    fn run(
        &self,
        known: &mut Known,
        account: Account,
        endpoint: &'static Endpoint,
        is_part: bool,
    ) -> Result<Response, Failure> {
        let changes = endpoint.steps.iter().any(|step| !step.only_reads());
        // Those that write come one after the other, each on what the one before left.
        let guard = (changes && !is_part).then(|| lock(&self.writing));
        if changes {
            known.rows = self.rows();
        }
        let own = known
            .scopes
            .iter()
            .find(|(one, _)| *one == account)
            .map(|(_, scope)| scope.clone());
        let mut run = self.started(known, account, endpoint.is_single);
        let done = run.all(endpoint);
        let parts = run.parts;
        let account = run.account;
        let mut response = match done {
            Ok(()) => {
                if !Arc::ptr_eq(&run.rows, &known.rows) {
                    let mut latest = lock(&self.latest);
                    *latest = Some((self.state.world_version(), Arc::clone(&run.rows)));
                }
                let scope = run.scope();
                let mut response = self.write_done(endpoint, &run.ready, &scope)?;
                add_headers(&self.description.headers, &scope, &mut response)?;
                response
            }
            Err(Stop::Failure(failure)) => return Err(failure),
            Err(Stop::Problem(name, problem)) => self.refuse(known, account, &name, &problem)?,
        };
        drop(guard);
        let operation = match &endpoint.operation {
            Some(form) => own.map_or(Ok(None), |scope| form.text(&scope))?,
            None => None,
        };
        response.extensions_mut().insert(CallNote {
            login: endpoint.signs_in(),
            operation,
            parts,
        });
        if known.request.method == "HEAD" {
            *response.body_mut() = Body::empty();
        }
        Ok(response)
    }

    pub(crate) fn started<'a>(&'a self, known: &'a Known, account: Account, is_single: bool) -> Run<'a> {
        let own = known
            .scopes
            .iter()
            .find(|(one, _)| *one == account)
            .map(|(_, scope)| scope);
        let names = ["request", "account"].into_iter().filter_map(|name| {
            let value = own?.get(name)?;
            Some((name.to_owned(), value))
        });
        let mut run = Run {
            server: self,
            request: &known.request,
            account,
            scopes: &known.scopes,
            rows: Arc::clone(&known.rows),
            names: names.collect(),
            is_single,
            ready: None,
            parts: 0,
        };
        run.names.push(("limit".to_owned(), to_value(&known.limit)));
        run
    }

    fn write_done(&self, endpoint: &Endpoint, ready: &Option<Ready>, scope: &Scope) -> Result<Response, Failure> {
        match ready {
            Some(Ready::Page(text)) => Ok(plain(StatusCode::OK, "text/html; charset=utf-8", text.clone())),
            Some(Ready::Redirect(target)) => {
                let mut response = status_only(StatusCode::FOUND);
                if let Ok(target) = HeaderValue::from_str(target) {
                    response.headers_mut().insert(header::LOCATION, target);
                }
                Ok(response)
            }
            Some(Ready::NoToken(error)) => {
                let is_client = error.get("error").and_then(Json::as_str) == Some("invalid_client");
                let status = if is_client {
                    StatusCode::UNAUTHORIZED
                } else {
                    StatusCode::BAD_REQUEST
                };
                Ok(plain(status, "application/json", error.to_string()))
            }
            Some(Ready::Token(document)) if matches!(endpoint.answer.body, AnswerBody::Empty) => {
                Ok(plain(StatusCode::OK, "application/json", document.to_string()))
            }
            _ => {
                let wrapped = self.description.wrapped.as_ref().filter(|_| endpoint.wraps);
                write(&endpoint.answer, StatusCode::OK, scope, wrapped)
            }
        }
    }

    /// Answers that a request is refused.
    pub(crate) fn refuse(
        &self,
        known: &Known,
        account: Account,
        name: &str,
        problem: &Problem,
    ) -> Result<Response, Failure> {
        let own = known.scopes.iter().find(|(one, _)| *one == account);
        let scope = own.map(|(_, scope)| scope.clone()).unwrap_or_default().with_all(vec![
            ("limit".to_owned(), to_value(&known.limit)),
            (
                "problem".to_owned(),
                to_value(&json!({"kind": problem.kind.word(), "field": problem.field, "message": problem.message})),
            ),
        ]);
        let (stands_for, status) = match name {
            "unauthorized" => (None, 401),
            "login" => (Some("unauthorized"), 401),
            "forbidden" => (None, 403),
            "not_found" => (None, 404),
            "no_endpoint" => (Some("not_found"), 404),
            "method" => (None, 405),
            "query" | "cursor_expired" => (Some("invalid"), 400),
            "conflict" | "locked" => (None, 409),
            "too_many" => (None, 429),
            _ => (None, 400),
        };
        let refusals = &self.description.refusals;
        let answer = refusals.get(name).or_else(|| refusals.get(stands_for?));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = match answer {
            Some(answer) => write(answer, status, &scope, None)?,
            None => plain(
                status,
                "application/json",
                json!({"error": problem.message}).to_string(),
            ),
        };
        add_headers(&self.description.headers, &scope, &mut response)?;
        Ok(response)
    }

    /// Returns the rows as they are now.
    pub(crate) fn rows(&self) -> Arc<Rows> {
        let world = self.state.world();
        let version = self.state.world_version();
        let mut latest = lock(&self.latest);
        match latest.as_ref() {
            Some((known, rows)) if *known == version => Arc::clone(rows),
            before => {
                let overlay = before.map(|(_, rows)| Arc::clone(&rows.overlay)).unwrap_or_default();
                let plain = Arc::new(Plain::of(self.description, &world));
                let rows = Arc::new(Rows::new(self.description, plain, overlay, &self.state.base_url));
                *latest = Some((version, Arc::clone(&rows)));
                rows
            }
        }
    }

    /// Returns rows with other things written.
    pub(crate) fn rows_with(&self, rows: &Rows, overlay: Overlay) -> Arc<Rows> {
        let plain = Arc::clone(&rows.plain);
        Arc::new(Rows::new(
            self.description,
            plain,
            Arc::new(overlay),
            &self.state.base_url,
        ))
    }

    /// Returns the token endpoint.
    pub(crate) fn token(&self) -> Option<&'static Token> {
        token_of(self.description)
    }

    /// Ends the session that a request carries.
    pub(crate) fn end_session(&self, request: &Request, scope: &Scope) -> Result<(), Failure> {
        let mut checks: Vec<&Check> = self.description.auth.iter().collect();
        while let Some(check) = checks.pop() {
            match check {
                Check::Any(inner) => checks.extend(inner),
                Check::Session(place) => {
                    if let Some(token) = place.token(request, scope)? {
                        self.sessions.end(&self.state, &token);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends the cursors of sessions that somebody ended.
    fn forget_ended(&self) {
        let epoch = self.state.session_epoch();
        let mut known = lock(&self.epoch);
        if *known != epoch {
            *known = epoch;
            self.cursors.end();
        }
    }
}

impl Step {
    fn only_reads(&self) -> bool {
        match &self.action {
            Action::Create(_) | Action::Update(_) | Action::Delete(_) => false,
            Action::Each(_, steps) => steps.iter().all(Self::only_reads),
            _ => true,
        }
    }
}

fn token_of(description: &'static Description) -> Option<&'static Token> {
    let steps = description.endpoints.iter().flat_map(|endpoint| &endpoint.steps);
    steps.into_iter().find_map(|step| match &step.action {
        Action::Token(token) => Some(&**token),
        _ => None,
    })
}

enum Found {
    Endpoint(&'static Endpoint, Vec<(String, String)>),
    WrongMethod,
    Nothing,
}

/// Finds the endpoint that a request is meant for.
fn find(description: &'static Description, request: &Request, scope: &Scope) -> Result<Found, Failure> {
    let mut found = Found::Nothing;
    for endpoint in &description.endpoints {
        let Some(params) = endpoint.fits(&request.method, &request.path) else {
            if endpoint.path.is_like(&request.path) {
                found = Found::WrongMethod;
            }
            continue;
        };
        if let Some(when) = &endpoint.when {
            let scope = scope.with("request", request.value(&params));
            if !when.is_true(&scope)? {
                continue;
            }
        }
        return Ok(Found::Endpoint(endpoint, params));
    }
    Ok(found)
}

/// Returns what is known of an account, for expressions.
fn account_value(
    description: &Description,
    account: Account,
    generation: Generation,
    scope: &Scope,
) -> Result<Value, Failure> {
    use sha2::{Digest as _, Sha256};
    let name = account.name();
    let digest = super::functions::hex(&Sha256::digest(format!("{} {name}", description.id)));
    let secret = generation.key(digest.get(..32).unwrap_or_default());
    let mut value = json!({
        "name": name,
        "number": account.number(),
        "user": format!("lineshaft-{name}"),
        "email": format!("lineshaft-{name}@example.com"),
        "secret": secret,
    });
    if let (Json::Object(members), Some(more)) = (&mut value, description.accounts.get(name)) {
        for (name, form) in more {
            let scope = scope.with("account", to_value(&Json::Object(members.clone())));
            members.insert(name.clone(), form.value_or_null(&scope)?);
        }
    }
    Ok(to_value(&value))
}

/// Returns the settings and the credentials of an account.
pub(crate) fn connection(
    description: &'static Description,
    base_url: &str,
    account: Account,
    generation: Generation,
) -> (Json, Json) {
    let scope = Scope::default().with_all(vec![
        ("base_url".to_owned(), Value::from(base_url)),
        ("constants".to_owned(), to_value(&description.constants)),
    ]);
    let told = || {
        let account = account_value(description, account, generation, &scope)?;
        let scope = scope.with("account", account);
        let settings = description.settings.value_or_null(&scope)?;
        Ok::<_, Failure>((settings, description.credentials.value_or_null(&scope)?))
    };
    told().unwrap_or_else(|failure| {
        tracing::error!(system = description.id, "{}:{failure}", description.file);
        (Json::Null, Json::Null)
    })
}

/// Returns the authorization server of a described system, if it has a sign-in page.
pub(crate) fn authorization_server(description: &'static Description, state: &SystemState) -> Option<Json> {
    let path_of = |wanted: fn(&Action) -> bool| {
        let mut endpoints = description.endpoints.iter();
        let found = endpoints.find(|endpoint| endpoint.steps.iter().any(|step| wanted(&step.action)))?;
        Some(format!("{}{}", state.base_url, found.path.text()))
    };
    let authorize_url = path_of(|action| matches!(action, Action::Authorize))?;
    let token_url = path_of(|action| matches!(action, Action::Token(_)))?;
    let token = token_of(description)?;
    let scope = Scope::default().with("base_url", Value::from(state.base_url.as_str()));
    let mut accounts = HashMap::new();
    for account in [Account::First, Account::Second] {
        let own = account_value(description, account, state.generation(account), &scope).ok()?;
        accounts.insert(account.name(), token.overview(&scope.with("account", own)).ok()?);
    }
    Some(json!({"authorize_url": authorize_url, "token_url": token_url, "scope": "", "accounts": accounts}))
}

/// Reads what a request asks for, before anything is carried out.
pub(crate) fn intent(description: &'static Description, head: &http::request::Parts, body: &[u8]) -> Intent {
    let request = Request::read(head, &Bytes::copy_from_slice(body), "");
    let scope = Scope::default().with("constants", to_value(&description.constants));
    let Ok(Found::Endpoint(endpoint, params)) = find(description, &request, &scope) else {
        return Intent {
            write: !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS),
            ..Intent::default()
        };
    };
    let scope = scope.with("request", request.value(&params));
    let told = endpoint.write.as_ref().and_then(|form| form.value_or_null(&scope).ok());
    let operation = endpoint
        .operation
        .as_ref()
        .and_then(|form| form.text(&scope).ok().flatten());
    Intent {
        operation,
        method: None,
        write: match told {
            Some(value) => value == Json::Bool(true),
            None => endpoint.changes(&request.method),
        },
    }
}
