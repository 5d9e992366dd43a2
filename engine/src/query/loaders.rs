//! Batched look-ups of one request: every reference to a record, and every list of children, goes through here.
//!
//! One loader serves one connection, one type and one set of fields. Keys that different relations of a level ask for
//! are collected before the call is made, and no record is fetched twice within a request.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use lineshaft_connect::{Error, connector::Connector, context::CallContext};
use lineshaft_schema::{FieldIndex, KeyMap, Projection, Record, RemoteKey, TypeIndex, Value};
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
    records: Mutex<HashMap<LoaderKey, Arc<Batch<Found>>>>,
    children: Mutex<HashMap<LoaderKey, Arc<Batch<Children>>>>,
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
    ) -> KeyMap<Found> {
        let key = LoaderKey {
            connection: connector.id().0,
            kind,
            by: None,
            projection: projection.clone(),
        };
        let load = async |keys: Vec<RemoteKey>| match connector.get_many_apart(context, kind, &keys, projection).await {
            Ok(mut found) => keys
                .into_iter()
                .map(|key| {
                    let record = match found.failed.swap_remove(&key) {
                        Some(error) => Err(error),
                        None => Ok(found.records.swap_remove(&key)),
                    };
                    (key, record)
                })
                .collect(),
            Err(error) => failed(keys, &error),
        };
        of(&self.records, key).load_many(keys, load).await
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
    ) -> KeyMap<Children> {
        let key = LoaderKey {
            connection: connector.id().0,
            kind,
            by: Some(by),
            projection: projection.clone(),
        };
        let load = async |parents: Vec<RemoteKey>| {
            let mut projection = projection.clone();
            projection.insert(by);
            let loaded = match connector.children(context, kind, by, &parents, &projection).await {
                Ok(loaded) => loaded,
                Err(error) => return failed(parents, &error),
            };
            let mut lists: KeyMap<Vec<Arc<Record>>> = parents.into_iter().map(|parent| (parent, Vec::new())).collect();
            for record in loaded.records {
                if let Value::Reference(parent) = record.get(by)
                    && let Some(list) = lists.get_mut(parent)
                {
                    list.push(record);
                }
            }
            let list = |records: Vec<Arc<Record>>| ChildList {
                records: records.into(),
                truncated: loaded.truncated,
            };
            lists
                .into_iter()
                .map(|(parent, records)| (parent, Ok(list(records))))
                .collect()
        };
        of(&self.children, key).load_many(parents, load).await
    }
}

fn failed<T>(keys: Vec<RemoteKey>, error: &Error) -> KeyMap<Result<T, Error>> {
    keys.into_iter().map(|key| (key, Err(error.clone()))).collect()
}

fn of<K: Eq + Hash, V>(batches: &Mutex<HashMap<K, Arc<Batch<V>>>>, key: K) -> Arc<Batch<V>> {
    let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
    batches.entry(key).or_default().clone()
}

/// Gathers keys and loads them together.
struct Batch<V> {
    state: Mutex<State<V>>,
    /// Whoever loads. The others wait: their keys may be among those that are loaded.
    turn: tokio::sync::Mutex<()>,
}

struct State<V> {
    /// What was loaded; nothing yet for keys that are wanted.
    known: KeyMap<Option<V>>,
    wanted: Vec<RemoteKey>,
}

impl<V> Default for Batch<V> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                known: KeyMap::default(),
                wanted: Vec::new(),
            }),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl<V: Clone> Batch<V> {
    async fn load_many(&self, keys: Vec<RemoteKey>, load: impl AsyncFnOnce(Vec<RemoteKey>) -> KeyMap<V>) -> KeyMap<V> {
        let state = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut state = state();
            for key in &keys {
                if !state.known.contains_key(key) {
                    state.known.insert(key.clone(), None);
                    state.wanted.push(key.clone());
                }
            }
        }
        // The relations of a level start in one turn of their task. When it comes round again, all have told their keys.
        tokio::task::yield_now().await;
        let _turn = self.turn.lock().await;
        let wanted = std::mem::take(&mut state().wanted);
        if !wanted.is_empty() {
            let loaded = load(wanted).await;
            let loaded = loaded.into_iter().map(|(key, value)| (key, Some(value)));
            state().known.extend(loaded);
        }
        let state = state();
        let found = |key: RemoteKey| {
            let value = state.known.get(&key)?.clone()?;
            Some((key, value))
        };
        keys.into_iter().filter_map(found).collect()
    }
}
