//! Writes a response as JSON without a tree in between. [`ConstValue::Binary`] inside `data` is
//! JSON already and is copied as it stands.

use async_graphql::{PathSegment, Response, ServerError};
use async_graphql_value::ConstValue;
use lineshaft_schema::json::write_text;
use serde::Serialize;

/// Whether the answer has an entry `data`: it has none when nothing was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataEntry {
    /// Written, also when it is null.
    Present,
    /// Left out.
    Absent,
}

/// Appends the response to the buffer.
pub fn write_response(out: &mut Vec<u8>, response: &Response, data: DataEntry) {
    let start = out.len();
    out.reserve(256 + ready_bytes(&response.data));
    out.push(b'{');
    if data == DataEntry::Present {
        out.extend_from_slice(b"\"data\":");
        write_value(out, &response.data);
    }
    if !response.extensions.is_empty() {
        write_key(out, start, b"\"extensions\":");
        write_serialized(out, &response.extensions);
    }
    if !response.errors.is_empty() {
        write_key(out, start, b"\"errors\":");
        write_list(out, &response.errors, write_error);
    }
    out.push(b'}');
}

fn ready_bytes(value: &ConstValue) -> usize {
    match value {
        ConstValue::Binary(json) => json.len(),
        ConstValue::Object(members) => members.values().map(ready_bytes).sum(),
        _ => 16,
    }
}

fn write_key(out: &mut Vec<u8>, start: usize, key: &[u8]) {
    if out.len() > start + 1 {
        out.push(b',');
    }
    out.extend_from_slice(key);
}

pub(crate) fn write_value(out: &mut Vec<u8>, value: &ConstValue) {
    match value {
        ConstValue::Null => out.extend_from_slice(b"null"),
        ConstValue::Boolean(true) => out.extend_from_slice(b"true"),
        ConstValue::Boolean(false) => out.extend_from_slice(b"false"),
        ConstValue::Number(number) => write_serialized(out, number),
        ConstValue::String(text) => write_text(out, text),
        ConstValue::Enum(name) => write_text(out, name),
        ConstValue::Binary(json) => out.extend_from_slice(json),
        ConstValue::List(items) => write_list(out, items, write_value),
        ConstValue::Object(members) => {
            out.push(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(out, name);
                out.push(b':');
                write_value(out, member);
            }
            out.push(b'}');
        }
    }
}

fn write_list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn write_error(out: &mut Vec<u8>, error: &ServerError) {
    out.extend_from_slice(b"{\"message\":");
    write_text(out, &error.message);
    if !error.locations.is_empty() {
        out.extend_from_slice(b",\"locations\":");
        write_serialized(out, &error.locations);
    }
    if !error.path.is_empty() {
        out.extend_from_slice(b",\"path\":");
        write_list(out, &error.path, |out, segment| match segment {
            PathSegment::Field(name) => write_text(out, name),
            PathSegment::Index(index) => write_serialized(out, index),
        });
    }
    if let Some(extensions) = &error.extensions {
        // The values cannot be counted from here: an empty object is taken back.
        let before = out.len();
        out.extend_from_slice(b",\"extensions\":");
        write_serialized(out, extensions);
        if out.ends_with(b":{}") {
            out.truncate(before);
        }
    }
    out.push(b'}');
}

fn write_serialized(out: &mut Vec<u8>, value: &impl Serialize) {
    let before = out.len();
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        // A buffer takes any bytes, so only a value that is no JSON gets here.
        tracing::error!(error = %error, "a value could not be written as JSON");
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}
