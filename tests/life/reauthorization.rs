//! Credentials expire: it is announced once, everywhere, within a second; nothing more is sent; and somebody brings the
//! connection back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use lineshaft_sandbox::{
    Account, Receiver, Sandbox, System,
    receiver::{Received, Verdict},
};
use serde_json::{Value, json};

use super::{
    SOON,
    api::{Api, Made, UPDATE, eventually, text, types},
    server,
    socket::{Socket, Told},
    sse::Stream,
    system,
};
use crate::{connect::browser::Browser, support::Answer};

const REAUTH: &str = "subscription($after: String) { reauthRequired(after: $after) {
    reconnectUrl event { id type cursor sequence data } connection { id status statusReason } } }";
const STATUS: &str = "subscription($after: String, $ids: [ID!]) {
    connectionStatusChanged(after: $after, connectionIds: $ids, statuses: [REAUTH_REQUIRED, ACTIVE]) {
    event { id type } connection { id } } }";
const EVENTS: &str = "subscription($after: String) { events(after: $after) { id type cursor connectionId sequence } }";

fn update(connection: &str, sandbox: &Sandbox, account: Account, allow: bool) -> Value {
    let (_, credentials) = sandbox.demo_connection_as(account);
    json!({"input": {"connectionId": connection, "credentials": credentials, "allowAccountChange": allow}})
}

fn assert_within_a_second(what: &str, from: DateTime<Utc>, at: DateTime<Utc>) {
    let took = at - from;
    assert!(took <= chrono::Duration::seconds(1), "{what}: {took}");
}

fn of_type(told: &[Told], kind: &str) -> usize {
    let events = told
        .iter()
        .filter(|told| told.payload["data"]["events"]["type"] == kind);
    events.count()
}

/// Asks many times at once, and returns the answers with the moment of the first.
async fn ask_at_once(api: &Api, id: &str, times: usize) -> (Vec<Answer>, DateTime<Utc>) {
    let asked = join_all((0..times).map(|_| async {
        let answer = api.vendors(id).await;
        (answer, Utc::now())
    }));
    let (answers, moments): (Vec<_>, Vec<_>) = asked.await.into_iter().unzip();
    (answers, moments.into_iter().min().unwrap())
}

/// What listens while credentials expire.
struct Listening {
    people: Socket,
    own: Socket,
    stream: Stream,
    receiver: Receiver,
}

impl Listening {
    async fn to(api: &Api, made: &Made, receiver: Receiver) -> Self {
        let after = json!({"after": api.newest().await, "ids": [made.id]});
        let people = Socket::open(api).await;
        people.subscribe("reauth", REAUTH, after.clone()).await;
        people.subscribe("status", STATUS, after.clone()).await;
        people.subscribe("events", EVENTS, after.clone()).await;
        let own = Socket::open(&api.with(&made.token)).await;
        own.subscribe("events", EVENTS, after.clone()).await;
        let stream = Stream::open(api, EVENTS, after, None).await;
        Self {
            people,
            own,
            stream,
            receiver,
        }
    }

    /// Checks that everybody was told once, and soon after a moment.
    async fn were_told_once(&self, first: DateTime<Utc>) -> String {
        for (id, socket) in [
            ("reauth", &self.people),
            ("status", &self.people),
            ("events", &self.people),
            ("events", &self.own),
        ] {
            let told = socket.wait(id, SOON, 1).await;
            assert_eq!(told.len(), 1, "{id}: {told:#?}");
            assert_within_a_second(id, first, told[0].at);
        }
        let sent = self.stream.wait(SOON, 1).await;
        assert_eq!(sent.len(), 1, "{sent:#?}");
        assert_eq!(sent[0].data["data"]["events"]["type"], "connection.reauth_required");
        let received = self.receiver.wait_for(1, SOON).await;
        assert_eq!(received.len(), 1, "{received:#?}");
        assert_within_a_second("the webhook", first, received[0].at);
        assert_eq!(received[0].signature, Verdict::Valid);
        let body = received[0].json();
        assert_eq!(body["type"], "connection.reauth_required");
        let told = &self.people.told("reauth")[0].payload["data"]["reauthRequired"];
        assert_eq!(told["connection"]["status"], "REAUTH_REQUIRED", "{told}");
        assert_eq!(received[0].header("webhook-id"), told["event"]["id"].as_str());
        let url = text(&told["reconnectUrl"]);
        for other in [&body["data"]["reconnectUrl"], &told["event"]["data"]["reconnectUrl"]] {
            assert_eq!(*other, url.as_str());
        }
        url
    }
}

/// Goes the whole way with a grace period for the old token.
async fn walk(grace_s: i64) {
    let plant = server(&[System::Tryton], &[("TOKENS__GRACE_S", &grace_s.to_string())]).await;
    let sandbox = system(System::Tryton).await;
    let api = Api::of(&plant);
    let receiver = Receiver::start().await.unwrap();
    let (_, secret) = api.endpoint(&receiver.url("hooks"), true).await;
    receiver.set_secrets([secret]);
    let made = api.connect(&sandbox, "c-1").await;
    let arrived = receiver.wait_for(3, SOON).await;
    let told: Vec<Value> = arrived.iter().map(Received::json).collect();
    assert_eq!(
        types(&told),
        ["connection.created", "credits.reserved", "connection.activated"]
    );
    receiver.clear();
    assert_eq!(api.vendors(&made.id).await.nodes("vendors").len(), 3);
    let path = format!("/v1/connections/{}/status", made.id);
    let before = api.get(&path, None).await;
    assert_eq!((before.status, &before.body["status"]), (200, &json!("ACTIVE")));
    let tag = before.headers["etag"].to_str().unwrap().to_owned();
    let unchanged = api.get(&path, Some(&tag)).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));

    let start = api.newest().await;
    let listening = Listening::to(&api, &made, receiver).await;
    sandbox.expire_credentials();
    let (answers, first) = ask_at_once(&api, &made.id, 50).await;
    for answer in &answers {
        let codes = answer.codes();
        assert!(
            codes == ["INVALID_CREDENTIALS"] || codes == ["REAUTH_REQUIRED"],
            "{codes:?}"
        );
    }
    let url = listening.were_told_once(first).await;
    assert_eq!(types(&api.log(&start).await), ["connection.reauth_required"]);

    sandbox.clear_calls();
    for own in [&api, &api.with(&made.token)] {
        let answer = own.vendors(&made.id).await;
        assert_eq!(answer.codes(), ["REAUTH_REQUIRED"]);
        assert_eq!(answer.errors()[0]["extensions"]["reconnectUrl"], url.as_str());
        assert_eq!(answer.source("vendors", &made.id)["upstreamCalls"], 0);
    }
    let changed = api.get(&path, Some(&tag)).await;
    assert_eq!(
        (changed.status, &changed.body["status"]),
        (200, &json!("REAUTH_REQUIRED"))
    );
    assert_eq!(changed.body["reconnectUrl"], url.as_str());
    assert_ne!(changed.headers["etag"].to_str().unwrap(), tag);
    let own = api.with(&made.token).get("/v1/connection/status", None).await;
    assert_eq!(own.body["statusReason"], "INVALID_CREDENTIALS", "{}", own.text);
    assert!(sandbox.calls().is_empty(), "{:#?}", sandbox.calls());

    let other = api
        .query(UPDATE, update(&made.id, &sandbox, Account::Second, false))
        .await;
    assert_eq!(other.codes(), ["ACCOUNT_MISMATCH"], "{}", other.text);
    assert_eq!(api.status(&made.id).await, "REAUTH_REQUIRED");
    assert_eq!(api.log(&start).await.len(), 1, "nothing changed");
    bring_back(&api, &sandbox, &made, &url, grace_s).await;
    comes_back(&api, &listening, &made, &start, grace_s).await;

    let swapped = api
        .query(UPDATE, update(&made.id, &sandbox, Account::Second, true))
        .await;
    let swapped = &swapped.data()["updateConnectionCredentials"];
    assert_ne!(swapped["connection"]["account"], before.body["account"]);
    let told = api.log(&start).await;
    let last = told
        .iter()
        .rfind(|event| event["type"] == "connection.reauthorized")
        .unwrap();
    assert_eq!(last["data"]["accountChanged"], true, "{last}");
    let sequences: Vec<_> = api
        .log("0")
        .await
        .iter()
        .filter_map(|event| event["sequence"].as_i64())
        .collect();
    assert_eq!(
        sequences,
        (1..=i64::try_from(sequences.len()).unwrap()).collect::<Vec<_>>()
    );
}

/// Brings the connection back: without grace by new credentials, else on the page that is told with it.
async fn bring_back(api: &Api, sandbox: &Sandbox, made: &Made, url: &str, grace_s: i64) {
    let token = if grace_s == 0 {
        let done = api
            .query(UPDATE, update(&made.id, sandbox, Account::First, false))
            .await;
        let done = &done.data()["updateConnectionCredentials"];
        assert_eq!(
            (&done["connection"]["id"], &done["connection"]["status"]),
            (&json!(made.id), &json!("ACTIVE"))
        );
        text(&done["secret"])
    } else {
        let browser = Browser::open(url).await;
        let (_, credentials) = sandbox.demo_connection();
        let form = json!({"connector": "tryton", "settings": {}, "credentials": credentials});
        let lines = browser.attempt(&form).await;
        let code = text(&lines.last().unwrap()["done"]["code"]);
        let exchange = "mutation($code: String!) { exchangeCode(code: $code) { secret connection { id } } }";
        let done = api.query(exchange, json!({ "code": code })).await;
        let done = &done.data()["exchangeCode"];
        assert_eq!(done["connection"]["id"], made.id.as_str());
        let again = api.query(exchange, json!({ "code": code })).await;
        assert_eq!(again.codes(), ["CODE_INVALID"]);
        text(&done["secret"])
    };
    let new = api.with(&token);
    assert_eq!(
        new.vendors(&made.id).await.nodes("vendors").len(),
        3,
        "the new token works at once"
    );
    let gone = Browser::fetch(url).await;
    assert!(
        (400..500).contains(&gone.status),
        "the address of the page has done its work: {}",
        gone.status
    );
}

async fn comes_back(api: &Api, listening: &Listening, made: &Made, start: &str, grace_s: i64) {
    let told = api.log(start).await;
    assert_eq!(
        types(&told),
        [
            "connection.reauth_required",
            "connection.reauthorized",
            "connection.token_rotated"
        ]
    );
    for kind in ["connection.reauthorized", "connection.token_rotated"] {
        let told = listening
            .people
            .wait_until("events", SOON, |told| of_type(told, kind) == 1)
            .await;
        assert_eq!(of_type(&told, kind), 1, "{told:#?}");
    }
    assert_eq!(listening.stream.wait(SOON, 3).await.len(), 3);
    assert_eq!(listening.people.wait("status", SOON, 2).await.len(), 2);
    let received = listening.receiver.wait_for(3, SOON).await;
    let received: Vec<Value> = received.iter().map(Received::json).collect();
    assert_eq!(types(&received), types(&told));

    let end: DateTime<Utc> = text(&told[2]["data"]["oldTokensEndAt"]).parse().unwrap();
    let old = api.with(&made.token);
    if grace_s == 0 {
        assert_eq!(old.vendors(&made.id).await.status, 401, "the old token is dead at once");
    } else if Utc::now() + chrono::Duration::milliseconds(500) < end {
        assert_eq!(
            old.vendors(&made.id).await.status,
            200,
            "the old token lives on for its grace"
        );
        assert!(listening.own.is_open());
    }
    let within = (end - Utc::now()).to_std().unwrap_or_default() + Duration::from_secs(3);
    assert_eq!(listening.own.closed(within).await, 4403);
    assert!(Utc::now() >= end, "not before its time");
    eventually(SOON, "the old token is dead", || async {
        (old.vendors(&made.id).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(Socket::open(&old).await.closed(SOON).await, 4403);
    assert!(listening.people.is_open(), "the organization's socket stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn expired_credentials_are_announced_once_and_new_ones_end_the_old_token_at_once() {
    walk(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_customer_brings_a_connection_back_and_the_old_token_dies_after_its_grace() {
    walk(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_never_worked_takes_its_credits_when_it_is_brought_back() {
    let plant = server(&[System::Tryton], &[]).await;
    let sandbox = system(System::Tryton).await;
    let api = Api::of(&plant);
    let create = |customer: &str| {
        let mut form = super::api::form(&sandbox, customer);
        form["input"]["verify"] = json!(false);
        form["input"]["credentials"]["password"] = json!("wrong");
        form
    };
    for paused in [false, true] {
        let (_, before, _) = api.credits().await;
        let made = api.query(super::api::CREATE, create("c-1")).await;
        let id = text(&made.data()["createConnection"]["connection"]["id"]);
        match paused {
            true => drop(api.act("pauseConnection", &id).await),
            false => {
                assert_eq!(api.vendors(&id).await.codes(), ["INVALID_CREDENTIALS"]);
                assert_eq!(api.status(&id).await, "REAUTH_REQUIRED");
            }
        }
        assert_eq!(api.credits().await.1, before, "what never worked costs nothing");
        api.query(UPDATE, update(&id, &sandbox, Account::First, false))
            .await
            .data();
        if paused {
            api.act("resumeConnection", &id).await.data();
        }
        assert_eq!(api.status(&id).await, "ACTIVE", "paused: {paused}");
        assert!(
            api.credits().await.1 > before,
            "what works costs credits; paused: {paused}"
        );
        let told = api.log("0").await;
        let own: Vec<Value> = told
            .into_iter()
            .filter(|event| event["connectionId"] == id.as_str())
            .collect();
        let activated = types(&own)
            .iter()
            .filter(|kind| **kind == "connection.activated")
            .count();
        assert_eq!(activated, 1, "{:?}", types(&own));
    }
}
