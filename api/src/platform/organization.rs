//! The organization of the caller, its credits and the ledger that they follow from.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::{credits, organizations};

use super::{
    PageInfo,
    access::{self, cursor, page_size},
};

/// The organization that the token belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Organization(organizations::Organization);

/// The organization that the token belongs to.
#[Object]
impl Organization {
    /// The id of the organization.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The short name, which the command line uses.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The name that people read.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The credits that its connections take.
    async fn credits(&self, ctx: &Context<'_>) -> async_graphql::Result<Credits> {
        let balance = credits::balance(&access::engine(ctx)?.database, self.0.id).await?;
        Ok(Credits {
            organization: self.0.id,
            balance,
        })
    }
}

/// The credits of an organization. A connection takes some when it becomes active and gives them back when it is
/// disconnected; what is available is what was granted less what is reserved.
pub(crate) struct Credits {
    organization: uuid::Uuid,
    balance: credits::Balance,
}

/// The credits of an organization. A connection takes some when it becomes active and gives them back when it is
/// disconnected; what is available is what was granted less what is reserved.
#[Object]
impl Credits {
    /// Credits that were granted.
    async fn total(&self) -> i64 {
        self.balance.total
    }

    /// Credits that are reserved for connections.
    async fn used(&self) -> i64 {
        self.balance.used
    }

    /// Credits that new connections can take.
    async fn available(&self) -> i64 {
        self.balance.available
    }

    /// The ledger, the newest entry first. It is only ever appended to; its sum is what is available.
    async fn entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor before which, in time, the page begins.")] before: Option<String>,
    ) -> async_graphql::Result<CreditEntryPage> {
        let size = page_size(first)?;
        let before = cursor(before)?;
        let engine = access::engine(ctx)?;
        let entries = credits::entries(&engine.database, self.organization, before, size + 1).await?;
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
        let (page_info, kept) = PageInfo::of_ids(&ids, size, before.is_some());
        Ok(CreditEntryPage {
            nodes: entries.into_iter().take(kept).map(CreditEntry::from).collect(),
            page_info,
        })
    }
}

/// Credits of one connection.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub(crate) struct CreditPrice {
    /// When the system runs in a cloud.
    pub(crate) cloud: i64,
    /// When the customer runs the system.
    pub(crate) on_premises: i64,
}

/// What an entry of the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "credits::Kind")]
pub(crate) enum CreditEntryKind {
    /// The operator gave credits, or took some back.
    Granted,
    /// A connection became active.
    Reserved,
    /// A connection was disconnected.
    Released,
}

/// One entry of the ledger of credits.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct CreditEntry {
    /// The id of the entry.
    id: ID,
    /// What the entry is.
    kind: CreditEntryKind,
    /// Credits that it adds to what is available; negative when some were reserved.
    amount: i64,
    /// The id of the connection.
    connection_id: Option<ID>,
    /// Why, for people.
    note: Option<String>,
    /// When it was written.
    created_at: DateTime<Utc>,
}

/// A page of the ledger.
#[derive(SimpleObject)]
pub(crate) struct CreditEntryPage {
    /// The entries, the newest first.
    nodes: Vec<CreditEntry>,
    /// Whether and where the list goes on; `endCursor` is the `before` of the next page.
    page_info: PageInfo,
}

impl From<credits::Entry> for CreditEntry {
    fn from(entry: credits::Entry) -> Self {
        Self {
            id: ID(entry.id.to_string()),
            kind: entry.kind.into(),
            amount: entry.amount,
            connection_id: entry.connection_id.map(|id| ID(id.to_string())),
            note: entry.note,
            created_at: entry.created_at,
        }
    }
}

/// The fields of the query root about the organization.
#[derive(Default)]
pub(crate) struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// The organization that the token belongs to. Needs an organization's key.
    async fn organization(&self, ctx: &Context<'_>) -> async_graphql::Result<Organization> {
        let session = access::organization(ctx)?;
        let engine = access::engine(ctx)?;
        let found = organizations::find(&engine.database, session.caller.organization_id).await?;
        found
            .map(Organization)
            .ok_or_else(|| access::refused("INTERNAL", "the organization of the token is gone"))
    }
}
