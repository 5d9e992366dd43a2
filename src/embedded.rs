//! The files that are part of the program: the connectors and the pages of the console.

use rust_embed::{EmbeddedFile, RustEmbed};

/// The built-in connectors, one folder each.
#[derive(RustEmbed)]
#[folder = "connectors/"]
#[include = "*.yaml"]
#[include = "*/README.md"]
struct Connectors;

/// The built playground.
#[derive(RustEmbed)]
#[folder = "console/playground/dist/"]
struct Playground;

/// The page on which customers connect a system.
#[derive(RustEmbed)]
#[folder = "console/connect/"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
#[include = "*.woff2"]
struct ConnectPage;

/// The page of the organization's staff.
#[derive(RustEmbed)]
#[folder = "console/operator/"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
#[include = "*.woff2"]
struct OperatorPage;

/// Returns the files of the built-in connectors: their paths below the folder of connectors, and their texts.
#[must_use]
pub fn connectors() -> Vec<(String, String)> {
    let read = |path: std::borrow::Cow<'static, str>| {
        let file = Connectors::get(&path)?;
        Some((path.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
    };
    Connectors::iter()
        .filter(|path| path.ends_with(".yaml"))
        .filter_map(read)
        .collect()
}

/// Returns the README of a built-in connector; an empty text when it has none.
#[must_use]
pub fn connector_readme(id: &str) -> String {
    let file = Connectors::get(&format!("{id}/README.md"));
    file.map(|file| String::from_utf8_lossy(&file.data).into_owned())
        .unwrap_or_default()
}

/// Returns a file of the playground.
#[must_use]
pub fn playground(path: &str) -> Option<EmbeddedFile> {
    Playground::get(path)
}

/// Returns a file of the page on which customers connect a system.
#[must_use]
pub fn connect_page(path: &str) -> Option<EmbeddedFile> {
    ConnectPage::get(path)
}

/// Returns a file of the page of the organization's staff.
#[must_use]
pub fn operator_page(path: &str) -> Option<EmbeddedFile> {
    OperatorPage::get(path)
}
