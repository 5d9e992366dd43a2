//! Tests of replays: what holds is silent, and every difference is told with its place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use serde_json::json;

use super::*;
use crate::{
    blueprint::tests::compile,
    manifest::load::{load_folder, specs, specs_of_files},
};

/// A small system with vendors and orders that can be written.
fn blueprint() -> Blueprint {
    let more = json!({
        "errors": [
            {"when": {"status": 400, "body": [{"path": "code", "equals": "MISSING"}]}, "kind": "invalid_request",
             "rule": "required", "field": "field", "message": ["message"], "code": "code"},
            {"when": {"status": 404, "body": [{"path": "code", "equals": "NOTHING"}]}, "kind": "not_found", "nothing_found": true}
        ],
        "list": {
            "request": {"path": "/{{resource.remote}}", "query": {"limit": "{{limit}}", "offset": "{{offset}}", "sort": "{{order}}"}},
            "records": "rows", "paging": {"offset": {}}, "page_size": 2, "max_page_size": 50, "count": {"path": "total"}
        },
        "get_many": {"via": "each", "request": {"path": "/{{resource.remote}}/{{key}}"}}
    });
    let vendor = json!({
        "remote": "vendors", "key": "id",
        "fields": {"name": {"path": "name", "filter": {"parameters": {"eq": {"name": "name"}}}, "sort": true}, "number": "code"},
        "write": {
            "fields": {"name": {"required": true}, "number": true},
            "create": {"request": {"method": "POST", "path": "/vendors", "body": "{{row}}"}, "reply": {"record": ""}}
        }
    });
    compile("json_rest", more, json!({"Vendor": vendor})).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn told(spec: &str) -> Vec<String> {
    let text = format!("type: Vendor\nabout: it\n{spec}");
    let specs = specs_of_files([("specs/vendor.yaml", text.as_str())]);
    let specs = specs.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let problems = check_specs(&blueprint(), &specs);
    problems.iter().map(ToString::to_string).collect()
}

fn refused(spec: &str) -> Vec<String> {
    let problems = specs_of_files([("specs/vendor.yaml", spec)]).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

const PAGE: &str = "
asked: {first: 2, order: {name: descending}, at: {offset: 2}, filter: {name: {eq: Bolts}}}
request: {method: GET, path: /api/vendors, query: {offset: 2, limit: 2, name: Bolts}}
answer: {status: 200, body: {total: 7, rows: [{id: 3, name: Bolts, code: B}, {id: 4, name: Bolts}]}}
";

#[test]
fn a_page_of_a_list_is_replayed_with_its_request() {
    let expect =
        "expect: {records: [{remoteId: 3, name: Bolts, number: B}, {remoteId: 4}], next: {offset: 4}, count: 7}";
    let settings = "settings: {base_url: 'https://erp.example/api'}";
    assert_eq!(told(&format!("{settings}{PAGE}{expect}")), Vec::<String>::new());
}

#[test]
fn every_difference_of_a_page_is_told_with_its_place() {
    let expect = "expect: {records: [{remoteId: 3, name: Nuts}], next: end, count: 8}";
    let told = told(&format!(
        "settings: {{base_url: 'https://erp.example/v2'}}{PAGE}{expect}"
    ));
    let expected = [
        "specs/vendor.yaml:5:30: request.path: expected \"/api/vendors\", sent is \"/v2/vendors\" (about: it)",
        "specs/vendor.yaml:7:66: expect.count: expected 8, found 7 (about: it)",
        "specs/vendor.yaml:7:54: expect.next: expected \"end\", found {\"offset\":4} (about: it)",
        "specs/vendor.yaml:7:10: expect.records: expected 1 records, found 2: [\"3\",\"4\"] (about: it)",
        "specs/vendor.yaml:7:40: expect.records.0.name: expected \"Nuts\", found \"Bolts\" (about: it)",
    ];
    for line in &expected {
        assert!(told.iter().any(|told| told == line), "{line}\n{told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn a_record_that_is_missing_is_an_empty_page_or_the_refusal_that_it_is() {
    let asked = "of: look_up\nasked: {keys: [9]}\nrequest: {path: /vendors/9}\nanswer: {status: 404}\n";
    let settings = "settings: {base_url: 'https://erp.example'}\n";
    assert_eq!(
        told(&format!("{settings}{asked}expect: {{records: []}}")),
        Vec::<String>::new()
    );
    let as_refusal = format!("{settings}{asked}expect: {{error: {{kind: not_found, code: NOT_FOUND}}}}");
    assert_eq!(told(&as_refusal), Vec::<String>::new());
    let found = "of: look_up\nasked: {keys: [9]}\nanswer: {status: 200, body: {id: 9, name: A}}\nexpect: {records: [{name: A}]}";
    assert_eq!(told(found), Vec::<String>::new());
}

#[test]
fn a_refusal_that_means_nothing_is_an_empty_page() {
    let spec = "answer: {status: 404, body: {code: NOTHING}}\nexpect: {records: [], next: end}";
    assert_eq!(told(spec), Vec::<String>::new());
}

const REFUSED: &str = "of: create
asked: {input: {name: A}}
request: {method: POST, body: {name: A}}
answer: {status: 400, body: {code: MISSING, field: name, message: A name is needed}}
";

#[test]
fn a_refused_write_tells_what_clients_are_told() {
    let right = "expect: {error: {kind: invalid_request, code: REQUIRED, rule: required, field: name, path: [name], message: A name is needed, remote_code: MISSING}}";
    assert_eq!(told(&format!("{REFUSED}{right}")), Vec::<String>::new());
    let wrong = "expect: {error: {kind: conflict, code: DUPLICATE, rule: duplicate, field: code, path: [number]}}";
    let told = told(&format!("{REFUSED}{wrong}"));
    assert_eq!(told.len(), 5, "{told:#?}");
    let expected = "expect.error.code: expected \"DUPLICATE\", found \"REQUIRED\" (about: it)";
    assert!(told.iter().any(|told| told.ends_with(expected)), "{told:#?}");
}

#[test]
fn a_new_record_tells_its_key() {
    let made = "of: create\nasked: {input: {name: A, number: B}}\nrequest: {body: {name: A, code: B, other: ~}}\nanswer: {status: 201, body: {id: 5}}\n";
    assert_eq!(told(&format!("{made}expect: {{key: 5}}")), Vec::<String>::new());
    let told = told(&format!("{made}expect: {{key: 6}}"));
    assert!(
        told.iter()
            .any(|told| told.contains("expect.key: expected \"6\", found \"5\"")),
        "{told:#?}"
    );
}

#[test]
fn successes_and_failures_are_not_taken_for_each_other() {
    let success = told("answer: {status: 200, body: {rows: []}}\nexpect: {error: {kind: not_found}}");
    assert!(
        success.iter().any(|told| told.contains("the answer is no refusal")),
        "{success:#?}"
    );
    let failure = told("answer: {status: 503}\nexpect: {records: []}");
    assert!(
        failure
            .iter()
            .any(|told| told.contains("answer: the answer is a failure, unavailable")),
        "{failure:#?}"
    );
    let unread = told("answer: {status: 200, body: {lines: []}}\nexpect: {error: {kind: malformed_response}}");
    assert_eq!(unread, Vec::<String>::new());
}

#[test]
fn a_probe_tells_the_account() {
    let probe = "of: probe\nrequest: {path: /who}\nanswer: {status: 200, body: {user: {name: ada}}}\nsettings: {base_url: 'https://erp.example'}\n";
    assert_eq!(told(&format!("{probe}expect: {{account: ada}}")), Vec::<String>::new());
    assert_eq!(told(&format!("{probe}expect: {{account: bob}}")).len(), 1);
}

#[test]
fn specs_that_do_not_hold_together_are_told() {
    for (spec, message) in [
        ("about: a\n", "a spec shows a `row`, an `answer` or a `request`"),
        ("about: a\nrow: {}\nexpect: {}\n", "`type` is missing"),
        (
            "about: a\ntype: Vendor\nrow: {}\nanswer: {status: 200}\nexpect: {}\n",
            "`answer` belongs to an answer",
        ),
        ("about: a\ntype: Vendor\nanswer: {status: 200}\n", "`expect` is missing"),
        (
            "about: a\ntype: Vendor\nrequest: {}\nexpect: {records: []}\n",
            "there is no `answer`",
        ),
        (
            "about: a\nanswer: {status: 200}\nexpect: {records: []}\n",
            "`type` is missing",
        ),
        (
            "about: a\nanswer: {status: 400}\nexpect: {error: {kind: wrong}}\n",
            "unknown word `wrong`",
        ),
        (
            "about: a\ntype: Vendor\nanswer: {status: 200}\nexpect: {rows: []}\n",
            "unknown key `rows`",
        ),
    ] {
        let told = refused(spec);
        assert!(told.iter().any(|told| told.contains(message)), "{message}: {told:#?}");
    }
    let told = told("asked: {filter: {nme: {eq: A}}}\nrequest: {method: GET}\n");
    assert!(
        told[0].starts_with("specs/vendor.yaml:3:") && told[0].contains("unknown field `nme`"),
        "{told:#?}"
    );
}

#[test]
fn what_would_not_be_compared_is_refused_with_its_place() {
    let answer = "type: Vendor\nanswer: {status: 200, body: {id: 5}}\n";
    for (spec, expected) in [
        (
            "of: create\nexpect: {records: [{name: wrong}]}\n",
            "expect.records: is not compared",
        ),
        ("of: count\nexpect: {records: []}\n", "expect.records: is not compared"),
        ("of: probe\nexpect: {key: 5}\n", "expect.key: is not compared"),
        ("expect: {key: 5}\n", "expect.key: is not compared"),
        (
            "expect: {records: [], error: {kind: not_found}}\n",
            "expect.records: is not compared beside `error`",
        ),
        (
            "of: look_up\nasked: {keys: [5], filter: {name: {eq: A}}}\nexpect: {records: []}\n",
            "asked.filter: changes nothing",
        ),
        (
            "of: sign_in\nasked: {first: 5}\nexpect: {session: {}}\n",
            "asked.first: changes nothing",
        ),
        (
            "asked: {order: {name: ascending, number: ascending}}\nexpect: {records: []}\n",
            "asked.order: a list is sorted by one field",
        ),
        (
            "asked: {at: end}\nexpect: {records: []}\n",
            "asked.at: no page starts at the end",
        ),
        (
            "request: {body: ~}\nexpect: {records: []}\n",
            "request.body: is not compared",
        ),
    ] {
        let told = refused(&format!("about: a\n{answer}{spec}"));
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told.iter().all(|told| told.contains(expected)), "{expected}: {told:#?}");
    }
}

#[test]
fn a_member_that_is_sent_as_null_is_not_one_that_is_not_sent() {
    let expected = crate::manifest::SentRequest {
        body: json!({"name": "A", "code": null}),
        ..Default::default()
    };
    let sent = |body: Json| RequestPlan {
        method: http::Method::PATCH,
        url: "https://erp.example/vendors/5".to_owned(),
        headers: Vec::new(),
        body: crate::request::RequestBody::Json(body.to_string()),
        repeatable: false,
    };
    assert_eq!(request::compare(&expected, &sent(json!({"name": "A"}))).len(), 0);
    let told = request::compare(&expected, &sent(json!({"name": "A", "code": null})));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        told.first().map(|told| told.pointer.as_str()),
        Some("/request/body/code")
    );
}

#[test]
fn the_specs_of_built_in_connectors_hold() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors"));
    let mut told = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("manifest.yaml").is_file() {
            continue;
        }
        let (manifest, _) = load_folder(&path).unwrap();
        let blueprint = Blueprint::compile(manifest, lineshaft_schema::Catalogue::unified().unwrap()).unwrap();
        let problems = check_specs(&blueprint, &specs(&path).unwrap());
        told.extend(problems.iter().map(|problem| format!("{}: {problem}", path.display())));
    }
    assert_eq!(told, Vec::<String>::new());
}
