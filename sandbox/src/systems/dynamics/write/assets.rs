//! Writes of maintenance assets.

use rust_decimal::Decimal;

use super::{
    Rest, Writing,
    find::{self, fill, log},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, as_date, value},
    systems::dynamics::codes::COMPANY,
    world::{Asset, AssetStatus, World},
};

const ASSETS: &str = "AssetMaintenanceAssetsV3";

/// Makes an asset; its id comes from a sequence unless it was given.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    for (property, field) in [("Name", "Name"), ("MaintenanceAssetTypeId", "Asset type")] {
        if draft.text(property).is_none() {
            return Err(fill(field));
        }
    }
    let id = writing.world.assets.iter().map(|asset| asset.id).max().unwrap_or(0) + 1;
    let number = draft.take("MaintenanceAssetId").map(|number| number.text().to_owned());
    let number = number
        .filter(|number| !number.is_empty())
        .unwrap_or_else(|| format!("AS-{id:06}"));
    if find::asset(&writing.world, &number).is_ok() {
        return Err(log(format!(
            "Cannot create a record in Assets. Asset: {number}. The record already exists."
        )));
    }
    let today = writing.at.date_naive();
    let mut asset = Asset {
        id,
        number: number.clone(),
        name: String::new(),
        description: String::new(),
        kind: String::new(),
        category: String::new(),
        parent: None,
        location: 1,
        manufacturer: String::new(),
        model: String::new(),
        serial: String::new(),
        vendor: None,
        status: AssetStatus::NotReady,
        criticality: 4,
        purchase_date: today,
        purchase_price: Decimal::ZERO,
        installed_at: today,
        warranty_end: today,
        spare_parts: Vec::new(),
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    };
    let rest = place_all(&writing.world, &mut asset, draft)?;
    writing.notes.create(ASSETS, format!("{COMPANY}/{number}"), &rest);
    writing.world.assets.push(asset);
    Ok(vec![COMPANY.into(), number.into()])
}

fn place_all(world: &World, asset: &mut Asset, draft: Draft) -> Result<Rest, Problem> {
    let mut rest = Rest::new();
    for (name, value) in draft.values {
        if !place(world, asset, &name, &value)? {
            rest.push((name, value));
        }
    }
    Ok(rest)
}

fn place(world: &World, asset: &mut Asset, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    match name {
        "Name" if text.is_empty() => return Err(fill("Name")),
        "Name" => text.clone_into(&mut asset.name),
        "Notes" => text.clone_into(&mut asset.description),
        "MaintenanceAssetTypeId" => text.clone_into(&mut asset.kind),
        "ParentMaintenanceAssetId" if text.is_empty() => asset.parent = None,
        "ParentMaintenanceAssetId" => {
            let parent = find::asset(world, text)?;
            if parent.id == asset.id {
                return Err(log("An asset cannot be its own parent."));
            }
            asset.parent = Some(parent.id);
        }
        "FunctionalLocationId" if !text.is_empty() => {
            asset.location = find::functional_location(world, text)?.id;
        }
        "MaintenanceAssetLifecycleStateId" => {
            asset.status = match text {
                "New" => AssetStatus::NotReady,
                "Active" => AssetStatus::Operating,
                "Standby" => AssetStatus::Standby,
                "Breakdown" => AssetStatus::Down,
                "Scrapped" => AssetStatus::Decommissioned,
                other => {
                    let known = ["New", "Active", "Standby", "Breakdown", "Scrapped"];
                    find::one_of(other, &known, "Lifecycle state", "Asset lifecycle states")?;
                    asset.status
                }
            };
        }
        "ProductId" => text.clone_into(&mut asset.manufacturer),
        "ModelId" => text.clone_into(&mut asset.model),
        "SerialId" => text.clone_into(&mut asset.serial),
        "VendAccount" if text.is_empty() => asset.vendor = None,
        "VendAccount" => asset.vendor = Some(find::vendor(world, text)?.id),
        "AcquisitionDate" => asset.purchase_date = as_date(value).unwrap_or(asset.purchase_date),
        "AcquisitionCost" => match value {
            Value::Number(price) if *price >= Decimal::ZERO => asset.purchase_price = *price,
            _ => return Err(log("The acquisition cost must not be negative.")),
        },
        "ActiveFrom" => asset.installed_at = as_date(value).unwrap_or(asset.installed_at),
        "WarrantyDateFromVend" => asset.warranty_end = as_date(value).unwrap_or(asset.warranty_end),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Changes an asset.
pub(super) fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    let mut asset = find::asset(&writing.world, value(entity, row, "MaintenanceAssetId").text())?.clone();
    let rest = place_all(&writing.world, &mut asset, draft)?;
    asset.updated_at = writing.at;
    writing.notes.change(ASSETS, entity.row_key(row), &rest);
    if let Some(kept) = writing.world.assets.iter_mut().find(|kept| kept.id == asset.id) {
        *kept = asset;
    }
    Ok(())
}

/// Deletes an asset that nothing refers to.
pub(super) fn delete(writing: &mut Writing<'_>, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let number = value(entity, row, "MaintenanceAssetId").text();
    let id = find::asset(&writing.world, number)?.id;
    let world = &writing.world;
    let is_used = world.assets.iter().any(|asset| asset.parent == Some(id))
        || world.work_orders.iter().any(|work| work.asset == Some(id))
        || world.meters.iter().any(|meter| meter.asset == id)
        || world.purchase_lines().any(|(_, line)| line.asset == Some(id));
    if is_used {
        return Err(log(format!(
            "Asset {number} cannot be deleted while dependent records exist."
        )));
    }
    writing.world.assets.retain(|asset| asset.id != id);
    writing.notes.delete(ASSETS, entity.row_key(row));
    Ok(())
}
