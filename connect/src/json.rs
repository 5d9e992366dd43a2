//! Upstream bodies as JSON: checked before they are parsed, numbers kept digit for digit.

use std::{borrow::Cow, str::FromStr as _};

use rust_decimal::Decimal;
use sonic_rs::{JsonContainerTrait as _, JsonType, JsonValueTrait as _, Value};

use crate::error::{Error, ErrorKind};

/// How deep lists and objects may be nested.
pub const MAX_DEPTH: usize = 128;

/// Parses the body of an answer.
///
/// # Errors
/// Returns `MalformedResponse` for a body that is empty, not UTF-8, nested too deep, or not JSON.
pub fn parse(body: &[u8]) -> Result<Value, Error> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("the answer is not UTF-8 text".to_owned()))?;
    parse_text(text).map_err(malformed)
}

fn malformed(message: String) -> Error {
    Error::new(ErrorKind::MalformedResponse, message)
}

/// Parses JSON text with the same checks.
///
/// # Errors
/// Tells what is wrong with the text, without quoting it.
pub fn parse_text(text: &str) -> Result<Value, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err("the answer is empty where JSON is expected".to_owned());
    }
    if is_deeper_than(text.as_bytes(), MAX_DEPTH) {
        return Err(format!("the answer is nested deeper than {MAX_DEPTH} levels"));
    }
    sonic_rs::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("the answer is not JSON (line {line}, column {column})")
    })
}

/// Returns whether brackets outside of texts open deeper than allowed.
fn is_deeper_than(bytes: &[u8], most: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    for byte in bytes {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

/// Returns a text, number or truth value as text, digit for digit; lists, objects and null have none.
#[must_use]
pub fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value.get_type() {
        JsonType::String => value.as_str().map(Cow::Borrowed),
        JsonType::Number => Some(Cow::Owned(match value.as_raw_number() {
            Some(number) => number.as_str().to_owned(),
            None => value.to_string(),
        })),
        JsonType::Boolean => Some(Cow::Borrowed(if value.is_true() { "true" } else { "false" })),
        JsonType::Null | JsonType::Array | JsonType::Object => None,
    }
}

/// Returns a number, a text that is one, or `{"decimal": "…"}` as a decimal. Exact up to 28 digits; digits beyond
/// that, far behind the point, are rounded.
#[must_use]
pub fn decimal(value: &Value) -> Option<Decimal> {
    match value.get_type() {
        JsonType::Number => match value.as_raw_number() {
            Some(number) => decimal_of(number.as_str()),
            None => decimal_of(&value.to_string()),
        },
        JsonType::String => decimal_of(value.as_str()?),
        JsonType::Object => value
            .as_object()?
            .get(&"decimal")
            .filter(|inner| !inner.is_object())
            .and_then(decimal),
        _ => None,
    }
}

/// Reads a decimal from text, also in exponent form.
#[must_use]
pub fn decimal_of(text: &str) -> Option<Decimal> {
    let text = text.trim();
    if text.is_empty() || text.contains('_') {
        return None;
    }
    if text.contains(['e', 'E']) {
        return scientific(text);
    }
    Decimal::from_str(text).ok()
}

/// Moves the point of a number in exponent form; the digits stay.
fn scientific(text: &str) -> Option<Decimal> {
    let (digits, exponent) = text.split_once(['e', 'E'])?;
    let exponent: i64 = exponent.parse().ok()?;
    let number = Decimal::from_str(digits).ok()?;
    if number.is_zero() {
        return Some(Decimal::ZERO);
    }
    if !(-60..=30).contains(&exponent) {
        return if exponent < 0 { Some(Decimal::ZERO) } else { None };
    }
    let mut number = number.normalize();
    for _ in 0..exponent.unsigned_abs() {
        if exponent > 0 && number.scale() == 0 {
            number = number.checked_mul(Decimal::TEN)?;
        } else if exponent > 0 {
            number.set_scale(number.scale() - 1).ok()?;
        } else if number.scale() < Decimal::MAX_SCALE {
            number.set_scale(number.scale() + 1).ok()?;
        } else {
            number = number.checked_div(Decimal::TEN)?;
        }
    }
    Some(number)
}

/// Returns whether a value equals one written in a manifest: numbers by value, everything else exactly.
#[must_use]
pub fn equals(value: &Value, written: &serde_json::Value) -> bool {
    match written {
        serde_json::Value::Null => value.is_null(),
        serde_json::Value::Bool(written) => value.as_bool() == Some(*written),
        serde_json::Value::String(written) => value.as_str() == Some(written),
        serde_json::Value::Number(written) => {
            value.is_number() && decimal(value).is_some_and(|number| decimal_of(&written.to_string()) == Some(number))
        }
        serde_json::Value::Array(written) => value.as_array().is_some_and(|list| {
            list.len() == written.len() && list.iter().zip(written).all(|(value, written)| equals(value, written))
        }),
        serde_json::Value::Object(written) => value.as_object().is_some_and(|object| {
            object.len() == written.len()
                && written
                    .iter()
                    .all(|(name, written)| object.get(name).is_some_and(|value| equals(value, written)))
        }),
    }
}

/// Returns whether a value says nothing: null, empty text, or an empty list.
#[must_use]
pub fn is_blank(value: &Value) -> bool {
    match value.get_type() {
        JsonType::Null => true,
        JsonType::String => value.as_str().is_some_and(str::is_empty),
        JsonType::Array => value.as_array().is_some_and(|list| list.is_empty()),
        JsonType::Boolean | JsonType::Number | JsonType::Object => false,
    }
}

/// Returns whether a value is the truth value `false`; `sonic_rs` says so of everything that is not `true`.
#[must_use]
pub fn is_false(value: &Value) -> bool {
    value.as_bool() == Some(false)
}

/// Turns a value written in a manifest into one as answers hold them.
#[must_use]
pub fn from_serde(value: &serde_json::Value) -> Value {
    sonic_rs::from_str(&value.to_string()).unwrap_or_default()
}

/// Returns JSON text cut short, for messages.
#[must_use]
pub fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e9..1e9_f64).prop_map(Into::into),
            "[a-c0-9.]{0,4}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map("[a-c0-9]{1,2}", inner, 0..5).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    #[test]
    fn numbers_keep_every_digit() {
        let value = parse_text(r#"{"n":1234567890123456789.123456789,"m":1.50}"#).unwrap();
        assert_eq!(value.to_string(), r#"{"n":1234567890123456789.123456789,"m":1.50}"#);
        assert_eq!(
            decimal(&value["n"]).unwrap().to_string(),
            "1234567890123456789.123456789"
        );
        assert_eq!(scalar_text(&value["m"]).unwrap(), "1.50");
    }

    #[test]
    fn bodies_that_are_no_json_are_malformed() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let bodies: [&[u8]; 7] = [
            b"",
            b"  \n",
            b"\xff\xfe",
            b"<html>",
            b"{\"a\":",
            b"{} x",
            deep.as_bytes(),
        ];
        for body in bodies {
            assert_eq!(parse(body).unwrap_err().kind(), ErrorKind::MalformedResponse);
        }
        let brackets_in_text = format!("\"{}\\\"{}\"", "[".repeat(200), "[".repeat(200));
        assert!(parse(brackets_in_text.as_bytes()).is_ok());
        assert!(parse("\u{feff}{}".as_bytes()).is_ok());
    }

    #[test]
    fn decimals_are_read_from_every_form() {
        for (text, expected) in [
            ("1.5e3", Some("1500")),
            ("15E-1", Some("1.5")),
            ("1e-40", Some("0")),
            ("1e40", None),
            ("-0.001", Some("-0.001")),
            ("+5", Some("5")),
            ("", None),
            ("1_000", None),
            ("1,5", None),
            ("NaN", None),
        ] {
            let read = decimal_of(text);
            assert_eq!(read, expected.map(|text| text.parse::<Decimal>().unwrap()), "{text}");
        }
        let object = parse_text(r#"{"__class__":"Decimal","decimal":"12.3400"}"#).unwrap();
        assert_eq!(decimal(&object).unwrap().to_string(), "12.3400");
    }

    proptest! {
        #[test]
        fn decimals_of_28_digits_are_exact(digits in "[1-9][0-9]{0,27}", point in 0_usize..28, negative in any::<bool>()) {
            let point = point.min(digits.len());
            let (whole, part) = digits.split_at(digits.len() - point);
            let sign = if negative { "-" } else { "" };
            let whole = if whole.is_empty() { "0" } else { whole };
            let text = if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") };
            let value = parse_text(&text).unwrap();
            prop_assert_eq!(decimal(&value).unwrap().to_string(), text.clone());
            prop_assert_eq!(decimal_of(&format!("{text}e0")).unwrap().normalize(), decimal_of(&text).unwrap().normalize());
        }

        #[test]
        fn any_bytes_parse_or_are_malformed(body in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&body);
        }

        #[test]
        fn a_value_equals_itself(value in any_json()) {
            prop_assert!(equals(&from_serde(&value), &value));
        }
    }
}
