//! Connections that are brought back, and what becomes of their tokens.

use super::*;

#[tokio::test]
async fn new_credentials_bring_a_connection_back_under_the_same_id() {
    for server in servers().await {
        let connection = server.connect().await;
        let before = server
            .engine
            .rotate_token(server.organization, connection.id, None, &Origin::operator())
            .await
            .unwrap();
        server.move_to(&connection, Status::ReauthRequired).await;
        let other = server.reauthorize(&connection, "chief", "sesame-chief", false).await;
        assert_eq!(other.unwrap_err().code(), "ACCOUNT_MISMATCH");
        assert_eq!(server.status(&connection).await, Status::ReauthRequired);
        let wrong = server.reauthorize(&connection, "clerk", "sesame-wrong", false).await;
        assert_eq!(wrong.unwrap_err().code(), "INVALID_CREDENTIALS");
        let done = server
            .reauthorize(&connection, "clerk", "sesame-again", false)
            .await
            .unwrap();
        assert_eq!(
            (done.connection.id, done.connection.status),
            (connection.id, Status::Active)
        );
        assert!(done.old_tokens_end_at > database::now());
        let text = secrecy::ExposeSecret::expose_secret(&before.token.text).to_owned();
        assert!(
            server.engine.tokens.verify(&text).await.unwrap().is_some(),
            "the grace period"
        );
        let stored = server
            .engine
            .vault
            .load(server.organization, connection.id)
            .await
            .unwrap();
        assert_eq!(stored.fields.expose().unwrap()["password"], "sesame-again");
        let kinds = server.kinds(&connection).await;
        assert!(
            kinds.ends_with(&[
                "connection.reauthorized".to_owned(),
                "connection.token_rotated".to_owned()
            ]),
            "{kinds:?}"
        );
        let allowed = server
            .reauthorize(&connection, "chief", "sesame-chief", true)
            .await
            .unwrap();
        assert_eq!(allowed.connection.status, Status::Active);
        // The account is now that of the chief.
        let back = server.reauthorize(&connection, "clerk", "sesame-again", false).await;
        assert_eq!(back.unwrap_err().code(), "ACCOUNT_MISMATCH");
        let balance = credits::balance(&server.engine.database, server.organization)
            .await
            .unwrap();
        assert_eq!(balance.used, 2, "credits are kept");
        let foreign = server
            .engine
            .reauthorize(
                server.rival,
                connection.id,
                Reauthorize {
                    settings: Map::new(),
                    credentials: credentials("clerk", "sesame-again"),
                    credentials_expire_at: None,
                    allow_other_account: true,
                },
                &Origin::operator(),
                |_| {},
            )
            .await;
        assert_eq!(foreign.unwrap_err().code(), "CONNECTION_NOT_FOUND");
    }
}

#[tokio::test]
async fn what_was_paused_stays_paused_and_what_was_disabled_is_refused() {
    let server = server().await;
    let connection = server.connect().await;
    server.move_to(&connection, Status::Paused).await;
    let done = server
        .reauthorize(&connection, "clerk", "sesame-again", false)
        .await
        .unwrap();
    assert_eq!(done.connection.status, Status::Paused);
    server.move_to(&connection, Status::Disabled).await;
    let refused = server.reauthorize(&connection, "clerk", "sesame-again", false).await;
    assert_eq!(refused.unwrap_err().code(), "CONNECTION_DISABLED");
    let new = NewReconnectLink {
        connection_id: connection.id,
        allow_account_change: false,
        page: PageOptions::default(),
    };
    let refused = create_reconnect_link(&server.engine, server.organization, new.clone(), &Origin::operator()).await;
    assert_eq!(refused.unwrap_err().code(), "CONNECTION_DISABLED");
    let foreign = create_reconnect_link(&server.engine, server.rival, new, &Origin::operator()).await;
    assert_eq!(foreign.unwrap_err().code(), "CONNECTION_NOT_FOUND");
}

#[tokio::test]
async fn a_pending_connection_becomes_active_with_credentials_that_work() {
    let server = server().await;
    let request = NewConnectionRequest {
        credentials: credentials("clerk", "sesame-wrong"),
        credentials_expire_at: None,
        verify: false,
        ..server.request("c-1")
    };
    let created = server
        .engine
        .create_connection(request, &Origin::operator(), |_| {})
        .await
        .unwrap();
    assert_eq!(created.connection.status, Status::Pending);
    assert_eq!(server.paper.calls.load(Ordering::SeqCst), 0);
    let done = server
        .reauthorize(&created.connection, "clerk", "sesame-open", false)
        .await
        .unwrap();
    assert_eq!(done.connection.status, Status::Active);
    let balance = credits::balance(&server.engine.database, server.organization)
        .await
        .unwrap();
    assert_eq!(balance.used, 2);
    assert!(
        server
            .kinds(&created.connection)
            .await
            .contains(&EventKind::Activated.as_str().to_owned())
    );
}

#[tokio::test]
async fn the_told_address_makes_a_fresh_link_while_the_connection_waits() {
    for server in servers().await {
        let connection = server.connect().await;
        assert_eq!(reconnect_address(&server.engine, &connection), None);
        server.move_to(&connection, Status::ReauthRequired).await;
        let waiting = server
            .engine
            .connections
            .get(server.organization, connection.id)
            .await
            .unwrap();
        let address = reconnect_address(&server.engine, &waiting).unwrap();
        assert_eq!(reconnect_address(&server.engine, &waiting).unwrap(), address);
        let text = address.strip_prefix("https://lineshaft.example/reconnect/").unwrap();
        let link = open_reconnect(&server.engine, text).await.unwrap();
        let browser = server.opened(&link).await;
        let shown = state(&server.engine, &browser.token, &browser.visitor).await.unwrap();
        let past = shown.connection.unwrap();
        assert_eq!(
            (shown.connector.as_deref(), &past.settings["base_url"]),
            (Some("paper"), &json!("https://paper.example"))
        );
        let mut forged = text.to_owned();
        forged.replace_range(0..1, if text.starts_with('0') { "1" } else { "0" });
        for bad in [
            forged.as_str(),
            "",
            "a.b.c",
            &text[..text.len() - 2],
            &format!("{text}.x"),
        ] {
            assert_eq!(
                open_reconnect(&server.engine, bad).await.unwrap_err().code(),
                "LINK_NOT_FOUND",
                "{bad}"
            );
        }
        let completed = server.try_with(&browser, "sesame-again").await.unwrap();
        assert_eq!(
            (completed.connection.id, completed.connection.status),
            (connection.id, Status::Active)
        );
        assert_eq!(
            open_reconnect(&server.engine, text).await.unwrap_err().code(),
            "LINK_EXPIRED"
        );
    }
}

#[tokio::test]
async fn streams_learn_that_their_token_ended_elsewhere() {
    for server in servers().await {
        let new = |expires_at| NewToken {
            organization_id: server.organization,
            connection_id: None,
            name: "stream".to_owned(),
            scopes: Vec::new(),
            expires_at,
        };
        let tokens = &server.engine.tokens;
        let revoked = tokens.create(new(None)).await.unwrap().token.id;
        let expiring = tokens
            .create(new(Some(database::now() + chrono::TimeDelta::milliseconds(300))))
            .await
            .unwrap()
            .token
            .id;
        let lasting = tokens.create(new(None)).await.unwrap().token.id;
        let other_process = Tokens::new(server.engine.database.clone(), server.engine.keys.clone());
        let (first, second) = (tokens.ended(revoked), tokens.ended(expiring));
        let stays = tokens.ended(lasting);
        let ends = async { tokio::join!(first, second) };
        let revoke = async { other_process.revoke(server.organization, revoked).await.unwrap() };
        let in_time = tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(ends, revoke).0 });
        tokio::select! {
            ended = in_time => assert_eq!(ended.unwrap(), (Ended::Revoked, Ended::Expired)),
            _ = stays => panic!("a valid token ended"),
        }
    }
}

#[tokio::test]
async fn without_grace_old_tokens_end_at_once() {
    let server = server().await;
    let connection = server.connect().await;
    let rotate = |grace| {
        server
            .engine
            .rotate_token(server.organization, connection.id, grace, &REMOTE)
    };
    static REMOTE: Origin = Origin::operator();
    let first = rotate(None).await.unwrap().token;
    let second = rotate(Some(Duration::ZERO)).await.unwrap().token;
    let text = |issued: &crate::tokens::Issued| secrecy::ExposeSecret::expose_secret(&issued.text).to_owned();
    assert!(server.engine.tokens.verify(&text(&first)).await.unwrap().is_none());
    assert!(server.engine.tokens.verify(&text(&second)).await.unwrap().is_some());
    let foreign = server.engine.revoke_token(server.rival, second.token.id, &REMOTE).await;
    assert!(matches!(foreign, Err(crate::tokens::Error::NotFound(_))));
    server
        .engine
        .revoke_token(server.organization, second.token.id, &REMOTE)
        .await
        .unwrap();
    assert!(server.engine.tokens.verify(&text(&second)).await.unwrap().is_none());
    let foreign = server
        .engine
        .rotate_token(server.rival, connection.id, None, &REMOTE)
        .await;
    assert!(matches!(foreign, Err(crate::tokens::Error::UnknownConnection(_))));
}
