//! Credentials of a described system: every kind of auth, sessions, tokens, expiry, permissions.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lineshaft_sandbox::{Account, Sandbox};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::support::{bare, get, secret, start, told};

async fn who(request: reqwest::RequestBuilder) -> (u16, Value) {
    let (status, body) = told(request.send().await.unwrap()).await;
    (status, body["name"].clone())
}

fn me(sandbox: &Sandbox) -> reqwest::RequestBuilder {
    bare(sandbox, Method::GET, "/api/me")
}

async fn token(sandbox: &Sandbox, form: &[(&str, &str)]) -> (u16, Value) {
    told(
        bare(sandbox, Method::POST, "/oauth/token")
            .form(form)
            .send()
            .await
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn every_kind_of_auth_tells_the_account() {
    let sandbox = start().await;
    let key = secret(&sandbox, Account::Second);
    let answer = me(&sandbox).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["www-authenticate"]),
        (401, &"Bearer".parse().unwrap())
    );
    assert_eq!(told(answer).await.1["error"], "Unauthorized");
    let second = (200, json!("second"));
    assert_eq!(who(me(&sandbox).bearer_auth(&key)).await, second);
    assert_eq!(
        who(me(&sandbox).basic_auth("lineshaft-second", Some(&key))).await,
        second
    );
    assert_eq!(who(me(&sandbox).query(&[("key", &key)])).await, second);
    assert_eq!(
        who(me(&sandbox).header("x-api-key", format!("Key {key}"))).await,
        second
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(b"/api/me");
    let signature: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(who(me(&sandbox).header("x-signature", signature)).await, second);
    assert_eq!(who(me(&sandbox).bearer_auth("wrong")).await.0, 401);
    assert_eq!(sandbox.sign_ins().refused_secrets, 1);
    assert_eq!(
        bare(&sandbox, Method::GET, "/api/health")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "fine"
    );
}

#[tokio::test]
async fn sessions_begin_and_end() {
    let sandbox = start().await;
    let login = async |password: &str| {
        let body = json!({"user": "lineshaft-first", "password": password});
        told(
            bare(&sandbox, Method::POST, "/api/login")
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let key = secret(&sandbox, Account::First);
    assert_eq!(login("wrong").await.0, 401);
    let (status, body) = login(&key).await;
    assert_eq!((status, &body["tenant"]), (200, &json!("acme")));
    let sid = body["token"].as_str().unwrap().to_owned();
    let with = |sid: &str| me(&sandbox).header("cookie", format!("SID={sid}"));
    assert_eq!(who(with(&sid)).await.0, 200);
    // The third one ends the first.
    login(&key).await;
    let last = login(&key).await.1["token"].as_str().unwrap().to_owned();
    assert_eq!((who(with(&sid)).await.0, who(with(&last)).await.0), (401, 200));
    let logout = bare(&sandbox, Method::POST, "/api/logout").header("cookie", format!("SID={last}"));
    assert_eq!(logout.send().await.unwrap().status(), 204);
    assert_eq!(who(with(&last)).await.0, 401);
    let other = login(&key).await.1["token"].as_str().unwrap().to_owned();
    sandbox.end_sessions();
    assert_eq!(who(with(&other)).await.0, 401);
    assert_eq!(sandbox.sign_ins().logins, 5);
    assert!(
        sandbox
            .calls()
            .iter()
            .filter(|call| call.path == "/api/login")
            .all(|call| call.login && !call.write)
    );
}

#[tokio::test]
async fn tokens_are_given_for_every_grant() {
    let sandbox = start().await;
    let key = secret(&sandbox, Account::First);
    let client = [("client_id", "client-first"), ("client_secret", key.as_str())];
    let ask = async |grant: &str, more: &[(&str, &str)]| {
        let mut form = vec![("grant_type", grant)];
        form.extend_from_slice(more);
        token(&sandbox, &form).await
    };
    let (status, given) = ask("client_credentials", &client).await;
    assert_eq!((status, &given["expires_in"]), (200, &json!(3600)));
    assert_eq!(
        who(me(&sandbox).bearer_auth(given["access_token"].as_str().unwrap())).await,
        (200, json!("first"))
    );
    let wrong = ask(
        "client_credentials",
        &[("client_id", "client-first"), ("client_secret", "x")],
    )
    .await;
    assert_eq!((wrong.0, &wrong.1["error"]), (401, &json!("invalid_client")));
    let user = [
        client[0],
        client[1],
        ("username", "lineshaft-first"),
        ("password", key.as_str()),
    ];
    let (_, given) = ask("password", &user).await;
    let refresh = given["refresh_token"].as_str().unwrap();
    let (status, again) = ask("refresh_token", &[client[0], client[1], ("refresh_token", refresh)]).await;
    assert_eq!((status, again["refresh_token"].is_string()), (200, true));
    sandbox.revoke_refresh_tokens();
    assert_eq!(
        ask("refresh_token", &[client[0], client[1], ("refresh_token", refresh)])
            .await
            .0,
        400
    );
    let claims = json!({"iss": "client-second", "aud": format!("{}/oauth/token", sandbox.base_url())});
    let assertion = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let (status, given) = ask(grant, &[("assertion", &assertion)]).await;
    assert_eq!(status, 200);
    assert_eq!(
        who(me(&sandbox).bearer_auth(given["access_token"].as_str().unwrap())).await,
        (200, json!("second"))
    );
    assert_eq!(sandbox.sign_ins().exchanges_of("client_credentials"), 1);
    assert_eq!(ask("magic", &client).await.1["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn a_person_signs_in_on_the_page() {
    let sandbox = start().await;
    let server = sandbox.authorization_server().unwrap();
    let account = &server["accounts"]["first"];
    let text = |name: &str| account[name].as_str().unwrap().to_owned();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest("verifier"));
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = server["authorize_url"].as_str().unwrap();
    let query = [
        ("client_id", text("client_id")),
        ("redirect_uri", "http://there/back".to_owned()),
        ("state", "s".to_owned()),
        ("code_challenge", challenge),
    ];
    let page = client
        .get(url)
        .query(&query)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("name=\"state\" value=\"s\""), "{page}");
    let mut form = query.to_vec();
    form.extend([("username", text("username")), ("password", text("password"))]);
    let answer = client.post(url).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let target = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let code = target
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let (id, key) = (text("client_id"), text("client_secret"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "http://there/back"),
        ("code_verifier", "verifier"),
        ("client_id", &id),
        ("client_secret", &key),
    ];
    let (status, given) = token(&sandbox, &form).await;
    assert_eq!(status, 200, "{given}");
    assert_eq!(token(&sandbox, &form).await.0, 400);
}

#[tokio::test]
async fn credentials_expire_and_are_revoked() {
    let sandbox = start().await;
    let old = secret(&sandbox, Account::First);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "client-first"),
        ("client_secret", &old),
    ];
    let given = token(&sandbox, &form).await.1["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    sandbox.expire_credentials();
    let new = secret(&sandbox, Account::First);
    assert_ne!(old, new);
    assert_eq!(who(me(&sandbox).bearer_auth(&old)).await.0, 401);
    assert_eq!(who(me(&sandbox).bearer_auth(&given)).await.0, 401);
    assert_eq!(who(me(&sandbox).bearer_auth(&new)).await.0, 200);
    assert_eq!(
        who(me(&sandbox).bearer_auth(secret(&sandbox, Account::Second))).await.0,
        200
    );
    sandbox.revoke_credentials();
    assert_eq!(who(me(&sandbox).bearer_auth(&new)).await.0, 401);
    sandbox.restore_credentials();
    assert_eq!(who(me(&sandbox).basic_auth("lineshaft-first", Some(&new))).await.0, 200);
    assert!(STANDARD.encode(&new).len() > 10);
}

#[tokio::test]
async fn rights_to_entities_are_taken_away() {
    let sandbox = start().await;
    assert!(sandbox.deny("Asset").is_err());
    sandbox.deny("Vendor").unwrap();
    assert_eq!(get(&sandbox, "/api/vendors").await.0, 403);
    assert_eq!(get(&sandbox, "/api/workorders/1").await.0, 200);
    sandbox.allow("Vendor").unwrap();
    assert_eq!(get(&sandbox, "/api/vendors").await.0, 200);
    let limited = |path: &str| bare(&sandbox, Method::GET, path).bearer_auth(secret(&sandbox, Account::Limited));
    assert_eq!(limited("/api/vendors").send().await.unwrap().status(), 403);
    assert_eq!(limited("/api/workorders").send().await.unwrap().status(), 200);
}
