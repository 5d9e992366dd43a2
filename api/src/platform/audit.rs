//! The log of administrative acts.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::audit;

use super::{
    PageInfo,
    access::{self, cursor, id, page_size},
};

/// What kind of party acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "audit::ActorKind")]
pub(crate) enum AuditActorKind {
    /// Somebody with an API token.
    Token,
    /// The customer on a hosted page.
    Page,
    /// The operator of the server, at the command line.
    Operator,
    /// The server itself.
    Server,
}

/// One administrative act: who did what, when, and from where.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct AuditEntry {
    /// The id of the entry.
    id: ID,
    /// What kind of party did it.
    actor_kind: AuditActorKind,
    /// The id of the token or link that it was done with.
    actor_id: Option<ID>,
    /// The name of the token.
    actor_name: Option<String>,
    /// The network address that the request came from.
    address: Option<String>,
    /// The id of the request, as the log of the server has it.
    request_id: Option<String>,
    /// What was done, such as `connection.disconnect`.
    action: String,
    /// The id of what it was done to.
    target_id: Option<ID>,
    /// What more there is to tell.
    detail: Json<serde_json::Value>,
    /// When it was done.
    created_at: DateTime<Utc>,
}

/// A page of the audit log.
#[derive(SimpleObject)]
pub(crate) struct AuditPage {
    /// The acts, the newest first.
    nodes: Vec<AuditEntry>,
    /// Whether and where the list goes on; `endCursor` is the `before` of the next page.
    page_info: PageInfo,
}

/// Which acts to list.
#[derive(Default, InputObject)]
pub(crate) struct AuditFilter {
    /// Only what was done to this connection, token, link or endpoint.
    target_id: Option<ID>,
    /// Only what was done with this token or link.
    actor_id: Option<ID>,
    /// Only acts with one of these names.
    actions: Option<Vec<String>>,
}

/// The fields of the query root about the audit log.
#[derive(Default)]
pub(crate) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Lists administrative acts, the newest first. Needs an organization's key.
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to list; all unless it is said.")] filter: Option<AuditFilter>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor before which, in time, the page begins.")] before: Option<String>,
    ) -> async_graphql::Result<AuditPage> {
        let session = access::organization(ctx)?;
        let size = page_size(first)?;
        let before = cursor(before)?;
        let filter = filter.unwrap_or_default();
        let filter = audit::Filter {
            target_id: filter.target_id.map(|text| id(&text, "anything")).transpose()?,
            actor_id: filter.actor_id.map(|text| id(&text, "a token or link")).transpose()?,
            actions: filter.actions,
        };
        let database = &access::engine(ctx)?.database;
        let entries = audit::list(database, session.caller.organization_id, &filter, before, size + 1).await?;
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
        let (page_info, kept) = PageInfo::of_ids(&ids, size, before.is_some());
        Ok(AuditPage {
            nodes: entries.into_iter().take(kept).map(AuditEntry::from).collect(),
            page_info,
        })
    }
}

impl From<audit::Entry> for AuditEntry {
    fn from(entry: audit::Entry) -> Self {
        Self {
            id: ID(entry.id.to_string()),
            actor_kind: entry.actor_kind.into(),
            actor_id: entry.actor_id.map(|id| ID(id.to_string())),
            actor_name: entry.actor_name,
            address: entry.address,
            request_id: entry.request_id,
            action: entry.action,
            target_id: entry.target_id.map(|id| ID(id.to_string())),
            detail: Json(entry.detail),
            created_at: entry.created_at,
        }
    }
}
