//! Compiled mappings: rows of a source become unified records, and tell what must be asked for.

pub mod checks;
mod compile;
mod compute;
mod custom;
mod describe;
mod digest;
mod evaluate;
pub(crate) mod expression;
mod field;
mod select;
pub(crate) mod spec;
mod test;

use std::{borrow::Cow, sync::Arc};

use chrono::{DateTime, Utc};
use lineshaft_schema::{
    Catalogue, FieldIndex, Layout, Problem as FieldProblem, Projection, Record, RemoteKey, TypeDef, TypeIndex, Value,
};
use serde_json::Map;

pub use describe::{FieldState, FieldView, describe};
pub use expression::functions;
pub(crate) use field::Backward;
pub use field::CompiledField;
pub use select::Selected;

use crate::{json, manifest::Normalization, path::Path};
pub(crate) use custom::Custom;
use custom::OwnField;
use evaluate::{Problems, Rows};
use expression::PageBudget;
use test::Condition;

/// The mapping of one unified type.
#[derive(Clone, Debug)]
pub struct CompiledMapping {
    catalogue: Arc<Catalogue>,
    kind: TypeIndex,
    key: Vec<Path>,
    normalize: Vec<Option<Normalization>>,
    /// By their places in the type. Those into which nothing is filled are shared by all connections.
    fields: Vec<Option<Arc<CompiledField>>>,
    /// What a field holds when nothing is mapped to it.
    fallbacks: Vec<Value>,
    custom: Option<Custom>,
    /// The organization's own fields, which are told among the customer-specific ones too.
    own: Vec<OwnField>,
    /// Tests that rows must pass to be given.
    keeps: Vec<Condition>,
}

/// Maps the rows of one page.
#[derive(Debug)]
pub struct Mapper<'m> {
    mapping: &'m CompiledMapping,
    projection: &'m Projection,
    layout: Arc<Layout>,
    fields: Vec<Wanted<'m>>,
    fetched_at: DateTime<Utc>,
    /// What is left for the expressions of the page.
    budget: PageBudget,
}

/// A field that a page asks for.
#[derive(Debug)]
enum Wanted<'m> {
    Mapped(&'m CompiledField, Option<&'m Projection>),
    /// Nothing is mapped to it.
    Fixed(Value),
}

impl Mapper<'_> {
    /// Maps a row; what cannot be mapped is told in the record's problems.
    ///
    /// # Errors
    /// Tells why the row has no key.
    pub fn map(&self, row: &json::Value<'_>) -> Result<Record, String> {
        let key = self.mapping.parts_of_key(row)?;
        let mut problems = Problems::new(&self.budget);
        let rows = Rows::outermost(row);
        let value = |wanted: &Wanted<'_>| match wanted {
            Wanted::Mapped(field, nested) => field.evaluate(&rows, *nested, None, &mut problems).value,
            Wanted::Fixed(value) => value.clone(),
        };
        let values = self.fields.iter().map(value).collect();
        let mut record = Record::of(
            self.mapping.kind,
            Arc::clone(&self.layout),
            values,
            key,
            self.fetched_at,
        );
        if self.projection.custom {
            let own = self.mapping.own.iter();
            // What is wrong with a field is told once.
            let mut told = Problems::new(&self.budget);
            record.custom = own
                .filter_map(|own| {
                    let is_asked = self.projection.contains(own.index);
                    own.read(self.mapping, &rows, if is_asked { &mut told } else { &mut problems })
                })
                .chain(self.mapping.custom.iter().flat_map(|custom| custom.read(row)))
                .collect();
        }
        if self.projection.raw {
            record.raw = Some(row.to_string().into());
        }
        record.problems = problems.into_list();
        Ok(record)
    }
}

impl CompiledMapping {
    /// Maps the projected fields of a row; what cannot be mapped is told in the record's problems.
    ///
    /// # Errors
    /// Tells why the row has no key.
    pub fn map_row(
        &self,
        row: &json::Value<'_>,
        projection: &Projection,
        fetched_at: DateTime<Utc>,
    ) -> Result<Record, String> {
        self.mapper(projection, fetched_at).map(row)
    }

    /// Prepares the mapping of a page, whose records hold the same fields.
    #[must_use]
    pub fn mapper<'m>(&'m self, projection: &'m Projection, fetched_at: DateTime<Utc>) -> Mapper<'m> {
        let layout = self.definition().map(|def| Layout::new(def, projection.fields()));
        let wanted = |index| match self.field(index) {
            Some(field) => Wanted::Mapped(field, projection.nested(index)),
            None => Wanted::Fixed(self.fallback(index)),
        };
        Mapper {
            mapping: self,
            projection,
            layout: Arc::new(layout.unwrap_or_default()),
            fields: projection.fields().map(wanted).collect(),
            fetched_at,
            budget: PageBudget::new(),
        }
    }

    fn fallback(&self, index: FieldIndex) -> Value {
        self.fallbacks.get(usize::from(index.0)).cloned().unwrap_or_default()
    }

    /// Returns whether rows can fail to be given.
    pub(crate) fn hides_rows(&self) -> bool {
        !self.keeps.is_empty()
    }

    /// Returns whether a row is one of those that the type means; others stand in the same list of the source.
    #[must_use]
    pub fn keeps(&self, row: &json::Value<'_>) -> bool {
        let rows = Rows::outermost(row);
        self.keeps.iter().all(|test| test.holds(&rows))
    }

    /// Returns the key of a row.
    #[must_use]
    pub fn key_of(&self, row: &json::Value<'_>) -> Option<RemoteKey> {
        self.parts_of_key(row).ok()
    }

    fn parts_of_key(&self, row: &json::Value<'_>) -> Result<RemoteKey, String> {
        let mut parts = Vec::with_capacity(self.key.len());
        for (path, normalization) in self.key.iter().zip(&self.normalize) {
            let text = path
                .first(row)
                .filter(|value| !json::is_false(value))
                .and_then(json::scalar_text);
            let text = text.ok_or_else(|| format!("the row has no key: `{path}` is missing"))?;
            let part = normalized(text, *normalization);
            if self.key.len() == 1 && !part.is_empty() {
                return Ok(RemoteKey::single(part));
            }
            // Parts of a composite key may be blank, such as the batch of stock that is kept without batches.
            if part.is_empty() && self.key.len() == 1 {
                return Err(format!("the row has no key: `{path}` is empty"));
            }
            parts.push(part.into_owned());
        }
        if parts.iter().all(String::is_empty) {
            return Err("the row has no key: all of its parts are empty".to_owned());
        }
        Ok(RemoteKey::composite(parts))
    }

    /// Returns the unified type.
    #[must_use]
    pub fn kind(&self) -> TypeIndex {
        self.kind
    }

    /// Returns the definition of the unified type.
    #[must_use]
    pub fn definition(&self) -> Option<&TypeDef> {
        self.catalogue.type_at(self.kind)
    }

    /// Returns the mapping of a field.
    #[must_use]
    pub fn field(&self, field: FieldIndex) -> Option<&CompiledField> {
        self.fields.get(usize::from(field.0))?.as_deref()
    }

    /// Iterates over the mapped fields.
    pub fn fields(&self) -> impl Iterator<Item = &CompiledField> {
        self.fields.iter().flatten().map(Arc::as_ref)
    }

    /// Returns the paths of the parts of the key.
    #[must_use]
    pub fn key_paths(&self) -> &[Path] {
        &self.key
    }

    /// Returns what the source must be asked for to map a projection, the key included. For the raw row nothing more
    /// is added: whoever wants it asks for everything.
    #[must_use]
    pub fn selects(&self, projection: &Projection) -> Vec<Selected> {
        let mut selected = Vec::new();
        for path in self.key.iter().filter(|path| !path.root().is_empty()) {
            Selected::Name(path.root().to_owned()).merge_into(&mut selected);
        }
        for path in self.keeps.iter().flat_map(Condition::paths) {
            if !path.root().is_empty() {
                Selected::Name(path.root().to_owned()).merge_into(&mut selected);
            }
        }
        for index in projection.fields() {
            for part in self
                .field(index)
                .map(|field| field.selects(projection.nested(index)))
                .unwrap_or_default()
            {
                part.merge_into(&mut selected);
            }
        }
        if projection.custom
            && let Some(custom) = &self.custom
        {
            custom
                .names()
                .for_each(|name| Selected::Name(name.to_owned()).merge_into(&mut selected));
        }
        if projection.custom {
            let own = self.own.iter().filter_map(|own| self.field(own.index));
            let parts = own.flat_map(|field| field.selects(None));
            parts.for_each(|part| part.merge_into(&mut selected));
        }
        selected
    }

    /// Returns whether a projection asks for a digest of the whole row, or for an expression of which it cannot be told
    /// what it reads, so that the source must be asked for all of it.
    #[must_use]
    pub fn digests(&self, projection: &Projection) -> bool {
        let reads_all = |index| self.field(index).is_some_and(CompiledField::reads_all);
        projection.fields().any(reads_all)
    }

    /// Returns whether expressions are evaluated for a projection, which may take a while for a page.
    pub(crate) fn evaluates(&self, projection: &Projection) -> bool {
        let own = self.own.iter().map(|own| own.index).filter(|_| projection.custom);
        let mut asked = projection.fields().chain(own);
        asked.any(|index| self.field(index).is_some_and(CompiledField::evaluates))
    }

    /// Returns a key of parts as answers tell them.
    pub(crate) fn key_of_parts(&self, parts: &[String]) -> Option<RemoteKey> {
        let parts = parts.iter().enumerate();
        let parts: Vec<String> = parts
            .map(|(at, part)| normalized(part, self.normalize.get(at).copied().flatten()).into_owned())
            .collect();
        let is_key = parts.len() == self.key.len() && parts.iter().any(|part| !part.is_empty());
        is_key.then(|| RemoteKey::composite(parts))
    }

    /// Returns where customer-specific fields stand.
    pub(crate) fn custom(&self) -> Option<&Custom> {
        self.custom.as_ref()
    }

    /// Returns whether rows can carry customer-specific fields.
    #[must_use]
    pub fn has_custom_fields(&self) -> bool {
        self.custom.is_some() || !self.own.is_empty()
    }

    /// Makes the keys in references comparable like those of the records that they lead to.
    pub(crate) fn normalize_references(&mut self, of: &dyn Fn(TypeIndex) -> Vec<Option<Normalization>>) {
        for field in self.fields.iter_mut().flatten() {
            Arc::make_mut(field).normalize_references(of);
        }
    }

    /// Returns the names of the variables that its codecs use, such as `settings.time_zone`.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.fields().for_each(|field| field.variables(&mut names));
        names
    }

    /// Returns the place below `fields` of the first field into which settings cannot be filled.
    pub(crate) fn unbound(&self, settings: &Map<String, serde_json::Value>) -> Option<String> {
        self.fields().find_map(|field| field.unbound(settings))
    }

    /// Fills settings into codecs, such as the zone of date-times without one.
    ///
    /// # Errors
    /// Tells which setting does not fit.
    pub fn with_settings(&self, settings: &Map<String, serde_json::Value>) -> Result<Self, String> {
        let mut bound = self.clone();
        for field in bound.fields.iter_mut().flatten().filter(|field| field.takes_settings()) {
            Arc::make_mut(field)
                .bind(settings)
                .map_err(|problem| format!("{}: {problem}", field.name()))?;
        }
        Ok(bound)
    }
}

/// Makes a part of a key comparable.
fn normalized(text: &str, normalization: Option<Normalization>) -> Cow<'_, str> {
    match normalization {
        None => text.into(),
        Some(Normalization::Lower) => text.to_lowercase().into(),
        Some(Normalization::Upper) => text.to_uppercase().into(),
        Some(Normalization::Trim) => text.trim().into(),
    }
}

/// Returns what a field holds when nothing is mapped to it: a required enum is unknown, a required flag is not set.
fn fallback_of(field: &lineshaft_schema::FieldDef, catalogue: &Catalogue) -> Value {
    use lineshaft_schema::FieldType;
    match field.kind {
        _ if !field.required || field.computed || field.list => Value::Null,
        FieldType::Boolean => Value::Boolean(false),
        FieldType::Enum(index) => catalogue
            .enum_at(index)
            .and_then(|def| def.value_index("UNKNOWN"))
            .map_or(Value::Null, |at| Value::Enum(index, at)),
        _ => Value::Null,
    }
}

fn problem(field: String, path: &str, message: String) -> FieldProblem {
    FieldProblem {
        field,
        path: path.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests;
