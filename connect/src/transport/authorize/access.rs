//! What requests are signed in with, from one sign-in to its end.

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};
use url::Url;

use super::jar::Jar;
use crate::{
    blueprint::{Moment, Needs, SignIn, Signing},
    error::{Error, ErrorKind},
    request::RequestPlan,
    store::{Clock, Credentials, StoredSession},
    template::{SecretMap, Variables},
};

/// One sign-in: the variables of requests and the headers that go with each.
pub(crate) struct Access {
    settings: Arc<Map<String, Value>>,
    credentials: SecretMap,
    credentials_version: i64,
    session: SecretMap,
    session_version: Option<i64>,
    headers: HeaderMap,
    /// How each attempt is signed, and the clock that tells when.
    signing: Option<(Arc<Signing>, Arc<dyn Clock>)>,
    /// From when on it is renewed while it still serves, and until when it serves.
    term: Option<(DateTime<Utc>, DateTime<Utc>)>,
    renewable: bool,
    ended: AtomicBool,
    proven: AtomicBool,
    first: Arc<Mutex<()>>,
    jar: Option<Jar>,
    /// How often the session is kept from ending, and when that was done last.
    kept_alive: Option<(Duration, std::sync::Mutex<Instant>)>,
}

/// What an access is made of.
pub(super) struct Made<'a> {
    pub(super) settings: Arc<Map<String, Value>>,
    pub(super) credentials: &'a Credentials,
    pub(super) stored: Option<&'a StoredSession>,
    /// When the session was made, or loaded.
    pub(super) since: DateTime<Utc>,
    /// Whether each request carries a password, which a system may lock after wrong tries.
    pub(super) is_password: bool,
    pub(super) clock: &'a Arc<dyn Clock>,
    /// Where the cookies of the session belong.
    pub(super) home: Option<Url>,
}

/// An attempt with its signature.
pub(crate) struct Attempt {
    /// The request as it is sent, with an address that may carry the signature; it is neither shown nor logged.
    pub(crate) plan: RequestPlan,
    /// The headers of the sign-in, those of the signature included.
    pub(crate) headers: HeaderMap,
}

impl Access {
    pub(super) fn new(sign_in: &SignIn, made: Made<'_>) -> Result<Self, Error> {
        let Made {
            settings,
            credentials,
            stored,
            since,
            is_password,
            clock,
            home,
        } = made;
        let session = stored.map(|stored| stored.session.values.clone()).unwrap_or_default();
        let variables = Variables {
            settings: &settings,
            credentials: &credentials.values,
            session: &session,
        };
        let headers = secret_headers(sign_in.headers(&variables)?)?;
        let end = stored.and_then(|stored| stored.session.expires_at);
        Ok(Self {
            headers,
            signing: sign_in
                .signing()
                .map(|signing| (Arc::clone(signing), Arc::clone(clock))),
            credentials: credentials.values.clone(),
            credentials_version: credentials.version,
            session_version: stored.map(|stored| stored.version),
            term: end.map(|end| term(end, since)),
            renewable: sign_in.needs() != Needs::Nothing,
            ended: AtomicBool::new(false),
            proven: AtomicBool::new(!is_password),
            first: Arc::default(),
            jar: home.map(|home| Jar::new(home, &session)),
            kept_alive: sign_in
                .keep_alive_every()
                .map(|every| (every, std::sync::Mutex::new(Instant::now()))),
            settings,
            session,
        })
    }

    /// Returns the variables of the templates of requests.
    pub(crate) fn variables(&self) -> Variables<'_> {
        Variables {
            settings: &self.settings,
            credentials: &self.credentials,
            session: &self.session,
        }
    }

    /// Returns the credentials that it was made with.
    pub(crate) const fn credentials(&self) -> &SecretMap {
        &self.credentials
    }

    /// Returns the headers that sign a request in.
    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Signs one attempt, whose other headers of the sign-in are these; none when attempts are not signed.
    ///
    /// # Errors
    /// Names the credential that is of no use.
    pub(crate) fn sign(&self, plan: &RequestPlan, headers: &HeaderMap) -> Result<Option<Attempt>, Error> {
        let Some((signing, clock)) = &self.signing else {
            return Ok(None);
        };
        let signature = signing.sign(plan, &self.variables(), &Moment::at(clock.now()))?;
        let mut headers = headers.clone();
        headers.extend(secret_headers(signature.headers)?);
        let mut plan = plan.clone();
        if let Some(url) = signature.url {
            plan.url = url;
        }
        Ok(Some(Attempt { plan, headers }))
    }

    /// Returns the headers of a request to an address with the cookies of the session; nothing when there are none.
    pub(crate) fn with_cookies(&self, headers: &HeaderMap, address: &str) -> Option<HeaderMap> {
        self.jar.as_ref()?.added_to(headers, address)
    }

    /// Takes the cookies that an answer sets.
    pub(crate) fn take_cookies(&self, address: &str, answer: &HeaderMap) {
        if let Some(jar) = &self.jar {
            jar.renew(address, answer, Utc::now());
        }
    }

    /// Returns whether it is time to keep the session from ending; says so once.
    pub(super) fn take_turn_to_keep_alive(&self) -> bool {
        let Some((every, last)) = &self.kept_alive else {
            return false;
        };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.elapsed() >= *every;
        if is_due {
            *last = Instant::now();
        }
        is_due
    }

    /// Iterates over everything that must not be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.credentials.iter().chain(self.session.iter())
    }

    /// Returns whether another sign-in with the same credentials can replace it.
    pub(crate) const fn is_renewable(&self) -> bool {
        self.renewable
    }

    pub(crate) const fn credentials_version(&self) -> i64 {
        self.credentials_version
    }

    pub(super) const fn session_version(&self) -> Option<i64> {
        self.session_version
    }

    /// Returns whether the system said no to it.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn is_alive(&self, clock: &dyn Clock) -> bool {
        !self.ended.load(Ordering::Acquire) && self.term.is_none_or(|(_, until)| clock.now() < until)
    }

    /// Returns whether it is time to renew it.
    pub(super) fn is_due(&self, clock: &dyn Clock) -> bool {
        self.term.is_some_and(|(from, _)| clock.now() >= from)
    }

    /// Refuses to send when the system has already said no to this sign-in.
    pub(crate) fn check_alive(&self) -> Result<(), Error> {
        if !self.ended.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = "the system refused this sign-in before the request was sent";
        Err(Error::new(ErrorKind::ReauthorizationRequired, message))
    }

    /// Ends it: the system said no to it.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Notes that the system accepted it.
    pub(crate) fn prove(&self) {
        if !self.proven.load(Ordering::Relaxed) {
            self.proven.store(true, Ordering::Release);
        }
    }

    /// Lets requests with a password that the system has not accepted yet go one at a time, because some systems lock
    /// the account after three wrong ones.
    pub(crate) async fn wait_until_proven(&self) -> Option<OwnedMutexGuard<()>> {
        if self.proven.load(Ordering::Acquire) {
            return None;
        }
        let alone = Arc::clone(&self.first).lock_owned().await;
        (!self.proven.load(Ordering::Acquire)).then_some(alone)
    }

    /// Makes an access with credentials and nothing else.
    #[cfg(test)]
    pub(crate) fn for_tests<const N: usize>(credentials: [(&str, &str); N]) -> Self {
        Self {
            settings: Arc::default(),
            credentials: credentials.into_iter().collect(),
            credentials_version: 1,
            jar: None,
            kept_alive: None,
            session: SecretMap::default(),
            session_version: None,
            headers: HeaderMap::new(),
            signing: None,
            term: None,
            renewable: false,
            ended: AtomicBool::new(false),
            proven: AtomicBool::new(true),
            first: Arc::default(),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("credentials", &self.credentials)
            .field("session", &self.session)
            .field("term", &self.term)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

fn secret_headers(headers: Vec<(String, String)>) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        let unfit = || {
            Error::new(
                ErrorKind::InvalidSettings,
                format!("a credential does not fit the header `{name}`"),
            )
        };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| unfit())?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}

/// How long before its end a session is used no more, so that requests do not arrive after it.
pub(super) const SPARE: TimeDelta = TimeDelta::seconds(10);
/// How long before its end a session is renewed at the latest.
const AHEAD: TimeDelta = TimeDelta::seconds(60);

/// Returns from when on a session is renewed, and until when it is used. It is renewed a minute before its end, or a
/// tenth of its life if that is more; short ones at half of their life.
fn term(end: DateTime<Utc>, since: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let life = (end - since).max(TimeDelta::zero());
    let ahead = AHEAD.max(life / 10).min(life / 2);
    (end - ahead, end - SPARE.min(life / 10))
}
