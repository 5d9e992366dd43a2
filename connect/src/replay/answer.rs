//! Judges and reads the answer of a spec as a live one, and compares what comes out.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::{Replay, question::Asked};
use crate::{
    blueprint::{ACCESS_TOKEN, Needs, ResourcePlan, SignIn, read_token},
    error::{Error, ErrorKind},
    manifest::{Answer, Key, Place, REFRESH_TOKEN, Refusal},
    mapping::spec::{Difference, compare},
    request::{ListPage, PageState},
    transport::{Response, authorize::as_refused_login},
    write::{UserError, UserErrorCode, code_of},
};

/// What an answer became.
#[derive(Debug)]
enum Read {
    /// It was only judged.
    Nothing,
    Page(ListPage),
    Count(u64),
    Account(Option<String>),
    Session(IndexMap<String, String>),
    Key(Option<String>),
}

impl Replay<'_> {
    pub(super) fn answered(
        &self,
        answer: &Answer,
        asked: &mut Asked,
        resource: Option<&ResourcePlan>,
    ) -> Result<Vec<Difference>, Difference> {
        let response = self.response(answer)?;
        let read = match self.judged(&response, asked) {
            Ok(()) => self.read(&response, asked),
            Err(error) if error.nothing_found() => Ok(Read::Page(ListPage::empty())),
            // The record is missing.
            Err(error) if matches!(&*asked, Asked::LookUp(_, look_up) if look_up.single) && is_missing(&error) => {
                Ok(Read::Page(ListPage::empty()))
            }
            Err(error) => Err(Told::from(error)),
        };
        match (read, &self.exchange.expect.error) {
            (Err(told), Some(expected)) => Ok(self.compare_refusal(expected, &told, asked)),
            (Err(told), None) => {
                let Told { error, .. } = told;
                let message = format!("the answer is a failure, {}: {error}", word(&error.kind()));
                Err(Difference::new("/answer", message))
            }
            // Where only one record is asked for, to be missing is no failure, but it may be shown as what it is.
            (Ok(Read::Page(page)), Some(expected)) if page.sought && page.rows == 0 => {
                let judged = self.judged(&response, asked);
                let told = judged
                    .err()
                    .ok_or_else(|| Difference::new("/expect/error", "the answer is no refusal"))?;
                Ok(self.compare_refusal(expected, &Told::from(told), asked))
            }
            (Ok(_), Some(_)) => Err(Difference::new("/expect/error", "the answer is no refusal")),
            (Ok(read), None) => Ok(self.compare_read(read, resource)),
        }
    }

    fn response(&self, answer: &Answer) -> Result<Response, Difference> {
        let mut headers = HeaderMap::new();
        for (name, value) in &answer.headers {
            let pair = (name.parse::<HeaderName>().ok(), HeaderValue::from_str(value).ok());
            let (Some(name), Some(value)) = pair else {
                let message = format!("`{name}: {value}` is not a header");
                return Err(Difference::new("/answer/headers", message));
            };
            headers.append(name, value);
        }
        if !headers.contains_key(header::CONTENT_TYPE) && !matches!(answer.body, Json::String(_) | Json::Null) {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let status = StatusCode::from_u16(answer.status)
            .map_err(|_| Difference::new("/answer/status", format!("{} is not a status", answer.status)))?;
        let body = Bytes::from(self.exchange.body.clone());
        let body = match self.blueprint.reading().translate(&headers, &body) {
            Ok(Some(translated)) => translated,
            Ok(None) => body,
            Err(_) if !status.is_success() => body,
            Err(error) => return Err(Difference::new("/answer/body", error.to_string())),
        };
        Ok(Response { status, headers, body })
    }

    /// Returns the failure that an answer is, as the connector is told it.
    fn judged(&self, response: &Response, asked: &Asked) -> Result<(), Error> {
        let status = response.status.as_u16();
        let judged = || self.blueprint.classify(status, &response.headers, &response.body);
        let failure = match asked {
            Asked::SignIn(way) => match way.needs() {
                Needs::Token(_) if response.status.is_success() => None,
                Needs::Token(_) => read_token(status, &response.headers, &response.body).err(),
                _ => judged().map(as_refused_login),
            },
            _ => judged(),
        };
        failure.map_or(Ok(()), Err)
    }

    fn read(&self, response: &Response, asked: &mut Asked) -> Result<Read, Told> {
        let (body, headers) = (&response.body, &response.headers);
        let variables = self.variables();
        Ok(match asked {
            Asked::Nothing => Read::Nothing,
            Asked::List(resource, request) => Read::Page(resource.read_page(request, body, headers)?),
            Asked::LookUp(resource, look_up) => Read::Page(resource.read_look_up(look_up, body, headers)?),
            Asked::Count(resource, _) => Read::Count(resource.read_count(body, headers)?),
            Asked::Probe => Read::Account(self.blueprint.read_probe(body, &variables)?),
            Asked::SignIn(way) => Read::Session(session_of(way, response)?),
            Asked::Write(run) => match run.answered(response) {
                Ok(()) => Read::Key(run.key().map(ToString::to_string)),
                Err(refused) => {
                    let error = Error::new(ErrorKind::InvalidRequest, refused.message.clone());
                    return Err(Told {
                        error,
                        refused: Some(refused),
                    });
                }
            },
        })
    }

    fn compare_read(&self, read: Read, resource: Option<&ResourcePlan>) -> Vec<Difference> {
        let expect = &self.exchange.expect;
        let mut differences = Vec::new();
        let mut page = None;
        let mut count = None;
        let mut account = None;
        let mut session = None;
        let mut key = None;
        match read {
            Read::Nothing => {}
            Read::Page(read) => {
                count = read.total;
                page = Some(read);
            }
            Read::Count(number) => count = Some(number),
            Read::Account(told) => account = told,
            Read::Session(kept) => session = Some(kept),
            Read::Key(told) => key = told,
        }
        let mut told = |pointer: &str, expected: Option<Json>, found: Option<Json>| {
            if let Some(expected) = expected.filter(|expected| found.as_ref() != Some(expected)) {
                let found = found.unwrap_or_default();
                differences.push(Difference::new(pointer, format!("expected {expected}, found {found}")));
            }
        };
        told("/expect/count", expect.count.map(Json::from), count.map(Json::from));
        told(
            "/expect/account",
            expect.account.clone().map(Json::from),
            account.map(Json::from),
        );
        let text = |key: &Key| Json::from(key.text());
        told("/expect/key", expect.key.as_ref().map(text), key.map(Json::from));
        for (name, value) in expect.session.iter().flatten() {
            let found = session.as_ref().and_then(|session| session.get(name));
            let found = found.map(|value| Json::from(value.as_str()));
            told(
                &format!("/expect/session/{name}"),
                Some(Json::from(value.as_str())),
                found,
            );
        }
        let next = page.as_ref().map(|page| as_json(&place_of(page.next.as_ref())));
        let expected = expect.next.as_ref().map(|next| match next {
            Place::Key(key) => as_json(&Place::Key(Key::Text(key.text()))),
            other => as_json(other),
        });
        told("/expect/next", expected, next);
        let def = resource.and_then(|resource| resource.mapping().definition());
        if let (Some(expected), Some(page), Some(def)) = (&expect.records, &page, def) {
            if expected.len() != page.records.len() {
                let keys: Vec<String> = page.records.iter().map(|record| record.key.to_string()).collect();
                let message = format!(
                    "expected {} records, found {}: {}",
                    expected.len(),
                    page.records.len(),
                    Json::from(keys)
                );
                differences.push(Difference::new("/expect/records", message));
            }
            for (at, (expected, record)) in expected.iter().zip(&page.records).enumerate() {
                let pointer = format!("/expect/records/{at}");
                differences.extend(compare(def, record, expected, &pointer, self.blueprint.catalogue()));
            }
        } else if expect.records.is_some() {
            differences.push(Difference::new("/expect/records", "the answer tells no records"));
        }
        differences
    }

    fn compare_refusal(&self, expected: &Refusal, told: &Told, asked: &Asked) -> Vec<Difference> {
        let Told { error, refused } = told;
        let user_error = match (refused, asked) {
            (Some(refused), _) => Some(refused.clone()),
            (None, Asked::Write(run)) => run.user_errors(error).into_iter().next(),
            _ => None,
        };
        let code = match &user_error {
            Some(user_error) => word(&user_error.code),
            None if self.exchange.of.writes() => word::<UserErrorCode>(&code_of(error, false)),
            None => error.kind().code().to_owned(),
        };
        let mut differences = Vec::new();
        let mut compare = |name: &str, expected: Option<Json>, found: Json| {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                let message = format!("expected {expected}, found {found}");
                differences.push(Difference::new(format!("/expect/error/{name}"), message));
            }
        };
        let text = |text: &Option<String>| text.clone().map(Json::from);
        compare("kind", Some(as_json(&expected.kind)), as_json(&error.kind()));
        compare("code", text(&expected.code), Json::from(code));
        compare(
            "reason",
            expected.reason.as_ref().map(as_json),
            as_json(&error.reason()),
        );
        compare("rule", expected.rule.as_ref().map(as_json), as_json(&error.rule()));
        let first = || error.wrong_fields().first().map(|field| field.name.as_str());
        compare(
            "field",
            text(&expected.field),
            Json::from(error.remote_field().or_else(first)),
        );
        let path = user_error.as_ref().map(|user_error| &user_error.path);
        compare("path", expected.path.as_ref().map(as_json), as_json(&path));
        let own = user_error.as_ref().filter(|_| refused.is_some());
        let message = own.map(|own| own.message.as_str()).or_else(|| error.remote_message());
        compare("message", text(&expected.message), Json::from(message));
        compare(
            "remote_code",
            text(&expected.remote_code),
            Json::from(error.remote_code()),
        );
        let wait = error.retry_after().map(|wait| wait.as_secs());
        compare(
            "retry_after_s",
            expected.retry_after_s.map(Json::from),
            Json::from(wait),
        );
        differences
    }
}

/// A failure, and what a write is told of it, where the answer itself was a success.
#[derive(Debug)]
struct Told {
    error: Error,
    refused: Option<UserError>,
}

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        Self { error, refused: None }
    }
}

fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

fn session_of(way: &SignIn, response: &Response) -> Result<IndexMap<String, String>, Error> {
    if let Needs::Token(_) = way.needs() {
        let token = read_token(response.status.as_u16(), &response.headers, &response.body)?;
        let refresh = token.refresh_token.map(|token| (REFRESH_TOKEN, token));
        let all = [(ACCESS_TOKEN, token.access_token)].into_iter().chain(refresh);
        return Ok(all
            .map(|(name, token)| (name.to_owned(), secrecy::ExposeSecret::expose_secret(&token).to_owned()))
            .collect());
    }
    let kept = way.read_login(&response.headers, &response.body)?;
    Ok(kept
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn place_of(next: Option<&PageState>) -> Place {
    match next {
        None => Place::End,
        Some(PageState::Offset(at)) => Place::Offset(*at),
        Some(PageState::Page(at)) => Place::Page(*at),
        Some(PageState::Cursor(cursor) | PageState::Held { cursor, .. }) => Place::Cursor(cursor.clone()),
        Some(PageState::Link(link)) => Place::Link(link.clone()),
        Some(PageState::Keyset(key)) => Place::Key(Key::Text(key.to_string())),
        Some(PageState::Missing(next)) => place_of(next.as_deref()),
    }
}

fn as_json<T: serde::Serialize>(value: &T) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

/// Returns a word as it is written.
fn word<T: serde::Serialize>(value: &T) -> String {
    as_json(value).as_str().unwrap_or_default().to_owned()
}
