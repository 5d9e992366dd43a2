//! Measures the start of a server with 40 connectors: the time until all are loaded and checked, and the memory that they
//! take. Where fewer are built in, some are loaded under a second name.
//!
//! Each count is measured in a process of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark"
)]

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use lineshaft::embedded;
use lineshaft_engine::registry::Registry;
use lineshaft_schema::Catalogue;

// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COUNT: &str = "LINESHAFT_BENCH_COUNT";
const COUNTS: [usize; 4] = [1, 10, 20, 40];
const RUNS: usize = 5;
const PAGE: usize = 4_096;

fn main() {
    if let Ok(count) = std::env::var(COUNT) {
        let (took, bytes) = measure(count.parse().unwrap());
        println!("{} {bytes}", took.as_micros());
        return;
    }
    println!("connectors | loaded and checked | memory taken");
    for count in COUNTS {
        let mut best = u128::MAX;
        let mut taken = 0;
        for _ in 0..RUNS {
            let output = Command::new(std::env::current_exe().unwrap())
                .env(COUNT, count.to_string())
                .output()
                .unwrap();
            assert!(output.status.success(), "{count} connectors: {}", output.status);
            let told = String::from_utf8(output.stdout).unwrap();
            let (micros, bytes) = told.trim().split_once(' ').unwrap();
            best = best.min(micros.parse().unwrap());
            taken = bytes.parse::<usize>().unwrap().max(taken);
        }
        println!("{count:>10} | {:>15} ms | {:>9.1} MB", best / 1_000, taken as f64 / 1e6);
    }
}

/// Loads connectors once, as a server does at its start.
fn measure(count: usize) -> (Duration, usize) {
    let files = files(count);
    let before = resident();
    let begun = Instant::now();
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    registry.add_files(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let took = begun.elapsed();
    assert!(registry.rejected().is_empty(), "{:?}", registry.rejected());
    assert_eq!(registry.all().count(), count);
    (took, resident().saturating_sub(before))
}

/// Returns the files of so many connectors; from the second round on they have a number behind their names.
fn files(count: usize) -> Vec<(String, String)> {
    let mut folders: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (path, text) in embedded::connectors() {
        let (id, rest) = path.split_once('/').unwrap();
        folders.entry(id.to_owned()).or_default().push((rest.to_owned(), text));
    }
    let named = (0..).flat_map(|round| folders.iter().map(move |folder| (round, folder)));
    let mut all = Vec::new();
    for (round, (id, files)) in named.take(count) {
        let name = match round {
            0 => id.clone(),
            round => format!("{id}-{round}"),
        };
        for (path, text) in files {
            let text = text.replacen(&format!("\nid: {id}\n"), &format!("\nid: {name}\n"), 1);
            all.push((format!("{name}/{path}"), text));
        }
    }
    all
}

/// Returns the bytes of memory that the process holds.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * PAGE
}
