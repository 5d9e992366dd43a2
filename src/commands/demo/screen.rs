//! What the demo prints: where to look, what to carry, how each system is, what to ask.

use std::io;

use lineshaft_sandbox::System;
use secrecy::ExposeSecret as _;

use super::{Shown, Station};
use crate::{
    examples::EXAMPLES,
    output::{Output, Style},
};

/// Prints the screen.
pub(super) fn show(shown: &Shown<'_>, out: &mut Output) -> io::Result<()> {
    let token = shown.token.expose_secret();
    let ready = format!("ready in {:.1} s", shown.started.elapsed().as_secs_f64());
    let title = out.styled(Style::Bold, &format!("Lineshaft {}", env!("CARGO_PKG_VERSION")));
    let ready = out.styled(Style::Dim, &ready);
    out.line(&format!("\n  {title} demo   {ready}\n"))?;
    let base = format!("http://{}", shown.address);
    let data = match shown.folder.is_kept {
        true => format!("{} (kept)", shown.folder.path.display()),
        false => "removed at the end; `--keep` keeps it".to_owned(),
    };
    // Browsers do not send what follows the `#` to a server, so the token reaches no log.
    for (label, value, style) in [
        ("Playground", format!("{base}/playground#token={token}"), Style::Key),
        ("Console", format!("{base}/console#token={token}"), Style::Key),
        ("API", format!("{base}/graphql"), Style::Key),
        ("Token", token.to_owned(), Style::Key),
        (
            "Webhooks",
            format!("{} shows what arrives", shown.receiver.base_url()),
            Style::Key,
        ),
        ("Data", data, Style::Plain),
    ] {
        let value = out.styled(style, &value);
        out.line(&format!("  {label:<12}{value}"))?;
    }
    heading(out, "Systems")?;
    let widths = (
        longest(shown.stations, |station| station.sandbox.system().title()),
        longest(shown.stations, customer),
    );
    for station in shown.stations {
        status(station, widths, out)?;
    }
    heading(out, "Queries and mutations to try (open as tabs in the playground)")?;
    for (number, example) in EXAMPLES.iter().enumerate() {
        let title = out.styled(Style::Bold, &format!("{}. {}", number + 1, example.title));
        out.line(&format!("  {title}"))?;
        for line in example.query.lines() {
            let line = out.styled(Style::Dim, line);
            out.line(&format!("     {line}"))?;
        }
        out.line("")?;
    }
    if let Some(station) = shown
        .stations
        .iter()
        .find(|station| station.sandbox.system() == System::Odoo)
    {
        heading(out, "See a connection lose its credentials and come back")?;
        let address = station.sandbox.base_url();
        let command = out.styled(
            Style::Key,
            &format!("curl -X POST {address}/_sandbox/credentials/expire"),
        );
        out.line(&format!("  {command}"))?;
        for line in [
            "  prints the new credentials. Within a second or two the status changes in the console, the webhook",
            "  arrives, and the page to sign in again is printed below. Events from now on:",
        ] {
            out.line(&out.styled(Style::Dim, line))?;
        }
        out.line("")?;
    }
    out.line("  Press Ctrl+C to stop.\n")
}

fn heading(out: &mut Output, text: &str) -> io::Result<()> {
    let text = out.styled(Style::Bold, text);
    out.line(&format!("\n  {text}\n"))
}

fn longest<'a>(stations: &'a [Station], text: impl Fn(&'a Station) -> &'a str) -> usize {
    stations
        .iter()
        .map(|station| text(station).chars().count())
        .max()
        .unwrap_or(0)
}

fn customer(station: &Station) -> &str {
    let connection = station.outcome.as_ref().ok().map(|(connection, _)| connection);
    connection
        .and_then(|connection| connection.customer.as_ref())
        .map_or("", |customer| customer.name.as_str())
}

fn status(station: &Station, (system, owner): (usize, usize), out: &mut Output) -> io::Result<()> {
    let (mark, style, text) = match &station.outcome {
        Ok((_, report)) => match &report.error {
            None => {
                let account = report
                    .identity
                    .as_ref()
                    .map_or_else(|| "signed in".to_owned(), |account| format!("signed in as {account}"));
                (
                    "✓",
                    Style::Good,
                    format!("{account}, {} ms", report.latency.as_millis()),
                )
            }
            Some(error) => ("✗", Style::Bad, format!("{} [{}]", error.message, error.code)),
        },
        Err(problem) => ("✗", Style::Bad, problem.clone()),
    };
    let mark = out.styled(style, mark);
    let kind: System = station.sandbox.system();
    let address = out.styled(Style::Dim, &station.sandbox.base_url());
    out.line(&format!(
        "  {mark} {:<system$}  {:<owner$}  {address}  {text}",
        kind.title(),
        customer(station)
    ))
}
