//! What a system has is asked for once, also of objects that no mapping names, and looked at as it is.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    blueprint::tests::definition,
    context::CallContext,
    describe::{ValueKind, infer},
    error::ErrorKind,
    transport::testing::{Act, Remembered, Scripted, Seen, Setup, answer, fail},
};

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

fn discovery() -> Value {
    json!({
        "objects": {
            "request": {"path": "/models"},
            "form": {"items": {"items": "models", "name": "id", "label": "title", "described_as": "schema",
                "only": [{"path": "open", "equals": true}]}},
        },
        "describe": {
            "request": {"path": "/schemas/{{resource.described_as}}"},
            "form": {"fields": {"items": "fields", "name": "n", "type": "t", "relation": "of", "key": "k"}},
        },
        "resource": {},
    })
}

fn setup(wire: Arc<Scripted>, names_only: bool) -> Setup {
    let list = json!({"select": if names_only { "names_only" } else { "names" }});
    Setup::with_token(wire).patch(&json!({
        "list": {"request": {"query": {"fields": "{{select}}"}}, "select": list["select"]},
        "discovery": discovery(),
        "resources": {"Vendor": {"remote": "vendors", "key": "id", "fields": {"name": "title"}}},
    }))
}

fn play(seen: &Seen) -> Act {
    let path = seen.url.strip_prefix("https://trial.example.com/api").unwrap();
    match path.split('?').next().unwrap() {
        "/models" => answer(
            200,
            r#"{"models":[{"id":"x_gauges","title":"Gauges","open":true,"schema":"G"},{"id":"vendors","open":true},{"id":"hidden","open":false}]}"#,
        ),
        "/schemas/G" => answer(
            200,
            r#"{"fields":[{"n":"id","t":"integer","k":true},{"n":"asset","t":"many2one","of":"assets"},{"n":"file","t":"binary"}]}"#,
        ),
        "/schemas/vendors" => answer(
            200,
            r#"{"fields":[{"n":"id","t":"integer"},{"n":"title","t":"char"},{"n":"x_rating","t":"float"}]}"#,
        ),
        "/x_gauges" => answer(200, r#"{"rows":[{"id":1,"asset":7},{"noKey":true},{"id":3}]}"#),
        "/vendors" => answer(200, r#"{"rows":[{"id":1,"title":"A","x_rating":2.5}]}"#),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn objects_are_told_once_and_searched_here() {
    let wire = Scripted::new(play);
    let connector = setup(Arc::clone(&wire), false).connector();
    let all = connector.objects(&context(), None).await.unwrap();
    assert_eq!(
        all.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(),
        ["x_gauges", "vendors"]
    );
    let found = connector.objects(&context(), Some("GAUGE")).await.unwrap();
    assert_eq!(found[0].label.as_deref(), Some("Gauges"));
    assert_eq!((found.len(), wire.count()), (1, 1));
    connector.forget_descriptions();
    connector.objects(&context(), None).await.unwrap();
    assert_eq!(wire.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_described_under_the_name_that_the_list_tells() {
    let observer = Arc::new(Remembered::default());
    let wire = Scripted::new(play);
    let mut setup = setup(Arc::clone(&wire), false);
    setup.observer = Arc::clone(&observer) as Arc<_>;
    let connector = setup.connector();
    for _ in 0..3 {
        let described = connector
            .describe_object(&context(), "x_gauges")
            .await
            .unwrap()
            .unwrap();
        assert!(described["id"].is_key && !described["asset"].is_key);
        assert_eq!(described["asset"].relation.as_deref(), Some("assets"));
        assert_eq!(described["asset"].value_kind, Some(ValueKind::Reference));
    }
    assert_eq!((wire.count_of("/models"), wire.count_of("/schemas/")), (1, 1));
    let vendor = connector
        .describe(&context(), definition("Vendor").index)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(vendor.len(), 3);
    assert!(
        observer
            .0
            .lock()
            .unwrap()
            .iter()
            .all(|(operation, error, _)| *operation == "describe" && error.is_none())
    );
}

#[tokio::test(start_paused = true)]
async fn rows_are_looked_at_as_they_are() {
    let wire = Scripted::new(play);
    let connector = setup(Arc::clone(&wire), false).connector();
    let rows = connector.sample_object(&context(), "x_gauges", 2).await.unwrap();
    assert_eq!(
        rows.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        [r#"{"id":1,"asset":7}"#, r#"{"noKey":true}"#]
    );
    assert!(infer(&rows).contains_key("noKey"));
    let rows = connector
        .sample_rows(&context(), definition("Vendor").index, 5)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(wire.count_of("/schemas/"), 0);
}

#[tokio::test(start_paused = true)]
async fn systems_that_must_be_told_names_are_told_those_of_the_description() {
    let wire = Scripted::new(play);
    let connector = setup(Arc::clone(&wire), true).connector();
    connector.sample_object(&context(), "x_gauges", 2).await.unwrap();
    connector
        .sample_rows(&context(), definition("Vendor").index, 2)
        .await
        .unwrap();
    let asked: Vec<String> = wire
        .seen()
        .iter()
        .filter_map(|seen| Some(seen.url.split_once("fields=")?.1.to_owned()))
        .collect();
    assert_eq!(asked, ["id,asset", "id,title,x_rating"]);
}

#[tokio::test(start_paused = true)]
async fn systems_that_tell_nothing_have_nothing() {
    let wire = Scripted::new(|_| fail(ErrorKind::Network));
    let connector = Setup::with_token(Arc::clone(&wire) as Arc<_>).connector();
    assert!(connector.objects(&context(), Some("x")).await.unwrap().is_empty());
    assert!(connector.describe_object(&context(), "x").await.unwrap().is_none());
    let error = connector.sample_object(&context(), "x", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSupported);
    assert_eq!(wire.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn excepted_objects_are_neither_told_nor_looked_at() {
    let wire = Scripted::new(play);
    let except = json!({"discovery": {"except": ["X_*", "vend*"]}});
    let connector = setup(Arc::clone(&wire), true).patch(&except).connector();
    assert!(connector.objects(&context(), None).await.unwrap().is_empty());
    for name in ["x_gauges", "X_gauges;y", "vendors"] {
        let error = connector.describe_object(&context(), name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
        let error = connector.sample_object(&context(), name, 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
    }
    assert_eq!((wire.count(), wire.count_of("/models")), (1, 1));
    // What the connector maps is looked at as far as it is mapped.
    connector
        .sample_rows(&context(), definition("Vendor").index, 2)
        .await
        .unwrap();
    let asked = wire.seen().last().unwrap().url.clone();
    assert!(
        asked.contains("fields=id,title") && !asked.contains("x_rating"),
        "{asked}"
    );
}
