//! Loads the relations of a selection, one level at a time: the keys of a whole page go into one look-up for each
//! connection and relation.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Positioned, parser::types::SelectionSet};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use indexmap::IndexSet;
use lineshaft_connect::{connector::Connector, context::CallContext};
use lineshaft_engine::{
    Live,
    connections::Connection,
    query::{
        Page,
        loaders::{Children, Found, Loaders},
    },
};
use lineshaft_schema::{FieldIndex, Fields, Record, RemoteKey, Value};

use super::selection::{FieldKind, Selection};
use crate::platform;

/// One connection of a page while it is walked.
pub(crate) struct Source {
    /// The connection.
    pub(crate) connection: Arc<Connection>,
    /// Its live connector; none when it takes no part.
    pub(crate) connector: Option<Arc<Connector>>,
    /// The context in which its calls are made and counted.
    pub(crate) context: CallContext,
}

impl Source {
    /// Returns the connections of a page.
    pub(crate) fn of(page: &Page) -> Vec<Self> {
        page.live.iter().cloned().map(Self::from).collect()
    }
}

impl From<Live> for Source {
    fn from(live: Live) -> Self {
        Self {
            connection: live.connection,
            connector: live.connector,
            context: live.context,
        }
    }
}

/// A record, or a value within one, whose relations are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Holder<'r> {
    /// The place of its connection among the sources.
    pub(crate) source: usize,
    /// The key of the record.
    pub(crate) key: &'r RemoteKey,
    /// The fields of the record or value.
    pub(crate) fields: Fields<'r>,
    /// Whether it is a value within a record, so that nothing refers to it by key.
    pub(crate) within: bool,
}

impl<'r> Holder<'r> {
    /// Returns the records of a page.
    pub(crate) fn rows(page: &'r Page) -> Vec<Self> {
        page.rows
            .iter()
            .map(|row| Self::record(row.connection, &row.record))
            .collect()
    }

    /// Returns a record of a source.
    pub(crate) fn record(source: usize, record: &'r Record) -> Self {
        Self {
            source,
            key: &record.key,
            fields: record.fields(),
            within: false,
        }
    }
}

/// What was loaded for a selection, field by field.
#[derive(Default)]
pub(crate) struct Node {
    /// One entry for each field of the selection.
    pub(crate) fields: Vec<Loaded>,
}

/// What was loaded for one field.
#[derive(Default)]
pub(crate) enum Loaded {
    /// Nothing was needed.
    #[default]
    Nothing,
    /// What was loaded for the values within the records.
    Inner(Node),
    /// Records by source and key, with what was loaded for them.
    Records(HashMap<(usize, RemoteKey), Found>, Node),
    /// Lists of records by source and key of the parent, with what was loaded for them; and what was loaded for
    /// parts that came within the row.
    Children {
        /// The lists.
        lists: HashMap<(usize, RemoteKey), Children>,
        /// What was loaded for their records.
        node: Node,
        /// What was loaded for parts within rows.
        inline: Node,
    },
    /// Objects of the platform by source, as JSON text.
    Platform(HashMap<usize, Vec<u8>>),
}

/// Loads relations for one page.
pub(crate) struct Loader<'a> {
    /// The connections of the page.
    pub(crate) sources: &'a [Source],
    /// The loaders of the request.
    pub(crate) loaders: &'a Loaders,
    /// The place in the operation, for objects of the platform.
    pub(crate) place: &'a Context<'a>,
}

impl Loader<'_> {
    /// Loads everything that a selection needs for some records.
    pub(crate) fn load<'r>(&'r self, selection: &'r Selection<'_>, holders: Vec<Holder<'r>>) -> BoxFuture<'r, Node> {
        async move {
            let needs = selection.fields.iter().map(|field| self.field(&field.kind, &holders));
            Node {
                fields: join_all(needs).await,
            }
        }
        .boxed()
    }

    async fn field(&self, field: &FieldKind<'_>, holders: &[Holder<'_>]) -> Loaded {
        match field {
            FieldKind::Typename | FieldKind::Leaf { .. } | FieldKind::Computed(_) => Loaded::Nothing,
            FieldKind::Platform(sets) => self.platform(sets, holders).await,
            FieldKind::Embedded { slot, inner } => {
                if !needs_loading(inner) {
                    return Loaded::Nothing;
                }
                Loaded::Inner(self.load(inner, embedded(holders, *slot)).await)
            }
            FieldKind::Reference { slot, inner } => self.references(*slot, inner, holders).await,
            FieldKind::Reverse { slot, by, inner } => self.children(*slot, *by, inner, holders).await,
        }
    }

    async fn references(&self, slot: FieldIndex, inner: &Selection<'_>, holders: &[Holder<'_>]) -> Loaded {
        if inner.projection.is_empty() && !needs_loading(inner) {
            return Loaded::Nothing;
        }
        let mut wanted: HashMap<usize, IndexSet<&RemoteKey>> = HashMap::new();
        for holder in holders {
            if let Value::Reference(key) = holder.fields.get(slot) {
                wanted.entry(holder.source).or_default().insert(key);
            }
        }
        let look_ups = wanted.into_iter().map(|(at, keys)| self.records(at, inner, keys));
        let mut table = HashMap::new();
        for (at, found) in join_all(look_ups).await {
            table.extend(found.into_iter().map(|(key, found)| ((at, key), found)));
        }
        let records: Vec<_> = table
            .iter()
            .filter_map(|((at, _), found)| Some((*at, found.as_ref().ok()?.clone()?)))
            .collect();
        let holders = records.iter().map(|(at, record)| Holder::record(*at, record)).collect();
        let node = if needs_loading(inner) {
            self.load(inner, holders).await
        } else {
            Node::default()
        };
        Loaded::Records(table, node)
    }

    async fn records(
        &self,
        at: usize,
        inner: &Selection<'_>,
        keys: IndexSet<&RemoteKey>,
    ) -> (usize, HashMap<RemoteKey, Found>) {
        let Some(source) = self.sources.get(at) else {
            return (at, HashMap::new());
        };
        let Some(connector) = &source.connector else {
            return (at, HashMap::new());
        };
        if connector
            .capabilities(inner.kind)
            .is_none_or(|capability| capability.get_many.is_none())
        {
            return (at, HashMap::new());
        }
        let keys = keys.into_iter().cloned().collect();
        (
            at,
            self.loaders
                .records(connector, &source.context, inner.kind, &inner.projection, keys)
                .await,
        )
    }

    async fn children(
        &self,
        slot: FieldIndex,
        by: FieldIndex,
        inner: &Selection<'_>,
        holders: &[Holder<'_>],
    ) -> Loaded {
        let mut wanted: HashMap<usize, IndexSet<&RemoteKey>> = HashMap::new();
        let mut within = Vec::new();
        for holder in holders {
            match holder.fields.get(slot) {
                Value::List(_) => within.push(*holder),
                _ if holder.within => {}
                _ => {
                    wanted.entry(holder.source).or_default().insert(holder.key);
                }
            }
        }
        let look_ups = wanted
            .into_iter()
            .map(|(at, parents)| self.lists(at, by, inner, parents));
        let mut lists = HashMap::new();
        for (at, found) in join_all(look_ups).await {
            lists.extend(found.into_iter().map(|(key, found)| ((at, key), found)));
        }
        let records: Vec<_> = lists
            .iter()
            .filter_map(|((at, _), found)| Some((*at, found.as_ref().ok()?)))
            .flat_map(|(at, list)| list.records.iter().map(move |record| (at, record.clone())))
            .collect();
        let below = records.iter().map(|(at, record)| Holder::record(*at, record)).collect();
        let (node, inline) = if needs_loading(inner) {
            futures_util::future::join(self.load(inner, below), self.load(inner, embedded(&within, slot))).await
        } else {
            Default::default()
        };
        Loaded::Children { lists, node, inline }
    }

    async fn lists(
        &self,
        at: usize,
        by: FieldIndex,
        inner: &Selection<'_>,
        parents: IndexSet<&RemoteKey>,
    ) -> (usize, HashMap<RemoteKey, Children>) {
        let Some(source) = self.sources.get(at) else {
            return (at, HashMap::new());
        };
        let Some(connector) = &source.connector else {
            return (at, HashMap::new());
        };
        if connector
            .capabilities(inner.kind)
            .is_none_or(|capability| !capability.children.contains(&by))
        {
            return (at, HashMap::new());
        }
        let parents = parents.into_iter().cloned().collect();
        (
            at,
            self.loaders
                .children(connector, &source.context, inner.kind, by, &inner.projection, parents)
                .await,
        )
    }

    async fn platform(&self, sets: &[&Positioned<SelectionSet>], holders: &[Holder<'_>]) -> Loaded {
        let wanted: IndexSet<usize> = holders.iter().map(|holder| holder.source).collect();
        let mut texts = HashMap::new();
        for at in wanted {
            let Some(source) = self.sources.get(at) else { continue };
            texts.insert(
                at,
                platform::write_connection(self.place, sets, &source.connection).await,
            );
        }
        Loaded::Platform(texts)
    }
}

/// Returns whether a selection has relations or objects of the platform, at any depth within the record.
pub(crate) fn needs_loading(selection: &Selection<'_>) -> bool {
    selection.fields.iter().any(|field| match &field.kind {
        FieldKind::Platform(_) | FieldKind::Reverse { .. } => true,
        FieldKind::Reference { inner, .. } => !inner.projection.is_empty() || needs_loading(inner),
        FieldKind::Embedded { inner, .. } => needs_loading(inner),
        _ => false,
    })
}

/// Returns the embedded values at a slot, single or in lists.
fn embedded<'r>(holders: &[Holder<'r>], slot: FieldIndex) -> Vec<Holder<'r>> {
    let mut below = Vec::new();
    for holder in holders {
        let values = match holder.fields.get(slot) {
            Value::List(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        below.extend(values.iter().filter_map(|value| match value {
            Value::Object(object) => Some(Holder {
                source: holder.source,
                key: holder.key,
                fields: object.fields(),
                within: true,
            }),
            _ => None,
        }));
    }
    below
}
