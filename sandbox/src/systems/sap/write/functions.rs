//! The function imports that change a status: of maintenance orders, and of equipment.

use super::{
    Writing,
    find::{self, enter},
    objects,
};
use crate::{
    odata::{Problem, Value},
    systems::sap::{codes, orders},
    world::{AssetStatus, WorkOrder, WorkStatus},
};

/// The namespace of the service of maintenance orders.
const MAINTENANCE: &str = "cds_api_maintenanceorder";
/// The namespace of the service of equipment.
const EQUIPMENT: &str = "cds_api_equipment";

/// Returns whether a service has a function import.
pub(super) fn has(namespace: &str, name: &str) -> bool {
    match namespace {
        MAINTENANCE => ORDER_FUNCTIONS.contains(&name),
        EQUIPMENT => EQUIPMENT_FUNCTIONS.contains(&name),
        _ => false,
    }
}

const ORDER_FUNCTIONS: [&str; 17] = [
    "SubmitMaintOrderForApproval",
    "ApproveMaintenanceOrder",
    "RejectMaintenanceOrder",
    "ReleaseMaintenanceOrder",
    "ScheduleMaintenanceOrder",
    "SetMaintOrderToReadyForSchedg",
    "ResetMaintOrderStsRdyForSchedg",
    "SetMaintOrdToMainWorkComplete",
    "ResetMaintOrdStsMainWorkCmplt",
    "SetMaintOrdToTechCompleted",
    "ResetMaintOrdStsTechCompleted",
    "SetMaintOrderStatusToClosed",
    "ResetMaintOrderStatusClosed",
    "SetMaintOrderStatusToLocked",
    "SetMaintOrderStatusToUnlocked",
    "SetMaintOrdStsToMrkdForDeltn",
    "SetMaintOrderToDoNotExecute",
];

const EQUIPMENT_FUNCTIONS: [&str; 6] = [
    "SetEquipmentToInactive",
    "ResetEquipmentFromInactive",
    "SetEquipToMarkedForDeletion",
    "RsetEquipFromMarkedForDeletion",
    "InstallEquipment",
    "DismantleEquipment",
];

/// The set and the key of the row that a function returns.
type Returned = (String, Vec<Value>);

/// Calls a function import.
pub(super) fn call(
    writing: &mut Writing<'_>,
    name: &str,
    parameters: &[(String, String)],
) -> Result<Returned, Problem> {
    let parameter = |wanted: &str| {
        let found = parameters.iter().find(|(name, _)| name == wanted);
        found.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    };
    if ORDER_FUNCTIONS.contains(&name) {
        let number = parameter("MaintenanceOrder").ok_or_else(|| missing("MaintenanceOrder"))?;
        return order(writing, name, number);
    }
    let number = parameter("Equipment").ok_or_else(|| missing("Equipment"))?;
    if parameter("ValidityEndDate").is_none() {
        return Err(missing("ValidityEndDate"));
    }
    equipment(writing, name, number, &parameter)
}

fn missing(name: &str) -> Problem {
    Problem::bad(format!(
        "Mandatory parameter '{name}' of the function import is missing"
    ))
    .at(name)
}

fn order(writing: &mut Writing<'_>, name: &str, number: &str) -> Result<Returned, Problem> {
    let id = find::work_order(&writing.world, number, "MaintenanceOrder")?.id;
    let number = codes::maintenance_order(id);
    let phase = writing.shown("MaintenanceOrder", &[&number], "MaintOrdProcessPhaseCode");
    let is_work_done = phase == Value::from("08");
    let at = writing.at;
    let work = writing.world.work_orders.iter_mut().find(|work| work.id == id);
    let work = work.ok_or_else(|| Problem::no_row("MaintenanceOrder"))?;
    let before = work.status;
    let status = next(name, work, is_work_done).ok_or_else(|| not_allowed(name, before, &number))?;
    work.status = status;
    work.updated_at = at;
    if status == WorkStatus::Completed && work.actual_end.is_none() {
        work.actual_start = work.actual_start.or(Some(at));
        work.actual_end = Some(at);
    }
    if status == WorkStatus::Completed {
        for task in &mut work.tasks {
            task.done = true;
        }
    }
    let mut shown = vec![
        (
            "MaintOrdProcessPhaseCode".to_owned(),
            Value::from(orders::phase(status)),
        ),
        (
            "SystemStatusText".to_owned(),
            Value::from(orders::system_status(status)),
        ),
    ];
    if name == "SetMaintOrdToMainWorkComplete" {
        shown = vec![
            ("MaintOrdProcessPhaseCode".to_owned(), "08".into()),
            ("SystemStatusText".to_owned(), "REL  CNF  MANC PRC".into()),
        ];
    }
    writing.notes.change("MaintenanceOrder", number.clone(), &shown);
    Ok(("MaintenanceOrder".to_owned(), vec![number.into()]))
}

/// Returns the status that a function leads to from the present one; none when it may not be called now.
fn next(name: &str, work: &WorkOrder, is_work_done: bool) -> Option<WorkStatus> {
    use WorkStatus::{Approved, Canceled, Closed, Completed, Draft, InProgress, OnHold, PendingApproval, Scheduled};
    let resumed = match (work.actual_start, work.scheduled_start) {
        (Some(_), _) => InProgress,
        (None, Some(_)) => Scheduled,
        (None, None) => Approved,
    };
    let status = work.status;
    match name {
        "SubmitMaintOrderForApproval" if status == Draft => Some(PendingApproval),
        "ApproveMaintenanceOrder" if status == PendingApproval => Some(Approved),
        "RejectMaintenanceOrder" if status == PendingApproval => Some(Draft),
        "ReleaseMaintenanceOrder" if status == Draft => Some(Approved),
        "SetMaintOrderToReadyForSchedg" | "ResetMaintOrderStsRdyForSchedg" if status == Approved => Some(Approved),
        "ScheduleMaintenanceOrder" if status == Approved => Some(Scheduled),
        "SetMaintOrdToMainWorkComplete" if matches!(status, Approved | Scheduled | InProgress) && !is_work_done => {
            Some(InProgress)
        }
        "ResetMaintOrdStsMainWorkCmplt" if is_work_done && status == InProgress => Some(InProgress),
        "SetMaintOrdToTechCompleted" if matches!(status, Approved | Scheduled | InProgress) => Some(Completed),
        "ResetMaintOrdStsTechCompleted" if status == Completed => Some(InProgress),
        "SetMaintOrderStatusToClosed" if status == Completed => Some(Closed),
        "ResetMaintOrderStatusClosed" if status == Closed => Some(Completed),
        "SetMaintOrderStatusToLocked" if matches!(status, Approved | Scheduled | InProgress) => Some(OnHold),
        "SetMaintOrderStatusToUnlocked" if status == OnHold => Some(resumed),
        "SetMaintOrdStsToMrkdForDeltn" if matches!(status, Draft | PendingApproval | Completed | Closed) => {
            Some(Canceled)
        }
        "SetMaintOrderToDoNotExecute" if matches!(status, Draft | PendingApproval | Approved | Scheduled) => {
            Some(Canceled)
        }
        _ => None,
    }
}

fn not_allowed(name: &str, status: WorkStatus, number: &str) -> Problem {
    let line = orders::system_status(status);
    let code = line.split_whitespace().next().unwrap_or_default();
    Problem::rule(
        "BS/007",
        format!("{name} is not allowed: system status {code} is active (ORD {number})"),
    )
}

fn equipment<'p>(
    writing: &mut Writing<'_>,
    name: &str,
    number: &str,
    parameter: &impl Fn(&str) -> Option<&'p str>,
) -> Result<Returned, Problem> {
    let id = find::asset(&writing.world, number, "Equipment")?.id;
    let entity = writing.entity("Equipment")?;
    let at = writing.at;
    let place = match parameter("FunctionalLocation") {
        Some(label) => Some(find::functional_location(&writing.world, label, "FunctionalLocation")?.id),
        None => None,
    };
    let parent = match parameter("SuperordinateEquipment") {
        Some(number) => Some(find::asset(&writing.world, number, "SuperordinateEquipment")?.clone()),
        None => None,
    };
    let asset = writing.world.assets.iter_mut().find(|asset| asset.id == id);
    let asset = asset.ok_or_else(|| Problem::no_row("Equipment"))?;
    let refused = |reason: &str| Problem::rule("IE/068", format!("Equipment {number} {reason}"));
    let mut flags = Vec::new();
    let mut flag = |name: &str, is_set: bool| flags.push((name.to_owned(), Value::Flag(is_set)));
    match name {
        "SetEquipmentToInactive" if asset.status == AssetStatus::Decommissioned => {
            return Err(refused("is inactive already"));
        }
        "SetEquipmentToInactive" => asset.status = AssetStatus::Decommissioned,
        "ResetEquipmentFromInactive" if asset.status == AssetStatus::Decommissioned => {
            asset.status = AssetStatus::Operating;
        }
        "ResetEquipmentFromInactive" => return Err(refused("is not inactive")),
        "SetEquipToMarkedForDeletion" => flag("EquipmentIsMarkedForDeletion", true),
        "RsetEquipFromMarkedForDeletion" => flag("EquipmentIsMarkedForDeletion", false),
        "InstallEquipment" => {
            let location = place.or(parent.as_ref().map(|parent| parent.location));
            asset.location = location.ok_or_else(|| enter("Functional Location", "FunctionalLocation"))?;
            asset.parent = parent.map(|parent| parent.id);
            asset.status = AssetStatus::Operating;
        }
        _ => {
            asset.parent = None;
            asset.status = AssetStatus::Standby;
        }
    }
    asset.updated_at = at;
    let asset = asset.clone();
    if name == "InstallEquipment" {
        flags.extend(objects::place_values(&writing.world, &asset));
    }
    let number = asset.number;
    let end = chrono::NaiveDate::from_ymd_opt(9999, 12, 31).and_then(|day| day.and_hms_opt(0, 0, 0));
    let end = end.map_or(Value::Null, Value::DateTime);
    let stored = entity
        .properties
        .get("Equipment")
        .map(|property| property.kind.store(number.clone().into()));
    let stored = stored.unwrap_or_else(|| number.clone().into());
    let row_key = format!("{}/9999-12-31 00:00:00", stored.text());
    writing.notes.change("Equipment", row_key, &flags);
    Ok(("Equipment".to_owned(), vec![stored, end]))
}
