//! Reads the body of a write: attributes the object has, each fitted to its type, and rows of child objects. Names that
//! the object does not have are left out without a word, as Maximo does; so are those the server keeps itself.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value};

use super::super::clock;
use super::super::problem::Problem;
use super::super::query::parse_moment;
use super::super::structures::{Attribute, Kind, Shape};

/// Attributes that only the server sets.
const KEPT: [&str; 38] = [
    "workorderid",
    "assetuid",
    "poid",
    "companiesid",
    "locationsid",
    "itemid",
    "inventoryid",
    "invbalancesid",
    "statusdate",
    "changedate",
    "changeby",
    "historyflag",
    "haschildren",
    "istask",
    "actlabhrs",
    "actlabcost",
    "actmatcost",
    "estmatcost",
    "totalcost",
    "totaltax1",
    "receipts",
    "revisionnum",
    "receivedqty",
    "rejectedqty",
    "receiptscomplete",
    "loadedcost",
    "wogroup",
    "matrectransid",
    "meterreadingid",
    "delta",
    "lastreading",
    "lastreadingdate",
    "lastreadinginspctr",
    "payrate",
    "transdate",
    "enterdate",
    "finishdate",
    "status_description",
];

/// What a client sent for one object.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) values: Map<String, Value>,
    pub(super) children: Vec<(String, Vec<GivenRow>)>,
    pub(super) rowstamp: Option<String>,
    /// The status, which is no attribute like the others.
    pub(super) status: Option<String>,
}

/// What a client sent for a row of a child object.
#[derive(Debug, Clone, Default)]
pub(super) struct GivenRow {
    pub(super) values: Map<String, Value>,
    /// The row is to go.
    pub(super) deletes: bool,
    /// The row is a new one, whatever it shares with others.
    pub(super) adds: bool,
    /// The row's place among its siblings, where its own address was sent along.
    pub(super) place: Option<usize>,
}

impl GivenRow {
    /// Says which of the existing rows is meant: by its address, or by a key that it shares.
    pub(super) fn position(&self, rows: &[Value], keys: &[&str]) -> Option<usize> {
        if let Some(place) = self.place {
            return rows.get(place).map(|_| place);
        }
        keys.iter().find_map(|key| {
            let wanted = self.values.get(*key).filter(|value| !value.is_null())?;
            rows.iter().position(|row| row.get(*key) == Some(wanted))
        })
    }
}

/// Reads one object.
pub(super) fn parse(shape: &Shape, object: &str, body: &Value, lean: bool, faults: &mut Vec<Problem>) -> Given {
    let mut given = Given::default();
    let Some(members) = body.as_object() else {
        faults.push(Problem::bad_body("an object is expected"));
        return given;
    };
    for (name, value) in members {
        if name == "_rowstamp" {
            given.rowstamp = plain(value);
            continue;
        }
        let Some(name) = local_name(name, lean) else { continue };
        if let Some(child) = shape.child(name) {
            let mut rows = Vec::new();
            for row in value.as_array().into_iter().flatten() {
                rows.push(parse_row(&child.shape, &child.object, row, lean, faults));
            }
            given.children.push((child.name.clone(), rows));
            continue;
        }
        let Some(attribute) = shape.attribute(name).filter(|attribute| attribute.persistent) else {
            continue;
        };
        if KEPT.contains(&name) {
            continue;
        }
        match fit(value, &attribute, object) {
            Ok(value) if name == "status" => given.status = value.as_str().map(str::to_owned),
            Ok(value) => {
                given.values.insert(attribute.name, value);
            }
            Err(fault) => faults.push(fault),
        }
    }
    given
}

fn parse_row(shape: &Shape, object: &str, row: &Value, lean: bool, faults: &mut Vec<Problem>) -> GivenRow {
    let given = parse(shape, object, row, lean, faults);
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let address = text("href").or_else(|| text("localref")).or_else(|| text("rdf:about"));
    let mut values = given.values;
    // A row's own number finds it; the server keeps it otherwise.
    for attribute in &shape.attributes {
        if let Some(value) = row
            .get(&attribute.name)
            .filter(|_| attribute.name.ends_with("id") && lean)
        {
            values.entry(attribute.name.clone()).or_insert_with(|| value.clone());
        }
    }
    GivenRow {
        values,
        adds: text("_action").is_some_and(|action| action.eq_ignore_ascii_case("add")),
        deletes: text("_action").is_some_and(|action| action.eq_ignore_ascii_case("delete")),
        place: address.and_then(|address| address.rsplit_once("0-")?.1.parse().ok()),
    }
}

/// Returns the name without its prefix: with `lean` names have none, otherwise those without one mean nothing.
fn local_name(name: &str, lean: bool) -> Option<&str> {
    if lean { Some(name) } else { name.strip_prefix("spi:") }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Fits a value to its attribute.
fn fit(value: &Value, attribute: &Attribute, object: &str) -> Result<Value, Problem> {
    let name = attribute.name.as_str();
    let wrong = || {
        let text = format!("The value {value} is not valid for the attribute '{name}'");
        Problem::value("BMXAA6819E", object, name, text)
    };
    if value.is_null() || value.as_str().is_some_and(str::is_empty) {
        return Ok(Value::Null);
    }
    match attribute.kind {
        Kind::Text | Kind::Upper | Kind::Long => {
            let mut text = plain(value).ok_or_else(wrong)?;
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            if attribute.length > 0 && length > attribute.length {
                let told = format!("The value specified {text} exceeds the maximum field length");
                return Err(Problem::value("BMXAA4049E", object, name, told));
            }
            if attribute.kind == Kind::Upper {
                text = text.to_uppercase();
            }
            Ok(text.into())
        }
        Kind::Integer => {
            let number = decimal(value).filter(Decimal::is_integer).ok_or_else(wrong)?;
            number.to_i64().map(Value::from).ok_or_else(wrong)
        }
        Kind::Decimal => {
            let number = decimal(value).ok_or_else(wrong)?;
            number.to_f64().map(Value::from).ok_or_else(wrong)
        }
        Kind::Flag => match value {
            Value::Bool(_) => Ok(value.clone()),
            _ => match plain(value).as_deref() {
                Some("1" | "true") => Ok(true.into()),
                Some("0" | "false") => Ok(false.into()),
                _ => Err(wrong()),
            },
        },
        Kind::Moment => {
            let moment = value.as_str().and_then(parse_moment).ok_or_else(wrong)?;
            Ok(clock::written(moment).into())
        }
        Kind::Day => {
            let day = value.as_str().and_then(|text| text.get(..10)).ok_or_else(wrong)?;
            parse_moment(day).ok_or_else(wrong)?;
            Ok(day.into())
        }
    }
}

/// Reads a number from a number or a text.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = plain(value)?;
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}
