//! Keeps a connection below the rates of its system, and silent while the system asks for a pause.
//!
//! Each window remembers when its last calls were made, so that no stretch of its length ever holds more calls than
//! allowed. A caller reserves its moment and waits for it; callers go in the order in which they came.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::Method;
use tokio::time::{Instant, sleep_until};

use crate::{
    error::{Error, ErrorKind},
    manifest::Rate,
};

const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(30);

/// The rates of one connection.
#[derive(Debug)]
pub(crate) struct Rates {
    limits: Vec<Limit>,
    /// The moments of the calls of each window, oldest first.
    moments: Mutex<Vec<VecDeque<Instant>>>,
    start: Instant,
    /// Milliseconds after `start` until which nothing is sent; 0 when there is no pause.
    paused_until: AtomicU64,
    /// How often in a row the system asked for a pause without saying for how long.
    unspecified: AtomicU32,
}

#[derive(Debug)]
struct Limit {
    calls: usize,
    length: Duration,
    methods: Vec<Method>,
}

impl Limit {
    fn counts(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }
}

impl Rates {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let limits: Vec<Limit> = rates
            .iter()
            .map(|rate| Limit {
                calls: usize::try_from(rate.calls.max(1)).unwrap_or(usize::MAX),
                length: Duration::from_secs(rate.per_s.into()),
                methods: rate
                    .methods
                    .iter()
                    .filter_map(|name| Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok())
                    .collect(),
            })
            .collect();
        Self {
            moments: Mutex::new(limits.iter().map(|_| VecDeque::new()).collect()),
            limits,
            start: Instant::now(),
            paused_until: AtomicU64::new(0),
            unspecified: AtomicU32::new(0),
        }
    }

    /// Waits for the moment at which a call may be made. Refuses at once when that is behind the deadline.
    pub(crate) async fn wait(&self, method: &Method, deadline: Instant) -> Result<(), Error> {
        loop {
            self.wait_for_pause(deadline).await?;
            if !self.limits.iter().any(|limit| limit.counts(method)) {
                return Ok(());
            }
            let reservation = self.reserve(method, deadline)?;
            if reservation.moment > Instant::now() {
                sleep_until(reservation.moment).await;
            }
            if self.paused_until().is_none() {
                reservation.keep();
                return Ok(());
            }
        }
    }

    /// Keeps the connection silent for as long as the system asks; without a wish, longer each time in a row.
    pub(crate) fn pause(&self, asked: Option<Duration>) {
        let time = asked.map_or_else(
            || {
                let before = self.unspecified.fetch_add(1, Ordering::Relaxed);
                Duration::from_secs(1 << before.min(5)).min(LONGEST_OWN_PAUSE)
            },
            |asked| asked.min(LONGEST_PAUSE),
        );
        let until = u64::try_from((self.start.elapsed() + time).as_millis()).unwrap_or(u64::MAX);
        self.paused_until.fetch_max(until.max(1), Ordering::Relaxed);
    }

    /// Notes that the system took a call.
    pub(crate) fn taken(&self) {
        if self.unspecified.load(Ordering::Relaxed) != 0 {
            self.unspecified.store(0, Ordering::Relaxed);
        }
    }

    /// Returns the end of the present pause.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        let until = self.paused_until.load(Ordering::Relaxed);
        if until == 0 {
            return None;
        }
        let moment = self.start + Duration::from_millis(until);
        if moment > Instant::now() {
            return Some(moment);
        }
        // A longer pause that began meanwhile stays.
        let _ = self
            .paused_until
            .compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        None
    }

    async fn wait_for_pause(&self, deadline: Instant) -> Result<(), Error> {
        while let Some(until) = self.paused_until() {
            if until >= deadline {
                let message = "the system asked for a pause that is longer than the query's time; nothing was sent";
                return Err(refusal(message, until));
            }
            sleep_until(until).await;
        }
        Ok(())
    }

    fn reserve(&self, method: &Method, deadline: Instant) -> Result<Reservation<'_>, Error> {
        let now = Instant::now();
        let mut windows = self.windows();
        let mut moment = now;
        for (limit, window) in self.limits.iter().zip(windows.iter_mut()) {
            while window.front().is_some_and(|oldest| *oldest + limit.length <= now) {
                window.pop_front();
            }
            if limit.counts(method)
                && let Some(at) = window.len().checked_sub(limit.calls)
                && let Some(blocking) = window.get(at)
            {
                moment = moment.max(*blocking + limit.length);
            }
        }
        if moment >= deadline && moment > now {
            return Err(refusal(
                "the system's rate limit leaves no room in the query's time; nothing was sent",
                moment,
            ));
        }
        for (limit, window) in self.limits.iter().zip(windows.iter_mut()) {
            if limit.counts(method) {
                let at = window.partition_point(|other| *other <= moment);
                window.insert(at, moment);
            }
        }
        drop(windows);
        Ok(Reservation {
            rates: self,
            method: method.clone(),
            moment,
            kept: false,
        })
    }

    fn windows(&self) -> MutexGuard<'_, Vec<VecDeque<Instant>>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(message: &str, until: Instant) -> Error {
    let wait = until.saturating_duration_since(Instant::now());
    Error::new(ErrorKind::RateLimited, message).with_retry_after(Some(wait))
}

/// A reserved moment; given back when its caller leaves before.
struct Reservation<'a> {
    rates: &'a Rates,
    method: Method,
    moment: Instant,
    kept: bool,
}

impl Reservation<'_> {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut windows = self.rates.windows();
        for (limit, window) in self.rates.limits.iter().zip(windows.iter_mut()) {
            if limit.counts(&self.method)
                && let Ok(at) = window.binary_search(&self.moment)
            {
                window.remove(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn rate(calls: u32, per_s: u32, methods: &[&str]) -> Rate {
        Rate {
            calls,
            per_s,
            methods: methods.iter().map(ToString::to_string).collect(),
        }
    }

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn calls_above_the_rate_wait_for_the_window() {
        let rates = Rates::new(&[rate(2, 10, &[])]);
        let start = Instant::now();
        for expected in [0, 0, 10, 10, 20] {
            rates.wait(&Method::GET, in_seconds(3600)).await.unwrap();
            assert_eq!(start.elapsed().as_secs(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_behind_the_deadline_is_refused_at_once() {
        let rates = Rates::new(&[rate(1, 60, &[])]);
        rates.wait(&Method::GET, in_seconds(5)).await.unwrap();
        let before = Instant::now();
        let error = rates.wait(&Method::GET, in_seconds(5)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_after()),
            (ErrorKind::RateLimited, Some(Duration::from_secs(60)))
        );
        assert_eq!(before, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn methods_have_windows_of_their_own() {
        let rates = Rates::new(&[rate(1, 60, &["post"]), rate(3, 1, &[])]);
        rates.wait(&Method::POST, in_seconds(1)).await.unwrap();
        assert!(rates.wait(&Method::POST, in_seconds(5)).await.is_err());
        rates.wait(&Method::GET, in_seconds(1)).await.unwrap();
        rates.wait(&Method::GET, in_seconds(1)).await.unwrap();
        assert!(rates.wait(&Method::GET, in_seconds(1)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_out_before_the_pause_is_over() {
        let rates = Arc::new(Rates::new(&[rate(1, 5, &[])]));
        rates.wait(&Method::GET, in_seconds(1)).await.unwrap();
        let waiting = tokio::spawn({
            let rates = Arc::clone(&rates);
            async move { rates.wait(&Method::GET, in_seconds(100)).await }
        });
        tokio::task::yield_now().await;
        let start = Instant::now();
        rates.pause(Some(Duration::from_secs(30)));
        let refused = rates.wait(&Method::GET, in_seconds(10)).await.unwrap_err();
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(30)));
        waiting.await.unwrap().unwrap();
        assert!(start.elapsed() >= Duration::from_secs(30));
        assert!(rates.paused_until().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_without_a_wish_grow_until_a_call_is_taken() {
        let rates = Rates::new(&[]);
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            let start = Instant::now();
            rates.pause(None);
            rates.wait(&Method::GET, in_seconds(100)).await.unwrap();
            assert_eq!(start.elapsed().as_millis().div_ceil(1000), expected);
        }
        rates.taken();
        rates.pause(None);
        assert!(rates.paused_until().unwrap() <= in_seconds(1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_gives_the_moment_back() {
        let rates = Rates::new(&[rate(1, 10, &[])]);
        rates.wait(&Method::GET, in_seconds(1)).await.unwrap();
        let left = tokio::time::timeout(Duration::from_secs(1), rates.wait(&Method::GET, in_seconds(100))).await;
        assert!(left.is_err());
        let start = Instant::now();
        rates.wait(&Method::GET, in_seconds(100)).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(9));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_stretch_of_a_window_holds_more_calls_than_allowed(
            calls in 1_u32..6, length in 1_u32..8, more in 1_u32..20, longer in 5_u32..40,
            gaps in prop::collection::vec(0_u64..3000, 1..60),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let made = runtime.block_on(async {
                let rates = Rates::new(&[rate(calls, length, &[]), rate(more, longer, &[])]);
                let mut made = Vec::new();
                for gap in gaps {
                    tokio::time::sleep(Duration::from_millis(gap)).await;
                    rates.wait(&Method::GET, in_seconds(100_000)).await.unwrap();
                    made.push(Instant::now());
                }
                made
            });
            for (calls, length) in [(calls, length), (more, longer)] {
                for pair in made.windows(usize::try_from(calls).unwrap() + 1) {
                    let (first, last) = (pair.first().unwrap(), pair.last().unwrap());
                    prop_assert!(*last - *first >= Duration::from_secs(length.into()));
                }
            }
        }
    }
}
