//! Records out of a list that is read once and kept, and tables of codes that are joined into rows. Both belong to one
//! connection and end with a write of their type and with other credentials.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lineshaft_schema::{KeyMap, Projection, Record, RemoteKey, TypeIndex, catalogue::Shape};

use super::{Connector, kept::Kept, page::Asked};
use crate::{
    blueprint::{
        KeptList, ResourcePlan,
        labels::{JoinPlan, Table, Tables},
    },
    context::CallContext,
    error::{Error, ErrorKind},
    request::ListRequest,
    transport::Access,
};

/// Most bytes of the rows of one list.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What a connection keeps of its system.
#[derive(Debug, Default)]
pub(super) struct Memory {
    lists: Kept<(TypeIndex, usize), Listed>,
    tables: Kept<String, Table>,
}

/// A list as it was read.
#[derive(Debug)]
struct Listed {
    /// The rows as they came; none when the list is too long to be kept.
    rows: Option<KeyMap<Arc<str>>>,
    fetched_at: DateTime<Utc>,
    /// The plan that it was read by, whose address is its key.
    _plan: Arc<dyn std::any::Any + Send + Sync>,
}

/// Ends what is kept of a type when a write of it ends, however it ends.
pub(super) struct Ending<'a>(&'a Connector, TypeIndex);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.forget_kept(Some(self.1));
    }
}

impl Connector {
    /// Returns the records with these keys out of the kept list.
    pub(super) async fn look_up_listed(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        kept: KeptList,
        keys: &[RemoteKey],
        projection: &Projection,
    ) -> Result<Vec<Record>, Error> {
        let tables = self.tables(context, resource, projection).await?;
        let access = self.access(context).await?;
        let plan = Arc::clone(&resource.parts);
        let key = (resource.kind(), Arc::as_ptr(&plan).addr());
        let version = access.credentials_version();
        let read = async || self.read_list(context, access, resource, kept).await;
        let list = self.memory.lists.get(&key, kept.time, version, read).await?;
        let Some(rows) = &list.rows else {
            let message = format!(
                "{} cannot be looked up: the list has more than {} rows or {MOST_BYTES} bytes",
                resource.type_name(),
                kept.most
            );
            return Err(Error::new(ErrorKind::ResponseTooLarge, message));
        };
        let mut records = Vec::new();
        for row in keys.iter().filter_map(|key| rows.get(key)) {
            records.extend(resource.map_kept(row, projection, list.fetched_at, &tables)?);
        }
        Ok(records)
    }

    async fn read_list(
        &self,
        context: &CallContext,
        mut access: Arc<Access>,
        resource: &ResourcePlan,
        kept: KeptList,
    ) -> Result<Listed, Error> {
        let mut listed = Listed {
            rows: None,
            fetched_at: self.clock.now(),
            _plan: Arc::clone(&resource.parts) as _,
        };
        // Rows are tested once the tables that they need are joined.
        let none = self.tables(context, resource, &Projection::default()).await?;
        let (mut rows, mut bytes, mut page) = (KeyMap::default(), 0, None);
        loop {
            let (_, request) = resource.plan_whole(page.clone(), &access.variables())?;
            let mut reading = ListRequest {
                projection: Projection::default(),
                ..request
            };
            reading.projection.raw = true;
            let plan = |access: &Access| Ok(resource.plan_whole(page.clone(), &access.variables())?.0);
            let read = self
                .page_with(context, Arc::clone(&access), plan, Asked::List(&reading), &none)
                .await?;
            for record in read.records {
                let row: Arc<str> = record.raw.map(|raw| Arc::from(&*raw)).unwrap_or_default();
                bytes += row.len();
                rows.insert(record.key, row);
            }
            if rows.len() > kept.most || bytes > MOST_BYTES {
                return Ok(listed);
            }
            page = read.next;
            if page.is_none() {
                listed.rows = Some(rows);
                return Ok(listed);
            }
            access = self.access(context).await?;
        }
    }

    /// Returns the tables of codes that the rows of a resource need for a projection.
    pub(super) async fn tables(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        projection: &Projection,
    ) -> Result<Arc<Tables>, Error> {
        let mut tables = Tables::default();
        if resource.needs_labels(projection) {
            for name in resource.parts.joins.iter().map(|join: &JoinPlan| &join.of) {
                tables.insert(name, self.table(context, name).await?);
            }
        }
        Ok(Arc::new(tables))
    }

    pub(super) async fn table(&self, context: &CallContext, name: &str) -> Result<Arc<Table>, Error> {
        let labels = self.blueprint.labels(name);
        let labels = labels.ok_or_else(|| Error::new(ErrorKind::Internal, "the table of codes has no plan"))?;
        let access = self.access(context).await?;
        let version = access.credentials_version();
        let read = async || {
            let plan = |access: &Access| labels.plan(self.blueprint.base(), &access.variables());
            let (response, pass) = self.fetch(context, access, plan).await?;
            let table = labels.read(&response.body);
            self.tell(pass, &table);
            table
        };
        let tables = &self.memory.tables;
        tables.get(&name.to_owned(), labels.kept_for, version, read).await
    }

    /// Ends what is kept of a type and of its parts, or of all of them.
    pub(super) fn forget_kept(&self, kind: Option<TypeIndex>) {
        let memory = &self.memory;
        let catalogue = self.blueprint.catalogue();
        let written = kind.and_then(|kind| catalogue.type_at(kind));
        let is_part = |listed: TypeIndex| {
            let shape = catalogue.type_at(listed).map(|def| &def.shape);
            matches!((shape, written), (Some(Shape::Part { of }), Some(written)) if *of == written.name)
        };
        memory
            .lists
            .end(|(listed, _)| kind.is_none_or(|kind| kind == *listed) || is_part(*listed));
        let ended: Option<Vec<&str>> = kind.map(|kind| self.blueprint.labels_ended_by(kind).collect());
        memory
            .tables
            .end(|name| ended.as_ref().is_none_or(|ended| ended.contains(&name.as_str())));
    }

    /// Ends what is kept of a type now, and once more when the write that follows is over.
    pub(super) fn changing(&self, kind: TypeIndex) -> Ending<'_> {
        self.forget_kept(Some(kind));
        Ending(self, kind)
    }
}
