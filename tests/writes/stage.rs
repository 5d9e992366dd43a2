//! One system with the server over it, what it had at the beginning, and writes that it can take.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lineshaft_sandbox::{Call as Request, Sandbox, System};
use lineshaft_schema::{Catalogue, TypeDef};
use serde_json::{Map, Value, json};

use super::{
    SOON,
    call::{Call, Done, is_part},
    form::{Children, Field, Form},
    model::{catalogue, lower, plural, selection, type_named},
    pool::Pool,
    rules, setup,
    values::{Values, fresh_word},
};
use crate::{
    life::api::eventually,
    support::{Plant, Setup},
};

/// One system with the server over it.
pub struct Stage {
    pub system: System,
    pub plant: Plant,
    pub connection: String,
    pub pool: Pool,
    pub catalogue: Arc<Catalogue>,
    rounds: AtomicUsize,
}

impl Stage {
    pub async fn start(system: System) -> Self {
        Self::on(system, setup([system])).await
    }

    pub async fn on(system: System, setup: Setup) -> Self {
        let plant = setup.start().await;
        let connection = plant.connection(system);
        let pool = Pool::read(&plant, &connection).await;
        plant.clear_calls();
        Self {
            system,
            plant,
            connection,
            pool,
            catalogue: catalogue(),
            rounds: AtomicUsize::new(100),
        }
    }

    pub fn sandbox(&self) -> &Sandbox {
        self.plant.sandbox(self.system)
    }

    /// Returns the requests that reached the system and asked for a change.
    pub fn writes(&self) -> Vec<Request> {
        self.sandbox().writes()
    }

    /// Returns the requests that asked for a change, whether they reached the system or not.
    pub fn attempts(&self) -> Vec<Request> {
        let calls = self.sandbox().calls().into_iter();
        calls.filter(|call| call.write).collect()
    }

    pub async fn form(&self, kind: &str, operation: &str) -> Form {
        Form::ask(&self.plant, &self.connection, kind, operation).await
    }

    pub fn def(&self, kind: &str) -> &TypeDef {
        type_named(&self.catalogue, kind)
    }

    /// Returns a number that no other write of this stage has.
    pub fn round(&self) -> usize {
        self.rounds.fetch_add(1, Ordering::Relaxed)
    }

    pub fn values(&self, round: usize) -> Values<'_> {
        Values {
            catalogue: &self.catalogue,
            pool: &self.pool,
            system: self.system,
            round,
        }
    }

    /// Makes the input of a new record with rows in each list that can have them. What no record shows a good value for
    /// is told by name.
    pub fn new_input(
        &self,
        kind: &str,
        form: &Form,
        round: usize,
        only_required: bool,
    ) -> (Map<String, Value>, Vec<String>) {
        let values = self.values(round);
        let fields = self.together(kind, &form.fields);
        let usual = ["item", "quantity", "unitPrice"];
        // Parts are refused by most systems without these, though each leaves out another one.
        let fields: Vec<Field> = fields
            .into_iter()
            .filter(|field| !only_required || field.required || (is_part(kind) && usual.contains(&field.name.as_str())))
            .collect();
        let (mut input, left_out) = values.input(kind, &fields, false);
        let donor = values.donor(kind, &form.fields);
        for children in form.children.iter().filter(|children| children.create) {
            // Orders without lines are refused by most systems; the other lists may stay empty.
            if !only_required || children.field == "lines" {
                let row = self.row(kind, children, donor, round, only_required);
                input.insert(children.field.clone(), json!([row]));
            }
        }
        (input, left_out)
    }

    /// Makes a row of a list that is written with its owner, like those of a record.
    pub fn row(
        &self,
        kind: &str,
        children: &Children,
        donor: Option<&Value>,
        round: usize,
        only_required: bool,
    ) -> Map<String, Value> {
        let rows = &self.def(kind).field(&children.field).unwrap().type_name;
        let children = Children {
            fields: self.together(rows, &children.fields),
            ..children.clone()
        };
        self.values(round).row(&children, self.def(kind), donor, only_required)
    }

    /// Returns the fields that the system takes together.
    fn together(&self, kind: &str, fields: &[Field]) -> Vec<Field> {
        let fields = fields
            .iter()
            .filter(|field| !rules::goes_alone(self.system, kind, &field.name));
        fields.cloned().collect()
    }

    /// Returns a write that makes a record of an entity which carries a word that no other has, with that word.
    pub async fn creation(&self, kind: &str) -> Option<Creation> {
        if !self.def(kind).is_writable() {
            return None;
        }
        let form = self.form(kind, "create").await;
        if !form.supported {
            return None;
        }
        let round = self.round();
        let (mut input, _) = self.new_input(kind, &form, round, true);
        let words = ["name", "title", "description", "notes", "reference"];
        let field = words.into_iter().find(|name| {
            form.field(name).is_some_and(|field| {
                form.client_reference.as_deref() != Some(*name) && field.max_length.is_none_or(|most| most >= 8)
            })
        })?;
        let word = format!(
            "{} {}",
            fresh_word(round),
            if field == "name" { "Works" } else { "Trial" }
        );
        input.insert(field.to_owned(), json!(word));
        Some(Creation {
            call: Call::create(kind, &self.connection, Value::Object(input)),
            kind: kind.to_owned(),
            field,
            word,
            form,
        })
    }

    /// Makes a record of an entity and returns it.
    pub async fn made(&self, kind: &str) -> Option<Value> {
        let creation = self.creation(kind).await?;
        let done = creation.call.run(&self.plant).await;
        if done.outcome != "SUCCEEDED" {
            eprintln!("{} {kind} cannot be made: {}", self.system, complaint(&done));
            return None;
        }
        Some(done.record)
    }

    /// Reads one record anew; null when it is gone.
    pub async fn read(&self, kind: &str, id: &str) -> Value {
        let text = format!(
            "query($id: ID!) {{ record: {}(id: $id) {{ {} }} }}",
            lower(kind),
            selection(&self.catalogue, kind)
        );
        let answer = self.plant.query(&text, json!({ "id": id })).await;
        answer.body["data"]["record"].clone()
    }

    /// Counts the records that carry a word, by reading all there are.
    pub async fn count(&self, creation: &Creation) -> usize {
        let list = plural(self.def(&creation.kind));
        let text = format!(
            "query($ids: [ID!], $after: String) {{ list: {list}(first: 250, after: $after, connections: $ids) {{ \
             nodes {{ {} }} pageInfo {{ hasNextPage endCursor }} }} }}",
            creation.field
        );
        let (mut count, mut after) = (0, Value::Null);
        loop {
            let answer = self
                .plant
                .query(&text, json!({ "ids": [self.connection], "after": after }))
                .await;
            let page = &answer.data()["list"];
            count += page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|node| {
                    node[creation.field]
                        .as_str()
                        .is_some_and(|text| text.contains(&creation.word))
                })
                .count();
            if page["pageInfo"]["hasNextPage"] != true {
                return count;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// Reads the entry of a write in the log.
    pub async fn entry(&self, id: &str) -> Value {
        entry(&self.plant, id).await
    }

    /// Waits until a write is in one of some states, and returns its entry.
    pub async fn until(&self, id: &str, states: &[&str]) -> Value {
        let what = format!("{}: write {id} becomes one of {states:?}", self.system);
        eventually(SOON, &what, || async {
            let entry = self.entry(id).await;
            states.iter().any(|state| entry["state"] == *state).then_some(entry)
        })
        .await
    }

    /// Finds something that the system does with records, with a record that it can be done with.
    pub async fn action(&self) -> Option<(String, String, String, Form)> {
        let wanted = [
            ("PurchaseOrder", "approve"),
            ("PurchaseOrder", "submit"),
            ("PurchaseOrder", "cancel"),
            ("WorkOrder", "complete"),
            ("WorkOrder", "close"),
            ("WorkOrder", "start"),
            ("Vendor", "block"),
            ("Asset", "decommission"),
        ];
        for (kind, action) in wanted {
            let form = self.form(kind, action).await;
            if !form.supported || form.leads_to.is_empty() {
                continue;
            }
            let stands = self.pool.in_status(kind, &form.allowed_in);
            let open = stands.into_iter().filter(|record| {
                let status = record["status"].as_str().unwrap_or_default();
                !form.leads_to.iter().any(|reached| reached == status)
            });
            for record in open {
                let id = record["id"].as_str().unwrap();
                // It may have been acted on since.
                let now = self.read(kind, id).await;
                if now["status"] != record["status"] {
                    continue;
                }
                let call = Call::act(kind, action, id, json!({})).dry();
                if call.run(&self.plant).await.outcome == "DRY_RUN" {
                    return Some((kind.to_owned(), action.to_owned(), id.to_owned(), form));
                }
            }
        }
        None
    }
}

/// A write that makes a record, and how the record is found again.
pub struct Creation {
    pub call: Call,
    pub kind: String,
    pub field: &'static str,
    pub word: String,
    pub form: Form,
}

/// Reads the entry of a write in the log.
pub async fn entry(plant: &Plant, id: &str) -> Value {
    let answer = plant.query(ENTRY, json!({ "id": id })).await;
    answer.data()["write"].clone()
}

pub const ENTRY: &str = "query($id: ID!) { write(id: $id) { id entity operation mode state outcome remoteId
    idempotencyKey settledBy errorCode errorMessage warnings userErrors { path code message remoteCode remoteMessage }
    requests { step method url body } recordId connection { id } actor { name }
    createdAt sentAt finishedAt durationMs batchId } }";

/// Makes the call that creates a record of a type, below its owner if it is a part.
pub fn create(kind: &str, connection: &str, owner: Option<&str>, input: Value) -> Call {
    match owner {
        Some(owner) if is_part(kind) => Call::create_part(kind, owner, input),
        _ => Call::create(kind, connection, input),
    }
}

/// Settles a write as the organization.
pub async fn settle(plant: &Plant, id: &str, verdict: &str, remote_id: Option<&str>) -> crate::support::Answer {
    let text = "mutation($id: ID!, $verdict: WriteVerdict!, $remoteId: String) {
        settleWrite(id: $id, verdict: $verdict, remoteId: $remoteId) { id state settledBy remoteId } }";
    plant
        .query(text, json!({ "id": id, "verdict": verdict, "remoteId": remote_id }))
        .await
}

/// Returns what is wrong with an answer that should tell that something was done.
pub fn complaint(done: &Done) -> String {
    done.text.chars().take(1200).collect()
}
