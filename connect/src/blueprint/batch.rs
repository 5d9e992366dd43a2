//! Envelopes: several planned requests become one, and its answer becomes theirs again. No IO.

mod answers;
mod written;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Blueprint, Problem, ResourcePlan,
    call::{Base, Call, Known, parse_address, same_origin},
    multipart,
};
use answers::Answers;
use written::{Written, below, origin_length};

use crate::{
    error::{Error, ErrorKind, Reach},
    json,
    manifest::{BatchAnswers, BatchBody, BatchCount, BatchForm, Manifest, Request},
    request::{RequestBody, RequestPlan},
    template::{JsonTemplate, Scope, Variables},
    transport::Response,
};

/// What the requests of an envelope have in common that is carried out as a whole.
const GROUP: &str = "changes";

const ENVELOPE_VARIABLES: &[&str] = &["resource.remote", "requests", "atomic"];
const PART_VARIABLES: &[&str] = &[
    "resource.remote",
    "request.id",
    "request.method",
    "request.url",
    "request.path",
    "request.below_base",
    "request.relative",
    "request.headers",
    "request.header_list",
    "request.body",
    "request.body_base64",
    "request.group",
];

/// How several requests are sent as one.
#[derive(Debug)]
pub(crate) struct BatchPlan {
    call: Call,
    form: Form,
    most: usize,
    fewest: usize,
    counts: BatchCount,
    writes: bool,
    atomic: bool,
}

/// What is in an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Requests that change nothing.
    Reads,
    /// Requests that change something.
    Changes,
}

#[derive(Debug)]
enum Form {
    Multipart,
    Json(Box<JsonForm>),
}

/// How parts are written, and where answers stand.
#[derive(Debug)]
struct JsonForm {
    part: JsonTemplate,
    answers: Answers,
}

impl BatchPlan {
    pub(super) fn compile(manifest: &Manifest, known: &Known, problems: &mut Vec<Problem>) -> Option<Self> {
        let batch = manifest.batch.as_ref()?;
        let by_json = [
            ("envelope", batch.envelope.is_some()),
            ("part", batch.part.is_some()),
            ("answers", batch.answers.is_some()),
        ];
        if batch.form == BatchForm::MultipartOdata {
            for (name, _) in by_json.iter().filter(|(_, given)| *given) {
                problems.push(Problem::new(format!("/batch/{name}"), "belongs to the form `json`"));
            }
        }
        let most = usize::try_from(batch.max_requests.unwrap_or(50)).unwrap_or(50);
        let fewest = usize::try_from(batch.min_requests.unwrap_or(2)).unwrap_or(2);
        if most == 0 || fewest == 0 || fewest > most {
            let message = "envelopes hold at least 1 request, and `min_requests` is at most `max_requests`";
            problems.push(Problem::new("/batch/max_requests", message));
        }
        if batch.atomic && !batch.writes {
            let problem = Problem::new("/batch/atomic", "envelopes of reads change nothing");
            problems.push(problem.with_help("write it beside `writes: true`"));
        }
        if batch.counts == BatchCount::Parts {
            let fits = |calls: u32| usize::try_from(calls).is_ok_and(|calls| calls >= most);
            for (at, _) in manifest
                .limits
                .rates
                .iter()
                .enumerate()
                .filter(|(_, rate)| !fits(rate.calls))
            {
                let message = "an envelope would have more requests than this window holds; lower `batch.max_requests`";
                problems.push(Problem::new(format!("/limits/rates/{at}/calls"), message));
            }
        }
        let is_odata = batch.form == BatchForm::MultipartOdata || batch.part.is_none();
        let mut headers = batch.headers.clone();
        if is_odata && !headers.keys().any(|name| name.eq_ignore_ascii_case("prefer")) {
            headers.insert("Prefer".to_owned(), "odata.continue-on-error".to_owned());
        }
        let body = match batch.form {
            BatchForm::MultipartOdata => None,
            BatchForm::Json => {
                let plain = || json!({ "requests": "{{requests}}" });
                Some(batch.envelope.clone().unwrap_or_else(plain))
            }
        };
        let request = Request {
            method: Some("POST".to_owned()),
            path: Some(batch.path.clone()),
            query: batch.query.clone(),
            headers,
            body,
            read_only: true,
            ..Request::default()
        };
        let call = compile_call(&request, known, problems)?;
        let form = match batch.form {
            BatchForm::MultipartOdata => Form::Multipart,
            BatchForm::Json => {
                if !call.uses("requests") {
                    problems.push(Problem::new("/batch/envelope", "does not use `{{requests}}`"));
                }
                let plain = json!({
                    "id": "{{request.id}}", "method": "{{request.method}}", "url": "{{request.relative}}",
                    "headers": "{{request.headers}}", "body": "{{request.body}}",
                    "atomicityGroup": "{{request.group}}",
                });
                let part = batch.part.as_ref().unwrap_or(&plain);
                if batch.atomic && batch.part.is_some() && !call.uses("atomic") && !says_group(part) {
                    let problem = Problem::new("/batch/atomic", "nothing in the envelope tells the system so");
                    problems.push(problem.with_help("use `{{atomic}}` in `envelope` or `{{request.group}}` in `part`"));
                }
                let part = known.with(PART_VARIABLES).json(part, "/batch/part", problems)?;
                let standard = BatchAnswers {
                    path: Some("responses".to_owned()),
                    id: Some("id".to_owned()),
                    status: Some("status".to_owned()),
                    headers: Some("headers".to_owned()),
                    body: Some("body".to_owned()),
                    form: BatchBody::Json,
                };
                let answers = batch.answers.as_ref().unwrap_or(&standard);
                let answers = Answers::compile(answers, problems)?;
                Form::Json(Box::new(JsonForm { part, answers }))
            }
        };
        Some(Self {
            call,
            form,
            most,
            fewest,
            counts: batch.counts,
            writes: batch.writes,
            atomic: batch.atomic,
        })
    }

    /// Returns most requests of one envelope.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// Returns fewest requests that are worth an envelope.
    pub(crate) const fn fewest(&self) -> usize {
        self.fewest
    }

    /// Returns whether a request can go into an envelope.
    pub(crate) fn takes(&self, plan: &RequestPlan) -> bool {
        match self.form {
            Form::Multipart => plan.method == Method::GET && plan.body == RequestBody::Empty,
            Form::Json(_) => plan.repeatable && !matches!(plan.body, RequestBody::Form(_)),
        }
    }

    /// Returns whether requests that change something go into envelopes.
    pub(crate) const fn writes(&self) -> bool {
        self.writes
    }

    /// Returns whether the system carries out all changes of an envelope or none of them.
    pub(crate) const fn is_atomic(&self) -> bool {
        self.atomic
    }

    /// Returns whether a request that changes something can go into an envelope.
    pub(crate) fn takes_change(&self, plan: &RequestPlan) -> bool {
        self.writes && matches!(plan.body, RequestBody::Empty | RequestBody::Json(_))
    }

    /// Returns as how many calls the system counts an envelope.
    pub(crate) fn calls(&self, parts: usize) -> u32 {
        match self.counts {
            BatchCount::One => 1,
            BatchCount::Parts => u32::try_from(parts).unwrap_or(u32::MAX),
        }
    }

    /// Puts requests of one resource into an envelope.
    ///
    /// # Errors
    /// Returns `InvalidSettings` when a template cannot be filled in or the requests go to another host.
    pub(crate) fn envelope(
        &self,
        base: &Base,
        remote: &str,
        parts: &[RequestPlan],
        content: Content,
        variables: &Variables<'_>,
    ) -> Result<RequestPlan, Error> {
        let is_whole = self.atomic && content == Content::Changes;
        let scope = Scope::new(variables)
            .with("resource.remote", remote)
            .with("atomic", is_whole);
        let empty = scope.clone().with("requests", Value::Array(Vec::new()));
        let mut plan = self.call.plan(base, &empty, &empty, Vec::new())?;
        let envelope = parse_address(&plan.url)?;
        let home = base.address(&scope)?;
        let own = plan.url.split(['?', '#']).next().unwrap_or_default();
        let folder = own.rsplit_once('/').map_or(own, |(folder, _)| folder);
        let mut written = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let address = parse_address(&part.url)?;
            if !same_origin(&address, &envelope) {
                let message = "requests and their envelope go to different hosts";
                return Err(Error::new(ErrorKind::InvalidSettings, message));
            }
            written.push(Written {
                id: (at + 1).to_string(),
                relative: below(&part.url, folder).map_or(part.url.as_str(), |rest| rest.trim_start_matches('/')),
                below_base: below(&part.url, &home).unwrap_or(&part.url),
                path: part.url.get(origin_length(&part.url)..).unwrap_or_default(),
                plan: part,
            });
        }
        match &self.form {
            Form::Multipart => {
                let lines = written.iter().map(|part| (part.relative, part.plan));
                let (kind, text) = match content {
                    Content::Reads => multipart::write(lines),
                    Content::Changes => multipart::write_changes(lines, self.atomic),
                };
                let own = ["content-type", "accept"];
                plan.headers
                    .retain(|(name, _)| !own.iter().any(|own| name.eq_ignore_ascii_case(own)));
                plan.headers.push(("content-type".to_owned(), kind));
                plan.headers.push(("accept".to_owned(), "multipart/mixed".to_owned()));
                plan.body = RequestBody::Text(text);
            }
            Form::Json(form) => {
                let group = is_whole.then_some(GROUP);
                let requests = written
                    .iter()
                    .map(|one| one.render(&form.part, remote, group, variables));
                let requests = requests.collect::<Result<Vec<_>, _>>()?;
                let scope = scope.with("requests", Value::Array(requests));
                plan = self.call.plan(base, &scope, &scope, Vec::new())?;
            }
        }
        Ok(plan)
    }

    /// Takes the answers to so many requests out of the answer to their envelope; none for those that the system left
    /// out.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when it is no answer to an envelope.
    pub(crate) fn answers(
        &self,
        response: &Response,
        parts: usize,
        content: Content,
    ) -> Result<Vec<Option<Response>>, Error> {
        let mut answers: Vec<Option<Response>> = (0..parts).map(|_| None).collect();
        match &self.form {
            Form::Multipart => {
                for (at, answer) in multipart::read(response)?.into_iter().enumerate() {
                    let told = multipart::id_of(&answer).filter(|_| content == Content::Changes);
                    if let Some(slot) = answers.get_mut(told.unwrap_or(at)) {
                        *slot = Some(answer);
                    }
                }
            }
            Form::Json(form) => {
                let places = &form.answers;
                let body = json::parse(&response.body)?;
                let list = places.list.first(&body).and_then(json::Value::elements);
                let list = list.ok_or_else(|| malformed("the answer to an envelope has no list of answers"))?;
                for (at, element) in list.iter().enumerate() {
                    let at = match &places.id {
                        Some(id) => {
                            let id = id.first(element).and_then(json::scalar_text);
                            id.and_then(|id| id.parse::<usize>().ok()?.checked_sub(1))
                        }
                        None => Some(at),
                    };
                    if let Some(slot) = at.and_then(|at| answers.get_mut(at)) {
                        *slot = places.read(element, content)?;
                    }
                }
            }
        }
        Ok(answers)
    }

    /// Returns the failure that an answer to an envelope is: its own, one of a part that concerns the sign-in, or that
    /// of all parts when the system wants to be left alone.
    pub(crate) fn judge(&self, blueprint: &Blueprint, response: &Response, parts: usize) -> Option<Error> {
        let (status, headers) = (response.status.as_u16(), &response.headers);
        if let Some(error) = blueprint.classifier.classify_envelope(status, headers, &response.body) {
            return Some(error);
        }
        let answers = match self.answers(response, parts, Content::Reads) {
            Ok(answers) => answers,
            Err(error) => return Some(error),
        };
        let failures: Vec<Option<Error>> = answers
            .iter()
            .flatten()
            .map(|answer| blueprint.classify(answer.status.as_u16(), &answer.headers, &answer.body))
            .collect();
        let of_sign_in = failures.iter().flatten().find(|error| is_of_sign_in(error));
        let wants_peace = |error: &Option<Error>| {
            let kind = error.as_ref().map(Error::kind);
            matches!(kind, Some(ErrorKind::RateLimited | ErrorKind::Unavailable))
        };
        let all = || failures.iter().all(wants_peace).then(|| failures.iter().flatten());
        let longest = || all()?.max_by_key(|error| error.retry_after());
        of_sign_in.or_else(longest).cloned()
    }

    /// Returns the failure that an answer to an envelope of changes is: its own, or one that says of all parts that none
    /// was carried out. What was carried out in part is never a failure of the whole, so that it is never sent again.
    pub(crate) fn judge_changes(&self, blueprint: &Blueprint, response: &Response, parts: usize) -> Option<Error> {
        let (status, headers) = (response.status.as_u16(), &response.headers);
        if let Some(error) = blueprint.classifier.classify_envelope(status, headers, &response.body) {
            return Some(error);
        }
        let answers = match self.answers(response, parts, Content::Changes) {
            Ok(answers) => answers,
            Err(error) => return Some(error.with_status(status).with_reach(Reach::Unknown)),
        };
        let told = answers.iter().flatten();
        let told: Vec<&Response> = told.filter(|answer| !self.only_follows(answer)).collect();
        if !self.atomic && told.len() < parts {
            return None;
        }
        let failures: Option<Vec<Error>> = told
            .iter()
            .map(|answer| blueprint.classify(answer.status.as_u16(), &answer.headers, &answer.body))
            .collect();
        let failures = failures.filter(|failures| !failures.is_empty())?;
        let is_all = |is: fn(&Error) -> bool| failures.iter().all(is);
        if is_all(is_of_sign_in) {
            return failures.into_iter().next();
        }
        let is_throttled = |error: &Error| error.kind() == ErrorKind::RateLimited;
        let longest = || failures.iter().max_by_key(|error| error.retry_after()).cloned();
        is_all(is_throttled).then(longest).flatten()
    }

    /// Returns whether answers to an envelope are one for all of its requests, which does not name the one that it speaks of.
    pub(crate) fn is_of_all(&self, answers: &[Option<Response>]) -> bool {
        let mut told = answers.iter().flatten();
        match (told.next(), told.next()) {
            (Some(only), None) => self.atomic && answers.len() > 1 && !self.is_named(only),
            _ => false,
        }
    }

    /// Returns whether an answer tells to which request it belongs.
    fn is_named(&self, answer: &Response) -> bool {
        match &self.form {
            Form::Multipart => multipart::id_of(answer).is_some(),
            Form::Json(form) => form.answers.id.is_some(),
        }
    }

    /// Returns whether an answer says only that another request of the same whole failed.
    pub(crate) fn only_follows(&self, answer: &Response) -> bool {
        self.atomic && answer.status == StatusCode::FAILED_DEPENDENCY
    }
}

fn is_of_sign_in(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::SessionExpired | ErrorKind::InvalidCredentials | ErrorKind::ReauthorizationRequired
    )
}

/// Returns whether the template of a part names the group of the request.
fn says_group(part: &Value) -> bool {
    part.to_string().contains("request.group")
}

fn compile_call(request: &Request, known: &Known, problems: &mut Vec<Problem>) -> Option<Call> {
    let before = problems.len();
    let call = Call::compile(request, true, &known.with(ENVELOPE_VARIABLES), "/batch", problems);
    for problem in problems.iter_mut().skip(before) {
        if let Some(rest) = problem.pointer.strip_prefix("/batch/body") {
            problem.pointer = format!("/batch/envelope{rest}");
        }
    }
    call
}

fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::MalformedResponse, message)
}

impl Blueprint {
    /// Returns how several requests are sent as one, if the system has a way.
    pub(crate) fn batch(&self) -> Option<&BatchPlan> {
        self.batch.as_deref()
    }

    /// Returns how requests of a resource are sent as one, if they are.
    pub(crate) fn batch_of(&self, resource: &ResourcePlan) -> Option<&BatchPlan> {
        self.batch().filter(|_| resource.parts.batches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_an_address_is_told_apart_from_what_begins_alike() {
        assert_eq!(
            below("https://a.example/x/y?z=1", "https://a.example/x"),
            Some("/y?z=1")
        );
        assert_eq!(below("https://a.example/xy", "https://a.example/x"), None);
        assert_eq!(origin_length("https://a.example/x?y"), "https://a.example".len());
        assert_eq!(origin_length("https://a.example"), "https://a.example".len());
    }
}
