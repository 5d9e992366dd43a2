//! How clients sign in to a described system: sessions that end when they are idle, and the token endpoint of OAuth 2.0
//! with its sign-in page.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::auth::basic;
use super::form::{Code, Failure, Form, Scope};
use super::load::Loader;
use super::proof::{jwt, keys, keys::Algorithm};
use super::request::Request;
use super::yaml::Node;
use crate::account::Account;
use crate::grants::Consent;
use crate::html;
use crate::state::SystemState;

/// A login that gives a session.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) when: Option<Code>,
    idle: Option<Duration>,
    lifetime: Option<Duration>,
    max: Option<usize>,
}

impl Login {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        let mut fields = loader.fields(node, "login");
        let login = Self {
            when: fields.require(loader, "when").and_then(|node| Code::read(loader, node)),
            idle: fields.number(loader, "idle_s").map(Duration::from_secs),
            lifetime: fields.number(loader, "lifetime_s").map(Duration::from_secs),
            max: fields
                .number(loader, "max")
                .map(|max| usize::try_from(max).unwrap_or(usize::MAX)),
        };
        fields.finish(loader);
        login
    }
}

/// The sessions of a running system; that a token was issued at all is known to the state.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Debug)]
struct Session {
    account: Account,
    began: Instant,
    used: Instant,
    idle: Option<Duration>,
    lifetime: Option<Duration>,
}

impl Sessions {
    /// Begins a session; none when credentials were revoked.
    pub(crate) fn begin(&self, state: &SystemState, account: Account, login: &Login) -> Option<String> {
        let token = state.issue_token(account.name())?;
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|token, _| state.token_user(token).is_some());
        if let Some(max) = login.max {
            let mut own: Vec<(Instant, String)> = sessions
                .iter()
                .filter(|(_, session)| session.account == account)
                .map(|(token, session)| (session.began, token.clone()))
                .collect();
            own.sort();
            let too_many = (own.len() + 1).saturating_sub(max);
            for (_, token) in own.into_iter().take(too_many) {
                sessions.remove(&token);
                state.drop_token(&token);
            }
        }
        let now = Instant::now();
        let session = Session {
            account,
            began: now,
            used: now,
            idle: login.idle,
            lifetime: login.lifetime,
        };
        sessions.insert(token.clone(), session);
        Some(token)
    }

    /// Returns whose session it is, and counts as a use of it.
    pub(crate) fn account(&self, state: &SystemState, token: &str) -> Option<Account> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get_mut(token)?;
        let is_idle = session.idle.is_some_and(|idle| session.used.elapsed() >= idle);
        let is_old = session
            .lifetime
            .is_some_and(|lifetime| session.began.elapsed() >= lifetime);
        if is_idle || is_old || state.token_user(token).is_none() {
            sessions.remove(token);
            state.drop_token(token);
            return None;
        }
        session.used = Instant::now();
        Some(session.account)
    }

    /// Ends a session.
    pub(crate) fn end(&self, state: &SystemState, token: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
        state.drop_token(token);
    }
}

/// A token endpoint.
#[derive(Debug)]
pub(crate) struct Token {
    grants: Vec<String>,
    client_id: Option<Form>,
    client_secret: Option<Form>,
    username: Option<Form>,
    password: Option<Form>,
    assertion: Vec<(String, Form)>,
    signature: Option<Signature>,
    pub(crate) lifetime_s: Option<u64>,
    refresh: bool,
}

const GRANTS: [&str; 5] = [
    "client_credentials",
    "password",
    "refresh_token",
    "authorization_code",
    "jwt_bearer",
];

/// Makes the refresh tokens of each sign-in with a password a family of their own.
static FAMILIES: AtomicU64 = AtomicU64::new(1 << 32);

/// How assertions have to be signed.
#[derive(Debug)]
struct Signature {
    algorithm: Algorithm,
    secret: Form,
    key_id: Option<Form>,
    longest_s: i64,
}

impl Signature {
    fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "signature");
        let algorithms = [
            ("ES256", Algorithm::Es256),
            ("PS256", Algorithm::Ps256),
            ("RS256", Algorithm::Rs256),
        ];
        let algorithm = fields
            .word(loader, "algorithm", &algorithms)
            .unwrap_or(Algorithm::Es256);
        let secret = fields.require(loader, "secret").map(|node| Form::read(loader, node));
        let key_id = fields.take("key_id").map(|node| Form::read(loader, node));
        let longest_s = fields
            .number(loader, "longest_s")
            .and_then(|longest| i64::try_from(longest).ok());
        fields.finish(loader);
        Some(Self {
            algorithm,
            secret: secret?,
            key_id,
            longest_s: longest_s.unwrap_or(3600),
        })
    }

    fn is_valid(&self, assertion: &str, scope: &Scope) -> Result<bool, Failure> {
        let secret = self.secret.text(scope)?.unwrap_or_default();
        let key_id = match &self.key_id {
            Some(form) => form.text(scope)?,
            None => None,
        };
        let Some(pair) = keys::pair(self.algorithm, &secret) else {
            return Ok(false);
        };
        let expected = jwt::Expected {
            algorithm: self.algorithm,
            key: pair.public.clone(),
            key_id,
            claims: serde_json::Map::new(),
            longest_s: self.longest_s,
            skew_s: 60,
        };
        let verified = jwt::verify(assertion, &expected, chrono::Utc::now().timestamp());
        if let Err(refusal) = &verified {
            tracing::debug!(reason = refusal.0, "an assertion is refused");
        }
        Ok(verified.is_ok())
    }
}

impl Token {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        let mut fields = loader.fields(node, "token");
        let grants = fields.texts(loader, "grants");
        for grant in &grants {
            if !GRANTS.contains(&grant.as_str()) {
                loader.wrong(
                    node.place,
                    format!("unknown grant {grant}; known are {}", GRANTS.join(", ")),
                );
            }
        }
        let pair = |loader: &mut Loader, node: Option<&Node>, what: &'static str, names: [&'static str; 2]| {
            let Some(node) = node else { return (None, None) };
            let mut inner = loader.fields(node, what);
            let first = inner.take(names[0]).map(|node| Form::read(loader, node));
            let second = inner.take(names[1]).map(|node| Form::read(loader, node));
            inner.finish(loader);
            (first, second)
        };
        let (client_id, client_secret) = pair(loader, fields.take("client"), "client", ["id", "secret"]);
        let (username, password) = pair(loader, fields.take("user"), "user", ["name", "password"]);
        let token = Self {
            grants,
            client_id,
            client_secret,
            username,
            password,
            assertion: fields
                .take("assertion")
                .map(|node| Form::members(loader, node))
                .unwrap_or_default(),
            signature: fields.take("signature").and_then(|node| Signature::read(loader, node)),
            lifetime_s: fields.number(loader, "lifetime_s"),
            refresh: fields.take("refresh").is_none_or(|node| loader.flag(node, "refresh")),
        };
        fields.finish(loader);
        token
    }

    /// Answers a request for a token, or tells the error and its description in the form of OAuth.
    pub(crate) fn answer(
        &self,
        state: &SystemState,
        request: &Request,
        scopes: &[(Account, Scope)],
    ) -> Result<Result<Json, Json>, Failure> {
        let asked = Asked { state, request, scopes };
        let grant = asked.field("grant_type").unwrap_or_default();
        let short = match grant.as_str() {
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => "jwt_bearer",
            other => other,
        };
        let result = match self.grants.iter().any(|known| known == short) {
            true => self.grant(&asked, short)?,
            false => Err(oauth_error("unsupported_grant_type", "the grant is not supported")),
        };
        state.counters.exchange(short, result.is_ok());
        Ok(result)
    }

    fn grant(&self, asked: &Asked<'_>, grant: &str) -> Result<Result<Json, Json>, Failure> {
        let clients = match self.clients(asked, grant)? {
            Ok(clients) => clients,
            Err(error) => return Ok(Err(error)),
        };
        let invalid = |text: &str| Ok(Err(oauth_error("invalid_grant", text)));
        let client_id = asked.client().0;
        let scope = asked.field("scope").unwrap_or_default();
        match grant {
            "client_credentials" => match clients.first() {
                Some(account) => Ok(self.tokens(asked, *account, None)),
                None => invalid("unknown client"),
            },
            "password" => {
                let name = asked.field("username");
                let password = asked.field("password");
                for (account, names) in asked.scopes.iter().filter(|(account, _)| clients.contains(account)) {
                    let is_same = text_of(self.username.as_ref(), names)? == name
                        && text_of(self.password.as_ref(), names)? == password;
                    if is_same && name.is_some() && !asked.state.credentials_revoked() {
                        let consent = consent(*account, &client_id, &scope);
                        return Ok(self.tokens(asked, *account, Some(consent)));
                    }
                }
                asked.state.counters.refused_secret();
                invalid("the user name or the password is wrong")
            }
            "refresh_token" => {
                let token = asked.field("refresh_token").unwrap_or_default();
                match asked.state.grants.refresh(&token, &client_id) {
                    Ok(consent) => Ok(self.tokens(asked, consent.account, Some(consent))),
                    Err(_) => invalid("the refresh token is not valid"),
                }
            }
            "authorization_code" => {
                let code = asked.field("code").unwrap_or_default();
                let Ok(consent) = asked.state.grants.redeem(&code, &client_id) else {
                    return invalid("the code is not valid");
                };
                if asked.field("redirect_uri").unwrap_or_default() != consent.redirect_uri {
                    return invalid("the redirect_uri is another one");
                }
                let verifier = asked.field("code_verifier").unwrap_or_default();
                let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
                if !consent.challenge.is_empty() && challenge != consent.challenge {
                    return invalid("the code_verifier does not fit");
                }
                Ok(self.tokens(asked, consent.account, Some(consent)))
            }
            _ => match self.asserted(asked, "assertion")? {
                Some(account) => Ok(self.tokens(asked, account, None)),
                None => invalid("the assertion is not valid"),
            },
        }
    }

    /// Returns the accounts whose client sent this, or the error that the client is not known.
    fn clients(&self, asked: &Asked<'_>, grant: &str) -> Result<Result<Vec<Account>, Json>, Failure> {
        if asked.field("client_assertion").is_some() {
            let account = self.asserted(asked, "client_assertion")?;
            let error = || oauth_error("invalid_client", "the client assertion is not valid");
            return Ok(account.map(|account| vec![account]).ok_or_else(error));
        }
        if grant == "jwt_bearer" && asked.client().1.is_none() {
            return Ok(Ok(Account::EACH.to_vec()));
        }
        let (id, secret) = asked.client();
        let mut found = Vec::new();
        for (account, scope) in asked.scopes {
            let is_id = self.client_id.is_none() || text_of(self.client_id.as_ref(), scope)?.as_deref() == Some(&id);
            let is_secret = self.client_secret.is_none() || text_of(self.client_secret.as_ref(), scope)? == secret;
            if is_id && is_secret && !asked.state.credentials_revoked() {
                found.push(*account);
            }
        }
        if found.is_empty() {
            asked.state.counters.refused_secret();
            return Ok(Err(oauth_error(
                "invalid_client",
                "the client is unknown or its secret is wrong",
            )));
        }
        Ok(Ok(found))
    }

    /// Returns the account whose claims an assertion has.
    fn asserted(&self, asked: &Asked<'_>, name: &str) -> Result<Option<Account>, Failure> {
        let claims = asked.field(name).and_then(|assertion| {
            let part = assertion.split('.').nth(1)?.to_owned();
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice::<Json>(&bytes).ok()
        });
        let Some(claims) = claims else { return Ok(None) };
        if asked.state.credentials_revoked() {
            return Ok(None);
        }
        for (account, scope) in asked.scopes {
            let mut fits = match &self.signature {
                Some(signature) => signature.is_valid(&asked.field(name).unwrap_or_default(), scope)?,
                None => true,
            };
            for (claim, form) in &self.assertion {
                let wanted = form.value_or_null(scope)?;
                fits &= match claims.get(claim) {
                    Some(Json::Array(values)) => values.contains(&wanted),
                    Some(value) => *value == wanted,
                    None => false,
                };
            }
            if fits {
                return Ok(Some(*account));
            }
        }
        Ok(None)
    }

    fn tokens(&self, asked: &Asked<'_>, account: Account, consent: Option<Consent>) -> Result<Json, Json> {
        let issued = asked.state.issue_bearer(account.name());
        let (token, seconds) = issued.ok_or_else(|| oauth_error("invalid_client", "the credentials were revoked"))?;
        let mut document = json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds});
        if let (Some(consent), true, Json::Object(members)) = (consent, self.refresh, &mut document) {
            if !consent.scope.is_empty() {
                members.insert("scope".to_owned(), json!(consent.scope));
            }
            if self.grants.iter().any(|grant| grant == "refresh_token") {
                let token = asked.state.grants.add_refresh_token(consent);
                members.insert("refresh_token".to_owned(), json!(token));
            }
        }
        Ok(document)
    }

    /// Returns the account with this user name and password.
    pub(crate) fn user(
        &self,
        scopes: &[(Account, Scope)],
        name: &str,
        password: &str,
    ) -> Result<Option<Account>, Failure> {
        for (account, scope) in scopes {
            let is_same = text_of(self.username.as_ref(), scope)?.as_deref() == Some(name)
                && text_of(self.password.as_ref(), scope)?.as_deref() == Some(password);
            if is_same {
                return Ok(Some(*account));
            }
        }
        Ok(None)
    }

    /// Returns the client and the user of an account, for whoever signs in on the page.
    pub(crate) fn overview(&self, scope: &Scope) -> Result<Json, Failure> {
        Ok(json!({
            "client_id": text_of(self.client_id.as_ref(), scope)?,
            "client_secret": text_of(self.client_secret.as_ref(), scope)?,
            "username": text_of(self.username.as_ref(), scope)?,
            "password": text_of(self.password.as_ref(), scope)?,
        }))
    }
}

struct Asked<'a> {
    state: &'a SystemState,
    request: &'a Request,
    scopes: &'a [(Account, Scope)],
}

impl Asked<'_> {
    fn field(&self, name: &str) -> Option<String> {
        let body = self.request.body.get(name).and_then(super::condition::text_of);
        body.or_else(|| self.request.last(name).map(str::to_owned))
    }

    /// Returns the id and the secret of the client.
    fn client(&self) -> (String, Option<String>) {
        let pair = self.request.header("authorization").and_then(basic);
        match pair {
            Some((id, secret)) => (form_decoded(&id), Some(form_decoded(&secret))),
            None => (self.field("client_id").unwrap_or_default(), self.field("client_secret")),
        }
    }
}

fn form_decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text)
        .decode_utf8_lossy()
        .into_owned()
}

fn text_of(form: Option<&Form>, scope: &Scope) -> Result<Option<String>, Failure> {
    form.map_or(Ok(None), |form| form.text(scope))
}

fn consent(account: Account, client_id: &str, scope: &str) -> Consent {
    Consent {
        account,
        client_id: client_id.to_owned(),
        redirect_uri: String::new(),
        challenge: String::new(),
        scope: scope.to_owned(),
        family: FAMILIES.fetch_add(1, Ordering::Relaxed),
    }
}

/// Returns an error as OAuth tells it.
fn oauth_error(code: &str, text: &str) -> Json {
    json!({"error": code, "error_description": text})
}

/// What the sign-in page answers.
pub(crate) enum Signed {
    Page(String),
    Redirect(String),
}

/// Answers the sign-in page: shows it, or takes its form.
pub(crate) fn authorize(
    token: Option<&Token>,
    state: &SystemState,
    request: &Request,
    scopes: &[(Account, Scope)],
) -> Result<Signed, Failure> {
    let field = |name: &str| {
        let sent = request.body.get(name).and_then(Json::as_str);
        sent.or_else(|| request.last(name)).unwrap_or_default().to_owned()
    };
    if request.method != "POST" {
        return Ok(Signed::Page(page(request, "")));
    }
    let account = match token {
        Some(token) => token.user(scopes, &field("username"), &field("password"))?,
        None => None,
    };
    let account = account.filter(|_| !state.credentials_revoked());
    state.counters.login(account.is_some());
    let Some(account) = account else {
        return Ok(Signed::Page(page(request, "The user name or the password is wrong.")));
    };
    let code = state.grants.add_code(Consent {
        account,
        client_id: field("client_id"),
        redirect_uri: field("redirect_uri"),
        challenge: field("code_challenge"),
        scope: field("scope"),
        family: 0,
    });
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("code", &code).append_pair("state", &field("state"));
    let target = field("redirect_uri");
    let separator = if target.contains('?') { '&' } else { '?' };
    Ok(Signed::Redirect(format!("{target}{separator}{}", query.finish())))
}

fn page(request: &Request, problem: &str) -> String {
    let mut hidden = String::new();
    let body = request.body.as_object().into_iter().flatten();
    let body = body.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    for (name, value) in request.query.iter().cloned().chain(body) {
        if name != "username" && name != "password" {
            let (name, value) = (html::escape(&name), html::escape(&value));
            hidden.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"));
        }
    }
    let path = html::escape(&request.path);
    format!(
        "<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>{}</p><form method=\"post\" action=\"{path}\">{hidden}\
         <input name=\"username\"><input name=\"password\" type=\"password\"><button>Sign in</button></form></body></html>",
        html::escape(problem)
    )
}
