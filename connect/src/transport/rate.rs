//! Keeps a connection below the rates of its system, and silent while the system asks for a pause.
//!
//! Each window remembers when its last calls were made, so that no stretch of its length ever holds more calls than
//! allowed. A caller reserves its moment and waits for it; callers go in the order in which they came.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::windows::{Counted, Limit, SharedWindows, Window, lock};
use crate::{
    error::{Error, ErrorKind},
    manifest::Rate,
};

const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(30);

/// The rates of one connection.
#[derive(Debug)]
pub(crate) struct Rates {
    /// The kind of system.
    system: Arc<str>,
    limits: Vec<Limit>,
    own: SharedWindows,
    shared: SharedWindows,
    start: Instant,
    /// Milliseconds after `start` until which nothing is sent; 0 when there is no pause.
    paused_until: AtomicU64,
    /// How often in a row the system asked for a pause without saying for how long.
    unspecified: AtomicU32,
}

impl Rates {
    /// Keeps to rates; `shared` are the windows that stand for several connections.
    pub(crate) fn new(system: &str, rates: &[Rate], shared: SharedWindows) -> Self {
        Self {
            system: system.into(),
            limits: rates
                .iter()
                .enumerate()
                .map(|(at, rate)| Limit::new(at, rate))
                .collect(),
            own: SharedWindows::default(),
            shared,
            start: Instant::now(),
            paused_until: AtomicU64::new(0),
            unspecified: AtomicU32::new(0),
        }
    }

    /// Waits for the moment at which a call may be made. Refuses at once when that is behind the deadline.
    pub(crate) async fn wait(&self, call: &Counted<'_>, deadline: Instant) -> Result<(), Error> {
        loop {
            self.wait_for_pause(deadline).await?;
            if !self.limits.iter().any(|limit| limit.counts(call)) {
                return Ok(());
            }
            let reservation = self.reserve(call, deadline)?;
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

    fn reserve(&self, call: &Counted<'_>, deadline: Instant) -> Result<Reservation, Error> {
        let limits = self.limits.iter().filter(|limit| limit.counts(call));
        let mut wanted: Vec<(Window, usize, &Limit)> = limits
            .map(|limit| {
                let window = limit.window(&self.system, &self.own, &self.shared, call);
                (window, limit.weight(call), limit)
            })
            .collect();
        // Connections that share windows lock them in the same order.
        wanted.sort_by_key(|(window, ..)| Arc::as_ptr(window).addr());
        let now = Instant::now();
        let mut moment = now;
        let mut windows: Vec<_> = wanted.iter().map(|(window, ..)| lock(window)).collect();
        for (moments, (_, weight, limit)) in windows.iter_mut().zip(&wanted) {
            while moments.front().is_some_and(|oldest| *oldest + limit.length <= now) {
                moments.pop_front();
            }
            // So many calls as this one counts must have left the window before.
            if let Some(at) = (moments.len() + weight).checked_sub(limit.calls + 1)
                && let Some(blocking) = moments.get(at)
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
        for (moments, (_, weight, _)) in windows.iter_mut().zip(&wanted) {
            for _ in 0..*weight {
                let at = moments.partition_point(|other| *other <= moment);
                moments.insert(at, moment);
            }
        }
        drop(windows);
        Ok(Reservation {
            windows: wanted.into_iter().map(|(window, weight, _)| (window, weight)).collect(),
            moment,
        })
    }
}

fn refusal(message: &str, until: Instant) -> Error {
    let wait = until.saturating_duration_since(Instant::now());
    Error::new(ErrorKind::RateLimited, message).with_retry_after(Some(wait))
}

/// A reserved moment; given back when its caller leaves before.
struct Reservation {
    /// The windows in which it stands, and how often.
    windows: Vec<(Window, usize)>,
    moment: Instant,
}

impl Reservation {
    fn keep(mut self) {
        self.windows.clear();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for (window, weight) in &self.windows {
            let mut moments = lock(window);
            for _ in 0..*weight {
                if let Ok(at) = moments.binary_search(&self.moment) {
                    moments.remove(at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use http::Method;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        manifest::{RateCost, RateScope},
        template::SecretMap,
    };

    fn rate(calls: u32, per_s: u32, methods: &[&str]) -> Rate {
        Rate {
            calls,
            per_s,
            methods: methods.iter().map(ToString::to_string).collect(),
            ..Rate::default()
        }
    }

    fn made(rates: &[Rate]) -> Rates {
        Rates::new("trial", rates, SharedWindows::default())
    }

    const fn call(method: &Method) -> Counted<'_> {
        Counted {
            method,
            url: "https://trial.example.com/api/orders?limit=1",
            credentials: None,
            calls: 1,
        }
    }

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn calls_above_the_rate_wait_for_the_window() {
        let rates = made(&[rate(2, 10, &[])]);
        let start = Instant::now();
        for expected in [0, 0, 10, 10, 20] {
            rates.wait(&call(&Method::GET), in_seconds(3600)).await.unwrap();
            assert_eq!(start.elapsed().as_secs(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_behind_the_deadline_is_refused_at_once() {
        let rates = made(&[rate(1, 60, &[])]);
        rates.wait(&call(&Method::GET), in_seconds(5)).await.unwrap();
        let before = Instant::now();
        let error = rates.wait(&call(&Method::GET), in_seconds(5)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_after()),
            (ErrorKind::RateLimited, Some(Duration::from_secs(60)))
        );
        assert_eq!(before, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn methods_have_windows_of_their_own() {
        let rates = made(&[rate(1, 60, &["post"]), rate(3, 1, &[])]);
        rates.wait(&call(&Method::POST), in_seconds(1)).await.unwrap();
        assert!(rates.wait(&call(&Method::POST), in_seconds(5)).await.is_err());
        rates.wait(&call(&Method::GET), in_seconds(1)).await.unwrap();
        rates.wait(&call(&Method::GET), in_seconds(1)).await.unwrap();
        assert!(rates.wait(&call(&Method::GET), in_seconds(1)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_out_before_the_pause_is_over() {
        let rates = Arc::new(made(&[rate(1, 5, &[])]));
        rates.wait(&call(&Method::GET), in_seconds(1)).await.unwrap();
        let waiting = tokio::spawn({
            let rates = Arc::clone(&rates);
            async move { rates.wait(&call(&Method::GET), in_seconds(100)).await }
        });
        tokio::task::yield_now().await;
        let start = Instant::now();
        rates.pause(Some(Duration::from_secs(30)));
        let refused = rates.wait(&call(&Method::GET), in_seconds(10)).await.unwrap_err();
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(30)));
        waiting.await.unwrap().unwrap();
        assert!(start.elapsed() >= Duration::from_secs(30));
        assert!(rates.paused_until().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_without_a_wish_grow_until_a_call_is_taken() {
        let rates = made(&[]);
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            let start = Instant::now();
            rates.pause(None);
            rates.wait(&call(&Method::GET), in_seconds(100)).await.unwrap();
            assert_eq!(start.elapsed().as_millis().div_ceil(1000), expected);
        }
        rates.taken();
        rates.pause(None);
        assert!(rates.paused_until().unwrap() <= in_seconds(1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_gives_the_moment_back() {
        let rates = made(&[rate(1, 10, &[])]);
        rates.wait(&call(&Method::GET), in_seconds(1)).await.unwrap();
        let left = tokio::time::timeout(Duration::from_secs(1), rates.wait(&call(&Method::GET), in_seconds(100))).await;
        assert!(left.is_err());
        let start = Instant::now();
        rates.wait(&call(&Method::GET), in_seconds(100)).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(9));
    }

    #[tokio::test(start_paused = true)]
    async fn windows_are_shared_by_those_whose_calls_are_counted_together() {
        let scoped = |scope| Rate {
            scope,
            ..rate(1, 60, &[])
        };
        let shared = SharedWindows::default();
        let with = |scope| Rates::new("trial", &[scoped(scope)], shared.clone());
        let secrets = |token: &str| [("token", token)].into_iter().collect::<SecretMap>();
        let (ada, bob) = (secrets("a"), secrets("b"));
        let signed = |credentials, url| Counted {
            credentials: Some(credentials),
            url,
            ..call(&Method::GET)
        };
        let (here, there) = ("https://a.example/x", "https://b.example/x");
        for (scope, others) in [
            (RateScope::Connection, [true, true, true]),
            (RateScope::Credentials, [false, true, true]),
            (RateScope::Host, [false, false, true]),
        ] {
            let first = with(scope);
            first.wait(&signed(&ada, here), in_seconds(5)).await.unwrap();
            assert!(first.wait(&signed(&ada, here), in_seconds(5)).await.is_err());
            let calls = [signed(&ada, here), signed(&bob, here), signed(&ada, there)];
            for (call, free) in calls.iter().zip(others) {
                let other = with(scope);
                assert_eq!(
                    other.wait(call, in_seconds(5)).await.is_ok(),
                    free,
                    "{scope:?} {}",
                    call.url
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn windows_show_nothing_of_credentials() {
        let shared = SharedWindows::default();
        let rate = Rate {
            scope: RateScope::Credentials,
            ..rate(1, 60, &[])
        };
        let rates = Rates::new("trial", &[rate], shared.clone());
        let secrets: SecretMap = [("token", "a")].into_iter().collect();
        let signed = Counted {
            credentials: Some(&secrets),
            ..call(&Method::GET)
        };
        rates.wait(&signed, in_seconds(5)).await.unwrap();
        assert_eq!(format!("{shared:?}"), "SharedWindows { count: 1 }");
        assert!(!format!("{rates:?}").contains("Credentials("), "{rates:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_method_has_its_own_window_and_costly_calls_count_as_more() {
        let rates = made(&[
            Rate {
                per_method: true,
                ..rate(1, 60, &[])
            },
            Rate {
                costs: vec![RateCost {
                    methods: vec!["POST".to_owned()],
                    path: Some("^/api/orders$".to_owned()),
                    cost: 3,
                }],
                ..rate(5, 60, &[])
            },
        ]);
        rates.wait(&call(&Method::GET), in_seconds(1)).await.unwrap();
        assert!(rates.wait(&call(&Method::GET), in_seconds(1)).await.is_err());
        rates.wait(&call(&Method::POST), in_seconds(1)).await.unwrap();
        let two = Counted {
            calls: 2,
            ..call(&Method::PUT)
        };
        assert!(rates.wait(&two, in_seconds(1)).await.is_err(), "one call is left");
        rates.wait(&call(&Method::PUT), in_seconds(1)).await.unwrap();
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
                let rates = made(&[rate(calls, length, &[]), rate(more, longer, &[])]);
                let mut made = Vec::new();
                for gap in gaps {
                    tokio::time::sleep(Duration::from_millis(gap)).await;
                    rates.wait(&call(&Method::GET), in_seconds(100_000)).await.unwrap();
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
