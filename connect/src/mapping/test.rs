//! Tests of the values of a row, for `cases`.

use rust_decimal::Decimal;

use super::evaluate::Rows;
use crate::{json, manifest, path::Path};

/// A compiled test; everything that it says must hold.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    path: Path,
    equals: Option<Vec<serde_json::Value>>,
    present: Option<bool>,
    contains: Option<String>,
    greater_than: Option<Decimal>,
    at_least: Option<Path>,
}

impl Condition {
    pub(super) fn compile(
        test: &manifest::Test,
        mut parse: impl FnMut(&'static str, &str) -> Option<Path>,
    ) -> Result<Option<Self>, String> {
        let greater_than = match &test.greater_than {
            Some(text) => Some(json::decimal_of(text).ok_or_else(|| format!("`{text}` is not a number"))?),
            None => None,
        };
        let says_nothing = test.equals.is_none()
            && test.present.is_none()
            && test.contains.is_none()
            && greater_than.is_none()
            && test.at_least_path.is_none();
        if says_nothing {
            return Err(
                "the test says nothing: give `equals`, `present`, `contains`, `greater_than` or `at_least_path`"
                    .to_owned(),
            );
        }
        let at_least = match &test.at_least_path {
            Some(text) => match parse("at_least_path", text) {
                Some(path) => Some(path),
                None => return Ok(None),
            },
            None => None,
        };
        Ok(parse("path", &test.path).map(|path| Self {
            path,
            equals: test.equals.as_ref().map(|values| values.as_slice().to_vec()),
            present: test.present,
            contains: test.contains.clone(),
            greater_than,
            at_least,
        }))
    }

    /// Returns the paths that it reads.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.at_least)
    }

    pub(super) fn holds(&self, rows: &Rows<'_>) -> bool {
        let value = rows.first(&self.path);
        let number = || value.and_then(json::decimal);
        let equals = |wanted: &Vec<serde_json::Value>| {
            wanted
                .iter()
                .any(|wanted| value.map_or(wanted.is_null(), |value| json::equals(value, wanted)))
        };
        let is_present = || value.is_some_and(|value| !json::is_blank(value) && !json::is_false(value));
        let contains = |part: &String| {
            value
                .and_then(json::scalar_text)
                .is_some_and(|text| text.contains(part.as_str()))
        };
        let at_least = |other: &Path| {
            let other = rows.first(other).and_then(json::decimal);
            number().zip(other).is_some_and(|(number, other)| number >= other)
        };
        self.equals.as_ref().is_none_or(equals)
            && self.present.is_none_or(|wanted| is_present() == wanted)
            && self.contains.as_ref().is_none_or(contains)
            && self
                .greater_than
                .is_none_or(|least| number().is_some_and(|number| number > least))
            && self.at_least.as_ref().is_none_or(at_least)
    }
}
