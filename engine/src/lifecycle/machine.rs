//! The states of a connection and what leads from one to the next, without IO. Only an explicit answer about credentials
//! leads to `REAUTH_REQUIRED`, and what merely happens never leads out of it or of what somebody asked for.

#[cfg(test)]
mod tests;

use lineshaft_entities::connection::Status;

use super::Reason;
use crate::events::EventKind;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its state.
    pub status: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// Whether it was told that calls are held back, and not yet that they go through again.
    pub circuit_open: bool,
    /// Whether the period for which the system asked for fewer calls lasts.
    pub rate_limited: bool,
    /// Whether it once worked, and so has its credits.
    pub activated: bool,
}

/// Why a connection works only in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ailment {
    /// Why.
    pub reason: Reason,
    /// What more is to be told, for people.
    pub message: String,
}

/// What happens to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An operation succeeded. With an ailment, something else does not work.
    Worked(Option<Ailment>),
    /// Somebody tried the credentials on purpose, and they work.
    Vouched(Option<Ailment>),
    /// Something does not work.
    Ails(Ailment),
    /// The system said that the credentials are no good.
    Refused(Ailment),
    /// A trial failed by the system's fault.
    Unreachable(Ailment),
    /// So many calls failed that they are held back now.
    CircuitOpened(Ailment),
    /// The system answered again, and calls go through.
    CircuitClosed,
    /// The system asked for fewer calls.
    Limited,
    /// The organization pauses it.
    Pause,
    /// The organization resumes it, to the state that it was paused in.
    Resume(Status),
    /// The operator switches it off.
    Disable,
    /// The operator switches it on again, to the state that it was switched off in.
    Enable(Status),
    /// It is removed.
    Disconnect,
}

/// What a signal leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state, which may be the same.
    pub to: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// What more is to be told, for people.
    pub message: Option<String>,
    /// What is told, in this order.
    pub events: Vec<EventKind>,
}

/// Returns what a signal leads to, or nothing when it changes nothing.
#[must_use]
pub fn next(now: &Snapshot, signal: &Signal) -> Option<Step> {
    match signal {
        Signal::Worked(ailment) if now.is_watched() => worked(now, ailment.as_ref()),
        Signal::Vouched(ailment) if now.is_watched() || now.status == Status::ReauthRequired => {
            worked(now, ailment.as_ref())
        }
        Signal::Ails(ailment) if now.status == Status::Active => {
            Some(Step::to(Status::Degraded, ailment, EventKind::Degraded))
        }
        Signal::Refused(ailment) if now.is_watched() => {
            Some(Step::to(Status::ReauthRequired, ailment, EventKind::ReauthRequired))
        }
        Signal::Unreachable(ailment) if now.is_watched() => unreachable(now, ailment),
        Signal::CircuitOpened(ailment) if now.is_watched() => circuit_opened(now, ailment),
        Signal::CircuitClosed if now.circuit_open => circuit_closed(now),
        Signal::Limited if now.is_watched() && !now.rate_limited => Some(now.telling(EventKind::RateLimited)),
        Signal::Pause if now.is_watched() || now.status == Status::ReauthRequired => {
            Some(Step::asked_for(Status::Paused, EventKind::Paused))
        }
        Signal::Resume(to) if now.status == Status::Paused => Some(Step::back_to(*to, EventKind::Resumed)),
        Signal::Disable if !matches!(now.status, Status::Disabled | Status::Disconnected) => {
            Some(Step::asked_for(Status::Disabled, EventKind::Disabled))
        }
        Signal::Enable(to) if now.status == Status::Disabled => Some(Step::back_to(*to, EventKind::Enabled)),
        Signal::Disconnect if now.status != Status::Disconnected => {
            Some(Step::asked_for(Status::Disconnected, EventKind::Disconnected))
        }
        _ => None,
    }
}

fn worked(now: &Snapshot, ailment: Option<&Ailment>) -> Option<Step> {
    let to = if ailment.is_some() {
        Status::Degraded
    } else {
        Status::Active
    };
    let mut events = Vec::new();
    if now.circuit_open {
        events.push(EventKind::CircuitClosed);
    }
    let first = now.status == Status::Pending || (now.status == Status::ReauthRequired && !now.activated);
    if first {
        events.push(EventKind::Activated);
    }
    if to != now.status {
        match to {
            Status::Degraded => events.push(EventKind::Degraded),
            _ if !first => events.push(EventKind::Recovered),
            _ => {}
        }
    }
    if events.is_empty() {
        return None;
    }
    if to == now.status {
        return Some(Step {
            events,
            ..now.staying()
        });
    }
    Some(Step {
        to,
        reason: ailment.map(|ailment| ailment.reason),
        message: ailment.map(|ailment| ailment.message.clone()),
        events,
    })
}

fn unreachable(now: &Snapshot, ailment: &Ailment) -> Option<Step> {
    match now.status {
        Status::Active | Status::Degraded => Some(Step::to(Status::Unreachable, ailment, EventKind::Unreachable)),
        // It has never worked: that it does not is no news, but why is worth knowing.
        Status::Pending if now.reason != Some(ailment.reason) => Some(Step {
            events: Vec::new(),
            ..Step::to(Status::Pending, ailment, EventKind::Unreachable)
        }),
        _ => None,
    }
}

fn circuit_opened(now: &Snapshot, ailment: &Ailment) -> Option<Step> {
    let mut events = Vec::new();
    if !now.circuit_open {
        events.push(EventKind::CircuitOpened);
    }
    match now.status {
        Status::Active | Status::Degraded => events.push(EventKind::Unreachable),
        _ if events.is_empty() => return None,
        _ => {
            return Some(Step {
                events,
                ..now.staying()
            });
        }
    }
    Some(Step {
        events,
        ..Step::to(Status::Unreachable, ailment, EventKind::Unreachable)
    })
}

fn circuit_closed(now: &Snapshot) -> Option<Step> {
    match now.status {
        Status::Unreachable => Some(Step {
            to: Status::Active,
            reason: None,
            message: None,
            events: vec![EventKind::CircuitClosed, EventKind::Recovered],
        }),
        Status::Pending | Status::Active | Status::Degraded | Status::ReauthRequired => {
            Some(now.telling(EventKind::CircuitClosed))
        }
        Status::Paused | Status::Disabled | Status::Disconnected => None,
    }
}

impl Snapshot {
    /// Returns whether what happens on the connection can change its state.
    const fn is_watched(&self) -> bool {
        matches!(
            self.status,
            Status::Pending | Status::Active | Status::Degraded | Status::Unreachable
        )
    }

    const fn staying(&self) -> Step {
        Step {
            to: self.status,
            reason: self.reason,
            message: None,
            events: Vec::new(),
        }
    }

    fn telling(&self, event: EventKind) -> Step {
        Step {
            events: vec![event],
            ..self.staying()
        }
    }
}

impl Step {
    fn to(to: Status, ailment: &Ailment, event: EventKind) -> Self {
        Self {
            to,
            reason: Some(ailment.reason),
            message: Some(ailment.message.clone()),
            events: vec![event],
        }
    }

    fn asked_for(to: Status, event: EventKind) -> Self {
        Self {
            to,
            reason: Some(Reason::Manual),
            message: None,
            events: vec![event],
        }
    }

    fn back_to(to: Status, event: EventKind) -> Self {
        let reason = match to {
            Status::ReauthRequired => Some(Reason::InvalidCredentials),
            Status::Paused => Some(Reason::Manual),
            _ => None,
        };
        Self {
            to,
            reason,
            message: None,
            events: vec![event],
        }
    }
}
