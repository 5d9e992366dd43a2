//! Turns the values of a write back into a row of the source, telling everything that is wrong with them at once.

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use lineshaft_schema::{FieldIndex, Object, RemoteKey, TypeDef, Value};
use serde_json::{Map, Value as Json};

use super::{
    Input, UserError, UserErrorCode,
    compile::CustomTarget,
    compile_fields::{Default, KeyTarget, Target, Way},
};
use crate::{
    blueprint::Blueprint,
    codec::{CompiledCodec, exact_number, shown},
};

/// What is written to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    Create,
    Update,
    Action,
}

/// Which field of the input a place of the row comes from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) remote: Vec<String>,
    pub(super) input: Vec<String>,
}

/// The places of a row that are written, with what goes there.
pub(super) type Changes = IndexMap<Vec<String>, Json>;

/// Turns values back, collecting what is wrong and where everything came from.
pub(super) struct Backward<'a> {
    pub(super) blueprint: &'a Blueprint,
    pub(super) now: DateTime<Utc>,
    /// Whether the key of an owner that is not there yet is shown as a variable.
    pub(super) shows_owner: bool,
    pub(super) errors: Vec<UserError>,
    pub(super) sources: Vec<Source>,
}

/// Makes an error of one place in the input.
pub(super) fn wrong(path: &[String], code: UserErrorCode, message: impl Into<String>) -> UserError {
    UserError {
        path: path.to_vec(),
        code,
        message: message.into(),
        remote_code: None,
        remote_message: None,
    }
}

/// Returns a path with one name more.
pub(super) fn below(path: &[String], name: &str) -> Vec<String> {
    let mut longer = path.to_vec();
    longer.push(name.to_owned());
    longer
}

/// What is turned back together.
pub(super) struct Given<'g> {
    pub(super) def: &'g TypeDef,
    pub(super) targets: &'g [Target],
    pub(super) values: &'g IndexMap<FieldIndex, Value>,
    pub(super) occasion: Occasion,
    /// A field whose value needs no place of its own, because the requests name it otherwise.
    pub(super) placed: Option<FieldIndex>,
}

impl Backward<'_> {
    pub(super) fn tell(&mut self, path: &[String], code: UserErrorCode, message: impl Into<String>) {
        self.errors.push(wrong(path, code, message));
    }

    /// Turns the values of fields back.
    pub(super) fn fields(&mut self, given: &Given<'_>, path: &[String], changes: &mut Changes) {
        for (index, value) in given.values {
            let Some(field) = given.def.field_at(*index) else {
                continue;
            };
            let here = below(path, &field.name);
            let target = given.targets.iter().find(|target| target.field == *index);
            let fits = target.filter(|target| match given.occasion {
                Occasion::Create => target.on_create(),
                Occasion::Update => target.on_update(),
                Occasion::Action => true,
            });
            match (fits, target) {
                (Some(target), _) => self.field(target, value, given.occasion, &here, changes),
                _ if given.placed == Some(*index) => {}
                (None, Some(target)) => {
                    let when = if target.on_create() {
                        "when the record is made"
                    } else {
                        "on records that exist"
                    };
                    let message = format!("`{}` is written only {when}", field.name);
                    self.tell(&here, UserErrorCode::NotWritable, message);
                }
                (None, None) => {
                    let message = format!("this connection cannot write `{}`", field.name);
                    self.tell(&here, UserErrorCode::NotWritable, message);
                }
            }
        }
        if given.occasion == Occasion::Update {
            return;
        }
        let missing = |target: &&Target| given.values.get(&target.field).is_none_or(Value::is_null);
        for target in given.targets.iter().filter(|target| target.on_create()).filter(missing) {
            let here = below(path, &target.name);
            match &target.default {
                Some(default) => {
                    let value = match default {
                        Default::Value(value) => value.clone(),
                        Default::Now => Value::DateTime(whole_second(self.now)),
                        Default::Today => Value::Date(self.now.date_naive()),
                    };
                    self.field(target, &value, given.occasion, &here, changes);
                }
                None if target.required && given.placed != Some(target.field) => {
                    self.tell(&here, UserErrorCode::Required, format!("`{}` is needed", target.name));
                }
                None => {}
            }
        }
    }

    fn field(&mut self, target: &Target, value: &Value, occasion: Occasion, path: &[String], changes: &mut Changes) {
        if value.is_null() {
            match occasion {
                // What a new record does not have needs no clearing.
                Occasion::Create | Occasion::Action => {}
                Occasion::Update if target.required => {
                    let message = format!("`{}` cannot be cleared", target.name);
                    self.tell(path, UserErrorCode::Required, message);
                }
                Occasion::Update => self.clear(target, path, changes),
            }
            return;
        }
        if !target.values.is_empty() && !self.is_allowed(target, value) {
            let allowed: Vec<String> = target.values.iter().map(|value| self.shown(value)).collect();
            let message = format!(
                "{} cannot be written; there are: {}",
                self.shown(value),
                allowed.join(", ")
            );
            self.tell(path, UserErrorCode::InvalidValue, message);
            return;
        }
        if let (Some(most), Value::Text(text)) = (target.max_length, value)
            && text.chars().count() > most
        {
            let message = format!("at most {most} characters are possible");
            self.tell(path, UserErrorCode::InvalidValue, message);
            return;
        }
        for (to, json) in &target.beside {
            self.put(to, json.clone(), path, changes);
        }
        match (&target.way, value) {
            (Way::Cases(cases), value) => match cases.iter().find(|(known, _)| known == value) {
                Some((_, places)) => {
                    for (to, json) in places {
                        self.put(to, json.clone(), path, changes);
                    }
                }
                None => self.unfit(path),
            },
            (Way::One(to, codec), value) => {
                if let Some(json) = self.one(target, codec, value, path) {
                    self.put(to, json, path, changes);
                }
            }
            (Way::Key(parts, codec), Value::Reference(key)) => {
                self.key(target, (parts, codec), key, path, changes);
            }
            (Way::Object(fields), Value::Object(object)) => {
                self.object(fields, object, occasion, path, changes);
            }
            (Way::Each(to, fields, constants), Value::List(list)) => {
                let mut rows = Vec::new();
                for (at, element) in list.iter().enumerate() {
                    let here = below(path, &at.to_string());
                    match element {
                        Value::Object(object) => {
                            let mut inner = Changes::new();
                            let before = self.sources.len();
                            self.object(fields, object, Occasion::Create, &here, &mut inner);
                            self.nest_sources(before, to);
                            let mut row = row_of(inner);
                            if let Some(members) = row.as_object_mut() {
                                for (name, value) in constants {
                                    members.entry(name).or_insert_with(|| value.clone());
                                }
                            }
                            rows.push(row);
                        }
                        _ => self.unfit(&here),
                    }
                }
                self.put(to, Json::Array(rows), path, changes);
            }
            _ => self.unfit(path),
        }
    }

    fn unfit(&mut self, path: &[String]) {
        self.tell(path, UserErrorCode::InvalidValue, "the value does not fit the field");
    }

    fn is_allowed(&self, target: &Target, value: &Value) -> bool {
        match value {
            Value::List(list) => list.iter().all(|element| target.values.contains(element)),
            value => target.values.contains(value),
        }
    }

    fn shown(&self, value: &Value) -> String {
        match shown(value, self.blueprint.catalogue()) {
            Json::String(text) => text,
            other => other.to_string(),
        }
    }

    fn one(&mut self, target: &Target, codec: &CompiledCodec, value: &Value, path: &[String]) -> Option<Json> {
        let written = codec.write(value).and_then(|json| match target.number {
            true => as_number(json),
            false => Ok(json),
        });
        match written {
            Ok(json) => Some(json),
            Err(message) => {
                let message = format!("{} cannot be written: {message}", self.shown(value));
                self.tell(path, UserErrorCode::InvalidValue, message);
                None
            }
        }
    }

    fn key(
        &mut self,
        of: &Target,
        (parts, codec): (&[Option<KeyTarget>], &CompiledCodec),
        key: &RemoteKey,
        path: &[String],
        changes: &mut Changes,
    ) {
        if self.shows_owner && key.parts().is_empty() {
            for (at, part) in parts.iter().enumerate() {
                let name = if parts.len() > 1 {
                    format!("{{{{key.{at}}}}}")
                } else {
                    "{{key}}".to_owned()
                };
                if let Some(part) = part {
                    self.put(&part.to, name.into(), path, changes);
                }
            }
            return;
        }
        if key.parts().len() != parts.len() {
            let message = format!("`{key}` is not a key of this kind of record");
            self.tell(path, UserErrorCode::UnknownReference, message);
            return;
        }
        for (target, part) in parts.iter().zip(key.parts()) {
            let Some(target) = target else { continue };
            let written = codec.write_part(part, target.kind.as_ref());
            match written.and_then(|json| if of.number { as_number(json) } else { Ok(json) }) {
                Ok(json) => self.put(&target.to, json, path, changes),
                Err(message) => self.tell(path, UserErrorCode::UnknownReference, message),
            }
        }
    }

    fn object(
        &mut self,
        fields: &[Target],
        object: &Object,
        occasion: Occasion,
        path: &[String],
        changes: &mut Changes,
    ) {
        let Some(def) = self.blueprint.catalogue().clone().type_at(object.kind).cloned() else {
            return;
        };
        let values = (0..).zip(&object.slots).filter(|(_, value)| !value.is_null());
        let values: IndexMap<FieldIndex, Value> = values.map(|(at, value)| (FieldIndex(at), value.clone())).collect();
        if values.is_empty() {
            self.tell(path, UserErrorCode::InvalidValue, "nothing is given in it");
        }
        let given = Given {
            def: &def,
            targets: fields,
            values: &values,
            // What must be there must be there whenever the value is given.
            occasion: if occasion == Occasion::Update {
                Occasion::Create
            } else {
                occasion
            },
            placed: None,
        };
        self.fields(&given, path, changes);
    }

    fn clear(&mut self, target: &Target, path: &[String], changes: &mut Changes) {
        for (to, json) in &target.beside {
            self.put(to, json.clone(), path, changes);
        }
        match &target.way {
            Way::One(to, _) | Way::Each(to, ..) => self.put(to, target.clear.clone(), path, changes),
            Way::Cases(_) => {
                let message = format!("`{}` cannot be cleared", target.name);
                self.tell(path, UserErrorCode::InvalidValue, message);
            }
            Way::Key(parts, _) => {
                for part in parts.iter().flatten() {
                    self.put(&part.to, target.clear.clone(), path, changes);
                }
            }
            Way::Object(fields) => {
                for field in fields {
                    self.clear(field, path, changes);
                }
            }
        }
    }

    /// Puts a value into its place, unless another field says something else there.
    pub(super) fn put(&mut self, to: &[String], json: Json, path: &[String], changes: &mut Changes) {
        if let Some(other) = changes.get(to)
            && *other != json
        {
            let said = self.sources.iter().rev().find(|source| source.remote == to);
            let said = said.map(|source| source.input.join(".")).unwrap_or_default();
            let message = format!("it contradicts `{said}`: both are `{}` in the system", to.join("."));
            self.tell(path, UserErrorCode::InvalidValue, message);
            return;
        }
        self.sources.push(Source {
            remote: to.to_vec(),
            input: path.to_vec(),
        });
        changes.insert(to.to_vec(), json);
    }

    /// Tells that the places found since then stand in a list of the row.
    pub(super) fn nest_sources(&mut self, since: usize, to: &[String]) {
        for source in self.sources.iter_mut().skip(since) {
            source.remote.splice(0..0, to.iter().cloned());
        }
    }

    /// Puts customer-specific fields into their places.
    pub(super) fn custom(
        &mut self,
        target: Option<&CustomTarget>,
        input: &Input,
        path: &[String],
        changes: &mut Changes,
    ) {
        let path = below(path, "customFields");
        let mut rows = Vec::new();
        for (key, value) in &input.custom {
            let here = below(&path, key);
            let is_member =
                |target: &CustomTarget| target.pattern.as_ref().is_some_and(|pattern| pattern.is_match(key));
            match target {
                None => self.tell(
                    &here,
                    UserErrorCode::NotWritable,
                    "this connection writes no such fields",
                ),
                Some(target) if is_member(target) => self.put(std::slice::from_ref(key), value.clone(), &here, changes),
                Some(CustomTarget {
                    object: Some(object), ..
                }) => {
                    self.put(&below(object, key), value.clone(), &here, changes);
                }
                Some(CustomTarget {
                    rows: Some((_, name, place)),
                    ..
                }) => {
                    let mut row = Changes::new();
                    row.insert(name.clone(), key.as_str().into());
                    row.insert(place.clone(), value.clone());
                    rows.push(row_of(row));
                }
                Some(_) => self.tell(
                    &here,
                    UserErrorCode::NotWritable,
                    format!("`{key}` is not the name of a customer-specific field"),
                ),
            }
        }
        if let (false, Some((to, ..))) = (rows.is_empty(), target.and_then(|target| target.rows.as_ref())) {
            self.put(to, Json::Array(rows), &path, changes);
        }
    }
}

/// Moments that stand for "now" have whole seconds, which every system can keep.
fn whole_second(moment: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(moment.timestamp(), 0).unwrap_or(moment)
}

fn as_number(json: Json) -> Result<Json, String> {
    match json {
        Json::String(text) => exact_number(&text).ok_or_else(|| "it is not a number".to_owned()),
        Json::Array(list) => list
            .into_iter()
            .map(as_number)
            .collect::<Result<_, _>>()
            .map(Json::Array),
        other => Ok(other),
    }
}

/// Returns a row of nothing but the changes.
pub(super) fn row_of(changes: Changes) -> Json {
    let mut row = Map::new();
    for (to, json) in changes {
        lay(&mut row, &to, json);
    }
    Json::Object(row)
}

/// Puts a value at a path of a row, making the objects on the way.
pub(super) fn lay(row: &mut Map<String, Json>, to: &[String], json: Json) {
    match to {
        [] => {}
        [last] => {
            row.insert(last.clone(), json);
        }
        [first, rest @ ..] => {
            let inner = row.entry(first.clone()).or_insert(Json::Null);
            if !inner.is_object() {
                *inner = Json::Object(Map::new());
            }
            if let Some(inner) = inner.as_object_mut() {
                lay(inner, rest, json);
            }
        }
    }
}

/// Finds the value at a path of a row.
pub(super) fn at<'r>(row: &'r Json, to: &[String]) -> Option<&'r Json> {
    to.iter().try_fold(row, |value, name| value.get(name))
}
