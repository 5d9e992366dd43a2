//! A fast receiver of webhooks: it answers 204, counts, and keeps the moment of the first delivery to each endpoint.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use tokio::net::TcpSocket;

use crate::deliveries::ENDPOINTS;

struct Seen {
    count: AtomicUsize,
    first: Vec<AtomicU64>,
}

/// Returns the address of an endpoint. Each has a host of its own, as receivers in the world have.
pub fn url(number: usize) -> String {
    let port = std::env::var(crate::process::RECEIVER).unwrap();
    format!("http://127.0.{}.{}:{port}/{number}", number / 250, number % 250 + 1)
}

pub async fn serve() {
    let seen = Arc::new(Seen {
        count: AtomicUsize::new(0),
        first: (0..ENDPOINTS).map(|_| AtomicU64::new(0)).collect(),
    });
    let (taking, telling, forgetting) = (seen.clone(), seen.clone(), seen);
    let take = async move |Path(number): Path<usize>, _body: Bytes| {
        let now = crate::now_us();
        let _ = taking.first[number].compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
        taking.count.fetch_add(1, Ordering::SeqCst);
        StatusCode::NO_CONTENT
    };
    let tell = async move || {
        let first: Vec<u64> = telling.first.iter().map(|first| first.load(Ordering::SeqCst)).collect();
        axum::Json((telling.count.load(Ordering::SeqCst), first))
    };
    let forget = async move || {
        forgetting.count.store(0, Ordering::SeqCst);
        forgetting
            .first
            .iter()
            .for_each(|first| first.store(0, Ordering::SeqCst));
    };
    let router = Router::new()
        .route("/{number}", post(take))
        .route("/", get(tell).delete(forget));
    // All endpoints are first connected to at once; with the usual backlog some would be let in a second later.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([0, 0, 0, 0], 0).into()).unwrap();
    let listener = socket.listen(4096).unwrap();
    println!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    axum::serve(listener, router).await.unwrap();
}
