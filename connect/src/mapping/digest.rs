//! Digests of rows: versions where a system has no mark of its own.

use aws_lc_rs::digest::{Context, SHA256};

use crate::json::Value;

/// Returns a digest that changes whenever the row does. The order of members counts for nothing, nor do the annotations
/// of protocols, which depend on how the row was asked for.
pub(super) fn of(row: &Value<'_>) -> String {
    let mut context = Context::new(&SHA256);
    feed(row, &mut context);
    let digest = context.finish();
    let bytes = digest.as_ref().iter().take(16);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn feed(value: &Value<'_>, context: &mut Context) {
    match value {
        Value::List(list) => {
            context.update(b"[");
            for element in list {
                feed(element, context);
                context.update(b",");
            }
            context.update(b"]");
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .filter(|(name, _)| !name.contains('@') && !name.starts_with("__"))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            context.update(b"{");
            for (name, value) in members {
                context.update(Value::Text(name.as_ref().into()).to_string().as_bytes());
                context.update(b":");
                feed(value, context);
                context.update(b",");
            }
            context.update(b"}");
        }
        other => context.update(other.to_string().as_bytes()),
    }
}
