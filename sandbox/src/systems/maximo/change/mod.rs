//! Carries out writes: creating, changing and deleting records of object structures, and the action that changes a
//! status. One write is one transaction: it changes the plant wholly or not at all.

mod children;
mod directory;
mod draft;
mod own;
mod payload;
mod places;
mod purchase;
mod receive;
mod stock;
mod usage;
mod work;
mod work_rows;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use self::draft::{Draft, Note};
use self::payload::Given;
use super::dataset::{Dataset, Row, id_of};
use super::problem::Problem;
use super::session;
use super::structures::Structure;
use super::{Parameters, Server, collection, public_base, rows};

/// Returns the statuses that a record may go to now, where an action alone changes them.
pub(super) fn next_statuses(structure: &str, row: &Row) -> Option<&'static [&'static str]> {
    let status = row.values.get("status")?.as_str()?;
    match structure {
        "mxapiwodetail" => Some(work::next_statuses(status)),
        "mxapipo" => Some(purchase::next_statuses(status)),
        _ => None,
    }
}

/// How long the server remembers the ids of transactions.
const TRANSACTION_LIFE: Duration = Duration::from_secs(300);

/// The ids of transactions that were carried out.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    done: Mutex<HashMap<String, Instant>>,
}

impl Transactions {
    fn check(&self, id: &str) -> Result<(), Problem> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.retain(|_, at| at.elapsed() < TRANSACTION_LIFE);
        if done.contains_key(id) {
            return Err(Problem::repeated(id));
        }
        Ok(())
    }

    fn keep(&self, id: &str) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert(id.to_owned(), Instant::now());
    }
}

/// What is asked for.
enum Operation {
    Create,
    /// Creates, or changes the record of this key.
    Sync,
    /// Changes a record.
    Update,
    ChangeStatus,
    Delete,
}

impl Operation {
    fn of(head: &Parts, parameters: &Parameters, has_id: bool) -> Result<Self, Problem> {
        let instead = header(head, "x-method-override")
            .unwrap_or_default()
            .to_ascii_uppercase();
        let action = parameters.get("action");
        match (&head.method, instead.as_str(), has_id, action) {
            (&Method::POST, "", false, None) => Ok(Self::Create),
            (&Method::POST, "SYNC", false, None) => Ok(Self::Sync),
            (&Method::POST, "PATCH", true, None) => Ok(Self::Update),
            (&Method::POST, "PATCH", true, Some("wsmethod:changeStatus" | "wsmethod:changeInvuseStatus")) => {
                Ok(Self::ChangeStatus)
            }
            (&Method::POST, "DELETE", true, None) | (&Method::DELETE, _, true, None) => Ok(Self::Delete),
            _ => Err(Problem::method_not_supported()),
        }
    }

    fn right(&self) -> &'static str {
        match self {
            Self::Create => "ADD",
            Self::Delete => "DELETE",
            Self::Sync | Self::Update | Self::ChangeStatus => "SAVE",
        }
    }
}

/// One write while its request is read.
struct Write<'a> {
    head: &'a Parts,
    parameters: &'a Parameters,
    structure: &'a Structure,
    dataset: &'a Dataset,
    body: Value,
    lean: bool,
    /// Child rows that are not named stay.
    merge: bool,
    /// All faults are told.
    batch: bool,
    user: String,
}

/// What a write left.
struct Done {
    /// The tail of the record's href; none after a deletion.
    id: Option<String>,
    created: bool,
}

/// Answers a request that changes something.
pub(super) fn answer(
    server: &Server,
    head: &Parts,
    content: &[u8],
    parameters: &Parameters,
    base: &str,
    rest: &str,
) -> Result<Response, Problem> {
    let caller = session::caller(&server.state, &head.headers, parameters.get("apikey"))?;
    let segments: Vec<&str> = rest.split('/').collect();
    let (name, id) = match segments.as_slice() {
        ["os", name] => (*name, None),
        ["os", name, id] => (*name, Some(*id)),
        _ => return Err(Problem::method_not_supported()),
    };
    let dataset = server.cache.current(&server.state);
    let structure = dataset.catalogue.find(name).ok_or_else(|| Problem::not_found(name))?;
    let operation = Operation::of(head, parameters, id.is_some())?;
    let is_denied = !caller.may_read(&structure.name) || server.state.denies(&structure.name);
    if is_denied || !is_written(&structure.name) {
        return Err(Problem::not_allowed(operation.right(), &structure.object));
    }
    let transaction = header(head, "transactionid");
    if let Some(transaction) = transaction {
        server.transactions.check(transaction)?;
    }
    let body = if matches!(operation, Operation::Delete) {
        Value::Null
    } else {
        serde_json::from_slice(content).map_err(Problem::bad_body)?
    };
    let write = Write {
        head,
        parameters,
        structure,
        dataset: &dataset,
        body,
        lean: parameters.is_on("lean"),
        merge: matches!(operation, Operation::Sync)
            || header(head, "patchtype").is_some_and(|kind| kind.to_ascii_uppercase().contains("MERGE")),
        batch: header(head, "batcherror") == Some("1"),
        user: caller.user,
    };
    let done = carry_out(server, &write, &operation, id)?;
    if let Some(transaction) = transaction {
        server.transactions.keep(transaction);
    }
    let address = format!("{}/os/{name}", public_base(head, base));
    reply(server, &write, &done, &address)
}

fn is_written(structure: &str) -> bool {
    structure != "mxapiperson"
}

fn carry_out(server: &Server, write: &Write<'_>, operation: &Operation, id: Option<&str>) -> Result<Done, Problem> {
    let mut world = server.state.world_mut();
    let mut written = server.state.written_mut();
    let mut draft = Draft {
        world: world.clone(),
        structure: write.structure,
        at: written.now() + TimeDelta::seconds(1),
        user: write.user.clone(),
        faults: Vec::new(),
        notes: Vec::new(),
        written: &written,
    };
    let done = apply(write, operation, id, &mut draft)?;
    let Draft {
        world: changed, notes, ..
    } = draft;
    *world = changed;
    for note in notes {
        match note {
            Note::Create(table, key, fields) => {
                written.create(&table, &key, fields);
            }
            Note::Change(table, key, fields) => {
                written.change(&table, &key, fields);
            }
            Note::Forget(table, key) => written.forget(&table, &key),
        }
    }
    Ok(done)
}

fn apply(write: &Write<'_>, operation: &Operation, id: Option<&str>, draft: &mut Draft<'_>) -> Result<Done, Problem> {
    let table = write.dataset.table(write.structure);
    let named = |id: &str| table.find(id).ok_or_else(|| Problem::not_found(id));
    let given = payload::parse(
        &write.structure.shape,
        &write.structure.object,
        if write.body.is_null() { &EMPTY } else { &write.body },
        write.lean,
        &mut draft.faults,
    );
    let (row, id) = match (operation, id) {
        (Operation::Create, _) | (_, None) => {
            let mut values = given.values.clone();
            fill_key(&mut values);
            let key = id_of(&write.structure.id, &values);
            match (operation, table.find(&key)) {
                (Operation::Sync, Some(row)) => (row, key),
                (Operation::Create, Some(_)) => {
                    return Err(Problem::exists(
                        &write.structure.object,
                        &key_text(write.structure, &values),
                    ));
                }
                _ => return create(write, &given, draft),
            }
        }
        (_, Some(id)) => (named(id)?, id.to_owned()),
    };
    check_version(write, &given, row)?;
    match operation {
        Operation::Delete => delete(write, row, draft)?,
        Operation::ChangeStatus => {
            let id = change_status(write, row, draft)?;
            return Ok(Done {
                id: Some(id),
                created: false,
            });
        }
        _ => {
            let changed = update(write, row, &given, draft)?;
            return Ok(Done {
                id: Some(changed),
                created: false,
            });
        }
    }
    draft.notes.push(Note::Forget(write.structure.name.clone(), id));
    Ok(Done {
        id: None,
        created: false,
    })
}

static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::Object(Map::new()));

/// Adds the parts of a key that follow from the user.
fn fill_key(values: &mut Map<String, Value>) {
    for (name, value) in [
        ("siteid", rows::FIRST_SITE),
        ("orgid", rows::ORGANIZATION),
        ("itemsetid", rows::ITEM_SET),
    ] {
        let entry = values.entry(name.to_owned()).or_insert(Value::Null);
        if entry.is_null() {
            *entry = value.into();
        }
    }
    values.entry("revisionnum".to_owned()).or_insert_with(|| 0.into());
}

fn key_text(structure: &Structure, values: &Map<String, Value>) -> String {
    let parts: Vec<String> = structure
        .key
        .iter()
        .filter_map(|name| match values.get(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        })
        .collect();
    parts.join("/")
}

/// Refuses a write of a record that was read before somebody else changed it.
fn check_version(write: &Write<'_>, given: &Given, row: &Row) -> Result<(), Problem> {
    let stale = || Problem::stale(&write.structure.object, &key_text(write.structure, &row.values));
    if given.rowstamp.as_ref().is_some_and(|stamp| *stamp != row.rowstamp) {
        return Err(stale());
    }
    match header(write.head, "if-match") {
        Some(tag) if tag != "*" && tag.trim_matches('"') != row.rowstamp => Err(stale()),
        _ => Ok(()),
    }
}

fn create(write: &Write<'_>, given: &Given, draft: &mut Draft<'_>) -> Result<Done, Problem> {
    let id = match write.structure.name.as_str() {
        "mxapiwodetail" => work::create(draft, given, write.batch)?,
        "mxapipo" => purchase::create(draft, given, write.batch)?,
        "mxapireceipt" => receive::create(draft, given, write.batch)?,
        "mxapiasset" => places::create_asset(draft, given, write.batch)?,
        "mxapilocations" => places::create_location(draft, given, write.batch)?,
        "mxapimeterreading" => places::create_reading(draft, given, write.batch)?,
        "mxapiitem" => stock::create_item(draft, given, write.batch)?,
        "mxapiinventory" => stock::create_inventory(draft, given, write.batch)?,
        "mxapivendor" => directory::create_vendor(draft, given, write.batch)?,
        "mxcalibration" => own::create(draft, given)?,
        "mxapiinvuse" => usage::create(draft, given, write.batch)?,
        _ => return Err(Problem::not_allowed("ADD", &write.structure.object)),
    };
    Ok(Done {
        id: Some(id),
        created: true,
    })
}

fn update(write: &Write<'_>, row: &Row, given: &Given, draft: &mut Draft<'_>) -> Result<String, Problem> {
    let (merge, batch) = (write.merge, write.batch);
    match write.structure.name.as_str() {
        "mxapiwodetail" => work::update(draft, row, given, merge, batch),
        "mxapipo" => purchase::update(draft, row, given, merge, batch),
        "mxapiasset" => places::update_asset(draft, row, given, merge, batch),
        "mxapilocations" => places::update_location(draft, row, given, merge, batch),
        "mxapiitem" => stock::update_item(draft, row, given, merge, batch),
        "mxapiinventory" => stock::update_inventory(draft, row, given, merge, batch),
        "mxapiinvbal" => stock::count(draft, row, given, batch),
        "mxapivendor" => directory::update_vendor(draft, row, given, merge, batch),
        "mxcalibration" => own::update(draft, row, given),
        _ => Err(Problem::not_allowed("SAVE", &write.structure.object)),
    }
}

fn change_status(write: &Write<'_>, row: &Row, draft: &mut Draft<'_>) -> Result<String, Problem> {
    draft.faults.clear();
    // Usage documents have a method of their own name.
    let action = match write.structure.name.as_str() {
        "mxapiinvuse" => "wsmethod:changeInvuseStatus",
        _ => "wsmethod:changeStatus",
    };
    if write.parameters.get("action") != Some(action) {
        return Err(Problem::method_not_supported());
    }
    let text = |name: &str| {
        let name = if write.lean {
            name.to_owned()
        } else {
            format!("spi:{name}")
        };
        write.body.get(name).and_then(Value::as_str)
    };
    let status = text("status").ok_or_else(|| Problem::required(&write.structure.object, "status"))?;
    let step = Step {
        status: status.to_uppercase(),
        memo: text("memo").map(str::to_owned),
        date: text("date").or_else(|| text("statusdate")).map(str::to_owned),
    };
    match write.structure.name.as_str() {
        "mxapiwodetail" => work::change_status(draft, row, &step),
        "mxapipo" => purchase::change_status(draft, row, &step),
        "mxapiinvuse" => usage::change_status(draft, row, &step),
        "mxapiasset" | "mxapilocations" | "mxapiitem" => {
            let given = Given {
                status: Some(step.status),
                ..Given::default()
            };
            update(write, row, &given, draft)
        }
        _ => Err(Problem::method_not_supported()),
    }
}

/// What the action that changes a status was given.
struct Step {
    status: String,
    memo: Option<String>,
    date: Option<String>,
}

fn delete(write: &Write<'_>, row: &Row, draft: &mut Draft<'_>) -> Result<(), Problem> {
    draft.faults.clear();
    match write.structure.name.as_str() {
        "mxapiwodetail" => work::delete(draft, row),
        "mxapipo" => purchase::delete(draft, row),
        "mxapiasset" => places::delete_asset(draft, row),
        "mxapiitem" => stock::delete_item(draft, row),
        "mxapivendor" => directory::delete_vendor(draft, row),
        "mxcalibration" => {
            own::delete(draft, row);
            Ok(())
        }
        "mxapireceipt" => Err(Problem::rule("BMXAA1872E", "A material transaction cannot be deleted")),
        _ => Err(Problem::not_allowed("DELETE", &write.structure.object)),
    }
}

fn reply(server: &Server, write: &Write<'_>, done: &Done, address: &str) -> Result<Response, Problem> {
    let Some(id) = &done.id else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let href = format!("{address}/{id}");
    let status = if done.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = match header(write.head, "properties") {
        Some(properties) => {
            let dataset = server.cache.current(&server.state);
            let structure = dataset
                .catalogue
                .find(&write.structure.name)
                .ok_or_else(|| Problem::not_found(id))?;
            let mut pairs = write.parameters.0.clone();
            pairs.retain(|(name, _)| name != "oslc.select");
            pairs.push(("oslc.select".to_owned(), properties.to_owned()));
            let parameters = Parameters(pairs);
            let target = collection::Target {
                dataset: &dataset,
                structure,
                only_operating: false,
                address: address.to_owned(),
                sent: "",
                parameters: &parameters,
            };
            (status, Json(collection::one(&target, id)?)).into_response()
        }
        None if done.created => status.into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    if done.created
        && let Ok(value) = HeaderValue::try_from(href)
    {
        response.headers_mut().insert(LOCATION, value);
    }
    Ok(response)
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}
