//! Lists whose records are elements within rows, and lists that go on behind a member of their last row.

use http::HeaderMap;
use serde_json::json;

use super::*;
use crate::blueprint::tests::compile;

fn blueprint() -> Blueprint {
    let list = json!({
        "request": {"path": "/{{resource.remote}}", "query": {"cursor": "{{cursor}}", "limit": "{{limit}}"}},
        "paging": {"last_row": "place.number"}, "page_size": 2, "count": {"path": "total"}, "records": "rows"
    });
    let resources = json!({
        "Meter": {
            "remote": "assets", "key": ["asset", "meters.name"], "list": {"each": "meters"},
            "fields": {"name": "meters.name", "asset": "asset", "lastReading": "meters.last"}
        }
    });
    compile("json_rest", json!({"list": list}), resources).unwrap()
}

#[test]
fn rows_that_would_be_repeated_without_end_are_refused() {
    let blueprint = blueprint();
    let meters = resource(&blueprint, "Meter");
    let named: Vec<_> = (0..3_000).map(|at| json!({ "name": format!("M{at}") })).collect();
    let body = json!({"rows": [{"asset": "P-1", "meters": named, "others": vec![0; 3_000], "place": {"number": 11}}]});
    let read = meters.read_page(&list("Meter"), body.to_string().as_bytes(), &HeaderMap::new());
    assert_eq!(read.unwrap_err().kind(), crate::error::ErrorKind::MalformedResponse);
}

#[test]
fn every_element_is_a_record_of_its_row() {
    let blueprint = blueprint();
    let meters = resource(&blueprint, "Meter");
    assert!(!meters.capability().count, "rows are counted, not what stands in them");
    let body = json!({"rows": [
        {"asset": "P-1", "meters": [{"name": "HOURS", "last": "7"}, {"name": "TEMP"}], "place": {"number": 11}},
        {"asset": "P-2", "meters": [], "place": {"number": 12}},
    ]});
    let page = meters
        .read_page(&list("Meter"), body.to_string().as_bytes(), &HeaderMap::new())
        .unwrap();
    let keys: Vec<String> = page.records.iter().map(|record| record.key.to_string()).collect();
    assert_eq!(keys, ["P-1|HOURS", "P-1|TEMP"]);
    assert_eq!(page.next, Some(PageState::Cursor("12".to_owned())));
}

#[test]
fn one_element_is_found_in_its_row_by_its_key() {
    let list = json!({"request": {"path": "/{{resource.remote}}"}, "paging": "none"});
    let resources = json!({
        "Meter": {
            "remote": "assets", "key": ["asset", "meters.name"], "list": {"each": "meters", "records": "rows"},
            "get_many": {"via": "each", "request": {"path": "/assets/{{key.0}}"}, "record": "rows"},
            "fields": {"name": "meters.name", "asset": "asset", "lastReading": "meters.last"}
        }
    });
    let blueprint = compile("json_rest", json!({"list": list}), resources).unwrap();
    let meters = resource(&blueprint, "Meter");
    let key = RemoteKey::composite(["P-1", "TEMP"]);
    let planned = look_ups(meters, LookUp::Key, std::slice::from_ref(&key));
    let rows = json!([{"asset": "P-1", "meters": [{"name": "HOURS"}, {"name": "TEMP", "last": "7"}]}]);
    for body in [json!({"rows": rows}), json!({"rows": rows[0]}), json!({"rows": null})] {
        let page = meters
            .read_look_up(&planned[0], body.to_string().as_bytes(), &HeaderMap::new())
            .unwrap();
        let expected = usize::from(!body["rows"].is_null());
        assert_eq!(page.records.len(), expected, "{body}");
        assert!(page.records.iter().all(|record| record.key == key));
    }
}
