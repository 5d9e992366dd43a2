//! Custom fields, in which Limble keeps all that its fixed fields have no place for: one row for each value, and another
//! field id at each location.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::parts::Shelf;
use super::{ASSET, LOCATION, VENDOR, first_location, number, text, unix_day};
use crate::world::{AssetStatus, Custom, CustomFields, MeterKind, VendorStatus, World};

/// A named value with its field type.
struct Field {
    name: String,
    kind: &'static str,
    value: Value,
}

impl Field {
    fn text(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: "Text",
            value: text(value),
        }
    }

    fn option(name: &str, value: &str) -> Self {
        Self {
            kind: "Dropdown",
            ..Self::text(name, value)
        }
    }

    fn date(name: &str, day: chrono::NaiveDate) -> Self {
        Self {
            name: name.to_owned(),
            kind: "Date",
            value: unix_day(day).into(),
        }
    }

    fn number(name: &str, value: Decimal) -> Self {
        Self {
            name: name.to_owned(),
            kind: "Number",
            value: number(value),
        }
    }

    fn currency(name: &str, value: Decimal) -> Self {
        Self {
            kind: "Currency",
            ..Self::number(name, value)
        }
    }
}

/// Returns the customer's own fields under their titles.
fn own(custom: &CustomFields) -> impl Iterator<Item = Field> {
    custom.iter().map(|(key, value)| {
        let name = title(key);
        match value {
            Custom::Text(value) => Field::text(&name, value),
            Custom::Number(value) => Field::number(&name, *value),
            Custom::Flag(value) => Field::option(&name, if *value { "Yes" } else { "No" }),
            Custom::Date(value) => Field::date(&name, *value),
            Custom::Choice { value, .. } => Field::option(&name, value),
        }
    })
}

fn title(key: &str) -> String {
    let words = key.split('_').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect::<Vec<String>>().join(" ")
}

/// The record a field belongs to.
struct Owner {
    id_name: &'static str,
    id: u32,
    location: u32,
    edited: i64,
    /// The key under which this list tells a field's name.
    label: &'static str,
}

fn rows(owner: &Owner, fields: Vec<Field>) -> Vec<Map<String, Value>> {
    fields
        .into_iter()
        .zip(1_u32..)
        .filter_map(|(field, place)| {
            let row = json!({
                "fieldID": owner.location * 100 + place,
                owner.id_name: owner.id,
                "locationID": owner.location,
                owner.label: field.name,
                "value": field.value,
                "valueID": owner.id * 100 + place,
                "fieldType": field.kind,
                "lastEdited": owner.edited,
                "files": [],
            });
            match row {
                Value::Object(row) => Some(row),
                _ => None,
            }
        })
        .collect()
}

pub(super) fn of_assets(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for asset in &world.assets {
        let status = match asset.status {
            AssetStatus::Operating => "Operating",
            AssetStatus::Down => "Down",
            AssetStatus::Standby => "Standby",
            AssetStatus::Decommissioned => "Decommissioned",
            AssetStatus::NotReady => "Not Ready",
        };
        let vendor = asset
            .vendor
            .and_then(|id| world.find_vendor(id))
            .map_or("", |vendor| vendor.name.as_str());
        let mut fields = vec![
            Field::text("Asset Number", &asset.number),
            Field::text("Make", &asset.manufacturer),
            Field::text("Model", &asset.model),
            Field::text("Serial Number", &asset.serial),
            Field::option("Asset Type", &asset.kind),
            Field::option("Category", &asset.category),
            Field::option("Status", status),
            Field::number("Criticality", Decimal::from(asset.criticality)),
            Field::text("Description", &asset.description),
            Field::text("Vendor", vendor),
            Field::date("Purchase Date", asset.purchase_date),
            Field::currency("Purchase Price", asset.purchase_price),
            Field::date("Installed On", asset.installed_at),
            Field::date("Warranty End", asset.warranty_end),
        ];
        fields.extend(own(&asset.custom));
        let meters = world.meters.iter().filter(|meter| meter.asset == asset.id);
        fields.extend(meters.filter_map(|meter| {
            let (_, value) = meter.readings.last()?;
            let name = match meter.kind {
                MeterKind::Continuous => format!("{} ({})", meter.name, meter.uom),
                MeterKind::Gauge => meter.name.clone(),
            };
            Some(Field::number(&name, *value))
        }));
        let owner = Owner {
            id_name: "assetID",
            id: ASSET + asset.id,
            location: LOCATION + asset.location,
            edited: asset.updated_at.timestamp(),
            label: "field",
        };
        for mut row in rows(&owner, fields) {
            row.insert("locked".into(), false.into());
            row.insert("_assetName".into(), asset.name.clone().into());
            all.push(Value::Object(row));
        }
    }
    all
}

pub(super) fn of_parts(world: &World, shelf: &Shelf) -> Vec<Value> {
    let mut all = Vec::new();
    for place in &shelf.places {
        let Some(item) = world.find_item(place.item) else {
            continue;
        };
        let mut fields = vec![
            Field::text("Manufacturer", &item.manufacturer),
            Field::text("Manufacturer Part Number", &item.manufacturer_part_number),
            Field::text("Barcode", &item.barcode),
            Field::text("Description", &item.description),
        ];
        fields.extend(own(&item.custom));
        let owner = Owner {
            id_name: "partID",
            id: place.id,
            location: Shelf::location(place, world),
            edited: item.updated_at.timestamp(),
            label: "fieldName",
        };
        all.extend(rows(&owner, fields).into_iter().map(Value::Object));
    }
    all
}

pub(super) fn of_vendors(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for vendor in &world.vendors {
        let status = match vendor.status {
            VendorStatus::Active => "Active",
            VendorStatus::Blocked => "Blocked",
            VendorStatus::Inactive => "Inactive",
        };
        let mut fields = vec![
            Field::text("Vendor Number", &vendor.number),
            Field::option("Status", status),
            Field::text("Website", &vendor.website),
            Field::text("Tax Number", &vendor.tax_number),
            Field::option("Currency", &vendor.currency),
            Field::option("Payment Terms", &vendor.payment_terms),
            Field::text("Notes", &vendor.notes),
        ];
        fields.extend(own(&vendor.custom));
        let owner = Owner {
            id_name: "vendorID",
            id: VENDOR + vendor.id,
            location: first_location(world),
            edited: vendor.updated_at.timestamp(),
            label: "fieldName",
        };
        all.extend(rows(&owner, fields).into_iter().map(Value::Object));
    }
    all
}
