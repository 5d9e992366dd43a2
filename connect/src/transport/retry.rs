//! Decides whether a failed request is sent again, and when: a budget for the whole connection, backoff with jitter.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};

/// How requests are repeated.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most times that one request is sent again.
    pub most: u32,
    /// Share of the connection's requests that may be sent again.
    pub budget: f32,
    /// The wait before the first repetition; each further one doubles it.
    pub first_wait: Duration,
    /// The longest wait that the backoff grows to.
    pub longest_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            most: 2,
            budget: 0.2,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(5),
        }
    }
}

const ONE: u32 = 1000;
const START: u32 = ONE;
const FULL: u32 = 20 * ONE;

/// The retries of one connection.
#[derive(Debug)]
pub(crate) struct Retries {
    settings: Settings,
    share: u32,
    left: AtomicU32,
}

impl Retries {
    pub(crate) fn new(settings: Settings) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the product is between 0 and 1000"
        )]
        let share = (settings.budget.clamp(0.0, 1.0) * ONE as f32) as u32;
        Self {
            settings,
            share,
            left: AtomicU32::new(START),
        }
    }

    /// Counts a request that was asked for: it pays its share into the budget.
    pub(crate) fn deposit(&self) {
        if self.left.load(Ordering::Relaxed) < FULL {
            self.left.fetch_add(self.share, Ordering::Relaxed);
        }
    }

    /// Takes one repetition out of the budget and returns how long to wait for it; none when the failure stands.
    pub(crate) fn next_wait(&self, repeated: u32, error: &Error, deadline: Instant) -> Option<Duration> {
        if repeated >= self.settings.most || !is_worth_repeating(error.kind()) {
            return None;
        }
        let wait = self.backoff(repeated).max(error.retry_after().unwrap_or_default());
        if Instant::now() + wait >= deadline {
            return None;
        }
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(ONE))
            .ok()
            .map(|_| wait)
    }

    /// Between half and the whole of the doubled wait.
    fn backoff(&self, repeated: u32) -> Duration {
        let doubled = self.settings.first_wait.saturating_mul(1 << repeated.min(16));
        let wait = doubled.min(self.settings.longest_wait);
        wait.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }
}

/// A refused credential is not among them: some systems lock the account after three tries.
const fn is_worth_repeating(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Network
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "test")
    }

    #[tokio::test(start_paused = true)]
    async fn repetitions_stay_within_a_fifth_of_the_requests_and_one() {
        let retries = Retries::new(Settings::default());
        let mut granted = 0;
        for _ in 0..1000 {
            retries.deposit();
            for repeated in 0..2 {
                if retries
                    .next_wait(repeated, &error(ErrorKind::Unavailable), far())
                    .is_some()
                {
                    granted += 1;
                }
            }
        }
        assert!((195..=201).contains(&granted), "{granted}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_passing_failures_are_repeated_and_only_a_few_times() {
        let retries = Retries::new(Settings {
            budget: 1.0,
            ..Settings::default()
        });
        for _ in 0..30 {
            retries.deposit();
        }
        for kind in [
            ErrorKind::InvalidCredentials,
            ErrorKind::SessionExpired,
            ErrorKind::PermissionDenied,
            ErrorKind::InvalidRequest,
            ErrorKind::MalformedResponse,
            ErrorKind::ResponseTooLarge,
            ErrorKind::Tls,
            ErrorKind::DeadlineExceeded,
        ] {
            assert!(retries.next_wait(0, &error(kind), far()).is_none(), "{kind:?}");
        }
        assert!(retries.next_wait(1, &error(ErrorKind::Timeout), far()).is_some());
        assert!(retries.next_wait(2, &error(ErrorKind::Timeout), far()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_doubles_and_honours_what_the_system_asks() {
        let retries = Retries::new(Settings {
            budget: 1.0,
            ..Settings::default()
        });
        for _ in 0..30 {
            retries.deposit();
        }
        let first = retries
            .next_wait(0, &error(ErrorKind::Network), far())
            .unwrap_or_default();
        let second = retries
            .next_wait(1, &error(ErrorKind::Network), far())
            .unwrap_or_default();
        assert!((50..=100).contains(&first.as_millis()), "{first:?}");
        assert!((100..=200).contains(&second.as_millis()), "{second:?}");
        let asked = error(ErrorKind::RateLimited).with_retry_after(Some(Duration::from_secs(7)));
        assert_eq!(retries.next_wait(0, &asked, far()), Some(Duration::from_secs(7)));
        let soon = Instant::now() + Duration::from_secs(3);
        assert_eq!(retries.next_wait(0, &asked, soon), None);
    }
}
