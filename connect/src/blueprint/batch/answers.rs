//! Where the answers to the requests of an envelope of JSON stand in its answer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Content, malformed};
use crate::{
    blueprint::Problem,
    classify::parse_path,
    error::Error,
    json,
    manifest::{BatchAnswers, BatchBody},
    path::Path,
    transport::Response,
};

/// Where answers stand, compiled.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) list: Path,
    pub(super) id: Option<Path>,
    status: Option<Path>,
    headers: Option<Path>,
    body: Path,
    form: BatchBody,
}

impl Answers {
    pub(super) fn compile(answers: &BatchAnswers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut path = |name: &str, text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            parse_path(text, &format!("/batch/answers/{name}"), problems)
        };
        let (list, body) = (path("path", &answers.path), path("body", &answers.body));
        let mut given = |name: &str, text: &Option<String>| text.is_some().then(|| path(name, text)).flatten();
        Some(Self {
            id: given("id", &answers.id),
            status: given("status", &answers.status),
            headers: given("headers", &answers.headers),
            list: list?,
            body: body?,
            form: answers.form,
        })
    }

    /// Reads one answer; none where the element is no answer: of a change nothing is taken for a success that does not
    /// say so.
    pub(super) fn read(&self, element: &json::Value<'_>, content: Content) -> Result<Option<Response>, Error> {
        if element.is_null() || content == Content::Changes && !element.is_object() {
            return Ok(None);
        }
        let status = match &self.status {
            Some(path) => match path.first(element).and_then(json::scalar_text) {
                Some(text) => text
                    .trim()
                    .parse::<u16>()
                    .ok()
                    .and_then(|code| StatusCode::from_u16(code).ok()),
                None => return Ok(None),
            },
            None => Some(StatusCode::OK),
        };
        let status = status.ok_or_else(|| malformed("a part of the answer has no HTTP status"))?;
        let headers = self.headers.as_ref().and_then(|path| path.first(element));
        let body = self.body.first(element);
        let body = match (self.form, body) {
            (_, None | Some(json::Value::Null)) => Bytes::new(),
            (BatchBody::Json, Some(value)) => value.to_string().into(),
            (BatchBody::Text, Some(value)) => match value.as_str() {
                Some(text) => Bytes::copy_from_slice(text.as_bytes()),
                None => value.to_string().into(),
            },
            (BatchBody::Base64, Some(value)) => {
                let text = value.as_str().unwrap_or_default();
                let decoded = STANDARD.decode(text.trim());
                decoded
                    .map_err(|_| malformed("a part of the answer is not base64"))?
                    .into()
            }
        };
        Ok(Some(Response {
            status,
            headers: headers.map(read_headers).unwrap_or_default(),
            body,
        }))
    }
}

fn read_headers(value: &json::Value<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    };
    for (name, value) in value.members().unwrap_or_default() {
        add(name, json::scalar_text(value).unwrap_or_default());
    }
    for entry in value.elements().unwrap_or_default() {
        let text = |name| entry.get(name).and_then(json::scalar_text).unwrap_or_default();
        add(text("name"), text("value"));
    }
    headers
}
