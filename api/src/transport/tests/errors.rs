//! What callers learn of errors: codes, never internals, never without bound.

use super::{GRAPHQL, precheck::INTROSPECTION, query, send, serve, with};
use crate::transport::Settings;

#[tokio::test]
async fn internal_errors_are_masked_with_the_request_id() {
    let (router, _) = serve(Settings::default());
    for (text, status) in [("{ leaks }", 294), ("{ leaksSource }", 294), ("{ breaks }", 500)] {
        let reply = send(&router, with(query(text), "accept", GRAPHQL)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (status, "INTERNAL"),
            "{text}"
        );
        let error = &reply.json()["errors"][0];
        assert_eq!(error["message"], "internal error");
        assert_eq!(error["extensions"]["requestId"], reply.header("x-request-id"));
        assert!(!reply.text.contains("password"), "{}", reply.text);
    }
}

#[tokio::test]
async fn errors_with_a_code_keep_their_words_up_to_500_characters() {
    let (router, _) = serve(Settings::default());
    let reply = send(&router, query("{ coded }")).await;
    assert_eq!(reply.code(), "VENDOR_DOWN");
    let json = reply.json();
    assert_eq!(json["errors"][0]["message"].as_str().unwrap().chars().count(), 500);
    assert_eq!(json["errors"][0]["path"][0], "coded");
    assert!(json["data"]["coded"].is_null());
}

#[tokio::test]
async fn at_most_100_errors_are_told_and_the_rest_counted() {
    let (router, _) = serve(Settings::default());
    let unknown: String = (0..1900).map(|index| format!("u{index} ")).collect();
    for text in [
        "{ nodes(count: 150) { fails } }".to_owned(),
        format!("{{ node {{ {unknown} }} }}"),
    ] {
        let reply = send(&router, query(&text)).await;
        let json = reply.json();
        assert_eq!(json["errors"].as_array().unwrap().len(), 100);
        assert!(json["extensions"]["omittedErrors"].as_u64().unwrap() >= 50);
        assert!(reply.text.len() < 100_000);
    }
}

#[tokio::test]
async fn faults_of_arguments_are_the_callers() {
    let (router, _) = serve(Settings::default());
    let reply = send(&router, query("{ double(number: 99999999999) }")).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.text);
}

#[tokio::test]
async fn suggestions_can_be_switched_off() {
    let (router, _) = serve(Settings::default());
    assert!(send(&router, query("{ helo }")).await.text.contains("Did you mean"));
    let (router, _) = serve(Settings {
        suggestions: false,
        ..Settings::default()
    });
    for text in ["{ helo }", "{ double(nmber: 1) }"] {
        let reply = send(&router, query(text)).await;
        assert_eq!(reply.code(), "GRAPHQL_VALIDATION_FAILED");
        assert!(!reply.text.contains("Did you mean"), "{}", reply.text);
    }
}

#[tokio::test]
async fn introspection_can_be_switched_off() {
    let (router, _) = serve(Settings::default());
    let reply = send(&router, query(INTROSPECTION)).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.text);
    let (router, _) = serve(Settings {
        introspection: false,
        ..Settings::default()
    });
    for text in [
        INTROSPECTION,
        "{ __type(name: \"Query\") { name } }",
        "{ a: __schema { types { name } } }",
        "{ ...F } fragment F on Query { ... { __schema { types { name } } } }",
    ] {
        let reply = send(&router, query(text)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (422, "INTROSPECTION_DISABLED")
        );
    }
    assert_eq!(
        send(&router, query("{ __typename }")).await.text,
        r#"{"data":{"__typename":"Query"}}"#
    );
}

#[tokio::test]
async fn callers_are_turned_away_as_the_hook_says() {
    let (router, _) = serve(Settings::default());
    for (token, status, code, header, value) in [
        ("Bearer unknown", 401, "UNAUTHENTICATED", "www-authenticate", "Bearer"),
        ("Bearer readonly", 403, "FORBIDDEN", "retry-after", ""),
        ("Bearer eager", 429, "TOO_MANY_REQUESTS", "retry-after", "7"),
        ("Bearer early", 503, "OVERLOADED", "retry-after", "2"),
        ("Bearer broken", 500, "INTERNAL", "retry-after", ""),
        ("Bearer panic", 500, "INTERNAL", "retry-after", ""),
    ] {
        let reply = send(&router, with(query("{ hello }"), "authorization", token)).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (status, code));
        assert_eq!(reply.header(header), value, "{token}");
        assert!(!reply.text.contains("10.0.0.1") && !reply.text.contains("password"));
    }
    let reply = send(
        &router,
        with(query("{ who { caller } }"), "authorization", "Bearer lsk_1"),
    )
    .await;
    assert_eq!(reply.json()["data"]["who"]["caller"], "Bearer lsk_1");
}

#[tokio::test]
async fn finished_json_reaches_the_client_as_it_is() {
    let (router, _) = serve(Settings::default());
    assert_eq!(
        send(&router, query("{ page hello }")).await.text,
        r#"{"data":{"page":{"nodes":[{"a":1}]},"hello":"world"}}"#
    );
}
