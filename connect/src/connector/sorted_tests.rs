//! Sorted lists of a system that puts rows without a value first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use lineshaft_schema::{Direction, Filter, Order, Position, value::Scalar};
use serde_json::{Value as Json, json};

use super::{write_testing::context, *};
use crate::{
    blueprint::tests::{compile, definition, field},
    transport::testing::{Scripted, Seen, Setup, answer},
};

fn resource(sort: &Json, filter: &Json) -> Json {
    json!({ "Vendor": {
        "remote": "vendors", "key": "id", "literals": { "id": "number" }, "seek": { "by": "id" }, "dialect": "odata_v4",
        "list": {
            "request": { "query": { "where": "{{where}}", "order": "{{order}}" } },
            "page_size": 2, "max_page_size": 2,
        },
        "fields": { "name": { "path": "name", "sort": sort, "filter": filter } },
    } })
}

/// Five vendors, two of them without a name; those come first whenever both kinds are asked for.
fn play(seen: &Seen) -> crate::transport::testing::Act {
    let url = url::Url::parse(&seen.url).unwrap();
    let of = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let (condition, order) = (of("where"), of("order"));
    let mut rows = vec![(4, Some("a")), (2, Some("b")), (5, Some("c")), (1, None), (3, None)];
    if order.starts_with("name desc") {
        rows[..3].reverse();
    }
    rows.retain(|(id, name)| match name {
        Some(name) => condition.contains("name ne null") && (!condition.contains("name ge 'b'") || *name >= "b"),
        None => {
            condition.contains("name eq null")
                && !condition.contains("name ne null")
                && (!condition.contains("id gt 1") || *id > 1)
        }
    });
    let offset: usize = of("offset").parse().unwrap();
    let rows: Vec<Json> = rows
        .iter()
        .skip(offset)
        .take(2)
        .map(|(id, name)| json!({ "id": id, "name": name }))
        .collect();
    answer(200, &json!({ "rows": rows }).to_string())
}

fn sorted(direction: Direction, after: Option<Position>) -> ListRequest {
    let mut projection = Projection::default();
    projection.insert(field("Vendor", "name"));
    ListRequest {
        kind: definition("Vendor").index,
        filter: Filter::always(),
        order: Some(Order {
            field: field("Vendor", "name"),
            direction,
        }),
        after,
        limit: 2,
        projection,
        count: true,
        page: None,
    }
}

async fn read(wire: &Arc<Scripted>, mut request: ListRequest) -> Vec<String> {
    let setup = Setup::with_token(wire.clone()).patch(&json!({
        "resources": resource(&json!({ "missing": "first" }), &json!({ "exact": ["isNull", "gte"] })),
    }));
    let connector = setup.connector();
    let mut keys = Vec::new();
    loop {
        let page = connector.list(&context(), request.clone()).await.unwrap();
        assert_eq!(page.total, None, "a part tells nothing of the whole");
        keys.extend(page.records.iter().map(|record| record.key.to_string()));
        request.page = page.next;
        if request.page.is_none() {
            return keys;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rows_without_a_value_come_last_both_ways() {
    for (direction, expected) in [
        (Direction::Ascending, ["4", "2", "5", "1", "3"]),
        (Direction::Descending, ["5", "2", "4", "1", "3"]),
    ] {
        let wire = Scripted::new(play);
        assert_eq!(read(&wire, sorted(direction, None)).await, expected);
        // Two rows and one, two rows and the end.
        assert_eq!(wire.count(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_goes_on_in_the_part_where_it_stopped() {
    let after = |key: &str, order: Option<Scalar>| {
        Some(Position {
            key: Some(RemoteKey::single(key)),
            order,
            given: 1,
            ended: false,
        })
    };
    let wire = Scripted::new(play);
    let value = Scalar::Text("b".into());
    let keys = read(&wire, sorted(Direction::Ascending, after("2", Some(value)))).await;
    assert_eq!(keys, ["2", "5", "1", "3"], "what was given is told by its place");
    let wire = Scripted::new(play);
    let keys = read(&wire, sorted(Direction::Ascending, after("1", None))).await;
    assert_eq!(keys, ["3"]);
    assert_eq!(wire.count(), 1, "those with a value are not read again");
}

#[test]
fn sorts_that_cannot_be_read_in_parts_are_refused_or_not_offered() {
    let compiled = |sort: Json, filter: Json, more: Json| compile("json_rest", more, resource(&sort, &filter));
    let first = json!({ "missing": "first" });
    let problems = compiled(first, json!({ "exact": ["gte"] }), json!({})).unwrap_err();
    assert_eq!(problems[0].pointer, "/resources/Vendor/fields/name/sort/missing");
    let mut filled = resource(&json!({ "missing": "first" }), &json!({ "exact": ["gte", "isNull"] }));
    filled["Vendor"]["fields"]["name"]["default"] = json!("nobody");
    let problems = compile("json_rest", json!({}), filled).unwrap_err();
    assert_eq!(problems[0].pointer, "/resources/Vendor/fields/name/sort/missing");
    assert!(problems[0].message.contains("`default`"), "{problems:?}");
    let all = json!({ "list": { "sorts_missing": "first" } });
    for (filter, sorts) in [
        (json!({ "exact": ["gte"] }), false),
        (json!({ "exact": ["gte", "isNull"] }), true),
        (json!({ "exact": ["gte"], "never_null": true }), true),
    ] {
        let blueprint = compiled(json!(true), filter, all.clone()).unwrap();
        let capability = blueprint.capability(definition("Vendor").index).unwrap();
        assert_eq!(capability.fields[&field("Vendor", "name")].sortable, sorts);
    }
}
