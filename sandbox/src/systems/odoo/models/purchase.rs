//! Purchase orders, their lines and their receipts.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use rust_decimal::Decimal;

use super::base::{STUDIO, currency_words, id_in, incoterm_words, partner_of_vendor, term_words, unit_id, user_id};
use super::stock::{VENDORS, location_id, warehouse_of};
use crate::systems::orm::plant::Open;
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{Location, OrderStatus, PoLine, PurchaseOrder, Receipt, World};

const STATES: &[(&str, &str)] = &[
    ("draft", "RFQ"),
    ("sent", "RFQ Sent"),
    ("to approve", "To Approve"),
    ("purchase", "Purchase Order"),
    ("cancel", "Cancelled"),
];

/// Returns the state; of the orders that were there from the start, every second request was sent.
pub(in crate::systems::odoo) fn state(order: &PurchaseOrder) -> &'static str {
    match order.status {
        OrderStatus::Draft if order.id.is_multiple_of(2) && !order.number.is_empty() => "sent",
        OrderStatus::Draft => "draft",
        OrderStatus::PendingApproval => "to approve",
        OrderStatus::Rejected | OrderStatus::Canceled => "cancel",
        _ => "purchase",
    }
}

fn receipt_status(order: &PurchaseOrder) -> Option<&'static str> {
    if order.lines.is_empty() {
        return None;
    }
    match order.status {
        OrderStatus::Approved | OrderStatus::Sent => Some("pending"),
        OrderStatus::PartiallyReceived => Some("partial"),
        OrderStatus::Received | OrderStatus::Closed => Some("full"),
        _ => None,
    }
}

fn invoice_status(order: &PurchaseOrder) -> &'static str {
    match order.status {
        OrderStatus::Closed => "invoiced",
        OrderStatus::PartiallyReceived | OrderStatus::Received => "to invoice",
        _ => "no",
    }
}

fn at_noon(day: NaiveDate) -> DateTime<Utc> {
    Utc.from_utc_datetime(&day.and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default()))
}

pub(in crate::systems::odoo) fn name(order: &PurchaseOrder) -> String {
    format!("P{:05}", order.id)
}

pub(super) fn orders(world: &World) -> Table {
    let (currencies, terms, incoterms) = (currency_words(world), term_words(world), incoterm_words(world));
    let pending = plant::open_deliveries(world);
    let own = plant::usual().purchase_orders.first().map(|order| &order.custom);
    Builder::new("purchase.order", "Purchase Order", "priority desc, id desc")
        .char("name", "Order Reference", |order: &&PurchaseOrder| name(order))
        .required()
        .char("display_name", "Display Name", |order| name(order))
        .select("priority", "Priority", &[("0", "Normal"), ("1", "Urgent")], |order| {
            if order.id % 10 == 4 { "1" } else { "0" }
        })
        .char("origin", "Source", |order| order.number.clone())
        .char("partner_ref", "Vendor Reference", |order| order.reference.clone())
        .moment("date_order", "Order Deadline", |order| at_noon(order.order_date))
        .required()
        .moment("date_approve", "Confirmation Date", |order| order.approved_at)
        .moment("date_planned", "Expected Arrival", |order| at_noon(order.required_date))
        .one("partner_id", "Vendor", "res.partner", |order| {
            partner_of_vendor(order.vendor)
        })
        .required()
        .one("currency_id", "Currency", "res.currency", move |order| {
            id_in(&currencies, &order.currency)
        })
        .required()
        .select("state", "Status", STATES, |order| state(order))
        .bool("locked", "Locked", |order| order.status == OrderStatus::Closed)
        .bool("acknowledged", "Acknowledged", |order| {
            order.status >= OrderStatus::Sent && order.status != OrderStatus::Canceled
        })
        .children("order_line", "Order Lines", "purchase.order.line", |order| {
            order.lines.iter().map(|line| line.id).collect()
        })
        .html("note", "Terms and Conditions", |order| {
            order
                .notes
                .as_ref()
                .map(|notes| format!("<p>{}</p>", notes.replace('\n', "<br>")))
        })
        .select(
            "invoice_status",
            "Billing Status",
            &[
                ("no", "Nothing to Bill"),
                ("to invoice", "Waiting Bills"),
                ("invoiced", "Fully Billed"),
            ],
            |order| invoice_status(order),
        )
        .select(
            "receipt_status",
            "Receipt Status",
            &[
                ("pending", "Not Received"),
                ("partial", "Partially Received"),
                ("full", "Fully Received"),
            ],
            |order| receipt_status(order),
        )
        .money("amount_untaxed", "Untaxed Amount", |order| order.untaxed())
        .money("amount_tax", "Taxes", |order| order.tax())
        .money("amount_total", "Total", |order| order.total())
        .one(
            "payment_term_id",
            "Payment Terms",
            "account.payment.term",
            move |order| id_in(&terms, &order.payment_terms),
        )
        .one("incoterm_id", "Incoterm", "account.incoterms", move |order| {
            order.incoterms.as_deref().and_then(|word| id_in(&incoterms, word))
        })
        .one("user_id", "Buyer", "res.users", |order| user_id(order.buyer))
        .one("company_id", "Company", "res.company", |_| 1)
        .required()
        .one("picking_type_id", "Deliver To", "stock.picking.type", |order| {
            warehouse_of(world, order.site)
        })
        .required()
        .many("picking_ids", "Receptions", "stock.picking", move |order| {
            let receipts = world.receipts.iter();
            let done = receipts.filter(|receipt| receipt.purchase_order == order.id);
            let open = pending.iter().filter(|open| open.order == order.id);
            done.map(|receipt| receipt.id).chain(open.map(|open| open.id)).collect()
        })
        .bool("is_shipped", "Is Shipped", |order| {
            receipt_status(order) == Some("full")
        })
        .computed()
        .moment("create_date", "Created on", |order| order.created_at)
        .moment("write_date", "Last Updated on", |order| order.updated_at)
        .one("create_uid", "Created by", "res.users", |order| user_id(order.buyer))
        .one("write_uid", "Last Updated by", "res.users", |order| {
            user_id(order.buyer)
        })
        .custom(STUDIO, own, |order: &&PurchaseOrder| Some(order.custom.clone()))
        .build(&world.purchase_orders, |order| order.id)
        .read_only(&[
            "state",
            "date_approve",
            "invoice_status",
            "receipt_status",
            "amount_untaxed",
            "amount_tax",
            "amount_total",
            "picking_ids",
            "create_date",
            "write_date",
            "create_uid",
            "write_uid",
        ])
}

type Line<'a> = (&'a PurchaseOrder, &'a PoLine);

pub(super) fn lines(world: &World) -> Table {
    let again = plant::open_deliveries(world);
    let currencies = currency_words(world);
    Builder::new("purchase.order.line", "Purchase Order Line", "order_id, sequence, id")
        .text("name", "Description", |(_, line): &Line<'_>| line.description.clone())
        .required()
        .char("display_name", "Display Name", |(_, line)| line.description.clone())
        .int("sequence", "Sequence", |(_, line)| line.line_no)
        .one("order_id", "Order Reference", "purchase.order", |(order, _)| order.id)
        .required()
        .one("product_id", "Product", "product.product", |(_, line)| line.item)
        .float("product_qty", "Quantity", |(_, line)| line.quantity)
        .required()
        .float("product_uom_qty", "Total Quantity", |(_, line)| line.quantity)
        .one("product_uom_id", "Unit", "uom.uom", |(_, line)| unit_id(&line.uom))
        .float("price_unit", "Unit Price", |(_, line)| line.unit_price)
        .required()
        .float("discount", "Discount (%)", |_| Decimal::ZERO)
        .money("price_subtotal", "Amount", |(_, line)| line.subtotal())
        .money("price_total", "Total", |(_, line)| line.subtotal() + line.tax())
        .float("price_tax", "Tax", |(_, line)| line.tax())
        .float("qty_received", "Received Qty", |(_, line)| line.received)
        .float("qty_invoiced", "Billed Qty", |(_, line)| line.invoiced)
        .float("qty_to_invoice", "To Invoice Quantity", |(_, line)| {
            (line.received - line.invoiced).max(Decimal::ZERO)
        })
        .moment("date_planned", "Expected Arrival", |(_, line)| {
            at_noon(line.required_date)
        })
        .select(
            "display_type",
            "Display Type",
            &[
                ("line_section", "Section"),
                ("line_subsection", "Subsection"),
                ("line_note", "Note"),
            ],
            |_| "",
        )
        .select("state", "Status", STATES, |(order, _)| state(order))
        .one("partner_id", "Partner", "res.partner", |(order, _)| {
            partner_of_vendor(order.vendor)
        })
        .one("currency_id", "Currency", "res.currency", move |(order, _)| {
            id_in(&currencies, &order.currency)
        })
        .one(
            "location_final_id",
            "Location from procurement",
            "stock.location",
            |(_, line)| location_id(line.location),
        )
        .moment("date_order", "Order Deadline", |(order, _)| at_noon(order.order_date))
        .children("move_ids", "Reservation", "stock.move", move |(_, line)| {
            let moves = world
                .stock_movements
                .iter()
                .filter(|movement| movement.purchase_line == Some(line.id));
            let pending = again.iter().flat_map(|open| &open.lines);
            let pending = pending.filter(|(id, ..)| *id == line.id).map(|(_, id, _)| *id);
            moves.map(|movement| movement.id).chain(pending).collect()
        })
        .one("company_id", "Company", "res.company", |_| 1)
        .moment("create_date", "Created on", |(order, _)| order.created_at)
        .moment("write_date", "Last Updated on", |(order, _)| order.updated_at)
        .one(
            "x_studio_work_order",
            "Work Order",
            "maintenance.request",
            |(_, line)| line.work_order,
        )
        .own()
        .one(
            "x_studio_equipment",
            "Equipment",
            "maintenance.equipment",
            |(_, line)| line.asset,
        )
        .own()
        .build(world.purchase_lines(), |(_, line)| line.id)
        .read_only(&[
            "state",
            "partner_id",
            "currency_id",
            "date_order",
            "price_subtotal",
            "price_total",
            "price_tax",
            "product_uom_qty",
            "qty_invoiced",
            "qty_to_invoice",
            "company_id",
            "create_date",
            "write_date",
        ])
}

enum Picking<'a> {
    Done(&'a Receipt),
    Open(Open),
}

impl Picking<'_> {
    fn id(&self) -> u32 {
        match self {
            Self::Done(receipt) => receipt.id,
            Self::Open(open) => open.id,
        }
    }

    fn name(&self) -> String {
        format!("WH/IN/{:05}", self.id())
    }

    fn order(&self) -> u32 {
        match self {
            Self::Done(receipt) => receipt.purchase_order,
            Self::Open(open) => open.order,
        }
    }

    fn received_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Done(receipt) => Some(receipt.received_at),
            Self::Open(_) => None,
        }
    }

    fn moves(&self, world: &World) -> Vec<u32> {
        match self {
            Self::Done(receipt) => {
                let moves = world.stock_movements.iter();
                moves
                    .filter(|one| plant::receipt_of(world, one).is_some_and(|of| of.id == receipt.id))
                    .map(|one| one.id)
                    .collect()
            }
            Self::Open(open) => open.lines.iter().map(|(_, id, _)| *id).collect(),
        }
    }
}

/// The types of internal transfers have ids behind this one.
const INTERNAL_TYPES: u32 = 100;

/// Done receipts, and for each confirmed order a transfer of what it still waits for.
pub(super) fn pickings(world: &World) -> Table {
    let order_of = |picking: &Picking<'_>| world.find_purchase_order(picking.order());
    let created = move |picking: &Picking<'_>| {
        let approved = || order_of(picking).and_then(|order| order.approved_at);
        picking.received_at().or_else(approved)
    };
    let done = world.receipts.iter().map(Picking::Done);
    let rows = done.chain(plant::open_deliveries(world).into_iter().map(Picking::Open));
    Builder::new(
        "stock.picking",
        "Transfer",
        "priority desc, scheduled_date asc, id desc",
    )
    .char("name", "Reference", Picking::name)
    .char("display_name", "Display Name", Picking::name)
    .char("origin", "Source Document", move |picking| order_of(picking).map(name))
    .select("priority", "Priority", &[("0", "Normal"), ("1", "Urgent")], |_| "0")
    .select(
        "state",
        "Status",
        &[
            ("draft", "Draft"),
            ("waiting", "Waiting Another Operation"),
            ("confirmed", "Waiting"),
            ("assigned", "Ready"),
            ("done", "Done"),
            ("cancel", "Cancelled"),
        ],
        |picking| match picking {
            Picking::Done(_) => "done",
            Picking::Open(_) => "assigned",
        },
    )
    .moment("scheduled_date", "Scheduled Date", move |picking| {
        let expected = || order_of(picking).map(|order| at_noon(order.required_date));
        picking.received_at().or_else(expected)
    })
    .moment("date_done", "Date of Transfer", Picking::received_at)
    .one("partner_id", "Contact", "res.partner", move |picking| {
        order_of(picking).map(|order| partner_of_vendor(order.vendor))
    })
    .one("purchase_id", "Purchase Orders", "purchase.order", Picking::order)
    .one(
        "picking_type_id",
        "Operation Type",
        "stock.picking.type",
        move |picking| order_of(picking).and_then(|order| warehouse_of(world, order.site)),
    )
    .required()
    .select(
        "picking_type_code",
        "Type of Operation",
        &[
            ("incoming", "Receipt"),
            ("outgoing", "Delivery"),
            ("internal", "Internal Transfer"),
        ],
        |_| "incoming",
    )
    .one("location_id", "Source Location", "stock.location", |_| VENDORS)
    .required()
    .one(
        "location_dest_id",
        "Destination Location",
        "stock.location",
        move |picking| {
            let line = order_of(picking).and_then(|order| order.lines.first());
            line.map(|line| location_id(line.location))
        },
    )
    .required()
    .children("move_ids", "Stock Moves", "stock.move", |picking| picking.moves(world))
    .children(
        "move_line_ids",
        "Operations",
        "stock.move.line",
        |picking| match picking {
            Picking::Done(_) => picking.moves(world),
            Picking::Open(_) => Vec::new(),
        },
    )
    .html("note", "Notes", |_| "")
    .one("company_id", "Company", "res.company", |_| 1)
    .moment("create_date", "Created on", created)
    .moment("write_date", "Last Updated on", created)
    .build(rows, Picking::id)
    .read_only(&["state", "date_done", "picking_type_code", "name"])
}

/// Each warehouse has a type for what comes in and one for what moves within it.
pub(super) fn picking_types(world: &World) -> Table {
    let sites = || world.locations.iter().filter(|place| place.parent.is_none());
    let incoming = sites().map(|site| (site, "incoming", "Receipts", 0));
    let internal = sites().map(|site| (site, "internal", "Internal Transfers", INTERNAL_TYPES));
    Builder::new("stock.picking.type", "Picking Type", "id")
        .char(
            "name",
            "Operation Type",
            |(_, _, name, _): &(&Location, &str, &str, u32)| *name,
        )
        .char("display_name", "Display Name", |(site, _, name, _)| {
            format!("{}: {name}", site.name)
        })
        .char("code", "Type of Operation", |(_, code, ..)| *code)
        .one("warehouse_id", "Warehouse", "stock.warehouse", |(site, ..)| {
            warehouse_of(world, site.id)
        })
        .one("company_id", "Company", "res.company", |_| 1)
        .bool("active", "Active", |_| true)
        .build(incoming.chain(internal), |(site, _, _, first)| {
            first + warehouse_of(world, site.id).unwrap_or(0)
        })
}
