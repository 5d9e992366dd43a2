//! One-time codes: the organization's backend exchanges one for the new API token of a connection. Until then the token
//! lies sealed beside the code's hash; it is wiped when the code is used or has expired.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use lineshaft_entities::{
    authorization_flow,
    exchange_code::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, Condition, QueryFilter as _, Set};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::{CODE, LinkError, Row, hash_of, is_hash_of, options::SealedCode};
use crate::{
    Engine,
    audit::Act,
    connections::{self, Connection, Status},
    database,
    events::journal::Change,
    origin::Origin,
    secrets::{Binding, Sealed},
    tokens::{self, Issued},
};

/// What a code was exchanged for.
#[derive(Clone)]
pub struct ExchangedCode {
    /// The connection.
    pub connection: Connection,
    /// The identifier of its new API token.
    pub token_id: Uuid,
    /// The text of its new API token, which cannot be had again.
    pub token: SecretString,
}

impl fmt::Debug for ExchangedCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangedCode")
            .field("connection", &self.connection.id)
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}

/// Exchanges a code for the API token of the connection, once. Unknown, expired and used codes look the same, and so do
/// those of another organization than the one that asks.
///
/// # Errors
/// When the code is not good.
pub async fn exchange_code(
    engine: &Engine,
    organization_id: Option<Uuid>,
    code: &str,
    origin: &Origin,
) -> Result<ExchangedCode, LinkError> {
    let row = find(engine, code).await?.ok_or(LinkError::CodeInvalid)?;
    if organization_id.is_some_and(|asking| asking != row.organization_id) {
        return Err(LinkError::CodeInvalid);
    }
    let sealed = sealed_of(&row).ok_or(LinkError::CodeInvalid)?;
    let text = engine
        .keys
        .open(&token_binding(row.organization_id, row.connection_id), &sealed)?;
    let text = std::str::from_utf8(&text).map_err(LinkError::internal)?;
    let token = SecretString::from(text);
    let change = engine.journal.begin().await?;
    // Of many that come with the same code, this update lets one through.
    let used = Entity::update_for_organization(row.organization_id)
        .set(ActiveModel {
            used_at: Set(Some(database::now())),
            ..wiped()
        })
        .filter(Column::Id.eq(row.id))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(database::now()))
        .exec(change.transaction())
        .await?;
    if used.rows_affected == 0 {
        return Err(LinkError::CodeInvalid);
    }
    let act = Act {
        action: "code.exchange",
        target_id: Some(row.connection_id),
        detail: json!({"tokenId": row.token_id}),
    };
    change.note(row.organization_id, origin, act).await?;
    change.commit().await?;
    let connection = match engine.connections.get(row.organization_id, row.connection_id).await {
        Ok(connection) if connection.status != Status::Disconnected => connection,
        Ok(_) | Err(connections::Error::NotFound(_)) => return Err(LinkError::CodeInvalid),
        Err(error) => return Err(LinkError::internal(error)),
    };
    Ok(ExchangedCode {
        connection,
        token_id: row.token_id,
        token,
    })
}

/// Wipes the tokens of codes that have expired, and sign-ins elsewhere that are over. Returns how many rows that were.
///
/// # Errors
/// When the database fails.
pub async fn sweep(engine: &Engine) -> Result<u64, sea_orm::DbErr> {
    let now = database::now();
    let expired = Entity::update_of_all()
        .set(wiped())
        .filter(Column::Ciphertext.is_not_null())
        .filter(Column::ExpiresAt.lte(now))
        .exec(&engine.database)
        .await?;
    use authorization_flow::Column as Flow;
    let over = authorization_flow::Entity::delete_of_all()
        .filter(
            Condition::any()
                .add(Flow::ExpiresAt.lte(now))
                .add(Flow::UsedAt.is_not_null()),
        )
        .exec(&engine.database)
        .await?;
    Ok(expired.rows_affected + over.rows_affected)
}

/// Makes a code for a new token, within the change that made the token.
pub(super) async fn insert(
    engine: &Engine,
    change: &Change,
    connection: &Connection,
    issued: &Issued,
) -> Result<String, LinkError> {
    let code = tokens::random_text(CODE)?;
    let binding = token_binding(connection.organization_id, connection.id);
    let sealed = engine.keys.seal(&binding, issued.text.expose_secret().as_bytes())?;
    let now = database::now();
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(connection.organization_id),
        connection_id: Set(connection.id),
        token_id: Set(issued.token.id),
        hash: Set(hash_of(&engine.keys, &code)),
        key_id: Set(Some(sealed.key_id)),
        nonce: Set(Some(sealed.nonce)),
        ciphertext: Set(Some(sealed.ciphertext)),
        created_at: Set(now),
        expires_at: Set(now + TimeDelta::from_std(engine.settings.links.code_ttl).unwrap_or_default()),
        used_at: Set(None),
    };
    row.insert(change.transaction()).await?;
    Ok(code.as_str().to_owned())
}

/// Seals a code for its link, so that the page can tell it again after it was loaded anew.
pub(super) fn seal(engine: &Engine, row: &Row, code: &str) -> Result<SealedCode, LinkError> {
    let sealed = engine.keys.seal(&link_binding(row), code.as_bytes())?;
    Ok(SealedCode {
        key_id: sealed.key_id,
        nonce: STANDARD.encode(sealed.nonce),
        ciphertext: STANDARD.encode(sealed.ciphertext),
    })
}

/// Opens the code of a link, as long as it can be exchanged.
pub(super) async fn reopen(engine: &Engine, row: &Row, sealed: &SealedCode) -> Result<Option<String>, LinkError> {
    let (Ok(nonce), Ok(ciphertext)) = (STANDARD.decode(&sealed.nonce), STANDARD.decode(&sealed.ciphertext)) else {
        return Ok(None);
    };
    let sealed = Sealed {
        key_id: sealed.key_id.clone(),
        nonce,
        ciphertext,
    };
    let Ok(text) = engine.keys.open(&link_binding(row), &sealed) else {
        return Ok(None);
    };
    let code = String::from_utf8_lossy(&text).into_owned();
    Ok(find(engine, &code).await?.map(|_| code))
}

/// Finds a code that can be exchanged.
async fn find(engine: &Engine, code: &str) -> Result<Option<Model>, LinkError> {
    if !tokens::is_random_text(CODE, code) {
        return Ok(None);
    }
    let hashes = engine.keys.token_hashes(code);
    let rows = Entity::by_hash(hashes.iter().map(|hash| hash.to_vec()))
        .all(&engine.database)
        .await?;
    let now = database::now();
    let row = rows.into_iter().find(|row| is_hash_of(&engine.keys, code, &row.hash));
    Ok(row.filter(|row| row.used_at.is_none() && row.expires_at > now))
}

fn sealed_of(row: &Model) -> Option<Sealed> {
    Some(Sealed {
        key_id: row.key_id.clone()?,
        nonce: row.nonce.clone()?,
        ciphertext: row.ciphertext.clone()?,
    })
}

fn wiped() -> ActiveModel {
    ActiveModel {
        key_id: Set(None),
        nonce: Set(None),
        ciphertext: Set(None),
        ..Default::default()
    }
}

fn token_binding(organization_id: Uuid, connection_id: Uuid) -> Binding {
    Binding {
        organization_id,
        connection_id,
        purpose: "exchange code",
    }
}

fn link_binding(row: &Row) -> Binding {
    Binding {
        organization_id: row.model.organization_id,
        connection_id: row.model.id,
        purpose: "code of a link",
    }
}
