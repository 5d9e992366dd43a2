//! Look-ups of one record or one parent each, several in one envelope. What failed in passing is sent again with others.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use lineshaft_schema::{Record, RemoteKey};
use tokio::time::sleep;

use super::{
    Connector,
    look_up::{Bound, plan_again},
    page::Asked,
};
use crate::{
    blueprint::{BatchPlan, Content, ResourcePlan, labels::Tables},
    context::CallContext,
    error::{Error, ErrorKind},
    layers::deadline,
    request::{PageState, PlannedLookUp, RequestPlan},
    transport::{Access, Response},
};

/// How often a request that failed in passing is put into another envelope.
const MOST_REPEATS: u32 = 2;

/// The wait before that, when the system does not say how long.
const WAIT: Duration = Duration::from_millis(500);

/// What look-ups came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<Vec<Record>>,
    /// The keys whose records could not be read, and why.
    pub(super) failed: Vec<(Vec<RemoteKey>, Error)>,
}

impl Outcome {
    /// Returns the records if all look-ups succeeded.
    pub(super) fn whole(self) -> Result<Vec<Vec<Record>>, Error> {
        match self.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.records),
        }
    }
}

/// A look-up on its way.
struct Pending {
    look_up: PlannedLookUp,
    repeated: u32,
}

/// What became of one.
enum End {
    Read(Vec<Record>, Option<Box<Pending>>),
    Again(Box<Pending>, Option<Duration>),
    Failed(Vec<RemoteKey>, Error),
}

/// What look-ups of one operation share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) context: &'a CallContext,
    pub(super) resource: &'a ResourcePlan,
    pub(super) batch: &'a BatchPlan,
    pub(super) bound: &'a Bound,
    pub(super) tables: &'a Arc<Tables>,
}

impl Connector {
    /// Carries look-ups out in envelopes, page by page.
    pub(super) async fn look_up_batched(
        &self,
        shared: Shared<'_>,
        access: Arc<Access>,
        look_ups: Vec<PlannedLookUp>,
    ) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        let mut access = access;
        let mut waiting: Vec<Pending> = look_ups
            .into_iter()
            .map(|look_up| Pending { look_up, repeated: 0 })
            .collect();
        while !waiting.is_empty() {
            let mut envelopes = Vec::new();
            while !waiting.is_empty() {
                let rest = waiting.split_off(waiting.len().min(shared.batch.most()));
                envelopes.push(std::mem::replace(&mut waiting, rest));
            }
            let ends: Vec<Vec<End>> = stream::iter(envelopes)
                .map(|envelope| self.envelope(shared, &access, envelope))
                .buffer_unordered(self.transport.line().width())
                .collect()
                .await;
            let mut pause = None;
            let mut next = Vec::new();
            for end in ends.into_iter().flatten() {
                match end {
                    End::Read(records, more) => {
                        outcome.records.push(records);
                        next.extend(more.map(|more| *more));
                    }
                    End::Again(pending, wait) => {
                        pause = pause.max(wait);
                        next.push(*pending);
                    }
                    End::Failed(keys, error) => outcome.failed.push((keys, error)),
                }
            }
            waiting = next;
            if let Some(pause) = pause {
                let waited = async {
                    sleep(pause).await;
                    Ok(())
                };
                deadline::keep(shared.context, waited).await?;
            }
            if !waiting.is_empty() {
                access = self.access(shared.context).await?;
            }
        }
        Ok(outcome)
    }

    /// Sends one envelope and reads its parts; what is too little for one is sent as it is.
    async fn envelope(&self, shared: Shared<'_>, access: &Arc<Access>, parts: Vec<Pending>) -> Vec<End> {
        if parts.len() < shared.batch.fewest() {
            return self.one_by_one(shared, access, parts).await;
        }
        let resource = shared.resource;
        let planned_with = &**access;
        let plan = |now: &Access| {
            let plans: Result<Vec<RequestPlan>, Error> = parts
                .iter()
                .map(|part| match std::ptr::eq(now, planned_with) {
                    true => Ok(part.look_up.plan.clone()),
                    false => plan_again(resource, &part.look_up, now),
                })
                .collect();
            let (base, remote) = (self.blueprint.base(), resource.remote());
            let variables = now.variables();
            shared.batch.envelope(base, remote, &plans?, Content::Reads, &variables)
        };
        let sent = self
            .fetch_batch(shared.context, Arc::clone(access), plan, parts.len())
            .await;
        let answers = match sent {
            Ok((response, pass)) => {
                let answers = shared.batch.answers(&response, parts.len(), Content::Reads);
                self.tell(pass, &answers);
                answers
            }
            Err(error) => Err(error),
        };
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => {
                let failed = |part: Pending| End::Failed(part.look_up.keys, error.clone());
                return parts.into_iter().map(failed).collect();
            }
        };
        let is_answered = answers.iter().any(Option::is_some);
        let mut ends = Vec::with_capacity(parts.len());
        for (part, answer) in parts.into_iter().zip(answers) {
            ends.push(self.end_of(shared, part, answer, is_answered).await);
        }
        ends
    }

    async fn one_by_one(&self, shared: Shared<'_>, access: &Arc<Access>, parts: Vec<Pending>) -> Vec<End> {
        let Shared {
            context,
            resource,
            bound,
            tables,
            ..
        } = shared;
        let mut ends = Vec::with_capacity(parts.len());
        for part in parts {
            let keys = part.look_up.keys.clone();
            let read = self.chunk(context, access, resource, part.look_up, bound, tables).await;
            ends.push(match read {
                Ok(records) => End::Read(records, None),
                Err(error) => End::Failed(keys, error),
            });
        }
        ends
    }

    async fn end_of(&self, shared: Shared<'_>, part: Pending, answer: Option<Response>, others: bool) -> End {
        let Some(answer) = answer else {
            let message = "the system left the request out of its answer";
            return again(part, Error::new(ErrorKind::MalformedResponse, message), others);
        };
        let failure = self
            .blueprint
            .classify(answer.status.as_u16(), &answer.headers, &answer.body);
        if let Some(error) = failure {
            if error.nothing_found() || part.look_up.single && error.kind() == ErrorKind::NotFound {
                return End::Read(Vec::new(), None);
            }
            let passes = matches!(
                error.kind(),
                ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Timeout
            );
            self.transport.line().heed_part(&error);
            return again(part, error, passes);
        }
        let read = self
            .read(Asked::LookUp(&part.look_up), Arc::new(answer), shared.tables)
            .await;
        match read {
            Ok(page) => {
                let has_room = shared.bound.take(page.records.len());
                if page.next.is_some() && !has_room {
                    shared.bound.truncate();
                }
                match page.next.filter(|_| has_room) {
                    Some(next) => self.following(shared, part, page.records, next).await,
                    None => End::Read(page.records, None),
                }
            }
            Err(error) => End::Failed(part.look_up.keys, error),
        }
    }

    async fn following(&self, shared: Shared<'_>, part: Pending, records: Vec<Record>, next: PageState) -> End {
        let keys = part.look_up.keys.clone();
        let planned = match self.access(shared.context).await {
            Ok(access) => shared.resource.next_look_up(part.look_up, next, &access.variables()),
            Err(error) => Err(error),
        };
        match planned {
            Ok(look_up) => End::Read(records, Some(Box::new(Pending { look_up, repeated: 0 }))),
            Err(error) => End::Failed(keys, error),
        }
    }
}

/// Puts a request into another envelope if that may help.
fn again(part: Pending, error: Error, may_help: bool) -> End {
    if !may_help || part.repeated >= MOST_REPEATS {
        return End::Failed(part.look_up.keys, error);
    }
    let is_left_out = error.kind() == ErrorKind::MalformedResponse;
    let wait = (!is_left_out).then(|| error.retry_after().unwrap_or(WAIT));
    let repeated = part.repeated + 1;
    End::Again(Box::new(Pending { repeated, ..part }), wait)
}
