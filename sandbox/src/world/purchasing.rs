//! Draws the purchase orders and their receipts.

use chrono::{Duration, TimeZone, Utc};
use fastrand::Rng;
use rust_decimal::Decimal;

use super::generate::{cycle, day_before, days_ago, id_of, order_fields, pick};
use super::{ItemStatus, OrderStatus, PoLine, PurchaseOrder, Receipt, VendorStatus, WorkStatus, World, names, now};

/// Draws purchase orders; every status occurs, and every seventh buys a spare part of P-101.
pub(super) fn orders(world: &mut World, rng: &mut Rng, count: usize) {
    let mut line_id = 0;
    for place in 0..count {
        let order = order(world, rng, place, &mut line_id);
        if let Some(receipt) = receipt(world, &order) {
            world.receipts.push(receipt);
        }
        world.purchase_orders.push(order);
    }
}

fn order(world: &World, rng: &mut Rng, place: usize, line_id: &mut u32) -> PurchaseOrder {
    let id = id_of(place);
    let status = *cycle(&OrderStatus::ALL, place);
    let usable: Vec<u32> = world
        .vendors
        .iter()
        .filter(|vendor| vendor.status == VendorStatus::Active)
        .take((world.vendors.len() / 2).max(1))
        .map(|vendor| vendor.id)
        .collect();
    let vendor = *pick(rng, &usable);
    let late = matches!(status, OrderStatus::Received | OrderStatus::Closed);
    let age = if late { rng.i64(40..200) } else { rng.i64(1..40) };
    let order_date = day_before(age);
    let required_date = order_date + Duration::days(rng.i64(7..45));
    let count = 1 + place % 5;
    let lines = (0..count)
        .map(|number| line(world, rng, place, number, status, required_date, line_id))
        .collect();
    let ordered_at = Utc.from_utc_datetime(&order_date.and_hms_opt(8, 30, 0).unwrap_or_default());
    PurchaseOrder {
        id,
        number: format!("{}", 4_500_000_000_u64 + u64::from(id)),
        reference: (place % 3 != 2).then(|| format!("OFFER-{:04}", 300 + id)),
        vendor,
        buyer: if place.is_multiple_of(2) { 3 } else { 4 },
        status,
        order_date,
        required_date,
        approved_at: status.was_approved().then(|| ordered_at + Duration::hours(5)),
        currency: world
            .find_vendor(vendor)
            .map_or_else(|| "EUR".to_owned(), |vendor| vendor.currency.clone()),
        payment_terms: world
            .find_vendor(vendor)
            .map_or_else(String::new, |vendor| vendor.payment_terms.clone()),
        incoterms: (place % 4 != 1).then(|| (*cycle(names::INCOTERMS, place)).to_owned()),
        site: if place % 6 == 5 { 2 } else { 1 },
        lines,
        notes: (place % 5 == 2).then(|| format!("Deliver to gate {}.\nCall before arrival.", 1 + id % 4)),
        custom: order_fields(rng, id),
        created_at: ordered_at,
        updated_at: if place % 4 == 1 {
            ordered_at
        } else {
            days_ago(rng, rng_days(age)).max(ordered_at).min(now())
        },
    }
}

fn rng_days(age: i64) -> i64 {
    (age / 2).max(1)
}

fn line(
    world: &World,
    rng: &mut Rng,
    place: usize,
    number: usize,
    status: OrderStatus,
    required_date: chrono::NaiveDate,
    line_id: &mut u32,
) -> PoLine {
    *line_id += 1;
    let free_text = place % 10 == 9 && number == 0;
    let for_pump = place.is_multiple_of(7) && number == 0;
    let item_id = if for_pump {
        1 + (place / 7 % 4) as u32
    } else {
        popular_item(world, rng)
    };
    let item = world.find_item(item_id).filter(|_| !free_text);
    let quantity = Decimal::from(rng.u32(1..40));
    let received = match status {
        OrderStatus::PartiallyReceived if number == 0 => (quantity / Decimal::TWO).floor(),
        OrderStatus::PartiallyReceived if number % 2 == 1 => quantity,
        OrderStatus::Received | OrderStatus::Closed => quantity,
        _ => Decimal::ZERO,
    };
    let rooms: Vec<u32> = world.storerooms().map(|room| room.id).collect();
    let open_pump_work = world.work_orders.iter().find(|work| {
        work.status < WorkStatus::Completed
            && work
                .asset
                .and_then(|id| world.find_asset(id))
                .is_some_and(|asset| asset.number == "P-101")
    });
    PoLine {
        id: *line_id,
        line_no: 10 * id_of(number),
        item: item.map(|item| item.id),
        description: item.map_or_else(|| "Miscellaneous small parts".to_owned(), |item| item.name.clone()),
        quantity,
        received,
        invoiced: if status == OrderStatus::Closed {
            quantity
        } else {
            Decimal::ZERO
        },
        unit_price: item.map_or(Decimal::new(4999, 2), |item| item.standard_cost),
        uom: item.map_or_else(|| "EA".to_owned(), |item| item.uom.clone()),
        tax_rate: if place % 3 == 1 {
            Decimal::ZERO
        } else {
            Decimal::new(19, 2)
        },
        required_date,
        location: *cycle(&rooms, place + number),
        work_order: open_pump_work.filter(|_| for_pump).map(|work| work.id),
        asset: open_pump_work.filter(|_| for_pump).and_then(|work| work.asset),
    }
}

/// Picks an item that can be bought; one in two lines takes one of the first twenty.
fn popular_item(world: &World, rng: &mut Rng) -> u32 {
    let upper = if rng.bool() {
        world.items.len().min(20)
    } else {
        world.items.len()
    };
    let mut place = rng.usize(..upper);
    while world
        .items
        .get(place)
        .is_some_and(|item| item.status == ItemStatus::Inactive)
    {
        place = (place + 1) % upper;
    }
    id_of(place)
}

fn receipt(world: &World, order: &PurchaseOrder) -> Option<Receipt> {
    let lines: Vec<(u32, Decimal)> = order
        .lines
        .iter()
        .filter(|line| !line.received.is_zero())
        .map(|line| (line.id, line.received))
        .collect();
    if lines.is_empty() {
        return None;
    }
    let id = id_of(world.receipts.len());
    Some(Receipt {
        id,
        number: format!("GR-{:05}", 500 + id),
        purchase_order: order.id,
        received_at: (order.created_at + Duration::days(6)).min(now()),
        lines,
    })
}
