//! How each entity of a connection fares, as it is kept in the row of the connection.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the entities of a connection fare, by their names.
pub type Entities = BTreeMap<String, EntityHealth>;

/// How one entity fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityHealth {
    /// How its last reading went.
    pub status: EntityStatus,
    /// The code of the last failure, while it has not been read since.
    #[serde(default)]
    pub code: Option<String>,
    /// What that failure said.
    #[serde(default)]
    pub message: Option<String>,
    /// When it was last read.
    #[serde(default)]
    pub last_success_at: Option<DateTime<Utc>>,
    /// When reading it last failed.
    #[serde(default)]
    pub last_error_at: Option<DateTime<Utc>>,
}

/// How the last reading of an entity went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntityStatus {
    /// It was read.
    Ok,
    /// The account may not read it.
    Denied,
    /// The system failed.
    Failed,
    /// The system does not offer it.
    Unsupported,
    /// It has not been read yet.
    #[serde(other)]
    Unknown,
}

impl EntityStatus {
    /// Returns its text in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Denied => "DENIED",
            Self::Failed => "FAILED",
            Self::Unsupported => "UNSUPPORTED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl EntityHealth {
    /// An entity that was not read yet.
    pub(crate) const fn unknown() -> Self {
        Self {
            status: EntityStatus::Unknown,
            code: None,
            message: None,
            last_success_at: None,
            last_error_at: None,
        }
    }

    /// Notes that it was read.
    pub(crate) fn succeed(&mut self, now: DateTime<Utc>) {
        self.status = EntityStatus::Ok;
        (self.code, self.message) = (None, None);
        self.last_success_at = Some(now);
    }

    /// Notes that reading it failed.
    pub(crate) fn fail(&mut self, status: EntityStatus, code: &str, message: &str, now: DateTime<Utc>) {
        self.status = status;
        self.code = Some(code.to_owned());
        self.message = Some(message.to_owned());
        self.last_error_at = Some(now);
    }

    /// Returns whether the account may no longer read what it once read.
    pub(crate) fn is_lost(&self) -> bool {
        self.status == EntityStatus::Denied && self.last_success_at.is_some()
    }

    fn last_change(&self) -> Option<DateTime<Utc>> {
        self.last_success_at.max(self.last_error_at)
    }
}

/// Reads what a row says. What cannot be read is as if it were not there.
pub(crate) fn parse(stored: Option<&Value>) -> Entities {
    stored
        .and_then(|stored| Entities::deserialize(stored).ok())
        .unwrap_or_default()
}

/// Takes news over into what is known: of two words about one entity the later one stands.
pub(crate) fn merge(known: &mut Entities, news: &Entities) {
    for (name, new) in news {
        let Some(old) = known.get_mut(name) else {
            known.insert(name.clone(), new.clone());
            continue;
        };
        let (success, error) = (
            old.last_success_at.max(new.last_success_at),
            old.last_error_at.max(new.last_error_at),
        );
        if new.last_change() >= old.last_change() {
            *old = new.clone();
        }
        (old.last_success_at, old.last_error_at) = (success, error);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;

    #[test]
    fn of_two_words_about_an_entity_the_later_one_stands() {
        let now = crate::database::now();
        let (mut early, mut late) = (EntityHealth::unknown(), EntityHealth::unknown());
        early.succeed(now);
        late.fail(
            EntityStatus::Denied,
            "PERMISSION_DENIED",
            "no",
            now + TimeDelta::seconds(1),
        );
        let one = |health: &EntityHealth| Entities::from([("Vendor".to_owned(), health.clone())]);
        for (mut known, news) in [(one(&early), one(&late)), (one(&late), one(&early))] {
            merge(&mut known, &news);
            let vendor = &known["Vendor"];
            assert!(vendor.is_lost(), "{vendor:?}");
            assert_eq!(vendor.code.as_deref(), Some("PERMISSION_DENIED"));
        }
    }

    #[test]
    fn what_a_row_says_is_read_leniently() {
        let stored = json!({"Vendor": {"status": "OK"}, "Item": {"status": "of another version"}});
        let read = parse(Some(&stored));
        assert_eq!(read["Vendor"].status, EntityStatus::Ok);
        assert_eq!(read["Item"].status, EntityStatus::Unknown);
        assert!(parse(Some(&json!([1]))).is_empty());
        assert!(parse(None).is_empty());
    }
}
