//! What a real server gives, type by type, is written down in `connectors/tryton/verified.yaml`, from which the trust in the
//! connector follows. The test compares; with `LINESHAFT_WRITE_VERIFIED=1` it writes the file.

use std::{collections::BTreeMap, path::PathBuf};

use lineshaft_conformance::List;
use lineshaft_connect::manifest::trust::{self, Verified};
use serde_json::{Value, json};

use super::{
    Stage, quiet,
    server::{self, Server},
};
use crate::{support::connector_folder, verify, writes::call::Call};

/// Who writes the file.
const BY: &str = "the test `verified` of tests/tryton";

/// What was done with each type.
#[derive(Default)]
struct Ledger(BTreeMap<String, Vec<String>>);

impl Ledger {
    fn note(&mut self, kind: &str, operation: &str) {
        assert!(trust::OPERATIONS.contains(&operation), "{operation}");
        self.0.entry(kind.to_owned()).or_default().push(operation.to_owned());
    }

    /// Writes it as the file, for a version and a day.
    fn text(&self, version: &str, on: &str) -> String {
        let verified = Verified {
            verified: 1,
            server: "Tryton".to_owned(),
            version: version.to_owned(),
            on: on.to_owned(),
            types: self.0.clone().into_iter().collect(),
            seen: [].into(),
        };
        verified.to_yaml(BY)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_real_server_gives_is_what_is_told_as_verified() {
    let _quiet = quiet().await;
    let stage = Stage::shared().await;
    let mut ledger = Ledger::default();
    let kind = stage.plant.engine.registry.get("tryton").unwrap();
    for list in lineshaft_conformance::lists(&kind.blueprint) {
        read(&stage, &list, &mut ledger).await;
    }
    write(&stage, &mut ledger).await;

    let path: PathBuf = connector_folder().join("tryton").join(trust::VERIFIED);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let known = trust::verified(&committed).ok();
    let on = known.as_ref().map_or("", |known| known.on.as_str());
    let version = version(&stage).await;
    if ledger.text(&version, on) == committed {
        return;
    }
    if std::env::var_os("LINESHAFT_WRITE_VERIFIED").is_some() {
        let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
        std::fs::write(&path, ledger.text(&version, &today)).unwrap();
        return;
    }
    panic!(
        "{} is not what the server gives; write it anew with LINESHAFT_WRITE_VERIFIED=1 and this test:\n{}",
        path.display(),
        ledger.text(&version, on)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_for_everybody_proves_the_reads_of_a_real_server() {
    let _quiet = quiet().await;
    let server = Server::shared();
    let folder = connector_folder().join("tryton");
    let mut command = verify::command(&folder);
    command
        .args([
            "--server-version",
            "8.0",
            "--setting",
            "database=lineshaft",
            "--setting",
        ])
        .arg(format!("base_url={}", server.url));
    let credentials = json!({ "username": "admin", "password": server::PASSWORD }).to_string();
    let told = verify::run(command, &credentials).await;
    assert!(told.held, "{}", told.text);
    assert!(!told.text.contains(server::PASSWORD), "{}", told.text);
    // What it would write is what stands there already: the same server, its reads, and the writes of the other test.
    let committed = std::fs::read_to_string(folder.join(trust::VERIFIED)).unwrap();
    let types = committed.split_once("types:\n").unwrap().1;
    assert!(told.text.contains(types), "{}", told.text);
}

/// Lists records with all their fields, looks one up, and loads what hangs on them.
async fn read(stage: &Stage<'_>, list: &List, ledger: &mut Ledger) {
    let text = format!(
        "{{ {}(first: 40) {{ nodes {{ {} }} sources {{ problems {{ field message }} }} }} }}",
        list.list, list.selection
    );
    let answer = stage.ask(&text, json!({})).await;
    let page = &answer.data()[&list.list];
    assert_eq!(page["sources"][0]["problems"], json!([]), "{}", list.entity);
    let nodes = answer.nodes(&list.list);
    let Some(first) = nodes.first() else { return };
    ledger.note(&list.entity, "list");
    if list.looks_up {
        let text = format!(
            "query($id: ID!) {{ {}(id: $id) {{ {} }} }}",
            list.single, list.selection
        );
        let answer = stage.ask(&text, json!({ "id": first["id"] })).await;
        assert_eq!(&answer.data()[&list.single], first, "{}", list.entity);
        ledger.note(&list.entity, "get");
    }
    for (name, child) in &list.children {
        let text = format!("{{ {}(first: 40) {{ nodes {{ {name} {{ id }} }} }} }}", list.list);
        let answer = stage.ask(&text, json!({})).await;
        answer.data();
        let has_rows = |node: &Value| node[name].as_array().is_some_and(|rows| !rows.is_empty());
        if answer.nodes(&list.list).iter().any(has_rows) {
            ledger.note(child, "load");
        }
    }
}

/// Makes, changes and removes records, and sends an order on its way.
async fn write(stage: &Stage<'_>, ledger: &mut Ledger) {
    let seal = stage.new_item("SEAL-6001", "Shaft seal", "17.30");
    let item = stage.id_of("inventoryItems", &seal).await;
    let create = Call::create("Vendor", &stage.connection, json!({ "name": "Verified Seals" }));
    let vendor = create.run(&stage.plant).await.succeeded().clone();
    ledger.note("Vendor", "create");
    let id = vendor["id"].as_str().unwrap();
    Call::update("Vendor", id, json!({ "name": "Verified Seals Ltd" }))
        .run(&stage.plant)
        .await
        .succeeded();
    ledger.note("Vendor", "update");

    let party: i64 = vendor["remoteId"].as_str().unwrap().parse().unwrap();
    stage.create(
        "party.address",
        json!({ "party": party, "street": "Kai 7", "city": "Rostock" }),
    );
    let input = json!({
        "vendor": id, "reference": "T-6001", "orderDate": "2026-11-20",
        "lines": [{ "item": item, "quantity": { "value": "3" }, "unitPrice": { "amount": "12.5" } }],
    });
    let create = Call::create("PurchaseOrder", &stage.connection, input);
    let order = create.run(&stage.plant).await.succeeded().clone();
    ledger.note("PurchaseOrder", "create");
    ledger.note("PurchaseOrderLine", "create");
    let order_id = order["id"].as_str().unwrap();
    let line = &order["lines"][0]["id"];
    let change =
        json!({ "reference": "T-6001-B", "lines": { "update": [{ "id": line, "quantity": { "value": "5" } }] } });
    Call::update("PurchaseOrder", order_id, change)
        .run(&stage.plant)
        .await
        .succeeded();
    ledger.note("PurchaseOrder", "update");
    ledger.note("PurchaseOrderLine", "update");
    for action in ["submit", "approve"] {
        Call::act("PurchaseOrder", action, order_id, json!({}))
            .run(&stage.plant)
            .await
            .succeeded();
        ledger.note("PurchaseOrder", action);
    }

    let work = Call::create(
        "WorkOrder",
        &stage.connection,
        json!({ "title": "Look after the seals" }),
    );
    let work = work.run(&stage.plant).await.succeeded().clone();
    ledger.note("WorkOrder", "create");
    let work_id = work["id"].as_str().unwrap();
    Call::update("WorkOrder", work_id, json!({ "title": "Look after all seals" }))
        .run(&stage.plant)
        .await
        .succeeded();
    ledger.note("WorkOrder", "update");
    let gone = Call::delete("WorkOrder", work_id).run(&stage.plant).await;
    assert_eq!(gone.codes(), Vec::<&str>::new(), "{}", gone.text);
    ledger.note("WorkOrder", "delete");
}

/// Returns the series of the server, such as `8.0`; fixes within one change nothing that is told.
async fn version(stage: &Stage<'_>) -> String {
    let request = json!({ "id": 0, "method": "common.server.version", "params": [] });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .post(format!("{}/rpc/", stage.server.url))
        .header("content-type", "application/json")
        .body(request.to_string())
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let version = answer["result"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer} tells no version"));
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}
