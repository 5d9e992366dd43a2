//! What breaks in one system stays there: the others' records arrive, one typed error tells the rest, and a system in
//! trouble is left alone.

mod credentials;

use std::time::{Duration, Instant};

use lineshaft_sandbox::{
    System,
    fault::{Fault, Kind},
};
use serde_json::{Value, json};

use crate::support::{Answer, Plant, Setup};

const LIST: &str =
    "{ purchaseOrders(first: 60) { nodes { number connectionId } sources { connection { id } status records
    upstreamCalls error { code message retryable retryAfterSeconds } } } }";

/// The time that queries have where something is slow.
const TIME: Duration = Duration::from_millis(4_000);
/// What an answer may take beyond the time of its query.
const GRACE: Duration = Duration::from_secs(8);

fn quick() -> Setup {
    // Bodies without end are cut early: reading megabytes takes long in a build for tests.
    Setup::default()
        .set("QUERY__TIMEOUT_MS", TIME.as_millis())
        .set("UPSTREAM__MAX_RESPONSE_BYTES", 2_000_000)
}

/// Signs in everywhere, so that faults strike what is asked and not the sign-in.
async fn warm(plant: &Plant) {
    plant.query(LIST, json!({})).await.data();
    plant.clear_calls();
}

async fn ask(plant: &Plant) -> (Answer, Duration) {
    let started = Instant::now();
    let answer = plant.query(LIST, json!({})).await;
    (answer, started.elapsed())
}

#[track_caller]
fn assert_unaffected(plant: &Plant, answer: &Answer, but: &[System], context: &str) {
    assert_eq!(answer.status, 200, "{context}: {}", answer.text);
    for system in plant.systems().filter(|system| !but.contains(system)) {
        let source = answer.source("purchaseOrders", &plant.connection(system));
        assert_eq!(source["status"], "OK", "{context}: {system}: {source}");
        assert_eq!(source["error"], Value::Null, "{context}: {system}");
        assert!(
            source["records"].as_u64().unwrap() >= 10,
            "{context}: {system} gave {}",
            source["records"]
        );
    }
}

/// Holds that exactly one error tells what is wrong with one system, and returns it.
#[track_caller]
fn assert_failed<'a>(plant: &Plant, answer: &'a Answer, system: System, codes: &[&str], context: &str) -> &'a Value {
    let connection = plant.connection(system);
    let source = answer.source("purchaseOrders", &connection);
    assert_eq!(
        answer.codes_of(&connection).len(),
        1,
        "{context}: {system}: {:#?}",
        answer.errors()
    );
    let error = answer
        .errors()
        .iter()
        .find(|error| error["extensions"]["connectionId"] == connection)
        .unwrap();
    let code = error["extensions"]["code"].as_str().unwrap();
    assert!(
        codes.contains(&code),
        "{context}: {system}: {code} is none of {codes:?}: {error}"
    );
    assert_eq!(source["error"]["code"], code, "{context}: {system}");
    assert_eq!(source["status"], "FAILED", "{context}: {system}");
    assert_eq!(source["records"], 0, "{context}: {system}");
    assert!(
        error["extensions"]["retryable"].is_boolean() && error["extensions"]["requestId"].is_string(),
        "{error}"
    );
    error
}

/// Strikes each system in turn with a fault, and holds that the others are unaffected, before and after.
async fn each_in_turn(kind: Kind, codes: &[&str], most_calls: usize) {
    let plant = quick().start().await;
    warm(&plant).await;
    for system in System::CODED {
        let context = format!("{kind:?}");
        plant.clear_calls();
        plant.sandbox(system).set_fault(Some(Fault::new(kind.clone())));
        let (answer, took) = ask(&plant).await;
        plant.sandbox(system).set_fault(None);
        assert_unaffected(&plant, &answer, &[system], &context);
        assert_failed(&plant, &answer, system, codes, &context);
        assert_eq!(answer.errors().len(), 1, "{context}: {:#?}", answer.errors());
        assert!(
            took < TIME + GRACE,
            "{context}: {system} held the answer up for {took:?}"
        );
        let calls = plant.sandbox(system).calls().len();
        assert!(
            (1..=most_calls).contains(&calls),
            "{context}: {system} was called {calls} times"
        );
    }
    let (answer, _) = ask(&plant).await;
    assert_unaffected(&plant, &answer, &[], "after the fault");
    assert!(answer.errors().is_empty());
}

macro_rules! faults {
    ($($name:ident: $kind:expr => $codes:expr, $calls:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            each_in_turn($kind, &$codes, $calls).await;
        })*
    };
}

faults! {
    a_system_that_fails_inside_does_not_touch_the_others: Kind::Status { code: 500 } => ["UNAVAILABLE"], 3;
    a_system_in_maintenance_does_not_touch_the_others: Kind::Status { code: 503 } => ["UNAVAILABLE"], 3;
    a_gateway_in_trouble_does_not_touch_the_others: Kind::Status { code: 502 } => ["UNAVAILABLE"], 3;
    a_body_cut_short_does_not_touch_the_others: Kind::Cut => ["UNREACHABLE"], 3;
    a_system_that_hangs_up_does_not_touch_the_others: Kind::Refuse => ["UNREACHABLE"], 3;
    broken_json_does_not_touch_the_others: Kind::Malformed => ["MALFORMED_RESPONSE"], 3;
    an_empty_body_does_not_touch_the_others: Kind::Empty => ["MALFORMED_RESPONSE"], 3;
    text_that_is_not_utf8_does_not_touch_the_others: Kind::BadUtf8 => ["MALFORMED_RESPONSE"], 3;
    json_without_bottom_does_not_touch_the_others: Kind::DeepJson => ["MALFORMED_RESPONSE"], 3;
    half_a_body_does_not_touch_the_others: Kind::Truncated => ["MALFORMED_RESPONSE"], 3;
    an_endless_body_does_not_touch_the_others: Kind::Huge { bytes: 6 * 1024 * 1024 } => ["RESPONSE_TOO_LARGE"], 3;
    a_body_that_unpacks_without_end_does_not_touch_the_others: Kind::GzipBomb { bytes: 6 * 1024 * 1024 } => ["RESPONSE_TOO_LARGE"], 3;
    a_missing_page_does_not_touch_the_others: Kind::Status { code: 404 } => ["NOT_FOUND", "UPSTREAM_INVALID_REQUEST", "NOT_SUPPORTED", "INVALID_SETTINGS"], 3;
    an_account_that_may_not_does_not_touch_the_others: Kind::Status { code: 403 } => ["PERMISSION_DENIED", "INVALID_CREDENTIALS"], 3;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_page_instead_of_data_does_not_touch_the_others() {
    let plant = quick().start().await;
    warm(&plant).await;
    for system in System::CODED {
        plant.sandbox(system).set_fault(Some(Fault::new(Kind::Html)));
        let (answer, took) = ask(&plant).await;
        plant.sandbox(system).set_fault(None);
        assert_unaffected(&plant, &answer, &System::CODED, "html");
        // Where a login page means that the session has ended, a new one is tried once, and fails on the same page.
        let codes = ["MALFORMED_RESPONSE", "SESSION_EXPIRED", "INVALID_CREDENTIALS"];
        assert_failed(&plant, &answer, system, &codes, "html");
        assert!(took < TIME + GRACE, "{system}: {took:?}");
        let healthy = System::CODED.iter().position(|known| *known == system).unwrap() + 1;
        assert_unaffected(&plant, &answer, &System::CODED[..healthy], "html");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_other_types_are_told_and_never_stop_the_query() {
    let plant = quick().start().await;
    warm(&plant).await;
    for system in System::CODED {
        plant.sandbox(system).set_fault(Some(Fault::new(Kind::WrongType)));
        let (answer, _) = ask(&plant).await;
        plant.sandbox(system).set_fault(None);
        assert_unaffected(&plant, &answer, &[system], "wrong types");
        let codes = answer.codes_of(&plant.connection(system));
        assert!(
            codes.is_empty() || codes == ["MALFORMED_RESPONSE"],
            "{system}: {codes:?}"
        );
    }
}

/// Strikes two systems with something slow, one after the other.
async fn slow(kind: Kind) {
    let plant = quick().start().await;
    warm(&plant).await;
    for system in [System::SapS4hana, System::Limble] {
        let context = format!("{kind:?}");
        plant.sandbox(system).set_fault(Some(Fault::new(kind.clone())));
        let (answer, took) = ask(&plant).await;
        plant.sandbox(system).set_fault(None);
        assert_unaffected(&plant, &answer, &[system], &context);
        let error = assert_failed(&plant, &answer, system, &["DEADLINE_EXCEEDED"], &context);
        assert_eq!(error["extensions"]["retryable"], true);
        assert_eq!(answer.errors().len(), 1, "{context}");
        assert!(took >= TIME && took < TIME + GRACE, "{context}: {system}: {took:?}");
        assert!(plant.calls(system).len() <= 3, "{context}");
        plant.clear_calls();
    }
    let (answer, _) = ask(&plant).await;
    assert_unaffected(&plant, &answer, &[], "after the fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_is_late_is_an_error_of_its_own_at_the_deadline() {
    slow(Kind::Latency { ms: 60_000 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_drips_is_an_error_of_its_own_at_the_deadline() {
    slow(Kind::SlowBody { bytes_per_second: 50 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_keeps_silent_is_an_error_of_its_own_at_the_deadline() {
    slow(Kind::SlowHeader { ms: 60_000 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_is_late_and_within_the_time_is_waited_for() {
    let plant = Plant::start().await;
    warm(&plant).await;
    plant
        .sandbox(System::Odoo)
        .set_fault(Some(Fault::new(Kind::Latency { ms: 200 })));
    let (answer, took) = ask(&plant).await;
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(answer.errors().is_empty());
    assert_unaffected(&plant, &answer, &[], "late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_passes_is_not_seen() {
    let plant = Plant::start().await;
    warm(&plant).await;
    for system in System::CODED {
        plant
            .sandbox(system)
            .set_fault(Some(Fault::new(Kind::Status { code: 503 }).times(1)));
    }
    let (answer, _) = ask(&plant).await;
    assert!(answer.errors().is_empty(), "{:#?}", answer.errors());
    assert_unaffected(&plant, &answer, &[], "one failure each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_a_relation_leaves_the_records_and_is_told_once() {
    let plant = quick().start().await;
    let text = "{ purchaseOrders(first: 60) { nodes { number connectionId vendor { name } } sources { connection { id } status error { code } records } } }";
    plant.query(text, json!({})).await.data();
    let list = "{ purchaseOrders(first: 60) { nodes { number connectionId } } }";
    for system in [System::SapS4hana, System::Dynamics365Fo, System::Maximo, System::Limble] {
        plant.clear_calls();
        plant.query(list, json!({})).await.data();
        let lists: Vec<String> = plant.calls(system).into_iter().map(|call| call.path).collect();
        plant.clear_calls();
        plant.query(text, json!({})).await.data();
        let vendors = plant
            .calls(system)
            .into_iter()
            .map(|call| call.path)
            .find(|path| !lists.contains(path))
            .expect("vendors have a path of their own");
        plant
            .sandbox(system)
            .set_fault(Some(Fault::new(Kind::Malformed).path_contains(vendors)));
        let answer = plant.query(text, json!({})).await;
        plant.sandbox(system).set_fault(None);
        let connection = plant.connection(system);
        assert_eq!(
            answer.codes(),
            ["MALFORMED_RESPONSE"],
            "{system}: {:#?}",
            answer.errors()
        );
        assert_eq!(answer.codes_of(&connection).len(), 1);
        let nodes = answer.nodes("purchaseOrders");
        let (bad, good): (Vec<&Value>, Vec<&Value>) = nodes.iter().partition(|node| node["connectionId"] == connection);
        assert!(
            bad.len() >= 10
                && bad
                    .iter()
                    .all(|node| node["number"].is_string() && node["vendor"].is_null()),
            "{system}"
        );
        assert!(good.iter().all(|node| node["vendor"]["name"].is_string()), "{system}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_within_the_time_of_the_query_is_waited_for() {
    for http_date in [false, true] {
        let plant = Setup::only([System::Odoo, System::Maximo, System::SapS4hana])
            .start()
            .await;
        warm(&plant).await;
        let fault = Fault::new(Kind::RateLimit {
            retry_after_s: Some(2),
            http_date,
        })
        .times(1);
        plant.sandbox(System::Maximo).set_fault(Some(fault));
        let (answer, took) = ask(&plant).await;
        assert!(answer.errors().is_empty(), "{:#?}", answer.errors());
        let calls = plant.calls(System::Maximo);
        assert_eq!(calls.len(), 2, "{calls:#?}");
        let waited = calls[1].at - calls[0].at;
        // A date has no fractions of a second: up to one of them is lost.
        let least = if http_date { 1_000 } else { 2_000 };
        assert!(
            waited.num_milliseconds() >= least,
            "the second call came after {waited}"
        );
        assert!(took < Duration::from_secs(6), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_beyond_the_time_of_the_query_is_told_and_heeded() {
    let plant = quick().start().await;
    warm(&plant).await;
    for system in System::CODED {
        plant.sandbox(system).set_fault(Some(
            Fault::new(Kind::RateLimit {
                retry_after_s: Some(60),
                http_date: false,
            })
            .times(1),
        ));
        let (answer, took) = ask(&plant).await;
        let error = assert_failed(&plant, &answer, system, &["RATE_LIMITED"], "first");
        assert!(
            (55..=60).contains(&error["extensions"]["retryAfterSeconds"].as_u64().unwrap()),
            "{error}"
        );
        assert_eq!(error["extensions"]["retryable"], true);
        assert!(took < TIME, "{system}: {took:?}");
        plant.clear_calls();
        let (answer, took) = ask(&plant).await;
        let error = assert_failed(&plant, &answer, system, &["RATE_LIMITED"], "second");
        assert!(
            (55..=60).contains(&error["extensions"]["retryAfterSeconds"].as_u64().unwrap_or_default()),
            "{system}: {error}"
        );
        assert!(
            plant.sandbox(system).calls().is_empty(),
            "{system}: nothing is sent before the time has passed"
        );
        assert!(took < TIME, "{system}: {took:?}");
        let healthy = System::CODED.iter().position(|known| *known == system).unwrap() + 1;
        assert_unaffected(&plant, &answer, &System::CODED[..healthy], "rate limit");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_keeps_failing_is_left_alone_and_taken_back_when_it_recovers() {
    let setup = quick()
        .set("UPSTREAM__BREAKER__FIRST_OPEN_MS", 400)
        .set("UPSTREAM__BREAKER__LONGEST_OPEN_MS", 400);
    let plant = setup.start().await;
    warm(&plant).await;
    let system = System::Dynamics365Fo;
    plant
        .sandbox(system)
        .set_fault(Some(Fault::new(Kind::Status { code: 503 })));
    let mut codes = Vec::new();
    for _ in 0..12 {
        let (answer, _) = ask(&plant).await;
        assert_unaffected(&plant, &answer, &[system], "failing");
        let error = assert_failed(&plant, &answer, system, &["UNAVAILABLE", "CIRCUIT_OPEN"], "failing");
        codes.push(error["extensions"]["code"].as_str().unwrap().to_owned());
        if codes.last().unwrap() == "CIRCUIT_OPEN" {
            break;
        }
    }
    assert_eq!(codes.last().unwrap(), "CIRCUIT_OPEN", "{codes:?}");
    assert!(
        plant.calls(system).len() <= 15,
        "{} calls before it opened",
        plant.calls(system).len()
    );
    let opened = Instant::now();
    plant.clear_calls();
    let (answer, _) = ask(&plant).await;
    if opened.elapsed() < Duration::from_millis(250) {
        assert_failed(&plant, &answer, system, &["CIRCUIT_OPEN"], "open");
        assert!(
            plant.sandbox(system).calls().is_empty(),
            "an open breaker sends nothing"
        );
    }
    plant.sandbox(system).set_fault(None);
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let (answer, _) = ask(&plant).await;
        if answer.errors().is_empty() {
            assert_unaffected(&plant, &answer, &[], "recovered");
            return;
        }
        assert!(Instant::now() < patience, "it does not recover: {:#?}", answer.errors());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_fails_is_an_error_of_its_system_alone() {
    for kind in [Kind::Status { code: 503 }, Kind::Refuse, Kind::Malformed, Kind::Html] {
        let plant = quick().start().await;
        for system in [System::Tryton, System::Odoo, System::Dynamics365Fo] {
            plant.sandbox(system).set_fault(Some(Fault::new(kind.clone())));
        }
        let (answer, took) = ask(&plant).await;
        let bad = [System::Tryton, System::Odoo, System::Dynamics365Fo];
        let context = format!("sign-in {kind:?}");
        assert_unaffected(&plant, &answer, &bad, &context);
        for system in bad {
            assert_failed(
                &plant,
                &answer,
                system,
                &["UNAVAILABLE", "UNREACHABLE", "MALFORMED_RESPONSE"],
                &context,
            );
            plant.sandbox(system).set_fault(None);
        }
        assert!(took < TIME + GRACE, "{context}: {took:?}");
        let (answer, _) = ask(&plant).await;
        assert!(answer.errors().is_empty(), "{context}: {:#?}", answer.errors());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_is_gone_is_an_error_of_its_own() {
    let mut plant = quick().start().await;
    warm(&plant).await;
    plant.stop(System::Tryton).await;
    let (answer, took) = ask(&plant).await;
    assert_unaffected(&plant, &answer, &[System::Tryton], "gone");
    assert_failed(&plant, &answer, System::Tryton, &["UNREACHABLE"], "gone");
    assert!(took < TIME + GRACE, "{took:?}");
}
