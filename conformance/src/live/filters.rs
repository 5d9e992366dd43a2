//! Filters, counts and orders on the records that are there: what the system applies itself must mean what is applied
//! here, as far as one small page shows it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{End, Stop, Tried, reading::Case};
use crate::{
    answer::{items, word},
    conditions::conditions,
    meaning::{Filter, compare_in_order},
    shape::Column,
};

/// Records of a page.
const PAGE: usize = 10;
/// Values that are tried for one operator.
const MOST: usize = 3;

impl Case<'_> {
    /// Tries each operator that the connector declares on a value that a record has, one operator of each field first.
    pub(super) async fn operators(&mut self) -> Result<(), End> {
        let mut trials: Vec<(usize, Column, &'static str)> = Vec::new();
        let mut without_values = Vec::new();
        for column in &self.shape.columns {
            if column.declared.is_empty() {
                continue;
            }
            if self.rows.iter().all(|row| row[&column.name].is_null()) {
                without_values.push(column.name.clone());
                continue;
            }
            let declared = column.operators().iter();
            let declared = declared.filter(|operator| column.declared.contains(**operator));
            trials.extend(
                declared
                    .enumerate()
                    .map(|(at, operator)| (at, column.clone(), *operator)),
            );
        }
        if !without_values.is_empty() {
            let names = without_values.join(", ");
            self.outcome
                .untried
                .push(format!("filters by {names}: no record has a value"));
        }
        trials.sort_by_key(|(at, _, _)| *at);
        for (_, column, operator) in trials {
            self.operator(&column, operator).await?;
        }
        Ok(())
    }

    /// Tries one operator on values of records, up to the first that is given to the system. Some are not, such as texts
    /// with signs that the system gives a meaning to.
    async fn operator(&mut self, column: &Column, operator: &'static str) -> Result<(), End> {
        let mut is_pushed = false;
        for filter in filters(column, operator, &self.rows) {
            let Filter::Is(_, sort, _, operand) = &filter else {
                continue;
            };
            let told = match operand {
                Value::Array(values) => format!("one of {}", values.len()),
                operand => self.teller.value(Some(*sort), operand),
            };
            let trial = format!("filter {} {operator} {told}", column.name);
            let tried = self.filter(column, &filter).await;
            is_pushed = tried.as_ref().is_ok_and(|pushed| *pushed) || tried.is_err();
            self.settle(&trial, tried.map(drop))?;
            if is_pushed && operator != "isNull" {
                break;
            }
        }
        if !is_pushed {
            let note = format!(
                "filter {} {operator} is declared, and with the values of these records it is applied here",
                column.name
            );
            self.outcome.notes.push(note);
        }
        Ok(())
    }

    /// Tries one filter, and tells whether the system has applied it.
    async fn filter(&self, column: &Column, filter: &Filter) -> Tried<bool> {
        let selection = format!("id remoteId {}", column.selection());
        let arguments = json!({ "first": PAGE, "filter": filter.argument() });
        let page = match self.page(&selection, arguments).await {
            Err(Stop::Wrong(problem)) if problem.starts_with("SCAN_LIMIT_REACHED") => {
                return Err(Stop::Untried(
                    "the system leaves too many records to look through here".to_owned(),
                ));
            }
            page => page?,
        };
        let found = items(&page["nodes"]);
        for node in found {
            let value = column.value_in(node);
            let row = [(column.name.clone(), value.clone())].into_iter().collect();
            if !filter.matches(&row) {
                let told = self.teller.value(Some(column.sort), &value);
                return Err(Stop::Wrong(format!("{} came with {told}", word(&node["remoteId"]))));
            }
        }
        // What did not fit on the page says nothing about the records that were read before.
        if page["pageInfo"]["hasNextPage"] != true {
            let ids: BTreeSet<&str> = found.iter().map(|node| word(&node["id"])).collect();
            let meant = self.nodes.iter().zip(&self.rows).filter(|(_, row)| filter.matches(row));
            let lacks: Vec<&str> = meant
                .filter(|(node, _)| !ids.contains(word(&node["id"])))
                .map(|(node, _)| word(&node["remoteId"]))
                .collect();
            if let Some(record) = lacks.first() {
                return Err(Stop::Wrong(format!(
                    "{} that meet it are missing, such as {record}",
                    lacks.len()
                )));
            }
        }
        let pushed = items(&page["sources"][0]["pushedDown"]).iter().map(word);
        let is_this = |told: &str| told.split_once(' ').is_some_and(|(field, _)| field == column.name);
        Ok(pushed.into_iter().any(is_this))
    }

    /// Tries each order that the connector declares.
    pub(super) async fn orders(&mut self) -> Result<(), End> {
        let sortable = self.shape.columns.iter();
        let sortable = sortable.filter(|column| column.sortable && column.order.is_some());
        for column in sortable.cloned().collect::<Vec<_>>() {
            for descending in [false, true] {
                let direction = if descending { "DESC" } else { "ASC" };
                let tried = self.order(&column, descending, direction).await;
                self.settle(&format!("orderBy {} {direction}", column.name), tried)?;
            }
        }
        Ok(())
    }

    async fn order(&self, column: &Column, descending: bool, direction: &str) -> Tried {
        let selection = format!("id remoteId {}", column.selection());
        let order = json!({ "field": column.order, "direction": direction });
        let page = self
            .page(&selection, json!({ "first": PAGE, "orderBy": order }))
            .await?;
        for pair in items(&page["nodes"]).windows(2) {
            let (a, b) = (column.value_in(&pair[0]), column.value_in(&pair[1]));
            if compare_in_order(column.sort, descending, &a, &b).is_gt() {
                let told = |value: &Value| self.teller.value(Some(column.sort), value);
                return Err(Stop::Wrong(format!(
                    "{} with {} comes before {} with {}",
                    word(&pair[0]["remoteId"]),
                    told(&a),
                    word(&pair[1]["remoteId"]),
                    told(&b)
                )));
            }
        }
        Ok(())
    }
}

/// Returns the ordinary conditions for an operator.
fn filters(column: &Column, operator: &'static str, rows: &[crate::meaning::Row]) -> Vec<Filter> {
    let all = conditions(column, operator, rows).into_iter();
    let ordinary = all.filter(|condition| condition.ordinary);
    ordinary.map(|condition| condition.filter).take(MOST).collect()
}
