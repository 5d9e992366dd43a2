//! Who calls: what each account would send is computed and compared with what was sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::form::{Code, Failure, Form, Scope};
use super::functions::hex;
use super::load::Loader;
use super::proof::oauth1::{self, Nonces};
use super::request::Request;
use super::token::Sessions;
use super::yaml::{Data, Node};
use crate::account::Account;
use crate::state::SystemState;

/// Something that a call must have.
#[derive(Debug)]
pub(crate) enum Check {
    Bearer(Form),
    Header(String, Form),
    Basic(Form, Form),
    Query(String, Form),
    Body(Code, Form),
    Session(Place),
    OAuth2,
    Signed {
        value: Code,
        over: Form,
        key: Form,
        is_base64: bool,
    },
    OAuth1(Box<OAuth1>),
    Any(Vec<Self>),
}

/// The secrets of requests signed by OAuth 1.0a.
#[derive(Debug)]
pub(crate) struct OAuth1 {
    consumer_key: Form,
    consumer_secret: Form,
    token: Form,
    token_secret: Form,
    realm: Option<Form>,
    skew_s: i64,
}

/// Where a session's token stands.
#[derive(Debug)]
pub(crate) enum Place {
    Cookie(String),
    Header(String, String),
    Query(String),
    Code(Code),
}

impl Check {
    pub(crate) fn read_all(loader: &mut Loader, node: &Node) -> Vec<Self> {
        let elements = loader.list(node, "auth").iter();
        elements.filter_map(|element| Self::read(loader, element)).collect()
    }

    fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "auth");
        let mut found = Vec::new();
        if let Some(node) = fields.take("bearer") {
            found.push(Self::Bearer(Form::read(loader, node)));
        }
        if let Some(node) = fields.take("header") {
            found.extend(named(loader, node).map(|(name, value)| Self::Header(name, value)));
        }
        if let Some(node) = fields.take("query") {
            found.extend(named(loader, node).map(|(name, value)| Self::Query(name, value)));
        }
        if let Some(node) = fields.take("basic") {
            let mut inner = loader.fields(node, "basic");
            let username = inner.require(loader, "username").map(|node| Form::read(loader, node));
            let password = inner.require(loader, "password").map(|node| Form::read(loader, node));
            inner.finish(loader);
            found.extend(
                username
                    .zip(password)
                    .map(|(username, password)| Self::Basic(username, password)),
            );
        }
        if let Some(node) = fields.take("body") {
            let mut inner = loader.fields(node, "body");
            let value = inner.require(loader, "value").and_then(|node| Code::read(loader, node));
            let equals = inner.require(loader, "equals").map(|node| Form::read(loader, node));
            inner.finish(loader);
            found.extend(value.zip(equals).map(|(value, equals)| Self::Body(value, equals)));
        }
        if let Some(node) = fields.take("session") {
            found.extend(Place::read(loader, node).map(Self::Session));
        }
        if let Some(node) = fields.take("oauth2") {
            loader.fields(node, "oauth2").finish(loader);
            found.push(Self::OAuth2);
        }
        if let Some(node) = fields.take("signed") {
            let mut inner = loader.fields(node, "signed");
            let value = inner.require(loader, "value").and_then(|node| Code::read(loader, node));
            let over = inner.require(loader, "over").map(|node| Form::read(loader, node));
            let key = inner.require(loader, "key").map(|node| Form::read(loader, node));
            let is_base64 = inner
                .word(loader, "encoding", &[("hex", false), ("base64", true)])
                .unwrap_or(false);
            inner.finish(loader);
            if let (Some(value), Some(over), Some(key)) = (value, over, key) {
                found.push(Self::Signed {
                    value,
                    over,
                    key,
                    is_base64,
                });
            }
        }
        if let Some(node) = fields.take("oauth1") {
            found.extend(OAuth1::read(loader, node).map(|signed| Self::OAuth1(Box::new(signed))));
        }
        if let Some(node) = fields.take("any") {
            found.push(Self::Any(Self::read_all(loader, node)));
        }
        if found.len() > 1 {
            loader.wrong(node.place, "each kind of auth is an element of its own");
        }
        fields.finish(loader);
        found.into_iter().next()
    }
}

fn named(loader: &mut Loader, node: &Node) -> Option<(String, Form)> {
    let mut fields = loader.fields(node, "auth");
    let name = fields.require(loader, "name").map(|node| loader.text(node, "name"));
    let value = fields.require(loader, "value").map(|node| Form::read(loader, node));
    fields.finish(loader);
    name.zip(value)
}

impl Place {
    fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "session");
        let cookie = fields.text(loader, "cookie").map(Self::Cookie);
        let prefix = fields.text(loader, "prefix").unwrap_or_default();
        let header = fields.text(loader, "header").map(|name| Self::Header(name, prefix));
        let query = fields.text(loader, "query").map(Self::Query);
        let code = fields
            .take("value")
            .and_then(|node| Code::read(loader, node))
            .map(Self::Code);
        let found: Vec<Self> = [cookie, header, query, code].into_iter().flatten().collect();
        if found.len() != 1 && !matches!(node.data, Data::Null) {
            loader.wrong(
                node.place,
                "a session's token stands in one of cookie, header, query, value",
            );
        }
        fields.finish(loader);
        found.into_iter().next()
    }

    /// Returns the token that was sent.
    pub(crate) fn token(&self, request: &Request, scope: &Scope) -> Result<Option<String>, Failure> {
        Ok(match self {
            Self::Cookie(name) => request
                .cookies
                .get(name)
                .and_then(|value| value.as_str())
                .map(str::to_owned),
            Self::Header(name, prefix) => request
                .header(name)
                .and_then(|value| value.strip_prefix(prefix.as_str()))
                .map(|value| value.trim().to_owned()),
            Self::Query(name) => request.last(name).map(str::to_owned),
            Self::Code(code) => code.json(scope)?.as_str().map(str::to_owned),
        })
    }
}

/// What is looked at to find out who calls.
pub(crate) struct Looked<'a> {
    pub(crate) state: &'a SystemState,
    pub(crate) sessions: &'a Sessions,
    pub(crate) nonces: &'a Nonces,
    pub(crate) request: &'a Request,
    /// A scope for each account.
    pub(crate) scopes: &'a [(Account, Scope)],
}

/// Returns the account that calls; none when credentials are missing or wrong.
pub(crate) fn caller(checks: &[Check], looked: &Looked<'_>) -> Result<Option<Account>, Failure> {
    let mut possible: Vec<Account> = looked.scopes.iter().map(|(account, _)| *account).collect();
    let mut sent_any = false;
    for check in checks {
        let (accounts, was_sent) = check.accounts(looked)?;
        sent_any |= was_sent;
        possible.retain(|account| accounts.contains(account));
    }
    if possible.is_empty() && sent_any {
        looked.state.counters.refused_secret();
    }
    Ok(possible.into_iter().next())
}

impl Check {
    /// Returns the accounts that a call may be from, and whether a secret was sent.
    fn accounts(&self, looked: &Looked<'_>) -> Result<(Vec<Account>, bool), Failure> {
        let request = looked.request;
        match self {
            Self::Bearer(form) => {
                let sent = request.header("authorization").and_then(bearer);
                same(looked, form, sent)
            }
            Self::Header(name, form) => same(looked, form, request.header(name)),
            Self::Query(name, form) => same(looked, form, request.last(name)),
            Self::Body(code, form) => {
                let scope = looked
                    .scopes
                    .first()
                    .map(|(_, scope)| scope.clone())
                    .unwrap_or_default();
                let sent = code.json(&scope)?;
                same(looked, form, super::condition::text_of(&sent).as_deref())
            }
            Self::Basic(username, password) => {
                let Some((name, secret)) = request.header("authorization").and_then(basic) else {
                    return Ok((Vec::new(), false));
                };
                let mut accounts = Vec::new();
                for (account, scope) in looked.scopes {
                    let is_same = username.text(scope)?.unwrap_or_default() == name
                        && password.text(scope)?.unwrap_or_default() == secret;
                    if is_same && !looked.state.credentials_revoked() {
                        accounts.push(*account);
                    }
                }
                Ok((accounts, true))
            }
            Self::Session(place) => {
                let scope = looked
                    .scopes
                    .first()
                    .map(|(_, scope)| scope.clone())
                    .unwrap_or_default();
                let token = place.token(request, &scope)?;
                let account = token.and_then(|token| looked.sessions.account(looked.state, &token));
                Ok((account.into_iter().collect(), false))
            }
            Self::OAuth2 => {
                let token = request.header("authorization").and_then(bearer);
                let user = token.and_then(|token| looked.state.token_user(token));
                let account = user.and_then(|user| Account::from_name(&user));
                Ok((account.into_iter().collect(), false))
            }
            Self::Signed {
                value,
                over,
                key,
                is_base64,
            } => {
                let mut accounts = Vec::new();
                let mut was_sent = false;
                for (account, scope) in looked.scopes {
                    let sent = super::condition::text_of(&value.json(scope)?);
                    was_sent |= sent.is_some();
                    let signature = sign(
                        &key.text(scope)?.unwrap_or_default(),
                        &over.text(scope)?.unwrap_or_default(),
                        *is_base64,
                    );
                    if sent.is_some() && sent == signature && !looked.state.credentials_revoked() {
                        accounts.push(*account);
                    }
                }
                Ok((accounts, was_sent))
            }
            Self::OAuth1(signed) => signed.accounts(looked),
            Self::Any(checks) => {
                let mut accounts = Vec::new();
                let mut sent = false;
                for check in checks {
                    let (found, was_sent) = check.accounts(looked)?;
                    accounts.extend(found);
                    sent |= was_sent;
                }
                Ok((accounts, sent))
            }
        }
    }
}

impl OAuth1 {
    fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "oauth1");
        let mut form =
            |loader: &mut Loader, name: &'static str| fields.require(loader, name).map(|node| Form::read(loader, node));
        let (consumer_key, consumer_secret) = (form(loader, "consumer_key"), form(loader, "consumer_secret"));
        let (token, token_secret) = (form(loader, "token"), form(loader, "token_secret"));
        let realm = fields.take("realm").map(|node| Form::read(loader, node));
        let skew_s = fields
            .number(loader, "skew_s")
            .and_then(|skew| i64::try_from(skew).ok());
        fields.finish(loader);
        Some(Self {
            consumer_key: consumer_key?,
            consumer_secret: consumer_secret?,
            token: token?,
            token_secret: token_secret?,
            realm,
            skew_s: skew_s.unwrap_or(300),
        })
    }

    fn accounts(&self, looked: &Looked<'_>) -> Result<(Vec<Account>, bool), Failure> {
        let request = looked.request;
        let Some(header) = request.header("authorization") else {
            return Ok((Vec::new(), false));
        };
        let address = format!("{}{}", request.base_url, request.path);
        let mut parameters = request.query.clone();
        let kind = request.header("content-type").unwrap_or_default();
        if kind.contains("x-www-form-urlencoded") {
            parameters.extend(url::form_urlencoded::parse(request.text.as_bytes()).into_owned());
        }
        let signed = oauth1::Signed {
            method: &request.method,
            address: &address,
            parameters: &parameters,
            header,
        };
        for (account, scope) in looked.scopes {
            let text = |form: &Form| Ok::<_, Failure>(form.text(scope)?.unwrap_or_default());
            let secrets = oauth1::Secrets {
                consumer_key: text(&self.consumer_key)?,
                consumer_secret: text(&self.consumer_secret)?,
                token: text(&self.token)?,
                token_secret: text(&self.token_secret)?,
                realm: self.realm.as_ref().map(text).transpose()?,
            };
            let now = chrono::Utc::now().timestamp();
            match oauth1::verify(&signed, &secrets, looked.nonces, now, self.skew_s) {
                Ok(()) if !looked.state.credentials_revoked() => return Ok((vec![*account], true)),
                Ok(()) => {}
                Err(refusal) => tracing::debug!(reason = refusal.word(), "a signed request is refused"),
            }
        }
        Ok((Vec::new(), true))
    }
}

/// Returns the accounts whose value is the one that was sent.
fn same(looked: &Looked<'_>, form: &Form, sent: Option<&str>) -> Result<(Vec<Account>, bool), Failure> {
    let Some(sent) = sent else {
        return Ok((Vec::new(), false));
    };
    let mut accounts = Vec::new();
    for (account, scope) in looked.scopes {
        if form.text(scope)?.as_deref() == Some(sent) && !looked.state.credentials_revoked() {
            accounts.push(*account);
        }
    }
    Ok((accounts, true))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Reads the name and the secret out of a Basic header.
pub(crate) fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, secret) = decoded.split_once(':')?;
    Some((name.to_owned(), secret.to_owned()))
}

fn sign(key: &str, text: &str, is_base64: bool) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(text.as_bytes());
    let signature = mac.finalize().into_bytes();
    Some(match is_base64 {
        true => STANDARD.encode(signature),
        false => hex(&signature),
    })
}
