//! Tests of the settings: layers, unknown keys, values out of bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;

fn with(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, Error> {
    let folder = tempfile::tempdir().unwrap();
    if let Some(text) = file {
        std::fs::write(folder.path().join("lineshaft.toml"), text).unwrap();
    }
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::load(&Source {
        file: None,
        folder: Some(folder.path().to_owned()),
        variables,
    })
}

fn problem(file: Option<&str>, variables: &[(&str, &str)]) -> String {
    with(file, variables).unwrap_err().to_string()
}

#[test]
fn the_documented_defaults_are_those_of_the_code() {
    let settings = with(None, &[]).unwrap();
    let transport = transport::Settings {
        query_timeout_ms: 35_000,
        ..transport::Settings::default()
    };
    assert_eq!(settings.graphql, transport);
    assert_eq!(
        format!("{:?}", settings.engine().query),
        format!("{:?}", query::Settings::default())
    );
    assert_eq!(
        format!("{:?}", settings.engine().connector),
        format!("{:?}", connector::Options::default())
    );
    assert_eq!(
        format!("{:?}", settings.engine().events),
        format!("{:?}", events::Settings::default())
    );
    assert_eq!(
        format!("{:?}", settings.engine().webhooks),
        format!("{:?}", webhooks::Settings::default())
    );
    assert_eq!(
        format!("{:?}", settings.database.options()),
        format!("{:?}", database::Settings::default())
    );
    assert_eq!(settings.server.bind, "127.0.0.1:8080");
}

#[test]
fn a_file_overrides_defaults_and_variables_override_the_file() {
    let file = "[server]\nbind = \"0.0.0.0:80\"\n[graphql.limits]\ndepth = 7\n";
    let settings = with(
        Some(file),
        &[
            ("LINESHAFT_SERVER__BIND", "127.0.0.1:1"),
            ("LINESHAFT_QUERY__MAX_SCANNED", "9"),
        ],
    )
    .unwrap();
    assert_eq!(settings.server.bind, "127.0.0.1:1");
    assert_eq!(settings.graphql.limits.depth, 7);
    assert_eq!(settings.query.max_scanned, 9);
    assert_eq!(settings.graphql.limits.aliases, 50);
}

#[test]
fn lists_and_switches_come_from_variables() {
    let variables = [
        ("LINESHAFT_UPSTREAM__ALLOW_NETWORKS", "10.0.0.0/8, fd00::/8"),
        ("LINESHAFT_GRAPHQL__INTROSPECTION", "false"),
        ("LINESHAFT_LOG__FORMAT", "json"),
        ("LINESHAFT_CONFIG", "elsewhere.toml"),
        ("PATH", "/bin"),
    ];
    let settings = with(None, &variables).unwrap();
    assert_eq!(settings.upstream.allow_networks, ["10.0.0.0/8", "fd00::/8"]);
    assert!(!settings.graphql.introspection);
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn every_unknown_key_is_told_with_the_one_that_was_meant() {
    let told = problem(
        Some("[server]\nbnd = 1\n[grafql]\nbatch = true\n[query]\nwhatever = 2\ndepth = 3\n"),
        &[],
    );
    let lines: Vec<&str> = told
        .lines()
        .map(|line| line.rsplit_once(".toml: ").unwrap().1)
        .collect();
    assert_eq!(
        lines,
        [
            "unknown section `grafql`, did you mean `graphql`?",
            "unknown setting `query.depth`, did you mean `graphql.limits.depth`?",
            "unknown setting `query.whatever`",
            "unknown setting `server.bnd`, did you mean `server.bind`?",
        ]
    );
}

#[test]
fn unknown_variables_are_refused() {
    let told = problem(None, &[("LINESHAFT_SERVER_BIND", "x"), ("LINESHAFT_SERVER", "y")]);
    assert_eq!(
        told,
        "unknown environment variable `LINESHAFT_SERVER_BIND`, did you mean `LINESHAFT_SERVER__BIND`?\n\
         unknown environment variable `LINESHAFT_SERVER`"
    );
}

#[test]
fn a_wrong_type_is_told_with_its_key_and_place() {
    let told = problem(None, &[("LINESHAFT_SERVER__MAX_CONNECTIONS", "many")]);
    assert!(
        told.contains("server.max_connections") && told.contains("LINESHAFT_SERVER__MAX_CONNECTIONS"),
        "{told}"
    );
    let told = problem(Some("[query]\nmax_scanned = -1\n"), &[]);
    assert!(told.contains("query.max_scanned"), "{told}");
    let told = problem(Some("server = 1\n"), &[]);
    assert!(told.contains("`server` is a section, not a setting"), "{told}");
    let told = problem(Some("[server\n"), &[]);
    assert!(told.contains("lineshaft.toml is not TOML"), "{told}");
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let told = problem(Some("[query]\ntimeout_ms = 40000\n"), &[]);
    assert_eq!(
        told,
        "the setting `query.timeout_ms` cannot be used: it must be below graphql.query_timeout_ms (35000)"
    );
    let told = problem(Some("[upstream]\nallow_networks = [\"10.0.0.0/99\"]\n"), &[]);
    assert!(
        told.contains("upstream.allow_networks") && told.contains("10.0.0.0/99"),
        "{told}"
    );
    assert!(problem(Some("[upstream.retry]\nbudget = 2.0\n"), &[]).contains("upstream.retry.budget"));
}

#[test]
fn a_named_file_must_be_there() {
    let source = Source {
        file: Some("no/such/file.toml".into()),
        ..Source::default()
    };
    assert_eq!(
        Settings::load(&source).unwrap_err().to_string(),
        "`no/such/file.toml` cannot be read"
    );
}

#[test]
fn secrets_are_not_printed() {
    let variables = [
        ("LINESHAFT_DATABASE__URL", "postgres://u:hunter2@h/d"),
        ("LINESHAFT_SECRETS__KEYS", "k1:hunter3"),
        ("LINESHAFT_METRICS__TOKEN", "hunter4"),
    ];
    let printed = format!("{:?}", with(None, &variables).unwrap());
    assert!(!printed.contains("hunter"), "{printed}");
}

#[test]
fn applications_are_named_by_connector_in_files_and_variables() {
    let file = "[oauth.dynamics-365-fo]\nclient_id = \"from-file\"\nclient_secret = \"hidden-1\"\n";
    let settings = with(
        Some(file),
        &[("LINESHAFT_OAUTH__SAP_S4HANA__CLIENT_ID", "from-variable")],
    )
    .unwrap();
    assert_eq!(settings.oauth["dynamics-365-fo"].client_id, "from-file");
    assert_eq!(settings.oauth["sap-s4hana"].client_id, "from-variable");
    assert!(!format!("{settings:?}").contains("hidden-1"));
    assert!(problem(Some("[oauth.odoo]\nclient = \"x\"\n"), &[]).contains("oauth.odoo.client"));
    assert!(problem(None, &[("LINESHAFT_OAUTH__ODOO__CLIENT", "x")]).contains("CLIENT"));
    assert!(problem(Some("[oauth.odoo]\nclient_id = \"\"\n"), &[]).contains("is empty"));
}

#[test]
fn links_work_for_half_an_hour_at_most() {
    for (key, value) in [("TTL_S", "1801"), ("TTL_S", "0"), ("CODE_TTL_S", "0"), ("TRIES", "0")] {
        let told = problem(None, &[(&format!("LINESHAFT_LINKS__{key}"), value)]);
        assert!(told.contains(&format!("links.{}", key.to_lowercase())), "{told}");
    }
}

#[test]
fn the_manual_of_operators_has_every_section_and_key() {
    let manual = include_str!("../../docs/operations.md");
    let defaults = include_str!("../../config/default.toml");
    let mut section = "";
    let mut missing = Vec::new();
    for line in defaults.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = manual
                .split("\n### ")
                .find(|text| text.starts_with(&format!("`[{name}")))
                .unwrap_or_default();
            if section.is_empty() {
                missing.push(name.to_owned());
            }
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.starts_with('#'))
            && !section.contains(&format!("| `{key}` |"))
        {
            missing.push(key.to_owned());
        }
    }
    assert!(missing.is_empty(), "docs/operations.md lacks {missing:?}");
}
