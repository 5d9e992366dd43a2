//! Requests of clients' own: which paths of a system they may call, and what is sent then.

mod alike;
mod path;
#[cfg(test)]
mod tests;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    Blueprint, Problem,
    call::{Call, Known, parse_address, render_texts, same_origin},
};
use crate::{
    error::{Error, ErrorKind},
    manifest::{OneOrMany, RawAccess},
    request::{RequestBody, RequestPlan, complete_headers},
    template::{Scope, SecretMap, TextTemplate, Variables},
};
use alike::Counted;
use path::{CleanPath, Pattern};

/// Most query parameters of a request.
pub const MOST_PARAMETERS: usize = 100;

/// Most bytes of a body that is sent.
const MOST_BODY: usize = 1024 * 1024;

/// What stays as it is in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b'@');

/// A request that a client wants to be sent as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawRequest {
    /// HTTP method, in capitals.
    pub method: String,
    /// Path below the address of the connection; escapes are undone and made anew.
    pub path: String,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// JSON body.
    pub body: Option<Value>,
}

/// Why a request of a client's own is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RawRefusal(pub String);

/// Which paths may be called.
#[derive(Debug)]
pub(crate) struct RawPlan {
    methods: Vec<http::Method>,
    paths: Vec<Pattern>,
    except: Vec<Pattern>,
    /// What is not called, where the envelope names that in one text.
    never_called: Vec<Pattern>,
    reads: Vec<Pattern>,
    /// What the envelope calls: the first tells it, the others where they have a value.
    called: Vec<TextTemplate>,
    /// Members of the body that nothing else may be taken for.
    counted: Counted,
    envelope: Option<Envelope>,
}

/// The request that is sent instead.
#[derive(Debug)]
struct Envelope {
    call: Call,
    /// Whether it has the method of the client's request.
    keeps_method: bool,
}

impl RawPlan {
    pub(super) fn compile(raw: &RawAccess, known: &Known, problems: &mut Vec<Problem>) -> Option<Self> {
        let patterns = |list: &[String]| list.iter().map(|text| Pattern::parse(text)).collect();
        let is_of_call = |name: &str, text: &str| name == "except" && raw.called.is_some() && !text.contains('/');
        for (name, list) in [("paths", &raw.paths), ("except", &raw.except), ("reads", &raw.reads)] {
            for (at, text) in list.iter().enumerate() {
                let strange = Pattern::problem(text);
                let is_path = text.starts_with('/') || name == "paths" || is_of_call(name, text);
                let problem = strange.or_else(|| (!is_path).then(|| format!("`{text}` does not start with `/`")));
                problems.extend(problem.map(|message| Problem::new(format!("/raw/{name}/{at}"), message)));
            }
        }
        let texts = raw.called.as_ref().map_or(&[][..], OneOrMany::as_slice);
        let mut called = Vec::with_capacity(texts.len());
        for text in texts {
            let known = Known::default().with_open(&[], Default::default(), &["raw"]);
            called.push(known.text(text, "/raw/called", problems)?);
        }
        let mut counted = Counted::default();
        let places = called.iter().flat_map(TextTemplate::variables);
        for place in places.filter_map(|name| name.strip_prefix("raw.body.")) {
            counted.add_place(place);
        }
        if let Some(body) = raw.envelope.as_ref().and_then(|request| request.body.as_ref()) {
            counted.add_envelope(body);
        }
        let (never_called, except): (Vec<String>, Vec<String>) =
            raw.except.iter().cloned().partition(|text| is_of_call("except", text));
        let known = known.with_open(&[], Default::default(), &["raw"]);
        let envelope = match &raw.envelope {
            Some(request) => Some(Envelope {
                call: Call::compile(request, false, &known, "/raw/envelope", problems)?,
                keeps_method: request.method.is_none(),
            }),
            None => None,
        };
        let methods = raw.methods.iter();
        Some(Self {
            methods: methods
                .filter_map(|name| http::Method::from_bytes(name.as_bytes()).ok())
                .collect(),
            paths: patterns(&raw.paths),
            except: patterns(&except),
            never_called: patterns(&never_called),
            reads: patterns(&raw.reads),
            called,
            counted,
            envelope,
        })
    }

    /// Checks a request and returns what it is.
    fn admit(&self, request: &RawRequest) -> Result<Admitted, RawRefusal> {
        let refused = |message: String| Err(RawRefusal(message));
        let Some(method) = self.methods.iter().find(|method| method.as_str() == request.method) else {
            let names: Vec<&str> = self.methods.iter().map(http::Method::as_str).collect();
            let wanted = request.method.chars().take(20).collect::<String>();
            return refused(format!(
                "the method `{wanted}` is not allowed, only {}",
                names.join(", ")
            ));
        };
        let path = CleanPath::parse(&request.path).map_err(RawRefusal)?;
        let is_allowed = self.paths.iter().any(|pattern| pattern.matches(path.segments()));
        let called = match is_allowed {
            true => self.calls_of(method, &path, request.body.as_ref())?,
            false => Vec::new(),
        };
        let is_excepted = self.except.iter().any(|pattern| pattern.may_mean(path.segments()))
            || called.iter().any(|called| {
                let called = std::slice::from_ref(called);
                self.never_called.iter().any(|pattern| pattern.may_mean(called))
            });
        if !is_allowed || is_excepted {
            return refused(format!(
                "the path `{}` is not among those that may be called",
                path.encoded()
            ));
        }
        if request.query.len() > MOST_PARAMETERS {
            return refused(format!("there are more than {MOST_PARAMETERS} query parameters"));
        }
        if let Some(name) = request.body.as_ref().and_then(|body| self.counted.taken_for_one(body)) {
            let name = name.chars().take(50).collect::<String>();
            return refused(format!("the member `{name}` of the body may be taken for another one"));
        }
        let bodiless = matches!(*method, http::Method::GET | http::Method::HEAD);
        let body = match &request.body {
            Some(_) if bodiless => return refused(format!("a request of the method {method} has no body")),
            Some(body) => Some(body.to_string()),
            None => None,
        };
        if body.as_ref().is_some_and(|body| body.len() > MOST_BODY) {
            return refused(format!("the body has more than {MOST_BODY} bytes"));
        }
        Ok(Admitted {
            reads: bodiless || self.reads.iter().any(|pattern| pattern.matches(path.segments())),
            method: method.clone(),
            path,
            called: called.into_iter().next(),
            body,
        })
    }

    /// Returns what the envelope calls, which no credentials and no parameters take part in.
    fn calls_of(
        &self,
        method: &http::Method,
        path: &CleanPath,
        body: Option<&Value>,
    ) -> Result<Vec<String>, RawRefusal> {
        let (settings, credentials, session) = (Map::new(), SecretMap::new(), SecretMap::new());
        let variables = Variables {
            settings: &settings,
            credentials: &credentials,
            session: &session,
        };
        let raw = json!({"path": path.encoded(), "segments": path.segments(), "method": method.as_str(), "body": body});
        let strict = Scope::new(&variables).with("raw", raw);
        let lenient = strict.clone().leaving_out();
        let refused = || {
            let message = format!("the request for `{}` names nothing that can be called", path.encoded());
            RawRefusal(message)
        };
        let mut calls = Vec::with_capacity(self.called.len());
        for (at, template) in self.called.iter().enumerate() {
            let scope = if at == 0 { &strict } else { &lenient };
            let called = template.render(scope).map_err(|_| refused())?;
            let mut said = template.variables().filter_map(|name| name.strip_prefix("raw.body."));
            if (at == 0 && called.is_empty()) || !said.all(|place| says_name(body, place)) {
                return Err(refused());
            }
            if !called.is_empty() {
                calls.push(called);
            }
        }
        Ok(calls)
    }
}

/// Returns whether what a body says at a place is a name that means nothing else, or is not there. On the way there are
/// objects only: of a list nobody knows which element counts.
fn says_name(body: Option<&Value>, place: &str) -> bool {
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '-');
    let mut value = body;
    for name in place.split('.') {
        value = match value {
            Some(Value::Object(members)) => members.get(name),
            None | Some(Value::Null) => return true,
            Some(_) => return false,
        };
    }
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.chars().all(is_of_name),
        Some(_) => false,
    }
}

/// A request that may be sent.
struct Admitted {
    method: http::Method,
    path: CleanPath,
    /// What the envelope calls, where that is one text.
    called: Option<String>,
    body: Option<String>,
    /// Whether it changes nothing.
    reads: bool,
}

impl Blueprint {
    /// Returns whether clients may send requests of their own at all.
    #[must_use]
    pub fn allows_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// Checks whether a client may send a request.
    ///
    /// # Errors
    /// Tells why not.
    pub fn check_raw(&self, request: &RawRequest) -> Result<(), RawRefusal> {
        self.admit_raw(request).map(|_| ())
    }

    /// Returns whether a request changes nothing in the system.
    ///
    /// # Errors
    /// Tells why it may not be sent.
    pub fn raw_reads(&self, request: &RawRequest) -> Result<bool, RawRefusal> {
        self.admit_raw(request).map(|admitted| admitted.reads)
    }

    fn admit_raw(&self, request: &RawRequest) -> Result<Admitted, RawRefusal> {
        let none = || RawRefusal("this system takes no requests besides those of the connector".to_owned());
        self.raw.as_ref().ok_or_else(none)?.admit(request)
    }

    /// Plans a request of a client's own.
    ///
    /// # Errors
    /// Returns `NotSupported` when it may not be sent, `InvalidSettings` when the address cannot be made.
    pub fn plan_raw(&self, request: &RawRequest, variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        let refused = |RawRefusal(message)| Error::new(ErrorKind::NotSupported, message);
        let admitted = self.admit_raw(request).map_err(refused)?;
        let envelope = self.raw.as_ref().and_then(|raw| raw.envelope.as_ref());
        let mut plan = match envelope {
            Some(envelope) => {
                let members = request.query.iter().map(|(name, value)| (name.clone(), json!(value)));
                let raw = json!({
                    "path": admitted.path.encoded(),
                    "segments": admitted.path.segments(),
                    "called": admitted.called,
                    "method": admitted.method.as_str(),
                    "query": Value::Object(members.collect::<Map<_, _>>()),
                    "body": request.body,
                });
                let scope = Scope::new(variables).leaving_out().with("raw", raw);
                let mut plan = envelope.call.plan(&self.base, &scope, &scope, Vec::new())?;
                let bodiless = matches!(admitted.method, http::Method::GET | http::Method::HEAD);
                if envelope.keeps_method && (plan.body == RequestBody::Empty || !bodiless) {
                    plan.method.clone_from(&admitted.method);
                }
                plan
            }
            None => self.plan_as_is(request, &admitted, variables)?,
        };
        plan.repeatable = admitted.reads;
        complete_headers(&mut plan);
        Ok(plan)
    }

    fn plan_as_is(
        &self,
        request: &RawRequest,
        admitted: &Admitted,
        variables: &Variables<'_>,
    ) -> Result<RequestPlan, Error> {
        let scope = Scope::new(variables);
        let home = self.base.address(&scope)?;
        let mut url = format!("{home}{}", admitted.path.encoded());
        // What the connector itself asks for stands, such as the client of a system.
        let own = render_texts(&self.base.query, &scope)?;
        let own: Vec<_> = own.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let is_own = |name: &str| own.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let theirs = request.query.iter().filter(|(name, _)| !is_own(name));
        let mut sign = '?';
        for (name, value) in own.iter().chain(theirs) {
            url.push(sign);
            url.extend(utf8_percent_encode(name, QUERY));
            url.push('=');
            url.extend(utf8_percent_encode(value, QUERY));
            sign = '&';
        }
        check_stays(&home, &url, admitted.path.encoded())?;
        let headers = render_texts(&self.base.headers, &scope)?;
        Ok(RequestPlan {
            method: admitted.method.clone(),
            url,
            headers: headers.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            body: admitted.body.clone().map_or(RequestBody::Empty, RequestBody::Json),
            repeatable: admitted.reads,
        })
    }
}

/// Refuses an address that is read otherwise than it was written: another host, or another path.
fn check_stays(home: &str, url: &str, path: &str) -> Result<(), Error> {
    let (home, url) = (parse_address(home)?, parse_address(url)?);
    let folder = |home: &Url| home.path().trim_end_matches('/').to_owned();
    if same_origin(&home, &url) && url.path() == format!("{}{path}", folder(&home)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::NotSupported,
        "the path leads elsewhere than below the address of the connection",
    ))
}
