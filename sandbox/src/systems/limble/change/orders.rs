//! Writes of purchase orders and their lines, the states of orders, and receipts.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::super::problem::Problem;
use super::super::rows::purchasing::{self, BILL, TRANSACTION};
use super::super::rows::{ASSET, LOCATION, PURCHASE, PURCHASE_LINE, TASK, USER, VENDOR};
use super::Done;
use super::body::Body;
use super::draft::{Draft, Note, moment, movement, next_id, note_movement, own};
use super::parts;
use crate::world::{LocationKind, MovementKind, OrderStatus, PoLine, PurchaseOrder, Receipt, StockMovement};

const COMMON: [&str; 13] = [
    "vendorID",
    "userID",
    "taskID",
    "budgetID",
    "date",
    "expectedDate",
    "requestDescription",
    "customField1",
    "customField2",
    "customField3",
    "customField4",
    "customField5",
    "customField6",
];
const LINE: [&str; 12] = [
    "itemType",
    "name",
    "description",
    "glID",
    "taskID",
    "assetID",
    "partID",
    "checklistID",
    "quantity",
    "rate",
    "tax",
    "discount",
];

pub(super) fn create(draft: &mut Draft<'_>, content: &[u8]) -> Result<Done, Problem> {
    let allowed: Vec<&str> = COMMON.into_iter().chain(["locationID"]).collect();
    let body = Body::parse(content, &allowed)?;
    body.require(&["locationID", "vendorID", "userID"])?;
    let missing = |name: &str| Problem::Parameter(format!("\"{name}\" is required"));
    let location = draft
        .location(body.integer("locationID")?)?
        .ok_or_else(|| missing("locationID"))?;
    let vendor = draft
        .vendor(body.integer("vendorID")?)?
        .ok_or_else(|| missing("vendorID"))?;
    let buyer = draft.user(body.integer("userID")?)?.ok_or_else(|| missing("userID"))?;
    let id = next_id(draft.world.purchase_orders.iter().map(|order| order.id));
    let today = draft.at.date_naive();
    let order = PurchaseOrder {
        id,
        number: format!("{}", 4_500_000_000_u64 + u64::from(id)),
        reference: None,
        vendor,
        buyer,
        status: OrderStatus::Draft,
        order_date: today,
        required_date: today,
        approved_at: None,
        currency: draft.world.currency.clone(),
        payment_terms: String::new(),
        incoterms: None,
        site: location,
        lines: Vec::new(),
        notes: None,
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = Map::new();
    wanted.insert("date".into(), draft.at.timestamp().into());
    wanted.insert("expectedDate".into(), 0.into());
    wanted.insert("locationID".into(), (LOCATION + location).into());
    save(draft, order, &body, wanted, true)?;
    Ok(Done::created("po", "pos", "poID", (PURCHASE + id).into()))
}

pub(super) fn update(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &COMMON)?;
    let order = find(draft, id)?;
    if body.get("budgetID").is_some() && order.status != OrderStatus::Draft {
        return Err(Problem::Conflict("The budget cannot be changed after the setup"));
    }
    save(draft, order, &body, Map::new(), false)?;
    Ok(Done::Told(json!({"success": true})))
}

fn find(draft: &Draft<'_>, id: u32) -> Result<PurchaseOrder, Problem> {
    let found = draft.world.find_purchase_order(own(PURCHASE, id));
    found.cloned().ok_or_else(|| Problem::NotFound(format!("PO {id}")))
}

fn save(
    draft: &mut Draft<'_>,
    mut order: PurchaseOrder,
    body: &Body,
    mut wanted: Map<String, Value>,
    is_new: bool,
) -> Result<(), Problem> {
    if let Some(vendor) = draft.vendor(body.integer("vendorID")?)? {
        order.vendor = vendor;
        wanted.insert("vendorID".into(), (VENDOR + vendor).into());
    }
    if let Some(user) = draft.user(body.integer("userID")?)? {
        order.buyer = user;
        wanted.insert("userID".into(), (USER + user).into());
    }
    if let Some(task) = body.integer("taskID")? {
        draft.task(Some(task))?;
        wanted.insert("taskID".into(), task.into());
    }
    if let Some(budget) = body.integer("budgetID")? {
        if budget != 1 {
            return Err(Problem::NotFound(format!("Budget {budget}")));
        }
        wanted.insert("budgetID".into(), 1.into());
    }
    if let Some(date) = body.time("date")? {
        order.order_date = day(date).unwrap_or(order.order_date);
        wanted.insert("date".into(), date.into());
    }
    if let Some(date) = body.time("expectedDate")? {
        order.required_date = day(date).unwrap_or(order.required_date);
        wanted.insert("expectedDate".into(), date.into());
    }
    for name in COMMON
        .iter()
        .filter(|name| name.starts_with("customField") || **name == "requestDescription")
    {
        if let Some(text) = body.text(name)? {
            wanted.insert((*name).into(), text.into());
        }
    }
    put(draft, order, wanted, is_new);
    Ok(())
}

fn day(seconds: i64) -> Option<NaiveDate> {
    moment(seconds).map(|moment| moment.date_naive())
}

fn put(draft: &mut Draft<'_>, order: PurchaseOrder, wanted: Map<String, Value>, is_new: bool) {
    let order = PurchaseOrder {
        updated_at: draft.at,
        ..order
    };
    let id = order.id;
    match draft.world.purchase_orders.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = order,
        None => draft.world.purchase_orders.push(order),
    }
    draft.finish("po", PURCHASE + id, wanted, is_new);
}

pub(super) fn delete(draft: &mut Draft<'_>, id: u32) -> Result<Done, Problem> {
    let order = find(draft, id)?;
    draft.world.purchase_orders.retain(|other| other.id != order.id);
    draft
        .world
        .receipts
        .retain(|receipt| receipt.purchase_order != order.id);
    draft.notes.push(Note::Forget("po", id.to_string()));
    Ok(Done::Empty)
}

/// Moves an order to the next state, or disapproves it before it is ready.
pub(super) fn change_state(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &["newState", "reason"])?;
    body.require(&["newState"])?;
    if body.text("reason")?.is_some_and(|reason| reason.chars().count() > 500) {
        let text = "\"reason\" length must be less than or equal to 500 characters long";
        return Err(Problem::Parameter(text.into()));
    }
    let mut order = find(draft, id)?;
    let wanted = match body.get("newState") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let next = purchasing::next_states(order.status)
        .into_iter()
        .find(|status| purchasing::is_state(*status, &wanted));
    let Some(next) = next else {
        return Err(Problem::Transition);
    };
    let previous = purchasing::state_json(order.status);
    order.status = next;
    if next == OrderStatus::Approved {
        order.approved_at = Some(draft.at);
    }
    put(draft, order, Map::new(), false);
    let current = purchasing::state_json(next);
    Ok(Done::Told(json!({
        "success": true,
        "message": "State changed",
        "currentState": current["name"],
        "state": current,
        "previousState": previous,
    })))
}

/// Refuses to change the lines of an order that may already be received.
fn open_for_lines(order: &PurchaseOrder) -> Result<(), Problem> {
    if purchasing::can_modify(order.status) {
        return Ok(());
    }
    Err(Problem::Conflict("The PO cannot be modified in its current state"))
}

fn parse_line(content: &[u8]) -> Result<Body, Problem> {
    let allowed: Vec<&str> = LINE.into_iter().chain(["shipping"]).collect();
    Body::parse(content, &allowed)
}

pub(super) fn add_line(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = parse_line(content)?;
    body.require(&["itemType"])?;
    let mut order = find(draft, id)?;
    open_for_lines(&order)?;
    let line_id = next_id(draft.world.purchase_lines().map(|(_, line)| line.id));
    let place = draft.world.storerooms().next().map_or(order.site, |room| room.id);
    let here = draft.world.find_location(order.site);
    let mut line = PoLine {
        id: line_id,
        line_no: order.lines.iter().map(|line| line.line_no).max().unwrap_or_default() + 10,
        item: None,
        description: String::new(),
        quantity: Decimal::ONE,
        received: Decimal::ZERO,
        invoiced: Decimal::ZERO,
        unit_price: Decimal::ZERO,
        uom: "EA".to_owned(),
        tax_rate: Decimal::ZERO,
        required_date: order.required_date,
        location: here
            .filter(|here| here.kind == LocationKind::Storeroom)
            .map_or(place, |here| here.id),
        work_order: None,
        asset: None,
    };
    let mut wanted = Map::new();
    set_line(draft, &mut line, &body, None, &mut wanted)?;
    order.lines.push(line);
    put(draft, order, Map::new(), false);
    draft.finish("po/items", PURCHASE_LINE + line_id, wanted, true);
    Ok(Done::created(
        "po/items",
        "items",
        "itemID",
        (PURCHASE_LINE + line_id).into(),
    ))
}

pub(super) fn update_line(draft: &mut Draft<'_>, id: u32, line_id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = parse_line(content)?;
    let mut order = find(draft, id)?;
    let place = place_of(&order, line_id)?;
    open_for_lines(&order)?;
    let before = draft.row("po/items", line_id);
    let kind = before
        .as_ref()
        .and_then(|row| row.get("itemType"))
        .and_then(Value::as_i64);
    let mut wanted = Map::new();
    if let Some(line) = order.lines.get_mut(place) {
        set_line(draft, line, &body, kind, &mut wanted)?;
    }
    put(draft, order, Map::new(), false);
    draft.finish("po/items", line_id, wanted, false);
    Ok(Done::Told(json!({"success": true})))
}

fn place_of(order: &PurchaseOrder, line_id: u32) -> Result<usize, Problem> {
    let found = order
        .lines
        .iter()
        .position(|line| line.id == own(PURCHASE_LINE, line_id));
    found.ok_or_else(|| Problem::NotFound(format!("PO item {line_id}")))
}

/// Writes what a line was given. What goes together depends on the kind: a part has no name, everything else has one.
fn set_line(
    draft: &Draft<'_>,
    line: &mut PoLine,
    body: &Body,
    before: Option<i64>,
    wanted: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let kind = body.integer("itemType")?.or(before).unwrap_or_default();
    let is_given = |name: &str| body.get(name).is_some_and(|value| *value != json!(0));
    let refuse = |text: &str| Err(Problem::Parameter(text.to_owned()));
    match kind {
        1 if is_given("name") || is_given("taskID") || is_given("checklistID") => {
            return refuse("\"name\", \"taskID\" and \"checklistID\" are not allowed for a part");
        }
        1 if line.item.is_none() && !is_given("partID") => return refuse("\"partID\" is required"),
        2 | 4 if is_given("partID") => return refuse("\"partID\" is not allowed"),
        2 | 4 if line.description.is_empty() && !is_given("name") => return refuse("\"name\" is required"),
        2 if before != Some(2) && !is_given("checklistID") => return refuse("\"checklistID\" is required"),
        1 | 2 | 4 => {}
        _ => return refuse("\"itemType\" must be one of [1, 2, 4]"),
    }
    wanted.insert("itemType".into(), kind.into());
    if kind != 1 {
        line.item = None;
        wanted.insert("partID".into(), 0.into());
    }
    if let Some(part) = body.integer("partID")?.filter(|part| *part != 0) {
        let (item, location) = parts::place_of(draft, part)?;
        line.item = Some(item);
        line.location = location.unwrap_or(line.location);
        if let Some(item) = draft.world.find_item(item) {
            line.description.clone_from(&item.name);
            line.uom.clone_from(&item.uom);
        }
        wanted.insert("partID".into(), part.into());
    }
    if let Some(name) = body.text("name")? {
        line.description = name.to_owned();
        wanted.insert("name".into(), name.into());
    }
    if let Some(description) = body.text("description")? {
        wanted.insert("description".into(), description.into());
    }
    if let Some(quantity) = body.number("quantity")? {
        if quantity < Decimal::ONE {
            return refuse("\"quantity\" must be greater than or equal to 1");
        }
        line.quantity = quantity;
    }
    if let Some(rate) = body.number("rate")? {
        line.unit_price = rate;
    }
    if let Some(tax) = body.number("tax")? {
        line.tax_rate = tax / Decimal::ONE_HUNDRED;
    }
    if let Some(task) = body.integer("taskID")? {
        line.work_order = draft.task(Some(task))?;
        wanted.insert("taskID".into(), line.work_order.map_or(0, |task| TASK + task).into());
    }
    if let Some(asset) = body.integer("assetID")? {
        line.asset = draft.asset(Some(asset))?;
        wanted.insert("assetID".into(), line.asset.map_or(0, |asset| ASSET + asset).into());
    }
    for name in ["glID", "checklistID", "discount", "shipping"] {
        if body.number(name)?.is_some() {
            wanted.insert(name.into(), body.get(name).cloned().unwrap_or_default());
        }
    }
    Ok(())
}

pub(super) fn delete_line(draft: &mut Draft<'_>, id: u32, line_id: u32) -> Result<Done, Problem> {
    let mut order = find(draft, id)?;
    let place = place_of(&order, line_id)?;
    open_for_lines(&order)?;
    order.lines.remove(place);
    put(draft, order, Map::new(), false);
    draft.notes.push(Note::Forget("po/items", line_id.to_string()));
    Ok(Done::Empty)
}

/// Receives a quantity of a line and makes a bill for it. Sent twice it receives twice.
pub(super) fn receive(draft: &mut Draft<'_>, id: u32, line_id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &["quantity"])?;
    body.require(&["quantity"])?;
    let quantity = body.number("quantity")?.unwrap_or_default();
    if quantity <= Decimal::ZERO {
        return Err(Problem::Parameter("\"quantity\" must be a positive number".into()));
    }
    let mut order = find(draft, id)?;
    let place = place_of(&order, line_id)?;
    if !matches!(
        order.status,
        OrderStatus::Approved | OrderStatus::Sent | OrderStatus::PartiallyReceived
    ) {
        return Err(Problem::Conflict("The PO is not ready to receive"));
    }
    let Some(line) = order.lines.get_mut(place) else {
        return Err(Problem::NotFound(format!("PO item {line_id}")));
    };
    if line.received + quantity > line.quantity {
        return Err(Problem::Conflict(
            "The received quantity is greater than the quantity of the PO item",
        ));
    }
    line.received += quantity;
    let line = line.clone();
    let is_complete = order.lines.iter().all(|line| line.received >= line.quantity);
    order.status = if is_complete {
        OrderStatus::Received
    } else {
        OrderStatus::PartiallyReceived
    };
    let receipt = next_id(draft.world.receipts.iter().map(|receipt| receipt.id));
    let at = draft.at;
    draft.world.receipts.push(Receipt {
        id: receipt,
        number: format!("GR-{:05}", 500 + receipt),
        purchase_order: order.id,
        received_at: at,
        lines: vec![(line.id, quantity)],
    });
    if let Some(item) = line.item {
        parts::add_stock(&mut draft.world, item, line.location, quantity, at);
        let moved = StockMovement {
            quantity,
            to: Some(line.location),
            purchase_order: Some(order.id),
            purchase_line: Some(line.id),
            unit_cost: line.unit_price,
            ..movement(item, MovementKind::Receipt, at)
        };
        note_movement(&mut draft.world, moved);
    }
    put(draft, order, Map::new(), false);
    let count = draft
        .world
        .receipts
        .iter()
        .map(|receipt| receipt.lines.len())
        .sum::<usize>();
    let transaction = TRANSACTION + u32::try_from(count).unwrap_or_default();
    Ok(Done::Told(
        json!({"transactionID": transaction, "prID": BILL + receipt}),
    ))
}
