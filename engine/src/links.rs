//! Links to the hosted pages on which customers connect a system, bring a connection back or change its mappings, and
//! the one-time codes by which the organization's backend gets the new API token.
//!
//! A link works once, for half an hour at most, and for some tries; one to mappings is entered as often as its time allows. Its token, the cookie of the browser that opened it,
//! the state of a sign-in elsewhere and the code are random texts of 256 bits that are stored as keyed hashes. A browser
//! that opens a link which another one has open takes the link over, unless credentials are being tried just then.

mod attempt;
mod code;
mod failure;
mod make;
mod options;
mod page;
mod reconnect;
mod settings;
mod sign_in;
mod view;

#[cfg(test)]
mod tests;

pub use attempt::{Attempt, Completed, Submission, begin};
pub use code::{ExchangedCode, exchange_code, sweep};
pub use failure::{Failure, LinkError, Problem};
pub use make::{
    Link, LinkCreated, NewConnectLink, NewReconnectLink, create_connect_link, create_reconnect_link, list, revoke_link,
};
pub use options::{Branding, PageOptions};
pub use page::{PageSession, cancel, form, open, sender, state};
pub use reconnect::{open_reconnect, reconnect_address};
pub use settings::{NewSettingsLink, SCOPE as SETTINGS_SCOPE, SettingsSession, create_settings_link, enter_settings};
pub use sign_in::{Returned, authorize, callback};
pub use view::{ConnectorForm, Done, PageState, Sender};

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use lineshaft_entities::connect_link;
use sea_orm::{ColumnTrait as _, ConnectionTrait, DbErr, ExprTrait as _, QueryFilter as _, Set, sea_query::Expr};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::{
    Engine, database,
    origin::{Actor, Origin},
    secrets::KeyRing,
    tokens,
};
use options::Stored;

pub use lineshaft_entities::connect_link::Purpose;

/// No link works longer, whatever the settings say.
pub const LONGEST: Duration = Duration::from_secs(30 * 60);

const LINK: &str = "lsl_";
const COOKIE: &str = "lsp_";
const STATE: &str = "lss_";
const CODE: &str = "lsx_";

/// Settings of links.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a link works unless it is said.
    pub ttl: Duration,
    /// How often credentials may be tried with a link.
    pub tries: u32,
    /// How long a code works.
    pub code_ttl: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttl: LONGEST,
            tries: 10,
            code_ttl: Duration::from_secs(600),
        }
    }
}

/// A browser on a hosted page.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The cookie that it sent.
    pub cookie: Option<String>,
    /// The network address that it came from.
    pub address: Option<String>,
    /// The id of the request.
    pub request_id: Option<Arc<str>>,
}

impl Visitor {
    fn origin(&self, link: Uuid) -> Origin {
        Origin {
            actor: Actor::Page(link),
            address: self.address.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// A link as it is stored, with its options read.
#[derive(Clone, Debug)]
struct Row {
    model: connect_link::Model,
    options: Stored,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    Used,
    Exhausted,
    Revoked,
    Expired,
}

impl Row {
    fn standing(&self, most_tries: u32, now: DateTime<Utc>) -> Standing {
        let model = &self.model;
        let exhausted = i64::from(model.tries) >= i64::from(most_tries);
        match model {
            _ if model.used_at.is_some() => Standing::Used,
            _ if model.revoked_at.is_some() && exhausted => Standing::Exhausted,
            _ if model.revoked_at.is_some() => Standing::Revoked,
            _ if model.expires_at <= now => Standing::Expired,
            _ => Standing::Open,
        }
    }

    /// Returns whether the cookie is that of the browser that opened the link last.
    fn is_opened_by(&self, keys: &KeyRing, cookie: Option<&str>) -> bool {
        let (Some(cookie), Some(hash)) = (
            cookie.filter(|text| tokens::is_random_text(COOKIE, text)),
            &self.model.page_hash,
        ) else {
            return false;
        };
        is_hash_of(keys, cookie, hash)
    }
}

impl Standing {
    const fn check(self) -> Result<(), LinkError> {
        match self {
            Self::Open => Ok(()),
            Self::Used => Err(LinkError::Used),
            Self::Exhausted => Err(LinkError::TriesExhausted),
            Self::Revoked => Err(LinkError::Revoked),
            Self::Expired => Err(LinkError::Expired),
        }
    }
}

/// Finds a link by its token.
async fn find(engine: &Engine, token: &str) -> Result<Row, LinkError> {
    if !tokens::is_random_text(LINK, token) {
        return Err(LinkError::NotFound);
    }
    let hashes = engine.keys.token_hashes(token);
    let rows = connect_link::Entity::by_hash(hashes.iter().map(|hash| hash.to_vec()))
        .all(&engine.database)
        .await?;
    let row = rows.into_iter().find(|row| is_hash_of(&engine.keys, token, &row.hash));
    let model = row.ok_or(LinkError::NotFound)?;
    let options = Stored::read(&model.options);
    Ok(Row { model, options })
}

/// Finds a link that still works.
async fn find_open(engine: &Engine, token: &str) -> Result<Row, LinkError> {
    let row = find(engine, token).await?;
    row.standing(engine.settings.links.tries, database::now()).check()?;
    Ok(row)
}

/// Finds a link that still works and that this browser has open.
async fn enter(engine: &Engine, token: &str, visitor: &Visitor) -> Result<Row, LinkError> {
    let row = find_open(engine, token).await?;
    if !row.is_opened_by(&engine.keys, visitor.cookie.as_deref()) {
        return Err(LinkError::OpenedElsewhere);
    }
    Ok(row)
}

/// Returns the hash that a random text is stored as.
fn hash_of(keys: &KeyRing, text: &str) -> Vec<u8> {
    keys.token_hashes(text)
        .first()
        .map(|hash| hash.to_vec())
        .unwrap_or_default()
}

/// Returns whether a stored hash is that of a text, under any key. Takes the same time for all hashes.
fn is_hash_of(keys: &KeyRing, text: &str, hash: &[u8]) -> bool {
    keys.token_hashes(text)
        .iter()
        .fold(false, |found, own| found | bool::from(own.as_slice().ct_eq(hash)))
}

/// Counts a try, if the link still has one.
async fn count_try(engine: &Engine, row: &Row) -> Result<u32, LinkError> {
    use connect_link::Column;
    let most = engine.settings.links.tries;
    let counted = connect_link::Entity::update_for_organization(row.model.organization_id)
        .col_expr(Column::Tries, Expr::col(Column::Tries).add(1))
        .filter(Column::Id.eq(row.model.id))
        .filter(Column::Tries.lt(i32::try_from(most).unwrap_or(i32::MAX)))
        .filter(Column::UsedAt.is_null())
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(database::now()))
        .exec_with_returning(&engine.database)
        .await?;
    match counted.first() {
        Some(counted) => Ok(most.saturating_sub(u32::try_from(counted.tries).unwrap_or(u32::MAX))),
        None => {
            let again = connect_link::Entity::for_organization(row.model.organization_id)
                .filter(Column::Id.eq(row.model.id))
                .one(&engine.database)
                .await?;
            let model = again.ok_or(LinkError::NotFound)?;
            let options = Stored::read(&model.options);
            Row { model, options }.standing(most, database::now()).check()?;
            Err(LinkError::TriesExhausted)
        }
    }
}

/// Withdraws a link whose last try failed.
async fn exhaust(engine: &Engine, row: &Row) -> Result<(), DbErr> {
    withdraw(&engine.database, row.model.organization_id, row.model.id)
        .await
        .map(drop)
}

async fn withdraw(database: &impl ConnectionTrait, organization_id: Uuid, id: Uuid) -> Result<u64, DbErr> {
    let withdrawn = connect_link::Entity::update_for_organization(organization_id)
        .set(connect_link::ActiveModel {
            revoked_at: Set(Some(database::now())),
            ..Default::default()
        })
        .filter(connect_link::Column::Id.eq(id))
        .filter(connect_link::Column::UsedAt.is_null())
        .filter(connect_link::Column::RevokedAt.is_null())
        .exec(database)
        .await?;
    Ok(withdrawn.rows_affected)
}

/// Writes the outcome of a sign-in elsewhere into a link, for the page to show.
async fn keep_failure(engine: &Engine, row: &Row, failure: Option<Failure>) -> Result<(), DbErr> {
    if row.options.failure.is_none() && failure.is_none() {
        return Ok(());
    }
    let options = Stored {
        failure,
        ..row.options.clone()
    };
    connect_link::Entity::update_for_organization(row.model.organization_id)
        .set(connect_link::ActiveModel {
            options: Set(options.write()),
            ..Default::default()
        })
        .filter(connect_link::Column::Id.eq(row.model.id))
        .filter(connect_link::Column::UsedAt.is_null())
        .exec(&engine.database)
        .await
        .map(drop)
}
