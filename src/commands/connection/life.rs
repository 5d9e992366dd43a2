//! `lineshaft connection status`, `diagnose`, and what else is done to a connection in its life.

use std::process::ExitCode;

use lineshaft_engine::{Engine, lifecycle::StatusReport, origin::Origin};
use lineshaft_schema::ConnectionId;

use super::{super::operator, moment, organization, status as status_text};
use crate::{
    cli::OneConnection,
    output::{Output, Style},
};

/// What is done to a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Pause,
    Resume,
    Disable,
    Enable,
    Disconnect,
    Delete,
}

/// Does something to a connection as the operator.
pub(super) async fn act(engine: &Engine, one: OneConnection, deed: Deed, out: &mut Output) -> anyhow::Result<ExitCode> {
    let owner = organization(engine, &one.owner).await?.id;
    let (id, origin) = (one.id, Origin::operator());
    let (connection, done) = match deed {
        Deed::Pause => (engine.pause(owner, id, &origin).await?, "is paused"),
        Deed::Resume => (engine.resume(owner, id, &origin).await?, "goes on"),
        Deed::Disable => (engine.disable(owner, id, &origin).await?, "is switched off"),
        Deed::Enable => (engine.enable(owner, id, &origin).await?, "is switched on"),
        Deed::Disconnect => (engine.disconnect(owner, id, &origin).await?, "is disconnected"),
        Deed::Delete => (engine.delete(owner, id, &origin).await?, "is deleted"),
    };
    let status = status_text(connection.status);
    out.line(&format!("`{}` {done}; its status is {status}.", connection.name))?;
    Ok(ExitCode::SUCCESS)
}

/// Tells step by step what works and what does not.
pub(super) async fn diagnose(
    engine: &Engine,
    one: OneConnection,
    json: bool,
    out: &mut Output,
) -> anyhow::Result<ExitCode> {
    let owner = organization(engine, &one.owner).await?.id;
    let diagnosis = engine
        .diagnose(&operator(engine, owner).await?, ConnectionId(one.id))
        .await?;
    match json {
        true => out.json(&diagnosis)?,
        false => out.line(&diagnosis.to_string())?,
    }
    Ok(match diagnosis.has_failed() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Tells how a connection fares, as the row of the database says.
pub(super) async fn status(
    engine: &Engine,
    one: OneConnection,
    json: bool,
    out: &mut Output,
) -> anyhow::Result<ExitCode> {
    let owner = organization(engine, &one.owner).await?.id;
    let report = engine.status_of_connection(owner, one.id).await?;
    if json {
        out.json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let style = match report.status {
        "ACTIVE" => Style::Good,
        _ => Style::Bad,
    };
    let status = out.styled(style, report.status);
    let reason = report.status_reason.as_deref().unwrap_or_default();
    out.line(&format!("{status} {reason} since {}", moment(report.status_since)))?;
    for line in lines(&report) {
        out.line(&format!("  {line}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(report: &StatusReport) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(report.status_message.clone());
    lines.extend(report.reconnect_url.as_ref().map(|url| format!("sign in again: {url}")));
    lines.extend(report.account.as_ref().map(|account| format!("account: {account}")));
    lines.extend(report.last_success_at.map(|at| format!("last success: {}", moment(at))));
    if let (Some(at), Some(error)) = (report.last_error_at, &report.last_error) {
        lines.push(format!("last error: {} {} [{}]", moment(at), error.message, error.code));
    }
    let ends = report.credentials_expire_at;
    lines.extend(ends.map(|at| format!("the credentials end: {}", moment(at))));
    lines.extend(report.next_check_at.map(|at| format!("next check: {}", moment(at))));
    for entity in &report.entity_health {
        let message = entity.message.as_deref().map(|message| format!(", {message}"));
        let (name, status) = (&entity.entity, entity.status.as_str());
        lines.push(format!("{name}: {status}{}", message.unwrap_or_default()));
    }
    lines
}
