//! The trials of one connector. All are run, and all that failed are told together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
};

use futures_util::{StreamExt as _, stream};
use lineshaft_sandbox::System;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use super::{
    conditions::{Condition, conditions, filters},
    expected, missing,
    shape::{Column, Reverse, Shape, shapes},
    stage::Stage,
};
use crate::support::{
    Answer, connector_folder,
    dice::{self, Dice},
    meaning::{Filter, Row, compare_in_order},
};

/// Trials of combined filters for each entity.
const COMBINATIONS: usize = 24;
/// Steps by which a failing combination is made simpler.
const SIMPLER: usize = 40;
/// Trials under way at the same time.
const WIDTH: usize = 8;

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
        let ids = nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
        Self { shape, nodes, rows, ids }
    }

    /// Returns a way to name a record that people can look up in the system.
    fn remote_id(&self, id: &str) -> String {
        let at = self.ids.iter().position(|known| known == id);
        at.map_or_else(|| format!("unknown {id}"), |at| self.nodes[at]["remoteId"].as_str().unwrap().to_owned())
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
    let trials = Trials { system, stage, failures: Mutex::default(), count: Mutex::default() };
    let mut listings = BTreeMap::new();
    for shape in shapes(&blueprint) {
        if let Some(listing) = trials.listing(shape).await {
            listings.insert(listing.shape.entity.clone(), listing);
        }
    }
    assert!(listings.len() >= 3, "{system}: only {:?} can be listed: {:#?}", listings.keys(), trials.failures.lock().unwrap());
    for listing in listings.values() {
        trials.statuses(listing);
        trials.raw(listing).await;
        trials.look_ups(listing).await;
        trials.counts(listing).await;
        trials.operators(listing).await;
        trials.combinations(listing).await;
        trials.orders(listing).await;
        for (field, target) in &listing.shape.references {
            let looks_up = blueprint.resources().map(|resource| resource.capability()).any(|capability| {
                let name = blueprint.catalogue().type_at(capability.kind).map(|def| def.name.as_str());
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
            self.failures.lock().unwrap().push(format!("{} {entity} {operation}: {problem}", self.system));
        }
    }

    fn tell(self) {
        let count = self.count.into_inner().unwrap();
        let failures = self.failures.into_inner().unwrap();
        let few = failures.iter().take(60).map(|failure| failure.chars().take(700).collect::<String>()).collect::<Vec<_>>();
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
        self.check(entity, operation, match expected {
            Some(expected) if expected != found => Err(format!("{found} records, and the world has {expected}")),
            _ if unique.len() != found => Err(format!("{} records came twice", found - unique.len())),
            _ => Ok(()),
        });
        let whole = self.pages(&listing.shape, "id", json!({ "first": 250 })).await;
        self.check(entity, "is listed in one page", whole.and_then(|nodes| {
            let ids: BTreeSet<String> = nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
            same_ids(&listing, &listing.ids.iter().cloned().collect(), &ids)
        }));
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
            if let Some(problems) = page["sources"][0]["problems"].as_array().filter(|problems| !problems.is_empty()) {
                return Err(format!("{} fields could not be read, such as {}", problems.len(), problems[0]));
            }
            nodes.extend(page["nodes"].as_array().unwrap().iter().cloned());
            if page["pageInfo"]["hasNextPage"] != true {
                return Ok(nodes);
            }
            variables["after"] = page["pageInfo"]["endCursor"].clone();
        }
        Err(format!("the list does not end: {} records so far", nodes.len()))
    }

    fn statuses(&self, listing: &Listing) {
        if !listing.shape.has_status {
            return;
        }
        let unknown: Vec<_> = listing.nodes.iter().filter(|node| node["status"] == "UNKNOWN").collect();
        let outcome = match unknown.first() {
            Some(first) if !readme_says_unknown(self.system, &listing.shape.entity) => {
                Err(format!("{} records are UNKNOWN, such as {} with {}", unknown.len(), first["remoteId"], first["statusInfo"]))
            }
            _ => Ok(()),
        };
        self.check(&listing.shape.entity, "status", outcome);
    }

    async fn raw(&self, listing: &Listing) {
        let nodes = self.pages(&listing.shape, "remoteId remoteKeys { value } raw", json!({ "first": 100 })).await;
        self.check(&listing.shape.entity, "raw", nodes.and_then(|nodes| {
            for node in &nodes {
                if !node["raw"].is_object() {
                    return Err(format!("of {} it is {}", node["remoteId"], node["raw"]));
                }
                for part in node["remoteKeys"].as_array().unwrap() {
                    if !has_scalar(&node["raw"], part["value"].as_str().unwrap()) {
                        return Err(format!("of {} it has no {}: {}", node["remoteId"], part["value"], node["raw"]));
                    }
                }
            }
            Ok(())
        }));
    }

    async fn look_ups(&self, listing: &Listing) {
        let shape = &listing.shape;
        if !shape.looks_up {
            return;
        }
        let step = (listing.nodes.len() / 11).max(1);
        let sample: Vec<&Value> = listing.nodes.iter().step_by(step).collect();
        let ids: Vec<&Value> = sample.iter().map(|node| &node["id"]).collect();
        let text = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {} {{ {} }} }} }}", shape.entity, shape.selection);
        let answer = self.stage.query(&text, json!({ "ids": ids })).await;
        self.check(&shape.entity, "nodes", no_errors(&answer).and_then(|()| {
            let found = answer.body["data"]["nodes"].as_array().unwrap();
            sample.iter().zip(found).try_for_each(|(listed, found)| same_record(listed, found))
        }));
        let Some(first) = sample.first() else { return };
        let text = format!("query($id: ID!) {{ {}(id: $id) {{ {} }} }}", shape.single, shape.selection);
        let answer = self.stage.query(&text, json!({ "id": first["id"] })).await;
        let found = no_errors(&answer).and_then(|()| same_record(first, &answer.body["data"][&shape.single]));
        self.check(&shape.entity, &shape.single, found);
        let ghost = missing(&first["id"].as_str().unwrap().parse().unwrap());
        let answer = self.stage.query(&text, json!({ "id": ghost.to_string() })).await;
        let nothing = no_errors(&answer).and_then(|()| match &answer.body["data"][&shape.single] {
            Value::Null => Ok(()),
            other => Err(format!("a record that does not exist is {other}")),
        });
        self.check(&shape.entity, "look-up of a missing record", nothing);
    }

    async fn counts(&self, listing: &Listing) {
        let shape = &listing.shape;
        let text = format!(
            "query($filter: {}Filter) {{ {}(first: 1, filter: $filter) {{ totalCount sources {{ appliedHere }} }} }}",
            shape.entity, shape.list
        );
        let answer = self.stage.query(&text, json!({})).await;
        let total = page_of(&answer, &shape.list).and_then(|page| same_count(shape.counts, &page["totalCount"], listing.ids.len()));
        self.check(&shape.entity, "totalCount", total);
        for column in shape.columns.iter().filter(|column| !column.exact.is_empty()) {
            let Some(operator) = column.operators().iter().find(|operator| column.exact.contains(**operator)) else { continue };
            let Some(condition) = conditions(column, operator, &listing.rows).into_iter().next() else { continue };
            let answer = self.stage.query(&text, json!({ "filter": condition.filter.argument() })).await;
            let number = listing.rows.iter().filter(|row| condition.filter.matches(row)).count();
            let total = page_of(&answer, &shape.list).and_then(|page| {
                let pushed = page["sources"][0]["appliedHere"] == json!([]);
                same_count(shape.counts && pushed, &page["totalCount"], number)
            });
            self.check(&shape.entity, &format!("totalCount with {}", condition.filter.argument()), total);
        }
    }

    /// Tries each operator that the connector declares, on values of its own records.
    async fn operators(&self, listing: &Listing) {
        let mut trials = Vec::new();
        for column in &listing.shape.columns {
            for operator in column.operators().iter().filter(|operator| column.declared.contains(**operator)) {
                let conditions = conditions(column, operator, &listing.rows);
                trials.push((column, *operator, conditions));
            }
        }
        stream::iter(trials)
            .for_each_concurrent(WIDTH, |(column, operator, conditions)| self.operator(listing, column, operator, conditions))
            .await;
    }

    async fn operator(&self, listing: &Listing, column: &Column, operator: &str, conditions: Vec<Condition>) {
        let shape = &listing.shape;
        let mut pushed = false;
        for condition in conditions {
            let outcome = self.filtered(listing, &condition.filter).await;
            if let (true, Ok(words)) = (condition.ordinary, &outcome) {
                let is_this = |word: &&str| word.split_once(' ').is_some_and(|(field, _)| field == column.name);
                pushed |= words.iter().map(String::as_str).any(|word| is_this(&word));
            }
            self.check(&shape.entity, &format!("filter {}", condition.filter.argument()), outcome.map(drop));
        }
        let has_values = listing.rows.iter().any(|row| !row[&column.name].is_null());
        let outcome = if pushed || !has_values { Ok(()) } else { Err("it is declared, but no trial was pushed down".to_owned()) };
        self.check(&shape.entity, &format!("operator {} {operator}", column.name), outcome);
    }

    /// Compares a filtered list with the whole list filtered here. Returns what was pushed down.
    async fn filtered(&self, listing: &Listing, filter: &Filter) -> Result<Vec<String>, String> {
        let shape = &listing.shape;
        let list = &shape.list;
        let text = format!(
            "query($after: String, $filter: {}Filter) {{ {list}(first: 250, after: $after, filter: $filter) {{ nodes {{ id }} \
             pageInfo {{ hasNextPage endCursor }} sources {{ pushedDown }} }} }}",
            shape.entity
        );
        let mut found = BTreeSet::new();
        let mut pushed = Vec::new();
        let mut after = Value::Null;
        let place = self.stage.place().await;
        loop {
            let answer = place.query(&text, json!({ "filter": filter.argument(), "after": after })).await;
            let page = page_of(&answer, list)?;
            for node in page["nodes"].as_array().unwrap() {
                let id = node["id"].as_str().unwrap().to_owned();
                if !found.insert(id.clone()) {
                    return Err(format!("{} came twice", listing.remote_id(&id)));
                }
            }
            let words = page["sources"][0]["pushedDown"].as_array().into_iter().flatten();
            pushed.extend(words.map(|word| word.as_str().unwrap().to_owned()));
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let meant = listing.ids.iter().zip(&listing.rows).filter(|(_, row)| filter.matches(row)).map(|(id, _)| id.clone());
        same_ids(listing, &meant.collect(), &found).map(|()| pushed)
    }

    /// Tries combinations of conditions, pushed or not.
    async fn combinations(&self, listing: &Listing) {
        if listing.rows.is_empty() {
            return;
        }
        let strategy = filters(&listing.shape, &listing.rows);
        let mut dice = Dice::of(&format!("{} {}", self.system, listing.shape.entity));
        let trees: Vec<_> = (0..COMBINATIONS).map(|_| dice.tree(&strategy)).collect();
        stream::iter(trees)
            .for_each_concurrent(WIDTH, |mut tree| async move {
                let mut filter = tree.current();
                let mut outcome = self.filtered(listing, &filter).await.map(drop);
                let mut left = SIMPLER;
                while outcome.is_err() && left > 0 && tree.simplify() {
                    loop {
                        left = left.saturating_sub(1);
                        let simpler = self.filtered(listing, &tree.current()).await.map(drop);
                        if simpler.is_err() {
                            (filter, outcome) = (tree.current(), simpler);
                            break;
                        }
                        if left == 0 || !tree.complicate() {
                            left = 0;
                            break;
                        }
                    }
                }
                self.check(&listing.shape.entity, &format!("filter {}", filter.argument()), outcome);
            })
            .await;
    }

    /// Tries each order that the connector declares, and a few that are made here.
    async fn orders(&self, listing: &Listing) {
        let sortable = listing.shape.columns.iter().filter(|column| column.order.is_some());
        let (declared, others): (Vec<_>, Vec<_>) = sortable.partition(|column| column.sortable);
        let mut trials = Vec::new();
        for column in declared.into_iter().chain(others.into_iter().take(3)) {
            trials.extend([(column, false), (column, true)]);
        }
        stream::iter(trials).for_each_concurrent(WIDTH, |(column, descending)| self.order(listing, column, descending)).await;
    }

    async fn order(&self, listing: &Listing, column: &Column, descending: bool) {
        let direction = if descending { "DESC" } else { "ASC" };
        let order = json!({ "field": column.order, "direction": direction });
        let first = 1 + listing.ids.len() / 3;
        let selection = format!("id remoteId {}", column.selection());
        let nodes = self.pages(&listing.shape, &selection, json!({ "first": first.min(250), "orderBy": order })).await;
        let outcome = nodes.and_then(|nodes| {
            let ids: BTreeSet<String> = nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
            if ids.len() != nodes.len() {
                return Err(format!("{} records came twice", nodes.len() - ids.len()));
            }
            same_ids(listing, &listing.ids.iter().cloned().collect(), &ids)?;
            for pair in nodes.windows(2) {
                let (a, b) = (column.value_in(&pair[0]), column.value_in(&pair[1]));
                if compare_in_order(column.sort, descending, &a, &b).is_gt() {
                    return Err(format!("{} with {a} comes before {} with {b}", pair[0]["remoteId"], pair[1]["remoteId"]));
                }
            }
            Ok(())
        });
        self.check(&listing.shape.entity, &format!("orderBy {} {direction}, {first} a page", column.name), outcome);
    }

    /// Follows a reference of all records, and holds what is found against the list of its type.
    async fn reference(&self, listing: &Listing, field: &str, target: Option<&Listing>) {
        let leaf = target.and_then(|target| target.shape.columns.iter().find(|column| column.name != "remoteId" && !column.selection().contains('{')));
        let leaf_name = leaf.map_or("isDeleted", |column| column.name.as_str());
        let selection = format!("remoteId {field} {{ id remoteId {leaf_name} }}");
        let nodes = self.pages(&listing.shape, &selection, json!({ "first": 250 })).await;
        let known: HashMap<&Value, &Value> = target.iter().flat_map(|target| &target.nodes).map(|node| (&node["id"], node)).collect();
        let before: HashMap<&Value, &Value> = listing.nodes.iter().map(|node| (&node["remoteId"], &node[field]["id"])).collect();
        let outcome = nodes.and_then(|nodes| {
            for node in &nodes {
                let id = before.get(&node["remoteId"]).copied().unwrap_or(&Value::Null);
                if &node[field]["id"] != id {
                    return Err(format!("of {} it is {} and not the record {id}", node["remoteId"], node[field]));
                }
                if let Some(record) = known.get(id)
                    && record[leaf_name] != node[field][leaf_name]
                {
                    let (a, b) = (&node[field][leaf_name], &record[leaf_name]);
                    return Err(format!("of {} its {leaf_name} is {a}, and {b} in the list", node["remoteId"]));
                }
            }
            Ok(())
        });
        self.check(&listing.shape.entity, &format!("reference {field}"), outcome);
    }

    /// Follows a relation to records that point back, and holds them against the grouping of their list.
    async fn reverse(&self, listing: &Listing, reverse: &Reverse, children: Option<&Listing>) {
        let Reverse { name, child, by, by_is_mapped } = reverse;
        let back = if *by_is_mapped { format!("{by} {{ id }}") } else { String::new() };
        let nodes = self.pages(&listing.shape, &format!("id remoteId {name} {{ id {back} }}"), json!({ "first": 250 })).await;
        let again = self.pages(&listing.shape, &format!("{name} {{ remoteId id }}"), json!({ "first": 250 })).await;
        let plant = self.stage.plant().await;
        let expected = expected::count(self.system, child, &plant.sandbox(self.system).world());
        let outcome = nodes.and_then(|nodes| {
            for (node, again) in nodes.iter().zip(again?) {
                let ids = |node: &Value| node[name].as_array().map(|list| list.iter().map(|record| record["id"].clone()).collect::<Vec<_>>());
                if ids(node) != ids(&again) {
                    return Err(format!("of {} ids depend on what else is selected", node["remoteId"]));
                }
            }
            let mut seen = BTreeSet::new();
            for node in &nodes {
                let Some(list) = node[name].as_array() else { return Err(format!("of {} it is {}", node["remoteId"], node[name])) };
                for record in list {
                    if !seen.insert(record["id"].as_str().unwrap_or_default().to_owned()) {
                        return Err(format!("{} of {} came twice or has no id", record["id"], node["remoteId"]));
                    }
                    if *by_is_mapped && record[by]["id"] != node["id"] {
                        return Err(format!("{} of {} points to {}", record["id"], node["remoteId"], record[by]));
                    }
                }
                if let Some(children) = children.filter(|_| *by_is_mapped) {
                    let own = children.nodes.iter().filter(|record| record[by]["id"] == node["id"]);
                    let own: BTreeSet<String> = own.map(|record| record["id"].as_str().unwrap().to_owned()).collect();
                    let found = list.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
                    same_ids(children, &own, &found).map_err(|problem| format!("of {}: {problem}", node["remoteId"]))?;
                }
            }
            match expected {
                Some(expected) if children.is_none() && seen.len() != expected => {
                    Err(format!("{} records in all, and the world has {expected}", seen.len()))
                }
                _ => Ok(()),
            }
        });
        self.check(&listing.shape.entity, &format!("relation {name} to {child}"), outcome);
    }
}

fn no_errors(answer: &Answer) -> Outcome {
    if !answer.errors().is_empty() {
        let error = &answer.errors()[0];
        return Err(format!("{} {} {}", error["extensions"]["code"], error["message"], error["extensions"]["remoteMessage"]));
    }
    if answer.body["data"].is_null() { Err(format!("status {}: {}", answer.status, answer.text)) } else { Ok(()) }
}

fn page_of(answer: &Answer, list: &str) -> Result<Value, String> {
    no_errors(answer)?;
    Ok(answer.body["data"][list].clone())
}

fn same_ids(listing: &Listing, meant: &BTreeSet<String>, found: &BTreeSet<String>) -> Outcome {
    if meant == found {
        return Ok(());
    }
    let few = |ids: Vec<&String>| {
        let names: Vec<_> = ids.iter().take(4).map(|id| listing.remote_id(id)).collect();
        format!("{} ({})", ids.len(), names.join(", "))
    };
    let lacks = few(meant.difference(found).collect());
    let extra = few(found.difference(meant).collect());
    Err(format!("of {} records {lacks} are missing, and {extra} are not meant", meant.len()))
}

fn same_record(listed: &Value, found: &Value) -> Outcome {
    if listed == found {
        return Ok(());
    }
    let (Value::Object(a), Value::Object(b)) = (listed, found) else {
        return Err(format!("{} was listed, and looked up it is {found}", listed["remoteId"]));
    };
    let differs = a.iter().find(|(name, value)| b.get(*name) != Some(value));
    let (name, value) = differs.unwrap();
    Err(format!("of {} the field {name} was listed as {value}, and looked up it is {}", listed["remoteId"], b[name]))
}

fn same_count(can_count: bool, total: &Value, number: usize) -> Outcome {
    match total {
        Value::Null if can_count => Err("the system can count, but it is null".to_owned()),
        Value::Null => Ok(()),
        total if *total == json!(number) => Ok(()),
        total => Err(format!("it is {total}, and there are {number}")),
    }
}

/// Tells whether a row has a value, apart from case, blanks, zeros in front and quotation marks.
fn has_scalar(raw: &Value, wanted: &str) -> bool {
    let plain = |text: &str| text.trim().trim_start_matches('0').to_lowercase();
    match raw {
        Value::String(text) => plain(text) == plain(wanted) || text.to_lowercase().contains(&wanted.to_lowercase()),
        Value::Number(number) => plain(&number.to_string()) == plain(wanted),
        Value::Array(values) => values.iter().any(|value| has_scalar(value, wanted)),
        Value::Object(members) => members.values().any(|value| has_scalar(value, wanted)),
        _ => false,
    }
}

/// Tells whether the README of the connector says that some records of an entity have no known status.
fn readme_says_unknown(system: System, entity: &str) -> bool {
    let path = connector_folder().join(system.id()).join("README.md");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.contains(entity) && line.contains("UNKNOWN"))
}
