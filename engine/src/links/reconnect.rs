//! The address that is told with a connection that needs its customer. It is made from the connection alone and stored
//! nowhere, so it can be told again and again; opening it makes a fresh link while the connection still waits.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::{connect_link, connection};
use sea_orm::{ColumnTrait as _, PaginatorTrait as _, QueryFilter as _};
use uuid::Uuid;

use super::{LinkCreated, LinkError, PageOptions, is_hash_of, make};
use crate::{
    Engine,
    connections::{self, Connection, Status},
    database,
    origin::Origin,
};

/// Fresh links that one connection is given within half an hour.
const MOST_LINKS: u64 = 20;

/// Returns the address under which the customer brings a connection back; none unless it waits for that.
#[must_use]
pub fn reconnect_address(engine: &Engine, connection: &Connection) -> Option<String> {
    if connection.status != Status::ReauthRequired || engine.public_url().is_empty() {
        return None;
    }
    let signed = signed_text(connection.id, connection.status_since);
    let mac = *engine.keys.token_hashes(&signed).first()?;
    Some(format!(
        "{}/reconnect/{}.{}.{}",
        engine.public_url(),
        connection.id,
        connection.status_since.timestamp_micros(),
        URL_SAFE_NO_PAD.encode(mac)
    ))
}

/// Makes a fresh link for an address that was told with a connection.
///
/// # Errors
/// When the address is not one of ours, or the connection does not wait any more, or waits again since.
pub async fn open_reconnect(engine: &Engine, text: &str) -> Result<LinkCreated, LinkError> {
    let (id, epoch) = verified(engine, text).ok_or(LinkError::NotFound)?;
    let row = connection::Entity::of_all()
        .filter(connection::Column::Id.eq(id))
        .one(&engine.database)
        .await?;
    let organization_id = row.ok_or(LinkError::NotFound)?.organization_id;
    let connection = match engine.connections.get(organization_id, id).await {
        Ok(connection) => connection,
        Err(connections::Error::NotFound(_)) => return Err(LinkError::NotFound),
        Err(error) => return Err(LinkError::internal(error)),
    };
    if connection.status != Status::ReauthRequired || connection.status_since.timestamp_micros() != epoch {
        return Err(LinkError::Expired);
    }
    let recent = connect_link::Entity::for_organization(organization_id)
        .filter(connect_link::Column::ConnectionId.eq(id))
        .filter(connect_link::Column::CreatedAt.gt(database::now() - TimeDelta::minutes(30)))
        .count(&engine.database)
        .await?;
    if recent >= MOST_LINKS {
        return Err(LinkError::TooMany);
    }
    make::reconnect(engine, &connection, false, PageOptions::default(), &Origin::server()).await
}

/// Takes an address apart whose signature is good.
fn verified(engine: &Engine, text: &str) -> Option<(Uuid, i64)> {
    let mut parts = text.split('.');
    let (id, epoch, mac) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (id, epoch): (Uuid, i64) = (id.parse().ok()?, epoch.parse().ok()?);
    let since = DateTime::from_timestamp_micros(epoch)?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    is_hash_of(&engine.keys, &signed_text(id, since), &mac).then_some((id, epoch))
}

/// No token has this form, so no hash of a token serves as a signature.
fn signed_text(id: Uuid, since: DateTime<Utc>) -> String {
    format!("reconnect {id} {}", since.timestamp_micros())
}
