//! What must be refused: wrong values, foreign ids, tokens that may not, used codes, cursors that are none. Each refusal
//! has its code, and nothing is stored.

use lineshaft_sandbox::{Receiver, Sandbox, System};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    SOON,
    api::{Api, CREATE, Made, UPDATE, eventually, form, text},
    rows, server, system,
};
use crate::support::{Answer, Plant};

/// An organization with one of everything.
struct Populated {
    plant: Plant,
    sandbox: std::sync::Arc<Sandbox>,
    api: Api,
    made: Made,
    link: String,
    endpoint: String,
    delivery: String,
    _receiver: Receiver,
}

async fn populated() -> Populated {
    let plant = server(&[System::Tryton], &[]).await;
    let sandbox = system(System::Tryton).await;
    let api = Api::of(&plant);
    let receiver = Receiver::start().await.unwrap();
    let (endpoint, _) = api.endpoint(&receiver.url("hooks"), false).await;
    let made = api.connect(&sandbox, "c-1").await;
    let link = api
        .query(
            "mutation { createConnectLink(input: {customer: {externalId: \"c-2\"}}) { id } }",
            json!({}),
        )
        .await;
    receiver.wait_for(3, SOON).await;
    // What is delivered is written down a moment later; rows are compared from then on.
    let deliveries = "{ webhookDeliveries { nodes { id state } } }";
    let delivery = eventually(SOON, "everything is delivered", || async {
        let answer = api.query(deliveries, json!({})).await;
        let all = answer.nodes("webhookDeliveries");
        let done = all.len() == 3 && all.iter().all(|one| one["state"] == "DELIVERED");
        done.then(|| text(&all[0]["id"]))
    })
    .await;
    Populated {
        link: text(&link.data()["createConnectLink"]["id"]),
        plant,
        sandbox,
        api,
        made,
        endpoint,
        delivery,
        _receiver: receiver,
    }
}

/// Every act that needs an organization's key and takes one id.
const ACTS: [&str; 13] = [
    "mutation($id: ID!) { createReconnectLink(input: {connectionId: $id}) { url } }",
    "mutation($id: ID!) { updateConnectionCredentials(input: {connectionId: $id, credentials: {username: \"a\", password: \"b\"}}) { secret } }",
    "mutation($id: ID!) { pauseConnection(id: $id) { id } }",
    "mutation($id: ID!) { resumeConnection(id: $id) { id } }",
    "mutation($id: ID!) { disconnectConnection(id: $id) { id } }",
    "mutation($id: ID!) { deleteConnection(id: $id) { id } }",
    "mutation($id: ID!) { rotateConnectionToken(connectionId: $id) { secret } }",
    "mutation($id: ID!) { createWebhookEndpoint(input: {url: \"http://127.0.0.1:9/\", connectionId: $id}) { secret } }",
    "mutation($id: ID!) { revokeLink(id: $id) }",
    "mutation($id: ID!) { revokeToken(id: $id) }",
    "mutation($id: ID!) { deleteWebhookEndpoint(id: $id) }",
    "mutation($id: ID!) { redeliverWebhook(deliveryId: $id) { id } }",
    "mutation($id: ID!) { rotateWebhookSecret(endpointId: $id) { secret } }",
];

const MORE_ACTS: [&str; 3] = [
    "mutation($id: ID!) { sendTestEvent(endpointId: $id) { id } }",
    "mutation($id: ID!) { updateWebhookEndpoint(input: {id: $id, enabled: false}) { endpoint { id } } }",
    "mutation($id: ID!) { replayWebhooks(endpointId: $id, from: \"2020-01-01T00:00:00Z\", to: \"2040-01-01T00:00:00Z\") { count } }",
];

/// What is asked about one thing, and answered the same when it is another organization's as when there is none.
const LOOKS: [&str; 9] = [
    "mutation($id: ID!) { diagnoseConnection(id: $id) { summary } }",
    "query($id: ID!) { connection(id: $id) { id } }",
    "query($id: ID!) { webhookEndpoint(id: $id) { id } }",
    "query($id: ID!) { webhookDelivery(id: $id) { id } }",
    "query($id: ID!) { webhookDeliveries(filter: {endpointId: $id}) { nodes { id } } }",
    "query($id: ID!) { webhookDeliveries(filter: {connectionIds: [$id]}) { nodes { id } } }",
    "query($id: ID!) { events(filter: {connectionIds: [$id]}) { nodes { id } } }",
    "query($id: ID!) { auditLog(filter: {targetId: $id}) { nodes { id } } }",
    "query($id: ID!) { vendors(connections: [$id]) { nodes { id } } }",
];

/// What an answer says, without what differs from request to request.
fn said(answer: &Answer, id: &str) -> String {
    let mut body = answer.body.clone();
    for error in body["errors"].as_array_mut().into_iter().flatten() {
        error["extensions"].as_object_mut().unwrap().remove("requestId");
    }
    format!("{} {}", answer.status, body.to_string().replace(id, "ID"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_others_is_answered_like_what_does_not_exist() {
    let here = populated().await;
    let stranger = here.api.with(&here.plant.stranger().await);
    let before = rows::counts(&here.plant.database_file()).await;
    let ids = [
        &here.made.id,
        &here.made.token_id,
        &here.link,
        &here.endpoint,
        &here.delivery,
    ];
    for text in ACTS.iter().chain(&MORE_ACTS).chain(&LOOKS) {
        let nobody = Uuid::now_v7().to_string();
        let missing = stranger.query(text, json!({ "id": nobody })).await;
        for id in ids {
            let foreign = stranger.query(text, json!({ "id": id })).await;
            assert_eq!(said(&foreign, id), said(&missing, &nobody), "{text}");
        }
    }
    let path = |id: &str| format!("/v1/connections/{id}/status");
    let foreign = stranger.get(&path(&here.made.id), None).await;
    assert_eq!(
        (foreign.status, &foreign.body["error"]["code"]),
        (404, &json!("CONNECTION_NOT_FOUND"))
    );
    assert_eq!(
        stranger.get(&path(&Uuid::now_v7().to_string()), None).await.text,
        foreign.text
    );
    assert_eq!(
        rows::counts(&here.plant.database_file()).await,
        before,
        "nothing is stored"
    );
    assert_eq!(here.api.status(&here.made.id).await, "ACTIVE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connections_token_does_no_work_of_the_organization() {
    let here = populated().await;
    let own = here.api.with(&here.made.token);
    let before = rows::counts(&here.plant.database_file()).await;
    let id = json!({ "id": here.made.id });
    for text in ACTS.iter().chain(&MORE_ACTS) {
        assert_eq!(own.query(text, id.clone()).await.codes(), ["FORBIDDEN"], "{text}");
    }
    for text in [
        "mutation { createConnectLink(input: {customer: {externalId: \"c\"}}) { url } }",
        "mutation { createConnection(input: {connector: \"tryton\"}) { secret } }",
        "mutation { exchangeCode(code: \"lsx_\") { secret } }",
        "{ organization { id } }",
        "{ auditLog { nodes { id } } }",
        "{ webhookEndpoints { id } }",
        "{ webhookDeliveries { nodes { id } } }",
        "query($id: ID!) { webhookEndpoint(id: $id) { id } }",
        "query($id: ID!) { webhookDelivery(id: $id) { id } }",
        "query($id: ID!) { connection(id: $id) { tokens { id } } }",
    ] {
        assert_eq!(own.query(text, id.clone()).await.codes(), ["FORBIDDEN"], "{text}");
    }
    assert_eq!(
        rows::counts(&here.plant.database_file()).await,
        before,
        "nothing is stored"
    );
    let other = here.api.connect(&here.sandbox, "c-9").await;
    assert_eq!(
        own.get(&format!("/v1/connections/{}/status", other.id), None)
            .await
            .status,
        404
    );
    assert_eq!(here.api.get("/v1/connection/status", None).await.status, 403);
    let seen = own
        .query(
            "{ connections { nodes { id } } events { nodes { connectionId } } }",
            json!({}),
        )
        .await;
    assert_eq!(seen.nodes("connections"), [json!({"id": here.made.id})]);
    assert!(
        seen.nodes("events")
            .iter()
            .all(|event| event["connectionId"] == here.made.id.as_str())
    );
    let look = "query($id: ID!) { connection(id: $id) { id } }";
    assert!(own.query(look, json!({ "id": other.id })).await.data()["connection"].is_null());
}

/// Returns the form of a connection with one thing changed.
fn changed(sandbox: &Sandbox, path: &str, value: Value) -> Value {
    let mut form = form(sandbox, "c-7");
    *form.pointer_mut(path).unwrap() = value;
    form
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_not_made_of_wrong_values() {
    let here = populated().await;
    let before = rows::counts(&here.plant.database_file()).await;
    here.sandbox.clear_calls();
    let long = "x".repeat(100_000);
    let some = |path: &str, value: Value| changed(&here.sandbox, path, value);
    let with = |name: &str, value: Value| {
        let mut form = form(&here.sandbox, "c-7");
        form["input"][name] = value;
        form
    };
    for (code, input) in [
        ("CONNECTOR_UNKNOWN", some("/input/connector", json!("papyrus"))),
        ("CONNECTOR_UNKNOWN", some("/input/connector", json!(long))),
        ("CONNECTOR_UNKNOWN", some("/input/connector", json!(""))),
        ("INVALID_FORM", some("/input/settings", json!({}))),
        ("INVALID_FORM", some("/input/credentials", json!({}))),
        ("INVALID_FORM", some("/input/settings/base_url", json!(["x"]))),
        ("INVALID_FORM", some("/input/settings/base_url", json!("ftp://x"))),
        ("INVALID_FORM", some("/input/settings/database", json!(long))),
        ("INVALID_FORM", some("/input/credentials/username", json!(7))),
        ("INVALID_FORM", some("/input/credentials/password", json!(long))),
        ("INVALID_FORM", with("settings", json!({"surprise": 1}))),
        ("INVALID_VALUE", with("name", json!(""))),
        ("INVALID_VALUE", with("name", json!(long))),
        ("INVALID_VALUE", some("/input/customer/externalId", json!(""))),
        ("INVALID_VALUE", some("/input/customer/externalId", json!(long))),
        (
            "INVALID_VALUE",
            with("customer", json!({"externalId": "c", "name": long})),
        ),
    ] {
        let answer = here.api.query(CREATE, input.clone()).await;
        assert_eq!(answer.codes(), [code], "{:.300}: {}", input.to_string(), answer.text);
        assert!(answer.text.len() < 10_000, "what is too long is not repeated");
        assert!(here.sandbox.calls().is_empty(), "{code}: nothing is sent");
    }
    for input in [
        some("/input/connector", json!(7)),
        some("/input/settings", json!("text")),
        some("/input/credentials", json!([1])),
        some("/input/customer", json!("c-7")),
        with("deployment", json!("MOON")),
        with("verify", json!("yes")),
        with("surprise", json!(true)),
    ] {
        let answer = here.api.query(CREATE, input.clone()).await;
        let codes = answer.codes();
        assert!(
            codes.len() == 1 && !["INTERNAL", "(none)"].contains(&codes[0]),
            "{input}: {}",
            answer.text
        );
        assert!(here.sandbox.calls().is_empty(), "nothing is sent: {input}");
    }
    for (code, path, value) in [
        ("INVALID_CREDENTIALS", "/input/credentials/password", "wrong".to_owned()),
        (
            "ADDRESS_REFUSED",
            "/input/settings/base_url",
            "https://10.1.2.3".to_owned(),
        ),
        (
            "UNREACHABLE",
            "/input/settings/base_url",
            "http://127.0.0.1:9".to_owned(),
        ),
    ] {
        let answer = here.api.query(CREATE, some(path, json!(value))).await;
        assert_eq!(answer.codes(), [code], "{}", answer.text);
    }
    let update = |credentials: Value| json!({"input": {"connectionId": here.made.id, "credentials": credentials}});
    for (code, input) in [
        ("INVALID_FORM", update(json!({}))),
        ("INVALID_FORM", update(json!({"username": "a", "password": ["x"]}))),
        (
            "INVALID_CREDENTIALS",
            update(json!({"username": "admin", "password": "wrong"})),
        ),
    ] {
        assert_eq!(here.api.query(UPDATE, input).await.codes(), [code]);
    }
    assert_eq!(
        rows::counts(&here.plant.database_file()).await,
        before,
        "nothing is stored"
    );
    assert_eq!(
        here.api.status(&here.made.id).await,
        "ACTIVE",
        "what was tried in vain harms nothing"
    );
    assert!(here.api.vendors(&here.made.id).await.errors().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_webhooks_and_pages_are_not_made_of_wrong_values() {
    let here = populated().await;
    let before = rows::counts(&here.plant.database_file()).await;
    let long = "x".repeat(100_000);
    let link = "mutation($input: CreateConnectLinkInput!) { createConnectLink(input: $input) { id } }";
    let hook = "mutation($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { secret } }";
    let customer = json!({"externalId": "c-3"});
    for (code, text, input) in [
        (
            "CONNECTOR_UNKNOWN",
            link,
            json!({"customer": customer, "connector": "papyrus"}),
        ),
        ("INVALID_VALUE", link, json!({"customer": {"externalId": ""}})),
        (
            "INVALID_LINK_OPTION",
            link,
            json!({"customer": customer, "ttlSeconds": 1801}),
        ),
        (
            "INVALID_LINK_OPTION",
            link,
            json!({"customer": customer, "ttlSeconds": 0}),
        ),
        (
            "INVALID_REDIRECT_URL",
            link,
            json!({"customer": customer, "redirectUrl": "http://example.com/"}),
        ),
        (
            "INVALID_REDIRECT_URL",
            link,
            json!({"customer": customer, "redirectUrl": "javascript:alert(1)"}),
        ),
        (
            "INVALID_REDIRECT_URL",
            link,
            json!({"customer": customer, "redirectUrl": long}),
        ),
        (
            "INVALID_LINK_OPTION",
            link,
            json!({"customer": customer, "branding": {"color": "red"}}),
        ),
        (
            "INVALID_LINK_OPTION",
            link,
            json!({"customer": customer, "branding": {"logo": "https://example.com/logo.png"}}),
        ),
        (
            "INVALID_LINK_OPTION",
            link,
            json!({"customer": customer, "frameOrigins": ["https://a.example/path"]}),
        ),
        ("INVALID_WEBHOOK_URL", hook, json!({"url": "ftp://example.com/"})),
        (
            "INVALID_WEBHOOK_URL",
            hook,
            json!({"url": "https://user:password@example.com/"}),
        ),
        (
            "INVALID_WEBHOOK_URL",
            hook,
            json!({"url": "http://169.254.169.254/latest"}),
        ),
        (
            "INVALID_WEBHOOK_URL",
            hook,
            json!({"url": format!("https://example.com/{long}")}),
        ),
        (
            "INVALID_VALUE",
            hook,
            json!({"url": "https://example.com/", "types": ["connection.sold"]}),
        ),
        (
            "INVALID_VALUE",
            hook,
            json!({"url": "https://example.com/", "types": []}),
        ),
        (
            "INVALID_VALUE",
            hook,
            json!({"url": "https://example.com/", "description": long}),
        ),
        (
            "INVALID_ID",
            hook,
            json!({"url": "https://example.com/", "connectionId": "7"}),
        ),
    ] {
        let answer = here.api.query(text, json!({ "input": input })).await;
        assert_eq!(
            answer.codes(),
            [code],
            "{:.200}: {:.600}",
            input.to_string(),
            answer.text
        );
    }
    for (code, text) in [
        ("INVALID_CURSOR", "{ connections(after: \"x\") { nodes { id } } }"),
        ("INVALID_CURSOR", "{ events(after: \"x\") { nodes { id } } }"),
        (
            "INVALID_CURSOR",
            "{ events(before: \"9999999999999999999999\") { nodes { id } } }",
        ),
        (
            "INVALID_CURSOR",
            "{ events(after: \"1\", before: \"2\") { nodes { id } } }",
        ),
        ("INVALID_CURSOR", "{ auditLog(before: \"1\") { nodes { id } } }"),
        (
            "INVALID_CURSOR",
            "{ webhookDeliveries(before: \"1\") { nodes { id } } }",
        ),
        (
            "INVALID_CURSOR",
            "{ organization { credits { entries(before: \"x\") { nodes { id } } } } }",
        ),
        ("INVALID_PAGE_SIZE", "{ connections(first: 0) { nodes { id } } }"),
        ("INVALID_PAGE_SIZE", "{ events(first: 251) { nodes { id } } }"),
        ("INVALID_PAGE_SIZE", "{ auditLog(first: -1) { nodes { id } } }"),
        (
            "INVALID_VALUE",
            "{ events(filter: {types: [\"connection.sold\"]}) { nodes { id } } }",
        ),
        ("INVALID_ID", "{ connection(id: \"7\") { id } }"),
        (
            "INVALID_ID",
            "{ events(filter: {connectionIds: [\"7\"]}) { nodes { id } } }",
        ),
        ("INVALID_ID", "mutation { revokeToken(id: \"\") }"),
        ("CODE_INVALID", "mutation { exchangeCode(code: \"\") { secret } }"),
        (
            "CODE_INVALID",
            "mutation { exchangeCode(code: \"lsx_0123456789012345678901234567890123456789012\") { secret } }",
        ),
    ] {
        let answer = here.api.query(text, json!({})).await;
        assert_eq!(answer.codes(), [code], "{text}: {}", answer.text);
    }
    let replay = |from: &str, to: &str| {
        format!("mutation($id: ID!) {{ replayWebhooks(endpointId: $id, from: \"{from}\", to: \"{to}\") {{ count }} }}")
    };
    let backwards = replay("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z");
    for text in [
        backwards.as_str(),
        "mutation($id: ID!) { rotateWebhookSecret(endpointId: $id, overlapSeconds: 9999999999) { secret } }",
    ] {
        let answer = here.api.query(text, json!({ "id": here.endpoint })).await;
        assert_eq!(answer.codes(), ["INVALID_VALUE"], "{text}: {}", answer.text);
    }
    assert_eq!(
        rows::counts(&here.plant.database_file()).await,
        before,
        "nothing is stored"
    );
}
