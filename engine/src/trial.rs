//! Tries settings and credentials before anything is stored: the way to the system, the sign-in, and what the account
//! may read. A session that the trial makes is handed out, so that a rotated refresh token is not lost.

mod advice;
mod store;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lineshaft_connect::{
    Error, ErrorKind,
    connector::{Connector, Options, Parts},
    context::CallContext,
    store::{Session, SystemClock, Unobserved},
    transport::{Stage, retry},
};
use lineshaft_schema::{ConnectionId, TypeIndex};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Engine, applications,
    credentials::SecretFields,
    forms::Part,
    lifecycle::{Entities, EntityHealth, EntityStatus},
    registry::Kind,
};
use advice::Words;
use store::MemoryStore;
pub(crate) use store::VERSION;

/// The longest time of a trial.
const TIME: Duration = Duration::from_secs(60);
/// Entities that are tried side by side.
const AT_ONCE: usize = 4;

/// What is tried.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The name of the connector.
    pub connector: String,
    /// The settings, checked.
    pub settings: Map<String, Value>,
    /// The credentials, checked; those of the operator's application are filled in.
    pub credentials: SecretFields,
    /// The organization that it is done for.
    pub organization_id: Uuid,
    /// The connection that it is done for, if it exists already.
    pub connection: Option<Uuid>,
}

/// One step of a trial, told when it begins and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialStep {
    /// What is tried.
    pub name: StepName,
    /// What is tried, for people.
    pub label: String,
    /// How it stands.
    pub state: StepState,
    /// The entity, when that is what is tried.
    pub entity: Option<String>,
    /// What was found.
    pub detail: Option<String>,
    /// How long it took.
    pub latency: Option<Duration>,
}

/// What a step tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepName {
    /// The address is one that requests may go to.
    Address,
    /// The name of the host leads to addresses.
    Name,
    /// The host accepts a connection.
    Network,
    /// The connection is encrypted.
    Encryption,
    /// The credentials are good.
    SignIn,
    /// The account may read an entity.
    Entity,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepState {
    /// It has begun.
    Running,
    /// It went well.
    Ok,
    /// It did not go well, and the connection can be used without it.
    Warning,
    /// It failed, and with it the trial.
    Failed,
}

/// What a trial that succeeded found.
#[derive(Clone, Debug)]
pub struct TrialReport {
    /// The account that the credentials open, as the system tells it.
    pub account: Option<String>,
    /// Whether the account may read each entity.
    pub entities: Vec<EntityReport>,
    /// How long it took.
    pub latency: Duration,
    /// Requests that were sent.
    pub upstream_calls: u32,
    pub(crate) session: Option<Session>,
}

/// Whether the account may read an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityReport {
    /// The entity.
    pub entity: String,
    /// The code of the failure, when it cannot be read.
    pub code: Option<&'static str>,
    /// What the failure says.
    pub message: Option<String>,
    /// How long the sample took.
    pub latency: Duration,
}

/// Why a trial failed. No text holds a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialFailure {
    /// The stable code.
    pub code: &'static str,
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
    /// The field that is probably wrong.
    pub field: Option<(Part, String)>,
    /// What the system said.
    pub remote_message: Option<String>,
}

impl std::fmt::Display for TrialFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl TrialReport {
    /// Returns what people should know although the connection works: the entities that the account may not read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let refused = self.entities.iter().filter(|entity| entity.code.is_some());
        refused.map(EntityReport::warning).collect()
    }
}

impl TrialReport {
    /// Returns how each entity fares, as it is kept with a connection.
    pub(crate) fn health(&self, now: DateTime<Utc>) -> Entities {
        let health = self.entities.iter().map(|report| {
            let mut health = EntityHealth::unknown();
            match report.code {
                None => health.succeed(now),
                Some(code) => {
                    let status = match code {
                        "PERMISSION_DENIED" => EntityStatus::Denied,
                        "NOT_SUPPORTED" => EntityStatus::Unsupported,
                        _ => EntityStatus::Failed,
                    };
                    health.fail(status, code, report.message.as_deref().unwrap_or_default(), now);
                }
            }
            (report.entity.clone(), health)
        });
        health.collect()
    }
}

impl EntityReport {
    fn warning(&self) -> String {
        let label = label_of(&self.entity);
        match (self.code, &self.message) {
            (Some("PERMISSION_DENIED"), _) => format!("{label}: the account has no permission to read it"),
            (_, Some(message)) => format!("{label}: {message}"),
            (_, None) => format!("{label}: it cannot be read"),
        }
    }
}

impl Engine {
    /// Tries settings and credentials. Nothing is stored.
    ///
    /// # Errors
    /// Returns why they do not work, and what to do.
    pub async fn trial(
        &self,
        trial: Trial,
        progress: impl Fn(TrialStep) + Send + Sync,
    ) -> Result<TrialReport, TrialFailure> {
        self.trial_with(trial, None, &progress).await
    }

    /// Tries settings and credentials with a session that was just made from them.
    pub(crate) async fn trial_with(
        &self,
        trial: Trial,
        session: Option<Session>,
        progress: &(dyn Fn(TrialStep) + Send + Sync),
    ) -> Result<TrialReport, TrialFailure> {
        let Some(kind) = self.registry.get(&trial.connector) else {
            return Err(advice::no_connector(&trial.connector));
        };
        let application = self.settings.applications.of(&kind.manifest);
        let given = crate::store::secret_map(&trial.credentials).map_err(|_| advice::internal())?;
        let words = Words::new(&kind.manifest, &given, &application);
        let store = Arc::new(MemoryStore::new(applications::complete(given, &application), session));
        let context = CallContext::within(TIME, Uuid::now_v7().to_string());
        let started = tokio::time::Instant::now();
        let connector = self
            .unstored(&kind, &trial, store.clone())
            .map_err(|error| words.failure(&error))?;
        self.try_way(&connector, &words, progress).await?;
        let account = match sign_in(&connector, &context, &words, progress).await {
            Ok(account) => account,
            Err(failure) => {
                // Nobody will use the session that was made on the way.
                if let Some(farewell) = connector.farewell().await {
                    farewell.send().await;
                }
                return Err(failure);
            }
        };
        let entities = try_entities(&connector, &kind, &context, &words, progress).await;
        Ok(TrialReport {
            account,
            entities,
            latency: started.elapsed(),
            upstream_calls: context.calls(),
            session: store.session(),
        })
    }

    fn unstored(&self, kind: &Kind, trial: &Trial, store: Arc<MemoryStore>) -> Result<Connector, Error> {
        let blueprint = kind
            .blueprint_for(&trial.settings)
            .map_err(|problem| Error::new(ErrorKind::InvalidSettings, problem))?;
        Connector::new(Parts {
            // Metrics are told by connection; trials of what does not exist yet share one.
            id: ConnectionId(trial.connection.unwrap_or_default()),
            blueprint,
            settings: trial.settings.clone(),
            credentials: store,
            observer: Arc::new(Unobserved),
            wire: self.wire.clone(),
            clock: Arc::new(SystemClock),
            // A person waits: what fails is told at once.
            options: Options {
                retry: retry::Settings {
                    most: 0,
                    ..self.settings.connector.retry
                },
                ..self.settings.connector
            },
        })
    }

    /// Goes the way to the system, up to where it ends.
    async fn try_way(
        &self,
        connector: &Connector,
        words: &Words,
        progress: &(dyn Fn(TrialStep) + Send + Sync),
    ) -> Result<(), TrialFailure> {
        progress(TrialStep::running(StepName::Address));
        let url = match connector.base_url() {
            Ok(url) => url,
            Err(error) => {
                let failure = words.failure(&error);
                progress(TrialStep::ended(
                    StepName::Address,
                    StepState::Failed,
                    &failure.message,
                    Duration::ZERO,
                ));
                return Err(failure);
            }
        };
        for step in self.wire.trace(&url).await {
            let name = StepName::of(step.name);
            let state = if step.ok { StepState::Ok } else { StepState::Failed };
            progress(TrialStep::ended(name, state, &step.detail, step.latency));
            if !step.ok {
                return Err(words.way_failure(step));
            }
        }
        Ok(())
    }
}

async fn sign_in(
    connector: &Connector,
    context: &CallContext,
    words: &Words,
    progress: &(dyn Fn(TrialStep) + Send + Sync),
) -> Result<Option<String>, TrialFailure> {
    progress(TrialStep::running(StepName::SignIn));
    let started = tokio::time::Instant::now();
    match connector.probe(context).await {
        Ok(identity) => {
            let found = match &identity.account {
                Some(account) => format!("signed in as {}", words.scrubbed(account)),
                None => "signed in".to_owned(),
            };
            progress(TrialStep::ended(
                StepName::SignIn,
                StepState::Ok,
                &found,
                started.elapsed(),
            ));
            Ok(identity.account)
        }
        Err(error) => {
            let failure = words.failure(&error);
            progress(TrialStep::ended(
                StepName::SignIn,
                StepState::Failed,
                &failure.message,
                started.elapsed(),
            ));
            Err(failure)
        }
    }
}

/// Tries each entity. None of them fails the trial: a connection may serve with some of them.
async fn try_entities(
    connector: &Connector,
    kind: &Kind,
    context: &CallContext,
    words: &Words,
    progress: &(dyn Fn(TrialStep) + Send + Sync),
) -> Vec<EntityReport> {
    let named = connector.kinds().filter_map(|index| {
        let definition = kind.catalogue.type_at(index)?;
        definition.is_entity().then(|| (index, definition.name.clone()))
    });
    let named: Vec<(TypeIndex, String)> = named.collect();
    let tries = named.into_iter().map(|(index, entity)| async move {
        progress(TrialStep::of_entity(&entity, StepState::Running, None, None));
        let started = tokio::time::Instant::now();
        let result = connector.check(context, index).await;
        let latency = started.elapsed();
        let report = EntityReport {
            entity,
            code: result.as_ref().err().map(|error| error.kind().code()),
            message: result.as_ref().err().map(|error| words.scrubbed(&error.to_string())),
            latency,
        };
        let (state, detail) = match &result {
            Ok(_) => (StepState::Ok, None),
            Err(_) => (StepState::Warning, Some(report.warning())),
        };
        progress(TrialStep::of_entity(&report.entity, state, detail, Some(latency)));
        report
    });
    stream::iter(tries).buffered(AT_ONCE).collect().await
}

impl StepName {
    /// Returns the name that pages and reports carry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Name => "name",
            Self::Network => "network",
            Self::Encryption => "encryption",
            Self::SignIn => "sign_in",
            Self::Entity => "entity",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Address => "Address",
            Self::Name => "Name of the host",
            Self::Network => "Network",
            Self::Encryption => "Encryption",
            Self::SignIn => "Sign-in",
            Self::Entity => "Permissions",
        }
    }

    const fn of(stage: Stage) -> Self {
        match stage {
            Stage::Url => Self::Address,
            Stage::Dns => Self::Name,
            Stage::Tcp => Self::Network,
            Stage::Tls => Self::Encryption,
        }
    }
}

impl StepState {
    /// Returns the name that pages and reports carry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

impl TrialStep {
    fn running(name: StepName) -> Self {
        Self {
            name,
            label: name.label().to_owned(),
            state: StepState::Running,
            entity: None,
            detail: None,
            latency: None,
        }
    }

    fn ended(name: StepName, state: StepState, detail: &str, latency: Duration) -> Self {
        Self {
            state,
            detail: Some(detail.to_owned()),
            latency: Some(latency),
            ..Self::running(name)
        }
    }

    fn of_entity(entity: &str, state: StepState, detail: Option<String>, latency: Option<Duration>) -> Self {
        Self {
            name: StepName::Entity,
            label: label_of(entity),
            state,
            entity: Some(entity.to_owned()),
            detail,
            latency,
        }
    }
}

/// Returns the name of an entity in words: `PurchaseOrder` is a purchase order.
fn label_of(entity: &str) -> String {
    let mut label = String::with_capacity(entity.len() + 4);
    for (at, character) in entity.chars().enumerate() {
        if at > 0 && character.is_uppercase() {
            label.push(' ');
            label.extend(character.to_lowercase());
        } else {
            label.push(character);
        }
    }
    label
}
