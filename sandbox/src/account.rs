//! The two accounts every simulated system has, and how their secrets change when they expire.

use serde::{Deserialize, Serialize};

/// An account of a simulated system, with the same rights as the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// The account of the demo connection.
    #[default]
    First,
    /// Another account, for a connection that is brought back with the wrong one.
    Second,
}

impl Account {
    /// Both accounts.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// Returns the first or the second of two things.
    pub(crate) fn pick<T>(self, first: T, second: T) -> T {
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }
}

/// How often the secrets of an account were replaced; every secret follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Generation(u32);

impl Generation {
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the generations before this one, the latest first.
    pub(crate) fn earlier(self) -> impl Iterator<Item = Self> {
        (0..self.0).rev().map(Self)
    }

    /// Returns the password that takes the place of the original one.
    pub(crate) fn password(self, original: &str) -> String {
        match self.0 {
            0 => original.to_owned(),
            number => format!("{original}-{}", number + 1),
        }
    }

    /// Returns the key of hexadecimal digits, of the same length, that takes the place of the original one.
    pub(crate) fn key(self, original: &str) -> String {
        let kept = original.len().checked_sub(8).and_then(|length| original.get(..length));
        match (self.0, kept) {
            (number @ 1.., Some(kept)) => format!("{kept}{:08x}", number.wrapping_mul(0x9e37_79b1)),
            (number @ 1.., None) => format!("{original}{number}"),
            (0, _) => original.to_owned(),
        }
    }
}
