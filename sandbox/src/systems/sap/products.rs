//! Products with their texts, plants, storage locations, planning and valuation, and their stock.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{
    codes::{self, LANGUAGE},
    service::Set,
};
use crate::{
    odata::{Model, Row},
    world::{Item, ItemStatus, ItemType, StockLevel, World},
};

/// The context in the names of the customer's fields.
const CONTEXT: &str = "PRD";

/// Adds the customer's product fields.
pub(super) fn extend(model: &mut Model, world: &World) {
    codes::extend(model, "A_Product", CONTEXT, world.items.iter().map(|item| &item.custom));
}

/// Returns the rows of the product service.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let mut plants = Vec::new();
    let mut planning = Vec::new();
    let mut valuation = Vec::new();
    let levels = levels_by_item(world);
    for item in &world.items {
        let levels = levels.get(&item.id).map_or(&[][..], Vec::as_slice);
        for plant in plants_of(world, levels) {
            let level = levels.iter().find(|level| codes::plant(world, level.location) == plant);
            plants.push(plant_row(item, &plant));
            planning.push(planning_row(item, &plant, level.copied()));
            valuation.push(valuation_row(item, &plant));
        }
    }
    vec![
        ("A_Product", world.items.iter().map(product).collect()),
        (
            "A_ProductDescription",
            world.items.iter().flat_map(descriptions).collect(),
        ),
        ("A_ProductBasicText", world.items.iter().map(basic_text).collect()),
        ("A_ProductPlant", plants),
        ("A_ProductStorageLocation", storage_locations(world)),
        ("A_ProductSupplyPlanning", planning),
        ("A_ProductValuation", valuation),
    ]
}

/// Returns the rows of the stock service: one per product, storage location and batch. Bins are
/// not part of this stock, so levels that differ only in their bin are one row.
pub(super) fn stock(world: &World) -> Vec<Set> {
    let mut sums: BTreeMap<(u32, u32, &str), Decimal> = BTreeMap::new();
    for level in &world.stock_levels {
        let lot = level.lot.as_deref().unwrap_or_default();
        *sums.entry((level.item, level.location, lot)).or_default() += level.on_hand;
    }
    let products: BTreeSet<u32> = world.stock_levels.iter().map(|level| level.item).collect();
    let products = products.into_iter().filter_map(|item| world.find_item(item));
    let product = |item: &Item| {
        Row::new()
            .with("Material", &item.number)
            .with("MaterialBaseUnit", &item.uom)
    };
    let row = |((item, location, lot), quantity): ((u32, u32, &str), Decimal)| {
        let item = world.find_item(item)?;
        let row = product(item)
            .with("Plant", codes::plant(world, location))
            .with("StorageLocation", codes::storage_location(world, location))
            .with("Batch", lot)
            .with("InventoryStockType", "01")
            .with("MatlWrhsStkQtyInMatlBaseUnit", quantity);
        Some(row)
    };
    vec![
        ("A_MaterialStock", products.map(product).collect()),
        ("A_MatlStkInAcctMod", sums.into_iter().filter_map(row).collect()),
    ]
}

fn levels_by_item(world: &World) -> BTreeMap<u32, Vec<&StockLevel>> {
    let mut levels: BTreeMap<u32, Vec<&StockLevel>> = BTreeMap::new();
    for level in &world.stock_levels {
        levels.entry(level.item).or_default().push(level);
    }
    levels
}

/// Returns the plants a product is kept at: always the first, and those with stock of it.
fn plants_of(world: &World, levels: &[&StockLevel]) -> BTreeSet<String> {
    let first = codes::plant(world, 1);
    levels
        .iter()
        .map(|level| codes::plant(world, level.location))
        .chain([first])
        .collect()
}

fn product(item: &Item) -> Row {
    let row = Row::new()
        .with("Product", &item.number)
        .with(
            "ProductType",
            match item.item_type {
                ItemType::Stocked => "ERSA",
                ItemType::NonStocked => "NLAG",
                ItemType::Service => "SERV",
            },
        )
        .with(
            "CrossPlantStatus",
            if item.status == ItemStatus::PhasedOut { "01" } else { "" },
        )
        .with("IsMarkedForDeletion", item.status == ItemStatus::Inactive)
        .with("CreationDate", item.created_at)
        .with("CreatedByUser", "CB9980000010")
        .with("LastChangeDate", item.updated_at)
        .with("LastChangeDateTime", item.updated_at)
        .with("ProductGroup", codes::short_code(&item.category, 9))
        .with("BaseUnit", &item.uom)
        .with("PurchaseOrderQuantityUnit", &item.uom)
        .with("ItemCategoryGroup", "NORM")
        .with("IndustrySector", "M")
        .with("ProductManufacturerNumber", &item.manufacturer_part_number)
        .with("ManufacturerNumber", codes::short_code(&item.manufacturer, 10))
        .with("ProductStandardID", &item.barcode)
        .with(
            "InternationalArticleNumberCat",
            if item.barcode.is_empty() { "" } else { "HE" },
        )
        .with("IsBatchManagementRequired", item.lot_tracked);
    codes::own_fields(row, CONTEXT, &item.custom)
}

/// Returns the names: every product has an English one, every third a German one too.
fn descriptions(item: &Item) -> Vec<Row> {
    let text = |language: &'static str, text: String| {
        Row::new()
            .with("Product", &item.number)
            .with("Language", language)
            .with("ProductDescription", text)
    };
    let mut rows = vec![text(LANGUAGE, item.name.clone())];
    if item.id.is_multiple_of(3) {
        rows.push(text("DE", format!("{} (DE)", item.name)));
    }
    rows
}

fn basic_text(item: &Item) -> Row {
    Row::new()
        .with("Product", &item.number)
        .with("Language", LANGUAGE)
        .with("LongText", &item.description)
}

fn plant_row(item: &Item, plant: &str) -> Row {
    Row::new()
        .with("Product", &item.number)
        .with("Plant", plant)
        .with("BaseUnit", &item.uom)
        .with(
            "MRPType",
            if item.item_type == ItemType::Stocked {
                "VB"
            } else {
                "ND"
            },
        )
        .with("ProcurementType", "F")
        .with("IsMarkedForDeletion", item.status == ItemStatus::Inactive)
        .with("IsBatchManagementRequired", item.lot_tracked)
}

fn planning_row(item: &Item, plant: &str, level: Option<&StockLevel>) -> Row {
    Row::new()
        .with("Product", &item.number)
        .with("Plant", plant)
        .with("BaseUnit", &item.uom)
        .with(
            "MRPType",
            if item.item_type == ItemType::Stocked {
                "VB"
            } else {
                "ND"
            },
        )
        .with("ProcurementType", "F")
        .with_some("SafetyStockQuantity", level.map(|level| level.min))
        .with_some("MaximumStockQuantity", level.map(|level| level.max))
        .with_some("ReorderThresholdQuantity", level.map(|level| level.reorder_point))
        .with_some("FixedLotSizeQuantity", level.map(|level| level.reorder_qty))
}

fn valuation_row(item: &Item, plant: &str) -> Row {
    Row::new()
        .with("Product", &item.number)
        .with("ValuationArea", plant)
        .with("ValuationClass", "3040")
        .with("InventoryValuationProcedure", "S")
        .with("StandardPrice", item.standard_cost)
        .with("PriceUnitQty", 1_u32)
        .with("Currency", &item.currency)
        .with("BaseUnit", &item.uom)
}

fn storage_locations(world: &World) -> Vec<Row> {
    let mut seen = BTreeSet::new();
    let first = world
        .stock_levels
        .iter()
        .filter(|level| seen.insert((level.item, level.location)));
    let row = |level: &StockLevel| {
        let item = world.find_item(level.item)?;
        let bin = level.bin.and_then(|bin| world.find_location(bin));
        let row = Row::new()
            .with("Product", &item.number)
            .with("Plant", codes::plant(world, level.location))
            .with("StorageLocation", codes::storage_location(world, level.location))
            .with_some("WarehouseStorageBin", bin.map(|bin| &bin.code))
            .with("CreationDate", level.created_at)
            .with("DateOfLastPostedCntUnRstrcdStk", level.last_counted);
        Some(row)
    };
    first.filter_map(row).collect()
}
