//! The companies, numbers and codes of this installation.

use crate::{
    odata::{Kind, Model, Row, Value},
    world::{Custom, CustomFields, Location, LocationKind, World},
};

/// The company of the plant, which is also the default company of the user.
pub(super) const COMPANY: &str = "usmf";
/// A second company with copies of a few records; only seen across companies.
pub(super) const OTHER: &str = "dat";

/// Returns a row of an entity that writes the company in small letters.
pub(super) fn row(company: &str) -> Row {
    Row::new().with("dataAreaId", company)
}

/// Returns a row of an entity that writes the company in capital letters.
pub(super) fn row_in_capitals(company: &str) -> Row {
    Row::new().with("dataAreaId", company.to_uppercase())
}

/// Returns a member of the enumeration of yes and no.
pub(super) fn yes_no(flag: bool) -> &'static str {
    if flag { "Yes" } else { "No" }
}

/// Returns the code of the site a location belongs to.
pub(super) fn site(world: &World, location: u32) -> String {
    world
        .site_of(location)
        .map(|site| site.code.clone())
        .unwrap_or_default()
}

/// Returns the code of a location.
pub(super) fn code(world: &World, location: u32) -> String {
    world
        .find_location(location)
        .map(|location| location.code.clone())
        .unwrap_or_default()
}

/// Returns whether a location is kept as a functional location.
pub(super) fn is_functional(location: &Location) -> bool {
    matches!(
        location.kind,
        LocationKind::Site | LocationKind::Building | LocationKind::ProductionLine
    )
}

/// Returns the nearest functional location at or above a location.
pub(super) fn functional_location(world: &World, location: u32) -> Option<&Location> {
    let found = world.find_location(location)?;
    if is_functional(found) {
        return Some(found);
    }
    functional_location(world, found.parent?)
}

/// Returns the personnel number of a person.
pub(super) fn personnel(user: u32) -> String {
    format!("{user:06}")
}

/// Returns a short upper-case code of a text.
pub(super) fn short_code(text: &str, length: usize) -> String {
    text.chars()
        .filter(|symbol| symbol.is_alphanumeric())
        .take(length)
        .collect::<String>()
        .to_uppercase()
}

/// Writes an address in one text, as the formatted addresses of the system are.
pub(super) fn formatted_address(street: &str, postal_code: &str, city: &str, country: &str) -> String {
    format!("{street}\n{postal_code} {city}\n{country}")
}

/// Adds the customer's fields of a record type to an entity set.
pub(super) fn extend<'a>(model: &mut Model, set: &str, records: impl IntoIterator<Item = &'a CustomFields>) {
    for (key, value) in records.into_iter().flatten() {
        let kind = match value {
            Custom::Text(_) | Custom::Choice { .. } => Kind::Text {
                length: None,
                padded: false,
                nullable: false,
            },
            Custom::Number(_) => Kind::Decimal,
            Custom::Flag(_) => Kind::Enumeration("NoYes".to_owned()),
            Custom::Date(_) => Kind::Noon,
        };
        model.extend(set, &own_name(key), kind);
    }
}

/// Sets the customer's fields of a record.
pub(super) fn own_fields(mut row: Row, fields: &CustomFields) -> Row {
    for (key, value) in fields {
        let value = match value {
            Custom::Text(text) | Custom::Choice { value: text, .. } => Value::Text(text.clone()),
            Custom::Number(number) => Value::Number(*number),
            Custom::Flag(flag) => Value::from(yes_no(*flag)),
            Custom::Date(date) => Value::Date(*date),
        };
        row.set(own_name(key), value);
    }
    row
}

/// Names a customer's field with the prefix of its developer: `LBW_BudgetCode`.
fn own_name(key: &str) -> String {
    let words = key.split('_').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    });
    format!("LBW_{}", words.collect::<String>())
}
