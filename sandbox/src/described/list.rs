//! A list of rows as a file describes it: what is filtered, how it is sorted and cut into pages, what is shown.

pub(crate) mod filter;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod select;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use self::filter::Where;
use self::order::Order;
use self::page::{Page, Paged};
use self::select::Select;
use super::columns::Columns;
use super::endpoint::table_of;
use super::form::{Code, Failure, Form, Scope};
use super::load::Loader;
use super::problem::{Kind, Problem};
use super::request::Request;
use super::rows::{Row, Rows, shown_row};
use super::table::{Table, Unknown};
use super::yaml::{Data, Node};

/// A list.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) table: Option<usize>,
    rows: Option<Code>,
    filters: Vec<Where>,
    names: HashMap<String, String>,
    unknown_fields: Unknown,
    refuses_parameters: bool,
    also: Vec<String>,
    order: Order,
    page: Page,
    select: Option<Select>,
    shape: Option<Form>,
}

/// Where a value comes from: a query parameter or an expression.
#[derive(Debug, Clone)]
pub(crate) enum From {
    Parameter(String),
    Code(Code),
}

/// Why a list is not answered.
pub(crate) enum Stop {
    /// The description is wrong.
    Failure(Failure),
    /// The request is wrong.
    Problem(String, Problem),
}

impl std::convert::From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl std::convert::From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem("query".to_owned(), problem)
    }
}

impl From {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let text = loader.text(node, "the name of a parameter, or an expression");
        match text.starts_with('=') {
            true => Code::read(loader, node).map(Self::Code),
            false => Some(Self::Parameter(text)),
        }
    }

    /// Returns the values that were sent; none at all when nothing was.
    pub(crate) fn values(&self, request: &Request, scope: &Scope) -> Result<Vec<Json>, Failure> {
        match self {
            Self::Parameter(name) => Ok(request.all(name).map(Json::from).collect()),
            Self::Code(code) => Ok(match code.json(scope)? {
                Json::Null => Vec::new(),
                Json::Array(values) => values,
                value => vec![value],
            }),
        }
    }

    /// Returns the last value that was sent.
    pub(crate) fn value(&self, request: &Request, scope: &Scope) -> Result<Option<Json>, Failure> {
        match self {
            Self::Parameter(name) => Ok(request.last(name).map(Json::from)),
            Self::Code(code) => Ok(Some(code.json(scope)?).filter(|value| !value.is_null())),
        }
    }

    /// Returns the last value that was sent as text.
    pub(crate) fn text(&self, request: &Request, scope: &Scope) -> Result<Option<String>, Failure> {
        let value = self.value(request, scope)?;
        Ok(value.map(|value| match value {
            Json::String(text) => text,
            other => other.to_string(),
        }))
    }

    /// Returns the name of the parameter.
    pub(crate) fn parameter(&self) -> Option<&str> {
        match self {
            Self::Parameter(name) => Some(name),
            Self::Code(_) => None,
        }
    }
}

impl List {
    pub(crate) fn read(
        loader: &mut Loader,
        node: &Node,
        shared: Option<&Node>,
        tables: &IndexMap<String, Table>,
    ) -> Self {
        // What stands here goes before what all lists share.
        let merged = merged(node, shared);
        let mut fields = loader.fields(&merged, "list");
        let rows = fields.take("rows").and_then(|node| Code::read(loader, node));
        let table = match rows {
            Some(_) => None,
            None => table_of(loader, &mut fields, tables),
        };
        fields.take("table");
        let filters = fields
            .take("where")
            .map(|node| Where::read_all(loader, node))
            .unwrap_or_default();
        let names = match fields.json("names") {
            Some(Json::Object(names)) => names
                .into_iter()
                .filter_map(|(name, field)| Some((name, field.as_str()?.to_owned())))
                .collect(),
            _ => HashMap::new(),
        };
        let unknown = [("refuse", Unknown::Refuse), ("ignore", Unknown::Ignore)];
        let list = Self {
            table,
            rows,
            filters,
            names,
            unknown_fields: fields.word(loader, "unknown_fields", &unknown).unwrap_or_default(),
            refuses_parameters: fields
                .word(loader, "unknown_parameters", &[("refuse", true), ("ignore", false)])
                .unwrap_or(false),
            also: fields.texts(loader, "also"),
            order: fields
                .take("order")
                .map(|node| Order::read(loader, node))
                .unwrap_or_default(),
            page: fields
                .take("page")
                .map(|node| Page::read(loader, node))
                .unwrap_or_default(),
            select: fields.take("select").and_then(|node| Select::read(loader, node)),
            shape: fields.take("shape").map(|node| Form::read(loader, node)),
        };
        fields.finish(loader);
        list
    }

    /// Answers a request: the rows of the page as they are shown, and the page itself.
    pub(crate) fn answer(
        &self,
        rows: &Arc<Rows>,
        request: &Request,
        scope: &Scope,
        cursors: &page::Cursors,
        is_hidden: bool,
    ) -> Result<(Vec<Json>, Json), Stop> {
        if self.refuses_parameters {
            self.check_parameters(request)?;
        }
        let table = self
            .table
            .and_then(|at| rows.description.tables.get_index(at))
            .map(|(_, table)| table);
        let (all, columns) = self.source(rows, table, scope, is_hidden)?;
        let look = Look {
            request,
            scope,
            columns: &columns,
            names: &self.names,
            unknown_fields: self.unknown_fields,
            rules: rows.description.rules,
        };
        let mut found = filter::apply(&self.filters, &look, all)?;
        let keys = self.order.keys(&look)?;
        let key_names = table.map_or(&[][..], |table| table.key.as_slice());
        order::sort(&mut found, &keys, key_names, look.rules.case);
        let Paged { rows: found, page } = self.page.cut(&look, found, &keys, key_names, cursors)?;
        let mut shown = Vec::with_capacity(found.len());
        let selected = self
            .select
            .as_ref()
            .map(|select| select.fields(&look))
            .transpose()?
            .flatten();
        for row in &found {
            let value = match (&self.shape, table) {
                (Some(shape), _) => match shape.json(&scope.with("r", row.value()))? {
                    Some(value) => value,
                    None => continue,
                },
                (None, Some(table)) => Json::Object(shown_row(table, &row.map)),
                (None, None) => Json::Object(row.map.clone()),
            };
            shown.push(match (&selected, value) {
                (Some(fields), Json::Object(map)) => Json::Object(select::only(&map, fields)),
                (_, value) => value,
            });
        }
        Ok((shown, page))
    }

    fn source(
        &self,
        rows: &Arc<Rows>,
        table: Option<&'static Table>,
        scope: &Scope,
        is_hidden: bool,
    ) -> Result<(Vec<Arc<Row>>, Columns), Stop> {
        if let Some(code) = &self.rows {
            let Json::Array(elements) = code.json(scope)? else {
                return Ok((Vec::new(), Columns::default()));
            };
            let maps = elements.into_iter().map(|element| match element {
                Json::Object(map) => map,
                other => Map::from_iter([("value".to_owned(), other)]),
            });
            let all: Vec<Arc<Row>> = maps.map(Row::of).collect();
            let columns = Columns::of(all.iter().map(|row| &row.map), &HashMap::new());
            return Ok((all, columns));
        }
        let (Some(at), Some(table)) = (self.table, table) else {
            return Ok((Vec::new(), Columns::default()));
        };
        let content = rows.content(at)?;
        let columns = content.columns(table).clone();
        let all = if is_hidden { Vec::new() } else { content.rows.clone() };
        Ok((all, columns))
    }

    fn check_parameters(&self, request: &Request) -> Result<(), Stop> {
        let mut known: Vec<&str> = self.also.iter().map(String::as_str).collect();
        known.extend(self.order.parameters());
        known.extend(self.page.parameters());
        known.extend(self.select.as_ref().and_then(Select::parameter));
        let sent = request.query.iter().map(|(name, _)| name.as_str());
        for name in sent {
            if !known.contains(&name) && !self.filters.iter().any(|filter| filter.knows(name)) {
                let message = format!("unknown parameter {name}");
                return Err(Problem::new(Kind::UnknownParameter, message).of(name).into());
            }
        }
        Ok(())
    }
}

/// What filters, orders and pages look at.
pub(crate) struct Look<'a> {
    pub(crate) request: &'a Request,
    pub(crate) scope: &'a Scope,
    pub(crate) columns: &'a Columns,
    names: &'a HashMap<String, String>,
    pub(crate) unknown_fields: Unknown,
    pub(crate) rules: super::condition::Rules,
}

impl Look<'_> {
    /// Returns the field that a name of the system's stands for.
    pub(crate) fn field<'a>(&'a self, name: &'a str) -> &'a str {
        self.names.get(name).map_or(name, String::as_str)
    }

    /// Says whether there is a field; the problem that there is none, unless that is passed over.
    pub(crate) fn has(&self, name: &str, unknown: Unknown) -> Result<bool, Problem> {
        let is_there = self.columns.find(self.field(name)).is_some();
        match (is_there, unknown) {
            (false, Unknown::Refuse) => Err(Problem::unknown_field(name)),
            (is_there, _) => Ok(is_there),
        }
    }

    /// Returns the columns with the system's own names for them.
    pub(crate) fn named_columns(&self) -> Columns {
        let mut columns = self.columns.clone();
        for (name, field) in self.names {
            if let Some(kind) = self.columns.find(field) {
                columns.declare(name, kind);
            }
        }
        columns
    }
}

fn merged(node: &Node, shared: Option<&Node>) -> Node {
    let mut merged = node.clone();
    if let (Data::Table(own), Some(Data::Table(shared))) = (&mut merged.data, shared.map(|node| &node.data)) {
        for entry in shared {
            if !own.iter().any(|known| known.name == entry.name) {
                own.push(entry.clone());
            }
        }
    }
    merged
}
