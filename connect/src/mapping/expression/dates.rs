//! Dates in expressions: ISO texts in, ISO texts out; no clock and no zone of this machine.

use std::fmt::Write as _;

use chrono::{
    DateTime, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    format::{Item as Part, StrftimeItems},
};

/// A date, or a date with a time as it is written.
#[derive(Clone, Copy)]
pub(super) enum Moment {
    Day(NaiveDate),
    Local(NaiveDateTime),
    /// With an offset, which stays as it is.
    Zoned(DateTime<chrono::FixedOffset>),
}

impl Moment {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            let shown: String = text.chars().take(40).collect();
            format!("`{shown}` is not an ISO date")
        };
        if text.len() > 64 {
            return Err(wrong());
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(date));
        }
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Zoned(moment));
        }
        for format in [
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M",
        ] {
            if let Ok(moment) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(Self::Local(moment));
            }
        }
        Err(wrong())
    }

    pub(super) fn read(text: &str, format: &str) -> Result<Self, String> {
        check(format)?;
        let wrong = || {
            let shown: String = text.chars().take(40).collect();
            format!("`{shown}` is not a date in the format `{format}`")
        };
        if text.len() > 200 {
            return Err(wrong());
        }
        let text = text.trim();
        if let Ok(moment) = DateTime::parse_from_str(text, format) {
            return Ok(Self::Zoned(moment));
        }
        if let Ok(moment) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(Self::Local(moment));
        }
        NaiveDate::parse_from_str(text, format)
            .map(Self::Day)
            .map_err(|_| wrong())
    }

    pub(super) fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Local(moment) => moment.date(),
            Self::Zoned(moment) => moment.date_naive(),
        }
    }

    pub(super) fn format(self, format: &str) -> Result<String, String> {
        check(format)?;
        let mut text = String::new();
        let written = match self {
            Self::Day(day) => write!(text, "{}", day.and_time(NaiveTime::MIN).format(format)),
            Self::Local(moment) => write!(text, "{}", moment.format(format)),
            Self::Zoned(moment) => write!(text, "{}", moment.format(format)),
        };
        match written {
            Ok(()) => Ok(text),
            Err(_) => Err(format!("the date has nothing for the format `{format}`")),
        }
    }

    pub(super) fn iso(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Local(moment) => moment.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
            Self::Zoned(moment) => moment.to_rfc3339(),
        }
    }

    pub(super) fn later(self, amount: i64, unit: &str) -> Result<Self, String> {
        let days = |days: i64| -> Option<Self> {
            let count = Days::new(days.unsigned_abs());
            Some(match (self, days >= 0) {
                (Self::Day(day), true) => Self::Day(day.checked_add_days(count)?),
                (Self::Day(day), false) => Self::Day(day.checked_sub_days(count)?),
                (Self::Local(moment), true) => Self::Local(moment.checked_add_days(count)?),
                (Self::Local(moment), false) => Self::Local(moment.checked_sub_days(count)?),
                (Self::Zoned(moment), true) => Self::Zoned(moment.checked_add_days(count)?),
                (Self::Zoned(moment), false) => Self::Zoned(moment.checked_sub_days(count)?),
            })
        };
        let months = |months: i64| -> Option<Self> {
            let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
            Some(match (self, months >= 0) {
                (Self::Day(day), true) => Self::Day(day.checked_add_months(count)?),
                (Self::Day(day), false) => Self::Day(day.checked_sub_months(count)?),
                (Self::Local(moment), true) => Self::Local(moment.checked_add_months(count)?),
                (Self::Local(moment), false) => Self::Local(moment.checked_sub_months(count)?),
                (Self::Zoned(moment), true) => Self::Zoned(moment.checked_add_months(count)?),
                (Self::Zoned(moment), false) => Self::Zoned(moment.checked_sub_months(count)?),
            })
        };
        let seconds = |seconds: Option<i64>| -> Option<Self> {
            let delta = TimeDelta::try_seconds(seconds?)?;
            Some(match self {
                Self::Day(day) => Self::Local(day.and_time(NaiveTime::MIN).checked_add_signed(delta)?),
                Self::Local(moment) => Self::Local(moment.checked_add_signed(delta)?),
                Self::Zoned(moment) => Self::Zoned(moment.checked_add_signed(delta)?),
            })
        };
        let later = match unit.strip_suffix('s').unwrap_or(unit) {
            "day" => days(amount),
            "week" => amount.checked_mul(7).and_then(days),
            "month" => months(amount),
            "year" => amount.checked_mul(12).and_then(months),
            "hour" => seconds(amount.checked_mul(3600)),
            "minute" => seconds(amount.checked_mul(60)),
            "second" => seconds(Some(amount)),
            _ => return Err("the unit is days, weeks, months, years, hours, minutes or seconds".to_owned()),
        };
        later.ok_or_else(|| "the date is out of range".to_owned())
    }
}

fn check(format: &str) -> Result<(), String> {
    let is_wrong = format.len() > 100 || StrftimeItems::new(format).any(|part| matches!(part, Part::Error));
    match is_wrong {
        true => Err("the format is not one of strftime".to_owned()),
        false => Ok(()),
    }
}
