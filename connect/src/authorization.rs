//! Sign-ins at the system's own page (`OAuth` 2 authorization code with PKCE): the address to send a person to, what the
//! page sends back, and the exchange of its code for the credentials of a connection.
//!
//! Nothing is kept here. Whoever runs the flow keeps the state and the verifier, bound to the browser that began it.

use std::time::Duration;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    blueprint::{ACCESS_TOKEN, Blueprint, Moment, SignIn, clean_code, read_token},
    classify::clean,
    connector::complete,
    context::CallContext,
    error::{CredentialReason, Error, ErrorKind},
    manifest::REFRESH_TOKEN,
    store::{Clock as _, Session, SystemClock},
    template::{SecretMap, Variables},
    transport::{Limits, Outgoing, Wire, timeout},
};

#[cfg(test)]
mod tests;

/// Answers of token endpoints are small.
const MOST_BYTES: usize = 256 * 1024;

/// A secret and its hash: the page is shown the hash, the token endpoint the secret.
#[derive(Clone, Debug)]
pub struct Pkce {
    /// The secret, to be kept until the code is exchanged.
    pub verifier: SecretString,
    /// Its hash (S256), for the page.
    pub challenge: String,
}

impl Pkce {
    /// Makes a secret of 256 random bits.
    ///
    /// # Errors
    /// Fails when the machine has no random numbers.
    pub fn generate() -> Result<Self, Error> {
        let verifier = random_text()?;
        Ok(Self {
            challenge: challenge_of(&verifier),
            verifier: verifier.into(),
        })
    }
}

/// Returns 256 random bits as text that fits into addresses, such as a state.
///
/// # Errors
/// Fails when the machine has no random numbers.
pub fn random_text() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| Error::new(ErrorKind::Internal, "there are no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// One way to sign in of one connection that is being made or renewed.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// The connector, compiled for these settings.
    pub blueprint: &'a Blueprint,
    /// Identifier of the way to sign in.
    pub way: &'a str,
    /// The settings of the connection; defaults are filled in.
    pub settings: &'a Map<String, Value>,
    /// The credentials that are known already: those of the application.
    pub credentials: &'a SecretMap,
}

/// What the page is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the page sends the person back to.
    pub redirect_uri: String,
    /// What comes back with the answer and tells that it belongs to this sign-in.
    pub state: String,
    /// The hash of the secret.
    pub challenge: String,
}

/// What the page gave, with what it was asked with.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    /// The code.
    pub code: &'a str,
    /// The secret.
    pub verifier: &'a str,
    /// Where the page was to send the person back to, to the letter.
    pub redirect_uri: &'a str,
}

/// What a sign-in gave.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What is to be merged into the credentials of the connection: the refresh token.
    pub credentials: SecretMap,
    /// The first access token, by the names of a session.
    pub session: SecretMap,
    /// How long the access token lasts, if it is told.
    pub lifetime: Option<Duration>,
}

impl SignedIn {
    /// Makes the session of credentials that were stored with this version.
    #[must_use]
    pub fn session(&self, credentials_version: i64, asked_at: DateTime<Utc>) -> Session {
        let lifetime = self.lifetime.and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
        Session {
            credentials_version,
            values: self.session.clone(),
            expires_at: lifetime.and_then(|lifetime| asked_at.checked_add_signed(lifetime)),
        }
    }
}

impl Flow<'_> {
    /// Writes the address of the page where the person signs in.
    ///
    /// # Errors
    /// Names the setting or credential that is missing, or tells that the way to sign in has no page.
    pub fn address(&self, request: &Request) -> Result<Url, Error> {
        let (way, settings) = self.prepare()?;
        way.page(&self.variables(&settings), request)
            .unwrap_or_else(|| Err(self.no_page()))
    }

    /// Exchanges the code that the page gave for tokens.
    ///
    /// # Errors
    /// Returns why there are none. A refused code says nothing about credentials: the sign-in begins again.
    pub async fn exchange(&self, wire: &dyn Wire, context: &CallContext, code: Code<'_>) -> Result<SignedIn, Error> {
        let (way, settings) = self.prepare()?;
        let plan = way
            .plan_code(&self.variables(&settings), &code, &Moment::at(SystemClock.now()))
            .unwrap_or_else(|| Err(self.no_page()))?;
        context.count_call();
        let none = HeaderMap::new();
        let sent = wire.send(Outgoing {
            plan: &plan,
            sign_in: &none,
            most_bytes: MOST_BYTES,
            time: Limits::default().attempt,
        });
        let response = timeout::limit(Limits::default().attempt, context.deadline(), sent).await?;
        let token = read_token(response.status.as_u16(), &response.headers, &response.body).map_err(as_refused_code)?;
        let Some(refresh) = token.refresh_token else {
            return Err(Error::new(
                ErrorKind::MalformedResponse,
                "the sign-in gave no refresh token, without which the connection would end within the hour",
            ));
        };
        let credentials = SecretMap::from_iter([(REFRESH_TOKEN, refresh)]);
        let session = SecretMap::from_iter([(ACCESS_TOKEN, token.access_token)]);
        Ok(SignedIn {
            credentials,
            session,
            lifetime: token.lifetime,
        })
    }

    fn prepare(&self) -> Result<(&SignIn, Map<String, Value>), Error> {
        let way = self.blueprint.sign_in_named(self.way);
        let way = way.ok_or_else(|| {
            let message = format!("the connector has no way to sign in `{}`", self.way);
            Error::new(ErrorKind::InvalidSettings, message)
        })?;
        Ok((way, complete(self.blueprint, self.settings.clone())?))
    }

    fn variables<'s>(&'s self, settings: &'s Map<String, Value>) -> Variables<'s> {
        static NONE: std::sync::LazyLock<SecretMap> = std::sync::LazyLock::new(SecretMap::new);
        Variables {
            settings,
            credentials: self.credentials,
            session: &NONE,
        }
    }

    fn no_page(&self) -> Error {
        Error::new(
            ErrorKind::InvalidSettings,
            format!("the way to sign in `{}` has no page", self.way),
        )
    }
}

/// A code is refused when it is old or used up; only what is said about the client speaks of credentials.
fn as_refused_code(error: Error) -> Error {
    if error.remote_code() != Some("invalid_grant") {
        return error;
    }
    Error::new(
        ErrorKind::InvalidRequest,
        "the sign-in took too long or was used already; it must begin again",
    )
    .with_remote(Some("invalid_grant".to_owned()), None)
}

/// What the page sent back with the person.
#[derive(Debug)]
pub struct Callback {
    /// The state of the request. Nothing else counts before it has been compared.
    pub state: Option<String>,
    /// The code, or why there is none.
    pub outcome: Result<SecretString, Error>,
}

impl Callback {
    /// Reads the query of the address that the person came back to.
    #[must_use]
    pub fn read(query: &str) -> Self {
        const LONGEST: usize = 8192;
        if query.len() > LONGEST {
            return Self {
                state: None,
                outcome: Err(malformed()),
            };
        }
        let value = |wanted: &str| {
            let mut values = url::form_urlencoded::parse(query.as_bytes())
                .filter(|(name, value)| name == wanted && !value.is_empty())
                .map(|(_, value)| value.into_owned());
            let first = values.next();
            // What stands there twice is not what the page wrote.
            first.filter(|_| values.next().is_none())
        };
        let outcome = match (value("error"), value("code")) {
            (Some(error), _) => Err(refusal(&error, value("error_description").as_deref())),
            (None, Some(code)) => Ok(code.into()),
            (None, None) => Err(malformed()),
        };
        Self {
            state: value("state"),
            outcome,
        }
    }

    /// Returns the code in the clear.
    ///
    /// # Errors
    /// Returns why there is none.
    pub fn code(&self) -> Result<&str, Error> {
        self.outcome
            .as_ref()
            .map(|code| code.expose_secret())
            .map_err(Clone::clone)
    }
}

fn malformed() -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        "the answer of the page where people sign in cannot be read",
    )
}

/// Returns the failure that the page's own words mean, without what does not belong before people's eyes.
#[must_use]
pub fn refusal(error: &str, description: Option<&str>) -> Error {
    let code = clean_code(error);
    let (kind, reason, message) = match code.as_str() {
        "access_denied" => (ErrorKind::PermissionDenied, None, "the sign-in was declined"),
        "invalid_scope" | "consent_required" => (
            ErrorKind::PermissionDenied,
            Some(CredentialReason::MissingScope),
            "the account may not give what the connection needs",
        ),
        "invalid_client" | "unauthorized_client" => (
            ErrorKind::InvalidCredentials,
            Some(CredentialReason::InvalidCredentials),
            "the system does not let the application sign people in",
        ),
        "login_required" | "interaction_required" | "account_selection_required" => (
            ErrorKind::InvalidRequest,
            None,
            "the system wants the person to sign in again",
        ),
        "server_error" | "temporarily_unavailable" => (
            ErrorKind::Unavailable,
            None,
            "the page where people sign in is not available",
        ),
        _ => (
            ErrorKind::InvalidRequest,
            None,
            "the system refused to begin the sign-in",
        ),
    };
    let description = description.map(clean).filter(|text| !text.is_empty());
    Error::new(kind, message)
        .with_reason(reason)
        .with_remote(Some(code).filter(|code| !code.is_empty()), description)
}
