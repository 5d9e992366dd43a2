//! Parties with addresses, mail and identifiers; employees and users. Ids: party 1 is the company,
//! users' parties follow, a vendor's party is its id plus 100.

use chrono::{DateTime, Utc};

use super::OWN;
use super::small::{country_words, currency_words, id_in, subdivision_words, term_words};
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{Location, User, Vendor, VendorStatus, World, now};

pub(in crate::systems::tryton) fn party_of_vendor(vendor: u32) -> u32 {
    vendor + 100
}

pub(super) fn party_of_user(user: u32) -> u32 {
    user + 1
}

/// Returns the time of the last change; none when the record was never changed.
pub(super) fn changed(created: DateTime<Utc>, updated: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (updated > created).then_some(updated)
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
            Self::User(user) => party_of_user(user.id),
            Self::Vendor(vendor) => party_of_vendor(vendor.id),
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

    fn stamps(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        match self {
            Self::Company(_) => (now(), now()),
            Self::User(user) => (user.created_at, user.updated_at),
            Self::Vendor(vendor) => (vendor.created_at, vendor.updated_at),
        }
    }
}

pub(super) fn parties(world: &World) -> Table {
    let (currencies, terms) = (currency_words(world), term_words(world));
    let rows = std::iter::once(Party::Company(world))
        .chain(world.users.iter().map(Party::User))
        .chain(world.vendors.iter().map(Party::Vendor));
    let own = plant::usual().vendors.first().map(|vendor| &vendor.custom);
    Builder::new("party.party", "Party", "name, id")
        .char("name", "Name", Party::name)
        .char("rec_name", "Record Name", Party::name)
        .char("full_name", "Full Name", Party::name)
        .computed()
        .char("code", "Code", |party| {
            party
                .vendor()
                .map_or_else(|| party.id().to_string(), |vendor| vendor.number.clone())
        })
        .required()
        .bool("active", "Active", |party| match party {
            Party::Vendor(vendor) => vendor.status != VendorStatus::Inactive,
            Party::User(user) => user.active,
            Party::Company(_) => true,
        })
        .children("addresses", "Addresses", "party.address", |party| match party {
            Party::User(_) => Vec::new(),
            Party::Vendor(vendor) if !has_address(vendor) => Vec::new(),
            _ => vec![party.id()],
        })
        .children(
            "contact_mechanisms",
            "Contact Mechanisms",
            "party.contact_mechanism",
            |party| {
                party
                    .vendor()
                    .map_or_else(Vec::new, |vendor| ways(vendor).map(|way| way.id).collect())
            },
        )
        .children("identifiers", "Identifiers", "party.identifier", |party| {
            let vendor = party.vendor().filter(|vendor| !vendor.tax_number.is_empty());
            vendor.map_or_else(Vec::new, |vendor| vec![vendor.id])
        })
        .one("tax_identifier", "Tax Identifier", "party.identifier", |party| {
            let vendor = party.vendor().filter(|vendor| !vendor.tax_number.is_empty());
            vendor.map(|vendor| vendor.id)
        })
        .computed()
        .char("email", "Email", |party| {
            party.vendor().map(|vendor| vendor.email.clone())
        })
        .computed()
        .char("phone", "Phone", |party| {
            party.vendor().map(|vendor| vendor.phone.clone())
        })
        .computed()
        .char("mobile", "Mobile", |_| "")
        .computed()
        .char("fax", "Fax", |_| "")
        .computed()
        .char("website", "Website", |party| {
            party.vendor().map(|vendor| vendor.website.clone())
        })
        .computed()
        .one(
            "supplier_payment_term",
            "Supplier Payment Term",
            "account.invoice.payment_term",
            move |party| party.vendor().and_then(|vendor| id_in(&terms, &vendor.payment_terms)),
        )
        .one(
            "supplier_currency",
            "Supplier Currency",
            "currency.currency",
            move |party| party.vendor().and_then(|vendor| id_in(&currencies, &vendor.currency)),
        )
        .one("lang", "Language", "ir.lang", |_| None)
        .one("replaced_by", "Replaced By", "party.party", |_| None)
        .moment("create_date", "Created at", |party| party.stamps().0)
        .moment("write_date", "Edited at", |party| {
            let (created, updated) = party.stamps();
            changed(created, updated)
        })
        .bool("x_blocked", "Blocked", |party| {
            party.vendor().map(|vendor| vendor.status == VendorStatus::Blocked)
        })
        .own()
        .char("x_legal_name", "Legal name", |party| {
            party.vendor().map(|vendor| vendor.legal_name.clone())
        })
        .own()
        .text("x_notes", "Notes", |party| {
            party.vendor().map(|vendor| vendor.notes.clone())
        })
        .own()
        .custom(OWN, own, |party: &Party<'_>| {
            party.vendor().map(|vendor| vendor.custom.clone())
        })
        .build(rows, Party::id)
}

enum Place<'a> {
    Site(&'a Location),
    Vendor(&'a Vendor),
}

impl Place<'_> {
    /// Returns the parts: street, city, region, postal code, country.
    fn parts(&self) -> [&str; 5] {
        match self {
            Self::Site(site) => [&site.street, &site.city, &site.region, &site.postal_code, &site.country],
            Self::Vendor(vendor) => [
                &vendor.street,
                &vendor.city,
                &vendor.region,
                &vendor.postal_code,
                &vendor.country,
            ],
        }
    }

    fn full(&self) -> String {
        let [street, city, _, postal_code, country] = self.parts();
        format!("{street}\n{postal_code} {city}\n{country}")
    }

    fn party(&self) -> u32 {
        match self {
            Self::Site(_) => 1,
            Self::Vendor(vendor) => party_of_vendor(vendor.id),
        }
    }
}

pub(super) fn addresses(world: &World) -> Table {
    let (countries, subdivisions) = (country_words(world), subdivision_words(world));
    let site = world.locations.first().map(Place::Site);
    Builder::new("party.address", "Party Address", "party, id")
        .one("party", "Party", "party.party", Place::party)
        .required()
        .char("rec_name", "Record Name", |place| place.full().replace('\n', ", "))
        .char("party_name", "Party Name", |_| "")
        .char("attn", "Attn", |place| match place {
            Place::Vendor(vendor) => vendor.contact_name.clone(),
            Place::Site(_) => String::new(),
        })
        .text("street", "Street", |place| place.parts()[0].to_owned())
        .char("street_single_line", "Street", |place| place.parts()[0].to_owned())
        .computed()
        .char("city", "City", |place| place.parts()[1].to_owned())
        .char("postal_code", "Postal Code", |place| place.parts()[3].to_owned())
        .one("country", "Country", "country.country", move |place| {
            id_in(&countries, place.parts()[4])
        })
        .one("subdivision", "Subdivision", "country.subdivision", move |place| {
            id_in(&subdivisions, place.parts()[2])
        })
        .text("full_address", "Full Address", Place::full)
        .computed()
        .bool("active", "Active", |_| true)
        .moment("create_date", "Created at", |place| match place {
            Place::Vendor(vendor) => vendor.created_at,
            Place::Site(site) => site.created_at,
        })
        .moment("write_date", "Edited at", |place| match place {
            Place::Vendor(vendor) => changed(vendor.created_at, vendor.updated_at),
            Place::Site(site) => changed(site.created_at, site.updated_at),
        })
        .build(
            site.into_iter().chain(
                world
                    .vendors
                    .iter()
                    .filter(|vendor| has_address(vendor))
                    .map(Place::Vendor),
            ),
            Place::party,
        )
}

fn mechanism_ids(vendor: &Vendor) -> [u32; 3] {
    [vendor.id * 3 - 2, vendor.id * 3 - 1, vendor.id * 3]
}

struct Mechanism<'a> {
    id: u32,
    kind: &'static str,
    value: &'a str,
    vendor: &'a Vendor,
}

fn has_address(vendor: &Vendor) -> bool {
    let place = Place::Vendor(vendor);
    place.parts().iter().any(|part| !part.is_empty())
}

/// Returns the ways to reach a vendor that the plant knows.
fn ways(vendor: &Vendor) -> impl Iterator<Item = Mechanism<'_>> {
    let [mail, phone, site] = mechanism_ids(vendor);
    let all = [
        (mail, "email", vendor.email.as_str()),
        (phone, "phone", vendor.phone.as_str()),
        (site, "website", vendor.website.as_str()),
    ];
    all.into_iter()
        .filter(|(_, _, value)| !value.is_empty())
        .map(move |(id, kind, value)| Mechanism {
            id,
            kind,
            value,
            vendor,
        })
}

pub(super) fn mechanisms(world: &World) -> Table {
    let rows = world.vendors.iter().flat_map(ways);
    let kinds = [
        ("phone", "Phone"),
        ("mobile", "Mobile"),
        ("fax", "Fax"),
        ("email", "Email"),
        ("website", "Website"),
        ("other", "Other"),
    ];
    Builder::new("party.contact_mechanism", "Party Contact Mechanism", "party, id")
        .one("party", "Party", "party.party", |row: &Mechanism<'_>| {
            party_of_vendor(row.vendor.id)
        })
        .required()
        .select("type", "Type", &kinds, |row| row.kind)
        .required()
        .char("value", "Value", |row| row.value)
        .required()
        .char("rec_name", "Record Name", |row| row.value)
        .char("name", "Name", |row| {
            if row.kind == "email" {
                row.vendor.contact_name.clone()
            } else {
                String::new()
            }
        })
        .text("comment", "Comment", |_| "")
        .bool("active", "Active", |_| true)
        .moment("create_date", "Created at", |row| row.vendor.created_at)
        .moment("write_date", "Edited at", |_| None::<DateTime<Utc>>)
        .build(rows, |row| row.id)
}

pub(super) fn identifiers(world: &World) -> Table {
    Builder::new("party.identifier", "Party Identifier", "party, id")
        .one("party", "Party", "party.party", |vendor: &&Vendor| {
            party_of_vendor(vendor.id)
        })
        .required()
        .char("type", "Type", |_| "eu_vat")
        .char("code", "Code", |vendor| vendor.tax_number.clone())
        .required()
        .char("rec_name", "Record Name", |vendor| vendor.tax_number.clone())
        .build(
            world.vendors.iter().filter(|vendor| !vendor.tax_number.is_empty()),
            |vendor| vendor.id,
        )
}

pub(super) fn employees(world: &World) -> Table {
    Builder::new("company.employee", "Employee", "rec_name")
        .one("party", "Party", "party.party", |user: &&User| party_of_user(user.id))
        .required()
        .char("rec_name", "Record Name", |user| user.name.clone())
        .one("company", "Company", "company.company", |_| 1)
        .required()
        .bool("active", "Active", |user| user.active)
        .computed()
        .date("start_date", "Start Date", |user| user.created_at.date_naive())
        .date("end_date", "End Date", |user| {
            (!user.active).then(|| user.updated_at.date_naive())
        })
        .one("supervisor", "Supervisor", "company.employee", |user| {
            (user.id > 2).then_some(2)
        })
        .moment("create_date", "Created at", |user| user.created_at)
        .moment("write_date", "Edited at", |user| {
            changed(user.created_at, user.updated_at)
        })
        .build(&world.users, |user| user.id)
}

pub(super) fn users(world: &World) -> Table {
    Builder::new("res.user", "User", "name")
        .char("name", "Name", |user: &&User| user.name.clone())
        .char("rec_name", "Record Name", |user| user.name.clone())
        .char("login", "Login", |user| user.login.clone())
        .char("email", "Email", |user| user.email.clone())
        .bool("active", "Active", |user| user.active)
        .one("employee", "Current Employee", "company.employee", |user| user.id)
        .many("employees", "Employees", "company.employee", |user| vec![user.id])
        .one("company", "Current Company", "company.company", |_| 1)
        .many("companies", "Companies", "company.company", |_| vec![1])
        .moment("create_date", "Created at", |user| user.created_at)
        .moment("write_date", "Edited at", |user| {
            changed(user.created_at, user.updated_at)
        })
        .build(&world.users, |user| user.id)
}
