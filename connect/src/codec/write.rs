//! Values written as the JSON of a source's rows. What would not be read as the same value again is refused.

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use lineshaft_schema::Value;
use serde_json::{Number, Value as Json, json};

use super::{CompiledCodec, Kind, Literal, RowForm, duration, number, text};
use crate::{
    dialect::{Constant, LiteralKind},
    json,
};

/// Why a value cannot be written.
const UNWRITABLE: &str = "the system cannot keep this value as it is";

impl CompiledCodec {
    /// Writes a value that is not null as the JSON of a row.
    ///
    /// # Errors
    /// Tells why no JSON is read as this value again.
    pub fn write(&self, value: &Value) -> Result<Json, String> {
        let written = self.candidate(value)?;
        if matches!(self.kind, Kind::Boolean(_)) && !self.list {
            // The tables say it themselves, also that the empty text means false.
            return Ok(written);
        }
        let read = self.decode(&json::Value::from(&written));
        if read.is_ok_and(|read| read == *value) {
            Ok(written)
        } else {
            Err(UNWRITABLE.to_owned())
        }
    }

    /// Returns whether values can be written at all.
    ///
    /// # Errors
    /// Tells why not.
    pub fn writes(&self) -> Result<(), String> {
        match &self.kind {
            Kind::Boolean(truth) if truth.written(true).is_none() || truth.written(false).is_none() => {
                Err("the table of truth values says only one of them".to_owned())
            }
            Kind::Words(words) if words.values().next().is_none() => Err("the table is empty".to_owned()),
            _ => Ok(()),
        }
    }

    /// Writes one part of the key of a referenced record, whose type in the source may be known.
    ///
    /// # Errors
    /// Tells why no record can have it.
    pub fn write_part(&self, part: &str, kind: Option<&LiteralKind>) -> Result<Json, String> {
        let text = match &self.kind {
            Kind::Text(form, _) => text::written(*form, part),
            // Text around the key makes it text, whatever the key is by itself.
            Kind::Prefixed(prefix, suffix) => return Ok(Json::String(format!("{prefix}{part}{suffix}"))),
            _ => return Err(UNWRITABLE.to_owned()),
        };
        match kind {
            None => Ok(Json::String(text)),
            Some(kind) => Constant::of(Literal::Text(text), Some(kind))
                .map(|constant| constant.json())
                .ok_or_else(|| "no record can have this key".to_owned()),
        }
    }

    /// Returns the values of a table that can be written; none when it has no table, so that any can.
    #[must_use]
    pub fn writable_values(&self) -> Option<Vec<Value>> {
        let Kind::Words(words) = &self.kind else { return None };
        let mut values: Vec<Value> = Vec::new();
        for value in words.values() {
            if !values.contains(value) && self.write(&self.in_list(value.clone())).is_ok() {
                values.push(value.clone());
            }
        }
        Some(values)
    }

    fn candidate(&self, value: &Value) -> Result<Json, String> {
        let Value::List(list) = value else {
            return self.write_one(value);
        };
        let elements = list
            .iter()
            .map(|element| self.write_one(element))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(separator) = &self.separator else {
            return Ok(Json::Array(elements));
        };
        let texts: Option<Vec<&str>> = elements.iter().map(Json::as_str).collect();
        texts
            .map(|texts| texts.join(separator).into())
            .ok_or_else(|| UNWRITABLE.to_owned())
    }

    fn write_one(&self, value: &Value) -> Result<Json, String> {
        let refused = || UNWRITABLE.to_owned();
        match (&self.kind, value) {
            (Kind::Text(..) | Kind::Prefixed(..), Value::Reference(key)) => match key.parts() {
                [part] => self.write_part(part, None),
                _ => Err(refused()),
            },
            (Kind::Text(form, _), Value::Text(text)) => Ok(text::written(*form, text).into()),
            (Kind::Prefixed(prefix, suffix), Value::Text(text)) => Ok(format!("{prefix}{text}{suffix}").into()),
            (Kind::Join(separator), Value::Text(text)) if separator.is_empty() => Ok(json!([text.as_str()])),
            (Kind::Join(separator), Value::Text(text)) => Ok(text.split(separator.as_ref()).collect()),
            (Kind::Duration(unit), Value::Text(text)) => {
                self.literal(duration::encode(*unit, text).map_err(|_| refused())?)
            }
            (Kind::Integer, Value::Integer(number)) => self.literal(Literal::Number(number.to_string())),
            (Kind::Decimal, Value::Decimal(decimal)) => self.literal(number::literal(*decimal)),
            (Kind::Scaled(factor), Value::Decimal(decimal)) => {
                self.literal(number::unscaled(*factor, *decimal).map_err(|_| refused())?)
            }
            (Kind::ScaledInteger(factor), Value::Integer(whole)) => {
                let literal = number::unscaled(*factor, rust_decimal::Decimal::from(*whole));
                self.literal(literal.map_err(|_| refused())?)
            }
            (Kind::Boolean(truth), Value::Boolean(value)) => truth.written(*value).ok_or_else(refused),
            (Kind::Date(form), Value::Date(date)) => self.literal(form.encode(*date).map_err(|_| refused())?),
            (Kind::Moment(form), value) => self.literal(form.encode(value).map_err(|_| refused())?),
            (Kind::Words(words), value) => {
                let literals = words.encode(value).map_err(|_| refused())?;
                let first = literals.into_iter().next().ok_or_else(refused)?;
                self.literal(first)
            }
            (Kind::Json, Value::Json(text)) => serde_json::from_str(text).map_err(|_| refused()),
            _ => Err(refused()),
        }
    }

    /// Writes a literal in the form of the rows.
    fn literal(&self, literal: Literal) -> Result<Json, String> {
        Ok(match (literal, self.form) {
            (Literal::Null, _) => Json::Null,
            (Literal::Text(text), _) => text.into(),
            (Literal::Boolean(value), _) => value.into(),
            (Literal::Number(digits), RowForm::NumberText) => digits.into(),
            (Literal::Number(digits), RowForm::ClassObject) => json!({"__class__": "Decimal", "decimal": digits}),
            (Literal::Number(digits), _) => exact_number(&digits).ok_or("the number has too many digits")?,
            (Literal::Date(date), RowForm::Ticks) => ticks(date.and_time(chrono::NaiveTime::MIN).and_utc()),
            (Literal::Date(date), RowForm::ClassObject) => date_object(date),
            (Literal::Date(date), _) => date.to_string().into(),
            (Literal::DateTime(moment), RowForm::Ticks) => ticks(moment),
            (Literal::DateTime(moment), RowForm::ClassObject) => moment_object(moment),
            (Literal::DateTime(moment), _) => moment.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string().into(),
            (Literal::LocalDateTime(local), _) => local.format("%Y-%m-%dT%H:%M:%S%.f").to_string().into(),
        })
    }
}

/// Returns digits as a JSON number; none when the number that JSON carries would be another.
pub(crate) fn exact_number(digits: &str) -> Option<Json> {
    let number: Number = serde_json::from_str(digits).ok()?;
    (json::decimal_of(&number.to_string())? == json::decimal_of(digits)?).then_some(Json::Number(number))
}

fn ticks(moment: DateTime<Utc>) -> Json {
    format!("/Date({})/", moment.timestamp_millis()).into()
}

fn date_object(date: NaiveDate) -> Json {
    json!({"__class__": "date", "year": date.year(), "month": date.month(), "day": date.day()})
}

fn moment_object(moment: DateTime<Utc>) -> Json {
    json!({
        "__class__": "datetime", "year": moment.year(), "month": moment.month(), "day": moment.day(),
        "hour": moment.hour(), "minute": moment.minute(), "second": moment.second(),
        "microsecond": moment.nanosecond() / 1000,
    })
}
