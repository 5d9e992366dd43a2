//! Products that clients write. A product and its template are one item of the plant.

use super::{Session, in_use, input};
use crate::systems::odoo::error::OdooError;
use crate::systems::odoo::models::base;
use crate::systems::orm::{Draft, Val, plant};
use crate::world::{ItemStatus, ItemType};

impl Session<'_> {
    pub(super) fn make_product(&mut self) -> u32 {
        let highest = self.draft.world.items.iter().map(|item| item.id).max().unwrap_or(0);
        let id = self.draft.next_id("product.product", highest);
        plant::add_item(&mut self.draft.world, id, self.draft.at);
        if let Some(item) = plant::item_mut(&mut self.draft.world, id) {
            item.list_price = 1.into();
        }
        for model in ["product.product", "product.template"] {
            self.draft.made(model, id);
            self.draft.keep(model, id, "sale_ok", true);
        }
        id
    }

    /// A barcode belongs to one product.
    pub(super) fn check_product(&mut self, id: u32) -> Result<(), OdooError> {
        let world = &self.draft.world;
        let Some(item) = world.find_item(id).filter(|item| !item.barcode.is_empty()) else {
            return Ok(());
        };
        let other = world
            .items
            .iter()
            .find(|one| one.id != id && one.barcode == item.barcode);
        other.map_or(Ok(()), |other| {
            Err(OdooError::validation(format!(
                "Barcode(s) already assigned:\n\n- Barcode \"{}\" already assigned to product(s): {}",
                item.barcode, other.name
            )))
        })
    }

    pub(super) fn unlink_product(&mut self, id: u32) -> Result<(), OdooError> {
        let world = &self.draft.world;
        if world.purchase_lines().any(|(_, line)| line.item == Some(id)) {
            return Err(in_use(
                "product.product",
                "Product Variant",
                "purchase.order.line",
                "Purchase Order Line",
            ));
        }
        if world.stock_movements.iter().any(|movement| movement.item == id)
            || world.stock_levels.iter().any(|level| level.item == id)
        {
            return Err(in_use("product.product", "Product Variant", "stock.move", "Stock Move"));
        }
        self.draft.world.items.retain(|item| item.id != id);
        Ok(())
    }
}

/// Puts a value into the plant; says whether it has a place there.
pub(super) fn set(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let words = base::category_words(&draft.world);
    let Some(item) = plant::item_mut(&mut draft.world, id) else {
        return false;
    };
    item.updated_at = at;
    let text = value.text().unwrap_or_default().to_owned();
    let number = value.number().unwrap_or_default();
    match field {
        "name" => item.name = text,
        "default_code" => item.number = text,
        "barcode" => {
            // Of some items that were there from the start the label shows no barcode.
            item.barcode = text;
            return false;
        }
        "list_price" => item.list_price = number,
        "standard_price" => item.standard_cost = number,
        "categ_id" => item.category = plant::word(&words, value.id()),
        "uom_id" => {
            item.uom = match value.id() {
                Some(11) => "L",
                Some(6) => "M",
                _ => "EA",
            }
            .to_owned();
        }
        "type" if text == "service" => item.item_type = ItemType::Service,
        "type" if text == "combo" => return false,
        "type" if item.item_type == ItemType::Service => item.item_type = ItemType::NonStocked,
        "type" => {}
        "is_storable" => {
            item.item_type = match (value.flag(), item.item_type) {
                (_, ItemType::Service) => ItemType::Service,
                (true, _) => ItemType::Stocked,
                (false, _) => ItemType::NonStocked,
            }
        }
        "tracking" if text != "serial" => item.lot_tracked = text == "lot",
        "active" => {
            item.status = match (value.flag(), item.status) {
                (false, _) => ItemStatus::Inactive,
                (true, ItemStatus::Inactive) => ItemStatus::Active,
                (true, status) => status,
            }
        }
        "x_studio_manufacturer" => item.manufacturer = text,
        "x_studio_mpn" => item.manufacturer_part_number = text,
        "description" => {
            item.description = input::plain(&text);
            return false;
        }
        _ => {
            let sample = plant::usual().items.first().map(|one| &one.custom);
            let key = field.strip_prefix(base::STUDIO);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut item.custom, sample, key, value));
        }
    }
    true
}
