//! The token endpoint of Entra ID with its error codes, and the check of bearer tokens.

use std::collections::HashMap;

use axum::{body::Body, response::Response};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    directory::{self, TENANT},
    problem::Problem,
    respond,
};
use crate::{
    account::Account,
    grants::Consent,
    state::{CallNote, SystemState},
};

/// A request for a token.
struct Exchange<'a> {
    state: &'a SystemState,
    form: HashMap<String, String>,
    is_version_2: bool,
}

/// Answers a request for a token.
pub(super) fn answer(state: &SystemState, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Response {
    let mut form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    if let Some((id, secret)) = basic_pair(headers) {
        form.entry("client_id".to_owned()).or_insert(id);
        form.entry("client_secret".to_owned()).or_insert(secret);
    }
    let exchange = Exchange {
        state,
        form,
        is_version_2: path.ends_with("/v2.0/token"),
    };
    let result = match *method {
        Method::POST => exchange.answer(path),
        _ => Err(Problem::method()),
    };
    state.counters.exchange(exchange.field("grant_type"), result.is_ok());
    let (status, document) = match result {
        Ok(document) => (StatusCode::OK, document),
        Err(problem) => (problem.status, problem.document(state)),
    };
    let mut response = respond(status, "application/json; charset=utf-8", document.to_string());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    response.extensions_mut().insert(CallNote::login());
    response
}

impl Exchange<'_> {
    fn answer(&self, path: &str) -> Result<Value, Problem> {
        let tenant = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if tenant != TENANT {
            return Err(Problem::tenant(tenant));
        }
        let grant = self.field("grant_type");
        if !["client_credentials", "authorization_code", "refresh_token"].contains(&grant) {
            let text = "The app requested an unsupported grant type.";
            return Err(Problem::new("unsupported_grant_type", 70_003, text));
        }
        let application = directory::application(self.field("client_id"))
            .ok_or_else(|| Problem::application(self.field("client_id")))?;
        match grant {
            "authorization_code" => self.authorization_code(application),
            "refresh_token" => self.refresh_token(application),
            _ => self.client_credentials(application),
        }
    }

    fn client_credentials(&self, application: Account) -> Result<Value, Problem> {
        let scope = self.field("scope");
        let is_scope_good = scope
            .strip_suffix("/.default")
            .is_some_and(|resource| resource.contains("://"));
        if self.is_version_2 && !is_scope_good {
            return Err(Problem::scope(scope));
        }
        if !self.is_version_2 && self.field("resource").is_empty() {
            return Err(Problem::missing("resource or scope"));
        }
        self.check_secret(application)?;
        self.bearer(directory::client_id(application))
    }

    fn authorization_code(&self, application: Account) -> Result<Value, Problem> {
        let code = self.required("code")?;
        let redirect_uri = self.required("redirect_uri")?;
        let verifier = self.required("code_verifier")?;
        self.check_secret(application)?;
        let client_id = directory::client_id(application);
        let consent = self.state.grants.redeem(code, client_id).map_err(Problem::code)?;
        if consent.redirect_uri != redirect_uri {
            let text = format!(
                "The reply address '{redirect_uri}' does not match the reply address '{}' provided when requesting the authorization code.",
                consent.redirect_uri
            );
            return Err(Problem::invalid_grant(500_112, text));
        }
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != consent.challenge {
            let text = "The code_verifier does not match the code_challenge supplied in the authorization request.";
            return Err(Problem::invalid_grant(501_481, text));
        }
        self.tokens(consent)
    }

    fn refresh_token(&self, application: Account) -> Result<Value, Problem> {
        let token = self.required("refresh_token")?;
        self.check_secret(application)?;
        let client_id = directory::client_id(application);
        let refreshed = self.state.grants.refresh(token, client_id);
        self.tokens(refreshed.map_err(Problem::refresh_token)?)
    }

    /// Hands out the tokens a person agreed to.
    fn tokens(&self, consent: Consent) -> Result<Value, Problem> {
        let person = directory::person(consent.account);
        let mut document = self.bearer(person.username)?;
        document["scope"] = json!(consent.scope);
        if has_scope(&consent.scope, "openid") {
            document["id_token"] = json!(self.id_token(&consent));
        }
        if has_scope(&consent.scope, "offline_access") {
            document["refresh_token"] = json!(self.state.grants.add_refresh_token(consent));
        }
        Ok(document)
    }

    fn bearer(&self, user: &str) -> Result<Value, Problem> {
        let (token, seconds) = self.state.issue_bearer(user).ok_or_else(expired_secret)?;
        Ok(json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token,
        }))
    }

    /// Returns an id token with the claims that name the person. It is not signed.
    fn id_token(&self, consent: &Consent) -> String {
        let person = directory::person(consent.account);
        let now = chrono::Utc::now().timestamp();
        let claims = json!({
            "aud": consent.client_id,
            "iss": format!("{}/{TENANT}/v2.0", self.state.base_url),
            "iat": now,
            "exp": now + 3600,
            "tid": TENANT,
            "oid": person.object_id,
            "sub": person.object_id,
            "name": person.name,
            "preferred_username": person.username,
        });
        let parts = [json!({"typ": "JWT", "alg": "none"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{}.", parts.join("."))
    }

    fn check_secret(&self, application: Account) -> Result<(), Problem> {
        let given = self.required("client_secret")?;
        let generation = self.state.generation(application);
        let is_known = !self.state.credentials_revoked();
        if is_known && given == directory::client_secret(application, generation) {
            return Ok(());
        }
        self.state.counters.refused_secret();
        let mut earlier = generation.earlier();
        if is_known && earlier.any(|old| given == directory::client_secret(application, old)) {
            return Err(expired_secret());
        }
        let id = directory::client_id(application);
        let text = format!("Invalid client secret provided for app '{id}'.");
        Err(Problem::new("invalid_client", 7_000_215, text))
    }

    fn required(&self, name: &str) -> Result<&str, Problem> {
        Some(self.field(name))
            .filter(|value| !value.is_empty())
            .ok_or_else(|| match name {
                "client_secret" => Problem::new(
                    "invalid_client",
                    7_000_218,
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
                ),
                _ => Problem::missing(name),
            })
    }

    fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }
}

fn expired_secret() -> Problem {
    Problem::new(
        "invalid_client",
        7_000_222,
        "The provided client secret keys are expired.",
    )
}

/// Returns whether a list of scopes has one.
pub(super) fn has_scope(scopes: &str, name: &str) -> bool {
    scopes.split_whitespace().any(|scope| scope == name)
}

/// Reads the id and the secret of a client out of a Basic header, where both are encoded as in a form.
fn basic_pair(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text)
        .decode_utf8_lossy()
        .into_owned()
}

/// Returns the user of the living token that the request carries.
pub(super) fn caller(state: &SystemState, headers: &HeaderMap) -> Option<String> {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (scheme, token) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    state.token_user(token.trim())
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
