//! Creates and finds organizations, the tenants of the server.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, QueryFilter as _,
    QuerySelect as _, Set, SqlErr,
};
use uuid::Uuid;

use crate::{credits, database};
use lineshaft_entities::organization::{ActiveModel, Column, Entity, Model};

/// One organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The identifier.
    pub id: Uuid,
    /// The unique short name.
    pub slug: String,
    /// The name that people read.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// An organization to create.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// The unique short name: 1 to 63 lower-case letters, digits and inner hyphens.
    pub slug: String,
    /// The name that people read: 1 to 200 characters.
    pub name: String,
    /// The credits that it begins with.
    pub credits: i64,
}

/// Why an organization could not be created or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The slug is not one.
    #[error("`{0}` is not 1 to 63 lower-case letters, digits and inner hyphens")]
    InvalidSlug(String),
    /// The name is empty or too long.
    #[error("the name of an organization must have 1 to 200 characters")]
    InvalidName,
    /// Another organization has the slug.
    #[error("an organization `{0}` exists already")]
    SlugTaken(String),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

/// Creates an organization.
pub async fn create(database: &DatabaseConnection, new: NewOrganization) -> Result<Organization, Error> {
    if !is_slug(&new.slug) {
        return Err(Error::InvalidSlug(new.slug));
    }
    if !is_name(&new.name) {
        return Err(Error::InvalidName);
    }
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        slug: Set(new.slug.clone()),
        name: Set(new.name),
        created_at: Set(database::now()),
        mapping_revision: Set(0),
        ..Default::default()
    };
    let transaction = database::begin_writing(database).await?;
    let row = match row.insert(&transaction).await {
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            return Err(Error::SlugTaken(new.slug));
        }
        row => row?,
    };
    credits::start(&transaction, row.id, new.credits).await?;
    transaction.commit().await?;
    Ok(row.into())
}

/// Finds the organization with an identifier.
pub async fn find(database: &impl ConnectionTrait, id: Uuid) -> Result<Option<Organization>, Error> {
    Ok(Entity::for_organization(id).one(database).await?.map(Into::into))
}

/// Finds the organization with a slug.
pub async fn find_by_slug(database: &impl ConnectionTrait, slug: &str) -> Result<Option<Organization>, Error> {
    Ok(Entity::by_slug(slug).one(database).await?.map(Into::into))
}

/// Lists the organizations in the order of their creation, for the operator of the server.
pub async fn list(
    database: &impl ConnectionTrait,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Organization>, Error> {
    let mut query = Entity::all().limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    Ok(query.all(database).await?.into_iter().map(Into::into).collect())
}

impl From<Model> for Organization {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

/// Returns whether a text can be the name of something that people read.
pub(crate) fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= 200
}

fn is_slug(slug: &str) -> bool {
    (1..=63).contains(&slug.len())
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && slug
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::database::testing::stores;

    fn new(slug: &str) -> NewOrganization {
        NewOrganization {
            slug: slug.to_owned(),
            name: "Somebody".to_owned(),
            credits: 0,
        }
    }

    #[tokio::test]
    async fn an_organization_is_found_by_identifier_and_slug() {
        let stores = stores().await;
        let created = create(&stores.database, new("north-works")).await.unwrap();
        assert_eq!(find(&stores.database, created.id).await.unwrap(), Some(created.clone()));
        assert_eq!(
            find_by_slug(&stores.database, "north-works").await.unwrap(),
            Some(created.clone())
        );
        assert_eq!(find(&stores.database, Uuid::now_v7()).await.unwrap(), None);
        let all = list(&stores.database, None, 10).await.unwrap();
        assert_eq!(
            all.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(),
            ["acme", "rival", "north-works"]
        );
        assert_eq!(list(&stores.database, Some(stores.rival), 10).await.unwrap(), [created]);
    }

    #[tokio::test]
    async fn a_slug_is_taken_once_and_must_be_one() {
        let stores = stores().await;
        assert!(matches!(create(&stores.database, new("acme")).await, Err(Error::SlugTaken(slug)) if slug == "acme"));
        for slug in ["", "-a", "a-", "A", "a b", "ä"] {
            assert!(
                matches!(create(&stores.database, new(slug)).await, Err(Error::InvalidSlug(_))),
                "{slug}"
            );
        }
        let nameless = NewOrganization {
            slug: "a".to_owned(),
            name: " ".to_owned(),
            credits: 0,
        };
        assert!(matches!(
            create(&stores.database, nameless).await,
            Err(Error::InvalidName)
        ));
    }
}
