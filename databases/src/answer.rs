//! Answers as the framework reads them: rows as JSON, and refusals with the database's own code and message.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE};
use lineshaft_connect::transport::Response;
use serde_json::json;

use crate::fault::Fault;

/// Returns the answer with rows.
pub(crate) fn rows(body: Vec<u8>) -> Response {
    Response {
        status: StatusCode::OK,
        headers: headers(),
        body: Bytes::from(body),
    }
}

/// Returns the answer of a database that refused.
pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    Response {
        status,
        headers: headers(),
        body: Bytes::from(json!({ "error": { "code": code, "message": message } }).to_string()),
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// Rows as they are written, up to a limit.
pub(crate) struct Rows {
    body: Vec<u8>,
    is_first: bool,
    most: usize,
}

impl Rows {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            body: b"{\"rows\":[".to_vec(),
            is_first: true,
            most,
        }
    }

    /// Adds a row that is the text of a JSON object.
    pub(crate) fn push(&mut self, row: &str) -> Result<(), Fault> {
        if self.body.len() + row.len() + 3 > self.most {
            return Err(Fault::too_large(self.most));
        }
        if !self.is_first {
            self.body.push(b',');
        }
        self.is_first = false;
        self.body.extend_from_slice(row.as_bytes());
        Ok(())
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.body.extend_from_slice(b"]}");
        self.body
    }
}

/// One row as it is written.
#[derive(Default)]
pub(crate) struct Row(String);

impl Row {
    /// Adds a column whose value is JSON text.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&text(name));
        self.0.push(':');
        self.0.push_str(value);
    }

    pub(crate) fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// Writes a text as JSON.
pub(crate) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a number as JSON, digit for digit; as a text what JSON has no number for.
pub(crate) fn number(digits: &str) -> String {
    let is_number = serde_json::from_str::<&serde_json::value::RawValue>(digits)
        .is_ok_and(|raw| raw.get() == digits && digits.starts_with(|sign: char| sign == '-' || sign.is_ascii_digit()));
    if is_number { digits.to_owned() } else { text(digits) }
}

/// Writes a binary number as JSON, in the shortest form that means the same.
pub(crate) fn float(value: f64, shown: String) -> String {
    if value.is_finite() {
        number(&shown)
    } else {
        text(&shown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use lineshaft_connect::error::ErrorKind;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_answer_is_broken_off_at_its_limit() {
        let mut rows = Rows::new(30);
        rows.push(r#"{"a":1}"#).unwrap();
        rows.push(r#"{"a":2}"#).unwrap();
        assert!(
            matches!(rows.push(r#"{"a":3}"#), Err(Fault::Failed(error)) if error.kind() == ErrorKind::ResponseTooLarge)
        );
        let body: Value = serde_json::from_slice(&rows.end()).unwrap();
        assert_eq!(body, json!({"rows": [{"a": 1}, {"a": 2}]}));
        assert_eq!(Row::default().end(), "{}");
    }

    #[test]
    fn numbers_keep_their_digits() {
        for digits in ["0", "-1.50", "123456789012345678901234567890.123456789"] {
            assert_eq!(number(digits), digits);
        }
        for digits in ["NaN", "Infinity", "01", "1.", "", " 1", "1 ", "true", "+1"] {
            assert_eq!(number(digits), text(digits), "{digits}");
        }
        assert_eq!(float(0.1, 0.1_f32.to_string()), "0.1");
        assert_eq!(float(f64::NAN, f64::NAN.to_string()), "\"NaN\"");
    }

    proptest! {
        #[test]
        fn names_and_texts_come_back(name in any::<String>(), value in any::<String>()) {
            let mut row = Row::default();
            row.put(&name, &text(&value));
            let read: Value = serde_json::from_str(&row.end()).unwrap();
            prop_assert_eq!(read.get(&name).and_then(Value::as_str), Some(value.as_str()));
        }
    }
}
