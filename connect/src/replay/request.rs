//! Compares what a spec says is sent with what the connector plans. What the spec does not name is not compared.

use std::borrow::Cow;

use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use crate::{
    json,
    manifest::{SentRequest, load::escape},
    mapping::spec::Difference,
    request::{RequestBody, RequestPlan},
    xml,
};

pub(super) fn compare(expected: &SentRequest, plan: &RequestPlan) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut told = |pointer: &str, expected: &str, sent: &str| {
        if expected != sent {
            let message = format!("expected {}, sent is {}", Json::from(expected), Json::from(sent));
            differences.push(Difference::new(pointer, message));
        }
    };
    if let Some(method) = &expected.method {
        told("/request/method", method, plan.method.as_str());
    }
    let address = url::Url::parse(&plan.url).ok();
    if let Some(path) = &expected.path {
        let sent = address.as_ref().map_or("", url::Url::path);
        let sent: Cow<'_, str> = percent_decode_str(sent).decode_utf8_lossy();
        told("/request/path", path, &sent);
    }
    let mut query: IndexMap<String, Vec<String>> = IndexMap::new();
    for (name, value) in address.iter().flat_map(url::Url::query_pairs) {
        query.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    for (name, expected) in &expected.query {
        let sent = match query.get(name).map(Vec::as_slice) {
            None => Json::Null,
            Some([one]) => Json::from(one.as_str()),
            Some(several) => Json::from(several),
        };
        differences.extend(as_text(&format!("/request/query/{}", escape(name)), expected, &sent));
    }
    for (name, expected) in &expected.headers {
        let mut sent = plan
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let sent = sent.next().map_or(Json::Null, |(_, value)| Json::from(value.as_str()));
        differences.extend(as_text(&format!("/request/headers/{}", escape(name)), expected, &sent));
    }
    differences.extend(of_body(&expected.body, &plan.body));
    differences
}

/// Compares texts; numbers and truth values count as their text.
fn as_text(pointer: &str, expected: &Json, sent: &Json) -> Option<Difference> {
    let text = |value: &Json| match value {
        Json::Number(_) | Json::Bool(_) => Json::String(value.to_string()),
        other => other.clone(),
    };
    let expected = match expected {
        Json::Array(list) => list.iter().map(text).collect(),
        other => text(other),
    };
    (expected != *sent).then(|| Difference::new(pointer, differs(&expected, sent)))
}

fn of_body(expected: &Json, sent: &RequestBody) -> Vec<Difference> {
    const POINTER: &str = "/request/body";
    let mut differences = Vec::new();
    match (expected, sent) {
        (Json::Null, _) => {}
        (Json::Object(expected), RequestBody::Form(fields)) => {
            for (name, expected) in expected {
                let sent = fields.iter().find(|(known, _)| known == name);
                let sent = sent.map_or(Json::Null, |(_, value)| Json::from(value.as_str()));
                differences.extend(as_text(&format!("{POINTER}/{}", escape(name)), expected, &sent));
            }
        }
        (Json::String(expected), RequestBody::Xml(sent)) => match (xml::parse_text(expected), xml::parse_text(sent)) {
            (Ok(own), Ok(other)) if own == other => {}
            (Err(wrong), _) => differences.push(Difference::new(POINTER, format!("the text {wrong}"))),
            _ => differences.push(Difference::new(POINTER, format!("sent is {sent}"))),
        },
        (expected, RequestBody::Json(sent)) => {
            let sent: Json = serde_json::from_str(sent).unwrap_or_default();
            within(expected, &sent, POINTER, &mut differences);
        }
        (Json::String(expected), sent) if *expected == sent.text() => {}
        (_, sent) => differences.push(Difference::new(POINTER, format!("sent is {:?}", sent.text()))),
    }
    differences
}

/// Compares JSON: of tables the members that are expected, lists element by element, numbers by their value. A member
/// that is expected as null is one that is not sent: null would clear it.
fn within(expected: &Json, sent: &Json, pointer: &str, differences: &mut Vec<Difference>) {
    match (expected, sent) {
        (Json::Object(expected), Json::Object(sent)) => {
            for (name, expected) in expected {
                let pointer = format!("{pointer}/{}", escape(name));
                match sent.get(name) {
                    Some(Json::Null) if expected.is_null() => {
                        differences.push(Difference::new(pointer, "expected is nothing, sent is null"));
                    }
                    sent => within(expected, sent.unwrap_or(&Json::Null), &pointer, differences),
                }
            }
        }
        (Json::Array(expected), Json::Array(sent)) if expected.len() == sent.len() => {
            for (at, (expected, sent)) in expected.iter().zip(sent).enumerate() {
                within(expected, sent, &format!("{pointer}/{at}"), differences);
            }
        }
        (Json::Number(a), Json::Number(b)) if json::decimal_of(&a.to_string()) == json::decimal_of(&b.to_string()) => {}
        (expected, sent) if expected == sent => {}
        (expected, sent) => differences.push(Difference::new(pointer, differs(expected, sent))),
    }
}

fn differs(expected: &Json, sent: &Json) -> String {
    match (expected.is_null(), sent.is_null()) {
        (true, false) => format!("expected is nothing, sent is {sent}"),
        (false, true) => format!("expected {expected}, nothing is sent"),
        _ => format!("expected {expected}, sent is {sent}"),
    }
}
