//! Purchases and their lines: values, what the buttons do, and what is refused.

use serde_json::{Value, json};

use super::party::id_value;
use super::{Given, Session};
use crate::systems::orm::{Draft, Val, plant};
use crate::systems::tryton::error::TrytonError;
use crate::systems::tryton::models::{OWN, party, purchase, small, stock};
use crate::world::OrderStatus;

const PURCHASE: &str = "purchase.purchase";
const LINE: &str = "purchase.line";

impl Session<'_> {
    /// A purchase is called by its number and reference, else by its id.
    pub(super) fn purchase_name(&self, id: u32) -> String {
        let text = |field: &str| self.draft.value(PURCHASE, id, field).text().map(str::to_owned);
        let order = self.draft.world.find_purchase_order(id);
        let reference = order.and_then(|order| order.reference.clone());
        let parts: Vec<String> = text("number")
            .into_iter()
            .chain(reference.map(|text| format!("[{text}]")))
            .collect();
        if parts.is_empty() {
            format!("({id})")
        } else {
            parts.join(" ")
        }
    }

    pub(super) fn make_purchase(&mut self) -> u32 {
        let highest = self
            .draft
            .world
            .purchase_orders
            .iter()
            .map(|order| order.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(PURCHASE, highest);
        plant::add_order(&mut self.draft.world, id, self.user, self.draft.at);
        for field in [
            "contact",
            "delivery_date",
            "description",
            "invoice_address",
            "warehouse",
        ] {
            self.draft.keep(PURCHASE, id, field, Value::Null);
        }
        self.draft.keep(PURCHASE, id, "invoice_method", "order");
        id
    }

    pub(super) fn copy_purchase(&mut self, id: u32) -> Result<u32, TrytonError> {
        let order = self.draft.world.find_purchase_order(id).cloned();
        let Some(order) = order else { return Ok(id) };
        let values = json!({
            "party": party::party_of_vendor(order.vendor),
            "invoice_address": id_value(self.draft.value(PURCHASE, id, "invoice_address").id()),
            "warehouse": id_value(self.draft.value(PURCHASE, id, "warehouse").id()),
            "lines": [["create", order.lines.iter().map(|line| json!({
                "product": line.item,
                "quantity": line.quantity.to_string().parse::<f64>().unwrap_or_default(),
                "unit": small::unit_id(&line.uom),
                "unit_price": {"__class__": "Decimal", "decimal": line.unit_price.to_string()},
            })).collect::<Vec<_>>()]],
        });
        self.create(PURCHASE, &values)
    }

    pub(super) fn check_purchase(&mut self, id: u32) -> Result<(), TrytonError> {
        let Some(order) = self.draft.world.find_purchase_order(id) else {
            return Ok(());
        };
        let party = party::party_of_vendor(order.vendor);
        let address = self.draft.value(PURCHASE, id, "invoice_address").id();
        if let Some(address) = address {
            let owner = self.draft.value("party.address", address, "party").id();
            if owner != Some(party) {
                let shown = self.draft.value("party.address", address, "rec_name");
                let name = self.purchase_name(id);
                return Err(self.invalid(PURCHASE, shown.text().unwrap_or(""), "invoice_address", &name));
            }
        }
        let state = self.state(id);
        if !matches!(state.as_str(), "draft" | "quotation" | "cancelled")
            && self.draft.value(PURCHASE, id, "purchase_date") == Val::Null
            && self.draft.kept(PURCHASE, id, "purchase_date").is_some()
        {
            let name = self.purchase_name(id);
            return Err(self.required(PURCHASE, "purchase_date", &name));
        }
        Ok(())
    }

    fn state(&self, id: u32) -> String {
        let order = self.draft.world.find_purchase_order(id);
        order.map_or_else(String::new, |order| purchase::state(order).to_owned())
    }

    pub(super) fn make_line(&mut self, given: &[Given]) -> Result<u32, TrytonError> {
        let of = |name: &str| given.iter().find(|one| one.field.name == name).map(|one| &one.value);
        let order = of("purchase").and_then(Val::id).unwrap_or(0);
        if self.state(order) != "draft" {
            return Err(TrytonError::User(format!(
                "You cannot add lines to purchase \"{}\" because it is no longer in a draft state.",
                self.purchase_name(order)
            )));
        }
        let highest = self
            .draft
            .world
            .purchase_lines()
            .map(|(_, line)| line.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(LINE, highest);
        let kind = of("type").and_then(Val::text).unwrap_or("line").to_owned();
        let has = |name: &str| of(name).is_some_and(|value| *value != Val::Null);
        if kind == "line" {
            let needed: &[&str] = if has("product") {
                &["quantity", "unit", "unit_price"]
            } else {
                &["quantity", "unit_price"]
            };
            for name in needed {
                if !has(name) {
                    return Err(self.required(LINE, name, &id.to_string()));
                }
            }
        }
        plant::add_line(&mut self.draft.world, order, id);
        if let Some(line) = plant::line_mut(&mut self.draft.world, id) {
            line.quantity = 0.into();
        }
        for field in ["delivery_date", "delivery_date_store", "product_supplier", "sequence"] {
            self.draft.keep(LINE, id, field, Value::Null);
        }
        self.draft.keep(LINE, id, "delivery_date_edit", false);
        if kind != "line" {
            for field in ["quantity", "unit", "unit_price", "amount"] {
                self.draft.keep(LINE, id, field, Value::Null);
            }
        }
        self.draft.touched(PURCHASE, order);
        Ok(id)
    }

    /// Says whether the delivery date of a line can be written; otherwise it follows from the vendor's lead time.
    pub(super) fn edits_date(&self, id: u32, given: &[Given]) -> bool {
        let mark = given.iter().find(|one| one.field.name == "delivery_date_edit");
        mark.map_or_else(
            || self.draft.value(LINE, id, "delivery_date_edit").flag(),
            |mark| mark.value.flag(),
        )
    }

    pub(super) fn check_line(&mut self, id: u32) -> Result<(), TrytonError> {
        let Some(line) = plant::line_mut(&mut self.draft.world, id).cloned() else {
            return Ok(());
        };
        let digits = if line.uom == "EA" { 0 } else { 2 };
        if line.quantity.normalize().scale() > digits {
            return Err(TrytonError::User(format!(
                "The number of digits in the value \"'{}'\" for field \"Quantity\" in record \"{id}\" of \"Purchase Line\" exceeds the limit of \"(None, {digits})\".",
                line.quantity.normalize()
            )));
        }
        let item = line.item.and_then(|item| self.draft.world.find_item(item));
        if let (Some(id_of_item), None) = (line.item, item) {
            return Err(self.invalid(LINE, &id_of_item.to_string(), "product", &id.to_string()));
        }
        let at = self.draft.at;
        if let Some(order) = plant::order_of(&self.draft.world, id).map(|order| order.id) {
            if let Some(order) = plant::order_mut(&mut self.draft.world, order) {
                order.updated_at = at;
                if order.status.was_approved() {
                    plant::settle(order);
                }
            }
            self.draft.touched(PURCHASE, order);
        }
        Ok(())
    }

    pub(super) fn delete_line(&mut self, id: u32) -> Result<(), TrytonError> {
        let Some(order) = plant::order_of(&self.draft.world, id).map(|order| order.id) else {
            return Ok(());
        };
        if !matches!(self.state(order).as_str(), "draft" | "cancelled") {
            return Err(TrytonError::User(format!(
                "To delete line \"{}\" you must cancel or reset to draft purchase \"{}\".",
                self.name(LINE, id),
                self.purchase_name(order)
            )));
        }
        if let Some(order) = plant::order_mut(&mut self.draft.world, order) {
            order.lines.retain(|line| line.id != id);
        }
        self.draft.touched(PURCHASE, order);
        Ok(())
    }

    pub(super) fn delete_purchase(&mut self, id: u32) -> Result<(), TrytonError> {
        if !matches!(self.state(id).as_str(), "draft" | "cancelled") {
            return Err(TrytonError::User(format!(
                "To delete purchase \"{}\" you must cancel it.",
                self.purchase_name(id)
            )));
        }
        let lines = self
            .draft
            .world
            .find_purchase_order(id)
            .map(|order| order.lines.clone());
        for line in lines.into_iter().flatten() {
            self.draft.gone(LINE, line.id);
        }
        self.draft.world.purchase_orders.retain(|order| order.id != id);
        Ok(())
    }

    pub(super) fn purchase_button(&mut self, button: &str, id: u32) -> Result<(), TrytonError> {
        let at = self.draft.at;
        let name = self.purchase_name(id);
        let Some(order) = self.draft.world.find_purchase_order(id).cloned() else {
            return Ok(());
        };
        match button {
            "quote" => {
                let has_warehouse = self.draft.value(PURCHASE, id, "warehouse") != Val::Null;
                if let Some(line) = order.lines.iter().find(|line| line.item.is_some() && !has_warehouse) {
                    return Err(TrytonError::User(format!(
                        "To get a quote for the purchase \"{name}\" you must enter a warehouse for the line \"{}\".",
                        self.name(LINE, line.id)
                    )));
                }
                if self.draft.kept(PURCHASE, id, "purchase_date").is_none() {
                    self.draft.keep(PURCHASE, id, "purchase_date", Value::Null);
                }
            }
            "confirm" => {
                if self.draft.value(PURCHASE, id, "invoice_address") == Val::Null {
                    return Err(self.required(PURCHASE, "invoice_address", &name));
                }
                if self.draft.value(PURCHASE, id, "purchase_date") == Val::Null {
                    self.draft.follow(PURCHASE, id, "purchase_date");
                    if let Some(order) = plant::order_mut(&mut self.draft.world, id) {
                        order.order_date = at.date_naive();
                    }
                }
            }
            // The number stays.
            "draft" if !order.number.is_empty() => self.draft.keep(PURCHASE, id, "number", order.number.clone()),
            _ => {}
        }
        let Some(order) = plant::order_mut(&mut self.draft.world, id) else {
            return Ok(());
        };
        order.updated_at = at;
        if button == "quote" && order.number.is_empty() {
            order.number = (4_500_000_000_u64 + u64::from(id)).to_string();
        }
        order.status = match (button, order.status) {
            ("quote", _) => OrderStatus::PendingApproval,
            ("confirm", _) | ("process", OrderStatus::Approved) => OrderStatus::Sent,
            ("cancel", _) => OrderStatus::Canceled,
            ("draft", _) => OrderStatus::Draft,
            (_, status) => status,
        };
        if button == "confirm" {
            order.approved_at = Some(at);
        }
        Ok(())
    }
}

/// Puts a value of a purchase into the plant; says whether it has a place there.
pub(super) fn set(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let currency = plant::word(&small::currency_words(&draft.world), value.id());
    let terms = plant::word(&small::term_words(&draft.world), value.id());
    let site = value.id().and_then(|place| place.checked_sub(stock::location_id(0)));
    let site = site.filter(|site| {
        draft
            .world
            .find_location(*site)
            .is_some_and(|place| place.parent.is_none())
    });
    let Some(order) = plant::order_mut(&mut draft.world, id) else {
        return false;
    };
    order.updated_at = at;
    match field {
        "party" => match value
            .id()
            .and_then(|party| party.checked_sub(party::party_of_vendor(0)))
            .filter(|id| *id > 0)
        {
            Some(vendor) => order.vendor = vendor,
            None => return false,
        },
        "reference" => order.reference = value.text().map(str::to_owned),
        "comment" => order.notes = value.text().map(str::to_owned),
        "currency" => order.currency = currency,
        "payment_term" => order.payment_terms = terms,
        "warehouse" => match site {
            Some(site) => order.site = site,
            None => return false,
        },
        "delivery_date" => match value.day() {
            Some(day) => order.required_date = day,
            None => return false,
        },
        "purchase_date" => {
            order.order_date = value.day().unwrap_or(order.order_date);
            return false;
        }
        "state" => {
            order.status = match value.text() {
                Some("quotation") => OrderStatus::PendingApproval,
                Some("confirmed") => OrderStatus::Approved,
                Some("processing") => OrderStatus::Sent,
                Some("done") => OrderStatus::Closed,
                Some("cancelled") => OrderStatus::Canceled,
                _ => OrderStatus::Draft,
            };
            if order.status.was_approved() && draft.kept(PURCHASE, id, "purchase_date").is_none() {
                draft.keep(PURCHASE, id, "purchase_date", Value::Null);
            }
        }
        "x_incoterm" => order.incoterms = value.text().map(str::to_owned),
        _ => {
            let sample = plant::usual().purchase_orders.first().map(|one| &one.custom);
            let key = field.strip_prefix(OWN);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut order.custom, sample, key, value));
        }
    }
    true
}

/// Puts a value of a line into the plant; says whether it has a place there.
pub(super) fn set_line(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let place = value.id().and_then(|place| place.checked_sub(stock::location_id(0)));
    let room = place.filter(|place| draft.world.storerooms().any(|room| room.id == *place));
    let Some(line) = plant::line_mut(&mut draft.world, id) else {
        return false;
    };
    match field {
        "purchase" => {}
        "product" => line.item = value.id(),
        "description" => line.description = value.text().unwrap_or_default().to_owned(),
        "quantity" | "unit_price" if *value == Val::Null => return false,
        "quantity" => line.quantity = value.number().unwrap_or_default(),
        "unit_price" => line.unit_price = value.number().unwrap_or_default(),
        "unit" => {
            line.uom = match value.id() {
                Some(13) => "L",
                Some(8) => "M",
                Some(_) => "EA",
                None => return false,
            }
            .to_owned();
        }
        "delivery_date" => match value.day() {
            Some(day) => line.required_date = day,
            None => return false,
        },
        "x_work" => line.work_order = value.id().and_then(|work| work.checked_sub(10)),
        "x_asset" => line.asset = value.id(),
        "x_location" => match room {
            Some(room) => line.location = room,
            None => return false,
        },
        "x_tax_rate" => line.tax_rate = value.number().unwrap_or_default(),
        _ => return false,
    }
    true
}
