//! Writes of the structure of this customer's own.

use serde_json::{Map, Value};

use super::super::dataset::{Row, id_of};
use super::super::problem::Problem;
use super::draft::{Draft, Note, find_asset, next_id, stamp, text};
use super::payload::Given;
use crate::systems::maximo::rows;
use crate::world::calibration::empty;

const OBJECT: &str = "CALIBRATION";

pub(super) fn create(draft: &mut Draft<'_>, given: &Given) -> Result<String, Problem> {
    draft.require(OBJECT, &given.values, &["calibrationnum"]);
    let asset = draft.look_up(OBJECT, &given.values, "assetnum", find_asset);
    first_fault(draft)?;
    let id = next_id(draft.world.calibrations.iter().map(|row| row.id));
    let mut row = empty(id, draft.at);
    row.certificate = text(&given.values, "calibrationnum").unwrap_or_default().to_owned();
    row.asset = asset.flatten();
    let shown = rows::own::calibration(&row, &draft.world);
    draft.world.calibrations.push(row);
    let key = shown
        .as_object()
        .map(|shown| id_of(&draft.structure.id, shown))
        .unwrap_or_default();
    let table = draft.structure.name.clone();
    let fields = kept(draft, given);
    draft.notes.push(Note::Create(table, key.clone(), fields));
    Ok(key)
}

pub(super) fn update(draft: &mut Draft<'_>, row: &Row, given: &Given) -> Result<String, Problem> {
    draft.look_up(OBJECT, &given.values, "assetnum", find_asset);
    first_fault(draft)?;
    let table = draft.structure.name.clone();
    let fields = kept(draft, given);
    draft.notes.push(Note::Change(table, row.id.clone(), fields));
    Ok(row.id.clone())
}

pub(super) fn delete(draft: &mut Draft<'_>, row: &Row) {
    let number = text(&row.values, "calibrationnum").unwrap_or_default();
    draft.world.calibrations.retain(|row| row.certificate != number);
}

fn first_fault(draft: &mut Draft<'_>) -> Result<(), Problem> {
    match draft.faults.is_empty() {
        true => Ok(()),
        false => Err(draft.faults.remove(0)),
    }
}

/// Returns what is kept beside the plant: everything but the key.
fn kept(draft: &Draft<'_>, given: &Given) -> Map<String, Value> {
    let is_key = |name: &str| matches!(name, "calibrationnum" | "calibrationid" | "siteid" | "orgid");
    let mut fields: Map<String, Value> = given
        .values
        .iter()
        .filter(|(name, _)| !is_key(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    fields.insert("changedate".to_owned(), stamp(draft.at));
    fields
}
