//! Relations: references lead to the records that lists show, and lists of children are the grouping of all of them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::{Listing, Trials, compare::same_ids};
use crate::{answer::word, shape::Reverse};

impl Trials {
    /// Follows a reference of all records, and holds what is found against the list of its type.
    pub(super) async fn reference(&self, listing: &Listing, field: &str, target: Option<&Listing>) {
        let leaf = target.and_then(|target| {
            target
                .shape
                .columns
                .iter()
                .find(|column| column.name != "remoteId" && !column.selection().contains('{'))
        });
        let leaf_name = leaf.map_or("isDeleted", |column| column.name.as_str());
        let selection = format!("remoteId {field} {{ id remoteId {leaf_name} }}");
        let nodes = self.pages(&listing.shape, &selection, json!({ "first": 250 })).await;
        let known: HashMap<&Value, &Value> = target
            .iter()
            .flat_map(|target| &target.nodes)
            .map(|node| (&node["id"], node))
            .collect();
        let before: HashMap<&Value, &Value> = listing
            .nodes
            .iter()
            .map(|node| (&node["remoteId"], &node[field]["id"]))
            .collect();
        let outcome = nodes.and_then(|nodes| {
            for node in &nodes {
                let id = before.get(&node["remoteId"]).copied().unwrap_or(&Value::Null);
                if &node[field]["id"] != id {
                    return Err(format!(
                        "of {} it is {} and not the record {id}",
                        node["remoteId"], node[field]
                    ));
                }
                if let Some(record) = known.get(id)
                    && record[leaf_name] != node[field][leaf_name]
                {
                    let (a, b) = (&node[field][leaf_name], &record[leaf_name]);
                    return Err(format!(
                        "of {} its {leaf_name} is {a}, and {b} in the list",
                        node["remoteId"]
                    ));
                }
            }
            Ok(())
        });
        self.check(&listing.shape.entity, &format!("reference {field}"), outcome);
    }

    /// Follows a relation to records that point back, and holds them against the grouping of their list.
    pub(super) async fn reverse(&self, listing: &Listing, reverse: &Reverse, children: Option<&Listing>) {
        let Reverse {
            name,
            child,
            by,
            by_is_mapped,
        } = reverse;
        let back = if *by_is_mapped {
            format!("{by} {{ id }}")
        } else {
            String::new()
        };
        let nodes = self
            .pages(
                &listing.shape,
                &format!("id remoteId {name} {{ id {back} }}"),
                json!({ "first": 250 }),
            )
            .await;
        let again = self
            .pages(
                &listing.shape,
                &format!("{name} {{ remoteId id }}"),
                json!({ "first": 250 }),
            )
            .await;
        let expected = self.expected(child).await;
        let outcome = nodes.and_then(|nodes| {
            for (node, again) in nodes.iter().zip(again?) {
                let ids = |node: &Value| {
                    node[name]
                        .as_array()
                        .map(|list| list.iter().map(|record| record["id"].clone()).collect::<Vec<_>>())
                };
                if ids(node) != ids(&again) {
                    return Err(format!("of {} ids depend on what else is selected", node["remoteId"]));
                }
            }
            let mut seen = BTreeSet::new();
            for node in &nodes {
                let Some(list) = node[name].as_array() else {
                    return Err(format!("of {} it is {}", node["remoteId"], node[name]));
                };
                for record in list {
                    if !seen.insert(record["id"].as_str().unwrap_or_default().to_owned()) {
                        return Err(format!(
                            "{} of {} came twice or has no id",
                            record["id"], node["remoteId"]
                        ));
                    }
                    if *by_is_mapped && record[by]["id"] != node["id"] {
                        return Err(format!(
                            "{} of {} points to {}",
                            record["id"], node["remoteId"], record[by]
                        ));
                    }
                }
                if let Some(children) = children.filter(|_| *by_is_mapped) {
                    let own = children.nodes.iter().filter(|record| record[by]["id"] == node["id"]);
                    let own: BTreeSet<String> = own.map(|record| word(&record["id"]).to_owned()).collect();
                    let found = list.iter().map(|record| word(&record["id"]).to_owned()).collect();
                    same_ids(children, &own, &found)
                        .map_err(|problem| format!("of {}: {problem}", node["remoteId"]))?;
                }
            }
            match expected {
                Some(expected) if children.is_none() && seen.len() != expected => {
                    Err(format!("{} records in all, and the world has {expected}", seen.len()))
                }
                _ => Ok(()),
            }
        });
        self.check(&listing.shape.entity, &format!("relation {name} to {child}"), outcome);
    }
}
