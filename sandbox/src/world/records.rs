//! The plain records of the plant. Links between records are ids.
#![expect(missing_docs, reason = "the field names are the plain words of the domain")]

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;

/// A value of a customer's own field.
#[derive(Debug, Clone, PartialEq)]
pub enum Custom {
    /// Free text.
    Text(String),
    /// A number.
    Number(Decimal),
    /// Yes or no.
    Flag(bool),
    /// A day.
    Date(NaiveDate),
    /// One of a fixed list.
    Choice {
        /// The chosen one.
        value: String,
        /// All that could be chosen.
        options: &'static [&'static str],
    },
}

/// A customer's own fields: key in snake case without any prefix, and value.
pub type CustomFields = Vec<(&'static str, Custom)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum VendorStatus {
    Active,
    Blocked,
    Inactive,
}

/// A supplier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vendor {
    pub id: u32,
    /// Like `V-1001`.
    pub number: String,
    pub name: String,
    pub legal_name: String,
    pub tax_number: String,
    pub email: String,
    pub phone: String,
    pub contact_name: String,
    pub website: String,
    pub street: String,
    pub city: String,
    pub region: String,
    pub postal_code: String,
    /// ISO 3166 two letters.
    pub country: String,
    /// ISO 4217.
    pub currency: String,
    /// Like `30 Days`.
    pub payment_terms: String,
    pub status: VendorStatus,
    pub notes: String,
    #[serde(serialize_with = "crate::described::plant::custom")]
    pub custom: CustomFields,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LocationKind {
    Site,
    Building,
    Storeroom,
    Bin,
    ProductionLine,
}

/// A place; `parent` leads up to a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Location {
    pub id: u32,
    pub code: String,
    pub name: String,
    pub kind: LocationKind,
    pub parent: Option<u32>,
    pub street: String,
    pub city: String,
    pub region: String,
    pub postal_code: String,
    pub country: String,
    pub active: bool,
    #[serde(serialize_with = "crate::described::plant::custom")]
    pub custom: CustomFields,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ItemType {
    Stocked,
    NonStocked,
    Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ItemStatus {
    Active,
    PhasedOut,
    Inactive,
}

/// A material or service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    pub id: u32,
    /// Like `MAT-00100`.
    pub number: String,
    pub name: String,
    pub description: String,
    pub item_type: ItemType,
    /// `EA`, `L` or `M`.
    pub uom: String,
    pub category: String,
    pub manufacturer: String,
    pub manufacturer_part_number: String,
    /// EAN-13.
    pub barcode: String,
    pub standard_cost: Decimal,
    pub list_price: Decimal,
    pub currency: String,
    /// The preferred vendor.
    pub vendor: u32,
    pub status: ItemStatus,
    pub lot_tracked: bool,
    #[serde(serialize_with = "crate::described::plant::custom")]
    pub custom: CustomFields,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Stock of one item at one storeroom, bin and lot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StockLevel {
    pub id: u32,
    pub item: u32,
    /// A location of kind Storeroom.
    pub location: u32,
    /// A location of kind Bin below the storeroom.
    pub bin: Option<u32>,
    pub lot: Option<String>,
    pub on_hand: Decimal,
    pub reserved: Decimal,
    pub on_order: Decimal,
    pub min: Decimal,
    pub max: Decimal,
    pub reorder_point: Decimal,
    pub reorder_qty: Decimal,
    pub unit_cost: Decimal,
    pub last_counted: NaiveDate,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl StockLevel {
    /// Returns what is on hand and not reserved.
    #[must_use]
    pub fn available(&self) -> Decimal {
        self.on_hand - self.reserved
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MovementKind {
    Receipt,
    Issue,
    Adjustment,
    Transfer,
}

/// A stock movement. Outside places (vendor, consumption, loss) are `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StockMovement {
    pub id: u32,
    pub item: u32,
    pub kind: MovementKind,
    pub quantity: Decimal,
    pub from: Option<u32>,
    pub to: Option<u32>,
    pub at: DateTime<Utc>,
    pub work_order: Option<u32>,
    pub purchase_order: Option<u32>,
    pub purchase_line: Option<u32>,
    pub lot: Option<String>,
    pub unit_cost: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AssetStatus {
    Operating,
    Down,
    Standby,
    Decommissioned,
    NotReady,
}

/// A piece of equipment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asset {
    pub id: u32,
    /// Like `P-101`.
    pub number: String,
    pub name: String,
    pub description: String,
    /// Like `Pump`.
    pub kind: String,
    /// Like `Rotating equipment`.
    pub category: String,
    pub parent: Option<u32>,
    pub location: u32,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    pub vendor: Option<u32>,
    pub status: AssetStatus,
    /// 1 is the most critical, 4 the least.
    pub criticality: u8,
    pub purchase_date: NaiveDate,
    pub purchase_price: Decimal,
    pub installed_at: NaiveDate,
    pub warranty_end: NaiveDate,
    /// Ids of items.
    pub spare_parts: Vec<u32>,
    #[serde(serialize_with = "crate::described::plant::custom")]
    pub custom: CustomFields,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MeterKind {
    Continuous,
    Gauge,
}

/// A meter of an asset with its readings in order of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meter {
    pub id: u32,
    pub asset: u32,
    pub name: String,
    pub uom: String,
    pub kind: MeterKind,
    pub readings: Vec<(DateTime<Utc>, Decimal)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum WorkKind {
    Corrective,
    Preventive,
    Inspection,
    Emergency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum WorkStatus {
    Draft,
    PendingApproval,
    Approved,
    Scheduled,
    InProgress,
    OnHold,
    Completed,
    Closed,
    Canceled,
}

impl WorkStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::PendingApproval,
        Self::Approved,
        Self::Scheduled,
        Self::InProgress,
        Self::OnHold,
        Self::Completed,
        Self::Closed,
        Self::Canceled,
    ];
}

/// A step of a work order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Task {
    pub id: u32,
    pub seq: u32,
    pub title: String,
    pub done: bool,
}

/// A part planned for or used by a work order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    pub id: u32,
    pub item: u32,
    pub planned: Decimal,
    pub used: Decimal,
    pub unit_cost: Decimal,
}

/// Time a person spent on a work order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Labor {
    pub id: u32,
    pub user: u32,
    pub craft: String,
    pub hours: Decimal,
    pub rate: Decimal,
    pub started_at: DateTime<Utc>,
}

/// A piece of maintenance work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkOrder {
    pub id: u32,
    /// Like `WO-2001`.
    pub number: String,
    pub title: String,
    pub description: String,
    pub kind: WorkKind,
    pub status: WorkStatus,
    /// Only when on hold.
    pub hold_reason: Option<String>,
    /// 1 is the most urgent, 4 the least.
    pub priority: u8,
    pub asset: Option<u32>,
    pub location: u32,
    pub assignee: Option<u32>,
    pub requested_by: u32,
    pub vendor: Option<u32>,
    pub reported_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    pub scheduled_start: Option<DateTime<Utc>>,
    pub scheduled_end: Option<DateTime<Utc>>,
    pub actual_start: Option<DateTime<Utc>>,
    pub actual_end: Option<DateTime<Utc>>,
    pub estimated_hours: Decimal,
    pub actual_hours: Decimal,
    pub tasks: Vec<Task>,
    pub parts: Vec<Part>,
    pub labor: Vec<Labor>,
    pub failure_problem: Option<String>,
    pub failure_cause: Option<String>,
    pub failure_remedy: Option<String>,
    pub parent: Option<u32>,
    pub completion_notes: Option<String>,
    #[serde(serialize_with = "crate::described::plant::custom")]
    pub custom: CustomFields,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum OrderStatus {
    Draft,
    PendingApproval,
    Rejected,
    Approved,
    Sent,
    PartiallyReceived,
    Received,
    Closed,
    Canceled,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::PendingApproval,
        Self::Rejected,
        Self::Approved,
        Self::Sent,
        Self::PartiallyReceived,
        Self::Received,
        Self::Closed,
        Self::Canceled,
    ];

    /// Says whether the order was ever approved.
    #[must_use]
    pub fn was_approved(self) -> bool {
        matches!(
            self,
            Self::Approved | Self::Sent | Self::PartiallyReceived | Self::Received | Self::Closed
        )
    }
}

/// A line of a purchase order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PoLine {
    /// Unique over all orders.
    pub id: u32,
    /// 10, 20, 30.
    pub line_no: u32,
    /// None for a line of free text.
    pub item: Option<u32>,
    pub description: String,
    pub quantity: Decimal,
    pub received: Decimal,
    pub invoiced: Decimal,
    pub unit_price: Decimal,
    pub uom: String,
    /// A fraction: 0.19.
    pub tax_rate: Decimal,
    pub required_date: NaiveDate,
    /// A storeroom.
    pub location: u32,
    pub work_order: Option<u32>,
    pub asset: Option<u32>,
}

impl PoLine {
    /// Returns quantity times price, at cents.
    #[must_use]
    pub fn subtotal(&self) -> Decimal {
        (self.quantity * self.unit_price).round_dp(2)
    }

    /// Returns the tax on the line, at cents.
    #[must_use]
    pub fn tax(&self) -> Decimal {
        (self.subtotal() * self.tax_rate).round_dp(2)
    }
}

/// A purchase order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PurchaseOrder {
    pub id: u32,
    /// Ten digits, like `4500000001`.
    pub number: String,
    pub reference: Option<String>,
    pub vendor: u32,
    pub buyer: u32,
    pub status: OrderStatus,
    pub order_date: NaiveDate,
    pub required_date: NaiveDate,
    pub approved_at: Option<DateTime<Utc>>,
    pub currency: String,
    pub payment_terms: String,
    pub incoterms: Option<String>,
    pub site: u32,
    pub lines: Vec<PoLine>,
    pub notes: Option<String>,
    #[serde(serialize_with = "crate::described::plant::custom")]
    pub custom: CustomFields,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl PurchaseOrder {
    /// Returns the sum of the lines without tax.
    #[must_use]
    pub fn untaxed(&self) -> Decimal {
        self.lines.iter().map(PoLine::subtotal).sum()
    }

    /// Returns the sum of the lines' tax.
    #[must_use]
    pub fn tax(&self) -> Decimal {
        self.lines.iter().map(PoLine::tax).sum()
    }

    /// Returns what is to be paid.
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.untaxed() + self.tax()
    }
}

/// A goods receipt for a purchase order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    pub id: u32,
    pub number: String,
    pub purchase_order: u32,
    pub received_at: DateTime<Utc>,
    /// Purchase order line id and quantity.
    pub lines: Vec<(u32, Decimal)>,
}

/// A person with a login.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    pub id: u32,
    pub login: String,
    pub name: String,
    pub first: String,
    pub last: String,
    pub email: String,
    pub phone: String,
    /// Like `Technician`.
    pub role: String,
    /// Like `Mechanic`; empty for office roles.
    pub craft: String,
    pub hourly_rate: Decimal,
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
