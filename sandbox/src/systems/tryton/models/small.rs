//! The small lists others link to. A word's id is its place in the sorted list plus one.

use std::collections::BTreeSet;

use crate::systems::orm::{Builder, Table, plant};
use crate::world::{Vendor, World};

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words: BTreeSet<&str> = words.filter(|word| !word.is_empty()).collect();
    words.into_iter().map(str::to_owned).collect()
}

/// Returns the id of a word in a sorted list.
pub(super) fn id_in(words: &[String], word: &str) -> Option<u32> {
    let place = words.binary_search_by(|known| known.as_str().cmp(word)).ok()?;
    u32::try_from(place + 1).ok()
}

/// Returns the vendors, with those whose words stay known when nobody uses them any more.
fn vendors(world: &World) -> impl Iterator<Item = &Vendor> {
    world.vendors.iter().chain(&plant::usual().vendors)
}

pub(in crate::systems::tryton) fn currency_words(world: &World) -> Vec<String> {
    let known = ["EUR", "USD"].into_iter();
    distinct(vendors(world).map(|vendor| vendor.currency.as_str()).chain(known))
}

pub(in crate::systems::tryton) fn country_words(world: &World) -> Vec<String> {
    distinct(
        vendors(world)
            .map(|vendor| vendor.country.as_str())
            .chain(std::iter::once("DE")),
    )
}

pub(in crate::systems::tryton) fn subdivision_words(world: &World) -> Vec<String> {
    let sites = world.locations.iter().map(|place| place.region.as_str());
    distinct(vendors(world).map(|vendor| vendor.region.as_str()).chain(sites))
}

pub(in crate::systems::tryton) fn term_words(world: &World) -> Vec<String> {
    distinct(vendors(world).map(|vendor| vendor.payment_terms.as_str()))
}

pub(in crate::systems::tryton) fn category_words(world: &World) -> Vec<String> {
    let items = world.items.iter().chain(&plant::usual().items);
    distinct(items.map(|item| item.category.as_str()))
}

/// Returns the id of a unit: pieces, litres, metres.
pub(in crate::systems::tryton) fn unit_id(uom: &str) -> u32 {
    match uom {
        "L" => 13,
        "M" => 8,
        _ => 1,
    }
}

fn named(model: &'static str, label: &'static str, words: Vec<String>, coded: bool) -> Table {
    let rows = words
        .into_iter()
        .enumerate()
        .filter_map(|(place, word)| Some((u32::try_from(place + 1).ok()?, word)));
    let mut builder = Builder::new(model, label, "name")
        .char("name", "Name", |row: &(u32, String)| row.1.clone())
        .required()
        .char("rec_name", "Record Name", |row| row.1.clone());
    if coded {
        builder = builder.char("code", "Code", |row| row.1.clone());
    }
    builder.build(rows, |row| row.0)
}

pub(super) fn payment_terms(world: &World) -> Table {
    named("account.invoice.payment_term", "Payment Term", term_words(world), false)
}

pub(super) fn countries(world: &World) -> Table {
    named("country.country", "Country", country_words(world), true)
}

pub(super) fn subdivisions(world: &World) -> Table {
    named("country.subdivision", "Subdivision", subdivision_words(world), true)
}

pub(super) fn currencies(world: &World) -> Table {
    named("currency.currency", "Currency", currency_words(world), true)
}

pub(super) fn categories(world: &World) -> Table {
    named("product.category", "Category", category_words(world), false)
}

pub(super) fn companies(world: &World) -> Table {
    let currency = id_in(&currency_words(world), &world.currency);
    Builder::new("company.company", "Company", "id")
        .char("rec_name", "Record Name", |name: &String| name.clone())
        .one("party", "Party", "party.party", |_| 1)
        .required()
        .one("currency", "Currency", "currency.currency", move |_| currency)
        .required()
        .char("timezone", "Timezone", |_| "Europe/Berlin")
        .children("employees", "Employees", "company.employee", |_| {
            world.users.iter().map(|user| user.id).collect()
        })
        .build([world.company.clone()], |_| 1)
}

pub(super) fn units(_world: &World) -> Table {
    Builder::new("product.uom", "Unit of Measure", "name")
        .char("name", "Name", |row: &(u32, &'static str, &'static str, u32)| row.1)
        .required()
        .char("rec_name", "Record Name", |row| row.1)
        .char("symbol", "Symbol", |row| row.2)
        .required()
        .int("digits", "Display Digits", |row| row.3)
        .bool("active", "Active", |_| true)
        .build(
            [(1, "Unit", "u", 0), (8, "Meter", "m", 2), (13, "Liter", "l", 2)],
            |row| row.0,
        )
}
