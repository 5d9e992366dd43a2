//! This server, put together as `serve` does it, over a new database with one organization for each that is asked for.

use std::{sync::Arc, time::Duration};

use lineshaft::{
    http::{App, router, serve},
    settings::{Settings, Source},
    start::{Migrations, engine},
    telemetry,
};
use lineshaft_engine::{
    Engine,
    connections::{Deployment, NewConnection},
    credentials::SecretFields,
    organizations::{self, NewOrganization},
    tokens::NewToken,
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::process::DATABASE;

/// An organization with a connection, which is never asked anything.
#[derive(Clone, Copy)]
pub struct Organization {
    pub id: Uuid,
    pub connection: Uuid,
}

pub struct Stage {
    pub engine: Arc<Engine>,
    pub settings: Settings,
    _folder: TempDir,
}

impl Stage {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = std::env::var(DATABASE);
        let database = database.unwrap_or_else(|_| format!("sqlite://{}", folder.path().join("bench.db").display()));
        let connectors = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/federation/connectors");
        let variables = [
            ("DATABASE__URL", database),
            (
                "SECRETS__KEY_FILE",
                folder.path().join("bench.key").display().to_string(),
            ),
            ("CONNECTORS__DIRECTORIES", connectors.to_owned()),
            ("UPSTREAM__ALLOW_NETWORKS", "127.0.0.0/8".to_owned()),
            ("WEBHOOKS__ALLOW_HTTP", "true".to_owned()),
            // Nothing but what is measured is to happen.
            ("HEALTH__PROBE", "false".to_owned()),
        ];
        let variables = variables.map(|(key, value)| (format!("LINESHAFT_{key}"), value));
        let source = Source {
            file: None,
            folder: None,
            variables: variables.to_vec(),
        };
        let settings = Settings::load(&source).unwrap();
        let engine = engine(&settings, Migrations::AsSettingsSay).await.unwrap();
        Self {
            engine,
            settings,
            _folder: folder,
        }
    }

    pub async fn organization(&self, number: usize) -> Organization {
        let new = NewOrganization {
            slug: format!("bench-{number}"),
            name: format!("Bench {number}"),
            credits: 100,
        };
        let id = organizations::create(&self.engine.database, new).await.unwrap().id;
        let new = NewConnection {
            organization_id: id,
            customer: None,
            connector: "bench".to_owned(),
            name: "Never asked".to_owned(),
            deployment: Deployment::OnPremises,
            settings: object(json!({ "base_url": "http://127.0.0.1:1" })),
            credentials: SecretFields::new(object(json!({ "key": "k" }))),
        };
        let connection = self.engine.connections.add(new).await.unwrap().id;
        self.engine.activate_untried(id, connection).await.unwrap();
        Organization { id, connection }
    }

    pub async fn token(&self, organization: Organization) -> String {
        let new = NewToken {
            organization_id: organization.id,
            connection_id: None,
            name: "bench".to_owned(),
            scopes: vec!["read".to_owned()],
            expires_at: None,
        };
        let issued = self.engine.tokens.create(new).await.unwrap();
        issued.text.expose_secret().to_owned()
    }
}

/// Serves the API. Tells its address, a token and a connection; then a line with the moment of each commit.
pub async fn serve() {
    let stage = Stage::new().await;
    let organization = stage.organization(0).await;
    let token = stage.token(organization).await;
    let metrics = telemetry::recorder().unwrap();
    let engine = stage.engine.clone();
    let app = Arc::new(App::new(engine.clone(), stage.settings.clone(), metrics));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    engine.serve_under(format!("http://{address}"));
    let worker = engine.clone();
    tokio::spawn(async move { worker.run(std::future::pending()).await });
    tell_commits(&engine);
    println!("{address} {token} {}", organization.connection);
    let server = &stage.settings.server;
    let bounds = serve::Bounds {
        header_timeout: Duration::from_millis(server.header_timeout_ms),
        connections: server.max_connections,
        grace: Duration::from_millis(server.shutdown_grace_ms),
    };
    serve::serve(listener, router(&app), bounds, std::future::pending(), app.drained()).await;
}

/// Tells commits from a thread of its own, which does not wait behind the subscriptions that they wake.
fn tell_commits(engine: &Engine) {
    let mut bell = engine.journal.listen();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            while bell.changed().await.is_ok() {
                println!("{}", crate::now_us());
            }
        });
    });
}

fn object(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    match value {
        serde_json::Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}
