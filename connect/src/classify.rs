//! Tells failures from successes: first the manifest's rules, then what HTTP itself says.
//!
//! Texts of the system are passed on only when a rule or a JSON error body names them, without stack traces and
//! without paths of files.

mod checked;
mod fault;
mod field;
mod fields;
mod told;

use std::time::Duration;

use http::HeaderMap;

use checked::{check_business, check_reason, check_wait, tells_end_at};
use fault::fault_of;
use field::FieldName;
use fields::FieldKeysPlan;
pub(crate) use told::clean;
#[cfg(test)]
use told::wait_of;
use told::{retry_after, wait_of_body};

use crate::{
    blueprint::Problem,
    error::{CredentialReason, Error, ErrorKind, Reach, SpokenOf, speaks_of_credentials},
    json::{self, Value},
    manifest::{self, BusinessRule, OneOrMany, RuleConditions, WaitUnit},
    path::Path,
    pattern::{Pattern, Wrong},
};

/// A compiled test of a value in a JSON body.
#[derive(Clone, Debug)]
pub(crate) struct BodyCheck {
    path: Path,
    equals: Option<Vec<serde_json::Value>>,
    matches: Option<Pattern>,
    present: Option<bool>,
}

impl BodyCheck {
    pub(crate) fn compile(tests: &[manifest::BodyTest], pointer: &str, problems: &mut Vec<Problem>) -> Vec<Self> {
        let mut checks = Vec::new();
        for (at, test) in tests.iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            if test.equals.is_none() && test.matches.is_none() && test.present.is_none() {
                let problem = Problem::new(pointer.clone(), "the test says nothing");
                problems.push(problem.with_help("give `equals`, `matches` or `present`"));
            }
            let path = parse_path(&test.path, &format!("{pointer}/path"), problems);
            let matches = test
                .matches
                .as_ref()
                .map(|pattern| parse_pattern(pattern, &[], &format!("{pointer}/matches"), problems));
            if let (Some(path), Some(matches)) = (path, matches.map_or(Some(None), |pattern| pattern.map(Some))) {
                let equals = test.equals.as_ref().map(alternatives);
                checks.push(Self {
                    path,
                    equals,
                    matches,
                    present: test.present,
                });
            }
        }
        checks
    }

    /// Returns whether the test holds for a body.
    pub(crate) fn holds(&self, body: &Value<'_>) -> bool {
        self.holds_for(self.path.first(body))
    }

    fn holds_for(&self, value: Option<&Value<'_>>) -> bool {
        let present = value.is_some_and(|value| !value.is_null());
        self.present.is_none_or(|wanted| wanted == present)
            && self.equals.as_ref().is_none_or(|wanted| {
                wanted
                    .iter()
                    .any(|wanted| value.map_or_else(|| wanted.is_null(), |value| json::equals(value, wanted)))
            })
            && self.matches.as_ref().is_none_or(|pattern| {
                value
                    .and_then(json::scalar_text)
                    .is_some_and(|text| pattern.is_match(text))
            })
    }

    /// Returns whether the test holds for a body whose first name on the path does not occur in it at all.
    fn holds_without_value(&self) -> bool {
        self.holds_for(None)
    }
}

/// Returns the values one of which is wanted. A list is always read as several values, never as one that is a list.
fn alternatives(values: &OneOrMany<serde_json::Value>) -> Vec<serde_json::Value> {
    match values {
        OneOrMany::One(serde_json::Value::Array(list)) => list.clone(),
        values => values.as_slice().to_vec(),
    }
}

/// Conditions of an answer, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    status: Option<Vec<u16>>,
    headers: Vec<(http::HeaderName, Pattern)>,
    content_type: Option<String>,
    body: Vec<BodyCheck>,
}

impl Conditions {
    /// Compiles conditions; `empty` is told when they hold for every answer.
    pub(crate) fn compile(when: &RuleConditions, pointer: &str, empty: &str, problems: &mut Vec<Problem>) -> Self {
        let mut headers = Vec::new();
        for (name, pattern) in &when.headers {
            let pointer = format!("{pointer}/headers/{name}");
            match name.parse::<http::HeaderName>() {
                Ok(name) => {
                    headers.extend(parse_pattern(pattern, &[], &pointer, problems).map(|pattern| (name, pattern)))
                }
                Err(_) => problems.push(Problem::new(pointer, format!("`{name}` is not the name of a header"))),
            }
        }
        if when.status.is_none() && when.headers.is_empty() && when.content_type.is_none() && when.body.is_empty() {
            problems.push(Problem::new(pointer, empty));
        }
        Self {
            status: when.status.as_ref().map(|status| status.as_slice().to_vec()),
            headers,
            content_type: when.content_type.as_ref().map(|text| text.to_ascii_lowercase()),
            body: BodyCheck::compile(&when.body, &format!("{pointer}/body"), problems),
        }
    }

    /// Returns whether all hold for an answer.
    pub(crate) fn hold(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> bool {
        self.hold_for(&Answer::new(status, headers, body))
    }

    fn hold_for(&self, answer: &Answer<'_>) -> bool {
        self.status
            .as_ref()
            .is_none_or(|statuses| statuses.contains(&answer.status))
            && self.headers.iter().all(|(name, pattern)| {
                let mut values = answer
                    .headers
                    .get_all(name)
                    .iter()
                    .filter_map(|value| value.to_str().ok());
                values.any(|value| pattern.is_match(value))
            })
            && self
                .content_type
                .as_ref()
                .is_none_or(|start| answer.content_type().starts_with(start))
            && self.body.iter().all(|check| answer.meets(check))
    }
}

/// A compiled rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    when: Conditions,
    kind: ErrorKind,
    reason: Option<CredentialReason>,
    message: Vec<Path>,
    code: Option<Path>,
    rule: Option<BusinessRule>,
    field: Option<FieldName>,
    field_keys: Option<FieldKeysPlan>,
    wait: Option<(Path, WaitUnit)>,
    record: Option<(Path, Pattern)>,
    cursor_expired: bool,
    nothing_found: bool,
    /// Whether it tells the end of a session by the status of a broken system.
    ends_at_500: bool,
}

/// Everything that tells failures from successes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classifier {
    rules: Vec<Rule>,
    success: Vec<BodyCheck>,
    retry_after_headers: Vec<String>,
}

impl Classifier {
    pub(crate) fn compile(manifest: &manifest::Manifest, problems: &mut Vec<Problem>) -> Self {
        let mut rules = Vec::new();
        for (at, rule) in manifest.errors.iter().enumerate() {
            let pointer = format!("/errors/{at}");
            check_reason(rule, &pointer, problems);
            check_business(rule, &pointer, problems);
            check_wait(rule, &pointer, problems);
            let messages = rule.message.iter().enumerate();
            rules.push(Rule {
                when: Conditions::compile(
                    &rule.when,
                    &format!("{pointer}/when"),
                    "the rule would make a failure of every answer",
                    problems,
                ),
                kind: rule.kind,
                reason: rule.reason,
                message: messages
                    .filter_map(|(at, path)| parse_path(path, &format!("{pointer}/message/{at}"), problems))
                    .collect(),
                code: rule
                    .code
                    .as_ref()
                    .and_then(|path| parse_path(path, &format!("{pointer}/code"), problems)),
                rule: rule.rule,
                field: rule
                    .field
                    .as_ref()
                    .and_then(|field| FieldName::compile(field, &format!("{pointer}/field"), problems)),
                field_keys: rule
                    .field_keys
                    .as_ref()
                    .and_then(|keys| FieldKeysPlan::compile(keys, &format!("{pointer}/field_keys"), problems)),
                wait: rule.wait.as_ref().and_then(|wait| {
                    let path = parse_path(&wait.path, &format!("{pointer}/wait/path"), problems);
                    Some((path?, wait.unit))
                }),
                record: rule
                    .record
                    .as_ref()
                    .and_then(|record| compile_record(record, &format!("{pointer}/record"), problems)),
                cursor_expired: rule.cursor_expired,
                nothing_found: rule.nothing_found,
                ends_at_500: tells_end_at(rule, 500),
            });
        }
        let success = manifest
            .http
            .success
            .as_ref()
            .map_or(&[][..], |test| test.body.as_slice());
        Self {
            rules,
            success: BodyCheck::compile(success, "/http/success/body", problems),
            retry_after_headers: manifest.limits.retry_after_headers.clone(),
        }
    }

    /// Returns the failure that an answer is, or nothing when it is a success.
    pub(crate) fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Error> {
        let answer = Answer::new(status, headers, body);
        if let Some(error) = self.failure(&answer) {
            return Some(error);
        }
        let fails = self.success.iter().any(|check| !answer.meets(check));
        fails.then(|| {
            let error = Error::new(
                ErrorKind::MalformedResponse,
                "the answer is not what the system's API promises",
            );
            error.with_status(status).with_reach(reach_of_unread(status))
        })
    }

    /// The same for the answer to an envelope, which need not look like those to its parts.
    pub(crate) fn classify_envelope(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Error> {
        self.failure(&Answer::new(status, headers, body))
    }

    fn failure(&self, answer: &Answer<'_>) -> Option<Error> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.holds(answer)) {
            return Some(rule.error(answer, retry_after(answer.headers, &self.retry_after_headers)));
        }
        built_in(answer.status, answer.headers, answer.bytes, &self.retry_after_headers)
    }
}

/// An answer whose body is parsed only when a rule needs it.
struct Answer<'a> {
    status: u16,
    headers: &'a HeaderMap,
    bytes: &'a [u8],
    parsed: std::cell::OnceCell<Option<Value<'a>>>,
}

impl<'a> Answer<'a> {
    const fn new(status: u16, headers: &'a HeaderMap, bytes: &'a [u8]) -> Self {
        Self {
            status,
            headers,
            bytes,
            parsed: std::cell::OnceCell::new(),
        }
    }

    fn body(&self) -> Option<&Value<'a>> {
        self.parsed.get_or_init(|| json::parse(self.bytes).ok()).as_ref()
    }

    /// Tests the body. Large bodies in which the name does not occur at all are not parsed for it.
    fn meets(&self, check: &BodyCheck) -> bool {
        let root = check.path.root();
        let plain = !root.is_empty() && root.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if plain
            && self.parsed.get().is_none()
            && is_object(self.bytes)
            && memchr::memmem::find(self.bytes, format!("\"{root}\"").as_bytes()).is_none()
        {
            return check.holds_without_value();
        }
        self.body().is_some_and(|body| check.holds(body))
    }

    /// Returns whether it can say something about credentials. SOAP tells every fault with the status of a broken system.
    fn speaks_of_credentials(&self) -> bool {
        speaks_of_credentials(self.status) || self.status == 500 && fault_of(self.bytes).is_some()
    }

    fn content_type(&self) -> String {
        let value = self
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().trim().to_ascii_lowercase()
    }
}

fn is_object(body: &[u8]) -> bool {
    let trimmed = body.trim_ascii();
    trimmed.starts_with(b"{") && trimmed.ends_with(b"}")
}

impl Rule {
    fn holds(&self, answer: &Answer<'_>) -> bool {
        let speaks = answer.speaks_of_credentials() || self.ends_at_500 && answer.status == 500;
        if is_about_credentials(self.kind, self.reason) && !speaks {
            return false;
        }
        self.when.hold_for(answer)
    }

    fn error(&self, answer: &Answer<'_>, wait: Option<Duration>) -> Error {
        let text = |path: &Path| json::scalar_text(path.first(answer.body()?)?).map(str::to_owned);
        let message = self
            .message
            .iter()
            .filter_map(text)
            .find(|text| !text.trim().is_empty());
        let fields = match (&self.field_keys, answer.body()) {
            (Some(keys), Some(body)) => keys.read(body),
            _ => Vec::new(),
        };
        let message = message.or_else(|| fields.first().map(|field| field.message.clone()));
        let rule = fields.first().and_then(|field| field.rule).or(self.rule);
        let code = self.code.as_ref().and_then(text).filter(|code| !code.is_empty());
        let error = Error::new(self.kind, describe(self.kind));
        let error = match is_about_credentials(self.kind, self.reason) && !speaks_of_credentials(answer.status) {
            // The status is that of every fault and says nothing.
            true => error.with_reach(Reach::Answered),
            false => error.with_status(answer.status),
        };
        error
            .with_reason(self.reason)
            .with_remote(code.map(|code| clean(&code)), message.map(|text| clean(&text)))
            .with_rule(rule, self.field.as_ref().and_then(|field| field.of(answer)))
            .with_wrong_fields(fields)
            .with_spoken_of(self.spoken_of(answer))
            .with_cursor_expired(self.cursor_expired)
            .with_nothing_found(self.nothing_found)
            .with_retry_after(wait.max(self.wait_in(answer)))
    }

    fn wait_in(&self, answer: &Answer<'_>) -> Option<Duration> {
        let (path, unit) = self.wait.as_ref()?;
        wait_of_body(json::scalar_text(path.first(answer.body()?)?)?, *unit)
    }

    fn spoken_of(&self, answer: &Answer<'_>) -> Option<SpokenOf> {
        let (path, pattern) = self.record.as_ref()?;
        let found = pattern.captures(json::scalar_text(path.first(answer.body()?)?)?)?;
        let group = |name: &str| found.name(name).map(|text| text.as_str().to_owned());
        Some(SpokenOf {
            remote: group("remote")?,
            key: group("key")?,
        })
    }
}

fn compile_record(
    record: &manifest::SpokenRecord,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> Option<(Path, Pattern)> {
    let path = parse_path(&record.path, &format!("{pointer}/path"), problems);
    let groups = ["remote", "key"];
    let pattern = parse_pattern(&record.pattern, &groups, &format!("{pointer}/pattern"), problems);
    Some((path?, pattern?))
}

/// A success whose body cannot be read tells nothing; any other status is an answer.
const fn reach_of_unread(status: u16) -> Reach {
    if status >= 200 && status < 300 {
        Reach::Unknown
    } else {
        Reach::Answered
    }
}

const fn is_about_credentials(kind: ErrorKind, reason: Option<CredentialReason>) -> bool {
    reason.is_some() || matches!(kind, ErrorKind::InvalidCredentials | ErrorKind::SessionExpired)
}

/// Judges an answer by HTTP alone.
pub(crate) fn built_in(status: u16, headers: &HeaderMap, body: &[u8], wait_headers: &[String]) -> Option<Error> {
    if let Some(fault) = fault_of(body).filter(|_| matches!(status, 200..300 | 500)) {
        let error = Error::new(fault.kind, describe(fault.kind)).with_status(status);
        return Some(error.with_remote(fault.code, fault.message));
    }
    let kind = match status {
        200..300 if is_page(headers, body) => {
            let error = Error::new(
                ErrorKind::MalformedResponse,
                "the system sent a web page where JSON is expected",
            );
            return Some(error.with_status(status).with_reach(reach_of_unread(status)));
        }
        200..300 => return None,
        300..400 => {
            let error = Error::new(
                ErrorKind::MalformedResponse,
                "the system sent a redirect, which is not followed",
            );
            return Some(error.with_status(status));
        }
        401 => ErrorKind::InvalidCredentials,
        403 => ErrorKind::PermissionDenied,
        404 | 410 => ErrorKind::NotFound,
        405 | 501 => ErrorKind::NotSupported,
        407 => ErrorKind::Network,
        408 => ErrorKind::Timeout,
        409 | 412 | 423 | 428 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        400..500 => ErrorKind::InvalidRequest,
        500..600 => ErrorKind::Unavailable,
        _ => ErrorKind::MalformedResponse,
    };
    let (code, message) = if is_page(headers, body) {
        (None, None)
    } else {
        remote_text(body)
    };
    let wait = retry_after(headers, wait_headers);
    Some(
        Error::new(kind, describe(kind))
            .with_status(status)
            .with_remote(code, message)
            .with_retry_after(wait),
    )
}

const fn describe(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidCredentials => "the system refused the credentials",
        ErrorKind::SessionExpired => "the session has ended",
        ErrorKind::PermissionDenied => "the account may not do this",
        ErrorKind::NotSupported => "the system does not offer this",
        ErrorKind::RateLimited => "the system asks for fewer calls",
        ErrorKind::InvalidRequest => "the system refused the request",
        ErrorKind::Conflict => "the record was changed or is locked by somebody else",
        ErrorKind::NotFound => "there is no such record or address",
        ErrorKind::Unavailable => "the system is not available",
        ErrorKind::Timeout => "the system did not answer in time",
        ErrorKind::Network => "the system cannot be reached",
        ErrorKind::MalformedResponse => "the answer is not what the system's API promises",
        _ => "the request failed",
    }
}

fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let kind = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let start = body.trim_ascii_start();
    kind.trim_start().to_ascii_lowercase().starts_with("text/html")
        || start.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"<html"))
        || start
            .get(..9)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype"))
}

/// Finds code and message in the usual forms of JSON error bodies.
fn remote_text(body: &[u8]) -> (Option<String>, Option<String>) {
    const LARGEST: usize = 256 * 1024;
    if body.len() > LARGEST {
        return (None, None);
    }
    let Ok(body) = json::parse(body) else {
        return (None, None);
    };
    let upper = body.get("Error");
    let inner = [body.get("error"), upper]
        .into_iter()
        .flatten()
        .find(|value| value.is_object())
        .unwrap_or(&body);
    let text = |value: &Value<'_>, name: &str| {
        value
            .get(name)
            .filter(|value| !value.is_null())
            .and_then(text_within)
            .filter(|text| !text.trim().is_empty())
    };
    let message = ["message", "msg", "detail", "error_description"]
        .iter()
        .find_map(|name| text(inner, name).or_else(|| text(&body, name)));
    let code = ["code", "reasonCode"].iter().find_map(|name| text(inner, name));
    (code.map(|code| clean(&code)), message.map(|text| clean(&text)))
}

/// Takes a text, or the text in `{"lang": …, "value": …}`.
fn text_within(value: &Value<'_>) -> Option<String> {
    let text = if value.is_object() { value.get("value")? } else { value };
    json::scalar_text(text).map(str::to_owned)
}

pub(crate) fn parse_path(text: &str, pointer: &str, problems: &mut Vec<Problem>) -> Option<Path> {
    Path::parse(text)
        .map_err(|message| problems.push(Problem::new(pointer, message)))
        .ok()
}

/// Reads a pattern that has these groups.
fn parse_pattern(text: &str, groups: &[&str], pointer: &str, problems: &mut Vec<Problem>) -> Option<Pattern> {
    let told = |wrong: Wrong<'_>| match wrong {
        Wrong::Text(error) => Problem::new(pointer, format!("`{text}` is not a regular expression: {error}")),
        Wrong::Lacks(group) => Problem::new(pointer, format!("there is no group `{group}`"))
            .with_help(format!("write `(?<{group}>…)` around what tells it")),
    };
    Pattern::new(text, groups)
        .map_err(|wrong| problems.push(told(wrong)))
        .ok()
}

#[cfg(test)]
mod tests;
