//! The numbers and codes this installation uses for the records of the plant.

use crate::{
    odata::{Kind, Model, Row, Value},
    world::{Custom, CustomFields, Location, LocationKind, World},
};

/// The only company code.
pub(super) const COMPANY: &str = "1010";
/// The only purchasing organization.
pub(super) const PURCHASING: &str = "1010";
/// The language of texts.
pub(super) const LANGUAGE: &str = "EN";

/// Returns the supplier number: ten digits.
pub(super) fn supplier(vendor: u32) -> String {
    format!("{:010}", 101_000 + vendor)
}

/// Returns the maintenance order number: twelve digits.
pub(super) fn maintenance_order(work_order: u32) -> String {
    format!("{:012}", 4_002_000 + work_order)
}

/// Returns the user name of a person.
pub(super) fn user(world: &World, id: u32) -> String {
    world
        .find_user(id)
        .map(|user| user.login.to_uppercase())
        .unwrap_or_default()
}

/// Returns the personnel number of a person.
pub(super) fn personnel(user: u32) -> String {
    format!("{user:08}")
}

/// Returns the purchasing group of a buyer.
pub(super) fn purchasing_group(buyer: u32) -> String {
    format!("{buyer:03}")
}

/// Returns the plant a location belongs to.
pub(super) fn plant(world: &World, location: u32) -> String {
    let site = world.site_of(location).map_or(1, |site| site.id);
    (1_000 + 10 * site).to_string()
}

/// Returns the storage location code of a storeroom: the part after the site.
pub(super) fn storage_location(world: &World, location: u32) -> String {
    let code = world
        .find_location(location)
        .map_or("", |location| location.code.as_str());
    code.rsplit('-').next().unwrap_or_default().chars().take(4).collect()
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

/// Returns the code of payment terms and their days.
pub(super) fn payment_terms(terms: &str) -> (String, u32) {
    let days: u32 = terms
        .chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap_or(0);
    match days {
        0 => ("0001".to_owned(), 0),
        days => (format!("NT{days}"), days),
    }
}

/// Returns the region code if the region is one; names of regions have no place.
pub(super) fn region(region: &str) -> &str {
    if region.chars().count() <= 3 { region } else { "" }
}

/// Returns a short upper-case code of a text.
pub(super) fn short_code(text: &str, length: usize) -> String {
    text.chars()
        .filter(|symbol| symbol.is_alphanumeric())
        .take(length)
        .collect::<String>()
        .to_uppercase()
}

/// Adds the customer's fields of a record type to an entity set.
pub(super) fn extend<'a>(
    model: &mut Model,
    set: &str,
    context: &str,
    records: impl IntoIterator<Item = &'a CustomFields>,
) {
    let is_v4 = !set.starts_with("A_") && set.starts_with("PurchaseOrder");
    for (key, value) in records.into_iter().flatten() {
        let kind = match value {
            Custom::Text(_) | Custom::Choice { .. } => Kind::Text {
                length: Some(60),
                padded: false,
                nullable: false,
            },
            Custom::Number(_) => Kind::Decimal,
            Custom::Flag(_) => Kind::Flag,
            Custom::Date(_) if is_v4 => Kind::Date,
            Custom::Date(_) => Kind::DateTime,
        };
        model.extend(set, &own_name(key, context), kind);
    }
}

/// Sets the customer's fields of a record.
pub(super) fn own_fields(mut row: Row, context: &str, fields: &CustomFields) -> Row {
    for (key, value) in fields {
        let value = match value {
            Custom::Text(text) | Custom::Choice { value: text, .. } => Value::Text(text.clone()),
            Custom::Number(number) => Value::Number(*number),
            Custom::Flag(flag) => Value::Flag(*flag),
            Custom::Date(date) => Value::Date(*date),
        };
        row.set(own_name(key, context), value);
    }
    row
}

/// Names a customer's field as the extensibility of the system does: `YY1_BudgetCode_PDH`.
fn own_name(key: &str, context: &str) -> String {
    let words = key.split('_').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    });
    format!("YY1_{}_{context}", words.collect::<String>())
}
