//! What surrounds an operation on a connection, from the outside in: trace, observe, capability, deadline, breaker.

pub mod breaker;
pub(crate) mod capability;
pub(crate) mod deadline;
pub(crate) mod observe;
pub(crate) mod trace;
