//! Purchase orders with items, schedule lines, account assignments and notes, for both versions.

use rust_decimal::Decimal;

use super::{
    codes::{self, COMPANY, LANGUAGE, PURCHASING},
    service::Set,
};
use crate::{
    odata::{Model, Row},
    world::{Item, ItemType, OrderStatus, PoLine, PurchaseOrder, World},
};

/// The context in the names of the customer's header fields.
const HEADER: &str = "PDH";

/// Adds the customer's header fields to the service of version 2.
pub(super) fn extend_version_2(model: &mut Model, world: &World) {
    codes::extend(
        model,
        "A_PurchaseOrder",
        HEADER,
        world.purchase_orders.iter().map(|order| &order.custom),
    );
}

/// Adds the customer's header fields to the service of version 4.
pub(super) fn extend_version_4(model: &mut Model, world: &World) {
    codes::extend(
        model,
        "PurchaseOrder",
        HEADER,
        world.purchase_orders.iter().map(|order| &order.custom),
    );
}

/// Returns the rows of the service of version 2.
pub(super) fn version_2(world: &World) -> Vec<Set> {
    let lines = || world.purchase_lines();
    vec![
        (
            "A_PurchaseOrder",
            world.purchase_orders.iter().map(|order| header(world, order)).collect(),
        ),
        (
            "A_PurchaseOrderItem",
            lines().map(|(order, line)| item_2(world, order, line)).collect(),
        ),
        (
            "A_PurchaseOrderScheduleLine",
            lines().map(|(order, line)| schedule(order, line)).collect(),
        ),
        (
            "A_PurOrdAccountAssignment",
            lines().filter_map(|(order, line)| assignment(order, line)).collect(),
        ),
        (
            "A_PurchaseOrderNote",
            world.purchase_orders.iter().filter_map(note).collect(),
        ),
    ]
}

/// Returns the rows of the service of version 4.
pub(super) fn version_4(world: &World) -> Vec<Set> {
    let lines = || world.purchase_lines();
    vec![
        (
            "PurchaseOrder",
            world
                .purchase_orders
                .iter()
                .map(|order| header_4(world, order))
                .collect(),
        ),
        (
            "PurchaseOrderItem",
            lines().map(|(order, line)| item_4(world, order, line)).collect(),
        ),
        (
            "PurchaseOrderScheduleLine",
            lines().map(|(order, line)| schedule_4(order, line)).collect(),
        ),
        (
            "PurchaseOrderAccountAssignment",
            lines().filter_map(|(order, line)| assignment(order, line)).collect(),
        ),
        (
            "PurchaseOrderNote",
            world.purchase_orders.iter().filter_map(note).collect(),
        ),
    ]
}

/// Returns the processing state: 01 in process, 02 active, 03 in release, 05 released, 08 rejected.
fn processing_status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Draft => "01",
        OrderStatus::PendingApproval => "03",
        OrderStatus::Rejected => "08",
        OrderStatus::Approved => "05",
        _ => "02",
    }
}

fn is_deleted(order: &PurchaseOrder) -> &'static str {
    if order.status == OrderStatus::Canceled { "L" } else { "" }
}

/// Sets what both versions of the header have in common.
fn common(world: &World, order: &PurchaseOrder) -> Row {
    let (terms, days) = codes::payment_terms(&order.payment_terms);
    let vendor = world.find_vendor(order.vendor);
    let awaits_release = matches!(order.status, OrderStatus::PendingApproval | OrderStatus::Rejected);
    let row = Row::new()
        .with("PurchaseOrder", &order.number)
        .with("PurchaseOrderType", "NB")
        .with("CompanyCode", COMPANY)
        .with("PurchasingProcessingStatus", processing_status(order.status))
        .with("PurchasingCompletenessStatus", order.status == OrderStatus::Draft)
        .with("ReleaseIsNotCompleted", awaits_release)
        .with("CreatedByUser", codes::user(world, order.buyer))
        .with("CreationDate", order.created_at)
        .with("LastChangeDateTime", order.updated_at)
        .with("Supplier", codes::supplier(order.vendor))
        .with("Language", LANGUAGE)
        .with("PaymentTerms", terms)
        .with("NetPaymentDays", days)
        .with("PurchasingOrganization", PURCHASING)
        .with("PurchasingGroup", codes::purchasing_group(order.buyer))
        .with("PurchaseOrderDate", order.order_date)
        .with("DocumentCurrency", &order.currency)
        .with_some("IncotermsClassification", order.incoterms.as_deref())
        .with_some("CorrespncExternalReference", order.reference.as_deref())
        .with_some("SupplierRespSalesPersonName", vendor.map(|vendor| &vendor.contact_name))
        .with_some("SupplierPhoneNumber", vendor.map(|vendor| &vendor.phone));
    codes::own_fields(row, HEADER, &order.custom)
}

fn header(world: &World, order: &PurchaseOrder) -> Row {
    let vendor = world.find_vendor(order.vendor);
    common(world, order)
        .with("PurchasingDocumentDeletionCode", is_deleted(order))
        .with("ExchangeRate", "1.00000")
        .with_some("AddressName", vendor.map(|vendor| &vendor.name))
        .with_some("AddressStreetName", vendor.map(|vendor| &vendor.street))
        .with_some("AddressCityName", vendor.map(|vendor| &vendor.city))
        .with_some("AddressPostalCode", vendor.map(|vendor| &vendor.postal_code))
        .with_some("AddressCountry", vendor.map(|vendor| &vendor.country))
}

fn header_4(world: &World, order: &PurchaseOrder) -> Row {
    common(world, order)
        .with("PurchaseOrderDeletionCode", is_deleted(order))
        .with("ExchangeRate", Decimal::ONE)
}

/// Returns for how many units the price is: every seventh line is priced per hundred.
fn price_unit(line: &PoLine) -> u32 {
    if line.id.is_multiple_of(7) { 100 } else { 1 }
}

fn item(world: &World, order: &PurchaseOrder, line: &PoLine) -> Row {
    let material = line.item.and_then(|item| world.find_item(item));
    let closes = matches!(order.status, OrderStatus::Received | OrderStatus::Closed);
    Row::new()
        .with("PurchaseOrder", &order.number)
        .with("PurchaseOrderItem", line.line_no.to_string())
        .with("PurchasingDocumentDeletionCode", is_deleted(order))
        .with("PurchaseOrderItemText", &line.description)
        .with("Plant", codes::plant(world, line.location))
        .with("StorageLocation", codes::storage_location(world, line.location))
        .with_some("Material", material.map(|item| &item.number))
        .with_some(
            "MaterialGroup",
            material.map(|item| codes::short_code(&item.category, 9)),
        )
        .with_some(
            "SupplierMaterialNumber",
            material.map(|item| &item.manufacturer_part_number),
        )
        .with_some("InternationalArticleNumber", material.map(|item: &Item| &item.barcode))
        .with("OrderQuantity", line.quantity)
        .with("PurchaseOrderQuantityUnit", &line.uom)
        .with("OrderPriceUnit", &line.uom)
        .with("OrderPriceUnitToOrderUnitNmrtr", 1_u32)
        .with("OrdPriceUnitToOrderUnitDnmntr", 1_u32)
        .with("DocumentCurrency", &order.currency)
        .with("NetPriceAmount", line.unit_price * Decimal::from(price_unit(line)))
        .with("NetPriceQuantity", price_unit(line))
        .with("TaxCode", if line.tax_rate.is_zero() { "V0" } else { "V1" })
        .with(
            "IsCompletelyDelivered",
            closes || (line.received >= line.quantity && !line.quantity.is_zero()),
        )
        .with(
            "IsFinallyInvoiced",
            line.invoiced >= line.quantity && !line.quantity.is_zero(),
        )
        .with("GoodsReceiptIsExpected", true)
        .with("InvoiceIsExpected", true)
        .with(
            "AccountAssignmentCategory",
            if line.work_order.is_some() { "F" } else { "" },
        )
        .with("RequisitionerName", codes::user(world, order.buyer))
}

/// Returns the product type of a line: 1 material, 2 service.
fn product_type(world: &World, line: &PoLine) -> &'static str {
    let material = line.item.and_then(|item| world.find_item(item));
    if material.is_some_and(|item| item.item_type == ItemType::Service) {
        "2"
    } else {
        "1"
    }
}

fn item_2(world: &World, order: &PurchaseOrder, line: &PoLine) -> Row {
    item(world, order, line).with("ProductType", product_type(world, line))
}

fn item_4(world: &World, order: &PurchaseOrder, line: &PoLine) -> Row {
    let material = line.item.and_then(|item| world.find_item(item));
    item(world, order, line)
        .with("CompanyCode", COMPANY)
        .with("PurchaseOrderCategory", "F")
        .with("ProductTypeCode", product_type(world, line))
        .with_some("BaseUnit", material.map(|item| &item.uom))
        .with("NetAmount", line.subtotal())
        .with("GrossAmount", line.subtotal())
        .with("EffectiveAmount", line.subtotal())
        .with("OrderItemQtyToBaseQtyNmrtr", 1_u32)
        .with("OrderItemQtyToBaseQtyDnmntr", 1_u32)
}

fn schedule(order: &PurchaseOrder, line: &PoLine) -> Row {
    Row::new()
        .with("PurchasingDocument", &order.number)
        .with("PurchasingDocumentItem", line.line_no.to_string())
        .with("ScheduleLine", "1")
        .with("DelivDateCategory", "1")
        .with("ScheduleLineDeliveryDate", line.required_date)
        .with("SchedLineStscDeliveryDate", line.required_date)
        .with("PurchaseOrderQuantityUnit", &line.uom)
        .with("ScheduleLineOrderQuantity", line.quantity)
}

fn schedule_4(order: &PurchaseOrder, line: &PoLine) -> Row {
    Row::new()
        .with("PurchaseOrder", &order.number)
        .with("PurchaseOrderItem", line.line_no.to_string())
        .with("ScheduleLine", "1")
        .with("DelivDateCategory", "1")
        .with("ScheduleLineDeliveryDate", line.required_date)
        .with("SchedLineStscDeliveryDate", line.required_date)
        .with("ScheduleLineOrderDate", order.order_date)
        .with("PurchaseOrderQuantityUnit", &line.uom)
        .with("ScheduleLineOrderQuantity", line.quantity)
        .with(
            "OpenPurchaseOrderQuantity",
            (line.quantity - line.received).max(Decimal::ZERO),
        )
        .with("Currency", &order.currency)
}

/// Assigns a line that was bought for maintenance work to its order.
fn assignment(order: &PurchaseOrder, line: &PoLine) -> Option<Row> {
    let work_order = line.work_order?;
    let row = Row::new()
        .with("PurchaseOrder", &order.number)
        .with("PurchaseOrderItem", line.line_no.to_string())
        .with("AccountAssignmentNumber", "1")
        .with("Quantity", line.quantity)
        .with("MultipleAcctAssgmtDistrPercent", 100_u32)
        .with("DocumentCurrency", &order.currency)
        .with("PurgDocNetAmount", line.subtotal())
        .with("OrderID", codes::maintenance_order(work_order))
        .with("ControllingArea", "A000")
        .with("GLAccount", "0051100000");
    Some(row)
}

fn note(order: &PurchaseOrder) -> Option<Row> {
    let row = Row::new()
        .with("PurchaseOrder", &order.number)
        .with("TextObjectType", "F01")
        .with("Language", LANGUAGE)
        .with("PlainLongText", order.notes.as_deref()?);
    Some(row)
}
