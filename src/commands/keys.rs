//! `lineshaft keys`: lists and changes the keys that seal stored secrets, while servers run.

use std::{collections::BTreeMap, path::Path, process::ExitCode, time::Duration};

use anyhow::bail;
use chrono::{DateTime, Utc};
use lineshaft_engine::{Engine, credentials::KeyUse, secrets};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cli,
    output::Output,
    settings::Settings,
    start::{self, Migrations},
};

/// Time within which every running server that reads the key file has taken it over.
const TAKEN_OVER: Duration = Duration::from_secs(3);

/// Runs the command.
pub(super) async fn run(settings: &Settings, action: cli::Keys, out: &mut Output) -> anyhow::Result<ExitCode> {
    let engine = start::engine(settings, Migrations::AsSettingsSay).await?;
    match action {
        cli::Keys::List { json } => list(&engine, json, out).await?,
        cli::Keys::Rotate => rotate(&engine, key_file(settings)?, out).await?,
        cli::Keys::Drop { id } => drop_key(&engine, key_file(settings)?, &id, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(engine: &Engine, json: bool, out: &mut Output) -> anyhow::Result<()> {
    let (ids, mut uses) = (engine.vault.keys().ids(), engine.vault.key_uses().await?);
    let unknown = uses.remove("").unwrap_or_default().tokens;
    let keys: Vec<(String, KeyUse)> = ids
        .into_iter()
        .map(|id| (id.clone(), uses.remove(&id).unwrap_or_default()))
        .collect();
    if json {
        let keys = keys.iter().enumerate().map(|(place, (id, needs))| {
            json!({
                "id": id,
                "current": place == 0,
                "sealed": needs.sealed,
                "passing": needs.passing,
                "tokens": needs.tokens,
            })
        });
        out.json(&json!({"keys": keys.collect::<Vec<_>>(), "tokensOfUnknownKey": unknown}))?;
        return Ok(());
    }
    let rows: Vec<[String; 5]> = keys
        .iter()
        .enumerate()
        .map(|(place, (id, needs))| {
            let state = if place == 0 { "seals" } else { "opens" };
            [
                id.clone(),
                state.to_owned(),
                needs.sealed.to_string(),
                needs.passing.to_string(),
                needs.tokens.to_string(),
            ]
        })
        .collect();
    out.table(["ID", "STATE", "SECRETS", "CODES", "TOKENS"], &rows)?;
    if unknown > 0 {
        out.line(&format!(
            "Tokens that were not used since it is written down which key they need, and may need any: {unknown}."
        ))?;
    }
    Ok(())
}

async fn rotate(engine: &Engine, file: &Path, out: &mut Output) -> anyhow::Result<()> {
    let id = secrets::rotate(file)?;
    out.line(&format!("The key `{id}` seals from now on; the older ones still open."))?;
    // Servers may seal with the older key until they have looked at the file.
    let first = start::reseal(engine).await?;
    tokio::time::sleep(TAKEN_OVER).await;
    if engine.vault.keys().current_id() != id {
        bail!("the key file was changed meanwhile; see `lineshaft keys list`");
    }
    let sealed = first + start::reseal(engine).await?;
    out.line(&format!("Sealed {sealed} secrets anew."))?;
    let mut uses = engine.vault.key_uses().await?;
    uses.remove(&id);
    let left: u64 = uses.values().map(|needs| needs.tokens).sum();
    if left > 0 {
        out.line(&format!(
            "Tokens that still need an older key: {left}. Each moves to the new one when it is next used."
        ))?;
    }
    out.line("Keep a copy of the key file. `lineshaft keys drop ID` takes an older key out once nothing needs it.")?;
    Ok(())
}

async fn drop_key(engine: &Engine, file: &Path, id: &str, out: &mut Output) -> anyhow::Result<()> {
    let ids = engine.vault.keys().ids();
    if !ids.iter().any(|known| known == id) {
        bail!("the key file has no key `{id}`; `lineshaft keys list` shows them");
    }
    let uses = engine.vault.key_uses().await?;
    let links = match ids.first().and_then(|current| made_at(current)) {
        Some(made_at) => engine.vault.open_links(made_at).await?,
        None => 0,
    };
    if let Some(needed) = needed(&uses, links, id) {
        bail!("the key `{id}` is still needed: {needed}");
    }
    secrets::drop_key(file, id)?;
    out.line(&format!("Dropped the key `{id}`. Servers forget it within seconds."))?;
    Ok(())
}

/// Tells what still needs a key, if anything does.
fn needed(uses: &BTreeMap<String, KeyUse>, links: u64, id: &str) -> Option<String> {
    let needs = uses.get(id).cloned().unwrap_or_default();
    let unknown = uses.get("").map_or(0, |needs| needs.tokens);
    let parts = [
        (needs.sealed, "secrets that it sealed (run `lineshaft keys rotate`)"),
        (needs.passing, "one-time codes or sign-ins that end within minutes"),
        (links, "links to hosted pages that end within the hour"),
        (needs.tokens, "tokens that were not used since (use or revoke them)"),
        (unknown, "tokens that may need it (use or revoke them)"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{what}: {count}")).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Returns when a key was made, if its identifier tells.
fn made_at(id: &str) -> Option<DateTime<Utc>> {
    let id = Uuid::try_parse(id.strip_prefix('k')?).ok()?;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}

fn key_file(settings: &Settings) -> anyhow::Result<&Path> {
    let secrets = &settings.secrets;
    if secrets.keys.is_empty() {
        return Ok(&secrets.key_file);
    }
    bail!("the keys come from the setting `secrets.keys`, which is changed where it is made: there is no key file")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_new_key_tells_when_it_was_made() {
        let entry = secrets::new_entry().unwrap();
        let id = entry.expose_secret().split(':').next().unwrap().to_owned();
        assert!((Utc::now() - made_at(&id).unwrap()).num_seconds().abs() < 10);
        assert_eq!(made_at("k2027"), None);
        assert_eq!(made_at("first"), None);
    }

    #[test]
    fn what_needs_a_key_is_told_in_one_line() {
        let needs = KeyUse {
            tokens: 2,
            ..KeyUse::default()
        };
        let uses = BTreeMap::from([("old".to_owned(), needs)]);
        assert_eq!(
            needed(&uses, 0, "old").unwrap(),
            "tokens that were not used since (use or revoke them): 2"
        );
        assert_eq!(needed(&uses, 0, "older"), None);
    }
}
