//! Finds where the input names a record that a system speaks of when it refuses a write.

use indexmap::IndexMap;
use lineshaft_schema::{FieldIndex, FieldType, RemoteKey, TypeDef, TypeIndex, Value};

use super::{Act, ChildChange, Input, UserErrorCode, WriteRequest, backward::below};
use crate::{blueprint::Blueprint, error::SpokenOf};

/// Where it is named, and what it means that it is not there.
pub(super) type Place = (Vec<String>, UserErrorCode);

/// Returns the first place that names the record.
pub(super) fn place_of(blueprint: &Blueprint, request: &WriteRequest, record: &SpokenOf) -> Option<Place> {
    let catalogue = blueprint.catalogue();
    let def = catalogue.type_at(request.kind)?;
    let search = Search { blueprint, record };
    match &request.act {
        Act::Action(name) => {
            let (_, action) = catalogue.actions_of(&def.name).find(|(known, _)| known == name)?;
            search.input(action, &request.input, false, &[])
        }
        act => search.input(def, &request.input, *act == Act::Update, &[]),
    }
}

struct Search<'a> {
    blueprint: &'a Blueprint,
    record: &'a SpokenOf,
}

impl Search<'_> {
    /// Returns whether a key of a type is that of the record.
    fn is_it(&self, kind: TypeIndex, key: &RemoteKey) -> bool {
        let resource = self.blueprint.resource(kind);
        resource.is_some_and(|resource| resource.remote() == self.record.remote)
            && matches!(key.parts(), [part] if **part == *self.record.key)
    }

    fn input(&self, def: &TypeDef, input: &Input, is_update: bool, path: &[String]) -> Option<Place> {
        self.values(def, &input.values, path)
            .or_else(|| self.children(def, input, is_update, path))
    }

    fn values(&self, def: &TypeDef, values: &IndexMap<FieldIndex, Value>, path: &[String]) -> Option<Place> {
        values.iter().find_map(|(index, value)| {
            let field = def.field_at(*index)?;
            self.value(&field.kind, value, &below(path, &field.name))
        })
    }

    fn value(&self, kind: &FieldType, value: &Value, path: &[String]) -> Option<Place> {
        match (value, kind) {
            (Value::Reference(key), FieldType::Reference(target)) => self
                .is_it(*target, key)
                .then(|| (path.to_vec(), UserErrorCode::UnknownReference)),
            (Value::Object(object), _) => {
                let def = self.blueprint.catalogue().type_at(object.kind)?;
                let mut slots = (0..).zip(&object.slots);
                slots.find_map(|(at, value)| {
                    let field = def.field_at(FieldIndex(at))?;
                    self.value(&field.kind, value, &below(path, &field.name))
                })
            }
            (Value::List(list), _) => {
                let mut elements = list.iter().enumerate();
                elements.find_map(|(at, value)| self.value(kind, value, &below(path, &at.to_string())))
            }
            _ => None,
        }
    }

    fn children(&self, def: &TypeDef, input: &Input, is_update: bool, path: &[String]) -> Option<Place> {
        input.children.iter().find_map(|(index, changes)| {
            let field = def.field_at(*index)?;
            let (FieldType::Object(kind) | FieldType::Reference(kind)) = field.kind else {
                return None;
            };
            let row = self.blueprint.catalogue().type_at(kind)?;
            let list = below(path, &field.name);
            let mut counts = [0_usize; 3];
            changes.iter().find_map(|change| {
                let (word, place) = match change {
                    ChildChange::Create(_) => ("create", 0),
                    ChildChange::Update(..) => ("update", 1),
                    ChildChange::Delete(_) => ("delete", 2),
                };
                let count = counts.get_mut(place)?;
                let here = if is_update { below(&list, word) } else { list.clone() };
                let here = below(&here, &count.to_string());
                *count += 1;
                let (key, row_input) = match change {
                    ChildChange::Create(input) => (None, Some(input)),
                    ChildChange::Update(key, input) => (Some(key), Some(input)),
                    ChildChange::Delete(key) => (Some(key), None),
                };
                let own = key.filter(|key| self.is_it(kind, key));
                own.map(|_| (here.clone(), UserErrorCode::NotFound))
                    .or_else(|| self.input(row, row_input?, false, &here))
            })
        })
    }
}
