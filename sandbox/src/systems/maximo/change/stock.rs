//! Writes of items and of storeroom inventory, and the movements that other writes bring about.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::dataset::{Row, id_of};
use super::super::problem::Problem;
use super::super::rows;
use super::children;
use super::draft::{
    Draft, Note, day, find_item, find_storeroom, find_vendor, next_id, next_number, number, samples, text,
    without_markup,
};
use super::payload::Given;
use crate::world::{Item, ItemStatus, ItemType, MovementKind, StockLevel, StockMovement, World, today};

const ITEM: &str = "ITEM";
const INVENTORY: &str = "INVENTORY";

pub(super) fn create_item(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    let number = match text(values, "itemnum") {
        Some(number) if !number.is_empty() => number.to_owned(),
        _ => next_number(
            "MAT-",
            draft.world.items.iter().map(|item| item.number.as_str()),
            10_000,
        ),
    };
    let item = Item {
        id: next_id(draft.world.items.iter().map(|item| item.id)),
        number,
        name: String::new(),
        description: String::new(),
        item_type: ItemType::NonStocked,
        uom: String::new(),
        category: String::new(),
        manufacturer: String::new(),
        manufacturer_part_number: String::new(),
        barcode: String::new(),
        standard_cost: Decimal::ZERO,
        list_price: Decimal::ZERO,
        currency: draft.world.currency.clone(),
        vendor: draft.world.vendors.first().map_or(1, |vendor| vendor.id),
        status: ItemStatus::Active,
        lot_tracked: false,
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = values.clone();
    wanted.insert("invvendor".into(), Value::Array(Vec::new()));
    for name in ["issueunit", "orderunit"] {
        wanted.entry(name.to_owned()).or_insert(Value::Null);
    }
    save_item(draft, item, None, given, true, wanted, batch)
}

pub(super) fn update_item(
    draft: &mut Draft<'_>,
    row: &Row,
    given: &Given,
    merge: bool,
    batch: bool,
) -> Result<String, Problem> {
    let number = text(&row.values, "itemnum").unwrap_or_default();
    let item = find_item(&draft.world, number)
        .and_then(|id| draft.world.find_item(id))
        .cloned();
    let item = item.ok_or_else(|| Problem::not_found(number))?;
    save_item(draft, item, Some(row), given, merge, given.values.clone(), batch)
}

fn save_item(
    draft: &mut Draft<'_>,
    mut item: Item,
    before: Option<&Row>,
    given: &Given,
    merge: bool,
    mut wanted: Map<String, Value>,
    batch: bool,
) -> Result<String, Problem> {
    let values = &given.values;
    if let Some(name) = text(values, "description") {
        item.name = name.to_owned();
    }
    if let Some(description) = text(values, "description_longdescription") {
        item.description = without_markup(description);
    }
    if let Some(unit) = text(values, "issueunit").or_else(|| text(values, "orderunit")) {
        item.uom = unit.to_owned();
    }
    match text(values, "itemtype") {
        None | Some("ITEM" | "TOOL" | "") => {}
        Some("STDSERVICE") => item.item_type = ItemType::Service,
        Some(other) => draft.invalid(ITEM, "itemtype", other),
    }
    match text(values, "lottype") {
        None => {}
        Some("LOT") => item.lot_tracked = true,
        Some("NOLOT" | "") => item.lot_tracked = false,
        Some(other) => draft.invalid(ITEM, "lottype", other),
    }
    if let Some(group) = text(values, "commoditygroup") {
        item.category = group.to_owned();
    }
    let had = before.and_then(|row| row.values.get("statusdate").cloned());
    if let Some(status) = &given.status {
        match status.as_str() {
            "ACTIVE" => item.status = ItemStatus::Active,
            "PENDOBS" => item.status = ItemStatus::PhasedOut,
            "OBSOLETE" => item.status = ItemStatus::Inactive,
            "PENDING" | "PLANNING" => {}
            other => draft.invalid(ITEM, "status", other),
        }
        wanted.insert("status".into(), status.as_str().into());
    }
    if let Some(had) = had.filter(|_| given.status.is_none()) {
        wanted.insert("statusdate".into(), had);
    }
    keep_children(draft, &item.id, before, given, merge, &mut wanted);
    let known = samples(draft.world.items.iter().map(|item| &item.custom));
    draft.customize(&mut item.custom, &known, values);
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    item.updated_at = draft.at;
    let id = item.id;
    match draft.world.items.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = item,
        None => draft.world.items.push(item),
    }
    let row = rows::one("mxapiitem", &draft.world, id).unwrap_or(Value::Null);
    Ok(draft.finish(row, wanted, before.is_none()))
}

/// Writes child rows that the plant has no place for.
pub(super) fn keep_children(
    draft: &Draft<'_>,
    id: &u32,
    before: Option<&Row>,
    given: &Given,
    merge: bool,
    wanted: &mut Map<String, Value>,
) {
    let empty = Map::new();
    let shown = before.map_or(&empty, |row| &row.values);
    for (name, rows) in &given.children {
        if let Some(child) = draft
            .structure
            .shape
            .child(name)
            .filter(|child| !child.id_attribute().is_empty())
        {
            let existing = children::rows_of(shown, name);
            let first = 100_000 + id * 100 + u32::try_from(existing.len()).unwrap_or_default();
            wanted.insert(name.clone(), children::replaced(existing, child, rows, merge, first));
        }
    }
}

pub(super) fn delete_item(draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
    let number = text(&row.values, "itemnum").unwrap_or_default();
    let id = find_item(&draft.world, number).ok_or_else(|| Problem::not_found(number))?;
    let world = &draft.world;
    let is_used = world.stock_levels.iter().any(|level| level.item == id)
        || world.purchase_lines().any(|(_, line)| line.item == Some(id))
        || world.stock_movements.iter().any(|movement| movement.item == id)
        || world
            .work_orders
            .iter()
            .any(|order| order.parts.iter().any(|part| part.item == id))
        || world.assets.iter().any(|asset| asset.spare_parts.contains(&id));
    if is_used {
        return Err(Problem::stays(&format!("Item {number}"), "other records refer to it"));
    }
    draft.world.items.retain(|item| item.id != id);
    Ok(())
}

/// Puts an item into a storeroom, with nothing in stock.
pub(super) fn create_inventory(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    draft.require(INVENTORY, values, &["itemnum", "location"]);
    let item = draft.look_up(INVENTORY, values, "itemnum", find_item).flatten();
    let room = draft.look_up(INVENTORY, values, "location", find_storeroom).flatten();
    let is_there = |level: &StockLevel| Some(level.item) == item && Some(level.location) == room;
    if draft.world.stock_levels.iter().any(is_there) {
        return Err(Problem::exists(INVENTORY, text(values, "itemnum").unwrap_or_default()));
    }
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    let (Some(item), Some(room)) = (item, room) else {
        return Err(Problem::bad_body("nothing to write"));
    };
    let level = new_level(&draft.world, item, room, Decimal::ZERO, draft.at);
    draft.world.stock_levels.push(level);
    save_inventory(draft, item, room, values, true)
}

pub(super) fn update_inventory(
    draft: &mut Draft<'_>,
    row: &Row,
    given: &Given,
    merge: bool,
    batch: bool,
) -> Result<String, Problem> {
    let (item, room) = holding(draft, row)?;
    draft.look_up(INVENTORY, &given.values, "vendor", find_vendor);
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    let mut wanted = given.values.clone();
    keep_children(draft, &item, Some(row), given, merge, &mut wanted);
    // Balances have their own structure.
    wanted.remove("invbalances");
    save_inventory(draft, item, room, &wanted, false)
}

fn holding(draft: &Draft<'_>, row: &Row) -> Result<(u32, u32), Problem> {
    let missing = || Problem::not_found(&row.id);
    let item = find_item(&draft.world, text(&row.values, "itemnum").unwrap_or_default()).ok_or_else(missing)?;
    let room = find_storeroom(&draft.world, text(&row.values, "location").unwrap_or_default()).ok_or_else(missing)?;
    Ok((item, room))
}

fn save_inventory(
    draft: &mut Draft<'_>,
    item: u32,
    room: u32,
    values: &Map<String, Value>,
    is_new: bool,
) -> Result<String, Problem> {
    let at = draft.at;
    for level in draft
        .world
        .stock_levels
        .iter_mut()
        .filter(|level| level.item == item && level.location == room)
    {
        level.reorder_point = number(values, "minlevel").unwrap_or(level.reorder_point);
        level.max = number(values, "maxlevel").unwrap_or(level.max);
        level.reorder_qty = number(values, "orderqty").unwrap_or(level.reorder_qty);
        level.updated_at = at;
    }
    let code = |id: u32| draft.world.find_location(id).map(|place| place.code.clone());
    let (room_code, number) = (code(room), draft.world.find_item(item).map(|item| item.number.clone()));
    let row = rows::of("mxapiinventory", &draft.world)
        .into_iter()
        .find(|row| row["location"].as_str() == room_code.as_deref() && row["itemnum"].as_str() == number.as_deref());
    Ok(draft.finish(row.unwrap_or(Value::Null), values.clone(), is_new))
}

/// Records a physical count. The balance stays as it is until it is reconciled.
pub(super) fn count(draft: &mut Draft<'_>, row: &Row, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    let counted = day(values, "physcntdate").unwrap_or_else(today);
    let id = row.values.get("invbalancesid").and_then(Value::as_u64);
    let at = draft.at;
    for level in draft
        .world
        .stock_levels
        .iter_mut()
        .filter(|level| Some(u64::from(level.id)) == id)
    {
        level.last_counted = counted;
        level.updated_at = at;
    }
    let mut fields: Map<String, Value> = values
        .iter()
        .filter(|(name, _)| ["physcnt", "physcntdate"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if fields.contains_key("physcnt") {
        fields.insert("reconciled".into(), false.into());
        fields
            .entry("physcntdate".to_owned())
            .or_insert_with(|| super::draft::stamp(at));
    }
    let key = id_of(&draft.structure.id, &row.values);
    // The same balance is a child row of its inventory.
    let child = "mxapiinventory/invbalances".to_owned();
    draft
        .notes
        .push(Note::Change(child, id.unwrap_or_default().to_string(), fields.clone()));
    draft
        .notes
        .push(Note::Change(draft.structure.name.clone(), key.clone(), fields));
    Ok(key)
}

fn new_level(world: &World, item: u32, room: u32, quantity: Decimal, at: DateTime<Utc>) -> StockLevel {
    StockLevel {
        id: next_id(world.stock_levels.iter().map(|level| level.id)),
        item,
        location: room,
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

/// Changes what a storeroom has of an item; an item that was never there gets a place.
pub(super) fn move_stock(
    world: &mut World,
    item: u32,
    room: u32,
    quantity: Decimal,
    cost: Option<Decimal>,
    at: DateTime<Utc>,
) {
    let found = world
        .stock_levels
        .iter_mut()
        .find(|level| level.item == item && level.location == room);
    if let Some(level) = found {
        level.on_hand += quantity;
        level.updated_at = at;
        return;
    }
    let mut level = new_level(world, item, room, quantity, at);
    level.unit_cost = cost.unwrap_or(level.unit_cost);
    world.stock_levels.push(level);
}

/// A movement to be noted.
pub(super) struct Movement {
    pub(super) item: u32,
    pub(super) kind: MovementKind,
    pub(super) quantity: Decimal,
    pub(super) from: Option<u32>,
    pub(super) to: Option<u32>,
    pub(super) work_order: Option<u32>,
    /// The order and its line.
    pub(super) purchase: Option<(u32, u32)>,
    pub(super) unit_cost: Decimal,
}

/// Notes a movement of stock.
pub(super) fn note_movement(world: &mut World, movement: &Movement, at: DateTime<Utc>) {
    let id = next_id(world.stock_movements.iter().map(|movement| movement.id));
    world.stock_movements.push(StockMovement {
        id,
        item: movement.item,
        kind: movement.kind,
        quantity: movement.quantity,
        from: movement.from,
        to: movement.to,
        at,
        work_order: movement.work_order,
        purchase_order: movement.purchase.map(|(order, _)| order),
        purchase_line: movement.purchase.map(|(_, line)| line),
        lot: None,
        unit_cost: movement.unit_cost,
    });
}
