//! Entities of an organization's own, and unified types that the connector does not map: how the connector reads and
//! writes any object of the system, with what the overlay says of this one.

use lineshaft_schema::{FieldType, TypeDef};
use serde_json::{Map, Value as Json};

use super::{EntityOverlay, OverlayProblem, ProblemCode, RecordSource, apply::Applier};
use crate::manifest::{
    Resource,
    load::{self, escape},
};

/// Members of a mapping file that an overlay may set for an object that it maps. Requests are not among them: what may be
/// called beyond what the connector calls is said by `raw` alone.
const WORDS: &[&str] = &[
    "normalize",
    "literals",
    "scope",
    "list",
    "get_many",
    "seek",
    "custom_fields",
];

const OPERATIONS: &[&str] = &["create", "update", "delete"];

impl Applier<'_> {
    /// Returns what of the system the records of a type are, where the overlay says so, and the word that says it.
    pub(super) fn source_of(
        &self,
        def: &TypeDef,
        entity: &EntityOverlay,
        pointer: &str,
    ) -> Result<Option<(&'static str, RecordSource)>, OverlayProblem> {
        let name = &def.name;
        let is_unified = def.label.is_none();
        let taken = |word: &str, message: String, help: &str| {
            let problem = OverlayProblem::error(ProblemCode::NameTaken, format!("{pointer}/{word}"), message);
            Err(problem.with_help(help))
        };
        match (&entity.entity, &entity.from) {
            (None, None) => Ok(None),
            (Some(_), _) if is_unified => {
                let message = format!("`{name}` is an entity of the unified model");
                taken("entity", message, "say under `from` where its records come from")
            }
            (Some(own), None) => Ok(Some(("entity", own.source()))),
            (_, Some(_)) if !is_unified => {
                let message = format!("`{name}` is no type of the unified model");
                taken("from", message, "say under `entity` what of the system it is")
            }
            (_, Some(_)) if !self.spots(def).is_empty() => {
                let message = format!("this connector maps {name} itself");
                taken("from", message, "change where its fields come from under `fields`")
            }
            (_, Some(from)) => Ok(Some(("from", from.clone()))),
        }
    }

    /// Marks what refers to a type: its references are written and compared as the type's own keys are.
    pub(super) fn touch_referrers(&mut self, def: &TypeDef, origin: &str) {
        let refers = |name: &&String| {
            let of = self.catalogue.type_named(name);
            let mut fields = of.into_iter().flat_map(|of| of.fields.values());
            fields
                .any(|field| matches!(field.kind, FieldType::Reference(to) | FieldType::Object(to) if to == def.index))
        };
        let names: Vec<String> = self.applied.manifest.resources.keys().filter(refers).cloned().collect();
        for name in names {
            let at = format!("/resources/{}", escape(&name));
            self.applied.origins.add_fallback(at, origin);
            self.applied.touched.insert(name);
        }
    }

    /// Returns the resource of an object that the overlay maps, without fields.
    pub(super) fn custom_resource(&mut self, own: &RecordSource, pointer: &str) -> Option<Resource> {
        let before = self.errors();
        let discovery = self.applied.manifest.discovery.clone().unwrap_or_default();
        let Some(defaults) = discovery.resource else {
            let message = "this connector reads no objects besides those that it maps";
            self.tell(ProblemCode::InvalidMapping, pointer, message);
            return None;
        };
        self.check_remote(&own.remote, pointer);
        self.check_words(own, pointer);
        let mut whole = Json::Object(defaults);
        load::merge(&mut whole, &Json::Object(own.resource.clone()));
        let members = whole.as_object_mut()?;
        members.insert("remote".to_owned(), own.remote.clone().into());
        members.insert("fields".to_owned(), Json::Object(Map::new()));
        if let Some(key) = &own.key {
            with_key(members, key.as_slice(), &own.resource);
        }
        members.shift_remove("write");
        if let Some(write) = self.custom_write(own, discovery.write, pointer) {
            members.insert("write".to_owned(), Json::Object(write));
        }
        if !members.contains_key("key") {
            let message = "the connector does not say what identifies a record of this object";
            let problem = OverlayProblem::error(ProblemCode::InvalidMapping, format!("{pointer}/key"), message);
            let problem = problem.with_help("name the fields that do under `key`");
            self.applied.problems.push(problem);
            return None;
        }
        match serde_json::from_value(whole) {
            Ok(resource) if self.errors() == before => Some(resource),
            Ok(_) => None,
            Err(error) => {
                let message = format!("not a mapping of rows: {error}");
                self.tell(ProblemCode::InvalidMapping, format!("{pointer}/resource"), message);
                None
            }
        }
    }

    fn errors(&self) -> usize {
        let problems = self.applied.problems.iter();
        problems.filter(|problem| problem.is_error()).count()
    }

    /// Names of objects stand in addresses as they are.
    fn check_remote(&mut self, remote: &str, pointer: &str) {
        let fits = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | '$' | ':' | '/');
        let has_gap = remote.split('/').any(str::is_empty);
        if !self.applied.manifest.may_map(remote) {
            let message = format!("`{remote}` is not read: the connector excepts it");
            self.tell(ProblemCode::InvalidMapping, format!("{pointer}/remote"), message);
        } else if has_gap || remote.len() > 200 || remote.contains("..") || !remote.chars().all(fits) {
            let message = format!("`{remote}` is not the name of an object");
            let problem = OverlayProblem::error(ProblemCode::InvalidMapping, format!("{pointer}/remote"), message);
            let problem = problem.with_help("letters, digits, `_`, `-`, `.`, `$` and `:`, with `/` between them");
            self.applied.problems.push(problem);
        }
    }

    fn check_words(&mut self, own: &RecordSource, pointer: &str) {
        for (word, value) in &own.resource {
            let here = format!("{pointer}/resource/{}", load::escape(word));
            if !WORDS.contains(&word.as_str()) {
                let problem = OverlayProblem::error(
                    ProblemCode::InvalidMapping,
                    here,
                    format!("`{word}` cannot be changed for an object that the connector does not map"),
                );
                let problem = problem.with_help(format!("one of {}", WORDS.join(", ")));
                self.applied.problems.push(problem);
                continue;
            }
            if has_request(value) {
                let message = "requests are the connector's own and cannot be changed here";
                self.tell(ProblemCode::InvalidMapping, here, message);
            }
        }
    }

    /// Returns how the connector writes any object, with the operations that the entity names.
    fn custom_write(
        &mut self,
        own: &RecordSource,
        write: Option<Map<String, Json>>,
        pointer: &str,
    ) -> Option<Map<String, Json>> {
        for (at, word) in own.write.iter().enumerate() {
            let here = format!("{pointer}/write/{at}");
            if !OPERATIONS.contains(&word.as_str()) {
                let message = format!("`{word}` is not one of {}", OPERATIONS.join(", "));
                self.tell(ProblemCode::InvalidMapping, here, message);
            } else if write.as_ref().is_none_or(|write| !has_operation(write, word)) {
                let message = format!("this connector has no {word} for objects that it does not map");
                self.warn(ProblemCode::NotInvertible, here, message);
            }
        }
        let mut write = write.filter(|_| !own.write.is_empty())?;
        write.retain(|word, _| {
            let operation = if word == "soft_delete" { "delete" } else { word.as_str() };
            !OPERATIONS.contains(&operation) || own.write.iter().any(|named| named == operation)
        });
        write.insert("fields".to_owned(), Json::Object(Map::new()));
        Some(write)
    }
}

fn has_operation(write: &Map<String, Json>, word: &str) -> bool {
    write.contains_key(word) || (word == "delete" && write.contains_key("soft_delete"))
}

/// Sets the key, and takes away what was said of the parts of another one.
fn with_key(members: &mut Map<String, Json>, key: &[String], own: &Map<String, Json>) {
    members.insert("key".to_owned(), key.into());
    for word in ["literals", "normalize"] {
        let is_own = |part: &String| own.get(word).is_some_and(|parts| parts.get(part).is_some());
        if let Some(Json::Object(parts)) = members.get_mut(word) {
            parts.retain(|part, _| key.contains(part) || is_own(part));
        }
    }
    let by = members
        .get("seek")
        .and_then(|seek| seek.get("by"))
        .and_then(Json::as_str);
    let is_other = by.is_some_and(|by| !key.iter().any(|part| part == by));
    if is_other && !own.contains_key("seek") {
        members.shift_remove("seek");
    }
}

fn has_request(value: &Json) -> bool {
    match value {
        Json::Object(members) => members
            .iter()
            .any(|(name, value)| matches!(name.as_str(), "request" | "call" | "describe") || has_request(value)),
        Json::Array(list) => list.iter().any(has_request),
        _ => false,
    }
}
