//! Days and instants in the many forms that systems write them.

use chrono::{
    DateTime, Datelike as _, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta,
    TimeZone as _, Utc,
    format::{Item, StrftimeItems},
};
use chrono_tz::Tz;
use lineshaft_schema::Value;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde_json::Map;

use super::{Irreversible, Literal, not};
use crate::{
    json,
    manifest::UnixUnit,
    template::{Scope, SecretMap, TextTemplate, Variables},
};

/// How a day is kept in the source.
#[derive(Clone, Debug)]
pub(super) enum DateForm {
    /// ISO 8601, an object of year, month and day, or `/Date(…)/`.
    Iso,
    /// In a format.
    Format(Box<str>),
}

impl DateForm {
    pub(super) fn new(format: Option<&str>) -> Result<Self, String> {
        Ok(match format {
            Some(format) => Self::Format(checked(format)?),
            None => Self::Iso,
        })
    }

    pub(super) fn decode(&self, value: &json::Value<'_>) -> Result<Value, String> {
        let date = match self {
            Self::Format(format) => {
                json::scalar_text(value).and_then(|text| NaiveDate::parse_from_str(text.trim(), format).ok())
            }
            Self::Iso => match value.as_str().map(str::trim) {
                Some(text) => iso_date(text).or_else(|| ms_date(text)),
                None => object(value).map(|(date, _)| date),
            },
        };
        date.map(Value::Date).ok_or_else(|| not("a date", value))
    }

    pub(super) fn encode(&self, date: NaiveDate) -> Result<Literal, Irreversible> {
        let Self::Format(format) = self else {
            return Ok(Literal::Date(date));
        };
        let text = date.format(format).to_string();
        let same = NaiveDate::parse_from_str(&text, format) == Ok(date);
        if same {
            Ok(Literal::Text(text))
        } else {
            Err(Irreversible)
        }
    }
}

/// How an instant is kept in the source.
#[derive(Clone, Debug)]
pub(super) struct MomentForm {
    kind: MomentKind,
    zone: Zone,
    /// Whether the unified field wants the day of the instant.
    as_date: bool,
}

#[derive(Clone, Debug)]
enum MomentKind {
    Iso,
    Format(Box<str>),
    Unix(UnixUnit),
}

/// The zone of date-times that do not tell theirs.
#[derive(Clone, Debug)]
enum Zone {
    /// Nobody said; they are taken as UTC and filters are written as instants.
    Implied,
    Fixed(Tz),
    /// A setting that is not known yet.
    Template(TextTemplate),
}

impl MomentForm {
    pub(super) fn new(format: Option<&str>, zone: Option<&str>, as_date: bool) -> Result<Self, String> {
        let mut form = Self::iso(zone, as_date)?;
        if let Some(format) = format {
            form.kind = MomentKind::Format(checked(format)?);
        }
        Ok(form)
    }

    pub(super) fn iso(zone: Option<&str>, as_date: bool) -> Result<Self, String> {
        let zone = match zone {
            None => Zone::Implied,
            Some(text) => {
                let template = TextTemplate::parse(text)?;
                if let Some(name) = template.variables().find(|name| !name.starts_with("settings.")) {
                    return Err(format!("the zone may only use settings, not `{name}`"));
                }
                match template.as_constant() {
                    Some(name) => Zone::Fixed(zone_named(name)?),
                    None => Zone::Template(template),
                }
            }
        };
        Ok(Self {
            kind: MomentKind::Iso,
            zone,
            as_date,
        })
    }

    pub(super) fn unix(unit: UnixUnit, as_date: bool) -> Self {
        Self {
            kind: MomentKind::Unix(unit),
            zone: Zone::Implied,
            as_date,
        }
    }

    pub(super) fn with_settings(&self, settings: &Map<String, serde_json::Value>) -> Result<Self, String> {
        let Zone::Template(template) = &self.zone else {
            return Ok(self.clone());
        };
        let none = SecretMap::new();
        let variables = Variables {
            settings,
            credentials: &none,
            session: &none,
        };
        let name = template.render(&Scope::new(&variables))?;
        let zone = if name.is_empty() {
            Zone::Implied
        } else {
            Zone::Fixed(zone_named(&name)?)
        };
        Ok(Self { zone, ..self.clone() })
    }

    pub(super) fn variables(&self) -> Vec<&str> {
        match &self.zone {
            Zone::Template(template) => template.variables().collect(),
            _ => Vec::new(),
        }
    }

    fn zone(&self) -> Result<Tz, String> {
        match &self.zone {
            Zone::Implied => Ok(Tz::UTC),
            Zone::Fixed(zone) => Ok(*zone),
            Zone::Template(_) => Err("the zone is a setting that is not known here".to_owned()),
        }
    }

    pub(super) fn decode(&self, value: &json::Value<'_>) -> Result<Value, String> {
        let zone = self.zone()?;
        let wrong = || not("a date and time", value);
        let moment = match &self.kind {
            MomentKind::Unix(unit) => match unix(*unit, value)? {
                Some(moment) => moment,
                None => return Ok(Value::Null),
            },
            MomentKind::Format(format) => {
                let text = json::scalar_text(value).ok_or_else(wrong)?;
                formatted(text.trim(), format, zone).ok_or_else(wrong)?
            }
            MomentKind::Iso => match value.as_str().map(str::trim) {
                Some(text) => iso(text, zone).or_else(|| ms_moment(text)).ok_or_else(wrong)?,
                None => object(value)
                    .map(|(date, time)| instant(date.and_time(time), zone))
                    .ok_or_else(wrong)?,
            },
        };
        if self.as_date {
            return Ok(Value::Date(moment.with_timezone(&zone).date_naive()));
        }
        Ok(Value::DateTime(moment))
    }

    pub(super) fn encode(&self, value: &Value) -> Result<Literal, Irreversible> {
        let zone = self.zone().map_err(|_| Irreversible)?;
        let moment = match value {
            Value::Date(date) if self.as_date => instant(date.and_time(NaiveTime::MIN), zone),
            Value::DateTime(moment) if !self.as_date => *moment,
            _ => return Err(Irreversible),
        };
        let literal = match &self.kind {
            MomentKind::Unix(unit) => unix_literal(*unit, moment)?,
            MomentKind::Format(format) => {
                let text = moment.with_timezone(&zone).format(format).to_string();
                if formatted(&text, format, zone) != Some(moment) {
                    return Err(Irreversible);
                }
                Literal::Text(text)
            }
            MomentKind::Iso => match self.zone {
                Zone::Implied => Literal::DateTime(moment),
                _ => {
                    let local = moment.with_timezone(&zone).naive_local();
                    if instant(local, zone) != moment {
                        return Err(Irreversible);
                    }
                    Literal::LocalDateTime(local)
                }
            },
        };
        // In zones that skip midnight, the start of a day may belong to another one.
        let same_day = !self.as_date || *value == Value::Date(moment.with_timezone(&zone).date_naive());
        if same_day { Ok(literal) } else { Err(Irreversible) }
    }
}

fn zone_named(name: &str) -> Result<Tz, String> {
    name.trim()
        .parse()
        .map_err(|_| format!("`{name}` is not the name of a time zone, such as `Europe/Berlin`"))
}

/// Checks a format in the notation of strftime.
fn checked(format: &str) -> Result<Box<str>, String> {
    if StrftimeItems::new(format).any(|item| item == Item::Error) {
        return Err(format!("`{format}` is not a format of strftime"));
    }
    Ok(format.into())
}

/// Returns the instant of a local time. Of the two instants of an hour that comes twice the earlier is meant; a time
/// that the clocks skip counts as the instant of the jump, so that later local times are never earlier instants.
pub(super) fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    if zone == Tz::UTC {
        return local.and_utc();
    }
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(moment) => moment.to_utc(),
        MappedLocalTime::Ambiguous(a, b) => a.min(b).to_utc(),
        MappedLocalTime::None => jump(local, zone),
    }
}

/// Finds the instant at which the clocks of a zone skip a local time.
fn jump(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let is_past = |seconds: i64| {
        let utc = local.and_utc() + TimeDelta::seconds(seconds);
        let offset = zone.offset_from_utc_datetime(&utc.naive_utc()).fix();
        utc.naive_utc() + TimeDelta::seconds(i64::from(offset.local_minus_utc())) > local
    };
    // No zone is further than 15 hours from UTC.
    let (mut before, mut after) = (-15 * 3600_i64, 15 * 3600_i64);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if is_past(middle) {
            after = middle
        } else {
            before = middle
        }
    }
    let moment = local.and_utc() + TimeDelta::seconds(after);
    // Clocks jump at whole seconds, whatever fraction the local time has.
    moment - TimeDelta::nanoseconds(i64::from(moment.timestamp_subsec_nanos()))
}

fn iso_date(text: &str) -> Option<NaiveDate> {
    let (day, rest) = text.split_at_checked(10)?;
    let ends = rest.is_empty() || rest.starts_with(['T', 't', ' ']);
    if !ends {
        return None;
    }
    plain_date(day).or_else(|| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok())
}

/// Reads the common form of a day without the notation of formats, which takes long for every row.
fn plain_date(text: &str) -> Option<NaiveDate> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = text.as_bytes() else {
        return None;
    };
    let year = number_of(&[a, b, c, d])?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number_of(&[e, f])?, number_of(&[g, h])?)
}

/// Reads the common form of a time of day.
fn plain_time(text: &str) -> Option<NaiveTime> {
    let (clock, part) = text.split_at_checked(8)?;
    let &[a, b, b':', c, d, b':', e, f] = clock.as_bytes() else {
        return None;
    };
    let nanos = match part.as_bytes() {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            let mut nanos = [b'0'; 9];
            nanos.get_mut(..digits.len())?.copy_from_slice(digits);
            number_of(&nanos)?
        }
        _ => return None,
    };
    NaiveTime::from_hms_nano_opt(number_of(&[a, b])?, number_of(&[c, d])?, number_of(&[e, f])?, nanos)
}

/// Reads at most nine digits.
fn number_of(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

fn iso(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // The basic form of a day.
        let day = NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
        return Some(instant(day.and_time(NaiveTime::MIN), zone));
    }
    let date = iso_date(text)?;
    let rest = text.get(10..)?;
    let Some(rest) = rest.get(1..) else {
        return Some(instant(date.and_time(NaiveTime::MIN), zone));
    };
    let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, offset) = rest.split_at_checked(end)?;
    let time = time.trim();
    let time = plain_time(time)
        .or_else(|| NaiveTime::parse_from_str(time, "%H:%M:%S%.f").ok())
        .or_else(|| NaiveTime::parse_from_str(time, "%H:%M").ok())?;
    let local = date.and_time(time);
    match offset {
        "" => return Some(instant(local, zone)),
        "Z" => return Some(local.and_utc()),
        _ => {}
    }
    offset_of(offset)?
        .from_local_datetime(&local)
        .single()
        .map(|moment| moment.to_utc())
}

/// Reads `Z`, `+01:00`, `+0100` or `+01`.
fn offset_of(text: &str) -> Option<FixedOffset> {
    if text.eq_ignore_ascii_case("z") {
        return FixedOffset::east_opt(0);
    }
    let east = text.starts_with('+');
    let digits: String = text.get(1..)?.chars().filter(|character| *character != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..)?.parse().unwrap_or(0);
    let seconds = hours * 3600 + minutes * 60;
    FixedOffset::east_opt(if east { seconds } else { -seconds })
}

fn formatted(text: &str, format: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_str(text, format) {
        return Some(moment.to_utc());
    }
    let local = NaiveDateTime::parse_from_str(text, format)
        .or_else(|_| NaiveDate::parse_from_str(text, format).map(|date| date.and_time(NaiveTime::MIN)))
        .ok()?;
    Some(instant(local, zone))
}

/// Takes `/Date(1490000000000+0060)/` apart: milliseconds since 1970 in UTC, and minutes from UTC.
fn ms_parts(text: &str) -> Option<(i64, i32)> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let sign = inner.get(1..)?.find(['+', '-']).map(|at| at + 1);
    let (ticks, offset) = inner.split_at_checked(sign.unwrap_or(inner.len()))?;
    let offset = if offset.is_empty() { 0 } else { offset.parse().ok()? };
    Some((ticks.parse().ok()?, offset))
}

fn ms_moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms_parts(text)?.0)
}

fn ms_date(text: &str) -> Option<NaiveDate> {
    let (ticks, offset) = ms_parts(text)?;
    let moment = DateTime::from_timestamp_millis(ticks)?;
    moment
        .checked_add_signed(TimeDelta::minutes(i64::from(offset)))
        .map(|moment| moment.date_naive())
}

/// Reads an object with `year`, `month`, `day` and perhaps `hour`, `minute`, `second`, `microsecond`.
fn object(value: &json::Value<'_>) -> Option<(NaiveDate, NaiveTime)> {
    let number = |name: &str| match value.get(name)? {
        json::Value::Number(number) => number.parse::<u32>().ok(),
        _ => None,
    };
    let year = i32::try_from(number("year")?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number("month")?, number("day")?).filter(|date| date.year() < 10_000)?;
    let part = |name: &str| number(name).unwrap_or(0);
    let time = NaiveTime::from_hms_micro_opt(part("hour"), part("minute"), part("second"), part("microsecond"))?;
    Some((date, time))
}

/// Reads seconds or milliseconds since 1970; 0 means nothing.
fn unix(unit: UnixUnit, value: &json::Value<'_>) -> Result<Option<DateTime<Utc>>, String> {
    let number = json::decimal(value).ok_or_else(|| not("a number", value))?;
    if number.is_zero() {
        return Ok(None);
    }
    let wrong = || not("a time since 1970", value);
    let seconds = match unit {
        UnixUnit::S => number,
        UnixUnit::Ms => number.checked_div(Decimal::ONE_THOUSAND).ok_or_else(wrong)?,
    };
    let whole = seconds.floor();
    let nanos = (seconds - whole)
        .checked_mul(Decimal::from(1_000_000_000_u32))
        .and_then(|nanos| nanos.trunc().to_u32());
    let moment = whole
        .to_i64()
        .zip(nanos)
        .and_then(|(whole, nanos)| DateTime::from_timestamp(whole, nanos));
    moment.map(Some).ok_or_else(wrong)
}

fn unix_literal(unit: UnixUnit, moment: DateTime<Utc>) -> Result<Literal, Irreversible> {
    let seconds = Decimal::from(moment.timestamp());
    let part = Decimal::new(i64::from(moment.timestamp_subsec_nanos()), 9);
    let mut number = seconds.checked_add(part).ok_or(Irreversible)?;
    if unit == UnixUnit::Ms {
        number = number.checked_mul(Decimal::ONE_THOUSAND).ok_or(Irreversible)?;
    }
    if number.is_zero() {
        Err(Irreversible)
    } else {
        Ok(super::number::literal(number))
    }
}
