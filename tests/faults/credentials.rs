//! Credentials and sessions: what is refused is not sent again, and what has ended is renewed once.

use lineshaft_sandbox::{
    System,
    fault::{Fault, Kind},
};
use serde_json::json;

use super::{ask, assert_failed, assert_unaffected, warm};
use crate::support::{Plant, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_sent_once_and_never_again() {
    for system in System::CODED {
        let plant = Plant::start().await;
        warm(&plant).await;
        let connection = plant.connection(system);
        plant.sandbox(system).revoke_credentials();
        let (answer, _) = ask(&plant).await;
        assert_unaffected(&plant, &answer, &[system], "revoked");
        assert_failed(&plant, &answer, system, &["INVALID_CREDENTIALS"], "revoked");
        assert_eq!(answer.errors().len(), 1);
        let calls = plant.sandbox(system).calls();
        // One request with what was good before, and where there are sessions one try to sign in.
        assert!(calls.len() <= 2 && plant.logins(system) <= 1, "{system}: {calls:#?}");

        let status = plant
            .query(
                "query($id: ID!) { connection(id: $id) { status statusReason } }",
                json!({ "id": connection }),
            )
            .await;
        assert_eq!(
            status.data()["connection"],
            json!({ "status": "REAUTH_REQUIRED", "statusReason": "INVALID_CREDENTIALS" }),
            "{system}"
        );
        plant.clear_calls();
        for _ in 0..2 {
            let (answer, _) = ask(&plant).await;
            assert_unaffected(&plant, &answer, &[system], "waits for a sign-in");
            assert_eq!(answer.codes(), ["REAUTH_REQUIRED"], "{system}");
            let source = answer.source("purchaseOrders", &connection);
            assert_eq!(
                (&source["status"], &source["upstreamCalls"]),
                (&json!("SKIPPED"), &json!(0)),
                "{system}"
            );
        }
        assert!(plant.sandbox(system).calls().is_empty(), "{system}: nothing is sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_queries_at_once_send_refused_credentials_few_times() {
    for system in [System::Tryton, System::SapS4hana, System::Dynamics365Fo] {
        let plant = Setup::only([system]).start().await;
        warm(&plant).await;
        plant.sandbox(system).revoke_credentials();
        let answers = futures_util::future::join_all((0..12).map(|_| ask(&plant))).await;
        for (answer, _) in &answers {
            assert!(
                answer.codes() == ["INVALID_CREDENTIALS"] || answer.codes() == ["REAUTH_REQUIRED"],
                "{system}: {:?}",
                answer.codes()
            );
        }
        // What is under way when the first refusal comes cannot be called back; a sign-in is tried once.
        assert!(plant.logins(system) <= 1, "{system}: {} sign-ins", plant.logins(system));
        plant.clear_calls();
        ask(&plant).await;
        assert!(plant.sandbox(system).calls().is_empty(), "{system}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_refused_while_a_relation_is_loaded_count_too() {
    let plant = Plant::start().await;
    let text = "{ purchaseOrders(first: 12) { nodes { number vendor { name } } } }";
    plant.query(text, json!({})).await.data();
    let system = System::Maximo;
    let list: Vec<String> = {
        plant.clear_calls();
        plant
            .query("{ purchaseOrders(first: 12) { nodes { number } } }", json!({}))
            .await
            .data();
        plant.calls(system).into_iter().map(|call| call.path).collect()
    };
    plant.clear_calls();
    plant.query(text, json!({})).await.data();
    let vendors = plant
        .calls(system)
        .into_iter()
        .map(|call| call.path)
        .find(|path| !list.contains(path))
        .unwrap();
    plant
        .sandbox(system)
        .set_fault(Some(Fault::new(Kind::Unauthorized).path_contains(vendors)));
    let answer = plant.query(text, json!({})).await;
    assert_eq!(answer.codes(), ["INVALID_CREDENTIALS"], "{:#?}", answer.errors());
    plant.sandbox(system).set_fault(None);
    plant.clear_calls();
    let answer = plant.query(text, json!({})).await;
    assert_eq!(answer.codes(), ["REAUTH_REQUIRED"]);
    assert!(plant.sandbox(system).calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_is_renewed_once_without_a_word() {
    let plant = Plant::start().await;
    warm(&plant).await;
    let (before, _) = ask(&plant).await;
    plant.clear_calls();
    for system in System::CODED {
        plant.sandbox(system).end_sessions();
    }
    let (answer, _) = ask(&plant).await;
    assert!(answer.errors().is_empty(), "{:#?}", answer.errors());
    assert_eq!(answer.nodes("purchaseOrders"), before.nodes("purchaseOrders"));
    for system in System::CODED {
        assert!(plant.logins(system) <= 1, "{system}: {} sign-ins", plant.logins(system));
        assert!(plant.calls(system).len() <= 2, "{system}");
    }
    for system in [System::Tryton, System::Dynamics365Fo] {
        assert_eq!(plant.logins(system), 1, "{system} has sessions");
    }
    plant.clear_calls();
    ask(&plant).await.0.data();
    assert!(
        System::CODED.iter().all(|system| plant.logins(*system) == 0),
        "the new sessions are kept"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_queries_at_once_renew_a_session_once() {
    for system in [System::Tryton, System::Dynamics365Fo] {
        let plant = Setup::only([system]).start().await;
        warm(&plant).await;
        plant.sandbox(system).end_sessions();
        let answers = futures_util::future::join_all((0..12).map(|_| ask(&plant))).await;
        assert!(answers.iter().all(|(answer, _)| answer.errors().is_empty()), "{system}");
        assert_eq!(plant.logins(system), 1, "{system}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_queries_sign_in_once() {
    let plant = Plant::start().await;
    let answers = futures_util::future::join_all((0..12).map(|_| ask(&plant))).await;
    assert!(
        answers.iter().all(|(answer, _)| answer.errors().is_empty()),
        "{:#?}",
        answers[0].0.errors()
    );
    for system in System::CODED {
        assert!(plant.logins(system) <= 1, "{system}: {} sign-ins", plant.logins(system));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_connection_of_one_customer_does_not_touch_another_to_the_same_system() {
    let plant = Setup::only([System::Odoo]).start().await;
    let second = plant.connect(System::Odoo, "Second", Some("acme")).await;
    let first = plant.connection(System::Odoo);
    warm(&plant).await;
    let one = json!({ "connections": [first] });
    let text = "query($connections: [ID!]) { purchaseOrders(first: 5, connections: $connections) { nodes { id } } }";
    let setup_wrong = plant
        .connect_with(System::Odoo, "Wrong", json!({ "login": "admin", "api_key": "wrong" }))
        .await;
    let (answer, _) = ask(&plant).await;
    assert_eq!(answer.codes_of(&setup_wrong), ["INVALID_CREDENTIALS"]);
    assert_eq!(answer.errors().len(), 1, "{:#?}", answer.errors());
    for connection in [&first, &second] {
        assert_eq!(answer.source("purchaseOrders", connection)["status"], "OK");
    }
    plant.query(text, one).await.data();
}
