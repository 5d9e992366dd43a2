//! What of hostile paths is let through: nothing that leads elsewhere.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;

use super::{
    path::{CleanPath, Pattern},
    *,
};
use crate::{
    blueprint::tests::{compile, settings},
    template::SecretMap,
};

fn blueprint(raw: Value) -> Blueprint {
    let http =
        json!({"base_url": "https://erp.example.com/base/", "query": {"sap-client": "100"}, "headers": {"x-own": "1"}});
    compile("json_rest", json!({"raw": raw, "http": http}), json!({})).unwrap()
}

fn open() -> Value {
    json!({"methods": ["GET", "POST"], "paths": ["/data/**", "/one/*/rows"], "except": ["/**/$batch"], "reads": ["/data/*/search"]})
}

fn plan(blueprint: &Blueprint, request: &RawRequest) -> Result<RequestPlan, Error> {
    let settings = settings();
    let (credentials, session) = (SecretMap::new(), SecretMap::new());
    let variables = Variables {
        settings: &settings,
        credentials: &credentials,
        session: &session,
    };
    blueprint.plan_raw(request, &variables)
}

fn get(path: &str) -> RawRequest {
    RawRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        ..RawRequest::default()
    }
}

#[test]
fn what_is_allowed_goes_below_the_address() {
    let blueprint = blueprint(open());
    let mut request = get("/data/Orders('A B')/it%C3%A4ms;v=2/");
    request.query = vec![
        ("$filter".to_owned(), "a eq 'b&c'".to_owned()),
        ("SAP-Client".to_owned(), "200".to_owned()),
        ("empty".to_owned(), String::new()),
    ];
    let planned = plan(&blueprint, &request).unwrap();
    assert_eq!(
        planned.url,
        "https://erp.example.com/base/data/Orders('A%20B')/it%C3%A4ms;v=2/?sap-client=100&$filter=a%20eq%20%27b%26c%27&empty="
    );
    assert!(planned.headers.contains(&("x-own".to_owned(), "1".to_owned())));
    assert!(planned.repeatable);
}

#[test]
fn what_changes_something_is_not_repeatable() {
    let blueprint = blueprint(open());
    let post = |path: &str| RawRequest {
        method: "POST".to_owned(),
        body: Some(json!({"a": 1})),
        ..get(path)
    };
    assert!(!plan(&blueprint, &post("/data/Orders")).unwrap().repeatable);
    assert!(plan(&blueprint, &post("/data/Orders/search")).unwrap().repeatable);
    let body = RawRequest {
        method: "GET".to_owned(),
        ..post("/data/Orders")
    };
    assert!(blueprint.check_raw(&body).is_err());
    let method = RawRequest {
        method: "DELETE".to_owned(),
        ..get("/data/Orders")
    };
    assert!(blueprint.check_raw(&method).is_err());
}

#[test]
fn hostile_paths_are_refused() {
    let blueprint = blueprint(open());
    let hostile = [
        "data/Orders",
        "//evil.example/data/x",
        "/data//x",
        "/data/../admin",
        "/data/%2e%2e/admin",
        "/data/%2E%2E%2Fadmin",
        "/data/..%2fadmin",
        "/data/..%5cadmin",
        "/data/..\\admin",
        "/data/%252e%252e/admin",
        "/data/..;/admin",
        "/data/.%20./x",
        "/data/...",
        "/data/. ",
        "/data/x%00",
        "/data/x\r\nHost: evil",
        "/data/x%0d%0aHost:%20evil",
        "/data/x?y=1",
        "/data/x#y",
        "/data/%ff",
        "https://evil.example/data/x",
        "@evil.example/data/x",
        "/data/$batch",
        "/data/x/%24BATCH",
        "/data/$batch;x",
        "/data/$batch.",
        "/data/$batch%20",
        "/data/%20$BATCH%20.%3Bx=1",
        "/data/x;y/$batch%2e;",
        "/admin",
        "/one/a/b/rows",
        "/one/rows",
    ];
    for path in hostile {
        assert!(blueprint.check_raw(&get(path)).is_err(), "{path}");
        assert!(plan(&blueprint, &get(path)).is_err(), "{path}");
    }
    assert!(blueprint.check_raw(&get("/one/a/rows")).is_ok());
    assert!(blueprint.check_raw(&get("/data")).is_ok());
}

#[test]
fn an_envelope_carries_the_request() {
    let blueprint = blueprint(json!({
        "methods": ["POST"], "paths": ["/call/*/*"], "reads": ["/call/*/read"],
        "envelope": {"path": "/rpc", "body": {
            "db": "{{settings.database}}", "model": "{{raw.segments.1}}", "method": "{{raw.segments.2}}",
            "args": "{{raw.body.args}}", "none": "{{raw.body.none}}",
        }},
    }));
    let request = RawRequest {
        method: "POST".to_owned(),
        body: Some(json!({"args": [[1, 2], "{{settings.base_url}}"]})),
        ..get("/call/res.partner/read")
    };
    let planned = plan(&blueprint, &request).unwrap();
    assert_eq!(planned.url, "https://erp.example.com/base/rpc?sap-client=100");
    let RequestBody::Json(body) = &planned.body else {
        panic!()
    };
    let body: Value = serde_json::from_str(body).unwrap();
    let wanted =
        json!({"db": "main", "model": "res.partner", "method": "read", "args": [[1, 2], "{{settings.base_url}}"]});
    assert_eq!(body, wanted);
    assert!(planned.repeatable);
}

fn of_connector(id: &str) -> Blueprint {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../connectors")
        .join(id);
    let (manifest, _) = crate::manifest::load::load_folder(&folder).unwrap();
    Blueprint::compile(manifest, lineshaft_schema::Catalogue::unified().unwrap()).unwrap()
}

#[test]
fn the_lists_of_connectors_are_not_passed_by() {
    let forbidden: [(&str, &[&str]); 5] = [
        (
            "dynamics-365-fo",
            &[
                "/data/$batch",
                "/data/$batch;x",
                "/data/$batch.",
                "/data/$batch%20",
                "/data/x/$Batch%20.;a",
            ],
        ),
        (
            "sap-s4hana",
            &[
                "/sap/opu/odata/sap/A/$batch",
                "/sap/opu/odata/sap/A;v=2/$batch;x",
                "/sap/opu/odata4/sap/A/$batch.",
                "/sap/opu/odata/sap/A/$BATCH%20%20",
            ],
        ),
        (
            "limble",
            &[
                "/webhooks/1",
                "/webhooks;x/1",
                "/apikeys./1",
                "/apikeys%20",
                "/v2/WebHooks%20;/1",
                "/%20webhooks",
            ],
        ),
        (
            "tryton",
            &[
                "/model/res.user/set_password",
                "/model/res/user.set_password",
                "/model/res.user.application/validate",
                "/model/res.user/application.validate",
                "/model/res/user.application.validate",
                "/model/res.user.application.x/validate",
                "/model/Res.User/Set_Password",
                "/model/party.party/read%20",
            ],
        ),
        (
            "odoo",
            &[
                "/call/res.users/change_password",
                "/call/res.users%20/change_password",
                "/call/res.users;x/change_password",
                "/call/ir.config_parameter./get_param",
                "/call/res/users.change_password",
            ],
        ),
    ];
    for (id, paths) in forbidden {
        let blueprint = of_connector(id);
        for path in paths {
            let request = RawRequest {
                method: "POST".to_owned(),
                ..get(path)
            };
            assert!(blueprint.check_raw(&request).is_err(), "{id} {path}");
        }
    }
    for (id, path) in [
        ("dynamics-365-fo", "/data/VendorsV2"),
        ("sap-s4hana", "/sap/opu/odata/sap/API_PRODUCT_SRV/A_Product"),
        ("limble", "/assets"),
        ("tryton", "/model/res.user/get_preferences"),
        ("odoo", "/call/res.partner/search_read"),
    ] {
        let request = RawRequest {
            method: "POST".to_owned(),
            ..get(path)
        };
        assert!(of_connector(id).check_raw(&request).is_ok(), "{id} {path}");
    }
}

#[test]
fn what_is_excepted_is_compared_with_what_is_called() {
    let raw = |paths: &str, except: &str| {
        json!({
            "methods": ["POST"], "paths": [paths], "except": [except],
            "called": "model.{{raw.segments.1}}.{{raw.segments.2}}",
            "envelope": {"path": "/rpc", "body": {"method": "{{raw.called}}"}},
        })
    };
    let post = |path: &str| RawRequest {
        method: "POST".to_owned(),
        ..get(path)
    };
    // Without names the list alone keeps what is called from being said otherwise.
    let blueprint = blueprint(raw("/model/**", "model.res.user.set_*"));
    for path in [
        "/model/res.user/set_password",
        "/model/res/user.set_password",
        "/model/RES/user.set_password",
        "/model/res.user",
    ] {
        assert!(blueprint.check_raw(&post(path)).is_err(), "{path}");
    }
    let planned = plan(&blueprint, &post("/model/res.user/read")).unwrap();
    assert_eq!(
        planned.body,
        RequestBody::Json(r#"{"method":"model.res.user.read"}"#.to_owned())
    );
    for (paths, except) in [("/model/{names}", "model.x"), ("/model/*", "model/x")] {
        let problems = compile("json_rest", json!({"raw": raw(paths, except)}), json!({})).unwrap_err();
        assert!(problems[0].pointer.starts_with("/raw/"), "{problems:?}");
    }
}

#[test]
fn what_is_called_may_stand_in_the_body() {
    let blueprint = blueprint(json!({
        "methods": ["POST"], "paths": ["/Find", "/Add"], "reads": ["/Find"], "except": ["*apikey*"],
        "called": ["{{raw.body.class}}", "{{raw.body.object.class}}"],
        "envelope": {"path": "/rpc", "body": {"...": "{{raw.body}}", "kind": "{{raw.segments.0}}", "class": "{{raw.called}}"}},
    }));
    let post = |path: &str, body: Value| RawRequest {
        method: "POST".to_owned(),
        body: Some(body),
        ..get(path)
    };
    let sent = plan(&blueprint, &post("/Find", json!({"class": "Asset", "kind": "Batch"}))).unwrap();
    let RequestBody::Json(text) = sent.body else { panic!() };
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({"class": "Asset", "kind": "Find"})
    );
    assert!(sent.repeatable);
    let below = json!({"class": "Asset", "filter": {"Class": "ApiKey", "KIND": 1}});
    assert!(
        blueprint.check_raw(&post("/Find", below)).is_ok(),
        "elsewhere names are free"
    );
    let whole = json!({"class": "Asset", "object": {"class": "Asset", "id": 1}});
    assert!(!plan(&blueprint, &post("/Add", whole)).unwrap().repeatable);
    for hostile in [
        json!({}),
        json!({"class": ""}),
        json!({"class": null}),
        json!({"class": ["Asset"]}),
        json!({"class": {"a": 1}}),
        json!({"class": "ApiKey"}),
        json!({"class": "myAPIKEYs"}),
        json!({"class": "Api Key"}),
        json!({"class": "Asset;ApiKey"}),
        json!({"class": "Asset", "object": {"class": "ApiKey"}}),
        json!({"class": "Asset", "object": {"class": "Api\u{ad}Key"}}),
        json!("ApiKey"),
        json!([{"class": "Asset"}]),
        json!([{"class": "Asset"}, {"class": "ApiKey"}]),
        json!({"class": "Asset", "object": [{"class": "Asset"}, {"class": "ApiKey"}]}),
        json!({"class": "Asset", "Class": "ApiKey"}),
        json!({"class": "Asset", "cla\u{17f}s": "ApiKey"}),
        json!({"class": "Asset", "OBJECT": {"class": "ApiKey"}}),
        json!({"class": "Asset", "object": {"class": "Asset", "CLASS": "ApiKey"}}),
        json!({"class": "Asset", "Kind": "Delete"}),
    ] {
        assert!(
            blueprint.check_raw(&post("/Find", hostile.clone())).is_err(),
            "{hostile}"
        );
    }
    assert!(
        blueprint
            .check_raw(&RawRequest {
                method: "POST".to_owned(),
                ..get("/Find")
            })
            .is_err()
    );
}

#[test]
fn an_envelope_has_the_method_of_the_request() {
    let of = |envelope: Value| {
        blueprint(json!({"methods": ["GET", "POST", "PUT", "DELETE"], "paths": ["/**"], "envelope": envelope}))
    };
    let method = |blueprint: &Blueprint, method: &str| {
        let request = RawRequest {
            method: method.to_owned(),
            ..get("/a")
        };
        plan(blueprint, &request).unwrap().method.to_string()
    };
    let bare = of(json!({"path": "/x/{{raw.segments.0}}"}));
    let full = of(json!({"path": "/x", "body": {"of": "{{raw.path}}"}}));
    let own = of(json!({"method": "POST", "path": "/x", "body": {"of": "{{raw.path}}"}}));
    for (sent, expected) in [("GET", "GET"), ("POST", "POST"), ("PUT", "PUT"), ("DELETE", "DELETE")] {
        assert_eq!(method(&bare, sent), expected);
        assert_eq!(method(&own, sent), "POST");
        let with_body = if sent == "GET" { "POST" } else { expected };
        assert_eq!(method(&full, sent), with_body);
    }
}

#[test]
fn systems_without_a_list_take_nothing() {
    let blueprint = compile("json_rest", json!({}), json!({})).unwrap();
    assert!(!blueprint.allows_raw());
    assert!(blueprint.check_raw(&get("/data")).is_err());
}

#[test]
fn patterns_match_whole_paths() {
    let fits = |pattern: &str, path: &str| Pattern::parse(pattern).matches(CleanPath::parse(path).unwrap().segments());
    for (pattern, path, wanted) in [
        ("/**", "/", true),
        ("/**", "/a/b", true),
        ("/a/**/z", "/a/z", true),
        ("/a/**/z", "/a/b/c/z", true),
        ("/a/**/z", "/a/b/c", false),
        ("/a*c", "/abc", true),
        ("/a*c", "/ac", true),
        ("/a*c", "/a/c", false),
        ("/API_*_SRV/**", "/API_X_SRV/A('1')", true),
        ("/a*b*c", "/aXbYcZ", false),
        ("/aa*aa", "/aaa", false),
        ("/*", "/", false),
        ("/a/{name}", "/a/set_1", true),
        ("/a/{name}", "/a/b.c", false),
        ("/a/{name}", "/a/b%20", false),
        ("/a/{name}", "/a", false),
    ] {
        assert_eq!(fits(pattern, path), wanted, "{pattern} {path}");
    }
}

proptest! {
    #[test]
    fn no_path_leads_elsewhere(path in "[/.%25feEFcC\\\\;?#@: a\r\n\u{2028}$-]{0,40}", start in "(/|/data/|//|)") {
        let blueprint = blueprint(open());
        if let Ok(planned) = plan(&blueprint, &get(&format!("{start}{path}"))) {
            let url = Url::parse(&planned.url).unwrap();
            prop_assert_eq!(url.host_str(), Some("erp.example.com"));
            prop_assert!(url.path().starts_with("/base/data") || url.path().starts_with("/base/one"), "{}", url);
            let decoded = percent_encoding::percent_decode_str(url.path()).decode_utf8().unwrap().to_string();
            prop_assert!(!decoded.split('/').any(|part| matches!(part, "." | "..")), "{}", decoded);
            prop_assert!(!decoded.contains(['\\', '\r', '\n']));
        }
    }

    #[test]
    fn a_clean_path_stays_as_it_is(path in "/[a-zA-Z0-9%'();=,. äß-]{0,30}") {
        if let Ok(clean) = CleanPath::parse(&path) {
            prop_assert_eq!(CleanPath::parse(clean.encoded()).unwrap(), clean);
        }
    }
}
