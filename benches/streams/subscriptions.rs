//! Opens as many idle subscriptions at each server, then sends events to all of them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{at, client::Fleet, median, process::Process};

const SUBSCRIPTIONS: usize = 10_000;
/// Files that the processes need besides the sockets.
const OTHER_FILES: usize = 200;
const ROUNDS: usize = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// Time for what opening left behind to be given back.
const SETTLING: Duration = Duration::from_secs(3);

struct Figures {
    memory_kb: f64,
    p50_ms: f64,
    p99_ms: f64,
    last_ms: f64,
    cpu_us: f64,
}

pub async fn compare() {
    let files = open_files();
    let needed = SUBSCRIPTIONS + OTHER_FILES;
    assert!(
        files >= needed,
        "{SUBSCRIPTIONS} sockets need as many files, and {files} may be open; run `ulimit -n {needed}` first"
    );
    println!(
        "\n{SUBSCRIPTIONS} idle subscriptions on one process, one event to all of them, median of {ROUNDS} events"
    );
    println!(
        "{:<22} {:>9} {:>10} {:>9} {:>9} {:>9} {:>12} {:>8}",
        "", "opened/s", "kB each", "p50 ms", "p99 ms", "last ms", "CPU us/event", "kB later"
    );
    let plain = run("plain", "axum + async-graphql").await;
    let ours = run("ours", "ours").await;
    println!(
        "ours / axum + async-graphql: {:.2}x memory, {:.2}x time to the last, {:.2}x CPU",
        ours.memory_kb / plain.memory_kb,
        ours.last_ms / plain.last_ms,
        ours.cpu_us / plain.cpu_us
    );
    println!(
        "Memory is that of the process, without what the kernel keeps for sockets. Times run from the commit (or the \
         sending) of the event until a client has read it; the clients run on the same machine."
    );
}

async fn run(role: &str, title: &str) -> Figures {
    let mut server = Process::start(role, &[]).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // What the first requests need once and for all is no part of a subscription.
    tell(&client, role, &mut server).await;
    drop(Fleet::open(server.address(), &server.greeting[1], 1).await);
    sleep(SETTLING).await;
    let before = server.memory_kb();
    let opening = Instant::now();
    let fleet = Fleet::open(server.address(), &server.greeting[1], SUBSCRIPTIONS).await;
    let opened = opening.elapsed();
    sleep(SETTLING).await;
    let each = |kilobytes: f64| (kilobytes - before) / SUBSCRIPTIONS as f64;
    let memory_kb = each(server.memory_kb());

    let mut rounds = [const { Vec::new() }; 3];
    let mut used = Vec::new();
    for round in 0..=ROUNDS {
        fleet.reset();
        let cpu = server.cpu_us();
        let sent = tell(&client, role, &mut server).await;
        let received = fleet.received().await;
        let mut times: Vec<f64> = received
            .iter()
            .map(|moment| moment.saturating_sub(sent) as f64 / 1000.0)
            .collect();
        times.sort_unstable_by(f64::total_cmp);
        sleep(PAUSE).await;
        // The first event finds everything cold.
        if round > 0 {
            used.push(server.cpu_us() - cpu);
            for (values, share) in rounds.iter_mut().zip([0.5, 0.99, 1.0]) {
                values.push(at(&times, share));
            }
        }
    }
    let later_kb = each(server.memory_kb());
    let [p50_ms, p99_ms, last_ms] = rounds.map(median);
    let figures = Figures {
        memory_kb,
        p50_ms,
        p99_ms,
        last_ms,
        cpu_us: used.iter().sum::<f64>() / (ROUNDS * SUBSCRIPTIONS) as f64,
    };
    println!(
        "{title:<22} {:>9.0} {:>10.1} {:>9.1} {:>9.1} {:>9.1} {:>12.1} {later_kb:>8.1}",
        SUBSCRIPTIONS as f64 / opened.as_secs_f64(),
        figures.memory_kb,
        figures.p50_ms,
        figures.p99_ms,
        figures.last_ms,
        figures.cpu_us
    );
    figures
}

/// Makes one event happen and returns when it was committed.
async fn tell(client: &reqwest::Client, role: &str, server: &mut Process) -> u64 {
    let request = match role {
        "ours" => {
            let query = format!(
                "mutation {{ rotateConnectionToken(connectionId: \"{}\") {{ token {{ id }} }} }}",
                server.greeting[2]
            );
            client
                .post(format!("http://{}/graphql", server.address()))
                .bearer_auth(&server.greeting[1])
                .json(&json!({ "query": query }))
        }
        _ => client.post(format!("http://{}/event", server.address())),
    };
    let text = request.send().await.unwrap().text().await.unwrap();
    if role == "ours" {
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
    }
    server.line().await.parse().unwrap()
}

/// Returns how many files this process may have open.
fn open_files() -> usize {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft = line.split_whitespace().nth(3).unwrap();
    soft.parse().unwrap_or(usize::MAX)
}
