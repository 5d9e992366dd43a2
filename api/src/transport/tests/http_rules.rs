//! Methods, media types, sizes, statuses: the rules of GraphQL over HTTP.

use std::sync::atomic::Ordering;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, StatusCode};
use serde_json::json;

use super::{GRAPHQL, get, post, query, send, serve, with};
use crate::transport::{HttpStatus, Limits, Settings};

fn legacy() -> Settings {
    Settings {
        http_status: HttpStatus::Legacy,
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_query_is_answered_with_the_media_type_asked_for() {
    let (router, _) = serve(Settings::default());
    for (accept, expected) in [
        (None, "application/json; charset=utf-8"),
        (Some("*/*"), "application/json; charset=utf-8"),
        (Some("application/*;q=0.5"), "application/json; charset=utf-8"),
        (
            Some("text/html, application/json;q=0.1"),
            "application/json; charset=utf-8",
        ),
        (Some(GRAPHQL), "application/graphql-response+json; charset=utf-8"),
        (
            Some("application/json, application/graphql-response+json"),
            "application/graphql-response+json; charset=utf-8",
        ),
        (
            Some("application/json, application/graphql-response+json;q=0.9"),
            "application/json; charset=utf-8",
        ),
        (
            Some("application/json;q=0, */*"),
            "application/graphql-response+json; charset=utf-8",
        ),
        (
            Some("Application/JSON; charset=UTF-8"),
            "application/json; charset=utf-8",
        ),
    ] {
        let request = query("{ hello }");
        let request = match accept {
            Some(accept) => with(request, "accept", accept),
            None => request,
        };
        let reply = send(&router, request).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.header("content-type"), expected, "{accept:?}");
        assert_eq!(reply.text, r#"{"data":{"hello":"world"}}"#);
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    for accept in [
        "text/html",
        "application/json;q=0",
        "application/json; charset=latin1",
        "nonsense",
    ] {
        let reply = send(&router, with(query("{ hello }"), "accept", accept)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (406, "NOT_ACCEPTABLE"),
            "{accept}"
        );
    }
}

#[tokio::test]
async fn only_post_and_get_are_served_and_get_never_mutates() {
    let (router, shared) = serve(Settings::default());
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let request = Request::builder()
            .method(method)
            .uri("/graphql")
            .body(Body::empty())
            .unwrap();
        let reply = send(&router, request).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET, POST"));
        assert_eq!(reply.code(), "METHOD_NOT_ALLOWED");
    }
    let head = Request::head("/graphql").body(Body::empty()).unwrap();
    assert_eq!(send(&router, head).await.status.as_u16(), 405);
    for text in ["mutation { bump }", "query A { hello } mutation B { bump }"] {
        let reply = send(
            &router,
            get(&[
                ("query", text),
                ("operationName", if text.starts_with('q') { "B" } else { "" }),
            ]),
        )
        .await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "POST"));
    }
    assert_eq!(shared.bumps.load(Ordering::SeqCst), 0);
    let reply = send(
        &router,
        get(&[
            ("query", "query A($n: Int!) { double(number: $n) } query B { hello }"),
            ("operationName", "A"),
            ("variables", r#"{"n":21}"#),
            ("extensions", "{}"),
        ]),
    )
    .await;
    assert_eq!(reply.text, r#"{"data":{"double":42}}"#);
    assert_eq!(
        send(&router, query("mutation { bump }")).await.text,
        r#"{"data":{"bump":1}}"#
    );
}

#[tokio::test]
async fn faulty_parameters_of_a_get_are_told_apart() {
    let (router, _) = serve(Settings::default());
    for (parameters, status) in [
        (vec![], 422),
        (vec![("query", "{ hello }"), ("variables", "{")], 400),
        (vec![("query", "{ hello }"), ("variables", "[1]")], 422),
        (vec![("query", "{ hello }"), ("query", "{ hello }")], 422),
        (vec![("query", "{ hello")], 400),
        (vec![("query", "{ hello }"), ("variables", ""), ("unknown", "1")], 200),
    ] {
        assert_eq!(
            send(&router, get(&parameters)).await.status.as_u16(),
            status,
            "{parameters:?}"
        );
    }
}

#[tokio::test]
async fn a_post_needs_plain_json() {
    let (router, _) = serve(Settings::default());
    let body = r#"{"query":"{ hello }"}"#;
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/Json;charset=\"UTF-8\"",
    ] {
        assert_eq!(
            send(&router, with(post(body), "content-type", content_type))
                .await
                .status,
            StatusCode::OK
        );
    }
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/graphql",
        "application/jsonp",
        "application/json; charset=utf-16",
    ] {
        let reply = send(&router, with(post(body), "content-type", content_type)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{content_type}"
        );
    }
    let none = Request::post("/graphql").body(Body::from(body)).unwrap();
    assert_eq!(send(&router, none).await.status.as_u16(), 415);
    assert_eq!(
        send(&router, with(post(body), "content-encoding", "gzip"))
            .await
            .status
            .as_u16(),
        415
    );
}

#[tokio::test]
async fn malformed_bodies_are_400_and_misshapen_ones_422() {
    let (router, _) = serve(Settings::default());
    let cases: [(&[u8], u16, &str); 20] = [
        (b"", 400, "INVALID_JSON"),
        (b"NONSENSE", 400, "INVALID_JSON"),
        (br#"{"query":"#, 400, "INVALID_JSON"),
        (br#"{"query": 5, nonsense"#, 400, "INVALID_JSON"),
        (br#"{"query":"{ hello }"} x"#, 400, "INVALID_JSON"),
        (b"{\"query\":\"\xff\"}", 400, "INVALID_JSON"),
        (b"[1,", 400, "INVALID_JSON"),
        (b"{}", 422, "INVALID_REQUEST"),
        (b"null", 422, "INVALID_REQUEST"),
        (br#""{ hello }""#, 422, "INVALID_REQUEST"),
        (br#"{"qeury":"{ hello }"}"#, 422, "INVALID_REQUEST"),
        (br#"{"query":null}"#, 422, "INVALID_REQUEST"),
        (br#"{"query":5}"#, 422, "INVALID_REQUEST"),
        (br#"{"query":"{ hello }","query":"{ hello }"}"#, 422, "INVALID_REQUEST"),
        (br#"{"query":"{ hello }","variables":[7]}"#, 422, "INVALID_REQUEST"),
        (br#"{"query":"{ hello }","extensions":[7]}"#, 422, "INVALID_REQUEST"),
        (br#"{"query":"{ hello }","operationName":7}"#, 422, "INVALID_REQUEST"),
        (br#"[{"query":"{ hello }"}]"#, 422, "BATCH_NOT_ALLOWED"),
        (br#"{"query":"{"}"#, 400, "GRAPHQL_PARSE_FAILED"),
        (br#"{"query":""}"#, 400, "GRAPHQL_PARSE_FAILED"),
    ];
    for (body, status, code) in cases {
        let reply = send(&router, post(body.to_vec())).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (status, code),
            "{}",
            String::from_utf8_lossy(body)
        );
        assert!(reply.json().get("data").is_none());
    }
    let deep = format!(
        r#"{{"query":"{{ hello }}","variables":{{"a":{}}}}}"#,
        "[".repeat(500_000)
    );
    assert_eq!(send(&router, post(deep)).await.status.as_u16(), 400);
    let nulls = r#" {"query":"{ hello }","variables":null,"extensions":null,"operationName":null,"id":1}"#;
    assert_eq!(send(&router, post(nulls)).await.status.as_u16(), 200);
}

#[tokio::test]
async fn documents_that_cannot_be_executed_are_422() {
    let (router, _) = serve(Settings::default());
    for (body, code) in [
        (json!({"query": "{ nothing }"}), "GRAPHQL_VALIDATION_FAILED"),
        (
            json!({"query": "query A { hello } query B { hello }"}),
            "OPERATION_NOT_FOUND",
        ),
        (
            json!({"query": "query A { hello }", "operationName": "C"}),
            "OPERATION_NOT_FOUND",
        ),
        (
            json!({"query": "{ hello }", "operationName": "C"}),
            "OPERATION_NOT_FOUND",
        ),
        (json!({"query": "subscription { ticks }"}), "OPERATION_NOT_SUPPORTED"),
        (
            json!({"query": "query($n: Int!) { double(number: $n) }"}),
            "BAD_USER_INPUT",
        ),
        (
            json!({"query": "query($n: Int!) { double(number: $n) }", "variables": {"n": null}}),
            "BAD_USER_INPUT",
        ),
        (
            json!({"query": "query($n: Int!) { double(number: $n) }", "variables": {"n": "1"}}),
            "BAD_USER_INPUT",
        ),
        (
            json!({"query": "query($n: [[Int!]]) { hello }", "variables": {"n": [[1], ["a"]]}}),
            "BAD_USER_INPUT",
        ),
        (
            json!({"query": "{ ...A } fragment A on Query { ...A }"}),
            "QUERY_FRAGMENT_CYCLE",
        ),
    ] {
        for accept in [GRAPHQL, "application/json"] {
            let reply = send(&router, with(post(body.to_string()), "accept", accept)).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, code), "{body}");
            assert!(reply.json().get("data").is_none());
            assert!(reply.header("content-type").starts_with(GRAPHQL));
        }
    }
}

#[tokio::test]
async fn data_with_errors_is_294_for_clients_that_know_it() {
    let (router, _) = serve(Settings::default());
    for text in ["{ hello coded }", "{ leaksSource }"] {
        let reply = send(&router, with(query(text), "accept", GRAPHQL)).await;
        assert_eq!(reply.status.as_u16(), 294);
        assert!(reply.json().get("data").is_some());
        assert_eq!(send(&router, query(text)).await.status.as_u16(), 200);
    }
    let (router, _) = serve(legacy());
    assert_eq!(
        send(&router, with(query("{ hello coded }"), "accept", GRAPHQL))
            .await
            .status
            .as_u16(),
        200
    );
}

#[tokio::test]
async fn older_statuses_can_be_chosen() {
    let (router, _) = serve(legacy());
    for (body, as_json, as_graphql) in [
        (r#"{"query":"{"}"#, 200, 400),
        (r#"{"query":"{ nothing }"}"#, 200, 400),
        (r#"{"query":"query A { hello }","operationName":"C"}"#, 200, 400),
        (r#"{"query":5}"#, 400, 400),
        (r#"{"#, 400, 400),
        (r#"[{"query":"{ hello }"}]"#, 400, 400),
    ] {
        for (accept, status) in [("application/json", as_json), (GRAPHQL, as_graphql)] {
            let reply = send(&router, with(post(body), "accept", accept)).await;
            assert_eq!(reply.status.as_u16(), status, "{body} as {accept}");
            assert!(reply.header("content-type").starts_with(accept));
        }
    }
}

#[tokio::test]
async fn sizes_are_bounded() {
    let limits = Limits {
        body_bytes: 200,
        ..Limits::default()
    };
    let (router, _) = serve(Settings {
        limits,
        ..Settings::default()
    });
    let long = format!(r#"{{"query":"{{ hello }}","x":"{}"}}"#, "y".repeat(200));
    let reply = send(&router, post(long.clone())).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (413, "PAYLOAD_TOO_LARGE")
    );
    assert_eq!(
        send(&router, with(post(Body::empty()), "content-length", "201"))
            .await
            .status
            .as_u16(),
        413
    );
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"          ")));
    assert_eq!(
        send(&router, post(Body::from_stream(endless))).await.status.as_u16(),
        413
    );
    let pieces = stream::iter(
        [r#"{"query":"#, r#""{ hel"#, r#"lo }"}"#]
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))),
    );
    assert_eq!(
        send(&router, post(Body::from_stream(pieces))).await.text,
        r#"{"data":{"hello":"world"}}"#
    );
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("reset"))]);
    assert_eq!(
        send(&router, post(Body::from_stream(broken))).await.code(),
        "INVALID_REQUEST"
    );

    let large = with(query("{ hello }"), "x-large", &"v".repeat(33 * 1024));
    let reply = send(&router, large).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (431, "HEADERS_TOO_LARGE")
    );
    let mut many = query("{ hello }");
    for _ in 0..101 {
        many.headers_mut().append("x-many", "1".parse().unwrap());
    }
    assert_eq!(send(&router, many).await.status.as_u16(), 431);
    let reply = send(&router, get(&[("query", &" ".repeat(6000))])).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (414, "URI_TOO_LONG"));
}

#[tokio::test]
async fn slow_bodies_are_given_up() {
    let (router, _) = serve(Settings {
        body_timeout_ms: 20,
        ..Settings::default()
    });
    let reply = send(
        &router,
        post(Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())),
    )
    .await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (408, "REQUEST_TIMEOUT"));
}

#[tokio::test]
async fn batches_are_bounded_and_keep_their_order() {
    let (router, shared) = serve(Settings {
        batch: true,
        ..Settings::default()
    });
    let one = r#"{"query":"{ hello }"}"#;
    let many = |count: usize| format!("[{}]", vec![one; count].join(","));
    assert_eq!(send(&router, post(many(10))).await.json().as_array().unwrap().len(), 10);
    let reply = send(&router, post(many(11))).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "BATCH_TOO_LARGE"));
    assert_eq!(send(&router, post("[]")).await.code(), "INVALID_REQUEST");
    assert_eq!(
        send(&router, post(r#"[["{ hello }"]]"#)).await.code(),
        "INVALID_REQUEST"
    );
    let mixed = r#"[{"query":"mutation { bump }"},{"query":"{ nothing }"},{"query":"mutation { bump }"}]"#;
    let reply = send(&router, with(post(mixed), "accept", GRAPHQL)).await;
    assert_eq!(reply.status.as_u16(), 294);
    let json = reply.json();
    assert_eq!(
        (&json[0]["data"]["bump"], &json[2]["data"]["bump"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(json[1]["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(shared.bumps.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn every_answer_carries_a_request_id() {
    let (router, _) = serve(Settings::default());
    let reply = send(
        &router,
        with(
            query("{ who { caller requestId } leaks }"),
            "x-request-id",
            "order-7_a.b:c",
        ),
    )
    .await;
    assert_eq!(reply.header("x-request-id"), "order-7_a.b:c");
    assert_eq!(reply.json()["data"]["who"]["requestId"], "order-7_a.b:c");
    assert_eq!(reply.json()["errors"][0]["extensions"]["requestId"], "order-7_a.b:c");
    let long = "a".repeat(129);
    for bad in ["", "a b", "<script>", long.as_str()] {
        let reply = send(&router, with(query("{"), "x-request-id", bad)).await;
        let id = uuid::Uuid::parse_str(reply.header("x-request-id")).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(reply.json()["errors"][0]["extensions"]["requestId"], id.to_string());
    }
}
