//! Deliveries on their way: signed, repeated, isolated, in order, at least once.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use super::*;
use serde_json::Value;

#[tokio::test]
async fn an_event_arrives_once_and_signed_as_the_text_that_is_in_the_log() {
    for stage in Stage::everywhere(quick()).await {
        let receiver = Receiver::ok().await;
        let created = stage.endpoint(&receiver.url).await;
        let connection = stage.connection("one").await;
        let _worker = stage.work();
        let event = stage.tell(Some(connection), EventKind::Degraded).await;
        let request = receiver.until(1).await.remove(0);
        assert_eq!(request.line, "POST /hooks?tenant=7 HTTP/1.1");
        assert_eq!(request.headers["webhook-id"], event.to_string());
        assert_eq!(request.headers["content-type"], "application/json");
        assert!(request.headers["user-agent"].starts_with("Lineshaft-Webhooks/"));
        assert!(is_signed_by(&request, &created.secret));
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["id"], json!(event));
        assert_eq!(body["type"], "connection.degraded");
        assert_eq!(
            (&body["connectionId"], &body["sequence"]),
            (&json!(connection), &json!(1))
        );
        assert_eq!(body["data"]["note"], "Grüße");
        let delivery = stage.settled(created.endpoint.id).await.remove(0);
        assert_eq!((delivery.state, delivery.attempts), (State::Delivered, 1));
        assert_eq!(delivery.body, request.body);
        assert_eq!(receiver.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_delivery_is_tried_again_under_the_same_id_until_it_is_taken() {
    for stage in Stage::everywhere(quick()).await {
        let receiver = Receiver::start(|number, _| Reply::Status([500, 404, 301, 299][number.min(3)])).await;
        let created = stage.endpoint(&receiver.url).await;
        let _worker = stage.work();
        stage.tell(None, EventKind::CreditsLow).await;
        let requests = receiver.until(4).await;
        let ids: HashSet<&String> = requests.iter().map(|request| &request.headers["webhook-id"]).collect();
        assert_eq!(ids.len(), 1);
        assert!(requests.iter().all(|request| is_signed_by(request, &created.secret)));
        let delivery = stage.settled(created.endpoint.id).await.remove(0);
        assert_eq!((delivery.state, delivery.attempts), (State::Delivered, 4));
        let attempts = stage.attempts(delivery.id).await;
        let statuses: Vec<_> = attempts
            .iter()
            .map(|attempt| (attempt.number, attempt.status))
            .collect();
        assert_eq!(
            statuses,
            [(1, Some(500)), (2, Some(404)), (3, Some(301)), (4, Some(299))]
        );
        for pair in requests.windows(2) {
            assert!(
                pair[1].at - pair[0].at >= Duration::from_millis(16),
                "the wait less a fifth"
            );
        }
        let endpoint = stage
            .endpoints
            .get(stage.stores.acme, created.endpoint.id)
            .await
            .unwrap();
        assert_eq!(endpoint.failing_since, None);
    }
}

#[tokio::test]
async fn a_delivery_is_given_up_after_the_last_wait() {
    let stage = Stage::new(quick()).await;
    let receiver = Receiver::start(|_, _| Reply::Status(500)).await;
    let created = stage.endpoint(&receiver.url).await;
    let _worker = stage.work();
    stage.tell(None, EventKind::CreditsLow).await;
    let delivery = stage.settled(created.endpoint.id).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts), (State::Failed, 4));
    assert_eq!(receiver.seen().len(), 4);
    let endpoint = stage
        .endpoints
        .get(stage.stores.acme, created.endpoint.id)
        .await
        .unwrap();
    assert!(endpoint.failing_since.is_some() && endpoint.enabled);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let stage = Stage::new(quick()).await;
    let receiver = Receiver::start(|number, _| match number {
        0 => Reply::With(429, "retry-after: 1\r\n".to_owned(), String::new()),
        _ => Reply::Status(200),
    })
    .await;
    let created = stage.endpoint(&receiver.url).await;
    let _worker = stage.work();
    stage.tell(None, EventKind::CreditsLow).await;
    let requests = receiver.until(2).await;
    assert!(requests[1].at - requests[0].at >= Duration::from_millis(990));
    assert_eq!(stage.settled(created.endpoint.id).await[0].attempts, 2);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_and_that_is_told() {
    for stage in Stage::everywhere(quick()).await {
        let gone = Receiver::start(|_, _| Reply::Status(410)).await;
        let witness = Receiver::ok().await;
        let created = stage.endpoint(&gone.url).await;
        let watching = stage.endpoint(&witness.url).await;
        let _worker = stage.work();
        stage.tell(None, EventKind::CreditsLow).await;
        let requests = witness.until(2).await;
        let body: Value = serde_json::from_str(&requests[1].body).unwrap();
        assert_eq!(body["type"], "webhook.disabled");
        assert_eq!(body["data"]["endpointId"], json!(created.endpoint.id));
        assert!(
            !requests[1].body.contains("tenant=7"),
            "what may be a secret in the address is not told"
        );
        let endpoint = stage
            .endpoints
            .get(stage.stores.acme, created.endpoint.id)
            .await
            .unwrap();
        assert!(!endpoint.enabled);
        assert_eq!(
            endpoint.disabled_reason.as_deref(),
            Some("the endpoint answered 410 Gone")
        );
        stage.tell(None, EventKind::CreditsLow).await;
        stage.settled(watching.endpoint.id).await;
        assert_eq!(gone.seen().len(), 1);
        assert_eq!(stage.deliveries(created.endpoint.id).await.len(), 1);
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_for_days_is_switched_off_with_what_is_on_its_way() {
    for stage in Stage::everywhere(quick()).await {
        let broken = Receiver::start(|_, _| Reply::Status(500)).await;
        let created = stage.endpoint(&broken.url).await;
        let id = created.endpoint.id;
        let long_ago = webhook_endpoint::ActiveModel {
            failing_since: Set(Some(chrono::Utc::now() - chrono::TimeDelta::days(6))),
            ..Default::default()
        };
        stage.change_row(id, long_ago).await;
        for _ in 0..3 {
            stage.tell(None, EventKind::CreditsLow).await;
        }
        let _worker = stage.work();
        let deliveries = stage.settled(id).await;
        assert!(
            deliveries.iter().all(|delivery| delivery.state == State::Cancelled),
            "{deliveries:?}"
        );
        let endpoint = stage.endpoints.get(stage.stores.acme, id).await.unwrap();
        assert!(!endpoint.enabled && endpoint.disabled_reason.unwrap().contains("5 days"));
        let (events, acts) = (
            crate::events::history(
                &stage.stores.database,
                stage.stores.acme,
                &crate::events::history::Filter::default(),
                crate::events::history::Place::Before(None),
                10,
            )
            .await
            .unwrap(),
            crate::audit::list(
                &stage.stores.database,
                stage.stores.acme,
                &crate::audit::Filter::default(),
                None,
                1,
            )
            .await
            .unwrap(),
        );
        let told = events.events.iter().filter(|event| event.kind == "webhook.disabled");
        assert_eq!(told.count(), 1);
        assert_eq!(acts[0].action, "webhook.disable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_hang_do_not_delay_the_others() {
    let settings = Settings {
        concurrency: 100,
        ..quick()
    };
    let stage = Stage::new(settings).await;
    let hanging = Receiver::start(|_, _| Reply::Hang).await;
    let arrived: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let noted = Arc::clone(&arrived);
    let healthy = Receiver::start(move |_, request| {
        let key = request.headers["webhook-id"].clone() + &request.line;
        noted.lock().unwrap().entry(key).or_insert_with(Instant::now);
        Reply::Status(200)
    })
    .await;
    for number in 0..25 {
        stage.endpoint(&hanging.url).await;
        stage.endpoint(&format!("{}&n={number}", healthy.url)).await;
    }
    let _worker = stage.work();
    let mut delays = Vec::new();
    for _ in 0..12 {
        let told = Instant::now();
        let id = stage.tell(None, EventKind::CreditsLow).await.to_string();
        loop {
            let arrivals: Vec<Instant> = {
                let arrived = arrived.lock().unwrap();
                let of_event = arrived.iter().filter(|(key, _)| key.starts_with(&id));
                of_event.map(|(_, at)| *at).collect()
            };
            if arrivals.len() == 25 {
                delays.extend(arrivals.into_iter().map(|at| at - told));
                break;
            }
            assert!(told.elapsed() < Duration::from_secs(4), "{} arrived", arrivals.len());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    delays.sort_unstable();
    let p99 = delays[delays.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(500), "{p99:?}");
}

#[tokio::test]
async fn in_order_a_failing_delivery_holds_back_the_later_ones_of_its_connection_only() {
    for stage in Stage::everywhere(quick()).await {
        let (one, two) = (stage.connection("one").await, stage.connection("two").await);
        let marker = one.to_string();
        let refused = std::sync::atomic::AtomicUsize::new(0);
        let receiver = Receiver::start(move |_, request| {
            let is_first = request.body.contains(&marker) && request.body.contains(r#""sequence":1"#);
            let is_refused = is_first && refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2;
            Reply::Status(if is_refused { 503 } else { 200 })
        })
        .await;
        let created = stage
            .add(NewEndpoint {
                ordered: true,
                ..new_endpoint(&receiver.url)
            })
            .await;
        for _ in 0..5 {
            stage.tell(Some(one), EventKind::Degraded).await;
            stage.tell(Some(two), EventKind::Degraded).await;
        }
        let _workers = (stage.work(), stage.work());
        let deliveries = stage.settled(created.endpoint.id).await;
        assert!(deliveries.iter().all(|delivery| delivery.state == State::Delivered));
        let order = |connection: Uuid| -> Vec<i64> {
            let bodies = receiver.seen().into_iter().map(|request| request.body);
            let bodies = bodies.map(|body| serde_json::from_str::<Value>(&body).unwrap());
            let mine = bodies.filter(|body| body["connectionId"] == json!(connection));
            mine.map(|body| body["sequence"].as_i64().unwrap()).collect()
        };
        assert_eq!(order(one), [1, 1, 1, 2, 3, 4, 5]);
        assert_eq!(order(two), [1, 2, 3, 4, 5]);
        let seen = receiver.seen();
        let place = |part: &str, connection: Uuid| {
            let is_it =
                |request: &Request| request.body.contains(part) && request.body.contains(&connection.to_string());
            seen.iter().position(is_it).unwrap()
        };
        assert!(
            place(r#""sequence":1"#, two) < place(r#""sequence":2"#, one),
            "the other one went on"
        );
    }
}

#[tokio::test]
async fn what_a_killed_process_was_sending_is_sent_again_under_the_same_id() {
    for stage in Stage::everywhere(Settings {
        lease: Duration::from_millis(400),
        ..quick()
    })
    .await
    {
        let receiver = Receiver::start(|number, _| match number {
            0 => Reply::Hang,
            _ => Reply::Status(200),
        })
        .await;
        let created = stage.endpoint(&receiver.url).await;
        let killed = stage.work();
        stage.tell(None, EventKind::CreditsLow).await;
        let first = receiver.until(1).await.remove(0);
        drop(killed);
        let _worker = stage.work();
        let second = receiver.until(2).await.remove(1);
        assert!(
            second.at - first.at >= Duration::from_millis(350),
            "not before the claim has lapsed"
        );
        assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
        let delivery = stage.settled(created.endpoint.id).await.remove(0);
        assert_eq!((delivery.state, delivery.attempts), (State::Delivered, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_share_the_work_without_doubling_it() {
    for stage in Stage::everywhere(quick()).await {
        let receiver = Receiver::ok().await;
        let created = stage.endpoint(&receiver.url).await;
        let _workers = (stage.work(), stage.work(), stage.work());
        for _ in 0..40 {
            stage.tell(None, EventKind::CreditsLow).await;
        }
        let deliveries = stage.settled(created.endpoint.id).await;
        assert_eq!(deliveries.len(), 40);
        let ids: HashSet<String> = receiver
            .seen()
            .iter()
            .map(|request| request.headers["webhook-id"].clone())
            .collect();
        assert_eq!((ids.len(), receiver.seen().len()), (40, 40));
    }
}

#[tokio::test]
async fn told_to_stop_a_worker_brings_what_is_under_way_to_its_end() {
    let stage = Stage::new(quick()).await;
    let receiver = Receiver::start(|_, _| Reply::Status(200)).await;
    let created = stage.endpoint(&receiver.url).await;
    let client = HttpClient::new(&ClientSettings {
        guard: guard(),
        ..ClientSettings::default()
    });
    let worker = Worker::new(stage.endpoints.clone(), Arc::new(client.unwrap()));
    stage.tell(None, EventKind::CreditsLow).await;
    worker.run(async { drop(receiver.until(1).await) }).await;
    assert_eq!(stage.deliveries(created.endpoint.id).await[0].state, State::Delivered);
}

#[tokio::test]
async fn the_log_keeps_the_beginning_of_an_answer_and_no_secret() {
    for stage in Stage::everywhere(quick()).await {
        let echo = Receiver::start(|_, request| {
            let headers = format!(
                "x-echo: {}\r\nset-cookie: a=b\r\n",
                request.headers["webhook-signature"]
            );
            let body = format!("\0{:?}{}", request.headers, "x".repeat(1_000_000));
            Reply::With(200, headers, body)
        })
        .await;
        let created = stage.endpoint(&echo.url).await;
        let _worker = stage.work();
        stage.tell(None, EventKind::CreditsLow).await;
        let delivery = stage.settled(created.endpoint.id).await.remove(0);
        assert_eq!(delivery.state, State::Delivered);
        let attempt = stage.attempts(delivery.id).await.remove(0);
        let body = attempt.response_body.clone().unwrap();
        assert!(body.contains("webhook-id") && body.len() <= 4200, "{}", body.len());
        assert_eq!(attempt.request_headers["webhook-id"], json!(delivery.webhook_id));
        assert!(attempt.request_headers.get("webhook-signature").is_none());
        let headers = attempt.response_headers.clone().unwrap();
        assert!(headers.get("set-cookie").is_none() && headers["x-echo"] == "v1,***");
        let signature = echo.seen()[0].headers["webhook-signature"].clone();
        let shown = format!("{attempt:?} {delivery:?} {created:?}");
        assert!(!shown.contains(signature.strip_prefix("v1,").unwrap()));
        assert!(!shown.contains(created.secret.expose_secret()));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_removed_meanwhile_leaves_the_others_alone() {
    for stage in Stage::everywhere(quick()).await {
        let slow = Receiver::start(|_, _| Reply::Hang).await;
        let fine = Receiver::ok().await;
        let removed = stage.endpoint(&slow.url).await.endpoint.id;
        let stays = stage.endpoint(&fine.url).await.endpoint.id;
        let quick_end = Settings {
            timeout: Duration::from_millis(100),
            ..quick()
        };
        let stage = Stage::on(stage.stores, quick_end);
        let _worker = stage.work();
        stage.tell(None, EventKind::CreditsLow).await;
        slow.until(1).await;
        let (acme, origin) = (stage.stores.acme, Origin::operator());
        stage.endpoints.delete(acme, removed, &origin).await.unwrap();
        assert_eq!(stage.settled(stays).await[0].state, State::Delivered);
        tokio::time::sleep(Duration::from_millis(150)).await;
        stage.tell(None, EventKind::CreditsLow).await;
        fine.until(2).await;
        assert_eq!(stage.settled(stays).await[1].state, State::Delivered);
        assert!(stage.deliveries(removed).await.is_empty());
    }
}
