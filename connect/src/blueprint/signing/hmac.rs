//! A signature of the system's own kind, compiled: parameters and headers for one attempt, and an HMAC over what the
//! manifest says.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use indexmap::IndexMap;
use url::{Position, Url};

use super::{MOMENT, Moment, Signature, named};
use crate::{
    blueprint::{
        Problem,
        call::{Known, Texts, check_headers, parse_address, render_texts, unusable, with_query},
    },
    error::Error,
    manifest::{self, Over, SignatureAlgorithm, SignatureEncoding},
    request::RequestPlan,
    template::{Scope, TextTemplate, Variables},
};

/// The variables of what is signed: those of the moment and those of the request.
const SIGNED: &[&str] = &[
    "now.unix",
    "now.unix_ms",
    "now.iso",
    "nonce",
    "request.method",
    "request.url",
    "request.address",
    "request.host",
    "request.path",
    "request.query",
    "request.body",
];
/// The variables of the value that carries the signature.
const PUT: &[&str] = &["now.unix", "now.unix_ms", "now.iso", "nonce", "signature"];

/// A compiled signature.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    key: TextTemplate,
    over: Vec<TextTemplate>,
    algorithm: hmac::Algorithm,
    encoding: SignatureEncoding,
    put: Place,
    value: TextTemplate,
    query: Texts,
    headers: Texts,
}

#[derive(Clone, Debug)]
enum Place {
    Header(String),
    Query(String),
}

impl Signed {
    /// Compiles a signature; none when it does not hold together.
    pub(crate) fn compile(
        written: &manifest::Signed,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let pointer = format!("{pointer}/signed");
        let moment = known.with(MOMENT);
        let key = known.text(&written.key, &format!("{pointer}/key"), problems);
        if let Some(key) = &key
            && !key.variables().any(|name| name.starts_with("credentials."))
        {
            let problem = Problem::new(format!("{pointer}/key"), "a key that is no credential is no secret");
            problems.push(problem.with_help("write `{{credentials.<name>}}`"));
        }
        check_headers(&written.headers, &format!("{pointer}/headers"), problems);
        let put = place(&written.put, &format!("{pointer}/put"), problems);
        let value = written.put.value.as_deref().unwrap_or("{{signature}}");
        let value_pointer = format!("{pointer}/put/value");
        let value = known.with(PUT).text(value, &value_pointer, problems);
        if let Some(value) = &value
            && !value.variables().any(|name| name == "signature")
        {
            problems.push(Problem::new(value_pointer, "does not use `{{signature}}`"));
        }
        let over = compile_over(&written.over, &known.with(SIGNED), &format!("{pointer}/over"), problems);
        let query = moment.texts(&written.query, &format!("{pointer}/query"), problems);
        let headers = moment.texts(&written.headers, &format!("{pointer}/headers"), problems);
        Some(Self {
            key: key?,
            over,
            algorithm: match written.algorithm {
                SignatureAlgorithm::HmacSha256 => hmac::HMAC_SHA256,
            },
            encoding: written.encoding,
            put: put?,
            value: value?,
            query,
            headers,
        })
    }

    /// Signs one attempt.
    pub(super) fn sign(
        &self,
        plan: &RequestPlan,
        variables: &Variables<'_>,
        moment: &Moment,
    ) -> Result<Signature, Error> {
        let scope = moment.fill(Scope::new(variables));
        let mut url = parse_address(&plan.url)?;
        url.set_fragment(None);
        let query: IndexMap<String, String> = render_texts(&self.query, &scope)?.into_iter().collect();
        // Parsed again, so that what is signed is written as it is sent.
        let url = parse_address(&with_query(url.into(), &query))?;
        let mut headers = render_texts(&self.headers, &scope)?;
        let signature = self.signature(&self.message(plan, &url, scope)?, variables)?;
        let scope = moment.fill(Scope::new(variables)).with("signature", signature);
        let value = self.value.render(&scope).map_err(unusable)?;
        let url = match &self.put {
            Place::Header(name) => {
                headers.push((name.clone(), value));
                url.into()
            }
            Place::Query(name) => with_query(url.into(), &IndexMap::from([(name.clone(), value)])),
        };
        Ok(Signature {
            headers,
            url: Some(url),
        })
    }

    fn message(&self, plan: &RequestPlan, url: &Url, scope: Scope<'_>) -> Result<String, Error> {
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let scope = scope
            .with("request.method", plan.method.as_str())
            .with("request.url", url.as_str())
            .with("request.address", &url[Position::BeforeHost..])
            .with("request.host", host)
            .with("request.path", url.path())
            .with("request.query", url.query().unwrap_or_default())
            .with("request.body", plan.body.text().into_owned());
        let lines = self
            .over
            .iter()
            .map(|template| template.render(&scope).map_err(unusable));
        Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }

    fn signature(&self, message: &str, variables: &Variables<'_>) -> Result<String, Error> {
        let key = self.key.render(&Scope::new(variables)).map_err(unusable)?;
        if key.is_empty() {
            return Err(unusable(format!("{} is empty", named(&self.key))));
        }
        let tag = hmac::sign(&hmac::Key::new(self.algorithm, key.as_bytes()), message.as_bytes());
        Ok(match self.encoding {
            SignatureEncoding::Base64 => STANDARD.encode(tag),
            SignatureEncoding::Hex => tag.as_ref().iter().fold(String::new(), |mut digits, byte| {
                let _ = write!(digits, "{byte:02x}");
                digits
            }),
        })
    }
}

fn place(put: &manifest::Put, pointer: &str, problems: &mut Vec<Problem>) -> Option<Place> {
    match (&put.header, &put.query) {
        (Some(name), None) if name.parse::<http::HeaderName>().is_err() => {
            problems.push(Problem::new(
                format!("{pointer}/header"),
                format!("`{name}` is not the name of a header"),
            ));
            None
        }
        (Some(name), None) => Some(Place::Header(name.clone())),
        (None, Some(name)) => Some(Place::Query(name.clone())),
        _ => {
            problems.push(Problem::new(pointer, "give `header` or `query`"));
            None
        }
    }
}

fn compile_over(over: &Over, known: &Known, pointer: &str, problems: &mut Vec<Problem>) -> Vec<TextTemplate> {
    let templates: Vec<TextTemplate> = match over {
        Over::Text(text) => known.text(text, pointer, problems).into_iter().collect(),
        Over::Lines(lines) => {
            let lines = lines.iter().enumerate();
            lines
                .filter_map(|(at, line)| known.text(line, &format!("{pointer}/{at}"), problems))
                .collect()
        }
    };
    let changes = |name: &str| name.starts_with("request.") || MOMENT.contains(&name);
    if !templates.iter().any(|template| template.variables().any(changes)) {
        let problem = Problem::new(pointer, "what is signed is the same for every request");
        problems.push(problem.with_help("sign the request, such as `{{request.address}}`"));
    }
    templates
}
