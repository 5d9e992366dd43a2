//! What of an object is read, and what of that has changed. No IO.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use lineshaft_connect::{
    blueprint::Blueprint,
    describe::{Described, DescribedField},
    mapping::CompiledField,
    path::Path,
};
use lineshaft_schema::{TypeDef, TypeIndex};

use super::{Affected, Fields, SchemaChange, SchemaChangeKind};
use crate::{
    connections::Connection,
    mappings::{
        known::{field_of, paths_of},
        scope::Scope,
    },
    model::Model,
};

/// A path that a field of the model is read by.
pub(super) struct Read<'r> {
    path: &'r Path,
    affected: Affected,
}

/// Returns the objects that are read, with the types that read them.
pub(super) fn objects(blueprint: &Blueprint) -> BTreeMap<String, Vec<TypeIndex>> {
    let mut objects: BTreeMap<String, Vec<TypeIndex>> = BTreeMap::new();
    for resource in blueprint.resources() {
        objects
            .entry(resource.remote().to_owned())
            .or_default()
            .push(resource.kind());
    }
    objects
}

/// Returns by which paths types read the object that they share.
pub(super) fn reads<'b>(
    blueprint: &'b Blueprint,
    model: &Model,
    connection: &Connection,
    readers: &[TypeIndex],
) -> Vec<Read<'b>> {
    let layers = model.layers_of(connection);
    let connection = Arc::new(connection.clone());
    let speaker = |def: &TypeDef, field: &CompiledField| {
        let mut layers = layers.iter().rev();
        let speaks = |current: &crate::model::Current| {
            let entity = current.overlay.entities.get(&def.name);
            entity.is_some_and(|entity| {
                entity.fields.contains_key(field.name()) || entity.custom.contains_key(field.name())
            })
        };
        let found = layers.find(|(_, current)| speaks(current));
        found.map(|(layer, _)| Scope::of(layer, &connection).kind().as_str().to_owned())
    };
    let mut reads = Vec::new();
    for kind in readers {
        let Some(def) = blueprint.catalogue().type_at(*kind) else {
            continue;
        };
        let fields = blueprint
            .resource(*kind)
            .into_iter()
            .flat_map(|resource| resource.mapping().fields());
        for field in fields {
            for path in paths_of(field) {
                let affected = Affected {
                    entity: def.name.clone(),
                    field: field.name().to_owned(),
                    layer: speaker(def, field),
                };
                reads.push(Read { path, affected });
            }
        }
    }
    reads
}

/// Returns the fields that are read and that the system tells of, with their types.
pub(super) fn present(reads: &[Read<'_>], described: &Described) -> Fields {
    let found = reads.iter().filter_map(|read| field_of(read.path, described));
    found.map(|field| (field.name.clone(), kind_of(field))).collect()
}

fn kind_of(field: &DescribedField) -> String {
    field.kind.clone().unwrap_or_default()
}

/// Tells which fields that are still read are gone or have another type.
pub(super) fn changes(object: &str, before: &Fields, after: &Fields, reads: &[Read<'_>]) -> Vec<SchemaChange> {
    // Paths are resolved by what was there: what is gone cannot be found by what is.
    let known: IndexMap<String, DescribedField> = before
        .keys()
        .map(|name| {
            let field = DescribedField {
                name: name.clone(),
                ..DescribedField::default()
            };
            (name.clone(), field)
        })
        .collect();
    let mut affected: BTreeMap<&str, Vec<Affected>> = BTreeMap::new();
    for read in reads {
        if let Some(field) = field_of(read.path, &known) {
            let list = affected.entry(field.name.as_str()).or_default();
            if !list.contains(&read.affected) {
                list.push(read.affected.clone());
            }
        }
    }
    let told = |kind: &String| Some(kind.clone()).filter(|kind| !kind.is_empty());
    let change = |(name, kind): (&String, &String)| {
        let affects = affected.get(name.as_str())?.clone();
        let (change, after) = match after.get(name) {
            None => (SchemaChangeKind::Vanished, None),
            Some(now) if now != kind => (SchemaChangeKind::Retyped, told(now)),
            Some(_) => return None,
        };
        Some(SchemaChange {
            object: object.to_owned(),
            field: name.clone(),
            change,
            before: told(kind),
            after,
            affects,
        })
    };
    before.iter().filter_map(change).collect()
}
