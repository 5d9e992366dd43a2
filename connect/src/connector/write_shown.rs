//! Turns requests into what people may see of them: every secret is replaced, whether it stands in a header, in the
//! address or in the body.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use crate::{
    request::{RequestBody, RequestPlan},
    transport::Access,
    write::ShownRequest,
};

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// Shorter values are ids and flags rather than secrets, and occur inside other words.
const SHORTEST: usize = 4;
/// Shorter numbers occur inside other numbers.
const SHORTEST_NUMBER: usize = 8;
/// What stays as it is in a part of an address in which something was replaced.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'*')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b':')
    .remove(b'\'')
    .remove(b'@');

/// Shows a request that is signed in with these headers. `mark` is the header of the anti-forgery mark, if there is one.
pub(super) fn show(
    step: &str,
    plan: &RequestPlan,
    access: &Access,
    sign_in: &HeaderMap,
    mark: Option<&HeaderName>,
) -> ShownRequest {
    let veil = Veil::new(access, sign_in, &plan.url);
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &plan.headers {
        if !sign_in.contains_key(name.as_str()) {
            let is_mark = mark.is_some_and(|mark| name.eq_ignore_ascii_case(mark.as_str()));
            let hidden = is_mark || is_sensitive(name);
            headers.push((name.clone(), if hidden { HIDDEN.to_owned() } else { veil.text(value) }));
        }
    }
    headers.extend(sign_in.keys().map(|name| (name.to_string(), HIDDEN.to_owned())));
    if let Some(mark) = mark.filter(|mark| !sign_in.contains_key(*mark)) {
        headers.push((mark.to_string(), HIDDEN.to_owned()));
    }
    ShownRequest {
        step: step.to_owned(),
        method: plan.method.to_string(),
        url: veil.address(&plan.url),
        headers,
        body: match &plan.body {
            RequestBody::Empty => None,
            RequestBody::Json(text) | RequestBody::Text(text) => Some(match serde_json::from_str(text) {
                Ok(value) => veil.json(value),
                Err(_) => Value::String(veil.text(text)),
            }),
            RequestBody::Xml(text) => Some(Value::String(veil.xml(text))),
            RequestBody::Form(fields) => {
                let fields = fields.iter();
                let shown = fields.map(|(name, value)| (name.clone(), Value::String(veil.text(value))));
                Some(Value::Object(shown.collect()))
            }
        },
    }
}

/// Returns whether a header carries secrets by its name alone.
fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "auth", "cookie", "token", "secret", "password", "apikey", "api-key", "api_key", "session",
    ];
    words.iter().any(|word| name.contains(word))
}

/// The secrets of a request.
struct Veil {
    /// Replaced wherever they stand, longest first.
    anywhere: Vec<String>,
    /// Replaced where they are the whole value.
    alone: Vec<String>,
}

impl Veil {
    /// Collects the secrets of a request to an address. A cookie that repeats a parameter of the address, as SAP's does
    /// that names the client, tells no secret.
    fn new(access: &Access, sign_in: &HeaderMap, address: &str) -> Self {
        let parameters = address.split_once('?').map_or("", |(_, query)| query);
        let mut veil = Self {
            anywhere: Vec::new(),
            alone: Vec::new(),
        };
        let variables = access.variables();
        let credentials: Vec<&str> = variables.credentials.iter().map(|(_, value)| value).collect();
        for value in &credentials {
            veil.add(value, true);
        }
        for (_, value) in variables.session.iter() {
            veil.add(value, false);
        }
        // Templates can join credentials this way.
        for first in &credentials {
            let others = credentials.iter().filter(|other| *other != first);
            veil.anywhere
                .extend(others.map(|second| STANDARD.encode(format!("{first}:{second}"))));
        }
        for (name, value) in sign_in.iter().filter(|(name, _)| is_sensitive(name.as_str())) {
            let Ok(value) = value.to_str() else { continue };
            if name == header::COOKIE {
                let cookies = value.split(';').filter_map(|cookie| cookie.split_once('='));
                let secret = cookies.map(|(_, value)| value.trim());
                let secret = secret.filter(|value| !parameters.split('&').any(|parameter| parameter == *value));
                secret.for_each(|value| veil.add(value, false));
            } else {
                veil.add(value.rsplit(' ').next().unwrap_or_default(), false);
            }
        }
        veil.anywhere
            .sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        veil.anywhere.dedup();
        veil
    }

    fn add(&mut self, value: &str, is_credential: bool) {
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        let shortest = if is_number { SHORTEST_NUMBER } else { SHORTEST };
        if value.len() < shortest {
            if !value.is_empty() && (is_credential || value.len() >= SHORTEST) {
                self.alone.push(value.to_owned());
            }
            return;
        }
        // As they stand inside JSON that is itself a text, inside addresses, and as templates can change them.
        let quoted = Value::from(value).to_string();
        let forms = [
            quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned(),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            value.to_uppercase(),
            STANDARD.encode(value),
        ];
        self.anywhere.push(value.to_owned());
        self.anywhere
            .extend(forms.into_iter().filter(|form| form != value && !form.is_empty()));
    }

    fn text(&self, text: &str) -> String {
        if self.alone.iter().any(|secret| secret == text) {
            return HIDDEN.to_owned();
        }
        let mut shown = Cow::Borrowed(text);
        for secret in &self.anywhere {
            if shown.contains(secret.as_str()) {
                shown = Cow::Owned(shown.replace(secret.as_str(), HIDDEN));
            }
        }
        shown.into_owned()
    }

    /// Replaces secrets in the texts and attributes of a document.
    fn xml(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for piece in text.split_inclusive(['<', '>', '"', '\'']) {
            let (part, end) = match piece.char_indices().next_back() {
                Some((at, '<' | '>' | '"' | '\'')) => piece.split_at(at),
                _ => (piece, ""),
            };
            let plain = quick_xml::escape::unescape(part).unwrap_or(Cow::Borrowed(part));
            let hidden = self.text(plain.trim());
            shown.push_str(if hidden == plain.trim() { part } else { &hidden });
            shown.push_str(end);
        }
        shown
    }

    fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Number(number) => {
                let text = number.to_string();
                if self.text(&text) == text {
                    Value::Number(number)
                } else {
                    HIDDEN.into()
                }
            }
            Value::Array(list) => list.into_iter().map(|value| self.json(value)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| (self.text(&name), self.json(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other,
        }
    }

    /// Replaces secrets in an address, however they are escaped there.
    fn address(&self, address: &str) -> String {
        let mut shown = String::with_capacity(address.len());
        for piece in address.split_inclusive(['/', '?', '&', '=', ';', '#']) {
            let (part, end) = match piece.char_indices().next_back() {
                Some((at, sign)) if "/?&=;#".contains(sign) => piece.split_at(at),
                _ => (piece, ""),
            };
            let plain = percent_decode_str(part).decode_utf8_lossy();
            let hidden = self.text(&plain);
            if hidden == plain {
                shown.push_str(part);
            } else {
                shown.extend(utf8_percent_encode(&hidden, PLAIN));
            }
            shown.push_str(end);
        }
        // What stands in it unescaped may have been split.
        self.text(&shown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    const CANARY: &str = "canary/Söcret+1 =\"x\"";

    fn plan(url: &str, headers: &[(&str, &str)], body: RequestBody) -> RequestPlan {
        let headers = headers.iter();
        RequestPlan {
            method: http::Method::POST,
            url: url.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body,
            repeatable: false,
        }
    }

    fn shown(plan: &RequestPlan, sign_in: &[(&str, &str)]) -> ShownRequest {
        let access = Access::for_tests([("password", CANARY), ("user", "adminuser"), ("pin", "42")]);
        let sign_in = sign_in
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
        let mark = HeaderName::from_static("x-csrf-token");
        show("", plan, &access, &sign_in.collect(), Some(&mark))
    }

    #[test]
    fn a_secret_is_hidden_in_a_body_and_the_body_keeps_its_form() {
        let nested = json!({ "key": CANARY }).to_string();
        let body =
            json!({ "params": { "args": ["main", 2, CANARY, nested, { "quantity": 42.5, "pin": "42", "id": 1042 }] } });
        let shown = shown(
            &plan("https://erp.example/rpc", &[], RequestBody::Json(body.to_string())),
            &[],
        );
        let expected = json!({ "params": { "args": ["main", 2, "***", r#"{"key":"***"}"#, { "quantity": 42.5, "pin": "***", "id": 1042 }] } });
        assert_eq!(shown.body.unwrap(), expected);
    }

    #[test]
    fn a_secret_is_hidden_in_an_address_however_it_is_escaped() {
        for escaped in [
            utf8_percent_encode(CANARY, NON_ALPHANUMERIC).to_string(),
            utf8_percent_encode(CANARY, PLAIN).to_string(),
            utf8_percent_encode(CANARY, NON_ALPHANUMERIC)
                .to_string()
                .to_lowercase()
                .replace("s%c3", "S%c3"),
        ] {
            let url = format!("https://erp.example/a/{escaped}/b(1,'2')?key={escaped}&x=1%2F2&pin=42");
            let shown = shown(&plan(&url, &[], RequestBody::Empty), &[]);
            assert_eq!(shown.url, "https://erp.example/a/***/b(1,'2')?key=***&x=1%2F2&pin=***");
        }
    }

    #[test]
    fn headers_that_carry_secrets_show_only_their_names() {
        let pair = STANDARD.encode(format!("adminuser:{CANARY}"));
        let form = vec![
            ("login".to_owned(), "adminuser".to_owned()),
            ("note".to_owned(), pair.clone()),
        ];
        let headers = [
            ("x-note", "by adminuser"),
            ("If-Match", "W/1"),
            ("X-Api-Key", "k"),
            ("accept-language", "de"),
        ];
        let sign_in = [
            ("authorization", format!("Basic {pair}")),
            ("cookie", "node=n0de-canary".to_owned()),
            ("x-csrf-token", "mark-canary".to_owned()),
        ];
        let sign_in: Vec<(&str, &str)> = sign_in.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = "https://erp.example/a?n=n0de-canary&m=mark-canary";
        let shown = shown(&plan(url, &headers, RequestBody::Form(form)), &sign_in);
        assert_eq!(shown.url, "https://erp.example/a?n=***&m=***");
        assert_eq!(shown.body.unwrap(), json!({ "login": "***", "note": "***" }));
        let mut told: Vec<String> = shown
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "If-Match: W/1",
                "X-Api-Key: ***",
                "accept-language: de",
                "authorization: ***",
                "cookie: ***",
                "x-csrf-token: ***",
                "x-note: by ***",
            ]
        );
    }
}
