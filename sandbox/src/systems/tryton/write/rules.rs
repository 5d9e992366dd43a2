//! Which fields must be given, and which take no value.

use crate::systems::tryton::error::TrytonError;

/// Returns the fields that a new record must be given; the other required ones have defaults.
pub(super) fn must_have(model: &str) -> &'static [&'static str] {
    match model {
        "account.asset" => &["product", "value", "start_date", "end_date"],
        "party.address" => &["party"],
        "party.contact_mechanism" => &["party", "type", "value"],
        "party.identifier" => &["party", "code"],
        "product.product" => &["template"],
        "product.template" => &["name", "default_uom"],
        "project.work" => &["name"],
        "purchase.line" => &["purchase"],
        "purchase.purchase" => &["party"],
        "stock.inventory" => &["location"],
        "stock.inventory.line" => &["inventory", "product"],
        "stock.move" => &["product", "quantity", "unit", "from_location", "to_location"],
        "stock.shipment.internal" => &["from_location", "to_location"],
        "stock.shipment.in" => &["supplier", "warehouse_input", "warehouse_storage"],
        "x.calibration" => &["code"],
        _ => &[],
    }
}

/// Computed fields that take values all the same.
pub(in crate::systems::tryton) fn has_setter(model: &str, field: &str) -> bool {
    match model {
        "party.party" => matches!(field, "email" | "phone" | "mobile" | "fax" | "website"),
        "purchase.line" => field == "delivery_date",
        _ => false,
    }
}

/// Fields that a product shows of its template.
pub(super) fn has_no_setter(model: &str, field: &str) -> bool {
    let shown = ["name", "type", "purchasable", "default_uom"];
    model == "product.product" && shown.contains(&field)
}

/// Deleting what others refer to.
pub(super) fn in_use(field: &str, label: &str) -> TrytonError {
    TrytonError::User(format!(
        "The records could not be deleted because they are used by field \"{field}\" of \"{label}\"."
    ))
}
