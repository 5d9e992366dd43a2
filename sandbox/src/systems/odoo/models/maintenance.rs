//! Equipment and maintenance requests. Core Odoo knows neither a state nor a parent of equipment;
//! this customer added both in Studio.

use super::base::{STUDIO, distinct, id_in, partner_of_vendor, user_id};
use super::stock::location_id;
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{Asset, AssetStatus, WorkKind, WorkOrder, WorkStatus, World, now};

pub(in crate::systems::odoo) fn category_words(world: &World) -> Vec<String> {
    let assets = world.assets.iter().chain(&plant::usual().assets);
    distinct(assets.map(|asset| asset.category.as_str()))
}

/// The customer's stages: name, folded, done.
pub(in crate::systems::odoo) const STAGES: &[(&str, bool, bool)] = &[
    ("New Request", false, false),
    ("In Progress", false, false),
    ("Repaired", true, true),
    ("Scrap", true, true),
    ("Waiting for Approval", false, false),
    ("Approved", false, false),
    ("Scheduled", false, false),
    ("Closed", true, true),
];

pub(in crate::systems::odoo) fn stage_of(work: &WorkOrder) -> u32 {
    match work.status {
        WorkStatus::Draft | WorkStatus::Canceled => 1,
        WorkStatus::InProgress | WorkStatus::OnHold => 2,
        WorkStatus::Completed => 3,
        WorkStatus::PendingApproval => 5,
        WorkStatus::Approved => 6,
        WorkStatus::Scheduled => 7,
        WorkStatus::Closed => 8,
    }
}

pub(super) fn stages(_world: &World) -> Table {
    let rows = STAGES.iter().zip(1_u32..);
    Builder::new("maintenance.stage", "Maintenance Stage", "sequence, id")
        .char("name", "Name", |(stage, _): &(&(&'static str, bool, bool), u32)| {
            stage.0
        })
        .required()
        .char("display_name", "Display Name", |(stage, _)| stage.0)
        .int("sequence", "Sequence", |(_, id)| *id)
        .bool("fold", "Folded in Maintenance Pipe", |(stage, _)| stage.1)
        .bool("done", "Request Confirmed", |(stage, _)| stage.2)
        .build(rows, |(_, id)| *id)
}

pub(super) fn teams(_world: &World) -> Table {
    Builder::new("maintenance.team", "Maintenance Teams", "name")
        .char("name", "Team Name", |row: &(u32, &'static str)| row.1)
        .char("display_name", "Display Name", |row| row.1)
        .bool("active", "Active", |_| true)
        .build([(1, "Internal Maintenance"), (2, "Contractors")], |row| row.0)
}

pub(super) fn categories(world: &World) -> Table {
    let rows = category_words(world).into_iter().zip(1_u32..);
    Builder::new(
        "maintenance.equipment.category",
        "Maintenance Equipment Category",
        "name, id",
    )
    .char("name", "Category Name", |(name, _): &(String, u32)| name.clone())
    .required()
    .char("display_name", "Display Name", |(name, _)| name.clone())
    .build(rows, |(_, id)| *id)
}

fn requests_for<'a>(world: &'a World, asset: &Asset) -> impl Iterator<Item = &'a WorkOrder> + use<'a> {
    let id = asset.id;
    world.work_orders.iter().filter(move |work| work.asset == Some(id))
}

pub(super) fn equipment(world: &World) -> Table {
    let categories = category_words(world);
    let own = plant::usual().assets.first().map(|asset| &asset.custom);
    let scrapped = |asset: &Asset| asset.status == AssetStatus::Decommissioned;
    Builder::new("maintenance.equipment", "Maintenance Equipment", "id")
        .char("name", "Equipment Name", |asset: &&Asset| asset.name.clone())
        .required()
        .char("display_name", "Display Name", |asset| {
            if asset.serial.is_empty() {
                return asset.name.clone();
            }
            format!("{}/{}", asset.name, asset.serial)
        })
        .char("serial_no", "Serial Number", |asset| asset.serial.clone())
        .char("model", "Model", |asset| asset.model.clone())
        .one(
            "category_id",
            "Equipment Category",
            "maintenance.equipment.category",
            move |asset| id_in(&categories, &asset.category),
        )
        .one("partner_id", "Vendor", "res.partner", |asset| {
            asset.vendor.map(partner_of_vendor)
        })
        .char("partner_ref", "Vendor Reference", |asset| {
            asset.vendor.map(|id| format!("REF-{id:03}"))
        })
        .float("cost", "Cost", |asset| asset.purchase_price)
        .date("warranty_date", "Warranty Expiration Date", |asset| asset.warranty_end)
        .date("effective_date", "Effective Date", |asset| asset.installed_at)
        .required()
        .date("assign_date", "Assigned Date", |asset| asset.purchase_date)
        .date("scrap_date", "Scrap Date", move |asset| {
            scrapped(asset).then(|| asset.updated_at.date_naive())
        })
        .html("note", "Note", |asset| {
            (!asset.description.is_empty()).then(|| format!("<p>{}</p>", asset.description))
        })
        .bool("active", "Active", |_| true)
        .one("owner_user_id", "Owner", "res.users", |asset| {
            (asset.id % 3 == 0).then_some(3)
        })
        .one("technician_user_id", "Technician", "res.users", |asset| {
            (asset.id % 2 == 0).then_some(6)
        })
        .one("maintenance_team_id", "Maintenance Team", "maintenance.team", |_| 1)
        .one("location_id", "Location", "stock.location", |asset| {
            location_id(asset.location)
        })
        .children("maintenance_ids", "Maintenance", "maintenance.request", |asset| {
            requests_for(world, asset).map(|work| work.id).collect()
        })
        .int("maintenance_count", "Maintenance Count", |asset| {
            i64::try_from(requests_for(world, asset).count()).unwrap_or(0)
        })
        .int("maintenance_open_count", "Current Maintenance", |asset| {
            let open = requests_for(world, asset)
                .filter(|work| work.status < WorkStatus::Completed)
                .count();
            i64::try_from(open).unwrap_or(0)
        })
        .one("company_id", "Company", "res.company", |_| 1)
        .moment("create_date", "Created on", |asset| asset.created_at)
        .moment("write_date", "Last Updated on", |asset| asset.updated_at)
        .char("x_studio_number", "Equipment number", |asset| asset.number.clone())
        .own()
        .one(
            "x_studio_parent",
            "Parent equipment",
            "maintenance.equipment",
            |asset| asset.parent,
        )
        .own()
        .char("x_studio_manufacturer", "Manufacturer", |asset| {
            asset.manufacturer.clone()
        })
        .own()
        .select(
            "x_studio_operating_state",
            "Operating state",
            &[
                ("operating", "Operating"),
                ("down", "Down"),
                ("standby", "Standby"),
                ("decommissioned", "Decommissioned"),
                ("not_ready", "Not ready"),
            ],
            |asset| match asset.status {
                AssetStatus::Operating => "operating",
                AssetStatus::Down => "down",
                AssetStatus::Standby => "standby",
                AssetStatus::Decommissioned => "decommissioned",
                AssetStatus::NotReady => "not_ready",
            },
        )
        .own()
        .int("x_studio_criticality", "Criticality", |asset| {
            u32::from(asset.criticality)
        })
        .own()
        .many("x_studio_spare_parts", "Spare parts", "product.product", |asset| {
            asset.spare_parts.clone()
        })
        .own()
        .custom(STUDIO, own, |asset: &&Asset| Some(asset.custom.clone()))
        .build(&world.assets, |asset| asset.id)
        .read_only(&[
            "maintenance_count",
            "maintenance_open_count",
            "create_date",
            "write_date",
        ])
}

pub(super) fn requests(world: &World) -> Table {
    let categories = category_words(world);
    let own = plant::usual().work_orders.first().map(|work| &work.custom);
    let asset_of = |work: &WorkOrder| work.asset.and_then(|id| world.find_asset(id));
    Builder::new("maintenance.request", "Maintenance Request", "id desc")
        .char("name", "Subjects", |work: &&WorkOrder| work.title.clone())
        .required()
        .char("display_name", "Display Name", |work| work.title.clone())
        .html("description", "Description", |work| {
            (!work.description.is_empty()).then(|| format!("<p>{}</p>", work.description.replace('\n', "<br>")))
        })
        .date("request_date", "Request Date", |work| work.reported_at.date_naive())
        .moment("schedule_date", "Scheduled Date", |work| work.scheduled_start)
        .moment("schedule_end", "Scheduled End", |work| work.scheduled_end)
        .date("close_date", "Close Date", |work| {
            work.actual_end.map(|end| end.date_naive())
        })
        .select(
            "maintenance_type",
            "Maintenance Type",
            &[("corrective", "Corrective"), ("preventive", "Preventive")],
            |work| match work.kind {
                WorkKind::Corrective | WorkKind::Emergency => "corrective",
                WorkKind::Preventive | WorkKind::Inspection => "preventive",
            },
        )
        .one("equipment_id", "Equipment", "maintenance.equipment", |work| work.asset)
        .one(
            "category_id",
            "Category",
            "maintenance.equipment.category",
            move |work| asset_of(work).and_then(|asset| id_in(&categories, &asset.category)),
        )
        .one("stage_id", "Stage", "maintenance.stage", |work| stage_of(work))
        .bool("done", "Done", |work| {
            matches!(work.status, WorkStatus::Completed | WorkStatus::Closed)
        })
        .select(
            "priority",
            "Priority",
            &[("0", "Very Low"), ("1", "Low"), ("2", "Normal"), ("3", "High")],
            |work| match work.priority {
                1 => "3",
                2 => "2",
                3 => "1",
                _ => "",
            },
        )
        .select(
            "kanban_state",
            "Kanban State",
            &[
                ("normal", "In Progress"),
                ("blocked", "Blocked"),
                ("done", "Ready for next stage"),
            ],
            |work| {
                if work.status == WorkStatus::OnHold {
                    "blocked"
                } else {
                    "normal"
                }
            },
        )
        .required()
        .bool("archive", "Archive", |work| work.status == WorkStatus::Canceled)
        .one("user_id", "Technician", "res.users", |work| work.assignee.map(user_id))
        .one("owner_user_id", "Created by User", "res.users", |work| {
            user_id(work.requested_by)
        })
        .one("maintenance_team_id", "Team", "maintenance.team", |work| {
            if work.vendor.is_some() { 2 } else { 1 }
        })
        .required()
        .float("duration", "Duration", |work| work.estimated_hours)
        .select(
            "instruction_type",
            "Instruction",
            &[("pdf", "PDF"), ("google_slide", "Google Slide"), ("text", "Text")],
            |_| "text",
        )
        .html("instruction_text", "Text", |work| {
            let steps: String = work
                .tasks
                .iter()
                .map(|task| format!("<li>{}</li>", task.title))
                .collect();
            if steps.is_empty() {
                String::new()
            } else {
                format!("<ol>{steps}</ol>")
            }
        })
        .bool("recurring_maintenance", "Recurrent", |work| {
            work.kind == WorkKind::Preventive
        })
        .one("company_id", "Company", "res.company", |_| 1)
        .required()
        .moment("create_date", "Created on", |work| work.created_at)
        .moment("write_date", "Last Updated on", |work| work.updated_at.min(now()))
        .char("x_studio_number", "Work order number", |work| work.number.clone())
        .own()
        .moment("x_studio_due_date", "Due date", |work| work.due_at)
        .own()
        .moment("x_studio_actual_start", "Actual start", |work| work.actual_start)
        .own()
        .moment("x_studio_actual_end", "Actual end", |work| work.actual_end)
        .own()
        .float("x_studio_actual_hours", "Actual hours", |work| work.actual_hours)
        .own()
        .char("x_studio_hold_reason", "Hold reason", |work| work.hold_reason.clone())
        .own()
        .char("x_studio_problem", "Problem", |work| work.failure_problem.clone())
        .own()
        .char("x_studio_cause", "Cause", |work| work.failure_cause.clone())
        .own()
        .char("x_studio_remedy", "Remedy", |work| work.failure_remedy.clone())
        .own()
        .one("x_studio_location", "Location", "stock.location", |work| {
            location_id(work.location)
        })
        .own()
        .custom(STUDIO, own, |work: &&WorkOrder| Some(work.custom.clone()))
        .build(&world.work_orders, |work| work.id)
        .read_only(&["done", "category_id", "create_date", "write_date"])
}
