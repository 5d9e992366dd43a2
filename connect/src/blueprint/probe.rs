//! The request that proves that credentials work, and how the account that they open is put together.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    Problem,
    call::{Call, Known},
};
use crate::{
    classify::parse_path,
    error::Error,
    json,
    manifest::Manifest,
    path::Path,
    template::{Scope, TextTemplate, Variables},
};

/// A probe that has been checked and compiled.
#[derive(Debug)]
pub(super) struct ProbePlan {
    pub(super) call: Call,
    identity: Vec<Part>,
}

/// A part of the name of an account.
#[derive(Debug)]
enum Part {
    /// The answer tells it.
    Answer(Path),
    /// The connection knows it.
    Known(TextTemplate),
}

impl ProbePlan {
    pub(super) fn compile(manifest: &Manifest, known: &Known, problems: &mut Vec<Problem>) -> Option<Self> {
        let call = Call::compile(&manifest.probe.request, true, known, "/probe/request", problems);
        let shown = shown_variables(manifest);
        let parts = manifest.probe.identity.iter().enumerate();
        let identity = parts
            .filter_map(|(at, text)| {
                let pointer = format!("/probe/identity/{at}");
                if text.contains("{{") {
                    return shown.text(text, &pointer, problems).map(Part::Known);
                }
                parse_path(text, &pointer, problems).map(Part::Answer)
            })
            .collect();
        Some(Self { call: call?, identity })
    }

    /// Reads whose account it is. None when the manifest does not say, and when the answer lacks a part: the rest would
    /// fit other accounts too.
    pub(super) fn read(&self, body: &[u8], variables: &Variables<'_>) -> Result<Option<String>, Error> {
        if self.identity.is_empty() {
            return Ok(None);
        }
        let body = json::parse(body)?;
        let scope = Scope::new(variables);
        let mut account: Vec<Cow<'_, str>> = Vec::new();
        for part in &self.identity {
            let text = match part {
                Part::Answer(path) => Cow::Borrowed(path.first(&body).and_then(json::scalar_text).unwrap_or_default()),
                // Credentials of another way to sign in are missing.
                Part::Known(template) => Cow::Owned(template.render(&scope).unwrap_or_default()),
            };
            match (text.is_empty(), part) {
                (false, _) => account.push(text),
                (true, Part::Answer(_)) => return Ok(None),
                (true, Part::Known(_)) => {}
            }
        }
        Ok(Some(account.join(" ")).filter(|account| !account.is_empty()))
    }
}

/// Returns the variables that may be shown: an account is stored and told in the clear.
fn shown_variables(manifest: &Manifest) -> Known {
    let settings = manifest.settings.keys().map(|name| format!("settings.{name}"));
    let fields = || manifest.auth.iter().flat_map(|way| &way.credentials);
    let secrets: BTreeSet<&String> = fields()
        .filter(|(_, field)| field.secret)
        .map(|(name, _)| name)
        .collect();
    let credentials = fields()
        .filter(|(name, _)| !secrets.contains(name))
        .map(|(name, _)| format!("credentials.{name}"));
    Known {
        connection: settings.chain(credentials).collect(),
        ..Known::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Map, Value, json};

    use crate::{
        blueprint::tests::{compile, settings},
        template::{SecretMap, Variables},
    };

    fn account(identity: &Value, credentials: &SecretMap, answer: &Value) -> Option<String> {
        let probe = json!({"request": {"path": "/who"}, "identity": identity});
        let blueprint = compile("json_rest", json!({ "probe": probe }), json!({})).unwrap();
        let settings: Map<String, Value> = settings();
        let session = SecretMap::new();
        let variables = Variables {
            settings: &settings,
            credentials,
            session: &session,
        };
        blueprint.read_probe(answer.to_string().as_bytes(), &variables).unwrap()
    }

    #[test]
    fn an_account_is_joined_from_the_answer_and_what_the_connection_knows() {
        let ada: SecretMap = [("username", "ada"), ("password", "secret")].into_iter().collect();
        let answer = json!({"user": {"id": 7}});
        let told = |identity: Value| account(&identity, &ada, &answer);
        assert_eq!(told(json!(["user.id", "{{settings.database}}"])).unwrap(), "7 main");
        assert_eq!(told(json!(["{{upper credentials.username}}"])).unwrap(), "ADA");
        assert_eq!(told(json!([])), None);
    }

    #[test]
    fn an_account_that_the_answer_does_not_tell_is_none() {
        let ada: SecretMap = [("username", "ada")].into_iter().collect();
        let told = |answer: Value| account(&json!(["user.id", "{{settings.database}}"]), &ada, &answer);
        assert_eq!(told(json!({"user": {}})), None);
        assert_eq!(told(json!({"user": {"id": ""}})), None);
    }

    #[test]
    fn credentials_that_were_not_given_are_left_out() {
        let identity = json!(["{{credentials.username}}", "{{settings.site}}"]);
        let told = account(&identity, &SecretMap::new(), &json!({}));
        assert_eq!(told.unwrap(), "BEDFORD");
    }

    #[test]
    fn secrets_are_no_part_of_an_account() {
        for name in ["credentials.password", "session.uid", "settings.nope"] {
            let probe = json!({"request": {"path": "/who"}, "identity": [format!("{{{{{name}}}}}")]});
            let problems = compile("json_rest", json!({ "probe": probe }), json!({})).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].pointer, "/probe/identity/0");
        }
    }
}
