//! Writes over a scripted system.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod batches;
mod bounds;
mod claiming;
mod crashing;
mod lanes;
mod logging;
mod modes;
mod queueing;
mod settling;
mod whole;
