//! Maintenance in Tryton: works of a project for each site, and depreciated assets. Maintenance
//! itself is no module of Tryton, so most of it sits in a customer's own columns.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::OWN;
use super::party::{changed, party_of_vendor};
use super::product::product_of_asset;
use super::small::{currency_words, id_in};
use super::stock::location_id;
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{Asset, AssetStatus, CustomFields, Location, WorkKind, WorkOrder, WorkStatus, World};

pub(in crate::systems::tryton) fn work_id(work: u32) -> u32 {
    work + 10
}

/// The customer's statuses: name, progress from which it may be set, and the status it stands for.
pub(in crate::systems::tryton) const STATUSES: &[(&str, Option<i64>, WorkStatus)] = &[
    ("Open", None, WorkStatus::Draft),
    ("Done", Some(1), WorkStatus::Completed),
    ("Awaiting approval", None, WorkStatus::PendingApproval),
    ("Approved", None, WorkStatus::Approved),
    ("Scheduled", None, WorkStatus::Scheduled),
    ("In progress", None, WorkStatus::InProgress),
    ("On hold", None, WorkStatus::OnHold),
    ("Closed", Some(1), WorkStatus::Closed),
    ("Canceled", None, WorkStatus::Canceled),
];

fn status_id(status: WorkStatus) -> u32 {
    let place = STATUSES.iter().position(|(_, _, known)| *known == status).unwrap_or(0);
    u32::try_from(place + 1).unwrap_or(1)
}

pub(super) fn statuses(_world: &World) -> Table {
    Builder::new("project.work.status", "Work Status", "sequence, id")
        .char(
            "name",
            "Name",
            |(_, status): &(u32, &(&'static str, Option<i64>, WorkStatus))| status.0,
        )
        .required()
        .char("rec_name", "Record Name", |(_, status)| status.0)
        .int("sequence", "Sequence", |(id, _)| *id)
        .float("progress", "Progress", |(_, status)| status.1.map(Decimal::from))
        .bool("default", "Default", |(id, _)| *id == 1)
        .bool("count", "Count", |(_, status)| status.1.is_none())
        .bool("active", "Active", |_| true)
        .build((1..).zip(STATUSES), |(id, _)| *id)
}

enum Work<'a> {
    Project(&'a Location),
    Task(&'a WorkOrder),
}

impl Work<'_> {
    fn id(&self) -> u32 {
        match self {
            Self::Project(site) => site.id,
            Self::Task(work) => work_id(work.id),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Project(site) => format!("Maintenance {}", site.name),
            Self::Task(work) => work.title.clone(),
        }
    }

    fn task(&self) -> Option<&WorkOrder> {
        match self {
            Self::Project(_) => None,
            Self::Task(work) => Some(work),
        }
    }

    fn custom(&self) -> Option<CustomFields> {
        self.task().map(|work| work.custom.clone())
    }

    fn created(&self) -> DateTime<Utc> {
        match self {
            Self::Project(site) => site.created_at,
            Self::Task(work) => work.created_at,
        }
    }
}

fn seconds(hours: Decimal) -> Option<i64> {
    (hours * Decimal::from(3600)).to_i64()
}

pub(super) fn works(world: &World) -> Table {
    let own = plant::usual().work_orders.first().map(|work| &work.custom);
    let sites = world.locations.iter().filter(|place| place.parent.is_none());
    let rows = sites.map(Work::Project).chain(world.work_orders.iter().map(Work::Task));
    let project_of = |work: &WorkOrder| world.site_of(work.location).map(|site| site.id);
    Builder::new("project.work", "Project Work", "sequence, id")
        .char("name", "Name", Work::name)
        .required()
        .char("rec_name", "Record Name", move |work| {
            let project = work.task().and_then(project_of).and_then(|id| world.find_location(id));
            project.map_or_else(
                || work.name(),
                |site| format!("{}\\{}", Work::Project(site).name(), work.name()),
            )
        })
        .char("number", "Number", |work| work.task().map(|work| work.number.clone()))
        .select("type", "Type", &[("project", "Project"), ("task", "Task")], |work| {
            if work.task().is_some() { "task" } else { "project" }
        })
        .required()
        .one("status", "Status", "project.work.status", |work| {
            work.task().map_or(1, |work| status_id(work.status))
        })
        .required()
        .one("parent", "Parent", "project.work", move |work| {
            let task = work.task()?;
            task.parent.map(work_id).or(project_of(task))
        })
        .children("children", "Children", "project.work", move |work| match work {
            Work::Project(site) => {
                let below = world.work_orders.iter();
                let below = below.filter(|one| one.parent.is_none() && project_of(one) == Some(site.id));
                below.map(|one| work_id(one.id)).collect()
            }
            Work::Task(task) => {
                let below = world.work_orders.iter().filter(|one| one.parent == Some(task.id));
                below.map(|one| work_id(one.id)).collect()
            }
        })
        .one("company", "Company", "company.company", |_| 1)
        .required()
        .one("party", "Party", "party.party", |work| {
            work.task().and_then(|work| work.vendor).map(party_of_vendor)
        })
        .text("comment", "Comment", |work| {
            work.task().map(|work| work.description.clone())
        })
        .reference("origin", "Origin", |work| {
            work.task().and_then(|work| work.asset).map(|id| ("account.asset", id))
        })
        .float("progress", "Progress", |work| {
            let done = |work: &&WorkOrder| matches!(work.status, WorkStatus::Completed | WorkStatus::Closed);
            work.task().filter(done).map(|_| Decimal::ONE)
        })
        .span("effort_duration", "Effort", |work| {
            work.task().and_then(|work| seconds(work.estimated_hours))
        })
        .span("timesheet_duration", "Timesheet Duration", |work| {
            work.task()
                .filter(|work| !work.actual_hours.is_zero())
                .and_then(|work| seconds(work.actual_hours))
        })
        .computed()
        .bool("timesheet_available", "Available on timesheets", |work| {
            work.task().is_some()
        })
        .computed()
        .int("sequence", "Sequence", |work| work.id())
        .one("create_uid", "Created by", "res.user", |work| {
            work.task().map(|work| work.requested_by)
        })
        .moment("create_date", "Created at", Work::created)
        .moment("write_date", "Edited at", |work| {
            work.task().and_then(|work| changed(work.created_at, work.updated_at))
        })
        .select(
            "x_kind",
            "Kind",
            &[
                ("corrective", "Corrective"),
                ("preventive", "Preventive"),
                ("inspection", "Inspection"),
                ("emergency", "Emergency"),
            ],
            |work| {
                work.task().map(|work| match work.kind {
                    WorkKind::Corrective => "corrective",
                    WorkKind::Preventive => "preventive",
                    WorkKind::Inspection => "inspection",
                    WorkKind::Emergency => "emergency",
                })
            },
        )
        .own()
        .int("x_priority", "Priority", |work| {
            work.task().map(|work| u32::from(work.priority))
        })
        .own()
        .one("x_asset", "Asset", "account.asset", |work| {
            work.task().and_then(|work| work.asset)
        })
        .own()
        .one("x_location", "Location", "stock.location", |work| {
            work.task().map(|work| location_id(work.location))
        })
        .own()
        .one("x_assignee", "Assignee", "company.employee", |work| {
            work.task().and_then(|work| work.assignee)
        })
        .own()
        .one("x_requested_by", "Requested by", "company.employee", |work| {
            work.task().map(|work| work.requested_by)
        })
        .own()
        .moment("x_reported_at", "Reported at", |work| {
            work.task().map(|work| work.reported_at)
        })
        .own()
        .moment("x_due_at", "Due at", |work| work.task().and_then(|work| work.due_at))
        .own()
        .moment("x_scheduled_start", "Scheduled start", |work| {
            work.task().and_then(|work| work.scheduled_start)
        })
        .own()
        .moment("x_scheduled_end", "Scheduled end", |work| {
            work.task().and_then(|work| work.scheduled_end)
        })
        .own()
        .moment("x_actual_start", "Actual start", |work| {
            work.task().and_then(|work| work.actual_start)
        })
        .own()
        .moment("x_actual_end", "Actual end", |work| {
            work.task().and_then(|work| work.actual_end)
        })
        .own()
        .char("x_hold_reason", "Hold reason", |work| {
            work.task().and_then(|work| work.hold_reason.clone())
        })
        .own()
        .char("x_problem", "Problem", |work| {
            work.task().and_then(|work| work.failure_problem.clone())
        })
        .own()
        .char("x_cause", "Cause", |work| {
            work.task().and_then(|work| work.failure_cause.clone())
        })
        .own()
        .char("x_remedy", "Remedy", |work| {
            work.task().and_then(|work| work.failure_remedy.clone())
        })
        .own()
        .text("x_completion_notes", "Completion notes", |work| {
            work.task().and_then(|work| work.completion_notes.clone())
        })
        .own()
        .custom(OWN, own, Work::custom)
        .build(rows, Work::id)
        .read_only(&["number"])
}

pub(super) fn assets(world: &World) -> Table {
    let own = plant::usual().assets.first().map(|asset| &asset.custom);
    let currency = id_in(&currency_words(world), &world.currency);
    Builder::new("account.asset", "Account Asset", "id")
        .char("number", "Number", |asset: &&Asset| asset.number.clone())
        .char("rec_name", "Record Name", |asset| {
            let number = if asset.number.is_empty() { "None" } else { &asset.number };
            format!("{number} - [{}] {}", asset.number, asset.name)
        })
        .one("product", "Product", "product.product", |asset| {
            product_of_asset(asset.id)
        })
        .required()
        .select(
            "state",
            "State",
            &[("draft", "Draft"), ("running", "Running"), ("closed", "Closed")],
            |asset| match asset.status {
                AssetStatus::NotReady => "draft",
                AssetStatus::Decommissioned => "closed",
                _ => "running",
            },
        )
        .money("value", "Value", |asset| asset.purchase_price)
        .required()
        .money("depreciated_amount", "Depreciated Amount", |_| Decimal::ZERO)
        .required()
        .money("residual_value", "Residual Value", |_| Decimal::ZERO)
        .required()
        .date("purchase_date", "Purchase Date", |asset| asset.purchase_date)
        .required()
        .date("start_date", "Start Date", |asset| asset.installed_at)
        .required()
        .date("end_date", "End Date", |asset| {
            asset.installed_at + chrono::Duration::days(3650)
        })
        .required()
        .float("quantity", "Quantity", |_| Decimal::ONE)
        .one("unit", "Unit", "product.uom", |_| 1)
        .one("company", "Company", "company.company", |_| 1)
        .required()
        .one("currency", "Currency", "currency.currency", move |_| currency)
        .computed()
        .select(
            "depreciation_method",
            "Depreciation Method",
            &[("linear", "Linear")],
            |_| "linear",
        )
        .required()
        .select(
            "frequency",
            "Frequency",
            &[("monthly", "Monthly"), ("yearly", "Yearly")],
            |_| "monthly",
        )
        .required()
        .text("comment", "Comment", |asset| asset.description.clone())
        .moment("create_date", "Created at", |asset| asset.created_at)
        .moment("write_date", "Edited at", |asset| {
            changed(asset.created_at, asset.updated_at)
        })
        .char("x_kind", "Kind", |asset| asset.kind.clone())
        .own()
        .char("x_category", "Category", |asset| asset.category.clone())
        .own()
        .one("x_parent", "Part of", "account.asset", |asset| asset.parent)
        .own()
        .one("x_location", "Location", "stock.location", |asset| {
            location_id(asset.location)
        })
        .own()
        .char("x_manufacturer", "Manufacturer", |asset| asset.manufacturer.clone())
        .own()
        .char("x_model", "Model", |asset| asset.model.clone())
        .own()
        .char("x_serial", "Serial number", |asset| asset.serial.clone())
        .own()
        .one("x_supplier", "Supplier", "party.party", |asset| {
            asset.vendor.map(party_of_vendor)
        })
        .own()
        .select(
            "x_operating_state",
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
        .int("x_criticality", "Criticality", |asset| u32::from(asset.criticality))
        .own()
        .date("x_warranty_end", "Warranty end", |asset| asset.warranty_end)
        .own()
        .many("x_spare_parts", "Spare parts", "product.product", |asset| {
            asset.spare_parts.clone()
        })
        .own()
        .custom(OWN, own, |asset: &&Asset| Some(asset.custom.clone()))
        .build(&world.assets, |asset| asset.id)
        .read_only(&["state", "number"])
}
