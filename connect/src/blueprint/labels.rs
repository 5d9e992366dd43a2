//! Tables of codes: how they are asked for and read, and how their entries are joined into rows. No IO.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use lineshaft_schema::{Catalogue, TypeIndex};

use super::{
    Blueprint, Problem,
    call::{Base, Call, Known, escape_pointer},
};
use crate::{
    classify::parse_path,
    error::{Error, ErrorKind},
    json::{self, Value},
    manifest::{Labels, LabelsJoin, Manifest, Resource},
    path::Path,
    request::RequestPlan,
    template::{Scope, Variables},
};

/// The member of rows that has the entries of their codes.
pub(crate) const MEMBER: &str = "_labels";

/// Most bytes of what is kept of one table.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A table of codes.
#[derive(Debug)]
pub(crate) struct LabelsPlan {
    call: Call,
    records: Path,
    code: Option<Path>,
    keep: Vec<(String, Path)>,
    most: usize,
    /// How long it is kept.
    pub(crate) kept_for: Duration,
    /// The types whose writes end it.
    pub(crate) ended_by: Vec<TypeIndex>,
}

/// A table that is joined into the rows of a resource.
#[derive(Debug)]
pub(crate) struct JoinPlan {
    name: String,
    /// Name of the table.
    pub(crate) of: String,
    by: Path,
    within: Option<String>,
}

/// The entries of a table by their codes.
pub(crate) type Table = HashMap<String, Value<'static>>;

/// The tables that rows need, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables(BTreeMap<String, Arc<Table>>);

pub(super) fn compile(
    manifest: &Manifest,
    catalogue: &Catalogue,
    known: &Known,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Arc<LabelsPlan>> {
    let tables = manifest.labels.iter().filter_map(|(name, labels)| {
        let pointer = format!("/labels/{}", escape_pointer(name));
        let plan = LabelsPlan::compile(labels, catalogue, known, &pointer, problems)?;
        Some((name.clone(), Arc::new(plan)))
    });
    tables.collect()
}

impl LabelsPlan {
    fn compile(
        labels: &Labels,
        catalogue: &Catalogue,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        if labels.keep.is_empty() {
            problems.push(Problem::new(format!("{pointer}/keep"), "needs at least one name"));
        }
        if labels.keep_s == Some(0) || labels.max_rows == Some(0) {
            problems.push(Problem::new(pointer, "`keep_s` and `max_rows` are at least 1"));
        }
        let keep = labels.keep.iter().filter_map(|(name, path)| {
            let pointer = format!("{pointer}/keep/{}", escape_pointer(name));
            Some((name.clone(), parse_path(path, &pointer, problems)?))
        });
        let keep = keep.collect();
        let types = labels.ended_by.iter().enumerate().filter_map(|(at, name)| {
            let found = catalogue.type_named(name).map(|def| def.index);
            if found.is_none() {
                let message = format!("the unified model has no type `{name}`");
                problems.push(Problem::new(format!("{pointer}/ended_by/{at}"), message));
            }
            found
        });
        let ended_by = types.collect();
        let call = Call::compile(&labels.request, true, known, &format!("{pointer}/request"), problems);
        let records = labels.records.as_deref().unwrap_or_default();
        let records = parse_path(records, &format!("{pointer}/records"), problems);
        let code = match &labels.code {
            Some(code) => Some(parse_path(code, &format!("{pointer}/code"), problems)?),
            None => None,
        };
        Some(Self {
            call: call?,
            records: records?,
            code,
            keep,
            most: usize::try_from(labels.max_rows.unwrap_or(5000)).unwrap_or(5000),
            kept_for: Duration::from_secs(labels.keep_s.unwrap_or(3600).into()),
            ended_by,
        })
    }

    /// Plans the request of the table.
    ///
    /// # Errors
    /// Returns `InvalidSettings` when a template cannot be filled in.
    pub(crate) fn plan(&self, base: &Base, variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        let scope = Scope::new(variables);
        self.call.plan(base, &scope, &scope, Vec::new())
    }

    /// Reads the table.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when it is not where it should be, `ResponseTooLarge` when it is too long.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Table, Error> {
        let body = json::parse(body)?;
        let found = self.records.first(&body);
        let missing = || Error::new(ErrorKind::MalformedResponse, "the answer has no table of codes");
        let mut entries: Vec<(Option<&str>, &Value<'_>)> = Vec::new();
        match found {
            Some(Value::List(list)) => entries.extend(list.iter().map(|entry| (None, entry))),
            Some(Value::Object(members)) => {
                entries.extend(members.iter().map(|(name, entry)| (Some(name.as_ref()), entry)));
            }
            _ => return Err(missing()),
        }
        let mut table = Table::new();
        let mut bytes = 0;
        for (name, entry) in entries {
            let code = match &self.code {
                Some(path) => path.first(entry).and_then(json::scalar_text),
                None => name,
            };
            let Some(code) = code.filter(|code| !code.is_empty()) else {
                continue;
            };
            let kept = self.keep.iter().filter_map(|(name, path)| {
                let value = path.first(entry)?.clone().into_owned();
                Some((name.clone().into(), value))
            });
            let kept = Value::Object(kept.collect());
            bytes += code.len() + kept.to_string().len();
            table.insert(code.to_owned(), kept);
            if table.len() > self.most || bytes > MOST_BYTES {
                let message = format!(
                    "a table of codes has more than {} entries or {MOST_BYTES} bytes",
                    self.most
                );
                return Err(Error::new(ErrorKind::ResponseTooLarge, message));
            }
        }
        Ok(table)
    }
}

impl JoinPlan {
    pub(super) fn compile(
        resource: &Resource,
        tables: &indexmap::IndexMap<String, Labels>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Self> {
        let mut joins = Vec::new();
        for (name, join) in &resource.labels {
            let pointer = format!("{pointer}/labels/{}", escape_pointer(name));
            let LabelsJoin { of, by, within } = join;
            if name.is_empty() || name.contains(['.', '[', '"']) {
                problems.push(Problem::new(pointer.clone(), format!("`{name}` is not a name")));
            }
            if !tables.contains_key(of) {
                let names: Vec<&str> = tables.keys().map(String::as_str).collect();
                let problem = Problem::new(format!("{pointer}/of"), format!("there is no table `{of}`"));
                problems.push(problem.with_help(format!("there are: {}", names.join(", "))));
            }
            let by = parse_path(by, &format!("{pointer}/by"), problems);
            if let Some(path) = &by
                && (path.root().is_empty() || path.root() == MEMBER || path.levels_up() > 0)
            {
                let message = format!("`{}` does not lead to a code of the row", path.text());
                problems.push(Problem::new(format!("{pointer}/by"), message));
            }
            joins.extend(by.map(|by| Self {
                name: name.clone(),
                of: of.clone(),
                by,
                within: within.clone(),
            }));
        }
        joins
    }

    /// Returns the member of rows that must be asked for, and the one that holds the list if the code stands in one.
    pub(crate) fn needs(&self) -> (Option<&str>, &str) {
        (self.within.as_deref(), self.by.root())
    }
}

impl Tables {
    /// Adds a table.
    pub(crate) fn insert(&mut self, name: &str, table: Arc<Table>) {
        self.0.insert(name.to_owned(), table);
    }

    /// Gives a row the entries of its codes.
    pub(crate) fn join(&self, joins: &[JoinPlan], row: &mut Value<'_>) {
        let of_row = joins.iter().filter(|join| join.within.is_none());
        self.put(of_row, row);
        let mut lists: Vec<&str> = joins.iter().filter_map(|join| join.within.as_deref()).collect();
        lists.dedup();
        for list in lists {
            let Value::Object(members) = &mut *row else { return };
            let member = members.iter_mut().find(|(name, _)| name == list);
            if let Some((_, Value::List(elements))) = member {
                for element in elements.iter_mut() {
                    self.put(
                        joins.iter().filter(|join| join.within.as_deref() == Some(list)),
                        element,
                    );
                }
            }
        }
    }

    fn put<'j>(&self, joins: impl Iterator<Item = &'j JoinPlan>, row: &mut Value<'_>) {
        let mut entries = Vec::new();
        for join in joins {
            let code = join.by.first(row).and_then(json::scalar_text);
            let entry = code.and_then(|code| self.0.get(&join.of)?.get(code));
            entries.extend(entry.map(|entry| (join.name.clone().into(), entry.clone())));
        }
        if !entries.is_empty() {
            row.insert(MEMBER, Value::Object(entries.into()));
        }
    }
}

impl Blueprint {
    /// Returns a table of codes by its name.
    pub(crate) fn labels(&self, name: &str) -> Option<&Arc<LabelsPlan>> {
        self.labels.get(name)
    }

    /// Iterates over the names of the tables that a write of this type ends.
    pub(crate) fn labels_ended_by(&self, kind: TypeIndex) -> impl Iterator<Item = &str> {
        let tables = self
            .labels
            .iter()
            .filter(move |(_, plan)| plan.ended_by.contains(&kind));
        tables.map(|(name, _)| name.as_str())
    }
}
