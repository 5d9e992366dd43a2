//! What the ledger promises, on every kind of database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use futures_util::future::join_all;

use super::*;
use crate::database::testing::{Stores, new_connection, stores_everywhere};

async fn connection(stores: &Stores, name: &str) -> Uuid {
    stores
        .connections
        .add(new_connection(stores.acme, name))
        .await
        .unwrap()
        .id
}

async fn reserve_one(stores: &Stores, journal: &Journal, connection: Uuid, amount: i64) -> Result<(), Error> {
    let mut change = journal.begin().await?;
    reserve(&mut change, &Settings::default(), stores.acme, connection, amount).await?;
    change.commit().await?;
    Ok(())
}

#[test]
fn a_price_follows_the_tier_and_is_doubled_on_premises() {
    let settings = Settings::default();
    let prices = [1, 2, 3].map(|tier| {
        (
            settings.price(tier, Deployment::Cloud),
            settings.price(tier, Deployment::OnPremises),
        )
    });
    assert_eq!(prices, [(1, 2), (2, 4), (4, 8)]);
}

#[tokio::test]
async fn parallel_reservations_never_overspend_and_the_sum_is_the_truth() {
    for stores in stores_everywhere().await {
        let journal = Journal::new(stores.database.clone());
        let total = balance(&stores.database, stores.acme).await.unwrap().total;
        let connection = connection(&stores, "one").await;
        let tries = (0..40).map(|_| reserve_one(&stores, &journal, connection, 4));
        let outcomes = join_all(tries).await;
        let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        for outcome in outcomes {
            assert!(
                matches!(outcome, Ok(()) | Err(Error::Exhausted { needed: 4, .. })),
                "{outcome:?}"
            );
        }
        let after = balance(&stores.database, stores.acme).await.unwrap();
        assert_eq!(after.used, 4 * i64::try_from(kept).unwrap());
        assert_eq!(after.available, total - after.used);
        assert!((0..4).contains(&after.available), "{after:?}");
        let ledger = entries(&stores.database, stores.acme, None, 100).await.unwrap();
        assert_eq!(ledger.iter().map(|entry| entry.amount).sum::<i64>(), after.available);
    }
}

#[tokio::test]
async fn a_grant_cannot_take_back_what_is_reserved() {
    for stores in stores_everywhere().await {
        let journal = Journal::new(stores.database.clone());
        let total = balance(&stores.database, stores.acme).await.unwrap().total;
        let connection = connection(&stores, "one").await;
        reserve_one(&stores, &journal, connection, 10).await.unwrap();
        for amount in [0, -(total - 9)] {
            let refused = grant(&journal, &Origin::operator(), stores.acme, amount, None).await;
            assert!(matches!(refused, Err(Error::InvalidAmount { .. })), "{amount}");
        }
        let after = grant(&journal, &Origin::operator(), stores.acme, -(total - 10), None)
            .await
            .unwrap();
        assert_eq!((after.total, after.used, after.available), (10, 10, 0));
        let unknown = grant(&journal, &Origin::operator(), Uuid::now_v7(), 5, None).await;
        assert!(matches!(unknown, Err(Error::UnknownOrganization(_))));
    }
}
