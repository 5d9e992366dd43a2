//! Fixed assets, and the Asset Management entities: maintenance assets, functional locations and work orders with lines.

use rust_decimal::Decimal;

use super::{
    codes::{self, COMPANY, row, yes_no},
    entities::Set,
};
use crate::{
    odata::Row,
    world::{Asset, AssetStatus, Location, LocationKind, Task, WorkKind, WorkOrder, WorkStatus, World},
};

/// Returns the rows of the asset and work order entities.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let places = world.locations.iter().filter(|location| codes::is_functional(location));
    vec![
        (
            "FixedAssetsV2",
            world.assets.iter().map(|asset| fixed_asset(world, asset)).collect(),
        ),
        (
            "AssetMaintenanceAssetsV3",
            world
                .assets
                .iter()
                .map(|asset| maintenance_asset(world, asset))
                .collect(),
        ),
        (
            "AssetMaintenanceFunctionalLocations",
            places.map(|location| functional_location(world, location)).collect(),
        ),
        (
            "AssetMaintenanceWorkOrderTablesV2",
            world.work_orders.iter().map(|work| work_order(world, work)).collect(),
        ),
        (
            "AssetMaintenanceWorkOrderLinesV2",
            world.work_orders.iter().flat_map(|work| lines(world, work)).collect(),
        ),
    ]
}

fn fixed_asset_number(asset: &Asset) -> String {
    format!("FA-{:06}", asset.id)
}

fn fixed_asset(world: &World, asset: &Asset) -> Row {
    let parent = asset.parent.and_then(|parent| world.find_asset(parent));
    row(COMPANY)
        .with("FixedAssetNumber", fixed_asset_number(asset))
        .with("PhysicalAssetNumber", &asset.number)
        .with("Name", &asset.name)
        .with("SearchName", codes::short_code(&asset.name, 20))
        .with("FixedAssetGroupId", codes::short_code(&asset.category, 10))
        .with("MajorTypeId", codes::short_code(&asset.kind, 10))
        .with("Make", &asset.manufacturer)
        .with("Model", &asset.model)
        .with("SerialNumber", &asset.serial)
        .with("AssetLocationId", codes::code(world, asset.location))
        .with_some("MainAssetId", parent.map(fixed_asset_number))
        .with("AcquisitionDate", asset.purchase_date)
        .with("AcquisitionPrice", asset.purchase_price)
        .with("GuaranteeDate", asset.warranty_end)
        .with("Quantity", Decimal::ONE)
        .with("UnitOfMeasure", "ea")
        .with("Comments", &asset.description)
}

fn lifecycle(status: AssetStatus) -> &'static str {
    match status {
        AssetStatus::Operating => "Active",
        AssetStatus::Down => "Breakdown",
        AssetStatus::Standby => "Standby",
        AssetStatus::Decommissioned => "Scrapped",
        AssetStatus::NotReady => "New",
    }
}

fn maintenance_asset(world: &World, asset: &Asset) -> Row {
    let parent = asset.parent.and_then(|parent| world.find_asset(parent));
    let place = codes::functional_location(world, asset.location);
    let vendor = asset.vendor.and_then(|vendor| world.find_vendor(vendor));
    let row = row(COMPANY)
        .with("MaintenanceAssetId", &asset.number)
        .with("Name", &asset.name)
        .with("Notes", &asset.description)
        .with("MaintenanceAssetTypeId", &asset.kind)
        .with_some("ParentMaintenanceAssetId", parent.map(|parent| &parent.number))
        .with_some("FunctionalLocationId", place.map(|place| &place.code))
        .with("MaintenanceAssetLifecycleStateId", lifecycle(asset.status))
        .with("ProductId", &asset.manufacturer)
        .with("ModelId", &asset.model)
        .with("SerialId", &asset.serial)
        .with_some("VendAccount", vendor.map(|vendor| &vendor.number))
        .with("FixedAssetId", fixed_asset_number(asset))
        .with("AcquisitionDate", asset.purchase_date)
        .with("AcquisitionCost", asset.purchase_price)
        .with("ActiveFrom", asset.installed_at)
        .with("WarrantyDateFromVend", asset.warranty_end);
    codes::own_fields(row, &asset.custom)
}

fn functional_location(world: &World, location: &Location) -> Row {
    let parent = location.parent.and_then(|parent| world.find_location(parent));
    let kind = match location.kind {
        LocationKind::Site => "Site",
        LocationKind::Building => "Building",
        _ => "Line",
    };
    row(COMPANY)
        .with("FunctionalLocationId", &location.code)
        .with("Name", &location.name)
        .with_some("ParentFunctionalLocationId", parent.map(|parent| &parent.code))
        .with("FunctionalLocationTypeId", kind)
        .with(
            "FunctionalLocationLifecycleStateId",
            if location.active { "Active" } else { "Inactive" },
        )
        .with("InventorySiteId", codes::site(world, location.id))
}

fn state(status: WorkStatus) -> &'static str {
    match status {
        WorkStatus::Draft => "New",
        WorkStatus::PendingApproval => "AwaitingApproval",
        WorkStatus::Approved => "Released",
        WorkStatus::Scheduled => "Scheduled",
        WorkStatus::InProgress => "InProgress",
        WorkStatus::OnHold => "OnHold",
        WorkStatus::Completed => "Finished",
        WorkStatus::Closed => "Closed",
        WorkStatus::Canceled => "Cancelled",
    }
}

fn kind(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Corrective => "Corrective",
        WorkKind::Preventive => "Preventive",
        WorkKind::Inspection => "Inspection",
        WorkKind::Emergency => "Emergency",
    }
}

fn work_order(world: &World, work: &WorkOrder) -> Row {
    let asset = work.asset.and_then(|asset| world.find_asset(asset));
    let parent = work.parent.and_then(|parent| world.find_work_order(parent));
    let row = row(COMPANY)
        .with("WorkOrderId", &work.number)
        .with("Description", &work.title)
        .with("WorkOrderTypeId", kind(work.kind))
        .with("WorkOrderLifecycleStateId", state(work.status))
        .with("ServiceLevel", u32::from(work.priority))
        .with(
            "WorkOrderMaintenanceAssetCriticalityValue",
            asset.map_or(0, |asset| u32::from(asset.criticality)),
        )
        .with("CostType", "Maintenance")
        .with_some("ParentWorkOrderId", parent.map(|parent| &parent.number))
        .with_some("ResponsibleWorkerPersonnelNumber", work.assignee.map(codes::personnel))
        .with("Active", yes_no(work.status < WorkStatus::Completed))
        .with("ExpectedStart", work.reported_at)
        .with_some("ExpectedEnd", work.due_at)
        .with_some("ScheduledStart", work.scheduled_start)
        .with_some("ScheduledEnd", work.scheduled_end)
        .with_some("ActualStart", work.actual_start)
        .with_some("ActualEnd", work.actual_end);
    codes::own_fields(row, &work.custom)
}

fn lines(world: &World, work: &WorkOrder) -> Vec<Row> {
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
    let asset = work.asset.and_then(|asset| world.find_asset(asset));
    let place = codes::functional_location(world, work.location);
    let hours = work.estimated_hours / Decimal::from(tasks.len());
    let line = |(number, task): (u32, &Task)| {
        row(COMPANY)
            .with("WorkOrderId", &work.number)
            .with("LineNumber", number)
            .with("WorkOrderJobDescription", &task.title)
            .with("WorkOrderJobInternalNote", &work.description)
            .with_some("MaintenanceAssetId", asset.map(|asset| &asset.number))
            .with_some("MaintenanceAssetFunctionalLocationId", place.map(|place| &place.code))
            .with("JobTypeId", kind(work.kind))
            .with("ForecastHourQty", hours.round_dp(2))
            .with_some("ScheduledStartDateTime", work.scheduled_start)
            .with_some("ScheduledEndDateTime", work.scheduled_end)
            .with("ScheduleWorkOrderJob", yes_no(true))
    };
    (1..).zip(tasks).map(line).collect()
}
