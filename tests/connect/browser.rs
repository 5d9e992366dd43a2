//! A browser as far as the hosted pages need one: it keeps the cookie, posts as the page does, and remembers all that it
//! was told.

use std::sync::Mutex;

use reqwest::{Client, redirect};
use serde_json::{Value, json};

use crate::support::{Answer, Plant};

/// Returns the address of the server.
pub fn base(plant: &Plant) -> String {
    plant.url.trim_end_matches("/graphql").to_owned()
}

/// A browser with the page of a link open.
pub struct Browser {
    pub url: String,
    client: Client,
    cookie: String,
    heard: Mutex<String>,
}

fn client() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap()
}

impl Browser {
    /// Opens a link, or an address that leads to one.
    pub async fn open(address: &str) -> Self {
        let client = client();
        let mut url = address.to_owned();
        let mut answer = client.get(&url).send().await.unwrap();
        if answer.status() == 303 {
            url = answer.headers()["location"].to_str().unwrap().to_owned();
            answer = client.get(&url).send().await.unwrap();
        }
        assert_eq!(answer.status(), 200, "{url}");
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self {
            url,
            client,
            cookie,
            heard: Mutex::default(),
        }
    }

    /// Fetches an address without any cookie.
    pub async fn fetch(address: &str) -> Answer {
        Answer::read(client().get(address).send().await.unwrap()).await
    }

    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Returns the token of the link.
    pub fn token(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    /// Returns everything that was answered so far.
    pub fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    async fn read(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = Answer::read(request.send().await.unwrap()).await;
        self.heard.lock().unwrap().push_str(&answer.text);
        answer
    }

    /// Gets what lies below the page.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.url));
        self.read(request.header("cookie", &self.cookie)).await
    }

    pub async fn state(&self) -> Answer {
        self.get("/state").await
    }

    /// Posts with these headers only.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self.client.post(format!("{}{path}", self.url)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.read(request).await
    }

    /// Posts as the page does.
    pub async fn send(&self, path: &str, body: &Value) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("x-lineshaft-page", "1"),
            ("cookie", self.cookie.as_str()),
        ];
        self.post(path, &headers, &body.to_string()).await
    }

    /// Tries a form and returns the lines of the answer.
    pub async fn attempt(&self, form: &Value) -> Vec<Value> {
        let answer = self.send("/try", form).await;
        answer
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Exchanges a code, as a backend does.
    pub async fn exchange(&self, code: &str) -> Answer {
        let (base, _) = self.url.split_once("/connect/").unwrap();
        let request = self.client.post(format!("{base}/v1/connect/exchange"));
        self.read(request.json(&json!({ "code": code }))).await
    }

    /// Comes back from the system's own page, with the cookie or without it.
    pub async fn come_back(&self, address: &str, with_cookie: bool) -> Answer {
        let mut request = self.client.get(address);
        if with_cookie {
            request = request.header("cookie", &self.cookie);
        }
        self.read(request).await
    }
}
