//! How far a connector is to be trusted, type by type: reckoned from where its facts come from, never set by hand.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    FieldMapping, Manifest, Mapping, Resource,
    load::{ManifestProblem, Shows, SourceKind, Spec, read_documents, specs_of_files, typed},
    shape, suggest,
};
use crate::blueprint::Problem;

/// The file that a test against a real server writes into the folder of the connector.
pub const VERIFIED: &str = "verified.yaml";

/// What can be done with a type, in the order in which the file tells it.
pub const OPERATIONS: [&str; 8] = ["list", "get", "load", "create", "update", "delete", "submit", "approve"];

/// Those of them that only read.
pub const READS: [&str; 3] = ["list", "get", "load"];

/// Keys of a mapping file that may be named as recalled, besides its fields.
const PARTS: [&str; 9] = [
    "remote",
    "key",
    "scope",
    "list",
    "get_many",
    "children",
    "seek",
    "custom_fields",
    "write",
];

/// How far something is to be trusted, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Trust {
    /// Some fact is recalled, or nothing tells where it comes from.
    Draft,
    /// From what the maker of the system has published.
    Documented,
    /// From recorded answers of a real server.
    Recorded,
    /// Read from a real server by a test.
    Verified,
}

impl Trust {
    /// Returns its name as people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Documented => "DOCUMENTED",
            Self::Recorded => "RECORDED",
            Self::Verified => "VERIFIED",
        }
    }
}

/// How far one type of a connector is to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeTrust {
    /// How far.
    pub trust: Trust,
    /// Why no further: what is recalled, or which sources there are.
    pub because: Vec<String>,
    /// What a test did with it on a real server, such as `list` and `create`.
    pub verified: Vec<String>,
}

/// How far a connector and each of its types are to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// That of the least trusted type.
    pub trust: Trust,
    /// By the name of the unified type.
    pub types: IndexMap<String, TypeTrust>,
    /// The server that a test has asked, with its version and the day.
    pub server: Option<Verified>,
    /// What of the evidence cannot be read; it then proves nothing.
    pub problems: Vec<String>,
}

impl Report {
    /// Returns the level as people read it; where other types are above it, with for how many it is.
    #[must_use]
    pub fn in_words(&self) -> String {
        let least = self.types.values().filter(|own| own.trust == self.trust).count();
        match self.types.len() {
            all if least < all => format!("{} ({least} of {all} types)", self.trust.name()),
            _ => self.trust.name().to_owned(),
        }
    }
}

/// What a test did with a real server. Nothing of any record stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Version of this file; 1.
    pub verified: u32,
    /// What was asked.
    pub server: String,
    /// The version that the server told; empty for systems that have none.
    #[serde(default)]
    pub version: String,
    /// The day when this was first so.
    pub on: String,
    /// What was done with each unified type, such as `list` and `create`.
    pub types: IndexMap<String, Vec<String>>,
    /// What of each type's mapping is marked as recalled and was there on the server. It counts as recalled no longer.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub seen: IndexMap<String, Vec<String>>,
}

impl Verified {
    /// Returns the server with its version, as people read it.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.server, self.version).trim_end().to_owned()
    }

    /// Writes the file, types in the order of their names and operations in that of [`OPERATIONS`]. `by` tells who has
    /// written it.
    #[must_use]
    pub fn to_yaml(&self, by: &str) -> String {
        let mut text = format!("# Written by {by}, which asks a real server; never by hand.\n");
        let mut line = |name: &str, value: &str| text.extend([name, ": ", value, "\n"]);
        line("verified", &self.verified.to_string());
        line("server", &plain_or_quoted(&self.server));
        if !self.version.is_empty() {
            line("version", &quoted(&self.version));
        }
        line("on", &quoted(&self.on));
        let lists = |all: &IndexMap<String, Vec<String>>| {
            let mut lines: Vec<String> = all
                .iter()
                .map(|(kind, names)| format!("  {kind}: [{}]\n", names.join(", ")))
                .collect();
            lines.sort_unstable();
            lines.concat()
        };
        let types = self.types.iter().map(|(kind, done)| (kind.clone(), in_order(done)));
        match lists(&types.collect()) {
            types if types.is_empty() => text.push_str("types: {}\n"),
            types => text.extend(["types:\n", &types]),
        }
        if !self.seen.is_empty() {
            text.extend(["seen:\n", &lists(&self.seen)]);
        }
        text
    }
}

/// Returns operations in their order, those that have none last.
fn in_order(done: &[String]) -> Vec<String> {
    let place = |operation: &String| OPERATIONS.iter().position(|known| known == operation);
    let mut done = done.to_vec();
    done.sort_by_key(|operation| place(operation).unwrap_or(OPERATIONS.len()));
    done.dedup();
    done
}

fn quoted(text: &str) -> String {
    // Texts of JSON are texts of YAML.
    serde_json::Value::from(text).to_string()
}

fn plain_or_quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphabetic();
    if !text.is_empty() && text.chars().all(is_plain) && !["true", "false", "null"].contains(&text) {
        return text.to_owned();
    }
    quoted(text)
}

/// Reads the file that a test against a real server has written.
///
/// # Errors
/// Tells what of it does not fit, with its place.
pub fn verified(text: &str) -> Result<Verified, Vec<ManifestProblem>> {
    let problem = |line: usize, column: usize, message: String| ManifestProblem {
        file: VERIFIED.to_owned(),
        line,
        column,
        path: String::new(),
        message,
        help: None,
    };
    let documents = read_documents(VERIFIED, text)?;
    let [root] = documents.as_slice() else {
        return Err(vec![problem(0, 0, "the file is not one document".to_owned())]);
    };
    let value = root.to_json();
    let findings = shape::check(&shape::schema_of::<Verified>(), &value);
    if findings.is_empty() {
        return typed(&value, "").map_err(|wrong: Problem| {
            let place = root.locate(&wrong.pointer);
            vec![problem(place.line, place.column, wrong.message)]
        });
    }
    let told = findings.into_iter().map(|finding| {
        let place = root.locate(&finding.pointer);
        problem(place.line, place.column, finding.message)
    });
    Err(told.collect())
}

/// Reckons how far a connector is to be trusted, from the files of its folder that tell where its facts come from.
#[must_use]
pub fn report<'f>(manifest: &Manifest, files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Report {
    let files: Vec<_> = files.into_iter().collect();
    let mut problems: Vec<String> = Vec::new();
    let mut told = |wrong: Vec<ManifestProblem>| problems.extend(wrong.iter().map(ToString::to_string));
    let specs = specs_of_files(files.iter().copied()).unwrap_or_else(|wrong| {
        told(wrong);
        Vec::new()
    });
    let server = files.iter().find(|(path, _)| *path == VERIFIED);
    let server = server.and_then(|(_, text)| verified(text).map_err(told).ok());
    let types: IndexMap<String, TypeTrust> = manifest
        .resources
        .iter()
        .map(|(name, resource)| (name.clone(), of_type(name, resource, &specs, server.as_ref())))
        .collect();
    Report {
        trust: types.values().map(|own| own.trust).min().unwrap_or(Trust::Draft),
        types,
        server,
        problems,
    }
}

/// What is recalled makes a draft of the type, whatever else is known of it, unless a test on a real server has seen it
/// there. Such a test makes up for specs that are only documented, and for rows that somebody recalled: it has read real
/// ones. Otherwise the weakest source counts, that of refusals among them; but refusals alone, without any row, prove
/// nothing. Specs without a type count for none.
fn of_type(name: &str, resource: &Resource, specs: &[Spec], server: Option<&Verified>) -> TypeTrust {
    let verified = server
        .and_then(|server| server.types.get(name))
        .cloned()
        .unwrap_or_default();
    let mut recalled = recalled(resource);
    let seen = server.filter(|_| !verified.is_empty());
    let seen = seen
        .and_then(|server| server.seen.get(name))
        .map_or(&[][..], Vec::as_slice);
    recalled.retain(|what| !seen.contains(what));
    let has_read = verified.iter().any(|done| READS.contains(&done.as_str()));
    let own: Vec<&Spec> = specs.iter().filter(|spec| spec.kind.as_deref() == Some(name)).collect();
    let mut because: Vec<String> = recalled.iter().map(|what| format!("`{what}` is recalled")).collect();
    for spec in &own {
        if matches!(&spec.source, Some(source) if source.kind == SourceKind::Recalled) {
            let what = match spec.shows {
                Shows::Row { .. } if has_read => continue,
                Shows::Row { .. } => "row",
                Shows::Exchange(_) => "answer",
            };
            because.push(format!("the {what} of `{}` in {} is recalled", spec.about, spec.file));
        }
    }
    let mut trust = Trust::Draft;
    if because.is_empty() && !verified.is_empty() {
        trust = Trust::Verified;
        because.extend(server.map(|server| format!("a test on {}", server.title())));
    } else if because.is_empty() && !own.iter().any(|spec| spec.shows_rows()) {
        because.push("no spec shows a row of it".to_owned());
    } else if because.is_empty() {
        let silent = own.iter().filter(|spec| spec.source.is_none());
        because.extend(silent.map(|spec| format!("`{}` in {} names no source", spec.about, spec.file)));
        if because.is_empty() {
            trust = own.iter().map(|spec| level(spec)).min().unwrap_or(Trust::Draft);
            for source in own.iter().filter_map(|spec| spec.source.as_ref()) {
                let version = source
                    .version
                    .as_ref()
                    .map(|version| format!(" ({version})"))
                    .unwrap_or_default();
                let told = format!("{}{version}", source.of);
                if !because.contains(&told) {
                    because.push(told);
                }
            }
        }
    }
    TypeTrust {
        trust,
        because,
        verified,
    }
}

fn level(spec: &Spec) -> Trust {
    match spec.source.as_ref().map(|source| source.kind) {
        Some(SourceKind::Server | SourceKind::Capture) => Trust::Recorded,
        Some(SourceKind::Documentation) => Trust::Documented,
        Some(SourceKind::Recalled) | None => Trust::Draft,
    }
}

/// Adds the names of the fields that are marked as recalled, those of embedded values behind a dot.
fn marked(fields: &Mapping, within: &str, names: &mut Vec<String>) {
    for (name, field) in fields {
        let FieldMapping::Full(full) = field else { continue };
        let name = format!("{within}{name}");
        if full.recalled && !names.contains(&name) {
            names.push(name.clone());
        }
        let below = format!("{name}.");
        let lists = full.lists.iter().flatten().map(|list| &list.each);
        let inner = full.object.iter().chain(&full.each).chain(full.list.iter().flatten());
        for inner in inner.chain(lists) {
            marked(inner, &below, names);
        }
    }
}

/// Returns what the mapping of a type marks as recalled: fields, values of fields, keys of its file.
#[must_use]
pub fn recalled(resource: &Resource) -> Vec<String> {
    let mut names = resource.recalled.clone();
    marked(&resource.fields, "", &mut names);
    names
}

/// Returns what mappings name as recalled though it is neither a field of theirs nor a part of the file.
pub(super) fn misnamed(manifest: &Manifest) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (kind, resource) in &manifest.resources {
        for (at, name) in resource.recalled.iter().enumerate() {
            let first = name.split('.').next().unwrap_or_default();
            if PARTS.contains(&first) || resource.fields.contains_key(first) {
                continue;
            }
            let known = resource.fields.keys().map(String::as_str).chain(PARTS);
            problems.push(Problem::new(
                format!("/resources/{kind}/recalled/{at}"),
                suggest::unknown("field", first, known),
            ));
        }
    }
    problems
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
