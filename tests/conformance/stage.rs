//! The suite's servers as places for the trials of connectors.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_conformance::{Answer, Example, Make, Outcome, Place, Stage, Subject, run as run_trials};
use lineshaft_sandbox::{Sandbox, System};
use lineshaft_schema::ConnectionId;
use serde_json::{Map, Value};

pub use lineshaft_conformance::rebased;

use crate::support::{Plant, Setup, connector_folder};

/// A server over one system.
struct Stand {
    plant: Plant,
    system: System,
}

impl Place for Stand {
    fn ask<'a>(&'a self, text: &'a str, variables: Value) -> BoxFuture<'a, Answer> {
        self.plant.query(text, variables).map(Answer::from).boxed()
    }

    fn connection(&self) -> ConnectionId {
        self.plant.connection(self.system).parse().unwrap()
    }

    fn sandbox(&self) -> Option<&Sandbox> {
        Some(self.plant.sandbox(self.system))
    }
}

/// Calls that are asked of one system at most, with room for what is under way. Limble takes 360 in a minute.
const MOST_CALLS: usize = 200;

/// Runs all trials of the connector of one system, with settings besides the usual ones.
pub async fn run(system: System, settings: Value) {
    let outcome = tried(system, settings).await;
    assert!(
        outcome.listed.len() >= 3,
        "{system}: only {:?} can be listed: {outcome}",
        outcome.listed
    );
    assert!(outcome.failures.is_empty(), "{outcome}");
}

/// Runs all trials of a connector whose system is described by the `sandbox.yaml` beside it.
#[allow(dead_code, reason = "there are no such tests where no system is described")]
pub async fn run_described(id: &str) {
    let system = System::from_id(id).unwrap_or_else(|| panic!("{id}: its sandbox.yaml is not known to the sandbox"));
    let outcome = tried(system, Value::Object(Map::new())).await;
    assert!(!outcome.listed.is_empty(), "{id}: nothing can be listed: {outcome}");
    assert!(outcome.failures.is_empty(), "{outcome}");
}

async fn tried(system: System, settings: Value) -> Outcome {
    let settings = settings.as_object().unwrap().clone();
    let wanted = settings.clone();
    let example = Example::read(&connector_folder().join(system.id())).unwrap();
    let mapped = example.clone();
    let is_described = matches!(system, System::Described(_));
    let make: Make = Box::new(move || {
        let (settings, mapped) = (wanted.clone(), mapped.clone());
        async move {
            let setup = Setup {
                settings,
                ..Setup::only([system])
            };
            let plant = setup.start().await;
            let stand = Stand { plant, system };
            if let Some(example) = mapped {
                example.save(&stand).await?;
            }
            Ok(Arc::new(stand) as Arc<dyn Place>)
        }
        .boxed()
    });
    let mut registry = lineshaft_engine::registry::Registry::new(lineshaft_schema::Catalogue::unified().unwrap());
    registry.add_directory(&connector_folder()).unwrap();
    let kind = registry
        .get(system.id())
        .expect("the system has a connector that loads");
    let readme = std::fs::read_to_string(connector_folder().join(system.id()).join("README.md"));
    let blueprint = kind.blueprint_for(&settings).unwrap();
    let blueprint = match &example {
        Some(example) => Arc::new(example.over(&blueprint).unwrap()),
        None => blueprint,
    };
    let subject = Subject {
        id: system.id().to_owned(),
        blueprint,
        readme: readme.unwrap_or_default(),
        only: Vec::new(),
    };
    let limited = !is_described
        && kind
            .manifest
            .limits
            .rates
            .iter()
            .any(|rate| rate.per_s >= 30 && rate.calls < 1000);
    let stage = Stage::start(make, limited.then_some(MOST_CALLS)).await.unwrap();
    run_trials(subject, stage).await
}
