//! What the guide shows holds: each of its documents is accepted by the system that its first line names.

use lineshaft_sandbox::System;
use serde_json::json;

use super::call::{accepted, of_connection, refused, try_save};
use crate::support::Setup;

const GUIDE: &str = include_str!("../../docs/mappings.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_document_of_the_guide_is_accepted() {
    let plant = Setup::default().start().await;
    let blocks = GUIDE.split("```yaml\n# ").skip(1);
    let mut seen = 0;
    for block in blocks {
        let (system, rest) = block.split_once('\n').unwrap();
        let (document, _) = rest.split_once("```").unwrap();
        // The model of a plant's own is tried on a real Tryton.
        if document.contains("plant.calibration") {
            continue;
        }
        let id = System::CODED.into_iter().find(|known| known.id() == system).unwrap();
        let scope = of_connection(&plant.connection(id));
        let layer = "query($s: MappingScopeInput!) { mappingLayer(scope: $s) { version } }";
        let present = plant.query(layer, json!({ "s": scope })).await;
        let version = present.data()["mappingLayer"]["version"].as_i64().unwrap();
        accepted(&try_save(&plant, &scope, version, document).await);
        seen += 1;
    }
    assert!(seen >= 6, "{seen} documents");
    let scope = of_connection(&plant.connection(System::Odoo));
    let none = try_save(&plant, &scope, 99, "mapping: 2").await;
    assert!(none.codes() == ["VERSION_CONFLICT"] || !refused(&none).is_empty());
}
