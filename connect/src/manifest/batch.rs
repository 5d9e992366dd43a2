//! Envelopes: how several requests are sent as one.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How several requests are sent as one. Requests that read one record, or the rows of one parent, and are wanted
/// together go into envelopes instead of one by one. Each part of an answer is judged by the rules of all answers; parts
/// that failed do not fail the others.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// What envelopes are written in.
    pub form: BatchForm,
    /// Path of the envelope below the base address, or a whole address on the same host; with the variable
    /// `resource.remote`. It is sent by POST.
    pub path: String,
    /// Query parameters of the envelope; empty ones are left out.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Headers of the envelope. `Prefer: odata.continue-on-error` goes with those of `OData` unless said otherwise.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// For `json`: the body around the list `{{requests}}`, with the variable `atomic`, which says whether the system is to
    /// carry out all of it or nothing. `{requests: "{{requests}}"}` unless said otherwise.
    #[serde(default)]
    pub envelope: Option<serde_json::Value>,
    /// For `json`: one of the requests, with the variables `request.id` (a text, counted from 1), `request.method`,
    /// `request.url` (the whole address), `request.path` (what follows the host, with the query), `request.below_base`
    /// (what follows the base address), `request.relative` (what follows the folder of the envelope's address),
    /// `request.headers` (an object), `request.header_list` (a list of `name` and `value`), `request.body` (JSON),
    /// `request.body_base64`, `request.group` (a name, the same for all requests of an envelope that is carried out as a
    /// whole or not at all). Members whose variable has no value are left out. That of `OData` 4.01 unless said otherwise.
    #[serde(default)]
    pub part: Option<serde_json::Value>,
    /// For `json`: where the answers stand; as in `OData` 4.01 unless said otherwise.
    #[serde(default)]
    pub answers: Option<BatchAnswers>,
    /// Most requests in one envelope.
    #[serde(default)]
    pub max_requests: Option<u32>,
    /// Fewest requests that are worth an envelope; 2 unless said otherwise. With 1 there is no request without one.
    #[serde(default)]
    pub min_requests: Option<u32>,
    /// As how many calls the system counts an envelope.
    #[serde(default)]
    pub counts: BatchCount,
    /// Whether requests that change something go into envelopes too: those of rows that are written after the record that
    /// they belong to (`each` under `write.children`), and those of a step `for_each`. Envelopes hold either reads or changes, and one of changes is sent
    /// once.
    #[serde(default)]
    pub writes: bool,
    /// Beside `writes`: whether the system carries out all changes of an envelope or none of them. In `multipart_odata` they
    /// are one change set, else each is a change set of its own; in `json` the templates say so by `atomic` or
    /// `request.group`.
    #[serde(default)]
    pub atomic: bool,
}

/// What envelopes are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchForm {
    /// `multipart/mixed` with a request in each part, as `OData` versions 2 and 4 have it. Of reads only GET requests go in,
    /// of changes those with a JSON body or none.
    MultipartOdata,
    /// JSON.
    Json,
}

/// As how many calls a system counts an envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchCount {
    /// As one.
    #[default]
    One,
    /// Each of its requests as one.
    Parts,
}

/// Where the answers stand in the answer to an envelope. Paths of an answer start at its element of the list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchAnswers {
    /// The list of answers; the whole body when left out.
    #[serde(default)]
    pub path: Option<String>,
    /// The id of the request; answers come in the order of the requests when left out.
    #[serde(default)]
    pub id: Option<String>,
    /// The HTTP status; 200 when left out or missing.
    #[serde(default)]
    pub status: Option<String>,
    /// The headers: an object, or a list of `name` and `value`.
    #[serde(default)]
    pub headers: Option<String>,
    /// The body; the whole element when left out.
    #[serde(default)]
    pub body: Option<String>,
    /// What the body is written as.
    #[serde(default, rename = "as")]
    pub form: BatchBody,
}

/// What the bodies in an envelope are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchBody {
    /// JSON within the JSON.
    #[default]
    Json,
    /// A text that has the body.
    Text,
    /// A text that has the body in base64.
    Base64,
}
