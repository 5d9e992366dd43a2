//! The rows of the structure of this customer's own: calibrations of assets.

use serde_json::{Value, json};

use super::{FIRST_SITE, ORGANIZATION, day, moment, number, site, text};
use crate::world::{Calibration, World};

pub(super) fn calibrations(world: &World) -> Vec<Value> {
    world.calibrations.iter().map(|row| calibration(row, world)).collect()
}

pub(in crate::systems::maximo) fn calibration(row: &Calibration, world: &World) -> Value {
    let asset = row.asset.and_then(|asset| world.find_asset(asset));
    json!({
        "calibrationnum": row.certificate,
        "siteid": asset.map_or(FIRST_SITE, |asset| site(world, asset.location)),
        "orgid": ORGANIZATION,
        "calibrationid": row.id,
        "assetnum": asset.map_or(Value::Null, |asset| text(&asset.number)),
        "performeddate": day(row.performed_on),
        "duedate": day(row.due_on),
        "result": row.result.word().to_uppercase(),
        "deviation": number(row.deviation),
        "remarks": text(&row.notes),
        "changedate": moment(row.updated_at),
    })
}
