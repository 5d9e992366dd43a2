//! Filters and orders: what a system applies itself must mean what is applied here.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use super::{
    Listing, Trials,
    compare::{page_of, same_ids},
};
use crate::{
    answer::{items, word},
    conditions::{Condition, conditions, filters},
    dice::Dice,
    meaning::{Filter, compare_in_order},
    shape::Column,
};

/// Trials of combined filters for each entity.
const COMBINATIONS: usize = 24;
/// Steps by which a failing combination is made simpler.
const SIMPLER: usize = 40;
/// Trials under way at the same time.
const WIDTH: usize = 8;

impl Trials {
    /// Tries each operator that the connector declares, on values of its own records.
    pub(super) async fn operators(&self, listing: &Listing) {
        let mut trials = Vec::new();
        for column in &listing.shape.columns {
            for operator in column
                .operators()
                .iter()
                .filter(|operator| column.declared.contains(**operator))
            {
                let conditions = conditions(column, operator, &listing.rows);
                trials.push((column, *operator, conditions));
            }
        }
        stream::iter(trials)
            .for_each_concurrent(WIDTH, |(column, operator, conditions)| {
                self.operator(listing, column, operator, conditions)
            })
            .await;
    }

    pub(super) async fn operator(
        &self,
        listing: &Listing,
        column: &Column,
        operator: &str,
        conditions: Vec<Condition>,
    ) {
        let shape = &listing.shape;
        let mut pushed = false;
        for condition in conditions {
            let outcome = self.filtered(listing, &condition.filter).await;
            if let (true, Ok(words)) = (condition.ordinary, &outcome) {
                let is_this = |word: &&str| word.split_once(' ').is_some_and(|(field, _)| field == column.name);
                pushed |= words.iter().map(String::as_str).any(|word| is_this(&word));
            }
            self.check(
                &shape.entity,
                &format!("filter {}", condition.filter.argument()),
                outcome.map(drop),
            );
        }
        let has_values = listing.rows.iter().any(|row| !row[&column.name].is_null());
        let outcome = if pushed || !has_values {
            Ok(())
        } else {
            Err("it is declared, but no trial was pushed down".to_owned())
        };
        self.check(&shape.entity, &format!("operator {} {operator}", column.name), outcome);
    }

    /// Compares a filtered list with the whole list filtered here. Returns what was pushed down.
    pub(super) async fn filtered(&self, listing: &Listing, filter: &Filter) -> Result<Vec<String>, String> {
        let shape = &listing.shape;
        let list = &shape.list;
        let text = format!(
            "query($after: String, $filter: {}Filter) {{ {list}(first: 250, after: $after, filter: $filter) {{ nodes {{ id }} \
             pageInfo {{ hasNextPage endCursor }} sources {{ pushedDown }} }} }}",
            shape.entity
        );
        let mut found = BTreeSet::new();
        let mut pushed = Vec::new();
        let mut after = Value::Null;
        let place = self.stage.place().await?;
        loop {
            let answer = place
                .query(&text, json!({ "filter": filter.argument(), "after": after }))
                .await;
            let page = page_of(&answer, list)?;
            for node in items(&page["nodes"]) {
                let id = word(&node["id"]).to_owned();
                if !found.insert(id.clone()) {
                    return Err(format!("{} came twice", listing.remote_id(&id)));
                }
            }
            let words = page["sources"][0]["pushedDown"].as_array().into_iter().flatten();
            pushed.extend(words.map(|told| word(told).to_owned()));
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let meant = listing
            .ids
            .iter()
            .zip(&listing.rows)
            .filter(|(_, row)| filter.matches(row))
            .map(|(id, _)| id.clone());
        same_ids(listing, &meant.collect(), &found).map(|()| pushed)
    }

    /// Tries combinations of conditions, pushed or not.
    pub(super) async fn combinations(&self, listing: &Listing) {
        if listing.rows.is_empty() {
            return;
        }
        let strategy = filters(&listing.shape, &listing.rows);
        let mut dice = Dice::of(&format!("{} {}", self.subject.id, listing.shape.entity));
        let trees: Vec<_> = (0..COMBINATIONS).map(|_| dice.tree(&strategy)).collect();
        stream::iter(trees)
            .for_each_concurrent(WIDTH, |mut tree| async move {
                let mut filter = tree.current();
                let mut outcome = self.filtered(listing, &filter).await.map(drop);
                let mut left = SIMPLER;
                while outcome.is_err() && left > 0 && tree.simplify() {
                    loop {
                        left = left.saturating_sub(1);
                        let simpler = self.filtered(listing, &tree.current()).await.map(drop);
                        if simpler.is_err() {
                            (filter, outcome) = (tree.current(), simpler);
                            break;
                        }
                        if left == 0 || !tree.complicate() {
                            left = 0;
                            break;
                        }
                    }
                }
                self.check(&listing.shape.entity, &format!("filter {}", filter.argument()), outcome);
            })
            .await;
    }

    /// Tries each order that the connector declares, and a few that are made here.
    pub(super) async fn orders(&self, listing: &Listing) {
        let sortable = listing.shape.columns.iter().filter(|column| column.order.is_some());
        let (declared, others): (Vec<_>, Vec<_>) = sortable.partition(|column| column.sortable);
        let mut trials = Vec::new();
        for column in declared.into_iter().chain(others.into_iter().take(3)) {
            trials.extend([(column, false), (column, true)]);
        }
        stream::iter(trials)
            .for_each_concurrent(WIDTH, |(column, descending)| self.order(listing, column, descending))
            .await;
    }

    pub(super) async fn order(&self, listing: &Listing, column: &Column, descending: bool) {
        let direction = if descending { "DESC" } else { "ASC" };
        let order = json!({ "field": column.order, "direction": direction });
        let first = 1 + listing.ids.len() / 3;
        let selection = format!("id remoteId {}", column.selection());
        let nodes = self
            .pages(
                &listing.shape,
                &selection,
                json!({ "first": first.min(250), "orderBy": order }),
            )
            .await;
        let outcome = nodes.and_then(|nodes| {
            let ids: BTreeSet<String> = nodes.iter().map(|node| word(&node["id"]).to_owned()).collect();
            if ids.len() != nodes.len() {
                return Err(format!("{} records came twice", nodes.len() - ids.len()));
            }
            same_ids(listing, &listing.ids.iter().cloned().collect(), &ids)?;
            for pair in nodes.windows(2) {
                let (a, b) = (column.value_in(&pair[0]), column.value_in(&pair[1]));
                if compare_in_order(column.sort, descending, &a, &b).is_gt() {
                    return Err(format!(
                        "{} with {a} comes before {} with {b}",
                        pair[0]["remoteId"], pair[1]["remoteId"]
                    ));
                }
            }
            Ok(())
        });
        self.check(
            &listing.shape.entity,
            &format!("orderBy {} {direction}, {first} a page", column.name),
            outcome,
        );
    }
}
