//! A request as the receiver keeps it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Verdict;

/// One request that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Counts from one.
    pub number: u64,
    /// When its last byte came.
    pub at: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The headers in the order in which they came; names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub body: String,
    /// The body as it came, in base64.
    pub raw_body: String,
    /// The status it was answered with; 0 when it was never answered.
    pub status: u16,
    /// What the signature is worth.
    pub signature: Verdict,
}

impl Received {
    /// Returns the first header with a name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the body as it came.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.raw_body).unwrap_or_default()
    }

    /// Returns the body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes()).unwrap_or_default()
    }
}
