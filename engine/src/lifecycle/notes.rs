//! What one process has seen of one connection since it last wrote it down, and what that calls for. No IO.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_connect::Error;
use lineshaft_entities::connection::{Model, Status};

use super::{
    Reason,
    entities::{self, Entities, EntityHealth, EntityStatus},
    machine::{Ailment, Signal},
    verdict::{Verdict, verdict},
};

/// What is written at most so often, unless something is due.
pub(super) const WRITTEN_EVERY: TimeDelta = TimeDelta::seconds(10);
/// The share of faults is judged over one to two of these.
const PERIOD: TimeDelta = TimeDelta::seconds(30);
const FEWEST_CALLS: u32 = 20;
/// A success does not ask for another look at the row sooner than this.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(2);
/// A connection that waits for credits asks for them at most so often.
const CREDITS_EVERY: TimeDelta = TimeDelta::seconds(30);
/// A connection whose calls are limited for so long works in part only.
const LIMITED_LONG: TimeDelta = TimeDelta::seconds(60);
/// Limits that follow one another within this time are one period.
pub(super) const LIMITED_AGAIN: TimeDelta = TimeDelta::seconds(60);
/// Most characters of a message that is kept.
const MOST_CHARACTERS: usize = 500;

/// Facts for the row of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) last_success_at: Option<DateTime<Utc>>,
    pub(crate) last_error: Option<LastError>,
    pub(crate) last_used_at: Option<DateTime<Utc>>,
    pub(crate) entities: Entities,
    pub(crate) circuit_open_until: Option<DateTime<Utc>>,
    pub(crate) rate_limited_until: Option<DateTime<Utc>>,
    pub(crate) next_check_at: Option<DateTime<Utc>>,
    pub(crate) account: Option<String>,
    /// What does not work besides the entities that the account may not read.
    pub(crate) ailment: Option<Ailment>,
    /// The version of the credentials that a refusal is about.
    pub(crate) credentials_version: Option<i64>,
}

/// A failure as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastError {
    pub(crate) at: DateTime<Utc>,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// What the breaker of this process says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Circuit {
    Closed,
    Open(DateTime<Utc>),
}

/// What this process believes that the row says.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) revision: i64,
    pub(super) status: Status,
    pub(super) reason: Option<Reason>,
    circuit_open: bool,
}

/// What was seen and not yet written.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) known: Known,
    pub(super) entities: Entities,
    facts: Facts,
    pending: Pending,
    window: Window,
    circuit: Option<DateTime<Utc>>,
    limited_since: Option<DateTime<Utc>>,
    limited_until: Option<DateTime<Utc>>,
    dirty: bool,
    written_at: Option<DateTime<Utc>>,
    looked_at: Option<DateTime<Utc>>,
}

/// What is due. Each is told once however often it happens.
#[derive(Debug, Default)]
struct Pending {
    refused: Option<Ailment>,
    circuit_opened: Option<Ailment>,
    circuit_closed: bool,
    worked: bool,
    ails: bool,
    limited: bool,
}

#[derive(Debug)]
struct Window {
    began: DateTime<Utc>,
    now: Counts,
    before: Counts,
    last_fault: Option<Ailment>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u32,
    faults: u32,
}

impl Known {
    pub(super) fn of(row: &Model) -> Self {
        Self {
            revision: row.revision,
            status: row.status,
            reason: row.status_reason.as_deref().and_then(Reason::parse),
            circuit_open: row.circuit_open_until.is_some(),
        }
    }

    pub(super) const fn new(revision: i64, status: Status, reason: Option<Reason>, circuit_open: bool) -> Self {
        Self {
            revision,
            status,
            reason,
            circuit_open,
        }
    }

    const fn is_watched(&self) -> bool {
        matches!(
            self.status,
            Status::Pending | Status::Active | Status::Degraded | Status::Unreachable
        )
    }
}

impl Notes {
    pub(super) fn new(known: Known, entities: Entities, now: DateTime<Utc>) -> Self {
        Self {
            known,
            entities,
            facts: Facts::default(),
            pending: Pending::default(),
            window: Window {
                began: now,
                now: Counts::default(),
                before: Counts::default(),
                last_fault: None,
            },
            circuit: None,
            limited_since: None,
            limited_until: None,
            dirty: false,
            written_at: None,
            looked_at: None,
        }
    }

    /// Notes that somebody asked something of the connection.
    pub(super) fn use_at(&mut self, now: DateTime<Utc>) {
        let is_news = self.facts.last_used_at.is_none_or(|last| now - last >= WRITTEN_EVERY);
        if is_news {
            self.facts.last_used_at = Some(now);
            self.dirty = true;
        }
    }

    /// Notes a success, of reading an entity if one is named.
    pub(super) fn succeed(&mut self, entity: Option<&str>, now: DateTime<Utc>, circuit: Circuit) {
        self.facts.last_success_at = Some(now);
        self.dirty = true;
        self.window.count(now, None);
        let lost = entity.and_then(|name| self.entities.get(name));
        let is_back = lost.is_some_and(EntityHealth::is_lost);
        if let Some(name) = entity {
            self.read(name, now);
        }
        if self.limited_until.is_some_and(|until| until + LIMITED_AGAIN <= now) {
            (self.limited_since, self.limited_until) = (None, None);
        }
        self.see_circuit(circuit, None);
        let is_news = self.known.circuit_open
            || matches!(
                self.known.status,
                Status::Pending | Status::Degraded | Status::Unreachable
            );
        if is_news && circuit == Circuit::Closed && (is_back || self.may_look(now)) {
            self.pending.worked = true;
        }
    }

    /// Notes a failure, of reading an entity if one is named.
    pub(super) fn fail(
        &mut self,
        entity: Option<&str>,
        error: &Error,
        now: DateTime<Utc>,
        circuit: Circuit,
        degraded_share: f64,
    ) {
        let verdict = verdict(error);
        let message = cut(&error.to_string());
        let ailment = |reason| Ailment {
            reason,
            message: message.clone(),
        };
        match verdict {
            Verdict::Nothing => return,
            Verdict::Refused(reason) if self.known.is_watched() => {
                self.pending.refused.get_or_insert_with(|| ailment(reason));
            }
            Verdict::Refused(_) => {}
            Verdict::Fault(reason) => {
                self.window.count(now, Some(ailment(reason)));
                self.see_circuit(circuit, Some(ailment(reason)));
                if self.known.status == Status::Active && self.window.share(now) >= degraded_share {
                    self.pending.ails = true;
                }
            }
            Verdict::HeldBack => {
                let last = self.window.last_fault.clone();
                self.see_circuit(circuit, Some(last.unwrap_or_else(|| ailment(Reason::CircuitOpen))));
                return;
            }
            Verdict::Limited => self.limit(error, now),
            Verdict::Denied | Verdict::Unsupported | Verdict::Unfit => self.see_circuit(circuit, None),
        }
        self.facts.last_error = Some(LastError {
            at: now,
            code: error.kind().code(),
            message: message.clone(),
        });
        self.dirty = true;
        let status = match verdict {
            Verdict::Denied => EntityStatus::Denied,
            Verdict::Unsupported => EntityStatus::Unsupported,
            Verdict::Fault(_) => EntityStatus::Failed,
            _ => return,
        };
        if let Some(name) = entity {
            let health = self.entity(name);
            health.fail(status, error.kind().code(), &message, now);
            let (is_lost, health) = (health.is_lost(), health.clone());
            self.facts.entities.insert(name.to_owned(), health);
            self.pending.ails |= is_lost && self.known.status == Status::Active;
        }
    }

    fn limit(&mut self, error: &Error, now: DateTime<Utc>) {
        let wait = TimeDelta::from_std(error.retry_after().unwrap_or(Duration::from_secs(1)));
        let until = now + wait.unwrap_or_else(|_| TimeDelta::hours(1)).min(TimeDelta::days(1));
        let lasts = self.limited_until.is_some_and(|until| until + LIMITED_AGAIN > now);
        if !lasts {
            self.limited_since = Some(now);
            self.pending.limited = self.known.is_watched();
        }
        self.limited_until = self.limited_until.max(Some(until));
        self.facts.rate_limited_until = self.limited_until;
        if self.known.status == Status::Active && self.is_limited_long(now) {
            self.pending.ails = true;
        }
    }

    fn is_limited_long(&self, now: DateTime<Utc>) -> bool {
        match (self.limited_since, self.limited_until) {
            (Some(since), Some(until)) => until > now && (until - since) >= LIMITED_LONG,
            _ => false,
        }
    }

    /// Takes note of where the breaker of this process stands. A fault tells why it opened.
    fn see_circuit(&mut self, circuit: Circuit, fault: Option<Ailment>) {
        match (circuit, self.circuit) {
            (Circuit::Open(until), None) => {
                self.circuit = Some(until);
                self.facts.circuit_open_until = Some(until);
                self.pending.circuit_closed = false;
                self.pending.circuit_opened = Some(fault.unwrap_or_else(|| Ailment {
                    reason: Reason::CircuitOpen,
                    message: "too many calls failed; calls are held back for a while".to_owned(),
                }));
                self.dirty = true;
            }
            (Circuit::Open(until), Some(known)) if until > known => {
                self.circuit = Some(until);
                self.facts.circuit_open_until = Some(until);
                self.dirty = true;
            }
            (Circuit::Closed, Some(_)) => {
                self.circuit = None;
                self.facts.circuit_open_until = None;
                self.pending.circuit_closed = true;
            }
            (Circuit::Open(_), Some(_)) | (Circuit::Closed, None) => {}
        }
    }

    fn entity(&mut self, name: &str) -> &mut EntityHealth {
        if !self.entities.contains_key(name) {
            self.entities.insert(name.to_owned(), EntityHealth::unknown());
        }
        self.entities
            .entry(name.to_owned())
            .or_insert_with(EntityHealth::unknown)
    }

    fn read(&mut self, name: &str, now: DateTime<Utc>) {
        let is_known = self.entities.get(name).is_some_and(|health| {
            health.status == EntityStatus::Ok && health.last_success_at.is_some_and(|last| now - last < WRITTEN_EVERY)
        });
        if is_known {
            return;
        }
        let health = self.entity(name);
        health.succeed(now);
        let health = health.clone();
        self.facts.entities.insert(name.to_owned(), health);
    }

    /// Returns whether a success may ask for another look at the row.
    fn may_look(&mut self, now: DateTime<Utc>) -> bool {
        let pause = match (self.known.status, self.known.reason) {
            (Status::Pending, Some(Reason::CreditsExhausted)) => CREDITS_EVERY,
            (Status::Degraded, _) => LOOK_EVERY,
            _ => return true,
        };
        if self.looked_at.is_some_and(|last| now - last < pause) {
            return false;
        }
        self.looked_at = Some(now);
        true
    }

    /// Returns until when the breaker holds calls back.
    pub(super) const fn circuit(&self) -> Option<DateTime<Utc>> {
        self.circuit
    }

    /// Returns when somebody last asked something.
    pub(super) const fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.facts.last_used_at
    }

    /// Returns whether a change of state may be due.
    pub(super) const fn is_due(&self) -> bool {
        let Pending {
            refused,
            circuit_opened,
            circuit_closed,
            worked,
            ails,
            limited,
        } = &self.pending;
        refused.is_some() || circuit_opened.is_some() || *circuit_closed || *worked || *ails || *limited
    }

    /// Returns whether facts should be written by now.
    pub(super) fn is_ripe(&self, now: DateTime<Utc>) -> bool {
        self.dirty && self.written_at.is_none_or(|last| now - last >= WRITTEN_EVERY)
    }

    /// Returns whether nothing is left to be written.
    pub(super) const fn is_clean(&self) -> bool {
        !self.dirty && !self.is_due()
    }

    /// Returns what is known and not yet written.
    pub(super) const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Takes what is to be written, and what is due.
    pub(super) fn take(&mut self, now: DateTime<Utc>, degraded_share: f64) -> (Facts, Vec<Signal>) {
        let mut facts = self.facts.clone();
        // What stays true is kept for the reports of this process.
        self.facts.entities.clear();
        self.dirty = false;
        self.written_at = Some(now);
        let bound = match self.known.status {
            Status::Degraded => degraded_share / 2.0,
            _ => degraded_share,
        };
        facts.ailment = if self.window.share(now) >= bound {
            self.window.last_fault.clone()
        } else if self.is_limited_long(now) {
            Some(Ailment {
                reason: Reason::RateLimited,
                message: "the system has been asking for fewer calls for a while".to_owned(),
            })
        } else {
            None
        };
        let pending = std::mem::take(&mut self.pending);
        let mut signals = Vec::new();
        signals.extend(pending.refused.map(Signal::Refused));
        signals.extend(pending.circuit_opened.map(Signal::CircuitOpened));
        if pending.circuit_closed {
            signals.push(Signal::CircuitClosed);
        }
        if pending.worked {
            signals.push(Signal::Worked(None));
        }
        if pending.limited {
            signals.push(Signal::Limited);
        }
        if pending.ails {
            let unnamed = Ailment {
                reason: Reason::PermissionDenied,
                message: String::new(),
            };
            signals.push(Signal::Ails(facts.ailment.clone().unwrap_or(unnamed)));
        }
        (facts, signals)
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&mut self, facts: Facts, signals: Vec<Signal>) {
        for (name, health) in facts.entities {
            self.facts.entities.entry(name).or_insert(health);
        }
        self.dirty = true;
        for signal in signals {
            match signal {
                Signal::Refused(ailment) => self.pending.refused = Some(ailment),
                Signal::CircuitOpened(ailment) => self.pending.circuit_opened = Some(ailment),
                Signal::CircuitClosed => self.pending.circuit_closed = true,
                Signal::Worked(_) => self.pending.worked = true,
                Signal::Ails(_) => self.pending.ails = true,
                Signal::Limited => self.pending.limited = true,
                _ => {}
            }
        }
    }

    /// Takes up what the row says now.
    pub(super) fn know(&mut self, known: Known, entities: Option<Entities>) {
        if known.revision < self.known.revision {
            return;
        }
        self.known = known;
        if let Some(stored) = entities {
            entities::merge(&mut self.entities, &stored);
        }
    }
}

impl Window {
    fn count(&mut self, now: DateTime<Utc>, fault: Option<Ailment>) {
        self.turn(now);
        self.now.calls = self.now.calls.saturating_add(1);
        if let Some(fault) = fault {
            self.now.faults = self.now.faults.saturating_add(1);
            self.last_fault = Some(fault);
        }
    }

    fn turn(&mut self, now: DateTime<Utc>) {
        let age = now - self.began;
        if age < PERIOD {
            return;
        }
        self.before = if age < PERIOD * 2 { self.now } else { Counts::default() };
        self.now = Counts::default();
        self.began = now;
    }

    /// Returns the share of faults, or none while there were too few calls.
    fn share(&mut self, now: DateTime<Utc>) -> f64 {
        self.turn(now);
        let calls = self.now.calls.saturating_add(self.before.calls);
        let faults = self.now.faults.saturating_add(self.before.faults);
        if calls < FEWEST_CALLS {
            return 0.0;
        }
        f64::from(faults) / f64::from(calls)
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
