//! The GraphQL API: the only place that knows async-graphql.

mod arguments;
mod building;
pub mod error;
mod names;
mod platform;
mod register;
mod root;
mod schemas;
pub mod transport;
mod untyped;
mod walk;
mod write;

use std::sync::Arc;

use lineshaft_engine::Engine;
use lineshaft_schema::Catalogue;

pub use schemas::{NotBuilt, Schemas};

/// The schema of the API.
pub type Schema = async_graphql::Schema<root::Query, write::Mutation, platform::Subscription>;

/// Whether errors for unknown names suggest known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suggestions {
    /// They do.
    On,
    /// They do not, and no work is spent on finding any.
    Off,
}

/// Builds the schema of the unified model over an engine.
#[must_use]
pub fn schema(engine: Arc<Engine>, suggestions: Suggestions) -> Schema {
    let builder = roots().data(Arc::new(platform::Told::default())).data(engine);
    match suggestions {
        Suggestions::On => builder.finish(),
        Suggestions::Off => builder.disable_suggestions().finish(),
    }
}

/// Returns the schema in the schema definition language, as `schema/lineshaft.graphql` has it.
#[must_use]
pub fn sdl() -> String {
    render(&roots().finish())
}

/// Returns the schema of a model in the schema definition language.
#[must_use]
pub fn sdl_of(catalogue: &Arc<Catalogue>) -> String {
    render(&building::with(catalogue, roots).finish())
}

fn render(schema: &Schema) -> String {
    schema.sdl_with_options(async_graphql::SDLExportOptions::new().include_specified_by())
}

fn roots() -> async_graphql::SchemaBuilder<root::Query, write::Mutation, platform::Subscription> {
    // Limits are kept by the transport, before execution.
    Schema::build(root::Query, write::Mutation, platform::Subscription)
}
