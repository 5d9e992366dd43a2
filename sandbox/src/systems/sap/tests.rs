//! Tests of the simulated SAP over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;

use super::logon::{PASSWORD, USER};
use super::service::Services;
use crate::{Options, Sandbox, Seed, Size, System, World};

const V2: &str = "/sap/opu/odata/sap/";
const V4: &str = "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001/";

async fn start(size: Size) -> Sandbox {
    Sandbox::start(
        System::SapS4hana,
        Options {
            size,
            ..Options::default()
        },
    )
    .await
    .unwrap()
}

async fn send(sandbox: &Sandbox, path: &str) -> Response {
    let address = if path.starts_with("http") {
        path.to_owned()
    } else {
        format!("{}{path}", sandbox.base_url())
    };
    let request = Client::new().get(address).basic_auth(USER, Some(PASSWORD));
    request.header(header::ACCEPT, "application/json").send().await.unwrap()
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let response = send(sandbox, path).await;
    let status = response.status();
    let body = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

async fn results(sandbox: &Sandbox, path: &str) -> Vec<Value> {
    get(sandbox, path).await["d"]["results"].as_array().unwrap().clone()
}

#[tokio::test]
async fn wrong_passwords_lock_the_user() {
    let sandbox = start(Size::Small).await;
    let address = format!("{}{V2}API_BUSINESS_PARTNER/A_Supplier?$top=1", sandbox.base_url());
    let attempt = async |password| {
        Client::new()
            .get(&address)
            .basic_auth(USER, Some(password))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(attempt(PASSWORD).await.status(), StatusCode::OK);
    for _ in 0..3 {
        let refused = attempt("wrong").await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert!(
            refused.headers()[header::WWW_AUTHENTICATE]
                .to_str()
                .unwrap()
                .starts_with("Basic")
        );
        assert!(
            refused.headers()[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
    }
    assert_eq!(attempt(PASSWORD).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_open_the_services_until_they_expire() {
    let sandbox = start(Size::Small).await;
    let token_address = format!("{}/sap/bc/sec/oauth2/token", sandbox.base_url());
    let ask = async |password| {
        let request = Client::new().post(&token_address).basic_auth(USER, Some(password));
        request
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .unwrap()
    };
    assert_eq!(ask("wrong").await.status(), StatusCode::UNAUTHORIZED);
    let token: Value = ask(PASSWORD).await.json().await.unwrap();
    let address = format!("{}{V4}PurchaseOrder?$top=1", sandbox.base_url());
    let read = async || {
        let request = Client::new()
            .get(&address)
            .bearer_auth(token["access_token"].as_str().unwrap());
        request.send().await.unwrap().status()
    };
    assert_eq!(read().await, StatusCode::OK);
    sandbox.end_sessions();
    assert_eq!(read().await, StatusCode::UNAUTHORIZED);
    assert!(sandbox.calls().iter().take(2).all(|call| call.login));
    sandbox.revoke_credentials();
    assert_eq!(
        send(&sandbox, &format!("{V4}PurchaseOrder")).await.status(),
        StatusCode::UNAUTHORIZED
    );
    sandbox.restore_credentials();
    assert_eq!(
        send(&sandbox, &format!("{V4}PurchaseOrder")).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn writes_need_the_token_of_their_session() {
    let sandbox = start(Size::Small).await;
    let root = format!("{}{V2}API_PURCHASEORDER_PROCESS_SRV/", sandbox.base_url());
    let fetch = Client::new()
        .get(&root)
        .basic_auth(USER, Some(PASSWORD))
        .header("x-csrf-token", "Fetch");
    let fetched = fetch.header(header::ACCEPT, "application/json").send().await.unwrap();
    let token = fetched.headers()["x-csrf-token"].clone();
    let cookie = fetched.headers()[header::SET_COOKIE]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let post = || {
        Client::new()
            .post(format!("{root}A_PurchaseOrder"))
            .basic_auth(USER, Some(PASSWORD))
    };
    let refused = post().header("x-csrf-token", token.clone()).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.headers()["x-csrf-token"], "Required");
    let accepted = post()
        .header("x-csrf-token", token)
        .header(header::COOKIE, cookie)
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn purchase_orders_of_both_versions_show_the_world() {
    let sandbox = start(Size::Small).await;
    let order = sandbox.world().purchase_orders[3].clone();
    let expand = "$expand=to_PurchaseOrderItem/to_ScheduleLine";
    let path = format!(
        "{V2}API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder('{}')?{expand}",
        order.number
    );
    let old = get(&sandbox, &path).await["d"].clone();
    assert_eq!(old["Supplier"], format!("{:010}", 101_000 + order.vendor));
    assert_eq!(
        old["PurchaseOrderDate"],
        format!(
            "/Date({})/",
            order
                .order_date
                .and_hms_opt(0, 0, 0)
                .unwrap()
                .and_utc()
                .timestamp_millis()
        )
    );
    assert!(
        old["__metadata"]["etag"]
            .as_str()
            .unwrap()
            .starts_with("W/\"datetimeoffset'")
    );
    let items = old["to_PurchaseOrderItem"]["results"].as_array().unwrap();
    assert_eq!(items.len(), order.lines.len());
    assert_eq!(
        items[0]["OrderQuantity"],
        order.lines[0].quantity.normalize().to_string()
    );
    assert_eq!(
        items[0]["to_ScheduleLine"]["results"][0]["PurchasingDocumentItem"],
        "10"
    );
    assert_eq!(old["YY1_BudgetCode_PDH"], format!("BUD-{:03}", order.id % 17));
    let expand = "$expand=_PurchaseOrderItem($select=PurchaseOrderItem,OrderQuantity,NetPriceAmount,NetPriceQuantity)";
    let new = get(&sandbox, &format!("{V4}PurchaseOrder('{}')?{expand}", order.number)).await;
    assert_eq!(new["PurchaseOrderDate"], order.order_date.to_string());
    assert!(new["@odata.etag"].as_str().unwrap().starts_with("W/\"SADL-"));
    let total: f64 = new["_PurchaseOrderItem"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let number = |name: &str| item[name].as_f64().unwrap();
            number("OrderQuantity") * number("NetPriceAmount") / number("NetPriceQuantity")
        })
        .sum();
    assert_eq!(format!("{total:.2}"), format!("{:.2}", order.untaxed()));
}

#[tokio::test]
async fn version_4_pages_by_a_hundred_and_version_2_by_a_thousand() {
    let sandbox = start(Size::Large).await;
    let mut seen = BTreeSet::new();
    let mut path = format!("{V4}PurchaseOrder?$select=PurchaseOrder&$orderby=PurchaseOrder desc");
    loop {
        let page = get(&sandbox, &path).await;
        let rows = page["value"].as_array().unwrap();
        assert!(rows.len() <= 100);
        seen.extend(rows.iter().map(|row| row["PurchaseOrder"].as_str().unwrap().to_owned()));
        let Some(next) = page["@odata.nextLink"].as_str() else {
            break;
        };
        assert!(!next.starts_with('/') && !next.starts_with("http"));
        path = format!("{V4}{next}");
    }
    assert_eq!(seen.len(), sandbox.world().purchase_orders.len());
    let mut seen = BTreeSet::new();
    let mut path =
        format!("{V2}API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrderItem?$select=PurchaseOrder,PurchaseOrderItem");
    loop {
        let page = get(&sandbox, &path).await["d"].clone();
        let rows = page["results"].as_array().unwrap();
        assert!(rows.len() <= 1_000);
        seen.extend(
            rows.iter()
                .map(|row| format!("{}{}", row["PurchaseOrder"], row["PurchaseOrderItem"])),
        );
        let Some(next) = page["__next"].as_str() else { break };
        assert!(next.starts_with("http"));
        path = next.to_owned();
    }
    assert_eq!(seen.len(), sandbox.world().purchase_lines().count());
}

#[tokio::test]
async fn keys_are_batched_by_or_chains_with_or_without_zeros() {
    let sandbox = start(Size::Small).await;
    let filter = "Supplier eq '101001' or Supplier eq '0000101002' or Supplier eq '999'";
    let path = format!(
        "{V2}API_BUSINESS_PARTNER/A_Supplier?$filter={filter}&$select=Supplier,SupplierName&$inlinecount=allpages"
    );
    let found = get(&sandbox, &path).await["d"].clone();
    assert_eq!(found["__count"], "2");
    assert_eq!(found["results"][0]["Supplier"], "0000101001");
    let listed = send(
        &sandbox,
        &format!("{V2}API_BUSINESS_PARTNER/A_Supplier?$filter=Supplier in ('101001')"),
    )
    .await;
    assert_eq!(listed.status(), StatusCode::BAD_REQUEST);
    let long = "x".repeat(7_000);
    let refused = send(
        &sandbox,
        &format!("{V2}API_BUSINESS_PARTNER/A_Supplier?$filter=SupplierName eq '{long}'"),
    )
    .await;
    assert_eq!(refused.status(), StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn maintenance_objects_are_linked() {
    let sandbox = start(Size::Small).await;
    let key = "Equipment='P-101',ValidityEndDate=datetime'9999-12-31T00:00:00'";
    let pump = get(&sandbox, &format!("{V2}API_EQUIPMENT/Equipment({key})")).await["d"].clone();
    assert_eq!(pump["ABCIndicator"], "A");
    assert_eq!(pump["ValidityEndDate"], "/Date(253402214400000)/");
    let place = pump["FunctionalLocation"].as_str().unwrap();
    let place = get(
        &sandbox,
        &format!("{V2}API_FUNCTIONALLOCATION/FunctionalLocation('{place}')"),
    )
    .await["d"]
        .clone();
    assert_eq!(place["TechnicalObjectType"], "LINE");
    let expand = "$expand=to_MaintenanceOrderOperation/to_MaintOrderOpComponent,to_MaintenanceOrderLongText";
    let path = format!("{V2}API_MAINTENANCEORDER/MaintenanceOrder?$filter=Equipment eq 'P-101'&{expand}");
    let orders = results(&sandbox, &path).await;
    assert!(orders.len() >= 8);
    assert_eq!(orders[0]["MaintenanceOrder"].as_str().unwrap().len(), 12);
    assert!(
        !orders[0]["to_MaintenanceOrderOperation"]["results"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn stock_has_eleven_keys_and_adds_up() {
    let sandbox = start(Size::Small).await;
    let rows = results(&sandbox, &format!("{V2}API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod")).await;
    let decimal = |row: &Value| {
        row["MatlWrhsStkQtyInMatlBaseUnit"]
            .as_str()
            .unwrap()
            .parse::<rust_decimal::Decimal>()
            .unwrap()
    };
    let total: rust_decimal::Decimal = rows.iter().map(decimal).sum();
    assert_eq!(
        total,
        sandbox.world().stock_levels.iter().map(|level| level.on_hand).sum()
    );
    let address = rows[0]["__metadata"]["uri"].as_str().unwrap();
    assert_eq!(address.matches('=').count(), 11);
    assert_eq!(get(&sandbox, address).await["d"]["Material"], rows[0]["Material"]);
}

#[tokio::test]
async fn unknown_things_are_refused_in_the_form_of_the_gateway() {
    let sandbox = start(Size::Small).await;
    let service = send(&sandbox, &format!("{V2}API_NOPE/A_X")).await;
    assert_eq!(service.status(), StatusCode::FORBIDDEN);
    let set = send(&sandbox, &format!("{V2}API_PRODUCT_SRV/A_Nope")).await;
    assert_eq!(set.status(), StatusCode::NOT_FOUND);
    assert_eq!(set.headers()["dataserviceversion"], "2.0");
    let property = send(&sandbox, &format!("{V2}API_PRODUCT_SRV/A_Product?$filter=Nope eq 'x'")).await;
    assert_eq!(property.status(), StatusCode::BAD_REQUEST);
    let body: Value = property.json().await.unwrap();
    assert!(body["error"]["message"]["value"].as_str().unwrap().contains("Nope"));
    let client = send(
        &sandbox,
        &format!("{V2}API_PRODUCT_SRV/A_Product?$top=1&sap-client=200"),
    )
    .await;
    assert_eq!(client.status(), StatusCode::UNAUTHORIZED);
    let slash = send(&sandbox, &format!("{V2}API_PRODUCT_SRV?$format=json")).await;
    assert!(slash.url().path().ends_with('/'));
    assert_eq!(slash.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_change_of_the_world_is_seen() {
    let sandbox = start(Size::Small).await;
    let path = format!("{V2}API_BUSINESS_PARTNER/A_Supplier('101001')?$select=SupplierName");
    get(&sandbox, &path).await;
    sandbox.edit(|world| world.vendors[0].name = "Renamed".to_owned());
    assert_eq!(get(&sandbox, &path).await["d"]["SupplierName"], "Renamed");
}

/// Guards the tables against misspelled sets and properties, and against rows with equal keys.
#[test]
fn every_row_fits_its_set() {
    let services = Services::new(
        World::generate(Seed::default(), Size::Medium),
        crate::written::Written::default(),
    );
    for service in services.all() {
        let data = &service.data;
        let sets = data.model.sets.values();
        for entity in sets {
            let rows = data.rows(&entity.set);
            assert!(!rows.is_empty(), "{} is empty", entity.set);
            let mut keys = BTreeSet::new();
            for row in rows {
                for name in row.names() {
                    let is_known = entity.properties.contains_key(name);
                    assert!(is_known, "{} has no {name}", entity.set);
                }
                let key: Vec<String> = entity.key.iter().map(|name| format!("{:?}", row.get(name))).collect();
                assert!(keys.insert(key.clone()), "{} has {key:?} twice", entity.set);
            }
            for name in entity.key.iter() {
                assert!(entity.properties.contains_key(name), "{} has no key {name}", entity.set);
            }
        }
    }
}

#[tokio::test]
async fn the_customers_own_service_shows_calibrations() {
    let sandbox = start(Size::Small).await;
    let metadata = send(&sandbox, &format!("{V2}ZCALIBRATION_SRV/$metadata"))
        .await
        .text()
        .await
        .unwrap();
    assert!(metadata.contains("EntitySet Name=\"ZCalibrationSet\""), "{metadata}");
    let rows = results(
        &sandbox,
        &format!("{V2}ZCALIBRATION_SRV/ZCalibrationSet?$filter=Result eq 'FAILED'&$orderby=DueOn desc&$top=2"),
    )
    .await;
    assert_eq!(rows.len(), 2);
    assert!(rows[0]["Certificate"].as_str().unwrap().starts_with("CAL-2026-"));
}
