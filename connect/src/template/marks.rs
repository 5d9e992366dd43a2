//! Marks of what changes: a copy of a row that says of each member whether it is given, as SAP's BAPIs want it.

use serde_json::Value;

/// Returns a copy of an object, or of each object of a list, in which members are marked by "X". Those that are named
/// keep their value. What clears a member changes it as well.
pub(super) fn marked(value: Value, keep: &[Box<str>]) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.into_iter().map(|element| marked(element, keep)).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let value = match value {
                        value if keep.iter().any(|kept| **kept == *name) => value,
                        value @ (Value::Object(_) | Value::Array(_)) => marked(value, keep),
                        _ => Value::String("X".to_owned()),
                    };
                    (name, value)
                })
                .collect(),
        ),
        other => other,
    }
}
