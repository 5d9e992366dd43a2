//! Writes of one record are never under way at once, whoever asks for them and on whichever server.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use lineshaft_connect::write::UserErrorCode;
use lineshaft_entities::write_operation::State;

use crate::{
    command::{
        Mode, Outcome,
        testing::{Desk, Step, code},
    },
    database::{
        self,
        testing::{stores, stores_everywhere},
    },
};

#[tokio::test]
async fn of_one_record_one_is_under_way_on_all_servers() {
    for stores in stores_everywhere().await {
        let here = Desk::over(&stores);
        let there = Desk::with(&stores, here.fake.clone());
        let id = here.world.active("erp").await;
        *here.fake.slow.lock().unwrap() = Duration::from_millis(30);
        let writes = (0..8).map(|number| {
            let desk = if number % 2 == 0 { &here } else { &there };
            desk.write(desk.update(id, "V1", &number.to_string()))
        });
        let results = join_all(writes).await;
        assert!(
            results
                .into_iter()
                .all(|result| result.unwrap().outcome == Outcome::Succeeded)
        );
        assert_eq!(here.fake.applied(), 8);
        assert_eq!(here.fake.most_under_way.load(Ordering::SeqCst), 1);

        let others = ["V1", "V2"].map(|record| here.write(here.update(id, record, "x")));
        join_all(others).await;
        assert_eq!(here.fake.most_under_way.load(Ordering::SeqCst), 2, "others do not wait");
    }
}

#[tokio::test]
async fn who_waits_until_the_time_is_over_is_told_that_the_record_is_locked() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        desk.fake.hold(Step::Claimed);
        let mut keyed = desk.update(id, "V1", "a");
        keyed.idempotency_key = Some("a".to_owned());
        let begun = desk.begin(keyed.clone()).await;
        assert_eq!(
            code(desk.write(keyed).await),
            "REQUEST_IN_PROGRESS",
            "the same is no other"
        );
        let mut second = desk.update(id, "V1", "b");
        second.idempotency_key = Some("b".to_owned());
        let locked = desk
            .write_within(Duration::from_millis(500), second.clone())
            .await
            .unwrap();
        assert_eq!(locked.outcome, Outcome::Failed);
        assert_eq!(locked.user_errors[0].code, UserErrorCode::Locked);
        let row = desk.row(locked.operation.unwrap().id).await;
        assert_eq!((row.error_code.as_deref(), row.idempotency_key), (Some("LOCKED"), None));
        assert_eq!((row.sent_at, row.ciphertext, desk.fake.applied()), (None, None, 0));

        // What is queued behind it waits as well.
        let mut queued = desk.update(id, "V1", "c");
        queued.mode = Mode::Async;
        desk.write(queued).await.unwrap();
        assert_eq!(desk.world.engine.begin_queued_writes(database::now()).await.unwrap(), 0);
        let waiting = desk.rows().await.pop().unwrap();
        let writer = &desk.world.engine.writer;
        assert!(writer.take_queued(waiting.id).await.unwrap().is_none());

        desk.world.engine.writer.die().await;
        begun.await.unwrap();
        desk.fake.hold(None);
        let late = database::now() + chrono::TimeDelta::minutes(5);
        assert_eq!(desk.world.engine.take_over_writes(late).await.unwrap(), 1);
        assert_eq!(desk.write(second).await.unwrap().outcome, Outcome::Succeeded);
    }
}

#[tokio::test]
async fn a_write_that_outlasts_its_request_may_be_asked_for_again_only_with_a_key() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    *desk.fake.slow.lock().unwrap() = Duration::from_millis(400);
    for key in [None, Some("k")] {
        let write = desk.write_within(Duration::from_millis(100), desk.create(id, "One", key));
        let error = write.await.unwrap_err();
        let crate::command::WriteError::InProgress { has_key, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(has_key, key.is_some());
        assert_eq!(error.to_string().contains("second write"), key.is_none(), "{error}");
    }
    desk.world.engine.writer.finish().await;
    assert!(desk.rows().await.iter().all(|row| row.state == State::Succeeded));
}
