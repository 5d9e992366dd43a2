//! Statements: names are quoted, values are bound, and nothing else comes into them.

use serde_json::Value as Json;

use super::*;

fn language(more: Json) -> Json {
    let mut text = json!({
        "and": " AND ", "or": " OR ", "group": "({parts})",
        "identifier": {"open": "[", "close": "]"}, "parameters": {"sign": "@{number}"},
        "compare": {"eq": "{name} = {value}", "gt": "{name} > {value}", "contains": "{name} LIKE {value}"},
        "search": {"contains": "%{like}%", "wildcards": "%", "escape": "!"},
        "in": "{name} IN ({values})", "missing": "{name} IS NULL", "present": "{name} IS NOT NULL",
        "order": "{name} {direction}"
    });
    text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"text": text})
}

const STATEMENT: &str = "SELECT {{select}} FROM {{resource.remote}}{{prefix \" WHERE \" where}}{{prefix \" ORDER BY \" order}} LIMIT {{limit}} OFFSET {{offset}}";

fn manifest(language: Json, request: Json) -> Json {
    json!({
        "http": {"base_url": "postgres://db.example:5432/{{settings.database}}"},
        "language": language,
        "list": {"request": request, "count": {"path": "rows[0].n", "request": {"sql": "SELECT COUNT(*) AS n FROM {{resource.remote}}{{prefix \" WHERE \" where}}"}}},
        "probe": {"request": {"sql": "SELECT 1 AS user"}, "identity": ["rows[0].user"]}
    })
}

fn resources() -> Json {
    json!({
        "Vendor": {
            "remote": "plant.Supp]liers", "key": ["company", "\"Vendor No.\""], "seek": {},
            "scope": {"always": {"co]mpany": ["A", null], "active": true}},
            "fields": {
                "number": {"path": "\"Vendor No.\"", "filter": ["eq", "in"], "sort": true},
                "name": {"path": "\"x] FROM y; DROP TABLE z --\"", "filter": ["eq", "contains"], "sort": true}
            }
        }
    })
}

fn blueprint() -> Blueprint {
    tests::compile(
        "sql",
        manifest(language(json!({})), json!({"sql": STATEMENT})),
        resources(),
    )
    .unwrap()
}

fn statement(plan: &RequestPlan) -> (String, Json) {
    let body = json_body(plan);
    (body["sql"].as_str().unwrap().to_owned(), body["values"].clone())
}

#[test]
fn names_are_quoted_and_values_are_bound() {
    let blueprint = blueprint();
    let vendors = resource(&blueprint, "Vendor");
    let mut projection = Projection::default();
    projection.insert(field("Vendor", "name"));
    let request = ListRequest {
        filter: is("Vendor", "name", Operator::Contains, text(HOSTILE)),
        order: Some(Order {
            field: field("Vendor", "name"),
            direction: Direction::Descending,
        }),
        projection,
        ..list("Vendor")
    };
    let plan = plan(vendors, &request);
    assert_eq!(plan.url, "postgres://db.example:5432/main");
    assert!(plan.repeatable);
    let (sql, values) = statement(&plan);
    let name = "[x]] FROM y; DROP TABLE z --]";
    assert_eq!(
        sql,
        format!(
            "SELECT [company], [Vendor No.], {name} FROM [plant].[Supp]]liers] WHERE ([co]]mpany] = @1 OR [co]]mpany] IS NULL) \
             AND [active] = @2 AND {name} LIKE @3 ORDER BY {name} desc, [company] asc, [Vendor No.] asc LIMIT 20 OFFSET 0"
        )
    );
    assert_eq!(values, json!(["A", true, format!("%{}%", HOSTILE.replace('%', "!%"))]));
}

#[test]
fn everything_is_asked_for_by_a_star_and_lists_go_on_behind_keys_of_several_parts() {
    let blueprint = blueprint();
    let vendors = resource(&blueprint, "Vendor");
    let mut projection = Projection::default();
    projection.raw = true;
    let request = ListRequest {
        projection,
        after: after(&["A", "7'"], None),
        ..list("Vendor")
    };
    let (sql, values) = statement(&plan(vendors, &request));
    assert!(sql.starts_with("SELECT * FROM [plant]"), "{sql}");
    assert!(
        sql.contains("([company] > @3 OR ([company] = @4 AND [Vendor No.] > @5))"),
        "{sql}"
    );
    assert_eq!(values, json!(["A", true, "A", "A", "7'"]));
}

#[test]
fn keys_are_looked_up_together() {
    let blueprint = blueprint();
    let vendors = resource(&blueprint, "Vendor");
    let planned = look_ups(vendors, LookUp::Key, &keys(&[&["A", "1"], &["A", "2"], &["B", "1"]]));
    assert_eq!(planned.len(), 1);
    let (sql, values) = statement(&planned[0].plan);
    assert!(sql.contains("[Vendor No.] IN (@"), "{sql}");
    assert_eq!(values.as_array().unwrap().len(), 2 + 5, "{sql}");
}

#[test]
fn texts_that_a_system_takes_for_equal_are_compared_here_too() {
    let language = language(json!({"collates": true}));
    let blueprint = tests::compile("sql", manifest(language, json!({"sql": STATEMENT})), resources()).unwrap();
    let split = resource(&blueprint, "Vendor").split(&is("Vendor", "number", Operator::Eq, text("a")));
    assert_ne!(split.pushed, Filter::always());
    assert_ne!(split.residual, Filter::always());
}

#[test]
fn what_could_change_a_statement_is_refused_when_the_manifest_is_loaded() {
    let problems = |language: Json, request: Json, resources: Json| {
        let refused = tests::compile("sql", manifest(language, request), resources)
            .err()
            .unwrap_or_default();
        refused
            .iter()
            .map(|problem| problem.message.clone())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let usual = || language(json!({}));
    let wrong = problems(
        usual(),
        json!({"sql": "SELECT {{settings.site}} FROM {{resource.remote}} WHERE {{where}} ORDER BY {{order}} LIMIT {{offset}}"}),
        resources(),
    );
    assert!(
        wrong.contains("`settings.site` must not stand in a statement"),
        "{wrong}"
    );
    let wrong = problems(
        language(json!({"identifier": null})),
        json!({"sql": STATEMENT}),
        json!({"Vendor": {"remote": "x", "key": "id", "fields": {"name": "name"}}}),
    );
    assert!(wrong.contains("quotes names and binds values"), "{wrong}");
    let mut native = resources();
    native["Vendor"]["scope"] = json!({"always": "1 = 1"});
    let wrong = problems(usual(), json!({"sql": STATEMENT}), native);
    assert!(wrong.contains("not written in the language"), "{wrong}");
    let mut within = resources();
    within["Vendor"]["fields"]["number"]["path"] = json!("data.number");
    let wrong = problems(usual(), json!({"sql": STATEMENT}), within);
    assert!(wrong.contains("does not follow from the path"), "{wrong}");
    let wrong = problems(usual(), json!({"sql": STATEMENT, "body": {}}), resources());
    assert!(wrong.contains("one of `body`"), "{wrong}");
    let wrong = problems(usual(), json!({"path": "/x", "values": []}), resources());
    assert!(wrong.contains("no statement"), "{wrong}");
    let wrong = problems(
        language(json!({"identifier": {"open": "''", "close": "a"}})),
        json!({"sql": STATEMENT}),
        resources(),
    );
    assert!(wrong.contains("must be one sign"), "{wrong}");
}
