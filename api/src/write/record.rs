//! Shows the record that a write left: read back from the system afterwards, never taken from what the request had read
//! before.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, OutputType, Positioned, QueryPathNode, QueryPathSegment, ServerResult, Value,
    parser::types::{Field as AstField, SelectionSet},
    registry::Registry,
};
use lineshaft_connect::{Error, capability::Capability};
use lineshaft_engine::{
    Engine, Session,
    query::{SourceError, loaders::Loaders},
};
use lineshaft_schema::{
    Catalogue, ConnectionId, FieldType, Projection, Record, RemoteKey, TypeDef, TypeIndex, Value as Held,
};
use uuid::Uuid;

use crate::{
    error::of_connection,
    walk::{Compiler, Holder, Loader, Source, Step, Writer, verbatim},
};

/// The record that a write left.
#[derive(Clone)]
pub(crate) struct Written {
    /// Its connection.
    pub(crate) connection_id: Uuid,
    /// Its type.
    pub(crate) kind: TypeIndex,
    /// Its key.
    pub(crate) key: RemoteKey,
    /// For a part, the key of its owner, if that is known.
    pub(crate) owner: Option<RemoteKey>,
    /// The record as it would be, when the write was only simulated; then nothing is sent for it.
    pub(crate) simulated: Option<Arc<Record>>,
    /// What loads it. Made after the write: the loaders of the request may hold what was before.
    pub(crate) loaders: Arc<Loaders>,
}

impl Written {
    /// Resolves the record along a selection.
    pub(crate) async fn show(
        &self,
        ctx: &Context<'_>,
        sets: &[&Positioned<SelectionSet>],
        path: Vec<Step<'_>>,
    ) -> ServerResult<Value> {
        let at = ctx.item.pos;
        let engine = ctx.data::<Arc<Engine>>().map_err(|error| error.into_server_error(at))?;
        let session = ctx.data::<Session>().map_err(|error| error.into_server_error(at))?;
        let catalogue = &*session.model.catalogue;
        let Some(def) = catalogue.type_at(self.kind) else {
            return Ok(Value::Null);
        };
        let compiler = Compiler {
            query: ctx.query_env,
            catalogue,
        };
        let selection = compiler.compile(def, sets)?;
        let Some(live) = engine.live(session, ConnectionId(self.connection_id)).await else {
            return Ok(Value::Null);
        };
        let refused = live.refused.clone();
        let mut sources = [Source::from(live)];
        let found = match &self.simulated {
            Some(record) => {
                // Without a connector no relation is looked up either.
                sources.iter_mut().for_each(|source| source.connector = None);
                Ok(Some(Arc::clone(record)))
            }
            None => match refused {
                Some(error) => Err(error),
                None => self.read(catalogue, &sources, def, &selection.projection).await,
            },
        };
        let mut writer = Writer::new(catalogue, &sources, path);
        let record = match found {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Value::Null),
            Err(error) => {
                let connection = sources.first().map(|source| source.connection.as_ref());
                ctx.add_error(of_connection(connection, &error, writer.place()));
                return Ok(Value::Null);
            }
        };
        let loader = Loader {
            sources: &sources,
            loaders: &self.loaders,
            place: ctx,
        };
        let node = loader.load(&selection, vec![Holder::record(0, &record)]).await;
        writer.record(0, &record, &selection, &node);
        for error in writer.errors.drain(..) {
            ctx.add_error(error);
        }
        Ok(verbatim(writer.out))
    }

    async fn read(
        &self,
        catalogue: &Catalogue,
        sources: &[Source],
        def: &TypeDef,
        projection: &Projection,
    ) -> Result<Option<Arc<Record>>, SourceError> {
        let Some(source) = sources.first() else { return Ok(None) };
        let by_key = |capability: &Capability| capability.get_many.is_some();
        let found = if let Some(found) = self.look_up(source, def.index, projection, &self.key, by_key).await {
            found
        } else {
            self.read_part(catalogue, source, def, projection).await
        };
        found.map_err(|error| SourceError::from(&error))
    }

    /// Looks a record up by its key; none when the connector cannot.
    async fn look_up(
        &self,
        source: &Source,
        kind: TypeIndex,
        projection: &Projection,
        key: &RemoteKey,
        offered: impl Fn(&Capability) -> bool,
    ) -> Option<Result<Option<Arc<Record>>, Error>> {
        let connector = source.connector.as_ref()?;
        connector.capabilities(kind).filter(|capability| offered(capability))?;
        let mut found = self
            .loaders
            .records(connector, &source.context, kind, projection, vec![key.clone()])
            .await;
        Some(found.swap_remove(key).unwrap_or(Ok(None)))
    }

    /// Finds a part that the system only gives with its owner.
    async fn read_part(
        &self,
        catalogue: &Catalogue,
        source: &Source,
        def: &TypeDef,
        projection: &Projection,
    ) -> Result<Option<Arc<Record>>, Error> {
        let (Some(back), Some(owner), Some(connector)) =
            (def.owner_field(catalogue), self.owner(), source.connector.as_ref())
        else {
            return Ok(None);
        };
        let lists = |capability: &Capability| capability.children.contains(&back.index);
        if connector.capabilities(def.index).is_some_and(lists) {
            let owners = vec![owner.clone()];
            let mut found = self
                .loaders
                .children(connector, &source.context, def.index, back.index, projection, owners)
                .await;
            let Some(children) = found.swap_remove(&owner) else {
                return Ok(None);
            };
            let children = children?;
            return Ok(children.records.iter().find(|record| record.key == self.key).cloned());
        }
        let FieldType::Reference(of) = back.kind else {
            return Ok(None);
        };
        let list = catalogue.type_at(of).and_then(|of| {
            let mut fields = of.fields.values();
            fields.find(|field| field.type_name == def.name && field.reverse.as_ref() == Some(&back.name))
        });
        let Some(list) = list else { return Ok(None) };
        let mut of_owner = Projection::default();
        let rows = of_owner.insert_nested(list.index);
        rows.merge(projection);
        if let Some(own) = def.field("remoteId") {
            rows.insert(own.index);
        }
        let by_key = |capability: &Capability| capability.get_many.is_some();
        match self.look_up(source, of, &of_owner, &owner, by_key).await {
            Some(found) => {
                let found = found?;
                Ok(found.and_then(|record| self.within(def, &owner, record.get(list.index), &record)))
            }
            None => Ok(None),
        }
    }

    /// Returns the key of the owner: known, or what stands before the part's own key.
    fn owner(&self) -> Option<RemoteKey> {
        if let Some(owner) = &self.owner {
            return Some(owner.clone());
        }
        let (_, before) = self.key.parts().split_last()?;
        (!before.is_empty()).then(|| RemoteKey::composite(before.iter().cloned()))
    }

    /// Makes a record of the row of a part that came within its owner.
    fn within(&self, def: &TypeDef, owner: &RemoteKey, rows: &Held, whole: &Record) -> Option<Arc<Record>> {
        let Held::List(rows) = rows else { return None };
        let own = def.field("remoteId");
        rows.iter().enumerate().find_map(|(at, row)| {
            let Held::Object(row) = row else { return None };
            let place = match own.map(|field| row.fields().get(field.index)) {
                Some(Held::Text(text)) => text.clone(),
                _ => at.to_string().into(),
            };
            let key = RemoteKey::composite(owner.parts().iter().cloned().chain([place.clone()]));
            if key != self.key && RemoteKey::single(place) != self.key {
                return None;
            }
            let mut record = Record::new(def, key, whole.fetched_at);
            for field in def.fields.values() {
                record.set(field.index, row.fields().get(field.index).clone());
            }
            Some(Arc::new(record))
        })
    }
}

/// Returns the way to a place in the answer.
pub(crate) fn path_of<'a>(node: Option<&QueryPathNode<'a>>) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut next = node;
    while let Some(node) = next {
        steps.push(match node.segment {
            QueryPathSegment::Index(at) => Step::Index(at),
            QueryPathSegment::Name(name) => Step::Field(name),
        });
        next = node.parent;
    }
    steps.reverse();
    steps
}

/// A record of any entity within an object of the platform.
pub(crate) struct AnyRecord(pub(crate) Written);

impl OutputType for AnyRecord {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("UnifiedRecord")
    }

    fn create_type_info(_registry: &mut Registry) -> String {
        // The unified model registers it.
        Self::type_name().into_owned()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<AstField>) -> ServerResult<Value> {
        let path = path_of(ctx.path_node.as_ref());
        let place = ctx.with_field(field);
        let value = self.0.show(&place, &[ctx.item], path).await?;
        // A field that the document names twice is resolved twice, and only values can be merged.
        Ok(match value {
            Value::Binary(text) => serde_json::from_slice(&text).unwrap_or_default(),
            other => other,
        })
    }
}
