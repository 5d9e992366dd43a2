//! `lineshaft schema`: prints the schema of the API, or compares it with a file.

use std::{path::Path, process::ExitCode};

use super::pages;
use crate::output::Output;

/// Runs the command.
pub(super) fn run(check: Option<&Path>, out: &mut Output) -> anyhow::Result<ExitCode> {
    let mut sdl = lineshaft_api::sdl();
    if !sdl.ends_with('\n') {
        sdl.push('\n');
    }
    if let Some(path) = check {
        return pages::compare(path, &sdl, "lineshaft schema", out);
    }
    out.text(&sdl)?;
    Ok(ExitCode::SUCCESS)
}
