//! Field mappings: where a unified field comes from, how it is read, filtered and sorted.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::LabelOf;

/// Unified fields and where they come from.
pub type Mapping = IndexMap<String, FieldMapping>;

/// One or several values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// Several; tried first, as one JSON value could be a list too.
    Many(Vec<T>),
    /// One.
    One(T),
}

impl<T> OneOrMany<T> {
    /// Returns the values as a slice.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// Where one unified field comes from. Exactly one of `path`, `constant`, `cases`, `compute`, `keys`, `object`,
/// `list`, `each`, `lists`, `digest`, `expression` gives the value; a text alone is the path.
///
/// Paths are names joined by dots: `partner_id.0`, `"party.".name` (a name with a dot is quoted), `items[2]`,
/// `texts[language=EN].text` (the first element whose member equals, or the object if it does), `items[*].name` (of every element).
/// Inside `each`, paths start at the element; `^.currency` starts at the row that holds the list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldMapping {
    /// A path; the codec follows from the type of the unified field.
    Path(String),
    /// Everything else.
    Full(Box<FullMapping>),
}

/// The long form of a field mapping.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullMapping {
    /// One path, or several of which the first with a value counts; for lists of texts and for `join` all of them count.
    #[serde(default)]
    pub path: Option<OneOrMany<String>>,
    /// A fixed value.
    #[serde(default)]
    pub constant: Option<serde_json::Value>,
    /// Tests in order; the first that holds gives the value.
    #[serde(default)]
    pub cases: Option<Vec<Case>>,
    /// A number computed from others.
    #[serde(default)]
    pub compute: Option<Compute>,
    /// For references to composite keys: the paths of the parts.
    #[serde(default)]
    pub keys: Option<Vec<String>>,
    /// For embedded values: the mappings of their fields.
    #[serde(default)]
    pub object: Option<Mapping>,
    /// For lists of embedded values: one mapping for each element.
    #[serde(default)]
    pub list: Option<Vec<Mapping>>,
    /// For lists: the mappings of the elements found at `path`.
    #[serde(default)]
    pub each: Option<Mapping>,
    /// For versions of rows that have no mark of their own: a digest of the whole row, which is then asked for whenever
    /// the version is.
    #[serde(default)]
    pub digest: bool,
    /// A bounded expression over the row, such as `row.code ~ " " ~ row.name|upper`; inside `each` the row is the
    /// element. Its value is read by the codec like a value of the row.
    #[serde(default)]
    pub expression: Option<String>,
    /// For lists that stand in several places of the row: their elements one after the other.
    #[serde(default)]
    pub lists: Option<Vec<ListMapping>>,
    /// How the value is read; follows from the type of the unified field unless said otherwise. Beside `cases` it tells
    /// how filters write the value.
    #[serde(default, rename = "as")]
    pub codec: Option<Codec>,
    /// JSON values that mean "nothing" here, besides null and empty text. One of them makes all that is joined nothing.
    #[serde(default)]
    pub empty: Vec<serde_json::Value>,
    /// Value when the source has none, or for `enum` one that is not in the table.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
    /// Names to select for this field when they do not follow from the paths.
    #[serde(default)]
    pub select: Option<OneOrMany<String>>,
    /// The navigation to expand for this field.
    #[serde(default)]
    pub expand: Option<OneOrMany<String>>,
    /// Operators that the system applies.
    #[serde(default)]
    pub filter: Option<FieldFilter>,
    /// Whether, and by what name, the system sorts by it.
    #[serde(default)]
    pub sort: Option<SortBy>,
    /// Whether the path or the meaning of its values is recalled, neither seen nor documented; the type counts as a draft.
    #[serde(default)]
    pub recalled: bool,
}

/// One of several lists of a row.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMapping {
    /// Where the list stands.
    pub path: String,
    /// The mappings of its elements.
    pub each: Mapping,
}

/// A test and the value if it holds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Tests; all must hold.
    pub when: Vec<Test>,
    /// The value.
    pub value: serde_json::Value,
}

/// A test of a value of the row.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Where the value stands.
    pub path: String,
    /// It equals one of these.
    #[serde(default)]
    pub equals: Option<OneOrMany<serde_json::Value>>,
    /// It has a value that is not empty (`true`), or has not (`false`).
    #[serde(default)]
    pub present: Option<bool>,
    /// As text it contains this.
    #[serde(default)]
    pub contains: Option<String>,
    /// As a number it is greater than this.
    #[serde(default)]
    pub greater_than: Option<String>,
    /// As a number it is at least the number at this other path.
    #[serde(default)]
    pub at_least_path: Option<String>,
}

/// A number: the product of some values, divided by another, summed over elements.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compute {
    /// Paths of the factors, below the element when `sum_over` is given.
    pub multiply: Vec<String>,
    /// Path of the divisor, or of several; a missing one or zero counts as one.
    #[serde(default)]
    pub divide_by: Option<OneOrMany<String>>,
    /// Tests; when all hold the number is turned to its opposite, for systems that keep amounts without sign.
    #[serde(default)]
    pub negative_when: Vec<Test>,
    /// Tests that all must hold; of elements the others do not count, and without elements there is no number.
    #[serde(default)]
    pub only_when: Vec<Test>,
    /// A constant factor, such as `0.01` for cents.
    #[serde(default)]
    pub factor: Option<String>,
    /// Path of the elements to sum over.
    #[serde(default)]
    pub sum_over: Option<String>,
    /// Decimal places to round to, half away from zero.
    #[serde(default)]
    pub round: Option<u32>,
}

/// How a value is read from the source, written in filters and in rows. What a codec writes it reads as the same value
/// again; what it cannot write so is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Codec {
    /// Text; numbers and truth values become text.
    String,
    /// Text without blanks at the end, as fixed-width systems pad it.
    Trimmed,
    /// A key with leading zeros of this width in the system; without them here.
    LeadingZeros {
        /// Number of digits in the system.
        width: usize,
    },
    /// A key behind a fixed text, such as `account.asset,12` behind `account.asset,`; what begins otherwise is empty.
    Prefixed {
        /// The text before the key.
        prefix: String,
        /// The text behind the key.
        #[serde(default)]
        suffix: String,
    },
    /// A whole number, also from text.
    Integer,
    /// A decimal from a number, a text, or `{"decimal": "…"}`.
    Decimal,
    /// A decimal scaled by a factor, such as `0.01` for cents or `60` for minutes to seconds.
    Scaled {
        /// What the source value is multiplied by.
        factor: String,
    },
    /// A truth value by tables; without tables JSON truth values, 0/1 and "true"/"false".
    Boolean {
        /// JSON values that mean true.
        #[serde(default, rename = "true")]
        truthy: Vec<serde_json::Value>,
        /// JSON values that mean false.
        #[serde(default, rename = "false")]
        falsy: Vec<serde_json::Value>,
    },
    /// A date: `2026-11-22`, the start of an ISO date-time, a date object, or by format.
    Date {
        /// Format in the notation of strftime.
        #[serde(default)]
        format: Option<String>,
    },
    /// A date-time: ISO 8601 with or without zone, a date-time object, or by format.
    DateTime {
        /// Format in the notation of strftime.
        #[serde(default)]
        format: Option<String>,
        /// Zone of values without one: an IANA name or a template of a setting. UTC unless said otherwise.
        #[serde(default)]
        zone: Option<String>,
    },
    /// A date, date-time or decimal as an object that names its class: `{"__class__": "date", "year": 2026, …}`,
    /// `{"__class__": "Decimal", "decimal": "3.10"}`.
    ClassObject,
    /// A number that the source keeps as text.
    DecimalText,
    /// `/Date(1490000000000)/` or `/Date(1490000000000+0060)/`, as date or date-time.
    MsDate,
    /// Seconds or milliseconds since 1970, as date or date-time; 0 is empty.
    Unix {
        /// `s` or `ms`.
        unit: UnixUnit,
    },
    /// A duration as ISO 8601 from a number of units.
    Duration {
        /// What the number counts.
        unit: DurationUnit,
    },
    /// A table from source values to values of the unified enum.
    Enum(IndexMap<String, String>),
    /// Text split into a list.
    Split {
        /// Between the elements.
        separator: String,
    },
    /// A list joined into a text.
    Join {
        /// Between the elements.
        separator: String,
    },
    /// HTML turned into plain text.
    HtmlText,
    /// JSON as it is.
    Json,
    /// A text that the source keeps as a code: the label of its entry in a table of `labels` is read, and the code of
    /// the entry with that label is written and asked for.
    Label(LabelOf),
}

/// Unit of a Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnixUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
}

/// Unit of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DurationUnit {
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
}

/// What of a field's filters the system applies.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldFilter {
    /// Operators that the system applies exactly as we mean them, on the field's own path.
    Operators(Vec<String>),
    /// The long form.
    Full(Box<FullFilter>),
}

/// The long form of a field's filters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullFilter {
    /// Name of the field in filters when it is not the path.
    #[serde(default)]
    pub by: Option<OneOrMany<String>>,
    /// Operators that the system applies exactly as we mean them.
    #[serde(default)]
    pub exact: Vec<String>,
    /// Operators that let through more than we mean; the rest is checked here.
    #[serde(default)]
    pub coarse: Vec<String>,
    /// Query parameters for operators, in the dialect `parameters`.
    #[serde(default)]
    pub parameters: IndexMap<String, ParameterFilter>,
    /// Type of the literal: `string`, `number`, `boolean`, `date`, `datetime`, `datetimeoffset`, `guid`, or the name of an
    /// enum type (`OData` 4). Follows from the codec unless said otherwise.
    #[serde(default)]
    pub literal: Option<String>,
    /// The sign that stands for any text in comparisons with `eq`; `contains` and `startsWith` are written with it
    /// instead of a function.
    #[serde(default)]
    pub wildcard: Option<String>,
    /// Whether every row has a value here, so that comparisons need no test for a missing one.
    #[serde(default)]
    pub never_null: bool,
}

/// A query parameter that filters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterFilter {
    /// Name of the parameter.
    pub name: String,
    /// Separator of several values, for `in`.
    #[serde(default)]
    pub separator: Option<String>,
    /// Template of the value around `{{value}}`, such as `%{{value}}%`.
    #[serde(default)]
    pub value: Option<String>,
    /// What is added to a whole number before it is sent, such as -1 to ask for "from" where the system knows "after".
    #[serde(default)]
    pub add: Option<i64>,
    /// Whether the system lets through more than we mean; the rest is checked here.
    #[serde(default)]
    pub coarse: bool,
}

/// Whether the system sorts by a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SortBy {
    /// By the field's own path, or not.
    Own(bool),
    /// By this name.
    Name(String),
    /// The long form.
    Full(FullSort),
}

/// The long form of a sort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullSort {
    /// The name in sorts where it is not the path.
    #[serde(default)]
    pub by: Option<String>,
    /// Where the system puts rows without a value, in lists that go up and in those that go down alike or not.
    pub missing: MissingRows,
}

/// Where a system puts rows without a value of the field that it sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingRows {
    /// Before the others in one direction at least. Lists are then read in two parts, those with a value and those
    /// without; the field has `isNull` among its exact filters for that.
    First,
    /// Behind the others both ways.
    Last,
}

/// What of a row is customer-specific.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomFields {
    /// Regular expression of the names of members of the row.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Names that are selected because the system does not send everything.
    #[serde(default)]
    pub select: Vec<String>,
    /// Path of a list of name-value rows.
    #[serde(default)]
    pub rows: Option<CustomRows>,
    /// Path of an object whose members they are, such as `extraFields`.
    #[serde(default)]
    pub object: Option<String>,
}

/// Customer-specific fields as rows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomRows {
    /// Where the rows stand.
    pub path: String,
    /// Path of the key in a row.
    pub key: String,
    /// Path of the value in a row.
    pub value: String,
    /// Path of the label in a row.
    #[serde(default)]
    pub label: Option<String>,
}
