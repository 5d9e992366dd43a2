//! Writes as plain data: what is to be done to a record, what a connector can do, what came of it.

mod backward;
mod backward_children;
mod belonging;
pub(crate) mod compile;
mod compile_children;
mod compile_fields;
mod compile_steps;
mod compile_told;
mod extent;
mod mark;
mod run;
mod run_answers;
mod run_dry;
mod run_errors;
mod run_scope;
mod spoken_of;
#[cfg(test)]
mod tests;
pub(crate) mod within;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use lineshaft_schema::{FieldIndex, RemoteKey, Text, TypeIndex, Value};
use serde::{Deserialize, Serialize};

pub(crate) use belonging::NamedRow;
pub(crate) use extent::Extent;
pub use run::{Next, Run};
pub(crate) use run_errors::code_of;
pub(crate) use within::Within;

use crate::error::Error;
pub use crate::{
    describe::{Described, DescribedField, read_description},
    manifest::BusinessRule,
};

/// One write that is wanted of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteRequest {
    /// The unified type of the record.
    pub kind: TypeIndex,
    /// What is to be done.
    pub act: Act,
    /// The record; none when it is made.
    pub key: Option<RemoteKey>,
    /// The values.
    pub input: Input,
    /// The version that the caller has seen: the write is refused when the record has another by now.
    pub expected_version: Option<Text>,
    /// Our own mark of this write, unique and made of letters and digits; systems that can carry one get it.
    pub client_reference: Text,
}

/// What is done to a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is removed for good.
    Delete,
    /// The system's own way to remove it: `soft_delete` where the system has that, else `delete`.
    SoftDelete,
    /// An action, by its short name.
    Action(String),
}

impl Act {
    /// Returns its short name: `create`, `update`, `delete`, or that of the action.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete | Self::SoftDelete => "delete",
            Self::Action(name) => name,
        }
    }
}

/// The values of a write. For actions the fields are those of the action's own type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// Values by field; null clears. Fields that are absent are left as they are. Embedded values come as
    /// `Value::Object` whose null slots are absent, references as `Value::Reference`.
    pub values: IndexMap<FieldIndex, Value>,
    /// Changes to rows that belong to the record, by the list that shows them.
    pub children: IndexMap<FieldIndex, Vec<ChildChange>>,
    /// Customer-specific fields by key.
    pub custom: IndexMap<String, serde_json::Value>,
    /// Members of the source's row that the model does not have; they win over what the fields say.
    pub raw: serde_json::Map<String, serde_json::Value>,
}

/// A change to a row that belongs to a record.
#[derive(Clone, Debug, PartialEq)]
pub enum ChildChange {
    /// It is made.
    Create(Input),
    /// It is changed.
    Update(RemoteKey, Input),
    /// It is removed.
    Delete(RemoteKey),
}

/// What a caller is told about one thing that is wrong with a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserError {
    /// Where in the input it is: names of the API and positions in lists, such as `["lines", "0", "quantity"]`; empty
    /// when it concerns the whole.
    pub path: Vec<String>,
    /// Its stable code.
    pub code: UserErrorCode,
    /// What is wrong, for people.
    pub message: String,
    /// The system's own code.
    pub remote_code: Option<String>,
    /// The system's own words.
    pub remote_message: Option<String>,
}

/// The closed set of codes of user errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserErrorCode {
    /// A value is missing.
    Required,
    /// A value is wrong: too long, out of range, not among the allowed ones.
    InvalidValue,
    /// The connection cannot write this field.
    NotWritable,
    /// The connection cannot write this type in this way; the message names what serves instead.
    OperationNotSupported,
    /// A record that is referred to does not exist, belongs to another connection, or cannot be used.
    UnknownReference,
    /// The record does not exist.
    NotFound,
    /// A record like this exists already.
    Duplicate,
    /// The state of the record does not allow it.
    StatusForbids,
    /// The accounting period is closed.
    PeriodClosed,
    /// Somebody is working on the record.
    Locked,
    /// The record has another version than was expected.
    VersionConflict,
    /// It must be approved first.
    ApprovalRequired,
    /// There is not enough in stock, or the quantity does not fit.
    Quantity,
    /// The account may not do this.
    PermissionDenied,
    /// The system asks for fewer calls; nothing was carried out.
    RateLimited,
    /// The system refused it by a rule of its own.
    BusinessRule,
    /// The system could not be reached or was not asked; nothing was carried out.
    NotSent,
    /// It is not known whether the system carried it out.
    InDoubt,
    /// It was carried out in part; the errors beside this one tell which part was not, and why.
    Partly,
}

/// A request as it is shown to people: without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownRequest {
    /// Name of the step; empty when there is only one.
    pub step: String,
    /// HTTP method.
    pub method: String,
    /// The whole address, secrets replaced.
    pub url: String,
    /// The headers, those of the sign-in included, secrets replaced.
    pub headers: Vec<(String, String)>,
    /// The body, secrets replaced.
    pub body: Option<serde_json::Value>,
}

/// What came of a write.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The system carried it out, in part when something was refused.
    Done {
        /// The record; none when it is known to be gone.
        key: Option<RemoteKey>,
        /// What the system remarked.
        warnings: Vec<String>,
        /// What was not carried out, and why: empty when all was. Else the first is [`UserErrorCode::Partly`], which
        /// concerns the whole.
        refused: Vec<UserError>,
    },
    /// Nothing was carried out, for reasons that the caller can mend.
    Refused(Vec<UserError>),
    /// Nothing was carried out: the system could not be reached, or did not take the request.
    Failed(Error),
    /// It is not known whether the system carried it out.
    InDoubt {
        /// What happened.
        error: Error,
        /// The record, as far as it is known.
        key: Option<RemoteKey>,
    },
}

/// What a look-up says about a write whose outcome was unknown.
#[derive(Clone, Debug)]
pub enum Settled {
    /// It was carried out; this is the record.
    Done(Option<RemoteKey>),
    /// It was not carried out.
    NotDone,
    /// The system cannot tell.
    Unknown,
}

/// Writes down what is sent before it is sent, so that a crash leaves a trace.
pub trait Journal: Send + Sync {
    /// Takes note of a request that is about to be sent and that changes something. The request is sent only when this
    /// has succeeded.
    fn sending<'a>(&'a self, request: &'a ShownRequest) -> BoxFuture<'a, Result<(), Error>>;

    /// Takes note of the key of a record that was made before the write is complete.
    fn made<'a>(&'a self, key: &'a RemoteKey) -> BoxFuture<'a, Result<(), Error>>;
}

/// What a connector can write of a type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteCapability {
    /// How records are made, if they can be.
    pub create: Option<OperationCapability>,
    /// How records are changed, if they can be.
    pub update: Option<OperationCapability>,
    /// Whether records can be removed for good.
    pub delete: Option<OperationCapability>,
    /// Whether the system has its own way instead of removing records.
    pub soft_delete: Option<OperationCapability>,
    /// What can be done with records, by short name.
    pub actions: IndexMap<String, OperationCapability>,
    /// What serves instead of what the system does not have, by short name: the name of an action, or a sentence.
    pub instead: IndexMap<String, String>,
    /// Whether customer-specific fields can be written.
    pub custom: bool,
    /// The field that carries our mark.
    pub client_reference: Option<FieldIndex>,
    /// The fields of a new record, also where records are only made together with their owner.
    pub fields: Vec<WritableField>,
    /// Whether the system itself tells which fields it has.
    pub described: bool,
}

impl WriteCapability {
    /// Returns what is known of an act; none when the system does not have it.
    #[must_use]
    pub fn operation(&self, act: &Act) -> Option<&OperationCapability> {
        match act {
            Act::Create => self.create.as_ref(),
            Act::Update => self.update.as_ref(),
            Act::Delete => self.delete.as_ref(),
            Act::SoftDelete => self.soft_delete.as_ref().or(self.delete.as_ref()),
            Act::Action(name) => self.actions.get(name),
        }
    }
}

/// What is known of one operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperationCapability {
    /// The fields that it takes; of actions, those of the action's own type.
    pub fields: Vec<WritableField>,
    /// Lists whose rows can be written with it: the field, and whether rows can also be changed and removed.
    pub children: Vec<WritableChildren>,
    /// Values of `status` in which it is allowed; any when empty.
    pub allowed_in: Vec<Value>,
    /// Values of `status` that tell that it was done.
    pub leads_to: Vec<Value>,
    /// Whether the system itself compares the version; else a fresh copy is compared before anything is sent.
    pub native_lock: bool,
    /// Whether the record is read before it is written in any case.
    pub reads_first: bool,
}

/// A field that an operation takes.
#[derive(Clone, Debug, PartialEq)]
pub struct WritableField {
    /// The field.
    pub field: FieldIndex,
    /// For embedded values, the parts that can be written, by name; empty for all others.
    pub parts: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// The values of an enum that can be written; all when empty.
    pub values: Vec<Value>,
    /// Most characters.
    pub max_length: Option<usize>,
    /// Where it goes, in words of the source system; as a path, for finding it in what the system tells of its fields.
    pub target: Vec<String>,
}

/// A list whose rows can be written with their owner.
#[derive(Clone, Debug, PartialEq)]
pub struct WritableChildren {
    /// The list.
    pub field: FieldIndex,
    /// The type of its rows.
    pub kind: TypeIndex,
    /// The fields of a new row that stands only with its owner; empty when the rows' own type tells them.
    pub fields: Vec<WritableField>,
    /// Whether rows can be made.
    pub create: bool,
    /// Whether rows can be changed.
    pub update: bool,
    /// Whether rows can be removed.
    pub delete: bool,
    /// Whether it all happens in one request of the system, so that it is done as a whole or not at all.
    pub atomic: bool,
}
