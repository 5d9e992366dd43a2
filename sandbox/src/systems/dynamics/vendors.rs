//! Vendors. This entity writes the company in capital letters, unlike purchase orders.

use super::{
    codes::{self, COMPANY, OTHER, row_in_capitals, yes_no},
    entities::Set,
};
use crate::{
    odata::Row,
    world::{Vendor, VendorStatus, World},
};

/// Returns the vendors; those of the first orders exist in the other company too, under the same
/// account number.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let mut rows: Vec<Row> = world.vendors.iter().map(|vendor| row(vendor, COMPANY)).collect();
    let mut copied: Vec<u32> = world.purchase_orders.iter().take(2).map(|order| order.vendor).collect();
    copied.dedup();
    rows.extend(
        copied
            .into_iter()
            .filter_map(|id| world.find_vendor(id))
            .map(|vendor| row(vendor, OTHER)),
    );
    vec![("VendorsV2", rows)]
}

fn on_hold(status: VendorStatus) -> &'static str {
    match status {
        VendorStatus::Active => "No",
        VendorStatus::Blocked => "Invoice",
        VendorStatus::Inactive => "All",
    }
}

fn row(vendor: &Vendor, company: &str) -> Row {
    let address = codes::formatted_address(&vendor.street, &vendor.postal_code, &vendor.city, &vendor.country);
    let row = row_in_capitals(company)
        .with("VendorAccountNumber", &vendor.number)
        .with("VendorOrganizationName", &vendor.name)
        .with("VendorKnownAsName", &vendor.legal_name)
        .with("VendorSearchName", vendor.name.chars().take(20).collect::<String>())
        .with("VendorGroupId", "10")
        .with("VendorPartyType", "Organization")
        .with("VendorPartyNumber", format!("{:09}", vendor.id))
        .with("CurrencyCode", &vendor.currency)
        .with("DefaultPaymentTermsName", &vendor.payment_terms)
        .with("OnHoldStatus", on_hold(vendor.status))
        .with("TaxExemptNumber", &vendor.tax_number)
        .with("PrimaryEmailAddress", &vendor.email)
        .with("PrimaryPhoneNumber", &vendor.phone)
        .with("PrimaryURL", &vendor.website)
        .with("PrimaryContactPersonId", &vendor.contact_name)
        .with("AddressStreet", &vendor.street)
        .with("AddressCity", &vendor.city)
        .with("AddressStateId", &vendor.region)
        .with("AddressZipCode", &vendor.postal_code)
        .with("AddressCountryRegionId", &vendor.country)
        .with("AddressCountryRegionISOCode", &vendor.country)
        .with("FormattedPrimaryAddress", address)
        .with("Notes", &vendor.notes)
        .with("LanguageId", "en-us")
        .with("InvoiceVendorAccountNumber", &vendor.number)
        .with("IsOneTimeVendor", yes_no(false));
    if company == COMPANY {
        codes::own_fields(row, &vendor.custom)
    } else {
        row
    }
}
