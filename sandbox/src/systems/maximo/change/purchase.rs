//! Writes of purchase orders and their lines. An order changes only while it waits for approval.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::dataset::Row;
use super::super::problem::Problem;
use super::super::rows;
use super::children::{self, RowChange};
use super::draft::{
    Draft, day, find_asset, find_item, find_location, find_order, find_person, find_storeroom, find_vendor, given_site,
    next_id, next_number, number, samples, site_location, stamp, text, without_markup,
};
use super::payload::{Given, GivenRow};
use super::{Step, work};
use crate::world::{OrderStatus, PoLine, PurchaseOrder, VendorStatus, World};

const OBJECT: &str = "PO";
const LINE: &str = "POLINE";
/// Attributes of a line that the plant has no place for.
const KEPT_OF_LINE: [&str; 8] = [
    "linetype",
    "category",
    "commoditygroup",
    "gldebitacct",
    "location",
    "storeloc",
    "tositeid",
    "vendeliverydate",
];

pub(super) fn create(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    draft.require(OBJECT, values, &["vendor"]);
    let site = given_site(values);
    let place = site_location(&draft.world, &site);
    if place.is_none() {
        draft.invalid(OBJECT, "siteid", &site);
    }
    if given.status.as_deref().is_some_and(|status| status != "WAPPR") {
        draft.faults.push(read_only("status"));
    }
    let number = match text(values, "ponum") {
        Some(number) if !number.is_empty() => number.to_owned(),
        _ => {
            let numbers = draft.world.purchase_orders.iter().map(|order| order.number.as_str());
            next_number("", numbers, 4_500_000_000)
        }
    };
    let vendor = draft.look_up(OBJECT, values, "vendor", find_vendor).flatten();
    let company = vendor.and_then(|id| draft.world.find_vendor(id)).cloned();
    let today = draft.at.date_naive();
    let order = PurchaseOrder {
        id: next_id(draft.world.purchase_orders.iter().map(|order| order.id)),
        number,
        reference: None,
        vendor: vendor.unwrap_or(1),
        buyer: find_person(&draft.world, &draft.user).unwrap_or(1),
        status: OrderStatus::PendingApproval,
        order_date: today,
        required_date: today,
        approved_at: None,
        currency: company
            .as_ref()
            .map_or_else(|| draft.world.currency.clone(), |vendor| vendor.currency.clone()),
        payment_terms: company.map(|vendor| vendor.payment_terms).unwrap_or_default(),
        incoterms: None,
        site: place.unwrap_or(1),
        lines: Vec::new(),
        notes: None,
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = values.clone();
    for name in [
        "description",
        "requireddate",
        "vendeliverydate",
        "purchaseagent",
        "shipto",
        "billto",
    ] {
        wanted.entry(name.to_owned()).or_insert(Value::Null);
    }
    save(draft, order, None, given, true, wanted, batch)
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    row: &Row,
    given: &Given,
    merge: bool,
    batch: bool,
) -> Result<String, Problem> {
    let order = changeable(&draft.world, row)?;
    if given
        .status
        .as_deref()
        .is_some_and(|status| row.values.get("status") != Some(&status.into()))
    {
        draft.faults.push(read_only("status"));
    }
    for name in ["ponum", "siteid"] {
        if given
            .values
            .get(name)
            .is_some_and(|value| row.values.get(name) != Some(value))
        {
            draft.faults.push(read_only(name));
        }
    }
    save(draft, order, Some(row), given, merge, given.values.clone(), batch)
}

fn changeable(world: &World, row: &Row) -> Result<PurchaseOrder, Problem> {
    let order = find(world, row)?;
    let what = format!("Purchase order {}", order.number);
    match text(&row.values, "status").unwrap_or_default() {
        "WAPPR" => Ok(order),
        "CLOSE" | "CAN" | "REVISD" => Err(Problem::in_history(&what)),
        _ => {
            let told = format!("{what} is approved. Create a revision to change it");
            Err(Problem::rule("BMXAA3889E", told))
        }
    }
}

fn find(world: &World, row: &Row) -> Result<PurchaseOrder, Problem> {
    let number = text(&row.values, "ponum").unwrap_or_default();
    let found = world.purchase_orders.iter().find(|order| order.number == number);
    found.cloned().ok_or_else(|| Problem::not_found(number))
}

fn save(
    draft: &mut Draft<'_>,
    mut order: PurchaseOrder,
    before: Option<&Row>,
    given: &Given,
    merge: bool,
    mut wanted: Map<String, Value>,
    batch: bool,
) -> Result<String, Problem> {
    set_values(draft, &mut order, &given.values);
    let known = samples(draft.world.purchase_orders.iter().map(|order| &order.custom));
    draft.customize(&mut order.custom, &known, &given.values);
    let empty = Map::new();
    let shown = before.map_or(&empty, |row| &row.values);
    for (name, rows) in &given.children {
        if name == "poline" {
            let existing = children::rows_of(shown, name);
            let changes = children::compare(existing, "polineid", &["polineid", "polinenum"], rows, merge);
            set_lines(draft, &mut order, &changes);
        }
    }
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    order.updated_at = draft.at;
    let dated = before.and_then(|row| row.values.get("statusdate").cloned());
    wanted.insert("statusdate".into(), dated.unwrap_or_else(|| stamp(draft.at)));
    wanted.insert("changeby".into(), draft.user.as_str().into());
    put(draft, order, wanted, before.is_none())
}

pub(super) fn put(
    draft: &mut Draft<'_>,
    order: PurchaseOrder,
    wanted: Map<String, Value>,
    is_new: bool,
) -> Result<String, Problem> {
    let id = order.id;
    match draft.world.purchase_orders.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = order,
        None => draft.world.purchase_orders.push(order),
    }
    let row = rows::one("mxapipo", &draft.world, id).unwrap_or(Value::Null);
    Ok(draft.finish(row, wanted, is_new))
}

fn set_values(draft: &mut Draft<'_>, order: &mut PurchaseOrder, values: &Map<String, Value>) {
    match draft.look_up(OBJECT, values, "vendor", find_vendor) {
        Some(Some(vendor)) => {
            let is_active = |status| status == VendorStatus::Active;
            if !draft
                .world
                .find_vendor(vendor)
                .is_some_and(|vendor| is_active(vendor.status))
            {
                draft.invalid(OBJECT, "vendor", text(values, "vendor").unwrap_or_default());
            }
            order.vendor = vendor;
        }
        Some(None) if values.get("vendor").is_some_and(Value::is_null) => {
            draft.faults.push(Problem::required(OBJECT, "vendor"));
        }
        _ => {}
    }
    if let Some(Some(buyer)) = draft.look_up(OBJECT, values, "purchaseagent", find_person) {
        order.buyer = buyer;
    }
    for name in ["shipto", "billto"] {
        draft.look_up(OBJECT, values, name, find_location);
    }
    draft.look_up(OBJECT, values, "storeloc", find_storeroom);
    if let Some(date) = day(values, "orderdate") {
        order.order_date = date;
    }
    if let Some(date) = day(values, "requireddate") {
        order.required_date = date;
    }
    if let Some(currency) = text(values, "currencycode").filter(|code| !code.is_empty()) {
        let known = draft.world.vendors.iter().any(|vendor| vendor.currency == currency);
        if known || currency == draft.world.currency {
            order.currency = currency.to_owned();
        } else {
            draft.invalid(OBJECT, "currencycode", currency);
        }
    }
    if let Some(terms) = text(values, "paymentterms") {
        order.payment_terms = terms.to_owned();
    }
    if let Some(terms) = text(values, "fob") {
        order.incoterms = (!terms.is_empty()).then(|| terms.to_owned());
    }
    if let Some(reference) = text(values, "externalrefid") {
        order.reference = (!reference.is_empty()).then(|| reference.to_owned());
    }
    if let Some(notes) = text(values, "description_longdescription") {
        order.notes = (!notes.is_empty()).then(|| without_markup(notes));
    }
}

fn set_lines(draft: &mut Draft<'_>, order: &mut PurchaseOrder, changes: &[RowChange<'_>]) {
    for change in changes {
        match change {
            RowChange::Add(row) => add_line(draft, order, row),
            RowChange::Change(id, row) => {
                let Some(place) = order.lines.iter().position(|line| line.id == *id) else {
                    continue;
                };
                let mut line = order.lines.swap_remove(place);
                set_line(draft, &mut line, &row.values);
                draft.keep_child("poline", line.id, &row.values, &KEPT_OF_LINE);
                order.lines.push(line);
            }
            RowChange::Delete(id) => order.lines.retain(|line| line.id != *id),
        }
    }
    order.lines.sort_by_key(|line| line.line_no);
}

fn add_line(draft: &mut Draft<'_>, order: &mut PurchaseOrder, row: &GivenRow) {
    let values = &row.values;
    draft.require(LINE, values, &["orderqty"]);
    let has_item = values.get("itemnum").is_some_and(|value| !value.is_null());
    let kind = text(values, "linetype").filter(|kind| !kind.is_empty());
    let kind = kind.unwrap_or(if has_item { "ITEM" } else { "MATERIAL" });
    match kind {
        "ITEM" | "STDSERVICE" | "TOOL" => draft.require(LINE, values, &["itemnum"]),
        "MATERIAL" | "SERVICE" => draft.require(LINE, values, &["description"]),
        other => draft.invalid(LINE, "linetype", other),
    }
    let last = order.lines.iter().map(|line| line.line_no).max().unwrap_or_default();
    let line_no = values
        .get("polinenum")
        .and_then(Value::as_u64)
        .and_then(|number| u32::try_from(number).ok());
    if let Some(number) = line_no.filter(|number| order.lines.iter().any(|line| line.line_no == *number)) {
        draft.faults.push(Problem::exists(LINE, &number.to_string()));
    }
    let others = draft.world.purchase_lines().map(|(_, line)| line.id);
    let room = draft.world.storerooms().next().map_or(1, |room| room.id);
    let mut line = PoLine {
        id: next_id(others.chain(order.lines.iter().map(|line| line.id))),
        line_no: line_no.unwrap_or(last + 1),
        item: None,
        description: String::new(),
        quantity: Decimal::ZERO,
        received: Decimal::ZERO,
        invoiced: Decimal::ZERO,
        unit_price: Decimal::ZERO,
        uom: "EA".to_owned(),
        tax_rate: Decimal::ZERO,
        required_date: order.required_date,
        location: room,
        work_order: None,
        asset: None,
    };
    set_line(draft, &mut line, values);
    let mut kept = values.clone();
    kept.insert("linetype".into(), kind.into());
    draft.keep_child("poline", line.id, &kept, &KEPT_OF_LINE);
    order.lines.push(line);
}

fn set_line(draft: &mut Draft<'_>, line: &mut PoLine, values: &Map<String, Value>) {
    if let Some(item) = draft.look_up(LINE, values, "itemnum", find_item) {
        line.item = item;
        if let Some(item) = item.and_then(|id| draft.world.find_item(id)) {
            // What the item says stands until the line says otherwise.
            line.description.clone_from(&item.name);
            line.uom.clone_from(&item.uom);
            line.unit_price = item.standard_cost;
            let item = item.id;
            let level = draft.world.stock_levels.iter().find(|level| level.item == item);
            line.location = level.map_or(line.location, |level| level.location);
        }
    }
    if let Some(description) = text(values, "description") {
        line.description = description.to_owned();
    }
    if let Some(quantity) = number(values, "orderqty") {
        if quantity <= Decimal::ZERO {
            draft.invalid(LINE, "orderqty", &quantity.to_string());
        }
        line.quantity = quantity;
    }
    if let Some(unit) = text(values, "orderunit").filter(|unit| !unit.is_empty()) {
        line.uom = unit.to_owned();
    }
    if let Some(cost) = number(values, "unitcost") {
        line.unit_price = cost;
    } else if let Some(cost) = number(values, "linecost").filter(|_| !line.quantity.is_zero()) {
        line.unit_price = cost / line.quantity;
    }
    if let Some(code) = text(values, "tax1code") {
        match code {
            "VAT19" => line.tax_rate = Decimal::new(19, 2),
            "EXEMPT" | "" => line.tax_rate = Decimal::ZERO,
            other => draft.invalid(LINE, "tax1code", other),
        }
    }
    if let Some(date) = day(values, "reqdeliverydate") {
        line.required_date = date;
    }
    if let Some(Some(room)) = draft.look_up(LINE, values, "storeloc", find_storeroom) {
        line.location = room;
    }
    if let Some(order) = draft.look_up(LINE, values, "refwo", find_order) {
        line.work_order = order;
    }
    if let Some(asset) = draft.look_up(LINE, values, "assetnum", find_asset) {
        line.asset = asset;
    }
    draft.look_up(LINE, values, "location", find_location);
}

fn read_only(attribute: &str) -> Problem {
    let text = format!("The field {attribute} is read-only");
    Problem::value("BMXAA4161E", OBJECT, attribute, text)
}

/// Returns the statuses that may follow a status.
pub(super) fn next_statuses(status: &str) -> &'static [&'static str] {
    match status {
        "WAPPR" => &["APPR", "INPRG", "HOLD", "CAN"],
        "APPR" => &["INPRG", "HOLD", "CLOSE", "CAN"],
        "INPRG" => &["HOLD", "CLOSE", "CAN"],
        "HOLD" => &["WAPPR", "APPR", "INPRG", "CAN"],
        _ => &[],
    }
}

/// Carries out the action that changes the status of an order.
pub(super) fn change_status(draft: &mut Draft<'_>, row: &Row, step: &Step) -> Result<String, Problem> {
    let mut order = find(&draft.world, row)?;
    let what = format!("Purchase order {}", order.number);
    let current = text(&row.values, "status").unwrap_or_default();
    if matches!(current, "CLOSE" | "CAN" | "REVISD") {
        return Err(Problem::in_history(&what));
    }
    let received = order.lines.iter().any(|line| !line.received.is_zero());
    let status = match step.status.as_str() {
        "WAPPR" => OrderStatus::PendingApproval,
        "APPR" => OrderStatus::Approved,
        "INPRG" if order.lines.iter().all(|line| line.received >= line.quantity) && received => OrderStatus::Received,
        "INPRG" if received => OrderStatus::PartiallyReceived,
        "INPRG" => OrderStatus::Sent,
        "HOLD" => OrderStatus::Rejected,
        "CLOSE" => OrderStatus::Closed,
        "CAN" => OrderStatus::Canceled,
        other => return Err(work::invalid_status(&what, other)),
    };
    if !next_statuses(current).contains(&step.status.as_str()) || (received && step.status == "CAN") {
        return Err(work::not_allowed(&what, current, &step.status));
    }
    if matches!(step.status.as_str(), "APPR" | "INPRG") && order.lines.is_empty() {
        let told = format!("{what} status was not changed: BMXAA5401E - The order has no lines");
        return Err(Problem::rule("BMXAA4590E", told));
    }
    let at = work::status_date(step, row, draft)?;
    order.status = status;
    if status.was_approved() && order.approved_at.is_none() {
        order.approved_at = Some(at);
    }
    order.updated_at = draft.at;
    let mut wanted = Map::new();
    wanted.insert("status".into(), step.status.as_str().into());
    wanted.insert("statusdate".into(), stamp(at));
    wanted.insert("changeby".into(), draft.user.as_str().into());
    put(draft, order, wanted, false)
}

/// Deletes an order that waits for approval.
pub(super) fn delete(draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
    let order = find(&draft.world, row)?;
    let what = format!("Purchase order {}", order.number);
    match text(&row.values, "status").unwrap_or_default() {
        "WAPPR" => {}
        "CLOSE" | "CAN" | "REVISD" => return Err(Problem::in_history(&what)),
        _ => return Err(Problem::stays(&what, "it is no longer waiting for approval")),
    }
    draft.world.purchase_orders.retain(|other| other.id != order.id);
    Ok(())
}
