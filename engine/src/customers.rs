//! Creates and finds the customers of an organization, the parties whose systems its connections reach.

use chrono::{DateTime, Utc};
use lineshaft_entities::customer::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set, SqlErr,
};
use uuid::Uuid;

use crate::{database, organizations::is_name};

/// One customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The identifier.
    pub id: Uuid,
    /// The organization's own identifier of the customer.
    pub external_id: String,
    /// The name that people read.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// A customer to create.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// The organization's own identifier of the customer: 1 to 200 characters.
    pub external_id: String,
    /// The name that people read: 1 to 200 characters.
    pub name: String,
}

/// Why a customer could not be created or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The external identifier is empty or too long.
    #[error("the external identifier of a customer must have 1 to 200 characters")]
    InvalidExternalId,
    /// The name is empty or too long.
    #[error("the name of a customer must have 1 to 200 characters")]
    InvalidName,
    /// Another customer of the organization has the external identifier.
    #[error("a customer `{0}` exists already")]
    ExternalIdTaken(String),
    /// The organization does not exist.
    #[error("there is no organization `{0}`")]
    UnknownOrganization(Uuid),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

/// Creates a customer.
pub async fn create(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    new: NewCustomer,
) -> Result<Customer, Error> {
    let external_id = new.external_id.clone();
    match row(organization_id, new)?.insert(database).await {
        Ok(row) => Ok(row.into()),
        Err(error) => Err(match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Error::ExternalIdTaken(external_id),
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Error::UnknownOrganization(organization_id),
            None | Some(_) => error.into(),
        }),
    }
}

/// Returns the customer with the external identifier, as it is when it exists, or created as given.
pub async fn ensure(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    new: NewCustomer,
) -> Result<Customer, Error> {
    let external_id = new.external_id.clone();
    let insert = Entity::insert(row(organization_id, new)?)
        .on_conflict_do_nothing_on([Column::OrganizationId, Column::ExternalId])
        .exec_without_returning(database)
        .await;
    if let Err(error) = insert {
        return Err(match error.sql_err() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Error::UnknownOrganization(organization_id),
            None | Some(_) => error.into(),
        });
    }
    let found = find_by_external_id(database, organization_id, &external_id).await?;
    found.ok_or_else(|| DbErr::RecordNotFound("a customer just ensured".to_owned()).into())
}

/// Finds the customer with an identifier.
pub async fn find(database: &impl ConnectionTrait, organization_id: Uuid, id: Uuid) -> Result<Option<Customer>, Error> {
    let query = Entity::for_organization(organization_id).filter(Column::Id.eq(id));
    Ok(query.one(database).await?.map(Into::into))
}

/// Finds the customer with an external identifier.
pub async fn find_by_external_id(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    external_id: &str,
) -> Result<Option<Customer>, Error> {
    let query = Entity::for_organization(organization_id).filter(Column::ExternalId.eq(external_id));
    Ok(query.one(database).await?.map(Into::into))
}

/// Lists the customers in the order of their creation.
pub async fn list(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Customer>, Error> {
    let mut query = Entity::for_organization(organization_id)
        .order_by_asc(Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    Ok(query.all(database).await?.into_iter().map(Into::into).collect())
}

impl NewCustomer {
    /// Checks what can be checked without the database.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !is_name(&self.external_id) {
            return Err(Error::InvalidExternalId);
        }
        if !is_name(&self.name) {
            return Err(Error::InvalidName);
        }
        Ok(())
    }
}

impl From<Model> for Customer {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            external_id: row.external_id,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

fn row(organization_id: Uuid, new: NewCustomer) -> Result<ActiveModel, Error> {
    new.check()?;
    Ok(ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(organization_id),
        external_id: Set(new.external_id),
        name: Set(new.name),
        created_at: Set(database::now()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::database::testing::stores;

    fn new(external_id: &str) -> NewCustomer {
        NewCustomer {
            external_id: external_id.to_owned(),
            name: format!("Customer {external_id}"),
        }
    }

    #[tokio::test]
    async fn an_external_identifier_is_unique_within_its_organization_only() {
        let stores = stores().await;
        let ours = create(&stores.database, stores.acme, new("c-1")).await.unwrap();
        let theirs = create(&stores.database, stores.rival, new("c-1")).await.unwrap();
        assert_ne!(ours.id, theirs.id);
        let again = create(&stores.database, stores.acme, new("c-1")).await;
        assert!(matches!(again, Err(Error::ExternalIdTaken(id)) if id == "c-1"));
        assert_eq!(
            find_by_external_id(&stores.database, stores.acme, "c-1").await.unwrap(),
            Some(ours.clone())
        );
        assert_eq!(
            find(&stores.database, stores.acme, ours.id).await.unwrap(),
            Some(ours.clone())
        );
        assert_eq!(find(&stores.database, stores.rival, ours.id).await.unwrap(), None);
        assert_eq!(
            list(&stores.database, stores.acme, None, 10).await.unwrap(),
            std::slice::from_ref(&ours)
        );
        assert!(
            list(&stores.database, stores.acme, Some(ours.id), 10)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn ensuring_creates_once_and_keeps_what_exists() {
        let stores = stores().await;
        let first = ensure(&stores.database, stores.acme, new("c-1")).await.unwrap();
        let renamed = NewCustomer {
            name: "Another name".to_owned(),
            ..new("c-1")
        };
        assert_eq!(ensure(&stores.database, stores.acme, renamed).await.unwrap(), first);
        let stranger = Uuid::now_v7();
        let unknown = ensure(&stores.database, stranger, new("c-1")).await;
        assert!(matches!(unknown, Err(Error::UnknownOrganization(id)) if id == stranger));
    }

    #[tokio::test]
    async fn empty_names_are_refused() {
        let stores = stores().await;
        assert!(matches!(
            create(&stores.database, stores.acme, new(" ")).await,
            Err(Error::InvalidExternalId)
        ));
        let nameless = NewCustomer {
            name: String::new(),
            ..new("c-1")
        };
        assert!(matches!(
            create(&stores.database, stores.acme, nameless).await,
            Err(Error::InvalidName)
        ));
    }
}
