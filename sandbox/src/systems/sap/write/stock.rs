//! Posts material documents: receipts for purchase orders, issues, transfers, other receipts and corrections, each with
//! its effect on stock, orders and maintenance work.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::{
    Writing,
    find::{self, enter},
};
use crate::{
    odata::{Draft, Problem, Value},
    systems::sap::{
        codes::{self, COMPANY},
        logon,
    },
    world::{ItemType, MovementKind, OrderStatus, Part, Receipt, StockLevel, StockMovement, WorkStatus, World},
};

const HEADERS: &str = "A_MaterialDocumentHeader";
const ITEMS: &str = "A_MaterialDocumentItem";

/// The movement types that each transaction allows.
const ALLOWED: [(&str, &[&str]); 4] = [
    ("01", &["101"]),
    ("03", &["201", "261", "551", "562", "702"]),
    ("04", &["301", "311"]),
    ("05", &["501", "561", "701", "702"]),
];

/// Posts a material document.
pub(super) fn post(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    let code = draft.text("GoodsMovementCode").map(str::to_owned);
    let code = code.ok_or_else(|| enter("Goods Movement Code", "GoodsMovementCode"))?;
    let allowed = ALLOWED
        .iter()
        .find(|(name, _)| *name == code.as_str())
        .map(|(_, types)| *types);
    let message = || format!("Goods movement code {code} is not supported");
    let allowed = allowed.ok_or_else(|| Problem::rule("M7/256", message()).at("GoodsMovementCode"))?;
    let is_receipt = code == "01";
    for property in ["MaterialDocument", "MaterialDocumentYear"] {
        if draft.text(property).is_some() {
            let message = "Material document numbers are assigned internally";
            return Err(Problem::rule("M7/259", message).at(property));
        }
    }
    let day = draft
        .date("PostingDate")
        .ok_or_else(|| enter("Posting Date", "PostingDate"))?;
    if draft.get("DocumentDate").is_none() {
        return Err(enter("Document Date", "DocumentDate"));
    }
    check_period(writing, day)?;
    let posted_at = day.and_time(writing.at.time()).and_utc();
    let items = draft.take_children("to_MaterialDocumentItem");
    if items.is_empty() {
        return Err(Problem::rule("M7/002", "Document does not contain any items"));
    }
    for item in &items {
        let kind = item
            .text("GoodsMovementType")
            .ok_or_else(|| enter("Movement Type", "GoodsMovementType"))?;
        if !allowed.contains(&kind) {
            let message = format!("Movement type {kind} is not allowed for goods movement code {code}");
            return Err(Problem::rule("M7/257", message).at("GoodsMovementType"));
        }
        let quantity = item.number("QuantityInEntryUnit");
        let quantity = quantity.ok_or_else(|| enter("Quantity", "QuantityInEntryUnit"))?;
        find::above_zero(quantity, "QuantityInEntryUnit")?;
    }
    draft.set("CreatedByUser", logon::USER);
    let number = if is_receipt {
        receive(writing, posted_at, &draft, items)?
    } else {
        move_stock(writing, posted_at, &draft, items)?
    };
    Ok(vec![day.year().to_string().into(), number.into()])
}

/// Refuses days in closed periods: the month before and the present one are open unless a test says otherwise.
fn check_period(writing: &Writing<'_>, day: NaiveDate) -> Result<(), Problem> {
    let today = writing.at.date_naive();
    let first_of_month = today.with_day(1).unwrap_or(today);
    let usual = first_of_month
        .pred_opt()
        .and_then(|last| last.with_day(1))
        .unwrap_or(first_of_month);
    let open_from = writing.open_from.unwrap_or(usual);
    let ends = first_of_month + chrono::Months::new(1);
    if day >= open_from && day < ends {
        return Ok(());
    }
    let message = format!(
        "Posting only possible in periods {} to {} in company code {COMPANY}",
        open_from.format("%Y/%m"),
        today.format("%Y/%m")
    );
    Err(Problem::rule("M7/053", message).at("PostingDate"))
}

/// Receives goods for a purchase order.
fn receive(
    writing: &mut Writing<'_>,
    posted_at: DateTime<Utc>,
    draft: &Draft,
    items: Vec<Draft>,
) -> Result<String, Problem> {
    let number = items.first().and_then(|item| item.text("PurchaseOrder"));
    let number = number
        .ok_or_else(|| enter("Purchase Order", "PurchaseOrder"))?
        .to_owned();
    let place = find::order(&writing.world, &number)?;
    let receipt_id = writing
        .world
        .receipts
        .iter()
        .map(|receipt| receipt.id)
        .max()
        .unwrap_or(0)
        + 1;
    let document = (5_000_000_000_u64 + u64::from(receipt_id)).to_string();
    let year = posted_at.year();
    let mut lines = Vec::new();
    for (row, item) in (1..).zip(items) {
        if item.text("PurchaseOrder") != Some(number.as_str()) {
            let message = "All items of a receipt must refer to the same purchase order";
            return Err(Problem::rule("M7/261", message).at("PurchaseOrder"));
        }
        let (line, quantity) = receive_item(writing, place, posted_at, &item)?;
        if lines.iter().any(|(known, _)| *known == line) {
            return Err(Problem::rule("M7/262", "An item of the order occurs twice").at("PurchaseOrderItem"));
        }
        lines.push((line, quantity));
        let rest = without(
            item,
            &["PurchaseOrder", "Plant", "StorageLocation", "QuantityInEntryUnit"],
        );
        writing.notes.create(ITEMS, format!("{year}/{document}/{row}"), &rest);
    }
    let reference = draft.text("ReferenceDocument").map(str::to_owned);
    writing.world.receipts.push(Receipt {
        id: receipt_id,
        number: reference.unwrap_or_else(|| format!("GR-{:05}", 500 + receipt_id)),
        purchase_order: writing.world.purchase_orders.get(place).map_or(0, |order| order.id),
        received_at: posted_at,
        lines,
    });
    if let Some(order) = writing.world.purchase_orders.get_mut(place) {
        let is_complete = order.lines.iter().all(|line| line.received >= line.quantity);
        order.status = if is_complete {
            OrderStatus::Received
        } else {
            OrderStatus::PartiallyReceived
        };
        order.updated_at = writing.at;
    }
    let rest = without(draft.clone(), &["ReferenceDocument", "PostingDate"]);
    writing.notes.create(HEADERS, format!("{year}/{document}"), &rest);
    writing.notes.change("A_PurchaseOrder", number, &[]);
    Ok(document)
}

/// Receives one item; returns the line of the order and the quantity.
fn receive_item(
    writing: &mut Writing<'_>,
    place: usize,
    posted_at: DateTime<Utc>,
    item: &Draft,
) -> Result<(u32, Decimal), Problem> {
    let quantity = item.number("QuantityInEntryUnit").unwrap_or_default();
    let order = writing
        .world
        .purchase_orders
        .get_mut(place)
        .ok_or_else(Problem::method)?;
    let number = order.number.clone();
    let order_id = order.id;
    match order.status {
        OrderStatus::Draft | OrderStatus::PendingApproval | OrderStatus::Rejected => {
            return Err(Problem::rule(
                "M7/089",
                format!("Purchase order {number} is not yet released"),
            ));
        }
        OrderStatus::Canceled => {
            return Err(Problem::rule(
                "M7/036",
                format!("Purchase order {number} is flagged for deletion"),
            ));
        }
        _ => {}
    }
    let wanted = item
        .text("PurchaseOrderItem")
        .ok_or_else(|| enter("Item", "PurchaseOrderItem"))?;
    let wanted = find::bare(wanted);
    let line = order.lines.iter_mut().find(|line| line.line_no.to_string() == wanted);
    let message = || format!("Purchase order {number} does not contain item {wanted}");
    let line = line.ok_or_else(|| Problem::rule("M7/061", message()).at("PurchaseOrderItem"))?;
    let key = format!("{number}/{wanted}");
    let written = writing
        .state
        .written()
        .row("A_PurchaseOrderItem", &key)
        .map(|row| row.fields.clone());
    let written = written.unwrap_or_default();
    if written
        .get("PurchasingDocumentDeletionCode")
        .and_then(|code| code.as_str())
        == Some("L")
    {
        return Err(Problem::rule(
            "M7/036",
            format!("Item {wanted} of purchase order {number} is deleted"),
        ));
    }
    let unlimited = written
        .get("UnlimitedOverdeliveryIsAllowed")
        .and_then(serde_json::Value::as_bool)
        == Some(true);
    let excess = line.received + quantity - line.quantity;
    if excess > Decimal::ZERO && !unlimited {
        let message = format!(
            "PU Ordered quantity exceeded by {excess} {}: {number} {wanted}",
            line.uom
        );
        return Err(Problem::rule("M7/022", message).at("QuantityInEntryUnit"));
    }
    if let Some(unit) = item.text("EntryUnit").filter(|unit| *unit != line.uom) {
        let message = format!("Unit of entry {unit} cannot be converted to {}", line.uom);
        return Err(Problem::rule("M3/070", message).at("EntryUnit"));
    }
    line.received += quantity;
    let (line_id, line_item, location, unit_cost) = (line.id, line.item, line.location, line.unit_price);
    let mut flags = Vec::new();
    if let Some(flag @ Value::Flag(true)) = item.get("IsCompletelyDelivered") {
        flags.push(("IsCompletelyDelivered".to_owned(), flag.clone()));
    }
    writing.notes.change("A_PurchaseOrderItem", key, &flags);
    let location = match (item.text("Plant"), item.text("StorageLocation")) {
        (None, None) => location,
        (plant, room) => {
            let plant = plant.map_or_else(|| codes::plant(&writing.world, location), str::to_owned);
            find::storeroom(&writing.world, &plant, room)?
        }
    };
    let Some(line_item) = line_item else {
        return Ok((line_id, quantity));
    };
    if let Some(material) = item.text("Material")
        && find::item(&writing.world, material, "Material")?.id != line_item
    {
        let message = format!("Material {material} is not the material of the purchase order item");
        return Err(Problem::rule("M7/060", message).at("Material"));
    }
    let lot = item.text("Batch").map(str::to_owned);
    put(
        &mut writing.world,
        line_item,
        location,
        lot.as_deref(),
        quantity,
        writing.at,
    );
    let level = writing.world.stock_levels.iter_mut();
    if let Some(level) = level
        .into_iter()
        .find(|level| level.item == line_item && level.location == location)
    {
        level.on_order = (level.on_order - quantity).max(Decimal::ZERO);
    }
    push(
        &mut writing.world,
        StockMovement {
            id: 0,
            item: line_item,
            kind: MovementKind::Receipt,
            quantity,
            from: None,
            to: Some(location),
            at: posted_at,
            work_order: None,
            purchase_order: Some(order_id),
            purchase_line: Some(line_id),
            lot,
            unit_cost,
        },
    );
    Ok((line_id, quantity))
}

/// Posts movements without a purchase order; the plant keeps one for each item.
fn move_stock(
    writing: &mut Writing<'_>,
    posted_at: DateTime<Utc>,
    draft: &Draft,
    items: Vec<Draft>,
) -> Result<String, Problem> {
    let year = posted_at.year();
    let mut document = None;
    for (row, item) in (1_u32..).zip(items) {
        let id = move_item(writing, posted_at, &item)?;
        let own = (4_900_000_000_u64 + u64::from(id)).to_string();
        let number = document.get_or_insert_with(|| own.clone()).clone();
        let mut rest = without(
            item,
            &["Material", "Plant", "QuantityInEntryUnit", "ManufacturingOrder"],
        );
        rest.push(("MaterialDocument".to_owned(), number.into()));
        rest.push(("MaterialDocumentItem".to_owned(), row.to_string().into()));
        writing.notes.create(ITEMS, format!("{year}/{own}/1"), &rest);
        if row == 1 {
            let header = without(draft.clone(), &["PostingDate"]);
            writing.notes.create(HEADERS, format!("{year}/{own}"), &header);
        } else {
            writing.notes.delete(HEADERS, format!("{year}/{own}"));
        }
    }
    Ok(document.unwrap_or_default())
}

fn move_item(writing: &mut Writing<'_>, posted_at: DateTime<Utc>, draft: &Draft) -> Result<u32, Problem> {
    let number = draft.text("Material").ok_or_else(|| enter("Material", "Material"))?;
    let item = find::item(&writing.world, number, "Material")?.clone();
    if item.item_type != ItemType::Stocked {
        let message = format!("Material {number} is not managed in stock");
        return Err(Problem::rule("M7/120", message).at("Material"));
    }
    if let Some(unit) = draft.text("EntryUnit").filter(|unit| *unit != item.uom) {
        let message = format!("Unit of entry {unit} cannot be converted to {}", item.uom);
        return Err(Problem::rule("M3/070", message).at("EntryUnit"));
    }
    let plant = draft.text("Plant").ok_or_else(|| enter("Plant", "Plant"))?;
    let room = draft
        .text("StorageLocation")
        .ok_or_else(|| enter("Storage Location", "StorageLocation"))?;
    let place = find::storeroom(&writing.world, plant, Some(room))?;
    let quantity = draft.number("QuantityInEntryUnit").unwrap_or_default();
    let lot = draft.text("Batch");
    let kind = draft.text("GoodsMovementType").unwrap_or_default();
    let mut movement = StockMovement {
        id: 0,
        item: item.id,
        kind: MovementKind::Adjustment,
        quantity,
        from: None,
        to: None,
        at: posted_at,
        work_order: None,
        purchase_order: None,
        purchase_line: None,
        lot: lot.map(str::to_owned),
        unit_cost: item.standard_cost,
    };
    match kind {
        "201" | "261" | "551" => {
            movement.kind = MovementKind::Issue;
            movement.from = Some(place);
            if kind == "201" && draft.text("CostCenter").is_none() {
                return Err(enter("Cost Center", "CostCenter"));
            }
            if kind == "261" {
                movement.work_order = Some(use_part(writing, draft, item.id, item.standard_cost, quantity)?);
            }
        }
        "301" | "311" => {
            let other = draft.text("IssuingOrReceivingStorageLoc");
            let other = other.ok_or_else(|| enter("Receiving Storage Location", "IssuingOrReceivingStorageLoc"))?;
            let other_plant = draft.text("IssuingOrReceivingPlant").unwrap_or(plant);
            if kind == "311" && other_plant != plant {
                let message = "Movement type 311 moves stock within one plant";
                return Err(Problem::rule("M7/264", message).at("IssuingOrReceivingPlant"));
            }
            let other = find::storeroom(&writing.world, other_plant, Some(other))?;
            if other == place {
                let message = "Issuing and receiving storage location are the same";
                return Err(Problem::rule("M7/265", message).at("IssuingOrReceivingStorageLoc"));
            }
            movement.kind = MovementKind::Transfer;
            (movement.from, movement.to) = (Some(place), Some(other));
        }
        "501" => (movement.kind, movement.to) = (MovementKind::Receipt, Some(place)),
        "562" | "702" => (movement.quantity, movement.from) = (-quantity, Some(place)),
        _ => movement.to = Some(place),
    }
    if let Some(from) = movement.from {
        take(&mut writing.world, item.id, from, lot, quantity, writing.at)?;
    }
    if let Some(to) = movement.to {
        put(&mut writing.world, item.id, to, lot, quantity, writing.at);
    }
    Ok(push(&mut writing.world, movement))
}

/// Counts a part as used in a maintenance order.
fn use_part(
    writing: &mut Writing<'_>,
    draft: &Draft,
    item: u32,
    unit_cost: Decimal,
    quantity: Decimal,
) -> Result<u32, Problem> {
    let number = draft
        .text("ManufacturingOrder")
        .ok_or_else(|| enter("Order", "ManufacturingOrder"))?;
    let found = find::work_order(&writing.world, number, "ManufacturingOrder")?;
    let is_open = matches!(
        found.status,
        WorkStatus::Approved | WorkStatus::Scheduled | WorkStatus::InProgress
    );
    let id = found.id;
    if !is_open {
        let message = format!("Status of order {number} does not allow goods movements");
        return Err(Problem::rule("BS/007", message).at("ManufacturingOrder"));
    }
    let part_id = writing
        .world
        .work_orders
        .iter()
        .flat_map(|work| &work.parts)
        .map(|part| part.id)
        .max()
        .unwrap_or(0)
        + 1;
    if let Some(work) = writing.world.work_orders.iter_mut().find(|work| work.id == id) {
        work.updated_at = writing.at;
        match work.parts.iter_mut().find(|part| part.item == item) {
            Some(part) => part.used += quantity,
            None => work.parts.push(Part {
                id: part_id,
                item,
                planned: Decimal::ZERO,
                used: quantity,
                unit_cost,
            }),
        }
    }
    Ok(id)
}

/// Adds to the stock of a storeroom.
fn put(world: &mut World, item: u32, location: u32, lot: Option<&str>, quantity: Decimal, at: DateTime<Utc>) {
    if world
        .find_item(item)
        .is_none_or(|item| item.item_type != ItemType::Stocked)
    {
        return;
    }
    let found = world.stock_levels.iter_mut().find(|level| {
        level.item == item && level.location == location && (lot.is_none() || level.lot.as_deref() == lot)
    });
    if let Some(level) = found {
        level.on_hand += quantity;
        level.updated_at = at;
        return;
    }
    let unit_cost = world.find_item(item).map_or(Decimal::ONE, |item| item.standard_cost);
    let id = world.stock_levels.iter().map(|level| level.id).max().unwrap_or(0) + 1;
    world.stock_levels.push(StockLevel {
        id,
        item,
        location,
        bin: None,
        lot: lot.map(str::to_owned),
        on_hand: quantity,
        reserved: Decimal::ZERO,
        on_order: Decimal::ZERO,
        min: Decimal::ZERO,
        max: Decimal::ZERO,
        reorder_point: Decimal::ZERO,
        reorder_qty: Decimal::ZERO,
        unit_cost,
        last_counted: at.date_naive(),
        created_at: at,
        updated_at: at,
    });
}

/// Takes from the stock of a storeroom, bin by bin, when there is enough.
fn take(
    world: &mut World,
    item: u32,
    location: u32,
    lot: Option<&str>,
    quantity: Decimal,
    at: DateTime<Utc>,
) -> Result<(), Problem> {
    let fits = |level: &&mut StockLevel| {
        level.item == item && level.location == location && (lot.is_none() || level.lot.as_deref() == lot)
    };
    let there: Decimal = world
        .stock_levels
        .iter_mut()
        .filter(fits)
        .map(|level| level.on_hand)
        .sum();
    if there < quantity {
        let (plant, room) = (codes::plant(world, location), codes::storage_location(world, location));
        let (number, unit) = world.find_item(item).map_or(("", ""), |item| (&item.number, &item.uom));
        let message = format!(
            "Deficit of SL Unrestricted-use {} {unit} : {number} {plant} {room}",
            quantity - there
        );
        return Err(Problem::rule("M7/021", message).at("QuantityInEntryUnit"));
    }
    let mut left = quantity;
    for level in world.stock_levels.iter_mut().filter(fits) {
        let taken = left.min(level.on_hand);
        level.on_hand -= taken;
        level.updated_at = at;
        left -= taken;
    }
    Ok(())
}

fn push(world: &mut World, movement: StockMovement) -> u32 {
    let id = world
        .stock_movements
        .iter()
        .map(|movement| movement.id)
        .max()
        .unwrap_or(0)
        + 1;
    world.stock_movements.push(StockMovement { id, ..movement });
    id
}

fn without(mut draft: Draft, names: &[&str]) -> Vec<(String, Value)> {
    for name in names {
        draft.take(name);
    }
    draft.values
}
