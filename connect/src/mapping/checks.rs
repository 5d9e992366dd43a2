//! What an overlay loses, and what of it does not fit what the system tells of itself. Nothing here keeps it from being
//! used: errors are told when it is compiled.

use std::collections::HashMap;

use lineshaft_schema::{Catalogue, FieldDef, FieldType, TypeDef, Writable};
use serde_json::{Map, Value as Json};

use super::{FieldView, Selected, describe};
use crate::{
    blueprint::Blueprint,
    manifest::{
        load::escape,
        overlay::{Overlay, OverlayProblem, ProblemCode, apply},
        suggest,
    },
    write::{Described, DescribedField},
};

/// Compares a blueprint with the same one under an overlay, and both with what the system tells of its fields, as far as
/// `described` knows it by the name of a type. Returns warnings with pointers into the overlay.
#[must_use]
pub fn check(
    below: &Blueprint,
    above: &Blueprint,
    overlay: &Overlay,
    described: &dyn Fn(&str) -> Option<Described>,
) -> Vec<OverlayProblem> {
    let mut problems = apply(below.manifest(), overlay, above.catalogue()).problems;
    problems.retain(|problem| !problem.is_error());
    for (name, entity) in &overlay.entities {
        let Some(def) = above.catalogue().type_named(name) else {
            continue;
        };
        let pointer = format!("/entities/{}", escape(name));
        let before = views(below, name);
        let after = views(above, name);
        let known = described(name);
        let custom = entity.custom.iter().filter_map(|(field, custom)| {
            let pointer = format!("{pointer}/custom/{}/source", escape(field));
            Some((field, custom.source.as_ref()?.patch(), pointer))
        });
        let fields = entity.fields.iter().map(|(field, source)| {
            let pointer = format!("{pointer}/fields/{}", escape(field));
            (field, source.patch(), pointer)
        });
        for (field, patch, pointer) in fields.chain(custom) {
            let (Some(view), Some(def_field)) = (after.get(field), def.field(field)) else {
                continue;
            };
            if patch.hide == Some(true) {
                continue;
            }
            let place = Place {
                above,
                def,
                field: def_field,
                view,
                patch: &patch.mapping,
                pointer: &pointer,
            };
            if let Some(old) = before.get(field) {
                place.compare(old, &mut problems);
            }
            place.lossy(&mut problems);
            place.one_way(&mut problems);
            if let Some(known) = &known {
                place.remote(known, &mut problems);
            }
        }
    }
    problems
}

fn views(blueprint: &Blueprint, name: &str) -> HashMap<String, FieldView> {
    let def = blueprint.catalogue().type_named(name);
    let views = def.map(|def| describe(blueprint, def.index)).unwrap_or_default();
    views.into_iter().map(|view| (view.name.clone(), view)).collect()
}

/// One field that an overlay changes.
struct Place<'a> {
    above: &'a Blueprint,
    def: &'a TypeDef,
    field: &'a FieldDef,
    view: &'a FieldView,
    /// The words that the overlay itself says.
    patch: &'a Map<String, Json>,
    pointer: &'a str,
}

impl Place<'_> {
    /// Returns the pointer of a word, as far as the overlay says it.
    fn at(&self, word: &str) -> String {
        let is_short = self.patch.len() == 1 && self.patch.contains_key("path");
        match self.patch.contains_key(word) && !is_short {
            true => format!("{}/{word}", self.pointer),
            false => self.pointer.to_owned(),
        }
    }

    fn warn(&self, code: ProblemCode, word: &str, message: String) -> OverlayProblem {
        OverlayProblem::warning(code, self.at(word), message)
    }

    /// Tells what could be done with the field before and cannot any more.
    fn compare(&self, before: &FieldView, problems: &mut Vec<OverlayProblem>) {
        let name = &self.field.name;
        let loses = match (before.writable, self.view.writable) {
            (Writable::Always, Writable::OnCreate) => Some("changed later"),
            (Writable::Always | Writable::OnCreate, Writable::Never) => Some("written"),
            _ => None,
        };
        if let Some(what) = loses {
            let problem = self.warn(
                ProblemCode::LosesWrite,
                "write",
                format!("`{name}` can no longer be {what}"),
            );
            problems.push(problem.with_help("say with `write` where its value goes, such as `write: true`"));
        }
        let lost: Vec<&str> = before
            .filter_operators
            .iter()
            .filter(|operator| !self.view.filter_operators.contains(operator))
            .map(|operator| operator.name())
            .collect();
        if !lost.is_empty() {
            let message = format!("the system no longer filters `{name}` by {}", lost.join(", "));
            let problem = self.warn(ProblemCode::LosesFilter, "filter", message);
            problems.push(problem.with_help(format!("say so with `filter: [{}]`", lost.join(", "))));
        }
        if before.sortable && !self.view.sortable {
            let message = format!("the system no longer sorts by `{name}`");
            let problem = self.warn(ProblemCode::LosesFilter, "sort", message);
            problems.push(problem.with_help("say so with `sort: true`"));
        }
    }

    /// Tells what the codec loses of values.
    fn lossy(&self, problems: &mut Vec<OverlayProblem>) {
        let Some(words) = &self.view.mapping else { return };
        let name = &self.field.name;
        let is_written = self.view.writable != Writable::Never;
        let loses = match self.view.codec.as_deref() {
            Some("html_text") => Some(format!("`{name}` loses the marks of HTML")),
            Some("date_time" | "unix") if self.field.kind == FieldType::Date => {
                Some(format!("`{name}` loses the time of the day"))
            }
            Some("enum") if is_written => several_words(words)
                .map(|(value, several)| format!("{several} all mean {value}: only the first of them can be written")),
            Some("enum") => None,
            _ => None,
        };
        problems.extend(loses.map(|message| self.warn(ProblemCode::LossyCodec, "as", message)));
        if is_written && words.contains_key("default") && self.view.codec.as_deref() == Some("enum") {
            let message = format!(
                "values that are not in the table become the default of `{name}` and are lost when it is written back"
            );
            problems.push(self.warn(ProblemCode::LossyCodec, "default", message));
        }
    }

    /// Tells of values that are written and not read from where they were written.
    fn one_way(&self, problems: &mut Vec<OverlayProblem>) {
        let Some(words) = &self.view.mapping else { return };
        let word = ["expression", "cases", "compute", "constant", "digest"]
            .into_iter()
            .find(|word| words.contains_key(*word));
        if let Some(word) = word.filter(|_| self.view.writable != Writable::Never) {
            let message = format!(
                "`{}` is written as it is given but read by `{word}`: what was written may be read as something else",
                self.field.name
            );
            problems.push(self.warn(ProblemCode::NotInvertible, "write", message));
        }
    }

    /// Compares with what the system tells of its fields.
    fn remote(&self, described: &Described, problems: &mut Vec<OverlayProblem>) {
        let resource = self.above.resource(self.def.index);
        let Some(compiled) = resource.and_then(|resource| resource.mapping().field(self.field.index)) else {
            return;
        };
        let word = ["path", "keys", "expression", "cases", "compute", "object", "each"]
            .into_iter()
            .find(|word| self.patch.contains_key(*word))
            .unwrap_or("path");
        for selected in compiled.selects(None) {
            // Navigations and annotations are not described as fields.
            let Selected::Name(name) = selected else { continue };
            if name.starts_with('@') || name.starts_with('_') || is_known(described, &name) {
                continue;
            }
            let message = suggest::unknown("field of the system", &name, described.keys().map(String::as_str));
            let mut problem = self.warn(ProblemCode::UnknownRemoteField, word, message);
            problem.help = alike(described, &name);
            problems.push(problem);
        }
        let path = match self.view.mapping.as_ref().and_then(|words| words.get("path")) {
            Some(Json::String(path)) => path,
            _ => return,
        };
        if let Some(known) = described.get(path) {
            self.fits(known, problems);
        }
    }

    fn fits(&self, known: &DescribedField, problems: &mut Vec<OverlayProblem>) {
        if known.read_only == Some(true) && self.view.writable != Writable::Never {
            let message = format!("the system says that `{}` cannot be written", known.name);
            problems.push(self.warn(ProblemCode::NotInvertible, "write", message));
        }
        let Some(kind) = known.kind.as_deref() else { return };
        let codec = self.view.codec.as_deref().unwrap_or_default();
        let problem = match (remote_kind(kind), self.field.kind) {
            (Remote::Moment, FieldType::Date) if codec != "date_time" => {
                Some((ProblemCode::LossyCodec, "loses the time of the day".to_owned()))
            }
            (Remote::Decimal, FieldType::Integer) if codec != "scaled" => {
                Some((ProblemCode::LossyCodec, "loses what stands behind the point".to_owned()))
            }
            (Remote::Text | Remote::Structure, FieldType::Boolean) if codec == "boolean" && !self.has_tables() => {
                Some((ProblemCode::WrongType, "is read as a truth value".to_owned()))
            }
            (
                Remote::Boolean | Remote::Date | Remote::Moment | Remote::Structure,
                FieldType::Integer | FieldType::Decimal,
            )
            | (Remote::Boolean | Remote::Structure, FieldType::Date | FieldType::DateTime)
            | (Remote::Structure, FieldType::Text) => {
                let message = format!("is read as {}", self.field.type_name);
                Some((ProblemCode::WrongType, message)).filter(|_| !matches!(codec, "join" | "split" | "class_object"))
            }
            (Remote::Integer | Remote::Decimal, FieldType::Date | FieldType::DateTime) if codec != "unix" => {
                Some((ProblemCode::WrongType, format!("is read as {}", self.field.type_name)))
            }
            _ => None,
        };
        if let Some((code, message)) = problem {
            let message = format!("`{}` is {kind} in the system and {message}", known.name);
            problems.push(self.warn(code, "as", message));
        }
    }

    /// Returns whether the codec says which values mean true and false.
    fn has_tables(&self) -> bool {
        let words = self.view.mapping.as_ref();
        words
            .and_then(|words| words.get("as")?.get("boolean"))
            .is_some_and(|tables| tables.as_object().is_some_and(|tables| !tables.is_empty()))
    }
}

/// Returns a value that several words of the source mean.
fn several_words(words: &Map<String, Json>) -> Option<(String, String)> {
    let table = words.get("as")?.get("enum")?.as_object()?;
    let mut meanings: Vec<(&Json, Vec<&str>)> = Vec::new();
    for (word, value) in table {
        match meanings.iter_mut().find(|(known, _)| *known == value) {
            Some((_, several)) => several.push(word),
            None => meanings.push((value, vec![word])),
        }
    }
    let (value, several) = meanings.into_iter().find(|(_, several)| several.len() > 1)?;
    let several: Vec<String> = several.into_iter().map(|word| format!("`{word}`")).collect();
    Some((format!("`{}`", value.as_str()?), several.join(", ")))
}

fn is_known(described: &Described, name: &str) -> bool {
    let below = |known: &str| {
        known
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['.', '/', '[']))
    };
    described.contains_key(name) || described.keys().any(|known| below(known))
}

/// Tells the fields whose names or labels are like a name.
fn alike(described: &Described, name: &str) -> Option<String> {
    let plain = |text: &str| -> String {
        let signs = text.chars().filter(|sign| sign.is_alphanumeric());
        signs.flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(name);
    let is_alike = |field: &&DescribedField| {
        let label = field.label.as_deref().map(plain).unwrap_or_default();
        let known = plain(&field.name);
        !wanted.is_empty() && (known.contains(&wanted) || wanted.contains(&known) || label == wanted)
    };
    let names: Vec<String> = described
        .values()
        .filter(is_alike)
        .take(5)
        .map(|field| format!("`{}`", field.name))
        .collect();
    (!names.is_empty()).then(|| format!("like it: {}", names.join(", ")))
}

/// What kind of value a type of a system is, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remote {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
    Moment,
    Structure,
    Unknown,
}

fn remote_kind(name: &str) -> Remote {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("edm.").unwrap_or(&name);
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&[
        "many2one",
        "one2many",
        "many2many",
        "relation",
        "object",
        "array",
        "collection",
    ]) {
        Remote::Structure
    } else if has(&["bool", "yorn"]) {
        Remote::Boolean
    } else if has(&["datetime", "timestamp", "date-time"]) {
        Remote::Moment
    } else if name == "date" {
        Remote::Date
    } else if has(&["decimal", "double", "float", "monetary", "amount", "numeric"]) {
        Remote::Decimal
    } else if has(&["int", "byte"]) && !has(&["point"]) {
        Remote::Integer
    } else if has(&["char", "text", "string", "html", "selection", "enum", "guid"]) {
        Remote::Text
    } else {
        Remote::Unknown
    }
}

/// Tells what is no longer there of what an overlay changes: entities that the connector does not map any more, fields
/// that are not part of the model any more.
#[must_use]
pub fn no_longer_there(below: &Blueprint, overlay: &Overlay, catalogue: &Catalogue) -> Vec<OverlayProblem> {
    let problems = apply(below.manifest(), overlay, catalogue).problems.into_iter();
    let gone = problems.filter(|problem| {
        matches!(problem.code, ProblemCode::UnknownEntity | ProblemCode::UnknownField) && problem.is_error()
    });
    gone.map(|problem| OverlayProblem {
        code: ProblemCode::NoLongerThere,
        ..problem
    })
    .collect()
}
