//! Writes conditions as JSON: trees, or lists whose elements say how they are joined.

use serde_json::Value;

use super::{
    JsonForm, Own,
    fill::{fill, fill_json},
    literal::{Content, Literal},
    prepare::{Leaf, Node, Test},
};
use crate::{
    dialect::{Constant, Written},
    manifest::{Flat, FlatExpression},
};

impl JsonForm {
    pub(super) fn fits(&self, node: &Node) -> bool {
        match &self.flat {
            Some(flat) => flat_fits(flat, node),
            None => self.tree_fits(node, true),
        }
    }

    fn tree_fits(&self, node: &Node, at_top: bool) -> bool {
        match node {
            Node::Leaf(_) | Node::Native(_) => true,
            Node::All(parts) => {
                (self.and.is_some() || (at_top && (self.top.is_some() || parts.is_empty())))
                    && parts.iter().all(|part| self.tree_fits(part, false))
            }
            Node::Any(parts) => self.or.is_some() && parts.iter().all(|part| self.tree_fits(part, false)),
        }
    }
}

fn flat_fits(flat: &Flat, node: &Node) -> bool {
    if let Some(expression) = &flat.expression {
        return expression_fits(expression, node);
    }
    let has_or = flat.joiner.as_ref().is_some_and(|joiner| joiner.or.is_some());
    let is_group = |parts: &[Node]| has_or && parts.iter().all(Node::is_leaf);
    let keeps = flat.open.is_some() && flat.close.is_some();
    match node {
        Node::Leaf(_) | Node::Native(_) => true,
        Node::Any(parts) => is_group(parts),
        Node::All(parts) => parts.iter().all(|part| match part {
            Node::Any(parts) => keeps && is_group(parts),
            Node::All(_) => false,
            Node::Leaf(_) | Node::Native(_) => true,
        }),
    }
}

fn expression_fits(expression: &FlatExpression, node: &Node) -> bool {
    match node {
        Node::Leaf(_) | Node::Native(_) => true,
        Node::All(parts) => parts.iter().all(|part| expression_fits(expression, part)),
        Node::Any(parts) => expression.or.is_some() && parts.iter().all(|part| expression_fits(expression, part)),
    }
}

/// Writes a condition that fits.
pub(super) fn write(own: &Own, form: &JsonForm, node: &Node) -> Option<Written> {
    if let Some(flat) = &form.flat {
        let mut row = Row {
            own,
            flat,
            elements: Vec::new(),
        };
        let expression = match &flat.expression {
            Some(expression) => row.expressed(expression, node, false)?,
            None => {
                row.joined(node)?;
                String::new()
            }
        };
        let elements = Value::Array(row.elements);
        return Some(Written {
            condition: match &form.top {
                Some(top) => with_parts(top, elements),
                None => elements,
            },
            expression,
            ..Written::default()
        });
    }
    let condition = match (&form.top, node) {
        (Some(top), node) => with_parts(top, Value::Array(parts_of(own, form, top_parts(node))?)),
        (None, Node::All(parts)) if parts.is_empty() => Value::Null,
        (None, node) => tree(own, form, node)?,
    };
    Some(Written {
        condition,
        ..Written::default()
    })
}

fn top_parts(node: &Node) -> &[Node] {
    match node {
        Node::All(parts) => parts,
        other => std::slice::from_ref(other),
    }
}

fn with_parts(form: &Value, parts: Value) -> Value {
    fill_json(form, &|word| (word == "parts").then(|| parts.clone()))
}

/// Writes parts; a list that the manifest wrote is several of them.
fn parts_of(own: &Own, form: &JsonForm, parts: &[Node]) -> Option<Vec<Value>> {
    let mut written = Vec::new();
    for part in parts {
        match part {
            Node::Native(Value::Array(list)) => written.extend(list.iter().cloned()),
            other => written.push(tree(own, form, other)?),
        }
    }
    Some(written)
}

fn tree(own: &Own, form: &JsonForm, node: &Node) -> Option<Value> {
    match node {
        Node::All(parts) => Some(with_parts(
            form.and.as_ref()?,
            Value::Array(parts_of(own, form, parts)?),
        )),
        Node::Any(parts) => Some(with_parts(form.or.as_ref()?, Value::Array(parts_of(own, form, parts)?))),
        Node::Native(native) => Some(native.clone()),
        Node::Leaf(leaf) => element(own, leaf, &|_| None),
    }
}

/// Writes a test; `more` gives what else its form may name.
fn element(own: &Own, leaf: &Leaf, more: &dyn Fn(&str) -> Option<Value>) -> Option<Value> {
    let (form, value, values) = match &leaf.test {
        Test::Compare(comparison, constant) => (own.form_of(*comparison)?, Some(value(own, constant)?), None),
        Test::In(constants) => {
            let list: Option<Vec<Value>> = constants.iter().map(|constant| value(own, constant)).collect();
            let values = match &own.in_separator {
                Some(separator) => Value::from(list?.into_iter().map(text_of).collect::<Vec<_>>().join(separator)),
                None => Value::Array(list?),
            };
            (own.one_of.as_ref()?, None, Some(values))
        }
        Test::Missing(true) => (own.missing.as_ref()?, None, None),
        Test::Missing(false) => (own.present.as_ref()?, None, None),
    };
    Some(fill_json(form, &|word| match word {
        "name" => Some(leaf.name.as_str().into()),
        "value" => value.clone(),
        "values" => values.clone(),
        other => more(other),
    }))
}

fn value(own: &Own, constant: &Constant) -> Option<Value> {
    let Literal { content, form, .. } = own.kinds.literal(constant)?;
    let value = match content {
        Content::Text(text) => Value::String(text),
        Content::Safe(value) => value,
    };
    Some(match form {
        Some(form) => fill_json(form, &|word| (word == "value").then(|| value.clone())),
        None => value,
    })
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Comparisons one after the other.
struct Row<'o> {
    own: &'o Own,
    flat: &'o Flat,
    elements: Vec<Value>,
}

impl Row<'_> {
    fn number(&self) -> u64 {
        let before = u64::try_from(self.elements.len()).unwrap_or(u64::MAX);
        self.flat.first.saturating_add(before)
    }

    /// Writes the comparisons and returns the expression over their numbers.
    fn expressed(&mut self, form: &FlatExpression, node: &Node, inside: bool) -> Option<String> {
        let (parts, sign) = match node {
            Node::All(parts) => (parts, form.and.as_str()),
            Node::Any(parts) => (parts, form.or.as_deref()?),
            Node::Native(Value::Array(list)) => {
                let mut numbers = Vec::new();
                for element in list {
                    numbers.push(self.number().to_string());
                    self.elements.push(element.clone());
                }
                let joined = numbers.join(&form.and);
                return Some(if inside && numbers.len() > 1 {
                    grouped(form, &joined)
                } else {
                    joined
                });
            }
            Node::Native(native) => {
                let number = self.number().to_string();
                self.elements.push(native.clone());
                return Some(number);
            }
            Node::Leaf(leaf) => {
                let number = self.number();
                let index = |word: &str| (word == "index").then(|| number.into());
                let element = element(self.own, leaf, &index)?;
                self.elements.push(element);
                return Some(number.to_string());
            }
        };
        let texts: Option<Vec<String>> = parts.iter().map(|part| self.expressed(form, part, true)).collect();
        let texts = texts?;
        let joined = texts.join(sign);
        Some(if inside && texts.len() > 1 {
            grouped(form, &joined)
        } else {
            joined
        })
    }

    /// Writes the comparisons with what joins them.
    fn joined(&mut self, node: &Node) -> Option<()> {
        // Each comparison, whether it opens and closes a group, and whether "or" joins it to the next one.
        let mut leaves: Vec<(&Leaf, bool, bool, bool)> = Vec::new();
        for part in top_parts(node) {
            match part {
                Node::Leaf(leaf) => leaves.push((leaf, false, false, false)),
                Node::Any(parts) => {
                    let last = parts.len().saturating_sub(1);
                    for (at, part) in parts.iter().enumerate() {
                        if let Node::Leaf(leaf) = part {
                            leaves.push((leaf, at == 0, at == last, at < last));
                        }
                    }
                }
                Node::Native(Value::Array(list)) => self.elements.extend(list.iter().cloned()),
                Node::Native(native) => self.elements.push(native.clone()),
                Node::All(_) => return None,
            }
        }
        let mut or_before = false;
        for (leaf, opens, closes, or_behind) in leaves {
            let joiner = self.flat.joiner.as_ref();
            let by_or = match joiner {
                Some(joiner) if joiner.to_previous => or_before,
                _ => or_behind,
            };
            let text = |there: bool, text: &Option<String>| {
                let text = text.as_deref().filter(|_| there);
                Value::from(text.unwrap_or_default())
            };
            let number = self.number();
            let is_first = self.elements.is_empty();
            let more = |word: &str| match word {
                "index" => Some(number.into()),
                "open" => Some(text(opens, &self.flat.open)),
                "close" => Some(text(closes, &self.flat.close)),
                "joiner" => {
                    let joiner = joiner?;
                    // Before the first comparison there is nothing that it could be joined to.
                    if joiner.to_previous && is_first {
                        return Some("".into());
                    }
                    let word = if by_or { joiner.or.as_deref()? } else { &joiner.and };
                    Some(word.into())
                }
                _ => None,
            };
            let element = element(self.own, leaf, &more)?;
            self.elements.push(element);
            or_before = or_behind;
        }
        Some(())
    }
}

fn grouped(form: &FlatExpression, parts: &str) -> String {
    fill(&form.group, &|word| (word == "parts").then(|| parts.to_owned()))
}
