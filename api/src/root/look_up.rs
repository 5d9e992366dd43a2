//! Look-ups of records by their global ids: one of a known type, one of any type, or many at once.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{ServerResult, Value};
use indexmap::IndexMap;
use lineshaft_engine::query::{SourceError, loaders::Found};
use lineshaft_schema::{GlobalId, RemoteKey, TypeDef, TypeIndex};

use super::Root;
use crate::{
    error::{coded, of_connection},
    walk::{Holder, Loader, Selection, Source, Step, Writer, verbatim},
};

/// Most ids that `nodes` takes.
const MOST_IDS: usize = 250;

impl<'a> Root<'a> {
    /// Resolves the look-up of one record, of one type or of any.
    pub(super) async fn one(self, def: Option<&'a TypeDef>) -> ServerResult<Value> {
        let Some(Value::String(text)) = self.argument("id")? else {
            return Ok(Value::Null);
        };
        let id = self.id(&text)?;
        if def.is_some_and(|def| *def.name != *id.kind) {
            let message = format!("the id is of a record of the type {}", id.kind);
            return Err(coded("INVALID_ID", message, Some(self.ctx.item.pos)));
        }
        let out = self.write_many(&[id], false).await?;
        Ok(verbatim(out))
    }

    /// Resolves the look-up of many records of any types.
    pub(super) async fn many(self) -> ServerResult<Value> {
        let ids = match self.argument("ids")? {
            Some(Value::List(ids)) => ids,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        if ids.len() > MOST_IDS {
            let message = format!("`ids` has {} ids; at most {MOST_IDS} are allowed", ids.len());
            return Err(coded("INVALID_PAGE_SIZE", message, Some(self.ctx.item.pos)));
        }
        let ids = ids.iter().map(|id| match id {
            Value::String(text) => self.id(text),
            other => Err(coded(
                "INVALID_ID",
                format!("{other} is not an id"),
                Some(self.ctx.item.pos),
            )),
        });
        let ids = ids.collect::<ServerResult<Vec<_>>>()?;
        let out = self.write_many(&ids, true).await?;
        Ok(verbatim(out))
    }

    fn id(&self, text: &str) -> ServerResult<GlobalId> {
        let at = Some(self.ctx.item.pos);
        let id: GlobalId = text
            .parse()
            .map_err(|error: lineshaft_schema::key::InvalidId| coded("INVALID_ID", error.to_string(), at))?;
        match self.session.model.catalogue.type_named(&id.kind) {
            Some(def) if def.is_entity() => Ok(id),
            _ => Err(coded(
                "INVALID_ID",
                format!("records of the type {} cannot be looked up by id", id.kind),
                at,
            )),
        }
    }

    async fn write_many(&self, ids: &[GlobalId], list: bool) -> ServerResult<Vec<u8>> {
        let (places, sources) = self.sources(ids).await;
        let selections = self.selections(ids)?;
        let found = self.find(ids, &places, &sources, &selections).await;
        let loader = Loader {
            sources: &sources,
            loaders: &self.session.loaders,
            place: self.ctx,
        };
        let mut nodes = HashMap::new();
        for (kind, selection) in &selections {
            let records = found
                .iter()
                .filter(|((_, of, _), _)| of == kind)
                .filter_map(|((at, _, _), found)| {
                    let record = found.as_ref().ok()?.as_ref()?;
                    Some(Holder::record(*at, record))
                });
            nodes.insert(*kind, loader.load(selection, records.collect()).await);
        }
        let mut writer = Writer::new(&self.session.model.catalogue, &sources, vec![Step::Field(self.key)]);
        if list {
            writer.out.push(b'[');
        }
        for (at, id) in ids.iter().enumerate() {
            if at > 0 {
                writer.out.push(b',');
            }
            if list {
                writer.path.push(Step::Index(at));
            }
            let kind = self.session.model.catalogue.type_named(&id.kind).map(|def| def.index);
            let place = places.get(&id.connection.0).copied();
            let (Some(kind), Some(place)) = (kind, place) else {
                writer.out.extend_from_slice(b"null");
                continue;
            };
            match found.get(&(place, kind, id.key.clone())) {
                Some(Ok(Some(record))) => match (selections.get(&kind), nodes.get(&kind)) {
                    (Some(selection), Some(node)) => writer.record(place, record, selection, node),
                    _ => writer.out.extend_from_slice(b"null"),
                },
                Some(Err(error)) => {
                    let connection = sources.get(place).map(|source| source.connection.as_ref());
                    self.ctx
                        .add_error(of_connection(connection, &error.into(), writer.place()));
                    writer.out.extend_from_slice(b"null");
                }
                Some(Ok(None)) | None => writer.out.extend_from_slice(b"null"),
            }
            if list {
                writer.path.pop();
            }
        }
        if list {
            writer.out.push(b']');
        }
        for error in std::mem::take(&mut writer.errors) {
            self.ctx.add_error(error);
        }
        Ok(writer.out)
    }

    /// Returns the live connections of the ids. One that the caller may not see looks like a missing record.
    async fn sources(&self, ids: &[GlobalId]) -> (HashMap<uuid::Uuid, usize>, Vec<Source>) {
        let mut places = HashMap::new();
        let mut sources = Vec::new();
        for id in ids {
            if places.contains_key(&id.connection.0) {
                continue;
            }
            let Some(live) = self.engine.live(self.session, id.connection).await else {
                continue;
            };
            if let Some(error) = &live.refused {
                let told = SourceError::clone(error);
                self.ctx
                    .add_error(of_connection(Some(&live.connection), &told, self.path()));
            }
            places.insert(id.connection.0, sources.len());
            sources.push(Source::from(live));
        }
        (places, sources)
    }

    fn selections(&self, ids: &[GlobalId]) -> ServerResult<IndexMap<TypeIndex, Selection<'a>>> {
        let catalogue = self.compiler.catalogue;
        let mut selections = IndexMap::new();
        for id in ids {
            let Some(def) = catalogue.type_named(&id.kind) else {
                continue;
            };
            if !selections.contains_key(&def.index) {
                selections.insert(def.index, self.compiler.compile(def, &self.sets)?);
            }
        }
        Ok(selections)
    }

    async fn find(
        &self,
        ids: &[GlobalId],
        places: &HashMap<uuid::Uuid, usize>,
        sources: &[Source],
        selections: &IndexMap<TypeIndex, Selection<'a>>,
    ) -> HashMap<(usize, TypeIndex, RemoteKey), Found> {
        let mut wanted: IndexMap<(usize, TypeIndex), Vec<RemoteKey>> = IndexMap::new();
        for id in ids {
            let def = self.session.model.catalogue.type_named(&id.kind);
            if let (Some(place), Some(def)) = (places.get(&id.connection.0), def) {
                wanted.entry((*place, def.index)).or_default().push(id.key.clone());
            }
        }
        let look_ups = wanted.into_iter().map(|((place, kind), keys)| async move {
            let source = sources.get(place)?;
            let connector: &Arc<_> = source.connector.as_ref()?;
            connector.capabilities(kind)?.get_many?;
            let projection = &selections.get(&kind)?.projection;
            let found = self
                .session
                .loaders
                .records(connector, &source.context, kind, projection, keys)
                .await;
            Some(found.into_iter().map(move |(key, found)| ((place, kind, key), found)))
        });
        futures_util::future::join_all(look_ups)
            .await
            .into_iter()
            .flatten()
            .flatten()
            .collect()
    }
}
