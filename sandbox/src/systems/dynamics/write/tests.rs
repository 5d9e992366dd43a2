//! Tests of writes to the simulated Dynamics over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use reqwest::{Client, Method, StatusCode, header};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{
    Options, Sandbox, System,
    world::{OrderStatus, VendorStatus, WorkStatus},
};

const HEADERS: &str = "/data/PurchaseOrderHeadersV2";
const LINES: &str = "/data/PurchaseOrderLinesV2";
const VENDORS: &str = "/data/VendorsV2";
const WORK: &str = "/data/AssetMaintenanceWorkOrderTablesV2";

struct Session {
    sandbox: Sandbox,
    token: String,
}

struct Answer {
    status: StatusCode,
    body: Value,
    headers: header::HeaderMap,
}

impl Answer {
    fn refused(&self, status: u16, words: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let inner = self.body["error"]["innererror"]["message"].as_str().unwrap_or_default();
        assert!(inner.contains(words), "{} has no {words:?}", self.body);
    }

    fn done(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }
}

async fn start() -> Session {
    let sandbox = Sandbox::start(System::Dynamics365Fo, Options::default()).await.unwrap();
    let (settings, credentials) = sandbox.demo_connection();
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", credentials["client_id"].as_str().unwrap().to_owned()),
        (
            "client_secret",
            credentials["client_secret"].as_str().unwrap().to_owned(),
        ),
        ("scope", format!("{}/.default", sandbox.base_url())),
    ];
    let answer = Client::new()
        .post(settings["token_url"].as_str().unwrap())
        .form(&form)
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    Session { sandbox, token }
}

impl Session {
    async fn send(&self, method: Method, path: &str, etag: Option<&str>, body: Option<&Value>) -> Answer {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.sandbox.base_url())
        };
        let mut request = Client::new().request(method, address).bearer_auth(&self.token);
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
        self.send(Method::PATCH, path, None, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, None).await
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None, None).await.done(200)
    }

    /// Returns the address of an order in a status.
    fn order(&self, status: OrderStatus) -> String {
        let world = self.sandbox.world();
        let order = world
            .purchase_orders
            .iter()
            .find(|order| order.status == status)
            .unwrap();
        address(HEADERS, "PurchaseOrderNumber", &order.number)
    }
}

fn address(set: &str, name: &str, number: &str) -> String {
    format!("{set}(dataAreaId='usmf',{name}='{number}')")
}

#[tokio::test]
async fn a_header_is_made_first_and_then_its_lines() {
    let session = start().await;
    let body = json!({
        "dataAreaId": "usmf", "OrderVendorAccountNumber": "V-1001", "InvoiceVendorAccountNumber": "V-1001",
        "CurrencyCode": "EUR", "LanguageId": "en-us", "VendorOrderReference": "LS-1", "LBW_BudgetCode": "BUD-999",
        "RequestedDeliveryDate": "2026-12-01T12:00:00Z", "ProjectId": "PRJ-7",
    });
    let answer = session.post(HEADERS, &body).await;
    assert!(answer.headers.contains_key(header::LOCATION));
    let made = answer.done(201);
    let number = made["PurchaseOrderNumber"].as_str().unwrap();
    assert_eq!(made["RequestedDeliveryDate"], "2026-12-01T12:00:00Z");
    assert_eq!(made["ProjectId"], "PRJ-7");
    assert_eq!(made["LBW_BudgetCode"], "BUD-999");
    assert_eq!(made["DocumentApprovalStatus"], "Approved");
    let line = json!({
        "dataAreaId": "USMF", "PurchaseOrderNumber": number, "ItemNumber": "MAT-00101", "OrderedPurchaseQuantity": 4,
        "PurchasePrice": 25.5, "PurchasePriceQuantity": 10, "CustomerReference": "free text",
    });
    let first = session.post(LINES, &line).await.done(201);
    assert_eq!(first["LineNumber"], 1);
    assert_eq!(first["LineAmount"], 10.2);
    assert_eq!(first["PurchasePrice"], 25.5);
    assert_eq!(first["CustomerReference"], "free text");
    assert_eq!(session.post(LINES, &line).await.done(201)["LineNumber"], 2);
    assert_eq!(
        session.sandbox.world().purchase_orders.last().unwrap().untaxed(),
        Decimal::new(204, 1)
    );
    let at = format!("{LINES}(dataAreaId='usmf',PurchaseOrderNumber='{number}',LineNumber=2)");
    session
        .patch(
            &at,
            &json!({"OrderedPurchaseQuantity": 8, "LineDescription": "Changed"}),
        )
        .await
        .done(204);
    let read = session.get(&at).await;
    assert_eq!(
        (&read["LineAmount"], &read["LineDescription"]),
        (&json!(20.4), &json!("Changed"))
    );
    assert_eq!(read["PurchasePriceQuantity"], 10);
    session.delete(&at).await.done(204);
    assert_eq!(session.get(&at).await["IsDeleted"], "Yes");
    session
        .patch(&at, &json!({"OrderedPurchaseQuantity": 8}))
        .await
        .refused(400, "deleted");
    let mut deep = body.clone();
    deep["PurchaseOrderLinesV2"] = json!([line]);
    session
        .post(HEADERS, &deep)
        .await
        .refused(400, "Deep insert is not supported");
    let found = session
        .get(&format!("{HEADERS}?$filter=VendorOrderReference eq 'LS-1'"))
        .await;
    assert_eq!(found["value"].as_array().unwrap().len(), 1);
    let header = address(HEADERS, "PurchaseOrderNumber", number);
    session.delete(&header).await.done(204);
    assert_eq!(
        session.send(Method::GET, &header, None, None).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn wrong_orders_are_refused_with_the_log_of_the_write() {
    let session = start().await;
    let before = session.sandbox.world().purchase_orders.len();
    let minimal = json!({"dataAreaId": "usmf", "OrderVendorAccountNumber": "V-1001"});
    for (name, value, words) in [
        (
            "OrderVendorAccountNumber",
            Value::Null,
            "Field 'Vendor account' must be filled in.",
        ),
        (
            "OrderVendorAccountNumber",
            json!("V-9999"),
            "'V-9999' in field 'Vendor account' is not found",
        ),
        ("OrderVendorAccountNumber", json!("V-1011"), "on hold"),
        ("InvoiceVendorAccountNumber", json!("V-9999"), "is not found"),
        ("CurrencyCode", json!("QQQ"), "'Currency'"),
        ("PaymentTermsName", json!("99 Years"), "'Terms of payment'"),
        ("DefaultReceivingWarehouseId", json!("NOPE"), "'Warehouse'"),
        ("PurchaseOrderNumber", json!("4500000999"), "not manual"),
        ("dataAreaId", json!("dat"), "company 'dat'"),
    ] {
        let mut body = minimal.clone();
        match value {
            Value::Null => body.as_object_mut().unwrap().remove(name),
            value => body.as_object_mut().unwrap().insert(name.to_owned(), value),
        };
        let refused = session.post(HEADERS, &body).await;
        refused.refused(400, words);
        refused.refused(
            400,
            "Write failed for table row of type 'PurchPurchaseOrderHeaderV2Entity'.",
        );
        assert_eq!(refused.body["error"]["message"], "An error has occurred.");
    }
    for (name, value, words) in [
        ("Nope", json!(1), "'Nope' does not exist on type"),
        ("PurchaseOrderStatus", json!("Received"), "read-only"),
        ("CashDiscountPercentage", json!("5"), "Cannot convert"),
        ("RequestedDeliveryDate", json!("2026-12-01"), "Cannot convert"),
        ("ArePricesIncludingSalesTax", json!("Maybe"), "Cannot convert"),
    ] {
        let mut body = minimal.clone();
        body[name] = value;
        session.post(HEADERS, &body).await.refused(400, words);
    }
    assert_eq!(session.sandbox.world().purchase_orders.len(), before);
    let number = session.post(HEADERS, &minimal).await.done(201)["PurchaseOrderNumber"].clone();
    for (line, words) in [
        (
            json!({"OrderedPurchaseQuantity": 1}),
            "'Item number or procurement category' must be filled",
        ),
        (
            json!({"ItemNumber": "NOPE", "OrderedPurchaseQuantity": 1}),
            "'Item number' is not found",
        ),
        (json!({"ItemNumber": "MAT-00101"}), "'Quantity' must be filled"),
        (
            json!({"ItemNumber": "MAT-00101", "OrderedPurchaseQuantity": 0}),
            "greater than zero",
        ),
        (
            json!({"ItemNumber": "MAT-00101", "OrderedPurchaseQuantity": 1, "ReceivingWarehouseId": "X"}),
            "'Warehouse'",
        ),
        (
            json!({"ItemNumber": "MAT-00101", "OrderedPurchaseQuantity": 1, "LineNumber": 7}),
            "the next one is 1",
        ),
        (
            json!({"ItemNumber": "MAT-00101", "OrderedPurchaseQuantity": 1, "PurchaseUnitSymbol": "qq"}),
            "'Unit'",
        ),
    ] {
        let mut body = json!({"dataAreaId": "usmf", "PurchaseOrderNumber": number});
        body.as_object_mut().unwrap().extend(line.as_object().unwrap().clone());
        session.post(LINES, &body).await.refused(400, words);
    }
}

#[tokio::test]
async fn versions_are_compared_when_they_are_named() {
    let session = start().await;
    let header = session.order(OrderStatus::Approved);
    let etag = session.get(&header).await["@odata.etag"].as_str().unwrap().to_owned();
    let change = json!({"VendorOrderReference": "A", "AttentionInformation": "Night shift"});
    session
        .send(Method::PATCH, &header, Some("W/\"bm9uZQ==\""), Some(&change))
        .await
        .refused(412, "Precondition");
    session
        .send(Method::PATCH, &header, Some(&etag), Some(&change))
        .await
        .done(204);
    let read = session.get(&header).await;
    assert_eq!(read["AttentionInformation"], "Night shift");
    assert_ne!(read["@odata.etag"], etag.as_str());
    session
        .send(Method::PATCH, &header, Some(&etag), Some(&change))
        .await
        .refused(412, "Precondition");
    session
        .send(Method::PATCH, &header, Some("*"), Some(&change))
        .await
        .done(204);
    session.patch(&header, &change).await.done(204);
    session
        .send(Method::DELETE, &header, Some(&etag), None)
        .await
        .refused(412, "Precondition");
}

#[tokio::test]
async fn confirmed_orders_are_not_edited_and_received_ones_not_deleted() {
    let session = start().await;
    let change = json!({"VendorOrderReference": "A"});
    for (status, words) in [
        (OrderStatus::Sent, "has been confirmed"),
        (OrderStatus::PendingApproval, "in review"),
        (OrderStatus::Received, "has been received"),
        (OrderStatus::Closed, "finalized"),
        (OrderStatus::Canceled, "canceled"),
    ] {
        session.patch(&session.order(status), &change).await.refused(400, words);
    }
    let received = session.order(OrderStatus::Received);
    session
        .delete(&received)
        .await
        .refused(400, "product receipts have been posted");
    session.delete(&session.order(OrderStatus::Draft)).await.done(204);
    let locked = session.order(OrderStatus::Approved);
    let number = locked.rsplit('\'').nth(1).unwrap().to_owned();
    session.sandbox.lock_record(&number, "MILLER");
    session
        .patch(&locked, &change)
        .await
        .refused(400, "locked by user MILLER");
    session.sandbox.unlock_record(&number);
    session.patch(&locked, &change).await.done(204);
    session.sandbox.deny("PurchaseOrder").unwrap();
    assert_eq!(session.patch(&locked, &change).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rows_of_other_companies_need_to_be_asked_for() {
    let session = start().await;
    let other = format!("{HEADERS}(dataAreaId='dat',PurchaseOrderNumber='DAT-000001')");
    let change = json!({"VendorOrderReference": "DAT-REF"});
    assert_eq!(session.patch(&other, &change).await.status, StatusCode::NOT_FOUND);
    let other = format!("{other}?cross-company=true");
    session.patch(&other, &change).await.done(204);
    assert_eq!(session.get(&other).await["VendorOrderReference"], "DAT-REF");
    assert!(
        session
            .sandbox
            .world()
            .purchase_orders
            .iter()
            .all(|order| order.reference.as_deref() != Some("DAT-REF"))
    );
}

#[tokio::test]
async fn vendors_are_made_held_and_deleted() {
    let session = start().await;
    session
        .post(VENDORS, &json!({"dataAreaId": "usmf"}))
        .await
        .refused(400, "Field 'Name' must be filled in.");
    session
        .post(VENDORS, &json!({"VendorOrganizationName": "X", "VendorGroupId": "99"}))
        .await
        .refused(400, "Vendor groups");
    let body = json!({"dataAreaId": "usmf", "VendorOrganizationName": "Neue Pumpen", "VendorGroupId": "20", "PrimaryEmailAddress": "a@b.example", "CreditLimit": 500});
    let made = session.post(VENDORS, &body).await.done(201);
    assert_eq!(made["dataAreaId"], "USMF");
    assert_eq!(made["VendorGroupId"], "20");
    assert_eq!(made["CreditLimit"], 500);
    let at = address(
        VENDORS,
        "VendorAccountNumber",
        made["VendorAccountNumber"].as_str().unwrap(),
    );
    session
        .patch(&at, &json!({"OnHoldStatus": "Payment", "AddressCity": "Ulm"}))
        .await
        .done(204);
    let read = session.get(&at).await;
    assert_eq!(
        (&read["OnHoldStatus"], &read["AddressCity"]),
        (&json!("Payment"), &json!("Ulm"))
    );
    assert_eq!(
        session.sandbox.world().vendors.last().unwrap().status,
        VendorStatus::Blocked
    );
    session.delete(&at).await.done(204);
    assert_eq!(
        session.send(Method::GET, &at, None, None).await.status,
        StatusCode::NOT_FOUND
    );
    let used = address(VENDORS, "VendorAccountNumber", "V-1001");
    session.delete(&used).await.refused(400, "dependent records");
}

#[tokio::test]
async fn work_orders_follow_their_lifecycle() {
    let session = start().await;
    let body = json!({
        "Description": "Seal leaks", "WorkOrderTypeId": "Corrective", "ServiceLevel": 2,
        "ExpectedEnd": "2026-12-01T10:00:00Z", "ResponsibleWorkerPersonnelNumber": "000003",
    });
    let made = session.post(WORK, &body).await.done(201);
    assert_eq!(made["WorkOrderLifecycleStateId"], "New");
    let number = made["WorkOrderId"].as_str().unwrap();
    let at = address(WORK, "WorkOrderId", number);
    let move_to = async |state: &str| session.patch(&at, &json!({"WorkOrderLifecycleStateId": state})).await;
    move_to("Finished")
        .await
        .refused(400, "cannot be moved to lifecycle state Finished");
    move_to("Nowhere").await.refused(400, "lifecycle states");
    for state in ["Released", "InProgress", "OnHold", "InProgress", "Finished", "Closed"] {
        move_to(state).await.done(204);
    }
    assert_eq!(session.get(&at).await["WorkOrderLifecycleStateId"], "Closed");
    session
        .patch(&at, &json!({"Description": "X"}))
        .await
        .refused(400, "is closed");
    let other = session.post(WORK, &body).await.done(201)["WorkOrderId"]
        .as_str()
        .unwrap()
        .to_owned();
    let line = json!({
        "WorkOrderId": other, "WorkOrderJobDescription": "Drain", "JobTypeId": "Repair", "MaintenanceAssetId": "P-101",
    });
    let made = session
        .post("/data/AssetMaintenanceWorkOrderLinesV2", &line)
        .await
        .done(201);
    assert_eq!((&made["LineNumber"], &made["JobTypeId"]), (&json!(1), &json!("Repair")));
    let line = format!("/data/AssetMaintenanceWorkOrderLinesV2(dataAreaId='usmf',WorkOrderId='{other}',LineNumber=1)");
    session
        .patch(&line, &json!({"WorkOrderJobDescription": "Drain and rinse"}))
        .await
        .done(204);
    let kept = session.sandbox.world().work_orders.last().unwrap().clone();
    assert_eq!(
        (kept.tasks[0].title.as_str(), kept.asset.is_some()),
        ("Drain and rinse", true)
    );
    let nameless = json!({"WorkOrderId": other, "WorkOrderJobDescription": "Rinse"});
    session
        .post("/data/AssetMaintenanceWorkOrderLinesV2", &nameless)
        .await
        .refused(400, "'Maintenance job type'");
    session.delete(&address(WORK, "WorkOrderId", &other)).await.done(204);
    let busy = session
        .sandbox
        .world()
        .work_orders
        .iter()
        .find(|work| work.status == WorkStatus::InProgress)
        .unwrap()
        .number
        .clone();
    session
        .delete(&address(WORK, "WorkOrderId", &busy))
        .await
        .refused(400, "cannot be deleted");
    session
        .post(WORK, &json!({"Description": "X"}))
        .await
        .refused(400, "'Work order type'");
}

#[tokio::test]
async fn assets_and_products_are_changed() {
    let session = start().await;
    let assets = "/data/AssetMaintenanceAssetsV3";
    let body = json!({"Name": "Spare pump", "MaintenanceAssetTypeId": "Pump", "ProductId": "KSB", "ParentMaintenanceAssetId": "P-101"});
    let made = session.post(assets, &body).await.done(201);
    let at = address(
        assets,
        "MaintenanceAssetId",
        made["MaintenanceAssetId"].as_str().unwrap(),
    );
    session
        .patch(
            &at,
            &json!({"MaintenanceAssetLifecycleStateId": "Scrapped", "SerialId": "S-9"}),
        )
        .await
        .done(204);
    let read = session.get(&at).await;
    assert_eq!(
        (&read["MaintenanceAssetLifecycleStateId"], &read["SerialId"]),
        (&json!("Scrapped"), &json!("S-9"))
    );
    session
        .patch(&at, &json!({"ParentMaintenanceAssetId": "NOPE"}))
        .await
        .refused(400, "'Asset' is not found");
    session.delete(&at).await.done(204);
    session
        .delete(&address(assets, "MaintenanceAssetId", "P-101"))
        .await
        .refused(400, "dependent records");
    let products = "/data/ReleasedProductsV2";
    let at = address(products, "ItemNumber", "MAT-00101");
    session
        .patch(
            &at,
            &json!({"PurchasePrice": 12.25, "ProductLifecycleStateId": "PhaseOut"}),
        )
        .await
        .done(204);
    let read = session.get(&at).await;
    assert_eq!(
        (&read["PurchasePrice"], &read["ProductLifecycleStateId"]),
        (&json!(12.25), &json!("PhaseOut"))
    );
    assert_eq!(
        session
            .post(products, &json!({"ItemNumber": "X"}))
            .await
            .status
            .as_u16(),
        405
    );
    assert_eq!(
        session
            .patch("/data/WarehousesOnHandV2", &json!({}))
            .await
            .status
            .as_u16(),
        405
    );
    let entity = session.get("/metadata/PublicEntities('PurchaseOrderHeaderV2')").await;
    let properties = entity["Properties"].as_array().unwrap();
    let status = properties
        .iter()
        .find(|property| property["Name"] == "PurchaseOrderStatus")
        .unwrap();
    assert_eq!(
        (&status["AllowEdit"], &status["AllowEditOnCreate"]),
        (&json!(false), &json!(false))
    );
}

#[tokio::test]
async fn the_customers_own_entity_is_described_and_written() {
    let session = start().await;
    let entity = session.get("/metadata/PublicEntities('CalibrationRecord')").await;
    assert_eq!(entity["EntitySetName"], "CalibrationRecords");
    let all = session.get("/data/CalibrationRecords?$filter=Result eq Microsoft.Dynamics.DataEntities.CalibrationResult'Failed'&$orderby=DueDate desc&$top=2").await;
    assert_eq!(all["value"].as_array().unwrap().len(), 2);
    let set = "/data/CalibrationRecords";
    session
        .post(set, &json!({"Notes": "no number"}))
        .await
        .refused(400, "must be filled in");
    session
        .post(
            set,
            &json!({"CertificateNumber": "CAL-X", "MaintenanceAssetId": "NOPE"}),
        )
        .await
        .refused(400, "not found");
    let made = session
        .post(
            set,
            &json!({"CertificateNumber": "CAL-NEW", "Deviation": 0.5, "Result": "Adjusted"}),
        )
        .await
        .done(201);
    assert_eq!(
        (&made["CertificateNumber"], &made["Result"]),
        (&json!("CAL-NEW"), &json!("Adjusted"))
    );
    let one = format!(
        "{set}(dataAreaId='{}',CertificateNumber='CAL-NEW')",
        made["dataAreaId"].as_str().unwrap()
    );
    session.patch(&one, &json!({"Deviation": 0.25})).await.done(204);
    assert_eq!(session.get(&one).await["Deviation"], json!(0.25));
    session.delete(&one).await.done(204);
    assert_eq!(session.send(Method::GET, &one, None, None).await.status, 404);
}
