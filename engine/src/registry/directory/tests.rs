//! Tests of directories: a good change is taken up, a bad one keeps what was good, and what is removed uncovers what it hid.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{fs, path::Path, sync::Arc};

use lineshaft_schema::Catalogue;

use crate::registry::{Kind, Registry};

const MANIFEST: &str = r#"{
    "manifest": 1, "id": "acme", "version": "1.0.0", "name": "Acme", "description": "A connector for tests.",
    "categories": ["erp"], "tier": 1, "deployments": ["cloud"],
    "settings": {"base_url": {"type": "url", "label": "Address", "required": true}},
    "auth": [{"id": "key", "label": "Key", "credentials": {"key": {"label": "Key"}},
        "kind": {"basic": {"username": "x", "password": "{{credentials.key}}"}}}],
    "http": {"base_url": "{{settings.base_url}}"},
    "probe": {"request": {"path": "/who"}, "identity": ["user"]},
    "protocol": "odata_v4",
    "resources": {"Vendor": {"remote": "Vendors", "key": "id", "fields": {"name": "name"}}}
}"#;

fn write(folder: &Path, version: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("manifest.yaml"), MANIFEST.replace("1.0.0", version)).unwrap();
}

fn version(registry: &Registry) -> Option<String> {
    registry.get("acme").map(|kind| kind.manifest.version.clone())
}

/// Looks until what was changed holds still.
fn settle(registry: &Registry) {
    registry.look_again();
    registry.look_again();
}

fn watched(directory: &Path) -> Registry {
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    registry.add_directory(directory).unwrap();
    registry
}

#[test]
fn a_changed_connector_is_taken_up_and_who_holds_the_old_one_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("acme");
    write(&folder, "1.0.0");
    let registry = watched(directory.path());
    let held: Arc<Kind> = registry.get("acme").unwrap();
    settle(&registry);
    assert!(
        Arc::ptr_eq(&held, &registry.get("acme").unwrap()),
        "nothing was changed"
    );
    write(&folder, "1.0.10");
    registry.look_again();
    assert_eq!(version(&registry).unwrap(), "1.0.0", "the files may still be written");
    registry.look_again();
    assert_eq!(version(&registry).unwrap(), "1.0.10");
    assert_eq!(held.manifest.version, "1.0.0");
}

#[test]
fn a_bad_change_keeps_what_was_good_and_is_told_until_it_is_mended() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("acme");
    write(&folder, "1.0.0");
    let registry = watched(directory.path());
    fs::write(folder.join("manifest.yaml"), "manifest: 1\nid: acme\nnope: 2\n").unwrap();
    settle(&registry);
    assert_eq!(version(&registry).unwrap(), "1.0.0");
    let rejected = registry.rejected();
    assert_eq!((rejected.len(), rejected[0].keeps.as_deref()), (1, Some("1.0.0")));
    let told = registry.refused_change("acme");
    assert!(
        told.iter().any(|problem| problem.starts_with("manifest.yaml:3:")),
        "{told:?}"
    );
    write(&folder, "1.0.11");
    settle(&registry);
    assert_eq!(version(&registry).unwrap(), "1.0.11");
    assert!(registry.rejected().is_empty() && registry.refused_change("acme").is_empty());
}

#[test]
fn folders_come_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("acme");
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    let built_in = MANIFEST.replace("1.0.0", "0.0.1");
    registry.add_files([("acme/manifest.yaml", built_in.as_str())]);
    registry.add_directory(directory.path()).unwrap();
    write(&folder, "2.0.0");
    settle(&registry);
    assert_eq!(version(&registry).unwrap(), "2.0.0");
    fs::remove_dir_all(&folder).unwrap();
    settle(&registry);
    assert_eq!(version(&registry).unwrap(), "0.0.1", "the built-in one counts again");
    write(&directory.path().join("other"), "1.0.0");
    settle(&registry);
    let rejected = registry.rejected();
    assert!(
        rejected[0].problems[0].contains("the folder is named `other`"),
        "{rejected:?}"
    );
    assert_eq!(rejected[0].keeps, None);
}

#[test]
fn a_directory_that_cannot_be_read_for_a_while_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("connectors");
    write(&inner.join("acme"), "1.0.0");
    let registry = watched(&inner);
    fs::rename(&inner, directory.path().join("away")).unwrap();
    settle(&registry);
    assert_eq!(version(&registry).unwrap(), "1.0.0");
}
