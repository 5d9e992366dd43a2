//! The records that a system has before anything is written: whose codes and references are good in that system, and
//! which stand in a status.

use std::collections::BTreeMap;

use lineshaft_schema::{ConnectionId, FieldType, GlobalId, RemoteKey, TypeDef, TypeIndex};
use serde_json::{Value, json};

use super::{
    model::{catalogue, plural, selection, type_named},
    values::is_empty,
};
use crate::support::Plant;

/// The records of one connection by type, those of parts with the id of their owner as `owner`.
pub struct Pool {
    pub connection: String,
    records: BTreeMap<String, Vec<Value>>,
}

/// Types that are referred to or written.
const ENTITIES: [&str; 8] = [
    "PurchaseOrder",
    "WorkOrder",
    "InventoryItem",
    "Vendor",
    "Asset",
    "Location",
    "User",
    "Meter",
];

impl Pool {
    /// Reads the records of a connection; a type that its connector does not have has none.
    pub async fn read(plant: &Plant, connection: &str) -> Self {
        let catalogue = catalogue();
        let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for entity in ENTITIES {
            let def = type_named(&catalogue, entity);
            let list = plural(def);
            let text = format!(
                "query($connections: [ID!]) {{ list: {list}(first: 60, connections: $connections) {{ nodes {{ {} }} \
                 sources {{ status error {{ message }} }} }} }}",
                selection(&catalogue, entity)
            );
            let answer = plant.query(&text, json!({ "connections": [connection] })).await;
            if answer.body["data"]["list"]["sources"][0]["status"] == "UNSUPPORTED" {
                continue;
            }
            for node in answer.nodes("list").iter().filter(|node| !is_elsewhere(node)) {
                records.entry(entity.to_owned()).or_default().push(node.clone());
                for (part, row) in parts(def, node) {
                    records.entry(part).or_default().push(row);
                }
            }
        }
        Self {
            connection: connection.to_owned(),
            records,
        }
    }

    /// Returns the records of a type.
    pub fn all(&self, kind: &str) -> &[Value] {
        self.records.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Returns the records of a type that stand in one of some statuses; any when there are none.
    pub fn in_status(&self, kind: &str, statuses: &[String]) -> Vec<&Value> {
        let stands = |record: &&Value| {
            statuses.is_empty()
                || record["status"]
                    .as_str()
                    .is_some_and(|is| statuses.iter().any(|one| one == is))
        };
        self.all(kind).iter().filter(stands).collect()
    }

    /// Returns the values that a field has in the records of a type, each once, the first first.
    pub fn values(&self, kind: &str, field: &str) -> Vec<&Value> {
        let mut values: Vec<&Value> = Vec::new();
        for value in self.all(kind).iter().map(|record| &record[field]) {
            if !is_empty(value) && !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// Returns the ids of the records of a type.
    pub fn ids(&self, kind: &str) -> Vec<String> {
        let ids = self.all(kind).iter().filter_map(|record| record["id"].as_str());
        ids.map(str::to_owned).collect()
    }

    /// Returns the id of some record of a type, if need be of one that does not exist.
    pub fn any_id(&self, kind: &str) -> String {
        self.ids(kind)
            .into_iter()
            .next()
            .unwrap_or_else(|| self.no_record(kind))
    }

    /// Returns the id of a record of the connection that does not exist.
    pub fn no_record(&self, kind: &str) -> String {
        let connection: ConnectionId = self.connection.parse().unwrap();
        GlobalId {
            connection,
            kind: kind.into(),
            key: RemoteKey::single("987654321"),
        }
        .to_string()
    }
}

/// Tells whether a record stands at the second site of Maximo, which takes no references across sites.
fn is_elsewhere(node: &Value) -> bool {
    node["remoteId"].as_str().is_some_and(|key| key.starts_with("NASHUA|"))
}

fn parts(def: &TypeDef, node: &Value) -> Vec<(String, Value)> {
    let catalogue = catalogue();
    let part_of = |kind: FieldType| -> Option<TypeIndex> {
        match kind {
            FieldType::Object(index) if catalogue.type_at(index)?.has_rows() => Some(index),
            _ => None,
        }
    };
    let lists = def
        .fields
        .values()
        .filter_map(|field| Some((field, part_of(field.kind)?)));
    let mut rows = Vec::new();
    for (field, index) in lists {
        let name = &catalogue.type_at(index).unwrap().name;
        for row in node[&field.name].as_array().into_iter().flatten() {
            let mut row = row.clone();
            row["owner"] = node["id"].clone();
            rows.push((name.clone(), row));
        }
    }
    rows
}
