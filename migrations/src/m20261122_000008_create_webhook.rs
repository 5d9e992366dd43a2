//! Creates the endpoints of webhooks, the secrets that sign, and what is delivered to them with every attempt.

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
                    .table("webhook_endpoint")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid_null("connection_id"))
                    .col(text("url"))
                    .col(text("description"))
                    .col(json_binary_null("kinds"))
                    .col(boolean("ordered"))
                    .col(boolean("enabled"))
                    .col(text_null("disabled_reason"))
                    .col(timestamp_with_time_zone_null("disabled_at"))
                    .col(timestamp_with_time_zone_null("failing_since"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut of_organization("webhook_endpoint"))
                    .foreign_key(&mut of_connection("webhook_endpoint"))
                    .index(
                        Index::create()
                            .unique()
                            .name("webhook_endpoint_organization_id")
                            .col("organization_id")
                            .col("id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_secret")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("endpoint_id"))
                    .col(text("key_id"))
                    .col(blob("nonce"))
                    .col(blob("ciphertext"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .foreign_key(&mut of_endpoint("webhook_secret"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_delivery")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("endpoint_id"))
                    .col(uuid_null("event_id"))
                    .col(uuid_null("connection_id"))
                    .col(big_integer_null("sequence"))
                    .col(text("kind"))
                    .col(text("body"))
                    .col(text("state"))
                    .col(integer("attempts"))
                    .col(timestamp_with_time_zone_null("next_attempt_at"))
                    .col(timestamp_with_time_zone_null("claimed_until"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .foreign_key(&mut of_endpoint("webhook_delivery"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_attempt")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("delivery_id"))
                    .col(integer("number"))
                    .col(timestamp_with_time_zone("started_at"))
                    .col(integer("duration_ms"))
                    .col(integer_null("status"))
                    .col(text_null("error"))
                    .col(json_binary("request_headers"))
                    .col(json_binary_null("response_headers"))
                    .col(text_null("response_body"))
                    .foreign_key(&mut of_organization("webhook_attempt"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("webhook_attempt_delivery")
                            .from("webhook_attempt", "delivery_id")
                            .to("webhook_delivery", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, table, columns) in [
            (
                "webhook_secret_endpoint",
                "webhook_secret",
                &["endpoint_id", "id"] as &[_],
            ),
            (
                "webhook_delivery_due",
                "webhook_delivery",
                &["state", "next_attempt_at", "endpoint_id"],
            ),
            (
                "webhook_delivery_order",
                "webhook_delivery",
                &["endpoint_id", "connection_id", "sequence"],
            ),
            ("webhook_delivery_endpoint", "webhook_delivery", &["endpoint_id", "id"]),
            (
                "webhook_delivery_organization",
                "webhook_delivery",
                &["organization_id", "id"],
            ),
            (
                "webhook_attempt_delivery",
                "webhook_attempt",
                &["delivery_id", "number"],
            ),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "webhook_attempt",
            "webhook_delivery",
            "webhook_secret",
            "webhook_endpoint",
        ] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn of_endpoint(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_endpoint"))
        .from(table, ("organization_id", "endpoint_id"))
        .to("webhook_endpoint", ("organization_id", "id"))
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}
