//! Says what a failed trial means and what to do about it, without repeating a credential.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lineshaft_connect::{
    CredentialReason, Error, ErrorKind,
    manifest::{Manifest, SettingKind},
    template::SecretMap,
    transport::{Stage, Step},
};

use super::TrialFailure;
use crate::forms::Part;

/// Shorter credentials would turn up in any text by chance.
const SHORTEST: usize = 4;
const HIDDEN: &str = "•••";

/// What is needed to speak about one trial.
pub(super) struct Words {
    /// The setting with the address.
    address: Option<String>,
    /// The only secret that the person gave, if it was one.
    secret: Option<String>,
    /// How credentials may turn up in a text, the longest first.
    hidden: Vec<String>,
}

impl Words {
    pub(super) fn new(manifest: &Manifest, given: &SecretMap, application: &SecretMap) -> Self {
        let fields = manifest.auth.iter().flat_map(|way| &way.credentials);
        let mut secrets: Vec<&String> = fields
            .filter(|(name, field)| field.secret && given.contains(name))
            .map(|(name, _)| name)
            .collect();
        secrets.dedup();
        let address = manifest
            .settings
            .iter()
            .find(|(_, field)| field.kind == SettingKind::Url)
            .map(|(name, _)| name.clone());
        let is_secret = |name: &str| {
            let mut fields = manifest.auth.iter().filter_map(|way| way.credentials.get(name));
            fields.next().is_none_or(|field| field.secret)
        };
        let values = given.iter().chain(application.iter());
        let mut hidden: Vec<String> = values
            .filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST)
            .flat_map(|(_, value)| forms_of(value))
            .collect();
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        hidden.dedup();
        Self {
            address,
            secret: match secrets.as_slice() {
                [only] => Some((*only).clone()),
                _ => None,
            },
            hidden,
        }
    }

    /// Returns a text of the system without credentials in it.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for hidden in &self.hidden {
            if text.contains(hidden.as_str()) {
                text = text.replace(hidden.as_str(), HIDDEN);
            }
        }
        text
    }

    /// Returns what a step of the way that failed means.
    pub(super) fn way_failure(&self, step: Step) -> TrialFailure {
        let code = match step.name {
            Stage::Url => "ADDRESS_REFUSED",
            Stage::Dns if step.detail.contains("not allowed") => "ADDRESS_REFUSED",
            Stage::Dns => "HOST_UNKNOWN",
            Stage::Tcp => "UNREACHABLE",
            Stage::Tls => "TLS_FAILED",
        };
        TrialFailure {
            code,
            message: self.scrubbed(&step.detail),
            advice: step.advice.unwrap_or_else(|| "Check the address.".to_owned()),
            field: self.address_field(),
            remote_message: None,
        }
    }

    /// Returns what a failed sign-in means.
    pub(super) fn failure(&self, error: &Error) -> TrialFailure {
        let kind = error.kind();
        let (code, advice) = match kind {
            ErrorKind::InvalidCredentials | ErrorKind::SessionExpired | ErrorKind::ReauthorizationRequired => {
                ("INVALID_CREDENTIALS", about_credentials(error.reason()))
            }
            ErrorKind::PermissionDenied => (
                "PERMISSION_DENIED",
                "The system knows the account, but does not let it use the interface. Ask an administrator of the \
                 system to give the account access to it.",
            ),
            ErrorKind::NotFound | ErrorKind::MalformedResponse | ErrorKind::NotSupported => (
                "WRONG_ADDRESS",
                "Something answers at this address, but not the interface that was expected: often a login page, or \
                 the address has a part too much or too little. Compare it with the example beside the field.",
            ),
            ErrorKind::Network if error.message().contains("name of the host") => (
                "HOST_UNKNOWN",
                "The name in the address does not exist. Check its spelling.",
            ),
            ErrorKind::Network => (
                "UNREACHABLE",
                "Nothing answers at this address. Check host and port, and whether a firewall must let this server in.",
            ),
            ErrorKind::Tls => (
                "TLS_FAILED",
                "No safe channel could be made. Check that the address has the name of the certificate and that the \
                 certificate is valid.",
            ),
            ErrorKind::Timeout | ErrorKind::DeadlineExceeded => (
                "TIMEOUT",
                "The system did not answer in time. Check that it is running, and try again.",
            ),
            ErrorKind::RateLimited => (
                "RATE_LIMITED",
                "The system asks for fewer calls. Wait a few minutes, then try again.",
            ),
            ErrorKind::Unavailable | ErrorKind::CircuitOpen => (
                "UNAVAILABLE",
                "The system is down, overloaded or in maintenance. Try again later.",
            ),
            ErrorKind::InvalidSettings if error.message().contains("not allowed") => (
                "ADDRESS_REFUSED",
                "This server may not connect to that address. It must begin with https:// and be on the internet; for \
                 a system inside a company network, the operator of this server must allow the network.",
            ),
            ErrorKind::InvalidSettings => ("INVALID_SETTINGS", "Check the settings."),
            ErrorKind::InvalidRequest | ErrorKind::Conflict => (
                "UPSTREAM_INVALID_REQUEST",
                "The system refused the request. Check the settings, such as the name of the database or the client.",
            ),
            ErrorKind::ResponseTooLarge => ("RESPONSE_TOO_LARGE", "Check the address."),
            ErrorKind::Internal => ("INTERNAL", "Try again; if it stays so, tell whoever sent you the link."),
        };
        let field = match code {
            "INVALID_CREDENTIALS" => self.secret.clone().map(|name| (Part::Credential, name)),
            "WRONG_ADDRESS" | "HOST_UNKNOWN" | "UNREACHABLE" | "TLS_FAILED" | "ADDRESS_REFUSED" => self.address_field(),
            _ => None,
        };
        TrialFailure {
            code,
            message: self.scrubbed(error.message()),
            advice: advice.to_owned(),
            field,
            remote_message: error.remote_message().map(|text| self.scrubbed(text)),
        }
    }

    fn address_field(&self) -> Option<(Part, String)> {
        self.address.clone().map(|name| (Part::Setting, name))
    }
}

const fn about_credentials(reason: Option<CredentialReason>) -> &'static str {
    match reason {
        Some(CredentialReason::Expired) => {
            "The credentials have run out. Make new ones in the system, as the steps above say."
        }
        Some(CredentialReason::Revoked) => {
            "The credentials were withdrawn in the system. Make new ones, as the steps above say."
        }
        Some(CredentialReason::MissingScope) => {
            "The credentials do not cover what is needed. Make new ones with the rights that the steps above name."
        }
        Some(CredentialReason::InvalidCredentials) | None => {
            "The user name, password or key is wrong. Check them for missing characters and blanks. Do not try too \
             often: many systems lock the account."
        }
    }
}

pub(super) fn no_connector(connector: &str) -> TrialFailure {
    TrialFailure {
        code: "CONNECTOR_UNKNOWN",
        message: format!(
            "there is no connector `{}`",
            connector.chars().take(100).collect::<String>()
        ),
        advice: "Choose one of the systems that are offered.".to_owned(),
        field: None,
        remote_message: None,
    }
}

pub(super) fn internal() -> TrialFailure {
    TrialFailure {
        code: "INTERNAL",
        message: "the trial could not be made".to_owned(),
        advice: "Try again; if it stays so, tell whoever sent you the link.".to_owned(),
        field: None,
        remote_message: None,
    }
}

/// Returns how a credential may turn up in a text: as it is, as JSON, as a form and in base64.
fn forms_of(value: &str) -> [String; 4] {
    let json = serde_json::Value::from(value).to_string();
    let json = json.trim_matches('"').to_owned();
    let form = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    [value.to_owned(), json, form, STANDARD.encode(value)]
}
