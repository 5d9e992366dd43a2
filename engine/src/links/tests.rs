//! What links promise, on both kinds of database, over a system that a function plays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod again;
mod create;
mod links;
mod paper;
mod settings;

use std::sync::{Mutex, atomic::Ordering};

use futures_util::future::join_all;
use lineshaft_entities::{connect_link, exchange_code};
use lineshaft_schema::Catalogue;
use sea_orm::ActiveEnum as _;
use serde_json::{Map, Value, json};

use super::*;
use paper::{MANIFEST, Paper};

use crate::{
    Parts,
    applications::{Application, Applications},
    connections::{Connection, CreateError, Deployment, NewConnectionRequest, Reauthorize, ReauthorizeError, Status},
    credentials::SecretFields,
    credits,
    customers::NewCustomer,
    database::testing::{Stores, stores, stores_everywhere},
    events::EventKind,
    lifecycle::{self, Move, Reason},
    registry::Registry,
    tokens::{Ended, NewToken, Tokens},
    trial::StepState,
};

struct Server {
    engine: Engine,
    paper: Arc<Paper>,
    organization: Uuid,
    rival: Uuid,
    _stores: Stores,
}

fn server_over(stores: Stores) -> Server {
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    let mapping = "remote: REMOTE\nkey: id\nfields:\n  name: name\n";
    let vendors = mapping.replace("REMOTE", "suppliers");
    let assets = mapping.replace("REMOTE", "assets");
    registry.add_files([
        ("paper/manifest.yaml", MANIFEST),
        ("paper/mappings/Vendor.yaml", vendors.as_str()),
        ("paper/mappings/Asset.yaml", assets.as_str()),
    ]);
    assert!(registry.rejected().is_empty(), "{:#?}", registry.rejected());
    let paper = Arc::new(Paper::default());
    let ours = Application {
        client_id: "our-app".to_owned(),
        client_secret: Some("our-app-secret".into()),
    };
    let engine = Engine::new(Parts {
        database: stores.database.clone(),
        keys: stores.keys.clone(),
        registry,
        wire: paper.clone(),
        settings: crate::Settings {
            applications: Applications::new([("paper".to_owned(), ours)]),
            ..crate::Settings::default()
        },
    });
    engine.serve_under("https://lineshaft.example".to_owned());
    Server {
        engine,
        paper,
        organization: stores.acme,
        rival: stores.rival,
        _stores: stores,
    }
}

async fn servers() -> Vec<Server> {
    stores_everywhere().await.into_iter().map(server_over).collect()
}

async fn server() -> Server {
    server_over(stores().await)
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn credentials(username: &str, password: &str) -> SecretFields {
    SecretFields::new(object(json!({"username": username, "password": password})))
}

fn settings() -> Map<String, Value> {
    object(json!({"base_url": "https://paper.example"}))
}

fn submission(password: &str) -> Submission {
    Submission {
        connector: Some("paper".to_owned()),
        deployment: None,
        settings: settings(),
        way: Some("password".to_owned()),
        credentials: credentials("clerk", password),
        in_window: false,
    }
}

/// A browser with a link.
struct Browser {
    token: String,
    visitor: Visitor,
}

impl Server {
    fn request(&self, customer: &str) -> NewConnectionRequest {
        NewConnectionRequest {
            organization_id: self.organization,
            customer: Some(customer_named(customer)),
            connector: "paper".to_owned(),
            deployment: None,
            name: None,
            settings: settings(),
            credentials: credentials("clerk", "sesame-open"),
            credentials_expire_at: None,
            verify: true,
        }
    }

    async fn connect(&self) -> Connection {
        let created = self
            .engine
            .create_connection(self.request("c-1"), &Origin::operator(), |_| {})
            .await;
        created.unwrap().connection
    }

    async fn link(&self) -> LinkCreated {
        let new = NewConnectLink {
            customer: customer_named("c-1"),
            connector: None,
            allowed_connectors: None,
            page: PageOptions {
                redirect_url: Some("https://app.example/back?t=1".to_owned()),
                ..PageOptions::default()
            },
        };
        create_connect_link(&self.engine, self.organization, new, &Origin::operator())
            .await
            .unwrap()
    }

    async fn opened(&self, link: &LinkCreated) -> Browser {
        let token = link.url.rsplit('/').next().unwrap().to_owned();
        let mut browser = Browser {
            token,
            visitor: Visitor::default(),
        };
        let session = open(&self.engine, &browser.token, &browser.visitor).await.unwrap();
        browser.visitor.cookie = Some(secrecy::ExposeSecret::expose_secret(&session.cookie).to_owned());
        browser
    }

    async fn try_with(&self, browser: &Browser, password: &str) -> Result<Completed, Failure> {
        let attempt = begin(&self.engine, &browser.token, &browser.visitor, submission(password)).await;
        let attempt = attempt.map_err(|error| error.failure())?;
        attempt.run(&self.engine, |_| {}).await
    }

    async fn count_connections(&self) -> usize {
        let filter = crate::connections::Filter::default();
        let page = self
            .engine
            .connections
            .list(self.organization, &filter, None, 100)
            .await;
        page.unwrap().connections.len()
    }

    async fn expire(&self, link: Uuid) {
        connect_link::Entity::update_for_organization(self.organization)
            .set(connect_link::ActiveModel {
                expires_at: Set(database::now()),
                ..Default::default()
            })
            .filter(connect_link::Column::Id.eq(link))
            .exec(&self.engine.database)
            .await
            .unwrap();
    }

    async fn move_to(&self, connection: &Connection, status: Status) {
        let change = self.engine.journal.begin().await.unwrap();
        let from: Vec<Status> = [
            Status::Pending,
            Status::Active,
            Status::Paused,
            Status::ReauthRequired,
            Status::Disabled,
        ]
        .into();
        let step = Move {
            from: &from,
            to: status,
            reason: Some(Reason::InvalidCredentials),
            message: None,
        };
        lifecycle::apply(&change, self.organization, connection.id, step, Default::default())
            .await
            .unwrap();
        change.commit().await.unwrap();
    }

    async fn status(&self, connection: &Connection) -> Status {
        self.engine
            .connections
            .get(self.organization, connection.id)
            .await
            .unwrap()
            .status
    }

    async fn kinds(&self, connection: &Connection) -> Vec<String> {
        use lineshaft_entities::connection_event::{Column, Entity};
        use sea_orm::QueryOrder as _;
        let rows = Entity::for_organization(self.organization)
            .filter(Column::ConnectionId.eq(connection.id))
            .order_by_asc(Column::Sequence)
            .all(&self.engine.database)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.kind).collect()
    }

    async fn reauthorize(
        &self,
        connection: &Connection,
        user: &str,
        password: &str,
        allow: bool,
    ) -> Result<crate::connections::Reauthorized, ReauthorizeError> {
        let new = Reauthorize {
            settings: Map::new(),
            credentials: credentials(user, password),
            credentials_expire_at: None,
            allow_other_account: allow,
        };
        self.engine
            .reauthorize(self.organization, connection.id, new, &Origin::operator(), |_| {})
            .await
    }
}

fn customer_named(id: &str) -> NewCustomer {
    NewCustomer {
        external_id: id.to_owned(),
        name: format!("Customer {id}"),
    }
}
