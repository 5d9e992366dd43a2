//! Writes over a real connector, down to the wire.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use futures_util::{FutureExt as _, future::BoxFuture};
use indexmap::IndexMap;
use lineshaft_connect::{
    Error, ErrorKind, Reach,
    request::RequestBody,
    transport::{Outgoing, Response, Wire, retry},
    write::{Act, Input, UserErrorCode},
};
use lineshaft_schema::{Catalogue, RemoteKey, Value};
use serde_json::{Value as Json, json};

use crate::{
    Engine, Parts, Session, Settings,
    command::{Mode, Outcome, WriteCommand, WriteMode, WriteResult},
    database::{
        self,
        testing::{Stores, new_connection, stores_everywhere},
    },
    registry::Registry,
    tokens::{Caller, Scope},
};

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
        "Vendor": {
            "remote": "Vendors", "key": "id", "fields": {"name": "name", "number": {"path": "code", "filter": ["eq"]}},
            "write": {
                "fields": {"name": {"required": true, "max_length": 20}, "number": true},
                "client_reference": {"field": "number"},
                "create": {"request": {"method": "POST", "path": "/Vendors", "body": "{{row}}"}}
            }
        }
    }
}"#;

/// A system that keeps vendors.
#[derive(Default)]
struct Shop {
    rows: Mutex<Vec<Json>>,
    loses_answers: Mutex<bool>,
}

impl Shop {
    fn answer(&self, request: &Outgoing<'_>) -> Result<Json, Error> {
        let mut rows = self.rows.lock().unwrap();
        let RequestBody::Json(body) = &request.plan.body else {
            return Ok(json!({"value": *rows}));
        };
        let mut row: Json = serde_json::from_str(body).unwrap();
        row["id"] = (rows.len() + 1).to_string().into();
        rows.push(row.clone());
        if *self.loses_answers.lock().unwrap() {
            return Err(Error::new(ErrorKind::Timeout, "no answer came").with_reach(Reach::Unknown));
        }
        Ok(row)
    }
}

impl Wire for Shop {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        let answer = self.answer(&request).map(|body| {
            let mut response = Response {
                status: 200.try_into().unwrap(),
                body: body.to_string().into(),
                ..Response::default()
            };
            let kind = "application/json".parse().unwrap();
            response.headers.insert("content-type", kind);
            response
        });
        std::future::ready(answer).boxed()
    }
}

struct House {
    engine: Engine,
    shop: Arc<Shop>,
    session: Session,
    connection: uuid::Uuid,
}

impl House {
    async fn over(stores: &Stores) -> Self {
        let mut registry = Registry::new(Catalogue::unified().unwrap());
        registry.add_files([("tryton/manifest.yaml", MANIFEST)]);
        assert!(registry.rejected().is_empty(), "{:?}", registry.rejected());
        let shop = Arc::new(Shop::default());
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
        let mut new = new_connection(stores.acme, "erp");
        new.settings.insert("base_url".to_owned(), "https://erp.example".into());
        let connection = engine.connections.add(new).await.unwrap().id;
        engine.activate_untried(stores.acme, connection).await.unwrap();
        let caller = Caller {
            organization_id: stores.acme,
            token_id: uuid::Uuid::nil(),
            scope: Scope::Organization,
            scopes: [].into(),
        };
        let model = engine.models.plain().clone();
        Self {
            engine,
            shop,
            session: Session::start(caller, model, "test".into(), std::time::Duration::from_secs(10)),
            connection,
        }
    }

    async fn create(&self, name: Option<&str>, key: &str) -> WriteResult {
        let vendor = self.engine.catalogue.type_named("Vendor").unwrap();
        let field = vendor.field("name").unwrap().index;
        let command = WriteCommand {
            connection_id: self.connection,
            kind: vendor.index,
            act: Act::Create,
            key: None,
            input: Input {
                values: name
                    .map(|name| (field, Value::text(name)))
                    .into_iter()
                    .collect::<IndexMap<_, _>>(),
                ..Input::default()
            },
            expected_version: None,
            idempotency_key: Some(key.to_owned()),
            mode: Mode::Sync,
        };
        let written = self.engine.write(&self.session, command, &self.session.origin()).await;
        written.unwrap()
    }
}

#[tokio::test]
async fn a_write_goes_through_the_connector_and_a_lost_answer_is_found_by_our_mark() {
    for stores in stores_everywhere().await {
        let house = House::over(&stores).await;
        let made = house.create(Some("One"), "a").await;
        assert_eq!(
            (made.outcome, made.key),
            (Outcome::Succeeded, Some(RemoteKey::single("1"))),
            "{:?}",
            made.user_errors
        );
        let entry = made.operation.unwrap();
        assert_eq!(entry.requests[0].method, "POST");
        assert_eq!(entry.requests[0].body.as_ref().unwrap()["name"], "One");
        assert!(
            !format!("{:?}", entry.requests).contains("sesame"),
            "{:?}",
            entry.requests
        );
        let mark = house.shop.rows.lock().unwrap()[0]["code"].clone();
        assert!(mark.as_str().unwrap().starts_with("LS"), "{mark}");

        let missing = house.create(None, "b").await;
        assert_eq!(
            (missing.outcome, missing.user_errors[0].code),
            (Outcome::Failed, UserErrorCode::Required)
        );
        assert_eq!(missing.operation.unwrap().sent_at, None);

        house.shop.rows.lock().unwrap().clear();
        *house.shop.loses_answers.lock().unwrap() = true;
        let lost = house.create(Some("Two"), "c").await;
        assert_eq!(lost.outcome, Outcome::InDoubt);
        *house.shop.loses_answers.lock().unwrap() = false;
        let late = database::now() + TimeDelta::minutes(1);
        assert_eq!(house.engine.settle_due_writes(late).await.unwrap(), 1);
        let known = house.create(Some("Two"), "c").await;
        assert_eq!((known.outcome, known.replayed), (Outcome::Succeeded, true));
        assert_eq!(known.key, Some(RemoteKey::single("1")));
        assert_eq!(house.shop.rows.lock().unwrap().len(), 1);

        let origin = house.session.origin();
        let (visible, id) = (house.session.visible, house.connection);
        house
            .engine
            .set_write_mode(visible, id, WriteMode::Simulate, &origin)
            .await
            .unwrap();
        let simulated = house.create(Some("Three"), "d").await;
        assert_eq!(simulated.outcome, Outcome::Succeeded);
        assert_eq!(house.shop.rows.lock().unwrap().len(), 1);
    }
}
