//! The simulated systems, tried over HTTP as a client sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod accounts;
mod authorization;
mod basics;
mod described;
mod dialects;
mod write_faults;
