//! Tests of material documents.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{MD, PO, Session, order, start};
use crate::world::{ItemType, OrderStatus, WorkStatus};

/// Returns the numbers of an item that is in stock, of one of its storerooms, and how much is there.
fn stocked(session: &Session) -> (String, String, String, Decimal) {
    use crate::systems::sap::codes;
    let world = session.sandbox.world();
    let level = world.stock_levels.iter().find(|level| {
        level.on_hand > Decimal::from(20) && world.find_item(level.item).unwrap().item_type == ItemType::Stocked
    });
    let level = level.unwrap();
    let there = world
        .stock_levels
        .iter()
        .filter(|other| other.item == level.item && other.location == level.location)
        .map(|other| other.on_hand)
        .sum();
    (
        world.find_item(level.item).unwrap().number.clone(),
        codes::plant(&world, level.location),
        codes::storage_location(&world, level.location),
        there,
    )
}

fn on_hand(session: &Session, item: &str) -> Decimal {
    let world = session.sandbox.world();
    let id = world.items.iter().find(|found| found.number == item).unwrap().id;
    world
        .stock_levels
        .iter()
        .filter(|level| level.item == id)
        .map(|level| level.on_hand)
        .sum()
}
#[tokio::test]
async fn goods_are_received_for_orders() {
    let session = start().await;
    let made = session.post(&format!("{PO}A_PurchaseOrder"), &order()).await.done(201)["d"].clone();
    let number = made["PurchaseOrder"].as_str().unwrap();
    let before = on_hand(&session, "MAT-00101");
    let document = |quantity: &str, item: &str| {
        json!({
            "GoodsMovementCode": "01", "PostingDate": "/Date(1795132800000)/", "DocumentDate": "/Date(1795132800000)/",
            "ReferenceDocument": "DN-5", "MaterialDocumentHeaderText": "From dock 2",
            "to_MaterialDocumentItem": [{
                "GoodsMovementType": "101", "GoodsMovementRefDocType": "B", "PurchaseOrder": number,
                "PurchaseOrderItem": item, "QuantityInEntryUnit": quantity, "MaterialDocumentItemText": "ok",
            }],
        })
    };
    let path = format!("{MD}A_MaterialDocumentHeader");
    let posted = session.post(&path, &document("2", "10")).await.done(201)["d"].clone();
    assert_eq!(posted["ReferenceDocument"], "DN-5");
    assert_eq!(posted["MaterialDocumentHeaderText"], "From dock 2");
    let row = &posted["to_MaterialDocumentItem"]["results"][0];
    assert_eq!(row["PurchaseOrder"], number);
    assert_eq!(row["MaterialDocumentItemText"], "ok");
    assert_eq!(on_hand(&session, "MAT-00101"), before + Decimal::TWO);
    let kept = |session: &Session| session.sandbox.world().purchase_orders.last().unwrap().clone();
    assert_eq!(kept(&session).status, OrderStatus::PartiallyReceived);
    session
        .post(&path, &document("9", "10"))
        .await
        .refused(400, "exceeded by 6");
    session
        .post(&path, &document("0", "10"))
        .await
        .refused(400, "greater than zero");
    session
        .post(&path, &document("1", "70"))
        .await
        .refused(400, "does not contain item 70");
    session.post(&path, &document("3", "10")).await.done(201);
    session.post(&path, &document("2.5", "20")).await.done(201);
    assert_eq!(kept(&session).status, OrderStatus::Received);
    let item = format!("{PO}A_PurchaseOrderItem(PurchaseOrder='{number}',PurchaseOrderItem='10')");
    assert_eq!(session.get(&item).await["IsCompletelyDelivered"], true);
    session
        .patch(&item, &json!({"OrderQuantity": "4"}))
        .await
        .refused(400, "less than the quantity delivered");
    let open = session
        .sandbox
        .world()
        .purchase_orders
        .iter()
        .find(|order| order.status == OrderStatus::PendingApproval)
        .unwrap()
        .number
        .clone();
    let mut early = document("1", "10");
    early["to_MaterialDocumentItem"][0]["PurchaseOrder"] = json!(open);
    session.post(&path, &early).await.refused(400, "not yet released");
}

#[tokio::test]
async fn stock_is_issued_moved_and_corrected() {
    let session = start().await;
    let (item, plant, room, there) = stocked(&session);
    let total = on_hand(&session, &item);
    let other = session
        .sandbox
        .world()
        .storerooms()
        .map(|room| {
            let world = session.sandbox.world();
            (
                crate::systems::sap::codes::plant(&world, room.id),
                crate::systems::sap::codes::storage_location(&world, room.id),
            )
        })
        .find(|(other_plant, other)| *other_plant == plant && *other != room)
        .unwrap();
    let post = async |code: &str, day: &str, items: Value| {
        let body = json!({"GoodsMovementCode": code, "PostingDate": day, "DocumentDate": day, "to_MaterialDocumentItem": items});
        session.post(&format!("{MD}A_MaterialDocumentHeader"), &body).await
    };
    let today = "2026-11-20T00:00:00";
    let line = |kind: &str, quantity: &str| json!({"Material": item, "Plant": plant, "StorageLocation": room, "GoodsMovementType": kind, "QuantityInEntryUnit": quantity});
    let mut issue = line("201", "3");
    post("03", today, json!([issue]))
        .await
        .refused(400, "Enter Cost Center");
    issue["CostCenter"] = json!("CC-4101");
    let posted = post("03", today, json!([issue, issue])).await.done(201)["d"].clone();
    assert_eq!(
        posted["to_MaterialDocumentItem"]["results"].as_array().unwrap().len(),
        2
    );
    assert_eq!(
        posted["to_MaterialDocumentItem"]["results"][1]["GoodsMovementType"],
        "201"
    );
    assert_eq!(
        posted["to_MaterialDocumentItem"]["results"][1]["MaterialDocumentItem"],
        "2"
    );
    assert_eq!(on_hand(&session, &item), total - Decimal::from(6));
    let mut transfer = line("311", "4");
    transfer["IssuingOrReceivingStorageLoc"] = json!(other.1);
    post("04", today, json!([transfer])).await.done(201);
    assert_eq!(on_hand(&session, &item), total - Decimal::from(6));
    post("05", today, json!([line("701", "2")])).await.done(201);
    let corrected = post("05", today, json!([line("702", "1")])).await.done(201)["d"].clone();
    assert_eq!(
        corrected["to_MaterialDocumentItem"]["results"][0]["GoodsMovementType"],
        "702"
    );
    assert_eq!(on_hand(&session, &item), total - Decimal::from(5));
    let too_much = (there + Decimal::from(100)).to_string();
    let mut all = issue.clone();
    all["QuantityInEntryUnit"] = json!(too_much);
    post("03", today, json!([issue, all]))
        .await
        .refused(400, "Deficit of SL Unrestricted-use");
    assert_eq!(on_hand(&session, &item), total - Decimal::from(5));
    post("03", "2026-09-30T00:00:00", json!([issue]))
        .await
        .refused(400, "Posting only possible in periods 2026/10");
    session
        .sandbox
        .open_periods_from(NaiveDate::from_ymd_opt(2026, 9, 1).unwrap());
    post("03", "2026-09-30T00:00:00", json!([issue])).await.done(201);
    post("01", today, json!([issue]))
        .await
        .refused(400, "Movement type 201");
    let work = session
        .sandbox
        .world()
        .work_orders
        .iter()
        .find(|work| work.status == WorkStatus::InProgress)
        .unwrap()
        .id;
    let mut used = line("261", "1");
    used["ManufacturingOrder"] = json!(crate::systems::sap::codes::maintenance_order(work));
    post("03", today, json!([used])).await.done(201);
    let draft = session
        .sandbox
        .world()
        .work_orders
        .iter()
        .find(|work| work.status == WorkStatus::Draft)
        .unwrap()
        .id;
    used["ManufacturingOrder"] = json!(crate::systems::sap::codes::maintenance_order(draft));
    post("03", today, json!([used]))
        .await
        .refused(400, "does not allow goods movements");
    let document = format!(
        "{MD}A_MaterialDocumentHeader(MaterialDocumentYear='2026',MaterialDocument='{}')",
        posted["MaterialDocument"].as_str().unwrap()
    );
    assert_eq!(session.delete(&document).await.status.as_u16(), 405);
}
