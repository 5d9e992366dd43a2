//! Planted secrets: none is found in the log, in any answer after the one that shows it, or in the files of the database.

use lineshaft_sandbox::{Account, Receiver, System};
use serde_json::{Value, json};

use super::{
    SOON,
    api::{Api, CREATE, ROTATE, UPDATE, eventually, form, text},
    process::Stage,
    socket::Socket,
    system,
};
use crate::connect::browser::Browser;

/// Everything of ours, and what libraries tell to those who look for faults.
const LOUD: &str = "debug,lineshaft=trace,lineshaft_api=trace,lineshaft_connect=trace,lineshaft_engine=trace";
const WRONG: &str = "c4nary-wr0ng-passw0rd";

/// Asks for everything that an organization can see about itself.
const ALL: &str = "{
    connections { nodes { id name status statusReason statusMessage lastError { code message } reconnectUrl account
        entityHealth { entity code message } tokens { id name prefix } events { nodes { type data } } } }
    organization { name credits { entries { nodes { note } } } }
    webhookEndpoints { id url description types }
    webhookDeliveries(first: 250) { nodes { body attempts { error requestHeaders responseHeaders responseBody } } }
    auditLog(first: 250) { nodes { action actorName detail } }
    events(first: 250) { nodes { type data } } }";

/// Secrets, each with a name for people.
#[derive(Default)]
struct Canaries(Vec<(String, String)>);

impl Canaries {
    fn plant(&mut self, name: &str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= 8, "{name} is no secret: {secret}");
        self.0.push((name.to_owned(), secret.clone()));
        secret
    }

    #[track_caller]
    fn sing_not(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for (name, secret) in &self.0 {
            if let Some(at) = text.find(secret) {
                let before: String = text[..at].chars().rev().take(300).collect();
                let before: String = before.chars().rev().collect();
                panic!("{place} holds {name}: {before}[here]");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_secret_is_found_where_it_does_not_belong() {
    let receiver = Receiver::start().await.unwrap();
    let (tryton, dynamics) = (system(System::Tryton).await, system(System::Dynamics365Fo).await);
    let mut canaries = Canaries::default();
    let client_secret = canaries.plant("the operator's client secret", "lakeside~demo~secret");
    let stage = Stage::new(
        100,
        &[
            ("LOG__FILTER", LOUD),
            (
                "OAUTH__DYNAMICS_365_FO__CLIENT_ID",
                "b3a8f2d4-51c7-4e0e-8f6d-7c2e9a4b1d05",
            ),
            ("OAUTH__DYNAMICS_365_FO__CLIENT_SECRET", &client_secret),
        ],
    );
    let server = stage.serve().await;
    let api = stage.api(&server);
    canaries.plant("the organization's key", stage.token.clone());
    let keys = std::fs::read_to_string(stage.key_file()).unwrap();
    let (_, key) = keys.lines().find_map(|line| line.split_once(':')).unwrap();
    canaries.plant("the key of the server", key.trim());

    let (endpoint, secret) = api.endpoint(&receiver.url("hooks"), false).await;
    canaries.plant("a webhook secret", secret.trim_start_matches("whsec_"));
    let rotated = "mutation($id: ID!) { rotateWebhookSecret(endpointId: $id) { secret } }";
    let rotated = api.query(rotated, json!({ "id": endpoint })).await;
    let rotated = text(&rotated.data()["rotateWebhookSecret"]["secret"]);
    canaries.plant("a rotated webhook secret", rotated.trim_start_matches("whsec_"));

    canaries.plant("a wrong password", WRONG);
    let mut wrong = form(&tryton, "c-1");
    wrong["input"]["credentials"]["password"] = json!(WRONG);
    let mut answers = api.query(CREATE, wrong.clone()).await.text;
    wrong["input"]["credentials"] = json!({ "password": {"nested": WRONG} });
    answers += &api.query(CREATE, wrong).await.text;
    answers += &api
        .query(
            &format!("mutation {{ createConnection(input: {{connector: \"tryton\", credentials: \"{WRONG}"),
            json!({}),
        )
        .await
        .text;

    let (_, good) = tryton.demo_connection();
    canaries.plant("a password", text(&good["password"]));
    let made = api.connect(&tryton, "c-1").await;
    canaries.plant("a connection's token", made.token.clone());
    let rotated = api.query(ROTATE, json!({ "id": made.id })).await;
    canaries.plant(
        "a rotated token",
        text(&rotated.data()["rotateConnectionToken"]["secret"]),
    );
    let own = Socket::open(&api.with(&made.token)).await;
    answers += &api.vendors(&made.id).await.text;

    signed_in(&api, &dynamics, &mut canaries, &mut answers).await;

    tryton.expire_credentials();
    answers += &api.vendors(&made.id).await.text;
    answers += &api.vendors(&made.id).await.text;
    let (_, second) = tryton.demo_connection_as(Account::Second);
    canaries.plant("the password of another account", text(&second["password"]));
    let update = |credentials: Value| json!({"input": {"connectionId": made.id, "credentials": credentials}});
    answers += &api.query(UPDATE, update(second)).await.text;
    let (_, renewed) = tryton.demo_connection();
    canaries.plant("a renewed password", text(&renewed["password"]));
    let back = api.query(UPDATE, update(renewed)).await;
    canaries.plant(
        "the token of the way back",
        text(&back.data()["updateConnectionCredentials"]["secret"]),
    );
    answers += &api.vendors(&made.id).await.text;
    let diagnose = "mutation($id: ID!) { diagnoseConnection(id: $id) { summary steps { detail advice } } }";
    answers += &api.query(diagnose, json!({ "id": made.id })).await.text;
    eventually(SOON, "everything is delivered", || async {
        let pending = api
            .query(
                "{ webhookDeliveries(filter: {states: [PENDING]}) { nodes { id } } }",
                json!({}),
            )
            .await;
        pending.nodes("webhookDeliveries").is_empty().then_some(())
    })
    .await;
    let all = api.query(ALL, json!({})).await;
    all.data();
    answers += &all.text;
    answers += &api.get(&format!("/v1/connections/{}/status", made.id), None).await.text;
    drop(own);

    canaries.sing_not("an answer", answers.as_bytes());
    for one in receiver.received() {
        canaries.sing_not("a webhook", format!("{:?}{}", one.headers, one.body).as_bytes());
    }
    canaries.sing_not("the database", &stage.stored_bytes());
    drop(server);
    let log = stage.logs();
    assert!(
        log.contains("\"level\":\"DEBUG\"") || log.contains("\"level\":\"TRACE\""),
        "the log is loud"
    );
    canaries.sing_not("the log", log.as_bytes());
    canaries.sing_not("the database", &stage.stored_bytes());
    for arguments in [
        &["connection", "list", "--json"][..],
        &["token", "list", "--json"],
        &["keys", "list", "--json"],
        &["connection", "status", &made.id, "--json"],
    ] {
        canaries.sing_not("the command line", stage.run(arguments).as_bytes());
    }
}

/// Somebody signs in at the system's own page.
async fn signed_in(api: &Api, dynamics: &lineshaft_sandbox::Sandbox, canaries: &mut Canaries, answers: &mut String) {
    let link = super::processes::link(api).await;
    canaries.plant("a link", link.rsplit('/').next().unwrap());
    let code = canaries.plant("a one-time code", super::processes::sign_in(dynamics, &link).await);
    let (id, _, token) = super::processes::exchange(api, &code).await;
    canaries.plant("the token of a code", token);
    dynamics.end_sessions();
    *answers += &api.vendors(&id).await.text;
    for (number, token) in dynamics.sign_ins().refresh_tokens.into_iter().enumerate() {
        canaries.plant(&format!("refresh token {number}"), token.token);
    }
    let again = api.query(
        "mutation($code: String!) { exchangeCode(code: $code) { secret } }",
        json!({ "code": code }),
    );
    *answers += &again.await.text;
    *answers += &Browser::fetch(&link).await.text;
}
