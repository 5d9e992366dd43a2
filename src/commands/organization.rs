//! `lineshaft organization`: creates and lists organizations.

use std::process::ExitCode;

use lineshaft_engine::{
    credits,
    organizations::{self, NewOrganization, Organization},
    origin::Origin,
};
use serde_json::{Value, json};

use super::{MOST_ROWS, moment, organization};
use crate::{
    cli,
    output::Output,
    settings::Settings,
    start::{self, Migrations},
};

/// Runs the command.
pub(super) async fn run(settings: &Settings, action: cli::Organization, out: &mut Output) -> anyhow::Result<ExitCode> {
    let engine = start::engine(settings, Migrations::AsSettingsSay).await?;
    match action {
        cli::Organization::Create {
            slug,
            name,
            credits,
            json,
        } => {
            let new = NewOrganization {
                name: name.unwrap_or_else(|| slug.clone()),
                slug,
                credits: credits.unwrap_or(settings.credits.initial),
            };
            let created = organizations::create(&engine.database, new).await?;
            if json {
                out.json(&as_json(&created))?;
            } else {
                out.line(&format!(
                    "Created the organization `{}` ({}).",
                    created.slug, created.name
                ))?;
                out.line(&format!(
                    "Next: lineshaft token create --organization {} --name NAME",
                    created.slug
                ))?;
            }
        }
        cli::Organization::Grant { owner, amount, note } => {
            let owner = organization(&engine, &owner).await?;
            let balance = credits::grant(&engine.journal, &Origin::operator(), owner.id, amount, note).await?;
            out.line(&format!(
                "`{}` has {} credits now: {} reserved, {} available.",
                owner.slug, balance.total, balance.used, balance.available
            ))?;
        }
        cli::Organization::List { json } => {
            let all = organizations::list(&engine.database, None, MOST_ROWS).await?;
            if json {
                out.json(&all.iter().map(as_json).collect::<Vec<_>>())?;
            } else if all.is_empty() {
                out.line("There is no organization yet; make one with `lineshaft organization create SLUG`.")?;
            } else {
                let row = |one: &Organization| {
                    [
                        one.slug.clone(),
                        one.name.clone(),
                        moment(one.created_at),
                        one.id.to_string(),
                    ]
                };
                out.table(
                    ["SLUG", "NAME", "CREATED", "ID"],
                    &all.iter().map(row).collect::<Vec<_>>(),
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(one: &Organization) -> Value {
    json!({"id": one.id, "slug": one.slug, "name": one.name, "createdAt": one.created_at})
}
