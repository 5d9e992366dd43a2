//! Protocols of described systems beyond plain JSON.

pub(crate) mod xml;
