//! The link on which a customer sees and changes the mappings of one connection.

use async_graphql::{Context, ID, InputObject, Object};
use lineshaft_engine::links;

use super::{
    access::{self, id, refused},
    lifecycle::{BrandingInput, Link, failed, page},
};

/// What a settings link offers.
#[derive(InputObject)]
pub(crate) struct CreateSettingsLinkInput {
    /// The id of the connection.
    connection_id: ID,
    /// Where the customer may go back to: https, or http on this machine. Nothing is added to it.
    redirect_url: Option<String>,
    /// Seconds within which the link may be opened: at most 1800.
    ttl_seconds: Option<u64>,
    /// The language of the page, such as `de`. The page speaks English; its numbers and times follow the language.
    locale: Option<String>,
    /// How the page looks.
    branding: Option<BrandingInput>,
    /// The pages that may show it in a frame, such as `https://app.example.com`.
    frame_origins: Option<Vec<String>>,
}

/// The mutations about settings links.
#[derive(Default)]
pub(crate) struct SettingsLinkMutation;

#[Object]
impl SettingsLinkMutation {
    /// Makes a link on which a customer sees and changes the fields and mappings of one connection. Who opens it may work
    /// for an hour, in one browser at a time, until the link is withdrawn. Needs an organization's key; one with scopes
    /// needs `mappings`.
    async fn create_settings_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateSettingsLinkInput,
    ) -> async_graphql::Result<Link> {
        let session = access::organization(ctx)?;
        let caller = &session.caller;
        if !caller.scopes.is_empty() && !caller.may(links::SETTINGS_SCOPE) {
            let message = "the token may not work with mappings: it lacks the scope `mappings`";
            return Err(refused("FORBIDDEN", message));
        }
        let new = links::NewSettingsLink {
            connection_id: id(&input.connection_id, "a connection")?,
            page: page(
                input.redirect_url,
                input.ttl_seconds,
                input.locale,
                input.branding,
                input.frame_origins,
            ),
        };
        let engine = access::engine(ctx)?;
        let made = links::create_settings_link(engine, session.visible, new, &session.origin()).await;
        made.map(Link::from).map_err(|error| failed(&error))
    }
}
