//! Evaluates expressions within a budget of work and of memory.

use std::{borrow::Cow, cell::Cell, cmp::Ordering, fmt};

use rust_decimal::Decimal;

use super::{Comparison, Kind, Node, Operator, item::Item};
use crate::json::Value;

/// What scanning and producing may cost in all; one byte costs at least one.
const WORK: usize = 4 * 1024 * 1024;

/// Bytes that may be produced in all.
const MEMORY: usize = 1024 * 1024;

/// Bytes that the value may have in the end.
const OUTPUT: usize = 64 * 1024;

/// What all expressions may do for the rows of one page.
const PAGE_WORK: usize = 64 * 1024 * 1024;

/// Bytes that the values of all expressions may have for the rows of one page.
const PAGE_OUTPUT: usize = 16 * 1024 * 1024;

/// What each value costs beside its text.
const VALUE: usize = 16;

/// What is left for the expressions of one page.
#[derive(Debug)]
pub(in crate::mapping) struct PageBudget {
    work: Cell<usize>,
    output: Cell<usize>,
}

impl PageBudget {
    pub(in crate::mapping) const fn new() -> Self {
        Self {
            work: Cell::new(PAGE_WORK),
            output: Cell::new(PAGE_OUTPUT),
        }
    }

    /// Evaluates something with what is left for one expression.
    pub(super) fn spend<T>(&self, evaluate: impl FnOnce(&mut Budget) -> Result<T>) -> Result<T> {
        let granted = self.work.get().min(WORK);
        let exhausted = || "the expressions of this page have too much to do".to_owned();
        if granted == 0 {
            return Err(exhausted());
        }
        let mut budget = Budget {
            work: granted,
            memory: MEMORY,
            is_short: false,
        };
        let result = evaluate(&mut budget);
        // Work that could not be paid for ends the page, lest every row tries it again.
        let is_over = granted < WORK && budget.is_short;
        let left = self.work.get().saturating_sub(granted - budget.work);
        self.work.set(if is_over { 0 } else { left });
        match is_over {
            true => Err(exhausted()),
            false => result,
        }
    }

    /// Pays for a value that an expression gave.
    pub(super) fn output(&self, value: &Value<'_>) -> Result<()> {
        let left = left_after(value, OUTPUT).ok_or("the expression gives a value that is too large")?;
        let size = OUTPUT.saturating_sub(left);
        let left = self.output.get().checked_sub(size);
        self.output
            .set(left.ok_or("the expressions of this page give values that are too large")?);
        Ok(())
    }
}

/// Returns what is left of so many bytes after a value; none when it does not fit.
fn left_after(value: &Value<'_>, left: usize) -> Option<usize> {
    let left = left.checked_sub(VALUE)?;
    match value {
        Value::Null | Value::Boolean(_) => Some(left),
        Value::Number(text) | Value::Text(text) => left.checked_sub(text.len()),
        Value::List(list) => list.iter().try_fold(left, |left, value| left_after(value, left)),
        Value::Object(members) => members.iter().try_fold(left, |left, (name, value)| {
            left_after(value, left.checked_sub(name.len())?)
        }),
    }
}

/// What is left for the evaluation of one expression for one row.
pub(super) struct Budget {
    work: usize,
    memory: usize,
    /// Whether there was more to do than could be paid for.
    is_short: bool,
}

type Result<T> = std::result::Result<T, String>;

impl Budget {
    /// Pays for reading so much.
    pub(super) fn work(&mut self, units: usize) -> Result<()> {
        let Some(left) = self.work.checked_sub(units) else {
            self.is_short = true;
            return Err("the expression has too much to do".to_owned());
        };
        self.work = left;
        Ok(())
    }

    /// Pays for producing so many bytes.
    pub(super) fn memory(&mut self, bytes: usize) -> Result<()> {
        self.work(bytes)?;
        let left = self.memory.checked_sub(bytes);
        self.memory = left.ok_or("the expression makes values that are too large")?;
        Ok(())
    }

    /// Evaluates a part of the expression.
    pub(super) fn item<'a>(&mut self, node: &'a Node, row: &'a Value<'a>) -> Result<Item<'a>> {
        self.work(16)?;
        Ok(match node {
            Node::Row => Item::of(row),
            Node::Null => Item::Null,
            Node::Boolean(value) => Item::Boolean(*value),
            Node::Number(number) => Item::Number(*number),
            Node::Text(text) => Item::Text(Cow::Borrowed(text)),
            Node::List(nodes) => {
                self.memory(nodes.len().saturating_mul(64))?;
                let items: Result<Vec<_>> = nodes.iter().map(|node| self.item(node, row)).collect();
                Item::List(items?)
            }
            Node::Table(entries) => Item::Table(entries),
            Node::Member(base, name, index, place) => match self.item(base, row)? {
                Item::Row(value) => {
                    let found = match (value.elements(), index) {
                        (Some(list), Some(index)) => list.get(*index),
                        _ => {
                            self.work(value.members().map_or(0, <[_]>::len))?;
                            value.get_near(name, place)
                        }
                    };
                    found.map_or(Item::Null, Item::of)
                }
                Item::List(list) => index
                    .and_then(|index| list.into_iter().nth(index))
                    .unwrap_or(Item::Null),
                Item::Table(entries) => self.entry(entries, name, row)?,
                _ => Item::Null,
            },
            Node::Index(base, key) => {
                let base = self.item(base, row)?;
                let key = self.item(key, row)?;
                self.at(base, &key, row)?
            }
            Node::Slice(base, from, to) => {
                let base = self.item(base, row)?;
                let from = self.whole(from.as_deref(), row)?;
                let to = self.whole(to.as_deref(), row)?;
                self.slice(base, from, to)?
            }
            Node::Not(node) => Item::Boolean(!self.item(node, row)?.holds()),
            Node::Negative(node) => match self.item(node, row)?.number()? {
                Some(number) => Item::Number(-number),
                None => Item::Null,
            },
            Node::All(nodes) => self.first_that(nodes, row, false)?,
            Node::Any(nodes) => self.first_that(nodes, row, true)?,
            Node::Concat(nodes) => {
                let mut joined = String::new();
                for node in nodes {
                    let item = self.item(node, row)?;
                    let text = self.text(&item)?;
                    self.memory(text.len())?;
                    joined.push_str(&text);
                }
                Item::Text(joined.into())
            }
            Node::Compute(operator, left, right) => {
                let left = self.item(left, row)?.number()?;
                let right = self.item(right, row)?.number()?;
                match left.zip(right) {
                    Some((left, right)) => Item::Number(compute(*operator, left, right)?),
                    None => Item::Null,
                }
            }
            Node::Compare(comparison, left, right) => {
                let left = self.item(left, row)?;
                let right = self.item(right, row)?;
                Item::Boolean(self.compare(*comparison, &left, &right)?)
            }
            Node::Is(kind, node) => {
                let item = self.item(node, row)?;
                Item::Boolean(match kind {
                    Kind::Null => item.is_null(),
                    Kind::Empty => item.is_empty(),
                    Kind::Number => matches!(item, Item::Number(_)),
                    Kind::Text => matches!(item, Item::Text(_)),
                    Kind::List => item.len().is_some(),
                })
            }
            Node::If(test, then, otherwise) => match self.item(test, row)?.holds() {
                true => self.item(then, row)?,
                false => self.item(otherwise, row)?,
            },
            Node::Call(function, arguments, pattern) => self.call(*function, arguments, pattern.as_ref(), row)?,
        })
    }

    /// Returns the first value that holds, or does not; the last one otherwise.
    fn first_that<'a>(&mut self, nodes: &'a [Node], row: &'a Value<'a>, holds: bool) -> Result<Item<'a>> {
        let mut last = Item::Null;
        for node in nodes {
            last = self.item(node, row)?;
            if last.holds() == holds {
                break;
            }
        }
        Ok(last)
    }

    fn whole<'a>(&mut self, node: Option<&'a Node>, row: &'a Value<'a>) -> Result<Option<i64>> {
        use rust_decimal::prelude::ToPrimitive as _;
        let Some(node) = node else { return Ok(None) };
        let number = self.item(node, row)?.number()?;
        Ok(number.and_then(|number| number.trunc().to_i64()))
    }

    fn entry<'a>(&mut self, entries: &'a [(Box<str>, Node)], key: &str, row: &'a Value<'a>) -> Result<Item<'a>> {
        self.work(entries.len())?;
        match entries.iter().find(|(name, _)| **name == *key) {
            Some((_, node)) => self.item(node, row),
            None => Ok(Item::Null),
        }
    }

    /// Returns what stands at a place of a list, or under a name.
    pub(super) fn at<'a>(&mut self, base: Item<'a>, key: &Item<'_>, row: &'a Value<'a>) -> Result<Item<'a>> {
        if let (Some(length), Item::Number(_)) = (base.len(), key) {
            use rust_decimal::prelude::ToPrimitive as _;
            let at = key.number()?.and_then(|number| number.to_i64());
            let at = at.and_then(|at| place(at, length));
            return Ok(match (at, base) {
                (Some(at), Item::List(list)) => list.into_iter().nth(at).unwrap_or(Item::Null),
                (Some(at), Item::Row(value)) => {
                    let element = value.elements().and_then(|list| list.get(at));
                    element.map_or(Item::Null, Item::of)
                }
                _ => Item::Null,
            });
        }
        if key.is_null() {
            return Ok(Item::Null);
        }
        let name = self.text(key)?.into_owned();
        match base {
            Item::Table(entries) => self.entry(entries, &name, row),
            Item::Row(value) => {
                self.work(value.members().map_or(0, <[_]>::len))?;
                Ok(value.get(&name).map_or(Item::Null, Item::of))
            }
            _ => Ok(Item::Null),
        }
    }

    fn slice<'a>(&mut self, base: Item<'a>, from: Option<i64>, to: Option<i64>) -> Result<Item<'a>> {
        if let Item::Text(text) = &base {
            self.work(text.len())?;
            let length = text.chars().count();
            let (from, to) = (bound(from, 0, length), bound(to, length, length));
            let part: String = text.chars().skip(from).take(to.saturating_sub(from)).collect();
            self.memory(part.len())?;
            return Ok(Item::Text(part.into()));
        }
        let Some(length) = base.len() else {
            return Ok(Item::Null);
        };
        self.memory(length.saturating_mul(64))?;
        let elements = base.into_elements();
        let (from, to) = (bound(from, 0, length), bound(to, length, length));
        Ok(Item::List(
            elements.into_iter().skip(from).take(to.saturating_sub(from)).collect(),
        ))
    }

    /// Returns a value as text: nothing is the empty text, lists and objects are JSON.
    pub(super) fn text<'i>(&mut self, item: &'i Item<'_>) -> Result<Cow<'i, str>> {
        Ok(match item {
            Item::Null => Cow::Borrowed(""),
            Item::Text(text) => Cow::Borrowed(text),
            Item::Boolean(true) => Cow::Borrowed("true"),
            Item::Boolean(false) => Cow::Borrowed("false"),
            Item::Number(number) => Cow::Owned(number.to_string()),
            Item::Row(value) => Cow::Owned(self.written(value)?),
            Item::List(_) | Item::Table(_) => return Err(format!("{} is not a text; use `join`", item.kind())),
        })
    }

    fn written(&mut self, value: &Value<'_>) -> Result<String> {
        let mut text = Bounded {
            text: String::new(),
            left: self.memory,
        };
        let fits = fmt::write(&mut text, format_args!("{value}")).is_ok();
        self.memory(text.text.len())?;
        match fits {
            true => Ok(text.text),
            false => Err("the expression makes values that are too large".to_owned()),
        }
    }

    fn compare(&mut self, comparison: Comparison, left: &Item<'_>, right: &Item<'_>) -> Result<bool> {
        Ok(match comparison {
            Comparison::Equal => self.equals(left, right)?,
            Comparison::Other => !self.equals(left, right)?,
            Comparison::In => self.contains(right, left)?,
            Comparison::NotIn => !self.contains(right, left)?,
            Comparison::Less => self.order(left, right)? == Some(Ordering::Less),
            Comparison::AtMost => matches!(self.order(left, right)?, Some(Ordering::Less | Ordering::Equal)),
            Comparison::Greater => self.order(left, right)? == Some(Ordering::Greater),
            Comparison::AtLeast => matches!(self.order(left, right)?, Some(Ordering::Greater | Ordering::Equal)),
        })
    }

    pub(super) fn equals(&mut self, left: &Item<'_>, right: &Item<'_>) -> Result<bool> {
        Ok(match (left, right) {
            (Item::Null, Item::Null) => true,
            (Item::Boolean(left), Item::Boolean(right)) => left == right,
            (Item::Number(left), Item::Number(right)) => left == right,
            (Item::Text(left), Item::Text(right)) => {
                self.work(left.len().min(right.len()))?;
                left == right
            }
            (Item::Row(left), Item::Row(right)) => {
                let (left, right) = (self.written(left)?, self.written(right)?);
                left == right
            }
            _ => false,
        })
    }

    /// Returns the order of two numbers or two texts; none when one of them is nothing.
    fn order(&mut self, left: &Item<'_>, right: &Item<'_>) -> Result<Option<Ordering>> {
        match (left, right) {
            (Item::Null, _) | (_, Item::Null) => Ok(None),
            (Item::Text(left), Item::Text(right)) => {
                self.work(left.len().min(right.len()))?;
                Ok(Some(left.cmp(right)))
            }
            (left @ (Item::Number(_) | Item::Text(_)), right @ (Item::Number(_) | Item::Text(_))) => Ok(left
                .number()?
                .zip(right.number()?)
                .map(|(left, right)| left.cmp(&right))),
            (left, right) => Err(format!("{} and {} have no order", left.kind(), right.kind())),
        }
    }

    /// Returns whether a text has a part, a list an element, or an object or table a name.
    pub(super) fn contains(&mut self, whole: &Item<'_>, part: &Item<'_>) -> Result<bool> {
        match (whole, part) {
            (Item::Null, _) | (Item::Text(_), Item::Null) => Ok(false),
            (Item::Text(text), Item::Text(part)) => {
                self.work(text.len().saturating_add(part.len()))?;
                Ok(text.contains(part.as_ref()))
            }
            (Item::Table(entries), Item::Text(name)) => {
                self.work(entries.len())?;
                Ok(entries.iter().any(|(known, _)| **known == **name))
            }
            (Item::Row(value), Item::Text(name)) if value.is_object() => {
                self.work(value.members().map_or(0, <[_]>::len))?;
                Ok(value.get(name).is_some())
            }
            (whole, part) => {
                let Some(length) = whole.len() else {
                    return Err(format!("{} cannot hold {}", whole.kind(), part.kind()));
                };
                self.work(length.saturating_mul(16))?;
                match whole {
                    Item::List(list) => {
                        for element in list {
                            if self.equals(element, part)? {
                                return Ok(true);
                            }
                        }
                    }
                    whole => {
                        let Item::Row(value) = whole else { return Ok(false) };
                        for element in value.elements().unwrap_or_default() {
                            if self.equals(&Item::of(element), part)? {
                                return Ok(true);
                            }
                        }
                    }
                }
                Ok(false)
            }
        }
    }

    /// Turns a value into JSON.
    pub(super) fn value<'a>(&mut self, item: Item<'a>, row: &'a Value<'a>) -> Result<Value<'a>> {
        Ok(match item {
            Item::Null => Value::Null,
            Item::Boolean(value) => Value::Boolean(value),
            Item::Number(number) => Value::Number(number.normalize().to_string().into()),
            Item::Text(text) => Value::Text(text),
            Item::List(list) => {
                let values: Result<Vec<_>> = list.into_iter().map(|item| self.value(item, row)).collect();
                Value::List(values?.into())
            }
            Item::Table(entries) => {
                self.memory(entries.len().saturating_mul(96))?;
                let mut members = Vec::new();
                for (name, node) in entries {
                    let item = self.item(node, row)?;
                    members.push((Cow::Borrowed(&**name), self.value(item, row)?));
                }
                Value::Object(members.into())
            }
            Item::Row(value) => {
                // A copy of it is paid for like its text.
                self.written(value)?;
                value.clone()
            }
        })
    }
}

/// Returns the place in a list; from its end for a negative one.
fn place(at: i64, length: usize) -> Option<usize> {
    let at = if at < 0 {
        at.checked_add(i64::try_from(length).ok()?)?
    } else {
        at
    };
    usize::try_from(at).ok()
}

fn bound(at: Option<i64>, none: usize, length: usize) -> usize {
    match at {
        None => none,
        Some(at) => place(at, length).unwrap_or(0).min(length),
    }
}

fn compute(operator: Operator, left: Decimal, right: Decimal) -> Result<Decimal> {
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide | Operator::Whole | Operator::Rest if right.is_zero() => {
            return Err("division by zero".to_owned());
        }
        Operator::Divide => left.checked_div(right),
        Operator::Whole => left.checked_div(right).map(|number| number.floor()),
        Operator::Rest => left.checked_rem(right),
    };
    result.ok_or_else(|| "the number has too many digits".to_owned())
}

/// A text that takes so many bytes and no more.
struct Bounded {
    text: String,
    left: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.left = self.left.checked_sub(part.len()).ok_or(fmt::Error)?;
        self.text.push_str(part);
        Ok(())
    }
}
