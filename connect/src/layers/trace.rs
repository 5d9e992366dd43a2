//! The span around an operation.

use lineshaft_schema::ConnectionId;
use tracing::Span;

use crate::{context::CallContext, store::Operation};

/// Makes the span of an operation on a connection.
pub(crate) fn span(
    context: &CallContext,
    connection: ConnectionId,
    connector: &str,
    operation: Operation,
    kind: Option<&str>,
) -> Span {
    tracing::debug_span!(
        "upstream",
        request.id = context.request_id(),
        connection.id = %connection,
        connector.name = connector,
        operation = operation.name(),
        kind,
    )
}
