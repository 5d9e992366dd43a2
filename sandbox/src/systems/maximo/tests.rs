//! Trials of the simulated Maximo over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Response};
use serde_json::Value;

use super::session::{DEMO_KEY, LIMITED_KEY};
use crate::{Options, Sandbox, System};

struct Trial {
    sandbox: Sandbox,
    client: Client,
}

impl Trial {
    async fn start() -> Self {
        let sandbox = Sandbox::start(System::Maximo, Options::default()).await.unwrap();
        Self {
            sandbox,
            client: Client::new(),
        }
    }

    fn address(&self, path: &str) -> String {
        format!("{}/maximo/{path}", self.sandbox.base_url())
    }

    async fn send(&self, path: &str, query: &[(&str, &str)]) -> Response {
        self.client
            .get(self.address(path))
            .header("apikey", DEMO_KEY)
            .query(query)
            .send()
            .await
            .unwrap()
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let response = self.send(path, query).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn members(&self, os: &str, query: &[(&str, &str)]) -> Vec<Value> {
        let mut query = query.to_vec();
        query.push(("lean", "1"));
        self.get(&format!("oslc/os/{os}"), &query).await["member"]
            .as_array()
            .unwrap()
            .clone()
    }

    async fn refused(&self, path: &str, query: &[(&str, &str)]) -> (u16, String) {
        let mut query = query.to_vec();
        query.push(("lean", "1"));
        let response = self.send(path, &query).await;
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["Error"]["statusCode"], status.to_string());
        (status, body["Error"]["reasonCode"].as_str().unwrap().to_owned())
    }
}

fn texts(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter()
        .map(|row| row[name].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn a_key_signs_in_and_a_wrong_one_does_not() {
    let trial = Trial::start().await;
    let me = trial.get("oslc/whoami", &[]).await;
    assert_eq!(me["loginID"], "WILSON");
    for key in [None, Some("wrong")] {
        let mut request = trial.client.get(trial.address("api/whoami?lean=1"));
        if let Some(key) = key {
            request = request.header("apikey", key);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["Error"]["reasonCode"], "BMXAA0021E");
    }
    trial.sandbox.revoke_credentials();
    assert_eq!(trial.send("oslc/whoami", &[]).await.status(), 401);
}

#[tokio::test]
async fn a_returned_session_cookie_beats_the_key() {
    let trial = Trial::start().await;
    let response = trial.send("oslc/whoami", &[]).await;
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert!(cookie.starts_with("JSESSIONID="));
    let request = trial
        .client
        .get(trial.address("oslc/whoami?lean=1"))
        .header("apikey", DEMO_KEY);
    let response = request.header("cookie", cookie).send().await.unwrap();
    assert_eq!(response.status(), 401);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["Error"]["reasonCode"], "BMXAA0021E");
}

#[tokio::test]
async fn a_login_gives_a_session_that_can_expire() {
    let trial = Trial::start().await;
    let login = |password: &str| {
        let secret = STANDARD.encode(format!("wilson:{password}"));
        trial
            .client
            .post(trial.address("oslc/login?lean=1"))
            .header("maxauth", secret)
            .send()
    };
    let refused = login("wrong").await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["Error"]["reasonCode"],
        "BMXAA7901E"
    );
    let response = login("maximo-demo").await.unwrap();
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let whoami = || {
        trial
            .client
            .get(trial.address("oslc/whoami"))
            .header("cookie", cookie.clone())
            .send()
    };
    assert_eq!(whoami().await.unwrap().status(), 200);
    trial.sandbox.expire_credentials();
    assert_eq!(whoami().await.unwrap().status(), 401);
    assert_eq!(trial.sandbox.calls().iter().filter(|call| call.login).count(), 2);
}

#[tokio::test]
async fn next_links_lead_through_all_rows_without_loss() {
    let trial = Trial::start().await;
    let query = [
        ("lean", "1"),
        ("oslc.select", "wonum,istask"),
        ("oslc.pageSize", "7"),
        ("oslc.orderBy", "+wonum"),
        ("collectioncount", "1"),
        ("oslc.where", "description=\"%a%\""),
    ];
    let mut page = trial.get("oslc/os/mxapiwodetail", &query).await;
    let total = page["responseInfo"]["totalCount"].as_u64().unwrap();
    assert_eq!(page["responseInfo"]["totalPages"].as_u64().unwrap(), total.div_ceil(7));
    let mut numbers = texts(page["member"].as_array().unwrap(), "wonum");
    while let Some(next) = page["responseInfo"]["nextPage"]["href"].as_str() {
        let response = trial.client.get(next).header("apikey", DEMO_KEY).send().await.unwrap();
        page = response.json().await.unwrap();
        numbers.extend(texts(page["member"].as_array().unwrap(), "wonum"));
    }
    assert_eq!(numbers.len() as u64, total);
    assert!(numbers.is_sorted());
    numbers.dedup();
    assert_eq!(numbers.len() as u64, total);
}

#[tokio::test]
async fn a_stable_cursor_only_goes_forward() {
    let trial = Trial::start().await;
    let query = [("lean", "1"), ("oslc.pageSize", "10"), ("stablepaging", "1")];
    let page = trial.get("oslc/os/mxapiitem", &query).await;
    let next = page["responseInfo"]["nextPage"]["href"].as_str().unwrap();
    trial.sandbox.edit(|world| world.items.clear());
    let get = || trial.client.get(next).header("apikey", DEMO_KEY).send();
    assert_eq!(get().await.unwrap().status(), 200);
    assert_eq!(get().await.unwrap().status(), 400);
}

#[tokio::test]
async fn filters_are_evaluated() {
    let trial = Trial::start().await;
    let orders = [
        ("oslc.select", "*"),
        ("oslc.where", "istask=false and historyflag=false"),
    ];
    let open = trial.members("mxapiwodetail", &orders).await;
    let expected = trial
        .sandbox
        .world()
        .work_orders
        .iter()
        .filter(|order| order.status < crate::world::WorkStatus::Closed)
        .count();
    assert_eq!(open.len(), expected);

    let keys = "wonum in [\"WO-2001\",\"WO-2003\"] and siteid=\"BEDFORD\"";
    let rows = trial
        .members(
            "mxapiwodetail",
            &[("oslc.select", "wonum,description"), ("oslc.where", keys)],
        )
        .await;
    assert_eq!(texts(&rows, "wonum"), ["WO-2001", "WO-2003"]);
    assert!(rows[0].get("status").is_none());
    assert!(rows[0]["href"].as_str().unwrap().contains("/os/mxapiwodetail/_"));

    let pump = trial
        .members(
            "mxapiasset",
            &[
                ("oslc.select", "*"),
                ("spi:x", ""),
                ("oslc.where", "spi:assetnum=\"p-1%\""),
            ],
        )
        .await;
    assert!(texts(&pump, "assetnum").contains(&"P-101".to_owned()));
    let without = trial
        .members(
            "mxapiwodetail",
            &[("oslc.select", "*"), ("oslc.where", "assetnum!=\"*\" and istask=0")],
        )
        .await;
    assert!(without.iter().all(|row| row.get("assetnum").is_none()));
    assert!(!without.is_empty());

    let child = "poline{itemnum=\"MAT-00100\" and orderqty>=1}";
    let orders = trial
        .members(
            "mxapipo",
            &[("oslc.select", "ponum,poline{itemnum,orderqty}"), ("oslc.where", child)],
        )
        .await;
    assert!(!orders.is_empty());
    for order in &orders {
        assert!(
            order["poline"]
                .as_array()
                .unwrap()
                .iter()
                .any(|line| line["itemnum"] == "MAT-00100")
        );
    }
    let related = "asset.status=\"OPERATING\" and istask=false";
    let rows = trial
        .members(
            "mxapiwodetail",
            &[("oslc.select", "wonum,asset.status,assetnum"), ("oslc.where", related)],
        )
        .await;
    assert!(rows.iter().all(|row| row["asset"]["status"] == "OPERATING"));
    let internal = trial
        .members(
            "mxapiwodetail",
            &[("oslc.select", "status"), ("domaininternalwhere", "status=APPR,INPRG")],
        )
        .await;
    assert!(
        internal
            .iter()
            .all(|row| row["status"] == "APPR" || row["status"] == "INPRG")
    );
}

#[tokio::test]
async fn a_later_than_filter_finds_the_same_row_again() {
    let trial = Trial::start().await;
    let query = [
        ("oslc.select", "company,changedate"),
        ("oslc.orderBy", "-changedate"),
        ("oslc.pageSize", "1"),
    ];
    let newest = trial.members("mxapivendor", &query).await;
    let clause = format!("changedate>\"{}\"", newest[0]["changedate"].as_str().unwrap());
    let again = trial
        .members("mxapivendor", &[("oslc.select", "company"), ("oslc.where", &clause)])
        .await;
    assert_eq!(texts(&again, "company"), texts(&newest, "company"));
}

#[tokio::test]
async fn bad_requests_are_told_apart_by_reason() {
    let trial = Trial::start().await;
    let os = "oslc/os/mxapiwodetail";
    for clause in [
        "(wonum=\"1\")",
        "wonum=\"1\" or wonum=\"2\"",
        "wonum=BEDFORD",
        "wonum in [\"1\", \"2\"]",
    ] {
        assert_eq!(
            trial.refused(os, &[("oslc.where", clause)]).await,
            (400, "BMXAA8744E".into()),
            "{clause}"
        );
    }
    assert_eq!(
        trial.refused(os, &[("oslc.orderBy", "wonum")]).await,
        (400, "BMXAA8744E".into())
    );
    assert_eq!(
        trial.refused(os, &[("oslc.orderBy", "+acttotalcost")]).await,
        (400, "BMXAA8781E".into())
    );
    assert_eq!(
        trial.refused(os, &[("oslc.where", "nosuch=\"1\"")]).await,
        (400, "BMXAA8781E".into())
    );
    assert_eq!(
        trial.refused(os, &[("oslc.select", "wonum,nosuch")]).await,
        (400, "BMXAA8781E".into())
    );
    assert_eq!(trial.refused(os, &[("oslc.pageSize", "1001")]).await.0, 400);
    assert_eq!(trial.refused("oslc/os/nosuch", &[]).await, (404, "BMXAA8727E".into()));
    assert_eq!(
        trial.refused("oslc/os/mxapiasset/_AAAA", &[]).await,
        (404, "BMXAA8727E".into())
    );
    let request = trial
        .client
        .get(trial.address("oslc/os/mxapivendor?lean=1"))
        .header("apikey", LIMITED_KEY);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(
        response.json::<Value>().await.unwrap()["Error"]["reasonCode"],
        "BMXAA0024E"
    );
}

#[tokio::test]
async fn an_unescaped_plus_is_a_missing_sign() {
    let trial = Trial::start().await;
    let get = |order: &str| {
        let address = trial.address(&format!("oslc/os/mxapiitem?lean=1&oslc.orderBy={order}itemnum"));
        trial.client.get(address).header("apikey", DEMO_KEY).send()
    };
    assert_eq!(get("+").await.unwrap().status(), 400);
    assert_eq!(get("%2B").await.unwrap().status(), 200);
}

#[tokio::test]
async fn revised_orders_keep_their_replaced_revision() {
    let trial = Trial::start().await;
    let query = [
        ("oslc.select", "ponum,revisionnum,status,siteid"),
        ("oslc.where", "status=\"REVISD\""),
    ];
    let replaced = trial.members("mxapipo", &query).await;
    assert!(!replaced.is_empty());
    let current = trial
        .members(
            "mxapipo",
            &[("oslc.select", "ponum,siteid"), ("oslc.where", "status!=\"REVISD\"")],
        )
        .await;
    assert_eq!(current.len(), trial.sandbox.world().purchase_orders.len());
    let sites = texts(&current, "siteid");
    assert!(sites.contains(&"BEDFORD".into()) && sites.contains(&"NASHUA".into()));
}

#[tokio::test]
async fn the_long_form_has_prefixes() {
    let trial = Trial::start().await;
    let query = [
        ("oslc.select", "spi:assetnum,spi:disabled"),
        ("oslc.pageSize", "2"),
        ("oslc.where", "spi:assetnum=\"P-101\""),
    ];
    let body = trial.get("oslc/os/mxapiasset", &query).await;
    assert_eq!(body["rdfs:member"][0]["spi:assetnum"], "P-101");
    assert_eq!(body["rdfs:member"][0]["spi:disabled"], "0");
    assert!(body["rdfs:member"][0]["rdf:about"].is_string());
    let error: Value = trial
        .send("oslc/os/mxapiasset", &[("oslc.where", "(")])
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(error["oslc:Error"]["spi:reasonCode"], "BMXAA8744E");
}

#[tokio::test]
async fn a_record_is_read_by_its_href_and_values_are_written_as_maximo_does() {
    let trial = Trial::start().await;
    let query = [("oslc.where", "assetnum=\"P-101\""), ("oslc.select", "assetnum")];
    let rows = trial.members("mxapiasset", &query).await;
    let href = rows[0]["href"].as_str().unwrap();
    let get = |suffix: &str| {
        trial
            .client
            .get(format!("{href}{suffix}"))
            .header("apikey", DEMO_KEY)
            .send()
    };
    let pump: Value = get("?lean=1").await.unwrap().json().await.unwrap();
    assert_eq!(pump["siteid"], "BEDFORD");
    assert!(pump["changedate"].as_str().unwrap().ends_with(":00"));
    assert_eq!(pump["installdate"].as_str().unwrap().len(), 10);
    assert!(pump["purchaseprice"].is_f64());
    assert!(pump["zz_weight_kg"].is_f64());
    assert!(!pump["sparepart"].as_array().unwrap().is_empty());
    let meters: Value = get("/assetmeter?lean=1").await.unwrap().json().await.unwrap();
    assert!(meters["member"].is_array());
    let schema = trial.get("oslc/jsonschemas/mxapiasset", &[]).await;
    assert_eq!(schema["properties"]["zz_weight_kg"]["type"], "number");
    assert_eq!(schema["pk"], serde_json::json!(["assetnum", "siteid"]));
}

#[tokio::test]
async fn without_a_selection_only_addresses_come() {
    let trial = Trial::start().await;
    let rows = trial.members("mxapiitem", &[("oslc.pageSize", "3")]).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].as_object().unwrap().len(), 1);
}
