//! Business partners in the role of suppliers, with addresses and purchasing data.

use chrono::NaiveDate;

use super::{
    codes::{self, COMPANY, LANGUAGE, PURCHASING},
    service::Set,
};
use crate::{
    odata::{Model, Row},
    world::{Vendor, VendorStatus, World},
};

/// The context in the names of the customer's fields.
const CONTEXT: &str = "SUP";

/// Adds the customer's supplier fields.
pub(super) fn extend(model: &mut Model, world: &World) {
    codes::extend(
        model,
        "A_Supplier",
        CONTEXT,
        world.vendors.iter().map(|vendor| &vendor.custom),
    );
}

/// Returns the rows of the service.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let all = |row: fn(&Vendor) -> Row| -> Vec<Row> { world.vendors.iter().map(row).collect() };
    vec![
        ("A_BusinessPartner", all(partner)),
        ("A_Supplier", all(supplier)),
        ("A_SupplierCompany", all(company)),
        ("A_SupplierPurchasingOrg", all(purchasing)),
        ("A_BusinessPartnerAddress", all(address)),
        ("A_BusinessPartnerRole", world.vendors.iter().flat_map(roles).collect()),
        ("A_BusinessPartnerTaxNumber", all(tax_number)),
        ("A_AddressEmailAddress", all(email)),
        ("A_AddressPhoneNumber", all(phone)),
        ("A_AddressHomePageURL", all(website)),
    ]
}

fn number(vendor: &Vendor) -> String {
    codes::supplier(vendor.id)
}

fn address_id(vendor: &Vendor) -> String {
    (20_000 + vendor.id).to_string()
}

fn partner(vendor: &Vendor) -> Row {
    Row::new()
        .with("BusinessPartner", number(vendor))
        .with("Supplier", number(vendor))
        .with("BusinessPartnerCategory", "2")
        .with("BusinessPartnerFullName", &vendor.name)
        .with("BusinessPartnerName", &vendor.name)
        .with("BusinessPartnerGrouping", "BP02")
        .with(
            "BusinessPartnerUUID",
            format!("0894ef30-1a2b-1eda-8000-{:012x}", vendor.id),
        )
        .with("OrganizationBPName1", &vendor.name)
        .with("OrganizationBPName2", &vendor.legal_name)
        .with("SearchTerm1", &vendor.number)
        .with("CreationDate", vendor.created_at)
        .with("CreationTime", vendor.created_at)
        .with("CreatedByUser", "CB9980000010")
        .with("LastChangeDate", vendor.updated_at)
        .with("LastChangeTime", vendor.updated_at)
        .with("LastChangedByUser", "CB9980000010")
        .with("BusinessPartnerIsBlocked", vendor.status == VendorStatus::Blocked)
        .with("IsMarkedForArchiving", vendor.status == VendorStatus::Inactive)
        .with(
            "ETag",
            format!("CB9980000010{}", vendor.updated_at.format("%Y%m%d%H%M%S")),
        )
}

fn supplier(vendor: &Vendor) -> Row {
    let is_blocked = vendor.status == VendorStatus::Blocked;
    let row = Row::new()
        .with("Supplier", number(vendor))
        .with("SupplierAccountGroup", "SUPL")
        .with("SupplierFullName", &vendor.legal_name)
        .with("SupplierName", &vendor.name)
        .with("VATRegistration", &vendor.tax_number)
        .with("CreationDate", vendor.created_at)
        .with("CreatedByUser", "CB9980000010")
        .with("PurchasingIsBlocked", is_blocked)
        .with("SupplierProcurementBlock", if is_blocked { "01" } else { "" })
        .with("DeletionIndicator", vendor.status == VendorStatus::Inactive);
    codes::own_fields(row, CONTEXT, &vendor.custom)
}

fn company(vendor: &Vendor) -> Row {
    Row::new()
        .with("Supplier", number(vendor))
        .with("CompanyCode", COMPANY)
        .with("PaymentTerms", codes::payment_terms(&vendor.payment_terms).0)
        .with("Currency", "EUR")
        .with("ReconciliationAccount", "21100000")
        .with("SupplierIsBlockedForPosting", vendor.status == VendorStatus::Inactive)
        .with("SupplierAccountNote", &vendor.notes)
        .with("SupplierAccountGroup", "SUPL")
}

fn purchasing(vendor: &Vendor) -> Row {
    Row::new()
        .with("Supplier", number(vendor))
        .with("PurchasingOrganization", PURCHASING)
        .with("PaymentTerms", codes::payment_terms(&vendor.payment_terms).0)
        .with("PurchaseOrderCurrency", &vendor.currency)
        .with("PurchasingIsBlockedForSupplier", vendor.status == VendorStatus::Blocked)
        .with("DeletionIndicator", vendor.status == VendorStatus::Inactive)
        .with("SupplierRespSalesPersonName", &vendor.contact_name)
        .with("SupplierPhoneNumber", &vendor.phone)
        .with("SupplierAccountGroup", "SUPL")
}

fn address(vendor: &Vendor) -> Row {
    Row::new()
        .with("BusinessPartner", number(vendor))
        .with("AddressID", address_id(vendor))
        .with("ValidityStartDate", vendor.created_at)
        .with_some("ValidityEndDate", NaiveDate::from_ymd_opt(9999, 12, 31))
        .with("AddressTimeZone", "CET")
        .with("FullName", &vendor.name)
        .with("StreetName", &vendor.street)
        .with("CityName", &vendor.city)
        .with("Region", codes::region(&vendor.region))
        .with("District", &vendor.region)
        .with("PostalCode", &vendor.postal_code)
        .with("Country", &vendor.country)
        .with("Language", LANGUAGE)
}

fn roles(vendor: &Vendor) -> Vec<Row> {
    let role = |role: &'static str| {
        Row::new()
            .with("BusinessPartner", number(vendor))
            .with("BusinessPartnerRole", role)
            .with("ValidFrom", vendor.created_at)
            .with_some("ValidTo", NaiveDate::from_ymd_opt(9999, 12, 31))
    };
    vec![role("FLVN00"), role("FLVN01")]
}

fn tax_number(vendor: &Vendor) -> Row {
    Row::new()
        .with("BusinessPartner", number(vendor))
        .with("BPTaxType", format!("{}0", vendor.country))
        .with("BPTaxNumber", &vendor.tax_number)
}

fn contact(vendor: &Vendor) -> Row {
    Row::new()
        .with("AddressID", address_id(vendor))
        .with("OrdinalNumber", "1")
}

fn email(vendor: &Vendor) -> Row {
    contact(vendor)
        .with("IsDefaultEmailAddress", true)
        .with("EmailAddress", &vendor.email)
}

fn phone(vendor: &Vendor) -> Row {
    contact(vendor)
        .with("IsDefaultPhoneNumber", true)
        .with("PhoneNumber", &vendor.phone)
        .with("InternationalPhoneNumber", &vendor.phone)
        .with("PhoneNumberType", "1")
        .with("DestinationLocationCountry", &vendor.country)
}

fn website(vendor: &Vendor) -> Row {
    contact(vendor)
        .with_some("ValidityStartDate", NaiveDate::from_ymd_opt(1, 1, 1))
        .with("IsDefaultURLAddress", true)
        .with("WebsiteURL", &vendor.website)
}
