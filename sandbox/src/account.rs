//! The accounts of simulated systems, and how their secrets change when they expire.

use serde::{Deserialize, Serialize};

/// An account of a simulated system. The first two have the same rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// The account of the demo connection.
    #[default]
    First,
    /// Another account, for a connection that is brought back with the wrong one.
    Second,
    /// An account that may not read some tables, in described systems; in the others it is the second one.
    Limited,
}

impl Account {
    /// The accounts that every system has.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// The accounts of described systems.
    pub(crate) const EACH: [Self; 3] = [Self::First, Self::Second, Self::Limited];

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Limited => "limited",
        }
    }

    /// Returns its number, from 1.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second => 2,
            Self::Limited => 3,
        }
    }

    /// Returns the account with a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|account| account.name() == name)
    }

    /// Returns the first or the second of two things.
    pub(crate) fn pick<T>(self, first: T, second: T) -> T {
        match self {
            Self::First => first,
            Self::Second | Self::Limited => second,
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
