//! Systems that are simulated as a `sandbox.yaml` describes them.

pub(crate) mod columns;
pub(crate) mod condition;
pub(crate) mod language;
pub(crate) mod problem;
pub(crate) mod proof;
pub(crate) mod protocol;
