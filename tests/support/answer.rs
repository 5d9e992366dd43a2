//! One answer of the server, with short ways to its parts.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// One answer of the server.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl From<Answer> for lineshaft_conformance::Answer {
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            text: answer.text,
            body: answer.body,
        }
    }
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self {
            status,
            headers,
            text,
            body,
        }
    }

    /// Returns the data, which must have come without any error.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert!(self.body["errors"].is_null(), "errors: {:#}", self.body["errors"]);
        &self.body["data"]
    }

    pub fn errors(&self) -> &[Value] {
        self.body["errors"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Returns the codes of all errors, in their order.
    pub fn codes(&self) -> Vec<&str> {
        self.errors()
            .iter()
            .map(|error| error["extensions"]["code"].as_str().unwrap_or("(none)"))
            .collect()
    }

    /// Returns the codes of the errors of one connection.
    pub fn codes_of(&self, connection: &str) -> Vec<&str> {
        let own = self
            .errors()
            .iter()
            .filter(|error| error["extensions"]["connectionId"] == connection);
        own.map(|error| error["extensions"]["code"].as_str().unwrap_or("(none)"))
            .collect()
    }

    /// Returns the records of a page.
    pub fn nodes(&self, list: &str) -> &[Value] {
        self.body["data"][list]["nodes"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Returns what a page tells of one connection.
    #[track_caller]
    pub fn source(&self, list: &str, connection: &str) -> &Value {
        let sources = self.body["data"][list]["sources"]
            .as_array()
            .expect("sources were asked for");
        sources
            .iter()
            .find(|source| source["connection"]["id"] == connection)
            .expect("the connection is in scope")
    }
}
