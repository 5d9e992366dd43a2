//! What a change of a mapping does to filters and writes.

use lineshaft_connect::{blueprint::Blueprint, write::WritableField};
use lineshaft_schema::{FieldIndex, TypeDef, TypeIndex, Writable};

/// What a change does to the operators that the system applies to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterEffect {
    /// The field.
    pub field: String,
    /// Those that it applies now.
    pub before: Vec<&'static str>,
    /// Those that it would apply.
    pub after: Vec<&'static str>,
}

/// What a change does to writing a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteEffect {
    /// The field.
    pub field: String,
    /// When it can be written now.
    pub before: Writable,
    /// When it could be written.
    pub after: Writable,
}

/// An entity as it is defined and planned at one moment. What an organization adds may have another place in the next.
#[derive(Clone, Copy)]
pub(super) struct Side<'s> {
    pub(super) def: Option<&'s TypeDef>,
    pub(super) blueprint: &'s Blueprint,
}

impl<'s> Side<'s> {
    fn names(self) -> impl Iterator<Item = &'s String> {
        self.def.into_iter().flat_map(|def| def.fields.keys())
    }

    fn field(self, name: &str) -> Option<(TypeIndex, FieldIndex)> {
        let def = self.def?;
        Some((def.index, def.field(name)?.index))
    }

    fn operators(self, name: &str) -> Vec<&'static str> {
        let found = self
            .field(name)
            .map(|(kind, field)| operators(self.blueprint, kind, field));
        found.unwrap_or_default()
    }

    fn writable(self, name: &str) -> Writable {
        let found = self
            .field(name)
            .map(|(kind, field)| writable(self.blueprint, kind, field));
        found.unwrap_or(Writable::Never)
    }
}

/// Returns the operators that the system applies to a field.
pub(super) fn operators(blueprint: &Blueprint, kind: TypeIndex, field: FieldIndex) -> Vec<&'static str> {
    let known = blueprint
        .capability(kind)
        .and_then(|capability| capability.fields.get(&field));
    let operators = known.into_iter().flat_map(|field| field.filters.keys());
    operators.map(|operator| operator.name()).collect()
}

/// Returns when a field can be written.
pub(super) fn writable(blueprint: &Blueprint, kind: TypeIndex, field: FieldIndex) -> Writable {
    let Some(writes) = blueprint.writes(kind) else {
        return Writable::Never;
    };
    let takes = |fields: &[WritableField]| fields.iter().any(|known| known.field == field);
    if writes.update.as_ref().is_some_and(|update| takes(&update.fields)) {
        return Writable::Always;
    }
    let is_made = writes.create.as_ref().is_some_and(|create| takes(&create.fields)) || takes(&writes.fields);
    match is_made {
        true => Writable::OnCreate,
        false => Writable::Never,
    }
}

/// Tells which fields are filtered otherwise by the system.
pub(super) fn of_filters(before: Side<'_>, after: Side<'_>) -> Vec<FilterEffect> {
    let effects = both(before, after).map(|name| FilterEffect {
        field: name.clone(),
        before: before.operators(name),
        after: after.operators(name),
    });
    effects.filter(|effect| effect.before != effect.after).collect()
}

/// Tells which fields are written otherwise.
pub(super) fn of_writes(before: Side<'_>, after: Side<'_>) -> Vec<WriteEffect> {
    let effects = both(before, after).map(|name| WriteEffect {
        field: name.clone(),
        before: before.writable(name),
        after: after.writable(name),
    });
    effects.filter(|effect| effect.before != effect.after).collect()
}

fn both<'s>(before: Side<'s>, after: Side<'s>) -> impl Iterator<Item = &'s String> {
    let gone = before
        .names()
        .filter(move |name| after.def.is_none_or(|def| def.field(name).is_none()));
    after.names().chain(gone)
}
