//! Keys put together so that one condition asks for many of them.

use super::filters::KeyPart;
use crate::dialect::{Comparison, Constant, Expression};

/// Rows that differ in one part only.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    varying: usize,
    rows: Vec<Vec<Constant>>,
}

impl Group {
    /// Writes the group as a condition.
    pub(crate) fn expression(&self, parts: &[KeyPart]) -> Option<Expression> {
        let first = self.rows.first()?;
        let mut all = Vec::new();
        for (at, (part, constant)) in parts.iter().zip(first).enumerate() {
            if at == self.varying {
                let list = self.rows.iter().filter_map(|row| row.get(at).cloned()).collect();
                all.push(Expression::one_of(&part.name, list)?);
            } else {
                all.push(Expression::compare(&part.name, Comparison::Eq, constant.clone()));
            }
        }
        Some(Expression::all(all))
    }
}

/// Groups rows so that within a group only one part varies, with as few groups as one such part allows.
pub(crate) fn group_rows(parts: usize, rows: Vec<Vec<Constant>>) -> Vec<Group> {
    let grouped = |varying: usize| {
        let mut groups: indexmap::IndexMap<String, Vec<Vec<Constant>>> = indexmap::IndexMap::new();
        for row in &rows {
            let others: Vec<&Constant> = row
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != varying)
                .map(|(_, constant)| constant)
                .collect();
            groups.entry(format!("{others:?}")).or_default().push(row.clone());
        }
        groups
            .into_values()
            .map(|rows| Group { varying, rows })
            .collect::<Vec<_>>()
    };
    // The last part is tried first, so that it varies when several would do equally well.
    (0..parts).rev().map(grouped).min_by_key(Vec::len).unwrap_or_default()
}
