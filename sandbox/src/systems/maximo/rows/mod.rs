//! Shows the plant's records as rows of Maximo's object structures.

pub(super) mod own;
pub(super) mod places;
mod purchasing;
mod stock;
pub(super) mod work;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value};

use super::clock;
use super::structures::CUSTOM_PREFIX;
use crate::world::{Custom, CustomFields, LocationKind, World};
use crate::written::Written;

/// The organization all records belong to.
pub(super) const ORGANIZATION: &str = "EAGLENA";
/// The set all items belong to.
pub(super) const ITEM_SET: &str = "SET1";
pub(super) const FIRST_SITE: &str = "BEDFORD";
pub(super) const SECOND_SITE: &str = "NASHUA";
/// Who changed what no person changed.
const ADMINISTRATOR: &str = "MAXADMIN";

/// Returns the rows of an object structure, each a JSON object with its children inside.
pub(super) fn of(structure: &str, world: &World) -> Vec<Value> {
    match structure {
        "mxapiwodetail" => work::orders(world),
        "mxapiasset" => places::assets(world),
        "mxapilocations" => places::locations(world),
        "mxapiperson" => places::people(world),
        "mxapimeterreading" => places::readings(world),
        "mxapiitem" => stock::items(world),
        "mxapiinventory" => stock::inventory(world),
        "mxapiinvbal" => stock::balances(world),
        "mxapipo" => purchasing::orders(world),
        "mxapireceipt" => purchasing::receipts(world),
        "mxapivendor" => purchasing::vendors(world),
        "mxcalibration" => own::calibrations(world),
        _ => Vec::new(),
    }
}

/// Returns the rows that the plant has no place for, oldest first.
pub(super) fn beside(structure: &str, written: &Written) -> Vec<Value> {
    if structure != "mxapiinvuse" {
        return Vec::new();
    }
    let mut rows: Vec<_> = written.rows_of(structure).map(|(_, row)| row).collect();
    rows.sort_by_key(|row| row.created_at);
    rows.into_iter().map(|row| Value::Object(row.fields.clone())).collect()
}

/// Returns the row of one record by the plant's id of it, for the structures that clients write.
pub(super) fn one(structure: &str, world: &World, id: u32) -> Option<Value> {
    let row = match structure {
        "mxapiwodetail" => {
            let order = world.find_work_order(id)?;
            with_custom(work::order_row(order, world), &order.custom)
        }
        "mxapiasset" => {
            let asset = world.find_asset(id)?;
            with_custom(places::asset_row(asset, world), &asset.custom)
        }
        "mxapilocations" => {
            let location = world.find_location(id)?;
            with_custom(places::location_row(location, world), &location.custom)
        }
        "mxapiitem" => {
            let item = world.find_item(id)?;
            with_custom(stock::item_row(item, world), &item.custom)
        }
        "mxapipo" => {
            let order = world.find_purchase_order(id)?;
            with_custom(purchasing::order_row(order, world), &order.custom)
        }
        "mxapivendor" => {
            let vendor = world.find_vendor(id)?;
            with_custom(purchasing::vendor_row(vendor), &vendor.custom)
        }
        // Rows that put several records together, or come from the middle of one.
        _ => return None,
    };
    Some(row)
}

/// Returns the Maximo site of a location: the plant's first site is BEDFORD, any other NASHUA.
pub(super) fn site(world: &World, location: u32) -> &'static str {
    let first = world
        .locations
        .iter()
        .find(|location| location.kind == LocationKind::Site)
        .map(|site| site.id);
    match world.site_of(location) {
        Some(site) if Some(site.id) != first => SECOND_SITE,
        _ => FIRST_SITE,
    }
}

fn number(value: Decimal) -> Value {
    value.to_f64().map_or(Value::Null, Value::from)
}

fn moment(value: DateTime<Utc>) -> Value {
    clock::written(value).into()
}

fn moment_or_null(value: Option<DateTime<Utc>>) -> Value {
    value.map_or(Value::Null, moment)
}

/// Returns the start of a day at the server's place.
fn midnight(day: NaiveDate) -> Value {
    day.and_hms_opt(0, 0, 0)
        .map_or(Value::Null, |local| moment(clock::from_local(local)))
}

fn day(value: NaiveDate) -> Value {
    value.format("%Y-%m-%d").to_string().into()
}

/// Returns a text; an empty one is no value, as on Oracle.
fn text(value: &str) -> Value {
    if value.is_empty() { Value::Null } else { value.into() }
}

fn text_or_null(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

/// Writes a long description as the rich text editor stores it.
fn rich_text(value: &str) -> Value {
    if value.is_empty() {
        return Value::Null;
    }
    let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<p>{}</p>", escaped.replace('\n', "<br />")).into()
}

fn person(world: &World, id: u32) -> Value {
    world
        .find_user(id)
        .map_or(Value::Null, |user| person_id(&user.login).into())
}

pub(super) fn person_id(login: &str) -> String {
    login.to_uppercase()
}

fn item_number(world: &World, id: u32) -> Value {
    world
        .find_item(id)
        .map_or(Value::Null, |item| item.number.as_str().into())
}

fn item_name(world: &World, id: u32) -> Value {
    world
        .find_item(id)
        .map_or(Value::Null, |item| item.name.as_str().into())
}

fn location_code(world: &World, id: u32) -> Value {
    world
        .find_location(id)
        .map_or(Value::Null, |location| location.code.as_str().into())
}

fn vendor_number(world: &World, id: u32) -> Value {
    world
        .find_vendor(id)
        .map_or(Value::Null, |vendor| vendor.number.as_str().into())
}

/// Returns the code of a manufacturer's company record.
pub(super) fn company_code(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .take(12)
        .collect::<String>()
        .to_uppercase()
}

/// Adds the customer's own attributes to a row.
fn with_custom(mut row: Value, custom: &CustomFields) -> Value {
    if let Some(values) = row.as_object_mut() {
        add_custom(values, custom);
    }
    row
}

fn add_custom(values: &mut Map<String, Value>, custom: &CustomFields) {
    for (key, value) in custom {
        let value = match value {
            Custom::Text(value) | Custom::Choice { value, .. } => text(value),
            Custom::Number(value) => number(*value),
            Custom::Flag(value) => (*value).into(),
            Custom::Date(value) => day(*value),
        };
        values.insert(format!("{CUSTOM_PREFIX}{key}"), value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;

    use super::super::structures::{Catalogue, Shape};
    use super::*;
    use crate::world::{Seed, Size};

    fn check(values: &Map<String, Value>, shape: &Shape, place: &str) {
        for (name, value) in values {
            if let Some(child) = shape.child(name) {
                for row in value.as_array().unwrap() {
                    check(row.as_object().unwrap(), &child.shape, name);
                }
            } else {
                assert!(
                    shape.attribute(name).is_some(),
                    "{place}.{name} is not in the catalogue"
                );
            }
        }
    }

    #[test]
    fn rows_have_only_known_attributes_and_distinct_keys() {
        let world = World::generate(Seed::default(), Size::Small);
        let catalogue = Catalogue::of(&world);
        // Documents of usage exist only where clients entered them.
        let structures = catalogue.structures.iter();
        for structure in structures.filter(|structure| structure.name != "mxapiinvuse") {
            let rows = of(&structure.name, &world);
            assert!(!rows.is_empty(), "{}", structure.name);
            let mut keys = HashSet::new();
            for row in &rows {
                let values = row.as_object().unwrap();
                check(values, &structure.shape, &structure.name);
                let key: Vec<String> = structure.key.iter().map(|name| values[name].to_string()).collect();
                assert!(keys.insert(key.clone()), "{} {key:?}", structure.name);
            }
        }
    }
}
