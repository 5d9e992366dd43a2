//! OData services of a described system: which tables they show as which sets, and how their requests are answered. It
//! stands on the OData of the sandbox, whose model is made of the description and whose rows are those of the tables.

mod build;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::super::endpoint::Pattern;
use super::super::form::Failure;
use super::super::load::{Fields, Loader};
use super::super::request::Request;
use super::super::rows::Rows;
use super::super::table::Table;
use super::super::yaml::{Data, Node};
use super::batch::PartAnswer;
use crate::odata::{self, Answer, Flavour, Refuses, Standard};

pub(crate) use write::{Wanted, Write};

/// A service.
#[derive(Debug)]
pub(crate) struct Service {
    path: Pattern,
    namespace: String,
    standard: Standard,
    /// Writes of a row that is there must tell the version they mean.
    needs_version: bool,
    /// Query options of the system's own, and those of the standard that it does not have.
    options: Options,
    sets: IndexMap<String, Set>,
    built: Mutex<Option<(Weak<Rows>, Arc<odata::Service>)>>,
}

/// What of the query options differs from the standard.
#[derive(Debug, Default)]
struct Options {
    also: Vec<String>,
    refused: Vec<String>,
}

/// A set of a service.
#[derive(Debug)]
struct Set {
    table: usize,
    type_name: String,
    key: Vec<String>,
    types: HashMap<String, String>,
    enumerations: Vec<(String, Vec<String>)>,
    navigations: Vec<(String, Link)>,
    refuses: Refuses,
}

/// A navigation.
#[derive(Debug)]
struct Link {
    set: String,
    many: bool,
    on: Vec<(String, String)>,
}

/// Where a request is in a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The absolute address of the root, with a slash at its end.
    pub(crate) root: String,
    /// The decoded path below it.
    pub(crate) rest: String,
    /// The parameters of the root.
    pub(crate) params: Vec<(String, String)>,
}

impl Service {
    /// Reads all services of a description.
    pub(crate) fn read_all(loader: &mut Loader, node: &Node, tables: &IndexMap<String, Table>) -> Vec<Self> {
        let elements = loader.list(node, "odata").iter();
        elements
            .filter_map(|element| Self::read(loader, element, tables))
            .collect()
    }

    fn read(loader: &mut Loader, node: &Node, tables: &IndexMap<String, Table>) -> Option<Self> {
        let mut fields = loader.fields(node, "odata");
        let path = fields.require(loader, "path").map(|node| loader.text(node, "path"))?;
        let versions = [("v2", true), ("v4", false)];
        let is_v2 = fields.word(loader, "version", &versions).unwrap_or(false);
        let namespace = fields.text(loader, "namespace").unwrap_or_else(|| "Default".to_owned());
        let cases = [("sensitive", false), ("insensitive", true)];
        let ignores_case = fields.word(loader, "case", &cases).unwrap_or(false);
        let has_lists = fields.flag(loader, "in");
        let ors = [("any_field", false), ("one_field", true)];
        let keeps_or_to_one_field = fields.word(loader, "or", &ors).unwrap_or(false);
        let options = fields
            .take("options")
            .map_or_else(Options::default, |node| Options::read(loader, node));
        let takes_children = fields.flag(loader, "children");
        let default_page = size(fields.number(loader, "page")).unwrap_or(1_000);
        let largest_page = size(fields.number(loader, "largest_page")).unwrap_or(default_page);
        let etags = [("required", true), ("optional", false)];
        let needs_version = fields.word(loader, "etags", &etags).unwrap_or(false);
        let mut sets = IndexMap::new();
        if let Some(node) = fields.require(loader, "sets") {
            for (name, node) in entries(loader, node, "sets") {
                sets.extend(Set::read(loader, name, node, tables).map(|set| (name.to_owned(), set)));
            }
        }
        for (_, link) in sets.values().flat_map(|set: &Set| &set.navigations) {
            if !sets.contains_key(&link.set) {
                loader.wrong(
                    node.place,
                    format!("a navigation leads to {}, which is no set", link.set),
                );
            }
        }
        fields.finish(loader);
        Some(Self {
            path: Pattern::of(&format!("{}/{{odata_path*}}", path.trim_end_matches('/'))),
            namespace,
            standard: Standard {
                is_v2,
                ignores_case,
                has_lists,
                keeps_or_to_one_field,
                takes_children,
                default_page,
                largest_page,
            },
            needs_version,
            options,
            sets,
            built: Mutex::default(),
        })
    }

    /// Returns where a request is, if it is for this service.
    pub(crate) fn place(&self, base_url: &str, path: &str) -> Option<Place> {
        // The root may be asked for without its slash.
        let with_slash = match path.ends_with('/') {
            true => path.to_owned(),
            false => format!("{path}/"),
        };
        let mut params = self.path.read(path).or_else(|| self.path.read(&with_slash))?;
        let at = params.iter().position(|(name, _)| name == "odata_path")?;
        let (_, rest) = params.remove(at);
        let rest = rest.trim_matches('/').to_owned();
        // The root is what stands before: as many segments as the path has more than the rest.
        let segments = path.trim_matches('/').split('/').count();
        let below = match rest.is_empty() {
            true => 0,
            false => odata_segments(path, &rest),
        };
        let root: Vec<&str> = path
            .trim_matches('/')
            .split('/')
            .take(segments - below.min(segments))
            .collect();
        Some(Place {
            root: format!("{base_url}/{}/", root.join("/")),
            rest,
            params,
        })
    }

    /// Returns the table whose rows a path begins with.
    pub(crate) fn table(&self, place: &Place) -> Option<usize> {
        let first = place.rest.split(['/', '(']).next()?;
        self.sets.get(first).map(|set| set.table)
    }

    /// Returns the tables that the navigations of a request lead to, which it may not read either.
    pub(crate) fn expanded(&self, place: &Place, request: &Request) -> Vec<usize> {
        let expand = request.last("$expand").unwrap_or_default();
        let words = expand.split(|sign: char| !(sign.is_alphanumeric() || sign == '_'));
        let words = words.chain(place.rest.split(['/', '(']).skip(1));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let links = self.sets.values().flat_map(|set| &set.navigations);
        let links = links.filter(|(name, _)| words.contains(&name.as_str()));
        links
            .filter_map(|(_, link)| self.sets.get(&link.set).map(|set| set.table))
            .collect()
    }

    /// Answers a read.
    pub(crate) fn get(&self, rows: &Arc<Rows>, request: &Request, place: &Place) -> Result<PartAnswer, Failure> {
        if let Some(name) = self.options.refuses(request) {
            let message = format!("The query option '{name}' is not supported.");
            return Ok(self.refused(&odata::Problem::bad(message)));
        }
        let service = self.built(rows)?;
        let asked = self.asked(request, place);
        Ok(match odata::answer(&service, &asked) {
            Ok(answer) => self.written(200, answer),
            Err(problem) => self.refused(&problem),
        })
    }

    fn asked(&self, request: &Request, place: &Place) -> odata::Request {
        let prefer = request.header("prefer").unwrap_or_default();
        let page = prefer
            .split([',', ';'])
            .find_map(|part| part.trim().strip_prefix("odata.maxpagesize="));
        let accept = request.header("accept").unwrap_or_default().to_lowercase();
        let format = request.last("$format").map(str::to_lowercase);
        odata::Request {
            root: place.root.clone(),
            path: place.rest.clone(),
            options: request
                .query
                .iter()
                .filter(|(name, _)| !self.options.also.contains(name))
                .cloned()
                .collect(),
            page: page.and_then(|page| page.trim().parse().ok()),
            json: format.map_or_else(
                || accept.contains("json") || accept.contains("*/*"),
                |format| format.contains("json"),
            ),
            decimals_as_text: accept.contains("ieee754compatible=true"),
            company: None,
        }
    }

    fn written(&self, status: u16, answer: Answer) -> PartAnswer {
        let (kind, body) = match answer {
            Answer::Json(json) => (self.json_kind(), json.to_string()),
            Answer::Text(text) => ("text/plain;charset=utf-8", text),
            Answer::Xml(text) => ("application/xml;charset=utf-8", text),
        };
        self.answered(status, kind, body)
    }

    fn json_kind(&self) -> &'static str {
        match self.standard.is_v2 {
            true => "application/json;charset=utf-8",
            false => "application/json;odata.metadata=minimal;charset=utf-8",
        }
    }

    fn answered(&self, status: u16, kind: &str, body: String) -> PartAnswer {
        let version = match self.standard.is_v2 {
            true => ("dataserviceversion", "2.0"),
            false => ("odata-version", "4.0"),
        };
        PartAnswer {
            status,
            headers: vec![
                ("content-type".to_owned(), kind.to_owned()),
                (version.0.to_owned(), version.1.to_owned()),
            ],
            body,
        }
    }

    /// Says whether the wire format is that of version 2.
    pub(crate) fn is_v2(&self) -> bool {
        self.standard.is_v2
    }

    /// Writes a refusal in the form of the standard.
    pub(crate) fn refused(&self, problem: &odata::Problem) -> PartAnswer {
        let body = problem.body(Flavour::Standard(self.standard), &self.namespace);
        self.answered(problem.status, self.json_kind(), body.to_string())
    }
}

/// Returns how many segments of a path, as it was sent, are below the root.
fn odata_segments(path: &str, rest: &str) -> usize {
    let wanted = rest.matches('/').count() + 1;
    wanted.min(path.trim_matches('/').split('/').count())
}

fn size(number: Option<u64>) -> Option<usize> {
    number
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number > 0)
}

fn entries<'a>(loader: &mut Loader, node: &'a Node, what: &str) -> Vec<(&'a str, &'a Node)> {
    match &node.data {
        Data::Table(entries) => entries
            .iter()
            .map(|entry| (entry.name.as_str(), &entry.value))
            .collect(),
        _ => {
            loader.wrong(node.place, format!("{what} is a table of names and tables"));
            Vec::new()
        }
    }
}

impl Options {
    fn read(loader: &mut Loader, node: &Node) -> Self {
        let mut fields = loader.fields(node, "options");
        let (also, refused) = (fields.texts(loader, "also"), fields.texts(loader, "refused"));
        fields.finish(loader);
        Self { also, refused }
    }

    fn refuses<'r>(&self, request: &'r Request) -> Option<&'r str> {
        let names = request.query.iter().map(|(name, _)| name.as_str());
        names
            .into_iter()
            .find(|name| self.refused.iter().any(|refused| refused == name))
    }
}

impl Set {
    fn read(loader: &mut Loader, name: &str, node: &Node, tables: &IndexMap<String, Table>) -> Option<Self> {
        let mut fields: Fields<'_> = loader.fields(node, "a set");
        let at = super::super::endpoint::table_of(loader, &mut fields, tables);
        let own_key = at
            .and_then(|at| tables.get_index(at))
            .map(|(_, table)| table.key.clone());
        let key = fields.texts(loader, "key");
        let type_name = fields.text(loader, "type").unwrap_or_else(|| name.to_owned());
        let types = match fields.json("types") {
            Some(Json::Object(types)) => types
                .into_iter()
                .filter_map(|(name, kind)| Some((name, kind.as_str()?.to_owned())))
                .collect(),
            _ => HashMap::new(),
        };
        let enumerations = match fields.json("enumerations") {
            Some(Json::Object(lists)) => lists
                .into_iter()
                .map(|(name, members)| {
                    let members = members.as_array().cloned().unwrap_or_default();
                    let members = members.iter().filter_map(Json::as_str).map(str::to_owned);
                    (name, members.collect())
                })
                .collect(),
            _ => Vec::new(),
        };
        let mut navigations = Vec::new();
        if let Some(node) = fields.take("navigations") {
            for (name, node) in entries(loader, node, "navigations") {
                navigations.extend(Link::read(loader, node).map(|link| (name.to_owned(), link)));
            }
        }
        let deny = fields.texts(loader, "deny");
        let denies = |word: &str| deny.iter().any(|denied| denied == word);
        let refuses = Refuses {
            create: denies("create"),
            update: denies("update"),
            delete: denies("delete"),
        };
        fields.finish(loader);
        let key = if key.is_empty() {
            own_key.unwrap_or_default()
        } else {
            key
        };
        Some(Self {
            table: at?,
            type_name,
            key,
            types,
            enumerations,
            navigations,
            refuses,
        })
    }
}

impl Link {
    fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "a navigation");
        let set = fields.require(loader, "set").map(|node| loader.text(node, "set"));
        let many = fields.flag(loader, "many");
        let on = match fields.json("on") {
            Some(Json::Object(pairs)) => pairs
                .into_iter()
                .filter_map(|(own, other)| Some((own, other.as_str()?.to_owned())))
                .collect(),
            _ => {
                loader.wrong(
                    node.place,
                    "a navigation needs `on`: its own fields with those they equal",
                );
                Vec::new()
            }
        };
        fields.finish(loader);
        set.map(|set| Self { set, many, on })
    }
}

impl Service {
    /// Returns the service over the rows as they are.
    fn built(&self, rows: &Arc<Rows>) -> Result<Arc<odata::Service>, Failure> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, service)) = &*built
            && from.upgrade().is_some_and(|from| Arc::ptr_eq(&from, rows))
        {
            return Ok(Arc::clone(service));
        }
        let service = Arc::new(build::service(self, rows)?);
        *built = Some((Arc::downgrade(rows), Arc::clone(&service)));
        Ok(service)
    }
}
