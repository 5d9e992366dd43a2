//! Tells the fields of rows from the rows themselves, for systems that do not describe them.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::{Described, DescribedField, MOST_FIELDS, ValueKind};
use crate::json::{self, Value};

/// How deep members of members are told.
const MOST_LEVELS: usize = 3;

/// Most values that are kept of one field.
const MOST_SAMPLES: usize = 5;

/// Most characters that are kept of one value.
const MOST_CHARACTERS: usize = 200;

/// Returns the fields that rows have, by path, with their types and some of their values. What is no JSON object is
/// passed over.
#[must_use]
pub fn infer(rows: &[Arc<str>]) -> Described {
    let mut found = IndexMap::new();
    for row in rows {
        if let Ok(row) = json::parse_text(row) {
            look_into(&row, "", 1, &mut found);
        }
    }
    let fields = found.into_iter().map(|(path, seen)| {
        let field = seen.field(path);
        (field.name.clone(), field)
    });
    Arc::new(fields.collect())
}

/// Returns a description with values of the rows, and with what the rows have besides.
#[must_use]
pub fn with_samples(described: &Described, rows: &[Arc<str>]) -> Described {
    let mut fields = (**described).clone();
    for (path, seen) in infer(rows).iter() {
        if let Some(field) = fields.get_mut(path) {
            field.samples.clone_from(&seen.samples);
            field.value_kind = field.value_kind.or(seen.value_kind);
        } else if fields.len() < MOST_FIELDS {
            fields.insert(path.clone(), seen.clone());
        }
    }
    Arc::new(fields)
}

/// What was seen of one field.
#[derive(Default)]
struct Seen {
    kind: Option<ValueKind>,
    samples: Vec<Json>,
    /// Whether it was false somewhere: some systems write it for what has no value.
    denied: bool,
    affirmed: bool,
    /// Whether it was an empty text somewhere.
    empty: bool,
}

impl Seen {
    fn take(&mut self, kind: ValueKind, sample: Json) {
        self.kind = Some(self.kind.map_or(kind, |known| known.or(kind)));
        if self.samples.len() < MOST_SAMPLES && !self.samples.contains(&sample) {
            self.samples.push(sample);
        }
    }

    fn field(mut self, path: String) -> DescribedField {
        let is_truth = self.affirmed || (self.denied && self.kind.is_none());
        if is_truth {
            if self.denied {
                self.take(ValueKind::Boolean, Json::Bool(false));
            }
            if self.affirmed {
                self.take(ValueKind::Boolean, Json::Bool(true));
            }
        }
        let kind = match self.kind {
            Some(ValueKind::Integer | ValueKind::Text) if names_a_key(&path) => Some(ValueKind::Reference),
            kind => kind.or(self.empty.then_some(ValueKind::Text)),
        };
        DescribedField {
            name: path,
            value_kind: kind,
            samples: self.samples,
            ..DescribedField::default()
        }
    }
}

fn look_into(row: &Value<'_>, before: &str, level: usize, found: &mut IndexMap<String, Seen>) {
    for (name, value) in row.members().unwrap_or_default() {
        // Annotations are about the row, not of it.
        if name.starts_with('@') || name.starts_with("__") || name.contains('"') || name.is_empty() {
            continue;
        }
        let path = join(before, name);
        if !found.contains_key(&path) && found.len() >= MOST_FIELDS {
            return;
        }
        see(value, path, level, found);
    }
}

fn see(value: &Value<'_>, path: String, level: usize, found: &mut IndexMap<String, Seen>) {
    let seen = found.entry(path.clone()).or_default();
    match value {
        Value::Null => {}
        Value::Boolean(true) => seen.affirmed = true,
        Value::Boolean(false) => seen.denied = true,
        Value::Number(text) => {
            let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            let kind = if is_whole {
                ValueKind::Integer
            } else {
                ValueKind::Decimal
            };
            seen.take(kind, sample(value));
        }
        Value::Text(text) if text.is_empty() => seen.empty = true,
        Value::Text(text) => seen.take(kind_of_text(text), sample(value)),
        Value::List(elements) => {
            // A key with a label is how Odoo writes a reference.
            if let [key @ Value::Number(_), label @ Value::Text(_)] = &elements[..] {
                seen.take(ValueKind::Reference, sample(value));
                if level < MOST_LEVELS {
                    for (at, part) in [(0, key), (1, label)] {
                        let path = format!("{path}.{at}");
                        let kind = if at == 0 { ValueKind::Reference } else { ValueKind::Text };
                        found.entry(path).or_default().take(kind, sample(part));
                    }
                }
                return;
            }
            seen.take(ValueKind::List, sample(value));
        }
        Value::Object(_) => {
            if let Some(kind) = kind_of_marked(value) {
                seen.take(kind, sample(value));
                return;
            }
            if value.get("__deferred").is_some() {
                found.shift_remove(&path);
                return;
            }
            let rows = value.get("results").filter(|rows| rows.elements().is_some());
            if rows.is_some() {
                seen.take(ValueKind::List, sample(value));
                return;
            }
            seen.take(ValueKind::Object, sample(value));
            if level < MOST_LEVELS {
                look_into(value, &path, level + 1, found);
            }
        }
    }
}

/// Returns what an object is that stands for one value, as Tryton writes them.
fn kind_of_marked(value: &Value<'_>) -> Option<ValueKind> {
    match value.get("__class__")?.as_str()? {
        "date" => Some(ValueKind::Date),
        "datetime" => Some(ValueKind::Datetime),
        "Decimal" => Some(ValueKind::Decimal),
        "timedelta" | "time" | "bytes" => Some(ValueKind::Text),
        _ => None,
    }
}

fn kind_of_text(text: &str) -> ValueKind {
    if NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() {
        return ValueKind::Date;
    }
    if is_moment(text) {
        return ValueKind::Datetime;
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_decimal = digits.split_once('.').is_some_and(|(whole, rest)| {
        let is_digits =
            |part: &str| !part.is_empty() && part.len() <= 28 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_digits(whole) && is_digits(rest)
    });
    if is_decimal {
        ValueKind::Decimal
    } else {
        ValueKind::Text
    }
}

fn is_moment(text: &str) -> bool {
    if text.strip_prefix("/Date(").is_some_and(|rest| rest.ends_with(")/")) {
        return true;
    }
    let start = text.get(..19).map(|start| start.replacen('T', " ", 1));
    let start = start.as_deref().or_else(|| text.get(..16));
    start.is_some_and(|start| {
        let start = start.replacen('T', " ", 1);
        NaiveDateTime::parse_from_str(&start, "%Y-%m-%d %H:%M:%S").is_ok()
            || NaiveDateTime::parse_from_str(&start, "%Y-%m-%d %H:%M").is_ok()
    })
}

/// Returns whether a field is named like the key of another record.
fn names_a_key(path: &str) -> bool {
    let (before, name) = path.rsplit_once('.').unwrap_or(("", path));
    let is_of_another = |end: &str| name.len() > end.len() && name.ends_with(end);
    is_of_another("_id") || is_of_another("Id") || is_of_another("ID") || (!before.is_empty() && name == "id")
}

/// Joins the name of a member to a path; what would end a name is quoted.
fn join(before: &str, name: &str) -> String {
    let is_plain = name
        .chars()
        .all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '$' | ':' | '/'));
    let name = if is_plain {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    };
    if before.is_empty() {
        name
    } else {
        format!("{before}.{name}")
    }
}

fn sample(value: &Value<'_>) -> Json {
    let cut = |text: &str| text.chars().take(MOST_CHARACTERS).collect::<String>();
    if let Value::Text(text) = value {
        return Json::String(cut(text));
    }
    let text = value.to_string();
    match serde_json::from_str(&text) {
        Ok(value) if text.chars().count() <= MOST_CHARACTERS => value,
        _ => Json::String(cut(&text)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{json::tests::any_json, path::Path};

    fn rows(values: &[Json]) -> Vec<Arc<str>> {
        values.iter().map(|value| value.to_string().into()).collect()
    }

    #[test]
    fn types_are_told_from_values() {
        let described = infer(&rows(&[
            json!({"id": 7, "name": "Gauge", "due": "2026-11-22", "at": "2026-11-22T08:00:00Z", "deviation": 0.25, "ok": false,
                "price": "12.50", "asset_id": [4, "Pump"], "vendor": {"id": 3, "address": {"city": "Bedford", "geo": {"x": 1}}},
                "parent_id": 4, "tags": ["a"], "note": false, "@odata.etag": "W/1", "to_Item": {"__deferred": {"uri": "x"}},
                "when": {"__class__": "date", "year": 2026, "month": 1, "day": 2}, "odd.name": 1}),
            json!({"id": 8, "due": "2026-11-23", "deviation": 3, "ok": true, "note": "x", "asset_id": false}),
        ]));
        let kind = |name: &str| described.get(name).and_then(|field| field.value_kind);
        let wanted = [
            ("id", ValueKind::Integer),
            ("name", ValueKind::Text),
            ("due", ValueKind::Date),
            ("at", ValueKind::Datetime),
            ("deviation", ValueKind::Decimal),
            ("ok", ValueKind::Boolean),
            ("price", ValueKind::Decimal),
            ("asset_id", ValueKind::Reference),
            ("asset_id.0", ValueKind::Reference),
            ("asset_id.1", ValueKind::Text),
            ("vendor", ValueKind::Object),
            ("vendor.id", ValueKind::Reference),
            ("vendor.address.city", ValueKind::Text),
            ("parent_id", ValueKind::Reference),
            ("tags", ValueKind::List),
            ("note", ValueKind::Text),
            ("when", ValueKind::Date),
            ("\"odd.name\"", ValueKind::Integer),
        ];
        for (name, wanted) in wanted {
            assert_eq!(kind(name), Some(wanted), "{name}");
        }
        for absent in ["@odata.etag", "to_Item", "vendor.address.geo.x", "when.year"] {
            assert!(!described.contains_key(absent), "{absent}");
        }
        assert_eq!(described["due"].samples, [json!("2026-11-22"), json!("2026-11-23")]);
        assert_eq!(described["note"].samples, [json!("x")]);
    }

    #[test]
    fn long_values_are_cut() {
        let described = infer(&rows(&[json!({"text": "ä".repeat(900), "list": vec!["abc"; 200]})]));
        for name in ["text", "list"] {
            assert_eq!(described[name].samples[0].as_str().unwrap().chars().count(), 200);
        }
    }

    #[test]
    fn a_description_gets_samples_and_what_it_lacks() {
        let field = DescribedField {
            name: "x_due".to_owned(),
            kind: Some("date".to_owned()),
            ..DescribedField::default()
        };
        let described: Described = Arc::new([("x_due".to_owned(), field)].into_iter().collect());
        let both = with_samples(&described, &rows(&[json!({"x_due": "2026-01-02", "more": 1})]));
        assert_eq!(both["x_due"].samples, [json!("2026-01-02")]);
        assert_eq!(both["x_due"].kind.as_deref(), Some("date"));
        assert_eq!(both["more"].value_kind, Some(ValueKind::Integer));
    }

    proptest! {
        #[test]
        fn any_rows_have_fields_with_paths(values in proptest::collection::vec(any_json(), 0..5)) {
            for (path, field) in infer(&rows(&values)).iter() {
                prop_assert!(Path::parse(path).is_ok(), "{path}");
                prop_assert!(field.samples.len() <= MOST_SAMPLES);
            }
        }
    }
}
