//! Internal shipments, which move stock from one place to another.

use serde_json::Value;

use super::{Given, Session};
use crate::systems::orm::{Val, plant};
use crate::systems::tryton::error::TrytonError;
use crate::systems::tryton::models::stock;
use crate::world::MovementKind;

const SHIPMENT: &str = "stock.shipment.internal";
const MOVE: &str = "stock.move";

impl Session<'_> {
    pub(super) fn make_transfer(&mut self) -> u32 {
        let id = self.draft.next_id(SHIPMENT, 0);
        self.draft.made_beside(SHIPMENT, id);
        for (field, value) in [
            ("number", Value::from(id.to_string())),
            ("rec_name", id.to_string().into()),
            ("state", "draft".into()),
            ("company", 1.into()),
        ] {
            self.draft.keep(SHIPMENT, id, field, value);
        }
        id
    }

    /// Goods move between places that keep stock, or to where they are lost.
    pub(super) fn check_transfer(&self, id: u32) -> Result<(), TrytonError> {
        for field in ["from_location", "to_location"] {
            let place = self.draft.value(SHIPMENT, id, field).id().unwrap_or(0);
            let kind = self.draft.value("stock.location", place, "type");
            if !matches!(kind.text(), Some("view" | "storage" | "lost_found")) {
                let reference = self.draft.value(SHIPMENT, id, "reference");
                let record = format!("[{}]", reference.text().unwrap_or_default());
                return Err(self.invalid(SHIPMENT, &self.name("stock.location", place), field, &record));
            }
        }
        Ok(())
    }

    /// Makes a move of an internal shipment, which stands beside the plant until it is done.
    pub(super) fn make_move(&mut self, given: &[Given]) -> u32 {
        let movements = self.draft.world.stock_movements.iter().map(|one| one.id);
        let highest = movements.filter(|id| *id < 200_000).max().unwrap_or(0);
        let id = self.draft.next_id(MOVE, highest);
        self.draft.made_beside(MOVE, id);
        for (field, value) in [("state", Value::from("draft")), ("company", 1.into())] {
            self.draft.keep(MOVE, id, field, value);
        }
        let shipment = given.iter().find(|one| one.field.name == "shipment");
        if let Some(Val::Reference(SHIPMENT, shipment)) = shipment.map(|one| &one.value) {
            self.relist(SHIPMENT, *shipment, "moves", id, true);
        }
        id
    }

    /// Reserves the stock of a shipment, if there is enough for all of its moves.
    pub(super) fn assign(&mut self, id: u32) {
        let moves = self.draft.value(SHIPMENT, id, "moves").ids().to_vec();
        if moves.is_empty() || !moves.iter().all(|id| self.level_of(*id).is_some()) {
            return;
        }
        self.draft.keep(SHIPMENT, id, "state", "assigned");
        for id in moves {
            self.draft.keep(MOVE, id, "state", "assigned");
        }
    }

    /// Returns the stock that a move takes from.
    fn level_of(&self, id: u32) -> Option<u32> {
        let item = self.draft.value(MOVE, id, "product").id()?;
        let place = self.place(id, "from_location")?;
        let quantity = self.draft.value(MOVE, id, "quantity").number()?;
        let levels = self.draft.world.stock_levels.iter();
        let mut here = levels.filter(|level| level.item == item && level.bin.unwrap_or(level.location) == place);
        here.find(|level| level.on_hand >= quantity).map(|level| level.id)
    }

    fn place(&self, id: u32, field: &str) -> Option<u32> {
        let place = self
            .draft
            .value(MOVE, id, field)
            .id()?
            .checked_sub(stock::location_id(0))?;
        self.draft.world.find_location(place).map(|place| place.id)
    }

    /// Moves the stock of a shipment.
    pub(super) fn transfer(&mut self, id: u32) {
        let at = self.draft.at;
        for id in self.draft.value(SHIPMENT, id, "moves").ids().to_vec() {
            let quantity = self.draft.value(MOVE, id, "quantity").number();
            let (level, to) = (self.level_of(id), self.place(id, "to_location"));
            let is_lost = self.draft.value(MOVE, id, "to_location").id() == Some(stock::LOST_FOUND);
            let world = &mut self.draft.world;
            match (level, to, quantity) {
                (Some(level), Some(to), Some(quantity)) => plant::transfer(world, level, to, quantity, id, at),
                (Some(level), None, Some(quantity)) if is_lost => {
                    plant::take_out(world, level, MovementKind::Adjustment, quantity, id, at);
                }
                _ => {}
            }
            // From now on it is one of the plant's own.
            self.draft.gone(MOVE, id);
        }
    }
}
