//! Writes of purchase orders, their items, schedule lines, account assignments and notes, in both versions.

use rust_decimal::Decimal;

use super::{
    Writing,
    find::{self, enter},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, as_date, value},
    systems::sap::{
        codes::{self, COMPANY, LANGUAGE, PURCHASING},
        logon,
    },
    world::{OrderStatus, PoLine, PurchaseOrder, World},
};

/// From this value on, a purchase order needs a release.
const NEEDS_RELEASE: i64 = 10_000;

const ORDERS: &str = "A_PurchaseOrder";
const ITEMS: &str = "A_PurchaseOrderItem";
const ASSIGNMENTS: &str = "A_PurOrdAccountAssignment";
const NOTES: &str = "A_PurchaseOrderNote";

/// Values that the plant has no place for.
type Rest = Vec<(String, Value)>;

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
        add_item(writing, &mut order, item)?;
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
fn either(draft: &mut Draft, version_2: &str, version_4: &str) -> Vec<Draft> {
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
fn open(writing: &Writing<'_>, number: &str) -> Result<PurchaseOrder, Problem> {
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
fn close(writing: &mut Writing<'_>, mut order: PurchaseOrder) -> Result<(), Problem> {
    order.updated_at = writing.at;
    let place = find::order(&writing.world, &order.number)?;
    if let Some(kept) = writing.world.purchase_orders.get_mut(place) {
        *kept = order;
    }
    Ok(())
}

/// A change of an order that was or is being released starts its release anew.
fn restart(writing: &Writing<'_>, order: &mut PurchaseOrder) {
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

/// Makes an item of an order that exists.
pub(super) fn create_item(writing: &mut Writing<'_>, draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft
        .text("PurchaseOrder")
        .ok_or_else(|| enter("Purchase Order", "PurchaseOrder"))?
        .to_owned();
    let mut order = open(writing, &number)?;
    let line = add_item(writing, &mut order, draft)?;
    restart(writing, &mut order);
    writing.notes.change(ORDERS, number.clone(), &[]);
    close(writing, order)?;
    Ok(vec![number.into(), line.to_string().into()])
}

fn add_item(writing: &mut Writing<'_>, order: &mut PurchaseOrder, mut draft: Draft) -> Result<u32, Problem> {
    let line_no = item_number(order, &draft)?;
    let schedule = either(&mut draft, "to_ScheduleLine", "_PurchaseOrderScheduleLineTP");
    let assignments = either(&mut draft, "to_AccountAssignment", "_PurOrdAccountAssignment");
    check_category(&draft, &assignments)?;
    let mut line = empty_line(writing, order, &draft, line_no)?;
    let mut rest = place_item_values(writing, &mut line, draft)?;
    price(&mut line, &mut rest, None)?;
    if let [schedule] = schedule.as_slice() {
        place_schedule(&mut line, schedule)?;
    } else if schedule.len() > 1 {
        return Err(Problem::rule(
            "06/280",
            "Only one schedule line is possible for each item",
        ));
    }
    find::above_zero(line.quantity, "OrderQuantity")?;
    let key = format!("{}/{line_no}", order.number);
    writing.notes.create(ITEMS, key, &rest);
    order.lines.push(line);
    for mut assignment in assignments {
        assignment.set("PurchaseOrder", order.number.clone());
        assignment.set("PurchaseOrderItem", line_no.to_string());
        put_assignment(writing, order, line_no, assignment)?;
    }
    Ok(line_no)
}

/// Returns the number that the client gave, or the next one.
fn item_number(order: &PurchaseOrder, draft: &Draft) -> Result<u32, Problem> {
    let Some(text) = draft.text("PurchaseOrderItem") else {
        return Ok(order.lines.iter().map(|line| line.line_no).max().unwrap_or(0) / 10 * 10 + 10);
    };
    let wrong = || Problem::rule("06/235", format!("Item number {text} is not possible")).at("PurchaseOrderItem");
    let number: u32 = text.parse().map_err(|_| wrong())?;
    if number == 0 || order.lines.iter().any(|line| line.line_no == number) {
        return Err(wrong());
    }
    Ok(number)
}

fn check_category(draft: &Draft, assignments: &[Draft]) -> Result<(), Problem> {
    match (draft.text("AccountAssignmentCategory"), assignments) {
        (None, []) => Ok(()),
        (None, _) => Err(enter("Account Assignment Category", "AccountAssignmentCategory")),
        (Some(category), []) => {
            let message =
                format!("Account assignment mandatory for category {category}: enter account assignment data");
            Err(Problem::rule("ME/045", message).at("AccountAssignmentCategory"))
        }
        (Some("F"), [first, ..]) if first.text("OrderID").is_none() => Err(enter("Order", "OrderID")),
        (Some("K"), [first, ..]) if first.text("CostCenter").is_none() => Err(enter("Cost Center", "CostCenter")),
        _ => Ok(()),
    }
}

fn empty_line(writing: &Writing<'_>, order: &PurchaseOrder, draft: &Draft, line_no: u32) -> Result<PoLine, Problem> {
    let world = &writing.world;
    let item = draft
        .text("Material")
        .map(|number| find::item(world, number, "Material"))
        .transpose()?;
    if item.is_none() {
        for (property, label) in [
            ("PurchaseOrderItemText", "Short Text"),
            ("MaterialGroup", "Material Group"),
            ("PurchaseOrderQuantityUnit", "Order Unit"),
        ] {
            if draft.text(property).is_none() {
                return Err(enter(label, property));
            }
        }
        if draft.number("NetPriceAmount").is_none() {
            return Err(enter("Net Price", "NetPriceAmount"));
        }
    }
    let plant = draft.text("Plant").ok_or_else(|| enter("Plant", "Plant"))?;
    let location = find::storeroom(world, plant, draft.text("StorageLocation"))?;
    let has_quantity = draft.number("OrderQuantity").is_some();
    let schedule = [
        draft.below("to_ScheduleLine"),
        draft.below("_PurchaseOrderScheduleLineTP"),
    ];
    if !has_quantity && schedule.iter().all(|lines| lines.is_empty()) {
        return Err(enter("PO Quantity", "OrderQuantity"));
    }
    let all = world
        .purchase_orders
        .iter()
        .chain([order])
        .flat_map(|order| &order.lines);
    Ok(PoLine {
        id: all.map(|line| line.id).max().unwrap_or(0) + 1,
        line_no,
        item: item.map(|item| item.id),
        description: item.map_or_else(String::new, |item| item.name.chars().take(40).collect()),
        quantity: Decimal::ZERO,
        received: Decimal::ZERO,
        invoiced: Decimal::ZERO,
        unit_price: item.map_or(Decimal::ZERO, |item| item.standard_cost),
        uom: item.map_or_else(String::new, |item| item.uom.clone()),
        tax_rate: Decimal::ZERO,
        required_date: order.order_date + chrono::TimeDelta::days(7),
        location,
        work_order: None,
        asset: None,
    })
}

/// Puts the values of an item where the plant has a place for them, and returns the others.
fn place_item_values(writing: &Writing<'_>, line: &mut PoLine, draft: Draft) -> Result<Rest, Problem> {
    let mut rest = Rest::new();
    let plant = draft.text("Plant").map(str::to_owned);
    let storage_location = draft.text("StorageLocation").map(str::to_owned);
    if plant.is_some() || storage_location.is_some() {
        let plant = plant.unwrap_or_else(|| codes::plant(&writing.world, line.location));
        line.location = find::storeroom(&writing.world, &plant, storage_location.as_deref())?;
        if storage_location.is_none() {
            rest.push(("StorageLocation".to_owned(), "".into()));
        }
    }
    for (name, value) in draft.values {
        match name.as_str() {
            "PurchaseOrder" | "PurchaseOrderItem" | "Plant" => {}
            "StorageLocation" => rest.push((name, value)),
            "Material" => {
                let item = value.text();
                let item = if item.is_empty() {
                    None
                } else {
                    Some(find::item(&writing.world, item, "Material")?.id)
                };
                if item != line.item {
                    return Err(Problem::rule("06/219", "Material can no longer be changed").at("Material"));
                }
            }
            "PurchaseOrderItemText" => {
                if value.text().is_empty() {
                    return Err(enter("Short Text", "PurchaseOrderItemText"));
                }
                value.text().clone_into(&mut line.description);
            }
            "OrderQuantity" => {
                let quantity = number(&value);
                find::above_zero(quantity, "OrderQuantity")?;
                if quantity < line.received {
                    let message = format!(
                        "PO quantity {quantity} is less than the quantity delivered {}",
                        line.received
                    );
                    return Err(Problem::rule("06/022", message).at("OrderQuantity"));
                }
                line.quantity = quantity;
            }
            "PurchaseOrderQuantityUnit" => {
                find::unit(&writing.world, value.text(), &name)?;
                value.text().clone_into(&mut line.uom);
            }
            "TaxCode" => match value.text() {
                "" | "V0" => line.tax_rate = Decimal::ZERO,
                "V1" => line.tax_rate = Decimal::new(19, 2),
                other => {
                    let message = format!("Tax code {other} in procedure TAXD is invalid");
                    return Err(Problem::rule("FS/214", message).at("TaxCode"));
                }
            },
            "PurchaseOrderItemCategory" if value.text() == "D" || value.text() == "9" => {
                return Err(Problem::rule("MEPO/900", "Operation is not enabled").at(&name));
            }
            _ => rest.push((name, value)),
        }
    }
    Ok(rest)
}

fn number(value: &Value) -> Decimal {
    match value {
        Value::Number(number) => *number,
        _ => Decimal::ZERO,
    }
}

/// Works out the price of one unit; the price and its unit stay as they were given.
fn price(line: &mut PoLine, rest: &mut Rest, shown: Option<(Decimal, Decimal)>) -> Result<(), Problem> {
    let given = |name: &str| {
        rest.iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| number(value))
    };
    let (amount, per) = (given("NetPriceAmount"), given("NetPriceQuantity"));
    if shown.is_some() && amount.is_none() && per.is_none() {
        return Ok(());
    }
    let (old_amount, old_per) = shown.unwrap_or((line.unit_price, Decimal::ONE));
    let amount = amount.unwrap_or(old_amount);
    let per = per.unwrap_or(old_per);
    find::above_zero(per, "NetPriceQuantity")?;
    if amount < Decimal::ZERO {
        return Err(Problem::rule("06/215", "Net price must not be negative").at("NetPriceAmount"));
    }
    line.unit_price = amount / per;
    rest.retain(|(name, _)| name != "NetPriceAmount" && name != "NetPriceQuantity");
    rest.push(("NetPriceAmount".to_owned(), amount.into()));
    rest.push(("NetPriceQuantity".to_owned(), per.into()));
    Ok(())
}

fn place_schedule(line: &mut PoLine, draft: &Draft) -> Result<(), Problem> {
    if let Some(quantity) = draft.number("ScheduleLineOrderQuantity") {
        find::above_zero(quantity, "ScheduleLineOrderQuantity")?;
        if quantity < line.received {
            let message = format!(
                "PO quantity {quantity} is less than the quantity delivered {}",
                line.received
            );
            return Err(Problem::rule("06/022", message).at("ScheduleLineOrderQuantity"));
        }
        line.quantity = quantity;
    }
    if let Some(date) = draft.date("ScheduleLineDeliveryDate") {
        line.required_date = date;
    }
    Ok(())
}

/// Returns an order and the place of one of its items that may be changed.
fn open_item(writing: &Writing<'_>, number: &str, item: &str) -> Result<(PurchaseOrder, usize), Problem> {
    let order = open(writing, number)?;
    let place = order.lines.iter().position(|line| line.line_no.to_string() == item);
    let place = place.ok_or_else(|| Problem::no_row(ITEMS))?;
    Ok((order, place))
}

/// Changes an item.
pub(super) fn change_item(
    writing: &mut Writing<'_>,
    number: &str,
    item: &str,
    entity: &Entity,
    row: &Row,
    draft: Draft,
) -> Result<(), Problem> {
    if value(entity, row, "PurchasingDocumentDeletionCode").text() == "L" {
        let message = format!("Item {item} of purchasing document {number} is deleted and cannot be changed");
        return Err(Problem::rule("06/056", message));
    }
    let (mut order, place) = open_item(writing, number, item)?;
    let shown = |name: &str| self::number(value(entity, row, name));
    let shown = (shown("NetPriceAmount"), shown("NetPriceQuantity"));
    if let Some(line) = order.lines.get_mut(place) {
        let mut rest = place_item_values(writing, line, draft)?;
        price(line, &mut rest, Some(shown))?;
        writing.notes.change(ITEMS, format!("{number}/{item}"), &rest);
    }
    restart(writing, &mut order);
    writing.notes.change(ORDERS, number, &[]);
    close(writing, order)
}

/// Deletes an item: it stays, flagged for deletion.
pub(super) fn delete_item(writing: &mut Writing<'_>, number: &str, item: &str) -> Result<(), Problem> {
    let (order, place) = open_item(writing, number, item)?;
    if order.lines.get(place).is_some_and(|line| !line.received.is_zero()) {
        let message = format!("Item {item} of purchasing document {number} cannot be deleted: goods receipts exist");
        return Err(Problem::rule("06/115", message));
    }
    let flag = [("PurchasingDocumentDeletionCode".to_owned(), Value::from("L"))];
    writing.notes.change(ITEMS, format!("{number}/{item}"), &flag);
    writing.notes.change(ORDERS, number, &[]);
    close(writing, order)
}

/// Changes a schedule line.
pub(super) fn change_schedule(
    writing: &mut Writing<'_>,
    number: &str,
    item: &str,
    mut draft: Draft,
) -> Result<(), Problem> {
    let (mut order, place) = open_item(writing, number, item)?;
    if let Some(line) = order.lines.get_mut(place) {
        place_schedule(line, &draft)?;
    }
    draft.take("ScheduleLineOrderQuantity");
    draft.take("ScheduleLineDeliveryDate");
    let key = format!("{number}/{item}/1");
    writing.notes.change("A_PurchaseOrderScheduleLine", key, &draft.values);
    writing.notes.change(ITEMS, format!("{number}/{item}"), &[]);
    writing.notes.change(ORDERS, number, &[]);
    restart(writing, &mut order);
    close(writing, order)
}

/// Makes an account assignment of an item that exists.
pub(super) fn create_assignment(writing: &mut Writing<'_>, draft: Draft) -> Result<Vec<Value>, Problem> {
    let text = |name: &str| draft.text(name).unwrap_or_default().to_owned();
    let (number, item) = (text("PurchaseOrder"), text("PurchaseOrderItem"));
    let (mut order, place) = open_item(writing, &number, &item)?;
    let line_no = order.lines.get(place).map_or(0, |line| line.line_no);
    put_assignment(writing, &mut order, line_no, draft)?;
    close(writing, order)?;
    Ok(vec![number.into(), item.into(), "1".into()])
}

/// Changes the account assignment of an item.
pub(super) fn change_assignment(
    writing: &mut Writing<'_>,
    number: &str,
    item: &str,
    mut draft: Draft,
) -> Result<(), Problem> {
    let (mut order, place) = open_item(writing, number, item)?;
    let line = order.lines.get_mut(place).ok_or_else(|| Problem::no_row(ASSIGNMENTS))?;
    if line.work_order.is_some()
        && let Some(order_id) = draft.take("OrderID")
    {
        line.work_order = Some(find::work_order(&writing.world, order_id.text(), "OrderID")?.id);
    }
    writing
        .notes
        .change(ASSIGNMENTS, format!("{number}/{item}/1"), &draft.values);
    close(writing, order)
}

fn put_assignment(
    writing: &mut Writing<'_>,
    order: &mut PurchaseOrder,
    line_no: u32,
    mut draft: Draft,
) -> Result<(), Problem> {
    draft.set("AccountAssignmentNumber", "1");
    let key = format!("{}/{line_no}/1", order.number);
    let line = order.lines.iter_mut().find(|line| line.line_no == line_no);
    let line = line.ok_or_else(|| Problem::no_row(ITEMS))?;
    let Some(order_id) = draft.take("OrderID").filter(|order_id| !order_id.text().is_empty()) else {
        writing.notes.create_own(ASSIGNMENTS, key, &draft.values);
        return Ok(());
    };
    let work = find::work_order(&writing.world, order_id.text(), "OrderID")?;
    line.work_order = Some(work.id);
    line.asset = work.asset;
    writing.notes.create(ASSIGNMENTS, key, &draft.values);
    Ok(())
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
