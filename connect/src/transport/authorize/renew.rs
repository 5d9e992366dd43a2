//! Makes sessions: takes the one that another process stored, or exchanges the credentials for a new one, one process at
//! a time, and stores it before it is used.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    Authorizer,
    access::{self, Access},
};
use crate::{
    blueprint::{ACCESS_TOKEN, Moment, Needs, SignIn, parse_address, read_token},
    context::CallContext,
    error::{Error, ErrorKind},
    manifest::{Grant, REFRESH_TOKEN},
    request::RequestPlan,
    store::{Credentials, Session, StoredSession},
    template::{SecretMap, Variables},
    transport::Response,
};

/// A lease outlasts the request for a session by so much, in which the answer is stored.
const TIME_TO_STORE: Duration = Duration::from_secs(5);
/// How often storing a session is tried. A new refresh token that is lost here locks the connection out.
const MOST_STORES: u32 = 4;
/// How often a session that others renew at the same time is renewed anew.
const MOST_ROUNDS: u32 = 3;
/// Shortest and longest wait between two looks at what another process stored, in milliseconds.
const WAIT_MS: std::ops::Range<u64> = 100..300;

/// How waiting for the right to renew a session ended.
enum Lease {
    /// The right is ours.
    Taken(Uuid),
    /// Another process renewed the session meanwhile.
    Renewed(StoredSession),
}

impl Authorizer {
    /// Returns when a flight must be over: it may have to wait for the lease of a process that died.
    pub(super) fn latest_end(&self) -> Instant {
        Instant::now() + self.lease_time() + 2 * self.request_time()
    }

    /// Returns how long the request for a session may take.
    fn request_time(&self) -> Duration {
        self.parts.line.attempt_time() + Duration::from_secs(1)
    }

    fn lease_time(&self) -> Duration {
        self.request_time() + TIME_TO_STORE
    }

    /// Takes the stored session when it still serves, or makes a new one and stores it before it is used.
    pub(super) async fn with_session(
        self: &Arc<Self>,
        context: &CallContext,
        way: &SignIn,
        credentials: &Credentials,
        ended: Option<&Access>,
    ) -> Result<Arc<Access>, Error> {
        let stored = self.stored_session(credentials).await?;
        if let Some(stored) = &stored
            && self.serves(stored, ended, access::SPARE)
            // One that another version of the connector made may lack what this one needs, and is replaced.
            && let Ok(access) = self.finish(way, credentials, Some(stored), self.parts.clock.now())
        {
            return Ok(access);
        }
        match self.lease(context, credentials, ended).await? {
            Lease::Renewed(stored) => self.finish(way, credentials, Some(&stored), self.parts.clock.now()),
            Lease::Taken(owner) => {
                let context = context.child_until(context.deadline().min(Instant::now() + self.request_time()));
                let result = self.renewed(&context, way, credentials, ended).await;
                if let Err(error) = self.parts.store.give_back_lease(owner).await {
                    tracing::warn!(%error, "the lease of a session is left to lapse");
                }
                result
            }
        }
    }

    /// Takes the lease, or waits for what its owner stores.
    async fn lease(
        &self,
        context: &CallContext,
        credentials: &Credentials,
        ended: Option<&Access>,
    ) -> Result<Lease, Error> {
        let owner = Uuid::new_v4();
        loop {
            if self.parts.store.take_lease(owner, self.lease_time()).await? {
                return Ok(Lease::Taken(owner));
            }
            let wait = Duration::from_millis(fastrand::u64(WAIT_MS));
            if Instant::now() + wait >= context.deadline() {
                return Err(Error::new(
                    ErrorKind::DeadlineExceeded,
                    "the time was up while another process was signing in",
                ));
            }
            sleep(wait).await;
            if let Some(stored) = self.stored_session(credentials).await?
                && self.serves(&stored, ended, TimeDelta::zero())
            {
                return Ok(Lease::Renewed(stored));
            }
        }
    }

    /// Makes a new session under the lease. What is stored is looked at again: whoever had the lease before may have
    /// renewed it.
    async fn renewed(
        self: &Arc<Self>,
        context: &CallContext,
        way: &SignIn,
        credentials: &Credentials,
        ended: Option<&Access>,
    ) -> Result<Arc<Access>, Error> {
        for _ in 0..MOST_ROUNDS {
            let stored = self.stored_session(credentials).await?;
            if let Some(stored) = &stored
                && self.serves(stored, ended, TimeDelta::zero())
                && let Ok(access) = self.finish(way, credentials, Some(stored), self.parts.clock.now())
            {
                return Ok(access);
            }
            let before = stored.as_ref().map(|stored| stored.version);
            let asked_at = self.parts.clock.now();
            let replaced = self.replaced(way, credentials, ended).await;
            let session = match self.exchange(context, way, credentials, stored.as_ref()).await {
                Ok(session) => session,
                Err(error) if error.kind() == ErrorKind::InvalidCredentials => {
                    self.check_is_no_race(credentials, before, error).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(version) = self.store(&session, before).await? {
                if let Some(replaced) = replaced {
                    self.give_up(context, replaced);
                }
                return self.finish(way, credentials, Some(&StoredSession { version, session }), asked_at);
            }
            // Nobody will use it.
            if way.logout().is_some() {
                let unused = StoredSession { version: 0, session };
                self.give_up(context, self.finish(way, credentials, Some(&unused), asked_at)?);
            }
            return match self.stored_session(credentials).await? {
                Some(other) if self.serves(&other, ended, TimeDelta::zero()) => {
                    self.finish(way, credentials, Some(&other), self.parts.clock.now())
                }
                _ => Err(changed()),
            };
        }
        Err(changed())
    }

    /// Returns the session that a new one takes the place of, when the system is to be told that it is given up. It may
    /// have been made from other credentials.
    async fn replaced(&self, way: &SignIn, credentials: &Credentials, ended: Option<&Access>) -> Option<Arc<Access>> {
        way.logout()?;
        let stored = self.parts.store.load_session().await.ok()??;
        let has_ended = ended.is_some_and(|access| access.session_version() == Some(stored.version));
        if has_ended || self.was_refused(&stored) {
            return None;
        }
        self.finish(way, credentials, Some(&stored), self.parts.clock.now())
            .ok()
    }

    /// Returns whether the system said no to a session.
    pub(super) fn was_refused(&self, stored: &StoredSession) -> bool {
        let current = self.current();
        current.is_some_and(|access| access.session_version() == Some(stored.version) && access.has_ended())
    }

    /// Returns a refusal, unless another process used the refresh token up or somebody replaced the credentials: then it
    /// says nothing about those that are stored now.
    async fn check_is_no_race(
        &self,
        credentials: &Credentials,
        before: Option<i64>,
        refusal: Error,
    ) -> Result<(), Error> {
        if self.is_replaced(credentials.version).await {
            return Err(changed());
        }
        let now = self.stored_session(credentials).await?;
        match now {
            Some(now) if Some(now.version) != before => Ok(()),
            _ => Err(refusal),
        }
    }

    /// Stores a session. A store that fails for a moment is tried again.
    async fn store(&self, session: &Session, replaces: Option<i64>) -> Result<Option<i64>, Error> {
        let mut tries = 1;
        loop {
            match self.parts.store.store_session(session, replaces).await {
                Err(_) if tries < MOST_STORES => sleep(Duration::from_millis(200) * tries).await,
                result => return result,
            }
            tries += 1;
        }
    }

    async fn stored_session(&self, credentials: &Credentials) -> Result<Option<StoredSession>, Error> {
        let stored = self.parts.store.load_session().await?;
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
                .is_none_or(|end| end - margin > self.parts.clock.now())
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
            settings: &self.parts.settings,
            credentials: &values,
            session: &session,
        };
        let asked_at = self.parts.clock.now();
        let (values, lifetime) = match way.needs() {
            Needs::Nothing => (SecretMap::default(), None),
            Needs::Token(_) => self.token(context, way, &variables).await?,
            Needs::Session => self.login(context, way, &variables).await?,
        };
        let lifetime = lifetime.and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
        Ok(Session {
            credentials_version: credentials.version,
            values,
            expires_at: lifetime.and_then(|lifetime| asked_at.checked_add_signed(lifetime)),
        })
    }

    async fn token(
        &self,
        context: &CallContext,
        way: &SignIn,
        variables: &Variables<'_>,
    ) -> Result<(SecretMap, Option<Duration>), Error> {
        let plan = planned(
            self.parts
                .blueprint
                .plan_token(way, variables, &Moment::at(self.parts.clock.now())),
        )?;
        let read = |response: &Response| read_token(response.status.as_u16(), &response.headers, &response.body);
        let classify = |response: &Response| {
            if response.status.is_success() {
                None
            } else {
                read(response).err()
            }
        };
        let is_login = way.needs() == Needs::Token(Grant::Password);
        let response = self.parts.line.exchange_bare(context, &plan, &classify).await;
        let response = response.map_err(|error| if is_login { as_refused_login(error) } else { error })?;
        let token = read(&response)?;
        let mut kept = variables.session.clone();
        kept.insert(ACCESS_TOKEN, token.access_token);
        if let Some(refresh) = token.refresh_token {
            kept.insert(REFRESH_TOKEN, refresh);
        }
        Ok((kept, token.lifetime))
    }

    async fn login(
        &self,
        context: &CallContext,
        way: &SignIn,
        variables: &Variables<'_>,
    ) -> Result<(SecretMap, Option<Duration>), Error> {
        let plan = planned(self.parts.blueprint.plan_login(way, variables))?;
        let classify = |response: &Response| self.parts.line.classify(response);
        let response = self
            .parts
            .line
            .exchange_bare(context, &plan, &classify)
            .await
            .map_err(as_refused_login)?;
        let kept = way.read_login(&response.headers, &response.body)?;
        Ok((kept, way.session_lifetime()))
    }

    pub(super) fn finish(
        &self,
        way: &SignIn,
        credentials: &Credentials,
        stored: Option<&StoredSession>,
        since: DateTime<Utc>,
    ) -> Result<Arc<Access>, Error> {
        let home = if way.keeps_cookies() {
            let none = SecretMap::default();
            let variables = Variables {
                settings: &self.parts.settings,
                credentials: &credentials.values,
                session: &none,
            };
            let login = planned(self.parts.blueprint.plan_login(way, &variables))?;
            Some(parse_address(&login.url)?)
        } else {
            None
        };
        let made = access::Made {
            settings: Arc::clone(&self.parts.settings),
            credentials,
            stored,
            since,
            is_password: way.shows_credentials(),
            clock: &self.parts.clock,
            home,
        };
        Access::new(way, made).map(Arc::new)
    }
}

/// A way to sign in that has sessions can plan how to get one.
fn planned(plan: Result<Option<RequestPlan>, Error>) -> Result<RequestPlan, Error> {
    plan?.ok_or_else(|| Error::new(ErrorKind::Internal, "the way to sign in has no request for a session"))
}

fn changed() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the credentials were changed while signing in; the next call uses the new ones",
    )
}

/// A login has no session that could end and asks for nothing but to be let in: whatever refuses it refuses the
/// credentials.
pub(crate) fn as_refused_login(error: Error) -> Error {
    match (error.kind(), error.status()) {
        (ErrorKind::SessionExpired, _) | (ErrorKind::PermissionDenied, Some(401 | 403)) => {
            as_invalid_credentials(error)
        }
        _ => error,
    }
}

pub(super) fn as_invalid_credentials(error: Error) -> Error {
    if error.kind() == ErrorKind::InvalidCredentials {
        return error;
    }
    let remote = (
        error.remote_code().map(str::to_owned),
        error.remote_message().map(str::to_owned),
    );
    let invalid = Error::new(ErrorKind::InvalidCredentials, "the system refused the credentials")
        .with_remote(remote.0, remote.1)
        .with_reason(error.reason());
    match error.status() {
        Some(status) => invalid.with_status(status),
        None => invalid,
    }
}
