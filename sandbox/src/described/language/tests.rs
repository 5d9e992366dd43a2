//! What the languages read, what they refuse, and that no text makes them fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::columns::Columns;
use super::super::condition::Rules;
use super::super::problem::Kind;
use super::{LANGUAGES, encoded, find, moments, sql};

fn rows() -> Vec<Value> {
    vec![
        json!({"id": 1, "name": "Feed pump", "status": "OPEN", "qty": 5, "at": "2026-11-20T08:00:00Z", "vendor": {"id": "V1"}, "note": null, "lines": [{"q": 1}]}),
        json!({"id": 2, "name": "O'Brien 50%_x", "status": "DONE", "qty": 12, "at": "2026-11-21T08:00:00Z", "vendor": {"id": "V2"}, "note": "a^b", "lines": []}),
        json!({"id": 3, "name": "motor \"M\"", "status": "OPEN", "qty": 7, "at": "2026-10-01T08:00:00Z", "vendor": {"id": "V1"}, "note": "x", "lines": [{"q": 9}]}),
    ]
}

fn columns() -> Columns {
    let rows = rows();
    Columns::of(rows.iter().filter_map(Value::as_object), &HashMap::new())
}

fn ids(language: &str, input: &Value) -> Vec<i64> {
    let parse = find(language).unwrap();
    let condition = parse(input, &columns()).unwrap_or_else(|problem| panic!("{language}: {input}: {problem}"));
    let rows = rows();
    let fits = rows
        .iter()
        .filter(|row| condition.holds(row.as_object().unwrap(), Rules::default()));
    fits.map(|row| row.get("id").and_then(Value::as_i64).unwrap()).collect()
}

fn refusal(language: &str, input: &Value) -> Kind {
    let parse = find(language).unwrap();
    match parse(input, &columns()) {
        Ok(condition) => panic!("{language}: {input} gave {condition:?}"),
        Err(problem) => problem.kind,
    }
}

#[test]
fn sql_compares_in_all_its_forms() {
    let ids = |text: &str| ids("sql", &json!(text));
    assert_eq!(ids(""), [1, 2, 3]);
    assert_eq!(ids("status = 'OPEN' AND qty > 5"), [3]);
    assert_eq!(ids("STATUS = 'DONE' or qty <= 5"), [1, 2]);
    assert_eq!(ids("NOT (status = 'OPEN')"), [2]);
    assert_eq!(ids("name = 'O''Brien 50%_x'"), [2]);
    assert_eq!(ids("name LIKE '%50\\%\\_x' ESCAPE '\\'"), [2]);
    assert_eq!(ids("name NOT LIKE '%pump'"), [2, 3]);
    assert_eq!(ids("LOWER(name) LIKE 'feed%'"), [1]);
    assert_eq!(ids("id IN (1, 3)"), [1, 3]);
    assert_eq!(ids("id NOT IN (1)"), [2, 3]);
    assert_eq!(ids("note IS NULL"), [1]);
    assert_eq!(ids("note IS NOT NULL"), [2, 3]);
    assert_eq!(ids("note = NULL"), Vec::<i64>::new());
    assert_eq!(ids("qty BETWEEN 6 AND 12"), [2, 3]);
    assert_eq!(ids("at >= TO_DATE('2026-11-21', 'YYYY-MM-DD')"), [2]);
    assert_eq!(
        ids("at < TO_TIMESTAMP('2026-10-02 00:00:00.000000000', 'YYYY-MM-DD HH24:MI:SSxFF')"),
        [3]
    );
    assert_eq!(ids("vendor.id = 'V1' AND (id = 1 OR id = 2)"), [1]);
}

#[test]
fn sql_takes_parameters_in_order() {
    let filter =
        json!([{"ql": "status = ? AND qty >= ?", "parameters": ["OPEN", 6]}, {"ql": "id < ?", "parameters": [9]}]);
    assert_eq!(ids("sql", &filter), [3]);
    assert_eq!(
        refusal("sql", &json!({"ql": "id = ?", "parameters": []})),
        Kind::Malformed
    );
    assert_eq!(
        refusal("sql", &json!({"ql": "id = 1", "parameters": [2]})),
        Kind::Malformed
    );
}

#[test]
fn sql_refuses_what_is_none() {
    for text in [
        "status =",
        "status = 'x",
        "(id = 1",
        "id = 1)",
        "id IN ()",
        "id = 1 AND",
        "status 'x'",
    ] {
        assert_eq!(refusal("sql", &json!(text)), Kind::Malformed, "{text}");
    }
    assert_eq!(refusal("sql", &json!("nothing = 1")), Kind::UnknownField);
    assert_eq!(refusal("sql", &json!("SLEEP(3) = 1")), Kind::UnknownOperator);
    assert_eq!(refusal("sql", &json!("at > TO_DATE('x', 'YYYY')")), Kind::WrongType);
}

#[test]
fn a_statement_tells_columns_tables_and_order() {
    let select = sql::select(
        "SELECT t.id, BUILTIN.DF(t.status) AS statusname, TO_CHAR(t.at, 'YYYY-MM-DD\"T\"HH24:MI:SS') changed, v.name \
         FROM transaction t INNER JOIN vendor v ON t.entity = v.id WHERE t.type = 'PurchOrd' AND v.name <> 'x' \
         ORDER BY changed DESC, t.id",
    )
    .unwrap();
    assert_eq!(select.table, "transaction");
    let names: Vec<&str> = select.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "statusname", "changed", "name"]);
    assert_eq!(select.joins.len(), 1);
    assert_eq!(
        select.joins.first().unwrap().on,
        [("entity".to_owned(), "id".to_owned())]
    );
    assert_eq!(select.order.len(), 2);
    assert!(format!("{:?}", select.condition).contains("\"vendor\", \"name\""));
    assert!(sql::select("SELECT FROM x").is_err());
    assert!(sql::select("DELETE FROM x").is_err());
    assert!(sql::select("SELECT a FROM x WHERE a = 1 b").is_err());
}

#[test]
fn row_matching_is_looser() {
    let ids = |text: &str| ids("row_match", &json!(text));
    assert_eq!(ids("status=OPEN;qty>5"), [3]);
    assert_eq!(ids("status='OPEN' and qty > 5"), [3]);
    assert_eq!(ids("id in (1,3)"), [1, 3]);
    assert_eq!(ids("name LIKE '%pump%' or name = \"motor \"\"M\"\"\""), [1, 3]);
    assert_eq!(refusal("row_match", &json!("ship_to = 1")), Kind::UnknownField);
}

#[test]
fn encoded_queries_leave_out_what_they_do_not_know() {
    let ids = |text: &str| ids("encoded_query", &json!(text));
    assert_eq!(ids("status=OPEN^qty>5"), [3]);
    assert_eq!(ids("status=DONE^ORqty<=5^id<9"), [1, 2]);
    assert_eq!(ids("status=DONE^NQqty=7"), [2, 3]);
    assert_eq!(ids("idIN1,3^ORDERBYDESCid"), [1, 3]);
    assert_eq!(ids("idNOT IN1"), [2, 3]);
    assert_eq!(ids("noteISEMPTY"), [1]);
    assert_eq!(ids("noteISNOTEMPTY^nameLIKEmotor"), [3]);
    assert_eq!(ids("nothing=1^id=2"), [2]);
    assert_eq!(ids("qtyBETWEEN6@12"), [2, 3]);
    assert_eq!(ids("vendor.id=V2"), [2]);
    assert_eq!(
        encoded::order("a=1^ORDERBYb^ORDERBYDESCc"),
        [("b".into(), false), ("c".into(), true)]
    );
}

#[test]
fn odata_filters_are_read_in_both_versions() {
    assert_eq!(ids("odata_v2", &json!("substringof('pump',name) and qty eq 5")), [1]);
    assert_eq!(
        ids("odata_v2", &json!("at ge datetimeoffset'2026-11-21T00:00:00.000'")),
        [2]
    );
    assert_eq!(
        ids("odata_v4", &json!("contains(name,'O''B') or id in (1, 3)")),
        [1, 2, 3]
    );
    assert_eq!(
        ids("odata_v4", &json!("at gt 2026-11-01T00:00:00Z and note eq null")),
        [1]
    );
    assert_eq!(ids("odata_v4", &json!("lines/any(l:l/q gt 5)")), [3]);
    assert_eq!(
        ids("odata_v4", &json!("not (startswith(tolower(name),'feed'))")),
        [2, 3]
    );
    assert_eq!(ids("odata_v4", &json!("note ne 'x'")), [1, 2]);
    assert_eq!(ids("odata_v4", &json!("vendor/id eq 'V2'")), [2]);
    assert_eq!(
        refusal("odata_v4", &json!("substringof('a',name)")),
        Kind::UnknownOperator
    );
    assert_eq!(refusal("odata_v2", &json!("id in (1)")), Kind::UnknownOperator);
    assert_eq!(refusal("odata_v4", &json!("nothing eq 1")), Kind::UnknownField);
    assert_eq!(refusal("odata_v4", &json!("lines/any(l:l/x eq 1)")), Kind::UnknownField);
    assert_eq!(refusal("odata_v4", &json!("id eq")), Kind::Malformed);
}

#[test]
fn lists_and_trees_are_read() {
    assert_eq!(
        ids(
            "frappe",
            &json!("[[\"T\",\"status\",\"in\",[\"DONE\"]],[\"qty\",\">\",5]]")
        ),
        [2]
    );
    assert_eq!(
        ids("frappe", &json!({"status": "OPEN", "name": ["like", "%pump"]})),
        [1]
    );
    assert_eq!(ids("frappe", &json!([["note", "is", "not set"]])), [1]);
    assert_eq!(ids("frappe_any", &json!([["id", "=", 1], ["id", "=", 2]])), [1, 2]);
    assert_eq!(refusal("frappe", &json!([["id", "~", 1]])), Kind::UnknownOperator);
    let tree = json!([{"field": "id", "operation": "eq", "value": 1, "alternatives": [{"field": "vendor.id", "operation": "in", "values": ["V2"]}]}]);
    assert_eq!(ids("json_tree", &tree), [1, 2]);
    assert_eq!(
        refusal("json_tree", &json!([{"field": "id", "operation": "xx", "value": 1}])),
        Kind::UnknownOperator
    );
    assert_eq!(
        ids(
            "operator_tree",
            &json!([{"$gte": {"qty": 6}}, {"$contains": {"name": "M"}}])
        ),
        [3]
    );
    let numbered = json!({"filters": [{"$eq": {"id": 1}}, {"$eq": {"id": 2}}, {"$lt": {"qty": 9}}], "expression": "(1 or 2) and 3"});
    assert_eq!(ids("operator_tree", &numbered), [1]);
    let elements = json!({"and": {"in": {"field": "id", "value": ["1", "3"]}, "not": {"equalto": {"field": "status", "value": "DONE"}}}});
    assert_eq!(ids("xml_tree", &elements), [1, 3]);
    let grid = json!({"MADDON_FILTER": [
        {"ALIAS_NAME": "id", "OPERATOR": "=", "VALUE": "1", "JOINER": "OR", "LPAREN": "true", "RPAREN": "", "SEQNUM": 0},
        {"ALIAS_NAME": "id", "OPERATOR": "=", "VALUE": "2", "JOINER": "AND", "LPAREN": "", "RPAREN": "true", "SEQNUM": 1},
        {"ALIAS_NAME": "status", "OPERATOR": "IN", "VALUE": "OPEN,HOLD", "JOINER": "AND", "SEQNUM": 2}]});
    assert_eq!(ids("grid_filters", &grid), [1]);
}

#[test]
fn oslc_clauses_are_read() {
    assert_eq!(ids("oslc", &json!("status=\"OPEN\" and qty>5")), [3]);
    assert_eq!(ids("oslc", &json!("id in [1,3] and spi:name=\"%pump%\"")), [1]);
    assert_eq!(ids("oslc", &json!("note!=\"*\"")), [1]);
    assert_eq!(refusal("oslc", &json!("id=1 or id=2")), Kind::Malformed);
    assert_eq!(refusal("oslc", &json!("id in [1, 3]")), Kind::Malformed);
}

#[test]
fn moments_are_read_and_written_by_formats() {
    let moment = moments::any_moment("2026-11-20T08:05:09.123Z").unwrap();
    assert_eq!(
        moments::format_moment(moment, "YYYY-MM-DD\"T\"HH24:MI:SS"),
        "2026-11-20T08:05:09"
    );
    assert_eq!(moments::format_moment(moment, "MM/DD/YYYY"), "11/20/2026");
    assert_eq!(
        moments::read_moment("11/20/2026", "MM/DD/YYYY").unwrap().date(),
        moment.date()
    );
    assert_eq!(moments::read_moment("2026-13-01", "YYYY-MM-DD"), None);
}

/// Texts made of the words and signs of the languages, and of others.
#[test]
fn no_text_makes_a_language_fail() {
    const PIECES: [&str; 44] = [
        "id",
        "name",
        "(",
        ")",
        "'",
        "''",
        "\"",
        "=",
        "!=",
        ">",
        "<=",
        " ",
        " AND ",
        " or ",
        "NOT ",
        "IN",
        "IN (",
        ",",
        "LIKE ",
        "%",
        "\\",
        "ESCAPE",
        "IS NULL",
        "?",
        "^",
        "^OR",
        "^NQ",
        "ORDERBY",
        "eq",
        " eq ",
        "/any(",
        "l:",
        "[",
        "]",
        "{",
        "}",
        "ä€",
        "🛠",
        "12",
        "-1.5",
        "TO_DATE(",
        "BUILTIN.DF(",
        "null",
        "2026-11-20T08:00:00Z",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let columns = columns();
    for _ in 0..20_000 {
        let text: String = (0..random.usize(0..12))
            .map(|_| PIECES.get(random.usize(0..PIECES.len())).copied().unwrap_or_default())
            .collect();
        let _ = sql::select(&text);
        let _ = sql::select(&format!("SELECT {text} FROM t WHERE {text}"));
        for (_, parse) in LANGUAGES {
            let _ = parse(&json!(text), &columns);
            let _ = parse(&json!([[text, "=", text], {"field": text}]), &columns);
        }
    }
    let deep = "(".repeat(10_000);
    for (_, parse) in LANGUAGES {
        let _ = parse(&json!(deep), &columns);
        let _ = parse(&json!("not ".repeat(10_000)), &columns);
        let _ = parse(&json!("tolower(".repeat(10_000)), &columns);
        let _ = parse(&json!("LOWER(".repeat(10_000)), &columns);
    }
}
