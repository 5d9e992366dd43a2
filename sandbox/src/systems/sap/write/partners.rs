//! Writes of business partners that are suppliers, with their addresses, roles, tax numbers, company and purchasing data.

use super::{
    Writing,
    find::{self, enter},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, value},
    systems::sap::{
        codes::{self, COMPANY, PURCHASING},
        logon,
    },
    world::{Vendor, VendorStatus},
};

/// The sets of business partners.
pub(super) const SETS: [&str; 10] = [
    "A_BusinessPartner",
    "A_Supplier",
    "A_SupplierCompany",
    "A_SupplierPurchasingOrg",
    "A_BusinessPartnerAddress",
    "A_BusinessPartnerRole",
    "A_BusinessPartnerTaxNumber",
    "A_AddressEmailAddress",
    "A_AddressPhoneNumber",
    "A_AddressHomePageURL",
];

/// The marks that block or end a supplier, each with its set and the key below the supplier number.
const MARKS: [(&str, &str, &str); 8] = [
    ("A_BusinessPartner", "", "BusinessPartnerIsBlocked"),
    ("A_BusinessPartner", "", "IsMarkedForArchiving"),
    ("A_Supplier", "", "PurchasingIsBlocked"),
    ("A_Supplier", "", "SupplierProcurementBlock"),
    ("A_Supplier", "", "DeletionIndicator"),
    ("A_SupplierCompany", COMPANY, "SupplierIsBlockedForPosting"),
    ("A_SupplierPurchasingOrg", PURCHASING, "PurchasingIsBlockedForSupplier"),
    ("A_SupplierPurchasingOrg", PURCHASING, "DeletionIndicator"),
];

/// Makes a business partner in the role of a supplier.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    if let Some(number) = draft.text("BusinessPartner") {
        let message = format!("Number {number} is not in the number range of grouping BP02");
        return Err(Problem::rule("R1/217", message).at("BusinessPartner"));
    }
    let category = draft.text("BusinessPartnerCategory");
    let category = category.ok_or_else(|| enter("Business Partner Category", "BusinessPartnerCategory"))?;
    let name = match category {
        "2" => draft.text("OrganizationBPName1").map(str::to_owned),
        "1" => draft.text("LastName").map(|last| {
            format!("{} {last}", draft.text("FirstName").unwrap_or_default())
                .trim()
                .to_owned()
        }),
        other => {
            let message = format!("Business partner category {other} is not possible for suppliers");
            return Err(Problem::rule("R11/124", message).at("BusinessPartnerCategory"));
        }
    };
    let name = name.ok_or_else(|| enter("Name", "OrganizationBPName1"))?;
    let roles = draft.take_children("to_BusinessPartnerRole");
    let has_role = |wanted: &str| {
        roles
            .iter()
            .any(|role| role.text("BusinessPartnerRole") == Some(wanted))
    };
    if !has_role("FLVN00") && !has_role("FLVN01") {
        let message = "Only business partners with role FLVN00 or FLVN01 are kept in this system";
        return Err(Problem::rule("R11/657", message).at("to_BusinessPartnerRole"));
    }
    let addresses = draft.take_children("to_BusinessPartnerAddress");
    let taxes = draft.take_children("to_BusinessPartnerTax");
    let suppliers = draft.take_children("to_Supplier");
    let address = addresses
        .into_iter()
        .next()
        .ok_or_else(|| enter("Address", "to_BusinessPartnerAddress"))?;
    if address.text("Country").is_none() {
        return Err(enter("Country", "Country"));
    }
    let vendor = empty_vendor(writing, name);
    let number = codes::supplier(vendor.id);
    let id = vendor.id;
    writing.world.vendors.push(vendor);
    draft.set("CreatedByUser", logon::USER);
    draft.set("LastChangedByUser", logon::USER);
    put(writing, id, "A_BusinessPartner", &number, draft, true)?;
    for wanted in ["FLVN00", "FLVN01"] {
        let role = roles
            .iter()
            .find(|role| role.text("BusinessPartnerRole") == Some(wanted));
        give(
            writing,
            id,
            "A_BusinessPartnerRole",
            &format!("{number}/{wanted}"),
            role.cloned(),
        )?;
    }
    put_address(writing, id, &number, address)?;
    let tax = taxes.into_iter().next();
    if let Some(tax) = &tax
        && tax.text("BPTaxType").is_none()
    {
        return Err(enter("Tax Number Category", "BPTaxType"));
    }
    let country = writing
        .world
        .find_vendor(id)
        .map(|vendor| vendor.country.clone())
        .unwrap_or_default();
    give(
        writing,
        id,
        "A_BusinessPartnerTaxNumber",
        &format!("{number}/{country}0"),
        tax,
    )?;
    put_supplier(writing, id, &number, suppliers.into_iter().next().unwrap_or_default())?;
    Ok(vec![number.into()])
}

fn empty_vendor(writing: &Writing<'_>, name: String) -> Vendor {
    let id = writing.world.vendors.iter().map(|vendor| vendor.id).max().unwrap_or(0) + 1;
    Vendor {
        id,
        number: format!("V-{}", 1000 + id),
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
        currency: "EUR".to_owned(),
        payment_terms: String::new(),
        status: VendorStatus::Active,
        notes: String::new(),
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    }
}

fn put_address(writing: &mut Writing<'_>, id: u32, number: &str, mut draft: Draft) -> Result<(), Problem> {
    let address = (20_000 + id).to_string();
    let first = |draft: &mut Draft, name: &str| draft.take_children(name).into_iter().next();
    let email = first(&mut draft, "to_EmailAddress");
    let phone = first(&mut draft, "to_PhoneNumber");
    let website = first(&mut draft, "to_URLAddress");
    put(
        writing,
        id,
        "A_BusinessPartnerAddress",
        &format!("{number}/{address}"),
        draft,
        true,
    )?;
    give(writing, id, "A_AddressEmailAddress", &format!("{address}//1"), email)?;
    give(writing, id, "A_AddressPhoneNumber", &format!("{address}//1"), phone)?;
    let key = format!("{address}//1/0001-01-01 00:00:00/true");
    give(writing, id, "A_AddressHomePageURL", &key, website)
}

fn put_supplier(writing: &mut Writing<'_>, id: u32, number: &str, mut draft: Draft) -> Result<(), Problem> {
    let companies = draft.take_children("to_SupplierCompany");
    let purchasing = draft.take_children("to_SupplierPurchasingOrg");
    put(writing, id, "A_Supplier", number, draft, true)?;
    for (rows, set, property, only) in [
        (companies, "A_SupplierCompany", "CompanyCode", COMPANY),
        (
            purchasing,
            "A_SupplierPurchasingOrg",
            "PurchasingOrganization",
            PURCHASING,
        ),
    ] {
        for row in &rows {
            let given = row.text(property).ok_or_else(|| enter(property, property))?;
            if given != only {
                let message = format!("{property} {given} is not defined");
                return Err(Problem::rule("F2/109", message).at(property));
            }
        }
        give(writing, id, set, &format!("{number}/{only}"), rows.into_iter().next())?;
    }
    Ok(())
}

/// Makes a row below the supplier, or notes that there is none.
fn give(writing: &mut Writing<'_>, id: u32, set: &str, key: &str, draft: Option<Draft>) -> Result<(), Problem> {
    match draft {
        Some(draft) => put(writing, id, set, key, draft, true),
        None => {
            writing.notes.delete(set, key);
            Ok(())
        }
    }
}

/// Changes a row of any of the sets.
pub(super) fn change(
    writing: &mut Writing<'_>,
    set: &str,
    entity: &Entity,
    row: &Row,
    draft: Draft,
) -> Result<(), Problem> {
    let at = |name: &str| value(entity, row, name).text();
    let id = match at("AddressID").parse::<u32>() {
        Ok(address) => address.checked_sub(20_000),
        Err(_) => {
            let number = if at("BusinessPartner").is_empty() {
                at("Supplier")
            } else {
                at("BusinessPartner")
            };
            Some(find::vendor(&writing.world, number)?.id)
        }
    };
    let id = id.ok_or_else(|| Problem::no_row(set))?;
    if MARKS
        .iter()
        .any(|(of, _, mark)| *of == set && draft.get(mark).is_some())
    {
        mark(writing, id, set, &draft);
    }
    put(writing, id, set, &entity.row_key(row), draft, false)
}

/// Keeps all marks as they are shown now, and sets the status of the supplier by what they will be.
fn mark(writing: &mut Writing<'_>, id: u32, set: &str, draft: &Draft) {
    let number = codes::supplier(id);
    let (mut is_blocked, mut has_ended) = (false, false);
    for (of, below, name) in MARKS {
        let key: Vec<&str> = if below.is_empty() {
            vec![&number]
        } else {
            vec![&number, below]
        };
        let given = draft.get(name).filter(|_| of == set).cloned();
        let is_given = given.is_some();
        let value = given.unwrap_or_else(|| writing.shown(of, &key, name));
        let is_set = match &value {
            Value::Flag(flag) => *flag,
            Value::Text(text) => !text.is_empty(),
            _ => false,
        };
        if name == "IsMarkedForArchiving" || (of == "A_Supplier" && name == "DeletionIndicator") {
            has_ended |= is_set;
        } else if name.contains("Block") && name != "SupplierIsBlockedForPosting" {
            is_blocked |= is_set;
        }
        if !is_given {
            writing.notes.change(of, key.join("/"), &[(name.to_owned(), value)]);
        }
    }
    if let Some(vendor) = writing.world.vendors.iter_mut().find(|vendor| vendor.id == id) {
        vendor.status = match (has_ended, is_blocked) {
            (true, _) => VendorStatus::Inactive,
            (false, true) => VendorStatus::Blocked,
            (false, false) => VendorStatus::Active,
        };
    }
}

/// Puts the values of a row where the plant has a place for them; the others are kept.
fn put(writing: &mut Writing<'_>, id: u32, set: &str, key: &str, draft: Draft, is_new: bool) -> Result<(), Problem> {
    let at = writing.at;
    let pinned = match draft.get("PaymentTerms") {
        Some(_) if set == "A_SupplierPurchasingOrg" && !is_new => {
            let number = codes::supplier(id);
            Some(writing.shown("A_SupplierCompany", &[&number, COMPANY], "PaymentTerms"))
        }
        _ => None,
    };
    let vendor = writing.world.vendors.iter_mut().find(|vendor| vendor.id == id);
    let vendor = vendor.ok_or_else(|| Problem::no_row(set))?;
    vendor.updated_at = at;
    let mut rest = Vec::new();
    for (name, value) in draft.values {
        if !place(vendor, set, &name, &value)? {
            rest.push((name, value));
        }
    }
    if let Some(terms) = pinned {
        let key = format!("{}/{COMPANY}", codes::supplier(id));
        writing
            .notes
            .change("A_SupplierCompany", key, &[("PaymentTerms".to_owned(), terms)]);
    }
    if is_new {
        writing.notes.create(set, key, &rest);
    } else {
        writing.notes.change(set, key, &rest);
    }
    Ok(())
}

fn place(vendor: &mut Vendor, set: &str, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    let field = match (set, name) {
        ("A_BusinessPartner", "OrganizationBPName1") if text.is_empty() => return Err(enter("Name", name)),
        ("A_BusinessPartner", "OrganizationBPName1") => &mut vendor.name,
        ("A_BusinessPartner", "OrganizationBPName2") => &mut vendor.legal_name,
        ("A_Supplier", "VATRegistration") | ("A_BusinessPartnerTaxNumber", "BPTaxNumber") => &mut vendor.tax_number,
        ("A_SupplierCompany", "SupplierAccountNote") => &mut vendor.notes,
        ("A_SupplierCompany", "PaymentTerms") => {
            find::payment_terms(text)?;
            return Ok(false);
        }
        ("A_SupplierPurchasingOrg", "PaymentTerms") => {
            vendor.payment_terms = find::payment_terms(text)?;
            return Ok(true);
        }
        ("A_SupplierPurchasingOrg", "PurchaseOrderCurrency") => {
            find::currency(text, name)?;
            &mut vendor.currency
        }
        ("A_SupplierPurchasingOrg", "IncotermsClassification") => {
            find::incoterms(text)?;
            return Ok(false);
        }
        ("A_SupplierPurchasingOrg", "SupplierRespSalesPersonName") => &mut vendor.contact_name,
        ("A_BusinessPartnerAddress", "StreetName") => &mut vendor.street,
        ("A_BusinessPartnerAddress", "CityName") => &mut vendor.city,
        ("A_BusinessPartnerAddress", "PostalCode") => &mut vendor.postal_code,
        ("A_BusinessPartnerAddress", "Country") => {
            let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            if !is_code {
                return Err(Problem::rule("AM/226", format!("Country {text} does not exist")).at(name));
            }
            &mut vendor.country
        }
        ("A_AddressEmailAddress", "EmailAddress") => {
            if !text.contains('@') {
                return Err(Problem::rule("AM/873", format!("E-mail address {text} is not valid")).at(name));
            }
            &mut vendor.email
        }
        ("A_AddressPhoneNumber", "PhoneNumber") => &mut vendor.phone,
        ("A_AddressHomePageURL", "WebsiteURL") => &mut vendor.website,
        _ => return Ok(false),
    };
    text.clone_into(field);
    Ok(true)
}
