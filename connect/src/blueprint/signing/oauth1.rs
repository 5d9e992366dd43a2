//! `OAuth` 1.0a, compiled: the header that signs one attempt by HMAC-SHA256 (RFC 5849, with the method that systems added).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{Moment, Signature};
use crate::{
    blueprint::{
        Problem,
        call::{Known, parse_address, unusable},
    },
    error::Error,
    manifest::AuthKind,
    request::{RequestBody, RequestPlan},
    template::{Scope, TextTemplate, Variables},
};

/// What stays as it is: the unreserved characters.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Compiled `OAuth` 1.0a.
#[derive(Clone, Debug)]
pub(crate) struct Oauth1 {
    consumer_key: TextTemplate,
    consumer_secret: TextTemplate,
    token: TextTemplate,
    token_secret: TextTemplate,
    realm: Option<TextTemplate>,
}

impl Oauth1 {
    /// Compiles the kind of a way to sign in; none when it is of another kind or does not hold together.
    pub(crate) fn compile(kind: &AuthKind, known: &Known, pointer: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let AuthKind::Oauth1 {
            consumer_key,
            consumer_secret,
            token,
            token_secret,
            realm,
        } = kind
        else {
            return None;
        };
        let mut text = |text: &str, key: &str| known.text(text, &format!("{pointer}/oauth1/{key}"), problems);
        // All of them are looked at before one that is wrong ends it.
        let consumer_key = text(consumer_key, "consumer_key");
        let consumer_secret = text(consumer_secret, "consumer_secret");
        let token = text(token, "token");
        let token_secret = text(token_secret, "token_secret");
        let realm = match realm {
            Some(realm) => Some(text(realm, "realm")?),
            None => None,
        };
        Some(Self {
            consumer_key: consumer_key?,
            consumer_secret: consumer_secret?,
            token: token?,
            token_secret: token_secret?,
            realm,
        })
    }

    /// Signs one attempt.
    pub(super) fn sign(
        &self,
        plan: &RequestPlan,
        variables: &Variables<'_>,
        moment: &Moment,
    ) -> Result<Signature, Error> {
        let scope = Scope::new(variables);
        let render = |template: &TextTemplate| template.render(&scope).map_err(unusable);
        let own = [
            ("oauth_consumer_key", render(&self.consumer_key)?),
            ("oauth_token", render(&self.token)?),
            ("oauth_nonce", moment.nonce.clone()),
            ("oauth_timestamp", moment.now.timestamp().to_string()),
            ("oauth_signature_method", "HMAC-SHA256".to_owned()),
            ("oauth_version", "1.0".to_owned()),
        ];
        let base = base_string(plan, &own)?;
        let key = format!(
            "{}&{}",
            encoded(&render(&self.consumer_secret)?),
            encoded(&render(&self.token_secret)?)
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, base.as_bytes()));
        let mut parts = Vec::with_capacity(own.len() + 2);
        if let Some(realm) = &self.realm {
            let realm = render(realm)?.replace('\\', "\\\\").replace('"', "\\\"");
            parts.push(format!("realm=\"{realm}\""));
        }
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let all = own.chain([("oauth_signature", signature.as_str())]);
        parts.extend(all.map(|(name, value)| format!("{name}=\"{}\"", encoded(value))));
        Ok(Signature {
            headers: vec![("authorization".to_owned(), format!("OAuth {}", parts.join(", ")))],
            url: None,
        })
    }
}

/// Returns what is signed: the method, the address without its query, and all parameters in order.
pub(super) fn base_string(plan: &RequestPlan, own: &[(&str, String)]) -> Result<String, Error> {
    let mut url: Url = parse_address(&plan.url)?;
    let mut parameters: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| (encoded(&name), encoded(&value)))
        .collect();
    if let RequestBody::Form(fields) = &plan.body {
        parameters.extend(fields.iter().map(|(name, value)| (encoded(name), encoded(value))));
    }
    parameters.extend(own.iter().map(|(name, value)| (encoded(name), encoded(value))));
    parameters.sort_unstable();
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    url.set_query(None);
    url.set_fragment(None);
    Ok(format!(
        "{}&{}&{}",
        plan.method,
        encoded(url.as_str()),
        encoded(&parameters.join("&"))
    ))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}
