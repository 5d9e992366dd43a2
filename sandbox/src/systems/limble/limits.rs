//! The request limits of Limble: two sliding windows for each key pair and method, told by headers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Returns how many requests of a method an hour and a minute take.
fn quota(method: &Method) -> (usize, usize) {
    match *method {
        Method::PATCH => (2000, 240),
        Method::POST | Method::PUT => (1000, 240),
        Method::DELETE => (100, 60),
        _ => (4000, 360),
    }
}

/// Counts the requests of every key pair.
#[derive(Debug, Default)]
pub(super) struct Limits {
    calls: Mutex<HashMap<(String, Method), VecDeque<Instant>>>,
}

impl Limits {
    /// Counts one request and returns what is left.
    pub(super) fn take(&self, client: &str, method: &Method) -> Allowance {
        self.take_at(client, method, Instant::now())
    }

    fn take_at(&self, client: &str, method: &Method, now: Instant) -> Allowance {
        let (hour, minute) = quota(method);
        let mut all = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = all.entry((client.to_owned(), method.clone())).or_default();
        while calls.front().is_some_and(|first| now.duration_since(*first) >= HOUR) {
            calls.pop_front();
        }
        let recent = calls
            .iter()
            .rev()
            .take_while(|call| now.duration_since(**call) < MINUTE)
            .count();
        let is_refused = calls.len() >= hour || recent >= minute;
        let recent_before = recent;
        if !is_refused {
            calls.push_back(now);
        }
        let recent = if is_refused { recent_before } else { recent_before + 1 };
        let oldest_recent = calls.get(calls.len().saturating_sub(recent));
        Allowance {
            hour: Window::new(hour, calls.len(), calls.front().copied(), HOUR, now),
            minute: Window::new(minute, recent, oldest_recent.copied(), MINUTE, now),
            is_refused,
        }
    }
}

/// The state of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    limit: usize,
    remaining: usize,
    /// How long ago its first request came.
    age: Duration,
    /// How long until it takes one more; only when it is exhausted.
    wait: Option<Duration>,
}

impl Window {
    fn new(limit: usize, used: usize, first: Option<Instant>, length: Duration, now: Instant) -> Self {
        let age = first.map_or(Duration::ZERO, |first| now.duration_since(first));
        let wait = (used >= limit).then(|| length.saturating_sub(age));
        Self {
            limit,
            remaining: limit.saturating_sub(used),
            age,
            wait,
        }
    }
}

/// What a key pair has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowance {
    hour: Window,
    minute: Window,
    is_refused: bool,
}

impl Allowance {
    /// Says whether the request was over a limit.
    pub(super) fn is_exhausted(&self) -> bool {
        self.is_refused
    }

    /// Writes the headers every answer carries.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        for (prefix, window) in [("x-ratelimit-", &self.hour), ("x-ratelimit-minute-", &self.minute)] {
            let first = Utc::now().timestamp() - i64::try_from(window.age.as_secs()).unwrap_or_default();
            let mut values = vec![
                ("limit", window.limit.to_string()),
                ("remaining", window.remaining.to_string()),
                ("first-call", first.to_string()),
            ];
            if let Some(wait) = window.wait {
                values.push(("ttl", (wait.as_secs() + 1).to_string()));
            }
            for (name, value) in values {
                let name = HeaderName::try_from(format!("{prefix}{name}"));
                if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                    headers.insert(name, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_slides() {
        let limits = Limits::default();
        let start = Instant::now();
        for _ in 0..60 {
            assert!(!limits.take_at("a", &Method::DELETE, start).is_exhausted());
        }
        let refused = limits.take_at("a", &Method::DELETE, start + Duration::from_secs(59));
        assert!(refused.is_exhausted());
        assert_eq!(refused.minute.wait, Some(Duration::from_secs(1)));
        assert!(!limits.take_at("b", &Method::DELETE, start).is_exhausted());
        assert!(!limits.take_at("a", &Method::DELETE, start + MINUTE).is_exhausted());
        for _ in 0..39 {
            assert!(!limits.take_at("a", &Method::DELETE, start + MINUTE).is_exhausted());
        }
        let refused = limits.take_at("a", &Method::DELETE, start + MINUTE * 2);
        assert!(refused.is_exhausted());
        assert_eq!(refused.hour.remaining, 0);
        assert_eq!(refused.minute.remaining, 60);
        assert!(!limits.take_at("a", &Method::DELETE, start + HOUR).is_exhausted());
    }
}
