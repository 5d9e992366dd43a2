//! The program `lineshaft`: reads the command line, runs the command, tells how it went.

use std::process::ExitCode;

use clap::Parser as _;
use lineshaft::{cli::Cli, commands, output::Output};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Output::stderr().failure(&anyhow::Error::new(error).context("the runtime cannot be started"));
        }
    };
    match runtime.block_on(Box::pin(commands::run(cli))) {
        Ok(code) => code,
        Err(error) => Output::stderr().failure(&error),
    }
}
