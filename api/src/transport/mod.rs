//! GraphQL over HTTP, server-sent events and WebSocket: takes a request apart, refuses what is hostile
//! or malformed, runs the rest on an [`async_graphql::Executor`] and writes the answer. It knows no
//! field, no entity and no token.

mod admission;
mod check;
mod code;
mod document;
mod endpoint;
mod event;
mod idempotency;
mod media;
mod order;
mod outcome;
mod persisted;
mod prepare;
mod refusal;
mod request;
mod running;
mod scan;
mod settings;
mod shape;
mod sse;
mod stop;
mod variables;
mod writer;
mod ws;

#[cfg(test)]
mod tests;

pub use admission::{Admission, Pass};
pub use code::{Code, Description};
pub use document::{Document, Documents, precheck};
pub use endpoint::Endpoint;
pub use event::{EventIdSlot, LastEventId};
pub use idempotency::{Begun, IdempotencyKey};
pub use media::Media;
pub use prepare::{AuthError, EndReason, Prepare, Prepared, RequestId};
pub use refusal::Refusal;
pub use request::Operation;
pub use settings::{HttpStatus, Limits, PersistedQueries, Settings, Streams};
pub use shape::Shape;
pub use stop::Stop;
pub(crate) use writer::write_value;
pub use writer::{DataEntry, write_response};
