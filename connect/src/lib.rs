//! The connector framework: manifests become checked blueprints, blueprints become requests and records.

pub mod blueprint;
pub mod capability;
pub mod request;
pub mod split;
pub mod error;
pub mod manifest;
pub mod template;
pub mod path;
pub mod mapping;
pub mod json;
pub mod codec;

pub use error::{Error, ErrorKind};
