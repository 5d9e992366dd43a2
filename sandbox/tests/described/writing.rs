//! Writes to a described system: checks, rules, steps that change several tables, or none of them.

use lineshaft_sandbox::Fault;
use lineshaft_sandbox::fault::Kind;
use reqwest::Method;
use serde_json::json;

use super::support::{asked, get, send, start, told};

#[tokio::test]
async fn records_are_created_changed_and_deleted() {
    let sandbox = start().await;
    let created = asked(&sandbox, Method::POST, "/api/workorders").json(&json!({"title": "New", "status": "WORKING"}));
    let created = created.send().await.unwrap();
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let (status, body) = told(created).await;
    assert_eq!(
        (status, format!("/api/workorders/{}", body["id"])),
        (201, location.clone())
    );
    let (_, row) = get(&sandbox, &location).await;
    assert_eq!(
        (&row["title"], &row["status"], &row["version"]),
        (&json!("New"), &json!("WORKING"), &json!(1))
    );
    assert!(row["number"].as_str().unwrap().starts_with("WO-0") && row["updatedAt"] == "2026-11-20T12:00:00Z");
    let (status, row) = send(
        &sandbox,
        Method::PATCH,
        &location,
        &json!({"title": "Newer", "version": 9}),
    )
    .await;
    assert_eq!(
        (status, &row["title"], &row["version"]),
        (200, &json!("Newer"), &json!(2))
    );
    assert_eq!(row["updatedAt"], "2026-11-20T12:00:01Z");
    let (_, row) = send(&sandbox, Method::PUT, "/api/workorders/1", &json!({"title": "Only"})).await;
    assert_eq!((&row["title"], &row["hours"]), (&json!("Only"), &json!(null)));
    assert_eq!(send(&sandbox, Method::DELETE, &location, &json!({})).await.0, 204);
    assert_eq!(get(&sandbox, &location).await.0, 404);
    assert_eq!(send(&sandbox, Method::DELETE, &location, &json!({})).await.0, 404);
    let writes: Vec<String> = sandbox.writes().into_iter().map(|call| call.method).collect();
    assert_eq!(writes, ["POST", "PATCH", "PUT", "DELETE", "DELETE"]);
    let (_, body) = send(&sandbox, Method::POST, "/api/workorders", &json!({"title": "Next"})).await;
    assert_ne!(format!("/api/workorders/{}", body["id"]), location);
}

#[tokio::test]
async fn what_is_wrong_is_refused_as_described() {
    let sandbox = start().await;
    for (body, kind, field) in [
        (json!({}), "missing", "title"),
        (json!({"title": 5}), "wrong_type", "title"),
        (json!({"title": "x", "status": "NEW"}), "not_allowed", "status"),
        (json!({"title": "x", "id": 5}), "read_only", "id"),
        (json!({"title": "x", "colour": "red"}), "unknown_field", "colour"),
    ] {
        let (status, told) = send(&sandbox, Method::POST, "/api/workorders", &body).await;
        assert_eq!(
            (status, &told["kind"], &told["field"]),
            (422, &json!(kind), &json!(field)),
            "{body}"
        );
    }
    let broken = asked(&sandbox, Method::POST, "/api/workorders")
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(broken.send().await.unwrap().status(), 422);
    let done = send(&sandbox, Method::PATCH, "/api/workorders/1", &json!({"status": "DONE"})).await;
    assert_eq!(done.0, 200);
    let (status, body) = send(&sandbox, Method::PATCH, "/api/workorders/1", &json!({"title": "x"})).await;
    assert_eq!(status, 409);
    assert!(body["error"].as_str().unwrap().ends_with("is done"));
    sandbox.lock_record("WO-2002", "MILLER");
    assert_eq!(
        send(&sandbox, Method::PATCH, "/api/workorders/2", &json!({"title": "x"}))
            .await
            .0,
        409
    );
}

#[tokio::test]
async fn steps_are_done_together_or_not_at_all() {
    let sandbox = start().await;
    let body = json!({"vendorId": 1, "lines": [{"qty": 5}, {"qty": 2.5}]});
    let (status, order) = send(&sandbox, Method::POST, "/api/orders", &body).await;
    assert_eq!(
        (status, &order["total"], &order["status"]),
        (201, &json!(7.5), &json!("Draft")),
        "{order}"
    );
    let lines = order["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    let path = format!("/api/orders/{}/receive", order["id"]);
    let too_much = json!({"lines": [{"id": lines[0]["id"], "qty": 5}, {"id": lines[1]["id"], "qty": 3}]});
    let (status, told) = send(&sandbox, Method::POST, &path, &too_much).await;
    assert_eq!((status, &told["error"]), (422, &json!("Too much")));
    let number = order["number"].as_str().unwrap();
    let read = async || get(&sandbox, &format!("/api/Orders('{number}')")).await.1;
    assert_eq!(read().await["lines"][0]["received"], 0);
    let right = json!({"lines": [{"id": lines[0]["id"], "qty": 5}]});
    let (status, told) = send(&sandbox, Method::POST, &path, &right).await;
    assert_eq!((status, &told["order"]["status"]), (201, &json!("Received")));
    let after = read().await;
    assert_eq!(
        (&after["lines"][0]["received"], &after["status"]),
        (&json!(5), &json!("Received"))
    );
    let body = json!({"vendorId": 99999, "lines": []});
    assert_eq!(
        send(&sandbox, Method::POST, "/api/orders", &body).await.1["field"],
        "vendorId"
    );
}

#[tokio::test]
async fn faults_tell_writes_from_reads() {
    let sandbox = start().await;
    sandbox.set_fault(Some(Fault::new(Kind::Status { code: 503 }).writes()));
    assert_eq!(get(&sandbox, "/api/workorders/1").await.0, 200);
    assert_eq!(send(&sandbox, Method::POST, "/api/search", &json!({})).await.0, 200);
    assert_eq!(
        send(&sandbox, Method::PATCH, "/api/workorders/1", &json!({"title": "x"}))
            .await
            .0,
        503
    );
    sandbox.set_fault(None);
    assert_ne!(get(&sandbox, "/api/workorders/1").await.1["title"], "x");
}
