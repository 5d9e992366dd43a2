//! Carries a write out: sends one request after the other as its run says, has each written down before it leaves, and
//! takes back what was begun when a later part fails.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::HeaderMap;
use lineshaft_schema::{Projection, Record, RemoteKey, TypeIndex};
use tokio::time::Instant;

use super::{Connector, write_shown};
use crate::{
    blueprint::ResourcePlan,
    context::CallContext,
    error::{Error, ErrorKind, Reach},
    layers::{breaker::Pass, capability, deadline},
    request::{LookUp, RequestPlan},
    transport::{Access, Departure, Response},
    write::{Act, Journal, Next, Reply, Run, UserError, UserErrorCode, WriteRequest},
};

/// What a request that takes something back has besides the time of an attempt.
const TIME_TO_UNDO: Duration = Duration::from_secs(5);

/// Carries one write out.
pub(super) struct Writer<'a> {
    pub(super) connector: &'a Connector,
    pub(super) context: &'a CallContext,
    pub(super) journal: &'a dyn Journal,
    /// The failure that stopped the write.
    pub(super) cause: Option<Error>,
}

/// Why a write did not come to its end.
pub(super) enum Stop {
    /// The system or a check refused it.
    Refused(Vec<UserError>),
    /// A request failed and nothing was carried out by it.
    Failed(Error),
    /// Nobody knows whether a request was carried out.
    InDoubt(Error),
}

/// What is known of a write that ended half-way.
struct Begun {
    warnings: Vec<String>,
    /// The place of the row that failed.
    failed_at: Vec<String>,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(connector: &'a Connector, context: &'a CallContext, journal: &'a dyn Journal) -> Self {
        Self {
            connector,
            context,
            journal,
            cause: None,
        }
    }

    /// Returns the failure that speaks about the connection, if one stopped the write.
    pub(super) fn failure<'r>(&'r self, reply: &'r Reply) -> Option<&'r Error> {
        match reply {
            Reply::Done { .. } => None,
            // A missing permission may be about the credentials; what else is refused lies at the caller.
            Reply::Refused(_) => self
                .cause
                .as_ref()
                .filter(|error| error.kind() == ErrorKind::PermissionDenied),
            Reply::Failed(error) | Reply::InDoubt { error, .. } => Some(error),
        }
    }

    /// Writes a record, or a row that belongs to one; `place` is that of the row in the input.
    pub(super) fn write<'w>(&'w mut self, request: &'w WriteRequest, place: Vec<String>) -> BoxFuture<'w, Reply> {
        async move {
            let _changing = self.connector.changing(request.kind);
            let mut coded = Cow::Borrowed(request);
            if self.connector.writes_labels(request) {
                let coding = self.connector.with_written_codes(self.context, request);
                match deadline::keep(self.context, coding).await {
                    Ok(Ok(written)) => coded = written,
                    Ok(Err(errors)) => return Reply::Refused(errors),
                    Err(error) => return Reply::Failed(error.with_reach(Reach::NotSent)),
                }
            }
            let request = coded.as_ref();
            let now = self.connector.clock.now();
            let run = match Run::start(&self.connector.blueprint, request, now) {
                Ok(run) => run,
                Err(errors) => return Reply::Refused(errors),
            };
            // The owner of a row that is written with it was read or made right before.
            if place.is_empty() {
                let looking = self.connector.missing_owner(self.context, request);
                match deadline::keep(self.context, looking).await {
                    Ok(None) => {}
                    Ok(Some(error)) => return Reply::Refused(vec![error]),
                    Err(error) => return self.stop_of_look(&run, error).into_reply(),
                }
            }
            if !run.named_rows().is_empty() {
                let looking = self.connector.foreign_rows(self.context, &run);
                match deadline::keep(self.context, looking).await {
                    Ok(errors) if errors.is_empty() => {}
                    Ok(errors) => return Reply::Refused(errors),
                    Err(error) => return self.stop_of_look(&run, error).into_reply(),
                }
            }
            self.carry_out(request, run, &place).await
        }
        .boxed()
    }

    async fn carry_out(&mut self, request: &WriteRequest, mut run: Run, place: &[String]) -> Reply {
        let mut warnings = Vec::new();
        let mut has_changed = false;
        let mut failed_at = Vec::new();
        let stop = loop {
            let next = run.next();
            if matches!(next, Next::Write(..))
                && let Some(together) = self.write_together(&run, place).await
            {
                has_changed |= together.has_changed;
                warnings.extend(together.warnings);
                if let Some(stop) = together.stop {
                    failed_at = together.failed_at;
                    break stop;
                }
                run.wrote_all();
                continue;
            }
            if let Next::Send { step, changes: true } = &next
                && let Some(together) = self.send_together(&mut run, step, place).await
            {
                has_changed |= together.has_changed;
                match together.stop {
                    Some(stop) => break stop,
                    None => continue,
                }
            }
            let stopped = match next {
                Next::Done { key, warnings: remarks } => {
                    warnings.extend(remarks);
                    return Reply::Done {
                        key,
                        warnings,
                        refused: Vec::new(),
                    };
                }
                Next::Read => self.read(request, &mut run).await,
                Next::Send { step, changes } => {
                    let sent = self.send(request, &mut run, &step, changes, place).await;
                    has_changed |= changes && sent.is_ok();
                    sent
                }
                Next::Write(part, at) => match self.write(&part, [place, &at].concat()).await {
                    Reply::Done {
                        warnings: remarks,
                        refused,
                        ..
                    } => {
                        has_changed = true;
                        warnings.extend(remarks);
                        match refused.is_empty() {
                            true => {
                                run.wrote();
                                Ok(())
                            }
                            false => Err(Stop::Refused(below(&at, refused))),
                        }
                    }
                    Reply::Refused(errors) => Err(Stop::Refused(below(&at, errors))),
                    Reply::Failed(error) => {
                        failed_at = at;
                        Err(Stop::Failed(error))
                    }
                    Reply::InDoubt { error, .. } => Err(Stop::InDoubt(error)),
                },
            };
            if let Err(stop) = stopped {
                break stop;
            }
        };
        match stop {
            Stop::InDoubt(error) => Reply::InDoubt {
                error,
                key: run.key().cloned(),
            },
            stop if has_changed => {
                let begun = Begun { warnings, failed_at };
                self.take_back(request, &run, stop, begun, place).await
            }
            stop => stop.into_reply(),
        }
    }

    /// Reads the record as it is now.
    async fn read(&mut self, request: &WriteRequest, run: &mut Run) -> Result<(), Stop> {
        let key = request.key.as_ref().or_else(|| run.key()).cloned();
        let found = match key {
            Some(key) => {
                let projection = run.projection();
                let reading = self.connector.read_fresh(self.context, request.kind, &key, &projection);
                deadline::keep(self.context, reading).await
            }
            None => Err(Error::new(ErrorKind::Internal, "a record without a key cannot be read")),
        };
        match found {
            Ok(found) => run.read(found).map_err(|error| Stop::Refused(vec![error])),
            Err(error) => Err(self.stop_of_look(run, error)),
        }
    }

    /// Sends the request of a step.
    pub(super) async fn send(
        &mut self,
        request: &WriteRequest,
        run: &mut Run,
        step: &str,
        changes: bool,
        place: &[String],
    ) -> Result<(), Stop> {
        let was_known = run.key().is_some();
        let sent = {
            let run = &*run;
            let plan = move |access: &Access| run.request(&access.variables());
            if changes {
                self.change(self.context, plan, &name_of_step(place, step)).await
            } else {
                deadline::keep(self.context, self.connector.look(self.context, plan)).await
            }
        };
        let (response, pass) = match sent {
            Ok(sent) => sent,
            Err(error) if changes => return Err(self.stop_of_change(run, error)),
            Err(error) => return Err(self.stop_of_look(run, error)),
        };
        match run.answered(&response) {
            Ok(()) => self.connector.tell(pass, &Ok(())),
            Err(error) if error.code == UserErrorCode::InDoubt && changes => {
                let error = Error::new(ErrorKind::MalformedResponse, error.message)
                    .with_status(response.status.as_u16())
                    .with_reach(Reach::Unknown);
                self.connector.tell::<()>(pass, &Err(error.clone()));
                return Err(Stop::InDoubt(error));
            }
            Err(error) => {
                self.connector.tell(pass, &Ok(()));
                return Err(Stop::Refused(vec![error]));
            }
        }
        let is_made = changes && place.is_empty() && request.act == Act::Create && !was_known;
        if is_made && let Some(key) = run.key().cloned() {
            self.note_made(run, &key).await;
        }
        Ok(())
    }

    /// Has the key of a record written down whose write goes on.
    async fn note_made(&self, run: &mut Run, key: &RemoteKey) {
        if matches!(run.next(), Next::Done { .. }) {
            return;
        }
        if let Err(error) = self.journal.made(key).await {
            // The record is there; breaking off now would leave more behind.
            tracing::warn!(%error, "the key of a record that was made is not written down");
        }
    }

    /// Sends a request that changes something, once it is written down. The query's deadline counts until it leaves.
    async fn change(
        &self,
        context: &CallContext,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        step: &str,
    ) -> Result<(Arc<Response>, Pass<'a>), Error> {
        let not_sent = |error: Error| error.with_reach(Reach::NotSent);
        let access = deadline::keep(context, self.connector.access(context))
            .await
            .map_err(not_sent)?;
        let departure = Noted {
            connector: self.connector,
            journal: self.journal,
            step,
        };
        let plan = |access: &Access| {
            let plan = plan(access)?;
            Ok(RequestPlan {
                repeatable: false,
                ..plan
            })
        };
        self.connector
            .fetch_noted(context, access, plan, Some(&departure))
            .await
    }

    /// Takes back what was begun, and tells what could not be.
    async fn take_back(
        &mut self,
        request: &WriteRequest,
        run: &Run,
        stop: Stop,
        begun: Begun,
        place: &[String],
    ) -> Reply {
        let undone = match request.act {
            Act::Create => self.undo(run, place).await,
            _ => None,
        };
        let key = run.key().or(request.key.as_ref()).cloned();
        let message = match undone {
            Some(Ok(())) => return stop.into_reply(),
            Some(Err(error)) if error.leaves_doubt() => return Reply::InDoubt { error, key },
            Some(Err(error)) => {
                let key = key.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("the record {key} was made and could not be removed again: {error}")
            }
            None => "the write was carried out in part: it ended where a part failed".to_owned(),
        };
        // Of an action only its end can be told; whoever looks at the record later sees whether it was reached. A record
        // whose key nobody knows may be found by its mark.
        if key.is_none() || matches!(request.act, Act::Action(_) | Act::Delete | Act::SoftDelete) {
            let error = match stop {
                Stop::Failed(error) | Stop::InDoubt(error) => error,
                Stop::Refused(errors) => {
                    let cause = self.cause.clone();
                    cause.unwrap_or_else(|| Error::new(ErrorKind::InvalidRequest, told(&errors)))
                }
            };
            return Reply::InDoubt {
                error: error.with_reach(Reach::Unknown),
                key,
            };
        }
        let partly = UserError {
            path: Vec::new(),
            code: UserErrorCode::Partly,
            message,
            remote_code: None,
            remote_message: None,
        };
        let reasons = match stop {
            Stop::Refused(errors) => errors,
            Stop::Failed(error) | Stop::InDoubt(error) => below(&begun.failed_at, vec![run.user_error(&error)]),
        };
        let reasons = reasons.into_iter().filter(|error| error.code != UserErrorCode::Partly);
        Reply::Done {
            key,
            warnings: begun.warnings,
            refused: std::iter::once(partly).chain(reasons).collect(),
        }
    }

    /// Sends the request that takes back what was made, if there is one. It has time of its own: the query's may be up.
    async fn undo(&self, run: &Run, place: &[String]) -> Option<Result<(), Error>> {
        let time = self.connector.transport.line().attempt_time() + TIME_TO_UNDO;
        let context = self
            .context
            .child_until(self.context.deadline().max(Instant::now() + time));
        let access = match self.connector.access(&context).await {
            Ok(access) => access,
            Err(error) => return Some(Err(error.with_reach(Reach::NotSent))),
        };
        let _planned = run.undo(&access.variables())?;
        let plan = |access: &Access| {
            let plan = run.undo(&access.variables());
            plan.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "there is nothing to take back")))
        };
        match self.change(&context, plan, &name_of_step(place, "undo")).await {
            Ok((_, pass)) => {
                self.connector.tell(pass, &Ok(()));
                Some(Ok(()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound && error.reach() == Reach::Answered => Some(Ok(())),
            Err(error) => Some(Err(error)),
        }
    }

    pub(super) fn stop_of_change(&mut self, run: &Run, error: Error) -> Stop {
        self.cause = Some(error.clone());
        if error.leaves_doubt() {
            return Stop::InDoubt(error);
        }
        refusal(run, &error).unwrap_or(Stop::Failed(error))
    }

    /// Whatever becomes of a read, nothing was carried out by it.
    pub(super) fn stop_of_look(&mut self, run: &Run, error: Error) -> Stop {
        self.cause = Some(error.clone());
        refusal(run, &error).unwrap_or_else(|| Stop::Failed(error.with_reach(Reach::NotSent)))
    }
}

impl Stop {
    fn into_reply(self) -> Reply {
        match self {
            Self::Refused(errors) => Reply::Refused(errors),
            Self::Failed(error) => Reply::Failed(error),
            Self::InDoubt(error) => Reply::InDoubt { error, key: None },
        }
    }
}

/// Returns what the caller can mend, when the system said so.
pub(super) fn refusal(run: &Run, error: &Error) -> Option<Stop> {
    let is_refused = matches!(
        error.kind(),
        ErrorKind::InvalidRequest | ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::PermissionDenied
    );
    (is_refused && error.reach() == Reach::Answered).then(|| Stop::Refused(run.user_errors(error)))
}

/// Puts the place of a row before the paths of its errors.
pub(super) fn below(place: &[String], mut errors: Vec<UserError>) -> Vec<UserError> {
    for error in &mut errors {
        error.path.splice(0..0, place.iter().cloned());
    }
    errors
}

fn describe(error: &UserError) -> String {
    if error.path.is_empty() {
        return error.message.clone();
    }
    format!("{}: {}", error.path.join("."), error.message)
}

fn told(errors: &[UserError]) -> String {
    errors.iter().map(describe).collect::<Vec<_>>().join("; ")
}

/// Names a step in the journal; those of rows by their place in the input.
pub(super) fn name_of_step(place: &[String], step: &str) -> String {
    match (place.is_empty(), step.is_empty()) {
        (true, _) => step.to_owned(),
        (false, true) => place.join("."),
        (false, false) => format!("{} {step}", place.join(".")),
    }
}

/// Has requests written down before they leave.
struct Noted<'a> {
    connector: &'a Connector,
    journal: &'a dyn Journal,
    step: &'a str,
}

impl Departure for Noted<'_> {
    fn leaving<'l>(
        &'l self,
        plan: &'l RequestPlan,
        access: &'l Access,
        headers: &'l HeaderMap,
    ) -> BoxFuture<'l, Result<(), Error>> {
        async move {
            let wanted = self.connector.blueprint.anti_forgery();
            let shown = write_shown::show(self.step, plan, access, headers, wanted.map(|wanted| wanted.header()));
            self.journal.sending(&shown).await
        }
        .boxed()
    }
}

impl Connector {
    /// Reads one record with its raw row, whatever other reads are under way. None when there is no such record.
    pub(super) async fn read_fresh(
        &self,
        context: &CallContext,
        kind: TypeIndex,
        key: &RemoteKey,
        projection: &Projection,
    ) -> Result<Option<(serde_json::Value, Arc<Record>)>, Error> {
        let keys = std::slice::from_ref(key);
        let found = self.read_all_fresh(context, kind, keys, projection).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// The same for several records of one type, which are read together.
    pub(super) async fn read_all_fresh(
        &self,
        context: &CallContext,
        kind: TypeIndex,
        keys: &[RemoteKey],
        projection: &Projection,
    ) -> Result<Vec<Option<(serde_json::Value, Arc<Record>)>>, Error> {
        let resource = capability::require(&self.blueprint, kind, "look up", |_| true)?;
        let mut way = None;
        let mut wanted: Vec<RemoteKey> = Vec::with_capacity(keys.len());
        for key in keys {
            let (by, one) = way_to(resource, key).ok_or_else(|| {
                let message = format!("{} cannot be read by their keys in this system", resource.type_name());
                Error::new(ErrorKind::NotSupported, message)
            })?;
            way = Some(by);
            if !wanted.contains(&one) {
                wanted.push(one);
            }
        }
        let Some(by) = way else { return Ok(Vec::new()) };
        self.transport.forget_reads();
        self.forget_kept(Some(kind));
        let (chunks, _) = self
            .look_up(context, resource, by, &wanted, projection, usize::MAX)
            .await?;
        let records: Vec<Arc<Record>> = chunks.into_iter().flatten().map(Arc::new).collect();
        let found = keys.iter().map(|key| {
            let Some(record) = records.iter().find(|record| record.key == *key) else {
                return Ok(None);
            };
            let row = match &record.raw {
                Some(raw) => serde_json::from_str(raw)
                    .map_err(|_| Error::new(ErrorKind::MalformedResponse, "the row of the record cannot be read"))?,
                None => serde_json::Value::Null,
            };
            Ok(Some((row, Arc::clone(record))))
        });
        found.collect()
    }
}

/// Returns how one record is read: by its key, or among the rows of its owner where the key names that.
pub(super) fn way_to(resource: &ResourcePlan, key: &RemoteKey) -> Option<(LookUp, RemoteKey)> {
    if resource.capability().get_many.is_some() {
        return Some((LookUp::Key, key.clone()));
    }
    let parts = &resource.parts;
    parts.children.iter().find_map(|(field, children)| {
        let at = parts.key.iter().position(|part| part.name == children.parent_as)?;
        Some((LookUp::Field(*field), RemoteKey::from(key.part(at)?)))
    })
}
