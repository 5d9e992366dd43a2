//! The tree of a parsed domain, and what differs between the dialects that write it.

use serde_json::Value;

use super::select::Failure;
use super::table::{Field, Val};

/// A parsed domain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Domain {
    All(Vec<Domain>),
    Any(Vec<Domain>),
    Not(Box<Domain>),
    Clause(Clause),
}

/// One condition of a domain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clause {
    /// Field names; all but the last are links.
    pub(crate) path: Vec<String>,
    pub(crate) operator: Operator,
    pub(crate) value: Value,
    /// A domain on the linked records, for `any` and `where`.
    pub(crate) inner: Option<Box<Domain>>,
}

/// What a clause compares by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Like { fold: bool, negate: bool },
    ChildOf,
    ParentOf,
    Matches { negate: bool },
}

impl Operator {
    /// Returns the operator this one is the contrary of.
    pub(crate) fn positive(self) -> Option<Self> {
        match self {
            Self::NotEqual => Some(Self::Equal),
            Self::NotIn => Some(Self::In),
            Self::Like { fold, negate: true } => Some(Self::Like { fold, negate: false }),
            Self::Matches { negate: true } => Some(Self::Matches { negate: false }),
            _ => None,
        }
    }
}

impl Domain {
    /// Says whether a clause names this field directly.
    pub(crate) fn names(&self, field: &str) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.names(field)),
            Self::Not(part) => part.names(field),
            Self::Clause(clause) => clause.path.len() == 1 && clause.path.first().is_some_and(|name| name == field),
        }
    }
}

/// What differs between systems when a domain is checked and evaluated.
pub(crate) trait Dialect {
    /// The field with a record's name.
    const NAME_FIELD: &'static str;
    /// The field with a record's parent, for `child_of`.
    fn parent_field(model: &str) -> &'static str;
    /// Reads a literal for a field; none stands for "no value".
    fn literal(field: &Field, value: &Value) -> Result<Val, Failure>;
    /// Nulls sort after values when ascending.
    const NULLS_LAST: bool;
}

/// Matches text against an SQL LIKE pattern with a backslash to escape.
pub(crate) fn like(text: &str, pattern: &str, fold: bool) -> bool {
    let (text, pattern) = if fold {
        (text.to_lowercase(), pattern.to_lowercase())
    } else {
        (text.to_owned(), pattern.to_owned())
    };
    let pattern = tokens(&pattern);
    let text: Vec<char> = text.chars().collect();
    // Dynamic programming over the text: `reached[i]` tells whether the pattern so far matches the
    // first `i` letters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for token in pattern {
        let mut next = vec![false; text.len() + 1];
        match token {
            Token::AnyText => {
                let mut seen = false;
                for (place, slot) in next.iter_mut().enumerate() {
                    seen |= reached[place];
                    *slot = seen;
                }
            }
            Token::AnyLetter => next[1..].copy_from_slice(&reached[..text.len()]),
            Token::Letter(letter) => {
                for (place, here) in text.iter().enumerate() {
                    next[place + 1] = reached[place] && *here == letter;
                }
            }
        }
        reached = next;
    }
    reached[text.len()]
}

enum Token {
    AnyText,
    AnyLetter,
    Letter(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut letters = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(letter) = letters.next() {
        tokens.push(match letter {
            '%' => Token::AnyText,
            '_' => Token::AnyLetter,
            '\\' => Token::Letter(letters.next().unwrap_or('\\')),
            letter => Token::Letter(letter),
        });
    }
    tokens
}
