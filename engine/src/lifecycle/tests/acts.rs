//! What people do to connections, and what it takes away.

use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    audit, connections,
    credentials::{self, NewSession},
    lifecycle::Error,
    origin::Origin,
    tokens::NewToken,
};

fn operator() -> Origin {
    Origin::operator()
}

#[tokio::test]
async fn a_paused_connection_is_left_alone_until_it_is_resumed() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let (engine, acme) = (&world.engine, stores.acme);
        let id = world.active("ERP").await;
        let paused = engine.pause(acme, id, &operator()).await.unwrap();
        assert_eq!(paused.status, Status::Paused);
        let calls = world.system.calls();
        assert_eq!(world.codes("Vendor").await, ["CONNECTION_PAUSED"]);
        assert_eq!(world.probe(id).await, Some("CONNECTION_PAUSED"));
        assert_eq!(world.system.calls(), calls);
        engine.pause(acme, id, &operator()).await.unwrap();
        let resumed = engine.resume(acme, id, &operator()).await.unwrap();
        assert_eq!(resumed.status, Status::Active);
        assert!(world.system.calls() > calls, "it is tried at once");
        assert_eq!(world.told(id).await, ["activated", "paused", "resumed"]);
        let acts = audit::list(&stores.database, acme, &audit::Filter::default(), None, 10)
            .await
            .unwrap();
        let actions: Vec<&str> = acts.iter().map(|act| act.action.as_str()).collect();
        assert_eq!(actions, ["connection.resume", "connection.pause"]);
    }
}

#[tokio::test]
async fn what_waited_for_a_sign_in_waits_for_it_after_a_pause() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    world.system.be(Mood::Says(401));
    world.codes("Vendor").await;
    world.engine.pause(stores.acme, id, &operator()).await.unwrap();
    world.engine.disable(stores.acme, id, &operator()).await.unwrap();
    let calls = world.system.calls();
    let enabled = world.engine.enable(stores.acme, id, &operator()).await.unwrap();
    assert_eq!(enabled.status, Status::Paused);
    let resumed = world.engine.resume(stores.acme, id, &operator()).await.unwrap();
    assert_eq!(resumed.status, Status::ReauthRequired);
    assert_eq!(world.system.calls(), calls, "refused credentials are not tried");
}

#[tokio::test]
async fn a_disabled_connection_is_switched_on_by_the_operator_only() {
    let stores = stores().await;
    let world = World::over(&stores);
    let id = world.active("ERP").await;
    world.engine.disable(stores.acme, id, &operator()).await.unwrap();
    let refused = world.engine.resume(stores.acme, id, &operator()).await;
    assert!(matches!(refused, Err(Error::WrongStatus { status: "DISABLED", .. })));
    let enabled = world.engine.enable(stores.acme, id, &operator()).await.unwrap();
    assert_eq!(enabled.status, Status::Active);
    let foreign = world.engine.pause(stores.rival, id, &operator()).await;
    assert!(matches!(foreign, Err(Error::NotFound(_))));
}

async fn token(stores: &crate::database::testing::Stores, id: Uuid) -> String {
    let token = NewToken {
        organization_id: stores.acme,
        connection_id: Some(id),
        name: "plant".to_owned(),
        scopes: Vec::new(),
        expires_at: None,
    };
    let issued = stores.tokens.create(token).await.unwrap();
    issued.text.expose_secret().to_owned()
}

#[tokio::test]
async fn a_session_that_the_system_counts_is_given_up_with_the_connection() {
    for stores in stores_everywhere().await {
        let world = World::counting_sessions(&stores);
        for (mood, has_session) in [(Mood::Well, true), (Mood::Gone, true), (Mood::Well, false)] {
            world.system.be(mood);
            let id = world.active("ERP").await;
            let session = NewSession {
                credential_version: 1,
                fields: password("session"),
                expires_at: None,
            };
            if has_session {
                let vault = &stores.vault;
                vault.store_session(stores.acme, id, None, &session).await.unwrap();
            }
            let before = world.system.calls();
            for _ in 0..2 {
                let gone = world.engine.disconnect(stores.acme, id, &operator()).await.unwrap();
                assert_eq!(gone.status, Status::Disconnected);
                assert_eq!(world.system.calls() - before, u32::from(has_session), "{mood:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_disconnected_connection_keeps_its_row_and_loses_everything_else() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("ERP").await;
        let session = NewSession {
            credential_version: 1,
            fields: password("session"),
            expires_at: None,
        };
        let vault = &stores.vault;
        vault.store_session(stores.acme, id, None, &session).await.unwrap();
        let text = token(&stores, id).await;
        let tokens = &world.engine.tokens;
        assert!(tokens.verify(&text).await.unwrap().is_some());

        let gone = world.engine.disconnect(stores.acme, id, &operator()).await.unwrap();
        assert_eq!(gone.status, Status::Disconnected);
        world.engine.disconnect(stores.acme, id, &operator()).await.unwrap();

        let connection = world.get(id).await;
        assert!(connection.disconnected_at.is_some());
        assert_eq!(connection.credits, 0);
        assert!(matches!(
            vault.load(stores.acme, id).await,
            Err(credentials::Error::Missing(_))
        ));
        assert!(vault.load_session(stores.acme, id).await.unwrap().is_none());
        let late = vault.store_session(stores.acme, id, Some(1), &session).await;
        assert!(matches!(late, Err(credentials::Error::Missing(_))));
        assert_eq!(tokens.verify(&text).await.unwrap(), None);
        let balance = credits::balance(&stores.database, stores.acme).await.unwrap();
        assert_eq!(balance.used, 0);
        let kinds: Vec<String> = world.events(id).await.into_iter().map(|event| event.kind).collect();
        assert_eq!(
            kinds,
            [
                "credits.reserved",
                "connection.activated",
                "connection.disconnected",
                "credits.released"
            ]
        );
        let revived = world.engine.resume(stores.acme, id, &operator()).await;
        assert!(matches!(revived, Err(Error::WrongStatus { .. })));
    }
}

#[tokio::test]
async fn a_deleted_connection_is_erased_and_its_events_remain() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let id = world.active("Secret project").await;
        world.system.be(Mood::Gone);
        world.codes("Vendor").await;
        world.settle().await;
        let last = world.engine.delete(stores.acme, id, &operator()).await.unwrap();
        assert_eq!(last.name, "Secret project");
        let found = world.engine.connections.get(stores.acme, id).await;
        assert!(matches!(found, Err(connections::Error::NotFound(_))));
        let row = {
            use sea_orm::{ColumnTrait as _, QueryFilter as _};
            lineshaft_entities::connection::Entity::for_organization(stores.acme)
                .filter(lineshaft_entities::connection::Column::Id.eq(id))
                .one(&stores.database)
                .await
                .unwrap()
                .unwrap()
        };
        assert_eq!((row.name.as_str(), row.settings), ("", json!({})));
        assert_eq!(
            (row.account, row.last_error_message, row.entity_health),
            (None, None, None)
        );
        assert_eq!(row.credits, 0);
        assert!(world.told(id).await.contains(&"disconnected".to_owned()));
        assert!(matches!(
            stores.vault.load(stores.acme, id).await,
            Err(credentials::Error::Missing(_))
        ));
        let again = world.engine.delete(stores.acme, id, &operator()).await;
        assert!(matches!(again, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn two_hundred_connects_and_disconnects_at_once_keep_the_ledger_true() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let mut ids = Vec::new();
        for number in 0..100 {
            ids.push(world.connection(&format!("ERP {number}")).await);
        }
        // 100 credits suffice for 25 connections at 4 each.
        let connect = |id: Uuid| {
            let world = &world;
            async move {
                world.engine.activate_untried(world.acme, id).await.unwrap();
                world
                    .engine
                    .disconnect(world.acme, id, &Origin::operator())
                    .await
                    .unwrap();
            }
        };
        let (kept, passing) = ids.split_at(50);
        let keep = kept.iter().map(|id| world.engine.activate_untried(world.acme, *id));
        let pass = passing.iter().map(|id| connect(*id));
        let (kept, _) = tokio::join!(join_all(keep), join_all(pass));
        let active = kept
            .into_iter()
            .filter(|outcome| outcome.as_ref().unwrap().status == Status::Active)
            .count();
        let balance = credits::balance(&stores.database, stores.acme).await.unwrap();
        assert_eq!(balance.used, 4 * i64::try_from(active).unwrap());
        assert!(balance.available >= 0, "{balance:?}");
        let ledger = credits::entries(&stores.database, stores.acme, None, 1_000)
            .await
            .unwrap();
        assert_eq!(ledger.iter().map(|entry| entry.amount).sum::<i64>(), balance.available);
        // Taken in the order of the ledger, the credits never went below nothing.
        let mut left = 0_i64;
        for entry in ledger.iter().rev() {
            left += entry.amount;
            assert!(left >= 0, "{entry:?}");
        }
    }
}
