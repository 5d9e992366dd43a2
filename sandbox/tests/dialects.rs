//! Described systems that speak SQL, OData, XML and envelopes.

use std::path::Path;

use lineshaft_sandbox::{Options, Sandbox, System};
use reqwest::{Client, Response, header};
use serde_json::{Value, json};

async fn sandbox() -> Sandbox {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/described/dialects");
    let system = System::load(&folder).unwrap_or_else(|faulty| panic!("{faulty}"));
    Sandbox::start(system, Options::default()).await.unwrap()
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let response = Client::new()
        .get(format!("{}{path}", sandbox.base_url()))
        .header(header::ACCEPT, "application/json");
    json_of(response.send().await.unwrap()).await
}

async fn json_of(response: Response) -> Value {
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

async fn post(sandbox: &Sandbox, path: &str, body: &Value) -> Response {
    let request = Client::new().post(format!("{}{path}", sandbox.base_url())).json(body);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_statement_is_answered_from_tables() {
    let sandbox = sandbox().await;
    let query = "SELECT l.id, o.number, BUILTIN.DF(o.status) AS status, TO_CHAR(o.ordered, 'YYYY-MM-DD') AS day FROM lines l \
                 INNER JOIN orders o ON l.orderid = o.id WHERE l.quantity > 0 ORDER BY l.id";
    let found = json_of(post(&sandbox, "/sql", &json!({"q": query})).await).await;
    let rows = found.get("items").and_then(Value::as_array).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(found.get("hasMore"), Some(&json!(true)));
    let first = rows.first().and_then(Value::as_object).unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["id", "number", "status", "day"]);
    assert_eq!(first.get("day").and_then(Value::as_str).map(str::len), Some(10));
    let wrong = post(&sandbox, "/sql", &json!({"q": "SELECT x FROM lines"})).await;
    assert_eq!(wrong.status(), 400);
    assert_eq!(json_of(wrong).await.get("kind"), Some(&json!("unknown_field")));
    let wrong = json_of(post(&sandbox, "/sql", &json!({"q": "SELECT x FROM nothing"})).await).await;
    assert_eq!(wrong.get("kind"), Some(&json!("unknown_table")));
}

#[tokio::test]
async fn an_odata_service_is_read_in_pages() {
    let sandbox = sandbox().await;
    let page = get(
        &sandbox,
        "/odata/v4/Orders?$count=true&$expand=Lines,Vendor&$orderby=id",
    )
    .await;
    assert_eq!(page.get("value").and_then(Value::as_array).map(Vec::len), Some(5));
    assert!(
        page.pointer("/value/0/Lines/0/quantity").is_some_and(Value::is_number),
        "{page}"
    );
    assert!(page.pointer("/value/0/Vendor/name").is_some(), "{page}");
    let next = page.get("@odata.nextLink").and_then(Value::as_str).unwrap();
    let next = get(&sandbox, next.strip_prefix(&sandbox.base_url()).unwrap()).await;
    assert_ne!(next.pointer("/value/0/id"), page.pointer("/value/0/id"));
    let listed = get(&sandbox, "/odata/v4/Vendors?$filter=id in (1,2)&$select=name").await;
    assert_eq!(listed.get("value").and_then(Value::as_array).map(Vec::len), Some(2));
    let one = get(&sandbox, "/odata/v4/Vendors(1)").await;
    assert_eq!(one.get("id"), Some(&json!(1)));
    let refused = get(&sandbox, "/odata/v4/Vendors?$filter=nothing eq 1").await;
    assert!(refused.pointer("/error/message").is_some());
    let two = get(&sandbox, "/odata/v2/Vendors?$inlinecount=allpages&$top=1").await;
    assert!(
        two.pointer("/d/__count").is_some() && two.pointer("/d/results/0/name").is_some(),
        "{two}"
    );
    let metadata = Client::new()
        .get(format!("{}/odata/v4/$metadata", sandbox.base_url()))
        .send()
        .await
        .unwrap();
    assert!(metadata.text().await.unwrap().contains("<EntitySet Name=\"Orders\""));
}

#[tokio::test]
async fn an_odata_service_may_know_less_than_the_standard() {
    let sandbox = sandbox().await;
    let count = async |filter: &str| {
        let found = get(
            &sandbox,
            &format!("/odata/narrow/Vendors?$schemaversion=2.1&$filter={filter}"),
        )
        .await;
        found.get("value").and_then(Value::as_array).map(Vec::len)
    };
    assert_eq!(count("id eq 1 or id eq 2").await, Some(2));
    assert_eq!(count("id eq 1 or (name eq 'x' and id eq 2)").await, None);
    let all = count("id gt 0").await;
    assert!(count("contains(name,'A')").await == count("contains(name,'a')").await && all.is_some());
    let skipped = get(&sandbox, "/odata/narrow/Vendors?$skip=1").await;
    assert!(skipped.pointer("/error/message").is_some());
    let unknown = get(&sandbox, "/odata/v4/Vendors?$schemaversion=2.1").await;
    assert!(unknown.pointer("/error/message").is_some());
}

#[tokio::test]
async fn a_navigation_is_bound_by_an_address() {
    let sandbox = sandbox().await;
    let made = post(
        &sandbox,
        "/odata/v4/Orders",
        &json!({"number": "P-1", "Vendor@odata.bind": "/Vendors(2)"}),
    )
    .await;
    assert_eq!(made.status(), 201);
    assert_eq!(json_of(made).await.get("vendor"), Some(&json!(2)));
    let wrong = post(
        &sandbox,
        "/odata/v4/Orders",
        &json!({"number": "P-2", "Vendor@odata.bind": "/Orders(2)"}),
    )
    .await;
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn an_odata_service_takes_writes_with_versions() {
    let sandbox = sandbox().await;
    let made = post(&sandbox, "/odata/v4/Vendors", &json!({"name": "Acme"})).await;
    assert_eq!(made.status(), 201);
    let made = json_of(made).await;
    let address = format!("{}/odata/v4/Vendors({})", sandbox.base_url(), made.get("id").unwrap());
    let change = || Client::new().patch(&address).json(&json!({"name": "Acme Ltd"}));
    assert_eq!(change().send().await.unwrap().status(), 428);
    assert_eq!(
        change().header("if-match", "W/\"x\"").send().await.unwrap().status(),
        412
    );
    let tag = made.get("@odata.etag").and_then(Value::as_str).unwrap();
    assert_eq!(change().header("if-match", tag).send().await.unwrap().status(), 204);
    let deep = json!({"number": "PO-1", "vendor": 1, "status": "Draft", "Lines": [{"quantity": 2}, {"quantity": 3}]});
    let made = post(&sandbox, "/odata/v4/Orders", &deep).await;
    assert_eq!(made.status(), 201);
    let lines = json_of(made).await;
    assert_eq!(lines.get("Lines").and_then(Value::as_array).map(Vec::len), Some(2));
}

#[tokio::test]
async fn envelopes_are_taken_apart() {
    let sandbox = sandbox().await;
    let parts = json!({"requests": [
        {"id": "a", "method": "GET", "url": "Vendors(1)"},
        {"id": "b", "method": "GET", "url": "Vendors(999999)"}]});
    let answer = json_of(post(&sandbox, "/odata/v4/$batch", &parts).await).await;
    assert_eq!(answer.pointer("/responses/0/body/id"), Some(&json!(1)));
    assert_eq!(answer.pointer("/responses/1/status"), Some(&json!(404)));
    let multipart = "--b\r\nContent-Type: application/http\r\n\r\nGET Vendors(1) HTTP/1.1\r\n\r\n\r\n--b--\r\n";
    let request = Client::new().post(format!("{}/odata/v2/$batch", sandbox.base_url()));
    let request = request
        .header(header::CONTENT_TYPE, "multipart/mixed; boundary=b")
        .body(multipart);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert!(answer.text().await.unwrap().contains("HTTP/1.1 200 OK"));
    let write = |atomic: bool| {
        json!({"atomic": atomic, "requests": [
            {"method": "POST", "url": "/vendors", "body": {"id": if atomic { 7001 } else { 7002 }, "name": "One"}},
            {"method": "POST", "url": "/vendors", "body": {"x": 1}}]})
    };
    let answer = json_of(post(&sandbox, "/batch", &write(true)).await).await;
    assert_eq!(
        (answer.pointer("/0/status"), answer.pointer("/1/status")),
        (Some(&json!(201)), Some(&json!(400)))
    );
    assert_eq!(get(&sandbox, "/vendors/7001").await, json!({"error": "Not Found"}));
    // What is told as done may have failed all the same.
    let told = json!({"atomic": true, "requests": [
        {"method": "POST", "url": "/vendors", "body": {"id": 7003, "name": "One"}},
        {"method": "POST", "url": "/vendors", "body": {"id": 7004, "name": "No"}}]});
    post(&sandbox, "/batch", &told).await;
    assert_eq!(get(&sandbox, "/vendors/7003").await, json!({"error": "Not Found"}));
    post(&sandbox, "/batch", &write(false)).await;
    assert_eq!(get(&sandbox, "/vendors/7002").await.get("name"), Some(&json!("One")));
    assert!(
        sandbox
            .calls()
            .iter()
            .any(|call| call.path == "/batch" && call.parts == 2)
    );
}

#[tokio::test]
async fn soap_is_read_and_written() {
    let sandbox = sandbox().await;
    let body = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><find><id>1</id></find></s:Body></s:Envelope>";
    let request = Client::new()
        .post(format!("{}/soap", sandbox.base_url()))
        .header(header::CONTENT_TYPE, "text/xml")
        .body(body);
    let text = request.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("<soap:Body><found id=\"1\"><name>"), "{text}");
}
