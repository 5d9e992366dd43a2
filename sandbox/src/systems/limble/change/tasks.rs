//! Writes of tasks, their steps and the parts planned for them.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::super::problem::Problem;
use super::super::rows::{ASSET, LOCATION, TASK, USER, tasks};
use super::Done;
use super::body::Body;
use super::draft::{Draft, Note, moment, next_id, own};
use crate::world::{Part, Task, WorkKind, WorkOrder, WorkStatus};

const COMMON: [&str; 20] = [
    "name",
    "locationID",
    "due",
    "type",
    "description",
    "assignment",
    "assignmentType",
    "multiUsers",
    "priority",
    "estimatedTime",
    "scheduledStart",
    "scheduledEnd",
    "requestName",
    "requestEmail",
    "requestPhone",
    "requestDescription",
    "meta1",
    "meta2",
    "meta3",
    "geoLocation",
];

pub(super) fn create(draft: &mut Draft<'_>, content: &[u8]) -> Result<Done, Problem> {
    let allowed: Vec<&str> = COMMON.into_iter().chain(["assetID", "templateID"]).collect();
    let body = Body::parse(content, &allowed)?;
    body.require(&["name", "locationID", "due", "type"])?;
    if let Some(template) = body.integer("templateID")?
        && draft
            .row("tasks", u32::try_from(template).unwrap_or_default())
            .is_none_or(|row| row.get("template") != Some(&true.into()))
    {
        return Err(Problem::NotFound(format!("Template {template}")));
    }
    let id = next_id(draft.world.work_orders.iter().map(|order| order.id));
    let order = WorkOrder {
        id,
        number: format!("WO-{}", 2000 + id),
        title: String::new(),
        description: String::new(),
        kind: WorkKind::Corrective,
        status: WorkStatus::Approved,
        hold_reason: None,
        priority: 3,
        asset: None,
        location: 1,
        assignee: None,
        requested_by: 1,
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
    let mut wanted = Map::new();
    for name in ["meta1", "meta2", "meta3", "requestDropdown1"] {
        wanted.insert(name.into(), Value::Null);
    }
    wanted.insert("teamID".into(), 0.into());
    save(draft, order, &body, "assetID", wanted, true)?;
    Ok(Done::created("tasks", "tasks", "taskID", (TASK + id).into()))
}

pub(super) fn update(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let allowed: Vec<&str> = COMMON.into_iter().chain(["asset", "status", "statusID"]).collect();
    let body = Body::parse(content, &allowed)?;
    let order = find(draft, id)?;
    let row = draft.row("tasks", id).unwrap_or_default();
    // What follows from the status in the plant's own records stays as it was here.
    let mut wanted: Map<String, Value> = row
        .into_iter()
        .filter(|(name, _)| ["type", "statusID", "status", "dateCompleted", "teamID"].contains(&name.as_str()))
        .collect();
    let mut order = order;
    set_status(draft, &mut order, &body, &mut wanted)?;
    save(draft, order, &body, "asset", wanted, false)?;
    Ok(Done::Empty)
}

fn find(draft: &Draft<'_>, id: u32) -> Result<WorkOrder, Problem> {
    let found = draft.world.find_work_order(own(TASK, id));
    found.cloned().ok_or_else(|| Problem::NotFound(format!("Task {id}")))
}

fn set_status(
    draft: &Draft<'_>,
    order: &mut WorkOrder,
    body: &Body,
    wanted: &mut Map<String, Value>,
) -> Result<(), Problem> {
    match body.integer("status")? {
        Some(1) => {
            body.require(&["assignment", "assignmentType"])?;
            order.status = WorkStatus::Completed;
            order.actual_end = Some(draft.at);
            wanted.insert("status".into(), 1.into());
            wanted.insert("statusID".into(), 2.into());
            wanted.insert("dateCompleted".into(), draft.at.timestamp().into());
        }
        Some(0) => {
            order.status = WorkStatus::Approved;
            order.actual_end = None;
            wanted.insert("status".into(), 0.into());
            wanted.insert("statusID".into(), 1.into());
            wanted.insert("dateCompleted".into(), 0.into());
        }
        Some(_) => return Err(Problem::Parameter("\"status\" must be one of [0, 1]".into())),
        None => {}
    }
    let Some(status) = body.integer("statusID")? else {
        return Ok(());
    };
    if matches!(status, 1 | 2) {
        return Err(Problem::Parameter("\"statusID\" cannot be 1 or 2".into()));
    }
    order.status = match status {
        3 => WorkStatus::InProgress,
        4 => WorkStatus::OnHold,
        5 => WorkStatus::PendingApproval,
        6 => WorkStatus::Scheduled,
        7 => WorkStatus::Draft,
        // The account's own words for an end, which do not complete a task.
        8 | 9 => order.status,
        _ => return Err(Problem::NotFound(format!("Status {status}"))),
    };
    wanted.insert("statusID".into(), status.into());
    Ok(())
}

fn save(
    draft: &mut Draft<'_>,
    mut order: WorkOrder,
    body: &Body,
    asset_name: &str,
    mut wanted: Map<String, Value>,
    is_new: bool,
) -> Result<(), Problem> {
    if let Some(name) = body.name("name")? {
        order.title = name.to_owned();
    }
    if let Some(text) = body.text("description")? {
        order.description = text.to_owned();
    }
    if let Some(location) = draft.location(body.integer("locationID")?)? {
        order.location = location;
        wanted.insert("locationID".into(), (LOCATION + location).into());
    }
    if let Some(asset) = body.integer(asset_name)? {
        order.asset = draft.asset(Some(asset))?;
        wanted.insert("assetID".into(), order.asset.map_or(0, |asset| ASSET + asset).into());
    }
    if let Some(kind) = body.integer("type")? {
        order.kind = match kind {
            1 => WorkKind::Preventive,
            2 => WorkKind::Corrective,
            4 => WorkKind::Inspection,
            6 => order.kind,
            _ => return Err(Problem::Parameter("\"type\" must be one of [1, 2, 4, 6]".into())),
        };
        wanted.insert("type".into(), kind.into());
    }
    set_times(&mut order, body)?;
    assign(draft, &mut order, body, &mut wanted)?;
    if let Some(level) = body.integer("priority")? {
        let rows = tasks::priorities();
        let found = rows.iter().find(|row| row["priorityLevel"].as_i64() == Some(level));
        let row = found.ok_or_else(|| Problem::Parameter("\"priority\" must be a configured level".into()))?;
        order.priority = match level {
            5 => 1,
            3 => 2,
            2 => 3,
            _ => 4,
        };
        wanted.insert("priority".into(), level.into());
        wanted.insert("priorityID".into(), row["priorityID"].clone());
    }
    if let Some(minutes) = body.integer("estimatedTime")? {
        order.estimated_hours = Decimal::from(minutes) / Decimal::from(60);
        wanted.insert("estimatedTime".into(), minutes.into());
    }
    for (name, shown) in [
        ("requestName", "requestorName"),
        ("requestEmail", "requestorEmail"),
        ("requestPhone", "requestorPhone"),
        ("requestDescription", "requestorDescription"),
        ("meta1", "meta1"),
        ("meta2", "meta2"),
        ("meta3", "meta3"),
    ] {
        if let Some(text) = body.text(name)? {
            wanted.insert(shown.into(), text.into());
        }
    }
    if let Some(place) = body.get("geoLocation") {
        wanted.insert("geoLocation".into(), place.clone());
    }
    order.updated_at = draft.at;
    put(draft, order, wanted, is_new);
    Ok(())
}

fn put(draft: &mut Draft<'_>, order: WorkOrder, wanted: Map<String, Value>, is_new: bool) {
    let id = order.id;
    match draft.world.work_orders.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = order,
        None => draft.world.work_orders.push(order),
    }
    draft.finish("tasks", TASK + id, wanted, is_new);
}

fn set_times(order: &mut WorkOrder, body: &Body) -> Result<(), Problem> {
    if let Some(due) = body.time("due")? {
        order.due_at = moment(due);
    }
    if let Some(start) = body.time("scheduledStart")? {
        order.scheduled_start = moment(start);
    }
    if let Some(end) = body.time("scheduledEnd")? {
        order.scheduled_end = moment(end);
    }
    if let (Some(start), Some(end)) = (order.scheduled_start, order.scheduled_end)
        && end <= start
        && (body.get("scheduledStart").is_some() || body.get("scheduledEnd").is_some())
    {
        return Err(Problem::Parameter(
            "\"scheduledEnd\" must be greater than \"scheduledStart\"".into(),
        ));
    }
    Ok(())
}

fn assign(
    draft: &Draft<'_>,
    order: &mut WorkOrder,
    body: &Body,
    wanted: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let kind = body.text("assignmentType")?;
    if kind == Some("multi") {
        body.require(&["multiUsers"])?;
        wanted.insert("multiUsers".into(), body.get("multiUsers").cloned().unwrap_or_default());
        return Ok(());
    }
    match (kind, body.integer("assignment")?) {
        (None, None) => {}
        (None, Some(_)) => body.require(&["assignmentType"])?,
        (Some(_), None) => body.require(&["assignment"])?,
        (Some("user"), Some(id)) => {
            order.assignee = draft.user(Some(id))?;
            wanted.insert("userID".into(), order.assignee.map_or(0, |user| USER + user).into());
            wanted.insert("teamID".into(), 0.into());
        }
        (Some("team"), Some(id)) => {
            if !matches!(id, 436 | 437) {
                return Err(Problem::NotFound(format!("Team {id}")));
            }
            order.assignee = None;
            wanted.insert("userID".into(), 0.into());
            wanted.insert("teamID".into(), id.into());
        }
        (Some(_), Some(_)) => {
            let text = "\"assignmentType\" must be one of [user, team, multi]";
            return Err(Problem::Parameter(text.into()));
        }
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: u32) -> Result<Done, Problem> {
    let order = find(draft, id)?;
    draft.world.work_orders.retain(|other| other.id != order.id);
    let lines = draft
        .world
        .purchase_orders
        .iter_mut()
        .flat_map(|order| &mut order.lines);
    for line in lines.filter(|line| line.work_order == Some(order.id)) {
        line.work_order = None;
    }
    for other in draft
        .world
        .work_orders
        .iter_mut()
        .filter(|other| other.parent == Some(order.id))
    {
        other.parent = None;
    }
    draft.notes.push(Note::Forget("tasks", id.to_string()));
    Ok(Done::Empty)
}

/// Notes that a part or a step of a task changed, which moves the task's date of change.
fn touch(draft: &mut Draft<'_>, order: WorkOrder) {
    let order = WorkOrder {
        updated_at: draft.at,
        ..order
    };
    put(draft, order, Map::new(), false);
}

pub(super) fn add_part(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &["partID", "quantity"])?;
    body.require(&["partID", "quantity"])?;
    let mut order = find(draft, id)?;
    let part = body.integer("partID")?.unwrap_or_default();
    let row = draft.row("parts", u32::try_from(part).unwrap_or_default());
    let row = row.ok_or_else(|| Problem::NotFound(format!("Part {part}")))?;
    let number = row.get("number").and_then(Value::as_str).unwrap_or_default();
    let item = draft.world.items.iter().find(|item| item.number == number).cloned();
    let item = item.ok_or_else(|| Problem::NotFound(format!("Part {part}")))?;
    let quantity = body.number("quantity")?.unwrap_or_default();
    if quantity <= Decimal::ZERO {
        return Err(Problem::Parameter("\"quantity\" must be a positive number".into()));
    }
    if order.parts.iter().any(|part| part.item == item.id) {
        return Err(Problem::Exists(format!(
            "Part {part} is already associated with task {id}"
        )));
    }
    let others = draft.world.work_orders.iter().flat_map(|order| &order.parts);
    let relation = next_id(others.map(|part| part.id));
    order.parts.push(Part {
        id: relation,
        item: item.id,
        planned: quantity,
        used: Decimal::ZERO,
        unit_cost: item.standard_cost,
    });
    touch(draft, order);
    let fields = json!({"partID": part});
    draft.finish(
        "tasks/parts",
        relation,
        fields.as_object().cloned().unwrap_or_default(),
        true,
    );
    Ok(Done::Empty)
}

pub(super) fn delete_part(draft: &mut Draft<'_>, id: u32, part: u32) -> Result<Done, Problem> {
    let mut order = find(draft, id)?;
    let relation = order.parts.iter().find(|own| {
        let row = draft.row("tasks/parts", own.id);
        row.is_some_and(|row| row.get("partID").and_then(Value::as_u64) == Some(u64::from(part)))
    });
    let relation = relation.map(|part| part.id);
    let relation = relation.ok_or_else(|| Problem::NotFound(format!("Part {part} of task {id}")))?;
    order.parts.retain(|part| part.id != relation);
    touch(draft, order);
    draft.notes.push(Note::Forget("tasks/parts", relation.to_string()));
    Ok(Done::Empty)
}

pub(super) fn add_step(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let allowed = [
        "type",
        "instruction",
        "parentInstructionID",
        "parentInstructionOptionID",
    ];
    let body = Body::parse(content, &allowed)?;
    body.require(&["type", "instruction", "parentInstructionID"])?;
    let kind = body.integer("type")?.unwrap_or_default();
    if ![1, 2, 3, 4, 5, 7, 9, 11, 13, 14, 15].contains(&kind) {
        return Err(Problem::Parameter("\"type\" must be a known item type".into()));
    }
    let mut order = find(draft, id)?;
    let others = draft.world.work_orders.iter().flat_map(|order| &order.tasks);
    let step = next_id(others.map(|task| task.id));
    order.tasks.push(Task {
        id: step,
        seq: order.tasks.iter().map(|task| task.seq).max().unwrap_or_default() + 10,
        title: body.name("instruction")?.unwrap_or_default().to_owned(),
        done: false,
    });
    let parent = body.integer("parentInstructionID")?.unwrap_or_default();
    touch(draft, order);
    let fields = json!({"type": kind, "parentInstructionID": parent});
    draft.finish(
        "tasks/instructions",
        step,
        fields.as_object().cloned().unwrap_or_default(),
        true,
    );
    Ok(Done::Created(
        format!("tasks/{id}/instructions"),
        "instructionID",
        step.into(),
    ))
}

fn owner_of(draft: &Draft<'_>, step: u32) -> Result<WorkOrder, Problem> {
    let mut orders = draft.world.work_orders.iter();
    let found = orders.find(|order| order.tasks.iter().any(|task| task.id == step));
    found
        .cloned()
        .ok_or_else(|| Problem::NotFound(format!("Instruction {step}")))
}

pub(super) fn update_step(draft: &mut Draft<'_>, step: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &["instruction", "parentInstructionID"])?;
    let mut order = owner_of(draft, step)?;
    if let (Some(title), Some(task)) = (
        body.name("instruction")?,
        order.tasks.iter_mut().find(|task| task.id == step),
    ) {
        task.title = title.to_owned();
    }
    let mut wanted = Map::new();
    if let Some(parent) = body.integer("parentInstructionID")? {
        wanted.insert("parentInstructionID".into(), parent.into());
    }
    touch(draft, order);
    draft.finish("tasks/instructions", step, wanted, false);
    Ok(Done::Empty)
}

pub(super) fn delete_step(draft: &mut Draft<'_>, step: u32) -> Result<Done, Problem> {
    let mut order = owner_of(draft, step)?;
    order.tasks.retain(|task| task.id != step);
    touch(draft, order);
    draft.notes.push(Note::Forget("tasks/instructions", step.to_string()));
    Ok(Done::Empty)
}
