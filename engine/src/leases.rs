//! Turns that processes take by rows of the database, so that one of them does what must be done once.

use std::time::Duration;

use chrono::TimeDelta;
use lineshaft_entities::lease;
use sea_orm::{ColumnTrait as _, Condition, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _, Set};
use uuid::Uuid;

use crate::database;

/// The turns.
#[derive(Clone, Debug)]
pub struct Leases {
    database: DatabaseConnection,
}

impl Leases {
    /// Makes the turns over a database.
    #[must_use]
    pub const fn new(database: DatabaseConnection) -> Self {
        Self { database }
    }

    /// Takes the lease of a name for so long, if nobody else holds it; the owner may take it again to keep it longer.
    /// Returns whether the owner holds it now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(&self, name: &str, owner: Uuid, time: Duration) -> Result<bool, DbErr> {
        let now = database::now();
        let expires_at = now + TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        let row = lease::ActiveModel {
            name: Set(name.to_owned()),
            owner: Set(owner),
            expires_at: Set(expires_at),
        };
        let free = Condition::any()
            .add(lease::Column::ExpiresAt.lte(now))
            .add(lease::Column::Owner.eq(owner));
        let taken = lease::Entity::update_of(name)
            .set(lease::ActiveModel {
                owner: Set(owner),
                expires_at: Set(expires_at),
                ..Default::default()
            })
            .filter(free)
            .exec(&self.database)
            .await?;
        if taken.rows_affected > 0 {
            return Ok(true);
        }
        let inserted = lease::Entity::insert(row)
            .on_conflict_do_nothing_on([lease::Column::Name])
            .exec_without_returning(&self.database)
            .await?;
        Ok(matches!(inserted, sea_orm::TryInsertResult::Inserted(rows) if rows > 0))
    }

    /// Gives the lease of a name back, if the owner holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back(&self, name: &str, owner: Uuid) -> Result<(), DbErr> {
        lease::Entity::delete_of(name)
            .filter(lease::Column::Owner.eq(owner))
            .exec(&self.database)
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use futures_util::future::join_all;

    use super::*;
    use crate::database::testing::stores_everywhere;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn one_of_many_holds_a_lease_until_it_gives_it_back() {
        for stores in stores_everywhere().await {
            let leases = Leases::new(stores.database.clone());
            let owners: Vec<Uuid> = (0..20).map(|_| Uuid::now_v7()).collect();
            let tries = owners.iter().map(|owner| leases.take("refresh", *owner, LONG));
            let held: Vec<bool> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(held.iter().filter(|held| **held).count(), 1);
            let winner = owners[held.iter().position(|held| *held).unwrap()];
            let loser = *owners.iter().find(|owner| **owner != winner).unwrap();
            leases.give_back("refresh", loser).await.unwrap();
            assert!(!leases.take("refresh", loser, LONG).await.unwrap());
            assert!(leases.take("refresh", winner, LONG).await.unwrap());
            leases.give_back("refresh", winner).await.unwrap();
            assert!(leases.take("refresh", loser, LONG).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_lease_that_has_lapsed_can_be_taken() {
        let stores = crate::database::testing::stores().await;
        let leases = Leases::new(stores.database.clone());
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        assert!(leases.take("work", first, Duration::ZERO).await.unwrap());
        assert!(leases.take("work", second, LONG).await.unwrap());
        assert!(leases.take("other", first, LONG).await.unwrap());
    }
}
