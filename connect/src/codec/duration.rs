//! Durations: numbers of some unit in the source, ISO 8601 in the unified model.

use lineshaft_schema::Value;
use rust_decimal::Decimal;

use super::{Irreversible, Literal, not, number};
use crate::{json, manifest::DurationUnit};

fn seconds_in(unit: DurationUnit) -> Decimal {
    Decimal::from(match unit {
        DurationUnit::Seconds => 1_u32,
        DurationUnit::Minutes => 60,
        DurationUnit::Hours => 3600,
        DurationUnit::Days => 86_400,
    })
}

/// Reads a number of units, a text that is one, or `{"seconds": n}`.
pub(super) fn decode(unit: DurationUnit, value: &json::Value<'_>) -> Result<Value, String> {
    let wrong = || not("a length of time", value);
    let seconds = match value.members() {
        Some(_) => value
            .get("seconds")
            .filter(|inner| !inner.is_object())
            .and_then(json::decimal),
        None => json::decimal(value).and_then(|number| number.checked_mul(seconds_in(unit))),
    };
    Ok(Value::text(&written(
        seconds.ok_or_else(wrong)?,
        unit == DurationUnit::Days,
    )))
}

pub(super) fn encode(unit: DurationUnit, text: &str) -> Result<Literal, Irreversible> {
    let seconds = seconds_of(text).ok_or(Irreversible)?;
    if written(seconds, unit == DurationUnit::Days) != text {
        return Err(Irreversible);
    }
    number::unscaled(seconds_in(unit), seconds)
}

/// Returns whether a text is a duration of ISO 8601.
pub(super) fn is_iso(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let Some(text) = text.strip_prefix('P') else {
        return false;
    };
    let (days, time) = text.split_once('T').unwrap_or((text, "0S"));
    let fits = |mut part: &str, units: &str| {
        let mut units = units.chars();
        while !part.is_empty() {
            let digits = part
                .bytes()
                .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
                .count();
            let Some(unit) = part.get(digits..).and_then(|rest| rest.chars().next()) else {
                return false;
            };
            if digits == 0 || !units.any(|known| known == unit) {
                return false;
            }
            part = part.get(digits + unit.len_utf8()..).unwrap_or_default();
        }
        true
    };
    !text.is_empty() && !time.is_empty() && fits(days, "YMWD") && fits(time, "HMS")
}

/// Writes seconds as ISO 8601. Days appear only when the source counts days: an hour is not a part of a working day.
fn written(seconds: Decimal, with_days: bool) -> String {
    let (day, hour, minute) = (Decimal::from(86_400), Decimal::from(3600), Decimal::from(60));
    let sign = if seconds.is_sign_negative() && !seconds.is_zero() {
        "-"
    } else {
        ""
    };
    let mut rest = seconds.abs().normalize();
    let mut take = |unit: Decimal| {
        let count = (rest / unit).floor();
        rest -= count * unit;
        count
    };
    let days = if with_days { take(day) } else { Decimal::ZERO };
    let (hours, minutes) = (take(hour), take(minute));
    let seconds = rest.normalize();
    let mut text = format!("{sign}P");
    let mut push = |count: Decimal, unit: char| {
        if !count.is_zero() {
            text.push_str(&count.to_string());
            text.push(unit);
        }
    };
    push(days, 'D');
    if !(hours.is_zero() && minutes.is_zero() && seconds.is_zero()) {
        text.push('T');
        let mut push = |count: Decimal, unit: char| {
            if !count.is_zero() {
                text.push_str(&count.to_string());
                text.push(unit);
            }
        };
        push(hours, 'H');
        push(minutes, 'M');
        push(seconds, 'S');
    }
    if text.ends_with('P') { "PT0S".to_owned() } else { text }
}

/// Returns the seconds of what `written` wrote.
fn seconds_of(text: &str) -> Option<Decimal> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (Decimal::NEGATIVE_ONE, rest),
        None => (Decimal::ONE, text),
    };
    let (days, time) = text
        .strip_prefix('P')
        .map(|text| text.split_once('T').unwrap_or((text, "")))?;
    let mut seconds = Decimal::ZERO;
    for (part, units) in [
        (days, [('D', 86_400_u32)].as_slice()),
        (time, &[('H', 3600), ('M', 60), ('S', 1)]),
    ] {
        let mut part = part;
        while let Some(at) = part.find(|character: char| character.is_ascii_alphabetic()) {
            let (count, rest) = part.split_at_checked(at)?;
            let unit = rest.chars().next()?;
            let (_, factor) = units.iter().find(|(known, _)| *known == unit)?;
            let count = json::decimal_of(count)?;
            seconds = seconds.checked_add(count.checked_mul(Decimal::from(*factor))?)?;
            part = rest.get(1..)?;
        }
        if !part.is_empty() {
            return None;
        }
    }
    seconds.checked_mul(sign)
}
