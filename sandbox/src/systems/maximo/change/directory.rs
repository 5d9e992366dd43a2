//! Writes of companies.

use serde_json::{Map, Value};

use super::super::dataset::Row;
use super::super::problem::Problem;
use super::super::rows;
use super::draft::{Draft, find_vendor, next_id, samples, text};
use super::payload::Given;
use super::stock;
use crate::world::{Vendor, VendorStatus};

const OBJECT: &str = "COMPANIES";

pub(super) fn create_vendor(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    draft.require(OBJECT, values, &["company"]);
    let vendor = Vendor {
        id: next_id(draft.world.vendors.iter().map(|vendor| vendor.id)),
        number: text(values, "company").unwrap_or_default().to_owned(),
        name: String::new(),
        legal_name: String::new(),
        tax_number: String::new(),
        email: String::new(),
        phone: String::new(),
        contact_name: String::new(),
        website: String::new(),
        street: String::new(),
        city: String::new(),
        region: String::new(),
        postal_code: String::new(),
        country: String::new(),
        currency: draft.world.currency.clone(),
        payment_terms: String::new(),
        status: VendorStatus::Active,
        notes: String::new(),
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = values.clone();
    wanted.insert("compcontact".into(), Value::Array(Vec::new()));
    save(draft, vendor, None, given, true, wanted, batch)
}

pub(super) fn update_vendor(
    draft: &mut Draft<'_>,
    row: &Row,
    given: &Given,
    merge: bool,
    batch: bool,
) -> Result<String, Problem> {
    let number = text(&row.values, "company").unwrap_or_default();
    let vendor = find_vendor(&draft.world, number)
        .and_then(|id| draft.world.find_vendor(id))
        .cloned();
    let vendor = vendor.ok_or_else(|| Problem::not_found(number))?;
    save(draft, vendor, Some(row), given, merge, given.values.clone(), batch)
}

fn save(
    draft: &mut Draft<'_>,
    mut vendor: Vendor,
    before: Option<&Row>,
    given: &Given,
    merge: bool,
    mut wanted: Map<String, Value>,
    batch: bool,
) -> Result<String, Problem> {
    let values = &given.values;
    {
        let set = |name: &str, place: &mut String| {
            if let Some(value) = text(values, name) {
                value.clone_into(place);
            }
        };
        set("name", &mut vendor.name);
        set("registration1", &mut vendor.tax_number);
        set("phone", &mut vendor.phone);
        set("contact", &mut vendor.contact_name);
        set("homepage", &mut vendor.website);
        set("address1", &mut vendor.street);
        set("address2", &mut vendor.city);
        set("address3", &mut vendor.region);
        set("address4", &mut vendor.postal_code);
        set("address5", &mut vendor.country);
        set("paymentterms", &mut vendor.payment_terms);
    }
    if let Some(code) = text(values, "currencycode") {
        if code.chars().count() == 3 {
            code.clone_into(&mut vendor.currency);
        } else {
            draft.invalid(OBJECT, "currencycode", code);
        }
    }
    match text(values, "type") {
        None | Some("V" | "M" | "C" | "I") => {}
        Some(other) => draft.invalid(OBJECT, "type", other),
    }
    match values.get("disabled").and_then(Value::as_bool) {
        Some(true) if vendor.status == VendorStatus::Active => vendor.status = VendorStatus::Blocked,
        Some(false) => vendor.status = VendorStatus::Active,
        _ => {}
    }
    stock::keep_children(draft, &vendor.id, before, given, merge, &mut wanted);
    let known = samples(draft.world.vendors.iter().map(|vendor| &vendor.custom));
    draft.customize(&mut vendor.custom, &known, values);
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    vendor.updated_at = draft.at;
    wanted.insert("changeby".into(), draft.user.as_str().into());
    let id = vendor.id;
    match draft.world.vendors.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = vendor,
        None => draft.world.vendors.push(vendor),
    }
    let row = rows::one("mxapivendor", &draft.world, id).unwrap_or(Value::Null);
    Ok(draft.finish(row, wanted, before.is_none()))
}

pub(super) fn delete_vendor(draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
    let number = text(&row.values, "company").unwrap_or_default();
    let id = find_vendor(&draft.world, number).ok_or_else(|| Problem::not_found(number))?;
    let world = &draft.world;
    let is_used = world.purchase_orders.iter().any(|order| order.vendor == id)
        || world.items.iter().any(|item| item.vendor == id)
        || world.assets.iter().any(|asset| asset.vendor == Some(id))
        || world.work_orders.iter().any(|order| order.vendor == Some(id));
    if is_used {
        return Err(Problem::stays(
            &format!("Company {number}"),
            "other records refer to it",
        ));
    }
    draft.world.vendors.retain(|vendor| vendor.id != id);
    Ok(())
}
