//! Checks what somebody gave for a new connection against its connector: settings and credentials, every problem told
//! at once by field. No message repeats a credential.

#[cfg(test)]
mod tests;

use std::fmt;

use chrono_tz::Tz;
use indexmap::IndexMap;
use lineshaft_connect::{
    manifest::{Auth, CredentialField, Manifest, REFRESH_TOKEN, SettingField, SettingKind, suggest},
    template::SecretMap,
};
use regex::Regex;
use serde_json::{Map, Value};
use url::Url;

/// What a connection is made with, checked: settings have their proper types.
#[derive(Clone)]
pub struct Form {
    /// The settings.
    pub settings: Map<String, Value>,
    /// The credentials.
    pub credentials: Map<String, Value>,
    /// The way to sign in that they fit.
    pub sign_in: String,
}

/// The credentials are left out.
impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Form")
            .field("settings", &self.settings)
            .field("sign_in", &self.sign_in)
            .finish_non_exhaustive()
    }
}

/// Which part of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The settings.
    Setting,
    /// The credentials.
    Credential,
}

/// One thing that is wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormProblem {
    /// In which part.
    pub part: Part,
    /// The field; none when it is about the part as a whole.
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Setting => "setting",
            Self::Credential => "credential",
        })
    }
}

impl fmt::Display for FormProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(formatter, "{} `{field}`: {}", self.part, self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

/// What beside the values decides which credentials a form must have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// The way to sign in that was chosen; else one is found by what is given.
    pub way: Option<&'a str>,
    /// The credentials of the application that the operator gives. They are not asked for.
    pub application: Option<&'a SecretMap>,
    /// Whether the person is going to sign in at the system's own page, which gives the rest.
    pub before_page: bool,
}

/// Settings are shorter than this, in bytes.
const LONGEST_SETTING: usize = 2_000;
/// Credentials are shorter than this, in bytes: private keys with their certificates are the longest.
const LONGEST_CREDENTIAL: usize = 20_000;

/// Checks a form.
///
/// # Errors
/// Returns everything that is wrong with it.
pub fn check(
    manifest: &Manifest,
    settings: &Map<String, Value>,
    credentials: &Map<String, Value>,
) -> Result<Form, Vec<FormProblem>> {
    check_with(manifest, settings, credentials, Terms::default())
}

/// Checks a form on certain terms.
///
/// # Errors
/// Returns everything that is wrong with it.
pub fn check_with(
    manifest: &Manifest,
    settings: &Map<String, Value>,
    credentials: &Map<String, Value>,
    terms: Terms<'_>,
) -> Result<Form, Vec<FormProblem>> {
    let mut problems = Vec::new();
    let settings = check_settings(&manifest.settings, settings, &mut problems);
    // Settings such as a version may change the ways to sign in.
    let effective = manifest.for_settings(&settings);
    let ways = effective.as_ref().map_or(&manifest.auth, |effective| &effective.auth);
    let ways = ways_on(ways, terms);
    if let Some(way) = terms.way.filter(|_| ways.is_empty()) {
        problems.push(FormProblem {
            part: Part::Credential,
            field: None,
            message: format!("the connector has no way to sign in `{}`", shortened(way)),
        });
        return Err(problems);
    }
    let chosen = check_credentials(&ways, credentials, &mut problems);
    match chosen {
        Some(chosen) if problems.is_empty() => Ok(Form {
            settings,
            credentials: present(credentials),
            sign_in: chosen.id.clone(),
        }),
        _ => Err(problems),
    }
}

/// Returns the ways to sign in that are open, with the credentials that must be given for them.
fn ways_on(ways: &[Auth], terms: Terms<'_>) -> Vec<Auth> {
    let chosen = ways.iter().filter(|way| terms.way.is_none_or(|id| way.id == id));
    let mut ways: Vec<Auth> = chosen.cloned().collect();
    for way in &mut ways {
        let by_page = terms.before_page && way.has_page();
        way.credentials.retain(|name, field| {
            let is_ours = field.application && terms.application.is_some_and(|ours| ours.contains(name));
            let comes_later = by_page && name == REFRESH_TOKEN;
            !is_ours && !comes_later
        });
    }
    ways
}

fn check_settings(
    fields: &IndexMap<String, SettingField>,
    given: &Map<String, Value>,
    problems: &mut Vec<FormProblem>,
) -> Map<String, Value> {
    let mut add = |field: &str, message: String| {
        problems.push(FormProblem {
            part: Part::Setting,
            field: Some(field.to_owned()),
            message,
        });
    };
    for name in given.keys().filter(|name| !fields.contains_key(*name)) {
        let message = unknown(name, fields.keys(), "the connector has no such setting");
        add(&shortened(name), message);
    }
    let mut checked = Map::new();
    for (name, field) in fields {
        match given.get(name).filter(|value| is_given(value)) {
            Some(value) => match read_setting(field, value) {
                Ok(value) => {
                    checked.insert(name.clone(), value);
                }
                Err(message) => add(name, message),
            },
            None if field.required && field.default.is_none() => {
                add(name, missing(&field.label, field.help.as_deref()))
            }
            None => {}
        }
    }
    checked
}

/// Reads a setting as its kind asks; texts are trimmed, an address loses the slash at its end.
fn read_setting(field: &SettingField, value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::String(text) if text.len() > LONGEST_SETTING => {
            return Err(format!("it is longer than {LONGEST_SETTING} bytes"));
        }
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err("it must be a single value".to_owned()),
    };
    let read = match field.kind {
        SettingKind::Text => text.clone().into(),
        SettingKind::Url => read_address(&text)?.into(),
        SettingKind::Integer => text
            .parse::<i64>()
            .map_err(|_| format!("`{text}` is not a whole number"))?
            .into(),
        SettingKind::Boolean => text
            .parse::<bool>()
            .map_err(|_| format!("`{text}` is neither true nor false"))?
            .into(),
        SettingKind::Choice if !field.choices.contains(&text) => {
            return Err(format!("`{text}` is not one of {}", field.choices.join(", ")));
        }
        SettingKind::Choice => text.clone().into(),
        SettingKind::TimeZone => match text.parse::<Tz>() {
            Ok(zone) => zone.name().into(),
            Err(_) => return Err(format!("`{text}` is not a time zone such as Europe/Berlin")),
        },
    };
    if !fits(field.pattern.as_deref(), &text) {
        let example = field
            .example
            .as_ref()
            .map(|example| format!(", such as {example}"))
            .unwrap_or_default();
        return Err(format!("`{text}` does not have the expected form{example}"));
    }
    Ok(read)
}

fn read_address(text: &str) -> Result<String, String> {
    let address =
        Url::parse(text).map_err(|_| format!("`{text}` is not a web address such as https://erp.example.com"))?;
    if !matches!(address.scheme(), "https" | "http") || address.host().is_none() {
        return Err(format!("`{text}` does not begin with https://"));
    }
    if !address.username().is_empty() || address.password().is_some() {
        return Err("user name and password do not belong into the address".to_owned());
    }
    if address.query().is_some() || address.fragment().is_some() {
        return Err(format!("`{text}` must end before `?` and `#`"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Finds the way to sign in whose credentials are all given: the one that needs the most, the first among equals.
fn check_credentials<'a>(
    ways: &'a [Auth],
    given: &Map<String, Value>,
    problems: &mut Vec<FormProblem>,
) -> Option<&'a Auth> {
    let before = problems.len();
    let known: IndexMap<&String, &CredentialField> = ways.iter().flat_map(|way| &way.credentials).collect();
    let mut add = |field: &str, message: String| {
        problems.push(FormProblem {
            part: Part::Credential,
            field: Some(field.to_owned()),
            message,
        });
    };
    for (name, value) in given {
        match known.get(name) {
            None => {
                let message = unknown(name, known.keys().copied(), "the connector has no such credential");
                add(&shortened(name), message);
            }
            Some(_) if value.as_str().is_some_and(|text| text.len() > LONGEST_CREDENTIAL) => {
                add(name, format!("it is longer than {LONGEST_CREDENTIAL} bytes"));
            }
            Some(_) if !value.is_string() && !value.is_null() => add(name, "it must be a text".to_owned()),
            Some(field)
                if is_given(value) && !value.as_str().is_some_and(|text| fits(field.pattern.as_deref(), text)) =>
            {
                add(name, "it does not have the expected form".to_owned());
            }
            Some(_) => {}
        }
    }
    let has = |name: &String| given.get(name).is_some_and(is_given);
    let complete = ways.iter().filter(|way| way.credentials.keys().all(has));
    if let Some(way) = complete.rev().max_by_key(|way| way.credentials.len()) {
        return Some(way);
    }
    if problems.len() == before {
        problems.extend(missing_credentials(ways, given));
    }
    None
}

/// Tells what is missing: of the way that most is given of, or all ways when nothing is given.
fn missing_credentials(ways: &[Auth], given: &Map<String, Value>) -> Vec<FormProblem> {
    let count = |way: &&Auth| {
        way.credentials
            .keys()
            .filter(|name| given.get(*name).is_some_and(is_given))
            .count()
    };
    let begun = ways
        .iter()
        .rev()
        .max_by_key(count)
        .filter(|way| ways.len() == 1 || count(way) > 0);
    let Some(way) = begun else {
        let names = |way: &Auth| way.credentials.keys().cloned().collect::<Vec<_>>().join(" and ");
        let all: Vec<String> = ways
            .iter()
            .map(|way| format!("{} ({})", way.label, names(way)))
            .collect();
        let message = format!(
            "credentials are missing for one of these ways to sign in: {}",
            all.join("; ")
        );
        return vec![FormProblem {
            part: Part::Credential,
            field: None,
            message,
        }];
    };
    let absent = way
        .credentials
        .iter()
        .filter(|(name, _)| !given.get(*name).is_some_and(is_given));
    let problem = |(name, field): (&String, &CredentialField)| FormProblem {
        part: Part::Credential,
        field: Some(name.clone()),
        message: missing(&field.label, field.help.as_deref()),
    };
    absent.map(problem).collect()
}

fn present(given: &Map<String, Value>) -> Map<String, Value> {
    given
        .iter()
        .filter(|(_, value)| is_given(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Names that are not ours may have any length.
fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}

fn is_given(value: &Value) -> bool {
    !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty())
}

fn missing(label: &str, help: Option<&str>) -> String {
    match help {
        Some(help) => format!("{label} is missing. {help}"),
        None => format!("{label} is missing"),
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>, message: &str) -> String {
    match suggest::closest(name, known.map(String::as_str)) {
        Some(near) => format!("{message}, did you mean `{near}`?"),
        None => message.to_owned(),
    }
}

/// Returns whether the whole text matches. A pattern that is none was refused when the connector was loaded.
fn fits(pattern: Option<&str>, text: &str) -> bool {
    let Some(pattern) = pattern else { return true };
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(text))
}
