//! What records say of themselves: statuses, raw rows, look-ups by id, and their number.

use serde_json::{Value, json};

use super::{
    Listing, Trials,
    compare::{no_errors, page_of, same_count, same_record},
};
use crate::{
    answer::{items, word},
    conditions::{conditions, missing},
};

impl Trials {
    pub(super) fn statuses(&self, listing: &Listing) {
        if !listing.shape.has_status {
            return;
        }
        let unknown: Vec<_> = listing
            .nodes
            .iter()
            .filter(|node| node["status"] == "UNKNOWN")
            .collect();
        let outcome = match unknown.first() {
            Some(first) if !self.subject.says_unknown(&listing.shape.entity) => Err(format!(
                "{} records are UNKNOWN, such as {} with {}",
                unknown.len(),
                first["remoteId"],
                first["statusInfo"]
            )),
            _ => Ok(()),
        };
        self.check(&listing.shape.entity, "status", outcome);
    }

    pub(super) async fn raw(&self, listing: &Listing) {
        let nodes = self
            .pages(
                &listing.shape,
                "remoteId remoteKeys { value } raw",
                json!({ "first": 100 }),
            )
            .await;
        self.check(
            &listing.shape.entity,
            "raw",
            nodes.and_then(|nodes| {
                for node in &nodes {
                    if !node["raw"].is_object() {
                        return Err(format!("of {} it is {}", node["remoteId"], node["raw"]));
                    }
                    for part in items(&node["remoteKeys"]) {
                        if !has_scalar(&node["raw"], word(&part["value"])) {
                            return Err(format!(
                                "of {} it has no {}: {}",
                                node["remoteId"], part["value"], node["raw"]
                            ));
                        }
                    }
                }
                Ok(())
            }),
        );
    }

    pub(super) async fn look_ups(&self, listing: &Listing) {
        let shape = &listing.shape;
        if !shape.looks_up {
            return;
        }
        let step = (listing.nodes.len() / 11).max(1);
        let sample: Vec<&Value> = listing.nodes.iter().step_by(step).collect();
        let ids: Vec<&Value> = sample.iter().map(|node| &node["id"]).collect();
        let text = format!(
            "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {} {{ {} }} }} }}",
            shape.entity, shape.selection
        );
        let answer = self.stage.query(&text, json!({ "ids": ids })).await;
        self.check(
            &shape.entity,
            "nodes",
            no_errors(&answer).and_then(|()| {
                let found = items(&answer.body["data"]["nodes"]);
                sample
                    .iter()
                    .zip(found)
                    .try_for_each(|(listed, found)| same_record(listed, found))
            }),
        );
        let Some(first) = sample.first() else { return };
        let text = format!(
            "query($id: ID!) {{ {}(id: $id) {{ {} }} }}",
            shape.single, shape.selection
        );
        let answer = self.stage.query(&text, json!({ "id": first["id"] })).await;
        let found = no_errors(&answer).and_then(|()| same_record(first, &answer.body["data"][&shape.single]));
        self.check(&shape.entity, &shape.single, found);
        let Ok(id) = word(&first["id"]).parse() else { return };
        let ghost = missing(&id);
        let answer = self.stage.query(&text, json!({ "id": ghost.to_string() })).await;
        let nothing = no_errors(&answer).and_then(|()| match &answer.body["data"][&shape.single] {
            Value::Null => Ok(()),
            other => Err(format!("a record that does not exist is {other}")),
        });
        self.check(&shape.entity, "look-up of a missing record", nothing);
    }

    pub(super) async fn counts(&self, listing: &Listing) {
        let shape = &listing.shape;
        let text = format!(
            "query($filter: {}Filter) {{ {}(first: 1, filter: $filter) {{ totalCount sources {{ appliedHere }} }} }}",
            shape.entity, shape.list
        );
        let answer = self.stage.query(&text, json!({})).await;
        let total = page_of(&answer, &shape.list)
            .and_then(|page| same_count(shape.counts, &page["totalCount"], listing.ids.len()));
        self.check(&shape.entity, "totalCount", total);
        for column in shape.columns.iter().filter(|column| !column.exact.is_empty()) {
            let Some(operator) = column
                .operators()
                .iter()
                .find(|operator| column.exact.contains(**operator))
            else {
                continue;
            };
            let Some(condition) = conditions(column, operator, &listing.rows).into_iter().next() else {
                continue;
            };
            let answer = self
                .stage
                .query(&text, json!({ "filter": condition.filter.argument() }))
                .await;
            let number = listing.rows.iter().filter(|row| condition.filter.matches(row)).count();
            let total = page_of(&answer, &shape.list).and_then(|page| {
                let pushed = page["sources"][0]["appliedHere"] == json!([]);
                same_count(shape.counts && pushed, &page["totalCount"], number)
            });
            self.check(
                &shape.entity,
                &format!("totalCount with {}", condition.filter.argument()),
                total,
            );
        }
    }
}

/// Tells whether a row has a value, apart from case, blanks, zeros in front and quotation marks.
pub(crate) fn has_scalar(raw: &Value, wanted: &str) -> bool {
    let plain = |text: &str| text.trim().trim_start_matches('0').to_lowercase();
    match raw {
        Value::String(text) => plain(text) == plain(wanted) || text.to_lowercase().contains(&wanted.to_lowercase()),
        Value::Number(number) => plain(&number.to_string()) == plain(wanted),
        Value::Array(values) => values.iter().any(|value| has_scalar(value, wanted)),
        Value::Object(members) => members.values().any(|value| has_scalar(value, wanted)),
        _ => false,
    }
}
