//! Makes, verifies, lists and revokes the tokens that callers of the API carry. A token is shown once, when it is
//! made; what is stored is a keyed hash.

mod rotate;
mod watch;

#[cfg(test)]
mod tests;

pub use rotate::Rotated;
pub use watch::Ended;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::rand;
use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::{api_token, connection};
use moka::future::Cache;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, DatabaseConnection, DbErr, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set, SqlErr,
};
use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{database, organizations::is_name, secrets::KeyRing};

pub use lineshaft_entities::api_token::Kind;

/// 43 characters of 62 are the first length that holds 256 bits.
const RANDOM_LEN: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SHOWN_LEN: usize = 12;
const TRUSTED_FOR: Duration = Duration::from_secs(5);
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A token as people may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The identifier, which is no secret.
    pub id: Uuid,
    /// The name that people read.
    pub name: String,
    /// The first characters, by which people recognize it.
    pub prefix: String,
    /// The only connection that it may use, for a token of that kind.
    pub connection_id: Option<Uuid>,
    /// The names of what it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working, if ever.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The organization that it speaks for.
    pub organization_id: Uuid,
    /// The only connection that it may use; `None` for all of the organization.
    pub connection_id: Option<Uuid>,
    /// The name that people read: 1 to 200 characters.
    pub name: String,
    /// The names of what it may do.
    pub scopes: Vec<String>,
    /// When it stops working, if ever.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token just made, with its text, which cannot be had again.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// Its text: `lsk_…` for an organization, `lsc_…` for a connection.
    pub text: SecretString,
}

/// Who calls, as a valid token told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The organization that the caller belongs to.
    pub organization_id: Uuid,
    /// The token that the caller carried.
    pub token_id: Uuid,
    /// The connections that the caller may see.
    pub scope: Scope,
    /// The names of what the caller may do.
    pub scopes: Arc<[String]>,
}

/// Which connections a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of the organization.
    Organization,
    /// This one.
    Connection(Uuid),
}

/// Why a token could not be made, verified or revoked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is empty or too long.
    #[error("the name of a token must have 1 to 200 characters")]
    InvalidName,
    /// The organization does not exist.
    #[error("there is no organization `{0}`")]
    UnknownOrganization(Uuid),
    /// The organization has no such connection, or it was disconnected.
    #[error("there is no connection `{0}`")]
    UnknownConnection(Uuid),
    /// The organization has no such token.
    #[error("there is no token `{0}`")]
    NotFound(Uuid),
    /// The random source failed.
    #[error("the random source failed")]
    Random,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

/// The store of tokens. Clones share what they remember of verified tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    database: DatabaseConnection,
    keys: Arc<KeyRing>,
    verified: Cache<[u8; 32], Verified>,
    watched: Arc<watch::Watched>,
}

/// Settings of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long older tokens of a connection still work once it has a new one.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(86_400),
        }
    }
}

#[derive(Clone, Debug)]
struct Verified {
    caller: Caller,
    expires_at: Option<DateTime<Utc>>,
}

impl Caller {
    /// Returns whether the caller may do what is named so.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

impl Tokens {
    /// Makes a store over a database and a key ring.
    pub fn new(database: DatabaseConnection, keys: Arc<KeyRing>) -> Self {
        let verified = Cache::builder().max_capacity(10_000).time_to_live(TRUSTED_FOR).build();
        Self {
            watched: Arc::new(watch::Watched::new(database.clone())),
            database,
            keys,
            verified,
        }
    }

    /// Makes a token.
    pub async fn create(&self, new: NewToken) -> Result<Issued, Error> {
        let transaction = database::begin_writing(&self.database).await?;
        let issued = self.create_within(&transaction, new).await?;
        transaction.commit().await?;
        Ok(issued)
    }

    /// Makes a token within the transaction of a change.
    pub(crate) async fn create_within(
        &self,
        transaction: &impl ConnectionTrait,
        new: NewToken,
    ) -> Result<Issued, Error> {
        if !is_name(&new.name) {
            return Err(Error::InvalidName);
        }
        let kind = new.connection_id.map_or(Kind::Organization, |_| Kind::Connection);
        // Asked first: should the ring change in between, the hash is held to need the older key for a while.
        let key_id = self.keys.current_id();
        let text = random_text(start_of(kind))?;
        let hash = self
            .keys
            .token_hashes(&text)
            .first()
            .map(|hash| hash.to_vec())
            .unwrap_or_default();
        let row = api_token::ActiveModel {
            id: Set(Uuid::now_v7()),
            organization_id: Set(new.organization_id),
            connection_id: Set(new.connection_id),
            name: Set(new.name),
            prefix: Set(text.chars().take(SHOWN_LEN).collect()),
            hash: Set(hash),
            key_id: Set(Some(key_id)),
            kind: Set(kind),
            scopes: Set(new.scopes.into()),
            created_at: Set(database::now()),
            expires_at: Set(new.expires_at),
            revoked_at: Set(None),
            last_used_at: Set(None),
        };
        if let Some(id) = new.connection_id {
            require_connection(transaction, new.organization_id, id).await?;
        }
        let row = row.insert(transaction).await.map_err(|error| match error.sql_err() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Error::UnknownOrganization(new.organization_id),
            None | Some(_) => error.into(),
        })?;
        Ok(Issued {
            token: row.into(),
            text: SecretString::from(text.as_str()),
        })
    }

    /// Returns who carries a token, or `None` when it is unknown, expired or revoked.
    ///
    /// A valid token is trusted for five seconds without asking again, unless it was revoked through this store.
    pub async fn verify(&self, text: &str) -> Result<Option<Caller>, Error> {
        if !is_token_text(text) {
            return Ok(None);
        }
        let key_id = self.keys.current_id();
        let hashes = self.keys.token_hashes(text);
        let Some(current) = hashes.first() else { return Ok(None) };
        let now = database::now();
        if let Some(verified) = self.verified.get(current).await {
            return Ok(verified.caller_at(now));
        }
        let rows = api_token::Entity::by_hash(hashes.iter().map(|hash| hash.to_vec()))
            .all(&self.database)
            .await?;
        let same = |row: &api_token::Model| hashes.iter().any(|hash| bool::from(hash.as_slice().ct_eq(&row.hash)));
        let Some(row) = rows.into_iter().find(same).filter(|row| row.revoked_at.is_none()) else {
            return Ok(None);
        };
        let verified = Verified {
            caller: caller(&row),
            expires_at: row.expires_at,
        };
        let Some(caller) = verified.caller_at(now) else {
            return Ok(None);
        };
        self.verified.insert(*current, verified).await;
        self.note_use(&row, *current, key_id, now);
        Ok(Some(caller))
    }

    /// Lists the tokens of an organization, or of one of its connections, in the order of their making.
    pub async fn list(
        &self,
        organization_id: Uuid,
        connection_id: Option<Uuid>,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Token>, Error> {
        let mut query = api_token::Entity::for_organization(organization_id)
            .order_by_asc(api_token::Column::Id)
            .limit(limit);
        if let Some(id) = connection_id {
            query = query.filter(api_token::Column::ConnectionId.eq(id));
        }
        if let Some(after) = after {
            query = query.filter(api_token::Column::Id.gt(after));
        }
        Ok(query.all(&self.database).await?.into_iter().map(Into::into).collect())
    }

    /// Revokes a token; one that is revoked already keeps its first date.
    pub async fn revoke(&self, organization_id: Uuid, id: Uuid) -> Result<(), Error> {
        let only_this = Condition::all().add(api_token::Column::Id.eq(id));
        let revoked = revoke_where(&self.database, organization_id, only_this).await?;
        self.forget_verified();
        if revoked > 0 {
            return Ok(());
        }
        let query = api_token::Entity::for_organization(organization_id).filter(api_token::Column::Id.eq(id));
        query.one(&self.database).await?.map(drop).ok_or(Error::NotFound(id))
    }

    /// Revokes all tokens of one connection within the transaction that disconnects it. The caller forgets the
    /// verified ones after the commit.
    pub(crate) async fn revoke_connection(
        &self,
        transaction: &impl ConnectionTrait,
        organization_id: Uuid,
        connection_id: Uuid,
    ) -> Result<(), DbErr> {
        let of_connection = Condition::all().add(api_token::Column::ConnectionId.eq(connection_id));
        revoke_where(transaction, organization_id, of_connection)
            .await
            .map(drop)
    }

    /// Revokes some tokens within a transaction. The caller forgets the verified ones after the commit.
    pub(crate) async fn revoke_within(
        &self,
        transaction: &impl ConnectionTrait,
        organization_id: Uuid,
        ids: Vec<Uuid>,
    ) -> Result<(), DbErr> {
        if ids.is_empty() {
            return Ok(());
        }
        let these = Condition::all().add(api_token::Column::Id.is_in(ids));
        revoke_where(transaction, organization_id, these).await.map(drop)
    }

    /// Makes every token be looked up again when it is next used.
    pub(crate) fn forget_verified(&self) {
        self.verified.invalidate_all();
    }

    /// Writes down that a token was used, at most once a minute, and moves its hash to the current key. The request
    /// does not wait for it, and loses nothing when it fails.
    fn note_use(&self, row: &api_token::Model, current: [u8; 32], key_id: String, now: DateTime<Utc>) {
        let noted = row.last_used_at.is_some_and(|last| now - last < NOTED_EVERY);
        let moved = row.hash == current && row.key_id.as_ref() == Some(&key_id);
        if noted && moved {
            return;
        }
        let update = api_token::Entity::update_for_organization(row.organization_id)
            .set(api_token::ActiveModel {
                hash: Set(current.to_vec()),
                key_id: Set(Some(key_id)),
                last_used_at: Set(Some(now)),
                ..Default::default()
            })
            .filter(api_token::Column::Id.eq(row.id));
        let (database, id) = (self.database.clone(), row.id);
        tokio::spawn(async move {
            if let Err(error) = update.exec(&database).await {
                tracing::debug!(token.id = %id, %error, "the use of a token was not noted");
            }
        });
    }
}

impl Verified {
    fn caller_at(&self, now: DateTime<Utc>) -> Option<Caller> {
        self.expires_at.is_none_or(|end| now < end).then(|| self.caller.clone())
    }
}

impl From<api_token::Model> for Token {
    fn from(row: api_token::Model) -> Self {
        Self {
            scopes: scopes(&row),
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            connection_id: row.connection_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        }
    }
}

fn caller(row: &api_token::Model) -> Caller {
    Caller {
        organization_id: row.organization_id,
        token_id: row.id,
        scope: row.connection_id.map_or(Scope::Organization, Scope::Connection),
        scopes: scopes(row).into(),
    }
}

fn scopes(row: &api_token::Model) -> Vec<String> {
    let scopes = row.scopes.as_array().into_iter().flatten();
    scopes.filter_map(|scope| scope.as_str().map(str::to_owned)).collect()
}

async fn require_connection(transaction: &impl ConnectionTrait, organization_id: Uuid, id: Uuid) -> Result<(), Error> {
    let query = connection::Entity::for_organization(organization_id)
        .filter(connection::Column::Id.eq(id))
        .filter(connection::Column::Status.ne(connection::Status::Disconnected))
        .lock_exclusive();
    query
        .one(transaction)
        .await?
        .map(drop)
        .ok_or(Error::UnknownConnection(id))
}

async fn revoke_where(database: &impl ConnectionTrait, organization_id: Uuid, which: Condition) -> Result<u64, DbErr> {
    let revoked = api_token::Entity::update_for_organization(organization_id)
        .set(api_token::ActiveModel {
            revoked_at: Set(Some(database::now())),
            ..Default::default()
        })
        .filter(which)
        .filter(api_token::Column::RevokedAt.is_null())
        .exec(database)
        .await?;
    Ok(revoked.rows_affected)
}

fn start_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Organization => "lsk_",
        Kind::Connection => "lsc_",
    }
}

/// Returns a random text of 256 bits behind a start that tells what it is.
pub(crate) fn random_text(start: &str) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::with_capacity(start.len() + RANDOM_LEN));
    text.push_str(start);
    let mut bytes = Zeroizing::new([0; 64]);
    while text.len() < start.len() + RANDOM_LEN {
        rand::fill(bytes.as_mut_slice()).map_err(|_| Error::Random)?;
        // 248 is the last multiple of 62 in a byte: what lies above would favour the first characters.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let characters = fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        let missing = start.len() + RANDOM_LEN - text.len();
        text.extend(characters.take(missing).map(|character| char::from(*character)));
    }
    Ok(text)
}

/// Returns whether a text can be a token at all, so that the database is not asked about anything else.
fn is_token_text(text: &str) -> bool {
    [Kind::Organization, Kind::Connection]
        .into_iter()
        .any(|kind| is_random_text(start_of(kind), text))
}

/// Returns whether a text has the form of those that `random_text` makes with this start.
pub(crate) fn is_random_text(start: &str, text: &str) -> bool {
    text.strip_prefix(start)
        .is_some_and(|random| random.len() == RANDOM_LEN && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
