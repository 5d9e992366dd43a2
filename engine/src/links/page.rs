//! Opens a link in a browser and tells its page what to show.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use lineshaft_entities::connect_link::{ActiveModel, Column, Entity};
use sea_orm::{ColumnTrait as _, ExprTrait as _, QueryFilter as _, sea_query::Expr};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{
    COOKIE, LinkError, Purpose, Row, Standing, Visitor,
    attempt::lease_of,
    code,
    failure::Failure,
    find, find_open, hash_of,
    options::redirect_with,
    settings,
    view::{ConnectorCard, ConnectorForm, Done, Named, PageState, PastConnection, Pending, Sender},
};
use crate::{
    Engine, connections, connections::CreateError, database, lifecycle::Reason, organizations, registry::Kind, tokens,
};

/// What a browser is given when it opens a link.
#[derive(Clone, Debug)]
pub struct PageSession {
    /// The cookie, which binds the link to this browser.
    pub cookie: SecretString,
    /// The pages that may show this one in a frame.
    pub frame_origins: Vec<String>,
    /// When the link stops working.
    pub expires_at: DateTime<Utc>,
    /// What the link is for.
    pub purpose: Purpose,
}

/// Opens a link. A browser that has a page open already keeps its cookie; another one takes the link over, unless
/// credentials are being tried just then.
///
/// # Errors
/// When the link is unknown, used, withdrawn or expired, or busy in another browser.
pub async fn open(engine: &Engine, token: &str, visitor: &Visitor) -> Result<PageSession, LinkError> {
    let row = find(engine, token).await?;
    let known = visitor
        .cookie
        .as_deref()
        .filter(|text| tokens::is_random_text(COOKIE, text));
    let is_same = row.is_opened_by(&engine.keys, known);
    match row.standing(engine.settings.links.tries, database::now()) {
        // Whoever used it may look at the outcome again.
        Standing::Used if is_same => {}
        standing => standing.check()?,
    }
    let cookie = match known {
        Some(known) => SecretString::from(known),
        None => SecretString::from(tokens::random_text(COOKIE)?.as_str()),
    };
    if !is_same {
        take_over(engine, &row, cookie.expose_secret()).await?;
    }
    Ok(PageSession {
        cookie,
        frame_origins: row.options.frame_origins,
        expires_at: row.model.expires_at,
        purpose: row.model.purpose,
    })
}

async fn take_over(engine: &Engine, row: &Row, cookie: &str) -> Result<(), LinkError> {
    let (name, owner) = (lease_of(row.model.id), Uuid::now_v7());
    if !engine.leases.take(&name, owner, Duration::from_secs(5)).await? {
        return Err(LinkError::Busy);
    }
    let taken = Entity::update_for_organization(row.model.organization_id)
        .set(ActiveModel {
            page_hash: sea_orm::Set(Some(hash_of(&engine.keys, cookie))),
            ..Default::default()
        })
        .col_expr(
            Column::OpenedAt,
            Expr::col(Column::OpenedAt).if_null(Expr::val(database::now())),
        )
        .filter(Column::Id.eq(row.model.id))
        .filter(Column::UsedAt.is_null())
        .exec(&engine.database)
        .await;
    engine.leases.give_back(&name, owner).await?;
    if taken?.rows_affected == 0 {
        return Err(LinkError::Used);
    }
    if row.model.purpose == Purpose::Settings && row.model.page_hash.is_some() {
        let change = engine.journal.begin().await?;
        settings::end_tokens(engine, change.transaction(), row).await?;
        change.commit().await?;
        engine.tokens.forget_verified();
    }
    Ok(())
}

/// Tells a page what to show.
///
/// # Errors
/// When the link is unknown, withdrawn or expired, or was used by another browser.
pub async fn state(engine: &Engine, token: &str, visitor: &Visitor) -> Result<PageState, LinkError> {
    let row = find(engine, token).await?;
    let is_same = row.is_opened_by(&engine.keys, visitor.cookie.as_deref());
    let done = match row.standing(engine.settings.links.tries, database::now()) {
        Standing::Used if is_same => Some(outcome(engine, &row).await?),
        standing => {
            standing.check()?;
            None
        }
    };
    let organization = organization_of(engine, &row).await?;
    let connection = match row
        .model
        .connection_id
        .filter(|_| row.model.purpose == Purpose::Reconnect)
    {
        Some(id) => Some(past_connection(engine, &row, id).await?),
        None => None,
    };
    let offered = engine
        .registry
        .all()
        .filter(|kind| row.options.offers(&kind.manifest.id));
    let connectors: Vec<ConnectorCard> = offered.map(|kind| ConnectorCard::of(&kind.manifest)).collect();
    let pending = row.options.failure.clone().filter(|_| is_same);
    let options = row.options;
    Ok(PageState {
        purpose: row.model.purpose,
        status: if done.is_some() { "done" } else { "open" },
        organization,
        branding: options.branding,
        customer: row.model.customer_name.map(|name| Named { name }),
        locale: options.locale,
        expires_at: row.model.expires_at,
        frame_origin: match options.frame_origins.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        frame_origins: options.frame_origins,
        return_url: options.redirect_url,
        connector: options.connector,
        connectors,
        connection,
        pending: pending.map(|error: Failure| Pending { error: Some(error) }),
        done,
    })
}

/// Tells who sent a link, whether it still works or not; none when it is unknown.
///
/// # Errors
/// When the database fails.
pub async fn sender(engine: &Engine, token: &str) -> Result<Option<Sender>, LinkError> {
    let row = match find(engine, token).await {
        Err(LinkError::NotFound) => return Ok(None),
        found => found?,
    };
    Ok(Some(Sender {
        organization: organization_of(engine, &row).await?,
        branding: row.options.branding,
        locale: row.options.locale,
        return_url: row.options.redirect_url,
    }))
}

/// Tells what a connector of the link asks for.
///
/// # Errors
/// When the link does not work, or does not offer the connector.
pub async fn form(engine: &Engine, token: &str, connector: &str) -> Result<ConnectorForm, LinkError> {
    let row = find_open(engine, token).await?;
    let kind = offered(engine, &row, connector)?;
    let resources = kind.blueprint.resources().map(|resource| resource.capability());
    let named = resources.filter_map(|capability| kind.catalogue.type_at(capability.kind));
    let entities = named
        .filter(|definition| definition.is_entity())
        .map(|definition| definition.name.clone());
    let application = engine.settings.applications.of(&kind.manifest);
    Ok(ConnectorForm::of(&kind.manifest, entities.collect(), &application))
}

/// Ends a visit without an outcome. The link goes on working. Returns where the customer goes back to.
///
/// # Errors
/// When the link does not work in this browser.
pub async fn cancel(engine: &Engine, token: &str, visitor: &Visitor) -> Result<Option<String>, LinkError> {
    let row = super::enter(engine, token, visitor).await?;
    let url = row.options.redirect_url.as_deref();
    Ok(url.and_then(|url| redirect_with(url, "error", "cancelled")))
}

/// Finds a connector that the link offers to connect.
pub(super) fn offered(engine: &Engine, row: &Row, connector: &str) -> Result<Arc<Kind>, LinkError> {
    let shown = || connector.chars().take(100).collect::<String>();
    let kind = engine.registry.get(connector);
    let kind = kind.ok_or_else(|| LinkError::Create(CreateError::ConnectorUnknown(shown())))?;
    let connects = row.model.purpose != Purpose::Settings;
    match connects && row.options.offers(connector) {
        true => Ok(kind),
        false => Err(LinkError::ConnectorNotAllowed(shown())),
    }
}

async fn organization_of(engine: &Engine, row: &Row) -> Result<Named, LinkError> {
    let found = organizations::find(&engine.database, row.model.organization_id).await;
    let organization = found.map_err(LinkError::internal)?;
    Ok(Named {
        name: organization.map(|organization| organization.name).unwrap_or_default(),
    })
}

async fn past_connection(engine: &Engine, row: &Row, id: Uuid) -> Result<PastConnection, LinkError> {
    let connection = match engine.connections.get(row.model.organization_id, id).await {
        Ok(connection) => connection,
        Err(connections::Error::NotFound(id)) => return Err(LinkError::no_connection(id)),
        Err(error) => return Err(LinkError::internal(error)),
    };
    let reason = connection.status_reason.as_deref().and_then(Reason::parse);
    let message = reason.map(|reason| reason.about().to_owned());
    Ok(PastConnection {
        name: connection.name,
        reason: connection.status_reason,
        message,
        deployment: connection.deployment,
        settings: connection.settings,
    })
}

/// Returns the outcome of a link that was used, with its code as long as it works.
async fn outcome(engine: &Engine, row: &Row) -> Result<Done, LinkError> {
    let id = row.model.connection_id.ok_or(LinkError::Used)?;
    let connection = engine
        .connections
        .get(row.model.organization_id, id)
        .await
        .map_err(|_| LinkError::Used)?;
    let code = match &row.options.done {
        Some(sealed) => code::reopen(engine, row, sealed).await?,
        None => None,
    };
    let redirect = match (&row.options.redirect_url, &code) {
        (Some(url), Some(code)) => redirect_with(url, "code", code),
        _ => None,
    };
    Ok(Done {
        connection_name: connection.name,
        redirect,
        code,
        warnings: Vec::new(),
    })
}
