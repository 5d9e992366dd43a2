//! Every error code that the transport itself can answer with: its name, its HTTP status and the
//! text of its page in the manual.

use http::StatusCode;

/// A stable value of `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "`describe` holds the text of each code, for people and for the manual"
)]
pub enum Code {
    GraphqlParseFailed,
    GraphqlValidationFailed,
    BadUserInput,
    OperationNotFound,
    OperationNotSupported,
    QueryTooLarge,
    QueryTooManyTokens,
    QueryNestedTooDeeply,
    QueryNameTooLong,
    QueryTooDeep,
    QueryTooComplex,
    QueryTooManyAliases,
    QueryTooManyRootFields,
    QueryTooManyDirectives,
    QueryTooManyFragments,
    QueryFragmentCycle,
    QueryTooManyVariables,
    IntrospectionDisabled,
    PersistedQueryNotFound,
    PersistedQueryHashMismatch,
    PersistedQueryNotSupported,
    DocumentNotTrusted,
    InvalidJson,
    InvalidRequest,
    BatchNotAllowed,
    BatchTooLarge,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    PayloadTooLarge,
    UriTooLong,
    UnsupportedMediaType,
    HeadersTooLarge,
    Unauthenticated,
    Forbidden,
    TokenRevoked,
    TooManyRequests,
    TooManySubscriptions,
    Overloaded,
    Timeout,
    Internal,
}

/// What a code is called, which HTTP status it has and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The value of `extensions.code`.
    pub name: &'static str,
    /// The HTTP status when the whole request fails with this code (`http_status = "draft"`).
    pub status: u16,
    /// Whether the fault lies in the GraphQL document or its variables, which older clients expect
    /// to be told with status 200.
    pub in_document: bool,
    /// What happened and what the caller can do, for the manual.
    pub text: &'static str,
}

impl Code {
    /// All codes, in the order of the manual.
    pub const ALL: [Self; 41] = [
        Self::GraphqlParseFailed,
        Self::GraphqlValidationFailed,
        Self::BadUserInput,
        Self::OperationNotFound,
        Self::OperationNotSupported,
        Self::QueryTooLarge,
        Self::QueryTooManyTokens,
        Self::QueryNestedTooDeeply,
        Self::QueryNameTooLong,
        Self::QueryTooDeep,
        Self::QueryTooComplex,
        Self::QueryTooManyAliases,
        Self::QueryTooManyRootFields,
        Self::QueryTooManyDirectives,
        Self::QueryTooManyFragments,
        Self::QueryFragmentCycle,
        Self::QueryTooManyVariables,
        Self::IntrospectionDisabled,
        Self::PersistedQueryNotFound,
        Self::PersistedQueryHashMismatch,
        Self::PersistedQueryNotSupported,
        Self::DocumentNotTrusted,
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::BatchNotAllowed,
        Self::BatchTooLarge,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::HeadersTooLarge,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::TokenRevoked,
        Self::TooManyRequests,
        Self::TooManySubscriptions,
        Self::Overloaded,
        Self::Timeout,
        Self::Internal,
    ];

    /// Returns the value of `extensions.code`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.describe().name
    }

    /// Returns the HTTP status of a request that fails as a whole with this code.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.describe().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Finds the code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// Returns the row of the manual for this code.
    #[must_use]
    pub const fn describe(self) -> Description {
        match self {
            Self::GraphqlParseFailed => document(
                "GRAPHQL_PARSE_FAILED",
                400,
                "The text is not a GraphQL document. The location points at the first character that does not fit.",
            ),
            Self::GraphqlValidationFailed => document(
                "GRAPHQL_VALIDATION_FAILED",
                422,
                "The document is well-formed but does not fit the schema: an unknown field, a missing argument, a wrong type.",
            ),
            Self::BadUserInput => document(
                "BAD_USER_INPUT",
                422,
                "A variable or an argument is missing, null or of another type than the schema asks for.",
            ),
            Self::OperationNotFound => document(
                "OPERATION_NOT_FOUND",
                422,
                "The document has no operation of this name, or has several and `operationName` does not choose one.",
            ),
            Self::OperationNotSupported => document(
                "OPERATION_NOT_SUPPORTED",
                422,
                "Subscriptions are served over WebSocket and server-sent events, not as a single answer.",
            ),
            Self::QueryTooLarge => document(
                "QUERY_TOO_LARGE",
                422,
                "The document is longer than `limits.document_bytes`. Move large values into variables.",
            ),
            Self::QueryTooManyTokens => document(
                "QUERY_TOO_MANY_TOKENS",
                422,
                "The document has more tokens than `limits.tokens`. Split it or move literals into variables.",
            ),
            Self::QueryNestedTooDeeply => document(
                "QUERY_NESTED_TOO_DEEPLY",
                422,
                "Brackets in the document, or fragments within fragments, are nested deeper than `limits.nesting`.",
            ),
            Self::QueryNameTooLong => document(
                "QUERY_NAME_TOO_LONG",
                422,
                "A name in the document is longer than `limits.name_bytes`.",
            ),
            Self::QueryTooDeep => document(
                "QUERY_TOO_DEEP",
                422,
                "Fields are nested deeper than `limits.depth` once fragments are expanded. Introspection has its own bound.",
            ),
            Self::QueryTooComplex => document(
                "QUERY_TOO_COMPLEX",
                422,
                "The document selects more fields than `limits.fields` once fragments are expanded.",
            ),
            Self::QueryTooManyAliases => document(
                "QUERY_TOO_MANY_ALIASES",
                422,
                "The document uses more aliases than `limits.aliases` once fragments are expanded.",
            ),
            Self::QueryTooManyRootFields => document(
                "QUERY_TOO_MANY_ROOT_FIELDS",
                422,
                "An operation selects more fields at its root than `limits.root_fields`.",
            ),
            Self::QueryTooManyDirectives => document(
                "QUERY_TOO_MANY_DIRECTIVES",
                422,
                "One element carries more directives than `limits.directives_per_field`, or the document more than `limits.directives`.",
            ),
            Self::QueryTooManyFragments => document(
                "QUERY_TOO_MANY_FRAGMENTS",
                422,
                "The document defines more fragments than `limits.fragments`.",
            ),
            Self::QueryFragmentCycle => document(
                "QUERY_FRAGMENT_CYCLE",
                422,
                "A fragment spreads itself, directly or through others.",
            ),
            Self::QueryTooManyVariables => document(
                "QUERY_TOO_MANY_VARIABLES",
                422,
                "An operation declares, or a request sends, more variables than `limits.variables`.",
            ),
            Self::IntrospectionDisabled => document(
                "INTROSPECTION_DISABLED",
                422,
                "This server does not answer `__schema` and `__type`. Use the published schema file.",
            ),
            Self::PersistedQueryNotFound => document(
                "PERSISTED_QUERY_NOT_FOUND",
                422,
                "No document is known under this hash. Send the request again with both the hash and the full query.",
            ),
            Self::PersistedQueryHashMismatch => document(
                "PERSISTED_QUERY_HASH_MISMATCH",
                422,
                "`sha256Hash` is not the SHA-256 of the query that came with it.",
            ),
            Self::PersistedQueryNotSupported => document(
                "PERSISTED_QUERY_NOT_SUPPORTED",
                422,
                "Persisted queries are switched off, or the protocol version is not 1. Send the full query.",
            ),
            Self::DocumentNotTrusted => request(
                "DOCUMENT_NOT_TRUSTED",
                403,
                "This server runs only documents that its operator has registered.",
            ),
            Self::InvalidJson => request(
                "INVALID_JSON",
                400,
                "The body (or a parameter of a GET request) is not UTF-8 or not JSON.",
            ),
            Self::InvalidRequest => request(
                "INVALID_REQUEST",
                422,
                "The JSON is well-formed but is no GraphQL request: `query` must be a string, `variables` and `extensions` objects, `operationName` a string.",
            ),
            Self::BatchNotAllowed => request(
                "BATCH_NOT_ALLOWED",
                422,
                "The body is a list of requests and batches are switched off.",
            ),
            Self::BatchTooLarge => request(
                "BATCH_TOO_LARGE",
                422,
                "The list of requests is longer than `limits.batch`.",
            ),
            Self::MethodNotAllowed => request(
                "METHOD_NOT_ALLOWED",
                405,
                "Only POST and GET are served, and GET never runs a mutation. The `Allow` header says what is possible.",
            ),
            Self::NotAcceptable => request(
                "NOT_ACCEPTABLE",
                406,
                "`Accept` allows neither `application/graphql-response+json` nor `application/json`.",
            ),
            Self::RequestTimeout => request(
                "REQUEST_TIMEOUT",
                408,
                "The body did not arrive within `body_timeout_ms`.",
            ),
            Self::PayloadTooLarge => request("PAYLOAD_TOO_LARGE", 413, "The body is larger than `limits.body_bytes`."),
            Self::UriTooLong => request(
                "URI_TOO_LONG",
                414,
                "The URI is longer than `limits.uri_bytes`. Use POST.",
            ),
            Self::UnsupportedMediaType => request(
                "UNSUPPORTED_MEDIA_TYPE",
                415,
                "A POST must be uncompressed `application/json` in UTF-8 and say so in `Content-Type`.",
            ),
            Self::HeadersTooLarge => request(
                "HEADERS_TOO_LARGE",
                431,
                "There are more headers than `limits.headers`, or they are larger than `limits.header_bytes` in all.",
            ),
            Self::Unauthenticated => request(
                "UNAUTHENTICATED",
                401,
                "The bearer token is missing, unknown, expired or revoked.",
            ),
            Self::Forbidden => request("FORBIDDEN", 403, "The token is valid but may not do this."),
            Self::TokenRevoked => request(
                "TOKEN_REVOKED",
                401,
                "The token of a running stream was revoked or has expired, so the stream ended. A WebSocket is closed with 4403 instead.",
            ),
            Self::TooManyRequests => request(
                "TOO_MANY_REQUESTS",
                429,
                "The token has used up its rate, or already runs `operations_per_caller` operations. Wait for `Retry-After` seconds.",
            ),
            Self::TooManySubscriptions => request(
                "TOO_MANY_SUBSCRIPTIONS",
                429,
                "The WebSocket already runs `streams.subscriptions` operations, or their requests take more than `streams.message_bytes`. Complete one first.",
            ),
            Self::Overloaded => request(
                "OVERLOADED",
                503,
                "The server already runs as many operations as it can without becoming slow. Wait for `Retry-After` seconds.",
            ),
            Self::Timeout => request(
                "TIMEOUT",
                503,
                "The operation ran longer than `query_timeout_ms` and was stopped.",
            ),
            Self::Internal => request(
                "INTERNAL",
                500,
                "Something failed inside the server. Its log has the details under the `requestId` of the error.",
            ),
        }
    }
}

const fn document(name: &'static str, status: u16, text: &'static str) -> Description {
    Description {
        name,
        status,
        in_document: true,
        text,
    }
}

const fn request(name: &'static str, status: u16, text: &'static str) -> Description {
    Description {
        name,
        status,
        in_document: false,
        text,
    }
}
