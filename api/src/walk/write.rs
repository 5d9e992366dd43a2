//! Writes records as JSON text along a compiled selection.

mod custom;

use std::{collections::HashSet, fmt::Write as _};

use async_graphql::{PathSegment, ServerError, Value as GraphValue};
use lineshaft_connect::mapping::CompiledMapping;
use lineshaft_schema::{
    Catalogue, ConnectionId, FieldType, Fields, GlobalId, Record, RemoteKey, TypeDef, Value, json::write_text,
};

use super::{
    load::{Loaded, Node, Source},
    scalar,
    selection::{Computed, Field, FieldKind, KeyPart, Selection},
};
use crate::error;

/// Most field problems that one page tells.
const MOST_PROBLEMS: usize = 50;

/// A field of a record that could not be mapped.
pub(crate) struct RecordProblem {
    /// The place of the connection.
    pub(crate) source: usize,
    /// The id of the record.
    pub(crate) id: String,
    /// What is wrong.
    pub(crate) problem: lineshaft_schema::Problem,
}

/// One step of the way to a place in the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// Into a field.
    Field(&'a str),
    /// Into an element of a list.
    Index(usize),
}

/// Writes the records of one page.
pub(crate) struct Writer<'a> {
    /// The unified model.
    pub(crate) catalogue: &'a Catalogue,
    /// The connections of the page.
    pub(crate) sources: &'a [Source],
    /// The text so far.
    pub(crate) out: Vec<u8>,
    /// The place in the answer.
    pub(crate) path: Vec<Step<'a>>,
    /// Errors of relations, one for each relation and connection.
    pub(crate) errors: Vec<ServerError>,
    /// Fields that could not be mapped.
    pub(crate) problems: Vec<RecordProblem>,
    /// Relations whose error was told.
    pub(crate) told: HashSet<(usize, usize)>,
}

/// What is written: a whole record, or a value within one.
#[derive(Clone, Copy)]
struct Subject<'r> {
    source: usize,
    fields: Fields<'r>,
    identity: Identity<'r>,
}

#[derive(Clone, Copy)]
enum Identity<'r> {
    /// A record of its own.
    Record(&'r Record),
    /// Only the key is known: the record was not loaded because nothing but its key is asked for.
    Key(&'r RemoteKey),
    /// A part within the row of a record, at a place.
    Part(&'r RemoteKey, usize),
    /// An embedded value.
    Value,
}

/// The value cannot be given though it is required; the value around it becomes null.
struct Missing;

type Written = Result<(), Missing>;

impl<'a> Writer<'a> {
    /// Makes a writer that stands at a place of the answer.
    pub(crate) fn new(catalogue: &'a Catalogue, sources: &'a [Source], path: Vec<Step<'a>>) -> Self {
        Self {
            catalogue,
            sources,
            out: Vec::with_capacity(4096),
            path,
            errors: Vec::new(),
            problems: Vec::new(),
            told: HashSet::new(),
        }
    }

    /// Returns the place in the answer, for errors.
    pub(crate) fn place(&self) -> Vec<PathSegment> {
        let segment = |step: &Step<'_>| match step {
            Step::Field(name) => PathSegment::Field((*name).to_owned()),
            Step::Index(at) => PathSegment::Index(*at),
        };
        self.path.iter().map(segment).collect()
    }

    /// Writes a record, or null if a required field of it is missing.
    pub(crate) fn record(&mut self, source: usize, record: &Record, selection: &Selection<'a>, node: &Node) {
        let subject = Subject {
            source,
            fields: record.fields(),
            identity: Identity::Record(record),
        };
        let _ = self.or_null(false, |writer| writer.object(subject, selection, node));
        self.note_problems(source, record);
    }

    fn note_problems(&mut self, source: usize, record: &Record) {
        for problem in &record.problems {
            if self.problems.len() < MOST_PROBLEMS {
                let id = self.id_of(source, record.kind, record.key.clone());
                self.problems.push(RecordProblem {
                    source,
                    id,
                    problem: problem.clone(),
                });
            }
        }
    }

    /// Writes null instead of a value that is missing; passes it on if null is not allowed either.
    fn or_null(&mut self, required: bool, write: impl FnOnce(&mut Self) -> Written) -> Written {
        let start = self.out.len();
        let depth = self.path.len();
        if write(self).is_ok() {
            return Ok(());
        }
        self.out.truncate(start);
        self.path.truncate(depth);
        if required {
            return Err(Missing);
        }
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn object(&mut self, subject: Subject<'_>, selection: &Selection<'a>, node: &Node) -> Written {
        const NOTHING: &Loaded = &Loaded::Nothing;
        let def = self.catalogue.type_at(selection.kind).ok_or(Missing)?;
        self.out.push(b'{');
        for (at, field) in selection.fields.iter().enumerate() {
            // Without the comma of the first.
            let name = field.name.get(usize::from(at == 0)..).unwrap_or_default();
            self.out.extend_from_slice(name.as_bytes());
            if let FieldKind::Leaf { slot, .. } = &field.kind
                && self.scalar(subject.fields.get(*slot))
            {
                continue;
            }
            let loaded = node.fields.get(at).unwrap_or(NOTHING);
            self.path.push(Step::Field(field.key));
            let written = self.or_null(field.required, |writer| writer.field(def, subject, field, loaded));
            if written.is_err() {
                self.tell(
                    field,
                    subject.source,
                    "MISSING_VALUE",
                    "the source has no value for a field that is never null",
                );
                return Err(Missing);
            }
            self.path.pop();
        }
        self.out.push(b'}');
        Ok(())
    }

    fn field(&mut self, def: &TypeDef, subject: Subject<'_>, field: &Field<'a>, loaded: &Loaded) -> Written {
        match &field.kind {
            FieldKind::Typename => {
                self.text(&def.name);
                Ok(())
            }
            FieldKind::Leaf { slot, kind } => self.leaf(subject.fields.get(*slot), *kind, field.required),
            FieldKind::Computed(computed) => self.computed(def, subject, computed),
            FieldKind::Platform(_) => match loaded {
                Loaded::Platform(texts) => {
                    let text = texts.get(&subject.source).ok_or(Missing)?;
                    self.out.extend_from_slice(text);
                    Ok(())
                }
                _ => Err(Missing),
            },
            FieldKind::Embedded { slot, inner } => {
                let node = if let Loaded::Inner(node) = loaded {
                    node
                } else {
                    &Node::default()
                };
                self.embedded(subject, subject.fields.get(*slot), inner, node)
            }
            FieldKind::Reference { slot, inner } => {
                self.reference(subject, field, subject.fields.get(*slot), inner, loaded)
            }
            FieldKind::Reverse { slot, inner, .. } => {
                self.reverse(subject, field, subject.fields.get(*slot), inner, loaded)
            }
        }
    }

    fn embedded(&mut self, subject: Subject<'_>, value: &Value, inner: &Selection<'a>, node: &Node) -> Written {
        match value {
            Value::Object(object) => {
                let inner_subject = Subject {
                    fields: object.fields(),
                    identity: Identity::Value,
                    ..subject
                };
                self.object(inner_subject, inner, node)
            }
            Value::List(values) => self.list(values.iter(), |writer, at, value| match value {
                Value::Object(object) => {
                    let identity = match subject.identity {
                        Identity::Record(record) => Identity::Part(&record.key, at),
                        _ => Identity::Value,
                    };
                    writer.object(
                        Subject {
                            fields: object.fields(),
                            identity,
                            ..subject
                        },
                        inner,
                        node,
                    )
                }
                _ => Err(Missing),
            }),
            _ => Err(Missing),
        }
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, write: impl Fn(&mut Self, usize, T) -> Written) -> Written {
        self.out.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.path.push(Step::Index(at));
            write(self, at, item)?;
            self.path.pop();
        }
        self.out.push(b']');
        Ok(())
    }

    fn reference(
        &mut self,
        subject: Subject<'_>,
        field: &Field<'a>,
        value: &Value,
        inner: &Selection<'a>,
        loaded: &Loaded,
    ) -> Written {
        if let Value::List(values) = value {
            self.references(subject, field, values, inner, loaded);
            return Ok(());
        }
        let Value::Reference(key) = value else {
            return Err(Missing);
        };
        let Loaded::Records(table, node) = loaded else {
            let by_key = Subject {
                fields: Fields::default(),
                identity: Identity::Key(key),
                ..subject
            };
            return self.object(by_key, inner, &Node::default());
        };
        match table.get(subject.source).and_then(|found| found.get(key)) {
            Some(Ok(Some(record))) => {
                self.note_problems(subject.source, record);
                let target = Subject {
                    fields: record.fields(),
                    identity: Identity::Record(record),
                    ..subject
                };
                self.object(target, inner, node)
            }
            Some(Err(error)) => {
                self.tell_upstream(field, subject.source, error);
                Err(Missing)
            }
            Some(Ok(None)) | None => Err(Missing),
        }
    }

    /// Writes the records that a list refers to. Those that cannot be given are left out: one that the account may not
    /// see does not take the others away.
    fn references(
        &mut self,
        subject: Subject<'_>,
        field: &Field<'a>,
        values: &[Value],
        inner: &Selection<'a>,
        loaded: &Loaded,
    ) {
        self.out.push(b'[');
        let mut written = 0;
        for value in values {
            let (start, depth) = (self.out.len(), self.path.len());
            if written > 0 {
                self.out.push(b',');
            }
            self.path.push(Step::Index(written));
            if self.reference(subject, field, value, inner, loaded).is_ok() {
                written += 1;
            } else {
                self.out.truncate(start);
            }
            self.path.truncate(depth);
        }
        self.out.push(b']');
    }

    fn reverse(
        &mut self,
        subject: Subject<'_>,
        field: &Field<'a>,
        value: &Value,
        inner: &Selection<'a>,
        loaded: &Loaded,
    ) -> Written {
        let Loaded::Children { lists, node, inline } = loaded else {
            return Err(Missing);
        };
        if matches!(value, Value::List(_)) {
            return self.embedded(subject, value, inner, inline);
        }
        let key = match subject.identity {
            Identity::Record(record) => &record.key,
            Identity::Key(key) => key,
            Identity::Part(..) | Identity::Value => return Err(Missing),
        };
        match lists.get(subject.source).and_then(|found| found.get(key)) {
            Some(Ok(children)) => {
                if children.truncated {
                    self.tell(
                        field,
                        subject.source,
                        "LIST_TRUNCATED",
                        "more records exist than may be read at once",
                    );
                }
                self.list(children.records.iter(), |writer, _, record| {
                    writer.note_problems(subject.source, record);
                    let child = Subject {
                        fields: record.fields(),
                        identity: Identity::Record(record),
                        ..subject
                    };
                    writer.object(child, inner, node)
                })
            }
            Some(Err(error)) => {
                self.tell_upstream(field, subject.source, error);
                Err(Missing)
            }
            None => Err(Missing),
        }
    }

    fn leaf(&mut self, value: &Value, kind: FieldType, required: bool) -> Written {
        match (value, kind) {
            (Value::Null, FieldType::Enum(index)) if required => {
                let unknown = self
                    .catalogue
                    .enum_at(index)
                    .is_some_and(|def| def.value_index("UNKNOWN").is_some());
                if unknown {
                    self.text("UNKNOWN")
                } else {
                    return Err(Missing);
                }
            }
            (Value::Null, _) => return Err(Missing),
            (value, _) if self.scalar(value) => {}
            (Value::Enum(kind, value), _) => {
                let catalogue = self.catalogue;
                let name = catalogue
                    .enum_at(*kind)
                    .and_then(|def| def.value_name(*value))
                    .ok_or(Missing)?;
                self.text(name);
            }
            (Value::Json(text), _) => self.out.extend_from_slice(text.as_bytes()),
            (Value::Reference(key), _) => self.text(&key.to_string()),
            (Value::List(values), _) => {
                return self.list(values.iter(), |writer, _, value| writer.leaf(value, kind, required));
            }
            _ => return Err(Missing),
        }
        Ok(())
    }

    /// Writes a value that stands for itself; returns whether it is one.
    fn scalar(&mut self, value: &Value) -> bool {
        let out = &mut self.out;
        match value {
            Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Value::Integer(value) => self.display(value),
            Value::Decimal(value) => scalar::write_decimal(out, value),
            Value::Text(text) => write_text(out, text),
            Value::Date(date) => scalar::write_date(out, *date),
            Value::DateTime(at) => scalar::write_instant(out, *at),
            _ => return false,
        }
        true
    }

    fn computed(&mut self, def: &TypeDef, subject: Subject<'_>, computed: &Computed<'a>) -> Written {
        match computed {
            Computed::Id => {
                let key = key_of(def, subject).ok_or(Missing)?;
                let id = self.id_of(subject.source, def.index, key);
                self.text(&id);
            }
            Computed::ConnectionId => {
                let id = self.sources.get(subject.source).ok_or(Missing)?.connection.id;
                self.quoted(&id);
            }
            Computed::RemoteId { slot } => match (subject.identity, subject.fields.get(*slot)) {
                (_, Value::Text(text)) => self.text(text),
                (Identity::Record(record), _) => self.text(&record.key.to_string()),
                (Identity::Key(key), _) => self.text(&key.to_string()),
                _ => return Err(Missing),
            },
            Computed::RemoteKeys(parts) => self.remote_keys(def, subject, parts)?,
            Computed::FetchedAt => match subject.identity {
                Identity::Record(record) => {
                    self.quoted(&record.fetched_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
                }
                _ => self.quoted(&chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
            },
            Computed::Raw => match subject.identity {
                Identity::Record(Record { raw: Some(raw), .. }) => self.out.extend_from_slice(raw.as_bytes()),
                _ => return Err(Missing),
            },
            Computed::CustomFields { keys, fields, declared } => {
                let custom = custom::Wanted { keys, fields, declared };
                self.custom_fields(def, subject, &custom)?;
            }
        }
        Ok(())
    }

    /// Returns how a connection maps records of a type.
    fn mapping(&self, source: usize, def: &TypeDef) -> Option<&'a CompiledMapping> {
        let source: &'a Source = self.sources.get(source)?;
        let resource = source.connector.as_ref()?.blueprint().resource(def.index)?;
        Some(resource.mapping())
    }

    fn remote_keys(&mut self, def: &TypeDef, subject: Subject<'_>, fields: &[(&str, KeyPart)]) -> Written {
        let key = match subject.identity {
            Identity::Record(record) => &record.key,
            Identity::Key(key) => key,
            _ => return Err(Missing),
        };
        let mapping = self.mapping(subject.source, def);
        let names = mapping.map(CompiledMapping::key_paths).unwrap_or_default();
        self.list(key.parts().iter().enumerate(), |writer, _, (at, value)| {
            writer.members(fields, |writer, part| match part {
                KeyPart::Typename => writer.text("RemoteKey"),
                KeyPart::Name => writer.text(names.get(at).map_or("id", |path| path.text())),
                KeyPart::Value => writer.text(value),
            });
            Ok(())
        })
    }

    fn members<P: Copy>(&mut self, fields: &[(&str, P)], write: impl Fn(&mut Self, P)) {
        self.out.push(b'{');
        for (at, (key, part)) in fields.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.name(key);
            write(self, *part);
        }
        self.out.push(b'}');
    }

    fn id_of(&self, source: usize, kind: lineshaft_schema::TypeIndex, key: RemoteKey) -> String {
        let connection = self
            .sources
            .get(source)
            .map(|source| source.connection.id)
            .unwrap_or_default();
        let kind = self
            .catalogue
            .type_at(kind)
            .map(|def| def.name.as_str())
            .unwrap_or_default();
        GlobalId {
            connection: ConnectionId(connection),
            kind: kind.into(),
            key,
        }
        .to_string()
    }

    fn tell_upstream(&mut self, field: &Field<'a>, source: usize, error: &lineshaft_connect::Error) {
        if self.is_news(field, source) {
            let connection = self.sources.get(source).map(|source| &source.connection);
            let error = error::of_connection(connection.map(AsRef::as_ref), &error.into(), self.place());
            self.errors.push(error);
        }
    }

    fn tell(&mut self, field: &Field<'a>, source: usize, code: &'static str, message: &str) {
        if self.is_news(field, source) {
            let connection = self.sources.get(source).map(|source| &source.connection);
            let cause = lineshaft_engine::query::SourceError::new(code, message);
            self.errors.push(error::of_connection(
                connection.map(AsRef::as_ref),
                &cause,
                self.place(),
            ));
        }
    }

    fn is_news(&mut self, field: &Field<'a>, source: usize) -> bool {
        self.told.insert((std::ptr::from_ref(field).addr(), source))
    }

    /// Writes the name of a member. Names of GraphQL have nothing to escape.
    fn name(&mut self, name: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Writes a JSON string.
    pub(crate) fn text(&mut self, text: &str) {
        write_text(&mut self.out, text);
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    fn quoted(&mut self, value: &impl std::fmt::Display) {
        self.out.push(b'"');
        self.display(value);
        self.out.push(b'"');
    }

    fn display(&mut self, value: &impl std::fmt::Display) {
        let _ = write!(Text(&mut self.out), "{value}");
    }
}

/// Formats into bytes.
struct Text<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Returns the key by which an id names the subject.
fn key_of(def: &TypeDef, subject: Subject<'_>) -> Option<RemoteKey> {
    match subject.identity {
        Identity::Record(record) => Some(record.key.clone()),
        Identity::Key(key) => Some(key.clone()),
        Identity::Part(parent, at) => {
            let own = def.field("remoteId").map(|field| subject.fields.get(field.index));
            let place = match own {
                Some(Value::Text(text)) => text.clone(),
                _ => at.to_string().into(),
            };
            Some(RemoteKey::composite(parent.parts().iter().cloned().chain([place])))
        }
        Identity::Value => None,
    }
}

/// Turns JSON text into a value that the response writer copies as it is.
pub(crate) fn verbatim(text: Vec<u8>) -> GraphValue {
    GraphValue::Binary(text.into())
}
