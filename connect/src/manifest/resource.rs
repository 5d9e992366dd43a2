//! Resources: how the rows of one unified type are listed and fetched.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    field::{CustomFields, Mapping, MissingRows, OneOrMany, Test},
    http::{Count, Paging, Request},
    labels::LabelsJoin,
    language::FilterLanguage,
    write::Write,
};

/// A protocol: defaults for lists, filters and paging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// `OData` version 2: `$filter`, `$top`, `d.results`, `d.__next`.
    OdataV2,
    /// `OData` version 4: `$filter`, `$top`, `value`, `@odata.nextLink`.
    OdataV4,
    /// JSON over HTTP; the manifest says the rest.
    JsonRest,
    /// JSON-RPC: one address, methods in the body; the manifest says the rest.
    JsonRpc,
    /// XML over HTTP, with or without SOAP: answers are XML; the manifest says the rest.
    Xml,
    /// SQL, sent to a database itself: requests are single SELECT statements with bound values, answers are
    /// `{"rows": [{column: value}]}`; the manifest says which statements.
    Sql,
}

/// The language of filters and sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `OData` version 2 expressions.
    OdataV2,
    /// `OData` version 4 expressions.
    OdataV4,
    /// Query parameters, as `filter` of the fields says.
    Parameters,
    /// Lists in Polish notation: `["|", ["a", "=", 1], ["b", "=", 2]]`.
    DomainPrefix,
    /// Nested lists: `["OR", ["a", "=", 1], ["b", "=", 2]]`.
    DomainNested,
    /// OSLC `where`: conditions joined by `and` only.
    Oslc,
}

/// Where the rows of a unified type come from and how their fields map.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Name of the table, model or entity set in the system; `{{resource.remote}}` in requests.
    pub remote: String,
    /// Paths of the parts of the key.
    pub key: OneOrMany<String>,
    /// How key parts are made comparable, by path.
    #[serde(default)]
    pub normalize: IndexMap<String, Normalization>,
    /// Types of the literals of key parts, by path, when they are not text: `number`, `guid`, `datetime`, …; references
    /// to this type follow them.
    #[serde(default)]
    pub literals: IndexMap<String, String>,
    /// Conditions in the system's own filter language that always or only in lists hold.
    #[serde(default)]
    pub scope: Scope,
    /// Language of filters and sorts; the protocol's unless said otherwise.
    #[serde(default)]
    pub dialect: Option<Dialect>,
    /// The system's own language of filters and sorts for this type, instead of a dialect; the manifest's unless said
    /// otherwise.
    #[serde(default)]
    pub language: Option<FilterLanguage>,
    /// How rows are listed.
    #[serde(default)]
    pub list: Option<Box<ListOperation>>,
    /// How rows are fetched by keys.
    #[serde(default)]
    pub get_many: Option<GetMany>,
    /// How the rows of one parent at a time are read, by reference field, where a list cannot be filtered by parents.
    #[serde(default)]
    pub children: IndexMap<String, ChildrenOperation>,
    /// How a list goes on behind a known record.
    #[serde(default)]
    pub seek: Option<Seek>,
    /// What of a row is customer-specific.
    #[serde(default)]
    pub custom_fields: Option<CustomFields>,
    /// Whether only rows that belong to a parent can be had, so that the type cannot be listed on its own.
    #[serde(default)]
    pub children_only: bool,
    /// Tables of codes that are joined into rows, by the name under which mappings find the entry of a row:
    /// `_labels.<name>`.
    #[serde(default)]
    pub labels: IndexMap<String, LabelsJoin>,
    /// How records are written; they cannot be when it is left out.
    #[serde(default)]
    pub write: Option<Box<Write>>,
    /// What of this file is recalled, neither seen nor documented, so that the type counts as a draft: names of fields, one
    /// of their values behind a dot (`status.CRTD`), or keys of the file such as `remote` and `write`.
    #[serde(default)]
    pub recalled: Vec<String>,
    /// Unified fields and where they come from.
    pub fields: Mapping,
}

/// How a key part is made comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Without blanks at both ends.
    Trim,
}

/// Conditions in the system's own filter language. Templates may use settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Holds for every read.
    #[serde(default)]
    pub always: Option<serde_json::Value>,
    /// Holds for lists, not for look-ups by key.
    #[serde(default)]
    pub list: Option<serde_json::Value>,
    /// Query parameters of every read, as templates.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Query parameters of lists only, as templates.
    #[serde(default)]
    pub list_query: IndexMap<String, String>,
    /// Tests that a row must pass, where the system cannot be asked for these rows alone; others are left out here.
    #[serde(default)]
    pub rows: Vec<Test>,
}

/// How rows are listed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOperation {
    /// The request.
    #[serde(default)]
    pub request: Option<Request>,
    /// Where the rows stand in the answer; the whole body when empty.
    #[serde(default)]
    pub records: Option<String>,
    /// How rows that are one text are cut into members.
    #[serde(default)]
    pub cells: Option<Cells>,
    /// A member that holds a list, where records are not the rows themselves but the elements of that list in each of
    /// them: every record is read from a row with its own element in the place of the list. A dot leads to a member of
    /// a member: `POITEM.item`. Such lists are not counted by the system.
    #[serde(default)]
    pub each: Option<String>,
    /// How rows that are lists of names and values are read: each pair becomes a member.
    #[serde(default)]
    pub pairs: Option<RowPairs>,
    /// How the list goes on.
    #[serde(default)]
    pub paging: Option<Paging>,
    /// Path of a value that tells whether more records follow: `true` and `false` are believed whatever the page holds;
    /// null and an empty text say that they do not, anything else that they do.
    #[serde(default)]
    pub more: Option<String>,
    /// Path of a value that is `true` on the last page, and `false` on every other.
    #[serde(default)]
    pub last: Option<String>,
    /// Rows asked for at once unless fewer are needed.
    #[serde(default)]
    pub page_size: Option<u32>,
    /// Most rows that may be asked for at once.
    #[serde(default)]
    pub max_page_size: Option<u32>,
    /// How rows are counted.
    #[serde(default)]
    pub count: Option<Count>,
    /// How fields are selected.
    #[serde(default)]
    pub select: Option<Select>,
    /// What each name in `select` is written as, with `{name}`, where that is not the name alone: `{FIELDNAME: "{name}"}`.
    #[serde(default)]
    pub column: Option<Value>,
    /// What stands in `select` for names of source fields, where that is not the name itself: `o.tranid AS number`.
    #[serde(default)]
    pub columns: IndexMap<String, String>,
    /// Separator of several sort terms, for text dialects.
    #[serde(default)]
    pub order_separator: Option<String>,
    /// Where the system puts rows without a value of the field that it sorts by, unless a field says otherwise; last when
    /// left out. With `first`, fields that can be asked for missing values are sorted in two parts; by others that may
    /// lack a value lists are not sorted by the system.
    #[serde(default)]
    pub sorts_missing: Option<MissingRows>,
    /// Members that records have and the rows of this list do not, for systems whose lists tell only a part. When one of
    /// them is asked for, the records of a page are read again one by one (`get_many.via: each`).
    #[serde(default)]
    pub lacks: Vec<String>,
    /// Elements of XML answers that are lists also where there is one of them or none, as in `http`; the place of the
    /// records always is.
    #[serde(default)]
    pub lists: Vec<String>,
}

/// How rows that are one text are cut into members, at places that the answer tells. Blanks around the parts are left
/// out; rows without the text stay as they are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cells {
    /// The member of rows that is the text.
    pub text: String,
    /// Path of the list of columns in the answer.
    pub columns: String,
    /// Member of a column that is its name.
    pub name: String,
    /// Member of a column that tells how many signs stand before it.
    pub offset: String,
    /// Member of a column that tells how many signs it has.
    pub length: String,
}

/// Where names and values stand in rows that are lists of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowPairs {
    /// The member of the row that is the list.
    pub of: String,
    /// The member of an element that is the name.
    pub name: String,
    /// The member of an element that is the value.
    pub value: String,
}

/// How the fields of the source are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The system sends everything.
    None,
    /// Names; children by `expand` (`OData` version 2: `$select` names the navigation too).
    OdataV2,
    /// Names; children by `expand` with their own `$select`.
    OdataV4,
    /// Names, children in braces: `a,b,lines{c,d}`.
    Braces,
    /// Names of the first segment of each path; no names at all ask for everything.
    Names,
    /// The same, but the system cannot be asked for everything: raw rows hold what is mapped.
    NamesOnly,
}

/// How rows are fetched by keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetMany {
    /// The way.
    #[serde(default)]
    pub via: Option<Strategy>,
    /// Most keys in one call.
    #[serde(default)]
    pub max_keys: Option<u32>,
    /// The request of one record, for `each`; in the dialect of parameters, what the request of several has besides
    /// that of the list, with the variable `keys`.
    #[serde(default)]
    pub request: Option<Request>,
    /// Where the record stands in the answer, for `each`.
    #[serde(default)]
    pub record: Option<String>,
    /// Seconds that the list is kept, for `list`; 300 unless said otherwise.
    #[serde(default)]
    pub keep_s: Option<u32>,
    /// Most rows of the list, for `list`; 2000 unless said otherwise. Look-ups in a longer list are an error.
    #[serde(default)]
    pub max_rows: Option<u32>,
    /// Whether requests of one record each go into envelopes where the connector has `batch`; they do unless said
    /// otherwise.
    #[serde(default)]
    pub batch: Option<bool>,
}

/// How the rows of one parent are read.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChildrenOperation {
    /// What the request has besides that of the list, with the variable `key`: the parent's.
    pub request: Request,
    /// Name under which the parent's key is put into each row, where key and mappings find it.
    pub parent_as: String,
}

/// A way to fetch rows by keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The list with an in-list of keys.
    In,
    /// The list with keys joined by `or`.
    OrChain,
    /// One request for each key, several at the same time, or several in one envelope where the connector has `batch`.
    Each,
    /// The whole list, read once and kept for a while: for small lists of systems that cannot be asked for several
    /// records. A write of the type through the connection ends it, and so does a new sign-in of a user.
    List,
    /// Not at all: records are only found in lists, or among the rows of their parent.
    None,
}

/// How a list goes on behind a known record without reading what comes before.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seek {
    /// The source field that orders the list and is compared with the last record's.
    #[serde(default)]
    pub by: Option<String>,
    /// The query parameter that takes the last key.
    #[serde(default)]
    pub parameter: Option<String>,
    /// Whether the field is a number in the system's literals.
    #[serde(default)]
    pub numeric: bool,
}

/// Paths that clients may call as they are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAccess {
    /// HTTP methods.
    pub methods: Vec<String>,
    /// Path patterns below the base address: `*` is any text within a segment, `**` any number of segments, `{name}` a
    /// segment of letters, digits and underscores only.
    pub paths: Vec<String>,
    /// Path patterns that are not allowed though `paths` has them, in small letters or capitals, also where a server
    /// would cut a segment off at a semicolon or at dots and blanks at its end. Patterns without a slash are those of
    /// `called`.
    #[serde(default)]
    pub except: Vec<String>,
    /// Path patterns of requests that change nothing whatever their method, so that they may be repeated. GET and HEAD
    /// never change anything.
    #[serde(default)]
    pub reads: Vec<String>,
    /// What the envelope calls, where it names that in one text: a template with the variables `raw.segments.0` … and,
    /// where the body says it, `raw.body.<name>`; the envelope has it as `raw.called`. Patterns of `except` without a slash
    /// are compared with it. Where a body may say it in several places, a list: the first has a value and is
    /// `raw.called`, the others are compared where they have one. What a body says so is a name of letters, digits, `_`,
    /// `.` and `-`, else the request is refused, and so is one whose body has a member beside it, or beside one that the
    /// envelope adds to the body, whose name differs from it only in case.
    #[serde(default)]
    pub called: Option<OneOrMany<String>>,
    /// The request that is sent instead, for systems with one address for everything, with the variables `raw.path`,
    /// `raw.segments.0` … (the parts of the path), `raw.called`, `raw.method`, `raw.query.<name>`, `raw.body` and `raw.body.<name>`.
    /// It has the method of the request unless it says one itself; for GET and HEAD POST where it has a body.
    #[serde(default)]
    pub envelope: Option<Request>,
}
