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
    pub children: Vec<Children>,
    pub allowed_in: Vec<String>,
    pub leads_to: Vec<String>,
    pub lock: String,
    pub client_reference: Option<String>,
    /// The modes in which records can be removed.
    pub text: String,
}

const QUERY: &str = "query($connection: ID, $entity: String!, $operation: String!) {
    form: writeSchema(connectionId: $connection, entity: $entity, operation: $operation) {
        supported alternative lock clientReference allowedIn leadsTo
        fields { name path type required allowedValues maxLength }
        children { field create update delete atomic } } }";

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
            children: form["children"].as_array().into_iter().flatten().map(children).collect(),
            allowed_in: texts("allowedIn"),
            leads_to: texts("leadsTo"),
            lock: text("lock").unwrap_or_default(),
            client_reference: text("clientReference"),
            text: form.to_string(),
        }
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

/// Gathers the entries of one field: parts of embedded values have entries of their own, with a path of two names.
fn fields(entries: &Value) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for entry in entries.as_array().into_iter().flatten() {
        let path: Vec<String> = match &entry["path"] {
            Value::Array(names) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            _ => vec![entry["name"].as_str().unwrap().to_owned()],
        };
        let field = Field {
            name: path[0].clone(),
            parts: path.get(1).cloned().into_iter().collect(),
            required: entry["required"] == true,
            allowed: entry["allowedValues"].as_array().cloned().unwrap_or_default(),
            max_length: entry["maxLength"].as_u64().and_then(|length| usize::try_from(length).ok()),
        };
        match fields.iter_mut().find(|known| known.name == field.name) {
            Some(known) => known.parts.extend(field.parts),
            None => fields.push(field),
        }
    }
    fields
}
