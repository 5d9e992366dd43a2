//! Envelopes with several requests in them: those of OData, as multipart and as JSON. What the parts mean is not known
//! here.

use serde_json::{Map, Value, json};

/// One request of an envelope.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Part {
    /// Its name in the envelope.
    pub(crate) id: Option<String>,
    pub(crate) method: String,
    /// Its address: absolute, from the root of the server, or from that of the service.
    pub(crate) address: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The change set that it belongs to: all of its requests are done, or none.
    pub(crate) group: Option<String>,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct PartAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// How deeply envelopes may nest: a change set in a batch.
const DEEPEST: usize = 2;

/// Returns the boundary that a content type tells.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let mut parameters = rest.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    Some(value.trim_matches('"')).filter(|value| !value.is_empty())
}

/// Reads a multipart envelope.
pub(crate) fn read_multipart(boundary: &str, text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    read_level(boundary, text, None, 1, &mut parts)?;
    Ok(parts)
}

fn read_level(
    boundary: &str,
    text: &str,
    group: Option<&str>,
    depth: usize,
    parts: &mut Vec<Part>,
) -> Result<(), String> {
    let text = text.replace("\r\n", "\n");
    let mark = format!("--{boundary}");
    let mut sections = text.split(&mark).skip(1);
    let mut has_end = false;
    for section in sections.by_ref() {
        if section.starts_with("--") {
            has_end = true;
            break;
        }
        let (headers, content) = split_head(section.trim_start_matches([' ', '\t']).trim_start_matches('\n'));
        let kind = header(&headers, "content-type").unwrap_or_default();
        if let Some(inner) = self::boundary(kind) {
            if depth >= DEEPEST {
                return Err("change sets do not nest".to_owned());
            }
            read_level(inner, content, Some(inner), depth + 1, parts)?;
            continue;
        }
        if !kind.to_ascii_lowercase().starts_with("application/http") {
            return Err(format!("a part has the type {kind:?} in place of application/http"));
        }
        let mut part = read_request(content)?;
        part.id = header(&headers, "content-id").map(str::to_owned);
        part.group = group.map(str::to_owned);
        parts.push(part);
    }
    match has_end {
        true => Ok(()),
        false => Err("the envelope has no end".to_owned()),
    }
}

/// Splits headers from what follows the empty line.
fn split_head(text: &str) -> (Vec<(String, String)>, &str) {
    let (head, content) = match text.strip_prefix('\n') {
        Some(content) => ("", content),
        None => text.split_once("\n\n").unwrap_or((text, "")),
    };
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    (headers.collect(), content)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn read_request(text: &str) -> Result<Part, String> {
    let text = text.trim_start_matches('\n');
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let words: Vec<&str> = line.split_whitespace().collect();
    let [method, address, version] = words.as_slice() else {
        return Err(format!("a part begins with {line:?} in place of a request"));
    };
    if !version.starts_with("HTTP/") {
        return Err(format!("{version:?} is no version of HTTP"));
    }
    let (headers, body) = split_head(rest);
    Ok(Part {
        method: (*method).to_owned(),
        address: (*address).to_owned(),
        headers,
        body: body.trim_end_matches('\n').to_owned(),
        ..Part::default()
    })
}

/// Writes the answer to a multipart envelope: its content type and its body. Neighbours with one group are a change set; of
/// one that failed only the failure is told.
pub(crate) fn write_multipart(parts: &[(Part, PartAnswer)]) -> (String, String) {
    const OUTER: &str = "batchresponse_1";
    let mut text = String::new();
    let mut rest = parts;
    let mut number = 0;
    while let Some(((first, answer), after)) = rest.split_first() {
        text.push_str(&format!("--{OUTER}\r\n"));
        let Some(group) = &first.group else {
            text.push_str(&written(first, answer));
            rest = after;
            continue;
        };
        let length = rest
            .iter()
            .take_while(|(part, _)| part.group.as_ref() == Some(group))
            .count();
        let (set, behind) = rest.split_at(length);
        if let Some((part, failure)) = set.iter().find(|(_, answer)| answer.status >= 400) {
            text.push_str(&written(part, failure));
        } else {
            number += 1;
            let inner = format!("changesetresponse_{number}");
            text.push_str(&format!("Content-Type: multipart/mixed; boundary={inner}\r\n\r\n"));
            for (part, answer) in set {
                text.push_str(&format!("--{inner}\r\n{}", written(part, answer)));
            }
            text.push_str(&format!("--{inner}--\r\n"));
        }
        rest = behind;
    }
    text.push_str(&format!("--{OUTER}--\r\n"));
    (format!("multipart/mixed; boundary={OUTER}"), text)
}

fn written(part: &Part, answer: &PartAnswer) -> String {
    let mut text = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n".to_owned();
    if let Some(id) = &part.id {
        text.push_str(&format!("Content-ID: {id}\r\n"));
    }
    let reason = http::StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason());
    text.push_str(&format!(
        "\r\nHTTP/1.1 {} {}\r\n",
        answer.status,
        reason.unwrap_or_default()
    ));
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!(
        "Content-Length: {}\r\n\r\n{}\r\n",
        answer.body.len(),
        answer.body
    ));
    text
}

/// Reads an envelope of JSON: `{"requests": [{"id", "method", "url", "headers", "body"}]}`.
pub(crate) fn read_json(envelope: &Value) -> Result<Vec<Part>, String> {
    let requests = envelope.get("requests").and_then(Value::as_array);
    let requests = requests.ok_or_else(|| "the envelope has no requests".to_owned())?;
    requests.iter().map(read_json_part).collect()
}

fn read_json_part(request: &Value) -> Result<Part, String> {
    let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(id), Some(method), Some(address)) = (text("id"), text("method"), text("url")) else {
        return Err("a request needs id, method and url".to_owned());
    };
    let headers = request.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let body = match request.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Ok(Part {
        id: Some(id),
        method: method.to_uppercase(),
        address,
        headers: headers.collect(),
        body,
        group: text("atomicityGroup"),
    })
}

/// Writes the answer to an envelope of JSON.
pub(crate) fn write_json(parts: &[(Part, PartAnswer)]) -> Value {
    let responses = parts.iter().map(|(part, answer)| {
        let headers: Map<String, Value> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), json!(value)))
            .collect();
        let mut response = json!({"id": part.id, "status": answer.status, "headers": headers});
        if !answer.body.is_empty()
            && let Some(members) = response.as_object_mut()
        {
            let body = serde_json::from_str(&answer.body).unwrap_or_else(|_| json!(answer.body));
            members.insert("body".to_owned(), body);
        }
        response
    });
    json!({"responses": responses.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::{Part, PartAnswer, boundary, read_json, read_multipart, write_json, write_multipart};

    const ENVELOPE: &str = "--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
        GET Orders('1')?$select=Id HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n--b1\r\n\
        Content-Type: multipart/mixed; boundary=c1\r\n\r\n--c1\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n\
        POST Orders HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"Id\":\"2\"}\r\n--c1--\r\n\r\n--b1--\r\n";

    #[test]
    fn a_multipart_envelope_is_taken_apart() {
        assert_eq!(boundary("multipart/mixed; boundary=\"b1\""), Some("b1"));
        assert_eq!(boundary("application/json; boundary=b1"), None);
        let parts = read_multipart("b1", ENVELOPE).unwrap();
        let [read, write] = parts.as_slice() else {
            unreachable!("two parts")
        };
        assert_eq!(
            (read.method.as_str(), read.address.as_str()),
            ("GET", "Orders('1')?$select=Id")
        );
        assert_eq!(read.headers, [("Accept".to_owned(), "application/json".to_owned())]);
        assert_eq!((write.id.as_deref(), write.group.as_deref()), (Some("1"), Some("c1")));
        assert_eq!(write.body, "{\"Id\":\"2\"}");
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        for text in [
            "",
            "--b1\r\n",
            "--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n--b1--",
            "--b1\r\nContent-Type: application/http\r\n\r\nGET x\r\n--b1--",
        ] {
            assert!(read_multipart("b1", text).is_err(), "{text}");
        }
        let nested = "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
            Content-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n--a--\r\n";
        assert!(read_multipart("a", nested).is_err());
        assert!(read_json(&json!({"requests": [{"id": "1"}]})).is_err());
        assert!(read_json(&json!([])).is_err());
    }

    fn answered(status: u16, group: Option<&str>) -> (Part, PartAnswer) {
        let part = Part {
            id: Some("1".to_owned()),
            group: group.map(str::to_owned),
            ..Part::default()
        };
        let answer = PartAnswer {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: "{\"a\":1}".to_owned(),
        };
        (part, answer)
    }

    #[test]
    fn answers_stand_in_the_order_of_the_requests() {
        let (kind, text) = write_multipart(&[answered(200, None), answered(201, Some("c")), answered(201, Some("c"))]);
        assert_eq!(boundary(&kind), Some("batchresponse_1"));
        assert_eq!(text.matches("HTTP/1.1 201 Created").count(), 2);
        assert_eq!(text.matches("--changesetresponse_1\r\n").count(), 2);
        let (_, text) = write_multipart(&[answered(201, Some("c")), answered(400, Some("c"))]);
        assert_eq!(text.matches("HTTP/1.1").count(), 1);
        let json = write_json(&[answered(200, None)]);
        assert_eq!(json.pointer("/responses/0/body/a"), Some(&json!(1)));
        assert_eq!(json.pointer("/responses/0/id"), Some(&json!("1")));
    }
}
