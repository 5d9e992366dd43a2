//! Writes of work orders and of the tasks below them.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::dataset::Row;
use super::super::problem::Problem;
use super::super::query::parse_moment;
use super::super::rows::{self, work};
use super::children;
use super::draft::{
    Draft, Note, find_asset, find_location, find_order, find_person, find_vendor, given_site, moment, next_id,
    next_number, number, samples, site_location, stamp, text, unknown, without_markup,
};
use super::payload::Given;
use super::{Step, work_rows};
use crate::world::{Task, WorkKind, WorkOrder, WorkStatus, World};

const OBJECT: &str = "WORKORDER";
/// Work types of the standard data that the plant has no kind of its own for.
const OTHER_TYPES: [&str; 4] = ["CAL", "CP", "EV", "WAR"];

pub(super) fn create(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    let site = given_site(values);
    let Some(place) = site_location(&draft.world, &site) else {
        draft.invalid(OBJECT, "siteid", &site);
        return Err(first(draft, batch));
    };
    if given.status.as_deref().is_some_and(|status| status != "WAPPR") {
        draft.faults.push(read_only("status"));
    }
    let number = match text(values, "wonum") {
        Some(number) if !number.is_empty() => number.to_owned(),
        _ => next_number(
            "WO-",
            draft.world.work_orders.iter().map(|order| order.number.as_str()),
            1000,
        ),
    };
    let reporter = find_person(&draft.world, &draft.user).unwrap_or(1);
    let order = WorkOrder {
        id: next_id(draft.world.work_orders.iter().map(|order| order.id)),
        number,
        title: String::new(),
        description: String::new(),
        kind: WorkKind::Corrective,
        status: WorkStatus::PendingApproval,
        hold_reason: None,
        priority: 0,
        asset: None,
        location: place,
        assignee: None,
        requested_by: reporter,
        vendor: None,
        reported_at: draft.at,
        due_at: None,
        scheduled_start: None,
        scheduled_end: None,
        actual_start: None,
        actual_end: None,
        estimated_hours: Decimal::ZERO,
        actual_hours: Decimal::ZERO,
        tasks: Vec::new(),
        parts: Vec::new(),
        labor: Vec::new(),
        failure_problem: None,
        failure_cause: None,
        failure_remedy: None,
        parent: None,
        completion_notes: None,
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = values.clone();
    // What nobody gave is empty, though the plant's own record needs it.
    for name in ["location", "worktype", "wopriority", "reportedby"] {
        wanted.entry(name.to_owned()).or_insert(Value::Null);
    }
    save(draft, order, None, given, true, wanted, batch)
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    row: &Row,
    given: &Given,
    merge: bool,
    batch: bool,
) -> Result<String, Problem> {
    if is_task(row) {
        return update_task(draft, row, given);
    }
    let order = find(&draft.world, row)?;
    if is_ended(order.status) {
        return Err(Problem::in_history(&format!("Work order {}", order.number)));
    }
    let is_other = |name: &str| {
        given
            .values
            .get(name)
            .is_some_and(|value| row.values.get(name) != Some(value))
    };
    if given
        .status
        .as_deref()
        .is_some_and(|status| row.values.get("status") != Some(&status.into()))
    {
        draft.faults.push(read_only("status"));
    }
    for name in ["wonum", "siteid"] {
        if is_other(name) {
            draft.faults.push(read_only(name));
        }
    }
    let wanted = given.values.clone();
    save(draft, order, Some(row), given, merge, wanted, batch)
}

/// Puts the values and child rows into the order and the order into the plant.
fn save(
    draft: &mut Draft<'_>,
    mut order: WorkOrder,
    before: Option<&Row>,
    given: &Given,
    merge: bool,
    mut wanted: Map<String, Value>,
    batch: bool,
) -> Result<String, Problem> {
    set_references(draft, &mut order, &given.values, &mut wanted);
    set_values(draft, &mut order, &given.values);
    let known = samples(draft.world.work_orders.iter().map(|order| &order.custom));
    draft.customize(&mut order.custom, &known, &given.values);
    let empty = Map::new();
    let shown = before.map_or(&empty, |row| &row.values);
    for (name, rows) in &given.children {
        let existing = children::rows_of(shown, name);
        let keys = work_rows::keys_of(name);
        let changes = |id| children::compare(existing, id, keys, rows, merge);
        match name.as_str() {
            "woactivity" => work_rows::set_tasks(draft, &mut order, &changes("workorderid")),
            "wpmaterial" => work_rows::set_parts(draft, &mut order, &changes("wpitemid")),
            "labtrans" => work_rows::book_labor(draft, &mut order, &changes("labtransid")),
            "matusetrans" => work_rows::book_material(draft, &mut order, &changes("matusetransid")),
            "wostatus" => {}
            _ => {
                if let Some(child) = draft.structure.shape.child(name) {
                    let first = order.id * 1000 + u32::try_from(existing.len()).unwrap_or_default();
                    wanted.insert(name.clone(), children::replaced(existing, child, rows, merge, first));
                }
            }
        }
    }
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    order.updated_at = draft.at;
    keep_history(&mut wanted, before, draft.at);
    wanted.insert("changeby".into(), draft.user.as_str().into());
    put(draft, order, wanted, before.is_none())
}

/// The history of statuses and the date of the present one do not move with other changes.
fn keep_history(wanted: &mut Map<String, Value>, before: Option<&Row>, at: chrono::DateTime<chrono::Utc>) {
    match before {
        Some(row) => {
            for name in ["statusdate", "wostatus"] {
                if let Some(value) = row.values.get(name) {
                    wanted.entry(name.to_owned()).or_insert_with(|| value.clone());
                }
            }
        }
        None => {
            wanted.insert("statusdate".into(), stamp(at));
        }
    }
}

fn put(draft: &mut Draft<'_>, order: WorkOrder, wanted: Map<String, Value>, is_new: bool) -> Result<String, Problem> {
    let id = order.id;
    match draft.world.work_orders.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = order,
        None => draft.world.work_orders.push(order),
    }
    let row = rows::one("mxapiwodetail", &draft.world, id).unwrap_or(Value::Null);
    Ok(draft.finish(row, wanted, is_new))
}

fn set_references(
    draft: &mut Draft<'_>,
    order: &mut WorkOrder,
    values: &Map<String, Value>,
    wanted: &mut Map<String, Value>,
) {
    let site = rows::site(&draft.world, order.location);
    if let Some(asset) = draft.look_up(OBJECT, values, "assetnum", find_asset) {
        order.asset = asset;
        let location = asset
            .and_then(|id| draft.world.find_asset(id))
            .map(|asset| asset.location);
        match location {
            Some(location) if rows::site(&draft.world, location) != site => {
                let number = text(values, "assetnum").unwrap_or_default().to_owned();
                draft.faults.push(unknown(OBJECT, "assetnum", &number));
            }
            // The location follows from the asset unless one is given.
            Some(location) if text(values, "location").is_none_or(str::is_empty) => {
                order.location = location;
                wanted.remove("location");
                if let Some(location) = draft.world.find_location(location) {
                    wanted.insert("location".into(), location.code.as_str().into());
                }
            }
            _ => {}
        }
    }
    if let Some(Some(location)) = draft.look_up(OBJECT, values, "location", find_location) {
        if rows::site(&draft.world, location) == site {
            order.location = location;
        } else {
            let code = text(values, "location").unwrap_or_default().to_owned();
            draft.faults.push(unknown(OBJECT, "location", &code));
        }
    }
    if let Some(vendor) = draft.look_up(OBJECT, values, "vendor", find_vendor) {
        order.vendor = vendor;
    }
    if let Some(parent) = draft.look_up(OBJECT, values, "parent", find_order) {
        order.parent = parent;
    }
    if let Some(lead) = draft.look_up(OBJECT, values, "lead", find_person) {
        order.assignee = lead;
    }
    if let Some(Some(reporter)) = draft.look_up(OBJECT, values, "reportedby", find_person) {
        order.requested_by = reporter;
    }
    for name in ["supervisor", "owner"] {
        draft.look_up(OBJECT, values, name, find_person);
    }
}

fn set_values(draft: &mut Draft<'_>, order: &mut WorkOrder, values: &Map<String, Value>) {
    if let Some(title) = text(values, "description") {
        order.title = title.to_owned();
    }
    if let Some(description) = text(values, "description_longdescription") {
        order.description = without_markup(description);
    }
    if let Some(code) = text(values, "worktype").filter(|code| !code.is_empty()) {
        match code {
            "CM" => order.kind = WorkKind::Corrective,
            "PM" => order.kind = WorkKind::Preventive,
            "INSP" => order.kind = WorkKind::Inspection,
            "EM" => order.kind = WorkKind::Emergency,
            other if OTHER_TYPES.contains(&other) => {}
            other => draft.invalid(OBJECT, "worktype", other),
        }
    }
    if let Some(priority) = values.get("wopriority").and_then(Value::as_i64) {
        match u8::try_from(priority) {
            Ok(priority) => order.priority = priority,
            Err(_) => draft.invalid(OBJECT, "wopriority", &priority.to_string()),
        }
    }
    if let Some(Some(at)) = moment(values, "reportdate") {
        order.reported_at = at;
    }
    if let Some(at) = moment(values, "targcompdate") {
        order.due_at = at;
    }
    if let Some(at) = moment(values, "schedstart") {
        order.scheduled_start = at;
    }
    if let Some(at) = moment(values, "schedfinish") {
        order.scheduled_end = at;
    }
    if let Some(at) = moment(values, "actstart") {
        order.actual_start = at;
    }
    if let Some(at) = moment(values, "actfinish") {
        order.actual_end = at;
    }
    if let Some(hours) = number(values, "estdur") {
        order.estimated_hours = hours;
    }
    if let Some(notes) = text(values, "remarkdesc") {
        order.completion_notes = (!notes.is_empty()).then(|| notes.to_owned());
    }
    if let Some(code) = text(values, "problemcode") {
        order.failure_problem = (!code.is_empty()).then(|| code.to_owned());
    }
    let dates = [("schedstart", "schedfinish"), ("targstartdate", "targcompdate")];
    for (start, end) in dates {
        if let (Some(from), Some(until)) = (values.get(start).and_then(Value::as_str), text(values, end))
            && let (Some(from), Some(until)) = (parse_moment(from), parse_moment(until))
            && until < from
        {
            draft.invalid(OBJECT, end, text(values, end).unwrap_or_default());
        }
    }
}

fn read_only(attribute: &str) -> Problem {
    let text = format!("The field {attribute} is read-only");
    Problem::value("BMXAA4161E", OBJECT, attribute, text)
}

fn first(draft: &mut Draft<'_>, batch: bool) -> Problem {
    match Problem::of_all(std::mem::take(&mut draft.faults), batch) {
        Err(problem) => problem,
        Ok(()) => Problem::bad_body("nothing to write"),
    }
}

fn is_ended(status: WorkStatus) -> bool {
    matches!(status, WorkStatus::Closed | WorkStatus::Canceled)
}

fn is_task(row: &Row) -> bool {
    row.values.get("istask") == Some(&Value::Bool(true))
}

fn find(world: &World, row: &Row) -> Result<WorkOrder, Problem> {
    let number = text(&row.values, "wonum").unwrap_or_default();
    find_order(world, number)
        .and_then(|id| world.find_work_order(id))
        .cloned()
        .ok_or_else(|| Problem::not_found(number))
}

fn task_of(world: &mut World, row: &Row) -> Option<(u32, usize)> {
    let id = row.values.get("workorderid")?.as_u64()?;
    world.work_orders.iter().find_map(|order| {
        let place = order
            .tasks
            .iter()
            .position(|task| u64::from(work::FIRST_TASK + task.id) == id)?;
        Some((order.id, place))
    })
}

fn change_task(draft: &mut Draft<'_>, row: &Row, change: impl FnOnce(&mut Task)) -> Result<String, Problem> {
    let missing = || Problem::not_found(&row.id);
    let (id, place) = task_of(&mut draft.world, row).ok_or_else(missing)?;
    let at = draft.at;
    let order = draft
        .world
        .work_orders
        .iter_mut()
        .find(|order| order.id == id)
        .ok_or_else(missing)?;
    if is_ended(order.status) {
        return Err(Problem::in_history(&format!("Work order {}", order.number)));
    }
    order.updated_at = at;
    if let Some(task) = order.tasks.get_mut(place) {
        change(task);
    }
    draft
        .notes
        .push(Note::Change(draft.structure.name.clone(), row.id.clone(), Map::new()));
    Ok(row.id.clone())
}

fn update_task(draft: &mut Draft<'_>, row: &Row, given: &Given) -> Result<String, Problem> {
    Problem::of_all(std::mem::take(&mut draft.faults), false)?;
    let title = text(&given.values, "description").map(str::to_owned);
    change_task(draft, row, |task| {
        if let Some(title) = title {
            task.title = title;
        }
    })
}

/// Returns the statuses that may follow a status.
pub(super) fn next_statuses(status: &str) -> &'static [&'static str] {
    match status {
        "WAPPR" => &["APPR", "WSCH", "WMATL", "WPCOND", "INPRG", "COMP", "CLOSE", "CAN"],
        "APPR" => &["WAPPR", "WSCH", "WMATL", "WPCOND", "INPRG", "COMP", "CLOSE", "CAN"],
        "WSCH" => &["WAPPR", "APPR", "WMATL", "WPCOND", "INPRG", "COMP", "CLOSE", "CAN"],
        "WMATL" => &["WAPPR", "APPR", "WSCH", "WPCOND", "INPRG", "COMP", "CLOSE", "CAN"],
        "WPCOND" => &["WAPPR", "APPR", "WSCH", "WMATL", "INPRG", "COMP", "CLOSE", "CAN"],
        "INPRG" => &["WAPPR", "WSCH", "WMATL", "WPCOND", "COMP", "CLOSE", "CAN"],
        "COMP" => &["CLOSE"],
        _ => &[],
    }
}

fn status_of(code: &str) -> Option<(WorkStatus, Option<&'static str>)> {
    Some(match code {
        "WAPPR" => (WorkStatus::PendingApproval, None),
        "APPR" => (WorkStatus::Approved, None),
        "WSCH" => (WorkStatus::Scheduled, None),
        "WMATL" => (WorkStatus::OnHold, Some("Waiting for parts")),
        "WPCOND" => (WorkStatus::OnHold, Some("Waiting for plant condition")),
        "INPRG" => (WorkStatus::InProgress, None),
        "COMP" => (WorkStatus::Completed, None),
        "CLOSE" => (WorkStatus::Closed, None),
        "CAN" => (WorkStatus::Canceled, None),
        _ => return None,
    })
}

/// Carries out the action that changes the status of an order or a task.
pub(super) fn change_status(draft: &mut Draft<'_>, row: &Row, step: &Step) -> Result<String, Problem> {
    if is_task(row) {
        let done = step.status == "COMP";
        return change_task(draft, row, |task| task.done = done);
    }
    let mut order = find(&draft.world, row)?;
    let what = format!("Work order {}", order.number);
    if is_ended(order.status) {
        return Err(Problem::in_history(&what));
    }
    let current = text(&row.values, "status").unwrap_or_default();
    let Some((status, reason)) = status_of(&step.status) else {
        return Err(invalid_status(&what, &step.status));
    };
    if !next_statuses(current).contains(&step.status.as_str()) {
        return Err(not_allowed(&what, current, &step.status));
    }
    let has_actuals = !order.labor.is_empty() || order.parts.iter().any(|part| !part.used.is_zero());
    if has_actuals && matches!(step.status.as_str(), "CAN" | "WAPPR") {
        return Err(not_allowed(&what, current, &step.status));
    }
    let at = status_date(step, row, draft)?;
    order.status = status;
    order.hold_reason = reason.map(str::to_owned);
    if matches!(
        status,
        WorkStatus::InProgress | WorkStatus::Completed | WorkStatus::Closed
    ) {
        order.actual_start = order.actual_start.or(Some(at));
    }
    if matches!(status, WorkStatus::Completed | WorkStatus::Closed) {
        order.actual_end = order.actual_end.or(Some(at));
        for task in &mut order.tasks {
            task.done = true;
        }
    }
    order.updated_at = draft.at;
    let mut history = children::rows_of(&row.values, "wostatus").to_vec();
    history.push(serde_json::json!({
        "wostatusid": order.id * 10 + u32::try_from(history.len()).unwrap_or_default() + 1,
        "status": step.status,
        "changedate": stamp(at),
        "changeby": draft.user,
        "memo": step.memo,
    }));
    let mut wanted = Map::new();
    wanted.insert("status".into(), step.status.as_str().into());
    wanted.insert("statusdate".into(), stamp(at));
    wanted.insert("changeby".into(), draft.user.as_str().into());
    wanted.insert("wostatus".into(), Value::Array(history));
    put(draft, order, wanted, false)
}

pub(super) fn invalid_status(what: &str, status: &str) -> Problem {
    let text = format!("{what} status was not changed: {status} is not a valid status");
    Problem::value("BMXAA4590E", OBJECT, "status", text)
}

pub(super) fn not_allowed(what: &str, from: &str, to: &str) -> Problem {
    let text = format!("{what} status cannot be changed from {from} to {to}");
    Problem::value("BMXAA4679E", OBJECT, "status", text)
}

/// Returns the date of a status: not before that of the present one, and not in the future.
pub(super) fn status_date(step: &Step, row: &Row, draft: &Draft<'_>) -> Result<chrono::DateTime<chrono::Utc>, Problem> {
    let Some(given) = &step.date else { return Ok(draft.at) };
    let wrong = |reason, told: &str| Problem::value(reason, OBJECT, "statusdate", format!("{given} {told}"));
    let at = parse_moment(given).ok_or_else(|| wrong("BMXAA6819E", "is not a date"))?;
    let last = text(&row.values, "statusdate").and_then(parse_moment);
    if last.is_some_and(|last| at < last) {
        return Err(wrong("BMXAA4598E", "is before the date of the present status"));
    }
    if at > draft.at {
        return Err(wrong("BMXAA4599E", "is in the future"));
    }
    Ok(at)
}

/// Deletes an order that nobody worked on yet.
pub(super) fn delete(draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
    if is_task(row) {
        return Err(Problem::not_allowed("DELETE", "WOACTIVITY"));
    }
    let order = find(&draft.world, row)?;
    let what = format!("Work order {}", order.number);
    if is_ended(order.status) {
        return Err(Problem::in_history(&what));
    }
    if order.status > WorkStatus::PendingApproval {
        return Err(Problem::stays(&what, "it is no longer waiting for approval"));
    }
    let is_used = draft
        .world
        .work_orders
        .iter()
        .any(|other| other.parent == Some(order.id))
        || draft
            .world
            .purchase_lines()
            .any(|(_, line)| line.work_order == Some(order.id));
    if is_used || !order.labor.is_empty() {
        return Err(Problem::stays(&what, "other records refer to it"));
    }
    draft.world.work_orders.retain(|other| other.id != order.id);
    Ok(())
}
