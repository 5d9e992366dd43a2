//! Goes through the sign-in page, the codes and the refresh tokens of the simulated Entra as a browser and an application
//! do.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lineshaft_sandbox::{Account, Options, Sandbox, System, TokenRules};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use url::Url;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://app.example/oauth/callback?at=1";

struct Trial {
    sandbox: Sandbox,
    client: Client,
}

type Form<'a> = Vec<(&'a str, String)>;

fn with<'a>(mut form: Form<'a>, changes: &[(&'a str, &str)]) -> Form<'a> {
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, (*value).to_owned()));
        }
    }
    form
}

impl Trial {
    async fn start() -> Self {
        let sandbox = Sandbox::start(System::Dynamics365Fo, Options::default()).await.unwrap();
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { sandbox, client }
    }

    fn server(&self) -> Value {
        self.sandbox.authorization_server().unwrap()
    }

    fn field(&self, account: Account, name: &str) -> String {
        let place = usize::from(account == Account::Second);
        self.server()["accounts"][place][name].as_str().unwrap().to_owned()
    }

    fn request(&self) -> Form<'static> {
        let scope = format!("openid {}", self.server()["scope"].as_str().unwrap());
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.field(Account::First, "client_id")),
            ("redirect_uri", CALLBACK.to_owned()),
            ("scope", scope),
            ("state", "a b&c".to_owned()),
            ("code_challenge", CHALLENGE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    fn address(&self, request: &Form<'_>) -> Url {
        Url::parse_with_params(self.server()["authorize_url"].as_str().unwrap(), request).unwrap()
    }

    async fn visit(&self, changes: &[(&str, &str)]) -> Response {
        let address = self.address(&with(self.request(), changes));
        self.client.get(address).send().await.unwrap()
    }

    async fn enter(&self, entered: &[(&str, &str)]) -> Response {
        let address = self.address(&self.request());
        self.client.post(address).form(entered).send().await.unwrap()
    }

    async fn sign_in(&self, account: Account) -> String {
        let (username, password) = (self.field(account, "username"), self.field(account, "password"));
        let entered = [
            ("account", username.as_str()),
            ("password", password.as_str()),
            ("action", "accept"),
        ];
        let back = went_to(&self.enter(&entered).await);
        assert_eq!((back["state"].as_str(), back["at"].as_str()), ("a b&c", "1"));
        back["code"].clone()
    }

    async fn token(&self, grant: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let form = vec![
            ("grant_type", grant.to_owned()),
            ("client_id", self.field(Account::First, "client_id")),
            ("client_secret", self.field(Account::First, "client_secret")),
        ];
        let address = self.server()["token_url"].as_str().unwrap().to_owned();
        let request = self.client.post(address).form(&with(form, changes));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let fields = [("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        self.token("authorization_code", &[&fields, changes].concat()).await
    }

    async fn tokens(&self, account: Account) -> Value {
        let code = self.sign_in(account).await;
        let (status, tokens) = self.exchange(&code, &[]).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        self.token("refresh_token", &[("refresh_token", token)]).await
    }

    async fn user(&self, token: &Value) -> Option<String> {
        let path = "/api/services/UserSessionService/AifUserSessionService/GetUserSessionInfo";
        let request = self.client.post(format!("{}{path}", self.sandbox.base_url()));
        let answer = request.bearer_auth(token.as_str().unwrap()).send().await.unwrap();
        match answer.status().as_u16() {
            200 => Some(
                answer.json::<Value>().await.unwrap()["UserId"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            ),
            status => {
                assert_eq!(status, 401);
                None
            }
        }
    }
}

fn went_to(answer: &Response) -> HashMap<String, String> {
    assert_eq!(answer.status(), 302);
    let target = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(target.as_str().starts_with("https://app.example/oauth/callback?"));
    target.query_pairs().into_owned().collect()
}

fn refused((status, answer): (u16, Value), error: &str, number: u64) {
    assert_eq!(
        (&answer["error"], &answer["error_codes"]),
        (&json!(error), &json!([number])),
        "{answer}"
    );
    assert_eq!(status, if error == "invalid_client" { 401 } else { 400 });
    let description = answer["error_description"].as_str().unwrap();
    assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
    assert!(answer["trace_id"].is_string() && answer["correlation_id"].is_string() && answer["timestamp"].is_string());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn the_page_offers_two_accounts_and_loads_nothing() {
    let trial = Trial::start().await;
    let shown = trial.visit(&[("login_hint", "noor.haddad@lakeside.example")]).await;
    assert_eq!(shown.status(), 200);
    let policy = shown.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    let page = shown.text().await.unwrap();
    for account in Account::ALL {
        assert!(page.contains(&trial.field(account, "username")));
    }
    assert!(page.contains("value=\"noor.haddad@lakeside.example\" checked"));
    assert!(page.contains("<html lang=\"en\">") && page.contains("<label") && page.contains("app.example"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
}

#[tokio::test]
async fn a_code_gives_tokens_of_the_account_that_signed_in() {
    let trial = Trial::start().await;
    for (account, user) in [(Account::First, "avery.stone"), (Account::Second, "noor.haddad")] {
        let tokens = trial.tokens(account).await;
        assert_eq!(
            (&tokens["token_type"], &tokens["expires_in"]),
            (&json!("Bearer"), &json!(3599))
        );
        assert_eq!(trial.user(&tokens["access_token"]).await.as_deref(), Some(user));
        let claims = text(&tokens["id_token"]).split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims["preferred_username"], trial.field(account, "username"));
        let (_, refreshed) = trial.refresh(text(&tokens["refresh_token"])).await;
        assert_eq!(trial.user(&refreshed["access_token"]).await.as_deref(), Some(user));
    }
    let counted = trial.sandbox.sign_ins();
    assert_eq!((counted.logins, counted.refused_secrets), (2, 0));
    assert_eq!(counted.exchanges_of("authorization_code"), 2);
    assert_eq!(counted.exchanges_of("refresh_token"), 2);
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again_and_declining_goes_back() {
    let trial = Trial::start().await;
    let username = trial.field(Account::Second, "username");
    for entered in [
        vec![
            ("account", username.as_str()),
            ("password", "wrong"),
            ("action", "accept"),
        ],
        vec![("account", "<nobody>"), ("password", ""), ("action", "accept")],
    ] {
        let again = trial.enter(&entered).await;
        assert_eq!(again.status(), 200);
        let page = again.text().await.unwrap();
        assert!(page.contains("role=\"alert\"") && page.contains("AADSTS50126") && !page.contains("<nobody>"));
    }
    assert_eq!(
        (
            trial.sandbox.sign_ins().logins,
            trial.sandbox.sign_ins().refused_secrets
        ),
        (2, 2)
    );
    let back = went_to(&trial.enter(&[("action", "deny")]).await);
    assert_eq!(
        (back["error"].as_str(), back["state"].as_str()),
        ("access_denied", "a b&c")
    );
    assert!(back["error_description"].starts_with("AADSTS65004"));
    assert!(!back.contains_key("code"));
    assert_eq!(trial.sandbox.sign_ins().logins, 2);
}

#[tokio::test]
async fn a_bad_request_is_only_sent_back_to_a_good_address() {
    let trial = Trial::start().await;
    for (change, number) in [
        (("client_id", "x\"><script>"), "AADSTS700016"),
        (("redirect_uri", "http://app.example/callback"), "AADSTS50011"),
        (("redirect_uri", "javascript:alert(1)"), "AADSTS50011"),
        (("redirect_uri", "https://app.example/#part"), "AADSTS50011"),
        (("redirect_uri", ""), "AADSTS50011"),
    ] {
        let shown = trial.visit(&[change]).await;
        assert_eq!(shown.status(), 400, "{change:?}");
        let page = shown.text().await.unwrap();
        assert!(page.contains(number) && !page.contains("<script"), "{change:?}");
    }
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", ""), "invalid_request"),
        (("scope", "nonsense"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ] {
        let back = went_to(&trial.visit(&[change]).await);
        assert_eq!(
            (back["error"].as_str(), back["state"].as_str()),
            (error, "a b&c"),
            "{change:?}"
        );
    }
    let local = trial.visit(&[("redirect_uri", "http://127.0.0.1:8080/callback")]).await;
    assert_eq!(local.status(), 200);
    let elsewhere = format!("{}/other/oauth2/v2.0/authorize?client_id=x", trial.sandbox.base_url());
    let answer = trial.client.get(elsewhere).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("AADSTS90002"));
}

#[tokio::test]
async fn a_code_works_once_and_only_for_what_it_was_made_for() {
    let trial = Trial::start().await;
    let code = trial.sign_in(Account::First).await;
    let (status, tokens) = trial.exchange(&code, &[]).await;
    assert_eq!(status, 200);
    refused(trial.exchange(&code, &[]).await, "invalid_grant", 54_005);
    let refresh_token = text(&tokens["refresh_token"]);
    refused(trial.refresh(refresh_token).await, "invalid_grant", 50_173);

    for (change, error, number) in [
        (
            ("code_verifier", "another-verifier-another-verifier-another-verifier"),
            "invalid_grant",
            501_481,
        ),
        (("redirect_uri", "https://app.example/other"), "invalid_grant", 500_112),
        (("code", "0.unknown"), "invalid_grant", 70_000),
        (("code_verifier", ""), "invalid_request", 900_144),
        (("client_secret", "wrong"), "invalid_client", 7_000_215),
        (("client_secret", ""), "invalid_client", 7_000_218),
        (("client_id", "unknown"), "unauthorized_client", 700_016),
    ] {
        let code = trial.sign_in(Account::First).await;
        refused(trial.exchange(&code, &[change]).await, error, number);
    }
    let code = trial.sign_in(Account::First).await;
    let (id, secret) = (
        trial.field(Account::Second, "client_id"),
        trial.field(Account::Second, "client_secret"),
    );
    let foreign = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
    refused(trial.exchange(&code, &foreign).await, "invalid_grant", 70_000);
    trial.sandbox.set_token_rules(TokenRules {
        code_lifetime_s: 0,
        ..TokenRules::default()
    });
    refused(trial.exchange(&code, &[]).await, "invalid_grant", 70_008);
}

#[tokio::test]
async fn the_secret_may_come_in_a_basic_header() {
    let trial = Trial::start().await;
    let code = trial.sign_in(Account::First).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let (id, secret) = (
        trial.field(Account::First, "client_id"),
        trial.field(Account::First, "client_secret"),
    );
    let request = trial.client.post(text(&trial.server()["token_url"])).form(&form);
    assert_eq!(request.basic_auth(id, Some(secret)).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn refresh_tokens_need_their_scope_and_are_replaced_and_counted() {
    let trial = Trial::start().await;
    let scope = format!("{}/.default", trial.sandbox.base_url());
    let address = trial.address(&with(trial.request(), &[("scope", &scope)]));
    let (username, password) = (
        trial.field(Account::First, "username"),
        trial.field(Account::First, "password"),
    );
    let entered = [("account", &username), ("password", &password)];
    let back = went_to(&trial.client.post(address).form(&entered).send().await.unwrap());
    let (_, tokens) = trial.exchange(&back["code"], &[]).await;
    assert!(tokens["access_token"].is_string());
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none());

    let mut token = text(&trial.tokens(Account::First).await["refresh_token"]).to_owned();
    for _ in 0..3 {
        let (status, next) = trial.refresh(&token).await;
        assert_eq!(status, 200);
        assert_ne!(next["refresh_token"], token);
        text(&next["refresh_token"]).clone_into(&mut token);
    }
    let counted = trial.sandbox.sign_ins();
    let uses: Vec<u32> = counted.refresh_tokens.iter().map(|token| token.uses).collect();
    assert_eq!((uses, counted.most_refresh_uses()), (vec![1, 1, 1, 0], 1));
    assert_eq!(counted.refresh_tokens[3].token, token);
    assert!(
        counted
            .refresh_tokens
            .iter()
            .all(|token| token.family == counted.refresh_tokens[0].family)
    );
}

#[tokio::test]
async fn a_refresh_token_used_too_often_ends_its_family_alone() {
    let trial = Trial::start().await;
    let first = trial.tokens(Account::First).await;
    let other = trial.tokens(Account::First).await;
    let old = text(&first["refresh_token"]);
    let (_, next) = trial.refresh(old).await;
    assert_eq!(trial.refresh(old).await.0, 200, "one lost answer is forgiven");
    refused(trial.refresh(old).await, "invalid_grant", 70_000);
    refused(
        trial.refresh(text(&next["refresh_token"])).await,
        "invalid_grant",
        70_000,
    );
    assert_eq!(trial.refresh(text(&other["refresh_token"])).await.0, 200);
    let counted = trial.sandbox.sign_ins();
    let found = counted.refresh_tokens.iter().find(|token| token.token == old).unwrap();
    assert_eq!((found.uses, found.revoked, found.account), (3, true, Account::First));
    assert_eq!(counted.refused_exchanges_of("refresh_token"), 2);
    refused(trial.refresh("1.unknown").await, "invalid_grant", 70_000);

    trial.sandbox.set_token_rules(TokenRules {
        refresh_reuses: 0,
        ..TokenRules::default()
    });
    let strict = trial.tokens(Account::Second).await;
    let old = text(&strict["refresh_token"]);
    assert_eq!(trial.refresh(old).await.0, 200);
    refused(trial.refresh(old).await, "invalid_grant", 70_000);
}

#[tokio::test]
async fn revoked_and_expired_grants_need_a_new_sign_in() {
    let trial = Trial::start().await;
    let tokens = trial.tokens(Account::First).await;
    let waiting = trial.sign_in(Account::First).await;
    let address = format!("{}/_sandbox/credentials/revoke-refresh", trial.sandbox.base_url());
    assert_eq!(trial.client.post(address).send().await.unwrap().status(), 204);
    refused(
        trial.refresh(text(&tokens["refresh_token"])).await,
        "invalid_grant",
        50_173,
    );
    refused(trial.exchange(&waiting, &[]).await, "invalid_grant", 50_173);
    assert!(trial.user(&tokens["access_token"]).await.is_some(), "until it expires");

    let tokens = trial.tokens(Account::First).await;
    let beside = trial.tokens(Account::Second).await;
    let (old_secret, old_password) = (
        trial.field(Account::First, "client_secret"),
        trial.field(Account::First, "password"),
    );
    trial.sandbox.expire_credentials();
    assert_eq!(trial.user(&tokens["access_token"]).await, None);
    let refresh_token = text(&tokens["refresh_token"]);
    let old = [("refresh_token", refresh_token), ("client_secret", old_secret.as_str())];
    refused(trial.token("refresh_token", &old).await, "invalid_client", 7_000_222);
    refused(trial.refresh(refresh_token).await, "invalid_grant", 50_173);
    let username = trial.field(Account::First, "username");
    let entered = [("account", username.as_str()), ("password", old_password.as_str())];
    assert!(
        trial
            .enter(&entered)
            .await
            .text()
            .await
            .unwrap()
            .contains("AADSTS50126")
    );
    assert!(
        trial
            .user(&trial.tokens(Account::First).await["access_token"])
            .await
            .is_some()
    );
    assert!(trial.user(&beside["access_token"]).await.is_some());
    assert_eq!(trial.refresh(text(&beside["refresh_token"])).await.0, 200);
}

#[tokio::test]
async fn access_tokens_live_as_long_as_the_rules_say() {
    let trial = Trial::start().await;
    let address = format!("{}/_sandbox/token-rules", trial.sandbox.base_url());
    let set = async |rules: Value| {
        let request = trial.client.put(&address).json(&rules);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(set(json!({"access_lifetime_s": 0})).await, 204);
    assert_eq!(trial.sandbox.token_rules().refresh_reuses, 1);
    let tokens = trial.tokens(Account::First).await;
    assert_eq!(tokens["expires_in"], 0);
    assert_eq!(trial.user(&tokens["access_token"]).await, None);
    assert_eq!(set(json!({"access_lifetime_s": 600})).await, 204);
    let (_, refreshed) = trial.refresh(text(&tokens["refresh_token"])).await;
    assert!(trial.user(&refreshed["access_token"]).await.is_some());
    assert_eq!(set(json!({"access_lifetime": 600})).await, 400);
}
