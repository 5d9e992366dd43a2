//! Tells what a connector asks for and what it offers.

use std::io;

use lineshaft_connect::{
    capability::{Capability, Precision},
    manifest::{Auth, SettingField},
};
use lineshaft_engine::registry::Kind;
use lineshaft_schema::TypeDef;

use super::words;
use crate::output::{Output, Style};

/// Prints a connector.
pub(super) fn show(kind: &Kind, out: &mut Output) -> io::Result<()> {
    let manifest = &kind.manifest;
    let title = out.styled(Style::Bold, &manifest.name);
    out.line(&format!("{title}  {} {}", manifest.id, manifest.version))?;
    out.line(&manifest.description)?;
    let facts = [
        ("Kind", words(&manifest.categories)),
        ("Runs", words(&manifest.deployments)),
        ("Tier", manifest.tier.to_string()),
        ("Trust", kind.trust().in_words()),
        ("API", manifest.documentation.clone().unwrap_or_default()),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        out.line(&format!("  {name:<5} {value}"))?;
    }
    heading(out, "Settings")?;
    for (name, field) in &manifest.settings {
        setting(out, name, field)?;
    }
    for way in &manifest.auth {
        sign_in(out, way)?;
    }
    heading(out, "Entities")?;
    let mut rows = Vec::new();
    for capability in kind.blueprint.resources().map(|resource| resource.capability()) {
        if let Some(def) = kind.catalogue.type_at(capability.kind) {
            rows.push(row(kind, def, capability));
        }
    }
    out.table(
        [
            "TYPE",
            "IN THE SYSTEM",
            "OPERATIONS",
            "FIELDS",
            "FILTERS",
            "SORTS",
            "TRUST",
        ],
        &rows,
    )?;
    trust(kind, out)
}

/// Tells why each type is trusted no further.
fn trust(kind: &Kind, out: &mut Output) -> io::Result<()> {
    heading(out, "Trust")?;
    for (name, own) in &kind.trust().types {
        out.line(&format!("  {name}  {}: {}", own.trust.name(), own.because.join("; ")))?;
    }
    for problem in &kind.trust().problems {
        out.line(&format!("  {problem}"))?;
    }
    Ok(())
}

fn heading(out: &mut Output, text: &str) -> io::Result<()> {
    let text = out.styled(Style::Bold, text);
    out.line(&format!("\n{text}"))
}

fn setting(out: &mut Output, name: &str, field: &SettingField) -> io::Result<()> {
    let mut notes = vec![words(&[field.kind])];
    if !field.choices.is_empty() {
        notes = vec![field.choices.join(" | ")];
    }
    match &field.default {
        Some(default) => notes.push(format!("default {default}")),
        None if field.required => notes.push("required".to_owned()),
        None => {}
    }
    let notes = out.styled(Style::Dim, &format!("({})", notes.join(", ")));
    out.line(&format!("  {name}  {} {notes}", field.label))?;
    if let Some(help) = &field.help {
        out.line(&format!("      {help}"))?;
    }
    if let Some(example) = &field.example {
        out.line(&format!("      Example: {example}"))?;
    }
    Ok(())
}

fn sign_in(out: &mut Output, way: &Auth) -> io::Result<()> {
    heading(out, &format!("Sign-in: {}", way.label))?;
    for (number, step) in way.guide.iter().enumerate() {
        out.line(&format!("  {}. {step}", number + 1))?;
    }
    for (name, field) in &way.credentials {
        let secret = if field.secret { " (secret)" } else { "" };
        let help = field.help.as_ref().map(|help| format!(". {help}")).unwrap_or_default();
        out.line(&format!("  {name}  {}{secret}{help}", field.label))?;
    }
    Ok(())
}

fn row(kind: &Kind, def: &TypeDef, capability: &Capability) -> [String; 7] {
    let count = |holds: fn(&lineshaft_connect::capability::FieldCapability) -> bool| {
        capability
            .fields
            .values()
            .filter(|field| holds(field))
            .count()
            .to_string()
    };
    [
        def.name.clone(),
        capability.remote.clone(),
        operations(def, capability).join(", "),
        capability.fields.len().to_string(),
        count(|field| field.filters.values().any(|precision| *precision == Precision::Exact)),
        count(|field| field.sortable),
        kind.trust()
            .types
            .get(&def.name)
            .map_or("", |own| own.trust.name())
            .to_owned(),
    ]
}

/// Returns what can be done with a type, in words.
pub(super) fn operations(def: &TypeDef, capability: &Capability) -> Vec<String> {
    let mut words = Vec::new();
    if capability.list {
        words.push("list".to_owned());
    }
    if let Some(most) = capability.get_many {
        words.push(format!("get {most}"));
    }
    for field in &capability.children {
        if let Some(field) = def.field_at(*field) {
            words.push(format!("by {}", field.name));
        }
    }
    for (offered, word) in [
        (capability.count, "count"),
        (capability.seek, "seek"),
        (capability.changes, "changes"),
    ] {
        if offered {
            words.push(word.to_owned());
        }
    }
    words
}
