//! Delivers to many endpoints from a full outbox, then an event at a time, and compares with a bare loop.

use std::time::Duration;

use sqlx::Connection as _;
use tokio::time::sleep;

use crate::{
    at, median,
    process::{DATABASE, Process, RECEIVER},
};

pub const ENDPOINTS: usize = 1000;
/// An organization has at most fifty endpoints.
pub const ORGANIZATIONS: usize = 20;
/// Events of each organization in the full outbox, each to all endpoints of its organization.
const EVENTS: usize = 20;
const ROUNDS: usize = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// Names a Postgres to measure as well; a schema of its own is made there for the time of the run.
const POSTGRES: &str = "LINESHAFT_BENCH_POSTGRES";

struct Figures {
    per_second: f64,
    cpu_us: f64,
}

pub async fn compare() {
    let receiver = Process::start("receiver", &[]).await;
    let port = receiver.address().rsplit(':').next().unwrap().to_owned();
    println!(
        "\n{ENDPOINTS} webhook endpoints of {ORGANIZATIONS} organizations, {} deliveries from a full outbox, then one event \
         in each organization, median of {ROUNDS}",
        EVENTS * ENDPOINTS
    );
    println!(
        "{:<16} {:>12} {:>15} {:>14} {:>14} {:>13} {:>13}",
        "", "deliveries/s", "CPU us/delivery", "first p50 ms", "first p99 ms", "event p50 ms", "event p99 ms"
    );
    let bare = run("bare", "bare loop", &receiver, &[(RECEIVER, &port)]).await;
    let variables = [(RECEIVER, port.as_str())];
    let sqlite = run("deliverer", "ours, SQLite", &receiver, &variables).await;
    let mut all = vec![("SQLite", sqlite)];
    if let Ok(url) = std::env::var(POSTGRES) {
        let schema = Schema::new(url).await;
        let variables = [(RECEIVER, port.as_str()), (DATABASE, &schema.address)];
        all.push((
            "Postgres",
            run("deliverer", "ours, Postgres", &receiver, &variables).await,
        ));
        schema.drop().await;
    }
    for (name, ours) in all {
        println!(
            "ours on {name} / bare loop: {:.2}x deliveries per second, {:.2}x CPU",
            ours.per_second / bare.per_second,
            ours.cpu_us / bare.cpu_us
        );
    }
    println!(
        "Deliveries per second count until the last outcome is written down. First: from the start until an endpoint has \
         received something. Event: from the commit until an endpoint has received it, with connections kept alive; the \
         bare loop sends to all endpoints at the same moment."
    );
}

async fn run(role: &str, title: &str, receiver: &Process, variables: &[(&str, &str)]) -> Figures {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = format!("http://{}/", receiver.address());
    let mut sender = Process::start(role, variables).await;
    forget(&client, &address).await;
    sender.ask(&format!("fill {EVENTS}")).await;
    sleep(PAUSE).await;
    let cpu = sender.cpu_us();
    let moments = numbers(&sender.ask("deliver").await);
    let count = EVENTS * ENDPOINTS;
    let cpu_us = (sender.cpu_us() - cpu) / count as f64;
    let (received, first) = seen(&client, &address).await;
    assert!(received >= count, "{received} of {count} deliveries arrived");
    let (began, ended) = (moments[0], moments[1]);
    let first = sorted(first.iter().map(|moment| milliseconds(began, *moment)));

    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sleep(PAUSE).await;
        forget(&client, &address).await;
        let commits = numbers(&sender.ask("tell").await);
        let (received, first) = seen(&client, &address).await;
        assert!(received >= ENDPOINTS, "{received} of {ENDPOINTS} deliveries arrived");
        let times = first.iter().enumerate();
        let times = sorted(times.map(|(number, moment)| milliseconds(commits[number % ORGANIZATIONS], *moment)));
        p50.push(at(&times, 0.5));
        p99.push(at(&times, 0.99));
    }
    let figures = Figures {
        per_second: count as f64 / (milliseconds(began, ended) / 1000.0),
        cpu_us,
    };
    println!(
        "{title:<16} {:>12.0} {:>15.0} {:>14.1} {:>14.1} {:>13.1} {:>13.1}",
        figures.per_second,
        figures.cpu_us,
        at(&first, 0.5),
        at(&first, 0.99),
        median(p50),
        median(p99)
    );
    figures
}

fn numbers(line: &str) -> Vec<u64> {
    line.split(' ').map(|number| number.parse().unwrap()).collect()
}

fn milliseconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1000.0
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

async fn forget(client: &reqwest::Client, address: &str) {
    client.delete(address).send().await.unwrap();
}

/// Returns how much the receiver got, and when each endpoint first got something.
async fn seen(client: &reqwest::Client, address: &str) -> (usize, Vec<u64>) {
    client.get(address).send().await.unwrap().json().await.unwrap()
}

/// A schema that only this run uses.
struct Schema {
    url: String,
    name: String,
    address: String,
}

impl Schema {
    async fn new(url: String) -> Self {
        let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
        execute(&url, format!("CREATE SCHEMA {name}")).await;
        let separator = if url.contains('?') { '&' } else { '?' };
        let address = format!("{url}{separator}options[search_path]={name}");
        Self { url, name, address }
    }

    async fn drop(self) {
        execute(&self.url, format!("DROP SCHEMA {} CASCADE", self.name)).await;
    }
}

async fn execute(url: &str, statement: String) {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}
