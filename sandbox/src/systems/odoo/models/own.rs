//! The models that this customer made in Studio: calibrations of equipment, and one with very many fields.

use chrono::Duration;

use crate::systems::orm::{Builder, Table};
use crate::world::{Calibration, PurchaseOrder, World, now};

/// How many fields of its own the wide model has.
pub(in crate::systems::odoo) const WIDE_FIELDS: u32 = 400;

pub(super) fn calibrations(world: &World) -> Table {
    Builder::new("x_calibration", "Calibration", "id")
        .char("x_name", "Certificate", |row: &&Calibration| row.certificate.clone())
        .required()
        .own()
        .char("display_name", "Display Name", |row| row.certificate.clone())
        .one("x_asset_id", "Equipment", "maintenance.equipment", |row| row.asset)
        .own()
        .date("x_performed_on", "Performed on", |row| row.performed_on)
        .own()
        .date("x_due", "Due on", |row| row.due_on)
        .own()
        .select(
            "x_result",
            "Result",
            &[("passed", "Passed"), ("adjusted", "Adjusted"), ("failed", "Failed")],
            |row| row.result.word(),
        )
        .own()
        .char("x_certificate", "Certificate number", |row| row.certificate.clone())
        .own()
        .float("x_deviation", "Deviation (%)", |row| row.deviation)
        .own()
        .text("x_notes", "Notes", |row| row.notes.clone())
        .own()
        .moment("create_date", "Created on", |row| row.created_at)
        .moment("write_date", "Last Updated on", |row| row.updated_at.min(now()))
        .build(&world.calibrations, |row| row.id)
        .read_only(&["create_date", "write_date"])
}

/// One row for each of the first orders, with fields of every plain type by turns.
pub(super) fn wide(world: &World) -> Table {
    let mut builder = Builder::new("x_wide_order", "Wide Order", "id")
        .char("x_name", "Number", |order: &&PurchaseOrder| order.number.clone())
        .own()
        .char("display_name", "Display Name", |order| order.number.clone())
        .one("x_order_id", "Purchase Order", "purchase.order", |order| order.id)
        .own();
    for at in 1..=WIDE_FIELDS {
        let (name, label) = (format!("x_field_{at:03}"), format!("Field {at:03}"));
        builder = match at % 5 {
            1 => builder.char(&name, &label, move |order: &&PurchaseOrder| {
                format!("{}-{at}", order.number)
            }),
            2 => builder.int(&name, &label, move |order| i64::from(order.id * at)),
            3 => builder.float(&name, &label, move |order| {
                rust_decimal::Decimal::new(i64::from(order.id * at), 2)
            }),
            4 => builder.bool(&name, &label, move |order| (order.id + at) % 2 == 0),
            _ => builder.date(&name, &label, move |order| {
                order.created_at.date_naive() + Duration::days(i64::from(at))
            }),
        }
        .own();
    }
    builder
        .moment("create_date", "Created on", |order| order.created_at)
        .moment("write_date", "Last Updated on", |order| order.updated_at.min(now()))
        .build(world.purchase_orders.iter().take(12), |order| order.id)
        .read_only(&["create_date", "write_date"])
}
