//! Writes of the service of this customer's own.

use super::{Writing, find};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value},
    systems::sap::calibrations::SET,
};

/// Makes a calibration; its certificate must be given.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft.text("Certificate").unwrap_or_default().to_owned();
    if number.is_empty() {
        return Err(Problem::rule("ZCAL/001", "Enter a certificate").at("Certificate"));
    }
    let entity = writing.entity(SET)?;
    if writing.row(entity, &[&number]).is_some() {
        return Err(Problem::rule("ZCAL/002", format!("Certificate {number} already exists")).at("Certificate"));
    }
    check(writing, &draft)?;
    draft.set("ChangedAt", writing.at);
    writing.notes.create_own(SET, number.clone(), &draft.values);
    Ok(vec![number.into()])
}

/// Changes a calibration.
pub(super) fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, mut draft: Draft) -> Result<(), Problem> {
    check(writing, &draft)?;
    draft.set("ChangedAt", writing.at);
    writing.notes.change(SET, entity.row_key(row), &draft.values);
    Ok(())
}

/// Removes a calibration.
pub(super) fn delete(writing: &mut Writing<'_>, entity: &Entity, row: &Row) {
    writing.notes.delete(SET, entity.row_key(row));
}

fn check(writing: &Writing<'_>, draft: &Draft) -> Result<(), Problem> {
    match draft.text("Equipment").filter(|number| !number.is_empty()) {
        Some(number) => find::asset(&writing.world, number, "Equipment").map(|_| ()),
        None => Ok(()),
    }
}
