//! Links from their making to the exchange of their codes.

use super::*;

#[tokio::test]
async fn a_link_leads_to_one_connection_and_its_code_to_one_token() {
    for server in servers().await {
        let link = server.link().await;
        assert!(link.url.starts_with("https://lineshaft.example/connect/lsl_"));
        let browser = server.opened(&link).await;
        let shown = state(&server.engine, &browser.token, &browser.visitor).await.unwrap();
        assert_eq!((shown.status, shown.connectors.len()), ("open", 1));
        assert!(!serde_json::to_string(&shown).unwrap().contains("tier"));

        let failure = server.try_with(&browser, "sesame-wrong").await.unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.tries_left),
            ("INVALID_CREDENTIALS", Some(9))
        );
        assert_eq!(failure.problems[0].field.as_deref(), Some("password"));
        assert!(
            !serde_json::to_string(&failure).unwrap().contains("sesame-wrong"),
            "{failure:?}"
        );
        assert_eq!(server.count_connections().await, 0);

        let tries = (0..20).map(|_| server.try_with(&browser, "sesame-open"));
        let results = join_all(tries).await;
        let done: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(done.len(), 1);
        for failure in results.iter().filter_map(|result| result.as_ref().err()) {
            assert!(
                ["LINK_BUSY", "LINK_USED"].contains(&failure.code.as_str()),
                "{failure:?}"
            );
        }
        assert_eq!(server.count_connections().await, 1);
        let code = done[0].done.code.clone().unwrap();
        assert_eq!(
            done[0].done.redirect.as_deref(),
            Some(format!("https://app.example/back?t=1&code={code}").as_str())
        );
        let again = state(&server.engine, &browser.token, &browser.visitor).await.unwrap();
        assert_eq!(again.done.unwrap().code.as_ref(), Some(&code));

        let stranger = exchange_code(&server.engine, Some(server.rival), &code, &Origin::server()).await;
        assert_eq!(stranger.unwrap_err().code(), "CODE_INVALID");
        let (origin, engine) = (Origin::server(), &server.engine);
        let exchanges = (0..20).map(|_| exchange_code(engine, None, &code, &origin));
        let exchanged: Vec<_> = join_all(exchanges).await.into_iter().filter_map(Result::ok).collect();
        assert_eq!(exchanged.len(), 1);
        let text = secrecy::ExposeSecret::expose_secret(&exchanged[0].token);
        let caller = server.engine.tokens.verify(text).await.unwrap().unwrap();
        assert_eq!(caller.scope, crate::tokens::Scope::Connection(done[0].connection.id));
        let spent = state(&server.engine, &browser.token, &browser.visitor).await.unwrap();
        assert_eq!(spent.done.unwrap().code, None);
    }
}

#[tokio::test]
async fn a_link_belongs_to_the_browser_that_opened_it_last() {
    let server = server().await;
    let link = server.link().await;
    let first = server.opened(&link).await;
    let second = server.opened(&link).await;
    assert_eq!(
        server.try_with(&first, "sesame-open").await.unwrap_err().code,
        "LINK_OPENED_ELSEWHERE"
    );
    // A try under way keeps others out.
    let attempt = begin(
        &server.engine,
        &second.token,
        &second.visitor,
        submission("sesame-open"),
    )
    .await
    .unwrap();
    let taken = open(&server.engine, &first.token, &Visitor::default()).await;
    assert_eq!(taken.unwrap_err().code(), "LINK_BUSY");
    attempt.run(&server.engine, |_| {}).await.unwrap();
    for visitor in [&first.visitor, &Visitor::default()] {
        assert_eq!(
            state(&server.engine, &first.token, visitor).await.unwrap_err().code(),
            "LINK_USED"
        );
        assert_eq!(
            open(&server.engine, &first.token, visitor).await.unwrap_err().code(),
            "LINK_USED"
        );
    }
}

#[tokio::test]
async fn links_that_do_not_work_say_why() {
    for server in servers().await {
        let unknown = tokens::random_text(LINK).unwrap();
        for text in [unknown.as_str(), "lsl_short", "", "../../x"] {
            let error = open(&server.engine, text, &Visitor::default()).await.unwrap_err();
            assert_eq!((error.code(), error.status()), ("LINK_NOT_FOUND", Some("unknown")));
        }
        let expired = server.link().await;
        let browser = server.opened(&expired).await;
        server.expire(expired.id).await;
        assert_eq!(
            server.try_with(&browser, "sesame-open").await.unwrap_err().code,
            "LINK_EXPIRED"
        );
        let withdrawn = server.link().await;
        let browser = server.opened(&withdrawn).await;
        let foreign = revoke_link(&server.engine, server.rival, withdrawn.id, &Origin::operator()).await;
        assert_eq!(foreign.unwrap_err().code(), "LINK_NOT_FOUND");
        revoke_link(&server.engine, server.organization, withdrawn.id, &Origin::operator())
            .await
            .unwrap();
        assert_eq!(
            server.try_with(&browser, "sesame-open").await.unwrap_err().code,
            "LINK_REVOKED"
        );

        let worn = server.link().await;
        let browser = server.opened(&worn).await;
        for left in (0..10).rev() {
            let failure = server.try_with(&browser, "sesame-wrong").await.unwrap_err();
            assert_eq!(
                (failure.code.as_str(), failure.tries_left),
                ("INVALID_CREDENTIALS", Some(left))
            );
        }
        let calls = server.paper.calls.load(Ordering::SeqCst);
        assert_eq!(
            server.try_with(&browser, "sesame-open").await.unwrap_err().code,
            "LINK_TRIES_EXHAUSTED"
        );
        assert_eq!(server.paper.calls.load(Ordering::SeqCst), calls);
        assert_eq!(server.count_connections().await, 0);
    }
}

#[tokio::test]
async fn a_link_offers_only_what_it_was_made_for() {
    let server = server().await;
    let new = |connector: Option<&str>, allowed: Option<&[&str]>| NewConnectLink {
        customer: customer_named("c-1"),
        connector: connector.map(str::to_owned),
        allowed_connectors: allowed.map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
        page: PageOptions::default(),
    };
    for (code, bad) in [
        ("CONNECTOR_UNKNOWN", new(Some("papyrus"), None)),
        ("CONNECTOR_UNKNOWN", new(None, Some(&["paper", "papyrus"]))),
        ("INVALID_LINK_OPTION", new(None, Some(&[]))),
    ] {
        let error = create_connect_link(&server.engine, server.organization, bad, &Origin::operator()).await;
        assert_eq!(error.unwrap_err().code(), code);
    }
    let only = new(Some("paper"), None);
    let link = create_connect_link(&server.engine, server.organization, only, &Origin::operator()).await;
    let browser = server.opened(&link.unwrap()).await;
    let form = form(&server.engine, &browser.token, "paper").await.unwrap();
    let way = form.ways.iter().find(|way| way.id == "page").unwrap();
    assert!(way.kind == "sign_in" && way.credentials.is_empty(), "{way:?}");
    for (code, connector) in [("CONNECTOR_UNKNOWN", "papyrus")] {
        let error = super::form(&server.engine, &browser.token, connector)
            .await
            .unwrap_err();
        assert_eq!(error.code(), code);
    }
    let bad_way = Submission {
        way: Some("telepathy".to_owned()),
        ..submission("sesame-open")
    };
    let error = begin(&server.engine, &browser.token, &browser.visitor, bad_way)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "INVALID_FORM");
}

#[tokio::test]
async fn a_sign_in_elsewhere_keeps_the_refresh_token_that_the_trial_got() {
    for server in servers().await {
        // The first access token is told to end at once, so that the trial renews it.
        server.paper.short_lived.store(true, Ordering::SeqCst);
        let browser = server.opened(&server.link().await).await;
        let form = || Submission {
            way: Some("page".to_owned()),
            credentials: SecretFields::new(Map::new()),
            ..submission("")
        };
        let address = authorize(&server.engine, &browser.token, &browser.visitor, form())
            .await
            .unwrap();
        let address = url::Url::parse(&address).unwrap();
        let asked: std::collections::HashMap<_, _> = address.query_pairs().into_owned().collect();
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["redirect_uri"], "https://lineshaft.example/connect/callback");
        let state_text = &asked["state"];
        let back = format!("code=paper-code&state={state_text}");
        for (query, visitor) in [
            (back.clone(), Visitor::default()),
            (format!("code=paper-code&state={state_text}x"), browser.visitor.clone()),
            ("code=paper-code".to_owned(), browser.visitor.clone()),
            (String::new(), browser.visitor.clone()),
        ] {
            let error = callback(&server.engine, &query, &visitor).await.unwrap_err();
            assert_eq!(error.code(), "STATE_INVALID", "{query}");
        }
        assert_eq!(server.count_connections().await, 0);
        let declined = format!("error=access_denied&state={state_text}");
        let returned = callback(&server.engine, &declined, &browser.visitor).await.unwrap();
        assert_eq!(returned.path, format!("/connect/{}", browser.token));
        let shown = state(&server.engine, &browser.token, &browser.visitor).await.unwrap();
        assert_eq!(shown.pending.unwrap().error.unwrap().code, "SIGN_IN_DECLINED");
        assert_eq!(
            callback(&server.engine, &back, &browser.visitor)
                .await
                .unwrap_err()
                .code(),
            "STATE_INVALID"
        );

        let address = authorize(&server.engine, &browser.token, &browser.visitor, form())
            .await
            .unwrap();
        let address = url::Url::parse(&address).unwrap();
        let asked: std::collections::HashMap<_, _> = address.query_pairs().into_owned().collect();
        let back = format!("code=paper-code&state={}", asked["state"]);
        callback(&server.engine, &back, &browser.visitor).await.unwrap();
        let shown = state(&server.engine, &browser.token, &browser.visitor).await.unwrap();
        assert_eq!(shown.status, "done", "{:?}", shown.pending);
        let code = shown.done.unwrap().code.unwrap();
        let exchanged = exchange_code(&server.engine, Some(server.organization), &code, &Origin::server())
            .await
            .unwrap();
        let id = exchanged.connection.id;
        let stored = server.engine.vault.load(server.organization, id).await.unwrap();
        let names: Vec<_> = stored.fields.expose().unwrap().keys().cloned().collect();
        assert_eq!(names, ["refresh_token"], "the application's credentials are not stored");
        let session = server
            .engine
            .vault
            .load_session(server.organization, id)
            .await
            .unwrap()
            .unwrap();
        let current = format!("refresh-{}", *server.paper.refresh.lock().unwrap());
        assert_eq!(session.fields.expose().unwrap()["refresh_token"], current.as_str());
        assert_eq!(session.credential_version, stored.version);
        assert!(
            sweep(&server.engine).await.unwrap() >= 1,
            "what was remembered of sign-ins is removed"
        );
    }
}

#[tokio::test]
async fn expired_codes_are_wiped() {
    for server in servers().await {
        let browser = server.opened(&server.link().await).await;
        let code = server
            .try_with(&browser, "sesame-open")
            .await
            .unwrap()
            .done
            .code
            .unwrap();
        assert_eq!(sweep(&server.engine).await.unwrap(), 0);
        exchange_code::Entity::update_of_all()
            .set(exchange_code::ActiveModel {
                expires_at: Set(database::now()),
                ..Default::default()
            })
            .exec(&server.engine.database)
            .await
            .unwrap();
        let late = super::exchange_code(&server.engine, None, &code, &Origin::server()).await;
        assert_eq!(late.unwrap_err().code(), "CODE_INVALID");
        assert_eq!(sweep(&server.engine).await.unwrap(), 1);
        let rows = exchange_code::Entity::for_organization(server.organization)
            .all(&server.engine.database)
            .await
            .unwrap();
        assert!(rows[0].ciphertext.is_none() && rows[0].used_at.is_none());
        assert_eq!(connect_link::Purpose::Connect.to_value(), "connect");
    }
}
