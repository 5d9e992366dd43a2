//! Pause, switch off, disconnect and delete, with what each does to queries, tokens, credits, secrets and events.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::{
    SOON,
    api::{Api, CREATE, Made, UPDATE, eventually, form, text, types},
    process::Stage,
    rows,
    socket::Socket,
    system,
};

async fn own_events(api: &Api, id: &str) -> Vec<Value> {
    let log = api.log("0").await;
    log.into_iter().filter(|event| event["connectionId"] == id).collect()
}

async fn assert_rests(api: &Api, made: &Made, code: &str, sandbox: &lineshaft_sandbox::Sandbox) {
    sandbox.clear_calls();
    for own in [api, &api.with(&made.token)] {
        let answer = own.vendors(&made.id).await;
        assert_eq!(answer.codes(), [code], "{}", answer.text);
        assert_eq!(answer.source("vendors", &made.id)["status"], "SKIPPED");
    }
    let found = "mutation($id: ID!) { diagnoseConnection(id: $id) { steps { state advice } } }";
    let found = api.query(found, json!({ "id": made.id })).await;
    assert_eq!(found.data()["diagnoseConnection"]["steps"][0]["state"], "SKIPPED");
    assert!(sandbox.calls().is_empty(), "nothing is sent: {:#?}", sandbox.calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_has_its_effects() {
    let stage = Stage::new(20, &[]);
    let server = stage.serve().await;
    let api = stage.api(&server);
    let sandbox = system(System::Tryton).await;
    let made = api.connect(&sandbox, "c-1").await;
    let (total, price, _) = api.credits().await;
    assert_eq!((total, price > 0), (20, true));
    api.vendors(&made.id).await.data();

    let paused = api.act("pauseConnection", &made.id).await;
    assert_eq!(paused.data()["pauseConnection"]["status"], "PAUSED");
    assert_eq!(paused.data()["pauseConnection"]["statusReason"], "MANUAL");
    assert_rests(&api, &made, "CONNECTION_PAUSED", &sandbox).await;
    assert_eq!(api.credits().await.1, price, "a pause keeps the credits");
    let again = api.act("pauseConnection", &made.id).await;
    assert_eq!(again.data()["pauseConnection"]["status"], "PAUSED");
    api.act("resumeConnection", &made.id).await.data();
    assert_eq!(api.status(&made.id).await, "ACTIVE");
    api.with(&made.token).vendors(&made.id).await.data();

    stage.run(&["connection", "disable", &made.id]);
    eventually(SOON, "the server sees what the operator did", || async {
        (api.status(&made.id).await == "DISABLED").then_some(())
    })
    .await;
    eventually(SOON, "queries see it a second later at most", || async {
        let (all, own) = (
            api.vendors(&made.id).await,
            api.with(&made.token).vendors(&made.id).await,
        );
        (all.codes() == ["CONNECTION_DISABLED"] && own.codes() == all.codes()).then_some(())
    })
    .await;
    assert_rests(&api, &made, "CONNECTION_DISABLED", &sandbox).await;
    for deed in ["resumeConnection", "pauseConnection"] {
        assert_eq!(api.act(deed, &made.id).await.codes(), ["WRONG_STATUS"], "{deed}");
    }
    let (_, credentials) = sandbox.demo_connection();
    let update = json!({"input": {"connectionId": made.id, "credentials": credentials}});
    assert_eq!(api.query(UPDATE, update.clone()).await.codes(), ["CONNECTION_DISABLED"]);
    assert_eq!(api.credits().await.1, price);
    stage.run(&["connection", "enable", &made.id]);
    assert_eq!(api.status(&made.id).await, "ACTIVE");
    api.vendors(&made.id).await.data();

    let own = Socket::open(&api.with(&made.token)).await;
    let gone = api.act("disconnectConnection", &made.id).await;
    assert_eq!(gone.data()["disconnectConnection"]["status"], "DISCONNECTED");
    assert_eq!(own.closed(SOON).await, 4403, "its token is revoked");
    assert_eq!(api.with(&made.token).vendors(&made.id).await.status, 401);
    assert_eq!(api.credits().await, (20, 0, 20), "its credits are given back");
    let sealed = format!(
        "SELECT 1 FROM credential WHERE hex(connection_id) = '{}'",
        made.id.replace('-', "").to_uppercase()
    );
    assert!(
        rows::select(&stage.database_file(), &sealed).await.is_empty(),
        "its credentials are wiped"
    );
    for deed in ["pauseConnection", "resumeConnection"] {
        assert_eq!(api.act(deed, &made.id).await.codes(), ["WRONG_STATUS"], "{deed}");
    }
    assert_eq!(api.query(UPDATE, update).await.codes(), ["CONNECTION_DISCONNECTED"]);
    let rotated = api.query(super::api::ROTATE, json!({ "id": made.id })).await;
    assert_eq!(rotated.codes(), ["CONNECTION_NOT_FOUND"], "{}", rotated.text);
    assert_eq!(api.vendors(&made.id).await.codes(), ["CONNECTION_DISCONNECTED"]);
    assert_eq!(
        types(&own_events(&api, &made.id).await),
        [
            "connection.created",
            "credits.reserved",
            "connection.activated",
            "connection.paused",
            "connection.resumed",
            "connection.disabled",
            "connection.enabled",
            "connection.disconnected",
            "credits.released",
        ]
    );
    api.act("disconnectConnection", &made.id).await.data();
    assert_eq!(
        own_events(&api, &made.id).await.len(),
        9,
        "what is done already tells nothing"
    );
    deleted(&stage, &api, &sandbox).await;
    audited(&api, &made.id).await;
    revoked(&stage, &api).await;
}

/// A connection is deleted: nothing but its id remains.
async fn deleted(stage: &Stage, api: &Api, sandbox: &lineshaft_sandbox::Sandbox) {
    let mut form = form(sandbox, "c-canary");
    form["input"]["name"] = json!("Canary of the customer");
    let created = api.query(CREATE, form).await;
    let id = text(&created.data()["createConnection"]["connection"]["id"]);
    let erased = api
        .query(
            "mutation($id: ID!) { deleteConnection(id: $id) { id name status } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(
        erased.data()["deleteConnection"]["name"],
        "Canary of the customer",
        "as it was last"
    );
    let look = "query($id: ID!) { connection(id: $id) { id } connections { nodes { id } } }";
    let left = api.query(look, json!({ "id": id })).await;
    assert!(left.data()["connection"].is_null(), "nobody sees it any more");
    assert!(left.nodes("connections").iter().all(|one| one["id"] != id.as_str()));
    for deed in ["deleteConnection", "pauseConnection", "disconnectConnection"] {
        assert_eq!(api.act(deed, &id).await.codes(), ["CONNECTION_NOT_FOUND"], "{deed}");
    }
    assert_eq!(api.credits().await, (20, 0, 20));
    let settings = format!(
        "SELECT 1 FROM connection WHERE hex(id) = '{}' \
         AND name = '' AND settings = '{{}}' AND account IS NULL",
        id.replace('-', "").to_uppercase()
    );
    assert_eq!(
        rows::select(&stage.database_file(), &settings).await.len(),
        1,
        "only its id is left"
    );
    assert_eq!(types(&own_events(api, &id).await).last(), Some(&"credits.released"));
}

/// Every act is in the audit log, with who did it and from where.
async fn audited(api: &Api, id: &str) {
    let log = api
        .query(
            "query($id: ID) { auditLog(filter: {targetId: $id}) { nodes { action actorKind actorName address requestId } } }",
            json!({ "id": id }),
        )
        .await;
    let acts = log.nodes("auditLog");
    let by = |kind: &str| -> Vec<&str> {
        let own = acts.iter().filter(|act| act["actorKind"] == kind);
        own.rev().map(|act| act["action"].as_str().unwrap()).collect()
    };
    assert_eq!(
        by("TOKEN"),
        [
            "connection.create",
            "connection.pause",
            "connection.resume",
            "connection.disconnect"
        ],
        "{acts:#?}"
    );
    assert_eq!(by("OPERATOR"), ["connection.disable", "connection.enable"]);
    for act in acts.iter().filter(|act| act["actorKind"] == "TOKEN") {
        assert_eq!(
            (&act["actorName"], &act["address"]),
            (&json!("suite"), &json!("127.0.0.1"))
        );
        assert!(act["requestId"].is_string());
    }
}

/// The operator revokes a token at the command line: servers take notice, and it is written down.
async fn revoked(stage: &Stage, api: &Api) {
    let token = stage.new_token("acme");
    let own = Socket::open(&api.with(&token)).await;
    let listed: Value = serde_json::from_str(&stage.run(&["token", "list", "--json"])).unwrap();
    let id = text(&listed.as_array().unwrap().last().unwrap()["id"]);
    stage.run(&["token", "revoke", &id]);
    assert_eq!(own.closed(SOON).await, 4403);
    let log = api
        .query(
            "query($id: ID) { auditLog(filter: {targetId: $id}) { nodes { action actorKind } } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(
        log.nodes("auditLog"),
        ["token.revoke", "token.create"].map(|action| json!({"action": action, "actorKind": "OPERATOR"}))
    );
}
