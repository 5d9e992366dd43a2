//! Writes of maintenance work orders and their lines. The lifecycle state is a value of the order that follows its model.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{
    Rest, Writing,
    find::{self, fill, log},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, value},
    systems::dynamics::codes::COMPANY,
    world::{Task, WorkKind, WorkOrder, WorkStatus, World},
};

const ORDERS: &str = "AssetMaintenanceWorkOrderTablesV2";
const LINES: &str = "AssetMaintenanceWorkOrderLinesV2";

/// Makes a work order.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    if let Some(number) = draft.text("WorkOrderId") {
        let message = format!("The number sequence of work orders is not manual: '{number}' cannot be given.");
        return Err(log(message));
    }
    draft.take("WorkOrderId");
    for (property, field) in [("Description", "Description"), ("WorkOrderTypeId", "Work order type")] {
        if draft.text(property).is_none() {
            return Err(fill(field));
        }
    }
    let id = writing.world.work_orders.iter().map(|work| work.id).max().unwrap_or(0) + 1;
    let mut work = WorkOrder {
        id,
        number: format!("WO-{}", 2000 + id),
        title: String::new(),
        description: String::new(),
        kind: WorkKind::Corrective,
        status: WorkStatus::Draft,
        hold_reason: None,
        priority: 4,
        asset: None,
        location: 1,
        assignee: None,
        requested_by: 1,
        vendor: None,
        reported_at: writing.at,
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
        created_at: writing.at,
        updated_at: writing.at,
    };
    let rest = place_all(&writing.world, &mut work, draft)?;
    let number = work.number.clone();
    writing.notes.create(ORDERS, format!("{COMPANY}/{number}"), &rest);
    writing.world.work_orders.push(work);
    Ok(vec![COMPANY.into(), number.into()])
}

fn place_all(world: &World, work: &mut WorkOrder, draft: Draft) -> Result<Rest, Problem> {
    let mut rest = Rest::new();
    for (name, value) in draft.values {
        if !place(world, work, &name, &value)? {
            rest.push((name, value));
        }
    }
    Ok(rest)
}

fn place(world: &World, work: &mut WorkOrder, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    // The start of the year 1900 stands for none.
    let moment = match value {
        Value::Instant(instant) if instant.timestamp() > -2_000_000_000 => Some(*instant),
        _ => None,
    };
    match name {
        "Description" if text.is_empty() => return Err(fill("Description")),
        "Description" => text.clone_into(&mut work.title),
        "WorkOrderTypeId" => {
            work.kind = match text {
                "Corrective" => WorkKind::Corrective,
                "Preventive" => WorkKind::Preventive,
                "Inspection" => WorkKind::Inspection,
                "Emergency" => WorkKind::Emergency,
                other => {
                    find::one_of(other, &[], "Work order type", "Work order types")?;
                    work.kind
                }
            };
        }
        "WorkOrderLifecycleStateId" => move_to(work, text)?,
        "ServiceLevel" => match value {
            Value::Number(level) if (1..=4).contains(&level.to_i64().unwrap_or(0)) => {
                work.priority = level.to_u8().unwrap_or(4);
            }
            _ => {
                return Err(log(
                    "The service level is not found in the related table 'Service levels'.",
                ));
            }
        },
        "ParentWorkOrderId" if text.is_empty() => work.parent = None,
        "ParentWorkOrderId" => work.parent = Some(find::work_order(world, text)?.id),
        "ResponsibleWorkerPersonnelNumber" if text.is_empty() => work.assignee = None,
        "ResponsibleWorkerPersonnelNumber" => work.assignee = Some(find::person(world, text)?),
        "ExpectedEnd" => work.due_at = moment,
        "ScheduledStart" => work.scheduled_start = moment,
        "ScheduledEnd" => work.scheduled_end = moment,
        "ActualStart" => work.actual_start = moment,
        "ActualEnd" => work.actual_end = moment,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Moves an order to another lifecycle state if the model of its states allows that.
fn move_to(work: &mut WorkOrder, state: &str) -> Result<(), Problem> {
    use WorkStatus::{Approved, Canceled, Closed, Completed, Draft, InProgress, OnHold, PendingApproval, Scheduled};
    let wanted = match state {
        "New" => Draft,
        "AwaitingApproval" => PendingApproval,
        "Released" => Approved,
        "Scheduled" => Scheduled,
        "InProgress" => InProgress,
        "OnHold" => OnHold,
        "Finished" => Completed,
        "Closed" => Closed,
        "Cancelled" => Canceled,
        other => return find::one_of(other, &[], "Lifecycle state", "Work order lifecycle states"),
    };
    let allowed: &[WorkStatus] = match work.status {
        Draft => &[PendingApproval, Approved, Canceled],
        PendingApproval => &[Draft, Approved, Canceled],
        Approved => &[Scheduled, InProgress, OnHold, Canceled],
        Scheduled => &[Approved, InProgress, OnHold, Canceled],
        InProgress => &[OnHold, Completed, Canceled],
        OnHold => &[Approved, InProgress, Canceled],
        Completed => &[InProgress, Closed],
        Closed | Canceled => &[],
    };
    if wanted == work.status {
        return Ok(());
    }
    if !allowed.contains(&wanted) {
        return Err(log(format!(
            "Work order {} cannot be moved to lifecycle state {state} from its present state.",
            work.number
        )));
    }
    work.status = wanted;
    Ok(())
}

/// Returns an order that may be changed.
fn open(writing: &Writing<'_>, number: &str) -> Result<WorkOrder, Problem> {
    let work = find::work_order(&writing.world, number)?;
    if matches!(work.status, WorkStatus::Closed | WorkStatus::Canceled) {
        return Err(log(format!("Work order {number} is closed and cannot be edited.")));
    }
    Ok(work.clone())
}

fn close(writing: &mut Writing<'_>, mut work: WorkOrder) {
    work.updated_at = writing.at;
    if let Some(kept) = writing.world.work_orders.iter_mut().find(|kept| kept.id == work.id) {
        *kept = work;
    }
}

/// Changes a work order.
pub(super) fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    let mut work = open(writing, value(entity, row, "WorkOrderId").text())?;
    let rest = place_all(&writing.world, &mut work, draft)?;
    writing.notes.change(ORDERS, entity.row_key(row), &rest);
    close(writing, work);
    Ok(())
}

/// Deletes a work order that is still new.
pub(super) fn delete(writing: &mut Writing<'_>, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let number = value(entity, row, "WorkOrderId").text();
    let work = find::work_order(&writing.world, number)?;
    let id = work.id;
    let is_used = writing.world.work_orders.iter().any(|work| work.parent == Some(id))
        || writing
            .world
            .purchase_lines()
            .any(|(_, line)| line.work_order == Some(id));
    if work.status != WorkStatus::Draft || is_used {
        return Err(log(format!(
            "Work order {number} cannot be deleted in its present state."
        )));
    }
    writing.world.work_orders.retain(|work| work.id != id);
    writing.notes.delete(ORDERS, entity.row_key(row));
    Ok(())
}

/// Makes a line of a work order that exists.
pub(super) fn create_line(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft.text("WorkOrderId").ok_or_else(|| fill("Work order"))?.to_owned();
    if draft.text("JobTypeId").is_none() {
        return Err(fill("Maintenance job type"));
    }
    let title = draft.take("WorkOrderJobDescription");
    let title = title.map(|title| title.text().to_owned()).unwrap_or_default();
    let mut work = open(writing, &number)?;
    let place = work.tasks.len() + 1;
    if let Some(given) = draft.number("LineNumber")
        && given != Decimal::from(place)
    {
        return Err(log(format!(
            "Line number {given} is not possible; the next one is {place}."
        )));
    }
    for name in ["WorkOrderId", "LineNumber"] {
        draft.take(name);
    }
    check_line(&writing.world, &draft)?;
    // An order is about the asset of its first line that has one.
    if work.asset.is_none()
        && let Some(asset) = draft.text("MaintenanceAssetId")
    {
        let asset = find::asset(&writing.world, asset)?;
        (work.asset, work.location) = (Some(asset.id), asset.location);
    }
    let tasks = writing.world.work_orders.iter().flat_map(|work| &work.tasks);
    let id = tasks.map(|task| task.id).max().unwrap_or(0) + 1;
    work.tasks.push(Task {
        id,
        seq: 10 * u32::try_from(place).unwrap_or(1),
        title,
        done: false,
    });
    writing
        .notes
        .create(LINES, format!("{COMPANY}/{number}/{place}"), &draft.values);
    writing.notes.change(ORDERS, format!("{COMPANY}/{number}"), &[]);
    close(writing, work);
    let place = i64::try_from(place).unwrap_or(i64::MAX);
    Ok(vec![COMPANY.into(), number.into(), place.into()])
}

fn check_line(world: &World, draft: &Draft) -> Result<(), Problem> {
    if let Some(asset) = draft.text("MaintenanceAssetId") {
        find::asset(world, asset)?;
    }
    if let Some(place) = draft.text("MaintenanceAssetFunctionalLocationId") {
        find::functional_location(world, place)?;
    }
    Ok(())
}

/// Changes a line.
pub(super) fn change_line(
    writing: &mut Writing<'_>,
    entity: &Entity,
    row: &Row,
    mut draft: Draft,
) -> Result<(), Problem> {
    let number = value(entity, row, "WorkOrderId").text();
    let mut work = open(writing, number)?;
    check_line(&writing.world, &draft)?;
    // A work order without lines of its own shows one with its own title.
    if work.tasks.is_empty() {
        let tasks = writing.world.work_orders.iter().flat_map(|work| &work.tasks);
        let id = tasks.map(|task| task.id).max().unwrap_or(0) + 1;
        work.tasks.push(Task {
            id,
            seq: 10,
            title: work.title.clone(),
            done: false,
        });
    }
    let line = match value(entity, row, "LineNumber") {
        Value::Number(number) => number.to_usize().and_then(|number| number.checked_sub(1)),
        _ => None,
    };
    let task = line
        .and_then(|line| work.tasks.get_mut(line))
        .ok_or_else(|| Problem::no_row(LINES))?;
    if let Some(title) = draft.take("WorkOrderJobDescription") {
        title.text().clone_into(&mut task.title);
    }
    writing.notes.change(LINES, entity.row_key(row), &draft.values);
    writing.notes.change(ORDERS, format!("{COMPANY}/{number}"), &[]);
    close(writing, work);
    Ok(())
}
