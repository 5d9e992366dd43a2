//! The life of a connection through every public way to the server: GraphQL, subscriptions, plain HTTP, the command line,
//! webhooks and hosted pages, against simulated systems. Where it matters the program runs as processes, and is killed.

pub mod api;
pub mod process;
mod rows;
pub mod socket;
mod sse;

mod canaries;
mod crash;
mod diagnosis;
mod ends;
mod everything;
mod ledger;
mod processes;
mod reauthorization;
mod refusals;
mod streams;

use std::{sync::Arc, time::Duration};

use lineshaft_sandbox::{Options, Sandbox, System};

use crate::support::{Plant, Setup};

/// What happens, happens by then; what is told to take longer has its own bound.
const SOON: Duration = Duration::from_secs(20);

/// Starts a server that may send webhooks to this machine, without any connection.
async fn server(systems: &[System], settings: &[(&str, &str)]) -> Plant {
    let mut setup = Setup {
        connectors: systems.iter().map(|system| system.id()).collect(),
        ..Setup::only([])
    };
    setup = setup.set("WEBHOOKS__ALLOW_HTTP", true);
    for (key, value) in settings {
        setup = setup.set(key, value);
    }
    setup.start().await
}

pub async fn system(system: System) -> Arc<Sandbox> {
    Arc::new(Sandbox::start(system, Options::default()).await.unwrap())
}
