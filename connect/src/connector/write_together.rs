//! Rows that belong to a record, several in one envelope: each is written down before the envelope leaves, the envelope
//! leaves once, and each answer in it is judged as if it had come alone.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use http::HeaderMap;
use lineshaft_schema::RemoteKey;

use super::{
    Connector,
    write_run::{Stop, Writer, below, name_of_step, refusal},
    write_shown,
};
use crate::{
    blueprint::{BatchPlan, Content, ResourcePlan},
    error::{Error, ErrorKind, Reach},
    layers::deadline,
    request::RequestPlan,
    transport::{Access, Departure, Response},
    write::{Journal, Next, Run, UserError, UserErrorCode, WriteRequest},
};

/// A row on its way.
struct Row {
    request: WriteRequest,
    /// Where it stands in the input of its owner.
    path: Vec<String>,
    run: Run,
}

/// What became of rows.
#[derive(Default)]
pub(super) struct Together {
    pub(super) stop: Option<Stop>,
    /// Whether something was carried out.
    pub(super) has_changed: bool,
    pub(super) warnings: Vec<String>,
    /// The place of the row that failed.
    pub(super) failed_at: Vec<String>,
}

/// What an answer says of its row.
enum End {
    Done,
    /// The system refused it.
    Refused(Vec<UserError>),
    /// The system answered with a success that is not the one expected.
    Unmet(Vec<UserError>),
    Failed(Error),
    /// Another request of the same whole failed.
    Follows(Error),
    InDoubt(Error),
}

impl Writer<'_> {
    /// Writes the rows that are left of a record in envelopes; none when they are to be written one by one.
    pub(super) async fn write_together(&mut self, owner: &Run, place: &[String]) -> Option<Together> {
        let connector = self.connector;
        let batch = connector.blueprint.batch().filter(|batch| batch.writes())?;
        let wanted = owner.rows_left();
        if wanted.len() < batch.fewest().max(2) {
            return None;
        }
        let mut rows = Vec::with_capacity(wanted.len());
        for (request, path) in wanted {
            let resource = connector.blueprint.resource(request.kind)?;
            connector.blueprint.batch_of(resource)?;
            // Codes are looked up for each row by itself.
            if connector.writes_labels(&request) {
                return None;
            }
            // What is wrong with rows was told before; whatever it is, it is told as that of one row.
            let mut run = Run::start(&connector.blueprint, &request, connector.clock.now()).ok()?;
            let is_unreadable = run.next() == Next::Read && request.key.is_none();
            if is_unreadable || !run.extent().single || !run.named_rows().is_empty() {
                return None;
            }
            rows.push(Row { request, path, run });
        }
        let kinds = rows.iter().map(|row| row.request.kind);
        let _changing: Vec<_> = kinds.map(|kind| connector.changing(kind)).collect();
        let mut together = Together::default();
        if let Err(stop) = self.carry_out_together(batch, &mut rows, place, &mut together).await {
            together.stop = Some(stop);
        }
        Some(together)
    }

    /// Sends the requests of a step that are left for its elements in one envelope; none when they are to be sent one by
    /// one.
    pub(super) async fn send_together(&mut self, run: &mut Run, step: &str, place: &[String]) -> Option<Together> {
        let connector = self.connector;
        let batch = connector.blueprint.batch().filter(|batch| batch.writes())?;
        let resource = run
            .resource()
            .and_then(|resource| connector.blueprint.resource(resource.kind()))?;
        connector.blueprint.batch_of(resource)?;
        let mut left = run.elements_left();
        left.truncate(batch.most());
        if left.len() < batch.fewest().max(2) {
            return None;
        }
        let mut together = Together::default();
        let access = match deadline::keep(self.context, connector.access(self.context)).await {
            Ok(access) => access,
            Err(error) => {
                together.stop = Some(Stop::Failed(error.with_reach(Reach::NotSent)));
                return Some(together);
            }
        };
        let goes_in = |run: &Run| {
            let plan = run.request(&access.variables());
            plan.is_ok_and(|plan| batch.takes_change(&plan))
        };
        if !left.iter().all(goes_in) {
            return None;
        }
        let name = name_of_step(place, step);
        let parts: Vec<(String, Run)> = left.into_iter().map(|run| (name.clone(), run)).collect();
        let ended = match self.send_envelope(batch, resource, access, &parts).await {
            Ok(answers) => {
                let of_all = batch.is_of_all(&answers);
                let mut ends = Vec::with_capacity(answers.len());
                for answer in answers {
                    // What answers tell is taken up to the first failure: after it the write does not go on.
                    let is_well = ends.iter().all(|(_, end)| matches!(end, End::Done));
                    ends.push((Vec::new(), self.end_of(batch, run, answer, is_well)));
                }
                self.judge_ends(batch, ends, of_all, &mut together)
            }
            Err(error) => Err(self.stop_of_change(run, error)),
        };
        together.stop = ended.err();
        Some(together)
    }

    async fn carry_out_together(
        &mut self,
        batch: &BatchPlan,
        rows: &mut [Row],
        place: &[String],
        together: &mut Together,
    ) -> Result<(), Stop> {
        self.read_rows(rows).await?;
        for row in rows.iter_mut() {
            self.advance(row, place, together).await?;
        }
        for of_kind in rows.chunk_by_mut(|a, b| a.request.kind == b.request.kind) {
            let mut waiting: Vec<&mut Row> = of_kind
                .iter_mut()
                .filter_map(|row| matches!(row.run.next(), Next::Send { .. }).then_some(row))
                .collect();
            for envelope in waiting.chunks_mut(batch.most()) {
                self.send_rows(batch, envelope, place, together).await?;
            }
        }
        for row in rows.iter_mut() {
            self.finish(row, place, together).await?;
        }
        Ok(())
    }

    /// Reads the rows that must be read before they are written, those of one type together.
    async fn read_rows(&mut self, rows: &mut [Row]) -> Result<(), Stop> {
        for of_kind in rows.chunk_by_mut(|a, b| a.request.kind == b.request.kind) {
            let mut wanted: Vec<(RemoteKey, &mut Row)> = of_kind
                .iter_mut()
                .filter_map(|row| match row.run.next() {
                    Next::Read => Some((row.request.key.clone()?, row)),
                    _ => None,
                })
                .collect();
            let Some((_, first)) = wanted.first() else { continue };
            let (kind, projection) = (first.request.kind, first.run.projection());
            let keys: Vec<RemoteKey> = wanted.iter().map(|(key, _)| key.clone()).collect();
            let reading = self.connector.read_all_fresh(self.context, kind, &keys, &projection);
            let found = match deadline::keep(self.context, reading).await {
                Ok(found) => found,
                Err(error) => return Err(self.stop_of_look(&first.run, error)),
            };
            let mut errors = Vec::new();
            for ((_, row), found) in wanted.iter_mut().zip(found) {
                if let Err(error) = row.run.read(found) {
                    errors.extend(below(&row.path, vec![error]));
                }
            }
            if !errors.is_empty() {
                return Err(Stop::Refused(errors));
            }
        }
        Ok(())
    }

    /// Sends what a row needs besides the request that changes something.
    async fn advance(&mut self, row: &mut Row, place: &[String], together: &mut Together) -> Result<(), Stop> {
        while let Next::Send { step, changes: false } = row.run.next() {
            let at = [place, &row.path].concat();
            let sent = self.send(&row.request, &mut row.run, &step, false, &at).await;
            sent.map_err(|stop| stop.below(&row.path, together))?;
        }
        Ok(())
    }

    /// Sends what a row needs after that.
    async fn finish(&mut self, row: &mut Row, place: &[String], together: &mut Together) -> Result<(), Stop> {
        loop {
            match row.run.next() {
                Next::Done { warnings, .. } => {
                    together.warnings.extend(warnings);
                    return Ok(());
                }
                Next::Send { step, changes } => {
                    let at = [place, &row.path].concat();
                    let sent = self.send(&row.request, &mut row.run, &step, changes, &at).await;
                    sent.map_err(|stop| stop.below(&row.path, together))?;
                    together.has_changed |= changes;
                }
                Next::Read | Next::Write(..) => {
                    let error = Error::new(ErrorKind::Internal, "a row cannot be written to its end");
                    return Err(Stop::Failed(error));
                }
            }
        }
    }

    /// Sends one envelope; what is too little for one, or does not go into one, is sent as it is.
    async fn send_rows(
        &mut self,
        batch: &BatchPlan,
        rows: &mut [&mut Row],
        place: &[String],
        together: &mut Together,
    ) -> Result<(), Stop> {
        let connector = self.connector;
        let Some(resource) = rows
            .first()
            .and_then(|row| connector.blueprint.resource(row.request.kind))
        else {
            return Ok(());
        };
        let access = match deadline::keep(self.context, connector.access(self.context)).await {
            Ok(access) => access,
            Err(error) => return Err(Stop::Failed(error.with_reach(Reach::NotSent))),
        };
        let goes_in = |row: &&mut Row| {
            let plan = row.run.request(&access.variables());
            plan.is_ok_and(|plan| batch.takes_change(&plan))
        };
        if rows.len() < batch.fewest() || !rows.iter().all(goes_in) {
            for row in rows {
                let Next::Send { step, .. } = row.run.next() else {
                    continue;
                };
                let at = [place, &row.path].concat();
                let sent = self.send(&row.request, &mut row.run, &step, true, &at).await;
                sent.map_err(|stop| stop.below(&row.path, together))?;
                together.has_changed = true;
            }
            return Ok(());
        }
        let mut parts: Vec<(String, Run)> = Vec::with_capacity(rows.len());
        for row in rows.iter_mut() {
            if let Next::Send { step, .. } = row.run.next() {
                parts.push((name_of_step(&[place, &row.path].concat(), &step), row.run.clone()));
            }
        }
        let sent = self.send_envelope(batch, resource, access, &parts).await;
        let (answers, of_all) = match sent {
            Ok(answers) => {
                let of_all = batch.is_of_all(&answers);
                (answers, of_all)
            }
            Err(error) => return Err(self.stop_of_envelope(rows, error, together)),
        };
        let ends: Vec<(Vec<String>, End)> = rows
            .iter_mut()
            .zip(answers)
            .map(|(row, answer)| (row.path.clone(), self.end_of(batch, &mut row.run, answer, true)))
            .collect();
        self.judge_ends(batch, ends, of_all, together)
    }

    /// Sends requests in one envelope, each named and by the write that it belongs to, and returns their answers.
    async fn send_envelope(
        &self,
        batch: &BatchPlan,
        resource: &ResourcePlan,
        access: Arc<Access>,
        parts: &[(String, Run)],
    ) -> Result<Vec<Option<Response>>, Error> {
        let connector = self.connector;
        let plan = |access: &Access| {
            let variables = access.variables();
            let plans: Result<Vec<RequestPlan>, Error> = parts.iter().map(|(_, run)| run.request(&variables)).collect();
            let base = connector.blueprint.base();
            let plan = batch.envelope(base, resource.remote(), &plans?, Content::Changes, &variables)?;
            Ok(RequestPlan {
                repeatable: false,
                ..plan
            })
        };
        let departure = NotedParts {
            connector,
            journal: self.journal,
            parts,
        };
        let sent = connector.fetch_changes(self.context, access, plan, &departure, parts.len());
        let (response, pass) = sent.await?;
        let answers = batch
            .answers(&response, parts.len(), Content::Changes)
            .map_err(|error| {
                let status = response.status.as_u16();
                error.with_status(status).with_reach(Reach::Unknown)
            });
        connector.tell(pass, &answers);
        answers
    }

    /// Tells what an answer says of its request. A write takes up only what it can go on with.
    fn end_of(&mut self, batch: &BatchPlan, run: &mut Run, answer: Option<Response>, goes_on: bool) -> End {
        let Some(answer) = answer else {
            return End::InDoubt(in_doubt("the system left the request out of its answer"));
        };
        let connector = self.connector;
        let status = answer.status.as_u16();
        if let Some(error) = connector.blueprint.classify(status, &answer.headers, &answer.body) {
            if batch.only_follows(&answer) {
                return End::Follows(error);
            }
            connector.transport.line().heed_part(&error);
            self.cause = Some(error.clone());
            return match refusal(run, &error) {
                _ if error.leaves_doubt() => End::InDoubt(error),
                Some(Stop::Refused(errors)) => End::Refused(errors),
                _ => End::Failed(error),
            };
        }
        if !goes_on {
            return End::Done;
        }
        match run.answered(&answer) {
            Ok(()) => End::Done,
            Err(error) if error.code == UserErrorCode::InDoubt => {
                End::InDoubt(in_doubt(&error.message).with_status(status).with_reach(Reach::Unknown))
            }
            Err(error) => End::Unmet(vec![error]),
        }
    }

    /// Tells what the ends of the rows of one envelope mean for the write.
    fn judge_ends(
        &mut self,
        batch: &BatchPlan,
        ends: Vec<(Vec<String>, End)>,
        of_all: bool,
        together: &mut Together,
    ) -> Result<(), Stop> {
        let count = ends.len();
        let (mut doubt, mut failed, mut follows, mut done) = (None, None, Vec::new(), false);
        let (mut refused, mut unmet) = (Vec::new(), Vec::new());
        for (path, end) in ends {
            match end {
                End::Done => done = true,
                End::InDoubt(error) => doubt = doubt.or(Some(error)),
                End::Failed(error) => failed = failed.or(Some((path, error))),
                End::Follows(error) => follows.push(error),
                End::Refused(errors) => refused.extend(below(&path, errors)),
                End::Unmet(errors) => unmet.extend(below(&path, errors)),
            }
        }
        let is_refused = failed.is_some() || !refused.is_empty();
        if batch.is_atomic() && is_refused {
            // Of a whole of which a part is refused nothing was carried out, whatever is said of the others.
            (doubt, done) = (None, false);
        } else if follows.len() == count {
            // So it is where all only follow a failure that is not told.
            failed = follows.into_iter().next().map(|error| (Vec::new(), error));
        } else if !follows.is_empty() {
            let message = "the system carried a whole out in part, or does not tell what failed in it";
            doubt = doubt.or_else(|| Some(in_doubt(message)));
        }
        refused.append(&mut unmet);
        together.has_changed |= done;
        if let Some(error) = doubt {
            return Err(Stop::InDoubt(error));
        }
        // One answer for several requests need not speak of the one in whose place it stands.
        if of_all {
            refused.iter_mut().for_each(|error| error.path.clear());
        }
        match (refused.is_empty(), failed) {
            (true, None) => Ok(()),
            (true, Some((path, error))) => {
                together.failed_at = if of_all { Vec::new() } else { path };
                Err(Stop::Failed(error))
            }
            (false, _) => Err(Stop::Refused(refused)),
        }
    }

    /// What an envelope that failed as a whole means: that of its own request, for all rows in it.
    fn stop_of_envelope(&mut self, rows: &[&mut Row], error: Error, together: &mut Together) -> Stop {
        let Some(row) = rows.first() else {
            return Stop::Failed(error);
        };
        match self.stop_of_change(&row.run, error) {
            Stop::Refused(mut errors) => {
                errors.iter_mut().for_each(|error| error.path.clear());
                Stop::Refused(errors)
            }
            Stop::Failed(error) => {
                together.failed_at.clone_from(&row.path);
                Stop::Failed(error)
            }
            stop => stop,
        }
    }
}

fn in_doubt(message: &str) -> Error {
    Error::new(ErrorKind::MalformedResponse, message).with_reach(Reach::Unknown)
}

impl Stop {
    /// Puts the place of a row before what it tells.
    fn below(self, path: &[String], together: &mut Together) -> Self {
        match self {
            Self::Refused(errors) => Self::Refused(below(path, errors)),
            Self::Failed(error) => {
                together.failed_at = path.to_vec();
                Self::Failed(error)
            }
            stop => stop,
        }
    }
}

/// Has the requests of an envelope written down before it leaves, each as it stands in it.
struct NotedParts<'a> {
    connector: &'a Connector,
    journal: &'a dyn Journal,
    parts: &'a [(String, Run)],
}

impl Departure for NotedParts<'_> {
    fn leaving<'l>(
        &'l self,
        _: &'l RequestPlan,
        access: &'l Access,
        headers: &'l HeaderMap,
    ) -> BoxFuture<'l, Result<(), Error>> {
        async move {
            let mark = self.connector.blueprint.anti_forgery().map(|wanted| wanted.header());
            for (step, run) in self.parts {
                let plan = run.request(&access.variables())?;
                let shown = write_shown::show(step, &plan, access, headers, mark);
                self.journal.sending(&shown).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
