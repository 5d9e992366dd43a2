//! What is told of systems whose fields change.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use lineshaft_entities::connection_event;
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use tokio::{sync::Barrier, time::timeout};

use super::SchemaChangeKind;
use crate::{
    database::{
        self,
        testing::{Stores, stores, stores_everywhere},
    },
    mappings::{
        Place,
        testing::{CALIBRATIONS, World, ZONES},
    },
    origin::Origin,
};

async fn told(stores: &Stores) -> Vec<Value> {
    let rows = connection_event::Entity::for_organization(stores.acme)
        .filter(connection_event::Column::Kind.eq("connection.schema_changed"))
        .all(&stores.database)
        .await
        .unwrap();
    rows.into_iter().map(|row| row.data).collect()
}

#[tokio::test]
async fn a_field_that_is_read_and_is_gone_is_told_once() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connection(connection), 0, ZONES).await;
    let session = world.session().await;
    let first = world.engine.check_schema(&session, connection).await.unwrap();
    assert_eq!((first.objects, first.changes.len()), (2, 0));

    world
        .shop
        .fields
        .lock()
        .unwrap()
        .retain(|(name, _)| !["x_zone", "x_risk"].contains(name));
    let second = world.engine.check_schema(&session, connection).await.unwrap();
    assert_eq!(second.changes.len(), 1, "nothing reads x_risk");
    let change = &second.changes[0];
    assert_eq!(
        (change.field.as_str(), change.change),
        ("x_zone", SchemaChangeKind::Vanished)
    );
    assert_eq!(change.affects[0].layer.as_deref(), Some("CONNECTION"));
    let events = told(&stores).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0]["changes"][0]["affects"],
        json!([{"entity": "Vendor", "field": "zone", "layer": "CONNECTION"}])
    );
    assert!(
        world
            .engine
            .check_schema(&session, connection)
            .await
            .unwrap()
            .changes
            .is_empty()
    );
    assert_eq!(told(&stores).await.len(), 1);
}

#[tokio::test]
async fn of_an_object_that_is_gone_every_field_that_is_read_is_told() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connection(connection), 0, CALIBRATIONS).await;
    let session = world.session().await;
    world.engine.check_schema(&session, connection).await.unwrap();

    world.shop.without_calibrations.store(true, Ordering::SeqCst);
    let check = world.engine.check_schema(&session, connection).await.unwrap();
    let mut gone: Vec<_> = check
        .changes
        .iter()
        .map(|change| (change.object.as_str(), change.field.as_str(), change.change))
        .collect();
    gone.sort_unstable_by_key(|(_, field, _)| *field);
    assert_eq!(
        gone,
        [
            ("Calibrations", "asset_id", SchemaChangeKind::Vanished),
            ("Calibrations", "due", SchemaChangeKind::Vanished),
        ]
    );
    assert_eq!(told(&stores).await.len(), 1);
    let again = world.engine.check_schema(&session, connection).await.unwrap();
    assert!(again.changes.is_empty());
}

#[tokio::test]
async fn a_field_of_another_type_is_told() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let session = world.session().await;
    world.engine.check_schema(&session, connection).await.unwrap();
    for field in world
        .shop
        .fields
        .lock()
        .unwrap()
        .iter_mut()
        .filter(|(name, _)| *name == "name")
    {
        field.1 = "Edm.Int32";
    }
    let check = world.engine.check_schema(&session, connection).await.unwrap();
    let change = &check.changes[0];
    assert_eq!(
        (change.field.as_str(), change.change),
        ("name", SchemaChangeKind::Retyped)
    );
    assert_ne!(change.before, change.after);
    assert_eq!(change.affects[0].layer, None);
}

#[tokio::test]
async fn a_connection_that_answers_late_holds_no_other_back() {
    let stores = stores().await;
    let world = World::over(&stores);
    for name in ["one", "two"] {
        world.active(name).await;
    }
    let now = database::now();
    world.engine.look_at_due(now).await.unwrap();
    // None is answered before both have asked.
    *world.shop.meeting.lock().unwrap() = Some(Arc::new(Barrier::new(2)));
    let looks = world.engine.look_at_due(now + TimeDelta::hours(1));
    let looked = timeout(Duration::from_secs(20), looks).await;
    assert_eq!(looked.expect("they are asked at the same time").unwrap(), 2);
}

#[tokio::test]
async fn each_connection_is_looked_at_in_one_process_when_it_is_due() {
    for stores in stores_everywhere().await {
        let worlds = [World::over(&stores), World::over(&stores)];
        let connection = worlds[0].active("one").await;
        let paused = worlds[0].active("paused").await;
        worlds[0]
            .engine
            .pause(stores.acme, paused, &Origin::operator())
            .await
            .unwrap();
        let now = database::now();
        let look = async |at| {
            let (here, there) = tokio::join!(worlds[0].engine.look_at_due(at), worlds[1].engine.look_at_due(at));
            here.unwrap() + there.unwrap()
        };
        look(now).await;
        let due = now + TimeDelta::hours(1);
        assert_eq!(look(due).await, 1);
        assert_eq!(look(due).await, 0);
        for world in &worlds {
            world.shop.fields.lock().unwrap().retain(|(name, _)| *name != "name");
        }
        assert_eq!(look(due + TimeDelta::hours(27)).await, 1);
        assert_eq!(told(&stores).await.len(), 1);
        worlds[0]
            .engine
            .disconnect(stores.acme, connection, &Origin::operator())
            .await
            .unwrap();
        assert_eq!(look(due + TimeDelta::hours(60)).await, 0);
    }
}
