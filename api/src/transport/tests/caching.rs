//! Persisted queries, trusted documents and the cache of checked documents.

use std::sync::Arc;

use serde_json::json;

use super::{Tokens, get, plain_schema, post, send, serve};
use crate::transport::{Documents, Endpoint, Operation, PersistedQueries, Settings, precheck};

const HELLO: &str = "{ hello }";
/// The hash of no text that is used here.
const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn persisted(query: Option<&str>, hash: &str) -> String {
    json!({ "query": query, "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } }).to_string()
}

#[tokio::test]
async fn a_query_is_registered_once_and_then_run_by_its_hash() {
    let (router, _) = serve(Settings::default());
    let known = hash(HELLO);
    let reply = send(&router, post(persisted(None, &known))).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (422, "PERSISTED_QUERY_NOT_FOUND")
    );
    assert_eq!(reply.json()["errors"][0]["message"], "PersistedQueryNotFound");
    assert_eq!(
        send(&router, post(persisted(Some(HELLO), &known))).await.text,
        r#"{"data":{"hello":"world"}}"#
    );
    assert_eq!(
        send(&router, post(persisted(None, &known))).await.text,
        r#"{"data":{"hello":"world"}}"#
    );
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": known.to_uppercase() } }).to_string();
    assert_eq!(
        send(&router, get(&[("extensions", &extensions)])).await.text,
        r#"{"data":{"hello":"world"}}"#
    );
}

#[tokio::test]
async fn faulty_hashes_are_refused_and_hostile_texts_not_kept() {
    let (router, _) = serve(Settings::default());
    assert_eq!(
        send(&router, post(persisted(Some(HELLO), HASH))).await.code(),
        "PERSISTED_QUERY_HASH_MISMATCH"
    );
    assert_eq!(
        send(&router, post(persisted(None, "zz"))).await.code(),
        "INVALID_REQUEST"
    );
    assert_eq!(
        send(&router, post(r#"{"extensions":{"persistedQuery":{"version":2}}}"#))
            .await
            .code(),
        "PERSISTED_QUERY_NOT_SUPPORTED"
    );
    assert_eq!(
        send(&router, post(r#"{"extensions":{"persistedQuery":7}}"#))
            .await
            .code(),
        "INVALID_REQUEST"
    );
    let cycle = "{ ...A } fragment A on Query { ...A }";
    assert_eq!(
        send(&router, post(persisted(Some(cycle), &hash(cycle)))).await.code(),
        "QUERY_FRAGMENT_CYCLE"
    );
    assert_eq!(
        send(&router, post(persisted(None, &hash(cycle)))).await.code(),
        "PERSISTED_QUERY_NOT_FOUND"
    );
    let (router, _) = serve(Settings {
        persisted_queries: PersistedQueries::Off,
        ..Settings::default()
    });
    assert_eq!(
        send(&router, post(persisted(None, &hash(HELLO)))).await.code(),
        "PERSISTED_QUERY_NOT_SUPPORTED"
    );
}

#[tokio::test]
async fn registered_texts_take_bounded_memory() {
    let (router, _) = serve(Settings {
        persisted_cache_bytes: 10,
        ..Settings::default()
    });
    send(&router, post(persisted(Some(HELLO), &hash(HELLO)))).await;
    assert_eq!(
        send(&router, post(persisted(None, &hash(HELLO)))).await.code(),
        "PERSISTED_QUERY_NOT_FOUND"
    );
}

#[tokio::test]
async fn only_trusted_documents_run_when_so_set() {
    let settings = Settings {
        persisted_queries: PersistedQueries::Trusted,
        ..Settings::default()
    };
    let router = Endpoint::new(plain_schema(), Tokens::default(), settings)
        .trusting([HELLO.to_owned()])
        .router("/graphql");
    for body in [
        persisted(None, &hash(HELLO)),
        persisted(Some(HELLO), &hash(HELLO)),
        json!({ "query": HELLO }).to_string(),
    ] {
        assert_eq!(send(&router, post(body)).await.text, r#"{"data":{"hello":"world"}}"#);
    }
    let other = "{ node { value } }";
    for body in [
        json!({ "query": other }).to_string(),
        persisted(Some(other), &hash(HELLO)),
        persisted(None, HASH),
    ] {
        let reply = send(&router, post(body)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (403, "DOCUMENT_NOT_TRUSTED")
        );
    }
    assert_eq!(send(&router, post("{}")).await.code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_document_is_parsed_and_checked_once() {
    let documents = Documents::new(&Settings::default());
    let first = documents.load(HELLO).await.unwrap();
    assert!(Arc::ptr_eq(&first, &documents.load(HELLO).await.unwrap()));
    assert!(documents.load("{").await.is_err());
    let small = Documents::new(&Settings {
        document_cache_bytes: 10,
        ..Settings::default()
    });
    let first = small.load(HELLO).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &small.load(HELLO).await.unwrap()));
}

#[test]
fn operations_are_chosen_by_name() {
    let limits = Settings::default().limits;
    let one = precheck("query A { hello }", &limits).unwrap();
    assert!(one.operation(None).is_ok() && one.operation(Some("A")).is_ok() && one.operation(Some("B")).is_err());
    let operation: Operation = serde_json::from_str(r#"{"query":"{ hello }"}"#).unwrap();
    assert_eq!(operation.query.as_deref(), Some(HELLO));
}
