//! The authorization endpoint of Entra ID: checks the request of an application, shows the sign-in page, and sends the
//! browser back with a code or an error.

mod page;

use std::collections::HashMap;

use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use url::Url;

use self::page::Page;
use super::{
    directory::{self, TENANT},
    problem::Problem,
    respond, token,
};
use crate::{
    account::Account,
    grants::Consent,
    state::{CallNote, SystemState},
};

/// What an application asks for, found good as far as the address that the browser goes back to.
struct Request {
    redirect_uri: Url,
    state: Option<String>,
    fields: HashMap<String, String>,
}

/// Answers a visit of the sign-in page, or what was entered there.
pub(super) fn answer(state: &SystemState, method: &Method, path: &str, uri: &Uri, body: &[u8]) -> Response {
    let request = match Request::read(path, uri) {
        Ok(request) => request,
        Err(problem) => return html(StatusCode::BAD_REQUEST, page::refusal(&problem)),
    };
    let challenge = match request.check() {
        Ok(challenge) => challenge,
        Err(problem) => return request.send_back_problem(&problem),
    };
    match *method {
        Method::GET => html(StatusCode::OK, request.page(None, None)),
        Method::POST => {
            let entered: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
            request.entered(state, challenge, &entered)
        }
        _ => respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain", String::new()),
    }
}

impl Request {
    /// Reads the parameters. Until the address to go back to is known to be a good one, the browser is not sent there.
    fn read(path: &str, uri: &Uri) -> Result<Self, Problem> {
        let tenant = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if ![TENANT, "common", "organizations"].contains(&tenant) {
            return Err(Problem::tenant(tenant));
        }
        let query = uri.query().unwrap_or_default().as_bytes();
        let fields: HashMap<String, String> = url::form_urlencoded::parse(query).into_owned().collect();
        let client_id = fields.get("client_id").map_or("", String::as_str);
        if directory::application(client_id).is_none() {
            return Err(Problem::application(client_id));
        }
        let given = fields.get("redirect_uri").map_or("", String::as_str);
        let redirect_uri = Url::parse(given)
            .ok()
            .filter(is_good_address)
            .ok_or_else(|| wrong_address(given))?;
        let state = fields.get("state").cloned();
        Ok(Self {
            redirect_uri,
            state,
            fields,
        })
    }

    /// Checks the rest of the request and returns the challenge of the client.
    fn check(&self) -> Result<&str, Problem> {
        if self.field("response_type") != "code" {
            let text = "The response type is not supported: only 'code' is.";
            return Err(Problem::new("unsupported_response_type", 70_005, text));
        }
        let scope = self.field("scope");
        if scope.is_empty() {
            return Err(Problem::missing("scope"));
        }
        let plain = ["openid", "profile", "email", "offline_access"];
        let is_known = |scope: &str| plain.contains(&scope) || scope.contains("://");
        if !scope.split_whitespace().all(is_known) {
            return Err(Problem::scope(scope));
        }
        let challenge = self.field("code_challenge");
        let is_good = challenge.len() == 43
            && challenge
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_good || self.field("code_challenge_method") != "S256" {
            let text = "Proof Key for Code Exchange with the method S256 is required.";
            return Err(Problem::new("invalid_request", 9_002_325, text));
        }
        if self.field("prompt") == "none" {
            let text = "A silent sign-in request was sent but no user is signed in.";
            return Err(Problem::new("login_required", 50_058, text));
        }
        Ok(challenge)
    }

    fn entered(&self, state: &SystemState, challenge: &str, entered: &HashMap<String, String>) -> Response {
        let field = |name| entered.get(name).map_or("", String::as_str);
        if field("action") == "deny" {
            let text = "User declined to consent to access the app.";
            return self.send_back_problem(&Problem::new("access_denied", 65_004, text));
        }
        let account = directory::account_with(field("account"));
        let is_right = account.is_some_and(|account| {
            let password = directory::password(account, state.generation(account));
            field("password") == password && !state.credentials_revoked()
        });
        state.counters.login(is_right);
        let mut response = match account.filter(|_| is_right) {
            Some(account) => {
                let code = state.grants.add_code(self.consent(account, challenge));
                self.send_back(&[("code", &code)])
            }
            None => {
                let text = "Your account or password is incorrect.";
                let problem = Problem::new("access_denied", 50_126, text);
                html(StatusCode::OK, self.page(account, Some(&problem)))
            }
        };
        response.extensions_mut().insert(CallNote::login());
        response
    }

    fn consent(&self, account: Account, challenge: &str) -> Consent {
        Consent {
            account,
            client_id: self.field("client_id").to_lowercase(),
            redirect_uri: self.field("redirect_uri").to_owned(),
            challenge: challenge.to_owned(),
            scope: self.field("scope").to_owned(),
            family: 0,
        }
    }

    fn page(&self, chosen: Option<Account>, problem: Option<&Problem>) -> String {
        let page = Page {
            chosen: chosen
                .or_else(|| directory::account_with(self.field("login_hint")))
                .unwrap_or_default(),
            host: self.redirect_uri.host_str().unwrap_or_default(),
            stays: token::has_scope(self.field("scope"), "offline_access"),
            problem,
        };
        page.write()
    }

    fn send_back_problem(&self, problem: &Problem) -> Response {
        self.send_back(&[("error", problem.error), ("error_description", &problem.description())])
    }

    /// Sends the browser to the application; the state goes with it.
    fn send_back(&self, fields: &[(&str, &str)]) -> Response {
        let mut target = self.redirect_uri.clone();
        target
            .query_pairs_mut()
            .extend_pairs(fields)
            .extend_pairs(self.state.iter().map(|state| ("state", state)));
        let mut response = respond(StatusCode::FOUND, "text/html; charset=utf-8", String::new());
        if let Ok(location) = HeaderValue::from_str(target.as_str()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Addresses without encryption are only good on the machine itself.
fn is_good_address(address: &Url) -> bool {
    let is_here = matches!(address.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_safe = address.scheme() == "https" || (address.scheme() == "http" && is_here);
    is_safe && address.has_host() && address.fragment().is_none()
}

fn wrong_address(given: &str) -> Problem {
    let text = format!(
        "The redirect URI '{given}' specified in the request does not match those that the application may use."
    );
    Problem::new("invalid_request", 50_011, text)
}

/// Returns a page that loads nothing and can be framed by nobody. Where forms lead is left open, because browsers hold the
/// redirect to the application against such a rule.
fn html(status: StatusCode, body: String) -> Response {
    let mut response = respond(status, "text/html; charset=utf-8", body);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
