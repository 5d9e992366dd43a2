//! `lineshaft sandbox`: runs the simulated systems alone and tells how to connect to them.

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use lineshaft_connect::manifest::suggest;
use lineshaft_sandbox::{Options, Sandbox, Size, System, World};
use serde_json::Value;

use crate::{
    cli,
    http::serve::told_to_stop,
    output::{Output, Style},
};

/// Runs the command.
pub(super) async fn run(action: cli::Sandbox, out: &mut Output) -> anyhow::Result<ExitCode> {
    let cli::Sandbox::Start { systems, size, port } = action;
    super::start_quiet_log()?;
    let systems = match systems.is_empty() {
        true => System::all(),
        false => systems.iter().map(|id| find(id)).collect::<anyhow::Result<_>>()?,
    };
    let options = Options {
        size: size.into(),
        ..Options::default()
    };
    let world = World::generate(options.seed, options.size);
    let mut running = Vec::with_capacity(systems.len());
    for (number, system) in (0_u16..).zip(systems) {
        let port = port.map_or(0, |first| first.saturating_add(number));
        let sandbox = Sandbox::start_with(system, Options { port, ..options }, world.clone()).await;
        running.push(sandbox.with_context(|| format!("{} cannot listen on port {port}", system.title()))?);
    }
    for sandbox in &running {
        describe(sandbox, out)?;
    }
    out.line("The server reaches them when `upstream.allow_networks` has \"127.0.0.0/8\". Press Ctrl+C to stop.")?;
    told_to_stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Finds a system by its id, or loads the folder of a connector that is named by a path.
fn find(id: &str) -> anyhow::Result<System> {
    if id.contains(['/', '\\']) {
        return Ok(System::load(Path::new(id))?);
    }
    if let Some(system) = System::from_id(id) {
        return Ok(system);
    }
    let file = format!("connectors/{id}/sandbox.yaml");
    if let Some(faulty) = System::faulty().iter().find(|faulty| faulty.file == file) {
        bail!("{faulty}");
    }
    bail!(
        "{}",
        suggest::unknown("system", id, System::all().into_iter().map(System::id))
    )
}

fn describe(sandbox: &Sandbox, out: &mut Output) -> anyhow::Result<()> {
    let system = sandbox.system();
    let title = out.styled(Style::Bold, system.title());
    let address = out.styled(Style::Key, &sandbox.base_url());
    out.line(&format!("{title}  {address}"))?;
    let (settings, credentials) = sandbox.demo_connection();
    let mut command = format!(
        "  lineshaft connection add --connector {} --name {}",
        system.id(),
        quoted(system.title())
    );
    for (option, values) in [("--setting", settings), ("--credential", credentials)] {
        for (name, value) in values.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| Value::to_string(value), str::to_owned);
            command.push_str(&format!(" \\\n    {option} {}", quoted(&format!("{name}={value}"))));
        }
    }
    out.line(&command)?;
    out.line("")?;
    Ok(())
}

/// Quotes an argument for a shell when it has to be.
fn quoted(text: &str) -> String {
    let is_plain = text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_./:=@,%".contains(letter));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

impl From<cli::Size> for Size {
    fn from(size: cli::Size) -> Self {
        match size {
            cli::Size::Small => Self::Small,
            cli::Size::Medium => Self::Medium,
            cli::Size::Large => Self::Large,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(quoted("base_url=http://127.0.0.1:1"), "base_url=http://127.0.0.1:1");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
