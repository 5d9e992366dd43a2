//! The rows of a described system: computed from the world once, with what clients wrote laid over them, and the members
//! that are derived from both.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde_json::{Map, Value as Json};

use super::columns::Columns;
use super::condition::{Case, order_of};
use super::description::{Description, Shows};
use super::form::{Failure, Scope, members_json, row_value, to_json, to_value};
use super::plant::Plant;
use super::table::{Source, Table};
use crate::world::World;

/// A row and how expressions see it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) map: Map<String, Json>,
    value: OnceLock<Value>,
}

impl Row {
    pub(crate) fn of(map: Map<String, Json>) -> Arc<Self> {
        Arc::new(Self {
            map,
            value: OnceLock::new(),
        })
    }

    pub(crate) fn value(&self) -> Value {
        self.value.get_or_init(|| row_value(&self.map)).clone()
    }
}

/// What clients wrote.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overlay {
    tables: HashMap<usize, Written>,
    /// How many rows were written, for the clock.
    pub(crate) writes: u32,
}

/// What clients wrote to one table.
#[derive(Debug, Clone, Default)]
struct Written {
    changed: HashMap<String, Map<String, Json>>,
    created: IndexMap<String, Map<String, Json>>,
    deleted: HashSet<String>,
    last_number: i64,
}

impl Overlay {
    pub(crate) fn create(&mut self, table: usize, key: &str, row: Map<String, Json>, number: Option<i64>) {
        let written = self.tables.entry(table).or_default();
        written.created.insert(key.to_owned(), row);
        written.last_number = written.last_number.max(number.unwrap_or_default());
        self.writes += 1;
    }

    pub(crate) fn change(&mut self, table: usize, key: &str, members: Map<String, Json>) {
        let written = self.tables.entry(table).or_default();
        match written.created.get_mut(key) {
            Some(row) => row.extend(members),
            None => written.changed.entry(key.to_owned()).or_default().extend(members),
        }
        self.writes += 1;
    }

    pub(crate) fn delete(&mut self, table: usize, key: &str) {
        let written = self.tables.entry(table).or_default();
        if written.created.shift_remove(key).is_none() {
            written.changed.remove(key);
            written.deleted.insert(key.to_owned());
        }
        self.writes += 1;
    }
}

/// The rows that follow from the world alone.
pub(crate) struct Plain {
    pub(crate) plant: Value,
    tables: Vec<OnceLock<Result<Vec<Arc<Row>>, Failure>>>,
}

impl Plain {
    pub(crate) fn of(description: &Description, world: &World) -> Self {
        Self {
            plant: Value::from_object(Plant::of(world)),
            tables: description.tables.iter().map(|_| OnceLock::new()).collect(),
        }
    }
}

/// All rows as they are at one moment.
pub(crate) struct Rows {
    pub(crate) description: &'static Description,
    pub(crate) plain: Arc<Plain>,
    pub(crate) overlay: Arc<Overlay>,
    scope: Scope,
    laid: Vec<OnceLock<Result<Arc<Content>, Failure>>>,
    full: Vec<OnceLock<Result<Arc<Content>, Failure>>>,
}

/// The rows of one table.
pub(crate) struct Content {
    pub(crate) rows: Vec<Arc<Row>>,
    places: HashMap<String, usize>,
    columns: OnceLock<Columns>,
    groups: Mutex<HashMap<String, Arc<Groups>>>,
}

/// Rows by the text of one member.
type Groups = HashMap<String, Vec<Arc<Row>>>;

impl Content {
    fn of(table: &Table, rows: Vec<Arc<Row>>) -> Self {
        let places = rows.iter().enumerate().map(|(at, row)| (key_of(table, &row.map), at));
        Self {
            places: places.collect(),
            rows,
            columns: OnceLock::new(),
            groups: Mutex::default(),
        }
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Arc<Row>> {
        self.places.get(key).and_then(|at| self.rows.get(*at))
    }

    /// Returns what the table has for fields.
    pub(crate) fn columns(&self, table: &Table) -> &Columns {
        self.columns.get_or_init(|| {
            let mut columns = Columns::of(self.rows.iter().map(|row| &row.map), &table.types);
            for (name, _) in table.row.iter().chain(&table.derived) {
                if columns.find(name).is_none() {
                    columns.declare(name, super::columns::Type::Any);
                }
            }
            columns
        })
    }

    /// Returns the rows whose member has a value.
    pub(crate) fn with(&self, field: &str, value: &Json) -> Vec<Arc<Row>> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = Arc::clone(groups.entry(field.to_owned()).or_insert_with(|| {
            let mut groups: Groups = HashMap::new();
            for row in &self.rows {
                let text = row.map.get(field).map(key_text).unwrap_or_default();
                groups.entry(text).or_default().push(Arc::clone(row));
            }
            Arc::new(groups)
        }));
        groups.get(&key_text(value)).cloned().unwrap_or_default()
    }
}

/// Separates the parts of a key.
const BETWEEN: &str = "\u{1f}";

/// Returns the text by which a value is found as part of a key.
pub(crate) fn key_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// Returns the key of a row.
pub(crate) fn key_of(table: &Table, row: &Map<String, Json>) -> String {
    let parts = table
        .key
        .iter()
        .map(|name| row.get(name).map(key_text).unwrap_or_default());
    parts.collect::<Vec<_>>().join(BETWEEN)
}

/// Returns the key that parts make.
pub(crate) fn key_from(parts: &[Json]) -> String {
    parts.iter().map(key_text).collect::<Vec<_>>().join(BETWEEN)
}

impl Rows {
    pub(crate) fn new(
        description: &'static Description,
        plain: Arc<Plain>,
        overlay: Arc<Overlay>,
        base_url: &str,
    ) -> Self {
        let now = crate::world::now() + chrono::TimeDelta::seconds(i64::from(overlay.writes));
        let scope = Scope::default().with_all(vec![
            ("world".to_owned(), plain.plant.clone()),
            ("constants".to_owned(), to_value(&description.constants)),
            ("base_url".to_owned(), Value::from(base_url)),
            (
                "now".to_owned(),
                Value::from(now.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ),
        ]);
        let slots = || description.tables.iter().map(|_| OnceLock::new()).collect();
        Self {
            description,
            plain,
            overlay,
            scope,
            laid: slots(),
            full: slots(),
        }
    }

    /// Returns a scope with the world, the tables, the constants and the clock.
    pub(crate) fn scope(self: &Arc<Self>) -> Scope {
        let view = View {
            rows: Arc::clone(self),
            below: usize::MAX,
        };
        self.scope.with("tables", Value::from_object(view))
    }

    /// Returns the place of a table.
    pub(crate) fn place(&self, table: &str) -> Option<usize> {
        self.description.tables.get_index_of(table)
    }

    fn table(&self, at: usize) -> Result<(&'static str, &'static Table), Failure> {
        let found = self.description.tables.get_index(at);
        found
            .map(|(name, table)| (name.as_str(), table))
            .ok_or_else(|| Failure {
                place: super::yaml::Place { line: 1, column: 1 },
                message: "no such table".to_owned(),
            })
    }

    /// Returns the rows with what clients wrote, without what is derived.
    fn laid(&self, at: usize) -> Result<Arc<Content>, Failure> {
        let slot = self.laid.get(at);
        let compute = || self.lay(at).map(Arc::new);
        slot.map_or_else(compute, |slot| slot.get_or_init(compute).clone())
    }

    fn lay(&self, at: usize) -> Result<Content, Failure> {
        let (_, table) = self.table(at)?;
        let plain = match self.plain.tables.get(at) {
            Some(slot) => slot.get_or_init(|| self.compute(table)).clone()?,
            None => Vec::new(),
        };
        let Some(written) = self.overlay.tables.get(&at) else {
            return Ok(Content::of(table, plain));
        };
        let mut rows = Vec::with_capacity(plain.len() + written.created.len());
        for row in plain {
            let key = key_of(table, &row.map);
            if written.deleted.contains(&key) {
                continue;
            }
            rows.push(match written.changed.get(&key) {
                Some(changed) => {
                    let mut map = row.map.clone();
                    map.extend(changed.clone());
                    Row::of(map)
                }
                None => row,
            });
        }
        rows.extend(written.created.values().map(|row| Row::of(row.clone())));
        Ok(Content::of(table, rows))
    }

    /// Computes the rows that follow from the world.
    fn compute(&self, table: &Table) -> Result<Vec<Arc<Row>>, Failure> {
        let mut rows = Vec::new();
        let add = |rows: &mut Vec<Arc<Row>>, record: Value, parent: Option<&Value>| -> Result<(), Failure> {
            let mut names = vec![("r".to_owned(), record)];
            if let Some(parent) = parent {
                names.push(("p".to_owned(), parent.clone()));
            }
            let scope = self.scope.with_all(names);
            if let Some(only) = &table.only
                && !only.is_true(&scope)?
            {
                return Ok(());
            }
            rows.push(Row::of(members_json(&table.row, &scope)?));
            Ok(())
        };
        let wrong = |message: String| Failure {
            place: super::yaml::Place { line: 1, column: 1 },
            message,
        };
        let plant = self.plain.plant.downcast_object_ref::<Plant>();
        let records = |list: &str| {
            plant
                .map_or_else(|| Ok(&[][..]), |plant| plant.records(list))
                .map_err(wrong)
        };
        match &table.source {
            Source::List(list) => {
                for record in records(list)? {
                    add(&mut rows, record.clone(), None)?;
                }
            }
            Source::Nested(list, member) => {
                for parent in records(list)? {
                    let nested = parent.get_attr(member).map_err(|error| wrong(error.to_string()))?;
                    if nested.is_undefined() || nested.is_none() {
                        continue;
                    }
                    for record in nested.try_iter().map_err(|error| wrong(error.to_string()))? {
                        add(&mut rows, record, Some(parent))?;
                    }
                }
            }
            Source::Code(code) => {
                let list = code.value(&self.scope)?;
                for record in list.try_iter().map_err(|error| wrong(error.to_string()))? {
                    add(&mut rows, record, None)?;
                }
            }
            Source::Rows(forms) => {
                for form in forms {
                    let record = form.value_or_null(&self.scope)?;
                    match table.row.is_empty() {
                        true => rows.push(Row::of(record.as_object().cloned().unwrap_or_default())),
                        false => add(&mut rows, to_value(&record), None)?,
                    }
                }
            }
        }
        Ok(rows)
    }

    /// Returns the rows of a table as clients find them.
    pub(crate) fn content(self: &Arc<Self>, at: usize) -> Result<Arc<Content>, Failure> {
        let slot = self.full.get(at);
        let compute = || self.derive(at);
        slot.map_or_else(compute, |slot| slot.get_or_init(compute).clone())
    }

    fn derive(self: &Arc<Self>, at: usize) -> Result<Arc<Content>, Failure> {
        let (_, table) = self.table(at)?;
        let laid = self.laid(at)?;
        if table.derived.is_empty() {
            return Ok(laid);
        }
        let view = View {
            rows: Arc::clone(self),
            below: at,
        };
        let scope = self.scope.with("tables", Value::from_object(view));
        let mut rows = Vec::with_capacity(laid.rows.len());
        for row in &laid.rows {
            rows.push(Row::of(self.derived(table, &row.map, &scope)?));
        }
        Ok(Arc::new(Content::of(table, rows)))
    }

    /// Adds the members that are derived; each sees those before it.
    fn derived(&self, table: &Table, row: &Map<String, Json>, scope: &Scope) -> Result<Map<String, Json>, Failure> {
        let mut row = row.clone();
        for (name, form) in &table.derived {
            let scope = scope.with("r", row_value(&row));
            if let Some(value) = form.json(&scope)? {
                row.insert(name.clone(), value);
            }
        }
        Ok(row)
    }

    /// Returns the next whole number that no row of the table has as key.
    pub(crate) fn next_number(&self, at: usize) -> Result<i64, Failure> {
        let (_, table) = self.table(at)?;
        let laid = self.laid(at)?;
        let name = table.key.last().map(String::as_str).unwrap_or_default();
        let number = |row: &Arc<Row>| super::condition::decimal_of(row.map.get(name)?);
        let highest = laid.rows.iter().filter_map(number).max();
        let highest = highest.and_then(|number| rust_decimal::prelude::ToPrimitive::to_i64(&number));
        let written = self.overlay.tables.get(&at).map_or(0, |written| written.last_number);
        Ok(highest.unwrap_or(0).max(written).saturating_add(1))
    }

    /// Counts the records of a unified type; none if no table shows it.
    pub(crate) fn expected(self: &Arc<Self>, entity: &str) -> Result<Option<usize>, Failure> {
        let mut count = None;
        for (at, table) in self.description.tables.values().enumerate() {
            for (_, shows) in table.entities.iter().filter(|(name, _)| name == entity) {
                let content = self.content(at)?;
                let here = match shows {
                    Shows::None => 0,
                    Shows::One => content.rows.len(),
                    Shows::Many(code) => {
                        let scope = self.scope();
                        let mut sum = 0;
                        for row in &content.rows {
                            let number = code.json(&scope.with("r", row.value()))?;
                            sum += number
                                .as_u64()
                                .and_then(|number| usize::try_from(number).ok())
                                .unwrap_or(0);
                        }
                        sum
                    }
                };
                count = Some(count.unwrap_or(0) + here);
            }
        }
        Ok(count)
    }
}

/// The tables as expressions see them. A table that is being derived sees the derived members of those above it only.
pub(crate) struct View {
    rows: Arc<Rows>,
    below: usize,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables")
    }
}

impl Object for View {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.all(key.as_str()?).ok()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl View {
    fn content(&self, table: &str) -> Result<(Arc<Content>, &'static Table), String> {
        let at = self.rows.place(table).ok_or_else(|| {
            let known: Vec<&str> = self.rows.description.tables.keys().map(String::as_str).collect();
            format!("there is no table {table:?}; there are {}", known.join(", "))
        })?;
        let content = match at < self.below {
            true => self.rows.content(at),
            false => self.rows.laid(at),
        };
        let (_, table) = self.rows.table(at).map_err(|failure| failure.message)?;
        Ok((content.map_err(|failure| failure.to_string())?, table))
    }

    pub(crate) fn lookup(&self, table: &str, keys: &[Value]) -> Result<Value, String> {
        let (content, _) = self.content(table)?;
        let mut parts = Vec::with_capacity(keys.len());
        for key in keys {
            parts.push(to_json(key)?);
        }
        if let [Json::Array(elements)] = parts.as_slice() {
            parts = elements.clone();
        }
        let found = content.find(&key_from(&parts));
        Ok(found.map_or_else(|| Value::from(()), |row| row.value()))
    }

    pub(crate) fn children(&self, table: &str, field: &str, value: &Value) -> Result<Value, String> {
        let (content, _) = self.content(table)?;
        let rows = content.with(field, &to_json(value)?);
        Ok(Value::from(rows.iter().map(|row| row.value()).collect::<Vec<_>>()))
    }

    pub(crate) fn all(&self, table: &str) -> Result<Value, String> {
        let (content, _) = self.content(table)?;
        Ok(Value::from(
            content.rows.iter().map(|row| row.value()).collect::<Vec<_>>(),
        ))
    }

    /// Returns a row, or rows, as clients see them.
    pub(crate) fn shown(&self, table: &str, row: &Value) -> Result<Value, String> {
        let (_, table) = self.content(table)?;
        let shown = match to_json(row)? {
            Json::Object(map) => Json::Object(shown_row(table, &map)),
            Json::Array(rows) => rows
                .into_iter()
                .map(|row| match row {
                    Json::Object(map) => Json::Object(shown_row(table, &map)),
                    other => other,
                })
                .collect(),
            other => other,
        };
        Ok(to_value(&shown))
    }
}

/// Returns a row as clients see it: without hidden members, and without nulls where the system leaves them out.
pub(crate) fn shown_row(table: &Table, row: &Map<String, Json>) -> Map<String, Json> {
    row.iter()
        .filter(|(name, value)| table.shows(name) && !(table.omits_empty && value.is_null()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns the order of two values of a column; nulls come first.
pub(crate) fn compare_for_order(left: &Json, right: &Json, case: Case) -> Ordering {
    match (left.is_null(), right.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => order_of(left, right, case).unwrap_or_else(|| key_text(left).cmp(&key_text(right))),
    }
}
