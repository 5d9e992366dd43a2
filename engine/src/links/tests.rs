//! What links promise, on both kinds of database, over a system that a function plays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use lineshaft_connect::{
    Error,
    transport::{Outgoing, Response, Wire},
};
use lineshaft_entities::{connect_link, exchange_code};
use lineshaft_schema::Catalogue;
use sea_orm::ActiveEnum as _;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    Parts,
    applications::{Application, Applications},
    connections::{Connection, CreateError, Deployment, NewConnectionRequest, Reauthorize, ReauthorizeError, Status},
    credentials::SecretFields,
    credits,
    customers::NewCustomer,
    database::testing::{Stores, stores, stores_everywhere},
    events::EventKind,
    lifecycle::{self, Move, Reason},
    registry::Registry,
    tokens::{Ended, NewToken, Tokens},
    trial::StepState,
};

const MANIFEST: &str = r#"
manifest: 1
id: paper
version: 0.1.0
name: Paper
description: A system on paper.
categories: [erp]
tier: 2
deployments: [cloud, on_premises]
settings:
  base_url: {type: url, label: Address, required: true}
  note: {type: text, label: Note, default: none}
auth:
  - id: password
    label: Password
    credentials:
      username: {label: User, secret: false}
      password: {label: Password}
    kind:
      basic: {username: "{{credentials.username}}", password: "{{credentials.password}}"}
  - id: page
    label: Sign in
    credentials:
      client_id: {label: Client, secret: false, application: true}
      client_secret: {label: Secret, application: true}
      refresh_token: {label: Refresh token}
    kind:
      oauth2:
        grant: authorization_code
        authorize_url: "{{settings.base_url}}/authorize"
        token_url: "{{settings.base_url}}/token"
        client_id: "{{credentials.client_id}}"
        client_secret: "{{credentials.client_secret}}"
http: {base_url: "{{settings.base_url}}"}
probe: {request: {path: /me}, identity: [account]}
protocol: json_rest
list:
  request: {path: "/{{resource.remote}}", query: {offset: "{{offset}}", limit: "{{limit}}"}}
  records: items
  paging: {offset: {first: 0}}
  page_size: 100
"#;

/// A system that knows two passwords, rotates refresh tokens, and repeats what it is sent when it refuses.
#[derive(Default)]
struct Paper {
    calls: AtomicUsize,
    forbids_assets: AtomicBool,
    /// The refresh token that is good now; each is good once.
    refresh: Mutex<u32>,
    /// Whether access tokens are told to end at once.
    short_lived: AtomicBool,
}

impl Wire for Paper {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let sign_in = request
            .sign_in
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        let sign_in = sign_in.unwrap_or_default();
        let basic = |text: &str| {
            format!(
                "Basic {}",
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
            )
        };
        let account = match sign_in.as_str() {
            text if text == basic("clerk:sesame-open") => Some("Clerk"),
            text if text == basic("clerk:sesame-again") => Some("Clerk"),
            text if text == basic("chief:sesame-chief") => Some("Chief"),
            text if text.starts_with("Bearer access-") => Some("Clerk"),
            _ => None,
        };
        let path = url::Url::parse(&request.plan.url).unwrap().path().to_owned();
        let (status, body) = match (path.as_str(), account) {
            ("/token", _) => self.token(&format!("{:?}", request.plan.body), request.plan),
            (_, None) => (
                401,
                json!({"error": {"message": format!("wrong: {sign_in}, password sesame-wrong")}}),
            ),
            ("/me", Some(account)) => (200, json!({"account": account})),
            ("/assets", _) if self.forbids_assets.load(Ordering::SeqCst) => (403, json!({})),
            _ => (200, json!({"items": []})),
        };
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        let response = Response {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from(body.to_string()),
        };
        // Trials that are made at the same time take turns in between.
        async move {
            tokio::task::yield_now().await;
            Ok(response)
        }
        .boxed()
    }
}

impl Paper {
    fn token(&self, _: &str, plan: &lineshaft_connect::request::RequestPlan) -> (u16, Value) {
        let lineshaft_connect::request::RequestBody::Form(form) = &plan.body else {
            panic!("no form");
        };
        let field = |name: &str| {
            form.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(
            (field("client_id"), field("client_secret")),
            (Some("our-app"), Some("our-app-secret"))
        );
        let mut refresh = self.refresh.lock().unwrap();
        let good = match field("grant_type").unwrap() {
            "authorization_code" => field("code") == Some("paper-code") && field("code_verifier").is_some(),
            _ => field("refresh_token") == Some(format!("refresh-{refresh}").as_str()),
        };
        if !good {
            return (400, json!({"error": "invalid_grant"}));
        }
        *refresh += 1;
        let lifetime = if self.short_lived.swap(false, Ordering::SeqCst) {
            0
        } else {
            3600
        };
        (
            200,
            json!({"access_token": format!("access-{refresh}"), "refresh_token": format!("refresh-{refresh}"),
                "token_type": "Bearer", "expires_in": lifetime}),
        )
    }
}

struct Server {
    engine: Engine,
    paper: Arc<Paper>,
    organization: Uuid,
    rival: Uuid,
    _stores: Stores,
}

fn server_over(stores: Stores) -> Server {
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    let mapping = "remote: REMOTE\nkey: id\nfields:\n  name: name\n";
    let vendors = mapping.replace("REMOTE", "suppliers");
    let assets = mapping.replace("REMOTE", "assets");
    registry.add_files([
        ("paper/manifest.yaml", MANIFEST),
        ("paper/mappings/Vendor.yaml", vendors.as_str()),
        ("paper/mappings/Asset.yaml", assets.as_str()),
    ]);
    assert!(registry.rejected().is_empty(), "{:#?}", registry.rejected());
    let paper = Arc::new(Paper::default());
    let ours = Application {
        client_id: "our-app".to_owned(),
        client_secret: Some("our-app-secret".into()),
    };
    let engine = Engine::new(Parts {
        database: stores.database.clone(),
        keys: stores.keys.clone(),
        registry,
        wire: paper.clone(),
        settings: crate::Settings {
            applications: Applications::new([("paper".to_owned(), ours)]),
            ..crate::Settings::default()
        },
    });
    engine.serve_under("https://lineshaft.example".to_owned());
    Server {
        engine,
        paper,
        organization: stores.acme,
        rival: stores.rival,
        _stores: stores,
    }
}

async fn servers() -> Vec<Server> {
    stores_everywhere().await.into_iter().map(server_over).collect()
}

async fn server() -> Server {
    server_over(stores().await)
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn credentials(username: &str, password: &str) -> SecretFields {
    SecretFields::new(object(json!({"username": username, "password": password})))
}

fn settings() -> Map<String, Value> {
    object(json!({"base_url": "https://paper.example"}))
}

fn submission(password: &str) -> Submission {
    Submission {
        connector: Some("paper".to_owned()),
        deployment: None,
        settings: settings(),
        way: Some("password".to_owned()),
        credentials: credentials("clerk", password),
        in_window: false,
    }
}

/// A browser with a link.
struct Browser {
    token: String,
    visitor: Visitor,
}

impl Server {
    fn request(&self, customer: &str) -> NewConnectionRequest {
        NewConnectionRequest {
            organization_id: self.organization,
            customer: Some(customer_named(customer)),
            connector: "paper".to_owned(),
            deployment: None,
            name: None,
            settings: settings(),
            credentials: credentials("clerk", "sesame-open"),
            credentials_expire_at: None,
            verify: true,
        }
    }

    async fn connect(&self) -> Connection {
        let created = self
            .engine
            .create_connection(self.request("c-1"), &Origin::operator(), |_| {})
            .await;
        created.unwrap().connection
    }

    async fn link(&self) -> LinkCreated {
        let new = NewConnectLink {
            customer: customer_named("c-1"),
            connector: None,
            allowed_connectors: None,
            page: PageOptions {
                redirect_url: Some("https://app.example/back?t=1".to_owned()),
                ..PageOptions::default()
            },
        };
        create_connect_link(&self.engine, self.organization, new, &Origin::operator())
            .await
            .unwrap()
    }

    async fn opened(&self, link: &LinkCreated) -> Browser {
        let token = link.url.rsplit('/').next().unwrap().to_owned();
        let mut browser = Browser {
            token,
            visitor: Visitor::default(),
        };
        let session = open(&self.engine, &browser.token, &browser.visitor).await.unwrap();
        browser.visitor.cookie = Some(secrecy::ExposeSecret::expose_secret(&session.cookie).to_owned());
        browser
    }

    async fn try_with(&self, browser: &Browser, password: &str) -> Result<Completed, Failure> {
        let attempt = begin(&self.engine, &browser.token, &browser.visitor, submission(password)).await;
        let attempt = attempt.map_err(|error| error.failure())?;
        attempt.run(&self.engine, |_| {}).await
    }

    async fn count_connections(&self) -> usize {
        let filter = crate::connections::Filter::default();
        let page = self
            .engine
            .connections
            .list(self.organization, &filter, None, 100)
            .await;
        page.unwrap().connections.len()
    }

    async fn expire(&self, link: Uuid) {
        connect_link::Entity::update_for_organization(self.organization)
            .set(connect_link::ActiveModel {
                expires_at: Set(database::now()),
                ..Default::default()
            })
            .filter(connect_link::Column::Id.eq(link))
            .exec(&self.engine.database)
            .await
            .unwrap();
    }

    async fn move_to(&self, connection: &Connection, status: Status) {
        let change = self.engine.journal.begin().await.unwrap();
        let from: Vec<Status> = [
            Status::Pending,
            Status::Active,
            Status::Paused,
            Status::ReauthRequired,
            Status::Disabled,
        ]
        .into();
        let step = Move {
            from: &from,
            to: status,
            reason: Some(Reason::InvalidCredentials),
            message: None,
        };
        lifecycle::apply(&change, self.organization, connection.id, step, Default::default())
            .await
            .unwrap();
        change.commit().await.unwrap();
    }

    async fn status(&self, connection: &Connection) -> Status {
        self.engine
            .connections
            .get(self.organization, connection.id)
            .await
            .unwrap()
            .status
    }

    async fn kinds(&self, connection: &Connection) -> Vec<String> {
        use lineshaft_entities::connection_event::{Column, Entity};
        use sea_orm::QueryOrder as _;
        let rows = Entity::for_organization(self.organization)
            .filter(Column::ConnectionId.eq(connection.id))
            .order_by_asc(Column::Sequence)
            .all(&self.engine.database)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.kind).collect()
    }

    async fn reauthorize(
        &self,
        connection: &Connection,
        user: &str,
        password: &str,
        allow: bool,
    ) -> Result<crate::connections::Reauthorized, ReauthorizeError> {
        let new = Reauthorize {
            settings: Map::new(),
            credentials: credentials(user, password),
            credentials_expire_at: None,
            allow_other_account: allow,
        };
        self.engine
            .reauthorize(self.organization, connection.id, new, &Origin::operator(), |_| {})
            .await
    }
}

fn customer_named(id: &str) -> NewCustomer {
    NewCustomer {
        external_id: id.to_owned(),
        name: format!("Customer {id}"),
    }
}

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
            (
                format!("code=paper-code&state={}x", &state_text[..state_text.len() - 1]),
                browser.visitor.clone(),
            ),
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
