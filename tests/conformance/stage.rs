//! Where the trials of one connector run. A system that allows only so many calls is replaced by a fresh one in time;
//! ids are rewritten, so that trials do not notice.

use std::{str::FromStr as _, sync::Arc};

use lineshaft_connect::blueprint::Blueprint;
use lineshaft_sandbox::System;
use lineshaft_schema::{ConnectionId, GlobalId};
use serde_json::{Map, Value};
use tokio::sync::RwLock;

use crate::support::{Answer, Plant, Setup};

/// Calls that are asked of one system at most, with room for what is under way. Limble takes 360 in a minute.
const MOST_CALLS: usize = 200;

pub struct Stage {
    system: System,
    settings: Map<String, Value>,
    /// The connection whose id the trials know.
    shown: ConnectionId,
    plant: RwLock<Arc<Plant>>,
}

impl Stage {
    pub async fn start(system: System, settings: Map<String, Value>) -> Self {
        let plant = Setup {
            settings: settings.clone(),
            ..Setup::only([system])
        }
        .start()
        .await;
        Self {
            system,
            settings,
            shown: id_of(&plant, system),
            plant: RwLock::new(Arc::new(plant)),
        }
    }

    /// Returns what the connector says for the settings of the connection.
    pub async fn blueprint(&self) -> Arc<Blueprint> {
        let kind = self.plant().await.engine.registry.get(self.system.id()).unwrap();
        kind.blueprint_for(&self.settings).unwrap()
    }

    pub async fn plant(&self) -> Arc<Plant> {
        self.plant.read().await.clone()
    }

    /// Returns a place to ask from. Cursors are good only with the place that gave them.
    pub async fn place(&self) -> Place {
        let plant = self.fresh().await;
        Place {
            real: id_of(&plant, self.system),
            shown: self.shown,
            plant,
        }
    }

    pub async fn query(&self, text: &str, variables: Value) -> Answer {
        self.place().await.query(text, variables).await
    }

    async fn fresh(&self) -> Arc<Plant> {
        let worn =
            |plant: &Plant| self.system == System::Limble && plant.sandbox(self.system).calls().len() > MOST_CALLS;
        let plant = self.plant().await;
        if !worn(&plant) {
            return plant;
        }
        let mut slot = self.plant.write().await;
        if worn(&slot) {
            let setup = Setup {
                settings: self.settings.clone(),
                ..Setup::only([self.system])
            };
            *slot = Arc::new(setup.start().await);
        }
        slot.clone()
    }
}

/// One plant for as long as somebody asks it.
pub struct Place {
    plant: Arc<Plant>,
    real: ConnectionId,
    shown: ConnectionId,
}

impl Place {
    pub async fn query(&self, text: &str, variables: Value) -> Answer {
        let mut answer = self.plant.query(text, rebased(variables, self.shown, self.real)).await;
        answer.body = rebased(answer.body, self.real, self.shown);
        answer
    }
}

fn id_of(plant: &Plant, system: System) -> ConnectionId {
    plant.connection(system).parse().unwrap()
}

/// Moves ids of one connection to another, and leaves cursors and everything else as it is.
pub fn rebased(value: Value, from: ConnectionId, to: ConnectionId) -> Value {
    if from == to {
        return value;
    }
    match value {
        Value::String(text) if text.len() > 24 => Value::String(match GlobalId::from_str(&text) {
            Ok(id) if id.connection == from => GlobalId { connection: to, ..id }.to_string(),
            _ if text == from.to_string() => to.to_string(),
            _ => text,
        }),
        Value::Array(values) => values.into_iter().map(|value| rebased(value, from, to)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, rebased(value, from, to)))
            .collect(),
        other => other,
    }
}
