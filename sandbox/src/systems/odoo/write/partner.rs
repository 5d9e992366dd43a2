//! Partners that clients write. Each new one is a vendor of the plant; only those with a supplier rank are told as such.

use serde_json::Value;

use super::{Session, in_use, input};
use crate::systems::odoo::error::OdooError;
use crate::systems::odoo::models::base;
use crate::systems::orm::{Draft, Val, plant};
use crate::world::VendorStatus;

/// Partners below are the company and the users.
const FIRST: u32 = 101;

impl Session<'_> {
    pub(super) fn make_partner(&mut self) -> u32 {
        let highest = self
            .draft
            .world
            .vendors
            .iter()
            .map(|vendor| vendor.id)
            .max()
            .unwrap_or(0);
        let id = self.draft.next_id("res.partner", base::partner_of_vendor(highest));
        plant::add_vendor(&mut self.draft.world, id + 1 - FIRST, self.draft.at);
        for (field, value) in [
            ("supplier_rank", Value::from(0)),
            ("company_registry", false.into()),
            ("is_company", false.into()),
        ] {
            self.draft.keep("res.partner", id, field, value);
        }
        self.draft.keep("res.partner", id, "company_type", "person");
        id
    }

    pub(super) fn unlink_partner(&mut self, id: u32) -> Result<(), OdooError> {
        let Some(vendor) = id.checked_sub(FIRST - 1).filter(|vendor| *vendor > 0) else {
            return Err(in_use("res.partner", "Contact", "res.users", "User"));
        };
        let world = &self.draft.world;
        if world.purchase_orders.iter().any(|order| order.vendor == vendor) {
            return Err(in_use("res.partner", "Contact", "purchase.order", "Purchase Order"));
        }
        if world.items.iter().any(|item| item.vendor == vendor) {
            return Err(in_use(
                "res.partner",
                "Contact",
                "product.supplierinfo",
                "Supplier Pricelist",
            ));
        }
        if world.assets.iter().any(|asset| asset.vendor == Some(vendor)) {
            return Err(in_use(
                "res.partner",
                "Contact",
                "maintenance.equipment",
                "Maintenance Equipment",
            ));
        }
        self.draft.world.vendors.retain(|one| one.id != vendor);
        Ok(())
    }
}

/// Puts a value into the plant; says whether it has a place there.
pub(super) fn set(draft: &mut Draft<'_>, id: u32, field: &str, value: &Val) -> bool {
    if matches!(field, "is_company" | "company_type") {
        let is_company = value.flag() || value.text() == Some("company");
        draft.keep("res.partner", id, "is_company", is_company);
        draft.keep(
            "res.partner",
            id,
            "company_type",
            if is_company { "company" } else { "person" },
        );
        return false;
    }
    let at = draft.at;
    let words = match field {
        "country_id" => base::country_words(&draft.world),
        "state_id" => base::state_words(&draft.world),
        "property_supplier_payment_term_id" => base::term_words(&draft.world),
        "property_purchase_currency_id" => base::currency_words(&draft.world),
        _ => Vec::new(),
    };
    let word = plant::word(&words, value.id());
    let Some(vendor) = id
        .checked_sub(FIRST - 1)
        .and_then(|id| plant::vendor_mut(&mut draft.world, id))
    else {
        return false;
    };
    vendor.updated_at = at;
    let text = value.text().unwrap_or_default().to_owned();
    match field {
        "name" => vendor.name = text,
        "ref" => vendor.number = text,
        "email" => vendor.email = text,
        "phone" => vendor.phone = text,
        "vat" => vendor.tax_number = text,
        "website" => vendor.website = text,
        "street" => vendor.street = text,
        "city" => vendor.city = text,
        "zip" => vendor.postal_code = text,
        "country_id" => vendor.country = word,
        "state_id" => vendor.region = word,
        "property_supplier_payment_term_id" => vendor.payment_terms = word,
        "property_purchase_currency_id" => vendor.currency = word,
        "x_studio_contact_name" => vendor.contact_name = text,
        "x_studio_legal_name" => vendor.legal_name = text,
        "active" => {
            vendor.status = match (value.flag(), vendor.status) {
                (false, _) => VendorStatus::Inactive,
                (true, VendorStatus::Inactive) => VendorStatus::Active,
                (true, status) => status,
            }
        }
        "comment" => {
            vendor.notes = input::plain(&text);
            return false;
        }
        _ => {
            let sample = plant::usual().vendors.first().map(|one| &one.custom);
            let key = field.strip_prefix(base::STUDIO);
            return key
                .zip(sample)
                .is_some_and(|(key, sample)| plant::set_custom(&mut vendor.custom, sample, key, value));
        }
    }
    true
}
