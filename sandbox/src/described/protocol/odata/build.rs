//! Makes an OData service of a description: the model of its sets, and the rows of its tables in the types of the model.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::super::super::columns::{Columns, Type};
use super::super::super::form::Failure;
use super::super::super::rows::Rows;
use super::super::super::table::Table;
use super::{Service, Set};
use crate::odata::{self, Access, Data, Entity, Flavour, Kind, Model, Navigation, Row, restore};

/// Builds the service.
pub(super) fn service(service: &Service, rows: &Arc<Rows>) -> Result<odata::Service, Failure> {
    let mut model = Model::default();
    let mut content = Vec::new();
    for (name, set) in &service.sets {
        let Some((_, table)) = rows.description.tables.get_index(set.table) else {
            continue;
        };
        let found = rows.content(set.table)?;
        let entity = entity(service, name, set, table, found.columns(table));
        for (property, members) in &set.enumerations {
            model.enumerations.insert(property.clone(), members.clone());
        }
        let typed = found.rows.iter().map(|row| {
            let mut typed = Row::new();
            for (name, property) in &entity.properties {
                let value = row.map.get(name).unwrap_or(&Json::Null);
                typed.set(name.clone(), value_of(&property.kind, value));
            }
            typed
        });
        content.push((name.as_str(), typed.collect()));
        model.insert(entity);
    }
    let flavour = Flavour::Standard(service.standard);
    Ok(odata::Service {
        flavour,
        namespace: service.namespace.clone().into(),
        data: Data::new(model, flavour, content),
    })
}

fn entity(service: &Service, name: &str, set: &Set, table: &Table, columns: &Columns) -> Entity {
    let mut entity = Entity {
        set: name.to_owned(),
        type_name: set.type_name.clone(),
        key: set.key.clone(),
        properties: IndexMap::new(),
        navigations: IndexMap::new(),
        refuses: set.refuses,
    };
    // Members of members and of lists are no properties.
    let names = columns.names().filter(|name| !name.contains('.') && table.shows(name));
    for name in names {
        if set.navigations.iter().any(|(navigation, _)| navigation == name) {
            continue;
        }
        let is_enumeration = set.enumerations.iter().any(|(property, _)| property == name);
        let declared = set.types.get(name).map(String::as_str);
        let seen = columns.find(name).unwrap_or(Type::Any);
        let found = match is_enumeration {
            true => Some((Kind::Enumeration(name.to_owned()), None)),
            false => kind_of(declared, seen, service.standard.is_v2),
        };
        let Some((kind, digits)) = found else { continue };
        let is_key = set.key.iter().any(|key| key == name);
        let access = match table.write.read_only.iter().any(|fixed| fixed == name) {
            true => Access::ReadOnly,
            false if is_key => Access::Fixed,
            false => Access::Free,
        };
        entity.insert(name, kind, digits, access);
    }
    for (name, link) in &set.navigations {
        let navigation = Navigation {
            target: link.set.clone(),
            many: link.many,
            on: link.on.clone(),
        };
        entity.navigations.insert(name.clone(), navigation);
    }
    entity
}

/// Returns the kind of a property with the digits of a decimal: by its declared type, such as `Edm.Decimal(13,3)`, or by
/// what the rows show. Objects and lists are none.
fn kind_of(declared: Option<&str>, seen: Type, is_v2: bool) -> Option<(Kind, Option<(u32, u32)>)> {
    let text = |length| Kind::Text {
        length,
        padded: false,
        nullable: true,
    };
    let Some(declared) = declared else {
        let kind = match seen {
            Type::Text | Type::Any => text(None),
            Type::Integer => Kind::Integer,
            Type::Number => Kind::Decimal,
            Type::Boolean => Kind::Flag,
            Type::Date if is_v2 => Kind::DateTime,
            Type::Date => Kind::Date,
            Type::Instant => Kind::Instant,
            Type::Guid => Kind::Guid,
            Type::List | Type::Object => return None,
        };
        return Some((kind, None));
    };
    let (name, facets) = declared.split_once('(').unwrap_or((declared, ""));
    let mut facets = facets
        .trim_end_matches(')')
        .split(',')
        .map(|facet| facet.trim().parse::<u32>().ok());
    let (first, second) = (facets.next().flatten(), facets.next().flatten());
    let kind = match name.trim_start_matches("Edm.") {
        "Int16" | "Int32" | "integer" => Kind::Integer,
        "Int64" => Kind::Long,
        "Decimal" | "number" => return Some((Kind::Decimal, first.map(|all| (all, second.unwrap_or(0))))),
        "Double" | "Single" => Kind::Double,
        "Boolean" | "boolean" => Kind::Flag,
        "DateTime" => Kind::DateTime,
        "DateTimeOffset" | "instant" => Kind::Instant,
        "Date" | "date" => Kind::Date,
        "Time" => Kind::Time,
        "TimeOfDay" => Kind::TimeOfDay,
        "Guid" | "guid" => Kind::Guid,
        _ => text(first.and_then(|length| usize::try_from(length).ok())),
    };
    Some((kind, None))
}

/// Brings a value of a row to the kind of its property.
fn value_of(kind: &Kind, value: &Json) -> odata::Value {
    match (kind, value) {
        (Kind::Text { .. }, Json::Number(_) | Json::Bool(_)) => restore(kind, &Json::String(value.to_string())),
        _ => restore(kind, value),
    }
}
