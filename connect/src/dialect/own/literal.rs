//! Values as a described language writes them, by type.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Number, Value};

use crate::{
    dialect::{Constant, constant::clock_text},
    manifest::{LiteralForm, Literals, UnixUnit},
};

const SECOND: i128 = 1_000_000_000;

/// How values of one type are written.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) quoted: bool,
    format: Option<String>,
    unix: Option<UnixUnit>,
    pub(super) form: Option<Value>,
    /// Nanoseconds between two moments that are written differently.
    step: i128,
}

/// A value before it is quoted.
pub(super) struct Literal<'l> {
    pub(super) content: Content,
    pub(super) quoted: bool,
    /// What stands around it.
    pub(super) form: Option<&'l Value>,
}

/// What a value says.
pub(super) enum Content {
    /// Text that may hold anything.
    Text(String),
    /// Something that cannot be taken for anything else: numbers, truth values.
    Safe(Value),
}

/// How values are written, by type.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    pub(super) string: Kind,
    number: Kind,
    boolean: Option<[Value; 2]>,
    date: Kind,
    datetime: Kind,
    moment: Kind,
    guid: Kind,
}

impl Kind {
    fn new(form: &LiteralForm, quoted: bool) -> Self {
        Self {
            quoted: form.quoted.unwrap_or(quoted && form.unix.is_none()),
            format: form.format.clone(),
            unix: form.unix,
            form: form.form.clone(),
            step: match (&form.unix, &form.format) {
                (Some(UnixUnit::S), _) => SECOND,
                (Some(UnixUnit::Ms), _) => SECOND / 1_000,
                (None, Some(format)) => step_of(format),
                (None, None) => 1,
            },
        }
    }

    fn literal(&self, content: Content) -> Literal<'_> {
        Literal {
            content,
            quoted: self.quoted,
            form: self.form.as_ref(),
        }
    }

    fn moment(&self, moment: &DateTime<Utc>, usual: String) -> Option<Literal<'_>> {
        let content = match (&self.unix, &self.format) {
            (Some(UnixUnit::S), _) => Content::Safe(moment.timestamp().into()),
            (Some(UnixUnit::Ms), _) => Content::Safe(moment.timestamp_millis().into()),
            (None, Some(format)) => Content::Text(shown(&moment.format(format))?),
            (None, None) => Content::Text(usual),
        };
        Some(self.literal(content))
    }
}

/// Returns the nanoseconds between two moments that a pattern shows differently.
fn step_of(format: &str) -> i128 {
    let has = |signs: &[&str]| signs.iter().any(|sign| format.contains(sign));
    if has(&["%.f", "%f", "%.9f", "%9f", "%+"]) {
        1
    } else if has(&["%.6f", "%6f"]) {
        1_000
    } else if has(&["%.3f", "%3f"]) {
        SECOND / 1_000
    } else if has(&["%S", "%T", "%s", "%X", "%c", "%r"]) {
        SECOND
    } else if has(&["%M", "%R"]) {
        60 * SECOND
    } else {
        86_400 * SECOND
    }
}

/// Formats; a pattern that asks for what the value does not have gives nothing.
fn shown(value: &impl std::fmt::Display) -> Option<String> {
    let mut text = String::new();
    write!(text, "{value}").ok()?;
    Some(text)
}

/// Returns whether a pattern can show moments.
pub(super) fn is_pattern(format: &str, of_date: bool) -> bool {
    let moment = DateTime::<Utc>::default();
    if of_date {
        shown(&moment.date_naive().format(format)).is_some()
    } else {
        shown(&moment.format(format)).is_some()
    }
}

impl Kinds {
    /// `quotes` tells whether there is a way to quote.
    pub(super) fn new(written: &Literals, quotes: bool) -> Self {
        let string = Kind::new(&written.string, quotes);
        let datetime = Kind::new(&written.datetime, quotes);
        Self {
            number: Kind::new(&written.number, false),
            boolean: <[Value; 2]>::try_from(written.boolean.clone()).ok(),
            date: Kind::new(&written.date, quotes),
            moment: match &written.datetimeoffset {
                Some(form) => Kind::new(form, quotes),
                None => datetime.clone(),
            },
            guid: written
                .guid
                .as_ref()
                .map_or_else(|| string.clone(), |form| Kind::new(form, quotes)),
            datetime,
            string,
        }
    }

    /// Returns a value as it is to be written; nothing when it cannot be.
    pub(super) fn literal(&self, constant: &Constant) -> Option<Literal<'_>> {
        Some(match constant {
            Constant::Null => return None,
            Constant::Text(text) | Constant::Enum { value: text, .. } => {
                self.string.literal(Content::Text(text.clone()))
            }
            Constant::Guid(text) => self.guid.literal(Content::Text(text.clone())),
            Constant::Number(text) if self.number.quoted => self.number.literal(Content::Text(text.clone())),
            Constant::Number(text) => self.number.literal(Content::Safe(number(text))),
            Constant::Boolean(flag) => {
                let written = self.boolean.as_ref().map(|[yes, no]| if *flag { yes } else { no });
                Literal {
                    content: Content::Safe(written.cloned().unwrap_or(Value::Bool(*flag))),
                    quoted: false,
                    form: None,
                }
            }
            Constant::Date(date) => {
                let text = match &self.date.format {
                    Some(format) => shown(&date.format(format))?,
                    None => date.to_string(),
                };
                match self.date.unix {
                    Some(_) => self
                        .date
                        .moment(&date.and_time(chrono::NaiveTime::MIN).and_utc(), text)?,
                    None => self.date.literal(Content::Text(text)),
                }
            }
            Constant::LocalMoment(moment) => self.datetime.moment(moment, clock_text(moment))?,
            Constant::Moment(moment) => self.moment.moment(moment, format!("{}Z", clock_text(moment)))?,
        })
    }

    /// Returns the last moment at or before a constant and the first one at or behind it that can be written; nothing
    /// when it is one itself.
    pub(super) fn around(&self, constant: &Constant) -> Option<(Constant, Constant)> {
        let (moment, step) = match constant {
            Constant::Moment(moment) => (moment, self.moment.step),
            Constant::LocalMoment(moment) => (moment, self.datetime.step),
            _ => return None,
        };
        let at = i128::from(moment.timestamp()) * SECOND + i128::from(moment.timestamp_subsec_nanos());
        let before = at.div_euclid(step) * step;
        let of = |nanoseconds: i128| {
            let seconds = i64::try_from(nanoseconds.div_euclid(SECOND)).ok()?;
            let rest = u32::try_from(nanoseconds.rem_euclid(SECOND)).ok()?;
            let moment = DateTime::from_timestamp(seconds, rest)?;
            Some(match constant {
                Constant::LocalMoment(_) => Constant::LocalMoment(moment),
                _ => Constant::Moment(moment),
            })
        };
        if before == at {
            return None;
        }
        Some((of(before)?, of(before + step)?))
    }
}

/// Returns a number as JSON; as text where JSON would change it.
fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    let number = text.parse::<f64>().ok().and_then(Number::from_f64);
    match number {
        Some(number) if text.len() <= 16 => Value::Number(number),
        _ => Value::from(text),
    }
}
