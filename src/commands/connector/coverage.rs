//! What a connector offers for a type, as tables of the manual: fields, filters, sorts.

use std::{collections::BTreeMap, fmt::Write as _};

use lineshaft_connect::capability::{Capability, FieldCapability, Precision};
use lineshaft_schema::TypeDef;

/// Writes the fields of a type, those that are filtered or sorted alike in one row.
pub(super) fn fields(page: &mut String, def: &TypeDef, capability: &Capability) {
    let mut alike: BTreeMap<(bool, String, bool), Vec<&str>> = BTreeMap::new();
    for (index, field) in &capability.fields {
        let Some(own) = def.field_at(*index) else { continue };
        let filters = filters(field);
        alike
            .entry((filters.is_empty(), filters, !field.sortable))
            .or_default()
            .push(&own.name);
    }
    line(page, "\n| fields | filters | sorted |\n|---|---|---|");
    for ((_, filters, unsorted), names) in &alike {
        line(
            page,
            &format!(
                "| {} | {filters} | {} |",
                names.join(", "),
                if *unsorted { "" } else { "yes" }
            ),
        );
    }
}

fn filters(field: &FieldCapability) -> String {
    let word = |(operator, precision): (&lineshaft_schema::Operator, &Precision)| match precision {
        Precision::Exact => operator.name().to_owned(),
        Precision::Coarse => format!("*{}*", operator.name()),
    };
    field.filters.iter().map(word).collect::<Vec<_>>().join(", ")
}

pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// Returns the anchor that Markdown viewers make of a heading.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-'));
    kept.map(|letter| {
        if letter == ' ' {
            '-'
        } else {
            letter.to_ascii_lowercase()
        }
    })
    .collect()
}

pub(super) fn line(page: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _written = writeln!(page, "{text}");
}
