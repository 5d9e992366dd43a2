//! Tests of the simulated Dynamics over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;

use super::entities;
use crate::{Options, Sandbox, Seed, Size, System, World};

struct Session {
    sandbox: Sandbox,
    token: String,
}

async fn ask(sandbox: &Sandbox, change: (&'static str, &'static str)) -> Response {
    let (settings, credentials) = sandbox.demo_connection();
    let scope = format!("{}/.default", sandbox.base_url());
    let mut form = vec![
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", credentials["client_id"].as_str().unwrap().to_owned()),
        (
            "client_secret",
            credentials["client_secret"].as_str().unwrap().to_owned(),
        ),
        ("scope", scope),
    ];
    for field in &mut form {
        if field.0 == change.0 {
            field.1 = change.1.to_owned();
        }
    }
    Client::new()
        .post(settings["token_url"].as_str().unwrap())
        .form(&form)
        .send()
        .await
        .unwrap()
}

async fn start(size: Size) -> Session {
    let sandbox = Sandbox::start(
        System::Dynamics365Fo,
        Options {
            size,
            ..Options::default()
        },
    )
    .await
    .unwrap();
    let answer: Value = ask(&sandbox, ("", "")).await.json().await.unwrap();
    Session {
        sandbox,
        token: answer["access_token"].as_str().unwrap().to_owned(),
    }
}

impl Session {
    async fn send(&self, path: &str, page: Option<usize>) -> Response {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.sandbox.base_url())
        };
        let mut request = Client::new().get(address).bearer_auth(&self.token);
        if let Some(page) = page {
            request = request.header("Prefer", format!("odata.maxpagesize={page}"));
        }
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.send(path, None).await;
        let status = response.status();
        let body = response.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn rows(&self, path: &str) -> Vec<Value> {
        self.get(path).await["value"].as_array().unwrap().clone()
    }

    async fn status(&self, path: &str) -> StatusCode {
        self.send(path, None).await.status()
    }
}

#[tokio::test]
async fn the_token_endpoint_tells_what_is_wrong() {
    let session = start(Size::Small).await;
    for (change, status, code) in [
        (("client_secret", "wrong"), StatusCode::UNAUTHORIZED, 7_000_215),
        (("client_id", "wrong"), StatusCode::BAD_REQUEST, 700_016),
        (("scope", "openid"), StatusCode::BAD_REQUEST, 70_011),
        (("grant_type", "password"), StatusCode::BAD_REQUEST, 70_003),
    ] {
        let answer = ask(&session.sandbox, change).await;
        assert_eq!(answer.status(), status);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error_codes"][0], code);
        assert!(
            body["error_description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("AADSTS{code}: "))
        );
    }
    assert!(session.sandbox.calls().iter().all(|call| call.login));
}

#[tokio::test]
async fn a_dead_token_gets_an_empty_refusal() {
    let session = start(Size::Small).await;
    assert_eq!(session.status("/data/VendorsV2?$top=1").await, StatusCode::OK);
    session.sandbox.expire_credentials();
    let refused = session.send("/data/VendorsV2?$top=1", None).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(
        refused.headers()[header::WWW_AUTHENTICATE]
            .to_str()
            .unwrap()
            .starts_with("Bearer authorization_uri")
    );
    assert!(refused.bytes().await.unwrap().is_empty());
    session.sandbox.revoke_credentials();
    assert_eq!(ask(&session.sandbox, ("", "")).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_the_default_company_is_seen_unless_asked() {
    let session = start(Size::Small).await;
    let vendors = session.sandbox.world().vendors.len();
    let own = session
        .rows("/data/VendorsV2?$select=dataAreaId,VendorAccountNumber")
        .await;
    assert_eq!(own.len(), vendors);
    assert!(own.iter().all(|row| row["dataAreaId"] == "USMF"));
    let all = session
        .get("/data/VendorsV2?cross-company=true&$count=true&$top=1")
        .await;
    assert!(usize::try_from(all["@odata.count"].as_u64().unwrap()).unwrap() > vendors);
    let filter = "cross-company=true&$filter=dataAreaId eq 'usmf'";
    assert_eq!(session.rows(&format!("/data/VendorsV2?{filter}")).await.len(), vendors);
    let order = &session.rows("/data/PurchaseOrderHeadersV2?$top=1").await[0];
    assert_eq!(order["dataAreaId"], "usmf");
    let other = "/data/PurchaseOrderHeadersV2(dataAreaId='dat',PurchaseOrderNumber='DAT-000001')";
    assert_eq!(session.status(other).await, StatusCode::NOT_FOUND);
    assert_eq!(
        session.status(&format!("{other}?cross-company=true")).await,
        StatusCode::OK
    );
}

#[tokio::test]
async fn orders_show_the_world_with_the_quirks_of_the_system() {
    let session = start(Size::Small).await;
    let order = session.sandbox.world().purchase_orders[6].clone();
    let key = format!("dataAreaId='USMF',PurchaseOrderNumber='{}'", order.number);
    let found = session
        .get(&format!(
            "/data/PurchaseOrderHeadersV2({key})?$expand=PurchaseOrderLinesV2"
        ))
        .await;
    assert_eq!(
        found["RequestedDeliveryDate"],
        format!("{}T12:00:00Z", order.required_date)
    );
    assert_eq!(found["ConfirmedDeliveryDate"], "1900-01-01T12:00:00Z");
    assert_eq!(found["PurchaseOrderStatus"], "Received");
    assert_eq!(found["ProjectId"], "");
    assert_eq!(found["DeliveryAddressTimeZone"], Value::Null);
    assert!(found["@odata.etag"].as_str().unwrap().starts_with("W/\""));
    assert_eq!(found["LBW_BudgetCode"], format!("BUD-{:03}", order.id % 17));
    let lines = found["PurchaseOrderLinesV2"].as_array().unwrap();
    let amounts: f64 = lines
        .iter()
        .filter(|line| line["IsDeleted"] == "No")
        .map(|line| line["LineAmount"].as_f64().unwrap())
        .sum();
    assert_eq!(format!("{amounts:.2}"), format!("{:.2}", order.untaxed()));
    assert_eq!(lines[0]["LineNumber"], 1);
}

#[tokio::test]
async fn pages_follow_the_preferred_size_without_loss() {
    let session = start(Size::Small).await;
    let mut seen = BTreeSet::new();
    let mut path =
        "/data/PurchaseOrderLinesV2?$filter=IsDeleted eq Microsoft.Dynamics.DataEntities.NoYes'No'".to_owned();
    loop {
        let response = session.send(&path, Some(50)).await;
        assert_eq!(response.headers()["preference-applied"], "odata.maxpagesize=50");
        let page: Value = response.json().await.unwrap();
        let rows = page["value"].as_array().unwrap();
        assert!(rows.len() <= 50);
        seen.extend(
            rows.iter()
                .map(|row| format!("{}/{}", row["PurchaseOrderNumber"], row["LineNumber"])),
        );
        let Some(next) = page["@odata.nextLink"].as_str() else {
            break;
        };
        path = next.to_owned();
    }
    assert_eq!(seen.len(), session.sandbox.world().purchase_lines().count());
}

#[tokio::test]
async fn filters_follow_the_dialect() {
    let session = start(Size::Small).await;
    let numbers = "(VendorAccountNumber eq 'V-1001' or VendorAccountNumber eq 'v-1002')";
    assert_eq!(
        session
            .rows(&format!("/data/VendorsV2?$filter={numbers} and dataAreaId eq 'usmf'"))
            .await
            .len(),
        2
    );
    let name = session
        .sandbox
        .world()
        .assets
        .iter()
        .find(|asset| asset.number == "P-101")
        .unwrap()
        .name
        .clone();
    let wildcard = session
        .rows("/data/AssetMaintenanceAssetsV3?$filter=Name eq '*p-101'")
        .await;
    assert!(wildcard.iter().any(|row| row["Name"] == name));
    let status = "PurchaseOrderStatus eq Microsoft.Dynamics.DataEntities.PurchStatus'Canceled'";
    let canceled = session
        .rows(&format!(
            "/data/PurchaseOrderHeadersV2?$filter={status}&$orderby=RequestedDeliveryDate desc"
        ))
        .await;
    assert!(!canceled.is_empty());
    assert!(
        canceled
            .is_sorted_by(|one, two| one["RequestedDeliveryDate"].as_str() >= two["RequestedDeliveryDate"].as_str())
    );
    for wrong in [
        "VendorsV2?$filter=VendorAccountNumber in ('V-1001')",
        "VendorsV2?$select=Nope",
        "VendorsV2?$filter=contains(VendorOrganizationName,'x')",
        "PurchaseOrderHeadersV2?$expand=PurchaseOrderLinesV2($select=LineNumber)",
    ] {
        assert_eq!(
            session.status(&format!("/data/{wrong}")).await,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
    assert_eq!(session.status("/data/Nope").await, StatusCode::NOT_FOUND);
    assert_eq!(session.status("/nope").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn entities_can_be_discovered() {
    let session = start(Size::Small).await;
    let sets = session.rows("/metadata/DataEntities").await;
    assert!(
        sets.iter()
            .any(|set| set["PublicCollectionName"] == "AssetMaintenanceWorkOrderTablesV2")
    );
    let vendor = session.get("/metadata/PublicEntities('VendorV2')").await;
    let properties = vendor["Properties"].as_array().unwrap();
    let status = properties
        .iter()
        .find(|property| property["Name"] == "OnHoldStatus")
        .unwrap();
    assert_eq!(status["TypeName"], "Microsoft.Dynamics.DataEntities.VendBlocked");
    assert!(
        properties
            .iter()
            .any(|property| property["Name"] == "LBW_QualityRating")
    );
    assert!(!session.rows("/metadata/PublicEnumerations").await.is_empty());
    let document = session.send("/data/$metadata", None).await.text().await.unwrap();
    assert!(document.contains("<EnumType Name=\"PurchStatus\">"));
}

/// Guards the tables against misspelled sets and properties, and against rows with equal keys.
#[test]
fn every_row_fits_its_set() {
    let service = entities::service(
        &World::generate(Seed::default(), Size::Medium),
        &crate::written::Written::default(),
    );
    for entity in service.data.model.sets.values() {
        let rows = service.data.rows(&entity.set);
        assert!(!rows.is_empty(), "{} is empty", entity.set);
        let mut keys = BTreeSet::new();
        for row in rows {
            for name in row.names() {
                assert!(entity.properties.contains_key(name), "{} has no {name}", entity.set);
            }
            let key: Vec<String> = entity.key.iter().map(|name| format!("{:?}", row.get(name))).collect();
            assert!(keys.insert(key.clone()), "{} has {key:?} twice", entity.set);
        }
    }
}
