//! Lists: reads the arguments, asks the engine for a page, loads its relations and writes it.

use async_graphql::{Positioned, ServerResult, Value, parser::types::SelectionSet};
use lineshaft_engine::query::{Page, PageRequest, QueryError, Scope, SourceStatus};
use lineshaft_schema::{Filter, Order, Projection, TypeDef};

use super::Root;
use crate::{
    arguments::{self, Reader},
    error::{coded, of_connection, of_query},
    names,
    platform::{self, PageInfo},
    untyped::Untyped,
    walk::{Holder, Loader, Node, Selection, Source, Step, Writer, fields_of, needs_loading, verbatim},
};

/// One field of a page, in the order of the answer.
struct Part<'a> {
    key: &'a str,
    kind: PartKind<'a>,
}

enum PartKind<'a> {
    Typename,
    Nodes(Selection<'a>),
    Edges(Vec<Edge<'a>>),
    PageInfo(Vec<&'a Positioned<SelectionSet>>),
    TotalCount,
    Sources(Vec<&'a Positioned<SelectionSet>>),
}

/// Which records are wanted, and in which order.
struct Wanted {
    filter: Filter,
    order: Option<Order>,
    scope: Scope,
}

enum Edge<'a> {
    Typename(&'a str),
    Cursor(&'a str),
    Node(&'a str, Selection<'a>),
}

impl<'a> PartKind<'a> {
    fn selections(&self) -> Vec<&Selection<'a>> {
        match self {
            Self::Nodes(selection) => vec![selection],
            Self::Edges(edge) => edge.iter().filter_map(Edge::selection).collect(),
            _ => Vec::new(),
        }
    }
}

impl<'a> Edge<'a> {
    const fn selection(&self) -> Option<&Selection<'a>> {
        match self {
            Self::Node(_, selection) => Some(selection),
            _ => None,
        }
    }
}

impl<'a> Root<'a> {
    /// Resolves the list of an entity.
    pub(super) async fn page(self, def: &'a TypeDef) -> ServerResult<Value> {
        let at = self.ctx.item.pos;
        let reader = self.reader(def);
        let wanted = Wanted {
            filter: reader.filter(self.argument("filter")?)?,
            order: reader.order(self.argument("orderBy")?)?,
            scope: arguments::scope(
                self.argument("connections")?,
                self.argument("customers")?,
                self.argument("connectors")?,
                at,
            )?,
        };
        self.list(def, names::page(def), wanted).await
    }

    /// Resolves the list of an entity that is named by an argument.
    pub(super) async fn custom_records(self) -> ServerResult<Value> {
        let at = self.ctx.item.pos;
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let entity = text(self.argument("entity")?);
        let def = self
            .compiler
            .catalogue
            .type_named(&entity)
            .filter(|def| def.is_entity());
        let def = def.ok_or_else(|| {
            let message = format!("there is no entity `{entity}`; `mappedEntities` lists those of a connection");
            coded("INVALID_ARGUMENT", message, Some(at))
        })?;
        let connection = arguments::connection_id(&text(self.argument("connectionId")?), at)?;
        let untyped = Untyped {
            registry: &self.ctx.schema_env.registry,
            catalogue: self.compiler.catalogue,
            at,
        };
        let reader = self.reader(def);
        let wanted = Wanted {
            filter: reader.filter(untyped.filter(def, self.argument("filter")?)?)?,
            order: reader.order(untyped.order(def, self.argument("orderBy")?)?)?,
            scope: Scope {
                connections: Some(vec![connection]),
                customers: None,
                connectors: None,
            },
        };
        self.list(def, names::CUSTOM_PAGE.to_owned(), wanted).await
    }

    fn reader(&self, def: &'a TypeDef) -> Reader<'a> {
        Reader {
            catalogue: self.compiler.catalogue,
            def,
            at: self.ctx.item.pos,
        }
    }

    async fn list(self, def: &'a TypeDef, name: String, wanted: Wanted) -> ServerResult<Value> {
        let at = self.ctx.item.pos;
        let parts = self.parts(def, &name)?;
        let request = self.request(def, &parts, wanted)?;
        let continued = request.after.is_some();
        let page = self
            .engine
            .page(self.session, request)
            .await
            .map_err(|error| of_query(&error, at))?;
        self.tell_errors(&page);
        self.write(def, &name, &page, &parts, continued).await
    }

    fn request(&self, def: &TypeDef, parts: &[Part<'a>], wanted: Wanted) -> ServerResult<PageRequest> {
        let mut projection = Projection::default();
        for selection in parts.iter().flat_map(|part| part.kind.selections()) {
            projection.merge(&selection.projection);
        }
        let mut selections = parts.iter().flat_map(|part| part.kind.selections());
        let relations = selections.any(needs_loading);
        let edges = parts.iter().filter_map(|part| {
            if let PartKind::Edges(edges) = &part.kind {
                Some(edges)
            } else {
                None
            }
        });
        Ok(PageRequest {
            kind: def.index,
            filter: wanted.filter,
            order: wanted.order,
            first: self.first()?,
            after: match self.argument("after")? {
                Some(Value::String(text)) => Some(text),
                _ => None,
            },
            scope: wanted.scope,
            projection,
            count: parts.iter().any(|part| matches!(part.kind, PartKind::TotalCount)),
            edge_cursors: edges.flatten().any(|edge| matches!(edge, Edge::Cursor(_))),
            relations,
        })
    }

    fn first(&self) -> ServerResult<u32> {
        let settings = &self.engine.settings.query;
        match self.argument("first")? {
            Some(Value::Number(number)) => {
                let asked = number.as_i64().unwrap_or(i64::MAX);
                let most = settings.max_page_size;
                let first = u32::try_from(asked).ok().filter(|first| (1..=most).contains(first));
                first.ok_or_else(|| of_query(&QueryError::PageSize { asked, most }, self.ctx.item.pos))
            }
            _ => Ok(settings.default_page_size),
        }
    }

    fn parts(&self, def: &'a TypeDef, page: &str) -> ServerResult<Vec<Part<'a>>> {
        let mut parts = Vec::new();
        for (key, nodes) in fields_of(self.ctx.query_env, &self.sets, &|name| name == page)? {
            let Some(first) = nodes.first() else { continue };
            let sets: Vec<_> = nodes.iter().map(|node| &node.node.selection_set).collect();
            let kind = match first.node.name.node.as_str() {
                "nodes" => PartKind::Nodes(self.compiler.compile(def, &sets)?),
                "edges" => PartKind::Edges(self.edge(def, &sets)?),
                "pageInfo" => PartKind::PageInfo(sets),
                "totalCount" => PartKind::TotalCount,
                "sources" => PartKind::Sources(sets),
                _ => PartKind::Typename,
            };
            parts.push(Part { key, kind });
        }
        Ok(parts)
    }

    fn edge(&self, def: &'a TypeDef, sets: &[&'a Positioned<SelectionSet>]) -> ServerResult<Vec<Edge<'a>>> {
        let edge = names::edge(def);
        let mut fields = Vec::new();
        for (key, nodes) in fields_of(self.ctx.query_env, sets, &|name| name == edge)? {
            let sets: Vec<_> = nodes.iter().map(|node| &node.node.selection_set).collect();
            fields.push(match nodes.first().map(|node| node.node.name.node.as_str()) {
                Some("cursor") => Edge::Cursor(key),
                Some("node") => Edge::Node(key, self.compiler.compile(def, &sets)?),
                _ => Edge::Typename(key),
            });
        }
        Ok(fields)
    }

    fn tell_errors(&self, page: &Page) {
        for source in page
            .sources
            .iter()
            .filter(|source| source.status != SourceStatus::Unsupported)
        {
            if let Some(error) = &source.error {
                let connection = page.connections.get(source.connection);
                self.ctx
                    .add_error(of_connection(connection.map(AsRef::as_ref), error, self.path()));
            }
        }
    }

    async fn write(
        &self,
        def: &TypeDef,
        name: &str,
        page: &Page,
        parts: &[Part<'a>],
        continued: bool,
    ) -> ServerResult<Value> {
        let sources = Source::of(page);
        let loader = Loader {
            sources: &sources,
            loaders: &self.session.loaders,
            place: self.ctx,
        };
        let mut loaded = Vec::with_capacity(parts.len());
        for part in parts {
            let mut nodes = Vec::new();
            for selection in part.kind.selections() {
                nodes.push(loader.load(selection, Holder::rows(page)).await);
            }
            loaded.push(nodes);
        }
        let mut writer = Writer::new(&self.session.model.catalogue, &sources, vec![Step::Field(self.key)]);
        let mut texts = Vec::with_capacity(parts.len());
        for (part, nodes) in parts.iter().zip(&loaded) {
            writer.path.push(Step::Field(part.key));
            write_records(&mut writer, def, page, &part.kind, nodes);
            writer.path.pop();
            texts.push(std::mem::take(&mut writer.out));
        }
        let problems = std::mem::take(&mut writer.problems);
        for error in writer.errors.drain(..) {
            self.ctx.add_error(error);
        }
        let mut out = Vec::with_capacity(texts.iter().map(Vec::len).sum::<usize>() + 256);
        out.push(b'{');
        for (at, (part, text)) in parts.iter().zip(texts).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            let _ = serde_json::to_writer(&mut out, part.key);
            out.push(b':');
            match &part.kind {
                PartKind::Nodes(_) | PartKind::Edges(_) => out.extend_from_slice(&text),
                PartKind::Typename => {
                    let _ = serde_json::to_writer(&mut out, name);
                }
                PartKind::TotalCount => {
                    let _ = serde_json::to_writer(&mut out, &page.total);
                }
                PartKind::PageInfo(sets) => {
                    let info = PageInfo::of(page, continued);
                    platform::write(self.ctx, sets, &info, &mut out).await;
                }
                PartKind::Sources(sets) => {
                    let told = platform::sources(page, &problems);
                    platform::write(self.ctx, sets, &told, &mut out).await;
                }
            }
        }
        out.push(b'}');
        Ok(verbatim(out))
    }
}

fn write_records<'a>(writer: &mut Writer<'a>, def: &TypeDef, page: &Page, part: &PartKind<'a>, nodes: &[Node]) {
    let list = match part {
        PartKind::Nodes(_) | PartKind::Edges(_) => &page.rows,
        _ => return,
    };
    writer.out.push(b'[');
    for (at, row) in list.iter().enumerate() {
        if at > 0 {
            writer.out.push(b',');
        }
        writer.path.push(Step::Index(at));
        match part {
            PartKind::Nodes(selection) => {
                if let Some(node) = nodes.first() {
                    writer.record(row.connection, &row.record, selection, node);
                }
            }
            PartKind::Edges(fields) => write_edge(writer, def, row, fields, nodes),
            _ => {}
        }
        writer.path.pop();
    }
    writer.out.push(b']');
}

fn write_edge<'a>(
    writer: &mut Writer<'a>,
    def: &TypeDef,
    row: &lineshaft_engine::query::Row,
    fields: &[Edge<'a>],
    nodes: &[Node],
) {
    let mut nodes = nodes.iter();
    writer.out.push(b'{');
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            writer.out.push(b',');
        }
        let (Edge::Typename(key) | Edge::Cursor(key) | Edge::Node(key, _)) = field;
        writer.text(key);
        writer.out.push(b':');
        match field {
            Edge::Typename(_) => writer.text(&names::edge(def)),
            Edge::Cursor(_) => writer.text(row.cursor.as_deref().unwrap_or_default()),
            Edge::Node(key, selection) => {
                if let Some(node) = nodes.next() {
                    writer.path.push(Step::Field(key));
                    writer.record(row.connection, &row.record, selection, node);
                    writer.path.pop();
                }
            }
        }
    }
    writer.out.push(b'}');
}
