//! Tables of codes: what the customer's system calls its states and kinds.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::http::Request;

/// A small table of codes, such as the states that a customer has named, with what the system says of each. It is read
/// once for each connection and kept for a while.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// The request of the whole table.
    pub request: Request,
    /// Where the entries stand in the answer: a list, or an object whose members are the entries. The whole body when
    /// left out.
    #[serde(default)]
    pub records: Option<String>,
    /// Path of the code in an entry; the name of the member when the entries are those of an object.
    #[serde(default)]
    pub code: Option<String>,
    /// What of an entry rows are given: names and paths in the entry.
    pub keep: IndexMap<String, String>,
    /// Seconds that the table is kept; 3600 unless said otherwise.
    #[serde(default)]
    pub keep_s: Option<u32>,
    /// Most entries; 5000 unless said otherwise. A longer table is an error.
    #[serde(default)]
    pub max_rows: Option<u32>,
    /// Unified types whose writes through the connection change the table, so that it is read again.
    #[serde(default)]
    pub ended_by: Vec<String>,
}

/// What of the entries of a table a text is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelOf {
    /// The table.
    pub of: String,
    /// The name under which its `keep` has the label.
    pub member: String,
}

/// A table of codes that is joined into rows. Mappings find the entry of the row's code at `_labels.<name>`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelsJoin {
    /// The table.
    pub of: String,
    /// Path of the code in the row.
    pub by: String,
    /// The member of the row that holds the list into whose elements it is joined; `by` starts at the element then.
    #[serde(default)]
    pub within: Option<String>,
}
