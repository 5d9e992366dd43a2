//! Which tables of each system hold the records of a unified entity, so that the right to read one entity can be taken
//! away.

use std::error::Error;
use std::fmt;

use crate::server::System;

/// The tables of one entity: its unified name, and the system's own names.
type Tables = (&'static str, &'static [&'static str]);

/// A system has no table for a unified entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEntity {
    entity: String,
    system: System,
}

impl fmt::Display for UnknownEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = entities(self.system).collect();
        write!(
            f,
            "{} has no tables for {:?}; it has them for {}",
            self.system,
            self.entity,
            known.join(", ")
        )
    }
}

impl Error for UnknownEntity {}

/// Returns the names of the unified entities that a system has tables for.
pub(crate) fn entities(system: System) -> impl Iterator<Item = &'static str> {
    all(system).iter().map(|(entity, _)| *entity)
}

/// Returns the tables of a unified entity in a system.
pub(crate) fn tables(system: System, entity: &str) -> Result<&'static [&'static str], UnknownEntity> {
    all(system)
        .iter()
        .find(|(name, _)| *name == entity)
        .map(|(_, tables)| *tables)
        .ok_or_else(|| UnknownEntity {
            entity: entity.to_owned(),
            system,
        })
}

fn all(system: System) -> &'static [Tables] {
    match system {
        System::Tryton => TRYTON,
        System::Odoo => ODOO,
        System::SapS4hana => SAP,
        System::Dynamics365Fo => DYNAMICS,
        System::Maximo => MAXIMO,
        System::Limble => LIMBLE,
        System::Described(description) => &description.entities,
    }
}

const TRYTON: &[Tables] = &[
    ("PurchaseOrder", &["purchase.purchase"]),
    ("PurchaseOrderLine", &["purchase.line"]),
    ("WorkOrder", &["project.work"]),
    ("InventoryItem", &["product.product", "product.template"]),
    // Stock is read from the locations together with quantities by location.
    (
        "InventoryLevel",
        &[
            "stock.location",
            "stock.products_by_locations",
            "stock.lots_by_locations",
        ],
    ),
    ("Vendor", &["party.party"]),
    ("Asset", &["account.asset"]),
    ("Location", &["stock.location"]),
    ("GoodsReceipt", &["stock.shipment.in"]),
    ("GoodsReceiptLine", &["stock.move"]),
    ("StockTransaction", &["stock.move"]),
    ("User", &["company.employee"]),
];

const ODOO: &[Tables] = &[
    ("PurchaseOrder", &["purchase.order"]),
    ("PurchaseOrderLine", &["purchase.order.line"]),
    ("WorkOrder", &["maintenance.request"]),
    ("InventoryItem", &["product.product", "product.template"]),
    ("InventoryLevel", &["stock.quant"]),
    ("Vendor", &["res.partner"]),
    ("Asset", &["maintenance.equipment"]),
    ("Location", &["stock.location"]),
    ("GoodsReceipt", &["stock.picking"]),
    ("GoodsReceiptLine", &["stock.move"]),
    ("StockTransaction", &["stock.move"]),
    ("User", &["res.users"]),
];

const SAP: &[Tables] = &[
    ("PurchaseOrder", &["A_PurchaseOrder", "PurchaseOrder"]),
    ("PurchaseOrderLine", &["A_PurchaseOrderItem", "PurchaseOrderItem"]),
    ("WorkOrder", &["MaintenanceOrder"]),
    ("InventoryItem", &["A_Product"]),
    ("InventoryLevel", &["A_MatlStkInAcctMod", "A_MaterialStock"]),
    ("Vendor", &["A_BusinessPartner", "A_Supplier"]),
    ("Asset", &["Equipment"]),
    ("Location", &["FunctionalLocation"]),
    ("GoodsReceipt", &["A_MaterialDocumentItem", "A_MaterialDocumentHeader"]),
    (
        "StockTransaction",
        &["A_MaterialDocumentItem", "A_MaterialDocumentHeader"],
    ),
];

const DYNAMICS: &[Tables] = &[
    ("PurchaseOrder", &["PurchaseOrderHeadersV2"]),
    ("PurchaseOrderLine", &["PurchaseOrderLinesV2"]),
    ("WorkOrder", &["AssetMaintenanceWorkOrderTablesV2"]),
    ("WorkOrderTask", &["AssetMaintenanceWorkOrderLinesV2"]),
    ("InventoryItem", &["ReleasedProductsV2"]),
    ("InventoryLevel", &["WarehousesOnHandV2"]),
    ("Vendor", &["VendorsV2"]),
    ("Asset", &["AssetMaintenanceAssetsV3"]),
    ("Location", &["Warehouses"]),
    ("GoodsReceipt", &["ProductReceiptHeaders"]),
    ("GoodsReceiptLine", &["ProductReceiptLines"]),
];

const MAXIMO: &[Tables] = &[
    ("PurchaseOrder", &["mxapipo"]),
    ("WorkOrder", &["mxapiwodetail"]),
    ("InventoryItem", &["mxapiitem"]),
    ("InventoryLevel", &["mxapiinventory", "mxapiinvbal"]),
    ("Vendor", &["mxapivendor"]),
    ("Asset", &["mxapiasset"]),
    ("Location", &["mxapilocations"]),
    ("GoodsReceipt", &["mxapireceipt"]),
    ("User", &["mxapiperson"]),
];

const LIMBLE: &[Tables] = &[
    ("PurchaseOrder", &["po"]),
    ("PurchaseOrderLine", &["po/items"]),
    ("WorkOrder", &["tasks"]),
    ("WorkOrderTask", &["tasks/instructions"]),
    ("WorkOrderPart", &["tasks/parts"]),
    ("WorkOrderLabor", &["tasks/labor"]),
    ("InventoryItem", &["parts"]),
    ("InventoryLevel", &["parts"]),
    ("Vendor", &["vendors"]),
    ("Asset", &["assets"]),
    ("Location", &["locations"]),
    ("GoodsReceipt", &["bills"]),
    ("GoodsReceiptLine", &["bills/transactions"]),
    ("StockTransaction", &["parts/usage"]),
    ("User", &["users"]),
];
