//! The mark that a system wants with every request that changes something: the request that fetches it, where it stands
//! in the answer, and how the system says that it is no longer good. When it is fetched is decided elsewhere.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    Blueprint, Problem,
    call::{Base, Call, Known},
};
use crate::{
    classify::Conditions,
    error::Error,
    manifest,
    request::RequestPlan,
    template::{Scope, Variables},
};

/// What is known of the mark.
#[derive(Debug)]
pub(crate) struct AntiForgery {
    call: Call,
    header: HeaderName,
    refused_when: Conditions,
}

impl AntiForgery {
    pub(super) fn compile(written: &manifest::AntiForgery, known: &Known, problems: &mut Vec<Problem>) -> Option<Self> {
        let pointer = "/http/anti_forgery";
        let call = Call::compile(&written.request, true, known, &format!("{pointer}/request"), problems);
        let refused_when = Conditions::compile(
            &written.refused_when,
            &format!("{pointer}/refused_when"),
            "every answer would mean that the mark is refused",
            problems,
        );
        let Ok(header) = written.header.parse::<HeaderName>() else {
            let message = format!("`{}` is not the name of a header", written.header);
            problems.push(Problem::new(format!("{pointer}/header"), message));
            return None;
        };
        Some(Self {
            call: call?,
            header,
            refused_when,
        })
    }

    /// Returns the header that carries it.
    pub(crate) const fn header(&self) -> &HeaderName {
        &self.header
    }

    /// Returns whether an answer says that the mark is no longer good: then nothing was carried out.
    pub(crate) fn is_refused(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> bool {
        self.refused_when.hold(status, headers, body)
    }

    /// Returns the headers of requests that carry the mark of an answer: those of the sign-in, the mark, and the cookies
    /// of both. Nothing when the answer has no mark.
    pub(crate) fn marked(&self, sign_in: &HeaderMap, answer: &HeaderMap) -> Option<HeaderMap> {
        let mut mark = answer.get(&self.header).filter(|value| !value.is_empty())?.clone();
        mark.set_sensitive(true);
        let mut headers = sign_in.clone();
        headers.insert(self.header.clone(), mark);
        if let Some(cookies) = merged_cookies(sign_in, answer) {
            headers.insert(header::COOKIE, cookies);
        }
        Some(headers)
    }

    fn plan(&self, base: &Base, variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        let scope = Scope::new(variables);
        self.call.plan(base, &scope, &scope, Vec::new())
    }
}

impl Blueprint {
    /// Returns what is known of the mark that the system wants, if it wants one.
    pub(crate) fn anti_forgery(&self) -> Option<&AntiForgery> {
        self.anti_forgery.as_deref()
    }

    /// Plans the request that fetches the mark.
    pub(crate) fn plan_anti_forgery(
        &self,
        wanted: &AntiForgery,
        variables: &Variables<'_>,
    ) -> Result<RequestPlan, Error> {
        wanted.plan(&self.base, variables)
    }
}

/// Joins the cookies that a request has with those that an answer sets, which win; one set to nothing is gone.
fn merged_cookies(sent: &HeaderMap, answer: &HeaderMap) -> Option<HeaderValue> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let known = sent.get_all(header::COOKIE).iter().filter_map(text);
    let known = known.flat_map(|line| line.split(';').map(str::to_owned).collect::<Vec<_>>());
    let set = answer.get_all(header::SET_COOKIE).iter().filter_map(text);
    let set = set.filter_map(|line| line.split(';').next().map(str::to_owned));
    let mut cookies = indexmap::IndexMap::new();
    for pair in known.chain(set) {
        if let Some((name, value)) = pair.split_once('=') {
            cookies.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    let pairs = cookies.iter().filter(|(_, value)| !value.is_empty());
    let joined = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("; ");
    let mut value = HeaderValue::from_str(&joined).ok().filter(|value| !value.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::blueprint::tests::compile;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        map
    }

    #[test]
    fn cookies_of_the_sign_in_and_of_the_mark_go_together() {
        let sent = headers(&[("cookie", "session=1; node=a")]);
        let answer = headers(&[
            ("set-cookie", "node=b; Path=/; HttpOnly"),
            ("set-cookie", "usercontext=client=100; Secure"),
            ("set-cookie", "old=; Max-Age=0"),
        ]);
        assert_eq!(
            merged_cookies(&sent, &answer).unwrap(),
            "session=1; node=b; usercontext=client=100"
        );
        assert!(merged_cookies(&HeaderMap::new(), &HeaderMap::new()).is_none());
    }

    #[test]
    fn what_is_wrong_with_the_mark_is_told_with_its_place() {
        let patch = json!({"http": {"base_url": "{{settings.base_url}}", "anti_forgery": {
            "request": {"path": "/{{key}}"}, "header": "not a header", "refused_when": {},
        }}});
        let problems = compile("json_rest", patch, json!({})).unwrap_err();
        let mut pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(
            pointers,
            [
                "/http/anti_forgery/header",
                "/http/anti_forgery/refused_when",
                "/http/anti_forgery/request/path"
            ]
        );
    }
}
