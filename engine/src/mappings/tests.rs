//! What saved mappings do: to the next query, to one under way, to others who save, and to whoever may not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod rights;
mod saving;
mod seeing;
mod serving;
mod sharing;
