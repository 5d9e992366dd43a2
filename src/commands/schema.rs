//! `lineshaft schema`: prints the schema of the API, or compares it with a file.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;

use super::{organization, pages};
use crate::{
    cli::Owner,
    output::Output,
    settings::Settings,
    start::{self, Migrations},
};

/// Runs the command.
pub(super) fn run(mut sdl: String, check: Option<&Path>, out: &mut Output) -> anyhow::Result<ExitCode> {
    if !sdl.ends_with('\n') {
        sdl.push('\n');
    }
    if let Some(path) = check {
        return pages::compare(path, &sdl, "lineshaft schema", out);
    }
    out.text(&sdl)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the schema of an organization with its custom fields and entities.
pub(super) async fn of_organization(settings: &Settings, slug: String) -> anyhow::Result<String> {
    let engine = start::engine(settings, Migrations::AsSettingsSay).await?;
    let owner = Owner {
        organization: Some(slug),
    };
    let owner = organization(&engine, &owner).await?;
    let model = engine.models.current(owner.id).await;
    let model = model.context("the mappings of the organization cannot be read")?;
    Ok(lineshaft_api::sdl_of(&model.catalogue))
}
