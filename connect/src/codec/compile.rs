//! Checks that a codec fits the type of a field, and chooses one when the manifest does not.

use std::sync::Arc;

use lineshaft_schema::{Catalogue, FieldDef, FieldType, Value};

use super::{
    CompiledCodec, Kind, RowForm, constant,
    number::Truth,
    text::{Check, Form},
    time::{DateForm, MomentForm},
    words::Words,
};
use crate::{json, manifest::Codec};

impl CompiledCodec {
    /// Checks that a codec fits a field and compiles it; without a codec it follows from the type of the field.
    ///
    /// # Errors
    /// Tells why they do not fit.
    pub fn for_field(
        field: &FieldDef,
        codec: Option<&Codec>,
        catalogue: &Catalogue,
        empty: &[serde_json::Value],
        default: Option<&serde_json::Value>,
    ) -> Result<Self, String> {
        let default = match default {
            Some(value) => {
                constant(field, value, catalogue).map_err(|problem| format!("the default does not fit: {problem}"))?
            }
            None => Value::Null,
        };
        let separator = match codec {
            Some(Codec::Split { separator }) if separator.is_empty() => return Err("the separator is empty".to_owned()),
            Some(Codec::Split { separator }) if field.list => Some(separator.as_str().into()),
            Some(Codec::Split { .. }) => return Err(format!("`split` gives a list, the field is {}", field.type_text)),
            _ => None,
        };
        let codec = codec.filter(|codec| !matches!(codec, Codec::Split { .. }));
        let kind = match codec {
            Some(codec) => chosen(field, codec, catalogue)?,
            None => natural(field, catalogue)?,
        };
        let kind = match kind {
            Kind::Words(words) => Kind::Words(Arc::new(Words::clone(&words).or_else(&default))),
            other => other,
        };
        let false_is_empty = !matches!(field.kind, FieldType::Boolean | FieldType::Json)
            && !matches!(codec, Some(Codec::String | Codec::Boolean { .. }));
        Ok(Self {
            kind,
            list: field.list,
            separator,
            reference: matches!(field.kind, FieldType::Reference(_)),
            false_is_empty,
            empty: empty.into(),
            default,
            form: match codec {
                Some(Codec::MsDate) => RowForm::Ticks,
                Some(Codec::ClassObject) => RowForm::ClassObject,
                Some(Codec::DecimalText) => RowForm::NumberText,
                _ => RowForm::Plain,
            },
        })
    }
}

/// Returns what reads a field when the manifest names no codec.
fn natural(field: &FieldDef, catalogue: &Catalogue) -> Result<Kind, String> {
    Ok(match field.kind {
        FieldType::Text | FieldType::Id => Kind::Text(Form::Plain, check_of(field)),
        FieldType::Reference(_) => Kind::Text(Form::Plain, Check::None),
        FieldType::Integer => Kind::Integer,
        FieldType::Decimal => Kind::Decimal,
        FieldType::Boolean => Kind::Boolean(Truth::default()),
        FieldType::Date => Kind::Date(DateForm::Iso),
        FieldType::DateTime => Kind::Moment(MomentForm::iso(None, false)?),
        FieldType::Json => Kind::Json,
        FieldType::Enum(index) => Kind::Words(Arc::new(Words::names(index, catalogue))),
        FieldType::Object(_) => {
            return Err(format!(
                "{} is made of fields: use `object`, `list` or `each`",
                field.type_text
            ));
        }
        FieldType::Platform => return Err("the server fills it itself".to_owned()),
    })
}

/// Returns what reads a field by the codec that the manifest names.
fn chosen(field: &FieldDef, codec: &Codec, catalogue: &Catalogue) -> Result<Kind, String> {
    let is_text = matches!(field.kind, FieldType::Text | FieldType::Id);
    let is_key = matches!(field.kind, FieldType::Reference(_));
    let is_date = field.kind == FieldType::Date;
    let is_moment = field.kind == FieldType::DateTime;
    let check = check_of(field);
    let kind = match codec {
        Codec::String if is_text || is_key => Some(Kind::Text(Form::Plain, check)),
        Codec::Trimmed if is_text || is_key => Some(Kind::Text(Form::Trimmed, check)),
        Codec::LeadingZeros { width } if is_text || is_key => {
            if !(1..=100).contains(width) {
                return Err("the width must be 1 to 100".to_owned());
            }
            Some(Kind::Text(Form::LeadingZeros(*width), check))
        }
        Codec::Prefixed { prefix, suffix } if is_text || is_key => {
            if prefix.is_empty() {
                return Err("the prefix is empty".to_owned());
            }
            Some(Kind::Prefixed(prefix.as_str().into(), suffix.as_str().into()))
        }
        // The table is joined into the row, where the path leads to the label.
        Codec::Label(_) if is_text && !field.list => Some(Kind::Text(Form::Plain, check)),
        Codec::HtmlText if is_text => Some(Kind::Text(Form::Html, Check::None)),
        Codec::Join { separator } if is_text && !field.list => Some(Kind::Join(separator.as_str().into())),
        Codec::Duration { unit } if field.type_name == "Duration" => Some(Kind::Duration(*unit)),
        Codec::Integer if field.kind == FieldType::Integer => Some(Kind::Integer),
        Codec::Integer | Codec::Decimal if field.kind == FieldType::Decimal => Some(Kind::Decimal),
        Codec::Scaled { factor } if matches!(field.kind, FieldType::Decimal | FieldType::Integer) => {
            let factor = json::decimal_of(factor)
                .filter(|factor| !factor.is_zero())
                .ok_or_else(|| format!("the factor `{factor}` is not a number other than zero"))?;
            let whole = field.kind == FieldType::Integer;
            Some(if whole {
                Kind::ScaledInteger(factor)
            } else {
                Kind::Scaled(factor)
            })
        }
        Codec::Boolean { truthy, falsy } if field.kind == FieldType::Boolean => {
            Some(Kind::Boolean(Truth::new(truthy, falsy)?))
        }
        Codec::Date { format } if is_date => Some(Kind::Date(DateForm::new(format.as_deref())?)),
        Codec::DateTime { format, zone } if is_moment || is_date => Some(Kind::Moment(MomentForm::new(
            format.as_deref(),
            zone.as_deref(),
            is_date,
        )?)),
        Codec::ClassObject if is_date => Some(Kind::Date(DateForm::Iso)),
        Codec::ClassObject if is_moment => Some(Kind::Moment(MomentForm::iso(None, false)?)),
        Codec::ClassObject if field.kind == FieldType::Decimal => Some(Kind::Decimal),
        Codec::DecimalText if field.kind == FieldType::Decimal => Some(Kind::Decimal),
        Codec::DecimalText if field.kind == FieldType::Integer => Some(Kind::Integer),
        Codec::MsDate if is_date => Some(Kind::Date(DateForm::Iso)),
        Codec::MsDate if is_moment => Some(Kind::Moment(MomentForm::iso(None, false)?)),
        Codec::Unix { unit } if is_moment || is_date => Some(Kind::Moment(MomentForm::unix(*unit, is_date))),
        Codec::Enum(table) => match field.kind {
            FieldType::Enum(index) => Some(Kind::Words(Arc::new(Words::table(index, table, catalogue)?))),
            FieldType::Text => Some(Kind::Words(Arc::new(Words::texts(table)))),
            _ => None,
        },
        Codec::Json if field.kind == FieldType::Json => Some(Kind::Json),
        _ => None,
    };
    kind.ok_or_else(|| format!("`{}` does not give {}", word_of(codec), field.type_text))
}

fn check_of(field: &FieldDef) -> Check {
    match field.type_name.as_str() {
        "URL" => Check::Url,
        "CurrencyCode" => Check::Currency,
        "CountryCode" => Check::Country,
        "Duration" => Check::Duration,
        _ => Check::None,
    }
}

fn word_of(codec: &Codec) -> &'static str {
    match codec {
        Codec::String => "string",
        Codec::Trimmed => "trimmed",
        Codec::LeadingZeros { .. } => "leading_zeros",
        Codec::Prefixed { .. } => "prefixed",
        Codec::Integer => "integer",
        Codec::Decimal => "decimal",
        Codec::Scaled { .. } => "scaled",
        Codec::Boolean { .. } => "boolean",
        Codec::Date { .. } => "date",
        Codec::DateTime { .. } => "date_time",
        Codec::ClassObject => "class_object",
        Codec::DecimalText => "decimal_text",
        Codec::MsDate => "ms_date",
        Codec::Unix { .. } => "unix",
        Codec::Duration { .. } => "duration",
        Codec::Enum(_) => "enum",
        Codec::Split { .. } => "split",
        Codec::Join { .. } => "join",
        Codec::HtmlText => "html_text",
        Codec::Json => "json",
        Codec::Label(_) => "label",
    }
}
