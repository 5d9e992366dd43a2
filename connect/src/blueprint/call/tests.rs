//! Tests of planned requests: what values can do to paths and addresses.
#![allow(clippy::unwrap_used, reason = "tests")]
use serde_json::json;
use url::Url;

use super::*;
use crate::template::{SecretMap, Variables};

fn plan(path: &str, value: &str) -> RequestPlan {
    let request: manifest::Request = serde_json::from_value(json!({ "path": path })).unwrap();
    let known = Known {
        connection: ["settings.value".to_owned()].into(),
        own: &["key"],
        ..Known::default()
    };
    let mut problems = Vec::new();
    let call = Call::compile(&request, true, &known, "", &mut problems).unwrap();
    assert!(problems.is_empty());
    let base = Base {
        url: TextTemplate::parse("https://erp.example.com/api/").unwrap(),
        headers: vec![("x-ours".to_owned(), TextTemplate::parse("1").unwrap())],
        query: Vec::new(),
        accept: None,
        is_database: false,
    };
    let settings = json!({ "value": value });
    let (credentials, session) = (SecretMap::new(), SecretMap::new());
    let variables = Variables {
        settings: settings.as_object().unwrap(),
        credentials: &credentials,
        session: &session,
    };
    let scope = Scope::new(&variables).with("key", value);
    call.plan(&base, &scope, &scope, Vec::new()).unwrap()
}

#[test]
fn no_value_leads_a_path_to_another_host() {
    let home = Url::parse("https://erp.example.com").unwrap();
    let hostile = [
        "//evil.example/x",
        r"\\evil.example\x",
        r"/\evil.example",
        r"https:\\evil.example",
        r"https:/\evil.example",
        "https:evil.example",
        "HTTPS://evil.example",
        "\thttps://evil.example",
        "ftp://evil.example",
        "@evil.example",
        ":x@evil.example",
        ":8443/x",
        ".evil.example",
        "?@evil.example",
        "#@evil.example",
    ];
    let templates = [
        "{{key}}",
        "/{{key}}",
        "//{{key}}",
        "orders/{{key}}/lines",
        "{{settings.value}}",
        "/{{settings.value}}",
        "orders{{settings.value}}",
    ];
    for template in templates {
        for value in hostile {
            let plan = plan(template, value);
            let url = Url::parse(&plan.url).unwrap();
            assert!(same_origin(&url, &home), "{template} with {value}: {url}");
        }
    }
    let by_key = plan("{{key}}", "https://evil.example/x");
    assert!(same_origin(&Url::parse(&by_key.url).unwrap(), &home));
}

#[test]
fn what_goes_to_an_address_of_the_settings_has_nothing_of_the_home() {
    assert!(plan("{{settings.value}}", "https://other.example/x").headers.is_empty());
    let same = plan("{{settings.value}}", "https://erp.example.com/x");
    assert_eq!(same.headers, [("x-ours".to_owned(), "1".to_owned())]);
}
