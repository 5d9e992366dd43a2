//! Creates the API tokens, which are stored as keyed hashes.

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
                    .table("api_token")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid_null("connection_id"))
                    .col(text("name"))
                    .col(text("prefix"))
                    .col(blob("hash").unique_key())
                    .col(text("kind"))
                    .col(json_binary("scopes"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .col(timestamp_with_time_zone_null("last_used_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("api_token_organization")
                            .from("api_token", "organization_id")
                            .to("organization", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .name("api_token_connection")
                            .from("api_token", ("organization_id", "connection_id"))
                            .to("connection", ("organization_id", "id")),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("api_token_organization_id", ["organization_id", "id"]),
            (
                "api_token_organization_connection",
                ["organization_id", "connection_id"],
            ),
        ] {
            let mut index = Index::create();
            index.name(name).table("api_token");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("api_token").to_owned()).await
    }
}
