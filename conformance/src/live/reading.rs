//! The trials of one type on the records that are there, and the first of them: lists, statuses, raw rows, counts.

use std::collections::{BTreeMap, BTreeSet};

use lineshaft_connect::blueprint::Blueprint;
use lineshaft_schema::GlobalId;
use serde_json::{Value, json};

use super::{
    End, Run, Stop, Tried, codes, first,
    outcome::{TypeOutcome, counted},
    relations::RowsFound,
    seen,
    told::Teller,
};
use crate::{
    answer::{items, word},
    meaning::{Row, Sort},
    shape::Shape,
    trials::has_scalar,
};

/// Records of the first page, which also shows what a record costs.
const FIRST: usize = 3;
/// Most records of the second page.
const SECOND: usize = 37;

/// One type and what was read of it.
pub(super) struct Case<'r> {
    pub(super) run: &'r Run<'r>,
    pub(super) shape: Shape,
    pub(super) outcome: TypeOutcome,
    pub(super) teller: Teller,
    /// The records of the first pages.
    pub(super) nodes: Vec<Value>,
    /// Their comparable values.
    pub(super) rows: Vec<Row>,
    /// Whether these are all that there are.
    pub(super) complete: bool,
    /// Their raw rows, by id.
    pub(super) raw: BTreeMap<String, Value>,
    /// The relations of which rows were found.
    pub(super) loaded: BTreeSet<String>,
}

impl<'r> Case<'r> {
    pub(super) fn new(run: &'r Run<'r>, shape: Shape) -> Self {
        Self {
            run,
            outcome: TypeOutcome::new(&shape.entity),
            shape,
            teller: run.teller(),
            nodes: Vec::new(),
            rows: Vec::new(),
            complete: false,
            raw: BTreeMap::new(),
            loaded: BTreeSet::new(),
        }
    }

    pub(super) fn untried(self, why: &str) -> TypeOutcome {
        TypeOutcome::untried(&self.shape.entity, why)
    }

    /// Runs all trials of the type, those that matter most first. Adds to `rows` what was found of rows that only their
    /// owners have.
    pub(super) async fn run(mut self, rows: &mut RowsFound) -> (TypeOutcome, Option<End>) {
        let before = self.run.meter.sent();
        self.run.meter.allow(self.run.subject.most_calls);
        let end = self.all(rows).await.err();
        match &end {
            Some(End::Over(why)) if self.nodes.is_empty() => self.outcome.nothing = Some(why.clone()),
            Some(End::Spent) if self.nodes.is_empty() && self.outcome.failures.is_empty() => {
                self.outcome.nothing = Some(format!("the first page takes more than {}", self.most_calls()));
            }
            _ => {}
        }
        self.outcome.calls = self.run.meter.sent() - before;
        (self.outcome, end)
    }

    fn most_calls(&self) -> String {
        let most = usize::try_from(self.run.subject.most_calls).unwrap_or(usize::MAX);
        format!("{}, which `--most-calls` raises", counted(most, "call"))
    }

    async fn all(&mut self, rows: &mut RowsFound) -> Result<(), End> {
        self.list().await?;
        if self.nodes.is_empty() {
            return Ok(());
        }
        if !self.run.subject.tries(&self.shape.entity) {
            // Only what hangs on it is asked for.
            return self.relations(rows).await;
        }
        self.raw_rows().await?;
        self.statuses();
        self.look_ups().await?;
        self.relations(rows).await?;
        self.references().await?;
        self.what_was_there();
        self.counts().await?;
        self.orders().await?;
        self.operators().await
    }

    /// Settles one trial: holds, fails, or could not be tried. Ends the trials of the type when nothing more can be asked.
    pub(super) fn settle(&mut self, trial: &str, tried: Tried) -> Result<(), End> {
        match tried {
            Ok(()) => self.outcome.trials += 1,
            Err(Stop::Wrong(problem)) => self.outcome.fail(trial, &problem),
            Err(Stop::Untried(why)) => self.outcome.untried.push(format!("{trial}: {why}")),
            Err(Stop::Spent) => {
                let most = self.most_calls();
                let untried = format!("{trial}, and what comes after it: it takes more than {most}");
                self.outcome.untried.push(untried);
                return Err(End::Spent);
            }
            Err(Stop::Over(why)) => {
                self.outcome
                    .untried
                    .push(format!("{trial}, and what comes after it: {why}"));
                return Err(End::Over(why));
            }
        }
        Ok(())
    }

    /// Reads one page of the type.
    pub(super) async fn page(&self, selection: &str, arguments: Value) -> Tried<Value> {
        let shape = &self.shape;
        let page = self
            .run
            .page(&shape.list, &shape.entity, selection, arguments, &self.teller);
        page.await
    }

    /// Reads the first two pages with all fields.
    async fn list(&mut self) -> Result<(), End> {
        let before = self.run.meter.sent();
        let page = match self.page(&self.shape.selection, first(FIRST)).await {
            Ok(page) => page,
            Err(Stop::Untried(why)) => {
                self.outcome.nothing = Some(why);
                return Ok(());
            }
            Err(Stop::Spent) => return Err(End::Spent),
            Err(Stop::Over(why)) => return Err(End::Over(why)),
            Err(Stop::Wrong(problem)) => {
                self.outcome.fail("is listed", &problem);
                return Ok(());
            }
        };
        self.take(&page);
        if self.nodes.is_empty() {
            self.outcome.nothing = Some("no records".to_owned());
            return Ok(());
        }
        self.outcome.operations.insert("list");
        let mut problems = items(&page["sources"][0]["problems"]).to_vec();
        let mut tried = Ok(());
        self.complete = page["pageInfo"]["hasNextPage"] != true;
        if !self.complete {
            let size = self.second_page(self.run.meter.sent() - before);
            let next = json!({ "first": size, "after": page["pageInfo"]["endCursor"] });
            tried = match self.page(&self.shape.selection, next).await {
                Ok(next) => {
                    problems.extend(items(&next["sources"][0]["problems"]).iter().cloned());
                    self.complete = next["pageInfo"]["hasNextPage"] != true;
                    self.next_page(&next)
                }
                Err(stop) => Err(stop),
            };
        }
        self.rows = self.nodes.iter().map(|node| self.shape.row(node)).collect();
        self.outcome.records = self.nodes.len();
        self.outcome.trials += 1;
        let told = told_problems(&self.run.subject.blueprint, &self.shape.entity, &self.teller, &problems);
        for (field, problem) in told {
            self.outcome.fail(&field, &problem);
        }
        self.settle("is listed page by page", tried)
    }

    /// Returns how many records the second page is to have, when the first took so many calls: where each record costs some
    /// of its own, few.
    fn second_page(&self, calls: u32) -> usize {
        let all = usize::try_from(self.run.subject.most_calls).unwrap_or(usize::MAX);
        let calls = usize::try_from(calls).unwrap_or(usize::MAX);
        match calls / FIRST {
            0 => SECOND,
            each => (all / 6 / each).clamp(FIRST, SECOND),
        }
    }

    fn take(&mut self, page: &Value) {
        for node in items(&page["nodes"]) {
            self.teller.learn(node);
            self.nodes.push(node.clone());
        }
    }

    fn next_page(&mut self, page: &Value) -> Tried {
        let known: BTreeSet<String> = self.nodes.iter().map(|node| word(&node["id"]).to_owned()).collect();
        let again = items(&page["nodes"])
            .iter()
            .filter(|node| known.contains(word(&node["id"])));
        let again: Vec<&str> = again.map(|node| word(&node["remoteId"])).collect();
        if let Some(record) = again.first() {
            return Err(Stop::Wrong(format!(
                "{} of the first page came again on the second, such as {record}",
                counted(again.len(), "record")
            )));
        }
        if items(&page["nodes"]).is_empty() {
            return Err(Stop::Wrong("a second page was promised, and it is empty".to_owned()));
        }
        self.take(page);
        Ok(())
    }

    /// Reads the raw rows of the first page.
    async fn raw_rows(&mut self) -> Result<(), End> {
        let selection = "id remoteId remoteKeys { value } raw";
        let page = self.page(selection, first(self.nodes.len())).await;
        let tried = page.and_then(|page| {
            for node in items(&page["nodes"]) {
                self.teller.learn(&node["raw"]);
                self.raw.insert(word(&node["id"]).to_owned(), node["raw"].clone());
            }
            for node in items(&page["nodes"]) {
                let told = |problem: String| Stop::Wrong(format!("of {} {problem}", word(&node["remoteId"])));
                if !node["raw"].is_object() {
                    return Err(told(format!("it is {}", self.teller.value(None, &node["raw"]))));
                }
                let keys = items(&node["remoteKeys"]).iter().map(|part| word(&part["value"]));
                if let Some(key) = keys.into_iter().find(|key| !has_scalar(&node["raw"], key)) {
                    return Err(told(format!("it does not have the key {key}")));
                }
            }
            Ok(())
        });
        self.settle("raw rows", tried)
    }

    /// Tells which words of the system the mapping does not know.
    fn statuses(&mut self) {
        let says_unknown = self.run.subject.says_unknown(&self.shape.entity);
        codes::tell(
            &self.run.subject.blueprint,
            says_unknown,
            &self.nodes,
            &self.raw,
            &mut self.outcome,
        );
    }

    pub(super) fn sort_of(&self, field: &str) -> Option<Sort> {
        let column = self.shape.columns.iter().find(|column| column.name == field);
        column.map(|column| column.sort)
    }

    async fn counts(&mut self) -> Result<(), End> {
        if !self.shape.counts {
            return Ok(());
        }
        let text = format!("{{ {}(first: 1) {{ totalCount }} }}", self.shape.list);
        let known = self.nodes.len();
        let asked = self.run.ask(&text, json!({}), &self.teller).await;
        let tried = asked.and_then(|data| {
            let total = &data[&self.shape.list]["totalCount"];
            let number = total.as_u64().and_then(|total| usize::try_from(total).ok());
            match number {
                None => Err(Stop::Wrong(format!("the system can count, but it is {total}"))),
                Some(total) if self.complete && total != known => {
                    Err(Stop::Wrong(format!("it is {total}, and {known} are listed")))
                }
                Some(total) if total < known => Err(Stop::Wrong(format!("it is {total}, and more are listed"))),
                Some(_) => Ok(()),
            }
        });
        self.settle("totalCount", tried)
    }

    /// Tells which fields never had a value and which customer-specific fields came, and notes what is recalled and was
    /// there.
    fn what_was_there(&mut self) {
        let blueprint = &self.run.subject.blueprint;
        let evidence = seen::of(
            blueprint,
            &self.shape.entity,
            &self.nodes,
            &self.outcome.operations,
            &self.loaded,
        );
        self.outcome.notes.extend(evidence.notes(self.nodes.len()));
        self.outcome.seen = evidence.seen;
    }
}

/// Returns what could not be read, by field, with how often and one record.
pub(super) fn told_problems(
    blueprint: &Blueprint,
    entity: &str,
    teller: &Teller,
    problems: &[Value],
) -> Vec<(String, String)> {
    let mut by_field: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for problem in problems {
        let place = (word(&problem["field"]), word(&problem["remotePath"]));
        by_field.entry(place).or_default().push(problem);
    }
    let tell = |((field, path), all): ((&str, &str), Vec<&Value>)| {
        let is_enum = codes::is_enum(blueprint, entity, field);
        let mut messages: Vec<String> = Vec::new();
        for problem in &all {
            let message = teller.problem(word(&problem["message"]), is_enum);
            if messages.len() < 5 && !messages.contains(&message) {
                messages.push(message);
            }
        }
        let key = word(&all[0]["recordId"]).parse::<GlobalId>();
        let record = key.map(|id| format!(", such as {}", id.key)).unwrap_or_default();
        let problem = format!(
            "could not be read at `{path}` of {}{record}: {}",
            counted(all.len(), "record"),
            messages.join(", ")
        );
        (format!("field {field}"), problem)
    };
    by_field.into_iter().map(tell).collect()
}
