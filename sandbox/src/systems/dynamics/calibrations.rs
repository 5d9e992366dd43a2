//! The entity of this customer's own: calibrations of assets.

use super::{
    codes::{COMPANY, row},
    entities::Set,
};
use crate::world::{CalibrationResult, World};

/// The set of calibrations.
pub(super) const SET: &str = "CalibrationRecords";

/// Returns the rows of the entity.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let shown = world.calibrations.iter().map(|calibration| {
        let asset = calibration.asset.and_then(|asset| world.find_asset(asset));
        row(COMPANY)
            .with("CertificateNumber", &calibration.certificate)
            .with_some("MaintenanceAssetId", asset.map(|asset| &asset.number))
            .with("PerformedDate", calibration.performed_on)
            .with("DueDate", calibration.due_on)
            .with(
                "Result",
                match calibration.result {
                    CalibrationResult::Passed => "Passed",
                    CalibrationResult::Adjusted => "Adjusted",
                    CalibrationResult::Failed => "Failed",
                },
            )
            .with("Deviation", calibration.deviation)
            .with("Notes", &calibration.notes)
            .with("ModifiedDateTime", calibration.updated_at)
    });
    vec![(SET, shown.collect())]
}
