//! Names that follow from the unified model: of filters, orders, pages and root fields.

use lineshaft_schema::{Catalogue, FieldDef, FieldType, TypeDef};

/// The name of a page of an entity that an argument names.
pub(crate) const CUSTOM_PAGE: &str = "CustomRecordPage";

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
    lower_first(&def.name)
}

/// Returns a name with a small first letter.
pub(crate) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
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

/// Returns the name of the input of a value of a type within other inputs: `Money` becomes `MoneyInput`.
pub(crate) fn value_input(name: &str) -> String {
    format!("{name}Input")
}

/// Returns the name of the input from which records of a type are made.
pub(crate) fn create_input(def: &TypeDef) -> String {
    format!("Create{}Input", def.name)
}

/// Returns the name of the input by which records of a type are changed.
pub(crate) fn update_input(def: &TypeDef) -> String {
    format!("Update{}Input", def.name)
}

/// Returns the name of the input by which a row of a type is changed together with its owner.
pub(crate) fn change_input(def: &TypeDef) -> String {
    format!("{}Change", def.name)
}

/// Returns the name of the input by which the rows of a list are changed together with their owner.
pub(crate) fn changes_input(def: &TypeDef) -> String {
    format!("{}Changes", def.name)
}

/// Returns the name of what a write to a record of a type answers.
pub(crate) fn payload(def: &TypeDef) -> String {
    format!("{}Payload", def.name)
}
