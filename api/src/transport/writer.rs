//! Writes a response as JSON without a tree in between. [`ConstValue::Binary`] inside `data` is
//! JSON already and is copied as it stands.

use async_graphql::{PathSegment, Response, ServerError};
use async_graphql_value::ConstValue;
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
        ConstValue::String(text) => write_string(out, text),
        ConstValue::Enum(name) => write_string(out, name),
        ConstValue::Binary(json) => out.extend_from_slice(json),
        ConstValue::List(items) => write_list(out, items, write_value),
        ConstValue::Object(members) => {
            out.push(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(out, name);
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
    write_string(out, &error.message);
    if !error.locations.is_empty() {
        out.extend_from_slice(b",\"locations\":");
        write_serialized(out, &error.locations);
    }
    if !error.path.is_empty() {
        out.extend_from_slice(b",\"path\":");
        write_list(out, &error.path, |out, segment| match segment {
            PathSegment::Field(name) => write_string(out, name),
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

fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = find_special(rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = tail.split_first() else {
            break;
        };
        write_escape(out, byte);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        control => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(control >> 4), digit(control & 0xF)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Finds the first byte that JSON escapes, eight bytes at a time.
fn find_special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        // The lowest bit that is set is exact; only bits above it may be set by a borrow.
        let special = quote | backslash | below(word, 0x20);
        if special != 0 {
            let byte = usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
            return Some(index * 8 + byte);
        }
    }
    let at = tail
        .iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
    Some(words.len() * 8 + at)
}
