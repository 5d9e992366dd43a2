//! What systems change by rules of their own in what they are given: every field whose value is read back otherwise than it
//! was written stands here with the reason. A field that is not here must come back as it was given.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

/// What a system makes of a value.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Letters become large.
    Upper,
    /// The value is taken and turned into something that is not compared, for the reason that is told.
    Other,
}

/// System, type, field (parts joined by dots), what becomes of it, and why.
pub const RULES: &[(System, &str, &str, Rule, &str)] = &[
    (
        System::Maximo,
        "WorkOrder",
        "number",
        Rule::Upper,
        "keys are kept in large letters",
    ),
    (
        System::Maximo,
        "Vendor",
        "number",
        Rule::Upper,
        "keys are kept in large letters",
    ),
    (
        System::Maximo,
        "Asset",
        "number",
        Rule::Upper,
        "keys are kept in large letters",
    ),
    (
        System::Maximo,
        "InventoryItem",
        "sku",
        Rule::Upper,
        "keys are kept in large letters",
    ),
    (
        System::Maximo,
        "PurchaseOrder",
        "number",
        Rule::Upper,
        "keys are kept in large letters",
    ),
    (
        System::Odoo,
        "InventoryItem",
        "type",
        Rule::Other,
        "goods that are stocked are read as such, whatever else they were called",
    ),
    (
        System::Maximo,
        "WorkOrderPart",
        "plannedQuantity.uomCode",
        Rule::Other,
        "the unit is the one in which the item is issued",
    ),
];

/// Fields that a system does not take together with the others, with the reason. Each is tried alone, by an update.
pub const ALONE: &[(System, &str, &str, &str)] = &[
    (
        System::Limble,
        "PurchaseOrderLine",
        "workOrder",
        "a line of a part goes to stock, not to a task",
    ),
    (
        System::Maximo,
        "WorkOrder",
        "typeCode",
        "one field of the system, of which `type` is the meaning",
    ),
    (
        System::Maximo,
        "PurchaseOrderLine",
        "asset",
        "what a line is charged to is of the site that it goes to",
    ),
    (
        System::Maximo,
        "PurchaseOrderLine",
        "workOrder",
        "what a line is charged to is of the site that it goes to",
    ),
    (
        System::Odoo,
        "InventoryItem",
        "isSerialTracked",
        "an item is tracked by lots or by serial numbers: one field of the system",
    ),
    (
        System::Odoo,
        "InventoryItem",
        "isStocked",
        "the type of an item says the same",
    ),
];

/// Fields that a system changes only in a state that a new record has left, with the reason.
pub const FROZEN: &[(System, &str, &str, &str)] = &[(
    System::SapS4hana,
    "PurchaseOrder",
    "vendor",
    "the supplier changes only while the order is held; a new order is not",
)];

/// Tells whether the change of a field is refused because of the state of the record.
pub fn is_frozen(system: System, kind: &str, field: &str) -> bool {
    FROZEN
        .iter()
        .any(|(of, of_kind, of_field, _)| *of == system && *of_kind == kind && *of_field == field)
}

/// Numbers that a system takes only without a fraction, with the reason.
const WHOLE: &[(System, &str, &str, &str)] = &[(
    System::SapS4hana,
    "PurchaseOrderLine",
    "priceUnit",
    "a price is for a whole number of units: the property has no digits after the point",
)];

/// Moments of which a system keeps the day: it refuses others than midnight, with the reason.
const DAYS: &[(System, &str, &str, &str)] = &[(
    System::SapS4hana,
    "WorkOrder",
    "dueAt",
    "the latest acceptable completion is a date",
)];

/// Makes a value one that the system takes in this field.
pub fn fitting(system: System, kind: &str, field: &str, value: Value) -> Value {
    let is_among = |rules: &[(System, &str, &str, &str)]| {
        let mut rules = rules.iter();
        rules.any(|(of, of_kind, of_field, _)| *of == system && *of_kind == kind && *of_field == field)
    };
    match value.as_str() {
        Some(number) if is_among(WHOLE) => json!(number.split('.').next()),
        Some(moment) if is_among(DAYS) => json!(format!("{}T00:00:00Z", &moment[..10])),
        _ => value,
    }
}

/// Tells whether a field is not given together with the others.
pub fn goes_alone(system: System, kind: &str, field: &str) -> bool {
    ALONE
        .iter()
        .any(|(of, of_kind, of_field, _)| *of == system && *of_kind == kind && *of_field == field)
}

/// Returns what a system makes of a value; none where it is not to be compared.
pub fn expected(system: System, kind: &str, field: &str, given: &Value) -> Option<Value> {
    let rule = RULES
        .iter()
        .find(|(of, of_kind, of_field, _, _)| *of == system && *of_kind == kind && *of_field == field);
    let Some((_, _, _, rule, _)) = rule else {
        let mut given = given.clone();
        for (of, of_kind, of_field, rule, _) in RULES {
            let part = of_field.strip_prefix(field).and_then(|rest| rest.strip_prefix('.'));
            if let (Some(part), Rule::Other, Some(members)) = (part, rule, given.as_object_mut())
                && *of == system
                && *of_kind == kind
            {
                members.remove(part);
            }
        }
        return Some(given);
    };
    match rule {
        Rule::Upper => Some(json!(given.as_str().unwrap_or_default().to_uppercase())),
        Rule::Other => None,
    }
}
