//! The connector framework: manifests become checked blueprints, blueprints become requests and records.

pub mod blueprint;
pub mod capability;
mod classify;
pub mod dialect;
pub mod request;
pub mod split;
pub mod error;
pub mod manifest;
pub mod template;
pub mod path;
pub mod mapping;
pub mod json;
pub mod codec;
pub mod context;
pub mod store;
pub mod transport;
pub mod layers;
pub mod connector;

pub use error::{Error, ErrorKind};
