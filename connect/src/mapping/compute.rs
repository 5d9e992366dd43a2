//! Numbers computed from others: a product, perhaps divided, perhaps summed over elements. Exact, or a problem.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{evaluate::Rows, test::Condition};
use crate::{json, manifest, path::Path};

/// A compiled computation.
#[derive(Clone, Debug)]
pub(super) struct Computation {
    multiply: Vec<Path>,
    divide_by: Vec<Path>,
    /// When all hold, the number is negated; empty never does.
    negative_when: Vec<Condition>,
    /// What does not hold all of them does not count.
    only_when: Vec<Condition>,
    factor: Option<Decimal>,
    sum_over: Option<Path>,
    round: Option<u32>,
}

impl Computation {
    /// Compiles a computation. The function parses a path, told its key and whether it starts at the element.
    pub(super) fn compile(
        compute: &manifest::Compute,
        mut parse: impl FnMut(String, &str, bool) -> Option<Path>,
    ) -> Result<Option<Self>, String> {
        if compute.multiply.is_empty() {
            return Err("`multiply` names no factor".to_owned());
        }
        let factor = match &compute.factor {
            Some(text) => Some(json::decimal_of(text).ok_or_else(|| format!("the factor `{text}` is not a number"))?),
            None => None,
        };
        if compute.round.is_some_and(|places| places > Decimal::MAX_SCALE) {
            return Err(format!("at most {} places are possible", Decimal::MAX_SCALE));
        }
        let inside = compute.sum_over.is_some();
        let mut failed = false;
        let mut keep = |path: Option<Path>| {
            failed |= path.is_none();
            path
        };
        let multiply = compute
            .multiply
            .iter()
            .enumerate()
            .filter_map(|(at, text)| keep(parse(format!("multiply/{at}"), text, inside)))
            .collect();
        let divisors = compute.divide_by.as_ref();
        let many = matches!(divisors, Some(manifest::OneOrMany::Many(_)));
        let divide_by = divisors
            .map_or(&[][..], manifest::OneOrMany::as_slice)
            .iter()
            .enumerate()
            .filter_map(|(at, text)| {
                let key = if many {
                    format!("divide_by/{at}")
                } else {
                    "divide_by".to_owned()
                };
                keep(parse(key, text, inside))
            })
            .collect();
        let mut tests = |key: &str, tests: &[manifest::Test]| -> Result<Vec<Condition>, String> {
            let mut compiled = Vec::new();
            for (at, test) in tests.iter().enumerate() {
                let test = Condition::compile(test, |name, text| {
                    keep(parse(format!("{key}/{at}/{name}"), text, inside))
                })?;
                compiled.extend(test);
            }
            Ok(compiled)
        };
        let negative_when = tests("negative_when", &compute.negative_when)?;
        let only_when = tests("only_when", &compute.only_when)?;
        let sum_over = compute
            .sum_over
            .as_ref()
            .and_then(|text| keep(parse("sum_over".to_owned(), text, false)));
        Ok((!failed).then_some(Self {
            multiply,
            divide_by,
            negative_when,
            only_when,
            factor,
            sum_over,
            round: compute.round,
        }))
    }

    /// Returns the paths that start at the row, and those that start at the elements.
    pub(super) fn paths(&self) -> (Vec<&Path>, Vec<&Path>) {
        let tests = self
            .negative_when
            .iter()
            .chain(&self.only_when)
            .flat_map(Condition::paths);
        let inner: Vec<&Path> = self.multiply.iter().chain(&self.divide_by).chain(tests).collect();
        match &self.sum_over {
            Some(list) => (vec![list], inner),
            None => (inner, Vec::new()),
        }
    }

    pub(super) fn describe(&self) -> String {
        let mut text = self.multiply.iter().map(Path::text).collect::<Vec<_>>().join(" * ");
        for divisor in &self.divide_by {
            text = format!("{text} / {divisor}");
        }
        match &self.sum_over {
            Some(list) => format!("sum of {text} over {list}"),
            None => text,
        }
    }

    /// Computes the number; nothing when a factor is missing.
    pub(super) fn number(&self, rows: &Rows<'_>) -> Result<Option<Decimal>, String> {
        let number = match &self.sum_over {
            None => self.product(rows)?,
            Some(list) => {
                let Some(found) = rows.elements(list) else {
                    return Ok(None);
                };
                let mut sum = Decimal::ZERO;
                for element in found.iter().filter(|element| element.is_object() || element.is_list()) {
                    if let Some(number) = self.product(&rows.inside(element))? {
                        sum = sum.checked_add(number).ok_or_else(too_large)?;
                    }
                }
                Some(sum)
            }
        };
        let Some(mut number) = number else { return Ok(None) };
        if let Some(factor) = self.factor {
            number = number.checked_mul(factor).ok_or_else(too_large)?;
        }
        Ok(Some(match self.round {
            Some(places) => number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero),
            None => number,
        }))
    }

    fn product(&self, rows: &Rows<'_>) -> Result<Option<Decimal>, String> {
        if !self.only_when.iter().all(|test| test.holds(rows)) {
            return Ok(None);
        }
        let mut product = Decimal::ONE;
        for path in &self.multiply {
            let Some(value) = rows
                .first(path)
                .filter(|value| !json::is_blank(value) && !json::is_false(value))
            else {
                return Ok(None);
            };
            let number =
                json::decimal(value).ok_or_else(|| format!("{} at `{path}` is not a number", json::excerpt(value)))?;
            product = product.checked_mul(number).ok_or_else(too_large)?;
        }
        for path in &self.divide_by {
            let divisor = rows.first(path).and_then(json::decimal);
            if let Some(divisor) = divisor.filter(|divisor| !divisor.is_zero()) {
                product = product.checked_div(divisor).ok_or_else(too_large)?;
            }
        }
        let is_negative = !self.negative_when.is_empty() && self.negative_when.iter().all(|test| test.holds(rows));
        Ok(Some(if is_negative { -product } else { product }))
    }
}

fn too_large() -> String {
    "the number is too large".to_owned()
}

impl<'a> Rows<'a> {
    /// Returns the elements of the list at a path; a single object is a list of one.
    pub(super) fn elements(&self, path: &Path) -> Option<Vec<&'a json::Value<'a>>> {
        let row = self.base(path)?;
        if path.finds_many() {
            return Some(path.all(row).into_vec());
        }
        let found = path.first(row)?;
        match found.elements() {
            Some(list) => Some(list.iter().collect()),
            None if found.is_object() => Some(vec![found]),
            None => None,
        }
    }
}
