//! Measures streams: idle subscriptions with the fan-out of an event, and deliveries to webhooks. Each is compared with a
//! simpler program in the same run.
//!
//! Every server runs as a process of its own; the parent is the client and reads each process's CPU time and memory.
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

mod bare;
mod client;
mod deliverer;
mod deliveries;
mod ours;
mod plain;
mod process;
mod receiver;
mod subscriptions;

use std::time::{SystemTime, UNIX_EPOCH};

// As in the program; every server that is compared has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match std::env::var(process::ROLE).as_deref() {
            Ok("ours") => ours::serve().await,
            Ok("plain") => plain::serve().await,
            Ok("receiver") => receiver::serve().await,
            Ok("deliverer") => deliverer::obey().await,
            Ok("bare") => bare::obey().await,
            _ => compare().await,
        }
    });
}

/// Runs both parts, or the one that is named: `cargo bench --bench streams -- subscriptions` or `-- deliveries`.
async fn compare() {
    let named: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let is_asked = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if is_asked("subscriptions") {
        subscriptions::compare().await;
    }
    if is_asked("deliveries") {
        deliveries::compare().await;
    }
}

/// Returns the time of day in microseconds: the only clock that processes share.
fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

/// Returns what lies at a share of sorted values.
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Returns the middle of values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    at(&values, 0.5)
}
