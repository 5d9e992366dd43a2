//! What systems change by rules of their own in what they are given: every field whose value is read back otherwise than it
//! was written stands here with the reason. A field that is not here must come back as it was given.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

/// What a system makes of a value.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Letters become large.
    Upper,
    /// The number is rounded to so many digits.
    Round(usize),
    /// The time of day is lost.
    DayOnly,
    /// The value is taken and turned into something that is not compared, for the reason that is told.
    Other,
}

/// System, type, field (parts joined by dots), what becomes of it, and why.
pub const RULES: &[(System, &str, &str, Rule, &str)] = &[];

/// Fields that a system does not take together with the others, with the reason. Each is tried alone, by an update.
pub const ALONE: &[(System, &str, &str, &str)] = &[
    (
        System::Limble,
        "PurchaseOrderLine",
        "description",
        "a line of a part has the name of the part",
    ),
    (
        System::Limble,
        "PurchaseOrderLine",
        "workOrder",
        "a line of a part goes to stock, not to a task",
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
        return Some(given.clone());
    };
    match rule {
        Rule::Upper => Some(json!(given.as_str().unwrap_or_default().to_uppercase())),
        Rule::Round(digits) => {
            let number: f64 = given.as_str().unwrap_or_default().parse().ok()?;
            Some(json!(format!("{number:.digits$}")))
        }
        Rule::DayOnly => Some(json!(format!("{}T00:00:00Z", given.as_str()?.get(..10)?))),
        Rule::Other => None,
    }
}
