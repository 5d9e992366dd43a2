//! Trials that are made from what each connector says it can do, and that hold it to its word against the simulated
//! system: lists, look-ups, filters, orders, counts, relations, statuses, raw rows.

mod conditions;
mod discovery;
mod expected;
mod shape;
pub mod stage;
mod trials;

use lineshaft_engine::registry::Registry;
use lineshaft_sandbox::System;
use lineshaft_schema::{Catalogue, GlobalId, RemoteKey};
use serde_json::json;

use crate::support::connector_folder;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tryton_keeps_what_its_connector_says() {
    trials::run(System::Tryton, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odoo_keeps_what_its_connector_says() {
    trials::run(System::Odoo, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sap_s4hana_keeps_what_its_connector_says() {
    trials::run(System::SapS4hana, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamics_365_fo_keeps_what_its_connector_says() {
    trials::run(System::Dynamics365Fo, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maximo_keeps_what_its_connector_says() {
    trials::run(System::Maximo, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limble_keeps_what_its_connector_says() {
    trials::run(System::Limble, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odoo_over_json_2_keeps_what_its_connector_says() {
    trials::run(System::Odoo, json!({ "api": "json2" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sap_s4hana_with_purchase_orders_over_odata_4_keeps_what_its_connector_says() {
    trials::run(System::SapS4hana, json!({ "purchase_order_api": "v4" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maximo_with_renamed_statuses_keeps_what_its_connector_says() {
    trials::run(System::Maximo, json!({ "status_codes": "renamed" })).await;
}

#[test]
fn every_connector_loads_and_every_simulated_system_has_one() {
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    registry.add_directory(&connector_folder()).unwrap();
    assert!(registry.rejected().is_empty(), "{:#?}", registry.rejected());
    for system in System::CODED {
        assert!(registry.get(system.id()).is_some(), "{system} has a connector");
    }
}

/// Returns the id of a record that does not exist, beside one that does.
fn missing(id: &GlobalId) -> GlobalId {
    let parts = id.key.parts().iter().map(|part| {
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        if number {
            "9".repeat(part.len().clamp(6, 9))
        } else {
            "NO-SUCH-KEY".to_owned()
        }
    });
    GlobalId {
        key: RemoteKey::composite(parts),
        ..id.clone()
    }
}
