//! Trials of writes of purchase orders, receipts, assets, items, companies and counts.

use reqwest::Method;
use serde_json::{Value, json};

use super::{MERGE, PATCH, Trial, failed, href, outcome};

#[tokio::test]
async fn a_purchase_order_changes_until_it_is_approved() {
    let trial = Trial::start().await;
    let lines = json!([
        {"itemnum": "MAT-00100", "orderqty": 4, "unitcost": 2.5, "tax1code": "VAT19"},
        {"linetype": "SERVICE", "description": "Delivery", "orderqty": 1, "unitcost": 10, "orderunit": "EA"},
    ]);
    let body = json!({"vendor": "V-1001", "externalrefid": "key-1", "requireddate": "2026-12-24", "poline": lines});
    let made = trial.create("mxapipo", body).await;
    let address = href(&made).to_owned();
    assert_eq!(
        (&made["status"], &made["pretaxtotal"], &made["totalcost"]),
        (&json!("WAPPR"), &json!(20.0), &json!(21.9))
    );
    assert_eq!(made["poline"][1]["linetype"], "SERVICE");
    assert_eq!(made["poline"][0]["polinenum"], 1);
    let found = trial.find("mxapipo", "externalrefid=\"key-1\"").await;
    assert_eq!(found["ponum"], made["ponum"]);
    trial
        .update(&address, json!({"poline": [{"polinenum": 1, "orderqty": 8}]}))
        .await;
    let row = trial.read(&address).await;
    assert_eq!(
        (&row["pretaxtotal"], row["poline"].as_array().unwrap().len()),
        (&json!(30.0), 2)
    );
    let wrong = json!({"poline": [{"polinenum": 1, "itemnum": "NOSUCH"}]});
    assert_eq!(
        trial.refused(&address, &[PATCH, MERGE], wrong).await,
        failed("BMXAA6819E")
    );
    assert_eq!(
        trial.change_status(&address, json!({"status": "CLOSE"})).await,
        failed("BMXAA4679E")
    );
    assert_eq!(trial.change_status(&address, json!({"status": "APPR"})).await.0, 204);
    let late = trial
        .refused(&address, &[PATCH, MERGE], json!({"externalrefid": "x"}))
        .await;
    assert_eq!(late, failed("BMXAA3889E"));
    let gone = trial.send(Method::DELETE, &address, &[], &Value::Null).await;
    assert_eq!(gone.status(), 400);
    assert_eq!(trial.change_status(&address, json!({"status": "CAN"})).await.0, 204);
    assert_eq!(
        trial.change_status(&address, json!({"status": "APPR"})).await,
        failed("BMXAA4105E")
    );
    let empty = trial.create("mxapipo", json!({"vendor": "V-1001"})).await;
    assert_eq!(
        trial.change_status(href(&empty), json!({"status": "APPR"})).await,
        failed("BMXAA4590E")
    );
    let gone = trial
        .send(
            Method::POST,
            href(&empty),
            &[("x-method-override", "DELETE")],
            &Value::Null,
        )
        .await;
    assert_eq!(gone.status(), 204);
    let missing = trial.send(Method::GET, href(&empty), &[], &Value::Null).await;
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn receipts_move_the_line_the_order_and_the_stock() {
    let trial = Trial::start().await;
    let (item, code) = {
        let world = trial.sandbox.world();
        let item = world.find_item(world.stock_levels[0].item).unwrap();
        (item.id, item.number.clone())
    };
    let stock = || -> rust_decimal::Decimal {
        let world = trial.sandbox.world();
        world
            .stock_levels
            .iter()
            .filter(|level| level.item == item)
            .map(|level| level.on_hand)
            .sum()
    };
    let before = stock();
    let body = json!({"vendor": "V-1001", "poline": [{"itemnum": code, "orderqty": 5}]});
    let order = trial.create("mxapipo", body).await;
    let receipt = |quantity: u32| {
        json!({
            "ponum": order["ponum"], "positeid": order["siteid"], "polinenum": 1, "receiptquantity": quantity,
            "packingslipnum": "PS-7",
        })
    };
    assert_eq!(
        trial.refused("mxapireceipt", &[], receipt(2)).await,
        failed("BMXAA6819E")
    );
    assert_eq!(
        trial.change_status(href(&order), json!({"status": "APPR"})).await.0,
        204
    );
    let made = trial.create("mxapireceipt", receipt(2)).await;
    assert_eq!(
        (&made["quantity"], &made["packingslipnum"]),
        (&json!(2.0), &json!("PS-7"))
    );
    let row = trial.read(href(&order)).await;
    assert_eq!(
        (&row["receipts"], &row["poline"][0]["receivedqty"]),
        (&json!("PARTIAL"), &json!(2.0))
    );
    assert_ne!(row["_rowstamp"], order["_rowstamp"]);
    assert_eq!(stock() - before, 2.into());
    assert_eq!(
        trial.refused("mxapireceipt", &[], receipt(4)).await,
        failed("BMXAA6819E")
    );
    trial.create("mxapireceipt", receipt(3)).await;
    assert_eq!(trial.read(href(&order)).await["receipts"], "COMPLETE");
    let gone = trial.send(Method::DELETE, href(&made), &[], &Value::Null).await;
    assert_eq!(outcome(gone).await, failed("BMXAA1872E"));
}

#[tokio::test]
async fn assets_items_companies_and_places_are_kept() {
    let trial = Trial::start().await;
    let asset = json!({
        "assetnum": "X-900", "description": "Test rig", "serialnum": "S1", "vendor": "V-1001", "status": "MISSING",
        "replacecost": 99.5, "assetspec": [{"assetattrid": "COLOR", "alnvalue": "red"}],
    });
    let asset = trial.create("mxapiasset", asset).await;
    assert_eq!(
        (&asset["status"], &asset["replacecost"], &asset["serialnum"]),
        (&json!("MISSING"), &json!(99.5), &json!("S1"))
    );
    assert_eq!(asset["assetspec"][0]["alnvalue"], "red");
    trial
        .update(href(&asset), json!({"status": "OPERATING", "serialnum": null}))
        .await;
    let row = trial.read(href(&asset)).await;
    assert_eq!((&row["status"], row.get("serialnum")), (&json!("OPERATING"), None));
    assert_eq!(
        trial
            .change_status(href(&asset), json!({"status": "DECOMMISSIONED"}))
            .await
            .0,
        204
    );
    assert_eq!(trial.read(href(&asset)).await["disabled"], true);
    let gone = trial.send(Method::DELETE, href(&asset), &[], &Value::Null).await;
    assert_eq!(gone.status(), 204);
    let pump = trial.find("mxapiasset", "assetnum=\"P-101\"").await;
    let stays = trial.send(Method::DELETE, href(&pump), &[], &Value::Null).await;
    assert_eq!(outcome(stays).await, failed("BMXAA4017E"));

    let item = trial
        .create(
            "mxapiitem",
            json!({"itemnum": "NEW-1", "description": "Gasket", "issueunit": "EA"}),
        )
        .await;
    assert_eq!((&item["status"], &item["lottype"]), (&json!("ACTIVE"), &json!("NOLOT")));
    trial
        .update(href(&item), json!({"status": "OBSOLETE", "capitalized": true}))
        .await;
    let row = trial.read(href(&item)).await;
    assert_eq!(
        (&row["status"], &row["capitalized"]),
        (&json!("OBSOLETE"), &json!(true))
    );
    let room = trial.sandbox.world().storerooms().next().unwrap().code.clone();
    let kept = trial
        .create(
            "mxapiinventory",
            json!({"itemnum": "NEW-1", "location": room, "minlevel": 4}),
        )
        .await;
    assert_eq!((&kept["curbaltotal"], &kept["minlevel"]), (&json!(0.0), &json!(4.0)));
    trial.update(href(&kept), json!({"maxlevel": 40})).await;
    assert_eq!(trial.read(href(&kept)).await["maxlevel"], 40.0);

    let vendor = json!({"company": "v-9", "name": "Nine", "phone": "1", "address2": "Kiel"});
    let vendor = trial.create("mxapivendor", vendor).await;
    assert_eq!(
        (&vendor["company"], &vendor["address2"], &vendor["type"]),
        (&json!("V-9"), &json!("Kiel"), &json!("V"))
    );
    trial
        .update(href(&vendor), json!({"disabled": true, "phone": "2"}))
        .await;
    let row = trial.read(href(&vendor)).await;
    assert_eq!((&row["disabled"], &row["phone"]), (&json!(true), &json!("2")));
    let place = trial
        .create("mxapilocations", json!({"location": "YARD", "description": "Yard"}))
        .await;
    assert_eq!(
        (&place["type"], &place["status"]),
        (&json!("OPERATING"), &json!("OPERATING"))
    );
    let body = json!({"firstname": "A"});
    assert_eq!(trial.refused("mxapiperson", &[], body).await, failed("BMXAA0024E"));
}

#[tokio::test]
async fn meters_only_count_up_and_counts_do_not_move_balances() {
    let trial = Trial::start().await;
    let (number, name, last) = {
        let world = trial.sandbox.world();
        let meter = &world.meters[0];
        let asset = world.find_asset(meter.asset).unwrap().number.clone();
        let last: f64 = meter.readings.last().unwrap().1.to_string().parse().unwrap();
        (asset, super::super::super::rows::places::meter_name(meter), last)
    };
    let reading = |value: f64| json!({"assetnum": number, "metername": name, "reading": value.to_string()});
    let made = trial.create("mxapimeterreading", reading(last + 5.0)).await;
    assert_eq!((&made["metername"], &made["delta"]), (&json!(name), &json!(5.0)));
    assert_eq!(
        trial.refused("mxapimeterreading", &[], reading(last)).await,
        failed("BMXAA6819E")
    );
    let asset = trial.find("mxapiasset", &format!("assetnum=\"{number}\"")).await;
    let meters = json!({"assetmeter": [{"metername": name, "newreading": (last + 9.0).to_string()}]});
    trial.update(href(&asset), meters).await;
    let row = trial.read(href(&asset)).await;
    assert_eq!(
        row["assetmeter"][0]["lastreading"]
            .as_str()
            .unwrap()
            .parse::<f64>()
            .unwrap(),
        last + 9.0
    );
    let balance = trial.find("mxapiinvbal", "invbalancesid=1").await;
    trial.update(href(&balance), json!({"physcnt": 7, "curbal": 7})).await;
    let counted = trial.read(href(&balance)).await;
    assert_eq!(
        (&counted["physcnt"], &counted["reconciled"]),
        (&json!(7.0), &json!(false))
    );
    assert_eq!(counted["curbal"], balance["curbal"]);
}

#[tokio::test]
async fn records_of_the_customers_own_structure_are_written() {
    let trial = Trial::start().await;
    let found = trial.find("mxcalibration", "result=\"FAILED\"").await;
    assert!(found["calibrationnum"].as_str().unwrap().starts_with("CAL-2026-"));
    let body = json!({"calibrationnum": "CAL-NEW", "assetnum": "P-101", "deviation": 0.5, "result": "PASSED"});
    let made = trial.create("mxcalibration", body.clone()).await;
    assert_eq!(
        (&made["assetnum"], &made["result"]),
        (&json!("P-101"), &json!("PASSED"))
    );
    assert_ne!(trial.refused("mxcalibration", &[], body).await.0, 201);
    trial.update(href(&made), json!({"deviation": 0.25})).await;
    assert_eq!(trial.read(href(&made)).await["deviation"], json!(0.25));
    let gone = trial.send(Method::DELETE, href(&made), &[], &Value::Null).await;
    assert_eq!(gone.status(), 204);
    let again = trial.send(Method::GET, href(&made), &[], &Value::Null).await;
    assert_eq!(again.status(), 404);
}
