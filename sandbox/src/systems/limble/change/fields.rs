//! Writes of custom fields: attaching a suggested field to a record, and changing values.

use serde_json::{Map, Value, json};

use super::super::lists::Row;
use super::super::problem::Problem;
use super::super::rows::ATTACHED;
use super::Done;
use super::body::{Body, decimal};
use super::draft::{Draft, Note};

/// Returns the list of values and the id of an owner in it.
fn lists_of(owner: &str) -> (&'static str, &'static str, &'static str) {
    match owner {
        "assets" => ("assets", "assets/fields", "assetID"),
        "parts" => ("parts", "parts/fields", "partID"),
        _ => ("vendors", "vendors/fields", "vendorID"),
    }
}

pub(super) fn update(draft: &mut Draft<'_>, owner: &str, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &["value"])?;
    body.require(&["value"])?;
    let value = body.get("value").cloned().unwrap_or_default();
    set(draft, owner, id, value)?;
    Ok(Done::Empty)
}

fn set(draft: &mut Draft<'_>, owner: &str, id: u32, value: Value) -> Result<(), Problem> {
    let (_, list, _) = lists_of(owner);
    let row = draft
        .row(list, id)
        .ok_or_else(|| Problem::NotFound(format!("Field value {id}")))?;
    let kind = row.get("fieldType").and_then(Value::as_str).unwrap_or_default();
    let fits = match kind {
        "Number" | "Currency" => decimal(&value).is_some(),
        "Date" => value.as_i64().is_some(),
        _ => value.is_string(),
    };
    if !fits {
        return Err(Problem::Parameter(format!("\"value\" must fit the field type {kind}")));
    }
    let mut fields = Map::new();
    fields.insert("value".into(), value);
    fields.insert("lastEdited".into(), draft.at.timestamp().into());
    draft.notes.push(Note::Change(list, id.to_string(), fields));
    Ok(())
}

/// Changes several values of assets, each on its own: some may fail.
pub(super) fn update_many(draft: &mut Draft<'_>, content: &[u8]) -> Result<Done, Problem> {
    let values: Vec<Value> = serde_json::from_slice(content).map_err(|error| Problem::Parameter(error.to_string()))?;
    if !(2..=100).contains(&values.len()) {
        return Err(Problem::Parameter("\"value\" must contain 2 to 100 items".into()));
    }
    let mut failed = false;
    let updates: Vec<Value> = values
        .into_iter()
        .map(|one| {
            let id = one["valueID"]
                .as_u64()
                .and_then(|id| u32::try_from(id).ok())
                .unwrap_or_default();
            let is_done = set(draft, "assets", id, one["value"].clone()).is_ok();
            failed |= !is_done;
            match is_done {
                true => json!({"valueID": one["valueID"], "success": true}),
                false => json!({"valueID": one["valueID"], "success": false, "reason": "The value was not updated"}),
            }
        })
        .collect();
    if failed {
        return Ok(Done::Told(json!({"success": false, "updates": updates})));
    }
    Ok(Done::Told(json!({"success": true})))
}

/// Attaches a suggested field to a record. Records that were there before have all of them.
pub(super) fn attach(draft: &mut Draft<'_>, owner: &str, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &["locationID", "fieldID"])?;
    body.require(&["locationID", "fieldID"])?;
    let (records, list, name) = lists_of(owner);
    if draft.row(records, id).is_none() {
        return Err(Problem::NotFound(format!("{name} {id}")));
    }
    let field = body.integer("fieldID")?.unwrap_or_default();
    let rows = super::super::rows::all_fields(&draft.world, list);
    let is_meant = |row: &&Row| {
        row.get(name).and_then(Value::as_u64) == Some(u64::from(id))
            && row.get("fieldID").and_then(Value::as_i64) == Some(field)
    };
    let row = rows
        .iter()
        .find(is_meant)
        .ok_or_else(|| Problem::NotFound(format!("Field {field}")))?;
    let value = row.get("valueID").and_then(Value::as_u64).unwrap_or_default();
    let key = id.to_string();
    let Some(written) = draft.written.row(records, &key).filter(|row| row.created_at.is_some()) else {
        return Err(Problem::Exists(format!("Field {field} is already attached")));
    };
    let mut attached = written
        .fields
        .get(ATTACHED)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if attached.contains(&field.into()) {
        return Err(Problem::Exists(format!("Field {field} is already attached")));
    }
    attached.push(field.into());
    let mut fields = Map::new();
    fields.insert(ATTACHED.into(), Value::Array(attached));
    draft.notes.push(Note::Change(records, key, fields));
    let mut empty = Map::new();
    empty.insert("value".into(), Value::Null);
    empty.insert("lastEdited".into(), draft.at.timestamp().into());
    draft.notes.push(Note::Change(list, value.to_string(), empty));
    Ok(Done::Told(json!({"valueID": value.to_string()})))
}
