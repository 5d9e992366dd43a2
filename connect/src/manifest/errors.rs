//! Ordered rules that classify failures.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{field::OneOrMany, write::BusinessRule};
use crate::error::{CredentialReason, ErrorKind};

/// When its conditions hold, the answer is a failure of this kind.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// The conditions; all must hold.
    pub when: RuleConditions,
    /// The kind of failure.
    pub kind: ErrorKind,
    /// What the answer says about the credentials, beside `invalid_credentials` or `permission_denied`. A refusal without
    /// it means that they are wrong; a missing permission without it says nothing about them.
    #[serde(default)]
    pub reason: Option<CredentialReason>,
    /// Paths of the system's own message in the body; the first that is there is used.
    #[serde(default)]
    pub message: Vec<String>,
    /// Path of the system's own code in the body.
    #[serde(default)]
    pub code: Option<String>,
    /// Which rule of the business refuses a write.
    #[serde(default)]
    pub rule: Option<BusinessRule>,
    /// Path in the body of the name of the field that is wrong, in the system's own words; or the text that it stands in.
    #[serde(default)]
    pub field: Option<SpokenField>,
    /// Where an answer names the fields that are wrong as the members of an object: each is a field, its value what is wrong
    /// with it. Each is told by itself, instead of `field`.
    #[serde(default)]
    pub field_keys: Option<FieldKeys>,
    /// Beside `rate_limited` or `unavailable`: where the body tells how long to wait, besides the headers that do.
    #[serde(default)]
    pub wait: Option<Wait>,
    /// The record that the answer speaks of, where it names that and not the field. In a refused write the field that
    /// refers to it is looked for, and told as the one that is wrong.
    #[serde(default)]
    pub record: Option<SpokenRecord>,
    /// Whether it says that the cursor of a list was forgotten, beside the paging `server_cursor`.
    #[serde(default)]
    pub cursor_expired: bool,
    /// Whether it says that a list or a look-up of several records found nothing, in systems that take this for a failure.
    #[serde(default)]
    pub nothing_found: bool,
}

/// Where an answer names a field.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SpokenField {
    /// Path of the name.
    Value(String),
    /// It stands within a text.
    Within(FieldWithin),
}

/// Where the name of a field stands within a text.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldWithin {
    /// Path of the text in the body.
    pub path: String,
    /// Regular expression with the group `field`, which the text must match: `\((?<field>[a-z_]+)\)`.
    pub pattern: String,
}

/// Where the fields that are wrong are the members of an object.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldKeys {
    /// Path of the object; the body itself when left out. A value is a text, a list of texts, or for rows and parts an
    /// object or a list of objects, whose names are joined by dots. Names that no field was written to are told of the
    /// whole.
    #[serde(default)]
    pub path: String,
    /// Which rule of the business a text means: regular expressions, the first that matches counts; the `rule` of the
    /// error unless one does.
    #[serde(default)]
    pub rules: IndexMap<BusinessRule, String>,
    /// Members that are no fields, such as a status that stands beside them.
    #[serde(default)]
    pub except: Vec<String>,
}

/// Where a body tells how long to wait.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Path of the number.
    pub path: String,
    /// What it counts.
    #[serde(default)]
    pub unit: WaitUnit,
}

/// What a time to wait counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitUnit {
    /// Seconds.
    #[default]
    S,
    /// Milliseconds.
    Ms,
}

/// Where an answer names a record.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpokenRecord {
    /// Path of the text in the body.
    pub path: String,
    /// Regular expression with the groups `remote`, the table as mappings name it, and `key`: `(?<remote>[a-z.]+)/(?<key>\d+)`.
    pub pattern: String,
}

/// Conditions of a rule; all that are given must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConditions {
    /// HTTP statuses.
    #[serde(default)]
    pub status: Option<OneOrMany<u16>>,
    /// Headers and regular expressions that their values must match.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The start of the content type, such as `text/html`.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Tests of the body.
    #[serde(default)]
    pub body: Vec<BodyTest>,
}

/// A test of a value in a JSON body.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyTest {
    /// Where the value stands.
    pub path: String,
    /// It equals one of these JSON values.
    #[serde(default)]
    pub equals: Option<OneOrMany<serde_json::Value>>,
    /// Its text matches this regular expression.
    #[serde(default)]
    pub matches: Option<String>,
    /// It is there and not null (`true`), or it is not (`false`).
    #[serde(default)]
    pub present: Option<bool>,
}
