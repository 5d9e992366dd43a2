//! Draws stock levels and the movements of receipts and work.

use std::collections::BTreeSet;

use chrono::Duration;
use fastrand::Rng;
use rust_decimal::Decimal;

use super::generate::{cycle, day_before, id_of, stamps};
use super::{ItemType, Location, LocationKind, MovementKind, StockLevel, StockMovement, World, now};

/// Draws stock levels: first one for each stocked item, then more in other storerooms and bins.
pub(super) fn levels(world: &mut World, rng: &mut Rng, count: usize) {
    let rooms: Vec<u32> = world.storerooms().map(|room| room.id).collect();
    let stocked: Vec<(u32, bool)> = world
        .items
        .iter()
        .filter(|item| item.item_type == ItemType::Stocked)
        .map(|item| (item.id, item.lot_tracked))
        .collect();
    let mut taken = BTreeSet::new();
    let mut place = 0;
    while world.stock_levels.len() < count && place < count * 4 {
        let (item, lot_tracked) = *cycle(&stocked, place);
        let room = *cycle(&rooms, place + place / stocked.len());
        let bins: Vec<u32> = bins_of(world, room).map(|bin| bin.id).collect();
        let bin = (place % 5 != 4 && !bins.is_empty()).then(|| *cycle(&bins, place / 2));
        let lot = lot_tracked.then(|| format!("LOT-{:04}", 1000 + place));
        place += 1;
        if taken.insert((item, room, bin, lot.clone())) {
            let level = level(world, rng, (item, room, bin), lot);
            world.stock_levels.push(level);
        }
    }
}

fn bins_of(world: &World, room: u32) -> impl Iterator<Item = &Location> {
    world
        .locations
        .iter()
        .filter(move |place| place.kind == LocationKind::Bin && place.parent == Some(room))
}

fn level(world: &World, rng: &mut Rng, key: (u32, u32, Option<u32>), lot: Option<String>) -> StockLevel {
    let id = id_of(world.stock_levels.len());
    let (item, location, bin) = key;
    let liquid = world.find_item(item).is_some_and(|item| item.uom != "EA");
    let min = Decimal::from(rng.u32(1..15));
    let on_hand = match id % 10 {
        7 => Decimal::ZERO,
        _ if liquid => Decimal::new(rng.i64(5..9000), 1),
        _ => Decimal::from(rng.u32(1..240)),
    };
    let (created_at, updated_at) = stamps(rng, 500);
    StockLevel {
        id,
        item,
        location,
        bin,
        lot,
        on_hand,
        reserved: if id.is_multiple_of(4) {
            (on_hand / Decimal::from(5)).floor()
        } else {
            Decimal::ZERO
        },
        on_order: if id % 6 == 1 {
            Decimal::from(rng.u32(5..60))
        } else {
            Decimal::ZERO
        },
        min,
        max: min * Decimal::from(6),
        reorder_point: min + Decimal::TWO,
        reorder_qty: min * Decimal::from(3),
        unit_cost: world.find_item(item).map_or(Decimal::ONE, |item| item.standard_cost),
        last_counted: day_before(rng.i64(3..300)),
        created_at,
        updated_at,
    }
}

/// Draws movements: one per received line, one per used part, some counts and transfers.
pub(super) fn movements(world: &mut World, rng: &mut Rng) {
    let mut all = Vec::new();
    for receipt in &world.receipts {
        let Some(order) = world.find_purchase_order(receipt.purchase_order) else {
            continue;
        };
        for (line_id, quantity) in &receipt.lines {
            let Some(line) = order.lines.iter().find(|line| line.id == *line_id) else {
                continue;
            };
            let Some(item) = line.item else { continue };
            all.push(StockMovement {
                kind: MovementKind::Receipt,
                to: Some(line.location),
                purchase_order: Some(order.id),
                purchase_line: Some(line.id),
                unit_cost: line.unit_price,
                ..movement(item, *quantity, receipt.received_at)
            });
        }
    }
    for work in &world.work_orders {
        for part in work.parts.iter().filter(|part| !part.used.is_zero()) {
            all.push(StockMovement {
                kind: MovementKind::Issue,
                from: world
                    .stock_levels
                    .iter()
                    .find(|level| level.item == part.item)
                    .map(|level| level.location),
                work_order: Some(work.id),
                unit_cost: part.unit_cost,
                ..movement(part.item, part.used, work.actual_end.unwrap_or(work.created_at))
            });
        }
    }
    for level in world.stock_levels.iter().step_by(5) {
        let at = now() - Duration::days(rng.i64(1..200));
        all.push(StockMovement {
            kind: MovementKind::Adjustment,
            to: Some(level.location),
            lot: level.lot.clone(),
            unit_cost: level.unit_cost,
            ..movement(level.item, Decimal::from(rng.u32(1..6)), at)
        });
        if level.id % 3 == 1 {
            all.push(StockMovement {
                kind: MovementKind::Transfer,
                from: Some(level.location),
                to: world
                    .storerooms()
                    .find(|room| room.id != level.location)
                    .map(|room| room.id),
                unit_cost: level.unit_cost,
                ..movement(level.item, Decimal::ONE, at + Duration::hours(3))
            });
        }
    }
    all.sort_by_key(|movement| movement.at);
    for (place, movement) in all.iter_mut().enumerate() {
        movement.id = id_of(place);
    }
    world.stock_movements = all;
}

fn movement(item: u32, quantity: Decimal, at: chrono::DateTime<chrono::Utc>) -> StockMovement {
    StockMovement {
        id: 0,
        item,
        kind: MovementKind::Adjustment,
        quantity,
        from: None,
        to: None,
        at,
        work_order: None,
        purchase_order: None,
        purchase_line: None,
        lot: None,
        unit_cost: Decimal::ZERO,
    }
}
