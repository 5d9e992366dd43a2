//! Signs requests in: loads credentials, exchanges them for a session where the system wants one, and renews it.
//!
//! Whatever many callers need at once is done once: one flight at a time logs in, and all wait for it. A session whose
//! end is near is renewed while it still serves. Credentials that the system refused are not used again until they are
//! replaced.

mod access;
mod farewell;
mod jar;
mod renew;

#[cfg(test)]
mod assertion_tests;
#[cfg(test)]
mod cookie_tests;
#[cfg(test)]
mod lease_tests;
#[cfg(test)]
mod signing_tests;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use lineshaft_schema::ConnectionId;
use serde_json::{Map, Value};
use tokio::time::Instant;
use tracing::Instrument as _;

pub(crate) use access::Access;
pub use farewell::Farewell;
pub(crate) use jar::set_cookies;
pub(crate) use renew::as_refused_login;

use super::Line;
use crate::{
    blueprint::{Blueprint, Needs, SignIn},
    context::CallContext,
    error::{CredentialReason, Error, ErrorKind},
    layers::observe,
    store::{Clock, CredentialStore, Observation, Observer, Operation},
    template::SecretMap,
};

/// How long a renewal ahead of the end is left alone after it was tried.
const PAUSE_AHEAD: Duration = Duration::from_secs(10);

type Outcome = Result<Arc<Access>, Error>;

/// A sign-in under way.
struct Flight {
    outcome: Shared<BoxFuture<'static, Outcome>>,
    over: Arc<AtomicBool>,
}

/// Credentials that the system refused.
#[derive(Clone, Copy)]
struct Refused {
    version: i64,
    reason: Option<CredentialReason>,
}

/// What an authorizer is made of.
pub(crate) struct Parts {
    pub(crate) connection: ConnectionId,
    pub(crate) line: Arc<Line>,
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) settings: Arc<Map<String, Value>>,
    pub(crate) store: Arc<dyn CredentialStore>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Signs the requests of one connection in.
pub(crate) struct Authorizer {
    parts: Parts,
    current: RwLock<Option<Arc<Access>>>,
    flight: Mutex<Option<Flight>>,
    refused: Mutex<Option<Refused>>,
    /// When a renewal ahead of the end may be tried again.
    ahead_from: Mutex<Option<Instant>>,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

impl Authorizer {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            current: RwLock::default(),
            flight: Mutex::default(),
            refused: Mutex::default(),
            ahead_from: Mutex::default(),
        }
    }

    /// Returns what requests are signed in with, signing in first if need be.
    pub(crate) async fn access(self: &Arc<Self>, context: &CallContext) -> Result<Arc<Access>, Error> {
        match self.present(context) {
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

    /// Notes that the system refused a sign-in for good, and returns the failure to tell. Returns nothing when the
    /// credentials have been replaced meanwhile, so that the new ones are worth a try.
    pub(crate) async fn refuse(&self, access: &Access, error: Error) -> Option<Error> {
        access.end();
        let version = access.credentials_version();
        let is_newer = match self.current() {
            Some(current) if current.credentials_version() > version => true,
            _ => self.is_replaced(version).await,
        };
        if is_newer {
            return None;
        }
        let error = renew::as_invalid_credentials(error);
        self.note_refusal(version, error.reason());
        Some(error)
    }

    /// Returns whether other credentials than those of this version are stored.
    async fn is_replaced(&self, version: i64) -> bool {
        let stored = self.parts.store.load().await;
        stored.is_ok_and(|stored| stored.version != version)
    }

    /// Forgets the present sign-in, so that replaced credentials are taken up at once.
    pub(crate) fn forget(&self) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns whether the system refused the credentials and nothing is sent until they are replaced.
    pub(crate) fn is_refused(&self) -> bool {
        lock(&self.refused).is_some()
    }

    /// Returns the present sign-in while it serves. When its end is near, its renewal begins aside.
    pub(crate) fn present(self: &Arc<Self>, context: &CallContext) -> Option<Arc<Access>> {
        let access = self.serving()?;
        if access.is_due(&*self.parts.clock) {
            self.renew_ahead(context, &access);
        }
        self.keep_alive(context, &access);
        Some(access)
    }

    fn serving(&self) -> Option<Arc<Access>> {
        self.current().filter(|access| access.is_alive(&*self.parts.clock))
    }

    fn current(&self) -> Option<Arc<Access>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_refusal(&self, version: i64, reason: Option<CredentialReason>) {
        *lock(&self.refused) = Some(Refused { version, reason });
    }

    /// Joins the flight under way, or starts one. It goes on when its callers leave: a refresh token that was used up
    /// must not be lost on the way to the store.
    fn join(
        self: &Arc<Self>,
        context: &CallContext,
        ended: Option<Arc<Access>>,
    ) -> Shared<BoxFuture<'static, Outcome>> {
        let mut flight = lock(&self.flight);
        if let Some(under_way) = under_way(&flight) {
            return under_way;
        }
        if let Some(access) = self.serving() {
            return std::future::ready(Ok(access)).boxed().shared();
        }
        let (authorizer, context) = (Arc::clone(self), context.child_until(self.latest_end()));
        let task = async move { authorizer.sign_in(&context, ended.as_deref()).await };
        start(&mut flight, task.boxed())
    }

    /// Renews a sign-in that still serves, unless that is under way, was just tried, or is of no use.
    fn renew_ahead(self: &Arc<Self>, context: &CallContext, access: &Access) {
        let is_refused = lock(&self.refused).is_some_and(|refused| refused.version == access.credentials_version());
        if is_refused || self.parts.line.is_held_back() {
            return;
        }
        let mut flight = lock(&self.flight);
        let mut from = lock(&self.ahead_from);
        let now = Instant::now();
        if under_way(&flight).is_some() || from.is_some_and(|from| now < from) {
            return;
        }
        *from = Some(now + PAUSE_AHEAD);
        let authorizer = Arc::clone(self);
        let context = CallContext::new(self.latest_end(), context.request_id());
        let task = async move {
            let result = authorizer.sign_in(&context, None).await;
            let observation = Observation {
                connection: authorizer.parts.connection,
                operation: Operation::Renew,
                kind: None,
                error: result.as_ref().err(),
                latency: now.elapsed(),
                calls: context.calls(),
            };
            observe::tell(&*authorizer.parts.observer, &observation);
            result
        };
        drop(start(&mut flight, task.boxed()));
    }

    async fn sign_in(self: &Arc<Self>, context: &CallContext, ended: Option<&Access>) -> Result<Arc<Access>, Error> {
        let credentials = self.parts.store.load().await?;
        let refused = *lock(&self.refused);
        if let Some(refused) = refused
            && refused.version == credentials.version
        {
            return Err(Error::new(
                ErrorKind::ReauthorizationRequired,
                "the system refused the credentials; nothing is sent until somebody signs in again",
            )
            .with_reason(refused.reason));
        }
        let way = self.way_for(&credentials.values)?;
        let result = if way.needs() == Needs::Nothing {
            self.finish(way, &credentials, None, self.parts.clock.now())
        } else {
            self.with_session(context, way, &credentials, ended).await
        };
        match &result {
            Ok(access) => {
                *lock(&self.refused) = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(access));
            }
            Err(error) if error.kind() == ErrorKind::InvalidCredentials => {
                self.note_refusal(credentials.version, error.reason());
            }
            Err(_) => {}
        }
        result
    }

    /// Returns the way to sign in whose credentials are all given.
    fn way_for(&self, credentials: &SecretMap) -> Result<&SignIn, Error> {
        let blueprint = &self.parts.blueprint;
        blueprint.sign_in_with(credentials).ok_or_else(|| {
            let ways = blueprint.sign_ins().iter();
            let needed: Vec<String> = ways.map(|way| way.credentials().join(", ")).collect();
            let message = format!("credentials are missing; needed are {}", needed.join("; or "));
            Error::new(ErrorKind::InvalidSettings, message)
        })
    }
}

/// Starts a flight. It is a task of its own, so that it goes on when nobody waits for it.
fn start(flight: &mut Option<Flight>, task: BoxFuture<'static, Outcome>) -> Shared<BoxFuture<'static, Outcome>> {
    let over = Arc::new(AtomicBool::new(false));
    let ends = Ends(Arc::clone(&over));
    let task = async move {
        let _ends = ends;
        task.await
    };
    let task = tokio::spawn(task.in_current_span());
    let outcome = async move {
        task.await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the sign-in was broken off")))
    }
    .boxed()
    .shared();
    *flight = Some(Flight {
        outcome: outcome.clone(),
        over,
    });
    outcome
}

/// Says that a flight is over, also when it is broken off.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn under_way(flight: &Option<Flight>) -> Option<Shared<BoxFuture<'static, Outcome>>> {
    let flight = flight.as_ref()?;
    (!flight.over.load(Ordering::Acquire)).then(|| flight.outcome.clone())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
