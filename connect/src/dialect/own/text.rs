//! Writes conditions as text.

use serde_json::Value;

use super::{
    Own,
    fill::fill,
    literal::{Content, Literal},
    prepare::{Leaf, Node, Test},
};
use crate::{
    dialect::{Constant, Written, escape_signs},
    manifest::{Escape, Quote},
};

/// More whole conditions than this are not sent.
const MOST_ALTERNATIVES: usize = 512;

/// The forms of a language of text.
#[derive(Clone, Debug)]
pub(super) struct TextForm {
    pub(super) and: Joint,
    pub(super) or: Option<Joint>,
    pub(super) or_binds_tighter: bool,
    pub(super) alternatives: Option<String>,
    pub(super) group: Option<String>,
    pub(super) quote: Option<Quote>,
    pub(super) parameter: Option<String>,
}

/// What joins conditions.
#[derive(Clone, Debug)]
pub(super) struct Joint {
    pub(super) between: String,
    pub(super) around: Option<String>,
}

/// By what the conditions around one are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    All,
    Any,
}

impl TextForm {
    /// Returns whether conditions joined by "and" stay together among others.
    pub(super) const fn keeps_all(&self) -> bool {
        self.and.around.is_some() || self.group.is_some()
    }

    fn keeps_any(&self) -> bool {
        self.group.is_some() || self.or.as_ref().is_some_and(|or| or.around.is_some())
    }

    /// Returns the sign between whole conditions.
    pub(super) fn loose(&self) -> Option<&str> {
        let or = self.or.as_ref().filter(|_| !self.keeps_any() && !self.or_binds_tighter);
        self.alternatives
            .as_deref()
            .or_else(|| or.map(|or| or.between.as_str()))
    }

    /// Returns whether a condition can be written part by part.
    fn is_plain(&self, node: &Node, inside: Inside) -> bool {
        match node {
            Node::Leaf(_) | Node::Native(_) => true,
            Node::All(parts) => {
                (inside == Inside::Nothing || self.keeps_all())
                    && parts.iter().all(|part| self.is_plain(part, Inside::All))
            }
            Node::Any(parts) => {
                let tight = self.or_binds_tighter && parts.iter().all(Node::is_leaf);
                self.or.is_some()
                    && (self.keeps_any() || tight)
                    && parts.iter().all(|part| self.is_plain(part, Inside::Any))
            }
        }
    }

    pub(super) fn fits(&self, node: &Node) -> bool {
        self.is_plain(node, Inside::Nothing)
            || self.loose().is_some() && (1..=MOST_ALTERNATIVES).contains(&self.alternatives(node))
    }

    /// Returns how many whole conditions it becomes.
    pub(super) fn alternatives(&self, node: &Node) -> usize {
        if self.is_plain(node, Inside::Nothing) {
            return 1;
        }
        match node {
            Node::All(parts) => parts
                .iter()
                .map(|part| self.alternatives(part))
                .fold(1, usize::saturating_mul),
            Node::Any(parts) => parts
                .iter()
                .map(|part| self.alternatives(part))
                .fold(0, usize::saturating_add),
            Node::Leaf(_) | Node::Native(_) => 1,
        }
    }

    /// Returns whole conditions of which one must hold, each a list of parts that must all hold.
    fn spread(&self, node: &Node) -> Vec<Vec<Node>> {
        match node {
            Node::All(parts) => {
                let mut spread = vec![Vec::new()];
                for part in parts {
                    let choices = self.spread(part);
                    let longer = spread.iter().flat_map(|before| {
                        choices
                            .iter()
                            .map(move |choice| before.iter().chain(choice).cloned().collect())
                    });
                    spread = longer.collect();
                }
                spread
            }
            Node::Any(_) if self.is_plain(node, Inside::All) => vec![vec![node.clone()]],
            Node::Any(parts) => parts.iter().flat_map(|part| self.spread(part)).collect(),
            other => vec![vec![other.clone()]],
        }
    }

    /// Returns whether a text can stand in a condition without being taken for something else.
    pub(super) fn takes(&self, text: &str, quoted: bool) -> bool {
        if text.chars().any(char::is_control) {
            return false;
        }
        match self.quote.as_ref().filter(|_| quoted) {
            Some(quote) => match quote.escape {
                Escape::None => !text.contains('\\') && !text.contains(quote.sign.as_str()),
                Escape::Xml => !text.contains(['\u{fffe}', '\u{ffff}']),
                Escape::Double | Escape::Backslash => true,
            },
            None => !text.is_empty() && text.trim() == text && self.is_bare(text),
        }
    }

    /// Returns whether a text has none of the signs of the language.
    fn is_bare(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        let joints = [Some(&self.and), self.or.as_ref()];
        let mut signs: Vec<String> = Vec::new();
        for joint in joints.into_iter().flatten() {
            signs.push(joint.between.to_lowercase());
            signs.extend(joint.around.as_deref().map(around_only));
        }
        signs.extend(self.alternatives.iter().map(|sign| sign.to_lowercase()));
        signs.extend(self.group.as_deref().map(around_only));
        signs.iter().flat_map(|sign| sign.split_whitespace()).all(|sign| {
            if sign.chars().all(char::is_alphanumeric) {
                lower.split_whitespace().all(|word| word != sign)
            } else {
                !lower.contains(sign)
            }
        })
    }

    /// Writes a text for use inside quotes.
    pub(super) fn escape(&self, text: &str) -> String {
        match &self.quote {
            Some(quote) => match quote.escape {
                Escape::Double => text.replace(quote.sign.as_str(), &quote.sign.repeat(2)),
                Escape::Backslash => escape_signs(text, &format!("\\{}", quote.sign), "\\"),
                Escape::Xml => escape_xml(text),
                Escape::None => text.to_owned(),
            },
            None => text.to_owned(),
        }
    }
}

/// Returns what stands around parts, in small letters.
fn around_only(form: &str) -> String {
    form.replace("{parts}", " ").to_lowercase()
}

fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Writes a condition that fits.
pub(super) fn write(own: &Own, form: &TextForm, node: &Node) -> Option<Written> {
    let mut writer = Writer {
        own,
        form,
        values: Vec::new(),
    };
    let condition = if form.is_plain(node, Inside::Nothing) {
        writer.node(node, Inside::Nothing)?
    } else {
        let whole: Option<Vec<String>> = form
            .spread(node)
            .into_iter()
            .map(|parts| writer.node(&Node::All(parts), Inside::Nothing))
            .collect();
        whole?.join(form.loose()?)
    };
    Some(Written {
        condition: condition.into(),
        values: writer.values,
        ..Written::default()
    })
}

struct Writer<'o> {
    own: &'o Own,
    form: &'o TextForm,
    values: Vec<Value>,
}

impl Writer<'_> {
    fn node(&mut self, node: &Node, inside: Inside) -> Option<String> {
        match node {
            Node::All(parts) => self.join(parts, &self.form.and, Inside::All, inside),
            Node::Any(parts) => self.join(parts, self.form.or.as_ref()?, Inside::Any, inside),
            Node::Native(native) => {
                let text = native.as_str()?;
                Some(match &self.form.group {
                    Some(group) if inside != Inside::Nothing => grouped(group, text),
                    _ => text.to_owned(),
                })
            }
            Node::Leaf(leaf) => self.leaf(leaf),
        }
    }

    fn join(&mut self, parts: &[Node], joint: &Joint, own: Inside, inside: Inside) -> Option<String> {
        if let [only] = parts {
            return self.node(only, inside);
        }
        let texts: Option<Vec<String>> = parts.iter().map(|part| self.node(part, own)).collect();
        let texts = texts?;
        let joined = texts.join(&joint.between);
        Some(match (&joint.around, &self.form.group) {
            _ if texts.is_empty() => joined,
            (Some(around), _) => grouped(around, &joined),
            (None, Some(group)) if inside != Inside::Nothing => grouped(group, &joined),
            _ => joined,
        })
    }

    fn leaf(&mut self, leaf: &Leaf) -> Option<String> {
        let own = self.own;
        let name = || Some(own.name(&leaf.name));
        match &leaf.test {
            Test::Compare(comparison, constant) => {
                let form = own.form_of(*comparison)?.as_str()?;
                let value = self.constant(constant)?;
                Some(fill(form, &|word| match word {
                    "name" => name(),
                    "value" => Some(value.clone()),
                    _ => None,
                }))
            }
            Test::In(constants) => {
                let form = own.one_of.as_ref()?.as_str()?;
                let values: Option<Vec<String>> = constants.iter().map(|constant| self.constant(constant)).collect();
                let values = values?.join(own.in_separator.as_deref().unwrap_or(","));
                Some(fill(form, &|word| match word {
                    "name" => name(),
                    "values" => Some(values.clone()),
                    _ => None,
                }))
            }
            Test::Missing(missing) => {
                let form = if *missing { &own.missing } else { &own.present };
                let named = |word: &str| if word == "name" { name() } else { None };
                Some(fill(form.as_ref()?.as_str()?, &named))
            }
        }
    }

    fn constant(&mut self, constant: &Constant) -> Option<String> {
        let Literal { content, quoted, form } = self.own.kinds.literal(constant)?;
        let text = match (&self.form.parameter, content) {
            (Some(sign), content) => {
                self.values.push(match content {
                    Content::Text(text) => Value::String(text),
                    Content::Safe(value) => value,
                });
                let number = self.values.len().to_string();
                fill(sign, &|word| (word == "number").then(|| number.clone()))
            }
            (None, Content::Text(text)) if quoted => {
                let sign = self.form.quote.as_ref()?.sign.as_str();
                format!("{sign}{}{sign}", self.form.escape(&text))
            }
            (None, Content::Text(text)) => text,
            (None, Content::Safe(Value::String(text))) => text,
            (None, Content::Safe(value)) => value.to_string(),
        };
        let Some(form) = form else { return Some(text) };
        Some(fill(form.as_str()?, &|word| (word == "value").then(|| text.clone())))
    }
}

fn grouped(form: &str, parts: &str) -> String {
    fill(form, &|word| (word == "parts").then(|| parts.to_owned()))
}
