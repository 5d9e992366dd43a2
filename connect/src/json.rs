//! Upstream bodies as JSON: checked before they are parsed, numbers kept digit for digit.

mod parse;
mod value;

use std::str::FromStr as _;

use rust_decimal::Decimal;

use crate::error::{Error, ErrorKind};
use parse::Wrong;
pub(crate) use value::Place;
pub use value::{Member, Value};

/// How deep lists and objects may be nested.
pub const MAX_DEPTH: usize = 128;

/// Parses the body of an answer.
///
/// # Errors
/// Returns `MalformedResponse` for a body that is empty, not UTF-8, nested too deep, or not JSON.
pub fn parse(body: &[u8]) -> Result<Value<'_>, Error> {
    let malformed = |message: String| Error::new(ErrorKind::MalformedResponse, message);
    let text = std::str::from_utf8(body).map_err(|_| malformed("the answer is not UTF-8 text".to_owned()))?;
    parse_text(text).map_err(malformed)
}

/// Parses JSON text with the same checks.
///
/// # Errors
/// Tells what is wrong with the text, without quoting it.
pub fn parse_text(text: &str) -> Result<Value<'_>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err("the answer is empty where JSON is expected".to_owned());
    }
    parse::parse(text).map_err(|wrong| match wrong {
        Wrong::Deep => format!("the answer is nested deeper than {MAX_DEPTH} levels"),
        Wrong::Syntax(at) => {
            let before = text.as_bytes().get(..at).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
            format!("the answer is not JSON (line {line}, column {column})")
        }
    })
}

/// Returns a text, number or truth value as text, digit for digit; lists, objects and null have none.
#[must_use]
pub fn scalar_text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text),
        Value::Boolean(true) => Some("true"),
        Value::Boolean(false) => Some("false"),
        Value::Null | Value::List(_) | Value::Object(_) => None,
    }
}

/// Returns a number, a text that is one, or `{"decimal": "…"}` as a decimal. Exact up to 28 digits; digits beyond
/// that, far behind the point, are rounded.
#[must_use]
pub fn decimal(value: &Value<'_>) -> Option<Decimal> {
    match value {
        Value::Number(text) | Value::Text(text) => decimal_of(text),
        Value::Object(_) => value
            .get("decimal")
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
pub fn equals(value: &Value<'_>, written: &serde_json::Value) -> bool {
    match written {
        serde_json::Value::Null => value.is_null(),
        serde_json::Value::Bool(written) => value.as_bool() == Some(*written),
        serde_json::Value::String(written) => value.as_str() == Some(written),
        serde_json::Value::Number(written) => {
            value.is_number() && decimal(value).is_some_and(|number| decimal_of(&written.to_string()) == Some(number))
        }
        serde_json::Value::Array(written) => value.elements().is_some_and(|list| {
            list.len() == written.len() && list.iter().zip(written).all(|(value, written)| equals(value, written))
        }),
        serde_json::Value::Object(written) => value.members().is_some_and(|members| {
            members.len() == written.len()
                && written
                    .iter()
                    .all(|(name, written)| value.get(name).is_some_and(|value| equals(value, written)))
        }),
    }
}

/// Returns whether a value says nothing: null, empty text, or an empty list.
#[must_use]
pub fn is_blank(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Boolean(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Returns whether a value is the truth value `false`.
#[must_use]
pub const fn is_false(value: &Value<'_>) -> bool {
    matches!(value, Value::Boolean(false))
}

/// Returns JSON text cut short, for messages.
#[must_use]
pub fn excerpt(value: &Value<'_>) -> String {
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
            decimal(value.get("n").unwrap()).unwrap().to_string(),
            "1234567890123456789.123456789"
        );
        assert_eq!(scalar_text(value.get("m").unwrap()).unwrap(), "1.50");
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
    fn texts_are_read_with_their_escapes() {
        for (written, expected) in [
            (r#""""#, ""),
            (r#""a\"b\\c\/d""#, "a\"b\\c/d"),
            (r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
            (
                r#""é\u00e9\ud83d\ude00 long enough for several words""#,
                "éé😀 long enough for several words",
            ),
        ] {
            assert_eq!(parse_text(written).unwrap(), Value::Text(expected.into()), "{written}");
        }
        let wrong = [
            r#""a"#,
            r#""\x""#,
            r#""\u12""#,
            r#""\u+123""#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            "\"a\nb\"",
            "01",
            "1.",
            "-",
            "1e",
            ".5",
            "+1",
            "tru",
            "nul",
            "[1,]",
            "[1 2]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "[",
        ];
        for text in wrong {
            assert!(parse_text(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_text("{\n \"a\": x}").unwrap_err(),
            "the answer is not JSON (line 2, column 7)"
        );
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
        fn what_is_written_is_read_again(value in any_json(), text in "\\PC{0,20}[\u{0}-\u{20}\"\\\\]{0,9}") {
            let value = serde_json::json!([value, text]);
            for written in [value.to_string(), format!("{value:#}"), Value::from(&value).to_string()] {
                prop_assert_eq!(parse_text(&written).unwrap(), Value::from(&value));
            }
        }

        #[test]
        fn a_value_equals_itself(value in any_json()) {
            prop_assert!(equals(&Value::from(&value), &value));
        }
    }
}
