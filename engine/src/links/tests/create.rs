//! Connections that are made, and what is refused.

use super::*;

#[tokio::test]
async fn a_connection_is_stored_active_with_its_credits_account_token_and_events() {
    for server in servers().await {
        server.paper.forbids_assets.store(true, Ordering::SeqCst);
        let steps = Mutex::new(Vec::new());
        let created = server
            .engine
            .create_connection(server.request("c-1"), &Origin::operator(), |step| {
                steps.lock().unwrap().push((step.name.as_str(), step.state));
            })
            .await
            .unwrap();
        let connection = created.connection;
        assert_eq!(
            (connection.status, connection.name.as_str()),
            (Status::Active, "Paper of Customer c-1")
        );
        assert_eq!(created.warnings, ["Asset: the account has no permission to read it"]);
        assert!(steps.lock().unwrap().contains(&("sign_in", StepState::Ok)));
        assert!(steps.lock().unwrap().contains(&("entity", StepState::Warning)));
        assert_eq!(
            server.kinds(&connection).await,
            ["connection.created", "credits.reserved", "connection.activated"]
        );
        let balance = credits::balance(&server.engine.database, server.organization)
            .await
            .unwrap();
        assert_eq!(balance.used, 2);
        let text = created.token.unwrap().text;
        let caller = server
            .engine
            .tokens
            .verify(secrecy::ExposeSecret::expose_secret(&text))
            .await
            .unwrap();
        assert_eq!(caller.unwrap().scope, crate::tokens::Scope::Connection(connection.id));
    }
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let server = server().await;
    let with = |change: &dyn Fn(&mut NewConnectionRequest)| {
        let mut request = server.request("c-1");
        change(&mut request);
        request
    };
    let wrong = |request: &mut NewConnectionRequest| request.credentials = credentials("clerk", "sesame-wrong");
    let long = "x".repeat(30_000);
    for (code, request) in [
        (
            "CONNECTOR_UNKNOWN",
            with(&|request| request.connector = "papyrus".to_owned()),
        ),
        ("INVALID_FORM", with(&|request| request.settings = Map::new())),
        (
            "INVALID_FORM",
            with(&|request| drop(request.settings.insert("note".to_owned(), long.as_str().into()))),
        ),
        (
            "INVALID_FORM",
            with(&|request| request.credentials = credentials("clerk", &long)),
        ),
        (
            "INVALID_FORM",
            with(&|request| request.credentials = SecretFields::new(object(json!({"username": 7})))),
        ),
        ("INVALID_VALUE", with(&|request| request.name = Some(" ".to_owned()))),
        (
            "INVALID_VALUE",
            with(&|request| request.customer = Some(customer_named(&"x".repeat(300)))),
        ),
        ("INVALID_CREDENTIALS", with(&wrong)),
    ] {
        let error = server
            .engine
            .create_connection(request, &Origin::operator(), |_| {})
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!format!("{error} {error:?}").contains("sesame-wrong"), "{error:?}");
    }
    assert_eq!(server.count_connections().await, 0);
    let balance = credits::balance(&server.engine.database, server.organization)
        .await
        .unwrap();
    assert_eq!(balance.used, 0);
}

#[tokio::test]
async fn many_at_once_never_spend_more_credits_than_there_are() {
    for server in servers().await {
        let origin = Origin::operator();
        let grant = credits::grant(&server.engine.journal, &origin, server.organization, -93, None);
        assert_eq!(grant.await.unwrap().available, 7);
        let creates = (0..12).map(|number| {
            let request = server.request(&format!("c-{}", number % 3));
            let origin = Origin::operator();
            let server = &server;
            async move { server.engine.create_connection(request, &origin, |_| {}).await }
        });
        let results = join_all(creates).await;
        let made = results.iter().filter(|result| result.is_ok()).count();
        let codes: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .map(CreateError::code)
            .collect();
        assert_eq!((made, codes), (3, vec!["CREDITS_EXHAUSTED"; 9]));
        assert_eq!(server.count_connections().await, 3);
        let calls = server.paper.calls.load(Ordering::SeqCst);
        let late = server
            .engine
            .create_connection(server.request("c-9"), &Origin::operator(), |_| {})
            .await;
        assert_eq!(late.unwrap_err().code(), "CREDITS_EXHAUSTED");
        assert_eq!(server.paper.calls.load(Ordering::SeqCst), calls, "nothing is sent");
    }
}

#[tokio::test]
async fn the_deployment_decides_the_price() {
    let server = server().await;
    let request = NewConnectionRequest {
        deployment: Some(Deployment::OnPremises),
        ..server.request("c-1")
    };
    server
        .engine
        .create_connection(request, &Origin::operator(), |_| {})
        .await
        .unwrap();
    let balance = credits::balance(&server.engine.database, server.organization)
        .await
        .unwrap();
    assert_eq!(balance.used, 4);
}
