//! Sends a customer to the system's own page to sign in, and takes the answer. The sign-in is bound to the link and to
//! the browser: its state comes back once, and only with the cookie of the page that began it. A page in a
//! frame opens a window for it; there the state alone is enough as long as that page has the link open.

use std::time::Duration;

use chrono::TimeDelta;
use lineshaft_connect::{
    authorization::{Callback, Code, Flow, Pkce, Request},
    context::CallContext,
};
use lineshaft_entities::authorization_flow::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, QueryFilter as _, Set};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Failure, LinkError, Row, STATE, Submission, Visitor, attempt, enter, find, hash_of, is_hash_of, keep_failure, page,
};
use crate::{
    Engine, applications,
    connections::Deployment,
    credentials::SecretFields,
    database,
    secrets::{Binding, Sealed},
    store::secret_map,
    tokens,
    trial::TrialFailure,
};

/// A sign-in elsewhere takes no longer.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// Exchanging the code takes no longer.
const EXCHANGE: Duration = Duration::from_secs(20);

/// Where a browser goes that came back from a sign-in.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The path of the page.
    pub path: String,
    /// Whether this is a window of its own, which the page waits for.
    pub in_window: bool,
}

/// What is remembered of a sign-in, sealed.
#[derive(Serialize, Deserialize)]
struct Memory {
    token: String,
    page: Vec<u8>,
    connector: String,
    deployment: Option<Deployment>,
    settings: Map<String, Value>,
    way: String,
    credentials: Map<String, Value>,
    verifier: String,
    redirect_uri: String,
    in_window: bool,
}

/// Begins a sign-in at the system's own page. Returns the address of that page.
///
/// # Errors
/// When the link does not work in this browser, the form has problems, or the way to sign in has no page.
pub async fn authorize(
    engine: &Engine,
    token: &str,
    visitor: &Visitor,
    submission: Submission,
) -> Result<String, LinkError> {
    let row = enter(engine, token, visitor).await?;
    let connector = row.options.connector.clone().or_else(|| submission.connector.clone());
    let connector = connector.unwrap_or_default();
    let kind = page::offered(engine, &row, &connector)?;
    let Some(way) = submission.way.clone() else {
        return Err(no_page(""));
    };
    if !kind
        .manifest
        .auth
        .iter()
        .any(|known| known.id == way && known.has_page())
    {
        return Err(no_page(&way));
    }
    let (deployment, in_window) = (submission.deployment, submission.in_window);
    let work = attempt::prepare(engine, &row, submission, true).await?;
    let trial = work.trial();
    let blueprint = kind
        .blueprint_for(&trial.settings)
        .map_err(|problem| LinkError::SignIn(invalid_settings(problem)))?;
    let given = secret_map(&trial.credentials).map_err(LinkError::internal)?;
    let credentials = applications::complete(given, &engine.settings.applications.of(&kind.manifest));
    let pkce = Pkce::generate().map_err(LinkError::internal)?;
    let state = tokens::random_text(STATE)?;
    let request = Request {
        redirect_uri: format!("{}/connect/callback", engine.public_url()),
        state: state.as_str().to_owned(),
        challenge: pkce.challenge,
    };
    let flow = Flow {
        blueprint: &blueprint,
        way: &way,
        settings: &trial.settings,
        credentials: &credentials,
    };
    let address = flow.address(&request);
    let address = address.map_err(|error| LinkError::SignIn(invalid_settings(error.message().to_owned())))?;
    let memory = Memory {
        token: token.to_owned(),
        page: row.model.page_hash.clone().unwrap_or_default(),
        connector,
        deployment,
        settings: trial.settings,
        way,
        credentials: trial.credentials.expose()?,
        verifier: pkce.verifier.expose_secret().to_owned(),
        redirect_uri: request.redirect_uri,
        in_window,
    };
    remember(engine, &row, &state, &memory).await?;
    keep_failure(engine, &row, None).await?;
    Ok(address.into())
}

/// Takes the answer of the system's own page: exchanges its code, tries the credentials and stores the connection. How
/// that went is shown by the page that the browser is sent to.
///
/// # Errors
/// When the state is unknown, too old, used already or of another browser; then nothing is done.
pub async fn callback(engine: &Engine, query: &str, visitor: &Visitor) -> Result<Returned, LinkError> {
    let answer = Callback::read(query);
    let state = answer
        .state
        .as_deref()
        .filter(|text| tokens::is_random_text(STATE, text));
    let state = state.ok_or(LinkError::StateInvalid)?;
    let model = find_flow(engine, state).await?.ok_or(LinkError::StateInvalid)?;
    let memory = recall(engine, &model)?;
    let row = find(engine, &memory.token).await.map_err(|_| LinkError::StateInvalid)?;
    let is_same = row.model.page_hash.as_deref() == Some(memory.page.as_slice());
    // Browsers keep the cookie of a page in a frame for that frame: a window that it opens has none.
    let in_window = memory.in_window && !row.options.frame_origins.is_empty();
    if !is_same || !(in_window || row.is_opened_by(&engine.keys, visitor.cookie.as_deref())) {
        return Err(LinkError::StateInvalid);
    }
    use_up(engine, &model).await?;
    let path = format!("/connect/{}", memory.token);
    let failure = match answer.code() {
        Ok(code) => finish(engine, &row, memory, code, visitor).await.err(),
        Err(error) => Some(LinkError::SignIn(sign_in_failure(&error)).failure()),
    };
    if failure.is_some() {
        let row = find(engine, path.trim_start_matches("/connect/")).await?;
        keep_failure(engine, &row, failure).await?;
    }
    Ok(Returned { path, in_window })
}

async fn finish(engine: &Engine, row: &Row, memory: Memory, code: &str, visitor: &Visitor) -> Result<(), Failure> {
    let prepared = async {
        let row = super::find_open(engine, &memory.token).await?;
        let kind = page::offered(engine, &row, &memory.connector)?;
        let blueprint = kind
            .blueprint_for(&memory.settings)
            .map_err(|problem| LinkError::SignIn(invalid_settings(problem)))?;
        let application = engine.settings.applications.of(&kind.manifest);
        let given = secret_map(&SecretFields::new(memory.credentials.clone())).map_err(LinkError::internal)?;
        let credentials = applications::complete(given, &application);
        let flow = Flow {
            blueprint: &blueprint,
            way: &memory.way,
            settings: &memory.settings,
            credentials: &credentials,
        };
        let answer = Code {
            code,
            verifier: &memory.verifier,
            redirect_uri: &memory.redirect_uri,
        };
        let asked_at = database::now();
        let context = CallContext::within(EXCHANGE, Uuid::now_v7().to_string());
        let signed_in = flow.exchange(&*engine.wire, &context, answer).await;
        let signed_in = signed_in.map_err(|error| LinkError::SignIn(sign_in_failure(&error)))?;
        let mut all = memory.credentials;
        for (name, value) in signed_in.credentials.iter() {
            all.insert(name.to_owned(), Value::from(value));
        }
        let submission = Submission {
            connector: Some(memory.connector),
            deployment: memory.deployment,
            settings: memory.settings,
            way: Some(memory.way),
            credentials: SecretFields::new(all),
            in_window: false,
        };
        let work = attempt::prepare(engine, &row, submission, false).await?;
        let session = signed_in.session(crate::trial::VERSION, asked_at);
        attempt::take(engine, row, work, Some(session), visitor).await
    };
    let attempt = prepared.await.map_err(|error| {
        if let LinkError::Internal(source) = &error {
            tracing::error!(error = %source, link.id = %row.model.id, "a sign-in could not be finished");
        }
        error.failure()
    })?;
    Box::pin(attempt.run(engine, |_| {})).await.map(drop)
}

async fn remember(engine: &Engine, row: &Row, state: &str, memory: &Memory) -> Result<(), LinkError> {
    let text = zeroize::Zeroizing::new(serde_json::to_vec(memory).map_err(LinkError::internal)?);
    let (organization_id, link) = (row.model.organization_id, row.model.id);
    let sealed = engine.keys.seal(&binding(organization_id, link), &text)?;
    let now = database::now();
    let model = ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(organization_id),
        link_id: Set(link),
        state_hash: Set(hash_of(&engine.keys, state)),
        key_id: Set(sealed.key_id),
        nonce: Set(sealed.nonce),
        ciphertext: Set(sealed.ciphertext),
        created_at: Set(now),
        expires_at: Set(row.model.expires_at.min(now + LONGEST)),
        used_at: Set(None),
    };
    // A link has one sign-in under way: the one that was begun last.
    Entity::delete_for_organization(organization_id)
        .filter(Column::LinkId.eq(link))
        .exec(&engine.database)
        .await?;
    model.insert(&engine.database).await?;
    Ok(())
}

async fn find_flow(engine: &Engine, state: &str) -> Result<Option<Model>, LinkError> {
    let hashes = engine.keys.token_hashes(state);
    let rows = Entity::by_state(hashes.iter().map(|hash| hash.to_vec()))
        .all(&engine.database)
        .await?;
    let now = database::now();
    let row = rows
        .into_iter()
        .find(|row| is_hash_of(&engine.keys, state, &row.state_hash));
    Ok(row.filter(|row| row.used_at.is_none() && row.expires_at > now))
}

fn recall(engine: &Engine, model: &Model) -> Result<Memory, LinkError> {
    let sealed = Sealed {
        key_id: model.key_id.clone(),
        nonce: model.nonce.clone(),
        ciphertext: model.ciphertext.clone(),
    };
    let text = engine
        .keys
        .open(&binding(model.organization_id, model.link_id), &sealed)?;
    serde_json::from_slice(&text).map_err(LinkError::internal)
}

/// Uses a sign-in up and wipes what was remembered of it.
async fn use_up(engine: &Engine, model: &Model) -> Result<(), LinkError> {
    let used = Entity::update_for_organization(model.organization_id)
        .set(ActiveModel {
            used_at: Set(Some(database::now())),
            nonce: Set(Vec::new()),
            ciphertext: Set(Vec::new()),
            ..Default::default()
        })
        .filter(Column::Id.eq(model.id))
        .filter(Column::UsedAt.is_null())
        .exec(&engine.database)
        .await?;
    match used.rows_affected {
        0 => Err(LinkError::StateInvalid),
        _ => Ok(()),
    }
}

fn binding(organization_id: Uuid, link: Uuid) -> Binding {
    Binding {
        organization_id,
        connection_id: link,
        purpose: "authorization flow",
    }
}

fn no_page(way: &str) -> LinkError {
    let way: String = way.chars().take(100).collect();
    LinkError::SignIn(invalid_settings(format!("the way to sign in `{way}` has no page")))
}

fn invalid_settings(message: String) -> TrialFailure {
    TrialFailure {
        code: "INVALID_SETTINGS",
        message,
        advice: "Check the settings.".to_owned(),
        field: None,
        remote_message: None,
    }
}

/// Says how a sign-in at the system's own page failed.
fn sign_in_failure(error: &lineshaft_connect::Error) -> TrialFailure {
    use lineshaft_connect::ErrorKind;
    let (code, advice) = match error.kind() {
        ErrorKind::PermissionDenied => (
            "SIGN_IN_DECLINED",
            "Sign in again and agree to what is asked for; perhaps an administrator of the system must agree first.",
        ),
        ErrorKind::InvalidCredentials => (
            "SIGN_IN_FAILED",
            "The system does not accept the application. Tell whoever sent you the link.",
        ),
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Network | ErrorKind::RateLimited => (
            "SIGN_IN_FAILED",
            "The sign-in is not available just now. Try again later.",
        ),
        _ => ("SIGN_IN_FAILED", "Sign in again."),
    };
    TrialFailure {
        code,
        message: error.message().to_owned(),
        advice: advice.to_owned(),
        field: None,
        remote_message: error.remote_message().map(str::to_owned),
    }
}
