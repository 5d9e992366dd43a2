//! Equipment and maintenance requests that clients write.

use chrono::{NaiveTime, TimeZone, Utc};
use serde_json::Value;

use super::{Session, in_use, input};
use crate::systems::odoo::error::OdooError;
use crate::systems::odoo::models::{base, maintenance, stock};
use crate::systems::orm::{Draft, Val, plant};
use crate::world::{AssetStatus, WorkKind, WorkOrder, WorkStatus};

const EQUIPMENT: &str = "maintenance.equipment";
const REQUEST: &str = "maintenance.request";

impl Session<'_> {
    pub(super) fn make_equipment(&mut self) -> u32 {
        let highest = self.draft.world.assets.iter().map(|asset| asset.id).max().unwrap_or(0);
        let id = self.draft.next_id(EQUIPMENT, highest);
        plant::add_asset(&mut self.draft.world, id, self.draft.at);
        let unset = [
            "partner_ref",
            "warranty_date",
            "assign_date",
            "location_id",
            "owner_user_id",
            "technician_user_id",
        ];
        for field in unset {
            self.draft.keep(EQUIPMENT, id, field, false);
        }
        id
    }

    /// A serial number belongs to one piece of equipment.
    pub(super) fn check_equipment(&mut self, id: u32) -> Result<(), OdooError> {
        let world = &self.draft.world;
        let serial = world
            .find_asset(id)
            .map(|asset| asset.serial.as_str())
            .unwrap_or_default();
        if !serial.is_empty()
            && world
                .assets
                .iter()
                .any(|asset| asset.id != id && asset.serial == serial)
        {
            return Err(OdooError::validation(
                "The operation cannot be completed: Another asset already exists with this serial number!",
            ));
        }
        Ok(())
    }

    pub(super) fn unlink_equipment(&mut self, id: u32) -> Result<(), OdooError> {
        let world = &self.draft.world;
        if world.work_orders.iter().any(|work| work.asset == Some(id)) {
            return Err(in_use(
                EQUIPMENT,
                "Maintenance Equipment",
                REQUEST,
                "Maintenance Request",
            ));
        }
        self.draft.world.assets.retain(|asset| asset.id != id);
        Ok(())
    }

    pub(super) fn make_request(&mut self) -> u32 {
        let highest = self
            .draft
            .world
            .work_orders
            .iter()
            .map(|work| work.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(REQUEST, highest);
        let requester = self.caller.uid.saturating_sub(1);
        plant::add_work(&mut self.draft.world, id, requester, self.draft.at);
        for field in ["priority", "instruction_type", "x_studio_location"] {
            self.draft.keep(REQUEST, id, field, false);
        }
        id
    }

    /// Makes the status of the plant out of stage, hold and archive.
    pub(super) fn settle_request(&mut self, id: u32) {
        let stage = self.draft.value(REQUEST, id, "stage_id").id().unwrap_or(1);
        let is_archived = self.draft.value(REQUEST, id, "archive").flag();
        let is_blocked = self.draft.value(REQUEST, id, "kanban_state").text() == Some("blocked");
        let status = match stage {
            _ if is_archived => WorkStatus::Canceled,
            3 => WorkStatus::Completed,
            4 | 8 => WorkStatus::Closed,
            _ if is_blocked => WorkStatus::OnHold,
            2 => WorkStatus::InProgress,
            5 => WorkStatus::PendingApproval,
            6 => WorkStatus::Approved,
            7 => WorkStatus::Scheduled,
            _ => WorkStatus::Draft,
        };
        let at = self.draft.at;
        let Some(work) = plant::work_mut(&mut self.draft.world, id) else {
            return;
        };
        let was_done = is_done(work.status);
        work.status = status;
        work.updated_at = at;
        if is_done(status) && !was_done {
            work.actual_end = Some(at);
        } else if was_done && !is_done(status) {
            work.actual_end = None;
        }
        let shown = maintenance::stage_of(work);
        let number = usize::try_from(stage.saturating_sub(1)).unwrap_or(0);
        let done = maintenance::STAGES.get(number).is_some_and(|(_, _, done)| *done);
        let is_plain = is_done(status) == done && shown == stage;
        for (field, value) in [("stage_id", Value::from(stage)), ("done", done.into())] {
            if is_plain {
                self.draft.follow(REQUEST, id, field);
            } else {
                self.draft.keep(REQUEST, id, field, value);
            }
        }
        self.draft.keep(REQUEST, id, "archive", is_archived);
        self.draft.keep(
            REQUEST,
            id,
            "kanban_state",
            if is_blocked { "blocked" } else { "normal" },
        );
    }
}

fn is_done(status: WorkStatus) -> bool {
    matches!(status, WorkStatus::Completed | WorkStatus::Closed)
}

fn vendor(value: &Val) -> Option<u32> {
    value
        .id()
        .and_then(|id| id.checked_sub(100))
        .filter(|vendor| *vendor > 0)
}

/// Puts a value of a piece of equipment into the plant; says whether it has a place there.
pub(super) fn set_equipment(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let category = plant::word(&maintenance::category_words(&draft.world), value.id());
    let place = place(draft, value);
    let Some(asset) = plant::asset_mut(&mut draft.world, id) else {
        return false;
    };
    asset.updated_at = at;
    let text = value.text().unwrap_or_default().to_owned();
    match field {
        "name" => asset.name = text,
        "serial_no" => asset.serial = text,
        "model" => asset.model = text,
        "category_id" => asset.category = category,
        "cost" => asset.purchase_price = value.number().unwrap_or_default(),
        "x_studio_number" => asset.number = text,
        "x_studio_parent" => asset.parent = value.id(),
        "x_studio_manufacturer" => asset.manufacturer = text,
        "x_studio_spare_parts" => asset.spare_parts = value.ids().to_vec(),
        "x_studio_criticality" => match value.number().and_then(|number| u8::try_from(number).ok()) {
            Some(number) => asset.criticality = number,
            None => return false,
        },
        "x_studio_operating_state" => {
            asset.status = match text.as_str() {
                "down" => AssetStatus::Down,
                "standby" => AssetStatus::Standby,
                "decommissioned" => AssetStatus::Decommissioned,
                "not_ready" => AssetStatus::NotReady,
                _ => AssetStatus::Operating,
            };
            return *value != Val::Null;
        }
        "partner_id" => match (vendor(value), value) {
            (None, Val::One(_)) => return false,
            (vendor, _) => asset.vendor = vendor,
        },
        "location_id" | "warranty_date" | "effective_date" | "assign_date" => match (field, value.day(), place) {
            ("location_id", _, Some(place)) => asset.location = place,
            ("warranty_date", Some(day), _) => asset.warranty_end = day,
            ("effective_date", Some(day), _) => asset.installed_at = day,
            ("assign_date", Some(day), _) => asset.purchase_date = day,
            _ => return false,
        },
        "scrap_date" => {
            asset.status = match (value, asset.status) {
                (Val::Null, AssetStatus::Decommissioned) => AssetStatus::Operating,
                (Val::Null, status) => status,
                _ => AssetStatus::Decommissioned,
            };
            return false;
        }
        "note" => {
            asset.description = input::plain(&text);
            return false;
        }
        _ => {
            let sample = plant::usual().assets.first().map(|one| &one.custom);
            let key = field.strip_prefix(base::STUDIO);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut asset.custom, sample, key, value));
        }
    }
    true
}

fn place(draft: &Draft<'_>, value: &Val) -> Option<u32> {
    let place = value.id()?.checked_sub(stock::location_id(0))?;
    draft.world.find_location(place).map(|place| place.id)
}

/// Puts a value of a request into the plant; says whether it has a place there.
pub(super) fn set_request(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    if field == "stage_id" {
        // A new stage starts without a hold.
        draft.keep(REQUEST, id, "kanban_state", "normal");
        return false;
    }
    let site = value.id().filter(|_| field == "equipment_id");
    let site = site
        .and_then(|asset| draft.world.find_asset(asset))
        .map(|asset| asset.location);
    let place = place(draft, value);
    let Some(work) = plant::work_mut(&mut draft.world, id) else {
        return false;
    };
    work.updated_at = at;
    let text = value.text().unwrap_or_default().to_owned();
    match field {
        "name" => work.title = text,
        "equipment_id" => {
            work.asset = value.id();
            work.location = site.unwrap_or(work.location);
        }
        "schedule_date" => work.scheduled_start = value.moment(),
        "schedule_end" => work.scheduled_end = value.moment(),
        "duration" => work.estimated_hours = value.number().unwrap_or_default(),
        "user_id" => work.assignee = value.id().and_then(|id| id.checked_sub(1)).filter(|user| *user > 0),
        "owner_user_id" => match value.id().and_then(|id| id.checked_sub(1)).filter(|user| *user > 0) {
            Some(user) => work.requested_by = user,
            None => return false,
        },
        "x_studio_number" => work.number = text,
        "x_studio_due_date" => work.due_at = value.moment(),
        "x_studio_actual_start" => work.actual_start = value.moment(),
        "x_studio_actual_end" => work.actual_end = value.moment(),
        "x_studio_actual_hours" => work.actual_hours = value.number().unwrap_or_default(),
        "x_studio_hold_reason" => work.hold_reason = Some(text).filter(|text| !text.is_empty()),
        "x_studio_problem" => work.failure_problem = Some(text).filter(|text| !text.is_empty()),
        "x_studio_cause" => work.failure_cause = Some(text).filter(|text| !text.is_empty()),
        "x_studio_remedy" => work.failure_remedy = Some(text).filter(|text| !text.is_empty()),
        "x_studio_location" => match place {
            Some(place) => work.location = place,
            None => return false,
        },
        "maintenance_type" => return kind(work, &text),
        "priority" => {
            work.priority = match text.as_str() {
                "3" => 1,
                "2" => 2,
                "1" => 3,
                _ => 4,
            };
            return text != "0";
        }
        "request_date" => match value.day() {
            Some(day) => work.reported_at = Utc.from_utc_datetime(&day.and_time(NaiveTime::MIN)),
            None => return false,
        },
        "description" => {
            work.description = input::plain(&text);
            return false;
        }
        _ => {
            let sample = plant::usual().work_orders.first().map(|one| &one.custom);
            let key = field.strip_prefix(base::STUDIO);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut work.custom, sample, key, value));
        }
    }
    true
}

fn kind(work: &mut WorkOrder, text: &str) -> bool {
    work.kind = match (text, work.kind) {
        ("corrective", WorkKind::Emergency) => WorkKind::Emergency,
        ("corrective", _) => WorkKind::Corrective,
        ("preventive", WorkKind::Inspection) => WorkKind::Inspection,
        ("preventive", _) => WorkKind::Preventive,
        _ => return false,
    };
    true
}
