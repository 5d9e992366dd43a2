//! The object structures of the simulated Maximo: which attributes, children and related objects each one has. It holds
//! no rows.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::world::{Custom, CustomFields, World};

/// Marks attributes that a customer added.
pub(super) const CUSTOM_PREFIX: &str = "zz_";

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Upper,
    Long,
    Integer,
    Decimal,
    Flag,
    Moment,
    Day,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "upper" => Self::Upper,
            "long" => Self::Long,
            "integer" => Self::Integer,
            "decimal" => Self::Decimal,
            "flag" => Self::Flag,
            "moment" => Self::Moment,
            "day" => Self::Day,
            _ => return None,
        })
    }

    /// Tells whether values are compared as text.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Upper | Self::Long)
    }
}

/// One attribute of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) length: u32,
    pub(super) domain: bool,
    pub(super) persistent: bool,
}

/// The attributes, children and related objects of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) attributes: Vec<Attribute>,
    pub(super) children: Vec<Child>,
    pub(super) relations: Vec<Relation>,
}

/// A child object, such as the lines of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) object: String,
    pub(super) shape: Shape,
}

impl Child {
    /// Returns the attribute that holds a row's own number.
    pub(super) fn id_attribute(&self) -> &'static str {
        match self.name.as_str() {
            "woactivity" => "workorderid",
            "wplabor" => "wplaborid",
            "wpmaterial" => "wpitemid",
            "labtrans" => "labtransid",
            "matusetrans" => "matusetransid",
            "poline" => "polineid",
            "assetmeter" => "assetmeterid",
            "assetspec" => "assetspecid",
            "sparepart" => "sparepartid",
            "failurereport" => "failurereportid",
            "invvendor" => "invvendorid",
            "invbalances" => "invbalancesid",
            "invcost" => "invcostid",
            "compcontact" => "compcontactid",
            "lochierarchy" => "lochierarchyid",
            _ => "",
        }
    }
}

/// A related object of another structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) structure: String,
    /// The attributes of this row that make up the target's id.
    pub(super) by: Vec<String>,
}

/// One object structure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) name: String,
    pub(super) object: String,
    pub(super) title: String,
    pub(super) key: Vec<String>,
    /// The attributes its href is made of.
    pub(super) id: Vec<String>,
    custom: String,
    pub(super) shape: Shape,
}

impl Shape {
    /// Returns the attribute of this name.
    pub(super) fn attribute(&self, name: &str) -> Option<Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name).cloned()
    }

    /// Returns the child object of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Child> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the related object of this name.
    pub(super) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }
}

/// All object structures of one server, with the attributes its customer added.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    pub(super) structures: Vec<Structure>,
}

impl Catalogue {
    /// Returns the standard structures plus the customer's attributes of this world.
    pub(super) fn of(world: &World) -> Self {
        let mut structures = STANDARD.clone();
        for structure in &mut structures {
            let added = customer_attributes(&structure.custom, world);
            structure.shape.attributes.extend(added);
        }
        Self { structures }
    }

    /// Returns the structure of this name, in any case; `mxapiwo` and `mxapioperloc` are views of others.
    pub(super) fn find(&self, name: &str) -> Option<&Structure> {
        let name = name.to_ascii_lowercase();
        let name = match name.as_str() {
            "mxapiwo" => "mxapiwodetail",
            "mxapioperloc" => "mxapilocations",
            other => other,
        };
        self.structures.iter().find(|structure| structure.name == name)
    }
}

static STANDARD: LazyLock<Vec<Structure>> = LazyLock::new(|| parse(include_str!("structures.txt")));

fn parse(text: &str) -> Vec<Structure> {
    let mut structures: Vec<Structure> = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["os", name, object, title @ ..] = words.as_slice() {
            structures.push(Structure {
                name: (*name).to_owned(),
                object: (*object).to_owned(),
                title: title.join(" "),
                ..Structure::default()
            });
        } else if let Some(structure) = structures.last_mut() {
            parse_line(&words, structure);
        }
    }
    structures
}

fn parse_line(words: &[&str], structure: &mut Structure) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match words {
        ["pk", names @ ..] => structure.key = owned(names),
        ["id", path] => structure.id = path.split('/').map(str::to_owned).collect(),
        ["custom", kind] => structure.custom = (*kind).to_owned(),
        ["rel", name, target, path] => structure.shape.relations.push(Relation {
            name: (*name).to_owned(),
            structure: (*target).to_owned(),
            by: path.split('/').map(str::to_owned).collect(),
        }),
        ["child", name, object] => structure.shape.children.push(Child {
            name: (*name).to_owned(),
            object: (*object).to_owned(),
            shape: Shape::default(),
        }),
        [name, kind, options @ ..] => {
            let Some(kind) = Kind::parse(kind) else { return };
            let attribute = Attribute {
                name: (*name).to_owned(),
                kind,
                length: options
                    .iter()
                    .find_map(|option| option.parse().ok())
                    .unwrap_or_default(),
                domain: options.contains(&"domain"),
                persistent: !options.contains(&"np"),
            };
            match structure.shape.children.last_mut() {
                Some(child) => child.shape.attributes.push(attribute),
                None => structure.shape.attributes.push(attribute),
            }
        }
        _ => {}
    }
}

fn customer_attributes(kind: &str, world: &World) -> Vec<Attribute> {
    let rows: Vec<&CustomFields> = match kind {
        "work_order" => world.work_orders.iter().map(|row| &row.custom).collect(),
        "asset" => world.assets.iter().map(|row| &row.custom).collect(),
        "item" => world.items.iter().map(|row| &row.custom).collect(),
        "purchase_order" => world.purchase_orders.iter().map(|row| &row.custom).collect(),
        "vendor" => world.vendors.iter().map(|row| &row.custom).collect(),
        "location" => world.locations.iter().map(|row| &row.custom).collect(),
        _ => Vec::new(),
    };
    let mut kinds: BTreeMap<&str, (Kind, bool)> = BTreeMap::new();
    for (key, value) in rows.into_iter().flatten() {
        kinds.entry(key).or_insert(match value {
            Custom::Text(_) => (Kind::Text, false),
            Custom::Number(_) => (Kind::Decimal, false),
            Custom::Flag(_) => (Kind::Flag, false),
            Custom::Date(_) => (Kind::Day, false),
            Custom::Choice { .. } => (Kind::Text, true),
        });
    }
    kinds
        .into_iter()
        .map(|(key, (kind, domain))| Attribute {
            name: format!("{CUSTOM_PREFIX}{key}"),
            kind,
            length: if kind.is_text() { 50 } else { 0 },
            domain,
            persistent: true,
        })
        .collect()
}

/// Writes the JSON schema of a structure as `/jsonschemas/<os>` answers it.
pub(super) fn json_schema(structure: &Structure) -> Value {
    let mut properties = schema_of(&structure.shape, &structure.key);
    for child in &structure.shape.children {
        properties.insert(
            child.name.clone(),
            json!({
                "type": "array",
                "title": child.object,
                "items": {"type": "object", "title": child.object, "properties": schema_of(&child.shape, &[])},
            }),
        );
    }
    json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "object",
        "title": structure.object,
        "description": structure.title,
        "resource": structure.name.to_ascii_uppercase(),
        "pk": structure.key,
        "required": structure.key,
        "properties": properties,
    })
}

fn schema_of(shape: &Shape, key: &[String]) -> Map<String, Value> {
    let mut properties = Map::new();
    for attribute in shape.attributes.iter().filter(|own| !own.name.contains('.')) {
        let (json_type, sub_type) = match attribute.kind {
            Kind::Text => ("string", "ALN"),
            Kind::Upper => ("string", "UPPER"),
            Kind::Long => ("string", "LONGALN"),
            Kind::Integer => ("integer", "INTEGER"),
            Kind::Decimal => ("number", "DECIMAL"),
            Kind::Flag => ("boolean", "YORN"),
            Kind::Moment => ("string", "DATETIME"),
            Kind::Day => ("string", "DATE"),
        };
        let mut schema = json!({
            "title": attribute.name,
            "type": json_type,
            "subType": sub_type,
            "persistent": attribute.persistent,
            "searchType": if attribute.kind.is_text() { "WILDCARD" } else { "EXACT" },
        });
        if let Some(schema) = schema.as_object_mut() {
            if attribute.length > 0 {
                schema.insert("maxLength".into(), attribute.length.into());
            }
            if attribute.domain {
                schema.insert("hasList".into(), true.into());
            }
            if key.contains(&attribute.name) {
                schema.insert("keyattribute".into(), true.into());
            }
        }
        properties.insert(attribute.name.clone(), schema);
    }
    properties
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_line_of_the_catalogue_is_understood() {
        let structures = parse(include_str!("structures.txt"));
        assert_eq!(structures.len(), 13);
        let attributes: usize = structures
            .iter()
            .map(|structure| {
                let inner: usize = structure
                    .shape
                    .children
                    .iter()
                    .map(|child| child.shape.attributes.len())
                    .sum();
                structure.shape.attributes.len() + inner
            })
            .sum();
        let lines = include_str!("structures.txt")
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
            .filter(|line| !["os", "pk", "id", "custom", "rel", "child"].contains(&line.split(' ').next().unwrap()))
            .count();
        assert_eq!(attributes, lines);
    }

    #[test]
    fn keys_and_relations_name_attributes() {
        let structures = parse(include_str!("structures.txt"));
        for structure in &structures {
            let known = |name: &String| structure.shape.attribute(name).is_some();
            assert!(structure.key.iter().all(known), "{}", structure.name);
            assert!(structure.id.iter().all(known), "{}", structure.name);
            for relation in &structure.shape.relations {
                assert!(relation.by.iter().all(known), "{} {}", structure.name, relation.name);
                assert!(structures.iter().any(|target| target.name == relation.structure));
            }
        }
    }
}
