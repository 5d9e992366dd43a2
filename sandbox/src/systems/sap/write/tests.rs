//! Tests of writes to the simulated SAP over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use chrono::NaiveDate;
use reqwest::{Client, Method, StatusCode, header};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{
    Options, Sandbox, System,
    systems::sap::logon::{PASSWORD, USER},
    world::{ItemType, OrderStatus, VendorStatus, WorkStatus},
};

const V2: &str = "/sap/opu/odata/sap/";
const V4: &str = "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001/";
const PO: &str = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV/";
const BP: &str = "/sap/opu/odata/sap/API_BUSINESS_PARTNER/";
const MD: &str = "/sap/opu/odata/sap/API_MATERIAL_DOCUMENT_SRV/";
const MO: &str = "/sap/opu/odata/sap/API_MAINTENANCEORDER/";
const EQ: &str = "/sap/opu/odata/sap/API_EQUIPMENT/";
const PR: &str = "/sap/opu/odata/sap/API_PRODUCT_SRV/";

/// A running system with a session that may write.
struct Session {
    sandbox: Sandbox,
    token: String,
    cookie: String,
}

/// The status of an answer, its JSON if there was one, and its headers.
struct Answer {
    status: StatusCode,
    body: Value,
    headers: header::HeaderMap,
}

impl Answer {
    fn message(&self) -> String {
        let message = &self.body["error"]["message"];
        message["value"]
            .as_str()
            .or(message.as_str())
            .unwrap_or_default()
            .to_owned()
    }

    fn refused(&self, status: u16, words: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert!(self.message().contains(words), "{} has no {words:?}", self.body);
    }

    fn done(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }
}

async fn start() -> Session {
    let sandbox = Sandbox::start(System::SapS4hana, Options::default()).await.unwrap();
    let mut session = Session {
        sandbox,
        token: String::new(),
        cookie: String::new(),
    };
    session.fetch().await;
    session
}

impl Session {
    async fn fetch(&mut self) {
        let address = format!("{}{PO}", self.sandbox.base_url());
        let request = Client::new().head(address).basic_auth(USER, Some(PASSWORD));
        let answer = request.header("x-csrf-token", "Fetch").send().await.unwrap();
        self.token = answer.headers()["x-csrf-token"].to_str().unwrap().to_owned();
        let cookies = answer.headers().get_all(header::SET_COOKIE).iter();
        let pairs: Vec<&str> = cookies
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
            .collect();
        self.cookie = pairs.join("; ");
    }

    async fn send(&self, method: Method, path: &str, etag: Option<&str>, body: Option<&Value>) -> Answer {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.sandbox.base_url())
        };
        let mut request = Client::new()
            .request(method, address)
            .basic_auth(USER, Some(PASSWORD))
            .header(header::ACCEPT, "application/json")
            .header("x-csrf-token", &self.token)
            .header(header::COOKIE, &self.cookie);
        if let Some(etag) = etag {
            request = request.header(header::IF_MATCH, etag);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, body, headers }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, None, Some(body)).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some("*"), Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Some("*"), None).await
    }

    async fn call(&self, service: &str, function: &str) -> Answer {
        self.send(Method::POST, &format!("{service}{function}"), None, None)
            .await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None, None).await.done(200);
        if answer["d"].is_null() {
            answer
        } else {
            answer["d"].clone()
        }
    }
}

fn order() -> Value {
    json!({
        "CompanyCode": "1010",
        "PurchaseOrderType": "NB",
        "PurchasingOrganization": "1010",
        "PurchasingGroup": "001",
        "Supplier": "101001",
        "CorrespncExternalReference": "LS-77",
        "YY1_BudgetCode_PDH": "BUD-999",
        "to_PurchaseOrderItem": [{
            "Material": "MAT-00101",
            "Plant": "1010",
            "OrderQuantity": "5",
            "NetPriceAmount": "12.50",
            "NetPriceQuantity": "10",
            "to_ScheduleLine": [{"ScheduleLineDeliveryDate": "/Date(1796083200000)/"}],
        }, {
            "PurchaseOrderItemText": "Paint",
            "MaterialGroup": "PAINT",
            "Plant": "1010",
            "OrderQuantity": "2.5",
            "PurchaseOrderQuantityUnit": "L",
            "NetPriceAmount": "8",
            "AccountAssignmentCategory": "K",
            "to_AccountAssignment": [{"CostCenter": "CC-4101", "GLAccount": "0051600000"}],
        }],
        "to_PurchaseOrderNote": [{"TextObjectType": "F01", "Language": "EN", "PlainLongText": "Ring the bell"}],
    })
}

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

#[tokio::test]
async fn suppliers_are_made_changed_and_blocked() {
    let session = start().await;
    let body = json!({
        "BusinessPartnerCategory": "2", "BusinessPartnerGrouping": "BP02", "OrganizationBPName1": "Neue Pumpen GmbH",
        "SearchTerm1": "PUMPEN",
        "to_BusinessPartnerRole": [{"BusinessPartnerRole": "FLVN00"}, {"BusinessPartnerRole": "FLVN01"}],
        "to_BusinessPartnerAddress": [{"Country": "DE", "CityName": "Ulm", "StreetName": "Ring 3", "PostalCode": "89073",
            "to_EmailAddress": [{"EmailAddress": "info@pumpen.example"}]}],
        "to_Supplier": {
            "VATRegistration": "DE811111111",
            "to_SupplierPurchasingOrg": [{"PurchasingOrganization": "1010", "PurchaseOrderCurrency": "CHF", "PaymentTerms": "NT30"}],
        },
    });
    let made = session.post(&format!("{BP}A_BusinessPartner"), &body).await.done(201)["d"].clone();
    let number = made["BusinessPartner"].as_str().unwrap();
    assert_eq!(number.len(), 10);
    assert_eq!(made["BusinessPartnerFullName"], "Neue Pumpen GmbH");
    let expand = "to_Supplier/to_SupplierPurchasingOrg,to_Supplier/to_SupplierCompany,to_BusinessPartnerAddress/to_EmailAddress,to_BusinessPartnerAddress/to_PhoneNumber,to_BusinessPartnerRole";
    let read = session
        .get(&format!("{BP}A_BusinessPartner('{number}')?$expand={expand}"))
        .await;
    assert_eq!(
        read["to_Supplier"]["to_SupplierPurchasingOrg"]["results"][0]["PurchaseOrderCurrency"],
        "CHF"
    );
    assert_eq!(read["to_Supplier"]["to_SupplierCompany"]["results"], json!([]));
    let address = &read["to_BusinessPartnerAddress"]["results"][0];
    assert_eq!(
        address["to_EmailAddress"]["results"][0]["EmailAddress"],
        "info@pumpen.example"
    );
    assert_eq!(address["to_PhoneNumber"]["results"], json!([]));
    let supplier = format!("{BP}A_Supplier('{number}')");
    session
        .patch(&supplier, &json!({"PurchasingIsBlocked": true}))
        .await
        .done(204);
    assert_eq!(session.get(&supplier).await["PurchasingIsBlocked"], true);
    assert_eq!(session.get(&supplier).await["SupplierProcurementBlock"], "");
    assert_eq!(
        session.get(&format!("{BP}A_BusinessPartner('{number}')")).await["BusinessPartnerIsBlocked"],
        false
    );
    assert_eq!(
        session.sandbox.world().vendors.last().unwrap().status,
        VendorStatus::Blocked
    );
    let mut bought = order();
    bought["Supplier"] = json!(number);
    session
        .post(&format!("{PO}A_PurchaseOrder"), &bought)
        .await
        .refused(400, "is blocked");
    session
        .patch(&supplier, &json!({"PurchasingIsBlocked": false}))
        .await
        .done(204);
    assert_eq!(
        session.sandbox.world().vendors.last().unwrap().status,
        VendorStatus::Active
    );
    session.post(&format!("{PO}A_PurchaseOrder"), &bought).await.done(201);
    let partner = format!("{BP}A_BusinessPartner('{number}')");
    let etag = session.get(&partner).await["__metadata"]["etag"].clone();
    session
        .patch(&partner, &json!({"OrganizationBPName1": "Alte Pumpen GmbH"}))
        .await
        .done(204);
    let read = session.get(&partner).await;
    assert_eq!(read["BusinessPartnerFullName"], "Alte Pumpen GmbH");
    assert_ne!(read["__metadata"]["etag"], etag);
    let place = address["__metadata"]["uri"].as_str().unwrap();
    session
        .patch(place, &json!({"CityName": "Bern", "Country": "CH"}))
        .await
        .done(204);
    assert_eq!(session.get(place).await["CityName"], "Bern");
    let terms = format!("{BP}A_SupplierPurchasingOrg(Supplier='{number}',PurchasingOrganization='1010')");
    session
        .patch(&terms, &json!({"PaymentTerms": "NT60", "MinimumOrderAmount": "50"}))
        .await
        .done(204);
    assert_eq!(session.get(&terms).await["MinimumOrderAmount"], "50");
    assert_eq!(session.delete(&partner).await.status.as_u16(), 405);
    for (remove, words) in [
        ("OrganizationBPName1", "Enter Name"),
        ("to_BusinessPartnerRole", "FLVN00"),
    ] {
        let mut wrong = body.clone();
        wrong.as_object_mut().unwrap().remove(remove);
        session
            .post(&format!("{BP}A_BusinessPartner"), &wrong)
            .await
            .refused(400, words);
    }
    assert_eq!(
        session
            .post(&format!("{BP}A_Supplier"), &json!({}))
            .await
            .status
            .as_u16(),
        405
    );
}

#[tokio::test]
async fn maintenance_orders_go_through_their_phases() {
    let session = start().await;
    let item = session.sandbox.world().items[0].number.clone();
    let body = json!({
        "MaintenanceOrderType": "YA01", "MaintenanceOrderDesc": "Seal leaks", "MaintenancePlanningPlant": "1010",
        "Equipment": "P-101", "MaintPriority": "2", "MaintOrdPersonResponsible": "00000003",
        "MaintOrdBasicStartDateTime": "/Date(1796083200000+0000)/",
        "to_MaintenanceOrderLongText": [{"TextObjectType": "AUFK", "Language": "EN", "MaintenanceOrderLongText": "Since Monday"}],
        "to_MaintenanceOrderOperation": [
            {"OperationDescription": "Drain", "MaintOrdOperationWorkDuration": "1.5", "MaintOrdOpWorkDurationUnit": "H"},
            {"OperationDescription": "Replace seal", "to_MaintOrderOpComponent": [{"Product": item, "QuantityInUnitOfEntry": "2"}]},
        ],
    });
    let made = session.post(&format!("{MO}MaintenanceOrder"), &body).await.done(201)["d"].clone();
    let number = made["MaintenanceOrder"].as_str().unwrap();
    assert_eq!(number.len(), 12);
    assert_eq!(made["SystemStatusText"], "CRTD MANC NMAT");
    assert_eq!(made["MaintOrdBasicStartDateTime"], "/Date(1796083200000+0000)/");
    assert_eq!(made["MaintOrdBasicStartDate"], "/Date(1796083200000)/");
    let operations = &made["to_MaintenanceOrderOperation"]["results"];
    assert_eq!(operations[0]["MaintOrdOperationWorkDuration"], "1.5");
    assert_eq!(operations[1]["MaintenanceOrderOperation"], "0020");
    let component = format!(
        "{MO}MaintenanceOrderOperation(MaintenanceOrder='{number}',MaintenanceOrderOperation='0020',MaintenanceOrderSubOperation='')/to_MaintOrderOpComponent"
    );
    let parts = session.get(&component).await["results"].clone();
    assert_eq!(parts[0]["MaintOrdOpCompRequiredQuantity"], "2");
    let part = parts[0]["__metadata"]["uri"].as_str().unwrap();
    session
        .patch(part, &json!({"QuantityInUnitOfEntry": "3"}))
        .await
        .done(204);
    assert_eq!(session.get(part).await["MaintOrdOpCompRequiredQuantity"], "3");
    let address = format!("{MO}MaintenanceOrder('{number}')");
    let below = format!("{address}/to_MaintenanceOrderOperation");
    let added = session
        .post(&below, &json!({"OperationDescription": "Test"}))
        .await
        .done(201);
    assert_eq!(added["d"]["MaintenanceOrderOperation"], "0030");
    assert_eq!(
        session
            .post(&format!("{MO}MaintenanceOrderOperation"), &json!({}))
            .await
            .status
            .as_u16(),
        405
    );
    let act = async |name: &str| session.call(MO, &format!("{name}?MaintenanceOrder='{number}'")).await;
    act("SetMaintOrdToTechCompleted").await.refused(400, "CRTD is active");
    act("SubmitMaintOrderForApproval").await.done(200);
    act("ReleaseMaintenanceOrder").await.refused(400, "is not allowed");
    let approved = act("ApproveMaintenanceOrder").await.done(200);
    assert_eq!(approved["d"]["MaintOrdProcessPhaseCode"], "05");
    act("ScheduleMaintenanceOrder").await.done(200);
    act("SetMaintOrderStatusToLocked").await.done(200);
    act("SetMaintOrderStatusToUnlocked").await.done(200);
    assert_eq!(
        act("SetMaintOrdToMainWorkComplete").await.done(200)["d"]["MaintOrdProcessPhaseCode"],
        "08"
    );
    act("SetMaintOrdToTechCompleted").await.done(200);
    let etag = session.get(&address).await["__metadata"]["etag"].clone();
    act("SetMaintOrderStatusToClosed").await.done(200);
    let closed = session.get(&address).await;
    assert!(closed["SystemStatusText"].as_str().unwrap().starts_with("CLSD"));
    assert_ne!(closed["__metadata"]["etag"], etag);
    session
        .patch(&address, &json!({"MaintPriority": "1"}))
        .await
        .refused(400, "is closed");
    assert_eq!(
        session
            .call(MO, "NoSuchFunction?MaintenanceOrder='1'")
            .await
            .status
            .as_u16(),
        404
    );
    session
        .call(MO, "ReleaseMaintenanceOrder")
        .await
        .refused(400, "Mandatory parameter");
    session
        .call(MO, "ReleaseMaintenanceOrder?MaintenanceOrder='99'")
        .await
        .refused(400, "Order 99 does not exist");
    for (name, value, words) in [
        ("MaintenanceOrderType", json!("XX01"), "Order type XX01"),
        ("Equipment", json!("NOPE"), "Equipment NOPE does not exist"),
        ("MaintPriority", json!("9"), "Priority 9"),
        ("SystemStatusText", json!("REL"), "read-only"),
    ] {
        let mut wrong = body.clone();
        wrong[name] = value;
        session
            .post(&format!("{MO}MaintenanceOrder"), &wrong)
            .await
            .refused(400, words);
    }
    let other = session.post(&format!("{MO}MaintenanceOrder"), &body).await.done(201)["d"]["MaintenanceOrder"].clone();
    let dropped = session
        .call(
            MO,
            &format!(
                "SetMaintOrderToDoNotExecute?MaintenanceOrder='{}'",
                other.as_str().unwrap()
            ),
        )
        .await
        .done(200);
    assert!(dropped["d"]["SystemStatusText"].as_str().unwrap().contains("DLFL"));
}

#[tokio::test]
async fn equipment_is_made_changed_installed_and_taken_out_of_use() {
    let session = start().await;
    let body = json!({
        "EquipmentCategory": "M", "EquipmentName": "Spare pump", "MaintenancePlant": "1010", "ABCIndicator": "B",
        "ManufacturerSerialNumber": "S-1", "AcquisitionValue": "1200.50", "Currency": "EUR",
        "to_LongText": [{"Language": "EN", "EquipmentLongText": "In the crate"}],
    });
    let made = session.post(&format!("{EQ}Equipment"), &body).await.done(201)["d"].clone();
    let number = made["Equipment"].as_str().unwrap();
    assert_eq!(number.len(), 18);
    assert_eq!(made["EquipmentIsAvailable"], true);
    assert_eq!(made["FunctionalLocation"], "");
    let key = format!("Equipment='{number}',ValidityEndDate=datetime'9999-12-31T00:00:00'");
    let address = format!("{EQ}Equipment({key})");
    session
        .patch(
            &address,
            &json!({"EquipmentName": "Second pump", "InventoryNumber": "T-9"}),
        )
        .await
        .done(204);
    let read = session.get(&format!("{address}?$expand=to_LongText")).await;
    assert_eq!(read["EquipmentName"], "Second pump");
    assert_eq!(read["InventoryNumber"], "T-9");
    assert_eq!(read["to_LongText"]["results"][0]["EquipmentLongText"], "In the crate");
    let parameters = key.replace(',', "&");
    session
        .call(
            EQ,
            &format!("InstallEquipment?{parameters}&SuperordinateEquipment='P-101'"),
        )
        .await
        .done(200);
    let read = session.get(&address).await;
    assert_eq!(read["SuperordinateEquipment"], "P-101");
    assert_ne!(read["FunctionalLocation"], "");
    let ended = session
        .call(EQ, &format!("SetEquipmentToInactive?{parameters}"))
        .await
        .done(200);
    assert_eq!(ended["d"]["EquipmentIsInactive"], true);
    session
        .call(EQ, &format!("SetEquipmentToInactive?{parameters}"))
        .await
        .refused(400, "inactive already");
    session
        .call(EQ, &format!("SetEquipToMarkedForDeletion?{parameters}"))
        .await
        .done(200);
    assert_eq!(session.get(&address).await["EquipmentIsMarkedForDeletion"], true);
    session
        .patch(&address, &json!({"EquipmentIsInactive": false}))
        .await
        .refused(400, "read-only");
    assert_eq!(session.delete(&address).await.status.as_u16(), 405);
    let mut wrong = body.clone();
    wrong.as_object_mut().unwrap().remove("EquipmentCategory");
    session
        .post(&format!("{EQ}Equipment"), &wrong)
        .await
        .refused(400, "Enter Equipment Category");
}

#[tokio::test]
async fn products_are_made_and_changed() {
    let session = start().await;
    let body = json!({
        "Product": "LS-900", "ProductType": "ERSA", "BaseUnit": "EA", "ProductGroup": "SEALS", "IndustrySector": "M",
        "to_Description": [{"Language": "EN", "ProductDescription": "Lip seal"}, {"Language": "FR", "ProductDescription": "Joint"}],
        "to_Plant": [{"Plant": "1010", "MRPType": "VB", "to_ProductSupplyPlanning": {"ReorderThresholdQuantity": "4"}}],
        "to_Valuation": [{"ValuationArea": "1010", "StandardPrice": "250", "PriceUnitQty": "100", "InventoryValuationProcedure": "S", "Currency": "EUR"}],
    });
    session.post(&format!("{PR}A_Product"), &body).await.done(201);
    let read = session
        .get(&format!(
            "{PR}A_Product('LS-900')?$expand=to_Description,to_Valuation,to_Plant/to_ProductSupplyPlanning"
        ))
        .await;
    assert_eq!(read["ProductGroup"], "SEALS");
    assert_eq!(read["to_Description"]["results"].as_array().unwrap().len(), 2);
    assert_eq!(read["to_Valuation"]["results"][0]["StandardPrice"], "250");
    assert_eq!(
        read["to_Plant"]["results"][0]["to_ProductSupplyPlanning"]["ReorderThresholdQuantity"],
        "4"
    );
    assert_eq!(
        session.sandbox.world().items.last().unwrap().standard_cost,
        Decimal::new(25, 1)
    );
    session
        .post(&format!("{PR}A_Product"), &body)
        .await
        .refused(400, "already exists");
    let address = format!("{PR}A_Product('LS-900')");
    let etag = read["__metadata"]["etag"].clone();
    session
        .patch(
            &address,
            &json!({"CrossPlantStatus": "01", "NetWeight": "0.4", "WeightUnit": "KG"}),
        )
        .await
        .done(204);
    let read = session.get(&address).await;
    assert_eq!(read["CrossPlantStatus"], "01");
    assert_eq!(read["NetWeight"], "0.4");
    assert_ne!(read["__metadata"]["etag"], etag);
    session
        .patch(&address, &json!({"BaseUnit": "KG"}))
        .await
        .refused(400, "cannot be changed");
    let name = format!("{PR}A_ProductDescription(Product='LS-900',Language='EN')");
    session
        .patch(&name, &json!({"ProductDescription": "Lip seal 45"}))
        .await
        .done(204);
    assert_eq!(session.sandbox.world().items.last().unwrap().name, "Lip seal 45");
    assert_eq!(session.delete(&address).await.status.as_u16(), 405);
}

#[tokio::test]
async fn metadata_tells_what_may_be_written() {
    let session = start().await;
    let answer = session.send(Method::GET, &format!("{PO}$metadata"), None, None).await;
    let document = answer.body.as_str().unwrap();
    assert!(document.contains("Name=\"PurchasingProcessingStatus\" Type=\"Edm.String\" MaxLength=\"2\" sap:label=\"Purchasing Processing Status\" sap:creatable=\"false\" sap:updatable=\"false\""));
    assert!(document.contains("Name=\"OrderQuantity\" Type=\"Edm.Decimal\" Precision=\"13\" Scale=\"3\""));
    let answer = session
        .send(Method::GET, &format!("{V2}API_BUSINESS_PARTNER/$metadata"), None, None)
        .await;
    assert!(
        answer
            .body
            .as_str()
            .unwrap()
            .contains("sap:content-version=\"1\" sap:creatable=\"false\" sap:deletable=\"false\"")
    );
    let answer = session.send(Method::GET, &format!("{V4}$metadata"), None, None).await;
    assert!(
        answer
            .body
            .as_str()
            .unwrap()
            .contains("Property=\"Insertable\" Bool=\"false\"")
    );
}
