//! Products, places and stock. A place's id is its id in the world plus 20; places 1 to 5 are the
//! virtual ones.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::Decimal;

use super::base::{STUDIO, category_words, currency_words, id_in, partner_of_vendor, unit_id};
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{Item, ItemStatus, ItemType, Location, LocationKind, StockLevel, World, now};

pub(super) const VENDORS: u32 = 4;
pub(super) const LOSS: u32 = 2;
pub(super) const PRODUCTION: u32 = 3;

pub(in crate::systems::odoo) fn location_id(location: u32) -> u32 {
    location + 20
}

/// Returns the id of the warehouse a place belongs to: sites in order.
pub(in crate::systems::odoo) fn warehouse_of(world: &World, location: u32) -> Option<u32> {
    let site = world.site_of(location)?;
    let place = world
        .locations
        .iter()
        .filter(|place| place.parent.is_none())
        .position(|place| place.id == site.id)?;
    u32::try_from(place + 1).ok()
}

fn product_name(item: &Item) -> String {
    if item.number.is_empty() {
        return item.name.clone();
    }
    format!("[{}] {}", item.number, item.name)
}

#[derive(Default, Clone, Copy)]
struct Totals {
    on_hand: Decimal,
    reserved: Decimal,
    incoming: Decimal,
}

fn totals(world: &World) -> HashMap<u32, Totals> {
    let mut all: HashMap<u32, Totals> = HashMap::new();
    for level in &world.stock_levels {
        let total = all.entry(level.item).or_default();
        total.on_hand += level.on_hand;
        total.reserved += level.reserved;
    }
    for (order, line) in world.purchase_lines() {
        if let Some(item) = line.item.filter(|_| order.status.was_approved()) {
            all.entry(item).or_default().incoming += line.quantity - line.received;
        }
    }
    all
}

pub(in crate::systems::odoo) fn products(world: &World, model: &'static str, label: &'static str) -> Table {
    let categories = category_words(world);
    let currency = id_in(&currency_words(world), &world.currency);
    let totals = totals(world);
    let of = move |item: &Item| totals.get(&item.id).copied().unwrap_or_default();
    let (on_hand, free, coming, going, ahead) = (of.clone(), of.clone(), of.clone(), of.clone(), of);
    let own = plant::usual().items.first().map(|item| &item.custom);
    Builder::new(model, label, "is_favorite desc, default_code, name, id")
        .char("name", "Name", |item: &&Item| item.name.clone())
        .required()
        .char("display_name", "Display Name", |item| product_name(item))
        .char("default_code", "Internal Reference", |item| item.number.clone())
        .char("barcode", "Barcode", |item| {
            if item.id % 7 == 3 {
                String::new()
            } else {
                item.barcode.clone()
            }
        })
        .html("description", "Description", |item| {
            (!item.description.is_empty()).then(|| format!("<p>{}</p>", item.description))
        })
        .text("description_purchase", "Purchase Description", |item| {
            item.description.clone()
        })
        .bool("is_favorite", "Favorite", |_| false)
        .select(
            "type",
            "Product Type",
            &[("consu", "Goods"), ("service", "Service"), ("combo", "Combo")],
            |item| {
                if item.item_type == ItemType::Service {
                    "service"
                } else {
                    "consu"
                }
            },
        )
        .required()
        .bool("is_storable", "Track Inventory", |item| {
            item.item_type == ItemType::Stocked
        })
        .select(
            "tracking",
            "Tracking",
            &[
                ("serial", "By Unique Serial Number"),
                ("lot", "By Lots"),
                ("none", "By Quantity"),
            ],
            |item| if item.lot_tracked { "lot" } else { "none" },
        )
        .required()
        .one("categ_id", "Product Category", "product.category", move |item| {
            id_in(&categories, &item.category)
        })
        .one("uom_id", "Unit", "uom.uom", |item| unit_id(&item.uom))
        .required()
        .char("uom_name", "Unit Name", |item| match item.uom.as_str() {
            "L" => "L",
            "M" => "m",
            _ => "Units",
        })
        .computed()
        .float("list_price", "Sales Price", |item| item.list_price)
        .float("lst_price", "Sales Price", |item| item.list_price)
        .computed()
        .float("standard_price", "Cost", |item| item.standard_cost)
        .one("currency_id", "Currency", "res.currency", move |_| currency)
        .computed()
        .float("qty_available", "Quantity On Hand", move |item| on_hand(item).on_hand)
        .float("free_qty", "Free To Use Quantity", move |item| {
            free(item).on_hand - free(item).reserved
        })
        .float("incoming_qty", "Incoming", move |item| coming(item).incoming)
        .float("outgoing_qty", "Outgoing", move |item| going(item).reserved)
        .float("virtual_available", "Forecasted Quantity", move |item| {
            let total = ahead(item);
            total.on_hand + total.incoming - total.reserved
        })
        .float("weight", "Weight", |_| Decimal::ZERO)
        .float("volume", "Volume", |_| Decimal::ZERO)
        .bool("sale_ok", "Sales", |_| false)
        .bool("purchase_ok", "Purchase", |item| item.status == ItemStatus::Active)
        .bool("active", "Active", |item| item.status != ItemStatus::Inactive)
        .one("product_tmpl_id", "Product Template", "product.template", |item| {
            item.id
        })
        .many("product_variant_ids", "Products", "product.product", |item| {
            vec![item.id]
        })
        .children("seller_ids", "Vendors", "product.supplierinfo", |item| {
            if item.vendor == 0 { Vec::new() } else { vec![item.id] }
        })
        .children("stock_quant_ids", "Stock Quant", "stock.quant", |item| {
            world
                .stock_levels
                .iter()
                .filter(|level| level.item == item.id)
                .map(|level| level.id)
                .collect()
        })
        .moment("create_date", "Created on", |item| item.created_at)
        .moment("write_date", "Last Updated on", |item| item.updated_at)
        .char("x_studio_manufacturer", "Manufacturer", |item| {
            item.manufacturer.clone()
        })
        .own()
        .char("x_studio_mpn", "Manufacturer part number", |item| {
            item.manufacturer_part_number.clone()
        })
        .own()
        .custom(STUDIO, own, |item: &&Item| Some(item.custom.clone()))
        .build(&world.items, |item| item.id)
        .read_only(&[
            "qty_available",
            "free_qty",
            "incoming_qty",
            "outgoing_qty",
            "virtual_available",
            "stock_quant_ids",
            "create_date",
            "write_date",
        ])
}

pub(in crate::systems::odoo) fn suppliers(world: &World) -> Table {
    let currencies = currency_words(world);
    Builder::new(
        "product.supplierinfo",
        "Supplier Pricelist",
        "sequence, min_qty desc, price, id",
    )
    .int("sequence", "Sequence", |_: &&Item| 1_u32)
    .char("display_name", "Display Name", |item| {
        world.find_vendor(item.vendor).map(|vendor| vendor.name.clone())
    })
    .one("partner_id", "Vendor", "res.partner", |item| {
        partner_of_vendor(item.vendor)
    })
    .required()
    .one("product_id", "Product Variant", "product.product", |item| item.id)
    .one("product_tmpl_id", "Product Template", "product.template", |item| {
        item.id
    })
    .char("product_code", "Vendor Product Code", |item| {
        item.manufacturer_part_number.clone()
    })
    .float("price", "Unit Price", |item| item.standard_cost)
    .float("min_qty", "Quantity", |_| Decimal::ONE)
    .int("delay", "Delivery Lead Time", |item| 3 + item.id % 20)
    .one("currency_id", "Currency", "res.currency", move |item| {
        id_in(&currencies, &item.currency)
    })
    .moment("create_date", "Created on", |item| item.created_at)
    .moment("write_date", "Last Updated on", |item| item.updated_at)
    .build(world.items.iter().filter(|item| item.vendor != 0), |item| item.id)
}

enum Place<'a> {
    Virtual(u32, &'static str, &'static str),
    Real(&'a Location),
}

impl Place<'_> {
    fn id(&self) -> u32 {
        match self {
            Self::Virtual(id, ..) => *id,
            Self::Real(location) => location_id(location.id),
        }
    }

    fn location(&self) -> Option<&Location> {
        match self {
            Self::Virtual(..) => None,
            Self::Real(location) => Some(location),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Virtual(_, name, _) => (*name).to_owned(),
            Self::Real(location) => location.name.clone(),
        }
    }

    fn path(&self, world: &World) -> String {
        match self {
            Self::Virtual(_, name, _) => format!("Virtual Locations/{name}"),
            Self::Real(location) => {
                let above = location.parent.and_then(|id| world.find_location(id));
                above.map_or_else(
                    || location.code.clone(),
                    |above| format!("{}/{}", Place::Real(above).path(world), location.name),
                )
            }
        }
    }

    fn usage(&self) -> &'static str {
        match self {
            Self::Virtual(_, _, usage) => usage,
            Self::Real(location) => usage_of(location),
        }
    }
}

/// What a place may be used for, with the words for it.
pub(super) const USAGES: [(&str, &str); 7] = [
    ("supplier", "Vendor Location"),
    ("view", "View"),
    ("internal", "Internal Location"),
    ("customer", "Customer Location"),
    ("inventory", "Inventory Loss"),
    ("production", "Production"),
    ("transit", "Transit Location"),
];

/// Returns what a place of the plant is used for.
pub(super) fn usage_of(location: &Location) -> &'static str {
    match location.kind {
        LocationKind::Site | LocationKind::Building => "view",
        LocationKind::Storeroom | LocationKind::Bin => "internal",
        LocationKind::ProductionLine => "production",
    }
}

pub(in crate::systems::odoo) fn locations(world: &World) -> Table {
    let rows = [
        Place::Virtual(VENDORS, "Vendors", "supplier"),
        Place::Virtual(5, "Customers", "customer"),
        Place::Virtual(LOSS, "Inventory adjustment", "inventory"),
        Place::Virtual(PRODUCTION, "Production", "production"),
        Place::Virtual(1, "Inter-warehouse transit", "transit"),
    ];
    let rows = rows.into_iter().chain(world.locations.iter().map(Place::Real));
    Builder::new("stock.location", "Inventory Locations", "complete_name, id")
        .char("name", "Location Name", Place::name)
        .required()
        .char("display_name", "Display Name", |place| place.path(world))
        .char("complete_name", "Full Location Name", |place| place.path(world))
        .char("barcode", "Barcode", |place| {
            place.location().map(|location| location.code.clone())
        })
        .select("usage", "Location Type", &USAGES, Place::usage)
        .required()
        .one("location_id", "Parent Location", "stock.location", |place| {
            place.location().and_then(|location| location.parent).map(location_id)
        })
        .children("child_ids", "Contains", "stock.location", |place| {
            let Some(location) = place.location() else {
                return Vec::new();
            };
            let below = world.locations.iter().filter(|other| other.parent == Some(location.id));
            below.map(|other| location_id(other.id)).collect()
        })
        .one("warehouse_id", "Warehouse", "stock.warehouse", |place| {
            place.location().and_then(|location| warehouse_of(world, location.id))
        })
        .bool("active", "Active", |place| {
            place.location().is_none_or(|location| location.active)
        })
        .one("company_id", "Company", "res.company", |place| {
            place.location().map(|_| 1)
        })
        .moment("create_date", "Created on", |place| {
            place.location().map_or(now(), |location| location.created_at)
        })
        .moment("write_date", "Last Updated on", |place| {
            place.location().map_or(now(), |location| location.updated_at)
        })
        .build(rows, Place::id)
}

pub(in crate::systems::odoo) fn warehouses(world: &World) -> Table {
    let sites = world.locations.iter().filter(|place| place.parent.is_none());
    Builder::new("stock.warehouse", "Warehouse", "sequence, id")
        .char("name", "Warehouse", |site: &&Location| site.name.clone())
        .required()
        .char("display_name", "Display Name", |site| site.name.clone())
        .char("code", "Short Name", |site| site.code.clone())
        .int("sequence", "Sequence", |_| 10_u32)
        .one("view_location_id", "View Location", "stock.location", |site| {
            location_id(site.id)
        })
        .one("lot_stock_id", "Location Stock", "stock.location", |site| {
            let rooms = world
                .storerooms()
                .filter(|room| world.site_of(room.id).is_some_and(|other| other.id == site.id));
            rooms.map(|room| location_id(room.id)).next()
        })
        .one("partner_id", "Address", "res.partner", |_| 1)
        .one("company_id", "Company", "res.company", |_| 1)
        .bool("active", "Active", |site| site.active)
        .moment("create_date", "Created on", |site| site.created_at)
        .moment("write_date", "Last Updated on", |site| site.updated_at)
        .build(sites, |site| warehouse_of(world, site.id).unwrap_or(0))
}

pub(in crate::systems::odoo) fn lot_words(world: &World) -> Vec<(u32, String)> {
    let lots: BTreeSet<(u32, &str)> = world
        .stock_levels
        .iter()
        .filter_map(|level| Some((level.item, level.lot.as_deref()?)))
        .collect();
    lots.into_iter().map(|(item, lot)| (item, lot.to_owned())).collect()
}

fn lot_id(lots: &[(u32, String)], level: &StockLevel) -> Option<u32> {
    let key = (level.item, level.lot.clone()?);
    lots.binary_search(&key)
        .ok()
        .and_then(|place| u32::try_from(place + 1).ok())
}

pub(in crate::systems::odoo) fn lots(world: &World) -> Table {
    let rows = lot_words(world).into_iter().enumerate();
    Builder::new("stock.lot", "Lot/Serial", "name, id")
        .char("name", "Lot/Serial Number", |(_, (_, lot)): &(usize, (u32, String))| {
            lot.clone()
        })
        .required()
        .char("display_name", "Display Name", |(_, (_, lot))| lot.clone())
        .one("product_id", "Product", "product.product", |(_, (item, _))| *item)
        .required()
        .one("company_id", "Company", "res.company", |_| 1)
        .moment("create_date", "Created on", |_| now())
        .moment("write_date", "Last Updated on", |_| now())
        .build(rows, |(place, _)| u32::try_from(place + 1).unwrap_or(0))
}

pub(in crate::systems::odoo) fn quants(world: &World) -> Table {
    let lots = lot_words(world);
    let categories = category_words(world);
    let item_of = |level: &StockLevel| world.find_item(level.item);
    let spot = |level: &StockLevel| level.bin.unwrap_or(level.location);
    Builder::new("stock.quant", "Quants", "id")
        .char("display_name", "Display Name", move |level: &&StockLevel| {
            world
                .find_location(spot(level))
                .map(|location| Place::Real(location).path(world))
        })
        .one("product_id", "Product", "product.product", |level| level.item)
        .required()
        .one("product_tmpl_id", "Product Template", "product.template", |level| {
            level.item
        })
        .one("product_uom_id", "Unit", "uom.uom", move |level| {
            item_of(level).map(|item| unit_id(&item.uom))
        })
        .one(
            "product_categ_id",
            "Product Category",
            "product.category",
            move |level| item_of(level).and_then(|item| id_in(&categories, &item.category)),
        )
        .one("location_id", "Location", "stock.location", move |level| {
            location_id(spot(level))
        })
        .required()
        .one("warehouse_id", "Warehouse", "stock.warehouse", |level| {
            warehouse_of(world, level.location)
        })
        .one("lot_id", "Lot/Serial Number", "stock.lot", move |level| {
            lot_id(&lots, level)
        })
        .one("package_id", "Package", "stock.package", |_| None)
        .one("owner_id", "Owner", "res.partner", |_| None)
        .float("quantity", "Quantity", |level| level.on_hand)
        .float("reserved_quantity", "Reserved Quantity", |level| level.reserved)
        .required()
        .float("available_quantity", "Available Quantity", |level| level.available())
        .computed()
        .float("inventory_quantity", "Counted Quantity", |_| Decimal::ZERO)
        .bool("inventory_quantity_set", "Inventory Quantity Set", |_| false)
        .float("inventory_quantity_auto_apply", "Inventoried Quantity", |level| {
            level.on_hand
        })
        .float("inventory_diff_quantity", "Difference", |_| Decimal::ZERO)
        .money("value", "Value", |level| (level.on_hand * level.unit_cost).round_dp(2))
        .computed()
        .date("inventory_date", "Scheduled", |_| {
            crate::world::today() + chrono::Duration::days(41)
        })
        .date("last_count_date", "Last Count Date", |level| level.last_counted)
        .computed()
        .moment("in_date", "Incoming Date", |level| level.created_at)
        .required()
        .one("company_id", "Company", "res.company", |_| 1)
        .moment("create_date", "Created on", |level| level.created_at)
        .moment("write_date", "Last Updated on", |level| level.updated_at)
        .build(&world.stock_levels, |level| level.id)
        .read_only(&[
            "quantity",
            "reserved_quantity",
            "inventory_diff_quantity",
            "inventory_quantity_set",
            "in_date",
            "product_tmpl_id",
            "product_uom_id",
            "warehouse_id",
            "company_id",
        ])
}

pub(in crate::systems::odoo) fn orderpoints(world: &World) -> Table {
    Builder::new(
        "stock.warehouse.orderpoint",
        "Minimum Inventory Rule",
        "location_id, company_id, id",
    )
    .char("name", "Name", |level: &&StockLevel| format!("OP/{:05}", level.id))
    .char("display_name", "Display Name", |level| format!("OP/{:05}", level.id))
    .select(
        "trigger",
        "Trigger",
        &[("auto", "Auto"), ("manual", "Manual")],
        |_| "auto",
    )
    .one("product_id", "Product", "product.product", |level| level.item)
    .required()
    .one("location_id", "Location", "stock.location", |level| {
        location_id(level.bin.unwrap_or(level.location))
    })
    .required()
    .one("warehouse_id", "Warehouse", "stock.warehouse", |level| {
        warehouse_of(world, level.location)
    })
    .required()
    .float("product_min_qty", "Min Quantity", |level| level.reorder_point)
    .required()
    .float("product_max_qty", "Max Quantity", |level| level.max)
    .required()
    .float("qty_to_order", "To Order", |level| {
        if level.on_hand < level.reorder_point {
            level.reorder_qty
        } else {
            Decimal::ZERO
        }
    })
    .computed()
    .bool("active", "Active", |_| true)
    .one("company_id", "Company", "res.company", |_| 1)
    .moment("create_date", "Created on", |level| level.created_at)
    .moment("write_date", "Last Updated on", |level| level.updated_at)
    .build(&world.stock_levels, |level| level.id)
}
