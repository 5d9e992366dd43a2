//! The server: command line, settings, wiring, HTTP routes. No business rules.

pub mod cli;
pub mod commands;
pub mod embedded;
pub mod examples;
pub mod http;
pub mod logging;
pub mod output;
pub mod settings;
pub mod start;
pub mod telemetry;
