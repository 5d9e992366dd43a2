//! Purchase orders, their lines and the product receipts.

use rust_decimal::Decimal;

use super::{
    codes::{self, COMPANY, OTHER, row, yes_no},
    entities::Set,
};
use crate::{
    odata::Row,
    world::{Location, OrderStatus, PoLine, PurchaseOrder, Receipt, World},
};

/// Returns the rows of the purchasing entities. The other company has copies of two orders.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let (mut headers, mut lines) = (Vec::new(), Vec::new());
    for order in &world.purchase_orders {
        headers.push(header(world, order, COMPANY, &order.number));
        lines.extend(order_lines(world, order, COMPANY, &order.number));
    }
    for (place, order) in world.purchase_orders.iter().take(2).enumerate() {
        let number = format!("DAT-{:06}", place + 1);
        headers.push(header(world, order, OTHER, &number));
        lines.extend(order_lines(world, order, OTHER, &number));
    }
    vec![
        ("PurchaseOrderHeadersV2", headers),
        ("PurchaseOrderLinesV2", lines),
        (
            "ProductReceiptHeaders",
            world
                .receipts
                .iter()
                .filter_map(|receipt| receipt_header(world, receipt))
                .collect(),
        ),
        (
            "ProductReceiptLines",
            world
                .receipts
                .iter()
                .flat_map(|receipt| receipt_lines(world, receipt))
                .collect(),
        ),
    ]
}

fn status(order: &PurchaseOrder) -> &'static str {
    match order.status {
        OrderStatus::Received => "Received",
        OrderStatus::Closed => "Invoiced",
        OrderStatus::Canceled => "Canceled",
        _ => "Backorder",
    }
}

fn approval(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Draft => "Draft",
        OrderStatus::PendingApproval => "InReview",
        OrderStatus::Rejected => "Rejected",
        OrderStatus::Approved | OrderStatus::Canceled => "Approved",
        OrderStatus::Sent | OrderStatus::PartiallyReceived | OrderStatus::Received => "Confirmed",
        OrderStatus::Closed => "Finalized",
    }
}

fn header(world: &World, order: &PurchaseOrder, company: &str, number: &str) -> Row {
    let vendor = world.find_vendor(order.vendor);
    let account = vendor.map(|vendor| &vendor.number);
    let site = world.find_location(order.site);
    let warehouse = order.lines.first().map(|line| codes::code(world, line.location));
    let header = row(company)
        .with("PurchaseOrderNumber", number)
        .with_some("PurchaseOrderName", vendor.map(|vendor| &vendor.name))
        .with("PurchaseOrderStatus", status(order))
        .with("DocumentApprovalStatus", approval(order.status))
        .with_some("OrderVendorAccountNumber", account)
        .with_some("InvoiceVendorAccountNumber", account)
        .with_some("VendorOrderReference", order.reference.as_deref())
        .with("CurrencyCode", &order.currency)
        .with("PaymentTermsName", &order.payment_terms)
        .with_some("DeliveryTermsId", order.incoterms.as_deref())
        .with("AccountingDate", order.order_date)
        .with("RequestedDeliveryDate", order.required_date)
        .with("BuyerGroupId", format!("BG{:02}", order.buyer))
        .with("OrdererPersonnelNumber", codes::personnel(order.buyer))
        .with("RequesterPersonnelNumber", codes::personnel(order.buyer))
        .with("DefaultReceivingSiteId", codes::site(world, order.site))
        .with_some("DefaultReceivingWarehouseId", warehouse)
        .with("LanguageId", "en-us")
        .with_some("Email", vendor.map(|vendor| &vendor.email))
        .with_some("ReasonComment", order.notes.as_deref())
        .with("PurchaseOrderHeaderCreationMethod", "Purchase");
    let header = site.map_or(header.clone(), |site| delivery_address(header, site));
    if company == COMPANY {
        codes::own_fields(header, &order.custom)
    } else {
        header
    }
}

fn delivery_address(header: Row, site: &Location) -> Row {
    let address = codes::formatted_address(&site.street, &site.postal_code, &site.city, "DEU");
    header
        .with("DeliveryAddressName", &site.name)
        .with("DeliveryAddressStreet", &site.street)
        .with("DeliveryAddressCity", &site.city)
        .with("DeliveryAddressZipCode", &site.postal_code)
        .with("DeliveryAddressCountryRegionId", "DEU")
        .with("DeliveryAddressCountryRegionISOCode", &site.country)
        .with("FormattedDeliveryAddress", address)
}

/// Returns the lines, numbered from one; every fifteenth order keeps a line that was deleted.
fn order_lines(world: &World, order: &PurchaseOrder, company: &str, number: &str) -> Vec<Row> {
    let all = order.lines.iter().enumerate();
    let mut rows: Vec<Row> = all
        .map(|(place, line)| order_line(world, order, line, (company, number, place + 1)))
        .collect();
    if let Some(last) = order.lines.last().filter(|_| order.id % 15 == 1) {
        rows.push(order_line(world, order, last, (company, number, order.lines.len() + 1)).with("IsDeleted", "Yes"));
    }
    rows
}

fn line_status(order: &PurchaseOrder, line: &PoLine) -> &'static str {
    match order.status {
        OrderStatus::Canceled => "Canceled",
        _ if line.invoiced >= line.quantity && !line.quantity.is_zero() => "Invoiced",
        _ if line.received >= line.quantity && !line.quantity.is_zero() => "Received",
        _ => "Backorder",
    }
}

/// Returns for how many units the price is: every seventh line is priced per hundred.
fn price_unit(line: &PoLine) -> u32 {
    if line.id.is_multiple_of(7) { 100 } else { 1 }
}

fn line_key((company, number, place): (&str, &str, usize)) -> Row {
    let place = i64::try_from(place).unwrap_or(i64::MAX);
    row(company)
        .with("PurchaseOrderNumber", number)
        .with("LineNumber", place)
}

fn order_line(world: &World, order: &PurchaseOrder, line: &PoLine, key: (&str, &str, usize)) -> Row {
    let item = line.item.and_then(|item| world.find_item(item));
    let asset = line.asset.and_then(|asset| world.find_asset(asset));
    let work = line.work_order.and_then(|work| world.find_work_order(work));
    line_key(key)
        .with_some("ItemNumber", item.map(|item| &item.number))
        .with("LineDescription", &line.description)
        .with_some("ProcurementProductCategoryName", item.map(|item| &item.category))
        .with_some("ExternalItemNumber", item.map(|item| &item.manufacturer_part_number))
        .with("OrderedPurchaseQuantity", line.quantity)
        .with("PurchaseUnitSymbol", line.uom.to_lowercase())
        .with("PurchasePrice", line.unit_price * Decimal::from(price_unit(line)))
        .with("PurchasePriceQuantity", price_unit(line))
        .with("LineAmount", line.subtotal())
        .with("PurchaseOrderLineStatus", line_status(order, line))
        .with(
            "WorkflowState",
            if order.status.was_approved() {
                "Approved"
            } else {
                "NotSubmitted"
            },
        )
        .with("RequestedDeliveryDate", line.required_date)
        .with("ReceivingSiteId", codes::site(world, line.location))
        .with("ReceivingWarehouseId", codes::code(world, line.location))
        .with("RequesterPersonnelNumber", codes::personnel(order.buyer))
        .with("InventoryLotId", format!("{}-{:06}", key.0.to_uppercase(), line.id))
        .with(
            "SalesTaxItemGroupCode",
            if line.tax_rate.is_zero() { "" } else { "FULL" },
        )
        .with_some("FixedAssetNumber", asset.map(|asset| format!("FA-{:06}", asset.id)))
        .with_some("CustomerReference", work.map(|work| &work.number))
        .with("PurchaseOrderLineCreationMethod", "Purchase")
        .with("CalculateLineAmount", yes_no(true))
}

fn receipt_header(world: &World, receipt: &Receipt) -> Option<Row> {
    let order = world.find_purchase_order(receipt.purchase_order)?;
    let account = world.find_vendor(order.vendor).map(|vendor| &vendor.number);
    let header = row(COMPANY)
        .with("RecordId", record(receipt))
        .with("ProductReceiptNumber", &receipt.number)
        .with("ProductReceiptDate", receipt.received_at)
        .with("PurchaseOrderNumber", &order.number)
        .with_some("OrderVendorAccountNumber", account)
        .with("RequesterPersonnelNumber", codes::personnel(order.buyer));
    Some(header)
}

fn record(receipt: &Receipt) -> i64 {
    5_637_144_576 + i64::from(receipt.id)
}

fn receipt_lines(world: &World, receipt: &Receipt) -> Vec<Row> {
    let Some(order) = world.find_purchase_order(receipt.purchase_order) else {
        return Vec::new();
    };
    let received = receipt.lines.iter().enumerate();
    received
        .filter_map(|(place, (id, quantity))| receipt_line(world, receipt, order, (place, *id, *quantity)))
        .collect()
}

fn receipt_line(
    world: &World,
    receipt: &Receipt,
    order: &PurchaseOrder,
    (place, id, quantity): (usize, u32, Decimal),
) -> Option<Row> {
    let number = order.lines.iter().position(|line| line.id == id)?;
    let line = order.lines.get(number)?;
    let item = line.item.and_then(|item| world.find_item(item));
    let place = i64::try_from(place + 1).ok()?;
    let row = row(COMPANY)
        .with("RecordId", record(receipt) * 100 + place)
        .with("ProductReceiptHeaderRecordId", record(receipt))
        .with("ProductReceiptNumber", &receipt.number)
        .with("ProductReceiptDate", receipt.received_at)
        .with("PurchaseOrderNumber", &order.number)
        .with("PurchaseOrderLineNumber", i64::try_from(number + 1).ok()?)
        .with("LineNumber", place)
        .with_some("ItemNumber", item.map(|item| &item.number))
        .with("LineDescription", &line.description)
        .with("ReceivedPurchaseQuantity", quantity)
        .with("OrderedPurchaseQuantity", line.quantity)
        .with(
            "RemainingPurchaseQuantity",
            (line.quantity - line.received).max(Decimal::ZERO),
        )
        .with("PurchaseUnitSymbol", line.uom.to_lowercase())
        .with("ReceivingSiteId", codes::site(world, line.location))
        .with("ReceivingWarehouseId", codes::code(world, line.location))
        .with("InventTransId", format!("{}-{:06}", COMPANY.to_uppercase(), line.id));
    Some(row)
}
