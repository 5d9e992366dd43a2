//! Requests as plain data: what is to be read, what is sent, what came back. No IO.

mod cells;
mod list;
mod look_up;
mod plan;
mod read;
mod select;

#[cfg(test)]
mod tests;

use lineshaft_schema::{FieldIndex, Filter, Order, Position, Projection, Record, RemoteKey, TypeIndex};
use serde::{Deserialize, Serialize};

pub(crate) use list::complete_headers;
pub use plan::{RequestBody, RequestPlan};
pub(crate) use select::selected_name;

/// One page of a list that is wanted of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRequest {
    /// The unified type.
    pub kind: TypeIndex,
    /// What the system is to filter by: the pushed half of a split, or anything (the rest is left out).
    pub filter: Filter,
    /// The order; by key when there is none.
    pub order: Option<Order>,
    /// The last record that was given before.
    pub after: Option<Position>,
    /// Most records wanted on the page.
    pub limit: u32,
    /// The fields wanted.
    pub projection: Projection,
    /// Whether the number of all matching records is wanted too.
    pub count: bool,
    /// Where the page before this one ended, in the system's own terms.
    pub page: Option<PageState>,
}

/// Where the next page of a list starts, in the system's own terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// Behind so many records.
    Offset(u64),
    /// At the page of this number.
    Page(u64),
    /// At the cursor that the system gave.
    Cursor(String),
    /// At the address that the system gave.
    Link(String),
    /// Behind the record with this key.
    Keyset(RemoteKey),
    /// At a cursor that the system may forget.
    Held {
        /// The cursor.
        cursor: String,
        /// The last record before it.
        last: Option<RemoteKey>,
        /// The record behind which the list of the cursor began, when it began anew.
        from: Option<RemoteKey>,
    },
    /// Among the rows without a value of the field that the list is sorted by, which are read behind the others: at
    /// their beginning, or there.
    Missing(Option<Box<PageState>>),
}

/// One page of a list, mapped.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPage {
    /// The records.
    pub records: Vec<Record>,
    /// How many rows the page had, also those that could not be mapped.
    pub rows: usize,
    /// Where the next page starts; none at the end.
    pub next: Option<PageState>,
    /// The number of all matching records, when the system told it.
    pub total: Option<u64>,
    /// Whether the request itself started exactly behind `after`, so that nothing given before comes again.
    pub sought: bool,
}

impl ListPage {
    /// Returns the page of a list that found nothing more.
    pub(crate) const fn empty() -> Self {
        Self {
            records: Vec::new(),
            rows: 0,
            next: None,
            total: None,
            sought: true,
        }
    }
}

/// By what records are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookUp {
    /// By their own keys.
    Key,
    /// By the keys in one of their reference fields: the children of parents.
    Field(FieldIndex),
}

/// One planned call of a look-up. Its answer is read by `ResourcePlan::read_look_up`, and its next page is planned by
/// `ResourcePlan::next_look_up`.
#[derive(Clone, Debug)]
pub struct PlannedLookUp {
    /// What is sent.
    pub plan: RequestPlan,
    /// By what it looks up.
    pub by: LookUp,
    /// The keys that it asks for.
    pub keys: Vec<RemoteKey>,
    /// The list request that it amounts to.
    pub request: ListRequest,
    /// Whether the answer is one record instead of a page; then "not found" means that the record is missing.
    pub single: bool,
}
