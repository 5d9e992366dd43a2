//! How many records of a unified type each simulated system shows of its world.

use lineshaft_sandbox::{System, World};

/// Returns the number of records of a type, when the world tells it.
pub fn count(system: System, kind: &str, world: &World) -> Option<usize> {
    let all = match kind {
        "PurchaseOrder" => world.purchase_orders.len(),
        "PurchaseOrderLine" => world.purchase_lines().count(),
        "GoodsReceipt" => world.receipts.len(),
        "GoodsReceiptLine" => world.receipts.iter().map(|receipt| receipt.lines.len()).sum(),
        "Vendor" => world.vendors.len(),
        "InventoryItem" => world.items.len(),
        "InventoryLevel" => world.stock_levels.len(),
        "StockTransaction" => world.stock_movements.len(),
        "WorkOrder" => world.work_orders.len(),
        "WorkOrderTask" => world.work_orders.iter().map(|order| order.tasks.len()).sum(),
        "WorkOrderPart" => world.work_orders.iter().map(|order| order.parts.len()).sum(),
        "WorkOrderLabor" => world.work_orders.iter().map(|order| order.labor.len()).sum(),
        "Asset" => world.assets.len(),
        "Meter" => world.meters.len(),
        "MeterReading" => world.meters.iter().map(|meter| meter.readings.len()).sum(),
        "Location" => world.locations.len(),
        "User" => world.users.len(),
        _ => return None,
    };
    let _ = system;
    Some(all)
}
