//! Receipts of material: each one books a line of an approved order into a storeroom.

use serde_json::Value;

use super::super::dataset::id_of;
use super::super::problem::Problem;
use super::super::rows;
use super::draft::{Draft, Note, find_storeroom, moment, next_id, number, text};
use super::payload::Given;
use super::stock;
use crate::world::{MovementKind, OrderStatus, Receipt};

const OBJECT: &str = "MATRECTRANS";

pub(super) fn create(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    draft.require(OBJECT, values, &["ponum", "polinenum"]);
    let wanted = number(values, "receiptquantity").or_else(|| number(values, "quantity"));
    let Some(quantity) = wanted.filter(|quantity| quantity.is_sign_positive() && !quantity.is_zero()) else {
        draft.faults.push(Problem::required(OBJECT, "receiptquantity"));
        return Problem::of_all(std::mem::take(&mut draft.faults), batch).map(|()| String::new());
    };
    match text(values, "issuetype") {
        None | Some("" | "RECEIPT") => {}
        Some(other) => draft.invalid(OBJECT, "issuetype", other),
    }
    let room = draft.look_up(OBJECT, values, "tostoreloc", find_storeroom).flatten();
    let number = text(values, "ponum").unwrap_or_default();
    let line_no = values.get("polinenum").and_then(Value::as_u64);
    let found = draft
        .world
        .purchase_orders
        .iter()
        .position(|order| order.number == number);
    if found.is_none() && !number.is_empty() {
        draft.invalid(OBJECT, "ponum", number);
    }
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    let at = draft.at;
    let missing = || Problem::not_found(number);
    let order = found
        .and_then(|place| draft.world.purchase_orders.get_mut(place))
        .ok_or_else(missing)?;
    if !matches!(
        order.status,
        OrderStatus::Approved | OrderStatus::Sent | OrderStatus::PartiallyReceived
    ) {
        let told = format!("Purchase order {number} is not approved or takes no receipts");
        return Err(Problem::value("BMXAA6819E", OBJECT, "ponum", told));
    }
    let Some(line) = order
        .lines
        .iter_mut()
        .find(|line| Some(u64::from(line.line_no)) == line_no)
    else {
        let told = format!(
            "The value '{}' is not valid for the attribute 'polinenum'",
            line_no.unwrap_or_default()
        );
        return Err(Problem::value("BMXAA6819E", OBJECT, "polinenum", told));
    };
    if line.received + quantity > line.quantity {
        let told = format!("The receipt of {quantity} is more than is due on line {}", line.line_no);
        return Err(Problem::value("BMXAA6819E", OBJECT, "receiptquantity", told));
    }
    line.received += quantity;
    let (line_id, item, cost, room) = (line.id, line.item, line.unit_price, room.unwrap_or(line.location));
    let is_complete = order.lines.iter().all(|line| line.received >= line.quantity);
    order.status = if is_complete {
        OrderStatus::Received
    } else {
        OrderStatus::PartiallyReceived
    };
    order.updated_at = at;
    let (order_id, order_number) = (order.id, order.number.clone());
    let id = next_id(draft.world.receipts.iter().map(|receipt| receipt.id));
    let slip = text(values, "packingslipnum").filter(|slip| !slip.is_empty());
    let received_at = moment(values, "actualdate").flatten().unwrap_or(at);
    draft.world.receipts.push(Receipt {
        id,
        number: slip.map_or_else(|| format!("GR-{:05}", 500 + id), str::to_owned),
        purchase_order: order_id,
        received_at,
        lines: vec![(line_id, quantity)],
    });
    if let Some(item) = item {
        stock::move_stock(&mut draft.world, item, room, quantity, Some(cost), at);
        let movement = stock::Movement {
            item,
            kind: MovementKind::Receipt,
            quantity,
            from: None,
            to: Some(room),
            work_order: None,
            purchase: Some((order_id, line_id)),
            unit_cost: cost,
        };
        stock::note_movement(&mut draft.world, &movement, at);
    }
    touch_order(draft, &order_number);
    // The row is one of a list of all receipts, so that its address is found there.
    let row = rows::of("mxapireceipt", &draft.world).into_iter().last();
    let Some(Value::Object(shown)) = row else {
        return Err(missing());
    };
    let key = id_of(&draft.structure.id, &shown);
    let kept = ["tostoreloc", "tobin", "rejectqty"];
    let fields = values.iter().filter(|(name, _)| kept.contains(&name.as_str()));
    let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    draft
        .notes
        .push(Note::Create(draft.structure.name.clone(), key.clone(), fields));
    Ok(key)
}

/// Moves the version of the order, and its status where a client set that: goods that came put it in progress.
fn touch_order(draft: &mut Draft<'_>, number: &str) {
    let id = draft
        .world
        .purchase_orders
        .iter()
        .find(|order| order.number == number)
        .map(|order| order.id);
    let Some(Value::Object(shown)) = id.and_then(|id| rows::one("mxapipo", &draft.world, id)) else {
        return;
    };
    let key = id_of(&["siteid", "ponum", "revisionnum"].map(str::to_owned), &shown);
    let mut fields = serde_json::Map::new();
    if draft
        .written
        .row("mxapipo", &key)
        .is_some_and(|row| row.fields.contains_key("status"))
    {
        fields.insert("status".into(), "INPRG".into());
    }
    draft.notes.push(Note::Change("mxapipo".to_owned(), key, fields));
}
