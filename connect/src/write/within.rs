//! Parts that stand only inside the rows of their owners: an operation on one is a change of its owner.

use std::{collections::BTreeMap, sync::Arc};

use lineshaft_schema::{Catalogue, FieldIndex, Record, RemoteKey, TypeIndex, Value};

use super::{
    Act, ChildChange, Input, OperationCapability, UserError, UserErrorCode, WritableField, WriteCapability,
    WriteRequest,
    backward::wrong,
    compile::{InlinePlan, WayPlan},
    compile_fields::Target,
};
use crate::blueprint::{Blueprint, ResourcePlan};

/// How a part is written that has no resource of its own.
#[derive(Clone, Debug)]
pub(crate) struct PartPlan {
    owner: TypeIndex,
    /// The field of the part that refers to its owner.
    back: FieldIndex,
    /// The list of the owner that shows it.
    list: FieldIndex,
    /// The part's own key.
    own: Option<FieldIndex>,
    pub(super) capability: WriteCapability,
}

/// A write of a part as a change of its owner.
pub(crate) struct Within<'a> {
    pub(crate) request: WriteRequest,
    pub(crate) owner: RemoteKey,
    part: &'a PartPlan,
    /// Where the part stands in the input of its owner.
    place: [String; 3],
}

/// Finds the parts that are written inside the rows of their owners and can be told apart there.
pub(crate) fn parts(
    catalogue: &Catalogue,
    resources: &BTreeMap<TypeIndex, Arc<ResourcePlan>>,
) -> BTreeMap<TypeIndex, PartPlan> {
    let mut parts = BTreeMap::new();
    for (owner, resource) in resources {
        let Some(plan) = resource.write_plan().filter(|plan| plan.update.is_some()) else {
            continue;
        };
        for (list, child) in &plan.children {
            let (Some(inline), Some(WayPlan::Embed(embed))) = (&child.inline, &child.update) else {
                continue;
            };
            let def = catalogue.type_at(child.kind);
            let Some((def, back)) = def.and_then(|def| Some((def, def.owner_field(catalogue)?))) else {
                continue;
            };
            if resources.contains_key(&child.kind) {
                continue;
            }
            let operation = |can: bool, takes: Option<fn(&Target) -> bool>, creates: bool| {
                can.then(|| OperationCapability {
                    fields: takes.map(|takes| fields(inline, takes, creates)).unwrap_or_default(),
                    reads_first: true,
                    ..OperationCapability::default()
                })
            };
            let capability = WriteCapability {
                create: operation(embed.create.is_some(), Some(Target::on_create), true),
                update: operation(embed.update.is_some(), Some(Target::on_update), false),
                delete: operation(embed.delete.is_some(), None, false),
                fields: fields(inline, Target::on_create, true),
                ..WriteCapability::default()
            };
            parts.insert(
                child.kind,
                PartPlan {
                    owner: *owner,
                    back: back.index,
                    list: *list,
                    own: def.field("remoteId").map(|field| field.index),
                    capability,
                },
            );
        }
    }
    parts
}

fn fields(inline: &InlinePlan, takes: fn(&Target) -> bool, creates: bool) -> Vec<WritableField> {
    let taken = inline.fields.iter().filter(|target| takes(target));
    taken.map(|target| target.capability(creates)).collect()
}

impl Blueprint {
    /// Returns what can be written of a type, also where it is only written inside the rows of another one.
    #[must_use]
    pub fn writes(&self, kind: TypeIndex) -> Option<&WriteCapability> {
        match self.resource(kind) {
            Some(resource) => resource.writes(),
            None => self.part(kind).map(|part| &part.capability),
        }
    }

    /// Returns the type inside whose rows a part is written that has no resource of its own.
    #[must_use]
    pub fn written_in(&self, kind: TypeIndex) -> Option<TypeIndex> {
        self.part(kind).map(|part| part.owner)
    }

    /// Turns a write of a part into a change of its owner; none for types with a resource of their own.
    pub(crate) fn within(&self, request: &WriteRequest) -> Option<Result<Within<'_>, Vec<UserError>>> {
        let part = self.part(request.kind)?;
        Some(part.within(self.catalogue(), request).map_err(|error| vec![error]))
    }
}

impl PartPlan {
    fn within(&self, catalogue: &Catalogue, request: &WriteRequest) -> Result<Within<'_>, UserError> {
        let name = |kind: TypeIndex, field: FieldIndex| {
            let field = catalogue.type_at(kind).and_then(|def| def.field_at(field));
            field.map(|field| field.name.clone()).unwrap_or_default()
        };
        if self.capability.operation(&request.act).is_none() {
            let message = format!("this connection cannot {} such records", request.act.name());
            return Err(wrong(&[], UserErrorCode::OperationNotSupported, message));
        }
        if request.expected_version.is_some() {
            let path = ["expectedVersion".to_owned()];
            let message = "such records have no version in this connection";
            return Err(wrong(&path, UserErrorCode::InvalidValue, message));
        }
        let mut input = request.input.clone();
        let given = input.values.shift_remove(&self.back);
        let (owner, change, word) = match (&request.act, &request.key) {
            (Act::Create, _) => {
                let Some(Value::Reference(owner)) = given else {
                    let path = [name(request.kind, self.back)];
                    return Err(wrong(&path, UserErrorCode::Required, "a value is needed"));
                };
                (owner, ChildChange::Create(input), "create")
            }
            (act, Some(key)) => {
                let before = key.parts().split_last().map(|(_, before)| before).unwrap_or_default();
                let owner = RemoteKey::composite(before.iter().cloned());
                match act {
                    Act::Update => (owner, ChildChange::Update(key.clone(), input), "update"),
                    _ => (owner, ChildChange::Delete(key.clone()), "delete"),
                }
            }
            (_, None) => return Err(wrong(&[], UserErrorCode::NotFound, "no record is named")),
        };
        let mut change_of_owner = Input::default();
        change_of_owner.children.insert(self.list, vec![change]);
        Ok(Within {
            request: WriteRequest {
                kind: self.owner,
                act: Act::Update,
                key: Some(owner.clone()),
                input: change_of_owner,
                expected_version: None,
                client_reference: request.client_reference.clone(),
            },
            owner,
            part: self,
            place: [name(self.owner, self.list), word.to_owned(), "0".to_owned()],
        })
    }
}

impl Within<'_> {
    /// Returns what is read of the owner to know its rows: the list, and the keys in it.
    pub(crate) fn rows(&self) -> (FieldIndex, Option<FieldIndex>) {
        (self.part.list, self.part.own)
    }

    /// Returns the keys of the parts of a record of the owner, as far as they have some of their own.
    pub(crate) fn keys(&self, record: &Record) -> Vec<RemoteKey> {
        let Value::List(rows) = record.get(self.part.list) else {
            return Vec::new();
        };
        let own = |row: &Value| match (row, self.part.own) {
            (Value::Object(row), Some(own)) => match row.fields().get(own) {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        };
        let key = |own| RemoteKey::composite(self.owner.parts().iter().cloned().chain([own]));
        rows.iter().filter_map(own).map(key).collect()
    }

    /// Tells errors of the owner's change as those of the part.
    pub(crate) fn told(&self, mut errors: Vec<UserError>) -> Vec<UserError> {
        for error in &mut errors {
            if let Some(path) = error.path.strip_prefix(self.place.as_slice()) {
                error.path = path.to_vec();
            }
        }
        errors
    }
}
