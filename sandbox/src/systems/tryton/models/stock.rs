//! Places, lots, order points, and the quantities that depend on the context. A place's id is its
//! id in the world plus 20; below are the virtual places and each warehouse's zones.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::moves;
use super::party::changed;
use super::small::unit_id;
use crate::systems::orm::{Builder, Database, Table, Val};
use crate::systems::tryton::domain::context_date;
use crate::world::{Item, Location, LocationKind, StockLevel, World, now, today};

pub(super) const SUPPLIER: u32 = 1;
pub(in crate::systems::tryton) const LOST_FOUND: u32 = 3;
pub(super) const PRODUCTION: u32 = 4;

pub(in crate::systems::tryton) fn location_id(location: u32) -> u32 {
    location + 20
}

/// Returns the input zone of the warehouse a place belongs to; the output zone follows it.
pub(super) fn input_zone(world: &World, location: u32) -> u32 {
    let site = world.site_of(location).map_or(1, |site| site.id);
    let place = world
        .locations
        .iter()
        .filter(|place| place.parent.is_none())
        .position(|place| place.id == site);
    6 + 2 * u32::try_from(place.unwrap_or(0)).unwrap_or(0)
}

struct Place<'a> {
    id: u32,
    name: String,
    code: String,
    kind: &'static str,
    parent: Option<u32>,
    location: Option<&'a Location>,
}

fn virtual_place(id: u32, name: &str, code: &str, kind: &'static str, parent: Option<u32>) -> Place<'static> {
    Place {
        id,
        name: name.to_owned(),
        code: code.to_owned(),
        kind,
        parent,
        location: None,
    }
}

fn places(world: &World) -> Vec<Place<'_>> {
    let mut places = vec![
        virtual_place(SUPPLIER, "Supplier", "SUP", "supplier", None),
        virtual_place(2, "Customer", "CUS", "customer", None),
        virtual_place(LOST_FOUND, "Lost and Found", "", "lost_found", None),
        virtual_place(PRODUCTION, "Production", "PROD", "production", None),
        virtual_place(5, "Transit", "", "storage", None),
    ];
    for site in world.locations.iter().filter(|place| place.parent.is_none()) {
        let input = input_zone(world, site.id);
        places.push(virtual_place(
            input,
            "Input Zone",
            "IN",
            "storage",
            Some(location_id(site.id)),
        ));
        places.push(virtual_place(
            input + 1,
            "Output Zone",
            "OUT",
            "storage",
            Some(location_id(site.id)),
        ));
    }
    places.extend(world.locations.iter().map(|location| Place {
        id: location_id(location.id),
        name: location.name.clone(),
        code: location.code.clone(),
        kind: match location.kind {
            LocationKind::Site => "warehouse",
            LocationKind::Building => "view",
            LocationKind::Storeroom | LocationKind::Bin => "storage",
            LocationKind::ProductionLine => "production",
        },
        parent: location.parent.map(location_id),
        location: Some(location),
    }));
    places
}

pub(super) fn locations(world: &World) -> Table {
    let kinds = [
        ("supplier", "Supplier"),
        ("customer", "Customer"),
        ("lost_found", "Lost and Found"),
        ("warehouse", "Warehouse"),
        ("storage", "Storage"),
        ("production", "Production"),
        ("drop", "Drop"),
        ("view", "View"),
    ];
    let all = places(world);
    let parents: Vec<(u32, u32)> = all.iter().filter_map(|place| Some((place.id, place.parent?))).collect();
    let warehouse = |place: &Place<'_>| place.kind == "warehouse";
    Builder::new("stock.location", "Location", "name, id")
        .char("name", "Name", |place: &Place<'_>| place.name.clone())
        .required()
        .char("rec_name", "Record Name", |place| place.name.clone())
        .char("code", "Code", |place| place.code.clone())
        .select("type", "Location type", &kinds, |place| place.kind)
        .required()
        .bool("active", "Active", |place| {
            place.location.is_none_or(|location| location.active)
        })
        .one("parent", "Parent", "stock.location", |place| place.parent)
        .children("childs", "Children", "stock.location", move |place| {
            parents
                .iter()
                .filter(|(_, parent)| *parent == place.id)
                .map(|(id, _)| *id)
                .collect()
        })
        .one("address", "Address", "party.address", move |place| {
            warehouse(place).then_some(1)
        })
        .one("warehouse", "Warehouse", "stock.location", |place| {
            let site = place
                .location
                .and_then(|location| world.site_of(location.id))
                .map(|site| location_id(site.id));
            site.or(place.parent)
        })
        .computed()
        .one("input_location", "Input", "stock.location", move |place| {
            place
                .location
                .filter(|_| warehouse(place))
                .map(|site| input_zone(world, site.id))
        })
        .one("output_location", "Output", "stock.location", move |place| {
            place
                .location
                .filter(|_| warehouse(place))
                .map(|site| input_zone(world, site.id) + 1)
        })
        .one("storage_location", "Storage", "stock.location", move |place| {
            let site = place.location.filter(|_| warehouse(place))?;
            let room = world
                .storerooms()
                .find(|room| world.site_of(room.id).is_some_and(|other| other.id == site.id));
            room.and_then(|room| room.parent).map(location_id)
        })
        .float("quantity", "Quantity", |_| Decimal::ZERO)
        .float("forecast_quantity", "Forecast Quantity", |_| Decimal::ZERO)
        .moment("create_date", "Created at", |place| {
            place.location.map_or(now(), |location| location.created_at)
        })
        .moment("write_date", "Edited at", |place| {
            place
                .location
                .and_then(|location| changed(location.created_at, location.updated_at))
        })
        .build(all, |place| place.id)
}

pub(in crate::systems::tryton) fn lot_words(world: &World) -> Vec<(u32, String)> {
    let lots: BTreeSet<(u32, &str)> = world
        .stock_levels
        .iter()
        .filter_map(|level| Some((level.item, level.lot.as_deref()?)))
        .collect();
    lots.into_iter().map(|(item, lot)| (item, lot.to_owned())).collect()
}

pub(super) fn lot_id(lots: &[(u32, String)], item: u32, lot: Option<&str>) -> Option<u32> {
    let key = (item, lot?.to_owned());
    lots.binary_search(&key)
        .ok()
        .and_then(|place| u32::try_from(place + 1).ok())
}

type Lot = (u32, (u32, String));

pub(super) fn lots(world: &World) -> Table {
    Builder::new("stock.lot", "Lot", "number, id")
        .char("number", "Number", |(_, (_, lot)): &Lot| lot.clone())
        .required()
        .char("rec_name", "Record Name", |(_, (_, lot))| lot.clone())
        .one("product", "Product", "product.product", |(_, (item, _))| *item)
        .required()
        .bool("active", "Active", |_| true)
        .float("quantity", "Quantity", |_| Decimal::ZERO)
        .float("forecast_quantity", "Forecast Quantity", |_| Decimal::ZERO)
        .moment("create_date", "Created at", |_| now())
        .moment("write_date", "Edited at", |_| None::<chrono::DateTime<chrono::Utc>>)
        .build((1..).zip(lot_words(world)), |(id, _)| *id)
}

pub(super) fn lots_by_locations(world: &World) -> Table {
    Builder::new("stock.lots_by_locations", "Lots by Locations", "lot, product")
        .one("lot", "Lot", "stock.lot", |(id, _): &Lot| *id)
        .one("product", "Product", "product.product", |(_, (item, _))| *item)
        .char("rec_name", "Record Name", |(_, (_, lot))| lot.clone())
        .one("default_uom", "Default UoM", "product.uom", |(_, (item, _))| {
            world.find_item(*item).map(|item| unit_id(&item.uom))
        })
        .computed()
        .float("quantity", "Quantity", |_| Decimal::ZERO)
        .float("forecast_quantity", "Forecast Quantity", |_| Decimal::ZERO)
        .build((1..).zip(lot_words(world)), |(id, _)| *id)
}

pub(super) fn products_by_locations(world: &World) -> Table {
    Builder::new("stock.products_by_locations", "Products by Locations", "product")
        .one("product", "Product", "product.product", |item: &&Item| item.id)
        .char("rec_name", "Record Name", |item| {
            format!("[{}] {}", item.number, item.name)
        })
        .one("default_uom", "Default UoM", "product.uom", |item| unit_id(&item.uom))
        .computed()
        .bool("active", "Active", |item| {
            item.status != crate::world::ItemStatus::Inactive
        })
        .bool("consumable", "Consumable", |item| {
            item.item_type == crate::world::ItemType::NonStocked
        })
        .computed()
        .float("quantity", "Quantity", |_| Decimal::ZERO)
        .float("forecast_quantity", "Forecast Quantity", |_| Decimal::ZERO)
        .money("cost_value", "Cost Value", |_| None::<Decimal>)
        .computed()
        .build(&world.items, |item| item.id)
}

pub(super) fn order_points(world: &World) -> Table {
    let warehouse = |level: &StockLevel| world.site_of(level.location).map(|site| location_id(site.id));
    Builder::new("stock.order_point", "Order Point", "id")
        .one("product", "Product", "product.product", |level: &&StockLevel| {
            level.item
        })
        .required()
        .char("rec_name", "Record Name", |level| {
            world.find_item(level.item).map(|item| item.name.clone())
        })
        .select(
            "type",
            "Type",
            &[("internal", "Internal"), ("purchase", "Purchase")],
            |_| "internal",
        )
        .one(
            "warehouse_location",
            "Warehouse Location",
            "stock.location",
            move |level| warehouse(level),
        )
        .one("storage_location", "Storage Location", "stock.location", |level| {
            location_id(level.bin.unwrap_or(level.location))
        })
        .one("location", "Location", "stock.location", |level| {
            location_id(level.bin.unwrap_or(level.location))
        })
        .computed()
        .float("min_quantity", "Minimal Quantity", |level| level.min)
        .float("max_quantity", "Maximal Quantity", |level| level.max)
        .float("target_quantity", "Target Quantity", |level| {
            level.reorder_point + level.reorder_qty
        })
        .one("unit", "Unit", "product.uom", |level| {
            world.find_item(level.item).map(|item| unit_id(&item.uom))
        })
        .computed()
        .one("company", "Company", "company.company", |_| 1)
        .required()
        .moment("create_date", "Created at", |level| level.created_at)
        .moment("write_date", "Edited at", |level| {
            changed(level.created_at, level.updated_at)
        })
        .build(&world.stock_levels, |level| level.id)
}

/// Returns the table with its quantities filled in when the context names places (for products and
/// lots) or a product (for places). Without, they stay zero.
pub(crate) fn in_context(database: &Database, table: Arc<Table>, context: &Map<String, Value>) -> Arc<Table> {
    let wanted = ids(context.get("locations"));
    let product = ids(context.get("product")).into_iter().next();
    let world = database.state.world();
    let until = context_date(context.get("stock_date_end"));
    match table.model {
        "product.product" | "stock.products_by_locations" if !wanted.is_empty() => {
            let places = reach(&world, &wanted, context);
            let sums = sums(&world, until, |one, to| {
                places
                    .contains(if to { &one.to } else { &one.from })
                    .then_some(one.item)
            });
            filled(table, &world, |row| Some(Table::id_of(row)), &sums)
        }
        "stock.lot" | "stock.lots_by_locations" if !wanted.is_empty() => {
            let places = reach(&world, &wanted, context);
            let lots = lot_words(&world);
            let sums = sums(&world, until, |one, to| {
                let inside = places.contains(if to { &one.to } else { &one.from });
                inside.then(|| lot_id(&lots, one.item, one.lot.as_deref())).flatten()
            });
            filled(table, &world, |row| Some(Table::id_of(row)), &sums)
        }
        "stock.location" if product.is_some() => {
            let sums = sums(&world, until, |one, to| {
                (Some(one.item) == product).then_some(if to { one.to } else { one.from })
            });
            filled(table, &world, |row| Some(Table::id_of(row)), &sums)
        }
        _ => table,
    }
}

/// Inventories exist only where clients made them.
pub(super) fn inventories(_world: &World) -> Table {
    let states = [("draft", "Draft"), ("done", "Done"), ("cancelled", "Cancelled")];
    let nobody = |_: &()| None::<u32>;
    Builder::new("stock.inventory", "Stock Inventory", "date desc, id")
        .char("number", "Number", |(): &()| "")
        .char("rec_name", "Record Name", |()| "")
        .one("location", "Location", "stock.location", nobody)
        .required()
        .date("date", "Date", |()| None::<NaiveDate>)
        .required()
        .children("lines", "Lines", "stock.inventory.line", |()| Vec::new())
        .select("state", "State", &states, |()| "")
        .select(
            "empty_quantity",
            "Empty Quantity",
            &[("keep", "Keep"), ("empty", "Empty")],
            |()| "",
        )
        .one("company", "Company", "company.company", |()| 1)
        .required()
        .moment("create_date", "Created at", |()| None::<chrono::DateTime<chrono::Utc>>)
        .moment("write_date", "Edited at", |()| None::<chrono::DateTime<chrono::Utc>>)
        .build([], |()| 0)
        .read_only(&["number", "state"])
}

/// Internal shipments exist only where clients made them.
pub(super) fn internal_shipments(_world: &World) -> Table {
    let states = [
        ("draft", "Draft"),
        ("waiting", "Waiting"),
        ("assigned", "Assigned"),
        ("done", "Done"),
        ("cancelled", "Cancelled"),
    ];
    let nobody = |_: &()| None::<u32>;
    Builder::new(
        "stock.shipment.internal",
        "Stock Shipment Internal",
        "effective_date, id",
    )
    .char("number", "Number", |(): &()| "")
    .char("rec_name", "Record Name", |()| "")
    .char("reference", "Reference", |()| "")
    .one("from_location", "From Location", "stock.location", nobody)
    .required()
    .one("to_location", "To Location", "stock.location", nobody)
    .required()
    .date("planned_date", "Planned Date", |()| None::<NaiveDate>)
    .date("effective_date", "Effective Date", |()| None::<NaiveDate>)
    .children("moves", "Moves", "stock.move", |()| Vec::new())
    .select("state", "State", &states, |()| "")
    .one("company", "Company", "company.company", |()| 1)
    .required()
    .moment("create_date", "Created at", |()| None::<chrono::DateTime<chrono::Utc>>)
    .moment("write_date", "Edited at", |()| None::<chrono::DateTime<chrono::Utc>>)
    .build([], |()| 0)
    .read_only(&["number", "state"])
}

pub(super) fn inventory_lines(_world: &World) -> Table {
    let nobody = |_: &()| None::<u32>;
    Builder::new("stock.inventory.line", "Stock Inventory Line", "id")
        .one("inventory", "Inventory", "stock.inventory", nobody)
        .required()
        .char("rec_name", "Record Name", |()| "")
        .one("product", "Product", "product.product", nobody)
        .required()
        .one("lot", "Lot", "stock.lot", nobody)
        .float("expected_quantity", "Expected Quantity", |()| None::<Decimal>)
        .required()
        .float("quantity", "Actual Quantity", |()| None::<Decimal>)
        .children("moves", "Moves", "stock.move", |()| Vec::new())
        .moment("create_date", "Created at", |()| None::<chrono::DateTime<chrono::Utc>>)
        .moment("write_date", "Edited at", |()| None::<chrono::DateTime<chrono::Utc>>)
        .build([], |()| 0)
        .read_only(&["expected_quantity", "moves"])
}

fn ids(value: Option<&Value>) -> Vec<u32> {
    let one = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Returns the places asked for, with those below when the context says so.
fn reach(world: &World, wanted: &[u32], context: &Map<String, Value>) -> HashSet<u32> {
    let mut reached: HashSet<u32> = wanted.iter().copied().collect();
    if context.get("with_childs") != Some(&Value::Bool(true)) {
        return reached;
    }
    // Parents come before children, except for the zones, which have no children.
    let mut all = places(world);
    all.sort_by_key(|place| (place.location.is_none(), place.id));
    for place in all {
        if place.parent.is_some_and(|parent| reached.contains(&parent)) {
            reached.insert(place.id);
        }
    }
    reached
}

/// What is there now, and what will be.
type Sums = HashMap<u32, (Decimal, Decimal)>;

fn sums(world: &World, until: Option<NaiveDate>, key: impl Fn(&moves::Move, bool) -> Option<u32>) -> Sums {
    let mut sums: Sums = HashMap::new();
    for one in moves::all(world) {
        let done = one.state == "done" && one.day <= until.map_or(today(), |until| until.min(today()));
        let ahead = one.state == "done" || one.day <= until.unwrap_or(NaiveDate::MAX);
        for (to, quantity) in [(true, one.quantity), (false, -one.quantity)] {
            let Some(key) = key(&one, to) else { continue };
            let sum = sums.entry(key).or_default();
            if done {
                sum.0 += quantity;
            }
            if ahead {
                sum.1 += quantity;
            }
        }
    }
    sums
}

fn filled(table: Arc<Table>, world: &World, key: impl Fn(&[Val]) -> Option<u32>, sums: &Sums) -> Arc<Table> {
    let (Some(quantity), Some(forecast)) = (table.place("quantity"), table.place("forecast_quantity")) else {
        return table;
    };
    let value = table.place("cost_value");
    let mut table = Table::clone(&table);
    for row in &mut table.rows {
        let Some(key) = key(row) else { continue };
        let (now, ahead) = sums.get(&key).copied().unwrap_or_default();
        row[quantity] = Val::Number(now);
        row[forecast] = Val::Number(ahead);
        if let Some(value) = value {
            row[value] = world.find_item(key).map_or(Val::Null, |item| {
                let mut worth = now * item.standard_cost;
                worth.rescale(4);
                Val::Number(worth)
            });
        }
    }
    Arc::new(table)
}
