//! Links to the mappings of a connection: whom they let in, what with, and how that ends.

use secrecy::ExposeSecret as _;

use super::*;
use crate::tokens::{Caller, Scope};

impl Server {
    async fn settings_link(&self, connection: &Connection) -> LinkCreated {
        let new = NewSettingsLink {
            connection_id: connection.id,
            page: PageOptions::default(),
        };
        create_settings_link(&self.engine, self.organization, new, &Origin::operator())
            .await
            .unwrap()
    }

    async fn entered(&self, browser: &Browser) -> SettingsSession {
        enter_settings(&self.engine, &browser.token, &browser.visitor)
            .await
            .unwrap()
    }

    async fn caller(&self, session: &SettingsSession) -> Option<Caller> {
        self.engine.tokens.verify(session.token.expose_secret()).await.unwrap()
    }
}

#[tokio::test]
async fn a_settings_link_gives_a_token_for_the_mappings_of_one_connection() {
    for server in servers().await {
        let connection = server.connect().await;
        let link = server.settings_link(&connection).await;
        let stranger = Visitor::default();
        let token = link.url.rsplit('/').next().unwrap();
        let refused = enter_settings(&server.engine, token, &stranger).await;
        assert_eq!(refused.unwrap_err().code(), "LINK_OPENED_ELSEWHERE");
        let browser = server.opened(&link).await;
        let session = server.entered(&browser).await;
        let caller = server.caller(&session).await.unwrap();
        assert_eq!(caller.scope, Scope::Connection(connection.id));
        assert_eq!(caller.scopes.as_ref(), ["mappings"]);
        assert!(session.expires_at > database::now() + chrono::TimeDelta::minutes(59));

        // It connects nothing, and no other link gives such a token.
        let tried = begin(
            &server.engine,
            &browser.token,
            &browser.visitor,
            submission("sesame-open"),
        )
        .await;
        assert_eq!(tried.unwrap_err().code(), "CONNECTOR_NOT_ALLOWED");
        let other = server.opened(&server.link().await).await;
        let refused = enter_settings(&server.engine, &other.token, &other.visitor).await;
        assert_eq!(refused.unwrap_err().code(), "LINK_NOT_FOUND");
        let foreign = NewSettingsLink {
            connection_id: connection.id,
            page: PageOptions::default(),
        };
        let refused = create_settings_link(&server.engine, server.rival, foreign, &Origin::operator()).await;
        assert_eq!(refused.unwrap_err().code(), "CONNECTION_NOT_FOUND");
    }
}

#[tokio::test]
async fn the_tokens_of_a_settings_link_end_with_it() {
    for server in servers().await {
        let connection = server.connect().await;
        let link = server.settings_link(&connection).await;
        let first = server.opened(&link).await;
        let mut sessions = Vec::new();
        for _ in 0..6 {
            sessions.push(server.entered(&first).await);
        }
        assert_eq!(
            server.caller(&sessions[0]).await,
            None,
            "pages loaded again are bounded"
        );
        assert!(server.caller(&sessions[1]).await.is_some());

        let second = server.opened(&link).await;
        assert_eq!(server.caller(&sessions[5]).await, None, "another browser took it over");
        let session = server.entered(&second).await;
        assert!(server.caller(&session).await.is_some());
        revoke_link(&server.engine, server.organization, link.id, &Origin::operator())
            .await
            .unwrap();
        assert_eq!(server.caller(&session).await, None);
        let refused = enter_settings(&server.engine, &second.token, &second.visitor).await;
        assert_eq!(refused.unwrap_err().code(), "LINK_REVOKED");
    }
}

#[tokio::test]
async fn a_settings_link_gives_so_many_tokens_and_those_that_end_end_at_once() {
    for server in servers().await {
        let connection = server.connect().await;
        let browser = server.opened(&server.settings_link(&connection).await).await;
        let first = server.entered(&browser).await;
        assert!(server.caller(&first).await.is_some(), "verified, and so remembered");
        for _ in 0..5 {
            server.entered(&browser).await;
        }
        assert_eq!(server.caller(&first).await, None, "it works no second longer");
        for _ in 6..20 {
            server.entered(&browser).await;
        }
        let refused = enter_settings(&server.engine, &browser.token, &browser.visitor).await;
        assert_eq!(refused.unwrap_err().code(), "LINK_LIMIT_REACHED");
    }
}
