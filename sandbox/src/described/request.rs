//! A request as expressions see it.

use axum::body::Bytes;
use http::request::Parts;
use minijinja::Value;
use minijinja::value::Serde;
use serde_json::{Map, Value as Json, json};

use super::protocol::xml;

/// A request, read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Map<String, Json>,
    pub(crate) cookies: Map<String, Json>,
    pub(crate) body: Json,
    /// The body is told to be JSON or XML and is not.
    pub(crate) is_malformed: bool,
    pub(crate) text: String,
    pub(crate) base_url: String,
}

impl Request {
    pub(crate) fn read(head: &Parts, content: &Bytes, base_url: &str) -> Self {
        let mut headers = Map::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.insert(name.as_str().to_owned(), Json::String(value));
        }
        let text = String::from_utf8_lossy(content).into_owned();
        let kind = headers.get("content-type").and_then(Json::as_str).unwrap_or_default();
        let (body, is_malformed) = read_body(&kind.to_ascii_lowercase(), &text);
        let cookies = headers
            .get("cookie")
            .and_then(Json::as_str)
            .map(read_cookies)
            .unwrap_or_default();
        Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: pairs(head.uri.query().unwrap_or_default()),
            headers,
            cookies,
            body,
            is_malformed,
            text,
            base_url: base_url.to_owned(),
        }
    }

    /// Returns a request that came in an envelope.
    pub(crate) fn part(envelope: &Self, method: &str, address: &str, headers: Map<String, Json>, text: &str) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let kind = headers.get("content-type").and_then(Json::as_str).unwrap_or_default();
        let (body, is_malformed) = read_body(&kind.to_ascii_lowercase(), text);
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs(query),
            headers,
            cookies: envelope.cookies.clone(),
            body,
            is_malformed,
            text: text.to_owned(),
            base_url: envelope.base_url.clone(),
        }
    }

    /// Returns all values of a query parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.query.iter().filter(move |(known, _)| known == name);
        own.map(|(_, value)| value.as_str())
    }

    /// Returns the last value of a query parameter.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        let own = self.query.iter().filter(|(known, _)| known == name);
        own.map(|(_, value)| value.as_str()).next_back()
    }

    /// Returns a header by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).and_then(Json::as_str)
    }

    /// Returns it for expressions.
    pub(crate) fn value(&self, params: &[(String, String)]) -> Value {
        let mut last = Map::new();
        let mut all: Map<String, Json> = Map::new();
        for (name, value) in &self.query {
            last.insert(name.clone(), json!(value));
            if let Some(list) = all.entry(name.clone()).or_insert_with(|| json!([])).as_array_mut() {
                list.push(json!(value));
            }
        }
        let params: Map<String, Json> = params
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        Value::from(Serde(&json!({
            "method": self.method,
            "path": self.path,
            "params": params,
            "query": last,
            "query_all": all,
            "headers": self.headers,
            "cookies": self.cookies,
            "body": self.body,
            "text": self.text,
        })))
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn read_cookies(text: &str) -> Map<String, Json> {
    let pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

/// Reads a body by its content type, and tells whether it is not what it is said to be.
fn read_body(kind: &str, text: &str) -> (Json, bool) {
    if text.trim().is_empty() {
        return (Json::Null, false);
    }
    if kind.contains("x-www-form-urlencoded") {
        let mut form: Map<String, Json> = Map::new();
        for (name, value) in pairs(text) {
            match form.get_mut(&name) {
                None => {
                    form.insert(name, json!(value));
                }
                Some(Json::Array(values)) => values.push(json!(value)),
                Some(first) => *first = json!([first.take(), value]),
            }
        }
        return (Json::Object(form), false);
    }
    if kind.contains("xml") || text.trim_start().starts_with('<') {
        return match xml::read(text) {
            Ok(body) => (body, false),
            Err(_) => (Json::Null, kind.contains("xml")),
        };
    }
    match serde_json::from_str(text) {
        Ok(body) => (body, false),
        Err(_) => (Json::Null, kind.contains("json")),
    }
}
