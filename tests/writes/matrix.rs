//! Everything that each system declares: made, read back as it was given, changed field by field, acted on, removed.
//! And everything that it does not declare: refused, with nothing sent.

mod actions;
mod refusals;

use lineshaft_sandbox::System;
use lineshaft_schema::{FieldType, Shape, TypeDef};
use serde_json::{Map, Value, json};

use crate::support::Trials;

use super::{
    call::{Call, Done},
    form::Form,
    model::{operations, writable_types},
    rules::{expected, is_frozen, takes_one},
    stage::{Stage, complaint, create},
    values::difference,
};

/// What was tried and what went wrong.
#[derive(Default)]
struct Findings {
    count: usize,
    wrong: Vec<String>,
    /// Operations that were carried out, for the summary.
    done: Vec<String>,
}

impl Findings {
    fn check(&mut self, what: &str, problem: Option<String>) {
        self.count += 1;
        self.wrong.extend(problem.map(|problem| format!("{what}: {problem}")));
    }
}

/// What is tried of one type of one system.
struct Trial<'a> {
    stage: &'a Stage,
    def: &'a TypeDef,
    findings: &'a mut Findings,
}

impl Trial<'_> {
    fn name(&self, what: &str) -> String {
        format!("{} {}.{what}", self.stage.system, self.def.name)
    }

    async fn form(&self, operation: &str) -> Form {
        self.stage.form(&self.def.name, operation).await
    }

    fn expect(&mut self, what: &str, given: &Map<String, Value>, read: &Value) {
        for (name, given) in given {
            let is_list = matches!(self.def.field(name).map(|field| field.kind), Some(FieldType::Object(_)))
                && self.def.field(name).is_some_and(|field| field.reverse.is_some());
            let problem = if is_list {
                self.rows_differ(name, given, &read[name])
            } else {
                expected(self.stage.system, &self.def.name, name, given)
                    .and_then(|given| difference(&given, &read[name], name))
            };
            self.findings.check(&self.name(&format!("{what} {name}")), problem);
        }
    }

    /// Tells whether some given row is none of those that are read.
    fn rows_differ(&self, list: &str, given: &Value, read: &Value) -> Option<String> {
        let kind = &self.def.field(list).unwrap().type_name;
        let read = read.as_array().cloned().unwrap_or_default();
        given.as_array().unwrap().iter().find_map(|given| {
            let given = given.as_object().unwrap();
            let differences = |row: &Value| -> Vec<String> {
                let fields = given.iter().filter_map(|(name, value)| {
                    let value = expected(self.stage.system, kind, name, value)?;
                    difference(&value, &row[name], name)
                });
                fields.collect()
            };
            let best = read.iter().map(differences).min_by_key(Vec::len);
            match best {
                Some(none) if none.is_empty() => None,
                Some(best) => Some(best.join("; ")),
                None => Some("no row is read".to_owned()),
            }
        })
    }

    /// Makes a record with everything that can be given, and holds that it reads as it was given.
    async fn create(&mut self, form: &Form, owner: Option<&str>) -> Option<Value> {
        let round = self.stage.round();
        let (input, left_out) = self.stage.new_input(&self.def.name, form, round, false);
        let what = self.name("create");
        // What no record of the system has a value for cannot be tried; it is told, so that it is seen.
        if !left_out.is_empty() {
            eprintln!("{what}: no good value is known for {}", left_out.join(", "));
        }
        let call = create(
            &self.def.name,
            &self.stage.connection,
            owner,
            Value::Object(input.clone()),
        );
        let done = call.run(&self.stage.plant).await;
        if !self.carried_out("create", &done) {
            eprintln!("{what}: {}", Value::Object(input));
            return None;
        }
        self.expect("create", &input, &done.record);
        if self.def.is_entity() {
            let read = self
                .stage
                .read(&self.def.name, done.record["id"].as_str().unwrap_or_default())
                .await;
            self.expect("create, read again,", &input, &read);
        }
        Some(done.record)
    }

    fn carried_out(&mut self, what: &str, done: &Done) -> bool {
        let is_done = done.outcome == "SUCCEEDED" && done.errors.is_empty();
        let problem = (!is_done).then(|| complaint(done));
        self.findings.check(&self.name(what), problem);
        if is_done {
            self.findings.done.push(self.name(what));
        }
        is_done
    }

    /// Makes a record with no more than it needs.
    async fn create_least(&mut self, form: &Form, owner: Option<&str>) -> Option<Value> {
        let (input, _) = self.stage.new_input(&self.def.name, form, self.stage.round(), true);
        let call = create(&self.def.name, &self.stage.connection, owner, Value::Object(input));
        let done = call.run(&self.stage.plant).await;
        self.carried_out("create (what is required)", &done)
            .then_some(done.record)
    }

    /// Changes each field that can be changed, one after the other.
    async fn update(&mut self, form: &Form, mut record: Value) -> Value {
        let id = record["id"].as_str().unwrap_or_default().to_owned();
        for field in &form.fields {
            let values = self.stage.values(self.stage.round());
            let Some(value) = values.other(self.def, field, &record[&field.name]) else {
                eprintln!(
                    "{}: no good value is known",
                    self.name(&format!("update {}", field.name))
                );
                continue;
            };
            let mut input = Map::new();
            input.insert(field.name.clone(), value);
            let done = Call::update(&self.def.name, &id, Value::Object(input.clone()))
                .run(&self.stage.plant)
                .await;
            let what = format!("update {} to {}", field.name, input[&field.name]);
            if is_frozen(self.stage.system, &self.def.name, &field.name) {
                let problem = (done.codes() != ["STATUS_FORBIDS"]).then(|| complaint(&done));
                self.findings.check(&self.name(&what), problem);
                continue;
            }
            if self.carried_out(&what, &done) {
                let read = self.shown(&record, done.record).await;
                self.expect("update", &input, &read);
                record = read;
            }
        }
        record
    }

    /// Returns a record as the answer shows it; a part that its system does not find by its key is looked for below its
    /// owner.
    async fn shown(&self, before: &Value, record: Value) -> Value {
        let Shape::Part { of } = &self.def.shape else {
            return record;
        };
        let Some(owner) = before["owner"].as_str().filter(|_| record.is_null()) else {
            return record;
        };
        let read = self.stage.read(of, owner).await;
        let lists = read
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, list)| list.as_array());
        let mut row = lists
            .flatten()
            .find(|row| row["id"] == before["id"])
            .cloned()
            .unwrap_or_default();
        row["owner"] = before["owner"].clone();
        row
    }

    /// Adds a row to a list, changes it and removes it, together with its owner.
    async fn update_rows(&mut self, form: &Form, record: &Value) {
        let id = record["id"].as_str().unwrap_or_default();
        for children in &form.children {
            let list = &children.field;
            let values = self.stage.values(self.stage.round());
            let donor = values.donor(&self.def.name, &form.fields);
            let mut last = record[list][0].clone();
            if children.create {
                let row = self.stage.row(&self.def.name, children, donor, values.round, false);
                let before = ids(&record[list]);
                let input = json!({ list: { "create": [row] } });
                let done = Call::update(&self.def.name, id, input).run(&self.stage.plant).await;
                if self.carried_out(&format!("update {list} create"), &done) {
                    self.expect("update", &Map::from_iter([(list.clone(), json!([row]))]), &done.record);
                    let new = rows(&done.record[list])
                        .into_iter()
                        .find(|row| !before.contains(&row["id"]));
                    self.findings.check(
                        &self.name(&format!("update {list} create")),
                        new.is_none().then(|| format!("no new row: {}", done.record[list])),
                    );
                    last = new.unwrap_or(last);
                }
            }
            let Some(row) = last["id"].as_str().map(str::to_owned) else {
                continue;
            };
            if children.update {
                let kind = self.stage.def(&self.def.field(list).unwrap().type_name);
                let wanted = [
                    "quantity",
                    "plannedQuantity",
                    "title",
                    "description",
                    "notes",
                    "actualHours",
                    "plannedHours",
                ];
                let field = wanted
                    .into_iter()
                    .find_map(|name| children.fields.iter().find(|field| field.name == name));
                if let Some((field, value)) =
                    field.and_then(|field| Some((field, values.other(kind, field, &last[&field.name])?)))
                {
                    let input = json!({ list: { "update": [{ "id": row, &field.name: value }] } });
                    let done = Call::update(&self.def.name, id, input).run(&self.stage.plant).await;
                    if self.carried_out(&format!("update {list} update {}", field.name), &done) {
                        let read = rows(&done.record[list])
                            .into_iter()
                            .find(|read| read["id"] == row.as_str());
                        let problem = match &read {
                            Some(read) => expected(self.stage.system, &kind.name, &field.name, &value)
                                .and_then(|value| difference(&value, &read[&field.name], &field.name)),
                            None => Some("the row is gone".to_owned()),
                        };
                        self.findings
                            .check(&self.name(&format!("update {list} update")), problem);
                    }
                }
            }
            if children.delete {
                let input = json!({ list: { "delete": [row] } });
                let done = Call::update(&self.def.name, id, input).run(&self.stage.plant).await;
                if self.carried_out(&format!("update {list} delete"), &done) {
                    // Where removed rows stay for the record, they are told as canceled.
                    let kept = rows(&done.record[list])
                        .into_iter()
                        .find(|read| read["id"] == row.as_str());
                    let problem = kept
                        .filter(|kept| kept["status"] != "CANCELED")
                        .map(|kept| format!("the row is still there: {kept}"));
                    self.findings
                        .check(&self.name(&format!("update {list} delete")), problem);
                }
            }
        }
    }

    /// Removes a record; where the system does not, holds that its own way is told and works.
    async fn delete(&mut self, record: &Value) {
        let id = record["id"].as_str().unwrap_or_default();
        let form = self.form("delete").await;
        let mut done = Call::delete(&self.def.name, id).run(&self.stage.plant).await;
        let mut what = "delete";
        if done.codes() == ["OPERATION_NOT_SUPPORTED"] {
            done = Call::soft_delete(&self.def.name, id).run(&self.stage.plant).await;
            what = "delete as the system does";
        }
        if !form.supported && done.codes() == ["OPERATION_NOT_SUPPORTED"] {
            return;
        }
        // Some systems remove only what was called off before.
        if done.codes() == ["STATUS_FORBIDS"] && form.allowed_in.iter().any(|status| status == "CANCELED") {
            let canceled = Call::act(&self.def.name, "cancel", id, json!({}))
                .run(&self.stage.plant)
                .await;
            self.carried_out("cancel before delete", &canceled);
            done = Call::delete(&self.def.name, id).run(&self.stage.plant).await;
        }
        if self.carried_out(what, &done) && self.def.is_entity() {
            let read = self.stage.read(&self.def.name, id).await;
            let is_gone = read.is_null() || read["isDeleted"] == true;
            let is_put_away = [
                "ARCHIVED",
                "INACTIVE",
                "BLOCKED",
                "CANCELED",
                "DECOMMISSIONED",
                "CLOSED",
            ]
            .iter()
            .any(|status| read["status"] == *status);
            let problem = if what == "delete" {
                !is_gone
            } else {
                !is_gone && !is_put_away
            };
            let problem = problem.then(|| format!("the record is still there: {read}"));
            self.findings.check(&self.name(what), problem);
        }
    }

    /// Removes a record that the system had, if it lets one go.
    async fn delete_any(&mut self) {
        let mut told = Vec::new();
        for record in self.stage.pool.all(&self.def.name).iter().rev() {
            let id = record["id"].as_str().unwrap_or_default();
            let done = Call::delete(&self.def.name, id).run(&self.stage.plant).await;
            if done.outcome == "SUCCEEDED" {
                self.carried_out("delete", &done);
                return;
            }
            let is_told = done.user_errors.iter().any(|error| error["remoteMessage"].is_string());
            let problem = (!is_told).then(|| complaint(&done));
            self.findings.check(&self.name("delete"), problem);
            told.push(done.codes().join(", "));
            if told.len() > 20 {
                break;
            }
        }
        eprintln!("{}: the system needs all its records: {told:?}", self.name("delete"));
    }

    async fn run(&mut self) {
        let mut forms = Vec::new();
        for operation in operations(&self.stage.catalogue, &self.def.name) {
            let form = self.form(&operation).await;
            forms.push((operation, form));
        }
        self.refusals(&forms).await;
        let form = |name: &str| {
            forms
                .iter()
                .find(|(known, form)| known == name && form.supported)
                .map(|(_, form)| form.clone())
        };
        let owner = self.owner().await;
        let (mut record, mut least) = (None, None);
        if let Some(create) = form("create") {
            self.undeclared_fields(&create, owner.as_deref()).await;
            record = self.create(&create, owner.as_deref()).await;
            let next = self.next_owner(owner.as_deref());
            least = self.create_least(&create, next.as_deref()).await;
            for (made, owner) in [(&mut record, &owner), (&mut least, &next)] {
                if let Some(made) = made {
                    made["owner"] = json!(owner);
                }
            }
            record = record.or_else(|| least.clone());
        }
        if let Some(update) = form("update") {
            let record = record
                .clone()
                .or_else(|| self.stage.pool.all(&self.def.name).first().cloned());
            if let Some(mut record) = record {
                record = self.update(&update, record).await;
                self.update_rows(&update, &record).await;
            }
        }
        let actions: Vec<_> = forms
            .iter()
            .filter(|(name, form)| form.supported && !["create", "update", "delete"].contains(&name.as_str()))
            .collect();
        for (action, form) in actions {
            self.act(action, form, &forms).await;
        }
        // What nothing was added to can be removed; of what the system had, others may need it.
        if let Some(record) = least.or(record) {
            self.delete(&record).await;
        } else if form("delete").is_some() {
            self.delete_any().await;
        }
    }

    /// Returns the record that parts are made below: a new one where the system makes them.
    async fn owner(&self) -> Option<String> {
        let Shape::Part { of } = &self.def.shape else {
            return None;
        };
        let made = self.stage.made(of).await;
        let made = made.and_then(|record| record["id"].as_str().map(str::to_owned));
        made.or_else(|| {
            let row = self.stage.pool.all(&self.def.name).first()?;
            row["owner"].as_str().map(str::to_owned)
        })
        .or_else(|| Some(self.stage.pool.any_id(of)))
    }

    /// Returns the record that the next part is made below: another one where the first takes no more for now.
    fn next_owner(&self, owner: Option<&str>) -> Option<String> {
        let field = self.def.owner_field(&self.stage.catalogue);
        let is_taken = field.is_some_and(|field| takes_one(self.stage.system, &self.def.name, &field.name));
        let others = match &self.def.shape {
            Shape::Part { of } if is_taken => self.stage.pool.ids(of),
            _ => Vec::new(),
        };
        let other = others.into_iter().find(|other| Some(other.as_str()) != owner);
        other.or_else(|| owner.map(str::to_owned))
    }
}

fn rows(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

fn ids(list: &Value) -> Vec<Value> {
    rows(list).into_iter().map(|row| row["id"].clone()).collect()
}

/// Tries everything of one system, and tells all that is wrong.
async fn everything(system: System) {
    let done = carried_out(system).await;
    assert!(done.len() >= 8, "{system} can hardly do anything: {done:?}");
}

/// Tries everything of a system that a `sandbox.yaml` describes; many of them are only read.
#[allow(dead_code, reason = "there are no such tests where no system is described")]
async fn everything_described(id: &str) {
    let system = System::from_id(id).unwrap_or_else(|| panic!("{id}: its sandbox.yaml is not known to the sandbox"));
    carried_out(system).await;
}

/// One test for each folder of a connector that has a `sandbox.yaml`.
mod described {
    #![allow(unused_imports, reason = "there may be none")]

    use super::everything_described;

    include!(concat!(env!("OUT_DIR"), "/described_writes.rs"));
}

/// Tries everything of one system and returns what was carried out. What is wrong fails, all of it at once.
async fn carried_out(system: System) -> Vec<String> {
    let mut findings = Findings::default();
    let mut stage = Stage::start(system).await;
    let catalogue = stage.catalogue.clone();
    for def in writable_types(&catalogue) {
        // Limble takes only so many calls in a minute.
        if system == System::Limble {
            stage = Stage::start(system).await;
        }
        let mut trial = Trial {
            stage: &stage,
            def,
            findings: &mut findings,
        };
        trial.run().await;
    }
    for unsettled in &Trials::of(system).unsettled {
        let before = findings.wrong.len();
        findings.wrong.retain(|wrong| !wrong.contains(&unsettled.finding));
        if findings.wrong.len() == before {
            findings.wrong.push(format!(
                "`{}` is settled and still stands in trials.yaml",
                unsettled.finding
            ));
        }
    }
    eprintln!("{system}: {} trials, carried out: {:#?}", findings.count, findings.done);
    assert!(
        findings.wrong.is_empty(),
        "{system}: {} of {} trials failed:\n- {}",
        findings.wrong.len(),
        findings.count,
        findings.wrong.join("\n- ")
    );
    findings.done
}

macro_rules! systems {
    ($($name:ident: $system:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            everything($system).await;
        })*
    };
}

systems! {
    what_tryton_declares_round_trips_and_the_rest_is_refused: System::Tryton;
    what_odoo_declares_round_trips_and_the_rest_is_refused: System::Odoo;
    what_sap_declares_round_trips_and_the_rest_is_refused: System::SapS4hana;
    what_dynamics_declares_round_trips_and_the_rest_is_refused: System::Dynamics365Fo;
    what_maximo_declares_round_trips_and_the_rest_is_refused: System::Maximo;
    what_limble_declares_round_trips_and_the_rest_is_refused: System::Limble;
}
