//! Checks of what a manifest says about itself: identifiers, settings, limits, ways to sign in.

use std::collections::{BTreeSet, HashSet};

use regex::Regex;

use super::{Problem, call::escape_pointer};
use crate::manifest::{AuthKind, Manifest, SettingField, SettingKind};

/// Reports what is wrong with the parts of a manifest that are no requests and no mappings.
pub(super) fn check(manifest: &Manifest, problems: &mut Vec<Problem>) {
    if manifest.manifest != 1 {
        let problem = Problem::new(
            "/manifest",
            format!("version {} of the manifest language is not known", manifest.manifest),
        );
        problems.push(problem.with_help("write `manifest: 1`"));
    }
    if !is_identifier(&manifest.id, '-') {
        problems.push(Problem::new(
            "/id",
            format!(
                "`{}` is not an identifier: lower-case letters, digits and `-`",
                manifest.id
            ),
        ));
    }
    if !(1..=3).contains(&manifest.tier) {
        problems.push(Problem::new("/tier", "the tier is 1, 2 or 3"));
    }
    for (key, text) in [
        ("version", &manifest.version),
        ("name", &manifest.name),
        ("description", &manifest.description),
    ] {
        if text.trim().is_empty() {
            problems.push(Problem::new(format!("/{key}"), "must not be empty"));
        }
    }
    for (key, empty) in [
        ("categories", manifest.categories.is_empty()),
        ("deployments", manifest.deployments.is_empty()),
        ("auth", manifest.auth.is_empty()),
    ] {
        if empty {
            problems.push(Problem::new(format!("/{key}"), "needs at least one entry"));
        }
    }
    for (name, setting) in &manifest.settings {
        check_setting(name, setting, problems);
    }
    check_auth(manifest, problems);
    check_limits(manifest, problems);
    for (at, variant) in manifest.variants.iter().enumerate() {
        for name in variant
            .when
            .keys()
            .filter(|name| !manifest.settings.contains_key(*name))
        {
            problems.push(Problem::new(
                format!("/variants/{at}/when/{}", escape_pointer(name)),
                format!("there is no setting `{name}`"),
            ));
        }
        if variant.when.is_empty() {
            problems.push(Problem::new(
                format!("/variants/{at}/when"),
                "needs at least one setting",
            ));
        }
    }
    if let Some(raw) = &manifest.raw {
        for (at, method) in raw.methods.iter().enumerate().filter(|(_, method)| !is_method(method)) {
            problems.push(Problem::new(
                format!("/raw/methods/{at}"),
                format!("`{method}` is not an HTTP method"),
            ));
        }
        for (at, path) in raw.paths.iter().enumerate().filter(|(_, path)| !path.starts_with('/')) {
            problems.push(Problem::new(
                format!("/raw/paths/{at}"),
                format!("`{path}` does not start with `/`"),
            ));
        }
    }
}

fn is_identifier(text: &str, joint: char) -> bool {
    text.starts_with(|sign: char| sign.is_ascii_lowercase())
        && text
            .chars()
            .all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == joint)
}

fn is_method(text: &str) -> bool {
    matches!(text, "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE")
}

fn check_setting(name: &str, setting: &SettingField, problems: &mut Vec<Problem>) {
    let pointer = format!("/settings/{}", escape_pointer(name));
    if !is_identifier(name, '_') {
        problems.push(Problem::new(
            pointer.clone(),
            format!("`{name}` is not a name: lower-case letters, digits and `_`"),
        ));
    }
    if (setting.kind == SettingKind::Choice) == setting.choices.is_empty() {
        problems.push(Problem::new(
            pointer.clone(),
            "`choices` belong to the type `choice` and are needed there",
        ));
    }
    let pattern = setting
        .pattern
        .as_ref()
        .map(|pattern| Regex::new(&format!("^(?:{pattern})$")));
    let texts = [("default", &setting.default), ("example", &setting.example)];
    match pattern {
        Some(Err(error)) => problems.push(Problem::new(
            format!("{pointer}/pattern"),
            format!("not a regular expression: {error}"),
        )),
        Some(Ok(pattern)) => {
            for (key, text) in texts {
                if text.as_ref().is_some_and(|text| !pattern.is_match(text)) {
                    problems.push(Problem::new(format!("{pointer}/{key}"), "does not match the pattern"));
                }
            }
        }
        None => {}
    }
    if let Some(default) = &setting.default
        && let Some(wanted) = unfit(setting, default)
    {
        problems.push(Problem::new(
            format!("{pointer}/default"),
            format!("`{default}` is not {wanted}"),
        ));
    }
}

fn unfit(setting: &SettingField, text: &str) -> Option<&'static str> {
    match setting.kind {
        SettingKind::Url if !text.starts_with("https://") && !text.starts_with("http://") => Some("a web address"),
        SettingKind::Integer if text.parse::<i64>().is_err() => Some("a whole number"),
        SettingKind::Boolean if !matches!(text, "true" | "false") => Some("`true` or `false`"),
        SettingKind::Choice if !setting.choices.iter().any(|choice| choice == text) => Some("one of the choices"),
        SettingKind::TimeZone if text.parse::<chrono_tz::Tz>().is_err() => Some("the name of a time zone"),
        _ => None,
    }
}

fn check_auth(manifest: &Manifest, problems: &mut Vec<Problem>) {
    let mut ids = HashSet::new();
    for (at, auth) in manifest.auth.iter().enumerate() {
        let pointer = format!("/auth/{at}");
        if !is_identifier(&auth.id, '_') {
            problems.push(Problem::new(
                format!("{pointer}/id"),
                format!("`{}` is not an identifier: lower-case letters, digits and `_`", auth.id),
            ));
        }
        if !ids.insert(auth.id.as_str()) {
            problems.push(Problem::new(
                format!("{pointer}/id"),
                format!("there are two ways `{}`", auth.id),
            ));
        }
        if auth.credentials.is_empty() {
            problems.push(Problem::new(
                format!("{pointer}/credentials"),
                "needs at least one credential",
            ));
        }
        for (name, credential) in &auth.credentials {
            let pointer = format!("{pointer}/credentials/{}", escape_pointer(name));
            if !is_identifier(name, '_') {
                problems.push(Problem::new(
                    pointer.clone(),
                    format!("`{name}` is not a name: lower-case letters, digits and `_`"),
                ));
            }
            if let Some(Err(error)) = credential.pattern.as_ref().map(|pattern| Regex::new(pattern)) {
                problems.push(Problem::new(
                    format!("{pointer}/pattern"),
                    format!("not a regular expression: {error}"),
                ));
            }
        }
    }
}

fn check_limits(manifest: &Manifest, problems: &mut Vec<Problem>) {
    let limits = &manifest.limits;
    if limits.concurrency == Some(0) {
        problems.push(Problem::new("/limits/concurrency", "must be at least 1"));
    }
    for (at, rate) in limits.rates.iter().enumerate() {
        if rate.calls == 0 || rate.per_s == 0 {
            problems.push(Problem::new(
                format!("/limits/rates/{at}"),
                "calls and seconds must be at least 1",
            ));
        }
        for (cost_at, cost) in rate.costs.iter().enumerate() {
            let pointer = format!("/limits/rates/{at}/costs/{cost_at}");
            if let Some(method) = cost.methods.iter().find(|method| !is_method(method)) {
                let message = format!("`{method}` is not an HTTP method");
                problems.push(Problem::new(format!("{pointer}/methods"), message));
            }
            if let Some(Err(error)) = cost.path.as_ref().map(|path| Regex::new(path)) {
                let message = format!("not a regular expression: {error}");
                problems.push(Problem::new(format!("{pointer}/path"), message));
            }
            if cost.cost == 0 || cost.cost > rate.calls {
                let message = "a call counts as at least one, and as no more than the window holds";
                problems.push(Problem::new(format!("{pointer}/cost"), message));
            }
        }
        for method in rate.methods.iter().filter(|method| !is_method(method)) {
            problems.push(Problem::new(
                format!("/limits/rates/{at}/methods"),
                format!("`{method}` is not an HTTP method"),
            ));
        }
    }
    for (at, name) in limits.retry_after_headers.iter().enumerate() {
        if name.parse::<http::HeaderName>().is_err() {
            problems.push(Problem::new(
                format!("/limits/retry_after_headers/{at}"),
                format!("`{name}` is not the name of a header"),
            ));
        }
    }
}

/// Returns the names of the variables that every connection of the connector has.
pub(super) fn connection_variables(manifest: &Manifest) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = manifest
        .settings
        .keys()
        .map(|name| format!("settings.{name}"))
        .collect();
    for auth in &manifest.auth {
        names.extend(auth.credentials.keys().map(|name| format!("credentials.{name}")));
        match &auth.kind {
            AuthKind::Session { keep, .. } => names.extend(keep.keys().map(|name| format!("session.{name}"))),
            AuthKind::Oauth2 { .. } => {
                names.insert(format!("session.{}", super::ACCESS_TOKEN));
            }
            AuthKind::Basic { .. } | AuthKind::Headers { .. } | AuthKind::Oauth1 { .. } | AuthKind::Signed(_) => {}
        }
    }
    names
}
