//! Creates the sealed credentials of the connections, and the sealed sessions that are made from them.

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
                    .table("credential")
                    .col(pk_uuid("connection_id"))
                    .col(uuid("organization_id"))
                    .col(big_integer("version"))
                    .col(text("key_id"))
                    .col(blob("nonce"))
                    .col(blob("ciphertext"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("credential_connection")
                            .from("credential", ("organization_id", "connection_id"))
                            .to("connection", ("organization_id", "id")),
                    )
                    .index(
                        Index::create()
                            .unique()
                            .name("credential_organization_connection")
                            .col("organization_id")
                            .col("connection_id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("credential_session")
                    .col(pk_uuid("connection_id"))
                    .col(uuid("organization_id"))
                    .col(big_integer("version"))
                    .col(big_integer("credential_version"))
                    .col(text("key_id"))
                    .col(blob("nonce"))
                    .col(blob("ciphertext"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    // Wiping the credentials wipes what was made from them.
                    .foreign_key(
                        ForeignKey::create()
                            .name("credential_session_credential")
                            .from("credential_session", ("organization_id", "connection_id"))
                            .to("credential", ("organization_id", "connection_id"))
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("credential_session").to_owned())
            .await?;
        manager.drop_table(Table::drop().table("credential").to_owned()).await
    }
}
