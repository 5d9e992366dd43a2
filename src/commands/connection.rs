//! `lineshaft connection`: adds, lists and tests connections.

mod life;

use std::{
    io::{IsTerminal as _, Read as _},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use lineshaft_connect::manifest::{self, Manifest};
use lineshaft_engine::{
    Engine, ProbeReport,
    connections::{self, Connection, CreateError, Filter, NewConnectionRequest, Status},
    credentials::SecretFields,
    customers::NewCustomer,
    origin::Origin,
    registry::Kind,
};
use lineshaft_schema::ConnectionId;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use self::life::Deed;
use super::{MOST_ROWS, connector, moment, operator, organization};
use crate::{
    cli::{self, AddConnection, Credential},
    output::{Output, Style},
    settings::Settings,
    start::{self, Migrations},
};

/// Runs the command.
pub(super) async fn run(settings: &Settings, action: cli::Connection, out: &mut Output) -> anyhow::Result<ExitCode> {
    let engine = start::engine(settings, Migrations::AsSettingsSay).await?;
    // What is told of a connection here names the server's pages as well.
    if let Ok(address) = settings.server.bind.parse() {
        engine.serve_under(settings.public_url(address));
    }
    match action {
        cli::Connection::Add(add) => self::add(&engine, add, out).await,
        cli::Connection::List { owner, json } => {
            let owner = organization(&engine, &owner).await?;
            list(&engine, owner.id, json, out).await
        }
        cli::Connection::Test(one) => {
            let owner = organization(&engine, &one.owner).await?;
            let session = operator(&engine, owner.id).await?;
            let report = engine.probe(&session, ConnectionId(one.id)).await?;
            let connection = engine.connections.get(owner.id, one.id).await?;
            tell_report(&connection, &report, out)
        }
        cli::Connection::Status { one, json } => life::status(&engine, one, json, out).await,
        cli::Connection::Diagnose { one, json } => life::diagnose(&engine, one, json, out).await,
        cli::Connection::Pause(one) => life::act(&engine, one, Deed::Pause, out).await,
        cli::Connection::Resume(one) => life::act(&engine, one, Deed::Resume, out).await,
        cli::Connection::Disable(one) => life::act(&engine, one, Deed::Disable, out).await,
        cli::Connection::Enable(one) => life::act(&engine, one, Deed::Enable, out).await,
        cli::Connection::Disconnect(one) => life::act(&engine, one, Deed::Disconnect, out).await,
        cli::Connection::Delete(one) => life::act(&engine, one, Deed::Delete, out).await,
    }
}

async fn add(engine: &Engine, add: AddConnection, out: &mut Output) -> anyhow::Result<ExitCode> {
    let owner = organization(engine, &add.owner).await?;
    let kind = find_connector(engine, &add.connector)?;
    let settings = unique(&add.setting, "setting")?;
    let credentials = credentials(&kind.manifest, &settings, &add.credential)?;
    let customer = add.customer.map(|external_id| {
        let name = add.customer_name.unwrap_or_else(|| external_id.clone());
        NewCustomer { external_id, name }
    });
    let request = NewConnectionRequest {
        organization_id: owner.id,
        customer,
        connector: add.connector.clone(),
        name: Some(add.name),
        deployment: Some(deployment(add.deployment, &kind.manifest)),
        settings,
        credentials: SecretFields::new(credentials),
        credentials_expire_at: None,
        // Stored first and tried then: whoever sits at the server may want to mend the system meanwhile.
        verify: false,
    };
    let created = engine.create_connection(request, &Origin::operator(), |_| {}).await;
    let created = created.map_err(|error| not_made(&error, &add.connector))?;
    let mut added = created.connection;
    let report = match add.no_test {
        true => None,
        false => Some(
            engine
                .probe(&operator(engine, owner.id).await?, ConnectionId(added.id))
                .await?,
        ),
    };
    added = engine.connections.get(owner.id, added.id).await?;
    if add.json {
        let mut value = as_json(&added);
        if let Value::Object(value) = &mut value {
            let token = created.token.as_ref().map(|token| token.text.expose_secret());
            value.insert("token".to_owned(), json!(token));
            value.extend(report.as_ref().map(|report| ("test".to_owned(), report_json(report))));
        }
        out.json(&value)?;
        return Ok(code(report.as_ref()));
    }
    out.line(&format!("Added the connection `{}` ({}).", added.name, added.id))?;
    if let Some(token) = &created.token {
        let text = out.styled(Style::Key, token.text.expose_secret());
        out.line(&format!("Its token, shown this once: {text}"))?;
    }
    match report {
        Some(report) => tell_report(&added, &report, out),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Tells why a connection was not made, every problem of the form in a line.
fn not_made(error: &CreateError, connector: &str) -> anyhow::Error {
    if error.problems().is_empty() {
        return anyhow::anyhow!("the connection cannot be made: {error}");
    }
    let lines: Vec<String> = error
        .problems()
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect();
    let hint = format!("\n`lineshaft connector show {connector}` tells what is asked for");
    anyhow::anyhow!("the connection cannot be made:{}{hint}", lines.concat())
}

fn find_connector(engine: &Engine, id: &str) -> anyhow::Result<std::sync::Arc<Kind>> {
    if let Some(kind) = engine.registry.get(id) {
        return Ok(kind);
    }
    bail!("{}", connector::not_found(&engine.registry, id))
}

fn deployment(asked: Option<cli::Deployment>, manifest: &Manifest) -> connections::Deployment {
    let first = manifest.deployments.first();
    match (asked, first) {
        (Some(cli::Deployment::Cloud), _) | (None, Some(manifest::Deployment::Cloud) | None) => {
            connections::Deployment::Cloud
        }
        (Some(cli::Deployment::OnPremises), _) | (None, Some(manifest::Deployment::OnPremises)) => {
            connections::Deployment::OnPremises
        }
    }
}

fn unique(pairs: &[(String, String)], what: &str) -> anyhow::Result<Map<String, Value>> {
    let mut all = Map::new();
    for (name, value) in pairs {
        if all.insert(name.clone(), Value::String(value.clone())).is_some() {
            bail!("the {what} `{name}` is given twice");
        }
    }
    Ok(all)
}

/// Collects the credentials: given on the command line, read as JSON, or asked for.
fn credentials(
    manifest: &Manifest,
    settings: &Map<String, Value>,
    given: &[Credential],
) -> anyhow::Result<Map<String, Value>> {
    let pairs = given.iter().filter_map(|credential| match credential {
        Credential::Pair(name, value) => Some((name.clone(), value.clone())),
        Credential::Read => None,
    });
    let mut all = unique(&pairs.collect::<Vec<_>>(), "credential")?;
    if !given.contains(&Credential::Read) {
        return Ok(all);
    }
    if std::io::stdin().is_terminal() {
        let effective = manifest.for_settings(settings);
        let ways = effective.as_ref().map_or(&manifest.auth, |effective| &effective.auth);
        for (name, value) in ask(ways, &all)? {
            all.insert(name, value);
        }
        return Ok(all);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("the credentials cannot be read")?;
    // The parser's own message might repeat a part of the secret.
    let Ok(Value::Object(read)) = serde_json::from_str(&text) else {
        bail!("the credentials on the standard input are not a JSON object");
    };
    all.extend(read);
    Ok(all)
}

/// Asks for the credentials of the first way to sign in, secrets without showing them.
fn ask(ways: &[manifest::Auth], known: &Map<String, Value>) -> anyhow::Result<Vec<(String, Value)>> {
    let mut err = Output::stderr();
    let Some(way) = ways.first() else { return Ok(Vec::new()) };
    for (number, step) in way.guide.iter().enumerate() {
        err.line(&format!("{}. {step}", number + 1))?;
    }
    let mut answers = Vec::new();
    for (name, field) in way.credentials.iter().filter(|(name, _)| !known.contains_key(*name)) {
        let prompt = format!("{}: ", field.label);
        let answer = if field.secret {
            rpassword::prompt_password(prompt)?
        } else {
            err.text(&prompt)?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line.trim().to_owned()
        };
        answers.push((name.clone(), Value::String(answer)));
    }
    Ok(answers)
}

async fn list(engine: &Engine, organization_id: Uuid, json: bool, out: &mut Output) -> anyhow::Result<ExitCode> {
    let page = engine
        .connections
        .list(organization_id, &Filter::default(), None, MOST_ROWS)
        .await?;
    if json {
        out.json(&page.connections.iter().map(as_json).collect::<Vec<_>>())?;
    } else if page.connections.is_empty() {
        out.line("There is no connection yet; `lineshaft connection add --help` tells how to add one.")?;
    } else {
        let row = |one: &Connection| {
            let customer = one
                .customer
                .as_ref()
                .map_or_else(|| "-".to_owned(), |customer| customer.name.clone());
            [
                one.name.clone(),
                one.connector.clone(),
                customer,
                status(one.status).to_owned(),
                moment(one.status_since),
                one.id.to_string(),
            ]
        };
        out.table(
            ["NAME", "CONNECTOR", "CUSTOMER", "STATUS", "SINCE", "ID"],
            &page.connections.iter().map(row).collect::<Vec<_>>(),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_report(connection: &Connection, report: &ProbeReport, out: &mut Output) -> anyhow::Result<ExitCode> {
    match &report.error {
        None => {
            let account = report
                .identity
                .as_ref()
                .map(|account| format!(", signed in as {account}"))
                .unwrap_or_default();
            let works = out.styled(Style::Good, "works");
            out.line(&format!(
                "`{}` {works}{account} ({} ms).",
                connection.name,
                report.latency.as_millis()
            ))?;
        }
        Some(error) => {
            let fails = out.styled(Style::Bad, "does not work");
            out.line(&format!(
                "`{}` {fails}: {} [{}]",
                connection.name, error.message, error.code
            ))?;
            if let Some(message) = &error.remote_message {
                out.line(&format!("  the system says: {message}"))?;
            }
            out.line(&format!("  its status is {} now", status(connection.status)))?;
        }
    }
    Ok(code(Some(report)))
}

fn code(report: Option<&ProbeReport>) -> ExitCode {
    match report {
        Some(report) if report.error.is_some() => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn status(status: Status) -> &'static str {
    lineshaft_engine::status_of(status).as_str()
}

fn report_json(report: &ProbeReport) -> Value {
    let error = report
        .error
        .as_ref()
        .map(|error| json!({"code": error.code, "message": error.message, "retryable": error.retryable}));
    let latency = u64::try_from(report.latency.as_millis()).unwrap_or(u64::MAX);
    json!({"works": error.is_none(), "account": report.identity, "error": error, "latencyMs": latency})
}

fn as_json(one: &Connection) -> Value {
    json!({
        "id": one.id,
        "name": one.name,
        "connector": one.connector,
        "customer": one.customer.as_ref().map(|customer| json!({"externalId": customer.external_id, "name": customer.name})),
        "settings": one.settings,
        "status": status(one.status),
        "statusReason": one.status_reason,
        "statusSince": one.status_since,
        "createdAt": one.created_at,
    })
}
