//! What a trial says about failures, and what it never says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use lineshaft_connect::{CredentialReason, manifest::Manifest, template::SecretMap};
use serde_json::json;

use super::*;

fn manifest() -> Manifest {
    serde_json::from_value(json!({
        "manifest": 1, "id": "tried", "version": "1", "name": "Tried", "description": "A system.",
        "categories": ["erp"], "tier": 1, "deployments": ["cloud"],
        "settings": {
            "company": {"type": "text", "label": "Company"},
            "base_url": {"type": "url", "label": "Address", "required": true},
        },
        "auth": [{
            "id": "password", "label": "Password",
            "credentials": {"username": {"label": "User", "secret": false}, "password": {"label": "Password"}},
            "kind": {"basic": {"username": "{{credentials.username}}", "password": "{{credentials.password}}"}},
        }],
        "http": {"base_url": "{{settings.base_url}}"},
        "probe": {"request": {"path": "/me"}},
        "protocol": "json_rest",
    }))
    .unwrap()
}

fn words() -> Words {
    let given = SecretMap::from_iter([("username", "clerk"), ("password", r#"hunter"2 & co"#)]);
    Words::new(&manifest(), &given, &SecretMap::new())
}

#[test]
fn every_failure_has_a_code_advice_and_the_field_to_look_at() {
    let address = Some((Part::Setting, "base_url".to_owned()));
    let password = Some((Part::Credential, "password".to_owned()));
    for (kind, message, code, field) in [
        (
            ErrorKind::InvalidCredentials,
            "refused",
            "INVALID_CREDENTIALS",
            password,
        ),
        (ErrorKind::PermissionDenied, "no", "PERMISSION_DENIED", None),
        (
            ErrorKind::Network,
            "the name of the host is not known",
            "HOST_UNKNOWN",
            address.clone(),
        ),
        (ErrorKind::Network, "cannot connect", "UNREACHABLE", address.clone()),
        (ErrorKind::Tls, "certificate", "TLS_FAILED", address.clone()),
        (
            ErrorKind::MalformedResponse,
            "a web page",
            "WRONG_ADDRESS",
            address.clone(),
        ),
        (ErrorKind::NotFound, "nothing there", "WRONG_ADDRESS", address.clone()),
        (ErrorKind::Timeout, "slow", "TIMEOUT", None),
        (
            ErrorKind::InvalidSettings,
            "the network of 10.0.0.1 is not allowed",
            "ADDRESS_REFUSED",
            address,
        ),
        (
            ErrorKind::InvalidSettings,
            "the setting is missing",
            "INVALID_SETTINGS",
            None,
        ),
    ] {
        let failure = words().failure(&Error::new(kind, message));
        assert_eq!(
            (failure.code, failure.message.as_str(), failure.field),
            (code, message, field)
        );
        assert!(failure.advice.ends_with('.'), "{}", failure.advice);
    }
    let expired = Error::new(ErrorKind::InvalidCredentials, "refused").with_reason(Some(CredentialReason::Expired));
    assert!(words().failure(&expired).advice.contains("run out"));
}

#[test]
fn credentials_that_the_system_repeats_are_hidden_in_every_form() {
    let error = Error::new(ErrorKind::InvalidCredentials, "refused").with_remote(
        None,
        Some(format!(
            r#"user clerk with hunter"2 & co, hunter\"2 & co, hunter%222+%26+co, {}"#,
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, r#"hunter"2 & co"#)
        )),
    );
    let told = words().failure(&error).remote_message.unwrap();
    assert_eq!(told, "user clerk with •••, •••, •••, •••");
}

#[test]
fn entities_are_named_in_words() {
    assert_eq!(label_of("PurchaseOrderLine"), "Purchase order line");
}
