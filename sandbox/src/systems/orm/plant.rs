//! Changes of the plant that clients cause: new records with plain values, goods that come in, and counted stock.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::table::Val;
use crate::world::{
    Asset, AssetStatus, Custom, CustomFields, Item, ItemStatus, ItemType, MovementKind, OrderStatus, PoLine,
    PurchaseOrder, Receipt, Seed, Size, StockLevel, StockMovement, Vendor, VendorStatus, WorkKind, WorkOrder,
    WorkStatus, World, today,
};

/// Receipts and movements that clients cause have ids from here on.
pub(crate) const FIRST_CAUSED: u32 = 300_000;

/// Adds a vendor without any values.
pub(crate) fn add_vendor(world: &mut World, id: u32, at: DateTime<Utc>) {
    world.vendors.push(Vendor {
        id,
        number: String::new(),
        name: String::new(),
        legal_name: String::new(),
        tax_number: String::new(),
        email: String::new(),
        phone: String::new(),
        contact_name: String::new(),
        website: String::new(),
        street: String::new(),
        city: String::new(),
        region: String::new(),
        postal_code: String::new(),
        country: String::new(),
        currency: String::new(),
        payment_terms: String::new(),
        status: VendorStatus::Active,
        notes: String::new(),
        custom: Vec::new(),
        created_at: at,
        updated_at: at,
    });
}

/// Adds an item that is not stocked and costs nothing.
pub(crate) fn add_item(world: &mut World, id: u32, at: DateTime<Utc>) {
    world.items.push(Item {
        id,
        number: String::new(),
        name: String::new(),
        description: String::new(),
        item_type: ItemType::NonStocked,
        uom: "EA".to_owned(),
        category: String::new(),
        manufacturer: String::new(),
        manufacturer_part_number: String::new(),
        barcode: String::new(),
        standard_cost: Decimal::ZERO,
        list_price: Decimal::ZERO,
        currency: world.currency.clone(),
        vendor: 0,
        status: ItemStatus::Active,
        lot_tracked: false,
        custom: Vec::new(),
        created_at: at,
        updated_at: at,
    });
}

/// Adds a piece of equipment at the first site.
pub(crate) fn add_asset(world: &mut World, id: u32, at: DateTime<Utc>) {
    world.assets.push(Asset {
        id,
        number: String::new(),
        name: String::new(),
        description: String::new(),
        kind: String::new(),
        category: String::new(),
        parent: None,
        location: first_site(world),
        manufacturer: String::new(),
        model: String::new(),
        serial: String::new(),
        vendor: None,
        status: AssetStatus::Operating,
        criticality: 4,
        purchase_date: today(),
        purchase_price: Decimal::ZERO,
        installed_at: today(),
        warranty_end: today(),
        spare_parts: Vec::new(),
        custom: Vec::new(),
        created_at: at,
        updated_at: at,
    });
}

/// Adds a piece of work at the first site.
pub(crate) fn add_work(world: &mut World, id: u32, requested_by: u32, at: DateTime<Utc>) {
    world.work_orders.push(WorkOrder {
        id,
        number: String::new(),
        title: String::new(),
        description: String::new(),
        kind: WorkKind::Corrective,
        status: WorkStatus::Draft,
        hold_reason: None,
        priority: 4,
        asset: None,
        location: first_site(world),
        assignee: None,
        requested_by,
        vendor: None,
        reported_at: at,
        due_at: None,
        scheduled_start: None,
        scheduled_end: None,
        actual_start: None,
        actual_end: None,
        estimated_hours: Decimal::ZERO,
        actual_hours: Decimal::ZERO,
        tasks: Vec::new(),
        parts: Vec::new(),
        labor: Vec::new(),
        failure_problem: None,
        failure_cause: None,
        failure_remedy: None,
        parent: None,
        completion_notes: None,
        custom: Vec::new(),
        created_at: at,
        updated_at: at,
    });
}

/// Adds a draft order without lines.
pub(crate) fn add_order(world: &mut World, id: u32, buyer: u32, at: DateTime<Utc>) {
    world.purchase_orders.push(PurchaseOrder {
        id,
        number: String::new(),
        reference: None,
        vendor: 0,
        buyer,
        status: OrderStatus::Draft,
        order_date: at.date_naive(),
        required_date: at.date_naive(),
        approved_at: None,
        currency: world.currency.clone(),
        payment_terms: String::new(),
        incoterms: None,
        site: first_site(world),
        lines: Vec::new(),
        notes: None,
        custom: Vec::new(),
        created_at: at,
        updated_at: at,
    });
}

/// Adds a line to an order.
pub(crate) fn add_line(world: &mut World, order: u32, id: u32) {
    let room = world
        .find_purchase_order(order)
        .map(|order| order.site)
        .and_then(|site| {
            let of_site = |room: &u32| world.site_of(*room).is_some_and(|other| other.id == site);
            world.storerooms().map(|room| room.id).find(of_site)
        });
    let room = room
        .or_else(|| world.storerooms().map(|room| room.id).next())
        .unwrap_or(0);
    let Some(order) = order_mut(world, order) else { return };
    let line_no = order.lines.iter().map(|line| line.line_no).max().unwrap_or(0) + 10;
    order.lines.push(PoLine {
        id,
        line_no,
        item: None,
        description: String::new(),
        quantity: Decimal::ONE,
        received: Decimal::ZERO,
        invoiced: Decimal::ZERO,
        unit_price: Decimal::ZERO,
        uom: "EA".to_owned(),
        tax_rate: Decimal::ZERO,
        required_date: order.required_date,
        location: room,
        work_order: None,
        asset: None,
    });
}

fn first_site(world: &World) -> u32 {
    world.locations.first().map_or(0, |site| site.id)
}

pub(crate) fn vendor_mut(world: &mut World, id: u32) -> Option<&mut Vendor> {
    world.vendors.iter_mut().find(|vendor| vendor.id == id)
}

pub(crate) fn item_mut(world: &mut World, id: u32) -> Option<&mut Item> {
    world.items.iter_mut().find(|item| item.id == id)
}

pub(crate) fn asset_mut(world: &mut World, id: u32) -> Option<&mut Asset> {
    world.assets.iter_mut().find(|asset| asset.id == id)
}

pub(crate) fn work_mut(world: &mut World, id: u32) -> Option<&mut WorkOrder> {
    world.work_orders.iter_mut().find(|work| work.id == id)
}

pub(crate) fn order_mut(world: &mut World, id: u32) -> Option<&mut PurchaseOrder> {
    world.purchase_orders.iter_mut().find(|order| order.id == id)
}

/// Returns the order that a line belongs to.
pub(crate) fn order_of(world: &World, line: u32) -> Option<&PurchaseOrder> {
    let mut orders = world.purchase_orders.iter();
    orders.find(|order| order.lines.iter().any(|one| one.id == line))
}

pub(crate) fn line_mut(world: &mut World, id: u32) -> Option<&mut PoLine> {
    let lines = world
        .purchase_orders
        .iter_mut()
        .flat_map(|order| order.lines.iter_mut());
    lines.into_iter().find(|line| line.id == id)
}

/// Returns the word with this id in a list where a word's id is its place plus one.
pub(crate) fn word(words: &[String], id: Option<u32>) -> String {
    let place = id
        .and_then(|id| usize::try_from(id).ok())
        .and_then(|id| id.checked_sub(1));
    place.and_then(|place| words.get(place)).cloned().unwrap_or_default()
}

/// Sets a customer's own field; a sample of another record tells the keys and types. Says whether there is such a field.
pub(crate) fn set_custom(fields: &mut CustomFields, sample: &CustomFields, key: &str, value: &Val) -> bool {
    let Some((key, kind)) = sample.iter().find(|(known, _)| *known == key) else {
        return false;
    };
    let set = match (kind, value) {
        (Custom::Flag(_), value) => Some(Custom::Flag(value.flag())),
        (Custom::Text(_), Val::Text(text)) => Some(Custom::Text(text.clone())),
        (Custom::Number(_), value) => value.number().map(Custom::Number),
        (Custom::Date(_), value) => value.day().map(Custom::Date),
        (Custom::Choice { options, .. }, Val::Text(text)) => Some(Custom::Choice {
            value: text.clone(),
            options,
        }),
        _ => None,
    };
    fields.retain(|(known, _)| known != key);
    fields.extend(set.map(|value| (*key, value)));
    true
}

/// Goods that came in for a line of an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) line: u32,
    /// The id of the movement it makes.
    pub(crate) movement: u32,
    pub(crate) quantity: Decimal,
}

/// Books goods in: the receipt, the lines, the movements, the stock and the status of the order.
pub(crate) fn receive(
    world: &mut World,
    order: u32,
    receipt: u32,
    number: String,
    arrivals: &[Arrival],
    at: DateTime<Utc>,
) {
    for arrival in arrivals {
        let Some(line) = line_mut(world, arrival.line) else {
            continue;
        };
        line.received += arrival.quantity;
        let line = line.clone();
        let Some(item) = line.item else { continue };
        let (place, lot) = stock(world, item, line.location, arrival.quantity, at);
        world.stock_movements.push(StockMovement {
            id: arrival.movement,
            item,
            kind: MovementKind::Receipt,
            quantity: arrival.quantity,
            from: None,
            to: Some(place),
            at,
            work_order: None,
            purchase_order: Some(order),
            purchase_line: Some(line.id),
            lot,
            unit_cost: line.unit_price,
        });
    }
    world.receipts.push(Receipt {
        id: receipt,
        number,
        purchase_order: order,
        received_at: at,
        lines: arrivals
            .iter()
            .map(|arrival| (arrival.line, arrival.quantity))
            .collect(),
    });
    if let Some(order) = order_mut(world, order) {
        settle(order);
        order.updated_at = at;
    }
}

/// Sets the status of an approved order by what has come in.
pub(crate) fn settle(order: &mut PurchaseOrder) {
    let all = order.lines.iter().filter(|line| line.item.is_some());
    let is_full = all.clone().all(|line| line.received >= line.quantity);
    let is_started = all.clone().any(|line| !line.received.is_zero());
    order.status = match order.status {
        OrderStatus::Closed => OrderStatus::Closed,
        _ if is_started && is_full => OrderStatus::Received,
        _ if is_started => OrderStatus::PartiallyReceived,
        OrderStatus::PartiallyReceived | OrderStatus::Received => OrderStatus::Sent,
        status => status,
    };
}

/// Adds goods to the stock at a storeroom; returns the place and the lot that they went to.
fn stock(world: &mut World, item: u32, room: u32, quantity: Decimal, at: DateTime<Utc>) -> (u32, Option<String>) {
    let found = world
        .stock_levels
        .iter()
        .position(|level| level.item == item && level.location == room && level.lot.is_none())
        .or_else(|| {
            let mut levels = world.stock_levels.iter();
            levels.position(|level| level.item == item && level.location == room)
        });
    let place = found.unwrap_or_else(|| add_level(world, item, room, at));
    let level = &mut world.stock_levels[place];
    level.on_hand += quantity;
    level.updated_at = at;
    (level.bin.unwrap_or(level.location), level.lot.clone())
}

/// Adds an empty stock level at a storeroom or a bin; returns its place in the list.
pub(crate) fn add_level(world: &mut World, item: u32, place: u32, at: DateTime<Utc>) -> usize {
    let id = world.stock_levels.iter().map(|level| level.id).max().unwrap_or(0) + 1;
    let is_bin = world
        .find_location(place)
        .is_some_and(|location| location.kind == crate::world::LocationKind::Bin);
    let room = world.find_location(place).and_then(|location| location.parent);
    world.stock_levels.push(StockLevel {
        id,
        item,
        location: room.filter(|_| is_bin).unwrap_or(place),
        bin: is_bin.then_some(place),
        lot: None,
        on_hand: Decimal::ZERO,
        reserved: Decimal::ZERO,
        on_order: Decimal::ZERO,
        min: Decimal::ZERO,
        max: Decimal::ZERO,
        reorder_point: Decimal::ZERO,
        reorder_qty: Decimal::ZERO,
        unit_cost: world.find_item(item).map_or(Decimal::ZERO, |item| item.standard_cost),
        last_counted: today(),
        created_at: at,
        updated_at: at,
    });
    world.stock_levels.len() - 1
}

/// Sets what is on hand at a stock level and books the difference; `movement` is the id of that.
pub(crate) fn count(world: &mut World, level: u32, counted: Decimal, movement: u32, at: DateTime<Utc>) {
    let Some(level) = world.stock_levels.iter_mut().find(|one| one.id == level) else {
        return;
    };
    let difference = counted - level.on_hand;
    level.on_hand = counted;
    level.last_counted = at.date_naive();
    level.updated_at = at;
    if difference.is_zero() {
        return;
    }
    let place = Some(level.bin.unwrap_or(level.location));
    let gained = difference.is_sign_positive();
    let movement = StockMovement {
        id: movement,
        item: level.item,
        kind: MovementKind::Adjustment,
        quantity: difference.abs(),
        from: place.filter(|_| !gained),
        to: place.filter(|_| gained),
        at,
        work_order: None,
        purchase_order: None,
        purchase_line: None,
        lot: level.lot.clone(),
        unit_cost: level.unit_cost,
    };
    world.stock_movements.push(movement);
}

/// Takes goods from a stock level to a storeroom or a bin; `movement` is the id of what is booked.
pub(crate) fn transfer(world: &mut World, level: u32, to: u32, quantity: Decimal, movement: u32, at: DateTime<Utc>) {
    let Some(source) = world.stock_levels.iter_mut().find(|one| one.id == level) else {
        return;
    };
    source.on_hand -= quantity;
    source.updated_at = at;
    let source = source.clone();
    let levels = world.stock_levels.iter();
    let found = levels
        .enumerate()
        .filter(|(_, one)| one.item == source.item && one.bin.unwrap_or(one.location) == to)
        .find(|(_, one)| one.lot == source.lot)
        .map(|(place, _)| place);
    let place = found.unwrap_or_else(|| add_level(world, source.item, to, at));
    let target = &mut world.stock_levels[place];
    target.lot.clone_from(&source.lot);
    target.on_hand += quantity;
    target.updated_at = at;
    world.stock_movements.push(StockMovement {
        id: movement,
        item: source.item,
        kind: MovementKind::Transfer,
        quantity,
        from: Some(source.bin.unwrap_or(source.location)),
        to: Some(to),
        at,
        work_order: None,
        purchase_order: None,
        purchase_line: None,
        lot: source.lot,
        unit_cost: source.unit_cost,
    });
}

/// Takes goods from a stock level out of the plant; `movement` is the id of what is booked.
pub(crate) fn take_out(
    world: &mut World,
    level: u32,
    kind: MovementKind,
    quantity: Decimal,
    movement: u32,
    at: DateTime<Utc>,
) {
    let Some(source) = world.stock_levels.iter_mut().find(|one| one.id == level) else {
        return;
    };
    source.on_hand -= quantity;
    source.updated_at = at;
    let source = source.clone();
    world.stock_movements.push(StockMovement {
        id: movement,
        item: source.item,
        kind,
        quantity,
        from: Some(source.bin.unwrap_or(source.location)),
        to: None,
        at,
        work_order: None,
        purchase_order: None,
        purchase_line: None,
        lot: source.lot,
        unit_cost: source.unit_cost,
    });
}

/// Returns the receipt that a movement belongs to.
pub(crate) fn receipt_of<'a>(world: &'a World, movement: &StockMovement) -> Option<&'a Receipt> {
    let line = movement.purchase_line?;
    let with_line = || {
        let receipts = world.receipts.iter();
        receipts.filter(move |receipt| receipt.lines.iter().any(|(id, _)| *id == line))
    };
    with_line()
        .find(|receipt| receipt.received_at == movement.at)
        .or_else(|| with_line().next())
}

/// An open delivery: what an approved order still waits for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Open {
    pub(crate) id: u32,
    pub(crate) order: u32,
    /// Line, id of the expected movement, quantity.
    pub(crate) lines: Vec<(u32, u32, Decimal)>,
}

/// Returns what is still to come. Ids change with each delivery, so that those of done ones stay.
pub(crate) fn open_deliveries(world: &World) -> Vec<Open> {
    let orders = world.purchase_orders.iter().filter(|order| order.status.was_approved());
    orders
        .filter_map(|order| {
            let lines: Vec<(u32, u32, Decimal)> = order
                .lines
                .iter()
                .filter(|line| line.item.is_some() && line.received < line.quantity)
                .map(|line| (line.id, expected_id(world, line.id), line.quantity - line.received))
                .collect();
            let done = world
                .receipts
                .iter()
                .filter(|receipt| receipt.purchase_order == order.id && receipt.id >= FIRST_CAUSED);
            let round = u32::try_from(done.count()).unwrap_or(0);
            (!lines.is_empty()).then_some(Open {
                id: FIRST_CAUSED + order.id + 1_000_000 * round,
                order: order.id,
                lines,
            })
        })
        .collect()
}

/// Returns the id of the movement that a line waits for.
pub(crate) fn expected_id(world: &World, line: u32) -> u32 {
    let done = world
        .stock_movements
        .iter()
        .filter(|movement| movement.purchase_line == Some(line) && movement.id >= FIRST_CAUSED);
    FIRST_CAUSED + line + 1_000_000 * u32::try_from(done.count()).unwrap_or(0)
}

/// Returns a plant that nobody changes: it knows every word that a list is made of, so that the ids of words stay when
/// the last record that used one is gone, and a sample of the customer's own fields.
pub(crate) fn usual() -> &'static World {
    static USUAL: OnceLock<World> = OnceLock::new();
    USUAL.get_or_init(|| World::generate(Seed::default(), Size::Small))
}
