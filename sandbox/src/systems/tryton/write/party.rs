//! Parties that clients write, with their addresses, ways to reach them and identifiers.

use serde_json::Value;

use super::{Given, Session, in_use};
use crate::systems::orm::{Draft, Val, plant};
use crate::systems::tryton::error::TrytonError;
use crate::systems::tryton::models::{OWN, party, small};
use crate::world::{Vendor, VendorStatus};

const PARTY: &str = "party.party";

/// The lists of a party by the model of their rows.
fn list_of(model: &str) -> &'static str {
    match model {
        "party.address" => "addresses",
        "party.contact_mechanism" => "contact_mechanisms",
        _ => "identifiers",
    }
}

fn vendor_of(party: u32) -> Option<u32> {
    party
        .checked_sub(party::party_of_vendor(0))
        .filter(|vendor| *vendor > 0)
}

impl Session<'_> {
    pub(super) fn make_party(&mut self) -> u32 {
        let highest = self
            .draft
            .world
            .vendors
            .iter()
            .map(|vendor| vendor.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id(PARTY, party::party_of_vendor(highest));
        let vendor = id - party::party_of_vendor(0);
        plant::add_vendor(&mut self.draft.world, vendor, self.draft.at);
        if let Some(vendor) = plant::vendor_mut(&mut self.draft.world, vendor) {
            vendor.number = id.to_string();
        }
        id
    }

    /// The code belongs to one party.
    pub(super) fn check_party(&mut self, id: u32) -> Result<(), TrytonError> {
        let vendors = &self.draft.world.vendors;
        let own = vendor_of(id).and_then(|vendor| self.draft.world.find_vendor(vendor));
        match own.filter(|own| {
            vendors
                .iter()
                .any(|other| other.id != own.id && other.number == own.number)
        }) {
            Some(_) => Err(TrytonError::User("The code on party must be unique.".to_owned())),
            None => Ok(()),
        }
    }

    pub(super) fn delete_party(&mut self, id: u32) -> Result<(), TrytonError> {
        let Some(vendor) = vendor_of(id) else {
            return Err(in_use("Party", "Company Employee"));
        };
        if self
            .draft
            .world
            .purchase_orders
            .iter()
            .any(|order| order.vendor == vendor)
        {
            return Err(in_use("Party", "Purchase"));
        }
        if self.draft.world.items.iter().any(|item| item.vendor == vendor) {
            return Err(in_use("Supplier", "Product Supplier"));
        }
        for model in ["party.address", "party.contact_mechanism", "party.identifier"] {
            for row in self.draft.value(PARTY, id, list_of(model)).ids().to_vec() {
                self.draft.gone(model, row);
            }
        }
        self.draft.world.vendors.retain(|one| one.id != vendor);
        Ok(())
    }

    /// Makes a row of a party: in the place that the plant has for one of its kind, or beside it.
    pub(super) fn make_detail(&mut self, model: &'static str, given: &[Given]) -> Result<u32, TrytonError> {
        let of = |name: &str| given.iter().find(|one| one.field.name == name).map(|one| &one.value);
        let party = of("party").and_then(Val::id).unwrap_or(0);
        if let (Some("eu_vat"), Some(Val::Text(code))) = (of("type").and_then(Val::text), of("code"))
            && (code.len() < 4 || !code.starts_with(|letter: char| letter.is_ascii_uppercase()))
        {
            let name = self.name(PARTY, party);
            return Err(TrytonError::User(format!(
                "The European VAT Number \"{code}\" for party \"{name}\" is not valid."
            )));
        }
        let kind = of("type").and_then(Val::text).unwrap_or("").to_owned();
        let vendor = vendor_of(party).and_then(|vendor| self.draft.world.find_vendor(vendor).cloned());
        let free = vendor.and_then(|vendor| free_place(model, &vendor, &kind));
        let id = match free {
            Some(id) => id,
            None => {
                let id = self.draft.next_id(model, 1_000_000);
                self.draft.made_beside(model, id);
                id
            }
        };
        self.draft.made(model, id);
        if free.is_some() && model == "party.contact_mechanism" {
            self.draft.keep(model, id, "type", kind);
        }
        self.draft.keep(model, id, "active", true);
        self.draft.touched(PARTY, party);
        self.relist(PARTY, party, list_of(model), id, true);
        Ok(id)
    }

    pub(super) fn delete_detail(&mut self, model: &'static str, id: u32) {
        let party = self.draft.value(model, id, "party").id();
        if let Some(party) = party {
            self.draft.touched(PARTY, party);
            self.relist(PARTY, party, list_of(model), id, false);
        }
        if self.draft.is_beside(model, id) {
            return;
        }
        let fields: &[&str] = match model {
            "party.address" => &["street", "city", "postal_code", "country", "subdivision"],
            "party.contact_mechanism" => &["value"],
            _ => &["code"],
        };
        for field in fields {
            set_detail(&mut self.draft, model, id, field, &Val::Null);
        }
    }
}

/// Returns the id of the row that the plant still has room for.
fn free_place(model: &str, vendor: &Vendor, kind: &str) -> Option<u32> {
    let parts = [
        &vendor.street,
        &vendor.city,
        &vendor.region,
        &vendor.postal_code,
        &vendor.country,
    ];
    match (model, kind) {
        ("party.address", _) if parts.iter().all(|part| part.is_empty()) => Some(party::party_of_vendor(vendor.id)),
        ("party.contact_mechanism", "email") if vendor.email.is_empty() => Some(vendor.id * 3 - 2),
        ("party.contact_mechanism", "phone") if vendor.phone.is_empty() => Some(vendor.id * 3 - 1),
        ("party.contact_mechanism", "website") if vendor.website.is_empty() => Some(vendor.id * 3),
        ("party.identifier", _) if vendor.tax_number.is_empty() => Some(vendor.id),
        _ => None,
    }
}

/// Puts a value of a party into the plant; says whether it has a place there.
pub(super) fn set(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    let at = draft.at;
    let terms = plant::word(&small::term_words(&draft.world), value.id());
    let currency = plant::word(&small::currency_words(&draft.world), value.id());
    let Some(vendor) = vendor_of(id).and_then(|vendor| plant::vendor_mut(&mut draft.world, vendor)) else {
        return false;
    };
    vendor.updated_at = at;
    let text = value.text().unwrap_or_default().to_owned();
    match field {
        "name" => vendor.name = text,
        "code" => vendor.number = text,
        "email" => vendor.email = text,
        "phone" => vendor.phone = text,
        "website" => vendor.website = text,
        "supplier_payment_term" => vendor.payment_terms = terms,
        "supplier_currency" => vendor.currency = currency,
        "x_legal_name" => vendor.legal_name = text,
        "x_notes" => vendor.notes = text,
        "active" | "x_blocked" => {
            vendor.status = match (field, value.flag(), vendor.status) {
                ("active", false, _) => VendorStatus::Inactive,
                ("active", true, VendorStatus::Inactive) => VendorStatus::Active,
                ("x_blocked", true, VendorStatus::Active) => VendorStatus::Blocked,
                ("x_blocked", false, VendorStatus::Blocked) => VendorStatus::Active,
                (_, _, status) => status,
            }
        }
        _ => {
            let sample = plant::usual().vendors.first().map(|one| &one.custom);
            let key = field.strip_prefix(OWN);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut vendor.custom, sample, key, value));
        }
    }
    true
}

/// Puts a value of a party's row into the plant; says whether it has a place there.
pub(super) fn set_detail(draft: &mut Draft<'_>, model: &str, id: u32, field: &str, value: &Val) -> bool {
    let country = plant::word(&small::country_words(&draft.world), value.id());
    let region = plant::word(&small::subdivision_words(&draft.world), value.id());
    let vendor = match model {
        "party.address" => vendor_of(id),
        "party.contact_mechanism" => Some(id.div_ceil(3)),
        _ => Some(id),
    };
    let Some(vendor) = vendor.and_then(|vendor| plant::vendor_mut(&mut draft.world, vendor)) else {
        return false;
    };
    let text = value.text().unwrap_or_default().to_owned();
    match (model, field) {
        (_, "party") => {}
        ("party.address", "street") => vendor.street = text,
        ("party.address", "city") => vendor.city = text,
        ("party.address", "postal_code") => vendor.postal_code = text,
        ("party.address", "country") => vendor.country = country,
        ("party.address", "subdivision") => vendor.region = region,
        ("party.address", "attn") => vendor.contact_name = text,
        ("party.contact_mechanism", "value") => match id % 3 {
            1 => vendor.email = text,
            2 => vendor.phone = text,
            _ => vendor.website = text,
        },
        ("party.identifier", "code") => vendor.tax_number = text,
        _ => return false,
    }
    true
}

/// An id as a kept value.
pub(super) fn id_value(id: Option<u32>) -> Value {
    id.map_or(Value::Null, Value::from)
}
