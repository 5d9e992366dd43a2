//! The page of the manual that tells what every connector offers: types, operations, fields, filters, sorts.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use lineshaft_connect::capability::{Capability, FieldCapability, Precision};
use lineshaft_engine::registry::{Kind, Registry};
use lineshaft_schema::{Catalogue, TypeDef};

use super::show::operations;

const HEAD: &str = "# What the connectors offer\n\n\
    This page is written by `lineshaft connector coverage > docs/connectors/coverage.md`; the option `--check` compares \
    it.\n\n\
    - **Operations**: `list` reads pages; `get 500` looks up 500 records at once by key; `by purchaseOrder` reads the \
    rows of many parents at once; `count` counts without reading; `seek` goes on behind a known record; `changes` asks \
    for what changed since a moment.\n\
    - **Filters** that the system applies itself. In *italics*: it lets through more, the rest is checked here. What is \
    not named is applied here, up to the limit of scanned records.\n\
    - **Sorted**: the system sorts by the field.\n";

/// Returns the page.
pub(super) fn page(registry: &Registry) -> String {
    let kinds: Vec<_> = registry.all().collect();
    let catalogue = registry.catalogue();
    let mut page = HEAD.to_owned();
    overview(&mut page, &kinds, catalogue);
    for kind in &kinds {
        connector(&mut page, kind);
    }
    page
}

/// Writes which connector offers which entity, by the number of its fields.
fn overview(page: &mut String, kinds: &[Arc<Kind>], catalogue: &Catalogue) {
    let name = |kind: &Arc<Kind>| format!(" [{}](#{}) |", kind.manifest.name, anchor(&kind.manifest.name));
    let rule = "---|".repeat(kinds.len() + 1);
    line(
        page,
        &format!(
            "\n## Fields of each entity\n\n| entity |{}\n|{rule}",
            kinds.iter().map(name).collect::<String>()
        ),
    );
    for def in catalogue.entities() {
        let mut row = format!("| {} |", def.name);
        for kind in kinds {
            match kind.blueprint.capability(def.index) {
                Some(capability) => row.push_str(&format!(" {} |", capability.fields.len())),
                None => row.push_str(" |"),
            }
        }
        line(page, &row);
    }
}

fn connector(page: &mut String, kind: &Kind) {
    let manifest = &kind.manifest;
    line(page, &format!("\n## {}\n\n{}", manifest.name, manifest.description));
    let offered = kind.blueprint.resources().map(|resource| resource.capability());
    let offered: Vec<_> = offered
        .filter_map(|capability| Some((kind.catalogue.type_at(capability.kind)?, capability)))
        .collect();
    line(
        page,
        "\n| type | in the system | operations | fields |\n|---|---|---|---|",
    );
    for (def, capability) in &offered {
        let operations = operations(def, capability).join(", ");
        line(
            page,
            &format!(
                "| {} | {} | {operations} | {} |",
                def.name,
                code(&capability.remote),
                capability.fields.len()
            ),
        );
    }
    for (def, capability) in &offered {
        fields(page, def, capability);
    }
}

/// Writes the fields of a type, those that are filtered or sorted alike in one row.
fn fields(page: &mut String, def: &TypeDef, capability: &Capability) {
    let mut alike: BTreeMap<(bool, String, bool), Vec<&str>> = BTreeMap::new();
    for (index, field) in &capability.fields {
        let Some(own) = def.field_at(*index) else { continue };
        let filters = filters(field);
        alike
            .entry((filters.is_empty(), filters, !field.sortable))
            .or_default()
            .push(&own.name);
    }
    line(
        page,
        &format!(
            "\n### {} of {}\n\n| fields | filters | sorted |\n|---|---|---|",
            def.name,
            code(&capability.remote)
        ),
    );
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
