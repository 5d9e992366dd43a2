//! Tables that are found, described, mapped and changed.

use serde_json::json;

use super::{Options, on_each, on_each_with, tables::Kind};

const FIELDS: &str = "query($c: ID!, $o: String!) { remoteFields(connectionId: $c, object: $o, samples: 2) { fields { path type samples } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_and_their_columns_are_told() {
    on_each_with(
        Options {
            maps: false,
            ..Options::default()
        },
        |stand| async move {
            stand.tables.run("CREATE TABLE user_passwords (id INT)").await;
            stand.tables.grant("user_passwords").await;
            stand.tables.run("CREATE TABLE hidden (id INT)").await;
            stand
                .tables
                .run("CREATE VIEW open_orders AS SELECT order_id, order_no FROM orders")
                .await;
            stand.tables.grant("open_orders").await;
            let name = |table: &str| match stand.tables.kind {
                Kind::Postgres => format!("public.{table}"),
                Kind::Mysql => table.to_owned(),
            };
            let text = "query($c: ID!) { remoteObjects(connectionId: $c) { nodes { name } } }";
            let answer = stand.query(text, json!({ "c": stand.connection })).await;
            let found = answer.data()["remoteObjects"]["nodes"].as_array().unwrap();
            let mut names: Vec<_> = found
                .iter()
                .map(|node| node["name"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            let expected = [
                "jobs",
                "machines",
                "open_orders",
                "order_lines",
                "orders",
                "parts",
                "suppliers",
            ]
            .map(name);
            assert_eq!(names, expected);
            for object in [name("order_lines"), "order_lines".to_owned(), name("open_orders")] {
                let answer = stand.query(FIELDS, json!({ "c": stand.connection, "o": object })).await;
                let fields = answer.data()["remoteFields"]["fields"].as_array().unwrap();
                let field = |path: &str| fields.iter().find(|field| field["path"] == path);
                assert!(
                    field("order_id").is_some_and(|field| !field["samples"].as_array().unwrap().is_empty()),
                    "{}",
                    answer.text
                );
            }
            let secret = stand
                .query(FIELDS, json!({ "c": stand.connection, "o": name("user_passwords") }))
                .await;
            assert!(!secret.errors().is_empty(), "{}", secret.text);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_that_are_not_there_are_told() {
    on_each_with(Options { maps: false, ..Options::default() }, |stand| async move {
        let yaml = |column: &str| {
            format!("mapping: 1\nentities: {{Vendor: {{from: {{remote: suppliers, key: supplier_id}}, fields: {{name: {column}}}}}}}\n")
        };
        let version = stand.map(0, &yaml("supplier_name")).await;
        let text = "{ vendors(first: 3) { nodes { name } } }";
        assert_eq!(stand.query(text, json!({})).await.nodes("vendors").len(), 3);
        stand.tables.run("ALTER TABLE suppliers RENAME COLUMN supplier_name TO full_name").await;
        let answer = stand.query(text, json!({})).await;
        assert_eq!(answer.codes(), ["UPSTREAM_INVALID_REQUEST"], "{}", answer.text);
        assert!(answer.text.contains("supplier_name"), "{}", answer.text);
        stand.map(version, &yaml("full_name")).await;
        assert_eq!(stand.query(text, json!({})).await.nodes("vendors").len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_any_form_and_fixed_conditions_are_mapped() {
    on_each_with(Options { maps: false, ..Options::default() }, |stand| async move {
        let quoted = |name: &str| match stand.tables.kind {
            Kind::Postgres => format!("\"{name}\""),
            Kind::Mysql => format!("`{name}`"),
        };
        let (vendor, company) = (quoted("Vendor No."), quoted("Company-Code"));
        stand.tables.run(&format!("CREATE TABLE strange ({vendor} VARCHAR(20) PRIMARY KEY, {company} VARCHAR(9), active INT)")).await;
        stand.tables.run("INSERT INTO strange VALUES ('a', 'X', 1), ('b', 'Y', 1), ('c', 'X', 0), ('d', NULL, 1), ('e', 'Z', 1)").await;
            stand.tables.grant("strange").await;
        let yaml = r#"
mapping: 1
entities:
  Vendor:
    from:
      remote: strange
      key: '"Vendor No."'
      resource: {scope: {always: {Company-Code: [X, Y, null], active: 1}}}
    fields:
      number: {path: '"Vendor No."', filter: [eq, in], sort: true}
"#;
        stand.map(0, yaml).await;
        let text = "{ vendors(first: 9, orderBy: { field: NUMBER, direction: DESC }) { nodes { number } totalCount } }";
        let answer = stand.query(text, json!({})).await;
        let numbers: Vec<_> = answer.data()["vendors"]["nodes"].as_array().unwrap().iter().map(|node| &node["number"]).collect();
        assert_eq!(numbers, ["d", "b", "a"], "{}", answer.text);
        assert_eq!(answer.data()["vendors"]["totalCount"], 3);
        let native = yaml.replace("{Company-Code: [X, Y, null], active: 1}", "'1 = 1'");
        let refused = stand.try_map(1, &native).await;
        assert!(refused.data()["saveMapping"]["layer"].is_null(), "{}", refused.text);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_tells_who_is_signed_in() {
    on_each(|stand| async move {
        let text = "mutation($id: ID!) { diagnoseConnection(id: $id) { steps { name state detail } } }";
        let answer = stand.query(text, json!({ "id": stand.connection })).await;
        let steps = answer.data()["diagnoseConnection"]["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["state"] == "OK"), "{}", answer.text);
        let login = steps.iter().find(|step| step["name"] == "sign_in").unwrap();
        let account = login["detail"].as_str().unwrap();
        for part in [&stand.tables.reader, &stand.tables.database, &stand.tables.host] {
            assert!(account.contains(part.as_str()), "{account}");
        }
    })
    .await;
}
