//! Customer-specific fields of a row.

use std::sync::Arc;

use lineshaft_schema::{CustomField, FieldIndex, TypeDef, Value};
use regex::Regex;

use super::{
    CompiledField, CompiledMapping,
    evaluate::{Problems, Rows},
};
use crate::{codec::shown, json, path::Path};

/// Where customer-specific fields stand.
#[derive(Clone, Debug)]
pub(crate) struct Custom {
    pub(crate) pattern: Option<Regex>,
    pub(crate) select: Vec<String>,
    pub(crate) rows: Option<CustomRows>,
    /// An object whose members they are.
    pub(crate) object: Option<Path>,
}

/// Customer-specific fields as rows of a list.
#[derive(Clone, Debug)]
pub(crate) struct CustomRows {
    pub(crate) path: Path,
    pub(crate) key: Path,
    pub(crate) value: Path,
    pub(crate) label: Option<Path>,
}

/// A field that the organization added to the model.
#[derive(Clone, Debug)]
pub(super) struct OwnField {
    pub(super) index: FieldIndex,
    label: Option<String>,
    remote_path: String,
}

impl OwnField {
    /// Returns those of a type that are mapped.
    pub(super) fn of(def: &TypeDef, fields: &[Option<Arc<CompiledField>>]) -> Vec<Self> {
        let own = def.custom_fields().filter_map(|field| {
            let compiled = fields.get(usize::from(field.index.0))?.as_ref()?;
            Some(Self {
                index: field.index,
                label: field.label.clone(),
                remote_path: compiled.describe(),
            })
        });
        own.collect()
    }

    /// Reads its value.
    pub(super) fn read(
        &self,
        mapping: &CompiledMapping,
        rows: &Rows<'_>,
        problems: &mut Problems<'_>,
    ) -> Option<CustomField> {
        let field = mapping.field(self.index)?;
        let value = match field.evaluate(rows, None, None, problems).value {
            Value::Null => "null".into(),
            Value::Json(text) => text.to_string(),
            value => shown(&value, &mapping.catalogue).to_string(),
        };
        Some(CustomField {
            key: field.name().to_owned(),
            label: self.label.clone(),
            value: value.into(),
            remote_path: self.remote_path.clone(),
        })
    }
}

impl Custom {
    /// Returns the names to select.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let list = self.rows.as_ref().map(|rows| &rows.path);
        let roots = list.into_iter().chain(&self.object).map(Path::root);
        self.select
            .iter()
            .map(String::as_str)
            .chain(roots.filter(|root| !root.is_empty()))
    }

    pub(crate) fn read(&self, row: &json::Value<'_>) -> Vec<CustomField> {
        let mut fields = Vec::new();
        if let Some((pattern, members)) = self.pattern.as_ref().zip(row.members()) {
            for (name, value) in members.iter().filter(|(name, _)| pattern.is_match(name)) {
                fields.push(CustomField {
                    key: name.to_string(),
                    label: None,
                    value: value.to_string().into(),
                    remote_path: name.to_string(),
                });
            }
        }
        if let Some((path, members)) = self
            .object
            .as_ref()
            .and_then(|path| Some((path, path.first(row)?.members()?)))
        {
            for (name, value) in members {
                fields.push(CustomField {
                    key: name.to_string(),
                    label: None,
                    value: value.to_string().into(),
                    remote_path: below(path.text(), name),
                });
            }
        }
        // Members of a parsed object come in the order of the text; an order of our own keeps answers alike.
        fields.sort_by(|a, b| a.key.cmp(&b.key));
        if let Some(rows) = &self.rows {
            rows.read(row, &mut fields);
        }
        fields
    }
}

/// Returns the path of a member of an object; names that are no plain words are quoted.
fn below(path: &str, name: &str) -> String {
    let is_plain = name.chars().all(|sign| sign.is_alphanumeric() || sign == '_');
    if is_plain {
        format!("{path}.{name}")
    } else {
        format!("{path}.\"{name}\"")
    }
}

impl CustomRows {
    fn read(&self, row: &json::Value<'_>, fields: &mut Vec<CustomField>) {
        let text = |path: &Path, element| {
            path.first(element)
                .and_then(json::scalar_text)
                .filter(|text| !text.is_empty())
        };
        for element in Rows::outermost(row).elements(&self.path).unwrap_or_default() {
            let Some(key) = text(&self.key, element) else { continue };
            let value = self
                .value
                .first(element)
                .map_or_else(|| "null".to_owned(), ToString::to_string);
            fields.push(CustomField {
                key: key.to_owned(),
                label: self
                    .label
                    .as_ref()
                    .and_then(|label| text(label, element))
                    .map(Into::into),
                value: value.into(),
                remote_path: String::new(),
            });
        }
    }
}
