//! Endpoints as an organization manages them: what is refused, secrets, tests, sending again.

use super::*;
use crate::secrets::KeyRing;

async fn refusal(stage: &Stage, new: NewEndpoint) -> Error {
    let url = new.url.clone();
    let refused = stage
        .endpoints
        .create(stage.stores.acme, new, &Origin::operator())
        .await;
    refused.err().unwrap_or_else(|| panic!("{url} was not refused"))
}

#[tokio::test]
async fn addresses_inside_in_all_their_forms_are_refused_and_nothing_is_stored() {
    let stage = Stage::new(Settings::default()).await;
    let urls = [
        "",
        "example.com/hooks",
        "https://",
        "http://example.com/hooks",
        "ftp://example.com/hooks",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_SET",
        "data:text/plain,x",
        "javascript:alert(1)",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://example.com/a b",
        "https://example.com/\u{7}",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1:8443/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://0/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://192.0.0.192/",
        "https://198.18.0.1/",
        "https://203.0.113.9/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::]/",
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[ff02::1]/",
        "https://localhost/",
        "https://LOCALHOST:8443/",
        "https://127.0.0.1\u{ff0e}/",
        "https://①②⑦.⓪.⓪.①/",
    ];
    for url in urls {
        let error = refusal(&stage, new_endpoint(url)).await;
        assert!(matches!(error, Error::InvalidUrl(_)), "{url}: {error}");
    }
    let long = format!("https://example.com/{}", "a".repeat(2000));
    assert!(matches!(
        refusal(&stage, new_endpoint(&long)).await,
        Error::InvalidUrl(_)
    ));
    assert!(stage.endpoints.list(stage.stores.acme).await.unwrap().is_empty());
    stage.endpoint("https://8.8.8.8/hooks").await;
    let patch = Patch {
        url: Some("https://127.0.0.1/".to_owned()),
        ..Patch::default()
    };
    let id = stage.endpoints.list(stage.stores.acme).await.unwrap()[0].id;
    let changed = stage
        .endpoints
        .update(stage.stores.acme, id, patch, &Origin::operator())
        .await;
    assert!(matches!(changed, Err(Error::InvalidUrl(_))));
}

#[tokio::test]
async fn what_is_wrong_with_an_endpoint_is_told() {
    let stage = Stage::new(quick()).await;
    let fine = || new_endpoint("https://8.8.8.8/");
    let with_kinds = |kinds: &[&str]| NewEndpoint {
        kinds: Some(kinds.iter().map(|kind| (*kind).to_owned()).collect()),
        ..fine()
    };
    let unknown = refusal(&stage, with_kinds(&["credits.low", "credits.high"])).await;
    assert_eq!(unknown.to_string(), "`credits.high` is no type of event");
    assert!(matches!(refusal(&stage, with_kinds(&[])).await, Error::NoKinds));
    let wordy = NewEndpoint {
        description: "a".repeat(201),
        ..fine()
    };
    assert!(matches!(refusal(&stage, wordy).await, Error::InvalidDescription));
    let foreign = stage
        .stores
        .connections
        .add(new_connection(stage.stores.rival, "theirs"))
        .await
        .unwrap();
    let of_foreign = NewEndpoint {
        connection_id: Some(foreign.id),
        ..fine()
    };
    assert!(matches!(refusal(&stage, of_foreign).await, Error::UnknownConnection(_)));
    let id = stage.add(with_kinds(&["credits.low", "credits.low"])).await.endpoint.id;
    let (rival, origin) = (stage.stores.rival, Origin::operator());
    assert!(matches!(stage.endpoints.get(rival, id).await, Err(Error::NotFound(_))));
    assert!(matches!(
        stage.endpoints.delete(rival, id, &origin).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        stage.endpoints.send_test(rival, id, &origin).await,
        Err(Error::NotFound(_))
    ));
    let endpoint = stage.endpoints.get(stage.stores.acme, id).await.unwrap();
    assert_eq!(endpoint.kinds, Some(vec!["credits.low".to_owned()]));
    for _ in 1..MOST_ENDPOINTS {
        stage.add(fine()).await;
    }
    assert!(matches!(refusal(&stage, fine()).await, Error::TooManyEndpoints));
}

#[tokio::test]
async fn an_endpoint_gets_the_kinds_and_the_connection_that_it_asks_for() {
    let stage = Stage::new(quick()).await;
    let receiver = Receiver::ok().await;
    let (one, two) = (stage.connection("one").await, stage.connection("two").await);
    let narrow = stage
        .add(NewEndpoint {
            kinds: Some(vec!["connection.paused".to_owned()]),
            connection_id: Some(one),
            ..new_endpoint(&receiver.url)
        })
        .await;
    for (connection, kind) in [
        (Some(one), EventKind::Resumed),
        (Some(two), EventKind::Paused),
        (None, EventKind::CreditsLow),
        (Some(one), EventKind::Paused),
    ] {
        stage.tell(connection, kind).await;
    }
    let deliveries = stage.deliveries(narrow.endpoint.id).await;
    let told: Vec<_> = deliveries
        .iter()
        .map(|one| (one.connection_id, one.kind.as_str()))
        .collect();
    assert_eq!(told, [(Some(one), "connection.paused")]);
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign_and_then_the_old_one_ends() {
    for stage in Stage::everywhere(quick()).await {
        let receiver = Receiver::ok().await;
        let created = stage.endpoint(&receiver.url).await;
        let (acme, id, origin) = (stage.stores.acme, created.endpoint.id, Origin::operator());
        let rotate = |overlap| stage.endpoints.rotate_secret(acme, id, overlap, &origin);
        let second = rotate(Duration::from_secs(3600)).await.unwrap();
        let _worker = stage.work();
        stage.endpoints.send_test(acme, id, &origin).await.unwrap();
        let request = receiver.until(1).await.remove(0);
        assert!(is_signed_by(&request, &created.secret) && is_signed_by(&request, &second.secret));
        let third = rotate(Duration::ZERO).await.unwrap();
        stage.endpoints.send_test(acme, id, &origin).await.unwrap();
        let request = receiver.until(2).await.remove(1);
        assert!(is_signed_by(&request, &third.secret));
        assert!(!is_signed_by(&request, &created.secret) && !is_signed_by(&request, &second.secret));
        let too_long = rotate(Duration::from_secs(31 * 24 * 3600)).await;
        assert!(matches!(too_long, Err(Error::InvalidOverlap)));
        for _ in 0..7 {
            rotate(Duration::from_secs(3600)).await.unwrap();
        }
        stage.endpoints.send_test(acme, id, &origin).await.unwrap();
        let request = receiver.until(3).await.remove(2);
        assert!(request.headers["webhook-signature"].split(' ').count() <= 6);
    }
}

#[tokio::test]
async fn secrets_outlive_the_rotation_of_the_key_ring() {
    let stage = Stage::new(quick()).await;
    let old = crate::secrets::new_entry().unwrap();
    let new = crate::secrets::new_entry().unwrap();
    let receiver = Receiver::ok().await;
    let with = |entries: &[&SecretString]| {
        let keys = Arc::new(KeyRing::parse(entries.iter().copied()).unwrap());
        let vault = crate::credentials::Vault::new(stage.stores.database.clone(), keys.clone());
        (Endpoints::new(stage.journal.clone(), keys, Arc::new(quick())), vault)
    };
    let (acme, origin) = (stage.stores.acme, Origin::operator());
    let created = with(&[&old])
        .0
        .create(acme, new_endpoint(&receiver.url), &origin)
        .await
        .unwrap();
    let old_id = old.expose_secret().split(':').next().unwrap().to_owned();
    let (_, vault) = with(&[&new, &old]);
    assert_eq!(vault.key_uses().await.unwrap()[&old_id].sealed, 1);
    assert_eq!(vault.reseal(10).await.unwrap(), 1);
    assert_eq!(vault.reseal(10).await.unwrap(), 0);
    assert!(!vault.key_uses().await.unwrap().contains_key(&old_id));
    let (endpoints, _) = with(&[&new]);
    let client = HttpClient::new(&ClientSettings {
        guard: guard(),
        ..ClientSettings::default()
    });
    endpoints.send_test(acme, created.endpoint.id, &origin).await.unwrap();
    let worker = Worker::new(endpoints, Arc::new(client.unwrap()));
    worker.run(async { drop(receiver.until(1).await) }).await;
    assert!(is_signed_by(&receiver.seen()[0], &created.secret));
}

#[tokio::test]
async fn a_test_goes_to_one_endpoint_once_even_when_it_is_switched_off() {
    for stage in Stage::everywhere(quick()).await {
        let (broken, other) = (Receiver::start(|_, _| Reply::Status(500)).await, Receiver::ok().await);
        let off = NewEndpoint {
            enabled: false,
            ..new_endpoint(&broken.url)
        };
        let tested = stage.add(off).await.endpoint.id;
        stage.endpoint(&other.url).await;
        let _worker = stage.work();
        let (acme, origin) = (stage.stores.acme, Origin::operator());
        let sent = stage.endpoints.send_test(acme, tested, &origin).await.unwrap();
        let request = broken.until(1).await.remove(0);
        assert_eq!(request.headers["webhook-id"], sent.id.to_string());
        let delivery = stage.settled(tested).await.remove(0);
        assert_eq!((delivery.state, delivery.attempts), (State::Failed, 1));
        assert_eq!((delivery.kind.as_str(), delivery.event_id), (TEST, None));
        assert_eq!(stage.endpoints.get(acme, tested).await.unwrap().failing_since, None);
        assert!(other.seen().is_empty());
    }
}

#[tokio::test]
async fn switched_on_again_an_endpoint_is_told_what_it_missed_and_a_replay_brings_it() {
    for stage in Stage::everywhere(quick()).await {
        let receiver = Receiver::ok().await;
        let id = stage.endpoint(&receiver.url).await.endpoint.id;
        let (acme, origin) = (stage.stores.acme, Origin::operator());
        let switch = |enabled| {
            let patch = Patch {
                enabled: Some(enabled),
                ..Patch::default()
            };
            stage.endpoints.update(acme, id, patch, &origin)
        };
        let delivered = stage.tell(None, EventKind::CreditsLow).await;
        let worker = stage.work();
        stage.settled(id).await;
        drop(worker);
        let cancelled = stage.tell(None, EventKind::CreditsLow).await;
        assert_eq!(switch(false).await.unwrap().missed, None);
        assert_eq!(stage.deliveries(id).await[1].state, State::Cancelled);
        let unseen = stage.tell(None, EventKind::CreditsExhausted).await;
        let replay = Replay {
            from: chrono::DateTime::UNIX_EPOCH,
            to: chrono::Utc::now(),
            undelivered_only: true,
        };
        let refused = stage.endpoints.replay(acme, id, replay, &origin).await;
        assert!(matches!(refused, Err(Error::Disabled)));
        let missed = switch(true).await.unwrap().missed.unwrap();
        assert_eq!(missed.count, 2);
        let replay = Replay {
            from: missed.since,
            to: chrono::Utc::now(),
            ..replay
        };
        let replayed = stage.endpoints.replay(acme, id, replay, &origin).await.unwrap();
        assert_eq!(replayed, Replayed { count: 2, skipped: 0 });
        let again = stage.endpoints.replay(acme, id, replay, &origin).await.unwrap();
        assert_eq!(again, Replayed { count: 0, skipped: 2 });
        let _worker = stage.work();
        stage.settled(id).await;
        let ids: Vec<String> = receiver
            .seen()
            .iter()
            .map(|request| request.headers["webhook-id"].clone())
            .collect();
        let mut expected = [delivered, cancelled, unseen].map(|id| id.to_string());
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
        let all = Replay {
            from: chrono::DateTime::UNIX_EPOCH,
            undelivered_only: false,
            ..replay
        };
        assert_eq!(stage.endpoints.replay(acme, id, all, &origin).await.unwrap().count, 3);
        let backwards = Replay {
            from: replay.to,
            to: replay.from,
            ..replay
        };
        let refused = stage.endpoints.replay(acme, id, backwards, &origin).await;
        assert!(matches!(refused, Err(Error::InvalidRange)));
    }
}

#[tokio::test]
async fn one_delivery_is_sent_again_under_its_id_or_brought_forward() {
    for stage in Stage::everywhere(Settings {
        schedule: vec![Duration::from_secs(3600)],
        ..quick()
    })
    .await
    {
        let receiver = Receiver::start(|number, _| Reply::Status(if number == 0 { 500 } else { 200 })).await;
        let id = stage.endpoint(&receiver.url).await.endpoint.id;
        let (acme, origin) = (stage.stores.acme, Origin::operator());
        let _worker = stage.work();
        let event = stage.tell(None, EventKind::CreditsLow).await.to_string();
        receiver.until(1).await;
        let waiting = loop {
            let delivery = stage.deliveries(id).await.remove(0);
            if delivery.attempts == 1 {
                break delivery;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let forward = stage.endpoints.redeliver(acme, waiting.id, &origin).await.unwrap();
        assert_eq!(forward.id, waiting.id);
        stage.settled(id).await;
        let again = stage.endpoints.redeliver(acme, waiting.id, &origin).await.unwrap();
        assert_ne!(again.id, waiting.id);
        assert_eq!(stage.settled(id).await.len(), 2);
        let requests = receiver.until(3).await;
        assert!(requests.iter().all(|request| request.headers["webhook-id"] == event));
        let unknown = stage.endpoints.redeliver(stage.stores.rival, waiting.id, &origin).await;
        assert!(matches!(unknown, Err(Error::DeliveryNotFound(_))));
    }
}

#[tokio::test]
async fn old_deliveries_are_cleared_away_with_their_attempts_and_pending_ones_stay() {
    for stage in Stage::everywhere(quick()).await {
        let receiver = Receiver::ok().await;
        let id = stage.endpoint(&receiver.url).await.endpoint.id;
        let worker = stage.work();
        stage.tell(None, EventKind::CreditsLow).await;
        stage.settled(id).await;
        drop(worker);
        stage.tell(None, EventKind::CreditsLow).await;
        let database = &stage.stores.database;
        assert_eq!(sweep(database, &quick()).await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(2)).await;
        let everything = Settings {
            keep_days: 0,
            ..quick()
        };
        assert_eq!(sweep(database, &everything).await.unwrap(), 1);
        assert_eq!(stage.deliveries(id).await[0].state, State::Pending);
        let attempts = lineshaft_entities::webhook_attempt::Entity::for_organization(stage.stores.acme);
        assert!(attempts.all(database).await.unwrap().is_empty());
    }
}
