//! Gives a connection a new token while the older ones run out, and revokes tokens, told and written down.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::api_token;
use sea_orm::{ColumnTrait as _, Condition, ConnectionTrait, DbErr, QueryFilter as _, Set};
use serde_json::json;
use uuid::Uuid;

use super::{Error, Issued, NewToken, revoke_where};
use crate::{
    Engine,
    audit::Act,
    connections::{self, Connection, Visible},
    database,
    events::{EventKind, NewEvent, journal::Change},
    origin::Origin,
};

/// Nobody waits longer for old tokens to end.
const LONGEST_GRACE: TimeDelta = TimeDelta::days(366);

/// A new token, and when the older ones end.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The new token.
    pub token: Issued,
    /// When the older ones stop working.
    pub old_tokens_end_at: DateTime<Utc>,
}

impl Engine {
    /// Gives a connection a new token. The older ones work for the grace period, which the settings give unless it is
    /// said.
    ///
    /// # Errors
    /// When there is no such connection, or it was disconnected.
    pub async fn rotate_token(
        &self,
        visible: impl Into<Visible>,
        connection_id: Uuid,
        grace: Option<Duration>,
        origin: &Origin,
    ) -> Result<Rotated, Error> {
        let connection = match self.connections.get(visible, connection_id).await {
            Ok(connection) => connection,
            Err(connections::Error::Database(error)) => return Err(error.into()),
            Err(_) => return Err(Error::UnknownConnection(connection_id)),
        };
        let organization_id = connection.organization_id;
        let mut change = self.journal.begin().await?;
        // The row of the connection is locked before that of the organization, as everywhere.
        super::require_connection(change.transaction(), organization_id, connection_id).await?;
        let rotated = self.rotate_within(&mut change, &connection, grace).await?;
        let act = Act {
            action: "token.rotate",
            target_id: Some(connection_id),
            detail: json!({"tokenId": rotated.token.token.id, "oldTokensEndAt": rotated.old_tokens_end_at}),
        };
        change.note(organization_id, origin, act).await?;
        change.commit().await?;
        self.tokens.forget_verified();
        Ok(rotated)
    }

    /// Makes a token, and writes down who made it.
    ///
    /// # Errors
    /// When the name is none, or there is no such connection.
    pub async fn create_token(&self, new: NewToken, origin: &Origin) -> Result<Issued, Error> {
        let organization_id = new.organization_id;
        let change = self.journal.begin().await?;
        let issued = self.tokens.create_within(change.transaction(), new).await?;
        let act = Act {
            action: "token.create",
            target_id: Some(issued.token.id),
            detail: json!({"name": issued.token.name, "connectionId": issued.token.connection_id}),
        };
        change.note(organization_id, origin, act).await?;
        change.commit().await?;
        Ok(issued)
    }

    /// Gives a connection a new token within a change, and tells it.
    pub(crate) async fn rotate_within(
        &self,
        change: &mut Change,
        connection: &Connection,
        grace: Option<Duration>,
    ) -> Result<Rotated, Error> {
        let (organization_id, connection_id) = (connection.organization_id, connection.id);
        let grace = grace.unwrap_or(self.settings.tokens.grace);
        let grace = TimeDelta::from_std(grace).unwrap_or(LONGEST_GRACE).min(LONGEST_GRACE);
        let end = database::now() + grace;
        end_tokens(change.transaction(), organization_id, connection_id, end).await?;
        let new = NewToken::of_connection(connection);
        let token = self.tokens.create_within(change.transaction(), new).await?;
        let event = NewEvent {
            organization_id,
            connection_id: Some(connection_id),
            kind: EventKind::TokenRotated,
            data: json!({"tokenId": token.token.id, "prefix": token.token.prefix, "oldTokensEndAt": end}),
        };
        change.tell(event).await?;
        Ok(Rotated {
            token,
            old_tokens_end_at: end,
        })
    }

    /// Revokes a token; one that is revoked already keeps its first date. Streams that it opened end within a second.
    ///
    /// # Errors
    /// When there is no such token for whoever asks.
    pub async fn revoke_token(&self, visible: impl Into<Visible>, id: Uuid, origin: &Origin) -> Result<(), Error> {
        let visible = visible.into();
        let organization_id = visible.owner();
        let change = self.journal.begin().await?;
        let found = api_token::Entity::for_organization(organization_id)
            .filter(api_token::Column::Id.eq(id))
            .one(change.transaction())
            .await?;
        let hidden = |row: &api_token::Model| visible.only().is_some_and(|only| row.connection_id != Some(only));
        let row = found.filter(|row| !hidden(row)).ok_or(Error::NotFound(id))?;
        let only_this = Condition::all().add(api_token::Column::Id.eq(id));
        if revoke_where(change.transaction(), organization_id, only_this).await? > 0 {
            let act = Act {
                action: "token.revoke",
                target_id: Some(id),
                detail: json!({"name": row.name, "prefix": row.prefix, "connectionId": row.connection_id}),
            };
            change.note(organization_id, origin, act).await?;
        }
        change.commit().await?;
        self.tokens.forget_verified();
        Ok(())
    }
}

impl NewToken {
    /// The token that a connection is given.
    pub(crate) fn of_connection(connection: &Connection) -> Self {
        Self {
            organization_id: connection.organization_id,
            connection_id: Some(connection.id),
            name: connection.name.clone(),
            scopes: Vec::new(),
            expires_at: None,
        }
    }
}

/// Lets the tokens of a connection end at a moment, unless they end earlier.
async fn end_tokens(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    connection_id: Uuid,
    end: DateTime<Utc>,
) -> Result<(), DbErr> {
    let later = Condition::any()
        .add(api_token::Column::ExpiresAt.is_null())
        .add(api_token::Column::ExpiresAt.gt(end));
    api_token::Entity::update_for_organization(organization_id)
        .set(api_token::ActiveModel {
            expires_at: Set(Some(end)),
            ..Default::default()
        })
        .filter(api_token::Column::ConnectionId.eq(connection_id))
        .filter(api_token::Column::RevokedAt.is_null())
        .filter(later)
        .exec(transaction)
        .await
        .map(drop)
}
