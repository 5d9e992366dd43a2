//! A unified record: the slots of its type, its key, and what came with it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    catalogue::{FieldIndex, TypeDef, TypeIndex},
    key::RemoteKey,
    value::Value,
};

/// One record of the unified model, as mapped from one row of a source system.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its type.
    pub kind: TypeIndex,
    /// Its key in the source system.
    pub key: RemoteKey,
    /// One slot for each field of its type; fields that were not asked for are null.
    pub slots: Box<[Value]>,
    /// Customer-specific fields, when asked for.
    pub custom: Vec<CustomField>,
    /// The row as it came, as JSON text, when asked for.
    pub raw: Option<Arc<str>>,
    /// When it was read from the source.
    pub fetched_at: DateTime<Utc>,
    /// Fields that could not be mapped.
    pub problems: Vec<Problem>,
}

impl Record {
    /// Makes an empty record of a type.
    #[must_use]
    pub fn new(def: &TypeDef, key: RemoteKey, fetched_at: DateTime<Utc>) -> Self {
        Self {
            kind: def.index,
            key,
            slots: vec![Value::Null; def.fields.len()].into_boxed_slice(),
            custom: Vec::new(),
            raw: None,
            fetched_at,
            problems: Vec::new(),
        }
    }

    /// Returns the value of a field; null when there is no such slot.
    #[must_use]
    pub fn get(&self, field: FieldIndex) -> &Value {
        const NULL: &Value = &Value::Null;
        self.slots.get(usize::from(field.0)).unwrap_or(NULL)
    }

    /// Sets the value of a field; a slot that does not exist is ignored.
    pub fn set(&mut self, field: FieldIndex, value: Value) {
        if let Some(slot) = self.slots.get_mut(usize::from(field.0)) {
            *slot = value;
        }
    }
}

/// A customer-specific field of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomField {
    /// Key by which it is asked for.
    pub key: String,
    /// Label, when the source has one.
    pub label: Option<String>,
    /// Its value as JSON text.
    pub value: Box<str>,
    /// Where it stands in the source row.
    pub remote_path: String,
}

/// A field of a record that could not be mapped; the rest of the record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The unified field, dotted when nested.
    pub field: String,
    /// Where the value stands in the source row.
    pub path: String,
    /// What is wrong, with the value cut short.
    pub message: String,
}
