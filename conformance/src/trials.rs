//! The trials of one connector. All are run, and all that failed are told together.

mod access;
mod compare;
mod filters;
mod records;
mod relations;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use lineshaft_connect::blueprint::Blueprint;
use serde_json::{Value, json};

use crate::{
    Stage,
    answer::{items, word},
    dice, expected,
    meaning::Row,
    shape::{Shape, shapes},
};
use compare::{page_of, same_ids};
pub(crate) use records::has_scalar;

/// Failures that are told one by one; of more only the number is.
const TOLD: usize = 60;
/// Letters of a failure that are told.
const LETTERS: usize = 700;

type Verdict = Result<(), String>;

/// The connector that is tried.
pub struct Subject {
    /// Its id.
    pub id: String,
    /// What it says for the settings of the connection.
    pub blueprint: Arc<Blueprint>,
    /// Its README, which tells where statuses stay unknown.
    pub readme: String,
    /// The only types to try; all when it is empty.
    pub only: Vec<String>,
}

impl Subject {
    /// Tells whether the README says that some records of an entity have no known status.
    fn says_unknown(&self, entity: &str) -> bool {
        let says = |line: &str| line.contains(entity) && line.contains("UNKNOWN");
        self.readme.lines().any(says)
    }

    fn tries(&self, entity: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == entity)
    }
}

/// What came out of all trials. Shows as what failed, in words.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The connector.
    pub id: String,
    /// How many trials there were.
    pub count: usize,
    /// What failed: the type, what was tried, what was wrong.
    pub failures: Vec<String>,
    /// The types that could be listed.
    pub listed: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, failed) = (self.count, self.failures.len());
        if failed == 0 {
            return write!(f, "{}: all {count} trials hold, of {}", self.id, self.listed.join(", "));
        }
        write!(
            f,
            "{}: {failed} of {count} trials failed (seed {}):",
            self.id,
            dice::seed()
        )?;
        for failure in self.failures.iter().take(TOLD) {
            write!(f, "\n- {}", failure.chars().take(LETTERS).collect::<String>())?;
        }
        match failed.saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "\n- and {more} more"),
        }
    }
}

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
        let ids = nodes.iter().map(|node| word(&node["id"]).to_owned()).collect();
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
            |at| word(&self.nodes[at]["remoteId"]).to_owned(),
        )
    }
}

struct Trials {
    subject: Subject,
    stage: Stage,
    failures: Mutex<Vec<String>>,
    count: Mutex<usize>,
}

/// Runs all trials of a connector.
pub async fn run(subject: Subject, stage: Stage) -> Outcome {
    let trials = Trials {
        subject,
        stage,
        failures: Mutex::default(),
        count: Mutex::default(),
    };
    let mut listings = BTreeMap::new();
    for shape in shapes(&trials.subject.blueprint) {
        if let Some(listing) = trials.listing(shape).await {
            listings.insert(listing.shape.entity.clone(), listing);
        }
    }
    for listing in listings
        .values()
        .filter(|listing| trials.subject.tries(&listing.shape.entity))
    {
        trials.of_one(listing, &listings).await;
    }
    let listed: Vec<&Listing> = listings.values().collect();
    trials.access(&listed).await;
    trials.end(listings.into_keys().collect())
}

impl Trials {
    /// Runs the trials of one entity.
    async fn of_one(&self, listing: &Listing, all: &BTreeMap<String, Listing>) {
        self.statuses(listing);
        self.raw(listing).await;
        self.look_ups(listing).await;
        self.counts(listing).await;
        self.operators(listing).await;
        self.combinations(listing).await;
        self.orders(listing).await;
        let blueprint = &self.subject.blueprint;
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
                self.reference(listing, field, all.get(target)).await;
            }
        }
        for reverse in &listing.shape.reverses {
            self.reverse(listing, reverse, all.get(&reverse.child)).await;
        }
    }

    fn check(&self, entity: &str, operation: &str, outcome: Verdict) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        if let Err(problem) = outcome {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.push(format!("{entity} {operation}: {problem}"));
        }
    }

    fn end(self, listed: Vec<String>) -> Outcome {
        Outcome {
            id: self.subject.id,
            count: self.count.into_inner().unwrap_or_else(PoisonError::into_inner),
            failures: self.failures.into_inner().unwrap_or_else(PoisonError::into_inner),
            listed,
        }
    }

    /// Returns how many records of a type the system shows, when its world tells it.
    async fn expected(&self, entity: &str) -> Option<usize> {
        let place = self.stage.present().await;
        let sandbox = place.sandbox()?;
        let counted = expected::count(sandbox.system(), entity, &sandbox.world());
        counted.unwrap_or_else(|problem| {
            self.check(entity, "can be computed from sandbox.yaml", Err(problem));
            None
        })
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
        let expected = self.expected(entity).await;
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
                let ids: BTreeSet<String> = nodes.iter().map(|node| word(&node["id"]).to_owned()).collect();
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
        let place = self.stage.place().await?;
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
            nodes.extend(items(&page["nodes"]).iter().cloned());
            if page["pageInfo"]["hasNextPage"] != true {
                return Ok(nodes);
            }
            variables["after"] = page["pageInfo"]["endCursor"].clone();
        }
        Err(format!("the list does not end: {} records so far", nodes.len()))
    }
}
