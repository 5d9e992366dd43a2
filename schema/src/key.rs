//! Keys of records: the key in the source system, and the global id that carries it.

use std::{
    cmp::Ordering,
    collections::HashSet,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::value::Text;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// Identifies an organization, the tenant that owns everything.
    OrganizationId
);
uuid_id!(
    /// Identifies a connection: one customer's link to one system.
    ConnectionId
);

/// A map by the keys of records, in the order in which they were added, so that what is asked for next does not depend
/// on chance. Its hashes are quick, and seeded anew for each map.
pub type KeyMap<V> = IndexMap<RemoteKey, V, KeyHash>;

/// A set of references to keys of records.
pub type KeySet<'a> = HashSet<&'a RemoteKey, KeyHash>;

/// How keys are hashed.
pub type KeyHash = foldhash::fast::RandomState;

/// The key of a record in its source system: one part, or several for composite keys.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteKey(Parts);

#[derive(Clone, PartialEq, Eq)]
enum Parts {
    One(Text),
    /// None, or at least two.
    Several(Box<[Text]>),
}

impl RemoteKey {
    /// Makes a key of one part.
    #[must_use]
    pub fn single(part: impl Into<Text>) -> Self {
        Self(Parts::One(part.into()))
    }

    /// Makes a key of several parts.
    #[must_use]
    pub fn composite<I: IntoIterator<Item = P>, P: Into<Text>>(parts: I) -> Self {
        let mut parts = parts.into_iter().map(Into::into);
        match (parts.next(), parts.next()) {
            (Some(only), None) => Self(Parts::One(only)),
            (first, second) => Self(Parts::Several(first.into_iter().chain(second).chain(parts).collect())),
        }
    }

    /// Returns its parts.
    #[must_use]
    pub fn parts(&self) -> &[Text] {
        match &self.0 {
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Several(parts) => parts,
        }
    }

    /// Returns the part at a place.
    #[must_use]
    pub fn part(&self, at: usize) -> Option<&str> {
        self.parts().get(at).map(Text::as_str)
    }

    /// Compares two keys part by part, whole numbers by value, other text by code points.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        for (a, b) in self.parts().iter().zip(other.parts()) {
            let order = match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(x), Ok(y)) => x.cmp(&y).then_with(|| a.cmp(b)),
                _ => a.cmp(b),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        self.parts().len().cmp(&other.parts().len())
    }
}

impl Default for RemoteKey {
    fn default() -> Self {
        Self(Parts::Several(Box::default()))
    }
}

impl fmt::Debug for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteKey").field(&self.parts()).finish()
    }
}

impl Hash for RemoteKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().iter().for_each(|part| part.hash(state));
    }
}

impl PartialOrd for RemoteKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RemoteKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(other.parts())
    }
}

/// Writes the parts joined by `|`; `~` and `|` inside a part become `~0` and `~1`.
impl fmt::Display for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts().iter().enumerate() {
            if at > 0 {
                f.write_str("|")?;
            }
            if part.contains(['~', '|']) {
                f.write_str(&part.replace('~', "~0").replace('|', "~1"))?;
            } else {
                f.write_str(part)?;
            }
        }
        Ok(())
    }
}

impl From<&str> for RemoteKey {
    /// Reads what `Display` wrote.
    fn from(text: &str) -> Self {
        if !text.contains(['|', '~']) {
            return Self::single(text);
        }
        Self::composite(text.split('|').map(|part| part.replace("~1", "|").replace("~0", "~")))
    }
}

impl Serialize for RemoteKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RemoteKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
    }
}

/// The id of a record in the graph: its connection, its type and its key. Opaque to clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalId {
    /// The connection that it comes from.
    pub connection: ConnectionId,
    /// The name of its type.
    pub kind: Box<str>,
    /// Its key in the source system.
    pub key: RemoteKey,
}

/// A text that is not an id of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id of this API")]
pub struct InvalidId(pub String);

const ID_VERSION: u8 = 1;

impl fmt::Display for GlobalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(40);
        bytes.push(ID_VERSION);
        bytes.extend_from_slice(self.connection.0.as_bytes());
        bytes.extend_from_slice(self.kind.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(self.key.to_string().as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for GlobalId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidId(text.chars().take(80).collect());
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (version, rest) = bytes.split_first().ok_or_else(invalid)?;
        if *version != ID_VERSION || rest.len() < 18 {
            return Err(invalid());
        }
        let (connection, rest) = rest.split_at(16);
        let connection = Uuid::from_slice(connection).map_err(|_| invalid())?;
        let rest = std::str::from_utf8(rest).map_err(|_| invalid())?;
        let (kind, key) = rest.split_once('\0').ok_or_else(invalid)?;
        if kind.is_empty() || key.is_empty() {
            return Err(invalid());
        }
        Ok(Self {
            connection: ConnectionId(connection),
            kind: kind.into(),
            key: RemoteKey::from(key),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_survives_the_round_trip(connection in any::<u128>(), kind in "[A-Z][A-Za-z]{0,20}", parts in prop::collection::vec("\\PC{1,12}", 1..4)) {
            let id = GlobalId { connection: ConnectionId(Uuid::from_u128(connection)), kind: kind.into(), key: RemoteKey::composite(parts) };
            prop_assert_eq!(id.to_string().parse::<GlobalId>().unwrap(), id);
        }

        #[test]
        fn any_text_is_an_id_or_refused(text in "\\PC{0,60}") {
            let _ = text.parse::<GlobalId>();
        }

        #[test]
        fn keys_are_ordered_totally(a in "[0-9a-c|~]{1,4}", b in "[0-9a-c|~]{1,4}") {
            let (a, b) = (RemoteKey::from(a.as_str()), RemoteKey::from(b.as_str()));
            prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
        }
    }
}
