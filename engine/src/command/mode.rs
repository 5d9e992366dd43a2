//! Sets whether the writes of a connection reach its system.

use lineshaft_entities::connection::{ActiveModel, Column, Entity, WriteMode};
use sea_orm::{ColumnTrait as _, QueryFilter as _, Set};
use serde_json::json;
use url::{Host, Url};
use uuid::Uuid;

use super::{ModeError, Simulate};
use crate::{
    Engine,
    audit::Act,
    connections::{Connection, Visible},
    database,
    origin::Origin,
};

impl Engine {
    /// Sets whether the writes of a connection reach its system.
    ///
    /// # Errors
    /// When there is no such connection, or it may not simulate.
    pub async fn set_write_mode(
        &self,
        visible: impl Into<Visible>,
        id: Uuid,
        mode: WriteMode,
        origin: &Origin,
    ) -> Result<Connection, ModeError> {
        let known = self.connections.get(visible, id).await?;
        if known.write_mode == mode {
            return Ok(known);
        }
        if mode == WriteMode::Simulate && !self.may_simulate(&known) {
            return Err(ModeError::SimulateNotAllowed);
        }
        let now = database::now();
        let change = self.journal.begin().await?;
        let updated = Entity::update_for_organization(known.organization_id)
            .set(ActiveModel {
                write_mode: Set(mode),
                updated_at: Set(now),
                ..Default::default()
            })
            .filter(Column::Id.eq(id))
            .exec(change.transaction())
            .await?;
        if updated.rows_affected == 0 {
            return Err(ModeError::ConnectionUnknown(id));
        }
        let act = Act {
            action: "connection.write_mode",
            target_id: Some(id),
            detail: json!({"previous": known.write_mode, "mode": mode}),
        };
        change.note(known.organization_id, origin, act).await?;
        change.commit().await?;
        Ok(Connection {
            write_mode: mode,
            updated_at: now,
            ..known
        })
    }

    fn may_simulate(&self, connection: &Connection) -> bool {
        match self.settings.writes.simulate {
            Simulate::Any => true,
            Simulate::Loopback => {
                let address = self.pool.plain(connection).ok();
                let address = address.and_then(|connector| connector.base_url().ok());
                address.is_some_and(|address| is_loopback(&address))
            }
        }
    }
}

fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
