//! Reads values that clients write, as each type of field takes them.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde_json::Value;

use crate::systems::odoo::domain;
use crate::systems::odoo::error::OdooError;
use crate::systems::orm::{Field, Kind, Laid, Val};

/// How kept values are read again.
pub(in crate::systems::odoo) const LAID: Laid = Laid {
    read: |field, value| match value {
        Value::Array(ids) => Some(Val::Many(
            ids.iter()
                .filter_map(Value::as_u64)
                .filter_map(|id| u32::try_from(id).ok())
                .collect(),
        )),
        value => read("", field, value).ok(),
    },
    unchanged_is_null: false,
};

/// Reads a value for a field that is no list.
pub(super) fn read(model: &str, field: &Field, value: &Value) -> Result<Val, OdooError> {
    let wrong = || {
        let shown = value
            .as_str()
            .map_or_else(|| value.to_string(), |text| format!("'{text}'"));
        OdooError::value(format!("Wrong value for {model}.{}: {shown}", field.name))
    };
    if field.kind == Kind::Boolean {
        let is_true = match value {
            Value::Null | Value::Bool(false) => false,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            _ => true,
        };
        return Ok(Val::Bool(is_true));
    }
    Ok(match (field.kind, value) {
        (_, Value::Null | Value::Bool(false)) => Val::Null,
        (Kind::Integer, Value::Number(number)) => Val::Int(number.as_i64().ok_or_else(wrong)?),
        (Kind::Integer, Value::String(text)) => Val::Int(
            text.trim()
                .parse()
                .map_err(|_| OdooError::value(format!("invalid literal for int() with base 10: '{text}'")))?,
        ),
        (Kind::Float | Kind::Money | Kind::Span, Value::Number(number)) => {
            Val::Number(decimal(&number.to_string()).ok_or_else(wrong)?)
        }
        (Kind::Float | Kind::Money | Kind::Span, Value::String(text)) => Val::Number(
            decimal(text).ok_or_else(|| OdooError::value(format!("could not convert string to float: '{text}'")))?,
        ),
        (Kind::Char | Kind::Text, Value::String(text)) => Val::from(text.trim_end_matches('\u{0}')),
        (Kind::Html, Value::String(text)) => Val::from(html(text)),
        (Kind::Char | Kind::Text | Kind::Html, Value::Number(number)) => Val::Text(number.to_string()),
        (Kind::Selection, Value::String(text)) => {
            if !field.selection.iter().any(|(key, _)| key == text) {
                return Err(wrong());
            }
            Val::Text(text.clone())
        }
        (Kind::Date, Value::String(text)) => Val::Date(domain::day(text).map_err(OdooError::from_failure)?),
        (Kind::Moment, Value::String(text)) => domain::moment(text).map_err(OdooError::from_failure)?,
        (Kind::One, Value::Number(number)) => {
            let id = number.as_u64().and_then(|id| u32::try_from(id).ok());
            Val::One(id.ok_or_else(wrong)?)
        }
        _ => return Err(wrong()),
    })
}

fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| text.parse::<f64>().ok().and_then(Decimal::from_f64))
}

/// Plain text becomes a paragraph.
pub(super) fn html(text: &str) -> String {
    if text.is_empty() || text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    format!("<p>{text}</p>")
}

/// Returns the text of a piece of HTML, a line for each paragraph and break.
pub(super) fn plain(html: &str) -> String {
    let broken = html
        .replace("<br>", "\n")
        .replace("<br/>", "\n")
        .replace("<br />", "\n")
        .replace("</p>", "\n");
    let mut text = String::new();
    let mut is_tag = false;
    for letter in broken.chars() {
        match letter {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            letter if !is_tag => text.push(letter),
            _ => {}
        }
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ");
    text.replace("&amp;", "&").trim_end().to_owned()
}
