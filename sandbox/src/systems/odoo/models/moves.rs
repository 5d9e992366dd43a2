//! The stock moves: those that are done, and what confirmed orders still wait for.

use super::base::unit_id;
use super::stock::{LOSS, PRODUCTION, USAGES, VENDORS, location_id, lot_words, usage_of};
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{MovementKind, StockMovement, World};

struct Move {
    movement: StockMovement,
    /// The transfer it is part of.
    picking: Option<u32>,
    is_done: bool,
}

fn all_moves(world: &World) -> Vec<Move> {
    let done = world.stock_movements.iter().map(|movement| Move {
        movement: movement.clone(),
        picking: plant::receipt_of(world, movement).map(|receipt| receipt.id),
        is_done: true,
    });
    let open = plant::open_deliveries(world).into_iter().flat_map(|open| {
        let order = world.find_purchase_order(open.order);
        let lines = open.lines.into_iter();
        lines.filter_map(move |(line, id, quantity)| {
            let order = order?;
            let line = order.lines.iter().find(|one| one.id == line)?;
            let movement = StockMovement {
                id,
                item: line.item?,
                kind: MovementKind::Receipt,
                quantity,
                from: None,
                to: Some(line.location),
                at: order.approved_at.unwrap_or(order.updated_at),
                work_order: None,
                purchase_order: Some(order.id),
                purchase_line: Some(line.id),
                lot: None,
                unit_cost: line.unit_price,
            };
            Some(Move {
                movement,
                picking: Some(open.id),
                is_done: false,
            })
        })
    });
    done.chain(open).collect()
}

fn outside(movement: &StockMovement) -> u32 {
    match movement.kind {
        MovementKind::Receipt => VENDORS,
        MovementKind::Issue => PRODUCTION,
        _ => LOSS,
    }
}

fn source(movement: &StockMovement) -> u32 {
    movement.from.map_or_else(|| outside(movement), location_id)
}

fn target(movement: &StockMovement) -> u32 {
    movement.to.map_or_else(|| outside(movement), location_id)
}

/// Returns what one end of a movement is used for; without a place of the plant it is a virtual one.
fn usage(world: &World, place: Option<u32>, movement: &StockMovement) -> &'static str {
    if let Some(location) = place.and_then(|id| world.find_location(id)) {
        return usage_of(location);
    }
    match outside(movement) {
        VENDORS => "supplier",
        PRODUCTION => "production",
        _ => "inventory",
    }
}

pub(in crate::systems::odoo) fn moves(world: &World) -> Table {
    Builder::new("stock.move", "Stock Move", "sequence, id")
        .int("sequence", "Sequence", |_: &Move| 10_u32)
        .char("display_name", "Display Name", |one| {
            world.find_item(one.movement.item).map(|item| item.name.clone())
        })
        .one("product_id", "Product", "product.product", |one| one.movement.item)
        .required()
        .float("product_uom_qty", "Demand", |one| one.movement.quantity)
        .float("quantity", "Quantity", |one| one.movement.quantity)
        .bool("picked", "Picked", |one| one.is_done)
        .one("product_uom", "Unit", "uom.uom", |one| {
            world.find_item(one.movement.item).map(|item| unit_id(&item.uom))
        })
        .float("price_unit", "Unit Price", |one| one.movement.unit_cost)
        .one("location_id", "Source Location", "stock.location", |one| {
            source(&one.movement)
        })
        .one("location_dest_id", "Intermediate Location", "stock.location", |one| {
            target(&one.movement)
        })
        .select("location_usage", "Source Location Type", &USAGES, |one| {
            usage(world, one.movement.from, &one.movement)
        })
        .computed()
        .select("location_dest_usage", "Destination Location Type", &USAGES, |one| {
            usage(world, one.movement.to, &one.movement)
        })
        .computed()
        .select(
            "state",
            "Status",
            &[("draft", "New"), ("assigned", "Available"), ("done", "Done")],
            |one| if one.is_done { "done" } else { "assigned" },
        )
        .moment("date", "Date Scheduled", |one| one.movement.at)
        .char("origin", "Source Document", |one| {
            let order = one.movement.purchase_order.and_then(|id| world.find_purchase_order(id));
            let work = one.movement.work_order.and_then(|id| world.find_work_order(id));
            order
                .map(super::purchase::name)
                .or(work.map(|work| work.number.clone()))
        })
        .char("reference", "Reference", |one| {
            one.picking
                .map_or_else(|| "Product Quantity Updated".to_owned(), |id| format!("WH/IN/{id:05}"))
        })
        .one("picking_id", "Transfer", "stock.picking", |one| one.picking)
        .one(
            "purchase_line_id",
            "Purchase Order Line",
            "purchase.order.line",
            |one| one.movement.purchase_line,
        )
        .one("company_id", "Company", "res.company", |_| 1)
        .moment("create_date", "Created on", |one| one.movement.at)
        .moment("write_date", "Last Updated on", |one| one.movement.at)
        .build(all_moves(world), |one| one.movement.id)
        .read_only(&["state", "reference"])
}

/// What was moved, line by line: each done move has one, with its id. Others exist only where clients made them.
pub(in crate::systems::odoo) fn lines(world: &World) -> Table {
    let lots = lot_words(world);
    let done = all_moves(world).into_iter().filter(|one| one.is_done);
    Builder::new("stock.move.line", "Product Moves (Stock Move Line)", "id")
        .one("picking_id", "Transfer", "stock.picking", |one: &Move| one.picking)
        .one("move_id", "Stock Operation", "stock.move", |one| one.movement.id)
        .one("product_id", "Product", "product.product", |one| one.movement.item)
        .one("product_uom_id", "Unit", "uom.uom", |one| {
            world.find_item(one.movement.item).map(|item| unit_id(&item.uom))
        })
        .float("quantity", "Quantity", |one| one.movement.quantity)
        .bool("picked", "Picked", |_| true)
        .one("lot_id", "Lot/Serial Number", "stock.lot", move |one| {
            let lot = (one.movement.item, one.movement.lot.clone()?);
            let place = lots.binary_search(&lot).ok()?;
            u32::try_from(place + 1).ok()
        })
        .one("location_id", "From", "stock.location", |one| source(&one.movement))
        .required()
        .one("location_dest_id", "To", "stock.location", |one| target(&one.movement))
        .required()
        .select("state", "Status", &[("draft", "New"), ("done", "Done")], |_| "done")
        .one("company_id", "Company", "res.company", |_| 1)
        .moment("create_date", "Created on", |one| one.movement.at)
        .moment("write_date", "Last Updated on", |one| one.movement.at)
        .build(done, |one| one.movement.id)
        .read_only(&["state", "move_id"])
}
