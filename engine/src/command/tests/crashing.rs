//! A server dies at each step of a write: afterwards nothing is there twice, and no key is stuck.

use chrono::TimeDelta;
use lineshaft_entities::write_operation::State;

use crate::{
    command::{
        Mode, Outcome,
        testing::{Desk, Step, code},
    },
    database::{self, testing::stores_everywhere},
};

async fn die_at(step: Step, expected: State) {
    for stores in stores_everywhere().await {
        let first = Desk::over(&stores);
        let id = first.world.active("erp").await;
        first.fake.hold(step);
        let begun = first.begin(first.create(id, "One", Some("k"))).await;
        first.world.engine.writer.die().await;
        begun.await.unwrap();
        first.fake.hold(None);

        let second = Desk::with(&stores, first.fake.clone());
        assert_eq!(
            code(second.write(second.create(id, "One", Some("k"))).await),
            "REQUEST_IN_PROGRESS"
        );
        let engine = &second.world.engine;
        let now = database::now();
        assert_eq!(engine.take_over_writes(now).await.unwrap(), 0, "it may still live");
        let late = now + TimeDelta::minutes(5);
        assert_eq!(engine.take_over_writes(late).await.unwrap(), 1);
        assert_eq!(engine.take_over_writes(late).await.unwrap(), 0);
        let row = second.rows().await.pop().unwrap();
        assert_eq!(row.state, expected, "{step:?}");

        if expected == State::InDoubt {
            let replayed = second.write(second.create(id, "One", Some("k"))).await.unwrap();
            assert_eq!((replayed.outcome, replayed.replayed), (Outcome::InDoubt, true));
            let found = second.fake.applied();
            assert_eq!(engine.settle_due_writes(late).await.unwrap(), found);
            // That nothing is found tells something only after two looks and a while.
            let later = late + TimeDelta::minutes(6);
            assert_eq!(engine.settle_due_writes(later).await.unwrap(), 1 - found);
        }
        let applied = second.fake.applied();
        let again = second.write(second.create(id, "One", Some("k"))).await.unwrap();
        assert_eq!(again.outcome, Outcome::Succeeded, "{step:?}");
        assert_eq!(again.replayed, applied == 1);
        assert_eq!(second.fake.applied(), 1, "{step:?}");

        let told: Vec<String> = second.events(id).await.into_iter().map(|(kind, _)| kind).collect();
        let expected: &[&str] = match (expected, applied) {
            (State::InDoubt, 1) => &["write.in_doubt", "write.succeeded"],
            (State::InDoubt, _) => &["write.in_doubt", "write.failed"],
            _ => &[],
        };
        assert_eq!(told, expected, "{step:?}");
    }
}

#[tokio::test]
async fn after_the_claim() {
    die_at(Step::Claimed, State::Failed).await;
}

#[tokio::test]
async fn after_the_request_was_noted() {
    die_at(Step::Noted, State::InDoubt).await;
}

#[tokio::test]
async fn after_the_system_carried_it_out() {
    die_at(Step::Applied, State::InDoubt).await;
}

#[tokio::test]
async fn before_the_outcome_was_written_down() {
    die_at(Step::Made, State::InDoubt).await;
}

#[tokio::test]
async fn a_queued_write_begins_anew_when_nothing_was_sent() {
    for stores in stores_everywhere().await {
        let first = Desk::over(&stores);
        let id = first.world.active("erp").await;
        let mut command = first.create(id, "One", Some("k"));
        command.mode = Mode::Async;
        assert_eq!(first.write(command.clone()).await.unwrap().outcome, Outcome::Queued);
        first.fake.hold(Step::Claimed);
        let now = database::now();
        assert_eq!(first.world.engine.begin_queued_writes(now).await.unwrap(), 1);
        first.fake.held.notified().await;
        first.world.engine.writer.die().await;
        first.fake.hold(None);

        let second = Desk::with(&stores, first.fake.clone());
        let engine = &second.world.engine;
        let late = now + TimeDelta::minutes(5);
        assert_eq!(engine.take_over_writes(late).await.unwrap(), 1);
        assert_eq!(second.rows().await[0].state, State::Queued);
        assert_eq!(engine.begin_queued_writes(late).await.unwrap(), 1);
        engine.writer.finish().await;
        assert_eq!(second.write(command).await.unwrap().outcome, Outcome::Succeeded);
        assert_eq!(second.fake.applied(), 1);
        let (kind, data) = second.events(id).await.pop().unwrap();
        assert_eq!(kind, "write.succeeded");
        assert_eq!(data["idempotencyKey"], "k");
        assert_eq!(data["outcome"], "SUCCEEDED");
        assert!(data["recordId"].is_string());
    }
}

#[tokio::test]
async fn a_write_that_dies_before_it_is_sent_again_and_again_is_given_up() {
    let stores = crate::database::testing::stores().await;
    let first = Desk::over(&stores);
    let id = first.world.active("erp").await;
    let mut command = first.create(id, "One", Some("k"));
    command.mode = Mode::Async;
    first.write(command).await.unwrap();
    let mut now = database::now();
    for _ in 0..4 {
        let desk = Desk::with(&stores, first.fake.clone());
        desk.fake.hold(Step::Claimed);
        assert_eq!(desk.world.engine.begin_queued_writes(now).await.unwrap(), 1);
        desk.fake.held.notified().await;
        desk.world.engine.writer.die().await;
        now += TimeDelta::minutes(5);
        first.world.engine.take_over_writes(now).await.unwrap();
    }
    let row = first.rows().await.pop().unwrap();
    assert_eq!(
        (row.state, row.error_code.as_deref()),
        (State::Failed, Some("INTERRUPTED"))
    );
    assert_eq!(row.idempotency_key, None);
    assert_eq!(first.events(id).await[0].0, "write.failed");
}

#[tokio::test]
async fn an_answer_that_comes_after_the_take_over_settles_the_doubt() {
    let stores = crate::database::testing::stores().await;
    let first = Desk::over(&stores);
    let id = first.world.active("erp").await;
    first.fake.hold(Step::Noted);
    let late = database::now() + TimeDelta::minutes(5);
    let second = Desk::with(&stores, first.fake.clone());
    let (result, ()) = tokio::join!(first.write(first.update(id, "V1", "One")), async {
        first.fake.held.notified().await;
        assert_eq!(second.world.engine.take_over_writes(late).await.unwrap(), 1);
        first.fake.let_go();
    });
    // The fake notes the key after the system has answered, which is refused by then: nobody can say more than that.
    assert_eq!(result.unwrap().outcome, Outcome::InDoubt);
    assert_eq!(second.world.engine.settle_due_writes(late).await.unwrap(), 1);
    assert_eq!(second.rows().await[0].state, State::Succeeded);
}
