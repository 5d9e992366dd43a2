//! Reads the resource path of a request: set, key, navigations and what is wanted of them.

use super::{
    Flavour,
    lexer::{self, Literal},
    problem::Problem,
};

/// One part of a path between slashes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    /// The name before the key.
    pub(crate) name: String,
    /// The parts of the key, if there is one; a single part may come without its name.
    pub(crate) key: Option<Vec<(Option<String>, Literal)>>,
}

/// Splits a decoded path into segments.
pub(crate) fn segments(path: &str, flavour: Flavour) -> Result<Vec<Segment>, Problem> {
    let parts = split(path, '/');
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| segment(part, flavour))
        .collect()
}

fn segment(part: &str, flavour: Flavour) -> Result<Segment, Problem> {
    let Some((name, rest)) = part.split_once('(') else {
        return Ok(Segment {
            name: part.to_owned(),
            key: None,
        });
    };
    let Some(inner) = rest.strip_suffix(')') else {
        return Err(Problem::bad(format!("Malformed key predicate in segment '{part}'.")));
    };
    if inner.trim().is_empty() {
        return Ok(Segment {
            name: name.to_owned(),
            key: None,
        });
    }
    let mut key = Vec::new();
    for pair in split(inner, ',') {
        key.push(key_part(pair, flavour)?);
    }
    Ok(Segment {
        name: name.to_owned(),
        key: Some(key),
    })
}

fn key_part(pair: &str, flavour: Flavour) -> Result<(Option<String>, Literal), Problem> {
    let is_name = |text: &str| text.chars().all(|symbol| symbol.is_alphanumeric() || symbol == '_');
    match pair.split_once('=') {
        Some((name, value)) if is_name(name.trim()) => {
            Ok((Some(name.trim().to_owned()), lexer::literal(value, flavour)?))
        }
        _ => Ok((None, lexer::literal(pair, flavour)?)),
    }
}

/// Splits at a separator that stands outside quotes and parentheses.
pub(crate) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quoted) = (0, 0_i32, false);
    for (place, symbol) in text.char_indices() {
        match symbol {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ if symbol == separator && !quoted && depth == 0 => {
                parts.push(text.get(start..place).unwrap_or_default());
                start = place + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}
