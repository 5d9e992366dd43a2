//! The opaque cursor of a list that runs over many connections.
//!
//! It holds, for each connection, the last record given out. A page after it starts behind that
//! record by key and order value, so records added or removed in between neither repeat nor hide others.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    key::{ConnectionId, RemoteKey},
    value::Scalar,
};

/// Where a list stands in every connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    #[serde(rename = "v")]
    version: u8,
    /// Fingerprint of the query: type, filter, order and scope.
    #[serde(rename = "q")]
    pub query: u64,
    /// Positions, one for each connection that gave records or has ended.
    #[serde(rename = "b")]
    pub branches: Vec<(ConnectionId, Position)>,
}

/// The last record that one connection gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Its key; none before the first record.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RemoteKey>,
    /// Its value of the order field, when the list is ordered.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Scalar>,
    /// How many records the connection has given so far.
    #[serde(rename = "n", default)]
    pub given: u64,
    /// Whether the connection had no more records then.
    #[serde(rename = "e", default, skip_serializing_if = "is_false")]
    pub ended: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Why a cursor was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCursor {
    /// The text is not a cursor of ours.
    #[error("the cursor is not one of this API, or it is damaged")]
    Malformed,
    /// The cursor belongs to another list.
    #[error("the cursor belongs to a query with another type, filter, order or scope")]
    OtherQuery,
}

const CURSOR_VERSION: u8 = 1;
const LONGEST: usize = 64 * 1024;

impl Cursor {
    /// Makes a cursor at the beginning of a list.
    #[must_use]
    pub const fn start(query: u64) -> Self {
        Self {
            version: CURSOR_VERSION,
            query,
            branches: Vec::new(),
        }
    }

    /// Returns the position of a connection.
    #[must_use]
    pub fn position(&self, connection: ConnectionId) -> Option<&Position> {
        self.branches
            .iter()
            .find(|(id, _)| *id == connection)
            .map(|(_, position)| position)
    }

    /// Writes it as text.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads it back and checks that it belongs to the query.
    ///
    /// # Errors
    /// Refuses damaged text and cursors of other queries.
    pub fn decode(text: &str, query: u64) -> Result<Self, InvalidCursor> {
        if text.len() > LONGEST {
            return Err(InvalidCursor::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor::Malformed)?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| InvalidCursor::Malformed)?;
        if cursor.version != CURSOR_VERSION {
            return Err(InvalidCursor::Malformed);
        }
        if cursor.query == query {
            Ok(cursor)
        } else {
            Err(InvalidCursor::OtherQuery)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_the_round_trip(query in any::<u64>(), branches in prop::collection::vec((any::<u128>(), "\\PC{1,10}", any::<i64>(), any::<u32>(), any::<bool>()), 0..6)) {
            let mut cursor = Cursor::start(query);
            for (id, key, order, given, ended) in branches {
                let position = Position { key: Some(RemoteKey::single(key)), order: Some(Scalar::Integer(order)), given: given.into(), ended };
                cursor.branches.push((ConnectionId(Uuid::from_u128(id)), position));
            }
            prop_assert_eq!(Cursor::decode(&cursor.encode(), query), Ok(cursor));
        }

        #[test]
        fn damaged_text_is_refused(text in "\\PC{0,80}") {
            prop_assert!(Cursor::decode(&text, 1).is_err());
        }
    }

    #[test]
    fn a_cursor_of_another_query_is_refused() {
        assert_eq!(
            Cursor::decode(&Cursor::start(1).encode(), 2),
            Err(InvalidCursor::OtherQuery)
        );
    }
}
