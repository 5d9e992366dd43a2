//! Signing in at the system's own page: the simulated Entra, with the application of the operator.

use lineshaft_engine::links::PageOptions;
use lineshaft_sandbox::{Account, System};
use reqwest::{Client, Url, redirect};
use serde_json::{Value, json};

use super::{browser::Browser, connections, link};
use crate::support::{Plant, Setup};

const SYSTEM: System = System::Dynamics365Fo;

fn person(plant: &Plant, account: Account, field: &str) -> String {
    let server = plant.sandbox(SYSTEM).authorization_server().unwrap();
    let place = usize::from(account == Account::Second);
    server["accounts"][place][field].as_str().unwrap().to_owned()
}

/// Fills the page in and returns where it sends the browser.
async fn sign_in(plant: &Plant, address: &str, action: &str) -> String {
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    let (account, password) = (
        person(plant, Account::First, "username"),
        person(plant, Account::First, "password"),
    );
    let entered = [
        ("account", account.as_str()),
        ("password", &password),
        ("action", action),
    ];
    let answer = client.post(address).form(&entered).send().await.unwrap();
    assert!(answer.status().is_redirection(), "{}", answer.status());
    answer.headers()["location"].to_str().unwrap().to_owned()
}

fn form(plant: &Plant) -> Value {
    let (mut settings, _) = plant.sandbox(SYSTEM).demo_connection();
    let server = plant.sandbox(SYSTEM).authorization_server().unwrap();
    settings["authorize_url"] = server["authorize_url"].clone();
    json!({"connector": SYSTEM.id(), "settings": settings, "way": "sign_in", "credentials": {}})
}

async fn plant() -> Plant {
    // The application of the first account, as the operator registered it.
    Setup::only([SYSTEM])
        .set(
            "OAUTH__DYNAMICS_365_FO__CLIENT_ID",
            "b3a8f2d4-51c7-4e0e-8f6d-7c2e9a4b1d05",
        )
        .set("OAUTH__DYNAMICS_365_FO__CLIENT_SECRET", "lakeside~demo~secret")
        .start()
        .await
}

#[tokio::test]
async fn somebody_signs_in_at_the_system_and_comes_back_with_a_connection() {
    let plant = plant().await;
    let before = connections(&plant).await;
    let browser = Browser::open(&link(&plant, PageOptions::default()).await).await;
    let asked = browser.get(&format!("/connectors/{}", SYSTEM.id())).await;
    let way = asked.body["ways"]
        .as_array()
        .unwrap()
        .iter()
        .find(|way| way["id"] == "sign_in")
        .unwrap();
    assert_eq!((&way["kind"], &way["credentials"]), (&json!("sign_in"), &json!([])));
    assert!(!asked.text.contains("lakeside~demo~secret"));

    let begun = browser.send("/authorize", &form(&plant)).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    let address = begun.body["address"].as_str().unwrap();
    let back = sign_in(&plant, address, "accept").await;
    let foreign = browser.come_back(&back, false).await;
    assert_eq!(foreign.status, 400, "another browser");
    assert!(foreign.text.contains("STATE_INVALID"));
    let mut tampered = Url::parse(&back).unwrap();
    let pairs: Vec<(String, String)> = tampered.query_pairs().into_owned().collect();
    tampered
        .query_pairs_mut()
        .clear()
        .extend_pairs(pairs.iter().map(|(name, value)| match name.as_str() {
            "state" => (name.as_str(), format!("{}x", &value[..value.len() - 1])),
            name => (name, value.clone()),
        }));
    assert_eq!(browser.come_back(tampered.as_str(), true).await.status, 400);
    assert_eq!(connections(&plant).await, before, "nothing is stored");

    let returned = browser.come_back(&back, true).await;
    assert_eq!(returned.status, 303, "{}", returned.text);
    let place = returned.headers["location"].to_str().unwrap();
    assert!(browser.url.ends_with(place));
    let state = browser.state().await;
    assert_eq!(state.body["status"], "done", "{}", state.text);
    assert_eq!(connections(&plant).await, before + 1);
    assert_eq!(
        browser.come_back(&back, true).await.status,
        400,
        "the state counts once"
    );
    let exchanged = browser
        .exchange(state.body["done"]["code"].as_str().unwrap())
        .await
        .body;
    let token = exchanged["token"].as_str().unwrap();
    let answer = plant
        .query_as(token, "{ vendors(first: 1) { nodes { name } } }", json!({}))
        .await;
    assert_eq!(answer.nodes("vendors").len(), 1, "{}", answer.text);

    let stored = plant.stored_bytes();
    for secret in ["lakeside~demo~secret", token] {
        assert!(
            !stored.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{secret}"
        );
        assert!(secret == token || !browser.heard().contains(secret));
    }
}

#[tokio::test]
async fn who_declines_is_shown_the_page_again() {
    let plant = plant().await;
    let before = connections(&plant).await;
    let browser = Browser::open(&link(&plant, PageOptions::default()).await).await;
    let begun = browser.send("/authorize", &form(&plant)).await;
    let back = sign_in(&plant, begun.body["address"].as_str().unwrap(), "deny").await;
    assert_eq!(browser.come_back(&back, true).await.status, 303);
    let state = browser.state().await.body;
    assert_eq!(
        (&state["status"], &state["pending"]["error"]["code"]),
        (&json!("open"), &json!("SIGN_IN_DECLINED"))
    );
    assert_eq!(connections(&plant).await, before);
    let mut wrong = form(&plant);
    wrong["way"] = json!("client_credentials");
    let refused = browser.send("/authorize", &wrong).await;
    assert_eq!(
        (refused.status, &refused.body["failed"]["code"]),
        (422, &json!("INVALID_SETTINGS"))
    );
}

#[tokio::test]
async fn a_window_beside_a_frame_comes_back_without_the_cookie() {
    let plant = plant().await;
    let before = connections(&plant).await;
    let framed = PageOptions {
        frame_origins: vec!["https://app.example".to_owned()],
        ..PageOptions::default()
    };
    let browser = Browser::open(&link(&plant, framed).await).await;
    let mut form = form(&plant);
    let begun = browser.send("/authorize", &form).await;
    let back = sign_in(&plant, begun.body["address"].as_str().unwrap(), "accept").await;
    assert_eq!(browser.come_back(&back, false).await.status, 400, "the same window");
    form["window"] = true.into();
    let begun = browser.send("/authorize", &form).await;
    let back = sign_in(&plant, begun.body["address"].as_str().unwrap(), "accept").await;
    let returned = browser.come_back(&back, false).await;
    assert_eq!(returned.status, 200, "{}", returned.text);
    assert!(!returned.headers.contains_key("set-cookie"), "the frame keeps the link");
    assert!(returned.text.contains("/console/assets/connect/close.js"));
    let state = browser.state().await;
    assert_eq!(state.body["status"], "done", "{}", state.text);
    assert_eq!(connections(&plant).await, before + 1);
    assert_eq!(
        browser.come_back(&back, false).await.status,
        400,
        "the state counts once"
    );
}
