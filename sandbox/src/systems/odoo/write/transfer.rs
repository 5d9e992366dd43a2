//! Transfers that clients make: lines of products from one place to another, which a button makes done.

use rust_decimal::Decimal;
use serde_json::Value;

use super::{Given, Session};
use crate::systems::odoo::error::OdooError;
use crate::systems::odoo::models::stock;
use crate::systems::orm::plant;
use crate::world::MovementKind;

const LINE: &str = "stock.move.line";
const MOVE: &str = "stock.move";
const PICKING: &str = "stock.picking";
const TYPE: &str = "stock.picking.type";

/// Lines that are not done yet have ids behind this one; done ones have those of their moves.
const LINES: u32 = 900_000;

impl Session<'_> {
    /// Makes a transfer, which stands beside the plant.
    pub(super) fn make_picking(&mut self, given: &[Given]) -> u32 {
        let receipts = self.draft.world.receipts.iter().map(|receipt| receipt.id);
        let highest = receipts.filter(|id| *id < plant::FIRST_CAUSED).max().unwrap_or(0);
        let id = self.draft.next_id(PICKING, highest);
        self.draft.made_beside(PICKING, id);
        let kind = id_of(given, "picking_type_id").unwrap_or(0);
        let code = self.draft.value(TYPE, kind, "code").text().unwrap_or("").to_owned();
        let name = match code.as_str() {
            "internal" => format!("WH/INT/{id:05}"),
            _ => format!("WH/IN/{id:05}"),
        };
        let warehouse = self.draft.value(TYPE, kind, "warehouse_id").id().unwrap_or(0);
        let stock = self.draft.value("stock.warehouse", warehouse, "lot_stock_id").id();
        for (field, value) in [
            ("name", Value::from(name.clone())),
            ("display_name", name.into()),
            ("state", "draft".into()),
            ("priority", "0".into()),
            ("picking_type_code", code.into()),
            ("company_id", 1.into()),
            ("location_id", stock.into()),
            ("location_dest_id", stock.into()),
        ] {
            self.draft.keep(PICKING, id, field, value);
        }
        id
    }

    /// Makes a line of a transfer; places that it does not name are those of the transfer.
    pub(super) fn make_move_line(&mut self, given: &[Given]) -> Result<u32, OdooError> {
        let quantity = given.iter().find(|one| one.field.name == "quantity");
        let quantity = quantity.and_then(|one| one.value.number()).unwrap_or_default();
        if quantity < Decimal::ZERO {
            return Err(OdooError::validation("You can not enter negative quantities."));
        }
        let id = self.draft.next_id(LINE, LINES);
        self.draft.made_beside(LINE, id);
        for (field, value) in [("state", Value::from("draft")), ("company_id", 1.into())] {
            self.draft.keep(LINE, id, field, value);
        }
        let Some(picking) = id_of(given, "picking_id") else {
            return Ok(id);
        };
        for field in ["location_id", "location_dest_id"] {
            let place = self.draft.value(PICKING, picking, field).id();
            self.draft.keep(LINE, id, field, place);
        }
        let mut lines = self.draft.value(PICKING, picking, "move_line_ids").ids().to_vec();
        lines.push(id);
        self.draft.keep(PICKING, picking, "move_line_ids", lines);
        Ok(id)
    }

    /// Makes a transfer of a client done. Stock may fall below zero, as in Odoo.
    pub(super) fn carry_out(&mut self, id: u32) -> Result<(), OdooError> {
        if self.draft.value(PICKING, id, "state").text() == Some("done") {
            return Ok(());
        }
        let lines = self.draft.value(PICKING, id, "move_line_ids").ids().to_vec();
        let is_picked = |line: &u32| self.draft.value(LINE, *line, "picked").flag();
        let any_picked = lines.iter().any(is_picked);
        let lines: Vec<u32> = lines
            .into_iter()
            .filter(|line| !any_picked || is_picked(line))
            .collect();
        let mut moves = Vec::new();
        for line in lines {
            let quantity = self.draft.value(LINE, line, "quantity").number().unwrap_or_default();
            if !quantity.is_zero() {
                moves.push(self.move_stock(id, line, quantity)?);
            }
        }
        if moves.is_empty() {
            return Err(OdooError::user(
                "You cannot validate a transfer if no quantities are reserved. To force the transfer, encode quantities.",
            ));
        }
        let at = self.draft.at.format("%Y-%m-%d %H:%M:%S").to_string();
        self.draft.keep(PICKING, id, "state", "done");
        self.draft.keep(PICKING, id, "date_done", at);
        self.draft.keep(PICKING, id, "move_line_ids", moves.clone());
        self.draft.keep(PICKING, id, "move_ids", moves);
        Ok(())
    }

    /// Takes what a line says from its place to the other one; returns the move.
    fn move_stock(&mut self, picking: u32, line: u32, quantity: Decimal) -> Result<u32, OdooError> {
        let item = self.draft.value(LINE, line, "product_id").id().unwrap_or(0);
        let lot = self.draft.value(LINE, line, "lot_id").id();
        let lots = stock::lot_words(&self.draft.world);
        let lot = lot
            .and_then(|lot| usize::try_from(lot).ok())
            .and_then(|lot| lots.get(lot.checked_sub(1)?));
        let lot = lot.map(|(_, lot)| lot.clone());
        if let Some(item) = self.draft.world.find_item(item).filter(|item| item.lot_tracked)
            && lot.is_none()
        {
            return Err(OdooError::user(format!(
                "You need to supply a Lot/Serial Number for product:\n- {}",
                item.name
            )));
        }
        let from = self.stock_place(line, "location_id").ok_or_else(|| {
            OdooError::user("You cannot take products from a location that is not internal in this transfer.")
        })?;
        let to = self.stock_place(line, "location_dest_id");
        let at = self.draft.at;
        let levels = self.draft.world.stock_levels.iter();
        let found = levels
            .filter(|level| level.item == item && level.bin.unwrap_or(level.location) == from && level.lot == lot)
            .map(|level| level.id)
            .next();
        let level = found.unwrap_or_else(|| {
            let index = plant::add_level(&mut self.draft.world, item, from, at);
            let level = &mut self.draft.world.stock_levels[index];
            level.lot = lot;
            level.id
        });
        let movements = self.draft.world.stock_movements.iter().map(|movement| movement.id);
        let highest = movements.filter(|id| *id < plant::FIRST_CAUSED).max();
        let movement = self.draft.next_id(MOVE, highest.unwrap_or(0));
        match to {
            Some(to) => plant::transfer(&mut self.draft.world, level, to, quantity, movement, at),
            None => {
                let kind = MovementKind::Issue;
                plant::take_out(&mut self.draft.world, level, kind, quantity, movement, at);
            }
        }
        let place = self.draft.value(LINE, line, "location_dest_id").id();
        let name = self
            .draft
            .value(PICKING, picking, "name")
            .text()
            .unwrap_or("")
            .to_owned();
        let origin = self.draft.value(PICKING, picking, "origin").text().map(str::to_owned);
        for (field, value) in [
            ("picking_id", Value::from(picking)),
            ("reference", name.into()),
            ("origin", origin.map_or(Value::Bool(false), Value::from)),
            ("location_dest_id", place.into()),
        ] {
            self.draft.keep(MOVE, movement, field, value);
        }
        for (field, value) in [("picking_id", Some(picking)), ("location_dest_id", place)] {
            self.draft.keep(LINE, movement, field, Value::from(value));
        }
        // From now on it is that of the move.
        self.draft.gone(LINE, line);
        Ok(movement)
    }

    /// Returns the place of the plant that a line names, if stock is kept there.
    fn stock_place(&self, line: u32, field: &str) -> Option<u32> {
        let id = self.draft.value(LINE, line, field).id()?;
        let usage = self.draft.value("stock.location", id, "usage");
        (usage.text() == Some("internal"))
            .then(|| id.checked_sub(stock::location_id(0)))
            .flatten()
    }
}

fn id_of(given: &[Given], name: &str) -> Option<u32> {
    given
        .iter()
        .find(|one| one.field.name == name)
        .and_then(|one| one.value.id())
}
