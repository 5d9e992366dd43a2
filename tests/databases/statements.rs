//! The statements that the connector makes for each kind of database. They are all that can be tried of SQL Server here.

use lineshaft_conformance::Example;
use lineshaft_connect::{
    request::ListRequest,
    template::{SecretMap, Variables},
};
use lineshaft_engine::registry::Registry;
use lineshaft_schema::{
    Catalogue, Condition, Direction, Filter, Operand, Operator, Order, Position, Projection, RemoteKey,
    Value as Unified,
};
use serde_json::{Value, json};

use crate::support::connector_folder;

/// Returns a list, its number of records and a look-up as they are sent.
fn statements(database: &str) -> [Value; 3] {
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    registry.add_directory(&connector_folder()).unwrap();
    let settings = json!({ "database": database, "host": "db", "name": "plant" });
    let settings = settings.as_object().unwrap();
    let blueprint = registry.get("generic-sql").unwrap().blueprint_for(settings).unwrap();
    let example = Example::read(&connector_folder().join("generic-sql")).unwrap().unwrap();
    let blueprint = example.over(&blueprint).unwrap();
    let kind = blueprint.catalogue().type_named("Vendor").unwrap().clone();
    let field = |name: &str| kind.field(name).unwrap().index;
    let vendors = blueprint.resource(kind.index).unwrap();
    let is = |name: &str, operator, operand| {
        Filter::Field(Condition {
            field: field(name),
            operator,
            operand,
        })
    };
    let mut projection = Projection::default();
    projection.insert(field("name"));
    let request = ListRequest {
        kind: kind.index,
        filter: Filter::All(vec![
            is("name", Operator::Contains, Operand::One(Unified::text("50% [x]!"))),
            is(
                "updatedAt",
                Operator::Gte,
                Operand::One(Unified::DateTime("2026-01-02T03:04:05.5Z".parse().unwrap())),
            ),
        ]),
        order: Some(Order {
            field: field("name"),
            direction: Direction::Descending,
        }),
        after: None,
        limit: 20,
        projection,
        count: false,
        page: None,
    };
    let none = SecretMap::new();
    let variables = Variables {
        settings,
        credentials: &none,
        session: &none,
    };
    let body = |plan: &lineshaft_connect::request::RequestPlan| serde_json::from_str(&plan.body.text()).unwrap();
    let counted = vendors.plan_count(&request, &variables).unwrap().unwrap();
    let behind = ListRequest {
        filter: Filter::always(),
        order: None,
        after: Some(Position {
            key: Some(RemoteKey::single("7")),
            order: None,
            given: 1,
            ended: false,
        }),
        ..request.clone()
    };
    let sought = vendors.plan_list(&behind, &variables).unwrap();

    [
        body(&vendors.plan_list(&request, &variables).unwrap()),
        body(&counted),
        body(&sought),
    ]
}

fn of(sql: &str, values: Value) -> Value {
    json!({ "sql": sql, "values": values })
}

#[test]
fn statements_for_postgres() {
    let [list, count, behind] = statements("postgres");
    let condition = r#"CAST("supplier_name" AS text) ILIKE $1 ESCAPE '!' AND "modified_at" >= $2"#;
    let values = json!(["%50!% [x]!!%", "2026-01-02T03:04:05.500Z"]);
    assert_eq!(
        list,
        of(
            &format!(
                r#"SELECT "supplier_id", "supplier_name" FROM "suppliers" WHERE {condition} ORDER BY LOWER(CAST("supplier_name" AS text)) COLLATE "C" DESC NULLS LAST, CAST("supplier_name" AS text) COLLATE "C" DESC, "supplier_id" ASC LIMIT 20 OFFSET 0"#
            ),
            values.clone()
        )
    );
    assert_eq!(
        count,
        of(
            &format!(r#"SELECT COUNT(*) AS total FROM "suppliers" WHERE {condition}"#),
            values
        )
    );
    assert_eq!(
        behind,
        of(
            r#"SELECT "supplier_id", "supplier_name" FROM "suppliers" WHERE "supplier_id" > $1 ORDER BY "supplier_id" ASC LIMIT 20 OFFSET 0"#,
            json!([7])
        )
    );
}

#[test]
fn statements_for_mysql() {
    let [list, _, behind] = statements("mysql");
    let expected = "SELECT `supplier_id`, `supplier_name` FROM `suppliers` WHERE LOWER(`supplier_name`) LIKE LOWER(?) ESCAPE '!' AND `modified_at` >= ? \
                    ORDER BY ISNULL(`supplier_name`), LOWER(CONVERT(`supplier_name` USING utf8mb4)) COLLATE utf8mb4_bin DESC, CONVERT(`supplier_name` USING utf8mb4) COLLATE utf8mb4_bin DESC, `supplier_id` ASC LIMIT 20 OFFSET 0";
    assert_eq!(
        list,
        of(expected, json!(["%50!% [x]!!%", "2026-01-02 03:04:05.500000"]))
    );
    assert!(
        behind["sql"]
            .as_str()
            .unwrap()
            .contains("WHERE `supplier_id` > ? ORDER BY"),
        "{behind}"
    );
}

#[test]
fn statements_for_sql_server() {
    let [list, count, behind] = statements("sqlserver");
    let expected = "SELECT [supplier_id], [supplier_name] FROM [suppliers] WHERE LOWER([supplier_name]) LIKE LOWER(@P1) ESCAPE '!' \
                    AND [modified_at] >= CONVERT(datetimeoffset, @P2, 127) \
                    ORDER BY CASE WHEN [supplier_name] IS NULL THEN 1 ELSE 0 END, LOWER(CAST([supplier_name] AS nvarchar(4000))) COLLATE Latin1_General_BIN2 DESC, CAST([supplier_name] AS nvarchar(4000)) COLLATE Latin1_General_BIN2 DESC, \
                    [supplier_id] ASC, (SELECT NULL) OFFSET 0 ROWS FETCH NEXT 20 ROWS ONLY";
    assert_eq!(
        list,
        of(expected, json!(["%50!% ![x]!!%", "2026-01-02T03:04:05.500000Z"]))
    );
    assert!(
        count["sql"]
            .as_str()
            .unwrap()
            .starts_with("SELECT COUNT(*) AS total FROM [suppliers] WHERE"),
        "{count}"
    );
    assert_eq!(behind["values"], json!([7]));
}
