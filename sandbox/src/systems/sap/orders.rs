//! Maintenance orders with operations, components and long texts.

use rust_decimal::Decimal;

use super::{
    codes::{self, COMPANY, LANGUAGE},
    service::Set,
};
use crate::{
    odata::{Model, Row},
    world::{Part, Task, WorkKind, WorkOrder, WorkStatus, World},
};

/// The context in the names of the customer's fields.
const CONTEXT: &str = "ORD";

/// Adds the customer's order fields.
pub(super) fn extend(model: &mut Model, world: &World) {
    codes::extend(
        model,
        "MaintenanceOrder",
        CONTEXT,
        world.work_orders.iter().map(|work| &work.custom),
    );
}

/// Returns the rows of the service.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let all = &world.work_orders;
    vec![
        ("MaintenanceOrder", all.iter().map(|work| order(world, work)).collect()),
        (
            "MaintenanceOrderOperation",
            all.iter().flat_map(|work| operations(world, work)).collect(),
        ),
        (
            "MaintOrderOpComponent",
            all.iter().flat_map(|work| components(world, work)).collect(),
        ),
        ("MaintenanceOrderLongText", all.iter().map(long_text).collect()),
    ]
}

/// Returns the type of reactive or of proactive maintenance: those that are delivered know no inspections or emergencies.
fn order_type(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Corrective | WorkKind::Emergency => "YA01",
        WorkKind::Preventive | WorkKind::Inspection => "YA02",
    }
}

/// Returns the place of the status in the phases: planning, approval, preparation, scheduling,
/// execution and completion of nine.
pub(super) fn phase(status: WorkStatus) -> &'static str {
    match status {
        WorkStatus::Draft => "03",
        WorkStatus::PendingApproval => "04",
        WorkStatus::Approved => "05",
        WorkStatus::Scheduled => "06",
        WorkStatus::InProgress | WorkStatus::OnHold => "07",
        WorkStatus::Completed => "08",
        WorkStatus::Closed | WorkStatus::Canceled => "09",
    }
}

/// Returns the status line as the system writes it: codes of four letters.
pub(super) fn system_status(status: WorkStatus) -> &'static str {
    match status {
        WorkStatus::Draft | WorkStatus::PendingApproval => "CRTD MANC NMAT",
        WorkStatus::Approved | WorkStatus::Scheduled => "REL  MANC NMAT PRC",
        WorkStatus::InProgress => "REL  PCNF MANC PRC",
        WorkStatus::OnHold => "REL  PCNF LKD  PRC",
        WorkStatus::Completed => "TECO CNF  MANC PRC",
        WorkStatus::Closed => "CLSD CNF  MANC PRC",
        WorkStatus::Canceled => "CRTD DLFL NMAT",
    }
}

fn order(world: &World, work: &WorkOrder) -> Row {
    let asset = work.asset.and_then(|asset| world.find_asset(asset));
    let location = codes::functional_location(world, work.location);
    let plant = codes::plant(world, work.location);
    let craft = work
        .assignee
        .and_then(|user| world.find_user(user))
        .map(|user| codes::short_code(&user.craft, 8));
    let start = work.scheduled_start.unwrap_or(work.reported_at);
    let end = work.scheduled_end.or(work.due_at);
    let (object, kind) = match (asset, location) {
        (Some(asset), _) => (asset.number.clone(), "EAMS_EQUI"),
        (None, Some(location)) => (location.code.clone(), "EAMS_FL"),
        (None, None) => (String::new(), ""),
    };
    let row = Row::new()
        .with("MaintenanceOrder", codes::maintenance_order(work.id))
        .with("MaintenanceOrderType", order_type(work.kind))
        .with("MaintenanceOrderDesc", &work.title)
        .with("MaintOrdBasicStartDateTime", start)
        .with("MaintOrdBasicStartDate", start)
        .with("MaintOrdBasicStartTime", start)
        .with_some("MaintOrdBasicEndDateTime", end)
        .with_some("MaintOrdBasicEndDate", end)
        .with_some("MaintOrdBasicEndTime", end)
        .with_some("MaintOrdSchedldBscStrtDateTime", work.scheduled_start)
        .with_some("ScheduledBasicStartDate", work.scheduled_start)
        .with_some("ScheduledBasicStartTime", work.scheduled_start)
        .with_some("MaintOrdSchedldBscEndDateTime", work.scheduled_end)
        .with_some("ScheduledBasicEndDate", work.scheduled_end)
        .with_some("ScheduledBasicEndTime", work.scheduled_end)
        .with("MaintOrderReferenceDateTime", work.reported_at)
        .with("MaintOrderReferenceDate", work.reported_at)
        .with("MaintOrderReferenceTime", work.reported_at)
        .with_some("LatestAcceptableCompletionDate", work.due_at)
        .with_some("MainWorkCenter", craft)
        .with("MainWorkCenterPlant", &plant)
        .with("MaintenancePlanningPlant", &plant)
        .with("MaintenancePlant", &plant)
        .with("CompanyCode", COMPANY)
        .with("ControllingArea", "A000")
        .with("MaintOrdProcessPhaseCode", phase(work.status))
        .with("SystemStatusText", system_status(work.status))
        .with_some("UserStatusText", work.hold_reason.as_deref())
        .with_some("Equipment", asset.map(|asset| &asset.number))
        .with_some("EquipmentName", asset.map(|asset| &asset.name))
        .with_some("FunctionalLocation", location.map(|location| &location.code))
        .with("TechnicalObject", &object)
        .with("TechnicalObjectLabel", &object)
        .with("TechObjIsEquipOrFuncnlLoc", kind)
        .with_some("SerialNumber", asset.map(|asset| &asset.serial))
        .with("MaintPriority", work.priority.to_string())
        .with("MaintPriorityType", "PM")
        .with(
            "OperationSystemCondition",
            if work.kind == WorkKind::Emergency { "0" } else { "1" },
        )
        .with_some("MaintOrdPersonResponsible", work.assignee.map(codes::personnel))
        .with("LastChangeDateTime", work.updated_at)
        .with("CreatedByUser", codes::user(world, work.requested_by));
    codes::own_fields(row, CONTEXT, &work.custom)
}

/// Returns one operation per task; work without tasks has one operation with its title.
fn operations(world: &World, work: &WorkOrder) -> Vec<Row> {
    let whole = [Task {
        id: 0,
        seq: 10,
        title: work.title.clone(),
        done: work.status >= WorkStatus::Completed,
    }];
    let tasks = if work.tasks.is_empty() {
        &whole[..]
    } else {
        &work.tasks[..]
    };
    tasks
        .iter()
        .enumerate()
        .map(|(place, task)| operation(world, work, task, place == 0))
        .collect()
}

/// The hours of the order stand on its first operation.
fn operation(world: &World, work: &WorkOrder, task: &Task, is_first: bool) -> Row {
    let asset = work.asset.and_then(|asset| world.find_asset(asset));
    let hours = |hours: Decimal| if is_first { hours } else { Decimal::ZERO };
    let craft = work
        .assignee
        .and_then(|user| world.find_user(user))
        .map(|user| codes::short_code(&user.craft, 8));
    let start = work.actual_start.filter(|_| is_first);
    let end = work.actual_end.filter(|_| is_first);
    Row::new()
        .with("MaintenanceOrder", codes::maintenance_order(work.id))
        .with("MaintenanceOrderOperation", operation_number(task.seq))
        .with(
            "OperationControlKey",
            if work.vendor.is_some() { "YBM2" } else { "YBM1" },
        )
        .with("OperationDescription", &task.title)
        .with("Plant", codes::plant(world, work.location))
        .with_some("WorkCenter", craft)
        .with("Language", LANGUAGE)
        .with_some("OperationSupplier", work.vendor.map(codes::supplier))
        .with_some("OperationPersonResponsible", work.assignee.map(codes::personnel))
        .with_some("Equipment", asset.map(|asset| &asset.number))
        .with("MaintOrdOperationWorkDuration", hours(work.estimated_hours))
        .with("MaintOrdOpWorkDurationUnit", "H")
        .with("ActualWorkQuantity", hours(work.actual_hours))
        .with_some("OpActualExecutionStartDate", start)
        .with_some("OpActualExecutionStartTime", start)
        .with_some("OpActualExecutionEndDate", end)
        .with_some("OpActualExecutionEndTime", end)
        .with("MaintOrdOpProcessPhaseCode", phase(work.status))
        .with("SystemStatusText", if task.done { "CNF" } else { "CRTD" })
}

fn operation_number(seq: u32) -> String {
    format!("{seq:04}")
}

/// Returns the parts; all belong to the first operation.
fn components(world: &World, work: &WorkOrder) -> Vec<Row> {
    let operation = operation_number(work.tasks.first().map_or(10, |task| task.seq));
    let row = |(place, part): (usize, &Part)| {
        let item = world.find_item(part.item)?;
        let row = Row::new()
            .with("MaintenanceOrder", codes::maintenance_order(work.id))
            .with("MaintenanceOrderOperation", &operation)
            .with("MaintenanceOrderComponent", format!("{:04}", 10 * (place + 1)))
            .with("Product", &item.number)
            .with("MaintOrdOperationComponentText", &item.name)
            .with("MaintOrdOpCompRequiredQuantity", part.planned)
            .with("BaseUnit", &item.uom)
            .with("QuantityInUnitOfEntry", part.planned)
            .with("UnitOfEntry", &item.uom)
            .with("Plant", codes::plant(world, work.location))
            .with("MaintOrdOpCompItemCategory", "L")
            .with("GoodsMovementType", "261")
            .with("ReservationIsFinallyIssued", !part.used.is_zero())
            .with("GoodsMovementIsAllowed", true)
            .with("MaintOrderOpComponentPrice", part.unit_cost)
            .with("MaintOrdOpComponentCurrency", &item.currency);
        Some(row)
    };
    work.parts.iter().enumerate().filter_map(row).collect()
}

fn long_text(work: &WorkOrder) -> Row {
    let text = match &work.completion_notes {
        Some(notes) => format!("{}\n{notes}", work.description),
        None => work.description.clone(),
    };
    Row::new()
        .with("MaintenanceOrder", codes::maintenance_order(work.id))
        .with("TextObjectType", "AUFK")
        .with("Language", LANGUAGE)
        .with("MaintenanceOrderLongText", text)
}
