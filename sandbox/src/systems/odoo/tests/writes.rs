//! Writes as a client does, and checks what is refused.
use serde_json::{Value, json};

use super::super::{LIMITED_KEY, SECOND_KEY};
use super::{API_KEY, Client, client};

impl Client {
    pub(super) async fn one(&self, model: &str, id: u64, fields: Value) -> Value {
        let rows = self.result(model, "read", json!([[id], fields]), json!({})).await;
        rows[0].clone()
    }

    pub(super) async fn make(&self, model: &str, values: Value) -> u64 {
        let id = self.result(model, "create", json!([values]), json!({})).await;
        id.as_u64().unwrap()
    }

    pub(super) async fn refusal(&self, model: &str, method: &str, positional: Value) -> (String, String) {
        self.failure(model, method, positional, json!({})).await
    }

    pub(super) async fn order(&self, lines: Value) -> u64 {
        self.make(
            "purchase.order",
            json!({"partner_id": 101, "origin": "key-1", "order_line": lines}),
        )
        .await
    }
}

#[tokio::test]
async fn an_order_with_lines_is_made_changed_confirmed_and_cancelled() {
    let client = client().await;
    let id = client
        .order(json!([
            [0, 0, {"product_id": 1, "product_qty": 3, "price_unit": 12.34}],
            [0, 0, {"product_id": 2, "product_qty": 2, "price_unit": 10, "discount": 50, "name": "Second"}],
            [0, 0, {"display_type": "line_note", "name": "Mind the step"}],
        ]))
        .await;
    let fields = json!([
        "name",
        "state",
        "origin",
        "amount_total",
        "order_line",
        "write_date",
        "create_date",
        "user_id",
        "date_approve"
    ]);
    let made = client.one("purchase.order", id, fields.clone()).await;
    assert_eq!(made["state"], "draft");
    assert_eq!(made["name"], format!("P{id:05}"));
    assert_eq!(made["origin"], "key-1");
    assert_eq!(made["amount_total"], 47.02);
    assert_eq!(made["user_id"][0], 2);
    assert_eq!(made["write_date"], made["create_date"]);
    let lines: Vec<u64> = made["order_line"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    let line = client
        .one(
            "purchase.order.line",
            lines[1],
            json!(["name", "price_subtotal", "state", "order_id"]),
        )
        .await;
    assert_eq!(
        (&line["name"], &line["price_subtotal"]),
        (&json!("Second"), &json!(10.0))
    );
    assert_eq!(line["order_id"][0], id);

    let commands = json!({"partner_ref": "EXT", "order_line": [[1, lines[0], {"product_qty": 5}], [2, lines[2]]]});
    client
        .result("purchase.order", "write", json!([[id], commands]), json!({}))
        .await;
    let changed = client.one("purchase.order", id, fields.clone()).await;
    assert_eq!(changed["amount_total"], 71.7);
    assert!(changed["write_date"].as_str() > made["write_date"].as_str());
    assert_eq!(changed["order_line"], json!([lines[0], lines[1]]));
    assert_eq!(
        client
            .count(
                "purchase.order",
                json!([["origin", "=", "key-1"], ["partner_ref", "=", "EXT"]])
            )
            .await,
        1
    );

    let confirmed = client
        .result("purchase.order", "button_confirm", json!([[id]]), json!({}))
        .await;
    assert_eq!(confirmed, true);
    let bought = client.one("purchase.order", id, fields.clone()).await;
    assert_eq!(bought["state"], "purchase");
    assert!(bought["date_approve"].is_string());
    let refused = client.refusal("purchase.order", "unlink", json!([[id]])).await;
    assert_eq!(refused.0, "odoo.exceptions.UserError");
    assert!(refused.1.contains("you must cancel it first"));
    let refused = client
        .refusal("purchase.order.line", "unlink", json!([[lines[0]]]))
        .await;
    assert!(refused.1.contains("which is in state “Purchase Order”"), "{refused:?}");

    let cancelled = client
        .execute("purchase.order", "button_cancel", json!([[id]]), json!({}))
        .await;
    assert_eq!(cancelled.get("result"), None, "a method that returns nothing");
    assert_eq!(cancelled.get("error"), None);
    assert_eq!(
        client.one("purchase.order", id, fields.clone()).await["state"],
        "cancel"
    );
    client
        .result("purchase.order", "button_draft", json!([[id]]), json!({}))
        .await;
    assert_eq!(client.one("purchase.order", id, fields.clone()).await["state"], "draft");
    assert_eq!(
        client.refusal("purchase.order", "unlink", json!([[id]])).await.0,
        "odoo.exceptions.UserError"
    );
    client
        .execute("purchase.order", "button_cancel", json!([[id]]), json!({}))
        .await;
    assert_eq!(
        client
            .result("purchase.order", "unlink", json!([[id]]), json!({}))
            .await,
        true
    );
    assert_eq!(
        client.count("purchase.order.line", json!([["id", "in", lines]])).await,
        0
    );
    let gone = client
        .refusal("purchase.order", "write", json!([[id], {"origin": "x"}]))
        .await;
    assert_eq!(gone.0, "odoo.exceptions.MissingError");
    let again = client.order(json!([])).await;
    assert!(again > id, "ids are not used twice");
}

#[tokio::test]
async fn mistakes_are_refused_and_leave_nothing_behind() {
    let client = client().await;
    let orders = client.count("purchase.order", json!([])).await;
    let line = |values: Value| json!([{"partner_id": 101, "order_line": [[0, 0, values]]}]);
    for (values, name, message) in [
        (
            json!([{"partner_ref": "x"}]),
            "odoo.exceptions.ValidationError",
            "Missing required value for the field 'Vendor' (partner_id)",
        ),
        (
            json!([{"partner_id": 999_999}]),
            "odoo.exceptions.MissingError",
            "(Record: res.partner(999999,), User: 2)",
        ),
        (
            json!([{"partner_id": 101, "nope": 1}]),
            "builtins.ValueError",
            "Invalid field 'nope' in 'purchase.order'",
        ),
        (
            json!([{"partner_id": 101, "priority": "7"}]),
            "builtins.ValueError",
            "Wrong value for purchase.order.priority: '7'",
        ),
        (
            json!([{"partner_id": 101, "date_order": "2026-11-20T10:00:00Z"}]),
            "builtins.ValueError",
            "does not match format",
        ),
        (
            line(json!({"product_qty": 1})),
            "odoo.exceptions.ValidationError",
            "Missing required fields on accountable",
        ),
        (
            line(json!({"product_id": 1, "product_qty": "many"})),
            "builtins.ValueError",
            "could not convert string to float: 'many'",
        ),
        (
            line(json!({"product_id": 1, "product_uom": 1})),
            "builtins.ValueError",
            "Invalid field 'product_uom'",
        ),
    ] {
        let refused = client.refusal("purchase.order", "create", values).await;
        assert_eq!(refused.0, name);
        assert!(refused.1.contains(message), "{refused:?}");
    }
    assert_eq!(client.count("purchase.order", json!([])).await, orders);
    let refused = client
        .refusal("purchase.order", "write", json!([[1], {"partner_id": false}]))
        .await;
    assert!(refused.1.contains("'Vendor' (partner_id)"));
    let refused = client.refusal("purchase.order", "button_nope", json!([[1]])).await;
    assert_eq!(refused.0, "builtins.AttributeError");
    let refused = client.refusal("res.partner", "button_confirm", json!([[101]])).await;
    assert_eq!(refused.0, "builtins.AttributeError");
}

#[tokio::test]
async fn large_orders_of_people_who_may_not_approve_wait() {
    let client = client().await;
    let id = client
        .order(json!([[0, 0, {"product_id": 1, "product_qty": 1000, "price_unit": 9}]]))
        .await;
    let path = |method: &str| format!("purchase.order/{method}");
    let (status, answer) = client
        .json2(&path("button_confirm"), SECOND_KEY, json!({"ids": [id]}))
        .await;
    assert_eq!((status, answer), (200, json!(true)));
    let state = async || client.one("purchase.order", id, json!(["state"])).await["state"].clone();
    assert_eq!(state().await, "to approve");
    let (status, answer) = client
        .json2(&path("button_approve"), SECOND_KEY, json!({"ids": [id]}))
        .await;
    assert_eq!(
        (status, answer),
        (200, json!({})),
        "nothing happens, and nothing tells so"
    );
    assert_eq!(state().await, "to approve");
    client
        .json2(&path("button_approve"), API_KEY, json!({"ids": [id]}))
        .await;
    assert_eq!(state().await, "purchase");
    let (status, answer) = client.json2(&path("button_lock"), API_KEY, json!({"ids": [id]})).await;
    assert_eq!((status, answer), (200, Value::Null));
    let (status, answer) = client
        .json2(&path("button_cancel"), API_KEY, json!({"ids": [id]}))
        .await;
    assert_eq!(status, 422);
    assert!(answer["message"].as_str().unwrap().contains("first unlock"));
    client
        .json2(&path("button_unlock"), API_KEY, json!({"ids": [id]}))
        .await;
    client
        .json2(&path("button_cancel"), API_KEY, json!({"ids": [id]}))
        .await;
    assert_eq!(state().await, "cancel");
}

#[tokio::test]
async fn json2_takes_lists_and_answers_with_lists() {
    let client = client().await;
    let (status, ids) = client
        .json2(
            "res.partner/create",
            API_KEY,
            json!({"vals_list": [{"name": "J2", "supplier_rank": 1, "is_company": true}]}),
        )
        .await;
    assert_eq!(status, 200);
    let id = ids[0].as_u64().unwrap();
    let (_, rows) = client
        .json2(
            "res.partner/read",
            API_KEY,
            json!({"ids": [id], "fields": ["name", "supplier_rank", "vat"]}),
        )
        .await;
    assert_eq!(
        rows,
        json!([{"id": id, "name": "J2", "supplier_rank": 1, "vat": false}])
    );
    assert_eq!(
        client
            .json2(
                "res.partner/write",
                API_KEY,
                json!({"ids": [id], "vals": {"active": false}})
            )
            .await,
        (200, json!(true))
    );
    assert_eq!(
        client.json2("res.partner/unlink", API_KEY, json!({"ids": [id]})).await,
        (200, json!(true))
    );
    assert_eq!(
        client
            .json2("res.partner/unlink", API_KEY, json!({"ids": [id]}))
            .await
            .0,
        404
    );
    assert_eq!(
        client
            .json2("res.partner/create", API_KEY, json!({"vals_list": [{"nope": 1}]}))
            .await
            .0,
        500
    );
    assert_eq!(
        client
            .json2("purchase.order/create", API_KEY, json!({"vals_list": [{}]}))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn partners_and_products_keep_what_is_written() {
    let client = client().await;
    let values = json!({
        "name": "Probe & Söhne", "supplier_rank": 1, "ref": "V-9", "vat": "DE9", "street": "Road 1", "zip": "97070",
        "city": "Ulm", "country_id": 3, "comment": "<p>One<br>two</p>", "lang": "de_DE", "x_studio_portal_code": "PC-9",
    });
    let id = client.make("res.partner", values.clone()).await;
    let fields: Vec<&String> = values.as_object().unwrap().keys().collect();
    let row = client.one("res.partner", id, json!(fields)).await;
    for (name, value) in values.as_object().unwrap() {
        let read = if name == "country_id" {
            &row[name][0]
        } else {
            &row[name]
        };
        assert_eq!(read, value, "{name}");
    }
    let world = client.sandbox.world().clone();
    let vendor = world.vendors.last().unwrap();
    assert_eq!(
        (vendor.name.as_str(), vendor.notes.as_str()),
        ("Probe & Söhne", "One\ntwo")
    );
    client
        .result(
            "res.partner",
            "write",
            json!([[id], {"active": false, "city": false}]),
            json!({}),
        )
        .await;
    let row = client.one("res.partner", id, json!(["active", "city"])).await;
    assert_eq!(row, json!({"id": id, "active": false, "city": false}));
    assert_eq!(
        client.count("res.partner", json!([["id", "=", id]])).await,
        0,
        "archived records are hidden"
    );
    assert_eq!(
        client.refusal("res.partner", "create", json!([{"email": "x"}])).await.0,
        "odoo.exceptions.ValidationError"
    );
    let used = client
        .refusal(
            "res.partner",
            "unlink",
            json!([[world.purchase_orders[0].vendor + 100]]),
        )
        .await;
    assert!(used.1.contains("archive it instead"), "{used:?}");

    let product = client
        .make("product.product", json!({"name": "Probe", "default_code": "PRB", "is_storable": true, "standard_price": 4.5, "weight": 2.5, "barcode": "4006381333931"}))
        .await;
    let row = client
        .one(
            "product.product",
            product,
            json!([
                "type",
                "is_storable",
                "standard_price",
                "list_price",
                "weight",
                "barcode",
                "uom_id"
            ]),
        )
        .await;
    assert_eq!(
        (&row["type"], &row["is_storable"], &row["weight"]),
        (&json!("consu"), &json!(true), &json!(2.5))
    );
    assert_eq!(
        (&row["standard_price"], &row["list_price"], &row["uom_id"][0]),
        (&json!(4.5), &json!(1.0), &json!(1))
    );
    assert_eq!(
        client.one("product.template", product, json!(["weight"])).await["weight"],
        2.5
    );
    let twice = client
        .refusal(
            "product.product",
            "create",
            json!([{"name": "Other", "barcode": "4006381333931"}]),
        )
        .await;
    assert!(twice.1.contains("already assigned"));
    client
        .result("product.product", "action_archive", json!([[product]]), json!({}))
        .await;
    assert_eq!(
        client.one("product.product", product, json!(["active"])).await["active"],
        false
    );
    client
        .result("product.product", "unlink", json!([[product]]), json!({}))
        .await;
    assert_eq!(
        client
            .result("product.product", "unlink", json!([[product]]), json!({}))
            .await,
        true
    );
    assert!(
        client
            .refusal("product.product", "unlink", json!([[1]]))
            .await
            .1
            .contains("archive it instead")
    );
}

#[tokio::test]
async fn rights_are_checked_before_anything_is_written() {
    let client = client().await;
    let (status, answer) = client
        .json2("res.partner/create", LIMITED_KEY, json!({"vals_list": [{"name": "x"}]}))
        .await;
    assert_eq!(
        (status, answer["name"].as_str().unwrap()),
        (403, "odoo.exceptions.AccessError")
    );
    let (status, _) = client
        .json2(
            "maintenance.request/create",
            LIMITED_KEY,
            json!({"vals_list": [{"name": "x"}]}),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        client
            .refusal("res.users", "create", json!([{"name": "x", "login": "x"}]))
            .await
            .0,
        "odoo.exceptions.AccessError"
    );
    assert_eq!(
        client.refusal("stock.picking", "unlink", json!([[1]])).await.0,
        "odoo.exceptions.AccessError"
    );
    client.sandbox.deny("Vendor").unwrap();
    assert_eq!(
        client
            .refusal("res.partner", "write", json!([[101], {"name": "x"}]))
            .await
            .0,
        "odoo.exceptions.AccessError"
    );
    let rights = async |model: &str, operation: &str| {
        client
            .result(model, "check_access_rights", json!([operation, false]), json!({}))
            .await
    };
    assert_eq!(rights("res.partner", "write").await, false);
    assert_eq!(rights("purchase.order", "create").await, true);
    assert_eq!(rights("stock.picking", "unlink").await, false);
    let described = client
        .result(
            "purchase.order",
            "fields_get",
            json!([
                ["state", "partner_id", "amount_total"],
                ["readonly", "required", "selection"]
            ]),
            json!({}),
        )
        .await;
    assert_eq!(
        (&described["state"]["readonly"], &described["partner_id"]["required"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(described["amount_total"]["readonly"], true);
    assert_eq!(described["state"]["selection"][0], json!(["draft", "RFQ"]));
}
