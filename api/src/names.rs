//! Names that follow from the unified model: of filters, orders, pages and root fields.

use lineshaft_schema::{Catalogue, FieldDef, FieldType, TypeDef};

/// Returns the name of the filter of an entity.
pub(crate) fn filter(def: &TypeDef) -> String {
    format!("{}Filter", def.name)
}

/// Returns the name of the order of an entity.
pub(crate) fn order(def: &TypeDef) -> String {
    format!("{}Order", def.name)
}

/// Returns the name of the enum of fields to sort by.
pub(crate) fn order_field(def: &TypeDef) -> String {
    format!("{}OrderField", def.name)
}

/// Returns the name of a page of an entity.
pub(crate) fn page(def: &TypeDef) -> String {
    format!("{}Connection", def.name)
}

/// Returns the name of an edge of an entity.
pub(crate) fn edge(def: &TypeDef) -> String {
    format!("{}Edge", def.name)
}

/// Returns the name of the root field that finds one record.
pub(crate) fn single(def: &TypeDef) -> String {
    let mut letters = def.name.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

/// Returns the name of the filter of an enum.
pub(crate) fn enum_filter(name: &str) -> String {
    format!("{name}Filter")
}

/// Returns the value by which an order names a field: `updatedAt` becomes `UPDATED_AT`.
pub(crate) fn order_value(field: &str) -> String {
    let mut value = String::with_capacity(field.len() + 4);
    for letter in field.chars() {
        if letter.is_uppercase() {
            value.push('_');
        }
        value.extend(letter.to_uppercase());
    }
    value
}

/// Returns the name of the filter of a field, if clients may filter by it.
pub(crate) fn field_filter(catalogue: &Catalogue, field: &FieldDef) -> Option<String> {
    Some(match field.comparable()? {
        FieldType::Text => "StringFilter".to_owned(),
        FieldType::Integer => "IntFilter".to_owned(),
        FieldType::Decimal => "DecimalFilter".to_owned(),
        FieldType::Boolean => "BooleanFilter".to_owned(),
        FieldType::Date => "DateFilter".to_owned(),
        FieldType::DateTime => "DateTimeFilter".to_owned(),
        FieldType::Reference(_) => "ReferenceFilter".to_owned(),
        FieldType::Enum(index) => enum_filter(&catalogue.enum_at(index)?.name),
        FieldType::Id | FieldType::Json | FieldType::Object(_) | FieldType::Platform => return None,
    })
}
