//! Reads the value of a compiled field from a row. Never fails: what is wrong becomes a problem of the record.

use std::fmt;

use lineshaft_schema::{Object, Problem, Projection, RemoteKey, Text, Value};
use smallvec::SmallVec;

use super::{
    digest,
    expression::{Expression, Outcome, PageBudget},
    field::{CompiledField, ObjectMapping, Source},
    normalized, problem,
};
use crate::{codec::CompiledCodec, json, path::Path};

/// Most problems that one record tells.
const MOST_PROBLEMS: usize = 20;

/// The problems of one record, up to a number.
pub(super) struct Problems<'b> {
    list: Vec<Problem>,
    /// What is left for the expressions of the page.
    budget: &'b PageBudget,
}

impl<'b> Problems<'b> {
    pub(super) const fn new(budget: &'b PageBudget) -> Self {
        Self {
            list: Vec::new(),
            budget,
        }
    }

    fn push(&mut self, trail: Trail<'_>, path: &str, message: String) {
        if self.list.len() < MOST_PROBLEMS {
            self.list.push(problem(trail.to_string(), path, message));
        }
    }

    pub(super) fn into_list(self) -> Vec<Problem> {
        self.list
    }
}

/// The names of the fields on the way to a value.
#[derive(Clone, Copy)]
pub(super) struct Trail<'a> {
    outer: Option<&'a Trail<'a>>,
    name: &'a str,
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            write!(f, "{outer}.")?;
        }
        f.write_str(self.name)
    }
}

/// A row, and the rows that it is an element of.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    row: &'a json::Value<'a>,
    outer: Option<&'a Rows<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn outermost(row: &'a json::Value<'a>) -> Self {
        Self { row, outer: None }
    }

    pub(super) fn inside(&'a self, element: &'a json::Value<'a>) -> Rows<'a> {
        Rows {
            row: element,
            outer: Some(self),
        }
    }

    /// Returns the row at which a path starts.
    pub(super) fn base(&self, path: &Path) -> Option<&'a json::Value<'a>> {
        let mut rows = *self;
        for _ in 0..path.levels_up() {
            rows = *rows.outer?;
        }
        Some(rows.row)
    }

    /// Finds the first value of a path.
    pub(super) fn first(&self, path: &Path) -> Option<&'a json::Value<'a>> {
        path.first(self.base(path)?)
    }
}

/// A value, and whether the row gave it rather than the manifest.
pub(super) struct Evaluated {
    pub(super) value: Value,
    pub(super) from_row: bool,
}

impl CompiledField {
    pub(super) fn evaluate(
        &self,
        rows: &Rows<'_>,
        nested: Option<&Projection>,
        outer: Option<&Trail<'_>>,
        problems: &mut Problems<'_>,
    ) -> Evaluated {
        let trail = Trail {
            outer,
            name: &self.name,
        };
        let mut from_row = true;
        let value = match &self.source {
            Source::Paths(paths, codec) => {
                let (value, found) = self.read(paths, codec, rows, trail, problems);
                from_row = found;
                value
            }
            Source::Keys(paths, codec) => self.key(paths, codec, rows, trail, problems),
            Source::Constant(value) => {
                from_row = false;
                value.clone()
            }
            Source::Digest => Value::text(&digest::of(rows.row)),
            Source::Cases(cases, default, _) => {
                from_row = false;
                let held = cases
                    .iter()
                    .find(|(tests, _)| tests.iter().all(|test| test.holds(rows)));
                held.map_or(default, |(_, value)| value).clone()
            }
            Source::Computed(computation, default) => match computation.number(rows) {
                Ok(Some(number)) => self.number(number, trail, problems),
                Ok(None) => {
                    from_row = false;
                    default.clone()
                }
                Err(message) => {
                    problems.push(trail, &self.describe(), message);
                    Value::Null
                }
            },
            Source::Expression(expression, codec) => {
                let (value, found) = self.express(expression, codec, rows, trail, problems);
                from_row = found;
                value
            }
            Source::Object(object) => object.evaluate(rows, None, trail, problems),
            Source::List(objects) => {
                let elements = objects
                    .iter()
                    .map(|object| object.evaluate(rows, None, trail, problems));
                let elements: Vec<Value> = elements.filter(|element| !element.is_null()).collect();
                from_row = !elements.is_empty();
                Value::List(elements)
            }
            Source::Each(paths, object) => self.each(paths, object, rows, nested, trail, problems),
            Source::Lists(paths, objects) => {
                let mut elements = Vec::new();
                for (path, object) in paths.iter().zip(objects) {
                    let path = std::slice::from_ref(path);
                    if let Value::List(list) = self.each(path, object, rows, nested, trail, problems) {
                        elements.extend(list);
                    }
                }
                Value::List(elements)
            }
        };
        if value.is_null() {
            return Evaluated {
                value: self.fallback.clone(),
                from_row: false,
            };
        }
        let value = self.comparable(value);
        Evaluated { value, from_row }
    }

    /// Reads the first path that has a value; tells whether the row has one.
    fn read(
        &self,
        paths: &[Path],
        codec: &CompiledCodec,
        rows: &Rows<'_>,
        trail: Trail<'_>,
        problems: &mut Problems<'_>,
    ) -> (Value, bool) {
        if paths.len() > 1 && (codec.gives_list() || codec.joins().is_some()) {
            return self.gather(paths, codec, rows, trail, problems);
        }
        let mut empty = None;
        for path in paths {
            let Some(row) = rows.base(path) else { continue };
            if path.finds_many() {
                let found = path.all(row);
                let mut values = found.iter().filter(|value| !codec.is_nothing(value)).peekable();
                if values.peek().is_none() {
                    empty = empty.or(found.first().map(|value| (*value, path)));
                    continue;
                }
                if !codec.gives_list() {
                    let value = values
                        .next()
                        .map_or(Value::Null, |value| self.decode(codec, value, path, trail, problems));
                    return (value, true);
                }
                let mut elements = Vec::new();
                for value in values {
                    if let Value::List(list) = self.decode(codec, value, path, trail, problems) {
                        elements.extend(list);
                    }
                }
                return (Value::List(elements), true);
            }
            match path.first(row) {
                Some(value) if codec.is_nothing(value) => empty = empty.or(Some((value, path))),
                Some(value) => return (self.decode(codec, value, path, trail, problems), true),
                None => {}
            }
        }
        match empty {
            Some((value, path)) => (self.decode(codec, value, path, trail, problems), false),
            None => (codec.missing(), false),
        }
    }

    /// Reads every path that has a value, into one list or one joined text.
    fn gather(
        &self,
        paths: &[Path],
        codec: &CompiledCodec,
        rows: &Rows<'_>,
        trail: Trail<'_>,
        problems: &mut Problems<'_>,
    ) -> (Value, bool) {
        let mut elements = Vec::new();
        for path in paths {
            let Some(row) = rows.base(path) else { continue };
            if codec.joins().is_some() && path.all(row).iter().any(|value| codec.is_said_nothing(value)) {
                return (codec.missing(), false);
            }
            for value in path.all(row).into_iter().filter(|value| !codec.is_nothing(value)) {
                match self.decode(codec, value, path, trail, problems) {
                    Value::Null => {}
                    Value::List(list) => elements.extend(list),
                    one => elements.push(one),
                }
            }
        }
        if elements.is_empty() {
            return (codec.missing(), false);
        }
        let Some(separator) = codec.joins() else {
            return (Value::List(elements), true);
        };
        let texts: Vec<&str> = elements
            .iter()
            .filter_map(|element| match element {
                Value::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        (Value::text(&texts.join(separator)), true)
    }

    fn decode(
        &self,
        codec: &CompiledCodec,
        value: &json::Value<'_>,
        path: &Path,
        trail: Trail<'_>,
        problems: &mut Problems<'_>,
    ) -> Value {
        codec.decode(value).unwrap_or_else(|message| {
            problems.push(trail, path.text(), message);
            Value::Null
        })
    }

    fn key(
        &self,
        paths: &[Path],
        codec: &CompiledCodec,
        rows: &Rows<'_>,
        trail: Trail<'_>,
        problems: &mut Problems<'_>,
    ) -> Value {
        let mut parts: Vec<Text> = Vec::with_capacity(paths.len());
        for path in paths {
            let Some(value) = rows.first(path) else {
                return Value::Null;
            };
            match self.decode(codec, value, path, trail, problems) {
                Value::Reference(key) => parts.extend(key.parts().iter().cloned()),
                _ => return Value::Null,
            }
        }
        Value::Reference(RemoteKey::composite(parts))
    }

    /// Evaluates an expression; tells whether it gives something.
    fn express(
        &self,
        expression: &Expression,
        codec: &CompiledCodec,
        rows: &Rows<'_>,
        trail: Trail<'_>,
        problems: &mut Problems<'_>,
    ) -> (Value, bool) {
        let decoded = expression.evaluate(rows.row, problems.budget).and_then(|outcome| {
            let value = match &outcome {
                Outcome::Row(value) => value,
                Outcome::New(value) => value,
            };
            Ok((codec.decode(value)?, !codec.is_nothing(value)))
        });
        decoded.unwrap_or_else(|message| {
            problems.push(trail, expression.text(), message);
            (Value::Null, true)
        })
    }

    /// Makes the key in a reference comparable. Keys of another length lead nowhere and stay as they are.
    fn comparable(&self, value: Value) -> Value {
        match value {
            Value::Reference(key) if !self.normalize.is_empty() && self.normalize.len() == key.parts().len() => {
                let parts = key.parts().iter().zip(&self.normalize);
                Value::Reference(RemoteKey::composite(
                    parts.map(|(part, how)| normalized(part, *how).into_owned()),
                ))
            }
            other => other,
        }
    }

    fn number(&self, number: rust_decimal::Decimal, trail: Trail<'_>, problems: &mut Problems<'_>) -> Value {
        use rust_decimal::prelude::ToPrimitive as _;
        if !self.whole {
            return Value::Decimal(number);
        }
        match number.to_i64().filter(|_| number.is_integer()) {
            Some(number) => Value::Integer(number),
            None => {
                problems.push(trail, &self.describe(), format!("{number} is not a whole number"));
                Value::Null
            }
        }
    }

    fn each(
        &self,
        paths: &[Path],
        object: &ObjectMapping,
        rows: &Rows<'_>,
        nested: Option<&Projection>,
        trail: Trail<'_>,
        problems: &mut Problems<'_>,
    ) -> Value {
        let mut is_wrong = false;
        for path in paths {
            let Some(found) = rows.elements(path) else {
                if let Some(value) = rows
                    .first(path)
                    .filter(|value| !json::is_blank(value) && !json::is_false(value))
                {
                    is_wrong = true;
                    problems.push(trail, path.text(), format!("{} is not a list", json::excerpt(value)));
                }
                continue;
            };
            let mut elements = Vec::with_capacity(found.len());
            for element in found.into_iter().filter(|element| !element.is_null()) {
                let mapped = object.evaluate(&rows.inside(element), nested, trail, problems);
                if !mapped.is_null() {
                    elements.push(mapped);
                }
            }
            return Value::List(elements);
        }
        // Systems leave lists out that are empty. A list of parts is never unknown when it comes within the row.
        if object.is_part && !is_wrong {
            Value::List(Vec::new())
        } else {
            Value::Null
        }
    }
}

impl ObjectMapping {
    /// Maps an embedded value or a part. An embedded value that lacks a required field, or to which the row adds
    /// nothing, is null.
    fn evaluate(
        &self,
        rows: &Rows<'_>,
        nested: Option<&Projection>,
        trail: Trail<'_>,
        problems: &mut Problems<'_>,
    ) -> Value {
        let mut slots: SmallVec<[Value; 2]> = self.fallbacks.iter().cloned().collect();
        let mut from_row = false;
        for field in &self.fields {
            let wanted = nested.is_none_or(|nested| field.computed || nested.contains(field.index));
            let Some(slot) = slots.get_mut(usize::from(field.index.0)).filter(|_| wanted) else {
                continue;
            };
            let inner = nested.and_then(|nested| nested.nested(field.index));
            let evaluated = field.evaluate(rows, inner, Some(&trail), problems);
            from_row |= evaluated.from_row;
            *slot = evaluated.value;
        }
        if !self.is_part {
            let lacks =
                |index: &lineshaft_schema::FieldIndex| slots.get(usize::from(index.0)).is_none_or(Value::is_null);
            let only_written = !from_row && self.fields.iter().any(CompiledField::reads_row);
            if only_written || self.required.iter().any(lacks) {
                return Value::Null;
            }
        }
        Value::Object(Box::new(Object { kind: self.kind, slots }))
    }
}

impl CompiledField {
    /// Returns whether the row itself gives its value.
    fn reads_row(&self) -> bool {
        !matches!(self.source, Source::Constant(_) | Source::Cases(..))
    }
}
