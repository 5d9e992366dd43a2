//! The plant every simulated system shows: vendors, items, stock, assets, work and purchases,
//! generated from a seed so that two runs give the same records.

pub(crate) mod calibration;
mod generate;
mod maintenance;
mod names;
mod purchasing;
mod records;
mod stock;

#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};

pub use calibration::{Calibration, CalibrationResult};
pub use records::*;

/// The number that decides all generated values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Default for Seed {
    fn default() -> Self {
        Self(2026)
    }
}

/// How many records a world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// About 300 records.
    #[default]
    Small,
    /// About 3,000 records.
    Medium,
    /// About 10,000 records.
    Large,
}

/// Returns the day the world takes for "today"; all dates are relative to it.
#[must_use]
pub fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 20).unwrap_or_default()
}

/// Returns the instant the world takes for "now".
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc.from_utc_datetime(&today().and_hms_opt(12, 0, 0).unwrap_or_default())
}

/// One plant with all its records. Lists are ordered by id; ids start at 1 and are dense until a
/// test removes a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct World {
    /// Name of the company that runs the plant.
    pub company: String,
    /// ISO code of the company's currency.
    pub currency: String,
    /// People.
    pub users: Vec<User>,
    /// Suppliers.
    pub vendors: Vec<Vendor>,
    /// Sites, buildings, storerooms, bins and production lines; parents come before children.
    pub locations: Vec<Location>,
    /// Materials and services.
    pub items: Vec<Item>,
    /// Stock per item, storeroom, bin and lot.
    pub stock_levels: Vec<StockLevel>,
    /// Stock movements.
    pub stock_movements: Vec<StockMovement>,
    /// Equipment; parents come before children.
    pub assets: Vec<Asset>,
    /// Meters of equipment.
    pub meters: Vec<Meter>,
    /// Maintenance work.
    pub work_orders: Vec<WorkOrder>,
    /// Purchase orders with their lines.
    pub purchase_orders: Vec<PurchaseOrder>,
    /// Goods receipts.
    pub receipts: Vec<Receipt>,
    /// Calibrations of assets, which this customer keeps in objects of its own.
    pub calibrations: Vec<Calibration>,
}

/// A record with an id.
pub(crate) trait Row {
    fn id(&self) -> u32;
}

macro_rules! finders {
    ($($name:ident, $rows:ident, $type:ty, $noun:literal;)*) => {
        $(impl Row for $type { fn id(&self) -> u32 { self.id } })*
        impl World {
            $(#[doc = concat!("Returns the ", $noun, " with this id.")]
            #[must_use]
            pub fn $name(&self, id: u32) -> Option<&$type> { find(&self.$rows, id) })*
        }
    };
}

finders! {
    find_user, users, User, "user";
    find_vendor, vendors, Vendor, "vendor";
    find_location, locations, Location, "location";
    find_item, items, Item, "item";
    find_stock_level, stock_levels, StockLevel, "stock level";
    find_stock_movement, stock_movements, StockMovement, "stock movement";
    find_asset, assets, Asset, "asset";
    find_meter, meters, Meter, "meter";
    find_work_order, work_orders, WorkOrder, "work order";
    find_purchase_order, purchase_orders, PurchaseOrder, "purchase order";
    find_receipt, receipts, Receipt, "receipt";
    find_calibration, calibrations, Calibration, "calibration";
}

impl World {
    /// Returns the world this seed and size stand for.
    #[must_use]
    pub fn generate(seed: Seed, size: Size) -> Self {
        generate::world(seed, size)
    }

    /// Returns every purchase order line with its order.
    pub fn purchase_lines(&self) -> impl Iterator<Item = (&PurchaseOrder, &PoLine)> {
        self.purchase_orders
            .iter()
            .flat_map(|order| order.lines.iter().map(move |line| (order, line)))
    }

    /// Returns the storerooms.
    pub fn storerooms(&self) -> impl Iterator<Item = &Location> {
        self.locations
            .iter()
            .filter(|location| location.kind == LocationKind::Storeroom)
    }

    /// Returns the site a location belongs to (itself when it is a site).
    #[must_use]
    pub fn site_of(&self, location: u32) -> Option<&Location> {
        let mut current = self.find_location(location)?;
        while current.kind != LocationKind::Site {
            current = self.find_location(current.parent?)?;
        }
        Some(current)
    }

    /// Counts the main records (lines and tasks not included).
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.users.len()
            + self.vendors.len()
            + self.locations.len()
            + self.items.len()
            + self.stock_levels.len()
            + self.assets.len()
            + self.work_orders.len()
            + self.purchase_orders.len()
    }
}

/// Finds by id: at its dense place when nothing was removed, else by binary search (lists stay in
/// order of id), else by looking at all.
pub(crate) fn find<T: Row>(rows: &[T], id: u32) -> Option<&T> {
    let place = usize::try_from(id).ok()?.checked_sub(1)?;
    rows.get(place)
        .filter(|row| row.id() == id)
        .or_else(|| rows.binary_search_by_key(&id, Row::id).ok().and_then(|at| rows.get(at)))
        .or_else(|| rows.iter().find(|row| row.id() == id))
}
