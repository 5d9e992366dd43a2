//! The order of a list.

use serde::{Deserialize, Serialize};

use crate::catalogue::FieldIndex;

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// A sort by one field; ties are broken by the key of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// The field.
    pub field: FieldIndex,
    /// Which way.
    pub direction: Direction,
}
