//! Goods that come in: the quantities of expected moves, and the button that makes a transfer done.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Session;
use crate::systems::odoo::error::OdooError;
use crate::systems::orm::plant::{self, Arrival};

const MOVE: &str = "stock.move";
const PICKING: &str = "stock.picking";

impl Session<'_> {
    pub(super) fn allow_move(&self, id: u32) -> Result<(), OdooError> {
        if self.draft.world.find_stock_movement(id).is_some() {
            return Err(OdooError::user(
                "You can not change a move that is done. Unlock its transfer first.",
            ));
        }
        Ok(())
    }

    /// Makes transfers done. Of less than expected the rest is asked about, unless the context says to wait for it.
    pub(super) fn validate(&mut self, ids: &[u32]) -> Result<Value, OdooError> {
        for id in ids {
            if self.draft.is_beside(PICKING, *id) {
                self.carry_out(*id)?;
                continue;
            }
            let open = plant::open_deliveries(&self.draft.world);
            let Some(open) = open.into_iter().find(|open| open.id == *id) else {
                continue;
            };
            let is_picked = |id: u32| self.draft.value(MOVE, id, "picked").flag();
            let any_picked = open.lines.iter().any(|(_, id, _)| is_picked(*id));
            let mut is_less = false;
            let mut arrivals = Vec::new();
            for (line, movement, expected) in open.lines {
                let kept = self.draft.value(MOVE, movement, "quantity").number();
                let quantity = if any_picked && !is_picked(movement) {
                    Decimal::ZERO
                } else {
                    kept.unwrap_or(expected)
                };
                is_less |= quantity < expected;
                if quantity > Decimal::ZERO {
                    arrivals.push(Arrival {
                        line,
                        movement,
                        quantity,
                    });
                }
            }
            if arrivals.is_empty() {
                return Err(OdooError::user(
                    "You cannot validate a transfer if no quantities are reserved. To force the transfer, encode quantities.",
                ));
            }
            if is_less && self.context.get("skip_backorder") != Some(&Value::Bool(true)) {
                return Ok(json!({
                    "name": "Create Backorder?",
                    "type": "ir.actions.act_window",
                    "view_mode": "form",
                    "res_model": "stock.backorder.confirmation",
                    "target": "new",
                    "context": {"button_validate_picking_ids": ids},
                }));
            }
            let at = self.draft.at;
            let number = format!("WH/IN/{id:05}");
            plant::receive(&mut self.draft.world, open.order, *id, number, &arrivals, at);
            self.draft.touched(PICKING, *id);
            self.draft.touched("purchase.order", open.order);
            for arrival in &arrivals {
                self.draft.follow(MOVE, arrival.movement, "quantity");
                self.draft.follow(MOVE, arrival.movement, "picked");
                self.draft.touched("purchase.order.line", arrival.line);
            }
        }
        Ok(true.into())
    }
}
