//! Relations on the records that are there: rows point back to the records that they were loaded for, and references lead
//! to records.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    End, LiveSubject, Stop, Tried, codes, first,
    outcome::TypeOutcome,
    reading::{Case, told_problems},
    seen,
};
use crate::{
    answer::{items, word},
    shape::{Reverse, rows_selection, shapes},
};

/// Records whose relations are followed at first, and when none of these has any.
const OWNERS: [usize; 2] = [5, 20];
/// Records whose references are followed.
const FOLLOWED: usize = 5;

/// Rows that were found with their owners, by type.
pub(super) type RowsFound = BTreeMap<String, Rows>;

/// Rows of one type that were found with their owners.
#[derive(Default)]
pub(super) struct Rows {
    nodes: Vec<Value>,
    raw: BTreeMap<String, Value>,
    /// What could not be read of them.
    problems: Vec<(String, String)>,
}

impl Rows {
    /// Returns what came out for a type that only owners have.
    pub(super) fn outcome(self, subject: &LiveSubject, entity: &str) -> TypeOutcome {
        let mut outcome = TypeOutcome::new(entity);
        outcome.records = self.nodes.len();
        outcome.trials = 1;
        outcome.operations.insert("load");
        for (field, problem) in &self.problems {
            outcome.fail(field, problem);
        }
        let says_unknown = subject.says_unknown(entity);
        codes::tell(&subject.blueprint, says_unknown, &self.nodes, &self.raw, &mut outcome);
        let none = BTreeSet::new();
        let evidence = seen::of(&subject.blueprint, entity, &self.nodes, &outcome.operations, &none);
        outcome.notes.extend(evidence.notes(self.nodes.len()));
        outcome.seen = evidence.seen;
        outcome
    }
}

impl Case<'_> {
    /// Follows the relations to rows that point back.
    pub(super) async fn relations(&mut self, found: &mut RowsFound) -> Result<(), End> {
        for reverse in self.shape.reverses.clone() {
            let tried = self.relation(&reverse, found).await;
            self.settle(&format!("relation {} to {}", reverse.name, reverse.child), tried)?;
        }
        Ok(())
    }

    async fn relation(&mut self, reverse: &Reverse, found: &mut RowsFound) -> Tried {
        let Reverse { name, child, by, .. } = reverse;
        let blueprint = self.run.subject.blueprint.clone();
        let back = if reverse.by_is_mapped {
            format!("{by} {{ id }}")
        } else {
            String::new()
        };
        let fields = rows_selection(&blueprint, child);
        let selection = format!("id remoteId {name} {{ id {back} {fields} }}");
        let mut page = Value::Null;
        for owners in OWNERS {
            page = self.page(&selection, first(owners.min(self.nodes.len()))).await?;
            let has_rows = |node: &Value| !items(&node[name]).is_empty();
            if items(&page["nodes"]).iter().any(has_rows) || owners >= self.nodes.len() {
                break;
            }
        }
        let owners = items(&page["nodes"]);
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for owner in owners {
            let record = word(&owner["remoteId"]);
            if !owner[name].is_array() {
                return Err(Stop::Wrong(format!(
                    "of {record} it is {}",
                    self.teller.value(None, &owner[name])
                )));
            }
            for row in items(&owner[name]) {
                let id = word(&row["id"]);
                if id.is_empty() || !seen.insert(id.to_owned()) {
                    return Err(Stop::Wrong(format!("a row of {record} came twice or has no id")));
                }
                if reverse.by_is_mapped && row[by]["id"] != owner["id"] {
                    return Err(Stop::Wrong(format!("a row of {record} points to another record")));
                }
                self.teller.learn(row);
                rows.push(row.clone());
            }
        }
        if rows.is_empty() {
            return Err(Stop::Untried(format!("none of {} records has any", owners.len())));
        }
        self.loaded.insert(name.clone());
        let is_own = blueprint.resources().any(|resource| resource.type_name() == child);
        let problems = items(&page["sources"][0]["problems"]).iter();
        let of_rows = |problem: &&Value| {
            let is_below = word(&problem["field"]).starts_with(name.as_str());
            if is_own { kind_of(problem) == *child } else { is_below }
        };
        let problems: Vec<Value> = problems.filter(of_rows).cloned().collect();
        if !is_own {
            let told = told_problems(&blueprint, &self.shape.entity, &self.teller, &problems);
            told.iter()
                .for_each(|(field, problem)| self.outcome.fail(field, problem));
            return Ok(());
        }
        let raw = self.raw_of_unknown(reverse, &rows).await?;
        let all = found.entry(child.clone()).or_default();
        all.problems
            .extend(told_problems(&blueprint, child, &self.teller, &problems));
        all.nodes.extend(rows);
        all.raw.extend(raw);
        Ok(())
    }

    /// Reads the raw rows of a relation when some of their words are not known.
    async fn raw_of_unknown(&self, reverse: &Reverse, rows: &[Value]) -> Tried<BTreeMap<String, Value>> {
        let is_unknown = |row: &Value| {
            row.as_object()
                .is_some_and(|members| members.values().any(|value| value == "UNKNOWN"))
        };
        if !rows.iter().any(is_unknown) {
            return Ok(BTreeMap::new());
        }
        let selection = format!("{} {{ id raw }}", reverse.name);
        let page = self.page(&selection, first(OWNERS[1])).await?;
        let all = items(&page["nodes"])
            .iter()
            .flat_map(|owner| items(&owner[&reverse.name]));
        Ok(all
            .map(|row| (word(&row["id"]).to_owned(), row["raw"].clone()))
            .collect())
    }

    /// Follows the references to records that can be looked up.
    pub(super) async fn references(&mut self) -> Result<(), End> {
        let known = shapes(&self.run.subject.blueprint);
        for (field, target) in self.shape.references.clone() {
            let Some(target) = known.iter().find(|shape| shape.entity == target && shape.looks_up) else {
                continue;
            };
            let leaf = target
                .columns
                .iter()
                .find(|column| column.name != "remoteId" && !column.selection().contains('{'));
            let leaf = leaf.map_or("isDeleted", |column| column.name.as_str());
            let tried = self.reference(&field, leaf).await;
            self.settle(&format!("reference {field}"), tried)?;
        }
        Ok(())
    }

    async fn reference(&mut self, field: &str, leaf: &str) -> Tried {
        if !self.nodes.iter().any(|node| !node[field].is_null()) {
            return Err(Stop::Untried("no record has a value".to_owned()));
        }
        let selection = format!("id remoteId {field} {{ id remoteId {leaf} }}");
        let page = self.page(&selection, first(FOLLOWED)).await?;
        let before: BTreeMap<&str, &Value> = self
            .nodes
            .iter()
            .map(|node| (word(&node["id"]), &node[field]["id"]))
            .collect();
        let mut lost = Vec::new();
        let mut number = 0;
        for node in items(&page["nodes"]) {
            let Some(listed) = before.get(word(&node["id"])).filter(|id| !id.is_null()) else {
                continue;
            };
            number += 1;
            if node[field].is_null() {
                lost.push(word(&node["remoteId"]));
            } else if &&node[field]["id"] != listed {
                return Err(Stop::Wrong(format!(
                    "of {} it is another record than in the list",
                    word(&node["remoteId"])
                )));
            }
        }
        match lost.first() {
            None => Ok(()),
            Some(record) if lost.len() == number => Err(Stop::Wrong(format!(
                "none of {number} leads to a record, such as that of {record}"
            ))),
            Some(record) => {
                let note = format!(
                    "reference {field}: {} of {number} lead nowhere, such as that of {record}",
                    lost.len()
                );
                self.outcome.notes.push(note);
                Ok(())
            }
        }
    }
}

/// Returns the type of the record that a problem is about.
fn kind_of(problem: &Value) -> String {
    let id = word(&problem["recordId"]).parse::<lineshaft_schema::GlobalId>();
    id.map(|id| id.kind.to_string()).unwrap_or_default()
}
