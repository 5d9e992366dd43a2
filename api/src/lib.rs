//! The GraphQL API: the only place that knows async-graphql.

mod arguments;
pub mod error;
mod names;
mod platform;
mod register;
mod root;
pub mod transport;
mod walk;
mod write;

use std::sync::Arc;

use lineshaft_engine::Engine;

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

/// Builds the schema over an engine.
#[must_use]
pub fn schema(engine: Arc<Engine>, suggestions: Suggestions) -> Schema {
    let builder = builder().data(engine);
    match suggestions {
        Suggestions::On => builder.finish(),
        Suggestions::Off => builder.disable_suggestions().finish(),
    }
}

/// Returns the schema in the schema definition language, as `schema/lineshaft.graphql` has it.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().include_specified_by();
    builder().finish().sdl_with_options(options)
}

fn builder() -> async_graphql::SchemaBuilder<root::Query, write::Mutation, platform::Subscription> {
    // Limits are kept by the transport, before execution.
    Schema::build(root::Query, write::Mutation, platform::Subscription).data(Arc::new(platform::Told::default()))
}
