//! Compares, in one run on the same upstream, this server with a hand-written handler and with plain async-graphql.
//!
//! Every server runs as a process of its own; the parent sends the load and reads each process's CPU time and memory.
// The futures of a whole request are one type, which optimized builds look through to its end.
#![recursion_limit = "256"]
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

mod hand_written;
mod load;
mod ours;
mod plain;
mod rows;
mod upstream;

// As in the program; every server that is compared has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Names the part that a child process plays.
const ROLE: &str = "LINESHAFT_BENCH_ROLE";
/// The address of the upstream, for servers.
const UPSTREAM: &str = "LINESHAFT_BENCH_UPSTREAM";

fn main() {
    let runtime = |threads| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .unwrap()
    };
    match std::env::var(ROLE).as_deref() {
        Ok("upstream") => runtime(1).block_on(upstream::serve()),
        Ok("ours") => runtime(2).block_on(ours::serve()),
        Ok("hand-written") => runtime(2).block_on(hand_written::serve()),
        Ok("plain-timer") => runtime(2).block_on(plain::serve(plain::Batching::Timer)),
        Ok("plain-yield") => runtime(2).block_on(plain::serve(plain::Batching::Yield)),
        _ => runtime(2).block_on(load::compare()),
    }
}

/// Serves a router on a free port and tells the parent which.
async fn announce(router: axum::Router) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

fn upstream_address() -> String {
    std::env::var(UPSTREAM).unwrap()
}
