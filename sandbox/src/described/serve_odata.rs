//! Serves the OData services of a described system, and the requests of envelopes.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value as Json};

use super::endpoint::{Change, Find};
use super::envelope;
use super::form::{Failure, Form};
use super::list::Stop;
use super::protocol::batch::{self, Part, PartAnswer};
use super::protocol::odata::{Place, Service, Wanted, Write};
use super::request::Request;
use super::rows::Row;
use super::server::{Known, Server, lock};
use super::steps::Run;
use crate::account::Account;
use crate::state::CallNote;

impl Server {
    /// Answers a request for an OData service; none if it is for no service.
    pub(crate) fn odata(
        &self,
        known: &mut Known,
        account: Account,
        is_part: bool,
    ) -> Result<Option<Response>, Failure> {
        let request = &known.request;
        let mut services = self.description.services.iter();
        let found = services.find_map(|service| Some((service, service.place(&request.base_url, &request.path)?)));
        let Some((service, place)) = found else { return Ok(None) };
        if place.rest == "$batch" && request.method == "POST" && !is_part {
            return self.batch(service, &place, request, account).map(Some);
        }
        let is_read = matches!(request.method.as_str(), "GET" | "HEAD");
        // Those that write come one after the other, each on what the one before left.
        let _guard = (!is_read && !is_part).then(|| lock(&self.writing));
        if !is_read {
            known.rows = self.rows();
        }
        let mut run = self.started(known, account, true);
        let done = match is_read {
            true => read(&run, service, &place),
            false => write(&mut run, service, &place),
        };
        let rows = Arc::clone(&run.rows);
        let answer = match done {
            Ok(answer) => answer,
            Err(Stop::Failure(failure)) => return Err(failure),
            Err(Stop::Problem(name, problem)) => return self.refuse(known, account, &name, &problem).map(Some),
        };
        if !Arc::ptr_eq(&rows, &known.rows) {
            *lock(&self.latest) = Some((self.state.world_version(), rows));
        }
        let mut response = response(&answer);
        if known.request.method == "HEAD" {
            *response.body_mut() = Body::empty();
        }
        Ok(Some(response))
    }

    fn batch(
        &self,
        service: &Service,
        place: &Place,
        request: &Request,
        account: Account,
    ) -> Result<Response, Failure> {
        let kind = request.header("content-type").unwrap_or_default();
        let is_json = kind.to_lowercase().starts_with("application/json");
        let parts = match batch::boundary(kind) {
            Some(boundary) => batch::read_multipart(boundary, &request.text),
            None if is_json && !service.is_v2() => batch::read_json(&request.body),
            None => Err(format!("the content type {kind:?} is not one of envelopes")),
        };
        let parts = match parts {
            Ok(parts) => parts,
            Err(message) => return Ok(response(&service.refused(&crate::odata::Problem::bad(message)))),
        };
        let answered = self.parts(request, parts, account, &place.root, &|_, _| Ok(false))?;
        let answer = match is_json {
            true => PartAnswer {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: batch::write_json(&answered).to_string(),
            },
            false => {
                let (kind, body) = batch::write_multipart(&answered);
                PartAnswer {
                    status: if service.is_v2() { 202 } else { 200 },
                    headers: vec![("content-type".to_owned(), kind)],
                    body,
                }
            }
        };
        let mut response = response(&answer);
        response.extensions_mut().insert(CallNote {
            parts: answered.len(),
            ..CallNote::default()
        });
        Ok(response)
    }

    /// Carries out the requests of an envelope. Those of one group that are not all done leave nothing behind; `fails` says
    /// so of answers whose status does not.
    pub(crate) fn parts(
        &self,
        envelope: &Request,
        parts: Vec<Part>,
        account: Account,
        root: &str,
        fails: &dyn Fn(&Part, &PartAnswer) -> Result<bool, Failure>,
    ) -> Result<Vec<(Part, PartAnswer)>, Failure> {
        // Nobody else writes until the envelope is done.
        let _guard = lock(&self.writing);
        let mut answered: Vec<(Part, PartAnswer)> = Vec::with_capacity(parts.len());
        let mut group: Option<String> = None;
        let mut before = None;
        let mut has_failed = false;
        for part in parts {
            if part.group != group {
                group.clone_from(&part.group);
                has_failed = false;
                self.rows();
                before.clone_from(&lock(&self.latest));
            }
            let answer = match has_failed {
                true => PartAnswer {
                    status: 424,
                    ..PartAnswer::default()
                },
                false => taken(self.carry_out(envelope::request(envelope, &part, root), Some(account))?),
            };
            if part.group.is_some() && !has_failed && (answer.status >= 400 || fails(&part, &answer)?) {
                has_failed = true;
                lock(&self.latest).clone_from(&before);
            }
            answered.push((part, answer));
        }
        Ok(answered)
    }
}

fn read(run: &Run<'_>, service: &Service, place: &Place) -> Result<PartAnswer, Stop> {
    check_rights(run, service, place)?;
    Ok(service.get(&run.rows, run.request, place)?)
}

fn check_rights(run: &Run<'_>, service: &Service, place: &Place) -> Result<(), Stop> {
    let tables = service.table(place).into_iter();
    for table in tables.chain(service.expanded(place, run.request)) {
        run.check_right(table)?;
    }
    Ok(())
}

fn write(run: &mut Run<'_>, service: &Service, place: &Place) -> Result<PartAnswer, Stop> {
    check_rights(run, service, place)?;
    let wanted = match service.wanted(&run.rows, run.request, place)? {
        Ok(wanted) => wanted,
        Err(refused) => return Ok(refused),
    };
    match wanted {
        Wanted::Create(write) => {
            let row = create(run, service, &write, Map::new())?;
            Ok(service.created(&run.rows, run.request, place, &write, &row.map)?)
        }
        Wanted::Update(write) => {
            if let Some(row) = run.update(&change(&write, &write.values))? {
                children(run, service, &write, &row)?;
            }
            Ok(service.done())
        }
        Wanted::Delete(write) => {
            run.delete(&change(&write, &Map::new()))?;
            Ok(service.done())
        }
    }
}

/// Makes a row and those below it.
fn create(run: &mut Run<'_>, service: &Service, write: &Write, given: Map<String, Json>) -> Result<Arc<Row>, Stop> {
    let mut values = write.values.clone();
    values.extend(given);
    let row = run.create(&change(write, &values))?;
    children(run, service, write, &row)?;
    Ok(row)
}

fn children(run: &mut Run<'_>, service: &Service, write: &Write, row: &Row) -> Result<(), Stop> {
    for (navigation, rows) in &write.children {
        for child in rows {
            let given = service.given(&write.set, navigation, &row.map);
            create(run, service, child, given)?;
        }
    }
    Ok(())
}

fn change(write: &Write, values: &Map<String, Json>) -> Change {
    let key = write
        .key
        .iter()
        .map(|(name, value)| (name.clone(), Form::Literal(value.clone())));
    let find = match write.key.is_empty() {
        true => Find::None,
        false => Find::By(key.collect()),
    };
    Change {
        table: write.table,
        find,
        values: Form::Literal(Json::Object(values.clone())),
        shape: None,
        optional: false,
        replaces: false,
        unchecked: false,
    }
}

fn response(answer: &PartAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Takes a response apart. The bodies of described systems are there at once.
fn taken(response: Response) -> PartAnswer {
    let (head, body) = response.into_parts();
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    let body = futures_util::FutureExt::now_or_never(axum::body::to_bytes(body, usize::MAX));
    let body = body.and_then(Result::ok).unwrap_or_default();
    PartAnswer {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}
