//! Writes of parts: an item at one location with its general stock.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::problem::Problem;
use super::super::rows::parts::{STOCKED, Shelf, categories, units};
use super::super::rows::{LOCATION, number};
use super::Done;
use super::body::{Body, decimal};
use super::draft::{Draft, Note, movement, next_id, note_movement};
use crate::world::{Item, ItemStatus, ItemType, MovementKind, StockLevel, StockMovement, World, today};

const MEMBERS: [&str; 16] = [
    "locationID",
    "name",
    "number",
    "generalStock",
    "generalPrice",
    "unitCode",
    "supplier",
    "location",
    "categoryID",
    "staleThreshold",
    "minQtyThreshold",
    "maxQtyThreshold",
    "minQtyStatus",
    "staleStatus",
    "assignment",
    "assignmentType",
];

/// Returns the item and the location of a part.
pub(super) fn place_of(draft: &Draft<'_>, part: i64) -> Result<(u32, Option<u32>), Problem> {
    let shelf = Shelf::of(&draft.world);
    let found = shelf.places.iter().find(|place| i64::from(place.id) == part);
    found
        .map(|place| (place.item, place.location))
        .ok_or_else(|| Problem::NotFound(format!("Part {part}")))
}

pub(super) fn create(draft: &mut Draft<'_>, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &MEMBERS)?;
    body.require(&["locationID", "name"])?;
    let location = draft.location(body.integer("locationID")?)?;
    let location = location.ok_or_else(|| Problem::Parameter("\"locationID\" is required".into()))?;
    let item = next_id(draft.world.items.iter().map(|item| item.id));
    let level = next_id(draft.world.stock_levels.iter().map(|level| level.id));
    draft.world.items.push(Item {
        id: item,
        number: body.text("number")?.unwrap_or_default().to_owned(),
        name: body.name("name")?.unwrap_or_default().to_owned(),
        description: String::new(),
        item_type: ItemType::Stocked,
        uom: "EA".to_owned(),
        category: String::new(),
        manufacturer: String::new(),
        manufacturer_part_number: String::new(),
        barcode: String::new(),
        standard_cost: Decimal::ZERO,
        list_price: Decimal::ZERO,
        currency: draft.world.currency.clone(),
        vendor: 0,
        status: ItemStatus::Active,
        lot_tracked: false,
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    });
    let mut new = new_level(&draft.world, item, location, Decimal::ZERO, draft.at);
    new.reorder_point = Decimal::NEGATIVE_ONE;
    new.max = Decimal::NEGATIVE_ONE;
    draft.world.stock_levels.push(new);
    let mut wanted = Map::new();
    wanted.insert("teamID".into(), 0.into());
    save(draft, STOCKED + level, &body, wanted, true)?;
    Ok(Done::created("parts", "parts", "partID", (STOCKED + level).into()))
}

pub(super) fn update(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &MEMBERS)?;
    body.require(&["locationID"])?;
    save(draft, id, &body, Map::new(), false)?;
    Ok(Done::Empty)
}

fn save(
    draft: &mut Draft<'_>,
    id: u32,
    body: &Body,
    mut wanted: Map<String, Value>,
    is_new: bool,
) -> Result<(), Problem> {
    let (item, place) = place_of(draft, i64::from(id))?;
    let row = draft.row("parts", id).unwrap_or_default();
    let location = draft
        .location(body.integer("locationID")?)?
        .map(|location| LOCATION + location);
    if !is_new && row.get("locationID").and_then(Value::as_u64) != location.map(u64::from) {
        return Err(Problem::NotFound(format!("Part {id} at this location")));
    }
    let is_alone = Shelf::of(&draft.world)
        .places
        .iter()
        .filter(|place| place.item == item)
        .count()
        == 1;
    for (name, text) in [("name", body.name("name")?), ("number", body.text("number")?)] {
        let Some(text) = text else { continue };
        wanted.insert(name.into(), text.into());
        let found = draft.world.items.iter_mut().find(|one| one.id == item);
        // A part of its own at each location: another one of the same item keeps its name.
        if let Some(found) = found.filter(|_| is_alone) {
            let place = if name == "name" {
                &mut found.name
            } else {
                &mut found.number
            };
            text.clone_into(place);
        }
    }
    if let Some(code) = body.text("unitCode")? {
        if !units().iter().any(|unit| unit["unitCode"] == code) {
            return Err(Problem::NotFound(format!("Unit {code}")));
        }
        wanted.insert("unitCode".into(), code.into());
    }
    if let Some(category) = body.integer("categoryID")? {
        let all = categories(&draft.world);
        let found = all.iter().find(|row| row["categoryID"].as_i64() == Some(category));
        let found = found.ok_or_else(|| Problem::NotFound(format!("Category {category}")))?;
        wanted.insert("categoryID".into(), category.into());
        wanted.insert("category".into(), found["name"].clone());
    }
    if let Some(stock) = body.number("generalStock")? {
        set_stock(draft, item, place, &row, stock);
        wanted.insert("generalStock".into(), number(stock));
    }
    for (name, shown) in [
        ("generalPrice", "generalPrice"),
        ("minQtyThreshold", "minQtyThreshold"),
        ("maxQtyThreshold", "maxQtyThreshold"),
        ("staleThreshold", "staleThreshold"),
    ] {
        if let Some(value) = body.number(name)? {
            set_level(draft, item, place, name, value);
            wanted.insert(shown.into(), number(value));
        }
    }
    for name in ["location", "supplier"] {
        if let Some(text) = body.text(name)? {
            wanted.insert(name.into(), text.into());
        }
    }
    if body.get("assignment").is_some() || body.get("assignmentType").is_some() {
        body.require(&["assignment", "assignmentType"])?;
        let id = body.integer("assignment")?.unwrap_or_default();
        let (name, other) = match body.text("assignmentType")? {
            Some("user") => ("userID", "teamID"),
            Some("team") => ("teamID", "userID"),
            _ => {
                let text = "\"assignmentType\" must be one of [user, team]";
                return Err(Problem::Parameter(text.into()));
            }
        };
        if name == "userID" {
            draft.user(Some(id))?;
        }
        wanted.insert(name.into(), id.into());
        wanted.insert(other.into(), 0.into());
    }
    touch(draft, item, place);
    wanted.insert("lastEdited".into(), draft.at.timestamp().into());
    // The stock moves with receipts; it is no value that stays as it was written.
    for name in ["generalStock", "minQtyThreshold", "maxQtyThreshold", "generalPrice"] {
        if place.is_some() {
            wanted.remove(name);
        }
    }
    draft.finish("parts", id, wanted, is_new);
    Ok(())
}

fn touch(draft: &mut Draft<'_>, item: u32, place: Option<u32>) {
    let at = draft.at;
    for level in draft
        .world
        .stock_levels
        .iter_mut()
        .filter(|level| level.item == item && Some(level.location) == place)
    {
        level.updated_at = at;
    }
}

/// Sets the general stock, which is what there is without what open orders brought.
fn set_stock(draft: &mut Draft<'_>, item: u32, place: Option<u32>, row: &Map<String, Value>, stock: Decimal) {
    let general = row.get("generalStock").and_then(decimal).unwrap_or_default();
    let Some(place) = place else { return };
    let difference = stock - general;
    if difference.is_zero() {
        return;
    }
    let at = draft.at;
    add_stock(&mut draft.world, item, place, difference, at);
    let moved = StockMovement {
        quantity: difference,
        to: Some(place),
        ..movement(item, MovementKind::Adjustment, at)
    };
    note_movement(&mut draft.world, moved);
}

fn set_level(draft: &mut Draft<'_>, item: u32, place: Option<u32>, name: &str, value: Decimal) {
    for level in draft
        .world
        .stock_levels
        .iter_mut()
        .filter(|level| level.item == item && Some(level.location) == place)
    {
        match name {
            "generalPrice" => level.unit_cost = value,
            "minQtyThreshold" => level.reorder_point = value,
            "maxQtyThreshold" => level.max = value,
            _ => {}
        }
    }
}

/// Changes what a place has of an item; an item that was never there gets a place.
pub(super) fn add_stock(world: &mut World, item: u32, place: u32, quantity: Decimal, at: DateTime<Utc>) {
    let found = world
        .stock_levels
        .iter_mut()
        .find(|level| level.item == item && level.location == place);
    match found {
        Some(level) => {
            level.on_hand += quantity;
            level.updated_at = at;
        }
        None => {
            let level = new_level(world, item, place, quantity, at);
            world.stock_levels.push(level);
        }
    }
}

fn new_level(world: &World, item: u32, place: u32, quantity: Decimal, at: DateTime<Utc>) -> StockLevel {
    StockLevel {
        id: next_id(world.stock_levels.iter().map(|level| level.id)),
        item,
        location: place,
        bin: None,
        lot: None,
        on_hand: quantity,
        reserved: Decimal::ZERO,
        on_order: Decimal::ZERO,
        min: Decimal::ZERO,
        max: Decimal::ZERO,
        reorder_point: Decimal::ZERO,
        reorder_qty: Decimal::ZERO,
        unit_cost: world.find_item(item).map_or(Decimal::ZERO, |item| item.standard_cost),
        last_counted: today(),
        created_at: at,
        updated_at: at,
    }
}

pub(super) fn delete(draft: &mut Draft<'_>, id: u32) -> Result<Done, Problem> {
    let (item, place) = place_of(draft, i64::from(id))?;
    let is_alone = Shelf::of(&draft.world)
        .places
        .iter()
        .filter(|place| place.item == item)
        .count()
        == 1;
    draft
        .world
        .stock_levels
        .retain(|level| level.item != item || Some(level.location) != place);
    if is_alone {
        draft.world.items.retain(|other| other.id != item);
    }
    draft.notes.push(Note::Forget("parts", id.to_string()));
    Ok(Done::Empty)
}
