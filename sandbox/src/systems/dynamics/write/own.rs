//! Writes of the entity of this customer's own.

use super::{
    Writing,
    find::{self, fill, log},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value},
    systems::dynamics::{calibrations::SET, codes::COMPANY},
};

/// Makes a calibration; its number must be given.
pub(super) fn create(writing: &mut Writing<'_>, draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft.text("CertificateNumber").unwrap_or_default().to_owned();
    if number.is_empty() {
        return Err(fill("Certificate number"));
    }
    if writing.row(SET, COMPANY, &number).is_some() {
        return Err(log(format!(
            "Cannot create a record in Calibrations. Certificate number: {number}. The record already exists."
        )));
    }
    check(writing, &draft)?;
    let mut values = draft.values;
    values.retain(|(name, _)| name != "ModifiedDateTime");
    values.push(("dataAreaId".to_owned(), COMPANY.into()));
    values.push(("ModifiedDateTime".to_owned(), writing.at.into()));
    writing.notes.create_own(SET, format!("{COMPANY}/{number}"), &values);
    Ok(vec![COMPANY.into(), number.into()])
}

/// Changes a calibration.
pub(super) fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    check(writing, &draft)?;
    let mut values = draft.values;
    values.push(("ModifiedDateTime".to_owned(), writing.at.into()));
    writing.notes.change(SET, entity.row_key(row), &values);
    Ok(())
}

fn check(writing: &Writing<'_>, draft: &Draft) -> Result<(), Problem> {
    match draft.text("MaintenanceAssetId").filter(|number| !number.is_empty()) {
        Some(number) => find::asset(&writing.world, number).map(|_| ()),
        None => Ok(()),
    }
}
