//! Single records: what is made, changed and deleted with Tryton's own client is read back at once, with its relations.

use serde_json::{Value, json};

use super::{Stage, changing, plain, same_moment};

const NESTED: &str = "query($filter: PurchaseOrderFilter) { purchaseOrders(filter: $filter) { totalCount
    nodes { id remoteId number reference description status statusInfo { code } orderDate notes createdAt updatedAt isDeleted
      currency netTotal { amount currency } grossTotal { amount currency } raw
      vendor { id remoteId number name emails addresses { lines city postalCode } }
      lines { remoteId description type quantity { value uomCode } unitPrice { amount currency } lineTotal { amount currency }
        item { id sku name type status baseUomCode standardCost { amount } } } }
    sources { status problems { field message } } } }";

async fn order(stage: &Stage<'_>, reference: &str) -> Value {
    let answer = stage
        .ask(NESTED, json!({ "filter": { "reference": { "eq": reference } } }))
        .await;
    assert_eq!(
        answer.data()["purchaseOrders"]["sources"],
        json!([{ "status": "OK", "problems": [] }])
    );
    let [node] = answer.nodes("purchaseOrders") else {
        panic!("{reference} is not one order: {}", answer.text)
    };
    node.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_order_is_read_back_with_its_vendor_its_lines_and_their_items() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let vendor = stage.new_vendor("V-3001", "Ørsted & Søn \"Ventiler\" 弁");
    let seal = stage.new_item("SEAL-3001", "Mechanical seal Ø 50 µm", "17.3456");
    let ring = stage.new_item("RING-3001", "O-ring 50% NBR", "0.0125");
    let id = stage.new_order(
        "R-3001",
        &vendor,
        "2026-02-28",
        &[(&seal, "3", "1249.5"), (&ring, "12000", "0.0123")],
    );

    let node = order(&stage, "R-3001").await;
    assert_eq!(node["remoteId"], id.to_string());
    assert_eq!(
        (&node["number"], &node["status"], &node["statusInfo"]["code"]),
        (&Value::Null, &json!("DRAFT"), &json!("draft"))
    );
    assert_eq!(
        (&node["description"], &node["orderDate"]),
        (&json!("Order R-3001"), &json!("2026-02-28"))
    );
    assert_eq!(
        (&node["notes"], &node["isDeleted"]),
        (&json!("Ring at gate 4\nAsk for Bo"), &json!(false))
    );
    assert_eq!(node["netTotal"], json!({ "amount": "3896.10", "currency": "EUR" }));
    assert_eq!(node["grossTotal"], json!({ "amount": "3896.10", "currency": "EUR" }));

    let told = &node["vendor"];
    assert_eq!(
        (&told["number"], &told["name"]),
        (&json!("V-3001"), &json!("Ørsted & Søn \"Ventiler\" 弁"))
    );
    assert_eq!(told["emails"], json!(["orders@example.com"]));
    assert_eq!(
        told["addresses"],
        json!([{ "lines": ["Kai 7", "Tor 4"], "city": "Rostock", "postalCode": "18055" }])
    );

    let mut lines = node["lines"].as_array().unwrap().clone();
    lines.sort_by_key(|line| line["item"]["sku"].as_str().unwrap().to_owned());
    let [second, first] = lines.as_slice() else {
        panic!("two lines: {node:#}")
    };
    assert_eq!(
        (plain(&first["quantity"]["value"]), &first["quantity"]["uomCode"]),
        (json!("3"), &json!("u"))
    );
    assert_eq!(first["unitPrice"], json!({ "amount": "1249.5", "currency": "EUR" }));
    assert_eq!(first["lineTotal"], json!({ "amount": "3748.50", "currency": "EUR" }));
    assert_eq!(first["item"]["name"], "Mechanical seal Ø 50 µm");
    assert_eq!(first["item"]["standardCost"]["amount"], "17.3456");
    assert_eq!(
        (
            &first["item"]["type"],
            &first["item"]["status"],
            &first["item"]["baseUomCode"]
        ),
        (&json!("STOCKED"), &json!("ACTIVE"), &json!("u"))
    );
    assert_eq!(plain(&second["quantity"]["value"]), "12000");
    assert_eq!(second["unitPrice"]["amount"], "0.0123");
    assert_eq!(second["lineTotal"]["amount"], "147.60");
    assert_eq!(second["item"]["standardCost"]["amount"], "0.0125");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_followed_through_its_states() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let vendor = stage.new_vendor("V-3002", "States Ltd");
    let item = stage.new_item("STATE-1", "Stateful part", "1");
    let id = stage.new_order("R-3002", &vendor, "2026-03-01", &[(&item, "1", "10")]);
    let mut told = vec![order(&stage, "R-3002").await];
    for button in ["quote", "confirm", "process"] {
        // A confirmed order is processed by itself where nobody asked to wait.
        if button != "process" || told.last().unwrap()["status"] == "APPROVED" {
            stage.click("purchase.purchase", &id, button);
            told.push(order(&stage, "R-3002").await);
        }
    }
    let statuses: Vec<_> = told.iter().map(|node| node["status"].as_str().unwrap()).collect();
    assert_eq!(
        (statuses[0], statuses[1], *statuses.last().unwrap()),
        ("DRAFT", "DRAFT", "SENT"),
        "{statuses:?}"
    );
    let number = stage.only("purchase.purchase", json!([["id", "=", id]]), &["number"])["number"].clone();
    assert!(
        number.is_string() && told[0]["number"].is_null() && told[1]["number"] == number,
        "numbers come with the quotation"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_order_is_found_by_the_time_of_its_change() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let vendor = stage.new_vendor("V-3003", "Changes Ltd");
    let item = stage.new_item("CHANGE-1", "Changing part", "1");
    let changed = stage.new_order("R-3003", &vendor, "2026-03-01", &[(&item, "1", "10")]);
    stage.new_order("R-3004", &vendor, "2026-03-01", &[(&item, "1", "10")]);
    let before = order(&stage, "R-3004").await["updatedAt"].clone();
    assert_eq!(
        order(&stage, "R-3003").await["createdAt"],
        order(&stage, "R-3003").await["updatedAt"],
        "not changed yet"
    );

    stage.change(
        "purchase.purchase",
        &changed,
        json!({ "description": "By rail", "lines": [{ "quantity": "4" }] }),
    );
    let own = stage.only(
        "purchase.purchase",
        json!([["id", "=", changed]]),
        &["write_date", "create_date"],
    );
    let node = order(&stage, "R-3003").await;
    assert_eq!(
        (&node["description"], plain(&node["lines"][0]["quantity"]["value"])),
        (&json!("By rail"), json!("4"))
    );
    assert!(
        same_moment(&node["updatedAt"], &own["write_date"]),
        "{} {own}",
        node["updatedAt"]
    );
    assert!(same_moment(&node["createdAt"], &own["create_date"]));

    let find = async |condition: Value| {
        let filter = json!({ "updatedAt": condition, "reference": { "startsWith": "R-300" }, "vendor": { "eq": node["vendor"]["id"] } });
        let answer = stage.ask(NESTED, json!({ "filter": filter })).await;
        answer.data();
        let mut references: Vec<String> = answer
            .nodes("purchaseOrders")
            .iter()
            .map(|node| node["reference"].as_str().unwrap().to_owned())
            .collect();
        references.sort();
        references
    };
    let after = &node["updatedAt"];
    assert_ne!(&before, after);
    assert_eq!(find(json!({ "gte": before })).await, ["R-3003", "R-3004"]);
    assert_eq!(find(json!({ "gt": before })).await, ["R-3003"]);
    assert_eq!(find(json!({ "gte": after })).await, ["R-3003"]);
    assert!(find(json!({ "gt": after })).await.is_empty());
    assert_eq!(find(json!({ "lt": after })).await, ["R-3004"]);
    assert_eq!(find(json!({ "eq": after })).await, ["R-3003"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_told_place_by_place_after_goods_were_moved() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let item = stage.new_item("MOVE-1", "Moving part", "2.5");
    let place = |domain: Value| stage.only("stock.location", domain, &[])["id"].clone();
    let (rack_a, rack_b) = (place(json!([["code", "=", "RA"]])), place(json!([["code", "=", "RB"]])));
    let unit = stage.only("product.uom", json!([["name", "=", "Unit"]]), &[])["id"].clone();
    let moved = |from: &Value, to: &Value, quantity: &str| {
        let line =
            json!({ "product": item, "unit": unit, "quantity": quantity, "from_location": from, "to_location": to });
        let shipment = json!({ "from_location": from, "to_location": to, "moves": [line] });
        let id = stage.create("stock.shipment.internal", shipment);
        for button in ["wait", "assign_try", "do"] {
            stage.click("stock.shipment.internal", &id, button);
        }
    };
    let id = stage.id_of("inventoryItems", &item).await;
    let text = "query($id: ID!) { inventoryItem(id: $id) { sku stock { location { name code kind } onHand { value } item { id } }
        transactions { type quantity { value uomCode } fromLocation { name } toLocation { name } } } }";
    let stock = async || {
        let answer = stage.ask(text, json!({ "id": id })).await;
        let item = answer.data()["inventoryItem"].clone();
        assert!(
            item["stock"]
                .as_array()
                .unwrap()
                .iter()
                .all(|level| level["item"]["id"] == id)
        );
        let mut levels: Vec<_> = item["stock"]
            .as_array()
            .unwrap()
            .iter()
            .map(|level| (level["location"]["code"].clone(), plain(&level["onHand"]["value"])))
            .collect();
        levels.sort_by_key(|(code, _)| code.to_string());
        let transactions = item["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["type"].clone())
            .collect::<Vec<_>>();
        (json!(levels), json!(transactions))
    };
    assert_eq!(stock().await, (json!([]), json!([])), "nothing yet");
    let counted =
        json!({ "location": rack_a, "lines": [{ "product": item, "quantity": "12", "expected_quantity": "0" }] });
    let count = stage.create("stock.inventory", counted);
    stage.click("stock.inventory", &count, "confirm");
    assert_eq!(stock().await, (json!([["RA", "12"]]), json!(["ADJUSTMENT"])));
    moved(&rack_a, &rack_b, "5");
    assert_eq!(
        stock().await,
        (json!([["RA", "7"], ["RB", "5"]]), json!(["ADJUSTMENT", "TRANSFER"]))
    );
    moved(&rack_a, &rack_b, "7");
    assert_eq!(stock().await.0, json!([["RB", "12"]]), "empty places are not told");
    let done = stage.search("stock.move", &json!([["product", "=", item], ["state", "=", "done"]]));
    assert_eq!(done.len(), stock().await.1.as_array().unwrap().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_work_orders_with_parents_and_hours() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let project = stage.only(
        "project.work",
        json!([["name", "=", "Line 1"], ["type", "=", "project"]]),
        &[],
    )["id"]
        .clone();
    let status = |name: &str| stage.only("project.work.status", json!([["name", "=", name]]), &[])["id"].clone();
    let task = |name: &str, parent: &Value, state: &str| {
        let values = json!({ "name": name, "type": "task", "parent": parent, "effort_duration": 5400, "comment": "Lock out first", "status": status(state) });
        stage.create("project.work", values)
    };
    let main = task("Overhaul pump P-201", &project, "In progress");
    let part = task("Change shaft", &main, "Waiting for crane");
    let text =
        "query($id: ID!) { workOrder(id: $id) { title description status statusInfo { code label } estimatedLaborHours
        updatedAt parent { title } children { remoteId title } } }";

    let told = stage
        .ask(text, json!({ "id": stage.id_of("workOrders", &main).await }))
        .await
        .data()["workOrder"]
        .clone();
    assert_eq!(
        (&told["title"], &told["description"]),
        (&json!("Overhaul pump P-201"), &json!("Lock out first"))
    );
    assert_eq!(
        (&told["status"], &told["statusInfo"]["label"]),
        (&json!("IN_PROGRESS"), &json!("In progress"))
    );
    assert_eq!(
        (plain(&told["estimatedLaborHours"]), &told["parent"]),
        (json!("1.5"), &Value::Null)
    );
    assert_eq!(
        told["children"],
        json!([{ "remoteId": part.to_string(), "title": "Change shaft" }])
    );

    let told = stage
        .ask(text, json!({ "id": stage.id_of("workOrders", &part).await }))
        .await
        .data()["workOrder"]
        .clone();
    assert_eq!(
        (&told["status"], &told["statusInfo"]["label"]),
        (&json!("UNKNOWN"), &json!("Waiting for crane"))
    );
    assert_eq!(
        (&told["parent"]["title"], &told["children"]),
        (&json!("Overhaul pump P-201"), &json!([]))
    );

    stage.change(
        "project.work",
        &main,
        json!({ "status": status("On hold"), "effort_duration": 9000 }),
    );
    let told = stage
        .ask(text, json!({ "id": stage.id_of("workOrders", &main).await }))
        .await
        .data()["workOrder"]
        .clone();
    assert_eq!(
        (&told["status"], plain(&told["estimatedLaborHours"])),
        (&json!("ON_HOLD"), json!("2.5"))
    );
    let list = "{ workOrders(filter: { status: { eq: ON_HOLD } }) { nodes { remoteId } } }";
    let held = stage.ask(list, json!({})).await;
    assert!(
        held.nodes("workOrders")
            .iter()
            .any(|node| node["remoteId"].as_str() == Some(main.to_string().as_str())),
        "{}",
        held.text
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fixed_assets_come_with_price_item_and_state() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let product = stage.only("product.product", json!([["code", "=", "EQ-200"]]), &[])["id"].clone();
    let id = stage.create("account.asset", json!({
        "product": product, "value": "12345.67", "start_date": "2026-01-01", "purchase_date": "2025-12-15", "end_date": "2028-12-31",
        "quantity": "1", "comment": "On skid 4",
    }));
    let text = "query($id: ID!) { asset(id: $id) { number name tag description status statusInfo { code } purchaseDate commissionedAt
        purchasePrice { amount currency } item { remoteId sku name } } }";
    let asset = stage.id_of("assets", &id).await;
    let told = stage.ask(text, json!({ "id": asset })).await.data()["asset"].clone();
    let number = || stage.only("account.asset", json!([["id", "=", id]]), &["number"])["number"].clone();
    assert_eq!(
        (&told["number"], &told["description"]),
        (&number(), &json!("On skid 4"))
    );
    assert_eq!((&told["name"], &told["tag"]), (&json!("Pump P-201"), &json!("EQ-200")));
    assert_eq!(
        told["item"],
        json!({ "remoteId": product.to_string(), "sku": "EQ-200", "name": "Pump P-201" })
    );
    assert_eq!(
        told["purchasePrice"],
        json!({ "amount": "12345.67", "currency": "EUR" })
    );
    assert_eq!(told["purchaseDate"], "2025-12-15");
    assert!(
        told["commissionedAt"].as_str().unwrap().starts_with("2026-01-01"),
        "{told}"
    );
    assert_eq!(
        (&told["status"], &told["statusInfo"]["code"]),
        (&json!("NOT_READY"), &json!("draft"))
    );
    stage.click("account.asset", &id, "create_lines");
    stage.click("account.asset", &id, "run");
    let told = stage.ask(text, json!({ "id": asset })).await.data()["asset"].clone();
    assert_eq!(
        (&told["status"], &told["statusInfo"]["code"]),
        (&json!("OPERATING"), &json!("running"))
    );
    assert!(told["number"].is_string() && told["number"] == number(), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_has_the_row_as_tryton_sends_it() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let vendor = stage.new_vendor("V-3005", "Raw Ltd");
    let item = stage.new_item("RAW-1", "Raw part", "1");
    let id = stage.new_order("R-3005", &vendor, "2026-04-05", &[(&item, "2", "1.5")]);
    let raw = order(&stage, "R-3005").await["raw"].clone();
    assert_eq!(
        (&raw["id"], &raw["party"], &raw["reference"], &raw["state"]),
        (&id, &vendor, &json!("R-3005"), &json!("draft"))
    );
    assert_eq!(
        raw["purchase_date"],
        json!({ "__class__": "date", "year": 2026, "month": 4, "day": 5 })
    );
    assert_eq!(
        raw["total_amount"],
        json!({ "__class__": "Decimal", "decimal": "3.00" })
    );
    assert_eq!(
        (&raw["write_date"], &raw["currency."]["code"]),
        (&Value::Null, &json!("EUR"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_looked_up_by_id_until_they_are_deleted() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let vendor = stage.new_vendor("V-3006", "Short-lived Ltd");
    let item = stage.new_item("GONE-1", "Fleeting part", "1");
    let stays = stage.new_order("R-3006", &vendor, "2026-03-01", &[(&item, "1", "10")]);
    let goes = stage.new_order("R-3007", &vendor, "2026-03-01", &[(&item, "1", "10")]);
    let (stays, gone) = (
        stage.id_of("purchaseOrders", &stays).await,
        stage.id_of("purchaseOrders", &goes).await,
    );
    let text = "query($id: ID!, $ids: [ID!]!) { node(id: $id) { id ... on PurchaseOrder { reference vendor { name } } }
        purchaseOrder(id: $id) { reference lines { item { sku } } } nodes(ids: $ids) { ... on PurchaseOrder { reference } ... on Vendor { name } } }";
    let vendor_id = stage.id_of("vendors", &vendor).await;
    let variables = json!({ "id": gone, "ids": [stays, gone, vendor_id] });

    let answer = stage.ask(text, variables.clone()).await;
    assert_eq!(
        answer.data()["node"],
        json!({ "id": gone, "reference": "R-3007", "vendor": { "name": "Short-lived Ltd" } })
    );
    assert_eq!(
        answer.data()["purchaseOrder"],
        json!({ "reference": "R-3007", "lines": [{ "item": { "sku": "GONE-1" } }] })
    );
    assert_eq!(
        answer.data()["nodes"],
        json!([{ "reference": "R-3006" }, { "reference": "R-3007" }, { "name": "Short-lived Ltd" }])
    );

    stage.click("purchase.purchase", &goes, "cancel");
    stage.delete("purchase.purchase", &goes);
    let answer = stage.ask(text, variables).await;
    assert_eq!(
        (&answer.data()["node"], &answer.data()["purchaseOrder"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        answer.data()["nodes"],
        json!([{ "reference": "R-3006" }, null, { "name": "Short-lived Ltd" }])
    );
    let answer = stage
        .ask(NESTED, json!({ "filter": { "reference": { "eq": "R-3007" } } }))
        .await;
    assert_eq!(answer.data()["purchaseOrders"]["totalCount"], 0);
}
