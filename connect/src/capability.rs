//! What a connector offers for one unified type.

use std::collections::BTreeMap;

use lineshaft_schema::{FieldIndex, Operator, TypeIndex};

/// How well the system applies an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As `Filter::matches` means it.
    Exact,
    /// It lets through more; the rest is checked here.
    Coarse,
}

/// What is known of one mapped field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldCapability {
    /// Where it comes from, in words of the source system.
    pub source: String,
    /// Operators that the system applies.
    pub filters: BTreeMap<Operator, Precision>,
    /// Whether the system sorts by it.
    pub sortable: bool,
}

/// What a connector offers for one unified type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The type.
    pub kind: TypeIndex,
    /// Name of its table, model or entity set in the system.
    pub remote: String,
    /// Whether records can be listed.
    pub list: bool,
    /// Most keys in one look-up; none when records cannot be looked up by key.
    pub get_many: Option<usize>,
    /// Reference fields by which the records of many parents come in one call.
    pub children: Vec<FieldIndex>,
    /// The mapped fields.
    pub fields: BTreeMap<FieldIndex, FieldCapability>,
    /// Records asked for at once unless fewer are needed.
    pub page_size: u32,
    /// Most records that one page can have.
    pub max_page_size: u32,
    /// Whether records can be counted without reading them.
    pub count: bool,
    /// Whether a list without order goes on behind a known record without reading what comes before.
    pub seek: bool,
    /// Whether records changed since an instant can be asked for.
    pub changes: bool,
}

impl Capability {
    /// Returns how well the system applies an operator to a field.
    #[must_use]
    pub fn filter(&self, field: FieldIndex, operator: Operator) -> Option<Precision> {
        self.fields.get(&field)?.filters.get(&operator).copied()
    }

    /// Returns whether the system sorts by a field.
    #[must_use]
    pub fn sorts_by(&self, field: FieldIndex) -> bool {
        self.fields.get(&field).is_some_and(|field| field.sortable)
    }
}
