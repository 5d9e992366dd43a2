//! What the owner of a running system sets so that it refuses writes: see [`crate::guards`].

use chrono::NaiveDate;
use http::Method;
use serde::Deserialize;

use super::{Sandbox, Shared};

impl Sandbox {
    /// Ends the write tokens given so far, as a session that was idle for too long does. Only SAP has such tokens.
    pub fn end_csrf_tokens(&self) {
        self.shared.state.guards.end_tokens();
    }

    /// Lets a user have a record open, by the number that the system shows; writes to it are refused until it is unlocked.
    pub fn lock_record(&self, record: &str, user: &str) {
        self.shared.state.guards.lock(record, user);
    }

    /// Ends what `lock_record` began.
    pub fn unlock_record(&self, record: &str) {
        self.shared.state.guards.unlock(record);
    }

    /// Closes the posting periods before a day.
    pub fn open_periods_from(&self, day: NaiveDate) {
        self.shared.state.guards.open_from(day);
    }
}

/// A record that a user has open.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    record: String,
    #[serde(default = "somebody")]
    user: String,
}

fn somebody() -> String {
    "MILLER".to_owned()
}

/// The first day that may be posted to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    open_from: NaiveDate,
}

/// Does what a control path says; none when there is no such path.
pub(super) fn control(shared: &Shared, method: &Method, path: &str, content: &[u8]) -> Option<Result<(), String>> {
    let guards = &shared.state.guards;
    let wrong = |error: serde_json::Error| error.to_string();
    let done = match (method, path) {
        (&Method::POST, "csrf/end") => {
            guards.end_tokens();
            Ok(())
        }
        (&Method::POST, "locks") => serde_json::from_slice::<Lock>(content)
            .map(|lock| guards.lock(&lock.record, &lock.user))
            .map_err(wrong),
        (&Method::DELETE, "locks") => serde_json::from_slice::<Lock>(content)
            .map(|lock| guards.unlock(&lock.record))
            .map_err(wrong),
        (&Method::PUT, "periods") => serde_json::from_slice::<Period>(content)
            .map(|period| guards.open_from(period.open_from))
            .map_err(wrong),
        _ => return None,
    };
    Some(done)
}
