//! `multipart/mixed` as `OData` has it: requests as parts, and the answers in the parts of the answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    error::{Error, ErrorKind},
    request::RequestPlan,
    transport::Response,
};

/// Between the parts. Requests are lines of addresses and headers, and bodies JSON in one line: none of them begins with two
/// dashes and it.
const BOUNDARY: &str = "lineshaft_batch";

/// Between the requests of a change set, with its number.
const CHANGES: &str = "lineshaft_changes";

/// What tells which request an answer in a change set belongs to.
const CONTENT_ID: &str = "content-id";

/// How deep parts may stand in parts: answers to change sets do.
const DEEPEST: usize = 3;

/// Writes GET requests with their headers. Returns the content type and the text.
pub(super) fn write<'p>(parts: impl Iterator<Item = (&'p str, &'p RequestPlan)>) -> (String, String) {
    let mut text = String::new();
    for (address, plan) in parts {
        write_request(&mut text, BOUNDARY, None, address, plan);
    }
    end(&mut text, BOUNDARY);
    (format!("multipart/mixed; boundary={BOUNDARY}"), text)
}

/// Writes requests that change something, as one change set or each as one of its own.
pub(super) fn write_changes<'p>(
    parts: impl Iterator<Item = (&'p str, &'p RequestPlan)>,
    together: bool,
) -> (String, String) {
    let mut text = String::new();
    let mut open: Option<String> = None;
    for (at, (address, plan)) in parts.enumerate() {
        let number = at + 1;
        let boundary = match open.take().filter(|_| together) {
            Some(boundary) => boundary,
            None => {
                let boundary = format!("{CHANGES}_{number}");
                let head = format!("--{BOUNDARY}\r\nContent-Type: multipart/mixed; boundary={boundary}\r\n\r\n");
                text.push_str(&head);
                boundary
            }
        };
        write_request(&mut text, &boundary, Some(number), address, plan);
        if !together {
            end(&mut text, &boundary);
        }
        open = Some(boundary);
    }
    if let Some(boundary) = open.filter(|_| together) {
        end(&mut text, &boundary);
    }
    end(&mut text, BOUNDARY);
    (format!("multipart/mixed; boundary={BOUNDARY}"), text)
}

fn write_request(text: &mut String, boundary: &str, number: Option<usize>, address: &str, plan: &RequestPlan) {
    text.push_str("--");
    text.push_str(boundary);
    text.push_str("\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
    if let Some(number) = number {
        text.push_str(&format!("Content-ID: {number}\r\n"));
    }
    text.push_str(&format!("\r\n{} {address} HTTP/1.1\r\n", plan.method));
    let has = |wanted: &str| plan.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if !has("accept") {
        text.push_str("Accept: application/json\r\n");
    }
    let body = plan.body.text();
    if let Some(kind) = plan.body.content_type().filter(|_| !has("content-type")) {
        text.push_str(&format!("Content-Type: {kind}\r\n"));
    }
    for (name, value) in &plan.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str(&format!("\r\n{body}\r\n"));
}

fn end(text: &mut String, boundary: &str) {
    text.push_str(&format!("--{boundary}--\r\n"));
}

/// Returns the place of the request that an answer says to belong to.
pub(super) fn id_of(answer: &Response) -> Option<usize> {
    let id = answer.headers.get(CONTENT_ID)?.to_str().ok()?;
    id.trim().parse::<usize>().ok()?.checked_sub(1)
}

/// Reads the answers in the order in which they come.
///
/// # Errors
/// Returns `MalformedResponse` when it is no such answer.
pub(super) fn read(response: &Response) -> Result<Vec<Response>, Error> {
    let mut answers = Vec::new();
    read_parts(&response.headers, &response.body, DEEPEST, &mut answers)?;
    Ok(answers)
}

fn read_parts(headers: &HeaderMap, body: &Bytes, depth: usize, into: &mut Vec<Response>) -> Result<(), Error> {
    let boundary = boundary_of(headers).ok_or_else(|| malformed("the answer to an envelope has no parts"))?;
    let delimiter = format!("--{boundary}");
    for part in split(body, delimiter.as_bytes()) {
        let (own, content) = head_of(&body.slice_ref(part))?;
        if boundary_of(&own).is_some() && depth > 0 {
            read_parts(&own, &content, depth - 1, into)?;
            continue;
        }
        let status_end = memchr::memchr(b'\n', &content).unwrap_or(content.len());
        let status = String::from_utf8_lossy(content.get(..status_end).unwrap_or_default());
        let code = status
            .strip_prefix("HTTP/")
            .and_then(|rest| rest.split_whitespace().nth(1));
        let status = code.and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
        let status = status.ok_or_else(|| malformed("a part of the answer is no answer"))?;
        let rest = content.slice(content.len().min(status_end + 1)..);
        let (mut headers, body) = head_of(&rest)?;
        if let Some(id) = own.get(CONTENT_ID) {
            headers.entry(CONTENT_ID).or_insert_with(|| id.clone());
        }
        into.push(Response { status, headers, body });
    }
    Ok(())
}

/// Returns the texts between delimiters, which stand at the beginnings of lines.
fn split<'b>(body: &'b [u8], delimiter: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut start = None;
    for at in memchr::memmem::find_iter(body, delimiter) {
        let begins_line = at == 0 || body.get(at - 1) == Some(&b'\n');
        let behind = body.get(at + delimiter.len()..).unwrap_or_default();
        let is_whole = behind.is_empty()
            || behind.starts_with(b"--")
            || behind.starts_with(b"\r")
            || behind.starts_with(b"\n")
            || behind.starts_with(b" ");
        if !begins_line || !is_whole {
            continue;
        }
        if let Some(start) = start {
            let part: &[u8] = body.get(start..at).unwrap_or_default();
            let part = part.strip_suffix(b"\n").unwrap_or(part);
            parts.push(part.strip_suffix(b"\r").unwrap_or(part));
        }
        if behind.starts_with(b"--") {
            break;
        }
        let line = memchr::memchr(b'\n', behind).map_or(behind.len(), |end| end + 1);
        start = Some(at + delimiter.len() + line);
    }
    parts
}

/// Reads headers up to the empty line and returns what follows.
fn head_of(text: &Bytes) -> Result<(HeaderMap, Bytes), Error> {
    let mut headers = HeaderMap::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default().trim_ascii();
        at = text.len().min(at + end + 1);
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| malformed("a part of the answer has no headers"))?;
        if let (Ok(name), Ok(value)) = (name.trim().parse::<HeaderName>(), HeaderValue::from_str(value.trim())) {
            headers.append(name, value);
        }
    }
    Ok((headers, text.slice(at..)))
}

fn boundary_of(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let is_multipart = kind.trim_start().get(..10)?.eq_ignore_ascii_case("multipart/");
    let mut parameters = kind
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='));
    let (_, boundary) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.trim().trim_matches('"');
    (is_multipart && !boundary.is_empty()).then(|| boundary.to_owned())
}

fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::MalformedResponse, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn answer(kind: &str, text: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        Response {
            status: StatusCode::OK,
            headers,
            body: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    #[test]
    fn answers_are_read_in_order_also_those_inside_change_sets() {
        let text = "preamble\r\n--b1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":\"--b1x\\n--b\"}\r\n\
            --b1\r\nContent-Type: multipart/mixed; boundary=c1\r\n\r\n--c1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--c1--\r\n\
            --b1\nContent-Type: application/http\n\nHTTP/1.1 404 Not Found\nRetry-After: 3\n\n{}\n--b1--\r\n";
        let answers = read(&answer("multipart/mixed; charset=utf-8; boundary=\"b1\"", text)).unwrap();
        let told: Vec<_> = answers
            .iter()
            .map(|answer| (answer.status.as_u16(), &answer.body[..]))
            .collect();
        assert_eq!(told, [(200, &b"{\"a\":\"--b1x\\n--b\"}"[..]), (204, b""), (404, b"{}")]);
        assert_eq!(answers[2].headers["retry-after"], "3");
    }

    #[test]
    fn what_has_no_parts_is_refused() {
        assert!(read(&answer("application/json", "{}")).is_err());
        let broken = "--b\r\nContent-Type: application/http\r\n\r\nno status\r\n--b--";
        assert!(read(&answer("multipart/mixed; boundary=b", broken)).is_err());
        assert!(
            read(&answer("multipart/mixed; boundary=b", "--b--"))
                .unwrap()
                .is_empty()
        );
    }
}
