//! The credentials of a real system: from a file or the standard input, never from the command line, and never in a message.

use std::{
    fs,
    io::{IsTerminal as _, Read as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use lineshaft_connect::manifest::{Manifest, yaml};
use serde_json::{Map, Value};

/// Shorter ones are not looked for in what is printed: they would stand in it by chance.
const SHORTEST_SECRET: usize = 4;

/// Reads the credentials from a file or the standard input. No message repeats what stands there.
pub(super) fn read(from: Option<&Path>) -> anyhow::Result<Map<String, Value>> {
    let Some(path) = from else { return Ok(Map::new()) };
    let (place, text) = if path == Path::new("-") {
        if std::io::stdin().is_terminal() {
            bail!("the credentials are to come on the standard input, which is a terminal; give a file");
        }
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("the credentials cannot be read")?;
        ("the standard input".to_owned(), text)
    } else {
        let text = fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        (format!("`{}`", path.display()), text)
    };
    let read = serde_json::from_str(&text).ok().or_else(|| {
        let documents = yaml::parse(&text).ok()?;
        let [root] = documents.as_slice() else { return None };
        Some(root.to_json())
    });
    let Some(Value::Object(read)) = read else {
        bail!("the credentials of {place} are not names with values in JSON or YAML, such as `api_key: \"…\"`");
    };
    let untold = read.iter().find(|(_, value)| !value.is_string() && !value.is_null());
    if let Some((name, _)) = untold {
        bail!("the credential `{name}` of {place} is not a text; put its value in quotation marks");
    }
    Ok(read)
}

/// Returns the credentials that nobody may see.
pub(super) fn secrets(credentials: &Map<String, Value>, manifest: &Manifest) -> Vec<String> {
    let is_open = |name: &str| {
        let mut fields = manifest
            .auth
            .iter()
            .filter_map(|way| way.credentials.get(name))
            .peekable();
        fields.peek().is_some() && fields.all(|field| !field.secret)
    };
    let texts = credentials.iter().filter(|(name, _)| !is_open(name));
    let texts = texts.filter_map(|(_, value)| value.as_str());
    let texts = texts.flat_map(|text| [text, text.trim()]);
    let mut secrets: Vec<String> = texts
        .filter(|text| text.len() >= SHORTEST_SECRET)
        .map(str::to_owned)
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}
