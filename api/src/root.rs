//! The query root: lists and look-ups of unified records beside the fields of the platform.

mod look_up;
mod page;

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, PathSegment, Positioned, ServerResult, Value,
    parser::types::{Field as AstField, SelectionSet},
    registry::{MetaType, MetaTypeId, Registry},
    resolver_utils::resolve_container,
};
use lineshaft_engine::{Engine, Session};

use crate::{
    building, names,
    platform::{self, PlatformQuery},
    register,
    walk::{Compiler, argument, fields_of, response_key},
};

/// The query root.
pub struct Query;

impl OutputType for Query {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Query")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            PlatformQuery::create_type_info(registry);
            platform::register(registry);
            let mut fields = match registry.types.remove(&*PlatformQuery::type_name()) {
                Some(MetaType::Object { fields, .. }) => fields,
                _ => Default::default(),
            };
            if let Some(catalogue) = building::catalogue() {
                register::types(&catalogue, registry);
                let mut all = register::root_fields(&catalogue);
                all.append(&mut fields);
                fields = all;
            }
            register::object(
                "Query",
                "Everything that can be read.",
                fields,
                Some(std::any::type_name::<Self>()),
            )
        })
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<AstField>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl ObjectType for Query {}

impl ContainerType for Query {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = ctx.item.node.name.node.as_str();
        let engine = ctx
            .data::<Arc<Engine>>()
            .map_err(|error| error.into_server_error(ctx.item.pos))?;
        let session = ctx
            .data::<Session>()
            .map_err(|error| error.into_server_error(ctx.item.pos))?;
        let catalogue = &session.model.catalogue;
        if let Some(def) = catalogue.entity_with_plural(name) {
            return Box::pin(Root::new(ctx, engine)?.page(def)).await.map(Some);
        }
        let single = catalogue.entities().find(|def| names::single(def) == name);
        match (name, single) {
            (_, Some(def)) => Box::pin(Root::new(ctx, engine)?.one(Some(def))).await.map(Some),
            ("node", _) => Box::pin(Root::new(ctx, engine)?.one(None)).await.map(Some),
            ("customRecords", _) => Box::pin(Root::new(ctx, engine)?.custom_records()).await.map(Some),
            ("nodes", _) => Box::pin(Root::new(ctx, engine)?.many()).await.map(Some),
            _ => PlatformQuery::default().resolve_field(ctx).await,
        }
    }
}

/// One root field while it is resolved.
pub(crate) struct Root<'a> {
    /// Its place in the operation.
    pub(crate) ctx: &'a Context<'a>,
    /// The engine.
    pub(crate) engine: &'a Arc<Engine>,
    /// Who asks.
    pub(crate) session: &'a Session,
    /// What compiles selections of the operation.
    pub(crate) compiler: Compiler<'a>,
    /// Its name in the answer.
    pub(crate) key: &'a str,
    /// What is selected of it.
    pub(crate) sets: Vec<&'a Positioned<SelectionSet>>,
    /// How many fields the root of the operation has, without `__typename`.
    pub(crate) fields: usize,
}

impl<'a> Root<'a> {
    fn new(ctx: &'a Context<'a>, engine: &'a Arc<Engine>) -> ServerResult<Self> {
        Self::of(ctx, engine, "Query")
    }

    /// Makes a field of the root with this name ready to be resolved.
    pub(crate) fn of(ctx: &'a Context<'a>, engine: &'a Arc<Engine>, root: &str) -> ServerResult<Self> {
        let session = ctx
            .data::<Session>()
            .map_err(|error| error.into_server_error(ctx.item.pos))?;
        let query = ctx.query_env;
        let key = response_key(&ctx.item.node);
        // Fields with the same name in the answer are one field: their selections are merged.
        let root = fields_of(query, &[&query.operation.node.selection_set], &|name| name == root)?;
        let sets = root
            .get(key)
            .map(|nodes| nodes.iter().map(|node| &node.node.selection_set).collect());
        let sets = sets.unwrap_or_else(|| vec![&ctx.item.node.selection_set]);
        Ok(Self {
            ctx,
            engine,
            session,
            compiler: Compiler {
                query,
                catalogue: &session.model.catalogue,
            },
            key,
            sets,
            fields: root
                .values()
                .filter(|nodes| nodes.first().is_some_and(|node| node.node.name.node != "__typename"))
                .count(),
        })
    }

    fn argument(&self, name: &str) -> ServerResult<Option<Value>> {
        argument(self.ctx.query_env, &self.ctx.item.node, name)
    }

    fn path(&self) -> Vec<PathSegment> {
        vec![PathSegment::Field(self.key.to_owned())]
    }
}
