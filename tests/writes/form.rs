//! What a connection says it can write, as `writeSchema` tells it.

use serde_json::{Value, json};

use crate::support::Plant;

/// A field that an operation takes.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    /// The parts of an embedded value that can be written; empty for all others.
    pub parts: Vec<String>,
    pub required: bool,
    pub allowed: Vec<Value>,
    pub max_length: Option<usize>,
}

/// A list whose rows are written with their owner.
#[derive(Clone, Debug)]
pub struct Children {
    pub field: String,
    pub create: bool,
    pub update: bool,
    pub delete: bool,
    pub atomic: bool,
    /// What a row takes.
    pub fields: Vec<Field>,
}

/// What a connection says of one operation on a type.
#[derive(Clone, Debug)]
pub struct Form {
    pub supported: bool,
    pub alternative: Option<String>,
    pub fields: Vec<Field>,
    /// Fields that the connector can write and the system does not let this account write.
    pub closed: Vec<String>,
    pub children: Vec<Children>,
    pub allowed_in: Vec<String>,
    pub leads_to: Vec<String>,
    pub lock: String,
    pub client_reference: Option<String>,
    /// All of it, for messages.
    pub text: String,
}

const QUERY: &str = "query($connection: ID, $entity: String!, $operation: String!) {
    form: writeSchema(connectionId: $connection, entity: $entity, operation: $operation) {
        supported alternative lock clientReference allowedIn leadsTo
        fields { name parts required writable allowedValues maxLength }
        children { field create update delete atomic
            fields { name parts required writable allowedValues maxLength } } } }";

impl Form {
    pub async fn ask(plant: &Plant, connection: &str, entity: &str, operation: &str) -> Self {
        let asked = json!({ "connection": connection, "entity": entity, "operation": operation });
        let answer = plant.query(QUERY, asked).await;
        Self::read(&answer.data()["form"])
    }

    fn read(form: &Value) -> Self {
        let texts = |name: &str| -> Vec<String> {
            let all = form[name].as_array().into_iter().flatten();
            all.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let text = |name: &str| form[name].as_str().map(str::to_owned);
        Self {
            supported: form["supported"] == true,
            alternative: text("alternative"),
            fields: fields(&form["fields"]),
            closed: closed(&form["fields"]),
            children: form["children"]
                .as_array()
                .into_iter()
                .flatten()
                .map(children)
                .collect(),
            allowed_in: texts("allowedIn"),
            leads_to: texts("leadsTo"),
            lock: text("lock").unwrap_or_default(),
            client_reference: text("clientReference"),
            text: form.to_string(),
        }
    }

    /// Tells whether a field takes texts of so many characters.
    pub fn takes(&self, name: &str, length: usize) -> bool {
        let field = self.field(name);
        field.is_some_and(|field| field.max_length.is_none_or(|most| most >= length))
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

fn children(children: &Value) -> Children {
    Children {
        field: children["field"].as_str().unwrap().to_owned(),
        create: children["create"] == true,
        update: children["update"] == true,
        delete: children["delete"] == true,
        atomic: children["atomic"] == true,
        fields: fields(&children["fields"]),
    }
}

/// Reads the fields, those left out that the system says cannot be written.
fn fields(entries: &Value) -> Vec<Field> {
    let entries = entries.as_array().into_iter().flatten();
    let entries = entries.filter(|entry| entry["writable"] == true);
    let texts = |list: &Value| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    entries
        .map(|entry| Field {
            name: entry["name"].as_str().unwrap().to_owned(),
            parts: texts(&entry["parts"]),
            required: entry["required"] == true,
            allowed: entry["allowedValues"].as_array().cloned().unwrap_or_default(),
            max_length: entry["maxLength"]
                .as_u64()
                .and_then(|length| usize::try_from(length).ok()),
        })
        .collect()
}

fn closed(entries: &Value) -> Vec<String> {
    let entries = entries.as_array().into_iter().flatten();
    let entries = entries.filter(|entry| entry["writable"] != true);
    entries
        .filter_map(|entry| entry["name"].as_str().map(str::to_owned))
        .collect()
}
