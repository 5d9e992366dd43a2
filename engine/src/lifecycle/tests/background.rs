//! The work that goes on without being asked, and several processes at once.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, QueryFilter as _, Set};
use uuid::Uuid;

use super::*;
use crate::{database, lifecycle::Settings};

async fn change(world: &World, id: Uuid, columns: lineshaft_entities::connection::ActiveModel) {
    lineshaft_entities::connection::Entity::update_for_organization(world.acme)
        .set(columns)
        .filter(lineshaft_entities::connection::Column::Id.eq(id))
        .exec(&world.engine.database)
        .await
        .unwrap();
}

async fn due(world: &World, id: Uuid) {
    let columns = lineshaft_entities::connection::ActiveModel {
        next_check_at: Set(Some(database::now() - TimeDelta::seconds(1))),
        ..Default::default()
    };
    change(world, id, columns).await;
}

#[tokio::test]
async fn a_due_connection_is_tried_by_one_process() {
    for stores in stores_everywhere().await {
        let (one, two) = (World::over(&stores), World::over(&stores));
        let id = one.active("ERP").await;
        due(&one, id).await;
        let now = database::now();
        let (first, second) = tokio::join!(one.engine.check_due(now), two.engine.check_due(now));
        assert_eq!(first.unwrap() + second.unwrap(), 1);
        assert_eq!(one.system.calls() + two.system.calls(), 1);
        assert_eq!(one.engine.check_due(now).await.unwrap(), 0, "the next one is later");
        assert!(one.get(id).await.next_check_at.unwrap() > now);
    }
}

#[tokio::test]
async fn a_failed_check_by_fault_makes_unreachable_and_a_good_one_recovers() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("ERP").await;
        world.system.be(Mood::Gone);
        due(&world, id).await;
        world.engine.check_due(database::now()).await.unwrap();
        assert_eq!(
            world.status(id).await,
            (Status::Unreachable, Some("NETWORK".to_owned()))
        );
        world.system.be(Mood::Well);
        due(&world, id).await;
        world.engine.check_due(database::now()).await.unwrap();
        assert_eq!(world.get(id).await.status, Status::Active);
        assert_eq!(world.told(id).await, ["activated", "unreachable", "recovered"]);
    }
}

#[tokio::test]
async fn what_is_not_to_be_tried_is_not_tried() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    world.system.be(Mood::Says(401));
    world.codes("Vendor").await;
    due(&world, id).await;
    let calls = world.system.calls();
    assert_eq!(world.engine.check_due(database::now()).await.unwrap(), 0);
    assert_eq!(world.system.calls(), calls);
}

#[tokio::test]
async fn callers_spare_the_server_its_own_checks() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    assert!(world.codes("Vendor").await.is_empty());
    world.settle().await;
    due(&world, id).await;
    assert_eq!(world.engine.check_due(database::now()).await.unwrap(), 0);
}

#[tokio::test]
async fn credentials_that_end_are_told_once_for_each_end() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("ERP").await;
        let now = database::now();
        let ends = async |at| {
            let columns = lineshaft_entities::connection::ActiveModel {
                credentials_expire_at: Set(Some(at)),
                ..Default::default()
            };
            change(&world, id, columns).await;
        };
        ends(now + TimeDelta::days(30)).await;
        assert_eq!(world.engine.warn_of_ends(now).await.unwrap(), 0);
        ends(now + TimeDelta::days(3)).await;
        assert_eq!(world.engine.warn_of_ends(now).await.unwrap(), 1);
        assert_eq!(world.engine.warn_of_ends(now).await.unwrap(), 0);
        ends(now + TimeDelta::days(5)).await;
        assert_eq!(world.engine.warn_of_ends(now).await.unwrap(), 1);
        assert_eq!(
            world.told(id).await,
            ["activated", "credentials_expiring", "credentials_expiring"]
        );
    }
}

#[tokio::test]
async fn another_process_takes_up_new_credentials_by_the_row() {
    let stores = stores().await;
    let (one, two) = (World::over(&stores), World::over(&stores));
    let id = one.active("ERP").await;
    assert!(two.codes("Vendor").await.is_empty());
    two.system.be(Mood::Says(401));
    assert_eq!(two.codes("Vendor").await, ["INVALID_CREDENTIALS"]);
    assert_eq!(one.codes("Vendor").await, ["REAUTH_REQUIRED"], "the row decides");
    stores
        .vault
        .replace(stores.acme, id, 1, &password("new"))
        .await
        .unwrap();
    assert_eq!(one.probe(id).await, None);
    two.system.be(Mood::Well);
    assert!(two.codes("Vendor").await.is_empty());
    assert_eq!(one.get(id).await.status, Status::Active);
}

#[tokio::test]
async fn the_background_settles_what_calls_tell_and_writes_the_rest_when_it_stops() {
    let stores = stores().await;
    let settings = Settings {
        unreachable_check_every: Duration::from_millis(100),
        ..Settings::default()
    };
    let world = World::with(&stores, settings);
    let id = world.active("ERP").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let engine = world.engine.clone();
    let running = tokio::spawn(async move { engine.run(async move { drop(stopped.await) }).await });
    world.system.be(Mood::Gone);
    for _ in 0..5 {
        world.codes("Vendor").await;
    }
    wait_for(&world, id, Status::Unreachable).await;
    // Nobody asks any more: the server sees by itself that the system is back.
    world.system.be(Mood::Well);
    wait_for(&world, id, Status::Active).await;
    assert!(world.codes("Asset").await.is_empty());
    drop(stop);
    running.await.unwrap();
    let health = parse(world.get(id).await.entity_health.as_ref());
    assert_eq!(health["Asset"].status, EntityStatus::Ok);
}

async fn wait_for(world: &World, id: Uuid, status: Status) {
    let reached = async {
        while world.get(id).await.status != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
    assert!(reached.is_ok(), "{status:?} was not reached");
}
