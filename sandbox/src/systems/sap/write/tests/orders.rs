//! Tests of purchase orders, tokens, versions and locks.

use reqwest::{Client, Method, StatusCode, header};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{MO, PO, V4, order, start};
use crate::{systems::sap::logon::USER, world::OrderStatus};

#[tokio::test]
async fn tokens_are_needed_and_can_end() {
    let mut session = start().await;
    session.post(&format!("{PO}A_PurchaseOrder"), &order()).await.done(201);
    session.sandbox.end_csrf_tokens();
    let refused = session.post(&format!("{PO}A_PurchaseOrder"), &order()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.headers["x-csrf-token"], "Required");
    assert_eq!(refused.body, "CSRF token validation failed");
    let before = session.sandbox.world().purchase_orders.len();
    session.fetch().await;
    session.post(&format!("{PO}A_PurchaseOrder"), &order()).await.done(201);
    assert_eq!(session.sandbox.world().purchase_orders.len(), before + 1);
    let control = format!("{}/_sandbox/csrf/end", session.sandbox.base_url());
    let ended = Client::new().post(control).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let refused = session.post(&format!("{PO}A_PurchaseOrder"), &order()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_order_is_made_with_all_below_it_and_read_in_both_versions() {
    let session = start().await;
    let answer = session.post(&format!("{PO}A_PurchaseOrder"), &order()).await;
    assert!(answer.headers.contains_key(header::LOCATION));
    let made = answer.done(201)["d"].clone();
    let number = made["PurchaseOrder"].as_str().unwrap();
    assert_eq!(made["to_PurchaseOrderItem"]["results"].as_array().unwrap().len(), 2);
    let path = format!(
        "{PO}A_PurchaseOrder('{number}')?$expand=to_PurchaseOrderItem/to_ScheduleLine,to_PurchaseOrderItem/to_AccountAssignment,to_PurchaseOrderNote"
    );
    let read = session.get(&path).await;
    assert_eq!(read["CorrespncExternalReference"], "LS-77");
    assert_eq!(read["YY1_BudgetCode_PDH"], "BUD-999");
    assert!(USER.starts_with(read["CreatedByUser"].as_str().unwrap()));
    assert_eq!(read["PurchasingProcessingStatus"], "05");
    assert_eq!(
        read["to_PurchaseOrderNote"]["results"][0]["PlainLongText"],
        "Ring the bell"
    );
    let items = &read["to_PurchaseOrderItem"]["results"];
    assert_eq!(items[0]["NetPriceAmount"], "12.5");
    assert_eq!(items[0]["NetPriceQuantity"], "10");
    assert_eq!(
        items[0]["to_ScheduleLine"]["results"][0]["ScheduleLineDeliveryDate"],
        "/Date(1796083200000)/"
    );
    assert_eq!(items[1]["PurchaseOrderItemText"], "Paint");
    assert_eq!(items[1]["MaterialGroup"], "PAINT");
    assert_eq!(items[1]["to_AccountAssignment"]["results"][0]["CostCenter"], "CC-4101");
    let new = session
        .get(&format!("{V4}PurchaseOrder('{number}')?$expand=_PurchaseOrderItem"))
        .await;
    assert_eq!(new["YY1_BudgetCode_PDH"], "BUD-999");
    assert_eq!(new["_PurchaseOrderItem"][0]["NetAmount"], 6.25);
    let kept = session.sandbox.world().purchase_orders.last().unwrap().clone();
    assert_eq!(kept.untaxed(), Decimal::new(2625, 2));
    let found = session
        .get(&format!("{PO}A_PurchaseOrder?$filter=YY1_BudgetCode_PDH eq 'BUD-999'"))
        .await;
    assert_eq!(found["results"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn wrong_orders_are_refused_and_leave_nothing() {
    let session = start().await;
    let before = session.sandbox.world().purchase_orders.len();
    for (path, value, words) in [
        ("/CompanyCode", Value::Null, "Enter Company Code"),
        ("/PurchasingOrganization", Value::Null, "Enter Purch. Organization"),
        ("/Supplier", Value::Null, "Enter Supplier"),
        ("/CompanyCode", json!("9999"), "Company code 9999"),
        ("/PurchasingGroup", json!("999"), "Purchasing group 999"),
        ("/Supplier", json!("424242"), "Supplier 0000424242 does not exist"),
        ("/Supplier", json!("101006"), "is blocked"),
        ("/PurchaseOrder", json!("4500009999"), "external numbers"),
        ("/PurchaseOrderType", json!("ZZ"), "Document type"),
        ("/PaymentTerms", json!("NT99"), "Terms of payment NT99"),
        ("/to_PurchaseOrderItem", json!([]), "contains no items"),
        (
            "/to_PurchaseOrderItem/0/Material",
            json!("NOPE"),
            "Material NOPE does not exist",
        ),
        ("/to_PurchaseOrderItem/0/Plant", json!("9999"), "Plant 9999"),
        ("/to_PurchaseOrderItem/0/Plant", Value::Null, "Enter Plant"),
        (
            "/to_PurchaseOrderItem/0/StorageLocation",
            json!("ZZZZ"),
            "Storage location ZZZZ",
        ),
        ("/to_PurchaseOrderItem/0/OrderQuantity", json!("0"), "greater than zero"),
        (
            "/to_PurchaseOrderItem/0/OrderQuantity",
            json!("-3"),
            "greater than zero",
        ),
        ("/to_PurchaseOrderItem/0/OrderQuantity", json!(5), "Invalid value"),
        (
            "/to_PurchaseOrderItem/0/OrderQuantity",
            json!("12345678901"),
            "maximum length",
        ),
        (
            "/to_PurchaseOrderItem/1/MaterialGroup",
            Value::Null,
            "Enter Material Group",
        ),
        (
            "/to_PurchaseOrderItem/1/PurchaseOrderQuantityUnit",
            json!("QQQ"),
            "Unit QQQ",
        ),
        ("/CorrespncExternalReference", json!("0123456789abc"), "maximum length"),
        ("/Nope", json!("x"), "Property 'Nope'"),
        ("/to_PurchaseOrderItem/0/Nope", json!("x"), "Property 'Nope'"),
        ("/PurchasingProcessingStatus", json!("02"), "read-only"),
    ] {
        let mut body = order();
        let (above, name) = path.rsplit_once('/').unwrap();
        let place = body.pointer_mut(above).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => place.remove(name),
            value => place.insert(name.to_owned(), value),
        };
        session
            .post(&format!("{PO}A_PurchaseOrder"), &body)
            .await
            .refused(400, words);
    }
    let refused = session.post(&format!("{PO}A_PurchaseOrder"), &json!({})).await;
    assert_eq!(refused.body["error"]["code"], "ME/083");
    assert_eq!(
        refused.body["error"]["innererror"]["errordetails"][0]["propertyref"],
        "PurchaseOrderType"
    );
    assert_eq!(session.sandbox.world().purchase_orders.len(), before);
}

#[tokio::test]
async fn changes_name_the_version_they_mean() {
    let session = start().await;
    let made = session.post(&format!("{PO}A_PurchaseOrder"), &order()).await.done(201)["d"].clone();
    let address = made["__metadata"]["uri"].as_str().unwrap();
    let etag = made["__metadata"]["etag"].as_str().unwrap();
    let change = json!({"CorrespncExternalReference": "LS-78", "IncotermsLocation1": "Gate 3"});
    let send = async |etag| session.send(Method::PATCH, address, etag, Some(&change)).await;
    assert_eq!(send(None).await.status.as_u16(), 428);
    assert_eq!(
        send(Some("W/\"datetimeoffset'1999-01-01T00%3A00%3A00Z'\""))
            .await
            .status
            .as_u16(),
        412
    );
    let done = send(Some(etag)).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    assert_eq!(done.body, "");
    let read = session.get(address).await;
    assert_eq!(read["CorrespncExternalReference"], "LS-78");
    assert_eq!(read["IncotermsLocation1"], "Gate 3");
    assert_ne!(read["__metadata"]["etag"], etag);
    assert_eq!(send(Some(etag)).await.status.as_u16(), 412);
    let merged = session
        .send(
            Method::from_bytes(b"MERGE").unwrap(),
            address,
            Some("*"),
            Some(&json!({"PaymentTerms": "NT60"})),
        )
        .await;
    merged.done(204);
    assert_eq!(session.get(address).await["NetPaymentDays"], "60");
    let item = format!(
        "{PO}A_PurchaseOrderItem(PurchaseOrder='{}',PurchaseOrderItem='10')",
        made["PurchaseOrder"].as_str().unwrap()
    );
    let before = session.get(&item).await["__metadata"]["etag"].clone();
    session
        .patch(&item, &json!({"NetPriceAmount": "12.50"}))
        .await
        .done(204);
    assert_ne!(session.get(&item).await["__metadata"]["etag"], before);
    session
        .patch(&item, &json!({"OrderQuantity": "800", "NetPriceAmount": "130"}))
        .await
        .done(204);
    let restarted = session.get(address).await;
    assert_eq!(restarted["PurchasingProcessingStatus"], "03");
    session.patch(&item, &json!({"Nope": 1})).await.refused(400, "Nope");
    session
        .patch(address, &json!({"to_PurchaseOrderItem": []}))
        .await
        .refused(400, "Deep update");
    session
        .patch(address, &json!({"Supplier": "101002"}))
        .await
        .refused(400, "no longer");
    assert_eq!(
        session
            .patch(&format!("{PO}A_PurchaseOrder('4599999999')"), &change)
            .await
            .status
            .as_u16(),
        404
    );
}

#[tokio::test]
async fn items_are_added_changed_and_flagged_for_deletion() {
    let session = start().await;
    let made = session.post(&format!("{PO}A_PurchaseOrder"), &order()).await.done(201)["d"].clone();
    let number = made["PurchaseOrder"].as_str().unwrap();
    let item = json!({"Material": "MAT-00102", "Plant": "1010", "OrderQuantity": "1"});
    let added = session
        .post(&format!("{PO}A_PurchaseOrder('{number}')/to_PurchaseOrderItem"), &item)
        .await
        .done(201);
    assert_eq!(added["d"]["PurchaseOrderItem"], "30");
    let schedule = format!(
        "{PO}A_PurchaseOrderScheduleLine(PurchasingDocument='{number}',PurchasingDocumentItem='30',ScheduleLine='1')"
    );
    session
        .patch(&schedule, &json!({"ScheduleLineDeliveryDate": "2026-12-24T00:00:00"}))
        .await
        .done(204);
    assert_eq!(
        session.get(&schedule).await["ScheduleLineDeliveryDate"],
        "/Date(1798070400000)/"
    );
    let row = format!("{PO}A_PurchaseOrderItem(PurchaseOrder='{number}',PurchaseOrderItem='30')");
    session.delete(&row).await.done(204);
    assert_eq!(session.get(&row).await["PurchasingDocumentDeletionCode"], "L");
    session
        .patch(&row, &json!({"OrderQuantity": "2"}))
        .await
        .refused(400, "is deleted");
    let header = format!("{PO}A_PurchaseOrder('{number}')");
    assert_eq!(session.get(&header).await["PurchasingDocumentDeletionCode"], "");
    assert_eq!(
        session.send(Method::DELETE, &header, None, None).await.status.as_u16(),
        428
    );
    session.delete(&header).await.done(204);
    assert_eq!(session.get(&header).await["PurchasingDocumentDeletionCode"], "L");
    session
        .patch(&header, &json!({"PaymentTerms": "NT30"}))
        .await
        .refused(400, "flagged for deletion");
    let received = session
        .sandbox
        .world()
        .purchase_orders
        .iter()
        .find(|order| order.status == OrderStatus::Received)
        .unwrap()
        .number
        .clone();
    session
        .delete(&format!("{PO}A_PurchaseOrder('{received}')"))
        .await
        .refused(400, "goods receipts exist");
    let closed = session
        .sandbox
        .world()
        .purchase_orders
        .iter()
        .find(|order| order.status == OrderStatus::Closed)
        .unwrap()
        .number
        .clone();
    session
        .patch(
            &format!("{PO}A_PurchaseOrder('{closed}')"),
            &json!({"PaymentTerms": "NT30"}),
        )
        .await
        .refused(400, "is closed");
}

#[tokio::test]
async fn version_4_inserts_items_below_their_order_only() {
    let session = start().await;
    let body = json!({
        "CompanyCode": "1010", "PurchaseOrderType": "NB", "PurchasingOrganization": "1010", "PurchasingGroup": "001",
        "Supplier": "0000101001", "PurchaseOrderDate": "2026-11-19",
        "_PurchaseOrderItem": [{"Material": "MAT-00101", "Plant": "1010", "OrderQuantity": 5, "NetPriceAmount": 3.5,
            "_PurchaseOrderScheduleLineTP": [{"ScheduleLineDeliveryDate": "2026-12-01"}]}],
    });
    let made = session.post(&format!("{V4}PurchaseOrder"), &body).await.done(201);
    assert_eq!(made["PurchaseOrderDate"], "2026-11-19");
    assert_eq!(
        made["_PurchaseOrderItem"][0]["_PurchaseOrderScheduleLineTP"][0]["ScheduleLineDeliveryDate"],
        "2026-12-01"
    );
    let number = made["PurchaseOrder"].as_str().unwrap();
    let etag = made["@odata.etag"].as_str().unwrap();
    let item = json!({"PurchaseOrder": number, "Material": "MAT-00102", "Plant": "1010", "OrderQuantity": 1});
    assert_eq!(
        session
            .post(&format!("{V4}PurchaseOrderItem"), &item)
            .await
            .status
            .as_u16(),
        405
    );
    let below = format!("{V4}PurchaseOrder('{number}')/_PurchaseOrderItem");
    let added = session
        .post(
            &below,
            &json!({"Material": "MAT-00102", "Plant": "1010", "OrderQuantity": 1}),
        )
        .await
        .done(201);
    assert_eq!(added["PurchaseOrderItem"], "20");
    let header = format!("{V4}PurchaseOrder('{number}')");
    let stale = session
        .send(
            Method::PATCH,
            &header,
            Some(etag),
            Some(&json!({"PaymentTerms": "NT30"})),
        )
        .await;
    stale.refused(412, "Precondition");
    let refused = session.patch(&header, &json!({"PaymentTerms": "NT99"})).await;
    assert_eq!(refused.body["error"]["target"], "PaymentTerms");
    refused.refused(400, "NT99");
    let service =
        json!({"Material": "MAT-00102", "Plant": "1010", "OrderQuantity": 1, "PurchaseOrderItemCategory": "D"});
    session
        .post(&below, &service)
        .await
        .refused(400, "Operation is not enabled");
}

#[tokio::test]
async fn held_orders_are_let_go_by_their_completeness() {
    let session = start().await;
    let mut body = order();
    body["PurchasingCompletenessStatus"] = json!(true);
    let made = session.post(&format!("{PO}A_PurchaseOrder"), &body).await.done(201)["d"].clone();
    assert_eq!(made["PurchasingCompletenessStatus"], true);
    let address = made["__metadata"]["uri"].as_str().unwrap();
    session
        .patch(address, &json!({"PurchasingCompletenessStatus": false}))
        .await
        .done(204);
    let read = session.get(address).await;
    assert_eq!(read["PurchasingCompletenessStatus"], false);
    assert_eq!(read["PurchasingProcessingStatus"], "05");
}

#[tokio::test]
async fn locked_records_and_denied_sets_are_not_written() {
    let session = start().await;
    let number = session
        .sandbox
        .world()
        .purchase_orders
        .iter()
        .find(|order| order.status == OrderStatus::Approved)
        .unwrap()
        .number
        .clone();
    let header = format!("{PO}A_PurchaseOrder('{number}')");
    session.sandbox.lock_record(&number, "MILLER");
    let change = json!({"CorrespncExternalReference": "X"});
    let refused = session.patch(&header, &change).await;
    assert_eq!(refused.body["error"]["code"], "ME/006");
    refused.refused(400, "currently being processed by user MILLER");
    session.sandbox.unlock_record(&number);
    session.patch(&header, &change).await.done(204);
    session.sandbox.lock_record("4002001", "MILLER");
    session
        .call(MO, "ReleaseMaintenanceOrder?MaintenanceOrder='4002001'")
        .await
        .refused(400, "locked by user MILLER");
    session.sandbox.deny("PurchaseOrder").unwrap();
    assert_eq!(session.patch(&header, &change).await.status, StatusCode::FORBIDDEN);
}
