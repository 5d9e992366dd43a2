//! Makes a connection: its form is checked, its credits are asked for, its credentials are tried, and only then all of
//! it is stored as one change.

use chrono::{DateTime, Utc};
use lineshaft_entities::connection::{self, ActiveModel};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, QueryFilter as _, QuerySelect as _, Set,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Connection, Deployment, Status, Visible};
use crate::{
    Engine,
    audit::Act,
    credentials::{self, SecretFields},
    credits, customers,
    customers::NewCustomer,
    database,
    events::{EventKind, NewEvent, journal::Change},
    forms::{self, Form, FormProblem, Part, Terms},
    organizations::is_name,
    origin::Origin,
    registry::Kind,
    store::new_session,
    tokens::{self, Issued, NewToken},
    trial::{Trial, TrialFailure, TrialReport, TrialStep},
};

/// A connection that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewConnectionRequest {
    /// The organization that it is to belong to.
    pub organization_id: Uuid,
    /// The customer whose system it reaches: found by its external identifier, or created.
    pub customer: Option<NewCustomer>,
    /// The name of the connector.
    pub connector: String,
    /// Where the system runs; the first place that the connector knows unless it is said.
    pub deployment: Option<Deployment>,
    /// The name that people read; made of connector and customer unless it is said.
    pub name: Option<String>,
    /// The settings that are no secret.
    pub settings: Map<String, Value>,
    /// The credentials, as the connector asks for them.
    pub credentials: SecretFields,
    /// When the credentials end, if whoever gives them knows.
    pub credentials_expire_at: Option<DateTime<Utc>>,
    /// Whether the credentials are tried first. Without it the connection stays pending until it is tried.
    pub verify: bool,
}

/// A connection just made.
#[derive(Clone, Debug)]
pub struct Created {
    /// The connection.
    pub connection: Connection,
    /// Its first API token, whose text cannot be had again.
    pub token: Option<Issued>,
    /// What people should know although it works, such as entities that the account may not read.
    pub warnings: Vec<String>,
}

/// Why a connection was not made. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no such connector.
    #[error("there is no connector `{0}`")]
    ConnectorUnknown(String),
    /// The form has problems.
    #[error("the form has problems: {}", sentences(.0))]
    InvalidForm(Vec<FormProblem>),
    /// The name is empty or too long.
    #[error("the name of a connection must have 1 to 200 characters")]
    InvalidName,
    /// The organization has too few credits.
    #[error("the connection needs {needed} credits and {available} are available")]
    CreditsExhausted {
        /// What the connection needs.
        needed: i64,
        /// What is left.
        available: i64,
    },
    /// The credentials or settings do not work.
    #[error("{0}")]
    Trial(TrialFailure),
    /// The customer cannot be found or made.
    #[error(transparent)]
    Customer(customers::Error),
    /// The organization does not exist.
    #[error("there is no organization `{0}`")]
    UnknownOrganization(Uuid),
    /// The database or the key ring failed.
    #[error("the connection could not be stored")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How a form is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading<'a> {
    /// The way to sign in that was chosen.
    pub way: Option<&'a str>,
    /// Whether the person is going to sign in at the system's own page.
    pub before_page: bool,
}

/// A connection that may be stored.
#[derive(Debug)]
pub(crate) struct Ready {
    request: NewConnectionRequest,
    deployment: Deployment,
    name: String,
    form: Form,
    price: i64,
}

impl Engine {
    /// Makes a connection with its first token. Each step of the trial is told while it goes on.
    ///
    /// # Errors
    /// Returns why it was not made; then nothing is stored.
    pub async fn create_connection(
        &self,
        request: NewConnectionRequest,
        origin: &Origin,
        progress: impl Fn(TrialStep) + Send + Sync,
    ) -> Result<Created, CreateError> {
        let verify = request.verify;
        let ready = self.prepare_connection(request, Reading::default()).await?;
        let report = match verify {
            true => Some(self.trial(ready.trial(), progress).await.map_err(CreateError::Trial)?),
            false => None,
        };
        let mut change = self.journal.begin().await?;
        let created = self
            .store_connection(&mut change, ready, report.as_ref(), origin)
            .await?;
        change.commit().await?;
        Ok(created)
    }

    /// Checks everything that can be checked without asking the system.
    pub(crate) async fn prepare_connection(
        &self,
        request: NewConnectionRequest,
        reading: Reading<'_>,
    ) -> Result<Ready, CreateError> {
        let kind = self
            .registry
            .get(&request.connector)
            .ok_or_else(|| CreateError::ConnectorUnknown(request.connector.chars().take(100).collect()))?;
        let deployment = deployment_of(&kind, request.deployment)?;
        let form = self.read_form(&kind, &request.settings, &request.credentials, reading)?;
        let name = match &request.name {
            Some(name) => name.clone(),
            None => name_of(&kind, request.customer.as_ref()),
        };
        if !is_name(&name) {
            return Err(CreateError::InvalidName);
        }
        if let Some(customer) = &request.customer {
            customer.check()?;
        }
        let price = self.settings.credits.price(kind.manifest.tier, deployment);
        credits::require(&self.database, request.organization_id, price).await?;
        Ok(Ready {
            request,
            deployment,
            name,
            form,
            price,
        })
    }

    /// Reads a form on the terms of this server.
    pub(crate) fn read_form(
        &self,
        kind: &Kind,
        settings: &Map<String, Value>,
        credentials: &SecretFields,
        reading: Reading<'_>,
    ) -> Result<Form, CreateError> {
        let application = self.settings.applications.of(&kind.manifest);
        let terms = Terms {
            way: reading.way,
            application: Some(&application),
            before_page: reading.before_page,
        };
        let credentials = credentials.expose()?;
        forms::check_with(&kind.manifest, settings, &credentials, terms).map_err(CreateError::InvalidForm)
    }

    /// Stores a connection within a change: active when it was tried, else pending. The reservation of the credits
    /// decides, so many at once never overspend.
    pub(crate) async fn store_connection(
        &self,
        change: &mut Change,
        ready: Ready,
        report: Option<&TrialReport>,
        origin: &Origin,
    ) -> Result<Created, CreateError> {
        let organization_id = ready.request.organization_id;
        // Whoever adds a connection takes its turn here, before rows that refer to the organization are written.
        credits::lock(change.transaction(), organization_id).await?;
        let customer = match ready.request.customer.clone() {
            Some(customer) => Some(customers::ensure(change.transaction(), organization_id, customer).await?),
            None => None,
        };
        let now = database::now();
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            organization_id: Set(organization_id),
            customer_id: Set(customer.as_ref().map(|customer| customer.id)),
            connector: Set(ready.request.connector.clone()),
            name: Set(ready.name.clone()),
            deployment: Set(ready.deployment),
            settings: Set(Value::Object(ready.form.settings.clone())),
            status: Set(if report.is_some() {
                Status::Active
            } else {
                Status::Pending
            }),
            status_reason: Set(None),
            status_since: Set(now),
            created_at: Set(now),
            updated_at: Set(now),
            disconnected_at: Set(None),
            last_success_at: Set(report.map(|_| now)),
            entity_health: Set(report.map(|report| json!(report.health(now)))),
            account: Set(report.and_then(|report| report.account.clone())),
            credentials_expire_at: Set(ready.request.credentials_expire_at),
            credits: Set(if report.is_some() { ready.price } else { 0 }),
            ..Default::default()
        };
        let row = row.insert(change.transaction()).await?;
        let connection = Connection::new(row, customer);
        self.store_secrets(change, &connection, &ready.form, report).await?;
        let tell = |kind, data| NewEvent {
            organization_id,
            connection_id: Some(connection.id),
            kind,
            data,
        };
        change.tell(tell(EventKind::Created, about(&connection))).await?;
        if let Some(report) = report {
            credits::reserve(
                change,
                &self.settings.credits,
                organization_id,
                connection.id,
                ready.price,
            )
            .await?;
            let data = json!({
                "status": Status::Active,
                "previousStatus": Status::Pending,
                "since": now,
                "account": report.account,
                "warnings": report.warnings(),
            });
            change.tell(tell(EventKind::Activated, data)).await?;
        }
        let token = self
            .tokens
            .create_within(change.transaction(), NewToken::of_connection(&connection))
            .await?;
        let act = Act {
            action: "connection.create",
            target_id: Some(connection.id),
            detail: about(&connection),
        };
        change.note(organization_id, origin, act).await?;
        Ok(Created {
            connection,
            token: Some(token),
            warnings: report.map(TrialReport::warnings).unwrap_or_default(),
        })
    }

    async fn store_secrets(
        &self,
        change: &Change,
        connection: &Connection,
        form: &Form,
        report: Option<&TrialReport>,
    ) -> Result<(), CreateError> {
        let (organization_id, id) = (connection.organization_id, connection.id);
        let fields = SecretFields::new(form.credentials.clone());
        self.vault
            .insert(change.transaction(), organization_id, id, &fields)
            .await?;
        if let Some(session) = report.and_then(|report| report.session.as_ref()) {
            let session = new_session(session, 1);
            self.vault
                .insert_session(change.transaction(), organization_id, id, &session)
                .await?;
        }
        Ok(())
    }
}

impl Ready {
    /// Returns what is to be tried.
    pub(crate) fn trial(&self) -> Trial {
        Trial {
            connector: self.request.connector.clone(),
            settings: self.form.settings.clone(),
            credentials: SecretFields::new(self.form.credentials.clone()),
            organization_id: self.request.organization_id,
            connection: None,
        }
    }
}

impl CreateError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ConnectorUnknown(_) => "CONNECTOR_UNKNOWN",
            Self::InvalidForm(_) => "INVALID_FORM",
            Self::InvalidName | Self::Customer(_) => "INVALID_VALUE",
            Self::CreditsExhausted { .. } => "CREDITS_EXHAUSTED",
            Self::Trial(failure) => failure.code,
            Self::UnknownOrganization(_) | Self::Internal(_) => "INTERNAL",
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

    pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<DbErr> for CreateError {
    fn from(error: DbErr) -> Self {
        Self::internal(error)
    }
}

impl From<credentials::Error> for CreateError {
    fn from(error: credentials::Error) -> Self {
        Self::internal(error)
    }
}

impl From<tokens::Error> for CreateError {
    fn from(error: tokens::Error) -> Self {
        Self::internal(error)
    }
}

impl From<customers::Error> for CreateError {
    fn from(error: customers::Error) -> Self {
        match error {
            customers::Error::Database(error) => error.into(),
            customers::Error::UnknownOrganization(id) => Self::UnknownOrganization(id),
            error => Self::Customer(error),
        }
    }
}

impl From<credits::Error> for CreateError {
    fn from(error: credits::Error) -> Self {
        match error {
            credits::Error::Exhausted { needed, available } => Self::CreditsExhausted { needed, available },
            credits::Error::UnknownOrganization(id) => Self::UnknownOrganization(id),
            error => Self::internal(error),
        }
    }
}

impl Visible {
    /// Returns the organization.
    pub(crate) const fn owner(self) -> Uuid {
        self.organization_id
    }

    /// Returns the only connection that may be seen, if it is one.
    pub(crate) const fn only(self) -> Option<Uuid> {
        self.connection_id
    }
}

/// Locks the row of a connection until the transaction ends. Whoever changes a connection does this before it tells
/// events, which lock the organization: one order keeps changes from waiting for each other.
pub(crate) async fn lock_row(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    connection_id: Uuid,
) -> Result<Option<connection::Model>, DbErr> {
    connection::Entity::for_organization(organization_id)
        .filter(connection::Column::Id.eq(connection_id))
        .lock_exclusive()
        .one(transaction)
        .await
}

/// What events and the audit log tell about a connection that was made.
fn about(connection: &Connection) -> Value {
    json!({
        "name": connection.name,
        "connector": connection.connector,
        "deployment": connection.deployment,
        "customer": connection.customer.as_ref().map(|customer| customer.external_id.as_str()),
    })
}

fn deployment_of(kind: &Kind, asked: Option<Deployment>) -> Result<Deployment, CreateError> {
    use lineshaft_connect::manifest;
    let known = kind.manifest.deployments.iter().map(|deployment| match deployment {
        manifest::Deployment::Cloud => Deployment::Cloud,
        manifest::Deployment::OnPremises => Deployment::OnPremises,
    });
    let known: Vec<Deployment> = known.collect();
    match asked {
        Some(asked) if known.contains(&asked) => Ok(asked),
        None => Ok(known.first().copied().unwrap_or(Deployment::Cloud)),
        Some(_) => {
            let problem = FormProblem {
                part: Part::Setting,
                field: Some("deployment".to_owned()),
                message: format!("{} does not run there", kind.manifest.name),
            };
            Err(CreateError::InvalidForm(vec![problem]))
        }
    }
}

fn name_of(kind: &Kind, customer: Option<&NewCustomer>) -> String {
    let system = kind.manifest.name.as_str();
    let name = match customer {
        Some(customer) => format!("{system} of {}", customer.name.trim()),
        None => system.to_owned(),
    };
    name.chars().take(200).collect()
}

pub(crate) fn sentences(problems: &[FormProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("; ")
}
