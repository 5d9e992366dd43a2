//! Rows that are changed or removed with a record: whether they are its own.

use lineshaft_schema::{FieldIndex, Record, RemoteKey, TypeIndex, Value};

use super::{
    ChildChange, UserError, UserErrorCode,
    backward::{Backward, wrong},
    backward_children::{Owner, Rows},
    compile::ChildPlan,
    run::Run,
};

/// A row whose key does not tell to which record it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedRow {
    /// Its type.
    pub(crate) kind: TypeIndex,
    /// Its key.
    pub(crate) key: RemoteKey,
    /// Its field that refers to its owner.
    pub(crate) owner: FieldIndex,
    /// Where it stands in the input.
    path: Vec<String>,
}

impl Backward<'_> {
    /// Tells when a row that is changed or removed belongs to another record, as far as its key shows that; else it is
    /// noted as one to be read.
    pub(super) fn own_row(
        &mut self,
        owner: &Owner<'_>,
        child: &ChildPlan,
        change: &ChildChange,
        path: &[String],
        rows: &mut Rows,
    ) {
        let (ChildChange::Update(key, _) | ChildChange::Delete(key)) = change else {
            return;
        };
        let Some(whole) = &owner.request.key else { return };
        let starts = || key.parts().starts_with(whole.parts());
        let blueprint = self.blueprint;
        let resource = blueprint.resource(child.kind).filter(|_| child.inline.is_none());
        let Some(resource) = resource else {
            if !starts() {
                self.errors.push(foreign(path, key));
            }
            return;
        };
        let def = blueprint.catalogue().type_at(child.kind);
        let Some(field) = def.and_then(|def| def.owner_field(blueprint.catalogue())) else {
            return;
        };
        let mapped = resource.mapping.field(field.index);
        let (refers, own) = (mapped.map(|field| field.key_paths()), resource.mapping.key_paths());
        match refers.filter(|refers| !refers.is_empty() && own.starts_with(refers)) {
            Some(_) if starts() => {}
            Some(_) => self.errors.push(foreign(path, key)),
            None if mapped.is_none() => {}
            None => rows.named.push(NamedRow {
                kind: child.kind,
                key: key.clone(),
                owner: field.index,
                path: path.to_vec(),
            }),
        }
    }
}

impl Run {
    /// Returns the rows that must be read before anything is sent, to know that they belong to the record.
    pub(crate) fn named_rows(&self) -> &[NamedRow] {
        &self.rows.named
    }

    /// Returns what is wrong with a row as it was read; none when it belongs to the record.
    pub(crate) fn judge_row(&self, row: &NamedRow, found: Option<&Record>) -> Option<UserError> {
        let owner = found.map(|record| record.get(row.owner));
        let is_own = matches!(owner, Some(Value::Reference(owner)) if Some(owner) == self.request.key.as_ref());
        (!is_own).then(|| foreign(&row.path, &row.key))
    }
}

fn foreign(path: &[String], key: &RemoteKey) -> UserError {
    let message = format!("the record has no row `{key}`");
    wrong(path, UserErrorCode::UnknownReference, message)
}
