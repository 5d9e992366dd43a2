//! Answers SELECT statements from tables: joins, conditions, order and columns. What does not exist is refused; who may
//! read a table, the caller says.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::super::columns::Columns;
use super::super::condition::{Path, values};
use super::super::form::Failure;
use super::super::language::fields;
use super::super::language::sql::{Join, Select, Shown, select};
use super::super::problem::{Kind, Problem};
use super::super::rows::{Content, Rows, compare_for_order};
use super::super::table::Table;

/// Why a statement has no rows.
pub(crate) enum Stop {
    /// The description is wrong.
    Failure(Failure),
    /// The statement is wrong.
    Problem(Problem),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// A table of the statement with its rows.
struct Source {
    name: String,
    table: &'static Table,
    content: Arc<Content>,
}

impl Source {
    fn columns(&self) -> &Columns {
        self.content.columns(self.table)
    }
}

/// Returns the rows of a statement. `may_read` tells for the place of a table whether it exists for the caller.
pub(crate) fn answer(text: &str, rows: &Arc<Rows>, may_read: &dyn Fn(usize) -> bool) -> Result<Vec<Json>, Stop> {
    let mut select = select(text)?;
    let main = source(rows, &select.table, may_read)?;
    let mut joined = Vec::new();
    for join in &select.joins {
        joined.push(source(rows, &join.table, may_read)?);
    }
    resolve(&mut select, &main, &joined)?;
    let mut found: Vec<Map<String, Json>> = main.content.rows.iter().map(|row| row.map.clone()).collect();
    for (join, source) in select.joins.iter().zip(&joined) {
        found = with(join, source, found);
    }
    let rules = rows.description.rules;
    found.retain(|row| select.condition.holds(row, rules));
    found.sort_by(|left, right| {
        let orders = select.order.iter().map(|(term, descending)| {
            let first = |row| values(row, term).into_iter().next().unwrap_or_default();
            let order = compare_for_order(&first(left), &first(right), rules.case);
            if *descending { order.reverse() } else { order }
        });
        orders
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    let counts = select.columns.iter().any(|column| column.shown == Shown::Count);
    let total = found.len();
    if counts {
        found = vec![Map::new()];
    }
    let mut shown: Vec<Json> = found.iter().map(|row| shown(&select, main.table, row, total)).collect();
    if select.distinct {
        let mut seen = std::collections::HashSet::new();
        shown.retain(|row| seen.insert(row.to_string()));
    }
    Ok(shown)
}

fn source(rows: &Arc<Rows>, name: &str, may_read: &dyn Fn(usize) -> bool) -> Result<Source, Stop> {
    let tables = &rows.description.tables;
    let at = tables.keys().position(|known| known.eq_ignore_ascii_case(name));
    let found = at
        .filter(|at| may_read(*at))
        .and_then(|at| Some((at, tables.get_index(at)?.1)));
    let Some((at, table)) = found else {
        return Err(
            Problem::new(Kind::UnknownTable, format!("Record '{name}' was not found."))
                .of(name)
                .into(),
        );
    };
    Ok(Source {
        name: name.to_owned(),
        table,
        content: rows.content(at)?,
    })
}

/// Gives the fields of a statement the names that rows have, or refuses those that are not there.
fn resolve(select: &mut Select, main: &Source, joined: &[Source]) -> Result<(), Problem> {
    let mut spelled = |field: &str| {
        if let Some((prefix, rest)) = field.split_once('.')
            && let Some(source) = joined.iter().find(|source| source.name == prefix)
        {
            let found = source.columns().spelled(rest);
            return found
                .map(|name| format!("{prefix}.{name}"))
                .ok_or_else(|| Problem::unknown_field(rest));
        }
        // A field without the name of its table may belong to any of them.
        let own = main.columns().spelled(field).map(str::to_owned);
        let other = || {
            joined.iter().find_map(|source| {
                let name = source.columns().spelled(field)?;
                Some(format!("{}.{name}", source.name))
            })
        };
        own.or_else(other).ok_or_else(|| Problem::unknown_field(field))
    };
    for column in &mut select.columns {
        match &mut column.shown {
            Shown::Term(term) | Shown::Formatted(term, _) => fields::rename_term(term, &mut spelled)?,
            Shown::Count => {}
        }
    }
    for (term, _) in &mut select.order {
        fields::rename_term(term, &mut spelled)?;
    }
    fields::rename(&mut select.condition, &mut spelled)?;
    for (join, source) in select.joins.iter_mut().zip(joined) {
        for (before, own) in &mut join.on {
            *before = spelled(before)?;
            let name = source.columns().spelled(own).map(str::to_owned);
            *own = name.ok_or_else(|| Problem::unknown_field(own))?;
        }
    }
    Ok(())
}

/// Puts the partners of rows into them, under the name of their table.
fn with(join: &Join, source: &Source, rows: Vec<Map<String, Json>>) -> Vec<Map<String, Json>> {
    let mut joined = Vec::with_capacity(rows.len());
    for row in rows {
        let wanted: Vec<(Json, &str)> = join
            .on
            .iter()
            .map(|(before, own)| (at(&row, before), own.as_str()))
            .collect();
        let partners = match wanted.first() {
            Some((value, own)) if !value.is_null() => source.content.with(own, value),
            _ => Vec::new(),
        };
        let partners = partners
            .iter()
            .filter(|partner| wanted.iter().all(|(value, own)| partner.map.get(*own) == Some(value)));
        let before = joined.len();
        for partner in partners {
            let mut row = row.clone();
            row.insert(source.name.clone(), Json::Object(partner.map.clone()));
            joined.push(row);
        }
        if join.is_outer && joined.len() == before {
            joined.push(row);
        }
    }
    joined
}

fn at(row: &Map<String, Json>, field: &str) -> Json {
    let path: Path = super::super::condition::path(field);
    let term = super::super::condition::Term::Field(path);
    values(row, &term).into_iter().next().unwrap_or_default()
}

fn shown(select: &Select, table: &Table, row: &Map<String, Json>, total: usize) -> Json {
    if select.columns.is_empty() {
        let own = row.iter().filter(|(name, _)| {
            let is_joined = select.joins.iter().any(|join| join.table == **name);
            table.shows(name) && !name.contains('@') && !is_joined
        });
        return Json::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect());
    }
    let columns = select.columns.iter().map(|column| {
        let value = match &column.shown {
            Shown::Count => json!(total),
            Shown::Term(term) | Shown::Formatted(term, _) => column
                .shown
                .show(values(row, term).into_iter().next().unwrap_or_default()),
        };
        (column.name.clone(), value)
    });
    Json::Object(columns.collect())
}
