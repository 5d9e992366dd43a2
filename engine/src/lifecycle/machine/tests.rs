//! What the states promise, over random lives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use lineshaft_connect::{Error, ErrorKind};
use proptest::prelude::*;

use super::*;
use crate::lifecycle::verdict::{Verdict, verdict};

const STATUSES: [Status; 8] = [
    Status::Pending,
    Status::Active,
    Status::Degraded,
    Status::Unreachable,
    Status::ReauthRequired,
    Status::Paused,
    Status::Disabled,
    Status::Disconnected,
];

fn ailment(reason: Reason) -> Ailment {
    Ailment {
        reason,
        message: "why".to_owned(),
    }
}

fn at(status: Status) -> Snapshot {
    Snapshot {
        status,
        reason: None,
        circuit_open: false,
        rate_limited: false,
        activated: status != Status::Pending,
    }
}

/// One life, told by signals.
struct Life {
    now: Snapshot,
    events: Vec<(EventKind, Status, Status)>,
}

impl Life {
    fn new() -> Self {
        Self {
            now: at(Status::Pending),
            events: Vec::new(),
        }
    }

    fn take(&mut self, signal: &Signal) {
        let Some(step) = next(&self.now, signal) else { return };
        for event in &step.events {
            self.events.push((*event, self.now.status, step.to));
            match event {
                EventKind::CircuitOpened => self.now.circuit_open = true,
                EventKind::CircuitClosed => self.now.circuit_open = false,
                EventKind::RateLimited => self.now.rate_limited = true,
                EventKind::Activated => self.now.activated = true,
                _ => {}
            }
        }
        (self.now.status, self.now.reason) = (step.to, step.reason);
    }
}

fn any_error() -> impl Strategy<Value = Error> {
    let kinds = prop::sample::select(vec![
        ErrorKind::InvalidCredentials,
        ErrorKind::SessionExpired,
        ErrorKind::PermissionDenied,
        ErrorKind::NotSupported,
        ErrorKind::RateLimited,
        ErrorKind::InvalidRequest,
        ErrorKind::Conflict,
        ErrorKind::NotFound,
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::Network,
        ErrorKind::Tls,
        ErrorKind::MalformedResponse,
        ErrorKind::ResponseTooLarge,
        ErrorKind::CircuitOpen,
        ErrorKind::DeadlineExceeded,
        ErrorKind::ReauthorizationRequired,
        ErrorKind::InvalidSettings,
        ErrorKind::Internal,
    ]);
    let statuses = prop::option::of(prop::sample::select(vec![
        200_u16, 400, 401, 403, 404, 408, 429, 500, 502, 503, 599,
    ]));
    (kinds, statuses).prop_map(|(kind, status)| {
        let error = Error::new(kind, "failed");
        match status {
            Some(status) => error.with_status(status),
            None => error,
        }
    })
}

/// Returns the signal that a failure gives at its worst.
fn signal_of(error: &Error) -> Option<Signal> {
    match verdict(error) {
        Verdict::Refused(reason) => Some(Signal::Refused(ailment(reason))),
        Verdict::Fault(reason) => Some(Signal::Unreachable(ailment(reason))),
        Verdict::HeldBack => Some(Signal::CircuitOpened(ailment(Reason::CircuitOpen))),
        Verdict::Limited => Some(Signal::Limited),
        Verdict::Denied => Some(Signal::Ails(ailment(Reason::PermissionDenied))),
        Verdict::Unsupported | Verdict::Unfit | Verdict::Nothing => None,
    }
}

fn is_explicit(error: &Error) -> bool {
    let about_credentials = matches!(
        error.kind(),
        ErrorKind::InvalidCredentials | ErrorKind::ReauthorizationRequired
    );
    about_credentials && !error.status().is_some_and(|status| status == 429 || status >= 500)
}

fn observed() -> impl Strategy<Value = Signal> {
    let reason = prop::sample::select(vec![Reason::Network, Reason::Tls, Reason::Timeout, Reason::Remote5xx]);
    let ails = prop::option::of(reason.clone()).prop_map(|reason| reason.map(ailment));
    prop_oneof![
        ails.prop_map(Signal::Worked),
        reason.clone().prop_map(|reason| Signal::Ails(ailment(reason))),
        reason.clone().prop_map(|reason| Signal::Unreachable(ailment(reason))),
        reason.prop_map(|reason| Signal::CircuitOpened(ailment(reason))),
        Just(Signal::CircuitClosed),
        Just(Signal::Limited),
    ]
}

fn anything() -> impl Strategy<Value = Signal> {
    let back = prop::sample::select(vec![Status::Active, Status::Pending, Status::ReauthRequired]);
    prop_oneof![
        8 => observed(),
        2 => Just(Signal::Refused(ailment(Reason::Expired))),
        2 => Just(Signal::Vouched(None)),
        1 => Just(Signal::Pause),
        2 => back.clone().prop_map(Signal::Resume),
        1 => Just(Signal::Disable),
        2 => back.prop_map(Signal::Enable),
        1 => Just(Signal::Disconnect),
    ]
}

proptest! {
    #[test]
    fn only_an_explicit_answer_leads_to_reauthorization(errors in prop::collection::vec(any_error(), 1..60)) {
        let mut life = Life::new();
        life.take(&Signal::Worked(None));
        for error in &errors {
            if let Some(signal) = signal_of(error) {
                life.take(&signal);
            }
        }
        let explicit = errors.iter().any(is_explicit);
        prop_assert_eq!(life.now.status == Status::ReauthRequired, explicit);
    }

    #[test]
    fn faults_never_lead_to_reauthorization(signals in prop::collection::vec(observed(), 1..60)) {
        let mut life = Life::new();
        for signal in &signals {
            life.take(signal);
            prop_assert_ne!(life.now.status, Status::ReauthRequired);
        }
    }

    #[test]
    fn what_happens_never_leads_out_of_what_somebody_must_undo(
        signals in prop::collection::vec(observed(), 1..40),
        from in prop::sample::select(vec![
            Status::ReauthRequired, Status::Paused, Status::Disabled, Status::Disconnected,
        ]),
        circuit_open in any::<bool>(),
    ) {
        let mut life = Life { now: Snapshot { circuit_open, ..at(from) }, events: Vec::new() };
        for signal in &signals {
            life.take(signal);
            prop_assert_eq!(life.now.status, from);
        }
    }

    #[test]
    fn a_life_is_told_consistently(signals in prop::collection::vec(anything(), 1..80)) {
        let mut life = Life::new();
        let mut over = false;
        for signal in &signals {
            life.take(signal);
            prop_assert!(!over || life.now.status == Status::Disconnected, "disconnected is final");
            over = life.now.status == Status::Disconnected;
        }
        let mut open = false;
        for (event, from, to) in &life.events {
            match event {
                EventKind::CircuitOpened => { prop_assert!(!open); open = true; }
                EventKind::CircuitClosed => { prop_assert!(open); open = false; }
                EventKind::Recovered => {
                    let ill = matches!(from, Status::Degraded | Status::Unreachable | Status::ReauthRequired);
                    prop_assert!(ill, "recovered from {from:?}");
                    prop_assert_eq!(*to, Status::Active);
                }
                EventKind::Degraded => prop_assert_eq!(*to, Status::Degraded),
                EventKind::Unreachable => {
                    prop_assert_eq!(*to, Status::Unreachable);
                    prop_assert_ne!(*from, Status::Unreachable);
                }
                EventKind::ReauthRequired => {
                    prop_assert_eq!(*to, Status::ReauthRequired);
                    prop_assert_ne!(*from, Status::ReauthRequired);
                }
                EventKind::Activated => prop_assert!(matches!(from, Status::Pending | Status::ReauthRequired)),
                EventKind::Resumed => prop_assert_eq!(*from, Status::Paused),
                EventKind::Enabled => prop_assert_eq!(*from, Status::Disabled),
                _ => {}
            }
        }
        let disconnected = life.events.iter().filter(|(event, ..)| *event == EventKind::Disconnected).count();
        prop_assert!(disconnected <= 1);
    }
}

#[test]
fn an_open_breaker_makes_unreachable_and_a_success_recovers() {
    let mut life = Life::new();
    life.take(&Signal::Worked(None));
    life.take(&Signal::CircuitOpened(ailment(Reason::Timeout)));
    assert_eq!(
        (life.now.status, life.now.reason),
        (Status::Unreachable, Some(Reason::Timeout))
    );
    life.take(&Signal::CircuitOpened(ailment(Reason::Timeout)));
    life.take(&Signal::Worked(None));
    assert_eq!((life.now.status, life.now.reason), (Status::Active, None));
    let told: Vec<EventKind> = life.events.iter().map(|(event, ..)| *event).collect();
    assert_eq!(
        told,
        [
            EventKind::Activated,
            EventKind::CircuitOpened,
            EventKind::Unreachable,
            EventKind::CircuitClosed,
            EventKind::Recovered
        ]
    );
}

#[test]
fn a_connection_that_never_worked_waits_with_the_reason() {
    let now = at(Status::Pending);
    let step = next(&now, &Signal::Unreachable(ailment(Reason::Network))).unwrap();
    assert_eq!((step.to, step.reason), (Status::Pending, Some(Reason::Network)));
    assert!(step.events.is_empty());
    let step = next(&now, &Signal::Refused(ailment(Reason::Revoked))).unwrap();
    assert_eq!((step.to, step.reason), (Status::ReauthRequired, Some(Reason::Revoked)));
}

#[test]
fn only_a_person_brings_refused_credentials_back() {
    let now = at(Status::ReauthRequired);
    assert_eq!(next(&now, &Signal::Worked(None)), None);
    let step = next(&now, &Signal::Vouched(None)).unwrap();
    assert_eq!((step.to, step.events), (Status::Active, vec![EventKind::Recovered]));
    let never_worked = Snapshot {
        activated: false,
        ..now
    };
    let step = next(&never_worked, &Signal::Vouched(None)).unwrap();
    assert_eq!(step.events, [EventKind::Activated]);
}

#[test]
fn a_part_that_does_not_work_degrades_and_its_return_recovers() {
    let denied = ailment(Reason::PermissionDenied);
    let step = next(&at(Status::Active), &Signal::Ails(denied.clone())).unwrap();
    assert_eq!((step.to, step.events), (Status::Degraded, vec![EventKind::Degraded]));
    assert_eq!(next(&at(Status::Degraded), &Signal::Worked(Some(denied))), None);
    let step = next(&at(Status::Degraded), &Signal::Worked(None)).unwrap();
    assert_eq!((step.to, step.events), (Status::Active, vec![EventKind::Recovered]));
}

#[test]
fn nothing_leads_out_of_disconnected() {
    let signals = [
        Signal::Worked(None),
        Signal::Vouched(None),
        Signal::Pause,
        Signal::Resume(Status::Active),
        Signal::Disable,
        Signal::Enable(Status::Active),
        Signal::Disconnect,
        Signal::Refused(ailment(Reason::Expired)),
    ];
    for signal in &signals {
        assert_eq!(next(&at(Status::Disconnected), signal), None, "{signal:?}");
    }
    for status in STATUSES.into_iter().filter(|status| *status != Status::Disconnected) {
        assert!(next(&at(status), &Signal::Disconnect).is_some(), "{status:?}");
    }
}
