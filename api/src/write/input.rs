//! Reads the inputs of writes: values become typed values by their fields. Everything that the caller can mend is told
//! at once, with its place in the input; what does not have the shape of the schema is an error of the request.

use async_graphql::{Name, Pos, ServerError, ServerResult, Value as GraphValue};
use indexmap::IndexMap;
use lineshaft_connect::write::{ChildChange, Input, UserError, UserErrorCode};
use lineshaft_schema::{
    Catalogue, ConnectionId, FieldDef, FieldType, GlobalId, Object, RemoteKey, TypeDef, TypeIndex, Value,
};

use super::offer::{Occasion, fields_on, rows};
use crate::{
    arguments::{expected, scalar_value},
    error::coded,
    transport::Code,
};

type Members = IndexMap<Name, GraphValue>;

/// Most entries of one list in an input.
pub(crate) const MOST_ENTRIES: usize = 1_000;

/// Reads inputs of one connection.
pub(crate) struct Reader<'a> {
    /// The unified model.
    pub(crate) catalogue: &'a Catalogue,
    /// The connection that is written to.
    pub(crate) connection: ConnectionId,
    /// Where the arguments stand in the document.
    pub(crate) at: Pos,
    /// What the caller can mend.
    pub(crate) problems: Vec<UserError>,
    path: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Makes a reader that has found nothing wrong yet.
    pub(crate) fn new(catalogue: &'a Catalogue, connection: ConnectionId, at: Pos) -> Self {
        Self {
            catalogue,
            connection,
            at,
            problems: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Reads the input of a record or of an action.
    pub(crate) fn input(&mut self, def: &TypeDef, occasion: Occasion, value: GraphValue) -> ServerResult<Input> {
        let members = self.object(&def.name, value)?;
        self.members(def, occasion, members)
    }

    fn members(&mut self, def: &TypeDef, occasion: Occasion, members: Members) -> ServerResult<Input> {
        let mut input = Input::default();
        for (name, value) in members {
            self.path.push(name.to_string());
            match name.as_str() {
                "customFields" if occasion != Occasion::Told => self.by_key(&mut input, def, occasion, value)?,
                "raw" if occasion != Occasion::Told => input.raw = self.raw(value),
                name => {
                    let field = fields_on(def, occasion).find(|field| field.name == name);
                    let field = field.ok_or_else(|| self.unknown(&def.name, name))?;
                    self.field(&mut input, field, occasion, value)?;
                }
            }
            self.path.pop();
        }
        if occasion == Occasion::Told {
            let missing = |field: &&FieldDef| field.required && !input.values.contains_key(&field.index);
            for field in def.fields.values().filter(missing) {
                self.note_at(&field.name, UserErrorCode::Required, "a value is needed");
            }
        }
        Ok(input)
    }

    fn field(
        &mut self,
        input: &mut Input,
        field: &FieldDef,
        occasion: Occasion,
        value: GraphValue,
    ) -> ServerResult<()> {
        if let Some(row) = rows(self.catalogue, field) {
            let changes = match (occasion, value) {
                (Occasion::Create | Occasion::Told, GraphValue::Null) => return Ok(()),
                (Occasion::Update, GraphValue::Null) => {
                    self.note(
                        UserErrorCode::InvalidValue,
                        "rows cannot be cleared as a whole; name those to remove in `delete`",
                    );
                    return Ok(());
                }
                (Occasion::Update, value) => self.changes(row, value)?,
                (_, value) => self.each(value, |reader, value| {
                    let input = reader.input(row, Occasion::Create, value)?;
                    Ok(Some(ChildChange::Create(input)))
                })?,
            };
            input.children.insert(field.index, changes);
            return Ok(());
        }
        if value == GraphValue::Null {
            match occasion {
                Occasion::Update if field.required => {
                    self.note(UserErrorCode::Required, "the field cannot be without a value");
                }
                Occasion::Update => {
                    input.values.insert(field.index, Value::Null);
                }
                // A new record and an action have nothing to clear.
                Occasion::Create | Occasion::Told => {}
            }
            return Ok(());
        }
        if let Some(value) = self.value(field, value)? {
            input.values.insert(field.index, value);
        }
        Ok(())
    }

    /// Reads changes to the rows of a list: what is removed first, so that what is added finds its place free.
    fn changes(&mut self, row: &TypeDef, value: GraphValue) -> ServerResult<Vec<ChildChange>> {
        let mut members = self.object(&row.name, value)?;
        let mut changes = Vec::new();
        for kind in ["delete", "update", "create"] {
            let value = members.swap_remove(kind).unwrap_or_default();
            if value == GraphValue::Null {
                continue;
            }
            self.path.push(kind.to_owned());
            changes.extend(self.each(value, |reader, value| match kind {
                "delete" => Ok(reader.reference(row, &value).map(ChildChange::Delete)),
                "update" => reader.changed(row, value),
                _ => Ok(Some(ChildChange::Create(reader.input(row, Occasion::Create, value)?))),
            })?);
            self.path.pop();
        }
        match members.keys().next() {
            Some(name) => Err(self.unknown(&row.name, name)),
            None => Ok(changes),
        }
    }

    fn changed(&mut self, row: &TypeDef, value: GraphValue) -> ServerResult<Option<ChildChange>> {
        let mut members = self.object(&row.name, value)?;
        let id = members.swap_remove("id").unwrap_or_default();
        self.path.push("id".to_owned());
        let key = self.reference(row, &id);
        self.path.pop();
        let input = self.members(row, Occasion::Update, members)?;
        Ok(key.map(|key| ChildChange::Update(key, input)))
    }

    /// Reads the elements of a list; those that are wrong are noted and left out.
    fn each<T>(
        &mut self,
        value: GraphValue,
        mut read: impl FnMut(&mut Self, GraphValue) -> ServerResult<Option<T>>,
    ) -> ServerResult<Vec<T>> {
        let values = match value {
            GraphValue::List(values) => values,
            one => vec![one],
        };
        if values.len() > MOST_ENTRIES {
            let message = format!(
                "`{}` has {} entries; at most {MOST_ENTRIES} are allowed",
                self.path.join("."),
                values.len()
            );
            return Err(coded("TOO_MANY", message, Some(self.at)));
        }
        let mut all = Vec::with_capacity(values.len());
        for (at, value) in values.into_iter().enumerate() {
            self.path.push(at.to_string());
            all.extend(read(self, value)?);
            self.path.pop();
        }
        Ok(all)
    }

    fn value(&mut self, field: &FieldDef, value: GraphValue) -> ServerResult<Option<Value>> {
        if !field.list {
            return self.single(field, value);
        }
        let before = self.problems.len();
        let values = self.each(value, |reader, value| reader.single(field, value))?;
        // A list that lost an element is not the list that the caller meant.
        Ok((self.problems.len() == before).then_some(Value::List(values)))
    }

    fn single(&mut self, field: &FieldDef, value: GraphValue) -> ServerResult<Option<Value>> {
        match field.kind {
            FieldType::Reference(kind) => {
                let def = self.catalogue.type_at(kind);
                Ok(def.and_then(|def| self.reference(def, &value)).map(Value::Reference))
            }
            FieldType::Object(kind) => self.embedded(kind, value),
            FieldType::Json => Ok(self.json(value).map(|value| Value::Json(value.to_string().into()))),
            kind => {
                let read = match (kind, &value) {
                    (FieldType::Text | FieldType::Id, GraphValue::String(text)) => text_of(&field.type_name, text),
                    (FieldType::Text | FieldType::Id, _) => None,
                    _ => scalar_value(self.catalogue, kind, &value),
                };
                if read.is_none() {
                    let what = match kind {
                        FieldType::Text => shape(&field.type_name),
                        kind => expected(kind),
                    };
                    let shown: String = value.to_string().chars().take(80).collect();
                    self.note(UserErrorCode::InvalidValue, &format!("{shown} is not a valid {what}"));
                }
                Ok(read)
            }
        }
    }

    fn embedded(&mut self, kind: TypeIndex, value: GraphValue) -> ServerResult<Option<Value>> {
        let Some(def) = self.catalogue.type_at(kind) else {
            return Ok(None);
        };
        let members = self.object(&def.name, value)?;
        let before = self.problems.len();
        let input = self.members(def, Occasion::Told, members)?;
        if self.problems.len() > before {
            return Ok(None);
        }
        let mut given = input.values;
        let slots = def
            .fields
            .values()
            .map(|field| given.swap_remove(&field.index).unwrap_or_default());
        Ok(Some(Value::Object(Box::new(Object {
            kind,
            slots: slots.collect(),
        }))))
    }

    /// Reads a reference to a record of the connection.
    fn reference(&mut self, def: &TypeDef, value: &GraphValue) -> Option<RemoteKey> {
        let wrong = match value {
            GraphValue::String(text) => match text.parse::<GlobalId>() {
                Ok(id) if id.connection != self.connection => {
                    "the record belongs to another connection; a system can only refer to its own".to_owned()
                }
                Ok(id) if *id.kind != *def.name => {
                    format!("the id is of a record of the type {}, not {}", id.kind, def.name)
                }
                Ok(id) => return Some(id.key),
                Err(error) => error.to_string(),
            },
            _ => "an id is needed".to_owned(),
        };
        self.note(UserErrorCode::UnknownReference, &wrong);
        None
    }

    /// Reads custom fields that are given by key: those that the organization declared like any field, the others as
    /// they are.
    fn by_key(&mut self, input: &mut Input, def: &TypeDef, occasion: Occasion, value: GraphValue) -> ServerResult<()> {
        for (key, value) in self.custom(value)? {
            let declared = def.custom_fields().find(|field| field.name == key);
            let Some(field) = declared.filter(|field| fields_on(def, occasion).any(|known| known.index == field.index))
            else {
                input.custom.insert(key, value);
                continue;
            };
            self.path.push(key);
            if input.values.contains_key(&field.index) {
                self.note(UserErrorCode::InvalidValue, "the field is given twice");
            } else {
                let value = GraphValue::from_json(value).unwrap_or_default();
                self.field(input, field, occasion, value)?;
            }
            self.path.pop();
        }
        Ok(())
    }

    fn custom(&mut self, value: GraphValue) -> ServerResult<IndexMap<String, serde_json::Value>> {
        let mut custom = IndexMap::new();
        if value == GraphValue::Null {
            return Ok(custom);
        }
        let entries = self.each(value, |reader, value| {
            let mut members = reader.object("CustomFieldInput", value)?;
            let value = reader.json(members.swap_remove("value").unwrap_or_default());
            Ok(Some((members.swap_remove("key"), value)))
        })?;
        for (at, (key, value)) in entries.into_iter().enumerate() {
            self.path.extend([at.to_string(), "key".to_owned()]);
            match (key, value) {
                (Some(GraphValue::String(key)), Some(value)) if !key.is_empty() => {
                    if custom.insert(key, value).is_some() {
                        self.note(UserErrorCode::InvalidValue, "the key is given twice");
                    }
                }
                (_, None) => {}
                _ => self.note(UserErrorCode::Required, "a key is needed"),
            }
            self.path.truncate(self.path.len().saturating_sub(2));
        }
        Ok(custom)
    }

    fn raw(&mut self, value: GraphValue) -> serde_json::Map<String, serde_json::Value> {
        match self.json(value) {
            Some(serde_json::Value::Object(members)) => members,
            Some(serde_json::Value::Null) | None => serde_json::Map::new(),
            Some(_) => {
                self.note(
                    UserErrorCode::InvalidValue,
                    "an object is needed: members of the source's row by name",
                );
                serde_json::Map::new()
            }
        }
    }

    fn json(&mut self, value: GraphValue) -> Option<serde_json::Value> {
        let read = value.into_json().ok();
        if read.is_none() {
            self.note(UserErrorCode::InvalidValue, "the value is not JSON");
        }
        read
    }

    /// The executor does not look into inputs whose variables are left out, and lets values through that are no objects.
    fn object(&self, expected: &str, value: GraphValue) -> ServerResult<Members> {
        match value {
            GraphValue::Object(members) => Ok(members),
            other => {
                let shown: String = other.to_string().chars().take(80).collect();
                Err(self.misshapen(&format!("{shown} is not an input for {expected}")))
            }
        }
    }

    fn unknown(&self, kind: &str, name: &str) -> ServerError {
        self.misshapen(&format!("an input for {kind} has no field `{name}` here"))
    }

    fn misshapen(&self, message: &str) -> ServerError {
        let place = self.path.join(".");
        coded(
            Code::BadUserInput.name(),
            format!("input.{place}: {message}"),
            Some(self.at),
        )
    }

    fn note(&mut self, code: UserErrorCode, message: &str) {
        self.problems.push(UserError {
            path: self.path.clone(),
            code,
            message: message.to_owned(),
            remote_code: None,
            remote_message: None,
        });
    }

    fn note_at(&mut self, name: &str, code: UserErrorCode, message: &str) {
        self.path.push(name.to_owned());
        self.note(code, message);
        self.path.pop();
    }
}

/// Reads a text by the scalar that it is of.
fn text_of(scalar: &str, text: &str) -> Option<Value> {
    let letters = |count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let fits = match scalar {
        "CurrencyCode" => letters(3),
        "CountryCode" => letters(2),
        "Duration" => is_duration(text),
        "URL" => text
            .parse::<http::Uri>()
            .is_ok_and(|address| address.scheme().is_some() && address.host().is_some()),
        _ => true,
    };
    fits.then(|| Value::text(text))
}

const fn shape(scalar: &str) -> &'static str {
    match scalar.as_bytes() {
        b"CurrencyCode" => "currency such as \"EUR\"",
        b"CountryCode" => "country such as \"DE\"",
        b"Duration" => "duration such as \"PT1H30M\"",
        b"URL" => "absolute web address",
        _ => "text",
    }
}

/// Returns whether a text is a duration of ISO 8601: numbers with units in their order, the last of them perhaps broken.
fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let Some(rest) = text.strip_prefix('P') else {
        return false;
    };
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (rest, None),
    };
    let has_parts = !days.is_empty() || time.is_some();
    has_parts && has_units(days, "YMWD") && time.is_none_or(|time| !time.is_empty() && has_units(time, "HMS"))
}

fn has_units(text: &str, units: &str) -> bool {
    let mut left = units;
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        let digits = rest.get(..rest.len() - number.len()).unwrap_or_default();
        let well_formed = digits.parse::<f64>().is_ok() && digits.starts_with(|letter: char| letter.is_ascii_digit());
        let Some(unit) = number.chars().next().filter(|_| well_formed) else {
            return false;
        };
        let Some((_, behind)) = left.split_once(unit) else {
            return false;
        };
        left = behind;
        rest = number.get(unit.len_utf8()..).unwrap_or_default();
        if digits.contains('.') && !rest.is_empty() {
            return false;
        }
    }
    true
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
