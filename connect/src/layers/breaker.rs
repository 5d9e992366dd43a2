//! Holds calls back from a system that keeps failing, and lets single calls through to see whether it is back.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};

/// When the breaker opens and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// So many faults in a row open it.
    pub faults_in_a_row: u32,
    /// The length of the window in which the share of faults is watched.
    pub window: Duration,
    /// The share of faults is judged when the window has so many calls.
    pub fewest_calls: u32,
    /// That share of faults in the window opens it.
    pub share_of_faults: f32,
    /// How long it stays open at first; each failed try doubles it.
    pub first_open: Duration,
    /// The longest that it stays open without a try.
    pub longest_open: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            faults_in_a_row: 5,
            window: Duration::from_secs(10),
            fewest_calls: 20,
            share_of_faults: 0.5,
            first_open: Duration::from_secs(2),
            longest_open: Duration::from_secs(8),
        }
    }
}

/// Where the breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// Calls are held back.
    Open,
    /// One call is let through to see whether the system is back.
    HalfOpen,
}

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const TRYING: u8 = 2;

/// The breaker of one connection. While all is well a call costs it a few atomic reads.
#[derive(Debug)]
pub struct Breaker {
    settings: Settings,
    state: AtomicU8,
    in_a_row: AtomicU32,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    window_start: Instant,
    calls: u32,
    faults: u32,
    open_until: Instant,
    open_for: Duration,
    last_fault: Option<Error>,
}

impl Breaker {
    /// Makes a closed breaker.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let now = Instant::now();
        Self {
            settings,
            state: AtomicU8::new(CLOSED),
            in_a_row: AtomicU32::new(0),
            inner: Mutex::new(Inner {
                window_start: now,
                calls: 0,
                faults: 0,
                open_until: now,
                open_for: settings.first_open,
                last_fault: None,
            }),
        }
    }

    /// Lets a call through or holds it back.
    ///
    /// # Errors
    /// Returns `CircuitOpen` with the time until the next try when the call is held back.
    pub fn admit(&self) -> Result<Pass<'_>, Error> {
        if self.state.load(Ordering::Acquire) == CLOSED {
            return Ok(Pass {
                breaker: self,
                is_try: false,
                told: false,
            });
        }
        let inner = self.inner();
        match self.state.load(Ordering::Acquire) {
            CLOSED => Ok(Pass {
                breaker: self,
                is_try: false,
                told: false,
            }),
            OPEN if Instant::now() >= inner.open_until => {
                self.state.store(TRYING, Ordering::Release);
                Ok(Pass {
                    breaker: self,
                    is_try: true,
                    told: false,
                })
            }
            _ => Err(held_back(inner.open_until.saturating_duration_since(Instant::now()))),
        }
    }

    /// Returns where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            CLOSED => State::Closed,
            OPEN if Instant::now() < self.inner().open_until => State::Open,
            _ => State::HalfOpen,
        }
    }

    /// Returns whether calls go through freely.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }

    /// Returns whether it is time for a call that sees whether the system is back, and none is under way.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN && Instant::now() >= self.inner().open_until
    }

    /// Returns until when calls are held back.
    #[must_use]
    pub fn open_until(&self) -> Option<Instant> {
        (!self.is_closed()).then(|| self.inner().open_until)
    }

    fn succeeded(&self, is_try: bool) {
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
        let mut inner = self.inner();
        if is_try {
            inner.restart_window();
            inner.open_for = self.settings.first_open;
            self.state.store(CLOSED, Ordering::Release);
            return;
        }
        inner.count(self.settings.window);
    }

    fn failed(&self, is_try: bool, fault: &Error) {
        let mut inner = self.inner();
        // Callers that share one read share its failure: it counts once.
        if !is_try && inner.last_fault.as_ref().is_some_and(|last| last.is_same(fault)) {
            return;
        }
        inner.last_fault = Some(fault.clone());
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        inner.count(self.settings.window);
        inner.faults += 1;
        if is_try {
            inner.open_for = inner.open_for.saturating_mul(2).min(self.settings.longest_open);
            self.open(&mut inner);
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more precision")]
        let many = inner.calls >= self.settings.fewest_calls
            && inner.faults as f32 >= inner.calls as f32 * self.settings.share_of_faults;
        let closed = self.state.load(Ordering::Acquire) == CLOSED;
        if closed && (in_a_row >= self.settings.faults_in_a_row || many) {
            self.open(&mut inner);
        }
    }

    fn open(&self, inner: &mut Inner) {
        inner.open_until = Instant::now() + inner.open_for;
        inner.restart_window();
        self.in_a_row.store(0, Ordering::Relaxed);
        self.state.store(OPEN, Ordering::Release);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn count(&mut self, window: Duration) {
        if self.window_start.elapsed() >= window {
            self.restart_window();
        }
        self.calls = self.calls.saturating_add(1);
    }

    fn restart_window(&mut self) {
        self.window_start = Instant::now();
        self.calls = 0;
        self.faults = 0;
    }
}

fn held_back(wait: Duration) -> Error {
    Error::new(
        ErrorKind::CircuitOpen,
        "the system has failed too often; calls are held back for a while",
    )
    .with_retry_after(Some(wait))
}

/// A call that was let through. Dropped without an outcome it counts for nothing, and another call may try.
#[derive(Debug)]
#[must_use]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    is_try: bool,
    told: bool,
}

impl Pass<'_> {
    /// Tells how the call ended. Any answer of the system's own, even a refusal, shows that it is there.
    pub fn tell<T>(mut self, result: &Result<T, Error>) {
        match result {
            Err(error) if error.kind().is_fault_of_system() => self.breaker.failed(self.is_try, error),
            Err(error) if !is_answer(error.kind()) => return,
            _ => self.breaker.succeeded(self.is_try),
        }
        self.told = true;
    }
}

/// Returns whether a failure is an answer of the system; otherwise it says nothing about the system.
const fn is_answer(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::DeadlineExceeded
            | ErrorKind::CircuitOpen
            | ErrorKind::ReauthorizationRequired
            | ErrorKind::InvalidSettings
            | ErrorKind::Internal
    )
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_try && !self.told {
            let _inner = self.breaker.inner();
            self.breaker.state.store(OPEN, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tokio::time::advance;

    use super::*;

    fn outcome(kind: Option<ErrorKind>) -> Result<(), Error> {
        kind.map_or(Ok(()), |kind| Err(Error::new(kind, "test")))
    }

    fn call(breaker: &Breaker, kind: Option<ErrorKind>) -> bool {
        match breaker.admit() {
            Ok(pass) => {
                pass.tell(&outcome(kind));
                true
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::CircuitOpen);
                false
            }
        }
    }

    fn open() -> Breaker {
        let breaker = Breaker::new(Settings::default());
        for _ in 0..5 {
            assert!(call(&breaker, Some(ErrorKind::Timeout)));
        }
        assert_eq!(breaker.state(), State::Open);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn five_faults_in_a_row_open_it_and_a_success_in_between_does_not() {
        let breaker = Breaker::new(Settings::default());
        for kind in [
            Some(ErrorKind::Timeout),
            Some(ErrorKind::Network),
            Some(ErrorKind::Unavailable),
            Some(ErrorKind::Tls),
        ] {
            call(&breaker, kind);
        }
        call(&breaker, None);
        call(&breaker, Some(ErrorKind::Timeout));
        assert_eq!(breaker.state(), State::Closed);
        let breaker = open();
        assert!(!call(&breaker, None));
        let error = breaker.admit().unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_failure_told_to_many_callers_counts_once() {
        let breaker = Breaker::new(Settings::default());
        let shared = outcome(Some(ErrorKind::Timeout));
        for _ in 0..20 {
            breaker.admit().unwrap().tell(&shared.clone());
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_about_the_request_do_not_open_it() {
        let breaker = Breaker::new(Settings::default());
        for kind in [
            ErrorKind::InvalidCredentials,
            ErrorKind::NotFound,
            ErrorKind::RateLimited,
            ErrorKind::DeadlineExceeded,
        ] {
            for _ in 0..20 {
                assert!(call(&breaker, Some(kind)));
            }
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_many_calls_failing_opens_it() {
        let breaker = Breaker::new(Settings::default());
        for _ in 0..9 {
            call(&breaker, Some(ErrorKind::Unavailable));
            call(&breaker, None);
        }
        assert_eq!(breaker.state(), State::Closed);
        call(&breaker, None);
        call(&breaker, Some(ErrorKind::Unavailable));
        assert_eq!(breaker.state(), State::Open);
        let breaker = Breaker::new(Settings::default());
        for _ in 0..40 {
            call(&breaker, Some(ErrorKind::Unavailable));
            call(&breaker, None);
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_tries_and_closes_it_again() {
        let breaker = open();
        advance(Duration::from_secs(2)).await;
        assert_eq!(breaker.state(), State::HalfOpen);
        let pass = breaker.admit().unwrap();
        assert!(breaker.admit().is_err());
        pass.tell(&outcome(None));
        assert_eq!(breaker.state(), State::Closed);
        assert!(call(&breaker, None));
    }

    #[tokio::test(start_paused = true)]
    async fn failed_tries_lengthen_the_wait_up_to_eight_seconds() {
        let breaker = open();
        for seconds in [2, 4, 8, 8] {
            advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert!(!call(&breaker, None));
            advance(Duration::from_millis(1)).await;
            assert!(call(&breaker, Some(ErrorKind::Network)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_is_left_makes_room_for_another() {
        let breaker = open();
        advance(Duration::from_secs(2)).await;
        drop(breaker.admit().unwrap());
        let pass = breaker.admit().unwrap();
        pass.tell(&outcome(Some(ErrorKind::DeadlineExceeded)));
        assert!(call(&breaker, None));
        assert_eq!(breaker.state(), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn late_faults_of_earlier_calls_do_not_prolong_it() {
        let breaker = Breaker::new(Settings::default());
        let early = breaker.admit().unwrap();
        for _ in 0..5 {
            call(&breaker, Some(ErrorKind::Timeout));
        }
        advance(Duration::from_secs(1)).await;
        early.tell(&outcome(Some(ErrorKind::Timeout)));
        advance(Duration::from_secs(1)).await;
        assert!(call(&breaker, None));
    }
}
