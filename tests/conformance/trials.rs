//! The trials of one connector. All are run, and all that failed are told together.

mod compare;
mod filters;
mod records;
mod relations;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::{
    expected,
    shape::{Shape, shapes},
    stage::Stage,
};
use crate::support::{dice, meaning::Row};
use compare::{page_of, same_ids};

type Outcome = Result<(), String>;

/// Everything of one entity, as it was listed.
struct Listing {
    shape: Shape,
    nodes: Vec<Value>,
    rows: Vec<Row>,
    ids: Vec<String>,
}

impl Listing {
    fn new(shape: Shape, nodes: Vec<Value>) -> Self {
        let rows = nodes.iter().map(|node| shape.row(node)).collect();
        let ids = nodes
            .iter()
            .map(|node| node["id"].as_str().unwrap().to_owned())
            .collect();
        Self {
            shape,
            nodes,
            rows,
            ids,
        }
    }

    /// Returns a way to name a record that people can look up in the system.
    fn remote_id(&self, id: &str) -> String {
        let at = self.ids.iter().position(|known| known == id);
        at.map_or_else(
            || format!("unknown {id}"),
            |at| self.nodes[at]["remoteId"].as_str().unwrap().to_owned(),
        )
    }
}

struct Trials {
    system: System,
    stage: Stage,
    failures: Mutex<Vec<String>>,
    count: Mutex<usize>,
}

/// Runs all trials of the connector of one system, with settings besides the usual ones.
pub async fn run(system: System, settings: Value) {
    let stage = Stage::start(system, settings.as_object().unwrap().clone()).await;
    let blueprint = stage.blueprint().await;
    let trials = Trials {
        system,
        stage,
        failures: Mutex::default(),
        count: Mutex::default(),
    };
    let mut listings = BTreeMap::new();
    for shape in shapes(&blueprint) {
        if let Some(listing) = trials.listing(shape).await {
            listings.insert(listing.shape.entity.clone(), listing);
        }
    }
    assert!(
        listings.len() >= 3,
        "{system}: only {:?} can be listed: {:#?}",
        listings.keys(),
        trials.failures.lock().unwrap()
    );
    for listing in listings.values() {
        trials.statuses(listing);
        trials.raw(listing).await;
        trials.look_ups(listing).await;
        trials.counts(listing).await;
        trials.operators(listing).await;
        trials.combinations(listing).await;
        trials.orders(listing).await;
        for (field, target) in &listing.shape.references {
            let looks_up = blueprint
                .resources()
                .map(|resource| resource.capability())
                .any(|capability| {
                    let name = blueprint
                        .catalogue()
                        .type_at(capability.kind)
                        .map(|def| def.name.as_str());
                    name == Some(target.as_str()) && capability.get_many.is_some()
                });
            if looks_up {
                trials.reference(listing, field, listings.get(target)).await;
            }
        }
        for reverse in &listing.shape.reverses {
            trials.reverse(listing, reverse, listings.get(&reverse.child)).await;
        }
    }
    trials.tell();
}

impl Trials {
    fn check(&self, entity: &str, operation: &str, outcome: Outcome) {
        *self.count.lock().unwrap() += 1;
        if let Err(problem) = outcome {
            self.failures
                .lock()
                .unwrap()
                .push(format!("{} {entity} {operation}: {problem}", self.system));
        }
    }

    fn tell(self) {
        let count = self.count.into_inner().unwrap();
        let failures = self.failures.into_inner().unwrap();
        let few = failures
            .iter()
            .take(60)
            .map(|failure| failure.chars().take(700).collect::<String>())
            .collect::<Vec<_>>();
        assert!(
            failures.is_empty(),
            "{}: {} of {count} trials failed (seed {}):\n- {}",
            self.system,
            failures.len(),
            dice::seed(),
            few.join("\n- ")
        );
    }

    /// Lists everything in small pages, and holds it against the world.
    async fn listing(&self, shape: Shape) -> Option<Listing> {
        let operation = "is listed page by page";
        let pages = self.pages(&shape, &shape.selection, json!({ "first": 7 })).await;
        let nodes = match pages {
            Ok(nodes) => nodes,
            Err(problem) => {
                self.check(&shape.entity, operation, Err(problem));
                return None;
            }
        };
        let listing = Listing::new(shape, nodes);
        let entity = &listing.shape.entity;
        let unique: BTreeSet<_> = listing.ids.iter().collect();
        let plant = self.stage.plant().await;
        let expected = expected::count(self.system, entity, &plant.sandbox(self.system).world());
        let found = listing.ids.len();
        self.check(
            entity,
            operation,
            match expected {
                Some(expected) if expected != found => Err(format!("{found} records, and the world has {expected}")),
                _ if unique.len() != found => Err(format!("{} records came twice", found - unique.len())),
                _ => Ok(()),
            },
        );
        let whole = self.pages(&listing.shape, "id", json!({ "first": 250 })).await;
        self.check(
            entity,
            "is listed in one page",
            whole.and_then(|nodes| {
                let ids: BTreeSet<String> = nodes
                    .iter()
                    .map(|node| node["id"].as_str().unwrap().to_owned())
                    .collect();
                same_ids(&listing, &listing.ids.iter().cloned().collect(), &ids)
            }),
        );
        Some(listing)
    }

    /// Reads all pages of a list and returns the records. Errors and problems with fields are failures.
    async fn pages(&self, shape: &Shape, selection: &str, arguments: Value) -> Result<Vec<Value>, String> {
        let list = &shape.list;
        let text = format!(
            "query($first: Int, $after: String, $filter: {entity}Filter, $orderBy: {entity}Order) {{ {list}(first: $first, after: $after, \
             filter: $filter, orderBy: $orderBy) {{ nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} \
             sources {{ problems {{ recordId field remotePath message }} }} }} }}",
            entity = shape.entity
        );
        let mut variables = arguments;
        let mut nodes = Vec::new();
        let place = self.stage.place().await;
        for _ in 0..400 {
            let answer = place.query(&text, variables.clone()).await;
            let page = &page_of(&answer, list)?;
            if let Some(problems) = page["sources"][0]["problems"]
                .as_array()
                .filter(|problems| !problems.is_empty())
            {
                return Err(format!(
                    "{} fields could not be read, such as {}",
                    problems.len(),
                    problems[0]
                ));
            }
            nodes.extend(page["nodes"].as_array().unwrap().iter().cloned());
            if page["pageInfo"]["hasNextPage"] != true {
                return Ok(nodes);
            }
            variables["after"] = page["pageInfo"]["endCursor"].clone();
        }
        Err(format!("the list does not end: {} records so far", nodes.len()))
    }
}
