//! Material documents: goods receipts for purchase orders, and the other stock movements.

use chrono::{DateTime, Datelike as _, Utc};

use super::{codes, service::Set};
use crate::{
    odata::Row,
    world::{MovementKind, Receipt, StockMovement, World},
};

/// Returns the rows of the service.
pub(super) fn rows(world: &World) -> Vec<Set> {
    let (mut headers, mut items) = (Vec::new(), Vec::new());
    for receipt in &world.receipts {
        headers.push(header(
            receipt_number(receipt),
            receipt.received_at,
            "01",
            &receipt.number,
        ));
        items.extend(receipt_items(world, receipt));
    }
    // Receipts for purchase orders are documents of their own already.
    for movement in world
        .stock_movements
        .iter()
        .filter(|movement| movement.purchase_order.is_none())
    {
        if let Some(item) = movement_item(world, movement) {
            headers.push(header(
                movement_number(movement),
                movement.at,
                movement_code(movement),
                "",
            ));
            items.push(item);
        }
    }
    vec![("A_MaterialDocumentHeader", headers), ("A_MaterialDocumentItem", items)]
}

fn receipt_number(receipt: &Receipt) -> String {
    (5_000_000_000_u64 + u64::from(receipt.id)).to_string()
}

fn movement_number(movement: &StockMovement) -> String {
    (4_900_000_000_u64 + u64::from(movement.id)).to_string()
}

fn header(number: String, at: DateTime<Utc>, code: &'static str, reference: &str) -> Row {
    Row::new()
        .with("MaterialDocumentYear", at.year().to_string())
        .with("MaterialDocument", number)
        .with("InventoryTransactionType", if code == "01" { "WE" } else { "WA" })
        .with("DocumentDate", at)
        .with("PostingDate", at)
        .with("CreationDate", at)
        .with("CreationTime", at)
        .with("CreatedByUser", "CB9980000010")
        .with("ReferenceDocument", reference)
        .with("GoodsMovementCode", code)
}

fn receipt_items(world: &World, receipt: &Receipt) -> Vec<Row> {
    let Some(order) = world.find_purchase_order(receipt.purchase_order) else {
        return Vec::new();
    };
    let row = |(place, (id, quantity)): (usize, &(u32, rust_decimal::Decimal))| {
        let line = order.lines.iter().find(|line| line.id == *id)?;
        let item = line.item.and_then(|item| world.find_item(item));
        let row = Row::new()
            .with("MaterialDocumentYear", receipt.received_at.year().to_string())
            .with("MaterialDocument", receipt_number(receipt))
            .with("MaterialDocumentItem", (place + 1).to_string())
            .with_some("Material", item.map(|item| &item.number))
            .with("Plant", codes::plant(world, line.location))
            .with("StorageLocation", codes::storage_location(world, line.location))
            .with("GoodsMovementType", "101")
            .with("InventoryStockType", "01")
            .with("GoodsMovementRefDocType", "B")
            .with("Supplier", codes::supplier(order.vendor))
            .with("PurchaseOrder", &order.number)
            .with("PurchaseOrderItem", line.line_no.to_string())
            .with("MaterialBaseUnit", &line.uom)
            .with("QuantityInBaseUnit", *quantity)
            .with("EntryUnit", &line.uom)
            .with("QuantityInEntryUnit", *quantity)
            .with("CompanyCodeCurrency", &world.currency)
            .with("IsCompletelyDelivered", line.received >= line.quantity);
        Some(row)
    };
    receipt.lines.iter().enumerate().filter_map(row).collect()
}

/// Returns the code of the transaction: 03 goods issue, 04 transfer, 05 other receipt.
fn movement_code(movement: &StockMovement) -> &'static str {
    match movement.kind {
        MovementKind::Issue => "03",
        MovementKind::Transfer => "04",
        MovementKind::Receipt | MovementKind::Adjustment => "05",
    }
}

fn movement_item(world: &World, movement: &StockMovement) -> Option<Row> {
    let item = world.find_item(movement.item)?;
    let place = movement.from.or(movement.to)?;
    let kind = match movement.kind {
        MovementKind::Receipt => "501",
        MovementKind::Issue => "261",
        MovementKind::Transfer => "311",
        MovementKind::Adjustment if movement.quantity.is_sign_negative() => "702",
        MovementKind::Adjustment => "701",
    };
    let target = movement.to.filter(|_| movement.kind == MovementKind::Transfer);
    let row = Row::new()
        .with("MaterialDocumentYear", movement.at.year().to_string())
        .with("MaterialDocument", movement_number(movement))
        .with("MaterialDocumentItem", "1")
        .with("Material", &item.number)
        .with("Plant", codes::plant(world, place))
        .with("StorageLocation", codes::storage_location(world, place))
        .with_some("Batch", movement.lot.as_deref())
        .with("GoodsMovementType", kind)
        .with("InventoryStockType", "01")
        .with_some("ManufacturingOrder", movement.work_order.map(codes::maintenance_order))
        .with_some(
            "IssuingOrReceivingPlant",
            target.map(|target| codes::plant(world, target)),
        )
        .with_some(
            "IssuingOrReceivingStorageLoc",
            target.map(|target| codes::storage_location(world, target)),
        )
        .with("MaterialBaseUnit", &item.uom)
        .with("QuantityInBaseUnit", movement.quantity.abs())
        .with("EntryUnit", &item.uom)
        .with("QuantityInEntryUnit", movement.quantity.abs())
        .with("CompanyCodeCurrency", &world.currency)
        .with(
            "GdsMvtExtAmtInCoCodeCrcy",
            (movement.quantity * movement.unit_cost).abs().round_dp(2),
        );
    Some(row)
}
