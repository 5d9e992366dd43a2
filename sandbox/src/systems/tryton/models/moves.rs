//! The stock moves. Their sum per product, place and lot is the stock level: what the world's
//! movements do not explain came in by an inventory.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::product::four_digits;
use super::small::unit_id;
use super::stock::{LOST_FOUND, PRODUCTION, SUPPLIER, input_zone, location_id, lot_id, lot_words};
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{MovementKind, StockMovement, World, now, today};

/// A move of a product between two places.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) id: u32,
    pub(super) item: u32,
    pub(super) lot: Option<String>,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) quantity: Decimal,
    /// `done`, `assigned` or `draft`.
    pub(super) state: &'static str,
    pub(super) day: NaiveDate,
    pub(super) at: DateTime<Utc>,
    pub(super) unit_price: Decimal,
    pub(super) purchase_line: Option<u32>,
    pub(super) receipt: Option<u32>,
    pub(super) work: Option<u32>,
}

/// Returns all moves.
pub(super) fn all(world: &World) -> Vec<Move> {
    let mut moves: Vec<Move> = world
        .stock_movements
        .iter()
        .map(|movement| past(world, movement))
        .collect();
    let balance = balance(world, &moves);
    moves.extend(balance);
    moves.extend(expected(world));
    moves.extend(promised(world));
    moves
}

fn past(world: &World, movement: &StockMovement) -> Move {
    let outside = match movement.kind {
        MovementKind::Receipt => SUPPLIER,
        MovementKind::Issue => PRODUCTION,
        MovementKind::Adjustment | MovementKind::Transfer => LOST_FOUND,
    };
    let receipt = plant::receipt_of(world, movement).map(|receipt| receipt.id);
    Move {
        id: movement.id,
        item: movement.item,
        lot: movement.lot.clone(),
        from: movement.from.map_or(outside, location_id),
        to: movement.to.map_or(outside, location_id),
        quantity: movement.quantity,
        state: "done",
        day: movement.at.date_naive(),
        at: movement.at,
        unit_price: movement.unit_cost,
        purchase_line: movement.purchase_line,
        receipt,
        work: movement.work_order,
    }
}

/// Returns inventory moves that bring each place to its stock level.
fn balance(world: &World, moves: &[Move]) -> Vec<Move> {
    let mut missing: BTreeMap<(u32, u32, Option<String>), Decimal> = BTreeMap::new();
    for level in &world.stock_levels {
        let place = location_id(level.bin.unwrap_or(level.location));
        *missing.entry((level.item, place, level.lot.clone())).or_default() += level.on_hand;
    }
    for one in moves {
        for (place, quantity) in [(one.to, -one.quantity), (one.from, one.quantity)] {
            if place > LAST_OUTSIDE {
                *missing.entry((one.item, place, one.lot.clone())).or_default() += quantity;
            }
        }
    }
    let at = now() - Duration::days(300);
    missing
        .into_iter()
        .filter(|(_, quantity)| !quantity.is_zero())
        .zip(200_001..)
        .map(|(((item, place, lot), quantity), id)| {
            let (from, to) = if quantity.is_sign_positive() {
                (LOST_FOUND, place)
            } else {
                (place, LOST_FOUND)
            };
            Move {
                id,
                lot,
                from,
                to,
                quantity: quantity.abs(),
                at,
                day: at.date_naive(),
                ..plain(world, item)
            }
        })
        .collect()
}

/// The virtual places and the input and output zones, whose stock is of no interest.
const LAST_OUTSIDE: u32 = 20;

fn plain(world: &World, item: u32) -> Move {
    Move {
        id: 0,
        item,
        lot: None,
        from: SUPPLIER,
        to: LOST_FOUND,
        quantity: Decimal::ZERO,
        state: "done",
        day: today(),
        at: now(),
        unit_price: world.find_item(item).map_or(Decimal::ZERO, |item| item.standard_cost),
        purchase_line: None,
        receipt: None,
        work: None,
    }
}

/// Returns a draft move for what each confirmed line still waits for.
fn expected(world: &World) -> impl Iterator<Item = Move> {
    world
        .purchase_lines()
        .filter(|(order, _)| order.status.was_approved())
        .filter_map(|(order, line)| {
            let item = line.item?;
            let quantity = line.quantity - line.received;
            (quantity > Decimal::ZERO).then(|| Move {
                id: plant::expected_id(world, line.id),
                to: input_zone(world, order.site),
                quantity,
                state: "draft",
                day: line.required_date.max(today()),
                at: order.created_at,
                unit_price: line.unit_price,
                purchase_line: Some(line.id),
                ..plain(world, item)
            })
        })
}

/// Returns an assigned move for what is reserved.
fn promised(world: &World) -> impl Iterator<Item = Move> {
    world
        .stock_levels
        .iter()
        .filter(|level| !level.reserved.is_zero())
        .map(|level| Move {
            id: 400_000 + level.id,
            lot: level.lot.clone(),
            from: location_id(level.bin.unwrap_or(level.location)),
            to: PRODUCTION,
            quantity: level.reserved,
            state: "assigned",
            day: today() + Duration::days(3),
            at: level.updated_at,
            ..plain(world, level.item)
        })
}

pub(super) fn table(world: &World) -> Table {
    let lots = lot_words(world);
    let states = [
        ("staging", "Staging"),
        ("draft", "Draft"),
        ("assigned", "Assigned"),
        ("done", "Done"),
        ("cancelled", "Cancelled"),
    ];
    Builder::new("stock.move", "Stock Move", "id desc")
        .one("product", "Product", "product.product", |one: &Move| one.item)
        .required()
        .char("rec_name", "Record Name", |one| {
            world
                .find_item(one.item)
                .map(|item| format!("{} [{}] {}", one.quantity, item.number, item.name))
        })
        .float("quantity", "Quantity", |one| one.quantity)
        .required()
        .float("internal_quantity", "Internal Quantity", |one| one.quantity)
        .required()
        .one("unit", "Unit", "product.uom", |one| {
            world.find_item(one.item).map(|item| unit_id(&item.uom))
        })
        .required()
        .one("lot", "Lot", "stock.lot", move |one| {
            lot_id(&lots, one.item, one.lot.as_deref())
        })
        .one("from_location", "From Location", "stock.location", |one| one.from)
        .required()
        .one("to_location", "To Location", "stock.location", |one| one.to)
        .required()
        .select("state", "State", &states, |one| one.state)
        .date("planned_date", "Planned Date", |one| one.day)
        .date("effective_date", "Effective Date", |one| {
            (one.state == "done").then_some(one.day)
        })
        .reference("shipment", "Shipment", |one| {
            one.receipt.map(|id| ("stock.shipment.in", id))
        })
        .reference("origin", "Origin", |one| {
            one.purchase_line.map(|id| ("purchase.line", id))
        })
        .one("purchase", "Purchase", "purchase.purchase", |one| {
            let line = one.purchase_line?;
            world
                .purchase_lines()
                .find(|(_, other)| other.id == line)
                .map(|(order, _)| order.id)
        })
        .money("unit_price", "Unit Price", |one| four_digits(one.unit_price))
        .money("cost_price", "Cost Price", |one| four_digits(one.unit_price))
        .one("company", "Company", "company.company", |_| 1)
        .required()
        .moment("create_date", "Created at", |one| one.at)
        .moment("write_date", "Edited at", |_| None::<DateTime<Utc>>)
        .one("x_work", "Work", "project.work", |one| {
            one.work.map(super::work::work_id)
        })
        .own()
        .build(all(world), |one| one.id)
        .read_only(&["state", "internal_quantity", "shipment", "cost_price", "purchase"])
}
