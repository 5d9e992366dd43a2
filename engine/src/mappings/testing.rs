//! An engine over a scripted shop that speaks `OData` and describes itself, for tests of mappings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error,
    transport::{Outgoing, Response, Wire, retry},
};
use lineshaft_schema::{Catalogue, Filter, Projection, Record};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use uuid::Uuid;

use super::{Draft, MappingError, Place, SaveMapping, Saved};
use crate::{
    Engine, Parts, Session, Settings,
    database::testing::{Stores, new_connection},
    model::Model,
    origin::Origin,
    query::{Page, PageRequest, Scope},
    registry::Registry,
    tokens::{Caller, Scope as Seen},
};

/// The layer that most tests save.
pub(super) const ZONES: &str = "\
mapping: 1
entities:
  Vendor:
    custom:
      zone: {type: string, label: Zone, source: {path: x_zone, filter: [eq], sort: true}}
";

/// A layer with an entity of the organization's own.
pub(super) const CALIBRATIONS: &str = "\
mapping: 1
entities:
  Calibration:
    entity: {remote: Calibrations, plural: calibrations, label: Calibration}
    custom:
      asset: {type: reference, to: Asset, source: {path: asset_id, filter: [eq, in]}}
      dueOn: {type: date, source: {path: due, filter: [gte, lt], sort: true}}
  Asset:
    custom:
      lastCalibration: {type: reference, to: Calibration, source: last_calibration}
";

/// A system with vendors, assets and calibrations.
pub(super) struct Shop {
    /// The fields of vendors that it tells of, with their types.
    pub(super) fields: Mutex<Vec<(&'static str, &'static str)>>,
    /// Whether its calibrations are gone.
    pub(super) without_calibrations: AtomicBool,
    /// Where requests for its description meet before they are answered.
    pub(super) meeting: Mutex<Option<Arc<Barrier>>>,
    /// The requests that it got.
    pub(super) asked: Mutex<Vec<String>>,
}

impl Shop {
    fn metadata(&self) -> String {
        let set = |name: &str, fields: &[(&str, &str)]| {
            let properties = fields
                .iter()
                .map(|(name, kind)| format!("<Property Name=\"{name}\" Type=\"{kind}\"/>"));
            format!(
                "<EntityType Name=\"{name}\"><Key><PropertyRef Name=\"id\"/></Key>{}</EntityType>",
                properties.collect::<String>()
            )
        };
        let types = [
            set("Vendor", &self.fields.lock().unwrap()),
            set(
                "Asset",
                &[
                    ("id", "Edm.String"),
                    ("name", "Edm.String"),
                    ("last_calibration", "Edm.String"),
                ],
            ),
            set(
                "Calibration",
                &[("id", "Edm.String"), ("asset_id", "Edm.String"), ("due", "Edm.Date")],
            ),
        ];
        let names = ["Vendor", "Asset", "Calibration"];
        let gone = usize::from(self.without_calibrations.load(Ordering::SeqCst));
        let sets = names[..names.len() - gone]
            .iter()
            .map(|name| format!("<EntitySet Name=\"{name}s\" EntityType=\"shop.{name}\"/>"));
        format!(
            "<?xml version=\"1.0\"?><edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices><Schema Namespace=\"shop\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">{}<EntityContainer Name=\"all\">{}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>",
            types.concat(),
            sets.collect::<String>()
        )
    }

    fn rows(url: &str) -> Value {
        if url.contains("/Calibrations") {
            return json!([{"id": "c1", "asset_id": "a1", "due": "2026-12-01"}, {"id": "c2", "asset_id": "a2", "due": "2026-12-24"}]);
        }
        if url.contains("/Assets") {
            return json!([{"id": "a1", "name": "Pump", "last_calibration": "c1"}, {"id": "a2", "name": "Press", "last_calibration": null}]);
        }
        json!([{"id": "1", "name": "One", "x_zone": "N", "x_risk": "high"}, {"id": "2", "name": "Two", "x_zone": "S", "x_risk": "low"}])
    }

    /// Returns the requests that named this.
    pub(super) fn asked_for(&self, text: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|url| url.contains(text)).cloned().collect()
    }
}

impl Wire for Shop {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        let url = format!("{} {}", request.plan.method, request.plan.url)
            .replace("%20", " ")
            .replace("%27", "'")
            .replace('+', " ");
        self.asked.lock().unwrap().push(url.clone());
        let (kind, body) = if url.contains("$metadata") {
            ("application/xml", self.metadata())
        } else if url.contains("/who") {
            ("application/json", json!({"user": {"name": "clerk"}}).to_string())
        } else if url.contains("/notes") {
            ("text/plain", "fine".to_owned())
        } else {
            ("application/json", json!({"value": Self::rows(&url)}).to_string())
        };
        let mut response = Response {
            status: 200.try_into().unwrap(),
            body: body.into(),
            ..Response::default()
        };
        response.headers.insert("content-type", kind.parse().unwrap());
        let meeting = self.meeting.lock().unwrap().clone();
        let meeting = meeting.filter(|_| url.contains("$metadata"));
        async move {
            if let Some(meeting) = meeting {
                meeting.wait().await;
            }
            Ok(response)
        }
        .boxed()
    }
}

const MANIFEST: &str = r#"{
    "manifest": 1, "id": "tryton", "version": "1.0.0", "name": "Shop", "description": "A connector for tests.",
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
    "discovery": {
        "objects": {"request": {"path": "/$metadata"}, "form": {"odata_metadata": {}}},
        "describe": {"request": {"path": "/$metadata"}, "form": {"odata_metadata": {}}},
        "resource": {"key": "id"}
    },
    "raw": {"methods": ["GET", "POST"], "paths": ["/Vendors", "/notes"]},
    "resources": {
        "Vendor": {"remote": "Vendors", "key": "id", "fields": {
            "name": {"path": "name", "filter": ["eq", "in"], "sort": true}, "number": "code"}},
        "Asset": {"remote": "Assets", "key": "id", "fields": {"name": {"path": "name", "filter": ["eq"]}}}
    }
}"#;

/// An engine over the shop.
pub(super) struct World {
    pub(super) engine: Arc<Engine>,
    pub(super) shop: Arc<Shop>,
    pub(super) acme: Uuid,
}

impl World {
    pub(super) fn over(stores: &Stores) -> Self {
        let mut registry = Registry::new(Catalogue::unified().unwrap());
        let other = MANIFEST.replace("\"tryton\"", "\"other\"");
        let other = other.replace("\"discovery\": {", "\"discovery\": {\"except\": [\"Vendors\"],");
        registry.add_files([("tryton/manifest.yaml", MANIFEST), ("other/manifest.yaml", &other)]);
        assert!(registry.rejected().is_empty(), "{:?}", registry.rejected());
        let shop = Arc::new(Shop {
            fields: Mutex::new(vec![
                ("id", "Edm.String"),
                ("name", "Edm.String"),
                ("code", "Edm.String"),
                ("x_zone", "Edm.String"),
                ("x_risk", "Edm.String"),
            ]),
            without_calibrations: AtomicBool::new(false),
            meeting: Mutex::default(),
            asked: Mutex::default(),
        });
        let mut settings = Settings::default();
        settings.connector.retry = retry::Settings {
            most: 0,
            ..retry::Settings::default()
        };
        let engine = Engine::new(Parts {
            database: stores.database.clone(),
            keys: stores.keys.clone(),
            registry,
            wire: shop.clone(),
            settings,
        });
        Self {
            engine: Arc::new(engine),
            shop,
            acme: stores.acme,
        }
    }

    pub(super) async fn active(&self, name: &str) -> Uuid {
        self.active_of("tryton", name).await
    }

    pub(super) async fn active_of(&self, connector: &str, name: &str) -> Uuid {
        let mut new = new_connection(self.acme, name);
        new.connector = connector.to_owned();
        new.settings
            .insert("base_url".to_owned(), "https://shop.example".into());
        new.customer = Some(crate::customers::NewCustomer {
            external_id: "c-1".to_owned(),
            name: "Customer".to_owned(),
        });
        let id = self.engine.connections.add(new).await.unwrap().id;
        self.engine.activate_untried(self.acme, id).await.unwrap();
        id
    }

    pub(super) async fn model(&self) -> Arc<Model> {
        self.engine.models.current(self.acme).await.unwrap()
    }

    /// A request with the organization's key.
    pub(super) async fn session(&self) -> Session {
        self.session_of(Seen::Organization, &[]).await
    }

    pub(super) async fn session_of(&self, scope: Seen, scopes: &[&str]) -> Session {
        let caller = Caller {
            organization_id: self.acme,
            token_id: Uuid::nil(),
            scope,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let model = self.engine.models.current(&caller).await.unwrap();
        Session::start(caller, model, "test".into(), Duration::from_secs(20))
    }

    pub(super) async fn try_save(&self, place: Place, expected: i32, text: &str) -> Result<Saved, MappingError> {
        let save = SaveMapping {
            place,
            expected_version: expected,
            comment: None,
            draft: Draft::Yaml(text.to_owned()),
            accept_warnings: false,
        };
        let session = self.session().await;
        self.engine.save_mapping(&session, save, &Origin::operator()).await
    }

    pub(super) async fn save(&self, place: Place, expected: i32, text: &str) {
        let saved = self.try_save(place, expected, text).await.unwrap();
        assert_eq!(
            saved.layer.map(|layer| layer.version),
            Some(expected + 1),
            "{:?}",
            saved.problems
        );
    }

    /// Saves what is refused, and returns the codes and pointers of the errors.
    pub(super) async fn refused(&self, place: Place, text: &str) -> Vec<(&'static str, String)> {
        let saved = self.try_save(place, 0, text).await.unwrap();
        assert!(saved.layer.is_none());
        let errors = saved.problems.into_iter().filter(super::Problem::is_error);
        errors.map(|problem| (problem.code, problem.pointer)).collect()
    }

    /// Lists an entity with all its fields.
    pub(super) async fn list(&self, session: &Session, entity: &str, filter: Filter) -> Page {
        let def = session.model.catalogue.type_named(entity).unwrap();
        let request = PageRequest {
            kind: def.index,
            filter,
            order: None,
            first: 10,
            after: None,
            scope: Scope::default(),
            projection: Projection::all(def),
            count: false,
            edge_cursors: false,
            relations: true,
        };
        self.engine.page(session, request).await.unwrap()
    }

    /// Returns a field of the records of a list, as JSON.
    pub(super) async fn values(&self, session: &Session, entity: &str, field: &str) -> Vec<Value> {
        let page = self.list(session, entity, Filter::always()).await;
        assert!(
            page.sources.iter().all(|source| source.error.is_none()),
            "{:?}",
            page.sources
        );
        page.rows
            .iter()
            .map(|row| value(session, entity, field, &row.record))
            .collect()
    }
}

/// Returns a field of a record, as JSON.
pub(super) fn value(session: &Session, entity: &str, field: &str, record: &Record) -> Value {
    let catalogue = &session.model.catalogue;
    let def = catalogue.type_named(entity).unwrap();
    super::show::value(catalogue, record.get(def.field(field).unwrap().index))
}
