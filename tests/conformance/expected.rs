//! How many records of a unified type each simulated system shows of its world.

use std::collections::BTreeSet;

use lineshaft_sandbox::{
    System, World,
    world::{ItemType, LocationKind},
};

/// Returns the number of records of a type, when the world tells it.
pub fn count(system: System, kind: &str, world: &World) -> Option<usize> {
    if let System::Described(_) = system {
        return system.expected(kind, world).unwrap();
    }
    if let Some(own) = own_count(system, kind, world) {
        return own;
    }
    Some(match kind {
        "PurchaseOrder" => world.purchase_orders.len(),
        "PurchaseOrderLine" => world.purchase_lines().count(),
        "GoodsReceipt" => world.receipts.len(),
        "GoodsReceiptLine" => receipt_lines(world).count(),
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
    })
}

/// Returns the number where a system does not show its world one to one. Nothing within when it cannot be told.
fn own_count(system: System, kind: &str, world: &World) -> Option<Option<usize>> {
    let places = |kinds: &[LocationKind]| {
        world
            .locations
            .iter()
            .filter(|place| kinds.contains(&place.kind))
            .count()
    };
    let functional = [LocationKind::Site, LocationKind::Building, LocationKind::ProductionLine];
    Some(match (system, kind) {
        // Places outside of the plant, and the zones where goods come and go.
        (System::Tryton, "Location") => Some(world.locations.len() + 5 + 2 * places(&[LocationKind::Site])),
        // Quantities are summed up by product and place, and told where there are any.
        (System::Tryton, "InventoryLevel") => {
            let filled = world.stock_levels.iter().filter(|level| !level.on_hand.is_zero());
            Some(
                filled
                    .map(|level| (level.item, level.bin.unwrap_or(level.location)))
                    .collect::<BTreeSet<_>>()
                    .len(),
            )
        }
        // Moves that lead to the stock of today, and those that are expected.
        (System::Tryton, "StockTransaction") => None,
        // What is bought without a product moves no stock.
        (System::Tryton | System::Odoo, "GoodsReceiptLine") => {
            let has_item = |id: u32| {
                world
                    .purchase_lines()
                    .any(|(_, line)| line.id == id && line.item.is_some())
            };
            Some(receipt_lines(world).filter(|id| has_item(*id)).count())
        }
        // Places outside of the plant.
        (System::Odoo, "Location") => Some(world.locations.len() + 5),
        // Each item of a document, each transaction, is a receipt.
        (System::SapS4hana | System::Maximo, "GoodsReceipt") => Some(receipt_lines(world).count()),
        (System::SapS4hana, "Location") => Some(places(&functional)),
        // Work without steps has one of its own.
        (System::SapS4hana | System::Dynamics365Fo, "WorkOrderTask") => {
            Some(world.work_orders.iter().map(|order| order.tasks.len().max(1)).sum())
        }
        // Warehouses.
        (System::Dynamics365Fo, "Location") => Some(world.storerooms().count()),
        // Plans and bookings are rows of their own.
        (System::Maximo, "WorkOrderPart") => {
            let parts = || world.work_orders.iter().flat_map(|order| &order.parts);
            Some(parts().count() + parts().filter(|part| !part.used.is_zero()).count())
        }
        (System::Maximo, "WorkOrderLabor") => {
            let planned = world
                .work_orders
                .iter()
                .filter(|order| order.assignee.is_some())
                .count();
            Some(planned + world.work_orders.iter().map(|order| order.labor.len()).sum::<usize>())
        }
        // Bins are names within a storeroom.
        (System::Limble | System::Maximo, "Location") => Some(world.locations.len() - places(&[LocationKind::Bin])),
        // A part lives at one place: an item is as many parts as it has storerooms.
        (System::Limble, "InventoryItem" | "InventoryLevel") => {
            let shelved: BTreeSet<_> = world
                .stock_levels
                .iter()
                .map(|level| (level.item, level.location))
                .collect();
            let stocked: BTreeSet<_> = shelved.iter().map(|(item, _)| *item).collect();
            let others = world
                .items
                .iter()
                .filter(|item| item.item_type != ItemType::Service && !stocked.contains(&item.id));
            Some(shelved.len() + others.count())
        }
        // What work used.
        (System::Limble, "StockTransaction") => Some(
            world
                .work_orders
                .iter()
                .flat_map(|order| &order.parts)
                .filter(|part| !part.used.is_zero())
                .count(),
        ),
        _ => return None,
    })
}

fn receipt_lines(world: &World) -> impl Iterator<Item = u32> {
    world
        .receipts
        .iter()
        .flat_map(|receipt| &receipt.lines)
        .map(|(line, _)| *line)
}
