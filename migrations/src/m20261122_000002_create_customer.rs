//! Creates the customers of the organizations.

use sea_orm_migration::{prelude::*, schema::*};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("customer")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(text("external_id"))
                    .col(text("name"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("customer_organization")
                            .from("customer", "organization_id")
                            .to("organization", "id"),
                    )
                    // What points at a customer points at (organization, id), so that it cannot leave its organization.
                    .index(
                        Index::create()
                            .unique()
                            .name("customer_organization_id")
                            .col("organization_id")
                            .col("id"),
                    )
                    .index(
                        Index::create()
                            .unique()
                            .name("customer_organization_external_id")
                            .col("organization_id")
                            .col("external_id"),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("customer").to_owned()).await
    }
}
