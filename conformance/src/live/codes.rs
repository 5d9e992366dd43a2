//! The words of a system and what the mapping makes of them: which it knows, and which it does not.

use std::collections::BTreeMap;

use lineshaft_connect::{
    blueprint::Blueprint,
    manifest::{FieldMapping, OneOrMany},
};
use lineshaft_schema::FieldType;
use serde_json::Value;

use super::outcome::{TypeOutcome, counted};
use crate::answer::word;

/// Words that are told of one field.
const TOLD: usize = 12;
const UNKNOWN: &str = "UNKNOWN";

/// The words of one field: what the system says and what becomes of it, with the records that have it.
struct Coded {
    field: String,
    words: BTreeMap<(String, String), Vec<String>>,
}

/// Tells of every enum of the records which words are not mapped: a failure for the status, unless it is told that there
/// are such, and for other fields when no word of theirs is. Of the status all words are told: people can compare them.
pub(super) fn tell(
    blueprint: &Blueprint,
    says_unknown: bool,
    nodes: &[Value],
    raw: &BTreeMap<String, Value>,
    outcome: &mut TypeOutcome,
) {
    for coded in all(blueprint, &outcome.entity, nodes, raw) {
        let is_status = coded.field == "status";
        if is_status {
            outcome.trials += 1;
            outcome.notes.extend(coded.known());
        }
        let Some(unknown) = coded.unknown(nodes.len()) else {
            continue;
        };
        if !is_status && coded.is_derived() {
            continue;
        }
        let hint = format!(
            "{0}: {unknown}; add it to `{0}` in mappings/{1}.yaml, or in a layer of mappings where it is this customer's own",
            coded.field, outcome.entity
        );
        if (is_status && !says_unknown) || coded.is_all_unknown() {
            outcome.failures.push(hint);
            outcome.trials += usize::from(!is_status);
        } else {
            outcome.notes.push(hint);
        }
    }
}

/// Tells whether a field, named by its path in a record, is an enum.
pub(super) fn is_enum(blueprint: &Blueprint, entity: &str, field: &str) -> bool {
    let catalogue = blueprint.catalogue();
    let names = field
        .split(['.', '[', ']'])
        .filter(|name| !name.is_empty() && !name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut kind = catalogue.type_named(entity).map(|def| FieldType::Object(def.index));
    for name in names {
        let (Some(FieldType::Object(index)) | Some(FieldType::Reference(index))) = kind else {
            return false;
        };
        let def = catalogue.type_at(index);
        kind = def.and_then(|def| def.field(name)).map(|field| field.kind);
    }
    matches!(kind, Some(FieldType::Enum(_)))
}

fn all(blueprint: &Blueprint, entity: &str, nodes: &[Value], raw: &BTreeMap<String, Value>) -> Vec<Coded> {
    let catalogue = blueprint.catalogue();
    let Some(def) = catalogue.type_named(entity) else {
        return Vec::new();
    };
    let Some(capability) = blueprint.capability(def.index) else {
        return Vec::new();
    };
    let enums = def.fields.values().filter(|field| {
        matches!(field.kind, FieldType::Enum(_)) && !field.list && capability.fields.contains_key(&field.index)
    });
    let coded = |name: &str| {
        let mut words: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for node in nodes.iter().filter(|node| !node[name].is_null()) {
            let said = said(blueprint, entity, name, node, raw);
            let place = (said.unwrap_or_default(), word(&node[name]).to_owned());
            words.entry(place).or_default().push(word(&node["remoteId"]).to_owned());
        }
        Coded {
            field: name.to_owned(),
            words,
        }
    };
    enums.map(|field| coded(&field.name)).collect()
}

/// Returns what the system itself says of a field of a record, where that can be told.
fn said(
    blueprint: &Blueprint,
    entity: &str,
    field: &str,
    node: &Value,
    raw: &BTreeMap<String, Value>,
) -> Option<String> {
    if field == "status" {
        let (code, label) = (&node["statusInfo"]["code"], &node["statusInfo"]["label"]);
        match (code.as_str(), label.as_str()) {
            (Some(code), Some(label)) if code != label => return Some(format!("{code} ({label})")),
            (Some(said), _) | (None, Some(said)) => return Some(said.to_owned()),
            (None, None) => {}
        }
    }
    let row = raw.get(word(&node["id"]))?;
    let resource = blueprint.manifest().resources.get(entity)?;
    let paths = match resource.fields.get(field)? {
        FieldMapping::Path(path) => std::slice::from_ref(path),
        FieldMapping::Full(full) => full.path.as_ref().map(OneOrMany::as_slice)?,
    };
    let found = paths.iter().find_map(|path| at(row, path));
    match found? {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

/// Follows a plain path; others are not followed.
fn at<'v>(row: &'v Value, path: &str) -> Option<&'v Value> {
    let step = |value: &'v Value, name: &str| match (value, name.parse::<usize>()) {
        (Value::Array(values), Ok(at)) => values.get(at),
        _ => value.get(name),
    };
    path.split('.')
        .try_fold(row, |value, name| step(value, name.trim_matches('"')))
}

impl Coded {
    fn is_all_unknown(&self) -> bool {
        !self.words.is_empty() && self.words.keys().all(|(_, means)| means == UNKNOWN)
    }

    /// Tells whether it is made of something else than one word of the system.
    fn is_derived(&self) -> bool {
        self.words.keys().all(|(said, _)| said.is_empty())
    }

    /// Tells the words that the mapping knows.
    fn known(&self) -> Option<String> {
        let known = self.words.iter().filter(|((_, means), _)| means != UNKNOWN);
        let told: Vec<String> = known
            .take(TOLD)
            .map(|((said, means), records)| match said.as_str() {
                "" => format!("{means} ({})", records.len()),
                said => format!("`{said}` is {means} ({})", records.len()),
            })
            .collect();
        (!told.is_empty()).then(|| format!("{} as mapped: {}", self.field, told.join(", ")))
    }

    /// Tells the words that the mapping does not know.
    fn unknown(&self, all: usize) -> Option<String> {
        let unknown: Vec<_> = self.words.iter().filter(|((_, means), _)| means == UNKNOWN).collect();
        let tell = |((said, _), records): &(&(String, String), &Vec<String>)| {
            let said = match said.as_str() {
                "" => "a word that the row does not show plainly".to_owned(),
                said => format!("`{said}`"),
            };
            let such = records.first().map(String::as_str).unwrap_or_default();
            format!("{said} ({}, such as {such})", records.len())
        };
        let told: Vec<String> = unknown.iter().take(TOLD).map(tell).collect();
        let number = unknown.iter().map(|(_, records)| records.len()).sum::<usize>();
        let is = if told.len() == 1 { "is" } else { "are" };
        (number > 0).then(|| {
            format!(
                "{} {is} not mapped, in {number} of {}",
                told.join(", "),
                counted(all, "record")
            )
        })
    }
}
