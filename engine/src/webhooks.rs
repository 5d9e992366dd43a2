//! Delivers events to the addresses that organizations name.

pub(crate) mod outbox;
