//! The stock moves: those that are done, and what confirmed orders still wait for.

use super::base::unit_id;
use super::stock::{LOSS, PRODUCTION, VENDORS, location_id};
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

pub(in crate::systems::odoo) fn moves(world: &World) -> Table {
    let outside = |movement: &StockMovement, incoming: bool| match (movement.kind, incoming) {
        (MovementKind::Receipt, _) => VENDORS,
        (MovementKind::Issue, _) => PRODUCTION,
        _ => LOSS,
    };
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
        .one("location_id", "Source Location", "stock.location", move |one| {
            let movement = &one.movement;
            movement.from.map_or_else(|| outside(movement, true), location_id)
        })
        .one(
            "location_dest_id",
            "Intermediate Location",
            "stock.location",
            move |one| {
                let movement = &one.movement;
                movement.to.map_or_else(|| outside(movement, false), location_id)
            },
        )
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
