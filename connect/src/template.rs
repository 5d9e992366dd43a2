//! Templates of texts, and the variables of all templates: parsed once, rendered in one pass, so that a value is never read
//! as a template again.

mod json;
mod marks;
mod parse;
mod secrets;
#[cfg(test)]
mod tests;
mod xml;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

pub use json::JsonTemplate;
use parse::{parse_variable, split_end};
pub use secrets::SecretMap;
pub(crate) use xml::Unfit;
pub use xml::XmlTemplate;

/// What a connection gives to templates.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// The connection's settings, as `settings.<name>`.
    pub settings: &'a Map<String, Value>,
    /// The connection's credentials, as `credentials.<name>`.
    pub credentials: &'a SecretMap,
    /// What a login or a token request gave, as `session.<name>`.
    pub session: &'a SecretMap,
}

/// The variables of one rendering: those of the connection and those of the request.
#[derive(Clone)]
pub struct Scope<'a> {
    variables: &'a Variables<'a>,
    own: Vec<(&'a str, Value)>,
    absent: Absent,
    /// Variables that will have no value, where others are shown by their names.
    never: Vec<String>,
}

/// Returns whether a variable is another one or a part of it.
pub(crate) fn is_within(name: &str, whole: &str) -> bool {
    name.strip_prefix(whole)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What becomes of variables of the request that have no value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// They are an error.
    Refused,
    /// Members of JSON that are nothing else are left out, texts are empty; in paths they are an error.
    LeftOut,
    /// Their names stand for them, in braces.
    Shown,
}

impl<'a> Scope<'a> {
    /// Makes a scope with the variables of a connection.
    #[must_use]
    pub fn new(variables: &'a Variables<'a>) -> Self {
        Self {
            variables,
            own: Vec::new(),
            absent: Absent::Refused,
            never: Vec::new(),
        }
    }

    /// Leaves out what has no value, as optional parts of writes are.
    #[must_use]
    pub(crate) fn leaving_out(mut self) -> Self {
        self.absent = Absent::LeftOut;
        self
    }

    /// Shows the names of variables that have no value yet; those that never will have one are left out.
    #[must_use]
    pub(crate) fn showing(mut self, never: &[String]) -> Self {
        self.absent = Absent::Shown;
        self.never = never.to_vec();
        self
    }

    /// Passes every text in the variables of the request through a function.
    #[must_use]
    pub(crate) fn with_texts(mut self, change: &dyn Fn(&str) -> String) -> Self {
        self.own.iter_mut().for_each(|(_, value)| change_texts(value, change));
        self
    }

    /// Returns whether an object in a list that has this variable alone is left out. What a row does not have is not shown
    /// there either.
    fn leaves_out(&self, name: &str) -> bool {
        let is_left_out = match self.absent {
            Absent::Refused => false,
            Absent::LeftOut => true,
            Absent::Shown => name.starts_with("row."),
        };
        is_left_out && self.is_absent(name) || self.omits(name)
    }

    /// Returns whether a member that is nothing but this variable is left out.
    fn omits(&self, name: &str) -> bool {
        let will_never = || self.never.iter().any(|never| is_within(name, never));
        self.is_absent(name) && (self.absent == Absent::LeftOut || will_never())
    }

    /// Returns whether all texts in a variable of the request pass a test.
    pub(crate) fn all_texts(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        fn all(value: &Value, test: &dyn Fn(&str) -> bool) -> bool {
            match value {
                Value::String(text) => test(text),
                Value::Array(list) => list.iter().all(|element| all(element, test)),
                Value::Object(members) => members.values().all(|member| all(member, test)),
                _ => true,
            }
        }
        find_in(&self.own, name).is_none_or(|value| all(value, test))
    }

    /// Returns whether a variable of the request says something: it is there and neither empty nor false nor zero.
    fn says(&self, name: &str) -> bool {
        match find_in(&self.own, name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => *value,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(members)) => !members.is_empty(),
        }
    }

    /// Returns whether a variable is there and has no text.
    fn is_empty(&self, name: &str) -> bool {
        match self.find(name).as_deref() {
            Ok(Value::Object(members)) => members.is_empty(),
            Ok(value) => text_of(value).is_empty(),
            Err(_) => false,
        }
    }

    fn is_absent(&self, name: &str) -> bool {
        let of_connection = ["settings.", "credentials.", "session."];
        self.absent != Absent::Refused
            && !of_connection.iter().any(|start| name.starts_with(start))
            && find_in(&self.own, name).is_none()
            && find_through_lists(&self.own, name).is_none()
    }

    /// Adds a variable, whose name may be dotted.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: impl Into<Value>) -> Self {
        self.own.push((name, value.into()));
        self
    }

    /// Returns the variables of the connection.
    #[must_use]
    pub fn variables(&self) -> &'a Variables<'a> {
        self.variables
    }

    /// Finds a variable. A setting that was not given is null; anything else that is unknown is an error.
    fn find(&self, name: &str) -> Result<Cow<'_, Value>, String> {
        if let Some(value) = find_in(&self.own, name) {
            return Ok(Cow::Borrowed(value));
        }
        if let Some(values) = find_through_lists(&self.own, name) {
            return Ok(Cow::Owned(values));
        }
        let secret = |map: &SecretMap, name: &str, what: &str| match map.get(name) {
            Some(value) => Ok(Cow::Owned(Value::String(value.to_owned()))),
            None => Err(format!("the {what} `{name}` is missing")),
        };
        match name.split_once('.') {
            Some(("settings", name)) => Ok(self
                .variables
                .settings
                .get(name)
                .map_or(Cow::Owned(Value::Null), Cow::Borrowed)),
            Some(("credentials", name)) => secret(self.variables.credentials, name, "credential"),
            Some(("session", name)) => secret(self.variables.session, name, "session value"),
            _ => match self.absent {
                Absent::Refused => Err(unknown(name)),
                Absent::LeftOut => Ok(Cow::Owned(Value::Null)),
                Absent::Shown => Ok(Cow::Owned(Value::String(format!("{{{{{name}}}}}")))),
            },
        }
    }
}

/// Finds a value by its name, or below the value that the first part of the name names.
pub(crate) fn find_in<'v>(own: &'v [(&str, Value)], name: &str) -> Option<&'v Value> {
    let named = |name: &str| own.iter().rev().find(|(own, _)| *own == name).map(|(_, value)| value);
    named(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        descend(named(first)?, rest)
    })
}

fn change_texts(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(list) => list.iter_mut().for_each(|element| change_texts(element, change)),
        Value::Object(members) => members.values_mut().for_each(|member| change_texts(member, change)),
        _ => {}
    }
}

fn unknown(name: &str) -> String {
    format!("unknown variable `{name}`")
}

fn descend<'a>(value: &'a Value, names: &str) -> Option<&'a Value> {
    names.split('.').try_fold(value, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })
}

/// Finds a member of every element of a list in the row that is written, as a list of those that have it. None if no
/// element has it. Other variables do not lead through lists: where a client's own body says what is called, a list would
/// pass for one name.
fn find_through_lists(own: &[(&str, Value)], name: &str) -> Option<Value> {
    fn gather(value: &Value, names: &[&str]) -> Option<Value> {
        let [name, below @ ..] = names else {
            return Some(value.clone());
        };
        match value {
            Value::Array(list) => {
                let found: Vec<Value> = list.iter().filter_map(|element| gather(element, names)).collect();
                (!found.is_empty()).then_some(Value::Array(found))
            }
            other => gather(other.get(name)?, below),
        }
    }
    let below = name.strip_prefix("row.")?;
    let (_, value) = own.iter().rev().find(|(own, _)| *own == "row")?;
    gather(value, &below.split('.').collect::<Vec<_>>())
}

/// Returns the text form of a variable: lists are joined by commas, null is empty.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(list) => Cow::Owned(list.iter().map(text_of).collect::<Vec<_>>().join(",")),
        other => Cow::Owned(other.to_string()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Variable(Box<str>),
    Number(Box<str>),
    Upper(Box<str>),
    Base64(Box<[Box<str>]>),
    Tail(Box<str>),
    Head(Box<str>),
    /// The second variable, unless the first says something.
    Unless([Box<str>; 2]),
    /// A variable between two texts, or nothing when it is empty.
    Around {
        before: Box<str>,
        name: Box<str>,
        after: Box<str>,
    },
    /// A text, or nothing when the variable is empty.
    When(Box<str>, Box<str>),
    /// A variable that is left out of JSON when it is empty.
    Optional(Box<str>),
    /// A copy of a row, or of rows, whose members are marked, but for those that are named.
    Marks(Box<str>, Box<[Box<str>]>),
}

/// What may stand in a segment that was escaped before.
const ESCAPED_SEGMENT: &AsciiSet = &PATH_SEGMENT.remove(b'%');

/// A text with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTemplate(Box<[Part]>);

/// What may stand unescaped in a segment of a path: unreserved characters and the harmless sub-delimiters.
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b':')
    .remove(b'=')
    .remove(b'@');

impl TextTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// Tells what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            let (inner, after) = split_end(after).ok_or("`{{` is never closed by `}}`")?;
            parts.push(parse_variable(inner)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self(parts.into_boxed_slice()))
    }

    /// Iterates over the names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|part| {
            let names: &[Box<str>] = match part {
                Part::Text(_) => &[],
                Part::Variable(name) | Part::Number(name) | Part::Upper(name) => std::slice::from_ref(name),
                Part::Base64(names) => names,
                Part::Tail(name) | Part::Head(name) => std::slice::from_ref(name),
                Part::Unless(names) => names,
                Part::Around { name, .. } | Part::When(name, _) | Part::Optional(name) | Part::Marks(name, _) => {
                    std::slice::from_ref(name)
                }
            };
            names.iter().map(AsRef::as_ref)
        })
    }

    /// Returns the text when there are no variables in it.
    #[must_use]
    pub fn as_constant(&self) -> Option<&str> {
        match self.0.as_ref() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Fills in the variables.
    ///
    /// # Errors
    /// Names the variable that is unknown or missing.
    pub fn render(&self, scope: &Scope<'_>) -> Result<String, String> {
        self.render_with(scope, |text| Ok(Cow::Borrowed(text)))
    }

    /// Fills in the variables as segments of the path of an address: what would end the segment is escaped.
    /// Settings are filled in as they are, because they may be addresses.
    ///
    /// # Errors
    /// Names the variable that is unknown or missing, or that would lead to another folder.
    pub fn render_path(&self, scope: &Scope<'_>) -> Result<String, String> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Variable(name) if name.starts_with("settings.") => filled.push_str(&text_of(&*scope.find(name)?)),
                // The name of a list may lead through several folders.
                Part::Variable(name) if &**name == "resource.remote" => {
                    filled.push_str(&segments(name, &text_of(&*scope.find(name)?))?);
                }
                Part::Variable(name) | Part::Number(name) | Part::Optional(name) => {
                    let value = scope.find(name)?;
                    let text = text_of(&value);
                    if scope.is_absent(name) && scope.absent == Absent::Shown {
                        filled.push_str(&text);
                        continue;
                    }
                    if scope.absent != Absent::Refused && value.is_null() {
                        return Err(format!("the variable `{name}` has no value"));
                    }
                    filled.extend(utf8_percent_encode(&text, PATH_SEGMENT));
                }
                Part::Upper(name) => filled.extend(utf8_percent_encode(
                    &text_of(&*scope.find(name)?).to_uppercase(),
                    PATH_SEGMENT,
                )),
                Part::Base64(names) => filled.extend(utf8_percent_encode(&base64_of(names, scope)?, PATH_SEGMENT)),
                Part::Tail(name) => {
                    let tail = tail_of(name, scope)?;
                    if tail.is_empty() {
                        return Err(format!("the variable `{name}` does not end in a name"));
                    }
                    filled.extend(utf8_percent_encode(&tail, ESCAPED_SEGMENT));
                }
                Part::Head(name) => {
                    filled.push_str(&segments(name, &head_of(name, scope)?)?);
                }
                Part::Unless(names) => filled.extend(utf8_percent_encode(&unless(names, scope)?, PATH_SEGMENT)),
                Part::Around { before, name, after } => {
                    let value = scope.find(name)?;
                    let text = text_of(&value);
                    if !text.is_empty() {
                        filled.push_str(before);
                        filled.extend(utf8_percent_encode(&text, PATH_SEGMENT));
                        filled.push_str(after);
                    }
                }
                Part::When(name, text) => filled.push_str(when(name, text, scope)?),
                Part::Marks(..) => return Err("marks have no place in an address".to_owned()),
            }
        }
        check_segments(&filled)?;
        Ok(filled)
    }

    /// Fills in the variables, each passed through a function first.
    ///
    /// # Errors
    /// Names the variable that is unknown or missing, or tells what the function refused.
    pub fn render_with(
        &self,
        scope: &Scope<'_>,
        escape: impl for<'t> Fn(&'t str) -> Result<Cow<'t, str>, String>,
    ) -> Result<String, String> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Variable(name) | Part::Number(name) | Part::Optional(name) => {
                    filled.push_str(&escape(&text_of(&*scope.find(name)?))?);
                }
                Part::Upper(name) => filled.push_str(&escape(&text_of(&*scope.find(name)?).to_uppercase())?),
                Part::Base64(names) => filled.push_str(&escape(&base64_of(names, scope)?)?),
                Part::Tail(name) => filled.push_str(&escape(&tail_of(name, scope)?)?),
                Part::Head(name) => filled.push_str(&escape(&head_of(name, scope)?)?),
                Part::Unless(names) => filled.push_str(&escape(&unless(names, scope)?)?),
                Part::Around { before, name, after } => {
                    let value = scope.find(name)?;
                    let text = text_of(&value);
                    if !text.is_empty() {
                        filled.push_str(before);
                        filled.push_str(&escape(&text)?);
                        filled.push_str(after);
                    }
                }
                Part::When(name, text) => filled.push_str(when(name, text, scope)?),
                Part::Marks(name, keep) => filled.push_str(&escape(&text_of(&marks(name, keep, scope)?))?),
            }
        }
        Ok(filled)
    }

    /// Returns whether it is nothing but a variable.
    pub(crate) fn is_variable(&self) -> bool {
        self.only_variable().is_some() || self.only_number().is_some() || self.only_optional().is_some()
    }

    /// Returns the variable that is to be a number, when the template is nothing else.
    fn only_number(&self) -> Option<&str> {
        match self.0.as_ref() {
            [Part::Number(name)] => Some(name),
            _ => None,
        }
    }

    /// Returns the two variables of `unless`, when the template is nothing else.
    fn only_unless(&self) -> Option<&[Box<str>; 2]> {
        match self.0.as_ref() {
            [Part::Unless(names)] => Some(names),
            _ => None,
        }
    }

    /// Returns the variable that may be left out, when the template is nothing else.
    fn only_optional(&self) -> Option<&str> {
        match self.0.as_ref() {
            [Part::Optional(name)] => Some(name),
            _ => None,
        }
    }

    /// Returns the row that is marked and what is kept of it, when the template is nothing else.
    fn only_marks(&self) -> Option<(&str, &[Box<str>])> {
        match self.0.as_ref() {
            [Part::Marks(name, keep)] => Some((name, keep)),
            _ => None,
        }
    }

    /// Returns the variable when the template is nothing else.
    fn only_variable(&self) -> Option<&str> {
        match self.0.as_ref() {
            [Part::Variable(name)] => Some(name),
            _ => None,
        }
    }
}

/// Returns a path of several segments, each of them escaped.
fn segments(name: &str, text: &str) -> Result<String, String> {
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("the variable `{name}` is not a path of names"));
    }
    let parts = text
        .split('/')
        .map(|part| utf8_percent_encode(part, PATH_SEGMENT).to_string());
    Ok(parts.collect::<Vec<_>>().join("/"))
}

fn marks(name: &str, keep: &[Box<str>], scope: &Scope<'_>) -> Result<Value, String> {
    Ok(marks::marked(scope.find(name)?.into_owned(), keep))
}

fn when<'t>(name: &str, text: &'t str, scope: &Scope<'_>) -> Result<&'t str, String> {
    Ok(if text_of(&*scope.find(name)?).is_empty() {
        ""
    } else {
        text
    })
}

fn unless(names: &[Box<str>; 2], scope: &Scope<'_>) -> Result<String, String> {
    let [condition, name] = names;
    if scope.says(condition) {
        return Ok(String::new());
    }
    Ok(text_of(&*scope.find(name)?).into_owned())
}

fn base64_of(names: &[Box<str>], scope: &Scope<'_>) -> Result<String, String> {
    let mut joined = String::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            joined.push(':');
        }
        joined.push_str(&text_of(&*scope.find(name)?));
    }
    Ok(STANDARD.encode(joined))
}

/// Refuses a path of which a segment leads to another folder, also where it is written with escapes.
fn check_segments(path: &str) -> Result<(), String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let leads_away = |segment: &str| {
        let decoded = percent_decode_str(segment).collect::<Vec<u8>>();
        matches!(decoded.as_slice(), b"." | b"..")
    };
    match path.split(['/', '\\']).any(leads_away) {
        true => Err("a part of the path is `.` or `..` and not a name".to_owned()),
        false => Ok(()),
    }
}

/// Returns what follows the last slash of a variable, without a query; as it stands there, for addresses are escaped
/// already.
fn tail_of(name: &str, scope: &Scope<'_>) -> Result<String, String> {
    let value = scope.find(name)?;
    let text = text_of(&value);
    let path = text.split(['?', '#']).next().unwrap_or_default();
    Ok(path.rsplit('/').next().unwrap_or_default().to_owned())
}

/// Returns what comes before the last slash.
fn head_of(name: &str, scope: &Scope<'_>) -> Result<String, String> {
    let value = scope.find(name)?;
    let text = text_of(&value);
    Ok(text
        .rsplit_once('/')
        .map(|(head, _)| head.to_owned())
        .unwrap_or_default())
}
