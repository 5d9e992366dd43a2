//! Simulated source systems that speak their real protocols over HTTP, on one coherent plant's
//! data. It never talks to a real system and shares no code with the product it tests.

pub mod account;
pub mod fault;
pub mod permission;
pub mod receiver;
pub mod server;
pub mod sign_ins;
pub mod world;

pub(crate) mod described;
pub(crate) mod grants;
pub(crate) mod guards;
pub(crate) mod html;
pub(crate) mod odata;
pub(crate) mod oslc;
pub(crate) mod state;
pub(crate) mod systems;
pub(crate) mod written;

pub use account::Account;
pub use described::description::Description;
pub use described::load::Faulty;
pub use fault::Fault;
pub use grants::TokenRules;
pub use permission::UnknownEntity;
pub use receiver::{Received, Receiver, Reply};
pub use server::{Call, Options, Sandbox, System};
pub use sign_ins::SignIns;
pub use world::{Seed, Size, World};

/// Returns every simulated system with its connector id and a short title.
#[must_use]
pub fn catalogue() -> Vec<(System, &'static str, &'static str)> {
    System::all()
        .into_iter()
        .map(|system| (system, system.id(), system.title()))
        .collect()
}
