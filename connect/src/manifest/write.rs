//! Writing: which fields of a type can be written, and with which requests records are made, changed, removed and acted on.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    errors::{BodyTest, RuleConditions},
    field::{Codec, OneOrMany},
    http::Request,
    labels::LabelOf,
};

/// How records of a type are written.
///
/// The values of a write are turned back into a row of the source by the same paths and codecs that read it; `fields` says
/// which ones, and where the place to write differs from the place to read. Requests find that row as `{{row}}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The unified fields that can be written.
    #[serde(default)]
    pub fields: IndexMap<String, WriteField>,
    /// Rows that belong to a record and can be written with it, by the list that shows them, such as `lines`.
    #[serde(default)]
    pub children: IndexMap<String, WriteChildren>,
    /// Whether customer-specific fields can be written, under the names that `customFields` gives them.
    #[serde(default)]
    pub custom: bool,
    /// The unified field that can carry our own mark, by which a record is found again after an unknown outcome. The
    /// field must be writable on new records and the system must filter by it.
    #[serde(default)]
    pub client_reference: Option<ClientReference>,
    /// How records are made.
    #[serde(default)]
    pub create: Option<Box<WriteOperation>>,
    /// How records are changed.
    #[serde(default)]
    pub update: Option<Box<WriteOperation>>,
    /// How records are removed for good.
    #[serde(default)]
    pub delete: Option<Box<WriteOperation>>,
    /// What the system does instead of removing records: marking, archiving, blocking. Where the type maps `isDeleted`,
    /// that must tell it afterwards, since it settles unknown outcomes.
    #[serde(default)]
    pub soft_delete: Option<Box<WriteOperation>>,
    /// What can be done with records, by the short names of the model's actions.
    #[serde(default)]
    pub actions: IndexMap<String, WriteAction>,
    /// What serves instead of an operation that the system does not have, by `create`, `update`, `delete` or the name of
    /// an action: the name of an action, or a sentence.
    #[serde(default)]
    pub instead: IndexMap<String, String>,
    /// How the system tells what can be written.
    #[serde(default)]
    pub describe: Option<Describe>,
}

/// What the writes of all types have in common. An operation of a type lies over the one here, key by key; a type that
/// does not name an operation does not have it: `create: {}` takes it as it is here.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteDefaults {
    /// How records are made.
    #[serde(default)]
    pub create: Option<WriteOperation>,
    /// How records are changed.
    #[serde(default)]
    pub update: Option<WriteOperation>,
    /// How records are removed for good.
    #[serde(default)]
    pub delete: Option<WriteOperation>,
    /// What the system does instead of removing records.
    #[serde(default)]
    pub soft_delete: Option<WriteOperation>,
    /// How the system tells what can be written.
    #[serde(default)]
    pub describe: Option<Describe>,
}

/// Whether and how a field can be written: `true`, the place to write, or the long form.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WriteField {
    /// `true`: where and how it is read.
    Same(bool),
    /// The path to write to.
    To(String),
    /// Everything else.
    Full(Box<FullWriteField>),
}

/// The long form of a writable field.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullWriteField {
    /// Path in the row that is sent, names joined by dots; several for the parts of the key of a reference, of which an
    /// empty one is not sent. Where it is read unless said otherwise. Not beside `object`: its parts have their own.
    #[serde(default)]
    pub to: Option<OneOrMany<String>>,
    /// How the value is written; as it is read unless said otherwise.
    #[serde(default, rename = "as")]
    pub codec: Option<Codec>,
    /// Where the parts of an embedded value go: `{amount: price, currency: currency_code}`. Parts that are not named
    /// cannot be written.
    #[serde(default)]
    pub object: Option<IndexMap<String, WriteField>>,
    /// For enums and truth values that are several members of the row, or that share a word: what goes into the row for
    /// each value, by path: `{STOCKED: {type: consu, is_storable: true}}`. Instead of `to` and `as`.
    #[serde(default)]
    pub cases: Option<IndexMap<String, IndexMap<String, serde_json::Value>>>,
    /// What else goes into the row whenever the field is written, by path.
    #[serde(default)]
    pub beside: IndexMap<String, serde_json::Value>,
    /// For lists of embedded values, and for lists of rows that have no resource of their own: how each element is
    /// written, into the list at `to`.
    #[serde(default)]
    pub each: Option<IndexMap<String, WriteField>>,
    /// Beside `each`: members that every element has besides, with the same value in all.
    #[serde(default)]
    pub constants: serde_json::Map<String, serde_json::Value>,
    /// The table of codes in which the text is looked for: the code of its entry is written. As it is read unless said
    /// otherwise. For fields of the record itself.
    #[serde(default)]
    pub label: Option<LabelOf>,
    /// When it can be written; always unless said otherwise.
    #[serde(default)]
    pub on: Occasion,
    /// Whether a new record must have it.
    #[serde(default)]
    pub required: bool,
    /// Value of a new record or action that does not give it, in the words of the unified model; for moments and dates
    /// also `now` and `today`.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
    /// The values that can be written, where not all of the enum's can.
    #[serde(default)]
    pub values: Vec<String>,
    /// Most characters that the system takes.
    #[serde(default)]
    pub max_length: Option<usize>,
    /// Whether it is written as a JSON number though the codec gives text: codes that are numbers in the source.
    #[serde(default)]
    pub number: bool,
    /// The JSON that clears it; null unless said otherwise.
    #[serde(default)]
    pub clear: Option<serde_json::Value>,
}

/// When a field can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// When the record is made and later.
    #[default]
    Always,
    /// Only when the record is made.
    Create,
    /// Only later.
    Update,
}

/// The unified field that carries our mark.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientReference {
    /// Its name.
    pub field: String,
    /// Most characters that it takes; at least 12.
    #[serde(default)]
    pub max_length: Option<usize>,
}

/// How rows that belong to a record are written with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteChildren {
    /// With a new record. They cannot be given with one when it is left out.
    #[serde(default)]
    pub create: Option<ChildrenWay>,
    /// With a change of the record.
    #[serde(default)]
    pub update: Option<ChildrenWay>,
}

/// A way to write rows that belong to a record.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChildrenWay {
    /// Inside the row of the record, in the same request.
    Embed(Box<EmbedChildren>),
    /// One by one after the record, by the operations of their own type. When one of a new record fails, the record is
    /// removed again.
    Each,
}

/// How rows stand inside the row of their owner.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbedChildren {
    /// Path of the list in the owner's row.
    pub to: String,
    /// A new row as a template around `{{row}}`; the row alone unless said otherwise. When a request of the operation
    /// uses `children.<list>`, the rows stand there and not in the row of the record.
    #[serde(default)]
    pub create: Option<serde_json::Value>,
    /// A changed row as a template around `{{row}}` and `{{key}}`. Rows cannot be changed this way when it is left out.
    #[serde(default)]
    pub update: Option<serde_json::Value>,
    /// A row to be removed as a template around `{{key}}`.
    #[serde(default)]
    pub delete: Option<serde_json::Value>,
}

/// One way to write: its requests, and what they presuppose.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOperation {
    /// The only request, where one is enough.
    #[serde(default)]
    pub request: Option<Request>,
    /// What the request (of several the first that changes something) has besides when a version is expected, as a JSON
    /// merge patch of the request; the version is `{{version}}`. Without it an expected version is compared with a fresh copy of the record before anything is sent.
    #[serde(default)]
    pub versioned: Option<serde_json::Value>,
    /// The requests in order, where one is not enough; laid beside `request`, never with it.
    #[serde(default)]
    pub steps: Vec<WriteStep>,
    /// Where the answer tells the key of a new record; in a row of the source at the root of the answer unless said
    /// otherwise.
    #[serde(default)]
    pub reply: Option<Reply>,
    /// What of the record is sent.
    #[serde(default)]
    pub sends: Sends,
    /// Values of the unified field `status` in which the system allows it; any when empty. Told to clients and checked in
    /// dry runs; the system has the last word.
    #[serde(default)]
    pub allowed_in: Vec<String>,
    /// Takes back what the first request did when a later one fails, with `{{key}}`; `delete` of the type unless said
    /// otherwise.
    #[serde(default)]
    pub undo: Option<Request>,
}

/// What of a record is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sends {
    /// What changes.
    #[default]
    Changes,
    /// The whole record as it is read, with the changes laid over it: for systems that clear what is left out.
    Whole,
}

/// One of several requests.
///
/// Besides the variables of all writes it knows `kept.<name>` of earlier steps and, in `for_each`, `item`, `item.<name>`
/// and `item_index`, counted from 1. The variables of all writes: `resource.remote`; in paths `resource.at`, the key as `OData` addresses rows; `row` and `row.<name>`, the row that is sent; `key` and
/// `key.0` …, of new records once an answer has told it; `owner` and `owner.0` …, the key of the record that a part
/// belongs to; `version`, the one that is expected; `current` and `current.<path>`, the row as it is in the system, and
/// `current_version`, both read right before; `client_reference`, our mark; `now` and `today` in ISO 8601 and UTC;
/// `children.<list>`, the rows of new children that are embedded.
///
/// `{{unless a b}}` is `b` unless `a` says something; then a member that is nothing else is left out.
///
/// Keys are JSON numbers where the system has numbers. In paths and queries, variables stand inside the quotes of the
/// system's language: in `OData` quotes in them are doubled, in queries of OSLC quotes and backslashes are escaped. A member of
/// a body that is nothing but one variable without value is left out, and so is an object in a list whose variables all
/// have none; null is written. In texts a variable without value is empty, in paths it is an error.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteStep {
    /// Name in messages and in the write log.
    pub name: String,
    /// The request. One with `read_only: true` changes nothing.
    pub request: Request,
    /// Sent only when this variable has a value that is not empty.
    #[serde(default)]
    pub when: Option<String>,
    /// Sent only when this variable has no value or an empty one.
    #[serde(default)]
    pub unless: Option<String>,
    /// Sent once for each element of this variable, as `{{item}}`, one after the other. What is kept of the answers is
    /// laid over the elements; the whole list is `kept.<name of the step>` to later steps.
    #[serde(default)]
    pub for_each: Option<String>,
    /// What later steps need: names and paths in the answer.
    #[serde(default)]
    pub keep: IndexMap<String, String>,
    /// Tests that the answer must pass; else the write is refused with `message`.
    #[serde(default)]
    pub expect: Vec<BodyTest>,
    /// What is told when `expect` fails.
    #[serde(default)]
    pub message: Option<String>,
}

impl WriteStep {
    /// Returns whether later steps know the elements that it was sent for, with what was kept of each answer.
    pub(crate) fn keeps_elements(&self) -> bool {
        self.for_each.is_some() && !self.keep.is_empty()
    }
}

/// Where the answer tells the key of a new record.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Path of a row from which the key is read as in lists.
    #[serde(default)]
    pub record: Option<String>,
    /// Paths of the parts of the key in the answer.
    #[serde(default)]
    pub key: Option<OneOrMany<String>>,
    /// A header that carries the key.
    #[serde(default)]
    pub header: Option<ReplyHeader>,
    /// The step whose answer it is; the first that changes something unless said otherwise.
    #[serde(default)]
    pub step: Option<String>,
    /// Paths of warnings in the answer.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A header of the answer that carries the key of a new record.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplyHeader {
    /// Its name.
    pub name: String,
    /// Regular expression whose groups are the parts of the key.
    pub pattern: String,
}

/// Something that can be done with a record beyond changing fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteAction {
    /// What the action is told, by the fields of its input: where it goes in `{{row}}`.
    #[serde(default)]
    pub fields: IndexMap<String, WriteField>,
    /// The only request, where one is enough.
    #[serde(default)]
    pub request: Option<Request>,
    /// As in operations.
    #[serde(default)]
    pub versioned: Option<serde_json::Value>,
    /// The requests in order, where one is not enough.
    #[serde(default)]
    pub steps: Vec<WriteStep>,
    /// Values of the unified field `status` in which the system allows it; any when empty.
    #[serde(default)]
    pub allowed_in: Vec<String>,
    /// Values of the unified field `status` that tell that it was done; they settle an unknown outcome.
    #[serde(default)]
    pub leads_to: Vec<String>,
}

/// How the system tells which fields can be written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Describe {
    /// The request.
    pub request: Request,
    /// What the answer is.
    pub form: DescribeForm,
}

/// What a description of fields is written in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DescribeForm {
    /// The metadata document of `OData`.
    OdataMetadata {
        /// The entity set; `resource.remote` unless said otherwise.
        #[serde(default)]
        entity_set: Option<String>,
    },
    /// A JSON object or list with one entry for each field.
    Fields(Box<FieldsForm>),
    /// A JSON Schema with `properties`.
    JsonSchema {
        /// Where it stands in the answer.
        #[serde(default)]
        path: String,
    },
}

/// Where a list of fields keeps what it tells; paths in an entry.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldsForm {
    /// Where the entries stand in the answer.
    pub items: String,
    /// The name of the field; the keys of the object when it is left out.
    #[serde(default)]
    pub name: Option<String>,
    /// A label.
    #[serde(default)]
    pub label: Option<String>,
    /// The type, in the words of the system.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// A truth value: a new record must have it.
    #[serde(default)]
    pub required: Option<String>,
    /// Tests of an entry, beside `required`: only fields that pass them are told as needed. For systems that call fields
    /// needed which they fill in by themselves.
    #[serde(default)]
    pub required_only: Vec<BodyTest>,
    /// A truth value: it cannot be written.
    #[serde(default)]
    pub read_only: Option<String>,
    /// Most characters.
    #[serde(default)]
    pub max_length: Option<String>,
    /// The values to choose from: a list.
    #[serde(default)]
    pub choices: Option<String>,
    /// The value in an entry of `choices`; the entry itself unless said otherwise.
    #[serde(default)]
    pub choice_value: Option<String>,
    /// Its label in an entry of `choices`.
    #[serde(default)]
    pub choice_label: Option<String>,
    /// The object that it refers to.
    #[serde(default)]
    pub relation: Option<String>,
    /// A truth value: it is a part of the key.
    #[serde(default)]
    pub key: Option<String>,
    /// Tests that an entry must pass.
    #[serde(default)]
    pub only: Vec<BodyTest>,
}

/// A mark that a system wants with every request that changes something, to make sure that its client meant it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AntiForgery {
    /// The request whose answer has the mark and the cookies that belong to it.
    pub request: Request,
    /// The header that carries it, in the answer and in later requests.
    pub header: String,
    /// How the system says that the mark is no longer good: nothing was carried out, a new one is fetched once.
    pub refused_when: RuleConditions,
}

/// What a refusal means for the business: the code that clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BusinessRule {
    /// A value is missing.
    Required,
    /// A value is wrong: too long, out of range, not among the choices.
    InvalidValue,
    /// A record that is referred to does not exist or cannot be used.
    UnknownReference,
    /// A record like this exists already.
    Duplicate,
    /// The state of the record does not allow it: approved, closed, received.
    StatusForbids,
    /// The accounting period is closed.
    PeriodClosed,
    /// Somebody is working on the record.
    Locked,
    /// The record was changed meanwhile.
    VersionConflict,
    /// It must be approved first.
    ApprovalRequired,
    /// There is not enough in stock, or the quantity does not fit.
    Quantity,
    /// The system has carried out a request with this mark before.
    Repeated,
    /// Another rule.
    Other,
}
