//! A unified record: the fields that were asked for, its key, and what came with it.

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
    /// Which fields it holds.
    pub layout: Arc<Layout>,
    /// Their values, in the order of the layout.
    pub values: Box<[Value]>,
    /// Customer-specific fields, when asked for.
    pub custom: Vec<CustomField>,
    /// The row as it came, as JSON text, when asked for.
    pub raw: Option<Arc<str>>,
    /// When it was read from the source.
    pub fetched_at: DateTime<Utc>,
    /// Fields that could not be mapped.
    pub problems: Vec<Problem>,
}

/// Which fields the records of a page hold: those that were asked for. Types have many fields and queries ask for few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The place of each field of the type, or `ABSENT`.
    places: Box<[u16]>,
    held: usize,
}

const ABSENT: u16 = u16::MAX;

impl Layout {
    /// Makes the layout of some fields of a type, in their order.
    #[must_use]
    pub fn new(def: &TypeDef, fields: impl IntoIterator<Item = FieldIndex>) -> Self {
        let mut places = vec![ABSENT; def.fields.len()].into_boxed_slice();
        let mut held = 0;
        for (place, field) in (0..).zip(fields) {
            if let Some(slot) = places.get_mut(usize::from(field.0)) {
                *slot = place;
            }
            held += 1;
        }
        Self { places, held }
    }

    fn place(&self, field: FieldIndex) -> Option<usize> {
        // The value at ABSENT does not exist: no type has so many fields.
        self.places.get(usize::from(field.0)).map(|place| usize::from(*place))
    }
}

/// The fields of a record or of an embedded value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'r> {
    /// None when the values stand by the index of their field.
    pub(crate) layout: Option<&'r Layout>,
    pub(crate) values: &'r [Value],
}

impl<'r> Fields<'r> {
    /// Returns the value of a field; null when it is not held.
    #[must_use]
    pub fn get(self, field: FieldIndex) -> &'r Value {
        const NULL: &Value = &Value::Null;
        let place = match self.layout {
            Some(layout) => layout.place(field),
            None => Some(usize::from(field.0)),
        };
        place.and_then(|place| self.values.get(place)).unwrap_or(NULL)
    }
}

impl Record {
    /// Makes an empty record with every field of a type.
    #[must_use]
    pub fn new(def: &TypeDef, key: RemoteKey, fetched_at: DateTime<Utc>) -> Self {
        let layout = Layout::new(def, def.fields.values().map(|field| field.index));
        let values = vec![Value::Null; layout.held];
        Self::of(def.index, Arc::new(layout), values, key, fetched_at)
    }

    /// Makes a record of values in the order of its layout.
    #[must_use]
    pub fn of(
        kind: TypeIndex,
        layout: Arc<Layout>,
        values: Vec<Value>,
        key: RemoteKey,
        fetched_at: DateTime<Utc>,
    ) -> Self {
        Self {
            kind,
            key,
            layout,
            values: values.into_boxed_slice(),
            custom: Vec::new(),
            raw: None,
            fetched_at,
            problems: Vec::new(),
        }
    }

    /// Returns its fields.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        Fields {
            layout: Some(&self.layout),
            values: &self.values,
        }
    }

    /// Returns the value of a field; null when it is not held.
    #[must_use]
    pub fn get(&self, field: FieldIndex) -> &Value {
        self.fields().get(field)
    }

    /// Sets the value of a field; one that is not held is ignored.
    pub fn set(&mut self, field: FieldIndex, value: Value) {
        let place = self.layout.place(field);
        if let Some(slot) = place.and_then(|place| self.values.get_mut(place)) {
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
