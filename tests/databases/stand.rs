//! A server with one connection to one database, which trials can ask.

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_conformance::{Answer, Example, Place};
use lineshaft_sandbox::Sandbox;
use lineshaft_schema::ConnectionId;
use serde_json::{Value, json};

use super::tables::{Kind, PASSWORD, Tables};
use crate::{
    mappings::call::{accepted, of_connection, try_save},
    support::{self, Plant, Setup, connector_folder},
};

/// What differs from the usual.
pub struct Options {
    /// Networks besides the internet that may be connected to.
    pub networks: &'static str,
    pub attempt_ms: u64,
    /// Whether the example of the connector is saved as the mapping.
    pub maps: bool,
    pub encryption: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            networks: "127.0.0.0/8",
            attempt_ms: 10_000,
            maps: true,
            encryption: "off",
        }
    }
}

/// A database with the plant in it, and a server with a connection to it.
pub struct Stand {
    pub tables: Tables,
    pub plant: Plant,
    pub connection: String,
}

impl Stand {
    /// Starts everything; none where there is no server of this kind.
    pub async fn start(kind: Kind, options: &Options) -> Option<Self> {
        let tables = Tables::make(kind).await?;
        let setup = Setup {
            systems: Vec::new(),
            connectors: vec!["generic-sql"],
            ..Setup::default()
        };
        let setup = setup
            .set("UPSTREAM__ALLOW_NETWORKS", options.networks)
            .set("UPSTREAM__ATTEMPT_TIMEOUT_MS", options.attempt_ms);
        let plant = setup.start().await;
        let settings = json!({
            "database": kind.word(),
            "host": tables.host,
            "port": tables.port.to_string(),
            "name": tables.database,
            "encryption": options.encryption,
        });
        let credentials = json!({ "username": tables.reader, "password": PASSWORD });
        let connection = plant.connect_to("generic-sql", "Database", settings, credentials).await;
        let stand = Self {
            tables,
            plant,
            connection,
        };
        if options.maps {
            let example = Example::read(&connector_folder().join("generic-sql")).unwrap().unwrap();
            example.save(&stand).await.unwrap();
        }
        Some(stand)
    }

    pub async fn query(&self, text: &str, variables: Value) -> support::Answer {
        self.plant.query(text, variables).await
    }

    /// Saves a mapping of the connection over the version before.
    pub async fn map(&self, version: i64, yaml: &str) -> i64 {
        accepted(&self.try_map(version, yaml).await)
    }

    pub async fn try_map(&self, version: i64, yaml: &str) -> support::Answer {
        try_save(&self.plant, &of_connection(&self.connection), version, yaml).await
    }

    pub async fn status(&self) -> String {
        let text = "query($id: ID!) { connection(id: $id) { status } }";
        let answer = self.query(text, json!({ "id": self.connection })).await;
        answer.data()["connection"]["status"].as_str().unwrap().to_owned()
    }
}

impl Place for Stand {
    fn ask<'a>(&'a self, text: &'a str, variables: Value) -> BoxFuture<'a, Answer> {
        self.plant.query(text, variables).map(Answer::from).boxed()
    }

    fn connection(&self) -> ConnectionId {
        self.connection.parse().unwrap()
    }

    fn sandbox(&self) -> Option<&Sandbox> {
        None
    }
}
