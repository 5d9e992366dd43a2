//! The trials of all connectors against their simulated systems. Those of systems that a `sandbox.yaml` describes are
//! found by `build.rs`: a folder more is a test more.

mod discovery;
pub mod stage;

use lineshaft_engine::registry::Registry;
use lineshaft_sandbox::System;
use lineshaft_schema::Catalogue;
use serde_json::json;

use crate::support::connector_folder;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tryton_keeps_what_its_connector_says() {
    stage::run(System::Tryton, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odoo_keeps_what_its_connector_says() {
    stage::run(System::Odoo, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sap_s4hana_keeps_what_its_connector_says() {
    stage::run(System::SapS4hana, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamics_365_fo_keeps_what_its_connector_says() {
    stage::run(System::Dynamics365Fo, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maximo_keeps_what_its_connector_says() {
    stage::run(System::Maximo, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limble_keeps_what_its_connector_says() {
    stage::run(System::Limble, json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odoo_over_json_2_keeps_what_its_connector_says() {
    stage::run(System::Odoo, json!({ "api": "json2" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sap_s4hana_with_purchase_orders_over_odata_4_keeps_what_its_connector_says() {
    stage::run(System::SapS4hana, json!({ "purchase_order_api": "v4" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maximo_with_renamed_statuses_keeps_what_its_connector_says() {
    stage::run(System::Maximo, json!({ "status_codes": "renamed" })).await;
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

#[test]
fn every_description_of_a_system_can_be_used() {
    let told: Vec<String> = System::faulty().iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// One test for each folder of a connector that has a `sandbox.yaml`.
mod described {
    #![allow(unused_imports, reason = "there may be none")]

    use super::stage::run_described;

    include!(concat!(env!("OUT_DIR"), "/described_systems.rs"));
}
