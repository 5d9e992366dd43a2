//! One live connection: reads pages, records, children and counts of one customer's system, and writes to it.

mod batched;
mod discover;
mod fetch;
mod kept;
mod labelled;
mod listed;
mod look_up;
mod page;
mod parts;
mod raw;
mod resume;
mod sorted;
mod write;
mod write_part;
mod write_run;
mod write_settle;
mod write_shown;
mod write_together;

#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod discover_tests;
#[cfg(test)]
mod labelled_tests;
#[cfg(test)]
mod listed_tests;
#[cfg(test)]
mod raw_tests;
#[cfg(test)]
mod sorted_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_tests;
#[cfg(test)]
mod wrapped_tests;
#[cfg(test)]
mod write_settle_tests;
#[cfg(test)]
mod write_testing;
#[cfg(test)]
mod write_tests;
#[cfg(test)]
mod write_together_tests;
#[cfg(test)]
mod xml_tests;

pub(crate) use page::LARGE_BODY;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use chrono::{DateTime, Utc};
use lineshaft_schema::{ConnectionId, FieldIndex, Filter, KeyMap, Projection, Record, RemoteKey, TypeIndex};
use serde_json::{Map, Value};
use tokio::time::Instant;
use tracing::Instrument as _;
use url::Url;

use crate::{
    blueprint::{Blueprint, ResourcePlan},
    capability::Capability,
    context::CallContext,
    error::{Error, ErrorKind},
    layers::{
        breaker::{Breaker, State},
        capability, deadline,
        observe::{self, Meter},
        trace,
    },
    request::{ListPage, ListRequest, LookUp},
    store::{Clock, Observation, Observer, Operation},
    transport::{
        Access, Farewell, Line, Transport,
        authorize::{self, Authorizer},
    },
};
use page::Asked;
pub(crate) use parts::complete;
pub use parts::{Children, Found, Health, Identity, Options, Parts, Sample};
pub use raw::RawResponse;

#[derive(Debug, Default)]
struct Last {
    success: Option<DateTime<Utc>>,
    error: Option<(DateTime<Utc>, Error)>,
}

/// What was last told of the breaker.
#[derive(Debug, Default)]
struct Shown {
    open: AtomicBool,
    telling: Mutex<()>,
}

/// One live connection. Clones are the same connection.
#[derive(Clone)]
pub struct Connector {
    id: ConnectionId,
    blueprint: Arc<Blueprint>,
    settings: Arc<Map<String, Value>>,
    transport: Arc<Transport>,
    breaker: Arc<Breaker>,
    shown: Arc<Shown>,
    meter: Meter,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    most_children: usize,
    known: Arc<discover::Known>,
    memory: Arc<listed::Memory>,
    last: Arc<Mutex<Last>>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("id", &self.id)
            .field("connector", &self.connector_id())
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Makes a connection. Nothing is sent yet.
    ///
    /// # Errors
    /// Returns `InvalidSettings` when a required setting is missing.
    pub fn new(parts: Parts) -> Result<Self, Error> {
        let settings = complete(&parts.blueprint, parts.settings)?;
        let invalid = |message| Error::new(ErrorKind::InvalidSettings, message);
        let blueprint = Arc::new(parts.blueprint.with_settings(&settings).map_err(invalid)?);
        let meter = Meter::new(parts.id.to_string(), blueprint.manifest().id.clone());
        let breaker = Arc::new(Breaker::new(parts.options.breaker));
        let line = Arc::new(Line::new(
            parts.wire,
            Arc::clone(&blueprint),
            Arc::clone(&breaker),
            meter.clone(),
            parts.options.limits,
            parts.options.retry,
        ));
        let settings = Arc::new(settings);
        let authorizer = Authorizer::new(authorize::Parts {
            connection: parts.id,
            line: Arc::clone(&line),
            blueprint: Arc::clone(&blueprint),
            settings: Arc::clone(&settings),
            store: parts.credentials,
            observer: Arc::clone(&parts.observer),
            clock: Arc::clone(&parts.clock),
        });
        Ok(Self {
            id: parts.id,
            blueprint,
            settings,
            transport: Arc::new(Transport::new(line, Arc::new(authorizer))),
            breaker,
            shown: Arc::default(),
            meter,
            observer: parts.observer,
            clock: parts.clock,
            most_children: parts.options.most_children,
            known: Arc::default(),
            memory: Arc::default(),
            last: Arc::default(),
        })
    }

    /// Returns the same connection with other plans for its types, such as with mappings that a customer changed. Sign-in,
    /// limits and breaker are shared.
    ///
    /// # Errors
    /// Returns `InvalidSettings` when the settings do not fit the plans.
    pub fn with_blueprint(&self, blueprint: &Blueprint) -> Result<Self, Error> {
        let invalid = |message| Error::new(ErrorKind::InvalidSettings, message);
        Ok(Self {
            blueprint: Arc::new(blueprint.with_settings(&self.settings).map_err(invalid)?),
            ..self.clone()
        })
    }

    /// Returns the id of the connection.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Returns the id of its connector.
    #[must_use]
    pub fn connector_id(&self) -> &str {
        &self.blueprint.manifest().id
    }

    /// Returns its compiled connector.
    #[must_use]
    pub const fn blueprint(&self) -> &Arc<Blueprint> {
        &self.blueprint
    }

    /// Returns what it offers for a type.
    #[must_use]
    pub fn capabilities(&self, kind: TypeIndex) -> Option<&Capability> {
        self.blueprint.resource(kind).map(ResourcePlan::capability)
    }

    /// Returns the address below which its requests go.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn base_url(&self) -> Result<Url, Error> {
        self.blueprint.base_url(&self.settings)
    }

    /// Iterates over the types that it can list.
    pub fn kinds(&self) -> impl Iterator<Item = TypeIndex> {
        let capabilities = self.blueprint.resources().map(ResourcePlan::capability);
        capabilities
            .filter(|capability| capability.list)
            .map(|capability| capability.kind)
    }

    /// Reads one page of a list.
    ///
    /// # Errors
    /// Returns why the page could not be read.
    pub async fn list(&self, context: &CallContext, request: ListRequest) -> Result<ListPage, Error> {
        let kind = request.kind;
        let run = async |context: &CallContext| {
            let resource = capability::require(&self.blueprint, kind, "list", |capability| capability.list)?;
            let Some(request) = self.with_codes(context, resource, &request).await? else {
                return Ok(ListPage::empty());
            };
            let mut page = resource.one_page(&request, self.sorted_page(context, resource, &request).await?);
            page.records = self.whole(context, resource, &request.projection, page.records).await?;
            Ok(page)
        };
        self.operate(context, Operation::List, Some(kind), run).await
    }

    /// Reads records by their keys. Keys without a record are absent from the answer.
    ///
    /// # Errors
    /// Returns why the records could not be read; then there are none.
    pub async fn get_many(
        &self,
        context: &CallContext,
        kind: TypeIndex,
        keys: &[RemoteKey],
        projection: &Projection,
    ) -> Result<KeyMap<Arc<Record>>, Error> {
        let found = self.get_many_apart(context, kind, keys, projection).await?;
        match found.failed.into_values().next() {
            Some(error) => Err(error),
            None => Ok(found.records),
        }
    }

    /// Reads records by their keys, and tells of those that failed while others were read: parts of an envelope fail on
    /// their own. Keys without a record are absent from both.
    ///
    /// # Errors
    /// Returns why none of the records could be read.
    pub async fn get_many_apart(
        &self,
        context: &CallContext,
        kind: TypeIndex,
        keys: &[RemoteKey],
        projection: &Projection,
    ) -> Result<Found, Error> {
        let run = async |context: &CallContext| {
            let resource = capability::require(&self.blueprint, kind, "look up", |capability| {
                capability.get_many.is_some()
            })?;
            let (outcome, _) = self
                .look_up_apart(context, resource, LookUp::Key, keys, projection, usize::MAX)
                .await?;
            if outcome.records.is_empty()
                && let Some((_, error)) = outcome.failed.first()
            {
                return Err(error.clone());
            }
            let records = outcome.records.into_iter().flatten();
            let failed = outcome.failed.into_iter();
            Ok(Found {
                records: records.map(|record| (record.key.clone(), Arc::new(record))).collect(),
                failed: failed
                    .flat_map(|(keys, error)| keys.into_iter().map(move |key| (key, error.clone())))
                    .collect(),
            })
        };
        self.operate(context, Operation::GetMany, Some(kind), run).await
    }

    /// Reads the records whose reference field `by` names one of the parents, to the end or to the limit of one operation.
    ///
    /// # Errors
    /// Returns why the records could not be read; then there are none.
    pub async fn children(
        &self,
        context: &CallContext,
        kind: TypeIndex,
        by: FieldIndex,
        parents: &[RemoteKey],
        projection: &Projection,
    ) -> Result<Children, Error> {
        let run = async |context: &CallContext| {
            let offers = |capability: &Capability| capability::has_children_by(capability, by);
            let resource = capability::require(&self.blueprint, kind, "look up by parent", offers)?;
            let look_up = LookUp::Field(by);
            let (chunks, truncated) = self
                .look_up(context, resource, look_up, parents, projection, self.most_children)
                .await?;
            let records = chunks
                .into_iter()
                .flatten()
                .take(self.most_children)
                .map(Arc::new)
                .collect();
            Ok(Children { records, truncated })
        };
        self.operate(context, Operation::Children, Some(kind), run).await
    }

    /// Counts the records that match a request's filter. None when the system does not tell.
    ///
    /// # Errors
    /// Returns why they could not be counted.
    pub async fn count(&self, context: &CallContext, request: &ListRequest) -> Result<Option<u64>, Error> {
        let run = async |context: &CallContext| {
            let resource = capability::require(&self.blueprint, request.kind, "list", |capability| capability.list)?;
            if !resource.capability().count {
                return Ok(None);
            }
            let Some(request) = self.with_codes(context, resource, request).await? else {
                return Ok(Some(0));
            };
            let access = self.access(context).await?;
            let plan = |access: &Access| {
                let plan = resource.plan_count(&request, &access.variables())?;
                plan.ok_or_else(|| Error::new(ErrorKind::NotSupported, "the system cannot count"))
            };
            let (response, pass) = match self.fetch(context, access, plan).await {
                Err(error) if error.nothing_found() => return Ok(Some(0)),
                fetched => fetched?,
            };
            let count = resource.read_count(&response.body, &response.headers);
            self.tell(pass, &count);
            count.map(Some)
        };
        self.operate(context, Operation::Count, Some(request.kind), run).await
    }

    /// Tries the credentials and tells whose account they open.
    ///
    /// # Errors
    /// Returns why they do not work.
    pub async fn probe(&self, context: &CallContext) -> Result<Identity, Error> {
        let run = async |context: &CallContext| {
            let access = self.access(context).await?;
            let plan = |access: &Access| self.blueprint.plan_probe(&access.variables());
            let (response, pass) = self.fetch(context, Arc::clone(&access), plan).await?;
            let identity = self
                .blueprint
                .read_probe(&response.body, &access.variables())
                .map(|account| Identity { account });
            self.tell(pass, &identity);
            identity
        };
        self.operate(context, Operation::Probe, None, run).await
    }

    /// Tries whether the account may list a type, with as little as possible.
    ///
    /// # Errors
    /// Returns why it may not, or why that cannot be told.
    pub async fn check(&self, context: &CallContext, kind: TypeIndex) -> Result<Sample, Error> {
        let started = Instant::now();
        let request = ListRequest {
            kind,
            filter: Filter::always(),
            order: None,
            after: None,
            limit: 1,
            projection: Projection::default(),
            count: false,
            page: None,
        };
        let run = async |context: &CallContext| {
            let resource = capability::require(&self.blueprint, kind, "list", |capability| capability.list)?;
            let access = self.access(context).await?;
            let plan = |access: &Access| resource.plan_list(&request, &access.variables());
            self.page(context, access, plan, Asked::List(&request)).await
        };
        let page = self.operate(context, Operation::Check, Some(kind), run).await?;
        Ok(Sample {
            records: page.records.len(),
            latency: started.elapsed(),
        })
    }

    /// Sends the probe when calls are held back and it is time to see whether the system is back. Returns where the
    /// breaker stands afterwards.
    pub async fn try_again(&self, context: &CallContext) -> State {
        if self.breaker.is_due() {
            // How it went is told to the breaker and the observer.
            let _ = self.probe(context).await;
        }
        self.breaker.state()
    }

    /// Returns the session that the system counts, to be given up when the connection is gone; nothing when there is none
    /// or the system wants no such word. It can still be sent when the credentials are deleted.
    pub async fn farewell(&self) -> Option<Farewell> {
        self.transport.authorizer().farewell().await
    }

    /// Gives up the session that it uses, aside, because other credentials took the place of its own.
    pub fn give_up(&self) {
        self.transport.authorizer().leave();
    }

    /// Takes up replaced credentials with the next call.
    pub fn reload_credentials(&self) {
        self.forget_kept(None);
        self.transport.authorizer().forget();
    }

    /// Tells how the connection has fared since it was made.
    #[must_use]
    pub fn health(&self) -> Health {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Health {
            breaker: self.breaker.state(),
            open_until: self.breaker.open_until().map(|until| self.time_of_day(until)),
            rate_limited_until: self
                .transport
                .line()
                .paused_until()
                .map(|until| self.time_of_day(until)),
            credentials_refused: self.transport.authorizer().is_refused(),
            last_success: last.success,
            last_error: last.error.clone(),
        }
    }

    fn time_of_day(&self, moment: Instant) -> DateTime<Utc> {
        let ahead = moment.saturating_duration_since(Instant::now());
        self.clock.now() + chrono::TimeDelta::from_std(ahead).unwrap_or_default()
    }

    /// Runs one operation inside its layers.
    async fn operate<T>(
        &self,
        context: &CallContext,
        operation: Operation,
        kind: Option<TypeIndex>,
        run: impl AsyncFnOnce(&CallContext) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let context = context.child();
        let started = Instant::now();
        let kind = kind.and_then(|kind| capability::name_of(&self.blueprint, kind));
        let span = trace::span(&context, self.id, self.connector_id(), operation, kind);
        async {
            let result = deadline::keep(&context, run(&context)).await;
            self.note(&context, operation, kind, started, result.as_ref().err());
            result
        }
        .instrument(span)
        .await
    }

    /// Remembers how an operation went, and tells it to the observer.
    fn note(
        &self,
        context: &CallContext,
        operation: Operation,
        kind: Option<&str>,
        started: Instant,
        error: Option<&Error>,
    ) {
        let now = self.clock.now();
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            match error {
                None => last.success = Some(now),
                Some(error) => last.error = Some((now, error.clone())),
            }
        }
        let observation = Observation {
            connection: self.id,
            operation,
            kind,
            error,
            latency: started.elapsed(),
            calls: context.calls(),
        };
        observe::tell(&*self.observer, &observation);
    }
}

#[cfg(test)]
impl Connector {
    pub(crate) fn transport_for_tests(&self) -> &Transport {
        &self.transport
    }
}
