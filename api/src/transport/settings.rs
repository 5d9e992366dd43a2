//! The settings of the transport and their defaults.

use serde::{Deserialize, Serialize};

/// How the transport behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which HTTP statuses failed requests have.
    pub http_status: HttpStatus,
    /// Whether a body may be a list of requests.
    pub batch: bool,
    /// Whether `__schema` and `__type` are answered.
    pub introspection: bool,
    /// Whether messages may propose names that exist ("Did you mean …").
    pub suggestions: bool,
    /// How `extensions.persistedQuery` is treated.
    pub persisted_queries: PersistedQueries,
    /// Bytes that the documents registered by their hash may take.
    pub persisted_cache_bytes: u64,
    /// Bytes that parsed and checked documents may take.
    pub document_cache_bytes: u64,
    /// Schemas of organizations with custom fields or entities that are kept at once.
    pub organization_schemas: u64,
    /// Operations that one caller may run at once.
    pub operations_per_caller: usize,
    /// Operations that may run at once in all; more are turned away.
    pub operations: usize,
    /// Seconds that a caller turned away is asked to wait.
    pub retry_after_seconds: u64,
    /// Milliseconds within which the body must arrive.
    pub body_timeout_ms: u64,
    /// Milliseconds after which an operation is stopped.
    pub query_timeout_ms: u64,
    /// What a single request may ask for.
    pub limits: Limits,
    /// How results are sent over time: WebSocket and server-sent events.
    pub streams: Streams,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            http_status: HttpStatus::Draft,
            batch: false,
            introspection: true,
            suggestions: true,
            persisted_queries: PersistedQueries::Automatic,
            persisted_cache_bytes: 16 * 1024 * 1024,
            document_cache_bytes: 32 * 1024 * 1024,
            organization_schemas: 200,
            operations_per_caller: 16,
            operations: 512,
            retry_after_seconds: 1,
            body_timeout_ms: 10_000,
            query_timeout_ms: 30_000,
            limits: Limits::default(),
            streams: Streams::default(),
        }
    }
}

/// How results are sent over time: WebSocket and server-sent events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Streams {
    /// WebSockets, and streams of server-sent events, that may be open at once.
    pub sockets: usize,
    /// Operations of one WebSocket, and event streams of one caller, that may run at once.
    pub subscriptions: usize,
    /// Bytes of a message that a client sends; also of what waits for one client to read it.
    pub message_bytes: usize,
    /// Messages that wait for one client to read them. While they are so many, nothing new is resolved.
    pub send_queue: usize,
    /// Milliseconds after which a client that takes nothing from a full queue is cut off.
    pub slow_ms: u64,
    /// Milliseconds within which `connection_init` must arrive.
    pub init_timeout_ms: u64,
    /// Milliseconds between WebSocket pings; a client that misses two is dropped.
    pub ping_ms: u64,
    /// Milliseconds of silence after which a stream of server-sent events carries a comment.
    pub keep_alive_ms: u64,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            sockets: 20_000,
            subscriptions: 100,
            message_bytes: 1024 * 1024,
            send_queue: 64,
            slow_ms: 5_000,
            init_timeout_ms: 3_000,
            ping_ms: 20_000,
            keep_alive_ms: 12_000,
        }
    }
}

/// Which HTTP statuses failed requests have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpStatus {
    /// As the GraphQL-over-HTTP draft asks: 400, 422, 294 and so on.
    #[default]
    Draft,
    /// As older clients expect: 200 with errors as `application/json`, 400 otherwise.
    Legacy,
}

/// How `extensions.persistedQuery` is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersistedQueries {
    /// Every request carries its text.
    Off,
    /// A client registers a text under its hash and sends only the hash from then on.
    #[default]
    Automatic,
    /// Only documents that the operator registered are run, by hash or by text.
    Trusted,
}

/// What a single request may ask for. A request past any bound is refused before it is executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Bytes of all headers, names and values.
    pub header_bytes: usize,
    /// Number of headers.
    pub headers: usize,
    /// Bytes of path and query of the URI.
    pub uri_bytes: usize,
    /// Requests in a batch.
    pub batch: usize,
    /// Tokens of the document.
    pub tokens: usize,
    /// Bytes of the document; large values belong into variables.
    pub document_bytes: usize,
    /// Bytes of a name in the document.
    pub name_bytes: usize,
    /// Depth of brackets in the text and of fragments within fragments. Values above 200 count as 200.
    pub nesting: usize,
    /// Depth of fields after expansion of fragments.
    pub depth: usize,
    /// The same for fields below `__schema` and `__type`.
    pub introspection_depth: usize,
    /// Fields after expansion of fragments, over all operations of the document.
    pub fields: usize,
    /// Aliases after expansion of fragments, over all operations of the document.
    pub aliases: usize,
    /// Fields at the root of an operation.
    pub root_fields: usize,
    /// Directives on one field, fragment, variable or operation.
    pub directives_per_field: usize,
    /// Directives in the document.
    pub directives: usize,
    /// Fragment definitions in the document.
    pub fragments: usize,
    /// Variables of an operation, and of a request.
    pub variables: usize,
    /// Errors in an answer; the rest is counted in `extensions.omittedErrors`.
    pub errors: usize,
    /// Characters of an error's message.
    pub message_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            header_bytes: 32 * 1024,
            headers: 100,
            uri_bytes: 16 * 1024,
            batch: 10,
            tokens: 10_000,
            document_bytes: 256 * 1024,
            name_bytes: 128,
            nesting: 64,
            depth: 12,
            introspection_depth: 20,
            fields: 2_000,
            aliases: 50,
            root_fields: 20,
            directives_per_field: 10,
            directives: 50,
            fragments: 100,
            variables: 100,
            errors: 100,
            message_chars: 500,
        }
    }
}
