//! Puts the data entities together: the model, the customer's fields and the rows of all sets.

use super::{assets, calibrations, codes, products, purchasing, vendors};
use crate::{
    odata::{Data, Flavour, Model, Row, Service, lay_over},
    world::World,
    written::Written,
};

/// The rows of one set.
pub(super) type Set = (&'static str, Vec<Row>);

/// The namespace of all types.
const NAMESPACE: &str = "Microsoft.Dynamics.DataEntities";

/// Returns the service over a world and what was written besides.
pub(super) fn service(world: &World, written: &Written) -> Service {
    let mut model = Model::parse(include_str!("model.txt"));
    let orders = world.purchase_orders.iter().map(|order| &order.custom);
    codes::extend(&mut model, "PurchaseOrderHeadersV2", orders);
    codes::extend(
        &mut model,
        "VendorsV2",
        world.vendors.iter().map(|vendor| &vendor.custom),
    );
    codes::extend(
        &mut model,
        "ReleasedProductsV2",
        world.items.iter().map(|item| &item.custom),
    );
    codes::extend(
        &mut model,
        "AssetMaintenanceAssetsV3",
        world.assets.iter().map(|asset| &asset.custom),
    );
    codes::extend(
        &mut model,
        "AssetMaintenanceWorkOrderTablesV2",
        world.work_orders.iter().map(|work| &work.custom),
    );
    let mut sets = purchasing::rows(world);
    sets.extend(vendors::rows(world));
    sets.extend(products::rows(world));
    sets.extend(assets::rows(world));
    sets.extend(calibrations::rows(world));
    for (set, rows) in &mut sets {
        if let Some(entity) = model.sets.get(*set) {
            *rows = lay_over(entity, set, std::mem::take(rows), written);
        }
    }
    Service {
        flavour: Flavour::Dynamics,
        namespace: NAMESPACE.into(),
        data: Data::new(model, Flavour::Dynamics, sets),
    }
}
