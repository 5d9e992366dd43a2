//! Fields that are read as the label of a code: filters and writes have the code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use lineshaft_schema::{Condition, Filter, Operand, Operator, Value};
use serde_json::{Value as Json, json};

use super::{
    write_testing::{Paper, context, done, refused, request},
    *,
};
use crate::{
    blueprint::tests::{compile, definition, field},
    transport::testing::{Scripted, Seen, Setup, answer},
    write::{Act, UserErrorCode},
};

fn resource() -> Json {
    json!({ "Asset": {
        "remote": "assets", "key": "id", "dialect": "odata_v4",
        "list": { "request": { "query": { "where": "{{where}}" } } },
        "get_many": { "via": "each", "request": { "path": "/assets/{{key}}" } },
        "fields": {
            "name": "name",
            "category": {
                "path": "category_id", "as": { "label": { "of": "categories", "member": "name" } },
                "filter": { "exact": ["eq", "in"], "literal": "number" },
            },
        },
        "write": {
            "fields": { "name": true, "category": { "number": true } },
            "create": { "request": { "method": "POST", "path": "/assets", "body": "{{row}}" }, "reply": { "key": "id" } },
        },
    } })
}

fn labels() -> Json {
    json!({ "categories": {
        "request": { "path": "/categories" }, "records": "rows", "code": "id", "keep": { "name": "title" },
    } })
}

fn play(seen: &Seen) -> crate::transport::testing::Act {
    if seen.url.contains("/categories") {
        let rows = json!([{ "id": 1, "title": "Pumps" }, { "id": 2, "title": "Fans" }, { "id": 3, "title": "Fans" }]);
        return answer(200, &json!({ "rows": rows }).to_string());
    }
    if seen.method == http::Method::POST {
        return answer(201, r#"{"id": 9}"#);
    }
    answer(
        200,
        &json!({ "rows": [{ "id": 7, "name": "P-7", "category_id": 1 }] }).to_string(),
    )
}

fn connector() -> (Arc<Scripted>, Arc<Connector>) {
    let wire = Scripted::new(play);
    let setup = Setup::with_token(wire.clone()).patch(&json!({ "labels": labels(), "resources": resource() }));
    (wire, setup.connector())
}

fn listed(operator: Operator, operand: Operand) -> ListRequest {
    let mut projection = Projection::default();
    projection.insert(field("Asset", "category"));
    ListRequest {
        kind: definition("Asset").index,
        filter: Filter::Field(Condition {
            field: field("Asset", "category"),
            operator,
            operand,
        }),
        order: None,
        after: None,
        limit: 10,
        projection,
        count: false,
        page: None,
    }
}

fn asset(act: Act, category: &str) -> crate::write::WriteRequest {
    let mut write = request(act, None, &[]);
    write.kind = definition("Asset").index;
    write
        .input
        .values
        .insert(field("Asset", "category"), Value::text(category));
    write
}

#[tokio::test(start_paused = true)]
async fn labels_are_read_and_asked_for_by_their_codes() {
    let (wire, connector) = connector();
    let asked = async |operator, operand| {
        let page = connector.list(&context(), listed(operator, operand)).await.unwrap();
        let sent = wire
            .seen()
            .into_iter()
            .rev()
            .find(|seen| seen.url.contains("/assets"))
            .unwrap();
        let url = url::Url::parse(&sent.url).unwrap();
        let where_of = url
            .query_pairs()
            .find(|(name, _)| name == "where")
            .map(|(_, value)| value.into_owned());
        (page, where_of.unwrap_or_default())
    };
    let (page, condition) = asked(Operator::Eq, Operand::One(Value::text("Pumps"))).await;
    assert_eq!(condition, "category_id eq 1");
    assert_eq!(page.records[0].get(field("Asset", "category")), &Value::text("Pumps"));
    let two = vec![Value::text("Fans"), Value::text("Boats")];
    let (_, condition) = asked(Operator::In, Operand::Many(two)).await;
    assert!(
        condition.contains("category_id eq 2 or category_id eq 3"),
        "{condition}"
    );
    let before = wire.count_of("/assets");
    let (page, _) = asked(Operator::Eq, Operand::One(Value::text("Boats"))).await;
    assert_eq!((page.records.len(), page.next), (0, None));
    assert_eq!(wire.count_of("/assets"), before, "no record can have it");
    assert_eq!(wire.count_of("/categories"), 1);
}

#[tokio::test(start_paused = true)]
async fn codes_are_written_and_unknown_labels_are_told_with_the_known_ones() {
    let (wire, connector) = connector();
    let write = asset(Act::Create, "Pumps");
    done(connector.write(&context(), &write, &Paper::default()).await);
    let sent = wire
        .seen()
        .into_iter()
        .find(|seen| seen.method == http::Method::POST)
        .unwrap();
    assert_eq!(
        serde_json::from_str::<Json>(&sent.body).unwrap(),
        json!({ "category_id": 1 })
    );
    let shown = connector.dry_run(&context(), &write).await.unwrap().unwrap();
    assert_eq!(shown[0].body, Some(json!({ "category_id": 1 })));
    for (label, message) in [
        ("Boats", "the system has no `Boats`; it has: Fans, Pumps"),
        (
            "Fans",
            "the system has 2 entries `Fans`, so that it is not clear which is meant",
        ),
    ] {
        let write = asset(Act::Create, label);
        let errors = refused(connector.write(&context(), &write, &Paper::default()).await);
        assert_eq!(
            (errors[0].code, errors[0].path.join("."), errors[0].message.as_str()),
            (UserErrorCode::InvalidValue, "category".to_owned(), message)
        );
        let told = connector.dry_run(&context(), &write).await.unwrap();
        assert_eq!(told.unwrap_err()[0].message, message);
    }
    assert_eq!(
        wire.seen()
            .iter()
            .filter(|seen| seen.method == http::Method::POST)
            .count(),
        1
    );
}

#[test]
fn what_is_wrong_with_a_label_is_told_with_its_place() {
    let told = |category: Json| {
        let mut resources = resource();
        let mut fields = resources["Asset"]["fields"]["category"].clone();
        fields
            .as_object_mut()
            .unwrap()
            .extend(category.as_object().unwrap().clone());
        resources["Asset"]["fields"]["category"] = fields;
        match compile("json_rest", json!({ "labels": labels() }), resources) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>(),
        }
    };
    let place = "/resources/Asset/fields/category";
    assert_eq!(told(json!({})), Vec::<String>::new());
    for (category, pointer) in [
        (
            json!({ "as": { "label": { "of": "kinds", "member": "name" } } }),
            format!("{place}/as/label/of"),
        ),
        (
            json!({ "as": { "label": { "of": "categories", "member": "x" } } }),
            format!("{place}/as/label/member"),
        ),
        (
            json!({ "filter": { "coarse": ["contains"] } }),
            format!("{place}/filter"),
        ),
        (json!({ "path": ["a", "b"] }), place.to_owned()),
    ] {
        assert!(told(category).contains(&pointer), "{pointer}");
    }
}
