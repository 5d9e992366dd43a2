//! Loads the relations of a selection, one level at a time: the keys of a whole page go into one look-up for each
//! connection and relation.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Positioned, parser::types::SelectionSet};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use indexmap::IndexSet;
use lineshaft_connect::{capability::Capability, connector::Connector, context::CallContext};
use lineshaft_engine::{
    Live,
    connections::Connection,
    query::{
        Page,
        loaders::{Children, Found, Loaders},
    },
};
use lineshaft_schema::{FieldIndex, Fields, KeyHash, KeyMap, Record, RemoteKey, TypeIndex, Value};

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

    /// Returns the connector when it offers something of a type.
    fn offers(&self, kind: TypeIndex, offered: impl Fn(&Capability) -> bool) -> Option<&Arc<Connector>> {
        let connector = self.connector.as_ref()?;
        connector.capabilities(kind).is_some_and(offered).then_some(connector)
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

/// What was loaded, by source and key.
pub(crate) type Table<T> = Vec<KeyMap<T>>;

/// Keys to load from one source, in the order of the page.
type Keys<'r> = IndexSet<&'r RemoteKey, KeyHash>;

/// What was loaded for one field.
#[derive(Default)]
pub(crate) enum Loaded {
    /// Nothing was needed.
    #[default]
    Nothing,
    /// What was loaded for the values within the records.
    Inner(Node),
    /// Records by source and key, with what was loaded for them.
    Records(Table<Found>, Node),
    /// Lists of records by source and key of the parent, with what was loaded for them; and what was loaded for
    /// parts that came within the row.
    Children {
        /// The lists.
        lists: Table<Children>,
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
            let mut fields: Vec<Loaded> = selection.fields.iter().map(|_| Loaded::Nothing).collect();
            let slots = fields.iter_mut().zip(&selection.fields);
            let needs = slots.filter(|(_, field)| needs_loading_of(&field.kind));
            join_all(needs.map(async |(slot, field)| *slot = self.field(&field.kind, &holders).await)).await;
            Node { fields }
        }
        .boxed()
    }

    async fn field(&self, field: &FieldKind<'_>, holders: &[Holder<'_>]) -> Loaded {
        match field {
            FieldKind::Typename | FieldKind::Leaf { .. } | FieldKind::Computed(_) => Loaded::Nothing,
            FieldKind::Platform(sets) => self.platform(sets, holders).await,
            FieldKind::Embedded { slot, inner } => Loaded::Inner(self.load(inner, embedded(holders, *slot)).await),
            FieldKind::Reference { slot, inner } => self.references(*slot, inner, holders).await,
            FieldKind::Reverse { slot, by, inner } => self.children(*slot, *by, inner, holders).await,
        }
    }

    async fn references(&self, slot: FieldIndex, inner: &Selection<'_>, holders: &[Holder<'_>]) -> Loaded {
        let mut wanted = self.nothing_wanted();
        for holder in holders {
            let Some(keys) = wanted.get_mut(holder.source) else {
                continue;
            };
            let values = match holder.fields.get(slot) {
                Value::List(values) => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            keys.extend(values.iter().filter_map(|value| match value {
                Value::Reference(key) => Some(key),
                _ => None,
            }));
        }
        let look_ups = self.sources.iter().zip(wanted);
        let table = join_all(look_ups.map(|(source, keys)| self.records(source, inner, keys))).await;
        let node = if needs_loading(inner) {
            let records = (0..).zip(&table).flat_map(|(at, found)| {
                let records = found.values().filter_map(|found| found.as_ref().ok()?.as_deref());
                records.map(move |record| Holder::record(at, record))
            });
            self.load(inner, records.collect()).await
        } else {
            Node::default()
        };
        Loaded::Records(table, node)
    }

    fn nothing_wanted<'r>(&self) -> Vec<Keys<'r>> {
        self.sources.iter().map(|_| Keys::default()).collect()
    }

    async fn records(&self, source: &Source, inner: &Selection<'_>, keys: Keys<'_>) -> KeyMap<Found> {
        let offered = |capability: &Capability| capability.get_many.is_some();
        let Some(connector) = source.offers(inner.kind, offered).filter(|_| !keys.is_empty()) else {
            return KeyMap::default();
        };
        let keys = keys.into_iter().cloned().collect();
        self.loaders
            .records(connector, &source.context, inner.kind, &inner.projection, keys)
            .await
    }

    async fn children(
        &self,
        slot: FieldIndex,
        by: FieldIndex,
        inner: &Selection<'_>,
        holders: &[Holder<'_>],
    ) -> Loaded {
        let mut wanted = self.nothing_wanted();
        let mut within = Vec::new();
        for holder in holders {
            match holder.fields.get(slot) {
                Value::List(_) => within.push(*holder),
                _ if holder.within => {}
                _ => {
                    if let Some(parents) = wanted.get_mut(holder.source) {
                        parents.insert(holder.key);
                    }
                }
            }
        }
        let look_ups = self.sources.iter().zip(wanted);
        let lists = join_all(look_ups.map(|(source, parents)| self.lists(source, by, inner, parents))).await;
        let (node, inline) = if needs_loading(inner) {
            let below = (0..).zip(&lists).flat_map(|(at, lists)| {
                let records = lists.values().flatten().flat_map(|list| list.records.iter());
                records.map(move |record| Holder::record(at, record))
            });
            let below = below.collect();
            futures_util::future::join(self.load(inner, below), self.load(inner, embedded(&within, slot))).await
        } else {
            Default::default()
        };
        Loaded::Children { lists, node, inline }
    }

    async fn lists(
        &self,
        source: &Source,
        by: FieldIndex,
        inner: &Selection<'_>,
        parents: Keys<'_>,
    ) -> KeyMap<Children> {
        let offered = |capability: &Capability| capability.children.contains(&by);
        let Some(connector) = source.offers(inner.kind, offered).filter(|_| !parents.is_empty()) else {
            return KeyMap::default();
        };
        let parents = parents.into_iter().cloned().collect();
        self.loaders
            .children(connector, &source.context, inner.kind, by, &inner.projection, parents)
            .await
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
    selection.fields.iter().any(|field| needs_loading_of(&field.kind))
}

fn needs_loading_of(field: &FieldKind<'_>) -> bool {
    match field {
        FieldKind::Platform(_) | FieldKind::Reverse { .. } => true,
        FieldKind::Reference { inner, .. } => !inner.projection.is_empty() || needs_loading(inner),
        FieldKind::Embedded { inner, .. } => needs_loading(inner),
        FieldKind::Typename | FieldKind::Leaf { .. } | FieldKind::Computed(_) => false,
    }
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
