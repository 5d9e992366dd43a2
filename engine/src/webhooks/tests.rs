//! What endpoints and their deliveries promise, on every kind of database, against receivers on real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod delivering;
mod managing;
mod receiver;

use std::{
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use lineshaft_connect::transport::{ClientSettings, Guard, HttpClient};
use lineshaft_entities::webhook_endpoint;
use sea_orm::{ColumnTrait as _, QueryFilter as _, Set};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::receiver::{Receiver, Reply, Request};
use super::*;
use crate::{
    database::testing::{Stores, new_connection, stores, stores_everywhere},
    events::{EventKind, Journal, NewEvent},
    origin::Origin,
};

/// Endpoints over one database, with settings for tests: loopback over http is allowed, waits are short.
struct Stage {
    stores: Stores,
    journal: Journal,
    endpoints: Endpoints,
}

/// A worker that is gone when this is dropped, as if its process had been killed.
struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn quick() -> Settings {
    Settings {
        guard: guard(),
        allow_http: true,
        timeout: Duration::from_secs(5),
        schedule: vec![Duration::from_millis(20); 3],
        poll: Duration::from_millis(10),
        ..Settings::default()
    }
}

fn guard() -> Guard {
    Guard::new(&["127.0.0.0/8".parse().unwrap()])
}

impl Stage {
    fn on(stores: Stores, settings: Settings) -> Self {
        let journal = Journal::new(stores.database.clone());
        let endpoints = Endpoints::new(journal.clone(), stores.keys.clone(), Arc::new(settings));
        Self {
            stores,
            journal,
            endpoints,
        }
    }

    async fn new(settings: Settings) -> Self {
        Self::on(stores().await, settings)
    }

    async fn everywhere(settings: Settings) -> Vec<Self> {
        let stores = stores_everywhere().await;
        stores
            .into_iter()
            .map(|stores| Self::on(stores, settings.clone()))
            .collect()
    }

    /// Starts a worker, as a process of its own would.
    fn work(&self) -> Running {
        let client = HttpClient::new(&ClientSettings {
            guard: guard(),
            ..ClientSettings::default()
        });
        let worker = Worker::new(self.endpoints.clone(), Arc::new(client.unwrap()));
        Running(tokio::spawn(async move { worker.run(pending()).await }))
    }

    async fn endpoint(&self, url: &str) -> Created {
        self.add(new_endpoint(url)).await
    }

    async fn add(&self, new: NewEndpoint) -> Created {
        self.endpoints
            .create(self.stores.acme, new, &Origin::operator())
            .await
            .unwrap()
    }

    async fn connection(&self, name: &str) -> Uuid {
        let new = new_connection(self.stores.acme, name);
        self.stores.connections.add(new).await.unwrap().id
    }

    async fn tell(&self, connection_id: Option<Uuid>, kind: EventKind) -> Uuid {
        let mut change = self.journal.begin().await.unwrap();
        let new = NewEvent {
            organization_id: self.stores.acme,
            connection_id,
            kind,
            data: json!({"note": "Grüße"}),
        };
        let id = change.tell(new).await.unwrap().id;
        change.commit().await.unwrap();
        id
    }

    async fn deliveries(&self, endpoint: Uuid) -> Vec<Delivery> {
        let filter = Filter {
            endpoint_id: Some(endpoint),
            ..Filter::default()
        };
        let page = self.endpoints.deliveries(self.stores.acme, &filter, None, 1000).await;
        let mut deliveries = page.unwrap().deliveries;
        deliveries.reverse();
        deliveries
    }

    /// Waits until no delivery to an endpoint is under way any more.
    async fn settled(&self, endpoint: Uuid) -> Vec<Delivery> {
        let start = Instant::now();
        loop {
            let deliveries = self.deliveries(endpoint).await;
            if deliveries.iter().all(|delivery| delivery.state != State::Pending) {
                return deliveries;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{deliveries:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn attempts(&self, delivery: Uuid) -> Vec<Attempt> {
        self.endpoints.delivery(self.stores.acme, delivery).await.unwrap().1
    }

    async fn change_row(&self, id: Uuid, row: webhook_endpoint::ActiveModel) {
        webhook_endpoint::Entity::update_for_organization(self.stores.acme)
            .set(row)
            .filter(webhook_endpoint::Column::Id.eq(id))
            .exec(&self.stores.database)
            .await
            .unwrap();
    }
}

fn new_endpoint(url: &str) -> NewEndpoint {
    NewEndpoint {
        url: url.to_owned(),
        description: "tests".to_owned(),
        kinds: None,
        connection_id: None,
        ordered: false,
        enabled: true,
    }
}

/// Returns whether a secret made one of the signatures of a request.
fn is_signed_by(request: &Request, secret: &SecretString) -> bool {
    let secret = Secret::parse(secret.expose_secret()).unwrap();
    let timestamp: i64 = request.headers["webhook-timestamp"].parse().unwrap();
    assert!((chrono::Utc::now().timestamp() - timestamp).abs() < 60);
    let expected = signatures(&[secret], &request.headers["webhook-id"], timestamp, &request.body);
    request.headers["webhook-signature"]
        .split(' ')
        .any(|signature| signature == expected)
}
