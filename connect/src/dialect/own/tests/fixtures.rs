//! Languages of known systems, written as manifests write them.

use super::*;

pub(super) const SQL: &str = r#"
text:
  and: " AND "
  or: " OR "
  group: "({parts})"
  quote: {sign: "'", escape: double}
  compare:
    eq: "{name} = {value}"
    ne: "({name} <> {value} OR {name} IS NULL)"
    gt: "{name} > {value}"
    gte: "{name} >= {value}"
    lt: "{name} < {value}"
    lte: "{name} <= {value}"
    contains: "UPPER({name}) LIKE UPPER({value}) ESCAPE '\\'"
    starts_with: "UPPER({name}) LIKE UPPER({value}) ESCAPE '\\'"
  search: {contains: "%{like}%", starts_with: "{like}%", wildcards: "%_", escape: "\\", ascii: true}
  in: "{name} IN ({values})"
  missing: "{name} IS NULL"
  present: "{name} IS NOT NULL"
  literals:
    boolean: ["'T'", "'F'"]
    date: {form: "TO_DATE({value}, 'YYYY-MM-DD')"}
    datetime: {format: "%Y-%m-%d %H:%M:%S", form: "TO_TIMESTAMP({value}, 'YYYY-MM-DD HH24:MI:SS')"}
  order: "{name} {direction}"
  ascending: ASC
  descending: DESC
"#;

pub(super) const ENCODED: &str = r#"
text:
  and: "^"
  or: "^OR"
  or_binds_tighter: true
  alternatives: "^NQ"
  forbid: ["^"]
  names: "[a-z_][a-z0-9_]*(\\.[a-z0-9_]+)*"
  compare:
    eq: "{name}={value}"
    ne: "{name}!={value}"
    gt: "{name}>{value}"
    gte: "{name}>={value}"
    lt: "{name}<{value}"
    lte: "{name}<={value}"
    contains: "{name}LIKE{value}"
    starts_with: "{name}STARTSWITH{value}"
  in: "{name}IN{values}"
  missing: "{name}ISEMPTY"
  present: "{name}ISNOTEMPTY"
  literals:
    datetime: {format: "%Y-%m-%d %H:%M:%S"}
  order: "{direction}{name}"
  ascending: ORDERBY
  descending: ORDERBYDESC
"#;

pub(super) const TREE: &str = r#"
json:
  top: "{parts}"
  and: {operation: and, alternatives: "{parts}"}
  or: {operation: or, alternatives: "{parts}"}
  compare:
    eq: {field: "{name}", operation: eq, value: "{value}"}
    ne: {field: "{name}", operation: ne, value: "{value}"}
    gte: {field: "{name}", operation: ge, value: "{value}"}
    lt: {field: "{name}", operation: lt, value: "{value}"}
    contains: {field: "{name}", operation: cn, value: "{value}"}
  in: {field: "{name}", operation: in, values: "{values}"}
  missing: {field: "{name}", operation: nu}
  present: {field: "{name}", operation: nn}
  literals:
    datetime: {unix: ms}
  order: {field: "{name}", direction: "{direction}"}
  ascending: ASC
  descending: DESC
"#;

#[test]
fn sql_text() {
    let own = own(SQL);
    let condition = all([
        eq("t.type", "PurchOrd"),
        any([eq("t.entity", "O'Brien"), missing("t.entity", true)]),
        listed("t.id", &["1", "2"]),
        is("t.isinactive", Comparison::Eq, Constant::Boolean(false)),
        is("t.trandate", Comparison::Gte, day("2026-01-02")),
        is("t.memo", Comparison::Contains, text("50%_\\'")),
        is("t.total", Comparison::Lt, Constant::Number("10.50".to_owned())),
    ]);
    assert_eq!(
        written(&own, &condition),
        json!(
            "t.type = 'PurchOrd' AND (t.entity = 'O''Brien' OR t.entity IS NULL) AND t.id IN ('1','2') \
             AND t.isinactive = 'F' AND t.trandate >= TO_DATE('2026-01-02', 'YYYY-MM-DD') \
             AND UPPER(t.memo) LIKE UPPER('%50\\%\\_\\\\''%') ESCAPE '\\' AND t.total < 10.5"
        )
    );
    let order = terms(&[("t.trandate", Direction::Descending), ("t.id", Direction::Ascending)]);
    assert_eq!(own.write_order(&order, ", "), json!("t.trandate DESC, t.id ASC"));
    assert!(own.write(&eq("a--b", "x")).is_none());
    assert!(own.write(&eq("a", "line\nbreak")).is_none());
}

#[test]
fn moments_between_two_that_can_be_written_let_more_through() {
    let own = own(SQL);
    let at = |comparison, at: &str| is("m", comparison, Constant::Moment(moment(at)));
    let text = |expression: &Expression| written(&own, expression).as_str().unwrap()[..30].to_owned();
    assert_eq!(
        text(&at(Comparison::Gt, "2026-01-02T03:04:05.5Z")),
        "m >= TO_TIMESTAMP('2026-01-02 "
    );
    let behind = at(Comparison::Lte, "2026-01-02T03:04:05.5Z");
    assert!(
        written(&own, &behind)
            .as_str()
            .unwrap()
            .starts_with("m < TO_TIMESTAMP('2026-01-02 03:04:06'")
    );
    assert!(own.prepare(&behind).unwrap().widened);
    assert!(
        !own.prepare(&at(Comparison::Gt, "2026-01-02T03:04:05Z"))
            .unwrap()
            .widened
    );
    assert!(own.prepare(&at(Comparison::Eq, "2026-01-02T03:04:05.5Z")).is_none());
}

#[test]
fn values_beside_the_text() {
    let own = own(r#"
text:
  and: " AND "
  or: " OR "
  group: "({parts})"
  parameters: {sign: "?"}
  compare: {eq: "{name} = {value}", gte: "{name} >= {value}", contains: "{name} LIKE {value}"}
  search: {contains: "%{like}%", wildcards: "%_"}
  in: "{name} IN ({values})"
  literals: {boolean: [1, 0], datetime: {unix: ms}}
"#);
    let condition = all([
        is("intSiteID", Comparison::Eq, Constant::Number("123".to_owned())),
        is(
            "dtmChanged",
            Comparison::Gte,
            Constant::Moment(moment("2023-07-22T04:26:40Z")),
        ),
        any([
            is("bolIsOn", Comparison::Eq, Constant::Boolean(true)),
            listed("strCode", &["a' OR 1", "?"]),
        ]),
        is("strName", Comparison::Contains, text("5%")),
    ]);
    let sent = own.write(&condition).unwrap();
    assert_eq!(
        sent.condition,
        json!("intSiteID = ? AND dtmChanged >= ? AND (bolIsOn = ? OR strCode IN (?,?)) AND strName LIKE ?")
    );
    assert_eq!(
        sent.values,
        [
            json!(123),
            json!(1_690_000_000_000_i64),
            json!(1),
            json!("a' OR 1"),
            json!("?"),
            json!("%5%%")
        ]
    );
    assert!(own.search_widens("5%") && !own.search_widens("5"));
}

#[test]
fn encoded_queries() {
    let own = own(ENCODED);
    let condition = all([
        eq("active", "true"),
        any([eq("state", "1"), missing("state", true)]),
        listed("sys_id", &["a", "b"]),
        is("short_description", Comparison::StartsWith, text("pump")),
    ]);
    assert_eq!(
        written(&own, &condition),
        json!("active=true^state=1^ORstateISEMPTY^sys_idINa,b^short_descriptionSTARTSWITHpump")
    );
    // What "or" cannot keep together becomes whole queries.
    let key = |area: &str, number: &str| all([eq("area", area), eq("number", number)]);
    let keys = all([eq("active", "true"), any([key("x", "1"), key("y", "2")])]);
    assert_eq!(
        written(&own, &keys),
        json!("active=true^area=x^number=1^NQactive=true^area=y^number=2")
    );
    for value in ["a^b", "", " a", "a "] {
        assert!(own.write(&eq("a", value)).is_none(), "{value}");
    }
    assert!(own.write(&listed("a", &["x,y", "z"])).is_none());
    assert_eq!(written(&own, &eq("a", "x,y")), json!("a=x,y"));
    assert!(own.write(&eq("ORactive", "x")).is_none());
    let order = terms(&[("opened_at", Direction::Descending), ("sys_id", Direction::Ascending)]);
    assert_eq!(
        own.write_order(&order, "^"),
        json!("ORDERBYDESCopened_at^ORDERBYsys_id")
    );
}

#[test]
fn statements_with_semicolons() {
    let own = own(r#"
text:
  and: ";"
  quote: {sign: "'", escape: none}
  compare: {eq: "{name}={value}", gt: "{name}>{value}", starts_with: "{name} LIKE {value}"}
  search: {starts_with: "{like}%", wildcards: "%_"}
  in: "{name} in ({values})"
  order: "{name}:{direction}"
"#);
    let condition = all([
        eq("a", "x"),
        is("b", Comparison::Gt, Constant::Number("5".to_owned())),
        listed("c", &["1", "2"]),
    ]);
    assert_eq!(written(&own, &condition), json!("a='x';b>5;c in ('1','2')"));
    assert_eq!(written(&own, &eq("a", "x;y")), json!("a='x;y'"));
    assert!(own.write(&eq("a", "it's")).is_none());
    assert!(own.write(&any([eq("a", "x"), eq("b", "x")])).is_none());
    assert!(!own.has_or() && own.has_in());
}

#[test]
fn lists_of_triples() {
    let own = own(r#"
json:
  top: "{parts}"
  compare:
    eq: ["{name}", "=", "{value}"]
    ne: ["{name}", "!=", "{value}"]
    gte: ["{name}", ">=", "{value}"]
    contains: ["{name}", "like", "{value}"]
  search: {contains: "%{like}%", wildcards: "%_", escape: "\\"}
  in: ["{name}", in, "{values}"]
  missing: ["{name}", is, not set]
  present: ["{name}", is, set]
  literals: {boolean: [1, 0], datetime: {format: "%Y-%m-%d %H:%M:%S%.6f"}}
  order: "{name} {direction}"
"#);
    let scope = Expression::Native(json!([["docstatus", "<", 2]]));
    let condition = all([
        scope,
        listed("supplier", &["A", "{value}"]),
        is("disabled", Comparison::Eq, Constant::Boolean(false)),
        is("title", Comparison::Contains, text("a%")),
        missing("project", true),
        is(
            "modified",
            Comparison::Gte,
            Constant::Moment(moment("2026-01-02T03:04:05.25Z")),
        ),
    ]);
    assert_eq!(
        written(&own, &condition),
        json!([
            ["docstatus", "<", 2],
            ["supplier", "in", ["A", "{value}"]],
            ["disabled", "=", 0],
            ["title", "like", "%a\\%%"],
            ["project", "is", "not set"],
            ["modified", ">=", "2026-01-02 03:04:05.250000"]
        ])
    );
    assert_eq!(written(&own, &eq("a", "b")), json!([["a", "=", "b"]]));
    assert_eq!(written(&own, &all([])), json!([]));
    assert!(own.write(&any([eq("a", "x"), eq("b", "x")])).is_none());
}

#[test]
fn trees_of_objects() {
    let own = own(TREE);
    let condition = all([
        listed("id", &["1", "2"]),
        any([eq("status", "OPEN"), all([eq("a", "1"), missing("b", false)])]),
    ]);
    assert_eq!(
        written(&own, &condition),
        json!([
            {"field": "id", "operation": "in", "values": ["1", "2"]},
            {"operation": "or", "alternatives": [
                {"field": "status", "operation": "eq", "value": "OPEN"},
                {"operation": "and", "alternatives": [
                    {"field": "a", "operation": "eq", "value": "1"}, {"field": "b", "operation": "nn"}
                ]}
            ]}
        ])
    );
    let order = terms(&[("updatedAt", Direction::Descending), ("id", Direction::Ascending)]);
    assert_eq!(
        own.write_order(&order, ","),
        json!([{"field": "updatedAt", "direction": "DESC"}, {"field": "id", "direction": "ASC"}])
    );
}

#[test]
fn names_as_members_and_expressions_over_numbers() {
    let own = own(r#"
json:
  flat: {first: 1, expression: {and: " and ", or: " or ", group: "({parts})"}}
  compare: {eq: {"$eq": {"{name}": "{value}"}}, gte: {"$gte": {"{name}": "{value}"}}}
  in: {"$in": {"{name}": "{values}"}}
  missing: {"$eq": {"{name}": null}}
  present: {"$ne": {"{name}": null}}
  order: {"{name}": "{direction}"}
"#);
    let condition = all([
        eq("vendor.id", "V1"),
        any([listed("state", &["a", "b"]), missing("state", true)]),
    ]);
    let sent = own.write(&condition).unwrap();
    assert_eq!(
        sent.condition,
        json!([{"$eq": {"vendor.id": "V1"}}, {"$in": {"state": ["a", "b"]}}, {"$eq": {"state": null}}])
    );
    assert_eq!(sent.expression, "1 and (2 or 3)");
    let order = terms(&[("id", Direction::Ascending)]);
    assert_eq!(own.write_order(&order, ","), json!([{"id": "asc"}]));
    let joined = super::own(
        r#"
json:
  and: {"$and": "{parts}"}
  or: {"$or": "{parts}"}
  compare: {eq: {"$eq": {"{name}": "{value}"}}}
"#,
    );
    let condition = all([eq("a", "x"), listed("b", &["y", "z"])]);
    assert_eq!(
        written(&joined, &condition),
        json!({"$and": [{"$eq": {"a": "x"}}, {"$or": [{"$eq": {"b": "y"}}, {"$eq": {"b": "z"}}]}]})
    );
    assert_eq!(written(&joined, &eq("a", "x")), json!({"$eq": {"a": "x"}}));
}

#[test]
fn xml_elements() {
    let own = own(r#"
text:
  and: {around: "<and>{parts}</and>"}
  or: {around: "<or>{parts}</or>"}
  quote: {sign: "", escape: xml}
  compare:
    eq: "<equalto><field>{name}</field><value>{value}</value></equalto>"
    gte: "<greaterthanorequalto><field>{name}</field><value>{value}</value></greaterthanorequalto>"
  in: "<in><field>{name}</field>{values}</in>"
  in_separator: ""
  missing: "<isnull><field>{name}</field></isnull>"
  present: "<isnotnull><field>{name}</field></isnotnull>"
  literals: {date: {format: "%m/%d/%Y"}}
"#);
    let condition = all([
        eq("NAME", "a<b>&\"'"),
        any([
            is("WHENDUE", Comparison::Gte, day("2026-03-04")),
            missing("WHENDUE", true),
        ]),
    ]);
    assert_eq!(
        written(&own, &condition),
        json!(
            "<and><equalto><field>NAME</field><value>a&lt;b&gt;&amp;&quot;&apos;</value></equalto><or>\
             <greaterthanorequalto><field>WHENDUE</field><value>03/04/2026</value></greaterthanorequalto>\
             <isnull><field>WHENDUE</field></isnull></or></and>"
        )
    );
}

#[test]
fn rows_that_say_how_they_are_joined() {
    let own = own(r#"
json:
  flat:
    joiner: {and: AND, or: OR}
    open: "true"
    close: "true"
  top: {MADDON_FILTER: "{parts}"}
  compare:
    eq: {ALIAS_NAME: "{name}", OPERATOR: "=", VALUE: "{value}", JOINER: "{joiner}", LPAREN: "{open}", RPAREN: "{close}", SEQNUM: "{index}"}
  in: {ALIAS_NAME: "{name}", OPERATOR: IN, VALUE: "{values}", JOINER: "{joiner}", LPAREN: "{open}", RPAREN: "{close}", SEQNUM: "{index}"}
  in_separator: ","
"#);
    let row = |name: &str, operator: &str, value: &str, joiner: &str, open: bool, close: bool, at: u64| {
        let mark = |there| if there { "true" } else { "" };
        json!({"ALIAS_NAME": name, "OPERATOR": operator, "VALUE": value, "JOINER": joiner, "LPAREN": mark(open), "RPAREN": mark(close), "SEQNUM": at})
    };
    let condition = all([
        eq("equipment", "P-100"),
        any([eq("status", "R"), eq("type", "JOB")]),
        listed("org", &["A", "B"]),
    ]);
    assert_eq!(
        written(&own, &condition),
        json!({"MADDON_FILTER": [
            row("equipment", "=", "P-100", "AND", false, false, 0),
            row("status", "=", "R", "OR", true, false, 1),
            row("type", "=", "JOB", "AND", false, true, 2),
            row("org", "IN", "A,B", "AND", false, false, 3)
        ]})
    );
    assert!(own.write(&listed("org", &["A,B", "C"])).is_none());
    assert!(
        own.write(&any([eq("a", "x"), all([eq("b", "x"), eq("c", "x")])]))
            .is_none()
    );
}

#[test]
fn the_first_row_is_joined_to_nothing() {
    let own = own(r#"
json:
  flat: {joiner: {and: "AND ", or: "OR ", to_previous: true}, open: "( ", close: " )"}
  forbid: ["'"]
  compare: {eq: {TEXT: "{joiner}{open}{name} = '{value}'{close}"}}
"#);
    let rows = |rows: &[&str]| json!(rows.iter().map(|text| json!({"TEXT": text})).collect::<Vec<_>>());
    assert_eq!(
        written(&own, &all([eq("A", "1"), listed("B", &["2", "3"]), eq("C", "4")])),
        rows(&["A = '1'", "AND ( B = '2'", "OR B = '3' )", "AND C = '4'"])
    );
    let scope = Expression::Native(json!([{"TEXT": "MANDT = '100'"}]));
    assert_eq!(
        written(&own, &all([scope, eq("A", "1")])),
        rows(&["MANDT = '100'", "AND A = '1'"])
    );
}

#[test]
fn a_value_does_not_leave_the_quotes_of_a_form() {
    let language = |forbid: &str| {
        format!(
            "json:\n  top: \"{{parts}}\"\n  forbid: {forbid}\n  compare: {{eq: {{text: \"{{name}} = '{{value}}'\"}}, ne: [\"{{name}}\", \"{{value}}\"]}}\n"
        )
    };
    let (_, problems) = compiled(&language("[]"));
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told.iter()
            .all(|told| told.starts_with("/language/json/compare/eq: a value with `'`")),
        "{told:?}"
    );
    let own = own(&language("[\"'\"]"));
    assert!(own.write(&eq("a", "O'Brien")).is_none() && own.write(&eq("a", "x\u{7}")).is_none());
    assert_eq!(written(&own, &eq("a", "x\"y")), json!([{"text": "a = 'x\"y'"}]));
}

#[test]
fn what_is_wrong_with_a_language_is_told_where_it_stands() {
    let (_, problems) = compiled(
        r#"
text:
  and: ""
  group: "()"
  quote: {sign: "''", escape: double}
  names: "("
  compare: {eq: "{name}", ne: "{name}!={valeu}", contains: "{name} LIKE {value}"}
  search: {contains: "%", escape: "\\"}
  in: "{name} IN {values}"
  literals: {boolean: [T], date: {format: "%H"}, number: {format: "%Y"}}
"#,
    );
    let mut pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    pointers.sort_unstable();
    pointers.dedup();
    assert_eq!(
        pointers,
        [
            "/language/text/and",
            "/language/text/compare/eq",
            "/language/text/compare/ne",
            "/language/text/group",
            "/language/text/literals/boolean",
            "/language/text/literals/date/format",
            "/language/text/literals/number",
            "/language/text/names",
            "/language/text/quote/sign",
            "/language/text/search/contains",
            "/language/text/search/escape"
        ]
    );
}
