//! XML in the place of JSON: answers become the values that JSON has, and values become the elements of bodies.
//!
//! An answer is translated once, right when it arrives, so that everything behind it reads JSON and nothing else.

mod lists;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use encoding_rs::Encoding;
use http::{HeaderMap, header};

use crate::{
    blueprint::Problem,
    error::{Error, ErrorKind},
    json::Value,
    manifest::{Answers, Manifest, Protocol},
    wrapped::Wrapping,
};
pub(crate) use lists::Lists;
pub(crate) use write::{attributes_of, check_name, elements, escape, text_of};

/// How deep elements may be nested. Each may become a list with an object in it, which JSON counts as two.
pub const MAX_DEPTH: usize = 60;

/// How the answers of a system are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    xml: bool,
    lists: Lists,
    wrapping: Option<Wrapping>,
}

impl Reading {
    pub(crate) fn compile(manifest: &Manifest, problems: &mut Vec<Problem>) -> Self {
        let answers = manifest.http.answers.unwrap_or(match manifest.protocol {
            Protocol::Xml => Answers::Xml,
            _ => Answers::Json,
        });
        let xml = answers == Answers::Xml;
        if !xml && !manifest.http.lists.is_empty() {
            let problem = Problem::new("/http/lists", "JSON has lists of its own");
            problems.push(problem.with_help("write `answers: xml` beside it if the system answers with XML"));
        }
        let wrapped = manifest.http.wrapped.as_ref();
        Self {
            xml,
            wrapping: wrapped.map(|wrapped| Wrapping::compile(wrapped, answers, problems)),
            lists: Lists::compile(&manifest.http.lists, "/http/lists", problems),
        }
    }

    /// Returns how values are wrapped.
    pub(crate) const fn wrapping(&self) -> Option<&Wrapping> {
        self.wrapping.as_ref()
    }

    /// Returns whether the system answers with XML.
    pub(crate) const fn is_xml(&self) -> bool {
        self.xml
    }

    /// Returns what requests say that they accept, when it is not JSON.
    pub(crate) fn accept(&self) -> Option<&'static str> {
        self.xml.then_some("text/xml, application/xml, application/json;q=0.5")
    }

    /// Returns the body of an answer as JSON with plain values; nothing when it needs no translation, because it is
    /// neither XML nor wrapped, or a web page.
    ///
    /// # Errors
    /// Returns `MalformedResponse` for XML that is broken, nested too deep, or has a document type.
    pub(crate) fn translate(&self, headers: &HeaderMap, body: &[u8]) -> Result<Option<Bytes>, Error> {
        if let Some(wrapping) = &self.wrapping {
            return Ok(wrapping.read(body));
        }
        if !self.xml || body.is_empty() {
            return Ok(None);
        }
        let kind = content_type(headers);
        if kind.starts_with("text/html") || kind.starts_with("application/json") {
            return Ok(None);
        }
        let malformed = |message: String| Error::new(ErrorKind::MalformedResponse, message);
        let text = decode(&kind, body).map_err(malformed)?;
        if !text.trim_ascii_start().starts_with('<') || is_page(&text) {
            return Ok(None);
        }
        let mut value = read::parse(&text).map_err(|wrong| malformed(format!("the answer {wrong}")))?;
        self.lists.apply(&mut value);
        Ok(Some(Bytes::from(value.to_string())))
    }
}

/// Parses XML text as a value.
///
/// # Errors
/// Tells what is wrong with the text, and where.
pub(crate) fn parse_text(text: &str) -> Result<Value<'static>, String> {
    read::parse(text)
}

fn is_page(text: &str) -> bool {
    let start = text.trim_ascii_start().as_bytes();
    let begins = |with: &[u8]| {
        start
            .get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    begins(b"<html") || begins(b"<!doctype html")
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns the text of a document: by the mark at its beginning, the header, or what the document says itself.
fn decode<'b>(content_type: &str, body: &'b [u8]) -> Result<Cow<'b, str>, String> {
    let (encoding, mark) = match Encoding::for_bom(body) {
        Some((encoding, mark)) => (encoding, mark),
        None => {
            let named = charset(content_type).or_else(|| declared(body));
            let encoding = named.map_or(Some(encoding_rs::UTF_8), |name| Encoding::for_label(name.as_bytes()));
            (encoding.ok_or("the answer is in an encoding that is not known")?, 0)
        }
    };
    let rest = body.get(mark..).unwrap_or_default();
    encoding
        .decode_without_bom_handling_and_without_replacement(rest)
        .ok_or_else(|| format!("the answer is not {} text", encoding.name()))
}

fn charset(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').skip(1);
    let name = parameters.find_map(|parameter| parameter.trim().strip_prefix("charset="))?;
    Some(name.trim_matches(['"', '\'', ' '])).filter(|name| !name.is_empty())
}

/// Returns the encoding that the declaration of a document names.
fn declared(body: &[u8]) -> Option<&str> {
    const LONGEST: usize = 200;
    let start = body.get(..body.len().min(LONGEST))?;
    let end = start.iter().position(|byte| *byte == b'>')?;
    let declaration = std::str::from_utf8(start.get(..end)?).ok()?;
    let after = declaration
        .trim_ascii_start()
        .strip_prefix("<?xml")?
        .split_once("encoding")?
        .1;
    let quoted = after.trim_start().strip_prefix('=')?.trim_start();
    let sign = quoted.chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
    quoted.get(1..)?.split_once(sign).map(|(name, _)| name)
}
