//! The hosted pages over HTTP: connecting, reconnecting and signing in at the simulated systems, and everything that
//! must be refused on the way.

pub mod browser;
mod sign_in;

use futures_util::future::join_all;
use lineshaft_engine::{
    customers::NewCustomer,
    links::{self, NewConnectLink, NewReconnectLink, PageOptions},
    origin::Origin,
};
use lineshaft_sandbox::{Account, System};
use serde_json::{Value, json};

use crate::support::{Plant, Setup};
use browser::Browser;

const QUERY: &str = "{ connections { nodes { id status } } }";

/// Makes a link for a new customer.
async fn link(plant: &Plant, page: PageOptions) -> String {
    let new = NewConnectLink {
        customer: NewCustomer {
            external_id: "c-7".to_owned(),
            name: "Lakeside".to_owned(),
        },
        connector: None,
        allowed_connectors: None,
        page,
    };
    let made = links::create_connect_link(&plant.engine, plant.organization, new, &Origin::operator()).await;
    made.unwrap().url
}

async fn reconnect_link(plant: &Plant, connection: &str, allow_account_change: bool) -> String {
    let new = NewReconnectLink {
        connection_id: connection.parse().unwrap(),
        allow_account_change,
        page: PageOptions::default(),
    };
    let made = links::create_reconnect_link(&plant.engine, plant.organization, new, &Origin::operator()).await;
    made.unwrap().url
}

/// Returns the form of the system's account, as somebody fills it in.
fn form(plant: &Plant, system: System, account: Account) -> Value {
    let (settings, credentials) = plant.sandbox(system).demo_connection_as(account);
    json!({"connector": system.id(), "settings": settings, "credentials": credentials})
}

fn with_password(mut form: Value, password: &str) -> Value {
    form["credentials"]["password"] = password.into();
    form
}

async fn connections(plant: &Plant) -> usize {
    plant.query(QUERY, json!({})).await.nodes("connections").len()
}

fn redirected() -> PageOptions {
    PageOptions {
        redirect_url: Some("https://app.example/back?tenant=7".to_owned()),
        ..PageOptions::default()
    }
}

#[tokio::test]
async fn a_customer_connects_a_system_and_the_backend_gets_its_token_once() {
    let plant = Setup::only([System::Tryton]).start().await;
    let browser = Browser::open(&link(&plant, redirected()).await).await;
    let state = browser.state().await.body;
    assert_eq!(
        (&state["status"], &state["purpose"]),
        (&json!("open"), &json!("connect"))
    );
    assert_eq!(state["organization"]["name"], "PLANT");
    assert_eq!(state["customer"]["name"], "Lakeside");
    assert_eq!(state["connectors"][0]["id"], "tryton");
    assert!(state["connectors"][0].get("tier").is_none() && state["connectors"][0].get("credits").is_none());
    let asked = browser.get("/connectors/tryton").await.body;
    assert_eq!(asked["ways"][0]["credentials"][1]["name"], "password");
    assert_eq!(asked["ways"][0]["credentials"][1]["secret"], true);
    assert!(asked["entities"].as_array().unwrap().contains(&json!("PurchaseOrder")));

    let before = connections(&plant).await;
    let canary = "c4nary-wr0ng-passw0rd";
    let wrong = with_password(form(&plant, System::Tryton, Account::First), canary);
    let lines = browser.attempt(&wrong).await;
    let failed = &lines.last().unwrap()["failed"];
    assert_eq!(failed["code"], "INVALID_CREDENTIALS", "{failed}");
    assert_eq!(failed["problems"][0]["field"], "password");
    assert_eq!(failed["triesLeft"], 9);
    assert!(failed["advice"].as_str().unwrap().contains("password"));
    assert_eq!(connections(&plant).await, before, "nothing is stored");

    let lines = browser.attempt(&form(&plant, System::Tryton, Account::First)).await;
    let steps: Vec<_> = lines.iter().filter_map(|line| line["step"]["name"].as_str()).collect();
    for name in ["address", "network", "sign_in", "entity"] {
        assert!(steps.contains(&name), "{steps:?}");
    }
    let done = &lines.last().unwrap()["done"];
    assert_eq!(done["connectionName"], "Tryton of Lakeside", "{lines:#?}");
    let redirect = done["redirect"].as_str().unwrap();
    let code = redirect
        .strip_prefix("https://app.example/back?tenant=7&code=")
        .unwrap();
    assert_eq!(browser.state().await.body["done"]["redirect"], redirect);

    let exchanged = browser.exchange(code).await;
    assert_eq!(exchanged.status, 200, "{}", exchanged.text);
    assert_eq!(exchanged.body["connector"], "tryton");
    assert_eq!(exchanged.body["customer"]["externalId"], "c-7");
    let token = exchanged.body["token"].as_str().unwrap();
    let seen = plant.query_as(token, QUERY, json!({})).await;
    assert_eq!(
        seen.nodes("connections"),
        [json!({"id": exchanged.body["connectionId"], "status": "ACTIVE"})]
    );
    for bad in [code, "lsx_unknown", ""] {
        let again = browser.exchange(bad).await;
        assert_eq!((again.status, &again.body["code"]), (400, &json!("CODE_INVALID")));
    }
    let used = Browser::fetch(&browser.url).await;
    assert_eq!(used.status, 410, "another browser");
    let ended = Browser::fetch(&format!("{}/state", browser.url)).await;
    assert_eq!((ended.status, &ended.body["code"]), (410, &json!("LINK_USED")));
    assert_eq!(ended.body["organization"]["name"], "PLANT");
    assert_eq!(ended.body["locale"], "en");
    assert_eq!(ended.body["returnUrl"], "https://app.example/back?tenant=7");
    assert_eq!(
        browser.attempt(&form(&plant, System::Tryton, Account::First)).await[0]["code"],
        "LINK_USED"
    );

    let stored = plant.stored_bytes();
    let (_, good) = plant.sandbox(System::Tryton).demo_connection();
    let secrets = [canary, good["password"].as_str().unwrap(), token, code, browser.token()];
    for secret in secrets {
        assert!(
            !stored.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "a secret lies in the database in the clear"
        );
        assert!(
            secret == code || !browser.heard().contains(secret) || secret == token,
            "a secret was told"
        );
    }
}

#[tokio::test]
async fn many_submits_make_one_connection_and_many_exchanges_give_one_token() {
    let plant = Setup::only([System::Tryton]).start().await;
    let before = connections(&plant).await;
    let browser = Browser::open(&link(&plant, PageOptions::default()).await).await;
    let form = form(&plant, System::Tryton, Account::First);
    let tries = join_all((0..20).map(|_| browser.attempt(&form))).await;
    let done: Vec<&Value> = tries.iter().filter_map(|lines| lines.last()?.get("done")).collect();
    assert_eq!(done.len(), 1, "{tries:#?}");
    assert_eq!(connections(&plant).await, before + 1);
    let code = done[0]["code"].as_str().unwrap();
    let exchanges = join_all((0..20).map(|_| browser.exchange(code))).await;
    let good = exchanges.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1);
}

#[tokio::test]
async fn a_connection_is_brought_back_by_the_same_account_only() {
    for grace in [0_u64, 86_400] {
        let plant = Setup::only([System::Tryton])
            .set("TOKENS__GRACE_S", grace)
            .start()
            .await;
        let connection = {
            let browser = Browser::open(&link(&plant, PageOptions::default()).await).await;
            let lines = browser.attempt(&form(&plant, System::Tryton, Account::First)).await;
            let code = lines.last().unwrap()["done"]["code"].as_str().unwrap().to_owned();
            browser.exchange(&code).await.body
        };
        let (id, old) = (
            connection["connectionId"].as_str().unwrap(),
            connection["token"].as_str().unwrap(),
        );
        assert_eq!(plant.query_as(old, QUERY, json!({})).await.status, 200);

        let browser = Browser::open(&reconnect_link(&plant, id, false).await).await;
        let state = browser.state().await.body;
        assert_eq!(
            (&state["purpose"], &state["connector"]),
            (&json!("reconnect"), &json!("tryton"))
        );
        let (settings, credentials) = plant.sandbox(System::Tryton).demo_connection();
        assert_eq!(state["connection"]["settings"]["database"], settings["database"]);
        assert!(!state.to_string().contains(credentials["password"].as_str().unwrap()));
        let mut other = form(&plant, System::Tryton, Account::Second);
        other["settings"] = json!({});
        let lines = browser.attempt(&other).await;
        assert_eq!(
            lines.last().unwrap()["failed"]["code"],
            "ACCOUNT_MISMATCH",
            "{lines:#?}"
        );
        let mut same = form(&plant, System::Tryton, Account::First);
        same["settings"] = json!({});
        let lines = browser.attempt(&same).await;
        let code = lines.last().unwrap()["done"]["code"].as_str().unwrap();
        let new = browser.exchange(code).await.body;
        assert_eq!(new["connectionId"], id);
        assert_eq!(
            plant
                .query_as(new["token"].as_str().unwrap(), QUERY, json!({}))
                .await
                .status,
            200
        );
        let expected = if grace == 0 { 401 } else { 200 };
        assert_eq!(
            plant.query_as(old, QUERY, json!({})).await.status,
            expected,
            "grace {grace}"
        );

        let browser = Browser::open(&reconnect_link(&plant, id, true).await).await;
        let lines = browser.attempt(&other).await;
        assert!(lines.last().unwrap()["done"].is_object(), "{lines:#?}");
    }
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let plant = Setup::only([System::Tryton]).start().await;
    let browser = Browser::open(&link(&plant, PageOptions::default()).await).await;
    let with_address = |address: &str| {
        let mut form = form(&plant, System::Tryton, Account::First);
        form["settings"]["base_url"] = address.into();
        form
    };
    let web = login_page();
    for (address, code) in [
        ("http://127.0.0.1:9", "UNREACHABLE"),
        ("https://10.1.2.3", "ADDRESS_REFUSED"),
        ("http://169.254.169.254/latest", "ADDRESS_REFUSED"),
        ("https://nobody.invalid", "HOST_UNKNOWN"),
        (web.await.as_str(), "WRONG_ADDRESS"),
    ] {
        let lines = browser.attempt(&with_address(address)).await;
        let failed = &lines.last().unwrap()["failed"];
        assert_eq!(failed["code"], code, "{address}: {failed}");
        assert_eq!(failed["problems"][0]["field"], "base_url", "{address}");
        assert!(failed["advice"].as_str().is_some_and(|advice| !advice.is_empty()));
    }
    plant.sandbox(System::Tryton).deny("WorkOrder").unwrap();
    let lines = browser.attempt(&form(&plant, System::Tryton, Account::First)).await;
    let done = &lines.last().unwrap()["done"];
    let warnings = done["warnings"].as_array().unwrap();
    assert!(
        warnings
            .iter()
            .any(|warning| warning == "Work order: the account has no permission to read it"),
        "{warnings:?}"
    );
}

/// Serves a web page, as a login page would be, for as long as the test runs.
async fn login_page() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let page = || async { axum::response::Html("<html><body>Please sign in</body></html>") };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(page)).await });
    address
}

#[tokio::test]
async fn what_no_page_of_ours_sends_is_refused() {
    let plant = Setup::only([System::Tryton]).start().await;
    let before = connections(&plant).await;
    let browser = Browser::open(&link(&plant, PageOptions::default()).await).await;
    let good = form(&plant, System::Tryton, Account::First).to_string();
    let json = ("content-type", "application/json");
    let page = ("x-lineshaft-page", "1");
    let cookie = ("cookie", browser.cookie());
    for (status, code, headers, body) in [
        (
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            vec![page, cookie, ("content-type", "text/plain")],
            good.as_str(),
        ),
        (403, "FORBIDDEN", vec![json, cookie], &good),
        (403, "LINK_OPENED_ELSEWHERE", vec![json, page], &good),
        (
            403,
            "LINK_OPENED_ELSEWHERE",
            vec![json, page, ("cookie", "lineshaft_page=forged")],
            &good,
        ),
        (400, "INVALID_JSON", vec![json, page, cookie], "{"),
        (400, "INVALID_JSON", vec![json, page, cookie], "[]"),
        (400, "INVALID_JSON", vec![json, page, cookie], r#"{"settings": 7}"#),
        (
            400,
            "INVALID_JSON",
            vec![json, page, cookie],
            r#"{"deployment": "moon"}"#,
        ),
        (400, "INVALID_JSON", vec![json, page, cookie], r#"{"surprise": true}"#),
        (413, "PAYLOAD_TOO_LARGE", vec![json, page, cookie], &"x".repeat(200_000)),
    ] {
        let answer = browser.post("/try", &headers, body).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            answer.text
        );
    }
    for (code, change) in [
        ("CONNECTOR_UNKNOWN", json!({"connector": "papyrus"})),
        ("CONNECTOR_UNKNOWN", json!({})),
        ("INVALID_FORM", json!({"connector": "tryton", "way": "telepathy"})),
        (
            "INVALID_FORM",
            json!({"connector": "tryton", "settings": {"base_url": ["x"]}, "credentials": {"username": 1}}),
        ),
        (
            "INVALID_FORM",
            json!({"connector": "tryton", "deployment": "on_premises", "settings": {"database": "x".repeat(5000)}}),
        ),
    ] {
        let lines = browser.attempt(&change).await;
        assert_eq!(lines[0]["failed"]["code"], code, "{lines:?}");
    }
    assert_eq!(connections(&plant).await, before);
    assert!(plant.sandbox(System::Tryton).calls().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn the_page_is_sent_with_what_protects_it() {
    let plant = Setup::only([System::Tryton]).start().await;
    let plain = Browser::fetch(&link(&plant, PageOptions::default()).await).await;
    let policy = plain.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(plain.headers["x-frame-options"], "DENY");
    assert_eq!(plain.headers["referrer-policy"], "no-referrer");
    assert_eq!(plain.headers["cache-control"], "no-store");
    let cookie = plain.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/connect"));
    let framed = PageOptions {
        frame_origins: vec!["https://app.example".to_owned()],
        ..PageOptions::default()
    };
    let framed = Browser::fetch(&link(&plant, framed).await).await;
    let policy = framed.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.ends_with("frame-ancestors https://app.example"), "{policy}");
    assert!(!framed.headers.contains_key("x-frame-options"));
    let unknown = format!("{}/connect/lsl_{}", browser::base(&plant), "x".repeat(43));
    assert_eq!(Browser::fetch(&unknown).await.status, 404);
    let console = Browser::fetch(&format!("{}/console", browser::base(&plant))).await;
    assert_eq!(console.status, 200);
    assert!(
        !console.text.contains("<script>"),
        "no script stands in the page itself"
    );
}

#[tokio::test]
async fn the_told_address_leads_to_a_page_while_the_connection_waits() {
    let plant = Setup::only([System::Tryton]).start().await;
    plant.sandbox(System::Tryton).revoke_credentials();
    plant.query("{ vendors(first: 1) { nodes { name } } }", json!({})).await;
    let id = plant.connection(System::Tryton).parse().unwrap();
    let waiting = plant.engine.connections.get(plant.organization, id).await.unwrap();
    let address = links::reconnect_address(&plant.engine, &waiting).unwrap();
    let browser = Browser::open(&address).await;
    assert_eq!(
        browser.state().await.body["connection"]["reason"],
        "INVALID_CREDENTIALS"
    );
    plant.sandbox(System::Tryton).restore_credentials();
    let lines = browser.attempt(&form(&plant, System::Tryton, Account::First)).await;
    assert!(lines.last().unwrap()["done"].is_object(), "{lines:#?}");
    let late = Browser::fetch(&address).await;
    assert_eq!(late.status, 410);
    assert!(late.text.contains("LINK_EXPIRED"));
    assert_eq!(Browser::fetch(&format!("{address}x")).await.status, 404);
    let answer = plant.query("{ vendors(first: 1) { nodes { name } } }", json!({})).await;
    assert_eq!(answer.nodes("vendors").len(), 1, "{}", answer.text);
}
