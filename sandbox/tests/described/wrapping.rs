//! A system that wraps its values: answers and bodies, but neither refusals nor endpoints that say otherwise.

use std::path::Path;

use lineshaft_sandbox::{Options, Sandbox, System};
use reqwest::Method;
use serde_json::json;

use super::support::{get, send};

async fn start() -> Sandbox {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/described/wrapping");
    let system = System::load(&folder).unwrap_or_else(|faulty| panic!("{faulty}"));
    Sandbox::start(system, Options::default()).await.unwrap()
}

#[tokio::test]
async fn values_are_wrapped_both_ways() {
    let sandbox = start().await;
    let (status, rows) = get(&sandbox, "/vendors?limit=1").await;
    assert_eq!(status, 200);
    let row = &rows[0];
    assert!(row["id"].is_number() && row["name"]["value"].is_string(), "{row}");
    assert_eq!(row["note"], json!({}));
    assert!(row["contact"]["city"]["value"].is_string(), "{row}");
    let new = json!({"name": {"value": "Bolts"}, "note": {"value": null}});
    let (status, made) = send(&sandbox, Method::POST, "/vendors", &new).await;
    assert_eq!((status, &made["name"]), (201, &json!({"value": "Bolts"})));
    let (status, refused) = send(&sandbox, Method::POST, "/vendors", &json!({"name": "Bolts"})).await;
    assert_eq!(status, 422);
    assert_eq!(refused["error"], "the value of name is not wrapped");
    let (status, plain) = send(&sandbox, Method::POST, "/plain", &json!({"name": "x"})).await;
    assert_eq!((status, plain), (200, json!({"sent": "x"})));
}
