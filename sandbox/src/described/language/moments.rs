//! Reads and writes dates by the formats of SQL functions, such as `YYYY-MM-DD"T"HH24:MI:SS`.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};

/// Reads a date or a point in time in the forms that rows hold.
pub(crate) fn any_moment(text: &str) -> Option<NaiveDateTime> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.naive_utc());
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            Some(
                NaiveDate::parse_from_str(text, "%Y-%m-%d")
                    .ok()?
                    .and_time(NaiveTime::MIN),
            )
        })
}

/// Reads a text by a format; anything that does not fit is none.
pub(crate) fn read_moment(text: &str, format: &str) -> Option<NaiveDateTime> {
    let (mut date, mut time) = ((1970, 1, 1), (0, 0, 0, 0_u32));
    let mut rest = text;
    for part in parts(format) {
        match part {
            Part::Literal(literal) => rest = rest.strip_prefix(literal)?,
            Part::Fraction => {
                let end = rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len());
                let (digits, after) = rest.split_at(end);
                let padded: String = format!("{digits:0<9}").chars().take(9).collect();
                time.3 = padded.parse().ok()?;
                rest = after;
            }
            Part::Field(field, length) => {
                let end = rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len());
                let (digits, after) = rest.split_at_checked(end.min(length))?;
                rest = after;
                let number: u32 = digits.parse().ok()?;
                match field {
                    Field::Year => date.0 = i32::try_from(number).ok()?,
                    Field::Month => date.1 = number,
                    Field::Day => date.2 = number,
                    Field::Hour => time.0 = number,
                    Field::Minute => time.1 = number,
                    Field::Second => time.2 = number,
                }
            }
        }
    }
    if !rest.is_empty() {
        return None;
    }
    NaiveDate::from_ymd_opt(date.0, date.1, date.2)?.and_hms_nano_opt(time.0, time.1, time.2, time.3)
}

/// Writes a moment by a format.
pub(crate) fn format_moment(moment: NaiveDateTime, format: &str) -> String {
    let mut text = String::new();
    for part in parts(format) {
        let _ = match part {
            Part::Literal(literal) => write!(text, "{literal}"),
            Part::Fraction => write!(text, "{:03}", moment.and_utc().timestamp_subsec_millis()),
            Part::Field(Field::Year, _) => write!(text, "{:04}", moment.year()),
            Part::Field(Field::Month, _) => write!(text, "{:02}", moment.month()),
            Part::Field(Field::Day, _) => write!(text, "{:02}", moment.day()),
            Part::Field(Field::Hour, _) => write!(text, "{:02}", moment.hour()),
            Part::Field(Field::Minute, _) => write!(text, "{:02}", moment.minute()),
            Part::Field(Field::Second, _) => write!(text, "{:02}", moment.second()),
        };
    }
    text
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

enum Part<'a> {
    Field(Field, usize),
    Fraction,
    Literal(&'a str),
}

const WORDS: [(&str, Option<Field>, usize); 9] = [
    ("YYYY", Some(Field::Year), 4),
    ("MM", Some(Field::Month), 2),
    ("DD", Some(Field::Day), 2),
    ("HH24", Some(Field::Hour), 2),
    ("HH", Some(Field::Hour), 2),
    ("MI", Some(Field::Minute), 2),
    ("SS", Some(Field::Second), 2),
    ("FF3", None, 0),
    ("FF", None, 0),
];

fn parts(format: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('"') {
            let (literal, after) = inner.split_once('"').unwrap_or((inner, ""));
            parts.push(Part::Literal(literal));
            rest = after;
            continue;
        }
        // The sign of decimals, whatever it is for the session.
        if let Some(after) = rest.strip_prefix("xFF").or_else(|| rest.strip_prefix("XFF")) {
            parts.push(Part::Literal("."));
            parts.push(Part::Fraction);
            rest = after;
            continue;
        }
        let word = WORDS.iter().find(|(word, _, _)| {
            let head = rest.get(..word.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(word))
        });
        let taken = match word {
            Some((word, Some(field), length)) => {
                parts.push(Part::Field(*field, *length));
                word.len()
            }
            Some((word, None, _)) => {
                parts.push(Part::Fraction);
                word.len()
            }
            None => {
                let length = rest.chars().next().map_or(1, char::len_utf8);
                parts.push(Part::Literal(rest.get(..length).unwrap_or_default()));
                length
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    parts
}
