//! Systems that are simulated as a `sandbox.yaml` describes them: values computed by expressions, tables over the plant,
//! endpoints that read and change them.

pub(crate) mod description;
pub(crate) mod table;
pub(crate) mod endpoint;
pub(crate) mod form;
pub(crate) mod functions;
pub(crate) mod plant;
pub(crate) mod rows;
pub(crate) mod columns;
pub(crate) mod condition;
pub(crate) mod problem;
pub(crate) mod language;
pub(crate) mod list;
pub(crate) mod request;
pub(crate) mod auth;
pub(crate) mod token;
pub(crate) mod limits;
pub(crate) mod steps;
pub(crate) mod server;
pub(crate) mod catalogue;
pub(crate) mod load;
pub(crate) mod yaml;
pub(crate) mod proof;
pub(crate) mod protocol;
pub(crate) mod envelope;
pub(crate) mod csrf;
mod serve_odata;
