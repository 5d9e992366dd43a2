//! Tests of trust: what is recalled makes a draft, a test on a real server verifies, else the weakest source counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;
use crate::manifest::load::{load_files, load_folder};

const MANIFEST: &str = r#"
manifest: 1
id: acme
version: 0.1.0
name: Acme
description: A system.
categories: [erp]
tier: 1
deployments: [cloud]
settings:
  base_url: {type: url, label: Address, required: true}
auth: [{id: key, label: Key, kind: {headers: {headers: {X-Key: "{{credentials.key}}"}}}, credentials: {key: {label: Key, secret: true}}}]
http: {base_url: "{{settings.base_url}}"}
probe: {request: {path: /me}, identity: [name]}
protocol: json_rest
"#;

fn reckoned(mapping: &str, specs: &[&str], verified: Option<&str>) -> TypeTrust {
    let files = [("manifest.yaml", MANIFEST), ("mappings/Vendor.yaml", mapping)];
    let (manifest, _) = load_files(files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let specs = specs.iter().map(|text| ("specs/vendor.yaml", *text));
    let report = report(&manifest, specs.chain(verified.map(|text| (VERIFIED, text))));
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.trust, report.types["Vendor"].trust);
    report.types["Vendor"].clone()
}

fn spec(source: &str) -> String {
    format!("type: Vendor\nabout: A vendor\nrow: {{id: 1, name: A}}\n{source}expect: {{name: A}}\n")
}

const PLAIN: &str = "remote: vendors\nkey: id\nfields: {name: name}\n";
const TESTED: &str = "verified: 1\nserver: Acme\nversion: '3.1'\non: '2026-11-22'\ntypes: {Vendor: [list, create]}\n";

#[test]
fn the_weakest_source_counts() {
    let capture = spec("source: {kind: capture, of: an answer, version: '2'}\n");
    let documented = spec("source: {kind: documentation, of: the manual}\n");
    assert_eq!(reckoned(PLAIN, &[&capture], None).trust, Trust::Recorded);
    let both = reckoned(PLAIN, &[&capture, &documented], None);
    assert_eq!(both.trust, Trust::Documented);
    assert_eq!(both.because, ["an answer (2)", "the manual"]);
    let recalled = spec("source: {kind: recalled, of: somebody}\n");
    let with_recalled = reckoned(PLAIN, &[&capture, &recalled], None);
    assert_eq!(with_recalled.trust, Trust::Draft);
    assert_eq!(
        with_recalled.because,
        ["the row of `A vendor` in specs/vendor.yaml is recalled"]
    );
}

#[test]
fn without_a_source_it_is_a_draft() {
    assert_eq!(reckoned(PLAIN, &[], None).because, ["no spec shows a row of it"]);
    let silent = reckoned(PLAIN, &[&spec("")], None);
    assert_eq!(silent.trust, Trust::Draft);
    assert_eq!(silent.because, ["`A vendor` in specs/vendor.yaml names no source"]);
}

#[test]
fn a_test_on_a_real_server_verifies_what_is_only_documented_but_nothing_that_is_recalled() {
    let documented = spec("source: {kind: documentation, of: the manual}\n");
    let tested = reckoned(PLAIN, &[&documented], Some(TESTED));
    assert_eq!(tested.trust, Trust::Verified);
    assert_eq!(
        (tested.because, tested.verified),
        (
            vec!["a test on Acme 3.1".to_owned()],
            vec!["list".to_owned(), "create".to_owned()]
        )
    );
    for mapping in [
        "remote: vendors\nkey: id\nfields: {name: {path: name, recalled: true}}\n",
        "remote: vendors\nkey: id\nrecalled: [name.Acme]\nfields: {name: name}\n",
        "remote: vendors\nkey: id\nrecalled: [remote]\nfields: {name: name}\n",
    ] {
        let own = reckoned(mapping, &[&documented], Some(TESTED));
        assert_eq!(own.trust, Trust::Draft, "{mapping}");
        assert!(own.because[0].ends_with("is recalled"), "{:?}", own.because);
    }
}

#[test]
fn it_is_told_for_how_many_types_the_least_level_is() {
    let files = [
        ("manifest.yaml", MANIFEST),
        ("mappings/Vendor.yaml", PLAIN),
        ("mappings/User.yaml", "remote: users\nkey: id\nfields: {name: name}\n"),
    ];
    let (manifest, _) = load_files(files).unwrap();
    let documented = spec("source: {kind: documentation, of: the manual}\n");
    let specs = [("specs/vendor.yaml", documented.as_str())];
    assert_eq!(report(&manifest, specs).in_words(), "DRAFT (1 of 2 types)");
    assert_eq!(report(&manifest, []).in_words(), "DRAFT");
}

#[test]
fn what_is_named_as_recalled_must_be_there() {
    let mapping = "remote: vendors\nkey: id\nrecalled: [nam]\nfields: {name: name}\n";
    let problems = load_files([("manifest.yaml", MANIFEST), ("mappings/Vendor.yaml", mapping)]).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("mappings/Vendor.yaml:3:"), "{told:?}");
    assert!(
        told[0].contains("unknown field `nam`") && told[0].contains("name"),
        "{told:?}"
    );
}

#[test]
fn evidence_that_cannot_be_read_proves_nothing_and_is_told() {
    let files = [("manifest.yaml", MANIFEST), ("mappings/Vendor.yaml", PLAIN)];
    let (manifest, _) = load_files(files).unwrap();
    let own = report(
        &manifest,
        [(VERIFIED, "verified: 1\nservers: x\n"), ("specs/v.yaml", "type: [")],
    );
    assert_eq!(own.trust, Trust::Draft);
    assert!(
        own.problems.iter().any(|problem| problem.starts_with("verified.yaml")),
        "{:?}",
        own.problems
    );
    assert!(
        own.problems.iter().any(|problem| problem.starts_with("specs/v.yaml")),
        "{:?}",
        own.problems
    );
}

#[test]
fn built_in_connectors_have_evidence_that_can_be_read() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors"));
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("manifest.yaml").is_file() {
            continue;
        }
        let (manifest, _) = load_folder(&path).unwrap();
        let files = crate::manifest::load::evidence(&path).unwrap();
        let own = report(
            &manifest,
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())),
        );
        assert_eq!(own.problems, Vec::<String>::new(), "{}", path.display());
        let silent: Vec<_> = own.types.values().flat_map(|own| &own.because).collect();
        assert!(
            !silent.iter().any(|why| why.contains("names no source")),
            "{}: {silent:?}",
            path.display()
        );
    }
}

#[test]
fn what_a_real_server_showed_is_recalled_no_longer() {
    let row = spec("source: {kind: recalled, of: somebody}\n");
    let mapping =
        "remote: vendors\nkey: id\nrecalled: [remote, status.B]\nfields: {name: {path: name, recalled: true}}\n";
    let mapping = mapping.replace(
        "fields: {",
        "fields: {status: {path: state, as: {enum: {B: BLOCKED}}}, ",
    );
    let seen = |names: &str| format!("{TESTED}seen: {{Vendor: [{names}]}}\n");
    let partly = reckoned(&mapping, &[&row], Some(&seen("name, remote")));
    assert_eq!(partly.trust, Trust::Draft);
    assert_eq!(partly.because, ["`status.B` is recalled"]);
    let wholly = reckoned(&mapping, &[&row], Some(&seen("name, remote, status.B")));
    assert_eq!(
        (wholly.trust, wholly.because),
        (Trust::Verified, vec!["a test on Acme 3.1".to_owned()])
    );
    // Rows make up for rows, and not for answers that somebody recalls.
    let answer = "type: Vendor\nabout: No rights\nsource: {kind: recalled, of: somebody}\nanswer: {status: 403, body: {}}\n\
                  expect: {error: {kind: permission_denied}}\n";
    let refused = reckoned(PLAIN, &[&row, answer], Some(TESTED));
    assert_eq!(refused.trust, Trust::Draft);
    assert_eq!(
        refused.because,
        ["the answer of `No rights` in specs/vendor.yaml is recalled"]
    );
}

#[test]
fn the_file_is_written_as_it_is_read() {
    let committed = include_str!("../../../connectors/tryton/verified.yaml");
    let known = verified(committed).unwrap();
    assert_eq!(known.to_yaml("the test `verified` of tests/tryton"), committed);
    let odd = Verified {
        server: "Acme: \"test\" # 2".to_owned(),
        version: String::new(),
        types: [(
            "Vendor".to_owned(),
            vec!["create".to_owned(), "get".to_owned(), "list".to_owned()],
        )]
        .into(),
        seen: [("Vendor".to_owned(), vec!["name".to_owned()])].into(),
        ..known
    };
    let read = verified(&odd.to_yaml("somebody")).unwrap();
    assert_eq!(
        (&read.server, &read.version, &read.seen),
        (&odd.server, &odd.version, &odd.seen)
    );
    assert_eq!(read.types["Vendor"], ["list", "get", "create"]);
    assert_eq!(read.title(), odd.server);
}
