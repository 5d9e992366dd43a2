//! Text, keys and codes.

use std::borrow::Cow;

use lineshaft_schema::Value;

use super::{Irreversible, Literal, duration, html, not};
use crate::json;

/// How text is kept in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// With blanks at the end.
    Trimmed,
    /// Numbers with zeros in front.
    LeadingZeros(usize),
    /// With tags and entities.
    Html,
}

/// What the scalar of the unified model promises about its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    None,
    Url,
    Currency,
    Country,
    Duration,
}

pub(super) fn decode(form: Form, check: Check, value: &json::Value<'_>) -> Result<Value, String> {
    let text = json::scalar_text(value).ok_or_else(|| not("text", value))?;
    let text = match form {
        Form::Plain => Cow::Borrowed(text),
        Form::Trimmed => text.trim_end().into(),
        Form::LeadingZeros(_) => without_zeros(text).into(),
        Form::Html => html::to_text(text).into(),
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match check {
        Check::None => Ok(Value::text(&text)),
        Check::Country => Ok(code(&text, 2).map_or(Value::Null, |code| Value::text(&code))),
        Check::Currency => code(&text, 3)
            .map(|code| Value::text(&code))
            .ok_or_else(|| not("a currency code", value)),
        Check::Url => {
            let address = text.trim();
            let absolute = url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if absolute {
                Ok(Value::text(address))
            } else {
                Err(not("a web address", value))
            }
        }
        Check::Duration => {
            let known = duration::is_iso(&text);
            if known {
                Ok(Value::text(&text))
            } else {
                Err(not("a duration", value))
            }
        }
    }
}

pub(super) fn encode(form: Form, check: Check, text: &str) -> Result<Literal, Irreversible> {
    let written = match form {
        Form::Plain => text.to_owned(),
        Form::Trimmed if text.trim_end() == text => text.to_owned(),
        Form::LeadingZeros(width) if without_zeros(text) == text => {
            if is_number(text) {
                format!("{text:0>width$}")
            } else {
                text.to_owned()
            }
        }
        Form::Trimmed | Form::LeadingZeros(_) | Form::Html => return Err(Irreversible),
    };
    // A code that is not in the form that decoding gives is held by no row as it is.
    let canonical = match check {
        Check::None | Check::Url | Check::Duration => true,
        Check::Country => code(text, 2).as_deref() == Some(text),
        Check::Currency => code(text, 3).as_deref() == Some(text),
    };
    if canonical {
        Ok(Literal::Text(written))
    } else {
        Err(Irreversible)
    }
}

/// Writes text as rows of the source keep it.
pub(super) fn written(form: Form, text: &str) -> String {
    match form {
        Form::Plain | Form::Trimmed => text.to_owned(),
        Form::LeadingZeros(width) if is_number(text) => format!("{text:0>width$}"),
        Form::LeadingZeros(_) => text.to_owned(),
        Form::Html => html::from_text(text),
    }
}

/// Reads what follows a fixed text; nothing when the value does not begin with it.
pub(super) fn between(prefix: &str, suffix: &str, value: &json::Value<'_>) -> Result<Value, String> {
    let text = json::scalar_text(value).ok_or_else(|| not("text", value))?;
    let rest = text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
    let rest = rest.filter(|rest| !rest.is_empty());
    Ok(rest.map_or(Value::Null, Value::text))
}

pub(super) fn join(separator: &str, value: &json::Value<'_>) -> Result<Value, String> {
    let Some(list) = value.elements() else {
        return json::scalar_text(value)
            .map(Value::text)
            .ok_or_else(|| not("a list of texts", value));
    };
    let mut parts = Vec::with_capacity(list.len());
    for element in list.iter().filter(|element| !json::is_blank(element)) {
        parts.push(json::scalar_text(element).ok_or_else(|| not("text", element))?);
    }
    Ok(if parts.is_empty() {
        Value::Null
    } else {
        Value::text(&parts.join(separator))
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_zeros(text: &str) -> &str {
    if !is_number(text) {
        return text;
    }
    match text.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    }
}

fn code(text: &str, letters: usize) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.len() != letters || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(text.into());
    }
    Some(text.to_ascii_uppercase().into())
}
