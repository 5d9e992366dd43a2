//! Brings a connection back with new credentials: they are tried, their account is compared, and only then the old ones
//! are replaced, a new token is made and the old tokens begin to run out.

use chrono::{DateTime, Utc};
use lineshaft_entities::connection::{ActiveModel, Column, Entity};
use sea_orm::{ColumnTrait as _, DbErr, ExprTrait as _, QueryFilter as _, Set, sea_query::Expr};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Connection, CreateError, Status, Visible, create};
use crate::{
    Engine,
    audit::Act,
    credentials::{self, SecretFields},
    credits, database,
    events::{EventKind, NewEvent, journal::Change},
    forms::{Form, FormProblem},
    lifecycle::{self, Move},
    origin::Origin,
    store::new_session,
    tokens::{self, Issued},
    trial::{Trial, TrialFailure, TrialReport, TrialStep},
};

/// New credentials for a connection.
#[derive(Clone, Debug)]
pub struct Reauthorize {
    /// Settings that change; the others stay.
    pub settings: Map<String, Value>,
    /// All credentials, as the connector asks for them.
    pub credentials: SecretFields,
    /// When the credentials end, if whoever gives them knows.
    pub credentials_expire_at: Option<DateTime<Utc>>,
    /// Whether they may open another account than before.
    pub allow_other_account: bool,
}

/// A connection that was brought back.
#[derive(Clone, Debug)]
pub struct Reauthorized {
    /// The connection.
    pub connection: Connection,
    /// Its new API token, whose text cannot be had again.
    pub token: Issued,
    /// When the older tokens stop working.
    pub old_tokens_end_at: DateTime<Utc>,
    /// What people should know although it works.
    pub warnings: Vec<String>,
}

/// Why a connection was not brought back. It is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum ReauthorizeError {
    /// There is no such connection for whoever asks.
    #[error("there is no connection `{0}`")]
    NotFound(Uuid),
    /// It was disconnected for good.
    #[error("the connection was disconnected")]
    Disconnected,
    /// The operator switched it off.
    #[error("the connection is disabled by the operator of the server")]
    Disabled,
    /// The form has problems.
    #[error("the form has problems: {}", create::sentences(.0))]
    InvalidForm(Vec<FormProblem>),
    /// The connector is not loaded.
    #[error("the connector `{0}` is not loaded or has errors")]
    ConnectorNotAvailable(String),
    /// The credentials or settings do not work.
    #[error("{0}")]
    Trial(TrialFailure),
    /// The credentials open another account than the one that was connected.
    #[error("the credentials open another account than the one that was connected")]
    AccountMismatch,
    /// Somebody else replaced the credentials at the same time.
    #[error("the credentials of the connection were replaced by somebody else at the same time")]
    Conflict,
    /// The connection was never active, and there are too few credits for it.
    #[error("the connection needs {needed} credits and {available} are available")]
    CreditsExhausted {
        /// What the connection needs.
        needed: i64,
        /// What is left.
        available: i64,
    },
    /// The database or the key ring failed.
    #[error("the credentials could not be stored")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// New credentials that may be tried.
#[derive(Debug)]
pub(crate) struct ReadyAgain {
    connection: Connection,
    form: Form,
    replaces: i64,
    credentials_expire_at: Option<DateTime<Utc>>,
    allow_other_account: bool,
}

impl Engine {
    /// Replaces the credentials of a connection once they were tried. Each step of the trial is told while it goes on.
    ///
    /// # Errors
    /// Returns why it was not done; then nothing is changed.
    pub async fn reauthorize(
        &self,
        visible: impl Into<Visible>,
        id: Uuid,
        new: Reauthorize,
        origin: &Origin,
        progress: impl Fn(TrialStep) + Send + Sync,
    ) -> Result<Reauthorized, ReauthorizeError> {
        let ready = self
            .prepare_reauthorization(visible.into(), id, new, create::Reading::default())
            .await?;
        let report = self
            .trial(ready.trial(), progress)
            .await
            .map_err(ReauthorizeError::Trial)?;
        let mut change = self.journal.begin().await?;
        let done = self.store_reauthorization(&mut change, ready, &report, origin).await?;
        change.commit().await?;
        self.after_reauthorization(id);
        Ok(done)
    }

    /// Makes this process use what was stored.
    pub(crate) fn after_reauthorization(&self, id: Uuid) {
        self.tokens.forget_verified();
        self.pool.give_up(id);
    }

    /// Checks everything that can be checked without asking the system.
    pub(crate) async fn prepare_reauthorization(
        &self,
        visible: Visible,
        id: Uuid,
        new: Reauthorize,
        reading: create::Reading<'_>,
    ) -> Result<ReadyAgain, ReauthorizeError> {
        let connection = match self.connections.get(visible, id).await {
            Ok(connection) => connection,
            Err(super::Error::NotFound(id)) => return Err(ReauthorizeError::NotFound(id)),
            Err(error) => return Err(ReauthorizeError::internal(error)),
        };
        check_state(connection.status)?;
        let kind = self
            .registry
            .get(&connection.connector)
            .ok_or_else(|| ReauthorizeError::ConnectorNotAvailable(connection.connector.clone()))?;
        let mut settings = connection.settings.clone();
        settings.extend(new.settings);
        let form = self.read_form(&kind, &settings, &new.credentials, reading)?;
        let stored = self.vault.load(connection.organization_id, id).await?;
        Ok(ReadyAgain {
            connection,
            form,
            replaces: stored.version,
            credentials_expire_at: new.credentials_expire_at,
            allow_other_account: new.allow_other_account,
        })
    }

    /// Stores new credentials that were tried, within a change.
    pub(crate) async fn store_reauthorization(
        &self,
        change: &mut Change,
        ready: ReadyAgain,
        report: &TrialReport,
        origin: &Origin,
    ) -> Result<Reauthorized, ReauthorizeError> {
        let (organization_id, id) = (ready.connection.organization_id, ready.connection.id);
        let row = create::lock_row(change.transaction(), organization_id, id).await?;
        let row = row.ok_or(ReauthorizeError::NotFound(id))?;
        check_state(row.status)?;
        let other = is_other_account(&ready, row.account.as_deref(), report.account.as_deref());
        if other && !ready.allow_other_account {
            return Err(ReauthorizeError::AccountMismatch);
        }
        let price = self.missing_credits(&row);
        if let Some(price) = price {
            credits::lock(change.transaction(), organization_id).await?;
            credits::reserve(change, &self.settings.credits, organization_id, id, price).await?;
        }
        self.replace_secrets(change, &ready, report).await?;
        let now = database::now();
        let beside = ActiveModel {
            settings: Set(Value::Object(ready.form.settings.clone())),
            account: Set(report.account.clone().or(row.account)),
            credits: Set(price.unwrap_or(row.credits)),
            last_success_at: Set(Some(now)),
            entity_health: Set(Some(json!(report.health(now)))),
            credentials_expire_at: Set(ready.credentials_expire_at),
            circuit_open_until: Set(None),
            rate_limited_until: Set(None),
            updated_at: Set(now),
            ..Default::default()
        };
        let step = Move {
            from: &[
                Status::Pending,
                Status::Degraded,
                Status::Unreachable,
                Status::ReauthRequired,
            ],
            to: Status::Active,
            reason: None,
            message: None,
        };
        if !lifecycle::apply(change, organization_id, id, step, beside.clone()).await? {
            // It is active or paused, and stays so.
            Entity::update_for_organization(organization_id)
                .set(beside)
                .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
                .filter(Column::Id.eq(id))
                .exec(change.transaction())
                .await?;
        }
        let status = match row.status {
            Status::Paused => Status::Paused,
            _ => Status::Active,
        };
        let told = |kind, data| NewEvent {
            organization_id,
            connection_id: Some(id),
            kind,
            data,
        };
        if price.is_some() {
            let data = json!({
                "status": status,
                "previousStatus": row.status,
                "since": now,
                "account": report.account,
                "warnings": report.warnings(),
            });
            change.tell(told(EventKind::Activated, data)).await?;
        }
        let data = json!({
            "status": status,
            "previousStatus": row.status,
            "since": now,
            "account": report.account,
            "accountChanged": other,
            "warnings": report.warnings(),
        });
        change.tell(told(EventKind::Reauthorized, data)).await?;
        let rotated = self.rotate_within(change, &ready.connection, None).await?;
        let act = Act {
            action: "connection.reauthorize",
            target_id: Some(id),
            detail: json!({"accountChanged": other, "tokenId": rotated.token.token.id, "oldTokensEndAt": rotated.old_tokens_end_at}),
        };
        change.note(organization_id, origin, act).await?;
        let row = create::lock_row(change.transaction(), organization_id, id).await?;
        let row = row.ok_or(ReauthorizeError::NotFound(id))?;
        Ok(Reauthorized {
            connection: Connection::new(row, ready.connection.customer),
            token: rotated.token,
            old_tokens_end_at: rotated.old_tokens_end_at,
            warnings: report.warnings(),
        })
    }

    /// Returns the credits that a connection still has to be given, as it works for the first time. It may have been
    /// refused or paused before it ever worked.
    fn missing_credits(&self, row: &lineshaft_entities::connection::Model) -> Option<i64> {
        let kind = self.registry.get(&row.connector)?;
        let price = self.settings.credits.price(kind.manifest.tier, row.deployment);
        let is_first = match row.status {
            Status::Pending => true,
            Status::ReauthRequired | Status::Paused => price > 0,
            _ => false,
        };
        (is_first && row.credits == 0).then_some(price)
    }

    async fn replace_secrets(
        &self,
        change: &Change,
        ready: &ReadyAgain,
        report: &TrialReport,
    ) -> Result<(), ReauthorizeError> {
        let (organization_id, id) = (ready.connection.organization_id, ready.connection.id);
        let fields = SecretFields::new(ready.form.credentials.clone());
        let transaction = change.transaction();
        let version = self
            .vault
            .put(transaction, organization_id, id, ready.replaces, &fields)
            .await?;
        if let Some(session) = &report.session {
            let session = new_session(session, version);
            self.vault
                .insert_session(transaction, organization_id, id, &session)
                .await?;
        }
        Ok(())
    }
}

impl ReadyAgain {
    /// Returns what is to be tried.
    pub(crate) fn trial(&self) -> Trial {
        Trial {
            connector: self.connection.connector.clone(),
            settings: self.form.settings.clone(),
            credentials: SecretFields::new(self.form.credentials.clone()),
            organization_id: self.connection.organization_id,
            connection: Some(self.connection.id),
        }
    }
}

impl ReauthorizeError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "CONNECTION_NOT_FOUND",
            Self::Disconnected => "CONNECTION_DISCONNECTED",
            Self::Disabled => "CONNECTION_DISABLED",
            Self::InvalidForm(_) => "INVALID_FORM",
            Self::ConnectorNotAvailable(_) => "CONNECTOR_NOT_AVAILABLE",
            Self::Trial(failure) => failure.code,
            Self::AccountMismatch => "ACCOUNT_MISMATCH",
            Self::Conflict => "CONFLICT",
            Self::CreditsExhausted { .. } => "CREDITS_EXHAUSTED",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// Returns what is wrong with the form, by field.
    #[must_use]
    pub fn problems(&self) -> &[FormProblem] {
        match self {
            Self::InvalidForm(problems) => problems,
            _ => &[],
        }
    }

    fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<CreateError> for ReauthorizeError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::InvalidForm(problems) => Self::InvalidForm(problems),
            CreateError::ConnectorUnknown(connector) => Self::ConnectorNotAvailable(connector),
            CreateError::Trial(failure) => Self::Trial(failure),
            CreateError::CreditsExhausted { needed, available } => Self::CreditsExhausted { needed, available },
            CreateError::Internal(error) => Self::Internal(error),
            error => Self::internal(error),
        }
    }
}

impl From<credits::Error> for ReauthorizeError {
    fn from(error: credits::Error) -> Self {
        CreateError::from(error).into()
    }
}

impl From<DbErr> for ReauthorizeError {
    fn from(error: DbErr) -> Self {
        Self::internal(error)
    }
}

impl From<tokens::Error> for ReauthorizeError {
    fn from(error: tokens::Error) -> Self {
        Self::internal(error)
    }
}

impl From<credentials::Error> for ReauthorizeError {
    fn from(error: credentials::Error) -> Self {
        match error {
            credentials::Error::Conflict(_) => Self::Conflict,
            credentials::Error::Missing(_) => Self::Disconnected,
            error => Self::internal(error),
        }
    }
}

/// Returns whether what was tried may be another account than the one that was connected: its name differs or is no longer
/// told, or the system has another address, where the same name may be somebody else's.
fn is_other_account(ready: &ReadyAgain, old: Option<&str>, new: Option<&str>) -> bool {
    old.is_some_and(|old| new != Some(old)) || hosts(&ready.connection.settings) != hosts(&ready.form.settings)
}

/// Returns the hosts and ports that settings name.
fn hosts(settings: &Map<String, Value>) -> Vec<(String, Option<u16>)> {
    let urls = settings
        .values()
        .filter_map(|value| value.as_str()?.parse::<url::Url>().ok());
    let mut hosts: Vec<_> = urls
        .filter_map(|url| Some((url.host_str()?.to_ascii_lowercase(), url.port_or_known_default())))
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn check_state(status: Status) -> Result<(), ReauthorizeError> {
    match status {
        Status::Disconnected => Err(ReauthorizeError::Disconnected),
        Status::Disabled => Err(ReauthorizeError::Disabled),
        _ => Ok(()),
    }
}
