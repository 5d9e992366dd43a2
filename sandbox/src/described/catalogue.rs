//! The descriptions that come with the product, one for each folder of connectors that has a `sandbox.yaml`, and those
//! that were loaded from elsewhere.

use std::sync::{LazyLock, Mutex, PoisonError};

use super::description::Description;
use super::load::Faulty;

/// What was found in the folders of connectors.
struct Found {
    good: Vec<&'static Description>,
    faulty: Vec<Faulty>,
}

static FOUND: LazyLock<Found> = LazyLock::new(|| {
    let mut found = Found {
        good: Vec::new(),
        faulty: Vec::new(),
    };
    for (id, file, text) in files() {
        match Description::read(&id, &file, &text) {
            Ok(description) => found.good.push(description.leaked()),
            Err(faulty) => found.faulty.push(faulty),
        }
    }
    found
});

static LOADED: Mutex<Vec<&'static Description>> = Mutex::new(Vec::new());

/// Returns the descriptions that come with the product.
pub(crate) fn all() -> &'static [&'static Description] {
    &FOUND.good
}

/// Returns what is wrong with those that cannot be used.
pub(crate) fn faulty() -> &'static [Faulty] {
    &FOUND.faulty
}

/// Keeps a description that comes from elsewhere.
pub(crate) fn keep(description: Description) -> &'static Description {
    let kept = description.leaked();
    LOADED.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    kept
}

/// Returns the description with an id: the one that was loaded last goes before those of the product.
pub(crate) fn find(id: &str) -> Option<&'static Description> {
    let loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let own = loaded.iter().rev().find(|one| one.id == id).copied();
    own.or_else(|| all().iter().find(|one| one.id == id).copied())
}

#[cfg(debug_assertions)]
fn files() -> Vec<(String, String, String)> {
    // Read from the disk, so that a changed file needs no new build.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if let Ok(text) = std::fs::read_to_string(entry.path().join("sandbox.yaml")) {
            files.push((id.clone(), format!("connectors/{id}/sandbox.yaml"), text));
        }
    }
    files.sort();
    files
}

#[cfg(not(debug_assertions))]
fn files() -> Vec<(String, String, String)> {
    #[derive(rust_embed::RustEmbed)]
    #[folder = "../connectors"]
    #[include = "*/sandbox.yaml"]
    struct Embedded;

    let mut files: Vec<(String, String, String)> = Embedded::iter()
        .filter_map(|path| {
            let text = String::from_utf8(Embedded::get(&path)?.data.into_owned()).ok()?;
            let id = path.split('/').next()?.to_owned();
            Some((id.clone(), format!("connectors/{id}/sandbox.yaml"), text))
        })
        .collect();
    files.sort();
    files
}
