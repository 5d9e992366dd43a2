//! A system's own language of filters and sorts, described as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::field::UnixUnit;

/// The language in which a system takes conditions and sorts, where none of the dialects is it.
///
/// Names and values are put into forms by `{name}`, `{value}` and so on. Values are escaped where they stand; one that
/// the language cannot hold is not sent, and the condition is checked here.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FilterLanguage {
    /// Conditions are text.
    Text(Box<TextLanguage>),
    /// Conditions are JSON.
    Json(Box<JsonLanguage>),
}

/// A language whose conditions are text.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextLanguage {
    /// What joins conditions that must all hold.
    pub and: Junction,
    /// What joins conditions of which one must hold; without it there is no "or".
    #[serde(default)]
    pub or: Option<Junction>,
    /// Whether, without a `group`, "or" binds tighter than "and": then only comparisons can be joined by it.
    #[serde(default)]
    pub or_binds_tighter: bool,
    /// What joins whole conditions of which one must hold, below every "and" and "or".
    #[serde(default)]
    pub alternatives: Option<String>,
    /// How a part is kept together, such as `({parts})`.
    #[serde(default)]
    pub group: Option<String>,
    /// How texts are quoted; they stand bare when it is left out, and those that could be taken for something else are
    /// not sent.
    #[serde(default)]
    pub quote: Option<Quote>,
    /// Parts of texts that are not sent, whatever their case.
    #[serde(default)]
    pub forbid: Vec<String>,
    /// Regular expression of the names of fields.
    #[serde(default)]
    pub names: Option<String>,
    /// How names are quoted wherever they stand: in conditions, sorts, `{{select}}` and `{{resource.remote}}`. Then names
    /// may have any signs. Dots in the name of the object separate its parts.
    #[serde(default)]
    pub identifier: Option<IdentifierQuote>,
    /// What joins the names of a path; a dot unless said otherwise.
    #[serde(default)]
    pub path: Option<String>,
    /// Whether the system compares texts by rules of its own, such as without regard to case, so that equal ones may
    /// differ. Those that it finds are checked here, and what depends on texts being different is not sent.
    #[serde(default)]
    pub collates: bool,
    /// Comparisons, with `{name}` and `{value}`; what is left out is not sent.
    pub compare: Forms<String>,
    /// What stands for `{value}` in searches for texts.
    #[serde(default)]
    pub search: Search,
    /// A field is one of several values, with `{name}` and `{values}`; a chain of "or" without it.
    #[serde(default, rename = "in")]
    pub one_of: Option<String>,
    /// What separates the values of `in`; a comma unless said otherwise.
    #[serde(default)]
    pub in_separator: Option<String>,
    /// A field has no value.
    #[serde(default)]
    pub missing: Option<String>,
    /// A field has a value.
    #[serde(default)]
    pub present: Option<String>,
    /// Whether an empty text is something else than no value to the system, so that both are asked for.
    #[serde(default)]
    pub tells_empty: bool,
    /// How values are written, by type.
    #[serde(default)]
    pub literals: Literals,
    /// Values stand beside the text, as the list `where_values`, and a sign stands for each in the text.
    #[serde(default)]
    pub parameters: Option<ParameterSign>,
    /// One term of a sort, with `{name}` and `{direction}`; `order_separator` of the list joins them.
    #[serde(default)]
    pub order: Option<String>,
    /// The same where a field is a text, for systems that have rules of their own for the order of texts.
    #[serde(default)]
    pub order_text: Option<String>,
    /// The same for parts of the key, which every row has.
    #[serde(default)]
    pub order_key: Option<String>,
    /// The word for the ascending direction; `asc` unless said otherwise.
    #[serde(default)]
    pub ascending: Option<String>,
    /// The word for the descending direction; `desc` unless said otherwise.
    #[serde(default)]
    pub descending: Option<String>,
}

/// A language whose conditions are JSON. A text that is nothing but `{value}`, `{values}` or `{parts}` becomes that
/// JSON; in a list, `{values...}` and `{parts...}` become its elements.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonLanguage {
    /// Conditions that must all hold, with `{parts}`.
    #[serde(default)]
    pub and: Option<Value>,
    /// Conditions of which one must hold, with `{parts}`; without it there is no "or".
    #[serde(default)]
    pub or: Option<Value>,
    /// The whole condition, with `{parts}`, the conditions that must all hold, even if there is one or none.
    #[serde(default)]
    pub top: Option<Value>,
    /// Comparisons stand in one list and are joined by what stands in each, or by an expression beside the list.
    #[serde(default)]
    pub flat: Option<Flat>,
    /// Parts of texts that are not sent, whatever their case.
    #[serde(default)]
    pub forbid: Vec<String>,
    /// Regular expression of the names of fields.
    #[serde(default)]
    pub names: Option<String>,
    /// What joins the names of a path; a dot unless said otherwise.
    #[serde(default)]
    pub path: Option<String>,
    /// Comparisons, with `{name}` and `{value}`; what is left out is not sent.
    pub compare: Forms<Value>,
    /// What stands for `{value}` in searches for texts.
    #[serde(default)]
    pub search: Search,
    /// A field is one of several values, with `{name}` and `{values}`; a chain of "or" without it.
    #[serde(default, rename = "in")]
    pub one_of: Option<Value>,
    /// Makes `{values}` one text with this between the values.
    #[serde(default)]
    pub in_separator: Option<String>,
    /// A field has no value.
    #[serde(default)]
    pub missing: Option<Value>,
    /// A field has a value.
    #[serde(default)]
    pub present: Option<Value>,
    /// Whether an empty text is something else than no value to the system, so that both are asked for.
    #[serde(default)]
    pub tells_empty: bool,
    /// How values are written, by type.
    #[serde(default)]
    pub literals: Literals,
    /// One term of a sort, with `{name}` and `{direction}`: terms make a list, or a text where this is one.
    #[serde(default)]
    pub order: Option<Value>,
    /// The word for the ascending direction; `asc` unless said otherwise.
    #[serde(default)]
    pub ascending: Option<String>,
    /// The word for the descending direction; `desc` unless said otherwise.
    #[serde(default)]
    pub descending: Option<String>,
}

/// What joins conditions.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Junction {
    /// A sign between them.
    Sign(String),
    /// Something around them.
    Form(JunctionForm),
}

/// Something around conditions that are joined.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JunctionForm {
    /// What stands between them.
    #[serde(default)]
    pub between: String,
    /// What stands around them, with `{parts}`, such as `<and>{parts}</and>`.
    pub around: String,
}

/// How texts are quoted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// The sign at both ends; it may be empty where `escape` is `xml`.
    pub sign: String,
    /// How signs in the text are kept from ending it.
    pub escape: Escape,
}

/// How names are quoted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentifierQuote {
    /// The sign before a name.
    pub open: String,
    /// The sign behind it, which is written twice where it stands in the name.
    pub close: String,
}

/// How signs in a quoted text are kept from ending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// The sign is written twice.
    Double,
    /// A backslash stands before the sign and before backslashes.
    Backslash,
    /// As in XML: `&amp;`, `&lt;` and so on.
    Xml,
    /// Not at all: texts with the sign or with a backslash are not sent.
    None,
}

/// Forms of comparisons.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forms<T> {
    /// Equal.
    pub eq: T,
    /// Not equal.
    #[serde(default)]
    pub ne: Option<T>,
    /// Greater.
    #[serde(default)]
    pub gt: Option<T>,
    /// Greater or equal.
    #[serde(default)]
    pub gte: Option<T>,
    /// Less.
    #[serde(default)]
    pub lt: Option<T>,
    /// Less or equal.
    #[serde(default)]
    pub lte: Option<T>,
    /// Contains the text.
    #[serde(default)]
    pub contains: Option<T>,
    /// Starts with the text.
    #[serde(default)]
    pub starts_with: Option<T>,
}

/// How texts are searched for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The value of `contains`, with `{text}`, the text as it is, or `{like}`, the text with its wildcards escaped: `%{like}%`.
    #[serde(default)]
    pub contains: Option<String>,
    /// The value of `starts_with`, alike.
    #[serde(default)]
    pub starts_with: Option<String>,
    /// The signs that stand for other texts in searches. Where they cannot be escaped, a text that has them finds more,
    /// and the rest is checked here.
    #[serde(default)]
    pub wildcards: String,
    /// The sign that takes their meaning from them, and from itself.
    #[serde(default)]
    pub escape: Option<String>,
    /// Whether texts beyond ASCII are not searched for, since the system ignores case for ASCII only.
    #[serde(default)]
    pub ascii: bool,
}

/// How values are written, by type.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Literals {
    /// Texts, and values of enums.
    #[serde(default)]
    pub string: LiteralForm,
    /// Numbers.
    #[serde(default)]
    pub number: LiteralForm,
    /// What stands for true and for false, as it is written: two of them.
    #[serde(default)]
    pub boolean: Vec<Value>,
    /// Calendar dates.
    #[serde(default)]
    pub date: LiteralForm,
    /// Moments in fields that keep no zone.
    #[serde(default)]
    pub datetime: LiteralForm,
    /// Moments; as `datetime` unless said otherwise, then with `Z` at the end if no format is given.
    #[serde(default)]
    pub datetimeoffset: Option<LiteralForm>,
    /// GUIDs; as texts unless said otherwise.
    #[serde(default)]
    pub guid: Option<LiteralForm>,
}

/// How values of one type are written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiteralForm {
    /// Whether they are quoted, or JSON texts. Texts, dates and moments are unless said otherwise, numbers are not.
    #[serde(default)]
    pub quoted: Option<bool>,
    /// Pattern of dates and moments, such as `%Y-%m-%d %H:%M:%S`. What it does not show of a moment makes conditions
    /// let through more, and the rest is checked here.
    #[serde(default)]
    pub format: Option<String>,
    /// Moments are numbers that count from 1970.
    #[serde(default)]
    pub unix: Option<UnixUnit>,
    /// What stands around the value, with `{value}`: `TO_DATE({value}, 'YYYY-MM-DD')`.
    #[serde(default)]
    pub form: Option<Value>,
}

/// The sign that stands for a value in the text.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterSign {
    /// The sign; `{number}` in it is the number of the value, from 1.
    pub sign: String,
}

/// How comparisons in one list are joined.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flat {
    /// The number of the first comparison, for `{index}`.
    #[serde(default)]
    pub first: u64,
    /// What `{joiner}` is in each comparison.
    #[serde(default)]
    pub joiner: Option<Joiner>,
    /// What `{open}` is in the first comparison of a group; empty in the others.
    #[serde(default)]
    pub open: Option<String>,
    /// What `{close}` is in the last comparison of a group; empty in the others.
    #[serde(default)]
    pub close: Option<String>,
    /// The variable `where_expression` that joins the comparisons by their numbers: `1 and (2 or 3)`.
    #[serde(default)]
    pub expression: Option<FlatExpression>,
}

/// Words that join a comparison to another.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Joiner {
    /// The word for "and".
    pub and: String,
    /// The word for "or".
    #[serde(default)]
    pub or: Option<String>,
    /// Whether it joins a comparison to the one before it, and is empty in the first; to the one after it otherwise.
    #[serde(default)]
    pub to_previous: bool,
}

/// An expression over the numbers of comparisons.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlatExpression {
    /// The sign between numbers that must all hold.
    pub and: String,
    /// The sign between numbers of which one must hold.
    #[serde(default)]
    pub or: Option<String>,
    /// How a part is kept together, such as `({parts})`.
    pub group: String,
}
