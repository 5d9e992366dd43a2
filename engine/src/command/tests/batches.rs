//! Many writes in one request.

use std::{sync::atomic::Ordering, time::Duration};

use lineshaft_connect::write::UserErrorCode;

use crate::{
    command::{
        Batch, BatchCommand, BatchMode, Outcome, WriteCommand, WriteError,
        testing::{Answer, Desk},
    },
    connections::Status,
    database::{
        self,
        testing::{set_status, stores, stores_everywhere},
    },
};

async fn run(desk: &Desk, items: Vec<WriteCommand>, key: Option<&str>, mode: BatchMode) -> Result<Batch, WriteError> {
    let session = desk.world.session();
    let batch = BatchCommand {
        items: items.into_iter().enumerate().collect(),
        idempotency_key: key.map(str::to_owned),
        mode,
    };
    desk.world.engine.write_batch(&session, batch, &session.origin()).await
}

#[tokio::test]
async fn results_come_in_order_and_one_dead_connection_does_not_harm_the_others() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let (good, bad) = (desk.world.active("good").await, desk.world.active("bad").await);
        set_status(&stores, bad, Status::Paused).await;
        *desk.fake.slow.lock().unwrap() = Duration::from_millis(30);
        let items: Vec<WriteCommand> = (0..20)
            .map(|number| {
                let connection = if number % 5 == 3 { bad } else { good };
                desk.create(connection, &number.to_string(), None)
            })
            .collect();
        let batch = run(&desk, items.clone(), Some("b"), BatchMode::Sync).await.unwrap();
        assert_eq!(batch.results.len(), 20);
        for (place, result) in batch.results.iter().enumerate() {
            match result {
                Ok(result) => assert_eq!(result.outcome, Outcome::Succeeded),
                Err(error) => assert_eq!((place % 5, error.code()), (3, "CONNECTION_PAUSED")),
            }
        }
        assert_eq!(desk.fake.applied(), 16);
        assert_eq!(desk.fake.most_under_way.load(Ordering::SeqCst), 4);
        assert!(desk.rows().await.iter().all(|row| row.batch_id == Some(batch.id)));

        set_status(&stores, bad, Status::Active).await;
        let again = run(&desk, items, Some("b"), BatchMode::Sync).await.unwrap();
        let replayed = again.results.iter().map(|result| result.as_ref().unwrap().replayed);
        assert_eq!(replayed.filter(|replayed| *replayed).count(), 16);
        assert_eq!(desk.fake.applied(), 20);
        let shown = again.results[0].as_ref().unwrap().operation.as_ref().unwrap();
        assert_eq!(shown.idempotency_key.as_deref(), Some("b"));
    }
}

#[tokio::test]
async fn writes_of_one_record_run_in_order_and_stop_at_the_first_that_fails() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    let items = || {
        vec![
            desk.update(id, "V1", "a"),
            desk.create(id, "b", None),
            desk.update(id, "V1", "c"),
        ]
    };
    let batch = run(&desk, items(), None, BatchMode::Sync).await.unwrap();
    assert!(batch.results.iter().all(Result::is_ok));
    let rows = desk.rows().await;
    let updates: Vec<_> = rows.iter().filter(|row| row.operation == "update").collect();
    assert!(updates[0].finished_at <= updates[1].sent_at);

    desk.fake.be(Answer::Refuses(UserErrorCode::Locked));
    let batch = run(&desk, items(), None, BatchMode::Sync).await.unwrap();
    let codes: Vec<UserErrorCode> = batch
        .results
        .iter()
        .map(|result| result.as_ref().unwrap().user_errors[0].code)
        .collect();
    assert_eq!(
        codes,
        [UserErrorCode::Locked, UserErrorCode::Locked, UserErrorCode::NotSent]
    );

    let batch = run(&desk, items(), None, BatchMode::Async).await.unwrap();
    assert!(
        batch
            .results
            .iter()
            .all(|result| result.as_ref().unwrap().outcome == Outcome::Queued)
    );
    while desk.world.engine.begin_queued_writes(database::now()).await.unwrap() > 0 {
        desk.world.engine.writer.finish().await;
    }
    let rows = desk.rows().await;
    assert_eq!(rows.last().unwrap().error_code.as_deref(), Some("SKIPPED"));
    assert_eq!(desk.events(id).await.len(), 3);
}

#[tokio::test]
async fn batches_are_bounded_and_can_be_tried() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    let many = vec![desk.create(id, "One", None); 101];
    let error = run(&desk, many, None, BatchMode::Sync).await.unwrap_err();
    assert_eq!(error.code(), "BATCH_TOO_LARGE");
    let tried = run(&desk, vec![desk.create(id, "One", None); 3], None, BatchMode::DryRun)
        .await
        .unwrap();
    assert!(
        tried
            .results
            .iter()
            .all(|result| result.as_ref().unwrap().outcome == Outcome::DryRun)
    );
    assert!(desk.rows().await.is_empty());
    let own = vec![
        desk.create(id, "One", Some("same")),
        desk.create(id, "Two", Some("same")),
    ];
    let mixed = run(&desk, own, Some("b"), BatchMode::Async).await.unwrap();
    assert_eq!(mixed.results[1].as_ref().unwrap_err().code(), "IDEMPOTENCY_KEY_REUSED");
}
