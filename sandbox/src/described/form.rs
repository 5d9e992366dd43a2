//! Values of a description: literal ones, expressions, texts with expressions in them, and lists and tables of these.
//! They are compiled once and evaluated in a scope of names.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Serde, ValueKind};
use minijinja::{Expression, Template, Value};
use serde_json::{Map, Value as Json};

use super::functions::{self, ENVIRONMENT};
use super::load::Loader;
use super::yaml::{Data, Node, Place};

/// An expression or a template that could not be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) place: Place,
    pub(crate) message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.message)
    }
}

/// Names and their values; a scope inside another one sees the names of both.
#[derive(Clone, Default)]
pub(crate) struct Scope(Arc<Names>);

#[derive(Default)]
struct Names {
    own: Vec<(String, Value)>,
    outer: Option<Arc<Self>>,
}

impl Scope {
    /// Returns a scope with one more name.
    pub(crate) fn with(&self, name: &str, value: Value) -> Self {
        self.with_all(vec![(name.to_owned(), value)])
    }

    /// Returns a scope with more names.
    pub(crate) fn with_all(&self, own: Vec<(String, Value)>) -> Self {
        Self(Arc::new(Names {
            own,
            outer: Some(Arc::clone(&self.0)),
        }))
    }

    /// Returns the value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.0.find(name)
    }

    fn context(&self) -> Value {
        Value::from_dyn_object(Arc::clone(&self.0))
    }
}

impl Names {
    fn find(&self, name: &str) -> Option<Value> {
        let mut here = Some(self);
        while let Some(names) = here {
            if let Some((_, value)) = names.own.iter().find(|(known, _)| known == name) {
                return Some(value.clone());
            }
            here = names.outer.as_deref();
        }
        None
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.own.iter().map(|(name, _)| name)).finish()
    }
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.find(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// An expression.
#[derive(Clone)]
pub(crate) struct Code {
    place: Place,
    expression: Arc<Expression<'static, 'static>>,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}:{})", self.place.line, self.place.column)
    }
}

impl Code {
    /// Compiles an expression; a `=` in front is passed over.
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let text = loader.text(node, "an expression");
        Self::compile(loader, node.place, text.strip_prefix('=').unwrap_or(&text))
    }

    fn compile(loader: &mut Loader, place: Place, source: &str) -> Option<Self> {
        match ENVIRONMENT.compile_expression_owned(source.trim().to_owned()) {
            Ok(expression) => {
                check_names(loader, place, expression.undeclared_variables(false));
                let expression = Arc::new(expression);
                Some(Self { place, expression })
            }
            Err(error) => {
                loader.wrong(place, told(&error));
                None
            }
        }
    }

    /// Computes the value.
    pub(crate) fn value(&self, scope: &Scope) -> Result<Value, Failure> {
        let failure = |error: minijinja::Error| Failure {
            place: self.place,
            message: told(&error),
        };
        let value = self.expression.eval(scope.context()).map_err(failure)?;
        match value.kind() {
            ValueKind::Invalid => Err(Failure {
                place: self.place,
                message: value.to_string(),
            }),
            _ => Ok(value),
        }
    }

    /// Says whether the value is true.
    pub(crate) fn is_true(&self, scope: &Scope) -> Result<bool, Failure> {
        Ok(self.value(scope)?.is_true())
    }

    /// Computes the value as JSON.
    pub(crate) fn json(&self, scope: &Scope) -> Result<Json, Failure> {
        to_json(&self.value(scope)?).map_err(|message| Failure {
            place: self.place,
            message,
        })
    }
}

fn told(error: &minijinja::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    text
}

fn check_names(loader: &mut Loader, place: Place, names: impl IntoIterator<Item = String>) {
    let names: BTreeSet<String> = names.into_iter().collect();
    for name in names {
        if !functions::is_known(&name) && !loader.names.contains(&name) {
            loader.wrong(place, format!("unknown name `{name}` in an expression"));
        }
    }
}

/// A text with expressions in it.
#[derive(Clone)]
pub(crate) struct Text {
    place: Place,
    template: Arc<Template<'static, 'static>>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({}:{})", self.place.line, self.place.column)
    }
}

impl Text {
    /// Compiles a text; in one of XML the values are escaped.
    pub(crate) fn read(loader: &mut Loader, node: &Node, is_xml: bool) -> Option<Self> {
        let text = loader.text(node, "a text");
        Self::compile(loader, node.place, text, is_xml)
    }

    fn compile(loader: &mut Loader, place: Place, text: String, is_xml: bool) -> Option<Self> {
        // Descriptions live as long as the process.
        let text: &'static str = Box::leak(text.into_boxed_str());
        let name = if is_xml { "text.xml" } else { "text" };
        match ENVIRONMENT.template_from_named_str(name, text) {
            Ok(template) => {
                check_names(loader, place, template.undeclared_variables(false));
                let template = Arc::new(template);
                Some(Self { place, template })
            }
            Err(error) => {
                loader.wrong(place, told(&error));
                None
            }
        }
    }

    /// Writes the text.
    pub(crate) fn write(&self, scope: &Scope) -> Result<String, Failure> {
        self.template.render(scope.context()).map_err(|error| Failure {
            place: self.place,
            message: told(&error),
        })
    }
}

/// A value that may be computed.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Literal(Json),
    Code(Code),
    Text(Text),
    List(Vec<Self>),
    Table(Vec<(Name, Self)>),
    Each(Box<Each>),
    /// Left out unless the expression is true.
    Guarded(Code, Box<Self>),
}

/// The name of a member.
#[derive(Debug, Clone)]
pub(crate) enum Name {
    Literal(String),
    Text(Text),
}

/// A list with a value for each element of another.
#[derive(Debug, Clone)]
pub(crate) struct Each {
    of: Code,
    only: Option<Code>,
    row: Form,
}

impl Form {
    /// Compiles a value.
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        match &node.data {
            Data::Text(text) => match text.strip_prefix('=') {
                Some(source) => Code::compile(loader, node.place, source).map_or(Self::Literal(Json::Null), Self::Code),
                None if is_template(text) => {
                    let text = Text::compile(loader, node.place, text.clone(), false);
                    text.map_or(Self::Literal(Json::Null), Self::Text)
                }
                None => Self::Literal(Json::from(text.as_str())),
            },
            Data::List(elements) => {
                let forms: Vec<Self> = elements.iter().map(|element| Self::read(loader, element)).collect();
                match forms.iter().all(|form| matches!(form, Self::Literal(_))) {
                    true => Self::Literal(node.to_json()),
                    false => Self::List(forms),
                }
            }
            Data::Table(_) => Self::read_table(loader, node),
            _ => Self::Literal(node.to_json()),
        }
    }

    fn read_table(loader: &mut Loader, node: &Node) -> Self {
        let Data::Table(entries) = &node.data else {
            return Self::Literal(Json::Null);
        };
        let code = |loader: &mut Loader, name: &str| node.get(name).and_then(|node| Code::read(loader, node));
        let guard = code(loader, "=if");
        let of = code(loader, "=each");
        let only = code(loader, "=where");
        let mut members = Vec::new();
        for entry in entries {
            match entry.name.as_str() {
                "=if" | "=each" | "=where" => continue,
                "=row" if of.is_some() => continue,
                name if name.starts_with('=') => {
                    loader.wrong(
                        entry.place,
                        format!("unknown word `{name}`; known are =each, =where, =row, =if"),
                    );
                }
                name if of.is_some() => {
                    loader.wrong(
                        entry.place,
                        format!("`{name}` stands beside `=each`; put it into `=row`"),
                    );
                }
                name => {
                    let form = Self::read(loader, &entry.value);
                    let template =
                        is_template(name).then(|| Text::compile(loader, entry.place, name.to_owned(), false));
                    let name = template
                        .flatten()
                        .map_or_else(|| Name::Literal(name.to_owned()), Name::Text);
                    members.push((name, form));
                }
            }
        }
        let form = match of {
            Some(of) => {
                let row = match node.get("=row") {
                    Some(row) => Self::read(loader, row),
                    None => {
                        loader.wrong(node.place, "`=each` needs `=row`");
                        Self::Literal(Json::Null)
                    }
                };
                Self::Each(Box::new(Each { of, only, row }))
            }
            None if guard.is_none() && is_literal(&members) => Self::Literal(node.to_json()),
            None => Self::Table(members),
        };
        match guard {
            Some(guard) => Self::Guarded(guard, Box::new(form)),
            None => form,
        }
    }

    /// Returns the members of a table form: what a row is made of.
    pub(crate) fn members(loader: &mut Loader, node: &Node) -> Vec<(String, Self)> {
        match &node.data {
            Data::Table(entries) => entries
                .iter()
                .map(|entry| (entry.name.clone(), Self::read(loader, &entry.value)))
                .collect(),
            Data::Null => Vec::new(),
            _ => {
                loader.wrong(node.place, "a table of members is expected");
                Vec::new()
            }
        }
    }

    /// Computes the value; none when it is left out.
    pub(crate) fn json(&self, scope: &Scope) -> Result<Option<Json>, Failure> {
        match self {
            Self::Literal(value) => Ok(Some(value.clone())),
            Self::Code(code) => {
                let value = code.value(scope)?;
                if functions::is_omit(&value) {
                    return Ok(None);
                }
                let json = to_json(&value).map_err(|message| Failure {
                    place: code.place,
                    message,
                })?;
                Ok(Some(json))
            }
            Self::Text(text) => Ok(Some(Json::String(text.write(scope)?))),
            Self::List(forms) => {
                let mut values = Vec::with_capacity(forms.len());
                for form in forms {
                    values.extend(form.json(scope)?);
                }
                Ok(Some(Json::Array(values)))
            }
            Self::Table(members) => {
                let mut table = Map::with_capacity(members.len());
                for (name, form) in members {
                    let Some(value) = form.json(scope)? else { continue };
                    let name = match name {
                        Name::Literal(name) => name.clone(),
                        Name::Text(text) => text.write(scope)?,
                    };
                    table.insert(name, value);
                }
                Ok(Some(Json::Object(table)))
            }
            Self::Each(each) => each.json(scope).map(Some),
            Self::Guarded(guard, form) => match guard.is_true(scope)? {
                true => form.json(scope),
                false => Ok(None),
            },
        }
    }

    /// Computes the value; what is left out is null.
    pub(crate) fn value_or_null(&self, scope: &Scope) -> Result<Json, Failure> {
        Ok(self.json(scope)?.unwrap_or_default())
    }

    /// Computes the value as a text; none for null and what is left out.
    pub(crate) fn text(&self, scope: &Scope) -> Result<Option<String>, Failure> {
        Ok(self.json(scope)?.and_then(|value| match value {
            Json::Null => None,
            Json::String(text) => Some(text),
            other => Some(other.to_string()),
        }))
    }
}

impl Each {
    fn json(&self, scope: &Scope) -> Result<Json, Failure> {
        let list = self.of.value(scope)?;
        if list.is_undefined() || list.is_none() {
            return Ok(Json::Array(Vec::new()));
        }
        let outer = scope.get("r").unwrap_or_default();
        let elements = list.try_iter().map_err(|error| Failure {
            place: self.of.place,
            message: told(&error),
        })?;
        let mut values = Vec::new();
        for element in elements {
            let scope = scope.with_all(vec![("r".to_owned(), element), ("p".to_owned(), outer.clone())]);
            if let Some(only) = &self.only
                && !only.is_true(&scope)?
            {
                continue;
            }
            values.extend(self.row.json(&scope)?);
        }
        Ok(Json::Array(values))
    }
}

/// Returns members as a row.
pub(crate) fn members_json(members: &[(String, Form)], scope: &Scope) -> Result<Map<String, Json>, Failure> {
    let mut row = Map::with_capacity(members.len());
    for (name, form) in members {
        if let Some(value) = form.json(scope)? {
            row.insert(name.clone(), value);
        }
    }
    Ok(row)
}

fn is_literal(members: &[(Name, Form)]) -> bool {
    members
        .iter()
        .all(|(name, form)| matches!((name, form), (Name::Literal(_), Form::Literal(_))))
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Returns a value of an expression as JSON.
pub(crate) fn to_json(value: &Value) -> Result<Json, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// Returns JSON as a value for expressions.
pub(crate) fn to_value(json: &Json) -> Value {
    Value::from(Serde(json))
}

/// Returns a row as a value for expressions.
pub(crate) fn row_value(row: &Map<String, Json>) -> Value {
    Value::from(Serde(row))
}
