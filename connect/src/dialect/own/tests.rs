//! Tests of described languages: those of known systems as manifests write them, and that no value changes the form.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod fixtures;
mod safety;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use serde_json::{Value, json};

use super::*;
use crate::{
    blueprint::Problem,
    dialect::{Comparison, Constant, Expression, SortTerm},
    manifest::{FilterLanguage, yaml},
};

fn compiled(text: &str) -> (Arc<Own>, Vec<Problem>) {
    let json = yaml::parse(text).unwrap()[0].to_json();
    let written: FilterLanguage = serde_json::from_value(json).unwrap();
    let mut problems = Vec::new();
    let own = Own::compile(&written, "/language", &mut problems);
    (own, problems)
}

fn own(text: &str) -> Arc<Own> {
    let (own, problems) = compiled(text);
    assert!(problems.is_empty(), "{problems:?}");
    own
}

fn text(value: &str) -> Constant {
    Constant::Text(value.to_owned())
}

fn is(name: &str, comparison: Comparison, constant: Constant) -> Expression {
    Expression::compare(name, comparison, constant)
}

fn eq(name: &str, value: &str) -> Expression {
    is(name, Comparison::Eq, text(value))
}

fn listed(name: &str, values: &[&str]) -> Expression {
    Expression::one_of(name, values.iter().map(|value| text(value)).collect()).unwrap()
}

fn missing(name: &str, missing: bool) -> Expression {
    Expression::Missing {
        name: name.to_owned(),
        missing,
    }
}

fn all(parts: impl IntoIterator<Item = Expression>) -> Expression {
    Expression::all(parts)
}

fn any(parts: impl IntoIterator<Item = Expression>) -> Expression {
    Expression::any(parts).unwrap()
}

fn moment(text: &str) -> DateTime<chrono::Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> Constant {
    Constant::Date(text.parse::<NaiveDate>().unwrap())
}

fn written(own: &Own, expression: &Expression) -> Value {
    own.write(expression).unwrap().condition
}

fn terms(terms: &[(&str, Direction)]) -> Vec<SortTerm> {
    let term = |(name, direction): &(&str, Direction)| SortTerm {
        name: (*name).to_owned(),
        direction: *direction,
        by: SortedBy::Field,
    };
    terms.iter().map(term).collect()
}
