//! The unified model with what one organization adds: fields of its own on entities and parts, and entities of its own.
//!
//! What is added stands behind what the model has, so that the indexes of the unified model stay as they are.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use indexmap::IndexMap;

use crate::{
    catalogue::{Catalogue, EnumDef, EnumIndex, FieldDef, FieldIndex, FieldType, Shape, TypeDef, TypeIndex, Writable},
    reserved,
};

/// Most fields that may be added to one type.
pub const MOST_FIELDS: usize = 1_000;

/// Most fields that may be added in all; each part of an object counts as one.
pub const MOST_FIELDS_IN_ALL: usize = 5_000;

/// Most entities that may be added in all.
pub const MOST_ENTITIES: usize = 300;

/// Most entities that one overlay may add.
pub const MOST_ENTITIES_OF_ONE: usize = 100;

/// Most values of an added enum.
pub const MOST_VALUES: usize = 200;

/// Most parts of an added object.
pub const MOST_PARTS: usize = 100;

/// What joins conditions in filters, beside the fields.
const CONJUNCTIONS: &[&str] = &["and", "or", "not"];

/// Name of the interface of all records.
const RECORD: &str = "UnifiedRecord";

/// What an organization adds to the unified model. Equal additions give equal models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Additions {
    /// Entities of its own.
    pub entities: Vec<AddedEntity>,
    /// Fields on types of the unified model, and on entities of its own.
    pub fields: Vec<AddedField>,
}

/// An entity that an organization adds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddedEntity {
    /// Its name in GraphQL, such as `Calibration`.
    pub name: String,
    /// Name of the root field that lists it, such as `calibrations`.
    pub plural: String,
    /// What people call it.
    pub label: String,
    /// What it is.
    pub description: String,
}

/// A field that an organization adds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddedField {
    /// The type that has it.
    pub of: String,
    /// Its name in GraphQL, such as `costCenter`.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// What it holds.
    pub description: String,
    /// The type of its value.
    pub kind: AddedKind,
    /// Whether it holds several of them.
    pub list: bool,
}

/// The type of the value of an added field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddedKind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// An exact number.
    Decimal,
    /// A truth value.
    Boolean,
    /// A date.
    Date,
    /// A moment.
    DateTime,
    /// Anything, as it came.
    Json,
    /// One of some values, each with what it means; the names are those of GraphQL, such as `HIGH`.
    Enum(Vec<(String, String)>),
    /// Another record of this entity.
    Reference(String),
    /// A value of several fields, none of which refers to another record or is such a value itself.
    Object(Vec<AddedPart>),
}

/// A field of a value that an added field holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddedPart {
    /// Its name in GraphQL.
    pub name: String,
    /// What it holds.
    pub description: String,
    /// The type of its value.
    pub kind: AddedKind,
}

/// Why something cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The type that was to be added, or to be added to.
    pub of: String,
    /// The field, when it is one.
    pub field: Option<String>,
    /// Why not.
    pub message: String,
}

impl Conflict {
    fn new(of: &str, field: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            of: of.to_owned(),
            field: field.map(str::to_owned),
            message: message.into(),
        }
    }
}

impl Additions {
    /// Returns whether nothing is added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.fields.is_empty()
    }
}

impl Catalogue {
    /// Returns the model with what an organization adds, and what could not be added: that is left out.
    #[must_use]
    pub fn extended(&self, additions: &Additions) -> (Self, Vec<Conflict>) {
        let mut extender = Extender {
            catalogue: self.clone(),
            taken: HashSet::new(),
            roots: self.entities().flat_map(roots_of).collect(),
            entities: 0,
            fields: 0,
            fields_of: HashMap::new(),
            conflicts: Vec::new(),
        };
        for entity in &additions.entities {
            extender.add_entity(entity);
        }
        for field in &additions.fields {
            extender.add_field(field);
        }
        (extender.catalogue, extender.conflicts)
    }
}

struct Extender {
    catalogue: Catalogue,
    /// Names of types that follow from what was added.
    taken: HashSet<String>,
    /// Names of the root fields of all entities.
    roots: HashSet<String>,
    /// How many entities were added.
    entities: usize,
    /// How many fields and parts were added.
    fields: usize,
    /// How many fields were added to each type.
    fields_of: HashMap<String, usize>,
    conflicts: Vec<Conflict>,
}

impl Extender {
    fn add_entity(&mut self, entity: &AddedEntity) {
        let checked = self.check_entity(entity);
        let index = match checked.and_then(|()| to_index(self.catalogue.types.len())) {
            Ok(index) => TypeIndex(index),
            Err(message) => {
                self.conflicts.push(Conflict::new(&entity.name, None, message));
                return;
            }
        };
        let Some(record) = self.catalogue.interfaces.get(RECORD) else {
            return;
        };
        self.taken.extend(names_of_entity(&entity.name));
        self.roots.extend([entity.plural.clone(), camel(&entity.name)]);
        self.entities += 1;
        let def = TypeDef {
            name: entity.name.clone(),
            index,
            description: described(&entity.label, &entity.description),
            shape: Shape::Entity {
                plural: entity.plural.clone(),
            },
            interfaces: vec![RECORD.to_owned()],
            label: Some(entity.label.clone()),
            fields: record.fields.clone(),
        };
        self.catalogue.types.insert(entity.name.clone(), Arc::new(def));
    }

    fn check_entity(&self, entity: &AddedEntity) -> Result<(), String> {
        if self.entities >= MOST_ENTITIES {
            return Err(format!("at most {MOST_ENTITIES} entities can be added"));
        }
        if !is_name(&entity.name, char::is_ascii_uppercase) {
            return Err("the name begins with a capital and has letters and digits only, such as `Calibration`".into());
        }
        if !is_name(&entity.plural, char::is_ascii_lowercase) {
            return Err("`plural` begins with a small letter and has letters and digits only".into());
        }
        for name in names_of_entity(&entity.name) {
            self.check_type_name(&name)?;
        }
        let single = camel(&entity.name);
        let known = self.roots.contains(&entity.plural) || self.roots.contains(&single);
        if known || single == entity.plural {
            return Err(format!("`{}` or `{single}` is taken", entity.plural));
        }
        let mutations = ["create", "update", "delete"].map(|verb| format!("{verb}{}", entity.name));
        let mut roots = mutations.iter().chain([&single, &entity.plural]);
        match roots.find(|name| reserved::is_root(name)) {
            Some(name) => Err(format!("`{name}` is taken by the API")),
            None => Ok(()),
        }
    }

    fn check_type_name(&self, name: &str) -> Result<(), String> {
        let catalogue = &self.catalogue;
        let is_taken = catalogue.types.contains_key(name)
            || catalogue.enums.contains_key(name)
            || catalogue.scalars.contains_key(name)
            || catalogue.interfaces.contains_key(name);
        match is_taken || self.taken.contains(name) || reserved::is_type(name) {
            true => Err(format!("`{name}` is taken")),
            false => Ok(()),
        }
    }

    fn add_field(&mut self, field: &AddedField) {
        if let Err(message) = self.try_to_add(field) {
            self.conflicts
                .push(Conflict::new(&field.of, Some(&field.name), message));
        }
    }

    fn try_to_add(&mut self, field: &AddedField) -> Result<(), String> {
        if !is_name(&field.name, char::is_ascii_lowercase) {
            return Err(
                "the name begins with a small letter and has letters and digits only, such as `costCenter`".into(),
            );
        }
        if CONJUNCTIONS.contains(&field.name.as_str()) {
            return Err(format!("`{}` has a meaning of its own in filters", field.name));
        }
        let def = self.catalogue.types.get(&field.of).filter(|def| def.has_rows());
        let def = def.ok_or_else(|| format!("`{}` is no entity", field.of))?;
        if def.fields.contains_key(&field.name) {
            return Err(format!("{} has a field `{}` already", field.of, field.name));
        }
        let at = FieldIndex(to_index(def.fields.len())?);
        let added = self.fields_of.get(&field.of).copied().unwrap_or_default();
        if added >= MOST_FIELDS {
            return Err(format!("at most {MOST_FIELDS} fields can be added to {}", field.of));
        }
        let more = match &field.kind {
            AddedKind::Object(parts) => 1 + parts.len(),
            _ => 1,
        };
        if self.fields + more > MOST_FIELDS_IN_ALL {
            return Err(format!("at most {MOST_FIELDS_IN_ALL} fields and parts can be added"));
        }
        let own = format!("{}{}", field.of, pascal(&field.name));
        let (kind, type_name) = self.kind(&field.kind, &own, &field.label)?;
        let def = self.catalogue.types.get_mut(&field.of).map(Arc::make_mut);
        if let Some(def) = def {
            let added = FieldDef {
                label: Some(field.label.clone()),
                ..plain(
                    &field.name,
                    at,
                    described(&field.label, &field.description),
                    kind,
                    type_name,
                    field.list,
                )
            };
            def.fields.insert(field.name.clone(), added);
            self.fields += more;
            *self.fields_of.entry(field.of.clone()).or_default() += 1;
        }
        Ok(())
    }

    /// Returns the type of a value; enums and objects are declared under a name of their own.
    fn kind(&mut self, kind: &AddedKind, own: &str, label: &str) -> Result<(FieldType, String), String> {
        Ok(match kind {
            AddedKind::Text => (FieldType::Text, "String".to_owned()),
            AddedKind::Integer => (FieldType::Integer, "Int".to_owned()),
            AddedKind::Decimal => (FieldType::Decimal, "Decimal".to_owned()),
            AddedKind::Boolean => (FieldType::Boolean, "Boolean".to_owned()),
            AddedKind::Date => (FieldType::Date, "Date".to_owned()),
            AddedKind::DateTime => (FieldType::DateTime, "DateTime".to_owned()),
            AddedKind::Json => (FieldType::Json, "JSON".to_owned()),
            AddedKind::Reference(entity) => {
                let target = self.catalogue.types.get(entity).filter(|def| def.is_entity());
                let target = target.ok_or_else(|| format!("`{entity}` is no entity"))?;
                (FieldType::Reference(target.index), entity.clone())
            }
            AddedKind::Enum(values) => {
                let filter = format!("{own}Filter");
                self.check_type_name(own)?;
                self.check_type_name(&filter)?;
                if values.len() > MOST_VALUES {
                    return Err(format!("an enum has at most {MOST_VALUES} values"));
                }
                let mut known = IndexMap::new();
                for (name, about) in values {
                    let is_fit = name.starts_with(|sign: char| sign.is_ascii_uppercase())
                        && name
                            .chars()
                            .all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit() || sign == '_');
                    if !is_fit {
                        return Err(format!(
                            "`{name}` is no name of a value: write it like `HIGH` or `LEVEL_2`"
                        ));
                    }
                    known.insert(name.clone(), about.clone());
                }
                if known.is_empty() {
                    return Err("an enum has at least one value".to_owned());
                }
                let index = EnumIndex(to_index(self.catalogue.enums.len())?);
                let def = EnumDef {
                    name: own.to_owned(),
                    index,
                    description: label.to_owned(),
                    values: known,
                };
                self.taken.insert(filter);
                self.catalogue.enums.insert(own.to_owned(), Arc::new(def));
                (FieldType::Enum(index), own.to_owned())
            }
            AddedKind::Object(parts) => {
                let input = format!("{own}Input");
                self.check_type_name(own)?;
                self.check_type_name(&input)?;
                if parts.len() > MOST_PARTS {
                    return Err(format!("an object has at most {MOST_PARTS} parts"));
                }
                let mut fields = IndexMap::new();
                for part in parts {
                    if matches!(part.kind, AddedKind::Object(_) | AddedKind::Reference(_)) {
                        return Err(format!(
                            "`{}` can hold neither a record nor a value of several fields",
                            part.name
                        ));
                    }
                    if !is_name(&part.name, char::is_ascii_lowercase) || fields.contains_key(&part.name) {
                        return Err(format!("`{}` is no name of a part, or is taken", part.name));
                    }
                    let (kind, type_name) =
                        self.kind(&part.kind, &format!("{own}{}", pascal(&part.name)), &part.description)?;
                    let at = FieldIndex(to_index(fields.len())?);
                    let def = plain(&part.name, at, part.description.clone(), kind, type_name, false);
                    fields.insert(part.name.clone(), def);
                }
                if fields.is_empty() {
                    return Err("an object has at least one part".to_owned());
                }
                let index = TypeIndex(to_index(self.catalogue.types.len())?);
                let def = TypeDef {
                    name: own.to_owned(),
                    index,
                    description: label.to_owned(),
                    shape: Shape::Embedded,
                    interfaces: Vec::new(),
                    label: Some(label.to_owned()),
                    fields,
                };
                self.taken.insert(input);
                self.catalogue.types.insert(own.to_owned(), Arc::new(def));
                (FieldType::Object(index), own.to_owned())
            }
        })
    }
}

fn plain(
    name: &str,
    index: FieldIndex,
    description: String,
    kind: FieldType,
    type_name: String,
    list: bool,
) -> FieldDef {
    let type_text = match list {
        true => format!("[{type_name}!]"),
        false => type_name.clone(),
    };
    FieldDef {
        name: name.to_owned(),
        index,
        description,
        kind,
        type_name,
        type_text,
        list,
        required: false,
        reverse: None,
        computed: false,
        writable: Writable::Always,
        filterable: !list && !matches!(kind, FieldType::Json | FieldType::Object(_)),
        arguments: Vec::new(),
        label: None,
    }
}

fn described(label: &str, description: &str) -> String {
    match description.trim() {
        "" => label.to_owned(),
        text => text.to_owned(),
    }
}

/// Returns the names of the types that follow from an entity: lists, filters, inputs and what writes answer.
fn names_of_entity(name: &str) -> Vec<String> {
    let behind = [
        "",
        "Filter",
        "Order",
        "OrderField",
        "Connection",
        "Edge",
        "Payload",
        "Input",
        "Change",
        "Changes",
    ];
    let operations = ["Create", "Update", "Delete"];
    behind
        .iter()
        .map(|end| format!("{name}{end}"))
        .chain(["Create", "Update"].iter().map(|verb| format!("{verb}{name}Input")))
        .chain(operations.iter().map(|verb| format!("{verb}{name}Operation")))
        .collect()
}

fn is_name(text: &str, first: fn(&char) -> bool) -> bool {
    text.len() <= 64
        && text.chars().next().is_some_and(|sign| first(&sign))
        && text.chars().all(|sign| sign.is_ascii_alphanumeric())
}

fn camel(name: &str) -> String {
    let mut signs = name.chars();
    let first = signs.next().map(|sign| sign.to_ascii_lowercase());
    first.into_iter().chain(signs).collect()
}

fn pascal(name: &str) -> String {
    let mut signs = name.chars();
    let first = signs.next().map(|sign| sign.to_ascii_uppercase());
    first.into_iter().chain(signs).collect()
}

/// Returns the names of the root fields of an entity.
fn roots_of(def: &TypeDef) -> Vec<String> {
    match &def.shape {
        Shape::Entity { plural } => vec![plural.clone(), camel(&def.name)],
        _ => Vec::new(),
    }
}

/// Two of a kind with one index would be taken for each other.
fn to_index(at: usize) -> Result<u16, String> {
    u16::try_from(at).map_err(|_| "the model can take no more of this kind".to_owned())
}

#[cfg(test)]
mod tests;
