//! What the check before execution lets through and what it refuses, and how fast.

use std::{fmt::Write, time::Instant};

use proptest::prelude::*;

use crate::transport::{Code, Limits, Refusal, precheck as check, scan};

fn precheck(text: &str) -> Result<(), Refusal> {
    check(text, &Limits::default()).map(drop)
}

fn code(text: &str) -> Code {
    precheck(text).expect_err("is refused").code
}

fn shape(text: &str) -> crate::transport::Shape {
    *check(
        text,
        &Limits {
            fields: 1_000_000,
            aliases: 1_000_000,
            ..Limits::default()
        },
    )
    .unwrap()
    .shape()
}

pub(super) fn bomb(fragments: usize, spreads: usize) -> String {
    let mut text = "{ ...f0 }".to_owned();
    for index in 0..fragments {
        let next = format!("...f{} ", index + 1).repeat(spreads);
        let body = if index + 1 == fragments {
            "hello".to_owned()
        } else {
            next
        };
        write!(text, " fragment f{index} on Query {{ {body} }}").unwrap();
    }
    text
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}

#[test]
fn fragment_bombs_are_refused_at_once_with_flat_memory() {
    for (fragments, spreads) in [(25, 2), (60, 2), (60, 80)] {
        let text = bomb(fragments, spreads);
        let before = resident_kib();
        let start = Instant::now();
        assert_eq!(code(&text), Code::QueryTooComplex);
        // Walking every spread again would take longer than the age of the earth; this tells the two apart on any machine.
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
        assert!(resident_kib() - before < 64 * 1024);
    }
}

#[test]
fn deep_and_huge_texts_never_reach_the_parser() {
    for text in ["{", "#", " ", "\"", "a "] {
        assert_eq!(code(&text.repeat(1024 * 1024)), Code::QueryTooLarge);
    }
    let limit = 256 * 1024;
    for bracket in ["{", "[", "(", "{a", "{a(b:[", "{...on A", "query($a:[", "{a(b:{c:"] {
        let text = bracket.repeat(limit / bracket.len());
        assert_eq!(code(&text), Code::QueryNestedTooDeeply, "{bracket}");
    }
    for (piece, expected) in [
        ("a ", Code::QueryTooManyTokens),
        ("@a", Code::QueryTooManyTokens),
        ("\"\"", Code::QueryTooManyTokens),
        ("-1", Code::QueryTooManyTokens),
        ("0", Code::QueryTooManyTokens),
        ("...", Code::QueryTooManyTokens),
        ("\u{ff0c}", Code::QueryTooManyTokens),
        ("€", Code::QueryTooManyTokens),
        ("a", Code::QueryNameTooLong),
        ("#", Code::GraphqlParseFailed),
        (" ", Code::GraphqlParseFailed),
        ("#\n", Code::GraphqlParseFailed),
        ("\u{feff}", Code::GraphqlParseFailed),
        ("\"", Code::QueryTooManyTokens),
    ] {
        assert_eq!(code(&piece.repeat(limit / piece.len())), expected, "{piece}");
    }
}

/// However the bound is set, the recursive parser stays within a small stack.
#[test]
fn nesting_stays_bounded_whatever_the_setting() {
    let limits = Limits {
        nesting: usize::MAX,
        depth: usize::MAX,
        ..Limits::default()
    };
    for (open, close) in [("{a", "}"), ("{...on A", "}"), ("{a(b:[", "])}"), ("{a(b:{c:", "})}")] {
        for times in [60, 100, 200] {
            let text = format!("{}{{a}}{}", open.repeat(times), close.repeat(times));
            drop(check(&text, &limits));
            let list = format!("{{ a(b: {}{}) }}", "[".repeat(times), "]".repeat(times));
            drop(check(&list, &limits));
        }
    }
}

#[test]
fn brackets_in_strings_and_comments_do_not_count() {
    let deep = "{[(".repeat(100);
    precheck(&format!("{{ hello(a: \"{deep}\") }}")).unwrap();
    precheck(&format!("{{ hello(a: \"\\\"{deep}\") }}")).unwrap();
    precheck(&format!("{{ hello(a: \"\"\"{deep}\n\\\"\"\" \" {deep}\"\"\") }}")).unwrap();
    precheck(&format!("{{ hello # {deep}\n }}")).unwrap();
    precheck("\u{feff}{ hello }").unwrap();
}

#[test]
fn brackets_after_odd_strings_count() {
    let deep = "[".repeat(100);
    for text in [
        format!("{{ a(b: \"\" {deep}"),
        format!("{{ a(b: \"\\\\\" {deep}"),
        format!("{{ a(b: \"\"\"\"\"\" {deep}"),
        format!("{{ a # \" \n (b: {deep}"),
        format!("{{ a # \" \r (b: {deep}"),
    ] {
        assert_eq!(code(&text), Code::QueryNestedTooDeeply, "{text}");
    }
    assert_eq!(code(&format!("{{ a(b: \"\"\" {deep}")), Code::GraphqlParseFailed);
    assert_eq!(code(&format!("{{ a(b: \" {deep}")), Code::GraphqlParseFailed);
    assert_eq!(code(&format!("{{ a(b: \"\n\" {deep}")), Code::GraphqlParseFailed);
}

#[test]
fn tokens_are_counted_as_the_parser_reads_them() {
    let tokens = |text: &str| scan::count_tokens(text, &Limits::default()).unwrap();
    assert_eq!(tokens(""), 0);
    assert_eq!(tokens("query A($x: [Int!] = 1) { a: b @skip(if: $x) ...C }"), 28);
    assert_eq!(tokens("00-1 1.5e+3 -0.5 1-1"), 7);
    assert_eq!(tokens("\"a b\" \"\"\"c d\"\"\" # e f\n g,,h"), 4);
}

#[test]
fn syntax_errors_are_short_and_say_where() {
    let refusal = precheck("{\n  a(\n}").expect_err("is refused");
    assert_eq!(refusal.code, Code::GraphqlParseFailed);
    assert!(
        refusal.message.starts_with("syntax error: expected "),
        "{}",
        refusal.message
    );
    assert!(!refusal.message.contains('\n'));
    assert_eq!(refusal.location.unwrap().line, 3);
    assert_eq!(code("fragment A on B { c }"), Code::OperationNotFound);
    assert_eq!(code("{ a } { b }"), Code::GraphqlValidationFailed);
    assert_eq!(code(""), Code::GraphqlParseFailed);
}

#[test]
fn shapes_are_those_after_expansion() {
    let shape = shape(
        "{ a: node { ...N } ... on Query { ...Q } ...Q }
         fragment N on Node { x: value node { value } }
         fragment Q on Query { b: node { ...N } hello }",
    );
    assert_eq!(shape.fields, 4 + 5 + 5);
    assert_eq!(shape.aliases, 2 + 2 + 2);
    assert_eq!(shape.root_fields, 1 + 2 + 2);
    assert_eq!(shape.depth, 3);
    assert!(!shape.introspects);
}

type Make = Box<dyn Fn(usize) -> String>;

#[test]
fn each_bound_holds_at_its_value_and_refuses_one_more() {
    let nested = |depth: usize| format!("{{ {} value {} }}", "node {".repeat(depth - 1), "}".repeat(depth - 1));
    let list = |count: usize, make: &dyn Fn(usize) -> String| (0..count).map(make).collect::<Vec<_>>().join(" ");
    let cases: Vec<(Code, Make, usize)> = vec![
        (Code::QueryTooDeep, Box::new(nested), 12),
        (
            Code::QueryTooComplex,
            Box::new(move |n| format!("{{ node {{ {} }} }}", list(n - 1, &|i| format!("f{i}")))),
            2000,
        ),
        (
            Code::QueryTooManyAliases,
            Box::new(move |n| format!("{{ node {{ {} }} }}", list(n, &|i| format!("a{i}: b")))),
            50,
        ),
        (
            Code::QueryTooManyRootFields,
            Box::new(move |n| format!("{{ {} }}", list(n, &|i| format!("f{i}")))),
            20,
        ),
        (
            Code::QueryTooManyDirectives,
            Box::new(|n| format!("{{ a {} }}", "@b ".repeat(n))),
            10,
        ),
        (
            Code::QueryTooManyDirectives,
            Box::new(|n| format!("{{ a {{ {} }} }}", "b @c ".repeat(n))),
            50,
        ),
        (
            Code::QueryTooManyFragments,
            Box::new(move |n| format!("{{ a }} {}", list(n, &|i| format!("fragment F{i} on A {{ b }}")))),
            100,
        ),
        (
            Code::QueryTooManyVariables,
            Box::new(move |n| format!("query({}) {{ a }}", list(n, &|i| format!("$v{i}: Int")))),
            100,
        ),
        (
            Code::QueryNameTooLong,
            Box::new(|n| format!("{{ {} }}", "n".repeat(n))),
            128,
        ),
        (
            Code::QueryNestedTooDeeply,
            Box::new(|n| format!("{{ a(b: {}1{}) }}", "[".repeat(n - 2), "]".repeat(n - 2))),
            64,
        ),
    ];
    for (expected, make, limit) in cases {
        assert_eq!(precheck(&make(limit)), Ok(()), "{expected:?} at {limit}");
        assert_eq!(code(&make(limit + 1)), expected);
    }
    let padded = |bytes: usize| format!("{{a}}{}", " ".repeat(bytes - 3));
    assert_eq!(precheck(&padded(256 * 1024)), Ok(()));
    assert_eq!(code(&padded(256 * 1024 + 1)), Code::QueryTooLarge);
    let tokens = |n: usize| format!("{{ a(b: [{}]) }}", "1 ".repeat(n - 9));
    assert_eq!(precheck(&tokens(10_000)), Ok(()));
    assert_eq!(code(&tokens(10_001)), Code::QueryTooManyTokens);
}

#[test]
fn bounds_see_through_fragments_and_several_operations() {
    let deep = "{ ...A } fragment A on Q { a { b { c { d { e { f { ...B } } } } } } }
                fragment B on Q { a { b { c { d { e { f { g } } } } } } }";
    assert_eq!(code(deep), Code::QueryTooDeep);
    let aliases = format!(
        "{{ {} }} fragment A on Q {{ x: a y: b z: c }}",
        "n { ...A } ".repeat(17)
    );
    assert_eq!(code(&aliases), Code::QueryTooManyAliases);
    let operations: String = (0..21)
        .map(|index| format!("query Q{index} {{ n {{ {} }} }} ", "a ".repeat(99)))
        .collect();
    assert_eq!(code(&operations), Code::QueryTooComplex);
    let inline = format!("{{ {} a {} }}", "... { ".repeat(64), "}".repeat(64));
    assert_eq!(code(&inline), Code::QueryNestedTooDeeply);
    let unused = bomb(40, 2).replace("{ ...f0 }", "{ a }");
    assert_eq!(code(&unused), Code::QueryTooComplex);
    let chain: String = (0..99)
        .map(|i| format!("fragment f{i} on A {{ ...f{} }} ", i + 1))
        .collect();
    assert_eq!(
        code(&format!("{{ ...f0 }} {chain} fragment f99 on A {{ a }}")),
        Code::QueryNestedTooDeeply
    );
}

#[test]
fn fragment_cycles_are_refused() {
    assert_eq!(code("{ ...A } fragment A on Q { ...A }"), Code::QueryFragmentCycle);
    assert_eq!(
        code("{ ...A } fragment A on Q { b { ...B } } fragment B on Q { ...A }"),
        Code::QueryFragmentCycle
    );
    assert_eq!(
        code("{ a } fragment A on Q { ...B } fragment B on Q { ...A }"),
        Code::QueryFragmentCycle
    );
    precheck("{ ...A ...B } fragment A on Q { ...B } fragment B on Q { c }").unwrap();
    precheck("{ ...Unknown }").unwrap();
}

pub(super) const INTROSPECTION: &str = "query IntrospectionQuery { __schema { queryType { name } types { ...Full }
  directives { name args { ...Input } } } }
  fragment Full on __Type { kind name fields(includeDeprecated: true) { name args { ...Input } type { ...Ref } }
    inputFields { ...Input } interfaces { ...Ref } enumValues { name } possibleTypes { ...Ref } }
  fragment Input on __InputValue { name type { ...Ref } defaultValue }
  fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

#[test]
fn the_usual_introspection_passes_and_a_multiplying_one_does_not() {
    precheck(INTROSPECTION).unwrap();
    let shape = shape(INTROSPECTION);
    assert!(shape.introspects);
    assert_eq!(shape.depth, 0);
    let nested = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(code(nested), Code::QueryTooDeep);
    let hidden = "{ __schema { types { ...A } } } fragment A on __Type { fields { type { ...B } } }
                  fragment B on __Type { fields { type { interfaces { name } } } }";
    assert_eq!(code(hidden), Code::QueryTooDeep);
    let root = "{ ...R } fragment R on Query { __type(name: \"A\") { fields { type { ...B } } } }
                fragment B on __Type { fields { type { interfaces { name } } } }";
    assert_eq!(code(root), Code::QueryTooDeep);
}

proptest! {
    #[test]
    fn no_text_breaks_the_check(text in "([a-c_ \n#\"\\\\{}()\\[\\]:$@!=.,0-9eE+-]|\\.\\.\\.|\"\"\"|on |fragment |query |€){0,120}") {
        drop(precheck(&text));
    }

    /// A document without spreads: the measured depth and fields are those of its construction.
    #[test]
    fn plain_selections_are_measured_exactly(widths in prop::collection::vec(1_usize..6, 1..8)) {
        let mut text = String::new();
        for width in &widths {
            text.push_str(" { ");
            text.push_str(&"a ".repeat(width - 1));
            text.push('b');
        }
        text.push_str(&"}".repeat(widths.len()));
        let shape = shape(&text);
        prop_assert_eq!(shape.fields, widths.iter().sum::<usize>());
        prop_assert_eq!(shape.depth, widths.len());
    }
}
