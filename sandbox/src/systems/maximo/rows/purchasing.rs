//! Vendors, purchase orders with their revisions, and receipts.

use chrono::Duration;
use serde_json::{Value, json};

use super::{
    ADMINISTRATOR, ITEM_SET, ORGANIZATION, item_number, location_code, midnight, moment, number, person, rich_text,
    site, text, text_or_null, vendor_number, with_custom,
};
use crate::world::{OrderStatus, PoLine, PurchaseOrder, Receipt, Vendor, VendorStatus, World};

/// Ids of replaced revisions start here.
const FIRST_REPLACED: u32 = 800_000;
/// One order in so many was revised once.
const REVISED_EVERY: u32 = 5;

pub(super) fn vendors(world: &World) -> Vec<Value> {
    world
        .vendors
        .iter()
        .map(|vendor| with_custom(vendor_row(vendor), &vendor.custom))
        .collect()
}

pub(super) fn vendor_row(vendor: &Vendor) -> Value {
    json!({
        "company": vendor.number,
        "orgid": ORGANIZATION,
        "companiesid": vendor.id,
        "name": text(&vendor.name),
        "type": "V",
        "disabled": vendor.status != VendorStatus::Active,
        "currencycode": vendor.currency,
        "contact": text(&vendor.contact_name),
        "phone": text(&vendor.phone),
        "address1": text(&vendor.street),
        "address2": text(&vendor.city),
        "address3": text(&vendor.region),
        "address4": text(&vendor.postal_code),
        "address5": text(&vendor.country),
        "homepage": text(&vendor.website),
        "registration1": text(&vendor.tax_number),
        "paymentterms": text(&vendor.payment_terms),
        "changedate": moment(vendor.updated_at),
        "changeby": ADMINISTRATOR,
        "compcontact": [{
            "compcontactid": vendor.id,
            "contact": text(&vendor.contact_name),
            "position": "Sales",
            "voicephone": text(&vendor.phone),
            "email": text(&vendor.email),
        }],
    })
}

/// Returns every order; one that was revised comes twice, first its replaced revision.
pub(super) fn orders(world: &World) -> Vec<Value> {
    world
        .purchase_orders
        .iter()
        .flat_map(|order| {
            let current = with_custom(order_row(order, world), &order.custom);
            let replaced = (revision(order) > 0).then(|| replaced(current.clone(), order));
            replaced.into_iter().chain([current])
        })
        .collect()
}

/// Only orders that were approved when the plant was drawn were revised.
fn revision(order: &PurchaseOrder) -> u32 {
    let is_drawn = order.approved_at == Some(order.created_at + Duration::hours(5));
    u32::from(is_drawn && order.status.was_approved() && order.id % REVISED_EVERY == 2)
}

fn replaced(mut row: Value, order: &PurchaseOrder) -> Value {
    let Some(values) = row.as_object_mut() else { return row };
    values.insert("revisionnum".into(), 0.into());
    values.insert("poid".into(), (FIRST_REPLACED + order.id).into());
    values.insert("status".into(), "REVISD".into());
    values.insert("historyflag".into(), true.into());
    values.insert("receipts".into(), "NONE".into());
    values.insert("revcomments".into(), "First issue".into());
    values.insert("statusdate".into(), moment(order.created_at));
    values.insert("changedate".into(), moment(order.created_at));
    for line in values
        .get_mut("poline")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(line) = line.as_object_mut() {
            line.insert("revisionnum".into(), 0.into());
            line.insert("receivedqty".into(), 0.0.into());
            line.insert("receiptscomplete".into(), false.into());
        }
    }
    row
}

pub(super) fn order_row(order: &PurchaseOrder, world: &World) -> Value {
    let vendor = world.find_vendor(order.vendor);
    let site = site(world, order.site);
    let lines: Vec<Value> = order.lines.iter().map(|line| line_row(line, order, world)).collect();
    let description = match &order.reference {
        Some(reference) => format!("Order {} as offered in {reference}", order.number),
        None => format!("Order {}", order.number),
    };
    json!({
        "ponum": order.number,
        "siteid": site,
        "orgid": ORGANIZATION,
        "revisionnum": revision(order),
        "poid": order.id,
        "description": description,
        "description_longdescription": rich_text(order.notes.as_deref().unwrap_or_default()),
        "status": status(order.status),
        "statusdate": moment(order.approved_at.unwrap_or(order.created_at)),
        "potype": "STD",
        "vendor": vendor_number(world, order.vendor),
        "contact": vendor.map(|vendor| text(&vendor.contact_name)),
        "purchaseagent": person(world, order.buyer),
        "orderdate": midnight(order.order_date),
        "requireddate": midnight(order.required_date),
        "vendeliverydate": midnight(order.required_date),
        "pretaxtotal": number(order.untaxed()),
        "totaltax1": number(order.tax()),
        "totalcost": number(order.total()),
        "currencycode": order.currency,
        "exchangerate": 1.0,
        "paymentterms": text(&order.payment_terms),
        "fob": text_or_null(order.incoterms.as_deref()),
        "shipto": location_code(world, order.site),
        "billto": location_code(world, order.site),
        "receipts": receipts_state(order),
        "historyflag": matches!(order.status, OrderStatus::Closed | OrderStatus::Canceled),
        "internal": false,
        "revcomments": (revision(order) > 0).then_some("Quantities changed"),
        "externalrefid": text_or_null(order.reference.as_deref()),
        "changedate": moment(order.updated_at),
        "changeby": person(world, order.buyer),
        "poline": lines,
    })
}

/// Returns the purchase status: a rejected order is on hold, one that was sent is in progress, and how much of it came
/// is told by `receipts`.
fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Draft | OrderStatus::PendingApproval => "WAPPR",
        OrderStatus::Rejected => "HOLD",
        OrderStatus::Approved => "APPR",
        OrderStatus::Sent | OrderStatus::PartiallyReceived | OrderStatus::Received => "INPRG",
        OrderStatus::Closed => "CLOSE",
        OrderStatus::Canceled => "CAN",
    }
}

fn receipts_state(order: &PurchaseOrder) -> &'static str {
    if order.lines.iter().all(|line| line.received.is_zero()) {
        return "NONE";
    }
    if order.lines.iter().all(|line| line.received >= line.quantity) {
        "COMPLETE"
    } else {
        "PARTIAL"
    }
}

fn line_row(line: &PoLine, order: &PurchaseOrder, world: &World) -> Value {
    let asset = line.asset.and_then(|id| world.find_asset(id));
    let work = line.work_order.and_then(|id| world.find_work_order(id));
    json!({
        "polineid": line.id,
        "polinenum": line.line_no,
        "revisionnum": revision(order),
        "linetype": if line.item.is_some() { "ITEM" } else { "MATERIAL" },
        "itemnum": line.item.map(|id| item_number(world, id)),
        "itemsetid": line.item.map(|_| ITEM_SET),
        "description": text(&line.description),
        "orderqty": number(line.quantity),
        "orderunit": line.uom,
        "unitcost": number(line.unit_price),
        "linecost": number(line.subtotal()),
        "loadedcost": number(line.subtotal() + line.tax()),
        "tax1": number(line.tax()),
        "tax1code": if line.tax_rate.is_zero() { "EXEMPT" } else { "VAT19" },
        "receivedqty": number(line.received),
        "rejectedqty": 0.0,
        "receiptscomplete": line.received >= line.quantity,
        "storeloc": location_code(world, line.location),
        "tositeid": site(world, line.location),
        "refwo": work.map(|work| work.number.as_str()),
        "assetnum": asset.map(|asset| asset.number.as_str()),
        "location": asset.map(|asset| location_code(world, asset.location)),
        "reqdeliverydate": midnight(line.required_date),
    })
}

/// Returns one row for each received line.
pub(super) fn receipts(world: &World) -> Vec<Value> {
    world
        .receipts
        .iter()
        .flat_map(|receipt| receipt_rows(receipt, world))
        .collect()
}

fn receipt_rows(receipt: &Receipt, world: &World) -> Vec<Value> {
    let Some(order) = world.find_purchase_order(receipt.purchase_order) else {
        return Vec::new();
    };
    receipt
        .lines
        .iter()
        .zip(1_u32..)
        .filter_map(|((line_id, quantity), place)| {
            let line = order.lines.iter().find(|line| line.id == *line_id)?;
            Some(json!({
                "matrectransid": receipt.id * 100 + place,
                "ponum": order.number,
                "porevisionnum": revision(order),
                "polinenum": line.line_no,
                "positeid": site(world, order.site),
                "siteid": site(world, line.location),
                "orgid": ORGANIZATION,
                "itemnum": line.item.map(|id| item_number(world, id)),
                "itemsetid": line.item.map(|_| ITEM_SET),
                "description": text(&line.description),
                "issuetype": "RECEIPT",
                "status": "COMP",
                "quantity": number(*quantity),
                "receiptquantity": number(*quantity),
                "receivedunit": line.uom,
                "rejectqty": 0.0,
                "unitcost": number(line.unit_price),
                "linecost": number(*quantity * line.unit_price),
                "currencyunitcost": number(line.unit_price),
                "currencycode": order.currency,
                "tostoreloc": location_code(world, line.location),
                "packingslipnum": receipt.number,
                "actualdate": moment(receipt.received_at),
                "transdate": moment(receipt.received_at),
                "enterby": person(world, order.buyer),
            }))
        })
        .collect()
}
