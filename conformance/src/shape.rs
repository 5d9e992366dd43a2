//! What a connector says of one entity: what can be selected, compared, filtered, sorted and followed.

use std::collections::BTreeSet;

use lineshaft_connect::{
    blueprint::Blueprint,
    capability::{Capability, Precision},
};
use lineshaft_schema::{Catalogue, FieldDef, FieldType, Shape as TypeShape, TypeDef, TypeIndex};
use serde_json::Value;

use crate::meaning::{Row, Sort};

/// A field that lists can be filtered by.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) sort: Sort,
    /// Where its comparable value stands in a record.
    place: Vec<String>,
    /// Operators that the connector says its system applies.
    pub(crate) declared: BTreeSet<&'static str>,
    /// Those of them that it says are applied exactly.
    pub(crate) exact: BTreeSet<&'static str>,
    /// Whether the connector says that its system sorts by it.
    pub(crate) sortable: bool,
    /// The value by which an order names it, if lists can be sorted by it at all.
    pub(crate) order: Option<String>,
}

/// A relation to records that point back.
#[derive(Clone, Debug)]
pub(crate) struct Reverse {
    pub(crate) name: String,
    pub(crate) child: String,
    pub(crate) by: String,
    /// Whether the child's own mapping gives `by`; parts within the row have none.
    pub(crate) by_is_mapped: bool,
}

/// What a connector says of one entity.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) entity: String,
    pub(crate) list: String,
    pub(crate) single: String,
    pub(crate) selection: String,
    pub(crate) columns: Vec<Column>,
    /// References with the type that they lead to.
    pub(crate) references: Vec<(String, String)>,
    pub(crate) reverses: Vec<Reverse>,
    pub(crate) counts: bool,
    pub(crate) looks_up: bool,
    /// Whether the connector gives the entity a status.
    pub(crate) has_status: bool,
}

const TEXT: &[&str] = &["eq", "ne", "in", "contains", "startsWith", "isNull"];
const ORDERED: &[&str] = &["eq", "ne", "in", "gt", "gte", "lt", "lte", "isNull"];
const FLAG: &[&str] = &["eq", "ne", "isNull"];
const NAMED: &[&str] = &["eq", "ne", "in", "isNull"];

impl Column {
    /// Returns the operators that the API has for it.
    pub(crate) const fn operators(&self) -> &'static [&'static str] {
        match self.sort {
            Sort::Text => TEXT,
            Sort::Integer | Sort::Decimal | Sort::Date | Sort::DateTime => ORDERED,
            Sort::Boolean => FLAG,
            Sort::Enum(_) | Sort::Reference => NAMED,
        }
    }

    /// Returns its comparable value in a record.
    pub(crate) fn value_in(&self, node: &Value) -> Value {
        self.place
            .iter()
            .fold(node, |value, name| &value[name.as_str()])
            .clone()
    }

    /// Returns a selection that gives its comparable value.
    pub(crate) fn selection(&self) -> String {
        self.place.iter().rev().fold(String::new(), |inner, name| {
            if inner.is_empty() {
                name.clone()
            } else {
                format!("{name} {{ {inner} }}")
            }
        })
    }
}

impl Shape {
    /// Returns the comparable values of a record.
    pub(crate) fn row(&self, node: &Value) -> Row {
        self.columns
            .iter()
            .map(|column| (column.name.clone(), column.value_in(node)))
            .collect()
    }
}

/// A list that a connector has, in words of the API.
#[derive(Clone, Debug)]
pub struct List {
    /// The unified type.
    pub entity: String,
    /// The field of the root that lists it.
    pub list: String,
    /// The field of the root that finds one by its id.
    pub single: String,
    /// All fields that the connector gives, references by their ids alone.
    pub selection: String,
    /// Whether records can be looked up.
    pub looks_up: bool,
    /// Relations to records that point back, each with their type.
    pub children: Vec<(String, String)>,
}

/// Returns all lists that a connector has.
#[must_use]
pub fn lists(blueprint: &Blueprint) -> Vec<List> {
    let list = |shape: Shape| List {
        entity: shape.entity,
        list: shape.list,
        single: shape.single,
        selection: shape.selection,
        looks_up: shape.looks_up,
        children: shape
            .reverses
            .into_iter()
            .map(|reverse| (reverse.name, reverse.child))
            .collect(),
    };
    shapes(blueprint).into_iter().map(list).collect()
}

/// Returns the shapes of all entities that a connector lists.
pub(crate) fn shapes(blueprint: &Blueprint) -> Vec<Shape> {
    let catalogue = blueprint.catalogue();
    let listed = blueprint
        .resources()
        .map(|resource| resource.capability())
        .filter(|capability| capability.list);
    listed
        .filter_map(|capability| shape(catalogue, blueprint, capability))
        .collect()
}

fn shape(catalogue: &Catalogue, blueprint: &Blueprint, capability: &Capability) -> Option<Shape> {
    let def = catalogue.type_at(capability.kind)?;
    let TypeShape::Entity { plural } = &def.shape else {
        return None;
    };
    let mapped: Vec<&FieldDef> = def
        .fields
        .values()
        .filter(|field| capability.fields.contains_key(&field.index))
        .collect();
    let selected = mapped.iter().filter_map(|field| selection_of(catalogue, field, 0));
    let columns = def.fields.values().filter(|field| {
        capability.fields.contains_key(&field.index) || matches!(field.name.as_str(), "remoteId" | "isDeleted")
    });
    let references = mapped
        .iter()
        .filter(|field| field.reverse.is_none() && !field.list)
        .filter_map(|field| match field.kind {
            FieldType::Reference(kind) => Some((field.name.clone(), catalogue.type_at(kind)?.name.clone())),
            _ => None,
        });
    Some(Shape {
        entity: def.name.clone(),
        list: plural.clone(),
        single: lower_first(&def.name),
        selection: format!(
            "id connectionId remoteId isDeleted remoteKeys {{ name value }} customFields {{ key value }} {}",
            selected.collect::<Vec<_>>().join(" ")
        ),
        columns: columns
            .filter_map(|field| column(catalogue, capability, field))
            .collect(),
        references: references.collect(),
        reverses: def
            .fields
            .values()
            .filter_map(|field| reverse(catalogue, blueprint, capability, field))
            .collect(),
        counts: capability.count,
        looks_up: capability.get_many.is_some(),
        has_status: def
            .field("status")
            .is_some_and(|field| capability.fields.contains_key(&field.index)),
    })
}

fn column(catalogue: &Catalogue, capability: &Capability, field: &FieldDef) -> Option<Column> {
    let mut place = vec![field.name.clone()];
    let sort = match field.kind {
        FieldType::Object(kind) => {
            let inner = catalogue.type_at(kind)?;
            let (name, number) = inner.fields.first()?;
            let is_number = !inner.has_rows() && !field.list && number.kind == FieldType::Decimal && number.required;
            place.push(name.clone());
            is_number.then_some(Sort::Decimal)?
        }
        _ if !field.filterable => return None,
        FieldType::Text => Sort::Text,
        FieldType::Integer => Sort::Integer,
        FieldType::Boolean => Sort::Boolean,
        FieldType::Decimal => Sort::Decimal,
        FieldType::Date => Sort::Date,
        FieldType::DateTime => Sort::DateTime,
        FieldType::Enum(index) => {
            let names: Vec<String> = catalogue.enum_at(index)?.values.keys().cloned().collect();
            Sort::Enum(Vec::leak(names))
        }
        FieldType::Reference(_) => {
            place.push("id".to_owned());
            Sort::Reference
        }
        FieldType::Id | FieldType::Json | FieldType::Platform => return None,
    };
    let known = capability.fields.get(&field.index);
    let operators = |exact_only: bool| {
        let all = known.iter().flat_map(|field| &field.filters);
        all.filter(|(_, precision)| !exact_only || **precision == Precision::Exact)
            .map(|(operator, _)| operator.name())
            .collect()
    };
    let can_be_sorted = !matches!(sort, Sort::Boolean | Sort::Reference);
    Some(Column {
        name: field.name.clone(),
        sort,
        place,
        declared: operators(false),
        exact: operators(true),
        sortable: known.is_some_and(|field| field.sortable),
        order: can_be_sorted.then(|| upper_snake(&field.name)),
    })
}

fn reverse(catalogue: &Catalogue, blueprint: &Blueprint, parent: &Capability, field: &FieldDef) -> Option<Reverse> {
    let by = field.reverse.as_ref()?;
    let (FieldType::Object(kind) | FieldType::Reference(kind)) = field.kind else {
        return None;
    };
    let child = catalogue.type_at(kind)?;
    let by_index = child.field(by)?.index;
    let capability = blueprint.capability(kind);
    let loads = capability.is_some_and(|capability| capability.children.contains(&by_index));
    let within = parent.fields.contains_key(&field.index);
    (loads || within).then(|| Reverse {
        name: field.name.clone(),
        child: child.name.clone(),
        by: by.clone(),
        by_is_mapped: !within && loads,
    })
}

/// Returns the selection of all that the connector gives of rows within a relation, references by their ids alone.
pub(crate) fn rows_selection(blueprint: &Blueprint, child: &str) -> String {
    let catalogue = blueprint.catalogue();
    let Some(def) = catalogue.type_named(child) else {
        return String::new();
    };
    let capability = blueprint.capability(def.index);
    let is_given = |field: &&FieldDef| capability.is_none_or(|capability| capability.fields.contains_key(&field.index));
    let fields = def.fields.values().filter(is_given);
    let fields: Vec<_> = fields.filter_map(|field| selection_of(catalogue, field, 1)).collect();
    fields.join(" ")
}

/// Returns the selection of a field with everything within the row, references by their ids alone.
fn selection_of(catalogue: &Catalogue, field: &FieldDef, depth: usize) -> Option<String> {
    if field.reverse.is_some() || field.computed {
        return None;
    }
    Some(match field.kind {
        FieldType::Reference(_) => format!("{} {{ id }}", field.name),
        FieldType::Object(kind) => format!("{} {{ {} }}", field.name, inner_selection(catalogue, kind, depth + 1)?),
        FieldType::Platform => return None,
        _ => field.name.clone(),
    })
}

fn inner_selection(catalogue: &Catalogue, kind: TypeIndex, depth: usize) -> Option<String> {
    let def: &TypeDef = catalogue.type_at(kind)?;
    let fields = def
        .fields
        .values()
        .filter_map(|field| (depth < 4).then(|| selection_of(catalogue, field, depth)).flatten());
    let fields: Vec<_> = fields.collect();
    (!fields.is_empty()).then(|| fields.join(" "))
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

fn upper_snake(name: &str) -> String {
    let letters = name.chars().flat_map(|letter| {
        letter
            .is_uppercase()
            .then_some('_')
            .into_iter()
            .chain(letter.to_uppercase())
    });
    letters.collect()
}
