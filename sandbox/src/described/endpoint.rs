//! The endpoints of a described system as its file tells them: which requests they fit, their steps, their answer.

use indexmap::IndexMap;
use regex::Regex;
use serde_json::Value as Json;

use super::envelope::Envelope;
use super::form::{Code, Form, Text};
use super::list::List;
use super::load::{Fields, Loader};
use super::protocol::xml::Soap;
use super::table::{Demand, Table};
use super::token::{Login, Token};
use super::yaml::{Data, Entry, Node};

/// What requests are answered how.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) methods: Vec<String>,
    pub(crate) path: Pattern,
    pub(crate) when: Option<Code>,
    pub(crate) open: bool,
    pub(crate) operation: Option<Form>,
    pub(crate) write: Option<Form>,
    /// Its values are wrapped, where the system wraps values.
    pub(crate) wraps: bool,
    pub(crate) steps: Vec<Step>,
    /// It is one step, whose rows are shown as clients see them.
    pub(crate) is_single: bool,
    pub(crate) answer: Answer,
}

/// A path with parameters in it.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    expression: Option<Regex>,
    names: Vec<String>,
}

/// What is sent back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: Option<Form>,
    pub(crate) headers: Vec<(String, Form)>,
    pub(crate) body: Body,
    pub(crate) content_type: Option<Form>,
}

/// The body of an answer.
#[derive(Debug, Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    Json(Form),
    Text(Form),
    Xml(Text),
    /// A tree that is written as XML, perhaps in the envelope of SOAP.
    Tree(Form, Option<Soap>),
}

/// One step of a request.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) when: Option<Code>,
    pub(crate) name: Option<String>,
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    List(Box<List>),
    Get(Box<Change>),
    Create(Box<Change>),
    Update(Box<Change>),
    Delete(Box<Change>),
    Set(Vec<(String, Form)>),
    Require(Demand),
    Each(Code, Vec<Step>),
    Login(Login),
    /// The rows of a SELECT statement.
    Statement(Form),
    /// The requests of an envelope.
    Envelope(Box<Envelope>),
    Logout,
    Token(Box<Token>),
    Authorize,
}

/// A step about one row.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) table: usize,
    pub(crate) find: Find,
    pub(crate) values: Form,
    pub(crate) shape: Option<Form>,
    pub(crate) optional: bool,
    pub(crate) replaces: bool,
    pub(crate) unchecked: bool,
}

/// How a row is found.
#[derive(Debug)]
pub(crate) enum Find {
    None,
    Key(Vec<Form>),
    By(Vec<(String, Form)>),
}

impl Action {
    /// Says whether it may change something.
    fn changes(&self) -> bool {
        match self {
            Self::Create(_) | Self::Update(_) | Self::Delete(_) => true,
            Self::Each(_, steps) => steps.iter().any(|step| step.action.changes()),
            // What its parts do is not known before.
            Self::Envelope(_) => true,
            _ => false,
        }
    }

    /// Says whether it is how clients sign in.
    fn signs_in(&self) -> bool {
        matches!(self, Self::Login(_) | Self::Logout | Self::Token(_) | Self::Authorize)
    }
}

impl Endpoint {
    pub(crate) fn read(
        loader: &mut Loader,
        node: &Node,
        lists: Option<&Node>,
        tables: &IndexMap<String, Table>,
    ) -> Option<Self> {
        let Data::Table(entries) = &node.data else {
            loader.wrong(node.place, "an endpoint is `METHOD /path: {…}`");
            return None;
        };
        let [Entry { name, place, value }] = entries.as_slice() else {
            loader.wrong(node.place, "an endpoint is one `METHOD /path: {…}`");
            return None;
        };
        let Some((methods, path)) = name.split_once(' ') else {
            loader.wrong(*place, "an endpoint is `METHOD /path: {…}`");
            return None;
        };
        let pattern = Pattern::of(path.trim());
        if pattern.expression.is_none() || !path.trim().starts_with('/') {
            loader.wrong(*place, format!("{path} is not a path such as /orders/{{id}}"));
        }
        let mut fields = loader.fields(value, "an endpoint");
        let reader = Reader { lists, tables };
        let when = fields.take("when").and_then(|node| Code::read(loader, node));
        let open = fields.flag(loader, "open");
        let operation = fields.take("operation").map(|node| Form::read(loader, node));
        let write = fields.take("write").map(|node| Form::read(loader, node));
        let wraps = fields.take("wrapped").is_none_or(|node| loader.flag(node, "wrapped"));
        let answer = fields
            .take("answer")
            .map(|node| Answer::read(loader, node))
            .unwrap_or_default();
        let steps = fields.take("steps");
        let single = reader.action(loader, &mut fields);
        let is_single = steps.is_none();
        let steps = match (steps, single) {
            (Some(steps), None) => reader.steps(loader, steps),
            (None, Some(action)) => vec![Step {
                when: None,
                name: None,
                action,
            }],
            (None, None) => Vec::new(),
            (Some(steps), Some(_)) => {
                loader.wrong(steps.place, "an endpoint has `steps` or one step, not both");
                Vec::new()
            }
        };
        fields.finish(loader);
        Some(Self {
            methods: methods.split('|').map(str::to_owned).collect(),
            path: pattern,
            when,
            open: open
                || steps
                    .iter()
                    .any(|step| step.action.signs_in() && !matches!(step.action, Action::Logout)),
            operation,
            write,
            wraps: wraps && !steps.iter().any(|step| step.action.signs_in()),
            steps,
            is_single,
            answer,
        })
    }

    /// Says whether a request may be meant for it, and returns the parameters of its path.
    pub(crate) fn fits(&self, method: &str, path: &str) -> Option<Vec<(String, String)>> {
        self.path.read(path).filter(|_| self.takes(method))
    }

    fn takes(&self, method: &str) -> bool {
        let is_authorize = self.steps.iter().any(|step| matches!(step.action, Action::Authorize));
        let is = |known: &String| known.eq_ignore_ascii_case(method) || known == "*";
        self.methods.iter().any(is) || (is_authorize && method == "POST") || (method == "HEAD" && self.takes_get())
    }

    fn takes_get(&self) -> bool {
        self.methods.iter().any(|known| known == "GET")
    }

    /// Says whether it may change something when nothing else is told.
    pub(crate) fn changes(&self, method: &str) -> bool {
        !matches!(method, "GET" | "HEAD") && self.steps.iter().any(|step| step.action.changes())
    }

    /// Says whether it is how clients sign in.
    pub(crate) fn signs_in(&self) -> bool {
        self.steps.iter().any(|step| step.action.signs_in())
    }
}

impl Pattern {
    /// Reads a path with parameters.
    pub(crate) fn of(path: &str) -> Self {
        let mut expression = String::from("^");
        let mut names = Vec::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{') {
            expression.push_str(&regex::escape(before));
            let Some((name, after)) = after.split_once('}') else {
                return Self {
                    text: path.to_owned(),
                    expression: None,
                    names,
                };
            };
            match name.strip_suffix('*') {
                Some(name) => {
                    expression.push_str("(.*)");
                    names.push(name.to_owned());
                }
                None => {
                    expression.push_str("([^/]+)");
                    names.push(name.to_owned());
                }
            }
            rest = after;
        }
        expression.push_str(&regex::escape(rest));
        expression.push_str("/?$");
        Self {
            text: path.to_owned(),
            expression: Regex::new(&expression).ok(),
            names,
        }
    }

    /// Returns the path as it is described.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Says whether a path is like this.
    pub(crate) fn is_like(&self, path: &str) -> bool {
        self.read(path).is_some()
    }

    /// Returns the parameters in a path, if it is like this.
    pub(crate) fn read(&self, path: &str) -> Option<Vec<(String, String)>> {
        // An encoded slash stays one that belongs to its segment.
        let kept = path.replace("%2F", "%252F").replace("%2f", "%252F");
        let decoded = percent_encoding::percent_decode_str(&kept).decode_utf8_lossy();
        let found = self.expression.as_ref()?.captures(&decoded)?;
        let names = self.names.iter().enumerate();
        let values = names.map(|(at, name)| {
            let value = found.get(at + 1).map_or("", |part| part.as_str());
            (name.clone(), value.replace("%2F", "/"))
        });
        Some(values.collect())
    }
}

impl Answer {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        let mut fields = loader.fields(node, "an answer");
        let status = fields.take("status").map(|node| Form::read(loader, node));
        let headers = fields
            .take("headers")
            .map(|node| Form::members(loader, node))
            .unwrap_or_default();
        let content_type = fields.take("type").map(|node| Form::read(loader, node));
        let json = fields.take("body").map(|node| Body::Json(Form::read(loader, node)));
        let text = fields.take("text").map(|node| Body::Text(Form::read(loader, node)));
        let soap = fields.word(loader, "soap", &[("1.1", Soap::One), ("1.2", Soap::Two)]);
        let xml = fields.take("xml").and_then(|node| match node.data {
            Data::Table(_) => Some(Body::Tree(Form::read(loader, node), soap)),
            _ => Text::read(loader, node, true).map(Body::Xml),
        });
        let bodies: Vec<Body> = [json, text, xml].into_iter().flatten().collect();
        if bodies.len() > 1 {
            loader.wrong(node.place, "an answer has one of `body`, `text` and `xml`");
        }
        fields.finish(loader);
        Self {
            status,
            headers,
            body: bodies.into_iter().next().unwrap_or_default(),
            content_type,
        }
    }
}

struct Reader<'a> {
    lists: Option<&'a Node>,
    tables: &'a IndexMap<String, Table>,
}

impl Reader<'_> {
    fn steps(&self, loader: &mut Loader, node: &Node) -> Vec<Step> {
        loader
            .list(node, "steps")
            .iter()
            .filter_map(|element| {
                let mut fields = loader.fields(element, "a step");
                let when = fields.take("when").and_then(|node| Code::read(loader, node));
                let name = fields.text(loader, "as");
                let action = self.action(loader, &mut fields);
                if action.is_none() {
                    loader.wrong(element.place, "the step does nothing");
                }
                fields.finish(loader);
                Some(Step {
                    when,
                    name,
                    action: action?,
                })
            })
            .collect()
    }

    /// Reads the one action that stands among the words.
    fn action(&self, loader: &mut Loader, fields: &mut Fields<'_>) -> Option<Action> {
        let mut actions = Vec::new();
        if let Some(node) = fields.take("list") {
            let list = List::read(loader, node, self.lists, self.tables);
            actions.push(Action::List(Box::new(list)));
        }
        if let Some(node) = fields.take("get") {
            actions.extend(self.change(loader, node, "get").map(Action::Get));
        }
        if let Some(node) = fields.take("create") {
            actions.extend(self.change(loader, node, "create").map(Action::Create));
        }
        if let Some(node) = fields.take("update") {
            actions.extend(self.change(loader, node, "update").map(Action::Update));
        }
        if let Some(node) = fields.take("delete") {
            actions.extend(self.change(loader, node, "delete").map(Action::Delete));
        }
        if let Some(node) = fields.take("set") {
            actions.push(Action::Set(Form::members(loader, node)));
        }
        if let Some(node) = fields.take("require") {
            actions.push(Action::Require(Demand::read(loader, node).0));
        }
        if let Some(node) = fields.take("each") {
            let of = Code::read(loader, node);
            let steps = fields.require(loader, "do").map(|node| self.steps(loader, node));
            actions.extend(of.map(|of| Action::Each(of, steps.unwrap_or_default())));
        }
        if let Some(node) = fields.take("sql") {
            actions.push(Action::Statement(Form::read(loader, node)));
        }
        if let Some(node) = fields.take("batch") {
            actions.extend(Envelope::read(loader, node).map(|envelope| Action::Envelope(Box::new(envelope))));
        }
        if let Some(node) = fields.take("login") {
            actions.push(Action::Login(Login::read(loader, node)));
        }
        if fields.flag(loader, "logout") {
            actions.push(Action::Logout);
        }
        if let Some(node) = fields.take("token") {
            actions.push(Action::Token(Box::new(Token::read(loader, node))));
        }
        if fields.flag(loader, "authorize") {
            actions.push(Action::Authorize);
        }
        if actions.len() > 1 {
            loader.wrong(fields.place, "more than one step stands here; put them into `steps`");
        }
        actions.into_iter().next()
    }

    fn change(&self, loader: &mut Loader, node: &Node, what: &'static str) -> Option<Box<Change>> {
        let mut fields = loader.fields(node, what);
        let table = table_of(loader, &mut fields, self.tables);
        let key = fields.take("key").map(|node| match &node.data {
            Data::List(parts) => Find::Key(parts.iter().map(|part| Form::read(loader, part)).collect()),
            _ => Find::Key(vec![Form::read(loader, node)]),
        });
        let by = fields.take("by").map(|node| Find::By(Form::members(loader, node)));
        let find = key.or(by).unwrap_or(Find::None);
        if what != "create" && matches!(find, Find::None) {
            loader.wrong(node.place, format!("{what} needs `key` or `by`"));
        }
        let empty = || Form::Literal(Json::Object(serde_json::Map::new()));
        let change = Change {
            table: table?,
            find,
            values: fields
                .take("values")
                .map_or_else(empty, |node| Form::read(loader, node)),
            shape: fields.take("shape").map(|node| Form::read(loader, node)),
            optional: fields.flag(loader, "optional"),
            replaces: fields.flag(loader, "replace"),
            unchecked: fields.flag(loader, "unchecked"),
        };
        fields.finish(loader);
        Some(Box::new(change))
    }
}

/// Reads the name of a table.
pub(crate) fn table_of(
    loader: &mut Loader,
    fields: &mut Fields<'_>,
    tables: &IndexMap<String, Table>,
) -> Option<usize> {
    let node = fields.require(loader, "table")?;
    let name = loader.text(node, "table");
    let found = tables.get_index_of(&name);
    if found.is_none() {
        let known: Vec<&str> = tables.keys().map(String::as_str).collect();
        loader.wrong(
            node.place,
            format!("there is no table `{name}`; there are {}", known.join(", ")),
        );
    }
    found
}
