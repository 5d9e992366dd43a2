//! Measures writes: the same requests posted straight to a simulated system, and asked for through this server over
//! GraphQL, without an idempotency key and with one.
//!
//! The system and the server run as processes of their own; the parent is the client. Each case starts with a fresh system.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark"
)]

use std::{
    io::BufRead as _,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
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
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROLE: &str = "LINESHAFT_BENCH_ROLE";
const UPSTREAM: &str = "LINESHAFT_BENCH_UPSTREAM";
const SYSTEM: System = System::Maximo;
/// Clients that write side by side: as many as the connector lets reach the system at once.
const CLIENTS: usize = 4;
const WRITES: usize = 400;
/// Stands in the request for what differs from write to write.
const WORD: &str = "BENCH00000";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match std::env::var(ROLE).as_deref() {
            Ok("system") => system().await,
            Ok("ours") => ours().await,
            _ => compare().await,
        }
    });
}

/// Serves the system until the process ends.
async fn system() {
    let sandbox = Sandbox::start(SYSTEM, Options::default()).await.unwrap();
    println!("{}", sandbox.base_url());
    std::future::pending::<()>().await;
}

/// Serves this server with a connection to the system, and tells its address, a token and the connection.
async fn ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
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
    let new = NewOrganization {
        slug: "bench".to_owned(),
        name: "Bench".to_owned(),
        credits: 100,
    };
    let organization = organizations::create(&engine.database, new).await.unwrap().id;
    let (connection_settings, credentials) = SYSTEM.demo_connection(&std::env::var(UPSTREAM).unwrap());
    let new = NewConnection {
        organization_id: organization,
        customer: None,
        connector: SYSTEM.id().to_owned(),
        name: "Bench".to_owned(),
        deployment: Deployment::OnPremises,
        settings: object(connection_settings),
        credentials: SecretFields::new(object(credentials)),
    };
    let connection = engine.connections.add(new).await.unwrap().id;
    engine.activate_untried(organization, connection).await.unwrap();
    let new = NewToken {
        organization_id: organization,
        connection_id: None,
        name: "bench".to_owned(),
        scopes: ["read", "write"].map(str::to_owned).to_vec(),
        expires_at: None,
    };
    let token = engine.tokens.create(new).await.unwrap();
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
    println!("{address} {} {connection}", token.text.expose_secret());
    let bounds = serve::Bounds {
        header_timeout: Duration::from_millis(settings.server.header_timeout_ms),
        connections: settings.server.max_connections,
        grace: Duration::from_millis(settings.server.shutdown_grace_ms),
    };
    serve::serve(listener, router(&app), bounds, std::future::pending(), app.drained()).await;
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

/// A process of this program in another role. Dropped, it ends.
struct Process {
    child: Child,
    told: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    fn start(role: &str, upstream: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .env(UPSTREAM, upstream)
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

/// The server, as its client knows it.
struct Ours {
    _process: Process,
    url: String,
    token: String,
    connection: String,
}

impl Ours {
    fn start(upstream: &str) -> Self {
        let process = Process::start("ours", upstream);
        let told: Vec<String> = process.told.split(' ').map(str::to_owned).collect();
        Self {
            url: format!("http://{}/graphql", told[0]),
            token: told[1].clone(),
            connection: told[2].clone(),
            _process: process,
        }
    }

    /// Returns the body of a mutation that makes a vendor.
    fn body(&self, word: &str, extra: &str, selection: &str) -> Value {
        let query = format!(
            "mutation($connection: ID!) {{ done: createVendor(connectionId: $connection, \
             input: {{ number: \"{word}\", name: \"Works {word}\" }}{extra}) {{ outcome userErrors {{ code message }} {selection} }} }}"
        );
        json!({ "query": query, "variables": { "connection": self.connection } })
    }

    async fn ask(&self, client: &reqwest::Client, body: &Value) -> Value {
        let request = client.post(&self.url).bearer_auth(&self.token).json(body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["done"].clone()
    }

    /// Asks what would be sent.
    async fn plain_request(&self, client: &reqwest::Client) -> Value {
        let shown = "requests { method url headers { name value } body }";
        let dry = self.ask(client, &self.body(WORD, ", dryRun: true", shown)).await;
        assert_eq!(dry["outcome"], "DRY_RUN", "{dry}");
        dry["requests"][0].clone()
    }
}

/// How long each write of a case took.
struct Figures {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Writes from several clients at once.
async fn measure<F>(write: impl Fn(String) -> F + Clone + Send + 'static) -> Figures
where
    F: Future<Output = ()> + Send + 'static,
{
    for at in 0..20 {
        write(format!("WARM{at:06}")).await;
    }
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (next, write) = (next.clone(), write.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= WRITES {
                        return took;
                    }
                    let begun = Instant::now();
                    write(format!("BENCH{number:05}")).await;
                    took.push(begun.elapsed().as_secs_f64() * 1_000.0);
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.await.unwrap());
    }
    let seconds = started.elapsed().as_secs_f64();
    all.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    Figures {
        per_second: WRITES as f64 / seconds,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    }
}

/// Posts the request that a dry run shows, with the credentials put back.
async fn direct(client: reqwest::Client) -> Figures {
    let upstream = Process::start("system", "");
    let ours = Ours::start(&upstream.told);
    let shown = ours.plain_request(&client).await;
    drop(ours);
    let (_, credentials) = SYSTEM.demo_connection(&upstream.told);
    let key = credentials["api_key"].as_str().unwrap().to_owned();
    let headers: Vec<(String, String)> = shown["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| {
            (
                header["name"].as_str().unwrap().to_owned(),
                header["value"].as_str().unwrap().to_owned(),
            )
        })
        .filter(|(name, _)| {
            !["apikey", "transactionid", "content-length", "host"].contains(&name.to_lowercase().as_str())
        })
        .collect();
    let (url, body) = (shown["url"].as_str().unwrap().to_owned(), shown["body"].to_string());
    measure(move |word| {
        let mut request = client
            .post(&url)
            .header("apikey", &key)
            // Each write has a mark of its own.
            .header("transactionid", &word)
            .body(body.replace(WORD, &word));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{status}: {text}");
        }
    })
    .await
}

/// Writes through this server.
async fn through(client: reqwest::Client, with_key: bool, selection: &'static str) -> Figures {
    let upstream = Process::start("system", "");
    let ours = Arc::new(Ours::start(&upstream.told));
    measure(move |word| {
        let (ours, client) = (ours.clone(), client.clone());
        async move {
            let key = if with_key {
                format!(", idempotencyKey: \"{word}\"")
            } else {
                String::new()
            };
            let done = ours.ask(&client, &ours.body(&word, &key, selection)).await;
            assert_eq!(done["outcome"], "SUCCEEDED", "{done}");
        }
    })
    .await
}

async fn compare() {
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(CLIENTS)
        .build()
        .unwrap();
    println!("{WRITES} new vendors in {}, {CLIENTS} clients\n", SYSTEM.title());
    println!(
        "{:<36} {:>9} {:>8} {:>8}   against direct",
        "", "writes/s", "p50 ms", "p99 ms"
    );
    let bare = direct(client.clone()).await;
    tell("direct", &bare, &bare);
    for (name, with_key, selection) in [
        ("through Lineshaft", false, ""),
        ("through Lineshaft, with a key", true, ""),
        ("… and the record read back", true, "vendor { id name number version }"),
    ] {
        tell(name, &through(client.clone(), with_key, selection).await, &bare);
    }
}

fn tell(name: &str, figures: &Figures, bare: &Figures) {
    println!(
        "{name:<36} {:>9.0} {:>8.2} {:>8.2}   {:.2} of the writes, {:+.2} ms at p50, {:+.2} ms at p99",
        figures.per_second,
        figures.p50_ms,
        figures.p99_ms,
        figures.per_second / bare.per_second,
        figures.p50_ms - bare.p50_ms,
        figures.p99_ms - bare.p99_ms,
    );
}
