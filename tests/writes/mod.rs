//! Writes through the public API against simulated systems: that what is declared can be done and comes back as it was
//! given, that nothing is done twice whatever breaks, and that what happened is told truly.

pub mod call;
mod form;
mod model;
mod pool;
mod rules;
mod stage;
mod values;

mod batch;
mod crash;
mod envelopes;
mod faults;
mod keys;
mod locks;
mod log;
mod matrix;
mod references;

use std::time::Duration;

use lineshaft_sandbox::System;

use crate::support::Setup;

/// What happens, happens by then.
const SOON: Duration = Duration::from_secs(30);

/// Starts systems with a server over them that looks up unknown outcomes soon.
fn setup(systems: impl IntoIterator<Item = System>) -> Setup {
    Setup::only(systems)
        .set("WEBHOOKS__ALLOW_HTTP", true)
        .set("WRITES__NOT_DONE_AFTER_S", 1)
}
