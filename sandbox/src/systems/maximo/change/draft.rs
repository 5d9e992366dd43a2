//! A write while it is carried out: a copy of the plant, the faults found so far, and what goes beside the plant because
//! it has no place there.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::clock;
use super::super::dataset::{child_table, id_of};
use super::super::problem::Problem;
use super::super::query::parse_moment;
use super::super::rows;
use super::super::structures::{CUSTOM_PREFIX, Structure};
use super::payload::decimal;
use crate::world::{Custom, CustomFields, LocationKind, World};
use crate::written::Written;

/// What is kept beside the plant.
pub(super) enum Note {
    Create(String, String, Map<String, Value>),
    Change(String, String, Map<String, Value>),
    Forget(String, String),
}

/// A write while it is carried out.
pub(super) struct Draft<'a> {
    pub(super) world: World,
    pub(super) structure: &'a Structure,
    /// The instant of the write.
    pub(super) at: DateTime<Utc>,
    pub(super) user: String,
    pub(super) faults: Vec<Problem>,
    pub(super) notes: Vec<Note>,
    pub(super) written: &'a Written,
}

impl Draft<'_> {
    /// Notes a required attribute that has no value.
    pub(super) fn require(&mut self, object: &str, values: &Map<String, Value>, names: &[&str]) {
        for name in names {
            if values.get(*name).is_none_or(Value::is_null) {
                self.faults.push(Problem::required(object, name));
            }
        }
    }

    /// Notes a value that is not valid.
    pub(super) fn invalid(&mut self, object: &str, attribute: &str, value: &str) {
        let text = format!("The value '{value}' is not valid for the attribute '{attribute}'");
        self.faults.push(Problem::value("BMXAA6819E", object, attribute, text));
    }

    /// Looks a reference up: nothing when it was not given, an inner nothing when it was emptied or is unknown, which is
    /// noted.
    pub(super) fn look_up(
        &mut self,
        object: &str,
        values: &Map<String, Value>,
        attribute: &str,
        find: impl Fn(&World, &str) -> Option<u32>,
    ) -> Option<Option<u32>> {
        let value = values.get(attribute)?;
        let Some(text) = value.as_str() else { return Some(None) };
        let found = find(&self.world, text);
        if found.is_none() {
            self.faults.push(unknown(object, attribute, text));
        }
        Some(found)
    }

    /// Ends the write of one record: what the plant has no place for, or shows otherwise, is kept beside it.
    pub(super) fn finish(&mut self, row: Value, wanted: Map<String, Value>, is_new: bool) -> String {
        let Value::Object(shown) = row else {
            return String::new();
        };
        let table = self.structure.name.clone();
        let key = id_of(&self.structure.id, &shown);
        let before = self.written.row(&table, &key).filter(|_| !is_new);
        let fields = wanted
            .into_iter()
            .filter(|(name, value)| {
                let is_kept = before.is_some_and(|row| row.fields.contains_key(name));
                is_kept || shown.get(name).unwrap_or(&Value::Null) != value
            })
            .collect();
        self.notes.push(if is_new {
            Note::Create(table, key.clone(), fields)
        } else {
            Note::Change(table, key.clone(), fields)
        });
        key
    }

    /// Keeps attributes of a child row that the plant has no place for.
    pub(super) fn keep_child(&mut self, child: &str, id: u32, values: &Map<String, Value>, names: &[&str]) {
        let fields: Map<String, Value> = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), values.get(*name)?.clone())))
            .collect();
        if !fields.is_empty() {
            let table = child_table(self.structure, child);
            self.notes.push(Note::Change(table, id.to_string(), fields));
        }
    }

    /// Writes the customer's own attributes; `known` are those of all records of the kind.
    pub(super) fn customize(
        &mut self,
        custom: &mut CustomFields,
        known: &[(&'static str, Custom)],
        values: &Map<String, Value>,
    ) {
        for (name, value) in values {
            let Some(key) = name.strip_prefix(CUSTOM_PREFIX) else {
                continue;
            };
            let Some((key, sample)) = known.iter().find(|(one, _)| *one == key) else {
                continue;
            };
            custom.retain(|(one, _)| one != key);
            if value.is_null() {
                continue;
            }
            match typed(value, sample) {
                Some(value) => custom.push((key, value)),
                None => {
                    let object = self.structure.object.clone();
                    self.invalid(&object, name, &value.to_string());
                }
            }
        }
    }
}

/// Returns one of each of the customer's attributes of a kind of record.
pub(super) fn samples<'a>(all: impl Iterator<Item = &'a CustomFields>) -> Vec<(&'static str, Custom)> {
    let mut found: Vec<(&'static str, Custom)> = Vec::new();
    for (key, value) in all.flatten() {
        if !found.iter().any(|(one, _)| one == key) {
            found.push((key, value.clone()));
        }
    }
    found
}

fn typed(value: &Value, sample: &Custom) -> Option<Custom> {
    Some(match sample {
        Custom::Text(_) => Custom::Text(value.as_str()?.to_owned()),
        Custom::Number(_) => Custom::Number(decimal(value)?),
        Custom::Flag(_) => Custom::Flag(value.as_bool()?),
        Custom::Date(_) => Custom::Date(value.as_str()?.parse().ok()?),
        Custom::Choice { options, .. } => {
            let value = options.iter().find(|option| Some(**option) == value.as_str())?;
            Custom::Choice {
                value: (*value).to_owned(),
                options,
            }
        }
    })
}

/// Returns the fault of a reference to nothing.
pub(super) fn unknown(object: &str, attribute: &str, value: &str) -> Problem {
    match attribute {
        "assetnum" => {
            let text = format!("Asset {value} is not a valid asset, or its status is not an operating status");
            Problem::value("BMXAA0090E", object, attribute, text)
        }
        "location" | "storeloc" => {
            let text = format!("Location {value} is not a valid location");
            Problem::value("BMXAA2661E", object, attribute, text)
        }
        _ => {
            let text = format!("The value '{value}' is not valid for the attribute '{attribute}'");
            Problem::value("BMXAA6819E", object, attribute, text)
        }
    }
}

/// Returns the text of an attribute when it was given; an emptied one is an empty text.
pub(super) fn text<'a>(values: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    values.get(name).map(|value| value.as_str().unwrap_or_default())
}

/// Returns the number of an attribute when it was given and has one.
pub(super) fn number(values: &Map<String, Value>, name: &str) -> Option<Decimal> {
    values.get(name).and_then(decimal)
}

/// Returns the moment of an attribute when it was given; an emptied one is an inner nothing.
pub(super) fn moment(values: &Map<String, Value>, name: &str) -> Option<Option<DateTime<Utc>>> {
    values.get(name).map(|value| value.as_str().and_then(parse_moment))
}

/// Returns the day of an attribute when it was given and has one.
pub(super) fn day(values: &Map<String, Value>, name: &str) -> Option<NaiveDate> {
    let text = values.get(name)?.as_str()?;
    text.get(..10)?.parse().ok()
}

/// Writes a moment as the server does.
pub(super) fn stamp(at: DateTime<Utc>) -> Value {
    clock::written(at).into()
}

/// Takes the markup off a long description.
pub(super) fn without_markup(text: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    let text = text.replace("<br />", "\n").replace("<br>", "\n");
    for letter in text.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if inside => {}
            other => plain.push(other),
        }
    }
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

pub(super) fn find_asset(world: &World, number: &str) -> Option<u32> {
    let found = world
        .assets
        .iter()
        .find(|asset| asset.number.eq_ignore_ascii_case(number));
    found.map(|asset| asset.id)
}

pub(super) fn find_vendor(world: &World, number: &str) -> Option<u32> {
    let found = world
        .vendors
        .iter()
        .find(|vendor| vendor.number.eq_ignore_ascii_case(number));
    found.map(|vendor| vendor.id)
}

pub(super) fn find_item(world: &World, number: &str) -> Option<u32> {
    let found = world.items.iter().find(|item| item.number.eq_ignore_ascii_case(number));
    found.map(|item| item.id)
}

pub(super) fn find_order(world: &World, number: &str) -> Option<u32> {
    let found = world
        .work_orders
        .iter()
        .find(|order| order.number.eq_ignore_ascii_case(number));
    found.map(|order| order.id)
}

pub(super) fn find_person(world: &World, id: &str) -> Option<u32> {
    let found = world.users.iter().find(|user| rows::person_id(&user.login) == id);
    found.map(|user| user.id)
}

pub(super) fn find_location(world: &World, code: &str) -> Option<u32> {
    let found = world
        .locations
        .iter()
        .find(|location| location.kind != LocationKind::Bin && location.code.eq_ignore_ascii_case(code));
    found.map(|location| location.id)
}

pub(super) fn find_storeroom(world: &World, code: &str) -> Option<u32> {
    let found = world.storerooms().find(|room| room.code.eq_ignore_ascii_case(code));
    found.map(|room| room.id)
}

/// Returns the place that stands for a Maximo site.
pub(super) fn site_location(world: &World, site: &str) -> Option<u32> {
    let mut sites = world
        .locations
        .iter()
        .filter(|location| location.kind == LocationKind::Site);
    match site {
        rows::FIRST_SITE => sites.next(),
        rows::SECOND_SITE => sites.nth(1),
        _ => None,
    }
    .map(|location| location.id)
}

/// Returns the site a new record gets: the one that was given, else the user's own.
pub(super) fn given_site(values: &Map<String, Value>) -> String {
    match text(values, "siteid") {
        Some(site) if !site.is_empty() => site.to_owned(),
        _ => rows::FIRST_SITE.to_owned(),
    }
}

/// Returns the id after the highest.
pub(super) fn next_id(ids: impl Iterator<Item = u32>) -> u32 {
    ids.max().unwrap_or_default() + 1
}

/// Returns the number a record gets by itself: the highest one of its kind and one more.
pub(super) fn next_number<'a>(prefix: &str, numbers: impl Iterator<Item = &'a str>, start: u64) -> String {
    let highest = numbers
        .filter_map(|number| number.strip_prefix(prefix)?.parse::<u64>().ok())
        .max()
        .unwrap_or(start);
    format!("{prefix}{}", highest + 1)
}
