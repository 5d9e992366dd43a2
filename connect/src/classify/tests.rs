//! Tests of telling failures from successes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use serde_json::json;

use std::sync::LazyLock;

use chrono::DateTime;

use super::*;
use crate::blueprint::tests::compile;

fn header(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    headers
}

fn rules() -> crate::blueprint::Blueprint {
    let errors = json!([
        {"when": {"status": 200, "body": [{"path": "error.data.name", "equals": "odoo.exceptions.AccessDenied"}]}, "kind": "invalid_credentials"},
        {"when": {"body": [{"path": "error.code", "equals": [100]}]}, "kind": "session_expired"},
        {"when": {"status": [400, 422], "body": [{"path": "Error.reasonCode", "matches": "^BMXAA0024E"}]}, "kind": "permission_denied", "message": ["nothing", "Error.message"], "code": "Error.reasonCode"},
        {"when": {"status": 403, "headers": {"x-csrf-token": "(?i)^required$"}}, "kind": "session_expired"},
        {"when": {"status": 200, "content_type": "text/html"}, "kind": "unavailable"}
    ]);
    let http = json!({"base_url": "{{settings.base_url}}", "success": {"body": [{"path": "result", "present": true}]}});
    compile("json_rpc", json!({"errors": errors, "http": http}), json!({})).unwrap()
}

#[test]
fn rules_come_first() {
    let blueprint = rules();
    let kind = |status, headers: &HeaderMap, body: &str| {
        blueprint
            .classify(status, headers, body.as_bytes())
            .map(|error| error.kind())
    };
    let none = HeaderMap::new();
    assert_eq!(kind(200, &none, r#"{"result":[]}"#), None);
    assert_eq!(
        kind(
            200,
            &none,
            r#"{"error":{"data":{"name":"odoo.exceptions.AccessDenied"}}}"#
        ),
        Some(ErrorKind::InvalidCredentials)
    );
    assert_eq!(
        kind(200, &none, r#"{"error":{"code":100}}"#),
        Some(ErrorKind::SessionExpired)
    );
    assert_eq!(kind(200, &none, r#"{"result":[{"name":"\"error\""}]}"#), None);
    assert_eq!(kind(200, &none, r#"{"other":1}"#), Some(ErrorKind::MalformedResponse));
    assert_eq!(
        kind(403, &header("x-csrf-token", "Required"), ""),
        Some(ErrorKind::SessionExpired)
    );
    assert_eq!(kind(403, &none, ""), Some(ErrorKind::PermissionDenied));
    assert_eq!(
        kind(200, &header("content-type", "text/html; charset=utf-8"), "<p>"),
        Some(ErrorKind::Unavailable)
    );
    let body = r#"{"Error":{"statusCode":"400","reasonCode":"BMXAA0024E","message":"The action READ is not allowed\nTraceback (most recent call last):\n  File \"/opt/x.py\""}}"#;
    let error = blueprint.classify(400, &none, body.as_bytes()).unwrap();
    assert_eq!(
        (error.kind(), error.remote_code()),
        (ErrorKind::PermissionDenied, Some("BMXAA0024E"))
    );
    assert_eq!(error.remote_message(), Some("The action READ is not allowed"));
}

#[test]
fn statuses_have_their_meaning() {
    let kinds = [
        (204, None),
        (302, Some(ErrorKind::MalformedResponse)),
        (400, Some(ErrorKind::InvalidRequest)),
        (401, Some(ErrorKind::InvalidCredentials)),
        (403, Some(ErrorKind::PermissionDenied)),
        (404, Some(ErrorKind::NotFound)),
        (408, Some(ErrorKind::Timeout)),
        (409, Some(ErrorKind::Conflict)),
        (412, Some(ErrorKind::Conflict)),
        (413, Some(ErrorKind::InvalidRequest)),
        (429, Some(ErrorKind::RateLimited)),
        (500, Some(ErrorKind::Unavailable)),
        (503, Some(ErrorKind::Unavailable)),
    ];
    for (status, kind) in kinds {
        assert_eq!(
            built_in(status, &HeaderMap::new(), b"", &[]).map(|error| error.kind()),
            kind,
            "{status}"
        );
    }
    let page = built_in(200, &header("content-type", "text/html"), b"<html>", &[]).unwrap();
    assert_eq!(page.kind(), ErrorKind::MalformedResponse);
}

#[test]
fn waits_are_seconds_or_dates() {
    let wait = |headers: &HeaderMap, more: &[String]| built_in(429, headers, b"", more).unwrap().retry_after();
    assert_eq!(wait(&header("retry-after", "7"), &[]), Some(Duration::from_secs(7)));
    assert_eq!(
        wait(&header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), &[]),
        Some(Duration::ZERO)
    );
    assert_eq!(
        wait(&header("retry-after", "99999999999"), &[]),
        Some(Duration::from_secs(86_400))
    );
    assert_eq!(wait(&header("retry-after", "soon"), &[]), None);
    assert_eq!(
        wait(&header("x-ratelimit-ttl", "3"), &["X-RateLimit-TTL".to_owned()]),
        Some(Duration::from_secs(3))
    );
    let now = DateTime::from_timestamp(1_445_412_470, 0).unwrap();
    assert_eq!(
        wait_of("Wed, 21 Oct 2015 07:28:00 GMT", now),
        Some(Duration::from_secs(10))
    );
}

#[test]
fn remote_texts_lose_traces_and_paths() {
    let body = r#"{"name":"builtins.ValueError","message":"Invalid field 'x' on 'y' in /usr/lib/python3/odoo/fields.py","debug":"Traceback (most recent call last)"}"#;
    let error = built_in(500, &HeaderMap::new(), body.as_bytes(), &[]).unwrap();
    assert_eq!(error.remote_message(), Some("Invalid field 'x' on 'y' in …"));
    assert_eq!(clean(r"cannot open C:\inetpub\web.config now"), "cannot open … now");
    let body = r#"{"error":{"code":"005056A5","message":{"lang":"en","value":"Resource not found."}}}"#;
    let error = built_in(404, &HeaderMap::new(), body.as_bytes(), &[]).unwrap();
    assert_eq!(
        (error.remote_code(), error.remote_message()),
        (Some("005056A5"), Some("Resource not found."))
    );
    let page = built_in(503, &header("content-type", "text/html"), b"<html>secret</html>", &[]).unwrap();
    assert_eq!(page.remote_message(), None);
    assert_eq!(
        built_in(500, &HeaderMap::new(), b"plain text", &[])
            .unwrap()
            .remote_message(),
        None
    );
}

static REASONS: LazyLock<crate::blueprint::Blueprint> = LazyLock::new(|| {
    let errors = json!([
        {"when": {"status": 401, "body": [{"path": "code", "equals": "EXPIRED"}]}, "kind": "invalid_credentials", "reason": "expired"},
        {"when": {"status": 403, "body": [{"path": "code", "equals": "SCOPE"}]}, "kind": "permission_denied", "reason": "missing_scope"},
        {"when": {"body": [{"path": "code", "equals": "DEAD"}]}, "kind": "invalid_credentials", "reason": "revoked"},
        {"when": {"body": [{"path": "code", "equals": "OVER"}]}, "kind": "session_expired"}
    ]);
    compile("json_rpc", json!({"errors": errors}), json!({})).unwrap()
});

#[test]
fn rules_say_what_refusals_mean() {
    let blueprint = &*REASONS;
    let reason = |status, code: &str| {
        let body = json!({ "code": code }).to_string();
        let error = blueprint.classify(status, &HeaderMap::new(), body.as_bytes());
        error.and_then(|error| error.reason())
    };
    assert_eq!(reason(401, "EXPIRED"), Some(CredentialReason::Expired));
    assert_eq!(reason(401, "other"), Some(CredentialReason::InvalidCredentials));
    assert_eq!(reason(403, "SCOPE"), Some(CredentialReason::MissingScope));
    assert_eq!(
        reason(403, "other"),
        None,
        "a missing permission is no word about the credentials"
    );
    assert_eq!(reason(200, "DEAD"), Some(CredentialReason::Revoked));
    assert_eq!(reason(404, "other"), None);
}

#[test]
fn rules_cannot_take_busy_or_broken_systems_for_refusals() {
    let problems = |rule: serde_json::Value| match compile("json_rpc", json!({"errors": [rule]}), json!({})) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    for (rule, place) in [
        (
            json!({"when": {"status": 500}, "kind": "invalid_credentials"}),
            "/errors/0/when/status:",
        ),
        (
            json!({"when": {"status": [401, 429]}, "kind": "session_expired"}),
            "/errors/0/when/status:",
        ),
        (
            json!({"when": {"status": 404}, "kind": "not_found", "reason": "expired"}),
            "/errors/0/reason:",
        ),
    ] {
        let found = problems(rule);
        assert!(
            found.len() == 1 && found.iter().all(|problem| problem.starts_with(place)),
            "{found:?}"
        );
    }
    assert!(problems(json!({"when": {"status": 503}, "kind": "unavailable"})).is_empty());
}

#[test]
fn a_rule_that_names_status_500_and_more_tells_the_end_of_a_session() {
    let body = json!([{"path": "code", "equals": "ENDED"}]);
    let compiled = |rule: serde_json::Value| compile("json_rpc", json!({"errors": [rule]}), json!({}));
    let ended = compiled(json!({"when": {"status": [401, 500], "body": body}, "kind": "session_expired"})).unwrap();
    let kind = |status, code: &str| {
        let body = json!({ "code": code }).to_string();
        ended
            .classify(status, &HeaderMap::new(), body.as_bytes())
            .unwrap()
            .kind()
    };
    assert_eq!(kind(500, "ENDED"), ErrorKind::SessionExpired);
    assert_eq!(kind(500, "other"), ErrorKind::Unavailable);
    assert_eq!(kind(502, "ENDED"), ErrorKind::Unavailable);
    let error = ended.classify(500, &HeaderMap::new(), br#"{"code":"ENDED"}"#).unwrap();
    assert_eq!((error.reach(), error.reason()), (Reach::Answered, None));
    let silent = compiled(json!({"when": {"body": body}, "kind": "session_expired"})).unwrap();
    let error = silent.classify(500, &HeaderMap::new(), br#"{"code":"ENDED"}"#).unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for rule in [
        json!({"when": {"status": 500}, "kind": "session_expired"}),
        json!({"when": {"status": 503, "body": body}, "kind": "session_expired"}),
        json!({"when": {"status": 500, "body": body}, "kind": "invalid_credentials"}),
    ] {
        assert!(compiled(rule.clone()).is_err(), "{rule}");
    }
}

proptest::proptest! {
    #[test]
    fn busy_and_broken_systems_and_the_network_say_nothing_about_credentials(
        status in proptest::sample::select(&[429_u16, 500, 501, 502, 503, 504, 520, 599]),
        code in proptest::sample::select(&["EXPIRED", "SCOPE", "DEAD", "OVER", "invalid_grant", ""]),
        kind in proptest::sample::select(&[
            ErrorKind::RateLimited, ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Network, ErrorKind::Tls,
            ErrorKind::MalformedResponse, ErrorKind::ResponseTooLarge, ErrorKind::CircuitOpen, ErrorKind::DeadlineExceeded,
            ErrorKind::SessionExpired, ErrorKind::NotFound, ErrorKind::Internal,
        ]),
        any in proptest::sample::select(&[ErrorKind::InvalidCredentials, ErrorKind::PermissionDenied]),
    ) {
        let body = json!({ "code": code, "error": code, "message": "invalid credentials" }).to_string();
        let error = REASONS.classify(status, &HeaderMap::new(), body.as_bytes()).unwrap();
        proptest::prop_assert_eq!(error.reason(), None);
        proptest::prop_assert!(!matches!(error.kind(), ErrorKind::InvalidCredentials | ErrorKind::SessionExpired));
        let reason = Some(CredentialReason::Revoked);
        proptest::prop_assert_eq!(Error::new(kind, "x").with_reason(reason).reason(), None);
        proptest::prop_assert_eq!(Error::new(any, "x").with_reason(reason).with_status(status).reason(), None);
    }
}

#[test]
fn a_rule_of_the_business_comes_with_the_field_that_is_wrong() {
    let errors = json!([{
        "when": {"status": [400, 500], "body": [{"path": "error.code", "matches": "^PERIOD"}]},
        "kind": "invalid_request", "rule": "period_closed", "field": "error.target", "code": "error.code",
    }]);
    let blueprint = compile("json_rest", json!({ "errors": errors }), json!({})).unwrap();
    let none = HeaderMap::new();
    let body = r#"{"error":{"code":"PERIOD/1","target":"posting_date"}}"#;
    let error = blueprint.classify(500, &none, body.as_bytes()).unwrap();
    assert_eq!(
        (error.rule(), error.remote_field(), error.reach()),
        (Some(BusinessRule::PeriodClosed), Some("posting_date"), Reach::Answered)
    );
    assert!(!error.leaves_doubt());
    let other = blueprint
        .classify(500, &none, br#"{"error":{"code":"OTHER"}}"#)
        .unwrap();
    assert_eq!((other.rule(), other.remote_field()), (None, None));
    assert!(other.leaves_doubt());
}

#[test]
fn a_field_is_named_within_a_text() {
    let rules = |field: serde_json::Value| {
        let rule = json!({"when": {"status": 400}, "kind": "invalid_request", "field": field});
        compile("json_rest", json!({"errors": [rule]}), json!({}))
    };
    let named = |field: serde_json::Value, body: &str| {
        let error = rules(field).unwrap().classify(400, &HeaderMap::new(), body.as_bytes());
        error.unwrap().remote_field().map(str::to_owned)
    };
    let within = json!({"path": "message", "pattern": r"\((?<field>[a-z_]+)\)"});
    let body = r#"{"message":"A value is needed for 'Vendor' (partner_id)."}"#;
    assert_eq!(named(within.clone(), body).as_deref(), Some("partner_id"));
    assert_eq!(named(within, r#"{"message":"No"}"#), None);
    let problems = rules(json!({"path": "message", "pattern": "."})).unwrap_err();
    assert_eq!(problems[0].pointer, "/errors/0/field/pattern");
}

#[test]
fn a_rule_names_the_record_that_an_answer_speaks_of() {
    let rule = |pattern: &str| {
        json!([{
            "when": {"status": 404}, "kind": "not_found", "message": ["message"],
            "record": {"path": "message", "pattern": pattern},
        }])
    };
    let manifest = json!({ "errors": rule(r"(?<remote>[a-z.]+)\((?<key>\d+),\)") });
    let blueprint = compile("json_rest", manifest, json!({})).unwrap();
    let spoken = |body: &str| {
        let error = blueprint.classify(404, &HeaderMap::new(), body.as_bytes()).unwrap();
        error
            .spoken_of()
            .map(|record| (record.remote.clone(), record.key.clone()))
    };
    let known = spoken(r#"{"message": "gone (Record: res.partner(12,))"}"#);
    assert_eq!(known, Some(("res.partner".to_owned(), "12".to_owned())));
    assert_eq!(spoken(r#"{"message": "gone"}"#), None);
    assert_eq!(spoken("{}"), None);
    let problems = compile("json_rest", json!({ "errors": rule("(?<key>x)") }), json!({})).unwrap_err();
    assert!(problems[0].to_string().contains("no group `remote`"), "{problems:?}");
}

#[test]
fn a_rule_of_the_business_stands_beside_a_refusal() {
    let errors = json!([
        {"when": {"status": 400}, "kind": "unavailable", "rule": "locked"},
        {"when": {"status": 409}, "kind": "conflict", "rule": "locked", "field": "a..b"},
    ]);
    let problems = compile("json_rest", json!({ "errors": errors }), json!({})).unwrap_err();
    let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/errors/0/rule", "/errors/1/field"]);
}

#[test]
fn each_member_of_a_refusal_is_a_field_that_is_wrong() {
    let errors = json!([{
        "when": {"status": 422}, "kind": "invalid_request", "rule": "invalid_value",
        "field_keys": {"path": "errors", "rules": {"duplicate": "(?i)taken", "required": "(?i)blank"}, "except": ["status"]},
    }, {
        "when": {"status": 400}, "kind": "invalid_request", "field_keys": {},
    }]);
    let blueprint = compile("json_rest", json!({ "errors": errors }), json!({})).unwrap();
    let told = |status: u16, body: serde_json::Value| -> Vec<(String, String, Option<BusinessRule>)> {
        let error = blueprint
            .classify(status, &HeaderMap::new(), body.to_string().as_bytes())
            .unwrap();
        let fields = error.wrong_fields().iter();
        fields
            .map(|field| (field.name.clone(), field.message.clone(), field.rule))
            .collect()
    };
    let body = json!({"message": "no", "errors": {
        "status": ["error"], "name": ["has been taken", "is ugly"], "due": "is in the past", "count": 3,
        "lines": [{}, {"quantity": ["can't be blank"], "item": {"id": ["is gone"]}}],
    }});
    let own = |name: &str, message: &str, rule| (name.to_owned(), message.to_owned(), rule);
    assert_eq!(
        told(422, body.clone()),
        [
            own("name", "has been taken is ugly", Some(BusinessRule::Duplicate)),
            own("due", "is in the past", None),
            own("lines.1.quantity", "can't be blank", Some(BusinessRule::Required)),
            own("lines.1.item.id", "is gone", None),
        ]
    );
    let error = blueprint
        .classify(422, &HeaderMap::new(), body.to_string().as_bytes())
        .unwrap();
    assert_eq!(error.remote_message(), Some("has been taken is ugly"));
    assert_eq!(told(422, json!({"errors": "none"})), []);
    // The body itself; what is hostile is bounded.
    assert_eq!(told(400, json!({"ref": ["bad"]})), [own("ref", "bad", None)]);
    let many: serde_json::Map<String, serde_json::Value> =
        (0..500).map(|at| (format!("f{at}"), json!(["x"]))).collect();
    assert_eq!(told(400, many.into()).len(), 50);
    let deep = (0..50).fold(json!(["x"]), |inner, _| json!({ "a": inner }));
    assert_eq!(told(400, deep), []);
}

#[test]
fn a_body_tells_how_long_to_wait() {
    let rule = |kind: &str, wait: serde_json::Value| json!([{"when": {"status": [200, 429], "body": [{"path": "code", "equals": 1100}]}, "kind": kind, "wait": wait}]);
    let waits = |wait: serde_json::Value, header: Option<&str>, body: serde_json::Value| {
        let manifest = json!({ "errors": rule("rate_limited", wait) });
        let blueprint = compile("json_rest", manifest, json!({})).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("retry-after", header.parse().unwrap());
        }
        let error = blueprint.classify(200, &headers, body.to_string().as_bytes()).unwrap();
        error.retry_after()
    };
    let ms = json!({"path": "wait", "unit": "ms"});
    let body = |wait: serde_json::Value| json!({"code": 1100, "wait": wait});
    assert_eq!(
        waits(ms.clone(), None, body(json!(2500))),
        Some(Duration::from_millis(2500))
    );
    assert_eq!(
        waits(ms.clone(), Some("1"), body(json!("2500"))),
        Some(Duration::from_millis(2500))
    );
    assert_eq!(
        waits(ms.clone(), Some("9"), body(json!(2500))),
        Some(Duration::from_secs(9))
    );
    assert_eq!(
        waits(json!({"path": "wait"}), None, body(json!(7))),
        Some(Duration::from_secs(7))
    );
    for nothing in [json!(-1), json!("soon"), json!(null), json!({})] {
        assert_eq!(waits(ms.clone(), None, body(nothing)), None);
    }
    assert_eq!(
        waits(ms.clone(), None, body(json!(9e9))),
        Some(Duration::from_secs(86_400))
    );
    assert_eq!(waits(ms.clone(), None, body(json!(1e300))), None);
    let problems = compile("json_rest", json!({ "errors": rule("not_found", ms) }), json!({})).unwrap_err();
    assert_eq!(problems[0].pointer, "/errors/0/wait");
}
