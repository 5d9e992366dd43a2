//! `lineshaft token`: makes, lists and revokes API tokens.

use std::process::ExitCode;

use chrono::{TimeDelta, Utc};
use lineshaft_engine::{
    Engine,
    origin::Origin,
    tokens::{NewToken, Token},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{MOST_ROWS, moment, organization};
use crate::{
    cli,
    output::{Output, Style},
    settings::Settings,
    start::{self, Migrations},
};

/// Runs the command.
pub(super) async fn run(settings: &Settings, action: cli::Token, out: &mut Output) -> anyhow::Result<ExitCode> {
    let engine = start::engine(settings, Migrations::AsSettingsSay).await?;
    match action {
        cli::Token::Create {
            owner,
            name,
            connection,
            scopes,
            expires_in_days,
            json,
        } => {
            let owner = organization(&engine, &owner).await?;
            let expires_at = expires_in_days.map(|days| Utc::now() + TimeDelta::days(days.into()));
            let new = NewToken {
                organization_id: owner.id,
                connection_id: connection,
                name,
                scopes,
                expires_at,
            };
            create(&engine, new, json, out).await?;
        }
        cli::Token::List { owner, json } => {
            let owner = organization(&engine, &owner).await?;
            let all = engine.tokens.list(owner.id, None, None, MOST_ROWS).await?;
            if json {
                out.json(&all.iter().map(as_json).collect::<Vec<_>>())?;
            } else if all.is_empty() {
                out.line("There is no token yet; make one with `lineshaft token create --name NAME`.")?;
            } else {
                out.table(
                    ["NAME", "BEGINS", "SEES", "STATE", "LAST USED", "ID"],
                    &all.iter().map(row).collect::<Vec<_>>(),
                )?;
            }
        }
        cli::Token::Revoke { id, owner } => {
            let owner = organization(&engine, &owner).await?;
            engine.revoke_token(owner.id, id, &Origin::operator()).await?;
            out.line("Revoked. Servers that remember the token refuse it within seconds.")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(engine: &Engine, new: NewToken, json: bool, out: &mut Output) -> anyhow::Result<()> {
    let issued = engine.create_token(new, &Origin::operator()).await?;
    if json {
        let mut token = as_json(&issued.token);
        if let Value::Object(token) = &mut token {
            token.insert("token".to_owned(), issued.text.expose_secret().into());
        }
        out.json(&token)?;
        return Ok(());
    }
    let text = out.styled(Style::Key, issued.text.expose_secret());
    out.line(&text)?;
    // The hint is not part of the result: `TOKEN=$(lineshaft token create …)` takes the token alone.
    let mut aside = Output::stderr();
    let hint = aside.styled(Style::Dim, "Keep it now: it is not stored and cannot be shown again.");
    aside.line(&hint)?;
    Ok(())
}

fn state(token: &Token) -> &'static str {
    match (token.revoked_at, token.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= Utc::now() => "expired",
        (None, _) => "active",
    }
}

fn row(token: &Token) -> [String; 6] {
    [
        token.name.clone(),
        format!("{}…", token.prefix),
        token
            .connection_id
            .map_or_else(|| "organization".to_owned(), |id| id.to_string()),
        state(token).to_owned(),
        token.last_used_at.map_or_else(|| "never".to_owned(), moment),
        token.id.to_string(),
    ]
}

fn as_json(token: &Token) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "prefix": token.prefix,
        "connectionId": token.connection_id,
        "state": state(token),
        "createdAt": token.created_at,
        "expiresAt": token.expires_at,
        "revokedAt": token.revoked_at,
        "lastUsedAt": token.last_used_at,
    })
}
