//! Purchases, their lines and the supplier shipments.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::OWN;
use super::moves;
use super::party::{changed, party_of_vendor};
use super::product::four_digits;
use super::small::{currency_words, id_in, term_words, unit_id};
use super::stock::{input_zone, location_id};
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{OrderStatus, PoLine, PurchaseOrder, Receipt, World};

const STATES: &[(&str, &str)] = &[
    ("draft", "Draft"),
    ("quotation", "Quotation"),
    ("confirmed", "Confirmed"),
    ("processing", "Processing"),
    ("done", "Done"),
    ("cancelled", "Cancelled"),
];

pub(in crate::systems::tryton) fn state(order: &PurchaseOrder) -> &'static str {
    match order.status {
        OrderStatus::Draft => "draft",
        OrderStatus::PendingApproval => "quotation",
        OrderStatus::Approved => "confirmed",
        OrderStatus::Sent | OrderStatus::PartiallyReceived | OrderStatus::Received => "processing",
        OrderStatus::Closed => "done",
        OrderStatus::Rejected | OrderStatus::Canceled => "cancelled",
    }
}

/// A purchase has a number from the quotation on.
fn number(order: &PurchaseOrder) -> Option<String> {
    (order.status != OrderStatus::Draft && !order.number.is_empty()).then(|| order.number.clone())
}

pub(in crate::systems::tryton) fn rec_name(order: &PurchaseOrder) -> String {
    let parts: Vec<String> = number(order)
        .into_iter()
        .chain(order.reference.as_ref().map(|text| format!("[{text}]")))
        .collect();
    if parts.is_empty() {
        format!("({})", order.id)
    } else {
        parts.join(" ")
    }
}

pub(super) fn purchases(world: &World) -> Table {
    let (currencies, terms) = (currency_words(world), term_words(world));
    let own = plant::usual().purchase_orders.first().map(|order| &order.custom);
    let all_moves = moves::all(world);
    Builder::new("purchase.purchase", "Purchase", "purchase_date desc, id desc")
        .char("number", "Number", |order: &&PurchaseOrder| number(order))
        .char("rec_name", "Record Name", |order| rec_name(order))
        .char("reference", "Reference", |order| order.reference.clone())
        .char("description", "Description", |order| {
            order.lines.first().map(|line| format!("Restock: {}", line.description))
        })
        .select("state", "State", STATES, |order| state(order))
        .required()
        .one("party", "Party", "party.party", |order| party_of_vendor(order.vendor))
        .required()
        .one("invoice_party", "Invoice Party", "party.party", |_| None)
        .one("invoice_address", "Invoice Address", "party.address", |order| {
            party_of_vendor(order.vendor)
        })
        .one("contact", "Contact", "party.contact_mechanism", |order| {
            order.vendor * 3 - 2
        })
        .date("purchase_date", "Purchase Date", |order| {
            (order.status != OrderStatus::Draft).then_some(order.order_date)
        })
        .date("delivery_date", "Delivery Date", |order| order.required_date)
        .date("quotation_expire", "Quotation Expire", |_| None::<chrono::NaiveDate>)
        .one("company", "Company", "company.company", |_| 1)
        .required()
        .one("currency", "Currency", "currency.currency", move |order| {
            id_in(&currencies, &order.currency)
        })
        .required()
        .one(
            "payment_term",
            "Payment Term",
            "account.invoice.payment_term",
            move |order| id_in(&terms, &order.payment_terms),
        )
        .one("warehouse", "Warehouse", "stock.location", |order| {
            location_id(order.site)
        })
        .children("lines", "Lines", "purchase.line", |order| {
            order.lines.iter().map(|line| line.id).collect()
        })
        .money("untaxed_amount", "Untaxed", |order| order.untaxed())
        .computed()
        .money("tax_amount", "Tax", |order| order.tax())
        .computed()
        .money("total_amount", "Total", |order| order.total())
        .computed()
        .text("comment", "Comment", |order| order.notes.clone())
        .select(
            "invoice_method",
            "Invoice Method",
            &[
                ("manual", "Manual"),
                ("order", "Based On Order"),
                ("fulfillment", "Based On Fulfillment"),
            ],
            |_| "fulfillment",
        )
        .required()
        .select(
            "invoice_state",
            "Invoice State",
            &[
                ("none", "None"),
                ("pending", "Pending"),
                ("awaiting payment", "Awaiting Payment"),
                ("partially paid", "Partially Paid"),
                ("paid", "Paid"),
                ("exception", "Exception"),
            ],
            |order| match order.status {
                OrderStatus::Closed => "paid",
                OrderStatus::PartiallyReceived | OrderStatus::Received => "pending",
                _ => "none",
            },
        )
        .required()
        .select(
            "shipment_state",
            "Shipment State",
            &[
                ("none", "None"),
                ("waiting", "Waiting"),
                ("partially shipped", "Partially Shipped"),
                ("received", "Received"),
                ("exception", "Exception"),
            ],
            |order| match order.status {
                OrderStatus::Sent => "waiting",
                OrderStatus::PartiallyReceived => "partially shipped",
                OrderStatus::Received | OrderStatus::Closed => "received",
                _ => "none",
            },
        )
        .required()
        .many("shipments", "Shipments", "stock.shipment.in", |order| {
            let receipts = world
                .receipts
                .iter()
                .filter(|receipt| receipt.purchase_order == order.id);
            receipts.map(|receipt| receipt.id).collect()
        })
        .computed()
        .many("moves", "Moves", "stock.move", move |order| {
            let lines: Vec<u32> = order.lines.iter().map(|line| line.id).collect();
            let moves = all_moves.iter();
            moves
                .filter(|one| one.purchase_line.is_some_and(|id| lines.contains(&id)))
                .map(|one| one.id)
                .collect()
        })
        .computed()
        .one("quoted_by", "Quoted By", "company.employee", |order| {
            (order.status != OrderStatus::Draft).then_some(order.buyer)
        })
        .one("confirmed_by", "Confirmed By", "company.employee", |order| {
            order.status.was_approved().then_some(order.buyer)
        })
        .one("create_uid", "Created by", "res.user", |order| order.buyer)
        .moment("create_date", "Created at", |order| order.created_at)
        .moment("write_date", "Edited at", |order| {
            changed(order.created_at, order.updated_at)
        })
        .char("x_incoterm", "Incoterm", |order| order.incoterms.clone())
        .own()
        .moment("x_approved_at", "Approved at", |order| order.approved_at)
        .own()
        .bool("x_rejected", "Rejected", |order| order.status == OrderStatus::Rejected)
        .own()
        .custom(OWN, own, |order: &&PurchaseOrder| Some(order.custom.clone()))
        .build(&world.purchase_orders, |order| order.id)
        .read_only(&[
            "number",
            "state",
            "invoice_state",
            "shipment_state",
            "shipments",
            "moves",
        ])
}

type Line<'a> = (&'a PurchaseOrder, &'a PoLine);

pub(super) fn lines(world: &World) -> Table {
    let currencies = currency_words(world);
    let all_moves = moves::all(world);
    Builder::new(
        "purchase.line",
        "Purchase Line",
        "purchase.purchase_date desc, purchase desc, id",
    )
    .one("purchase", "Purchase", "purchase.purchase", |(order, _): &Line<'_>| {
        order.id
    })
    .required()
    .char("rec_name", "Record Name", |(order, line)| {
        format!("{} {} @ {}", line.quantity, line.description, rec_name(order))
    })
    .select(
        "type",
        "Type",
        &[
            ("line", "Line"),
            ("subtotal", "Subtotal"),
            ("title", "Title"),
            ("comment", "Comment"),
        ],
        |_| "line",
    )
    .required()
    .int("sequence", "Sequence", |(_, line)| line.line_no)
    .one("product", "Product", "product.product", |(_, line)| line.item)
    .one(
        "product_supplier",
        "Supplier's Product",
        "purchase.product_supplier",
        |(_, line)| line.item,
    )
    .text("description", "Description", |(_, line)| line.description.clone())
    .char("summary", "Summary", |(_, line)| line.description.clone())
    .computed()
    .text("note", "Note", |_| "")
    .float("quantity", "Quantity", |(_, line)| line.quantity)
    // What has come and what is still awaited.
    .float("actual_quantity", "Actual Quantity", |(order, line)| {
        (order.status.was_approved() && line.item.is_some()).then(|| line.received.max(line.quantity))
    })
    .one("unit", "Unit", "product.uom", |(_, line)| unit_id(&line.uom))
    .money("unit_price", "Unit Price", |(_, line)| four_digits(line.unit_price))
    .money("amount", "Amount", |(_, line)| line.subtotal())
    .computed()
    .one("currency", "Currency", "currency.currency", move |(order, _)| {
        id_in(&currencies, &order.currency)
    })
    .computed()
    .date("delivery_date", "Delivery Date", |(_, line)| line.required_date)
    .computed()
    .bool("delivery_date_edit", "Edit Delivery Date", |_| true)
    .date("delivery_date_store", "Delivery Date", |(_, line)| line.required_date)
    .float("moves_progress", "Moves Progress", |(_, line)| {
        (!line.quantity.is_zero()).then(|| (line.received / line.quantity).round_dp(4))
    })
    .computed()
    .float("invoice_progress", "Invoice Progress", |(_, line)| {
        (!line.quantity.is_zero()).then(|| (line.invoiced / line.quantity).round_dp(4))
    })
    .computed()
    .children("moves", "Stock Moves", "stock.move", move |(_, line)| {
        all_moves
            .iter()
            .filter(|one| one.purchase_line == Some(line.id))
            .map(|one| one.id)
            .collect()
    })
    .one("warehouse", "Warehouse", "stock.location", |(order, _)| {
        location_id(order.site)
    })
    .computed()
    .one("to_location", "To Location", "stock.location", |(order, _)| {
        input_zone(world, order.site)
    })
    .computed()
    .select("purchase_state", "Purchase State", STATES, |(order, _)| state(order))
    .computed()
    .one("company", "Company", "company.company", |_| 1)
    .computed()
    .moment("create_date", "Created at", |(order, _)| order.created_at)
    .moment("write_date", "Edited at", |(order, _)| {
        changed(order.created_at, order.updated_at)
    })
    .one("x_work", "Work", "project.work", |(_, line)| {
        line.work_order.map(super::work::work_id)
    })
    .own()
    .one("x_asset", "Asset", "account.asset", |(_, line)| line.asset)
    .own()
    .one("x_location", "Storeroom", "stock.location", |(_, line)| {
        location_id(line.location)
    })
    .own()
    .float("x_tax_rate", "Tax rate", |(_, line)| line.tax_rate)
    .own()
    .build(world.purchase_lines(), |(_, line)| line.id)
    .read_only(&["actual_quantity", "delivery_date_store", "moves"])
}

pub(super) fn shipments(world: &World) -> Table {
    let order_of = |receipt: &Receipt| world.find_purchase_order(receipt.purchase_order);
    let all_moves = moves::all(world);
    let of_receipt = move |receipt: &Receipt| -> Vec<u32> {
        all_moves
            .iter()
            .filter(|one| one.receipt == Some(receipt.id))
            .map(|one| one.id)
            .collect()
    };
    let again = of_receipt.clone();
    let states = [
        ("draft", "Draft"),
        ("received", "Received"),
        ("done", "Done"),
        ("cancelled", "Cancelled"),
    ];
    Builder::new("stock.shipment.in", "Stock Shipment In", "effective_date, id")
        .char("number", "Number", |receipt: &&Receipt| receipt.number.clone())
        .char("rec_name", "Record Name", |receipt| receipt.number.clone())
        .char("reference", "Reference", |receipt| {
            format!("DN-{:04}", 8000 + receipt.id)
        })
        .select("state", "State", &states, |_| "done")
        .one("supplier", "Supplier", "party.party", move |receipt| {
            order_of(receipt).map(|order| party_of_vendor(order.vendor))
        })
        .required()
        .one("warehouse", "Warehouse", "stock.location", move |receipt| {
            order_of(receipt).map(|order| location_id(order.site))
        })
        .required()
        .one("warehouse_input", "Warehouse Input", "stock.location", move |receipt| {
            order_of(receipt).map(|order| input_zone(world, order.site))
        })
        .required()
        .one(
            "warehouse_storage",
            "Warehouse Storage",
            "stock.location",
            move |receipt| order_of(receipt).map(|order| location_id(order.site)),
        )
        .required()
        .date("planned_date", "Planned Date", |receipt| {
            receipt.received_at.date_naive()
        })
        .date("effective_date", "Effective Date", |receipt| {
            receipt.received_at.date_naive()
        })
        .one("company", "Company", "company.company", |_| 1)
        .required()
        .children("moves", "Moves", "stock.move", move |receipt| of_receipt(receipt))
        .many("incoming_moves", "Incoming Moves", "stock.move", move |receipt| {
            again(receipt)
        })
        .computed()
        .char("origins", "Origins", move |receipt| order_of(receipt).map(rec_name))
        .computed()
        .moment("create_date", "Created at", |receipt| receipt.received_at)
        .moment("write_date", "Edited at", |_| None::<DateTime<Utc>>)
        .float("x_pallets", "Pallets", |receipt| Decimal::from(1 + receipt.id % 4))
        .own()
        .build(&world.receipts, |receipt| receipt.id)
        .read_only(&["number", "state"])
}
