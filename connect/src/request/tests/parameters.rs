//! Tests of query parameters that ask for more or less than is meant, and of lists with rows of other kinds.

use super::*;

fn tasks() -> Blueprint {
    let manifest = json!({
        "WorkOrder": {
            "remote": "tasks", "key": "taskID",
            "scope": {"rows": [{"path": "template", "equals": [false, null]}]},
            "fields": {
                "status": {
                    "cases": [
                        {"when": [{"path": "status", "equals": 1}], "value": "COMPLETED"},
                        {"when": [{"path": "type", "equals": 6}], "value": "PENDING_APPROVAL"},
                        {"when": [{"path": "status", "equals": 0}], "value": "APPROVED"}
                    ],
                    "as": {"enum": {"0": "APPROVED", "1": "COMPLETED"}},
                    "filter": {"parameters": {"in": {"name": "status", "separator": ",", "coarse": true}}}
                },
                "updatedAt": {
                    "path": "lastEdited", "as": {"unix": {"unit": "s"}},
                    "filter": {"parameters": {
                        "gt": {"name": "start", "add": 0, "coarse": true}, "gte": {"name": "start", "add": -1, "coarse": true}
                    }}
                }
            }
        }
    });
    tests::compile("json_rest", json!({}), manifest).unwrap()
}

#[test]
fn from_is_asked_for_where_the_system_knows_after() {
    let blueprint = tasks();
    let tasks = resource(&blueprint, "WorkOrder");
    let start = |operator, at| {
        let filter = is(
            "WorkOrder",
            "updatedAt",
            operator,
            Operand::One(Value::DateTime(moment(at))),
        );
        let halves = tasks.split(&filter);
        let request = ListRequest {
            filter: halves.pushed,
            ..list("WorkOrder")
        };
        assert!(!halves.residual.is_always());
        parameter(&plan(tasks, &request), "start")
    };
    assert_eq!(start(Operator::Gt, "2026-11-22T10:00:00Z").unwrap(), "1795341600");
    assert_eq!(start(Operator::Gte, "2026-11-22T10:00:00Z").unwrap(), "1795341599");
    assert_eq!(start(Operator::Gt, "2026-11-22T10:00:00.5Z"), None);
}

#[test]
fn cases_are_filtered_by_the_words_beside_them() {
    let blueprint = tasks();
    let tasks = resource(&blueprint, "WorkOrder");
    let status = |name: &str| {
        let filter = is(
            "WorkOrder",
            "status",
            Operator::Eq,
            Operand::One(word("WorkOrder", "status", name)),
        );
        let halves = tasks.split(&filter);
        assert!(!halves.residual.is_always(), "{name}");
        parameter(
            &plan(
                tasks,
                &ListRequest {
                    filter: halves.pushed,
                    ..list("WorkOrder")
                },
            ),
            "status",
        )
    };
    assert_eq!(status("APPROVED").unwrap(), "0");
    assert_eq!(status("COMPLETED").unwrap(), "1");
    assert_eq!(status("PENDING_APPROVAL"), None);
}

#[test]
fn rows_of_other_kinds_are_left_out_even_when_a_page_has_no_others() {
    let blueprint = tasks();
    let tasks = resource(&blueprint, "WorkOrder");
    let read = |body: &str| {
        tasks
            .read_page(&list("WorkOrder"), body.as_bytes(), &HeaderMap::new())
            .unwrap()
    };
    let page = read(r#"[{"taskID":1,"template":true},{"taskID":2,"template":false},{"taskID":3}]"#);
    let keys: Vec<String> = page.records.iter().map(|record| record.key.to_string()).collect();
    assert_eq!((page.rows, keys), (3, vec!["2".to_owned(), "3".to_owned()]));
    assert_eq!(read(r#"[{"taskID":1,"template":true}]"#).records, []);
}

#[test]
fn rows_of_names_and_values_become_objects() {
    let manifest = json!({
        "WorkOrder": {
            "remote": "orders", "key": "code",
            "list": {"records": "rows", "pairs": {"of": "fields", "name": "n", "value": "v"}},
            "fields": {"title": "text", "typeCode": "id"}
        }
    });
    let blueprint = tests::compile("json_rest", json!({}), manifest).unwrap();
    let orders = resource(&blueprint, "WorkOrder");
    let body = r#"{"rows":[{"id":"7","fields":[{"n":"code","v":"A"},{"n":"text","v":null},{"v":"lost"}]}]}"#;
    let page = orders
        .read_page(&list("WorkOrder"), body.as_bytes(), &HeaderMap::new())
        .unwrap();
    let keys: Vec<String> = page.records.iter().map(|record| record.key.to_string()).collect();
    assert_eq!((page.rows, keys), (1, vec!["A".to_owned()]));
    let raw = orders.read_raw(body.as_bytes(), 1).unwrap();
    assert_eq!(&*raw[0], r#"{"id":"7","code":"A","text":null}"#);
}

#[test]
fn parameters_are_repeated_where_the_system_knows_no_lists() {
    let manifest = json!({
        "WorkOrder": {
            "remote": "workorders", "key": "id",
            "list": {"request": {"query": {"expand": "asset,parts"}, "repeat": ["expand", "assets"]}},
            "fields": {
                "title": {"path": "title", "filter": {"parameters": {"eq": {"name": "title"}}}},
                "asset": {"path": "assetId", "filter": {"parameters": {"in": {"name": "assets", "separator": ","}}}}
            }
        }
    });
    let blueprint = tests::compile("json_rest", json!({}), manifest).unwrap();
    let orders = resource(&blueprint, "WorkOrder");
    let assets = ["4", "5"].map(|key| Value::Reference(RemoteKey::single(key)));
    let filter = Filter::All(vec![
        is("WorkOrder", "title", Operator::Eq, text("a,b")),
        is("WorkOrder", "asset", Operator::In, Operand::Many(assets.to_vec())),
    ]);
    let request = ListRequest {
        filter,
        ..list("WorkOrder")
    };
    let url = plan(orders, &request).url;
    let (_, query) = url.split_once('?').unwrap();
    assert_eq!(query, "expand=asset&expand=parts&title=a,b&assets=4&assets=5");
}

#[test]
fn pages_that_the_system_cuts_by_itself_have_one_size() {
    let manifest = json!({"WorkOrder": {
        "remote": "tasks", "key": "id", "fields": {"title": "title"},
        "list": {"request": {"query": {"skip": "{{offset}}"}}, "paging": {"offset": {}}, "page_size": 3, "max_page_size": 50}
    }});
    let blueprint = tests::compile("json_rest", json!({}), manifest).unwrap();
    let tasks = resource(&blueprint, "WorkOrder");
    let rows = |ids: &[u32]| json!(ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>()).to_string();
    for limit in [1, 3, 50] {
        let request = ListRequest {
            limit,
            ..list("WorkOrder")
        };
        let first = tasks
            .read_page(&request, rows(&[1, 2, 3]).as_bytes(), &HeaderMap::new())
            .unwrap();
        assert_eq!(
            (first.records.len(), &first.next),
            (3, &Some(PageState::Offset(3))),
            "{limit}"
        );
        let request = ListRequest {
            page: first.next,
            ..request
        };
        assert_eq!(parameter(&plan(tasks, &request), "skip").unwrap(), "3");
        let last = tasks
            .read_page(&request, rows(&[4, 5]).as_bytes(), &HeaderMap::new())
            .unwrap();
        assert_eq!((last.records.len(), last.next), (2, None), "{limit}");
    }
}
