//! Where the trials of one connector run. A system that allows only so many calls is replaced by a fresh one in time;
//! ids are rewritten, so that trials do not notice.

use std::{str::FromStr as _, sync::Arc};

use futures_util::future::BoxFuture;
use lineshaft_sandbox::Sandbox;
use lineshaft_schema::{ConnectionId, GlobalId};
use serde_json::Value;
use tokio::sync::RwLock;

use crate::Answer;

/// A server with one connection to one simulated system.
pub trait Place: Send + Sync {
    /// Asks as the organization.
    fn ask<'a>(&'a self, text: &'a str, variables: Value) -> BoxFuture<'a, Answer>;

    /// Returns the connection.
    fn connection(&self) -> ConnectionId;

    /// Returns the simulated system; none where a real one answers, which is then tried without taking rights away.
    fn sandbox(&self) -> Option<&Sandbox>;
}

/// Makes a place of its own.
pub type Make = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Place>, String>> + Send + Sync>;

/// Where the trials of one connector run.
pub struct Stage {
    make: Make,
    /// Calls after which a system is replaced.
    most_calls: Option<usize>,
    /// The connection whose id the trials know.
    shown: ConnectionId,
    place: RwLock<Arc<dyn Place>>,
}

impl Stage {
    /// Makes the first place. Systems that were called so often are replaced, with room for what is under way.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn start(make: Make, most_calls: Option<usize>) -> Result<Self, String> {
        let place = make().await?;
        Ok(Self {
            make,
            most_calls,
            shown: place.connection(),
            place: RwLock::new(place),
        })
    }

    /// Returns the place as it is.
    pub(crate) async fn present(&self) -> Arc<dyn Place> {
        self.place.read().await.clone()
    }

    /// Makes a place whose system nobody else asks.
    pub(crate) async fn apart(&self) -> Result<Arc<dyn Place>, String> {
        (self.make)().await
    }

    /// Returns a place to ask from. Cursors are good only with the place that gave them.
    pub(crate) async fn place(&self) -> Result<Standing, String> {
        let place = self.fresh().await?;
        Ok(Standing {
            real: place.connection(),
            shown: self.shown,
            place,
        })
    }

    /// Asks once.
    pub(crate) async fn query(&self, text: &str, variables: Value) -> Answer {
        match self.place().await {
            Ok(place) => place.query(text, variables).await,
            Err(problem) => Answer {
                status: 0,
                text: problem,
                body: Value::Null,
            },
        }
    }

    async fn fresh(&self) -> Result<Arc<dyn Place>, String> {
        let worn = |place: &dyn Place| {
            self.most_calls
                .is_some_and(|most| place.sandbox().is_some_and(|sandbox| sandbox.calls().len() > most))
        };
        let place = self.present().await;
        if !worn(&*place) {
            return Ok(place);
        }
        let mut slot = self.place.write().await;
        if worn(&**slot) {
            *slot = (self.make)().await?;
        }
        Ok(slot.clone())
    }
}

/// One place for as long as somebody asks it.
pub(crate) struct Standing {
    place: Arc<dyn Place>,
    real: ConnectionId,
    shown: ConnectionId,
}

impl Standing {
    pub(crate) async fn query(&self, text: &str, variables: Value) -> Answer {
        let mut answer = self.place.ask(text, rebased(variables, self.shown, self.real)).await;
        answer.body = rebased(answer.body, self.real, self.shown);
        answer
    }
}

/// Moves ids of one connection to another, and leaves cursors and everything else as it is.
#[must_use]
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
