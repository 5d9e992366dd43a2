//! Values of SQL Server: what is bound, and columns as JSON without loss.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde_json::Value;
use tiberius::{ColumnData, ColumnType, ToSql, numeric::Numeric, time};

use crate::answer::{float, number, text};

/// Most digits of a number.
const MOST_DIGITS: usize = 38;

/// Returns a value as it is bound. A number with more digits than columns of exact numbers have is bound as a binary
/// one; nothing for one that is too large even for that.
pub(super) fn bound(value: &Value) -> Option<Box<dyn ToSql>> {
    Some(match value {
        Value::Null => Box::new(Option::<String>::None),
        Value::Bool(flag) => Box::new(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Box::new(number),
            None => match decimal(&number.to_string()) {
                Some(exact) => Box::new(exact),
                None => Box::new(number.as_f64().filter(|number| number.is_finite())?),
            },
        },
        Value::String(text) => Box::new(text.clone()),
        other => Box::new(other.to_string()),
    })
}

/// Reads an exact number, also one with an exponent.
fn decimal(shown: &str) -> Option<Numeric> {
    let (digits, exponent) = match shown.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (shown, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all = format!("{whole}{fraction}");
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if let Ok(missing) = usize::try_from(scale.checked_neg()?) {
        if missing > MOST_DIGITS {
            return None;
        }
        all.push_str(&"0".repeat(missing));
    }
    let scale = u8::try_from(scale.max(0)).ok()?;
    if all.trim_start_matches('-').len() > MOST_DIGITS || usize::from(scale) > MOST_DIGITS {
        return None;
    }
    Some(Numeric::new_with_scale(all.parse().ok()?, scale))
}

/// Writes the value of a column as JSON; nothing when it is none of its type.
pub(super) fn written(kind: ColumnType, value: &ColumnData<'_>) -> Option<String> {
    let some = match value {
        ColumnData::U8(value) => value.map(|value| value.to_string()),
        ColumnData::I16(value) => value.map(|value| value.to_string()),
        ColumnData::I32(value) => value.map(|value| value.to_string()),
        ColumnData::I64(value) => value.map(|value| value.to_string()),
        ColumnData::F32(value) => value.map(|value| float(value.into(), value.to_string())),
        // Money has four decimal places, which a binary number holds up to some hundred billions.
        ColumnData::F64(value) if matches!(kind, ColumnType::Money | ColumnType::Money4) => {
            value.map(|value| number(&format!("{value:.4}")))
        }
        ColumnData::F64(value) => value.map(|value| float(value, value.to_string())),
        ColumnData::Bit(value) => value.map(|value| value.to_string()),
        ColumnData::String(value) => value.as_deref().map(text),
        ColumnData::Guid(value) => value.map(|value| text(&value.to_string())),
        ColumnData::Binary(value) => value.as_deref().map(|bytes| text(&STANDARD.encode(bytes))),
        ColumnData::Numeric(value) => value.map(exact),
        ColumnData::Xml(value) => value.as_deref().map(|xml| text(xml.as_ref())),
        ColumnData::DateTime(None)
        | ColumnData::SmallDateTime(None)
        | ColumnData::Time(None)
        | ColumnData::Date(None)
        | ColumnData::DateTime2(None)
        | ColumnData::DateTimeOffset(None) => None,
        ColumnData::DateTime(Some(value)) => {
            let millis = (i64::from(value.seconds_fragments()) * 10 + 1) / 3;
            let time = midnight().checked_add_signed(TimeDelta::try_milliseconds(millis)?)?;
            Some(moment(since(1900, value.days().into())?, time.time())?)
        }
        ColumnData::SmallDateTime(Some(value)) => {
            let minutes = TimeDelta::try_minutes(value.seconds_fragments().into())?;
            let time = midnight().checked_add_signed(minutes)?;
            Some(moment(since(1900, value.days().into())?, time.time())?)
        }
        ColumnData::Time(Some(value)) => Some(text(&clock(time_of(*value)?))),
        ColumnData::Date(Some(value)) => Some(text(&since(1, value.days().into())?.to_string())),
        ColumnData::DateTime2(Some(value)) => {
            Some(moment(since(1, value.date().days().into())?, time_of(value.time())?)?)
        }
        // What is sent is the moment in UTC; the offset is only how it was written.
        ColumnData::DateTimeOffset(Some(value)) => {
            let value = value.datetime2();
            let shown = moment(since(1, value.date().days().into())?, time_of(value.time())?)?;
            Some(format!("{}Z\"", shown.trim_end_matches('"')))
        }
    };
    Some(some.unwrap_or_else(|| "null".to_owned()))
}

fn exact(value: Numeric) -> String {
    let scale = usize::from(value.scale());
    let digits = format!("{:0>width$}", value.value().unsigned_abs(), width = scale + 1);
    let sign = if value.value() < 0 { "-" } else { "" };
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{digits}"),
    }
}

fn since(year: i32, days: i64) -> Option<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
    match u64::try_from(days) {
        Ok(days) => first.checked_add_days(Days::new(days)),
        Err(_) => first.checked_sub_days(Days::new(days.unsigned_abs())),
    }
}

fn midnight() -> NaiveDateTime {
    NaiveDateTime::default()
}

fn time_of(value: time::Time) -> Option<NaiveTime> {
    let step = 10_i64.checked_pow(9_u32.checked_sub(value.scale().into())?)?;
    let nanoseconds = i64::try_from(value.increments()).ok()?.checked_mul(step)?;
    let moment = midnight().checked_add_signed(TimeDelta::nanoseconds(nanoseconds))?;
    (moment.date() == midnight().date()).then(|| moment.time())
}

fn clock(time: NaiveTime) -> String {
    time.format("%H:%M:%S%.f").to_string()
}

fn moment(date: NaiveDate, time: NaiveTime) -> Option<String> {
    Some(text(&format!("{date}T{}", clock(time))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::borrow::Cow;

    use proptest::prelude::*;
    use serde_json::json;
    use tiberius::Uuid;

    use super::*;

    #[test]
    fn columns_become_json_without_loss() {
        let time = |increments, scale| time::Time::new(increments, scale);
        let date = time::Date::new(739_617);
        let day = since(1, 739_617).unwrap();
        let two = time::DateTime2::new(date, time(1_234_567, 7));
        for (kind, value, json) in [
            (ColumnType::Int1, ColumnData::U8(Some(255)), "255".to_owned()),
            (ColumnType::Int8, ColumnData::I64(Some(i64::MAX)), i64::MAX.to_string()),
            (ColumnType::Bit, ColumnData::Bit(Some(false)), "false".to_owned()),
            (ColumnType::Float8, ColumnData::F64(Some(0.1)), "0.1".to_owned()),
            (ColumnType::Money, ColumnData::F64(Some(12.5)), "12.5000".to_owned()),
            (
                ColumnType::Numericn,
                ColumnData::Numeric(Some(Numeric::new_with_scale(-5, 3))),
                "-0.005".to_owned(),
            ),
            (
                ColumnType::Numericn,
                ColumnData::Numeric(Some(Numeric::new_with_scale(1_250, 2))),
                "12.50".to_owned(),
            ),
            (
                ColumnType::Numericn,
                ColumnData::Numeric(Some(Numeric::new_with_scale(7, 0))),
                "7".to_owned(),
            ),
            (
                ColumnType::NVarchar,
                ColumnData::String(Some(Cow::Borrowed("a\"é"))),
                "\"a\\\"é\"".to_owned(),
            ),
            (
                ColumnType::BigBinary,
                ColumnData::Binary(Some(Cow::Borrowed(b"ab"))),
                "\"YWI=\"".to_owned(),
            ),
            (
                ColumnType::Guid,
                ColumnData::Guid(Some(Uuid::nil())),
                format!("\"{}\"", Uuid::nil()),
            ),
            (ColumnType::Daten, ColumnData::Date(Some(date)), format!("\"{day}\"")),
            (
                ColumnType::Datetime2,
                ColumnData::DateTime2(Some(two)),
                format!("\"{day}T00:00:00.123456700\""),
            ),
            (
                ColumnType::DatetimeOffsetn,
                ColumnData::DateTimeOffset(Some(time::DateTimeOffset::new(two, 120))),
                format!("\"{day}T00:00:00.123456700Z\""),
            ),
            (
                ColumnType::Datetime,
                ColumnData::DateTime(Some(time::DateTime::new(1, 100))),
                "\"1900-01-02T00:00:00.333\"".to_owned(),
            ),
            (
                ColumnType::Datetime,
                ColumnData::DateTime(Some(time::DateTime::new(-1, 0))),
                "\"1899-12-31T00:00:00\"".to_owned(),
            ),
            (
                ColumnType::Datetime4,
                ColumnData::SmallDateTime(Some(time::SmallDateTime::new(0, 61))),
                "\"1900-01-01T01:01:00\"".to_owned(),
            ),
            (
                ColumnType::Timen,
                ColumnData::Time(Some(time(36_000, 0))),
                "\"10:00:00\"".to_owned(),
            ),
            (ColumnType::NVarchar, ColumnData::String(None), "null".to_owned()),
        ] {
            assert_eq!(written(kind, &value), Some(json));
        }
        let broken = ColumnData::Time(Some(time(u64::MAX, 7)));
        assert_eq!(written(ColumnType::Timen, &broken), None);
    }

    #[test]
    fn values_keep_their_types() {
        let data = |value: Value| bound(&value).map(|bound| format!("{:?}", bound.to_sql()));
        assert!(data(json!("1; DROP")).unwrap().starts_with("String"));
        assert!(data(json!(5)).unwrap().starts_with("I64"));
        assert!(data(json!(5.25)).unwrap().starts_with("Numeric"));
        assert!(data(json!(true)).unwrap().starts_with("Bit"));
        assert!(data(json!(null)).unwrap().starts_with("String(None"));
        assert!(decimal(&"9".repeat(39)).is_none());
        assert!(data(json!(0.000_001)).unwrap().starts_with("Numeric"));
        assert!(data(json!(1e300)).unwrap().starts_with("F64"));
        assert!(data(json!(1e-300)).unwrap().starts_with("F64"));
    }

    #[test]
    fn exponents_are_read_exactly() {
        for (shown, value, scale) in [
            ("1e-6", 1, 6),
            ("-1.25E-3", -125, 5),
            ("1.5e3", 1_500, 0),
            ("1.5e+0", 15, 1),
            ("0e0", 0, 0),
        ] {
            let read = decimal(shown).unwrap();
            assert_eq!((read.value(), read.scale()), (value, scale), "{shown}");
        }
        for shown in ["1e39", "1e-39", "1e2147483648", "1e-2147483648", "1e", "", "-"] {
            assert!(decimal(shown).is_none(), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn exact_numbers_come_back(value in -(10_i128.pow(37))..10_i128.pow(37), scale in 0_u8..38) {
            let shown = exact(Numeric::new_with_scale(value, scale));
            prop_assert_eq!(number(&shown), shown.clone());
            let read = decimal(&shown);
            if let Some(read) = read {
                prop_assert_eq!((read.value(), read.scale()), (value, scale));
            }
        }
    }
}
