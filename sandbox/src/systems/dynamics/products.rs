//! Released products with their translations, stock per warehouse, warehouses and sites.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    codes::{self, COMPANY, OTHER, row, yes_no},
    entities::Set,
};
use crate::{
    odata::Row,
    world::{Item, ItemStatus, ItemType, Location, LocationKind, World},
};

/// Returns the rows of the product and warehouse entities.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let mut products: Vec<Row> = world.items.iter().map(|item| product(world, item, COMPANY)).collect();
    products.extend(world.items.iter().take(5).map(|item| product(world, item, OTHER)));
    let sites = world
        .locations
        .iter()
        .filter(|location| location.kind == LocationKind::Site);
    vec![
        ("ReleasedProductsV2", products),
        ("ProductTranslations", world.items.iter().map(translation).collect()),
        ("WarehousesOnHandV2", on_hand(world)),
        (
            "Warehouses",
            world
                .storerooms()
                .map(|room| warehouse(world, room, COMPANY))
                .chain(world.storerooms().take(1).map(|room| warehouse(world, room, OTHER)))
                .collect(),
        ),
        ("OperationalSites", sites.map(site).collect()),
    ]
}

/// Released products have no full name: only search names of twenty characters in capitals.
fn product(world: &World, item: &Item, company: &str) -> Row {
    let search_name = codes::short_code(&item.name, 20);
    let vendor = world.find_vendor(item.vendor);
    let unit = item.uom.to_lowercase();
    let row = row(company)
        .with("ItemNumber", &item.number)
        .with("ProductNumber", &item.number)
        .with("SearchName", &search_name)
        .with("ProductSearchName", &search_name)
        .with(
            "ProductType",
            if item.item_type == ItemType::Service {
                "Service"
            } else {
                "Item"
            },
        )
        .with("ProductSubType", "Product")
        .with("ProductGroupId", codes::short_code(&item.category, 10))
        .with(
            "ItemModelGroupId",
            if item.item_type == ItemType::Stocked {
                "FIFO"
            } else {
                "NONSTOCK"
            },
        )
        .with("InventoryUnitSymbol", &unit)
        .with("PurchaseUnitSymbol", &unit)
        .with("SalesUnitSymbol", &unit)
        .with("BOMUnitSymbol", &unit)
        .with("PurchasePrice", item.standard_cost)
        .with("PurchasePriceQuantity", 1_u32)
        .with("UnitCost", item.standard_cost)
        .with("UnitCostQuantity", 1_u32)
        .with("SalesPrice", item.list_price)
        .with("SalesPriceQuantity", 1_u32)
        .with_some("PrimaryVendorAccountNumber", vendor.map(|vendor| &vendor.number))
        .with(
            "TrackingDimensionGroupName",
            if item.lot_tracked { "Batch" } else { "None" },
        )
        .with("StorageDimensionGroupName", "SiteWH")
        .with("IsBatchNumberActive", yes_no(item.lot_tracked))
        .with(
            "ProductLifecycleStateId",
            match item.status {
                ItemStatus::Active => "Active",
                ItemStatus::PhasedOut => "PhaseOut",
                ItemStatus::Inactive => "Obsolete",
            },
        );
    if company == COMPANY {
        codes::own_fields(row, &item.custom)
    } else {
        row
    }
}

fn translation(item: &Item) -> Row {
    Row::new()
        .with("ProductNumber", &item.number)
        .with("LanguageId", "en-us")
        .with("ProductName", &item.name)
        .with("Description", &item.description)
}

/// Sums the stock per item and warehouse; bins and lots are not part of this entity.
fn on_hand(world: &World) -> Vec<Row> {
    let mut sums: BTreeMap<(u32, u32), (Decimal, Decimal, Decimal)> = BTreeMap::new();
    for level in &world.stock_levels {
        let sum = sums.entry((level.item, level.location)).or_default();
        sum.0 += level.on_hand;
        sum.1 += level.reserved;
        sum.2 += level.on_order;
    }
    let row = |((item, room), (on_hand, reserved, ordered)): ((u32, u32), (Decimal, Decimal, Decimal))| {
        let item = world.find_item(item)?;
        let row = row(COMPANY)
            .with("ItemNumber", &item.number)
            .with("ProductName", &item.name)
            .with("InventorySiteId", codes::site(world, room))
            .with("InventoryWarehouseId", codes::code(world, room))
            .with("OnHandQuantity", on_hand)
            .with("ReservedOnHandQuantity", reserved)
            .with("AvailableOnHandQuantity", on_hand - reserved)
            .with("OrderedQuantity", ordered)
            .with("AvailableOrderedQuantity", ordered)
            .with("OnOrderQuantity", ordered)
            .with("TotalAvailableQuantity", on_hand - reserved + ordered);
        Some(row)
    };
    sums.into_iter().filter_map(row).collect()
}

fn warehouse(world: &World, room: &Location, company: &str) -> Row {
    let address = codes::formatted_address(&room.street, &room.postal_code, &room.city, "DEU");
    row(company)
        .with("WarehouseId", &room.code)
        .with("WarehouseName", &room.name)
        .with("WarehouseType", "Standard")
        .with("OperationalSiteId", codes::site(world, room.id))
        .with("PrimaryAddressStreet", &room.street)
        .with("PrimaryAddressCity", &room.city)
        .with("PrimaryAddressZipCode", &room.postal_code)
        .with("PrimaryAddressCountryRegionId", "DEU")
        .with("FormattedPrimaryAddress", address)
        .with("IsPrimaryAddressAssigned", yes_no(true))
}

fn site(site: &Location) -> Row {
    let address = codes::formatted_address(&site.street, &site.postal_code, &site.city, "DEU");
    row(COMPANY)
        .with("SiteId", &site.code)
        .with("SiteName", &site.name)
        .with("SiteTimezone", "GMTPLUS0100_AMSTERDAM_BERLIN_BERN_ROME")
        .with("PrimaryAddressStreet", &site.street)
        .with("PrimaryAddressCity", &site.city)
        .with("PrimaryAddressZipCode", &site.postal_code)
        .with("PrimaryAddressCountryRegionId", "DEU")
        .with("FormattedPrimaryAddress", address)
        .with("IsPrimaryAddressAssigned", yes_no(true))
}
