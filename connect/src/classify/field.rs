//! Finds the name of the one field that an answer says is wrong, in the system's own words.

use super::{Answer, parse_path, parse_pattern};
use crate::{blueprint::Problem, json, manifest::SpokenField, path::Path, pattern::Pattern};

/// Where an answer names a field.
#[derive(Clone, Debug)]
pub(super) enum FieldName {
    /// As a value.
    Value(Path),
    /// Within a text.
    Within(Path, Pattern),
}

impl FieldName {
    pub(super) fn compile(field: &SpokenField, pointer: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        match field {
            SpokenField::Value(path) => parse_path(path, pointer, problems).map(Self::Value),
            SpokenField::Within(text) => {
                let path = parse_path(&text.path, &format!("{pointer}/path"), problems);
                let pattern = parse_pattern(&text.pattern, &["field"], &format!("{pointer}/pattern"), problems);
                Some(Self::Within(path?, pattern?))
            }
        }
    }

    pub(super) fn of(&self, answer: &Answer<'_>) -> Option<String> {
        let body = answer.body()?;
        let name = match self {
            Self::Value(path) => json::scalar_text(path.first(body)?)?,
            Self::Within(path, pattern) => {
                let found = pattern.captures(json::scalar_text(path.first(body)?)?)?;
                found.name("field")?.as_str()
            }
        };
        Some(name.to_owned()).filter(|name| !name.is_empty())
    }
}
