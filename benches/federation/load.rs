//! Starts every server, sends the same load to each, and prints one table.

use std::{
    io::BufRead,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

const CLIENTS: usize = 16;
const FIELDS: &str = "remoteId number reference title description status statusInfo { code } orderDate requiredDate createdAt \
     updatedAt currency netTotal { amount currency } taxTotal { amount currency } grossTotal { amount currency } paymentTerms \
     incoterms shippingMethod notes";
const NESTED: &str = "vendor { number name } lines { lineNumber quantity { value uomCode } unitPrice { amount currency } \
     item { sku name } }";

struct Server {
    name: &'static str,
    child: Child,
    address: String,
}

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    connections: usize,
    nested: bool,
    requests: usize,
}

const CASES: [Case; 4] = [
    Case {
        name: "100 flat records x 20 fields, 1 connection",
        connections: 1,
        nested: false,
        requests: 3000,
    },
    Case {
        name: "100 orders x vendor x 3 lines x item, 1 connection",
        connections: 1,
        nested: true,
        requests: 1500,
    },
    Case {
        name: "100 orders x vendor x 3 lines x item, 5 connections",
        connections: 5,
        nested: true,
        requests: 800,
    },
    Case {
        name: "100 orders x vendor x 3 lines x item, 20 connections",
        connections: 20,
        nested: true,
        requests: 300,
    },
];

impl Server {
    fn start(name: &'static str, upstream: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(crate::ROLE, name)
            .env(crate::UPSTREAM, upstream)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            name,
            child,
            address: address.trim().to_owned(),
        }
    }

    /// Returns the processor time used so far, in microseconds.
    fn cpu_us(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks * 10_000
    }

    fn peak_memory_mb(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    fn body(&self, case: Case) -> Value {
        let selection = if case.nested {
            format!("{FIELDS} {NESTED}")
        } else {
            FIELDS.to_owned()
        };
        match self.name {
            "ours" => {
                let connectors = format!("customers: [\"{}\"]", case.connections);
                json!({ "query": format!("{{ purchaseOrders(first: 100, {connectors}) {{ nodes {{ {selection} }} }} }}") })
            }
            "hand-written" => json!({ "connections": case.connections, "nested": case.nested }),
            _ => {
                json!({ "query": format!("{{ purchaseOrders(connections: {}) {{ nodes {{ {selection} }} }} }}", case.connections) })
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Figures {
    per_second: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    calls: f64,
}

pub async fn compare() {
    let upstream = Server::start("upstream", "");
    let names = ["hand-written", "ours", "plain-yield", "plain-timer"];
    let servers: Vec<Server> = names
        .iter()
        .map(|name| Server::start(name, &upstream.address))
        .collect();
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(CLIENTS)
        .build()
        .unwrap();
    for case in CASES {
        println!("\n{}", case.name);
        println!(
            "{:<13} {:>9} {:>10} {:>8} {:>8} {:>9} {:>9}",
            "", "req/s", "CPU us/req", "p50 ms", "p99 ms", "calls/req", "peak MB"
        );
        let mut all = Vec::new();
        let mut answers = Vec::new();
        for server in &servers {
            answers.push(check(&client, server, case).await);
            run(&client, &upstream, server, case, case.requests / 5).await;
            let figures = run(&client, &upstream, server, case, case.requests).await;
            println!(
                "{:<13} {:>9.0} {:>10.0} {:>8.2} {:>8.2} {:>9.2} {:>9.1}",
                server.name,
                figures.per_second,
                figures.cpu_us,
                figures.p50_ms,
                figures.p99_ms,
                figures.calls,
                server.peak_memory_mb()
            );
            all.push(figures);
        }
        let of = |name: &str| &all[names.iter().position(|known| *known == name).unwrap()];
        println!(
            "ours / hand-written: {:.2}x CPU, {:.2}x throughput; ours / plain-yield: {:.2}x throughput; ours / plain-timer: {:.2}x throughput",
            of("ours").cpu_us / of("hand-written").cpu_us,
            of("ours").per_second / of("hand-written").per_second,
            of("ours").per_second / of("plain-yield").per_second,
            of("ours").per_second / of("plain-timer").per_second
        );
        assert!(
            answers.windows(2).all(|pair| pair[0] == pair[1]),
            "the servers disagree about how many records there are"
        );
    }
}

/// Asks once and counts what came, so that no server is fast by giving less.
async fn check(client: &reqwest::Client, server: &Server, case: Case) -> (usize, usize, usize) {
    let answer: Value = send(client, server, &server.body(case)).await;
    let nodes = answer["data"]["purchaseOrders"]["nodes"]
        .as_array()
        .unwrap_or_else(|| panic!("{}: {answer}", server.name));
    let lines = nodes.iter().filter_map(|node| node["lines"].as_array()).flatten();
    let items = lines.clone().filter(|line| line["item"]["sku"].is_string()).count();
    (nodes.len(), lines.count(), items)
}

async fn send(client: &reqwest::Client, server: &Server, body: &Value) -> Value {
    let request = client
        .post(format!("http://{}/graphql", server.address))
        .bearer_auth("bench")
        .json(body);
    let bytes = request.send().await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", server.name, String::from_utf8_lossy(&bytes)))
}

async fn run(client: &reqwest::Client, upstream: &Server, server: &Server, case: Case, requests: usize) -> Figures {
    let calls = || async {
        let text = client
            .get(format!("http://{}/calls", upstream.address))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        text.parse::<u64>().unwrap()
    };
    let body = Arc::new(serde_json::to_vec(&server.body(case)).unwrap());
    let (cpu, called, started) = (server.cpu_us(), calls().await, Instant::now());
    let next = Arc::new(AtomicUsize::new(0));
    let workers = (0..CLIENTS).map(|_| {
        let (client, body, next, address) = (client.clone(), body.clone(), next.clone(), server.address.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < requests {
                let started = Instant::now();
                let request = client.post(format!("http://{address}/graphql")).bearer_auth("bench");
                let request = request
                    .header("content-type", "application/json")
                    .body(body.as_ref().clone());
                let answer = request.send().await.unwrap();
                assert!(answer.status().is_success());
                answer.bytes().await.unwrap();
                times.push(started.elapsed());
            }
            times
        })
    });
    let mut times: Vec<Duration> = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        times.extend(worker.await.unwrap());
    }
    let elapsed = started.elapsed();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    Figures {
        per_second: requests as f64 / elapsed.as_secs_f64(),
        cpu_us: (server.cpu_us() - cpu) as f64 / requests as f64,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        calls: (calls().await - called) as f64 / requests as f64,
    }
}
