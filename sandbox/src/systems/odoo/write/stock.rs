//! Counting stock: a counted quantity is noted first and then applied, or applied at once.

use serde_json::Value;

use super::{Given, Session};
use crate::systems::odoo::error::OdooError;
use crate::systems::odoo::models::stock;
use crate::systems::orm::{Draft, Val, plant};

const QUANT: &str = "stock.quant";

/// Refuses values of stock that only moves may change.
pub(super) fn allow(given: &[Given]) -> Result<(), OdooError> {
    let fixed = [
        "product_id",
        "location_id",
        "lot_id",
        "package_id",
        "owner_id",
        "quantity",
        "reserved_quantity",
    ];
    if given.iter().any(|one| fixed.contains(&one.field.name.as_str())) {
        return Err(OdooError::user(
            "Quant's editing is restricted, you can't do this operation.",
        ));
    }
    Ok(())
}

impl Session<'_> {
    /// Takes the stock of a product at a place, or makes it when there is none yet.
    pub(super) fn make_quant(&mut self, given: &[Given]) -> Result<u32, OdooError> {
        let of = |name: &str| given.iter().find(|one| one.field.name == name).map(|one| &one.value);
        let item = of("product_id").and_then(Val::id).unwrap_or(0);
        let place = of("location_id")
            .and_then(Val::id)
            .and_then(|id| id.checked_sub(stock::location_id(0)));
        let place = place.filter(|place| *place > 0).ok_or_else(|| {
            OdooError::user("Quants cannot be created in locations of other types than internal and transit.")
        })?;
        let lots = stock::lot_words(&self.draft.world);
        let lot = of("lot_id")
            .and_then(Val::id)
            .and_then(|id| usize::try_from(id).ok())
            .and_then(|id| lots.get(id - 1));
        let lot = lot.map(|(_, lot)| lot.clone());
        let levels = self.draft.world.stock_levels.iter();
        let found = levels
            .filter(|level| level.item == item && level.bin.unwrap_or(level.location) == place && level.lot == lot)
            .map(|level| level.id)
            .next();
        let id = found.unwrap_or_else(|| {
            let at = self.draft.at;
            let index = plant::add_level(&mut self.draft.world, item, place, at);
            let level = &mut self.draft.world.stock_levels[index];
            level.lot = lot;
            let id = level.id;
            self.draft.made(QUANT, id);
            id
        });
        for one in given {
            if matches!(
                one.field.name.as_str(),
                "inventory_quantity" | "inventory_quantity_auto_apply" | "inventory_date"
            ) {
                self.draft.keep(QUANT, id, &one.field.name, one.raw.clone());
            }
        }
        self.counted(id);
        Ok(id)
    }

    /// Notes a counted quantity, or applies it where it was given so.
    pub(super) fn counted(&mut self, id: u32) {
        if let Some(counted) = self.draft.kept(QUANT, id, "inventory_quantity_auto_apply") {
            self.draft.follow(QUANT, id, "inventory_quantity_auto_apply");
            // Without this word in the context the value is taken and forgotten.
            if self.context.get("inventory_mode") == Some(&Value::Bool(true)) {
                self.draft.keep(QUANT, id, "inventory_quantity", counted);
                self.draft.keep(QUANT, id, "inventory_quantity_set", true);
                self.apply_count(id);
            }
        } else if self.draft.kept(QUANT, id, "inventory_quantity").is_some() {
            self.draft.keep(QUANT, id, "inventory_quantity_set", true);
        }
    }

    pub(super) fn apply_count(&mut self, id: u32) {
        if !self.draft.value(QUANT, id, "inventory_quantity_set").flag() {
            return;
        }
        let counted = self
            .draft
            .value(QUANT, id, "inventory_quantity")
            .number()
            .unwrap_or_default();
        let world = &self.draft.world;
        let highest = world
            .stock_movements
            .iter()
            .map(|movement| movement.id)
            .filter(|id| *id < plant::FIRST_CAUSED)
            .max();
        let movement = self.draft.next_id("stock.move", highest.unwrap_or(0));
        let at = self.draft.at;
        plant::count(&mut self.draft.world, id, counted, movement, at);
        self.draft.touched("stock.move", movement);
        self.draft.follow(QUANT, id, "inventory_quantity");
        self.draft.follow(QUANT, id, "inventory_quantity_set");
    }
}

/// Puts a value of a rule for minimum stock into the plant; says whether it has a place there.
pub(super) fn set_rule(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let Some(level) = draft.world.stock_levels.iter_mut().find(|level| level.id == id) else {
        return false;
    };
    let number = value.number().unwrap_or_default();
    match field {
        "product_min_qty" => level.reorder_point = number,
        "product_max_qty" => level.max = number,
        _ => return false,
    }
    level.updated_at = at;
    true
}
