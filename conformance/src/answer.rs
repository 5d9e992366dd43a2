//! One answer of the server, and ways to its parts that never fail.

use serde_json::Value;

/// One answer of the server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    /// Returns the errors.
    #[must_use]
    pub fn errors(&self) -> &[Value] {
        items(&self.body["errors"])
    }

    /// Returns the codes of all errors, in their order.
    #[must_use]
    pub fn codes(&self) -> Vec<&str> {
        self.errors()
            .iter()
            .map(|error| word(&error["extensions"]["code"]))
            .collect()
    }
}

/// Returns a text; an empty one when it is none, which then is nobody's id or name.
pub(crate) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the elements of a list; none when it is no list.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
