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

mod serving;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use lineshaft_sandbox::System;
use serde_json::{Value, json};
use serving::{Process, ROLE};

// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
            Ok("system") => serving::system(SYSTEM).await,
            Ok("server") => serving::server(SYSTEM).await,
            _ => compare().await,
        }
    });
}

/// The server, as its client knows it.
struct Ours {
    _process: Process,
    _folder: tempfile::TempDir,
    url: String,
    token: String,
    connection: String,
}

impl Ours {
    fn start(upstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start("server", upstream, folder.path());
        let told: Vec<String> = process.told.split(' ').map(str::to_owned).collect();
        Self {
            url: format!("http://{}/graphql", told[0]),
            token: told[1].clone(),
            connection: told[2].clone(),
            _process: process,
            _folder: folder,
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
    let upstream = Process::start("system", "", Path::new(""));
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
    let upstream = Process::start("system", "", Path::new(""));
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
