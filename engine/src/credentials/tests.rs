//! What the store of credentials promises, told as tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    database::testing::{Stores, new_connection, password, stores, stores_everywhere},
    secrets::new_entry,
    tokens::NewToken,
};

async fn connection(stores: &Stores) -> Uuid {
    stores
        .connections
        .add(new_connection(stores.acme, "ERP"))
        .await
        .unwrap()
        .id
}

fn session(credential_version: i64, text: &str) -> NewSession {
    let expires_at = Some(database::now() + TimeDelta::hours(1));
    NewSession {
        credential_version,
        fields: password(text),
        expires_at,
    }
}

fn password_in(fields: &SecretFields) -> String {
    fields.text("password").unwrap().unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn credentials_are_replaced_by_who_knows_their_version() {
    for stores in stores_everywhere().await {
        let id = connection(&stores).await;
        let first = stores.vault.load(stores.acme, id).await.unwrap();
        assert_eq!(
            (first.version, password_in(&first.fields)),
            (1, "open sesame".to_owned())
        );
        assert_eq!(first.fields.expose().unwrap()["user"], "clerk");
        assert_eq!(
            stores
                .vault
                .replace(stores.acme, id, 1, &password("second"))
                .await
                .unwrap(),
            2
        );
        let late = stores.vault.replace(stores.acme, id, 1, &password("late")).await;
        assert!(matches!(late, Err(Error::Conflict(_))));
        assert_eq!(
            password_in(&stores.vault.load(stores.acme, id).await.unwrap().fields),
            "second"
        );
    }
}

#[tokio::test]
async fn credentials_of_another_organization_are_missing() {
    let stores = stores().await;
    let id = connection(&stores).await;
    assert!(matches!(
        stores.vault.load(stores.rival, id).await,
        Err(Error::Missing(_))
    ));
    let replaced = stores.vault.replace(stores.rival, id, 1, &password("x")).await;
    assert!(matches!(replaced, Err(Error::Missing(_))));
    let stored = stores
        .vault
        .store_session(stores.rival, id, None, &session(1, "x"))
        .await;
    assert!(matches!(stored, Err(Error::Missing(_))));
}

#[tokio::test]
async fn of_parallel_refreshes_one_session_is_stored() {
    for stores in stores_everywhere().await {
        let id = connection(&stores).await;
        assert!(stores.vault.load_session(stores.acme, id).await.unwrap().is_none());
        for (expected, next) in [(None, 1), (Some(1), 2)] {
            let sessions: Vec<_> = (0..8).map(|number| session(1, &format!("{next}-{number}"))).collect();
            let attempts = sessions
                .iter()
                .map(|one| stores.vault.store_session(stores.acme, id, expected, one));
            let outcomes = futures_util::future::join_all(attempts).await;
            let winners: Vec<i64> = outcomes
                .iter()
                .filter_map(|outcome| outcome.as_ref().ok().copied())
                .collect();
            assert_eq!(winners, [next], "{outcomes:?}");
            assert!(
                outcomes
                    .iter()
                    .all(|outcome| matches!(outcome, Ok(_) | Err(Error::Conflict(_)))),
                "{outcomes:?}"
            );
        }
        let stored = stores.vault.load_session(stores.acme, id).await.unwrap().unwrap();
        assert_eq!((stored.version, stored.credential_version), (2, 1));
        assert!(stored.expires_at.is_some() && password_in(&stored.fields).starts_with("2-"));
    }
}

#[tokio::test]
async fn a_session_of_replaced_credentials_is_gone_and_stays_out() {
    for stores in stores_everywhere().await {
        let id = connection(&stores).await;
        stores
            .vault
            .store_session(stores.acme, id, None, &session(1, "old"))
            .await
            .unwrap();
        stores
            .vault
            .replace(stores.acme, id, 1, &password("second"))
            .await
            .unwrap();
        assert!(stores.vault.load_session(stores.acme, id).await.unwrap().is_none());
        for expected in [None, Some(1)] {
            let late = stores
                .vault
                .store_session(stores.acme, id, expected, &session(1, "late"))
                .await;
            assert!(matches!(late, Err(Error::Conflict(_))));
        }
        assert_eq!(
            stores
                .vault
                .store_session(stores.acme, id, None, &session(2, "new"))
                .await
                .unwrap(),
            1
        );
    }
}

#[tokio::test]
async fn a_row_copied_to_another_connection_does_not_open() {
    let stores = stores().await;
    let (ours, other) = (connection(&stores).await, connection(&stores).await);
    let row = credential_row(stores.acme, ours)
        .one(&stores.database)
        .await
        .unwrap()
        .unwrap();
    credential::Entity::update_for_organization(stores.acme)
        .set(credential::ActiveModel {
            nonce: Set(row.nonce),
            ciphertext: Set(row.ciphertext),
            ..Default::default()
        })
        .filter(credential::Column::ConnectionId.eq(other))
        .exec(&stores.database)
        .await
        .unwrap();
    let loaded = stores.vault.load(stores.acme, other).await;
    assert!(matches!(loaded, Err(Error::Secrets(secrets::Error::Tampered))));
}

#[tokio::test]
async fn resealing_lets_an_old_key_be_retired() {
    for stores in stores_everywhere().await {
        let (old, new) = (new_entry().unwrap(), new_entry().unwrap());
        let vault = |entries: &[&SecretString]| {
            Vault::new(
                stores.database.clone(),
                Arc::new(KeyRing::parse(entries.iter().copied()).unwrap()),
            )
        };
        let id = connection(&stores).await;
        vault(&[&old])
            .replace(stores.acme, id, 1, &password("kept"))
            .await
            .unwrap();
        vault(&[&old])
            .store_session(stores.acme, id, None, &session(2, "session"))
            .await
            .unwrap();
        let both = vault(&[&new, &old]);
        assert_eq!(both.reseal(10).await.unwrap(), 2);
        assert_eq!(both.reseal(10).await.unwrap(), 0);
        let after = vault(&[&new]);
        let loaded = after.load(stores.acme, id).await.unwrap();
        assert_eq!((loaded.version, password_in(&loaded.fields)), (2, "kept".to_owned()));
        assert_eq!(after.load_session(stores.acme, id).await.unwrap().unwrap().version, 1);
        let retired = vault(&[&old]).load(stores.acme, id).await;
        assert!(matches!(retired, Err(Error::Secrets(secrets::Error::UnknownKey(_)))));
    }
}

#[tokio::test]
async fn no_file_of_the_database_holds_a_secret_in_the_clear() {
    let stores = stores().await;
    let folder = stores.folder.as_ref().unwrap().path();
    let canary = "canary-7f3a91-in-the-mine";
    let mut new = new_connection(stores.acme, "visible-name");
    new.credentials = password(canary);
    let id = stores.connections.add(new).await.unwrap().id;
    stores
        .vault
        .store_session(stores.acme, id, None, &session(1, canary))
        .await
        .unwrap();
    stores
        .vault
        .replace(stores.acme, id, 1, &password(&format!("{canary}-2")))
        .await
        .unwrap();
    let token = NewToken {
        organization_id: stores.acme,
        connection_id: Some(id),
        name: "n".to_owned(),
        scopes: Vec::new(),
        expires_at: None,
    };
    let issued = stores.tokens.create(token).await.unwrap();
    let text = issued.text.expose_secret();
    stores.tokens.verify(text).await.unwrap().unwrap();

    let contents = || -> Vec<u8> {
        std::fs::read_dir(folder)
            .unwrap()
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    };
    let holds = |bytes: &[u8], needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    let beside = contents();
    assert!(std::fs::exists(folder.join("state.db-wal")).unwrap());
    stores
        .database
        .execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)")
        .await
        .unwrap();
    for bytes in [beside, contents()] {
        assert!(holds(&bytes, "visible-name"), "what is no secret is there");
        for secret in [canary, text, &text[13..], "open sesame", "clerk"] {
            assert!(!holds(&bytes, secret), "{secret}");
        }
    }
    let shown = format!(
        "{issued:?} {:?} {:?}",
        stores.vault.load(stores.acme, id).await.unwrap(),
        stores.vault
    );
    assert!(!shown.contains(canary) && !shown.contains(text), "{shown}");
}

#[tokio::test]
async fn what_needs_a_key_is_counted_until_it_has_moved() {
    for stores in stores_everywhere().await {
        let (old, new) = (new_entry().unwrap(), new_entry().unwrap());
        let id_of = |entry: &SecretString| entry.expose_secret().split(':').next().unwrap().to_owned();
        let with = |entries: &[&SecretString]| {
            let keys = Arc::new(KeyRing::parse(entries.iter().copied()).unwrap());
            let tokens = crate::tokens::Tokens::new(stores.database.clone(), keys.clone());
            (Vault::new(stores.database.clone(), keys), tokens)
        };
        let token = |name: &str| NewToken {
            organization_id: stores.acme,
            connection_id: None,
            name: name.to_owned(),
            scopes: Vec::new(),
            expires_at: None,
        };
        let (_, tokens) = with(&[&old]);
        let used = tokens.create(token("used")).await.unwrap();
        let revoked = tokens.create(token("revoked")).await.unwrap();
        tokens.revoke(stores.acme, revoked.token.id).await.unwrap();
        let (vault, tokens) = with(&[&new, &old]);
        let left = async || {
            let uses = vault.key_uses().await.unwrap();
            uses.get(&id_of(&old)).map_or(0, |needs| needs.tokens)
        };
        assert_eq!(left().await, 1);
        tokens.verify(used.text.expose_secret()).await.unwrap().unwrap();
        while left().await > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(vault.key_uses().await.unwrap()[&id_of(&new)].tokens, 1);
        assert_eq!(vault.open_links(chrono::Utc::now()).await.unwrap(), 0);
    }
}
