//! Finds the records of the plant behind the values that clients send, and words what the system's log says of the ones
//! that do not exist.

use rust_decimal::Decimal;

use super::super::codes;
use crate::{
    odata::Problem,
    world::{Asset, Item, Location, PurchaseOrder, Vendor, WorkOrder, World},
};

/// Returns a refusal in the words of the system's log; the caller names the entity.
pub(super) fn log(message: impl Into<String>) -> Problem {
    Problem::rule("", message)
}

/// A value that is in no record of a related table.
fn unrelated(value: &str, field: &str, table: &str) -> Problem {
    log(format!(
        "The value '{value}' in field '{field}' is not found in the related table '{table}'."
    ))
}

/// A field that must be filled in.
pub(super) fn fill(field: &str) -> Problem {
    log(format!("Field '{field}' must be filled in."))
}

pub(super) fn vendor<'a>(world: &'a World, account: &str) -> Result<&'a Vendor, Problem> {
    let found = world.vendors.iter().find(|vendor| same(&vendor.number, account));
    found.ok_or_else(|| unrelated(account, "Vendor account", "Vendors"))
}

pub(super) fn item<'a>(world: &'a World, number: &str) -> Result<&'a Item, Problem> {
    let found = world.items.iter().find(|item| same(&item.number, number));
    found.ok_or_else(|| unrelated(number, "Item number", "Items"))
}

pub(super) fn order<'a>(world: &'a World, number: &str) -> Result<&'a PurchaseOrder, Problem> {
    let found = world.purchase_orders.iter().find(|order| same(&order.number, number));
    found.ok_or_else(|| unrelated(number, "Purchase order", "Purchase orders"))
}

pub(super) fn work_order<'a>(world: &'a World, number: &str) -> Result<&'a WorkOrder, Problem> {
    let found = world.work_orders.iter().find(|work| same(&work.number, number));
    found.ok_or_else(|| unrelated(number, "Work order", "Work orders"))
}

pub(super) fn asset<'a>(world: &'a World, number: &str) -> Result<&'a Asset, Problem> {
    let found = world.assets.iter().find(|asset| same(&asset.number, number));
    found.ok_or_else(|| unrelated(number, "Asset", "Assets"))
}

pub(super) fn warehouse<'a>(world: &'a World, code: &str) -> Result<&'a Location, Problem> {
    let found = world.storerooms().find(|room| same(&room.code, code));
    found.ok_or_else(|| unrelated(code, "Warehouse", "Warehouses"))
}

pub(super) fn site<'a>(world: &'a World, code: &str) -> Result<&'a Location, Problem> {
    let mut sites = world.locations.iter().filter(|place| place.parent.is_none());
    let found = sites.find(|site| same(&site.code, code));
    found.ok_or_else(|| unrelated(code, "Site", "Sites"))
}

pub(super) fn functional_location<'a>(world: &'a World, code: &str) -> Result<&'a Location, Problem> {
    let mut places = world.locations.iter().filter(|place| codes::is_functional(place));
    let found = places.find(|place| same(&place.code, code));
    found.ok_or_else(|| unrelated(code, "Functional location", "Functional locations"))
}

/// Finds a person by the personnel number.
pub(super) fn person(world: &World, number: &str) -> Result<u32, Problem> {
    let found = world.users.iter().find(|user| codes::personnel(user.id) == number);
    found
        .map(|user| user.id)
        .ok_or_else(|| unrelated(number, "Personnel number", "Workers"))
}

fn same(known: &str, given: &str) -> bool {
    known.to_lowercase() == given.to_lowercase()
}

/// Refuses currencies, payment terms and delivery terms that are not set up.
pub(super) fn one_of(value: &str, known: &[&str], field: &str, table: &str) -> Result<(), Problem> {
    match known.iter().any(|known| same(known, value)) {
        true => Ok(()),
        false => Err(unrelated(value, field, table)),
    }
}

pub(super) const CURRENCIES: &[&str] = &[
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "INR",
];
pub(super) const PAYMENT_TERMS: &[&str] = &["", "Immediate", "15 Days", "30 Days", "60 Days"];
pub(super) const DELIVERY_TERMS: &[&str] = &[
    "", "EXW", "FCA", "CPT", "CIP", "DAP", "DPU", "DDP", "FAS", "FOB", "CFR", "CIF",
];
pub(super) const UNITS: &[&str] = &[
    "ea", "pcs", "kg", "g", "l", "ml", "m", "m2", "m3", "h", "hr", "day", "box", "set",
];

/// Refuses a quantity that is not above zero.
pub(super) fn above_zero(quantity: Decimal, field: &str) -> Result<(), Problem> {
    if quantity > Decimal::ZERO {
        return Ok(());
    }
    Err(log(format!("{field} must be greater than zero.")))
}
