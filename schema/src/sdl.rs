//! Reads SDL files into a catalogue and refuses what does not hold together.

use std::sync::Arc;

use async_graphql_parser::{
    parse_schema,
    types::{
        BaseType, ConstDirective, FieldDefinition, ServiceDocument, Type, TypeDefinition, TypeKind,
        TypeSystemDefinition,
    },
};
use async_graphql_value::ConstValue;
use indexmap::IndexMap;

use crate::catalogue::{
    Catalogue, EnumDef, EnumIndex, FieldDef, FieldIndex, FieldType, ScalarDef, Shape, TypeDef, TypeIndex, Writable,
};

macro_rules! unified_files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../unified/", $name)))),*]
    };
}

pub(crate) const UNIFIED_FILES: &[(&str, &str)] = unified_files![
    "common.graphql",
    "purchase_order.graphql",
    "goods_receipt.graphql",
    "work_order.graphql",
    "inventory_item.graphql",
    "vendor.graphql",
    "asset.graphql",
    "meter.graphql",
    "location.graphql",
    "user.graphql",
    "attachment.graphql",
    "actions.graphql",
];

/// Types that are declared outside the unified model.
const PLATFORM_TYPES: &[&str] = &["Connection"];

struct Source<'a> {
    file: &'a str,
    document: ServiceDocument,
}

pub(crate) fn parse(files: &[(&str, &str)]) -> Result<Catalogue, String> {
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    for (file, text) in files {
        match parse_schema(text) {
            Ok(document) => sources.push(Source { file, document }),
            Err(error) => problems.push(format!("{file}: {error}")),
        }
    }
    let mut catalogue = declare(&sources, &mut problems);
    fill_fields(&sources, &mut catalogue, &mut problems);
    mark_amounts(&mut catalogue);
    check_reverse_fields(&catalogue, &mut problems);
    if problems.is_empty() {
        Ok(catalogue)
    } else {
        Err(problems.join("\n"))
    }
}

fn definitions<'a>(sources: &'a [Source<'a>]) -> impl Iterator<Item = (&'a str, &'a TypeDefinition)> {
    sources.iter().flat_map(|source| {
        source
            .document
            .definitions
            .iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(positioned) => Some((source.file, &positioned.node)),
                _ => None,
            })
    })
}

fn declare(sources: &[Source<'_>], problems: &mut Vec<String>) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for (file, definition) in definitions(sources) {
        let name = definition.name.node.to_string();
        let description = text_of(definition.description.as_ref().map(|text| text.node.as_str()));
        if catalogue.types.contains_key(&name) || catalogue.enums.contains_key(&name) {
            problems.push(format!("{file}: {name} is declared twice"));
            continue;
        }
        match &definition.kind {
            TypeKind::Object(object) => {
                let index = TypeIndex(to_index(catalogue.types.len()));
                let shape = shape_of(&definition.directives.iter().map(|d| &d.node).collect::<Vec<_>>());
                let interfaces = object.implements.iter().map(|name| name.node.to_string()).collect();
                catalogue.types.insert(
                    name.clone(),
                    Arc::new(TypeDef {
                        name,
                        index,
                        description,
                        shape,
                        interfaces,
                        label: None,
                        fields: IndexMap::new(),
                    }),
                );
            }
            TypeKind::Interface(_) => {
                let index = TypeIndex(u16::MAX);
                catalogue.interfaces.insert(
                    name.clone(),
                    Arc::new(TypeDef {
                        name,
                        index,
                        description,
                        shape: Shape::Embedded,
                        interfaces: Vec::new(),
                        label: None,
                        fields: IndexMap::new(),
                    }),
                );
            }
            TypeKind::Enum(_) if definition.directives.iter().any(|d| d.node.name.node == "internal") => {}
            TypeKind::Enum(definition) => {
                let index = EnumIndex(to_index(catalogue.enums.len()));
                let values = definition
                    .values
                    .iter()
                    .map(|value| {
                        let about = text_of(value.node.description.as_ref().map(|text| text.node.as_str()));
                        (value.node.value.node.to_string(), about)
                    })
                    .collect();
                catalogue.enums.insert(
                    name.clone(),
                    Arc::new(EnumDef {
                        name,
                        index,
                        description,
                        values,
                    }),
                );
            }
            TypeKind::Scalar => {
                let specified_by = definition
                    .directives
                    .iter()
                    .find(|d| d.node.name.node == "specifiedBy")
                    .and_then(|d| text_argument(&d.node, "url"));
                catalogue.scalars.insert(
                    name.clone(),
                    ScalarDef {
                        name,
                        description,
                        specified_by,
                    },
                );
            }
            TypeKind::Union(_) | TypeKind::InputObject(_) => problems.push(format!(
                "{file}: {name}: unions and inputs have no place in the unified model"
            )),
        }
    }
    catalogue
}

fn fill_fields(sources: &[Source<'_>], catalogue: &mut Catalogue, problems: &mut Vec<String>) {
    for (file, definition) in definitions(sources) {
        let name = definition.name.node.as_str();
        let (fields, is_interface) = match &definition.kind {
            TypeKind::Object(object) => (&object.fields, false),
            TypeKind::Interface(interface) => (&interface.fields, true),
            _ => continue,
        };
        let is_input = catalogue.types.get(name).is_some_and(|def| def.is_input_only());
        let mut filled = IndexMap::new();
        for (at, field) in fields.iter().enumerate() {
            match field_of(catalogue, is_input, to_index(at), &field.node) {
                Ok(field) => {
                    filled.insert(field.name.clone(), field);
                }
                Err(problem) => problems.push(format!(
                    "{file}:{}: {name}.{}: {problem}",
                    field.pos.line, field.node.name.node
                )),
            }
        }
        let target = if is_interface {
            catalogue.interfaces.get_mut(name)
        } else {
            catalogue.types.get_mut(name)
        };
        if let Some(target) = target {
            Arc::make_mut(target).fields = filled;
        }
    }
}

/// Marks fields whose value begins with a required decimal, such as `Money`: filters and sorts mean that number.
fn mark_amounts(catalogue: &mut Catalogue) {
    let is_amount = |def: &TypeDef| {
        let first = def.fields.values().next();
        !def.has_rows() && first.is_some_and(|first| first.kind == FieldType::Decimal && first.required)
    };
    let amounts: Vec<TypeIndex> = catalogue
        .types
        .values()
        .filter(|def| is_amount(def))
        .map(|def| def.index)
        .collect();
    for field in catalogue
        .types
        .values_mut()
        .flat_map(|def| Arc::make_mut(def).fields.values_mut())
    {
        let holds_one = matches!(field.kind, FieldType::Object(kind) if amounts.contains(&kind));
        field.filterable |= holds_one && !field.list && field.reverse.is_none();
    }
}

fn field_of(catalogue: &Catalogue, is_input: bool, at: u16, field: &FieldDefinition) -> Result<FieldDef, String> {
    let (type_name, list, required) = unwrap_type(&field.ty.node)?;
    let kind = field_type(catalogue, &type_name, is_input).ok_or_else(|| format!("unknown type {type_name}"))?;
    let directives: Vec<&ConstDirective> = field.directives.iter().map(|d| &d.node).collect();
    let has = |name: &str| directives.iter().any(|d| d.name.node == name);
    let computed = has("computed");
    let writable = match directives.iter().find(|d| d.name.node == "writable") {
        None => Writable::Never,
        Some(mark) if mark.get_argument("on").is_some() => Writable::OnCreate,
        Some(_) => Writable::Always,
    };
    if computed && writable != Writable::Never {
        return Err("a field that the server fills cannot be written".to_owned());
    }
    let reverse = directives
        .iter()
        .find(|d| d.name.node == "reverse")
        .and_then(|d| text_argument(d, "field"));
    let filterable = !has("unfilterable")
        && !matches!(
            kind,
            FieldType::Json | FieldType::Platform | FieldType::Object(_) | FieldType::Id
        )
        && (!computed || matches!(kind, FieldType::DateTime | FieldType::Boolean | FieldType::Text))
        && !list
        && reverse.is_none();
    let arguments = field
        .arguments
        .iter()
        .map(|argument| {
            let about = text_of(argument.node.description.as_ref().map(|text| text.node.as_str()));
            (
                argument.node.name.node.to_string(),
                argument.node.ty.node.to_string(),
                about,
            )
        })
        .collect();
    Ok(FieldDef {
        name: field.name.node.to_string(),
        index: FieldIndex(at),
        description: text_of(field.description.as_ref().map(|text| text.node.as_str())),
        kind,
        type_name,
        type_text: field.ty.node.to_string(),
        list,
        required,
        reverse,
        computed,
        writable,
        filterable,
        arguments,
        label: None,
    })
}

/// Returns what a type name means; in inputs every type that has rows is referred to.
fn field_type(catalogue: &Catalogue, name: &str, is_input: bool) -> Option<FieldType> {
    Some(match name {
        "String" | "URL" | "CurrencyCode" | "CountryCode" | "Duration" => FieldType::Text,
        "ID" => FieldType::Id,
        "Int" => FieldType::Integer,
        "Boolean" => FieldType::Boolean,
        "Decimal" => FieldType::Decimal,
        "Date" => FieldType::Date,
        "DateTime" => FieldType::DateTime,
        "JSON" => FieldType::Json,
        other if PLATFORM_TYPES.contains(&other) => FieldType::Platform,
        other => {
            if let Some(def) = catalogue.enums.get(other) {
                FieldType::Enum(def.index)
            } else {
                let def = catalogue.types.get(other)?;
                if def.is_entity() || is_input && def.has_rows() {
                    FieldType::Reference(def.index)
                } else {
                    FieldType::Object(def.index)
                }
            }
        }
    })
}

fn check_reverse_fields(catalogue: &Catalogue, problems: &mut Vec<String>) {
    for def in catalogue.types.values() {
        for field in def.fields.values() {
            let Some(back) = &field.reverse else { continue };
            let element = catalogue.types.get(&field.type_name);
            let points_back = element
                .and_then(|element| element.field(back))
                .is_some_and(|back| back.kind == FieldType::Reference(def.index) && !back.list);
            if !points_back {
                problems.push(format!(
                    "{}.{}: {}.{back} does not refer to {}",
                    def.name, field.name, field.type_name, def.name
                ));
            }
        }
        for interface in &def.interfaces {
            let Some(interface) = catalogue.interfaces.get(interface) else {
                problems.push(format!("{}: unknown interface {interface}", def.name));
                continue;
            };
            for field in interface.fields.values() {
                if def
                    .field(&field.name)
                    .is_none_or(|own| own.type_text != field.type_text)
                {
                    problems.push(format!(
                        "{}: {}.{} is missing or of another type",
                        def.name, interface.name, field.name
                    ));
                }
            }
        }
    }
}

fn unwrap_type(ty: &Type) -> Result<(String, bool, bool), String> {
    match &ty.base {
        BaseType::Named(name) => Ok((name.to_string(), false, !ty.nullable)),
        BaseType::List(inner) => match &inner.base {
            BaseType::Named(name) => Ok((name.to_string(), true, !ty.nullable)),
            BaseType::List(_) => Err("lists of lists are not supported".to_owned()),
        },
    }
}

fn shape_of(directives: &[&ConstDirective]) -> Shape {
    for directive in directives {
        match directive.name.node.as_str() {
            "entity" => {
                return Shape::Entity {
                    plural: text_argument(directive, "plural").unwrap_or_default(),
                };
            }
            "part" => {
                return Shape::Part {
                    of: text_argument(directive, "of").unwrap_or_default(),
                };
            }
            "action" => {
                return Shape::Action {
                    of: text_argument(directive, "of").unwrap_or_default(),
                    name: text_argument(directive, "name").unwrap_or_default(),
                };
            }
            "input" => return Shape::Input,
            _ => {}
        }
    }
    Shape::Embedded
}

fn text_argument(directive: &ConstDirective, name: &str) -> Option<String> {
    directive.get_argument(name).and_then(|value| match &value.node {
        ConstValue::String(text) => Some(text.clone()),
        _ => None,
    })
}

fn text_of(description: Option<&str>) -> String {
    description.unwrap_or_default().trim().to_owned()
}

fn to_index(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}
