//! The filters and functions that expressions of a description have beyond those of minijinja.

use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use sha2::{Digest as _, Sha256};

use super::condition::instant_of;
use super::plant::Plant;
use super::proof::keys;
use super::rows::View;

/// Compiles all expressions and holds their filters.
pub(crate) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// The names that expressions may use.
const KNOWN: &[&str] = &[
    "account",
    "base_url",
    "children",
    "constants",
    "debug",
    "dict",
    "find",
    "limit",
    "lookup",
    "namespace",
    "now",
    "old",
    "omit",
    "p",
    "page",
    "parts",
    "private_key",
    "problem",
    "r",
    "range",
    "request",
    "row",
    "rows",
    "rows_of",
    "session",
    "tables",
    "token",
    "values",
    "next_id",
    "world",
];

/// Says whether a name is one that the language has.
pub(crate) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// The value that leaves a member out.
#[derive(Debug)]
struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// Says whether a value leaves its member out.
pub(crate) fn is_omit(value: &Value) -> bool {
    value.downcast_object_ref::<Omit>().is_some()
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.add_global("omit", Value::from_object(Omit));
    environment.add_function("private_key", private_key);
    environment.add_function("find", find);
    environment.add_function("lookup", lookup);
    environment.add_function("children", children);
    environment.add_function("rows_of", rows_of);
    environment.add_filter("shown", shown);
    environment.add_filter("map", map);
    environment.add_filter("default", default);
    environment.add_filter("number", number);
    environment.add_filter("int", int);
    environment.add_filter("text", text);
    environment.add_filter("iso", iso);
    environment.add_filter("date", date);
    environment.add_filter("unix", |value: &Value| instant(value).map(|at| at.timestamp()));
    environment.add_filter("unix_ms", |value: &Value| {
        instant(value).map(|at| at.timestamp_millis())
    });
    environment.add_filter("plus", plus);
    environment.add_filter("pad", pad);
    environment.add_filter("guid", guid);
    environment.add_filter("base64", |text: String| STANDARD.encode(text));
    environment.add_filter("from_base64", from_base64);
    environment.add_filter("sha256", |text: String| hex(&Sha256::digest(text)));
    environment.add_filter("total", total);
    environment
}

/// Returns the private key that belongs to a secret.
fn private_key(algorithm: &str, secret: &str) -> Result<String, Error> {
    let algorithm = keys::Algorithm::named(algorithm).ok_or_else(|| wrong(format!("{algorithm} is not known")))?;
    let pair = keys::pair(algorithm, secret).ok_or_else(|| wrong("there is no key"))?;
    Ok(pair.private.clone())
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn is_nothing(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

fn find(state: &State<'_, '_>, list: &str, id: &Value) -> Result<Value, Error> {
    if is_nothing(id) {
        return Ok(Value::from(()));
    }
    let world = state.lookup("world").ok_or_else(|| wrong("there is no world here"))?;
    let plant = world
        .downcast_object_ref::<Plant>()
        .ok_or_else(|| wrong("there is no world here"))?;
    let id = decimal(id).and_then(|id| id.to_u32());
    plant.find(list, id).map_err(wrong)
}

fn view<T>(state: &State<'_, '_>, use_it: impl FnOnce(&View) -> Result<T, String>) -> Result<T, Error> {
    let missing = || wrong("rows of tables are not known here: use find");
    let tables = state.lookup("tables").ok_or_else(missing)?;
    let view = tables.downcast_object_ref::<View>().ok_or_else(missing)?;
    use_it(view).map_err(wrong)
}

fn lookup(state: &State<'_, '_>, table: &str, key: &Value, rest: Rest<Value>) -> Result<Value, Error> {
    let mut keys = vec![key.clone()];
    keys.extend(rest.iter().cloned());
    view(state, |view| view.lookup(table, &keys))
}

fn children(state: &State<'_, '_>, table: &str, field: &str, value: &Value) -> Result<Value, Error> {
    view(state, |view| view.children(table, field, value))
}

fn rows_of(state: &State<'_, '_>, table: &str) -> Result<Value, Error> {
    view(state, |view| view.all(table))
}

fn shown(state: &State<'_, '_>, row: &Value, table: &str) -> Result<Value, Error> {
    view(state, |view| view.shown(table, row))
}

/// Looks a name up in a table; with other arguments it is the filter of Jinja.
fn map(state: &mut State<'_, '_>, value: Value, rest: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let arguments: Vec<Value> = rest.iter().map(|argument| Value::from(argument.clone())).collect();
    let table = arguments
        .first()
        .filter(|table| table.kind() == ValueKind::Map && !table.is_kwargs());
    let Some(table) = table else {
        return minijinja::filters::map(state, value, rest).map(Value::from);
    };
    let found = match is_nothing(&value) {
        true => Value::UNDEFINED,
        false => {
            let direct = table.get_item(&value)?;
            match direct.is_undefined() {
                true => table.get_item(&Value::from(value.to_string()))?,
                false => direct,
            }
        }
    };
    Ok(match found.is_undefined() {
        true => arguments.get(1).cloned().unwrap_or_else(|| Value::from(())),
        false => found,
    })
}

fn default(value: &Value, other: Option<Value>) -> Value {
    match is_nothing(value) {
        true => other.unwrap_or_else(|| Value::from("")),
        false => value.clone(),
    }
}

/// Reads a number, or a text that is one.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    match value.kind() {
        ValueKind::Number | ValueKind::String => {
            let text = value.to_string();
            let text = text.trim();
            text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
        }
        ValueKind::Bool => Some(Decimal::from(u8::from(value.is_true()))),
        _ => None,
    }
}

/// Returns a decimal as a number of expressions: whole ones as whole ones.
fn number_of(number: Decimal) -> Value {
    let whole = number.fract().is_zero().then(|| number.to_i64()).flatten();
    match whole {
        Some(whole) => Value::from(whole),
        None => number
            .to_string()
            .parse::<f64>()
            .map_or_else(|_| Value::from(()), Value::from),
    }
}

fn number(value: &Value) -> Result<Value, Error> {
    if is_nothing(value) {
        return Ok(Value::from(()));
    }
    let number = decimal(value).ok_or_else(|| wrong(format!("{value} is not a number")))?;
    Ok(number_of(number))
}

fn int(value: &Value) -> Result<Value, Error> {
    // What a client sent may be anything: it is nothing then, and nothing is found.
    Ok(decimal(value).map_or_else(|| Value::from(()), |number| number_of(number.trunc())))
}

fn text(value: &Value) -> Value {
    match is_nothing(value) {
        true => Value::from(()),
        false => Value::from(value.to_string()),
    }
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    instant_of(value.as_str()?)
}

fn iso(value: &Value, digits: Option<u32>) -> Option<String> {
    let form = match digits {
        None | Some(0) => "%Y-%m-%dT%H:%M:%SZ".to_owned(),
        Some(digits) => format!(
            "%Y-%m-%dT%H:%M:%S%.{}fZ",
            if digits > 6 {
                9
            } else if digits > 3 {
                6
            } else {
                3
            }
        ),
    };
    instant(value).map(|at| at.format(&form).to_string())
}

fn date(value: &Value, form: Option<&str>) -> Result<Option<String>, Error> {
    use std::fmt::Write as _;
    let Some(at) = instant(value) else { return Ok(None) };
    let mut written = String::new();
    write!(written, "{}", at.format(form.unwrap_or("%Y-%m-%d"))).map_err(|_| wrong("no form of a date"))?;
    Ok(Some(written))
}

fn plus(value: &Value, amounts: Kwargs) -> Result<Value, Error> {
    let amount = |name: &str| Ok::<i64, Error>(amounts.get::<Option<i64>>(name)?.unwrap_or(0));
    let seconds = amount("days")? * 86_400 + amount("hours")? * 3600 + amount("minutes")? * 60 + amount("seconds")?;
    amounts.assert_all_used()?;
    let Some(at) = instant(value) else {
        return Ok(Value::from(()));
    };
    let later = at + TimeDelta::seconds(seconds);
    let is_day = value.as_str().is_some_and(|text| text.len() == 10);
    let form = if is_day { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(Value::from(later.format(form).to_string()))
}

fn pad(value: &Value, width: usize) -> Option<String> {
    (!is_nothing(value)).then(|| format!("{:0>width$}", value.to_string()))
}

fn guid(value: &Value, kind: Option<&str>) -> Option<String> {
    if is_nothing(value) {
        return None;
    }
    let digits = hex(&Sha256::digest(format!("{}/{value}", kind.unwrap_or_default())));
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Some(format!(
        "{}-{}-4{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    ))
}

fn from_base64(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn total(list: &Value, attribute: Option<&str>) -> Result<Value, Error> {
    if is_nothing(list) {
        return Ok(Value::from(0));
    }
    let mut sum = Decimal::ZERO;
    for element in list.try_iter()? {
        let value = match attribute {
            Some(name) => element.get_attr(name)?,
            None => element,
        };
        if is_nothing(&value) {
            continue;
        }
        sum += decimal(&value).ok_or_else(|| wrong(format!("{value} is not a number")))?;
    }
    Ok(number_of(sum))
}
