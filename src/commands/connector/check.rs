//! Checks the folder of a connector: its grammar, its mapping to the unified model, every variant, its specs, its example
//! mapping, the description of the system.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use lineshaft_conformance::Example;
use lineshaft_connect::{
    blueprint::Blueprint,
    manifest::load::{self, ManifestProblem},
    replay,
};
use lineshaft_sandbox::Description;
use lineshaft_schema::Catalogue;

use crate::output::{Output, Style};

/// Prints what is wrong, or what the connector has.
pub(super) fn check(path: &Path, out: &mut Output) -> anyhow::Result<ExitCode> {
    let path = path
        .canonicalize()
        .with_context(|| format!("`{}` is not there", path.display()))?;
    let problems = match compile(&path) {
        Ok(blueprint) => check_system(&path)
            .and_then(|()| check_example(&path, &blueprint))
            .and_then(|()| check_specs(&path, &blueprint)),
        Err(problems) => Err(told(&problems)),
    };
    match problems {
        Ok((types, specs)) => {
            let good = out.styled(Style::Good, "No problems");
            out.line(&format!("{good}: {types} types mapped, {specs} specs hold."))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            for problem in &problems {
                out.line(problem)?;
            }
            let count = if problems.len() == 1 {
                "1 problem".to_owned()
            } else {
                format!("{} problems", problems.len())
            };
            let bad = out.styled(Style::Bad, &count);
            out.line(&bad)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn compile(path: &Path) -> Result<Blueprint, Vec<ManifestProblem>> {
    let (manifest, sources) = load::load_folder(path)?;
    let problem = |message: String| ManifestProblem {
        file: "manifest.yaml".to_owned(),
        line: 0,
        column: 0,
        path: String::new(),
        message,
        help: None,
    };
    let catalogue = Catalogue::unified().map_err(|error| vec![problem(error)])?;
    let variants = manifest.each_variant().map_err(|error| sources.locate(&[error]))?;
    let blueprint = Blueprint::compile(manifest, catalogue.clone()).map_err(|problems| sources.locate(&problems))?;
    for (number, variant) in variants.into_iter().enumerate() {
        Blueprint::compile(variant, catalogue.clone()).map_err(|problems| {
            let mut located = sources.locate(&problems);
            for problem in &mut located {
                problem.message = format!("{} (with variant {})", problem.message, number + 1);
            }
            located
        })?;
    }
    Ok(blueprint)
}

/// Tells what is wrong with the description of the system, if there is one.
fn check_system(path: &Path) -> Result<(), Vec<String>> {
    if !path.join("sandbox.yaml").is_file() {
        return Ok(());
    }
    Description::load(path).map(drop).map_err(|faulty| {
        faulty
            .problems
            .iter()
            .map(|problem| format!("sandbox.yaml:{problem}"))
            .collect()
    })
}

/// Tells what of the example mapping does not fit the connector, if there is one.
fn check_example(path: &Path, blueprint: &Blueprint) -> Result<(), Vec<String>> {
    match Example::read(path)? {
        Some(example) => example.over(blueprint).map(drop),
        None => Ok(()),
    }
}

/// Returns how many types and specs there are, or what differs from the specs.
fn check_specs(path: &Path, blueprint: &Blueprint) -> Result<(usize, usize), Vec<String>> {
    let specs = load::specs(path).map_err(|problems| told(&problems))?;
    let differences = replay::check_specs(blueprint, &specs);
    if differences.is_empty() {
        Ok((blueprint.resources().count(), specs.len()))
    } else {
        Err(told(&differences))
    }
}

fn told(problems: &[ManifestProblem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
