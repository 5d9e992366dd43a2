//! Writes custom fields of records as a list of keys and values: those that an organization declared, and those that only
//! the source system knows.

use lineshaft_connect::mapping::CompiledField;
use lineshaft_schema::{CustomField, FieldDef, FieldType, TypeDef, Value};

use super::{Identity, Missing, Subject, Writer, Written};
use crate::walk::selection::CustomPart;

/// Which custom fields are written, and what of each.
pub(super) struct Wanted<'s, 'a> {
    pub(super) keys: &'s Option<Vec<String>>,
    pub(super) fields: &'s [(&'a str, CustomPart)],
    pub(super) declared: &'s [&'a FieldDef],
}

/// One custom field of a record.
enum Custom<'r> {
    Declared {
        field: &'r FieldDef,
        value: &'r Value,
        path: Option<String>,
    },
    Found(&'r CustomField),
}

impl<'a> Writer<'a> {
    /// Writes the custom fields of a record or of a part within one.
    pub(super) fn custom_fields(&mut self, def: &TypeDef, subject: Subject<'_>, wanted: &Wanted<'_, 'a>) -> Written {
        let found: &[CustomField] = match subject.identity {
            Identity::Record(record) => &record.custom,
            Identity::Part(..) if !wanted.declared.is_empty() => &[],
            _ => return Err(Missing),
        };
        let mapping = self.mapping(subject.source, def);
        let declared = wanted.declared.iter().filter_map(|field| {
            let value = subject.fields.get(field.index);
            let mapped = mapping.and_then(|mapping| mapping.field(field.index));
            // Of another connection's fields nothing is told; parts within a row have no mapping of their own.
            (mapped.is_some() || *value != Value::Null).then(|| Custom::Declared {
                field,
                value,
                path: mapped.and_then(path),
            })
        });
        let found = found
            .iter()
            .filter(|field| wanted.keys.as_ref().is_none_or(|keys| keys.contains(&field.key)))
            .filter(|field| !wanted.declared.iter().any(|declared| declared.name == field.key))
            .map(Custom::Found);
        self.list(declared.chain(found), |writer, _, custom| {
            writer.members(wanted.fields, |writer, part| {
                writer.custom_part(subject.source, &custom, part);
            });
            Ok(())
        })
    }

    fn custom_part(&mut self, source: usize, custom: &Custom<'_>, part: CustomPart) {
        match (part, custom) {
            (CustomPart::Typename, _) => self.text("CustomFieldValue"),
            (CustomPart::Key, Custom::Declared { field, .. }) => self.text(&field.name),
            (CustomPart::Key, Custom::Found(found)) => self.text(&found.key),
            (CustomPart::Label, Custom::Declared { field, .. }) => self.optional(field.label.as_deref()),
            (CustomPart::Label, Custom::Found(found)) => self.optional(found.label.as_deref()),
            (CustomPart::Type, Custom::Declared { field, .. }) => self.text(declared_type(field.kind)),
            (CustomPart::Description, Custom::Declared { field, .. }) => self.text(&field.description),
            (CustomPart::Type | CustomPart::Description, Custom::Found(_)) => self.optional(None),
            (CustomPart::Value, Custom::Declared { field, value, .. }) => self.untyped(source, field, value),
            (CustomPart::Value, Custom::Found(found)) => self.out.extend_from_slice(found.value.as_bytes()),
            (CustomPart::RemotePath, Custom::Declared { path, .. }) => self.optional(path.as_deref()),
            (CustomPart::RemotePath, Custom::Found(found)) => self.text(&found.remote_path),
        }
    }

    /// Writes a value of a field as JSON without a selection: records by their ids, objects with all their parts.
    fn untyped(&mut self, source: usize, field: &FieldDef, value: &Value) {
        let catalogue = self.catalogue;
        match (value, field.kind) {
            (Value::List(values), _) => {
                let _ = self.list(values.iter(), |writer, _, value| {
                    writer.untyped(source, field, value);
                    Ok(())
                });
            }
            (Value::Reference(key), FieldType::Reference(kind)) => {
                let id = self.id_of(source, kind, key.clone());
                self.text(&id);
            }
            (Value::Object(object), _) => {
                let parts = catalogue.type_at(object.kind).map(|def| &def.fields);
                self.out.push(b'{');
                for (at, part) in parts.into_iter().flat_map(|parts| parts.values()).enumerate() {
                    if at > 0 {
                        self.out.push(b',');
                    }
                    self.name(&part.name);
                    self.untyped(source, part, object.fields().get(part.index));
                }
                self.out.push(b'}');
            }
            (value, kind) => {
                let start = self.out.len();
                if self.leaf(value, kind, false).is_err() {
                    self.out.truncate(start);
                    self.out.extend_from_slice(b"null");
                }
            }
        }
    }
}

/// Returns where a field stands in the row, when that is a single place.
fn path(field: &CompiledField) -> Option<String> {
    match field.paths() {
        [path] => Some(path.text().to_owned()),
        _ => None,
    }
}

/// Returns the value of `CustomFieldType` that says what a field holds.
const fn declared_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text | FieldType::Id => "STRING",
        FieldType::Integer => "INTEGER",
        FieldType::Decimal => "DECIMAL",
        FieldType::Boolean => "BOOLEAN",
        FieldType::Date => "DATE",
        FieldType::DateTime => "DATETIME",
        FieldType::Enum(_) => "ENUM",
        FieldType::Reference(_) => "REFERENCE",
        FieldType::Object(_) => "OBJECT",
        FieldType::Json | FieldType::Platform => "JSON",
    }
}
