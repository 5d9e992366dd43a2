//! Documents of inventory usage, which move items from one storeroom to another when they are complete.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::dataset::{Row, id_of};
use super::super::problem::Problem;
use super::draft::{Draft, Note, find_item, find_storeroom, number, stamp, text};
use super::payload::{Given, GivenRow};
use super::{Step, stock, work};
use crate::world::MovementKind;

const OBJECT: &str = "INVUSE";
const LINE: &str = "INVUSELINE";
const TABLE: &str = "mxapiinvuse";

/// Enters a document; nothing moves yet.
pub(super) fn create(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let mut values = given.values.clone();
    draft.require(OBJECT, &values, &["fromstoreloc", "usetype"]);
    draft.look_up(OBJECT, &values, "fromstoreloc", find_storeroom);
    match text(&values, "usetype") {
        None | Some("TRANSFER") => {}
        Some(other) => draft.invalid(OBJECT, "usetype", other),
    }
    match given.status.as_deref() {
        None | Some("ENTERED") => {}
        Some(other) => draft.invalid(OBJECT, "status", other),
    }
    let rows = given.children.iter().find(|(name, _)| name == "invuseline");
    let rows = rows.map_or(&[][..], |(_, rows)| rows.as_slice());
    let mut lines = Vec::new();
    for (place, row) in (1_u32..).zip(rows) {
        lines.push(line(draft, row, place));
    }
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    let next = draft.written.rows_of(TABLE).count() + 1;
    let site = super::draft::given_site(&values);
    for (name, value) in [
        ("invusenum", Value::from((1000 + next).to_string())),
        ("siteid", site.into()),
        ("status", "ENTERED".into()),
        ("statusdate", stamp(draft.at)),
        ("invuseline", lines.into()),
    ] {
        values.insert(name.to_owned(), value);
    }
    let key = id_of(&draft.structure.id, &values);
    draft.notes.push(Note::Create(TABLE.to_owned(), key.clone(), values));
    Ok(key)
}

fn line(draft: &mut Draft<'_>, row: &GivenRow, place: u32) -> Value {
    let mut values = row.values.clone();
    draft.require(LINE, &values, &["itemnum", "quantity", "tostoreloc"]);
    draft.look_up(LINE, &values, "itemnum", find_item);
    draft.look_up(LINE, &values, "tostoreloc", find_storeroom);
    if number(&values, "quantity").is_some_and(|quantity| quantity <= Decimal::ZERO) {
        draft.invalid(LINE, "quantity", "not above zero");
    }
    values.insert("invuselinenum".into(), place.into());
    Value::Object(values)
}

/// Changes the status of a document; a complete one moves its items.
pub(super) fn change_status(draft: &mut Draft<'_>, row: &Row, step: &Step) -> Result<String, Problem> {
    let name = text(&row.values, "invusenum").unwrap_or_default();
    let what = format!("Inventory usage {name}");
    let current = text(&row.values, "status").unwrap_or_default();
    match step.status.as_str() {
        "ENTERED" | "COMPLETE" | "CANCELLED" if current == "ENTERED" => {}
        "ENTERED" | "COMPLETE" | "CANCELLED" => return Err(work::not_allowed(&what, current, &step.status)),
        other => return Err(work::invalid_status(&what, other)),
    }
    if step.status == "COMPLETE" {
        let lines = row.values.get("invuseline").and_then(Value::as_array);
        let lines = lines.filter(|lines| !lines.is_empty()).ok_or_else(|| {
            let told = format!("{what} status was not changed: BMXAA5401E - The document has no lines");
            Problem::rule("BMXAA4590E", told)
        })?;
        for line in lines.iter().filter_map(Value::as_object) {
            transfer(draft, &row.values, line)?;
        }
    }
    let mut fields = Map::new();
    fields.insert("status".into(), step.status.as_str().into());
    fields.insert("statusdate".into(), stamp(draft.at));
    draft.notes.push(Note::Change(TABLE.to_owned(), row.id.clone(), fields));
    Ok(row.id.clone())
}

fn transfer(draft: &mut Draft<'_>, document: &Map<String, Value>, line: &Map<String, Value>) -> Result<(), Problem> {
    let world = &draft.world;
    let item = find_item(world, text(line, "itemnum").unwrap_or_default());
    let from = find_storeroom(world, text(document, "fromstoreloc").unwrap_or_default());
    let to = find_storeroom(world, text(line, "tostoreloc").unwrap_or_default());
    let (Some(item), Some(from), Some(to)) = (item, from, to) else {
        return Err(Problem::not_found(LINE));
    };
    let quantity = number(line, "quantity").unwrap_or_default();
    let bin = text(line, "frombin").filter(|bin| !bin.is_empty());
    let lot = text(line, "fromlot").filter(|lot| !lot.is_empty());
    let is_meant = |level: &&crate::world::StockLevel| {
        let code = level.bin.and_then(|bin| world.find_location(bin));
        level.item == item
            && level.location == from
            && bin.is_none_or(|bin| code.is_some_and(|code| code.code.eq_ignore_ascii_case(bin)))
            && lot.is_none_or(|lot| level.lot.as_deref().is_some_and(|one| one.eq_ignore_ascii_case(lot)))
            && level.on_hand >= quantity
    };
    let Some((level, cost)) = world
        .stock_levels
        .iter()
        .find(is_meant)
        .map(|level| (level.id, level.unit_cost))
    else {
        let told = format!("The quantity {quantity} is more than the current balance");
        return Err(Problem::value("BMXAA6819E", LINE, "quantity", told));
    };
    if from == to {
        return Err(Problem::value(
            "BMXAA6819E",
            LINE,
            "tostoreloc",
            "The items are in this storeroom already",
        ));
    }
    let at = draft.at;
    for level in draft.world.stock_levels.iter_mut().filter(|one| one.id == level) {
        level.on_hand -= quantity;
        level.updated_at = at;
    }
    stock::move_stock(&mut draft.world, item, to, quantity, Some(cost), at);
    let movement = stock::Movement {
        item,
        kind: MovementKind::Transfer,
        quantity,
        from: Some(from),
        to: Some(to),
        work_order: None,
        purchase: None,
        unit_cost: cost,
    };
    stock::note_movement(&mut draft.world, &movement, at);
    Ok(())
}
