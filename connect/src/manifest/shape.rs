//! Checks JSON against the schema of the grammar and tells everything that does not fit, in words for people.

use std::sync::LazyLock;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value as Json};

use super::{FullMapping, Outcome, WriteField, load::escape, overlay::Overlay, spec::WrittenSpec, suggest};

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) pointer: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Whether the name is wrong rather than the value.
    pub(super) on_name: bool,
}

/// Returns the JSON Schema of what a type reads.
pub(super) fn schema_of<T: JsonSchema>() -> Json {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Returns the schema of the long form of a field mapping.
pub(super) fn mapping_words() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(schema_of::<FullMapping>);
    &SCHEMA
}

/// Returns the schema of overlays.
pub(super) fn overlay_words() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(schema_of::<Overlay>);
    &SCHEMA
}

/// Returns the schema of what is said of writing a field.
pub(super) fn write_words() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(schema_of::<WriteField>);
    &SCHEMA
}

/// Returns the schema of specs.
pub(super) fn spec_words() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(schema_of::<WrittenSpec>);
    &SCHEMA
}

/// Returns the schema of what the answer of a spec becomes.
pub(super) fn outcome_words() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(schema_of::<Outcome>);
    &SCHEMA
}

/// Tells everything that does not fit a schema.
pub(super) fn check(schema: &Json, value: &Json) -> Vec<Finding> {
    let mut checker = Checker {
        root: schema,
        findings: Vec::new(),
    };
    checker.check(schema, value, "");
    checker.findings
}

struct Checker<'s> {
    root: &'s Json,
    findings: Vec<Finding>,
}

impl<'s> Checker<'s> {
    fn tell(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) {
        self.findings.push(Finding {
            pointer: pointer.to_owned(),
            message: message.into(),
            help,
            on_name: false,
        });
    }

    fn tell_name(&mut self, pointer: &str, name: &str, message: String, help: Option<String>) {
        self.findings.push(Finding {
            pointer: format!("{pointer}/{}", escape(name)),
            message,
            help,
            on_name: true,
        });
    }

    fn resolve(&self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        while let Some(name) = schema
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|target| target.strip_prefix("#/$defs/"))
        {
            match self.root.get("$defs").and_then(|defs| defs.get(name)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn check(&mut self, schema: &'s Json, value: &Json, pointer: &str) {
        let schema = self.resolve(schema);
        for part in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.check(part, value, pointer);
        }
        let choices = self.choices(schema);
        if choices.len() > 1 {
            self.choose(&choices, value, pointer);
            return;
        }
        let schema = choices.first().copied().unwrap_or(schema);
        if !accepts_type(schema, value) {
            self.mismatch(&[schema], value, pointer);
            return;
        }
        match value {
            Json::Object(members) => self.members(schema, members, pointer),
            Json::Array(list) => {
                let Some(items) = schema.get("items") else { return };
                for (at, element) in list.iter().enumerate() {
                    self.check(items, element, &format!("{pointer}/{at}"));
                }
            }
            Json::String(word) => {
                let words = words_of(schema);
                if !words.is_empty() && !words.contains(&word.as_str()) {
                    self.unknown_word(word, &words, pointer);
                }
            }
            Json::Number(number) => {
                let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
                let number = number.as_f64().unwrap_or_default();
                if bound("minimum").is_some_and(|least| number < least)
                    || bound("maximum").is_some_and(|most| number > most)
                {
                    let most = bound("maximum").map_or_else(|| "no more".to_owned(), |most| most.to_string());
                    let least = bound("minimum").unwrap_or_default();
                    self.tell(
                        pointer,
                        format!("{value} is out of range"),
                        Some(format!("at least {least}, at most {most}")),
                    );
                }
            }
            Json::Null | Json::Bool(_) => {}
        }
    }

    /// Returns the alternatives of a schema, those of alternatives included.
    fn choices(&self, schema: &'s Json) -> Vec<&'s Json> {
        let schema = self.resolve(schema);
        let inner = schema
            .get("anyOf")
            .or_else(|| schema.get("oneOf"))
            .and_then(Json::as_array);
        match inner {
            Some(inner) => inner.iter().flat_map(|choice| self.choices(choice)).collect(),
            None => vec![schema],
        }
    }

    fn choose(&mut self, choices: &[&'s Json], value: &Json, pointer: &str) {
        let fitting: Vec<&Json> = choices
            .iter()
            .copied()
            .filter(|choice| accepts_type(choice, value))
            .collect();
        if fitting.iter().any(|choice| accepts_anything(choice)) {
            return;
        }
        let tagged: Vec<(&str, &Json)> = choices.iter().filter_map(|choice| tagged(choice)).collect();
        let words: Vec<&str> = choices.iter().flat_map(|choice| words_of(choice)).collect();
        match value {
            Json::String(word) if !words.is_empty() || !tagged.is_empty() => {
                let any_text = fitting.iter().any(|choice| words_of(choice).is_empty());
                if any_text || words.contains(&word.as_str()) {
                    return;
                }
                if tagged.iter().any(|(name, _)| name == word) {
                    self.tell(
                        pointer,
                        format!("`{word}` needs a value"),
                        Some(format!("write `{word}: …`")),
                    );
                    return;
                }
                let all: Vec<&str> = words
                    .iter()
                    .copied()
                    .chain(tagged.iter().map(|(name, _)| *name))
                    .collect();
                self.unknown_word(word, &all, pointer);
            }
            Json::Object(members) if !tagged.is_empty() => self.tagged(&tagged, &words, members, pointer),
            _ => match fitting.first() {
                Some(choice) => self.check(choice, value, pointer),
                None => self.mismatch(choices, value, pointer),
            },
        }
    }

    /// Checks a table whose only name chooses what its value is.
    fn tagged(&mut self, tagged: &[(&str, &'s Json)], words: &[&str], members: &Map<String, Json>, pointer: &str) {
        let all: Vec<&str> = tagged
            .iter()
            .map(|(name, _)| *name)
            .chain(words.iter().copied())
            .collect();
        let mut known = Vec::new();
        for (name, value) in members {
            match tagged.iter().find(|(known, _)| known == name) {
                Some((_, schema)) => {
                    known.push(name.as_str());
                    self.check(schema, value, &format!("{pointer}/{}", escape(name)));
                }
                None if words.contains(&name.as_str()) => {
                    self.tell_name(
                        pointer,
                        name,
                        format!("`{name}` stands alone"),
                        Some(format!("write `{name}` without a value")),
                    );
                }
                None => {
                    let message = suggest::unknown("word", name, all.iter().copied());
                    self.tell_name(pointer, name, message, Some(one_of(&all)));
                }
            }
        }
        if members.is_empty() {
            self.tell(pointer, "nothing is chosen", Some(one_of(&all)));
        }
        if known.len() > 1 {
            let names = known
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(" and ");
            self.tell(pointer, format!("{names} exclude each other"), None);
        }
    }

    fn members(&mut self, schema: &'s Json, members: &Map<String, Json>, pointer: &str) {
        let properties = schema.get("properties").and_then(Json::as_object);
        let additional = schema.get("additionalProperties");
        for (name, value) in members {
            let below = format!("{pointer}/{}", escape(name));
            if let Some(property) = properties.and_then(|properties| properties.get(name)) {
                self.check(property, value, &below);
            } else if additional == Some(&Json::Bool(false)) {
                let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                let message = suggest::unknown("key", name, known.iter().copied());
                self.tell_name(
                    pointer,
                    name,
                    message,
                    Some(format!("known here: {}", known.join(", "))),
                );
            } else if let Some(additional) = additional {
                self.check(additional, value, &below);
            }
        }
        for name in schema
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
        {
            if !members.contains_key(name) {
                let about = properties
                    .and_then(|properties| properties.get(name))
                    .and_then(|property| property.get("description"));
                let help = about.and_then(Json::as_str).map(|about| format!("{name}: {about}"));
                self.tell(pointer, format!("`{name}` is missing"), help);
            }
        }
    }

    fn unknown_word(&mut self, word: &str, known: &[&str], pointer: &str) {
        self.tell(
            pointer,
            suggest::unknown("word", word, known.iter().copied()),
            Some(one_of(known)),
        );
    }

    fn mismatch(&mut self, choices: &[&Json], value: &Json, pointer: &str) {
        let mut expected: Vec<String> = Vec::new();
        for words in choices.iter().flat_map(|choice| expectations(choice)) {
            if !expected.contains(&words) && words != "nothing" {
                expected.push(words);
            }
        }
        let found = match value {
            Json::Null => "nothing".to_owned(),
            Json::Bool(value) => format!("`{value}`"),
            Json::Number(number) => format!("the number {number}"),
            Json::String(text) => format!("the text `{}`", text.chars().take(40).collect::<String>()),
            Json::Array(_) => "a list".to_owned(),
            Json::Object(_) => "a table".to_owned(),
        };
        let wants_text = expected.iter().any(|words| words == "text") && (value.is_number() || value.is_boolean());
        let help = wants_text.then(|| "put it in quotes".to_owned());
        self.tell(
            pointer,
            format!("expected {}, found {found}", expected.join(" or ")),
            help,
        );
    }
}

fn one_of(words: &[&str]) -> String {
    format!("one of {}", words.join(", "))
}

/// Returns the types that a schema names; none when it takes any.
fn types_of(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn accepts_anything(schema: &Json) -> bool {
    schema.as_bool() == Some(true)
        || schema.as_object().is_some_and(|keys| {
            !["type", "const", "enum", "anyOf", "oneOf", "$ref", "properties"]
                .iter()
                .any(|key| keys.contains_key(*key))
        })
}

fn accepts_type(schema: &Json, value: &Json) -> bool {
    let types = types_of(schema);
    let is_whole = |value: &Json| value.is_i64() || value.is_u64();
    let fits = |name: &&str| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => is_whole(value),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    types.is_empty() || types.iter().any(fits)
}

/// Returns the words that a schema allows; none when it allows any text.
fn words_of(schema: &Json) -> Vec<&str> {
    let one = schema.get("const").and_then(Json::as_str);
    let several = schema
        .get("enum")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str);
    one.into_iter().chain(several).collect()
}

/// Returns the only name of a table that chooses by its name, with the schema of the value.
fn tagged(schema: &Json) -> Option<(&str, &Json)> {
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required")?.as_array()?;
    let closed = schema.get("additionalProperties") == Some(&Json::Bool(false));
    let (name, inner) = properties.iter().next()?;
    let only = closed && properties.len() == 1 && required.len() == 1 && required.first()?.as_str() == Some(name);
    only.then_some((name, inner))
}

fn expectations(schema: &Json) -> Vec<String> {
    let words = words_of(schema);
    if !words.is_empty() {
        return words.iter().map(|word| format!("`{word}`")).collect();
    }
    types_of(schema)
        .into_iter()
        .map(|name| {
            match name {
                "null" => "nothing",
                "boolean" => "`true` or `false`",
                "integer" => "a whole number",
                "number" => "a number",
                "string" => "text",
                "array" => "a list",
                _ => "a table",
            }
            .to_owned()
        })
        .collect()
}
