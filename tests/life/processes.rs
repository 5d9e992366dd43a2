//! Two servers over one database: they use each refresh token once, tell each other's changes, and end the streams of
//! tokens that the other one revoked.

use std::time::Duration;

use chrono::Utc;
use futures_util::future::join_all;
use lineshaft_sandbox::{Account, Sandbox, System, TokenRules};
use serde_json::{Value, json};

use super::{
    SOON,
    api::{Api, eventually, text, types},
    process::Stage,
    socket::Socket,
    sse::Stream,
    system,
};
use crate::connect::browser::Browser;

const STATUS: &str = "subscription($after: String) { connectionStatusChanged(after: $after) {
    event { type } connection { id status } } }";
const EVENTS: &str = "subscription($after: String) { events(after: $after) { type cursor } }";

/// The application of the first account, as the operator registered it.
const APPLICATION: [(&str, &str); 2] = [
    (
        "OAUTH__DYNAMICS_365_FO__CLIENT_ID",
        "b3a8f2d4-51c7-4e0e-8f6d-7c2e9a4b1d05",
    ),
    ("OAUTH__DYNAMICS_365_FO__CLIENT_SECRET", "lakeside~demo~secret"),
];

/// Signs in at the system's own page, as somebody does who opened a link, and returns the one-time code.
pub async fn sign_in(sandbox: &Sandbox, link: &str) -> String {
    let server = sandbox.authorization_server().unwrap();
    let (mut settings, _) = sandbox.demo_connection_as(Account::First);
    settings["authorize_url"] = server["authorize_url"].clone();
    let browser = Browser::open(link).await;
    let form = json!({"connector": sandbox.system().id(), "settings": settings, "way": "sign_in", "credentials": {}});
    let begun = browser.send("/authorize", &form).await;
    let address = text(&begun.body["address"]);
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    let person = &server["accounts"][0];
    let entered = [
        ("account", text(&person["username"])),
        ("password", text(&person["password"])),
        ("action", "accept".to_owned()),
    ];
    let answer = client
        .build()
        .unwrap()
        .post(address)
        .form(&entered)
        .send()
        .await
        .unwrap();
    let back = answer.headers()["location"].to_str().unwrap().to_owned();
    let returned = browser.come_back(&back, true).await;
    assert_eq!(returned.status, 303, "{}", returned.text);
    let state = browser.state().await;
    text(&state.body["done"]["code"])
}

pub async fn link(api: &Api) -> String {
    let made = api
        .query(
            "mutation { createConnectLink(input: {customer: {externalId: \"c-1\"}, connector: \"dynamics-365-fo\"}) { url } }",
            json!({}),
        )
        .await;
    text(&made.data()["createConnectLink"]["url"])
}

pub async fn exchange(api: &Api, code: &str) -> (String, String, String) {
    let text_ = "mutation($code: String!) { exchangeCode(code: $code) { secret tokenId connection { id } } }";
    let done = api.query(text_, json!({ "code": code })).await;
    let done = &done.data()["exchangeCode"];
    (
        text(&done["connection"]["id"]),
        text(&done["tokenId"]),
        text(&done["secret"]),
    )
}

/// Asks both servers at once, and checks that each query was answered.
async fn ask_both(apis: [&Api; 2], id: &str, times: usize) {
    let asked = (0..times * 2).map(|turn| apis[turn % 2].vendors(id));
    for answer in join_all(asked).await {
        assert_eq!(answer.data()["vendors"]["nodes"].as_array().unwrap().len(), 3);
    }
}

async fn two_servers(stage: Stage) {
    let sandbox = system(System::Dynamics365Fo).await;
    // A refresh token that is used twice ends everything that came from its sign-in.
    sandbox.set_token_rules(TokenRules {
        access_lifetime_s: 3599,
        refresh_reuses: 0,
        ..TokenRules::default()
    });
    let (first, second) = tokio::join!(stage.serve(), stage.serve());
    let (a, b) = (stage.api(&first), stage.api(&second));
    let (id, token_id, token) = exchange(&b, &sign_in(&sandbox, &link(&a).await).await).await;
    ask_both([&a, &b], &id, 1).await;
    for _ in 0..4 {
        sandbox.end_sessions();
        ask_both([&a, &b], &id, 20).await;
    }
    sandbox.set_token_rules(TokenRules {
        access_lifetime_s: 1,
        refresh_reuses: 0,
        ..TokenRules::default()
    });
    sandbox.end_sessions();
    for _ in 0..4 {
        ask_both([&a, &b], &id, 10).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let sign_ins = sandbox.sign_ins();
    assert_eq!(sign_ins.most_refresh_uses(), 1, "{sign_ins:#?}");
    assert_eq!(sign_ins.refused_exchanges_of("refresh_token"), 0);
    assert!(sign_ins.exchanges_of("refresh_token") >= 5, "{sign_ins:#?}");
    assert_eq!(a.status(&id).await, "ACTIVE", "nobody was logged out");

    told_by_the_other(&a, &b, &id).await;
    refused_at_one_is_refused_at_both(&sandbox, [&a, &b], &id).await;
    ended_by_the_other(&a, &b, &token_id, &token).await;
}

/// A change that one server makes is told by the other within a second.
async fn told_by_the_other(a: &Api, b: &Api, id: &str) {
    let after = json!({"after": a.newest().await});
    let listening = Socket::open(b).await;
    listening.subscribe("1", STATUS, after).await;
    for (turn, deed) in ["pauseConnection", "resumeConnection"].into_iter().enumerate() {
        a.act(deed, id).await.data();
        let changed = Utc::now();
        let told = listening.wait("1", SOON, turn + 1).await;
        assert_eq!(told.len(), turn + 1);
        let took = told[turn].at - changed;
        assert!(took <= chrono::Duration::seconds(1), "{deed}: {took}");
    }
}

/// The sign-in ends: one server finds it out, the other one sends nothing more, and a new sign-in serves both.
async fn refused_at_one_is_refused_at_both(sandbox: &Sandbox, [a, b]: [&Api; 2], id: &str) {
    let start = a.newest().await;
    sandbox.revoke_refresh_tokens();
    sandbox.end_sessions();
    assert_eq!(a.vendors(id).await.codes(), ["INVALID_CREDENTIALS"]);
    // The other server looks at its connections again within a second; from then on it sends nothing.
    eventually(SOON, "the other server sees it", || async {
        (b.vendors(id).await.codes() == ["REAUTH_REQUIRED"]).then_some(())
    })
    .await;
    sandbox.clear_calls();
    let refused = b.vendors(id).await;
    assert_eq!(refused.codes(), ["REAUTH_REQUIRED"]);
    assert!(sandbox.calls().is_empty(), "{:#?}", sandbox.calls());
    assert_eq!(types(&a.log(&start).await), ["connection.reauth_required"]);

    let reconnect = "mutation($id: ID!) { createReconnectLink(input: {connectionId: $id}) { url } }";
    let made = b.query(reconnect, json!({ "id": id })).await;
    let code = sign_in(sandbox, &text(&made.data()["createReconnectLink"]["url"])).await;
    let (again, _, token) = exchange(a, &code).await;
    assert_eq!(again, id, "the connection keeps its id");
    ask_both([a, b], id, 5).await;
    for api in [a, b] {
        assert_eq!(api.with(&token).vendors(id).await.codes(), [""; 0]);
    }
    assert_eq!(sandbox.sign_ins().most_refresh_uses(), 1);
}

/// A token that one server revokes ends its streams at the other.
async fn ended_by_the_other(a: &Api, b: &Api, token_id: &str, token: &str) {
    let theirs = b.with(token);
    let after = json!({"after": a.newest().await});
    let socket = Socket::open(&theirs).await;
    socket.subscribe("1", EVENTS, after.clone()).await;
    let stream = Stream::open(&theirs, EVENTS, after, None).await;
    assert!(socket.is_open());
    let revoke = "mutation($id: ID!) { revokeToken(id: $id) }";
    a.query(revoke, json!({ "id": token_id })).await.data();
    let revoked = Utc::now();
    assert_eq!(socket.closed(SOON).await, 4403);
    let took = Utc::now() - revoked;
    assert!(took <= chrono::Duration::milliseconds(1500), "{took}");
    let sent = stream.wait(SOON, 2).await;
    let error: &Value = &sent[0].data["errors"][0];
    assert_eq!(error["extensions"]["code"], "TOKEN_REVOKED", "{sent:?}");
    assert_eq!(sent[1].event, "complete");
    assert_eq!(a.with(token).query("{ __typename }", json!({})).await.status, 401);
    eventually(SOON, "the other server refuses the token", || async {
        (theirs.query("{ __typename }", json!({})).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_over_one_file_use_each_refresh_token_once_and_tell_each_others_changes() {
    two_servers(Stage::new(100, &APPLICATION)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_over_postgres_use_each_refresh_token_once_and_tell_each_others_changes() {
    if let Some(stage) = Stage::on_postgres(100, &APPLICATION).await {
        two_servers(stage).await;
    }
}
