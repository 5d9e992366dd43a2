//! Languages that a manifest describes: conditions and sorts are written by its forms.
//!
//! A condition is prepared first: what the language cannot hold is found there, so that it is checked here instead of
//! being sent. Writing then only escapes and joins.

mod compile;
mod fill;
mod literal;
mod prepare;
mod text;
mod tree;

#[cfg(test)]
mod tests;

use lineshaft_schema::{Direction, Operator};
use regex::Regex;
use serde_json::Value;

use super::{Comparison, Constant, Expression, SortTerm, SortedBy, Written, escape_signs};
use crate::manifest::{Flat, Forms, IdentifierQuote, Search};

pub(super) use prepare::Prepared;

/// Most bytes of a name that is quoted.
const MOST_NAME: usize = 256;

/// A described language, ready to write.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    form: Form,
    /// What joins the names of a path.
    path: String,
    names: Option<Regex>,
    identifier: Option<IdentifierQuote>,
    collates: bool,
    /// In small letters.
    forbid: Vec<String>,
    search: Search,
    kinds: literal::Kinds,
    compare: Forms<Value>,
    one_of: Option<Value>,
    in_separator: Option<String>,
    missing: Option<Value>,
    present: Option<Value>,
    tells_empty: bool,
    order: Option<Value>,
    order_text: Option<Value>,
    order_key: Option<Value>,
    ascending: String,
    descending: String,
}

#[derive(Clone, Debug)]
enum Form {
    Text(text::TextForm),
    Json(JsonForm),
}

#[derive(Clone, Debug)]
struct JsonForm {
    and: Option<Value>,
    or: Option<Value>,
    top: Option<Value>,
    flat: Option<Flat>,
    /// Whether a form puts texts into quotes within a longer text.
    quotes: bool,
}

impl Own {
    /// Returns what joins the names of a path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether names are quoted, so that they may have any signs.
    pub(crate) const fn quotes_names(&self) -> bool {
        self.identifier.is_some()
    }

    /// Returns whether the system takes texts for equal that are not the same.
    pub(crate) const fn collates(&self) -> bool {
        self.collates
    }

    /// Writes the name of a field.
    pub(crate) fn name(&self, name: &str) -> String {
        match &self.identifier {
            Some(IdentifierQuote { open, close }) => {
                format!("{open}{}{close}", name.replace(close.as_str(), &close.repeat(2)))
            }
            None => name.to_owned(),
        }
    }

    /// Writes the name of an object, whose parts are separated by dots.
    pub(crate) fn object(&self, name: &str) -> String {
        match &self.identifier {
            Some(_) => name
                .split('.')
                .map(|part| self.name(part))
                .collect::<Vec<_>>()
                .join("."),
            None => name.to_owned(),
        }
    }

    /// Returns whether conditions are text.
    pub(crate) const fn is_text(&self) -> bool {
        matches!(self.form, Form::Text(_))
    }

    /// Returns whether values stand beside the text.
    pub(crate) fn has_parameters(&self) -> bool {
        matches!(&self.form, Form::Text(form) if form.parameter.is_some())
    }

    /// Returns whether an empty text is something else than no value.
    pub(crate) const fn tells_empty(&self) -> bool {
        self.tells_empty
    }

    /// Returns whether only texts of ASCII are searched for.
    pub(crate) const fn searches_ascii(&self) -> bool {
        self.search.ascii
    }

    /// Returns whether a name may stand in conditions and sorts.
    pub(crate) fn is_name(&self, name: &str) -> bool {
        if self.quotes_names() {
            return !name.is_empty() && name.len() <= MOST_NAME && !name.chars().any(char::is_control);
        }
        !name.contains("--") && self.names.as_ref().is_none_or(|names| names.is_match(name))
    }

    /// Returns whether sorts have a form.
    pub(crate) const fn sorts(&self) -> bool {
        self.order.is_some()
    }

    /// Returns whether simple conditions can be joined by "or".
    pub(crate) fn has_or(&self) -> bool {
        match &self.form {
            Form::Text(form) => form.or.is_some() || form.alternatives.is_some(),
            Form::Json(JsonForm { flat: Some(flat), .. }) => {
                flat.expression
                    .as_ref()
                    .is_some_and(|expression| expression.or.is_some())
                    || flat.joiner.as_ref().is_some_and(|joiner| joiner.or.is_some())
            }
            Form::Json(form) => form.or.is_some(),
        }
    }

    /// Returns whether conditions that are joined by "and" can be joined by "or".
    pub(crate) fn has_or_of_all(&self) -> bool {
        match &self.form {
            Form::Text(form) => form.loose().is_some() || (form.or.is_some() && form.keeps_all()),
            Form::Json(JsonForm { flat: Some(flat), .. }) => {
                let expression = flat.expression.as_ref();
                expression.is_some_and(|expression| expression.or.is_some())
            }
            Form::Json(form) => form.or.is_some() && form.and.is_some(),
        }
    }

    /// Returns whether a field can be one of several constants in one condition.
    pub(crate) fn has_in(&self) -> bool {
        self.one_of.is_some() || self.has_or()
    }

    /// Returns whether there is a form for an operator; `by_pattern` says that searches are comparisons with a pattern.
    pub(crate) fn has(&self, operator: Operator, by_pattern: bool) -> bool {
        match operator {
            Operator::In => self.has_in(),
            Operator::IsNull => self.missing.is_some() && self.present.is_some(),
            Operator::Contains | Operator::StartsWith if by_pattern => true,
            Operator::Eq => true,
            Operator::Ne => self.compare.ne.is_some(),
            Operator::Gt => self.compare.gt.is_some(),
            Operator::Gte => self.compare.gte.is_some(),
            Operator::Lt => self.compare.lt.is_some(),
            Operator::Lte => self.compare.lte.is_some(),
            Operator::Contains => self.compare.contains.is_some(),
            Operator::StartsWith => self.compare.starts_with.is_some(),
        }
    }

    /// Returns whether a text can stand in a condition.
    pub(crate) fn takes(&self, text: &str) -> bool {
        let lower = || text.to_lowercase();
        if !self.forbid.is_empty() {
            let lower = lower();
            if self.forbid.iter().any(|sign| lower.contains(sign.as_str())) {
                return false;
            }
        }
        match &self.form {
            Form::Text(form) if form.parameter.is_none() => form.takes(text, self.kinds.string.quoted),
            Form::Text(_) => true,
            Form::Json(form) => !form.quotes || !text.chars().any(char::is_control),
        }
    }

    /// Returns whether a search for this text finds more, because signs of it stand for others.
    pub(crate) fn search_widens(&self, text: &str) -> bool {
        self.search.escape.is_none() && text.contains(|sign| self.search.wildcards.contains(sign))
    }

    /// Prepares a condition; nothing when the language cannot hold it.
    pub(super) fn prepare(&self, expression: &Expression) -> Option<Prepared> {
        let prepared = prepare::prepare(self, expression)?;
        self.fits(&prepared).then_some(prepared)
    }

    fn fits(&self, prepared: &Prepared) -> bool {
        match &self.form {
            Form::Text(form) => form.fits(&prepared.node),
            Form::Json(form) => form.fits(&prepared.node),
        }
    }

    /// Returns how many whole conditions a condition becomes where parts cannot be kept together.
    pub(super) fn alternatives(&self, prepared: &Prepared) -> usize {
        match &self.form {
            Form::Text(form) => form.alternatives(&prepared.node),
            Form::Json(_) => 1,
        }
    }

    /// Writes a condition; nothing when the language cannot hold it.
    pub(super) fn write(&self, expression: &Expression) -> Option<Written> {
        let prepared = self.prepare(expression)?;
        match &self.form {
            Form::Text(form) => text::write(self, form, &prepared.node),
            Form::Json(form) => tree::write(self, form, &prepared.node),
        }
    }

    /// Returns the word for a direction.
    pub(crate) fn direction(&self, direction: Direction) -> &str {
        match direction {
            Direction::Ascending => &self.ascending,
            Direction::Descending => &self.descending,
        }
    }

    /// Writes a sort.
    pub(super) fn write_order(&self, terms: &[SortTerm], separator: &str) -> Value {
        let Some(form) = &self.order else {
            return Value::from("");
        };
        let write = |term: &SortTerm| {
            let own = match term.by {
                SortedBy::Field => None,
                SortedBy::Text => self.order_text.as_ref(),
                SortedBy::Key => self.order_key.as_ref(),
            };
            let form = own.unwrap_or(form);
            fill::fill_json(form, &|word| match word {
                "name" => Some(self.name(&term.name).into()),
                "direction" => Some(self.direction(term.direction).into()),
                _ => None,
            })
        };
        if form.is_string() {
            let texts: Vec<String> = terms
                .iter()
                .map(|term| write(term).as_str().unwrap_or_default().to_owned())
                .collect();
            return Value::from(texts.join(separator));
        }
        Value::Array(terms.iter().map(write).collect())
    }

    /// Writes a text for use inside quotes.
    pub(super) fn escape(&self, text: &str) -> String {
        match &self.form {
            Form::Text(form) => form.escape(text),
            Form::Json(_) => text.to_owned(),
        }
    }

    /// Returns the form of a comparison.
    fn form_of(&self, comparison: Comparison) -> Option<&Value> {
        let compare = &self.compare;
        match comparison {
            Comparison::Eq => Some(&compare.eq),
            Comparison::Ne => compare.ne.as_ref(),
            Comparison::Gt => compare.gt.as_ref(),
            Comparison::Gte => compare.gte.as_ref(),
            Comparison::Lt => compare.lt.as_ref(),
            Comparison::Lte => compare.lte.as_ref(),
            Comparison::Contains => compare.contains.as_ref(),
            Comparison::StartsWith => compare.starts_with.as_ref(),
        }
    }

    /// Returns the text of a search with what stands around it.
    fn sought(&self, comparison: Comparison, text: &str) -> Constant {
        let form = match comparison {
            Comparison::Contains => self.search.contains.as_deref(),
            _ => self.search.starts_with.as_deref(),
        };
        let sought = fill::fill(form.unwrap_or("{text}"), &|word| match word {
            "text" => Some(text.to_owned()),
            "like" => Some(match &self.search.escape {
                Some(escape) => escape_signs(text, &format!("{}{escape}", self.search.wildcards), escape),
                None => text.to_owned(),
            }),
            _ => None,
        });
        Constant::Text(sought)
    }
}
