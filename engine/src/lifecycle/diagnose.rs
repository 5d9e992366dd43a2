//! Finds out step by step why a connection does not work: settings, way, sign-in, each entity. Signs in with credentials
//! that were refused only if they were replaced since.

use lineshaft_connect::{
    Error, ErrorKind,
    connector::Connector,
    context::CallContext,
    transport::{self, Stage},
};
use lineshaft_entities::connection::Status;
use lineshaft_schema::{ConnectionId, TypeIndex};
use tokio::time::Instant;

use super::{
    diagnosis::{Diagnosis, Step, StepState},
    verdict::{Verdict, verdict},
};
use crate::{
    Engine, Session,
    connections::{self, Connection},
    probe::{By, refusal},
    query::SourceError,
};

/// Entities that are tried at the same time.
const AT_ONCE: usize = 4;

impl Engine {
    /// Goes through everything that a connection needs, step by step, and advises what to do. What it finds counts for
    /// the state of the connection like any other use.
    ///
    /// # Errors
    /// When there is no such connection for the session.
    pub async fn diagnose(&self, session: &Session, id: ConnectionId) -> Result<Diagnosis, connections::Error> {
        let connection = self.connections.get(session.visible, id.0).await?;
        let mut steps = Vec::new();
        let summary = self.walk(&connection, &session.context(), &mut steps).await;
        self.write_down(connection.id).await;
        Ok(Diagnosis { summary, steps })
    }

    async fn walk(&self, connection: &Connection, context: &CallContext, steps: &mut Vec<Step>) -> String {
        if let Some(error) = refusal(connection) {
            steps.push(stopped(&error));
            return format!("Nothing was tried: {}.", error.message);
        }
        let connector = match self.pool.plain(connection) {
            Ok(connector) => connector,
            Err(error) => {
                let advice = "Correct the settings of the connection, or ask the operator of the server.";
                let step = Step::new("settings", "Settings", StepState::Failed);
                steps.push(step.detail(error.message.clone()).advice(advice));
                return format!("The settings do not fit: {}.", error.message);
            }
        };
        steps.push(Step::new("settings", "Settings", StepState::Ok).detail("they fit the connector"));
        if let Some(failed) = self.way(&connector, steps).await {
            return format!("The system cannot be reached: {failed}.");
        }
        if connection.status == Status::ReauthRequired {
            steps.push(self.refused(connection));
            return "The system refused the credentials. Somebody must sign in again.".to_owned();
        }
        if let Err(error) = self.sign_in(connection, context, steps).await {
            return format!("Signing in does not work: {}.", error.message);
        }
        let kinds: Vec<TypeIndex> = connector.kinds().collect();
        let mut read = Vec::with_capacity(kinds.len());
        for some in kinds.chunks(AT_ONCE) {
            let checks = some.iter().map(|kind| self.entity(&connector, context, *kind));
            read.extend(futures_util::future::join_all(checks).await);
        }
        let failed = read.iter().filter(|step| step.state != StepState::Ok).count();
        let all = read.len();
        steps.extend(read);
        match failed {
            0 => format!("Everything works: {all} of {all} entities can be read."),
            _ => format!(
                "The connection works in part: {} of {all} entities can be read.",
                all - failed
            ),
        }
    }

    /// Goes the way to the system. Returns what failed, if something did.
    async fn way(&self, connector: &Connector, steps: &mut Vec<Step>) -> Option<String> {
        let url = match connector.base_url() {
            Ok(url) => url,
            Err(error) => {
                let step = Step::new("url", "Address", StepState::Failed).detail(error.message());
                steps.push(step.advice("Correct the address in the settings of the connection."));
                return Some(error.message().to_owned());
            }
        };
        let traced = self.pool.wire().trace(&url).await;
        let failed = traced.iter().find(|step| !step.ok).map(|step| step.detail.clone());
        steps.extend(traced.into_iter().map(Step::from));
        failed
    }

    fn refused(&self, connection: &Connection) -> Step {
        let reason = connection
            .status_message
            .as_deref()
            .unwrap_or("the system refused the credentials");
        let detail = format!("not tried again, because systems lock accounts: {reason}");
        let advice = match self.reconnect_url(connection) {
            Some(url) => format!("Sign in again: {url}"),
            None => "Sign in again with a reconnect link, or with new credentials.".to_owned(),
        };
        Step::new("sign_in", "Sign-in", StepState::Failed)
            .detail(detail)
            .advice(advice)
    }

    async fn sign_in(
        &self,
        connection: &Connection,
        context: &CallContext,
        steps: &mut Vec<Step>,
    ) -> Result<(), SourceError> {
        let started = Instant::now();
        let tried = self.try_credentials(connection, context, By::Person).await;
        let step = |state| Step::new("sign_in", "Sign-in", state).took(started.elapsed());
        match tried {
            Ok(account) => {
                let detail =
                    account.map_or_else(|| "signed in".to_owned(), |account| format!("signed in as {account}"));
                steps.push(step(StepState::Ok).detail(detail));
                Ok(())
            }
            Err(error) => {
                let detail = match &error.remote_message {
                    Some(remote) => format!("{}; the system says: {remote}", error.message),
                    None => error.message.clone(),
                };
                steps.push(
                    step(StepState::Failed)
                        .detail(detail)
                        .advice(advice_for_code(error.code)),
                );
                Err(error)
            }
        }
    }

    async fn entity(&self, connector: &Connector, context: &CallContext, kind: TypeIndex) -> Step {
        let def = self.catalogue.type_at(kind);
        let name = def.map_or("", |def| def.name.as_str());
        let step = |state| Step::new("entity", name, state).of_entity(name);
        match connector.check(context, kind).await {
            Ok(sample) => {
                let detail = match sample.records {
                    0 => "can be read; there are none yet",
                    _ => "can be read",
                };
                step(StepState::Ok).detail(detail).took(sample.latency)
            }
            Err(error) => {
                let state = match verdict(&error) {
                    Verdict::Denied | Verdict::Unsupported => StepState::Warning,
                    _ => StepState::Failed,
                };
                step(state).detail(error.to_string()).advice(advice(&error, name))
            }
        }
    }
}

impl From<transport::Step> for Step {
    fn from(traced: transport::Step) -> Self {
        let (name, label) = match traced.name {
            Stage::Url => ("url", "Address"),
            Stage::Dns => ("dns", "Name"),
            Stage::Tcp => ("tcp", "Network"),
            Stage::Tls => ("tls", "Encryption"),
        };
        let state = if traced.ok { StepState::Ok } else { StepState::Failed };
        Self {
            advice: traced.advice,
            ..Self::new(name, label, state).detail(traced.detail).took(traced.latency)
        }
    }
}

fn stopped(error: &SourceError) -> Step {
    let advice = match error.code {
        "CONNECTION_PAUSED" => "Resume the connection.",
        "CONNECTION_DISABLED" => "The operator of the server switched it off; ask there.",
        _ => "Connect the system anew.",
    };
    Step::new("settings", "State", StepState::Skipped)
        .detail(error.message.clone())
        .advice(advice)
}

fn advice(error: &Error, entity: &str) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("Let an administrator of the system allow the account to read {entity}.")
        }
        ErrorKind::NotSupported | ErrorKind::NotFound => {
            format!("This installation of the system does not offer {entity}; a module or its version may be missing.")
        }
        kind => advice_for_code(kind.code()).to_owned(),
    }
}

fn advice_for_code(code: &str) -> &'static str {
    match code {
        "INVALID_CREDENTIALS" | "SESSION_EXPIRED" | "REAUTH_REQUIRED" => {
            "Check the user name and the password or key, and sign in again. The system may also have locked the account."
        }
        "PERMISSION_DENIED" => "Let an administrator of the system allow the account to use its API.",
        "RATE_LIMITED" => "Wait a while; the system asks for fewer calls.",
        "UNREACHABLE" => "Check the address, and whether a firewall lets this server through.",
        "TLS_FAILED" => "Check the certificate of the system.",
        "TIMEOUT" | "DEADLINE_EXCEEDED" => "The system is slow or a firewall drops the calls. Try again later.",
        "UNAVAILABLE" | "CIRCUIT_OPEN" => "The system is down or in maintenance. Try again later.",
        "MALFORMED_RESPONSE" | "RESPONSE_TOO_LARGE" => {
            "Something else than the API answered, such as a login page or a proxy. Check the address."
        }
        "INVALID_SETTINGS" | "CONNECTOR_NOT_AVAILABLE" => "Correct the settings of the connection.",
        _ => "Try again later, and tell the operator of the server if it stays.",
    }
}
