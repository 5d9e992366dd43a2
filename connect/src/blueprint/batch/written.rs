//! One request of an envelope as its templates know it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    blueprint::call::unusable,
    error::Error,
    request::{RequestBody, RequestPlan},
    template::{JsonTemplate, Scope, Variables},
};

/// One request as the templates of envelopes know it.
pub(super) struct Written<'a> {
    pub(super) id: String,
    pub(super) relative: &'a str,
    pub(super) below_base: &'a str,
    pub(super) path: &'a str,
    pub(super) plan: &'a RequestPlan,
}

impl Written<'_> {
    pub(super) fn render(
        &self,
        template: &JsonTemplate,
        remote: &str,
        group: Option<&str>,
        variables: &Variables<'_>,
    ) -> Result<Value, Error> {
        let plan = self.plan;
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        for (name, value) in &plan.headers {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        let list = headers
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }));
        let list: Vec<Value> = list.collect();
        let object = headers.into_iter().map(|(name, value)| (name, Value::String(value)));
        let object: Map<String, Value> = object.collect();
        let mut scope = Scope::new(variables)
            .leaving_out()
            .with("resource.remote", remote)
            .with("request.id", self.id.as_str())
            .with("request.method", plan.method.as_str())
            .with("request.url", plan.url.as_str())
            .with("request.path", self.path)
            .with("request.below_base", self.below_base)
            .with("request.relative", self.relative)
            .with("request.headers", Value::Object(object))
            .with("request.header_list", Value::Array(list));
        if let RequestBody::Json(text) | RequestBody::Text(text) = &plan.body {
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
            scope = scope
                .with("request.body", value)
                .with("request.body_base64", STANDARD.encode(text));
        }
        if let Some(group) = group {
            scope = scope.with("request.group", group);
        }
        template.render(&scope).map_err(unusable)
    }
}

/// Returns what follows an address, if another begins with it.
pub(super) fn below<'u>(url: &'u str, start: &str) -> Option<&'u str> {
    let rest = url.strip_prefix(start)?;
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

pub(super) fn origin_length(url: &str) -> usize {
    let start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or_default();
    rest.find(['/', '?', '#']).map_or(url.len(), |at| start + at)
}
