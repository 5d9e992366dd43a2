//! Proofs that a client holds a secret without sending it: signed requests and signed assertions.

pub(crate) mod jwt;
pub(crate) mod keys;
pub(crate) mod oauth1;
