//! Partners, users and the small lists others link to. Ids: partner 1 is the company, users'
//! partners follow, a vendor's partner is its id plus 100; user 1 is the system, so users are
//! their id plus 1.

use std::collections::BTreeSet;

use crate::systems::orm::{Builder, Table, plant};
use crate::world::{User, Vendor, VendorStatus, World, now};

pub(in crate::systems::odoo) const STUDIO: &str = "x_studio_";

pub(in crate::systems::odoo) fn partner_of_vendor(vendor: u32) -> u32 {
    vendor + 100
}

pub(in crate::systems::odoo) fn user_id(user: u32) -> u32 {
    user + 1
}

/// Returns the distinct words in order; a word's id is its place plus one.
pub(in crate::systems::odoo) fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words: BTreeSet<&str> = words.filter(|word| !word.is_empty()).collect();
    words.into_iter().map(str::to_owned).collect()
}

pub(in crate::systems::odoo) fn id_in(words: &[String], word: &str) -> Option<u32> {
    let place = words.binary_search_by(|known| known.as_str().cmp(word)).ok()?;
    u32::try_from(place + 1).ok()
}

/// Returns the vendors, with those whose words stay known when nobody uses them any more.
fn vendors(world: &World) -> impl Iterator<Item = &Vendor> {
    world.vendors.iter().chain(&plant::usual().vendors)
}

pub(in crate::systems::odoo) fn currency_words(world: &World) -> Vec<String> {
    let known = ["EUR", "USD"].into_iter();
    distinct(vendors(world).map(|vendor| vendor.currency.as_str()).chain(known))
}

pub(in crate::systems::odoo) fn country_words(world: &World) -> Vec<String> {
    distinct(
        vendors(world)
            .map(|vendor| vendor.country.as_str())
            .chain(std::iter::once("DE")),
    )
}

pub(in crate::systems::odoo) fn state_words(world: &World) -> Vec<String> {
    distinct(vendors(world).map(|vendor| vendor.region.as_str()))
}

pub(in crate::systems::odoo) fn term_words(world: &World) -> Vec<String> {
    distinct(vendors(world).map(|vendor| vendor.payment_terms.as_str()))
}

pub(in crate::systems::odoo) fn incoterm_words(world: &World) -> Vec<String> {
    distinct(
        world
            .purchase_orders
            .iter()
            .chain(&plant::usual().purchase_orders)
            .filter_map(|order| order.incoterms.as_deref()),
    )
}

pub(in crate::systems::odoo) fn category_words(world: &World) -> Vec<String> {
    let items = world.items.iter().chain(&plant::usual().items);
    distinct(items.map(|item| item.category.as_str()))
}

/// Returns the id of a unit: pieces, litres, metres.
pub(in crate::systems::odoo) fn unit_id(uom: &str) -> u32 {
    match uom {
        "L" => 11,
        "M" => 6,
        _ => 1,
    }
}

fn named(model: &'static str, label: &'static str, words: Vec<String>) -> Table {
    let rows = words
        .into_iter()
        .enumerate()
        .filter_map(|(place, word)| Some((u32::try_from(place + 1).ok()?, word)));
    Builder::new(model, label, "id")
        .char("name", "Name", |row: &(u32, String)| row.1.clone())
        .required()
        .char("display_name", "Display Name", |row| row.1.clone())
        .char("code", "Code", |row| row.1.clone())
        .bool("active", "Active", |_| true)
        .build(rows, |row| row.0)
}

pub(in crate::systems::odoo) fn incoterms(world: &World) -> Table {
    named("account.incoterms", "Incoterms", incoterm_words(world))
}

pub(in crate::systems::odoo) fn payment_terms(world: &World) -> Table {
    named("account.payment.term", "Payment Terms", term_words(world))
}

pub(in crate::systems::odoo) fn currencies(world: &World) -> Table {
    named("res.currency", "Currency", currency_words(world))
}

pub(in crate::systems::odoo) fn countries(world: &World) -> Table {
    named("res.country", "Country", country_words(world))
}

pub(in crate::systems::odoo) fn states(world: &World) -> Table {
    named("res.country.state", "Country state", state_words(world))
}

pub(in crate::systems::odoo) fn categories(world: &World) -> Table {
    let words = category_words(world);
    let rows = words
        .into_iter()
        .enumerate()
        .filter_map(|(place, word)| Some((u32::try_from(place + 1).ok()?, word)));
    Builder::new("product.category", "Product Category", "complete_name")
        .char("name", "Name", |row: &(u32, String)| row.1.clone())
        .char("complete_name", "Complete Name", |row| format!("All / {}", row.1))
        .char("display_name", "Display Name", |row| format!("All / {}", row.1))
        .build(rows, |row| row.0)
}

pub(in crate::systems::odoo) fn companies(world: &World) -> Table {
    let currency = id_in(&currency_words(world), &world.currency);
    Builder::new("res.company", "Companies", "name")
        .char("name", "Company Name", |name: &String| name.clone())
        .char("display_name", "Display Name", |name| name.clone())
        .one("partner_id", "Partner", "res.partner", |_| 1)
        .one("currency_id", "Currency", "res.currency", move |_| currency)
        .bool("active", "Active", |_| true)
        .build([world.company.clone()], |_| 1)
}

pub(in crate::systems::odoo) fn units(_world: &World) -> Table {
    Builder::new("uom.uom", "Unit of Measure", "id")
        .char("name", "Unit Name", |row: &(u32, &str)| row.1)
        .char("display_name", "Display Name", |row| row.1)
        .bool("active", "Active", |_| true)
        .build([(1, "Units"), (6, "m"), (11, "L")], |row| row.0)
}

enum Party<'a> {
    Company(&'a World),
    User(&'a User),
    Vendor(&'a Vendor),
}

impl Party<'_> {
    fn id(&self) -> u32 {
        match self {
            Self::Company(_) => 1,
            Self::User(user) => user.id + 1,
            Self::Vendor(vendor) => partner_of_vendor(vendor.id),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Company(world) => world.company.clone(),
            Self::User(user) => user.name.clone(),
            Self::Vendor(vendor) => vendor.name.clone(),
        }
    }

    fn vendor(&self) -> Option<&Vendor> {
        match self {
            Self::Vendor(vendor) => Some(vendor),
            _ => None,
        }
    }

    fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            _ => None,
        }
    }
}

pub(in crate::systems::odoo) fn partners(world: &World) -> Table {
    let (countries, states) = (country_words(world), state_words(world));
    let (currencies, terms) = (currency_words(world), term_words(world));
    let ordered = |vendor: u32| {
        world
            .purchase_orders
            .iter()
            .filter(|order| order.vendor == vendor)
            .count()
    };
    let rows = std::iter::once(Party::Company(world))
        .chain(world.users.iter().map(Party::User))
        .chain(world.vendors.iter().map(Party::Vendor));
    let own = plant::usual().vendors.first().map(|vendor| &vendor.custom);
    Builder::new("res.partner", "Contact", "name")
        .char("name", "Name", Party::name)
        .char("display_name", "Display Name", Party::name)
        .char("complete_name", "Complete Name", Party::name)
        .char("ref", "Reference", |party| {
            party.vendor().map(|vendor| vendor.number.clone())
        })
        .char("email", "Email", |party| {
            party
                .vendor()
                .map(|vendor| vendor.email.clone())
                .or(party.user().map(|user| user.email.clone()))
        })
        .char("phone", "Phone", |party| {
            party
                .vendor()
                .map(|vendor| vendor.phone.clone())
                .or(party.user().map(|user| user.phone.clone()))
        })
        .char("vat", "Tax ID", |party| {
            party.vendor().map(|vendor| vendor.tax_number.clone())
        })
        .char("company_registry", "Company ID", |party| {
            party.vendor().map(|vendor| vendor.portal_code())
        })
        .char("website", "Website Link", |party| {
            party.vendor().map(|vendor| vendor.website.clone())
        })
        .char("street", "Street", |party| {
            party.vendor().map(|vendor| vendor.street.clone())
        })
        .char("street2", "Street2", |_| "")
        .char("city", "City", |party| party.vendor().map(|vendor| vendor.city.clone()))
        .char("zip", "Zip", |party| {
            party.vendor().map(|vendor| vendor.postal_code.clone())
        })
        .one("state_id", "State", "res.country.state", move |party| {
            party.vendor().and_then(|vendor| id_in(&states, &vendor.region))
        })
        .one("country_id", "Country", "res.country", move |party| {
            party.vendor().and_then(|vendor| id_in(&countries, &vendor.country))
        })
        .char("country_code", "Country Code", |party| {
            party.vendor().map(|vendor| vendor.country.clone())
        })
        .computed()
        .html("comment", "Notes", |party| {
            party
                .vendor()
                .filter(|vendor| !vendor.notes.is_empty())
                .map(|vendor| format!("<p>{}</p>", vendor.notes.replace('\n', "<br>")))
        })
        .text("purchase_warn_msg", "Message for Purchase Order", |party| {
            party
                .vendor()
                .filter(|vendor| vendor.status == VendorStatus::Blocked)
                .map(|_| "Blocked for purchasing")
        })
        .bool("active", "Active", |party| match party {
            Party::Vendor(vendor) => vendor.status != VendorStatus::Inactive,
            Party::User(user) => user.active,
            Party::Company(_) => true,
        })
        .bool("is_company", "Is a Company", |party| party.user().is_none())
        .select(
            "company_type",
            "Company Type",
            &[("person", "Person"), ("company", "Company")],
            |party| {
                if party.user().is_none() { "company" } else { "person" }
            },
        )
        .select(
            "type",
            "Address Type",
            &[
                ("contact", "Contact"),
                ("invoice", "Invoice"),
                ("delivery", "Delivery"),
                ("other", "Other"),
            ],
            |_| "contact",
        )
        .int("supplier_rank", "Supplier Rank", |party| {
            party.vendor().map_or(0_u32, |_| 1)
        })
        .int("customer_rank", "Customer Rank", |_| 0_u32)
        .int("purchase_order_count", "Purchase Order Count", move |party| {
            party
                .vendor()
                .map_or(0, |vendor| i64::try_from(ordered(vendor.id)).unwrap_or(0))
        })
        .computed()
        .one("parent_id", "Related Company", "res.partner", |party| {
            party.user().map(|_| 1)
        })
        .one(
            "property_supplier_payment_term_id",
            "Vendor Payment Terms",
            "account.payment.term",
            move |party| party.vendor().and_then(|vendor| id_in(&terms, &vendor.payment_terms)),
        )
        .one(
            "property_purchase_currency_id",
            "Supplier Currency",
            "res.currency",
            move |party| party.vendor().and_then(|vendor| id_in(&currencies, &vendor.currency)),
        )
        .char("lang", "Language", |_| "en_US")
        .one("company_id", "Company", "res.company", |_| None)
        .moment("create_date", "Created on", |party| match party {
            Party::Vendor(vendor) => vendor.created_at,
            Party::User(user) => user.created_at,
            Party::Company(_) => now() - chrono::Duration::days(1500),
        })
        .moment("write_date", "Last Updated on", |party| match party {
            Party::Vendor(vendor) => vendor.updated_at,
            Party::User(user) => user.updated_at,
            Party::Company(_) => now() - chrono::Duration::days(1500),
        })
        .char("x_studio_contact_name", "Contact Name", |party| {
            party.vendor().map(|vendor| vendor.contact_name.clone())
        })
        .own()
        .char("x_studio_legal_name", "Legal Name", |party| {
            party.vendor().map(|vendor| vendor.legal_name.clone())
        })
        .own()
        .custom(STUDIO, own, |party: &Party<'_>| {
            party.vendor().map(|vendor| vendor.custom.clone())
        })
        .build(rows, Party::id)
        .read_only(&["complete_name", "create_date", "write_date"])
}

impl Vendor {
    fn portal_code(&self) -> String {
        format!("HRB {}", 10_000 + self.id)
    }
}

pub(in crate::systems::odoo) fn users(world: &World) -> Table {
    Builder::new("res.users", "User", "name, login")
        .char("name", "Name", |user: &&User| user.name.clone())
        .char("display_name", "Display Name", |user| user.name.clone())
        .char("login", "Login", |user| user.login.clone())
        .required()
        .char("email", "Email", |user| user.email.clone())
        .char("phone", "Phone", |user| user.phone.clone())
        .char("function", "Job Position", |user| user.role.clone())
        .bool("active", "Active", |user| user.active)
        .bool("share", "Share User", |_| false)
        .one("partner_id", "Related Partner", "res.partner", |user| user.id + 1)
        .one("company_id", "Company", "res.company", |_| 1)
        .many("company_ids", "Companies", "res.company", |_| vec![1])
        .char("lang", "Language", |_| "en_US")
        .char("tz", "Timezone", |_| "Europe/Berlin")
        .moment("create_date", "Created on", |user| user.created_at)
        .moment("write_date", "Last Updated on", |user| user.updated_at)
        .build(&world.users, |user| user_id(user.id))
}
