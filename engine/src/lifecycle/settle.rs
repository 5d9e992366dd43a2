//! Writes what was seen of a connection into its row, and moves it to another state where that is due: in one
//! transaction with the events that tell it.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use lineshaft_entities::{
    connection::{Model, Status},
    credential,
};
use sea_orm::{ColumnTrait as _, DbErr, QueryFilter as _};
use uuid::Uuid;

use super::{draft::Draft, machine::Signal, notes::Facts, watch::Watch};
use crate::{Engine, connections::Connection, credits, events::journal::Change};

/// Connections that are written at the same time.
const AT_ONCE: usize = 4;

impl Engine {
    /// Marks a connection whose credentials the system has just refused, so that nothing more is sent with them: not even
    /// by the very next query.
    pub(crate) async fn mark_reauthorization(&self, connection: &Connection) {
        if let Some(watch) = self.lifecycle.desk.find(connection.id) {
            self.settle_watch(&watch, Vec::new(), None).await;
        }
    }

    /// Writes what a watch has seen, with more signals if something else is known.
    pub(crate) async fn settle_watch(
        &self,
        watch: &Watch,
        more: Vec<Signal>,
        account: Option<String>,
    ) -> Option<Model> {
        let _turn = watch.turn.lock().await;
        if more.is_empty() && !watch.is_due() {
            return None;
        }
        self.write_watch(watch, more, account).await
    }

    async fn write_watch(&self, watch: &Watch, more: Vec<Signal>, account: Option<String>) -> Option<Model> {
        let mut taken = watch.take();
        taken.facts.account = account;
        taken.signals.extend(more);
        let written = self
            .settle(watch.organization_id, watch.id, &taken.signals, &taken.facts)
            .await;
        match written {
            Ok(row) => {
                taken.settled();
                match &row {
                    Some(row) => watch.wrote(row),
                    None => self.lifecycle.desk.forget(watch.id),
                }
                row
            }
            Err(error) => {
                tracing::error!(%error, connection.id = %watch.id, "the state of a connection could not be written");
                None
            }
        }
    }

    /// Writes down at once what this process has seen of a connection.
    pub(super) async fn write_down(&self, connection_id: Uuid) {
        if let Some(watch) = self.lifecycle.desk.find(connection_id) {
            let _turn = watch.turn.lock().await;
            self.write_watch(&watch, Vec::new(), None).await;
        }
    }

    /// Writes facts into a row and follows signals. Returns the row as it is afterwards, if there is one. Of a connection
    /// that is gone nothing more is written down.
    pub(super) async fn settle(
        &self,
        organization_id: Uuid,
        connection_id: Uuid,
        signals: &[Signal],
        facts: &Facts,
    ) -> Result<Option<Model>, DbErr> {
        let mut short = None;
        loop {
            let mut change = self.journal.begin().await?;
            let Some(mut draft) = Draft::begin(self, &change, organization_id, connection_id).await? else {
                return Ok(None);
            };
            if draft.row.status == Status::Disconnected {
                return Ok(None);
            }
            draft.note(facts);
            for signal in signals {
                if is_outdated(&change, signal, facts, organization_id, connection_id).await? {
                    continue;
                }
                match short {
                    Some((needed, available)) if matches!(signal, Signal::Worked(_) | Signal::Vouched(_)) => {
                        draft.wait_for_credits(needed, available);
                    }
                    _ => drop(draft.follow(signal, facts)),
                }
            }
            match draft.save(self, &mut change).await {
                Ok(row) => {
                    change.commit().await?;
                    return Ok(Some(row));
                }
                Err(credits::Error::Exhausted { needed, available }) if short.is_none() => {
                    short = Some((needed, available));
                }
                Err(credits::Error::Database(error)) => return Err(error),
                Err(error) => return Err(DbErr::Custom(error.to_string())),
            }
        }
    }

    /// Writes every change of state that is due.
    pub(super) async fn settle_due(&self) {
        let due = self.lifecycle.desk.take_due();
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |watch: Arc<Watch>| async move {
                self.settle_watch(&watch, Vec::new(), None).await;
            })
            .await;
    }

    /// Writes facts that have waited long enough, or all of them.
    pub(super) async fn flush(&self, all: bool) {
        let ripe = self.lifecycle.desk.ripe(crate::database::now(), all);
        stream::iter(ripe)
            .for_each_concurrent(AT_ONCE, |watch: Arc<Watch>| async move {
                let _turn = watch.turn.lock().await;
                self.write_watch(&watch, Vec::new(), None).await;
            })
            .await;
    }
}

/// Returns whether a refusal is about credentials that were replaced since.
async fn is_outdated(
    change: &Change,
    signal: &Signal,
    facts: &Facts,
    organization_id: Uuid,
    connection_id: Uuid,
) -> Result<bool, DbErr> {
    let (Signal::Refused(_), Some(version)) = (signal, facts.credentials_version) else {
        return Ok(false);
    };
    let present = credential::Entity::for_organization(organization_id)
        .filter(credential::Column::ConnectionId.eq(connection_id))
        .one(change.transaction())
        .await?;
    Ok(present.is_some_and(|present| present.version > version))
}
