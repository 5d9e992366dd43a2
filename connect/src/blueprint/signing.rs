//! Signatures over requests, compiled: what one attempt has of its own, and what a signature adds to it. Nothing here
//! sends anything or looks at a clock.

mod hmac;
mod oauth1;

#[cfg(test)]
mod tests;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

pub(super) use hmac::Signed;
pub(super) use oauth1::Oauth1;

use crate::{
    error::Error,
    request::RequestPlan,
    template::{Scope, TextTemplate, Variables},
};

/// The variables that each attempt has of its own.
pub(super) const MOMENT: &[&str] = &["now.unix", "now.unix_ms", "now.iso", "nonce"];

/// What one attempt has of its own.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When it is made.
    pub now: DateTime<Utc>,
    /// A text that no other has.
    pub nonce: String,
}

impl Moment {
    /// Makes the moment of a new attempt.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        let nonce = Uuid::new_v4().simple().to_string();
        Self { now, nonce }
    }

    /// Adds its variables to a scope.
    pub(super) fn fill<'a>(&self, scope: Scope<'a>) -> Scope<'a> {
        scope
            .with("now.unix", self.now.timestamp())
            .with("now.unix_ms", self.now.timestamp_millis())
            .with("now.iso", self.now.to_rfc3339_opts(SecondsFormat::Secs, true))
            .with("nonce", self.nonce.clone())
    }
}

/// What a signature adds to a request.
pub(crate) struct Signature {
    /// Headers, in the place of others of the same names.
    pub(crate) headers: Vec<(String, String)>,
    /// The address that takes the place of the one that was planned.
    pub(crate) url: Option<String>,
}

/// A way to sign requests.
#[derive(Clone, Debug)]
pub(crate) enum Signing {
    Oauth1(Oauth1),
    Signed(Signed),
}

impl Signing {
    /// Signs one attempt.
    ///
    /// # Errors
    /// Names the credential that is missing or of no use.
    pub(crate) fn sign(
        &self,
        plan: &RequestPlan,
        variables: &Variables<'_>,
        moment: &Moment,
    ) -> Result<Signature, Error> {
        match self {
            Self::Oauth1(oauth1) => oauth1.sign(plan, variables, moment),
            Self::Signed(signed) => signed.sign(plan, variables, moment),
        }
    }
}

/// Names the credentials of a template, for messages about what is in them.
pub(super) fn named(template: &TextTemplate) -> String {
    let names = template
        .variables()
        .filter_map(|name| name.strip_prefix("credentials."));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "the key".to_owned(),
        [name] => format!("the credential {name}"),
        names => format!("the credentials {}", names.join(", ")),
    }
}
