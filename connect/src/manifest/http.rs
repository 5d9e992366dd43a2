//! Requests, paging, limits.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{errors::BodyTest, write::AntiForgery};

/// How requests are sent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Template of the base address; paths are appended to it.
    pub base_url: String,
    /// Headers of every request, as templates.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Query parameters of every request, as templates; empty ones are left out.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Milliseconds that one attempt may take.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Bytes that an answer may have after decompression.
    #[serde(default)]
    pub max_response_bytes: Option<usize>,
    /// Statuses of success besides 200 to 299.
    #[serde(default)]
    pub success: Option<ResponseTest>,
    /// The mark that the system wants with every request that changes something.
    #[serde(default)]
    pub anti_forgery: Option<AntiForgery>,
    /// What the answers of the system are; those of the protocol `xml` are XML, all others JSON, unless said otherwise.
    #[serde(default)]
    pub answers: Option<Answers>,
    /// Elements of XML answers that are lists also where there is one of them or none: names joined by dots, which may
    /// begin at any element, such as `Lines.Line`.
    #[serde(default)]
    pub lists: Vec<String>,
    /// That the system wraps every value of its JSON in an object.
    #[serde(default)]
    pub wrapped: Option<Wrapped>,
}

/// A system whose values are wrapped in objects: `{"value": 5}` is read as 5 and `{}` as null, wherever they stand in an
/// answer, and the bodies of writes are wrapped again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    /// The member that holds the value, such as `value`.
    pub member: String,
    /// Members that are not wrapped; what is below them stays as it is too.
    #[serde(default)]
    pub plain: Vec<String>,
}

/// What the answers of a system are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// JSON.
    Json,
    /// XML, read as the JSON value that it is like: an element is an object, an attribute a member with `@`, text the
    /// value itself or the member `#text`, a repeated element a list; prefixes of names are dropped, an empty element is
    /// null. Answers that are JSON are read as that.
    Xml,
}

/// A test that a successful answer must pass; one that fails it is malformed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseTest {
    /// Tests of the body; all must hold.
    pub body: Vec<BodyTest>,
}

/// A request as a template.
///
/// `{{name}}` is replaced by a variable: `settings.x`, `credentials.x` and `session.x`; in lists also
/// `resource.remote`, `select`, `expand`, `where`, `where_values`, `where_expression`, `order`, `order_name`,
/// `order_direction`, `limit`, `offset`, `last`, `page`, `cursor`; in `get_many` also
/// `key`, `key.0`, `key.1` … (one key and its parts) or `keys` (all of them). A JSON string that is nothing but one variable becomes the variable's JSON value.
/// `{{number a}}` alone in a JSON string becomes a number: what a login kept is text otherwise.
/// `{{prefix " WHERE " where}}` puts a text before a variable, `{{suffix where " AND "}}` behind it and
/// `{{around "(" where ")"}}` on both sides, nothing at all when the variable is empty; `{{when where " WHERE "}}` is the
/// text alone. A JSON member that is nothing but `{{optional a}}` is left out when the variable is empty, and so is an
/// object in which all variables are such ones.
/// `{{base64 a b}}` is the base64 form of the variables joined by `:`, `{{tail a}}` what follows the last slash of an
/// address, `{{head a}}` what comes before it. `{{marks a b}}` is a copy of the object or the objects `a` with "X" for each
/// member but `b`. A JSON object with a member `...` is that member's object with the members after it laid over it and those before
/// it under it: `{"...": "{{row}}",
/// "id": "{{key}}", "note": null}` is the row with an id and without its note.
/// In `xml` variables are escaped; objects become elements, and an element that is nothing but one variable is repeated
/// for each element of a list and left out when there is none.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// HTTP method; GET unless there is a body, then POST.
    #[serde(default)]
    pub method: Option<String>,
    /// Path below the base address, or a whole address.
    #[serde(default)]
    pub path: Option<String>,
    /// Query parameters; empty ones are left out.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Query parameters that are sent once for each of their values, which stand here joined by commas:
    /// `ids=1&ids=2` instead of `ids=1,2`. Filters of several values then need `separator: ","`.
    #[serde(default)]
    pub repeat: Vec<String>,
    /// Headers.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// JSON body.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// Form body.
    #[serde(default)]
    pub form: Option<IndexMap<String, String>>,
    /// XML body, sent as `text/xml` unless a header says otherwise.
    #[serde(default)]
    pub xml: Option<String>,
    /// SQL statement, with the protocol `sql`. In lists it may use `resource.remote` and `select`, whose names are
    /// quoted, and `where`, `order`, `limit`, `offset`; everything else goes into `values`.
    #[serde(default)]
    pub sql: Option<String>,
    /// The values that are bound to the signs in `sql`: a list, as a template. The values of the conditions unless said
    /// otherwise.
    #[serde(default)]
    pub values: Option<serde_json::Value>,
    /// What the header `SOAPAction` names, for SOAP 1.1.
    #[serde(default)]
    pub soap_action: Option<String>,
    /// Whether the request changes nothing and may be repeated though it is a POST.
    #[serde(default)]
    pub read_only: bool,
}

/// How a list goes on after its first page.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Paging {
    /// Everything comes at once.
    None,
    /// `offset` counts records.
    Offset {
        /// Number of the first record.
        #[serde(default)]
        first: u64,
        /// Path of a value that is there when more records follow, though the page is shorter than asked for.
        #[serde(default)]
        more: Option<String>,
    },
    /// `page` counts pages.
    Page {
        /// Number of the first page.
        first: u64,
    },
    /// The answer carries the `cursor` of the next page.
    Cursor {
        /// Where it stands; the list ends when it is missing or empty.
        next: String,
    },
    /// The answer carries the address of the next page, which is followed as it is, with the method and the body of the
    /// first.
    Link {
        /// Path in the body.
        #[serde(default)]
        body: Option<String>,
        /// Header; with `rel="next"` if it is `Link`.
        #[serde(default)]
        header: Option<String>,
    },
    /// `cursor` is the key of the last record; records come in the order of their keys.
    Keyset,
    /// `cursor` is this member of the last row, for lists in the order of something else than their keys.
    LastRow(String),
    /// `cursor` is the key of the last record, `cursor.0` and so on its parts; the next page begins with that record,
    /// which is left out, or behind it. Records come in the order of their keys.
    StartKey {
        /// Whether the next page begins with the record itself.
        #[serde(default)]
        inclusive: bool,
    },
    /// `offset` and `last` are the places of the first and the last record wanted, for the header `Range` or a parameter;
    /// a header of the answer tells which came and how many there are: `items 0-49/200`.
    Range {
        /// Number of the first record.
        #[serde(default)]
        first: u64,
        /// The header of the answer; `Content-Range` unless said otherwise.
        #[serde(default)]
        header: Option<String>,
    },
    /// The answer carries the `cursor` of the next page, which the system forgets when it is idle. An error rule with
    /// `cursor_expired` tells that it did; then the list goes on behind the last record, or begins anew and leaves out what
    /// was read.
    ServerCursor {
        /// Where it stands; the list ends when it is missing or empty.
        next: String,
        /// How the list goes on when the cursor was forgotten.
        #[serde(default)]
        expired: Expired,
    },
}

/// How a list goes on when the system forgot its cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expired {
    /// Behind the key of the last record where `seek` can say so, otherwise as `restart`.
    #[default]
    Seek,
    /// From the beginning, leaving out everything up to the last record.
    Restart,
}

/// How records are counted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Where the number stands in the answer.
    #[serde(default)]
    pub path: Option<String>,
    /// The header that carries the number.
    #[serde(default)]
    pub header: Option<String>,
    /// Query parameters added to the list request when a count is wanted.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// A request of its own instead of the list's.
    #[serde(default)]
    pub request: Option<Request>,
}

/// Limits of a system, per connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests at the same time.
    #[serde(default)]
    pub concurrency: Option<u16>,
    /// Rates; all hold at once.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// Headers that tell how many seconds to wait, besides Retry-After.
    #[serde(default)]
    pub retry_after_headers: Vec<String>,
    /// Longest address in bytes.
    #[serde(default)]
    pub max_url_bytes: Option<usize>,
}

/// At most so many calls in so many seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Number of calls.
    pub calls: u32,
    /// Length of the window in seconds.
    pub per_s: u32,
    /// HTTP methods that it counts; all when empty.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Whether each of the methods has so many calls of its own.
    #[serde(default)]
    pub per_method: bool,
    /// Whose calls the system counts together.
    #[serde(default)]
    pub scope: RateScope,
    /// Calls that count as more than one; the first that fits counts.
    #[serde(default)]
    pub costs: Vec<RateCost>,
}

/// Whose calls a system counts together. Windows that several connections share are those of one server process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateScope {
    /// Those of each connection.
    #[default]
    Connection,
    /// Those of all connections with the same credentials to the same host. What is sent without being signed in, such
    /// as a login, counts for its connection.
    Credentials,
    /// Those of all connections to the same host, whatever organization they are of, for systems whose host is one
    /// customer's own: where customers share a host, one of them would use up the calls of the others.
    Host,
}

/// A call that counts as more than one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateCost {
    /// HTTP methods; all when empty.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Regular expression of the path behind the host, without the query; any when left out.
    #[serde(default)]
    pub path: Option<String>,
    /// As how many it counts.
    pub cost: u32,
}

/// The request that proves that credentials work.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The request.
    pub request: Request,
    /// Whose account it is: paths in the answer, and templates of settings and credentials that are not secret for what
    /// the answer does not tell. Joined by blanks. Templates that come out empty are left out; when a path leads to
    /// nothing the account is not known.
    #[serde(default)]
    pub identity: Vec<String>,
}
