//! Looks records up by keys: out of a kept list, in envelopes, or in chunks, several at the same time, each page by
//! page.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lineshaft_schema::{Projection, Record, RemoteKey};

use super::{
    Connector,
    batched::{Outcome, Shared},
    page::Asked,
};
use crate::{
    blueprint::{ResourcePlan, labels::Tables},
    context::CallContext,
    error::{Error, ErrorKind},
    request::{LookUp, PlannedLookUp, RequestPlan},
    transport::Access,
};

impl Connector {
    /// Looks keys up and returns the records of each chunk and whether it stopped early.
    pub(super) async fn look_up(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        by: LookUp,
        keys: &[RemoteKey],
        projection: &Projection,
        most: usize,
    ) -> Result<(Vec<Vec<Record>>, bool), Error> {
        let (outcome, truncated) = self
            .look_up_apart(context, resource, by, keys, projection, most)
            .await?;
        Ok((outcome.whole()?, truncated))
    }

    /// Looks keys up in chunks, several at the same time. Where requests go together in envelopes, those that failed do
    /// not fail the others.
    pub(super) async fn look_up_apart(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        by: LookUp,
        keys: &[RemoteKey],
        projection: &Projection,
        most: usize,
    ) -> Result<(Outcome, bool), Error> {
        if keys.is_empty() {
            return Ok((Outcome::default(), false));
        }
        if by == LookUp::Key
            && let Some(kept) = resource.kept_list()
        {
            let records = self.look_up_listed(context, resource, kept, keys, projection).await?;
            let outcome = Outcome {
                records: vec![records],
                failed: Vec::new(),
            };
            return Ok((outcome, false));
        }
        let tables = self.tables(context, resource, projection).await?;
        let access = self.access(context).await?;
        let chunks = resource.plan_look_ups(by, keys, projection, &access.variables())?;
        let bound = Bound::new(most);
        let batch = self.blueprint.batch_of(resource);
        let is_alone = |chunk: &PlannedLookUp| chunk.single || resource.asks_for_one_parent(by);
        if let Some(batch) = batch.filter(|batch| {
            let go_together = |chunk| is_alone(chunk) && batch.takes(&chunk.plan);
            chunks.len() >= batch.fewest() && chunks.iter().all(go_together)
        }) {
            let shared = Shared {
                context,
                resource,
                batch,
                bound: &bound,
                tables: &tables,
            };
            let outcome = self.look_up_batched(shared, access, chunks).await?;
            return Ok((outcome, bound.truncated.into_inner()));
        }
        let records = stream::iter(chunks)
            .map(|chunk| self.chunk(context, &access, resource, chunk, &bound, &tables))
            .buffer_unordered(self.transport.line().width())
            .try_collect()
            .await?;
        let outcome = Outcome {
            records,
            failed: Vec::new(),
        };
        Ok((outcome, bound.truncated.into_inner()))
    }

    /// Reads one chunk of a look-up, page by page.
    pub(super) async fn chunk(
        &self,
        context: &CallContext,
        access: &Arc<Access>,
        resource: &ResourcePlan,
        mut look_up: PlannedLookUp,
        bound: &Bound,
        tables: &Arc<Tables>,
    ) -> Result<Vec<Record>, Error> {
        let mut access = Arc::clone(access);
        let mut records = Vec::new();
        loop {
            let planned_with = &*access;
            let plan = |now: &Access| {
                if std::ptr::eq(now, planned_with) {
                    Ok(look_up.plan.clone())
                } else {
                    plan_again(resource, &look_up, now)
                }
            };
            let mut page = match self
                .page_with(context, Arc::clone(&access), plan, Asked::LookUp(&look_up), tables)
                .await
            {
                Err(error) if look_up.single && error.kind() == ErrorKind::NotFound => return Ok(records),
                page => page?,
            };
            let has_room = bound.take(page.records.len());
            records.append(&mut page.records);
            let Some(next) = page.next else { return Ok(records) };
            if !has_room {
                bound.truncate();
                return Ok(records);
            }
            access = self.access(context).await?;
            look_up = resource.next_look_up(look_up, next, &access.variables())?;
        }
    }
}

/// Bounds the records of one operation over all its chunks.
pub(super) struct Bound {
    left: AtomicUsize,
    truncated: AtomicBool,
}

impl Bound {
    const fn new(most: usize) -> Self {
        Self {
            left: AtomicUsize::new(most),
            truncated: AtomicBool::new(false),
        }
    }

    /// Takes room for records and returns whether there is room for more.
    pub(super) fn take(&self, count: usize) -> bool {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some(left.saturating_sub(count))
        });
        before.is_ok_and(|before| before > count)
    }

    /// Notes that there is more than is read.
    pub(super) fn truncate(&self) {
        self.truncated.store(true, Ordering::Relaxed);
    }
}

pub(super) fn plan_again(
    resource: &ResourcePlan,
    look_up: &PlannedLookUp,
    access: &Access,
) -> Result<RequestPlan, Error> {
    let variables = access.variables();
    if let Some(page) = &look_up.request.page {
        return resource
            .next_look_up(look_up.clone(), page.clone(), &variables)
            .map(|look_up| look_up.plan);
    }
    let mut chunks = resource.plan_look_ups(look_up.by, &look_up.keys, &look_up.request.projection, &variables)?;
    match (chunks.pop(), chunks.is_empty()) {
        (Some(chunk), true) => Ok(chunk.plan),
        _ => Err(Error::new(
            ErrorKind::SessionExpired,
            "the session ended and the look-up cannot be planned the same way",
        )),
    }
}
