//! Work orders and their tasks, which are rows of the same table with `istask` set.

use chrono::Duration;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    ADMINISTRATOR, ITEM_SET, ORGANIZATION, item_name, item_number, location_code, moment, moment_or_null, number,
    person, rich_text, site, text, text_or_null, vendor_number, with_custom,
};
use crate::world::{Labor, Part, Task, WorkKind, WorkOrder, WorkStatus, World};

/// Ids of tasks start here, so that they never meet those of orders.
pub(in super::super) const FIRST_TASK: u32 = 500_000;

/// Returns every order, each followed by its tasks.
pub(super) fn orders(world: &World) -> Vec<Value> {
    world
        .work_orders
        .iter()
        .flat_map(|order| rows_of(order, world))
        .collect()
}

fn rows_of(order: &WorkOrder, world: &World) -> Vec<Value> {
    let mut rows = vec![with_custom(order_row(order, world), &order.custom)];
    rows.extend(order.tasks.iter().map(|task| task_row(order, task, world)));
    rows
}

pub(super) fn order_row(order: &WorkOrder, world: &World) -> Value {
    let asset = order.asset.and_then(|id| world.find_asset(id));
    let labor_cost: Decimal = order.labor.iter().map(|entry| entry.hours * entry.rate).sum();
    let material_cost: Decimal = order.parts.iter().map(|part| part.used * part.unit_cost).sum();
    let planned_cost: Decimal = order.parts.iter().map(|part| part.planned * part.unit_cost).sum();
    let parent = order.parent.and_then(|id| world.find_work_order(id));
    let site = site(world, order.location);
    let mut row = json!({
        "wonum": order.number,
        "siteid": site,
        "orgid": ORGANIZATION,
        "workorderid": order.id,
        "description": text(&order.title),
        "description_longdescription": rich_text(&order.description),
        "status": status(order),
        "statusdate": moment(order.updated_at),
        "woclass": "WORKORDER",
        "worktype": work_type(order.kind),
        "wopriority": order.priority,
        "assetnum": asset.map(|asset| asset.number.as_str()),
        "location": location_code(world, order.location),
        "vendor": order.vendor.map(|id| vendor_number(world, id)),
        "reportdate": moment(order.reported_at),
        "reportedby": person(world, order.requested_by),
        "lead": order.assignee.map(|id| person(world, id)),
        "targcompdate": moment_or_null(order.due_at),
        "schedstart": moment_or_null(order.scheduled_start),
        "schedfinish": moment_or_null(order.scheduled_end),
        "actstart": moment_or_null(order.actual_start),
        "actfinish": moment_or_null(order.actual_end),
        "estdur": number(order.estimated_hours),
        "estlabhrs": number(order.estimated_hours),
        "estlabcost": 0.0,
        "estmatcost": number(planned_cost),
        "actlabhrs": number(order.actual_hours),
        "actlabcost": number(labor_cost),
        "actmatcost": number(material_cost),
        "acttotalcost": number(labor_cost + material_cost),
        "parent": parent.map(|parent| parent.number.as_str()),
        "istask": false,
        "haschildren": !order.tasks.is_empty() || world.work_orders.iter().any(|other| other.parent == Some(order.id)),
        "historyflag": in_history(order.status),
        "failurecode": order.failure_problem.as_ref().and(asset).map(|asset| failure_class(&asset.kind)),
        "problemcode": order.failure_problem,
        "remarkdesc": text_or_null(order.completion_notes.as_deref()),
        "downtime": order.kind == WorkKind::Emergency,
        "wogroup": order.number,
        "changedate": moment(order.updated_at),
        "changeby": order.assignee.map_or_else(|| ADMINISTRATOR.into(), |id| person(world, id)),
    });
    if let Some(values) = row.as_object_mut() {
        let activities = order.tasks.iter().map(|task| activity(order, task, site)).collect();
        values.insert("woactivity".into(), Value::Array(activities));
        values.insert("wplabor".into(), Value::Array(planned_labor(order, world)));
        let planned = order
            .parts
            .iter()
            .filter(|part| !part.planned.is_zero())
            .map(|part| planned_material(part, order, world))
            .collect();
        values.insert("wpmaterial".into(), Value::Array(planned));
        let booked = order.labor.iter().map(|entry| labor(entry, world)).collect();
        values.insert("labtrans".into(), Value::Array(booked));
        let used = order.parts.iter().filter(|part| !part.used.is_zero());
        let used = used.map(|part| used_material(part, order, world)).collect();
        values.insert("matusetrans".into(), Value::Array(used));
        values.insert("wostatus".into(), Value::Array(history(order)));
        values.insert("failurereport".into(), Value::Array(failures(order, world, site)));
    }
    row
}

pub(super) fn task_row(order: &WorkOrder, task: &Task, world: &World) -> Value {
    let asset = order.asset.and_then(|id| world.find_asset(id));
    json!({
        "wonum": task_number(task),
        "siteid": site(world, order.location),
        "orgid": ORGANIZATION,
        "workorderid": FIRST_TASK + task.id,
        "description": task.title,
        "status": task_status(order, task),
        "statusdate": moment(order.updated_at),
        "woclass": "ACTIVITY",
        "worktype": work_type(order.kind),
        "wopriority": order.priority,
        "assetnum": asset.map(|asset| asset.number.as_str()),
        "location": location_code(world, order.location),
        "reportdate": moment(order.reported_at),
        "reportedby": person(world, order.requested_by),
        "parent": order.number,
        "istask": true,
        "taskid": task.seq,
        "haschildren": false,
        "historyflag": in_history(order.status),
        "wogroup": order.number,
        "changedate": moment(order.updated_at),
        "changeby": ADMINISTRATOR,
    })
}

pub(in super::super) fn task_number(task: &Task) -> String {
    format!("T{}", FIRST_TASK + task.id)
}

fn activity(order: &WorkOrder, task: &Task, site: &str) -> Value {
    json!({
        "wonum": task_number(task),
        "parent": order.number,
        "siteid": site,
        "taskid": task.seq,
        "wosequence": task.seq,
        "description": task.title,
        "status": task_status(order, task),
        "istask": true,
        "workorderid": FIRST_TASK + task.id,
    })
}

fn status(order: &WorkOrder) -> &'static str {
    match order.status {
        WorkStatus::Draft | WorkStatus::PendingApproval => "WAPPR",
        WorkStatus::Approved => "APPR",
        WorkStatus::Scheduled => "WSCH",
        WorkStatus::InProgress => "INPRG",
        WorkStatus::OnHold if waits_for_parts(order) => "WMATL",
        WorkStatus::OnHold => "WPCOND",
        WorkStatus::Completed => "COMP",
        WorkStatus::Closed => "CLOSE",
        WorkStatus::Canceled => "CAN",
    }
}

fn waits_for_parts(order: &WorkOrder) -> bool {
    order
        .hold_reason
        .as_ref()
        .is_some_and(|reason| reason.contains("parts"))
}

fn task_status(order: &WorkOrder, task: &Task) -> &'static str {
    match order.status {
        WorkStatus::Closed | WorkStatus::Canceled => status(order),
        _ if task.done => "COMP",
        _ => "APPR",
    }
}

fn in_history(status: WorkStatus) -> bool {
    matches!(status, WorkStatus::Closed | WorkStatus::Canceled)
}

fn work_type(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Corrective => "CM",
        WorkKind::Preventive => "PM",
        WorkKind::Inspection => "INSP",
        WorkKind::Emergency => "EM",
    }
}

fn failure_class(kind: &str) -> String {
    kind.replace(' ', "").chars().take(8).collect::<String>().to_uppercase()
}

fn planned_labor(order: &WorkOrder, world: &World) -> Vec<Value> {
    let Some(user) = order.assignee.and_then(|id| world.find_user(id)) else {
        return Vec::new();
    };
    vec![json!({
        "wplaborid": order.id.to_string(),
        "laborcode": person(world, user.id),
        "craft": text(&craft_code(&user.craft)),
        "quantity": 1,
        "laborhrs": number(order.estimated_hours),
        "rate": number(user.hourly_rate),
        "linecost": number(order.estimated_hours * user.hourly_rate),
    })]
}

pub(super) fn craft_code(craft: &str) -> String {
    craft
        .chars()
        .filter(|letter| letter.is_alphabetic())
        .take(8)
        .collect::<String>()
        .to_uppercase()
}

fn planned_material(part: &Part, order: &WorkOrder, world: &World) -> Value {
    let storeroom = storeroom_of(part.item, world);
    json!({
        "wpitemid": part.id,
        "itemnum": item_number(world, part.item),
        "itemsetid": ITEM_SET,
        "description": item_name(world, part.item),
        "linetype": "ITEM",
        "itemqty": number(part.planned),
        "orderunit": world.find_item(part.item).map(|item| item.uom.as_str()),
        "unitcost": number(part.unit_cost),
        "linecost": number(part.planned * part.unit_cost),
        "location": storeroom.map(|id| location_code(world, id)),
        "storelocsite": site(world, storeroom.unwrap_or(order.location)),
    })
}

fn storeroom_of(item: u32, world: &World) -> Option<u32> {
    world
        .stock_levels
        .iter()
        .find(|level| level.item == item)
        .map(|level| level.location)
}

fn used_material(part: &Part, order: &WorkOrder, world: &World) -> Value {
    let storeroom = storeroom_of(part.item, world);
    let at = order.actual_end.unwrap_or(order.updated_at);
    json!({
        "matusetransid": part.id,
        "itemnum": item_number(world, part.item),
        "itemsetid": ITEM_SET,
        "description": item_name(world, part.item),
        "linetype": "ITEM",
        "issuetype": if part.used.is_sign_negative() { "RETURN" } else { "ISSUE" },
        "quantity": number(-part.used),
        "positivequantity": number(part.used.abs()),
        "storeloc": storeroom.map(|id| location_code(world, id)),
        "siteid": site(world, storeroom.unwrap_or(order.location)),
        "unitcost": number(part.unit_cost),
        "linecost": number(part.used * part.unit_cost),
        "transdate": moment(at),
        "actualdate": moment(at),
    })
}

fn labor(entry: &Labor, world: &World) -> Value {
    let minutes = (entry.hours * Decimal::from(60)).round();
    let duration = Duration::minutes(i64::try_from(minutes).unwrap_or_default());
    json!({
        "labtransid": entry.id,
        "laborcode": person(world, entry.user),
        "craft": text(&craft_code(&entry.craft)),
        "regularhrs": number(entry.hours),
        "payrate": number(entry.rate),
        "linecost": number(entry.hours * entry.rate),
        "startdate": moment(entry.started_at),
        "finishdate": moment(entry.started_at + duration),
        "startdatetime": moment(entry.started_at),
        "finishdatetime": moment(entry.started_at + duration),
        "transdate": moment(entry.started_at + duration),
        "enterdate": moment(entry.started_at + duration),
        "transtype": "WORK",
        "genapprservreceipt": true,
    })
}

fn history(order: &WorkOrder) -> Vec<Value> {
    let mut steps = vec![("WAPPR", order.created_at, None)];
    let current = status(order);
    if let Some(start) = order.actual_start.filter(|_| current != "INPRG") {
        steps.push(("INPRG", start, None));
    }
    if current != "WAPPR" {
        steps.push((current, order.updated_at, order.hold_reason.as_deref()));
    }
    (1_u32..)
        .zip(steps)
        .map(|(place, (status, at, memo))| {
            json!({
                "wostatusid": order.id * 10 + place,
                "status": status,
                "changedate": moment(at),
                "changeby": ADMINISTRATOR,
                "memo": memo,
            })
        })
        .collect()
}

fn failures(order: &WorkOrder, world: &World, site: &str) -> Vec<Value> {
    let asset = order.asset.and_then(|id| world.find_asset(id));
    [
        ("PROBLEM", &order.failure_problem),
        ("CAUSE", &order.failure_cause),
        ("REMEDY", &order.failure_remedy),
    ]
    .into_iter()
    .zip(1_u32..)
    .filter_map(|((kind, code), place)| {
        let code = code.as_ref()?;
        Some(json!({
            "failurereportid": order.id * 10 + place,
            "linenum": place,
            "failurecode": code,
            "type": kind,
            "assetnum": asset.map(|asset| asset.number.as_str()),
            "siteid": site,
        }))
    })
    .collect()
}
