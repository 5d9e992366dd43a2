//! Turns a JSON body or the parameters of a URI into operations, and says exactly what is wrong
//! with those that are none.

use std::sync::Arc;

use async_graphql::Variables;
use async_graphql_value::Extensions;
use axum::extract::Query;
use http::Uri;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::{error::Category, value::RawValue};

use super::{Code, Refusal, Settings};

/// One GraphQL request as a client sent it.
#[derive(Debug, Default, Deserialize)]
pub struct Operation {
    /// The text of the document.
    #[serde(default)]
    pub query: Option<Arc<str>>,
    /// Which operation of the document is meant.
    #[serde(default, rename = "operationName")]
    pub operation_name: Option<String>,
    /// The values of variables.
    #[serde(default)]
    pub variables: Variables,
    /// Extensions of the protocol, such as `persistedQuery`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub extensions: Extensions,
}

fn null_as_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Extensions, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What arrived: one operation, or a list whose answer is a list.
#[derive(Debug)]
pub(super) enum Received {
    Single(Box<Operation>),
    Batch(Vec<Operation>),
}

impl Received {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Batch(operations) => operations.len(),
        }
    }
}

/// Parses the body of a POST.
pub(super) fn parse_body(body: &[u8], settings: &Settings) -> Result<Received, Refusal> {
    let text = std::str::from_utf8(body)
        .map_err(|error| invalid_json(format!("the body is not UTF-8 at byte {}", error.valid_up_to())))?;
    if !text.trim_ascii_start().starts_with('[') {
        return parse_operation(text).map(|operation| Received::Single(Box::new(operation)));
    }
    check_json(text)?;
    if !settings.batch {
        return Err(Refusal::new(
            Code::BatchNotAllowed,
            "batches are switched off; send one request at a time",
        ));
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| invalid_json(error.to_string()))?;
    if items.len() > settings.limits.batch {
        let message = format!(
            "the batch has {} requests; at most {} are allowed",
            items.len(),
            settings.limits.batch
        );
        return Err(Refusal::new(Code::BatchTooLarge, message));
    }
    if items.is_empty() {
        return Err(invalid_request("the batch is empty"));
    }
    let operations: Result<_, _> = items.into_iter().map(|item| parse_operation(item.get())).collect();
    operations.map(Received::Batch)
}

/// Parses the parameters of a GET.
pub(super) fn parse_uri(uri: &Uri) -> Result<Received, Refusal> {
    let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| invalid_request("the parameters of the URI are not form-encoded"))?;
    let (mut query, mut name, mut variables, mut extensions) = (None, None, None, None);
    for (parameter, value) in parameters {
        let slot = match parameter.as_str() {
            "query" => &mut query,
            "operationName" => &mut name,
            "variables" => &mut variables,
            "extensions" => &mut extensions,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(invalid_request(format!("parameter {parameter} is given twice")));
        }
    }
    Ok(Received::Single(Box::new(Operation {
        query: query.map(Arc::from),
        operation_name: name.filter(|name| !name.is_empty()),
        variables: parse_parameter("variables", variables)?.unwrap_or_default(),
        extensions: parse_parameter("extensions", extensions)?.unwrap_or_default(),
    })))
}

fn parse_parameter<T: for<'de> Deserialize<'de>>(name: &str, value: Option<String>) -> Result<Option<T>, Refusal> {
    let Some(text) = value.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    parse_json(&text).map_err(|refusal| Refusal::new(refusal.code, format!("{name}: {}", refusal.message)))
}

pub(super) fn parse_operation(text: &str) -> Result<Operation, Refusal> {
    // A list would be taken for the fields of the struct in order.
    if !text.trim_ascii_start().starts_with('{') {
        check_json(text)?;
        return Err(invalid_request("a request must be a JSON object"));
    }
    parse_json(text)
}

/// Well-formed JSON of the wrong shape is another fault than text that is no JSON; the parser may
/// meet the first before it has seen the second.
fn parse_json<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => check_json(text)
            .err()
            .unwrap_or_else(|| invalid_request(error.to_string())),
        _ => invalid_json(error.to_string()),
    })
}

fn check_json(text: &str) -> Result<(), Refusal> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_json(error.to_string())),
    }
}

fn invalid_json(message: String) -> Refusal {
    Refusal::new(Code::InvalidJson, message)
}

fn invalid_request(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidRequest, message)
}
