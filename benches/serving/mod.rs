//! This server as its program puts it together, with one connection to a simulated system, each in a process of its own.

use std::{
    io::BufRead as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use lineshaft::{
    http::{App, router, serve},
    settings::{Settings, Source},
    start::{Migrations, engine},
    telemetry,
};
use lineshaft_engine::{
    connections::{Deployment, NewConnection},
    credentials::SecretFields,
    organizations::{self, NewOrganization},
    tokens::NewToken,
};
use lineshaft_sandbox::{Options, Sandbox, System};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use tokio::net::TcpListener;

/// What a process of the benchmark is.
pub const ROLE: &str = "LINESHAFT_BENCH_ROLE";
/// The address of the simulated system.
pub const UPSTREAM: &str = "LINESHAFT_BENCH_UPSTREAM";
/// The folder of the database.
pub const FOLDER: &str = "LINESHAFT_BENCH_FOLDER";

/// Serves a system until the process ends.
pub async fn system(system: System) {
    let sandbox = Sandbox::start(system, Options::default()).await.unwrap();
    println!("{}", sandbox.base_url());
    std::future::pending::<()>().await;
}

/// Serves this server, and tells its address. The first one on a database makes a connection to the system and tells a
/// token and the connection too.
pub async fn server(system: System) {
    let folder = std::env::var(FOLDER).unwrap();
    let path = |name: &str| Path::new(&folder).join(name).display().to_string();
    let is_first = !Path::new(&path("bench.db")).exists();
    let variables = [
        ("DATABASE__URL", format!("sqlite://{}", path("bench.db"))),
        ("SECRETS__KEY_FILE", path("bench.key")),
        ("UPSTREAM__ALLOW_NETWORKS", "127.0.0.0/8".to_owned()),
        ("GRAPHQL__OPERATIONS_PER_CALLER", "64".to_owned()),
        // Nothing but what is measured is to happen.
        ("HEALTH__PROBE", "false".to_owned()),
    ];
    let source = Source {
        file: None,
        folder: None,
        variables: variables
            .map(|(key, value)| (format!("LINESHAFT_{key}"), value))
            .to_vec(),
    };
    let settings = Settings::load(&source).unwrap();
    let engine = engine(&settings, Migrations::AsSettingsSay).await.unwrap();
    let mut told = String::new();
    if is_first {
        told = connect(&engine, system).await;
    }
    let app = Arc::new(App::new(
        engine.clone(),
        settings.clone(),
        telemetry::recorder().unwrap(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    engine.serve_under(format!("http://{address}"));
    let worker = engine.clone();
    tokio::spawn(async move { worker.run(std::future::pending()).await });
    println!("{address}{told}");
    let bounds = serve::Bounds {
        header_timeout: Duration::from_millis(settings.server.header_timeout_ms),
        connections: settings.server.max_connections,
        grace: Duration::from_millis(settings.server.shutdown_grace_ms),
    };
    serve::serve(listener, router(&app), bounds, std::future::pending(), app.drained()).await;
}

async fn connect(engine: &lineshaft_engine::Engine, system: System) -> String {
    let new = NewOrganization {
        slug: "bench".to_owned(),
        name: "Bench".to_owned(),
        credits: 100,
    };
    let organization = organizations::create(&engine.database, new).await.unwrap().id;
    let (settings, credentials) = system.demo_connection(&std::env::var(UPSTREAM).unwrap());
    let new = NewConnection {
        organization_id: organization,
        customer: None,
        connector: system.id().to_owned(),
        name: "Bench".to_owned(),
        deployment: Deployment::OnPremises,
        settings: object(settings),
        credentials: SecretFields::new(object(credentials)),
    };
    let connection = engine.connections.add(new).await.unwrap().id;
    engine.activate_untried(organization, connection).await.unwrap();
    let new = NewToken {
        organization_id: organization,
        connection_id: None,
        name: "bench".to_owned(),
        scopes: ["read", "write", "mappings"].map(str::to_owned).to_vec(),
        expires_at: None,
    };
    let token = engine.tokens.create(new).await.unwrap();
    format!(" {} {connection}", token.text.expose_secret())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

/// A process of this program in another role. Dropped, it ends.
pub struct Process {
    child: Child,
    /// What it said when it was ready.
    pub told: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    /// Starts one and waits until it is ready.
    pub fn start(role: &str, upstream: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .env(UPSTREAM, upstream)
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        let output = child.stdout.as_mut().unwrap();
        std::io::BufReader::new(output).read_line(&mut told).unwrap();
        Self {
            child,
            told: told.trim().to_owned(),
        }
    }
}
