//! Which fields of a type a query needs; what is not needed is neither fetched nor mapped.

use crate::catalogue::{FieldIndex, TypeDef};

/// A set of fields with the sets of its nested lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Projection {
    fields: Vec<FieldIndex>,
    nested: Vec<(FieldIndex, Projection)>,
    /// Whether the raw row is needed.
    pub raw: bool,
    /// Whether customer-specific fields are needed.
    pub custom: bool,
}

impl Projection {
    /// Returns a projection of every field of a type, without raw rows.
    #[must_use]
    pub fn all(def: &TypeDef) -> Self {
        Self {
            fields: def.fields.values().map(|field| field.index).collect(),
            ..Self::default()
        }
    }

    /// Adds a field.
    pub fn insert(&mut self, field: FieldIndex) {
        if let Err(at) = self.fields.binary_search(&field) {
            self.fields.insert(at, field);
        }
    }

    /// Adds a field whose elements are records of their own and returns their projection.
    pub fn insert_nested(&mut self, field: FieldIndex) -> &mut Self {
        self.insert(field);
        let at = match self.nested.binary_search_by_key(&field, |(field, _)| *field) {
            Ok(at) => at,
            Err(at) => {
                self.nested.insert(at, (field, Self::default()));
                at
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the entry was found or inserted just above")]
        &mut self.nested[at].1
    }

    /// Adds everything that another projection of the same type needs.
    pub fn merge(&mut self, other: &Self) {
        for field in &other.fields {
            self.insert(*field);
        }
        for (field, nested) in &other.nested {
            self.insert_nested(*field).merge(nested);
        }
        self.raw |= other.raw;
        self.custom |= other.custom;
    }

    /// Returns whether a field is needed.
    #[must_use]
    pub fn contains(&self, field: FieldIndex) -> bool {
        self.fields.binary_search(&field).is_ok()
    }

    /// Returns the projection of a nested list, when it has one.
    #[must_use]
    pub fn nested(&self, field: FieldIndex) -> Option<&Self> {
        self.nested
            .binary_search_by_key(&field, |(field, _)| *field)
            .ok()
            .and_then(|at| self.nested.get(at))
            .map(|(_, nested)| nested)
    }

    /// Iterates over the fields in the order of their indexes.
    pub fn fields(&self) -> impl Iterator<Item = FieldIndex> + '_ {
        self.fields.iter().copied()
    }

    /// Returns whether nothing is needed but the key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.raw && !self.custom
    }
}
