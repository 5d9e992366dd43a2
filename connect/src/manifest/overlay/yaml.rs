//! Overlays as YAML: read with the line of everything, written so that the same overlay always gives the same text.

use serde_json::{Map, Value as Json};

use super::{Overlay, OverlayProblem, ProblemCode};
use crate::manifest::{
    load, shape,
    yaml::{self, Data, Node},
};

/// Most bytes of a document.
const MAX_BYTES: usize = 512 * 1024;

/// How deep a document may be nested.
const MAX_DEPTH: usize = 32;

/// How long a line may get before a table is written over several lines.
const WIDTH: usize = 100;

/// Where everything in a YAML text stands.
#[derive(Clone, Debug, Default)]
pub struct Lines(Option<Node>);

impl Lines {
    /// Returns the line, from 1, of what a JSON pointer leads to, or of the nearest thing around it.
    #[must_use]
    pub fn line(&self, pointer: &str) -> Option<usize> {
        self.0.as_ref().map(|root| root.locate(pointer).line)
    }

    /// Adds the lines to problems.
    pub fn fill(&self, problems: &mut [OverlayProblem]) {
        for problem in problems {
            problem.line = problem.line.or_else(|| self.line(&problem.pointer));
        }
    }
}

impl Overlay {
    /// Reads an overlay from YAML; an empty text is an overlay that changes nothing.
    ///
    /// # Errors
    /// Returns everything that does not fit the grammar, with lines.
    pub fn from_yaml(text: &str) -> Result<(Self, Lines), Vec<OverlayProblem>> {
        let wrong = |message: String| vec![OverlayProblem::error(ProblemCode::InvalidMapping, "", message)];
        if text.len() > MAX_BYTES {
            return Err(wrong(format!("the document is longer than {} KiB", MAX_BYTES / 1024)));
        }
        let documents = yaml::parse(text).map_err(|problems| {
            let told = problems.into_iter().map(|problem| OverlayProblem {
                line: Some(problem.place.line),
                ..OverlayProblem::error(ProblemCode::InvalidMapping, "", problem.message)
            });
            told.collect::<Vec<_>>()
        })?;
        let mut documents = documents.into_iter();
        let root = match (documents.next(), documents.next()) {
            (None, _) => return Ok((Self::new(), Lines::default())),
            (Some(root), None) if matches!(root.data, Data::Null) => return Ok((Self::new(), Lines::default())),
            (Some(root), None) => root,
            (Some(_), Some(_)) => return Err(wrong("the text holds more than one document".to_owned())),
        };
        let document = root.to_json();
        let lines = Lines(Some(root));
        match Self::from_json(&document) {
            Ok(overlay) => Ok((overlay, lines)),
            Err(mut problems) => {
                lines.fill(&mut problems);
                Err(problems)
            }
        }
    }

    /// Reads an overlay from JSON.
    ///
    /// # Errors
    /// Returns everything that does not fit the grammar.
    pub fn from_json(document: &Json) -> Result<Self, Vec<OverlayProblem>> {
        if is_deep(document, MAX_DEPTH) {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(vec![OverlayProblem::error(ProblemCode::InvalidMapping, "", message)]);
        }
        let findings = shape::check(shape::overlay_words(), document);
        if !findings.is_empty() {
            let told = findings.into_iter().map(|finding| OverlayProblem {
                help: finding.help,
                ..OverlayProblem::error(ProblemCode::InvalidMapping, finding.pointer, finding.message)
            });
            return Err(told.collect());
        }
        let overlay: Self = load::typed(document, "").map_err(|problem| {
            let problem = OverlayProblem::error(ProblemCode::InvalidMapping, problem.pointer, problem.message);
            vec![problem]
        })?;
        if overlay.mapping != 1 {
            let message = format!("version {} of the mapping language is not known", overlay.mapping);
            let problem = OverlayProblem::error(ProblemCode::InvalidMapping, "/mapping", message);
            return Err(vec![problem.with_help("write `mapping: 1`")]);
        }
        Ok(overlay)
    }

    /// Returns it as JSON, with short forms where they say the same.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut document = serde_json::to_value(self).unwrap_or_default();
        let entities = document.get_mut("entities").and_then(Json::as_object_mut);
        for entity in entities.into_iter().flat_map(Map::values_mut) {
            let fields = entity.get_mut("fields").and_then(Json::as_object_mut);
            fields.into_iter().flat_map(Map::values_mut).for_each(shorten);
            let custom = entity.get_mut("custom").and_then(Json::as_object_mut);
            let sources = custom.into_iter().flat_map(Map::values_mut);
            sources.filter_map(|custom| custom.get_mut("source")).for_each(shorten);
        }
        document
    }

    /// Returns it as YAML that reads as the same overlay.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        if let Json::Object(members) = self.to_json() {
            block(&members, 0, &mut text);
        }
        text
    }
}

fn is_deep(value: &Json, most: usize) -> bool {
    match value {
        Json::Array(list) => most == 0 || list.iter().any(|element| is_deep(element, most - 1)),
        Json::Object(members) => most == 0 || members.values().any(|member| is_deep(member, most - 1)),
        _ => false,
    }
}

/// Writes a mapping that is nothing but a path as the path.
fn shorten(source: &mut Json) {
    let path = match source.as_object() {
        Some(words) if words.len() == 1 => words.get("path").filter(|path| path.is_string()).cloned(),
        _ => None,
    };
    if let Some(path) = path {
        *source = path;
    }
}

/// How deep tables are always written over several lines: the entities and the lists of their fields.
const LEVELS: usize = 3;

fn block(members: &Map<String, Json>, level: usize, text: &mut String) {
    let indent = "  ".repeat(level);
    for (name, value) in members {
        let name = scalar(name);
        let line = format!("{indent}{name}: {}", flow(value));
        let fits = line.chars().count() <= WIDTH && level >= LEVELS;
        match value {
            Json::Object(inner) if !inner.is_empty() && !fits => {
                text.push_str(&format!("{indent}{name}:\n"));
                block(inner, level + 1, text);
            }
            Json::Array(list) if !list.is_empty() && !fits && level >= LEVELS => {
                text.push_str(&format!("{indent}{name}:\n"));
                for element in list {
                    text.push_str(&format!("{indent}  - {}\n", flow(element)));
                }
            }
            _ => {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
}

fn flow(value: &Json) -> String {
    match value {
        Json::String(text) => scalar(text),
        Json::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}: {}", scalar(name), flow(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Writes a text without quotes where every reader of YAML takes it for text.
fn scalar(text: &str) -> String {
    let mut signs = text.chars();
    let begins = signs
        .next()
        .is_some_and(|sign| sign.is_ascii_alphabetic() || sign == '_');
    let goes_on = signs.all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '-' | ' ' | '/'));
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    if begins && goes_on && !is_word && !text.ends_with(' ') {
        return text.to_owned();
    }
    quoted(text)
}

fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            '\r' => written.push_str("\\r"),
            // Signs that a reader may fold, drop or refuse.
            sign if sign.is_control()
                || matches!(sign, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                written.push_str(&format!("\\u{:04x}", u32::from(sign)));
            }
            sign => written.push(sign),
        }
    }
    written.push('"');
    written
}
