//! Products, works and assets that clients write.

use rust_decimal::Decimal;
use serde_json::Value;

use super::{Given, Session, in_use};
use crate::systems::orm::{Draft, Val, plant};
use crate::systems::tryton::error::TrytonError;
use crate::systems::tryton::models::work::{STATUSES, work_id};
use crate::systems::tryton::models::{OWN, party, small, stock};
use crate::world::{AssetStatus, ItemStatus, ItemType, WorkKind, WorkStatus};

const TEMPLATE: &str = "product.template";
const PRODUCT: &str = "product.product";
const WORK: &str = "project.work";
const ASSET: &str = "account.asset";

impl Session<'_> {
    pub(super) fn make_template(&mut self) -> u32 {
        let highest = self.draft.world.items.iter().map(|item| item.id).max().unwrap_or(0);
        let id = self.draft.next_id(TEMPLATE, highest);
        plant::add_item(&mut self.draft.world, id, self.draft.at);
        if let Some(item) = plant::item_mut(&mut self.draft.world, id) {
            item.item_type = ItemType::Stocked;
        }
        self.draft.made(PRODUCT, id);
        for field in ["list_price", "purchase_uom"] {
            self.draft.keep(TEMPLATE, id, field, Value::Null);
        }
        self.draft.keep(TEMPLATE, id, "products", Vec::<u32>::new());
        for model in [TEMPLATE, PRODUCT] {
            self.draft.keep(model, id, "purchasable", 0);
        }
        id
    }

    /// The plant knows one variant of each template.
    pub(super) fn make_product(&mut self, given: &[Given]) -> Result<u32, TrytonError> {
        let template = given
            .iter()
            .find(|one| one.field.name == "template")
            .and_then(|one| one.value.id());
        let id = template.unwrap_or(0);
        if !self.draft.value(TEMPLATE, id, "products").ids().is_empty() {
            return Err(self.invalid(PRODUCT, &id.to_string(), "template", "None"));
        }
        self.draft.follow(TEMPLATE, id, "products");
        Ok(id)
    }

    pub(super) fn delete_product(&mut self, model: &'static str, id: u32) -> Result<(), TrytonError> {
        let world = &self.draft.world;
        if world.stock_movements.iter().any(|one| one.item == id) || world.stock_levels.iter().any(|one| one.item == id)
        {
            return Err(in_use("Product", "Stock Move"));
        }
        if world.purchase_lines().any(|(_, line)| line.item == Some(id)) {
            return Err(in_use("Product", "Purchase Line"));
        }
        // The plant knows no template without its product.
        self.draft.gone(if model == PRODUCT { TEMPLATE } else { PRODUCT }, id);
        self.draft.world.items.retain(|item| item.id != id);
        Ok(())
    }

    pub(super) fn make_work(&mut self, given: &[Given]) -> u32 {
        let highest = self
            .draft
            .world
            .work_orders
            .iter()
            .map(|work| work.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(WORK, work_id(highest));
        let is_project = given
            .iter()
            .any(|one| one.field.name == "type" && one.value.text() == Some("project"));
        if is_project {
            self.draft.made_beside(WORK, id);
            for (field, value) in [("status", Value::from(1)), ("company", 1.into())] {
                self.draft.keep(WORK, id, field, value);
            }
            return id;
        }
        let (requester, at) = (self.user, self.draft.at);
        plant::add_work(&mut self.draft.world, id - work_id(0), requester, at);
        for field in ["parent", "origin", "sequence", "progress", "effort_duration"] {
            self.draft.keep(WORK, id, field, Value::Null);
        }
        id
    }

    /// Some statuses ask for progress, and no work is above itself.
    pub(super) fn check_work(&mut self, id: u32) -> Result<(), TrytonError> {
        let name = self
            .draft
            .world
            .find_work_order(id.saturating_sub(work_id(0)))
            .map(|work| work.title.clone());
        let name = name.unwrap_or_else(|| self.name(WORK, id));
        if self.draft.value(WORK, id, "parent").id() == Some(id) {
            return Err(TrytonError::User(format!(
                "Recursion error: Record \"{name}\" with parent \"{name}\" was configured as ancestor of itself."
            )));
        }
        let progress = self.draft.value(WORK, id, "progress").number();
        if let Some(wrong) = progress.filter(|progress| *progress < Decimal::ZERO || *progress > Decimal::ONE) {
            return Err(self.invalid(WORK, &wrong.to_string(), "progress", &name));
        }
        let Some(work) = self.draft.world.find_work_order(id.saturating_sub(work_id(0))) else {
            return Ok(());
        };
        let needed = STATUSES.iter().find(|(_, _, status)| *status == work.status);
        if let Some((status, Some(_), _)) = needed
            && progress.is_none_or(|progress| progress < Decimal::ONE)
        {
            return Err(TrytonError::User(format!(
                "To set work \"{name}\" in \"{status}\" status, you must increase its progress up to at least 100.00%."
            )));
        }
        Ok(())
    }

    pub(super) fn make_asset(&mut self) -> u32 {
        let highest = self.draft.world.assets.iter().map(|asset| asset.id).max().unwrap_or(0);
        let id = self.draft.next_id(ASSET, highest);
        plant::add_asset(&mut self.draft.world, id, self.draft.at);
        if let Some(asset) = plant::asset_mut(&mut self.draft.world, id) {
            asset.status = AssetStatus::NotReady;
        }
        self.draft.keep(ASSET, id, "x_warranty_end", Value::Null);
        id
    }

    pub(super) fn check_asset(&mut self, id: u32) -> Result<(), TrytonError> {
        let day = |field: &str| {
            self.draft
                .kept(ASSET, id, field)
                .map(|_| self.draft.value(ASSET, id, field).day())
        };
        let start = self.draft.world.find_asset(id).map(|asset| asset.installed_at);
        if let (Some(Some(end)), Some(start)) = (day("end_date"), start)
            && end < start
        {
            let name = self.name(ASSET, id);
            return Err(self.invalid(ASSET, &end.to_string(), "end_date", &name));
        }
        Ok(())
    }

    pub(super) fn asset_button(&mut self, button: &str, id: u32) {
        let at = self.draft.at;
        let number = self.draft.next_id("account.asset.number", 9_000);
        let Some(asset) = plant::asset_mut(&mut self.draft.world, id) else {
            return;
        };
        asset.updated_at = at;
        asset.status = if button == "run" {
            AssetStatus::Operating
        } else {
            AssetStatus::Decommissioned
        };
        if asset.number.is_empty() {
            asset.number = number.to_string();
        }
    }

    pub(super) fn delete_asset(&mut self, id: u32) -> Result<(), TrytonError> {
        let asset = self.draft.world.find_asset(id);
        if asset.is_some_and(|asset| asset.status != AssetStatus::NotReady) {
            return Err(TrytonError::User(format!(
                "You cannot delete asset \"{}\" because it is not in \"draft\" state.",
                self.name(ASSET, id)
            )));
        }
        self.draft.world.assets.retain(|asset| asset.id != id);
        Ok(())
    }
}

/// Puts a value of a product or its template into the plant; says whether it has a place there.
pub(super) fn set_product(draft: &mut Draft<'_>, model: &'static str, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let category = plant::word(&small::category_words(&draft.world), value.ids().first().copied());
    if model == TEMPLATE && field == "purchasable" {
        draft.keep(PRODUCT, id, field, value.flag());
    }
    let Some(item) = plant::item_mut(&mut draft.world, id) else {
        return false;
    };
    item.updated_at = at;
    let text = value.text().unwrap_or_default().to_owned();
    let number = value.number();
    match (model, field) {
        (_, "name") => item.name = text,
        // The code of a variant follows from its parts.
        (PRODUCT, "code") | (_, "template") => {}
        (PRODUCT, "suffix_code") => item.number = text,
        (PRODUCT, "description") => item.description = text,
        (PRODUCT, "cost_price") => item.standard_cost = number.unwrap_or_default(),
        (TEMPLATE, "list_price") if number.is_some() => item.list_price = number.unwrap_or_default(),
        (TEMPLATE, "default_uom") => {
            item.uom = match value.id() {
                Some(13) => "L",
                Some(8) => "M",
                _ => "EA",
            }
            .to_owned();
        }
        (TEMPLATE, "type") => {
            item.item_type = match text.as_str() {
                "service" => ItemType::Service,
                _ if item.item_type == ItemType::Service => ItemType::Stocked,
                _ => item.item_type,
            };
            return text != "assets";
        }
        (TEMPLATE, "consumable") => {
            item.item_type = match (value.flag(), item.item_type) {
                (_, ItemType::Service) => ItemType::Service,
                (true, _) => ItemType::NonStocked,
                (false, _) => ItemType::Stocked,
            }
        }
        (TEMPLATE, "categories") if value.ids().len() <= 1 => item.category = category,
        (_, "active") => {
            item.status = match (value.flag(), item.status) {
                (false, _) => ItemStatus::Inactive,
                (true, ItemStatus::Inactive) => ItemStatus::Active,
                (true, status) => status,
            }
        }
        (PRODUCT, "x_manufacturer") => item.manufacturer = text,
        (PRODUCT, "x_mpn") => item.manufacturer_part_number = text,
        (PRODUCT, "x_barcode") => item.barcode = text,
        _ => {
            let sample = plant::usual().items.first().map(|one| &one.custom);
            let key = field.strip_prefix(OWN);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut item.custom, sample, key, value));
        }
    }
    true
}

/// Puts a value of a work into the plant; says whether it has a place there.
pub(super) fn set_work(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let number = id.saturating_sub(work_id(0));
    let place = value.id().and_then(|place| place.checked_sub(stock::location_id(0)));
    let place = place.filter(|place| draft.world.find_location(*place).is_some());
    let Some(work) = plant::work_mut(&mut draft.world, number) else {
        return false;
    };
    work.updated_at = at;
    let text = value.text().map(str::to_owned);
    match field {
        "name" => work.title = text.unwrap_or_default(),
        "comment" => work.description = text.unwrap_or_default(),
        "status" => {
            let known = value
                .id()
                .and_then(|id| usize::try_from(id).ok())
                .and_then(|id| STATUSES.get(id - 1));
            work.status = known.map_or(WorkStatus::Draft, |(_, _, status)| *status);
        }
        "origin" => {
            work.asset = value.id();
            return false;
        }
        "parent" => {
            work.parent = value
                .id()
                .and_then(|id| id.checked_sub(work_id(0)))
                .filter(|id| *id > 0);
            return false;
        }
        "party" => work.vendor = value.id().and_then(|id| id.checked_sub(party::party_of_vendor(0))),
        "effort_duration" => match value {
            Val::Span(seconds) => {
                work.estimated_hours = Decimal::from(*seconds) / Decimal::from(3600);
                return false;
            }
            _ => return false,
        },
        "x_kind" => {
            work.kind = match text.as_deref() {
                Some("preventive") => WorkKind::Preventive,
                Some("inspection") => WorkKind::Inspection,
                Some("emergency") => WorkKind::Emergency,
                Some(_) => WorkKind::Corrective,
                None => return false,
            }
        }
        "x_priority" => match value.number().and_then(|number| u8::try_from(number).ok()) {
            Some(number) => work.priority = number,
            None => return false,
        },
        "x_asset" => work.asset = value.id(),
        "x_location" => match place {
            Some(place) => work.location = place,
            None => return false,
        },
        "x_assignee" => work.assignee = value.id(),
        "x_requested_by" => match value.id() {
            Some(user) => work.requested_by = user,
            None => return false,
        },
        "x_due_at" => work.due_at = value.moment(),
        "x_scheduled_start" => work.scheduled_start = value.moment(),
        "x_scheduled_end" => work.scheduled_end = value.moment(),
        "x_actual_start" => work.actual_start = value.moment(),
        "x_actual_end" => work.actual_end = value.moment(),
        "x_hold_reason" => work.hold_reason = text,
        "x_problem" => work.failure_problem = text,
        "x_cause" => work.failure_cause = text,
        "x_remedy" => work.failure_remedy = text,
        "x_completion_notes" => work.completion_notes = text,
        _ => {
            let sample = plant::usual().work_orders.first().map(|one| &one.custom);
            let key = field.strip_prefix(OWN);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut work.custom, sample, key, value));
        }
    }
    true
}

/// Puts a value of an asset into the plant; says whether it has a place there.
pub(super) fn set_asset(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let Some(asset) = plant::asset_mut(&mut draft.world, id) else {
        return false;
    };
    asset.updated_at = at;
    let text = value.text().unwrap_or_default().to_owned();
    match field {
        "value" => asset.purchase_price = value.number().unwrap_or_default(),
        "comment" => asset.description = text,
        "purchase_date" | "start_date" | "x_warranty_end" => match (field, value.day()) {
            ("purchase_date", Some(day)) => asset.purchase_date = day,
            ("start_date", Some(day)) => asset.installed_at = day,
            (_, Some(day)) => asset.warranty_end = day,
            (_, None) => return false,
        },
        "x_kind" => asset.kind = text,
        "x_category" => asset.category = text,
        "x_parent" => asset.parent = value.id(),
        "x_manufacturer" => asset.manufacturer = text,
        "x_model" => asset.model = text,
        "x_serial" => asset.serial = text,
        "x_spare_parts" => asset.spare_parts = value.ids().to_vec(),
        _ => {
            let sample = plant::usual().assets.first().map(|one| &one.custom);
            let key = field.strip_prefix(OWN);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut asset.custom, sample, key, value));
        }
    }
    true
}
