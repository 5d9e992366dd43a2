//! Prepares conditions for a described language: finds what it cannot hold, spells out what it has no form for, and moves
//! moments to those that it can write.

use serde_json::Value;

use super::{Own, literal::Content};
use crate::dialect::{Comparison, Constant, Expression};

/// A condition that the language can hold, as far as its comparisons go.
#[derive(Debug)]
pub(in crate::dialect) struct Prepared {
    pub(super) node: Node,
    /// Whether it lets through more than was asked for.
    pub(in crate::dialect) widened: bool,
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Native(Value),
    Leaf(Leaf),
}

/// A test of one field.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) name: String,
    pub(super) test: Test,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Compare(Comparison, Constant),
    In(Vec<Constant>),
    Missing(bool),
}

impl Node {
    pub(super) const fn is_leaf(&self) -> bool {
        matches!(self, Self::Leaf(_))
    }
}

/// Prepares a condition; nothing when one of its comparisons cannot be written.
pub(super) fn prepare(own: &Own, expression: &Expression) -> Option<Prepared> {
    let mut widened = false;
    let node = node(own, expression, &mut widened)?;
    Some(Prepared { node, widened })
}

fn node(own: &Own, expression: &Expression, widened: &mut bool) -> Option<Node> {
    let leaf = |name: &str, test: Test| {
        Node::Leaf(Leaf {
            name: name.to_owned(),
            test,
        })
    };
    match expression {
        Expression::All(parts) => {
            let mut flat = Vec::new();
            for part in parts {
                match node(own, part, widened)? {
                    Node::All(inner) => flat.extend(inner),
                    other => flat.push(other),
                }
            }
            Some(only(flat).unwrap_or_else(Node::All))
        }
        Expression::Any(parts) => {
            let mut flat = Vec::new();
            for part in parts {
                match node(own, part, widened)? {
                    Node::Any(inner) => flat.extend(inner),
                    other => flat.push(other),
                }
            }
            Some(only(flat).unwrap_or_else(Node::Any))
        }
        Expression::Compare {
            name,
            comparison,
            constant,
        } if own.is_name(name) => {
            own.form_of(*comparison)?;
            let (comparison, constant) = compared(own, *comparison, constant, widened)?;
            own.form_of(comparison)?;
            Some(leaf(name, Test::Compare(comparison, constant)))
        }
        Expression::Pattern { name, pattern } if own.is_name(name) => {
            let constant = Constant::Text(pattern.clone());
            holds(own, &constant).then(|| leaf(name, Test::Compare(Comparison::Eq, constant)))
        }
        Expression::In { name, constants } if own.is_name(name) => {
            if !constants
                .iter()
                .all(|constant| holds(own, constant) && own.kinds.around(constant).is_none())
            {
                return None;
            }
            if own.one_of.is_some() {
                let listed = constants.iter().all(|constant| stands_in_list(own, constant));
                return listed.then(|| leaf(name, Test::In(constants.clone())));
            }
            let each = |constant: &Constant| leaf(name, Test::Compare(Comparison::Eq, constant.clone()));
            Some(only(constants.iter().map(each).collect()).unwrap_or_else(Node::Any))
        }
        Expression::Missing { name, missing } if own.is_name(name) => {
            let form = if *missing { &own.missing } else { &own.present };
            form.as_ref()?;
            Some(leaf(name, Test::Missing(*missing)))
        }
        Expression::Native(native) => Some(Node::Native(native.clone())),
        _ => None,
    }
}

fn only(mut parts: Vec<Node>) -> Result<Node, Vec<Node>> {
    match parts.pop() {
        Some(only) if parts.is_empty() => Ok(only),
        Some(last) => {
            parts.push(last);
            Err(parts)
        }
        None => Err(parts),
    }
}

/// Returns a comparison with what the language can write, the same or a wider one.
fn compared(
    own: &Own,
    comparison: Comparison,
    constant: &Constant,
    widened: &mut bool,
) -> Option<(Comparison, Constant)> {
    if !holds(own, constant) {
        return None;
    }
    if matches!(comparison, Comparison::Contains | Comparison::StartsWith) {
        let Constant::Text(text) = constant else {
            return None;
        };
        return Some((comparison, own.sought(comparison, text)));
    }
    let Some((before, behind)) = own.kinds.around(constant) else {
        return Some((comparison, constant.clone()));
    };
    *widened = true;
    match comparison {
        Comparison::Gt | Comparison::Gte if own.compare.gte.is_some() => Some((Comparison::Gte, before)),
        Comparison::Gt | Comparison::Gte => Some((Comparison::Gt, before)),
        Comparison::Lt | Comparison::Lte if own.compare.lt.is_some() => Some((Comparison::Lt, behind)),
        Comparison::Lt | Comparison::Lte => Some((Comparison::Lte, behind)),
        _ => None,
    }
}

/// Returns whether a constant can be written and its text may stand in a condition.
fn holds(own: &Own, constant: &Constant) -> bool {
    let text_fits = match constant {
        Constant::Text(text) | Constant::Enum { value: text, .. } | Constant::Guid(text) => own.takes(text),
        _ => true,
    };
    text_fits && own.kinds.literal(constant).is_some()
}

/// Returns whether a constant may stand among others, where a sign separates them.
fn stands_in_list(own: &Own, constant: &Constant) -> bool {
    let Some(literal) = own.kinds.literal(constant) else {
        return false;
    };
    let is_bare = if own.is_text() {
        !literal.quoted && !own.has_parameters()
    } else {
        own.in_separator.is_some()
    };
    match (literal.content, own.in_separator.as_deref()) {
        (Content::Text(text), Some(separator)) if is_bare => {
            !text.trim().is_empty() && !text.contains(separator.trim()) && text.trim() == text
        }
        _ => true,
    }
}
