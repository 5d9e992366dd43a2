//! Trials of what connectors say of discovery: objects are listed and described, also those that no mapping names, rows are
//! looked at as they are, and requests of clients' own are answered.

use std::{
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
    store::{CredentialStore, Credentials, Session, StoredSession, SystemClock, Unobserved},
    transport::{ClientSettings, Guard, HttpClient},
};
use lineshaft_engine::registry::Registry;
use lineshaft_sandbox::{Options as SandboxOptions, Sandbox, System};
use lineshaft_schema::{Catalogue, ConnectionId};
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
    let body = json!({"args": [[["x_result", "=", "failed"]]], "kwargs": {"fields": ["x_name"], "limit": 2}});
    place
        .answers(post("/call/x_calibration/search_read", body), "CAL-2026-")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odoo_over_json_2_tells_what_it_has() {
    let place = start(System::Odoo, json!({ "api": "json2" })).await;
    place.discovers(&ODOO).await;
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
