//! The metadata service: what entities, properties and enumerations there are.

use serde_json::{Value, json};

use crate::odata::{Access, Entity, Kind, Service};

/// Answers a read of the metadata service; none when there is no such resource.
pub(super) fn answer(service: &Service, path: &str) -> Option<Value> {
    let path = path.trim_matches('/');
    let (name, key) = match path.split_once('(') {
        Some((name, key)) => (name, Some(key.strip_suffix(')')?.trim_matches('\''))),
        None => (path, None),
    };
    let all = match name {
        "PublicEntities" => public_entities(service),
        "DataEntities" => data_entities(service),
        "PublicEnumerations" => enumerations(service),
        _ => return None,
    };
    match key {
        None => Some(json!({"@odata.context": format!("$metadata#{name}"), "value": all})),
        Some(key) => all
            .into_iter()
            .find(|entry| entry.get("Name").and_then(Value::as_str) == Some(key)),
    }
}

fn public_entities(service: &Service) -> Vec<Value> {
    let entities = service.data.model.sets.values();
    entities
        .map(|entity| {
            let properties: Vec<Value> = entity
                .properties
                .iter()
                .map(|(name, property)| {
                    json!({
                        "Name": name,
                        "TypeName": match &property.kind {
                            Kind::Enumeration(name) => format!("{}.{name}", service.namespace),
                            kind => kind.edm().to_owned(),
                        },
                        "DataType": data_type(&property.kind),
                        "LabelId": null,
                        "IsKey": entity.key.contains(name),
                        "IsMandatory": entity.key.contains(name),
                        "ConfigurationEnabled": true,
                        "AllowEdit": property.access == Access::Free && !entity.key.contains(name),
                        "AllowEditOnCreate": property.access != Access::ReadOnly,
                        "IsDimension": false,
                    })
                })
                .collect();
            json!({
                "Name": entity.type_name,
                "EntitySetName": entity.set,
                "LabelId": null,
                "IsReadOnly": is_read_only(entity),
                "ConfigurationEnabled": true,
                "Properties": properties,
            })
        })
        .collect()
}

fn data_entities(service: &Service) -> Vec<Value> {
    let entities = service.data.model.sets.values();
    entities
        .map(|entity| {
            json!({
                "Name": format!("{}Entity", entity.type_name),
                "PublicEntityName": entity.type_name,
                "PublicCollectionName": entity.set,
                "LabelId": null,
                "DataServiceEnabled": true,
                "DataManagementEnabled": true,
                "EntityCategory": "Document",
                "IsReadOnly": is_read_only(entity),
            })
        })
        .collect()
}

fn is_read_only(entity: &Entity) -> bool {
    entity.refuses.create && entity.refuses.update && entity.refuses.delete
}

fn enumerations(service: &Service) -> Vec<Value> {
    let enumerations = service.data.model.enumerations.iter();
    enumerations
        .map(|(name, members)| {
            let members: Vec<Value> = members
                .iter()
                .enumerate()
                .map(|(value, name)| json!({"Name": name, "Value": value, "LabelId": null, "ConfigurationEnabled": true}))
                .collect();
            json!({"Name": name, "LabelId": null, "Members": members})
        })
        .collect()
}

fn data_type(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text { .. } => "String",
        Kind::Enumeration(_) | Kind::Flag => "Enum",
        Kind::Integer => "Int32",
        Kind::Long => "Int64",
        Kind::Decimal | Kind::Double => "Real",
        Kind::Guid => "Guid",
        Kind::Noon | Kind::Date => "Date",
        Kind::DateTime | Kind::Instant | Kind::Moment => "UtcDateTime",
        Kind::Time | Kind::TimeOfDay => "Time",
    }
}
