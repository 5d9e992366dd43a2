//! What shows the life of connections in the demo: a receiver of webhooks, and the events as they happen.

use std::sync::Arc;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use lineshaft_engine::{Engine, events::Event, origin::Origin, webhooks::NewEndpoint};
use lineshaft_sandbox::Receiver;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::output::{Output, Style};

const DESCRIPTION: &str = "The receiver of the demo";

/// Starts a receiver of webhooks and has every event delivered to it.
pub(super) async fn receiver(engine: &Engine, organization: Uuid) -> anyhow::Result<Receiver> {
    let receiver = Receiver::start()
        .await
        .context("the receiver of webhooks cannot be started")?;
    let origin = Origin::operator();
    // Another run in the same folder left one on another port.
    for old in engine.webhooks.list(organization).await? {
        if old.description == DESCRIPTION {
            engine.webhooks.delete(organization, old.id, &origin).await?;
        }
    }
    let new = NewEndpoint {
        url: receiver.url("/events"),
        description: DESCRIPTION.to_owned(),
        kinds: None,
        connection_id: None,
        ordered: false,
        enabled: true,
    };
    let created = engine.webhooks.create(organization, new, &origin).await?;
    receiver.set_secrets([created.secret.expose_secret()]);
    Ok(receiver)
}

/// Prints events as they happen, until the feed ends.
pub(super) async fn tell(engine: Arc<Engine>, organization: Uuid, out: &mut Output) -> anyhow::Result<()> {
    let mut events = engine.feed.subscribe(organization, None, None).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        line(&engine, &event, out).await?;
    }
    Ok(())
}

async fn line(engine: &Engine, event: &Event, out: &mut Output) -> anyhow::Result<()> {
    let text = |key: &str| event.data.get(key).and_then(serde_json::Value::as_str);
    let name = match event.connection_id {
        Some(id) => match engine.connections.get(event.organization_id, id).await {
            Ok(connection) => connection.name,
            Err(_) => id.to_string(),
        },
        None => String::new(),
    };
    let at = out.styled(Style::Dim, &event.created_at.format("%H:%M:%S").to_string());
    let reason = text("reason").map(|reason| format!("  {reason}")).unwrap_or_default();
    out.line(&format!("  {at}  {:<28} {name}{reason}", event.kind))?;
    if let Some(url) = text("reconnectUrl") {
        let url = out.styled(Style::Key, url);
        out.line(&format!("            sign in again: {url}"))?;
    }
    Ok(())
}
