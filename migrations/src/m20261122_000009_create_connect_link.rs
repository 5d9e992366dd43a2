//! Creates the links to the hosted pages, the sign-ins that are under way elsewhere, and the one-time codes.

use sea_orm_migration::{prelude::*, schema::*};

use crate::parts::{of_connection, of_organization};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connect_link")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(blob("hash").unique_key())
                    // Of a reconnect link from the start, of a connect link once it was used.
                    .col(uuid_null("connection_id"))
                    .col(text("purpose"))
                    .col(text_null("customer_external_id"))
                    .col(text_null("customer_name"))
                    .col(json_binary("options"))
                    .col(blob_null("page_hash"))
                    .col(integer("tries"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("opened_at"))
                    .col(timestamp_with_time_zone_null("used_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .foreign_key(&mut of_organization("connect_link"))
                    .foreign_key(&mut of_connection("connect_link"))
                    .index(
                        Index::create()
                            .unique()
                            .name("connect_link_organization_id")
                            .col("organization_id")
                            .col("id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("authorization_flow")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("link_id"))
                    .col(blob("state_hash").unique_key())
                    .col(text("key_id"))
                    .col(blob("nonce"))
                    .col(blob("ciphertext"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("used_at"))
                    .foreign_key(&mut of_link("authorization_flow"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("exchange_code")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("connection_id"))
                    .col(uuid("token_id"))
                    .col(blob("hash").unique_key())
                    // The text of the token, sealed; wiped when the code is used or has expired.
                    .col(text_null("key_id"))
                    .col(blob_null("nonce"))
                    .col(blob_null("ciphertext"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("used_at"))
                    .foreign_key(&mut of_connection("exchange_code"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["exchange_code", "authorization_flow", "connect_link"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn of_link(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_link"))
        .from(table, ("organization_id", "link_id"))
        .to("connect_link", ("organization_id", "id"))
        .to_owned()
}
