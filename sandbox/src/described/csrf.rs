//! The token of a session that writes need besides the credentials: a read asks for it, a write brings it back with the
//! cookie of its session.

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use sha2::{Digest as _, Sha256};

use super::functions::hex;
use super::load::Loader;
use super::request::Request;
use super::server::Server;
use super::yaml::Node;
use crate::account::Account;

/// Where the token stands.
#[derive(Debug)]
pub(crate) struct Csrf {
    header: String,
    cookie: String,
}

impl Csrf {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        let mut fields = loader.fields(node, "csrf");
        let header = fields
            .text(loader, "header")
            .unwrap_or_else(|| "x-csrf-token".to_owned());
        let cookie = fields.text(loader, "cookie").unwrap_or_else(|| "session".to_owned());
        fields.finish(loader);
        Self { header, cookie }
    }

    /// Says whether a write lacks the token of its session.
    pub(crate) fn refuses(&self, server: &Server, request: &Request, account: Account) -> bool {
        if matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            return false;
        }
        let (token, session) = self.pair(server, account);
        let cookie = request.cookies.get(&self.cookie).and_then(|value| value.as_str());
        request.header(&self.header) != Some(&token) || cookie != Some(&session)
    }

    /// Gives the token to a read that asks for it.
    pub(crate) fn give(&self, server: &Server, request: &Request, account: Account, response: &mut Response) {
        let asks = request
            .header(&self.header)
            .is_some_and(|value| value.eq_ignore_ascii_case("fetch"));
        if !asks || !response.status().is_success() {
            return;
        }
        let (token, session) = self.pair(server, account);
        self.set(response, &token);
        let cookie = format!("{}={session}; path=/; HttpOnly", self.cookie);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }

    /// Tells that the token is needed.
    pub(crate) fn mark(&self, response: &mut Response) {
        self.set(response, "Required");
    }

    fn set(&self, response: &mut Response, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(self.header.as_str()), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }

    /// Returns the token and the session it belongs to; both end with the sessions of the system.
    fn pair(&self, server: &Server, account: Account) -> (String, String) {
        let epochs = (server.state.guards.token_epoch(), server.state.session_epoch());
        let made = |what: &str| {
            let text = format!("{} {what} {} {epochs:?}", server.description.id, account.name());
            hex(&Sha256::digest(text)).chars().take(32).collect()
        };
        (made("token"), made("session"))
    }
}
