//! Signs requests in: loads credentials, exchanges them for a session where the system wants one, and renews it.
//!
//! Whatever many callers need at once is done once: one flight at a time logs in, and all wait for it. Credentials that
//! the system refused are not used again until they are replaced.

mod access;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use serde_json::{Map, Value};
use tokio::time::Instant;
use tracing::Instrument as _;

pub(crate) use access::Access;

use super::{Line, Response};
use crate::{
    blueprint::{Blueprint, Needs, SignIn, read_token},
    context::CallContext,
    error::{Error, ErrorKind},
    manifest::AuthKind,
    request::RequestPlan,
    store::{Clock, CredentialStore, Credentials, Session, StoredSession},
    template::{SecretMap, Variables},
};

const ACCESS_TOKEN: &str = crate::blueprint::ACCESS_TOKEN;
const REFRESH_TOKEN: &str = "refresh_token";

type Flight = Shared<BoxFuture<'static, Result<Arc<Access>, Error>>>;

/// Signs the requests of one connection in.
pub(crate) struct Authorizer {
    line: Arc<Line>,
    blueprint: Arc<Blueprint>,
    settings: Arc<Map<String, Value>>,
    store: Arc<dyn CredentialStore>,
    clock: Arc<dyn Clock>,
    current: RwLock<Option<Arc<Access>>>,
    flight: Mutex<Option<Flight>>,
    /// The version of the credentials that the system refused.
    refused: Mutex<Option<i64>>,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

impl Authorizer {
    pub(crate) fn new(
        line: Arc<Line>,
        blueprint: Arc<Blueprint>,
        settings: Arc<Map<String, Value>>,
        store: Arc<dyn CredentialStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            line,
            blueprint,
            settings,
            store,
            clock,
            current: RwLock::default(),
            flight: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Returns what requests are signed in with, signing in first if need be.
    pub(crate) async fn access(self: &Arc<Self>, context: &CallContext) -> Result<Arc<Access>, Error> {
        match self.present() {
            Some(access) => Ok(access),
            None => self.join(context, None).await,
        }
    }

    /// Returns another sign-in than one that has ended.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        context: &CallContext,
        ended: &Arc<Access>,
    ) -> Result<Arc<Access>, Error> {
        ended.end();
        self.join(context, Some(Arc::clone(ended))).await
    }

    /// Notes that the system refused a sign-in for good, and returns the failure to tell.
    pub(crate) fn refuse(&self, access: &Access, error: Error) -> Error {
        access.end();
        let newer = self
            .current()
            .is_some_and(|current| current.credentials_version() > access.credentials_version());
        if !newer {
            self.note_refusal(access.credentials_version());
        }
        as_invalid_credentials(error)
    }

    /// Forgets the present sign-in, so that replaced credentials are taken up at once.
    pub(crate) fn forget(&self) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns whether the system refused the credentials and nothing is sent until they are replaced.
    pub(crate) fn is_refused(&self) -> bool {
        lock(&self.refused).is_some()
    }

    /// Returns the present sign-in while it serves.
    pub(crate) fn present(&self) -> Option<Arc<Access>> {
        self.current().filter(|access| access.is_alive(&*self.clock))
    }

    fn current(&self) -> Option<Arc<Access>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_refusal(&self, version: i64) {
        *lock(&self.refused) = Some(version);
    }

    /// Joins the flight under way, or starts one. It goes on when its callers leave: a refresh token that was used up
    /// must not be lost on the way to the store.
    fn join(self: &Arc<Self>, context: &CallContext, ended: Option<Arc<Access>>) -> Flight {
        let mut flight = lock(&self.flight);
        if let Some(under_way) = &*flight
            && under_way.peek().is_none()
        {
            return under_way.clone();
        }
        if let Some(access) = self.present() {
            return std::future::ready(Ok(access)).boxed().shared();
        }
        let authorizer = Arc::clone(self);
        let context = context.child_until(Instant::now() + 2 * self.line.attempt_time() + Duration::from_secs(1));
        let task = tokio::spawn(async move { authorizer.sign_in(&context, ended.as_deref()).await }.in_current_span());
        let started = async move {
            task.await
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the sign-in was broken off")))
        }
        .boxed()
        .shared();
        *flight = Some(started.clone());
        started
    }

    async fn sign_in(&self, context: &CallContext, ended: Option<&Access>) -> Result<Arc<Access>, Error> {
        let credentials = self.store.load().await?;
        if *lock(&self.refused) == Some(credentials.version) {
            return Err(Error::new(
                ErrorKind::ReauthorizationRequired,
                "the system refused the credentials; nothing is sent until somebody signs in again",
            ));
        }
        let way = self.way_for(&credentials.values)?;
        let result = if way.needs() == Needs::Nothing {
            self.finish(way, &credentials, None, self.clock.now())
        } else {
            self.with_session(context, way, &credentials, ended).await
        };
        match &result {
            Ok(access) => {
                *lock(&self.refused) = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(access));
            }
            Err(error) if error.kind() == ErrorKind::InvalidCredentials => self.note_refusal(credentials.version),
            Err(_) => {}
        }
        result
    }

    /// Returns the first way to sign in whose credentials are all given.
    fn way_for(&self, credentials: &SecretMap) -> Result<&SignIn, Error> {
        self.blueprint.sign_in_with(credentials).ok_or_else(|| {
            let needed: Vec<String> = self
                .blueprint
                .sign_ins()
                .iter()
                .map(|way| way.credentials().join(", "))
                .collect();
            let message = format!("credentials are missing; needed are {}", needed.join("; or "));
            Error::new(ErrorKind::InvalidSettings, message)
        })
    }

    /// Takes the stored session when it still serves, or makes a new one and stores it before it is used.
    async fn with_session(
        &self,
        context: &CallContext,
        way: &SignIn,
        credentials: &Credentials,
        ended: Option<&Access>,
    ) -> Result<Arc<Access>, Error> {
        let stored = self.stored_session(credentials).await?;
        if let Some(stored) = &stored
            && self.serves(stored, ended, access::MARGIN)
        {
            return self.finish(way, credentials, Some(stored), self.clock.now());
        }
        let before = stored.as_ref().map(|stored| stored.version);
        let asked_at = self.clock.now();
        let session = match self.exchange(context, way, credentials, stored.as_ref()).await {
            Ok(session) => session,
            // Another process may have used the refresh token up and stored what it got for it.
            Err(error) if error.kind() == ErrorKind::InvalidCredentials => {
                return match self.stored_session(credentials).await? {
                    Some(other) if Some(other.version) != before && self.serves(&other, ended, TimeDelta::zero()) => {
                        self.finish(way, credentials, Some(&other), self.clock.now())
                    }
                    _ => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        match self.store.store_session(&session, before).await? {
            Some(version) => self.finish(way, credentials, Some(&StoredSession { version, session }), asked_at),
            None => match self.stored_session(credentials).await? {
                Some(other) if self.serves(&other, ended, TimeDelta::zero()) => {
                    self.finish(way, credentials, Some(&other), self.clock.now())
                }
                _ => Err(Error::new(
                    ErrorKind::Unavailable,
                    "the credentials were changed while signing in",
                )),
            },
        }
    }

    async fn stored_session(&self, credentials: &Credentials) -> Result<Option<StoredSession>, Error> {
        let stored = self.store.load_session().await?;
        Ok(stored.filter(|stored| stored.session.credentials_version == credentials.version))
    }

    /// Returns whether a stored session is another than those that have ended, and lasts for longer than the margin.
    fn serves(&self, stored: &StoredSession, ended: Option<&Access>, margin: TimeDelta) -> bool {
        let current = self.current();
        let mut known = ended.into_iter().chain(current.as_deref());
        let has_ended = known.any(|access| access.session_version() == Some(stored.version));
        !has_ended
            && stored
                .session
                .expires_at
                .is_none_or(|end| end - margin > self.clock.now())
    }

    async fn exchange(
        &self,
        context: &CallContext,
        way: &SignIn,
        credentials: &Credentials,
        stored: Option<&StoredSession>,
    ) -> Result<Session, Error> {
        let session = stored.map(|stored| stored.session.values.clone()).unwrap_or_default();
        let mut values = credentials.values.clone();
        if let Some(refresh) = session.get(REFRESH_TOKEN) {
            values.insert(REFRESH_TOKEN, refresh.to_owned());
        }
        let variables = Variables {
            settings: &self.settings,
            credentials: &values,
            session: &session,
        };
        let asked_at = self.clock.now();
        let (values, lifetime) = match way.needs() {
            Needs::Nothing => (SecretMap::default(), None),
            Needs::Token(_) => {
                let plan = planned(self.blueprint.plan_token(way, &variables))?;
                let read =
                    |response: &Response| read_token(response.status.as_u16(), &response.headers, &response.body);
                let classify = |response: &Response| {
                    if response.status.is_success() {
                        None
                    } else {
                        read(response).err()
                    }
                };
                let response = self.line.exchange_bare(context, &plan, &classify).await?;
                let token = read(&response)?;
                let mut kept = session.clone();
                kept.insert(ACCESS_TOKEN, token.access_token);
                if let Some(refresh) = token.refresh_token {
                    kept.insert(REFRESH_TOKEN, refresh);
                }
                (kept, token.lifetime)
            }
            Needs::Session => {
                let plan = planned(self.blueprint.plan_login(way, &variables))?;
                let classify = |response: &Response| self.line.classify(response);
                let response = self
                    .line
                    .exchange_bare(context, &plan, &classify)
                    .await
                    .map_err(as_refused_login)?;
                (
                    way.read_login(&response.headers, &response.body)?,
                    way.session_lifetime(),
                )
            }
        };
        let lifetime = lifetime.and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
        Ok(Session {
            credentials_version: credentials.version,
            values,
            expires_at: lifetime.and_then(|lifetime| asked_at.checked_add_signed(lifetime)),
        })
    }

    fn finish(
        &self,
        way: &SignIn,
        credentials: &Credentials,
        stored: Option<&StoredSession>,
        since: DateTime<Utc>,
    ) -> Result<Arc<Access>, Error> {
        let made = access::Made {
            settings: Arc::clone(&self.settings),
            credentials,
            stored,
            since,
            is_password: self.has_password(way),
        };
        Access::new(way, made).map(Arc::new)
    }

    fn has_password(&self, way: &SignIn) -> bool {
        let auth = self.blueprint.manifest().auth.iter().find(|auth| auth.id == way.id());
        matches!(auth.map(|auth| &auth.kind), Some(AuthKind::Basic { .. }))
    }
}

/// A way to sign in that has sessions can plan how to get one.
fn planned(plan: Result<Option<RequestPlan>, Error>) -> Result<RequestPlan, Error> {
    plan?.ok_or_else(|| Error::new(ErrorKind::Internal, "the way to sign in has no request for a session"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A login has no session that could end: whatever refuses it refuses the credentials.
fn as_refused_login(error: Error) -> Error {
    match error.kind() {
        ErrorKind::SessionExpired => as_invalid_credentials(error),
        _ => error,
    }
}

fn as_invalid_credentials(error: Error) -> Error {
    if error.kind() == ErrorKind::InvalidCredentials {
        return error;
    }
    let remote = (
        error.remote_code().map(str::to_owned),
        error.remote_message().map(str::to_owned),
    );
    let invalid =
        Error::new(ErrorKind::InvalidCredentials, "the system refused the credentials").with_remote(remote.0, remote.1);
    match error.status() {
        Some(status) => invalid.with_status(status),
        None => invalid,
    }
}
