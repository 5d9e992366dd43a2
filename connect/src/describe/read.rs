//! Reads what a system tells of the fields of an object: lists of fields, JSON Schema, the metadata of `OData`.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Described, DescribedField, MOST_FIELDS, ValueKind, metadata::odata_fields};
use crate::{
    classify::BodyCheck,
    error::{Error, ErrorKind},
    json::{self, Value},
    manifest::{DescribeForm, FieldsForm},
    path::Path,
};

/// Most choices that are kept of one field.
const MOST_CHOICES: usize = 1_000;

/// Reads a description; `remote` is the object, where the form does not name one itself: what follows its last slash.
///
/// # Errors
/// Returns `NotFound` when the system tells of other objects only, `MalformedResponse` when the fields are not where they
/// should be.
pub fn read_description(form: &DescribeForm, remote: &str, body: &[u8]) -> Result<Described, Error> {
    let mut fields = match form {
        DescribeForm::OdataMetadata { entity_set } => {
            let text = std::str::from_utf8(body).map_err(|_| malformed("the metadata is not UTF-8 text"))?;
            let own = remote.rsplit('/').next().unwrap_or(remote);
            let set = entity_set.as_deref().unwrap_or(own);
            odata_fields(text, set).ok_or_else(|| match text.contains("EntityContainer") {
                true => Error::new(ErrorKind::NotFound, "the metadata does not describe the table"),
                false => malformed("the answer is no metadata"),
            })?
        }
        DescribeForm::Fields(form) => listed(form, &json::parse(body)?)?,
        DescribeForm::JsonSchema { path } => schema(path, &json::parse(body)?)?,
    };
    fields.truncate(MOST_FIELDS);
    for field in fields.values_mut() {
        let kind = field.kind.as_deref().and_then(ValueKind::of_word);
        field.value_kind = match field.choices.is_empty() {
            true => field.value_kind.or(kind),
            false => Some(ValueKind::Choice),
        };
    }
    Ok(Arc::new(fields))
}

fn listed(form: &FieldsForm, body: &Value<'_>) -> Result<IndexMap<String, DescribedField>, Error> {
    let path = |text: &Option<String>| text.as_ref().and_then(|text| Path::parse(text).ok());
    let items = Path::parse(&form.items).map_err(|_| malformed("the fields have no place"))?;
    let found = items.first(body).ok_or_else(|| malformed("the answer has no fields"))?;
    let name = path(&form.name);
    let entries: Vec<(Option<&str>, &Value<'_>)> = match (found.members(), found.elements()) {
        (Some(members), _) => members
            .iter()
            .map(|(name, entry)| (Some(name.as_ref()), entry))
            .collect(),
        (None, Some(list)) => list.iter().map(|entry| (None, entry)).collect(),
        _ => return Err(malformed("the answer has no fields")),
    };
    let places = Places {
        label: path(&form.label),
        kind: path(&form.kind),
        required: path(&form.required),
        required_only: BodyCheck::compile(&form.required_only, "", &mut Vec::new()),
        read_only: path(&form.read_only),
        max_length: path(&form.max_length),
        choices: path(&form.choices),
        value: path(&form.choice_value),
        choice_label: path(&form.choice_label),
        relation: path(&form.relation),
        key: path(&form.key),
    };
    let only = BodyCheck::compile(&form.only, "", &mut Vec::new());
    let mut fields = IndexMap::new();
    for (key, entry) in entries
        .into_iter()
        .filter(|(_, entry)| only.iter().all(|test| test.holds(entry)))
    {
        let own = name
            .as_ref()
            .and_then(|path| path.first(entry))
            .and_then(json::scalar_text);
        let Some(name) = own.or(key) else { continue };
        fields.insert(name.to_owned(), places.field(name, entry));
    }
    Ok(fields)
}

/// Where an entry keeps what it tells.
struct Places {
    label: Option<Path>,
    kind: Option<Path>,
    required: Option<Path>,
    required_only: Vec<BodyCheck>,
    read_only: Option<Path>,
    max_length: Option<Path>,
    choices: Option<Path>,
    value: Option<Path>,
    choice_label: Option<Path>,
    relation: Option<Path>,
    key: Option<Path>,
}

impl Places {
    fn field(&self, name: &str, entry: &Value<'_>) -> DescribedField {
        let text = |path: &Option<Path>| path.as_ref().and_then(|path| text_at(path, entry));
        let flag = |path: &Option<Path>| path.as_ref().and_then(|path| path.first(entry)).and_then(truth);
        DescribedField {
            name: name.to_owned(),
            label: text(&self.label),
            kind: text(&self.kind),
            required: flag(&self.required).filter(|_| self.required_only.iter().all(|check| check.holds(entry))),
            read_only: flag(&self.read_only),
            max_length: length(text(&self.max_length)),
            choices: self.choices(entry),
            relation: text(&self.relation),
            is_key: flag(&self.key).unwrap_or(false),
            ..DescribedField::default()
        }
    }

    fn choices(&self, entry: &Value<'_>) -> Vec<(String, Option<String>)> {
        let found = self.choices.as_ref().and_then(|path| path.first(entry));
        let list = found.and_then(|found| found.elements()).unwrap_or_default();
        let own = |path: &Option<Path>, choice: &Value<'_>| match path {
            Some(path) => text_at(path, choice),
            None => json::scalar_text(choice).map(str::to_owned),
        };
        list.iter()
            .filter_map(|choice| {
                let label = self.choice_label.as_ref().and_then(|path| text_at(path, choice));
                Some((own(&self.value, choice)?, label))
            })
            .take(MOST_CHOICES)
            .collect()
    }
}

fn schema(path: &str, body: &Value<'_>) -> Result<IndexMap<String, DescribedField>, Error> {
    let path = Path::parse(path).map_err(|_| malformed("the schema has no place"))?;
    let found = path.first(body).ok_or_else(|| malformed("the answer has no schema"))?;
    let properties = found
        .get("properties")
        .and_then(Value::members)
        .ok_or_else(|| malformed("the schema has no properties"))?;
    let required: Vec<&str> = found
        .get("required")
        .and_then(Value::elements)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let keys = found.get("pk").and_then(Value::elements).unwrap_or_default();
    let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
    let mut fields = IndexMap::new();
    for (name, property) in properties {
        let text = |key: &str| property.get(key).and_then(json::scalar_text).map(str::to_owned);
        let kind = property.get("type").and_then(|kind| match kind.elements() {
            // Of a type and null the type counts.
            Some(kinds) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null")
                .map(str::to_owned),
            None => kind.as_str().map(str::to_owned),
        });
        let choices = property.get("enum").and_then(Value::elements).unwrap_or_default();
        let choices = choices.iter().filter_map(json::scalar_text).take(MOST_CHOICES);
        let finer = text("format").or_else(|| text("subType"));
        let field = DescribedField {
            name: name.to_string(),
            label: text("title").or_else(|| text("description")),
            kind: kind.or_else(|| text("format")),
            required: Some(required.contains(&name.as_ref())),
            read_only: property.get("readOnly").and_then(truth),
            max_length: length(text("maxLength")),
            choices: choices.map(|choice| (choice.to_owned(), None)).collect(),
            value_kind: finer.as_deref().and_then(ValueKind::of_word),
            is_key: keys.contains(&name.as_ref()) || property.get("keyattribute").and_then(truth) == Some(true),
            ..DescribedField::default()
        };
        fields.insert(name.to_string(), field);
    }
    Ok(fields)
}

fn text_at(path: &Path, value: &Value<'_>) -> Option<String> {
    let text = json::scalar_text(path.first(value)?)?.trim();
    (!text.is_empty() && text != "false").then(|| text.to_owned())
}

fn length(text: Option<String>) -> Option<usize> {
    text?.parse().ok().filter(|length| *length > 0)
}

fn truth(value: &Value<'_>) -> Option<bool> {
    if let Some(value) = value.as_bool() {
        return Some(value);
    }
    match json::scalar_text(value)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" => Some(true),
        "false" | "0" | "no" | "n" | "" => Some(false),
        _ => None,
    }
}

fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::MalformedResponse, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    fn form(form: Json) -> DescribeForm {
        serde_json::from_value(form).unwrap()
    }

    #[test]
    fn fields_by_name_tell_types_and_choices() {
        let form = form(json!({"fields": {
            "items": "result", "label": "string", "type": "type", "required": "required", "read_only": "readonly",
            "max_length": "size", "choices": "selection", "choice_value": "0", "choice_label": "1",
        }}));
        let body = json!({"result": {
            "state": {"string": "Status", "type": "selection", "required": true, "readonly": true, "selection": [["draft", "Draft"], ["done", "Done"]]},
            "name": {"string": "Name", "type": "char", "size": 64, "required": false},
            "x_zone": {"string": "Zone", "type": "char", "required": true, "manual": true},
        }});
        let fields = read_description(&form, "x", body.to_string().as_bytes()).unwrap();
        let state = &fields["state"];
        assert_eq!(
            (state.label.as_deref(), state.required, state.read_only),
            (Some("Status"), Some(true), Some(true))
        );
        assert_eq!(state.choices[1], ("done".to_owned(), Some("Done".to_owned())));
        assert_eq!(fields["name"].max_length, Some(64));
        assert!(read_description(&form, "x", b"{}").is_err());
        // What the system fills in by itself is not told as needed.
        let DescribeForm::Fields(mut own) = form else { return };
        own.required_only = serde_json::from_value(json!([{"path": "manual", "equals": true}])).unwrap();
        let fields = read_description(&DescribeForm::Fields(own), "x", body.to_string().as_bytes()).unwrap();
        assert_eq!(
            (fields["state"].required, fields["x_zone"].required),
            (None, Some(true))
        );
    }

    #[test]
    fn a_json_schema_tells_what_is_needed() {
        let body = json!({"schema": {"required": ["number"], "properties": {
            "number": {"type": ["string", "null"], "maxLength": 20, "title": "Number"},
            "kind": {"type": "string", "enum": ["A", "B"], "readOnly": true},
        }}});
        let form = form(json!({"json_schema": {"path": "schema"}}));
        let fields = read_description(&form, "x", body.to_string().as_bytes()).unwrap();
        assert_eq!(fields["number"].required, Some(true));
        assert_eq!(fields["number"].kind.as_deref(), Some("string"));
        assert_eq!(fields["kind"].choices.len(), 2);
    }

    const METADATA: &str = r#"<?xml version="1.0"?><edmx:Edmx><edmx:DataServices><Schema Namespace="API" xmlns:sap="x">
      <!-- <EntityType Name="OrderType"> -->
      <EntityType Name="OrderType"><Key><PropertyRef Name="Order"/></Key>
        <Property Name="Order" Type="Edm.String" Nullable="false" MaxLength="10" sap:label="Order &amp; more" sap:creatable="false" sap:updatable="false"/>
        <Property Name="Price" Type='Edm.Decimal'></Property></EntityType>
      <EntityType Name="Other"><Property Name="X" Type="Edm.String"/></EntityType>
      <EntityType Name="Base"><Property Name="Id" Type="Edm.Guid" Nullable="false"/></EntityType>
      <EntityType Name="Derived" BaseType="API.Base"><Property Name="Own" Type="Collection(Edm.String)"/><NavigationProperty Name="Nav"/></EntityType>
      <EntityContainer><EntitySet Name="A_Order" EntityType="API.OrderType"/><EntitySet Name="B" EntityType="API.Derived"/></EntityContainer>
      </Schema></edmx:DataServices></edmx:Edmx>"#;

    #[test]
    fn the_metadata_of_odata_describes_an_entity_set() {
        let form = form(json!({"odata_metadata": {}}));
        let fields = read_description(&form, "A_Order", METADATA.as_bytes()).unwrap();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["Order", "Price"]);
        let order = &fields["Order"];
        assert_eq!(order.label.as_deref(), Some("Order & more"));
        assert_eq!(
            (order.max_length, order.read_only, order.required),
            (Some(10), Some(true), Some(true))
        );
        let derived = read_description(&form, "B", METADATA.as_bytes()).unwrap();
        assert_eq!(derived.keys().collect::<Vec<_>>(), ["Id", "Own"]);
        assert!(read_description(&form, "C", METADATA.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_description_or_refused(text in "[<>/a-zA-Z =\"'&;!\\-]{0,200}") {
            for written in [json!({"odata_metadata": {"entity_set": "a"}}), json!({"json_schema": {}}), json!({"fields": {"items": ""}})] {
                let _ = read_description(&form(written), "a", text.as_bytes());
            }
            let _ = read_description(&form(json!({"odata_metadata": {}})), "A_Order", format!("{METADATA}{text}").as_bytes());
        }
    }
}
