//! Connector folders: read, checked against the grammar, every problem told at once with its place.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

/// A row of a system and what the API must show of it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The file that it stands in.
    pub file: String,
    /// The unified type.
    pub kind: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// The raw row.
    pub row: sonic_rs::Value,
    /// Settings of the connection.
    pub settings: Map<String, Json>,
    /// Unified fields and their values as the API shows them.
    pub expect: IndexMap<String, Json>,
}

/// Escapes a name for a JSON pointer.
#[must_use]
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
