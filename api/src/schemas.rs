//! The schemas that are served: that of the unified model for all who add nothing to it, and one for each organization
//! that does. An organization's schema is built when it is first asked for, and again when what it adds has changed.

use std::{
    any::TypeId,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use async_graphql::{Data, Executor, Request, Response, ServerError};
use futures_util::{FutureExt as _, StreamExt as _, stream, stream::BoxStream};
use lineshaft_engine::{Engine, Session, model::Model};
use lineshaft_schema::Catalogue;
use moka::future::Cache;

use crate::{Schema, Suggestions, building, error::coded, platform::Told, render, roots};

/// Schemas that nobody used for so long are let go.
const IDLE: Duration = Duration::from_secs(3600);

/// The schemas, of which each request is answered by that of its session.
#[derive(Clone)]
pub struct Schemas(Arc<Parts>);

struct Parts {
    maker: Maker,
    unified: Arc<Catalogue>,
    plain: Schema,
    kept: Cache<Of, Schema>,
}

/// What schemas are made with.
#[derive(Clone)]
struct Maker {
    engine: Option<Arc<Engine>>,
    suggestions: Suggestions,
    told: Arc<Told>,
}

/// The model of a schema. It is the same as long as an organization does not change what it adds; kept with the schema,
/// its address means nothing else.
#[derive(Clone)]
struct Of(Arc<Catalogue>);

impl PartialEq for Of {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Of {}

impl Hash for Of {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).addr().hash(state);
    }
}

/// A schema could not be built; the log says why.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the schema of the organization could not be built")]
pub struct NotBuilt;

impl Schemas {
    /// Builds the schema of the unified model, and keeps at most so many others.
    #[must_use]
    pub fn new(engine: Arc<Engine>, suggestions: Suggestions, most: u64) -> Self {
        let unified = engine.models.plain().catalogue.clone();
        Self::over(Some(engine), unified, suggestions, most)
    }

    fn over(engine: Option<Arc<Engine>>, unified: Arc<Catalogue>, suggestions: Suggestions, most: u64) -> Self {
        let maker = Maker {
            engine,
            suggestions,
            told: Arc::default(),
        };
        Self(Arc::new(Parts {
            plain: maker.make(&unified),
            maker,
            unified,
            kept: Cache::builder().max_capacity(most).time_to_idle(IDLE).build(),
        }))
    }

    /// Returns the schema of a model.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn of(&self, model: &Model) -> Result<Schema, NotBuilt> {
        let parts = &self.0;
        if Arc::ptr_eq(&model.catalogue, &parts.unified) {
            return Ok(parts.plain.clone());
        }
        let of = Of(model.catalogue.clone());
        if let Some(schema) = parts.kept.get(&of).await {
            return Ok(schema);
        }
        let (maker, catalogue) = (parts.maker.clone(), model.catalogue.clone());
        // Of many requests that miss it one builds it, away from the threads that answer.
        let built = parts.kept.try_get_with(of, async move {
            let built = tokio::task::spawn_blocking(move || maker.make(&catalogue)).await;
            built.map_err(|error| {
                tracing::error!(%error, "the schema of an organization could not be built");
                NotBuilt
            })
        });
        built.await.map_err(|error| *error)
    }

    /// Returns the schema of a model in the schema definition language.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn sdl(&self, model: &Model) -> Result<String, NotBuilt> {
        let schema = self.of(model).await?;
        let rendered = tokio::task::spawn_blocking(move || render(&schema)).await;
        rendered.map_err(|error| {
            tracing::error!(%error, "the schema of an organization could not be written");
            NotBuilt
        })
    }

    /// Returns how many schemas of organizations are kept.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.0.kept.entry_count()
    }

    async fn of_request(&self, data: &Data) -> Result<Schema, ServerError> {
        let session = data.get(&TypeId::of::<Session>());
        let session = session.and_then(|session| session.downcast_ref::<Session>());
        match session {
            Some(session) => self
                .of(&session.model)
                .await
                .map_err(|error| coded("INTERNAL", error.to_string(), None)),
            None => Ok(self.0.plain.clone()),
        }
    }
}

impl Maker {
    fn make(&self, catalogue: &Arc<Catalogue>) -> Schema {
        let mut builder = building::with(catalogue, roots).data(self.told.clone());
        if let Some(engine) = &self.engine {
            builder = builder.data(engine.clone());
        }
        match self.suggestions {
            Suggestions::On => builder.finish(),
            Suggestions::Off => builder.disable_suggestions().finish(),
        }
    }
}

impl Executor for Schemas {
    async fn execute(&self, request: Request) -> Response {
        match self.of_request(&request.data).await {
            Ok(schema) => schema.execute(request).await,
            Err(error) => Response::from_errors(vec![error]),
        }
    }

    fn execute_stream(&self, request: Request, session_data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let schemas = self.clone();
        let started = async move {
            match schemas.of_request(&request.data).await {
                Ok(schema) => Executor::execute_stream(&schema, request, session_data),
                Err(error) => stream::once(std::future::ready(Response::from_errors(vec![error]))).boxed(),
            }
        };
        started.flatten_stream().boxed()
    }
}

#[cfg(test)]
mod tests;
