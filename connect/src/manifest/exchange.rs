//! The words by which a spec shows a whole answer: what was asked, what was sent for it, what came back, what it must
//! become.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::write::BusinessRule;
use crate::error::{CredentialReason, ErrorKind};

/// What was wanted of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// A page of a list.
    #[default]
    List,
    /// Records by their keys, or by a reference.
    LookUp,
    /// How many records there are.
    Count,
    /// Whether the credentials work.
    Probe,
    /// A session or a token.
    SignIn,
    /// A new record.
    Create,
    /// A change of a record.
    Update,
    /// The removal of a record.
    Delete,
    /// An action on a record, by its short name.
    Action(String),
}

impl Wanted {
    /// Returns whether it changes something.
    #[must_use]
    pub const fn writes(&self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete | Self::Action(_))
    }
}

/// What was asked, in the words of the unified model.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Conditions by field and operator, as in a query: `{name: {contains: bolt}}`; `and`, `or` and `not` join them.
    #[serde(default)]
    pub filter: IndexMap<String, Json>,
    /// The field that is sorted by, and which way.
    #[serde(default)]
    pub order: IndexMap<String, Way>,
    /// Most records wanted.
    #[serde(default)]
    pub first: Option<u32>,
    /// The fields wanted, besides those that are expected.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Where the page starts, as `next` of the page before it.
    #[serde(default)]
    pub at: Option<Place>,
    /// Whether the number of all records is wanted with the page.
    #[serde(default)]
    pub count: bool,
    /// The keys that are looked up.
    #[serde(default)]
    pub keys: Vec<Key>,
    /// The reference by which is looked up, where that is not the record's own key.
    #[serde(default)]
    pub by: Option<String>,
    /// The record that is written.
    #[serde(default)]
    pub key: Option<Key>,
    /// The values that are written.
    #[serde(default)]
    pub input: Option<IndexMap<String, Json>>,
    /// The version that the caller has seen.
    #[serde(default)]
    pub version: Option<String>,
    /// The way to sign in, by its id; the first that has a session or a token when it is left out.
    #[serde(default)]
    pub auth: Option<String>,
}

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A key, as text or as the number that it looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Key {
    /// A whole number.
    Number(u64),
    /// Text; parts of a composite key are joined by `|`.
    Text(String),
}

impl Key {
    /// Returns its text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Where a page starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Nowhere: nothing follows.
    End,
    /// Behind so many records.
    Offset(u64),
    /// At the page of this number.
    Page(u64),
    /// At the cursor that the system gave.
    Cursor(String),
    /// At the address that the system gave.
    Link(String),
    /// Behind the record with this key.
    Key(Key),
}

/// What is sent. Nothing is compared that it does not name.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SentRequest {
    /// HTTP method.
    #[serde(default)]
    pub method: Option<String>,
    /// The path of the address, decoded.
    #[serde(default)]
    pub path: Option<String>,
    /// Parameters of the address, decoded; null for one that is not sent.
    #[serde(default)]
    pub query: IndexMap<String, Json>,
    /// Headers, without those of the sign-in; null for one that is not sent.
    #[serde(default)]
    pub headers: IndexMap<String, Json>,
    /// The body: of tables the members that it names, null for one that is not sent; lists as a whole; XML as text.
    #[serde(default)]
    pub body: Json,
}

/// What comes back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers that matter.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The body: as YAML what is JSON, anything else as text.
    #[serde(default)]
    pub body: Json,
}

/// What an answer must become.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// All records of the page in their order, each with fields as the API shows them.
    #[serde(default)]
    pub records: Option<Vec<IndexMap<String, Json>>>,
    /// Where the next page starts; `end` when nothing follows.
    #[serde(default)]
    pub next: Option<Place>,
    /// The number of all records.
    #[serde(default)]
    pub count: Option<u64>,
    /// The account that the probe tells.
    #[serde(default)]
    pub account: Option<String>,
    /// What is kept of a login.
    #[serde(default)]
    pub session: Option<IndexMap<String, String>>,
    /// The key of the record that was written.
    #[serde(default)]
    pub key: Option<Key>,
    /// That it is a refusal, and which.
    #[serde(default)]
    pub error: Option<Refusal>,
}

/// How a refusal is understood. What it does not name is not compared.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// The stable code that clients are told: of writes that of the user error.
    #[serde(default)]
    pub code: Option<String>,
    /// What it says about the credentials.
    #[serde(default)]
    pub reason: Option<CredentialReason>,
    /// The rule of the business.
    #[serde(default)]
    pub rule: Option<BusinessRule>,
    /// The system's name of the field that is wrong; the first of several.
    #[serde(default)]
    pub field: Option<String>,
    /// The place in the input that clients are told, where `asked` has one.
    #[serde(default)]
    pub path: Option<Vec<String>>,
    /// The system's own message, as clients are told.
    #[serde(default)]
    pub message: Option<String>,
    /// The system's own code.
    #[serde(default)]
    pub remote_code: Option<String>,
    /// How long the system asks to wait.
    #[serde(default)]
    pub retry_after_s: Option<u64>,
}
