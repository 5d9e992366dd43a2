//! The world as expressions see it: lists of records, found by id, with what follows from several records filled in.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::form::to_value;
use crate::world::World;

/// The records of a world.
pub(crate) struct Plant {
    lists: HashMap<&'static str, List>,
    own: HashMap<&'static str, Value>,
}

struct List {
    all: Value,
    records: Vec<Value>,
    places: HashMap<u32, usize>,
}

impl fmt::Debug for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lists.keys()).finish()
    }
}

impl Object for Plant {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.list_or_own(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.list_or_own(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl Plant {
    pub(crate) fn of(world: &World) -> Self {
        let site = |location: u32| world.site_of(location).map(|site| site.id);
        let mut lists = HashMap::new();
        let mut add = |name, records: Vec<Json>| {
            lists.insert(name, List::of(records));
        };
        add("users", plain(&world.users));
        add("vendors", plain(&world.vendors));
        add("items", plain(&world.items));
        add("calibrations", plain(&world.calibrations));
        add("stock_movements", plain(&world.stock_movements));
        add(
            "locations",
            extended(&world.locations, |location| json!({"site": site(location.id)})),
        );
        add(
            "stock_levels",
            extended(
                &world.stock_levels,
                |level| json!({"site": site(level.location), "available": level.available()}),
            ),
        );
        add(
            "assets",
            extended(&world.assets, |asset| json!({"site": site(asset.location)})),
        );
        add(
            "meters",
            extended(&world.meters, |meter| {
                let reading =
                    |(at, (instant, value)): (usize, &(_, _))| json!({"seq": at + 1, "at": instant, "value": value});
                json!({"readings": meter.readings.iter().enumerate().map(reading).collect::<Vec<_>>()})
            }),
        );
        add(
            "work_orders",
            extended(&world.work_orders, |order| json!({"site": site(order.location)})),
        );
        let line =
            |line: &crate::world::PoLine| extend(record(line), json!({"subtotal": line.subtotal(), "tax": line.tax()}));
        add(
            "purchase_orders",
            extended(&world.purchase_orders, |order| {
                let lines: Vec<Json> = order.lines.iter().map(line).collect();
                json!({"lines": lines, "untaxed": order.untaxed(), "tax": order.tax(), "total": order.total()})
            }),
        );
        let lines = world.purchase_lines();
        let lines = lines.map(|(order, own)| extend(line(own), json!({"purchase_order": order.id})));
        add("purchase_lines", lines.collect());
        add(
            "receipts",
            extended(&world.receipts, |receipt| {
                let line = |(at, (line, quantity)): (usize, &(_, _))| json!({"seq": at + 1, "line": line, "quantity": quantity});
                json!({"lines": receipt.lines.iter().enumerate().map(line).collect::<Vec<_>>()})
            }),
        );
        let own = HashMap::from([
            ("company", Value::from(world.company.as_str())),
            ("currency", Value::from(world.currency.as_str())),
        ]);
        Self { lists, own }
    }

    fn list_or_own(&self, name: &str) -> Option<Value> {
        let list = self.lists.get(name).map(|list| list.all.clone());
        list.or_else(|| self.own.get(name).cloned())
    }

    /// Returns a record by its id; null if there is none.
    pub(crate) fn find(&self, list: &str, id: Option<u32>) -> Result<Value, String> {
        let found = self.lists.get(list).ok_or_else(|| self.unknown(list))?;
        let record = id.and_then(|id| found.records.get(*found.places.get(&id)?));
        Ok(record.cloned().unwrap_or_else(|| Value::from(())))
    }

    /// Returns the records of a list.
    pub(crate) fn records(&self, list: &str) -> Result<&[Value], String> {
        let found = self.lists.get(list).ok_or_else(|| self.unknown(list))?;
        Ok(&found.records)
    }

    fn unknown(&self, list: &str) -> String {
        let mut known: Vec<&str> = self.lists.keys().copied().collect();
        known.sort_unstable();
        format!("the world has no list {list:?}; it has {}", known.join(", "))
    }
}

impl List {
    fn of(records: Vec<Json>) -> Self {
        let id = |record: &Json| {
            record
                .get("id")
                .and_then(Json::as_u64)
                .and_then(|id| u32::try_from(id).ok())
        };
        let places = records
            .iter()
            .enumerate()
            .filter_map(|(at, record)| Some((id(record)?, at)));
        let places = places.collect();
        let records: Vec<Value> = records.iter().map(to_value).collect();
        Self {
            all: Value::from(records.clone()),
            records,
            places,
        }
    }
}

fn record(record: &impl Serialize) -> Json {
    serde_json::to_value(record).unwrap_or_default()
}

fn plain<T: Serialize>(records: &[T]) -> Vec<Json> {
    records.iter().map(record).collect()
}

fn extended<T: Serialize>(records: &[T], more: impl Fn(&T) -> Json) -> Vec<Json> {
    records.iter().map(|one| extend(record(one), more(one))).collect()
}

fn extend(mut record: Json, more: Json) -> Json {
    if let (Json::Object(members), Json::Object(more)) = (&mut record, more) {
        members.extend(more);
    }
    record
}

/// Serializes a customer's own fields as a table.
pub(crate) fn custom<S: serde::Serializer>(
    fields: &crate::world::CustomFields,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    use crate::world::Custom;
    let table: Map<String, Json> = fields
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Custom::Text(text) => json!(text),
                Custom::Number(number) => json!(number),
                Custom::Flag(flag) => json!(flag),
                Custom::Date(day) => json!(day),
                Custom::Choice { value, .. } => json!(value),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    table.serialize(serializer)
}
