//! Of many with one key one runs; a known input is answered with its outcome, another one is refused.

use std::time::Duration;

use futures_util::future::join_all;
use lineshaft_connect::write::{Act, UserErrorCode};
use lineshaft_entities::write_operation::State;
use lineshaft_schema::{RemoteKey, Value};
use rust_decimal::Decimal;

use crate::{
    command::{
        Mode, Outcome, WriteError,
        testing::{Answer, Desk, Step, code},
    },
    connections::Status,
    database::testing::{set_status, stores, stores_everywhere},
};

#[tokio::test]
async fn of_twenty_callers_with_one_key_one_runs() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        *desk.fake.slow.lock().unwrap() = Duration::from_millis(300);
        let writes = (0..20).map(|_| desk.write(desk.create(id, "One", Some("k1"))));
        let results = join_all(writes).await;
        let done: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(desk.fake.applied(), 1);
        assert_eq!(done.iter().filter(|result| !result.replayed).count(), 1);
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            assert_eq!(error.code(), "REQUEST_IN_PROGRESS");
        }
        let replayed = desk.write(desk.create(id, "One", Some("k1"))).await.unwrap();
        assert!(replayed.replayed);
        assert_eq!(replayed.outcome, Outcome::Succeeded);
        assert_eq!(replayed.warnings, ["a remark"]);
        assert_eq!(replayed.key, done[0].key);
        assert_eq!(desk.rows().await.len(), 1);
    }
}

#[tokio::test]
async fn a_key_whose_write_is_under_way_is_told_and_then_replayed() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.hold(Step::Noted);
    let (first, ()) = tokio::join!(desk.write(desk.create(id, "One", Some("k"))), async {
        desk.fake.held.notified().await;
        let error = desk.write(desk.create(id, "One", Some("k"))).await.unwrap_err();
        assert!(matches!(error, WriteError::InProgress { has_key: true, .. }), "{error}");
        desk.fake.let_go();
    });
    let second = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
    assert_eq!(second.outcome, Outcome::Succeeded);
    assert!(second.replayed);
    assert_eq!(second.key, first.unwrap().key);
}

#[tokio::test]
async fn a_key_with_another_input_is_refused_and_numbers_that_are_equal_are_no_other_input() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    let first = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
    assert_eq!(
        code(desk.write(desk.create(id, "Two", Some("k"))).await),
        "IDEMPOTENCY_KEY_REUSED"
    );
    let mut versioned = desk.create(id, "One", Some("k"));
    versioned.expected_version = Some("7".into());
    assert_eq!(code(desk.write(versioned).await), "IDEMPOTENCY_KEY_REUSED");
    let mut queued = desk.create(id, "One", Some("k"));
    queued.mode = Mode::Async;
    assert_eq!(desk.write(queued).await.unwrap().key, first.key);

    let priced = |text: &str| {
        let mut command = desk.create(id, "One", Some("k2"));
        let number = text.parse::<Decimal>().unwrap();
        command
            .input
            .values
            .insert(desk.field("status"), Value::Decimal(number));
        command.input.raw.insert("b".to_owned(), 1.into());
        command
    };
    desk.write(priced("1.5")).await.unwrap();
    let mut sorted = priced("1.50");
    sorted.input.values.reverse();
    assert!(desk.write(sorted).await.unwrap().replayed);
    assert_eq!(code(desk.write(priced("1.51")).await), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(desk.fake.applied(), 2);
}

#[tokio::test]
async fn keys_of_a_connection_are_its_own() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let (one, two) = (desk.world.active("one").await, desk.world.active("two").await);
    let by_one = desk.write_by(one, desk.create(one, "One", Some("k"))).await.unwrap();
    let by_two = desk.write_by(two, desk.create(two, "Two", Some("k"))).await.unwrap();
    let by_all = desk.write(desk.create(one, "Three", Some("k"))).await.unwrap();
    assert!(!by_one.replayed && !by_two.replayed && !by_all.replayed);
    assert_eq!(by_one.operation.unwrap().idempotency_key.as_deref(), Some("k"));
    assert_eq!(
        code(desk.write_by(two, desk.create(one, "One", None)).await),
        "CONNECTION_NOT_FOUND"
    );
    for key in ["", "é", "a\nb", &"x".repeat(256)] {
        assert_eq!(
            code(desk.write(desk.create(one, "One", Some(key))).await),
            "INVALID_IDEMPOTENCY_KEY"
        );
    }
    let longest = "x:".repeat(127);
    let write = desk.write(desk.create(one, "One", Some(&longest))).await.unwrap();
    assert_eq!(write.operation.unwrap().idempotency_key, Some(longest));
}

#[tokio::test]
async fn a_refusal_is_kept_and_a_failure_to_send_frees_the_key() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.be(Answer::Refuses(UserErrorCode::Duplicate));
    let refused = desk.write(desk.create(id, "One", Some("r"))).await.unwrap();
    assert_eq!(refused.outcome, Outcome::Failed);
    assert_eq!(refused.user_errors[0].code, UserErrorCode::Duplicate);
    desk.fake.be(Answer::Well);
    let again = desk.write(desk.create(id, "One", Some("r"))).await.unwrap();
    assert!(again.replayed && again.outcome == Outcome::Failed);
    assert_eq!(again.user_errors, refused.user_errors);

    desk.fake.be(Answer::Gone);
    let failed = desk.write(desk.create(id, "One", Some("g"))).await.unwrap();
    assert_eq!(failed.outcome, Outcome::Failed);
    assert_eq!(failed.user_errors[0].code, UserErrorCode::NotSent);
    let entry = failed.operation.unwrap();
    assert_eq!(entry.error_code.as_deref(), Some("UNREACHABLE"));
    assert_eq!(entry.idempotency_key, None);
    desk.fake.be(Answer::Well);
    let again = desk.write(desk.create(id, "One", Some("g"))).await.unwrap();
    assert!(!again.replayed && again.outcome == Outcome::Succeeded);
    assert!(
        desk.events(id).await.is_empty(),
        "callers who wait are told by the answer"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_leaves_no_row() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    let done = desk.write(desk.create(id, "Done", Some("done"))).await.unwrap();
    for (status, told) in [
        (Status::Paused, "CONNECTION_PAUSED"),
        (Status::ReauthRequired, "REAUTH_REQUIRED"),
        (Status::Disabled, "CONNECTION_DISABLED"),
        (Status::Disconnected, "CONNECTION_DISCONNECTED"),
    ] {
        set_status(&stores, id, status).await;
        assert_eq!(code(desk.write(desk.create(id, "One", Some("k"))).await), told);
        let known = desk.write(desk.create(id, "Done", Some("done"))).await.unwrap();
        assert_eq!((known.replayed, known.key), (true, done.key.clone()));
    }
    set_status(&stores, id, Status::Active).await;
    let mut delete = desk.update(id, "V1", "x");
    delete.act = Act::Delete;
    let error = desk.write(delete.clone()).await.unwrap_err();
    assert_eq!(error.code(), "OPERATION_NOT_SUPPORTED");
    assert!(error.to_string().contains("SYSTEM_DEFAULT"), "{error}");
    let mut unblock = delete.clone();
    unblock.act = Act::Action("unblock".to_owned());
    assert!(
        desk.write(unblock)
            .await
            .unwrap_err()
            .to_string()
            .ends_with("instead: ask its buyer")
    );
    assert_eq!(desk.rows().await.len(), 1);
    delete.act = Act::SoftDelete;
    assert_eq!(desk.write(delete).await.unwrap().outcome, Outcome::Succeeded);
    let row = desk.rows().await.pop().unwrap();
    assert_eq!(
        (row.operation.as_str(), row.record_key.as_deref()),
        ("delete", Some("V1"))
    );
}

#[tokio::test]
async fn a_write_runs_to_its_end_although_its_caller_leaves() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.hold(Step::Noted);
    {
        let write = desk.write(desk.create(id, "One", Some("k")));
        tokio::select! {
            _ = write => panic!("it is held"),
            () = desk.fake.held.notified() => {}
        }
    }
    desk.fake.let_go();
    desk.world.engine.writer.finish().await;
    let row = desk.rows().await.pop().unwrap();
    assert_eq!(row.state, State::Succeeded);
    assert_eq!(
        (row.ciphertext, row.owner),
        (None, None),
        "what is no longer needed is wiped"
    );
    assert!(row.sent_at.is_some() && row.finished_at.is_some());
    assert_eq!(row.requests[0]["method"], "POST");
}

#[tokio::test]
async fn a_write_that_is_taken_over_sends_nothing_more() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.hold(Step::Claimed);
    let begun = desk.begin(desk.create(id, "One", Some("k"))).await;
    let late = crate::database::now() + chrono::TimeDelta::minutes(5);
    let other = Desk::with(&stores, desk.fake.clone());
    assert_eq!(other.world.engine.take_over_writes(late).await.unwrap(), 1);
    let row = desk.rows().await.pop().unwrap();
    assert_eq!((row.state, row.idempotency_key.as_ref()), (State::Failed, None));
    // Whoever was taken over wakes up and finds that it may not send.
    use lineshaft_connect::write::{Journal as _, ShownRequest};
    let notes = crate::command::run::notes_for_tests(&desk.world.engine.writer, &row);
    let request = ShownRequest {
        step: String::new(),
        method: "POST".to_owned(),
        url: String::new(),
        headers: Vec::new(),
        body: None,
    };
    assert!(notes.sending(&request).await.is_err());
    assert!(notes.made(&RemoteKey::single("1")).await.is_err());
    begun.abort();
    assert_eq!(desk.fake.applied(), 0);
}
