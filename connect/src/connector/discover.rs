//! Asks a system what it has: its objects, their fields, and some of their rows as they are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lineshaft_schema::{Filter, Projection, TypeIndex};
use tokio::time::Instant;

use super::Connector;
use crate::{
    blueprint::ResourcePlan,
    context::CallContext,
    describe::{Described, DescribedField, RemoteObject, ValueKind},
    error::{Error, ErrorKind},
    layers::capability,
    request::{ListRequest, RequestPlan},
    store::Operation,
    transport::Access,
};

/// How long what a system tells of itself is kept.
const KNOWLEDGE_LASTS: Duration = Duration::from_secs(60 * 60);

/// Most objects whose fields are kept at a time.
const MOST_KEPT: usize = 200;

/// Most bytes of the name of an object.
const MOST_NAME: usize = 200;

/// Most rows that are looked at.
const MOST_ROWS: u32 = 100;

impl Connector {
    /// Returns whether the system tells which objects it has.
    #[must_use]
    pub fn lists_objects(&self) -> bool {
        self.blueprint.discovery().lists()
    }

    /// Lists the objects of the system whose name or label has a text in it; all without one. There are none when the
    /// system does not tell; then they are called by name. Where the system itself cannot search, what it told is kept
    /// for an hour.
    ///
    /// # Errors
    /// Returns why it could not be asked.
    pub async fn objects(&self, context: &CallContext, search: Option<&str>) -> Result<Vec<RemoteObject>, Error> {
        let search = search.unwrap_or_default().trim();
        if self.blueprint.discovery().searches() {
            let ask = async |context: &CallContext| self.ask_for_objects(context, search).await;
            return self.operate(context, Operation::Describe, None, ask).await;
        }
        let all = self.all_objects(context).await?;
        let wanted = search.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        let fits = |object: &&RemoteObject| has(&object.name) || object.label.as_deref().is_some_and(has);
        Ok(all.iter().filter(fits).cloned().collect())
    }

    /// Returns all objects, as they were told last.
    async fn all_objects(&self, context: &CallContext) -> Result<Arc<Vec<RemoteObject>>, Error> {
        if !self.lists_objects() {
            return Ok(Arc::default());
        }
        if let Some(objects) = self.known.objects() {
            return Ok(objects);
        }
        let ask = async |context: &CallContext| self.ask_for_objects(context, "").await;
        let objects = Arc::new(self.operate(context, Operation::Describe, None, ask).await?);
        self.known.put_objects(Arc::clone(&objects));
        Ok(objects)
    }

    async fn ask_for_objects(&self, context: &CallContext, search: &str) -> Result<Vec<RemoteObject>, Error> {
        if !self.lists_objects() {
            return Ok(Vec::new());
        }
        let plan = |access: &Access| {
            let plan = self.blueprint.plan_objects(search, &access.variables());
            plan.unwrap_or_else(|| Err(untold()))
        };
        let access = self.access(context).await?;
        let (response, pass) = self.fetch(context, Arc::clone(&access), plan).await?;
        let objects = self.blueprint.read_objects(&response.body, &access.variables());
        self.tell(pass, &objects);
        objects
    }

    /// Asks the system which fields it has for a type; none when it does not tell. The answer is kept for an hour.
    ///
    /// # Errors
    /// Returns why it could not be asked.
    pub async fn describe(&self, context: &CallContext, kind: TypeIndex) -> Result<Option<Described>, Error> {
        let Some(resource) = self.blueprint.resource(kind) else {
            return Ok(None);
        };
        if describes(resource) {
            return self.describe_resource(context, resource).await.map(Some);
        }
        self.describe_by_name(context, resource.remote(), Some(kind)).await
    }

    /// Asks the system which fields an object has; none when it does not tell. Objects that a mapping names are asked
    /// for as the mapping says. The answer is kept for an hour.
    ///
    /// # Errors
    /// Returns why it could not be asked: `NotFound`, `NotSupported` or `MalformedResponse` when there is no such object,
    /// depending on the system.
    pub async fn describe_object(&self, context: &CallContext, remote: &str) -> Result<Option<Described>, Error> {
        self.check_name(remote)?;
        let mut resources = self.blueprint.resources();
        let own = resources.find(|resource| resource.remote() == remote && describes(resource));
        match own {
            Some(resource) => self.describe_resource(context, resource).await.map(Some),
            None => self.describe_by_name(context, remote, None).await,
        }
    }

    /// Refuses names that no object has, and objects that nobody looks at.
    fn check_name(&self, remote: &str) -> Result<(), Error> {
        let is_name = self.blueprint.may_ask_for(remote)
            && !remote.trim().is_empty()
            && remote.len() <= MOST_NAME
            && !remote.contains("..")
            && !remote
                .chars()
                .any(|sign| sign.is_control() || matches!(sign, '\'' | '"' | '?' | '#' | '\\'));
        match is_name {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::NotFound, "there is no object of this name")),
        }
    }

    async fn describe_resource(&self, context: &CallContext, resource: &ResourcePlan) -> Result<Described, Error> {
        if let Some(described) = self.known.fields(resource.remote()) {
            return Ok(described);
        }
        let ask = async |context: &CallContext| {
            let plan = |access: &Access| {
                let plan = resource.plan_describe(&access.variables());
                plan.unwrap_or_else(|| Err(untold()))
            };
            let (response, pass) = self.look(context, plan).await?;
            let described = resource.read_description(&response.body);
            self.tell(pass, &described);
            described
        };
        let kind = Some(resource.kind());
        let described = self.operate(context, Operation::Describe, kind, ask).await?;
        self.known.put_fields(resource.remote(), Arc::clone(&described));
        Ok(described)
    }

    async fn describe_by_name(
        &self,
        context: &CallContext,
        remote: &str,
        kind: Option<TypeIndex>,
    ) -> Result<Option<Described>, Error> {
        let Some(describe) = self.blueprint.discovery().describe() else {
            return Ok(None);
        };
        if let Some(described) = self.known.fields(remote) {
            return Ok(Some(described));
        }
        let mut described_as = None;
        if describe.uses_described_as() {
            let objects = self.all_objects(context).await?;
            let object = objects.iter().find(|object| object.name == remote);
            described_as = object.and_then(|object| object.described_as.clone());
        }
        let described_as = described_as.as_deref().unwrap_or(remote);
        let base = self.blueprint.base();
        let ask = async |context: &CallContext| {
            let access = self.access(context).await?;
            // The names of some mapped objects say nothing of where they are described.
            if kind.is_some() && describe.plan(base, remote, described_as, &access.variables()).is_err() {
                return Ok(None);
            }
            let plan = |access: &Access| describe.plan(base, remote, described_as, &access.variables());
            let (response, pass) = self.fetch(context, access, plan).await?;
            let described = describe.read(remote, &response.body);
            self.tell(pass, &described);
            described.map(Some)
        };
        let described = self.operate(context, Operation::Describe, kind, ask).await?;
        if let Some(described) = &described {
            self.known.put_fields(remote, Arc::clone(described));
        }
        Ok(described)
    }

    /// Reads some rows of a type as they are, without mapping them.
    ///
    /// # Errors
    /// Returns why they could not be read.
    pub async fn sample_rows(&self, context: &CallContext, kind: TypeIndex, most: u32) -> Result<Vec<Arc<str>>, Error> {
        let resource = capability::require(&self.blueprint, kind, "list", |capability| capability.list)?;
        let widened;
        // Of what is looked at for its mapping only, nothing is asked for besides what is mapped.
        let is_wide = self.blueprint.needs_names(Some(kind)) && self.blueprint.may_ask_for(resource.remote());
        let resource = match is_wide {
            true => {
                let described = self.describe(context, kind).await?;
                let names = described.as_deref().map(names_of).unwrap_or_default();
                widened = self.blueprint.widened(resource, &names, &self.settings)?;
                &widened
            }
            false => resource,
        };
        let mut projection = resource.mapping().definition().map(Projection::all).unwrap_or_default();
        projection.custom = true;
        projection.raw = true;
        self.sample(context, resource, Some(kind), projection, most).await
    }

    /// Reads some rows of an object that no mapping needs to know.
    ///
    /// # Errors
    /// Returns why they could not be read; `NotSupported` when the connector cannot read such objects.
    pub async fn sample_object(&self, context: &CallContext, remote: &str, most: u32) -> Result<Vec<Arc<str>>, Error> {
        self.check_name(remote)?;
        let mut names = Vec::new();
        if self.blueprint.needs_names(None) {
            let described = self.describe_object(context, remote).await?;
            names = described.as_deref().map(names_of).unwrap_or_default();
        }
        let resource = self.blueprint.sampled_object(remote, &names, &self.settings)?;
        let mut projection = Projection::default();
        projection.custom = true;
        projection.raw = true;
        self.sample(context, &resource, None, projection, most).await
    }

    async fn sample(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        kind: Option<TypeIndex>,
        projection: Projection,
        most: u32,
    ) -> Result<Vec<Arc<str>>, Error> {
        let most = most.clamp(1, MOST_ROWS);
        let request = ListRequest {
            kind: resource.kind(),
            filter: Filter::always(),
            order: None,
            after: None,
            limit: most,
            projection,
            count: false,
            page: None,
        };
        let read = async |context: &CallContext| {
            let plan =
                |access: &Access| -> Result<RequestPlan, Error> { resource.plan_list(&request, &access.variables()) };
            let (response, pass) = self.look(context, plan).await?;
            let rows = resource.read_raw(&response.body, usize::try_from(most).unwrap_or(usize::MAX));
            self.tell(pass, &rows);
            rows
        };
        self.operate(context, Operation::Describe, kind, read).await
    }

    /// Forgets what the system told of its objects and fields, so that it is asked anew.
    pub fn forget_descriptions(&self) {
        self.known.forget();
    }
}

fn describes(resource: &ResourcePlan) -> bool {
    resource.writes().is_some_and(|writes| writes.described)
}

/// Returns the names that are worth asking for: files are not looked at.
fn names_of(described: &indexmap::IndexMap<String, DescribedField>) -> Vec<String> {
    let is_file = |field: &DescribedField| field.value_kind.is_none() && field.kind.as_deref() == Some("binary");
    let is_list = |field: &DescribedField| field.value_kind == Some(ValueKind::List);
    let (lists, values): (Vec<_>, Vec<_>) = described
        .values()
        .filter(|field| !is_file(field))
        .partition(|field| is_list(field));
    values
        .into_iter()
        .chain(lists)
        .map(|field| field.name.clone())
        .collect()
}

fn untold() -> Error {
    Error::new(ErrorKind::NotSupported, "the system does not tell its fields")
}

/// What a system told of itself, for a while.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    objects: Option<(Instant, Arc<Vec<RemoteObject>>)>,
    fields: HashMap<String, (Instant, Described)>,
}

fn is_fresh(since: &Instant) -> bool {
    since.elapsed() < KNOWLEDGE_LASTS
}

impl Known {
    fn with<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn objects(&self) -> Option<Arc<Vec<RemoteObject>>> {
        self.with(|told| {
            let (since, objects) = told.objects.as_ref()?;
            is_fresh(since).then(|| Arc::clone(objects))
        })
    }

    fn put_objects(&self, objects: Arc<Vec<RemoteObject>>) {
        self.with(|told| told.objects = Some((Instant::now(), objects)));
    }

    fn fields(&self, remote: &str) -> Option<Described> {
        self.with(|told| {
            let (since, described) = told.fields.get(remote)?;
            is_fresh(since).then(|| Arc::clone(described))
        })
    }

    fn put_fields(&self, remote: &str, described: Described) {
        self.with(|told| {
            told.fields.retain(|_, (since, _)| is_fresh(since));
            if told.fields.len() >= MOST_KEPT {
                let oldest = told.fields.iter().min_by_key(|(_, (since, _))| *since);
                let oldest = oldest.map(|(name, _)| name.clone());
                oldest.and_then(|name| told.fields.remove(&name));
            }
            told.fields.insert(remote.to_owned(), (Instant::now(), described));
        });
    }

    fn forget(&self) {
        self.with(|told| *told = Told::default());
    }
}
