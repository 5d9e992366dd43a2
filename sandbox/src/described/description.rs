//! A described system: what its file says, read and checked once.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::auth::Check;
use super::columns::Type;
use super::condition::{Case, Nulls, Rules};
use super::csrf::Csrf;
use super::endpoint::{Answer, Endpoint};
use super::form::{Code, Form};
use super::limits::Limit;
use super::load::{Faulty, Fields, Loader};
use super::protocol::odata::Service;
use super::table::{Denied, Table};
use super::wrapped::Wrapped;
use super::yaml::{self, Data, Node};

/// A system that a `sandbox.yaml` describes.
pub struct Description {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) settings: Form,
    pub(crate) credentials: Form,
    /// What `accounts` adds to each account, by its name.
    pub(crate) accounts: HashMap<String, Vec<(String, Form)>>,
    /// The tables that the limited account may not read.
    pub(crate) withheld: Vec<String>,
    pub(crate) auth: Vec<Check>,
    pub(crate) refusals: HashMap<String, Answer>,
    pub(crate) headers: Vec<(String, Form)>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) constants: Json,
    pub(crate) rules: Rules,
    pub(crate) tables: IndexMap<String, Table>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Services of OData, which answer what no endpoint does.
    pub(crate) services: Vec<Service>,
    /// The token that writes need.
    pub(crate) csrf: Option<Csrf>,
    /// How the values of JSON are wrapped.
    pub(crate) wrapped: Option<Wrapped>,
    /// The unified types with the tables that show them.
    pub(crate) entities: Vec<(&'static str, &'static [&'static str])>,
    /// Where it comes from, for what goes wrong while it runs.
    pub(crate) file: String,
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Description {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Description {}

impl Hash for Description {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Description {
    /// Reads a description; `id` is that of the connector, `file` is told with what is wrong.
    ///
    /// # Errors
    /// Returns all that is wrong, each with its place.
    pub fn read(id: &str, file: &str, text: &str) -> Result<Self, Faulty> {
        let faulty = |problems| Faulty {
            file: file.to_owned(),
            problems,
        };
        let documents = yaml::parse(text).map_err(|problems| {
            let told = |problem: &yaml::SyntaxProblem| {
                format!("{}:{}: {}", problem.place.line, problem.place.column, problem.message)
            };
            faulty(problems.iter().map(told).collect())
        })?;
        let Some(root) = documents.first() else {
            return Err(faulty(vec!["1:1: the file is empty".to_owned()]));
        };
        let mut loader = Loader::default();
        collect_names(root, &mut loader.names);
        let description = Self::of(&mut loader, id, file, root);
        loader.finish(file)?;
        Ok(description)
    }

    /// Reads the `sandbox.yaml` of a connector's folder, whose name is the id of the connector.
    ///
    /// # Errors
    /// Returns why the file cannot be read, or all that is wrong with it.
    pub fn load(folder: &Path) -> Result<Self, Faulty> {
        let file = folder.join("sandbox.yaml");
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).map_err(|error| Faulty {
            file: name.clone(),
            problems: vec![format!("1:1: {error}")],
        })?;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let id = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        Self::read(&id.unwrap_or_default(), &name, &text)
    }

    /// Reads a description and keeps it for as long as the process lives.
    pub(crate) fn leaked(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// Returns the id of the connector.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the name people know the system by.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    fn of(loader: &mut Loader, id: &str, file: &str, root: &Node) -> Self {
        let mut fields = loader.fields(root, "the description");
        let version = fields.number(loader, "sandbox");
        if version != Some(1) {
            loader.wrong(root.place, "the description begins with `sandbox: 1`");
        }
        let title = fields.text(loader, "title").unwrap_or_else(|| id.to_owned());
        let (settings, credentials) = read_connection(loader, &mut fields);
        let (accounts, withheld) = read_accounts(loader, &mut fields);
        let constants = fields.json("constants").unwrap_or(Json::Null);
        let auth = fields
            .take("auth")
            .map(|node| Check::read_all(loader, node))
            .unwrap_or_default();
        let refusals = read_refusals(loader, &mut fields);
        let headers = fields
            .take("headers")
            .map(|node| Form::members(loader, node))
            .unwrap_or_default();
        let limits = fields
            .take("limits")
            .map(|node| Limit::read_all(loader, node))
            .unwrap_or_default();
        let rules = read_rules(loader, &mut fields);
        let empty = fields
            .word(loader, "empty", &[("omit", true), ("keep", false)])
            .unwrap_or(false);
        let denied = fields.word(loader, "denied", Denied::WORDS).unwrap_or_default();
        let mut tables = IndexMap::new();
        if let Some(node) = fields.require(loader, "tables") {
            match &node.data {
                Data::Table(entries) => {
                    for entry in entries {
                        let table = Table::read(loader, &entry.name, &entry.value, empty, denied);
                        tables.insert(entry.name.clone(), table);
                    }
                }
                _ => loader.wrong(node.place, "tables is a table of names and tables"),
            }
        }
        for name in &withheld {
            if !tables.contains_key(name) {
                loader.wrong(
                    root.place,
                    format!("accounts.limited.cannot_read names no table: {name}"),
                );
            }
        }
        let lists = fields.take("lists");
        let mut endpoints = Vec::new();
        if let Some(node) = fields.require(loader, "endpoints") {
            for element in loader.list(node, "endpoints") {
                endpoints.extend(Endpoint::read(loader, element, lists, &tables));
            }
        }
        let services = fields
            .take("odata")
            .map(|node| Service::read_all(loader, node, &tables))
            .unwrap_or_default();
        let csrf = fields.take("csrf").map(|node| Csrf::read(loader, node));
        let wrapped = fields.take("wrapped").map(|node| Wrapped::read(loader, node));
        fields.finish(loader);
        Self {
            id: leak(id),
            title: leak(&title),
            settings,
            credentials,
            accounts,
            withheld,
            auth,
            refusals,
            headers,
            limits,
            constants,
            rules,
            entities: entities(&tables),
            tables,
            endpoints,
            services,
            csrf,
            wrapped,
            file: file.to_owned(),
        }
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// Collects the names that steps give, so that expressions may use them.
fn collect_names(node: &Node, names: &mut Vec<String>) {
    match &node.data {
        Data::List(elements) => elements.iter().for_each(|element| collect_names(element, names)),
        Data::Table(entries) => {
            for entry in entries {
                match (entry.name.as_str(), &entry.value.data) {
                    ("as", Data::Text(name)) => names.push(name.clone()),
                    ("set", Data::Table(set)) => names.extend(set.iter().map(|entry| entry.name.clone())),
                    _ => {}
                }
                collect_names(&entry.value, names);
            }
        }
        _ => {}
    }
}

fn read_connection(loader: &mut Loader, fields: &mut Fields<'_>) -> (Form, Form) {
    let empty = || Form::Literal(Json::Object(serde_json::Map::new()));
    let Some(node) = fields.require(loader, "connection") else {
        return (empty(), empty());
    };
    let mut inner = loader.fields(node, "connection");
    let settings = inner
        .take("settings")
        .map_or_else(empty, |node| Form::read(loader, node));
    let credentials = inner
        .take("credentials")
        .map_or_else(empty, |node| Form::read(loader, node));
    inner.finish(loader);
    (settings, credentials)
}

type Accounts = HashMap<String, Vec<(String, Form)>>;

fn read_accounts(loader: &mut Loader, fields: &mut Fields<'_>) -> (Accounts, Vec<String>) {
    let mut accounts = HashMap::new();
    let mut withheld = Vec::new();
    let Some(node) = fields.take("accounts") else {
        return (accounts, withheld);
    };
    let mut inner = loader.fields(node, "accounts");
    for name in ["first", "second", "limited"] {
        let Some(node) = inner.take(name) else { continue };
        let members = Form::members(loader, node);
        if let Some(tables) = node.get("cannot_read") {
            withheld = loader.texts(tables, "cannot_read");
        }
        accounts.insert(name.to_owned(), members);
    }
    inner.finish(loader);
    (accounts, withheld)
}

fn read_refusals(loader: &mut Loader, fields: &mut Fields<'_>) -> HashMap<String, Answer> {
    let mut refusals = HashMap::new();
    let Some(node) = fields.take("refusals") else {
        return refusals;
    };
    match &node.data {
        Data::Table(entries) => {
            for entry in entries {
                refusals.insert(entry.name.clone(), Answer::read(loader, &entry.value));
            }
        }
        _ => loader.wrong(node.place, "refusals is a table of names and answers"),
    }
    refusals
}

/// The words for whether big and small letters differ.
pub(crate) const CASES: &[(&str, Case)] = &[("sensitive", Case::Sensitive), ("insensitive", Case::Insensitive)];

fn read_rules(loader: &mut Loader, fields: &mut Fields<'_>) -> Rules {
    let mut rules = Rules::default();
    let Some(node) = fields.take("compare") else {
        return rules;
    };
    let mut inner = loader.fields(node, "compare");
    rules.case = inner.word(loader, "case", CASES).unwrap_or_default();
    let nulls = [("unknown", Nulls::Unknown), ("value", Nulls::Value)];
    rules.nulls = inner.word(loader, "nulls", &nulls).unwrap_or_default();
    inner.finish(loader);
    rules
}

/// Returns the unified types with the tables that show them.
fn entities(tables: &IndexMap<String, Table>) -> Vec<(&'static str, &'static [&'static str])> {
    let mut found: IndexMap<&str, Vec<&'static str>> = IndexMap::new();
    for (name, table) in tables {
        for (entity, _) in &table.entities {
            found.entry(entity).or_default().push(leak(name));
        }
    }
    found
        .into_iter()
        .map(|(entity, tables)| (leak(entity), &*Box::leak(tables.into_boxed_slice())))
        .collect()
}

/// How many records of a unified type a row of a table shows.
#[derive(Debug, Clone)]
pub(crate) enum Shows {
    One,
    /// Another table counts them.
    None,
    Many(Code),
}

/// Reads declared types of columns.
pub(crate) fn read_types(loader: &mut Loader, node: &Node) -> HashMap<String, Type> {
    let mut types = HashMap::new();
    match &node.data {
        Data::Table(entries) => {
            for entry in entries {
                if let Some(kind) = loader.word(&entry.value, "a type", &Type::WORDS) {
                    types.insert(entry.name.clone(), kind);
                }
            }
        }
        _ => loader.wrong(node.place, "types is a table of names and types"),
    }
    types
}
