//! What can go wrong with a real server: a wrong password, a user without rights, a session that ran out, a server that
//! is stopped in the middle of a query.

use std::time::{Duration, Instant};

use lineshaft_sandbox::System;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Stage, patient,
    server::{PASSWORD, Server},
};
use crate::support::{Answer, Setup};

const LIST: &str = "query($first: Int, $after: String) { purchaseOrders(first: $first, after: $after) {
    nodes { number reference connectionId vendor { name } } pageInfo { hasNextPage endCursor }
    sources { connection { id } status records upstreamCalls error { code message retryable } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_sent_once_and_never_again() {
    let server = Server::shared();
    let stage = Stage::on(server, patient(), "reader", "not the password").await;
    let refused = server.refused_logins("reader");

    let answer = stage.ask(LIST, json!({})).await;
    assert_eq!(answer.codes(), ["INVALID_CREDENTIALS"], "{:#?}", answer.errors());
    assert_eq!(answer.errors()[0]["extensions"]["retryable"], false);
    assert_eq!(answer.source("purchaseOrders", &stage.connection)["status"], "FAILED");
    assert_eq!(server.refused_logins("reader"), refused + 1);
    assert!(!answer.text.contains("not the password"));

    for _ in 0..3 {
        let answer = stage.ask(LIST, json!({})).await;
        assert_eq!(answer.codes(), ["REAUTH_REQUIRED"], "{:#?}", answer.errors());
        let source = answer.source("purchaseOrders", &stage.connection);
        assert_eq!(
            (&source["status"], &source["upstreamCalls"]),
            (&json!("SKIPPED"), &json!(0))
        );
    }
    assert_eq!(server.refused_logins("reader"), refused + 1);
    let status = stage
        .ask(
            "query($id: ID!) { connection(id: $id) { status statusReason } }",
            json!({ "id": stage.connection }),
        )
        .await;
    assert_eq!(
        status.data()["connection"],
        json!({ "status": "REAUTH_REQUIRED", "statusReason": "INVALID_CREDENTIALS" })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_may_not_read_is_told_as_such() {
    let stage = Stage::on(Server::shared(), patient(), "reader", "reader-Passw0rd").await;
    for _ in 0..2 {
        let answer = stage.ask(LIST, json!({})).await;
        assert_eq!(answer.codes(), ["PERMISSION_DENIED"], "{:#?}", answer.errors());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ran_out_is_renewed_once_without_a_word() {
    let server = Server::start();
    let stage = Stage::on(&server, patient(), "admin", PASSWORD).await;
    let before = stage.ask(LIST, json!({})).await;
    before.data();
    stage.ask(LIST, json!({})).await.data();
    assert_eq!(server.logins(), 1, "the session is kept: {:?}", server.calls());

    server.age_sessions();
    let answers = futures_util::future::join_all((0..4).map(|_| stage.ask(LIST, json!({})))).await;
    for answer in &answers {
        answer.data();
        assert_eq!(answer.nodes("purchaseOrders"), before.nodes("purchaseOrders"));
    }
    assert_eq!(server.logins(), 2, "{:?}", server.calls());
    stage.ask(LIST, json!({})).await.data();
    assert_eq!(server.logins(), 2, "the new session is kept: {:?}", server.calls());
}

#[track_caller]
fn assert_odoo_unaffected(stage: &Stage<'_>, answer: &Answer, before: &Answer) {
    let odoo = stage.plant.connection(System::Odoo);
    let rows = |answer: &Answer| -> Vec<Value> {
        answer
            .nodes("purchaseOrders")
            .iter()
            .filter(|node| node["connectionId"] == odoo)
            .cloned()
            .collect()
    };
    assert_eq!(answer.status, 200);
    assert!(answer.codes_of(&odoo).is_empty());
    let source = answer.source("purchaseOrders", &odoo);
    assert_eq!((&source["status"], &source["error"]), (&json!("OK"), &Value::Null));
    assert!(rows(before).len() >= 10);
    assert_eq!(rows(answer)[..rows(before).len()], rows(before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_stopped_in_the_middle_of_a_query_fails_alone_and_is_asked_again_when_it_is_back() {
    let server = Server::start();
    let setup = Setup {
        systems: vec![System::Odoo],
        ..patient()
    };
    let stage = Stage::on(&server, setup, "admin", PASSWORD).await;
    let all = json!({ "first": 60 });
    let before = stage.ask(LIST, all.clone()).await;
    before.data();
    let ours = |answer: &Answer| {
        answer
            .nodes("purchaseOrders")
            .iter()
            .filter(|node| node["connectionId"] == stage.connection)
            .count()
    };
    assert_eq!(ours(&before), 30);
    let page = stage.ask(LIST, json!({ "first": 10 })).await;
    let cursor = page.data()["purchaseOrders"]["pageInfo"]["endCursor"].clone();

    // The query is under way when the server dies: it was sent, and nothing has come back yet.
    server.pause();
    stage.plant.clear_calls();
    let started = Instant::now();
    let stop = async {
        while stage.plant.calls(System::Odoo).is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        server.kill();
    };
    let (answer, ()) = tokio::join!(stage.ask(LIST, all.clone()), stop);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_odoo_unaffected(&stage, &answer, &before);
    assert_failed(&stage, &answer);
    assert_eq!(ours(&answer), 0);

    // A cursor goes on with what is there.
    let answer = stage.ask(LIST, json!({ "first": 10, "after": cursor })).await;
    assert_failed(&stage, &answer);
    assert_eq!(
        answer.source("purchaseOrders", &stage.plant.connection(System::Odoo))["status"],
        "OK"
    );

    // The server comes back with another memory of sessions.
    let _again = server.restart();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = stage.ask(LIST, all.clone()).await;
        assert_odoo_unaffected(&stage, &answer, &before);
        if answer.errors().is_empty() {
            assert_eq!(answer.nodes("purchaseOrders"), before.nodes("purchaseOrders"));
            break;
        }
        assert_failed(&stage, &answer);
        assert!(Instant::now() < deadline, "{:#?}", answer.errors());
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_stops_answering_takes_nothing_from_the_others() {
    let server = Server::start();
    let setup = Setup {
        systems: vec![System::Odoo],
        ..patient().set("QUERY__TIMEOUT_MS", 8_000)
    };
    let stage = Stage::on(&server, setup, "admin", PASSWORD).await;
    let all = json!({ "first": 60 });
    let before = stage.ask(LIST, all.clone()).await;
    before.data();

    server.pause();
    let started = Instant::now();
    let answer = stage.ask(LIST, all).await;
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
    // The relations of the others too, although they are loaded after the list.
    assert_odoo_unaffected(&stage, &answer, &before);
    assert_eq!(answer.codes(), ["DEADLINE_EXCEEDED"], "{:#?}", answer.errors());
    assert_eq!(answer.source("purchaseOrders", &stage.connection)["status"], "FAILED");
}

/// Holds that one error tells that Tryton could not be reached, or that it is left alone for a while.
#[track_caller]
fn assert_failed(stage: &Stage<'_>, answer: &Answer) {
    let codes = answer.codes();
    assert!(
        codes == ["UNREACHABLE"] || codes == ["UNAVAILABLE"] || codes == ["CIRCUIT_OPEN"],
        "{:#?}",
        answer.errors()
    );
    let extensions = &answer.errors()[0]["extensions"];
    assert_eq!(
        (&extensions["connectionId"], &extensions["retryable"]),
        (&json!(stage.connection), &json!(true))
    );
    assert!(extensions["requestId"].is_string());
    let source = answer.source("purchaseOrders", &stage.connection);
    assert_eq!(
        (&source["status"], &source["error"]["code"]),
        (&json!("FAILED"), &extensions["code"])
    );
}
