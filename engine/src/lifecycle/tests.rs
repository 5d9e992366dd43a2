//! What the life of a connection promises, on every kind of database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod acts;
mod background;

use std::time::Duration;

use futures_util::future::join_all;
use lineshaft_schema::ConnectionId;

use super::{
    EntityStatus, StepState,
    entities::parse,
    testing::{Mood, World},
};
use crate::{
    connections::Status,
    credits,
    database::testing::{password, stores, stores_everywhere},
};

#[tokio::test]
async fn the_first_success_activates_and_reserves_credits() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.connection("ERP").await;
        assert!(world.codes("Vendor").await.is_empty());
        world.settle().await;
        let connection = world.get(id).await;
        assert_eq!((connection.status, connection.credits), (Status::Active, 4));
        assert!(connection.last_success_at.is_some() && connection.last_used_at.is_some());
        assert_eq!(world.told(id).await, ["activated"]);
        let balance = credits::balance(&stores.database, stores.acme).await.unwrap();
        assert_eq!(balance.used, 4);
        let health = parse(connection.entity_health.as_ref());
        assert_eq!(health["Vendor"].status, EntityStatus::Ok);
    }
}

#[tokio::test]
async fn reauthorization_is_announced_once_for_parallel_401s() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("ERP").await;
        world.system.be(Mood::Says(401));
        let answers = join_all((0..50).map(|_| world.codes("Vendor"))).await;
        for codes in answers {
            assert!(
                codes == ["INVALID_CREDENTIALS"] || codes == ["REAUTH_REQUIRED"],
                "{codes:?}"
            );
        }
        assert_eq!(
            world.status(id).await,
            (Status::ReauthRequired, Some("INVALID_CREDENTIALS".to_owned()))
        );
        assert_eq!(world.told(id).await, ["activated", "reauth_required"]);
        let events = world.events(id).await;
        let data = World::data(&events, "connection.reauth_required");
        assert_eq!(data["status"], "REAUTH_REQUIRED");
        assert_eq!(data["previousStatus"], "ACTIVE");
        assert_eq!(data["reason"], "INVALID_CREDENTIALS");

        let before = world.system.calls();
        assert_eq!(world.codes("Vendor").await, ["REAUTH_REQUIRED"]);
        assert_eq!(world.system.calls(), before, "nothing is sent any more");
        assert_eq!(world.get(id).await.credits, 4, "the credits stay reserved");
    }
}

#[tokio::test]
async fn a_refusal_is_not_lost_when_whoever_saw_it_leaves_or_the_database_fails() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    let rename = async |statement: &str| {
        sea_orm::ConnectionTrait::execute_unprepared(&stores.database, statement)
            .await
            .unwrap();
    };
    world.system.be(Mood::Says(401));
    rename("ALTER TABLE connection_event RENAME TO away").await;
    assert_eq!(world.codes("Vendor").await, ["INVALID_CREDENTIALS"]);
    rename("ALTER TABLE away RENAME TO connection_event").await;
    assert_eq!(
        world.get(id).await.status,
        Status::Active,
        "the state and its event go together"
    );
    world.settle().await;
    assert_eq!(world.get(id).await.status, Status::ReauthRequired);

    let other = world.active("MES").await;
    let connection = world.get(other).await;
    let watch = world.engine.lifecycle.desk.watch(&connection);
    world
        .engine
        .pool
        .plain(&connection)
        .unwrap()
        .probe(&world.session().context())
        .await
        .unwrap_err();
    drop(watch.take());
    world.settle().await;
    assert_eq!(world.get(other).await.status, Status::ReauthRequired);
}

#[tokio::test]
async fn busy_and_broken_systems_never_lead_to_reauthorization() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    for mood in [
        Mood::Says(429),
        Mood::Says(500),
        Mood::Says(503),
        Mood::Gone,
        Mood::Says(404),
    ] {
        world.system.be(mood);
        for _ in 0..6 {
            world.codes("Vendor").await;
            world.settle().await;
            assert_ne!(world.get(id).await.status, Status::ReauthRequired, "{mood:?}");
        }
    }
}

#[tokio::test]
async fn an_open_breaker_is_told_and_a_success_recovers() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("ERP").await;
        world.system.be(Mood::Gone);
        for _ in 0..5 {
            world.codes("Vendor").await;
        }
        world.settle().await;
        assert_eq!(
            world.status(id).await,
            (Status::Unreachable, Some("NETWORK".to_owned()))
        );
        let report = world.engine.status_of_connection(stores.acme, id).await.unwrap();
        assert!(report.circuit.open_until.is_some());
        assert_eq!(report.last_error.unwrap().code, "UNREACHABLE");
        world.system.be(Mood::Well);
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert!(world.codes("Vendor").await.is_empty());
        world.settle().await;
        assert_eq!(world.status(id).await, (Status::Active, None));
        assert_eq!(
            world.told(id).await,
            [
                "activated",
                "circuit_opened",
                "unreachable",
                "circuit_closed",
                "recovered"
            ]
        );
        let report = world.engine.status_of_connection(stores.acme, id).await.unwrap();
        assert_eq!(report.circuit.state.as_str(), "CLOSED");
    }
}

#[tokio::test]
async fn a_late_success_does_not_undo_a_refusal() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("ERP").await;
        // The system accepts the password once, so that requests need not go one at a time.
        assert!(world.codes("Asset").await.is_empty());
        world.system.be_slow(Duration::from_millis(200));
        let late = world.codes("Vendor");
        let refused = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            world.system.be_slow(Duration::ZERO);
            world.system.be(Mood::Says(401));
            world.codes("Asset").await
        };
        let (late, refused) = tokio::join!(late, refused);
        assert!(late.is_empty(), "{late:?}");
        assert_eq!(refused, ["INVALID_CREDENTIALS"]);
        world.settle().await;
        assert_eq!(world.get(id).await.status, Status::ReauthRequired);
        assert_eq!(world.told(id).await, ["activated", "reauth_required"]);
    }
}

#[tokio::test]
async fn a_late_refusal_of_replaced_credentials_does_not_undo_new_ones() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    assert!(world.codes("Asset").await.is_empty());
    world.system.be_slow(Duration::from_millis(150));
    world.system.be(Mood::Says(401));
    let late = world.codes("Vendor");
    let renewed = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.system.be(Mood::Well);
        stores
            .vault
            .replace(stores.acme, id, 1, &password("new"))
            .await
            .unwrap();
    };
    tokio::join!(late, renewed);
    world.settle().await;
    assert_eq!(world.get(id).await.status, Status::Active);
}

#[tokio::test]
async fn a_person_who_tries_brings_a_refused_connection_back() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    world.system.be(Mood::Says(401));
    assert_eq!(world.probe(id).await, Some("INVALID_CREDENTIALS"));
    assert_eq!(world.get(id).await.status, Status::ReauthRequired);
    world.system.be(Mood::Well);
    assert_eq!(world.probe(id).await, None);
    let connection = world.get(id).await;
    assert_eq!(
        (connection.status, connection.account.as_deref()),
        (Status::Active, Some("clerk"))
    );
    assert_eq!(world.told(id).await, ["activated", "reauth_required", "recovered"]);
}

#[tokio::test]
async fn an_entity_that_is_denied_degrades_until_it_is_read_again() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("ERP").await;
        assert!(world.codes("Vendor").await.is_empty());
        world.settle().await;
        world.system.be(Mood::DeniesVendors);
        assert_eq!(world.codes("Vendor").await, ["PERMISSION_DENIED"]);
        world.settle().await;
        assert_eq!(
            world.status(id).await,
            (Status::Degraded, Some("PERMISSION_DENIED".to_owned()))
        );
        assert!(world.codes("Asset").await.is_empty());
        world.settle().await;
        let connection = world.get(id).await;
        assert_eq!(connection.status, Status::Degraded, "another entity says nothing");
        let health = parse(connection.entity_health.as_ref());
        assert_eq!(
            (health["Vendor"].status, health["Asset"].status),
            (EntityStatus::Denied, EntityStatus::Ok)
        );
        world.system.be(Mood::Well);
        // A success asks for another look at the row every two seconds at most.
        tokio::time::sleep(Duration::from_millis(2_050)).await;
        assert!(world.codes("Vendor").await.is_empty());
        world.settle().await;
        assert_eq!(world.get(id).await.status, Status::Active);
        assert_eq!(world.told(id).await, ["activated", "degraded", "recovered"]);
    }
}

#[tokio::test]
async fn an_entity_that_was_never_read_does_not_degrade() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    world.system.be(Mood::DeniesVendors);
    assert_eq!(world.codes("Vendor").await, ["PERMISSION_DENIED"]);
    world.settle().await;
    assert_eq!(world.get(id).await.status, Status::Active);
    let report = world.engine.status_of_connection(stores.acme, id).await.unwrap();
    assert_eq!(report.entity_health[0].status, EntityStatus::Denied);
}

#[tokio::test]
async fn a_rate_limit_is_told_once_for_its_period() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    world.system.be(Mood::Says(429));
    for _ in 0..3 {
        world.codes("Vendor").await;
        world.settle().await;
    }
    assert_eq!(world.told(id).await, ["activated", "rate_limited"]);
    let report = world.engine.status_of_connection(stores.acme, id).await.unwrap();
    assert!(report.rate_limit.limited);
}

#[tokio::test]
async fn too_few_credits_leave_it_waiting_and_a_grant_lets_it_work() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.connection("ERP").await;
        let journal = &world.engine.journal;
        let origin = crate::origin::Origin::operator();
        credits::grant(journal, &origin, stores.acme, -97, None).await.unwrap();
        assert!(world.codes("Vendor").await.is_empty());
        world.settle().await;
        assert_eq!(
            world.status(id).await,
            (Status::Pending, Some("CREDITS_EXHAUSTED".to_owned()))
        );
        assert_eq!(world.codes("Vendor").await, ["CREDITS_EXHAUSTED"]);
        credits::grant(journal, &origin, stores.acme, 97, None).await.unwrap();
        assert_eq!(world.probe(id).await, None);
        assert_eq!(world.get(id).await.status, Status::Active);
        assert_eq!(credits::balance(&stores.database, stores.acme).await.unwrap().used, 4);
    }
}

#[tokio::test]
async fn a_connection_that_never_worked_keeps_waiting_and_tells_why() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.connection("ERP").await;
    world.system.be(Mood::Gone);
    assert_eq!(world.probe(id).await, Some("UNREACHABLE"));
    assert_eq!(world.status(id).await, (Status::Pending, Some("NETWORK".to_owned())));
    assert!(world.told(id).await.is_empty());
}

#[tokio::test]
async fn the_report_has_a_tag_that_changes_with_it() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    let report = async || world.engine.status_of_connection(stores.acme, id).await.unwrap();
    let first = report().await;
    assert_eq!(first.etag(), report().await.etag());
    assert!(first.etag().starts_with("W/\""));
    world.system.be(Mood::Says(401));
    world.codes("Vendor").await;
    let after = report().await;
    assert_ne!(after.etag(), first.etag());
    let json = serde_json::to_value(&after).unwrap();
    assert_eq!(json["status"], "REAUTH_REQUIRED");
    assert_eq!(json["circuit"]["state"], "CLOSED");
    assert_eq!(json["rateLimit"]["limited"], false);
    let foreign = world.engine.status_of_connection(stores.rival, id).await;
    assert!(matches!(foreign, Err(crate::connections::Error::NotFound(_))));
}

#[tokio::test]
async fn a_diagnosis_goes_step_by_step() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = ConnectionId(world.active("ERP").await);
    world.system.be(Mood::DeniesVendors);
    let diagnosis = world.engine.diagnose(&world.session(), id).await.unwrap();
    assert_eq!(
        diagnosis.summary,
        "The connection works in part: 1 of 2 entities can be read."
    );
    let vendor = diagnosis
        .steps
        .iter()
        .find(|step| step.entity.as_deref() == Some("Vendor"));
    let vendor = vendor.unwrap();
    assert_eq!(vendor.state, StepState::Warning);
    assert!(vendor.advice.as_ref().unwrap().contains("read Vendor"));
    let text = diagnosis.to_string();
    assert!(text.contains("✓ Sign-in") && text.contains("! Vendor"), "{text}");

    world.system.be(Mood::Says(401));
    let diagnosis = world.engine.diagnose(&world.session(), id).await.unwrap();
    assert!(diagnosis.has_failed());
    let calls = world.system.calls();
    let diagnosis = world.engine.diagnose(&world.session(), id).await.unwrap();
    assert_eq!(world.system.calls(), calls, "refused credentials are not tried again");
    let sign_in = diagnosis.steps.iter().find(|step| step.name == "sign_in").unwrap();
    assert!(sign_in.detail.as_ref().unwrap().contains("not tried again"));
}
