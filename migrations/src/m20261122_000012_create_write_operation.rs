//! Creates the writes: the idempotency keys, the queue of those that wait, and the log, in one table.

use sea_orm_migration::{prelude::*, schema::*};

use crate::parts::{of_connection, of_organization};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn index(name: &str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table("write_operation").to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        // The log and its filters.
        index("write_operation_organization_id", &["organization_id", "id"]),
        index(
            "write_operation_organization_state",
            &["organization_id", "state", "id"],
        ),
        index(
            "write_operation_organization_actor",
            &["organization_id", "actor_id", "id"],
        ),
        index("write_operation_connection_id", &["connection_id", "id"]),
        index(
            "write_operation_record",
            &["connection_id", "entity", "record_key", "id"],
        ),
        index("write_operation_batch", &["batch_id", "id"]),
        // What the workers look for.
        index("write_operation_state_due", &["state", "due_at"]),
        // What is cleared away, and keys that are set free.
        index("write_operation_created", &["created_at"]),
        index("write_operation_key_created", &["created_at"])
            .and_where(Expr::col("idempotency_key").is_not_null())
            .to_owned(),
        // Whose turn it is. Literals: SQLite takes such an index only for a condition that says the same in words.
        index("write_operation_under_way", &["connection_id", "lane", "id"])
            .and_where(Expr::cust("state IN ('queued', 'running', 'sending')"))
            .to_owned(),
        // Two writes of one record at once: the second claim fails.
        index("write_operation_lane", &["connection_id", "lane"])
            .unique()
            .and_where(Expr::cust("state IN ('running', 'sending')"))
            .to_owned(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("write_operation")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("connection_id"))
                    .col(uuid_null("batch_id"))
                    .col(text("actor_kind"))
                    .col(uuid_null("actor_id"))
                    .col(text_null("actor_name"))
                    .col(text_null("request_id"))
                    .col(text("entity"))
                    .col(text("operation"))
                    .col(text("mode"))
                    // Null once it may be used again.
                    .col(text_null("idempotency_key"))
                    .col(blob("fingerprint"))
                    .col(text("client_reference"))
                    .col(text_null("record_key"))
                    // The record that is written, or the one that it belongs to: what is done to it is done in order.
                    .col(text_null("lane"))
                    .col(text("state"))
                    .col(text_null("step"))
                    // The input, sealed, for as long as the write may still have to be carried out or settled.
                    .col(text_null("key_id"))
                    .col(blob_null("nonce"))
                    .col(blob_null("ciphertext"))
                    .col(json_binary("requests"))
                    .col(json_binary("user_errors"))
                    .col(json_binary("warnings"))
                    .col(text_null("error_code"))
                    .col(text_null("error_message"))
                    .col(text_null("settled_by"))
                    .col(integer("look_ups"))
                    .col(timestamp_with_time_zone_null("due_at"))
                    .col(uuid_null("owner"))
                    .col(timestamp_with_time_zone_null("owned_until"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("sent_at"))
                    .col(timestamp_with_time_zone_null("last_sent_at"))
                    .col(timestamp_with_time_zone_null("none_found_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .foreign_key(&mut of_organization("write_operation"))
                    .foreign_key(&mut of_connection("write_operation"))
                    // Two writes with the same key: the second insert fails.
                    .index(
                        Index::create()
                            .unique()
                            .name("write_operation_key")
                            .col("organization_id")
                            .col("idempotency_key"),
                    )
                    .to_owned(),
            )
            .await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table("connection")
                    .add_column(text("write_mode").default("enabled"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table("connection").drop_column("write_mode").to_owned())
            .await?;
        manager
            .drop_table(Table::drop().table("write_operation").to_owned())
            .await
    }
}
