//! What templates accept, refuse and write.

#![allow(clippy::unwrap_used, reason = "tests")]
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn with_scope<T>(test: impl FnOnce(Scope<'_>) -> T) -> T {
    let settings = json!({ "base_url": "https://erp.example/api", "company": "a b" });
    let credentials: SecretMap = [("user", "ada"), ("password", "p:{{settings.company}}")]
        .into_iter()
        .collect();
    let session = SecretMap::new();
    let variables = Variables {
        settings: settings.as_object().unwrap(),
        credentials: &credentials,
        session: &session,
    };
    test(
        Scope::new(&variables)
            .with("limit", 50)
            .with("select", json!(["a", "b"]))
            .with("resource.remote", "po/x"),
    )
}

fn render(template: &str) -> Result<String, String> {
    with_scope(|scope| TextTemplate::parse(template)?.render(&scope))
}

#[test]
fn variables_are_filled_in_once() {
    assert_eq!(
        render("{{settings.base_url}}/{{ limit }}?f={{select}}").unwrap(),
        "https://erp.example/api/50?f=a,b"
    );
    assert_eq!(render("{{credentials.password}}").unwrap(), "p:{{settings.company}}");
    assert_eq!(
        render("Basic {{base64 credentials.user limit}}").unwrap(),
        "Basic YWRhOjUw"
    );
    assert_eq!(render("[{{settings.not_given}}]").unwrap(), "[]");
    assert_eq!(render("{{select.1}}").unwrap(), "b");
    assert_eq!(render("{{upper settings.company}}!").unwrap(), "A B!");
}

#[test]
fn what_was_kept_as_text_becomes_a_number() {
    let render = |template| with_scope(|scope| JsonTemplate::parse(&json!([template])).unwrap().render(&scope));
    assert_eq!(render("{{number limit}}").unwrap(), json!([50]));
    assert_eq!(
        render("{{number select.0}}").unwrap_err(),
        "the variable `select.0` is not a number"
    );
    let session: SecretMap = [("uid", "7")].into_iter().collect();
    let (settings, none) = (Map::new(), SecretMap::new());
    let variables = Variables {
        settings: &settings,
        credentials: &none,
        session: &session,
    };
    let template = JsonTemplate::parse(&json!({"uid": "{{number session.uid}}"})).unwrap();
    assert_eq!(template.render(&Scope::new(&variables)).unwrap(), json!({"uid": 7}));
    assert!(TextTemplate::parse("{{number a b}}").is_err());
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    assert_eq!(render("{{nope}}").unwrap_err(), "unknown variable `nope`");
    assert_eq!(
        render("{{credentials.key}}").unwrap_err(),
        "the credential `key` is missing"
    );
    assert_eq!(
        render("{{session.sid}}").unwrap_err(),
        "the session value `sid` is missing"
    );
    for text in ["{{", "{{}}", "{{a b}}", "{{base64}}", "{{a..b}}", "{{a{{b}}"] {
        assert!(TextTemplate::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_text_that_is_one_variable_becomes_its_json() {
    let template = json!({ "args": ["{{select}}", "{{limit}}", "n={{limit}}"], "kept": null });
    let template = JsonTemplate::parse(&template).unwrap();
    assert_eq!(template.variables(), ["select", "limit", "limit"]);
    let filled = with_scope(|scope| template.render(&scope)).unwrap();
    assert_eq!(filled, json!({ "args": [["a", "b"], 50, "n=50"], "kept": null }));
}

#[test]
fn a_value_in_a_path_stays_one_segment() {
    let path = |template: &str| {
        with_scope(|scope| {
            TextTemplate::parse(template)
                .unwrap()
                .render_path(&scope.with("key", ".."))
        })
    };
    assert_eq!(
        path("{{settings.base_url}}/{{resource.remote}}").unwrap(),
        "https://erp.example/api/po/x"
    );
    for hostile in [
        "/orders/{{key}}",
        "/orders/{{upper key}}/lines",
        "/orders/{{unless nothing key}}",
        "/orders/{{around \"\" key \"\"}}",
        "/orders/./{{settings.base_url}}",
    ] {
        assert!(path(hostile).is_err(), "{hostile}");
    }
    assert_eq!(path("/orders('{{key}}')?a=../b").unwrap(), "/orders('..')?a=../b");
}

#[test]
fn the_name_of_a_list_may_be_a_path() {
    let path = |name: &str| {
        with_scope(|scope| {
            let scope = scope.with("resource.remote", name.to_owned()).with("key", "a/b");
            TextTemplate::parse("/{{resource.remote}}/{{key}}")
                .unwrap()
                .render_path(&scope)
        })
    };
    assert_eq!(path("company/part").unwrap(), "/company/part/a%2Fb");
    assert_eq!(path("a b/c?d#e").unwrap(), "/a%20b/c%3Fd%23e/a%2Fb");
    assert_eq!(path("%2e%2e/x").unwrap(), "/%252e%252e/x/a%2Fb");
    for name in [
        "",
        ".",
        "..",
        "/part",
        "company/",
        "company//part",
        "company/../part",
        "./part",
    ] {
        assert!(path(name).is_err(), "{name}");
    }
}

#[test]
fn the_tail_of_an_address_names_a_record() {
    let path = |address: &str| {
        with_scope(|scope| {
            let scope = scope.with("href", address.to_owned());
            TextTemplate::parse("/os/po/{{tail href}}").unwrap().render_path(&scope)
        })
    };
    let address = "https://erp.example/maximo/api/os/mxapipo/_QkVERk9SRC9BNjAwMg--?lean=1";
    assert_eq!(path(address).unwrap(), "/os/po/_QkVERk9SRC9BNjAwMg--");
    assert_eq!(path("a%20b\\c").unwrap(), "/os/po/a%20b%5Cc");
    assert!(path("https://erp.example/po/").is_err());
    for hostile in ["/po/..", "/po/.", "/po/%2e%2E", "/po/.%2e", "/po/%2e"] {
        assert!(path(hostile).is_err(), "{hostile}");
    }
}

#[test]
fn the_head_of_a_name_is_what_comes_before_its_last_slash() {
    let path = |name: &str| {
        with_scope(|scope| {
            let scope = scope.with("name", name.to_owned());
            TextTemplate::parse("/odata/{{head name}}/$metadata")
                .unwrap()
                .render_path(&scope)
        })
    };
    assert_eq!(path("Z_SRV/ZSet").unwrap(), "/odata/Z_SRV/$metadata");
    assert_eq!(path("a b/c?d/Set").unwrap(), "/odata/a%20b/c%3Fd/$metadata");
    for name in ["Set", "/Set", "../Set", "a/../Set", "a//Set"] {
        assert!(path(name).is_err(), "{name}");
    }
}

#[test]
fn members_are_laid_over_an_object() {
    let template = json!({"...": "{{row}}", "id": "{{id}}", "kind": 1, "note": null});
    let template = JsonTemplate::parse(&template).unwrap();
    assert_eq!(template.variables(), ["row", "id"]);
    let row = json!({"note": "x", "kind": 7, "name": null});
    let laid = with_scope(|scope| template.render(&scope.with("row", row).with("id", "5".to_owned())));
    assert_eq!(laid.unwrap(), json!({"name": null, "kind": 1, "id": "5"}));
    let text = with_scope(|scope| template.render(&scope.with("row", "text".to_owned()).with("id", 1)));
    assert!(text.is_err());
}

#[test]
fn secrets_are_not_printed() {
    let secrets: SecretMap = [("key", "hunter2")].into_iter().collect();
    assert_eq!(format!("{secrets:?}"), r#"{"key"}"#);
}

proptest! {
    #[test]
    fn a_value_is_never_expanded_again(value in "(\\{\\{[a-z.]{0,8}\\}\\}|\\PC){0,6}") {
        let rendered = with_scope(|scope| TextTemplate::parse("<{{value}}>").unwrap().render(&scope.with("value", value.clone())));
        prop_assert_eq!(rendered.unwrap(), format!("<{value}>"));
        let node = JsonTemplate::parse(&json!(["{{value}}", "x{{value}}"])).unwrap();
        let rendered = with_scope(|scope| node.render(&scope.with("value", value.clone())));
        prop_assert_eq!(rendered.unwrap(), json!([value, format!("x{value}")]));
    }

    #[test]
    fn any_text_is_a_template_or_refused(text in "[{}a-c .]{0,12}") {
        if let Ok(template) = TextTemplate::parse(&text) {
            let _ = with_scope(|scope| template.render(&scope));
        }
    }

    #[test]
    fn an_escaped_value_never_leaves_its_segment(value in "\\PC{0,12}") {
        let rendered = with_scope(|scope| TextTemplate::parse("/a/{{value}}/b").unwrap().render_path(&scope.with("value", value.clone())));
        if let Ok(path) = rendered {
            prop_assert_eq!(path.matches('/').count(), 3);
            prop_assert!(!path.contains(['?', '#', '\\', ' ']));
        }
    }
}

#[test]
fn members_of_a_row_are_spread_and_what_has_no_value_is_left_out() {
    let body = |row: Value| {
        with_scope(|scope| {
            let template = json!({
                "Plant": "1010",
                "...": "{{row}}",
                "Notes": [{"Kind": "F01", "Text": "{{row.Notes.Text}}"}],
                "Hidden": null,
            });
            JsonTemplate::parse(&template)?.render(&scope.leaving_out().with("row", row))
        })
    };
    assert_eq!(
        body(json!({"Plant": "1020", "Cleared": null, "Hidden": {"a": 1}, "Notes": {"Text": "x"}})).unwrap(),
        json!({"Plant": "1020", "Cleared": null, "Notes": [{"Kind": "F01", "Text": "x"}]})
    );
    assert_eq!(body(json!({"A": 1})).unwrap(), json!({"Plant": "1010", "A": 1}));
    assert_eq!(
        body(json!({"Notes": [{"Kind": "F02"}]})).unwrap(),
        json!({"Plant": "1010", "Notes": [{"Kind": "F02"}]})
    );
    assert!(body(json!("text")).is_err());
}

#[test]
fn writes_leave_out_what_has_no_value_but_not_null() {
    let settings = Map::new();
    let none = SecretMap::new();
    let variables = Variables {
        settings: &settings,
        credentials: &none,
        session: &none,
    };
    let scope = || Scope::new(&variables).with("row", json!({"a": null, "b": 1}));
    let template =
        json!({"a": "{{row.a}}", "b": "{{row.b}}", "c": "{{row.c}}", "d": ["{{row.c}}"], "e": "x{{version}}"});
    let body = JsonTemplate::parse(&template).unwrap();
    assert!(body.render(&scope()).is_err());
    assert_eq!(
        body.render(&scope().leaving_out()).unwrap(),
        json!({"a": null, "b": 1, "d": [null], "e": "x"})
    );
    assert_eq!(
        body.render(&scope().showing(&[])).unwrap(),
        json!({"a": null, "b": 1, "c": "{{row.c}}", "d": ["{{row.c}}"], "e": "x{{version}}"})
    );
    let looked_up = JsonTemplate::parse(&json!({"a": "{{kept.a}}", "b": "{{kept.b.0}}"})).unwrap();
    assert_eq!(
        looked_up.render(&scope().showing(&["kept.b".to_owned()])).unwrap(),
        json!({"a": "{{kept.a}}"})
    );
    let path = |text: &str| TextTemplate::parse(text).unwrap();
    assert!(path("/x/{{key}}").render_path(&scope().leaving_out()).is_err());
    assert_eq!(
        path("/x/{{key}}").render_path(&scope().showing(&[])).unwrap(),
        "/x/{{key}}"
    );
    let quoted = scope().with("key", "a'b").with_texts(&|text| text.replace('\'', "''"));
    assert_eq!(path("('{{key}}')").render_path(&quoted).unwrap(), "('a%27%27b')");
}

#[test]
fn a_name_leads_through_lists() {
    let row = json!({ "lines": [
        { "item": { "number": "00010" }, "schedule": { "day": "2026-01-05" } },
        { "item": { "number": "00020" } },
    ] });
    with_scope(|scope| {
        let scope = scope.leaving_out().with("raw", row.clone()).with("row", row);
        let body = json!({ "raw": "{{raw.lines.item}}", "items": "{{row.lines.item}}", "days": "{{row.lines.schedule.day}}", "texts": "{{row.lines.text}}" });
        let body = JsonTemplate::parse(&body).unwrap().render(&scope).unwrap();
        let items = json!([{ "number": "00010" }, { "number": "00020" }]);
        assert_eq!(body, json!({ "items": items, "days": ["2026-01-05"] }));
        let xml = "<Items><item>{{row.lines.item}}</item></Items><Days><day>{{row.lines.schedule.day}}</day></Days><t>{{row.lines.text}}</t>";
        let xml = XmlTemplate::parse(&format!("<a>{xml}</a>"))
            .unwrap()
            .render(&scope)
            .unwrap();
        assert_eq!(
            xml,
            "<a><Items><item><number>00010</number></item><item><number>00020</number></item></Items><Days><day>2026-01-05</day></Days></a>"
        );
    });
}

#[test]
fn a_variable_gives_way_to_another() {
    let template = json!({"name": "{{unless part text}}", "note": "is {{unless part text}}"});
    let template = JsonTemplate::parse(&template).unwrap();
    assert_eq!(template.variables(), ["part", "text", "part", "text"]);
    let render = |part: Value| {
        with_scope(|scope| {
            let scope = scope.leaving_out().with("part", part).with("text", "Seal");
            template.render(&scope).unwrap()
        })
    };
    assert_eq!(render(json!(6001)), json!({"note": "is "}));
    for nothing in [json!(null), json!(0), json!("")] {
        assert_eq!(render(nothing), json!({"name": "Seal", "note": "is Seal"}));
    }
}

#[test]
fn texts_go_with_the_variable_they_stand_around() {
    let settings = json!({ "given": "x", "none": null });
    let (credentials, session) = (SecretMap::new(), SecretMap::new());
    let variables = Variables {
        settings: settings.as_object().unwrap(),
        credentials: &credentials,
        session: &session,
    };
    let scope = Scope::new(&variables)
        .with("where", "a = '}}'")
        .with("order", "")
        .with("list", json!([]));
    let text = |template: &str| TextTemplate::parse(template).unwrap().render(&scope).unwrap();
    assert_eq!(
        text(r#"SELECT *{{prefix " WHERE " where}}{{prefix " ORDER BY " order}}"#),
        "SELECT * WHERE a = '}}'"
    );
    assert_eq!(text(r#"{{suffix where "^"}}{{suffix order "^"}}"#), "a = '}}'^");
    assert_eq!(
        text(r#"{{around "{{" settings.given "}}"}}{{around "(" list ")"}}"#),
        "{{x}}"
    );
    assert_eq!(text(r#"{{when where "there"}}{{when settings.none "never"}}"#), "there");
    for wrong in [
        r#"{{prefix "a"}}"#,
        r#"{{prefix "a b}}"#,
        r#"{{when "a" where}}"#,
        r#"{{prefix "a" "b"}}"#,
    ] {
        assert!(TextTemplate::parse(wrong).is_err(), "{wrong}");
    }
    let body = JsonTemplate::parse(&json!({
        "q": "{{optional where}}", "o": "{{optional order}}", "keep": "{{order}}",
        "filters": [{ "ql": "{{optional order}}", "values": "{{optional list}}" }],
        "mixed": { "o": "{{optional list}}", "where": "{{where}}" }
    }));
    assert_eq!(
        body.unwrap().render(&scope).unwrap(),
        json!({ "q": "a = '}}'", "keep": "", "mixed": { "where": "a = '}}'" } })
    );
}

#[test]
fn a_row_is_marked_by_what_it_has() {
    let row = json!({
        "number": "4500000001", "note": "x", "terms": null, "address": { "city": "Berlin", "item": "7" },
        "lines": [{ "item": "00010", "quantity": 5 }, { "item": "00020", "deleted": false }],
    });
    let marked = json!({
        "number": "4500000001", "note": "X", "terms": "X", "address": { "city": "X", "item": "7" },
        "lines": [{ "item": "00010", "quantity": "X" }, { "item": "00020", "deleted": "X" }],
    });
    with_scope(|scope| {
        let scope = scope.leaving_out().with("row", row);
        let body = json!({ "header": "{{marks row number item}}", "items": "{{marks row.lines item}}", "none": "{{marks row.no}}" });
        let body = JsonTemplate::parse(&body).unwrap().render(&scope).unwrap();
        assert_eq!(body, json!({ "header": marked, "items": marked["lines"] }));
        let xml = "<Items><item>{{marks row.lines item}}</item></Items><none>{{marks row.no}}</none>";
        let xml = XmlTemplate::parse(&format!("<a>{xml}</a>"))
            .unwrap()
            .render(&scope)
            .unwrap();
        assert_eq!(
            xml,
            "<a><Items><item><item>00010</item><quantity>X</quantity></item><item><item>00020</item><deleted>X</deleted></item></Items></a>"
        );
        assert!(
            TextTemplate::parse("/{{marks row}}")
                .unwrap()
                .render_path(&scope)
                .is_err()
        );
    });
}
