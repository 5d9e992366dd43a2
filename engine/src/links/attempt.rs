//! Tries what a customer filled in, one try of a link at a time, and stores the connection, its new token and the code
//! for it as one change.

use std::time::Duration;

use lineshaft_connect::store::Session;
use lineshaft_entities::connect_link;
use sea_orm::{ColumnTrait as _, QueryFilter as _, Set};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Done, Failure, LinkError, Purpose, Row, Visitor, code, count_try, enter, exhaust, keep_failure,
    options::{Stored, redirect_with},
    page,
};
use crate::{
    Engine,
    connections::{
        Connection, CreateError, Deployment, NewConnectionRequest, Reauthorize, ReauthorizeError,
        create::{Reading, Ready},
        reauthorize::ReadyAgain,
    },
    credentials::SecretFields,
    customers::NewCustomer,
    database,
    events::journal::Change,
    origin::Origin,
    tokens::Issued,
    trial::{Trial, TrialReport, TrialStep},
};

/// No try takes longer; a process that dies holds the link for so long.
const LONGEST_TRY: Duration = Duration::from_secs(90);

/// What a customer filled in.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The connector; that of the link when it has only one.
    pub connector: Option<String>,
    /// Where the system runs.
    pub deployment: Option<Deployment>,
    /// The settings; those of the connection stay unless they are given anew.
    pub settings: Map<String, Value>,
    /// The way to sign in.
    pub way: Option<String>,
    /// The credentials.
    pub credentials: SecretFields,
    /// Whether the customer signs in in a window of its own, beside the page.
    pub in_window: bool,
}

/// What a link led to.
#[derive(Clone, Debug)]
pub struct Completed {
    /// The connection.
    pub connection: Connection,
    /// The outcome, as the page shows it.
    pub done: Done,
}

/// A try that may begin. The link is held until it has run.
#[derive(Debug)]
pub struct Attempt {
    row: Row,
    work: Work,
    session: Option<Session>,
    origin: Origin,
    owner: Uuid,
    tries_left: u32,
}

#[derive(Debug)]
pub(super) enum Work {
    Connect(Box<Ready>),
    Reconnect(Box<ReadyAgain>),
}

/// Checks a form and takes one of the link's tries. Problems of the form take none.
///
/// # Errors
/// When the link does not work in this browser, or the form has problems; then nothing was tried.
pub async fn begin(
    engine: &Engine,
    token: &str,
    visitor: &Visitor,
    submission: Submission,
) -> Result<Attempt, LinkError> {
    let row = enter(engine, token, visitor).await?;
    let work = prepare(engine, &row, submission, false).await?;
    take(engine, row, work, None, visitor).await
}

/// Checks a form on the terms of its link.
pub(super) async fn prepare(
    engine: &Engine,
    row: &Row,
    submission: Submission,
    before_page: bool,
) -> Result<Work, LinkError> {
    let reading = Reading {
        way: submission.way.as_deref(),
        before_page,
    };
    let connector = match (&row.options.connector, submission.connector) {
        (Some(fixed), None) => fixed.clone(),
        (_, Some(chosen)) => chosen,
        (None, None) => return Err(LinkError::Create(CreateError::ConnectorUnknown(String::new()))),
    };
    page::offered(engine, row, &connector)?;
    let organization_id = row.model.organization_id;
    if row.model.purpose == Purpose::Reconnect {
        let id = row.model.connection_id.ok_or(LinkError::NotFound)?;
        let new = Reauthorize {
            settings: submission.settings,
            credentials: submission.credentials,
            credentials_expire_at: None,
            allow_other_account: row.options.allow_account_change,
        };
        let ready = engine
            .prepare_reauthorization(organization_id.into(), id, new, reading)
            .await?;
        return Ok(Work::Reconnect(Box::new(ready)));
    }
    let customer = match (&row.model.customer_external_id, &row.model.customer_name) {
        (Some(external_id), Some(name)) => Some(NewCustomer {
            external_id: external_id.clone(),
            name: name.clone(),
        }),
        _ => None,
    };
    let request = NewConnectionRequest {
        organization_id,
        customer,
        connector,
        deployment: submission.deployment,
        name: None,
        settings: submission.settings,
        credentials: submission.credentials,
        credentials_expire_at: None,
        verify: true,
    };
    let ready = engine.prepare_connection(request, reading).await?;
    Ok(Work::Connect(Box::new(ready)))
}

/// Holds the link and takes one of its tries.
pub(super) async fn take(
    engine: &Engine,
    row: Row,
    work: Work,
    session: Option<Session>,
    visitor: &Visitor,
) -> Result<Attempt, LinkError> {
    let owner = Uuid::now_v7();
    let name = lease_of(row.model.id);
    if !engine.leases.take(&name, owner, LONGEST_TRY).await? {
        return Err(LinkError::Busy);
    }
    let tries_left = match count_try(engine, &row).await {
        Ok(tries_left) => tries_left,
        Err(error) => {
            engine.leases.give_back(&name, owner).await?;
            return Err(error);
        }
    };
    Ok(Attempt {
        origin: visitor.origin(row.model.id),
        row,
        work,
        session,
        owner,
        tries_left,
    })
}

impl Attempt {
    /// Tries the credentials, telling each step, and stores the connection when they work.
    ///
    /// # Errors
    /// Returns what the page shows; then nothing is stored.
    pub async fn run(self, engine: &Engine, progress: impl Fn(TrialStep) + Send + Sync) -> Result<Completed, Failure> {
        let (row, owner, tries_left) = (self.row.clone(), self.owner, self.tries_left);
        let result = self.complete(engine, &progress).await;
        let after = async {
            if result.is_err() && tries_left == 0 {
                exhaust(engine, &row).await?;
            }
            if result.is_err() {
                keep_failure(engine, &row, None).await?;
            }
            engine.leases.give_back(&lease_of(row.model.id), owner).await
        };
        if let Err(error) = after.await {
            tracing::warn!(%error, link.id = %row.model.id, "a link is left to be free again by itself");
        }
        result.map_err(|error| {
            if let LinkError::Internal(source) = &error {
                tracing::error!(error = %source, link.id = %row.model.id, "a connection could not be stored");
            }
            Failure {
                tries_left: Some(tries_left),
                ..error.failure()
            }
        })
    }

    async fn complete(
        self,
        engine: &Engine,
        progress: &(dyn Fn(TrialStep) + Send + Sync),
    ) -> Result<Completed, LinkError> {
        let report = engine
            .trial_with(self.work.trial(), self.session, progress)
            .await
            .map_err(|failure| self.work.failed(failure))?;
        let mut change = engine.journal.begin().await?;
        let again = matches!(self.work, Work::Reconnect(_));
        let (connection, token) = store(engine, &mut change, self.work, &report, &self.origin).await?;
        let code = code::insert(engine, &change, &connection, &token).await?;
        claim(engine, &change, &self.row, connection.id, &code).await?;
        change.commit().await?;
        if again {
            engine.after_reauthorization(connection.id);
        }
        let redirect = self.row.options.redirect_url.as_deref();
        let done = Done {
            connection_name: connection.name.clone(),
            redirect: redirect.and_then(|url| redirect_with(url, "code", &code)),
            code: Some(code),
            warnings: report.warnings(),
        };
        Ok(Completed { connection, done })
    }
}

impl Work {
    pub(super) fn trial(&self) -> Trial {
        match self {
            Self::Connect(ready) => ready.trial(),
            Self::Reconnect(ready) => ready.trial(),
        }
    }

    fn failed(&self, failure: crate::trial::TrialFailure) -> LinkError {
        match self {
            Self::Connect(_) => CreateError::Trial(failure).into(),
            Self::Reconnect(_) => ReauthorizeError::Trial(failure).into(),
        }
    }
}

async fn store(
    engine: &Engine,
    change: &mut Change,
    work: Work,
    report: &TrialReport,
    origin: &Origin,
) -> Result<(Connection, Issued), LinkError> {
    match work {
        Work::Connect(ready) => {
            let created = engine.store_connection(change, *ready, Some(report), origin).await?;
            let token = created.token.ok_or(LinkError::CodeInvalid)?;
            Ok((created.connection, token))
        }
        Work::Reconnect(ready) => {
            let done = engine.store_reauthorization(change, *ready, report, origin).await?;
            Ok((done.connection, done.token))
        }
    }
}

/// Uses the link up. Of many that try at once, one gets through; the others' changes are dropped.
async fn claim(engine: &Engine, change: &Change, row: &Row, connection_id: Uuid, code: &str) -> Result<(), LinkError> {
    let options = Stored {
        done: Some(code::seal(engine, row, code)?),
        failure: None,
        ..row.options.clone()
    };
    let claimed = connect_link::Entity::update_for_organization(row.model.organization_id)
        .set(connect_link::ActiveModel {
            used_at: Set(Some(database::now())),
            connection_id: Set(Some(connection_id)),
            options: Set(options.write()),
            ..Default::default()
        })
        .filter(connect_link::Column::Id.eq(row.model.id))
        .filter(connect_link::Column::UsedAt.is_null())
        .filter(connect_link::Column::RevokedAt.is_null())
        .exec(change.transaction())
        .await?;
    match claimed.rows_affected {
        0 => Err(LinkError::Used),
        _ => Ok(()),
    }
}

pub(super) fn lease_of(link: Uuid) -> String {
    format!("link:{link}")
}
