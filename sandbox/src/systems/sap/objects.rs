//! Technical objects: equipment with its time slices, and functional locations.

use chrono::{Datelike as _, NaiveDate};

use super::{
    codes::{self, COMPANY, LANGUAGE},
    service::Set,
};
use crate::{
    odata::{Model, Row},
    world::{Asset, AssetStatus, Location, LocationKind, World},
};

/// The context in the names of the customer's equipment fields.
const EQUIPMENT: &str = "EQU";
/// The context in the names of the customer's location fields.
const LOCATION: &str = "FLC";

/// Adds the customer's fields to whichever of the two sets the service has.
pub(super) fn extend(model: &mut Model, world: &World) {
    codes::extend(
        model,
        "Equipment",
        EQUIPMENT,
        world.assets.iter().map(|asset| &asset.custom),
    );
    let location = world.locations.iter().filter(|location| codes::is_functional(location));
    codes::extend(
        model,
        "FunctionalLocation",
        LOCATION,
        location.map(|location| &location.custom),
    );
}

/// Returns the rows of the equipment service.
pub(super) fn equipment(world: &World) -> Vec<Set> {
    vec![
        (
            "Equipment",
            world.assets.iter().flat_map(|asset| slices(world, asset)).collect(),
        ),
        ("EquipmentLongText", world.assets.iter().map(long_text).collect()),
    ]
}

/// Returns the time slices: the present one, and for every tenth piece one that has ended.
fn slices(world: &World, asset: &Asset) -> Vec<Row> {
    let present = slice(world, asset)
        .with("EquipmentName", &asset.name)
        .with("ValidityStartDate", asset.installed_at)
        .with_some("ValidityEndDate", NaiveDate::from_ymd_opt(9999, 12, 31));
    if !asset.id.is_multiple_of(10) {
        return vec![present];
    }
    let past = slice(world, asset)
        .with("EquipmentName", format!("{} (before move)", asset.name))
        .with("ValidityStartDate", asset.purchase_date)
        .with("ValidityEndDate", asset.installed_at);
    vec![past, present]
}

fn slice(world: &World, asset: &Asset) -> Row {
    let location = codes::functional_location(world, asset.location);
    let plant = codes::plant(world, asset.location);
    let parent = asset.parent.and_then(|parent| world.find_asset(parent));
    let has_children = world.assets.iter().any(|other| other.parent == Some(asset.id));
    let vendor = asset.vendor.and_then(|vendor| world.find_vendor(vendor));
    let is_installed = matches!(asset.status, AssetStatus::Operating | AssetStatus::Down);
    let row = Row::new()
        .with("Equipment", &asset.number)
        .with("EquipmentCategory", "M")
        .with("TechnicalObjectType", codes::short_code(&asset.kind, 10))
        .with("OperationStartDate", asset.installed_at)
        .with("AcquisitionValue", asset.purchase_price)
        .with("Currency", &world.currency)
        .with("AcquisitionDate", asset.purchase_date)
        .with("AssetManufacturerName", &asset.manufacturer)
        .with("ManufacturerPartTypeName", &asset.model)
        .with("ConstructionYear", asset.purchase_date.year().to_string())
        .with("ManufacturerSerialNumber", &asset.serial)
        .with("SerialNumber", &asset.serial)
        .with("MaintenancePlant", &plant)
        .with("MaintenancePlanningPlant", &plant)
        .with("ABCIndicator", abc(asset.criticality))
        .with("CatalogProfile", codes::short_code(&asset.category, 9))
        .with_some("BusinessPartnerName1", vendor.map(|vendor| &vendor.name))
        .with("CompanyCode", COMPANY)
        .with_some("FunctionalLocation", location.map(|location| &location.code))
        .with_some("FunctionalLocationLabelName", location.map(|location| &location.code))
        .with_some("FunctionalLocationName", location.map(|location| &location.name))
        .with_some("SuperordinateEquipment", parent.map(|parent| &parent.number))
        .with("EquipIsAllocToSuperiorEquip", parent.is_some())
        .with("EquipHasSubOrdinateEquipment", if has_children { "X" } else { "" })
        .with("CreationDate", asset.created_at)
        .with("CreatedByUser", "CB9980000010")
        .with("LastChangeDateTime", asset.updated_at)
        .with("EquipmentIsInstalled", is_installed)
        .with("EquipmentIsAvailable", asset.status == AssetStatus::Standby)
        .with("EquipmentIsInWarehouse", asset.status == AssetStatus::NotReady)
        .with("EquipmentIsInactive", asset.status == AssetStatus::Decommissioned);
    codes::own_fields(row, EQUIPMENT, &asset.custom)
}

fn abc(criticality: u8) -> &'static str {
    match criticality {
        1 => "A",
        2 => "B",
        3 => "C",
        _ => "D",
    }
}

fn long_text(asset: &Asset) -> Row {
    Row::new()
        .with("Equipment", &asset.number)
        .with("Language", LANGUAGE)
        .with("EquipmentLongText", &asset.description)
}

/// Returns the rows of the functional location service: sites, buildings and production lines.
pub(super) fn functional_locations(world: &World) -> Vec<Set> {
    let places = world.locations.iter().filter(|location| codes::is_functional(location));
    vec![(
        "FunctionalLocation",
        places.map(|location| functional_location(world, location)).collect(),
    )]
}

fn functional_location(world: &World, location: &Location) -> Row {
    let parent = location.parent.and_then(|parent| world.find_location(parent));
    let plant = codes::plant(world, location.id);
    let below = |other: &&Location| codes::is_functional(other) && other.parent == Some(location.id);
    let has_equipment = world.assets.iter().any(|asset| asset.location == location.id);
    let row = Row::new()
        .with("FunctionalLocation", &location.code)
        .with("FunctionalLocationLabelName", &location.code)
        .with("FunctionalLocationName", &location.name)
        .with("FuncLocationStructure", "YA-S")
        .with("FunctionalLocationCategory", "M")
        .with(
            "TechnicalObjectType",
            match location.kind {
                LocationKind::Site => "SITE",
                LocationKind::Building => "BUILDING",
                _ => "LINE",
            },
        )
        .with_some("SuperiorFunctionalLocation", parent.map(|parent| &parent.code))
        .with_some("SuperiorFuncnlLocLabelName", parent.map(|parent| &parent.code))
        .with("MaintenancePlant", &plant)
        .with("MaintenancePlanningPlant", &plant)
        .with("CompanyCode", COMPANY)
        .with("StreetName", &location.street)
        .with("CityName", &location.city)
        .with("PostalCode", &location.postal_code)
        .with("Region", codes::region(&location.region))
        .with("Country", &location.country)
        .with("EquipmentInstallationIsAllowed", true)
        .with("FunctionalLocationHasEquipment", if has_equipment { "X" } else { "" })
        .with(
            "FuncnlLocHasSubOrdinateFuncLoc",
            if world.locations.iter().any(|other| below(&other)) {
                "X"
            } else {
                ""
            },
        )
        .with("FunctionalLocationIsActive", location.active)
        .with("FuncnlLocIsDeactivated", !location.active)
        .with("CreationDate", location.created_at)
        .with("CreatedByUser", "CB9980000010")
        .with("LastChangeDateTime", location.updated_at);
    codes::own_fields(row, LOCATION, &location.custom)
}
