//! Writes of equipment and its long text.

use chrono::{Datelike as _, NaiveDate};

use super::{
    Writing,
    find::{self, enter},
};
use crate::{
    odata::{Draft, Problem, Value, as_date},
    systems::sap::{codes, logon},
    world::{Asset, AssetStatus, World},
};

const EQUIPMENT: &str = "Equipment";

/// Makes a piece of equipment, valid from today on.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    for (property, label) in [
        ("EquipmentCategory", "Equipment Category"),
        ("EquipmentName", "Description"),
    ] {
        if draft.text(property).is_none() {
            return Err(enter(label, property));
        }
    }
    let category = draft.text("EquipmentCategory").unwrap_or_default();
    if !["M", "F", "P", "Q", "S"].contains(&category) {
        let message = format!("Equipment category {category} does not exist");
        return Err(Problem::rule("IE/011", message).at("EquipmentCategory"));
    }
    let id = writing.world.assets.iter().map(|asset| asset.id).max().unwrap_or(0) + 1;
    let number = match draft.text("Equipment") {
        None => format!("{:018}", 10_000_000 + id),
        Some(number) if find::asset(&writing.world, number, "Equipment").is_ok() => {
            let message = format!("Equipment {number} already exists");
            return Err(Problem::rule("IE/001", message).at("Equipment"));
        }
        Some(number) => number.to_owned(),
    };
    let texts = draft.take_children("to_LongText");
    let mut asset = empty(writing, &draft, id, number.clone())?;
    let has_place =
        draft.text("FunctionalLocationLabelName").is_some() || draft.text("SuperordinateEquipment").is_some();
    for name in ["Equipment", "ValidityEndDate", "ValidityStartDate"] {
        draft.take(name);
    }
    let mut rest = Vec::new();
    for (name, value) in draft.values {
        if !place(&writing.world, &mut asset, &name, &value)? {
            rest.push((name, value));
        }
    }
    if !has_place {
        for name in [
            "FunctionalLocation",
            "FunctionalLocationLabelName",
            "FunctionalLocationName",
        ] {
            rest.push((name.to_owned(), "".into()));
        }
    }
    if let Some(text) = texts.first() {
        text.text("EquipmentLongText")
            .unwrap_or_default()
            .clone_into(&mut asset.description);
    }
    rest.push(("CreatedByUser".to_owned(), logon::USER.into()));
    writing
        .notes
        .create(EQUIPMENT, format!("{number}/{}", end_text()), &rest);
    writing.notes.create("EquipmentLongText", number.clone(), &[]);
    writing.world.assets.push(asset);
    Ok(vec![number.into(), end()])
}

/// Returns the end of the present time slice.
fn end() -> Value {
    let day = NaiveDate::from_ymd_opt(9999, 12, 31).and_then(|day| day.and_hms_opt(0, 0, 0));
    day.map_or(Value::Null, Value::DateTime)
}

fn end_text() -> String {
    end().index_key(false)
}

fn empty(writing: &Writing<'_>, draft: &Draft, id: u32, number: String) -> Result<Asset, Problem> {
    let world = &writing.world;
    let plant = draft
        .text("MaintenancePlant")
        .or_else(|| draft.text("MaintenancePlanningPlant"));
    let site = plant.map(|plant| find::site(world, plant)).transpose()?;
    let has_place =
        draft.text("FunctionalLocationLabelName").is_some() || draft.text("SuperordinateEquipment").is_some();
    if site.is_none() && !has_place {
        return Err(enter("Maintenance Plant", "MaintenancePlant"));
    }
    let from = draft.date("ValidityStartDate").unwrap_or(writing.at.date_naive());
    Ok(Asset {
        id,
        number,
        name: String::new(),
        description: String::new(),
        kind: String::new(),
        category: String::new(),
        parent: None,
        location: site.unwrap_or(1),
        manufacturer: String::new(),
        model: String::new(),
        serial: String::new(),
        vendor: None,
        status: if has_place {
            AssetStatus::Operating
        } else {
            AssetStatus::Standby
        },
        criticality: 4,
        purchase_date: from,
        purchase_price: rust_decimal::Decimal::ZERO,
        installed_at: from,
        warranty_end: from,
        spare_parts: Vec::new(),
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    })
}

/// Puts a value where the plant has a place for it; else returns false.
fn place(world: &World, asset: &mut Asset, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    match name {
        "EquipmentName" if text.is_empty() => return Err(enter("Description", name)),
        "EquipmentName" => text.clone_into(&mut asset.name),
        "AssetManufacturerName" => text.clone_into(&mut asset.manufacturer),
        "ManufacturerPartTypeName" => text.clone_into(&mut asset.model),
        "ManufacturerSerialNumber" => text.clone_into(&mut asset.serial),
        "TechnicalObjectType" => {
            text.clone_into(&mut asset.kind);
            return Ok(false);
        }
        "ABCIndicator" => {
            asset.criticality = match text {
                "A" => 1,
                "B" => 2,
                "C" => 3,
                "D" | "" => 4,
                other => {
                    let message = format!("ABC indicator {other} does not exist");
                    return Err(Problem::rule("IE/117", message).at(name));
                }
            };
        }
        "AcquisitionValue" => match value {
            Value::Number(amount) if *amount >= rust_decimal::Decimal::ZERO => asset.purchase_price = *amount,
            _ => return Err(Problem::rule("IE/141", "The acquisition value must not be negative").at(name)),
        },
        "AcquisitionDate" => match as_date(value) {
            Some(day) => asset.purchase_date = day,
            None => return Ok(false),
        },
        "ConstructionYear" => return Ok(text == asset.purchase_date.year().to_string()),
        "MaintenancePlant" | "MaintenancePlanningPlant" => {
            let site = find::site(world, text)?;
            if codes::plant(world, asset.location) != text {
                asset.location = site;
            }
        }
        "FunctionalLocationLabelName" if text.is_empty() => {}
        "FunctionalLocationLabelName" => {
            let place = find::functional_location(world, text, name)?;
            let is_shown = codes::functional_location(world, asset.location).is_some_and(|shown| shown.id == place.id);
            if !is_shown {
                asset.location = place.id;
            }
        }
        "SuperordinateEquipment" if text.is_empty() => asset.parent = None,
        "SuperordinateEquipment" => {
            let parent = find::asset(world, text, name)?;
            if parent.id == asset.id {
                let message = format!("Equipment {text} cannot be installed in itself");
                return Err(Problem::rule("IE/200", message).at(name));
            }
            asset.parent = Some(parent.id);
            asset.location = parent.location;
        }
        "Material" if !text.is_empty() => {
            find::item(world, text, name)?;
            return Ok(false);
        }
        "Currency" if !text.is_empty() => {
            find::currency(text, name)?;
            return Ok(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Returns what a piece shows of its place, for one that was made without any.
pub(super) fn place_values(world: &World, asset: &Asset) -> Vec<(String, Value)> {
    let place = codes::functional_location(world, asset.location);
    let shown = place.map_or(("", ""), |place| (&place.code, &place.name));
    [
        ("FunctionalLocation", shown.0),
        ("FunctionalLocationLabelName", shown.0),
        ("FunctionalLocationName", shown.1),
    ]
    .map(|(name, text)| (name.to_owned(), text.into()))
    .into()
}

/// Changes a piece of equipment or its long text.
pub(super) fn change(
    writing: &mut Writing<'_>,
    set: &str,
    number: &str,
    key: &str,
    mut draft: Draft,
) -> Result<(), Problem> {
    let id = find::asset(&writing.world, number, "Equipment")?.id;
    if set == EQUIPMENT && !key.ends_with(&end_text()) {
        return Err(Problem::rule("IE/086", "Only the present time slice can be changed").at("ValidityEndDate"));
    }
    let mut asset = writing
        .world
        .find_asset(id)
        .cloned()
        .ok_or_else(|| Problem::no_row(set))?;
    asset.updated_at = writing.at;
    let is_moved = ["FunctionalLocationLabelName", "SuperordinateEquipment"]
        .iter()
        .any(|name| draft.text(name).is_some());
    if set == "EquipmentLongText"
        && let Some(text) = draft.take("EquipmentLongText")
    {
        text.text().clone_into(&mut asset.description);
    }
    let mut rest = Vec::new();
    for (name, value) in draft.values {
        if set != EQUIPMENT || !place(&writing.world, &mut asset, &name, &value)? {
            rest.push((name, value));
        }
    }
    if is_moved {
        rest.extend(place_values(&writing.world, &asset));
    }
    writing.notes.change(set, key, &rest);
    if let Some(kept) = writing.world.assets.iter_mut().find(|kept| kept.id == id) {
        *kept = asset;
    }
    Ok(())
}
