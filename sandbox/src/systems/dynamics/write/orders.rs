//! Writes of purchase orders and their lines: first the header, then line by line.

use rust_decimal::Decimal;

use super::{
    Rest, Writing,
    find::{self, fill, log},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, as_date, value},
    systems::dynamics::codes::{self, COMPANY},
    world::{OrderStatus, PoLine, PurchaseOrder, VendorStatus, World},
};

const HEADERS: &str = "PurchaseOrderHeadersV2";
const LINES: &str = "PurchaseOrderLinesV2";

/// Makes the header of a purchase order; its number comes from a sequence.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    if let Some(number) = draft.text("PurchaseOrderNumber") {
        let message = format!("The number sequence of purchase orders is not manual: '{number}' cannot be given.");
        return Err(log(message));
    }
    draft.take("PurchaseOrderNumber");
    let account = draft
        .text("OrderVendorAccountNumber")
        .ok_or_else(|| fill("Vendor account"))?;
    let vendor = find::vendor(&writing.world, account)?;
    let last = writing
        .world
        .purchase_orders
        .iter()
        .filter_map(|order| order.number.parse::<u64>().ok())
        .max();
    let mut order = PurchaseOrder {
        id: writing
            .world
            .purchase_orders
            .iter()
            .map(|order| order.id)
            .max()
            .unwrap_or(0)
            + 1,
        number: (last.unwrap_or(4_500_000_000) + 1).to_string(),
        reference: None,
        vendor: vendor.id,
        buyer: 1,
        status: OrderStatus::Approved,
        order_date: writing.at.date_naive(),
        required_date: writing.at.date_naive(),
        approved_at: Some(writing.at),
        currency: vendor.currency.clone(),
        payment_terms: vendor.payment_terms.clone(),
        incoterms: None,
        site: 1,
        lines: Vec::new(),
        notes: None,
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    };
    let rest = place_all(&writing.world, &mut order, draft)?;
    let number = order.number.clone();
    writing.notes.create(HEADERS, format!("{COMPANY}/{number}"), &rest);
    writing.world.purchase_orders.push(order);
    Ok(vec![COMPANY.into(), number.into()])
}

fn place_all(world: &World, order: &mut PurchaseOrder, draft: Draft) -> Result<Rest, Problem> {
    let mut rest = Rest::new();
    for (name, value) in draft.values {
        if !place(world, order, &name, &value)? {
            rest.push((name, value));
        }
    }
    Ok(rest)
}

/// Puts a value of the header where the plant has a place for it; else returns false.
fn place(world: &World, order: &mut PurchaseOrder, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    let some = || (!text.is_empty()).then(|| text.to_owned());
    match name {
        "OrderVendorAccountNumber" => {
            let vendor = find::vendor(world, text)?;
            if vendor.status == VendorStatus::Inactive {
                return Err(log(format!("Vendor {text} is on hold for all transactions.")));
            }
            order.vendor = vendor.id;
        }
        "InvoiceVendorAccountNumber" => {
            let invoices = find::vendor(world, text)?.id;
            return Ok(invoices == order.vendor);
        }
        "VendorOrderReference" => order.reference = some(),
        "CurrencyCode" => {
            find::one_of(text, find::CURRENCIES, "Currency", "Currencies")?;
            order.currency = text.to_uppercase();
        }
        "PaymentTermsName" => {
            find::one_of(text, find::PAYMENT_TERMS, "Terms of payment", "Terms of payment")?;
            text.clone_into(&mut order.payment_terms);
        }
        "DeliveryTermsId" => {
            find::one_of(text, find::DELIVERY_TERMS, "Delivery terms", "Terms of delivery")?;
            order.incoterms = some();
        }
        "AccountingDate" => order.order_date = as_date(value).unwrap_or(order.order_date),
        "RequestedDeliveryDate" => order.required_date = as_date(value).unwrap_or(order.required_date),
        "ReasonComment" => order.notes = some(),
        "DefaultReceivingSiteId" if !text.is_empty() => order.site = find::site(world, text)?.id,
        "DefaultReceivingWarehouseId" if !text.is_empty() => {
            find::warehouse(world, text)?;
            return Ok(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Returns an order that may be changed.
fn open(writing: &Writing<'_>, number: &str) -> Result<PurchaseOrder, Problem> {
    let order = find::order(&writing.world, number)?;
    let reason = match order.status {
        OrderStatus::PendingApproval => "is in review and cannot be edited",
        OrderStatus::Sent | OrderStatus::PartiallyReceived => {
            "has been confirmed and cannot be edited; a change must be requested first"
        }
        OrderStatus::Received => "has been received and cannot be edited",
        OrderStatus::Closed => "has been finalized and cannot be edited",
        OrderStatus::Canceled => "has been canceled and cannot be edited",
        OrderStatus::Draft | OrderStatus::Rejected | OrderStatus::Approved => return Ok(order.clone()),
    };
    Err(log(format!("Purchase order {number} {reason}.")))
}

fn close(writing: &mut Writing<'_>, mut order: PurchaseOrder) {
    order.updated_at = writing.at;
    if let Some(kept) = writing
        .world
        .purchase_orders
        .iter_mut()
        .find(|kept| kept.id == order.id)
    {
        *kept = order;
    }
}

/// Changes a header.
pub(super) fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    let mut order = open(writing, value(entity, row, "PurchaseOrderNumber").text())?;
    let rest = place_all(&writing.world, &mut order, draft)?;
    writing.notes.change(HEADERS, entity.row_key(row), &rest);
    close(writing, order);
    Ok(())
}

/// Deletes an order of which nothing was received.
pub(super) fn delete(writing: &mut Writing<'_>, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let number = value(entity, row, "PurchaseOrderNumber").text();
    let order = find::order(&writing.world, number)?;
    if order.lines.iter().any(|line| !line.received.is_zero()) {
        return Err(log(format!(
            "Purchase order {number} cannot be deleted: product receipts have been posted."
        )));
    }
    if matches!(
        order.status,
        OrderStatus::PendingApproval | OrderStatus::Sent | OrderStatus::Closed
    ) {
        return Err(log(format!(
            "Purchase order {number} cannot be deleted in its present state."
        )));
    }
    let id = order.id;
    writing.world.purchase_orders.retain(|order| order.id != id);
    writing.notes.delete(HEADERS, entity.row_key(row));
    Ok(())
}

/// Makes a line of an order that exists.
pub(super) fn create_line(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft
        .text("PurchaseOrderNumber")
        .ok_or_else(|| fill("Purchase order"))?
        .to_owned();
    let mut order = open(writing, &number)?;
    let place = order.lines.len() + 1;
    if let Some(given) = draft.number("LineNumber")
        && given != Decimal::from(place)
    {
        return Err(log(format!(
            "Line number {given} is not possible; the next one is {place}."
        )));
    }
    for name in ["PurchaseOrderNumber", "LineNumber"] {
        draft.take(name);
    }
    let quantity = draft
        .number("OrderedPurchaseQuantity")
        .ok_or_else(|| fill("Quantity"))?;
    find::above_zero(quantity, "Quantity")?;
    let mut line = empty_line(writing, &order, &draft)?;
    let mut rest = place_line_values(&writing.world, &mut line, draft)?;
    price(&mut line, &mut rest, None)?;
    order.lines.push(line);
    writing
        .notes
        .create(LINES, format!("{COMPANY}/{number}/{place}"), &rest);
    writing.notes.change(HEADERS, format!("{COMPANY}/{number}"), &[]);
    close(writing, order);
    let place = i64::try_from(place).unwrap_or(i64::MAX);
    Ok(vec![COMPANY.into(), number.into(), place.into()])
}

fn empty_line(writing: &Writing<'_>, order: &PurchaseOrder, draft: &Draft) -> Result<PoLine, Problem> {
    let world = &writing.world;
    let item = draft
        .text("ItemNumber")
        .map(|number| find::item(world, number))
        .transpose()?;
    if item.is_none() {
        for (property, field) in [
            ("ProcurementProductCategoryName", "Item number or procurement category"),
            ("LineDescription", "Text"),
            ("PurchaseUnitSymbol", "Unit"),
        ] {
            if draft.text(property).is_none() {
                return Err(fill(field));
            }
        }
    }
    let header = writing.row(HEADERS, COMPANY, &order.number);
    let default = header.map_or("", |(entity, row)| {
        value(entity, row, "DefaultReceivingWarehouseId").text()
    });
    let in_site = |room: &&crate::world::Location| world.site_of(room.id).is_some_and(|site| site.id == order.site);
    let room = world.storerooms().find(|room| room.code == default);
    let room = room
        .or_else(|| world.storerooms().find(in_site))
        .or_else(|| world.storerooms().next());
    let lines = world.purchase_orders.iter().flat_map(|order| &order.lines);
    Ok(PoLine {
        id: lines.map(|line| line.id).max().unwrap_or(0) + 1,
        line_no: 10 * u32::try_from(order.lines.len() + 1).unwrap_or(u32::MAX / 10),
        item: item.map(|item| item.id),
        description: item.map_or_else(String::new, |item| item.name.clone()),
        quantity: Decimal::ZERO,
        received: Decimal::ZERO,
        invoiced: Decimal::ZERO,
        unit_price: item.map_or(Decimal::ZERO, |item| item.standard_cost),
        uom: item.map_or_else(String::new, |item| item.uom.clone()),
        tax_rate: Decimal::ZERO,
        required_date: order.required_date,
        location: room.map_or(1, |room| room.id),
        work_order: None,
        asset: None,
    })
}

/// Puts the values of a line where the plant has a place for them, and returns the others.
fn place_line_values(world: &World, line: &mut PoLine, draft: Draft) -> Result<Rest, Problem> {
    let mut rest = Rest::new();
    for (name, value) in draft.values {
        let text = value.text();
        match name.as_str() {
            "ItemNumber" => {
                let item = if text.is_empty() {
                    None
                } else {
                    Some(find::item(world, text)?.id)
                };
                if item != line.item {
                    return Err(log("The item number of a line cannot be changed."));
                }
            }
            "LineDescription" => text.clone_into(&mut line.description),
            "OrderedPurchaseQuantity" => {
                let quantity = number(&value);
                find::above_zero(quantity, "Quantity")?;
                if quantity < line.received {
                    return Err(log("The quantity cannot be less than the quantity received."));
                }
                line.quantity = quantity;
            }
            "PurchaseUnitSymbol" => {
                let is_used = world.items.iter().any(|item| item.uom.eq_ignore_ascii_case(text));
                if !is_used {
                    find::one_of(text, find::UNITS, "Unit", "Units")?;
                }
                line.uom = text.to_uppercase();
            }
            "RequestedDeliveryDate" => line.required_date = as_date(&value).unwrap_or(line.required_date),
            "ReceivingSiteId" => {
                find::site(world, text)?;
            }
            "ReceivingWarehouseId" => line.location = find::warehouse(world, text)?.id,
            "SalesTaxItemGroupCode" => {
                find::one_of(text, &["", "FULL"], "Item sales tax group", "Item sales tax groups")?;
                line.tax_rate = if text.is_empty() {
                    Decimal::ZERO
                } else {
                    Decimal::new(19, 2)
                };
            }
            "FixedAssetNumber" => {
                let asset = world.assets.iter().find(|asset| format!("FA-{:06}", asset.id) == text);
                line.asset = asset.map(|asset| asset.id);
                if asset.is_none() && !text.is_empty() {
                    return Err(log(format!(
                        "The value '{text}' in field 'Fixed asset number' is not found in the related table 'Fixed assets'."
                    )));
                }
            }
            "CustomerReference" => {
                line.work_order = find::work_order(world, text).ok().map(|work| work.id);
                if line.work_order.is_none() {
                    rest.push((name, value));
                }
            }
            "RequesterPersonnelNumber" if !text.is_empty() => {
                find::person(world, text)?;
                rest.push((name, value));
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
    let (amount, per) = (given("PurchasePrice"), given("PurchasePriceQuantity"));
    if shown.is_some() && amount.is_none() && per.is_none() {
        return Ok(());
    }
    let (old_amount, old_per) = shown.unwrap_or((line.unit_price, Decimal::ONE));
    let (amount, per) = (amount.unwrap_or(old_amount), per.unwrap_or(old_per));
    find::above_zero(per, "Price unit")?;
    if amount < Decimal::ZERO {
        return Err(log("Unit price must not be negative."));
    }
    line.unit_price = amount / per;
    rest.retain(|(name, _)| name != "PurchasePrice" && name != "PurchasePriceQuantity");
    rest.push(("PurchasePrice".to_owned(), amount.into()));
    rest.push(("PurchasePriceQuantity".to_owned(), per.into()));
    Ok(())
}

/// Returns an order that may be changed and the place of one of its lines.
fn open_line(writing: &Writing<'_>, entity: &Entity, row: &Row) -> Result<(PurchaseOrder, usize), Problem> {
    if value(entity, row, "IsDeleted").text() == "Yes" {
        return Err(log("The line is deleted."));
    }
    let order = open(writing, value(entity, row, "PurchaseOrderNumber").text())?;
    let place = number(value(entity, row, "LineNumber"));
    let place = (1..=order.lines.len()).find(|line| Decimal::from(*line) == place);
    Ok((order, place.ok_or_else(|| Problem::no_row(LINES))? - 1))
}

/// Changes a line.
pub(super) fn change_line(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    let (mut order, place) = open_line(writing, entity, row)?;
    let shown = |name: &str| number(value(entity, row, name));
    let shown = (shown("PurchasePrice"), shown("PurchasePriceQuantity"));
    if let Some(line) = order.lines.get_mut(place) {
        let mut rest = place_line_values(&writing.world, line, draft)?;
        price(line, &mut rest, Some(shown))?;
        writing.notes.change(LINES, entity.row_key(row), &rest);
    }
    let header = format!("{}/{}", codes::COMPANY, order.number);
    writing.notes.change(HEADERS, header, &[]);
    close(writing, order);
    Ok(())
}

/// Deletes a line: it stays in the set, marked as deleted and without quantity.
pub(super) fn delete_line(writing: &mut Writing<'_>, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let (mut order, place) = open_line(writing, entity, row)?;
    if let Some(line) = order.lines.get_mut(place) {
        if !line.received.is_zero() {
            return Err(log("The line cannot be deleted: product receipts have been posted."));
        }
        line.quantity = Decimal::ZERO;
    }
    let flag = [("IsDeleted".to_owned(), Value::from("Yes"))];
    writing.notes.change(LINES, entity.row_key(row), &flag);
    writing
        .notes
        .change(HEADERS, format!("{COMPANY}/{}", order.number), &[]);
    close(writing, order);
    Ok(())
}
