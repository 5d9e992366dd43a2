//! Parts: one row for each item and storeroom, because a part lives at one location.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{LOCATION, PURCHASE_LINE, VENDOR, first_location, moved, number};
use crate::world::{Item, ItemType, OrderStatus, StockLevel, World};

/// Ids of parts in stock: this plus the id of the first stock level.
pub(in super::super) const STOCKED: u32 = 6_000;
/// Ids of parts nobody keeps in stock: this plus the item's id.
const UNSTOCKED: u32 = 200_000;

/// One part row: an item at a storeroom.
#[derive(Debug)]
pub(in super::super) struct PartPlace {
    pub(in super::super) id: u32,
    pub(in super::super) item: u32,
    pub(in super::super) location: Option<u32>,
    levels: Vec<u32>,
}

/// Which part rows there are, by item.
#[derive(Debug, Default)]
pub(in super::super) struct Shelf {
    pub(in super::super) places: Vec<PartPlace>,
    by_item: BTreeMap<u32, Vec<usize>>,
}

impl Shelf {
    pub(in super::super) fn of(world: &World) -> Self {
        let mut places: IndexMap<(u32, u32), PartPlace> = IndexMap::new();
        for level in &world.stock_levels {
            let new = || PartPlace {
                id: STOCKED + level.id,
                item: level.item,
                location: Some(level.location),
                levels: Vec::new(),
            };
            places
                .entry((level.item, level.location))
                .or_insert_with(new)
                .levels
                .push(level.id);
        }
        let mut places: Vec<PartPlace> = places.into_values().collect();
        let stocked: std::collections::HashSet<u32> = places.iter().map(|place| place.item).collect();
        let others = world
            .items
            .iter()
            .filter(|item| item.item_type != ItemType::Service && !stocked.contains(&item.id));
        places.extend(others.map(|item| PartPlace {
            id: UNSTOCKED + item.id,
            item: item.id,
            location: None,
            levels: Vec::new(),
        }));
        let mut by_item: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (position, place) in places.iter().enumerate() {
            by_item.entry(place.item).or_default().push(position);
        }
        Self { places, by_item }
    }

    /// Returns the part row of an item, the one at this location if there is one; 0 when the item is no part.
    pub(super) fn part(&self, item: u32, location: Option<u32>) -> u32 {
        let rows = self.by_item.get(&item).map(Vec::as_slice).unwrap_or_default();
        let places: Vec<&PartPlace> = rows.iter().filter_map(|position| self.places.get(*position)).collect();
        let here = places
            .iter()
            .find(|place| location.is_some() && place.location == location);
        here.or(places.first()).map_or(0, |place| place.id)
    }

    /// Returns the location a part row is bound to.
    pub(super) fn location(place: &PartPlace, world: &World) -> u32 {
        place.location.map_or_else(|| first_location(world), |id| LOCATION + id)
    }
}

pub(super) fn parts(world: &World, shelf: &Shelf) -> Vec<Value> {
    let received = received_stock(world);
    let categories = category_names(world);
    shelf
        .places
        .iter()
        .filter_map(|place| {
            Some(part_row(
                place,
                world.find_item(place.item)?,
                world,
                &received,
                &categories,
            ))
        })
        .collect()
}

type Received = BTreeMap<(u32, u32), (Decimal, Vec<Value>)>;

/// Returns what open orders brought to each storeroom and nobody used yet: how much, and the order lines.
fn received_stock(world: &World) -> Received {
    let mut received = Received::new();
    for (order, line) in world.purchase_lines() {
        let is_open = matches!(order.status, OrderStatus::PartiallyReceived | OrderStatus::Received);
        let (Some(item), true) = (line.item, is_open && !line.received.is_zero()) else {
            continue;
        };
        let (total, orders) = received.entry((item, line.location)).or_default();
        *total += line.received;
        orders.push(json!({
            "quantity": number(line.received),
            "quantityUsed": 0,
            "price": number(line.unit_price),
            "poItemID": PURCHASE_LINE + line.id,
        }));
    }
    received
}

fn part_row(place: &PartPlace, item: &Item, world: &World, received: &Received, categories: &[&str]) -> Value {
    let levels: Vec<&StockLevel> = place
        .levels
        .iter()
        .filter_map(|id| world.find_stock_level(*id))
        .collect();
    let on_hand: Decimal = levels.iter().map(|level| level.on_hand).sum();
    let bins: Vec<&str> = levels
        .iter()
        .filter_map(|level| Some(world.find_location(level.bin?)?.code.as_str()))
        .collect();
    let (from_orders, orders) = place
        .location
        .and_then(|location| received.get(&(item.id, location)))
        .cloned()
        .unwrap_or_default();
    let threshold = levels
        .first()
        .map_or(Decimal::NEGATIVE_ONE, |level| level.reorder_point);
    let edited = levels
        .iter()
        .map(|level| level.updated_at)
        .chain([item.updated_at])
        .max();
    json!({
        "partID": place.id,
        "number": item.number,
        "name": item.name,
        "generalStock": number(on_hand - from_orders),
        "unitCode": unit_code(&item.uom),
        "generalPrice": number(levels.first().map_or(item.standard_cost, |level| level.unit_cost)),
        "category": item.category,
        "categoryID": category_id(&item.category, categories),
        "locationID": Shelf::location(place, world),
        "location": bins.join(", "),
        "minQtyStatus": i32::from(on_hand < threshold),
        "minQtyThreshold": number(threshold),
        "maxQtyThreshold": number(levels.first().map_or(Decimal::NEGATIVE_ONE, |level| level.max)),
        "staleThreshold": -1,
        "staleStatus": 0,
        "lastEdited": super::unix(edited),
        "userID": 0,
        "teamID": 436,
        "stockOnHand": number(on_hand),
        "pos": orders,
        "image": [],
    })
}

fn category_names(world: &World) -> Vec<&str> {
    let mut names: Vec<&str> = world.items.iter().map(|item| item.category.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn category_id(name: &str, categories: &[&str]) -> usize {
    categories.binary_search(&name).map_or(0, |position| position + 1)
}

pub(in super::super) fn categories(world: &World) -> Vec<Value> {
    let names = category_names(world);
    (1..)
        .zip(names)
        .map(|(id, name): (usize, &str)| json!({"categoryID": id, "name": name}))
        .collect()
}

pub(super) fn associations(world: &World, shelf: &Shelf) -> Vec<Value> {
    (1_u32..)
        .zip(&shelf.places)
        .filter_map(|(id, place)| {
            let item = world.find_item(place.item)?;
            let vendor = world.find_vendor(item.vendor)?;
            Some(json!({
                "relationID": id,
                "partID": place.id,
                "vendorID": moved(VENDOR, Some(vendor.id)),
                "vendorPartNumber": item.manufacturer_part_number,
                "partPrice": number(item.standard_cost),
                "createdAt": item.created_at.timestamp(),
                "updatedAt": item.updated_at.timestamp(),
                "partName": item.name,
                "number": item.number,
                "locationID": Shelf::location(place, world),
                "vendorName": vendor.name,
            }))
        })
        .collect()
}

pub(super) fn unit_code(uom: &str) -> &'static str {
    match uom {
        "L" => "liter",
        "M" => "meter",
        _ => "each",
    }
}

/// Returns the units of measure, more than one default page of them.
pub(in super::super) fn units() -> Vec<Value> {
    const UNITS: [(&str, &str, &str, &str); 26] = [
        ("each", "ea", "Each", "count"),
        ("box", "box", "Box", "count"),
        ("case", "case", "Case", "count"),
        ("drum", "drum", "Drum", "count"),
        ("pack", "pk", "Pack", "count"),
        ("pair", "pr", "Pair", "count"),
        ("roll", "roll", "Roll", "count"),
        ("set", "set", "Set", "count"),
        ("dozen", "dz", "Dozen", "count"),
        ("liter", "L", "Liter", "volume"),
        ("milliliter", "mL", "Milliliter", "volume"),
        ("gallon_us", "gal", "Gallon", "volume"),
        ("quart_us", "qt", "Quart", "volume"),
        ("cubic_meter", "m3", "Cubic meter", "volume"),
        ("meter", "m", "Meter", "length"),
        ("centimeter", "cm", "Centimeter", "length"),
        ("millimeter", "mm", "Millimeter", "length"),
        ("kilometer", "km", "Kilometer", "length"),
        ("inch", "in", "Inch", "length"),
        ("foot", "ft", "Foot", "length"),
        ("yard", "yd", "Yard", "length"),
        ("gram", "g", "Gram", "weight"),
        ("kilogram", "kg", "Kilogram", "weight"),
        ("milligram", "mg", "Milligram", "weight"),
        ("pound", "lb", "Pound", "weight"),
        ("ounce", "oz", "Ounce", "weight"),
    ];
    UNITS
        .into_iter()
        .map(|(code, abbreviation, name, category)| {
            json!({
                "unitCode": code,
                "defaultAbbreviation": abbreviation,
                "abbreviation": abbreviation,
                "name": name,
                "isCustom": false,
                "category": category,
            })
        })
        .collect()
}
