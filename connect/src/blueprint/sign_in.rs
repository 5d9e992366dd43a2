//! The ways to sign in, compiled: requests for sessions and tokens, what their answers mean, and the headers that
//! authorize every other request. Whether and when to sign in is decided elsewhere.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use http::HeaderMap;
use url::Url;

use super::{
    Problem,
    call::{Base, Call, Known, Texts, check_headers, escape_pointer, render_texts, unusable},
    oauth2::{Oauth2, basic},
    signing::{self, Moment, Signing},
};
use crate::{
    authorization,
    classify::BodyCheck,
    error::{Error, ErrorKind},
    json,
    manifest::{self, AuthKind, Grant},
    path::Path,
    request::RequestPlan,
    template::{Scope, SecretMap, TextTemplate, Variables},
    transport::authorize::set_cookies,
};

/// One way to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    id: String,
    credentials: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Basic {
        username: TextTemplate,
        password: TextTemplate,
    },
    Headers(Texts),
    Signing(Arc<Signing>),
    Oauth2(Box<Oauth2>),
    Session(Box<Session>),
}

#[derive(Clone, Debug)]
struct Session {
    login: Call,
    keep: Vec<(String, Keep)>,
    refused_when: Vec<BodyCheck>,
    cookies: bool,
    lifetime: Option<Duration>,
    headers: Texts,
    keep_alive: Option<(Call, Duration)>,
    logout: Option<Call>,
}

#[derive(Clone, Debug)]
enum Keep {
    Body(Path),
    Cookie(String),
    Header(String),
}

/// What a way to sign in needs before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: the credentials go with every request.
    Nothing,
    /// A session from a login.
    Session,
    /// A token from a token endpoint.
    Token(Grant),
}

/// The name under which the access token is kept in the session.
pub const ACCESS_TOKEN: &str = "access_token";

/// What the names of cookies begin with in the session.
pub(crate) const COOKIE: &str = "cookie:";

impl SignIn {
    pub(super) fn compile(
        auth: &manifest::Auth,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let kind_pointer = format!("{pointer}/kind");
        let known = &known.of_way(auth);
        let text = |text: &str, key: &str, problems: &mut Vec<Problem>| {
            known.text(text, &format!("{kind_pointer}/{key}"), problems)
        };
        let kind = match &auth.kind {
            AuthKind::Basic { username, password } => Kind::Basic {
                username: text(username, "basic/username", problems)?,
                password: text(password, "basic/password", problems)?,
            },
            AuthKind::Headers { headers } => {
                check_headers(headers, &format!("{kind_pointer}/headers/headers"), problems);
                Kind::Headers(known.texts(headers, &format!("{kind_pointer}/headers/headers"), problems))
            }
            AuthKind::Oauth1 { .. } => {
                let oauth1 = signing::Oauth1::compile(&auth.kind, known, &kind_pointer, problems)?;
                Kind::Signing(Arc::new(Signing::Oauth1(oauth1)))
            }
            AuthKind::Signed(signed) => {
                let signed = signing::Signed::compile(signed, known, &kind_pointer, problems)?;
                Kind::Signing(Arc::new(Signing::Signed(signed)))
            }
            AuthKind::Oauth2 { .. } => Kind::Oauth2(Box::new(Oauth2::compile(auth, known, pointer, problems)?)),
            AuthKind::Session {
                login,
                keep,
                refused_when,
                lifetime_s,
                headers,
                cookies,
                keep_alive,
                logout,
            } => {
                let pointer = format!("{kind_pointer}/session");
                check_headers(headers, &format!("{pointer}/headers"), problems);
                let mut kept = Vec::new();
                for (name, place) in keep {
                    match Keep::parse(place) {
                        Ok(place) => kept.push((name.clone(), place)),
                        Err(message) => problems.push(Problem::new(
                            format!("{pointer}/keep/{}", escape_pointer(name)),
                            message,
                        )),
                    }
                }
                if let Some(name) = keep.keys().find(|name| name.starts_with(COOKIE)) {
                    let pointer = format!("{pointer}/keep/{}", escape_pointer(name));
                    problems.push(Problem::new(pointer, format!("names do not begin with `{COOKIE}`")));
                }
                let keep_alive = keep_alive.as_ref().and_then(|written| {
                    let pointer = format!("{pointer}/keep_alive");
                    if written.every_s == 0 {
                        problems.push(Problem::new(format!("{pointer}/every_s"), "must be at least 1"));
                    }
                    let call = Call::compile(&written.request, true, known, &format!("{pointer}/request"), problems);
                    call.map(|call| (call, Duration::from_secs(written.every_s)))
                });
                let logout = logout.as_ref().and_then(|written| {
                    let pointer = format!("{pointer}/logout/request");
                    Call::compile(&written.request, false, known, &pointer, problems).map(Call::never_repeated)
                });
                Kind::Session(Box::new(Session {
                    login: Call::compile(login, false, known, &format!("{pointer}/login"), problems)?.never_repeated(),
                    keep: kept,
                    refused_when: BodyCheck::compile(refused_when, &format!("{pointer}/refused_when"), problems),
                    cookies: *cookies,
                    lifetime: lifetime_s.map(Duration::from_secs),
                    headers: known.texts(headers, &format!("{pointer}/headers"), problems),
                    keep_alive,
                    logout,
                }))
            }
        };
        Some(Self {
            id: auth.id.clone(),
            credentials: auth.credentials.keys().cloned().collect(),
            kind,
        })
    }

    /// Returns its identifier within the connector.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the names of the credentials that it needs.
    #[must_use]
    pub fn credentials(&self) -> &[String] {
        &self.credentials
    }

    /// Returns what it needs before the first request.
    #[must_use]
    pub fn needs(&self) -> Needs {
        match &self.kind {
            Kind::Basic { .. } | Kind::Headers(_) | Kind::Signing(_) => Needs::Nothing,
            Kind::Session(_) => Needs::Session,
            Kind::Oauth2(oauth2) => Needs::Token(oauth2.grant()),
        }
    }

    /// Returns how each attempt is signed; nothing when requests are not signed.
    pub(crate) fn signing(&self) -> Option<&Arc<Signing>> {
        match &self.kind {
            Kind::Signing(signing) => Some(signing),
            _ => None,
        }
    }

    /// Returns whether each request proves the credentials themselves, which a system may lock after wrong tries.
    pub(crate) const fn shows_credentials(&self) -> bool {
        matches!(self.kind, Kind::Basic { .. } | Kind::Signing(_))
    }

    /// Returns how long a session lasts unless the system ends it earlier.
    #[must_use]
    pub fn session_lifetime(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Session(session) => session.lifetime,
            _ => None,
        }
    }

    fn session(&self) -> Option<&Session> {
        match &self.kind {
            Kind::Session(session) => Some(session),
            _ => None,
        }
    }

    /// Returns whether the cookies of the login go with every request.
    pub(crate) fn keeps_cookies(&self) -> bool {
        self.session().is_some_and(|session| session.cookies)
    }

    /// Returns the request that keeps a session from ending.
    pub(crate) fn keep_alive(&self) -> Option<&Call> {
        self.session()?.keep_alive.as_ref().map(|(call, _)| call)
    }

    /// Returns after how long that request is sent again.
    pub(crate) fn keep_alive_every(&self) -> Option<Duration> {
        self.session()?.keep_alive.as_ref().map(|(_, every)| *every)
    }

    /// Returns the request that gives a session up.
    pub(crate) fn logout(&self) -> Option<&Call> {
        self.session()?.logout.as_ref()
    }

    /// Returns the headers that authorize every request. Those of a signature are made for each attempt.
    ///
    /// # Errors
    /// Names the credential or session value that is missing.
    pub fn headers(&self, variables: &Variables<'_>) -> Result<Vec<(String, String)>, Error> {
        let scope = Scope::new(variables);
        match &self.kind {
            Kind::Basic { username, password } => {
                let username = username.render(&scope).map_err(unusable)?;
                let password = password.render(&scope).map_err(unusable)?;
                Ok(vec![("authorization".to_owned(), basic(&username, &password))])
            }
            Kind::Headers(headers) => render_texts(headers, &scope),
            Kind::Signing(_) => Ok(Vec::new()),
            Kind::Session(session) => render_texts(&session.headers, &scope),
            Kind::Oauth2(_) => {
                let token = variables
                    .session
                    .get(ACCESS_TOKEN)
                    .ok_or_else(|| unusable("there is no access token"))?;
                if token.bytes().any(|byte| byte.is_ascii_control()) {
                    return Err(unusable("the access token has control characters"));
                }
                Ok(vec![("authorization".to_owned(), format!("Bearer {token}"))])
            }
        }
    }

    /// Plans the login; none when there are no sessions.
    pub(super) fn plan_login(&self, base: &Base, variables: &Variables<'_>) -> Option<Result<RequestPlan, Error>> {
        let Kind::Session(session) = &self.kind else {
            return None;
        };
        let scope = Scope::new(variables);
        Some(session.login.plan(base, &scope, &scope, Vec::new()))
    }

    /// Reads what is kept of a login's answer. The status has been judged before.
    ///
    /// # Errors
    /// Returns `InvalidCredentials` when the answer refuses the login, `MalformedResponse` when something is missing.
    pub fn read_login(&self, headers: &HeaderMap, body: &[u8]) -> Result<SecretMap, Error> {
        let mut kept = SecretMap::new();
        let Kind::Session(session) = &self.kind else {
            return Ok(kept);
        };
        let reads_body =
            !session.refused_when.is_empty() || session.keep.iter().any(|(_, keep)| matches!(keep, Keep::Body(_)));
        let body = if reads_body { Some(json::parse(body)?) } else { None };
        if let Some(body) = &body
            && !session.refused_when.is_empty()
            && session.refused_when.iter().all(|check| check.holds(body))
        {
            return Err(Error::new(
                ErrorKind::InvalidCredentials,
                "the system refused the credentials",
            ));
        }
        if session.cookies {
            let cookies = set_cookies(headers, Utc::now());
            for (name, value) in cookies.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                kept.insert(format!("{COOKIE}{name}"), value);
            }
            if kept.is_empty() && session.keep.is_empty() {
                let message = "the answer to the login sets no cookies";
                return Err(Error::new(ErrorKind::MalformedResponse, message));
            }
        }
        for (name, keep) in &session.keep {
            let value = match keep {
                Keep::Body(path) => body
                    .as_ref()
                    .and_then(|body| path.first(body))
                    .and_then(json::scalar_text)
                    .map(str::to_owned),
                Keep::Header(header) => headers
                    .get(header)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned),
                Keep::Cookie(cookie) => cookie_of(headers, cookie),
            };
            let missing = || {
                Error::new(
                    ErrorKind::MalformedResponse,
                    format!("the answer to the login has no `{name}`"),
                )
            };
            kept.insert(
                name.clone(),
                value.filter(|value| !value.is_empty()).ok_or_else(missing)?,
            );
        }
        Ok(kept)
    }

    /// Plans the request of a token; none when there are no tokens.
    pub(super) fn plan_token(&self, variables: &Variables<'_>, moment: &Moment) -> Option<Result<RequestPlan, Error>> {
        let Kind::Oauth2(oauth2) = &self.kind else {
            return None;
        };
        Some(oauth2.plan(variables, moment))
    }

    /// Returns whether the page where a person signs in wants the hash of a secret; nothing when there is no page.
    #[must_use]
    pub fn has_pkce(&self) -> Option<bool> {
        match &self.kind {
            Kind::Oauth2(oauth2) => oauth2.has_pkce(),
            _ => None,
        }
    }

    /// Writes the address of the page where a person signs in; none when there is no page.
    pub(crate) fn page(
        &self,
        variables: &Variables<'_>,
        request: &authorization::Request,
    ) -> Option<Result<Url, Error>> {
        match &self.kind {
            Kind::Oauth2(oauth2) => oauth2.page(variables, request),
            _ => None,
        }
    }

    /// Plans the exchange of the code that the page gave; none when there is no page.
    pub(crate) fn plan_code(
        &self,
        variables: &Variables<'_>,
        code: &authorization::Code<'_>,
        moment: &Moment,
    ) -> Option<Result<RequestPlan, Error>> {
        match &self.kind {
            Kind::Oauth2(oauth2) if oauth2.has_pkce().is_some() => Some(oauth2.plan_code(variables, code, moment)),
            _ => None,
        }
    }
}

impl Keep {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("cookie", name)) if !name.is_empty() => Ok(Self::Cookie(name.to_owned())),
            Some(("header", name)) if name.parse::<http::HeaderName>().is_ok() => {
                Ok(Self::Header(name.to_ascii_lowercase()))
            }
            Some(("cookie" | "header", name)) => Err(format!("`{name}` is not a name")),
            _ => Path::parse(text).map(Self::Body),
        }
    }
}

fn cookie_of(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let cookies = headers
        .get_all(http::header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .filter_map(|cookie| cookie.split(';').next()?.split_once('='))
        .filter(|(name, _)| name.trim() == wanted)
        .map(|(_, value)| value.trim().to_owned())
        .next_back()
}
