//! Creates the log of administrative acts, and the leases that processes take turns by.

use sea_orm_migration::{prelude::*, schema::*};

use crate::parts::of_organization;

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_entry")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(text("actor_kind"))
                    .col(uuid_null("actor_id"))
                    .col(text_null("actor_name"))
                    .col(text_null("address"))
                    .col(text_null("request_id"))
                    .col(text("action"))
                    .col(uuid_null("target_id"))
                    .col(json_binary("detail"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut of_organization("audit_entry"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_entry_organization_id")
                    .table("audit_entry")
                    .col("organization_id")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("lease")
                    .col(text("name").primary_key())
                    .col(uuid("owner"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["lease", "audit_entry"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
