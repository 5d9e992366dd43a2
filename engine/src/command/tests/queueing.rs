//! Queued writes: bounded per connection and in all, those of one record in order.

use std::{sync::atomic::Ordering, time::Duration};

use chrono::TimeDelta;
use lineshaft_entities::write_operation::{self, State};
use sea_orm::Set;

use crate::{
    command::{
        Mode, WriteCommand, WriteMode,
        testing::{Answer, Desk, Step},
    },
    connections::Status,
    database::{
        self,
        testing::{set_status, stores, stores_everywhere},
    },
    origin::Origin,
};

fn queued(command: WriteCommand) -> WriteCommand {
    WriteCommand {
        mode: Mode::Async,
        ..command
    }
}

/// Carries out what is queued until nothing more can be begun.
async fn drain(desk: &Desk) -> usize {
    let mut begun = 0;
    loop {
        let more = desk.world.engine.begin_queued_writes(database::now()).await.unwrap();
        desk.world.engine.writer.finish().await;
        if more == 0 {
            return begun;
        }
        begun += more;
    }
}

#[tokio::test]
async fn few_run_at_once_per_connection_and_all_run_in_the_end() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        let other = desk.world.active("other").await;
        *desk.fake.slow.lock().unwrap() = Duration::from_millis(20);
        for number in 0..10 {
            desk.write(queued(desk.create(id, &number.to_string(), None)))
                .await
                .unwrap();
        }
        desk.write(queued(desk.create(other, "One", None))).await.unwrap();
        assert_eq!(desk.world.engine.begin_queued_writes(database::now()).await.unwrap(), 5);
        desk.world.engine.writer.finish().await;
        assert!(desk.fake.most_under_way.load(Ordering::SeqCst) <= 5);
        assert_eq!(drain(&desk).await, 6);
        assert_eq!(desk.fake.applied(), 11);
        assert_eq!(desk.events(id).await.len(), 10);
        assert!(desk.rows().await.iter().all(|row| row.state == State::Succeeded));
    }
}

#[tokio::test]
async fn writes_of_one_record_wait_for_each_other() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        for name in ["a", "b", "c"] {
            desk.write(queued(desk.update(id, "V1", name))).await.unwrap();
        }
        desk.write(queued(desk.update(id, "V2", "d"))).await.unwrap();
        assert_eq!(desk.world.engine.begin_queued_writes(database::now()).await.unwrap(), 2);
        desk.world.engine.writer.finish().await;
        assert_eq!(desk.world.engine.begin_queued_writes(database::now()).await.unwrap(), 1);
        desk.world.engine.writer.finish().await;
        assert_eq!(drain(&desk).await, 1);
        let rows = desk.rows().await;
        assert!(
            rows.windows(2)
                .take(2)
                .all(|pair| pair[0].finished_at <= pair[1].sent_at)
        );
    }
}

#[tokio::test]
async fn a_connection_that_cannot_be_written_to_any_more_fails_what_is_queued() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.write(queued(desk.create(id, "One", Some("k")))).await.unwrap();
    set_status(&stores, id, Status::Paused).await;
    assert_eq!(drain(&desk).await, 1);
    let row = desk.rows().await.pop().unwrap();
    assert_eq!(
        (row.state, row.error_code.as_deref()),
        (State::Failed, Some("CONNECTION_PAUSED"))
    );
    set_status(&stores, id, Status::Active).await;
    desk.write(queued(desk.create(id, "One", Some("k")))).await.unwrap();
    let engine = &desk.world.engine;
    engine
        .set_write_mode(desk.world.acme, id, WriteMode::ReadOnly, &Origin::operator())
        .await
        .unwrap();
    assert_eq!(drain(&desk).await, 1);
    let row = desk.rows().await.pop().unwrap();
    assert_eq!(row.error_code.as_deref(), Some("CONNECTION_READ_ONLY"));
    assert_eq!(desk.fake.applied(), 0);
    let kinds: Vec<String> = desk.events(id).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["write.failed", "write.failed"]);
}

#[tokio::test]
async fn the_worker_carries_out_what_is_queued_and_ends_what_it_began() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.hold(Step::Noted);
    let engine = desk.world.engine.clone();
    let stop = async {
        desk.write(queued(desk.create(id, "One", None))).await.unwrap();
        desk.fake.held.notified().await;
        desk.fake.let_go();
    };
    Box::pin(engine.run(stop)).await;
    assert_eq!(desk.rows().await[0].state, State::Succeeded);
}

#[tokio::test]
async fn a_deleted_connection_leaves_no_input_behind() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.be(Answer::Lost);
    desk.write(desk.create(id, "One", None)).await.unwrap();
    desk.write(queued(desk.create(id, "Two", None))).await.unwrap();
    assert!(desk.rows().await.iter().all(|row| row.ciphertext.is_some()));
    let engine = &desk.world.engine;
    engine.delete(desk.world.acme, id, &Origin::operator()).await.unwrap();
    let rows = desk.rows().await;
    assert!(
        rows.iter()
            .all(|row| row.ciphertext.is_none() && row.requests == serde_json::json!([]))
    );
    assert_eq!(drain(&desk).await, 1);
    assert_eq!(desk.rows().await[1].error_code.as_deref(), Some("CONNECTION_NOT_FOUND"));
    let late = database::now() + TimeDelta::minutes(1);
    assert_eq!(engine.settle_due_writes(late).await.unwrap(), 0);
}

#[tokio::test]
async fn a_write_of_what_the_mappings_no_longer_have_is_told_as_such() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.write(queued(desk.create(id, "One", None))).await.unwrap();
    let gone = write_operation::ActiveModel {
        entity: Set("Calibration".to_owned()),
        ..Default::default()
    };
    write_operation::Entity::update_for_organization(desk.world.acme)
        .set(gone)
        .exec(&stores.database)
        .await
        .unwrap();
    assert_eq!(drain(&desk).await, 1);
    let row = desk.rows().await.pop().unwrap();
    assert_eq!(
        (row.state, row.error_code.as_deref()),
        (State::Failed, Some("NOT_SUPPORTED"))
    );
    assert!(row.error_message.unwrap().ends_with("nothing was sent"));
    assert_eq!(desk.fake.applied(), 0);
}
