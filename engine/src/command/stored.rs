//! The input of a write as it is kept: sealed, with names instead of indexes, so that the model may grow meanwhile. From
//! the same form comes the fingerprint that tells one input from another.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, NaiveDate, Utc};
use lineshaft_connect::write::{Act, ChildChange, Input, WriteRequest};
use lineshaft_entities::write_operation::{ActiveModel, Column, Entity, Model};
use lineshaft_schema::{Catalogue, FieldType, Object, RemoteKey, TypeDef, TypeIndex, Value, catalogue::EnumIndex};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait as _, ConnectionTrait, DbErr, QueryFilter as _, Set};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{WriteCommand, WriteError, Writer};
use crate::secrets::{Binding, Sealed};

/// What is sealed of a write.
#[derive(Debug, Serialize, Deserialize)]
struct StoredWrite {
    /// The row that it belongs to: a sealed text that was copied to another row is worthless there.
    id: Uuid,
    act: Act,
    key: Option<RemoteKey>,
    version: Option<String>,
    input: StoredInput,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct StoredInput {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, StoredValue>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    children: BTreeMap<String, Vec<StoredChange>>,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    custom: serde_json::Map<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    raw: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredChange {
    Create(StoredInput),
    Update(RemoteKey, StoredInput),
    Delete(RemoteKey),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredValue {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Text(String),
    Date(NaiveDate),
    DateTime(DateTime<Utc>),
    Enum(String, String),
    Reference(RemoteKey),
    Object(String, BTreeMap<String, StoredValue>),
    List(Vec<StoredValue>),
    Json(String),
}

/// Returns what the sealed input of a write belongs to.
pub(crate) fn input_binding(organization_id: Uuid, connection_id: Uuid) -> Binding {
    Binding {
        organization_id,
        connection_id,
        purpose: "write input",
    }
}

/// Wipes the inputs of all writes to a connection, what was sent to it and what its system said, within the transaction that erases it.
pub(crate) async fn wipe_inputs(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    connection_id: Uuid,
) -> Result<(), DbErr> {
    Entity::update_for_organization(organization_id)
        .set(ActiveModel {
            key_id: Set(None),
            nonce: Set(None),
            ciphertext: Set(None),
            requests: Set(json!([])),
            user_errors: Set(json!([])),
            warnings: Set(json!([])),
            error_message: Set(None),
            ..Default::default()
        })
        .filter(Column::ConnectionId.eq(connection_id))
        .exec(transaction)
        .await
        .map(drop)
}

impl Writer {
    /// Seals what is needed to carry a write out or to settle it.
    pub(super) fn seal(
        &self,
        organization_id: Uuid,
        id: Uuid,
        catalogue: &Catalogue,
        command: &WriteCommand,
    ) -> Result<Sealed, WriteError> {
        let def = input_type(catalogue, command.kind, &command.act).ok_or(WriteError::Unknown)?;
        let stored = StoredWrite {
            id,
            act: command.act.clone(),
            key: command.key.clone(),
            version: command.expected_version.as_deref().map(str::to_owned),
            input: StoredInput::of(catalogue, def, &command.input),
        };
        let text = json!(stored).to_string();
        let binding = input_binding(organization_id, command.connection_id);
        Ok(self.keys.seal(&binding, text.as_bytes())?)
    }

    /// Opens what was sealed of a write. None when it was wiped, or the model no longer has what it names.
    pub(super) fn open(&self, row: &Model, catalogue: &Catalogue) -> Option<WriteRequest> {
        match self.opened(row, catalogue) {
            Opened::Whole(request) => Some(*request),
            Opened::Gone | Opened::Sealed => None,
        }
    }

    /// Opens what was sealed of a write, and tells why it cannot be opened.
    pub(super) fn opened(&self, row: &Model, catalogue: &Catalogue) -> Opened {
        let Some(stored) = self.unsealed(row) else {
            return Opened::Sealed;
        };
        let request = request(row, stored, catalogue);
        request.map_or(Opened::Gone, |request| Opened::Whole(Box::new(request)))
    }

    fn unsealed(&self, row: &Model) -> Option<StoredWrite> {
        let sealed = Sealed {
            key_id: row.key_id.clone()?,
            nonce: row.nonce.clone()?,
            ciphertext: row.ciphertext.clone()?,
        };
        let text = self
            .keys
            .open(&input_binding(row.organization_id, row.connection_id), &sealed);
        let text = text
            .inspect_err(|error| tracing::error!(%error, write.id = %row.id, "the input of a write cannot be opened"));
        serde_json::from_slice(&text.ok()?)
            .ok()
            .filter(|stored: &StoredWrite| stored.id == row.id)
    }
}

/// What comes of opening the input of a write.
pub(super) enum Opened {
    /// All that is needed to carry it out.
    Whole(Box<WriteRequest>),
    /// It names an entity, a field or a value that the model no longer has.
    Gone,
    /// It was wiped, or cannot be read.
    Sealed,
}

fn request(row: &Model, stored: StoredWrite, catalogue: &Catalogue) -> Option<WriteRequest> {
    let kind = catalogue.type_named(&row.entity)?.index;
    let def = input_type(catalogue, kind, &stored.act)?;
    Some(WriteRequest {
        kind,
        input: stored.input.into_input(catalogue, def)?,
        act: stored.act,
        key: stored.key,
        expected_version: stored.version.map(Into::into),
        client_reference: row.client_reference.as_str().into(),
    })
}

/// Returns what tells one write from another: all that decides what is done.
pub(super) fn fingerprint(
    organization_id: Uuid,
    catalogue: &Catalogue,
    command: &WriteCommand,
) -> Result<Vec<u8>, WriteError> {
    let def = input_type(catalogue, command.kind, &command.act).ok_or(WriteError::Unknown)?;
    let kind = catalogue.type_at(command.kind).ok_or(WriteError::Unknown)?;
    let whole = json!({
        "organization": organization_id,
        "connection": command.connection_id,
        "type": kind.name,
        "act": command.act,
        "key": command.key,
        "version": command.expected_version.as_deref(),
        "input": StoredInput::of(catalogue, def, &command.input).canonical(),
    });
    let mut text = String::new();
    write_sorted(&whole, &mut text);
    Ok(blake3::hash(text.as_bytes()).as_bytes().to_vec())
}

/// Returns the type whose fields an input has: that of the action, or of the record.
pub(super) fn input_type<'c>(catalogue: &'c Catalogue, kind: TypeIndex, act: &Act) -> Option<&'c TypeDef> {
    let def = catalogue.type_at(kind)?;
    match act {
        Act::Action(name) => catalogue.action(&def.name, name),
        Act::Create | Act::Update | Act::Delete | Act::SoftDelete => Some(def),
    }
}

impl StoredInput {
    fn of(catalogue: &Catalogue, def: &TypeDef, input: &Input) -> Self {
        let values = input.values.iter().filter_map(|(field, value)| {
            let field = def.field_at(*field)?;
            Some((field.name.clone(), StoredValue::of(catalogue, value)))
        });
        let children = input.children.iter().filter_map(|(field, changes)| {
            let field = def.field_at(*field)?;
            let FieldType::Object(kind) = field.kind else {
                return None;
            };
            let row = catalogue.type_at(kind)?;
            let changes = changes.iter().map(|change| match change {
                ChildChange::Create(input) => StoredChange::Create(Self::of(catalogue, row, input)),
                ChildChange::Update(key, input) => StoredChange::Update(key.clone(), Self::of(catalogue, row, input)),
                ChildChange::Delete(key) => StoredChange::Delete(key.clone()),
            });
            Some((field.name.clone(), changes.collect()))
        });
        Self {
            values: values.collect(),
            children: children.collect(),
            custom: input
                .custom
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            raw: input.raw.clone(),
        }
    }

    fn into_input(self, catalogue: &Catalogue, def: &TypeDef) -> Option<Input> {
        let mut input = Input {
            custom: self.custom.into_iter().collect(),
            raw: self.raw,
            ..Input::default()
        };
        for (name, value) in self.values {
            input
                .values
                .insert(def.field(&name)?.index, value.into_value(catalogue)?);
        }
        for (name, changes) in self.children {
            let field = def.field(&name)?;
            let FieldType::Object(kind) = field.kind else {
                return None;
            };
            let row = catalogue.type_at(kind)?;
            let changes = changes.into_iter().map(|change| {
                Some(match change {
                    StoredChange::Create(input) => ChildChange::Create(input.into_input(catalogue, row)?),
                    StoredChange::Update(key, input) => ChildChange::Update(key, input.into_input(catalogue, row)?),
                    StoredChange::Delete(key) => ChildChange::Delete(key),
                })
            });
            input.children.insert(field.index, changes.collect::<Option<_>>()?);
        }
        Some(input)
    }

    /// Writes numbers that are equal alike: whether 1.5 was given as 1.50 makes no other input.
    fn canonical(mut self) -> Self {
        self.values.values_mut().for_each(StoredValue::make_canonical);
        for changes in self.children.values_mut() {
            for change in changes {
                if let StoredChange::Create(input) | StoredChange::Update(_, input) = change {
                    *input = std::mem::take(input).canonical();
                }
            }
        }
        self
    }
}

impl StoredValue {
    fn of(catalogue: &Catalogue, value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Integer(value) => Self::Integer(*value),
            Value::Decimal(value) => Self::Decimal(*value),
            Value::Text(value) => Self::Text(value.to_string()),
            Value::Date(value) => Self::Date(*value),
            Value::DateTime(value) => Self::DateTime(*value),
            Value::Enum(kind, value) => {
                let def = catalogue.enum_at(*kind);
                let name = def.and_then(|def| def.value_name(*value)).unwrap_or_default();
                Self::Enum(def.map(|def| def.name.clone()).unwrap_or_default(), name.to_owned())
            }
            Value::Reference(key) => Self::Reference(key.clone()),
            Value::Object(object) => {
                let def = catalogue.type_at(object.kind);
                let slots = def.into_iter().flat_map(|def| def.fields.values()).zip(&object.slots);
                let present = slots.filter(|(_, value)| !value.is_null());
                let slots = present.map(|(field, value)| (field.name.clone(), Self::of(catalogue, value)));
                Self::Object(def.map(|def| def.name.clone()).unwrap_or_default(), slots.collect())
            }
            Value::List(list) => Self::List(list.iter().map(|value| Self::of(catalogue, value)).collect()),
            Value::Json(text) => Self::Json(text.to_string()),
        }
    }

    fn into_value(self, catalogue: &Catalogue) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Decimal(value) => Value::Decimal(value),
            Self::Text(value) => Value::Text(value.into()),
            Self::Date(value) => Value::Date(value),
            Self::DateTime(value) => Value::DateTime(value),
            Self::Enum(kind, value) => {
                let def = catalogue.enums.get(&kind)?;
                let kind: EnumIndex = def.index;
                Value::Enum(kind, def.value_index(&value)?)
            }
            Self::Reference(key) => Value::Reference(key),
            Self::Object(kind, mut slots) => {
                let def = catalogue.type_named(&kind)?;
                let slots = def.fields.values().map(|field| match slots.remove(&field.name) {
                    Some(value) => value.into_value(catalogue),
                    None => Some(Value::Null),
                });
                Value::Object(Box::new(Object {
                    kind: def.index,
                    slots: slots.collect::<Option<_>>()?,
                }))
            }
            Self::List(list) => {
                let list = list.into_iter().map(|value| value.into_value(catalogue));
                Value::List(list.collect::<Option<_>>()?)
            }
            Self::Json(text) => Value::Json(text.into()),
        })
    }

    fn make_canonical(&mut self) {
        match self {
            Self::Decimal(value) => *value = value.normalize(),
            Self::Object(_, slots) => slots.values_mut().for_each(Self::make_canonical),
            Self::List(list) => list.iter_mut().for_each(Self::make_canonical),
            _ => {}
        }
    }
}

/// Writes JSON with the members of objects in the order of their names.
fn write_sorted(value: &serde_json::Value, text: &mut String) {
    match value {
        serde_json::Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in members {
                // Writing to a text does not fail.
                let _ = write!(text, "{}:", json!(name));
                write_sorted(value, text);
                text.push(',');
            }
            text.push('}');
        }
        serde_json::Value::Array(list) => {
            text.push('[');
            for value in list {
                write_sorted(value, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn every_kind_of_value_survives_being_kept() {
        let catalogue = Catalogue::unified().unwrap();
        let order = catalogue.type_named("PurchaseOrder").unwrap();
        let line = catalogue.type_named("PurchaseOrderLine").unwrap();
        let field = |def: &TypeDef, name: &str| def.field(name).unwrap().index;
        let money = catalogue.type_named("Money").unwrap();
        let amount = Value::Object(Box::new(Object {
            kind: money.index,
            slots: [Value::Decimal("12.50".parse().unwrap()), Value::Null]
                .into_iter()
                .collect(),
        }));
        let status = catalogue.enums.get("PurchaseOrderStatus").unwrap();
        let row = Input {
            values: [(
                field(line, "purchaseOrder"),
                Value::Reference(RemoteKey::composite(["a|b", "7"])),
            )]
            .into(),
            ..Input::default()
        };
        let lines = vec![
            ChildChange::Create(row.clone()),
            ChildChange::Update(RemoteKey::single("1"), row),
            ChildChange::Delete(RemoteKey::composite(["1", "2"])),
        ];
        // What a field holds is checked elsewhere; here any value may stand in any field.
        let values = [
            Value::Null,
            Value::Boolean(true),
            Value::Integer(7),
            amount,
            Value::text("ü"),
            Value::Date("2026-02-28".parse().unwrap()),
            Value::DateTime("2026-02-28T12:30:00.5Z".parse().unwrap()),
            Value::Enum(status.index, 1),
            Value::List(vec![Value::text("a"), Value::Json("{\"b\":1}".into())]),
        ];
        let fields = order.fields.values().map(|field| field.index);
        let input = Input {
            values: fields.zip(values).collect(),
            children: [(field(order, "lines"), lines)].into(),
            custom: [("x_studio".to_owned(), json!([1, {"b": null}]))].into(),
            raw: [("origin".to_owned(), json!("web"))].into_iter().collect(),
        };
        let text = json!(StoredInput::of(&catalogue, order, &input)).to_string();
        let kept: StoredInput = serde_json::from_str(&text).unwrap();
        assert_eq!(kept.into_input(&catalogue, order).unwrap(), input);
    }

    #[test]
    fn members_are_written_in_order_of_their_names() {
        let mut text = String::new();
        write_sorted(&json!({"b": [1, "x"], "a": {"d": null, "c": 1.5}}), &mut text);
        assert_eq!(text, r#"{"a":{"c":1.5,"d":null,},"b":[1,"x",],}"#);
    }
}
