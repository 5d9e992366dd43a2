//! Tests of writes to the simulated SAP over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod orders;
mod records;
mod stock;

use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    Options, Sandbox, System,
    systems::sap::logon::{PASSWORD, USER},
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
