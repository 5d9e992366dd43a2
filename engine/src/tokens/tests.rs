//! What tokens promise, told as tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    connections::Status,
    database::testing::{Stores, new_connection, set_status, stores, stores_everywhere},
    secrets::new_entry,
};

fn new_token(organization_id: Uuid) -> NewToken {
    NewToken {
        organization_id,
        connection_id: None,
        name: "reporting".to_owned(),
        scopes: vec!["read".to_owned()],
        expires_at: None,
    }
}

async fn only_token(stores: &Stores) -> Token {
    stores.tokens.list(stores.acme, None, None, 10).await.unwrap().remove(0)
}

/// Lets the note of a use be written, which nothing waits for.
async fn until_noted(stores: &Stores) -> Token {
    for _ in 0..10_000 {
        let token = only_token(stores).await;
        if token.last_used_at.is_some() {
            return token;
        }
        tokio::task::yield_now().await;
    }
    panic!("the use was not noted");
}

#[tokio::test]
async fn a_token_tells_who_calls() {
    for stores in stores_everywhere().await {
        let issued = stores.tokens.create(new_token(stores.acme)).await.unwrap();
        let text = issued.text.expose_secret();
        assert!(text.starts_with("lsk_") && text.len() == 47, "{}", text.len());
        assert_eq!(issued.token.prefix, &text[..12]);
        // Twice: from the database, and from what is remembered.
        for _ in 0..2 {
            let caller = stores.tokens.verify(text).await.unwrap().unwrap();
            assert_eq!(caller.organization_id, stores.acme);
            assert_eq!(caller.token_id, issued.token.id);
            assert_eq!(caller.scope, Scope::Organization);
            assert!(caller.may("read") && !caller.may("write"));
        }
    }
}

#[tokio::test]
async fn a_connection_token_speaks_for_its_connection_only() {
    let stores = stores().await;
    let connection = stores
        .connections
        .add(new_connection(stores.acme, "ERP"))
        .await
        .unwrap();
    let of_connection = NewToken {
        connection_id: Some(connection.id),
        ..new_token(stores.acme)
    };
    let issued = stores.tokens.create(of_connection).await.unwrap();
    assert!(issued.text.expose_secret().starts_with("lsc_"));
    let caller = stores
        .tokens
        .verify(issued.text.expose_secret())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(caller.scope, Scope::Connection(connection.id));
    stores.tokens.create(new_token(stores.acme)).await.unwrap();
    let listed = stores
        .tokens
        .list(stores.acme, Some(connection.id), None, 10)
        .await
        .unwrap();
    assert_eq!(
        listed.iter().map(|token| token.id).collect::<Vec<_>>(),
        [issued.token.id]
    );
}

#[tokio::test]
async fn a_token_cannot_be_made_for_a_connection_of_another_organization_or_a_removed_one() {
    for stores in stores_everywhere().await {
        let connection = stores
            .connections
            .add(new_connection(stores.acme, "ERP"))
            .await
            .unwrap();
        let foreign = NewToken {
            connection_id: Some(connection.id),
            ..new_token(stores.rival)
        };
        let refused = stores.tokens.create(foreign).await;
        assert!(matches!(refused, Err(Error::UnknownConnection(id)) if id == connection.id));
        set_status(&stores, connection.id, Status::Disconnected).await;
        let removed = NewToken {
            connection_id: Some(connection.id),
            ..new_token(stores.acme)
        };
        assert!(matches!(
            stores.tokens.create(removed).await,
            Err(Error::UnknownConnection(_))
        ));
        let nobody = stores.tokens.create(new_token(Uuid::now_v7())).await;
        assert!(matches!(nobody, Err(Error::UnknownOrganization(_))));
    }
}

#[tokio::test]
async fn what_is_no_token_is_nobody() {
    let stores = stores().await;
    let unknown = random_text("lsk_").unwrap();
    for text in [
        "",
        "lsk_",
        "Bearer",
        &"x".repeat(10_000),
        "lsk_é",
        unknown.as_str(),
        &unknown.replace("lsk_", "lsx_"),
    ] {
        assert_eq!(stores.tokens.verify(text).await.unwrap(), None);
    }
    let issued = stores.tokens.create(new_token(stores.acme)).await.unwrap();
    let other_kind = issued.text.expose_secret().replace("lsk_", "lsc_");
    assert_eq!(stores.tokens.verify(&other_kind).await.unwrap(), None);
}

#[tokio::test]
async fn a_revoked_token_is_nobody_at_once() {
    for stores in stores_everywhere().await {
        let issued = stores.tokens.create(new_token(stores.acme)).await.unwrap();
        let text = issued.text.expose_secret();
        assert!(stores.tokens.verify(text).await.unwrap().is_some());
        let foreign = stores.tokens.revoke(stores.rival, issued.token.id).await;
        assert!(matches!(foreign, Err(Error::NotFound(_))));
        assert!(stores.tokens.verify(text).await.unwrap().is_some());
        stores.tokens.revoke(stores.acme, issued.token.id).await.unwrap();
        assert_eq!(stores.tokens.verify(text).await.unwrap(), None);
        let revoked_at = only_token(&stores).await.revoked_at;
        assert!(revoked_at.is_some());
        stores.tokens.revoke(stores.acme, issued.token.id).await.unwrap();
        assert_eq!(only_token(&stores).await.revoked_at, revoked_at);
    }
}

#[tokio::test]
async fn an_expired_token_is_nobody_even_if_it_was_remembered() {
    let stores = stores().await;
    let past = NewToken {
        expires_at: Some(database::now() - TimeDelta::seconds(1)),
        ..new_token(stores.acme)
    };
    let issued = stores.tokens.create(past).await.unwrap();
    assert_eq!(stores.tokens.verify(issued.text.expose_secret()).await.unwrap(), None);

    let end = database::now() + TimeDelta::minutes(5);
    let issued = stores
        .tokens
        .create(NewToken {
            expires_at: Some(end),
            ..new_token(stores.acme)
        })
        .await
        .unwrap();
    let text = issued.text.expose_secret();
    assert!(stores.tokens.verify(text).await.unwrap().is_some());
    let remembered = stores
        .tokens
        .verified
        .get(&stores.keys.token_hashes(text)[0])
        .await
        .unwrap();
    assert!(remembered.caller_at(end - TimeDelta::microseconds(1)).is_some());
    assert!(remembered.caller_at(end).is_none());
}

#[tokio::test]
async fn a_use_is_noted_at_most_once_a_minute() {
    let stores = stores().await;
    let issued = stores.tokens.create(new_token(stores.acme)).await.unwrap();
    assert_eq!(only_token(&stores).await.last_used_at, None);
    stores.tokens.verify(issued.text.expose_secret()).await.unwrap();
    let first = until_noted(&stores).await.last_used_at;
    stores.tokens.forget_verified();
    stores.tokens.verify(issued.text.expose_secret()).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(only_token(&stores).await.last_used_at, first);
}

#[tokio::test]
async fn a_token_outlives_the_rotation_of_the_key_ring() {
    let stores = stores().await;
    let (old, new) = (new_entry().unwrap(), new_entry().unwrap());
    let with = |entries: &[&SecretString]| {
        let keys = KeyRing::parse(entries.iter().copied()).unwrap();
        Tokens::new(stores.database.clone(), Arc::new(keys))
    };
    let issued = with(&[&old]).create(new_token(stores.acme)).await.unwrap();
    let text = issued.text.expose_secret();
    assert!(with(&[&new, &old]).verify(text).await.unwrap().is_some());
    until_noted(&stores).await;
    assert!(
        with(&[&new]).verify(text).await.unwrap().is_some(),
        "its hash has moved to the new key"
    );
    assert!(with(&[&old]).verify(text).await.unwrap().is_none());
}

#[test]
fn random_texts_use_the_whole_alphabet() {
    let texts: String = (0..200).map(|_| random_text("lsc_").unwrap()[4..].to_owned()).collect();
    for character in ALPHABET {
        assert!(texts.as_bytes().contains(character));
    }
}

#[tokio::test]
async fn tokens_are_listed_a_page_at_a_time_for_their_organization_only() {
    let stores = stores().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stores.tokens.create(new_token(stores.acme)).await.unwrap().token.id);
    }
    let first = stores.tokens.list(stores.acme, None, None, 2).await.unwrap();
    let rest = stores
        .tokens
        .list(stores.acme, None, Some(first[1].id), 2)
        .await
        .unwrap();
    assert_eq!(first.iter().chain(&rest).map(|token| token.id).collect::<Vec<_>>(), ids);
    assert!(
        stores
            .tokens
            .list(stores.rival, None, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}
