//! Odoo's models, each made from the world: names and meanings of fields are those of 19.0
//! Community with a few fields added in Studio.

pub(super) mod base;
pub(super) mod maintenance;
mod moves;
pub(super) mod own;
pub(super) mod purchase;
pub(super) mod stock;
mod technical;

use crate::systems::orm::Table;
use crate::world::World;

/// Every model that exists here.
pub(super) const MODELS: &[&str] = &[
    "account.incoterms",
    "account.payment.term",
    "ir.model",
    "ir.model.fields",
    "maintenance.equipment",
    "maintenance.equipment.category",
    "maintenance.request",
    "maintenance.stage",
    "maintenance.team",
    "product.category",
    "product.product",
    "product.supplierinfo",
    "product.template",
    "purchase.order",
    "purchase.order.line",
    "res.company",
    "res.country",
    "res.country.state",
    "res.currency",
    "res.partner",
    "res.users",
    "stock.location",
    "stock.lot",
    "stock.move",
    "stock.move.line",
    "stock.picking",
    "stock.picking.type",
    "stock.quant",
    "stock.warehouse",
    "stock.warehouse.orderpoint",
    "uom.uom",
    "x_calibration",
    "x_wide_order",
];

/// Builds the table of a model.
pub(super) fn build(world: &World, model: &str) -> Option<Table> {
    Some(match model {
        "ir.model" => technical::models(world),
        "ir.model.fields" => technical::fields(world),
        _ => return ordinary(world, model),
    })
}

fn ordinary(world: &World, model: &str) -> Option<Table> {
    Some(match model {
        "account.incoterms" => base::incoterms(world),
        "account.payment.term" => base::payment_terms(world),
        "product.category" => base::categories(world),
        "res.company" => base::companies(world),
        "res.country" => base::countries(world),
        "res.country.state" => base::states(world),
        "res.currency" => base::currencies(world),
        "uom.uom" => base::units(world),
        "res.partner" => base::partners(world),
        "res.users" => base::users(world),
        "product.product" => stock::products(world, "product.product", "Product Variant"),
        "product.template" => stock::products(world, "product.template", "Product"),
        "product.supplierinfo" => stock::suppliers(world),
        "purchase.order" => purchase::orders(world),
        "purchase.order.line" => purchase::lines(world),
        "stock.location" => stock::locations(world),
        "stock.lot" => stock::lots(world),
        "stock.move" => moves::moves(world),
        "stock.move.line" => moves::lines(world),
        "stock.picking" => purchase::pickings(world),
        "stock.picking.type" => purchase::picking_types(world),
        "stock.quant" => stock::quants(world),
        "stock.warehouse" => stock::warehouses(world),
        "stock.warehouse.orderpoint" => stock::orderpoints(world),
        "maintenance.equipment" => maintenance::equipment(world),
        "maintenance.equipment.category" => maintenance::categories(world),
        "maintenance.request" => maintenance::requests(world),
        "maintenance.stage" => maintenance::stages(world),
        "maintenance.team" => maintenance::teams(world),
        "x_calibration" => own::calibrations(world),
        "x_wide_order" => own::wide(world),
        _ => return None,
    })
}
