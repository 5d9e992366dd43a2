//! Writes of purchase orders and their notes, in both versions.

use rust_decimal::Decimal;

use super::{
    Writing,
    find::{self, enter},
    items,
};
use crate::{
    odata::{Draft, Problem, Value, as_date},
    systems::sap::{
        codes::{self, COMPANY, LANGUAGE, PURCHASING},
        logon,
    },
    world::{OrderStatus, PurchaseOrder, World},
};

/// From this value on, a purchase order needs a release.
const NEEDS_RELEASE: i64 = 10_000;

pub(super) const ORDERS: &str = "A_PurchaseOrder";
pub(super) const ITEMS: &str = "A_PurchaseOrderItem";
const NOTES: &str = "A_PurchaseOrderNote";

/// Values that the plant has no place for.
pub(super) type Rest = Vec<(String, Value)>;

/// Makes a purchase order with everything below it.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    if let Some(number) = draft.text("PurchaseOrder") {
        let message = format!("Number {number} is not in the range for external numbers of document type NB");
        return Err(Problem::rule("06/014", message).at("PurchaseOrder"));
    }
    for (property, label) in [
        ("PurchaseOrderType", "Document Type"),
        ("CompanyCode", "Company Code"),
        ("PurchasingOrganization", "Purch. Organization"),
        ("PurchasingGroup", "Purchasing Group"),
        ("Supplier", "Supplier"),
    ] {
        if draft.text(property).is_none() {
            return Err(enter(label, property));
        }
    }
    let items = either(&mut draft, "to_PurchaseOrderItem", "_PurchaseOrderItem");
    let notes = either(&mut draft, "to_PurchaseOrderNote", "_PurchaseOrderNote");
    let is_held = draft.take("PurchasingCompletenessStatus") == Some(Value::Flag(true));
    if items.is_empty() && !is_held {
        return Err(Problem::rule("MEPO/041", "Purchase order contains no items"));
    }
    let mut order = empty_order(writing, &draft)?;
    let mut rest = Rest::new();
    for (name, value) in std::mem::take(&mut draft.values) {
        if !place(&writing.world, &mut order, &name, &value)? {
            rest.push((name, value));
        }
    }
    order.required_date = order.order_date;
    order.status = OrderStatus::Draft;
    rest.push(("CreatedByUser".to_owned(), logon::USER.into()));
    writing.notes.create(ORDERS, order.number.clone(), &rest);
    for item in items {
        items::add_item(writing, &mut order, item)?;
    }
    for note in notes {
        put_note(writing, &mut order, note)?;
    }
    if !is_held {
        release(writing, &mut order);
    }
    order.required_date = order
        .lines
        .iter()
        .map(|line| line.required_date)
        .min()
        .unwrap_or(order.order_date);
    let number = order.number.clone();
    writing.world.purchase_orders.push(order);
    Ok(vec![number.into()])
}

/// Takes what is below a draft under the name of either version.
pub(super) fn either(draft: &mut Draft, version_2: &str, version_4: &str) -> Vec<Draft> {
    let mut found = draft.take_children(version_2);
    found.extend(draft.take_children(version_4));
    found
}

fn empty_order(writing: &Writing<'_>, draft: &Draft) -> Result<PurchaseOrder, Problem> {
    let world = &writing.world;
    let vendor = find::vendor(world, draft.text("Supplier").unwrap_or_default())?;
    let last = world
        .purchase_orders
        .iter()
        .filter_map(|order| order.number.parse::<u64>().ok())
        .max();
    Ok(PurchaseOrder {
        id: world.purchase_orders.iter().map(|order| order.id).max().unwrap_or(0) + 1,
        number: (last.unwrap_or(4_500_000_000) + 1).to_string(),
        reference: None,
        vendor: vendor.id,
        buyer: 1,
        status: OrderStatus::Draft,
        order_date: writing.at.date_naive(),
        required_date: writing.at.date_naive(),
        approved_at: None,
        currency: vendor.currency.clone(),
        payment_terms: vendor.payment_terms.clone(),
        incoterms: None,
        site: 1,
        lines: Vec::new(),
        notes: None,
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    })
}

/// Puts a value of the header where the plant has a place for it; else returns false.
fn place(world: &World, order: &mut PurchaseOrder, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    let not_defined = |what: &str| Problem::rule("ME/013", format!("{what} {text} not defined")).at(name);
    match name {
        "PurchaseOrder" => {}
        "PurchaseOrderType" if text == "NB" => {}
        "PurchaseOrderType" => return Err(not_defined("Document type")),
        "CompanyCode" if text == COMPANY => {}
        "CompanyCode" => return Err(not_defined("Company code")),
        "PurchasingOrganization" if text == PURCHASING => {}
        "PurchasingOrganization" => return Err(not_defined("Purchasing organization")),
        "PurchasingGroup" => {
            let buyer = text.parse().ok().and_then(|id| world.find_user(id));
            let buyer = buyer.filter(|user| codes::purchasing_group(user.id) == text);
            order.buyer = buyer.ok_or_else(|| not_defined("Purchasing group"))?.id;
        }
        "Supplier" => {
            let vendor = find::vendor(world, text)?;
            if vendor.status != crate::world::VendorStatus::Active {
                let message = format!("Supplier {text} is blocked for purchasing organization {PURCHASING}");
                return Err(Problem::rule("06/025", message).at(name));
            }
            order.vendor = vendor.id;
        }
        "DocumentCurrency" => {
            find::currency(text, name)?;
            text.clone_into(&mut order.currency);
        }
        "PaymentTerms" => order.payment_terms = find::payment_terms(text)?,
        "IncotermsClassification" => {
            find::incoterms(text)?;
            order.incoterms = some(text);
        }
        "CorrespncExternalReference" => order.reference = some(text),
        "PurchaseOrderDate" => {
            order.order_date = as_date(value).ok_or_else(|| enter("Document Date", name))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Sets the status that the value of an order leads to.
fn release(writing: &Writing<'_>, order: &mut PurchaseOrder) {
    let needs_release = order.untaxed() >= Decimal::from(NEEDS_RELEASE);
    order.status = if needs_release {
        OrderStatus::PendingApproval
    } else {
        OrderStatus::Approved
    };
    order.approved_at = (!needs_release).then_some(writing.at);
}

/// Changes the header.
pub(super) fn change(writing: &mut Writing<'_>, number: &str, mut draft: Draft) -> Result<(), Problem> {
    let held = draft.take("PurchasingCompletenessStatus");
    let mut rest = Rest::new();
    let mut order = open(writing, number)?;
    for (name, value) in draft.values {
        if name == "Supplier" && order.status != OrderStatus::Draft {
            let is_same = find::bare(&codes::supplier(order.vendor)) == find::bare(value.text());
            if !is_same {
                return Err(Problem::rule("06/380", "Supplier can no longer be changed").at("Supplier"));
            }
            continue;
        }
        if name == "DocumentCurrency" && order.lines.iter().any(|line| !line.received.is_zero()) {
            return Err(Problem::rule("06/112", "Currency can no longer be changed: goods receipts exist").at(&name));
        }
        if !place(&writing.world, &mut order, &name, &value)? {
            rest.push((name, value));
        }
    }
    match held {
        Some(Value::Flag(false)) if order.status == OrderStatus::Draft => {
            if order.lines.is_empty() {
                return Err(Problem::rule("MEPO/041", "Purchase order contains no items"));
            }
            release(writing, &mut order);
        }
        Some(Value::Flag(true)) if order.status != OrderStatus::Draft => {
            let message = "A purchase order that was released from hold cannot be held again";
            return Err(Problem::rule("MEPO/125", message).at("PurchasingCompletenessStatus"));
        }
        _ => restart(writing, &mut order),
    }
    writing.notes.change(ORDERS, number, &rest);
    close(writing, order)
}

/// Takes an order that may be changed out of the plant.
pub(super) fn open(writing: &Writing<'_>, number: &str) -> Result<PurchaseOrder, Problem> {
    let order = find::purchase_order(&writing.world, number)?;
    match order.status {
        OrderStatus::Canceled => {
            let message = format!("Purchasing document {number} is flagged for deletion and cannot be changed");
            Err(Problem::rule("06/054", message))
        }
        OrderStatus::Closed => {
            let message = format!("Purchasing document {number} is closed and cannot be changed");
            Err(Problem::rule("06/055", message))
        }
        _ => Ok(order.clone()),
    }
}

/// Puts an order back into the plant.
pub(super) fn close(writing: &mut Writing<'_>, mut order: PurchaseOrder) -> Result<(), Problem> {
    order.updated_at = writing.at;
    let place = find::order(&writing.world, &order.number)?;
    if let Some(kept) = writing.world.purchase_orders.get_mut(place) {
        *kept = order;
    }
    Ok(())
}

/// A change of an order that was or is being released starts its release anew.
pub(super) fn restart(writing: &Writing<'_>, order: &mut PurchaseOrder) {
    if matches!(
        order.status,
        OrderStatus::PendingApproval | OrderStatus::Rejected | OrderStatus::Approved
    ) {
        release(writing, order);
    }
}

/// Deletes an order: it stays, flagged for deletion.
pub(super) fn delete(writing: &mut Writing<'_>, number: &str) -> Result<(), Problem> {
    let mut order = open(writing, number)?;
    if order.lines.iter().any(|line| !line.received.is_zero()) {
        let message = format!("Purchasing document {number} cannot be deleted: goods receipts exist");
        return Err(Problem::rule("06/115", message));
    }
    order.status = OrderStatus::Canceled;
    writing.notes.change(ORDERS, number, &[]);
    close(writing, order)
}

/// Makes a note of an order that exists.
pub(super) fn create_note(writing: &mut Writing<'_>, draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft.text("PurchaseOrder").unwrap_or_default().to_owned();
    let mut order = open(writing, &number)?;
    let key = put_note(writing, &mut order, draft)?;
    writing.notes.change(ORDERS, number, &[]);
    close(writing, order)?;
    Ok(key)
}

fn put_note(writing: &mut Writing<'_>, order: &mut PurchaseOrder, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    let kind = draft
        .text("TextObjectType")
        .ok_or_else(|| enter("Text ID", "TextObjectType"))?
        .to_owned();
    let language = draft
        .text("Language")
        .ok_or_else(|| enter("Language", "Language"))?
        .to_owned();
    let key = format!("{}/{kind}/{language}", order.number);
    if kind == "F01" && language == LANGUAGE {
        order.notes = Some(draft.text("PlainLongText").unwrap_or_default().to_owned());
        writing.notes.create(NOTES, key, &[]);
    } else {
        draft.set("PurchaseOrder", order.number.clone());
        writing.notes.create_own(NOTES, key, &draft.values);
    }
    Ok(vec![order.number.clone().into(), kind.into(), language.into()])
}

/// Changes a note.
pub(super) fn change_note(
    writing: &mut Writing<'_>,
    (number, kind, language): (&str, &str, &str),
    mut draft: Draft,
) -> Result<(), Problem> {
    let mut order = open(writing, number)?;
    if kind == "F01"
        && language == LANGUAGE
        && let Some(text) = draft.take("PlainLongText")
    {
        order.notes = Some(text.text().to_owned());
    }
    writing
        .notes
        .change(NOTES, format!("{number}/{kind}/{language}"), &draft.values);
    writing.notes.change(ORDERS, number, &[]);
    close(writing, order)
}

/// Deletes a note.
pub(super) fn delete_note(writing: &mut Writing<'_>, number: &str, kind: &str, language: &str) -> Result<(), Problem> {
    let mut order = open(writing, number)?;
    if kind == "F01" && language == LANGUAGE {
        order.notes = None;
    } else {
        writing.notes.delete(NOTES, format!("{number}/{kind}/{language}"));
    }
    writing.notes.change(ORDERS, number, &[]);
    close(writing, order)
}
