//! A request of the manifest, compiled: templates in, a `RequestPlan` out.

use std::{borrow::Cow, collections::BTreeSet};

use indexmap::IndexMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::Problem;
pub(crate) use super::base::{Base, parse_address, same_origin};
use crate::{
    error::{Error, ErrorKind},
    manifest,
    request::{RequestBody, RequestPlan},
    template::{JsonTemplate, Scope, TextTemplate, Unfit, XmlTemplate},
};

/// What stays as it is in the values of a query.
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

/// The names of variables that templates of one place may use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Names with a dot, such as `settings.base_url`.
    pub(super) connection: BTreeSet<String>,
    /// Variables of the request; numbers may follow `key` and `owner`.
    pub(super) own: &'static [&'static str],
    /// More variables of the request.
    pub(super) more: BTreeSet<String>,
    /// Variables of the request below which anything may stand.
    pub(super) open: &'static [&'static str],
}

impl Known {
    pub(crate) fn with(&self, own: &'static [&'static str]) -> Self {
        Self {
            connection: self.connection.clone(),
            own,
            ..Self::default()
        }
    }

    /// Returns the names with the credentials of one way to sign in only: those of the others are not given with it.
    pub(super) fn of_way(&self, auth: &manifest::Auth) -> Self {
        let is_given = |name: &&String| {
            let credential = name.strip_prefix("credentials.");
            credential.is_none_or(|name| auth.credentials.contains_key(name))
        };
        Self {
            connection: self.connection.iter().filter(is_given).cloned().collect(),
            ..self.clone()
        }
    }

    /// Returns the names without those of secrets: what organizations write themselves must not be able to send any.
    pub(crate) fn without_secrets(&self) -> Self {
        let is_setting = |name: &&String| name.starts_with("settings.");
        Self {
            connection: self.connection.iter().filter(is_setting).cloned().collect(),
            ..self.clone()
        }
    }

    /// Returns the names with those of a write: some more, and some below which anything may stand.
    pub(crate) fn with_open(
        &self,
        own: &'static [&'static str],
        more: BTreeSet<String>,
        open: &'static [&'static str],
    ) -> Self {
        Self {
            connection: self.connection.clone(),
            own,
            more,
            open,
        }
    }

    /// Returns whether it is a variable of the request, not of the connection.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        self.own.contains(&name)
            || self.more.contains(name)
            || self.open.contains(&first)
            || (matches!(first, "key" | "owner" | "cursor") && self.own.contains(&first) && rest.parse::<u8>().is_ok())
    }

    fn has(&self, name: &str) -> bool {
        self.connection.contains(name) || self.is_own(name)
    }

    /// Reports variables that do not exist.
    pub(crate) fn check<'a>(&self, names: impl Iterator<Item = &'a str>, pointer: &str, problems: &mut Vec<Problem>) {
        for name in names.filter(|name| !self.has(name)) {
            let mut possible: Vec<&str> = self.own.to_vec();
            possible.extend(self.open);
            possible.extend(self.more.iter().map(String::as_str));
            possible.extend(self.connection.iter().map(String::as_str));
            let problem = Problem::new(pointer, format!("there is no variable `{name}` here"));
            problems.push(problem.with_help(format!("there are: {}", possible.join(", "))));
        }
    }

    /// Parses a template of text.
    pub(crate) fn text(&self, text: &str, pointer: &str, problems: &mut Vec<Problem>) -> Option<TextTemplate> {
        match TextTemplate::parse(text) {
            Ok(template) => {
                self.check(template.variables(), pointer, problems);
                Some(template)
            }
            Err(message) => {
                problems.push(Problem::new(pointer, message));
                None
            }
        }
    }

    /// Parses a template of JSON.
    pub(crate) fn json(
        &self,
        value: &serde_json::Value,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<JsonTemplate> {
        match JsonTemplate::parse(value) {
            Ok(template) => {
                self.check(template.variables().into_iter(), pointer, problems);
                Some(template)
            }
            Err(message) => {
                problems.push(Problem::new(pointer, message));
                None
            }
        }
    }

    /// Parses a template of XML.
    fn xml(&self, text: &str, pointer: &str, problems: &mut Vec<Problem>) -> Option<XmlTemplate> {
        match XmlTemplate::parse(text) {
            Ok(template) => {
                self.check(template.variables(), pointer, problems);
                Some(template)
            }
            Err(message) => {
                problems.push(Problem::new(pointer, message));
                None
            }
        }
    }

    /// Parses a statement. Only what cannot change its form may stand in it.
    fn sql(&self, request: &manifest::Request, pointer: &str, problems: &mut Vec<Problem>) -> Option<Body> {
        let place = format!("{pointer}/sql");
        let text = self.text(request.sql.as_deref()?, &place, problems)?;
        let is_list = self.own.contains(&"where_values");
        for name in text.variables().filter(|name| !is_list || !IN_SQL.contains(name)) {
            let problem = Problem::new(place.clone(), format!("`{name}` must not stand in a statement"));
            problems.push(
                problem.with_help("bind it: write the database's sign for a value, and the variable in `values`"),
            );
        }
        let usual = if is_list { json!("{{where_values}}") } else { json!([]) };
        let values = request.values.as_ref().unwrap_or(&usual);
        let values = self.json(values, &format!("{pointer}/values"), problems)?;
        Some(Body::Sql { text, values })
    }

    /// Parses a table of templates.
    pub(crate) fn texts(&self, table: &IndexMap<String, String>, pointer: &str, problems: &mut Vec<Problem>) -> Texts {
        let parse = |(name, text): (&String, &String)| {
            Some((
                name.clone(),
                self.text(text, &format!("{pointer}/{}", escape_pointer(name)), problems)?,
            ))
        };
        table.iter().filter_map(parse).collect()
    }
}

/// Writes a key as a part of a JSON pointer.
pub(crate) fn escape_pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Names with templates.
pub(crate) type Texts = Vec<(String, TextTemplate)>;

#[derive(Clone, Debug)]
enum Body {
    None,
    Json(JsonTemplate),
    Xml(XmlTemplate),
    Form(Texts),
    Sql { text: TextTemplate, values: JsonTemplate },
}

/// Variables that may stand in SQL: their names are quoted, their values bound, or they are numbers.
const IN_SQL: &[&str] = &["resource.remote", "select", "where", "order", "limit", "offset"];

/// A request with templates.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: http::Method,
    path: TextTemplate,
    query: Texts,
    /// Query parameters that are sent once for each of their values.
    repeated: Vec<String>,
    headers: Texts,
    soap_action: Option<TextTemplate>,
    body: Body,
    repeatable: bool,
}

impl Call {
    /// Compiles a request; `reads` says that it changes nothing whatever its method.
    pub(crate) fn compile(
        request: &manifest::Request,
        reads: bool,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let bodies = [
            request.body.is_some(),
            request.form.is_some(),
            request.xml.is_some(),
            request.sql.is_some(),
        ];
        let bodies = bodies.into_iter().filter(|is_there| *is_there).count();
        let method = match request.method.as_deref() {
            Some(name) => match http::Method::from_bytes(name.as_bytes()) {
                Ok(method) if name.bytes().all(|byte| byte.is_ascii_uppercase()) => method,
                _ => {
                    problems.push(Problem::new(
                        format!("{pointer}/method"),
                        format!("`{name}` is not an HTTP method"),
                    ));
                    return None;
                }
            },
            None if bodies > 0 => http::Method::POST,
            None => http::Method::GET,
        };
        if bodies > 1 {
            problems.push(Problem::new(
                pointer,
                "a request has one of `body`, `form`, `xml` and `sql`",
            ));
        }
        if request.soap_action.is_some() && request.xml.is_none() {
            let problem = Problem::new(
                format!("{pointer}/soap_action"),
                "there is no body that it could be about",
            );
            problems.push(problem.with_help("write the envelope in `xml`"));
        }
        if request.values.is_some() && request.sql.is_none() {
            let message = "there is no statement that they could be bound to";
            problems.push(Problem::new(format!("{pointer}/values"), message));
        }
        check_headers(&request.headers, &format!("{pointer}/headers"), problems);
        let body = match (&request.body, &request.form, &request.xml) {
            (None, None, None) if request.sql.is_some() => known.sql(request, pointer, problems)?,
            (Some(body), ..) => Body::Json(known.json(body, &format!("{pointer}/body"), problems)?),
            (None, Some(form), _) => Body::Form(known.texts(form, &format!("{pointer}/form"), problems)),
            (None, None, Some(xml)) => Body::Xml(known.xml(xml, &format!("{pointer}/xml"), problems)?),
            (None, None, None) => Body::None,
        };
        let soap_action = request.soap_action.as_ref();
        let soap_action =
            soap_action.and_then(|action| known.text(action, &format!("{pointer}/soap_action"), problems));
        Some(Self {
            // Statements are single SELECTs.
            repeatable: reads
                || request.read_only
                || request.sql.is_some()
                || matches!(method, http::Method::GET | http::Method::HEAD),
            method,
            path: known.text(
                request.path.as_deref().unwrap_or_default(),
                &format!("{pointer}/path"),
                problems,
            )?,
            query: known.texts(&request.query, &format!("{pointer}/query"), problems),
            repeated: request.repeat.clone(),
            headers: known.texts(&request.headers, &format!("{pointer}/headers"), problems),
            soap_action,
            body,
        })
    }

    /// Forbids repeating the request: sign-ins are not to be tried twice.
    pub(super) fn never_repeated(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// Returns whether it is a statement in SQL.
    pub(super) const fn is_statement(&self) -> bool {
        matches!(self.body, Body::Sql { .. })
    }

    /// Returns whether it changes something.
    pub(crate) fn changes(&self) -> bool {
        !self.repeatable
    }

    /// Returns whether a variable, or one below it, is used anywhere in it.
    pub(crate) fn uses_below(&self, variable: &str) -> bool {
        let below = |name: &str| name.split_once('.').is_some_and(|(first, _)| first == variable);
        self.variables().any(|name| name == variable || below(name))
    }

    /// Iterates over the names of its variables.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        fn of(texts: &Texts) -> impl Iterator<Item = &str> {
            texts.iter().flat_map(|(_, template)| template.variables())
        }
        let body: Vec<&str> = match &self.body {
            Body::None => Vec::new(),
            Body::Json(template) => template.variables(),
            Body::Xml(template) => template.variables().collect(),
            Body::Form(fields) => of(fields).collect(),
            Body::Sql { text, values } => text.variables().chain(values.variables()).collect(),
        };
        let action = self.soap_action.iter().flat_map(TextTemplate::variables);
        body.into_iter()
            .chain(self.path.variables())
            .chain(of(&self.query))
            .chain(of(&self.headers))
            .chain(action)
    }

    /// Returns whether a variable is used anywhere in it.
    pub(crate) fn uses(&self, variable: &str) -> bool {
        self.variables().any(|name| name == variable)
    }

    /// Returns whether it sets a query parameter.
    pub(crate) fn sets_parameter(&self, name: &str) -> bool {
        self.query.iter().any(|(known, _)| known == name)
    }

    /// Makes the request. `escape_path` prepares variables of the path for the place where they stand, before they are
    /// percent-encoded; later parameters win over earlier ones of the same name.
    pub(crate) fn plan(
        &self,
        base: &Base,
        scope: &Scope<'_>,
        path_scope: &Scope<'_>,
        parameters: Vec<(String, String)>,
    ) -> Result<RequestPlan, Error> {
        self.plan_quoted(base, scope, path_scope, scope, parameters)
    }

    /// Refuses texts that cannot stand within the texts of the query, which are written in a language of filters.
    pub(crate) fn check_query(&self, scope: &Scope<'_>, takes: &dyn Fn(&str) -> bool) -> Result<(), Error> {
        let texts = self.query.iter().filter(|(_, template)| !template.is_variable());
        for name in texts.flat_map(|(_, template)| template.variables()) {
            if !scope.all_texts(name, &|text| text.is_empty() || takes(text)) {
                let message = format!("`{name}` has signs that the system's language cannot hold");
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
        }
        Ok(())
    }

    /// The same as `plan` with variables of their own for what stands within texts of the query too.
    ///
    /// # Errors
    /// As `plan`.
    pub(crate) fn plan_quoted(
        &self,
        base: &Base,
        scope: &Scope<'_>,
        path_scope: &Scope<'_>,
        query_scope: &Scope<'_>,
        parameters: Vec<(String, String)>,
    ) -> Result<RequestPlan, Error> {
        let home = base.address(scope)?;
        let path = self.path.render_path(path_scope).map_err(unusable)?;
        // What follows the home's own address stays with its host.
        let (address, ours) = if path.starts_with("https://") || path.starts_with("http://") {
            let ours = same_origin(&parse_address(&path)?, &parse_address(&home)?);
            (path, ours)
        } else if path.is_empty() || path.starts_with('/') || path.starts_with('?') {
            (format!("{home}{path}"), true)
        } else {
            (format!("{home}/{path}"), true)
        };
        let mut query: IndexMap<String, String> = IndexMap::new();
        let mut headers: IndexMap<String, String> = IndexMap::new();
        if ours {
            render_into(&base.query, scope, &mut query)?;
            render_into(&base.headers, scope, &mut headers)?;
        }
        for (name, template) in &self.query {
            // Only what stands within a text is a part of it.
            let scope = if template.is_variable() { scope } else { query_scope };
            query.insert(name.clone(), template.render(scope).map_err(unusable)?);
        }
        render_into(&self.headers, scope, &mut headers)?;
        query.extend(parameters);
        let body = match &self.body {
            Body::None => RequestBody::Empty,
            Body::Json(template) => RequestBody::Json(template.render(scope).map_err(unusable)?.to_string()),
            Body::Xml(template) => RequestBody::Xml(template.render(scope).map_err(unfit)?),
            Body::Form(fields) => {
                let mut form = IndexMap::new();
                render_into(fields, scope, &mut form)?;
                RequestBody::Form(form.into_iter().collect())
            }
            Body::Sql { text, values } => {
                let sql = text.render(scope).map_err(unusable)?;
                let values = values.render(scope).map_err(unusable)?;
                RequestBody::Json(json!({ "sql": sql, "values": values }).to_string())
            }
        };
        if let Some(action) = &self.soap_action {
            let action = action.render(scope).map_err(unusable)?;
            headers.insert("SOAPAction".to_owned(), format!("\"{}\"", action.replace('"', "")));
        }
        if let Some(accept) = base.accept
            && !headers.keys().any(|name| name.eq_ignore_ascii_case("accept"))
        {
            headers.insert("accept".to_owned(), accept.to_owned());
        }
        check_values(&headers)?;
        Ok(RequestPlan {
            method: self.method.clone(),
            url: with_query(address, &query, &self.repeated),
            headers: headers.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            body,
            repeatable: self.repeatable,
        })
    }
}

/// Adds query parameters to an address; empty ones are left out, repeated ones stand once for each value.
pub(super) fn with_query(mut address: String, query: &IndexMap<String, String>, repeated: &[String]) -> String {
    let mut sign = if address.contains('?') { '&' } else { '?' };
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        let separator = repeated.contains(name).then_some(',');
        for value in value
            .split(|sign| Some(sign) == separator)
            .filter(|value| !value.is_empty())
        {
            address.push(sign);
            address.extend(utf8_percent_encode(name, QUERY));
            address.push('=');
            address.extend(utf8_percent_encode(value, QUERY));
            sign = '&';
        }
    }
    address
}

fn render_into(texts: &Texts, scope: &Scope<'_>, into: &mut IndexMap<String, String>) -> Result<(), Error> {
    for (name, template) in texts {
        into.insert(name.clone(), template.render(scope).map_err(unusable)?);
    }
    Ok(())
}

/// Renders a table of templates into pairs.
pub(super) fn render_texts(texts: &Texts, scope: &Scope<'_>) -> Result<Vec<(String, String)>, Error> {
    let mut rendered = IndexMap::new();
    render_into(texts, scope, &mut rendered)?;
    check_values(&rendered)?;
    Ok(rendered.into_iter().collect())
}

/// Refuses header values that would end the header.
fn check_values(headers: &IndexMap<String, String>) -> Result<(), Error> {
    match headers
        .iter()
        .find(|(_, value)| value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t'))
    {
        Some((name, _)) => Err(Error::new(
            ErrorKind::InvalidSettings,
            format!("the value of the header `{name}` has control characters"),
        )),
        None => Ok(()),
    }
}

/// Reports names that no header can have.
pub(super) fn check_headers(headers: &IndexMap<String, String>, pointer: &str, problems: &mut Vec<Problem>) {
    for name in headers.keys().filter(|name| name.parse::<http::HeaderName>().is_err()) {
        problems.push(Problem::new(
            format!("{pointer}/{}", escape_pointer(name)),
            format!("`{name}` is not the name of a header"),
        ));
    }
}

/// Turns a failure to fill in a template into an error.
pub(crate) fn unusable(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidSettings, message.into().into_owned())
}

/// A value without a form in XML is the fault of who sent it, anything else that of the settings.
fn unfit(wrong: Unfit) -> Error {
    match wrong {
        Unfit::Variable(message) => unusable(message),
        Unfit::Value(message) => Error::new(ErrorKind::InvalidRequest, message),
    }
}

#[cfg(test)]
mod tests;
