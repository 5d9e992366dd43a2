//! How many requests a described system answers in a window of time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::load::Loader;
use super::yaml::Node;
use crate::account::Account;

/// A number of requests in a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    requests: u64,
    window: Duration,
    is_shared: bool,
}

/// The windows of a running system.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<HashMap<(usize, Option<Account>), Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    used: u64,
}

impl Limit {
    pub(crate) fn read_all(loader: &mut Loader, node: &Node) -> Vec<Self> {
        let mut limits = Vec::new();
        for element in loader.list(node, "limits") {
            let mut fields = loader.fields(element, "a limit");
            let requests = fields
                .require(loader, "requests")
                .map(|node| loader.number(node, "requests"));
            let seconds = fields.require(loader, "per_s").map(|node| loader.number(node, "per_s"));
            let is_shared = fields
                .word(loader, "scope", &[("account", false), ("all", true)])
                .unwrap_or(false);
            fields.finish(loader);
            limits.extend(requests.zip(seconds).map(|(requests, seconds)| Self {
                requests,
                window: Duration::from_secs(seconds),
                is_shared,
            }));
        }
        limits
    }
}

impl Windows {
    /// Counts a request; returns what is told about the tightest limit and whether the request is one too many.
    pub(crate) fn take(&self, limits: &[Limit], account: Account) -> (Json, bool) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mut told: Option<(u64, Json)> = None;
        let mut is_over = false;
        for (at, limit) in limits.iter().enumerate() {
            let key = (at, (!limit.is_shared).then_some(account));
            let window = windows.entry(key).or_insert(Window { began: now, used: 0 });
            if now.duration_since(window.began) >= limit.window {
                *window = Window { began: now, used: 0 };
            }
            window.used += 1;
            is_over |= window.used > limit.requests;
            let remaining = limit.requests.saturating_sub(window.used);
            let left = limit.window.saturating_sub(now.duration_since(window.began));
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            if told.as_ref().is_none_or(|(least, _)| remaining < *least) {
                let limit = json!({
                    "limit": limit.requests, "remaining": remaining, "reset_s": seconds, "wait_s": seconds,
                });
                told = Some((remaining, limit));
            }
        }
        (told.map(|(_, limit)| limit).unwrap_or_default(), is_over)
    }
}
