//! A table of a described system as its file tells it: where its rows come from, and what clients may write.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::columns::Type;
use super::description::{Shows, read_types};
use super::form::{Code, Form};
use super::load::Loader;
use super::yaml::{Data, Node};

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) source: Source,
    pub(crate) only: Option<Code>,
    pub(crate) entities: Vec<(String, Shows)>,
    pub(crate) key: Vec<String>,
    pub(crate) row: Vec<(String, Form)>,
    pub(crate) derived: Vec<(String, Form)>,
    pub(crate) types: HashMap<String, Type>,
    pub(crate) hidden: Vec<String>,
    pub(crate) omits_empty: bool,
    pub(crate) denied: Denied,
    pub(crate) write: Write,
}

/// Where the records come from that rows are made of.
#[derive(Debug)]
pub(crate) enum Source {
    /// A list of the world.
    List(String),
    /// The rows of each record's nested list.
    Nested(String, String),
    Code(Code),
    /// Fixed rows.
    Rows(Vec<Form>),
}

/// How a table is answered that may not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Denied {
    #[default]
    Forbidden,
    NotFound,
    Empty,
}

impl Denied {
    pub(crate) const WORDS: &[(&str, Self)] = &[
        ("forbidden", Self::Forbidden),
        ("not_found", Self::NotFound),
        ("empty", Self::Empty),
    ];
}

/// What clients may write.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) required: Vec<String>,
    pub(crate) read_only: Vec<String>,
    pub(crate) ignored: Vec<String>,
    pub(crate) unknown: Unknown,
    pub(crate) accepts: Vec<String>,
    pub(crate) values: HashMap<String, Vec<Json>>,
    pub(crate) references: Vec<(String, String)>,
    pub(crate) coerces: bool,
    pub(crate) checks_types: bool,
    pub(crate) on_create: Vec<(String, Form)>,
    pub(crate) on_update: Vec<(String, Form)>,
    pub(crate) require: Vec<Rule>,
}

/// What is done with something that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unknown {
    #[default]
    Refuse,
    Ignore,
    Keep,
}

/// A rule about rows that are written.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) on: Vec<String>,
    pub(crate) demand: Demand,
}

/// Something that must be true.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) that: Option<Code>,
    pub(crate) refuse: String,
    pub(crate) message: Form,
    pub(crate) field: Form,
}

impl Demand {
    /// Reads it; `on` is a word that only rules of tables have.
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> (Self, Vec<String>) {
        let mut fields = loader.fields(node, "require");
        let that = fields.require(loader, "that").and_then(|node| Code::read(loader, node));
        let refuse = fields.text(loader, "refuse").unwrap_or_else(|| "invalid".to_owned());
        let null = || Form::Literal(Json::Null);
        let message = fields
            .take("message")
            .map_or_else(null, |node| Form::read(loader, node));
        let field = fields.take("field").map_or_else(null, |node| Form::read(loader, node));
        let on = fields.texts(loader, "on");
        fields.finish(loader);
        let demand = Self {
            that,
            refuse,
            message,
            field,
        };
        (demand, on)
    }
}

impl Table {
    pub(crate) fn read(loader: &mut Loader, name: &str, node: &Node, omits_empty: bool, denied: Denied) -> Self {
        let mut fields = loader.fields(node, "a table");
        let of = fields.take("of");
        let rows = fields.take("rows");
        let source = match (of, rows) {
            (Some(of), None) => read_source(loader, of),
            (None, Some(rows)) => {
                let elements = loader.list(rows, "rows");
                Source::Rows(elements.iter().map(|element| Form::read(loader, element)).collect())
            }
            (Some(_), Some(rows)) => {
                loader.wrong(rows.place, "a table has `of` or `rows`, not both");
                Source::Rows(Vec::new())
            }
            // A table that begins without rows.
            (None, None) => Source::Rows(Vec::new()),
        };
        let only = fields.take("where").and_then(|node| Code::read(loader, node));
        let entities = fields
            .take("entity")
            .map(|node| read_entities(loader, node))
            .unwrap_or_default();
        let mut key = fields.texts(loader, "key");
        if key.is_empty() {
            key.push("id".to_owned());
        }
        let row = fields
            .take("row")
            .map(|node| Form::members(loader, node))
            .unwrap_or_default();
        if of.is_some() {
            for part in &key {
                if !row.iter().any(|(name, _)| name == part) {
                    loader.wrong(
                        node.place,
                        format!("the row of {name} has no member `{part}`, which is its key"),
                    );
                }
            }
        }
        let derived = fields
            .take("derived")
            .map(|node| Form::members(loader, node))
            .unwrap_or_default();
        let types = fields
            .take("types")
            .map(|node| read_types(loader, node))
            .unwrap_or_default();
        let hidden = fields.texts(loader, "hidden");
        let omits_empty = fields
            .word(loader, "empty", &[("omit", true), ("keep", false)])
            .unwrap_or(omits_empty);
        let denied = fields.word(loader, "denied", Denied::WORDS).unwrap_or(denied);
        let write = Write::read(loader, fields.take("write"));
        fields.finish(loader);
        Self {
            source,
            only,
            entities,
            key,
            row,
            derived,
            types,
            hidden,
            omits_empty,
            denied,
            write,
        }
    }

    /// Says whether clients see a member.
    pub(crate) fn shows(&self, name: &str) -> bool {
        !self.hidden.iter().any(|hidden| hidden == name)
    }
}

fn read_source(loader: &mut Loader, node: &Node) -> Source {
    let text = loader.text(node, "of");
    if text.starts_with('=') {
        return Code::read(loader, node).map_or_else(|| Source::Rows(Vec::new()), Source::Code);
    }
    match text.split_once("[].") {
        Some((list, member)) => Source::Nested(list.to_owned(), member.to_owned()),
        None => Source::List(text),
    }
}

fn read_entities(loader: &mut Loader, node: &Node) -> Vec<(String, Shows)> {
    match &node.data {
        Data::Table(entries) => entries
            .iter()
            .filter_map(|entry| {
                let shows = match entry.value.data {
                    Data::Boolean(true) => Shows::One,
                    Data::Boolean(false) => Shows::None,
                    _ => Shows::Many(Code::read(loader, &entry.value)?),
                };
                Some((entry.name.clone(), shows))
            })
            .collect(),
        _ => {
            let names = loader.texts(node, "entity");
            names.into_iter().map(|name| (name, Shows::One)).collect()
        }
    }
}

impl Write {
    fn read(loader: &mut Loader, node: Option<&Node>) -> Self {
        let nothing = Node {
            place: node.map_or(super::yaml::Place { line: 1, column: 1 }, |node| node.place),
            data: Data::Null,
        };
        let mut fields = loader.fields(node.unwrap_or(&nothing), "write");
        let members =
            |loader: &mut Loader, node: Option<&Node>| node.map(|node| Form::members(loader, node)).unwrap_or_default();
        let unknown = [
            ("refuse", Unknown::Refuse),
            ("ignore", Unknown::Ignore),
            ("keep", Unknown::Keep),
        ];
        let mut values = HashMap::new();
        if let Some(Json::Object(allowed)) = fields.json("values") {
            for (name, list) in allowed {
                values.insert(name, list.as_array().cloned().unwrap_or_default());
            }
        }
        let mut references = Vec::new();
        if let Some(Json::Object(tables)) = fields.json("references") {
            for (name, table) in tables {
                references.push((name, table.as_str().unwrap_or_default().to_owned()));
            }
        }
        let mut require = Vec::new();
        if let Some(node) = fields.take("require") {
            for element in loader.list(node, "require") {
                let (demand, on) = Demand::read(loader, element);
                require.push(Rule { on, demand });
            }
        }
        let write = Self {
            required: fields.texts(loader, "required"),
            read_only: fields.texts(loader, "read_only"),
            ignored: fields.texts(loader, "ignored"),
            unknown: fields.word(loader, "unknown", &unknown).unwrap_or_default(),
            accepts: fields.texts(loader, "accepts"),
            values,
            references,
            coerces: fields.flag(loader, "coerce"),
            checks_types: fields.take("types").is_none_or(|node| loader.flag(node, "types")),
            on_create: members(loader, fields.take("on_create")),
            on_update: members(loader, fields.take("on_update")),
            require,
        };
        fields.finish(loader);
        write
    }
}
