//! Tests of forms: kinds of settings, ways to sign in, problems told by field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use serde_json::json;

use super::*;

fn manifest() -> (IndexMap<String, SettingField>, Vec<Auth>) {
    let settings = json!({
        "base_url": {"type": "url", "label": "Address", "required": true, "help": "As in the browser."},
        "client": {"type": "text", "label": "Client", "required": true, "default": "100", "pattern": "[0-9]{3}", "example": "100"},
        "edition": {"type": "choice", "label": "Edition", "choices": ["cloud", "server"]},
        "zone": {"type": "time_zone", "label": "Zone"},
        "port": {"type": "integer", "label": "Port"},
        "strict": {"type": "boolean", "label": "Strict"},
    });
    let auth = json!([
        {"id": "key", "label": "API key", "credentials": {"api_key": {"label": "Key", "pattern": "k-.+"}},
            "kind": {"headers": {"headers": {"x-key": "{credential.api_key}"}}}},
        {"id": "password", "label": "User and password",
            "credentials": {"username": {"label": "User", "secret": false}, "password": {"label": "Password"}},
            "kind": {"basic": {"username": "{credential.username}", "password": "{credential.password}"}}},
    ]);
    (
        serde_json::from_value(settings).unwrap(),
        serde_json::from_value(auth).unwrap(),
    )
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn settings(given: Value) -> (Map<String, Value>, Vec<String>) {
    let mut problems = Vec::new();
    let checked = check_settings(&manifest().0, &object(given), &mut problems);
    (checked, problems.iter().map(ToString::to_string).collect())
}

fn credentials(given: Value) -> (Option<String>, Vec<String>) {
    let mut problems = Vec::new();
    let ways = manifest().1;
    let chosen = check_credentials(&ways, &object(given), &mut problems).map(|way| way.id.clone());
    (chosen, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn settings_get_their_kinds() {
    let (checked, problems) = settings(json!({
        "base_url": "https://erp.example.com/path/", "client": "200", "edition": "cloud", "zone": "Europe/Berlin",
        "port": "8080", "strict": "true",
    }));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(
        Value::Object(checked),
        json!({"base_url": "https://erp.example.com/path", "client": "200", "edition": "cloud", "zone": "Europe/Berlin",
            "port": 8080, "strict": true})
    );
}

#[test]
fn every_problem_of_settings_is_told_by_field() {
    let (_, problems) = settings(json!({
        "bas_url": "https://x", "client": "12", "edition": "other", "zone": "Berlin", "port": "x", "strict": "maybe",
    }));
    assert_eq!(
        problems,
        [
            "setting `bas_url`: the connector has no such setting, did you mean `base_url`?",
            "setting `base_url`: Address is missing. As in the browser.",
            "setting `client`: `12` does not have the expected form, such as 100",
            "setting `edition`: `other` is not one of cloud, server",
            "setting `zone`: `Berlin` is not a time zone such as Europe/Berlin",
            "setting `port`: `x` is not a whole number",
            "setting `strict`: `maybe` is neither true nor false",
        ]
    );
}

#[test]
fn addresses_are_plain_web_addresses() {
    for address in [
        "erp.example.com",
        "ftp://erp",
        "https://user:hunter2@erp",
        "https://erp/?a=1",
        "https://erp/#x",
    ] {
        let (_, problems) = settings(json!({"base_url": address}));
        assert_eq!(problems.len(), 1, "{address}: {problems:?}");
        assert!(!problems.concat().contains("hunter2"));
    }
}

#[test]
fn the_first_way_whose_credentials_are_given_is_chosen() {
    assert_eq!(credentials(json!({"api_key": "k-1"})).0.as_deref(), Some("key"));
    assert_eq!(
        credentials(json!({"username": "u", "password": "p"})).0.as_deref(),
        Some("password")
    );
    assert_eq!(
        credentials(json!({"username": "u", "password": "p", "api_key": ""}))
            .0
            .as_deref(),
        Some("password")
    );
}

#[test]
fn missing_and_wrong_credentials_are_told_without_their_values() {
    let (chosen, problems) = credentials(json!({"username": "u"}));
    assert_eq!(
        (chosen, problems),
        (None, vec!["credential `password`: Password is missing".to_owned()])
    );
    let (_, problems) = credentials(json!({}));
    assert_eq!(
        problems,
        [
            "credentials are missing for one of these ways to sign in: API key (api_key); User and password (username and password)"
        ]
    );
    let (_, problems) = credentials(json!({"api_key": "hunter2", "pasword": "hunter2", "username": 7}));
    assert_eq!(
        problems,
        [
            "credential `api_key`: it does not have the expected form",
            "credential `pasword`: the connector has no such credential, did you mean `password`?",
            "credential `username`: it must be a text",
        ]
    );
}
