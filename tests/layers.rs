//! Who may import whom: the rules of `deny.toml`, kept where cargo-deny is not installed.

use std::{collections::BTreeSet, process::Command};

fn direct_dependants(of: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
            "--manifest-path",
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() >= 11, "the workspace has its crates");
    let depends = |package: &&serde_json::Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        dependencies
            .iter()
            .any(|dependency| dependency["name"] == of && dependency["kind"] != "dev")
    };
    packages
        .iter()
        .filter(depends)
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .collect()
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn graphql_is_known_to_the_api_alone() {
    assert_eq!(direct_dependants("async-graphql"), names(&["lineshaft-api"]));
}

#[test]
fn the_database_is_known_to_use_cases_entities_and_migrations() {
    assert_eq!(
        direct_dependants("sea-orm"),
        names(&["lineshaft-engine", "lineshaft-entities"])
    );
    assert_eq!(direct_dependants("sea-orm-migration"), names(&["lineshaft-migrations"]));
}

#[test]
fn requests_to_systems_go_out_from_the_connector_framework() {
    assert_eq!(direct_dependants("reqwest"), names(&["lineshaft-connect"]));
}

#[test]
fn databases_of_systems_are_spoken_to_by_one_crate() {
    for library in ["tokio-postgres", "mysql_async", "tiberius"] {
        assert_eq!(direct_dependants(library), names(&["lineshaft-databases"]));
    }
}

#[test]
fn the_words_import_nothing_of_ours() {
    for (of, allowed) in [
        (
            "lineshaft-schema",
            &[
                "lineshaft",
                "lineshaft-api",
                "lineshaft-conformance",
                "lineshaft-connect",
                "lineshaft-engine",
                "lineshaft-entities",
            ][..],
        ),
        (
            "lineshaft-connect",
            &[
                "lineshaft",
                "lineshaft-api",
                "lineshaft-conformance",
                "lineshaft-databases",
                "lineshaft-engine",
            ],
        ),
        ("lineshaft-yaml", &["lineshaft-connect", "lineshaft-sandbox"]),
        ("lineshaft-databases", &["lineshaft"]),
        ("lineshaft-entities", &["lineshaft", "lineshaft-engine"]),
        ("lineshaft-engine", &["lineshaft", "lineshaft-api"]),
        ("lineshaft-api", &["lineshaft"]),
        ("lineshaft-migrations", &["lineshaft"]),
        ("lineshaft-sandbox", &["lineshaft", "lineshaft-conformance"]),
        ("lineshaft-conformance", &["lineshaft"]),
    ] {
        let dependants = direct_dependants(of);
        assert!(
            dependants.is_subset(&names(allowed)),
            "{of} is imported by {dependants:?}"
        );
    }
}
