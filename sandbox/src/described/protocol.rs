//! Protocols of described systems beyond plain JSON.

pub(crate) mod batch;
pub(crate) mod odata;
pub(crate) mod statement;
pub(crate) mod xml;
