//! Writes of vendors.

use super::{
    Rest, Writing,
    find::{self, fill, log},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, value},
    systems::dynamics::codes::COMPANY,
    world::{Vendor, VendorStatus},
};

const VENDORS: &str = "VendorsV2";

/// Makes a vendor; the account number comes from a sequence unless it was given.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    let name = draft
        .text("VendorOrganizationName")
        .ok_or_else(|| fill("Name"))?
        .to_owned();
    if draft.text("VendorGroupId").is_none() {
        return Err(fill("Group"));
    }
    let id = writing.world.vendors.iter().map(|vendor| vendor.id).max().unwrap_or(0) + 1;
    let number = draft.take("VendorAccountNumber").map(|number| number.text().to_owned());
    let number = number
        .filter(|number| !number.is_empty())
        .unwrap_or_else(|| format!("V-{}", 1000 + id));
    if find::vendor(&writing.world, &number).is_ok() {
        return Err(log(format!(
            "Cannot create a record in Vendors. Vendor account: {number}. The record already exists."
        )));
    }
    let mut vendor = Vendor {
        id,
        number: number.clone(),
        name,
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
        currency: writing.world.currency.clone(),
        payment_terms: String::new(),
        status: VendorStatus::Active,
        notes: String::new(),
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    };
    let rest = place_all(&mut vendor, draft)?;
    let company = COMPANY.to_uppercase();
    writing.notes.create(VENDORS, format!("{company}/{number}"), &rest);
    writing.world.vendors.push(vendor);
    Ok(vec![company.into(), number.into()])
}

fn place_all(vendor: &mut Vendor, draft: Draft) -> Result<Rest, Problem> {
    let mut rest = Rest::new();
    for (name, value) in draft.values {
        if !place(vendor, &name, &value)? {
            rest.push((name, value));
        }
    }
    Ok(rest)
}

fn place(vendor: &mut Vendor, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    let field = match name {
        "VendorOrganizationName" if text.is_empty() => return Err(fill("Name")),
        "VendorOrganizationName" => &mut vendor.name,
        "VendorKnownAsName" => &mut vendor.legal_name,
        "VendorGroupId" => {
            find::one_of(text, &["10", "20", "30", "40"], "Group", "Vendor groups")?;
            return Ok(false);
        }
        "CurrencyCode" => {
            find::one_of(text, find::CURRENCIES, "Currency", "Currencies")?;
            &mut vendor.currency
        }
        "DefaultPaymentTermsName" => {
            find::one_of(text, find::PAYMENT_TERMS, "Terms of payment", "Terms of payment")?;
            &mut vendor.payment_terms
        }
        "OnHoldStatus" => {
            vendor.status = match text {
                "No" | "Never" => VendorStatus::Active,
                "All" => VendorStatus::Inactive,
                _ => VendorStatus::Blocked,
            };
            return Ok(false);
        }
        "TaxExemptNumber" => &mut vendor.tax_number,
        "PrimaryEmailAddress" => &mut vendor.email,
        "PrimaryPhoneNumber" => &mut vendor.phone,
        "PrimaryURL" => &mut vendor.website,
        "PrimaryContactPersonId" => &mut vendor.contact_name,
        "AddressStreet" => &mut vendor.street,
        "AddressCity" => &mut vendor.city,
        "AddressStateId" => &mut vendor.region,
        "AddressZipCode" => &mut vendor.postal_code,
        "AddressCountryRegionISOCode" => &mut vendor.country,
        "AddressCountryRegionId" if text.len() == 2 => &mut vendor.country,
        "Notes" => &mut vendor.notes,
        _ => return Ok(false),
    };
    text.clone_into(field);
    Ok(true)
}

/// Changes a vendor.
pub(super) fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    let id = find::vendor(&writing.world, value(entity, row, "VendorAccountNumber").text())?.id;
    let mut rest = Rest::new();
    if let Some(vendor) = writing.world.vendors.iter_mut().find(|vendor| vendor.id == id) {
        rest = place_all(vendor, draft)?;
        vendor.updated_at = writing.at;
    }
    writing.notes.change(VENDORS, entity.row_key(row), &rest);
    Ok(())
}

/// Deletes a vendor that nothing refers to.
pub(super) fn delete(writing: &mut Writing<'_>, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let number = value(entity, row, "VendorAccountNumber").text();
    let id = find::vendor(&writing.world, number)?.id;
    let world = &writing.world;
    let is_used = world.purchase_orders.iter().any(|order| order.vendor == id)
        || world.items.iter().any(|item| item.vendor == id)
        || world.assets.iter().any(|asset| asset.vendor == Some(id))
        || world.work_orders.iter().any(|work| work.vendor == Some(id));
    if is_used {
        return Err(log(format!(
            "Vendor {number} cannot be deleted while dependent records exist in other tables."
        )));
    }
    writing.world.vendors.retain(|vendor| vendor.id != id);
    writing.notes.delete(VENDORS, entity.row_key(row));
    Ok(())
}
