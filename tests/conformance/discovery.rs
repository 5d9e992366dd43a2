//! Trials of what connectors say of discovery: objects are listed and described, also those that no mapping names, rows are
//! looked at as they are, and requests of clients' own are answered.

use std::{
    collections::BTreeSet,
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use lineshaft_connect::{
    Error,
    blueprint::raw::RawRequest,
    connector::{Connector, Options, Parts},
    context::CallContext,
    describe::{ValueKind, infer, with_samples},
    manifest::overlay::Overlay,
    request::ListRequest,
    store::{CredentialStore, Credentials, Session, StoredSession, SystemClock, Unobserved},
    transport::{ClientSettings, Guard, HttpClient},
    write::{Act, Input, Journal, Reply, ShownRequest, WriteRequest},
};
use lineshaft_engine::registry::Registry;
use lineshaft_sandbox::{Options as SandboxOptions, Sandbox, System};
use lineshaft_schema::{Catalogue, ConnectionId, Filter, Projection, Record, RemoteKey, TypeDef, Value as Unified};
use serde_json::{Value, json};

use crate::support::connector_folder;

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Credentials in memory.
struct Memory(Value, Mutex<Option<StoredSession>>);

impl CredentialStore for Memory {
    fn load(&self) -> Answer<'_, Credentials> {
        let values = self.0.as_object().unwrap().iter();
        let values = values
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        Box::pin(ready(Ok(Credentials { version: 1, values })))
    }

    fn load_session(&self) -> Answer<'_, Option<StoredSession>> {
        Box::pin(ready(Ok(self.1.lock().unwrap().clone())))
    }

    fn store_session<'a>(&'a self, session: &'a Session, replaces: Option<i64>) -> Answer<'a, Option<i64>> {
        let version = replaces.unwrap_or(0) + 1;
        *self.1.lock().unwrap() = Some(StoredSession {
            version,
            session: session.clone(),
        });
        Box::pin(ready(Ok(Some(version))))
    }
}

/// A connection to a simulated system.
struct Place {
    _sandbox: Sandbox,
    connector: Connector,
}

async fn start(system: System, more: Value) -> Place {
    let sandbox = Sandbox::start(system, SandboxOptions::default()).await.unwrap();
    let (mut settings, credentials) = sandbox.demo_connection();
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let settings = settings.as_object().unwrap().clone();
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    registry.add_directory(&connector_folder()).unwrap();
    let client = HttpClient::new(&ClientSettings {
        guard: Guard::new(&["127.0.0.0/8".parse().unwrap()]),
        ..ClientSettings::default()
    });
    let connector = Connector::new(Parts {
        id: ConnectionId(uuid::Uuid::from_u128(1)),
        blueprint: registry.get(system.id()).unwrap().blueprint_for(&settings).unwrap(),
        settings,
        credentials: Arc::new(Memory(credentials, Mutex::default())),
        observer: Arc::new(Unobserved),
        wire: Arc::new(client.unwrap()),
        clock: Arc::new(SystemClock),
        options: Options::default(),
    });
    Place {
        _sandbox: sandbox,
        connector: connector.unwrap(),
    }
}

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(60), "trial")
}

/// What is known of the calibrations of a system.
struct Calibrations {
    object: &'static str,
    key: &'static str,
    due: &'static str,
    deviation: &'static str,
}

impl Place {
    /// Objects are listed, found and described, and their rows are looked at.
    async fn discovers(&self, known: &Calibrations) {
        let connector = &self.connector;
        let objects = connector.objects(&context(), None).await.unwrap();
        assert!(objects.iter().any(|object| object.name == known.object), "{objects:?}");
        let found = connector.objects(&context(), Some("CALIBRATION")).await.unwrap();
        assert!(found.iter().any(|object| object.name == known.object) && found.len() <= objects.len());
        let described = connector
            .describe_object(&context(), known.object)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            described[known.due].value_kind,
            Some(due_kind(described[known.due].kind.as_deref()))
        );
        assert_eq!(described[known.deviation].value_kind, Some(ValueKind::Decimal));
        let rows = connector.sample_object(&context(), known.object, 5).await.unwrap();
        assert_eq!(rows.len(), 5);
        let sampled = with_samples(&described, &rows);
        for name in [known.key, known.due, known.deviation] {
            assert!(!sampled[name].samples.is_empty(), "{name} has samples");
        }
        assert!(connector.describe_object(&context(), "no_such_object").await.is_err());
    }

    /// Rows of all mapped types are looked at, and none of them is described wrongly.
    async fn samples_what_is_mapped(&self) {
        for kind in self.connector.kinds().collect::<Vec<_>>() {
            let rows = self.connector.sample_rows(&context(), kind, 3).await.unwrap();
            assert!(!rows.is_empty() && rows.len() <= 3, "{kind:?}");
            assert!(!infer(&rows).is_empty());
            self.connector.describe(&context(), kind).await.unwrap();
        }
    }

    async fn answers(&self, request: RawRequest, has: &str) {
        let answer = self.connector.raw_request(&context(), &request).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(answer.status, 200, "{text}");
        assert!(text.contains(has), "{text}");
        for path in ["/../x", "//evil.example", "/%2e%2e/x", "/x/../../y"] {
            let path = format!("{}{path}", request.path);
            let hostile = RawRequest {
                path,
                ..request.clone()
            };
            assert!(self.connector.raw_request(&context(), &hostile).await.is_err());
        }
    }
}

/// A journal that nobody reads.
struct Blank;

impl Journal for Blank {
    fn sending<'a>(&'a self, _: &'a ShownRequest) -> Answer<'a, ()> {
        Box::pin(ready(Ok(())))
    }

    fn made<'a>(&'a self, _: &'a RemoteKey) -> Answer<'a, ()> {
        Box::pin(ready(Ok(())))
    }
}

/// An object as an entity of the organization's own.
struct Own {
    connector: Connector,
    def: TypeDef,
}

impl Place {
    /// Makes the calibrations an entity; `sources` are those of `certificate`, `notes`, `deviation` and `asset`.
    fn own(&self, entity: &str, sources: [&str; 4]) -> Own {
        let write = if entity.contains("write:") { ", write: true" } else { "" };
        let [certificate, notes, deviation, asset] = sources;
        let yaml = format!(
            r"
mapping: 1
entities:
  Calibration:
    entity: {{plural: calibrations, label: Calibration, {entity}}}
    custom:
      certificate: {{type: string, source: {{path: {certificate}{write}}}}}
      notes: {{type: string, source: {{path: {notes}{write}}}}}
      deviation: {{type: decimal, source: {deviation}}}
      asset: {{type: reference, to: Asset, source: {asset}}}
"
        );
        let (overlay, _) = Overlay::from_yaml(&yaml).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let unified = Catalogue::unified().unwrap();
        let (additions, problems) = overlay.additions(&unified);
        assert!(problems.is_empty(), "{problems:?}");
        let catalogue = Arc::new(unified.extended(&additions).0);
        let def = catalogue.type_named("Calibration").unwrap().clone();
        let blueprint = self.connector.blueprint().overlaid(&overlay, catalogue);
        let blueprint = blueprint.unwrap_or_else(|problems| panic!("{problems:#?}"));
        Own {
            connector: self.connector.with_blueprint(&blueprint).unwrap(),
            def,
        }
    }
}

impl Own {
    async fn list(&self) -> Vec<Record> {
        let mut page = None;
        let mut records = Vec::new();
        loop {
            let request = ListRequest {
                kind: self.def.index,
                filter: Filter::always(),
                order: None,
                after: None,
                limit: 7,
                projection: Projection::all(&self.def),
                count: false,
                page,
            };
            let read = self.connector.list(&context(), request).await.unwrap();
            records.extend(read.records);
            page = read.next;
            if page.is_none() {
                return records;
            }
        }
    }

    fn text(&self, record: &Record, field: &str) -> String {
        match record.get(self.def.field(field).unwrap().index) {
            Unified::Null => String::new(),
            Unified::Text(text) => text.to_string(),
            other => format!("{other:?}"),
        }
    }

    async fn is_read(&self) {
        let records = self.list().await;
        assert!(records.len() >= 12);
        let keys: BTreeSet<String> = records.iter().map(|record| record.key.to_string()).collect();
        assert_eq!(keys.len(), records.len());
        for field in ["certificate", "deviation", "asset"] {
            let has = |record: &Record| !self.text(record, field).is_empty();
            assert!(records.iter().all(has), "{field}");
        }
    }

    async fn write(&self, act: Act, key: Option<RemoteKey>, values: &[(&str, &str)]) -> Option<RemoteKey> {
        let field = |name: &str| self.def.field(name).unwrap().index;
        let values = values.iter().map(|(name, text)| (field(name), Unified::text(text)));
        let client_reference = format!("trial{act:?}").as_str().into();
        let request = WriteRequest {
            kind: self.def.index,
            act,
            key,
            input: Input {
                values: values.collect(),
                ..Input::default()
            },
            expected_version: None,
            client_reference,
        };
        match self.connector.write(&context(), &request, &Blank).await {
            Reply::Done { key, refused, .. } => {
                assert!(refused.is_empty(), "{refused:?}");
                key
            }
            other => panic!("{other:?}"),
        }
    }

    async fn is_written(&self) {
        let before = self.list().await.len();
        let given = [("certificate", "CAL-NEW"), ("notes", "first")];
        let key = self.write(Act::Create, None, &given).await.unwrap();
        self.write(Act::Update, Some(key.clone()), &[("notes", "second")]).await;
        let records = self.list().await;
        let made = records.iter().find(|record| record.key == key).unwrap();
        assert_eq!(self.text(made, "certificate"), "CAL-NEW");
        assert_eq!(self.text(made, "notes"), "second");
        self.write(Act::Delete, Some(key), &[]).await;
        assert_eq!(self.list().await.len(), before);
    }
}

/// Some systems have no dates without a time.
fn due_kind(word: Option<&str>) -> ValueKind {
    match word {
        Some("Edm.DateTime" | "Edm.DateTimeOffset") => ValueKind::Datetime,
        _ => ValueKind::Date,
    }
}

fn get(path: &str) -> RawRequest {
    RawRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        ..RawRequest::default()
    }
}

fn post(path: &str, body: Value) -> RawRequest {
    RawRequest {
        method: "POST".to_owned(),
        body: Some(body),
        ..get(path)
    }
}

const ODOO: Calibrations = Calibrations {
    object: "x_calibration",
    key: "x_name",
    due: "x_due",
    deviation: "x_deviation",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odoo_tells_what_it_has() {
    let place = start(System::Odoo, json!({})).await;
    place.discovers(&ODOO).await;
    let described = place
        .connector
        .describe_object(&context(), "x_calibration")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        described["x_asset_id"].relation.as_deref(),
        Some("maintenance.equipment")
    );
    let wide = place
        .connector
        .describe_object(&context(), "x_wide_order")
        .await
        .unwrap()
        .unwrap();
    assert!(wide.len() > 400);
    place.samples_what_is_mapped().await;
    let own = place.own(
        "remote: x_calibration, write: [create, update, delete]",
        ["x_name", "x_notes", "x_deviation", "x_asset_id.0"],
    );
    own.is_read().await;
    own.is_written().await;
    let body = json!({"args": [[["x_result", "=", "failed"]]], "kwargs": {"fields": ["x_name"], "limit": 2}});
    place
        .answers(post("/call/x_calibration/search_read", body), "CAL-2026-")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odoo_over_json_2_tells_what_it_has() {
    let place = start(System::Odoo, json!({ "api": "json2" })).await;
    place.discovers(&ODOO).await;
    let own = place.own(
        "remote: x_calibration, write: [create, update, delete]",
        ["x_name", "x_notes", "x_deviation", "x_asset_id.0"],
    );
    own.is_read().await;
    own.is_written().await;
    let body = json!({"domain": [["x_result", "=", "failed"]], "fields": ["x_name"]});
    place
        .answers(post("/json/2/x_calibration/search_read", body), "CAL-2026-")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tryton_tells_what_it_has() {
    let place = start(System::Tryton, json!({})).await;
    let known = Calibrations {
        object: "x.calibration",
        key: "code",
        due: "due_on",
        deviation: "deviation",
    };
    place.discovers(&known).await;
    place.samples_what_is_mapped().await;
    let own = place.own(
        "remote: x.calibration, write: [create, update, delete]",
        ["code", "notes", "deviation", "asset"],
    );
    own.is_read().await;
    own.is_written().await;
    let body = json!({"params": [[], 0, 1, null, ["code"], {}]});
    place
        .answers(post("/model/x.calibration/search_read", body), "CAL-2026-")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamics_365_fo_tells_what_it_has() {
    let place = start(System::Dynamics365Fo, json!({})).await;
    let known = Calibrations {
        object: "CalibrationRecords",
        key: "CertificateNumber",
        due: "DueDate",
        deviation: "Deviation",
    };
    place.discovers(&known).await;
    let described = place
        .connector
        .describe_object(&context(), known.object)
        .await
        .unwrap()
        .unwrap();
    assert!(described["dataAreaId"].is_key && described["CertificateNumber"].is_key);
    place.samples_what_is_mapped().await;
    let own = place.own(
        "remote: CalibrationRecords, key: [dataAreaId, CertificateNumber], write: [create, update, delete]",
        [
            "CertificateNumber",
            "Notes",
            "Deviation",
            "{keys: [dataAreaId, MaintenanceAssetId]}",
        ],
    );
    own.is_read().await;
    own.is_written().await;
    place.answers(get("/data/CalibrationRecords"), "CAL-2026-").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sap_s4hana_tells_what_it_has() {
    let place = start(System::SapS4hana, json!({ "own_service": "ZCALIBRATION_SRV" })).await;
    let known = Calibrations {
        object: "ZCALIBRATION_SRV/ZCalibrationSet",
        key: "Certificate",
        due: "DueOn",
        deviation: "Deviation",
    };
    place.discovers(&known).await;
    place.samples_what_is_mapped().await;
    let own = place.own(
        "remote: ZCALIBRATION_SRV/ZCalibrationSet, key: Certificate",
        ["Certificate", "Notes", "Deviation", "Equipment"],
    );
    own.is_read().await;
    place
        .answers(get("/sap/opu/odata/sap/ZCALIBRATION_SRV/ZCalibrationSet"), "CAL-2026-")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maximo_tells_what_it_has() {
    let place = start(System::Maximo, json!({})).await;
    let known = Calibrations {
        object: "MXCALIBRATION",
        key: "calibrationnum",
        due: "duedate",
        deviation: "deviation",
    };
    place.discovers(&known).await;
    let described = place
        .connector
        .describe_object(&context(), known.object)
        .await
        .unwrap()
        .unwrap();
    assert!(described["calibrationnum"].is_key && described["siteid"].is_key);
    place.samples_what_is_mapped().await;
    let own = place.own(
        "remote: MXCALIBRATION, key: [siteid, calibrationnum], write: [create, update, delete]",
        ["calibrationnum", "remarks", "deviation", "{keys: [siteid, assetnum]}"],
    );
    own.is_read().await;
    own.is_written().await;
    let request = RawRequest {
        query: vec![("oslc.select".to_owned(), "*".to_owned())],
        ..get("/api/os/mxcalibration")
    };
    place.answers(request, "CAL-2026-").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limble_shows_what_it_does_not_tell() {
    let place = start(System::Limble, json!({})).await;
    assert!(!place.connector.lists_objects());
    assert!(
        place
            .connector
            .describe_object(&context(), "statuses")
            .await
            .unwrap()
            .is_none()
    );
    let rows = place.connector.sample_object(&context(), "statuses", 3).await.unwrap();
    assert!(!infer(&rows).is_empty());
    place.samples_what_is_mapped().await;
    place.answers(get("/statuses"), "statusID").await;
}
