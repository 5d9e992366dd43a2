//! Vendors, purchase orders with their lines, and the bills that record receipts.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::parts::Shelf;
use super::{LOCATION, PURCHASE, PURCHASE_LINE, TASK, USER, VENDOR, first_location, moved, number, text, unix_day};
use crate::world::{Custom, ItemType, OrderStatus, PoLine, PurchaseOrder, Receipt, World};

pub(in super::super) const BILL: u32 = 400;
pub(in super::super) const TRANSACTION: u32 = 1_000;

pub(super) fn vendors(world: &World) -> Vec<Value> {
    world
        .vendors
        .iter()
        .map(|vendor| {
            let id = VENDOR + vendor.id;
            let address = format!(
                "{}, {} {}, {}, {}",
                vendor.street, vendor.postal_code, vendor.city, vendor.region, vendor.country
            );
            json!({
                "meta": {"fields": format!("/v2/vendors/fields/?vendors={id}")},
                "vendorID": id,
                "name": vendor.name,
                "email": text(&vendor.email),
                "phone": text(&vendor.phone),
                "contact": text(&vendor.contact_name),
                "address": address,
                "locationID": first_location(world),
                "startedOn": vendor.created_at.timestamp(),
                "lastEdited": vendor.updated_at.timestamp(),
                "image": [],
            })
        })
        .collect()
}

/// Returns number, name and label of a purchase order's state; an order that was canceled shows as disapproved.
fn state(status: OrderStatus) -> (u32, &'static str, &'static str) {
    match status {
        OrderStatus::Draft => (0, "setup", "Setup"),
        OrderStatus::PendingApproval => (1, "budget_approval", "Budget Approval"),
        OrderStatus::Approved | OrderStatus::Sent => (97, "ready_to_receive", "Ready to Receive"),
        OrderStatus::PartiallyReceived => (98, "partially_received", "Partially Received"),
        OrderStatus::Received => (99, "fully_received", "Fully Received"),
        OrderStatus::Closed => (100, "closed", "Closed"),
        OrderStatus::Rejected | OrderStatus::Canceled => (101, "disapproved", "Disapproved"),
    }
}

/// Returns the states that an order may be sent to: one step forward, or disapproved before it is ready to receive.
/// Receipts alone lead to the states of receiving.
pub(in super::super) fn next_states(status: OrderStatus) -> Vec<OrderStatus> {
    match status {
        OrderStatus::Draft => vec![OrderStatus::PendingApproval, OrderStatus::Rejected],
        OrderStatus::PendingApproval => vec![OrderStatus::Approved, OrderStatus::Rejected],
        OrderStatus::Received => vec![OrderStatus::Closed],
        _ => Vec::new(),
    }
}

/// Says whether a text means a state: its number, its name, or the number of its step of approval.
pub(in super::super) fn is_state(status: OrderStatus, text: &str) -> bool {
    let (number, name, _) = state(status);
    text == name || text == number.to_string() || ((1..97).contains(&number) && text == format!("custom_step_{number}"))
}

/// Says whether lines may still change.
pub(in super::super) fn can_modify(status: OrderStatus) -> bool {
    state(status).0 < 97
}

/// Describes a state.
pub(in super::super) fn state_json(status: OrderStatus) -> Value {
    let (number, name, label) = state(status);
    json!({"number": number, "name": name, "label": label, "canModify": can_modify(status)})
}

fn state_details(status: OrderStatus) -> Value {
    let available: Vec<Value> = next_states(status)
        .into_iter()
        .map(state)
        .map(|(number, name, label)| json!({"state": number, "name": name, "label": label}))
        .collect();
    json!({
        "current": state_json(status),
        "transitions": {"available": available},
    })
}

pub(super) fn orders(world: &World) -> Vec<Value> {
    world
        .purchase_orders
        .iter()
        .map(|order| order_row(order, world))
        .collect()
}

fn order_row(order: &PurchaseOrder, world: &World) -> Value {
    let id = PURCHASE + order.id;
    let site = world.find_location(order.site);
    let address = site.map(|site| format!("{}, {} {}", site.street, site.postal_code, site.city));
    let own = |place: usize| order.custom.get(place).map(|(_, value)| field_text(value));
    let mut notes: Vec<&str> = order.notes.as_deref().into_iter().collect();
    notes.extend(order.reference.as_deref());
    json!({
        "poID": id,
        "taskID": order.lines.iter().find_map(|line| line.work_order).map_or(0, |work| TASK + work),
        "budgetID": 1,
        "poNumber": order.number.parse::<u64>().map_or_else(|_| order.number.as_str().into(), Value::from),
        "poNumberDisplay": order.number,
        "vendorID": VENDOR + order.vendor,
        "locationID": LOCATION + order.site,
        "userIDStarted": USER + order.buyer,
        "userID": USER + order.buyer,
        "teamID": 0,
        "requestedByUserID": 0,
        "date": unix_day(order.order_date),
        "expectedDate": unix_day(order.required_date),
        "notesToVendor": notes.join("\n"),
        "billTo": address,
        "shipTo": address,
        "status": state(order.status).0,
        "customField1": own(0),
        "customField2": own(1),
        "customField3": own(2),
        "customField4": own(3),
        "customField5": text(&order.payment_terms),
        "customField6": order.incoterms,
        "lastEdited": order.updated_at.timestamp(),
        "poPrefix": null,
        "meta": {
            "items": format!("/v2/po/items?pos={id}"),
            "state": format!("/v2/po/{id}/state"),
            "stateTransitions": format!("/v2/po/{id}/state/transitions"),
            "budget": "/v2/po/budgets?budgets=1",
            "budgetSteps": "/v2/budgets/steps?budgets=1",
        },
        "stateDetails": state_details(order.status),
        "state": state(order.status).0,
    })
}

fn field_text(value: &Custom) -> String {
    match value {
        Custom::Text(text) | Custom::Choice { value: text, .. } => text.clone(),
        Custom::Number(number) => number.to_string(),
        Custom::Flag(flag) => if *flag { "Yes" } else { "No" }.to_owned(),
        Custom::Date(day) => day.to_string(),
    }
}

pub(super) fn lines(world: &World, shelf: &Shelf) -> Vec<Value> {
    world
        .purchase_lines()
        .map(|(order, line)| line_row(order, line, world, shelf))
        .collect()
}

/// Returns a line; a line for a part has no name of its own.
fn line_row(order: &PurchaseOrder, line: &PoLine, world: &World, shelf: &Shelf) -> Value {
    let part = line.item.map_or(0, |item| shelf.part(item, Some(line.location)));
    let is_service = line
        .item
        .and_then(|id| world.find_item(id))
        .is_some_and(|item| item.item_type == ItemType::Service);
    let kind = match (part, is_service) {
        (1.., _) => 1,
        (0, true) => 2,
        (0, false) => 4,
    };
    let order_id = PURCHASE + order.id;
    json!({
        "poID": order_id,
        "poItemID": PURCHASE_LINE + line.id,
        "itemType": kind,
        "name": (kind != 1).then_some(line.description.as_str()),
        "description": (kind != 1).then_some(line.description.as_str()),
        "glID": 0,
        "partID": part,
        "taskID": moved(TASK, line.work_order),
        "poNumber": order.number.parse::<u64>().map_or_else(|_| order.number.as_str().into(), Value::from),
        "qty": number(line.quantity),
        "rate": number(line.unit_price),
        "tax": number((line.tax_rate * Decimal::ONE_HUNDRED).normalize()),
        "discount": 0,
        "shipping": 0,
        "qtyReceived": number(line.received),
        "orderUnitAbbreviation": line.uom.to_lowercase(),
        "lastEdited": order.updated_at.timestamp(),
        "meta": {"po": format!("/v2/po?pos={order_id}")},
    })
}

pub(super) fn bills(world: &World) -> Vec<Value> {
    world
        .receipts
        .iter()
        .filter_map(|receipt| Some(bill(receipt, world.find_purchase_order(receipt.purchase_order)?)))
        .collect()
}

fn bill(receipt: &Receipt, order: &PurchaseOrder) -> Value {
    let id = BILL + receipt.id;
    let order_id = PURCHASE + order.id;
    let is_paid = order.status == OrderStatus::Closed;
    json!({
        "billID": id,
        "poID": order_id,
        "status": if is_paid { 2 } else { 1 },
        "userID": USER + order.buyer,
        "userIDStarted": USER + order.buyer,
        "userIDMarkPaid": if is_paid { USER + order.buyer } else { 0 },
        "billNumber": receipt.id,
        "locationID": LOCATION + order.site,
        "date": receipt.received_at.timestamp(),
        "meta": {
            "items": format!("/v2/po/items?pos={order_id}"),
            "po": format!("/v2/po?pos={order_id}"),
            "transactions": format!("/v2/bills/transactions?bills={id}"),
        },
    })
}

pub(super) fn transactions(world: &World) -> Vec<Value> {
    let lines = world
        .receipts
        .iter()
        .flat_map(|receipt| receipt.lines.iter().map(move |line| (receipt, line)));
    (1_u32..)
        .zip(lines)
        .map(|(id, (receipt, (line, quantity)))| {
            let bill = BILL + receipt.id;
            let site = world
                .find_purchase_order(receipt.purchase_order)
                .map_or(0, |order| LOCATION + order.site);
            json!({
                "transactionID": TRANSACTION + id,
                "billID": bill,
                "poItemID": PURCHASE_LINE + line,
                "qtyReceived": number(*quantity),
                "dateReceived": receipt.received_at.timestamp(),
                "meta": {"bills": format!("/v2/bills?bills={bill}")},
                "_locationID": site,
            })
        })
        .collect()
}
