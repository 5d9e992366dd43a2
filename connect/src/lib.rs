//! The connector framework: manifests become checked blueprints, blueprints become requests and records.

pub mod authorization;
pub mod blueprint;
pub mod capability;
mod classify;
pub mod codec;
pub mod connector;
pub mod context;
pub mod describe;
pub mod dialect;
pub mod error;
pub mod json;
pub mod layers;
pub mod manifest;
pub mod mapping;
pub mod path;
mod pattern;
pub mod replay;
pub mod request;
pub mod split;
pub mod store;
pub mod template;
pub mod transport;
mod wrapped;
pub mod write;
pub mod xml;

pub use error::{CredentialReason, Error, ErrorKind, Reach};
