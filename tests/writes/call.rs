//! One mutation of the API as a value, and what came back.

use lineshaft_schema::{ConnectionId, Shape};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value, json};

use super::model::{catalogue, lower, selection, type_named};
use crate::{
    conformance::stage::rebased,
    support::{Answer, Plant},
};

/// A mutation of one record.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub kind: String,
    /// `create`, `update`, `delete`, or the short name of an action.
    pub act: String,
    arguments: Map<String, Value>,
    types: Vec<(String, String)>,
    header: Option<String>,
}

/// What came back of a mutation.
#[derive(Clone, Debug, Default)]
pub struct Done {
    pub outcome: String,
    pub record: Value,
    pub user_errors: Vec<Value>,
    pub warnings: Vec<String>,
    pub operation: Value,
    pub requests: Vec<Value>,
    pub replayed: bool,
    /// Codes of the errors of the request as a whole.
    pub errors: Vec<String>,
    /// Everything, for messages.
    pub text: String,
}

pub const PAYLOAD: &str = "outcome replayed warnings userErrors { path code message remoteCode remoteMessage }
    requests { step method url headers { name value } body }
    operation { id state outcome entity operation mode remoteId idempotencyKey settledBy errorCode errorMessage
        requests { step method url } userErrors { code message } }";

impl Call {
    fn new(kind: &str, act: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            act: act.to_owned(),
            ..Self::default()
        }
    }

    /// Makes a record of an entity.
    pub fn create(kind: &str, connection: &str, input: Value) -> Self {
        let input_type = format!("Create{kind}Input!");
        Self::new(kind, "create")
            .with("connectionId", "ID", json!(connection))
            .with("input", &input_type, input)
    }

    /// Makes a part of a record.
    pub fn create_part(kind: &str, owner: &str, input: Value) -> Self {
        let catalogue = catalogue();
        let field = type_named(&catalogue, kind).owner_field(&catalogue).unwrap();
        Self::new(kind, "create").with(&field.name, "ID!", json!(owner)).with(
            "input",
            &format!("Create{kind}Input!"),
            input,
        )
    }

    pub fn update(kind: &str, id: &str, input: Value) -> Self {
        Self::new(kind, "update")
            .with("id", "ID!", json!(id))
            .with("input", &format!("Update{kind}Input!"), input)
    }

    /// Removes a record for good.
    pub fn delete(kind: &str, id: &str) -> Self {
        Self::new(kind, "delete").with("id", "ID!", json!(id))
    }

    /// Does to a record what the system does instead of removing it.
    pub fn soft_delete(kind: &str, id: &str) -> Self {
        Self::delete(kind, id).with("input", "DeleteInput", json!({ "mode": "SYSTEM_DEFAULT" }))
    }

    /// Does something to a record.
    pub fn act(kind: &str, action: &str, id: &str, input: Value) -> Self {
        let catalogue = catalogue();
        let def = catalogue.action(kind, action).expect("the model has the action");
        let named = Self::new(kind, action).with("id", "ID!", json!(id));
        // An action that needs nothing may be given nothing.
        let required = if def.fields.values().any(|field| field.required) {
            "!"
        } else {
            ""
        };
        named.with("input", &format!("{}Input{required}", def.name), input)
    }

    fn with(mut self, name: &str, kind: &str, value: Value) -> Self {
        self.types.push((name.to_owned(), kind.to_owned()));
        self.arguments.insert(name.to_owned(), value);
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.with("idempotencyKey", "String", json!(key))
    }

    /// Gives the key as a header of the request.
    pub fn header(mut self, key: &str) -> Self {
        self.header = Some(key.to_owned());
        self
    }

    pub fn expect_version(self, version: &Value) -> Self {
        self.with("expectedVersion", "String", version.clone())
    }

    pub fn dry(self) -> Self {
        self.with("dryRun", "Boolean", json!(true))
    }

    pub fn queued(self) -> Self {
        self.with("mode", "WriteMode", json!("ASYNC"))
    }

    /// Returns the input, to change it.
    pub fn input(&mut self) -> &mut Value {
        &mut self.arguments["input"]
    }

    /// Returns the name of the mutation.
    pub fn mutation(&self) -> String {
        match self.act.as_str() {
            "create" | "update" | "delete" => format!("{}{}", self.act, self.kind),
            action => lower(&catalogue().action(&self.kind, action).unwrap().name),
        }
    }

    /// Returns the operation of a batch that means the same: its name and its value.
    pub fn operation(&self) -> Value {
        json!({ self.mutation(): self.arguments })
    }

    /// Returns the same write to another connection to the same records.
    pub fn moved(&self, from: ConnectionId, to: ConnectionId) -> Self {
        let moved = rebased(Value::Object(self.arguments.clone()), from, to);
        Self {
            arguments: moved.as_object().unwrap().clone(),
            ..self.clone()
        }
    }

    fn document(&self) -> String {
        let variables: Vec<_> = self
            .types
            .iter()
            .map(|(name, kind)| format!("${name}: {kind}"))
            .collect();
        let arguments: Vec<_> = self.types.iter().map(|(name, _)| format!("{name}: ${name}")).collect();
        format!(
            "mutation({}) {{ done: {}({}) {{ record: {} {{ {} }} {PAYLOAD} }} }}",
            variables.join(", "),
            self.mutation(),
            arguments.join(", "),
            lower(&self.kind),
            selection(&catalogue(), &self.kind),
        )
    }

    /// Carries it out as the organization.
    pub async fn run(&self, plant: &Plant) -> Done {
        self.run_as(plant, &plant.token).await
    }

    /// Carries it out with a token.
    pub async fn run_as(&self, plant: &Plant, token: &str) -> Done {
        self.send(&plant.url, token).await.expect("the server answers")
    }

    /// Sends it to a server that may go away meanwhile.
    pub async fn send(&self, url: &str, token: &str) -> Option<Done> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client
            .post(url)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(json!({ "query": self.document(), "variables": self.arguments }).to_string());
        if let Some(key) = &self.header {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Done::of(&Answer {
            status,
            headers,
            text,
            body,
        }))
    }
}

impl Done {
    pub fn of(answer: &Answer) -> Self {
        Self {
            errors: answer.codes().into_iter().map(str::to_owned).collect(),
            text: answer.text.clone(),
            ..Self::payload(&answer.body["data"]["done"])
        }
    }

    /// Reads the payload of a mutation, or a result of a batch.
    pub fn payload(payload: &Value) -> Self {
        let list = |name: &str| payload[name].as_array().cloned().unwrap_or_default();
        Self {
            outcome: payload["outcome"].as_str().unwrap_or_default().to_owned(),
            record: payload["record"].clone(),
            user_errors: list("userErrors"),
            warnings: list("warnings")
                .iter()
                .filter_map(|warning| warning.as_str().map(str::to_owned))
                .collect(),
            operation: payload["operation"].clone(),
            requests: list("requests"),
            replayed: payload["replayed"] == true,
            errors: Vec::new(),
            text: payload.to_string(),
        }
    }

    /// Holds that it was carried out, and returns the record.
    #[track_caller]
    pub fn succeeded(&self) -> &Value {
        assert!(self.outcome == "SUCCEEDED" && self.errors.is_empty(), "{}", self.text);
        &self.record
    }

    /// Returns the id of the record, which must be there.
    #[track_caller]
    pub fn id(&self) -> String {
        let id = self.succeeded()["id"].as_str();
        id.unwrap_or_else(|| panic!("no record: {}", self.text)).to_owned()
    }

    /// Returns the id of the entry in the log.
    #[track_caller]
    pub fn operation_id(&self) -> String {
        let id = self.operation["id"].as_str();
        id.unwrap_or_else(|| panic!("no operation: {}", self.text)).to_owned()
    }

    /// Returns the codes of the errors, of the request as a whole and of the input.
    pub fn codes(&self) -> Vec<&str> {
        let own = self.user_errors.iter().filter_map(|error| error["code"].as_str());
        self.errors.iter().map(String::as_str).chain(own).collect()
    }

    /// Holds that nothing was carried out, for one reason.
    #[track_caller]
    pub fn refused(&self, code: &str) {
        assert_eq!(self.codes(), [code], "{}", self.text);
        assert!(self.outcome.is_empty() || self.outcome == "FAILED", "{}", self.text);
    }
}

/// Tells whether a type belongs to another one.
pub fn is_part(kind: &str) -> bool {
    matches!(type_named(&catalogue(), kind).shape, Shape::Part { .. })
}
