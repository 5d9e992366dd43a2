//! Holds a connector to its word against a real system, by reading only: the records that are there are what it works
//! with, one request after the other, and of each type no more requests than are allowed.
//!
//! What needs a simulated system is left out: how many records there are in all, rights that are taken away, credentials
//! that are refused, and writes.

mod meter;
mod reading;

mod codes;
mod filters;
mod look_ups;
mod relations;
mod seen;

mod outcome;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lineshaft_connect::blueprint::Blueprint;
use serde_json::{Value, json};

use self::{relations::RowsFound, told::Teller};
use crate::{
    Place,
    answer::word,
    shape::{Shape, shapes},
};

pub use meter::{Meter, Metered};
pub use outcome::{LiveOutcome, TypeOutcome, Verdict, counted};

/// What is left out, for people.
pub const LEFT_OUT: &str = "refused credentials, rights that are taken away, and the number of all records, which need a simulated system \
     (`lineshaft connector test`); writes, because nothing is written here";

/// Failures after which the system is not asked any more, whatever the type.
const ENDS: [&str; 7] = [
    "INVALID_CREDENTIALS",
    "REAUTH_REQUIRED",
    "SESSION_EXPIRED",
    "RATE_LIMITED",
    "CIRCUIT_OPEN",
    "UNREACHABLE",
    "TLS_FAILED",
];
/// Failures that say something about the account or the installation, and nothing about the connector.
const REFUSALS: [&str; 2] = ["PERMISSION_DENIED", "NOT_SUPPORTED"];

/// What is tried, and how far.
pub struct LiveSubject {
    /// What the connector says for the settings of the connection.
    pub blueprint: Arc<Blueprint>,
    /// Its README, which tells where statuses stay unknown.
    pub readme: String,
    /// The only types to try; all when it is empty.
    pub only: Vec<String>,
    /// Most requests for each type.
    pub most_calls: u32,
    /// Whether values of records are told. Without it only their kind is, apart from those of enums.
    pub show_values: bool,
}

/// Why something could not be tried to its end.
enum Stop {
    /// No more requests are allowed.
    Spent,
    /// Nothing more is to be asked, of no type.
    Over(String),
    /// The account may not read it, this installation does not have it, or no record shows it.
    Untried(String),
    /// It does not hold.
    Wrong(String),
}

/// Why the trials of a type ended early.
enum End {
    Spent,
    Over(String),
}

type Tried<T = ()> = Result<T, Stop>;

/// One run over all types.
struct Run<'r> {
    subject: &'r LiveSubject,
    place: &'r dyn Place,
    meter: &'r Meter,
}

/// Tries all types, one after the other, and tells each as soon as nothing more is tried of it.
pub async fn verify(
    subject: &LiveSubject,
    place: &dyn Place,
    meter: &Meter,
    tell: &mut (dyn FnMut(&TypeOutcome) + Send),
) -> LiveOutcome {
    let run = Run { subject, place, meter };
    let mut types: BTreeMap<String, TypeOutcome> = BTreeMap::new();
    // Rows that only their owners have are tried with each of them, and told at the end.
    let mut rows = RowsFound::new();
    let mut over: Option<String> = None;
    let shapes = shapes(&subject.blueprint);
    let listed: BTreeSet<String> = shapes.iter().map(|shape| shape.entity.clone()).collect();
    // Owners are asked for the rows that only they have.
    let has_rows = |shape: &Shape| {
        let mut children = shape.reverses.iter().map(|reverse| &reverse.child);
        children.any(|child| !listed.contains(child) && subject.tries(child))
    };
    for shape in shapes {
        if !subject.tries(&shape.entity) && !has_rows(&shape) {
            continue;
        }
        let entity = shape.entity.clone();
        let case = reading::Case::new(&run, shape);
        let outcome = match &over {
            Some(why) => case.untried(why),
            None => {
                let (outcome, end) = case.run(&mut rows).await;
                if let Some(End::Over(why)) = end {
                    over = Some(why);
                }
                outcome
            }
        };
        if subject.tries(&entity) {
            tell(&outcome);
            types.insert(entity, outcome);
        }
    }
    for resource in subject.blueprint.resources() {
        let entity = resource.type_name();
        let found = rows.remove(entity);
        if let Some(own) = types.get_mut(entity) {
            own.operations.extend(found.iter().flat_map(|_| ["load"]));
            continue;
        }
        if !subject.tries(entity) {
            continue;
        }
        let outcome = match found {
            Some(found) => found.outcome(subject, entity),
            None => {
                let why = over.as_deref().unwrap_or("no record that was read has any");
                TypeOutcome::untried(entity, why)
            }
        };
        tell(&outcome);
        types.insert(entity.to_owned(), outcome);
    }
    LiveOutcome {
        types: types.into_values().collect(),
        over,
    }
}

impl LiveSubject {
    fn tries(&self, entity: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == entity)
    }

    /// Tells whether the README says that some statuses of an entity stay unknown, or some of all entities.
    fn says_unknown(&self, entity: &str) -> bool {
        let catalogue = self.blueprint.catalogue();
        let is_about =
            |line: &str, entity: &str| line.contains(&entity.to_lowercase()) || line.contains(&spaced(entity));
        let says = |line: &str| {
            let mut words = line.split(|letter: char| !letter.is_alphanumeric());
            let is_of_status = words.any(|word| ["status", "statuses", "state"].contains(&word));
            let is_about_all = || is_of_status && !catalogue.entities().any(|def| is_about(line, &def.name));
            is_about(line, entity) || is_about_all()
        };
        let unknown = self.readme.lines().filter(|line| line.contains("UNKNOWN"));
        unknown.into_iter().any(|line| says(&line.to_lowercase()))
    }
}

/// Returns a name as words: `WorkOrder` is a work order.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

impl Run<'_> {
    fn teller(&self) -> Teller {
        Teller::new(self.subject.show_values)
    }

    /// Asks once, and returns what came.
    async fn ask(&self, text: &str, variables: Value, teller: &Teller) -> Tried<Value> {
        let answer = self.place.ask(text, variables).await;
        let failure = answer.errors().first();
        let Some(error) = failure else {
            return match &answer.body["data"] {
                Value::Null => Err(Stop::Wrong(format!("status {}: {}", answer.status, answer.text))),
                data => Ok(data.clone()),
            };
        };
        if self.meter.has_refused() {
            return Err(Stop::Spent);
        }
        let code = word(&error["extensions"]["code"]);
        let told = teller.failure(error);
        Err(match code {
            code if ENDS.contains(&code) => Stop::Over(told),
            code if REFUSALS.contains(&code) => Stop::Untried(told),
            _ => Stop::Wrong(told),
        })
    }

    /// Reads one page of a list.
    async fn page(&self, list: &str, entity: &str, selection: &str, arguments: Value, teller: &Teller) -> Tried<Value> {
        let text = format!(
            "query($first: Int, $after: String, $filter: {entity}Filter, $orderBy: {entity}Order) {{ {list}(first: $first, after: $after, \
             filter: $filter, orderBy: $orderBy) {{ nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} \
             sources {{ pushedDown appliedHere problems {{ recordId field remotePath message }} }} }} }}"
        );
        let data = self.ask(&text, arguments, teller).await?;
        Ok(data[list].clone())
    }
}

/// Returns the arguments of a list for so many records.
fn first(records: usize) -> Value {
    json!({ "first": records })
}
