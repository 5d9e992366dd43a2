//! The model of this customer's own module: calibrations of assets.

use crate::systems::orm::{Builder, Table};
use crate::world::{Calibration, World};

pub(super) fn calibrations(world: &World) -> Table {
    Builder::new("x.calibration", "Calibration", "id")
        .char("code", "Certificate", |row: &&Calibration| row.certificate.clone())
        .required()
        .char("rec_name", "Record Name", |row| row.certificate.clone())
        .computed()
        .one("asset", "Asset", "account.asset", |row| row.asset)
        .date("performed_on", "Performed on", |row| row.performed_on)
        .date("due_on", "Due on", |row| row.due_on)
        .select(
            "result",
            "Result",
            &[("passed", "Passed"), ("adjusted", "Adjusted"), ("failed", "Failed")],
            |row| row.result.word(),
        )
        .money("deviation", "Deviation", |row| row.deviation)
        .text("notes", "Notes", |row| row.notes.clone())
        .moment("create_date", "Create Date", |row| row.created_at)
        .moment("write_date", "Edited at", |_| None::<chrono::DateTime<chrono::Utc>>)
        .build(&world.calibrations, |row| row.id)
}
