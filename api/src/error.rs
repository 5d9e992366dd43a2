//! Errors as the API tells them: a message, a stable code, and where it matters the connection.

use async_graphql::{ErrorExtensionValues, PathSegment, Pos, ServerError, Value};
use lineshaft_engine::{
    connections::Connection,
    query::{QueryError, SourceError},
};

/// One code of the public API with what it means. `docs/errors` is written from these.
#[derive(Clone, Copy, Debug)]
pub struct CodeDescription {
    /// The code.
    pub code: &'static str,
    /// What it means and what to do.
    pub about: &'static str,
    /// Whether asking again later may help.
    pub retryable: bool,
}

macro_rules! codes {
    ($($code:literal, $retryable:literal, $about:literal;)*) => {
        /// Every code that queries, writes and connections can answer with, besides those of the transport.
        pub const CODES: &[CodeDescription] = &[$(CodeDescription { code: $code, retryable: $retryable, about: $about }),*];
    };
}

codes! {
    "INVALID_CURSOR", false, "The cursor in `after` is damaged or not of this API. Start the list again without it.";
    "CURSOR_OF_ANOTHER_QUERY", false, "The cursor belongs to a list with another type, filter, order or scope. Cursors go on only with the query that gave them.";
    "INVALID_PAGE_SIZE", false, "`first` is zero, negative or larger than the server allows.";
    "INVALID_ID", false, "A text is not an id of this API. Ids are opaque: pass on what the API gave.";
    "FORBIDDEN", false, "The token may not do this: organization work needs an organization's key, not a connection's token; and a token with scopes writes only with the scope `write`.";
    "WRONG_STATUS", false, "The status of the connection does not allow it, such as resuming one that was disconnected.";
    "TOKEN_NOT_FOUND", false, "There is no such token.";
    "WEBHOOK_NOT_FOUND", false, "There is no such webhook endpoint.";
    "WEBHOOK_DISABLED", false, "The webhook endpoint is switched off. Enable it first.";
    "DELIVERY_NOT_FOUND", false, "There is no such delivery; finished ones are kept for some weeks.";
    "INVALID_WEBHOOK_URL", false, "The address of a webhook endpoint cannot be used: it must be https on the public internet, unless the operator allows more.";
    "TOO_MANY", false, "There are more of them than allowed; the message says how many may be.";
    "CURSOR_TOO_OLD", false, "Events behind the cursor are no longer kept. Go on from the oldest that is, and read the connections anew.";
    "INVALID_VALUE", false, "A value of a filter or an argument is not of its type, such as a date that does not exist.";
    "CONNECTION_NOT_FOUND", false, "There is no such connection for this token. Connections of other organizations look the same as missing ones.";
    "RECORD_NOT_FOUND", false, "The system has no record with this id, or the account may not see it.";
    "TOO_MANY_CONNECTIONS", false, "The query would run over more connections than allowed. Narrow it by `connections`, `customers` or `connectors`.";
    "NOT_SUPPORTED", false, "The connector does not offer this entity, field or operation. `connectors` tells what each offers.";
    "SCAN_LIMIT_REACHED", false, "The system cannot apply the filter or the order, and applying it here would read more records than allowed. With a filter the records found so far are given and the cursor goes on; narrow the query or use a field that the system filters by.";
    "LIST_TRUNCATED", false, "A nested list has more records than may be read at once; ask for it as a list of its own with a filter.";
    "MISSING_VALUE", false, "The source has no value for a field that is never null; the record around it is null.";
    "REAUTH_REQUIRED", false, "The system refused the credentials earlier. Nothing was sent. Somebody must sign in again.";
    "INVALID_CREDENTIALS", false, "The system refused the credentials just now. The connection waits for somebody to sign in again; nothing is retried, because systems lock accounts.";
    "SESSION_EXPIRED", false, "The session ended and a new sign-in did not help.";
    "PERMISSION_DENIED", false, "The account may not do this in the system. Its administrator can grant it.";
    "RATE_LIMITED", true, "The system asks for fewer calls, or more writes to the connection are under way or queued than the server allows; of the latter nothing was sent. Wait as long as `retryAfterSeconds` says.";
    "UPSTREAM_INVALID_REQUEST", false, "The system refused the request as wrong. `remoteMessage` tells its reason.";
    "CONFLICT", false, "The record was changed or is locked by somebody else.";
    "NOT_FOUND", false, "The system has no such record or address.";
    "UNAVAILABLE", true, "The system is down, overloaded or in maintenance.";
    "TIMEOUT", true, "The system did not answer in time.";
    "UNREACHABLE", true, "The system cannot be reached: name, address or network.";
    "TLS_FAILED", false, "No safe channel to the system could be made. Check its certificate.";
    "MALFORMED_RESPONSE", true, "The system's answer is not what its API promises, such as a login page instead of data.";
    "RESPONSE_TOO_LARGE", false, "The system's answer is larger than allowed.";
    "CIRCUIT_OPEN", true, "Too many calls failed in a row; calls are held back for a short while.";
    "DEADLINE_EXCEEDED", true, "The system did not answer within the time of the query. The other systems' records are there. Of a write: the time of the request was over before it was begun, and nothing was sent.";
    "INVALID_SETTINGS", false, "The settings of the connection do not fit its connector.";
    "CONNECTOR_NOT_AVAILABLE", false, "The connector of the connection is not loaded or has errors; the operator's log says which.";
    "CONNECTION_PAUSED", false, "The connection is paused by its owner.";
    "CONNECTION_DISABLED", false, "The connection is disabled by the operator.";
    "CONNECTION_DISCONNECTED", false, "The connection was disconnected.";
    "CONNECTOR_UNKNOWN", false, "There is no connector with this name. `connectors` lists them.";
    "CONNECTOR_NOT_ALLOWED", false, "The link does not offer this connector.";
    "INVALID_FORM", false, "Settings or credentials are missing or wrong. `problems` tells each by field; nothing was sent and nothing is stored.";
    "CREDITS_EXHAUSTED", false, "The organization has too few credits for the connection. Nothing is stored. Disconnect another connection, or ask the operator for more credits.";
    "ACCOUNT_MISMATCH", false, "The new credentials open another account than the one that was connected. Nothing is changed. A link that allows another account lets it through.";
    "ADDRESS_REFUSED", false, "The server may not connect to the address: it is not https, or not on the public internet. The operator allows networks by `upstream.allow_networks`.";
    "HOST_UNKNOWN", false, "The name in the address of the system does not exist.";
    "WRONG_ADDRESS", false, "Something answers at the address, but not the interface that was expected: often a login page, or a path too much or too little.";
    "SIGN_IN_DECLINED", false, "The person declined the sign-in at the system's own page, or may not agree to it.";
    "SIGN_IN_FAILED", false, "The sign-in at the system's own page gave nothing to connect with. It must begin again.";
    "INVALID_REDIRECT_URL", false, "The address to go back to must be https (http for localhost only), without user name, fragment and the parameters `code` and `error`.";
    "INVALID_LINK_OPTION", false, "An option of the link is out of bounds; the message names it.";
    "LINK_NOT_FOUND", false, "There is no such link.";
    "LINK_EXPIRED", false, "The link worked for half an hour at most, which is over; or the connection it was for does not wait for it any more. Make a new one.";
    "LINK_USED", false, "The link led to a connection already; it works once. Make a new one.";
    "LINK_REVOKED", false, "The link was withdrawn. Make a new one.";
    "LINK_TRIES_EXHAUSTED", false, "The link was withdrawn after too many failed tries (`links.tries`). Make a new one.";
    "LINK_OPENED_ELSEWHERE", false, "The link is open in another browser, or cookies are blocked. Opening it again takes it over.";
    "LINK_BUSY", true, "Credentials are being tried with the link just now. One try goes on at a time.";
    "LINK_LIMIT_REACHED", true, "Too many pages were opened for the connection within half an hour.";
    "STATE_INVALID", false, "What came back from the system's own page does not belong to a sign-in of this browser: the state is unknown, too old, used already or tampered with. Nothing is stored.";
    "OPERATION_NOT_SUPPORTED", false, "The system does not have this write. Nothing was sent. `alternative` names what serves instead, where something does; `writeSchema` tells what a connection can write.";
    "CONNECTION_READ_ONLY", false, "Writes to the connection are switched off (`setWriteMode`). Nothing was sent.";
    "INVALID_IDEMPOTENCY_KEY", false, "An idempotency key must have 1 to 255 printable ASCII characters, and the header `Idempotency-Key` stands for a request with one mutation. Nothing was sent.";
    "IDEMPOTENCY_KEY_REUSED", false, "The idempotency key was used for another write before; `writeId` names it. Nothing was sent. Give every write a key of its own.";
    "REQUEST_IN_PROGRESS", true, "A write is under way, or takes longer than the request may; `writeId` names it, and it goes on. With an idempotency key (`retryable` is true) send the same request again after `retryAfterSeconds`. Without one (`retryable` is false) do not send it again, which would be a second write: ask for `write(id:)`.";
    "BATCH_TOO_LARGE", false, "The batch has more operations than allowed. Nothing was sent. Split it.";
    "INVALID_ARGUMENT", false, "There is no such type, operation or version, or arguments do not go together; the message says which.";
    "WRITE_NOT_FOUND", false, "There is no such write for this token; the log is kept for some time only.";
    "WRITE_NOT_IN_DOUBT", false, "The outcome of the write is known, or it is under way, so there is nothing to settle.";
    "SIMULATE_NOT_ALLOWED", false, "The operator lets only connections to sandboxes simulate writes (`writes.simulate`).";
    "INTERRUPTED", true, "The server ended before anything was sent. The idempotency key of the write may be used again.";
    "SKIPPED", false, "An earlier operation of the batch on the same record did not succeed, so this one was not sent.";
    "NOT_CARRIED_OUT", false, "The write was found, or told, not to have been carried out. Its idempotency key may be used again.";
    "VERSION_CONFLICT", false, "Somebody else saved the mapping meanwhile; `presentVersion` is its version now. Nothing is saved. Read the layer again, and save on top of it.";
    "MAPPING_SCOPE_INVALID", false, "What the layer of mappings holds for is not said, said twice, or not for this token: the token of a connection works on the layer of that connection only.";
    "OBJECT_NOT_FOUND", false, "The system has no object with this name, or the account may not see it. `remoteObjects` lists those that it tells of.";
    "RAW_NOT_ALLOWED", false, "The connector does not let this method and path through as a request of your own, or lets none through at all. Nothing was sent.";
    "RAW_DISABLED", false, "The token may not send requests of its own to the system: it lacks the scope `passthrough`. Nothing was sent.";
    "CODE_INVALID", false, "The one-time code is unknown, has expired or was exchanged already.";
}

/// Makes an error with a code.
pub(crate) fn coded(code: &'static str, message: impl Into<String>, at: Option<Pos>) -> ServerError {
    let mut error = ServerError::new(message, at);
    let mut extensions = ErrorExtensionValues::default();
    let retryable = CODES.iter().any(|known| known.code == code && known.retryable);
    extensions.set("code", code);
    extensions.set("retryable", retryable);
    error.extensions = Some(extensions);
    error
}

/// Makes the error of a whole query.
pub(crate) fn of_query(error: &QueryError, at: Pos) -> ServerError {
    coded(error.code(), error.to_string(), Some(at))
}

/// Makes the error of one connection.
pub(crate) fn of_connection(
    connection: Option<&Connection>,
    cause: &SourceError,
    path: Vec<PathSegment>,
) -> ServerError {
    let name = connection.map_or("", |connection| connection.name.as_str());
    let mut error = ServerError::new(format!("{name}: {}", cause.message), None);
    error.path = path;
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", cause.code);
    extensions.set("retryable", cause.retryable);
    if let Some(connection) = connection {
        extensions.set("connectionId", connection.id.to_string());
        extensions.set("connector", connection.connector.as_str());
    }
    if let Some(code) = &cause.remote_code {
        extensions.set("remoteCode", code.as_str());
    }
    if let Some(message) = &cause.remote_message {
        extensions.set("remoteMessage", message.as_str());
    }
    if let Some(wait) = cause.retry_after {
        extensions.set("retryAfterSeconds", Value::from(wait.as_secs()));
    }
    if let Some(reconnect) = &cause.reconnect {
        extensions.set("reconnectUrl", reconnect.url.as_str());
    }
    error.extensions = Some(extensions);
    error
}
