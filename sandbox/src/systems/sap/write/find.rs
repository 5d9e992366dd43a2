//! Finds the records of the plant behind the numbers and codes that clients send, and refuses the ones that do not exist.

use rust_decimal::Decimal;

use super::super::codes;
use crate::{
    odata::Problem,
    world::{Asset, Item, Location, PurchaseOrder, Vendor, WorkOrder, World},
};

/// Returns a number without its leading zeros.
pub(super) fn bare(number: &str) -> &str {
    number.trim_start_matches('0')
}

/// Finds a supplier by its number.
pub(super) fn vendor<'a>(world: &'a World, number: &str) -> Result<&'a Vendor, Problem> {
    let found = world
        .vendors
        .iter()
        .find(|vendor| bare(&codes::supplier(vendor.id)) == bare(number));
    found.ok_or_else(|| Problem::rule("06/321", format!("Supplier {number} does not exist")).at("Supplier"))
}

/// Finds a material by its number.
pub(super) fn item<'a>(world: &'a World, number: &str, property: &str) -> Result<&'a Item, Problem> {
    let found = world.items.iter().find(|item| bare(&item.number) == bare(number));
    let message = || format!("Material {number} does not exist or is not activated");
    found.ok_or_else(|| Problem::rule("M3/305", message()).at(property))
}

/// Finds the place in the list of a purchase order.
pub(super) fn order(world: &World, number: &str) -> Result<usize, Problem> {
    let found = world.purchase_orders.iter().position(|order| order.number == number);
    found.ok_or_else(|| Problem::rule("06/023", format!("Purchasing document {number} does not exist")))
}

/// Finds a purchase order.
pub(super) fn purchase_order<'a>(world: &'a World, number: &str) -> Result<&'a PurchaseOrder, Problem> {
    let place = order(world, number)?;
    world.purchase_orders.get(place).ok_or_else(Problem::method)
}

/// Finds a maintenance order by its number.
pub(super) fn work_order<'a>(world: &'a World, number: &str, property: &str) -> Result<&'a WorkOrder, Problem> {
    let found = world
        .work_orders
        .iter()
        .find(|work| bare(&codes::maintenance_order(work.id)) == bare(number));
    found.ok_or_else(|| Problem::rule("CO/001", format!("Order {number} does not exist")).at(property))
}

/// Finds a piece of equipment by its number.
pub(super) fn asset<'a>(world: &'a World, number: &str, property: &str) -> Result<&'a Asset, Problem> {
    let found = world.assets.iter().find(|asset| bare(&asset.number) == bare(number));
    found.ok_or_else(|| Problem::rule("IE/002", format!("Equipment {number} does not exist")).at(property))
}

/// Finds a functional location by its label.
pub(super) fn functional_location<'a>(world: &'a World, label: &str, property: &str) -> Result<&'a Location, Problem> {
    let mut places = world.locations.iter().filter(|place| codes::is_functional(place));
    let found = places.find(|place| place.code == label);
    found.ok_or_else(|| Problem::rule("IL/002", format!("Functional location {label} does not exist")).at(property))
}

/// Finds the storeroom of a plant and a storage location; without one, the first of the plant.
pub(super) fn storeroom(world: &World, plant: &str, storage_location: Option<&str>) -> Result<u32, Problem> {
    site(world, plant)?;
    let mut rooms = world.storerooms().filter(|room| codes::plant(world, room.id) == plant);
    let found = match storage_location {
        Some(code) => rooms.find(|room| codes::storage_location(world, room.id) == code),
        None => rooms.next(),
    };
    let message = || {
        format!(
            "Storage location {} does not exist in plant {plant}",
            storage_location.unwrap_or_default()
        )
    };
    found
        .map(|room| room.id)
        .ok_or_else(|| Problem::rule("M7/006", message()).at("StorageLocation"))
}

/// Finds the site behind a plant.
pub(super) fn site(world: &World, plant: &str) -> Result<u32, Problem> {
    let mut sites = world.locations.iter().filter(|place| place.parent.is_none());
    let found = sites.find(|place| codes::plant(world, place.id) == plant);
    found
        .map(|place| place.id)
        .ok_or_else(|| Problem::rule("ME/069", format!("Plant {plant} does not exist")).at("Plant"))
}

/// Returns the problem of a field that must be given.
pub(super) fn enter(label: &str, property: &str) -> Problem {
    Problem::rule("ME/083", format!("Enter {label}")).at(property)
}

/// Refuses a quantity that is not above zero.
pub(super) fn above_zero(quantity: Decimal, property: &str) -> Result<(), Problem> {
    if quantity > Decimal::ZERO {
        return Ok(());
    }
    Err(Problem::rule("ME/062", "Enter a quantity greater than zero").at(property))
}

/// Refuses units that are not defined.
pub(super) fn unit(world: &World, unit: &str, property: &str) -> Result<(), Problem> {
    let is_known = UNITS.contains(&unit) || world.items.iter().any(|item| item.uom == unit);
    if is_known {
        return Ok(());
    }
    Err(Problem::rule("BM/301", format!("Unit {unit} is not created in language EN")).at(property))
}

const UNITS: [&str; 14] = [
    "EA", "PC", "ST", "KG", "G", "L", "ML", "M", "M2", "M3", "H", "DAY", "SET", "BOX",
];

/// Refuses currencies that are not defined.
pub(super) fn currency(currency: &str, property: &str) -> Result<(), Problem> {
    if CURRENCIES.contains(&currency) {
        return Ok(());
    }
    Err(Problem::rule("SG/101", format!("Currency {currency} is not defined")).at(property))
}

const CURRENCIES: [&str; 14] = [
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "INR",
];

/// Returns the text that the plant keeps for payment terms.
pub(super) fn payment_terms(code: &str) -> Result<String, Problem> {
    match code {
        "" => Ok(String::new()),
        "0001" => Ok("Immediate".to_owned()),
        "NT15" => Ok("15 Days".to_owned()),
        "NT30" => Ok("30 Days".to_owned()),
        "NT60" => Ok("60 Days".to_owned()),
        other => Err(Problem::rule("F5/199", format!("Terms of payment {other} not defined")).at("PaymentTerms")),
    }
}

/// Refuses Incoterms that are not defined.
pub(super) fn incoterms(code: &str) -> Result<(), Problem> {
    const KNOWN: [&str; 13] = [
        "", "CFR", "CIF", "CIP", "CPT", "DAP", "DAT", "DDP", "DPU", "EXW", "FAS", "FCA", "FOB",
    ];
    if KNOWN.contains(&code) {
        return Ok(());
    }
    Err(Problem::rule("ME/084", format!("Incoterms {code} not defined")).at("IncotermsClassification"))
}
