//! The manifest language: what `connectors/<id>/manifest.yaml` and its `mappings/*.yaml` may say.
//!
//! These types are the grammar. The JSON Schema for editors is generated from them, and every key is
//! documented here and nowhere else. Loading and checking live in [`load`].

mod auth;
mod batch;
mod discovery;
mod errors;
mod exchange;
mod field;
mod http;
mod labels;
mod language;
pub mod load;
pub mod overlay;
mod resource;
mod shape;
mod signing;
mod spec;
pub mod suggest;
pub mod trust;
mod write;

pub use auth::{
    Auth, AuthKind, ClientAuth, CredentialField, Grant, KeepAlive, Logout, REFRESH_TOKEN, SettingField, SettingKind,
};
pub use batch::{Batch, BatchAnswers, BatchBody, BatchCount, BatchForm};
pub use discovery::{DiscoverObjects, Discovery, ObjectsForm};
pub use errors::{
    BodyTest, ErrorRule, FieldKeys, FieldWithin, RuleConditions, SpokenField, SpokenRecord, Wait, WaitUnit,
};
pub use exchange::{Answer, Key, Outcome, Place, Question, Refusal, SentRequest, Wanted, Way};
pub use field::{
    Case, Codec, Compute, CustomFields, CustomRows, DurationUnit, FieldFilter, FieldMapping, FullFilter, FullMapping,
    FullSort, ListMapping, Mapping, MissingRows, OneOrMany, ParameterFilter, SortBy, Test, UnixUnit,
};
pub use http::{
    Answers, Count, Expired, Http, Limits, Paging, Probe, Rate, RateCost, RateScope, Request, ResponseTest, Wrapped,
};
pub use labels::{LabelOf, Labels, LabelsJoin};
pub use language::{
    Escape, FilterLanguage, Flat, FlatExpression, Forms, IdentifierQuote, Joiner, JsonLanguage, Junction, JunctionForm,
    LiteralForm, Literals, ParameterSign, Quote, Search, TextLanguage,
};
pub use lineshaft_yaml as yaml;
pub use resource::{
    Cells, ChildrenOperation, Dialect, GetMany, ListOperation, Normalization, Protocol, RawAccess, Resource, RowPairs,
    Scope, Seek, Select, Strategy,
};
pub use signing::{Assertion, AssertionAlgorithm, Over, Put, SignatureAlgorithm, SignatureEncoding, Signed};
pub use write::{
    AntiForgery, BusinessRule, ChildrenWay, ClientReference, Describe, DescribeForm, EmbedChildren, FieldsForm,
    FullWriteField, Occasion, Reply, ReplyHeader, Sends, Write, WriteAction, WriteChildren, WriteDefaults, WriteField,
    WriteOperation, WriteStep,
};

use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connector: how to reach one kind of system and what it offers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the manifest language; 1.
    pub manifest: u32,
    /// Identifier; equal to the name of the folder.
    pub id: String,
    /// Version of the connector.
    pub version: String,
    /// Name that people read.
    pub name: String,
    /// One sentence about the system.
    pub description: String,
    /// Who makes the system.
    #[serde(default)]
    pub vendor: Option<String>,
    /// What kinds of system it is.
    pub categories: Vec<Category>,
    /// Price class: 1, 2 or 3 credits; doubled on-premises.
    pub tier: u8,
    /// Where the system can run.
    pub deployments: Vec<Deployment>,
    /// Where its API is documented by its maker.
    #[serde(default)]
    pub documentation: Option<String>,
    /// What a connection must be told besides credentials, in the order of the form.
    #[serde(default)]
    pub settings: IndexMap<String, SettingField>,
    /// The ways to sign in. Of those whose credentials are all given, the one that needs the most is used, the first
    /// among equals.
    pub auth: Vec<Auth>,
    /// How requests are sent.
    pub http: Http,
    /// Limits of the system, per connection.
    #[serde(default)]
    pub limits: Limits,
    /// How the system's failures are recognized; the first rule that holds wins, then the built-in ones.
    #[serde(default)]
    pub errors: Vec<ErrorRule>,
    /// The request that proves that the credentials work and tells whose they are.
    pub probe: Probe,
    /// The protocol whose habits the resources share unless they say otherwise.
    pub protocol: Protocol,
    /// The system's own language of filters and sorts, instead of the dialect of the protocol.
    #[serde(default)]
    pub language: Option<FilterLanguage>,
    /// Defaults for `list` of every resource, laid over those of the protocol.
    #[serde(default)]
    pub list: Option<ListOperation>,
    /// Defaults for `get_many` of every resource.
    #[serde(default)]
    pub get_many: Option<GetMany>,
    /// How several requests are sent as one.
    #[serde(default)]
    pub batch: Option<Batch>,
    /// Small tables of codes, by name; resources join them into their rows.
    #[serde(default)]
    pub labels: IndexMap<String, Labels>,
    /// What the writes of all types have in common.
    #[serde(default)]
    pub write: Option<WriteDefaults>,
    /// How the system tells what it has besides what the mappings name.
    #[serde(default)]
    pub discovery: Option<Discovery>,
    /// Paths that clients may call as they are.
    #[serde(default)]
    pub raw: Option<RawAccess>,
    /// Changes to this manifest for connections with certain settings, such as another API version.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Resources by unified type; usually left to the files in `mappings/`, one for each type.
    #[serde(default)]
    pub resources: IndexMap<String, Arc<Resource>>,
}

/// What kind of system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Enterprise resource planning.
    Erp,
    /// Computerized maintenance management.
    Cmms,
    /// Enterprise asset management.
    Eam,
    /// Warehouse management.
    Wms,
    /// Inventory management.
    Inventory,
    /// Procurement.
    Procurement,
}

/// Where a system runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// Run by its maker or in a public cloud.
    Cloud,
    /// Run by the customer.
    OnPremises,
}

/// A change of the manifest for some connections.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Settings and their values that select it; all must hold.
    pub when: IndexMap<String, String>,
    /// What changes, as a JSON merge patch of the whole manifest (`null` removes a key).
    pub patch: serde_json::Value,
}
