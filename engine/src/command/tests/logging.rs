//! The log of writes, and how long it is kept.

use chrono::TimeDelta;
use lineshaft_entities::write_operation::State;
use lineshaft_schema::RemoteKey;

use crate::{
    command::{
        Filter, Mode, Place, Settings, sweep,
        testing::{Answer, Desk},
    },
    database::{
        self,
        testing::{stores, stores_everywhere},
    },
    secrets::KeyRing,
};

#[tokio::test]
async fn the_log_is_paged_both_ways_and_narrowed() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let (one, two) = (desk.world.active("one").await, desk.world.active("two").await);
        for number in 0..5 {
            let connection = if number == 4 { two } else { one };
            desk.write(desk.update(connection, &format!("V{number}"), "x"))
                .await
                .unwrap();
        }
        let engine = &desk.world.engine;
        let any = Filter::default();
        let acme = desk.world.acme;
        let keys = |page: &crate::command::Page| -> Vec<String> {
            page.writes
                .iter()
                .map(|write| write.key.as_ref().unwrap().to_string())
                .collect()
        };
        let newest = engine.writes(acme, &any, Place::Before(None), 2).await.unwrap();
        assert_eq!(
            (keys(&newest), newest.has_more),
            (vec!["V4".to_owned(), "V3".to_owned()], true)
        );
        let cursor = newest.writes[1].id;
        let next = engine
            .writes(acme, &any, Place::Before(Some(cursor)), 10)
            .await
            .unwrap();
        assert_eq!(
            (keys(&next), next.has_more),
            (vec!["V2".to_owned(), "V1".to_owned(), "V0".to_owned()], false)
        );
        let back = engine.writes(acme, &any, Place::After(Some(cursor)), 10).await.unwrap();
        assert_eq!(keys(&back), ["V4"]);

        let mine = desk.session_of(two).visible;
        assert_eq!(
            keys(&engine.writes(mine, &any, Place::Before(None), 10).await.unwrap()),
            ["V4"]
        );
        assert!(engine.write_by_id(mine, cursor).await.unwrap().is_none());
        assert!(engine.write_by_id(acme, cursor).await.unwrap().is_some());
        assert!(
            engine
                .writes(stores.rival, &any, Place::Before(None), 10)
                .await
                .unwrap()
                .writes
                .is_empty()
        );

        let narrowed = Filter {
            connections: Some(vec![one]),
            entities: Some(vec!["Vendor".to_owned()]),
            operations: Some(vec!["update".to_owned()]),
            states: Some(vec![State::Succeeded]),
            actors: Some(vec![uuid::Uuid::nil()]),
            batches: None,
            record: Some((one, "Vendor".to_owned(), RemoteKey::single("V2"))),
            since: Some(database::now() - TimeDelta::minutes(1)),
            until: Some(database::now() + TimeDelta::minutes(1)),
            without_requests: false,
        };
        assert_eq!(
            keys(&engine.writes(acme, &narrowed, Place::Before(None), 10).await.unwrap()),
            ["V2"]
        );
        let none = Filter {
            states: Some(Vec::new()),
            ..Filter::default()
        };
        assert!(
            engine
                .writes(acme, &none, Place::Before(None), 10)
                .await
                .unwrap()
                .writes
                .is_empty()
        );
    }
}

#[tokio::test]
async fn keys_are_set_free_and_old_writes_cleared_away() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
        let mut waiting = desk.create(id, "Two", Some("q"));
        waiting.mode = Mode::Async;
        desk.write(waiting).await.unwrap();
        let (database, settings, now) = (&stores.database, Settings::default(), database::now());
        sweep(database, &settings, now + TimeDelta::days(29)).await.unwrap();
        assert!(desk.write(desk.create(id, "One", Some("k"))).await.unwrap().replayed);
        sweep(database, &settings, now + TimeDelta::days(31)).await.unwrap();
        assert!(!desk.write(desk.create(id, "Other", Some("k"))).await.unwrap().replayed);
        assert_eq!(desk.rows().await.len(), 3);
        sweep(database, &settings, now + TimeDelta::days(91)).await.unwrap();
        let rows = desk.rows().await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].state, State::Queued, "what is to be done stays");
        assert!(rows[0].idempotency_key.is_some());
    }
}

#[tokio::test]
async fn inputs_are_sealed_and_brought_under_a_new_key() {
    let stores = stores().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let keys = std::sync::Arc::new(KeyRing::load_or_create(&path).unwrap());
    let stores = crate::database::testing::Stores {
        vault: crate::credentials::Vault::new(stores.database.clone(), keys.clone()),
        keys,
        ..stores
    };
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    desk.fake.be(Answer::Lost);
    desk.write(desk.create(id, "Hidden name", None)).await.unwrap();
    let row = desk.rows().await.pop().unwrap();
    let sealed = row.ciphertext.clone().unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"Hidden"));
    crate::secrets::rotate(&path).unwrap();
    // The ring looks at its file now and then.
    while Some(stores.keys.current_id()) == row.key_id {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    while stores.vault.reseal(100).await.unwrap() > 0 {}
    let row = desk.rows().await.pop().unwrap();
    assert_eq!(row.key_id, Some(stores.keys.current_id()));
    assert_ne!(row.ciphertext.as_ref(), Some(&sealed));
    let request = desk
        .world
        .engine
        .writer
        .open(&row, &desk.world.engine.catalogue)
        .unwrap();
    assert_eq!(request.input, desk.create(id, "Hidden name", None).input);
    let uses = stores.vault.key_uses().await.unwrap();
    assert!(uses[&stores.keys.current_id()].sealed >= 1);
    let mut moved = row;
    moved.id = uuid::Uuid::now_v7();
    assert!(
        desk.world
            .engine
            .writer
            .open(&moved, &desk.world.engine.catalogue)
            .is_none(),
        "it opens in its own row only"
    );
}
