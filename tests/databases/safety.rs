//! What must not happen: statements that are changed by values or names, that write, that go on for ever, or that go where
//! nobody may go. And what lost rights and passwords look like.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, header::AUTHORIZATION};
use lineshaft_connect::{
    request::{RequestBody, RequestPlan},
    transport::{ClientSettings, Guard, HttpClient, Outgoing, Wire as _},
};
use lineshaft_databases::Databases;
use serde_json::{Value, json};

use super::{
    Options, Stand, on_each, on_each_with,
    tables::{Kind, PASSWORD},
};

const VENDORS: &str = "query($f: VendorFilter) { vendors(first: 5, filter: $f) { nodes { name } } }";

async fn nothing_is_lost(stand: &Stand) {
    for table in ["suppliers", "parts", "orders"] {
        let count = stand.tables.number(&format!("SELECT COUNT(*) FROM {table}")).await;
        assert!(count > 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_never_change_a_statement() {
    on_each(|stand| async move {
        for hostile in [
            "'; DROP TABLE suppliers; --",
            "\\'; DROP TABLE suppliers; --",
            "x' OR '1'='1",
            "%",
            "_",
            "!",
            "!%",
            "$1",
            "?",
            "\"",
            "`",
            "\u{0}",
        ] {
            for operator in ["eq", "contains", "startsWith", "in"] {
                let operand = if operator == "in" {
                    json!([hostile, "y"])
                } else {
                    json!(hostile)
                };
                let filter = json!({ "name": { operator: operand } });
                let answer = stand.query(VENDORS, json!({ "f": filter })).await;
                if hostile == "\u{0}" {
                    continue;
                }
                let found = answer.data()["vendors"]["nodes"].as_array().unwrap();
                let has = |node: &Value| node["name"].as_str().unwrap().contains(hostile);
                assert!(found.iter().all(has), "{filter}: {}", answer.text);
                assert!(operator != "eq" || found.is_empty(), "{filter}: {}", answer.text);
            }
        }
        nothing_is_lost(&stand).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_never_change_a_statement() {
    let options = || Options {
        maps: false,
        ..Options::default()
    };
    on_each_with(options(), |stand| async move {
        let hostile = "code\"`] DESC; DROP TABLE parts; --";
        let mut version = 0;
        for (words, arguments) in [
            (format!("{{path: code, sort: '{hostile}'}}"), "orderBy: { field: NAME }"),
            (
                format!("{{path: code, filter: {{exact: [eq], by: '{hostile}'}}}}"),
                "filter: { name: { eq: \"x\" } }",
            ),
            ("'\"code`] FROM suppliers; DROP TABLE parts; --\"'".to_owned(), ""),
        ] {
            let yaml = format!(
                "mapping: 1\nentities:\n  Vendor:\n    from: {{remote: suppliers, key: supplier_id}}\n    fields:\n      name: {words}\n"
            );
            version = stand.map(version, &yaml).await;
            let text = format!("{{ vendors(first: 3 {arguments}) {{ nodes {{ id name }} }} }}");
            let answer = stand.query(&text, json!({})).await;
            assert_eq!(answer.codes(), ["UPSTREAM_INVALID_REQUEST"], "{words}: {}", answer.text);
        }
        for remote in ["suppliers; DROP TABLE parts", "suppliers\"", "suppliers`", "(SELECT 1)", "suppliers -- x"] {
            let yaml = format!("mapping: 1\nentities: {{Vendor: {{from: {{remote: '{remote}', key: supplier_id}}, fields: {{name: code}}}}}}\n");
            let answer = stand.try_map(version, &yaml).await;
            assert!(answer.data()["saveMapping"]["layer"].is_null(), "{remote}: {}", answer.text);
        }
        nothing_is_lost(&stand).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_rights_and_passwords_are_told() {
    on_each(|stand| async move {
        let text = "{ vendors(first: 3) { nodes { name } } inventoryItems(first: 3) { nodes { sku } } }";
        assert_eq!(stand.query(text, json!({})).await.codes(), [""; 0]);
        let (table, user) = (stand.tables.named("suppliers"), stand.tables.user());
        stand.tables.run(&format!("REVOKE SELECT ON {table} FROM {user}")).await;
        let answer = stand.query(text, json!({})).await;
        assert_eq!(answer.codes(), ["PERMISSION_DENIED"], "{}", answer.text);
        assert_eq!(answer.nodes("inventoryItems").len(), 3, "{}", answer.text);
        stand.tables.run(&format!("GRANT SELECT ON {table} TO {user}")).await;
        assert_eq!(stand.query(text, json!({})).await.codes(), [""; 0]);

        stand.tables.set_password("another").await;
        end_connections(&stand).await;
        let answer = stand.query("{ vendors(first: 3) { nodes { name } } }", json!({})).await;
        assert_eq!(answer.codes(), ["INVALID_CREDENTIALS"], "{}", answer.text);
        assert!(!answer.text.contains(PASSWORD) && !answer.text.contains("kept from"));
        assert_eq!(stand.status().await, "REAUTH_REQUIRED");
        let answer = stand.query("{ vendors(first: 3) { nodes { name } } }", json!({})).await;
        assert_eq!(answer.codes(), ["REAUTH_REQUIRED"], "{}", answer.text);
    })
    .await;
}

/// Ends the connections that the server keeps, as a restart of the database would.
async fn end_connections(stand: &Stand) {
    let reader = &stand.tables.reader;
    match stand.tables.kind {
        Kind::Postgres => {
            let text =
                format!("SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{reader}'");
            assert!(stand.tables.number(&text).await > 0);
        }
        Kind::Mysql => stand.tables.run(&format!("KILL USER '{reader}'")).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_broke_off_is_made_anew() {
    on_each(|stand| async move {
        let text = "{ vendors(first: 3) { nodes { name } } }";
        assert_eq!(stand.query(text, json!({})).await.nodes("vendors").len(), 3);
        end_connections(&stand).await;
        let answer = stand.query(text, json!({})).await;
        assert_eq!(answer.nodes("vendors").len(), 3, "{}", answer.text);
        assert_eq!(stand.status().await, "ACTIVE");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_nobody_waits_for_is_stopped() {
    let options = || Options {
        maps: false,
        attempt_ms: 1_500,
        ..Options::default()
    };
    on_each_with(options(), |stand| async move {
        let (sleep, running) = match stand.tables.kind {
            Kind::Postgres => (
                "pg_sleep(60)::text",
                "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND usename = 'READER'",
            ),
            Kind::Mysql => (
                "SLEEP(60)",
                "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'READER' AND command <> 'Sleep'",
            ),
        };
        stand
            .tables
            .run(&format!(
                "CREATE VIEW slow AS SELECT supplier_id, {sleep} AS waited FROM suppliers"
            ))
            .await;
        stand.tables.grant("slow").await;
        let yaml = "mapping: 1\nentities: {Vendor: {from: {remote: slow, key: supplier_id}, fields: {name: waited}}}\n";
        stand.map(0, yaml).await;
        let answer = stand.query("{ vendors(first: 3) { nodes { name } } }", json!({})).await;
        assert_eq!(answer.codes(), ["TIMEOUT"], "{}", answer.text);
        let running = running.replace("READER", &stand.tables.reader);
        let stopped = async {
            while stand.tables.number(&running).await > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), stopped)
            .await
            .expect("it goes on");
    })
    .await;
}

/// Sends a statement of its own past everything that makes statements.
async fn send(stand: &Stand, networks: &[&str], sql: &str, values: Value) -> Result<(u16, Value), String> {
    let allowed: Vec<_> = networks.iter().map(|network| network.parse().unwrap()).collect();
    let settings = ClientSettings {
        guard: Guard::new(&allowed),
        ..ClientSettings::default()
    };
    let wire = Databases::new(Arc::new(HttpClient::new(&settings).unwrap()), &settings);
    let tables = &stand.tables;
    let plan = RequestPlan {
        method: Method::POST,
        url: format!(
            "{}://{}:{}/{}",
            tables.kind.word(),
            tables.host,
            tables.port,
            tables.database
        ),
        headers: vec![("encryption".to_owned(), "off".to_owned())],
        body: RequestBody::Json(json!({ "sql": sql, "values": values }).to_string()),
        repeatable: true,
    };
    let header = format!("Basic {}", STANDARD.encode(format!("{}:{PASSWORD}", tables.reader)));
    let sign_in = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
    let sent = wire.send(Outgoing {
        plan: &plan,
        sign_in: &sign_in,
        most_bytes: 100_000,
        time: Duration::from_secs(5),
    });
    match sent.await {
        Ok(response) => Ok((
            response.status.as_u16(),
            serde_json::from_slice(&response.body).unwrap(),
        )),
        Err(error) => Err(error.kind().code().to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_even_by_who_may() {
    on_each(|stand| async move {
        let (tables, local) = (&stand.tables, ["127.0.0.0/8"]);
        let user = tables.user();
        match tables.kind {
            Kind::Postgres => {
                tables.run(&format!("GRANT INSERT, DELETE ON parts TO {user}")).await;
                tables
                    .run("CREATE FUNCTION wipe() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM parts RETURNING 1'")
                    .await;
            }
            Kind::Mysql => {
                tables
                    .run(&format!(
                        "GRANT INSERT, DELETE, EXECUTE ON {}.* TO {user}",
                        tables.database
                    ))
                    .await;
                tables
                    .run("CREATE FUNCTION wipe() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM parts; RETURN 1; END")
                    .await;
            }
        }
        for sql in [
            "DELETE FROM parts",
            "SELECT 1; DELETE FROM parts",
            "INSERT INTO parts (part_no) VALUES ('x')",
        ] {
            let (status, body) = send(&stand, &local, sql, json!([])).await.unwrap();
            assert_eq!((status, &body["error"]["code"]), (400, &json!("not_a_select")), "{sql}");
        }
        let (status, body) = send(&stand, &local, "SELECT wipe() AS n", json!([])).await.unwrap();
        assert_eq!(status, 400, "{body}");
        nothing_is_lost(&stand).await;

        let (place, unfit) = match tables.kind {
            Kind::Postgres => ("SELECT supplier_id AS a FROM suppliers WHERE supplier_id = $1", 400),
            Kind::Mysql => ("SELECT supplier_id AS a FROM suppliers WHERE supplier_id = ?", 200),
        };
        assert_eq!(send(&stand, &local, place, json!(["none"])).await.unwrap().0, unfit);
        assert_eq!(send(&stand, &local, place, json!([])).await.unwrap().0, 400);
        assert_eq!(
            send(&stand, &local, "SELECT nothing FROM parts", json!([]))
                .await
                .unwrap()
                .0,
            400
        );
        let much = "SELECT a.title AS a, b.title AS b FROM parts a CROSS JOIN parts b CROSS JOIN parts c";
        assert_eq!(
            send(&stand, &local, much, json!([])).await,
            Err("RESPONSE_TOO_LARGE".to_owned())
        );
        let wide = "SELECT REPEAT('x', 3000000) AS a FROM parts";
        assert_eq!(
            send(&stand, &local, wide, json!([])).await,
            Err("RESPONSE_TOO_LARGE".to_owned())
        );
        if tables.kind == Kind::Postgres {
            let endless = "SELECT repeat('x', 1000) AS a, generate_series(1, 2000000000) AS g";
            let since = Instant::now();
            assert_eq!(
                send(&stand, &local, endless, json!([])).await,
                Err("RESPONSE_TOO_LARGE".to_owned())
            );
            // Long before the database stops it.
            assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
        }
        let elsewhere = send(&stand, &["10.0.0.0/8"], "SELECT 1 AS a", json!([])).await;
        assert_eq!(elsewhere, Err("INVALID_SETTINGS".to_owned()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_that_are_not_allowed_are_not_gone_to() {
    for encryption in ["off", "unverified", "verified"] {
        let options = Options {
            networks: "10.0.0.0/8",
            maps: false,
            encryption,
            ..Options::default()
        };
        on_each_with(options, |stand| async move {
            let yaml =
                "mapping: 1\nentities: {Vendor: {from: {remote: suppliers, key: supplier_id}, fields: {name: code}}}\n";
            stand.map(0, yaml).await;
            let answer = stand.query("{ vendors(first: 3) { nodes { name } } }", json!({})).await;
            assert_eq!(answer.codes(), ["INVALID_SETTINGS"], "{}", answer.text);
            let reader = &stand.tables.reader;
            if stand.tables.kind == Kind::Postgres {
                let text = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE usename = '{reader}'");
                assert_eq!(stand.tables.number(&text).await, 0);
            }
        })
        .await;
    }
}
