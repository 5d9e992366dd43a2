//! The client against real sockets that misbehave. Time is paused, so that waiting costs none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    time::Instant,
};

use super::{
    ClientSettings, Guard, HttpClient, Outgoing, Post, Posted, Response, Stage, Step, Wire as _, testing::Setup,
    timeout,
};
use crate::{
    context::CallContext,
    error::{Error, ErrorKind, Reach},
    request::{RequestBody, RequestPlan},
};

/// 256 KiB of zeros, packed.
const PACKED_ZEROS: &str = "H4sIAAAAAAACA+3BMQEAAADCoPVP7W0HoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA3gAi6g7iAAAEAA==";

/// What a server does with a connection once it has read the head of a request.
enum Then {
    Close,
    Hold,
}

struct Server {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// Answers every request with these bytes.
async fn serve(bytes: impl Into<Vec<u8>>, then: Then) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (bytes, seen) = (bytes.into(), Arc::clone(&heads));
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = read_request(&mut stream).await;
            seen.lock().await.push(head);
            let _ = stream.write_all(&bytes).await;
            match then {
                Then::Close => drop(stream.shutdown().await),
                Then::Hold => held.push(stream),
            }
        }
    });
    Server { address, heads }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).await.unwrap_or(0);
        text.extend_from_slice(&piece[..count]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        let length = whole
            .to_lowercase()
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split('\r').next()?.parse().ok());
        let end = whole.find("\r\n\r\n").map(|at| at + 4 + length.unwrap_or(0));
        if count == 0 || end.is_some_and(|end| whole.len() >= end) {
            return whole;
        }
    }
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn client() -> HttpClient {
    let guard = Guard::new(&["127.0.0.0/8".parse().unwrap()]);
    HttpClient::new(&ClientSettings {
        guard,
        ..ClientSettings::default()
    })
    .unwrap()
}

fn plan(url: String) -> RequestPlan {
    RequestPlan {
        method: http::Method::GET,
        url,
        headers: Vec::new(),
        body: RequestBody::Empty,
        repeatable: true,
    }
}

async fn send(client: &HttpClient, plan: &RequestPlan, most_bytes: usize) -> Result<Response, Error> {
    let sign_in = HeaderMap::from_iter([(http::header::AUTHORIZATION, "Bearer t".parse().unwrap())]);
    let sent = client.send(Outgoing {
        plan,
        sign_in: &sign_in,
        most_bytes,
        time: Duration::from_secs(10),
    });
    timeout::limit(Duration::from_secs(10), Instant::now() + Duration::from_secs(60), sent).await
}

async fn get(address: SocketAddr) -> Result<Response, ErrorKind> {
    send(&client(), &plan(format!("http://{address}/a")), 64 * 1024)
        .await
        .map_err(|error| error.kind())
}

async fn outcome(bytes: impl Into<Vec<u8>>, then: Then) -> Result<Response, ErrorKind> {
    get(serve(bytes, then).await.address).await
}

#[tokio::test]
async fn a_request_carries_its_headers_its_sign_in_and_its_body() {
    let server = serve(ok("set-cookie: a=b\r\n", b"{}"), Then::Close).await;
    let url = format!("http://{}/a%2Fb?x=%20y", server.address);
    let mut request = plan(url);
    request.headers.push(("x-tenant".to_owned(), "7".to_owned()));
    request.method = http::Method::POST;
    request.body = RequestBody::Json(r#"{"a":1}"#.to_owned());
    let client = client();
    assert_eq!(send(&client, &request, 1000).await.unwrap().body, "{}");
    request.body = RequestBody::Form(vec![("grant".to_owned(), "a b&c".to_owned())]);
    send(&client, &request, 1000).await.unwrap();
    let heads = server.heads.lock().await;
    let first = heads[0].to_lowercase();
    for part in [
        "post /a%2fb?x=%20y http/1.1",
        "x-tenant: 7",
        "authorization: bearer t",
        "accept: application/json",
        "content-type: application/json",
        "user-agent: lineshaft/",
        r#"{"a":1}"#,
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    let second = &heads[1];
    assert!(
        second.contains("grant=a+b%26c") && second.contains("application/x-www-form-urlencoded"),
        "{second}"
    );
    assert!(!second.to_lowercase().contains("cookie"), "{second}");
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let bytes = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(outcome(bytes, Then::Close).await.unwrap().status, 302);
}

async fn post(client: &HttpClient, url: &str) -> Result<Posted, Error> {
    let url = url.parse().unwrap();
    let headers = HeaderMap::from_iter(
        [("webhook-id", "m-1"), ("content-type", "application/json")]
            .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())),
    );
    let sent = client.post(Post {
        url: &url,
        headers,
        body: "{\"a\": 1}\n".into(),
        time: Duration::from_secs(2),
        most_bytes: 10,
    });
    sent.await
}

#[tokio::test]
async fn a_post_carries_exactly_its_bytes_and_gives_the_start_of_the_answer() {
    let server = serve(ok("retry-after: 7\r\n", b"0123456789abc"), Then::Close).await;
    let posted = post(&client(), &format!("http://{}/hook", server.address))
        .await
        .unwrap();
    assert_eq!(
        (posted.status.as_u16(), posted.cut, &posted.body[..]),
        (200, true, &b"0123456789"[..])
    );
    assert_eq!(posted.headers["retry-after"], "7");
    let heads = server.heads.lock().await;
    assert!(heads[0].starts_with("POST /hook HTTP/1.1"), "{}", heads[0]);
    assert!(
        heads[0].contains("webhook-id: m-1") && heads[0].ends_with("{\"a\": 1}\n"),
        "{}",
        heads[0]
    );
    let server = serve(ok("", b"short"), Then::Close).await;
    let posted = post(&client(), &format!("http://{}/", server.address)).await.unwrap();
    assert_eq!((posted.cut, &posted.body[..]), (false, &b"short"[..]));
}

#[tokio::test]
async fn a_post_follows_no_redirects_and_goes_nowhere_inside() {
    let bytes = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let server = serve(bytes, Then::Close).await;
    let posted = post(&client(), &format!("http://{}/", server.address)).await.unwrap();
    assert_eq!(posted.status, 307);
    let strict = HttpClient::new(&ClientSettings::default()).unwrap();
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        for scheme in ["http", "https"] {
            let error = post(&strict, &format!("{scheme}://{host}:{port}/")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSettings, "{host}: {error}");
        }
    }
    assert_eq!(server.heads.lock().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_post_is_answered_once_a_status_has_come() {
    let server = serve("", Then::Hold).await;
    let error = post(&client(), &format!("http://{}/", server.address))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let server = serve("HTTP/1.1 202 Accepted\r\ncontent-length: 9\r\n\r\nhalf", Then::Hold).await;
    let posted = post(&client(), &format!("http://{}/", server.address)).await.unwrap();
    assert_eq!(
        (posted.status.as_u16(), posted.cut, &posted.body[..]),
        (202, true, &b"half"[..])
    );
}

async fn trace(client: &HttpClient, url: &str) -> Vec<(Stage, bool)> {
    let steps: Vec<Step> = client.trace(&url.parse().unwrap()).await;
    for step in &steps {
        assert_eq!(step.ok, step.advice.is_none(), "{step:?}");
        assert!(!step.detail.is_empty(), "{step:?}");
    }
    steps.iter().map(|step| (step.name, step.ok)).collect()
}

#[tokio::test]
async fn a_trace_ends_at_the_first_step_that_fails() {
    use Stage::{Dns, Tcp, Tls, Url};
    let server = serve("HTTP/1.1 400 Bad Request\r\n\r\n", Then::Close).await;
    let port = server.address.port();
    let strict = HttpClient::new(&ClientSettings::default()).unwrap();
    assert_eq!(
        trace(&strict, &format!("https://127.0.0.1:{port}/")).await,
        [(Url, false)]
    );
    assert_eq!(
        trace(&strict, &format!("https://localhost:{port}/")).await,
        [(Url, true), (Dns, false)]
    );
    let open = client();
    let way = trace(&open, &format!("http://localhost:{port}/x")).await;
    assert_eq!(way, [(Url, true), (Dns, true), (Tcp, true)]);
    assert!(
        server.heads.lock().await.iter().all(String::is_empty),
        "no request is sent"
    );
    let way = trace(&open, &format!("https://127.0.0.1:{port}/")).await;
    assert_eq!(way, [(Url, true), (Dns, true), (Tcp, true), (Tls, false)]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let way = trace(&open, &format!("https://{closed}/")).await;
    assert_eq!(way, [(Url, true), (Dns, true), (Tcp, false)]);
}

#[tokio::test]
async fn a_trace_does_not_tell_where_a_forbidden_name_leads() {
    let strict = HttpClient::new(&ClientSettings::default()).unwrap();
    let steps = strict.trace(&"https://localhost/".parse().unwrap()).await;
    let told = format!("{steps:?}");
    assert!(!told.contains("127.0.0.1") && !told.contains("::1"), "{told}");
    let unknown = strict.trace(&"https://no-such-host.invalid/".parse().unwrap()).await;
    let last = unknown.last().unwrap();
    assert!(!last.ok && last.name == Stage::Dns, "{last:?}");
}

#[tokio::test]
async fn a_refused_or_broken_connection_is_a_failure_of_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(get(address).await.unwrap_err(), ErrorKind::Network);
    assert_eq!(outcome("", Then::Close).await.unwrap_err(), ErrorKind::Network);
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"a\":";
    assert_eq!(outcome(cut, Then::Close).await.unwrap_err(), ErrorKind::Network);
    let cut = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc";
    assert_eq!(outcome(cut, Then::Close).await.unwrap_err(), ErrorKind::Network);
}

#[tokio::test]
async fn garbage_is_malformed() {
    assert_eq!(
        outcome("\u{1}\u{2}garbage\r\n\r\n", Then::Close).await.unwrap_err(),
        ErrorKind::MalformedResponse
    );
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n";
    assert_eq!(
        outcome(chunks, Then::Hold).await.unwrap_err(),
        ErrorKind::MalformedResponse
    );
    let packed = ok("content-encoding: gzip\r\n", b"this is not packed at all");
    assert_eq!(
        outcome(packed, Then::Close).await.unwrap_err(),
        ErrorKind::MalformedResponse
    );
}

#[tokio::test]
async fn large_answers_are_cut_off_announced_or_not_packed_or_not() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 300000000\r\n\r\n{";
    assert_eq!(
        outcome(announced, Then::Hold).await.unwrap_err(),
        ErrorKind::ResponseTooLarge
    );
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..20 {
        chunked.extend_from_slice(b"1000\r\n");
        chunked.extend_from_slice(&[b'x'; 4096]);
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(
        outcome(chunked, Then::Hold).await.unwrap_err(),
        ErrorKind::ResponseTooLarge
    );
    let packed = ok("content-encoding: gzip\r\n", &STANDARD.decode(PACKED_ZEROS).unwrap());
    assert_eq!(
        outcome(packed.clone(), Then::Close).await.unwrap_err(),
        ErrorKind::ResponseTooLarge
    );
    let server = serve(packed, Then::Close).await;
    let whole = send(&client(), &plan(format!("http://{}/", server.address)), 262_144)
        .await
        .unwrap();
    assert_eq!(whole.body.len(), 262_144);
}

#[tokio::test(start_paused = true)]
async fn silence_at_any_point_ends_in_a_timeout() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
    ] {
        assert_eq!(outcome(bytes, Then::Hold).await.unwrap_err(), ErrorKind::Timeout);
    }
}

#[tokio::test]
async fn what_is_no_tls_is_told_as_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    let error = send(&client(), &plan(format!("https://{address}/")), 1000)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[tokio::test(start_paused = true)]
async fn tls_that_hangs_ends_in_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = send(&client(), &plan(format!("https://{address}/")), 1000)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test]
async fn forbidden_addresses_are_refused_before_anything_is_sent() {
    let server = serve(ok("", b"{}"), Then::Close).await;
    let strict = HttpClient::new(&ClientSettings::default()).unwrap();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/", server.address.port());
            let error = send(&strict, &plan(url.clone()), 1000).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSettings, "{url}: {error}");
        }
    }
    assert!(server.heads.lock().await.is_empty());
    let named = format!("http://localhost:{}/", server.address.port());
    assert!(send(&client(), &plan(named), 1000).await.is_ok());
}

#[tokio::test]
async fn errors_do_not_carry_addresses_or_secrets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = send(
        &client(),
        &plan(format!("http://{address}/secret-path?key=secret")),
        1000,
    )
    .await
    .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn every_kind_of_wrong_body_ends_in_one_malformed_answer() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: [(&str, Vec<u8>); 6] = [
        ("empty", ok("", b"")),
        (
            "login page",
            ok(
                "content-type: text/html\r\n",
                b"<html><form action=login></form></html>",
            ),
        ),
        ("bad UTF-8", ok("", b"{\"name\":\"\xff\xfe\"}")),
        ("deep", ok("", deep.as_bytes())),
        ("truncated", ok("", b"{\"name\":\"half")),
        ("no JSON", ok("", b"hello")),
    ];
    for (name, bytes) in cases {
        let server = serve(bytes, Then::Close).await;
        let mut setup = Setup::with_token(Arc::new(client()));
        setup.base_url = format!("http://{}", server.address);
        let connector = setup.connector();
        let context = CallContext::within(Duration::from_secs(30), "r");
        let error = connector.probe(&context).await.unwrap_err();
        assert_eq!(
            (error.kind(), context.calls()),
            (ErrorKind::MalformedResponse, 1),
            "{name}: {error}"
        );
    }
}

async fn reach_of(url: String) -> Reach {
    let mut request = plan(url);
    request.method = http::Method::POST;
    request.body = RequestBody::Json("{}".to_owned());
    request.repeatable = false;
    send(&client(), &request, 64 * 1024).await.unwrap_err().reach()
}

#[tokio::test]
async fn what_never_left_is_told_as_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(reach_of(format!("http://{closed}/a")).await, Reach::NotSent);
    assert_eq!(
        reach_of("http://no-such-host.invalid/a".to_owned()).await,
        Reach::NotSent
    );
    assert_eq!(reach_of("http://10.0.0.1/a".to_owned()).await, Reach::NotSent);
    for answer in ["", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let server = serve(answer, Then::Close).await;
        let url = format!("https://{}/a", server.address);
        assert_eq!(reach_of(url).await, Reach::NotSent, "no TLS after {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn encryption_that_hangs_is_told_as_not_sent() {
    let server = serve("", Then::Hold).await;
    assert_eq!(reach_of(format!("https://{}/a", server.address)).await, Reach::NotSent);
}

#[tokio::test]
async fn what_left_without_a_whole_answer_may_have_arrived() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"a\":";
    let chunked = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc";
    let large = "HTTP/1.1 200 OK\r\ncontent-length: 300000000\r\n\r\n{";
    let broken = "HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\n{\"a\":";
    for answer in ["", "garbage\r\n\r\n", "HTTP/1.1 200", cut, chunked, large, broken] {
        let server = serve(answer, Then::Close).await;
        let url = format!("http://{}/a", server.address);
        assert_eq!(reach_of(url).await, Reach::Unknown, "{answer:?}");
        assert_eq!(server.heads.lock().await.len(), 1, "{answer:?}");
    }
    let refused = "HTTP/1.1 422 No\r\ncontent-length: 100\r\n\r\n{\"a\":";
    let server = serve(refused, Then::Close).await;
    let url = format!("http://{}/a", server.address);
    assert_eq!(reach_of(url).await, Reach::Answered, "the head says enough");
}

#[tokio::test(start_paused = true)]
async fn silence_after_the_request_has_left_may_mean_anything() {
    let server = serve("HTTP/1.1 200 OK\r\n", Then::Hold).await;
    assert_eq!(reach_of(format!("http://{}/a", server.address)).await, Reach::Unknown);
    assert_eq!(server.heads.lock().await.len(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_breaks_off_after_the_request_is_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            *count.lock().await += 1;
            stream.write_all(&ok("", b"{}")).await.unwrap();
            if !read_request(&mut stream).await.is_empty() {
                *count.lock().await += 1;
            }
        }
    });
    let client = client();
    let mut request = plan(url);
    request.method = http::Method::POST;
    request.repeatable = false;
    assert!(send(&client, &request, 1000).await.is_ok());
    let error = send(&client, &request, 1000).await.unwrap_err();
    assert_eq!((error.kind(), error.reach()), (ErrorKind::Network, Reach::Unknown));
    assert_eq!(*seen.lock().await, 2);
}
