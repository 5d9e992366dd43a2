//! `lineshaft connector`: lists, shows, checks, tries and verifies connectors, makes new ones, and writes their manual.

mod bench;
mod check;
mod coverage;
mod manual;
mod new;
mod show;
mod test;
mod verify;
mod writes;

use std::process::ExitCode;

use anyhow::bail;
use lineshaft_connect::manifest::{load, suggest};
use lineshaft_engine::registry::{Kind, Registry};
use serde::Serialize;
use serde_json::json;

use crate::{
    cli::{self, SchemaOf},
    output::{Output, Style},
    settings::Settings,
    start,
};

/// Runs the command.
pub(super) async fn run(
    settings: impl Fn() -> anyhow::Result<Settings>,
    action: cli::Connector,
    out: &mut Output,
) -> anyhow::Result<ExitCode> {
    match action {
        cli::Connector::List { json } => list(&start::registry(&settings()?)?, json, out),
        cli::Connector::Show { id } => {
            let registry = start::registry(&settings()?)?;
            let Some(kind) = registry.get(&id) else {
                bail!("{}", not_found(&registry, &id))
            };
            show::show(&kind, out)?;
            Ok(ExitCode::SUCCESS)
        }
        cli::Connector::Check { path } => check::check(&path, out),
        cli::Connector::New { id, directory } => new::make(&id, &directory, out),
        cli::Connector::Schema { of } => {
            out.json(match of {
                SchemaOf::Manifest => load::manifest_schema(),
                SchemaOf::Mapping => load::mapping_schema(),
            })?;
            Ok(ExitCode::SUCCESS)
        }
        cli::Connector::Test { path, only, settings } => test::run(&path, only, &settings, out).await,
        cli::Connector::Verify(options) => verify::run(settings()?, options, out).await,
        // The manual tells of the built-in connectors, whatever else this server has.
        cli::Connector::Pages(options) => manual::run(&options, &start::built_in()?, out),
    }
}

/// Tells that a connector is not there: unknown, or with errors.
pub(super) fn not_found(registry: &Registry, id: &str) -> String {
    let same = |folder: &str| folder.rsplit(['/', '\\']).next() == Some(id);
    if let Some(rejected) = registry.rejected().into_iter().find(|rejected| same(&rejected.folder)) {
        return format!("the connector `{id}` has errors:\n  {}", rejected.problems.join("\n  "));
    }
    let ids: Vec<String> = registry.all().map(|kind| kind.manifest.id.clone()).collect();
    let told = suggest::unknown("connector", id, ids.iter().map(String::as_str));
    format!("{told}\n`lineshaft connector list` shows them all")
}

fn list(registry: &Registry, json: bool, out: &mut Output) -> anyhow::Result<ExitCode> {
    let all: Vec<_> = registry.all().collect();
    if json {
        let loaded = all.iter().map(|kind| {
            let manifest = &kind.manifest;
            json!({
                "id": manifest.id,
                "name": manifest.name,
                "version": manifest.version,
                "categories": manifest.categories,
                "deployments": manifest.deployments,
                "tier": manifest.tier,
                "entities": entities(kind),
                "trust": kind.trust().trust,
                "types": kind.trust().types,
            })
        });
        let rejected = registry.rejected();
        let rejected = rejected
            .iter()
            .map(|one| json!({"folder": one.folder, "problems": one.problems, "keeps": one.keeps}));
        out.json(&json!({"connectors": loaded.collect::<Vec<_>>(), "rejected": rejected.collect::<Vec<_>>()}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |kind: &std::sync::Arc<Kind>| {
        let manifest = &kind.manifest;
        [
            manifest.id.clone(),
            manifest.name.clone(),
            manifest.version.clone(),
            words(&manifest.categories),
            words(&manifest.deployments),
            manifest.tier.to_string(),
            entities(kind).len().to_string(),
            kind.trust().in_words(),
        ]
    };
    out.table(
        ["ID", "NAME", "VERSION", "KIND", "RUNS", "TIER", "ENTITIES", "TRUST"],
        &all.iter().map(row).collect::<Vec<_>>(),
    )?;
    for rejected in registry.rejected() {
        let told = out.styled(
            Style::Bad,
            &format!("\n{} has errors and is left out:", rejected.folder),
        );
        out.line(&told)?;
        for problem in &rejected.problems {
            out.line(&format!("  {problem}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the unified types that a connector offers as records of their own.
fn entities(kind: &Kind) -> Vec<String> {
    let types = kind
        .blueprint
        .resources()
        .filter_map(|resource| kind.catalogue.type_at(resource.kind()));
    types
        .filter(|def| def.is_entity())
        .map(|def| def.name.clone())
        .collect()
}

/// Returns values of an enum as words.
pub(super) fn words(values: &[impl Serialize]) -> String {
    let word = |value| {
        serde_json::to_value(value)
            .ok()?
            .as_str()
            .map(|word| word.replace('_', "-"))
    };
    values.iter().filter_map(word).collect::<Vec<_>>().join(", ")
}
