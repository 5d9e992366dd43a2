//! What a change of a mapping does to filters and writes.

use lineshaft_connect::{
    blueprint::Blueprint,
    mapping::{FieldView, describe},
};
use lineshaft_schema::{TypeDef, Writable};

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

/// The fields of an entity as they are planned at one moment.
pub(super) struct Side(Vec<FieldView>);

impl Side {
    /// Describes an entity; it has no fields when there is no such entity.
    pub(super) fn new(blueprint: &Blueprint, def: Option<&TypeDef>) -> Self {
        Self(def.map(|def| describe(blueprint, def.index)).unwrap_or_default())
    }

    fn field(&self, name: &str) -> Option<&FieldView> {
        self.0.iter().find(|field| field.name == name)
    }

    fn operators(&self, name: &str) -> Vec<&'static str> {
        self.field(name).map(operators).unwrap_or_default()
    }

    fn writable(&self, name: &str) -> Writable {
        self.field(name).map_or(Writable::Never, |field| field.writable)
    }
}

/// Returns the operators that the system applies to a field.
pub(super) fn operators(field: &FieldView) -> Vec<&'static str> {
    field.filter_operators.iter().map(|operator| operator.name()).collect()
}

/// Tells which fields are filtered otherwise by the system.
pub(super) fn of_filters(before: &Side, after: &Side) -> Vec<FilterEffect> {
    let effects = names(before, after).map(|name| FilterEffect {
        field: name.to_owned(),
        before: before.operators(name),
        after: after.operators(name),
    });
    effects.filter(|effect| effect.before != effect.after).collect()
}

/// Tells which fields are written otherwise.
pub(super) fn of_writes(before: &Side, after: &Side) -> Vec<WriteEffect> {
    let effects = names(before, after).map(|name| WriteEffect {
        field: name.to_owned(),
        before: before.writable(name),
        after: after.writable(name),
    });
    effects.filter(|effect| effect.before != effect.after).collect()
}

fn names<'s>(before: &'s Side, after: &'s Side) -> impl Iterator<Item = &'s str> {
    let gone = before.0.iter().filter(|field| after.field(&field.name).is_none());
    after.0.iter().chain(gone).map(|field| field.name.as_str())
}
