//! Finds the name of the field that an answer says is wrong, in the system's own words.

use regex::Regex;

use super::{Answer, parse_path, parse_pattern};
use crate::{
    blueprint::Problem,
    json,
    manifest::{FieldPlace, SpokenField},
    path::Path,
};

/// Where an answer names a field.
#[derive(Clone, Debug)]
pub(super) enum FieldName {
    /// As a value.
    Value(Path),
    /// Within a text.
    Within(Path, Regex),
    /// As the name of the first member of a table.
    Member(Path),
}

impl FieldName {
    pub(super) fn compile(field: &SpokenField, pointer: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let place = match field {
            SpokenField::Value(path) => return parse_path(path, pointer, problems).map(Self::Value),
            SpokenField::Place(place) => place,
        };
        match place {
            FieldPlace {
                path: Some(path),
                pattern: Some(pattern),
                names: None,
            } => {
                let path = parse_path(path, &format!("{pointer}/path"), problems);
                let pattern = parse_pattern(pattern, &format!("{pointer}/pattern"), problems)?;
                if !pattern.capture_names().any(|name| name == Some("field")) {
                    let problem = Problem::new(format!("{pointer}/pattern"), "there is no group `field`");
                    problems.push(problem.with_help("write `(?<field>…)` around what tells it"));
                }
                Some(Self::Within(path?, pattern))
            }
            FieldPlace {
                path: None,
                pattern: None,
                names: Some(names),
            } => parse_path(names, &format!("{pointer}/names"), problems).map(Self::Member),
            _ => {
                let problem = Problem::new(pointer, "it does not say where the name stands");
                problems.push(problem.with_help("give `path` and `pattern`, or `names`"));
                None
            }
        }
    }

    pub(super) fn of(&self, answer: &Answer<'_>) -> Option<String> {
        let body = answer.body()?;
        let name = match self {
            Self::Value(path) => json::scalar_text(path.first(body)?)?.to_owned(),
            Self::Within(path, pattern) => {
                let found = pattern.captures(json::scalar_text(path.first(body)?)?)?;
                found.name("field")?.as_str().to_owned()
            }
            Self::Member(path) => path.first(body)?.members()?.first()?.0.to_string(),
        };
        Some(name).filter(|name| !name.is_empty())
    }
}
