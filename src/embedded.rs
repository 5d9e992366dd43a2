//! The files that are part of the program: the connectors and the pages of the console.

use rust_embed::{EmbeddedFile, RustEmbed};

/// The built-in connectors, one folder each.
#[derive(RustEmbed)]
#[folder = "connectors/"]
#[include = "*.yaml"]
struct Connectors;

/// The built playground.
#[derive(RustEmbed)]
#[folder = "console/playground/dist/"]
struct Playground;

/// Returns the files of the built-in connectors: their paths below the folder of connectors, and their texts.
#[must_use]
pub fn connectors() -> Vec<(String, String)> {
    let read = |path: std::borrow::Cow<'static, str>| {
        let file = Connectors::get(&path)?;
        Some((path.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
    };
    Connectors::iter().filter_map(read).collect()
}

/// Returns a file of the playground.
#[must_use]
pub fn playground(path: &str) -> Option<EmbeddedFile> {
    Playground::get(path)
}
