//! Documents and the values that they are read as, and rows that come back as they were written.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use http::HeaderValue;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::template::{Scope, SecretMap, Variables, XmlTemplate};

fn read(text: &str) -> Json {
    serde_json::from_str(&parse_text(text).unwrap().to_string()).unwrap()
}

fn lists(paths: &[&str]) -> Lists {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let mut problems = Vec::new();
    let lists = Lists::compile(&paths, "", &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    lists
}

fn read_with(paths: &[&str], text: &str) -> Json {
    let mut value = parse_text(text).unwrap();
    lists(paths).apply(&mut value);
    serde_json::from_str(&value.to_string()).unwrap()
}

fn fill(template: &str, row: &Json, leaving_out: bool) -> Result<String, crate::template::Unfit> {
    let (settings, secrets) = (serde_json::Map::new(), SecretMap::new());
    let variables = Variables {
        settings: &settings,
        credentials: &secrets,
        session: &secrets,
    };
    let scope = Scope::new(&variables).with("row", row.clone()).with("none", "");
    let scope = if leaving_out { scope.leaving_out() } else { scope };
    XmlTemplate::parse(template).unwrap().render(&scope)
}

#[test]
fn documents_become_the_values_that_they_are_like() {
    for (text, value) in [
        ("<a/>", json!({"a": null})),
        ("<a>\n  <b/>\n  <c> </c>\n</a>", json!({"a": {"b": null, "c": null}})),
        ("<a> x </a>", json!({"a": " x "})),
        ("<a><![CDATA[ <&> ]]></a>", json!({"a": " <&> "})),
        (
            "<a>&lt;&amp;&gt;&quot;&apos;&#233;&#x1F600;&#32;</a>",
            json!({"a": "<&>\"'é😀 "}),
        ),
        (
            "<a i='1' j=\"&lt;&#10;\">x</a>",
            json!({"a": {"@i": "1", "@j": "<\n", "#text": "x"}}),
        ),
        (
            "<a><b>1</b><c>2</c><b>3</b></a>",
            json!({"a": {"b": ["1", "3"], "c": "2"}}),
        ),
        ("<a>x<b/>y</a>", json!({"a": {"b": null, "#text": "xy"}})),
        (
            "<?xml version='1.0'?><!-- c --><s:a xmlns:s='u' s:i='1'><s:b>1</s:b></s:a>",
            json!({"a": {"@i": "1", "b": "1"}}),
        ),
        (
            "<a xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><b i:type='string'>1</b><c i:nil='true'/></a>",
            json!({"a": {"b": "1", "c": null}}),
        ),
        ("<Größe>12 m²</Größe>", json!({"Größe": "12 m²"})),
    ] {
        assert_eq!(read(text), value, "{text}");
    }
}

#[test]
fn broken_documents_are_told_with_their_place() {
    let deep = format!("{}{}", "<a>".repeat(MAX_DEPTH + 1), "</a>".repeat(MAX_DEPTH + 1));
    for (text, message) in [
        ("<a>\n<b></a>", "is not XML (line 2"),
        ("<a>", "ends before its elements do"),
        ("<a/><b/>", "goes on after its end"),
        ("<a/>x", "has text outside of its elements"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "has a document type"),
        ("<a>&x;</a>", "has an entity that XML does not know"),
        ("<a i='&x;'/>", "has an entity that XML does not know"),
        ("<a i='1' i='2'/>", "has broken attributes"),
        ("<a>&#0;</a>", "is not XML"),
        ("<a>& b</a>", "is not XML"),
        ("<!-- c -->", "has no element"),
        (deep.as_str(), "is nested deeper than 60 elements"),
    ] {
        let wrong = parse_text(text).unwrap_err();
        assert!(wrong.starts_with(message), "{text}: {wrong}");
    }
    let widest = format!("{}{}", "<a>".repeat(MAX_DEPTH), "</a>".repeat(MAX_DEPTH));
    let mut value = parse_text(&widest).unwrap();
    lists(&["a"]).apply(&mut value);
    assert!(
        crate::json::parse_text(&value.to_string()).is_ok(),
        "as deep as JSON may be"
    );
}

#[test]
fn what_is_named_is_a_list_with_one_element_and_with_none() {
    let paths = &["Orders.Order", "Lines.Line"];
    let one = "<R><Orders><Order><Lines><Line><N>1</N></Line></Lines></Order></Orders></R>";
    assert_eq!(
        read_with(paths, one),
        json!({"R": {"Orders": {"Order": [{"Lines": {"Line": [{"N": "1"}]}}]}}})
    );
    let none = json!({"R": {"Orders": {"Order": []}}});
    assert_eq!(read_with(paths, "<R><Orders/></R>"), none);
    assert_eq!(read_with(paths, "<R><Orders>\n</Orders></R>"), none);
    assert_eq!(read_with(paths, "<R><Orders><Order/></Orders></R>"), none);
    let two = "<R><Orders><Order><Lines/></Order><Order><Lines><Line/><Line>x</Line></Lines></Order></Orders></R>";
    assert_eq!(
        read_with(paths, two),
        json!({"R": {"Orders": {"Order": [{"Lines": {"Line": []}}, {"Lines": {"Line": [null, "x"]}}]}}})
    );
    assert_eq!(read_with(&["Order"], "<R><Other/></R>"), json!({"R": {"Other": null}}));
    assert_eq!(
        read_with(paths, "<R><Fault>x</Fault></R>"),
        json!({"R": {"Fault": "x"}})
    );
}

#[test]
fn texts_are_read_in_the_encoding_that_they_name() {
    let reading = Reading {
        xml: true,
        ..Reading::default()
    };
    let translate = |kind: &'static str, body: &[u8]| {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))]
            .into_iter()
            .collect();
        let body = reading
            .translate(&headers, body)
            .map_err(|error| error.message().to_owned())?;
        Ok::<_, String>(body.map(|body| String::from_utf8(body.to_vec()).unwrap()))
    };
    let umlaut = Ok(Some("{\"a\":\"ü\"}".to_owned()));
    assert_eq!(translate("text/xml", "<a>ü</a>".as_bytes()), umlaut);
    assert_eq!(translate("text/xml; charset=\"ISO-8859-1\"", b"<a>\xfc</a>"), umlaut);
    assert_eq!(
        translate("", b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xfc</a>"),
        umlaut
    );
    let wide: Vec<u8> = "\u{feff}<a>ü</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(translate("application/xml", &wide), umlaut);
    assert_eq!(
        translate("text/xml", b"<a>\xfc</a>").unwrap_err(),
        "the answer is not UTF-8 text"
    );
    assert_eq!(
        translate("text/xml; charset=x-none", b"<a/>").unwrap_err(),
        "the answer is in an encoding that is not known"
    );
    for kept in ["{\"a\":1}", "[1]", "", "<html><p>", "<!DOCTYPE html><p>", "OK"] {
        assert_eq!(translate("text/plain", kept.as_bytes()), Ok(None), "{kept}");
    }
    assert_eq!(translate("text/html", b"<a/>"), Ok(None));
}

#[test]
fn variables_are_escaped_where_they_stand() {
    let row = json!({
        "name": "<&>\"' é\r\n", "kind": "Asset", "list": ["a", "b<"], "no": [], "gone": null,
        "lines": [{"@id": 1, "n": "x"}, {"@id": 2, "n": null}], "flag": true, "number": 1.50,
    });
    for (template, filled) in [
        (
            "<a b='{{row.name}}'/>",
            "<a b='&lt;&amp;&gt;&quot;&apos; é&#13;&#10;'/>",
        ),
        ("<a>{{row.name}}!</a>", "<a>&lt;&amp;&gt;&quot;&apos; é&#13;&#10;!</a>"),
        (
            "<w:{{row.kind}} x=\"1\"><b/></w:{{row.kind}}>",
            "<w:Asset x=\"1\"><b/></w:Asset>",
        ),
        ("<a><k>{{row.list}}</k></a>", "<a><k>a</k><k>b&lt;</k></a>"),
        ("<a><k>{{row.no}}</k></a>", "<a></a>"),
        ("<a><k>{{row.gone}}</k></a>", "<a><k></k></a>"),
        ("<a>\n  <k i='1'> {{row.none}} </k>\n</a>", "<a>\n  \n</a>"),
        (
            "<a><l>{{row.lines}}</l></a>",
            "<a><l id=\"1\"><n>x</n></l><l id=\"2\"><n/></l></a>",
        ),
        ("<a>{{row.flag}} {{row.number}}</a>", "<a>true 1.5</a>"),
        (
            "<?xml version=\"1.0\"?><!-- <k> --><a>{{row.flag}}</a>",
            "<?xml version=\"1.0\"?><!-- <k> --><a>true</a>",
        ),
        ("<a><k>{{upper row.kind}}</k></a>", "<a><k>ASSET</k></a>"),
    ] {
        assert_eq!(fill(template, &row, true).unwrap(), filled, "{template}");
    }
    // A read leaves out what is empty.
    assert_eq!(fill("<a><k>{{none}}</k></a>", &row, false).unwrap(), "<a></a>");
    assert!(fill("<a><k>{{missing}}</k></a>", &row, false).is_err());
    for (wrong, row) in [
        ("<a>{{row.x}}</a>", json!({"x": "\u{1}"})),
        ("<a>{{row}}</a>", json!({"b c": 1})),
        ("<a>{{row}}</a>", json!({"b><c": 1})),
        ("<a>{{row}}</a>", json!({"b": [[1]]})),
        ("<a b=\"{{row.x}}\"/>", json!({"x": {}})),
        ("<{{row.x}}/>", json!({"x": "a/><b"})),
    ] {
        assert!(
            matches!(fill(wrong, &row, true), Err(crate::template::Unfit::Value(_))),
            "{wrong} {row}"
        );
    }
}

#[test]
fn templates_that_are_no_documents_are_told_with_their_place() {
    for (template, message) in [
        ("<a>\n  <b>{{row}}</c>\n</a>", "the body is not XML (line 2"),
        ("<a>{{row</a>", "`{{` is never closed by `}}`"),
        ("{{row}}", "the body has text outside of its elements"),
        (
            "<a><!-- {{row}} --></a>",
            "comments, declarations and CDATA have no variables",
        ),
        (
            "<a><![CDATA[{{row}}]]></a>",
            "comments, declarations and CDATA have no variables",
        ),
    ] {
        let wrong = XmlTemplate::parse(template).unwrap_err();
        assert!(wrong.starts_with(message), "{template}: {wrong}");
    }
    let template = XmlTemplate::parse("<a b='{{x}}'><{{y}}>{{z}}</{{y}}></a>").unwrap();
    assert_eq!(template.variables().collect::<Vec<_>>(), ["x", "y", "z", "y"]);
}

#[test]
fn what_is_wrong_with_the_words_of_xml_is_told_with_its_place() {
    let session = json!([{
        "id": "login", "label": "Login", "credentials": {"key": {"label": "Key"}},
        "kind": {"session": {
            "login": {"path": "/login"}, "cookies": true, "keep": {"cookie:a": "a"},
            "keep_alive": {"request": {"path": "/{{nothing}}"}, "every_s": 0},
            "logout": {"request": {"xml": "<a>"}},
        }},
    }]);
    let list = json!({
        "request": {"path": "/x", "xml": "<a>\n<b>{{nobody}}</b></a>", "body": {}},
        "records": "a.b", "lists": ["a[0]"],
    });
    let more = json!({
        "auth": session, "list": list,
        "http": {"base_url": "{{settings.base_url}}", "lists": ["b."]},
        "probe": {"request": {"path": "/who", "soap_action": "{{nowhere}}"}},
    });
    let vendor = json!({"Vendor": {"remote": "v", "key": "id", "fields": {"name": "name"}}});
    let pointers = |protocol: &str, more: Json| {
        let problems = crate::blueprint::tests::compile(protocol, more, vendor.clone()).unwrap_err();
        let mut pointers: Vec<String> = problems.into_iter().map(|problem| problem.pointer).collect();
        pointers.sort_unstable();
        pointers.dedup();
        pointers
    };
    assert_eq!(
        pointers("xml", more),
        [
            "/auth/0/kind/session/keep/cookie:a",
            "/auth/0/kind/session/keep_alive/every_s",
            "/auth/0/kind/session/keep_alive/request/path",
            "/auth/0/kind/session/logout/request/xml",
            "/http/lists/0",
            "/probe/request/soap_action",
            "/resources/Vendor/list/lists/0",
            "/resources/Vendor/list/request",
        ]
    );
    let list =
        json!({"request": {"path": "/x", "xml": "<a>\n<b>{{nobody}}</b></a>"}, "records": "a.b", "lists": ["a"]});
    let http = json!({"base_url": "{{settings.base_url}}", "lists": ["b"]});
    assert_eq!(
        pointers("json_rest", json!({"list": list, "http": http})),
        [
            "/http/lists",
            "/resources/Vendor/list/lists",
            "/resources/Vendor/list/request/xml"
        ]
    );
}

/// Text that XML can carry and that says something.
fn any_text() -> impl Strategy<Value = String> {
    "[ -~\u{a0}-\u{17f}\u{4e00}-\u{4e20}😀\t\n\r]{1,12}"
}

fn any_row() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![any_text().prop_map(Json::from), Just(Json::Null)];
    let row = |inner: BoxedStrategy<Json>| {
        prop::collection::hash_map("[a-zA-Zäöü_][a-zA-Z0-9_.-]{0,5}", inner, 1..5)
            .prop_map(|members| members.into_iter().collect::<Json>())
    };
    let value = leaf.clone().prop_recursive(4, 40, 5, move |inner| {
        let several = prop::collection::vec(
            prop_oneof![any_text().prop_map(Json::from), row(inner.clone().boxed())],
            2..4,
        );
        prop_oneof![row(inner.clone().boxed()), several.prop_map(Json::from), inner]
    });
    row(value.boxed())
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were_written(row in any_row()) {
        let written = fill("<Envelope><Row>{{row}}</Row></Envelope>", &row, true).unwrap();
        prop_assert_eq!(read(&written), json!({"Envelope": {"Row": row}}), "{}", written);
    }

    #[test]
    fn no_text_changes_the_form_of_a_body(text in any_text(), attribute in any_text()) {
        let row = json!({"text": text, "attribute": attribute});
        let written = fill("<a b=\"{{row.attribute}}\"><c>{{row.text}}</c><d>1</d></a>", &row, true).unwrap();
        prop_assert_eq!(read(&written), json!({"a": {"@b": attribute, "c": text, "d": "1"}}));
    }

    #[test]
    fn no_bytes_break_the_reading(bytes in prop::collection::vec(any::<u8>(), 0..200), marks in "[<>/&;!?a\\[\\]=\"' -]{0,60}") {
        let reading = Reading { xml: true, lists: lists(&["a", "a.a", "b.c"]), ..Reading::default() };
        let _ = reading.translate(&HeaderMap::new(), &bytes);
        let _ = reading.translate(&HeaderMap::new(), marks.as_bytes());
        let _ = XmlTemplate::parse(&marks.replace('a', "{{a}}"));
        let mixed: Vec<u8> = b"<a>".iter().copied().chain(bytes).collect();
        let _ = reading.translate(&HeaderMap::new(), &mixed);
    }
}
