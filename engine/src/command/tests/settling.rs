//! Unknown outcomes are looked up later and later, or told by the caller.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use lineshaft_entities::write_operation::State;
use lineshaft_schema::RemoteKey;

use crate::{
    audit,
    command::{
        Outcome, Verdict,
        testing::{Answer, Desk},
    },
    connections::Status,
    database::{
        self,
        testing::{set_status, stores, stores_everywhere},
    },
};

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_nothing_is_sent_again() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        desk.fake.be(Answer::Lost);
        let write = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
        assert_eq!(write.outcome, Outcome::InDoubt);
        let engine = &desk.world.engine;
        let now = database::now();
        assert_eq!(engine.settle_due_writes(now).await.unwrap(), 0);
        assert_eq!(
            desk.fake.look_ups.load(Ordering::SeqCst),
            0,
            "not before the system had its time"
        );
        assert_eq!(engine.settle_due_writes(now + TimeDelta::seconds(16)).await.unwrap(), 1);
        let known = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
        assert_eq!((known.outcome, known.replayed), (Outcome::Succeeded, true));
        assert_eq!(known.operation.unwrap().settled_by.as_deref(), Some("look_up"));
        assert_eq!(desk.fake.applied(), 1);

        desk.fake.be(Answer::Swallowed);
        desk.write(desk.create(id, "Two", Some("l"))).await.unwrap();
        // The system may carry it out still, and what finds records may lag behind.
        for seconds in [20, 60, 120, 300, 590] {
            let early = now + TimeDelta::seconds(seconds);
            assert_eq!(engine.settle_due_writes(early).await.unwrap(), 0, "{seconds}");
        }
        assert_eq!(
            engine.settle_due_writes(now + TimeDelta::seconds(605)).await.unwrap(),
            1
        );
        desk.fake.be(Answer::Well);
        let again = desk.write(desk.create(id, "Two", Some("l"))).await.unwrap();
        assert_eq!((again.outcome, again.replayed), (Outcome::Succeeded, false));
        let told: Vec<String> = desk.events(id).await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(
            told,
            ["write.in_doubt", "write.succeeded", "write.in_doubt", "write.failed"]
        );
    }
}

#[tokio::test]
async fn what_cannot_be_told_is_asked_less_and_less_and_then_waits_for_the_caller() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.be(Answer::Lost);
    *desk.fake.tells.lock().unwrap() = false;
    let write = desk.write(desk.create(id, "One", None)).await.unwrap();
    let write = write.operation.unwrap().id;
    let engine = &desk.world.engine;
    let start = database::now();
    let mut now = start;
    let mut waits = Vec::new();
    while let Some(due) = desk.row(write).await.due_at {
        waits.push((due - now).num_seconds());
        now = due;
        assert_eq!(engine.settle_due_writes(now).await.unwrap(), 0);
    }
    assert!(now - start <= TimeDelta::hours(24));
    assert!(now - start >= TimeDelta::hours(22), "{}", now - start);
    assert!((14..=15).contains(&waits[0]), "{waits:?}");
    assert!(waits.windows(2).skip(1).all(|pair| pair[0] <= pair[1]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 3600), "{waits:?}");
    let row = desk.row(write).await;
    assert_eq!(row.state, State::InDoubt);
    assert_eq!(row.ciphertext, None, "nobody looks it up any more");
    *desk.fake.tells.lock().unwrap() = true;
    assert_eq!(engine.settle_due_writes(now + TimeDelta::days(2)).await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_looked_up_while_the_connection_is_paused() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.be(Answer::Lost);
    desk.write(desk.create(id, "One", None)).await.unwrap();
    set_status(&stores, id, Status::Paused).await;
    let late = database::now() + TimeDelta::minutes(1);
    let engine = &desk.world.engine;
    assert_eq!(engine.settle_due_writes(late).await.unwrap(), 0);
    assert_eq!(desk.fake.look_ups.load(Ordering::SeqCst), 0);
    set_status(&stores, id, Status::Active).await;
    assert_eq!(engine.settle_due_writes(late + TimeDelta::minutes(5)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_caller_settles_what_is_in_doubt_and_nothing_else() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        let other = desk.world.active("other").await;
        desk.fake.be(Answer::Lost);
        let write = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
        let write = write.operation.unwrap().id;
        let engine = &desk.world.engine;
        let session = desk.world.session();
        let origin = session.origin();
        let verdict = Verdict::Succeeded {
            key: Some(RemoteKey::single("V7")),
        };
        let foreign = engine
            .settle_write(desk.session_of(other).visible, write, verdict.clone(), &origin)
            .await;
        assert_eq!(foreign.unwrap_err().code(), "WRITE_NOT_FOUND");
        let settled = engine
            .settle_write(session.visible, write, verdict.clone(), &origin)
            .await
            .unwrap();
        assert_eq!(settled.outcome(), Outcome::Succeeded);
        assert_eq!(settled.key, Some(RemoteKey::single("V7")));
        assert_eq!(settled.settled_by.as_deref(), Some("caller"));
        let again = engine.settle_write(session.visible, write, verdict, &origin).await;
        assert_eq!(again.unwrap_err().code(), "WRITE_NOT_IN_DOUBT");
        let entries = audit::list(&engine.database, desk.world.acme, &audit::Filter::default(), None, 10).await;
        let entry = entries
            .unwrap()
            .into_iter()
            .find(|entry| entry.action == "write.settle");
        assert_eq!(entry.unwrap().detail["outcome"], "SUCCEEDED");

        let write = desk.write(desk.create(id, "Two", Some("l"))).await.unwrap();
        let write = write.operation.unwrap().id;
        let settled = engine
            .settle_write(session.visible, write, Verdict::Failed, &origin)
            .await;
        assert_eq!(settled.unwrap().outcome(), Outcome::Failed);
        desk.fake.be(Answer::Well);
        let again = desk.write(desk.create(id, "Two", Some("l"))).await.unwrap();
        assert!(!again.replayed, "its key is free");
    }
}

#[tokio::test]
async fn one_look_that_finds_nothing_late_tells_nothing() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.be(Answer::Swallowed);
    desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
    let engine = &desk.world.engine;
    let late = database::now() + TimeDelta::minutes(30);
    assert_eq!(engine.settle_due_writes(late).await.unwrap(), 0);
    assert_eq!(
        engine.settle_due_writes(late + TimeDelta::seconds(14)).await.unwrap(),
        0
    );
    assert_eq!(
        engine.settle_due_writes(late + TimeDelta::seconds(16)).await.unwrap(),
        1
    );
    assert_eq!(desk.rows().await[0].state, State::Failed);

    // What an update left behind the record itself tells.
    desk.write(desk.update(id, "V1", "Two")).await.unwrap();
    let soon = database::now() + TimeDelta::seconds(16);
    assert_eq!(engine.settle_due_writes(soon).await.unwrap(), 1);
}
