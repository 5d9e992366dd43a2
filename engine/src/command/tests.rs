//! Writes over a scripted system.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod batches;
mod claiming;
mod crashing;
mod logging;
mod modes;
mod queueing;
mod settling;
mod whole;
