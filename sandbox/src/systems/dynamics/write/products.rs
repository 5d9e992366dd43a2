//! Changes of released products; they are released elsewhere.

use rust_decimal::Decimal;

use super::{
    Rest, Writing,
    find::{self, log},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, value},
    world::ItemStatus,
};

/// Changes a released product.
pub(super) fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    let mut item = find::item(&writing.world, value(entity, row, "ItemNumber").text())?.clone();
    let mut rest = Rest::new();
    for (name, value) in draft.values {
        match (name.as_str(), &value) {
            ("PurchasePrice" | "UnitCost" | "SalesPrice", Value::Number(price)) if *price < Decimal::ZERO => {
                return Err(log("Price must not be negative."));
            }
            ("PurchasePrice" | "UnitCost", Value::Number(price)) => {
                // Both show the one cost that the plant keeps; the other keeps what it shows now.
                let other = if name == "UnitCost" {
                    "PurchasePrice"
                } else {
                    "UnitCost"
                };
                let shown = self::value(entity, row, other).clone();
                item.standard_cost = *price;
                if !rest.iter().any(|(known, _): &(String, Value)| known == other) {
                    rest.push((other.to_owned(), shown));
                }
                rest.retain(|(known, _)| *known != name);
                rest.push((name, value));
            }
            ("SalesPrice", Value::Number(price)) => item.list_price = *price,
            ("PrimaryVendorAccountNumber", Value::Text(account)) if !account.is_empty() => {
                item.vendor = find::vendor(&writing.world, account)?.id;
            }
            ("ProductLifecycleStateId", Value::Text(state)) => {
                let known = ["", "Active", "PhaseOut", "Obsolete"];
                find::one_of(state, &known, "Product lifecycle state", "Product lifecycle states")?;
                item.status = match state.as_str() {
                    "PhaseOut" => ItemStatus::PhasedOut,
                    "Obsolete" => ItemStatus::Inactive,
                    _ => ItemStatus::Active,
                };
            }
            ("InventoryUnitSymbol", Value::Text(unit)) if !unit.eq_ignore_ascii_case(&item.uom) => {
                return Err(log("The inventory unit cannot be changed while transactions exist."));
            }
            _ => rest.push((name, value)),
        }
    }
    item.updated_at = writing.at;
    writing.notes.change("ReleasedProductsV2", entity.row_key(row), &rest);
    if let Some(kept) = writing.world.items.iter_mut().find(|kept| kept.id == item.id) {
        *kept = item;
    }
    Ok(())
}
