//! Supplier shipments, which bring in what purchases wait for, and inventories, which count stock.

use serde_json::Value;

use super::{Given, Session};
use crate::systems::orm::Val;
use crate::systems::orm::plant::{self, Arrival};
use crate::systems::tryton::error::TrytonError;
use crate::systems::tryton::models::stock;

const SHIPMENT: &str = "stock.shipment.in";
const MOVE: &str = "stock.move";
const INVENTORY: &str = "stock.inventory";
const LINE: &str = "stock.inventory.line";

impl Session<'_> {
    pub(super) fn make_shipment(&mut self) -> u32 {
        let highest = self
            .draft
            .world
            .receipts
            .iter()
            .map(|receipt| receipt.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(SHIPMENT, highest.max(plant::FIRST_CAUSED));
        self.draft.made_beside(SHIPMENT, id);
        let number = (id - plant::FIRST_CAUSED).to_string();
        for (field, value) in [
            ("number", Value::from(number.clone())),
            ("rec_name", number.into()),
            ("state", "draft".into()),
            ("company", 1.into()),
            ("warehouse", stock::location_id(1).into()),
        ] {
            self.draft.keep(SHIPMENT, id, field, value);
        }
        id
    }

    pub(super) fn add_moves(&mut self, shipment: u32, moves: &[u32]) {
        for id in moves {
            self.draft.keep(MOVE, *id, "shipment", format!("{SHIPMENT},{shipment}"));
            self.relist(SHIPMENT, shipment, "moves", *id, true);
            self.relist(SHIPMENT, shipment, "incoming_moves", *id, true);
        }
    }

    /// Books in the moves of a shipment; of less than expected the purchase waits for the rest.
    pub(super) fn receive(&mut self, id: u32) {
        let at = self.draft.at;
        let moves = self.draft.value(SHIPMENT, id, "moves").ids().to_vec();
        let open = plant::open_deliveries(&self.draft.world);
        let mut order = None;
        let mut arrivals = Vec::new();
        for delivery in open {
            for (line, movement, _) in delivery.lines {
                let quantity = self
                    .draft
                    .value(MOVE, movement, "quantity")
                    .number()
                    .unwrap_or_default();
                if moves.contains(&movement) && !quantity.is_zero() {
                    order = Some(delivery.order);
                    arrivals.push(Arrival {
                        line,
                        movement,
                        quantity,
                    });
                }
            }
        }
        self.draft.keep(SHIPMENT, id, "state", "received");
        let Some(order) = order else { return };
        let number = (id - plant::FIRST_CAUSED).to_string();
        plant::receive(&mut self.draft.world, order, id, number, &arrivals, at);
        self.draft.touched("purchase.purchase", order);
        for arrival in arrivals {
            self.draft.touched("purchase.line", arrival.line);
            self.draft.follow(MOVE, arrival.movement, "quantity");
        }
    }

    pub(super) fn make_inventory(&mut self) -> u32 {
        let id = self.draft.next_id(INVENTORY, 0);
        self.draft.made_beside(INVENTORY, id);
        let day = self.draft.at.format("%Y-%m-%d").to_string();
        for (field, value) in [
            ("number", Value::from(id.to_string())),
            ("rec_name", format!("[{id}]").into()),
            ("state", "draft".into()),
            ("company", 1.into()),
            ("date", day.into()),
        ] {
            self.draft.keep(INVENTORY, id, field, value);
        }
        id
    }

    pub(super) fn make_inventory_line(&mut self, given: &[Given]) -> u32 {
        let inventory = given
            .iter()
            .find(|one| one.field.name == "inventory")
            .and_then(|one| one.value.id());
        let id = self.draft.next_id(LINE, 0);
        self.draft.made_beside(LINE, id);
        self.draft.keep(LINE, id, "expected_quantity", 0);
        if let Some(inventory) = inventory {
            self.relist(INVENTORY, inventory, "lines", id, true);
        }
        id
    }

    pub(super) fn check_inventory_line(&mut self, id: u32) -> Result<(), TrytonError> {
        let quantity = self.draft.value(LINE, id, "quantity").number();
        match quantity.filter(|quantity| quantity.is_sign_negative() && !quantity.is_zero()) {
            Some(quantity) => Err(self.invalid(LINE, &quantity.to_string(), "quantity", &id.to_string())),
            None => Ok(()),
        }
    }

    /// Brings the stock at a place to what was counted.
    pub(super) fn confirm_inventory(&mut self, id: u32) -> Result<(), TrytonError> {
        let at = self.draft.at;
        let place = self.draft.value(INVENTORY, id, "location").id().unwrap_or(0);
        let place = place.saturating_sub(stock::location_id(0));
        let lots = stock::lot_words(&self.draft.world);
        let mut seen = Vec::new();
        for line in self.draft.value(INVENTORY, id, "lines").ids().to_vec() {
            let item = self.draft.value(LINE, line, "product").id().unwrap_or(0);
            let lot = self.draft.value(LINE, line, "lot").id();
            if seen.contains(&(item, lot)) {
                let product = self.name("product.product", item);
                return Err(TrytonError::User(format!(
                    "Inventory line \"{product}\" is not unique on inventory \"{}\".",
                    self.name(INVENTORY, id)
                )));
            }
            seen.push((item, lot));
            let lot = lot
                .and_then(|lot| usize::try_from(lot).ok())
                .and_then(|lot| lots.get(lot - 1));
            let lot = lot.map(|(_, lot)| lot.clone());
            let Val::Number(counted) = self.draft.value(LINE, line, "quantity") else {
                continue;
            };
            let levels = self.draft.world.stock_levels.iter();
            let found = levels
                .filter(|level| level.item == item && level.bin.unwrap_or(level.location) == place)
                .find(|level| level.lot == lot)
                .map(|level| level.id);
            let level = found.unwrap_or_else(|| {
                let index = plant::add_level(&mut self.draft.world, item, place, at);
                let level = &mut self.draft.world.stock_levels[index];
                level.lot = lot;
                level.id
            });
            let highest = self.draft.world.stock_movements.iter().map(|one| one.id);
            let highest = highest.filter(|id| *id < 200_000).max().unwrap_or(0);
            let movement = self.draft.next_id(MOVE, highest);
            plant::count(&mut self.draft.world, level, counted, movement, at);
            self.draft.touched(LINE, line);
        }
        self.draft.keep(INVENTORY, id, "state", "done");
        Ok(())
    }

    pub(super) fn delete_document(&mut self, model: &'static str, id: u32) -> Result<(), TrytonError> {
        if self.draft.value(model, id, "state").text() == Some("cancelled") {
            return Ok(());
        }
        let word = if model == INVENTORY {
            "inventory"
        } else {
            "supplier shipment"
        };
        Err(TrytonError::User(format!(
            "To delete {word} \"{}\" you must cancel it.",
            self.name(model, id)
        )))
    }
}
