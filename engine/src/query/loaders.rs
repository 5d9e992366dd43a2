//! Batched look-ups of one request: every reference to a record, and every list of children, goes through here.
//!
//! One loader serves one connection, one type and one set of fields. Keys that different relations of a level ask for
//! are collected before the call is made, and no record is fetched twice within a request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use dataloader::{BatchFn, cached::Loader};
use lineshaft_connect::{Error, connector::Connector, context::CallContext};
use lineshaft_schema::{FieldIndex, Projection, Record, RemoteKey, TypeIndex, Value};
use uuid::Uuid;

/// What a look-up by key gave: the record, or nothing when it does not exist, or an error.
pub type Found = Result<Option<Arc<Record>>, Error>;

/// What a look-up by parent gave.
pub type Children = Result<ChildList, Error>;

/// The children of one record.
#[derive(Clone, Debug)]
pub struct ChildList {
    /// The records.
    pub records: Arc<[Arc<Record>]>,
    /// Whether more exist than may be read.
    pub truncated: bool,
}

type RecordLoader = Loader<RemoteKey, Found, RecordBatch>;
type ChildLoader = Loader<RemoteKey, Children, ChildBatch>;

#[derive(Clone, PartialEq, Eq, Hash)]
struct LoaderKey {
    connection: Uuid,
    kind: TypeIndex,
    by: Option<FieldIndex>,
    projection: Projection,
}

/// The loaders of one request.
#[derive(Default)]
pub struct Loaders {
    records: Mutex<HashMap<LoaderKey, RecordLoader>>,
    children: Mutex<HashMap<LoaderKey, ChildLoader>>,
}

impl Loaders {
    /// Loads records of one connection by key.
    pub async fn records(
        &self,
        connector: &Arc<Connector>,
        context: &CallContext,
        kind: TypeIndex,
        projection: &Projection,
        keys: Vec<RemoteKey>,
    ) -> HashMap<RemoteKey, Found> {
        let key = LoaderKey {
            connection: connector.id().0,
            kind,
            by: None,
            projection: projection.clone(),
        };
        let loader = {
            let mut loaders = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            let make = || {
                let batch = RecordBatch {
                    connector: connector.clone(),
                    context: context.clone(),
                    kind,
                    projection: projection.clone(),
                };
                Loader::new(batch).with_max_batch_size(usize::MAX)
            };
            loaders.entry(key).or_insert_with(make).clone()
        };
        loader.try_load_many(keys).await.unwrap_or_default()
    }

    /// Loads the records of one connection whose reference field points to one of the parents.
    pub async fn children(
        &self,
        connector: &Arc<Connector>,
        context: &CallContext,
        kind: TypeIndex,
        by: FieldIndex,
        projection: &Projection,
        parents: Vec<RemoteKey>,
    ) -> HashMap<RemoteKey, Children> {
        let key = LoaderKey {
            connection: connector.id().0,
            kind,
            by: Some(by),
            projection: projection.clone(),
        };
        let loader = {
            let mut loaders = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            let make = || {
                let mut projection = projection.clone();
                projection.insert(by);
                let batch = ChildBatch {
                    connector: connector.clone(),
                    context: context.clone(),
                    kind,
                    by,
                    projection,
                };
                Loader::new(batch).with_max_batch_size(usize::MAX)
            };
            loaders.entry(key).or_insert_with(make).clone()
        };
        loader.try_load_many(parents).await.unwrap_or_default()
    }
}

struct RecordBatch {
    connector: Arc<Connector>,
    context: CallContext,
    kind: TypeIndex,
    projection: Projection,
}

impl BatchFn<RemoteKey, Found> for RecordBatch {
    async fn load(&mut self, keys: &[RemoteKey]) -> HashMap<RemoteKey, Found> {
        match self
            .connector
            .get_many(&self.context, self.kind, keys, &self.projection)
            .await
        {
            Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
            Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
        }
    }
}

struct ChildBatch {
    connector: Arc<Connector>,
    context: CallContext,
    kind: TypeIndex,
    by: FieldIndex,
    projection: Projection,
}

impl BatchFn<RemoteKey, Children> for ChildBatch {
    async fn load(&mut self, parents: &[RemoteKey]) -> HashMap<RemoteKey, Children> {
        let loaded = self
            .connector
            .children(&self.context, self.kind, self.by, parents, &self.projection)
            .await;
        match loaded {
            Ok(loaded) => {
                let mut lists: HashMap<&RemoteKey, Vec<Arc<Record>>> = HashMap::with_capacity(parents.len());
                for record in &loaded.records {
                    if let Value::Reference(parent) = record.get(self.by) {
                        lists.entry(parent).or_default().push(record.clone());
                    }
                }
                let of = |parent: &RemoteKey, lists: &mut HashMap<&RemoteKey, Vec<Arc<Record>>>| ChildList {
                    records: lists.remove(parent).unwrap_or_default().into(),
                    truncated: loaded.truncated,
                };
                parents
                    .iter()
                    .map(|parent| (parent.clone(), Ok(of(parent, &mut lists))))
                    .collect()
            }
            Err(error) => parents
                .iter()
                .map(|parent| (parent.clone(), Err(error.clone())))
                .collect(),
        }
    }
}
