//! The query languages of systems, each a module with `parse(input, columns)` that reads a condition.

use serde_json::Value;

use super::columns::Columns;
use super::condition::Condition;
use super::problem::Problem;

/// Reads a condition: from a text, or from JSON when the language is written in it.
type Parse = fn(&Value, &Columns) -> Result<Condition, Problem>;

/// Returns the parser of a language.
pub(crate) fn find(name: &str) -> Option<Parse> {
    LANGUAGES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, parse)| *parse)
}

/// The languages by name.
pub(crate) const LANGUAGES: &[(&str, Parse)] = &[];
