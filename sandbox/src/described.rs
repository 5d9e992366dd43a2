//! Systems that are simulated as a `sandbox.yaml` describes them: values computed by expressions, tables over the plant,
//! endpoints that read and change them.

pub(crate) mod answer;
pub(crate) mod auth;
pub(crate) mod catalogue;
pub(crate) mod columns;
pub(crate) mod condition;
pub(crate) mod csrf;
pub(crate) mod description;
pub(crate) mod endpoint;
pub(crate) mod envelope;
pub(crate) mod form;
pub(crate) mod functions;
pub(crate) mod language;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod plant;
pub(crate) mod problem;
pub(crate) mod proof;
pub(crate) mod protocol;
pub(crate) mod request;
pub(crate) mod rows;
mod serve_odata;
pub(crate) mod server;
pub(crate) mod steps;
pub(crate) mod table;
pub(crate) mod token;
pub(crate) mod wrapped;

pub(crate) use lineshaft_yaml as yaml;
