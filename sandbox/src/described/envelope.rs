//! Requests that come in one envelope: each goes through the endpoints by itself, as the caller of the envelope, and its
//! answer becomes a value. Those of an atomic envelope are all done, or none.

use serde_json::{Map, Value as Json, json};

use super::form::{Code, Failure, Form, Scope, to_value};
use super::load::Loader;
use super::protocol::batch::{Part, PartAnswer};
use super::request::Request;
use super::yaml::Node;

/// How the requests stand in an envelope.
#[derive(Debug)]
pub(crate) struct Envelope {
    of: Code,
    method: Form,
    path: Form,
    headers: Vec<(String, Form)>,
    body: Form,
    atomic: Option<Code>,
    /// What tells that a request failed, besides its status.
    failed: Option<Code>,
}

impl Envelope {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "batch");
        let of = fields.require(loader, "of").and_then(|node| Code::read(loader, node));
        let method = fields.require(loader, "method").map(|node| Form::read(loader, node));
        let path = fields.require(loader, "path").map(|node| Form::read(loader, node));
        let headers = fields.take("headers").map(|node| Form::members(loader, node));
        let body = fields.take("body").map(|node| Form::read(loader, node));
        let atomic = fields.take("atomic").and_then(|node| Code::read(loader, node));
        let failed = fields.take("failed").and_then(|node| Code::read(loader, node));
        fields.finish(loader);
        Some(Self {
            of: of?,
            method: method?,
            path: path?,
            headers: headers.unwrap_or_default(),
            body: body.unwrap_or(Form::Literal(Json::Null)),
            atomic,
            failed,
        })
    }

    /// Returns whether the answer to a part says that nothing was done.
    pub(crate) fn has_failed(&self, scope: &Scope, part: &Part, answer: &PartAnswer) -> Result<bool, Failure> {
        match &self.failed {
            Some(failed) => failed.is_true(&scope.with("r", to_value(&shown(part, answer)))),
            None => Ok(false),
        }
    }

    /// Takes the requests out of an envelope.
    pub(crate) fn parts(&self, scope: &Scope) -> Result<Vec<Part>, Failure> {
        let Json::Array(elements) = self.of.json(scope)? else {
            return Ok(Vec::new());
        };
        let is_atomic = match &self.atomic {
            Some(code) => code.is_true(scope)?,
            None => false,
        };
        let group = is_atomic.then(|| "all".to_owned());
        let mut parts = Vec::with_capacity(elements.len());
        for element in elements {
            let scope = scope.with("r", to_value(&element));
            let mut headers = Vec::new();
            for (name, form) in &self.headers {
                if let Some(value) = form.text(&scope)? {
                    headers.push((name.to_lowercase(), value));
                }
            }
            let body = match self.body.value_or_null(&scope)? {
                Json::Null => String::new(),
                Json::String(text) => text,
                other => other.to_string(),
            };
            parts.push(Part {
                id: None,
                method: self.method.text(&scope)?.unwrap_or_default().to_uppercase(),
                address: self.path.text(&scope)?.unwrap_or_default(),
                headers,
                body,
                group: group.clone(),
            });
        }
        Ok(parts)
    }
}

/// Returns the request that a part of an envelope is. It has the headers of the envelope, but for those about its body, and
/// its own over them. Addresses without a slash in front are below the root of the service.
pub(crate) fn request(envelope: &Request, part: &Part, root: &str) -> Request {
    let mut headers: Map<String, Json> = envelope
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with("content-") && !matches!(name.as_str(), "accept" | "accept-encoding"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !part.body.is_empty() {
        headers.insert("content-type".to_owned(), json!("application/json"));
    }
    headers.insert("accept".to_owned(), json!("application/json"));
    for (name, value) in &part.headers {
        headers.insert(name.to_lowercase(), json!(value));
    }
    let base = envelope.base_url.as_str();
    let address = part.address.strip_prefix(base).unwrap_or(&part.address);
    let address = match address.starts_with('/') {
        true => address.to_owned(),
        false => format!(
            "{}/{address}",
            root.strip_prefix(base).unwrap_or(root).trim_end_matches('/')
        ),
    };
    Request::part(envelope, &part.method, &address, headers, &part.body)
}

/// Returns the answer to a part as expressions see it.
pub(crate) fn shown(part: &Part, answer: &PartAnswer) -> Json {
    let headers: Map<String, Json> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    json!({
        "method": part.method,
        "path": part.address,
        "status": answer.status,
        "headers": headers,
        "body": serde_json::from_str::<Json>(&answer.body).unwrap_or(Json::Null),
        "text": answer.body,
    })
}
