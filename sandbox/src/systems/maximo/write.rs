//! Writes rows as Maximo answers them: lean or with prefixes, only what was selected, nulls dropped unless asked for.

use serde_json::{Map, Value};

use super::dataset::{Dataset, Row};
use super::evaluate::related;
use super::query::{Named, Selection};
use super::structures::{Attribute, Kind, Shape};

/// How rows are written.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub(super) lean: bool,
    pub(super) keep_nulls: bool,
    pub(super) internal_values: bool,
    pub(super) collection_references: bool,
}

impl Style {
    /// Returns a name as this style spells it.
    fn name(&self, name: &str) -> String {
        if self.lean || name.starts_with('_') {
            name.to_owned()
        } else {
            format!("spi:{name}")
        }
    }

    /// Returns the name a row's own address has.
    pub(super) fn address(&self) -> &'static str {
        if self.lean { "href" } else { "rdf:about" }
    }

    fn value(&self, value: &Value, attribute: &Attribute) -> Value {
        match value {
            Value::Bool(flag) if !self.lean && attribute.kind == Kind::Flag => {
                if *flag {
                    "1".into()
                } else {
                    "0".into()
                }
            }
            other => other.clone(),
        }
    }
}

/// Writes one row of an object structure; `collection` is the address of the structure.
pub(super) fn record(
    row: &Row,
    shape: &Shape,
    selection: Option<&Selection>,
    style: &Style,
    dataset: &Dataset,
    collection: &str,
) -> Value {
    let address = format!("{collection}/{}", row.id);
    let mut written = Map::new();
    let Some(selection) = selection else {
        written.insert(style.address().to_owned(), address.into());
        return Value::Object(written);
    };
    written.insert("_rowstamp".into(), row.rowstamp.clone().into());
    write_attributes(&row.values, shape, selection, style, &mut written);
    for child in &shape.children {
        let inner = selection
            .children
            .iter()
            .find(|(name, _)| *name == child.name)
            .map(|(_, inner)| inner);
        let everything = Selection::everything();
        let inner = inner.or_else(|| selection.everything.then_some(&everything));
        let rows = row.values.get(&child.name).and_then(Value::as_array);
        match (inner, rows) {
            (Some(inner), Some(rows)) if !rows.is_empty() => {
                let rows = children(rows, &child.shape, inner, style, &format!("{address}/{}", child.name));
                written.insert(style.name(&child.name), rows);
            }
            (Some(_), _) => {}
            (None, _) if style.collection_references || selection.references.contains(&child.name) => {
                let reference = style.name(&format!("{}_collectionref", child.name));
                written.insert(reference, format!("{address}/{}", child.name).into());
            }
            (None, _) => {}
        }
    }
    write_related(row, shape, selection, style, dataset, &mut written);
    written.insert(style.address().to_owned(), address.into());
    Value::Object(written)
}

/// Writes the child rows of a record.
pub(super) fn children(rows: &[Value], shape: &Shape, selection: &Selection, style: &Style, address: &str) -> Value {
    rows.iter()
        .enumerate()
        .filter_map(|(place, row)| {
            let mut written = Map::new();
            write_attributes(row.as_object()?, shape, selection, style, &mut written);
            written.insert("localref".into(), format!("{address}/0-{place}").into());
            written.insert(style.address().to_owned(), format!("{address}/0-{place}").into());
            Some(Value::Object(written))
        })
        .collect()
}

fn write_related(
    row: &Row,
    shape: &Shape,
    selection: &Selection,
    style: &Style,
    dataset: &Dataset,
    written: &mut Map<String, Value>,
) {
    for wanted in &selection.related {
        let structure = shape
            .relation(&wanted.relation)
            .and_then(|relation| dataset.catalogue.find(&relation.structure));
        let (Some(structure), Some(target)) = (structure, related(row, &wanted.relation, shape, dataset)) else {
            continue;
        };
        let mut inner = Map::new();
        write_attributes(&target.values, &structure.shape, &wanted.selection, style, &mut inner);
        let name = style.name(&wanted.relation);
        let name = if written.contains_key(&name) {
            format!("$alias_this_attr${}", wanted.relation)
        } else {
            name
        };
        written.insert(name, Value::Object(inner));
    }
}

fn write_attributes(
    values: &Map<String, Value>,
    shape: &Shape,
    selection: &Selection,
    style: &Style,
    written: &mut Map<String, Value>,
) {
    if selection.everything {
        for attribute in shape.attributes.iter().filter(|own| !own.name.contains('.')) {
            write_attribute(values, attribute, &attribute.name, style, written);
        }
    }
    for Named { attribute, answered } in &selection.attributes {
        match answered.split_once('.') {
            Some((owner, name)) => {
                let place = written
                    .entry(style.name(owner))
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Some(inner) = place.as_object_mut() {
                    write_attribute(values, attribute, name, style, inner);
                }
            }
            None => write_attribute(values, attribute, answered, style, written),
        }
    }
}

fn write_attribute(
    values: &Map<String, Value>,
    attribute: &Attribute,
    answered: &str,
    style: &Style,
    written: &mut Map<String, Value>,
) {
    let value = values.get(&attribute.name).unwrap_or(&Value::Null);
    if value.is_null() {
        if style.keep_nulls {
            written.insert(style.name(answered), Value::Null);
        }
        return;
    }
    if attribute.domain
        && let Some(code) = value.as_str()
    {
        written.insert(style.name(&format!("{answered}_description")), label(code).into());
        if style.internal_values {
            written.insert(style.name(&format!("{answered}_maxvalue")), code.into());
        }
    }
    written.insert(style.name(answered), style.value(value, attribute));
}

/// Returns the label of a code of the standard domains.
fn label(code: &str) -> String {
    let known = match code {
        "WAPPR" => "Waiting on approval",
        "APPR" => "Approved",
        "WSCH" => "Waiting to be scheduled",
        "WMATL" => "Waiting on material",
        "WPCOND" => "Waiting on plant condition",
        "INPRG" => "In progress",
        "COMP" => "Completed",
        "CLOSE" => "Closed",
        "CAN" => "Canceled",
        "REVISD" => "Revised",
        "STDSERVICE" => "Standard service",
        "PENDOBS" => "Pending obsolescence",
        "NOLOT" => "No lot",
        "STK" => "Stocked",
        "V" => "Vendor",
        "CURBALADJ" => "Current balance adjustment",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let lower = code.to_lowercase();
    let mut letters = lower.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
