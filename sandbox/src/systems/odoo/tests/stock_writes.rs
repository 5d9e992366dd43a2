//! Writes maintenance, receipts and counts as a client does.

use serde_json::{Value, json};

use super::client;

#[tokio::test]
async fn requests_move_through_stages() {
    let client = client().await;
    let id = client
        .make("maintenance.request", json!({"name": "Leak", "equipment_id": 2, "maintenance_type": "corrective", "priority": "3", "schedule_date": "2026-12-01 08:00:00"}))
        .await;
    let fields = json!([
        "stage_id",
        "done",
        "close_date",
        "archive",
        "kanban_state",
        "owner_user_id",
        "schedule_date",
        "write_date",
        "maintenance_team_id"
    ]);
    let made = client.one("maintenance.request", id, fields.clone()).await;
    assert_eq!(
        (&made["stage_id"][0], &made["done"], &made["kanban_state"]),
        (&json!(1), &json!(false), &json!("normal"))
    );
    assert_eq!(
        (&made["owner_user_id"][0], &made["schedule_date"]),
        (&json!(2), &json!("2026-12-01 08:00:00"))
    );
    let write = async |values: Value| {
        client
            .result("maintenance.request", "write", json!([[id], values]), json!({}))
            .await;
        client.one("maintenance.request", id, fields.clone()).await
    };
    let row = write(json!({"stage_id": 2, "kanban_state": "blocked"})).await;
    assert_eq!(
        (&row["stage_id"][0], &row["kanban_state"]),
        (&json!(2), &json!("blocked"))
    );
    let row = write(json!({"stage_id": 3})).await;
    assert_eq!(
        (&row["stage_id"][0], &row["done"], &row["kanban_state"]),
        (&json!(3), &json!(true), &json!("normal"))
    );
    assert!(row["close_date"].is_string());
    assert_eq!(write(json!({"stage_id": 6})).await["close_date"], false);
    let row = write(json!({"archive": true})).await;
    assert_eq!((&row["archive"], &row["stage_id"][0]), (&json!(true), &json!(6)));
    assert_eq!(
        client.sandbox.world().work_orders.last().unwrap().status,
        crate::world::WorkStatus::Canceled
    );
    client
        .execute(
            "maintenance.request",
            "reset_equipment_request",
            json!([[id]]),
            json!({}),
        )
        .await;
    let row = client.one("maintenance.request", id, fields.clone()).await;
    assert_eq!((&row["archive"], &row["stage_id"][0]), (&json!(false), &json!(1)));
    assert_eq!(
        client
            .refusal("maintenance.request", "write", json!([[id], {"stage_id": 99}]))
            .await
            .0,
        "odoo.exceptions.MissingError"
    );
    client
        .result("maintenance.request", "unlink", json!([[id]]), json!({}))
        .await;
    assert_eq!(
        client.refusal("maintenance.request", "unlink", json!([[id]])).await.0,
        "odoo.exceptions.MissingError"
    );

    let serial = client.one("maintenance.equipment", 2, json!(["serial_no"])).await["serial_no"].clone();
    let twice = client
        .refusal(
            "maintenance.equipment",
            "create",
            json!([{"name": "Twin", "serial_no": serial}]),
        )
        .await;
    assert!(twice.1.contains("Another asset already exists"));
    let machine = client
        .make(
            "maintenance.equipment",
            json!({"name": "Press", "serial_no": "SN-PROBE", "cost": 12.5, "x_studio_spare_parts": [[6, 0, [1, 2]]]}),
        )
        .await;
    let row = client
        .one(
            "maintenance.equipment",
            machine,
            json!(["cost", "warranty_date", "x_studio_spare_parts", "active"]),
        )
        .await;
    assert_eq!(
        row,
        json!({"id": machine, "cost": 12.5, "warranty_date": false, "x_studio_spare_parts": [1, 2], "active": true})
    );
    assert!(
        client
            .refusal(
                "maintenance.equipment",
                "write",
                json!([[machine], {"location": "Bay 4"}])
            )
            .await
            .1
            .contains("Invalid field 'location'")
    );
    client
        .result(
            "maintenance.equipment",
            "write",
            json!([[machine], {"scrap_date": "2026-11-20", "active": false}]),
            json!({}),
        )
        .await;
    assert_eq!(
        client.sandbox.world().assets.last().unwrap().status,
        crate::world::AssetStatus::Decommissioned
    );
}

#[tokio::test]
async fn goods_come_in_by_the_transfer_of_the_order() {
    let client = client().await;
    let stock = async || {
        client.one("product.product", 1, json!(["qty_available"])).await["qty_available"]
            .as_f64()
            .unwrap()
    };
    let before = stock().await;
    let id = client
        .order(json!([
            [0, 0, {"product_id": 1, "product_qty": 6, "price_unit": 1}],
            [0, 0, {"product_id": 2, "product_qty": 4, "price_unit": 1}],
        ]))
        .await;
    client
        .result("purchase.order", "button_confirm", json!([[id]]), json!({}))
        .await;
    let order = client
        .one("purchase.order", id, json!(["picking_ids", "receipt_status"]))
        .await;
    assert_eq!(order["receipt_status"], "pending");
    let picking = order["picking_ids"][0].as_u64().unwrap();
    let open = client
        .one("stock.picking", picking, json!(["state", "move_ids", "purchase_id"]))
        .await;
    assert_eq!(
        (&open["state"], &open["purchase_id"][0]),
        (&json!("assigned"), &json!(id))
    );
    let moves = open["move_ids"].clone();
    client
        .result(
            "stock.picking",
            "write",
            json!([[picking], {"move_ids": [[1, moves[0], {"quantity": 2, "picked": true}]]}]),
            json!({}),
        )
        .await;
    let asked = client
        .result("stock.picking", "button_validate", json!([[picking]]), json!({}))
        .await;
    assert_eq!(asked["res_model"], "stock.backorder.confirmation");
    assert_eq!(
        client.one("stock.picking", picking, json!(["state"])).await["state"],
        "assigned"
    );
    let context = json!({"context": {"skip_backorder": true}});
    let done = client
        .result("stock.picking", "button_validate", json!([[picking]]), context)
        .await;
    assert_eq!(done, true);
    let row = client
        .one("stock.picking", picking, json!(["state", "move_ids", "date_done"]))
        .await;
    assert_eq!((&row["state"], &row["move_ids"]), (&json!("done"), &json!([moves[0]])));
    assert!((stock().await - before - 2.0).abs() < 0.001);
    let refused = client.refusal("purchase.order", "button_cancel", json!([[id]])).await;
    assert!(refused.1.contains("receipts that are already done"));
    let row = client
        .one(
            "purchase.order",
            id,
            json!(["receipt_status", "picking_ids", "order_line"]),
        )
        .await;
    assert_eq!(row["receipt_status"], "partial");
    let line = row["order_line"][0].clone();
    assert_eq!(
        client
            .one("purchase.order.line", line.as_u64().unwrap(), json!(["qty_received"]))
            .await["qty_received"],
        2.0
    );
    let less = client
        .refusal("purchase.order.line", "write", json!([[line], {"product_qty": 1}]))
        .await;
    assert!(less.1.contains("below the received quantity"));
    let rest = row["picking_ids"][1].as_u64().unwrap();
    assert_ne!(rest, picking);
    client
        .result("stock.picking", "button_validate", json!([[rest]]), json!({}))
        .await;
    assert_eq!(
        client.one("purchase.order", id, json!(["receipt_status"])).await["receipt_status"],
        "full"
    );
    assert!((stock().await - before - 6.0).abs() < 0.001);
}

#[tokio::test]
async fn stock_is_counted_and_applied() {
    let client = client().await;
    let fields = json!(["quantity", "inventory_quantity", "inventory_quantity_set", "write_date"]);
    let before = client.one("stock.quant", 1, fields.clone()).await;
    client
        .result(
            "stock.quant",
            "write",
            json!([[1], {"inventory_quantity": 77.5}]),
            json!({}),
        )
        .await;
    let row = client.one("stock.quant", 1, fields.clone()).await;
    assert_eq!(
        (
            &row["quantity"],
            &row["inventory_quantity"],
            &row["inventory_quantity_set"]
        ),
        (&before["quantity"], &json!(77.5), &json!(true))
    );
    let moves = client.count("stock.move", json!([])).await;
    let applied = client
        .execute("stock.quant", "action_apply_inventory", json!([[1]]), json!({}))
        .await;
    assert_eq!(applied.get("result"), None);
    let row = client.one("stock.quant", 1, fields.clone()).await;
    assert_eq!(
        (&row["quantity"], &row["inventory_quantity_set"]),
        (&json!(77.5), &json!(false))
    );
    assert!(row["write_date"].as_str() > before["write_date"].as_str());
    assert_eq!(client.count("stock.move", json!([])).await, moves + 1);
    let context = json!({"context": {"inventory_mode": true}});
    client
        .result(
            "stock.quant",
            "write",
            json!([[1], {"inventory_quantity_auto_apply": 5}]),
            context,
        )
        .await;
    assert_eq!(client.one("stock.quant", 1, fields.clone()).await["quantity"], 5.0);
    let refused = client
        .refusal("stock.quant", "write", json!([[1], {"quantity": 3}]))
        .await;
    assert!(refused.1.contains("restricted"));
    let place = client.one("stock.quant", 1, json!(["location_id"])).await["location_id"][0].clone();
    let made = client
        .make(
            "stock.quant",
            json!({"product_id": 59, "location_id": place, "inventory_quantity": 3}),
        )
        .await;
    client
        .execute("stock.quant", "action_apply_inventory", json!([[made]]), json!({}))
        .await;
    assert_eq!(client.one("stock.quant", made, fields).await["quantity"], 3.0);
    client
        .result(
            "stock.warehouse.orderpoint",
            "write",
            json!([[1], {"product_min_qty": 12}]),
            json!({}),
        )
        .await;
    assert_eq!(
        client
            .one("stock.warehouse.orderpoint", 1, json!(["product_min_qty"]))
            .await["product_min_qty"],
        12.0
    );
}

#[tokio::test]
async fn stock_moves_by_transfers_that_clients_make() {
    let client = client().await;
    let (level, to, tracked) = {
        let world = client.sandbox.world();
        let is_tracked = |item: u32| world.find_item(item).is_some_and(|item| item.lot_tracked);
        let mut levels = world.stock_levels.iter();
        let level = levels.find(|level| level.lot.is_none() && level.on_hand >= 3.into());
        let level = level.unwrap().clone();
        let here = level.bin.unwrap_or(level.location);
        let mut rooms = world.storerooms().map(|room| room.id);
        let to = rooms.find(|room| *room != here).unwrap();
        let tracked = world.stock_levels.iter().find(|level| is_tracked(level.item));
        (level, to, tracked.unwrap().clone())
    };
    let place = |id: u32| id + 20;
    let from = place(level.bin.unwrap_or(level.location));
    let internal = client
        .result(
            "stock.picking.type",
            "search_read",
            json!([[["code", "=", "internal"]], ["company_id"]]),
            json!({"limit": 1}),
        )
        .await;
    let kind = &internal[0]["id"];
    let line = |item: u32, from: u32, to: u32, quantity: i32| {
        json!({"picking_type_id": kind, "location_id": from, "location_dest_id": to, "origin": "T-1", "move_line_ids": [
            [0, 0, {"product_id": item, "quantity": quantity, "picked": true, "location_id": from, "location_dest_id": to}],
        ]})
    };
    let there = async |place: u32| {
        let found = client
            .result(
                "stock.quant",
                "search_read",
                json!([
                    [["product_id", "=", level.item], ["location_id", "=", place]],
                    ["quantity"]
                ]),
                json!({}),
            )
            .await;
        let rows = found.as_array().unwrap().iter();
        rows.map(|row| row["quantity"].as_f64().unwrap()).sum::<f64>()
    };
    let (before, other) = (there(from).await, there(place(to)).await);
    let picking = client.make("stock.picking", line(level.item, from, place(to), 2)).await;
    let fields = json!(["state", "move_ids", "move_line_ids", "picking_type_code", "name"]);
    let row = client.one("stock.picking", picking, fields.clone()).await;
    assert_eq!(
        (&row["state"], &row["picking_type_code"]),
        (&json!("draft"), &json!("internal"))
    );
    assert!((there(from).await - before).abs() < 0.001, "a draft moves nothing");
    let done = client
        .result("stock.picking", "button_validate", json!([[picking]]), json!({}))
        .await;
    assert_eq!(done, true);
    let row = client.one("stock.picking", picking, fields).await;
    assert_eq!(row["state"], "done");
    let moved = row["move_ids"][0].as_u64().unwrap();
    let fields = json!([
        "reference",
        "origin",
        "location_id",
        "location_dest_id",
        "quantity",
        "state"
    ]);
    let moved = client.one("stock.move", moved, fields.clone()).await;
    assert_eq!((&moved["reference"], &moved["origin"]), (&row["name"], &json!("T-1")));
    assert_eq!(moved["location_dest_id"][0], place(to));
    assert!((there(from).await - before + 2.0).abs() < 0.001);
    assert!((there(place(to)).await - other - 2.0).abs() < 0.001);

    // To the place of production it is used up.
    let picking = client.make("stock.picking", line(level.item, from, 3, 1)).await;
    client
        .result("stock.picking", "button_validate", json!([[picking]]), json!({}))
        .await;
    let row = client.one("stock.picking", picking, json!(["move_ids"])).await;
    let used = client
        .one("stock.move", row["move_ids"][0].as_u64().unwrap(), fields)
        .await;
    assert_eq!(used["location_dest_id"][0], 3);
    assert!((there(from).await - before + 3.0).abs() < 0.001);

    let at = place(tracked.bin.unwrap_or(tracked.location));
    let picking = client.make("stock.picking", line(tracked.item, at, place(to), 1)).await;
    let refused = client
        .refusal("stock.picking", "button_validate", json!([[picking]]))
        .await;
    assert!(refused.1.contains("Lot/Serial"), "{}", refused.1);
    let refused = client
        .refusal(
            "stock.picking",
            "create",
            json!([line(level.item, from, place(to), -1)]),
        )
        .await;
    assert!(refused.1.contains("negative"), "{}", refused.1);
}
