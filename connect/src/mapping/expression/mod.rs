//! Expressions over a row: small, pure, and bounded in steps, memory and output.
//!
//! There are no loops, no definitions and no text repetition, so that every part of an expression is evaluated at most
//! once; what functions scan and produce is charged against a budget. Numbers are exact decimals.

mod call;
mod dates;
mod evaluate;
mod functions;
mod item;
mod parse;

#[cfg(test)]
mod tests;

use regex::Regex;
use rust_decimal::Decimal;

use functions::{FUNCTIONS, Function};

use crate::{
    json::{Place, Value},
    path::Path,
};
pub(super) use evaluate::PageBudget;
use item::Item;

/// Returns every function: how it is called and what it gives.
pub fn functions() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS.iter().map(|about| (about.usage, about.about))
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    text: Box<str>,
    root: Node,
    /// What it reads of the row; none when that cannot be told.
    members: Option<Vec<Path>>,
}

/// A part of an expression.
#[derive(Clone, Debug)]
enum Node {
    Row,
    Null,
    Boolean(bool),
    Number(Decimal),
    Text(Box<str>),
    List(Vec<Node>),
    Table(Vec<(Box<str>, Node)>),
    Member(Box<Node>, Box<str>, Option<usize>, Place),
    Index(Box<Node>, Box<Node>),
    Slice(Box<Node>, Option<Box<Node>>, Option<Box<Node>>),
    Not(Box<Node>),
    Negative(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Concat(Vec<Node>),
    Compute(Operator, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Is(Kind, Box<Node>),
    /// The test, what holds then, and what holds otherwise.
    If(Box<Node>, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>, Option<Pattern>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Whole,
    Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Other,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
}

/// What `is` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Empty,
    Number,
    Text,
    List,
}

/// A regular expression, and what reading one byte with it costs.
#[derive(Clone, Debug)]
struct Pattern {
    regex: Regex,
    cost: usize,
}

/// What an expression gives.
pub(super) enum Outcome<'a> {
    /// A value of the row as it is.
    Row(&'a Value<'a>),
    /// Another value.
    New(Value<'a>),
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// Tells what is wrong with it and where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (root, members) = parse::parse(text)?;
        Ok(Self {
            text: text.trim().into(),
            root,
            members,
        })
    }

    /// Returns it as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the paths of what it reads of the row; none when that cannot be told.
    pub(crate) fn members(&self) -> Option<&[Path]> {
        self.members.as_deref()
    }

    /// Evaluates it for a row of a page.
    ///
    /// # Errors
    /// Tells what went wrong: operands that do not fit, or more work or output than an expression, or all of the page,
    /// may make.
    pub(super) fn evaluate<'a>(&'a self, row: &'a Value<'a>, page: &PageBudget) -> Result<Outcome<'a>, String> {
        let outcome = page.spend(|budget| match budget.item(&self.root, row)? {
            Item::Row(value) => Ok(Outcome::Row(value)),
            item => budget.value(item, row).map(Outcome::New),
        })?;
        page.output(match &outcome {
            Outcome::Row(value) => value,
            Outcome::New(value) => value,
        })?;
        Ok(outcome)
    }
}
