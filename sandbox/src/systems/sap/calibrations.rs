//! The service of this customer's own over a Z table: calibrations of equipment.

use super::service::Set;
use crate::{odata::Row, world::World};

/// The set of calibrations.
pub(super) const SET: &str = "ZCalibrationSet";

/// Returns the rows of the service.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let rows = world.calibrations.iter().map(|calibration| {
        let asset = calibration.asset.and_then(|asset| world.find_asset(asset));
        Row::new()
            .with("Certificate", &calibration.certificate)
            .with_some("Equipment", asset.map(|asset| &asset.number))
            .with("PerformedOn", calibration.performed_on)
            .with("DueOn", calibration.due_on)
            .with("Result", calibration.result.word().to_uppercase())
            .with("Deviation", calibration.deviation)
            .with("Notes", &calibration.notes)
            .with("ChangedAt", calibration.updated_at)
    });
    vec![(SET, rows.collect())]
}
