//! A connector over a system that speaks SOAP: lists with one row and with none, faults, writes and their bodies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::time::Duration;

use lineshaft_schema::{Filter, Value};
use serde_json::{Value as Json, json};

use super::{write_testing::Paper, *};
use crate::{
    blueprint::{raw::RawRequest, tests::definition, tests::field},
    transport::testing::{Act, Scripted, Seen, Setup, answer},
    write::{self, Input, WriteRequest},
};

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

fn envelope(body: &str) -> String {
    format!("<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Body>{body}</s:Body></s:Envelope>")
}

fn request_of(body: &str) -> Json {
    json!({ "path": "/soap", "soap_action": "urn:plant", "xml": envelope(body), "query": { "offset": "", "limit": "" } })
}

fn patch() -> Json {
    json!({
        "protocol": "xml",
        "http": { "lists": ["Lines.Line"] },
        "errors": [
            { "when": { "body": [{ "path": "Envelope.Body.Fault.detail.Code", "equals": "EXPIRED" }] }, "kind": "session_expired" },
            { "when": { "body": [{ "path": "Envelope.Body.Fault.detail.Code", "equals": "LOCKED" }] }, "kind": "conflict",
              "message": ["Envelope.Body.Fault.faultstring"], "code": "Envelope.Body.Fault.detail.Code" },
            { "when": { "body": [{ "path": "Envelope.Body.Fault.detail.Code", "equals": "TITLE" }] }, "kind": "invalid_request",
              "rule": "invalid_value", "message": ["Envelope.Body.Fault.faultstring"], "field": "Envelope.Body.Fault.detail.Field" },
        ],
        "probe": { "request": { "path": "/soap", "xml": envelope("<p:Who xmlns:p=\"urn:p\"/>") }, "identity": ["Envelope.Body.User.Name"] },
        "list": {
            "request": request_of("<List><Table>{{resource.remote}}</Table><Where>{{where}}</Where></List>"),
            "records": "Envelope.Body.Rows.Row", "paging": "none",
        },
        "get_many": {
            "via": "each", "record": "Envelope.Body.Row",
            "request": { "path": "/soap", "read_only": true, "xml": envelope("<Get><Id>{{key}}</Id></Get>") },
        },
        "raw": { "methods": ["POST"], "paths": ["/soap/**"], "reads": ["/soap/**"],
                 "envelope": { "path": "/soap", "xml": envelope("<Call name=\"{{raw.segments.1}}\">{{raw.body}}</Call>") } },
        "resources": {
            "Vendor": { "remote": "VENDOR", "key": "@id", "fields": { "name": "Name", "number": "Code" } },
            "PurchaseOrder": {
                "remote": "ORDER", "key": "Id",
                "fields": { "number": "Id", "title": "Title", "notes": "Notes" },
                "write": {
                    "fields": { "title": true, "notes": true },
                    "create": {
                        "request": request_of("<Create><Order>{{row}}</Order></Create>"),
                        "reply": { "record": "Envelope.Body.Row" },
                    },
                },
            },
        },
    })
}

fn connector(play: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> (Arc<Connector>, Arc<Scripted>) {
    connector_with(&json!({}), play)
}

fn connector_with(more: &Json, play: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> (Arc<Connector>, Arc<Scripted>) {
    let wire = Scripted::new(play);
    (
        Setup::with_token(wire.clone()).patch(&patch()).patch(more).connector(),
        wire,
    )
}

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

fn list_of(kind: &str, names: &[&str]) -> ListRequest {
    let mut projection = Projection::default();
    for name in names {
        projection.insert(field(kind, name));
    }
    ListRequest {
        kind: definition(kind).index,
        filter: Filter::always(),
        order: None,
        after: None,
        limit: 50,
        projection,
        count: false,
        page: None,
    }
}

fn rows(rows: &str) -> Act {
    answer(200, &envelope(&format!("<r:Rows xmlns:r=\"urn:rows\">{rows}</r:Rows>")))
}

fn fault(status: u16, code: &str, detail: &str) -> Act {
    let fault = format!(
        "<s:Fault><faultcode>s:{code}</faultcode><faultstring>Somebody edits &lt;7&gt;</faultstring>\
         <detail><Code>{detail}</Code><Field>Title</Field></detail></s:Fault>"
    );
    answer(status, &envelope(&fault))
}

#[tokio::test(start_paused = true)]
async fn a_list_has_one_row_or_none_or_several() {
    let row = "<r:Row id=\"1\"><Name>Bolt &amp; Nut &lt;Müller&gt; \"GmbH\"</Name><Code>007</Code></r:Row>";
    for (answer, expected) in [
        (String::new(), 0),
        (row.to_owned(), 1),
        (format!("{row}\n{}", row.replace("\"1\"", "\"2\"")), 2),
    ] {
        let (connector, wire) = connector(move |_| rows(&answer));
        let page = connector
            .list(&context(), list_of("Vendor", &["name", "number"]))
            .await
            .unwrap();
        assert_eq!(page.records.len(), expected);
        if let Some(record) = page.records.first() {
            assert_eq!(record.key, RemoteKey::single("1"));
            assert_eq!(
                record.get(field("Vendor", "name")),
                &Value::text("Bolt & Nut <Müller> \"GmbH\"")
            );
            assert_eq!(record.get(field("Vendor", "number")), &Value::text("007"));
        }
        let sent = wire.seen()[0].body.clone();
        assert!(
            sent.ends_with("<List><Table>VENDOR</Table></List></s:Body></s:Envelope>"),
            "{sent}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_is_found_by_its_key_and_its_only_line_is_a_list() {
    let (connector, wire) = connector(|_| {
        answer(
            200,
            &envelope("<Row><Id>7 &amp; 8</Id><Title/><Lines><Line><Text>x</Text></Line></Lines></Row>"),
        )
    });
    let kind = definition("PurchaseOrder").index;
    let mut projection = Projection::default();
    projection.insert(field("PurchaseOrder", "title"));
    let key = RemoteKey::single("7 & 8");
    let found = connector
        .get_many(&context(), kind, std::slice::from_ref(&key), &projection)
        .await
        .unwrap();
    assert_eq!(found[&key].get(field("PurchaseOrder", "title")), &Value::Null);
    assert!(wire.seen()[0].body.contains("<Get><Id>7 &amp; 8</Id></Get>"));
    let rows = connector.sample_rows(&context(), kind, 5).await;
    assert!(rows.is_err(), "there is no list in it");
}

#[tokio::test(start_paused = true)]
async fn raw_rows_and_raw_answers_are_the_json_that_xml_is_read_as() {
    let row = "<Row id='1'><Lines><Line><Text>x</Text></Line></Lines><Price cur=\"EUR\">1.50</Price></Row>";
    let (connector, wire) = connector(move |seen| match seen.body.contains("<Call") {
        true => answer(200, "<Answer><Sum>2</Sum></Answer>"),
        false => rows(row),
    });
    let raw = connector
        .sample_rows(&context(), definition("Vendor").index, 5)
        .await
        .unwrap();
    assert_eq!(
        raw[0].as_ref(),
        r##"{"@id":"1","Lines":{"Line":[{"Text":"x"}]},"Price":{"@cur":"EUR","#text":"1.50"}}"##
    );
    let request = RawRequest {
        method: "POST".to_owned(),
        path: "/soap/Sum".to_owned(),
        body: Some(json!({ "Part": [{ "@n": 1 }, { "@n": 2 }], "Note": "<x>" })),
        ..RawRequest::default()
    };
    let answer = connector.raw_request(&context(), &request).await.unwrap();
    assert_eq!(&answer.body[..], br#"{"Answer":{"Sum":"2"}}"#);
    let sent = wire.seen().last().unwrap().body.clone();
    assert!(
        sent.contains("<Call name=\"Sum\"><Part n=\"1\"/><Part n=\"2\"/><Note>&lt;x&gt;</Note></Call>"),
        "{sent}"
    );
}

#[tokio::test(start_paused = true)]
async fn faults_are_told_as_what_they_are() {
    for (act, kind, code) in [
        ((500, "Server", "LOCKED"), ErrorKind::Conflict, "LOCKED"),
        ((200, "Server", "LOCKED"), ErrorKind::Conflict, "LOCKED"),
        ((500, "Client", "OTHER"), ErrorKind::InvalidRequest, "s:Client"),
        (
            (200, "Client.Auth", "OTHER"),
            ErrorKind::InvalidRequest,
            "s:Client.Auth",
        ),
        ((500, "Server", "OTHER"), ErrorKind::Unavailable, "s:Server"),
        ((200, "Server", "OTHER"), ErrorKind::Unavailable, "s:Server"),
    ] {
        let (status, name, detail) = act;
        let (connector, _) = connector(move |_| fault(status, name, detail));
        let error = connector
            .list(&context(), list_of("Vendor", &["name"]))
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.remote_code()), (kind, Some(code)), "{act:?}");
        assert_eq!(error.remote_message(), Some("Somebody edits <7>"));
    }
    let newer = "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">No such table\
                 </s:Text></s:Reason></s:Fault>";
    let (connector, _) = connector(move |_| answer(400, &envelope(newer)));
    let error = connector
        .list(&context(), list_of("Vendor", &["name"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn a_fault_with_the_status_of_a_broken_system_can_end_a_session() {
    let session = json!({ "auth": [{
        "id": "login", "label": "Login", "credentials": { "token": { "label": "Token" } },
        "kind": { "session": {
            "login": { "path": "/soap", "xml": envelope("<Login><Key>{{credentials.token}}</Key></Login>") },
            "keep": { "id": "Envelope.Body.Session" }, "headers": { "x-session": "{{session.id}}" },
        } },
    }] });
    let (connector, wire) = connector_with(&session, |seen| {
        let number = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        match (seen.body.contains("<Login>"), number("x-session").as_deref()) {
            (true, _) => answer(
                200,
                &envelope(&format!("<Session>{}</Session>", seen.at.elapsed().as_nanos() + 1)),
            ),
            _ => fault(500, "Server", "EXPIRED"),
        }
    });
    let error = connector
        .list(&context(), list_of("Vendor", &["name"]))
        .await
        .unwrap_err();
    // The first end is met with another login; the second one says that the login is worth nothing.
    assert_eq!(error.kind(), ErrorKind::InvalidCredentials, "{error:?}");
    assert!(error.reason().is_some());
    let logins = wire.seen().iter().filter(|seen| seen.body.contains("<Login>")).count();
    assert_eq!(logins, 2);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_no_xml_are_malformed() {
    let cases = [
        "<Rows><Row></Rows>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<html><p>Sign in</p></html>",
        "OK",
        "",
    ];
    for body in cases {
        let (connector, _) = connector(move |_| answer(200, body));
        let error = connector
            .list(&context(), list_of("Vendor", &["name"]))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{body}: {error}");
    }
    let (connector, _) = connector(|_| answer(403, "<broken"));
    let error = connector
        .list(&context(), list_of("Vendor", &["name"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

fn create(title: &str) -> WriteRequest {
    WriteRequest {
        kind: definition("PurchaseOrder").index,
        act: write::Act::Create,
        key: None,
        input: Input {
            values: [(field("PurchaseOrder", "title"), Value::text(title))]
                .into_iter()
                .collect(),
            ..Input::default()
        },
        expected_version: None,
        client_reference: lineshaft_schema::Text::new("LS7K2M9QX4T1"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_is_xml_and_its_refusal_names_the_field() {
    let (connector, wire) = connector(|seen| match seen.body.contains("bad") {
        true => fault(500, "Client", "TITLE"),
        false => answer(200, &envelope("<Row><Id>9</Id></Row>")),
    });
    let paper = Paper::default();
    let reply = connector
        .write(&context(), &create("Pump <A> & \"B\" für 5 °C"), &paper)
        .await;
    let write::Reply::Done { key, .. } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(key, Some(RemoteKey::single("9")));
    let sent = wire.seen()[0].body.clone();
    let row = "<Create><Order><Title>Pump &lt;A&gt; &amp; &quot;B&quot; für 5 °C</Title></Order></Create>";
    assert!(sent.contains(row), "{sent}");
    let shown = paper.shown.lock().unwrap()[0].clone();
    assert_eq!(shown.body, Some(Json::String(sent)));
    let is = |name: &str, value: &str| {
        shown
            .headers
            .iter()
            .any(|(known, shown)| known == name && shown == value)
    };
    assert!(
        is("SOAPAction", "\"urn:plant\"") && is("content-type", "text/xml; charset=utf-8"),
        "{:?}",
        shown.headers
    );
    let reply = connector.write(&context(), &create("bad"), &paper).await;
    let write::Reply::Refused(errors) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(errors.len(), 1, "{errors:?}");
    let reply = connector.write(&context(), &create("bell \u{7}"), &paper).await;
    assert!(!matches!(reply, write::Reply::Done { .. }), "{reply:?}");
    assert_eq!(wire.count(), 2, "what XML cannot carry is not sent");
}
