//! GraphQL over HTTP: takes a request apart, refuses what is hostile or malformed, runs the rest on
//! an [`async_graphql::Executor`] and writes the answer. It knows no field, no entity and no token.

mod admission;
mod code;
mod document;
mod endpoint;
mod media;
mod outcome;
mod persisted;
mod prepare;
mod refusal;
mod request;
mod scan;
mod settings;
mod shape;
mod variables;
mod writer;

#[cfg(test)]
mod tests;

pub use admission::{Admission, Pass};
pub use code::{Code, Description};
pub use document::{Document, Documents, precheck};
pub use endpoint::Endpoint;
pub use media::Media;
pub use prepare::{AuthError, Prepare, Prepared, RequestId};
pub use refusal::Refusal;
pub use request::Operation;
pub use settings::{HttpStatus, Limits, PersistedQueries, Settings};
pub use shape::Shape;
pub(crate) use writer::write_value;
pub use writer::{DataEntry, write_response};
