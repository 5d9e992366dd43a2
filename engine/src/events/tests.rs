//! What the feed and the history promise, on every kind of database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, future::join_all};
use serde_json::json;

use super::{
    feed::{FeedEnd, Subscription},
    history::{Filter, Place},
    *,
};
use crate::{
    connections::Visible,
    customers::NewCustomer,
    database::testing::{Stores, new_connection, stores, stores_everywhere},
    tokens::{Caller, Scope},
};

fn quick() -> Settings {
    Settings {
        poll: Duration::from_millis(20),
        ..Settings::default()
    }
}

async fn tell(journal: &Journal, organization_id: Uuid, connection_id: Option<Uuid>, kinds: &[EventKind]) {
    let mut change = journal.begin().await.unwrap();
    for kind in kinds {
        let new = NewEvent {
            organization_id,
            connection_id,
            kind: *kind,
            data: json!({"note": "x"}),
        };
        change.tell(new).await.unwrap();
    }
    change.commit().await.unwrap();
}

async fn connection(stores: &Stores, name: &str) -> Uuid {
    stores
        .connections
        .add(new_connection(stores.acme, name))
        .await
        .unwrap()
        .id
}

async fn next(subscription: &mut Subscription) -> Arc<Event> {
    let next = tokio::time::timeout(Duration::from_secs(20), subscription.next());
    next.await.expect("an event in time").unwrap().unwrap()
}

async fn positions(subscription: &mut Subscription, count: usize) -> Vec<i64> {
    let mut positions = Vec::new();
    for _ in 0..count {
        positions.push(next(subscription).await.position);
    }
    positions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_cut_and_resumed_misses_nothing_and_repeats_nothing() {
    for stores in stores_everywhere().await {
        let journal = Journal::new(stores.database.clone());
        let feed = Feed::new(journal.clone(), &quick());
        let writers = (0..4).map(|number| {
            // Two write as another process would: nobody rings for them.
            let journal = match number % 2 {
                0 => journal.clone(),
                _ => Journal::new(stores.database.clone()),
            };
            let acme = stores.acme;
            tokio::spawn(async move {
                for _ in 0..25 {
                    tell(&journal, acme, None, &[EventKind::CreditsLow]).await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let mut seen = Vec::new();
        let mut cursor = 0;
        while seen.len() < 100 {
            let mut subscription = feed.subscribe(stores.acme, None, Some(cursor)).await.unwrap();
            for position in positions(&mut subscription, 10).await {
                seen.push(position);
                cursor = position;
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(seen, (1..=100).collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn a_subscriber_who_falls_behind_reads_on_from_the_database() {
    for stores in stores_everywhere().await {
        let journal = Journal::new(stores.database.clone());
        let feed = Feed::new(journal.clone(), &quick());
        let mine = connection(&stores, "one").await;
        let mut slow = feed.subscribe(stores.acme, None, None).await.unwrap();
        let mut narrow = feed.subscribe(stores.acme, Some(mine), None).await.unwrap();
        let mut keen = feed.subscribe(stores.acme, None, None).await.unwrap();
        for round in 0..7 {
            tell(&journal, stores.acme, None, &[EventKind::CreditsLow; 99]).await;
            tell(&journal, stores.acme, Some(mine), &[EventKind::Degraded]).await;
            let expected: Vec<i64> = (round * 100 + 1..=round * 100 + 100).collect();
            assert_eq!(positions(&mut keen, 100).await, expected);
        }
        assert_eq!(positions(&mut slow, 700).await, (1..=700).collect::<Vec<i64>>());
        let expected: Vec<i64> = (1..=7).map(|number| number * 100).collect();
        assert_eq!(positions(&mut narrow, 7).await, expected);
        tell(&journal, stores.acme, Some(mine), &[EventKind::Recovered]).await;
        for subscription in [&mut keen, &mut slow, &mut narrow] {
            let event = next(subscription).await;
            assert_eq!((event.position, event.kind.as_str()), (701, "connection.recovered"));
            assert_eq!(event.sequence, Some(8));
            assert!(subscription.next().now_or_never().is_none(), "nothing more is there");
        }
    }
}

#[tokio::test]
async fn subscriptions_see_their_organization_and_connection_only() {
    let stores = stores().await;
    let journal = Journal::new(stores.database.clone());
    let feed = Feed::new(journal.clone(), &quick());
    let (one, other) = (connection(&stores, "one").await, connection(&stores, "other").await);
    let mut of_one = feed.subscribe(stores.acme, Some(one), Some(0)).await.unwrap();
    let mut of_rival = feed.subscribe(stores.rival, None, Some(0)).await.unwrap();
    tell(&journal, stores.acme, Some(other), &[EventKind::Paused]).await;
    tell(&journal, stores.rival, None, &[EventKind::CreditsLow]).await;
    tell(&journal, stores.acme, Some(one), &[EventKind::Resumed]).await;
    assert_eq!(next(&mut of_one).await.kind, "connection.resumed");
    assert_eq!(next(&mut of_rival).await.kind, "credits.low");
    assert!(of_one.next().now_or_never().is_none());
    assert!(of_rival.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_cursor_that_is_too_old_or_none_at_all_is_told_so() {
    for stores in stores_everywhere().await {
        let journal = Journal::new(stores.database.clone());
        let feed = Feed::new(journal.clone(), &quick());
        tell(&journal, stores.acme, None, &[EventKind::CreditsLow; 600]).await;
        let mut lagging = feed.subscribe(stores.acme, None, Some(0)).await.unwrap();
        assert_eq!(next(&mut lagging).await.position, 1);
        let everything = Settings {
            keep_days: 0,
            ..quick()
        };
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(sweep(&stores.database, &everything).await.unwrap(), 600);
        tell(&journal, stores.acme, None, &[EventKind::CreditsLow]).await;
        let refused = |after| feed.subscribe(stores.acme, None, Some(after));
        let too_old = refused(599).await.err().unwrap();
        assert!(
            matches!(
                too_old,
                FeedEnd::CursorTooOld {
                    cursor: 599,
                    oldest: 600
                }
            ),
            "{too_old}"
        );
        let ahead = refused(602).await.err().unwrap();
        assert!(matches!(ahead, FeedEnd::CursorAhead { newest: 601, .. }), "{ahead}");
        let unknown = feed.subscribe(Uuid::now_v7(), None, None).await.err().unwrap();
        assert!(matches!(unknown, FeedEnd::UnknownOrganization(_)));
        assert_eq!(next(&mut refused(600).await.unwrap()).await.position, 601);
        // One who had read a page already is told when it goes on behind it, and that is the end.
        let told: Vec<_> = lagging.collect().await;
        assert!(matches!(told.last(), Some(Err(FeedEnd::CursorTooOld { .. }))));
        assert!(told.iter().rev().skip(1).all(Result::is_ok));
    }
}

#[tokio::test]
async fn what_is_young_is_kept() {
    let stores = stores().await;
    let journal = Journal::new(stores.database.clone());
    tell(&journal, stores.acme, None, &[EventKind::CreditsLow; 3]).await;
    assert_eq!(sweep(&stores.database, &Settings::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn thousands_wait_in_little_memory_and_are_told_at_once() {
    let stores = stores().await;
    let journal = Journal::new(stores.database.clone());
    let feed = Feed::new(journal.clone(), &quick());
    let mut waiting = Vec::new();
    for _ in 0..2000 {
        let mut subscription = feed.subscribe(stores.acme, None, None).await.unwrap();
        assert!(subscription.next().now_or_never().is_none());
        assert!(
            std::mem::size_of_val(&*subscription) < 1024,
            "{}",
            std::mem::size_of_val(&*subscription)
        );
        waiting.push(subscription);
    }
    tell(&journal, stores.acme, None, &[EventKind::CreditsLow]).await;
    let told = join_all(waiting.iter_mut().map(next)).await;
    assert!(
        told.iter().all(|event| Arc::ptr_eq(event, &told[0])),
        "all share one event"
    );
}

#[tokio::test]
async fn the_feed_rests_while_nobody_waits_and_starts_again() {
    let stores = stores().await;
    let journal = Journal::new(stores.database.clone());
    let feed = Feed::new(journal.clone(), &quick());
    drop(feed.subscribe(stores.acme, None, None).await.unwrap());
    while !feed.rests() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut again = feed.subscribe(stores.acme, None, None).await.unwrap();
    tell(&journal, stores.acme, None, &[EventKind::CreditsLow]).await;
    assert_eq!(next(&mut again).await.position, 1);
}

#[tokio::test]
async fn the_past_is_listed_in_both_directions() {
    for stores in stores_everywhere().await {
        let journal = Journal::new(stores.database.clone());
        let one = connection(&stores, "one").await;
        let mut new = new_connection(stores.acme, "two");
        new.customer = Some(NewCustomer {
            external_id: "c-1".to_owned(),
            name: "Mill".to_owned(),
        });
        let two = stores.connections.add(new).await.unwrap().id;
        tell(
            &journal,
            stores.acme,
            Some(one),
            &[EventKind::Created, EventKind::Activated],
        )
        .await;
        tell(&journal, stores.acme, Some(two), &[EventKind::Created]).await;
        tell(&journal, stores.acme, None, &[EventKind::CreditsLow]).await;
        tell(&journal, stores.rival, None, &[EventKind::CreditsLow]).await;
        let database = &stores.database;
        let list = async |visible: Visible, filter: Filter, place, limit| {
            let page = history(database, visible, &filter, place, limit).await.unwrap();
            let positions: Vec<i64> = page.events.iter().map(|event| event.position).collect();
            (positions, page.has_more)
        };
        let all: Visible = stores.acme.into();
        let any = Filter::default;
        assert_eq!(list(all, any(), Place::After(None), 3).await, (vec![1, 2, 3], true));
        assert_eq!(list(all, any(), Place::After(Some(3)), 3).await, (vec![4], false));
        assert_eq!(list(all, any(), Place::Before(None), 2).await, (vec![4, 3], true));
        assert_eq!(list(all, any(), Place::Before(Some(3)), 2).await, (vec![2, 1], false));
        let kinds = Filter {
            kinds: Some(vec![EventKind::Created]),
            ..any()
        };
        assert_eq!(list(all, kinds, Place::After(None), 9).await, (vec![1, 3], false));
        let of_one = Filter {
            connection_ids: Some(vec![one]),
            ..any()
        };
        assert_eq!(list(all, of_one, Place::Before(None), 9).await, (vec![2, 1], false));
        let of_mill = Filter {
            customers: Some(vec!["c-1".to_owned()]),
            ..any()
        };
        assert_eq!(list(all, of_mill, Place::After(None), 9).await, (vec![3], false));
        let caller = Caller {
            organization_id: stores.acme,
            token_id: Uuid::now_v7(),
            scope: Scope::Connection(two),
            scopes: [].into(),
        };
        assert_eq!(
            list((&caller).into(), any(), Place::After(None), 9).await,
            (vec![3], false)
        );
        let nothing = Filter {
            kinds: Some(Vec::new()),
            ..any()
        };
        assert_eq!(list(all, nothing, Place::After(None), 9).await, (vec![], false));
    }
}
