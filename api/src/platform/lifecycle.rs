//! What is done with connections: connect, bring back, pause, resume, disconnect, diagnose; and their tokens.

use std::{sync::Arc, time::Duration};

use async_graphql::{Context, Enum, ErrorExtensionValues, ID, InputObject, Json, Object, SimpleObject, Value};
use chrono::{DateTime, Utc};
use lineshaft_engine::{
    connections,
    credentials::SecretFields,
    customers::NewCustomer,
    lifecycle,
    links::{self, LinkError},
    tokens,
};
use lineshaft_schema::ConnectionId;
use secrecy::ExposeSecret as _;
use serde_json::Map;

use super::{
    Connection,
    access::{self, id, refused},
    connection::Deployment,
    token::ApiToken,
};

type Fields = Json<Map<String, serde_json::Value>>;

/// A customer of the organization.
#[derive(InputObject)]
pub(crate) struct CustomerInput {
    /// Your own id of the customer: 1 to 200 characters.
    external_id: String,
    /// The customer's name: 1 to 200 characters. The id unless it is said. A customer that exists keeps its name.
    name: Option<String>,
}

/// How the hosted page looks.
#[derive(Default, InputObject)]
pub(crate) struct BrandingInput {
    /// The name in the head of the page: at most 100 characters; the organization's unless it is said.
    name: Option<String>,
    /// The colour of buttons, as `#rrggbb`.
    color: Option<String>,
    /// The logo: a `data:` URL of a PNG, JPEG or WebP image of at most 32 kB.
    logo: Option<String>,
}

/// What a connect link offers.
#[derive(InputObject)]
pub(crate) struct CreateConnectLinkInput {
    /// The customer who is to connect a system.
    customer: CustomerInput,
    /// The connector, such as `odoo`; the customer chooses unless it is said.
    connector: Option<String>,
    /// The connectors to choose from; all unless it is said.
    allowed_connectors: Option<Vec<String>>,
    /// Where the customer is sent at the end, with a one-time `code` added: https, or http on this machine.
    redirect_url: Option<String>,
    /// Seconds that the link works: at most 1800.
    ttl_seconds: Option<u64>,
    /// The language of the page, such as `de`.
    locale: Option<String>,
    /// How the page looks.
    branding: Option<BrandingInput>,
    /// The pages that may show it in a frame, such as `https://app.example.com`.
    frame_origins: Option<Vec<String>>,
}

/// What a reconnect link offers.
#[derive(InputObject)]
pub(crate) struct CreateReconnectLinkInput {
    /// The id of the connection.
    connection_id: ID,
    /// Whether the new credentials may open another account than before.
    #[graphql(default = false)]
    allow_account_change: bool,
    /// Where the customer is sent at the end, with a one-time `code` added: https, or http on this machine.
    redirect_url: Option<String>,
    /// Seconds that the link works: at most 1800.
    ttl_seconds: Option<u64>,
    /// The language of the page, such as `de`.
    locale: Option<String>,
    /// How the page looks.
    branding: Option<BrandingInput>,
    /// The pages that may show it in a frame, such as `https://app.example.com`.
    frame_origins: Option<Vec<String>>,
}

/// A link to a hosted page. It works once, until it expires.
#[derive(SimpleObject)]
pub(crate) struct Link {
    /// The id of the link, which is no secret.
    id: ID,
    /// The address for the customer. Whoever has it can use it.
    url: String,
    /// When it stops working.
    expires_at: DateTime<Utc>,
}

/// A connection to make without a page.
#[derive(InputObject)]
pub(crate) struct CreateConnectionInput {
    /// The connector, such as `odoo`.
    connector: String,
    /// The customer whose system it reaches.
    customer: Option<CustomerInput>,
    /// The name that people read; made of connector and customer unless it is said.
    name: Option<String>,
    /// Where the system runs; the first place that the connector knows unless it is said.
    deployment: Option<Deployment>,
    /// The settings by the names of the connector's `settings`.
    #[graphql(default)]
    settings: Fields,
    /// The credentials by the names of one of the connector's `signIns`.
    #[graphql(default)]
    credentials: Fields,
    /// When the credentials end, if you know: a warning is told in time.
    credentials_expire_at: Option<DateTime<Utc>>,
    /// Whether the credentials are tried first. Without it the connection is `PENDING` until it is first used.
    #[graphql(default = true)]
    verify: bool,
}

/// New credentials for a connection.
#[derive(InputObject)]
pub(crate) struct UpdateConnectionCredentialsInput {
    /// The id of the connection.
    connection_id: ID,
    /// Settings that change; the others stay.
    #[graphql(default)]
    settings: Fields,
    /// All credentials by the names of one of the connector's `signIns`.
    credentials: Fields,
    /// When the credentials end, if you know: a warning is told in time.
    credentials_expire_at: Option<DateTime<Utc>>,
    /// Whether they may open another account than before.
    #[graphql(default = false)]
    allow_account_change: bool,
}

/// A connection just made.
#[derive(SimpleObject)]
pub(crate) struct CreatedConnection {
    /// The connection.
    connection: Connection,
    /// Its API token.
    token: Option<ApiToken>,
    /// The text of the token: `lsc_…`. It is shown this once.
    secret: Option<String>,
    /// What people should know although it works, such as entities that the account may not read.
    warnings: Vec<String>,
}

/// A connection that was brought back.
#[derive(SimpleObject)]
pub(crate) struct ReauthorizedConnection {
    /// The connection.
    connection: Connection,
    /// Its new API token.
    token: ApiToken,
    /// The text of the token: `lsc_…`. It is shown this once.
    secret: String,
    /// When the older tokens stop working.
    old_tokens_end_at: DateTime<Utc>,
    /// What people should know although it works.
    warnings: Vec<String>,
}

/// What a one-time code was exchanged for.
#[derive(SimpleObject)]
pub(crate) struct ExchangedCode {
    /// The connection.
    connection: Connection,
    /// The id of its API token.
    token_id: ID,
    /// The text of the token: `lsc_…`. It is shown this once.
    secret: String,
}

/// A new API token of a connection.
#[derive(SimpleObject)]
pub(crate) struct RotatedToken {
    /// The token.
    token: ApiToken,
    /// The text of the token: `lsc_…`. It is shown this once.
    secret: String,
    /// When the older tokens stop working.
    old_tokens_end_at: DateTime<Utc>,
}

/// How a step of a diagnosis went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "lifecycle::StepState")]
pub(crate) enum DiagnosisState {
    /// It went well.
    Ok,
    /// It did not go well, and the connection can be used without it.
    Warning,
    /// It failed.
    Failed,
    /// It was not tried, because of what came before.
    Skipped,
}

/// One step of a diagnosis.
#[derive(SimpleObject)]
pub(crate) struct DiagnosisStep {
    /// What was tried: `settings`, `url`, `dns`, `tcp`, `tls`, `login` or `entity`.
    name: String,
    /// What was tried, for people.
    label: String,
    /// How it went.
    state: DiagnosisState,
    /// What was found.
    detail: Option<String>,
    /// What to do.
    advice: Option<String>,
    /// Milliseconds that it took.
    latency_ms: Option<u64>,
    /// The unified type, when reading one was tried.
    entity: Option<String>,
}

/// What was found out about a connection, step by step.
#[derive(SimpleObject)]
pub(crate) struct Diagnosis {
    /// The outcome in a sentence.
    summary: String,
    /// The steps, in the order in which they were taken.
    steps: Vec<DiagnosisStep>,
}

/// The mutations about connections.
#[derive(Default)]
pub(crate) struct ConnectionMutation;

#[Object]
impl ConnectionMutation {
    /// Makes a link on which a customer connects a system. Needs an organization's key.
    async fn create_connect_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateConnectLinkInput,
    ) -> async_graphql::Result<Link> {
        let session = access::organization(ctx)?;
        let new = links::NewConnectLink {
            customer: customer(input.customer),
            connector: input.connector,
            allowed_connectors: input.allowed_connectors,
            page: page(
                input.redirect_url,
                input.ttl_seconds,
                input.locale,
                input.branding,
                input.frame_origins,
            ),
        };
        let engine = access::engine(ctx)?;
        let made = links::create_connect_link(engine, session.caller.organization_id, new, &session.origin()).await;
        made.map(Link::from).map_err(|error| failed(&error))
    }

    /// Makes a link on which a customer brings a connection back. Needs an organization's key.
    async fn create_reconnect_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateReconnectLinkInput,
    ) -> async_graphql::Result<Link> {
        let session = access::organization(ctx)?;
        let new = links::NewReconnectLink {
            connection_id: id(&input.connection_id, "a connection")?,
            allow_account_change: input.allow_account_change,
            page: page(
                input.redirect_url,
                input.ttl_seconds,
                input.locale,
                input.branding,
                input.frame_origins,
            ),
        };
        let engine = access::engine(ctx)?;
        let made = links::create_reconnect_link(engine, session.visible, new, &session.origin()).await;
        made.map(Link::from).map_err(|error| failed(&error))
    }

    /// Withdraws a link that was not used yet. Needs an organization's key.
    async fn revoke_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the link.")] id: ID,
    ) -> async_graphql::Result<ID> {
        let session = access::organization(ctx)?;
        let link = access::id(&id, "a link")?;
        let engine = access::engine(ctx)?;
        links::revoke_link(engine, session.caller.organization_id, link, &session.origin())
            .await
            .map_err(|error| failed(&error))?;
        Ok(id)
    }

    /// Exchanges the one-time code of a hosted page for the API token of the connection. Needs an organization's key.
    async fn exchange_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `code` that was added to the redirect URL.")] code: String,
    ) -> async_graphql::Result<ExchangedCode> {
        let session = access::organization(ctx)?;
        let engine = access::engine(ctx)?;
        let only = Some(session.caller.organization_id);
        let exchanged = links::exchange_code(engine, only, &code, &session.origin())
            .await
            .map_err(|error| failed(&error))?;
        Ok(ExchangedCode {
            connection: Connection(Arc::new(exchanged.connection)),
            token_id: ID(exchanged.token_id.to_string()),
            secret: exchanged.token.expose_secret().to_owned(),
        })
    }

    /// Makes a connection without a page. The credentials are tried first; on failure nothing is stored. Needs an
    /// organization's key.
    async fn create_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateConnectionInput,
    ) -> async_graphql::Result<CreatedConnection> {
        let session = access::organization(ctx)?;
        let request = connections::NewConnectionRequest {
            organization_id: session.caller.organization_id,
            customer: input.customer.map(customer),
            connector: input.connector,
            deployment: input.deployment.map(Into::into),
            name: input.name,
            settings: input.settings.0,
            credentials: SecretFields::new(input.credentials.0),
            credentials_expire_at: input.credentials_expire_at,
            verify: input.verify,
        };
        let created = access::engine(ctx)?
            .create_connection(request, &session.origin(), |_| {})
            .await
            .map_err(|error| failed(&LinkError::Create(error)))?;
        Ok(CreatedConnection {
            connection: Connection(Arc::new(created.connection)),
            secret: created
                .token
                .as_ref()
                .map(|issued| issued.text.expose_secret().to_owned()),
            token: created.token.map(|issued| issued.token.into()),
            warnings: created.warnings,
        })
    }

    /// Replaces the credentials of a connection without a page, and brings it back. They are tried first; on failure
    /// nothing changes. The connection gets a new API token. Needs an organization's key.
    async fn update_connection_credentials(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateConnectionCredentialsInput,
    ) -> async_graphql::Result<ReauthorizedConnection> {
        let session = access::organization(ctx)?;
        let connection = id(&input.connection_id, "a connection")?;
        let new = connections::Reauthorize {
            settings: input.settings.0,
            credentials: SecretFields::new(input.credentials.0),
            credentials_expire_at: input.credentials_expire_at,
            allow_other_account: input.allow_account_change,
        };
        let done = access::engine(ctx)?
            .reauthorize(session.visible, connection, new, &session.origin(), |_| {})
            .await
            .map_err(|error| failed(&LinkError::Reauthorize(error)))?;
        Ok(ReauthorizedConnection {
            connection: Connection(Arc::new(done.connection)),
            secret: done.token.text.expose_secret().to_owned(),
            token: done.token.token.into(),
            old_tokens_end_at: done.old_tokens_end_at,
            warnings: done.warnings,
        })
    }

    /// Pauses a connection: nothing more is sent to the system until it is resumed. Its credits stay reserved. Needs an
    /// organization's key.
    async fn pause_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] id: ID,
    ) -> async_graphql::Result<Connection> {
        let session = access::organization(ctx)?;
        let id = access::id(&id, "a connection")?;
        let engine = access::engine(ctx)?;
        acted(engine.pause(session.visible, id, &session.origin()).await)
    }

    /// Resumes a paused connection, and tries it at once. Needs an organization's key.
    async fn resume_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] id: ID,
    ) -> async_graphql::Result<Connection> {
        let session = access::organization(ctx)?;
        let id = access::id(&id, "a connection")?;
        let engine = access::engine(ctx)?;
        acted(engine.resume(session.visible, id, &session.origin()).await)
    }

    /// Disconnects a connection for good: its credentials are wiped, its tokens revoked and its credits given back. Its
    /// history remains. Needs an organization's key.
    async fn disconnect_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] id: ID,
    ) -> async_graphql::Result<Connection> {
        let session = access::organization(ctx)?;
        let id = access::id(&id, "a connection")?;
        let engine = access::engine(ctx)?;
        acted(engine.disconnect(session.visible, id, &session.origin()).await)
    }

    /// Disconnects a connection and erases what is known of the customer's system: name, settings, account, messages.
    /// Its events and ledger entries keep its id. Returns it as it was last. Needs an organization's key.
    async fn delete_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] id: ID,
    ) -> async_graphql::Result<Connection> {
        let session = access::organization(ctx)?;
        let id = access::id(&id, "a connection")?;
        let engine = access::engine(ctx)?;
        acted(engine.delete(session.visible, id, &session.origin()).await)
    }

    /// Finds out step by step whether a connection works: address, network, encryption, sign-in, each entity. What it
    /// finds counts for the status like any other use.
    async fn diagnose_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] id: ID,
    ) -> async_graphql::Result<Diagnosis> {
        let session = access::session(ctx)?;
        let id = access::id(&id, "a connection")?;
        let found = access::engine(ctx)?.diagnose(session, ConnectionId(id)).await;
        match found {
            Ok(found) => Ok(found.into()),
            Err(connections::Error::NotFound(id)) => Err(refused(
                "CONNECTION_NOT_FOUND",
                format!("there is no connection `{id}`"),
            )),
            Err(error) => Err(access::internal(&error)),
        }
    }

    /// Gives a connection a new API token; the older ones end after a grace period. Needs an organization's key.
    async fn rotate_connection_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] connection_id: ID,
        #[graphql(desc = "Seconds that the older tokens go on; as the server's settings say unless it is said.")]
        grace_seconds: Option<u64>,
    ) -> async_graphql::Result<RotatedToken> {
        let session = access::organization(ctx)?;
        let connection = id(&connection_id, "a connection")?;
        let grace = grace_seconds.map(Duration::from_secs);
        let rotated = access::engine(ctx)?
            .rotate_token(session.visible, connection, grace, &session.origin())
            .await
            .map_err(token_failed)?;
        Ok(RotatedToken {
            secret: rotated.token.text.expose_secret().to_owned(),
            token: rotated.token.token.into(),
            old_tokens_end_at: rotated.old_tokens_end_at,
        })
    }

    /// Revokes an API token at once. Streams that it opened end within a second. Needs an organization's key.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the token.")] id: ID,
    ) -> async_graphql::Result<ID> {
        let session = access::organization(ctx)?;
        let token = access::id(&id, "a token")?;
        access::engine(ctx)?
            .revoke_token(session.visible, token, &session.origin())
            .await
            .map_err(token_failed)?;
        Ok(id)
    }
}

fn customer(input: CustomerInput) -> NewCustomer {
    let name = input.name.unwrap_or_else(|| input.external_id.clone());
    NewCustomer {
        external_id: input.external_id,
        name,
    }
}

pub(super) fn page(
    redirect_url: Option<String>,
    ttl_seconds: Option<u64>,
    locale: Option<String>,
    branding: Option<BrandingInput>,
    frame_origins: Option<Vec<String>>,
) -> links::PageOptions {
    let branding = branding.unwrap_or_default();
    links::PageOptions {
        redirect_url,
        ttl: ttl_seconds.map(Duration::from_secs),
        locale,
        branding: links::Branding {
            name: branding.name,
            color: branding.color,
            logo: branding.logo,
        },
        frame_origins: frame_origins.unwrap_or_default(),
    }
}

fn acted(done: Result<connections::Connection, lifecycle::Error>) -> async_graphql::Result<Connection> {
    done.map(|connection| Connection(Arc::new(connection)))
        .map_err(|error| match &error {
            lifecycle::Error::NotFound(_) => refused("CONNECTION_NOT_FOUND", error.to_string()),
            lifecycle::Error::WrongStatus { .. } => refused("WRONG_STATUS", error.to_string()),
            lifecycle::Error::Credits(lineshaft_engine::credits::Error::Exhausted { .. }) => {
                refused("CREDITS_EXHAUSTED", error.to_string())
            }
            _ => access::internal(&error),
        })
}

fn token_failed(error: tokens::Error) -> async_graphql::Error {
    match &error {
        tokens::Error::NotFound(_) => refused("TOKEN_NOT_FOUND", error.to_string()),
        tokens::Error::UnknownConnection(_) => refused("CONNECTION_NOT_FOUND", error.to_string()),
        _ => access::internal(&error),
    }
}

/// Tells why something was not done, with advice and what is wrong with each field.
pub(super) fn failed(error: &LinkError) -> async_graphql::Error {
    let failure = error.failure();
    if error.code() == "INTERNAL" {
        return access::internal(error);
    }
    let mut told = refused(error.code(), failure.message);
    let extensions = told.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("advice", failure.advice);
    if let Some(message) = failure.remote_message {
        extensions.set("remoteMessage", message);
    }
    if !failure.problems.is_empty() {
        let problems = failure.problems.into_iter().map(|problem| {
            let field = problem.field.map_or(Value::Null, Value::String);
            Value::Object(
                [
                    ("part", Value::String(problem.part)),
                    ("field", field),
                    ("message", Value::String(problem.message)),
                ]
                .into_iter()
                .map(|(name, value)| (async_graphql::Name::new(name), value))
                .collect(),
            )
        });
        extensions.set("problems", Value::List(problems.collect()));
    }
    told
}

impl From<links::LinkCreated> for Link {
    fn from(link: links::LinkCreated) -> Self {
        Self {
            id: ID(link.id.to_string()),
            url: link.url,
            expires_at: link.expires_at,
        }
    }
}

impl From<lifecycle::Diagnosis> for Diagnosis {
    fn from(found: lifecycle::Diagnosis) -> Self {
        let step = |step: lifecycle::Step| DiagnosisStep {
            name: step.name.to_owned(),
            label: step.label,
            state: step.state.into(),
            detail: step.detail,
            advice: step.advice,
            latency_ms: step.latency_ms,
            entity: step.entity,
        };
        Self {
            summary: found.summary,
            steps: found.steps.into_iter().map(step).collect(),
        }
    }
}
