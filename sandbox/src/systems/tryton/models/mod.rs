//! Tryton's models, each made from the world. Fields that start with `x_` are those of a customer's
//! own module; the rest are those of 8.0.

pub(super) mod moves;
mod own;
pub(super) mod party;
pub(super) mod product;
pub(super) mod purchase;
pub(super) mod small;
pub(super) mod stock;
mod technical;
pub(super) mod work;

use crate::systems::orm::Table;
use crate::world::World;

pub(super) use stock::in_context;

/// The prefix of a customer's own columns.
pub(super) const OWN: &str = "x_";

/// Every model that describes itself here.
const MODELS: &[&str] = &[
    "account.asset",
    "account.invoice.payment_term",
    "company.company",
    "company.employee",
    "country.country",
    "country.subdivision",
    "currency.currency",
    "party.address",
    "party.contact_mechanism",
    "party.identifier",
    "party.party",
    "product.category",
    "product.product",
    "product.template",
    "product.uom",
    "project.work",
    "project.work.status",
    "purchase.line",
    "purchase.product_supplier",
    "purchase.purchase",
    "res.user",
    "stock.inventory",
    "stock.inventory.line",
    "stock.location",
    "stock.lot",
    "stock.move",
    "stock.order_point",
    "stock.shipment.in",
    "stock.shipment.internal",
    "x.calibration",
];

/// Builds the table of a model.
pub(super) fn build(world: &World, model: &str) -> Option<Table> {
    match model {
        "ir.model" => Some(technical::models(world)),
        _ => ordinary(world, model),
    }
}

fn ordinary(world: &World, model: &str) -> Option<Table> {
    Some(match model {
        "account.asset" => work::assets(world),
        "account.invoice.payment_term" => small::payment_terms(world),
        "company.company" => small::companies(world),
        "company.employee" => party::employees(world),
        "country.country" => small::countries(world),
        "country.subdivision" => small::subdivisions(world),
        "currency.currency" => small::currencies(world),
        "party.address" => party::addresses(world),
        "party.contact_mechanism" => party::mechanisms(world),
        "party.identifier" => party::identifiers(world),
        "party.party" => party::parties(world),
        "product.category" => small::categories(world),
        "product.product" => product::products(world),
        "product.template" => product::templates(world),
        "product.uom" => small::units(world),
        "project.work" => work::works(world),
        "project.work.status" => work::statuses(world),
        "purchase.line" => purchase::lines(world),
        "purchase.product_supplier" => product::suppliers(world),
        "purchase.purchase" => purchase::purchases(world),
        "res.user" => party::users(world),
        "stock.inventory" => stock::inventories(world),
        "stock.inventory.line" => stock::inventory_lines(world),
        "stock.location" => stock::locations(world),
        "stock.lot" => stock::lots(world),
        "stock.lots_by_locations" => stock::lots_by_locations(world),
        "stock.move" => moves::table(world),
        "stock.order_point" => stock::order_points(world),
        "stock.products_by_locations" => stock::products_by_locations(world),
        "stock.shipment.in" => purchase::shipments(world),
        "stock.shipment.internal" => stock::internal_shipments(world),
        "x.calibration" => own::calibrations(world),
        _ => return None,
    })
}
