//! What waits, what is logged and what is told has bounds.

use std::time::Duration;

use lineshaft_connect::write::{Journal as _, ShownRequest, UserError, UserErrorCode};
use sea_orm::{ConnectionTrait as _, DbBackend, QueryTrait as _};

use crate::{
    Session,
    command::{
        BatchCommand, BatchMode, Filter, Mode, Outcome, Place, Settings, limited,
        run::notes_for_tests,
        testing::{Answer, Desk, Fake, Step, code},
        worker::turns,
    },
    database::{
        self,
        testing::{stores, stores_everywhere},
    },
    origin::Origin,
};

fn shown(step: &str, body: usize) -> ShownRequest {
    ShownRequest {
        step: step.to_owned(),
        method: "POST".to_owned(),
        url: "https://erp.example/Lines".to_owned(),
        headers: Vec::new(),
        body: Some("x".repeat(body).into()),
    }
}

#[tokio::test]
async fn the_log_keeps_so_many_requests_and_lists_leave_them_out() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        for (size, kept) in [(10, 50), (50_000, 5)] {
            desk.fake.hold(Step::Claimed);
            let begun = desk.begin(desk.create(id, "One", None)).await;
            let row = desk.rows().await.pop().unwrap();
            let engine = &desk.world.engine;
            let notes = notes_for_tests(&engine.writer, &row);
            for number in 0..60 {
                notes.sending(&shown(&number.to_string(), size)).await.unwrap();
            }
            let row = desk.row(row.id).await;
            assert_eq!(row.requests.as_array().unwrap().len(), kept);
            assert_eq!(row.step.as_deref(), Some("59"), "where it stands is told all the same");
            assert!(row.sent_at < row.last_sent_at);
            begun.abort();
        }
        let mut filter = Filter::default();
        let page = desk
            .world
            .engine
            .writes(desk.world.acme, &filter, Place::Before(None), 10);
        assert_eq!(page.await.unwrap().writes[1].requests.len(), 50);
        filter.without_requests = true;
        let page = desk
            .world
            .engine
            .writes(desk.world.acme, &filter, Place::Before(None), 10);
        assert!(page.await.unwrap().writes.iter().all(|write| write.requests.is_empty()));
    }
}

#[test]
fn errors_are_counted_and_cut() {
    let error = UserError {
        path: vec!["name".to_owned()],
        code: UserErrorCode::InvalidValue,
        message: "é".repeat(2_000),
        remote_code: None,
        remote_message: Some("x".repeat(2_000)),
    };
    let told = limited(vec![error; 130]);
    assert_eq!((told.len(), told[100].message.as_str()), (101, "and 30 more"));
    assert_eq!(told[0].message.chars().count(), 501);
    assert_eq!(told[0].remote_message.as_ref().unwrap().chars().count(), 501);
}

#[tokio::test]
async fn only_so_many_wait_and_only_so_many_are_queued() {
    let stores = stores().await;
    let settings = Settings {
        sync_per_connection: 1,
        queued_per_connection: 2,
        ..Settings::default()
    };
    let desk = Desk::with_settings(&stores, Fake::new(), settings);
    let (id, other) = (desk.world.active("erp").await, desk.world.active("other").await);
    desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
    desk.fake.hold(Step::Claimed);
    let begun = desk.begin(desk.create(id, "Two", None)).await;
    desk.fake.hold(None);
    assert_eq!(code(desk.write(desk.create(id, "Three", None)).await), "RATE_LIMITED");
    assert_eq!(
        desk.write(desk.create(other, "Three", None)).await.unwrap().outcome,
        Outcome::Succeeded
    );
    let known = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
    assert!(known.replayed, "what was done is told all the same");
    let queued = || {
        let mut command = desk.create(id, "Four", None);
        command.mode = Mode::Async;
        desk.write(command)
    };
    assert_eq!(queued().await.unwrap().outcome, Outcome::Queued);
    assert_eq!(code(queued().await), "RATE_LIMITED");
    desk.world.engine.writer.die().await;
    begun.await.unwrap();
    assert_eq!(
        desk.write(desk.create(id, "Three", None)).await.unwrap().outcome,
        Outcome::Succeeded
    );
}

#[tokio::test]
async fn nothing_is_begun_once_the_time_of_a_batch_is_over() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    *desk.fake.slow.lock().unwrap() = Duration::from_millis(200);
    let items = (0..40).map(|at| (at, desk.create(id, &at.to_string(), None))).collect();
    let session = Session::start(
        desk.world.session().caller,
        desk.world.engine.models.plain().clone(),
        "test".into(),
        Duration::from_millis(300),
    );
    let batch = BatchCommand {
        items,
        idempotency_key: None,
        mode: BatchMode::Sync,
    };
    let batch = desk
        .world
        .engine
        .write_batch(&session, batch, &Origin::server())
        .await
        .unwrap();
    desk.world.engine.writer.finish().await;
    let late = batch.results.iter().filter(|result| {
        let code = result.as_ref().err().map(crate::command::WriteError::code);
        code == Some("DEADLINE_EXCEEDED")
    });
    let (late, begun) = (late.count(), desk.rows().await.len());
    assert_eq!(late + begun, 40);
    assert!(begun <= 8, "{begun}");
}

#[tokio::test]
async fn keys_of_a_batch_stand_for_places_and_a_refusal_stops_the_record() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    let run = async |items| {
        let session = desk.world.session();
        let batch = BatchCommand {
            items,
            idempotency_key: Some("b".to_owned()),
            mode: BatchMode::Async,
        };
        desk.world
            .engine
            .write_batch(&session, batch, &session.origin())
            .await
            .unwrap()
            .results
    };
    // The first time, what stands at 0 is no write yet.
    run(vec![(1, desk.create(id, "Two", None))]).await;
    let again = run(vec![
        (0, desk.create(id, "One", None)),
        (1, desk.create(id, "Two", None)),
    ])
    .await;
    let replayed: Vec<bool> = again.iter().map(|result| result.as_ref().unwrap().replayed).collect();
    assert_eq!(replayed, [false, true]);
    let used = run(vec![
        (0, desk.update(id, "V1", "a")),
        (2, desk.update(id, "V1", "b")),
        (3, desk.update(id, "V2", "c")),
    ]);
    let used = used.await;
    assert_eq!(used[0].as_ref().unwrap_err().code(), "IDEMPOTENCY_KEY_REUSED");
    let outcomes: Vec<Outcome> = used[1..]
        .iter()
        .map(|result| result.as_ref().unwrap().outcome)
        .collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Queued]);
}

#[tokio::test]
async fn what_was_carried_out_in_part_is_told_so_and_settles_no_doubt() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        desk.fake.be(Answer::Partly);
        let mut command = desk.update(id, "V1", "a");
        command.mode = Mode::Async;
        command.idempotency_key = Some("k".to_owned());
        desk.write(command.clone()).await.unwrap();
        desk.world.engine.begin_queued_writes(database::now()).await.unwrap();
        desk.world.engine.writer.finish().await;
        let known = desk.write(command).await.unwrap();
        assert_eq!((known.outcome, known.replayed), (Outcome::Succeeded, true));
        let codes: Vec<_> = known.user_errors.iter().map(|error| error.code).collect();
        assert_eq!(codes, [UserErrorCode::Partly, UserErrorCode::Quantity]);
        let (kind, data) = desk.events(id).await.pop().unwrap();
        assert_eq!((kind.as_str(), &data["partly"]), ("write.succeeded", &true.into()));

        desk.fake.hold(Step::Noted);
        let late = database::now() + chrono::TimeDelta::minutes(5);
        let other = Desk::with(&stores, desk.fake.clone());
        let (result, ()) = tokio::join!(desk.write(desk.update(id, "V1", "b")), async {
            desk.fake.held.notified().await;
            assert_eq!(other.world.engine.take_over_writes(late).await.unwrap(), 1);
            desk.fake.let_go();
        });
        assert_eq!(result.unwrap().outcome, Outcome::InDoubt);
    }
}

#[tokio::test]
async fn of_an_erased_connection_nothing_is_kept_that_comes_later() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.be(Answer::Refuses(UserErrorCode::Quantity));
    desk.write(desk.create(id, "One", None)).await.unwrap();
    desk.fake.be(Answer::Lost);
    desk.fake.hold(Step::Noted);
    let engine = &desk.world.engine;
    let erase = async {
        desk.fake.held.notified().await;
        engine.delete(desk.world.acme, id, &Origin::operator()).await.unwrap();
        let row = desk.rows().await.pop().unwrap();
        let notes = notes_for_tests(&engine.writer, &row);
        assert!(notes.sending(&shown("", 10)).await.is_err(), "nothing more is sent");
        desk.fake.let_go();
    };
    let (result, ()) = tokio::join!(desk.write(desk.create(id, "Two", None)), erase);
    assert_eq!(result.unwrap().outcome, Outcome::InDoubt);
    for row in desk.rows().await {
        let empty = serde_json::json!([]);
        assert_eq!(
            (&row.requests, &row.user_errors, row.error_message),
            (&empty, &empty, None)
        );
    }
}

#[tokio::test]
async fn looking_for_whose_turn_it_is_does_not_walk_the_log() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    desk.world.active("erp").await;
    let mut statement = turns(desk.world.acme, database::now(), &[]).build(DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let plan = desk.world.engine.database.query_all_raw(statement).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    let uses = |index: &str| plan.iter().any(|line| line.contains(index));
    assert!(
        uses("write_operation_under_way (connection_id=? AND lane=? AND id<?)"),
        "{plan:#?}"
    );
}
