//! Writes: carries them out, tries them without sending what changes something, and tells what a system can write.

use std::{borrow::Cow, sync::Arc};

use lineshaft_schema::TypeIndex;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    Connector,
    write_run::{Writer, way_to},
    write_shown,
};
use crate::{
    context::CallContext,
    error::Error,
    layers::{breaker::Pass, capability, trace},
    request::RequestPlan,
    store::Operation,
    transport::{Access, Response},
    write::{Journal, Next, Reply, Run, ShownRequest, UserError, WriteCapability, WriteRequest},
};

impl Connector {
    /// Returns what it can write of a type; none when it can write nothing.
    #[must_use]
    pub fn writes(&self, kind: TypeIndex) -> Option<&WriteCapability> {
        self.blueprint.writes(kind)
    }

    /// Carries a write out.
    ///
    /// Every request that changes something is given to the journal before it leaves, and leaves only when the journal
    /// has taken it. It is sent once; it is sent again only after the system said that it refused the sign-in or the
    /// anti-forgery mark, which the journal is told as well.
    ///
    /// The deadline of the context counts until a request has left: one that changes something is then waited for, for
    /// the whole time of an attempt, and what was begun may be taken back in the same time and a little more. A write
    /// can so outlast its deadline by three attempts at most. Nothing goes on in the background: when this future is
    /// dropped after the journal has taken a request, the journal is all that is left and the outcome is unknown, so
    /// whoever calls it runs it to its end on a task of their own, and settles what the journal shows as sent after a
    /// crash.
    pub async fn write(&self, context: &CallContext, request: &WriteRequest, journal: &dyn Journal) -> Reply {
        let context = context.child();
        let started = Instant::now();
        let kind = capability::name_of(&self.blueprint, request.kind);
        let span = trace::span(&context, self.id, self.connector_id(), Operation::Write, kind);
        async {
            let mut writer = Writer::new(self, &context, journal);
            let reply = match self.blueprint.within(request) {
                Some(Ok(within)) => self.write_part(&context, &mut writer, request, &within).await,
                Some(Err(errors)) => Reply::Refused(errors),
                None => writer.write(request, Vec::new()).await,
            };
            self.note(&context, Operation::Write, kind, started, writer.failure(&reply));
            reply
        }
        .instrument(span)
        .await
    }

    /// Tells which requests a write would send, without sending any that changes something. Reads the record
    /// first where it can be read, and checks its version and the states in which the write is allowed.
    ///
    /// # Errors
    /// Returns why the record could not be read, or what the requests lack.
    pub async fn dry_run(
        &self,
        context: &CallContext,
        request: &WriteRequest,
    ) -> Result<Result<Vec<ShownRequest>, Vec<UserError>>, Error> {
        let within = match self.blueprint.within(request).transpose() {
            Ok(within) => within,
            Err(errors) => return Ok(Err(errors)),
        };
        let request = within.as_ref().map_or(request, |within| &within.request);
        let told = |errors: Vec<UserError>| match &within {
            Some(within) => within.told(errors),
            None => errors,
        };
        let mut coded = Cow::Borrowed(request);
        if self.writes_labels(request) {
            let coding = async |context: &CallContext| self.with_written_codes(context, request).await;
            match self
                .operate(context, Operation::Write, Some(request.kind), coding)
                .await?
            {
                Ok(written) => coded = written,
                Err(errors) => return Ok(Err(told(errors))),
            }
        }
        let request = coded.as_ref();
        let mut run = match Run::start(&self.blueprint, request, self.clock.now()) {
            Ok(run) => run,
            Err(errors) => return Ok(Err(told(errors))),
        };
        let resource = self.blueprint.resource(request.kind);
        let is_readable = |key| resource.is_some_and(|resource| way_to(resource, key).is_some());
        if request.key.as_ref().is_some_and(is_readable) {
            run.rehearse();
        }
        let rehearse = async |context: &CallContext| {
            if let Some(error) = self.missing_owner(context, request).await? {
                return Ok(Err(told(vec![error])));
            }
            let foreign = self.foreign_rows(context, &run).await?;
            if !foreign.is_empty() {
                return Ok(Err(told(foreign)));
            }
            while run.next() == Next::Read {
                let Some(key) = &request.key else { break };
                let found = self.read_fresh(context, request.kind, key, &run.projection()).await?;
                if let Err(error) = run.read(found) {
                    return Ok(Err(told(vec![error])));
                }
            }
            let access = self.access(context).await?;
            let mark = self.blueprint.anti_forgery().map(|wanted| wanted.header());
            let plans = run.dry(&access.variables())?;
            let shown = plans.iter().map(|(step, plan)| {
                let mark = mark.filter(|_| !plan.repeatable);
                let signed = access.sign(plan, access.headers())?;
                let headers = signed.as_ref().map_or(access.headers(), |signed| &signed.headers);
                Ok(write_shown::show(step, plan, &access, headers, mark))
            });
            Ok(Ok(shown.collect::<Result<_, Error>>()?))
        };
        self.operate(context, Operation::Write, Some(request.kind), rehearse)
            .await
    }

    /// Signs in and sends a request that changes nothing.
    pub(super) async fn look(
        &self,
        context: &CallContext,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
    ) -> Result<(Arc<Response>, Pass<'_>), Error> {
        let access = self.access(context).await?;
        self.fetch(context, access, plan).await
    }
}
