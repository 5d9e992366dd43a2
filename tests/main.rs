//! The integration suite: the whole server over HTTP, against the simulated systems.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod support;

mod bad_input;
mod conformance;
mod connect;
mod counts;
mod databases;
mod faults;
mod federation;
mod identity;
mod layers;
mod life;
mod mappings;
mod organization_schema;
mod paging;
mod private_connectors;
mod schema;
#[cfg(feature = "tryton")]
mod tryton;
mod verify;
#[cfg(feature = "standard-webhooks")]
mod webhooks;
mod writes;
