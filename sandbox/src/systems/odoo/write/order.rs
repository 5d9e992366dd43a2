//! Purchase orders and their lines: values, totals, and what the buttons do.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Given, Session, input};
use crate::systems::odoo::error::OdooError;
use crate::systems::odoo::models::{base, purchase, stock};
use crate::systems::odoo::{Caller, values};
use crate::systems::orm::{Draft, Val, plant};
use crate::world::{OrderStatus, PurchaseOrder};

const ORDER: &str = "purchase.order";
const LINE: &str = "purchase.order.line";

/// From this total on, an order that is confirmed by somebody who is no manager of purchases waits for approval.
const APPROVAL_FROM: Decimal = Decimal::from_parts(5000, 0, 0, false, 0);

impl Session<'_> {
    pub(super) fn make_order(&mut self, given: &[Given]) -> u32 {
        let highest = self
            .draft
            .world
            .purchase_orders
            .iter()
            .map(|order| order.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(ORDER, highest);
        let buyer = self.caller.uid.saturating_sub(1);
        plant::add_order(&mut self.draft.world, id, buyer, self.draft.at);
        let partner = given.iter().find(|one| one.field.name == "partner_id");
        let vendor = partner
            .and_then(|one| one.value.id())
            .and_then(|id| id.checked_sub(100));
        let currency = vendor.and_then(|vendor| self.draft.world.find_vendor(vendor));
        let currency = currency
            .map(|vendor| vendor.currency.clone())
            .filter(|currency| !currency.is_empty());
        if let (Some(order), Some(currency)) = (plant::order_mut(&mut self.draft.world, id), currency) {
            order.currency = currency;
        }
        let now = self.draft.at.format("%Y-%m-%d %H:%M:%S").to_string();
        self.draft.keep(ORDER, id, "date_order", now);
        self.draft.keep(ORDER, id, "priority", "0");
        // Until there are lines nothing is expected.
        self.draft.keep(ORDER, id, "date_planned", false);
        id
    }

    pub(super) fn copy_order(&mut self, id: u32) -> Result<u32, OdooError> {
        let order = self.draft.world.find_purchase_order(id).cloned();
        let order = order.ok_or_else(|| OdooError::missing(ORDER, &id.into(), self.caller.uid))?;
        let values = json!({
            "partner_id": base::partner_of_vendor(order.vendor),
            "order_line": order.lines.iter().map(|line| json!([0, 0, {
                "name": line.description,
                "product_id": line.item,
                "product_qty": values::float(line.quantity),
                "price_unit": values::float(line.unit_price),
            }])).collect::<Vec<_>>(),
        });
        self.create(ORDER, values.as_object().unwrap_or(&serde_json::Map::new()))
    }

    pub(super) fn lines_of(&self, order: u32) -> Vec<u32> {
        let order = self.draft.world.find_purchase_order(order);
        order.map_or_else(Vec::new, |order| order.lines.iter().map(|line| line.id).collect())
    }

    /// Works out the totals of an order; only discounts are no part of the plant.
    pub(super) fn add_up(&mut self, id: u32) {
        let Some(order) = self.draft.world.find_purchase_order(id).cloned() else {
            return;
        };
        let discounts: Vec<Decimal> = order
            .lines
            .iter()
            .map(|line| self.draft.value(LINE, line.id, "discount").number().unwrap_or_default())
            .collect();
        let has_discounts = discounts.iter().any(|discount| !discount.is_zero());
        let (mut untaxed, mut taxes) = (Decimal::ZERO, Decimal::ZERO);
        for (line, discount) in order.lines.iter().zip(discounts) {
            let net = line.quantity * line.unit_price * (Decimal::ONE_HUNDRED - discount) / Decimal::ONE_HUNDRED;
            let net = net.round_dp(2);
            let tax = (net * line.tax_rate).round_dp(2);
            untaxed += net;
            taxes += tax;
            let amounts = [("price_subtotal", net), ("price_tax", tax), ("price_total", net + tax)];
            for (field, amount) in amounts {
                if discount.is_zero() {
                    self.draft.follow(LINE, line.id, field);
                } else {
                    self.draft.keep(LINE, line.id, field, values::float(amount));
                }
            }
        }
        let amounts = [
            ("amount_untaxed", untaxed),
            ("amount_tax", taxes),
            ("amount_total", untaxed + taxes),
        ];
        for (field, amount) in amounts {
            if has_discounts {
                self.draft.keep(ORDER, id, field, values::float(amount));
            } else {
                self.draft.follow(ORDER, id, field);
            }
        }
    }

    fn total(&self, order: &PurchaseOrder) -> Decimal {
        let kept = self.draft.kept(ORDER, order.id, "amount_total");
        kept.and_then(|total| total.as_f64())
            .and_then(|total| Decimal::try_from(total).ok())
            .unwrap_or_else(|| order.total())
    }

    pub(super) fn make_line(&mut self, given: &[Given]) -> Result<u32, OdooError> {
        let of = |name: &str| given.iter().find(|one| one.field.name == name).map(|one| &one.value);
        let Some(order) = of("order_id").and_then(Val::id) else {
            return Err(self.required(LINE, "order_id"));
        };
        let is_text = of("display_type").is_some_and(|kind| *kind != Val::Null);
        let item = of("product_id").and_then(Val::id);
        if item.is_none() && !is_text {
            return Err(OdooError::validation(
                "The operation cannot be completed: Missing required fields on accountable purchase order line.",
            ));
        }
        let highest = self
            .draft
            .world
            .purchase_lines()
            .map(|(_, line)| line.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(LINE, highest);
        plant::add_line(&mut self.draft.world, order, id);
        let item = item.and_then(|item| self.draft.world.find_item(item).cloned());
        self.draft.keep(LINE, id, "sequence", 10);
        self.draft.touched(ORDER, order);
        let planned = self.draft.kept(ORDER, order, "date_planned");
        if let Some(line) = plant::line_mut(&mut self.draft.world, id) {
            if is_text {
                line.quantity = Decimal::ZERO;
            }
            if let Some(item) = item {
                line.description = format!("[{}] {}", item.number, item.name);
                line.uom.clone_from(&item.uom);
                line.unit_price = item.standard_cost;
            }
        }
        if planned == Some(Value::Bool(false)) {
            self.draft.follow(ORDER, order, "date_planned");
        }
        Ok(id)
    }

    /// Says what a line must not be changed to.
    pub(super) fn allow_line(&self, id: u32, given: &[Given]) -> Result<(), OdooError> {
        let world = &self.draft.world;
        let Some(line) = world
            .purchase_lines()
            .find(|(_, line)| line.id == id)
            .map(|(_, line)| line)
        else {
            return Ok(());
        };
        for one in given {
            let is_less = one.value.number().is_some_and(|quantity| quantity < line.received);
            if one.field.name == "product_qty" && is_less {
                return Err(OdooError::user(
                    "You cannot decrease the ordered quantity below the received quantity.\nCreate a return first.",
                ));
            }
            let was = self.draft.value(LINE, id, "display_type");
            if one.field.name == "display_type" && one.value != was {
                return Err(OdooError::user(
                    "You cannot change the type of a purchase order line. Instead you should delete the current line and create a new line of the proper type.",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn check_line(&mut self, id: u32) -> Result<(), OdooError> {
        let Some(order) = plant::order_of(&self.draft.world, id).map(|order| order.id) else {
            return Ok(());
        };
        if let Some(line) = plant::line_mut(&mut self.draft.world, id)
            && line.description.is_empty()
        {
            return Err(self.required(LINE, "name"));
        }
        let at = self.draft.at;
        if let Some(order) = plant::order_mut(&mut self.draft.world, order) {
            // An order waits until its first line comes.
            order.required_date = order
                .lines
                .iter()
                .map(|line| line.required_date)
                .min()
                .unwrap_or(order.required_date);
            order.updated_at = at;
            if order.status.was_approved() {
                plant::settle(order);
            }
        }
        self.draft.follow(ORDER, order, "date_planned");
        self.add_up(order);
        Ok(())
    }

    pub(super) fn unlink_line(&mut self, id: u32) -> Result<(), OdooError> {
        let Some(order) = plant::order_of(&self.draft.world, id).cloned() else {
            return Ok(());
        };
        let is_text = self.draft.value(LINE, id, "display_type") != Val::Null;
        if self.state(&order) == "purchase" && !is_text {
            return Err(OdooError::user(
                "Cannot delete a purchase order line which is in state “Purchase Order”.",
            ));
        }
        if let Some(order) = plant::order_mut(&mut self.draft.world, order.id) {
            order.lines.retain(|line| line.id != id);
        }
        self.draft.touched(ORDER, order.id);
        self.add_up(order.id);
        Ok(())
    }

    pub(super) fn unlink_order(&mut self, id: u32) -> Result<(), OdooError> {
        let Some(order) = self.draft.world.find_purchase_order(id).cloned() else {
            return Ok(());
        };
        if self.state(&order) != "cancel" {
            return Err(OdooError::user(
                "In order to delete a purchase order, you must cancel it first.",
            ));
        }
        for line in order.lines {
            self.draft.gone(LINE, line.id);
        }
        self.draft.world.purchase_orders.retain(|order| order.id != id);
        Ok(())
    }

    pub(super) fn state(&self, order: &PurchaseOrder) -> String {
        let kept = self.draft.kept(ORDER, order.id, "state");
        kept.and_then(|state| state.as_str().map(str::to_owned))
            .unwrap_or_else(|| purchase::state(order).to_owned())
    }

    fn is_locked(&self, order: &PurchaseOrder) -> bool {
        let kept = self.draft.kept(ORDER, order.id, "locked");
        kept.map_or(order.status == OrderStatus::Closed, |locked| {
            locked == Value::Bool(true)
        })
    }

    /// Does what a button of an order does.
    pub(super) fn order_button(&mut self, button: &str, ids: &[u32]) -> Result<Value, OdooError> {
        for id in ids {
            let Some(order) = self.draft.world.find_purchase_order(*id).cloned() else {
                continue;
            };
            match button {
                "button_confirm" => self.confirm(&order)?,
                "button_approve" if self.is_approved(&order) => self.approve(&order),
                "button_cancel" => self.cancel(&order)?,
                "button_draft" => set_state(&mut self.draft, *id, "draft"),
                "button_lock" => self.draft.keep(ORDER, *id, "locked", true),
                "button_unlock" => self.draft.keep(ORDER, *id, "locked", false),
                _ => {}
            }
        }
        Ok(match button {
            "button_confirm" => true.into(),
            "button_approve" | "button_draft" => json!({}),
            _ => Value::Null,
        })
    }

    fn confirm(&mut self, order: &PurchaseOrder) -> Result<(), OdooError> {
        if !matches!(self.state(order).as_str(), "draft" | "sent") {
            return Ok(());
        }
        let is_text = |id| self.draft.value(LINE, id, "display_type") != Val::Null;
        if order.lines.iter().any(|line| line.item.is_none() && !is_text(line.id)) {
            return Err(OdooError::user(
                "Some order lines are missing a product, you need to correct them before going further.",
            ));
        }
        if self.is_approved(order) {
            self.approve(order);
        } else {
            set_state(&mut self.draft, order.id, "to approve");
        }
        Ok(())
    }

    /// Small orders need no approval, and managers approve what they confirm. Nobody else approves anything: the button
    /// then does nothing.
    fn is_approved(&self, order: &PurchaseOrder) -> bool {
        self.caller == Caller::ADMIN || self.total(order) < APPROVAL_FROM
    }

    fn approve(&mut self, order: &PurchaseOrder) {
        set_state(&mut self.draft, order.id, "purchase");
        let at = self.draft.at;
        if let Some(order) = plant::order_mut(&mut self.draft.world, order.id) {
            order.approved_at = Some(at);
        }
    }

    fn cancel(&mut self, order: &PurchaseOrder) -> Result<(), OdooError> {
        let name = purchase::name(order);
        let refuse = |why: &str| {
            Err(OdooError::user(format!(
                "Unable to cancel purchase order(s): {name}{why}"
            )))
        };
        if self.is_locked(order) {
            return refuse(". You must first unlock them.");
        }
        if order.lines.iter().any(|line| !line.received.is_zero()) {
            return refuse(" since they have receipts that are already done.");
        }
        set_state(&mut self.draft, order.id, "cancel");
        Ok(())
    }
}

/// Sets the state of an order and what its lines tell of it.
fn set_state(draft: &mut Draft<'_>, id: u32, wanted: &str) {
    let at = draft.at;
    let Some(order) = plant::order_mut(&mut draft.world, id) else {
        return;
    };
    order.status = match wanted {
        "to approve" => OrderStatus::PendingApproval,
        "purchase" => OrderStatus::Approved,
        "cancel" => OrderStatus::Canceled,
        _ => OrderStatus::Draft,
    };
    plant::settle(order);
    if wanted != "purchase" {
        // What has come in stays; the state is as the button says.
        order.status = match wanted {
            "to approve" => OrderStatus::PendingApproval,
            "cancel" => OrderStatus::Canceled,
            _ => OrderStatus::Draft,
        };
    }
    order.updated_at = at;
    let is_derived = purchase::state(order) == wanted;
    let lines: Vec<u32> = order.lines.iter().map(|line| line.id).collect();
    let rows = std::iter::once((ORDER, id)).chain(lines.into_iter().map(|line| (LINE, line)));
    for (model, row) in rows.collect::<Vec<_>>() {
        if is_derived {
            draft.follow(model, row, "state");
        } else {
            draft.keep(model, row, "state", wanted);
        }
    }
}

/// Puts a value of an order into the plant; says whether it has a place there.
pub(super) fn set(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    if field == "state" {
        set_state(draft, id, value.text().unwrap_or("draft"));
        return draft.kept(ORDER, id, "state").is_none();
    }
    let words = match field {
        "currency_id" => base::currency_words(&draft.world),
        "payment_term_id" => base::term_words(&draft.world),
        "incoterm_id" => base::incoterm_words(&draft.world),
        _ => Vec::new(),
    };
    let word = plant::word(&words, value.id());
    let site = value.id().and_then(|wanted| {
        let mut sites = draft.world.locations.iter().filter(|place| place.parent.is_none());
        sites
            .nth(usize::try_from(wanted.checked_sub(1)?).ok()?)
            .map(|site| site.id)
    });
    let Some(order) = plant::order_mut(&mut draft.world, id) else {
        return false;
    };
    order.updated_at = at;
    match field {
        "partner_id" => match value
            .id()
            .and_then(|id| id.checked_sub(100))
            .filter(|vendor| *vendor > 0)
        {
            Some(vendor) => order.vendor = vendor,
            None => return false,
        },
        "partner_ref" => order.reference = value.text().map(str::to_owned),
        "date_order" => {
            order.order_date = value.day().unwrap_or(order.order_date);
            return false;
        }
        "date_planned" => {
            if let Some(day) = value.day() {
                order.required_date = day;
                for line in &mut order.lines {
                    line.required_date = day;
                }
            }
            return false;
        }
        "currency_id" => order.currency = word,
        "payment_term_id" => order.payment_terms = word,
        "incoterm_id" => order.incoterms = Some(word).filter(|word| !word.is_empty()),
        "user_id" => match value.id().and_then(|id| id.checked_sub(1)).filter(|user| *user > 0) {
            Some(user) => order.buyer = user,
            None => return false,
        },
        "picking_type_id" => match site {
            Some(site) => order.site = site,
            None => return false,
        },
        "note" => {
            order.notes = value.text().map(input::plain);
            return false;
        }
        _ => {
            let sample = plant::usual().purchase_orders.first().map(|one| &one.custom);
            let key = field.strip_prefix(base::STUDIO);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut order.custom, sample, key, value));
        }
    }
    true
}

/// Puts a value of a line into the plant; says whether it has a place there.
pub(super) fn set_line(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let place = value.id().and_then(|id| id.checked_sub(stock::location_id(0)));
    let room = place.filter(|place| draft.world.storerooms().any(|room| room.id == *place));
    let Some(line) = plant::line_mut(&mut draft.world, id) else {
        return false;
    };
    match field {
        "order_id" => {}
        "name" => line.description = value.text().unwrap_or_default().to_owned(),
        "product_id" => line.item = value.id(),
        "product_qty" => line.quantity = value.number().unwrap_or_default(),
        "price_unit" => line.unit_price = value.number().unwrap_or_default(),
        "product_uom_id" => {
            line.uom = match value.id() {
                Some(11) => "L",
                Some(6) => "M",
                _ => "EA",
            }
            .to_owned();
        }
        "date_planned" => {
            line.required_date = value.day().unwrap_or(line.required_date);
            return false;
        }
        "location_final_id" => match room {
            Some(room) => line.location = room,
            None => return false,
        },
        "x_studio_work_order" => line.work_order = value.id(),
        "x_studio_equipment" => line.asset = value.id(),
        _ => return false,
    }
    true
}
