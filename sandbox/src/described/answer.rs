//! Answers as they go out.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value as Json;

use super::endpoint::{Answer, Body as AnswerBody};
use super::form::{Failure, Form, Scope};
use super::protocol::xml;
use super::wrapped::Wrapped;

pub(super) fn status_only(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(super) fn plain(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Writes an answer as it is described; values of a success are wrapped where the system does so.
pub(super) fn write(
    answer: &Answer,
    status: StatusCode,
    scope: &Scope,
    wrapped: Option<&Wrapped>,
) -> Result<Response, Failure> {
    let told = match &answer.status {
        Some(form) => form.value_or_null(scope)?.as_u64(),
        None => None,
    };
    let told = told.and_then(|status| u16::try_from(status).ok());
    let status = told
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(status);
    let (content_type, body) = match &answer.body {
        AnswerBody::Empty => (None, None),
        AnswerBody::Json(form) => {
            let body = form.value_or_null(scope)?;
            let body = match wrapped.filter(|_| status.as_u16() < 400) {
                Some(wrapped) => wrapped.wrapped(body),
                None => body,
            };
            (Some("application/json"), Some(body.to_string()))
        }
        AnswerBody::Text(form) => (Some("text/plain; charset=utf-8"), form.text(scope)?),
        AnswerBody::Xml(text) => (Some("text/xml; charset=utf-8"), Some(text.write(scope)?)),
        AnswerBody::Tree(form, soap) => {
            let tree = form.value_or_null(scope)?;
            let tree = soap.map_or(tree.clone(), |version| xml::envelope(&tree, version));
            (Some("text/xml; charset=utf-8"), Some(xml::write(&tree)))
        }
    };
    let mut response = Response::new(body.map_or_else(Body::empty, Body::from));
    *response.status_mut() = status;
    let own = match &answer.content_type {
        Some(form) => form.text(scope)?,
        None => content_type.map(str::to_owned),
    };
    if let Some(value) = own.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    add_headers(&answer.headers, scope, &mut response)?;
    Ok(response)
}

pub(super) fn add_headers(headers: &[(String, Form)], scope: &Scope, response: &mut Response) -> Result<(), Failure> {
    for (name, form) in headers {
        let values = match form.json(scope)? {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(values)) => values,
            Some(value) => vec![value],
        };
        for value in values {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(&text)) {
                response.headers_mut().append(name, value);
            }
        }
    }
    Ok(())
}
