//! Expressions compute what they say, tell what is wrong, and end within their bounds whatever they are.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Expression, Outcome, PageBudget};
use crate::json;

fn run_row(text: &str, row: &Json) -> Result<Json, String> {
    let expression = Expression::parse(text)?;
    let row = row.to_string();
    let row = json::parse_text(&row).unwrap();
    let outcome = expression.evaluate(&row, &PageBudget::new())?;
    let text = match outcome {
        Outcome::Row(value) => value.to_string(),
        Outcome::New(value) => value.to_string(),
    };
    Ok(serde_json::from_str(&text).unwrap())
}

fn row() -> Json {
    json!({
        "code": "A-12", "name": " Bolt ", "qty": "12.50", "price": 3, "none": null, "flag": true, "date": "2026-11-22",
        "at": "2026-11-22T10:30:00Z", "partner": [7, "Acme"], "tags": ["x", "", "y"], "inner": {"a": {"b": 5}}, "odd name": 1,
    })
}

fn run(text: &str) -> Json {
    run_row(text, &row()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn expressions_compute_what_they_say() {
    for (text, expected) in [
        ("row.code ~ ' ' ~ row.name|trim|upper", json!("A-12 BOLT")),
        ("row.qty * row.price", json!(37.5)),
        ("0.1 + 0.2 == 0.3", json!(true)),
        ("1 + 2 * 3 - 4 / 2", json!(5)),
        ("-7 // 2", json!(-4)),
        ("7 % 4", json!(3)),
        ("row.none * 2", Json::Null),
        ("row.missing.deeper", Json::Null),
        ("row.partner.0", json!(7)),
        ("row.partner[-1]", json!("Acme")),
        ("row['odd name']", json!(1)),
        ("row.inner.a.b > 4 and not row.none", json!(true)),
        ("row.code[2:]", json!("12")),
        ("row.code[:-1]", json!("A-1")),
        ("split(row.code, '-')[1]|int + 1", json!(13)),
        ("row.tags|join(', ')", json!("x, y")),
        ("default(row.none, 'x') ~ coalesce('', row.missing, 'y')", json!("xy")),
        ("'big' if row.price > 2 else 'small'", json!("big")),
        ("'big' if row.price > 5", Json::Null),
        ("{'A': 'alpha', 'B': 'beta'}[row.code[:1]]", json!("alpha")),
        ("lookup({1: 'one', 3: 'three'}, row.price, 'other')", json!("three")),
        ("lookup({1: 'one'}, row.none, 'other')", json!("other")),
        ("row.code in ['A-12', 'B']", json!(true)),
        ("'z' not in row.tags", json!(true)),
        ("matches(row.code, '^[A-Z]-\\d+$')", json!(true)),
        ("row.code|extract('-(\\d+)')", json!("12")),
        ("pad_start(row.price, 5)", json!("00003")),
        ("round(2.345, 2)", json!(2.35)),
        ("max(row.price, row.qty, 1)", json!(12.5)),
        ("sum([1, 2, 3])", json!(6)),
        ("length('äöü') + length(row.partner)", json!(5)),
        ("date_format(row.date, '%d.%m.%Y')", json!("22.11.2026")),
        ("date_parse('22/11/26', '%d/%m/%y')", json!("2026-11-22")),
        ("date_add(row.date, -1, 'months')", json!("2026-10-22")),
        ("days_between(row.date, '2026-12-01')", json!(9)),
        ("date_format(row.at, '%Y')|int", json!(2026)),
        (
            "row.none is none and row.code is defined and row.tags is list",
            json!(true),
        ),
        ("row.inner", json!({"a": {"b": 5}})),
        ("[row.price, {'a': row.flag}]", json!([3, {"a": true}])),
        ("replace(row.code, '-', '\\n')", json!("A\n12")),
        ("starts_with(row.code, 'A') and ends_with(row.code, '2')", json!(true)),
        ("string(row.inner)", json!("{\"a\":{\"b\":5}}")),
    ] {
        assert_eq!(run(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    for (text, told) in [
        ("rwo.a", "did you mean `row`"),
        ("uper(row.a)", "did you mean `upper`"),
        ("row.a +", "ends too early"),
        ("replace(row.a)", "replace(text, old, new)"),
        ("row.code * 2", "is not a number"),
        ("1 / 0", "division by zero"),
        ("matches(row.code, row.name)", "a text in the expression itself"),
        ("matches(row.code, '(')", "not a regular expression"),
        ("'abc", "no end"),
        ("row.a b", "unexpected `b`"),
        ("date_format(row.code, '%Y')", "not an ISO date"),
        ("date_format(row.date, '%Q')", "strftime"),
        ("{row.a: 1}", "texts or numbers"),
        ("99999999999999999999999999999999999", "too many digits"),
    ] {
        let error = run_row(text, &row()).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn what_is_read_of_the_row_is_known() {
    let paths = |text: &str| {
        let expression = Expression::parse(text).unwrap();
        let members = expression
            .members()
            .map(|members| members.iter().map(|path| path.text().to_owned()).collect::<Vec<_>>());
        members.map(|members| members.join(" "))
    };
    assert_eq!(
        paths("row.a ~ upper(row.b.c) ~ row['d'].e ~ row.a"),
        Some("a b.c d.e".to_owned())
    );
    assert_eq!(paths("row.list[row.at].name"), Some("at list".to_owned()));
    assert_eq!(paths("string(row)"), None);
    assert_eq!(paths("row[row.a]"), None);
    assert_eq!(paths("(row).a"), None, "too clever to be followed");
    assert_eq!(paths("1"), Some(String::new()));
}

/// Expressions that try to take long or to grow.
fn hostile() -> Vec<String> {
    let mut list = vec![
        "(".repeat(2_000),
        format!("{}1{}", "(".repeat(1_000), ")".repeat(1_000)),
        format!("{}1{}", "[".repeat(1_900), "]".repeat(1_900)),
        "not ".repeat(900) + "1",
        "-".repeat(3_900) + "1",
        format!("1{}", " + 1".repeat(900)),
        format!("1{}", " if 1 else 1".repeat(300)),
        format!("row.big{}", " ~ row.big".repeat(390)),
        format!("row.big{}", "|upper".repeat(390)),
        format!("'a'{}", "|replace('a','aaaaaaaaaa')".repeat(30)),
        format!("row.big{}", "|replace('a','aaaaaaaaaaaaaaaaaaaa')".repeat(30)),
        format!("row.big|split('a'){}", "|join('a')|split('a')".repeat(150)),
        format!("{}", vec!["contains(row.big, 'aaaaaaaaab')"; 120].join(" or ")),
        format!("{}", vec!["matches(row.big, '(a+)+$b')"; 60].join(" or ")),
        "matches(row.big, '^(([a-z])+.)+[A-Z]([a-z])+$')".to_owned(),
        "matches(row.big, '(a{50}){50}')".to_owned(),
        "matches(row.big, '(?:a?){60}a{60}')".to_owned(),
        format!(
            "{}",
            vec!["matches(row.small, '(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^a]$')"; 40].join(" or ")
        ),
        "9999999999999999999999999999 * 9999999999999999999999999999".to_owned(),
        format!("1{}", " / 3 * 7".repeat(60)),
        "pad_start('x', 99999999999999)".to_owned(),
        "round(1, 9999999999)".to_owned(),
        "date_add('2026-11-22', 9223372036854775807, 'years')".to_owned(),
        format!("date_format('2026-11-22', '{}')", "%c".repeat(500)),
        format!("{}1{}", "{'a': ".repeat(600), "}".repeat(600)),
        format!("row{}", ".a".repeat(1_900)),
        format!("row{}", "[row".repeat(900)),
        format!("row.many{}", "[0:]".repeat(900)),
        format!("{}", vec!["row.big == row.big"; 180].join(" and ")),
        format!("{}", vec!["string(row.deep) == string(row.deep)"; 90].join(" and ")),
        format!("{}", vec!["5 in row.many"; 300].join(" or ")),
    ];
    list.push("x".repeat(5_000));
    list
}

#[test]
fn hostile_expressions_are_cut_off() {
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let row = json!({"big": "a".repeat(900_000), "small": "a".repeat(2_000), "deep": deep,
        "many": vec![1; 50_000]});
    let row = row.to_string();
    let row = json::parse_text(&row).unwrap();
    for text in hostile() {
        let shown: String = text.chars().take(50).collect();
        let start = Instant::now();
        let Ok(expression) = Expression::parse(&text) else {
            assert!(start.elapsed() < Duration::from_millis(200), "{shown} is refused late");
            continue;
        };
        let parsed = start.elapsed();
        let start = Instant::now();
        if let Ok(Outcome::New(value)) = expression.evaluate(&row, &PageBudget::new()) {
            assert!(value.to_string().len() <= 512 * 1024, "{shown} is long");
        }
        let taken = start.elapsed();
        // Builds without optimization are several times slower than the bound of 50 ms.
        assert!(taken < Duration::from_millis(500), "{shown} takes {taken:?}");
        eprintln!("{:?} {:?} {shown}", parsed, taken);
    }
}

#[test]
fn a_value_is_no_document() {
    let text = |signs: usize| format!("pad_start('x', {signs})|replace('0', pad_start('y', 64))");
    assert!(run_row(&text(500), &json!({})).is_ok());
    let told = run_row("pad_start('x', 1000)|replace('0', pad_start('y', 1000))", &json!({}));
    assert!(told.unwrap_err().contains("too large"));
    let list = format!("split('{}', 'a')", "a".repeat(3_000));
    assert!(run_row(&list, &json!({})).is_ok());
    let row = json!({"big": "a".repeat(20_000)});
    assert!(run_row("split(row.big, 'a')", &row).is_err());
    assert!(run_row("row", &json!({"big": "a".repeat(66_000)})).is_err());
    assert!(run_row("row", &json!({"big": "a".repeat(65_000)})).is_ok());
}

#[test]
fn a_page_has_one_budget() {
    let row = json!({"big": "a".repeat(60_000)}).to_string();
    let row = json::parse_text(&row).unwrap();
    for (text, told) in [
        ("row.big ~ 'b'", "values that are too large"),
        ("length(row.big|upper|lower|upper)", "too much to do"),
    ] {
        let expression = Expression::parse(text).unwrap();
        let page = PageBudget::new();
        assert_eq!(expression.evaluate(&row, &page).err(), None, "{text}");
        let times = (0..5_000)
            .take_while(|_| expression.evaluate(&row, &page).is_ok())
            .count();
        assert!(times < 1_000, "{text}: {times}");
        let error = expression.evaluate(&row, &page).err().unwrap();
        assert!(error.contains("of this page") && error.contains(told), "{error}");
        assert!(
            expression.evaluate(&row, &PageBudget::new()).is_ok(),
            "the next page has its own"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_refused(text in "[a-c.'|()\\[\\]{}:,+*~<= 0-9\\-]{0,40}") {
        let _ = run_row(&format!("row.{text}"), &row());
        let _ = run_row(&text, &row());
    }

    #[test]
    fn any_row_is_read(
        row in crate::json::tests::any_json(),
        at in prop::sample::select(vec!["row.a", "row.a ~ row.b", "row.a * row.b", "row.a|join(',')", "length(row.a)",
            "row.a[1:]", "row.a in row.b", "round(row.a, 2)", "row.a < row.b", "date_format(row.a, '%Y')", "row|string",
            "lookup(row, row.a)", "sum(row.a)", "min(row.a, row.b)", "split(row.a, '1')|first", "replace(row.a, '1', 'x')"]),
    ) {
        let _ = run_row(at, &row);
    }
}
