//! Tasks: work orders and, mixed with them, the templates of preventive work; their steps, parts and hours.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use super::parts::Shelf;
use super::{ASSET, LOCATION, PURCHASE, TASK, TEMPLATE, USER, moved, number, text, unix};
use crate::world::{Asset, Custom, Part, WorkKind, WorkOrder, WorkStatus, World};

/// Returns the tasks, then the templates.
pub(super) fn tasks(world: &World) -> Vec<Value> {
    let mut orders_by_work: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
    for (order, line) in world.purchase_lines() {
        if let Some(work) = line.work_order {
            let orders = orders_by_work.entry(work).or_default();
            if !orders.contains(&(PURCHASE + order.id)) {
                orders.push(PURCHASE + order.id);
            }
        }
    }
    let tasks = world.work_orders.iter().map(|order| {
        let purchases = orders_by_work.get(&order.id).cloned().unwrap_or_default();
        task(order, world, &purchases)
    });
    let machines = world.assets.iter().filter(|asset| asset.parent.is_some());
    tasks.chain(machines.step_by(6).map(template)).collect()
}

fn is_done(status: WorkStatus) -> bool {
    matches!(
        status,
        WorkStatus::Completed | WorkStatus::Closed | WorkStatus::Canceled
    )
}

fn status_id(status: WorkStatus) -> u32 {
    match status {
        WorkStatus::Approved => 1,
        WorkStatus::Completed => 2,
        WorkStatus::InProgress => 3,
        WorkStatus::OnHold => 4,
        WorkStatus::PendingApproval => 5,
        WorkStatus::Scheduled => 6,
        WorkStatus::Draft => 7,
        WorkStatus::Closed => 8,
        WorkStatus::Canceled => 9,
    }
}

pub(super) fn statuses() -> Vec<Value> {
    [
        "Open",
        "Complete",
        "In Progress",
        "On Hold",
        "Waiting for Approval",
        "Scheduled",
        "Draft",
        "Closed",
        "Canceled",
    ]
    .into_iter()
    .zip(1_u32..)
    .map(|(name, id)| json!({"statusID": id, "name": name, "description": ""}))
    .collect()
}

pub(in super::super) fn priorities() -> Vec<Value> {
    [
        (8, "Lowest", 0, "#000000"),
        (9, "Low", 1, "#429b1f"),
        (10, "Medium", 2, "#ef6a00"),
        (11, "High", 3, "#ef6a00"),
        (12, "Critical", 5, "#c22528"),
        (14, "On Hold", 6, "#f1c40f"),
    ]
    .into_iter()
    .map(|(id, name, level, color)| {
        json!({"priorityID": id, "name": name, "priorityLevel": level, "color": color, "isDefault": id == 10})
    })
    .collect()
}

/// Returns the level and the id of a priority; 1 is the plant's most urgent.
fn priority(order: &WorkOrder) -> (u32, u32) {
    match order.priority {
        1 => (5, 12),
        2 => (3, 11),
        3 => (2, 10),
        _ => (1, 9),
    }
}

fn task_type(order: &WorkOrder) -> u32 {
    match (order.status, order.kind) {
        (WorkStatus::PendingApproval, _) => 6,
        (_, WorkKind::Preventive) => 1,
        (_, WorkKind::Inspection) => 4,
        (_, WorkKind::Corrective | WorkKind::Emergency) => 2,
    }
}

fn meta(id: u32, status: u32) -> Value {
    json!({
        "invoices": format!("/v2/tasks/invoices/?tasks={id}"),
        "labor": format!("/v2/tasks/labor/?tasks={id}"),
        "partsUsage": format!("/v2/parts/usage/?tasks={id}"),
        "instructions": format!("/v2/tasks/{id}/instructions"),
        "status": format!("/v2/statuses/?statuses={status}"),
    })
}

fn task(order: &WorkOrder, world: &World, purchases: &[u32]) -> Value {
    let id = TASK + order.id;
    let done = is_done(order.status);
    let (level, priority_id) = priority(order);
    let kind = task_type(order);
    let requestor = world.find_user(order.requested_by).filter(|_| kind == 6);
    let assignee = order.assignee.and_then(|id| world.find_user(id));
    let completed = done.then(|| order.actual_end.unwrap_or(order.updated_at));
    let estimate = (order.estimated_hours * Decimal::from(60)).to_i64();
    let origin = order.custom.iter().find_map(|(_, value)| match value {
        Custom::Choice { value, .. } => Some(format!("@{value};")),
        _ => None,
    });
    let row = json!({
        "meta": meta(id, status_id(order.status)),
        "taskID": id,
        "poIDs": purchases,
        "name": order.title,
        "userID": moved(USER, order.assignee),
        "teamID": if order.assignee.is_none() { 437 } else { 0 },
        "locationID": LOCATION + order.location,
        "template": false,
        "createdDate": order.created_at.timestamp(),
        "startDate": unix(order.actual_start),
        "scheduledStart": unix(order.scheduled_start),
        "scheduledEnd": unix(order.scheduled_end),
        "due": unix(order.due_at),
        "description": order.description,
        "dateCompleted": unix(completed),
        "lastEdited": order.updated_at.timestamp(),
        "lastEditedByUser": moved(USER, order.assignee),
        "completedByUser": if done { moved(USER, order.assignee) } else { 0 },
        "assetID": moved(ASSET, order.asset),
        "completedUserWage": assignee.filter(|_| done).map_or_else(|| 0.into(), |user| number(user.hourly_rate)),
        "estimatedTime": estimate,
        "priority": level,
        "priorityID": priority_id,
        "downtime": downtime(order),
        "completionNotes": order.completion_notes,
        "meta1": order.number,
        "meta2": order.parent.and_then(|id| world.find_work_order(id)).map(|parent| parent.number.as_str()),
        "meta3": order.hold_reason,
        "customTags": origin.into_iter().collect::<Vec<_>>(),
        "statusID": status_id(order.status),
        "type": kind,
        "status": i32::from(done),
    });
    let request = json!({
        "requestorName": requestor.map(|user| user.name.as_str()),
        "requestorEmail": requestor.map(|user| user.email.as_str()),
        "requestorPhone": requestor.map(|user| user.phone.as_str()),
        "requestTitle": requestor.map(|_| order.title.as_str()),
        "requestField1": null,
        "requestField2": null,
        "requestField3": null,
        "requestDropdown1": order.failure_problem,
        "requestDropdown2": order.failure_cause,
        "requestDropdown3": order.failure_remedy,
        "requestorDescription": requestor.map(|_| order.description.as_str()),
    });
    joined(row, request)
}

/// Adds the fields of one object to another.
fn joined(mut row: Value, more: Value) -> Value {
    if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
        row.extend(more);
    }
    row
}

/// Returns the request data of a task nobody requested.
fn no_request() -> Value {
    json!({
        "requestorName": null,
        "requestorEmail": null,
        "requestorPhone": null,
        "requestTitle": null,
        "requestField1": null,
        "requestField2": null,
        "requestField3": null,
        "requestDropdown1": null,
        "requestDropdown2": null,
        "requestDropdown3": null,
        "requestorDescription": null,
    })
}

/// Returns how long the machine stood, in seconds.
fn downtime(order: &WorkOrder) -> i64 {
    match (order.kind, order.actual_start, order.actual_end) {
        (WorkKind::Corrective | WorkKind::Emergency, Some(start), Some(end)) => (end - start).num_seconds(),
        _ => 0,
    }
}

fn template(asset: &Asset) -> Value {
    let id = TEMPLATE + asset.id;
    let row = json!({
        "meta": meta(id, 1),
        "taskID": id,
        "poIDs": [],
        "name": format!("Monthly lubrication: {}", asset.number),
        "userID": 0,
        "teamID": 437,
        "locationID": LOCATION + asset.location,
        "template": true,
        "createdDate": asset.created_at.timestamp(),
        "startDate": 0,
        "scheduledStart": 0,
        "scheduledEnd": 0,
        "due": 0,
        "description": "Lubricate all points of the plan.",
        "dateCompleted": 0,
        "lastEdited": asset.updated_at.timestamp(),
        "lastEditedByUser": 0,
        "completedByUser": 0,
        "assetID": ASSET + asset.id,
        "completedUserWage": 0,
        "estimatedTime": 45,
        "priority": 1,
        "priorityID": 9,
        "downtime": 0,
        "completionNotes": null,
        "meta1": null,
        "meta2": null,
        "meta3": null,
        "customTags": [],
        "statusID": 1,
        "type": 1,
        "status": 0,
    });
    joined(row, no_request())
}

pub(super) fn instructions(world: &World) -> Vec<Value> {
    let steps = world
        .work_orders
        .iter()
        .flat_map(|order| order.tasks.iter().map(move |step| (order, step)));
    steps
        .map(|(order, step)| {
            json!({
                "instructionID": step.id,
                "taskID": TASK + order.id,
                "parentInstructionID": 0,
                "instruction": step.title,
                "type": 1,
                "options": [],
                "response": step.done,
                "instructionFiles": [],
            })
        })
        .collect()
}

fn parts_of(world: &World) -> impl Iterator<Item = (&WorkOrder, &Part)> {
    world
        .work_orders
        .iter()
        .flat_map(|order| order.parts.iter().map(move |part| (order, part)))
}

pub(super) fn parts(world: &World, shelf: &Shelf) -> Vec<Value> {
    parts_of(world)
        .map(|(order, part)| {
            let used = !part.used.is_zero();
            json!({
                "relationID": part.id,
                "partID": shelf.part(part.item, None),
                "taskID": TASK + order.id,
                "quantity": number(if used { part.used } else { part.planned }),
                "lastEdited": order.updated_at.timestamp(),
                "usedPrice": if used { number(part.unit_cost) } else { 0.into() },
                "partName": world.find_item(part.item).map(|item| item.name.as_str()),
                "poItemID": 0,
            })
        })
        .collect()
}

pub(super) fn usage(world: &World, shelf: &Shelf) -> Vec<Value> {
    let mut rows: Vec<(u32, Value)> = parts_of(world)
        .map(|(order, part)| {
            let id = shelf.part(part.item, None);
            let task = TASK + order.id;
            let used_on = unix(order.actual_end.filter(|_| !part.used.is_zero()));
            let row = json!({
                "meta": {"task": format!("/v2/tasks/?tasks={task}"), "part": format!("/v2/parts/?parts={id}")},
                "partID": id,
                "name": world.find_item(part.item).map(|item| item.name.as_str()),
                "taskID": task,
                "usedCount": number(part.used),
                "usedPrice": number(part.unit_cost),
                "usedOn": used_on,
                "poItemID": 0,
            });
            (id, row)
        })
        .collect();
    rows.sort_by_key(|(id, _)| *id);
    rows.into_iter().map(|(_, row)| row).collect()
}

pub(super) fn labor(world: &World) -> Vec<Value> {
    let entries = world
        .work_orders
        .iter()
        .flat_map(|order| order.labor.iter().map(move |entry| (order, entry)));
    entries
        .map(|(order, entry)| {
            let task = TASK + order.id;
            let user = USER + entry.user;
            json!({
                "meta": {"task": format!("/v2/tasks/?tasks={task}"), "user": format!("/v2/users/?users={user}")},
                "userID": user,
                "timeSpent": (entry.hours * Decimal::from(3600)).to_i64(),
                "userWage": number(entry.rate),
                "taskID": task,
                "taskName": order.title,
                // The vendor spells it so.
                "tashPriorityID": priority(order).1,
                "description": text(&entry.craft),
                "dateLogged": entry.started_at.timestamp(),
                "billableTime": null,
                "billableRate": null,
                "categoryID": null,
                "_locationID": LOCATION + order.location,
            })
        })
        .collect()
}
