//! An engine over a scripted system that speaks `OData`, for tests of what happens to connections.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error, ErrorKind,
    layers::breaker,
    transport::{Outgoing, Response, Wire, retry},
};
use lineshaft_schema::{Catalogue, ConnectionId, Filter, Projection};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Engine, Parts, Session, Settings,
    connections::{Connection, Status},
    database::testing::{Stores, new_connection},
    events::Event,
    query::{Page, PageRequest, Scope},
    registry::Registry,
    tokens::{Caller, Scope as Seen},
};

/// How the system behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It answers.
    Well,
    /// It answers every request with this status.
    Says(u16),
    /// It says that the account may not read vendors.
    DeniesVendors,
    /// It cannot be reached.
    Gone,
}

/// A system whose behaviour is told to it.
pub(crate) struct System {
    mood: Mutex<Mood>,
    calls: AtomicU32,
    slow: Mutex<Duration>,
}

impl System {
    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn be_slow(&self, time: Duration) {
        *self.slow.lock().unwrap() = time;
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Wire for System {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        // What a call meets is decided when it is sent, so that late answers can be had.
        self.calls.fetch_add(1, Ordering::SeqCst);
        let (mood, slow) = (*self.mood.lock().unwrap(), *self.slow.lock().unwrap());
        let path = request.plan.url.clone();
        async move {
            if !slow.is_zero() {
                tokio::time::sleep(slow).await;
            }
            let status = match mood {
                Mood::Gone => return Err(Error::new(ErrorKind::Network, "nobody answers")),
                Mood::Says(status) => status,
                Mood::DeniesVendors if path.contains("Vendors") => 403,
                Mood::DeniesVendors | Mood::Well => 200,
            };
            let body = match path.contains("who") {
                true => json!({"user": {"name": "clerk"}}),
                false => json!({"value": [{"id": "1", "name": "One"}]}),
            };
            let mut response = Response {
                status: status.try_into().unwrap(),
                body: body.to_string().into(),
                ..Response::default()
            };
            let json = "application/json".parse().unwrap();
            response.headers.insert("content-type", json);
            if status == 429 {
                response.headers.insert("retry-after", "30".parse().unwrap());
            }
            Ok(response)
        }
        .boxed()
    }
}

const MANIFEST: &str = r#"{
    "manifest": 1, "id": "tryton", "version": "1.0.0", "name": "Mini", "description": "A connector for tests.",
    "categories": ["erp"], "tier": 3, "deployments": ["cloud"],
    "settings": {"base_url": {"type": "url", "label": "Address", "required": true}},
    "auth": [{
        "id": "basic", "label": "Password",
        "credentials": {"user": {"label": "User", "secret": false}, "password": {"label": "Password"}},
        "kind": {"basic": {"username": "{{credentials.user}}", "password": "{{credentials.password}}"}}
    }],
    "http": {"base_url": "{{settings.base_url}}"},
    "probe": {"request": {"path": "/who"}, "identity": ["user.name"]},
    "protocol": "odata_v4",
    "resources": {
        "Vendor": {"remote": "Vendors", "key": "id", "fields": {"name": "name"}},
        "Asset": {"remote": "Assets", "key": "id", "fields": {"name": "name"}}
    }
}"#;

/// An engine over a scripted system.
pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) system: Arc<System>,
    pub(crate) acme: Uuid,
}

impl World {
    pub(crate) fn over(stores: &Stores) -> Self {
        Self::with(stores, crate::lifecycle::Settings::default())
    }

    pub(crate) fn with(stores: &Stores, health: crate::lifecycle::Settings) -> Self {
        let settings = Settings {
            health,
            ..Settings::default()
        };
        Self::with_settings(stores, settings)
    }

    pub(crate) fn with_settings(stores: &Stores, settings: Settings) -> Self {
        Self::with_manifest(stores, settings, MANIFEST)
    }

    /// Over a system that counts sessions.
    pub(crate) fn counting_sessions(stores: &Stores) -> Self {
        let basic = r#"{"basic": {"username": "{{credentials.user}}", "password": "{{credentials.password}}"}}"#;
        let session = r#"{"session": {
            "login": {"path": "/login", "body": {"user": "{{credentials.user}}"}}, "cookies": true,
            "logout": {"request": {"method": "POST", "path": "/logout"}}
        }}"#;
        Self::with_manifest(stores, Settings::default(), &MANIFEST.replace(basic, session))
    }

    fn with_manifest(stores: &Stores, mut settings: Settings, manifest: &str) -> Self {
        let mut registry = Registry::new(Catalogue::unified().unwrap());
        registry.add_files([("tryton/manifest.yaml", manifest)]);
        assert!(registry.rejected().is_empty(), "{:?}", registry.rejected());
        let system = Arc::new(System {
            mood: Mutex::new(Mood::Well),
            calls: AtomicU32::new(0),
            slow: Mutex::default(),
        });
        settings.connector.retry = retry::Settings {
            most: 0,
            ..retry::Settings::default()
        };
        settings.connector.breaker = breaker::Settings {
            faults_in_a_row: 3,
            first_open: Duration::from_millis(50),
            longest_open: Duration::from_millis(50),
            ..breaker::Settings::default()
        };
        let engine = Engine::new(Parts {
            database: stores.database.clone(),
            keys: stores.keys.clone(),
            registry,
            wire: system.clone(),
            settings,
        });
        Self {
            engine: Arc::new(engine),
            system,
            acme: stores.acme,
        }
    }

    pub(crate) async fn connection(&self, name: &str) -> Uuid {
        let mut new = new_connection(self.acme, name);
        new.settings.insert("base_url".to_owned(), "https://erp.example".into());
        self.engine.connections.add(new).await.unwrap().id
    }

    pub(crate) async fn active(&self, name: &str) -> Uuid {
        let id = self.connection(name).await;
        let active = self.engine.activate_untried(self.acme, id).await.unwrap();
        assert_eq!(active.status, Status::Active);
        id
    }

    pub(crate) async fn get(&self, id: Uuid) -> Connection {
        self.engine.connections.get(self.acme, id).await.unwrap()
    }

    pub(crate) async fn status(&self, id: Uuid) -> (Status, Option<String>) {
        let connection = self.get(id).await;
        (connection.status, connection.status_reason)
    }

    pub(crate) fn session(&self) -> Session {
        let caller = Caller {
            organization_id: self.acme,
            token_id: Uuid::nil(),
            scope: Seen::Organization,
            scopes: [].into(),
        };
        Session::start(
            caller,
            self.engine.models.plain().clone(),
            "test".into(),
            Duration::from_secs(10),
        )
    }

    /// Lists one type over all connections.
    pub(crate) async fn list(&self, kind: &str) -> Page {
        let request = PageRequest {
            kind: self.engine.catalogue.type_named(kind).unwrap().index,
            filter: Filter::always(),
            order: None,
            first: 10,
            after: None,
            scope: Scope::default(),
            projection: Projection::default(),
            count: false,
            edge_cursors: false,
            relations: false,
        };
        self.engine.page(&self.session(), request).await.unwrap()
    }

    /// Lists one type and returns the codes of what failed.
    pub(crate) async fn codes(&self, kind: &str) -> Vec<&'static str> {
        let page = self.list(kind).await;
        page.sources
            .iter()
            .filter_map(|source| source.error.as_ref().map(|error| error.code))
            .collect()
    }

    pub(crate) async fn probe(&self, id: Uuid) -> Option<&'static str> {
        let report = self.engine.probe(&self.session(), ConnectionId(id)).await.unwrap();
        report.error.map(|error| error.code)
    }

    /// Writes everything that was seen.
    pub(crate) async fn settle(&self) {
        self.engine.settle_due().await;
        self.engine.flush(true).await;
    }

    /// Returns the events of a connection in their order.
    pub(crate) async fn events(&self, id: Uuid) -> Vec<Event> {
        use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _};
        let rows = lineshaft_entities::connection_event::Entity::for_organization(self.acme)
            .filter(lineshaft_entities::connection_event::Column::ConnectionId.eq(id))
            .order_by_asc(lineshaft_entities::connection_event::Column::Sequence)
            .all(&self.engine.database)
            .await
            .unwrap();
        rows.into_iter().map(Event::from).collect()
    }

    pub(crate) async fn told(&self, id: Uuid) -> Vec<String> {
        let events = self.events(id).await;
        let about = |event: &Event| event.kind.strip_prefix("connection.").map(str::to_owned);
        events.iter().filter_map(about).collect()
    }

    pub(crate) fn data(events: &[Event], kind: &str) -> Value {
        let found = events.iter().find(|event| event.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind}")).data.clone()
    }
}
