//! The manual of connectors: a page for each, with what it offers, how to sign in, limits, quirks and trust, and one page
//! over all. Everything stands in the folders of the connectors.

mod overview;

use std::{cmp::Reverse, collections::BTreeMap, process::ExitCode, sync::Arc};

use lineshaft_connect::manifest::{Auth, Manifest, SettingField, trust::Trust};
use lineshaft_engine::registry::{Kind, Registry};
use lineshaft_schema::TypeDef;

use super::{
    coverage::{self, code, line},
    show::operations,
    words, writes,
};
use crate::{cli, commands::pages, embedded, output::Output};

const COMMAND: &str = "lineshaft connector pages";
const INDEX: &str = "README.md";
/// Tells editors of the pages where to go instead.
const MARK: &str =
    "<!-- Written by `lineshaft connector pages --write docs/connectors` from the folders in connectors/. -->\n";

/// The sections of a connector's README that are part of its page, and what is said there of other things by the same
/// name.
const TAKEN: [&str; 3] = ["Limits", "Limits and quirks", "Quirks"];

/// Runs the command.
pub(super) fn run(options: &cli::Pages, registry: &Registry, out: &mut Output) -> anyhow::Result<ExitCode> {
    let pages = manual(registry);
    if let Some(folder) = &options.check {
        return pages::compare_all(folder, &pages, COMMAND, out);
    }
    if let Some(folder) = &options.write {
        return pages::write_all(folder, &pages, out);
    }
    out.text(pages.get(INDEX).map_or("", String::as_str))?;
    for (_, page) in pages.iter().filter(|(name, _)| *name != INDEX) {
        out.text("\n")?;
        out.text(page)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns all pages by their file names.
fn manual(registry: &Registry) -> BTreeMap<String, String> {
    let kinds: Vec<_> = registry.all().collect();
    let page = |kind: &Arc<Kind>| {
        let id = &kind.manifest.id;
        (format!("{id}.md"), page(kind, &embedded::connector_readme(id)))
    };
    let mut pages: BTreeMap<_, _> = kinds.iter().map(page).collect();
    pages.insert(INDEX.to_owned(), overview::page(&kinds, registry.catalogue()));
    pages
}

fn page(kind: &Kind, readme: &str) -> String {
    let manifest = &kind.manifest;
    let mut page = format!("{MARK}\n# {}\n\n{}\n", manifest.name, manifest.description);
    facts(&mut page, kind);
    offered(&mut page, kind);
    trusted(&mut page, kind);
    sign_in(&mut page, manifest);
    limits(&mut page, manifest);
    for title in TAKEN {
        if let Some(text) = section(readme, title) {
            // The page has a heading of its own for what the manifest tells of limits.
            if title != "Limits" || !page.contains("\n## Limits\n") {
                line(&mut page, &format!("\n## {title}"));
            }
            line(&mut page, &format!("\n{text}"));
        }
    }
    for (def, remote) in types(kind) {
        line(
            &mut page,
            &format!("\n## {}\n\nIn the system: {}.", def.name, code(&remote)),
        );
        if let Some(capability) = kind.blueprint.capability(def.index) {
            coverage::fields(&mut page, def, capability);
        }
        let written = kind.blueprint.writes(def.index);
        if let Some(written) = written.filter(|written| !writes::operations(written).is_empty()) {
            writes::of_type(&mut page, &kind.catalogue, def, written);
        }
    }
    page
}

/// Returns the types that a connector reads or writes, with where they stand in the system, in the order of the model.
fn types(kind: &Kind) -> Vec<(&TypeDef, String)> {
    let blueprint = &kind.blueprint;
    let all = kind.catalogue.types.values().map(|def| &**def).filter_map(|def| {
        if let Some(capability) = blueprint.capability(def.index) {
            return Some((def, capability.remote.clone()));
        }
        let written = blueprint.writes(def.index)?;
        let owner = blueprint.written_in(def.index).unwrap_or(def.index);
        let remote = blueprint.resource(owner)?.remote().to_owned();
        (!writes::operations(written).is_empty()).then_some((def, remote))
    });
    all.collect()
}

fn facts(page: &mut String, kind: &Kind) {
    let manifest = &kind.manifest;
    let readme = format!("[connectors/{0}](../../connectors/{0}/README.md)", manifest.id);
    let facts = [
        ("id", code(&manifest.id)),
        ("maker", manifest.vendor.clone().unwrap_or_default()),
        ("kind", words(&manifest.categories)),
        ("runs", words(&manifest.deployments)),
        ("tier", manifest.tier.to_string()),
        ("trust", format!("[{}](#how-far-to-trust-it)", kind.trust().in_words())),
        (
            "its API",
            manifest
                .documentation
                .as_ref()
                .map(|link| format!("<{link}>"))
                .unwrap_or_default(),
        ),
        ("files, facts and their sources", readme),
    ];
    line(page, "\n| | |\n|---|---|");
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        line(page, &format!("| {name} | {value} |"));
    }
}

fn offered(page: &mut String, kind: &Kind) {
    if types(kind).is_empty() {
        line(
            page,
            "\n## What it offers\n\nWhat a mapping names: \
             [a system that nobody has a connector for](../mappings.md#a-system-that-nobody-has-a-connector-for).",
        );
        return;
    }
    line(
        page,
        "\n## What it offers\n\n\
         Behind each type: fields, filters and sorts of the system itself, and what can be written \
         ([how to read the tables](README.md#how-to-read-the-pages)).\n\n\
         | type | read | written | fields | trust |\n|---|---|---|---|---|",
    );
    for (def, _) in types(kind) {
        let capability = kind.blueprint.capability(def.index);
        let read = capability
            .map(|capability| operations(def, capability).join(", "))
            .unwrap_or_default();
        let written = kind
            .blueprint
            .writes(def.index)
            .map(writes::operations)
            .unwrap_or_default();
        let own = kind.trust().types.get(&def.name);
        line(
            page,
            &format!(
                "| [{0}](#{1}) | {read} | {2} | {3} | {4} |",
                def.name,
                coverage::anchor(&def.name),
                written.join(", "),
                capability
                    .map(|capability| capability.fields.len().to_string())
                    .unwrap_or_default(),
                own.map_or("", |own| own.trust.name()),
            ),
        );
    }
}

fn trusted(page: &mut String, kind: &Kind) {
    let report = kind.trust();
    if report.types.is_empty() {
        line(
            page,
            "\n## How far to trust it\n\nIt says of no type how it is read, so that nothing can be shown of it: \
             [what the levels mean](README.md#how-far-to-trust-them).",
        );
        return;
    }
    line(
        page,
        "\n## How far to trust it\n\n[What the levels mean](README.md#how-far-to-trust-them).\n\n\
         | types | trust | because of |\n|---|---|---|",
    );
    let mut alike: BTreeMap<(Reverse<Trust>, String), Vec<&str>> = BTreeMap::new();
    for (name, own) in &report.types {
        let mut because = own.because.join("; ").replace('|', "\\|");
        if own.trust == Trust::Verified {
            because = format!("{because}: {}", own.verified.join(", "));
        }
        alike.entry((Reverse(own.trust), because)).or_default().push(name);
    }
    for ((Reverse(trust), because), names) in alike {
        line(
            page,
            &format!("| {} | {} | {because} |", names.join(", "), trust.name()),
        );
    }
    if let Some(server) = &report.server {
        line(
            page,
            &format!(
                "\nA test asks {}; what it finds is the same since {}.",
                server.title(),
                server.on
            ),
        );
    }
}

fn sign_in(page: &mut String, manifest: &Manifest) {
    if !manifest.settings.is_empty() {
        line(page, "\n## Settings\n\n| setting | what it is | value |\n|---|---|---|");
        for (name, field) in &manifest.settings {
            line(page, &setting(name, field));
        }
    }
    line(page, "\n## Credentials");
    for way in &manifest.auth {
        credentials(page, way, manifest.auth.len() > 1);
    }
}

fn setting(name: &str, field: &SettingField) -> String {
    let about = match &field.help {
        Some(help) => format!("{}. {help}", field.label),
        None => field.label.clone(),
    };
    let mut value = match field.choices.is_empty() {
        true => words(&[field.kind]),
        false => field
            .choices
            .iter()
            .map(|choice| code(choice))
            .collect::<Vec<_>>()
            .join(", "),
    };
    match (&field.default, &field.example) {
        (Some(default), _) => value.push_str(&format!("; {} unless given", code(default))),
        (None, Some(example)) => value.push_str(&format!(", such as {}", code(example))),
        (None, None) => {}
    }
    if field.required && field.default.is_none() {
        value.push_str("; needed");
    }
    format!("| {} | {} | {} |", code(name), cell(&about), value)
}

fn credentials(page: &mut String, way: &Auth, is_one_of_several: bool) {
    if is_one_of_several {
        line(page, &format!("\n### {}", way.label));
    }
    line(page, "");
    for (number, step) in way.guide.iter().enumerate() {
        line(page, &format!("{}. {step}", number + 1));
    }
    line(page, "\n| credential | what it is |\n|---|---|");
    for (name, field) in &way.credentials {
        let secret = if field.secret { ", kept secret" } else { "" };
        let help = field.help.as_ref().map(|help| format!(". {help}")).unwrap_or_default();
        line(
            page,
            &format!("| {} | {}{secret}{} |", code(name), cell(&field.label), cell(&help)),
        );
    }
}

fn limits(page: &mut String, manifest: &Manifest) {
    let limits = &manifest.limits;
    let mut told = Vec::new();
    for rate in &limits.rates {
        let of = match rate.methods.is_empty() {
            true => "calls".to_owned(),
            false => format!("calls of {}", rate.methods.join(", ")),
        };
        told.push(format!("At most {} {of} in {} s.", rate.calls, rate.per_s));
    }
    if let Some(most) = limits.concurrency {
        told.push(format!("At most {most} calls at the same time."));
    }
    if let Some(most) = limits.max_url_bytes {
        told.push(format!(
            "Addresses have at most {most} bytes; longer look-ups are split."
        ));
    }
    if told.is_empty() {
        return;
    }
    line(
        page,
        "\n## Limits\n\nThe connector keeps to them by itself, for each connection:\n",
    );
    for told in told {
        line(page, &format!("- {told}"));
    }
}

/// Returns a text as it can stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").trim_end().to_owned()
}

/// Returns the text of a section of a README, without its heading.
fn section(readme: &str, title: &str) -> Option<String> {
    let mut lines = readme
        .lines()
        .skip_while(|line| line.strip_prefix("## ") != Some(title));
    lines.next()?;
    let text: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    let text = text.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use std::path::Path;

    use super::*;
    use crate::start;

    #[test]
    fn the_committed_pages_are_those_that_are_written() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/connectors"));
        for (name, text) in manual(&start::built_in().unwrap()) {
            let committed = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
            assert!(
                committed == text,
                "docs/connectors/{name} is not up to date; write it with `just generate`"
            );
        }
        let out = &mut Output::to(std::io::sink());
        let whole = pages::compare_all(folder, &manual(&start::built_in().unwrap()), COMMAND, out).unwrap();
        assert_eq!(
            whole,
            ExitCode::SUCCESS,
            "pages of connectors that are gone; `just generate` and remove them"
        );
    }

    #[test]
    fn sections_end_at_the_next_heading_of_their_rank() {
        let readme = "# A\n\n## Limits\n\n- one\n\n### more\n\ntwo\n\n## Quirks\n";
        assert_eq!(section(readme, "Limits").unwrap(), "- one\n\n### more\n\ntwo");
        assert_eq!(section(readme, "Quirks"), None);
        assert_eq!(section(readme, "Writes"), None);
    }
}
