//! API tokens as people may see them.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::tokens;

/// An API token. Its text is shown once, when it is made.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct ApiToken {
    /// The id of the token, which is no secret.
    id: ID,
    /// The name that people read.
    name: String,
    /// The first characters of its text, by which people recognize it.
    prefix: String,
    /// The id of the only connection that it may use; null for all of the organization.
    connection_id: Option<ID>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it stops working, if ever.
    expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to about a minute.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<tokens::Token> for ApiToken {
    fn from(token: tokens::Token) -> Self {
        Self {
            id: ID(token.id.to_string()),
            name: token.name,
            prefix: token.prefix,
            connection_id: token.connection_id.map(|id| ID(id.to_string())),
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        }
    }
}
