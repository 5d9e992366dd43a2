//! Replays what a spec shows: plans what it asks for, reads its answer as a live one, and tells every difference. No IO.

mod answer;
mod conditions;
mod question;
mod request;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value as Json};

use crate::{
    blueprint::{ACCESS_TOKEN, Blueprint, ResourcePlan},
    error::Error,
    manifest::{
        AuthKind, Manifest, SettingKind, Wanted,
        load::{Exchange, ManifestProblem, Shows, Spec},
    },
    mapping::spec::{Difference, check_row},
    request::RequestPlan,
    template::{SecretMap, Variables},
};
use question::Asked;

/// Tells what differs between specs and what the connector makes of them, with their places; nothing when they hold.
///
/// The blueprint is that of the connector, without settings: those of each spec are filled in.
#[must_use]
pub fn check_specs(blueprint: &Blueprint, specs: &[Spec]) -> Vec<ManifestProblem> {
    let mut variants = Variants::default();
    let mut problems = Vec::new();
    for spec in specs {
        let variant = variants.of(blueprint, &spec.settings);
        let found = variant.and_then(|variant| differences(&variant, spec));
        let found = found.unwrap_or_else(|difference| vec![difference]);
        let told = found.into_iter();
        problems.extend(told.map(|difference| spec.problem(&difference.pointer, difference.message)));
    }
    problems
}

/// What was compiled for settings, which many specs share.
#[derive(Default)]
struct Variants(HashMap<String, Result<Blueprint, Difference>>);

impl Variants {
    fn of(&mut self, blueprint: &Blueprint, settings: &Map<String, Json>) -> Result<Blueprint, Difference> {
        let compile = || {
            let unfit = |message: String| Difference::new("/settings", message);
            let manifest = blueprint.manifest();
            let variant = manifest
                .for_settings(settings)
                .map_err(|problem| unfit(problem.to_string()))?;
            Blueprint::compile(variant, Arc::clone(blueprint.catalogue())).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                unfit(problems.join("; "))
            })
        };
        let name = serde_json::to_string(settings).unwrap_or_default();
        self.0.entry(name).or_insert_with(compile).clone()
    }
}

fn differences(blueprint: &Blueprint, spec: &Spec) -> Result<Vec<Difference>, Difference> {
    let unfit = |message: String| Difference::new("/settings", message);
    match &spec.shows {
        Shows::Row { row, expect } => {
            let blueprint = blueprint.with_settings(&spec.settings).map_err(unfit)?;
            let resource = resource_of(&blueprint, spec)?;
            Ok(check_row(resource.mapping(), &spec.settings, row, expect))
        }
        Shows::Exchange(exchange) => {
            let settings = complete(blueprint.manifest(), &spec.settings);
            let replay = Replay {
                blueprint: Arc::new(blueprint.with_settings(&settings).map_err(unfit)?),
                credentials: credentials(blueprint.manifest()),
                session: session(blueprint.manifest(), exchange),
                settings,
                exchange,
            };
            replay.differences(spec)
        }
    }
}

fn resource_of<'b>(blueprint: &'b Blueprint, spec: &Spec) -> Result<&'b ResourcePlan, Difference> {
    let name = spec.kind.as_deref().unwrap_or_default();
    let resource = blueprint.resources().find(|resource| resource.type_name() == name);
    resource.ok_or_else(|| Difference::new("/type", format!("the connector maps no type `{name}`")))
}

/// Adds defaults and examples to settings, and the names of those that have neither.
fn complete(manifest: &Manifest, given: &Map<String, Json>) -> Map<String, Json> {
    let mut settings = given.clone();
    for (name, field) in &manifest.settings {
        if settings.get(name).is_some_and(|value| !value.is_null()) {
            continue;
        }
        let example = field.example.clone().filter(|_| field.required);
        let named = || match field.kind {
            _ if !field.required => None,
            SettingKind::Url => Some("https://system.example".to_owned()),
            _ => Some(placeholder("settings", name)),
        };
        if let Some(value) = field.default.clone().or(example).or_else(named) {
            settings.insert(name.clone(), Json::String(value));
        }
    }
    settings
}

/// Returns credentials that show by which name they are put into requests.
fn credentials(manifest: &Manifest) -> SecretMap {
    let names = manifest.auth.iter().flat_map(|way| way.credentials.keys());
    names
        .map(|name| (name.clone(), placeholder("credentials", name)))
        .collect()
}

/// Returns what a login gave: what the spec says, else the names.
fn session(manifest: &Manifest, exchange: &Exchange) -> SecretMap {
    let kept = manifest.auth.iter().flat_map(|way| match &way.kind {
        AuthKind::Session { keep, .. } => keep.keys().cloned().collect(),
        _ => vec![ACCESS_TOKEN.to_owned()],
    });
    let named = kept.map(|name| {
        let value = placeholder("session", &name);
        (name, value)
    });
    let given = exchange
        .session
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    named.chain(given).collect()
}

fn placeholder(group: &str, name: &str) -> String {
    format!("{{{{{group}.{name}}}}}")
}

/// One exchange with everything that it is replayed with.
struct Replay<'s> {
    blueprint: Arc<Blueprint>,
    settings: Map<String, Json>,
    credentials: SecretMap,
    session: SecretMap,
    exchange: &'s Exchange,
}

impl Replay<'_> {
    fn differences(&self, spec: &Spec) -> Result<Vec<Difference>, Difference> {
        let exchange = self.exchange;
        let is_bare = matches!(exchange.of, Wanted::Probe | Wanted::SignIn) || spec.kind.is_none();
        let resource = if is_bare {
            None
        } else {
            Some(resource_of(&self.blueprint, spec)?)
        };
        let mut differences = Vec::new();
        let mut asked = self.ask(resource, &mut differences)?;
        if let Some(expected) = &exchange.request {
            differences.extend(request::compare(expected, &asked.plan(self)?));
        }
        if let Some(answer) = &exchange.answer {
            differences.extend(self.answered(answer, &mut asked, resource)?);
        }
        Ok(differences)
    }

    fn variables(&self) -> Variables<'_> {
        Variables {
            settings: &self.settings,
            credentials: &self.credentials,
            session: &self.session,
        }
    }
}

impl Asked {
    /// Returns what the connector sends.
    fn plan(&self, replay: &Replay<'_>) -> Result<RequestPlan, Difference> {
        let nothing = || Difference::new("/request", "nothing is sent for this");
        let unplanned = |error: Error| Difference::new("/asked", error.to_string());
        let variables = replay.variables();
        match self {
            Self::Nothing => Err(nothing()),
            Self::List(resource, request) => resource.plan_list(request, &variables).map_err(unplanned),
            Self::LookUp(_, look_up) => Ok(look_up.plan.clone()),
            Self::Count(resource, request) => {
                let plan = resource.plan_count(request, &variables).map_err(unplanned)?;
                plan.ok_or_else(nothing)
            }
            Self::Probe => replay.blueprint.plan_probe(&variables).map_err(unplanned),
            Self::SignIn(way) => replay.plan_sign_in(way, &variables),
            Self::Write(run) => run.request(&variables).map_err(unplanned),
        }
    }
}
