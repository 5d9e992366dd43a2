//! A caller of the API with one token, and the requests that the trials of the life of connections make most.

use std::time::{Duration, Instant};

use lineshaft_sandbox::Sandbox;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{Answer, Plant};

/// Somebody with a token.
#[derive(Clone)]
pub struct Api {
    pub base: String,
    pub token: String,
    client: reqwest::Client,
}

/// A connection just made, with its token.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    pub token_id: String,
    pub token: String,
}

pub const CREATE: &str = "mutation($input: CreateConnectionInput!) { createConnection(input: $input) {
    secret warnings token { id } connection { id status credits account customer { externalId } } } }";

pub const UPDATE: &str =
    "mutation($input: UpdateConnectionCredentialsInput!) { updateConnectionCredentials(input: $input) {
    secret oldTokensEndAt warnings token { id } connection { id status account } } }";

pub const ROTATE: &str = "mutation($id: ID!) { rotateConnectionToken(connectionId: $id) { secret token { id } } }";

const LOG: &str = "query($after: String) { events(first: 250, after: $after) {
    nodes { id type cursor sequence connectionId data } pageInfo { hasNextPage endCursor } } }";

impl Api {
    pub fn new(base: &str, token: &str) -> Self {
        Self {
            base: base.to_owned(),
            token: token.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Asks as the organization of a plant.
    pub fn of(plant: &Plant) -> Self {
        Self::new(plant.url.trim_end_matches("/graphql"), &plant.token)
    }

    /// Asks the same server with another token.
    pub fn with(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    pub async fn query(&self, text: &str, variables: Value) -> Answer {
        self.try_query(text, variables).await.expect("the server answers")
    }

    /// Asks a server that may be gone.
    pub async fn try_query(&self, text: &str, variables: Value) -> Option<Answer> {
        let request = self
            .client
            .post(format!("{}/graphql", self.base))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(json!({"query": text, "variables": variables}).to_string());
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Answer {
            status,
            headers,
            text,
            body,
        })
    }

    /// Gets what lies at a path.
    pub async fn get(&self, path: &str, known: Option<&str>) -> Answer {
        let mut request = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(tag) = known {
            request = request.header("if-none-match", tag);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    /// Makes a connection to a simulated system.
    pub async fn connect(&self, sandbox: &Sandbox, customer: &str) -> Made {
        let answer = self.query(CREATE, form(sandbox, customer)).await;
        let made = &answer.data()["createConnection"];
        Made {
            id: text(&made["connection"]["id"]),
            token_id: text(&made["token"]["id"]),
            token: text(&made["secret"]),
        }
    }

    /// Does something to a connection that takes its id alone.
    pub async fn act(&self, deed: &str, id: &str) -> Answer {
        let text = format!("mutation($id: ID!) {{ {deed}(id: $id) {{ id status statusReason credits }} }}");
        self.query(&text, json!({ "id": id })).await
    }

    pub async fn status(&self, id: &str) -> String {
        let answer = self
            .query(
                "query($id: ID!) { connection(id: $id) { status } }",
                json!({ "id": id }),
            )
            .await;
        text(&answer.data()["connection"]["status"])
    }

    /// Reads vendors through one connection.
    pub async fn vendors(&self, id: &str) -> Answer {
        self.query(
            "query($ids: [ID!]) { vendors(first: 3, connections: $ids) { nodes { id name } \
             sources { status upstreamCalls connection { id } } } }",
            json!({ "ids": [id] }),
        )
        .await
    }

    /// Makes an endpoint for webhooks and returns its id and its secret.
    pub async fn endpoint(&self, url: &str, ordered: bool) -> (String, String) {
        let made = self
            .query(
                "mutation($url: String!, $ordered: Boolean!) { createWebhookEndpoint(input: {url: $url, ordered: $ordered}) \
                 { secret endpoint { id } } }",
                json!({"url": url, "ordered": ordered}),
            )
            .await;
        let made = &made.data()["createWebhookEndpoint"];
        (text(&made["endpoint"]["id"]), text(&made["secret"]))
    }

    /// Returns the events behind a cursor, the oldest first.
    pub async fn log(&self, after: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), after.to_owned());
        loop {
            let answer = self.query(LOG, json!({ "after": after })).await;
            let page = &answer.data()["events"];
            all.extend(page["nodes"].as_array().unwrap().iter().cloned());
            if page["pageInfo"]["hasNextPage"] != true {
                return all;
            }
            after = text(&page["pageInfo"]["endCursor"]);
        }
    }

    /// Returns the cursor of the newest event; that of none when there is none.
    pub async fn newest(&self) -> String {
        let answer = self.query("{ events(first: 1) { nodes { cursor } } }", json!({})).await;
        let newest = &answer.data()["events"]["nodes"][0]["cursor"];
        newest.as_str().unwrap_or("0").to_owned()
    }

    /// Returns what there is of credits: total, used and available.
    pub async fn credits(&self) -> (i64, i64, i64) {
        let answer = self
            .query("{ organization { credits { total used available } } }", json!({}))
            .await;
        let credits = &answer.data()["organization"]["credits"];
        let number = |name: &str| credits[name].as_i64().unwrap();
        (number("total"), number("used"), number("available"))
    }
}

/// Returns what is sent to connect a simulated system for a customer.
pub fn form(sandbox: &Sandbox, customer: &str) -> Value {
    let (settings, credentials) = sandbox.demo_connection();
    json!({"input": {
        "connector": sandbox.system().id(),
        "customer": {"externalId": customer},
        "settings": settings,
        "credentials": credentials,
    }})
}

/// Returns a text that must be there.
#[track_caller]
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// Returns the types of events, in their order.
pub fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// Asks again and again until there is an answer, at most for a time.
#[track_caller]
pub fn eventually<T, F: Future<Output = Option<T>>>(
    within: Duration,
    what: &str,
    ask: impl Fn() -> F,
) -> impl Future<Output = T> {
    let end = Instant::now() + within;
    async move {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            assert!(Instant::now() < end, "not within {within:?}: {what}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}
