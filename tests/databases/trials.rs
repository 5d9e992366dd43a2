//! The trials of what the connector declares, made from its example mapping, against real databases.

use std::sync::Arc;

use futures_util::FutureExt as _;
use lineshaft_conformance::{Example, Make, Place, Stage, Subject, run};
use lineshaft_engine::registry::Registry;
use lineshaft_schema::Catalogue;
use serde_json::{Value, json};

use super::{Options, Stand, tables::Kind};
use crate::support::connector_folder;

async fn hold(kind: Kind) {
    let Some(stand) = Stand::start(kind, &Options::default()).await else {
        return;
    };
    let folder = connector_folder().join("generic-sql");
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    registry.add_directory(&connector_folder()).unwrap();
    let settings = json!({ "database": kind.word(), "host": "db", "name": "plant" });
    let Value::Object(settings) = settings else {
        unreachable!()
    };
    let blueprint = registry.get("generic-sql").unwrap().blueprint_for(&settings).unwrap();
    let example = Example::read(&folder).unwrap().unwrap();
    let subject = Subject {
        id: format!("generic-sql over {kind:?}"),
        blueprint: Arc::new(example.over(&blueprint).unwrap()),
        readme: String::new(),
        only: Vec::new(),
    };
    let stand: Arc<dyn Place> = Arc::new(stand);
    let make: Make = Box::new(move || {
        let stand = Arc::clone(&stand);
        async move { Ok(stand) }.boxed()
    });
    let outcome = run(subject, Stage::start(make, None).await.unwrap()).await;
    assert_eq!(outcome.listed.len(), 5, "{outcome}");
    assert!(outcome.failures.is_empty(), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_what_the_connector_says() {
    hold(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_keeps_what_the_connector_says() {
    hold(Kind::Mysql).await;
}
