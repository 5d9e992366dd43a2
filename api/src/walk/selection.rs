//! A compiled selection: which fields of a type are written under which names, and which of them need loading.

use async_graphql::{Positioned, parser::types::SelectionSet};
use lineshaft_schema::{FieldDef, FieldIndex, FieldType, Projection, TypeIndex};

/// The selection of one type.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// The type.
    pub(crate) kind: TypeIndex,
    /// The fields in the order in which they are written.
    pub(crate) fields: Vec<Field<'a>>,
    /// What of a record is needed to write them.
    pub(crate) projection: Projection,
}

/// One field of a selection.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    /// The name in the answer.
    pub(crate) key: &'a str,
    /// The name as it is written behind other fields: `,"key":`.
    pub(crate) name: Box<str>,
    /// Whether null is not allowed.
    pub(crate) required: bool,
    /// What is written.
    pub(crate) kind: FieldKind<'a>,
}

impl<'a> Field<'a> {
    /// Makes a field. Names of GraphQL have nothing to escape.
    pub(crate) fn new(key: &'a str, required: bool, kind: FieldKind<'a>) -> Self {
        let name = format!(",\"{key}\":").into();
        Self {
            key,
            name,
            required,
            kind,
        }
    }
}

/// What is written for a field.
#[derive(Debug)]
pub(crate) enum FieldKind<'a> {
    /// The name of the type.
    Typename,
    /// A scalar, an enum, or a list of them.
    Leaf {
        /// The slot.
        slot: FieldIndex,
        /// Its type.
        kind: FieldType,
    },
    /// Something the server knows without the row.
    Computed(Computed<'a>),
    /// An object of the platform, such as the connection.
    Platform(Vec<&'a Positioned<SelectionSet>>),
    /// An embedded value or a list of them.
    Embedded {
        /// The slot.
        slot: FieldIndex,
        /// The selection of the value.
        inner: Selection<'a>,
    },
    /// A record that the slot refers to.
    Reference {
        /// The slot.
        slot: FieldIndex,
        /// The selection of the record.
        inner: Selection<'a>,
    },
    /// Records that refer back to this one.
    Reverse {
        /// The slot, for connectors that deliver them within the row.
        slot: FieldIndex,
        /// The reference field that points back.
        by: FieldIndex,
        /// The selection of the records.
        inner: Selection<'a>,
    },
}

/// Something the server knows without the row.
#[derive(Debug)]
pub(crate) enum Computed<'a> {
    /// The global id.
    Id,
    /// The id of the connection.
    ConnectionId,
    /// The key in the source system.
    RemoteId {
        /// The slot, which parts within a row fill.
        slot: FieldIndex,
    },
    /// The parts of the key.
    RemoteKeys(Vec<(&'a str, KeyPart)>),
    /// When the record was read.
    FetchedAt,
    /// The row as it came.
    Raw,
    /// Customer-specific fields.
    CustomFields {
        /// Which ones; all when none are named.
        keys: Option<Vec<String>>,
        /// The fields of each.
        fields: Vec<(&'a str, CustomPart)>,
        /// Those among them that the organization declared.
        declared: Vec<&'a FieldDef>,
    },
}

/// A field of a part of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyPart {
    /// `__typename`.
    Typename,
    /// The name of the part.
    Name,
    /// Its value.
    Value,
}

/// A field of a customer-specific field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CustomPart {
    /// `__typename`.
    Typename,
    /// The key.
    Key,
    /// The label.
    Label,
    /// The declared type.
    Type,
    /// The declared description.
    Description,
    /// The value.
    Value,
    /// Where it stands in the row.
    RemotePath,
}
