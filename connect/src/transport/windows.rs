//! The windows of calls of rates, and whose calls stand in which: those of one connection, of all with the same
//! credentials, or of all to the same host.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use http::Method;
use regex::Regex;
use tokio::time::Instant;

use crate::{
    manifest::{Rate, RateScope},
    template::SecretMap,
};

/// From so many windows on, those that nobody needs any more are given up.
const MANY: usize = 256;

/// The moments of the calls of a window, oldest first.
pub(super) type Moments = VecDeque<Instant>;
pub(super) type Window = Arc<Mutex<Moments>>;

/// The windows that connections share. Clones are the same windows.
#[derive(Clone, Default)]
pub struct SharedWindows(Arc<Mutex<HashMap<Key, Window>>>);

/// Shows how many there are: digests of credentials are for no log.
impl fmt::Debug for SharedWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("SharedWindows").field("count", &windows.len()).finish()
    }
}

/// Which window of which rate.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// The kind of system, the place of the rate in its manifest, and what it allows.
    rate: (Arc<str>, usize, usize, Duration),
    whose: Whose,
    method: Option<Method>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Whose {
    Connection,
    /// A digest of the credentials, and the host.
    Credentials([u8; 32], Box<str>),
    Host(Box<str>),
}

/// A call that is about to be made.
#[derive(Clone, Copy)]
pub(crate) struct Counted<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a str,
    /// What it is signed in with, if it is.
    pub(crate) credentials: Option<&'a SecretMap>,
    /// How many calls it is.
    pub(crate) calls: u32,
}

/// One rate of a system.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) calls: usize,
    pub(super) length: Duration,
    at: usize,
    methods: Vec<Method>,
    per_method: bool,
    scope: RateScope,
    costs: Vec<(Vec<Method>, Option<Regex>, usize)>,
}

impl Limit {
    pub(super) fn new(at: usize, rate: &Rate) -> Self {
        let costs = rate.costs.iter().map(|cost| {
            let path = cost.path.as_ref().and_then(|path| Regex::new(path).ok());
            (methods(&cost.methods), path, size(cost.cost))
        });
        Self {
            calls: size(rate.calls),
            length: Duration::from_secs(rate.per_s.into()),
            at,
            methods: methods(&rate.methods),
            per_method: rate.per_method,
            scope: rate.scope,
            costs: costs.collect(),
        }
    }

    pub(super) fn counts(&self, call: &Counted<'_>) -> bool {
        self.methods.is_empty() || self.methods.contains(call.method)
    }

    /// Returns as how many calls one counts; never as more than the window holds.
    pub(super) fn weight(&self, call: &Counted<'_>) -> usize {
        let path = || path_of(call.url);
        let fits = |(methods, pattern, _): &&(Vec<Method>, Option<Regex>, usize)| {
            (methods.is_empty() || methods.contains(call.method))
                && pattern.as_ref().is_none_or(|pattern| pattern.is_match(path()))
        };
        let cost = self.costs.iter().find(fits).map_or(1, |(.., cost)| *cost);
        cost.saturating_mul(size(call.calls)).min(self.calls)
    }

    /// Returns the window of a call, among those of the connection or those that are shared.
    pub(super) fn window(
        &self,
        system: &Arc<str>,
        own: &SharedWindows,
        shared: &SharedWindows,
        call: &Counted<'_>,
    ) -> Window {
        let host = || origin_of(call.url).to_ascii_lowercase().into_boxed_str();
        let whose = match (self.scope, call.credentials) {
            (RateScope::Connection, _) | (RateScope::Credentials, None) => Whose::Connection,
            (RateScope::Credentials, Some(credentials)) => Whose::Credentials(digest_of(credentials), host()),
            (RateScope::Host, _) => Whose::Host(host()),
        };
        let windows = if whose == Whose::Connection { own } else { shared };
        let key = Key {
            rate: (Arc::clone(system), self.at, self.calls, self.length),
            whose,
            method: self.per_method.then(|| call.method.clone()),
        };
        windows.window(key)
    }
}

impl SharedWindows {
    fn window(&self, key: Key) -> Window {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MANY && !windows.contains_key(&key) {
            let now = Instant::now();
            windows.retain(|key, window| {
                let last = lock(window).back().copied();
                Arc::strong_count(window) > 1 || last.is_some_and(|last| last + key.rate.3 > now)
            });
        }
        Arc::clone(windows.entry(key).or_default())
    }
}

pub(super) fn lock(window: &Window) -> MutexGuard<'_, Moments> {
    window.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(number: u32) -> usize {
    usize::try_from(number.max(1)).unwrap_or(usize::MAX)
}

fn methods(names: &[String]) -> Vec<Method> {
    let methods = names.iter();
    methods
        .filter_map(|name| Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok())
        .collect()
}

/// Returns the scheme and the host of an address.
fn origin_of(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let host = url.get(start..).unwrap_or_default();
    let end = host.find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or_default()
}

fn path_of(url: &str) -> &str {
    let behind = url.get(origin_of(url).len()..).unwrap_or_default();
    behind.split(['?', '#']).next().unwrap_or_default()
}

fn digest_of(credentials: &SecretMap) -> [u8; 32] {
    let mut all: Vec<(&str, &str)> = credentials.iter().collect();
    all.sort_unstable();
    let mut context = Context::new(&SHA256);
    for text in all.into_iter().flat_map(|(name, value)| [name, value]) {
        context.update(&text.len().to_le_bytes());
        context.update(text.as_bytes());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
